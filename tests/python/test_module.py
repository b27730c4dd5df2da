import weakref

import pytest
import wazero

WASM = """
(module $inside
  (memory 2)
  (global (export "g") i32 (i32.const 7))
  (table (export "table") 1 funcref)
  (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
  (func (export "läuft ja") (result i32) i32.const 1)
  (func (export "") (result i32) i32.const 2)
  (func (export "a\\00b") (result i32) i32.const 3))
"""
NAMES = ["g", "table", "add", "läuft ja", "", "a\0b"]


@pytest.fixture
def mod(rt, wat):
    return rt.instantiate(wat(WASM))


def test_exports_as_mapping(mod):
    exports = mod.exports
    assert list(exports) == NAMES
    assert len(exports) == len(NAMES)
    assert "add" in exports and "nope" not in exports and 3 not in exports
    assert exports["läuft ja"]() == 1
    assert exports[""]() == 2
    assert exports["a\0b"]() == 3
    assert getattr(exports, "läuft ja")() == 1
    assert dir(exports) == sorted(NAMES)
    assert repr(exports).startswith("<wazero.Exports: g, table, add")


def test_the_same_object_while_it_lives(mod):
    add = mod.exports.add
    assert mod.exports["add"] is add
    assert mod.exports is mod.exports
    ref = weakref.ref(add)
    del add
    assert ref() is None
    assert mod.exports.add(1, 2) == 3


def test_unknown_names_say_which_exist(mod):
    with pytest.raises(AttributeError, match=r"'inside' has no export 'sub'.*add"):
        _ = mod.exports.sub
    with pytest.raises(KeyError, match=r"no export 'sub'.*add"):
        mod.exports["sub"]
    with pytest.raises(AttributeError, match="no export 'sub'"):
        mod.call("sub")
    with pytest.raises(TypeError):
        mod.exports[3]
    assert not hasattr(mod.exports, "__nothing__")


def test_long_lists_of_names_are_cut(rt, wat):
    functions = "".join(f'(func (export "f{n}"))' for n in range(50))
    mod = rt.instantiate(wat(f"(module {functions})"))
    with pytest.raises(AttributeError, match="f19 and 30 more"):
        _ = mod.exports.nope
    empty = rt.instantiate(wat("(module)"))
    with pytest.raises(AttributeError, match="it exports nothing"):
        _ = empty.exports.nope
    assert list(empty.exports) == []


def test_tables(mod):
    assert "table" in mod.exports
    assert mod.exports["table"] is mod.exports.table
    assert isinstance(mod.exports.table, wazero.Table)


def test_call(mod):
    assert mod.call("add", 5, 7) == 12
    with pytest.raises(TypeError, match="export 'g' is no function"):
        mod.call("g")
    with pytest.raises(TypeError, match="name of a function"):
        mod.call()
    with pytest.raises(TypeError, match="name of a function"):
        mod.call(3)
    with pytest.raises(TypeError, match="takes no keyword argument 'b'"):
        mod.call("add", 1, b=2)


def test_memory_that_is_not_exported(mod, rt, wat):
    assert mod.memory.pages == 2
    assert mod.memory is mod.memory or mod.memory.pages == 2
    bare = rt.instantiate(wat("(module)"))
    with pytest.raises(AttributeError, match="no memory"):
        _ = bare.memory
    assert not hasattr(bare, "memory")


def test_memory_is_the_exported_one(rt, wat):
    mod = rt.instantiate(wat('(module (memory (export "a") (export "b") 1))'))
    memory = mod.memory
    assert mod.exports.a is memory and mod.exports["b"] is memory


def test_attributes(mod, rt, wat):
    assert mod.name == ""
    assert mod.runtime is rt
    assert mod.compiled.wasm == wat(WASM)
    assert not mod.closed
    assert mod.exit_code is None
    assert "'inside'" in repr(mod)


def test_close(mod):
    add, g, memory, exports = mod.exports.add, mod.exports.g, mod.memory, mod.exports
    mod.close(exit_code=5)
    mod.close()
    assert mod.closed
    assert mod.exit_code == 5
    assert "closed" in repr(mod)
    assert "closed" in repr(memory)
    for use in (
        lambda: add(1, 2),
        lambda: mod.call("add", 1, 2),
        lambda: mod.exports.add,
        lambda: mod.memory,
        lambda: g.value,
        lambda: memory[0],
        lambda: len(memory),
        lambda: memory.grow(1),
        lambda: memoryview(memory),
    ):
        with pytest.raises(wazero.ClosedError):
            use()
    assert list(exports) == NAMES
    assert add.type.params == ("i32", "i32")
    assert g.type == ("i32", False)


def test_context_manager(rt, add_wasm):
    with rt.instantiate(add_wasm) as mod:
        assert mod.call("add", 1, 2) == 3
    assert mod.closed and mod.exit_code == 0


def test_closing_in_any_order(add_wasm):
    for order in range(6):
        runtime = wazero.Runtime()
        compiled = runtime.compile(add_wasm)
        mod = compiled.instantiate()
        things = [runtime, compiled, mod]
        for step in range(3):
            things[(order + step * (1 + order % 2)) % 3].close()
        for thing in things:
            thing.close()
            assert thing.closed


def test_start_function_and_start_functions(rt, wat):
    wasm = wat(
        """(module (global $g (mut i32) (i32.const 0)) (export "g" (global $g))
        (func $init (global.set $g (i32.add (global.get $g) (i32.const 1))))
        (start $init)
        (func (export "_start")
          (global.set $g (i32.mul (global.get $g) (i32.const 10))))
        (func (export "more")
          (global.set $g (i32.add (global.get $g) (i32.const 5)))))"""
    )
    assert rt.instantiate(wasm).exports.g.value == 10
    assert rt.instantiate(wasm, start_functions=()).exports.g.value == 1
    assert rt.instantiate(wasm, start_functions=None).exports.g.value == 10
    order = ["more", "_start", "not there"]
    assert rt.instantiate(wasm, start_functions=order).exports.g.value == 60
    with pytest.raises(TypeError, match="start_functions must be a sequence"):
        rt.instantiate(wasm, start_functions="_start")


def test_config_object(rt, wat):
    config = wazero.ModuleConfig(name="configured", start_functions=())
    mod = rt.instantiate(wat("(module)"), config=config)
    assert mod.name == "configured"
    other = rt.instantiate(wat("(module)"), config=config, name="other")
    assert other.name == "other"
    with pytest.raises(TypeError, match=r"config must be a wazero.ModuleConfig"):
        rt.instantiate(wat("(module)"), config=3)


def test_name_of_wrong_type(rt, wat):
    with pytest.raises(TypeError, match="name must be str or None"):
        rt.instantiate(wat("(module)"), name=3)
    with pytest.raises(UnicodeEncodeError):
        rt.instantiate(wat("(module)"), name="\ud800")


def test_weakrefs_and_identity(mod):
    for thing in (mod, mod.runtime, mod.compiled, mod.exports, mod.exports.add):
        assert weakref.ref(thing)() is thing
        assert hash(thing) == hash(thing)
        assert thing == thing
