import contextlib
import os
import pickle
import struct

import pytest
import wazero

TRAPS = """
(module $traps
  (memory 1)
  (type $t (func))
  (type $other (func (param i32)))
  (table 4 funcref)
  (elem (i32.const 0) $takes)
  (func $takes (param i32))
  (func $stack (export "stack overflow") (call $stack))
  (func (export "unreachable") unreachable)
  (func (export "integer divide by zero") (result i32)
    (i32.div_s (i32.const 1) (i32.const 0)))
  (func (export "integer overflow") (result i32)
    (i32.div_s (i32.const 0x80000000) (i32.const -1)))
  (func (export "invalid conversion to integer") (result i32)
    (i32.trunc_f64_s (f64.const nan)))
  (func (export "out of bounds memory access") (result i32)
    (i32.load (i32.const 65536)))
  (func (export "invalid table access") (call_indirect (type $t) (i32.const 99)))
  (func (export "indirect call type mismatch")
    (call_indirect (type $t) (i32.const 0))))
"""
TRAP_NAMES = [
    "stack overflow",
    "unreachable",
    "integer divide by zero",
    "integer overflow",
    "invalid conversion to integer",
    "out of bounds memory access",
    "invalid table access",
    "indirect call type mismatch",
]


def test_hierarchy():
    for cls in (
        wazero.CompileError,
        wazero.LinkError,
        wazero.Trap,
        wazero.ExitError,
        wazero.ClosedError,
        wazero.ForkedError,
        wazero.Timeout,
        wazero.Interrupted,
    ):
        assert issubclass(cls, wazero.WazeroError)
        assert cls.__module__ == "wazero"
        assert cls.__doc__
        assert str(cls("text")) == "text"
    assert issubclass(wazero.WazeroError, Exception)
    assert issubclass(wazero.Timeout, TimeoutError)
    assert not issubclass(wazero.Interrupted, TimeoutError)


@pytest.mark.parametrize("engine", ["compiler", "interpreter"])
@pytest.mark.parametrize("name", TRAP_NAMES)
def test_traps(wat, name, engine):
    with wazero.Runtime(engine=engine) as runtime:
        mod = runtime.instantiate(wat(TRAPS))
        for _ in range(2):
            with pytest.raises(wazero.Trap) as caught:
                mod.call(name)
            trap = caught.value
            assert trap.code == name
            assert trap.code is wazero.TrapCode(name)
            if str(trap) == name:
                # what wazero says when compiled code has no stack left: no trace
                assert (trap.code, engine) == ("stack overflow", "compiler")
                assert trap.message == name and trap.frames == ()
                continue
            assert trap.message == f"wasm error: {name}"
            assert str(trap).startswith(f"wasm error: {name}\nwasm stack trace:\n\t")
            assert trap.frames[0].module == "traps"
            assert 1 <= len(trap.frames) <= 30
        assert not mod.closed


def test_trap_codes_are_those_of_the_library():
    assert len(wazero.TrapCode) == 13
    assert wazero.TrapCode.UNREACHABLE == "unreachable"


def test_frames(rt, wat):
    mod = rt.instantiate(
        wat(
            """(module $m
            (func $inner (param i32 i64) (result f32) unreachable)
            (func $outer (export "f") (result f32)
              (call $inner (i32.const 1) (i64.const 2))))"""
        )
    )
    with pytest.raises(wazero.Trap) as caught:
        mod.call("f")
    inner, outer = caught.value.frames
    assert isinstance(inner, wazero.Frame)
    assert (inner.module, inner.function, inner.source) == ("m", "inner", "")
    assert inner.signature == "(i32,i64) f32"
    assert outer.function == "outer"


@pytest.mark.parametrize("engine", ["auto", "interpreter"])
def test_frames_of_names_with_dots(wat, engine):
    """Only the names themselves tell at which dot the module's ends."""
    host = wazero.HostModule("host.env")
    module = """(module $"{}" (import "{}" "{}" (func $in))
        (func $"{}" (export "g") (call $in)))"""

    @host.func
    def f() -> None:
        raise ValueError("no")

    with wazero.Runtime(engine=engine) as runtime:
        host.instantiate(runtime)
        wasm = wat(module.format("qjs.wasm", "host.env", "f", "a.b"))
        runtime.instantiate(wasm, name="first")
        wasm = wat(module.format("qjs", "first", "g", "wasm.c.d"))
        second = runtime.instantiate(wasm)
        with pytest.raises(ValueError, match="no") as caught:
            second.exports.g()
    frames = caught.value.__notes__[0]
    assert "qjs.wasm.a.b()" in frames and "host.env.f()" in frames
    wasm = wat("""(module $"qjs.wasm" (func $"x.y" (export "f") unreachable))""")
    with wazero.Runtime(engine=engine) as runtime:
        with pytest.raises(wazero.Trap, match=r"qjs\.wasm\.x\.y\(\)") as trap:
            runtime.instantiate(wasm).exports.f()
    (frame,) = trap.value.frames
    assert (frame.module, frame.function) == ("qjs.wasm", "x.y")


def test_names_make_no_frames(rt, wat):
    wasm = wat("""(module $"a\\0ab" (func $"c\\0awasm stack trace:\\0a\\09x.y"
        (export "f") unreachable))""")
    with pytest.raises(wazero.Trap) as trap:
        rt.instantiate(wasm).exports.f()
    (frame,) = trap.value.frames
    assert (frame.module, frame.function) == ("a?b", "c?wasm stack trace:?\tx.y")
    assert rt.compile(wasm).name == "a\nb"


def test_frames_without_names(rt, wat):
    mod = rt.instantiate(wat('(module (func (export "f") unreachable))'))
    with pytest.raises(wazero.Trap) as caught:
        mod.call("f")
    (frame,) = caught.value.frames
    assert (frame.module, frame.function) == ("", "$0")


def test_trap_in_start(rt, wat):
    for wasm in (
        "(module $m (func $f unreachable) (start $f))",
        '(module $m (func (export "_start") unreachable))',
    ):
        with pytest.raises(wazero.Trap) as caught:
            rt.instantiate(wat(wasm))
        assert caught.value.code == wazero.TrapCode.UNREACHABLE
        assert caught.value.frames[0].module == "m"


def test_exception_in_start(rt, wat):
    raised = KeyError("from start")

    def function():
        raise raised

    for start in ("(start $f)", '(export "_start" (func $g))'):
        wasm = wat(f'(module (import "e" "f" (func $f)) (func $g (call $f)) {start})')
        with pytest.raises(KeyError) as caught:
            rt.instantiate(wasm, imports={"e": {"f": function}})
        assert caught.value is raised


def test_data_segment_that_does_not_fit(rt, wat):
    with pytest.raises(wazero.Trap, match="out of bounds") as caught:
        rt.instantiate(wat('(module (memory 1) (data (i32.const 65536) "x"))'))
    assert caught.value.code == wazero.TrapCode.OUT_OF_BOUNDS_MEMORY_ACCESS


def test_elements_that_do_not_fit_in_version_1(wat):
    source = '(module (table (export "table") 1 funcref))'
    user = """(module (import "e" "table" (table 1 funcref)) (func $f)
      (elem (i32.const 1) $f))"""
    with wazero.Runtime(features=wazero.Features.V1) as rt:
        with pytest.raises(wazero.Trap, match="exceeds min table size") as caught:
            rt.instantiate(wat(user), imports={"e": rt.instantiate(wat(source))})
    assert caught.value.code == wazero.TrapCode.INVALID_TABLE_ACCESS


def test_exit(rt, wat):
    wasm = wat(
        """(module
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (func (export "exit") (param i32) (call $exit (local.get 0))))"""
    )
    for code in (0, 1, 255, 2**32 - 1):
        mod = rt.instantiate(wasm, name="exits")
        assert rt.module("exits") is mod
        with pytest.raises(wazero.ExitError) as caught:
            mod.call("exit", code)
        assert caught.value.exit_code == code
        assert "module closed with" in str(caught.value)
        assert mod.closed and mod.exit_code == code
        assert rt.module("exits") is None
        with pytest.raises(wazero.WazeroError):
            mod.call("exit", code)


def test_exit_codes_of_ended_calls(make_loops):
    assert wazero.EXIT_CODE_CONTEXT_CANCELED == 0xFFFFFFFF
    assert wazero.EXIT_CODE_DEADLINE_EXCEEDED == 0xEFFFFFFF
    assert wazero.Interrupted.exit_code == wazero.EXIT_CODE_CONTEXT_CANCELED
    loops = make_loops()
    with pytest.raises(wazero.Timeout) as caught:
        loops.endless(timeout=0.01)
    assert caught.value.exit_code == wazero.EXIT_CODE_DEADLINE_EXCEEDED
    loops.tick = lambda: loops.mod.close(wazero.EXIT_CODE_DEADLINE_EXCEEDED)
    with pytest.raises(wazero.ExitError, match="closed with context deadline exceeded"):
        loops.exports.ticking()
    assert loops.mod.exit_code == wazero.EXIT_CODE_DEADLINE_EXCEEDED


def test_exit_in_start(rt, wat):
    wasm = """(module
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (func (export "_start") (call $exit (i32.const {}))))"""
    mod = rt.instantiate(wat(wasm.format(0)))
    assert mod.closed and mod.exit_code == 0
    with pytest.raises(wazero.ExitError) as caught:
        rt.instantiate(wat(wasm.format(3)))
    assert caught.value.exit_code == 3


def test_errors_can_be_pickled(rt, wat):
    mod = rt.instantiate(wat(TRAPS))
    with pytest.raises(wazero.Trap) as caught:
        mod.call("unreachable")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert type(copy) is wazero.Trap and str(copy) == str(caught.value)
    assert copy.code is wazero.TrapCode.UNREACHABLE
    assert copy.frames == caught.value.frames
    assert type(copy.frames[0]) is wazero.Frame


def test_errors_made_by_hand_have_attributes():
    trap = wazero.Trap("x")
    assert (trap.code, trap.message, trap.frames) == (None, "", ())
    assert wazero.ExitError("x").exit_code == 0
    timeout = wazero.Timeout("late")
    assert (timeout.frames, timeout.errno, timeout.args) == ((), None, ("late",))
    assert wazero.Interrupted("x").frames == ()


# -------------------------------------------------------------------- bad modules


def leb(number):
    data = bytearray()
    while True:
        byte = number & 0x7F
        number >>= 7
        if not number:
            return bytes(data) + bytes([byte])
        data.append(byte | 0x80)


def section(kind, body):
    return bytes([kind]) + leb(len(body)) + body


MAGIC = b"\0asm\1\0\0\0"
HUGE = b"\xff\xff\xff\xff\x0f"
BAD = {
    "empty": b"",
    "text": b"(module)",
    "half a magic": MAGIC[:3],
    "no version": MAGIC[:4],
    "component": b"\0asm\x0d\0\1\0",
    "version 2": b"\0asm\2\0\0\0",
    "section without size": MAGIC + b"\1",
    "section too long": MAGIC + b"\1\x20\0",
    "unknown section": MAGIC + section(99, b""),
    "sections out of order": MAGIC + section(3, b"\0") + section(1, b"\0"),
    "section twice": MAGIC + section(1, b"\0") + section(1, b"\0"),
    "unknown value type": MAGIC + section(1, b"\1\x60\1\x01\0"),
    "function without code": MAGIC + section(1, b"\1\x60\0\0") + section(3, b"\1\0"),
    "code without end": MAGIC
    + section(1, b"\1\x60\0\0")
    + section(3, b"\1\0")
    + section(10, b"\1\2\0\1"),
    "type index out of range": MAGIC + section(3, b"\1\5") + section(10, b"\1\2\0\x0b"),
    "export of nothing": MAGIC + section(7, b"\1\1f\0\0"),
    "export twice": MAGIC + section(5, b"\1\0\1") + section(7, b"\2\1m\2\0\1m\2\0"),
    "start out of range": MAGIC + section(8, b"\7"),
    "two memories": MAGIC + section(5, b"\2\0\1\0\1"),
    "memory over 4 GiB": MAGIC + section(5, b"\1\0" + leb(65537)),
    "memory with max below min": MAGIC + section(5, b"\1\1\2\1"),
    "import name no UTF-8": MAGIC
    + section(1, b"\1\x60\0\0")
    + section(2, b"\1\2\xff\xfe\1f\0\0"),
    "export name no UTF-8": MAGIC + section(5, b"\1\0\1") + section(7, b"\1\1\xff\2\0"),
    "import name over the end": MAGIC + section(2, b"\1\x7fenv"),
    "overlong LEB128": MAGIC + b"\1\x80\x80\x80\x80\x80\x80\0",
    "huge locals": MAGIC
    + section(1, b"\1\x60\0\0")
    + section(3, b"\1\0")
    + section(10, b"\1" + leb(9) + b"\1\xf0\xff\xff\xff\x0f\x7f\x0b\0"),
    "huge table": MAGIC + section(4, b"\1\x70\0" + HUGE),
}
for kind, what in (
    (1, "types"),
    (2, "imports"),
    (3, "functions"),
    (4, "tables"),
    (5, "memories"),
    (6, "globals"),
    (7, "exports"),
    (9, "elements"),
    (10, "codes"),
    (11, "data"),
):
    BAD[f"huge number of {what}"] = MAGIC + section(kind, HUGE)


@pytest.mark.parametrize("name", BAD)
def test_bad_modules(rt, name):
    wasm = BAD[name]
    for use in (rt.compile, rt.instantiate, wazero.validate):
        with pytest.raises(wazero.CompileError) as caught:
            use(wasm)
        assert len(str(caught.value)) > 5


def test_component_is_named(rt):
    with pytest.raises(wazero.CompileError, match="component"):
        rt.compile(BAD["component"])


def test_every_truncation(rt, wat):
    wasm = wat(TRAPS)
    for size in range(len(wasm)):
        with contextlib.suppress(wazero.CompileError):
            rt.compile(wasm[:size]).close()


def test_invalid_code(rt, wat, add_wasm):
    broken = add_wasm.replace(b"\x20\0\x20\1\x6a\x0b", b"\x20\0\x20\1\x7c\x0b")
    assert broken != add_wasm
    with pytest.raises(wazero.CompileError, match="type mismatch"):
        rt.compile(broken)


def test_mutable_global_in_a_constant_expression(rt):
    imported = section(2, b"\1\1e\1g\3\x7f\1")  # (import "e" "g" (global (mut i32)))
    with pytest.raises(wazero.CompileError, match=r"global\[0\] is mutable"):
        rt.compile(MAGIC + imported + section(6, b"\1\x7f\0\x23\0\x0b"))


def test_huge_memories(rt, wat):
    """Declared, they cost nothing; what is over the limit is refused."""
    mod = rt.instantiate(wat('(module (memory (export "m") 1 65536))'))
    assert mod.memory.pages == 1
    try:
        big = rt.instantiate(wat('(module (memory (export "m") 65536))'))
    except (MemoryError, wazero.WazeroError):
        return  # this machine does not have the address space
    assert len(big.memory) == 2**32
    big.memory[2**32 - 1] = 7
    assert big.memory[-1] == 7
    assert big.memory.read(2**32 - 2, 2) == b"\0\7"


def test_huge_memory_growth(rt, wat):
    mod = rt.instantiate(
        wat(
            """(module (memory (export "m") 1)
            (func (export "grow") (param i32) (result i32)
              (memory.grow (local.get 0))))"""
        )
    )
    assert mod.call("grow", 65536) == -1
    assert mod.call("grow", -1) == -1
    assert mod.memory.pages == 1


def test_numbers_in_messages_of_wazero_stay(rt):
    wasm = MAGIC + section(5, b"\1\0" + leb(70000))
    with pytest.raises(wazero.CompileError) as caught:
        rt.compile(wasm)
    assert "70000" in str(caught.value) or "4 Gi" in str(caught.value)


def test_random_bytes(rt):
    for seed in range(200):
        junk = MAGIC + struct.pack("<QQ", seed * 0x9E3779B97F4A7C15 % 2**64, seed)
        with pytest.raises(wazero.CompileError):
            rt.compile(junk)


def test_deep_recursion_traps(rt, wat):
    mod = rt.instantiate(
        wat(
            """(module (func $f (export "f") (param i32) (result i32)
            (if (result i32) (local.get 0)
            (then (i32.add (i32.const 1)
            (call $f (i32.sub (local.get 0) (i32.const 1)))))
            (else (i32.const 0)))))"""
        )
    )
    assert mod.call("f", 5000) == 5000
    with pytest.raises(wazero.Trap) as caught:
        mod.call("f", -1)
    assert caught.value.code == wazero.TrapCode.STACK_OVERFLOW
    assert mod.call("f", 100) == 100


def test_deep_traces_are_cut(rt, wat):
    mod = rt.instantiate(
        wat(
            """(module (func $f (export "f") (param i32)
            (if (i32.eqz (local.get 0)) (then unreachable))
            (call $f (i32.sub (local.get 0) (i32.const 1)))))"""
        )
    )
    with pytest.raises(wazero.Trap) as caught:
        mod.call("f", 100)
    assert len(caught.value.frames) == 30


@pytest.mark.skipif(
    "WAZERO_SANITIZED" in os.environ,
    reason="in a child the lock of the sanitizer's allocator may be held for ever",
)
def test_objects_from_before_a_fork(python, add_wasm):
    """They raise ForkedError in the child, which can make its own; nothing hangs."""
    out = python(
        """
import os, sys, warnings, wazero
warnings.simplefilter("ignore")  # of threads that a fork leaves behind
wasm = bytes.fromhex(sys.argv[1])
rt = wazero.Runtime()
compiled = rt.compile(wasm)
mod = compiled.instantiate(name="before")
add = mod.exports.add
pid = os.fork()
if pid == 0:
    code = 1
    try:
        for use in (lambda: add(1, 2), lambda: add(1, 2, timeout=1), mod.close,
                    lambda: add.map(b"12345678", 2), mod.interrupt,
                    lambda: rt.compile(wasm), lambda: rt.instantiate(wasm), rt.close,
                    lambda: rt.instantiate(compiled), lambda: rt.module("before"),
                    lambda: rt.host_module("h", {}), rt.__enter__):
            try:
                use()
            except wazero.ForkedError:
                continue
            print("no ForkedError", use, flush=True)
        del add, mod, compiled, rt
        with wazero.Runtime() as mine:
            print(mine.instantiate(wasm).call("add", 20, 22), flush=True)
        code = 0
    finally:
        os._exit(code)
_, status = os.waitpid(pid, 0)
print(status, add(1, 2))
""",
        add_wasm.hex(),
    )
    assert out == "42\n0 3\n"
