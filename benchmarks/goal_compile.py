"""Compiling: real modules on all processors, beside wasmtime, which does the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import packages
import wasmtime
import wazero
from measure import Report, at_most, below, readable, winners

ROUNDS = 2


def once(compile_it: Callable[[], object]) -> float:
    start = time.perf_counter()
    made = compile_it()
    took = time.perf_counter() - start
    del made
    return took


def ours(wasm: bytes, workers: int | None = None) -> float:
    with wazero.Runtime(compilation_workers=workers) as runtime:
        return once(lambda: runtime.compile(wasm))


def theirs(wasm: bytes) -> float:
    engine = wasmtime.Engine()
    return once(lambda: wasmtime.Module(engine, wasm))


def real_modules(report: Report) -> None:
    for name in packages.names():
        wasm = packages.load(name)
        took = winners(
            {"ours": partial(ours, wasm), "wasmtime": partial(theirs, wasm)}, ROUNDS
        )
        seconds = took["ours"]
        report.heading(f"compile: {name} ({len(wasm) / 1e6:.1f} MB)", readable(seconds))
        goal = below(seconds / took["wasmtime"], 1, " x")
        report.beside("wasmtime", seconds, took["wasmtime"], goal)


def workers(report: Report) -> None:
    wasm = packages.load("CPython 3.12")
    took = winners(
        {"all": lambda: ours(wasm), "one": lambda: ours(wasm, workers=1)}, ROUNDS
    )
    seconds = took["all"]
    report.heading("compile: CPython 3.12, all processors", readable(seconds))
    goal = at_most(seconds / took["one"], 0.6, " x")
    report.beside("one worker", seconds, took["one"], goal)
