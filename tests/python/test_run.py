import io
import pathlib

import pytest
import wazero


def test_success(cat):
    done = wazero.run(cat, capture_output=True, input=b"hello world")
    assert done == wazero.CompletedRun(("wasm",), 0, b"hello world", b"err\r\n")
    assert done.check_returncode() is None


def test_paths(cat, tmp_path):
    path = tmp_path / "cat.wasm"
    path.write_bytes(cat)
    for wasm in (path, str(path)):
        done = wazero.run(wasm, capture_output=True)
        assert done.args == ("cat.wasm",)
        assert done.returncode == 0
    with pytest.raises(FileNotFoundError):
        wazero.run(tmp_path / "nope.wasm")


def test_arguments_and_exit_code(cat):
    done = wazero.run(cat, "a", pathlib.Path("b"), capture_output=True)
    assert done.args == ("wasm", "a", "b")
    assert done.returncode == 2
    with pytest.raises(wazero.ExitError) as caught:
        done.check_returncode()
    assert caught.value.exit_code == 2


def test_check(cat):
    with pytest.raises(wazero.ExitError) as caught:
        wazero.run(cat, "a", capture_output=True, check=True, input=b"x")
    assert caught.value.exit_code == 1
    assert (caught.value.stdout, caught.value.stderr) == (b"x", b"err\r\n")
    assert wazero.run(cat, capture_output=True, check=True).returncode == 0


def test_trap(cat):
    with pytest.raises(wazero.Trap) as caught:
        wazero.run(cat, *"123456789", capture_output=True, input=b"x")
    assert caught.value.code == wazero.TrapCode.UNREACHABLE
    assert (caught.value.stdout, caught.value.stderr) == (b"x", b"err\r\n")


def test_the_message_has_the_timeout_that_was_given(wat):
    """Not what was left of it once the program had been compiled."""
    tick = """
        (module (import "e" "f" (func $f))
          (func (export "_start") (loop (call $f) (br 0))))
        """
    for timeout, shown in ((0, "0"), (0.0625, "0.0625"), (1 / 3, "0.333333")):
        with pytest.raises(wazero.Timeout, match=f"timeout after {shown} s"):
            wazero.run(wat(tick), imports={"e": {"f": lambda: None}}, timeout=timeout)


def test_a_timeout_of_a_host_function_keeps_its_message(wat):
    wasm = wat('(module (import "e" "f" (func $f)) (func (export "_start") (call $f)))')

    def function():
        raise wazero.Timeout("timeout after 7 s")

    with pytest.raises(wazero.Timeout, match="timeout after 7 s"):
        wazero.run(wasm, imports={"e": {"f": function}}, timeout=100)


def test_text(cat):
    done = wazero.run(cat, capture_output=True, text=True, input="grüße")
    assert done.stdout == "grüße" and done.stderr == "err\n"
    done = wazero.run(cat, capture_output=True, encoding="latin-1", input="grüße")
    assert done.stdout == "grüße"
    done = wazero.run(cat, capture_output=True, errors="replace", stdin=b"\xff")
    assert done.stdout == "\ufffd"


def test_streams(cat):
    out, err = io.BytesIO(), io.StringIO()
    done = wazero.run(cat, stdin=io.BytesIO(b"in"), stdout=out, stderr=err)
    assert out.getvalue() == b"in"
    assert err.getvalue() == "err\r\n"
    assert done.stdout is None and done.stderr is None
    assert wazero.run(cat, stdout=None, stderr=None).returncode == 0


def test_outputs_are_inherited(cat, python):
    code = "import sys, wazero; wazero.run(bytes.fromhex(sys.argv[1]), stdin=b'shown')"
    assert python(code, cat.hex()) == "shown"


def test_wrong_arguments(cat, wat, rt):
    with pytest.raises(ValueError, match="stdin and input"):
        wazero.run(cat, input=b"", stdin=b"")
    with pytest.raises(ValueError, match="capture_output"):
        wazero.run(cat, capture_output=True, stdout=io.BytesIO())
    with pytest.raises(TypeError, match="bytes-like unless text=True"):
        wazero.run(cat, input="text")
    with pytest.raises(TypeError, match="must be str with text=True"):
        wazero.run(cat, input=b"bytes", text=True)
    with pytest.raises(ValueError, match="no function '_start'"):
        wazero.run(wat("(module)"))
    with pytest.raises(TypeError):
        wazero.run(3)
    with pytest.raises(TypeError, match="not a CompiledModule: use its instantiate"):
        wazero.run(rt.compile(cat))
    with pytest.raises(TypeError, match="cache"):
        wazero.run(cat, cache=3)
    with pytest.raises(TypeError, match="features must be a sequence of names"):
        wazero.run(cat, features=1.5)
    with pytest.raises(wazero.CompileError):
        wazero.run(b"")


def test_imports_memory_limit_env_mounts(wat, tmp_path):
    wasm = wat(
        """(module (import "env" "f" (func $f (result i32))) (memory 2)
        (func (export "_start") (drop (call $f))))"""
    )
    calls = []

    def function():
        calls.append(1)
        return 0

    imports = {"env": {"f": function}}
    options = {"imports": imports, "env": {"A": "1"}, "mounts": {"/": tmp_path}}
    assert wazero.run(wasm, memory_limit="128KiB", **options).returncode == 0
    assert calls == [1]
    with pytest.raises(wazero.CompileError):
        wazero.run(wasm, memory_limit="64KiB", **options)


def test_exceptions_of_host_functions_come_out(wat):
    wasm = wat('(module (import "e" "f" (func $f)) (func (export "_start") (call $f)))')

    def function():
        raise KeyError("x")

    with pytest.raises(KeyError):
        wazero.run(wasm, imports={"e": {"f": function}})


@pytest.fixture
def clocks(wat):
    """A program that prints the time, the ticks, and a random number, 8 bytes each."""
    return wat(
        """(module
        (import "wasi_snapshot_preview1" "clock_time_get"
          (func $clock (param i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "random_get"
          (func $random (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write"
          (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "_start")
          (drop (call $clock (i32.const 0) (i64.const 1) (i32.const 100)))
          (drop (call $clock (i32.const 1) (i64.const 1) (i32.const 108)))
          (drop (call $random (i32.const 116) (i32.const 8)))
          (i32.store (i32.const 0) (i32.const 100))
          (i32.store (i32.const 4) (i32.const 24))
          (drop
            (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"""
    )


def test_the_program_has_clocks_and_random(clocks):
    import time

    one, two = (wazero.run(clocks, capture_output=True).stdout for _ in range(2))
    assert one[16:] != two[16:]
    assert abs(int.from_bytes(one[:8], "little") - time.time_ns()) < 60 * 10**9


def test_cache(cat, tmp_path):
    for _ in range(2):
        done = wazero.run(cat, capture_output=True, input=b"kept", cache=tmp_path)
        assert done.stdout == b"kept"
    with wazero.CompilationCache(tmp_path) as cache:
        before = {path: path.stat().st_mtime_ns for path in files(tmp_path)}
        assert before
        assert wazero.run(cat, cache=cache, stdout=None, stderr=None).returncode == 0
        assert {path: path.stat().st_mtime_ns for path in files(tmp_path)} == before


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_features(wat):
    wasm = wat("""(module (func (export "_start") return_call $next) (func $next))""")
    with pytest.raises(wazero.CompileError):
        wazero.run(wasm)
    features = wazero.Features.V2 | wazero.Features.TAIL_CALL
    assert wazero.run(wasm, features=features).returncode == 0
    assert wazero.run(wasm, features=["tail-call"]).returncode == 0


def test_output_limit(cat):
    for limit in (5, "5", 10**6):
        done = wazero.run(cat, capture_output=True, output_limit=limit)
        assert done.stderr == b"err\r\n"
    with pytest.raises(wazero.OutputLimitError, match="more than the 6 bytes") as error:
        wazero.run(cat, capture_output=True, output_limit=6, input=b"abcd")
    assert isinstance(error.value, wazero.WazeroError)
    assert (error.value.stdout, error.value.stderr) == (b"abcd", b"er")
    assert error.value.frames
    with pytest.raises(wazero.OutputLimitError) as error:
        wazero.run(cat, capture_output=True, output_limit=0, text=True, input="x")
    assert (error.value.stdout, error.value.stderr) == ("", "")
    with pytest.raises(wazero.OutputLimitError) as error:
        wazero.run(cat, capture_output=True, output_limit=3, text=True, input="\u20ac")
    assert error.value.stdout == "\u20ac"
    with pytest.raises(wazero.OutputLimitError) as error:
        wazero.run(cat, capture_output=True, output_limit=2, text=True, input="\u20ac")
    assert error.value.stdout == "\ufffd"
    chunks = []
    with pytest.raises(wazero.OutputLimitError) as error:
        options = {"stdout": chunks.append, "stderr": None, "input": b"0123456789"}
        wazero.run(cat, output_limit=7, **options)
    assert b"".join(chunks) == b"0123456"
    assert error.value.stdout is None
    for wrong, kind in ((-1, ValueError), ("lots", ValueError), (1.5, TypeError)):
        with pytest.raises(kind, match="output_limit"):
            wazero.run(cat, output_limit=wrong, stdout=None, stderr=None)


def test_callables_get_text(cat):
    out, err = [], []
    wazero.run(
        cat, input="gr\u00fc\u00dfe", text=True, stdout=out.append, stderr=err.append
    )
    assert "".join(out) == "gr\u00fc\u00dfe" and "".join(err) == "err\r\n"
    out.clear()
    wazero.run(cat, stdin=b"a\xff", encoding="latin-1", stdout=out.append, stderr=None)
    assert "".join(out) == "a\u00ff"
    out.clear()
    wazero.run(
        cat, stdin=b"a\xe2\x82", errors="replace", stdout=out.append, stderr=None
    )
    assert "".join(out) == "a\ufffd"
    with pytest.raises(UnicodeDecodeError):
        wazero.run(cat, stdin=b"\xff", text=True, stdout=out.append, stderr=None)


def test_stdin_as_text(cat):
    assert (
        wazero.run(cat, stdin="\u20ac", text=True, capture_output=True).stdout
        == "\u20ac"
    )
    with pytest.raises(TypeError, match="stdin"):
        wazero.run(cat, stdin="text")


def test_deterministic(clocks):
    def run(**options):
        return wazero.run(clocks, capture_output=True, **options).stdout

    assert run(deterministic=True) == run(deterministic=True)
    one, two = run(deterministic=True), run(deterministic=True, random=7)
    assert one[:16] == two[:16] and one[16:] != two[16:]
    assert run() != run()
    assert run(walltime=lambda: 5)[:8] == (5).to_bytes(8, "little")
    assert run(random=7)[16:] == two[16:]


def test_runtime_options(cat, wat, tmp_path):
    cache = tmp_path / "cache"
    assert wazero.run(cat, stdout=None, stderr=None, cache=cache).returncode == 0
    assert any(cache.iterdir())
    options = {"stdout": None, "stderr": None, "engine": "interpreter"}
    assert wazero.run(cat, **options).returncode == 0
    tail = wat(
        """(module (func $f) (func (export "_start") (return_call $f))
        (table 100 funcref))"""
    )
    with pytest.raises(wazero.CompileError):
        wazero.run(tail)
    assert wazero.run(tail, features=["tail-call"]).returncode == 0
    with pytest.raises(wazero.CompileError):
        wazero.run(tail, features=["tail-call"], table_limit=10)
