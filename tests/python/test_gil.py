"""Who runs while wasm runs: other Python threads, other wasm; and what becomes of it
all when the interpreter ends."""

import array
import contextlib
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import wazero
from again import Again


@pytest.fixture
def slow_switches():
    """Python itself takes the GIL from nobody."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def quick_switches():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


class Counting:
    """A thread that counts in Python for as long as this lasts."""

    def __enter__(self):
        self.number = 0
        self.end = False
        self.started = threading.Event()
        self.thread = threading.Thread(target=self.count)
        self.thread.start()
        assert self.started.wait(30)
        return self

    def count(self):
        self.started.set()
        while not self.end:
            self.number += 1

    def __exit__(self, *_):
        self.end = True
        self.thread.join(30)


def test_other_threads_go_on(loops):
    with Counting() as counting:
        time.sleep(0.01)
        before = counting.number
        with pytest.raises(wazero.Timeout):
            loops.endless(timeout=0.5)
        assert counting.number - before > 1000


def test_long_calls_let_go_by_themselves(loops, slow_switches):
    """Nobody takes the GIL from this thread here: libwazero gives it while wasm runs
    that calls no host function (one that is in Python takes it each time)."""
    count, seconds = 1_000_000, 0.0
    while seconds < 0.5:  # until it is long, whatever engine runs it
        count *= 2
        began = time.monotonic()
        loops.exports.count(count)
        seconds = time.monotonic() - began
    go, ran = threading.Event(), []

    def work():
        go.wait(30)
        ran.append(time.monotonic())

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.05)  # until it waits
    go.set()
    loops.exports.count(2 * count)
    ended = time.monotonic()
    thread.join(30)
    assert ran[0] < ended


def test_interrupt_needs_no_switch(loops, slow_switches):
    """As above, and the thread that gets the GIL ends the call."""
    loops.tick = lambda: time.sleep(0.001)  # a host function in Python has to give it
    with Again(loops.mod.interrupt), pytest.raises(wazero.Interrupted):
        loops.endless(timeout=30)


def test_map_lets_go(loops):
    with Counting() as counting:
        time.sleep(0.01)
        before = counting.number
        with pytest.raises(wazero.Timeout):
            loops.count.map(array.array("i", [10_000]) * 1_000_000, timeout=0.5)
        assert counting.number - before > 1000


def test_map_goes_on_without_the_gil(loops):
    """Also after it has looked for signals, every 40 ms, which takes the GIL. Elements
    are so short that it looks between them, hardly ever in the middle of one."""
    column = array.array("i", [1]) * 100_000_000
    out = column[:]
    gaps, end = [0.0], threading.Event()

    def tick():
        last = time.monotonic()
        while not end.wait(0.001):
            now = time.monotonic()
            gaps.append(now - last)
            last = now
        gaps.append(time.monotonic() - last)

    thread = threading.Thread(target=tick)
    thread.start()
    began = time.monotonic()
    with contextlib.suppress(wazero.Timeout):  # how far it comes is the engine's affair
        loops.count.map(column, out=out, timeout=3)
    took = time.monotonic() - began
    end.set()
    thread.join(30)
    assert took > 0.2 and max(gaps) < took / 2


def test_starting_lets_go(make_loops, wat):
    runtime = make_loops().mod.runtime
    wasm = wat(
        """(module (import "env" "tick" (func $tick))
        (func $f (loop $again (call $tick) (br $again))) (start $f))"""
    )
    with Counting() as counting:
        time.sleep(0.01)
        before = counting.number
        with pytest.raises(wazero.Timeout):
            runtime.instantiate(
                wasm, imports={"env": {"tick": lambda: None}}, timeout=0.5
            )
        assert counting.number - before > 1000


def test_two_calls_at_once(make_loops):
    """One begins and ends while another runs: nothing is between them that only one can
    have."""
    long, short = make_loops(), make_loops()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(long.endless, timeout=60)
        for _ in range(20):
            assert short.exports.count(1_000_000) == 1_000_000
        assert not call.done()
        with Again(long.mod.interrupt), pytest.raises(wazero.Interrupted):
            call.result()


def test_host_functions_have_the_gil(make_loops, quick_switches):
    """Hammer: Python objects shared by host functions in many threads."""
    instances = [make_loops() for _ in range(3)]
    shared = {"count": 0}
    lock = threading.Lock()

    def tick():
        with lock:
            shared["count"] += 1
        shared[threading.get_ident()] = [shared["count"]] * 3

    for loops in instances:
        loops.tick = tick

    def work(loops):
        for _ in range(30):
            assert loops.exports.count_ticking(50) == 50
            loops.count(1000)

    with ThreadPoolExecutor(6) as pool:
        ticks = [pool.submit(work, loops) for loops in instances * 2]
        for future in ticks:
            future.result(120)
    expected = 6 * 30 * (50 + (0 if instances[0].interruptible else 1000))
    assert shared["count"] == expected


def test_streams_have_the_gil(rt, wat, quick_switches):
    """Callables as streams, in threads, while others use Python."""
    wasm = wat(
        """(module
        (import "wasi_snapshot_preview1" "fd_write"
          (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1) (data (i32.const 100) "hello")
        (func (export "write")
          (i32.store (i32.const 0) (i32.const 100))
          (i32.store (i32.const 4) (i32.const 5))
          (drop
            (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"""
    )
    written = []
    mods = [rt.instantiate(wasm, stdout=written.append) for _ in range(4)]

    def work(mod):
        for _ in range(200):
            mod.call("write")

    with Counting(), ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(work, mod) for mod in mods]:
            future.result(120)
    assert written == [b"hello"] * 800


def test_exceptions_and_timeouts_leave_the_gil_in_order(make_loops, quick_switches):
    instances = [make_loops() for _ in range(3)]

    def tick():
        raise KeyError

    def work(loops):
        for n in range(40):
            with pytest.raises(wazero.Timeout):
                loops.endless(timeout=0.002)
            loops.check()
            with pytest.raises(wazero.Trap):
                loops.exports.bottomless()
            assert [n] * 3 == [n, n, n]

    def fail(loops):
        for _ in range(500):
            with pytest.raises(KeyError):
                loops.exports.tick()

    failing = make_loops()
    failing.tick = tick
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(work, loops) for loops in instances]
        futures.append(pool.submit(fail, failing))
        for future in futures:
            future.result(120)


# ---------------------------------------------------------------- the end

END = """
import sys, threading, time, wazero
rt = wazero.Runtime(engine=sys.argv[2])
wasm = bytes.fromhex(sys.argv[1])
def work(action, host=lambda: None):
    def tick():
        ready.wait(30)
        host()
    mod = rt.instantiate(wasm, imports={"env": {"tick": tick}})
    thread = threading.Thread(target=action, args=(mod,), daemon=True)
    thread.start()
def tick_and_spin(mod):
    mod.exports.tick_and_spin()
def tick(mod):
    mod.exports.tick()
def ticking(mod):
    mod.exports.ticking()
def forever():
    while True:
        pass
"""


@pytest.fixture(params=["compiler", "interpreter"])
def ends(request, loops_wasm):
    """Runs a program that leaves daemon threads behind, some times: it ends at once,
    well and quietly."""

    def run(code, returncode=0):
        for _ in range(4):
            began = time.monotonic()
            done = subprocess.run(
                [sys.executable, "-c", END + code, loops_wasm.hex(), request.param],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert (done.returncode, done.stderr) == (returncode, "")
            assert time.monotonic() - began < 10

    return run


def test_a_daemon_thread_in_a_loop(ends):
    ends(
        """
ready = threading.Barrier(2)
work(tick_and_spin)
ready.wait(30)
time.sleep(0.05)
"""
    )


def test_a_daemon_thread_in_a_host_function_that_sleeps(ends):
    ends(
        """
ready = threading.Barrier(2)
work(tick, lambda: time.sleep(1000))
ready.wait(30)
time.sleep(0.05)
"""
    )


def test_a_daemon_thread_in_a_host_function_that_wakes_up_at_the_end(ends):
    """It wants the GIL when the interpreter is gone, with wasm below it."""
    ends(
        """
ready = threading.Barrier(4)
for _ in range(3):
    work(tick, lambda: [time.sleep(0.0001) for _ in range(1000000)])
ready.wait(30)
time.sleep(0.05)
"""
    )


def test_daemon_threads_in_python_loops(ends):
    ends(
        """
ready = threading.Barrier(4)
for _ in range(3):
    work(tick, forever)
ready.wait(30)
time.sleep(0.05)
"""
    )


def test_daemon_threads_that_call_the_host_all_the_time(ends):
    ends(
        """
ready = threading.Event()
for _ in range(3):
    work(ticking)
ready.set()
time.sleep(0.05)
"""
    )


def test_daemon_threads_in_short_calls(ends):
    ends(
        """
ready = threading.Event()
ready.set()
def short(mod):
    while True:
        mod.exports.add(1, 2)
        mod.exports.count(10_000)
for _ in range(3):
    work(short)
time.sleep(0.05)
"""
    )


def test_daemon_threads_that_wait_for_each_other(ends):
    ends(
        """
ready = threading.Event()
ready.set()
inside = threading.Event()
def tick():
    inside.set()
    time.sleep(1000)
mod = rt.instantiate(wasm, imports={"env": {"tick": tick}})
for function in ("tick", "fib", "fib"):
    args = () if function == "tick" else (3,)
    threading.Thread(target=mod.exports[function], args=args, daemon=True).start()
    inside.wait(30)
time.sleep(0.05)
"""
    )


def test_wasm_in_atexit_and_in_finalizers(ends):
    """The main thread may call until the end, host functions included."""
    ends(
        """
import atexit
ready = threading.Event()
ready.set()
calls = []
mod = rt.instantiate(wasm, imports={"env": {"tick": lambda: calls.append(1)}})
def at_exit():
    assert mod.exports.count(1_000_000) == 1_000_000
    mod.exports.tick()
    assert calls == [1]
atexit.register(at_exit)
class Finalizer:
    def __del__(self, add=mod.exports.add, mod=mod):
        assert add(20, 22) == 42
sys.kept = Finalizer()
"""
    )


def test_wasm_in_atexit_after_wazero_s_own(ends):
    """What was registered before the import runs after it."""
    ends(
        """
ready = threading.Event()
ready.set()
calls = []
mod = rt.instantiate(wasm, imports={"env": {"tick": lambda: calls.append(1)}})
import wazero._wazero as core
core._finalize()
mod.exports.tick()
assert mod.exports.count(2_000_000) == 2_000_000
assert calls == [1]
"""
    )


def test_sys_exit_in_a_host_function(ends):
    ends(
        """
ready = threading.Event()
ready.set()
mod = rt.instantiate(wasm, imports={"env": {"tick": lambda: sys.exit(7)}})
mod.exports.tick()
""",
        7,
    )


def test_ending_from_a_host_function_of_the_main_thread(ends):
    ends(
        """
import os
ready = threading.Event()
ready.set()
mod = rt.instantiate(wasm, imports={"env": {"tick": lambda: os._exit(8)}})
mod.exports.tick()
""",
        8,
    )
