"""wazero.Dir: a directory of the host as a mount."""

import gc
import pathlib
import pickle
import weakref

import pytest
import wazero

# Exits with what making the file "new" in the first mount gives.
PROGRAM = """
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "new")
  (func (export "_start")
    (call $exit (call $path_open (i32.const 3) (i32.const 0) (i32.const 0)
      (i32.const 3) (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0)
      (i32.const 100)))))
"""
ROFS = 69


@pytest.mark.parametrize("convert", [str, pathlib.Path, bytes])
def test_mounted(wat, tmp_path, convert):
    wasm = wat(PROGRAM)
    host = convert(tmp_path) if convert is not bytes else bytes(tmp_path)
    new = tmp_path / "new"
    for mount in (
        wazero.Dir(host, True),
        wazero.Dir(host, readonly=True),
        (wazero.Dir(host), "ro"),
        (wazero.Dir(host, True), "rw"),
        (host, "ro"),
    ):
        assert wazero.run(wasm, mounts={"/": mount}).returncode == ROFS
    for mount in (wazero.Dir(host), (wazero.Dir(host), "rw"), host):
        assert wazero.run(wasm, mounts={"/": mount}).returncode == 0
        new.unlink()


def test_fs_and_fs_config(rt, wat, tmp_path):
    wasm = wat(PROGRAM)
    config = wazero.FSConfig()
    for fs in (
        wazero.Dir(tmp_path, readonly=True),
        config.mount(wazero.Dir(tmp_path, readonly=True), "/"),
        config.mount(wazero.Dir(tmp_path), "/", readonly=True),
        config.mount(tmp_path, "/", True),
        config.mount((tmp_path, "ro"), "/"),
    ):
        with pytest.raises(wazero.ExitError) as caught:
            rt.instantiate(wasm, fs=fs)
        assert caught.value.exit_code == ROFS
    rt.instantiate(wasm, fs=wazero.Dir(tmp_path))
    assert (tmp_path / "new").exists()


def test_with_wazeros_own_wasi(rt, wat, tmp_path):
    rt.instantiate(wat(PROGRAM), mounts={"/": wazero.Dir(tmp_path)}, wasi="wazero")
    assert (tmp_path / "new").exists()


def test_what_it_is():
    path = pathlib.Path("data")
    made = wazero.Dir(path, True)
    assert (made.host, made.readonly) == ("data", True)
    assert repr(made) == "wazero.Dir('data', readonly=True)"
    assert repr(wazero.Dir(b"x")) == "wazero.Dir(b'x')"
    again = pickle.loads(pickle.dumps(made))
    assert (again.host, again.readonly) == (made.host, made.readonly)
    with pytest.raises(AttributeError):
        made.readonly = False  # type: ignore[misc]


def test_what_it_is_not(rt, wat, tmp_path):
    with pytest.raises(TypeError, match="misses its argument 'host'"):
        wazero.Dir()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="the host directory must be str, bytes or"):
        wazero.Dir(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="NUL"):
        wazero.Dir("a\0b")
    with pytest.raises(TypeError, match="no parameter 'mode'"):
        wazero.Dir("a", mode="ro")  # type: ignore[call-arg]
    wasm = wat(PROGRAM)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        rt.instantiate(wasm, mounts={"/": wazero.Dir("nowhere")})
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        rt.instantiate(wasm, mounts={"/": wazero.Dir(tmp_path / "file")})
    with pytest.raises(ValueError, match="'ro' or 'rw', not 'x'"):
        rt.instantiate(wasm, mounts={"/": (wazero.Dir(tmp_path), "x")})


def test_is_freed(tmp_path):
    made = wazero.Dir(tmp_path)
    gone = weakref.ref(made)
    del made
    gc.collect()
    assert gone() is None
