"""on_close: a callable that is told when a module closes, once, whoever closes it."""

import gc
import os
import sys
import threading

import pytest
import wazero

EXIT = """(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "exit") (param i32) (call $exit (local.get 0)))
  (func (export "nop")))"""


@pytest.fixture(params=["compiler", "interpreter"])
def runtime(request):
    with wazero.Runtime(engine=request.param) as made:
        yield made


def test_close(runtime, wat):
    codes = []
    module = runtime.instantiate(wat(EXIT), on_close=codes.append)
    module.exports.nop()
    assert codes == []
    module.close(7)
    module.close(8)
    assert codes == [7]
    del module
    gc.collect()
    assert codes == [7]


def test_it_counts_as_closed_by_then(runtime, wat):
    seen = []
    module = runtime.instantiate(
        wat(EXIT), on_close=lambda code: seen.append((code, module.closed))
    )
    with module:
        pass
    assert seen == [(0, True)]


def test_proc_exit(runtime, wat):
    codes = []
    module = runtime.instantiate(wat(EXIT), on_close=codes.append)
    with pytest.raises(wazero.ExitError):
        module.exports.exit(3)
    assert codes == [3]
    module.close()
    assert codes == [3]


def test_runtime_close(wat):
    codes = []
    runtime = wazero.Runtime()
    kept = runtime.instantiate(wat(EXIT), on_close=codes.append)
    runtime.instantiate(wat(EXIT), name="named", on_close=codes.append)
    runtime.close(5)
    assert codes == [5, 5]
    assert kept.exit_code == 5


def test_garbage(runtime, wat):
    codes = []
    runtime.instantiate(wat(EXIT), on_close=codes.append)
    assert codes == [0]


def test_garbage_in_a_cycle(runtime, wat, collect):
    """The callable leads to the module, and is whole when it is called."""
    codes = []

    class Owner:
        def __init__(self):
            self.name = "owner"
            self.module = runtime.instantiate(wat(EXIT), on_close=self.closed)

        def closed(self, code):
            codes.append((self.name, self.module.closed, code))

    Owner()
    collect()
    assert codes == [("owner", True, 0)]


def test_kept_by_its_callable(runtime, wat, collect):
    kept = []

    class Owner:
        def __init__(self):
            self.module = runtime.instantiate(wat(EXIT), on_close=self.closed)

        def closed(self, code):
            kept.append(self.module)

    Owner()
    collect()
    assert [module.closed for module in kept] == [True]
    with pytest.raises(wazero.ClosedError):
        _ = kept[0].exports.nop
    kept.clear()
    collect()


@pytest.fixture
def unraisable(monkeypatch):
    caught = []
    monkeypatch.setattr(sys, "unraisablehook", lambda it: caught.append(it.exc_value))
    return caught


def test_exceptions_are_unraisable(runtime, wat, unraisable):
    def fail(code):
        raise ValueError(code)

    module = runtime.instantiate(wat(EXIT), on_close=fail)
    module.close(4)
    assert [repr(one) for one in unraisable] == ["ValueError(4)"]
    module = runtime.instantiate(wat(EXIT), on_close=fail)
    with pytest.raises(wazero.ExitError):
        module.exports.exit(1)
    assert len(unraisable) == 2


def test_closing_inside(runtime, wat):
    codes = []

    def again(code):
        codes.append(code)
        module.close(code + 1)

    module = runtime.instantiate(wat(EXIT), on_close=again)
    module.close(1)
    assert codes == [1]
    assert module.exit_code == 1


def test_failed_start(runtime, wat):
    codes = []
    wasm = wat("(module (func $f unreachable) (start $f))")
    with pytest.raises(wazero.Trap):
        runtime.instantiate(wasm, on_close=codes.append)
    assert codes == [0]


def test_never_linked(runtime, wat):
    codes = []
    wasm = wat('(module (import "env" "absent" (func)))')
    with pytest.raises(wazero.LinkError):
        runtime.instantiate(wasm, on_close=codes.append)
    assert codes == []


def test_config(runtime, wat):
    codes = []
    config = wazero.ModuleConfig(on_close=codes.append)
    for code in (1, 2):
        runtime.instantiate(wat(EXIT), config=config).close(code)
    assert codes == [1, 2]


@pytest.mark.parametrize("wrong", [1, "text", ()])
def test_wrong_type(rt, wat, wrong):
    with pytest.raises(TypeError, match="on_close must be callable or None"):
        rt.instantiate(wat(EXIT), on_close=wrong)


def test_threads_that_close_and_drop(wat):
    """Each module tells once, however closing and dropping meet."""
    codes = []
    wasm = wat(EXIT)
    for _ in range(30):
        runtime = wazero.Runtime()
        compiled = runtime.compile(wasm)
        modules = [compiled.instantiate(on_close=codes.append) for _ in range(20)]
        closer = threading.Thread(target=runtime.close)
        closer.start()
        while modules:
            modules.pop()
        closer.join()
    gc.collect()
    assert len(codes) == 600


def test_no_leak(rt, wat, collect):
    compiled = rt.compile(wat(EXIT))
    for _ in range(3):
        before = sys.getrefcount(rt)
        for _ in range(100):
            compiled.instantiate(on_close=lambda code: None)
        collect()
        assert sys.getrefcount(rt) == before


def test_forked_child(wat):
    codes = []
    with wazero.Runtime() as runtime:
        module = runtime.instantiate(wat(EXIT), on_close=codes.append)
        child = os.fork()
        if child == 0:
            del module
            gc.collect()
            os._exit(len(codes))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert codes == []
        del module
    assert codes == [0]
