"""What can be added to a message because Python knows what was meant."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches


def missing_import(message: str, imports: object) -> str | None:
    """What to add to a LinkError: which names were given instead of the one missing."""
    if not isinstance(imports, Mapping) or "not instantiated" not in message:
        return None
    label = message.partition("[")[2].partition("]:")[0]
    for module, group in imports.items():
        if isinstance(module, str) and label.startswith(f"{module}."):
            if not isinstance(group, Mapping):
                return None
            field = label.removeprefix(f"{module}.")
            names = ", ".join(map(repr, group)) or "nothing"
            return f"imports[{module!r}] was given without {field!r}; it has {names}"
    given = [module for module in imports if isinstance(module, str)]
    close = get_close_matches(label.partition(".")[0], given, 1, 0.0)
    return f"imports were given for {given}; is {close[0]!r} meant?" if close else None
