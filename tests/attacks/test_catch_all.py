"""A guest that catches everything cannot keep itself from being ended.

It runs each way of being ended inside try_table with catch_all, or catch_all_ref, and
inside a loop that tries again. What it catches it reports to the host: nothing.
"""

import functools
import threading

import pytest
import wazero
from wasmtime import wat2wasm

WAYS = {
    "step": "(loop $again (call $step) (br $again))",
    "throw": """
      (loop $again
        (block $caught
          (try_table (catch_all $caught) (call $step) (throw $e)))
        (br $again))""",
    "deep": "(call $deep)",
    "unreachable": "unreachable",
    "outside": "(drop (i32.load (i32.const -1)))",
    "exit": "(call $proc_exit (i32.const 3))",
    "write": """
      (loop $again
        (drop (call $fd_write
          (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
        (br $again))""",
    "sleep": """
      (drop (call $poll_oneoff
        (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 8)))""",
    "inner": "(call $inner)",
}
TRIES = {
    "": """(block $caught
      (try_table (catch_all $caught) (call $way_{way}) (return)))
      (call $swallowed)""",
    "_ref": """(block $caught (result exnref)
      (try_table (catch_all_ref $caught) (call $way_{way})) (return))
      (call $swallowed) (throw_ref)""",
    "_again": """(loop $try
      (block $caught
        (try_table (catch_all $caught) (call $way_{way}) (return)))
      (call $swallowed) (br $try))""",
}


def source():
    functions = []
    for way, body in WAYS.items():
        functions.append(f"(func $way_{way} {body})")
        for suffix, text in TRIES.items():
            inside = text.replace("{way}", way)
            functions.append(f'(func (export "{way}{suffix}") {inside})')
    return f"""(module
      (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
      (import "wasi_snapshot_preview1" "fd_write"
        (func $fd_write (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "poll_oneoff"
        (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
      (import "host" "step" (func $step))
      (import "host" "swallowed" (func $swallowed))
      (import "host" "inner" (func $inner))
      (tag $e)
      (memory (export "memory") 1)
      (data (i32.const 0) "\\10\\00\\00\\00\\00\\04\\00\\00")  ;; 1024 bytes at 16
      (data (i32.const 88) "\\00\\00\\00\\00\\00\\01\\00\\00")  ;; 18 minutes
      (func $deep (call $deep))
      {" ".join(functions)})"""


@pytest.fixture(scope="module")
def wasm():
    return bytes(wat2wasm(source()))


class Listener:
    def wants(self, definition):
        return definition.name != "deep"  # it would take seconds

    def before(self, call):
        pass

    def abort(self, call):
        pass


@pytest.fixture(scope="module", params=["compiler", "interpreter", "listened to"])
def compiled(request, wasm):
    engine = "interpreter" if request.param == "interpreter" else "auto"
    options = {"listener": Listener()} if request.param == "listened to" else {}
    with wazero.Runtime(engine=engine, features=["exception-handling"]) as runtime:
        yield runtime.compile(wasm, **options)


class Ended(BaseException):
    """What a host function raises."""


@pytest.fixture
def make(compiled):
    """An instance, whose host functions are step and inner."""

    def instantiate(step=lambda: None, inner=lambda: None):
        def swallowed():
            swallows.append(True)
            if len(swallows) > 10:
                raise AssertionError("it goes on for ever")

        swallows = []
        host = {"step": step, "inner": inner, "swallowed": swallowed}
        module = compiled.instantiate(
            imports={"host": host},
            stdout=len,
            output_limit=100_000,
            max_stack="256KiB",
            nanosleep="system",
        )
        return module, swallows

    return instantiate


def check(make, name, error, *, timeout=30, **host):
    module, swallows = make(**host)
    with pytest.raises(error) as caught:
        module.call(name, timeout=timeout)
    assert swallows == []
    return module, caught.value


TRY = sorted(TRIES)


@pytest.mark.parametrize("suffix", TRY)
@pytest.mark.parametrize("way", ["step", "throw", "sleep"])
def test_the_timeout(make, way, suffix):
    check(make, way + suffix, wazero.Timeout, timeout=0.05)


@pytest.mark.parametrize("suffix", TRY)
@pytest.mark.parametrize("way", ["step", "throw", "sleep"])
@pytest.mark.parametrize("end", ["interrupt", "close"])
def test_an_interrupt_and_closing(make, way, suffix, end):
    def step():
        started.set()

    started = threading.Event()
    module, swallows = make(step)
    thread = threading.Thread(target=lambda: started.wait() and getattr(module, end)())
    thread.start()
    if way == "sleep":
        threading.Timer(0.05, started.set).start()
    expected = wazero.Interrupted if end == "interrupt" else wazero.ClosedError
    with pytest.raises(expected):
        module.call(way + suffix, timeout=30)
    thread.join()
    assert swallows == []


@pytest.mark.parametrize("suffix", TRY)
def test_what_a_host_function_raises(make, suffix):
    def step():
        raise Ended("by the host")

    for way in ("step", "throw", "inner"):
        _, error = check(make, way + suffix, Ended, step=step, inner=step)
        assert str(error) == "by the host"


@pytest.mark.parametrize("suffix", TRY)
def test_the_end_of_an_inner_call(make, suffix):
    """Its trap, exit and timeout come out of the outer call, too."""
    for way, expected, timeout in (
        ("unreachable", wazero.Trap, 30),
        ("exit", wazero.ExitError, 30),
        ("step", wazero.Timeout, 0.05),
    ):
        other, _ = make()
        inner = functools.partial(other.call, way, timeout=timeout)
        check(make, "inner" + suffix, expected, inner=inner)


@pytest.mark.parametrize("suffix", TRY)
def test_proc_exit(make, suffix):
    module, error = check(make, "exit" + suffix, wazero.ExitError)
    assert error.exit_code == module.exit_code == 3


@pytest.mark.parametrize("suffix", TRY)
def test_limits(make, suffix):
    _, trap = check(make, "deep" + suffix, wazero.Trap)
    assert trap.code == wazero.TrapCode.STACK_OVERFLOW
    check(make, "write" + suffix, wazero.OutputLimitError)


@pytest.mark.parametrize("suffix", TRY)
def test_traps(make, suffix):
    for way, code in (
        ("unreachable", wazero.TrapCode.UNREACHABLE),
        ("outside", wazero.TrapCode.OUT_OF_BOUNDS_MEMORY_ACCESS),
    ):
        module, trap = check(make, way + suffix, wazero.Trap)
        assert trap.code == code
        assert not module.closed
