"""File objects of Python's as standard input: what they have buffered comes first, what
waits ends, and nothing is lost by that."""

import io
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading

import pytest
import wazero
from again import Again

# Standard input to standard output.
CAT = str(pathlib.Path(__file__).resolve().parents[1] / "wasm/wasi.wasm")


class Traced(io.FileIO):
    """Its read is its own."""

    def read(self, size=-1):
        return super().read(size)


KINDS = {
    "buffered": lambda fd: os.fdopen(fd, "rb"),
    "random": lambda fd: io.BufferedReader(Traced(fd)),
    "subclass": lambda fd: Traced(fd),
    "text": lambda fd: os.fdopen(fd, encoding="utf-8"),
}


@pytest.fixture(params=KINDS)
def pipe(request):
    """A file object, and a descriptor to write to what it reads."""
    reader, writer = os.pipe()
    with KINDS[request.param](reader) as file:
        yield file, writer
    os.close(writer)


def raw_of(file):
    while hasattr(file, "buffer") or hasattr(file, "raw"):
        file = getattr(file, "buffer", None) or file.raw
    return file


def test_it_ends_and_goes_on(guest, pipe):
    file, writer = pipe
    made = guest(stdin=file)
    os.write(writer, b"one\n")
    assert made.read(0, 100) == b"one\n"
    for _ in range(2):
        with pytest.raises(wazero.Timeout, match="timeout after"):
            made.read(0, 100, timeout=0.03)
    os.write(writer, b"two\n")
    assert made.read(0, 100) == b"two\n"
    assert "readinto" not in vars(raw_of(file))
    with Again(made.module.interrupt), pytest.raises(wazero.Interrupted):
        made.read(0, 100)
    made.module.close()
    os.write(writer, b"three\n")
    assert file.readline() in ("three\n", b"three\n")


@pytest.mark.parametrize("kind", ["buffered", "text"])
def test_what_is_buffered_comes_first(guest, kind):
    reader, writer = os.pipe()
    with KINDS[kind](reader) as file:
        os.write(writer, b"header\nbody\nmore\n")
        assert file.readline() in ("header\n", b"header\n")
        made = guest(stdin=file)
        assert made.read(0, 5) == b"body\n"
        assert made.read(0, 2) + made.read(0, 100) == b"more\n"
        with pytest.raises(wazero.Timeout):
            made.read(0, 100, timeout=0.03)
        os.close(writer)
        assert made.read(0, 100) == b""


def test_part_of_what_was_buffered_stays(guest):
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as file:
        os.write(writer, b"abcdef")
        assert file.read(1) == b"a"
        made = guest(stdin=file)
        assert made.read(0, 2) == b"bc"
        made.module.close()
        os.close(writer)
        assert file.read() == b"def"


def test_the_output_of_a_process(guest):
    code = "import os, sys; os.write(1, b'ready\\n'); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        made = guest(stdin=process.stdout)
        assert made.read(0, 100) == b"ready\n"
        with pytest.raises(wazero.Timeout):
            made.read(0, 100, timeout=0.03)
        process.stdin.close()
        assert made.read(0, 100) == b""


@pytest.mark.parametrize("buffering", [-1, 0])
def test_sockets(guest, buffering):
    left, right = socket.socketpair()
    with left, right, left.makefile("rb", buffering) as file:
        made = guest(stdin=file)
        right.send(b"text")
        assert made.read(0, 100) == b"text"
        with pytest.raises(wazero.Timeout):
            made.read(0, 100, timeout=0.03)
        right.send(b"more")
        assert made.read(0, 100) == b"more"


def test_two_guests_and_the_host_read_one_file(guest, pipe):
    """Each ends; what is read by somebody else is not waited for by them."""
    file, writer = pipe
    ended = []

    def run():
        made = guest(stdin=file)
        with pytest.raises(wazero.Timeout):
            made.read(0, 100, timeout=0.1)
        ended.append(made)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(ended) == 2
    assert "readinto" not in vars(raw_of(file))
    os.write(writer, b"text\n")
    assert file.readline() in ("text\n", b"text\n")


def test_a_file_on_disk_keeps_its_place(guest, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with open(path, "rb") as file:
        file.seek(2)
        made = guest(stdin=file)
        assert made.read(0, 3) == b"234"
        made.module.close()
        assert file.tell() == 5 and file.read() == b"56789"


class Odd(io.RawIOBase):
    """Without a descriptor, or with one that cannot be asked for."""

    def __init__(self, error=None):
        self.error = error

    def readable(self):
        return True

    def fileno(self):
        if self.error:
            raise self.error
        return super().fileno()

    def readinto(self, buffer):
        buffer[:4] = b"text"
        return 4


@pytest.mark.parametrize("error", [None, ValueError("no"), RuntimeError("never")])
def test_what_cannot_be_waited_for_is_read(guest, error):
    for file in (Odd(error), io.BufferedReader(Odd(error))):
        assert guest(stdin=file).read(0, 4) == b"text"


def test_what_goes_wrong_in_reading_comes_out(guest):
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as file:
        made = guest(stdin=file)
        file.close()
        with pytest.raises(ValueError, match="closed"):
            made.read(0, 10)
    os.close(writer)


def test_ctrl_c():
    """Of standard input as Python has it."""
    code = """
import signal, sys, wazero

def once(*_):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt

signal.signal(signal.SIGINT, once)
print("ready", flush=True)
try:
    wazero.run(sys.argv[2], stdin=eval(sys.argv[1]), stdout=None)
except KeyboardInterrupt:
    print("ended")
"""
    for stdin in ("sys.stdin", "sys.stdin.buffer"):
        with subprocess.Popen(
            [sys.executable, "-c", code, stdin, CAT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout.readline() == b"ready\n"
            with Again(lambda: process.send_signal(signal.SIGINT)):
                assert process.stdout.read() == b"ended\n"
