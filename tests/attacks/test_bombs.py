"""Modules that claim more than they have, or of which the compiler would make much.

What none of them may do is end the process or take memory without bound. They are
compiled in a process of its own, which says what it took.
"""

import subprocess
import sys

import pytest
import wazero

MILLION = 10**6


def leb(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def section(number, payload):
    return bytes([number]) + leb(len(payload)) + payload


def vector(items):
    return leb(len(items)) + b"".join(items)


def name(text):
    return leb(len(text)) + text


HEAD = b"\0asm\1\0\0\0"
TYPE = section(1, b"\1\x60\0\0")
FUNCTION = TYPE + section(3, b"\1\0")
MEMORY = section(5, b"\1\0\1")
TABLE = section(4, b"\1\x70\0\1")


def body(code):
    return HEAD + FUNCTION + section(10, b"\1" + leb(len(code)) + code)


def names(subsection, payload):
    return body(b"\0\x0b") + section(0, name(b"name") + bytes([subsection]) + payload)


HUGE = leb(2**32 - 1)
WIDE = b"\x60" + (leb(1000) + b"\x7f" * 1000) * 2
BOMBS = {
    "locals": (lambda: body(b"\1" + HUGE + b"\x7f\x0b"), "too many locals: 4294967295"),
    "groups of locals": (
        lambda: body(b"\4" + (leb(2**31) + b"\x7f") * 4 + b"\x0b"),
        "too many locals: 2147483648",
    ),
    "br_table": (
        lambda: body(b"\0\x41\0\x0e" + leb(10**7) + b"\0" * (10**7 + 1) + b"\x0b"),
        "function[0]: its size is 10000010, the limit is 7654321",
    ),
    "targets": (
        lambda: body(b"\0\x41\0\x0e" + leb(70_000) + b"\0" * 70_001 + b"\x0b"),
        "65520",
    ),
    "br_tables": (
        lambda: body(
            b"\0" + (b"\x41\0\x0e" + leb(65_520) + b"\0" * 65_521) * 110 + b"\x0b"
        ),
        "7207310 blocks and branches; the limit is 500000",
    ),
    "nesting": (
        lambda: body(b"\0" + b"\x02\x40" * MILLION + b"\x0b" * (MILLION + 1)),
        "blocks are nested deeper than the limit of 5000",
    ),
    "functions": (
        lambda: HEAD + TYPE + section(3, leb(MILLION + 1) + b"\0" * (MILLION + 1)),
        "functions: count 1000001 is over the limit of 1000000",
    ),
    "types": (
        lambda: HEAD + section(1, vector([b"\x60\0\0"] * (MILLION + 1))),
        "types: count 1000001 is over the limit of 1000000",
    ),
    "parameters": (
        lambda: HEAD + section(1, vector([WIDE] * 20_000)),
        "all together have 40000000 parameters and results; the limit is 5000000",
    ),
    "imports": (
        lambda: HEAD + TYPE + section(2, vector([b"\0\0\0\0"] * (MILLION + 1))),
        "imports: count 1000001 is over the limit of 1000000",
    ),
    "exports": (
        lambda: HEAD + FUNCTION + section(7, vector([b"\0\0\0"] * (MILLION + 1))),
        "exports: count 1000001 is over the limit of 1000000",
    ),
    "tables": (
        lambda: HEAD + section(4, vector([b"\x70\0" + leb(10**7)] * 2)),
        "all tables together have min 20000000 elements",
    ),
    "memory": (lambda: HEAD + section(5, b"\1\0" + leb(65_536)), "min 65536 pages"),
    "data count": (
        lambda: HEAD + MEMORY + section(12, HUGE) + section(11, HUGE),
        "data segments: count 4294967295",
    ),
    "data count alone": (lambda: HEAD + section(12, HUGE), "data count section"),
    "data": (
        lambda: HEAD + MEMORY + section(11, b"\1\0\x41\0\x0b" + HUGE),
        "4294967295",
    ),
    "segments": (
        lambda: HEAD + TABLE + section(9, HUGE),
        "element segments: count 4294967295",
    ),
    "elements": (
        lambda: HEAD + TABLE + section(9, b"\1\0\x41\0\x0b" + HUGE),
        "elements: count 4294967295",
    ),
    "names": (lambda: names(1, HUGE + b"\0"), "its size is 4294967295"),
    "names of functions": (
        lambda: names(1, leb(5) + HUGE),
        "function names: count 4294967295",
    ),
    "custom sections": (
        lambda: HEAD + section(0, b"\1a") * 100_100,
        "more sections than the limit of 100000",
    ),
    "name of a custom section": (
        lambda: HEAD + section(0, HUGE + b"a"),
        "4294967295 bytes claimed, but only 1 are left",
    ),
    "section": (lambda: HEAD + b"\0" + HUGE, "4294967295"),
}
# These are modules, and take some memory.
LARGE = {
    "empty functions": lambda: (
        HEAD
        + TYPE
        + section(3, leb(100_000) + b"\0" * 100_000)
        + section(10, leb(100_000) + b"\2\0\x0b" * 100_000)
    ),
    "long name": lambda: names(1, section(1, b"\1\0" + name(b"x" * 20_000_000))[1:]),
    "many locals' names": lambda: names(
        2,
        (lambda inside: leb(len(inside)) + inside)(
            b"\1\0" + vector([leb(i) + b"\1l" for i in range(500_000)])
        ),
    ),
    "globals": lambda: HEAD + section(6, vector([b"\x7f\0\x41\0\x0b"] * 100_000)),
    "blocks": lambda: body(b"\0" + b"\x02\x40" * 4999 + b"\x0b" * 5000),
}
COMPILE = """
import json, sys, time, wazero

def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))

with wazero.Runtime(memory_limit="64MiB", engine=sys.argv[1]) as runtime:
    runtime.compile(b"\\0asm\\1\\0\\0\\0").close()
    before = peak()
    for path in sys.argv[2:]:
        with open(path, "rb") as file:
            wasm = file.read()
        try:
            runtime.compile(wasm).close()
            print("compiled")
        except wazero.CompileError as error:
            print(str(error).replace("\\n", " "))
        before += len(wasm) >> 10
    print(peak() - before >> 10)
"""


@pytest.mark.parametrize("engine", ["auto", "interpreter"])
def test_they_are_refused_and_cost_nothing(tmp_path, engine):
    paths = []
    for i, (make, _) in enumerate(BOMBS.values()):
        paths.append(tmp_path / f"{i}.wasm")
        paths[-1].write_bytes(make())
    done = subprocess.run(
        [sys.executable, "-c", COMPILE, engine, *paths],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *messages, megabytes = done.stdout.splitlines()
    assert len(messages) == len(BOMBS)
    for message, (_, expected) in zip(messages, BOMBS.values(), strict=True):
        assert expected in message
    assert int(megabytes) < 100


def test_what_is_compiled_takes_memory_in_proportion(tmp_path):
    paths = []
    for i, make in enumerate(LARGE.values()):
        paths.append(tmp_path / f"{i}.wasm")
        paths[-1].write_bytes(make())
    done = subprocess.run(
        [sys.executable, "-c", COMPILE, "auto", *paths],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *messages, megabytes = done.stdout.splitlines()
    assert messages == ["compiled"] * len(LARGE)
    assert int(megabytes) < 400


def test_what_is_too_slow_to_compile_does_not_begin():
    """A timeout does not end compiling: it is noticed after it."""
    count = 20_000
    wasm = (
        HEAD
        + section(1, b"\1\x60\0\0")
        + section(2, b"\1" + name(b"host") + name(b"begins") + b"\0\0")
        + section(3, leb(count) + b"\0" * count)
        + section(7, b"\1" + name(b"_start") + b"\0\0")
        + section(10, leb(count) + b"\2\0\x0b" * count)
    )
    begun = []
    imports = {"host": {"begins": lambda: begun.append(True)}}
    with pytest.raises(wazero.Timeout):
        wazero.run(wasm, imports=imports, timeout=0.0001)
    assert not begun
    assert wazero.run(wasm, imports=imports).returncode == 0
    assert begun
