"""Many threads on the same objects: results stay right, nothing hangs or crashes."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import wazero

COUNTER = """
(module $counter
  (import "env" "yield" (func $yield))
  (memory (export "memory") 1)
  (table (export "table") 4 1000 funcref)
  (global $g (export "g") (mut i64) (i64.const 0))
  (func (export "bump") (param $n i32)
    (loop $more
      (global.set $g (i64.add (global.get $g) (i64.const 1)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $more (local.get $n))))
  (func (export "bump_and_yield") (result i64)
    (local $before i64)
    (local.set $before (global.get $g))
    (call $yield)
    (global.set $g (i64.add (local.get $before) (i64.const 1)))
    (global.get $g))
  (func (export "grow") (result i32) (table.grow (ref.null func) (i32.const 1)))
  (func (export "fail") (unreachable)))
"""


def run(functions, timeout=60):
    """Runs the functions at once, each in a thread, and raises what they raise."""
    barrier = threading.Barrier(len(functions))

    def start(function):
        barrier.wait(timeout)
        return function()

    with ThreadPoolExecutor(len(functions)) as pool:
        futures = [pool.submit(start, function) for function in functions]
        return [future.result(timeout) for future in futures]


def repeat(count, function):
    def loop():
        for _ in range(count):
            function()

    return loop


@pytest.fixture
def mod(rt, wat):
    return rt.instantiate(wat(COUNTER), imports={"env": {"yield": lambda: None}})


def test_one_instance(mod):
    bump = mod.exports.bump
    run([repeat(500, lambda: bump(100))] * 8)
    assert mod.exports.g.value == 8 * 500 * 100


def test_one_thread_at_a_time_even_in_host_functions(rt, wat):
    """The host function lets other threads run; they must wait outside."""
    inside = []
    most = []

    def give_way():
        inside.append(1)
        most.append(len(inside))
        time.sleep(0)
        inside.pop()

    mod = rt.instantiate(wat(COUNTER), imports={"env": {"yield": give_way}})
    run([repeat(200, mod.exports.bump_and_yield)] * 6)
    assert mod.exports.g.value == 6 * 200
    assert max(most) == 1


def test_everything_on_one_instance(mod):
    mod.exports.g.value = 0

    def fail():
        with pytest.raises(wazero.Trap):
            mod.call("fail")

    def copy():
        mod.memory[10:20] = b"x" * 10
        assert mod.memory.read(10, 10) == b"x" * 10
        memoryview(mod.memory)[30] = 3

    run(
        [
            repeat(300, lambda: mod.call("bump", 10)),
            repeat(300, lambda: mod.exports["bump"](10)),
            repeat(300, mod.exports.bump_and_yield),
            repeat(300, lambda: mod.exports.g.value),
            repeat(300, lambda: mod.call("grow")),
            repeat(300, fail),
            repeat(300, copy),
            repeat(300, lambda: (list(mod.exports), repr(mod), dir(mod.exports))),
        ]
    )
    assert mod.exports.g.value == 300 * 10 * 2 + 300


def test_linked_instances(rt, wat):
    source = rt.instantiate(wat(COUNTER), imports={"env": {"yield": lambda: None}})
    user_wasm = wat(
        """(module (import "c" "bump" (func $bump (param i32)))
        (import "c" "bump_and_yield" (func $slow (result i64)))
        (func (export "run") (call $bump (i32.const 10)) (drop (call $slow))))"""
    )
    users = [rt.instantiate(user_wasm, imports={"c": source}) for _ in range(4)]
    run(
        [repeat(200, user.exports.run) for user in users]
        + [repeat(200, lambda: source.call("bump", 10))] * 2
    )
    assert source.exports.g.value == 4 * 200 * 11 + 2 * 200 * 10


def test_instances_of_one_compiled_module(rt, wat):
    compiled = rt.compile(wat(COUNTER))
    imports = {"env": {"yield": lambda: None}}

    def work():
        for number in range(40):
            mod = compiled.instantiate(imports=imports)
            mod.call("bump", number + 1)
            assert mod.exports.g.value == number + 1

    run([work] * 6)


def test_compiling_and_runtimes(add_wasm):
    def work():
        for number in range(15):
            with wazero.Runtime() as runtime:
                assert (
                    runtime.instantiate(add_wasm).call("add", number, 1) == number + 1
                )

    run([work] * 6)


def test_names_in_one_runtime(rt, add_wasm):
    compiled = rt.compile(add_wasm)

    def work(number):
        def loop():
            for _ in range(40):
                with compiled.instantiate(name=f"m{number}") as mod:
                    assert rt.module(f"m{number}") is mod
                rt.module(f"m{random.randrange(6)}")

        return loop

    run([work(number) for number in range(6)])


def test_one_name_in_many_threads(rt, add_wasm):
    compiled = rt.compile(add_wasm)
    won = []

    def work():
        for _ in range(40):
            try:
                mod = compiled.instantiate(name="the one")
            except wazero.WazeroError:
                continue
            won.append(1)
            mod.close()

    run([work] * 6)
    assert won


def test_close_while_it_runs(rt, wat):
    for _ in range(30):
        entered = threading.Event()
        release = threading.Event()

        def wait(entered=entered, release=release):
            entered.set()
            assert release.wait(30)

        mod = rt.instantiate(wat(COUNTER), imports={"env": {"yield": wait}})

        def call(mod=mod):
            with pytest.raises(wazero.ClosedError):
                mod.call("bump_and_yield")

        def close(mod=mod, entered=entered, release=release):
            assert entered.wait(30)
            mod.close()
            assert mod.closed
            release.set()

        run([call, close])


def test_close_with_exit_code_while_it_runs(rt, wat):
    entered, release = threading.Event(), threading.Event()

    def wait():
        entered.set()
        assert release.wait(30)

    mod = rt.instantiate(wat(COUNTER), imports={"env": {"yield": wait}})

    def call():
        with pytest.raises(wazero.ExitError) as caught:
            mod.call("bump_and_yield")
        assert caught.value.exit_code == 9

    def close():
        assert entered.wait(30)
        mod.close(exit_code=9)
        release.set()

    run([call, close])


def test_close_the_runtime_while_everything_runs(wat):
    wasm = wat(COUNTER)
    for _ in range(10):
        runtime = wazero.Runtime()
        compiled = runtime.compile(wasm)
        imports = {"env": {"yield": lambda: None}}
        mod = compiled.instantiate(imports=imports)
        started = threading.Barrier(4)

        def use(action, started=started):
            def loop():
                started.wait(30)
                try:
                    while True:
                        action()
                except wazero.ClosedError:
                    pass

            return loop

        def close(runtime=runtime, started=started):
            started.wait(30)
            runtime.close()

        run(
            [
                use(lambda mod=mod: mod.call("bump", 1000)),
                use(
                    lambda compiled=compiled, imports=imports: compiled.instantiate(
                        imports=imports
                    )
                ),
                use(lambda mod=mod: mod.memory.read(0, 10)),
                close,
            ]
        )


def test_drop_while_it_runs(rt, wat):
    """The running call holds what it runs in."""
    entered, release = threading.Event(), threading.Event()

    def wait():
        entered.set()
        assert release.wait(30)

    def call():
        mods[0].call("bump_and_yield")

    def drop():
        assert entered.wait(30)
        mods.clear()
        release.set()

    mods = [rt.instantiate(wat(COUNTER), imports={"env": {"yield": wait}})]
    run([call, drop])


def test_other_python_threads_run_meanwhile(rt, wat):
    """A long call does not hold the GIL: another thread ends it."""
    mod = rt.instantiate(
        wat(
            """(module (memory (export "memory") 1)
            (func (export "spin")
              (loop $again (br_if $again (i32.eqz (i32.load8_u (i32.const 0)))))))"""
        )
    )
    view = memoryview(mod.memory)

    def stop():
        view[0] = 1

    run([mod.exports.spin, stop])


def test_two_instances_run_at_once(rt, wat):
    """Each waits in its host function for the other: only both together get on."""
    barrier = threading.Barrier(2)
    mods = [
        rt.instantiate(
            wat(COUNTER), imports={"env": {"yield": lambda: print(barrier.wait(30))}}
        )
        for _ in range(2)
    ]
    run([mod.exports.bump_and_yield for mod in mods])


def test_waiting_that_would_never_end_is_an_error_or_works(rt, wat):
    """Thread 1 is in A and calls into B, thread 2 the other way round."""
    barrier = threading.Barrier(2)
    mods = []

    def cross(other):
        def function():
            barrier.wait(30)
            mods[other].call("bump", 1)

        return function

    mods += [
        rt.instantiate(wat(COUNTER), imports={"env": {"yield": cross(1)}}),
        rt.instantiate(wat(COUNTER), imports={"env": {"yield": cross(0)}}),
    ]

    def call(mod):
        def function():
            try:
                mod.call("bump_and_yield")
            except wazero.WazeroError as error:
                return str(error)
            return None

        return function

    errors = run([call(mod) for mod in mods])
    assert any(errors)
    barrier.reset()
    for mod in mods:
        mod.call("bump", 1)


def test_views_and_growth(rt, wat):
    mod = rt.instantiate(wat('(module (memory (export "memory") 1 200))'))
    memory = mod.memory

    def grow():
        for _ in range(199):
            memory.grow(1)

    def look():
        for _ in range(300):
            view = memoryview(memory)
            view[-1] = 7
            assert view[-1] == 7
            assert len(memory[-100:]) == 100

    run([grow, look, look, look])
    assert memory.pages == 200


def test_daemon_threads_at_exit(python, wat):
    """Threads in wasm and in host functions while the interpreter ends."""
    code = """
import sys, threading, time, wazero
rt = wazero.Runtime()
wasm = bytes.fromhex(sys.argv[1])
ready = threading.Barrier(5)
def work(mod):
    ready.wait(30)
    while True:
        mod.call("bump", 100000)
        mod.call("bump_and_yield")
for n in range(4):
    mod = rt.instantiate(wasm, imports={"env": {"yield": lambda: None}})
    threading.Thread(target=work, args=(mod,), daemon=True).start()
ready.wait(30)
print("end")
"""
    for _ in range(5):
        assert python(code, wat(COUNTER).hex(), timeout=60) == "end\n"
