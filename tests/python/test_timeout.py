"""Timeouts, interrupts and limits of the stack, each with the guarantee that holds
where it runs: see Loops in conftest.py."""

import contextlib
import io
import math
import platform
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from fractions import Fraction

import numpy
import pytest
import wazero

SHORT = 0.05
SOON = 20  # what has not come by then does not come


class Stopwatch:
    def __enter__(self):
        self.began = time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.began


def raises(error, function, *args, **kwargs):
    """The exception, and how long it took."""
    with Stopwatch() as watch, pytest.raises(error) as caught:
        function(*args, **kwargs)
    assert type(caught.value) is error
    assert watch.seconds < SOON
    return caught.value, watch.seconds


def in_thread(function, *args, **kwargs):
    """Starts it; result() gives what it returns or raises."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(function, *args, **kwargs)
    pool.shutdown(wait=False)
    return future


def running(function, *args, **kwargs):
    """Has it run in another thread, for a while already: so long by that thread's own
    clock, for the machine may have others to run first."""
    clocks = []

    def work():
        clocks.append(time.pthread_getcpuclockid(threading.get_ident()))
        return function(*args, **kwargs)

    future = in_thread(work)
    end = time.monotonic() + SOON
    while not clocks or time.clock_gettime(clocks[0]) < SHORT:
        assert not future.done() and time.monotonic() < end
        time.sleep(0.001)
    return future


# ---------------------------------------------------------------- timeouts of calls


def test_a_call_ends(loops):
    for _ in range(3):
        error, seconds = raises(wazero.Timeout, loops.endless, timeout=SHORT)
        assert seconds >= SHORT
        assert isinstance(error, TimeoutError) and isinstance(error, wazero.WazeroError)
        assert str(error)
        loops.check()
    assert not loops.mod.closed


def test_where_it_was(loops):
    error, _ = raises(wazero.Timeout, loops.endless, timeout=SHORT)
    assert type(error.frames) is tuple
    assert all(type(frame) is wazero.Frame for frame in error.frames)
    if loops.interruptible and platform.machine() == "x86_64":
        assert (error.frames[0].module, error.frames[0].function) == ("loops", "spin")


def test_module_call(loops):
    raises(wazero.Timeout, loops.mod.call, loops.endless.name, timeout=SHORT)
    assert loops.mod.call("add", 1, 2, timeout=SOON) == 3
    assert loops.mod.call("add", 1, 2, timeout=None) == 3


def test_recursion_without_a_loop(loops):
    raises(wazero.Timeout, loops.fib, 60, timeout=SHORT)
    loops.check()


def test_calls_that_are_quick_enough(loops):
    for timeout in (
        SOON,
        30.5,
        10**6,
        math.inf,
        1e300,
        10**400,
        numpy.float32(9),
        numpy.int8(9),
        Decimal(9),
        Decimal("1e400"),
        Fraction(19, 2),
        Fraction(10**400),
        True,
    ):
        assert loops.exports.add(1, 2, timeout=timeout) == 3
        assert loops.count(1000, timeout=timeout) == 1000


@pytest.mark.parametrize(
    "timeout", [0, 0.0, -0.0, 1e-300, 1e-9, 1e-6, Fraction(1, 10**9)]
)
def test_no_time_at_all(loops, timeout):
    raises(wazero.Timeout, loops.endless, timeout=timeout)
    loops.check()


def test_state_from_before_the_end_stays(make_loops):
    loops = make_loops()
    loops.exports.turns.value = 0
    for _ in range(20):  # on a busy machine the time may be over before the first turn
        raises(wazero.Timeout, loops.count, 2**31, timeout=SHORT)
        if loops.exports.turns.value > 1000 or not loops.interruptible:
            return
    raise AssertionError(loops.exports.turns.value)


WRONG_VALUES = [
    -1,
    -0.001,
    -(10**400),
    -math.inf,
    math.nan,
    Decimal(-1),
    Fraction(-1, 9),
]
WRONG_TYPES = ["1", b"1", "inf", [1], (), 1j, object(), {}]


@pytest.mark.parametrize("timeout", WRONG_VALUES)
def test_wrong_values(loops, timeout):
    text = r"add\(\) argument 'timeout' must be a number of seconds from 0 on, not "
    with pytest.raises(ValueError, match=text):
        loops.exports.add(1, 2, timeout=timeout)
    with pytest.raises(ValueError, match=text):
        loops.mod.call("add", 1, 2, timeout=timeout)


@pytest.mark.parametrize("timeout", WRONG_TYPES)
def test_wrong_types(loops, timeout):
    text = r"add\(\) argument 'timeout' must be a number of seconds or None, not "
    with pytest.raises(TypeError, match=text + type(timeout).__name__):
        loops.exports.add(1, 2, timeout=timeout)
    with pytest.raises(TypeError, match=text):
        loops.mod.call("add", 1, 2, timeout=timeout)


class BadFloat:
    def __float__(self):
        raise ZeroDivisionError("from __float__")


def test_numbers_that_raise(loops):
    with pytest.raises(ZeroDivisionError):
        loops.exports.add(1, 2, timeout=BadFloat())
    with pytest.raises(TypeError):
        loops.exports.add(1, 2, 3, timeout=1)
    with pytest.raises(TypeError, match="argument 2"):
        loops.exports.add(1, "2", timeout=1)


def test_functions_with_many_values(rt, wat):
    types = " ".join(["i64"] * 40)
    gets = " ".join(f"local.get {n}" for n in range(40))
    wide = rt.instantiate(
        wat(f'(module (func (export "f") (param {types}) (result {types}) {gets}))')
    ).exports.f
    assert wide(*range(40), timeout=SOON) == wide(*range(40)) == tuple(range(40))
    with pytest.raises(TypeError, match="takes 40 arguments"):
        wide(*range(39), timeout=SOON)


# ---------------------------------------------------------------- of instances


def test_an_instance_s_timeout(make_loops):
    loops = make_loops(timeout=SHORT)
    for timeout in ({}, {"timeout": None}):
        _, seconds = raises(wazero.Timeout, loops.endless, **timeout)
        assert seconds >= SHORT
    loops.check()


def test_a_call_s_own_timeout_goes_before(make_loops):
    loops = make_loops(timeout=SHORT)
    _, seconds = raises(wazero.Timeout, loops.endless, timeout=6 * SHORT)
    assert seconds >= 6 * SHORT
    loops = make_loops(timeout=60)
    raises(wazero.Timeout, loops.endless, timeout=SHORT)


def test_infinity_lifts_the_instance_s(make_loops):
    loops = make_loops(timeout=SHORT)
    call = running(loops.endless, timeout=math.inf)
    time.sleep(4 * SHORT)
    assert not call.done()
    loops.mod.interrupt()
    with pytest.raises(wazero.Interrupted):
        call.result(SOON)


def test_config(make_loops):
    config = wazero.ModuleConfig(timeout=SHORT, max_stack="1MiB")
    raises(wazero.Timeout, make_loops(config=config).endless)
    loops = make_loops(config=config, timeout=6 * SHORT)
    _, seconds = raises(wazero.Timeout, loops.endless)
    assert seconds >= 6 * SHORT
    make_loops(config=config, timeout=None).check()


@pytest.mark.parametrize("timeout", WRONG_VALUES)
def test_wrong_values_of_instances(rt, add_wasm, timeout):
    text = "timeout must be a number of seconds from 0 on"
    for options in (
        {"timeout": timeout},
        {"config": wazero.ModuleConfig(timeout=timeout)},
    ):
        with pytest.raises(ValueError, match=text):
            rt.instantiate(add_wasm, **options)
        with pytest.raises(ValueError, match=text):
            rt.compile(add_wasm).instantiate(**options)


@pytest.mark.parametrize("timeout", WRONG_TYPES)
def test_wrong_types_of_instances(rt, add_wasm, timeout):
    with pytest.raises(TypeError, match="timeout must be a number of seconds or None"):
        rt.instantiate(add_wasm, timeout=timeout)


STARTS = {
    "start": '(start $go) (func (export "other"))',
    "_start": '(export "_start" (func $go))',
}


@pytest.fixture(params=STARTS)
def start_wasm(request, wat):
    """A module that does not get through its start; it calls the host all the time."""
    return wat(
        f"""(module (import "env" "tick" (func $tick))
        (func $go (loop $again (call $tick) (br $again))) {STARTS[request.param]})"""
    )


TICK = {"env": {"tick": lambda: None}}


def test_start(make_loops, start_wasm, tmp_path):
    runtime = make_loops().mod.runtime
    options = {"imports": TICK, "timeout": SHORT, "name": "starting"}
    path = tmp_path / "start.wasm"
    path.write_bytes(start_wasm)
    for instantiate in (
        lambda: runtime.instantiate(start_wasm, **options),
        lambda: runtime.instantiate_file(path, **options),
        lambda: runtime.compile(start_wasm).instantiate(**options),
    ):
        _, seconds = raises(wazero.Timeout, instantiate)
        assert seconds >= SHORT
        assert runtime.module("starting") is None


def test_start_without_host_calls(rt, wat, loops_wasm):
    probe = rt.instantiate(loops_wasm, imports=TICK)
    if not probe.exports.spin.interruptible:
        return  # nothing is promised there
    for ending in STARTS.values():
        wasm = wat(f"(module (func $go (loop $again (br $again))) {ending})")
        raises(wazero.Timeout, rt.instantiate, wasm, timeout=SHORT)


def test_start_within_its_time(make_loops, wat):
    runtime = make_loops().mod.runtime
    called = []
    mod = runtime.instantiate(
        wat(
            """(module (import "env" "tick" (func $tick))
            (func $one (call $tick)) (start $one) (export "_start" (func $one)))"""
        ),
        imports={"env": {"tick": lambda: called.append(1)}},
        timeout=SOON,
    )
    assert called == [1, 1] and not mod.closed


# ---------------------------------------------------------------- run()

PROGRAM = """
(module
  (import "env" "tick" (func $tick))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 100) "hello")
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 100))
    (i32.store (i32.const 4) (i32.const 5))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (loop $again (call $tick) (br $again))))
"""


def test_run(wat):
    with Stopwatch() as watch, pytest.raises(wazero.Timeout) as caught:
        wazero.run(wat(PROGRAM), imports=TICK, timeout=0.3, capture_output=True)
    assert 0.3 <= watch.seconds < SOON
    assert (caught.value.stdout, caught.value.stderr) == (b"hello", b"")


def test_run_as_text_and_to_files(wat):
    with pytest.raises(wazero.Timeout) as caught:
        wazero.run(
            wat(PROGRAM), imports=TICK, timeout=0.3, capture_output=True, text=True
        )
    assert caught.value.stdout == "hello"
    out = io.BytesIO()
    with pytest.raises(wazero.Timeout) as caught:
        wazero.run(wat(PROGRAM), imports=TICK, timeout=0.3, stdout=out)
    assert (out.getvalue(), caught.value.stdout) == (b"hello", None)


def test_run_in_time(wat):
    wasm = wat('(module (func (export "_start")))')
    for timeout in (None, 60, math.inf, 10**400):
        assert wazero.run(wasm, timeout=timeout).returncode == 0


def test_run_has_time_for_everything(wat):
    """Time that has gone by before the start is not there for it."""
    with pytest.raises(wazero.Timeout):
        wazero.run(wat(PROGRAM), imports=TICK, timeout=0, stdout=None)


def test_run_with_wrong_values(wat):
    for timeout in WRONG_VALUES:
        with pytest.raises(ValueError, match=r"run\(\) argument 'timeout' must be"):
            wazero.run(wat(PROGRAM), timeout=timeout)
    for timeout in WRONG_TYPES:
        with pytest.raises(TypeError, match=r"run\(\) argument 'timeout' must be"):
            wazero.run(wat(PROGRAM), timeout=timeout)


def test_run_with_a_stack(wat):
    wasm = wat('(module (func $f (export "_start") (call $f)))')
    with pytest.raises(wazero.Trap) as caught:
        wazero.run(wasm, max_stack="64KiB")
    assert caught.value.code is wazero.TrapCode.STACK_OVERFLOW
    with pytest.raises(ValueError, match="max_stack"):
        wazero.run(wasm, max_stack=1)


# ---------------------------------------------------------------- nested calls


def test_wasm_in_a_host_function(make_loops):
    """The time of the outer call is all that there is for the inner one."""
    outer, inner = make_loops(), make_loops()
    for options in ({}, {"timeout": None}, {"timeout": 60}, {"timeout": math.inf}):
        outer.tick = lambda options=options: inner.endless(**options)
        _, seconds = raises(wazero.Timeout, outer.exports.tick, timeout=SHORT)
        assert seconds >= SHORT
        outer.tick = lambda: None
        outer.check()
        inner.check()


def test_inner_calls_that_are_shorter(make_loops):
    outer, inner = make_loops(), make_loops()
    seen = []

    def tick():
        error, _ = raises(wazero.Timeout, inner.endless, timeout=SHORT)
        seen.append(error)

    outer.tick = tick
    assert outer.exports.count_ticking(3, timeout=60) == 3
    assert len(seen) == 3


def test_a_timeout_that_is_caught_comes_again(make_loops):
    """The host function cannot keep the outer call alive."""
    outer, inner = make_loops(), make_loops()
    caught = []

    def tick():
        try:
            inner.endless()
        except wazero.Timeout as error:
            caught.append(error)

    outer.tick = tick
    raises(wazero.Timeout, outer.exports.ticking, timeout=SHORT)
    assert caught


def test_the_same_instance_in_its_host_function(loops):
    depth = []

    def tick():
        if len(depth) < 3:
            depth.append(1)
            loops.exports.tick()
        else:
            loops.tick = lambda: None
            loops.endless()

    loops.tick = tick
    raises(wazero.Timeout, loops.exports.tick, timeout=SHORT)
    loops.check()


def test_a_host_function_is_waited_for(loops):
    done = []

    def tick():
        time.sleep(3 * SHORT)
        done.append(1)

    loops.tick = tick
    raises(wazero.Timeout, loops.exports.ticking, timeout=SHORT)
    assert done == [1]


def test_exceptions_go_before_a_timeout_that_comes_later(loops):
    def tick():
        raise KeyError("first")

    loops.tick = tick
    with pytest.raises(KeyError):
        loops.exports.ticking(timeout=60)


def test_map(loops):
    numbers = numpy.full(1_000_000, 1000, "i4")
    error, seconds = raises(wazero.Timeout, loops.count.map, numbers, timeout=SHORT)
    assert 0 <= error.element < len(numbers)
    assert error.__notes__[-1] == f"at element {error.element}"
    assert seconds >= SHORT
    loops.check()


def test_map_of_an_instance_with_a_timeout(make_loops):
    loops = make_loops(timeout=SHORT)
    numbers = numpy.full(1_000_000, 1000, "i4")
    for timeout in ({}, {"timeout": None}):
        raises(wazero.Timeout, loops.count.map, numbers, **timeout)
    _, seconds = raises(wazero.Timeout, loops.count.map, numbers, timeout=6 * SHORT)
    assert seconds >= 6 * SHORT
    call = running(loops.count.map, numbers, timeout=math.inf)
    time.sleep(4 * SHORT)
    assert not call.done()
    loops.mod.interrupt()
    with pytest.raises(wazero.Interrupted) as caught:
        call.result(SOON)
    assert caught.value.element >= 0


# ---------------------------------------------------------------- waiting


class Occupied:
    """Another thread is inside the instance, in its host function."""

    def __init__(self, loops):
        self.loops = loops
        self.inside = threading.Event()
        self.leave = threading.Event()

    def __enter__(self):
        self.loops.tick = self.wait
        self.call = in_thread(self.loops.exports.tick, timeout=math.inf)
        assert self.inside.wait(SOON)
        return self

    def wait(self):
        self.inside.set()
        assert self.leave.wait(60)

    def __exit__(self, *_):
        self.leave.set()
        self.call.result(SOON)
        self.loops.tick = lambda: None


def test_waiting_for_another_thread_is_in_the_time(loops):
    with Occupied(loops):
        _, seconds = raises(wazero.Timeout, loops.exports.add, 1, 2, timeout=SHORT)
        assert seconds >= SHORT
        raises(wazero.Timeout, loops.exports.add, 1, 2, timeout=0)
        column = numpy.arange(5, dtype="i4")
        error, _ = raises(
            wazero.Timeout, loops.exports.add.map, column, column, timeout=SHORT
        )
        assert error.element == 0
        waiting = in_thread(loops.exports.add, 1, 2, timeout=60)
    assert waiting.result(SOON) == 3
    loops.check()


def test_waiting_with_the_instance_s_timeout(make_loops):
    loops = make_loops(timeout=4 * SHORT)
    loops.tick = lambda: None
    with Occupied(loops):
        _, seconds = raises(wazero.Timeout, loops.exports.add, 1, 2)
        assert seconds >= 4 * SHORT
    loops.check()


# ---------------------------------------------------------------- interrupt()


def test_interrupt(loops):
    for _ in range(3):
        call = running(loops.endless)
        with Stopwatch() as watch:
            loops.mod.interrupt()
            with pytest.raises(wazero.Interrupted) as caught:
                call.result(SOON)
        assert watch.seconds < SOON
        assert type(caught.value.frames) is tuple
        assert not isinstance(caught.value, TimeoutError)
        loops.check()
    assert not loops.mod.closed


def test_interrupt_recursion(loops):
    call = running(loops.fib, 60)
    loops.mod.interrupt()
    with pytest.raises(wazero.Interrupted):
        call.result(SOON)
    loops.check()


def test_interrupt_nothing(loops):
    """It is forgotten: the next call runs."""
    for _ in range(3):
        assert loops.mod.interrupt() is None
        loops.check()
        assert loops.exports.count_ticking(1000) == 1000
    loops.mod.close()
    assert loops.mod.interrupt() is None


def test_interrupt_takes_no_arguments(loops):
    with pytest.raises(TypeError):
        loops.mod.interrupt(1)


def test_interrupt_in_a_host_function(loops):
    """The call that led there ends when the host function comes back."""
    after = []

    def tick():
        loops.mod.interrupt()
        after.append(loops.exports.turns.value)

    loops.exports.turns.value = 0
    loops.tick = tick
    raises(wazero.Interrupted, loops.exports.ticking)
    assert after == [1]
    loops.tick = lambda: None
    loops.check()


def test_interrupt_while_a_host_function_runs(loops):
    with Occupied(loops) as occupied:
        loops.mod.interrupt()
        time.sleep(SHORT)
        assert not occupied.call.done()
        occupied.leave.set()
        with pytest.raises(wazero.Interrupted):
            occupied.call.result(SOON)
        occupied.call = in_thread(lambda: None)
    loops.check()


def test_interrupt_a_nested_call(make_loops):
    """The inner call runs in another instance: it ends, and what it raises ends the
    outer one."""
    outer, inner = make_loops(), make_loops()
    outer.tick = lambda: inner.endless()
    call = running(outer.exports.tick)
    inner.mod.interrupt()
    with pytest.raises(wazero.Interrupted):
        call.result(SOON)
    outer.tick = lambda: None
    outer.check()
    inner.check()


def test_interrupt_that_is_caught_in_a_host_function(make_loops):
    outer, inner = make_loops(), make_loops()
    caught = []

    def tick():
        try:
            inner.endless()
        except wazero.Interrupted as error:
            caught.append(error)

    outer.tick = tick
    call = running(outer.exports.count_ticking, 1)
    inner.mod.interrupt()
    assert call.result(SOON) == 1
    assert len(caught) == 1


def test_interrupt_through_a_linked_module(rt, wat, loops_wasm):
    loops = rt.instantiate(loops_wasm, imports=TICK)
    user = rt.instantiate(
        wat(
            """(module (import "loops" "ticking" (func $forever))
            (func (export "go") (call $forever)))"""
        ),
        imports={"loops": loops},
    )
    for mod in (loops, user):
        call = running(user.exports.go)
        mod.interrupt()
        with pytest.raises(wazero.Interrupted):
            call.result(SOON)


def test_interrupts_from_many_threads(loops):
    """Hammer: each call ends with a result or Interrupted, none gets stuck."""
    end = threading.Event()
    long = 500_000 if loops.interruptible else 5000

    def interrupt():
        while not end.is_set():
            loops.mod.interrupt()
            time.sleep(random.random() / 500)

    threads = [in_thread(interrupt) for _ in range(3)]
    results = []
    began = time.monotonic()
    while time.monotonic() < began + (1.5 if {None, 1} <= {*results} else SOON):
        try:
            results.append(loops.count(random.choice((1, 100, long))))
        except wazero.Interrupted:
            results.append(None)
    end.set()
    for thread in threads:
        thread.result(SOON)
    assert set(results) <= {None, 1, 100, long}
    assert None in results and 1 in results
    loops.check()


# ---------------------------------------------------------------- closing


def test_close_ends_a_call(make_loops):
    for close, error in (
        (lambda loops: loops.mod.close(), wazero.ClosedError),
        (lambda loops: loops.mod.close(exit_code=3), wazero.ExitError),
    ):
        loops = make_loops()
        call = running(loops.endless)
        with Stopwatch() as watch:
            close(loops)
            with pytest.raises(error) as caught:
                call.result(SOON)
        assert watch.seconds < SOON
        assert error is wazero.ClosedError or caught.value.exit_code == 3
        assert loops.mod.closed
        with pytest.raises(wazero.WazeroError):
            loops.exports.add(1, 2)


def test_closing_the_runtime_ends_its_calls(loops_wasm):
    with wazero.Runtime() as runtime:
        mods = [runtime.instantiate(loops_wasm, imports=TICK) for _ in range(2)]
        calls = [running(mod.exports.ticking) for mod in mods]
    for call in calls:
        with pytest.raises(wazero.ClosedError):
            call.result(SOON)


def test_a_call_that_waits_finds_the_module_closed(loops):
    with Occupied(loops) as occupied:
        waiting = in_thread(loops.exports.add, 1, 2)
        time.sleep(SHORT)
        loops.mod.close()
        occupied.leave.set()
        for call in (waiting, occupied.call):
            with pytest.raises(wazero.ClosedError):
                call.result(SOON)
        occupied.call = in_thread(lambda: None)


# ---------------------------------------------------------------- hammers


def test_random_deadlines(loops):
    """No lost result, no stuck call: each ends with the right number or Timeout."""
    ends = []
    began = time.monotonic()
    while time.monotonic() < began + (2 if len({*ends}) == 2 else SOON):
        number = random.choice((1, 1000, 100_000))
        try:
            assert loops.count(number, timeout=random.random() / 500) == number
            ends.append("result")
        except wazero.Timeout:
            ends.append("timeout")
    assert {*ends} == {"result", "timeout"}
    loops.check()


def test_deadlines_in_many_threads(make_loops):
    instances = [make_loops() for _ in range(3)]

    def work(loops):
        began = time.monotonic()
        while time.monotonic() < began + 1.5:
            with contextlib.suppress(wazero.Timeout):
                assert loops.fib(18, timeout=random.random() / 200) == 2584

    futures = [in_thread(work, loops) for loops in instances for _ in range(2)]
    for future in futures:
        future.result(60)
    for loops in instances:
        loops.check()


# ---------------------------------------------------------------- the stack


def deepest(mod):
    """How many calls deep the stack bears, to one in a hundred."""
    low, high = 1, 2**24
    while high - low > low // 100 + 1:
        middle = (low + high) // 2
        try:
            assert mod.exports.deep(middle) == middle
            low = middle
        except wazero.Trap as trap:
            assert trap.code is wazero.TrapCode.STACK_OVERFLOW
            high = middle
    return low


def test_exhaustion_is_a_trap(loops):
    for _ in range(3):
        error, _ = raises(wazero.Trap, loops.exports.bottomless)
        assert error.code is wazero.TrapCode.STACK_OVERFLOW
        loops.check()


def test_max_stack(make_loops):
    sizes = {"64KiB": 1 / 16, 2**20: 1, "4MiB": 4, "16 MiB": 16, None: 16}
    depths = {}
    for size in sizes:
        loops = make_loops(max_stack=size)
        depths[size] = deepest(loops.mod)
        loops.check()
    assert depths["64KiB"] > 50
    if not loops.interruptible:
        return  # wazero's own limits hold
    for size, factor in sizes.items():
        assert 0.9 * factor < depths[size] / depths[2**20] < 1.1 * factor


def test_stacks_of_other_threads(make_loops):
    loops = make_loops(max_stack="1MiB")
    depth = deepest(loops.mod)
    for _ in range(2):
        other = in_thread(deepest, loops.mod).result(60)
        assert not loops.interruptible or 0.9 * depth < other < 1.1 * depth


def test_deep_recursion_in_a_host_function(make_loops):
    """Calls that are nested share the stack of the outermost one."""
    outer, inner = make_loops(max_stack="1MiB"), make_loops(max_stack="4MiB")
    depths = []
    outer.tick = lambda: depths.append(deepest(inner.mod))
    outer.exports.tick()
    assert not outer.interruptible or depths[0] <= 1.1 * deepest(outer.mod)


@pytest.mark.parametrize(
    "size", [0, 1, 65535, "63KiB", 2**30 + 1, "2GiB", -1, 2**100, "", "x", "1MB", "1\0"]
)
def test_wrong_sizes(rt, add_wasm, size):
    text = "max_stack must be from 64 KiB to 1 GiB"
    with pytest.raises(ValueError, match=text):
        rt.instantiate(add_wasm, max_stack=size)
    with pytest.raises(ValueError, match=text):
        rt.instantiate(add_wasm, config=wazero.ModuleConfig(max_stack=size))


def test_sizes_that_are_right(rt, add_wasm):
    for size in (65536, "64KiB", 2**30, "1GiB", "1024 KiB", numpy.int32(65536), None):
        assert rt.instantiate(add_wasm, max_stack=size).call("add", 1, 2) == 3


@pytest.mark.parametrize("size", [1.5, b"1MiB", [], object()])
def test_wrong_types_of_sizes(rt, add_wasm, size):
    with pytest.raises(TypeError, match="max_stack must be an int or a str, not "):
        rt.instantiate(add_wasm, max_stack=size)
