"""Inspecting: what a module imports, exports and declares, without compiling it.

Beside it are wasmtime's ways to learn some of that: its validation tells nothing but
whether a module is valid, and imports and exports it knows of modules it has compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import packages
import wasmtime
import wazero
from measure import Report, below, best, readable, winners

ROUNDS = 5


def listed(wasm: bytes) -> int:
    """Imports and exports with their types."""
    seen = wazero.inspect(wasm)
    imports, exports = seen.imports, seen.exports
    return len([one.type for one in imports]) + len([one.type for one in exports])


def everything(wasm: bytes) -> int:
    """Every definition, segment, section and name."""
    return len(wazero.inspect(wasm).to_dict())


def theirs(module: wasmtime.Module) -> int:
    imports, exports = module.imports, module.exports
    return len([one.type for one in imports]) + len([one.type for one in exports])


def compiled(engine: wasmtime.Engine, wasm: bytes) -> int:
    return theirs(wasmtime.Module(engine, wasm))


def deserialized(engine: wasmtime.Engine, code: bytearray) -> int:
    return theirs(wasmtime.Module.deserialize(engine, code))


def entrant(function: Callable[[], object]) -> Callable[[], float]:
    return lambda: best(function, 1)


def measure(wasm: bytes) -> dict[str, float]:
    engine = wasmtime.Engine()
    code = wasmtime.Module(engine, wasm).serialize()
    assert listed(wasm) == deserialized(engine, code)
    ways: dict[str, Callable[[], object]] = {
        "listed": partial(listed, wasm),
        "everything": partial(everything, wasm),
        "validated": partial(wasmtime.Module.validate, engine, wasm),
        "compiled": partial(compiled, engine, wasm),
        "deserialized": partial(deserialized, engine, code),
    }
    return winners({name: entrant(way) for name, way in ways.items()}, ROUNDS)


def inspecting(report: Report) -> None:
    for name in ("CPython 3.12", "Graphviz"):
        wasm = packages.load(name)
        took = measure(wasm)
        first = took["listed"]
        size = len(wasm) / 1e6
        report.heading(f"inspect: {name} ({size:.1f} MB)", readable(first))
        goal = below(first / took["validated"], 1, " x")
        report.beside("wasmtime, whether it is valid", first, took["validated"], goal)
        goal = below(first / took["compiled"], 0.1, " x")
        report.beside("wasmtime, compiling", first, took["compiled"], goal)
        report.beside("wasmtime, compiled before", first, took["deserialized"])
        report.beside("all that there is, as a dict", first, took["everything"])
