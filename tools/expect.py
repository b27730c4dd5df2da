"""Runs an example and compares its output with the comment at its end.

    expect.py SOURCE PROGRAM [ARG...]

In a cross build meson says in MESON_EXE_WRAPPER what runs such a program.

The comment is the last one of the source:

    /* Output:
     * 5 + 7 = 12
     */
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path


def expected(source: Path) -> str:
    """The text in the last comment that begins with "Output:"."""
    comments = re.findall(r"/\* Output:\n(.*?)\n? \*/", source.read_text(), re.S)
    if not comments:
        raise SystemExit(f"{source} has no comment that begins with 'Output:'")
    return "".join(
        line.removeprefix(" *").removeprefix(" ") + "\n"
        for line in comments[-1].split("\n")
    )


def main() -> int:
    source, *command = sys.argv[1:]
    command = [*shlex.split(os.environ.get("MESON_EXE_WRAPPER", "")), *command]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    want = expected(Path(source))
    if result.returncode or result.stdout != want:
        print(f"{' '.join(command)}: exit code {result.returncode}; output:")
        print(
            "".join(
                difflib.unified_diff(
                    want.splitlines(True),
                    result.stdout.splitlines(True),
                    f"expected ({source})",
                    "printed",
                )
            )
            or result.stdout
        )
        return 1
    print(result.stdout, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
