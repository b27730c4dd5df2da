"""Guests that call the host, which calls guests, for ever; and those that end inside.

Python's own limit of recursion is out of the way, so that it is libwazero's that holds.
"""

import contextlib
import gc
import resource
import sys
import threading

import pytest
import wazero
from wasmtime import wat2wasm

WASM = bytes(
    wat2wasm("""(module
      (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
      (import "wasi_snapshot_preview1" "fd_write"
        (func $fd_write (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "path_open"
        (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
      (import "host" "f" (func $f))
      (import "host" "with" (func $with (param i64 externref) (result i64 externref)))
      (memory (export "memory") 1)
      (data (i32.const 0) "\\10\\00\\00\\00\\01\\00\\00\\00")
      (func (export "call") (call $f))
      (func (export "with") (param i64 externref) (result i64 externref)
        (call $with (local.get 0) (local.get 1)))
      (func (export "again") (call $f) (call $f))
      (func (export "write")
        (drop (call $fd_write
          (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
      (func (export "open")
        (drop (call $path_open (i32.const 3) (i32.const 1) (i32.const 0) (i32.const 1)
          (i32.const 0) (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 8))))
      (func (export "exit") (call $proc_exit (i32.const 7))))""")
)
STARTS = bytes(
    wat2wasm('(module (import "host" "f" (func $f)) (start $f))'),
)
MODES = {
    "compiler": {},
    "interpreter": {"engine": "interpreter"},
    "exceptions": {"features": ["exception-handling"]},
    "listened to": {},
}


@pytest.fixture(params=MODES)
def compiled(request):
    options = {}
    if request.param == "listened to":
        options["listener"] = lambda call: None
    with wazero.Runtime(**MODES[request.param]) as runtime:
        yield runtime.compile(WASM, **options)


@pytest.fixture(autouse=True)
def without_limit():
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(50_000)
    yield
    sys.setrecursionlimit(limit)


def make(compiled, f=lambda: None, **options):
    def with_values(number, value):
        return module.call("with", number + 1, value)

    module = compiled.instantiate(
        imports={"host": {"f": f, "with": with_values}}, **options
    )
    return module


# Python 3.12 counts calls that lead through C up to a limit of its own, which nothing
# lifts: where the stack is large it comes first.
ENDS = (wazero.Trap,) + ((RecursionError,) if sys.version_info[:2] == (3, 12) else ())


def check_overflow(function, *args, **options):
    with pytest.raises(ENDS) as got:
        function(*args, **options)
    if isinstance(got.value, wazero.Trap):
        assert "calls nested through host functions" in str(got.value)
        assert got.value.code == wazero.TrapCode.STACK_OVERFLOW


def test_calls(compiled):
    module = make(compiled, lambda: module.call("call"))
    for _ in range(2):
        check_overflow(module.call, "call")
    check_overflow(module.call, "with", 1, "value")
    small = make(compiled, lambda: small.call("call"), max_stack="64KiB")
    check_overflow(small.call, "call")


def test_calls_between_two_modules(compiled):
    one = make(compiled, lambda: other.call("call", timeout=30))
    other = make(compiled, lambda: one.call("call", timeout=20))
    check_overflow(one.call, "call", timeout=10)


@pytest.mark.parametrize("size", [1 << 20, 256 << 10])
def test_calls_in_a_thread_with_little_stack(compiled, size):
    def run():
        check_overflow(module.call, "call")
        ends.append("overflow")

    ends = []
    module = make(compiled, lambda: module.call("call"))
    before = threading.stack_size(size)
    try:
        thread = threading.Thread(target=run)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert ends == ["overflow"]


def test_instances(compiled):
    """A start function whose host function makes the next instance."""

    def f():
        starts.append(True)
        with starting.instantiate(imports={"host": {"f": f}}):
            raise AssertionError("it has an end")

    starts = []
    starting = compiled.runtime.compile(STARTS)
    check_overflow(starting.instantiate, imports={"host": {"f": f}})
    assert 100 < len(starts) <= 1001


def test_streams_and_file_systems(compiled):
    class Files(wazero.BaseFileSystem):
        def stat(self, path):
            calls.append("stat")
            module.call("open")
            raise FileNotFoundError(path)

    def write(data):
        calls.append("write")
        module.call("write")
        return len(data)

    calls = []
    module = make(compiled, stdout=write, mounts={"/": Files()})
    check_overflow(module.call, "write")
    check_overflow(module.call, "open")
    assert set(calls) == {"write", "stat"}


def test_a_host_that_swallows_it(compiled):
    """A guest that calls twice would take for ever: the timeout ends it."""

    def f():
        with contextlib.suppress(*ENDS):
            module.call("again")

    module = make(compiled, f)
    with pytest.raises(wazero.Timeout):
        module.call("again", timeout=0.5)
    assert make(compiled).call("again") is None


@pytest.mark.parametrize("swallow", [False, True])
def test_proc_exit_inside(compiled, swallow):
    """It ends the module that it is called in, whatever the host makes of that."""

    def f():
        calls.append(True)
        try:
            target.call("exit")
        except wazero.ExitError as error:
            assert error.exit_code == 7
            if not swallow:
                raise

    for itself in (True, False):
        calls = []
        module = make(compiled, f)
        target = module if itself else make(compiled)
        if swallow and not itself:  # the second time it is closed
            with pytest.raises(wazero.ClosedError):
                module.call("again")
        else:
            with pytest.raises(wazero.ExitError) as caught:
                module.call("again")
            assert caught.value.exit_code == 7
        assert len(calls) == (2 if swallow and not itself else 1)
        assert target.exit_code == 7 and target.closed
        assert module.closed == itself


def resident():
    """Bytes, without instances that Python has yet to find in their cycles: they lead
    through their host functions to themselves."""
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def test_instances_and_runtimes_for_ever(compiled):
    """A guest that has its host make an instance, or a runtime, over and over: what is
    dropped is given back."""

    def make_instance():
        other = make(compiled)
        other.memory.write(0, bytes([1]) * (64 << 10))

    def make_runtime():
        with wazero.Runtime() as runtime:
            runtime.instantiate(STARTS, imports={"host": {"f": lambda: None}})

    for f, warm, count in ((make_instance, 50, 1000), (make_runtime, 3, 30)):
        module = make(compiled, f)
        for _ in range(warm):
            module.call("call")
        before = resident()
        for _ in range(count):
            module.call("call")
        assert resident() - before < 48 << 20


GROWS = bytes(
    wat2wasm("""(module
      (memory (export "memory") 1)
      (table (export "table") 10 funcref)
      (func (export "memory_for_ever") (result i32)
        (loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
        (memory.size))
      (func (export "table_for_ever") (result i32)
        (loop $again
          (br_if $again
            (i32.ne (table.grow (ref.null func) (i32.const 7)) (i32.const -1))))
        (table.size)))""")
)


@pytest.mark.parametrize("mode", MODES)
def test_several_that_grow_for_ever(mode):
    """The limit is each one's own, also where the runtime's is larger."""
    with wazero.Runtime(memory_limit="2MiB", table_limit=100, **MODES[mode]) as runtime:
        compiled = runtime.compile(GROWS)
        modules = [compiled.instantiate(name="") for _ in range(10)]
        modules.append(compiled.instantiate(name="", memory_limit="1MiB"))
        for module in modules:
            pages = 16 if module is modules[-1] else 32
            assert module.exports.memory_for_ever() == module.memory.pages == pages
            assert 93 < module.exports.table_for_ever() <= 100
