"""wazero.arun: many runs at once, cancellation, streams that are coroutines."""

import asyncio
import contextvars
import inspect
import threading
import time

import pytest
import wazero

SPIN = '(module (func (export "_start") (loop (br 0))))'
TICK = """
(module (import "env" "tick" (func $tick))
  (func (export "_start") (loop (call $tick) (br 0))))
"""


@pytest.fixture
def endless(wat):
    """A program that does not end, and what it imports where that is needed."""
    with wazero.Runtime() as rt:
        module = rt.instantiate(wat(SPIN), start_functions=[])
        if module.exports._start.interruptible:
            return wat(SPIN), None
    return wat(TICK), {"env": {"tick": lambda: None}}


def threads():
    return [t for t in threading.enumerate() if t.name == "wazero.arun"]


def test_it_is_run(cat):
    done = asyncio.run(
        wazero.arun(cat, "a", capture_output=True, input="grüße", text=True)
    )
    assert done == wazero.CompletedRun(("wasm", "a"), 1, "grüße", "err\n")
    assert inspect.signature(wazero.arun) == inspect.signature(wazero.run)
    assert wazero.arun.__name__ == "arun"
    assert inspect.iscoroutinefunction(wazero.arun)


def test_errors_come_out(cat, endless):
    spin, imports = endless

    async def main():
        with pytest.raises(wazero.ExitError) as exited:
            await wazero.arun(cat, "a", capture_output=True, check=True)
        assert exited.value.stderr == b"err\r\n"
        with pytest.raises(wazero.Trap):
            await wazero.arun(cat, *"123456789", stdout=None, stderr=None)
        with pytest.raises(wazero.Timeout):
            await wazero.arun(spin, imports=imports, timeout=0.1)
        with pytest.raises(wazero.CompileError):
            await wazero.arun(b"")
        with pytest.raises(TypeError):
            await wazero.arun(cat, nonsense=1)

    asyncio.run(main())
    assert not threads()


def test_the_loop_goes_on(endless):
    spin, imports = endless

    async def main():
        run = asyncio.create_task(wazero.arun(spin, imports=imports, timeout=0.5))
        turns = 0
        while not run.done():
            await asyncio.sleep(0.01)
            turns += 1
        with pytest.raises(wazero.Timeout):
            await run
        return turns

    assert asyncio.run(main()) > 5


def test_many_at_once(cat):
    async def main():
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(
                    wazero.arun(cat, input=str(i), text=True, capture_output=True)
                )
                for i in range(50)
            ]
        return [task.result().stdout for task in tasks]

    assert asyncio.run(main()) == [str(i) for i in range(50)]


def test_cancelling_ends_the_guest(endless):
    spin, imports = endless

    async def main():
        task = asyncio.create_task(wazero.arun(spin, imports=imports))
        await asyncio.sleep(0.3)
        assert len(threads()) == 1
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert caught.value.args == ("enough",)
        assert task.cancelled()
        assert not threads()

    asyncio.run(main())


def test_cancelled_at_once(endless):
    spin, imports = endless

    async def main():
        for delay in (None, 0, 0.001, 0.005, 0.01, 0.02):
            task = asyncio.create_task(wazero.arun(spin, imports=imports))
            if delay is not None:
                await asyncio.sleep(delay)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())


def test_timeout_and_groups(endless, cat):
    spin, imports = endless

    async def main():
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.2):
                await wazero.arun(spin, imports=imports)
        assert not isinstance(caught.value, wazero.Timeout)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wazero.arun(spin, imports=imports), 0.2)
        start = time.monotonic()
        with pytest.raises(ExceptionGroup) as failed:
            async with asyncio.TaskGroup() as group:
                group.create_task(wazero.arun(spin, imports=imports))
                group.create_task(
                    wazero.arun(cat, "a", stdout=None, stderr=None, check=True)
                )
        assert time.monotonic() - start < 20
        assert isinstance(failed.value.exceptions[0], wazero.ExitError)

    asyncio.run(main())


def test_coroutines_as_streams(cat):
    async def main():
        loop = asyncio.get_running_loop()
        parts = [b"ab", b"cd", b""]
        written = []

        async def read(size):
            await asyncio.sleep(0.01)
            assert asyncio.get_running_loop() is loop
            return parts.pop(0)

        async def write(data):
            await asyncio.sleep(0)
            written.append(data)

        await wazero.arun(cat, stdin=read, stdout=write, stderr=None)
        assert b"".join(written) == b"abcd"

        async def fail(data):
            raise KeyError("full")

        with pytest.raises(KeyError, match="full"):
            await wazero.arun(cat, input=b"x", stdout=fail, stderr=None)

    asyncio.run(main())


def test_cancelled_in_a_coroutine(cat):
    """The guest waits for a coroutine that nobody will finish."""

    async def main():
        ended = []

        async def never(size):
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(size)

        task = asyncio.create_task(wazero.arun(cat, stdin=never, stderr=None))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended

    asyncio.run(main())


def test_callables_are_called_in_the_thread_with_the_context(cat):
    variable = contextvars.ContextVar("variable", default="unset")

    async def main():
        seen = []
        variable.set("set")

        def write(data):
            seen.append((threading.current_thread().name, variable.get()))

        await wazero.arun(cat, input=b"x", stdout=write, stderr=None)
        assert set(seen) == {("wazero.arun", "set")}

    asyncio.run(main())


def test_a_run_inside_a_run(cat, wat):
    """What a host function runs is not what is cancelled."""
    wasm = wat('(module (import "e" "f" (func $f)) (func (export "_start") (call $f)))')

    async def main():
        inner = []

        def function():
            inner.append(wazero.run(cat, "a", stdout=None, stderr=None).returncode)

        done = await wazero.arun(wasm, imports={"e": {"f": function}})
        assert (done.returncode, inner) == (0, [1])

    asyncio.run(main())


def test_stop_iteration_in_a_stream(cat):
    def read(size):
        raise StopIteration

    async def main():
        with pytest.raises(RuntimeError, match="StopIteration"):
            await wazero.arun(cat, stdin=read, stdout=None, stderr=None)

    asyncio.run(main())
