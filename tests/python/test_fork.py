"""Forked processes: what goes on there, and what does not."""

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
import wazero

pytestmark = pytest.mark.skipif(
    "WAZERO_SANITIZED" in os.environ,
    reason="in a child the lock of the sanitizer's allocator may be held for ever",
)

# What the programs begin with. They print nothing; what fails in a child fails here.
PRELUDE = """
import gc, os, sys, threading, time, warnings, wazero
warnings.simplefilter("ignore")  # of threads that a fork leaves behind
wasm = bytes.fromhex(sys.argv[1])
def in_child(function):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            function()
            code = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            os._exit(code)
    status = os.waitpid(pid, 0)[1]
    assert status == 0, status
"""


@pytest.fixture
def run(python, wat):
    def run(code, wasm):
        assert python(PRELUDE + code + "\nprint('done')", wasm.hex()) == "done\n"

    return run


def test_a_compiled_module_is_compiled_anew(run, add_wasm):
    run(
        """
rt = wazero.Runtime(engine="interpreter", memory_limit="1MiB")
compiled = rt.compile(wasm)
exports, name = compiled.exports, compiled.name
def child():
    assert not compiled.closed and compiled.exports == exports and compiled.name == name
    assert compiled.wasm == wasm and compiled.imports == ()
    mod = compiled.instantiate()
    assert mod.call("add", 20, 22) == 42
    assert mod.runtime is compiled.runtime is not rt
    assert "interpreter" in repr(compiled.runtime)
    assert compiled.runtime.instantiate(compiled).call("add", 1, 2) == 3
    again = compiled.instantiate(name="again")
    assert compiled.runtime.module("again") is again
    assert repr(compiled) == "<wazero.CompiledModule 'math', 0 imports, 2 exports>"
in_child(child)
assert compiled.runtime is rt
assert compiled.instantiate().call("add", 1, 2) == 3
""",
        add_wasm,
    )


def test_the_runtime_is_not(run, add_wasm):
    run(
        """
rt = wazero.Runtime()
compiled = rt.compile(wasm)
def child():
    for use in (lambda: rt.instantiate(compiled), lambda: rt.compile(wasm),
                lambda: rt.module("x"), lambda: rt.host_module("x", {}), rt.close,
                rt.__enter__):
        try:
            use()
        except wazero.ForkedError as error:
            assert "before fork()" in str(error)
        else:
            raise AssertionError(use)
in_child(child)
""",
        add_wasm,
    )


def test_close_in_the_child(run, add_wasm):
    run(
        """
rt = wazero.Runtime()
compiled, other, third = (rt.compile(wasm) for _ in range(3))
third.close()
def is_closed(compiled):
    assert compiled.closed and "closed" in repr(compiled)
    assert len(compiled.exports) == 2
    compiled.close()
    compiled.runtime
    for use in (compiled.instantiate, compiled.__enter__):
        try:
            use()
        except wazero.ClosedError:
            continue
        raise AssertionError(use)
def child():
    is_closed(third)
    mod = compiled.instantiate()
    compiled.close()
    is_closed(compiled)
    assert mod.call("add", 1, 2) == 3
    with other:
        pass
    is_closed(other)
in_child(child)
with compiled, other:
    assert compiled.instantiate().call("add", 1, 2) == 3
in_child(lambda: is_closed(compiled))
""",
        add_wasm,
    )


def test_closed_with_its_runtime(run, add_wasm):
    run(
        """
rt = wazero.Runtime()
compiled = rt.compile(wasm)
rt.close()
def child():
    assert compiled.closed
    try:
        compiled.instantiate()
    except wazero.ClosedError:
        return
    raise AssertionError
in_child(child)
""",
        add_wasm,
    )


def test_deep(run, add_wasm):
    """Children of children, each of which compiles anew."""
    run(
        """
compiled = wazero.Runtime().compile(wasm)
def child(depth):
    runtime = compiled.runtime
    assert compiled.instantiate().call("add", depth, 1) == depth + 1
    if depth < 6:
        in_child(lambda: child(depth + 1))
    assert compiled.runtime is runtime
    assert compiled.instantiate().call("add", depth, 1) == depth + 1
in_child(lambda: child(1))
assert compiled.instantiate().call("add", 1, 2) == 3
""",
        add_wasm,
    )


def test_threads_of_the_child(run, add_wasm):
    """Several threads need the new code at once."""
    run(
        """
compiled = wazero.Runtime().compile(wasm)
def child():
    results, barrier = [], threading.Barrier(4)
    def work():
        barrier.wait(30)
        results.append(compiled.instantiate().call("add", 1, 2))
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == [3] * 4, results
in_child(child)
""",
        add_wasm,
    )


def test_in_a_thread(run, add_wasm):
    run(
        """
compiled = wazero.Runtime().compile(wasm)
mod = compiled.instantiate()
def child():
    try:
        mod.call("add", 1, 2)
    except wazero.ForkedError:
        pass
    assert compiled.instantiate().call("add", 1, 2) == 3
    assert wazero.Runtime().instantiate(wasm).call("add", 3, 4) == 7
errors = []
def work():
    try:
        in_child(child)
        assert mod.call("add", 1, 2) == 3
    except BaseException as error:
        errors.append(error)
for _ in range(3):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
assert not errors, errors
""",
        add_wasm,
    )


def test_while_other_threads_are_in_wasm(run, loops_wasm):
    """Of the threads that run wasm, wait for it, or are in a host function, the child
    has none; what they held does not hold it up."""
    run(
        """
rt = wazero.Runtime()
compiled = rt.compile(wasm)
imports = {"env": {"tick": lambda: time.sleep(0.001)}}
mods = [compiled.instantiate(imports=imports) for _ in range(3)]
end = False
def work(mod):
    while not end:
        mod.exports.count(3_000_000)
        mod.exports.count_ticking(2)
threads = [threading.Thread(target=work, args=(mod,)) for mod in mods * 2]
for thread in threads:
    thread.start()
def child():
    mod = compiled.instantiate(imports=imports)
    assert mod.exports.count(1000) == 1000
    if mod.exports.spin.interruptible:
        try:
            mod.exports.spin(timeout=0.05)
        except wazero.Timeout:
            pass
    gc.collect()
for _ in range(10):
    in_child(child)
end = True
for thread in threads:
    thread.join(60)
""",
        loops_wasm,
    )


# Makes and removes a file, as often as it is asked to.
FILES = """
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file"
    (func $path_unlink_file (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "file")
  (func (export "files") (param $count i32) (result i32) (local $wrong i32)
    (loop $next
      (local.set $wrong (i32.or (local.get $wrong)
        (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4)
          (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 100))))
      (local.set $wrong (i32.or (local.get $wrong)
        (call $fd_close (i32.load (i32.const 100)))))
      (local.set $wrong (i32.or (local.get $wrong)
        (call $path_unlink_file (i32.const 3) (i32.const 0) (i32.const 4))))
      (br_if $next
        (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))
    (local.get $wrong)))
"""


def test_while_other_threads_have_files(run, wat, tmp_path):
    """The child finds no lock of a mount's taken by a thread that it does not have."""
    run(
        f"""
mount = wazero.Dir({str(tmp_path)!r}, max_files=9)
end = threading.Event()
def files(runtime):
    mod = runtime.instantiate(wasm, mounts={{"/": mount}})
    while not end.is_set():
        assert mod.call("files", 100) == 0
def child():
    with wazero.Runtime() as runtime:
        mod = runtime.instantiate(wasm, mounts={{"/": mount}})
        mod.call("files", 10, timeout=60)
with wazero.Runtime() as runtime:
    thread = threading.Thread(target=files, args=(runtime,))
    thread.start()
    for _ in range(30):
        in_child(child)
    end.set()
    thread.join()
""",
        wat(FILES),
    )


def test_inside_a_host_function(run, loops_wasm):
    """The child's call ends with ForkedError; the parent's goes on."""
    run(
        """
import traceback
rt = wazero.Runtime()
parent = os.getpid()
pids = []
def tick():
    pid = os.fork()
    if pid:
        pids.append(pid)
mod = rt.instantiate(wasm, imports={"env": {"tick": tick}})
code = 1
try:
    assert mod.exports.count_ticking(3) == 3
except wazero.ForkedError:
    code = 0
except BaseException:
    traceback.print_exc()
if os.getpid() != parent:
    if code == 0:
        try:
            mod.exports.add(1, 2)
        except wazero.ForkedError:
            pass
        else:
            code = 2
        mine = wazero.Runtime().instantiate(wasm, imports={"env": {"tick": print}})
        if mine.exports.count(1_000_000) != 1_000_000:
            code = 3
    os._exit(code)
assert len(pids) == 3
for pid in pids:
    assert os.waitpid(pid, 0)[1] == 0
assert mod.exports.add(1, 2) == 3
""",
        loops_wasm,
    )


def test_inside_nested_host_functions_and_map(run, loops_wasm):
    run(
        """
import array, traceback
rt = wazero.Runtime()
parent = os.getpid()
pids = []
def fork():
    pid = os.fork()
    if pid:
        pids.append(pid)
inner = rt.instantiate(wasm, imports={"env": {"tick": fork}})
outer = rt.instantiate(wasm, imports={"env": {"tick": lambda: inner.exports.tick()}})
code = 1
try:
    assert outer.exports.count_ticking.map(array.array("i", [1, 2])).tolist() == [1, 2]
except wazero.ForkedError as error:
    code = 0
except BaseException:
    traceback.print_exc()
if os.getpid() != parent:
    os._exit(code)
assert len(pids) == 3
for pid in pids:
    assert os.waitpid(pid, 0)[1] == 0
""",
        loops_wasm,
    )


def test_objects_are_dropped_in_the_child(run, loops_wasm):
    """In any order, with views alive; nothing is closed that is the parent's."""
    run(
        """
rt = wazero.Runtime()
compiled = rt.compile(wasm)
mod = compiled.instantiate(name="kept", imports={"env": {"tick": lambda: rt}})
add, memory, turns = mod.exports.add, mod.memory, mod.exports.turns
view = memoryview(memory)
def child():
    global rt, compiled, mod, add, memory, turns, view
    compiled.instantiate(imports={"env": {"tick": lambda: None}})
    view[0] = 7
    del compiled, rt
    gc.collect()
    del mod, turns
    gc.collect()
    del add, memory
    assert view[0] == 7
    del view
    gc.collect()
in_child(child)
assert view[0] == 0 and add(1, 2) == 3 and rt.module("kept") is mod
""",
        loops_wasm,
    )


def test_pickle_in_the_child(run, add_wasm):
    run(
        """
import pickle
compiled = wazero.Runtime(engine="interpreter").compile(wasm)
data = pickle.dumps(compiled)
def child():
    for again in (pickle.loads(data), pickle.loads(pickle.dumps(compiled))):
        assert again.instantiate().call("add", 1, 2) == 3
        assert "interpreter" in repr(again.runtime)
in_child(child)
""",
        add_wasm,
    )


# ---------------------------------------------------------------- multiprocessing


def use(compiled):
    """In a worker: compiled is what it has inherited or what was pickled."""
    mod = compiled.instantiate()
    with wazero.Runtime() as runtime:
        return mod.call("add", 20, 22) + runtime.instantiate(compiled.wasm).call(
            "add", 1, 2
        )


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of fork and threads
def test_multiprocessing(rt, add_wasm, method):
    compiled = rt.compile(add_wasm)
    with ProcessPoolExecutor(2, mp_context=get_context(method)) as pool:
        futures = [pool.submit(use, compiled) for _ in range(6)]
        assert [future.result(60) for future in futures] == [45] * 6
    assert use(compiled) == 45


INHERITED = []


def use_inherited():
    sys.exit(0 if use(INHERITED[0]) == 45 else 1)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_multiprocessing_that_inherits(rt, add_wasm):
    INHERITED[:] = [rt.compile(add_wasm)]
    context = get_context("fork")
    processes = [context.Process(target=use_inherited) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    INHERITED.clear()
