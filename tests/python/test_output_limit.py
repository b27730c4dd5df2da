"""Bounds on what a guest writes and has open: output_limit and max_files."""

import io
import socket

import pytest
import wazero

WRITER = """
(module $writer
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pwrite"
    (func $pwrite (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_send"
    (func $send (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_renumber"
    (func $renumber (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_allocate"
    (func $allocate (param i32 i64 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_size"
    (func $set_size (param i32 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 32) "file")
  (data (i32.const 1024) "0123456789abcdefghijklmnopqrstuvwxyz")
  (func $parts (param $size i32)
    ;; in two parts, the first of three bytes
    (i32.store (i32.const 0) (i32.const 1024))
    (i32.store (i32.const 4) (i32.const 3))
    (i32.store (i32.const 8) (i32.const 1027))
    (i32.store (i32.const 12) (i32.sub (local.get $size) (i32.const 3))))
  (func (export "write") (param $fd i32) (param $size i32) (result i32)
    (call $parts (local.get $size))
    (call $write (local.get $fd) (i32.const 0) (i32.const 2) (i32.const 16)))
  (func (export "pwrite") (param $fd i32) (param $size i32) (param i64) (result i32)
    (call $parts (local.get $size))
    (call $pwrite (local.get $fd) (i32.const 0) (i32.const 2) (local.get 2)
      (i32.const 16)))
  (func (export "send") (param $fd i32) (param $size i32) (result i32)
    (call $parts (local.get $size))
    (call $send (local.get $fd) (i32.const 0) (i32.const 2) (i32.const 0)
      (i32.const 16)))
  (func (export "nothing") (param $fd i32) (result i32)
    (call $write (local.get $fd) (i32.const 0) (i32.const 0) (i32.const 16)))
  (export "renumber" (func $renumber))
  (export "allocate" (func $allocate))
  (export "set_size" (func $set_size))
  (export "close" (func $close))
  (func (export "open") (result i32)
    (call $open (i32.const 3) (i32.const 0) (i32.const 32) (i32.const 4) (i32.const 1)
      (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 16)))
  (func (export "opened") (result i32) (i32.load (i32.const 16))))
"""

BADF, MFILE, PERM = 8, 33, 63


@pytest.fixture(params=["libwazero", "wazero"])
def each_wasi(request):
    return request.param


def ends(function, *args):
    with pytest.raises(wazero.OutputLimitError, match="wrote more than the") as error:
        function(*args)
    assert error.value.frames
    return error.value


def test_it_is_cut_in_the_middle_of_a_part(shared_rt, wat, each_wasi):
    out, err = io.BytesIO(), []
    module = shared_rt.instantiate(
        wat(WRITER), stdout=out, stderr=err.append, output_limit=20, wasi=each_wasi
    )
    write = module.exports.write
    assert write(1, 10) == 0
    assert write(2, 5) == 0
    ends(write, 1, 10)
    assert out.getvalue() == b"012345678901234"
    assert b"".join(err) == b"01234"
    ends(write, 2, 4)  # it goes on to have no more
    assert module.exports.nothing(1) == 0
    assert b"".join(err) == b"01234"


def test_just_what_is_allowed(shared_rt, wat, each_wasi):
    out = io.BytesIO()
    module = shared_rt.instantiate(
        wat(WRITER), stdout=out, output_limit="20", wasi=each_wasi
    )
    assert module.exports.write(1, 20) == 0
    ends(module.exports.write, 1, 3)
    assert len(out.getvalue()) == 20


def test_descriptors_count(shared_rt, wat, tmp_path, each_wasi):
    with open(tmp_path / "out", "wb", buffering=0) as file:
        module = shared_rt.instantiate(
            wat(WRITER), stdout=file, output_limit=12, wasi=each_wasi
        )
        assert module.exports.write(1, 10) == 0
        ends(module.exports.write, 1, 10)
        module.close()
    assert (tmp_path / "out").read_bytes() == b"012345678901"


def test_inherited_streams_count(python, wat, tmp_path):
    (tmp_path / "writer.wasm").write_bytes(wat(WRITER))
    code = """
import sys, wazero
with wazero.Runtime() as rt:
    for wasi in "libwazero", "wazero":
        module = rt.instantiate_file(
            sys.argv[1], stdout=wazero.INHERIT, output_limit=12, wasi=wasi)
        module.exports.write(1, 10)
        try:
            module.exports.write(1, 10)
        except wazero.OutputLimitError as error:
            print("|", len(error.frames) > 0, flush=True)
"""
    printed = python(code, str(tmp_path / "writer.wasm"))
    assert printed.count("012345678901| True") == 2


def test_no_way_round_it(shared_rt, wat, tmp_path):
    """Another number, a position, or a size without a write."""
    with open(tmp_path / "out", "wb", buffering=0) as file:
        module = shared_rt.instantiate(
            wat(WRITER), stdin=b"", stdout=file, stderr=None, output_limit=12
        )
        exports = module.exports
        assert exports.allocate(1, 0, 1 << 20) == PERM
        assert exports.set_size(1, 1 << 20) == PERM
        assert exports.renumber(1, 0) == 0
        assert exports.write(1, 5) == BADF
        assert exports.pwrite(0, 8, 100) == 0
        ends(exports.pwrite, 0, 8, 0)
        ends(exports.write, 0, 3)
        module.close()
    assert (tmp_path / "out").read_bytes() == b"0123" + bytes(96) + b"01234567"


def test_sockets_count(shared_rt, wat):
    left, right = socket.socketpair()
    with right, open(left.detach(), "wb", buffering=0) as file:
        module = shared_rt.instantiate(wat(WRITER), stdout=file, output_limit=12)
        assert module.exports.send(1, 10) == 0
        ends(module.exports.send, 1, 10)
        module.close()
        assert right.recv(100) == b"012345678901"


def test_what_does_not_count(shared_rt, wat, tmp_path):
    """Files that it opens, and what could not be written."""
    fails = [OSError("full")]

    def write(data):
        if fails:
            raise fails.pop()

    module = shared_rt.instantiate(
        wat(WRITER), mounts={"/": tmp_path}, stdout=write, output_limit=10
    )
    exports = module.exports
    assert exports.open() == 0
    assert exports.write(exports.opened(), 30) == 0
    with pytest.raises(OSError, match="full"):
        exports.write(1, 10)
    assert exports.write(1, 10) == 0
    ends(exports.write, 1, 3)


def test_writes_within_writes_count(shared_rt, wat):
    written = []

    def write(data):
        written.append(data)
        if len(written) == 1:
            assert module.exports.write(2, 3) == 0

    module = shared_rt.instantiate(
        wat(WRITER), stdout=write, stderr=write, output_limit=15
    )
    assert module.exports.write(1, 10) == 0
    ends(module.exports.write, 1, 3)
    assert sum(map(len, written)) == 15


def test_instances_have_limits_of_their_own(shared_rt, wat):
    config = wazero.ModuleConfig(output_limit=5)
    for _ in range(2):
        module = shared_rt.instantiate(wat(WRITER), config=config)
        assert module.exports.write(1, 5) == 0
        ends(module.exports.write, 1, 3)


@pytest.mark.parametrize("limit", [0, 1, 7])
def test_max_files(shared_rt, wat, tmp_path, limit):
    module = shared_rt.instantiate(wat(WRITER), mounts={"/": tmp_path}, max_files=limit)
    exports = module.exports
    for number in range(limit):
        assert exports.open() == 0
        assert exports.opened() == 4 + number
    assert exports.open() == MFILE
    if limit:
        assert exports.close(4) == 0
        assert exports.open() == 0
        assert exports.open() == MFILE


def test_max_files_is_of_libwazeros_wasi(shared_rt, wat):
    with pytest.raises(wazero.WazeroError, match="max_files needs libwazero's WASI"):
        shared_rt.instantiate(wat(WRITER), max_files=1, wasi="wazero")


@pytest.mark.parametrize(
    ("option", "value", "error"),
    [
        ("output_limit", -1, ValueError),
        ("output_limit", 2**62 + 1, ValueError),
        ("output_limit", 1.0, TypeError),
        ("output_limit", "many", ValueError),
        ("output_limit", b"1", TypeError),
        ("max_files", -1, ValueError),
        ("max_files", 2**32, ValueError),
        ("max_files", "1", TypeError),
        ("max_files", 1.0, TypeError),
    ],
)
def test_wrong_limits(shared_rt, wat, option, value, error):
    for takes in (wazero.run, shared_rt.instantiate):
        with pytest.raises(error, match=option):
            takes(wat('(module (func (export "_start")))'), **{option: value})
