import math

import pytest
import wazero

WASM = """
(module
  (global (export "i32") (mut i32) (i32.const -1))
  (global (export "i64") (mut i64) (i64.const 9223372036854775807))
  (global (export "f32") (mut f32) (f32.const 0.5))
  (global (export "f64") (mut f64) (f64.const 0.1))
  (global (export "fixed") i32 (i32.const 42))
  (global (export "ref") (mut externref) (ref.null extern))
  (global (export "v") v128 (v128.const i64x2 1 2))
  (func (export "get") (result i32) (global.get 0))
  (func (export "set") (param i32) (global.set 0 (local.get 0))))
"""


@pytest.fixture
def exports(rt, wat):
    return rt.instantiate(wat(WASM)).exports


def test_values(exports):
    assert exports.i32.value == -1
    assert exports.i64.value == 2**63 - 1
    assert exports.f32.value == 0.5
    assert exports.f64.value == 0.1
    assert exports.fixed.value == 42


def test_set(exports):
    exports.i32.value = 2**32 - 1
    assert exports.i32.value == -1
    exports.i64.value = -(2**63)
    assert exports.i64.value == -(2**63)
    exports.f32.value = 3
    assert exports.f32.value == 3.0
    exports.f64.value = math.nan
    assert math.isnan(exports.f64.value)


def test_the_guest_sees_it(exports):
    exports.i32.value = 77
    assert exports.get() == 77
    exports.set(78)
    assert exports.i32.value == 78


def test_wrong_values(exports):
    with pytest.raises(OverflowError, match=r"global 'i32' \(i32\) is out of range"):
        exports.i32.value = 2**32
    with pytest.raises(TypeError, match=r"global 'i32' \(i32\) must be an integer"):
        exports.i32.value = 1.0
    with pytest.raises(
        TypeError, match=r"global 'f64' \(f64\) must be a number, not str"
    ):
        exports.f64.value = "1"
    with pytest.raises(wazero.WazeroError, match="global 'fixed' is not mutable"):
        exports.fixed.value = 1
    with pytest.raises(AttributeError, match="cannot be deleted"):
        del exports.i32.value
    assert exports.i32.value == -1


def test_wrong_references(exports):
    with pytest.raises(wazero.WazeroError, match="global 'v' is not mutable"):
        exports.v.value = "x"
    with pytest.raises(TypeError, match=r"global 'i32' \(i32\) must be an integer"):
        exports.i32.value = None


def test_attributes(exports):
    assert exports.i64.type == wazero.GlobalType(("i64", True))
    assert exports.fixed.type == ("i32", False)
    assert exports.i32.mutable is True
    assert exports.fixed.mutable is False
    assert exports.i32.name == "i32"
    assert exports.i32.module.exports is exports
    assert repr(exports.i32) == "<wazero.Global i32: mutable i32>"
    assert repr(exports.fixed) == "<wazero.Global fixed: i32>"
    counter = exports.i32
    assert exports["i32"] is counter


def test_after_close(exports):
    counter = exports.i32
    counter.module.close()
    with pytest.raises(wazero.ClosedError):
        _ = counter.value
    with pytest.raises(wazero.ClosedError):
        counter.value = 1
    assert counter.type == ("i32", True)
