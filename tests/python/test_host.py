import functools
import sys
import traceback

import pytest
import wazero
from hypothesis import given
from hypothesis import strategies as st

ECHO = """
(module $guest
  (import "env" "f" (func $f {type}))
  (memory (export "memory") 1)
  (func (export "call") {type} {locals} call $f))
"""


@pytest.fixture
def guest(rt, wat):
    """A module that calls a host function of a type with its own arguments."""

    def make(function, params=(), results=()):
        kind = f"(param {' '.join(params)}) (result {' '.join(results)})"
        loads = " ".join(f"local.get {n}" for n in range(len(params)))
        wasm = wat(ECHO.format(type=kind, locals=loads))
        return rt.instantiate(wasm, imports={"env": {"f": function}})

    return make


def test_arguments_and_results(guest):
    seen = []
    types = ("i32", "i64", "f32", "f64")

    def function(*args):
        seen.append(args)
        return args

    mod = guest(function, types, types)
    assert mod.call("call", -1, 2**64 - 1, 0.5, 0.1) == (-1, -1, 0.5, 0.1)
    assert seen == [(-1, -1, 0.5, 0.1)]
    assert [type(value) for value in seen[0]] == [int, int, float, float]


@given(
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(width=32, allow_nan=False),
    st.floats(allow_nan=False),
)
def test_round_trip(shared_rt, wat, i32, i64, f32, f64):
    types = "(param i32 i64 f32 f64) (result i32 i64 f32 f64)"
    loads = "local.get 0 local.get 1 local.get 2 local.get 3"
    wasm = wat(ECHO.format(type=types, locals=loads))
    with shared_rt.instantiate(wasm, imports={"env": {"f": lambda *a: a}}) as mod:
        assert mod.call("call", i32, i64, f32, f64) == (i32, i64, f32, f64)


def test_unsigned_results_are_fine(guest):
    assert guest(lambda: 2**32 - 1, results=["i32"]).call("call") == -1
    assert guest(lambda: 2**64 - 1, results=["i64"]).call("call") == -1
    assert guest(lambda: 3, results=["f64"]).call("call") == 3.0
    assert guest(lambda: True, results=["i32"]).call("call") == 1


@pytest.mark.parametrize("count", [1, 7, 8, 9, 10, 60])
def test_many_arguments(guest, count):
    mod = guest(
        lambda *a: a[::-1] if count > 1 else a[0], ["i32"] * count, ["i32"] * count
    )
    expected = tuple(range(count))[::-1] if count > 1 else 0
    assert mod.call("call", *range(count)) == expected


def test_results_as_any_sequence(guest):
    for value in ([1, 2], (1, 2), range(1, 3), b"\1\2"):
        assert guest(lambda value=value: value, results=["i32"] * 2).call("call") == (
            1,
            2,
        )


@pytest.mark.parametrize(
    ("value", "results", "error", "text"),
    [
        (1, [], TypeError, "host function env.f must return None, not int"),
        (
            None,
            ["i32"],
            TypeError,
            r"the result of host function env.f \(i32\) must be",
        ),
        ("1", ["f64"], TypeError, r"env.f \(f64\) must be a number, not str"),
        (1.0, ["i64"], TypeError, r"env.f \(i64\) must be an integer, not float"),
        (2**32, ["i32"], OverflowError, r"env.f \(i32\) is out of range"),
        ((1, 2), ["i32"], TypeError, "must be an integer, not tuple"),
        (
            1,
            ["i32", "i64"],
            TypeError,
            r"env.f must return a sequence of 2 values \(i32, i64\), not int",
        ),
        ("ab", ["i32", "i64"], TypeError, "a sequence of 2 values"),
        ((1,), ["i32", "i64"], TypeError, r"must return 2 values \(i32, i64\), not 1"),
        ((1, 2, 3), ["i32", "i64"], TypeError, "must return 2 values .*, not 3"),
        (
            (1, "b"),
            ["i32", "i64"],
            TypeError,
            r"result 2 of host function env.f \(i64\)",
        ),
    ],
)
def test_wrong_results(guest, value, results, error, text):
    mod = guest(lambda: value, results=results)
    with pytest.raises(error, match=text):
        mod.call("call")
    assert not mod.closed


def test_kinds_of_callables(guest):
    class Callable:
        def __call__(self, value):
            return value + 1

        def method(self, value):
            return value + 2

    for function, expected in (
        (Callable(), 6),
        (Callable().method, 7),
        (functools.partial(max, 9), 9),
        (abs, 5),
        (lambda x: x, 5),
    ):
        assert guest(function, ["i32"], ["i32"]).call("call", 5) == expected


def test_print(guest, capsys):
    guest(print, ["i32", "f64"]).call("call", 1, 2.5)
    assert capsys.readouterr().out == "1 2.5\n"


class Special(Exception):
    pass


@pytest.mark.parametrize("error", [Special, KeyError, KeyboardInterrupt, SystemExit])
def test_exceptions_come_out_as_themselves(guest, error):
    raised = error("here")

    def function():
        raise raised

    mod = guest(function)
    with pytest.raises(error) as caught:
        mod.call("call")
    assert caught.value is raised
    frames = traceback.extract_tb(caught.tb)
    assert frames[-1].name == "function"
    assert raised.__cause__ is None and raised.__context__ is None
    (note,) = raised.__notes__
    assert note.startswith("wasm stack trace:\n\t")
    assert "guest.$1" in note and "env.f()" in note
    assert mod.closed is False
    with pytest.raises(error):
        mod.call("call")
    assert len(raised.__notes__) == 1


def test_wrong_argument_count_of_the_callable(guest):
    with pytest.raises(TypeError, match="positional argument"):
        guest(lambda: None, ["i32"]).call("call", 1)


def test_exception_whose_str_fails(guest):
    class Bad(Exception):
        def __str__(self):
            raise RuntimeError("no str")

    def function():
        raise Bad

    with pytest.raises(Bad):
        guest(function).call("call")


def test_exception_with_odd_text(guest):
    def function():
        raise Special("a\0b \ud800 wasm stack trace:\n\tfake")

    with pytest.raises(Special) as caught:
        guest(function).call("call")
    assert "fake" not in caught.value.__notes__[0]


def test_exception_chain_is_kept(guest):
    def function():
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise Special("outer") from error

    with pytest.raises(Special) as caught:
        guest(function).call("call")
    assert isinstance(caught.value.__cause__, KeyError)


def test_exception_during_handling_of_another(guest):
    def function():
        raise Special

    mod = guest(function)
    first = KeyError("first")
    with pytest.raises(Special) as caught:
        try:
            raise first
        except KeyError:
            mod.call("call")
    assert caught.value.__context__ is first


def test_nested_calls(rt, wat):
    wasm = wat(ECHO.format(type="(param i32) (result i32)", locals="local.get 0"))
    depth = []

    def function(value):
        depth.append(value)
        return 0 if value == 0 else mod.call("call", value - 1) + 1

    mod = rt.instantiate(wasm, imports={"env": {"f": function}})
    assert mod.call("call", 20) == 20
    assert depth == list(range(20, -1, -1))


def test_nested_exceptions_get_each_trace(rt, wat):
    wasm = wat(ECHO.format(type="(param i32)", locals="local.get 0"))
    raised = Special("deep")

    def function(value):
        if value == 0:
            raise raised
        mod.call("call", value - 1)

    mod = rt.instantiate(wasm, imports={"env": {"f": function}})
    with pytest.raises(Special) as caught:
        mod.call("call", 3)
    assert caught.value is raised
    names = [frame.name for frame in traceback.extract_tb(caught.tb)]
    assert names.count("function") == 4


def test_inner_errors_can_be_caught(rt, wat):
    wasm = wat(
        """(module (import "env" "f" (func $f))
        (func (export "outer") call $f) (func (export "trap") unreachable))"""
    )

    def function():
        with pytest.raises(wazero.Trap):
            mod.call("trap")

    mod = rt.instantiate(wasm, imports={"env": {"f": function}})
    assert mod.call("outer") is None


def test_inner_trap_comes_out(rt, wat):
    wasm = wat(
        """(module (import "env" "f" (func $f))
        (func (export "outer") call $f) (func (export "trap") unreachable))"""
    )
    mod = rt.instantiate(wasm, imports={"env": {"f": lambda: mod.call("trap")}})
    with pytest.raises(wazero.Trap) as caught:
        mod.call("outer")
    assert caught.value.code == wazero.TrapCode.UNREACHABLE


def test_endless_recursion_is_an_error(python):
    """In a process of its own: what happens must not be a crash."""
    out = python(
        """
import wazero
from wasmtime import wat2wasm
wasm = bytes(wat2wasm('(module (import "env" "f" (func $f))'
                      ' (func (export "call") call $f))'))
import functools
rt = wazero.Runtime()
for function in (lambda: mod.call("call"), functools.partial(lambda: exports.call())):
    mod = rt.instantiate(wasm, imports={"env": {"f": function}})
    exports = mod.exports
    try:
        mod.call("call")
    except (RecursionError, wazero.WazeroError) as error:
        print(type(error).__name__)
"""
    )
    assert len(out.split()) == 2


def test_caller(rt, wat):
    wasm = wat(
        """(module (import "env" "f" (func $f (param i32)))
        (memory (export "memory") 1) (data (i32.const 8) "text\\00")
        (func (export "_start") i32.const 8 call $f)
        (func (export "again") i32.const 8 call $f))"""
    )
    seen = []

    def function(caller, ptr):
        seen.append((caller, caller.memory.read_cstr(ptr)))

    host = wazero.func(function, caller=True)
    mod = rt.instantiate(wasm, imports={"env": {"f": host}})
    mod.call("again")
    assert seen == [(mod, "text"), (mod, "text")]


def test_func_object():
    host = wazero.func(print, ["i32"], results=("f64", "i64"), caller=True)
    assert host.params == ("i32",) and host.results == ("f64", "i64")
    assert host.callable is print and host.caller is True
    assert repr(host).startswith("<wazero.HostFunction (i32) -> (f64, i64): <built-in")
    bare = wazero.func(callable=print)
    assert bare.params is None and bare.results is None and bare.caller is False
    assert "(...) -> (...)" in repr(bare)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: wazero.func(3), TypeError, "'callable' is int"),
        (lambda: wazero.func(), TypeError, r"func\(\) misses its argument 'callable'"),
        (lambda: wazero.func(print, "i32"), TypeError, "not one str"),
        (lambda: wazero.func(print, ["i31"]), ValueError, "not 'i31'"),
        (lambda: wazero.func(print, [int]), TypeError, "value type"),
        (lambda: wazero.func(print, 3), TypeError, "not iterable"),
        (lambda: wazero.func(print, wrong=1), TypeError, "no parameter 'wrong'"),
    ],
)
def test_wrong_func(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_func_of_another_type_is_a_link_error(rt, wat):
    wasm = wat(ECHO.format(type="(param i32) (result i32)", locals="local.get 0"))
    host = wazero.func(abs, params=["i64"], results=["i32"])
    with pytest.raises(
        wazero.LinkError,
        match=r"import env.f: expected a function \(i32\) -> i32, but the host "
        r"function is \(i64\) -> i32",
    ):
        rt.instantiate(wasm, imports={"env": {"f": host}})
    host = wazero.func(abs, params=["i32"])
    mod = rt.instantiate(wasm, imports={"env": {"f": host}})
    assert mod.call("call", -4) == 4


def test_one_func_for_several_types(rt, wat):
    wasm = wat(
        """(module (import "a" "i" (func $i (param i32) (result i32)))
        (import "b" "f" (func $f (param f64) (result f64)))
        (func (export "i") (result i32) (call $i (i32.const -3)))
        (func (export "f") (result f64) (call $f (f64.const -2.5))))"""
    )
    host = wazero.func(abs)
    mod = rt.instantiate(wasm, imports={"a": {"i": host}, "b": {"f": host}})
    assert mod.call("i") == 3 and mod.call("f") == 2.5


def test_the_same_import_twice(rt, wat):
    same = """(module (import "e" "f" (func $a (param i32))) (import "e" "f"
        (func $b (param i32))) (func (export "run")
        (call $a (i32.const 1)) (call $b (i32.const 2))))"""
    seen = []
    rt.instantiate(wat(same), imports={"e": {"f": seen.append}}).call("run")
    assert seen == [1, 2]
    different = same.replace("$b (param i32)", "$b (param i64)").replace(
        "(i32.const 2)", "(i64.const 2)"
    )
    with pytest.raises(wazero.LinkError, match=r"import e.f is there twice"):
        rt.instantiate(wat(different), imports={"e": {"f": seen.append}})


def test_types_that_do_not_fit(rt, wat):
    wasm = wat('(module (import "e" "f" (func (param externref))))')
    numbers = wazero.func(print, params=["i32"])
    with pytest.raises(wazero.LinkError, match=r"import e.f: .*\(externref\) -> \(\)"):
        rt.instantiate(wasm, imports={"e": {"f": numbers}})


# -------------------------------------------------------------------- host modules


def test_host_module(rt, wat):
    def double(value: wazero.I64) -> wazero.I64:
        return value * 2

    def pair(a: "i32", b: "f64") -> ("f64", "i32"):  # noqa: F821
        return b, a

    def note(value: wazero.F32) -> None:
        seen.append(value)

    seen = []
    raw = wazero.func(max, params=["i32", "i32"], results=["i32"])
    host = rt.host_module(
        "env", {"double": double, "pair": pair, "note": note, "max": raw}
    )
    assert host.name == "env" and rt.module("env") is host and host.compiled is None
    assert sorted(host.exports) == ["double", "max", "note", "pair"]
    wasm = wat(
        """(module
        (import "env" "double" (func $double (param i64) (result i64)))
        (import "env" "pair" (func $pair (param i32 f64) (result f64 i32)))
        (import "env" "note" (func $note (param f32)))
        (import "env" "max" (func $max (param i32 i32) (result i32)))
        (func (export "double") (param i64) (result i64) (call $double (local.get 0)))
        (func (export "pair") (result f64 i32) (call $pair (i32.const 1) (f64.const 2)))
        (func (export "note") (call $note (f32.const 1.5)))
        (func (export "max") (result i32) (call $max (i32.const -3) (i32.const 4))))"""
    )
    mod = rt.instantiate(wasm)
    assert mod.call("double", 21) == 42
    assert mod.call("pair") == (2.0, 1)
    mod.call("note")
    assert seen == [1.5]
    assert mod.call("max") == 4
    with pytest.raises(AttributeError):
        _ = host.memory


def test_host_module_called_by_the_host(rt):
    def double(value: wazero.I64) -> wazero.I64:
        return value * 2

    host = rt.host_module("env", {"double": double})
    assert host.exports.double.params == ("i64",)
    assert host.exports.double(4) == 8


def test_host_module_annotations_in_text(rt):
    namespace = {"wazero": wazero}
    exec(
        "from __future__ import annotations\n"
        "def f(a: wazero.I32, b: 'f64') -> tuple[wazero.I64, wazero.F32]: ...\n"
        "def g(a: wazero.I32) -> None: ...\n",
        namespace,
    )
    host = rt.host_module("env", {"f": namespace["f"], "g": namespace["g"]})
    assert host.exports.f.type == (("i32", "f64"), ("i64", "f32"))
    assert host.exports.g.type == (("i32",), ())


def test_keyword_only_parameters_are_not_given(rt):
    """Those with defaults; so a Function, which takes timeout=, has its types."""

    def f(x: wazero.I32, *, y: int = 3) -> wazero.I32:
        return x + y

    def g(x: wazero.I32, *, y: wazero.I32) -> wazero.I32:
        return x + y

    host = rt.host_module("env", {"f": f})
    assert host.exports.f(4) == 7
    again = rt.host_module("again", {"f": host.exports.f})
    assert again.exports.f.type == host.exports.f.type
    assert again.exports.f(4) == 7
    with pytest.raises(TypeError, match="type of parameter 'y' is not known"):
        rt.host_module("other", {"g": g})


def test_host_module_caller(rt, wat):
    def who(caller, value: wazero.I32) -> wazero.I32:
        seen.append((caller, value))
        return value

    seen = []
    rt.host_module("env", {"f": wazero.func(who, caller=True)})
    wasm = wat(ECHO.format(type="(param i32) (result i32)", locals="local.get 0"))
    mod = rt.instantiate(wasm)
    assert mod.call("call", 5) == 5
    assert seen == [(mod, 5)]


@pytest.mark.parametrize(
    ("functions", "text"),
    [
        ({"f": print}, "host function env.f"),
        ({"f": lambda x: x}, "host function env.f: the type of parameter 'x'"),
        ({"f": lambda *args: None}, "type of parameter 'args' is not known"),
        ({"f": 3}, "env.f must be a callable"),
        ({3: abs}, "keys of functions must be str"),
        ([1], "'functions' must be a mapping"),
        (3, "'functions' must be a mapping"),
    ],
)
def test_wrong_host_modules(rt, functions, text):
    with pytest.raises(TypeError, match=text):
        rt.host_module("env", functions)
    assert rt.module("env") is None


def test_host_module_without_result_annotation(rt):
    def f(a: wazero.I32):
        return a

    with pytest.raises(TypeError, match="types of the results are not known"):
        rt.host_module("env", {"f": f})


def test_host_module_names(rt):
    rt.host_module("env", {})
    with pytest.raises(wazero.WazeroError, match="env"):
        rt.host_module("env", {})
    with pytest.raises(wazero.WazeroError):
        rt.host_module("", {})
    with pytest.raises(TypeError, match="'name' must be str"):
        rt.host_module(3, {})


def test_exception_in_host_module(rt, wat):
    def f(value: wazero.I32) -> None:
        raise Special(value)

    rt.host_module("env", {"f": f})
    mod = rt.instantiate(wat(ECHO.format(type="(param i32)", locals="local.get 0")))
    with pytest.raises(Special, match="4"):
        mod.call("call", 4)


def test_closed_host_module_cannot_be_linked(rt, wat):
    host = rt.host_module("env", {"f": wazero.func(print, [], [])})
    host.close()
    assert rt.module("env") is None
    with pytest.raises(wazero.LinkError, match="env"):
        rt.instantiate(wat(ECHO.format(type="", locals="")))


def test_host_function_may_close_its_module(guest):
    mod = guest(lambda: mod.close())
    with pytest.raises(wazero.ClosedError):
        mod.call("call")
    assert mod.closed


def test_host_function_may_close_with_exit_code(guest):
    mod = guest(lambda: mod.close(7))
    with pytest.raises(wazero.ExitError) as caught:
        mod.call("call")
    assert caught.value.exit_code == 7


def test_references_of_results_and_arguments(guest):
    value = 2**40 + 12345
    mod = guest(lambda x: x, ["i64"], ["i64"])
    before = sys.getrefcount(None)
    for _ in range(2000):
        mod.call("call", value)
    assert abs(sys.getrefcount(None) - before) < 500


# ---------------------------------------------------------------- names, HostModule

NAMED = """(module $guest
  (import "env" "add" (func $add (param i32 i32) (result i32)))
  (func (export "run") (result i32) (call $add (i32.const 2) (i32.const 3))))"""


def named(**options):
    return wazero.func(
        lambda a, b: a + b,
        ["i32", "i32"],
        ["i32"],
        name="plus",
        param_names=["a", "b"],
        result_names=("sum",),
        **options,
    )


@pytest.mark.parametrize("engine", ["compiler", "interpreter"])
def test_names_show_in_logs(wat, engine):
    expected = "\t==> env.plus(a=2,b=3)\n\t<== sum=5\n"
    with wazero.Runtime(engine=engine) as runtime:
        lines = []
        guest = runtime.compile(wat(NAMED), log_calls=lines.append)
        guest.instantiate(imports={"env": {"add": named()}}).exports.run()
        assert "".join(lines[1:3]) == expected
        lines.clear()
        runtime.host_module("env", {"add": named()}, log_calls=lines.append)
        assert runtime.instantiate(wat(NAMED)).exports.run() == 5
        assert "".join(lines) == expected.replace("\t", "")


def test_names_of_a_function():
    function = named()
    assert function.name == "plus"
    assert function.param_names == ("a", "b")
    assert function.result_names == ("sum",)
    plain = wazero.func(print)
    assert plain.name is plain.param_names is plain.result_names is None


def test_wrong_names(rt, wat):
    for wrong in ({"name": 5}, {"param_names": [5]}, {"result_names": "text"}):
        with pytest.raises(TypeError, match=r"func\(\): "):
            wazero.func(print, **wrong)
    with pytest.raises(ValueError, match="without NUL"):
        wazero.func(print, name="a\0b")
    few = wazero.func(lambda a, b: 0, ["i32", "i32"], ["i32"], param_names=["a"])
    with pytest.raises(wazero.LinkError, match="not as many names of parameters"):
        rt.instantiate(wat(NAMED), imports={"env": {"add": few}})
    with pytest.raises(wazero.WazeroError, match="add: the host function has not as"):
        rt.host_module("env", {"add": few})
    many = wazero.func(lambda a, b: 0, ["i32", "i32"], ["i32"], result_names=["a", "b"])
    with pytest.raises(wazero.LinkError, match="not as many names of results"):
        rt.instantiate(wat(NAMED), imports={"env": {"add": many}})


def test_host_module_is_reusable(wat):
    env = wazero.HostModule("env")

    @env.func
    def add(a: wazero.I32, b: wazero.I32) -> wazero.I32:
        return a + b

    @env.func(export="twice", params=["i32"], results=["i32"], name="double")
    def anything(a):
        return a * 2

    assert repr(env) == "<wazero.HostModule 'env', 2 functions>"
    assert list(env.functions) == ["add", "twice"]
    assert add(1, 2) == 3
    for _ in range(2):
        with wazero.Runtime() as runtime:
            made = env.instantiate(runtime)
            assert made.name == "env"
            assert made.exports.twice(4) == 8
            other = env.instantiate(runtime, "other")
            assert other.name == "other"
            assert runtime.instantiate(wat(NAMED)).exports.run() == 5
            with pytest.raises(wazero.WazeroError, match="already been instantiated"):
                env.instantiate(runtime)
    with wazero.Runtime() as runtime:
        module = runtime.instantiate(wat(NAMED), imports={"env": env.functions})
        assert module.exports.run() == 5
    with pytest.raises(TypeError):
        env.functions["more"] = add


def test_host_module_with_a_listener(wat):
    names = []
    env = wazero.HostModule(
        "env", {"add": named()}, listener=lambda call: names.append(call.function.name)
    )
    with wazero.Runtime() as runtime:
        env.instantiate(runtime)
        runtime.instantiate(wat(NAMED)).exports.run()
    assert names == ["plus"]
