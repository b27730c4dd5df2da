import inspect
import math
import sys
from decimal import Decimal
from fractions import Fraction

import numpy
import pytest
import wazero
from bits import double, double_bits
from hypothesis import given, settings
from hypothesis import strategies as st

TYPES = ("i32", "i64", "f32", "f64")
IDENTITY = (
    "(module "
    + "".join(
        f'(func (export "{t}") (param {t}) (result {t}) local.get 0)' for t in TYPES
    )
    + '(func (export "f32_bits") (param f32) (result i32)'
    " (i32.reinterpret_f32 (local.get 0)))"
    '(func (export "f32_from") (param i32) (result f32)'
    " (f32.reinterpret_i32 (local.get 0)))"
    '(func (export "f64_bits") (param f64) (result i64)'
    " (i64.reinterpret_f64 (local.get 0)))"
    '(func (export "f64_from") (param i64) (result f64)'
    " (f64.reinterpret_i64 (local.get 0)))"
    '(func (export "nothing")))'
)


@pytest.fixture(scope="module")
def exports(shared_rt, wat):
    return shared_rt.instantiate(wat(IDENTITY)).exports


def signed(value, bits):
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


@pytest.mark.parametrize("bits", [32, 64])
def test_integer_edges(exports, bits):
    identity = exports[f"i{bits}"]
    for value in (
        0,
        1,
        -1,
        2 ** (bits - 1) - 1,
        -(2 ** (bits - 1)),
        2 ** (bits - 1),
        2**bits - 1,
    ):
        assert identity(value) == signed(value, bits)
    for value in (2**bits, -(2 ** (bits - 1)) - 1, 2**64, 2**65, -(2**64), 10**1000):
        with pytest.raises(
            OverflowError, match=rf"i{bits}\(\) argument 1 \(i{bits}\) is out of range"
        ):
            identity(value)


@given(st.integers(-(2**31), 2**32 - 1))
def test_i32_round_trip(exports, value):
    assert exports.i32(value) == signed(value, 32)


@given(st.integers(-(2**63), 2**64 - 1))
def test_i64_round_trip(exports, value):
    assert exports.i64(value) == signed(value, 64)


@given(st.integers(0, 2**64 - 1))
@settings(max_examples=500)
def test_f64_every_bit_pattern(exports, bits):
    value = double(bits)
    assert double_bits(exports.f64(value)) == bits
    assert exports.f64_bits(value) & (2**64 - 1) == bits
    assert double_bits(exports.f64_from(bits)) == bits


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=500)
def test_f32_every_bit_pattern(exports, bits):
    value = exports.f32_from(bits)
    assert exports.f32_bits(value) & (2**32 - 1) == bits
    assert exports.f32_bits(exports.f32(value)) & (2**32 - 1) == bits


@pytest.mark.parametrize(
    "bits",
    [
        0x7FF0000000000001,
        0x7FF8000000000000,
        0xFFF8000000000000,
        0xFFF4000000000001,
        0x7FFFFFFFFFFFFFFF,
        0x7FF0000000000000,
        0xFFF0000000000000,
        1,
        1 << 63,
    ],
)
def test_f64_special_bits(exports, bits):
    assert exports.f64_bits(double(bits)) & (2**64 - 1) == bits
    assert double_bits(exports.f64_from(bits)) == bits


@pytest.mark.parametrize("bits", [0x7F800001, 0x7FC00000, 0xFFC00000, 0xFFA00001])
def test_f32_nans(exports, bits):
    value = exports.f32_from(bits)
    assert math.isnan(value)
    wide = (bits >> 31) << 63 | 0x7FF << 52 | (bits & 0x7FFFFF) << 29
    assert double_bits(value) == wide
    assert exports.f32_bits(value) & 0xFFFFFFFF == bits


def test_a_nan_with_only_low_bits_stays_a_nan(exports):
    assert exports.f32_bits(double(0x7FF0000000000001)) == 0x7FC00000


@given(st.floats(allow_nan=False))
def test_f32_rounds_to_nearest(exports, value):
    with numpy.errstate(over="ignore"):
        expected = float(numpy.float32(value))
    assert exports.f32(value) == expected
    assert math.copysign(1, exports.f32(value)) == math.copysign(1, value)


def test_f32_too_large_is_infinite_as_in_demote(exports):
    assert exports.f32(1e300) == math.inf
    assert exports.f32(-1e300) == -math.inf
    assert exports.f32(3.4028235677973366e38) == math.inf  # half a step above the max
    assert exports.f32(3.4028235677973362e38) == 3.4028234663852886e38


def test_what_counts_as_a_number(exports):
    assert exports.i32(True) == 1
    assert exports.i64(numpy.int16(-3)) == -3
    assert exports.i64(numpy.uint64(2**64 - 1)) == -1
    assert exports.f64(3) == 3.0
    assert exports.f64(True) == 1.0
    assert exports.f64(Decimal("0.5")) == 0.5
    assert exports.f64(Fraction(1, 4)) == 0.25
    assert exports.f64(numpy.float32(0.5)) == 0.5
    assert exports.f32(numpy.int8(-5)) == -5.0
    assert type(exports.i32(True)) is int
    assert type(exports.f32(3)) is float


class Index:
    def __index__(self):
        return 41


class BadIndex:
    def __index__(self):
        raise ZeroDivisionError("from __index__")

    def __float__(self):
        raise ZeroDivisionError("from __float__")


def test_index_and_float_methods(exports):
    assert exports.i32(Index()) == 41
    assert exports.i64(Index()) == 41
    assert exports.f64(Index()) == 41.0
    for name in TYPES:
        with pytest.raises(ZeroDivisionError, match="from __"):
            exports[name](BadIndex())


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("value", ["1", b"1", None, [1], object(), 1j])
def test_wrong_types(exports, name, value):
    kind = "an integer" if name[0] == "i" else "a number"
    expected = rf"{name}\(\) argument 1 \({name}\) must be {kind}, not "
    with pytest.raises(TypeError, match=expected + type(value).__name__):
        exports[name](value)


def test_floats_are_no_integers(exports):
    for name in ("i32", "i64"):
        with pytest.raises(TypeError, match="must be an integer, not float"):
            exports[name](1.0)
    with pytest.raises(OverflowError, match="argument 1"):
        exports.f64(10**400)


def test_wrong_counts(exports, rt, add_wasm):
    add = rt.instantiate(add_wasm).exports.add
    for args, text in (
        ((1,), r"add\(\) takes 2 arguments \(i32, i32\) but 1 was given"),
        ((1, 2, 3), r"add\(\) takes 2 arguments \(i32, i32\) but 3 were given"),
        ((), r"add\(\) takes 2 arguments \(i32, i32\) but 0 were given"),
    ):
        with pytest.raises(TypeError, match=text):
            add(*args)
    with pytest.raises(TypeError, match=r"i32\(\) takes 1 argument \(i32\) but 2 were"):
        exports.i32(1, 2)
    with pytest.raises(TypeError, match=r"nothing\(\) takes no arguments but 1 was"):
        exports.nothing(1)
    text = r"add\(\) takes no keyword argument 'b', only 'timeout'"
    with pytest.raises(TypeError, match=text):
        add(1, b=2)
    with pytest.raises(TypeError, match=text):
        add(1, 2, timeout=1, b=2)
    with pytest.raises(TypeError, match=r"add\(\) takes 2 arguments .* but 1 was"):
        add(1, timeout=2)
    assert add(*(1, 2)) == add(1, 2, timeout=None) == 3


def test_no_result(exports):
    assert exports.nothing() is None


@pytest.mark.parametrize(
    ("params", "results"),
    [(0, 2), (3, 1), (16, 1), (17, 0), (17, 17), (1, 16), (100, 50), (1000, 1000)],
)
def test_any_number_of_values(rt, wat, params, results):
    types = [TYPES[n % 4] for n in range(max(params, results))]
    body = [
        f"local.get {n}" if n < params else f"{types[n]}.const {n}"
        for n in range(results)
    ]
    mod = rt.instantiate(
        wat(
            f"""(module (func (export "f") (param {" ".join(types[:params])})
            (result {" ".join(types[:results])}) {" ".join(body)}))"""
        )
    )
    values = [n if types[n][0] == "i" else n + 0.5 for n in range(params)]
    expected = [
        values[n] if n < params else (n if types[n][0] == "i" else float(n))
        for n in range(results)
    ]
    result = mod.exports.f(*values)
    if results == 0:
        assert result is None
    elif results == 1:
        assert result == expected[0]
    else:
        assert result == tuple(expected)


def test_results_have_their_types(rt, wat):
    mod = rt.instantiate(
        wat(
            """(module (func (export "f") (result i32 i64 f32 f64)
            i32.const -1 i64.const -2 f32.const 0.1 f64.const 0.1))"""
        )
    )
    result = mod.exports.f()
    assert result == (-1, -2, float(numpy.float32(0.1)), 0.1)
    assert [type(value) for value in result] == [int, int, float, float]


def test_attributes(rt, add_wasm):
    mod = rt.instantiate(add_wasm)
    add = mod.exports.add
    assert add.name == add.__name__ == "add"
    assert add.params == ("i32", "i32")
    assert add.results == ("i32",)
    assert add.type == wazero.FunctionType((("i32", "i32"), ("i32",)))
    assert add.module is mod
    assert repr(add) == "<wazero.Function add(i32, i32) -> i32>"
    assert callable(add)


def test_repr_of_shapes(exports, rt, wat):
    assert repr(exports.nothing) == "<wazero.Function nothing() -> ()>"
    mod = rt.instantiate(
        wat('(module (func (export "p") (result i32 f64) unreachable))')
    )
    assert repr(mod.exports.p) == "<wazero.Function p() -> (i32, f64)>"


def test_signature(rt, add_wasm, exports, wat):
    signature = inspect.signature(rt.instantiate(add_wasm).exports.add)
    assert list(signature.parameters) == ["arg1", "arg2", "timeout", "snapshots"]
    timeout = signature.parameters["timeout"]
    assert timeout.kind is timeout.KEYWORD_ONLY and timeout.default is None
    parameter = signature.parameters["arg1"]
    assert parameter.annotation == wazero.I32
    assert parameter.kind is parameter.POSITIONAL_ONLY
    assert signature.return_annotation == wazero.I32
    assert inspect.signature(exports.nothing).return_annotation is None
    mod = rt.instantiate(
        wat('(module (func (export "p") (result i32 f64) unreachable))')
    )
    expected = tuple[wazero.I32, wazero.F64]
    assert inspect.signature(mod.exports.p).return_annotation == expected


def test_docstrings_have_signatures():
    for thing, parameters in (
        (wazero.Runtime, ["config", "engine", "memory_limit"]),
        (wazero.Runtime.instantiate, ["self", "wasm", "name"]),
        (wazero.Memory.read, ["self", "ptr", "n"]),
        (wazero.Module.call, ["self", "name", "args", "timeout", "snapshots"]),
        (wazero.Function.map, ["self", "columns", "out", "timeout"]),
        (wazero.func, ["callable", "params", "results", "caller"]),
    ):
        assert (
            list(inspect.signature(thing).parameters)[: len(parameters)] == parameters
        )


REFERENCES = """
(module
  (func (export "v") (param i32 v128))
  (func (export "e") (param externref))
  (func (export "r") (result funcref) ref.null func))
"""


def test_types_of_every_kind(rt, wat):
    exports = rt.instantiate(wat(REFERENCES)).exports
    assert exports.v.params == ("i32", "v128")
    assert exports.r.results == ("funcref",)
    assert exports.v(1, 2) is None
    assert exports.e(exports) is None
    assert exports.r() is None


def test_function_keeps_its_module(rt, add_wasm, collect):
    add = rt.instantiate(add_wasm).exports.add
    collect()
    assert add(1, 2) == 3


def test_argument_conversion_may_close_the_module(rt, add_wasm):
    mod = rt.instantiate(add_wasm)

    class Closing:
        def __index__(self):
            mod.close()
            return 1

    with pytest.raises(wazero.ClosedError):
        mod.exports.add(Closing(), 2)


def test_recursion(rt, wat):
    mod = rt.instantiate(
        wat(
            """(module (func $fib (export "fib") (param i32) (result i32)
            (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
              (then (local.get 0))
              (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                             (call $fib (i32.sub (local.get 0) (i32.const 2))))))))"""
        )
    )
    assert mod.call("fib", 20) == 6765


def test_definition(rt, wat):
    wasm = wat("""(module $m (func $f (export "a") (export "b") (param $x i32)
        (result f64) (f64.const 1)))""")
    module = rt.instantiate(wasm)
    function = module.exports.a
    definition = function.definition
    assert definition == wazero.inspect(wasm).functions[0]
    assert definition == module.exports.b.definition
    assert (definition.name, definition.debug_name) == ("f", "m.f")
    assert definition.export_names == ("a", "b") and definition.param_names == ("x",)
    assert definition.type == function.type and not definition.is_host
    module.close()
    assert function.definition == definition
    with pytest.raises(AttributeError):
        function.definition = None


def test_definition_of_a_host_function(rt):
    host = wazero.HostModule("env")

    @host.func(name="its name", param_names=["x"], result_names=["y"])
    def f(x: wazero.I32) -> wazero.F64:
        return float(x)

    definition = host.instantiate(rt).exports.f.definition
    assert definition.is_host and definition.name == "its name"
    assert (definition.params, definition.results) == (("i32",), ("f64",))
    assert definition.param_names == ("x",) and definition.result_names == ("y",)
    assert definition.export_names == ("f",)


def test_definitions_leak_nothing(rt, wat):
    function = rt.instantiate(wat('(module (func (export "f")))')).exports.f
    assert function.definition.name == ""
    before = sys.getallocatedblocks()
    for _ in range(1000):
        assert function.definition
    assert sys.getallocatedblocks() - before < 100
