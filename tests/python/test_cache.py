"""Compilation caches: files that last, shared, damaged, and not to be trusted."""

import concurrent.futures
import multiprocessing
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
import wazero

SPAWN = multiprocessing.get_context("spawn")


def entries(folder):
    """The files of a cache, by name."""
    return {
        path.name: path
        for path in sorted(pathlib.Path(folder).rglob("*"))
        if path.is_file()
    }


def add(wasm, cache):
    with wazero.Runtime(cache=cache) as runtime:
        return runtime.instantiate(wasm).call("add", 2, 3)


@pytest.fixture
def in_threads():
    """Runs work in so many threads at once."""

    def run(count, work):
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            for future in [pool.submit(work) for _ in range(count)]:
                future.result()

    return run


@pytest.fixture(scope="session")
def large_wasm(wat):
    """A module that takes a while to compile."""
    body = "(i32.add (i32.mul (local.get 0) (i32.const 3)) (local.get 1))"
    for _ in range(40):
        body = f"(i32.xor {body} (local.get 0))"
    functions = "".join(
        f"(func (param i32 i32) (result i32) (local.set 0 (i32.const {i})) {body})"
        for i in range(400)
    )
    return wat(
        f"""(module {functions} (func (export "add") (param i32 i32) (result i32)
        (i32.add (local.get 0) (local.get 1))))"""
    )


def test_cache(add_wasm, tmp_path):
    with wazero.CompilationCache(tmp_path / "cache") as cache:
        assert cache.directory == str(tmp_path / "cache")
        for _ in range(2):
            assert add(add_wasm, cache) == 5
        assert len(entries(tmp_path / "cache")) == 1
    assert cache.closed
    cache.close()
    with pytest.raises(wazero.ClosedError):
        wazero.Runtime(cache=cache)
    with pytest.raises(wazero.ClosedError), cache:
        pass


def test_cache_given_as_path(add_wasm, tmp_path):
    for path in (tmp_path / "a", str(tmp_path / "b")):
        assert add(add_wasm, path) == 5
        assert len(entries(path)) == 1


def test_relative_paths_become_absolute(add_wasm, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cache = wazero.CompilationCache("here")
    assert cache.directory == str(tmp_path / "here")
    monkeypatch.chdir("/")
    assert add(add_wasm, cache) == 5
    assert len(entries(tmp_path / "here")) == 1


def test_cache_outlives_its_handle(add_wasm):
    with wazero.Runtime(cache=wazero.CompilationCache()) as runtime:
        assert runtime.instantiate(add_wasm).call("add", 1, 1) == 2
    assert wazero.CompilationCache().directory is None


def test_cache_in_a_place_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(wazero.WazeroError, match="file is not dir"):
        wazero.CompilationCache(tmp_path / "file")
    with pytest.raises(
        wazero.WazeroError, match=r"create directory .*below: mkdir .*below: not a dir"
    ):
        wazero.CompilationCache(tmp_path / "file" / "below")
    with pytest.raises(wazero.WazeroError, match="File name too long"):
        wazero.CompilationCache("/x" * 3000)
    with pytest.raises(TypeError, match="directory of a cache"):
        wazero.CompilationCache(3)


def test_the_folder_is_for_this_user_only(add_wasm, tmp_path):
    add(add_wasm, tmp_path / "a" / "b")
    for path in (tmp_path / "a").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720, 0o702])
def test_folders_that_others_may_write_to_are_refused(add_wasm, tmp_path, mode):
    folder = tmp_path / "cache"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(wazero.WazeroError, match=f"mode {mode:03o}.*chmod go-w"):
        wazero.CompilationCache(folder)
    with pytest.raises(wazero.WazeroError, match="chmod"):
        wazero.Runtime(cache=folder)
    folder.chmod(0o1777)  # as /tmp is: others cannot replace what is in there
    add(add_wasm, folder)
    (inner,) = folder.iterdir()
    inner.chmod(mode)
    with pytest.raises(wazero.WazeroError, match="chmod"):
        wazero.CompilationCache(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_folders_and_files_of_others_are_refused(add_wasm, tmp_path):
    folder = tmp_path / "cache"
    add(add_wasm, folder)
    (entry,) = entries(folder).values()
    os.chown(entry, 12345, -1)
    assert add(add_wasm, folder) == 5
    assert entry.stat().st_uid == 0  # replaced
    os.chown(folder, 12345, -1)
    with pytest.raises(wazero.WazeroError, match=r"another user \(12345\)"):
        wazero.CompilationCache(folder)


def test_runtimes_that_differ_have_entries_of_their_own(add_wasm, tmp_path):
    cache = wazero.CompilationCache(tmp_path)
    add(add_wasm, cache)
    for options, count in (
        ({"memory_limit": 65536}, 1),
        ({"compilation_workers": 1}, 1),
        ({"features": ["threads"]}, 2),
        ({"debug_info": False}, 3),
        ({"engine": "interpreter"}, 3),
    ):
        with wazero.Runtime(cache=cache, **options) as runtime:
            assert runtime.instantiate(add_wasm).call("add", 2, 3) == 5
        assert len(entries(tmp_path)) == count, options


def test_what_a_feature_forbids_is_not_let_in_by_the_cache(wat, tmp_path):
    wasm = wat(
        "(module (memory 1 1 shared) (func (drop (i32.atomic.load (i32.const 0)))))"
    )
    with wazero.Runtime(cache=tmp_path, features=["threads"]) as runtime:
        runtime.compile(wasm)
    with (
        wazero.Runtime(cache=tmp_path) as runtime,
        pytest.raises(wazero.CompileError),
    ):
        runtime.compile(wasm)


def test_limits_hold_for_what_is_loaded(wat, tmp_path):
    wasm = wat(
        """(module (memory (export "memory") 1) (table (export "t") 1 funcref)
        (func (export "grow") (result i32) (memory.grow (i32.const 4)))
        (func (export "more") (result i32)
          (table.grow 0 (ref.null func) (i32.const 4))))"""
    )
    for limits, expected in (
        ({}, (1, 1)),
        ({"memory_limit": 4 * 65536, "table_limit": 4}, (-1, -1)),
        ({}, (1, 1)),
    ):
        with wazero.Runtime(cache=tmp_path, **limits) as runtime:
            module = runtime.instantiate(wasm)
            assert (module.call("grow"), module.call("more")) == expected
    assert len(entries(tmp_path)) == 1


def test_everything_of_a_module_is_there_when_it_is_loaded(wat, tmp_path):
    wasm = wat(
        """(module $named
        (import "env" "f" (func $f (param i32) (result i32)))
        (memory (export "memory") 1)
        (global $g (export "g") (mut i32) (i32.const 7))
        (table 2 funcref) (elem (i32.const 0) $double $f)
        (data (i32.const 8) "hello")
        (data $passive "later")
        (start $begin)
        (func $begin (global.set $g (i32.const 8)))
        (func $double (export "double") (param i32) (result i32)
          (i32.add (local.get 0) (local.get 0)))
        (func (export "call") (param i32 i32) (result i32)
          (call_indirect (param i32) (result i32) (local.get 1) (local.get 0)))
        (func (export "init") (memory.init $passive (i32.const 0) (i32.const 0)
          (i32.const 5)))
        (func (export "trap") unreachable))"""
    )
    for _ in range(3):
        with wazero.Runtime(cache=tmp_path) as runtime:
            compiled = runtime.compile(wasm)
            assert compiled.name == "named"
            assert compiled.wasm == wasm
            module = compiled.instantiate(imports={"env": {"f": lambda x: x + 100}})
            assert module.exports.g.value == 8
            assert module.memory[8:13] == b"hello"
            assert [module.call("call", i, 5) for i in (0, 1)] == [10, 105]
            module.call("init")
            assert module.memory[:5] == b"later"
            with pytest.raises(wazero.Trap, match="unreachable") as caught:
                module.call("trap")
            assert caught.value.frames[0].module == "named"


def test_damaged_entries_are_replaced(add_wasm, tmp_path):
    assert add(add_wasm, tmp_path) == 5
    (entry,) = entries(tmp_path).values()
    whole = entry.read_bytes()
    random.seed(3)
    changes = [whole[:size] for size in range(0, len(whole), 29)]
    changes += [
        whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :]
        for at in range(0, len(whole), 13)
    ]
    changes += [b"", whole + whole, random.randbytes(len(whole)), bytes(len(whole))]
    for changed in changes:
        entry.write_bytes(changed)
        assert add(add_wasm, tmp_path) == 5
        assert entry.read_bytes() == whole


def test_an_entry_of_another_module(add_wasm, wat, tmp_path):
    other = wat(
        """(module (func (export "add") (param i32 i32) (result i32)
        (i32.sub (local.get 0) (local.get 1))))"""
    )
    add(add_wasm, tmp_path)
    (first,) = entries(tmp_path).values()
    assert add(other, tmp_path) == -1
    (second,) = (path for path in entries(tmp_path).values() if path != first)
    shutil.copy(first, second)
    assert add(other, tmp_path) == -1
    assert add(add_wasm, tmp_path) == 5


def test_other_things_in_place_of_an_entry(add_wasm, tmp_path):
    add(add_wasm, tmp_path)
    (entry,) = entries(tmp_path).values()
    target = tmp_path / "target"
    entry.rename(target)
    entry.symlink_to(target)
    assert add(add_wasm, tmp_path) == 5
    assert not entry.is_symlink()  # replaced
    entry.unlink()
    entry.symlink_to("/dev/zero")
    assert add(add_wasm, tmp_path) == 5
    entry.unlink()
    os.mkfifo(entry)
    assert add(add_wasm, tmp_path) == 5
    entry.unlink()
    entry.mkdir()
    (entry / "kept").write_text("")
    assert add(add_wasm, tmp_path) == 5
    assert (entry / "kept").exists()
    shutil.rmtree(entry.parent)
    assert add(add_wasm, tmp_path) == 5


def test_a_full_disk_is_no_error(large_wasm, tmp_path):
    code = """
import resource, signal, sys, wazero
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
runtime = wazero.Runtime(cache=sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000))
print(runtime.instantiate(open(sys.argv[2], "rb").read()).call("add", 2, 3))
"""
    wasm = tmp_path / "large.wasm"
    wasm.write_bytes(large_wasm)
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "cache", wasm],
        capture_output=True,
        text=True,
    )
    assert done.stdout == "5\n", done.stderr
    assert not entries(tmp_path / "cache")


def test_a_folder_that_cannot_be_written_to(add_wasm, tmp_path):
    # As another user, for root can write anywhere.
    code = """
import os, sys, wazero
if os.geteuid() == 0:
    os.chown(sys.argv[1], 12345, 12345)
    for folder, _, files in os.walk(sys.argv[1]):
        os.chown(folder, 12345, 12345)
        for file in files:
            os.chown(os.path.join(folder, file), 12345, 12345)
    os.setgid(12345)
    os.setuid(12345)
runtime = wazero.Runtime(cache=sys.argv[1])
for add, wasm in (("add", sys.argv[2]), ("sub", sys.argv[3])):
    print(runtime.instantiate(bytes.fromhex(wasm)).call("add", 2, 3))
"""
    other = add_wasm.replace(b"\x6a\x0b", b"\x6b\x0b")
    folder = tmp_path / "cache"
    for path in (tmp_path, *list(tmp_path.parents)[:2]):
        path.chmod(0o755)
    for known in (False, True):
        if known:
            add(add_wasm, folder)
        folder.mkdir(exist_ok=True)
        for path in (folder, *folder.iterdir()):
            path.chmod(0o500)
        done = subprocess.run(
            [sys.executable, "-c", code, folder, add_wasm.hex(), other.hex()],
            capture_output=True,
            text=True,
        )
        assert done.stdout == "5\n-1\n", done.stderr
        assert len(entries(folder)) == known
        if os.geteuid() == 0:
            os.chown(folder, 0, 0)
        for path in (folder, *folder.iterdir()):
            path.chmod(0o700)


def _compile_once(folder, wasm, start):
    start.wait()
    return add(wasm, folder)


def test_processes_that_compile_at_once(large_wasm, tmp_path):
    with SPAWN.Manager() as manager, SPAWN.Pool(8) as pool:
        start = manager.Event()
        results = [
            pool.apply_async(_compile_once, (tmp_path, large_wasm, start))
            for _ in range(8)
        ]
        start.set()
        assert [result.get(60) for result in results] == [5] * 8
    assert len(entries(tmp_path)) == 1


def test_processes_that_are_killed(large_wasm, tmp_path):
    wasm = tmp_path / "large.wasm"
    wasm.write_bytes(large_wasm)
    folder = tmp_path / "cache"
    code = (
        "import sys, wazero; runtime = wazero.Runtime(cache=sys.argv[1]); "
        "print(flush=True); runtime.compile(open(sys.argv[2], 'rb').read())"
    )
    random.seed(5)
    for _ in range(12):
        command = [sys.executable, "-c", code, folder, wasm]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            time.sleep(random.random() * 0.2)
            process.send_signal(signal.SIGKILL)
        shutil.rmtree(folder) if random.random() < 0.3 else None
    assert add(large_wasm, folder) == 5
    # What they left half-written goes with the next file that is written.
    assert add(b"\0asm\1\0\0\0" + large_wasm[8:] + b"\0\2\1z", folder) == 5
    assert not [name for name in entries(folder) if name.startswith(".")]


def test_one_compiled_module_in_many_threads(large_wasm, in_threads, tmp_path):
    for cache in (None, wazero.CompilationCache(), tmp_path):
        with wazero.Runtime(cache=cache) as runtime:
            compiled = runtime.compile(large_wasm)

            def work(compiled=compiled):
                for number in range(50):
                    with compiled.instantiate() as module:
                        assert module.call("add", number, 1) == number + 1

            in_threads(8, work)


def test_threads_that_compile_with_one_cache(
    add_wasm, large_wasm, in_threads, tmp_path
):
    cache = wazero.CompilationCache(tmp_path)

    def work():
        for wasm in (add_wasm, large_wasm, add_wasm):
            assert add(wasm, cache) == 5

    in_threads(8, work)
    assert len(entries(tmp_path)) == 2


def test_compiled_modules_of_a_cache_are_released(add_wasm, tmp_path):
    with wazero.Runtime(cache=tmp_path) as runtime:
        descriptors = len(os.listdir("/proc/self/fd"))
        for _ in range(100):
            runtime.compile(add_wasm).close()
        assert len(os.listdir("/proc/self/fd")) <= descriptors


def like_add(add_wasm, number):
    """The same module with other bytes, so another entry of the same size."""
    return add_wasm + bytes([0, 2, 1, number])


def test_limit(add_wasm, tmp_path):
    """Those go that were not used for longest."""
    cache = wazero.CompilationCache(tmp_path, max_size="1GiB")
    assert cache.max_size == 1 << 30
    wasms = [like_add(add_wasm, number) for number in range(4)]
    names = []
    for wasm in wasms[:3]:
        add(wasm, cache)
        names += set(entries(tmp_path)) - set(names)
    size = next(iter(entries(tmp_path).values())).stat().st_size
    then = time.time() - 300
    for path in entries(tmp_path).values():
        os.utime(path, (then, then))
    add(wasms[0], cache)  # is used again
    limited = wazero.CompilationCache(tmp_path, max_size=3 * size + size // 2)
    other = sorted(names[1:])[0]
    os.utime(entries(tmp_path)[other], (1, 1))
    add(wasms[3], limited)
    left = set(entries(tmp_path))
    assert len(left) == 3
    assert names[0] in left
    assert other not in left
    assert add(wasms[1], limited) == add(wasms[2], limited) == 5


def test_limit_takes_old_versions_first(add_wasm, tmp_path):
    add(add_wasm, tmp_path)
    (folder,) = tmp_path.iterdir()
    old = tmp_path / "wazero-v0.0.0-of-old"
    shutil.copytree(folder, old)
    (old / "note").write_text("stays")
    empty = tmp_path / "wazero-empty"
    empty.mkdir()
    link = tmp_path / "wazero-link"
    link.symlink_to(old)
    add(like_add(add_wasm, 1), wazero.CompilationCache(tmp_path, max_size=0))
    assert [one.name for one in old.iterdir()] == ["note"]
    assert len(list(folder.iterdir())) == 1
    assert not empty.exists()
    assert link.is_symlink()


def test_limit_that_one_module_is_over(add_wasm, tmp_path):
    cache = wazero.CompilationCache(tmp_path, max_size=1)
    for number in (1, 2, 2, 3):
        assert add(like_add(add_wasm, number), cache) == 5
        assert len(entries(tmp_path)) == 1


def _compile_many(folder, wasm):
    cache = wazero.CompilationCache(folder, max_size=1)
    return [add(like_add(wasm, number), cache) for number in range(20)]


def test_limits_of_processes_at_once(add_wasm, tmp_path):
    with SPAWN.Pool(4) as pool:
        results = [
            pool.apply_async(_compile_many, (tmp_path, add_wasm)) for _ in range(4)
        ]
        assert [result.get(60) for result in results] == [[5] * 20] * 4
    add(add_wasm, wazero.CompilationCache(tmp_path, max_size=1))
    assert len(entries(tmp_path)) == 1


@pytest.mark.parametrize(
    ("wrong", "error"),
    [(-1, ValueError), ("1TB", ValueError), (1.5, TypeError), (1 << 70, ValueError)],
)
def test_wrong_limits(tmp_path, wrong, error):
    with pytest.raises(error, match="max_size"):
        wazero.CompilationCache(tmp_path / "cache", max_size=wrong)
    assert not (tmp_path / "cache").exists()
    with pytest.raises(ValueError, match="directory"):
        wazero.CompilationCache(max_size=1)
    assert wazero.CompilationCache(max_size=None).max_size is None
    assert wazero.CompilationCache(tmp_path).max_size is None


def test_default_cache(add_wasm, tmp_path, monkeypatch):
    monkeypatch.setenv("WAZERO_CACHE_DIR", str(tmp_path / "said"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert not (tmp_path / "said").exists()
    cache = wazero.default_cache()
    assert cache.directory == str(tmp_path / "said")
    assert cache.max_size == 1 << 30
    assert wazero.default_cache() is cache
    assert add(add_wasm, cache) == 5
    assert len(entries(tmp_path / "said")) == 1
    monkeypatch.delenv("WAZERO_CACHE_DIR")
    assert wazero.default_cache().directory == str(tmp_path / "xdg" / "wazero")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert wazero.default_cache().directory == str(tmp_path / "home/.cache/wazero")
    monkeypatch.delenv("XDG_CACHE_HOME")
    cache = wazero.default_cache()
    assert cache.directory == str(tmp_path / "home/.cache/wazero")
    cache.close()
    assert not wazero.default_cache().closed
    monkeypatch.delenv("HOME")
    with pytest.raises(wazero.WazeroError, match="WAZERO_CACHE_DIR, XDG_CACHE_HOME"):
        wazero.default_cache()


def test_default_cache_in_a_forked_child(add_wasm, tmp_path, monkeypatch):
    monkeypatch.setenv("WAZERO_CACHE_DIR", str(tmp_path))
    assert add(add_wasm, wazero.default_cache()) == 5
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if add(add_wasm, wazero.default_cache()) == 5 else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
