"""Reference counts, cycles and memory: nothing may stay behind, in any order."""

# ruff: noqa: F821 - closures use names that are deleted later: that is what is tested

import contextlib
import gc
import io
import os
import sys
import weakref

import pytest
import wazero

WASM = """
(module
  (import "env" "f" (func $f (result i32)))
  (memory (export "memory") 1)
  (global (export "g") (mut i32) (i32.const 1))
  (func (export "call") (result i32) call $f)
  (func (export "trap") unreachable))
"""


class Thing:
    """Something that can be watched."""


@pytest.fixture
def wasm(wat):
    return wat(WASM)


def watched(*things):
    return [weakref.ref(thing) for thing in things]


def alive(refs):
    return [ref() for ref in refs if ref() is not None]


def test_everything_goes_by_reference_count_alone(wasm):
    gc.disable()
    try:
        runtime = wazero.Runtime()
        compiled = runtime.compile(wasm)
        thing = Thing()
        mod = compiled.instantiate(imports={"env": {"f": lambda thing=thing: 1}})
        function, memory = mod.exports.call, mod.memory
        counter, exports = mod.exports.g, mod.exports
        view = memoryview(memory)
        function()
        refs = watched(
            runtime, compiled, mod, thing, function, memory, counter, exports
        )
        del runtime, compiled, mod, thing, function, counter, exports, memory
        assert len(alive(refs)) == 5  # what the view holds, and the host function
        del view
        assert alive(refs) == []
    finally:
        gc.enable()


@pytest.mark.parametrize("order", range(8))
def test_any_order_of_dropping(wasm, order):
    runtime = wazero.Runtime()
    compiled = runtime.compile(wasm)
    mod = compiled.instantiate(imports={"env": {"f": lambda: 1}})
    things = [runtime, compiled, mod, mod.exports.call, mod.memory, mod.exports.g]
    refs = watched(*things)
    del runtime, compiled, mod
    while things:
        del things[(order * 5) % len(things)]
    assert alive(refs) == []


def test_cycle_through_a_host_closure(rt, wasm, collect):
    thing = Thing()

    def function():
        return thing, mod.exports.call

    mod = rt.instantiate(wasm, imports={"env": {"f": function}})
    refs = watched(mod, thing, function)
    del mod, thing, function
    collect()
    assert alive(refs) == []


def test_cycle_through_exports_held_by_the_closure(rt, wasm, collect):
    kept = []
    mod = rt.instantiate(wasm, imports={"env": {"f": lambda: kept}})
    kept += [mod.exports.call, mod.memory, mod.exports.g, mod.exports]
    refs = watched(mod, *kept)
    del mod, kept
    collect()
    assert alive(refs) == []


def test_cycle_with_a_view(rt, wasm, collect):
    kept = []
    mod = rt.instantiate(wasm, imports={"env": {"f": lambda: kept}})
    kept.append(memoryview(mod.memory))
    ref = weakref.ref(mod)
    del mod, kept
    collect()
    assert ref() is None


def test_cycle_through_streams(rt, wasm, collect):
    class Stream(io.BytesIO):
        pass

    streams = [Stream() for _ in range(3)]
    mod = rt.instantiate(
        wasm,
        imports={"env": {"f": lambda: 1}},
        **dict(zip(("stdin", "stdout", "stderr"), streams, strict=True)),
    )
    for stream in streams:
        stream.mod = mod
    refs = watched(mod, *streams)
    del mod, streams, stream
    collect()
    assert alive(refs) == []


def test_cycle_of_a_named_module(wasm, collect):
    runtime = wazero.Runtime()
    mod = runtime.instantiate(wasm, name="named", imports={"env": {"f": lambda: mod}})
    refs = watched(runtime, mod)
    del runtime, mod
    collect()
    assert alive(refs) == []


def test_cycle_of_a_host_module(collect):
    runtime = wazero.Runtime()
    thing = Thing()
    host = runtime.host_module(
        "env", {"f": wazero.func(lambda: (thing, runtime), [], ["i32"])}
    )
    refs = watched(runtime, host, thing)
    del runtime, host, thing
    collect()
    assert alive(refs) == []


def test_cycle_of_linked_modules(rt, wat, collect):
    source_wasm = wat('(module (table (export "t") 2 funcref))')
    user_wasm = wat(
        """(module (import "s" "t" (table 2 funcref)) (import "env" "f" (func $f))
        (elem (i32.const 0) $f))"""
    )
    source = rt.instantiate(source_wasm)
    users = [
        rt.instantiate(user_wasm, imports={"s": source, "env": {"f": lambda: source}})
        for _ in range(3)
    ]
    refs = watched(source, *users)
    del source, users
    collect()
    assert alive(refs) == []


def test_a_host_function_that_drops_its_own_module(rt, wat, collect):
    """It is called through a table, so that the call does not hold its module."""
    source = rt.instantiate(
        wat(
            """(module (table (export "t") 1 funcref)
            (func (export "go") (param i32) (result i32)
              (call_indirect (param i32) (result i32)
                (local.get 0) (i32.const 0))))"""
        )
    )
    users = [
        rt.instantiate(
            wat(
                """(module (import "s" "t" (table 1 funcref))
                (import "env" "f" (func $f (param i32) (result i32)))
                (elem (i32.const 0) $f))"""
            ),
            imports={"s": source, "env": {"f": lambda value: drop(value)}},
        )
    ]

    def drop(value):
        users[0].close()
        users.clear()
        collect()
        return [value] * 3  # and the label and types of the binding are needed

    with pytest.raises((TypeError, wazero.WazeroError)):
        source.exports.go(7)
    collect()
    with pytest.raises(wazero.WazeroError):
        source.exports.go(7)


def test_closed_module_leaves_the_runtime(rt, wasm):
    mod = rt.instantiate(wasm, name="x", imports={"env": {"f": lambda: 1}})
    ref = weakref.ref(mod)
    mod.close()
    del mod
    assert ref() is None


def test_failed_instances_leave_nothing(rt, wat, wasm, collect):
    thing = Thing()

    def function(thing=thing):
        raise KeyError

    start = wat('(module (import "e" "f" (func $f)) (start $f))')
    with pytest.raises(KeyError):
        rt.instantiate(start, imports={"e": {"f": function}})
    with pytest.raises(wazero.LinkError):
        rt.instantiate(wasm, imports={"env": {"g": function}})
    with pytest.raises(TypeError):
        rt.instantiate(wasm, imports={"env": {"f": function}}, stdout=3)
    refs = watched(function, thing)
    del function, thing
    collect()
    assert alive(refs) == []


def test_exceptions_are_let_go(rt, wasm, collect):
    def function():
        raise KeyError(thing)

    thing = Thing()
    mod = rt.instantiate(wasm, imports={"env": {"f": function}})
    for _ in range(3):
        with contextlib.suppress(KeyError):
            mod.call("call")
    refs = watched(thing)
    del thing, function, mod
    collect()
    assert alive(refs) == []


def test_reference_counts_of_arguments_and_results(rt, wasm):
    big = 10**15
    mod = rt.instantiate(wasm, imports={"env": {"f": lambda: 7}})
    add = mod.exports.call
    before = sys.getrefcount(big), sys.getrefcount(add), sys.getrefcount(mod)
    for _ in range(1000):
        add()
        mod.exports.g.value = 5
        mod.memory[0:3] = b"abc"
        mod.memory.read(0, 3)
        for bad in (
            lambda: add(big),
            lambda: mod.exports.nope,
            lambda: mod.memory.read(big, big),
            lambda: mod.call("trap"),
            lambda: mod.memory.write(0, big),
        ):
            with pytest.raises((TypeError, AttributeError, IndexError, wazero.Trap)):
                bad()
    assert (sys.getrefcount(big), sys.getrefcount(add), sys.getrefcount(mod)) == before


def test_finalizers_do_not_disturb_an_exception(rt, wasm):
    def failing():
        mod = rt.instantiate(wasm, imports={"env": {"f": lambda: 1}})
        mod.exports.call()
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        failing()


def test_weakref_callback_finds_no_dying_function(rt, wasm):
    mod = rt.instantiate(wasm, imports={"env": {"f": lambda: 1}})
    found = []
    function = mod.exports.call
    ref = weakref.ref(function, lambda _: found.append(mod.exports.call))
    del function
    assert ref() is None
    assert found[0]() == 1
    assert mod.exports.call is found[0]


def resident():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def grows(action, count, limit):
    """Whether memory still grows by more than limit after a while."""
    if "WAZERO_SANITIZED" in os.environ:
        limit *= 4  # what is freed stays in AddressSanitizer's quarantine for a while
    for _ in range(count):
        action()
    gc.collect()
    before = resident()
    for _ in range(count):
        action()
    gc.collect()
    return resident() - before > limit


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")
def test_memory_does_not_grow(wasm, wat):
    runtime = wazero.Runtime()
    compiled = runtime.compile(wasm)
    imports = {"env": {"f": lambda: 1}}
    mod = compiled.instantiate(imports=imports)
    failing = compiled.instantiate(imports={"env": {"f": lambda: 1 / 0}})
    junk = wat("(module)") + b"\1"

    def instance():
        module = compiled.instantiate(imports=imports)
        module.exports.call()
        memoryview(module.memory)[0] = 1

    def error():
        for use in (
            lambda: failing.call("call"),
            lambda: mod.call("trap"),
            lambda: runtime.compile(junk),
            lambda: compiled.instantiate(),
        ):
            with pytest.raises((ZeroDivisionError, wazero.WazeroError)):
                use()

    def world():
        with wazero.Runtime() as other:
            other.instantiate(wasm, imports=imports, stdout=io.BytesIO()).call("call")

    megabyte = 1 << 20
    assert not grows(instance, 1500, 12 * megabyte)
    assert not grows(error, 500, 12 * megabyte)
    assert not grows(world, 100, 12 * megabyte)
    runtime.close()
