"""wazero inspect: tables and JSON, of modules of any kind."""

import json
import os
import subprocess
import sys

import pytest

WAT = """
(module $shape
  (import "env" "log" (func $log (param i32)))
  (import "env" "base" (global $base i32))
  (table (export "table") 2 5 funcref)
  (memory (export "memory") 1 3)
  (global $counter (export "counter") (mut i64) (i64.const -7))
  (func $calculate (export "calculate") (export "calc") (param i32 i64) (result f64)
    (f64.const 1))
  (func $begin)
  (start $begin)
  (elem (i32.const 1) func $calculate)
  (data (i32.const 16) "hello")
  (data (global.get $base) "there")
  (data "passive"))
"""


def with_custom(wasm, name, content):
    body = bytes([len(name)]) + name + content
    return wasm + b"\0" + bytes([len(body)]) + body


@pytest.fixture
def shape(wat, tmp_path):
    path = tmp_path / "shape.wasm"
    features = b"\x02+\x07simd128-\x03mvp"
    path.write_bytes(with_custom(wat(WAT), b"target_features", features))
    return path


def test_tables(main, shape):
    done = main("inspect", shape)
    assert (done.code, done.err) == (0, "")
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    size = shape.stat().st_size
    assert lines[:3] == [
        f"{shape}: module shape, {size} bytes",
        "start function: 2 (begin)",
        "features that its compiler names: +simd128, -mvp",
    ]
    for line in (
        "imports (2)",
        "function env.log (i32) -> ()",
        "global env.base i32",
        "exports (5)",
        "table table 2 funcref, at most 5",
        "memory memory 1 page, at most 3",
        "function calc (i32, i64) -> (f64)",
        "types (3)",
        "functions, 13 bytes of code (2)",
        "1 11 bytes calculate (i32, i64) -> (f64)",
        "0 1 page, at most 3 export memory",
        "0 i32 import env.base",
        "1 mutable i64 i64.const -7 export counter",
        "0 1 funcref table 0 at 1",
        "0 5 bytes memory 0 at 16",
        "1 5 bytes memory 0 at global.get 0",
        "2 7 bytes passive",
        "custom target_features 33 bytes at 245",
        "functions 3",
    ):
        assert line in lines, done.out


def test_json(main, shape):
    for args in (["-json", shape], [shape, "--json"], ["-json=true", "--", shape]):
        done = main("inspect", *args)
        assert (done.code, done.err) == (0, "")
        assert done.out.count("\n") == 1
        told = json.loads(done.out)
        assert (told["format"], told["name"], told["start"]) == (1, "shape", 2)
        assert (told["file"], told["size"]) == (str(shape), shape.stat().st_size)
        assert told["target_features"] == ["+simd128", "-mvp"]
        assert told["exports"][-1] == {
            "name": "calc",
            "kind": "function",
            "type": {"params": ["i32", "i64"], "results": ["f64"]},
        }
        assert told["custom_sections"][-1]["name"] == "target_features"


@pytest.mark.parametrize(
    "content",
    [b"", b"\x01", b"\x01+", b"\x01+\x05a", b"\xff\xff\xff\xff\xff\x7f", b"\1+\1\xff"],
)
def test_features_that_are_none(main, wat, tmp_path, content):
    path = tmp_path / "odd.wasm"
    path.write_bytes(with_custom(wat("(module)"), b"target_features", content))
    told = json.loads(main("inspect", "-json", path).out)
    assert told["target_features"] is None
    assert main("inspect", path).code == 0


def test_the_empty_module(main, wat, tmp_path):
    path = tmp_path / "empty.wasm"
    path.write_bytes(wat("(module)"))
    assert main("inspect", path).out == f"{path}: 8 bytes\n"
    assert json.loads(main("inspect", "-json", path).out)["target_features"] is None


def test_standard_input(main, shape):
    with open(shape, "rb") as file:
        saved = os.dup(0)
        os.dup2(file.fileno(), 0)
        try:
            assert main("inspect", "-").out.startswith("-: module shape, ")
        finally:
            os.dup2(saved, 0)
            os.close(saved)


def hostile(count):
    """A module with as many exports, each of a name that a terminal would obey."""
    name = b"\x1b[2J\x1b]0;title\x07\x9b\n\r\xe2\x80\xae".replace(b"\x9b", b"\xc2\x9b")
    exports = b"".join(
        leb(len(name) + 4) + name + b"%04d" % i + b"\0\0" for i in range(count)
    )
    exports = leb(count) + exports
    return (
        b"\0asm\1\0\0\0\1\4\1\x60\0\0\3\2\1\0\7"
        + leb(len(exports))
        + exports
        + b"\x0a\4\1\2\0\x0b"
    )


def leb(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def test_hostile_names(main, tmp_path):
    path = tmp_path / "hostile.wasm"
    path.write_bytes(hostile(9000))
    done = main("inspect", path)
    assert done.code == 0
    assert done.out.replace("\n", "").isprintable()
    assert r'"\x1b[2J\x1b]0;title\a\u009b\n\r\u202e0000"' in done.out
    assert "  ... and 8,900 more (-all, -json)\n" in done.out
    assert len(done.out) < 20000
    assert main("inspect", path, "-all").out.count("function") > 9000
    text = main("inspect", path, "-json").out
    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    assert len(json.loads(text)["exports"]) == 9000


def test_long_names_and_types(main, wat, tmp_path):
    path = tmp_path / "long.wasm"
    params = "i32 " * 1000
    path.write_bytes(wat(f'(module (func (export "{"n" * 5000}") (param {params})))'))
    assert len(main("inspect", path).out) < 2000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "error reading wasm binary: open {}: no such file or directory\n"),
        (b"pooh", "error inspecting wasm binary: invalid magic number"),
        (b"", "error inspecting wasm binary: "),
        (b"\0asm\1\0\0\0\1\xff", "error inspecting wasm binary: "),
    ],
)
def test_what_is_no_module(main, tmp_path, content, message):
    path = tmp_path / "bears.wasm"
    if content is not None:
        path.write_bytes(content)
    done = main("inspect", path)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(message.format(path))
    assert done.err.count("\n") == 1


def test_a_file_without_an_end(main):
    done = main("inspect", "/dev/zero")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error inspecting wasm binary: invalid magic number")


def test_wrong_arguments(main, shape):
    assert main("inspect").code == 1
    assert main("inspect").err.startswith("missing path to wasm file\nwazero CLI\n")
    assert main("inspect", "-h").code == 0
    assert "  -json\n" in main("inspect", shape, "--help").err
    assert main("inspect", "-x", shape).code == 2
    assert main("inspect", shape, "-x").code == 2
    done = main("inspect", shape, "more\x1b")
    assert (done.code, done.err) == (1, 'error: unexpected argument "more\\x1b"\n')


def test_a_full_disk(main, shape):
    full = os.open("/dev/full", os.O_WRONLY)
    saved = os.dup(1)
    os.dup2(full, 1)
    try:
        done = main("inspect", shape)
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(full)
    message = "error writing standard output: no space left on device\n"
    assert (done.code, done.err) == (1, message)


def test_a_pipe_that_nobody_reads(tmp_path):
    path = tmp_path / "large.wasm"
    path.write_bytes(hostile(9000))
    with subprocess.Popen(
        [sys.executable, "-m", "wazero", "inspect", "-all", path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdout.read(10)
        process.stdout.close()
        assert process.wait(30) == -13  # SIGPIPE, as of any other command
        assert process.stderr.read() == b""
