"""Caches: how much sooner a module is there that was compiled before."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import packages
from measure import Report, at_least, below, readable

ROUNDS = 9

# In a process of its own, in which the engine has been loaded. Prints the seconds.
LOAD = """
import sys, time, wazero
wasm = open(sys.argv[1], "rb").read()
runtime = wazero.Runtime(cache=sys.argv[2])
start = time.perf_counter()
runtime.compile(wasm)
print(time.perf_counter() - start)
"""


def seconds(wasm: Path, cache: Path) -> float:
    command = [sys.executable, "-c", LOAD, str(wasm), str(cache)]
    return float(subprocess.check_output(command))


def loading(report: Report) -> None:
    for name, limit in ("CPython 3.12", 150), ("Graphviz", 150):
        with tempfile.TemporaryDirectory() as folder:
            wasm = Path(folder) / "module.wasm"
            wasm.write_bytes(packages.load(name))
            compiled = min(seconds(wasm, Path(folder) / f"cold{i}") for i in range(2))
            cache = Path(folder) / "cold1"
            took = min(seconds(wasm, cache) for _ in range(ROUNDS))
            size = sum(one.stat().st_size for one in cache.rglob("*") if one.is_file())
        report.heading(
            f"load: {name}, from a cache",
            readable(took),
            below(took * 1e3, limit, " ms"),
        )
        goal = at_least(compiled / took, 20, " times as long")
        report.line("  compiled, and kept", readable(compiled), took / compiled, goal)
        report.line("  size of the file", f"{size / 1e6:.1f} MB")
