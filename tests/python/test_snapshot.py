"""Execution snapshots: setjmp and longjmp for guests, and all wrong uses."""

import threading

import pytest
import wazero

# As wazero's own example (experimental/checkpoint_example_test.go) has it: `snapshot`
# stores the number of the snapshot, `restore` finds it again, and `run` gives 5 instead
# of the 10 that its code would give.
EXAMPLE = """(module $example
  (import "example" "snapshot" (func $snapshot (param i32) (result i32)))
  (import "example" "restore" (func $restore (param i32)))
  (memory (export "memory") 1 1)
  (func $helper (result i32)
    (call $restore (i32.const 0))
    (i32.const 10))
  (func (export "run") (result i32) (local $got i32)
    (local.set $got (call $snapshot (i32.const 0)))
    (if (result i32) (local.get $got)
      (then (local.get $got))
      (else (call $helper))))
  (func (export "run_for_ever")
    (if (call $snapshot (i32.const 0))
      (then (loop $again (br $again))))
    (drop (call $helper)))
  (func (export "snapshot") (param i32) (result i32)
    (call $snapshot (local.get 0)))
  (func (export "restore") (param i32) (call $restore (local.get 0))))"""


class Example:
    """The example's host functions."""

    def __init__(self, runtime, wasm, **options):
        self.snapshots = []
        self.module = runtime.instantiate(
            wasm,
            imports={
                "example": {
                    "snapshot": wazero.func(self.snapshot, caller=True),
                    "restore": wazero.func(self.restore, caller=True),
                }
            },
            **options,
        )

    def snapshot(self, module, ptr):
        snapshot = wazero.snapshot()
        module.memory.pack("<I", ptr, len(self.snapshots))
        self.snapshots.append(snapshot)
        return 0

    def restore(self, module, ptr):
        (number,) = module.memory.unpack("<I", ptr)
        self.snapshots[number].restore(5)


@pytest.fixture
def example(rt, wat):
    return Example(rt, wat(EXAMPLE))


def test_example(example):
    assert example.module.exports.run(snapshots=True) == 5
    assert example.module.call("run", snapshots=True, timeout=60) == 5


def test_in_a_loop(example):
    for _ in range(200):
        assert example.module.exports.run(snapshots=True) == 5
        example.snapshots.clear()


def test_time_ends_what_was_gone_back_to(example):
    if example.module.exports.run_for_ever.interruptible:  # without snapshots
        for _ in range(3):
            with pytest.raises(wazero.Timeout):
                example.module.call("run_for_ever", snapshots=True, timeout=0.1)
            assert example.module.call("run", snapshots=True) == 5


def test_nested(example):
    """As in wazero's test: the host function that takes it calls the one that goes
    back, and its own `finally` runs."""
    unwound = []
    take = example.snapshot

    def snapshot(module, ptr):
        take(module, ptr)
        try:
            module.exports.restore(ptr)
        finally:
            unwound.append(True)

    example.snapshot = snapshot
    module = example.module.runtime.instantiate(
        example.module.compiled,
        imports={
            "example": {
                "snapshot": wazero.func(
                    lambda *args: example.snapshot(*args), caller=True
                ),
                "restore": wazero.func(example.restore, caller=True),
            }
        },
    )
    assert module.exports.snapshot(0, snapshots=True) == 5
    assert unwound == [True]


def test_exception_is_not_swallowed(example):
    go_back = example.restore

    def restore(module, ptr):
        try:
            go_back(module, ptr)
        except Exception:
            raise AssertionError("not to be caught") from None

    made = example.module.runtime.instantiate(
        example.module.compiled,
        imports={
            "example": {
                "snapshot": wazero.func(example.snapshot, caller=True),
                "restore": wazero.func(restore, caller=True),
            }
        },
    )
    assert made.exports.run(snapshots=True) == 5


def test_without_snapshots(example):
    with pytest.raises(wazero.WazeroError, match="was not made with snapshots"):
        example.module.exports.run()
    with pytest.raises(wazero.WazeroError, match="no call runs"):
        wazero.snapshot()


def test_after_the_call(example):
    assert example.module.exports.snapshot(0, snapshots=True) == 0
    with pytest.raises(wazero.WazeroError, match="is over"):
        example.module.exports.restore(0, snapshots=True)
    with pytest.raises(wazero.WazeroError, match="is over"):
        example.snapshots[0].restore(1)
    example.module.close()
    with pytest.raises(wazero.WazeroError, match="is over"):
        example.snapshots[0].restore(1)


def test_twice(rt, wat):
    """A guest that goes back until it is told a number."""
    wasm = wat(
        """(module
          (import "env" "take" (func $take (result i32)))
          (import "env" "back" (func $back (param i32)))
          (func (export "run") (param i32) (result i32) (local i32)
            (local.set 1 (call $take))
            (if (i32.lt_u (local.get 1) (local.get 0))
              (then (call $back (i32.add (local.get 1) (i32.const 1)))))
            (local.get 1)))"""
    )
    taken = []

    def take():
        taken.append(wazero.snapshot())
        return 0

    run = rt.instantiate(
        wasm, imports={"env": {"take": take, "back": lambda n: taken[-1].restore(n)}}
    ).exports.run
    assert run(1, snapshots=True) == 1
    with pytest.raises(wazero.WazeroError, match="it can be once"):
        run(2, snapshots=True)
    assert run(0, snapshots=True) == 0


def test_another_thread(example):
    caught = []

    def elsewhere(snapshot):
        try:
            snapshot.restore(1)
        except wazero.WazeroError as error:
            caught.append(str(error))

    def restore(module, ptr):
        thread = threading.Thread(target=elsewhere, args=(example.snapshots[-1],))
        thread.start()
        thread.join()

    module = example.module.runtime.instantiate(
        example.module.compiled,
        imports={
            "example": {
                "snapshot": wazero.func(example.snapshot, caller=True),
                "restore": wazero.func(restore, caller=True),
            }
        },
    )
    assert module.exports.run(snapshots=True) == 10
    assert "on another thread" in caught[0]


def test_wrong_results(example):
    taken = []

    def restore(module, ptr):
        snapshot = example.snapshots[-1]
        for wrong in [(), (1, 2)]:
            with pytest.raises(TypeError, match=r"restore.. takes the 1 results"):
                snapshot.restore(*wrong)
        with pytest.raises(TypeError, match=r"restore.. argument 1"):
            snapshot.restore("5")
        with pytest.raises(OverflowError, match=r"restore.. argument 1"):
            snapshot.restore(1 << 40)
        taken.append(snapshot)
        snapshot.restore(7)

    module = example.module.runtime.instantiate(
        example.module.compiled,
        imports={
            "example": {
                "snapshot": wazero.func(example.snapshot, caller=True),
                "restore": wazero.func(restore, caller=True),
            }
        },
    )
    assert module.exports.run(snapshots=True) == 7


def test_references_as_results(rt, wat):
    def host():
        with pytest.raises(wazero.WazeroError, match="references among its results"):
            wazero.snapshot()
        return "an object"

    mod = rt.instantiate(
        wat("""(module (import "e" "f" (func $f (result externref)))
          (func (export "run") (result externref) (call $f)))"""),
        imports={"e": {"f": wazero.func(host, results=["externref"])}},
    )
    assert mod.exports.run(snapshots=True) == "an object"


def test_interpreter(wat):
    with wazero.Runtime(engine="interpreter") as runtime:
        example = Example(runtime, wat(EXAMPLE))
        with pytest.raises(wazero.WazeroError, match="snapshots need the compiler"):
            example.module.exports.run(snapshots=True)
        with pytest.raises(wazero.WazeroError, match="not made with snapshots"):
            example.module.exports.run()


def test_listeners_hear_of_it(rt, wat):
    told = []

    class Listener:
        def before(self, call):
            told.append(f"+{call.function.name}")

        def after(self, call):
            told.append(f"-{call.function.name}")

        def abort(self, call):
            told.append(f"!{call.function.name}")
            assert call.error is None

    example = Example(rt, wat(EXAMPLE), listener=Listener())
    assert example.module.exports.run(snapshots=True) == 5
    assert told.count("!restore") == told.count("!helper") == 1
    ends = sum(not one.startswith("+") for one in told)
    assert ends == len(told) - ends


def test_keywords(example):
    with pytest.raises(TypeError, match="only 'timeout' and 'snapshots'"):
        example.module.exports.run(snapshot=True)
    with pytest.raises(wazero.Timeout):
        example.module.exports.run(snapshots=True, timeout=0)
    with pytest.raises(TypeError):
        type(example.snapshots)(wazero.Snapshot())
