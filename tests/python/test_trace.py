"""Reports: what a guest has used, and its WASI calls, as objects and as text."""

import asyncio
import gc
import io
import os
import pathlib
import pickle
import signal
import weakref

import pytest
import wazero

WASM = pathlib.Path(__file__).parents[1] / "wasm"

# Opens "a.txt" in what is mounted first, writes "hello" to it, looks for a file with a
# hostile name, writes "done" to its output, and exits with the number of arguments.
PROGRAM = r"""
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get"
    (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 100) "a.txt")
  (data (i32.const 110) "\1b[2Jno\n\ff\"")
  (data (i32.const 200) "hello")
  (data (i32.const 210) "done")
  (func (export "_start")
    (drop (call $open (i32.const 3) (i32.const 1) (i32.const 100) (i32.const 5)
      (i32.const 9) (i64.const 0x42) (i64.const 0) (i32.const 0) (i32.const 0)))
    (i32.store (i32.const 16) (i32.const 200))
    (i32.store (i32.const 20) (i32.const 5))
    (drop (call $write (i32.load (i32.const 0)) (i32.const 16) (i32.const 1)
      (i32.const 8)))
    (drop (call $open (i32.const 3) (i32.const 0) (i32.const 110) (i32.const 9)
      (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 0)))
    (i32.store (i32.const 16) (i32.const 210))
    (i32.store (i32.const 20) (i32.const 4))
    (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 8)))
    (drop (memory.grow (i32.const 2)))
    (drop (call $args (i32.const 0) (i32.const 4)))
    (if (i32.eq (i32.load (i32.const 0)) (i32.const 3)) (then unreachable))
    (call $exit (i32.sub (i32.load (i32.const 0)) (i32.const 1)))))
"""

# Asks for the time, for ever or so often.
ASKING = """
(module
  (import "wasi_snapshot_preview1" "clock_time_get"
    (func $time (param i32 i64 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local $count i32)
    (loop $again
      (drop (call $time (i32.const 1) (i64.const 0) (i32.const 0)))
      (local.set $count (i32.add (local.get $count) (i32.const 1)))
      (br_if $again (i32.ne (local.get $count) (i32.const TIMES))))))
"""

NAMES = [
    "path_open",
    "fd_write",
    "path_open",
    "fd_write",
    "args_sizes_get",
    "proc_exit",
]


@pytest.fixture
def program(wat):
    return wat(PROGRAM)


@pytest.fixture
def endless(wat):
    return wat(ASKING.replace("TIMES", "0"))


# A busy machine may need all of a short timeout for compiling.
TIMEOUTS = (0.3, 3, 30)


@pytest.fixture
def calls(shared_rt):
    """An instance that exports every function of WASI."""
    trace = wazero.Trace()
    with shared_rt.instantiate_file(
        WASM / "wasi_functions.wasm",
        trace=trace,
        fs={"a.txt": b"hello"},
    ) as module:
        yield module


def check_usage(usage):
    assert isinstance(usage, wazero.Usage)
    assert usage.wall_time > 0
    assert usage.cpu_time > 0
    assert usage.peak_memory_pages == 3
    assert usage.files_opened == 1
    assert usage.bytes_read == 0
    assert usage.bytes_written == 9


# ---- usage ----


def test_usage(program):
    done = wazero.run(program, capture_output=True, mounts={"/": wazero.MemoryFS()})
    assert done.stdout == b"done"
    assert done.trace is None
    check_usage(done.usage)
    assert "bytes_written=9" in repr(done.usage)
    assert pickle.loads(pickle.dumps(done.usage)) == done.usage
    # It is no part of what a run gave.
    again = wazero.run(program, capture_output=True, mounts={"/": wazero.MemoryFS()})
    assert again == done


def test_usage_of_errors(program, endless):
    options = {"mounts": {"/": wazero.MemoryFS()}, "capture_output": True}
    with pytest.raises(wazero.Trap) as trap:
        wazero.run(program, "a", "b", trace=True, **options)
    check_usage(trap.value.usage)
    assert [call.name for call in trap.value.trace] == NAMES[:5]
    for run in (
        lambda: wazero.run(program, "a", check=True, trace=True, **options),
        lambda: wazero.run(program, "a", trace=True, **options).check_returncode(),
    ):
        with pytest.raises(wazero.ExitError) as exit_error:
            run()
        check_usage(exit_error.value.usage)
        assert [call.name for call in exit_error.value.trace] == NAMES
    for seconds in TIMEOUTS:
        with pytest.raises(wazero.Timeout) as timeout:
            wazero.run(endless, timeout=seconds, trace=True)
        if len(timeout.value.trace):
            break
    assert timeout.value.usage.wall_time > 0
    assert timeout.value.usage.peak_memory_pages == 1
    assert timeout.value.trace[-1].name == "clock_time_get"
    with pytest.raises(wazero.CompileError) as compile_error:
        wazero.run(b"\0asm", trace=True)
    assert compile_error.value.usage is None
    assert compile_error.value.trace is None


def test_usage_of_an_output_limit(cat):
    with pytest.raises(wazero.OutputLimitError) as caught:
        wazero.run(cat, stdin=lambda size: b"x" * size, output_limit=8, trace=True)
    assert caught.value.usage.bytes_written == 8
    assert caught.value.usage.bytes_read == 10
    assert caught.value.trace[-1].errno is None


def test_usage_of_an_instance(shared_rt, program, wat):
    with pytest.raises(wazero.ExitError) as caught:
        shared_rt.instantiate(program, fs=wazero.MemoryFS(), args=["me", "a"])
    check_usage(caught.value.usage)
    assert caught.value.trace is None
    module = shared_rt.instantiate(wat("(module)"))
    assert module.usage.peak_memory_pages == 0
    assert module.trace is None
    module = shared_rt.instantiate(wat('(module (memory (export "memory") 2))'))
    module.memory.grow(3)
    module.close()
    assert module.usage.peak_memory_pages == 5
    assert shared_rt.host_module("env", {}).usage.files_opened == 0


def test_usage_of_wazeros_own(cat):
    done = wazero.run(cat, input=b"abc", capture_output=True, wasi="wazero")
    assert done.usage.wall_time > 0
    assert done.usage.peak_memory_pages == 1
    assert done.usage.bytes_written is None
    with pytest.raises(wazero.WazeroError, match="a trace needs libwazero's WASI"):
        wazero.run(cat, wasi="wazero", trace=True)


# ---- traces ----


def test_objects(program):
    mounts = {"/": wazero.MemoryFS()}
    trace = wazero.run(program, trace=True, stdout=None, mounts=mounts).trace
    assert isinstance(trace, wazero.Trace)
    assert len(trace) == 6 and trace.dropped == 0
    assert [call.name for call in trace] == NAMES
    opened, written, failed, *_, ended = trace
    assert isinstance(opened, wazero.WasiCall)
    assert opened.module == "wasi_snapshot_preview1"
    assert opened.args == {
        "fd": 3,
        "dirflags": 1,
        "path": "a.txt",
        "oflags": 9,
        "fs_rights_base": 0x42,
        "fs_rights_inheriting": 0,
        "fdflags": 0,
    }
    assert opened.results == {"opened_fd": 4}
    assert (opened.errno, opened.error) == (0, None)
    assert written.args == {"fd": 4, "iovs": (5,)}
    assert written.results == {"nwritten": 5}
    assert failed.args["path"] == '\x1b[2Jno\n\udcff"'
    assert failed.results == {}
    assert failed.error == "ENOENT" and failed.errno > 0
    assert ended.args == {"rval": 0}
    assert (ended.errno, ended.error) == (None, None)
    assert 0 < opened.time <= written.time
    assert 0 <= opened.duration < 60


def test_text(program):
    mounts = {"/": wazero.MemoryFS()}
    trace = wazero.run(program, trace=True, stdout=None, mounts=mounts).trace
    lines = str(trace).split("\n")
    assert len(lines) == 6
    assert lines[0].startswith(
        'path_open(fd=3, dirflags=SYMLINK_FOLLOW, path="a.txt", oflags=CREAT|TRUNC, '
        "fs_rights_base=FD_READ|FD_WRITE, fs_rights_inheriting=0, fdflags=0) = 0 "
        "opened_fd=4 <"
    )
    assert r'path="\x1b[2Jno\n\xff\""' in lines[2] and ") = ENOENT <" in lines[2]
    assert lines[3].startswith("fd_write(fd=1, iovs=[4]) = 0 nwritten=4 <")
    assert lines[5].startswith("proc_exit(rval=0) = ? <")
    assert lines == [str(call) for call in trace]
    assert repr(trace[1]) == f"<wazero.WasiCall {trace[1]}>"
    assert repr(trace) == "<wazero.Trace of 6 calls, 0 dropped>"
    assert str(trace).isprintable() is False  # for its ends of lines alone
    assert all(line.isprintable() for line in lines)


def test_sequence(calls):
    trace = calls.trace
    assert calls.trace is trace and len(trace) == 0 and list(trace) == []
    assert str(trace) == "" and not trace
    for fd in range(100, 105):
        assert calls.call("fd_close", fd) == 8
    numbers = [100, 101, 102, 103, 104]
    assert [call.args["fd"] for call in trace] == numbers
    assert [call.args["fd"] for call in reversed(trace)] == numbers[::-1]
    assert [call.args["fd"] for call in trace[1:-1]] == numbers[1:-1]
    assert [call.args["fd"] for call in trace[::-2]] == numbers[::-2]
    assert trace[-1].args["fd"] == 104 and trace[0].args["fd"] == 100
    for index in (5, -6, 2**70):
        with pytest.raises(IndexError):
            trace[index]
    with pytest.raises(TypeError, match="integers or slices, not str"):
        trace["a"]


def test_values(calls):
    trace = calls.trace
    memory = calls.memory
    assert calls.call("fd_seek", 77, -4, 1, 0) == 8
    assert trace[-1].args == {"fd": 77, "offset": -4, "whence": 1}
    assert trace[-1].error == "EBADF"
    # Out of bounds: an argument, and the place of a result.
    assert calls.call("path_unlink_file", 3, -16, 32) == 21
    assert trace[-1].args == {"fd": 3, "path": None}
    assert "path=<out of bounds 0xfffffff0+32>" in str(trace[-1])
    assert calls.call("fd_tell", 0, -4) == 21
    assert trace[-1].results == {"offset": None}
    # Long ones are cut.
    memory.write(1024, b"x" * 3000)
    calls.call("path_unlink_file", 3, 1024, 3000)
    assert trace[-1].args["path"] == "x" * 1024
    assert 'x"...)' in str(trace[-1])
    memory.pack("<40I", 1024, *range(40))
    calls.call("fd_write", 99, 1024, 20, 0)
    assert trace[-1].args["iovs"] == tuple(range(1, 32, 2))
    # A list of what is waited for.
    memory.write(0, bytes(48))
    memory.pack("<I", 16, 1)
    assert calls.call("poll_oneoff", 0, 1024, 1, 2048) == 0
    assert trace[-1].args["in"] == "[clock(MONOTONIC, 0)]"
    assert trace[-1].results == {"events": "[clock()]", "nevents": 1}
    assert calls.call("unstable_fd_filestat_get", 3, 2048) == 0
    assert trace[-1].module == "wasi_unstable"
    assert trace[-1].results["filetype"] == 3


def test_a_limit_keeps_the_last_calls(wat):
    wasm = wat(ASKING.replace("TIMES", "5000"))
    trace = wazero.Trace("16KiB")
    assert wazero.run(wasm, trace=trace).trace is trace
    assert 10 < len(trace) < 200
    assert trace.dropped + len(trace) == 5000
    first, second = str(trace).split("\n")[:2]
    assert first == f"... {trace.dropped} calls before these were dropped"
    assert second.startswith("clock_time_get(id=MONOTONIC, precision=0) = 0 timestamp=")
    none = wazero.Trace(0)
    wazero.run(wasm, trace=none)
    assert (len(none), none.dropped) == (0, 5000)
    for limit, error in ((-1, ValueError), ("x", ValueError), (1.5, TypeError)):
        with pytest.raises(error):
            wazero.Trace(limit)


def test_modules_share_a_trace(shared_rt, program):
    trace = wazero.Trace()
    for _ in range(2):
        module = shared_rt.instantiate(
            program, args=["me"], fs=wazero.MemoryFS(), trace=trace
        )
        assert module.trace is trace
    assert [call.name for call in trace] == NAMES * 2


# ---- callables and files ----


def test_callable(program):
    got = []
    done = wazero.run(
        program, trace=got.append, stdout=None, mounts={"/": wazero.MemoryFS()}
    )
    assert done.trace is None
    assert [call.name for call in got] == NAMES
    assert got[0].args["path"] == "a.txt"  # it is still there


@pytest.mark.parametrize("name", ["path_open", "proc_exit"])
def test_a_callable_that_raises_ends_the_run(program, name):
    error = RuntimeError("enough")
    got = []

    def trace(call):
        got.append(call.name)
        if call.name == name:
            raise error

    with pytest.raises(RuntimeError) as caught:
        wazero.run(program, trace=trace, stdout=None, mounts={"/": wazero.MemoryFS()})
    assert caught.value is error
    assert got == NAMES[: NAMES.index(name) + 1]


def test_a_callable_that_is_called_in_the_guest(shared_rt, wat):
    """It may use the module: its calls are traced, too, so it has to end itself."""
    wasm = (WASM / "wasi_functions.wasm").read_bytes()
    got = []

    def trace(call):
        got.append(call.name)
        if len(got) < 3:
            module.call("fd_close", 77)

    module = shared_rt.instantiate(wasm, trace=trace)
    module.call("sched_yield")
    assert got == ["sched_yield", "fd_close", "fd_close"]


def test_files(program, tmp_path):
    mounts = {"/": wazero.MemoryFS()}
    text, binary = io.StringIO(), io.BytesIO()
    wazero.run(program, trace=text, stdout=None, mounts=mounts)
    wazero.run(program, trace=binary, stdout=None, mounts=mounts)
    for lines in (text.getvalue().split("\n"), binary.getvalue().decode().split("\n")):
        assert len(lines) == 7 and lines[6] == ""
        assert [line.partition("(")[0] for line in lines[:6]] == NAMES
    with open(tmp_path / "trace.txt", "w", encoding="utf-8") as file:
        wazero.run(program, trace=file, stdout=None, mounts=mounts)
    assert (tmp_path / "trace.txt").read_text("utf-8").count("\n") == 6
    with pytest.raises(ValueError, match="closed file"):
        wazero.run(program, trace=file, stdout=None, mounts=mounts)


@pytest.mark.parametrize("nothing", [None, False])
def test_nothing(program, nothing):
    mounts = {"/": wazero.MemoryFS()}
    done = wazero.run(program, trace=nothing, stdout=None, mounts=mounts)
    assert done.trace is None


@pytest.mark.parametrize("wrong", [1, "trace.txt", b"x", object(), []])
def test_wrong_traces(program, wrong):
    with pytest.raises(TypeError, match=r"trace must be a bool, a wazero\.Trace"):
        wazero.run(program, trace=wrong)


def test_configuration(shared_rt, program):
    config = wazero.ModuleConfig(args=["me"], fs=wazero.MemoryFS(), trace=True)
    first = shared_rt.instantiate(program, config=config)
    second = shared_rt.instantiate(program, config=config)
    assert len(first.trace) == len(second.trace) == 6
    assert shared_rt.instantiate(program, config=config, trace=False).trace is None


def test_types():
    for kind in (wazero.WasiCall, wazero.Trace):
        assert kind.__module__ == "wazero"
        with pytest.raises(TypeError):
            type("Other", (kind,), {})
        with pytest.raises(TypeError):
            kind.other = 1
    with pytest.raises(TypeError):
        wazero.WasiCall()
    trace = wazero.Trace()
    gone = weakref.ref(trace)
    del trace
    gc.collect()
    assert gone() is None


def test_arun(program, endless):
    async def main():
        got = []

        async def trace(call):
            await asyncio.sleep(0)
            got.append(call.name)

        options = {"stdout": None, "mounts": {"/": wazero.MemoryFS()}}
        done = await wazero.arun(program, trace=trace, **options)
        assert got == NAMES and done.trace is None
        check_usage(done.usage)
        done = await wazero.arun(program, trace=True, **options)
        assert [call.name for call in done.trace] == NAMES
        for seconds in TIMEOUTS:
            with pytest.raises(wazero.Timeout) as caught:
                await wazero.arun(endless, timeout=seconds, trace=True)
            if len(caught.value.trace):
                break
        assert caught.value.trace[-1].name == "clock_time_get"

    asyncio.run(main())


# ---- lifetimes ----


def test_a_trace_outlives_its_runtime(program):
    with wazero.Runtime() as runtime:
        module = runtime.instantiate(
            program, args=["me"], fs=wazero.MemoryFS(), trace=True
        )
    trace = module.trace
    check_usage(module.usage)
    call = trace[0]
    del module, runtime, trace
    gc.collect()
    assert call.args["path"] == "a.txt"
    assert str(call).startswith("path_open(fd=3")


def test_a_cycle_through_a_callable(rt, collect):
    class Tracer:
        module = None

        def __call__(self, call):
            pass

    tracer = Tracer()
    tracer.module = rt.instantiate_file(WASM / "wasi_functions.wasm", trace=tracer)
    tracer.module.call("sched_yield")
    gone = weakref.ref(tracer)
    del tracer
    collect()
    assert gone() is None


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork(calls):
    calls.call("fd_close", 77)
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        good = len(calls.trace) == 1 and str(calls.trace).startswith("fd_close(fd=77)")
        os._exit(0 if good else 1)
    assert os.waitpid(child, 0)[1] == 0
