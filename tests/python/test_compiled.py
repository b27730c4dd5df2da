import pytest
import wazero

RICH = """
(module $rich
  (import "env" "f" (func (param i32 i64) (result f64)))
  (import "env" "t" (table 1 2 funcref))
  (import "env" "m" (memory 1 3))
  (import "env" "g" (global i32))
  (func (export "run") (param f32) (result i32 i64) i32.const 1 i64.const 2)
  (table $t2 5 externref)
  (global $mutable (mut f64) (f64.const 1))
  (export "mem" (memory 0))
  (export "tab" (table $t2))
  (export "glob" (global $mutable)))
"""


@pytest.fixture
def compiled(rt, wat):
    return rt.compile(wat(RICH))


def test_imports(compiled):
    function = wazero.FunctionType((("i32", "i64"), ("f64",)))
    assert compiled.imports == (
        ("env", "f", "function", function),
        ("env", "t", "table", ("funcref", 1, 2)),
        ("env", "m", "memory", (1, 3, False)),
        ("env", "g", "global", ("i32", False)),
    )
    first = compiled.imports[0]
    assert isinstance(first, wazero.ImportType)
    assert first.type.params == ("i32", "i64")
    assert compiled.imports is compiled.imports


def test_exports(compiled):
    assert [(e.name, e.kind) for e in compiled.exports] == [
        ("run", "function"),
        ("mem", "memory"),
        ("tab", "table"),
        ("glob", "global"),
    ]
    run, mem, tab, glob = (e.type for e in compiled.exports)
    assert run == wazero.FunctionType((("f32",), ("i32", "i64")))
    assert mem == wazero.MemoryType((1, 3, False))
    assert tab == wazero.TableType(("externref", 5, None))
    assert glob == wazero.GlobalType(("f64", True))


def test_tag(wat):
    wasm = wat('(module (tag (export "e") (param i32 f64)))')
    with wazero.Runtime(features=["exception-handling"]) as runtime:
        (export,) = runtime.compile(wasm).exports
    assert (export.name, export.kind) == ("e", "tag")
    assert export.type == wazero.TagType((("i32", "f64"),))


def test_name_wasm_runtime(compiled, rt, wat):
    assert compiled.name == "rich"
    assert rt.compile(wat("(module)")).name == ""
    assert compiled.wasm == wat(RICH)
    assert compiled.runtime is rt
    assert "'rich'" in repr(compiled)
    assert "4 imports" in repr(compiled)


def test_instantiate_many(rt, add_wasm):
    compiled = rt.compile(add_wasm)
    mods = [compiled.instantiate() for _ in range(50)]
    assert len({id(mod) for mod in mods}) == 50
    assert all(mod.call("add", n, 1) == n + 1 for n, mod in enumerate(mods))
    assert mods[0].compiled is compiled


def test_close_lets_modules_go_on(rt, add_wasm):
    compiled = rt.compile(add_wasm)
    mod = compiled.instantiate()
    compiled.close()
    compiled.close()
    assert compiled.closed
    assert mod.call("add", 1, 2) == 3
    assert compiled.name == "math"
    assert len(compiled.exports) == 2
    assert compiled.wasm == add_wasm
    for use in (compiled.instantiate, lambda: rt.instantiate(compiled)):
        with pytest.raises(wazero.ClosedError):
            use()
    with pytest.raises(wazero.ClosedError), compiled:
        pass
    assert "closed" in repr(compiled)


def test_context_manager(rt, add_wasm):
    with rt.compile(add_wasm) as compiled:
        assert not compiled.closed
    assert compiled.closed


def test_mutable_input_is_copied(rt, add_wasm):
    data = bytearray(add_wasm)
    compiled = rt.compile(data)
    data[:] = bytes(len(data))
    assert compiled.wasm == add_wasm
    assert compiled.instantiate().call("add", 1, 2) == 3


def test_non_contiguous_buffer_is_refused(rt, add_wasm):
    with pytest.raises(BufferError):
        rt.compile(memoryview(add_wasm)[::2])


def test_not_made_by_hand():
    for cls in (wazero.CompiledModule, wazero.Module, wazero.Function, wazero.Exports):
        with pytest.raises(TypeError, match="cannot create"):
            cls()


def test_arguments(rt, add_wasm):
    compiled = rt.compile(wasm=add_wasm)
    with pytest.raises(TypeError, match=r"compile\(\) misses its argument 'wasm'"):
        rt.compile()
    with pytest.raises(TypeError, match="at most 0 positional arguments"):
        compiled.instantiate("x")
    with pytest.raises(TypeError, match=r"instantiate\(\) has no parameter 'nam'"):
        compiled.instantiate(nam="x")
