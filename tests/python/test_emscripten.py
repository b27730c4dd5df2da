"""Programs of Emscripten's: env.invoke_*, longjmp, the notice of growth."""

import pathlib
import subprocess
import sys

import pytest
import wazero

ROOT = pathlib.Path(__file__).resolve().parents[2]
WASM = (ROOT / "tests" / "wasm" / "emscripten.wasm").read_bytes()
(DOUBLE, LEAVE, TRAP, SPIN, DEEPER, SUM, LEAVE_BY_VALUE, CALL_HOST, NOTHING) = range(9)


class Program:
    def __init__(self, runtime, host=None, **options):
        self.mod = runtime.instantiate(
            WASM, imports={"env": {"host": lambda n: host(n)}}, **options
        )
        self.exports = self.mod.exports

    @property
    def state(self):
        """The stack pointer, and what setThrew was told."""
        return self.exports.stack_pointer.value, self.exports.threw.value


@pytest.fixture(params=["compiler", "interpreter"])
def make(request):
    with wazero.Runtime(engine=request.param) as runtime:
        yield lambda *args, **options: Program(runtime, *args, **options)


@pytest.fixture
def program(make):
    return make()


def test_invoke(program):
    assert program.exports.call_ii(DOUBLE, 21) == 42
    assert program.exports.call_dddjf(SUM, 1.5, 2.25, -4, 0.5) == 0.25
    assert program.state == (65536, 0)


def test_longjmp(program):
    for _ in range(100):
        program.exports.call_v(LEAVE)
        assert program.state == (65536, 1)
    program.exports.call_ii(LEAVE_BY_VALUE, 7)
    assert program.state == (65536, 1)


def test_longjmp_out_of_many(program):
    program.exports.call_vi(DEEPER, 50)
    assert program.state == (65536, 1)


def test_longjmp_that_nobody_catches(program):
    with pytest.raises(
        wazero.WazeroError, match=r"^_emscripten_throw_longjmp"
    ) as caught:
        program.exports.longjmp()
    assert type(caught.value) is wazero.WazeroError
    assert program.exports.call_ii(DOUBLE, 1) == 2


def test_a_trap_passes(program):
    with pytest.raises(wazero.Trap) as caught:
        program.exports.call_v(TRAP)
    assert caught.value.code == wazero.TrapCode.UNREACHABLE
    assert program.state == (65536, 0)  # the stack pointer is put back


def test_an_exception_passes(make):
    def host(n):
        raise KeyError(n)

    program = make(host)
    with pytest.raises(KeyError, match="5"):
        program.exports.call_vi(CALL_HOST, 5)
    assert program.state == (65536, 0)


def test_an_exit_passes(make):
    program = make(lambda n: program.mod.close(n))
    with pytest.raises(wazero.ExitError) as caught:
        program.exports.call_vi(CALL_HOST, 5)
    assert caught.value.exit_code == 5


def test_a_timeout_ends_it(program):
    if not program.exports.call_v.interruptible:
        return  # a loop that calls nothing
    with pytest.raises(wazero.Timeout):
        program.exports.call_v(SPIN, timeout=0.05)
    assert program.exports.call_ii(DOUBLE, 1) == 2


@pytest.mark.parametrize("element", [NOTHING, 9, 2**31, 2**32 - 1])
def test_no_function_there(program, element):
    with pytest.raises(wazero.Trap) as caught:
        program.exports.call_v(element)
    assert caught.value.code == wazero.TrapCode.INVALID_TABLE_ACCESS
    assert str(caught.value).startswith("wasm error: invalid table access")


def test_a_function_of_another_type(program):
    for call, *args in [
        (program.exports.call_v, DOUBLE),
        (program.exports.call_ii, LEAVE, 1),
        (program.exports.call_dddjf, DOUBLE, 0, 0, 0, 0),
    ]:
        with pytest.raises(wazero.Trap) as caught:
            call(*args)
        assert caught.value.code == wazero.TrapCode.INDIRECT_CALL_TYPE_MISMATCH


def test_growth(program):
    program.exports.notify()


def test_own_functions_go_first(rt):
    calls = []
    env = {
        "host": lambda n: None,
        "invoke_ii": lambda f, n: 5,
        "emscripten_notify_memory_growth": calls.append,
    }
    mod = rt.instantiate(WASM, imports={"env": env})
    assert mod.exports.call_ii(DOUBLE, 21) == 5
    mod.exports.notify()
    assert calls == [0]
    assert mod.exports.call_dddjf(SUM, 1, 2, 3, 4) == 10  # the others are still there


def test_what_is_missing(rt, wat):
    for name in (
        "emscripten_stack_get_current",
        "_emscripten_stack_restore",
        "setThrew",
    ):
        exports = [
            '(func (export "emscripten_stack_get_current") (result i32) i32.const 1)',
            '(func (export "_emscripten_stack_restore") (param i32))',
            '(func (export "setThrew") (param i32 i32))',
        ]
        text = "".join(export for export in exports if name not in export)
        mod = rt.instantiate(
            wat(
                f"""(module
            (import "env" "invoke_v" (func $invoke_v (param i32)))
            (import "env" "_emscripten_throw_longjmp" (func $throw))
            (table 1 funcref) (elem (i32.const 0) $throw)
            (func (export "run") (call $invoke_v (i32.const 0))) {text})"""
            )
        )
        with pytest.raises(wazero.WazeroError, match=f"^{name}.* not exported"):
            mod.call("run")


def test_no_table(rt, wat):
    mod = rt.instantiate(
        wat(
            """(module
        (import "env" "invoke_v" (func $invoke_v (param i32)))
        (func (export "run") (call $invoke_v (i32.const 0))))"""
        )
    )
    with pytest.raises(wazero.Trap, match="invalid table access"):
        mod.call("run")


@pytest.mark.parametrize(
    "text",
    [
        '(import "env" "invoke_v" (func))',
        '(import "env" "invoke_j" (func (param i64)))',
        '(import "env" "invoke_" (func (param f32)))',
        '(import "env" "invoke_ve" (func (param i32 externref)))',
        '(import "env" "invoke_V" (func (param i32 v128)))',
        '(import "env" "invoke_v" (global i32))',
        '(import "anv" "invoke_v" (func (param i32)))',
        '(import "env" "_emscripten_throw_longjmp" (func (param i32)))',
        '(import "env" "emscripten_notify_memory_growth" (func))',
        '(import "env" "emscripten_notify_memory_growth" (memory 1))',
        '(import "env" "emscripten_resize_heap" (func (param i32) (result i32)))',
    ],
)
def test_what_is_not_emscripten(rt, wat, text):
    with pytest.raises(wazero.LinkError):
        rt.instantiate(wat(f"(module {text})"))


def test_functions_of_other_modules_in_the_table(rt, wat):
    """What a table has may be of another module, or the host's."""
    calls = []
    plugin = rt.instantiate(
        wat('(module (func (export "f") (param i32) (result i32) i32.const 7))')
    )
    mod = rt.instantiate(
        wat(
            """(module
        (import "env" "invoke_ii" (func $invoke_ii (param i32 i32) (result i32)))
        (import "plugin" "f" (func $f (param i32) (result i32)))
        (import "host" "g" (func $g (param i32) (result i32)))
        (table 2 funcref) (elem (i32.const 0) $f $g)
        (func (export "emscripten_stack_get_current") (result i32) i32.const 1)
        (func (export "run") (param i32) (result i32)
          (call $invoke_ii (local.get 0) (i32.const 3))))"""
        ),
        imports={"plugin": plugin, "host": {"g": lambda n: calls.append(n) or n + 1}},
    )
    assert mod.call("run", 0) == 7
    assert mod.call("run", 1) == 4
    assert calls == [3]


def wazeros_own(*parts):
    """A module of those that wazero tests itself with, where Go has it."""
    go = [sys.executable, ROOT / "tools" / "find_go.py"]
    command = subprocess.run(go, capture_output=True, text=True, check=True).stdout
    found = subprocess.run(
        [
            command.strip(),
            "list",
            "-m",
            "-f",
            "{{.Dir}}",
            "github.com/tetratelabs/wazero",
        ],
        cwd=ROOT / "engine",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    return pathlib.Path(found, *parts).read_bytes()


def test_a_program_of_emscriptens(rt):
    """It grows its memory, and tells of it."""
    wasm = wazeros_own("imports", "emscripten", "testdata", "grow.wasm")
    mod = rt.instantiate(wasm)
    assert mod.exit_code in (0, None)
    told = []
    env = {"emscripten_notify_memory_growth": told.append}
    rt.instantiate(wasm, imports={"env": env})
    assert told == [0]


INVOKES = {
    "call_v_i32": (0, (), 42),
    "call_i32_i32": (2, (42,), 42),
    "call_i32i32_i32": (4, (1, 2), 3),
    "call_i32i32i32_i32": (6, (1, 2, 4), 7),
    "calli32_i32i32i32i32_i32": (8, (1, 2, 4, 8), 15),
    "call_v_v": (10, (), None),
    "call_i32_v": (12, (42,), None),
    "call_i32i32_v": (14, (1, 2), None),
    "call_i32i32i32_v": (16, (1, 2, 4), None),
    "calli32_i32i32i32i32_v": (18, (1, 2, 4, 8), None),
    "call_invoke_v_with_longjmp_throw": (20, (), None),
}


@pytest.mark.parametrize("name", INVOKES)
def test_what_wazero_tests(rt, name):
    """Each function has a neighbour in the table that traps."""
    mod = rt.instantiate(
        wazeros_own("imports", "emscripten", "testdata", "invoke.wasm")
    )
    element, args, expected = INVOKES[name]
    assert mod.call(name, element, *args) == expected
    with pytest.raises(wazero.Trap) as caught:
        mod.call(name, element + 1, *args)
    assert caught.value.code == wazero.TrapCode.UNREACHABLE
