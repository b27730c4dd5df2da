"""Values that are no numbers: vectors, objects and functions; and who keeps what."""

import os
import pathlib
import sys
import threading
import weakref

import pytest
import wazero
from hypothesis import given
from hypothesis import strategies as st

WASM = pathlib.Path(__file__).parent.parent / "wasm"
REFERENCES = (WASM / "references.wasm").read_bytes()
HOST = (WASM / "references_host.wasm").read_bytes()
LINK = (WASM / "references_link.wasm").read_bytes()


class Thing:
    """Something that can be referred to weakly."""


@pytest.fixture(params=["compiler", "interpreter"])
def rt(request):
    with wazero.Runtime(engine=request.param) as runtime:
        yield runtime


@pytest.fixture
def mod(rt):
    return rt.instantiate(REFERENCES)


@pytest.fixture(scope="module")
def shared(shared_rt):
    return shared_rt.instantiate(REFERENCES).exports


# ------------------------------------------------------------------------- vectors


@given(st.binary(min_size=16, max_size=16))
def test_vectors(shared, value):
    for given_value in (value, bytearray(value), memoryview(value)):
        assert shared.reversed(given_value) == value[::-1]
    assert shared.reversed(int.from_bytes(value, "little")) == value[::-1]


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (
            b"",
            ValueError,
            r"reversed\(\) argument 1 \(v128\) must have 16 bytes, not 0",
        ),
        (bytes(17), ValueError, "must have 16 bytes, not 17"),
        (-1, OverflowError, "out of range, which is 0 to 2"),
        (1 << 128, OverflowError, "out of range"),
        (1.5, TypeError, "must be 16 bytes or an integer, not float"),
        ("x" * 16, TypeError, "must be 16 bytes or an integer, not str"),
        (None, TypeError, "must be 16 bytes or an integer, not NoneType"),
    ],
)
def test_no_vectors(mod, value, error, text):
    with pytest.raises(error, match=text):
        mod.exports.reversed(value)


def test_vector_that_raises(mod):
    class Bad:
        def __index__(self):
            raise ZeroDivisionError("from __index__")

    with pytest.raises(ZeroDivisionError, match="from __index__"):
        mod.exports.reversed(Bad())


# ------------------------------------------------------------------------- objects


@pytest.mark.parametrize("value", [0, False, "", 1.5, (), Thing, print, object()])
def test_objects_come_back(mod, value):
    assert mod.exports.same(value) is value
    assert mod.exports.is_null(value) == 0
    mod.exports.put(2, value)
    assert mod.exports.take(2) is value


def test_null(mod):
    assert mod.exports.same(None) is None
    assert mod.exports.is_null(None) == 1
    assert mod.exports.take(0) is None


def test_a_function_as_an_object(mod):
    double = mod.exports.double
    assert mod.exports.same(double) is double
    assert mod.exports.same(mod) is mod


def test_many_values(mod):
    thing = Thing()
    result = mod.exports.mixed(thing, b"0123456789abcdef", -3, mod.exports.double)
    assert result == (mod.exports.double, -3, b"0123456789abcdef", thing)
    with pytest.raises(
        TypeError, match=r"mixed\(\) argument 4 \(funcref\) must be a F"
    ):
        mod.exports.mixed(thing, 0, 0, thing)
    with pytest.raises(TypeError, match=r"takes 4 arguments"):
        mod.exports.mixed(thing)
    result = mod.exports.mixed(thing, 0, 0, None, timeout=5)
    assert result == (None, 0, bytes(16), thing)
    before = sys.getrefcount(thing)
    for _ in range(10):
        with pytest.raises(TypeError):
            mod.exports.mixed(thing, 0, 0, thing)
    assert sys.getrefcount(thing) <= before


def test_passing_does_not_leak(mod):
    """An object that nothing in the module has any more is let go while it is open."""
    thing = Thing()
    before = sys.getrefcount(thing)
    most = 0
    for _ in range(20000):
        mod.exports.same(thing)
        most = max(most, sys.getrefcount(thing) - before)
    assert most < 1500
    mod.close()
    assert sys.getrefcount(thing) == before


@pytest.mark.parametrize("how", ["close", "del", "runtime"])
def test_released_at_the_latest_when_closed(rt, collect, how):
    mod = rt.instantiate(REFERENCES)
    thing = Thing()
    alive = weakref.ref(thing)
    mod.exports.put(0, thing)
    del thing
    collect()
    assert alive() is not None
    assert mod.exports.take(0) is alive()
    if how == "close":
        mod.close()
    elif how == "runtime":
        rt.close()
    else:
        del mod
    collect()
    assert alive() is None


def test_a_trap_lets_go(mod):
    thing = Thing()
    before = sys.getrefcount(thing)
    with pytest.raises(wazero.Trap):
        mod.exports.trap(thing)
    mod.close()
    assert sys.getrefcount(thing) == before


def test_closing_breaks_the_cycle(rt, collect):
    mod = rt.instantiate(REFERENCES)
    thing = Thing()
    thing.module = mod
    alive = weakref.ref(thing)
    mod.exports.put(0, thing)
    mod.close()
    del thing, mod
    collect()
    assert alive() is None


def test_a_destructor_may_call(mod, rt):
    other = rt.instantiate(REFERENCES)
    seen = []

    class Caller:
        def __del__(self):
            seen.append(other.exports.double(21))

    mod.exports.put(0, Caller())
    mod.close()
    assert seen == [42]


# ----------------------------------------------------------------------- functions


def test_functions(mod, collect):
    double = mod.exports.double
    assert mod.exports.same_function(double) == double
    assert mod.exports.same_function(None) is None
    assert mod.exports.is_null_function(None) == 1
    assert mod.exports.is_null_function(double) == 0
    hidden = mod.exports.hidden()
    assert hidden.name == "hidden" and hidden.type == (("i32",), ("i32",))
    assert (
        hidden.module is mod and repr(hidden) == "<wazero.Function hidden(i32) -> i32>"
    )
    assert hidden(5) == 105
    assert hidden != double and hidden != 1 and hidden == mod.exports.hidden()
    assert {hidden: 1}[mod.exports.hidden()] == 1
    assert mod.exports.apply(hidden, 3) == 103
    assert list(hidden.map(b"\1\0\0\0")) == [101]
    del mod
    collect()
    assert hidden(1) == 101
    with pytest.raises(TypeError):
        _ = hidden < double


@pytest.mark.parametrize("value", [1, "x", Thing()])
def test_no_functions(mod, value):
    with pytest.raises(TypeError, match=r"\(funcref\) must be a Function or None, not"):
        mod.exports.apply(value, 1)


def test_a_callable_has_no_type(mod):
    with pytest.raises(TypeError, match=r"not builtin_function_or_method .import it"):
        mod.exports.apply(print, 1)


def test_functions_of_others(rt, collect):
    mod, other = rt.instantiate(REFERENCES), rt.instantiate(REFERENCES)
    assert mod.exports.apply(other.exports.hidden(), 7) == 107
    alive = weakref.ref(other)
    del other
    collect()
    assert alive() is not None  # the table of mod has a function of it
    assert mod.exports.call(3, 1) == 101
    taken = mod.exports.take_function(3)
    assert taken.module is alive()
    del taken, mod
    collect()
    assert alive() is None


def test_functions_of_another_runtime(mod):
    with wazero.Runtime() as other:
        theirs = other.instantiate(REFERENCES).exports.double
        with pytest.raises(wazero.WazeroError, match="is of another runtime"):
            mod.exports.apply(theirs, 1)


def test_functions_of_a_closed_module(mod, rt):
    other = rt.instantiate(REFERENCES)
    hidden = other.exports.hidden()
    mod.exports.put_function(2, hidden)
    other.close()
    with pytest.raises(wazero.ClosedError):
        hidden(1)
    with pytest.raises(wazero.ClosedError):
        mod.exports.apply(hidden, 1)
    assert hidden.name == "hidden"
    assert mod.exports.take_function(2).module is None


def test_references_after_close(mod):
    same = mod.exports.same
    mod.close()
    with pytest.raises(wazero.ClosedError):
        same(1)


# ------------------------------------------------------------------ host functions


def env(**functions):
    def nothing(*args):
        raise AssertionError(args)

    return {
        "env": dict.fromkeys(("pick", "choose", "unary", "vector"), nothing) | functions
    }


def test_host_functions(rt, mod):
    seen = []
    thing, answer = Thing(), Thing()

    def pick(*args):
        seen.append(args)
        return answer

    host = rt.instantiate(HOST, imports=env(pick=pick, vector=lambda v: v[::-1]))
    double = mod.exports.double
    assert host.exports.pick(thing, double, 3) is answer
    assert host.exports.pick(None, None, 4) is answer
    assert seen == [(thing, double, 3), (None, None, 4)]
    assert host.exports.vector(bytes(range(16))) == bytes(range(15, -1, -1))


def test_host_functions_give_functions(rt, collect):
    mod = rt.instantiate(REFERENCES)
    functions = [mod.exports.double, mod.exports.hidden(), None, 1]
    alive = weakref.ref(mod)
    host = rt.instantiate(HOST, imports=env(choose=lambda which: functions[which]))
    assert host.exports.apply_chosen(0, 21) == 42
    assert host.exports.apply_chosen(1, 1) == 101
    with pytest.raises(wazero.Trap, match="invalid table access"):
        host.exports.apply_chosen(2, 1)
    with pytest.raises(
        TypeError, match=r"the result of host function env.choose \(func"
    ):
        host.exports.apply_chosen(3, 1)
    host.exports.apply_chosen(1, 1)
    functions.clear()
    del mod
    collect()
    assert alive() is not None
    assert next(iter(host.exports.functions))(2) == 102


def test_host_functions_fail_after_references(rt):
    def pick(*_):
        raise ZeroDivisionError("here")

    host = rt.instantiate(HOST, imports=env(pick=pick))
    thing = Thing()
    before = sys.getrefcount(thing)
    with pytest.raises(ZeroDivisionError, match="here"):
        host.exports.pick(thing, None, 1)
    host.close()
    assert sys.getrefcount(thing) <= before + 1  # the traceback


def test_python_functions_as_references(rt, mod):
    host = rt.instantiate(HOST, imports=env(unary=lambda x: -x))
    unary = host.exports.unary_reference()
    assert unary.name == "unary" and unary == host.exports.unary
    assert unary(5) == -5
    assert mod.exports.apply(unary, 6) == -6
    assert mod.exports.take_function(3) == unary


def test_host_module(rt, mod):
    def first(a: wazero.ExternRef, b: wazero.V128) -> wazero.ExternRef:
        return (a, b)

    def function(which: wazero.I32) -> wazero.FuncRef:
        return mod.exports.double if which else None

    host = rt.host_module("h", {"first": first, "function": function})
    assert host.exports.first.type == (("externref", "v128"), ("externref",))
    thing = Thing()
    assert host.exports.first(thing, 0) == (thing, bytes(16))
    assert host.exports.function(1) == mod.exports.double
    assert host.exports.function(0) is None
    minus = rt.host_module("m", {"minus": wazero.func(lambda x: -x, ["i32"], ["i32"])})
    assert mod.exports.apply(minus.exports.minus, 4) == -4


# -------------------------------------------------------------------------- imports


def linked(rt, mod, **more):
    imports = {
        "objects": wazero.Table(rt, "externref", 2, 8),
        "functions": mod.exports.functions,
        "object": mod.exports.object,
        "number": wazero.Global(rt, "i64", 7),
        "memory": wazero.Memory(rt, 1),
        "hidden": mod.exports.hidden(),
    }
    return rt.instantiate(LINK, imports={"m": imports | more})


def test_imports(rt, mod):
    link = linked(rt, mod)
    thing = Thing()
    assert link.exports.number() == 7
    assert link.exports.call(0, 4) == 8
    assert link.exports.call_hidden(5) == 105
    link.exports.set_object(thing)
    assert mod.exports.get_object() is thing
    link.exports.put_triple(2)
    assert mod.exports.call(2, 5) == 15


def test_imported_hidden_function_keeps_its_module(rt, collect):
    mod = rt.instantiate(REFERENCES)
    alive = weakref.ref(mod)
    link = linked(rt, rt.instantiate(REFERENCES), hidden=mod.exports.hidden())
    del mod
    collect()
    assert link.exports.call_hidden(1) == 101
    del link
    collect()
    assert alive() is None


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("objects", lambda rt: wazero.Table(rt, "funcref", 2), "table type mismatch"),
        ("number", lambda rt: wazero.Global(rt, "i32", 1), "value type mismatch"),
        ("number", lambda rt: wazero.Global(rt, "i64", 1, mutable=True), "mutability"),
        ("memory", lambda rt: wazero.Table(rt, "funcref", 2), "kind mismatch"),
        (
            "memory",
            lambda rt: wazero.Memory(rt, 0),
            r"import memory\[\w+\.memory\]: minimum size mismatch",
        ),
    ],
)
def test_imports_that_do_not_fit(rt, mod, name, value, text):
    with pytest.raises(wazero.LinkError, match=text):
        linked(rt, mod, **{name: value(rt)})


def test_imports_of_another_runtime(rt, mod):
    with (
        wazero.Runtime() as other,
        pytest.raises(wazero.LinkError, match="another Runtime"),
    ):
        linked(rt, mod, memory=wazero.Memory(other, 1))


# --------------------------------------------------------------------------- globals


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("i32", -1),
        ("i64", 1 << 40),
        ("f32", 1.5),
        ("f64", -0.1),
        ("v128", bytes(range(16))),
        ("externref", Thing()),
        ("externref", None),
        ("funcref", None),
    ],
)
def test_globals_of_every_type(rt, name, value):
    fixed = wazero.Global(rt, name, value)
    assert fixed.value == value and fixed.type == (name, False)
    with pytest.raises(wazero.WazeroError, match="not mutable"):
        fixed.value = value
    variable = wazero.Global(
        rt, name, None if name.endswith("ref") else 0, mutable=True
    )
    variable.value = value
    assert variable.value == value and variable.mutable


def test_globals_by_index(mod):
    private, *exported = mod.globals
    assert [g.name for g in mod.globals] == [
        "$0",
        "object",
        "function",
        "fixed",
        "vector",
    ]
    assert exported[0] is mod.exports.object
    assert private.value == 9 and private.module is mod
    private.value = 10
    assert mod.globals[0].value == 10
    assert mod.exports.fixed.value == mod.exports.hidden()
    mod.exports.vector.value = 1
    assert mod.exports.get_vector() == b"\1" + bytes(15)
    with pytest.raises(ValueError, match=r"global 'vector' .* must have 16 bytes"):
        mod.exports.vector.value = b""
    mod.close()
    with pytest.raises(wazero.ClosedError):
        _ = mod.globals


@pytest.mark.parametrize(
    ("args", "error", "text"),
    [
        (("i31", 0), ValueError, "a value type is 'i32'"),
        ((1, 0), TypeError, "a value type is"),
        (
            ("i32", "x"),
            TypeError,
            r"Global\(\) argument 'value' \(i32\) must be an int",
        ),
        (("i32", 1 << 40), OverflowError, "out of range"),
        (("i32",), TypeError, "value"),
        (("funcref", print), TypeError, "must be a Function or None"),
    ],
)
def test_no_globals(rt, args, error, text):
    with pytest.raises(error, match=text):
        wazero.Global(rt, *args)


# -------------------------------------------------------------- memories and tags


def test_memory_of_the_host(rt):
    memory = wazero.Memory(rt, 1, 3)
    assert memory.type == (1, 3, False) and memory.pages == 1
    memory[0:2] = b"ab"
    view = memoryview(memory)
    assert memory.grow(1) == 1 and memory.pages == 2
    assert bytes(view[:2]) == b"ab"
    with pytest.raises(wazero.WazeroError):
        memory.grow(5)
    assert memory.module.exports[""] is memory
    with pytest.raises(wazero.WazeroError):
        wazero.Memory(rt, 65537)
    with pytest.raises(wazero.WazeroError):
        wazero.Memory(rt, 2, 1)
    with pytest.raises(wazero.WazeroError):
        wazero.Memory(rt, 1, 2, shared=True)
    rt.close()
    with pytest.raises(wazero.ClosedError):
        memory.grow(1)
    with pytest.raises(wazero.ClosedError):
        wazero.Memory(rt, 1)


@pytest.mark.parametrize(
    "make",
    [
        lambda rt: wazero.Memory(rt, 1),
        lambda rt: wazero.Table(rt, "funcref", 1),
        lambda rt: wazero.Global(rt, "i32", 1),
        lambda rt: wazero.Tag(rt, []),
    ],
)
def test_made_for_what_is_no_runtime(make):
    with pytest.raises(
        TypeError, match="argument 'runtime' must be a Runtime, not int"
    ):
        make(1)


@pytest.mark.parametrize("engine", ["compiler", "interpreter"])
def test_tags(engine):
    wasm = (WASM / "tags.wasm").read_bytes()
    features = wazero.Features.V2 | wazero.Features.EXCEPTION_HANDLING
    with wazero.Runtime(engine=engine, features=features) as rt:
        tag = wazero.Tag(rt, ["i32", "externref"])
        assert tag.type == (("i32", "externref"),)
        assert repr(tag) == "<wazero.Tag : (i32, externref)>"
        mod = rt.instantiate(wasm, imports={"m": {"tag": tag}})
        thing = Thing()
        assert mod.exports.catch(5, thing) == (5, thing)
        assert mod.exports.own.type == (("i64",),) and mod.exports.own.name == "own"
        assert mod.exports.own.module is mod
        mod.exports.keep(6, thing)
        with pytest.raises(wazero.WazeroError, match="exception"):
            mod.exports.get()
        mod.exports.forget()
        assert mod.exports.get() is None
        with pytest.raises(wazero.LinkError):
            rt.instantiate(wasm, imports={"m": {"tag": mod.exports.own}})
    with pytest.raises(wazero.WazeroError):
        wazero.Tag(wazero.Runtime(), [])


@pytest.mark.parametrize("engine", ["compiler", "interpreter"])
def test_types_of_typed_references(engine):
    """They are told whole, by what is read and by what is made of it alike."""
    features = wazero.Features.V2 | wazero.Features.TYPED_FUNCTION_REFERENCES
    wasm = (WASM / "typed.wasm").read_bytes()
    info = wazero.inspect(wasm)
    by_name = {one.name: one.type for one in info.exports}
    assert by_name["call"].params == ("(ref 0)", "i32")
    assert by_name["call_null"].params == ("(ref null 0)", "i32")
    assert by_name["any"] == (("(ref func)",), ("(ref func)",))
    assert by_name["object"].results == ("(ref extern)",)
    assert info.types[0] == (("i32",), ("i32",))
    assert info.names.types[0] == "unary"
    assert info.globals[0].init == ("ref.func", 0)
    assert "call: ((ref 0), i32) -> (i32)" in str(info)
    with wazero.Runtime(engine=engine, features=features) as rt:
        compiled = rt.compile(wasm)
        assert compiled.inspect().functions == info.functions
        exports = rt.instantiate(compiled).exports
        for name, type in by_name.items():
            assert getattr(exports, name).type == type
        assert exports["table"].type == ("(ref null 0)", 2, 4)
        assert exports["global"].type == ("(ref null 0)", True)
        assert "(ref null 0)" in repr(exports["table"])
        assert "(ref null 0)" in repr(exports["global"])
        assert "((ref 0), i32) -> i32" in repr(exports.call)
        assert exports.call.params == ("(ref 0)", "i32")
        assert exports.any.results == ("(ref func)",)
        assert exports.call.definition.type == by_name["call"]
        with pytest.raises(TypeError, match=r"\(\(ref 0\), i32\)"):
            exports.call(1)


@pytest.mark.parametrize("engine", ["compiler", "interpreter"])
def test_typed_references(engine):
    features = wazero.Features.V2 | wazero.Features.TYPED_FUNCTION_REFERENCES
    with wazero.Runtime(engine=engine, features=features) as rt:
        exports = rt.instantiate((WASM / "typed.wasm").read_bytes()).exports
        assert exports.call(exports.increment, 4) == 5
        assert exports.any(exports.nop) == exports.nop
        thing = Thing()
        assert exports.object(thing) is thing
        for value, text in (
            (exports.nop, "is of type"),
            (None, "null"),
            (1, "function"),
        ):
            with pytest.raises(wazero.WazeroError, match=text):
                exports.call(value, 4)
        with pytest.raises(wazero.WazeroError, match="object of the host"):
            exports.object(exports.nop)
        exports.table[0] = exports.increment
        assert exports.table[0] == exports.increment
        with pytest.raises(wazero.WazeroError, match="is of type"):
            exports.table[0] = exports.nop


# ------------------------------------------------------------------ fork and threads


def test_references_in_a_child(rt, mod):
    thing = Thing()
    mod.exports.put(0, thing)
    hidden = mod.exports.hidden()
    table = wazero.Table(rt, "externref", 1, init=thing)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            for use in (hidden, lambda: table[0], lambda: mod.exports.same(thing)):
                with pytest.raises(wazero.ForkedError):
                    use(1) if use is hidden else use()
            with wazero.Runtime() as fresh:
                inside = fresh.instantiate(REFERENCES)
                assert inside.exports.same(thing) is thing
                with pytest.raises(wazero.ForkedError):
                    inside.exports.apply(hidden, 1)
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert table[0] is thing


def test_threads(rt):
    modules = [rt.instantiate(REFERENCES) for _ in range(3)]
    failures = []

    def work(start):
        try:
            for i in range(start, start + 300):
                one, other = modules[i % 3].exports, modules[i // 3 % 3].exports
                thing = Thing()
                one.put(i & 3, thing)
                assert other.same(thing) is thing
                assert other.apply(one.hidden(), 3) == 103
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
