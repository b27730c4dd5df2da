"""Speed and size of wazero, measured in one run on one machine.

    bench.py [NAME...]      the benchmarks whose names contain one of these words

First comes a table beside wasmtime. Each line is the best of several repeats: what the
code can do, not what the machine was busy with. The ratio is wasmtime's time over
wazero's: above 1, wazero is faster. What comes after it, the names of which begin with
"goal-", is measured against goals. There a ratio is the time of the paragraph's first
line over that of its own: below 1, wazero is faster. Nothing here fails for being slow.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import goal_cache
import goal_calls
import goal_compile
import goal_inspect
import goal_instances
import goal_limits
import goal_run
import goal_start
import goal_threads
import goal_wasi
import packages
import wasmtime
import wazero
from measure import Report, best, readable

MODULE = """
(module
  (import "env" "host" (func $host (param i32) (result i32)))
  (memory (export "memory") 257)
  (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))
  (func (export "nothing"))
  (func (export "loop") (param $n i32)
    (loop $next
      (drop (call $host (local.get $n)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))
"""

TINY = """
(module (func (export "add") (param i32 i32) (result i32)
  (i32.add (local.get 0) (local.get 1))))
"""

KIB, MIB = 1024, 1024 * 1024
SIZES = [64 * KIB, 256 * KIB, MIB, 4 * MIB, 16 * MIB]


def line(name: str, ours: float, theirs: float | None, note: str = "") -> None:
    other, ratio = ("", "") if theirs is None else (readable(theirs), theirs / ours)
    print(
        f"{name:<34}{readable(ours):>12}{other:>14}"
        f"{f'{ratio:8.2f}x' if theirs else '':>10}  {note}".rstrip(),
        flush=True,
    )


class Pair:
    """The same module in both runtimes."""

    def __init__(self) -> None:
        wasm = bytes(wasmtime.wat2wasm(MODULE))
        self.runtime = wazero.Runtime()
        self.ours = self.runtime.instantiate(
            wasm, imports={"env": {"host": lambda value: value}}
        )
        engine = wasmtime.Engine()
        self.store = wasmtime.Store(engine)
        i32 = wasmtime.ValType.i32()
        host = wasmtime.Func(
            self.store, wasmtime.FuncType([i32], [i32]), lambda value: value
        )
        instance = wasmtime.Instance(self.store, wasmtime.Module(engine, wasm), [host])
        self.theirs: Any = instance.exports(self.store)


def calls(pair: Pair) -> None:
    store, theirs = pair.store, pair.theirs
    ours_add, theirs_add = pair.ours.exports.add, theirs["add"]
    line(
        "call: add(5, 7)",
        best(lambda: ours_add(5, 7)),
        best(lambda: theirs_add(store, 5, 7)),
        "goal: under 350 ns",
    )
    ours_nothing, theirs_nothing = pair.ours.exports.nothing, theirs["nothing"]
    line(
        "call: nothing()",
        best(lambda: ours_nothing()),
        best(lambda: theirs_nothing(store)),
    )
    module = pair.ours
    line(
        "call: module.call('add', 5, 7)",
        best(lambda: module.call("add", 5, 7)),
        best(lambda: theirs["add"](store, 5, 7)),
    )


def host_calls(pair: Pair) -> None:
    count = 1000
    ours_loop, theirs_loop = pair.ours.exports.loop, pair.theirs["loop"]
    line(
        "host call: Python from wasm",
        best(lambda: ours_loop(count)) / count,
        best(lambda: theirs_loop(pair.store, count)) / count,
    )


def instances() -> None:
    wasm = bytes(wasmtime.wat2wasm(TINY))
    runtime = wazero.Runtime()
    compiled = runtime.compile(wasm)
    engine = wasmtime.Engine()
    module = wasmtime.Module(engine, wasm)

    def theirs() -> None:
        store = wasmtime.Store(engine)
        wasmtime.Instance(store, module, [])

    line(
        "instantiate and close: tiny module",
        best(lambda: runtime.instantiate(compiled).close()),
        best(theirs),
        "goal: under 4 µs",
    )
    fresh = wazero.Runtime()  # a runtime finds what it has compiled and still keeps
    line(
        "compile: tiny module",
        best(lambda: fresh.compile(wasm).close()),
        best(lambda: wasmtime.Module(engine, wasm)),
    )


def compilation() -> None:
    wasm = packages.load("Graphviz")
    runtime = wazero.Runtime()
    engine = wasmtime.Engine()
    line(
        f"compile: graphviz ({len(wasm) / 1e6:.1f} MB)",
        best(lambda: runtime.compile(wasm).close(), repeats=3),
        best(lambda: wasmtime.Module(engine, wasm), repeats=3),
    )


def memory(pair: Pair) -> None:
    plain = memoryview(bytearray(16 * MIB))
    for size in SIZES:
        text = f"{size // MIB} MiB" if size >= MIB else f"{size // KIB} KiB"
        read_and_write(pair, text, size, os.urandom(size), plain)


def read_and_write(
    pair: Pair, text: str, size: int, data: bytes, plain: memoryview
) -> None:
    ours, store, theirs = pair.ours.memory, pair.store, pair.theirs["memory"]
    copy = best(lambda: bytes(plain[:size]))
    took = best(lambda: ours[:size])
    line(
        f"memory: read {text}",
        took,
        best(lambda: theirs.read(store, 0, size)),
        f"bytes(memoryview): {copy / took:.2f}x, {size / took / 1e9:.1f} GB/s",
    )

    def write_plain() -> None:
        plain[:size] = data

    def write_ours() -> None:
        ours[:size] = data

    copy = best(write_plain)
    took = best(write_ours)
    line(
        f"memory: write {text}",
        took,
        best(lambda: theirs.write(store, data, 0)),
        f"memoryview: {copy / took:.2f}x, {size / took / 1e9:.1f} GB/s",
    )


def imports() -> None:
    def run(code: str) -> float:
        """Seconds that code takes in a fresh process, measured inside it."""
        program = (
            "import time; start = time.perf_counter()\n"
            f"{code}\nprint(time.perf_counter() - start)"
        )
        command = [sys.executable, "-c", program]
        return min(float(subprocess.check_output(command)) for _ in range(7))

    line("import", run("import wazero"), run("import wasmtime"))
    line(
        "import and a first runtime",
        run("import wazero; wazero.Runtime()"),
        run("import wasmtime as w; w.Store(w.Engine())"),
    )


def packed_size(name: str) -> float:
    """About what the wheel weighs: the installed files, compressed, in bytes."""
    with TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in importlib.metadata.files(name) or []:
                installed = Path(str(path.locate()))
                if "__pycache__" not in path.parts and installed.is_file():
                    archive.write(installed, str(path))
        return file.tell()


def sizes() -> None:
    ours, theirs = packed_size("wazero") / 1e6, packed_size("wasmtime") / 1e6
    print(
        f"{'size: wheel':<34}{ours:8.2f} MB {theirs:10.2f} MB{theirs / ours:8.2f}x"
        "  goal: under 3.5 MB"
    )


def machine() -> None:
    model = "unknown processor"
    for text in Path("/proc/cpuinfo").read_text().splitlines():
        if text.startswith("model name"):
            model = text.partition(":")[2].strip()
            break
    print(f"{platform.platform()}, {os.cpu_count()} x {model}")
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    print(
        f"Python {platform.python_version()}, wazero for Python {wazero.version()} "
        f"with wazero {wazero.engine_version()}, "
        f"wasmtime {importlib.metadata.version('wasmtime')}; load {load}\n"
    )


def main() -> int:
    pair = Pair()
    report = Report()
    benchmarks: dict[str, Callable[[], None]] = {
        "call": lambda: calls(pair),
        "host": lambda: host_calls(pair),
        "instantiate": instances,
        "compile": compilation,
        "memory": lambda: memory(pair),
        "import": imports,
        "size": sizes,
        "goal-python": lambda: goal_calls.from_python(report),
        "goal-c": lambda: goal_calls.from_c(report),
        "goal-host": lambda: goal_calls.host_calls(report),
        "goal-map": lambda: goal_calls.maps(report),
        "goal-loop": lambda: goal_limits.loop(report),
        "goal-deadlines": lambda: goal_limits.deadlines(report),
        "goal-gil": lambda: goal_threads.beside_python(report),
        "goal-threads": lambda: goal_threads.two_threads(report),
        "goal-instances": lambda: goal_instances.making(report),
        "goal-live": lambda: goal_instances.living(report),
        "goal-compile": lambda: goal_compile.real_modules(report),
        "goal-workers": lambda: goal_compile.workers(report),
        "goal-cache": lambda: goal_cache.loading(report),
        "goal-inspect": lambda: goal_inspect.inspecting(report),
        "goal-start": lambda: goal_start.starting(report),
        "goal-run": lambda: goal_run.runs(report),
        "goal-wasi-empty": lambda: goal_wasi.empty_call(report),
        "goal-wasi-small": lambda: goal_wasi.in_a_small_guest(report),
        "goal-wasi-overlay": lambda: goal_wasi.on_an_overlay(report),
        "goal-wasi-cpython": lambda: goal_wasi.in_cpython(report),
    }
    machine()
    wanted = sys.argv[1:]
    chosen = [
        name
        for name in benchmarks
        if not wanted or any(word in name for word in wanted)
    ]
    if not all(name.startswith("goal-") for name in chosen):
        print(f"{'':<34}{'wazero':>12}{'wasmtime':>14}{'ratio':>10}")
    for name in chosen:
        benchmarks[name]()
    if report.missed:
        print("\ngoals missed:")
        print("\n".join(f"  {text}" for text in report.missed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
