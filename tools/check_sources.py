"""Checks what no compiler checks: that meson's lists of files are complete, and that
lines are not too long.

Prints every finding and exits with 1 if there is one.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Where the list stands, below which folder, and what belongs into it.
LISTS = [
    ("lib/meson.build", "lib", ["*.c", "*/*.c", "*/*.S"]),
    ("engine/meson.build", "engine", ["*.go", "go.mod", "go.sum"]),
    ("python/meson.build", "python", ["extension/*.c"]),
    ("python/meson.build", "python", ["wazero/**/*.py", "wazero/**/*.pyi"]),
    ("tests/c/meson.build", "tests/c", ["test_*.c"]),
    ("examples/c/meson.build", "examples/c", ["*.c", "*.cpp"]),
]

WIDTH = 88
WIDE = {".c", ".h", ".py", ".pyi", ".build"}


def incomplete_lists() -> Iterator[str]:
    for build_file, folder, patterns in LISTS:
        text = (ROOT / build_file).read_text(encoding="utf-8")
        named = set(re.findall(r"'([^'\n]+)'", text))
        for pattern in patterns:
            for path in sorted((ROOT / folder).glob(pattern)):
                name = path.relative_to(ROOT / folder).as_posix()
                if name.endswith("_test.go"):
                    continue
                stem = path.stem.removeprefix("test_")
                if not {name, stem} & named:
                    yield f"{build_file} does not list {name}"


def lines() -> Iterator[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    for name in sorted(set(listed.stdout.splitlines())):
        path = ROOT / name
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):  # removed, or not text
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            if path.suffix in WIDE and len(line) > WIDTH:
                yield f"{name}:{number}: {len(line)} columns, more than {WIDTH}"


def main() -> int:
    findings = [*incomplete_lists(), *lines()]
    print("\n".join(findings) or "sources: nothing to complain about")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
