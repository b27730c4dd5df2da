"""The limits of the process: address space, and fork where it hurts."""

import os
import subprocess
import sys

import pytest
import wazero

LOG = """(module (import "env" "log" (func $log (param i32)))
  (func (export "run") (call $log (i32.const 42))))"""

IN_LITTLE_SPACE = """
import resource, sys, wazero
wasm = bytes.fromhex(sys.argv[1])
runtime = wazero.Runtime()
compiled = runtime.compile(wasm)
with open("/proc/self/statm") as file:
    mapped = int(file.read().split()[0]) * resource.getpagesize()
limit = mapped + (1 << 30)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for _ in range(2000):
    compiled.instantiate().close()
kept = []
try:
    while len(kept) < 100_000:
        kept.append(compiled.instantiate())
        kept[-1].exports.grow(100)
except MemoryError as error:
    print("MemoryError")
assert len(kept) > 30, len(kept)
assert kept[0].exports.grow(0) == 101
kept[0].memory[100 * 65536] = 1
"""


@pytest.mark.skipif(
    "WAZERO_SANITIZED" in os.environ, reason="a sanitizer maps more than the limit"
)
def test_limited_address_space(wat):
    wasm = wat(
        """(module (memory (export "memory") 1)
          (func (export "grow") (param i32) (result i32)
            (memory.grow (local.get 0))))"""
    )
    done = subprocess.run(
        [sys.executable, "-c", IN_LITTLE_SPACE, wasm.hex()],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "MemoryError\n"), done.stderr[-2000:]


def in_child(runtime, wasm, child):
    """Calls a host function that forks; what the call raised in the child is told."""
    read, write = os.pipe()
    parent = os.getpid()

    def log(value):
        if os.fork() == 0:
            child()
        else:
            os.wait()

    module = runtime.instantiate(wasm, imports={"env": {"log": log}})
    try:
        module.call("run")
        told = "nothing"
    except BaseException as error:
        told = f"{type(error).__name__}: {error}"
    if os.getpid() != parent:
        if told.startswith("ForkedError"):
            told += f", then {wazero.Runtime().compile(wasm).imports[0].name}"
        os.write(write, told.encode())
        os._exit(0)
    assert told == "nothing"
    os.close(write)
    with open(read, encoding="utf-8") as pipe:
        return pipe.read()


def fail():
    raise ValueError("in the child")


@pytest.mark.skipif(
    "WAZERO_SANITIZED" in os.environ,
    reason="in a child the lock of the sanitizer's allocator may be held for ever",
)
@pytest.mark.parametrize(
    ("child", "expected"),
    [
        (lambda: None, "ForkedError: this call was made before fork()"),
        (fail, "ValueError: in the child"),
        (lambda: sys.exit(3), "SystemExit: 3"),
    ],
)
def test_fork_inside_a_host_function(wat, child, expected):
    with wazero.Runtime() as runtime:
        told = in_child(runtime, wat(LOG), child)
    assert told.startswith(expected)
    assert not told.startswith("ForkedError") or told.endswith(", then log")


@pytest.mark.parametrize(
    ("imports", "hint"),
    [
        (
            {"env": {"lag": print}},
            "imports['env'] was given without 'log'; it has 'lag'",
        ),
        ({"env": {}}, "it has nothing"),
        ({"Env": {"log": print}}, "is 'Env' meant?"),
    ],
)
def test_what_was_given_instead(wat, imports, hint):
    with wazero.Runtime() as runtime, pytest.raises(wazero.LinkError) as raised:
        runtime.instantiate(wat(LOG), imports=imports)
    assert "expected function (i32) -> ()" in str(raised.value)
    assert hint in str(raised.value)


NAMES = """
import resource, sys, wazero
def leb(number):
    more = number >> 7
    return bytes([number & 0x7F | 0x80]) + leb(more) if more else bytes([number])
def sized(data):
    return leb(len(data)) + data
kind, lists = (bytes.fromhex(text) for text in sys.argv[1:3])
names = kind + sized(lists + leb(5_000_000) + bytes(10_000_000))
wasm = b"\\0asm\\1\\0\\0\\0\\1\\4\\1\\x60\\0\\0\\3\\2\\1\\0\\x0a\\4\\1\\2\\0\\x0b"
wasm += b"\\0" + sized(b"\\4name" + names)
runtime = wazero.Runtime()
runtime.compile(wasm[:24])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
runtime.compile(wasm)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif("WAZERO_SANITIZED" in os.environ, reason="a sanitizer takes more")
@pytest.mark.parametrize(("kind", "lists"), [("01", ""), ("02", ""), ("02", "0100")])
def test_names_take_what_they_are(kind, lists):
    """Five million names of functions or locals that are not there: 10 MB, of which
    wazero makes a list of 120 MB."""
    done = subprocess.run(
        [sys.executable, "-c", NAMES, kind, lists],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) < 60_000
