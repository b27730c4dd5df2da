"""Instances: how long making one takes, and many that live at the same time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable

import wasmtime
import wazero
from measure import Report, below, readable, statement, winners

TINY = """
(module (func (export "add") (param i32 i32) (result i32)
  (i32.add (local.get 0) (local.get 1))))
"""

PAGES = """
(module (memory (export "memory") 17) (data (i32.const 0) "some data"))
"""

BATCH = 200
LIVE = 10_000

# Instances that stay, in a process of their own. Prints the seconds and the bytes of
# memory that each one takes.
KEEP = """
import json, os, resource, sys, time

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

def wazero(wasm):
    import wazero
    compiled = wazero.Runtime().compile(wasm)
    return compiled.instantiate

def wasmtime(wasm):
    import wasmtime
    engine = wasmtime.Engine()
    module = wasmtime.Module(engine, wasm)
    def instantiate():
        store = wasmtime.Store(engine)
        return store, wasmtime.Instance(store, module, [])
    return instantiate

instantiate = globals()[sys.argv[1]](bytes.fromhex(sys.argv[2]))
count = int(sys.argv[3])
kept = [instantiate() for _ in range(10)]
before, start = resident(), time.perf_counter()
kept += [instantiate() for _ in range(count)]
took = time.perf_counter() - start
print(json.dumps([took / count, (resident() - before) / count]))
sys.stdout.flush()
os._exit(0)
"""


def in_batches(instantiate: Callable[[], wazero.Module]) -> float:
    """Seconds of instantiating alone: what is made is closed when the clock stands."""
    start = time.perf_counter()
    made = [instantiate() for _ in range(BATCH)]
    took = time.perf_counter() - start
    for module in made:
        module.close()
    return took / BATCH


def making(report: Report) -> None:
    runtime, engine = wazero.Runtime(), wasmtime.Engine()
    for name, text, limit in ("tiny", TINY, 4), ("17 pages, data", PAGES, 30):
        wasm = bytes(wasmtime.wat2wasm(text))
        compiled = runtime.compile(wasm)
        module = wasmtime.Module(engine, wasm)

        def theirs(module: wasmtime.Module = module) -> None:
            wasmtime.Instance(wasmtime.Store(engine), module, [])

        def alone(compiled: wazero.CompiledModule = compiled) -> float:
            return in_batches(compiled.instantiate)

        took = winners(
            {
                "ours": statement("f().close()", f=compiled.instantiate),
                "alone": alone,
                "wasmtime": statement("f()", f=theirs),
            }
        )
        ours = took["ours"]
        goal = below(ours * 1e6, limit, " µs")
        report.heading(f"instantiate and close: {name}", readable(ours), goal)
        report.beside("without closing", ours, took["alone"])
        report.beside("wasmtime, and dropped", ours, took["wasmtime"])


def keep(package: str, wasm: bytes) -> tuple[float, float] | None:
    """Seconds and bytes of each of many instances; None if there cannot be so many."""
    command = [sys.executable, "-c", KEEP, package, wasm.hex(), str(LIVE)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if done.returncode:
        return None
    took, size = json.loads(done.stdout)
    return took, size


def living(report: Report) -> None:
    for name, text in ("tiny", TINY), ("17 pages, data", PAGES):
        wasm = bytes(wasmtime.wat2wasm(text))
        report.heading(f"{LIVE:,} instances that live, each: {name}")
        for package in "wazero", "wasmtime":
            kept = keep(package, wasm)
            if kept:
                report.line(f"  {package}: time", readable(kept[0]))
                report.line(f"  {package}: memory", f"{kept[1] / 1024:.1f} KiB")
            else:
                report.line(f"  {package}: not so many")
