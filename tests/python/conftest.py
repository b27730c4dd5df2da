"""What the tests share: WebAssembly from text, runtimes, and ways to look at memory."""

import dataclasses
import functools
import gc
import os
import signal
import subprocess
import sys

import pytest
import wazero
from wasmtime import wat2wasm
from wazero.cli import main as command_line

# Those that the command line leaves to the system.
CHANGED_SIGNALS = (signal.SIGINT, signal.SIGPIPE)


@functools.cache
def _wat(text):
    return bytes(wat2wasm(text))


@pytest.fixture(scope="session")
def wat():
    """Compiles the text format; the same text is compiled once."""
    return _wat


@pytest.fixture
def rt():
    with wazero.Runtime() as runtime:
        yield runtime


@pytest.fixture(scope="module")
def shared_rt():
    """For tests with examples, which must not make a runtime for each."""
    with wazero.Runtime() as runtime:
        yield runtime


@pytest.fixture
def collect():
    """Runs the collector until it finds nothing more."""

    def run():
        while gc.collect():
            pass

    run()
    return run


@pytest.fixture
def python():
    """Runs code in a Python of its own and returns what it printed."""

    def run(code, *args, timeout=120):
        done = subprocess.run(
            [sys.executable, "-c", code, *args],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


ADD = """
(module $math
  (func (export "add") (param i32 i32) (result i32)
    local.get 0 local.get 1 i32.add)
  (func $sub (export "sub") (param i32 i32) (result i32)
    local.get 0 local.get 1 i32.sub))
"""


@pytest.fixture(scope="session")
def add_wasm():
    return _wat(ADD)


# Copies standard input to standard output, writes "err" to standard error, then exits
# with the number of arguments minus one, or traps if there are ten.
CAT = """
(module $cat
  (import "wasi_snapshot_preview1" "fd_read"
    (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get"
    (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 100) "err\\r\\n")
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 4096))
    (loop $more
      (i32.store (i32.const 4) (i32.const 5))
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (i32.store (i32.const 4) (i32.load (i32.const 8)))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12)))
      (br_if $more (i32.load (i32.const 8))))
    (i32.store (i32.const 0) (i32.const 100))
    (i32.store (i32.const 4) (i32.const 5))
    (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 12)))
    (drop (call $args (i32.const 16) (i32.const 20)))
    (if (i32.eq (i32.load (i32.const 16)) (i32.const 10)) (then unreachable))
    (call $exit (i32.sub (i32.load (i32.const 16)) (i32.const 1)))))
"""


@pytest.fixture(scope="session")
def cat(wat):
    return wat(CAT)


# What takes long, in ways that differ: a loop, recursion without a loop, a loop that
# calls the host. count(n) gives n, fib(n) is exponential, deep(n) is n calls deep.
LOOPS = """
(module $loops
  (import "env" "tick" (func $tick))
  (memory (export "memory") 1)
  (global $turns (export "turns") (mut i64) (i64.const 0))
  (func $spin (export "spin") (loop $again (br $again)))
  (func (export "ticking")
    (loop $again
      (global.set $turns (i64.add (global.get $turns) (i64.const 1)))
      (call $tick)
      (br $again)))
  (func (export "tick") (call $tick))
  (func (export "tick_and_spin") (call $tick) (call $spin))
  (func (export "count") (param $n i32) (result i32) (local $done i32)
    (loop $again
      (local.set $done (i32.add (local.get $done) (i32.const 1)))
      (global.set $turns (i64.add (global.get $turns) (i64.const 1)))
      (br_if $again (i32.lt_u (local.get $done) (local.get $n))))
    (local.get $done))
  (func (export "count_ticking") (param $n i32) (result i32) (local $done i32)
    (loop $again
      (call $tick)
      (local.set $done (i32.add (local.get $done) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $done) (local.get $n))))
    (local.get $done))
  (func $fib (export "fib") (param i32) (result i32)
    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
      (then (local.get 0))
      (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                     (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func $fib_ticking (export "fib_ticking") (param i32) (result i32)
    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
      (then (call $tick) (local.get 0))
      (else (i32.add (call $fib_ticking (i32.sub (local.get 0) (i32.const 1)))
                     (call $fib_ticking (i32.sub (local.get 0) (i32.const 2)))))))
  (func $deep (export "deep") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (i32.const 1)
                     (call $deep (i32.sub (local.get 0) (i32.const 1)))))
      (else (i32.const 0))))
  (func $bottomless (export "bottomless") (call $bottomless))
  (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1))))
"""


@pytest.fixture(scope="session")
def loops_wasm():
    return _wat(LOOPS)


class Loops:
    """An instance of the module above.

    Where a call can be interrupted anywhere its loops need not call the host. Where it
    cannot, they do, for calls end at host functions there: so each test asks for what
    is promised. `tick` is called by the host function.
    """

    def __init__(self, runtime, wasm, **options):
        self.tick = lambda: None
        self.mod = runtime.instantiate(
            wasm, imports={"env": {"tick": lambda: self.tick()}}, **options
        )
        self.exports = self.mod.exports
        self.interruptible = self.exports.spin.interruptible
        self.ending = "" if self.interruptible else "_ticking"

    @property
    def endless(self):
        """A function that does not return."""
        return self.exports.spin if self.interruptible else self.exports.ticking

    @property
    def count(self):
        return self.exports["count" + self.ending]

    @property
    def fib(self):
        return self.exports["fib" + self.ending]

    def check(self):
        """The instance works."""
        assert self.exports.add(20, 22) == 42
        assert self.exports.fib(10) == 55


@pytest.fixture(params=["compiler", "interpreter"])
def make_loops(request, loops_wasm):
    """Makes Loops with options of instantiate()."""
    with wazero.Runtime(engine=request.param) as runtime:
        yield lambda **options: Loops(runtime, loops_wasm, **options)


@pytest.fixture
def loops(make_loops):
    return make_loops()


@dataclasses.dataclass
class Done:
    """What a command did: its exit code and what it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture
def main(capfd):
    """Runs the command line in this process, which keeps its signal handlers."""

    def run(*args):
        before = {which: signal.getsignal(which) for which in CHANGED_SIGNALS}
        capfd.readouterr()
        try:
            code = command_line([os.fspath(arg) for arg in args])
        except SystemExit as end:
            code = end.code
        finally:
            for which, handler in before.items():
                signal.signal(which, handler)
        return Done(code, *capfd.readouterr())

    return run
