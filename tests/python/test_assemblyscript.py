"""Programs in AssemblyScript: env.abort, env.trace and env.seed."""

import io
import pathlib
import pickle
import struct

import pytest
import wazero

WASM = (
    pathlib.Path(__file__).parent.parent / "wasm" / "assemblyscript.wasm"
).read_bytes()
MESSAGE, FILE, ODD, STRANGE = 12, 40, 60, 80


class Guest:
    def __init__(self, runtime, assemblyscript, **options):
        self.out, self.err = io.BytesIO(), io.BytesIO()
        options = {"stdout": self.out, "stderr": self.err} | options
        self.mod = runtime.instantiate(WASM, assemblyscript=assemblyscript, **options)
        self.exports = self.mod.exports

    def trace(self, message, *numbers, count=None):
        self.exports.trace(
            message,
            len(numbers) if count is None else count,
            *numbers,
            *[0] * (5 - len(numbers)),
        )

    @property
    def texts(self):
        return self.out.getvalue().decode(), self.err.getvalue().decode()


@pytest.fixture(
    params=[
        ("compiler", "libwazero"),
        ("interpreter", "libwazero"),
        ("compiler", "wazero"),
    ]
)
def guest(request):
    engine, wasi = request.param
    with wazero.Runtime(engine=engine) as runtime:
        yield lambda assemblyscript=True, **options: Guest(
            runtime, assemblyscript, **({"wasi": wasi} | options)
        )


def aborts(program, *args):
    with pytest.raises(wazero.ExitError) as caught:
        program.exports.abort(*args)
    assert caught.value.exit_code == 255
    assert program.mod.closed and program.mod.exit_code == 255


def test_abort(guest):
    program = guest()
    aborts(program, MESSAGE, FILE, 1, 2)
    assert program.texts == ("", "message at a.ts:1:2\n")


def test_abort_with_large_numbers(guest):
    program = guest()
    aborts(program, MESSAGE, FILE, 2**32 - 1, 2**31)
    assert program.texts == ("", "message at a.ts:4294967295:2147483648\n")


def test_abort_without_message(guest):
    program = guest(wazero.AssemblyScript(abort_message=False))
    aborts(program, MESSAGE, FILE, 1, 2)
    assert program.texts == ("", "")


@pytest.mark.parametrize("wrong", [0, 3, 4, 65537, 65540, 2**32 - 1, ODD])
def test_texts_that_are_none(guest, wrong):
    for args in [(wrong, FILE), (MESSAGE, wrong)]:
        program = guest()
        aborts(program, *args, 1, 2)
        if wrong != 4:  # which is empty
            assert program.texts == ("", "")
    program = guest(wazero.AssemblyScript(trace="stdout"))
    program.trace(wrong)
    assert program.texts == ("trace: \n" if wrong == 4 else "", "")


def test_trace_goes_nowhere_by_default(guest):
    program = guest()
    program.trace(MESSAGE, 1)
    program.trace(2**32 - 1, 1)
    assert program.texts == ("", "")


def test_trace(guest):
    for to in ("stdout", "stderr"):
        program = guest(wazero.AssemblyScript(trace=to))
        program.trace(MESSAGE)
        program.trace(MESSAGE, 1)
        program.trace(MESSAGE, 1, 2.5, -3, 4e100)
        program.trace(MESSAGE, 1, 2, 3, 4, 5)
        program.trace(MESSAGE, 1, 2, 3, 4, 5, count=2**32 - 1)
        program.trace(MESSAGE, 1, 2, 3, count=1)
        text = (
            "trace: message\ntrace: message 1\ntrace: message 1,2.5,-3,4e+100\n"
            "trace: message 1,2,3,4,5\ntrace: message 1,2,3,4,5\ntrace: message 1\n"
        )
        assert program.texts == ((text, "") if to == "stdout" else ("", text))


def test_numbers_are_written_as_go_does(guest):
    program = guest(wazero.AssemblyScript(trace="stdout"))
    for number, text in {
        -0.0: "-0",
        float("nan"): "NaN",
        float("inf"): "+Inf",
        float("-inf"): "-Inf",
        999999.0: "999999",
        1000000.0: "1e+06",
        1234567.0: "1.234567e+06",
        0.0001: "0.0001",
        0.00001: "1e-05",
        0.1 + 0.2: "0.30000000000000004",
        5e-324: "5e-324",
        1.7976931348623157e308: "1.7976931348623157e+308",
        2.0**-44: "5.684341886080802e-14",
        9007199254740993.0: "9.007199254740992e+15",
    }.items():
        program.out.seek(0)
        program.out.truncate()
        program.trace(MESSAGE, number)
        assert program.texts[0] == f"trace: message {text}\n"


def test_texts_are_utf_16(guest):
    program = guest(wazero.AssemblyScript(trace="stdout"))
    program.trace(STRANGE)
    assert program.texts[0] == "trace: \ufffd\xe9\U0001f600\u20ac\n"


def test_long_texts(guest):
    """They are written in pieces, and none is lost."""
    program = guest(wazero.AssemblyScript(trace="stdout"))
    memory = program.mod.memory
    memory.grow(4)
    text = "".join(chr(0x20 + i % 0x2000) for i in range(100_000))
    memory.pack("<I", 1000, 200_000)
    memory.write(1004, text.encode("utf-16-le"))
    program.trace(1004, 7)
    assert program.texts[0] == f"trace: {text} 7\n"


def test_seed(guest):
    def numbers(**options):
        program = guest(**options)
        return [struct.pack("<d", program.exports.seed()) for _ in range(2)]

    assert numbers() == numbers()
    assert numbers(random=b"other") != numbers()
    assert numbers(random="system") != numbers(random="system")
    assert numbers(random=lambda n: bytes(range(n))) == [bytes(range(8))] * 2


def test_a_stream_that_raises(guest):
    def broken(data):
        raise KeyError(data)

    program = guest(wazero.AssemblyScript(trace="stdout"), stdout=broken, stderr=broken)
    with pytest.raises(KeyError, match="trace: message"):
        program.trace(MESSAGE)
    with pytest.raises(KeyError, match=r"message at a\.ts"):
        program.exports.abort(MESSAGE, FILE, 1, 2)
    program = guest(random=broken)
    with pytest.raises(KeyError, match="8"):
        program.exports.seed()


def test_without_streams(guest):
    program = guest(wazero.AssemblyScript(trace="stdout"), stdout=None, stderr=None)
    program.trace(MESSAGE)
    aborts(program, MESSAGE, FILE, 1, 2)


def test_own_functions_go_first(guest):
    calls = []
    program = guest(imports={"env": {"abort": lambda *args: calls.append(args)}})
    program.exports.abort(1, 2, 3, 4)
    assert calls == [(1, 2, 3, 4)] and not program.mod.closed
    program.exports.seed()


def test_it_must_be_asked_for(rt):
    for off in (None, False):
        with pytest.raises(wazero.LinkError, match=r"env\.abort"):
            rt.instantiate(WASM, assemblyscript=off)


def test_other_types_are_no_answer(rt, wat):
    wasm = wat('(module (import "env" "abort" (func (param i32))))')
    with pytest.raises(wazero.LinkError, match=r"signature mismatch.*given function"):
        rt.instantiate(wasm, assemblyscript=True)
    wasm = wat('(module (import "env" "seed" (global f64)))')
    with pytest.raises(wazero.LinkError, match="kind mismatch"):
        rt.instantiate(wasm, assemblyscript=True)
    wasm = wat('(module (import "env" "seeds" (func (result f64))))')
    with pytest.raises(wazero.LinkError, match=r"env\.seeds"):
        rt.instantiate(wasm, assemblyscript=True)


def test_a_module_without_a_memory(rt, wat):
    wasm = wat(
        """(module
        (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
        (func (export "_start")
          (call $abort (i32.const 4) (i32.const 4) (i32.const 0) (i32.const 0))))"""
    )
    with pytest.raises(wazero.ExitError) as caught:
        rt.instantiate(wasm, assemblyscript=True)
    assert caught.value.exit_code == 255


def test_wrong_options(rt):
    for wrong in (1, "yes", {"trace": "stdout"}):
        with pytest.raises(TypeError, match=r"must be a bool or a wazero"):
            rt.instantiate(WASM, assemblyscript=wrong)
    with pytest.raises(ValueError, match="trace of AssemblyScript must be None, 'std"):
        rt.instantiate(WASM, assemblyscript=wazero.AssemblyScript(trace="out"))
    with pytest.raises(TypeError, match="trace of AssemblyScript must be None, 'std"):
        rt.instantiate(WASM, assemblyscript=wazero.AssemblyScript(trace=3))


def test_config(rt):
    config = wazero.ModuleConfig(assemblyscript=wazero.AssemblyScript(trace="stderr"))
    config = pickle.loads(pickle.dumps(config))
    err = io.BytesIO()
    mod = rt.instantiate(WASM, config=config, stderr=err)
    mod.exports.trace(MESSAGE, 0, 0, 0, 0, 0, 0)
    assert err.getvalue() == b"trace: message\n"
