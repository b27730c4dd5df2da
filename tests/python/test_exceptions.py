"""Calls in runtimes with exception handling, which Go enters: what ends them, in code
that throws and catches."""

import os
import subprocess
import sys

import pytest
import wazero
from again import Again

WASM = """
(module $thrower
  (import "env" "host" (func $host (param i32)))
  (tag $e (param i32))
  (memory (export "memory") 32)
  (func $throw (param i32) (throw $e (local.get 0)))
  (func $caught (param i32) (result i32)
    (block $h (result i32)
      (try_table (result i32) (catch $e $h)
        (call $throw (local.get 0))
        (i32.const -1))))
  (func (export "caught") (param i32) (result i32) (call $caught (local.get 0)))
  (func (export "sum") (param $n i32) (result i64) (local $sum i64)
    (loop $again
      (local.set $sum (i64.add (local.get $sum)
        (i64.extend_i32_u (call $caught (local.get $n)))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))
  (func $spin (export "spin") (loop $again (br $again)))
  (func (export "throwing")
    (loop $again (drop (call $caught (i32.const 1))) (br $again)))
  (func $inside (export "inside_try")
    (block $h (result i32)
      (try_table (result i32) (catch $e $h) (call $spin) (i32.const 0)))
    drop)
  (func (export "after_catch") (drop (call $caught (i32.const 1))) (call $spin))
  (func (export "copying")
    (loop $again
      (memory.copy (i32.const 0) (i32.const 64) (i32.const 1000000))
      (br $again)))
  (func $fib (export "fib") (param i32) (result i32)
    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
      (then (local.get 0))
      (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                     (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func $down (param i32)
    (if (local.get 0)
      (then (call $down (i32.sub (local.get 0) (i32.const 1))))
      (else (call $throw (i32.const 5)))))
  (func (export "throwing_deep")
    (loop $again
      (drop (block $h (result i32)
        (try_table (result i32) (catch $e $h)
          (call $down (i32.const 300))
          (i32.const 0))))
      (br $again)))
  (func (export "uncaught") (call $throw (i32.const 3)))
  (func (export "ask") (param i32) (call $host (local.get 0)) (call $spin)))
"""


@pytest.fixture(scope="module")
def direct(wat):
    """Whether anything ends loops that do not call the host."""
    with wazero.Runtime() as runtime:
        module = runtime.instantiate(wat('(module (func (export "f")))'))
        return module.exports.f.interruptible


@pytest.fixture
def make(wat):
    with wazero.Runtime(features=["exception-handling"]) as runtime:
        compiled = runtime.compile(wat(WASM))

        def instantiate(host=lambda argument: None):
            return compiled.instantiate(imports={"env": {"host": host}})

        yield instantiate


def check_usable(module):
    assert module.exports.caught(5) == 5
    assert module.exports.sum(100) == 5050
    assert module.exports.fib(10) == 55
    with pytest.raises(wazero.Trap, match="uncaught exception"):
        module.exports.uncaught()


LOOPS = ["spin", "throwing", "throwing_deep", "inside_try", "after_catch", "copying"]


@pytest.mark.parametrize("name", LOOPS)
def test_a_timeout_ends_it(make, direct, name):
    module = make()
    assert not module.exports.spin.interruptible
    if direct:
        for _ in range(3):
            with pytest.raises(wazero.Timeout, match=r"timeout after 0\.05 s"):
                module.exports[name](timeout=0.05)
            check_usable(module)


def test_it_has_a_trace(make, direct):
    if direct:
        with pytest.raises(wazero.Timeout) as caught:
            make().exports.inside_try(timeout=0.05)
        functions = [frame.function for frame in caught.value.frames]
        assert functions in (["spin", "inside"], [])  # none on AArch64


def test_interrupting_and_closing_end_it(make, direct):
    module = make()
    if direct:
        with Again(module.interrupt), pytest.raises(wazero.Interrupted):
            module.exports.throwing()
        check_usable(module)
        with Again(module.close), pytest.raises(wazero.ClosedError):
            module.exports.throwing()


def test_an_inner_call_ends_alone(make, direct):
    def host(argument):
        with pytest.raises(wazero.Timeout):
            inner.exports.spin(timeout=0.02)
        asked.append(argument)

    asked = []
    inner = make()
    outer = make(host)
    if direct:
        with pytest.raises(wazero.Timeout):
            outer.exports.ask(7, timeout=1)
        assert asked == [7]
        check_usable(inner)
        check_usable(outer)


def test_deadlines_that_land_anywhere(make):
    module = make()
    ends = set()
    for turn in range(200):
        try:
            assert module.exports.sum(20, timeout=turn % 97 * 1e-5) == 210
            ends.add("result")
        except wazero.Timeout:
            ends.add("timeout")
        assert module.exports.fib(5) == 5
    assert "timeout" in ends
    check_usable(module)


STORM = """
import collections, os, random, sys, threading, time
import wazero

with open(sys.argv[1], "rb") as file:
    wasm = file.read()
loops = sys.argv[2].split()
began = time.monotonic()
seconds = float(os.environ.get("WAZERO_STORM", "2"))
ends = collections.Counter()
modules = []

def goes_on():
    # However busy the machine is, each way out is taken.
    return time.monotonic() < began + (seconds if len(ends) == 3 else 60)

def new_runtime():
    return wazero.Runtime(features=["exception-handling"])

def work():
    def host(argument):
        try:
            inner.exports[random.choice(loops)](timeout=random.random() / 300)
        except wazero.Timeout:
            ends["inner"] += 1
    inner = compiled.instantiate(imports={"env": {"host": lambda argument: None}})
    module = compiled.instantiate(imports={"env": {"host": host}})
    modules.append(module)
    while goes_on():
        name = random.choice([*loops, "ask"])
        try:
            module.exports[name](*[1] * (name == "ask"), timeout=random.random() / 100)
        except (wazero.Timeout, wazero.Interrupted) as error:
            ends[type(error).__name__] += 1
        for one in module, inner:
            try:
                assert one.exports.sum(20) == 210
                assert one.exports.fib(8) == 21
            except wazero.Interrupted:
                pass

def litter():
    while not done:
        with new_runtime() as other:
            other.compile(wasm)
        time.sleep(random.random() / 100)
        for module in modules:
            module.interrupt()

def watched(work):
    try:
        work()
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)

with new_runtime() as runtime:
    compiled = runtime.compile(wasm)
    done = []
    threads = [threading.Thread(target=watched, args=(work,)) for _ in range(3)]
    other = threading.Thread(target=watched, args=(litter,))
    for thread in *threads, other:
        thread.start()
    for thread in threads:
        thread.join()
    done.append(True)
    other.join()
assert len(ends) == 3, ends
"""


def test_storm(wat, tmp_path, direct):
    """Threads that end such code at any time, and Go collects garbage all the time.
    WAZERO_STORM says for how many seconds."""
    path = tmp_path / "thrower.wasm"
    path.write_bytes(wat(WASM))
    command = [sys.executable, "-X", "faulthandler", "-c", STORM, path]
    if direct:
        subprocess.run(
            [*command, " ".join(LOOPS)], check=True, env={**os.environ, "GOGC": "1"}
        )
