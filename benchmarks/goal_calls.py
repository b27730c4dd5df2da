"""What a call costs: of wasm from Python and from C, of the host from wasm, and one per
element in Function.map."""

from __future__ import annotations

import array
import importlib
import itertools
from collections.abc import Callable
from typing import Any

import native
import numpy
import wasmtime
import wazero
from measure import Report, at_most, below, readable, statement, winners

ADD = """
(module (func (export "add") (param i32 i32) (result i32)
  (i32.add (local.get 0) (local.get 1))))
"""

ELEMENTS = 1_000_000


def pywasm3_add(wasm: bytes) -> Any:
    """The function in pywasm3, which has no types."""
    wasm3: Any = importlib.import_module("wasm3")
    environment = wasm3.Environment()
    runtime = environment.new_runtime(64 * 1024)
    runtime.load(environment.parse_module(wasm))
    return runtime.find_function("add")


def wasmtime_add(wasm: bytes) -> tuple[wasmtime.Store, Any]:
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    instance = wasmtime.Instance(store, wasmtime.Module(engine, wasm), [])
    return store, instance.exports(store)["add"]


def from_python(report: Report) -> None:
    wasm = bytes(wasmtime.wat2wasm(ADD))
    empty: Any = native.empty_module()
    add = wazero.Runtime().instantiate(wasm).exports.add
    store, theirs = wasmtime_add(wasm)
    took = winners(
        {
            "loop": statement("pass"),
            "empty": statement("f(5, 7)", f=empty.add),
            "ours": statement("f(5, 7)", f=add),
            "pywasm3": statement("f(5, 7)", f=pywasm3_add(wasm)),
            "timeout": statement("f(5, 7, timeout=1)", f=add),
            "wasmtime": statement("f(s, 5, 7)", f=theirs, s=store),
        }
    )
    ours, empty_call, loop = took["ours"], took["empty"], took["loop"]
    report.heading("Python: call of add(5, 7)", readable(ours))
    goal = at_most(ours / empty_call, 1.5)
    report.beside("a C function that adds two ints", ours, empty_call, goal)
    report.beside("... both without timeit's loop", ours - loop, empty_call - loop)
    goal = below(ours / took["pywasm3"], 1)
    report.beside("pywasm3", ours, took["pywasm3"], goal)
    report.beside("wasmtime", ours, took["wasmtime"])
    report.beside("add(5, 7, timeout=1)", ours, took["timeout"])
    counts = [empty.instructions(f, 5, 7) for f in (add, empty.add)]
    if counts[0]:
        report.line("  instructions", str(counts[0]))
        report.line("  instructions: the C function", str(counts[1]))


def from_c(report: Report) -> None:
    in_c, in_go = native.program_in_c(), native.program_in_go()
    runs: dict[str, Callable[[], dict[str, float]]] = {
        "direct": lambda: native.results(in_c),
        "through Go": lambda: native.results(in_c, direct=False),
        "go": lambda: native.results(in_go),
    }
    rounds = [{name: run() for name, run in runs.items()} for _ in range(5)]

    def least(program: str, name: str) -> float:
        return min(each[program][name] for each in rounds) / 1e9

    for name, text in ("call", "call of add(5, 7)"), ("host", "host call from wasm"):
        ours, theirs = least("direct", name), least("go", name)
        report.heading(f"C: {text}", readable(ours))
        # There is no goal for host calls from C.
        goal = below(ours / theirs, 1) if name == "call" else None
        report.beside("Go's own, from Go", ours, theirs, goal)
        through_go = least("through Go", name)
        report.beside("through Go (WAZERO_DIRECT=0)", ours, through_go)
        empty = least("direct", "empty" if name == "call" else "host_empty")
        report.beside("a C function that does nothing, from C", ours, empty)
        count = rounds[0]["direct"]["instructions"]
        if name == "call" and count:
            report.line("  instructions", f"{count:.0f}")


def host_calls(report: Report) -> None:
    count = 250  # the guest passes these numbers: ints that exist, as the 5 below does

    def host(value: int) -> int:
        return value

    module = wazero.Runtime().instantiate(
        native.WASM.read_bytes(), imports={"env": {"host": host}}
    )
    empty: Any = native.empty_module()
    from_wasm = statement("f(n)", f=module.exports.call_host_often, n=count)
    from_c = statement("f(host, n)", f=empty.call_often, host=host, n=count)
    took = winners(
        {
            "loop": statement("pass"),
            "python": statement("f(5)", f=host),
            "c": lambda: from_c() / count,
            "ours": lambda: from_wasm() / count,
        }
    )
    ours, python, loop = took["ours"], took["python"], took["loop"]
    report.heading("Python: host call from wasm", readable(ours))
    goal = at_most(ours / python, 2.5)
    report.beside("calling the function from Python", ours, python, goal)
    report.beside("... without timeit's loop", ours, python - loop)
    report.beside("calling the function from C", ours, took["c"])


def maps(report: Report) -> None:
    add = wazero.Runtime().instantiate(bytes(wasmtime.wat2wasm(ADD))).exports.add
    a = numpy.arange(ELEMENTS, dtype="i4")
    b = a[::-1].copy()
    out = numpy.empty_like(a)
    as_array = array.array("i", range(ELEMENTS))

    def each(text: str, **names: object) -> Callable[[], float]:
        run = statement(text, **names)
        return lambda: run() / ELEMENTS

    took = winners(
        {
            "out": each("f(a, b, out=out)", f=add.map, a=a, b=b, out=out),
            "array": each("f(a, 5)", f=add.map, a=as_array),
            "numpy": each("f(a, b, out=out)", f=numpy.add, a=a, b=b, out=out),
            "loop": each(
                "for i in r(None, 1000000): f(5, 7)", f=add, r=itertools.repeat
            ),
        }
    )
    ours = took["out"]
    goal = at_most(ours * 1e9, 15, " ns")
    report.heading("Python: map of 1,000,000 elements, each", readable(ours), goal)
    report.beside("numpy.add", ours, took["numpy"])
    report.beside("map(array, 5), which makes the result", ours, took["array"])
    report.beside("a loop of calls in Python", ours, took["loop"])
