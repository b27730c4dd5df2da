"""A small WASI program, from its bytes to its output, in one call: wazero.run beside
wasmtime's Python package doing the same, with and without compiling."""

from __future__ import annotations

import tempfile
from pathlib import Path

import wasmtime
import wazero
from measure import Report, best, readable, winners

HELLO = """
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "\\10\\00\\00\\00\\06\\00\\00\\00hello\\n")
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0)))))
"""


def run_wasmtime(
    engine: wasmtime.Engine, module: wasmtime.Module, output: Path
) -> bytes:
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    store = wasmtime.Store(engine)
    config = wasmtime.WasiConfig()
    config.argv = ["wasm"]
    config.stdout_file = str(output)
    store.set_wasi(config)
    start = linker.instantiate(store, module).exports(store)["_start"]
    assert isinstance(start, wasmtime.Func)
    start(store)
    return output.read_bytes()


def runs(report: Report) -> None:
    wasm = bytes(wasmtime.wat2wasm(HELLO))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cache = wazero.CompilationCache(folder / "cache")
        engine = wasmtime.Engine()
        module = wasmtime.Module(engine, wasm)
        serialized = module.serialize()

        def ours(cache: wazero.CompilationCache | None = None) -> None:
            done = wazero.run(wasm, capture_output=True, cache=cache)
            assert done.stdout == b"hello\n"

        def theirs() -> None:
            new = wasmtime.Engine()
            made = wasmtime.Module(new, wasm)
            assert run_wasmtime(new, made, folder / "out") == b"hello\n"

        def theirs_compiled() -> None:
            new = wasmtime.Engine()
            made = wasmtime.Module.deserialize(new, serialized)
            assert run_wasmtime(new, made, folder / "out") == b"hello\n"

        took = winners(
            {
                "wazero": lambda: best(ours, 1),
                "wasmtime": lambda: best(theirs, 1),
                "wazero, cached": lambda: best(lambda: ours(cache), 1),
                "wasmtime, deserialized": lambda: best(theirs_compiled, 1),
            },
            5,
        )
    first = took["wazero"]
    report.heading("wazero.run of a small program", readable(first))
    report.beside("wasmtime, the same", first, took["wasmtime"])
    cached = took["wazero, cached"]
    report.heading("the same, compiled before", readable(cached))
    report.beside("wasmtime, the same", cached, took["wasmtime, deserialized"])
