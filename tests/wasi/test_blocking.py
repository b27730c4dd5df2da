"""What waits in WASI ends: by a timeout, an interrupt, closing, Ctrl-C; and meanwhile
the host's other threads run."""

import os
import pathlib
import pty
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import wazero
from again import Again

SECOND = 10**9


class Pipe:
    def __init__(self):
        reader, writer = os.pipe()
        self.reader, self.writer = (
            os.fdopen(reader, "rb", 0),
            os.fdopen(writer, "wb", 0),
        )

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.reader.close()
        self.writer.close()


@pytest.fixture
def pipe():
    with Pipe() as made:
        yield made


@pytest.fixture(
    params=[
        "read",
        "buffered",
        "text",
        "write",
        "poll",
        "sleep",
        "accept",
        "fifo",
        "terminal",
    ]
)
def waits(request, guest, pipe, root):
    """A guest and a call of it that waits for ever."""
    os.mkfifo(root / "fifo")
    options = {"nanosleep": "system", "nanotime": "system", "mounts": {"/": root}}
    if request.param == "read":
        made = guest(stdin=pipe.reader, **options)
        yield made, lambda **kw: made.read(0, 10, **kw)
    elif request.param in ("buffered", "text"):
        mode = {"buffered": "rb", "text": "r"}[request.param]
        with open(pipe.reader.fileno(), mode, closefd=False) as file:
            made = guest(stdin=file, **options)
            yield made, lambda **kw: made.read(0, 10, **kw)
    elif request.param == "write":
        made = guest(stdout=pipe.writer, **options)
        yield made, lambda **kw: made.write(1, *[bytes(60000)] * 3, **kw)
    elif request.param == "poll":
        made = guest(stdin=pipe.reader, **options)
        yield made, lambda **kw: made.poll(("read", 0), **kw)
    elif request.param == "sleep":
        made = guest(**options)
        yield made, lambda **kw: made.poll(("clock", 10**6 * SECOND), **kw)
    elif request.param == "fifo":
        made = guest(**options)
        fd = made.open("fifo")
        yield made, lambda **kw: made.read(fd, 10, **kw)
    elif request.param == "terminal":
        leader, follower = pty.openpty()
        with open(follower, "rb", 0) as file:
            made = guest(stdin=file, **options)
            yield made, lambda **kw: made.read(0, 10, **kw)
        os.close(leader)
    else:
        made = guest(listen=["127.0.0.1:0"], **options)
        yield made, lambda **kw: made.do("sock_accept", 4, 0, made.RESULT, **kw)


def test_a_timeout_ends_it(waits):
    made, wait = waits
    start = time.monotonic()
    with pytest.raises(wazero.Timeout):
        wait(timeout=0.05)
    assert time.monotonic() - start < 30
    assert made.call("sched_yield") == "SUCCESS"  # it can be called again


def test_an_interrupt_ends_it(waits):
    made, wait = waits
    with Again(made.module.interrupt), pytest.raises(wazero.Interrupted):
        wait()
    assert made.call("sched_yield") == "SUCCESS"


def test_closing_ends_it(waits):
    made, wait = waits
    timer = threading.Timer(0.1, made.module.close)
    timer.start()
    with pytest.raises((wazero.ClosedError, wazero.ExitError)):
        wait()
    timer.join()


def test_other_threads_run_meanwhile(waits):
    _, wait = waits
    count = 0
    stop = threading.Event()

    def spin():
        nonlocal count
        while not stop.is_set():
            count += 1

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        with pytest.raises(wazero.Timeout):
            wait(timeout=0.3)
    finally:
        stop.set()
        thread.join()
    assert count > 1000


def test_signal_handlers_run_meanwhile(waits):
    _, wait = waits
    seen = []
    old = signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1))
    timer.start()
    try:
        with pytest.raises(wazero.Timeout):
            wait(timeout=0.4)
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, old)
    assert seen == [1]


def test_a_handler_may_call_the_guest(guest, pipe):
    """... which closes what it waits for; the call goes on with it."""
    made = guest(stdin=pipe.reader)
    seen = []

    def handler(*_):
        seen.append(made.call("fd_close", 0))
        pipe.writer.write(b"late")

    old = signal.signal(signal.SIGUSR1, handler)
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1))
    timer.start()
    try:
        assert made.read(0, 10, timeout=10) == b"late"
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, old)
    assert seen == ["SUCCESS"]
    assert made.call("fd_close", 0) == "BADF"


# For a Python of its own: the guest of conftest.py, as g.
GUEST = """
import importlib.util, os, signal, sys, threading, wazero
spec = importlib.util.spec_from_file_location("probe", sys.argv[1])
probe = importlib.util.module_from_spec(spec)
sys.modules["probe"] = probe
spec.loader.exec_module(probe)
rt = wazero.Runtime()
def guest(**options):
    return probe.Guest(rt.instantiate(probe.guest_wasm(), **options))
"""


@pytest.fixture
def alone():
    def run(code, stdin=None):
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                GUEST + code,
                pathlib.Path(__file__).with_name("conftest.py"),
            ],
            stdin=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_ctrl_c_ends_a_read_of_standard_input(alone, pipe):
    code = """
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    guest(stdin=wazero.INHERIT).read(0, 4)
except KeyboardInterrupt:
    print("interrupted")
"""
    assert alone(code, pipe.reader) == "interrupted\n"


# -------------------------------------------------------------------- readiness


def test_a_pipe_gives_what_there_is(guest, pipe):
    made = guest(stdin=pipe.reader)
    pipe.writer.write(b"now")
    assert made.read(0, 100) == b"now"
    threading.Timer(0.1, pipe.writer.write, (b"later",)).start()
    assert made.read(0, 100, timeout=10) == b"later"
    pipe.writer.close()
    assert made.read(0, 100) == b""


def test_nonblock_is_the_guests_alone(guest, pipe, fails):
    made = guest(stdin=pipe.reader)
    made.do("fd_fdstat_set_flags", 0, 4)
    fails("AGAIN", made.read, 0, 10)
    assert os.get_blocking(pipe.reader.fileno())
    pipe.writer.write(b"x")
    assert made.read(0, 10) == b"x"


def test_a_large_write_into_a_pipe_is_written_whole(guest, pipe):
    made = guest(stdout=pipe.writer, pages=20)
    got = []

    def drain():
        while chunk := os.read(pipe.reader.fileno(), 50000):
            got.append(chunk)

    thread = threading.Thread(target=drain)
    thread.start()
    data = bytes(range(256)) * 2000
    assert made.write(1, data[:200000], data[200000:], timeout=30) == len(data)
    made.module.close()
    pipe.writer.close()
    thread.join()
    assert b"".join(got) == data
    assert os.get_blocking(pipe.reader.fileno())


def test_a_pipe_whose_reader_is_gone(guest, pipe, fails):
    made = guest(stdout=pipe.writer)
    pipe.reader.close()
    fails("PIPE", made.write, 1, b"x")


def test_a_guest_cannot_kill_the_host_with_a_pipe_of_its_own(alone, root):
    os.mkfifo(root / "fifo")
    code = f"""
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
g = guest(mounts={{"/": {str(root)!r}}})
reader = g.open("fifo")
writer = g.open("fifo", 0, 0x40)
g.write(writer, b"x")
g.close(reader)
try:
    g.write(writer, b"x")
except probe.WasiError as error:
    print(error, signal.sigpending(), signal.pthread_sigmask(signal.SIG_BLOCK, []))
"""
    assert alone(code) == "PIPE set() set()\n"


def test_poll_tells_what_is_ready(guest, pipe, root):
    made = guest(
        stdin=pipe.reader,
        stdout=lambda data: None,
        mounts={"/": root},
        nanosleep="system",
        nanotime="system",
    )
    file = made.open("file")
    clock = ("clock", 10 * SECOND)
    events = made.poll(("read", 0), ("write", 1), ("read", file), ("read", 99), clock)
    assert [event[:3] for event in events] == [(2, 0, 2), (3, 0, 1), (4, 8, 1)]
    assert events[1][3] == 11
    assert made.poll(("read", 0), ("clock", SECOND // 20)) == [(2, 0, 0, 0, 0)]
    pipe.writer.write(b"12345")
    assert made.poll(("read", 0), clock) == [(1, 0, 1, 5, 0)]
    pipe.writer.close()
    assert made.poll(("read", 0), clock) == [(1, 0, 1, 5, 1)]
    many = [("clock", i * SECOND) for i in range(100)]
    assert made.poll(*many) == [(1, 0, 0, 0, 0)]
    assert made.call("poll_oneoff", 0, 0, 0, 0) == "INVAL"


def test_clocks_of_poll(guest):
    real = guest(nanosleep="system", nanotime="system", walltime="system")
    start = time.monotonic()
    assert real.poll(("clock", SECOND // 20)) == [(1, 0, 0, 0, 0)]
    assert 0.05 <= time.monotonic() - start < 30
    start = time.monotonic()
    assert real.poll(("clock", time.monotonic_ns() + SECOND // 20, 1, 1))
    assert 0.04 <= time.monotonic() - start < 30
    assert real.poll(("clock", time.time_ns() - SECOND, 0, 1))
    assert real.poll(("clock", 0, 9)) == [(1, 28, 0, 0, 0)]
    pretended = guest()
    start = time.monotonic()
    assert pretended.poll(("clock", 1000 * SECOND)) == [(1, 0, 0, 0, 0)]
    assert time.monotonic() - start < 30
    slept = []
    told = guest(nanosleep=slept.append)
    told.poll(("clock", 7 * SECOND), ("clock", 5 * SECOND))
    assert slept == [5 * SECOND]


# -------------------------------------------------------------------- sockets


def test_sockets(guest):
    made = guest(listen=["127.0.0.1:0"])
    assert made.call("sock_accept", 1, 0, made.RESULT) == "NOTSOCK"
    with socket.create_connection(made.module.listen_addrs[0], timeout=10) as client:
        made.do("sock_accept", 3, 0, made.RESULT, timeout=10)
        fd = made.u32()
        client.sendall(b"hello")
        made.memory.pack("<IIII", made.VECTORS, made.DATA, 3, made.DATA + 3, 100)
        recv = ("sock_recv", fd, made.VECTORS, 2)
        results = (made.RESULT, made.RESULT + 8)
        made.do(*recv, 1, *results, timeout=10)  # peek
        assert made.u32() == 3
        made.do(*recv, 0, *results, timeout=10)
        assert made.memory.read(made.DATA, 3) == b"hel"
        client.sendall(b"world")
        client.shutdown(socket.SHUT_WR)
        made.do(*recv, 2, *results, timeout=10)  # wait for all
        assert made.memory.read(made.DATA, made.u32()) == b"loworld"
        made.do(*recv, 0, *results, timeout=10)
        assert made.u32() == 0
        made.memory.write(made.DATA, b"answer")
        made.memory.pack("<II", made.VECTORS, made.DATA, 6)
        made.do("sock_send", fd, made.VECTORS, 1, 0, made.RESULT)
        assert client.recv(100) == b"answer"
        assert made.call("sock_send", fd, made.VECTORS, 1, 1, 0) == "NOTSUP"
        assert made.call(*recv, 8, *results) == "NOTSUP"
        assert made.call("sock_shutdown", fd, 0) == "INVAL"
        made.do("sock_shutdown", fd, 2)
        assert client.recv(100) == b""
        made.close(fd)
