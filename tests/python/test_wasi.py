import io
import os
import pathlib
import tempfile

import pytest
import wazero

# A program that copies standard input to standard output and error, and prints its
# arguments and environment.
IMPORTS = """
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get"
    (func $args_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get"
    (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get"
    (func $environ_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get"
    (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get"
    (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get"
    (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
"""
PROGRAM = f"""
(module $program
{IMPORTS}
  (memory (export "memory") 2)
  (func (export "args") (result i32 i32)
    (drop (call $args_sizes (i32.const 0) (i32.const 4)))
    (drop (call $args_get (i32.const 1024) (i32.const 4096)))
    (i32.load (i32.const 0)) (i32.load (i32.const 4)))
  (func (export "environ") (result i32 i32)
    (drop (call $environ_sizes (i32.const 0) (i32.const 4)))
    (drop (call $environ_get (i32.const 1024) (i32.const 4096)))
    (i32.load (i32.const 0)) (i32.load (i32.const 4)))
  (func (export "clock") (param i32) (result i64)
    (drop (call $clock (local.get 0) (i64.const 1) (i32.const 0)))
    (i64.load (i32.const 0)))
  (func (export "random") (param i32) (result i32)
    (call $random (i32.const 4096) (local.get 0)))
  (func (export "write") (param $fd i32) (param $size i32) (result i32 i32)
    (i32.store (i32.const 0) (i32.const 4096))
    (i32.store (i32.const 4) (local.get $size))
    (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))
    (i32.load (i32.const 8)))
  (func (export "read") (param $fd i32) (param $size i32) (result i32 i32)
    (i32.store (i32.const 0) (i32.const 4096))
    (i32.store (i32.const 4) (local.get $size))
    (call $fd_read (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))
    (i32.load (i32.const 8)))
  (func (export "open") (param $size i32) (param $flags i32) (result i32 i32)
    (call $path_open (i32.const 3) (i32.const 0) (i32.const 4096) (local.get $size)
      (local.get $flags)
      (select (i64.const 0x42) (i64.const 0x2) (local.get $flags)) ;; to write, to read
      (i64.const 0) (i32.const 0) (i32.const 8))
    (i32.load (i32.const 8))))
"""


class Guest:
    def __init__(self, mod):
        self.mod = mod

    def strings(self, name):
        count, size = self.mod.call(name)
        data = self.mod.memory.read(4096, size)
        parts = data.split(b"\0")
        assert parts.pop() == b"" and len(parts) == count
        return parts

    def write(self, data, fd=1):
        self.mod.memory.write(4096, data)
        errno, written = self.mod.call("write", fd, len(data))
        return written if errno == 0 else -errno

    def read(self, size, fd=0):
        errno, count = self.mod.call("read", fd, size)
        assert errno == 0
        return self.mod.memory.read(4096, count)

    def read_all(self, size=7):
        data = b""
        while chunk := self.read(size):
            data += chunk
        return data

    def open(self, path, flags=0):
        self.mod.memory.write(4096, path)
        errno, fd = self.mod.call("open", len(path), flags)
        return fd if errno == 0 else -errno


@pytest.fixture(params=["libwazero", "wazero"])
def guest(request, rt, wat):
    return lambda **options: Guest(
        rt.instantiate(wat(PROGRAM), wasi=request.param, **options)
    )


def test_nothing_is_granted(guest):
    nothing = guest()
    assert nothing.strings("args") == []
    assert nothing.strings("environ") == []
    assert nothing.read(10) == b""
    assert nothing.write(b"lost") == 4
    assert nothing.open(b"etc/passwd") < 0


def test_args(guest):
    args = ["prog", "ä b", b"\xff", pathlib.Path("a/b"), ""]
    expected = [b"prog", "ä b".encode(), b"\xff", b"a/b", b""]
    assert guest(args=args).strings("args") == expected
    assert guest(args=iter(["x"])).strings("args") == [b"x"]


@pytest.mark.parametrize(
    ("args", "error", "text"),
    [
        ("prog", TypeError, "args must be a sequence of strings, not one str"),
        (["a\0b"], ValueError, r"args\[0\] must not contain a NUL"),
        ([1], TypeError, r"args\[0\] must be str, bytes or os.PathLike, not int"),
        (3, TypeError, "args must be a sequence of strings, not int"),
    ],
)
def test_wrong_args(guest, args, error, text):
    with pytest.raises(error, match=text):
        guest(args=args)


def test_env(guest):
    env = {"A": "1", "Ä": "ö", b"B": b"\xff", "EMPTY": "", "E": "a=b"}
    expected = [b"A=1", "Ä=ö".encode(), b"B=\xff", b"EMPTY=", b"E=a=b"]
    assert sorted(guest(env=env).strings("environ")) == sorted(expected)
    assert len(guest(env=os.environ).strings("environ")) == len(os.environ)


@pytest.mark.parametrize(
    ("env", "error", "text"),
    [
        ({"": "1"}, ValueError, "'' is no name"),
        ({"A=B": "1"}, ValueError, "'A=B' is no name"),
        ({"A": "1\0"}, ValueError, "a value of env must not contain a NUL"),
        ({"A": 1}, TypeError, "a value of env must be str, bytes"),
        ({1: "a"}, TypeError, "a key of env must be str"),
        (["A=1"], TypeError, "env must be a mapping, not list"),
        ("A=1", TypeError, "env must be a mapping"),
        (3, TypeError, "env must be a mapping"),
    ],
)
def test_wrong_env(guest, env, error, text):
    with pytest.raises(error, match=text):
        guest(env=env)


# -------------------------------------------------------------------- output


def test_binary_output(guest, tmp_path):
    out, err = io.BytesIO(), io.BytesIO()
    program = guest(stdout=out, stderr=err)
    assert program.write(b"abc\xff\n") == 5
    assert program.write(b"err", fd=2) == 3
    assert program.write(b"") == 0
    assert out.getvalue() == b"abc\xff\n" and err.getvalue() == b"err"
    with open(tmp_path / "out", "wb", buffering=0) as file:
        guest(stdout=file).write(b"raw" * 20000)
    assert (tmp_path / "out").read_bytes() == b"raw" * 20000
    with tempfile.NamedTemporaryFile() as file:
        guest(stdout=file).write(b"named")
        file.seek(0)
        assert file.read() == b"named"


def test_text_output_across_writes(guest, tmp_path):
    out = io.StringIO()
    program = guest(stdout=out)
    for byte in "aö€😀z".encode():
        program.write(bytes([byte]))
    assert out.getvalue() == "aö€😀z"
    program.write(b"\xff!")
    assert out.getvalue() == "aö€😀z\ufffd!"
    with open(tmp_path / "out", "w", encoding="utf-16") as file:
        guest(stdout=file).write("wörld".encode())
    assert (tmp_path / "out").read_text(encoding="utf-16") == "wörld"


def test_half_a_character_at_the_end(guest):
    out = io.StringIO()
    program = guest(stdout=out)
    program.write("ö".encode()[:1])
    assert out.getvalue() == ""
    program.mod.close()
    assert out.getvalue() == "\ufffd"
    program.mod.close()
    assert out.getvalue() == "\ufffd"


def test_order_with_python_is_kept(guest, tmp_path):
    with open(tmp_path / "out", "w", encoding="utf-8") as file:
        program = guest(stdout=file)
        file.write("one ")
        program.write(b"two ")
        file.write("three")
    assert (tmp_path / "out").read_text() == "one two three"


def test_sys_stdout(guest, capsys):
    import sys

    guest(stdout=sys.stdout, stderr=sys.stderr).write(b"shown\n")
    assert capsys.readouterr().out == "shown\n"


def test_callable_output(guest):
    chunks = []
    program = guest(stdout=chunks.append)
    program.write(b"a\0b")
    program.write(b"c")
    assert b"".join(chunks) == b"a\0bc"
    assert all(type(chunk) is bytes for chunk in chunks)


def test_short_writes_go_on(guest):
    class Slow:
        def __init__(self):
            self.data = b""

        def write(self, data):
            self.data += data[:2]
            return min(2, len(data))

    class Stuck:
        def write(self, data):
            return 0

    slow = Slow()
    assert guest(stdout=slow).write(b"12345") == 5
    assert slow.data == b"12345"
    with pytest.raises(OSError, match="took nothing"):
        guest(stdout=Stuck()).write(b"1")


class Special(Exception):
    pass


def test_exceptions_in_streams_come_out(guest):
    raised = Special("full")

    def fail(_):
        raise raised

    class File:
        write = staticmethod(fail)
        read = staticmethod(fail)

    for output in (fail, File()):
        with pytest.raises(Special) as caught:
            guest(stdout=output).write(b"x")
        assert caught.value is raised
        with pytest.raises(Special) as caught:
            guest(stdin=output).read(1)
        assert caught.value is raised
    closed = io.BytesIO()
    program = guest(stdout=closed)
    closed.close()
    with pytest.raises(ValueError, match="closed file"):
        program.write(b"x")


# -------------------------------------------------------------------- input


def test_bytes_input(guest):
    for data in (b"hello world", bytearray(b"hello world"), memoryview(b"hello world")):
        assert guest(stdin=data).read_all() == b"hello world"
    assert guest(stdin=b"").read(5) == b""
    assert guest(stdin=None).read(5) == b""


def test_file_input(guest, tmp_path):
    data = bytes(range(256)) * 300
    (tmp_path / "in").write_bytes(data)
    for buffering in (0, -1):
        with open(tmp_path / "in", "rb", buffering=buffering) as file:
            assert guest(stdin=file).read_all(999) == data
    assert guest(stdin=io.BytesIO(data)).read_all(4000) == data


def test_text_input(guest, tmp_path):
    text = "ä\nöü€\n😀 ende"
    assert guest(stdin=io.StringIO(text)).read_all(1) == text.encode()
    (tmp_path / "in").write_text(text, encoding="utf-16")
    with open(tmp_path / "in", encoding="utf-16") as file:
        assert guest(stdin=file).read_all(5) == text.encode()


def test_callable_input(guest):
    sizes = []
    chunks = [b"", b"tail", b"more than was asked for", b"ab"]

    def read(size):
        sizes.append(size)
        return chunks.pop()

    assert guest(stdin=read).read_all(5) == b"abmore than was asked fortail"
    assert sizes == [5, 5, 5, 5]
    assert guest(stdin=lambda n: bytearray(b"")).read(3) == b""


def test_pipe_gives_what_there_is(guest):
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as file, os.fdopen(writer, "wb", buffering=0) as out:
        program = guest(stdin=file)
        out.write(b"now")
        assert program.read(1000) == b"now"


def test_input_of_wrong_type(guest):
    with pytest.raises(TypeError, match="stdin must give bytes, not str"):
        guest(stdin=lambda n: "text").read(3)
    with pytest.raises(TypeError, match="stdin must give bytes, not NoneType"):
        guest(stdin=lambda n: None).read(3)


@pytest.mark.parametrize("name", ["stdin", "stdout", "stderr"])
@pytest.mark.parametrize("value", ["path", 3, object()])
def test_wrong_streams(guest, name, value):
    with pytest.raises(TypeError, match=f"{name} must be None, wazero.INHERIT"):
        guest(**{name: value})


def test_output_to_bytes_is_refused(guest):
    with pytest.raises(TypeError, match="stdout must be None"):
        guest(stdout=b"x")


def test_inherit(python, wat):
    out = python(
        """
import sys, wazero
with wazero.Runtime() as rt:
    mod = rt.instantiate(bytes.fromhex(sys.argv[1]), stdout=wazero.INHERIT)
    mod.memory.write(4096, b"from the guest\\n")
    mod.call("write", 1, 15)
""",
        wat(PROGRAM).hex(),
    )
    assert out == "from the guest\n"
    assert repr(wazero.INHERIT) == "wazero.INHERIT"


# -------------------------------------------------------------------- files


def test_mounts(guest, tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    for mounts in (
        {"/": tmp_path},
        {"/": str(tmp_path)},
        {"/": os.fsencode(tmp_path)},
        {"/": (tmp_path, "ro")},
        {"/": (tmp_path, "rw")},
    ):
        program = guest(mounts=mounts)
        fd = program.open(b"file")
        assert fd > 3
        assert program.read(100, fd) == b"content"
    program = guest(fs=wazero.FSConfig().mount(tmp_path, "/", readonly=True))
    assert program.read(100, program.open(b"file")) == b"content"


def test_read_only_mounts(guest, tmp_path):
    create = 1
    assert guest(mounts={"/": (tmp_path, "ro")}).open(b"new", create) < 0
    readonly = wazero.FSConfig().mount(tmp_path, "/", readonly=True)
    assert guest(fs=readonly).open(b"new", create) < 0
    assert not (tmp_path / "new").exists()
    program = guest(mounts={"/": tmp_path})
    fd = program.open(b"new", create)
    assert program.write(b"data", fd) == 4
    assert (tmp_path / "new").read_bytes() == b"data"


def test_fs_config_is_immutable(tmp_path):
    empty = wazero.FSConfig()
    one = empty.mount(tmp_path, "/a")
    two = one.mount(tmp_path, "/b", readonly=True)
    assert empty.mounts == ()
    assert two.mounts == ((tmp_path, "/a", False), (tmp_path, "/b", True))


@pytest.mark.parametrize(
    ("mounts", "error", "text"),
    [
        ({"/": "no such directory"}, FileNotFoundError, "no such directory"),
        ({"/": __file__}, NotADirectoryError, "test_wasi"),
        ({"/": (".", "x")}, ValueError, "'ro' or 'rw', not 'x'"),
        ({"/": 3}, TypeError, "host directory of a mount must be str"),
        ({3: "."}, TypeError, "guest path of a mount must be str"),
        (["."], TypeError, "mounts must be a mapping"),
        ({"/": "a\0b"}, ValueError, "must not contain a NUL"),
    ],
)
def test_wrong_mounts(guest, mounts, error, text):
    with pytest.raises(error, match=text):
        guest(mounts=mounts)


def test_wrong_fs(guest):
    with pytest.raises(TypeError, match=r"fs must be a wazero.FSConfig or a map"):
        guest(fs=3)


# -------------------------------------------------------------------- clocks, random


def test_clocks_are_the_same_in_every_run_unless_granted(guest):
    for clock in (0, 1):
        first, second = (guest().mod.call("clock", clock) for _ in range(2))
        assert first == second


def test_system_clocks(guest):
    import time

    before = time.time_ns()
    now = guest(walltime="system").mod.call("clock", 0)
    assert before - 10**9 <= now <= time.time_ns() + 10**9
    program = guest(nanotime="system")
    assert program.mod.call("clock", 1) <= program.mod.call("clock", 1)


def test_random(guest):
    def bytes_of(**options):
        program = guest(**options)
        assert program.mod.call("random", 32) == 0
        return program.mod.memory.read(4096, 32)

    assert bytes_of() == bytes_of()
    assert bytes_of(random="system") != bytes_of(random="system")


@pytest.mark.parametrize("value", ["inherit", wazero.INHERIT])
def test_inherited_environment(guest, monkeypatch, value):
    monkeypatch.setenv("WAZERO_TEST_A", "1")
    monkeypatch.setenv("WAZERO_TEST_B", "x=y \xe4")
    strings = guest(env=value).strings("environ")
    assert {b"%s=%s" % item for item in os.environb.items()} <= set(strings)
    assert b"WAZERO_TEST_B=x=y \xc3\xa4" in strings


@pytest.mark.parametrize("name", ["wasi_snapshot_preview1", "wasi_unstable"])
def test_some_functions_may_be_replaced(rt, wat, name):
    wasm = wat(
        f"""(module
        (import "{name}" "clock_time_get"
          (func $clock (param i32 i64 i32) (result i32)))
        (import "{name}" "sched_yield" (func $yield (result i32)))
        (import "{name}" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (func (export "clock") (result i64)
          (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 0)))
          (i64.load (i32.const 0)))
        (func (export "yield") (result i32) (call $yield))
        (func (export "exit") (call $exit (i32.const 3))))"""
    )
    calls = []
    override = {
        "sched_yield": wazero.func(lambda: 52, [], ["i32"]),
        "proc_exit": calls.append,
        "fd_write": lambda *args: 0,  # not imported
    }
    mod = rt.instantiate(wasm, imports={name: override})
    assert mod.call("yield") == 52
    assert mod.call("clock") == 1640995200 * 10**9  # WASI's own
    mod.call("exit")
    assert calls == [3] and not mod.closed
    wrong = {name: {"sched_yield": wazero.func(lambda: 1, ["i32"], ["i32"])}}
    with pytest.raises(wazero.LinkError, match="sched_yield"):
        rt.instantiate(wasm, imports=wrong)
    rt.host_module(name, {"sched_yield": wazero.func(lambda: 7, [], ["i32"])})
    assert rt.instantiate(wasm).call("yield") == 7  # for all that follow


def test_config_object(guest):
    out = io.BytesIO()
    config = wazero.ModuleConfig(args=["a"], env={"K": "V"}, stdin=b"in", stdout=out)
    program = guest(config=config)
    assert program.strings("args") == [b"a"]
    assert program.strings("environ") == [b"K=V"]
    assert program.read_all() == b"in"
    program.write(b"out")
    assert out.getvalue() == b"out"
    assert guest(config=config, args=["b"]).strings("args") == [b"b"]
    assert guest(config=config, stdin=None).read(3) == b""
