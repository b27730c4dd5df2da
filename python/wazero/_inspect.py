"""What an Inspection is as text for people and as plain values for JSON."""

from __future__ import annotations

from _collections_abc import Mapping  # which is there, while collections is large

TYPE_CHECKING = False  # what type checkers take for True, without importing typing
if TYPE_CHECKING:
    from typing import Any

    from wazero._wazero import Inspection

_PARTS = (
    "name",
    "start",
    "types",
    "imports",
    "exports",
    "functions",
    "tables",
    "memories",
    "globals",
    "tags",
    "elements",
    "data",
    "sections",
    "custom_sections",
    "names",
)


def _plain(value: Any) -> Any:
    """The same out of dicts, lists, strings, numbers and None; bytes as hex."""
    fields = getattr(value, "__match_args__", None)
    if fields is not None:
        return {field: _plain(getattr(value, field)) for field in fields}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not -float("inf") < value < float("inf"):
        return str(value)  # JSON has no such numbers
    return value


def to_dict(inspection: Inspection) -> dict[str, Any]:
    """All of it but the contents of custom sections."""
    result = {part: _plain(getattr(inspection, part)) for part in _PARTS}
    result["custom_sections"] = [
        {"name": section.name, "offset": section.offset, "size": section.size}
        for section in inspection.custom_sections
    ]
    return result


def signature(params: tuple[str, ...], results: tuple[str, ...]) -> str:
    return f"({', '.join(params)}) -> ({', '.join(results)})"


def describe(kind: str, item: Any) -> str:
    """The type of an import or export in a few words."""
    if kind == "function":
        return signature(item.params, item.results)
    if kind == "global":
        return f"{'mutable ' if item.mutable else ''}{item.value}"
    if kind == "tag":
        return f"({', '.join(item.params)})"
    most = "no maximum" if item.max is None else f"at most {item.max}"
    pages = "page" if item.min == 1 else "pages"
    unit = pages if kind == "memory" else item.element
    shared = ", shared" if kind == "memory" and item.shared else ""
    return f"{item.min} {unit}, {most}{shared}"


def summary(inspection: Inspection) -> str:
    """A few lines for people: what it imports and exports, and how large it is."""
    lines = [f"module {inspection.name!r}" if inspection.name else "module"]
    for title, externs in (
        ("imports", inspection.imports),
        ("exports", inspection.exports),
    ):
        if externs:
            lines.append(f"{title}:")
        for one in externs:
            module = getattr(one, "module", None)
            name = one.name if module is None else f"{module}.{one.name}"
            lines.append(f"  {one.kind} {name}: {describe(one.kind, one.type)}")
    lines.append("sections:")
    lines += [
        f"  {section.name}{' (custom)' if section.id == 0 else ''}: "
        f"{section.size} bytes at {section.offset}"
        for section in inspection.sections
    ]
    return "\n".join(lines)
