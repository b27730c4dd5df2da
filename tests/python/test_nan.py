"""Floats pass by their bits in both directions: as parameters, results, globals, and
through host functions. A NaN of 32 bits has the payload that it has as a double."""

import struct

import pytest
import wazero
from bits import (
    EXPONENT32,
    EXPONENT64,
    SIGN32,
    double,
    double_bits,
    single,
    single_bits,
)
from hypothesis import given
from hypothesis import strategies as st

MODULE = """
(module
  (import "host" "f32" (func $f32 (param f32) (result f32)))
  (import "host" "f64" (func $f64 (param f64) (result f64)))
  (import "host" "swap" (func $swap (param f32 f64) (result f64 f32)))
  (global $g32 (export "g32") (mut f32) (f32.const 0))
  (global $g64 (export "g64") (mut f64) (f64.const 0))
  (func (export "to32") (param i32) (result f32) (f32.reinterpret_i32 (local.get 0)))
  (func (export "to64") (param i64) (result f64) (f64.reinterpret_i64 (local.get 0)))
  (func (export "of32") (param f32) (result i32) (i32.reinterpret_f32 (local.get 0)))
  (func (export "of64") (param f64) (result i64) (i64.reinterpret_f64 (local.get 0)))
  (func (export "both") (param f32 f64 f32) (result f32 f64 f32)
    (local.get 2) (local.get 1) (local.get 0))
  (func (export "get32") (result i32) (i32.reinterpret_f32 (global.get $g32)))
  (func (export "get64") (result i64) (i64.reinterpret_f64 (global.get $g64)))
  (func (export "set32") (param i32)
    (global.set $g32 (f32.reinterpret_i32 (local.get 0))))
  (func (export "set64") (param i64)
    (global.set $g64 (f64.reinterpret_i64 (local.get 0))))
  (func (export "host32") (param i32) (result i32)
    (i32.reinterpret_f32 (call $f32 (f32.reinterpret_i32 (local.get 0)))))
  (func (export "host64") (param i64) (result i64)
    (i64.reinterpret_f64 (call $f64 (f64.reinterpret_i64 (local.get 0)))))
  (func (export "swap") (param i32 i64) (result i64 i32) (local $t f32)
    (call $swap (f32.reinterpret_i32 (local.get 0)) (f64.reinterpret_i64 (local.get 1)))
    (local.set $t)
    (i64.reinterpret_f64)
    (i32.reinterpret_f32 (local.get $t))))
"""

M32, M64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF

# Any bits, and NaNs often: quiet and signalling, of either sign, with any payload.
BITS32 = st.integers(0, M32) | st.builds(
    lambda sign, payload: sign | EXPONENT32 | payload,
    st.sampled_from([0, SIGN32]),
    st.integers(0, 0x7FFFFF),
)
BITS64 = st.integers(0, M64) | st.builds(
    lambda sign, payload: sign | EXPONENT64 | payload,
    st.sampled_from([0, SIGN32 << 32]),
    st.integers(0, (1 << 52) - 1),
)


@pytest.fixture(scope="module", params=["compiler", "interpreter"])
def instance(request, wat):
    """The exports, and what the host functions got."""
    got = []

    def same(value):
        got.append(value)
        return value

    def swap(first, second):
        got.extend((first, second))
        return second, first

    host = {"f32": same, "f64": same, "swap": swap}
    with wazero.Runtime(engine=request.param) as rt:
        yield rt.instantiate(wat(MODULE), imports={"host": host}).exports, got


@given(BITS32, BITS64)
def test_results(instance, b32, b64):
    exports, _ = instance
    assert single_bits(exports.to32(b32)) == b32
    assert double_bits(exports.to64(b64)) == b64


@given(BITS32, BITS64)
def test_parameters(instance, b32, b64):
    exports, _ = instance
    assert exports.of32(single(b32)) & M32 == b32
    assert exports.of64(double(b64)) & M64 == b64


@given(BITS32, BITS64, BITS32)
def test_several(instance, first, b64, second):
    exports, _ = instance
    a, b, c = exports.both(single(first), double(b64), single(second))
    assert (single_bits(a), double_bits(b), single_bits(c)) == (second, b64, first)


@given(BITS32, BITS64)
def test_globals(instance, b32, b64):
    exports, _ = instance
    exports.g32.value, exports.g64.value = single(b32), double(b64)
    assert (exports.get32() & M32, exports.get64() & M64) == (b32, b64)
    exports.g32.value = exports.g64.value = 0
    exports.set32(b32)
    exports.set64(b64)
    assert single_bits(exports.g32.value) == b32
    assert double_bits(exports.g64.value) == b64


@given(BITS32, BITS64)
def test_host_functions(instance, b32, b64):
    exports, got = instance
    got.clear()
    assert exports.host32(b32) & M32 == b32
    assert exports.host64(b64) & M64 == b64
    second, first = exports.swap(b32, b64)
    assert (second & M64, first & M32) == (b64, b32)
    assert [single_bits(got[0]), double_bits(got[1])] == [b32, b64]
    assert [single_bits(got[2]), double_bits(got[3])] == [b32, b64]


@given(st.lists(BITS32, min_size=1), st.lists(BITS64, min_size=1))
def test_map(instance, all32, all64):
    exports, _ = instance
    column32 = memoryview(struct.pack(f"<{len(all32)}I", *all32)).cast("f")
    column64 = memoryview(struct.pack(f"<{len(all64)}Q", *all64)).cast("d")
    assert [bits & M32 for bits in exports.of32.map(column32)] == all32
    assert [bits & M64 for bits in exports.of64.map(column64)] == all64
    floats32 = exports.to32.map(memoryview(column32.cast("B")).cast("i"))
    floats64 = exports.to64.map(memoryview(column64.cast("B")).cast("q"))
    assert bytes(floats32) == bytes(column32)
    assert bytes(floats64) == bytes(column64)
