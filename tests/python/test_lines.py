"""Source lines in stack traces: lib's own reading of DWARF, on every path."""

import os
import random
import re
import subprocess
import sys

import pytest
import wazero

MODULE = """(module {name}
  (import "env" "host" (func $host))
  (memory 1)
  (func $inner (param i32) (drop (i32.load (local.get 0))))
  (func $outer (export "outer") (param i32) (call $inner (local.get 0)))
  (func (export "through") (call $host))
  (func (export "spin") (loop (br 0))))
"""


def uleb(value):
    out = bytearray()
    while True:
        out.append(value & 0x7F | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(out)


def section(name, data):
    payload = uleb(len(name)) + name.encode() + data
    return b"\0" + uleb(len(payload)) + payload


def sized(data):
    return len(data).to_bytes(4, "little") + data


def u32(value):
    return value.to_bytes(4, "little")


def dwarf(size=1000, file="a.c", inlined=False):
    """Sections by which each byte of the code is a line of its own, of that number."""
    child = b"\2\x1d\0\x11\x01\x12\x06\x58\x0b\x59\x0b\0\0"
    abbreviations = b"\1\x11\1\x10\x17\x1b\x08\x11\x01\x12\x06\0\0" + child + b"\0"
    unit = b"\4\0" + u32(0) + b"\4" + b"\1" + u32(0) + b"/src\0" + u32(1) + u32(size)
    if inlined:
        unit += b"\2" + u32(1) + u32(size) + b"\1\x2a"
    unit += b"\0"
    head = b"\1\1\1\1\1\x0a\0\1\1\1\1\0\0\0\1\0" + file.encode() + b"\0\0\0\0\0"
    program = b"\0\5\2" + u32(1) + b"\1" + b"\x0b" * 0
    # A special opcode that goes on by a line and a byte: 10 + 0 + 1 * 1.
    program += b"\x0b" * (size - 1) + b"\0\1\1"
    return (
        section(".debug_abbrev", abbreviations)
        + section(".debug_info", sized(unit))
        + section(".debug_line", sized(b"\4\0" + sized(head) + program))
    )


@pytest.fixture(scope="module")
def wasm(wat):
    return wat(MODULE.format(name="$named")) + dwarf()


def instantiate(runtime, wasm, host=lambda: None):
    return runtime.instantiate(wasm, imports={"env": {"host": host}})


def check(trap, functions):
    """Each frame has the line that is the place in the code."""
    assert [frame.function for frame in trap.frames] == functions
    for frame in trap.frames:
        place, path, line = re.fullmatch(
            r"0x([0-9a-f]+): (.*):(\d+)", frame.source
        ).groups()
        assert path == "/src/a.c"
        assert int(place, 16) == int(line) > 0
        assert f"\n\t\t{frame.source}" in str(trap)
    assert "wazero-source" not in str(trap)


def trap_of(module, argument=-4):
    with pytest.raises(wazero.Trap) as caught:
        module.exports.outer(argument)
    return caught.value


@pytest.mark.parametrize(
    "options",
    [{}, {"engine": "interpreter"}, {"features": ["exception-handling"]}, {"cache": 1}],
)
def test_lines(wasm, options, tmp_path):
    if "cache" in options:
        options = {"cache": tmp_path}
    texts = set()
    for _ in range(3):
        with wazero.Runtime(**options) as runtime:
            trap = trap_of(instantiate(runtime, wasm))
            check(trap, ["inner", "outer"])
            texts.add(str(trap))
    assert len(texts) == 1


def test_all_paths_agree(wasm, tmp_path):
    code = """
import sys, wazero
options = {"cache": sys.argv[2]} if sys.argv[2] else {}
for features in ([], ["exception-handling"]):
    runtime = wazero.Runtime(features=features, **options)
    module = runtime.instantiate(open(sys.argv[1], "rb").read(),
                                 imports={"env": {"host": lambda: None}})
    try:
        module.exports.outer(-4)
    except wazero.Trap as trap:
        print(trap)
"""
    path = tmp_path / "module.wasm"
    path.write_bytes(wasm)
    outputs = set()
    for direct in ("0", "1"):
        for cache in ("", tmp_path / "cache", tmp_path / "cache"):
            done = subprocess.run(
                [sys.executable, "-c", code, path, cache],
                env={**os.environ, "WAZERO_DIRECT": direct},
                capture_output=True,
                text=True,
            )
            assert done.stdout.count("/src/a.c") == 4, done.stderr
            outputs.add(done.stdout)
    assert len(outputs) == 1


def test_without_debug_info(wasm, rt):
    with wazero.Runtime(debug_info=False) as runtime:
        trap = trap_of(instantiate(runtime, wasm))
        assert [frame.source for frame in trap.frames] == ["", ""]
        assert "0x" not in str(trap)


def test_errors_of_host_functions_and_timeouts(wasm, tmp_path):
    def fail():
        raise ValueError("of the host")

    for _ in range(2):
        with wazero.Runtime(cache=tmp_path) as runtime:
            module = instantiate(runtime, wasm, fail)
            with pytest.raises(ValueError, match="of the host") as caught:
                module.exports.through()
            assert any("/src/a.c:" in note for note in caught.value.__notes__)
        with wazero.Runtime(cache=tmp_path) as runtime:
            spin = instantiate(runtime, wasm).exports.spin
            if spin.interruptible:
                with pytest.raises(wazero.Timeout) as caught:
                    spin(timeout=0.05)
                assert "/src/a.c:" in str(caught.value)


def test_lines_of_inlined_functions(wat):
    wasm = wat(MODULE.format(name="")) + dwarf(inlined=True)
    with wazero.Runtime() as runtime:
        trap = trap_of(instantiate(runtime, wasm))
    first, second = trap.frames[0].source.split("\n")
    place = first.partition(" ")[0]
    assert first == f"{place} /src/a.c:{int(place[:-1], 16)} (inlined)"
    assert second == f"{' ' * len(place)} /src/a.c:42"


def test_modules_that_are_linked_have_lines_each(wat, tmp_path):
    one = wat('(module $one (func (export "f") unreachable))') + dwarf(file="one.c")
    two = wat(
        """(module $two (import "one" "f" (func $f))
            (func (export "g") (call $f)))"""
    ) + dwarf(file="two.c")
    three = wat(
        """(module $three (import "two" "g" (func $g))
        (func (export "h") (call $g)))"""
    )
    for _ in range(2):
        with wazero.Runtime(cache=tmp_path) as runtime:
            first = runtime.instantiate(one, name="one")
            second = runtime.instantiate(two, name="two")
            third = runtime.instantiate(three)
            with pytest.raises(wazero.Trap) as caught:
                third.exports.h()
            assert [
                (frame.module, re.sub(".*/", "", frame.source).partition(":")[0])
                for frame in caught.value.frames
            ] == [("one", "one.c"), ("two", "two.c"), ("three", "")]
            first.close()
            second.close()


def test_names_cannot_pretend_to_be_frames(wat):
    wasm = wat(MODULE.format(name="")) + dwarf(file="x\n\tfake.frame()\n\t\t0x1: y")
    with wazero.Runtime() as runtime:
        trap = trap_of(instantiate(runtime, wasm))
    assert len(trap.frames) == 2
    assert "/src/x??fake.frame()???0x1: y:" in trap.frames[0].source


def test_marks_of_the_guest_are_harmless(wat, rt):
    mark = "\\n\\t\\t0x1: wazero-source-0123456789abcdef"
    wasm = wat(f'(module (func $"x{mark}" (export "f") unreachable))')
    with pytest.raises(wazero.Trap, match="unreachable"):
        rt.instantiate(wasm).exports.f()


def test_many_threads_that_trap_first(wasm, tmp_path):
    import concurrent.futures

    with wazero.Runtime(cache=tmp_path) as runtime:
        runtime.compile(wasm)
    for _ in range(5):
        with wazero.Runtime(cache=tmp_path) as runtime:
            compiled = runtime.compile(wasm)

            def work(compiled=compiled):
                module = compiled.instantiate(imports={"env": {"host": lambda: None}})
                check(trap_of(module), ["inner", "outer"])

            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                for future in [pool.submit(work) for _ in range(16)]:
                    future.result()


def test_an_entry_that_is_gone_when_there_is_a_trap(wasm, tmp_path):
    with wazero.Runtime(cache=tmp_path) as runtime:
        module = instantiate(runtime, wasm)
        (entry,) = (path for path in tmp_path.rglob("*") if path.is_file())
        entry.unlink()
        trap = trap_of(module)
        assert [frame.function for frame in trap.frames] == ["inner", "outer"]
        assert "wazero-source" not in str(trap)


def test_hostile_debug_information(wat):
    """It is read with little memory, and neither crashes nor takes long."""
    plain = wat(MODULE.format(name=""))
    code = """
import random, resource, sys, time, wazero
runtime = wazero.Runtime()
plain, sections = (bytes.fromhex(text) for text in sys.argv[1:3])
def trap(wasm):
    module = runtime.instantiate(wasm, imports={"env": {"host": lambda: None}})
    try:
        module.exports.outer(-4)
    except wazero.Trap as error:
        module.close()
        return str(error)
trap(plain + sections)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (4 << 30), resource.RLIM_INFINITY))
random.seed(int(sys.argv[3]))
start = time.monotonic()
while time.monotonic() < start + 4:
    changed = bytearray(sections)
    for _ in range(random.randrange(1, 5)):
        changed[random.randrange(len(changed))] = random.choice(
            (0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
    try:
        text = trap(plain + bytes(changed))
    except wazero.CompileError:
        continue
    assert text.startswith("wasm error: out of bounds memory access"), text
    assert "wazero-source" not in text
print("done")
"""
    for seed, sections in ((1, dwarf()), (2, dwarf(inlined=True)), (3, claim())):
        done = subprocess.run(
            [sys.executable, "-c", code, plain.hex(), sections.hex(), str(seed)],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stdout == "done\n", done.stderr


def claim():
    """A line table of 2 ** 40 folders, as it says: Go's reader makes room for them."""
    head = b"\1\1\1\1\1\x0a\0\1\1\1\1\0\0\0\1\1\1\x08" + uleb(2**40)
    line = section(".debug_line", sized(b"\5\0\4\0" + sized(head)))
    return dwarf(size=1).partition(section(".debug_line", b"")[3:])[0][:-3] + line


def test_what_it_costs_is_bounded(wat):
    """A trap of many frames in a module with much debug information is quick."""
    plain = wat(
        """(module (func $f (export "f") (param i32)
        (if (local.get 0)
          (then (call $f (i32.sub (local.get 0) (i32.const 1))))
          (else (unreachable)))))"""
    )
    random.seed(1)
    noise = section(".debug_str", random.randbytes(5 << 20))
    units = b"".join(sized(b"\4\0" + u32(0) + b"\4\0" * 20) for _ in range(100_000))
    wasm = plain + noise + section(".debug_info", units) + section(".debug_line", b"x")
    with wazero.Runtime() as runtime:
        module = runtime.instantiate(wasm)
        with pytest.raises(wazero.Trap) as caught:
            module.exports.f(100, timeout=30)
        assert len(caught.value.frames) == 30
