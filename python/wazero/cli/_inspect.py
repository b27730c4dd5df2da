"""wazero inspect: what a module declares, as tables for people or as JSON."""

from __future__ import annotations

from wazero._inspect import describe, signature
from wazero._wazero import WazeroError, inspect
from wazero.cli._common import Command, read_wasm
from wazero.cli._text import Failure, answer, quote, visible

TYPE_CHECKING = False  # what type checkers take for True, without importing typing
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from wazero._wazero import Constant, Inspection

# The version of the JSON's form: a number that changes when a field changes or goes.
FORMAT = 1
# What a module may claim to have is longer than anybody reads: of each table so many
# lines are shown, and of each name so many characters.
ROWS = 100
CHARACTERS = 80
LARGEST_FUNCTIONS = 10


def main(args: Sequence[str]) -> int:
    command = Command(
        "inspect", "inspect <options> <path to wasm file, or - for stdin>"
    )
    json = command.flags.switch(
        "json", "Writes JSON, which has all that the tables have, and more."
    )
    everything = command.flags.switch(
        "all",
        f"Shows all lines of tables that have more than {ROWS}, and all functions.",
    )
    path, *rest = command.operands(args)
    more = command.flags.parse(rest)  # flags may come behind the path, too
    if more:
        raise Failure(f"error: unexpected argument {quote(more[0])}")
    wasm = read_wasm(path, stdin=True)
    try:
        info = inspect(wasm)
    except WazeroError as error:
        message = visible(str(error))
        raise Failure(f"error inspecting wasm binary: {message}") from None
    if json.value:
        answer(_json(path, wasm, info))
    else:
        answer("".join(_tables(path, wasm, info, everything.value)))
    return 0


def _json(path: str, wasm: bytes, info: Inspection) -> str:
    from json import dumps

    top = {"format": FORMAT, "file": path, "size": len(wasm)}
    features = {"target_features": target_features(info)}
    # DEL is the one character that cannot be seen which JSON does not escape.
    return dumps(top | features | info.to_dict()).replace("\x7f", "\\u007f") + "\n"


def target_features(info: Inspection) -> list[str] | None:
    """What the compiler said that it used: "+simd128"; None if it said nothing."""
    for section in info.custom_sections:
        if section.name == "target_features":
            try:
                return list(_read_features(section.data))
            except (IndexError, UnicodeDecodeError):
                return None
    return None


def _read_features(data: bytes) -> Iterator[str]:
    count, at = _read_number(data, 0)
    for _ in range(count):
        prefix = chr(data[at])
        size, at = _read_number(data, at + 1)
        data[at + size - 1]  # or the section ends before
        yield prefix + data[at : at + size].decode()
        at += size


def _read_number(data: bytes, at: int) -> tuple[int, int]:
    """A number in LEB128, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80 or shift > 28:
            return value, at


# ---- tables --------------------------------------------------------------------------


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + "..."


def _name(text: str) -> str:
    """A name as it is, or quoted where that could be taken for something else."""
    text = _cut(text, CHARACTERS)
    plain = text.isprintable() and text and not set(text) & set(' "\\')
    return text if plain else quote(text)


def _bytes(count: int) -> str:
    return "1 byte" if count == 1 else f"{count:,} bytes"


def _constant(constant: Constant | None) -> str:
    if constant is None:
        return ""
    value = constant.value
    if value is None:
        return constant.op
    return f"{constant.op} {value.hex() if isinstance(value, bytes) else value}"


def _origin(item: Any) -> str:
    """Where a definition comes from, and the names that it is exported by."""
    words = []
    if item.import_module is not None:
        words.append(f"import {_name(item.import_module)}.{_name(item.import_name)}")
    shown = item.export_names[:3]
    words += [f"export {_name(name)}" for name in shown]
    if len(item.export_names) > len(shown):
        words.append(f"and {len(item.export_names) - len(shown)} more exports")
    return ", ".join(words)


class _Table:
    """Rows of columns, as wide as the longest text in each."""

    def __init__(self, title: str, right: Iterable[int] = ()) -> None:
        self._title = title
        self._right = set(right)

    def lines(self, rows: Sequence[Any], row: Any, limit: int | None) -> Iterator[str]:
        """The lines of at most `limit` rows, each made by row(item); none if empty."""
        if not rows:
            return
        cells = [
            tuple(_cut(str(cell), 2 * CHARACTERS) for cell in row(item))
            for item in rows[:limit]
        ]
        widths = [
            min(max(map(len, column)), CHARACTERS)
            for column in zip(*cells, strict=True)
        ]
        yield f"\n{self._title} ({len(rows):,})\n"
        for line in cells:
            text = "  ".join(
                cell.rjust(width) if number in self._right else cell.ljust(width)
                for number, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            yield f"  {text}".rstrip() + "\n"
        if len(cells) < len(rows):
            yield f"  ... and {len(rows) - len(cells):,} more (-all, -json)\n"


def _tables(
    path: str, wasm: bytes, info: Inspection, everything: bool
) -> Iterator[str]:
    limit = None if everything else ROWS
    name = f"module {_name(info.name)}, " if info.name else ""
    yield f"{visible(path)}: {name}{_bytes(len(wasm))}\n"
    if info.start is not None:
        yield f"start function: {_function_name(info, info.start)}\n"
    if features := target_features(info):
        shown = ", ".join(_name(feature) for feature in features[:ROWS])
        yield f"features that its compiler names: {shown}\n"
    yield from _Table("imports").lines(
        info.imports,
        lambda one: (
            one.kind,
            f"{_name(one.module)}.{_name(one.name)}",
            describe(one.kind, one.type),
        ),
        limit,
    )
    yield from _Table("exports").lines(
        info.exports,
        lambda one: (one.kind, _name(one.name), describe(one.kind, one.type)),
        limit,
    )
    yield from _Table("types", [0]).lines(
        [*enumerate(info.types)],
        lambda one: (one[0], signature(one[1].params, one[1].results)),
        limit,
    )
    yield from _functions(info, everything)
    yield from _Table("memories", [0]).lines(
        info.memories,
        lambda one: (one.index, describe("memory", one.type), _origin(one)),
        limit,
    )
    yield from _Table("tables", [0]).lines(
        info.tables,
        lambda one: (one.index, describe("table", one.type), _origin(one)),
        limit,
    )
    yield from _Table("globals", [0]).lines(
        info.globals,
        lambda one: (
            one.index,
            describe("global", one.type),
            _constant(one.init),
            _origin(one),
        ),
        limit,
    )
    yield from _Table("tags", [0]).lines(
        info.tags,
        lambda one: (one.index, describe("tag", one.type), _origin(one)),
        limit,
    )
    yield from _segments(info, limit)
    yield from _Table("sections", [1, 3]).lines(
        info.sections,
        lambda one: (
            f"custom {_name(one.name)}" if one.id == 0 else one.name,
            f"{one.size:,}",
            "bytes at",
            f"{one.offset:,}",
        ),
        limit,
    )
    yield from _names(info)


def _function_name(info: Inspection, index: int) -> str:
    name = info.functions[index].name
    return f"{index} ({_name(name)})" if name else str(index)


def _functions(info: Inspection, everything: bool) -> Iterator[str]:
    """All functions, or the largest ones; imports are listed as such."""
    own = [one for one in info.functions if one.import_module is None]
    code = sum(one.code_size for one in own)
    title = f"functions, {_bytes(code)} of code"
    rows = own
    if not everything and len(own) > LARGEST_FUNCTIONS:
        largest = sorted(own, key=lambda one: one.code_size, reverse=True)
        rows = largest[:LARGEST_FUNCTIONS]
        title = f"{len(own):,} {title}; the largest"
    yield from _Table(title, [0, 1]).lines(
        rows,
        lambda one: (
            one.index,
            f"{one.code_size:,}",
            "bytes",
            _name(one.name) if one.name else "",
            signature(one.params, one.results),
        ),
        None,
    )


def _segments(info: Inspection, limit: int | None) -> Iterator[str]:
    def place(kind: str, target: int | None, one: Any) -> str:
        if target is None:
            return str(one.mode)
        where = _constant(one.expression) if one.offset is None else one.offset
        return f"{kind} {target} at {where}"

    yield from _Table("element segments", [0, 1]).lines(
        info.elements,
        lambda one: (one.index, one.count, one.type, place("table", one.table, one)),
        limit,
    )
    yield from _Table("data segments", [0, 1]).lines(
        info.data,
        lambda one: (
            one.index,
            f"{one.size:,}",
            "bytes",
            place("memory", one.memory, one),
        ),
        limit,
    )


def _names(info: Inspection) -> Iterator[str]:
    names = info.names
    counts = [
        (part, len(getattr(names, part)))
        for part in names.__match_args__
        if part != "module" and getattr(names, part)
    ]
    yield from _Table("names", [1]).lines(counts, lambda one: (one[0], one[1]), None)
