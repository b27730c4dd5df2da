"""Flags as Go's package flag reads them, since wazero's command reads its own so.

`-name`, `--name`, `-name=value` and `-name value` are the same but for flags that are
on or off, which take a value behind `=` only. Reading ends at the first argument that
is no flag, or behind `--`. What is wrong is said in Go's words, and ends the command
with 2.
"""

from __future__ import annotations

from wazero.cli._text import complain, quote

TYPE_CHECKING = False  # what type checkers take for True, without importing typing
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn, TypeVar

    _Flag = TypeVar("_Flag", bound="Flag")

_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")

# In nanoseconds. The two characters for "micro" are both in use.
_UNITS = {
    "ns": 1,
    "us": 10**3,
    "\u00b5s": 10**3,
    "\u03bcs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_LARGEST = 2**63 - 1


def parse_bool(text: str) -> bool:
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError("parse error")


def parse_int(text: str) -> int:
    """An integer of 64 bits in Go's syntax, where a leading 0 is octal."""
    digits = text.lstrip("+-")
    plain = digits.isascii() and digits[:1].isdigit() and len(text) - len(digits) < 2
    if not plain or digits[-1].isspace():
        raise ValueError("parse error")
    octal = len(digits) > 1 and digits[0] == "0" and digits[1] in "_01234567"
    try:
        if octal:
            digits = "0o" + digits[1:]
        value = int(digits, 0) * (-1 if text[0] == "-" else 1)
    except ValueError:
        raise ValueError("parse error") from None
    if not -_LARGEST - 1 <= value <= _LARGEST:
        raise ValueError("value out of range")
    return value


def parse_duration(text: str) -> int:
    """Nanoseconds of a duration such as 1h15m30.5s."""
    negative = text[:1] == "-"
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    if not rest:
        raise ValueError("parse error")
    total = 0
    while rest:
        whole, rest = _digits(rest)
        fraction = ""
        if rest.startswith("."):
            fraction, rest = _digits(rest[1:])
        end = 0
        while end < len(rest) and rest[end] != "." and not _is_digit(rest[end]):
            end += 1
        unit, rest = _UNITS.get(rest[:end]), rest[end:]
        if unit is None or not (whole or fraction):
            raise ValueError("parse error")
        total += int(whole or "0") * unit
        if fraction:
            total += int(fraction) * unit // 10 ** len(fraction)
        if total > _LARGEST:
            raise ValueError("parse error")
    return -total if negative else total


def _is_digit(char: str) -> bool:
    return "0" <= char <= "9"


def _digits(text: str) -> tuple[str, str]:
    """The digits that text starts with, and what follows."""
    end = 0
    while end < len(text) and _is_digit(text[end]):
        end += 1
    return text[:end], text[end:]


def format_duration(nanoseconds: int) -> str:
    """The duration as Go writes it: 1m30s, 1.5ms."""
    if nanoseconds < 0:
        return "-" + format_duration(-nanoseconds)
    for name in ("ns", "\u00b5s", "ms"):
        if nanoseconds < _UNITS[name] * 1000:
            return _decimal(nanoseconds, _UNITS[name]) + (name if nanoseconds else "s")
    minutes, seconds = divmod(nanoseconds, _UNITS["m"])
    text = _decimal(seconds, _UNITS["s"]) + "s"
    if minutes:
        hours, minutes = divmod(minutes, 60)
        text = f"{minutes}m{text}"
        if hours:
            text = f"{hours}h{text}"
    return text


def _decimal(value: int, unit: int) -> str:
    whole, fraction = divmod(value, unit)
    if not fraction:
        return str(whole)
    return f"{whole}." + f"{fraction:0{len(str(unit)) - 1}d}".rstrip("0")


class Flag:
    """A flag: its name, what the usage says of it, and how it takes a value."""

    kind = "value"  # what the usage calls the value; "" if it is on or off
    standard = ""  # what the usage says of the value without the flag

    def __init__(self, name: str, usage: str) -> None:
        self.name = name
        self.usage = usage

    def set(self, text: str) -> None:
        """Takes the value; ValueError says what is wrong with it."""
        raise NotImplementedError

    def describe(self) -> str:
        line = f"  -{self.name}" + (f" {self.kind}" if self.kind else "")
        separator = "\t" if len(line) <= 4 else "\n    \t"
        return f"{line}{separator}{self.usage}{self.standard}\n"


class BoolFlag(Flag):
    kind = ""
    value = False

    def set(self, text: str) -> None:
        self.value = parse_bool(text)


class StringFlag(Flag):
    kind = "string"
    value = ""

    def set(self, text: str) -> None:
        self.value = text


class IntFlag(Flag):
    kind = "int"
    standard = " (default 1)"
    value = 1

    def set(self, text: str) -> None:
        self.value = parse_int(text)


class LimitFlag(Flag):
    """A number, or None without the flag."""

    kind = "int"
    value: int | None = None

    def set(self, text: str) -> None:
        self.value = parse_int(text)


class DurationFlag(Flag):
    kind = "duration"
    value = 0  # nanoseconds

    def set(self, text: str) -> None:
        self.value = parse_duration(text)


class ListFlag(Flag):
    """One that may be given more than once."""

    def __init__(self, name: str, usage: str) -> None:
        super().__init__(name, usage)
        self.value: list[str] = []

    def set(self, text: str) -> None:
        self.value.append(text)


class ScopesFlag(ListFlag):
    """Names out of a fixed set, separated by commas."""

    NAMES = ("all", "clock", "filesystem", "memory", "proc", "poll", "random", "sock")

    def set(self, text: str) -> None:
        names = [name for name in text.split(",") if name]
        if any(name not in self.NAMES for name in names):
            raise ValueError("not a log scope")
        self.value += names


class FeaturesFlag(ListFlag):
    """Names of WebAssembly's features, separated by commas."""

    def set(self, text: str) -> None:
        from wazero._wazero import _features

        for name in text.split(","):
            if name == "all":
                self.value += _features
            elif name in _features:
                self.value.append(name)
            elif name:
                raise ValueError(f"there are all, {', '.join(_features)}")


class FlagSet:
    """The flags of a command."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._flags: dict[str, Flag] = {}

    def switch(self, name: str, usage: str) -> BoolFlag:
        return self._add(BoolFlag(name, usage))

    def text(self, name: str, usage: str) -> StringFlag:
        return self._add(StringFlag(name, usage))

    def number(self, name: str, usage: str) -> IntFlag:
        return self._add(IntFlag(name, usage))

    def limit(self, name: str, usage: str) -> LimitFlag:
        return self._add(LimitFlag(name, usage))

    def duration(self, name: str, usage: str) -> DurationFlag:
        return self._add(DurationFlag(name, usage))

    def many(self, name: str, usage: str) -> ListFlag:
        return self._add(ListFlag(name, usage))

    def scopes(self, name: str, usage: str) -> ScopesFlag:
        return self._add(ScopesFlag(name, usage))

    def features(self, name: str, usage: str) -> FeaturesFlag:
        return self._add(FeaturesFlag(name, usage))

    def _add(self, flag: _Flag) -> _Flag:
        self._flags[flag.name] = flag
        return flag

    def defaults(self) -> str:
        """The lines of the usage, one flag after the other."""
        flags = sorted(self._flags.items())
        return "".join(flag.describe() for _, flag in flags)

    def parse(self, args: Sequence[str]) -> list[str]:
        """Takes the flags that args start with, and returns what follows them.

        Raises SystemExit for -help and for what is wrong.
        """
        rest = list(args)
        while rest:
            word = rest[0]
            if len(word) < 2 or word[0] != "-":
                break
            del rest[0]
            if word == "--":
                break
            self._parse_one(word, rest)
        return rest

    def _parse_one(self, word: str, rest: list[str]) -> None:
        text = word[2:] if word.startswith("--") else word[1:]
        if text[:1] in ("", "-", "="):
            self._fail(f"bad flag syntax: {word}")
        name, equals, value = text.partition("=")
        flag = self._flags.get(name)
        if flag is None:
            if name in ("help", "h"):
                self._exit(0)
            self._fail(f"flag provided but not defined: -{name}")
        if isinstance(flag, BoolFlag):
            self._set(flag, value if equals else "true", "boolean value {} for -{}")
            return
        if not equals:
            if not rest:
                self._fail(f"flag needs an argument: -{name}")
            value = rest.pop(0)
        self._set(flag, value, "value {} for flag -{}")

    def _set(self, flag: Flag, value: str, what: str) -> None:
        try:
            flag.set(value)
        except ValueError as error:
            self._fail(f"invalid {what.format(quote(value), flag.name)}: {error}")

    def _fail(self, message: str) -> NoReturn:
        complain(message + "\n")
        self._exit(2)

    def _exit(self, code: int) -> NoReturn:
        complain(f"Usage of {self.name}:\n{self.defaults()}")
        raise SystemExit(code)
