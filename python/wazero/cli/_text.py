"""What is written: errors of one line, and text that a terminal takes for nothing else.

The names in a module, and messages about it, come from anywhere. What is not to be seen
(control characters, marks that turn the direction of writing) is written as Go's %q
writes it. What the user typed comes back as it is, as from wazero's own command.
"""

from __future__ import annotations

import os

_ESCAPES = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


class Failure(Exception):
    """A line for standard error, and the exit code 1."""


def visible(text: str, keep: str = "") -> str:
    """The text with all that cannot be seen escaped, but for the characters in keep."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in keep else _escape(char) for char in text
    )


def _escape(char: str) -> str:
    code = ord(char)
    if char in _ESCAPES:
        return _ESCAPES[char]
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8, as Python keeps it
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    if code < 0x10000:
        return f"\\u{code:04x}"
    return f"\\U{code:08x}"


def quote(text: str) -> str:
    """The text as Go's %q writes it."""
    return '"' + visible(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def complain(text: str) -> None:
    """Writes to standard error: a message, or the usage."""
    try:  # noqa: SIM105  contextlib takes longer to import than all of this
        _write(2, text)
    except OSError:
        pass  # there is nobody to tell


def answer(text: str) -> None:
    """Writes to standard output what the command was asked for."""
    try:
        _write(1, text)
    except OSError as error:
        raise Failure(f"error writing standard output: {reason(error)}") from None


def _write(descriptor: int, text: str) -> None:
    """In UTF-8, as Go's programs write, and at once: Python would try again at its end
    what could not be written."""
    data = text.encode("utf-8", "surrogateescape")
    while data:
        data = data[os.write(descriptor, data) :]


def reason(error: OSError | ValueError) -> str:
    """What the system says, as Go writes it; a path with a NUL it never gets to see."""
    if isinstance(error, ValueError):
        return "invalid argument"
    return (error.strerror or str(error)).lower()
