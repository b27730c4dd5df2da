"""Runs one step of `make demo` and the like: says what it does and how long it took.

    step.py MESSAGE LOG COMMAND [ARG...]

The command's output goes to the file LOG and is shown if it fails. A line every ten
seconds tells that the step goes on.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path


def main() -> int:
    message, log, *command = sys.argv[1:]
    print(f"==> {message} ...", flush=True)
    path = Path(log)
    path.parent.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with path.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        while True:
            try:
                code = process.wait(timeout=10)
                break
            except subprocess.TimeoutExpired:
                print(f"    ... {time.monotonic() - start:.0f} s", flush=True)
    if code:
        sys.stdout.write(path.read_text(errors="replace"))
        print(f"==> {message}: FAILED with exit code {code}; the output is in {path}")
        return 1
    print(f"    done in {time.monotonic() - start:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
