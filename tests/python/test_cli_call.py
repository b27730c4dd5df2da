"""wazero call: arguments and results of every type, and what is said of wrong ones."""

import json
import math
import os
import struct
import subprocess
import sys

import pytest
import wazero
from hypothesis import given
from hypothesis import strategies as st
from wazero.cli._values import parse_value, value_text

TYPES = ("i32", "i64", "f32", "f64", "v128", "externref", "funcref")
SAME = "\n".join(
    f'(func (export "{kind}") (param {kind}) (result {kind}) (local.get 0))'
    for kind in TYPES
)
WAT = f"""
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (global $ready (mut i32) (i32.const 0))
  (func (export "_initialize")
    (global.set $ready (i32.add (global.get $ready) (i32.const 7))))
  (func (export "_start") (call $exit (i32.const 3)))
  (func (export "ready") (result i32) (global.get $ready))
  (func (export "exit") (param i32) (call $exit (local.get 0)))
  (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))
  (func (export "two") (result i64 f64) (i64.const -1) (f64.const 0.5))
  (func (export "nothing"))
  (func $trap (export "trap") unreachable)
  (func (export "spin") (loop (br 0)))
  (func (export "grow") (result i32) (memory.grow (i32.const 1)))
  (func (export "-flag\\1b") (result i32) (i32.const 9))
  (func $self (export "self") (result funcref) (ref.func $self))
  {SAME})
"""


@pytest.fixture
def path(wat, tmp_path):
    path = tmp_path / "calls.wasm"
    path.write_bytes(wat(WAT))
    return path


VALUES = [
    ("i32", "5", "5"),
    ("i32", "-5", "-5"),
    ("i32", "+5", "5"),
    ("i32", "0xffffffff", "-1"),
    ("i32", "4294967295", "-1"),
    ("i32", "-0x8000_0000", "-2147483648"),
    ("i32", "010", "10"),
    ("i64", "18446744073709551615", "-1"),
    ("i64", "-9223372036854775808", "-9223372036854775808"),
    ("f32", "0.1", "0.1"),
    ("f32", "-0", "-0.0"),
    ("f32", "1e39", "inf"),
    ("f32", "16777217", "16777216.0"),
    ("f32", "nan:0x1", "nan:0x1"),
    ("f32", "-nan:0x7fffff", "-nan:0x7fffff"),
    ("f64", "0.1", "0.1"),
    ("f64", "1e300", "1e+300"),
    ("f64", "-inf", "-inf"),
    ("f64", "Infinity", "inf"),
    ("f64", "0x1.8p3", "12.0"),
    ("f64", "0x10", "16.0"),
    ("f64", "nan", "nan"),
    ("f64", "-nan", "-nan"),
    ("f64", "nan:0xdead", "nan:0xdead"),
    ("v128", "0x1", "0x" + "1".zfill(32)),
    ("v128", "-1", "0x" + "f" * 32),
    ("v128", "i32x4:1,-2,0x3,4", "0x0000000400000003fffffffe00000001"),
    (
        "v128",
        "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",
        "0x100f0e0d0c0b0a090807060504030201",
    ),
    ("v128", "f64x2:1,-nan", "0xfff80000000000003ff0000000000000"),
    ("v128", "f32x4:nan:0x1,0,0,0", "0x0000000000000000000000007f800001"),
    ("externref", "null", "null"),
    ("funcref", "null", "null"),
]


@pytest.mark.parametrize(("kind", "text", "result"), VALUES)
def test_values(main, path, kind, text, result):
    done = main("call", path, kind, text)
    assert (done.code, done.out, done.err) == (0, result + "\n", "")


WRONG = [
    ("i32", "x", "is no i32"),
    ("i32", "", "is no i32"),
    ("i32", "1.0", "is no i32"),
    ("i32", "--1", "is no i32"),
    ("i32", "0x", "is no i32"),
    ("i32", " 1", "is no i32"),
    ("i32", "\u0663", "is no i32"),
    ("i32", "9" * 5000, "is no i32"),
    ("i32", "4294967296", "is out of range for i32: -2147483648 to 4294967295"),
    ("i64", "-9223372036854775809", "is out of range for i64"),
    ("f32", "one", "is no f32"),
    ("f32", "nan:0x0", "is no f32"),
    ("f32", "nan:0x800000", "is no f32"),
    ("f32", "nan:1", "is no f32"),
    ("f64", "0xg", "is no f64"),
    ("f64", "0x1p99999", "is no f64"),
    ("f64", "1 ", "is no f64"),
    ("v128", "x", "is no v128"),
    ("v128", "1,2", "is no v128: i8x16 has 16 lanes, not 2"),
    ("v128", "i32x4:1,2,3", "is no v128: i32x4 has 4 lanes, not 3"),
    ("v128", "i32x5:1,2,3,4,5", "is no v128: no such shape"),
    ("v128", "i64x2:1,x", "is no i64"),
    ("externref", "5", "is no externref: only null can be given"),
    ("funcref", "", "is no funcref: only null can be given"),
]


@pytest.mark.parametrize(("kind", "text", "message"), WRONG)
def test_wrong_values(main, path, kind, text, message):
    done = main("call", path, kind, text)
    assert (done.code, done.out) == (1, "")
    start = f'error: argument 1 of {kind}({kind}) -> {kind}: "'
    assert done.err.startswith(start)
    assert message in done.err
    assert done.err.count("\n") == 1


@given(st.integers(-(1 << 63), (1 << 64) - 1))
def test_integers_come_back(value):
    assert parse_value(value_text(value, "i64"), "i64") == value
    assert parse_value(hex(value), "i64") == value


@given(st.integers(0, (1 << 64) - 1))
def test_doubles_come_back(bits):
    (value,) = struct.unpack("<d", struct.pack("<Q", bits))
    back = parse_value(value_text(value, "f64"), "f64")
    assert struct.pack("<d", back) == struct.pack("<d", value)


@given(st.integers(0, (1 << 32) - 1))
def test_floats_come_back(bits):
    raw = struct.pack("<I", bits)
    if bits & 0x7F800000 == 0x7F800000 and bits & 0x7FFFFF:
        text = ("-" if bits >> 31 else "") + f"nan:{bits & 0x7FFFFF:#x}"
        value = parse_value(text, "f32")
        assert math.isnan(value)
    else:
        (value,) = struct.unpack("<f", raw)
    back = parse_value(value_text(value, "f32"), "f32")
    assert struct.pack("<d", back) == struct.pack("<d", value)


def test_calls(main, path):
    assert main("call", path, "add", "-5", "7").out == "2\n"
    assert (
        main("call", "-interpreter", "--timeout=1h", path, "add", "1", "2").out == "3\n"
    )
    assert main("call", path, "add", "--", "-5", "7").out == "2\n"
    assert main("call", path, "two").out == "-1\n0.5\n"
    assert main("call", path, "nothing").out == ""
    assert main("call", path, "ready").out == "7\n"
    assert main("call", path, "_initialize").code == 0
    assert main("call", path, "self").out.startswith("<")
    assert main("call", path, "-flag\x1b").out == "9\n"
    assert main("call", "-memory-limit=64KiB", path, "grow").out == "-1\n"
    assert main("call", path, "grow").out == "1\n"


def test_json(main, path):
    def results(*args):
        done = main("call", "-json", path, *args)
        assert (done.code, done.err) == (0, "")
        return json.loads(done.out)

    assert results("two") == {
        "results": [{"type": "i64", "value": -1}, {"type": "f64", "value": 0.5}]
    }
    assert results("nothing") == {"results": []}
    for kind, text, value in (
        ("f32", "0.1", 0.1),
        ("f32", "inf", "inf"),
        ("f64", "nan", "nan"),
        ("v128", "1", "0x" + "1".zfill(32)),
        ("i64", "0xffffffffffffffff", -1),
        ("externref", "null", None),
    ):
        assert results(kind, text)["results"] == [{"type": kind, "value": value}]


def test_exit_codes(main, path):
    assert main("call", path, "exit", "5").code == 5
    assert main("call", path, "exit", "0").code == 0
    assert main("call", path, "_start").code == 3
    done = main("call", path, "trap")
    assert done.code == 1
    assert done.err.startswith("error calling trap: wasm error: unreachable\n")
    assert "$trap" in done.err or ".trap" in done.err


def test_timeout(path):
    """In a process of its own: a loop ends where compiled code is entered from C."""
    done = subprocess.run(
        [sys.executable, "-m", "wazero", "call", "-timeout=50ms", path, "spin"],
        env=os.environ | {"WAZERO_DIRECT": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 255
    assert done.stderr == (
        "error: module closed with context deadline exceeded (timeout 50ms)\n"
    )


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "error: missing name of the function\n"),
        (
            ["ad"],
            'error: there is no function "ad"; did you mean "add"?\n',
        ),
        (
            ["\x1b[2J"],
            'error: there is no function "\\x1b[2J"; there are "_initialize", '
            '"_start", "ready", "exit", "add" and 14 more\n',
        ),
        (
            ["-json", "add"],
            'error: there is no function "-json"; there are "_initialize", "_start", '
            '"ready", "exit", "add" and 14 more; flags come before the path\n',
        ),
        (["memory"], 'error: the export "memory" is a memory\n'),
        (["add"], "error: add(i32, i32) -> i32 takes 2 arguments, not 0\n"),
        (["nothing", "1"], "error: nothing() -> () takes 0 arguments, not 1\n"),
        (["i32"], "error: i32(i32) -> i32 takes 1 argument, not 0\n"),
        (
            ["two", "--json"],
            "error: two() -> (i64, f64) takes 0 arguments, not 1; flags come before "
            "the path\n",
        ),
    ],
)
def test_wrong_calls(main, path, args, message):
    done = main("call", path, *args)
    assert (done.code, done.out, done.err) == (1, "", message)


def test_no_functions(main, wat, tmp_path):
    path = tmp_path / "none.wasm"
    path.write_bytes(wat('(module (memory (export "\\1b") 1))'))
    done = main("call", path, "f")
    assert done.err == ('error: there is no function "f": the module exports none\n')


def test_what_cannot_be_linked_is_one_line(main, wat, tmp_path):
    path = tmp_path / "link.wasm"
    path.write_bytes(
        wat('(module (import "a\\1b\\0a" "b" (func)) (func (export "f")))')
    )
    done = main("call", path, "f")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert done.err.startswith("error calling f: import func[a\\x1b\\n.b]")


def test_wrong_flags(main, path):
    assert main("call").code == 1
    assert main("call", "-h").code == 0
    for flag in ("-timeout", "-mount", "-json", "-interpreter", "-unconfined"):
        assert f"  {flag}" in main("call", "-h").err
    assert main("call", "-x", path, "add").code == 2
    done = main("call", "-timeout=-1s", path, "add", "1", "2")
    assert done.err.startswith("timeout duration may not be negative, -1s given\n")
    assert main("call", path.parent / "none.wasm", "f").code == 1


def test_the_same_as_from_python(main, path):
    """What a call prints is what Python gets."""
    with wazero.Runtime() as runtime:
        module = runtime.instantiate(path, start_functions=[])
        for kind, text, _ in VALUES[:24]:
            value = module.exports[kind](parse_value(text, kind))
            assert main("call", path, kind, text).out == value_text(value, kind) + "\n"
