"""The command line: how much longer it takes to start than Python itself."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from measure import ROUNDS, Report, below, race, readable

SCRIPT = str(Path(sysconfig.get_path("scripts")) / "wazero")
EMPTY = b"\0asm\1\0\0\0\1\4\1\x60\0\0\3\2\1\0\7\n\1\6_start\0\0\n\4\1\2\0\x0b"
LIMIT = 30  # milliseconds


def entrant(*command: str) -> Callable[[], float]:
    def seconds() -> float:
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start

    return seconds


def starting(report: Report) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "empty.wasm")
        Path(path).write_bytes(EMPTY)
        took = race(
            {
                "python -c pass": entrant(sys.executable, "-c", "pass"),
                "wazero version": entrant(SCRIPT, "version"),
                "wazero run empty.wasm": entrant(SCRIPT, "run", path),
                "wazero inspect empty.wasm": entrant(SCRIPT, "inspect", path),
                "wazero call empty.wasm _start": entrant(
                    SCRIPT, "call", path, "_start"
                ),
                "python -m wazero version": entrant(
                    sys.executable, "-m", "wazero", "version"
                ),
            },
            ROUNDS,
        )
    least = {name: min(seconds) for name, seconds in took.items()}
    subject, *others = least
    report.heading(subject, readable(least[subject]))
    for name in others:
        more = least[name] - least[subject]
        report.line(
            f"  {name}, more than that",
            readable(more),
            goal=below(more * 1e3, LIMIT, " ms"),
        )
