"""Ctrl-C and other signals while wasm runs in the main thread, each in a process of
its own.

Where calls cannot be interrupted everywhere (Loops in conftest.py) the guest calls the
host all the time, and Python runs signal handlers in the host function.
"""

import os
import signal
import subprocess
import sys
import time

import pytest

# What the programs begin with: `loops` is an instance, `endless` a function of it that
# does not return; later() sends a signal to this process while that runs.
PRELUDE = """
import os, signal, sys, threading, time, wazero
wasm = bytes.fromhex(sys.argv[1])
rt = wazero.Runtime(engine=sys.argv[2])
host = []
def tick():
    if host:
        host[0]()
def instance(**options):
    return rt.instantiate(wasm, imports={"env": {"tick": tick}}, **options)
loops = instance()
interruptible = loops.exports.spin.interruptible
def endless_of(mod):
    return mod.exports.spin if interruptible else mod.exports.ticking
endless = endless_of(loops)
count = loops.exports.count if interruptible else loops.exports.count_ticking
sent = []
def later(number=signal.SIGINT, seconds=0.2):
    def send():
        sent.append((time.process_time(), time.monotonic()))
        os.kill(os.getpid(), number)
    timer = threading.Timer(seconds, send)
    timer.daemon = True
    timer.start()
def reacted():
    # half a second of work, however long that takes on a busy machine
    cpu = time.process_time() - sent[0][0]
    wall = time.monotonic() - sent[0][1]
    assert cpu < 0.5 and wall < 15, (cpu, wall)
def check():
    host.clear()
    assert loops.exports.add(20, 22) == 42 and count(1000) == 1000
"""


@pytest.fixture(params=["compiler", "interpreter"])
def run(request, python, loops_wasm):
    """Runs a program behind the prelude; it has to print "done"."""

    def run(code):
        out = python(PRELUDE + code, loops_wasm.hex(), request.param, timeout=60)
        assert out == "done\n"

    return run


def test_keyboard_interrupt(run):
    run(
        """
for _ in range(3):
    sent.clear()
    later()
    try:
        endless()
    except KeyboardInterrupt as error:
        reacted()
    else:
        print("no KeyboardInterrupt")
    check()
print("done")
"""
    )


def test_recursion(run):
    run(
        """
later()
try:
    (loops.exports.fib if interruptible else loops.exports.fib_ticking)(60)
except KeyboardInterrupt:
    reacted()
    print("done")
check()
"""
    )


@pytest.mark.parametrize("engine", ["compiler", "interpreter"])
def test_control_c_from_outside(engine, loops_wasm):
    """As a terminal does it: the process ends as Python does."""
    code = PRELUDE + "print('ready', flush=True)\nendless()\n"
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", code, loops_wasm.hex(), engine],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            began = time.monotonic()
            _, errors = process.communicate(timeout=30)
            assert time.monotonic() - began < 25
        assert "KeyboardInterrupt" in errors
        assert process.returncode == -signal.SIGINT


def test_nested_calls(run):
    """It comes out of the inner call, through the host function, out of the outer."""
    run(
        """
inner, seen = instance(), []
def nested():
    host.clear()
    try:
        endless_of(inner)()
    except KeyboardInterrupt as error:
        seen.append(error)
        raise
host.append(nested)
later()
try:
    loops.exports.tick()
except KeyboardInterrupt as error:
    reacted()
    assert seen == [error]
    print("done")
check()
"""
    )


def test_caught_in_a_host_function(run):
    run(
        """
inner = instance()
def nested():
    host.clear()
    try:
        endless_of(inner)()
    except KeyboardInterrupt:
        reacted()
host.append(nested)
later()
assert loops.exports.count_ticking(5) == 5
check()
print("done")
"""
    )


def test_in_the_host_function_itself(run):
    run(
        """
host.append(lambda: [time.sleep(0.1) for _ in range(200)])
later()
try:
    loops.exports.tick()
except KeyboardInterrupt:
    reacted()
    print("done")
check()
"""
    )


def test_map(run):
    run(
        """
import array
column = array.array("i", [1000]) * 10_000_000
later()
try:
    count.map(column)
except KeyboardInterrupt as error:
    reacted()
    assert 0 <= error.element < 10_000_000
    assert error.__notes__[-1] == f"at element {error.element}"
    print("done")
check()
"""
    )


def test_start(run):
    run(
        """
def go():
    host.clear()
    endless()
host.append(go)
later()
try:
    instance(start_functions=["tick"])
except KeyboardInterrupt:
    reacted()
    print("done")
check()
"""
    )


@pytest.mark.parametrize(
    "wait",
    [
        "loops.exports.add(1, 2, timeout=30)",
        "loops.exports.add(1, 2)",
        "loops.exports.add.map(bytes(8), 1)",
        "turns.value",
        "setattr(turns, 'value', 3)",
        "memory.grow(1)",
    ],
)
def test_waiting_for_another_thread(run, wait):
    """The main thread waits for an instance in which another thread is."""
    run(
        f"""
inside, leave = threading.Event(), threading.Event()
def wait():
    inside.set()
    leave.wait(60)
host.append(wait)
memory, turns = loops.memory, loops.exports.turns
thread = threading.Thread(target=loops.exports.tick)
thread.start()
inside.wait(30)
later()
try:
    {wait}
except KeyboardInterrupt:
    reacted()
    print("done")
leave.set()
thread.join(30)
check()
"""
    )


def test_not_in_other_threads(run):
    """Their calls go on; the main thread gets the exception, as ever."""
    run(
        """
ends = []
def work():
    try:
        endless(timeout=1)
    except wazero.Timeout:
        ends.append("timeout")
thread = threading.Thread(target=work)
thread.start()
later()
try:
    for _ in range(200):  # the signal may come just before it sleeps
        time.sleep(0.1)
except KeyboardInterrupt:
    reacted()
thread.join(30)
assert ends == ["timeout"], ends
check()
print("done")
"""
    )


def test_handlers_that_raise(run):
    """The exception comes out as itself, with the frames noted where there are any."""
    run(
        """
class Mine(Exception):
    pass
raised = Mine("from the handler")
def handler(number, frame):
    raise raised
signal.signal(signal.SIGUSR1, handler)
later(signal.SIGUSR1)
try:
    endless()
except Mine as error:
    reacted()
    assert error is raised
    print("done")
check()
"""
    )


def test_handlers_run_meanwhile(run):
    """The guest goes on where it was: the result is right."""
    run(
        """
ticks = []
signal.signal(signal.SIGALRM, lambda number, frame: ticks.append(time.monotonic()))
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
began = time.monotonic()
n = 1000
# Several of them in one call; one comes about every 40 ms, later where the machine is
# busy.
while len(ticks) < 5 and time.monotonic() - began < 30:
    n = min(n * 2, 400_000_000)
    ticks.clear()
    assert count(n) == n
assert len(ticks) >= 5, len(ticks)
signal.setitimer(signal.ITIMER_REAL, 0)
check()
print("done")
"""
    )


def test_handlers_run_in_recursion_and_come_back(run):
    run(
        """
ticks = []
signal.signal(signal.SIGALRM, lambda number, frame: ticks.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
fib = loops.exports.fib if interruptible else loops.exports.fib_ticking
for _ in range(3):
    n = 35 if interruptible else 22
    assert fib(n) == {35: 9227465, 22: 17711}[n]
signal.setitimer(signal.ITIMER_REAL, 0)
assert ticks
check()
print("done")
"""
    )


def test_handlers_may_call_wasm(run):
    """In other modules always; in the one that is interrupted not in the middle of its
    code, but where a host function of it is."""
    run(
        """
other, results, same = instance(), [], set()
def handler(number, frame):
    results.append(other.exports.add(20, 22))
    try:
        same.add(loops.exports.add(1, 2))
    except wazero.WazeroError as error:
        same.add(type(error))
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
try:
    endless(timeout=1)
except wazero.Timeout:
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert results and set(results) == {42}, results
    assert same <= {wazero.WazeroError, wazero.Timeout, 3}, same
    assert (wazero.WazeroError if interruptible else 3) in same, same
    check()
    print("done")
"""
    )


def test_handlers_may_close_and_interrupt(run):
    run(
        """
for action, error in ((lambda mod: mod.interrupt(), wazero.Interrupted),
                      (lambda mod: mod.close(), wazero.ClosedError)):
    mod = instance()
    signal.signal(signal.SIGALRM, lambda number, frame: action(mod))
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        endless_of(mod)()
    except error:
        pass
check()
print("done")
"""
    )


def test_the_library_s_own_signals_disturb_nobody(run):
    """Calls that take long do not make reads and sleeps elsewhere fail."""
    run(
        """
import select
read, write = os.pipe()
def reads():
    try:
        assert os.read(read, 1) == b"x"
        fine.append(1)
    except BaseException as error:
        fine.append(error)
fine = []
threads = [threading.Thread(target=reads)]
for thread in threads:
    thread.start()
for _ in range(5):
    try:
        endless(timeout=0.1)
    except wazero.Timeout:
        pass
os.write(write, b"x")
for thread in threads:
    thread.join(30)
assert fine == [1], fine
check()
print("done")
"""
    )


def test_sigint_that_is_ignored(run):
    run(
        """
signal.signal(signal.SIGINT, signal.SIG_IGN)
later()
try:
    endless(timeout=0.6)
except wazero.Timeout:
    print("done")
check()
"""
    )


STORM = """
import faulthandler
faulthandler.enable()
seen = {number: 0 for number in (signal.SIGALRM, signal.SIGCHLD, signal.SIGPROF)}
def handler(number, frame):
    seen[number] += 1
for number in seen:
    signal.signal(number, handler)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)
end = threading.Event()
def kill():
    while not end.is_set():
        os.kill(os.getpid(), signal.SIGCHLD)
        time.sleep(0.001)
killer = threading.Thread(target=kill)
killer.start()
fib = loops.exports.fib
began = time.monotonic()
rounds = 0
while time.monotonic() - began < float(os.environ.get("WAZERO_STORM", "2")):
    assert fib(24) == 46368
    assert count(20_000) == 20_000
    try:
        loops.exports.bottomless()
    except wazero.Trap as trap:
        assert trap.code == "stack overflow"
    grown = instance()
    for _ in range(20):
        grown.memory.grow(1)
    assert loops.exports.count_ticking(100) == 100
    rounds += 1
signal.setitimer(signal.ITIMER_REAL, 0)
signal.setitimer(signal.ITIMER_PROF, 0)
end.set()
killer.join(30)
assert all(seen.values()), seen
check()
print("done")
"""


def test_storm(run):
    """Signals of others, with Python handlers and faulthandler, while wasm recurses and
    memories grow. WAZERO_STORM says for how many seconds."""
    run(STORM)


@pytest.mark.skipif("WAZERO_SANITIZED" in os.environ, reason="see test_fork.py")
@pytest.mark.skipif(
    "WAZERO_SANITIZED" in os.environ,
    reason="in a child the lock of the sanitizer's allocator may be held for ever",
)
def test_main_thread_of_a_child(run):
    """In a forked child the thread that forked is the main thread."""
    run(
        """
import warnings
warnings.simplefilter("ignore")
def child():
    global rt, loops
    rt = wazero.Runtime(engine=sys.argv[2])
    mine = instance()
    later()
    try:
        endless_of(mine)()
    except KeyboardInterrupt:
        reacted()
        os._exit(0)
    os._exit(1)
pid = os.fork()
if pid == 0:
    try:
        child()
    finally:
        os._exit(2)
print("done" if os.waitpid(pid, 0)[1] == 0 else "failed")
"""
    )
