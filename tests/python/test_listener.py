"""Listeners and logs of calls: what they are told, what they raise, whom they keep."""

import gc
import io
import os
import pickle
import sys
import threading
import weakref

import pytest
import wazero

GUEST = """(module $guest
  (import "env" "host" (func $host (param i32) (result i32)))
  (memory (export "memory") 1)
  (func $inner (param $x i32) (result i32)
    (i32.mul (local.get $x) (i32.const 2)))
  (func $outer (export "outer") (param $x i32) (result i32)
    (i32.add (call $inner (local.get $x)) (call $host (local.get $x))))
  (func $fail (export "fail") (unreachable))
  (func $deep (export "deep") (param $n i32)
    (if (local.get $n)
      (then (call $deep (i32.sub (local.get $n) (i32.const 1))))
      (else (call $fail))))
  (func $values (export "values") (param i64 f32 f64 v128 externref)
    (result f64 v128)
    (local.get 2) (local.get 3))
  (func $use (export "use") (result f64 v128)
    (call $values (i64.const -7) (f32.const 1.5) (f64.const 2.5)
      (v128.const i64x2 1 2) (ref.null extern)))
  (func $spin (export "spin") (loop $l (br $l)))
  (func $endless (export "endless") (call $endless)))"""


@pytest.fixture(params=["compiler", "interpreter"])
def runtime(request):
    with wazero.Runtime(engine=request.param) as made:
        yield made


class Recorder:
    """Keeps what it is told, as text."""

    def __init__(self):
        self.told = []
        self.calls = []

    def before(self, call):
        self.calls.append(call)
        self.told.append(f"+{call.function.name}{call.params}")

    def after(self, call):
        self.told.append(f"-{call.function.name}{call.results}")

    def abort(self, call):
        self.told.append(f"!{call.function.name} {type(call.error).__name__}")


IMPORTS = {"env": {"host": lambda x: x + 100}}


def instantiate(runtime, wat, listener, imports=IMPORTS, **options):
    return runtime.instantiate(
        wat(GUEST), imports=imports, listener=listener, **options
    )


def test_told_of_calls(runtime, wat):
    recorder = Recorder()
    module = instantiate(runtime, wat, recorder)
    assert module.exports.outer(1) == 103
    assert recorder.told == [
        "+outer(1,)",
        "+inner(1,)",
        "-inner(2,)",
        "+host(1,)",
        "-host(101,)",
        "-outer(103,)",
    ]
    outer, inner, host = recorder.calls
    assert [call.module for call in recorder.calls] == [module] * 3
    assert outer.results is None and outer.error is None
    assert outer.function.export_names == ("outer",)
    assert outer.function.param_names == ("x",)
    assert (outer.function.params, outer.function.results) == (("i32",), ("i32",))
    assert outer.function.debug_name == "guest.outer"
    assert not outer.function.is_host
    assert inner.function.export_names == ()
    assert host.function.is_host
    assert host.function.module_name == "env"
    assert repr(inner) == "<wazero.FunctionCall guest.inner>"


def test_values(runtime, wat):
    recorder = Recorder()
    module = instantiate(runtime, wat, recorder)
    with pytest.raises((TypeError, wazero.WazeroError)):
        module.exports.values(1)
    recorder.told.clear()
    try:
        module.exports.use()
    except TypeError:
        pytest.skip("this version returns no v128")
    vector = (1).to_bytes(8, "little") + (2).to_bytes(8, "little")
    assert recorder.calls[-1].params == (-7, 1.5, 2.5, vector, None)


def test_a_callable_is_before(runtime, wat):
    names = []
    module = instantiate(runtime, wat, lambda call: names.append(call.function.name))
    module.exports.outer(1)
    assert names == ["outer", "inner", "host"]


def test_several(runtime, wat):
    order = []

    class Both:
        def __init__(self, name):
            self.name = name

        def wants(self, definition):
            return definition.name == "inner"

        def before(self, call):
            order.append(f"+{self.name} {len(call.stack)}")

        def after(self, call):
            order.append(f"-{self.name}")

    module = instantiate(runtime, wat, [Both("a"), Both("b")])
    module.exports.outer(1)
    assert order == ["+a 2", "+b 2", "-a", "-b"]


def test_wants(runtime, wat):
    seen = []

    class Chooses(Recorder):
        def wants(self, definition):
            seen.append(definition.name)
            return definition.name in {"outer", "host"}

    recorder = Chooses()
    module = instantiate(runtime, wat, recorder)
    module.exports.outer(1)
    assert recorder.told == ["+outer(1,)", "+host(1,)", "-host(101,)", "-outer(103,)"]
    assert {"outer", "inner", "fail", "host"} <= set(seen)


def test_stack(runtime, wat):
    stacks = {}

    def look(call):
        stacks[call.function.name] = call.stack
        assert call.stack is stacks[call.function.name]

    module = instantiate(runtime, wat, look)
    module.exports.outer(1)
    assert [frame.function.name for frame in stacks["inner"]] == ["inner", "outer"]
    assert [frame.function.name for frame in stacks["outer"]] == ["outer"]
    assert "outer" in [frame.function.name for frame in stacks["host"]]
    inner, outer = stacks["inner"]
    assert inner.program_counter != outer.program_counter
    assert outer.source_offset >= 0  # known where there is DWARF
    with pytest.raises(wazero.Trap):
        module.exports.deep(40)
    # wazero unwinds about 30 frames of compiled code
    assert len(stacks["fail"]) == 42 or len(stacks["fail"]) >= 29


def test_stack_too_late(runtime, wat):
    calls = []
    module = instantiate(runtime, wat, calls.append)
    module.exports.outer(1)
    with pytest.raises(wazero.WazeroError, match="while before"):
        _ = calls[0].stack


def test_abort(runtime, wat):
    recorder = Recorder()
    module = instantiate(runtime, wat, recorder)
    with pytest.raises(wazero.Trap) as caught:
        module.exports.deep(1)
    assert recorder.told == [
        "+deep(1,)",
        "+deep(0,)",
        "+fail()",
        "!fail Trap",
        "!deep Trap",
        "!deep Trap",
    ]
    assert "unreachable" in str(caught.value)
    recorder.told.clear()
    with pytest.raises(wazero.Trap):
        module.exports.endless()
    ups = [one for one in recorder.told if one.startswith("+")]
    downs = [one for one in recorder.told if one.startswith("!")]
    assert len(ups) == len(downs) > 100


def test_abort_of_a_host_function_that_raises(runtime, wat):
    errors = []

    class Listener:
        def abort(self, call):
            errors.append(call.error)

    def fail(x):
        raise KeyError(x)

    module = instantiate(runtime, wat, Listener(), imports={"env": {"host": fail}})
    with pytest.raises(KeyError) as caught:
        module.exports.outer(5)
    assert errors == [caught.value] * 2


@pytest.mark.parametrize("place", ["outer", "inner", "host"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_listeners_that_raise(runtime, wat, place, when):
    """Their exceptions come out of the call as themselves, with the frames."""
    fail = True

    class Raises(Recorder):
        def before(self, call):
            super().before(call)
            if fail and when == "before" and call.function.name == place:
                raise LookupError(place)

        def after(self, call):
            super().after(call)
            if fail and when == "after" and call.function.name == place:
                raise LookupError(place)

    recorder = Raises()
    module = instantiate(runtime, wat, recorder)
    with pytest.raises(LookupError, match=place) as caught:
        module.exports.outer(1)
    assert recorder.told.count("+outer(1,)") == 1
    if place != "outer":
        assert any("guest.outer(i32) i32" in note for note in caught.value.__notes__)
        assert recorder.told[-1] == "!outer LookupError"
    fail = False
    recorder.told.clear()
    assert module.exports.outer(1) == 103
    assert len(recorder.told) == 6


def test_wants_that_raises(runtime, wat):
    class Raises(Recorder):
        def wants(self, definition):
            raise LookupError(definition.name)

    with pytest.raises(LookupError, match=r"inner|outer"):
        runtime.compile(wat(GUEST), listener=Raises())


def test_abort_that_raises(runtime, wat, monkeypatch):
    caught = []
    monkeypatch.setattr(sys, "unraisablehook", lambda it: caught.append(it.exc_value))

    class Raises:
        def abort(self, call):
            raise LookupError(call.function.name)

    module = instantiate(runtime, wat, Raises())
    with pytest.raises(wazero.Trap):
        module.exports.fail()
    assert [repr(one) for one in caught] == ["LookupError('fail')"]


def test_linked_both_ways(runtime, wat):
    """A module without listeners calls one with, natively and through a table, and
    the other way round."""
    recorder = Recorder()
    table = runtime.instantiate(
        wat(
            """(module $table (table (export "t") 2 funcref)
              (type $f (func (result i32)))
              (func (export "plain") (result i32) (i32.const 9))
              (func $call (export "call") (param i32) (result i32)
                (call_indirect (type $f) (local.get 0))))"""
        ),
        name="table",
    )
    listened = runtime.instantiate(
        wat(
            """(module $listened
              (import "table" "t" (table 2 funcref))
              (import "table" "plain" (func $plain (result i32)))
              (elem (i32.const 0) $one)
              (func $one (export "one") (result i32) (i32.const 1))
              (func $out (export "out") (result i32) (call $plain)))"""
        ),
        name="listened",
        listener=recorder,
    )
    caller = runtime.instantiate(
        wat(
            """(module $caller
              (import "listened" "one" (func $one (result i32)))
              (func (export "run") (result i32) (call $one)))"""
        )
    )
    assert caller.exports.run() == 1
    assert recorder.told == ["+one()", "-one(1,)"]
    recorder.told.clear()
    assert table.exports.call(0) == 1
    assert recorder.told == ["+one()", "-one(1,)"]
    recorder.told.clear()
    assert listened.exports.out() == 9
    assert recorder.told == ["+out()", "-out(9,)"]
    assert caller.exports.run.interruptible == table.exports.call.interruptible


def test_nested_calls(runtime, wat):
    """A listener that calls the module, and one that grows its memory."""
    depth = 0

    def again(call):
        nonlocal depth
        if call.function.name == "inner" and depth < 3:
            depth += 1
            here = depth
            call.module.memory.grow(1)
            assert call.module.exports.outer(here) == 3 * here + 100

    module = instantiate(runtime, wat, again)
    assert module.exports.outer(1) == 103
    assert depth == 3
    assert module.memory.pages == 4


def test_timeouts_and_interrupts(runtime, wat):
    recorder = Recorder()
    module = instantiate(runtime, wat, recorder)
    if module.exports.spin.interruptible:
        with pytest.raises(wazero.Timeout):
            module.exports.spin(timeout=0.05)
        assert recorder.told == ["+spin()", "!spin Timeout"]

    recorder.told.clear()
    module = instantiate(
        runtime, wat, lambda call: module.interrupt() if call.params == (7,) else None
    )
    with pytest.raises(wazero.Interrupted):
        module.exports.outer(7)
    assert module.exports.outer(1) == 103


def test_exit_in_a_listener(runtime, wat):
    def close(call):
        call.module.close(3)

    module = instantiate(runtime, wat, close)
    with pytest.raises(wazero.ExitError) as caught:
        module.exports.outer(1)
    assert caught.value.exit_code == 3
    assert module.exit_code == 3


def test_the_same_bytes_with_other_listeners(runtime, wat):
    """wazero would give the second the listeners of the first."""
    recorders = [Recorder() for _ in range(3)]
    modules = [instantiate(runtime, wat, recorder) for recorder in recorders]
    modules.append(runtime.instantiate(wat(GUEST), imports=IMPORTS))
    for number, module in enumerate(modules):
        module.exports.outer(number)
    for number, recorder in enumerate(recorders):
        assert recorder.told[0] == f"+outer({number},)"
        assert len(recorder.told) == 6


def test_with_a_cache(wat, tmp_path):
    for _ in range(2):
        recorder = Recorder()
        with wazero.Runtime(cache=tmp_path) as runtime:
            instantiate(runtime, wat, recorder).exports.outer(1)
            runtime.instantiate(wat(GUEST), imports=IMPORTS).exports.outer(1)
        assert len(recorder.told) == 6


def in_four_threads(work):
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_one_compiled_module_in_threads(runtime, wat):
    together = threading.Barrier(4)
    counts = {}

    def count(call):
        counts[threading.get_ident()] = counts.get(threading.get_ident(), 0) + 1

    compiled = runtime.compile(wat(GUEST), listener=count)

    def work():
        module = compiled.instantiate(imports=IMPORTS)
        together.wait()
        for _ in range(50):
            module.exports.outer(1)

    in_four_threads(work)
    assert sorted(counts.values()) == [150] * 4


def test_host_modules(runtime, wat):
    recorder = Recorder()
    runtime.host_module(
        "env",
        {"host": wazero.func(lambda x: -x, ["i32"], ["i32"])},
        listener=recorder,
    )
    module = runtime.instantiate(wat(GUEST))
    assert module.exports.outer(4) == 4
    assert recorder.told == ["+host(4,)", "-host(-4,)"]
    assert recorder.calls[0].module is module


def test_tail_calls_leave_nothing_behind(wat):
    ends = []

    class Listener:
        def before(self, call):
            ends.append("+")

        def after(self, call):
            ends.append("-")

        def abort(self, call):
            ends.append("!")
            assert call.error is None

    with wazero.Runtime(features=["tail-call"]) as runtime:
        module = runtime.instantiate(
            wat(
                """(module
                  (func $down (export "down") (param i32) (result i32)
                    (if (i32.eqz (local.get 0)) (then (return (i32.const 5))))
                    (return_call $down (i32.sub (local.get 0) (i32.const 1)))))"""
            ),
            listener=Listener(),
        )
        assert module.exports.down(50) == 5
        assert ends.count("+") == ends.count("-") + ends.count("!") == 51
        for _ in range(3):
            assert module.exports.down(10) == 5


def test_pickle_and_fork(wat):
    recorder = Recorder()
    with wazero.Runtime() as runtime:
        compiled = runtime.compile(wat(GUEST), listener=lambda call: None)
        again = pickle.loads(pickle.dumps(compiled))
        assert again.instantiate(imports=IMPORTS).exports.outer(1) == 103
        compiled = runtime.compile(wat(GUEST), listener=recorder)
        child = os.fork()
        if child == 0:
            compiled.instantiate(imports=IMPORTS).exports.outer(1)
            os._exit(len(recorder.told))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 6


def test_fork_inside_a_listener(wat):
    children = []

    def fork(call):
        if call.function.name == "inner" and not children:
            children.append(os.fork())

    with wazero.Runtime() as runtime:
        module = instantiate(runtime, wat, fork)
        try:
            result = module.exports.outer(1)
        except wazero.ForkedError:
            os._exit(9)
        if children == [0]:
            os._exit(1)
        assert result == 103
    assert os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) == 9


def test_nothing_is_kept(runtime, wat, collect):
    recorder = Recorder()
    ref = weakref.ref(recorder)
    module = instantiate(runtime, wat, recorder)
    module.exports.outer(1)
    del module, recorder
    collect()
    assert ref() is None


def test_cycles_are_collected(runtime, wat, collect):
    class Owner(Recorder):
        def __init__(self):
            super().__init__()
            self.module = instantiate(runtime, wat, self)
            self.module.exports.outer(1)

    ref = weakref.ref(Owner())
    collect()
    assert ref() is None


def test_no_leak(runtime, wat, collect):
    compiled = runtime.compile(wat(GUEST), listener=lambda call: call.stack)
    counts = []
    for _ in range(4):
        for _ in range(50):
            compiled.instantiate(imports=IMPORTS).exports.outer(1)
        collect()
        counts.append(sys.getrefcount(compiled))
    assert len(set(counts[1:])) == 1


@pytest.mark.parametrize("wrong", [5, "text", object(), [5], {}])
def test_wrong_listeners(rt, wat, wrong):
    with pytest.raises(TypeError, match="a listener has before, after or abort"):
        rt.compile(wat(GUEST), listener=wrong)


def test_wrong_parts(rt, wat):
    class Wrong:
        before = 5

    with pytest.raises(TypeError, match="before of Wrong is not callable"):
        rt.compile(wat(GUEST), listener=Wrong())
    with pytest.raises(TypeError, match="give them to compile"):
        rt.instantiate(rt.compile(wat(GUEST)), listener=print)
    with pytest.raises(TypeError, match="takes at most 1 positional"):
        rt.compile(wat(GUEST), print)
    assert rt.compile(wat(GUEST), listener=None) is not None
    assert rt.compile(wat(GUEST), listener=[]) is not None


# ---------------------------------------------------------------- logs


def test_log_calls(runtime, wat):
    log = io.StringIO()
    module = runtime.instantiate(wat(GUEST), imports=IMPORTS, log_calls=log)
    module.exports.outer(1)
    assert log.getvalue() == (
        "--> guest.outer(x=1)\n"
        "\t--> guest.inner(x=1)\n"
        "\t<-- 2\n"
        "\t==> env.host(1)\n"
        "\t<== 101\n"
        "<-- 103\n"
    )
    with pytest.raises(wazero.Trap):
        module.exports.deep(1)
    log.truncate(0)
    log.seek(0)
    module.exports.outer(2)
    assert log.getvalue().startswith("--> guest.outer(x=2)\n")


def test_log_to_what(runtime, wat, tmp_path):
    lines = []
    binary = io.BytesIO()
    for log in (lines.append, binary):
        runtime.instantiate(wat(GUEST), imports=IMPORTS, log_calls=log).exports.outer(1)
    assert "".join(lines).encode() == binary.getvalue()
    assert lines[0] == "--> guest.outer(x=1)\n"
    with open(tmp_path / "log", "w") as file:
        runtime.instantiate(wat(GUEST), imports=IMPORTS, log_calls=file).exports.outer(
            1
        )
    assert (tmp_path / "log").read_bytes() == binary.getvalue()


def test_log_that_raises(runtime, wat):
    def full(line):
        raise OSError("disk full")

    module = runtime.instantiate(wat(GUEST), imports=IMPORTS, log_calls=full)
    with pytest.raises(OSError, match="disk full"):
        module.exports.outer(1)


WASI = """(module $wasi
  (import "wasi_snapshot_preview1" "random_get"
    (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get"
    (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $random (i32.const 8) (i32.const 4)))
    (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 16)))
    (call $exit (i32.const 0))))"""


@pytest.mark.parametrize(
    ("scope", "begins"),
    [
        (
            wazero.LogScope.RANDOM,
            ["==> wasi_snapshot_preview1.random_get", "<== errno"],
        ),
        (
            wazero.LogScope.CLOCK | wazero.LogScope.PROC,
            [
                "==> wasi_snapshot_preview1.clock_time_get(id=realtime,precision=0)",
                "<== (timestamp=",
                "==> wasi_snapshot_preview1.proc_exit(rval=0)",
            ],
        ),
        (wazero.LogScope.FILESYSTEM, []),
        (wazero.LogScope.NONE, []),
        (
            wazero.LogScope.ALL,
            [
                "--> wasi._start()",
                "\t==> wasi_snapshot_preview1.random_get(buf=8,buf_len=4)",
                "\t<== errno=ESUCCESS",
                "\t==> wasi_snapshot_preview1.clock_time_get(id=realtime,precision=0)",
                "\t<== (timestamp=",
                "\t==> wasi_snapshot_preview1.proc_exit(rval=0)",
            ],
        ),
    ],
)
def test_log_host(runtime, wat, scope, begins):
    lines = []
    wasm = wat(WASI.replace("(func (export", "(func $_start (export"))
    runtime.instantiate(wasm, log_calls=lines.append, log_host=scope)
    assert len(lines) == len(begins)
    for line, begin in zip(lines, begins, strict=True):
        assert line.startswith(begin), lines


def test_log_host_goes_to_stderr(rt, wat, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    rt.instantiate(wat(WASI), log_host=wazero.LogScope.RANDOM)
    assert sys.stderr.getvalue().startswith("==> wasi_snapshot_preview1.random_get")


def test_wrong_logs(rt, wat):
    with pytest.raises(TypeError, match="log_host must be a LogScope"):
        rt.compile(wat(GUEST), log_host="all")
    with pytest.raises(
        TypeError, match="log_calls must be a file object or a callable"
    ):
        rt.compile(wat(GUEST), log_calls="file.log")
    with pytest.raises(OverflowError):
        rt.compile(wat(GUEST), log_host=-1)


def test_logs_of_threads_do_not_mix(runtime, wat):
    """Each thread's lines are indented by its own calls."""
    lines = {}
    together = threading.Barrier(4)

    def write(line):
        lines.setdefault(threading.get_ident(), []).append(line)

    compiled = runtime.compile(wat(GUEST), log_calls=write)

    def work():
        module = compiled.instantiate(imports=IMPORTS)
        together.wait()
        for _ in range(20):
            module.exports.outer(1)

    in_four_threads(work)
    expected = [
        "--> guest.outer(x=1)\n",
        "\t--> guest.inner(x=1)\n",
        "\t<-- 2\n",
        "\t==> env.host(1)\n",
        "\t<== 101\n",
        "<-- 103\n",
    ] * 20
    assert list(lines.values()) == [expected] * 4
    gc.collect()


def test_many_compile_the_same_bytes_at_once(runtime, wat):
    """Each thread's listener is told of its own calls, whatever else is compiled."""
    wasm = wat(GUEST)
    together = threading.Barrier(4)
    wrong = []

    def work(number):
        together.wait()
        for turn in range(8):
            recorder = Recorder()
            compiled = runtime.compile(wasm, listener=recorder)
            module = compiled.instantiate(imports=IMPORTS)
            module.exports.outer(number)
            if recorder.told[0] != f"+outer({number},)" or len(recorder.told) != 6:
                wrong.append((number, turn, recorder.told))
            if turn % 2:
                compiled.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
