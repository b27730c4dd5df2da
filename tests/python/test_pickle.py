import copy
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
import wazero


def call_in_worker(compiled):
    return compiled.instantiate().call("add", 20, 22)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_compiled(rt, add_wasm, protocol):
    compiled = rt.compile(add_wasm)
    again = pickle.loads(pickle.dumps(compiled, protocol))
    assert again.wasm == add_wasm and again.name == "math"
    assert again.runtime is not rt
    assert again.instantiate().call("add", 1, 2) == 3


def test_options_go_along(wat, tmp_path):
    wasm = wat('(module (memory (export "m") 1))')
    with wazero.Runtime(
        engine="interpreter",
        memory_limit="128KiB",
        table_limit=5,
        features=["tail-call"],
        cache=tmp_path / "cache",
        debug_info=True,
    ) as runtime:
        compiled = runtime.compile(wasm)
        rebuild, (data, options) = compiled.__reduce__()
        again = pickle.loads(pickle.dumps(compiled))
    assert data == wasm
    assert options == {
        "engine": "interpreter",
        "memory_limit": 131072,
        "table_limit": 5,
        "features": int(wazero.Features.V2 | wazero.Features.TAIL_CALL),
        "cache": str(tmp_path / "cache"),
        "debug_info": True,
    }
    assert rebuild(data, options).wasm == wasm
    assert again.__reduce__()[1] == (wasm, options)
    with pytest.raises(wazero.WazeroError):
        again.instantiate().memory.grow(2)


def test_closed_compiled_can_be_pickled(add_wasm):
    runtime = wazero.Runtime()
    compiled = runtime.compile(add_wasm)
    runtime.close()
    again = pickle.loads(pickle.dumps(compiled))
    assert again.instantiate().call("add", 1, 2) == 3


def test_in_another_process(rt, add_wasm):
    compiled = rt.compile(add_wasm)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(call_in_worker, compiled).result(60) == 42


def test_copy(rt, add_wasm):
    assert copy.copy(rt.compile(add_wasm)).instantiate().call("add", 1, 1) == 2


def test_types_and_constants():
    function = wazero.FunctionType((("i32",), ("i64",)))
    for value in (
        function,
        wazero.ImportType(("m", "n", "function", function)),
        wazero.ExportType(("n", "memory", wazero.MemoryType((1, None, False)))),
        wazero.Frame(("m", "f", "()", "")),
        wazero.TrapCode.UNREACHABLE,
        wazero.RuntimeConfig(engine="interpreter"),
        wazero.ModuleConfig(args=["a"]),
        wazero.FSConfig().mount("a", "/"),
    ):
        again = pickle.loads(pickle.dumps(value))
        assert again == value and type(again) is type(value)
    assert pickle.loads(pickle.dumps(wazero.INHERIT)) is wazero.INHERIT
    assert copy.deepcopy(wazero.INHERIT) is wazero.INHERIT


def test_what_cannot_be_pickled(rt, add_wasm):
    mod = rt.instantiate(add_wasm)
    for thing in (rt, mod, mod.exports, mod.exports.add):
        with pytest.raises(TypeError, match="pickle"):
            pickle.dumps(thing)
