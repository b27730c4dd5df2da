import os
import subprocess
import sys

import pytest
import wazero

MEMORY_2 = '(module (memory (export "memory") 2 10))'
NAMED = '(module (func (export "one") (result i32) i32.const 1))'


def test_versions():
    assert wazero.version() == wazero.__version__
    assert wazero.engine_version() == "v1.12.0"


def test_compiler_supported(add_wasm):
    with wazero.Runtime(engine="auto") as runtime:
        function = runtime.instantiate(add_wasm).exports.add
        assert wazero.compiler_supported() >= function.interruptible
    made = True
    try:
        wazero.Runtime(engine="compiler").close()
    except wazero.WazeroError:
        made = False
    assert wazero.compiler_supported() is made
    with pytest.raises(TypeError):
        wazero.compiler_supported(1)


def test_instantiate_from_bytes_like(rt, add_wasm):
    for wasm in (add_wasm, bytearray(add_wasm), memoryview(add_wasm)):
        assert rt.instantiate(wasm).call("add", 5, 7) == 12


def test_instantiate_from_files(rt, add_wasm, tmp_path):
    path = tmp_path / "add.wasm"
    path.write_bytes(add_wasm)
    assert rt.instantiate(path).call("add", 1, 2) == 3
    assert rt.compile(path).instantiate().call("add", 1, 2) == 3
    for name in (path, str(path), os.fsencode(path)):
        assert rt.instantiate_file(name).call("add", 1, 2) == 3


def test_missing_file_is_oserror(rt, tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        rt.instantiate(tmp_path / "nothing.wasm")
    assert caught.value.filename == str(tmp_path / "nothing.wasm")
    with pytest.raises(IsADirectoryError):
        rt.instantiate_file(tmp_path)


def test_str_is_refused_with_advice(rt):
    with pytest.raises(TypeError, match=r"pathlib.Path\(...\).*instantiate_file"):
        rt.instantiate("add.wasm")
    with pytest.raises(TypeError, match="not int"):
        rt.compile(3)
    with pytest.raises(TypeError, match=r"'path' must be str, bytes or os.PathLike"):
        rt.instantiate_file(3)


def test_compiled_of_another_runtime(rt, add_wasm):
    with wazero.Runtime() as other:
        compiled = other.compile(add_wasm)
        with pytest.raises(ValueError, match="another Runtime"):
            rt.instantiate(compiled)


@pytest.mark.parametrize("engine", ["auto", "compiler", "interpreter"])
def test_engines(engine, add_wasm):
    with wazero.Runtime(engine=engine) as runtime:
        assert runtime.instantiate(add_wasm).call("add", 20, 22) == 42
        assert engine in repr(runtime)


@pytest.mark.parametrize(
    ("limit", "pages"),
    [
        (4 * 65536, 4),
        (4 * 65536 + 65535, 4),
        ("256KiB", 4),
        ("1MiB", 16),
        ("262144", 4),
        ("4 MiB", 64),
    ],
)
def test_memory_limit(limit, pages, wat):
    wasm = wat('(module (memory (export "memory") 1))')
    with wazero.Runtime(memory_limit=limit) as runtime:
        memory = runtime.instantiate(wasm).memory
        assert memory.grow(pages - 1) == 1
        with pytest.raises(wazero.WazeroError):
            memory.grow(1)
        assert memory.pages == pages


def test_memory_limit_refuses_what_starts_larger(wat):
    with (
        wazero.Runtime(memory_limit=65536) as runtime,
        pytest.raises(wazero.CompileError),
    ):
        runtime.instantiate(wat(MEMORY_2))


@pytest.mark.parametrize(
    "limit", [-1, 2**32 + 1, "x", "64MB", "-1", "", "5GiB", "1TiB", 2**100, "1\0"]
)
def test_memory_limit_nonsense(limit):
    with pytest.raises(ValueError, match="memory_limit"):
        wazero.Runtime(memory_limit=limit)


def test_memory_limit_wrong_type():
    with pytest.raises(TypeError, match="memory_limit must be an int or a str"):
        wazero.Runtime(memory_limit=1.5)


def test_memory_limit_of_four_gib(wat):
    for limit in ("4GiB", 2**32):
        with wazero.Runtime(memory_limit=limit) as runtime:
            assert runtime.instantiate(wat(MEMORY_2)).memory.pages == 2


def test_table_limit(wat):
    wasm = wat("(module (table 11 funcref))")
    with wazero.Runtime(table_limit=11) as runtime:
        runtime.instantiate(wasm)
    with (
        wazero.Runtime(table_limit=10) as runtime,
        pytest.raises(wazero.CompileError, match="table"),
    ):
        runtime.instantiate(wasm)
    for nonsense in (-1, 10_000_001):
        with pytest.raises(ValueError, match="table_limit"):
            wazero.Runtime(table_limit=nonsense)


def test_features_by_name_and_number(wat):
    wasm = wat(
        "(module (func $f (result i32) return_call $g)"
        " (func $g (result i32) i32.const 4)"
        ' (export "f" (func $f)))'
    )
    with wazero.Runtime() as runtime, pytest.raises(wazero.CompileError):
        runtime.instantiate(wasm)
    both = wazero.Features.V2 | wazero.Features.TAIL_CALL
    for features in (["tail-call"], ("TAIL_CALL",), {"tail_call"}, both, int(both)):
        with wazero.Runtime(features=features) as runtime:
            assert runtime.instantiate(wasm).call("f") == 4


def test_features_enum_is_the_c_one():
    from wazero import _wazero

    for name, bit in _wazero._features.items():
        assert wazero.Features[name.upper().replace("-", "_")] == bit


def test_features_text():
    features = wazero.Features
    assert str(features.V1) == f"{features.V1}" == "mutable-global"
    assert str(features(0)) == ""
    assert str(features.SIMD | features.THREADS) == "simd|threads"
    assert f"{features.THREADS:#x}" == "0x80"
    for one in features:
        assert features.parse(str(one)) is one
    assert features.parse(str(features.ALL)) == features.ALL
    assert features.parse("TAIL_CALL|simd") == features.TAIL_CALL | features.SIMD
    assert features.parse("") == features(0)
    with pytest.raises(ValueError, match="no feature is called 'nope'; there are bulk"):
        features.parse("simd|nope")
    with pytest.raises(ValueError, match="no feature is called ''"):
        features.parse("simd|")


def test_features_in_features():
    features = wazero.Features
    assert features.SIMD in features.V2
    assert features.THREADS not in features.V2
    assert features.V2 in features.ALL
    assert features.V2.is_enabled(features.SIMD | features.THREADS)  # any, as wazero
    assert not features.V1.is_enabled(features.SIMD)
    assert features.V2.set_enabled(features.SIMD, False) == features.V2 & ~features.SIMD
    assert features.V1.set_enabled(features.V2, True) == features.V2
    features.V2.require_enabled(features.SIMD)
    with pytest.raises(ValueError, match=r'^feature "threads" is disabled$'):
        features.V2.require_enabled(features.THREADS)


def test_fewer_features(wat):
    wasm = wat('(module (func (export "f") (result i32 i32) i32.const 1 i32.const 2))')
    with (
        wazero.Runtime(features=wazero.Features.V1) as runtime,
        pytest.raises(wazero.CompileError, match="multi-value"),
    ):
        runtime.compile(wasm)


def test_wrong_features():
    with pytest.raises(ValueError, match=r'is called "nope"; there are .*tail-call'):
        wazero.Runtime(features=["nope"])
    for name in ("", "simd|threads"):
        with pytest.raises(ValueError, match=r"features: .* is not the name of one"):
            wazero.Runtime(features=[name])
    with pytest.raises(TypeError, match=r"features must be names, not int"):
        wazero.Runtime(features=[3])
    with pytest.raises(ValueError, match="no feature"):
        wazero.Runtime(features=1 << 40)
    with pytest.raises(ValueError, match="no feature"):
        wazero.Runtime(features=-1)
    with pytest.raises(TypeError, match="not one str"):
        wazero.Runtime(features="threads")


def test_config_object(add_wasm):
    config = wazero.RuntimeConfig(engine="interpreter", memory_limit="1MiB")
    with wazero.Runtime(config) as runtime:
        assert "interpreter" in repr(runtime)
    with wazero.Runtime(config=config, engine="compiler") as runtime:
        assert "compiler" in repr(runtime)
        assert runtime.instantiate(add_wasm).call("add", 1, 1) == 2
    with pytest.raises(TypeError, match=r"config must be a wazero.RuntimeConfig"):
        wazero.Runtime(config=3)


def test_arguments_of_runtime():
    with pytest.raises(ValueError, match="engine must be"):
        wazero.Runtime(engine="jit")
    with pytest.raises(TypeError, match=r"Runtime\(\) has no parameter 'memory'"):
        wazero.Runtime(memory=3)
    with pytest.raises(TypeError, match="at most 1 positional"):
        wazero.Runtime(None, "auto")
    with pytest.raises(TypeError, match="two values for parameter 'config'"):
        wazero.Runtime(None, config=None)


def test_compilation_workers(add_wasm):
    for workers in (None, 0, 1, 2, 1024):
        with wazero.Runtime(compilation_workers=workers) as runtime:
            assert runtime.instantiate(add_wasm).call("add", 1, 1) == 2
    for nonsense in (-1, 1025):
        with pytest.raises(ValueError, match="compilation_workers"):
            wazero.Runtime(compilation_workers=nonsense)
    with pytest.raises(TypeError, match="compilation_workers"):
        wazero.Runtime(compilation_workers="2")
    config = wazero.RuntimeConfig(compilation_workers=1)
    with wazero.Runtime(config) as runtime:
        assert runtime.instantiate(add_wasm).call("add", 1, 1) == 2


def test_memory_capacity_from_max(wat):
    # In 3 GiB of address space, a memory that may grow to 2 GiB starts small, unless it
    # is to have them at once; one of 4 GiB then cannot be had.
    code = """
import resource, sys, wazero
wasm, large = bytes.fromhex(sys.argv[1]), bytes.fromhex(sys.argv[2])
wazero.Runtime().instantiate(wasm)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (3 << 30), resource.RLIM_INFINITY))
for whole in (False, True):
    runtime = wazero.Runtime(memory_capacity_from_max=whole)
    before = int(open("/proc/self/statm").read().split()[0])
    memory = runtime.instantiate(wasm).memory
    grown = int(open("/proc/self/statm").read().split()[0]) - before
    # Meanwhile something else may have given back a few pages.
    assert (grown * resource.getpagesize() > 2 << 29) == whole, (whole, grown)
    assert memory.grow(1) == 1
    runtime.close()
try:
    wazero.Runtime(memory_capacity_from_max=True).instantiate(large)
except MemoryError:
    print("as it should be")
"""
    modules = [
        wat(f'(module (memory (export "memory") 1 {size}))').hex()
        for size in (32768, 65536)
    ]
    done = subprocess.run(
        [sys.executable, "-c", code, *modules], capture_output=True, text=True
    )
    assert done.stdout == "as it should be\n", done.stderr


def test_named_modules(rt, wat):
    assert rt.module("one") is None
    mod = rt.instantiate(wat(NAMED), name="one")
    assert mod.name == "one"
    assert rt.module("one") is mod
    with pytest.raises(wazero.WazeroError, match="one"):
        rt.instantiate(wat(NAMED), name="one")
    mod.close()
    assert rt.module("one") is None
    again = rt.instantiate(wat(NAMED), name="one")
    assert rt.module("one") is again
    with pytest.raises(TypeError):
        rt.module(3)


def test_runtime_keeps_named_modules(rt, wat, collect):
    rt.instantiate(wat(NAMED), name="kept")
    collect()
    assert rt.module("kept").call("one") == 1


def test_a_module_that_fails_to_start_leaves_its_name(rt, wat):
    wasm = wat('(module (func (export "_start") unreachable))')
    for _ in range(2):
        with pytest.raises(wazero.Trap):
            rt.instantiate(wasm, name="bad")
        assert rt.module("bad") is None


def test_close(add_wasm):
    runtime = wazero.Runtime()
    compiled = runtime.compile(add_wasm)
    mod = runtime.instantiate(compiled)
    add = mod.exports.add
    assert not runtime.closed
    runtime.close()
    runtime.close()
    assert runtime.closed and mod.closed and compiled.closed
    assert "closed" in repr(runtime)
    for use in (
        lambda: runtime.compile(add_wasm),
        lambda: runtime.instantiate(add_wasm),
        lambda: runtime.instantiate_file("x"),
        lambda: runtime.host_module("env", {}),
        lambda: runtime.module("x"),
        runtime.__enter__,
        lambda: mod.call("add", 1, 2),
        lambda: mod.exports.add,
        lambda: compiled.instantiate(),
        lambda: add(1, 2),
    ):
        with pytest.raises(wazero.ClosedError):
            use()


def test_close_with_exit_code(add_wasm):
    with wazero.Runtime() as runtime:
        mod = runtime.instantiate(add_wasm)
        runtime.close(exit_code=3)
        assert mod.exit_code == 3
    for nonsense in (-1, 2**32):
        with pytest.raises(ValueError, match="exit_code must be from 0 to 4294967295"):
            runtime.close(nonsense)
    with pytest.raises(TypeError):
        runtime.close("1")


def test_children_outlive_the_name_of_the_runtime(add_wasm, collect):
    mod = wazero.Runtime().instantiate(add_wasm)
    collect()
    assert mod.call("add", 1, 2) == 3
    assert mod.runtime.closed is False


def test_validate(add_wasm, tmp_path):
    assert wazero.validate(add_wasm) is None
    assert wazero.validate(bytearray(add_wasm)) is None
    path = tmp_path / "a.wasm"
    path.write_bytes(add_wasm)
    assert wazero.validate(path) is None
    with pytest.raises(wazero.CompileError):
        wazero.validate(add_wasm[:-1])
    with pytest.raises(TypeError):
        wazero.validate("a.wasm")
