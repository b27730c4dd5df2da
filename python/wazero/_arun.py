"""wazero.arun: run, awaited.

A run has a thread of its own, so that any number go on at once, and the event loop with
them. Whoever cancels the task ends the guest, and waits for that.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from contextlib import suppress
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from wazero._run import CONTROL, CompletedRun, Control, run

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future
    from typing import Any

_P = ParamSpec("_P")
_R = TypeVar("_R")


class _Awaited:
    """Coroutine functions as streams: the guest waits while the loop runs them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._waiting: set[Future[Any]] = set()
        self._ended = False

    def stream(self, stream: Any) -> Any:
        if not iscoroutinefunction(stream):
            return stream
        return functools.partial(self._call, stream)

    def _call(self, function: Callable[[Any], Coroutine[Any, Any, Any]], x: Any) -> Any:
        with self._lock:
            if self._ended:
                raise asyncio.CancelledError
            future = asyncio.run_coroutine_threadsafe(function(x), self._loop)
            self._waiting.add(future)
        try:
            return future.result()
        finally:
            with self._lock:
                self._waiting.discard(future)

    def end(self) -> None:
        with self._lock:
            self._ended = True
            waiting = list(self._waiting)
        for future in waiting:
            future.cancel()


async def _in_thread(work: Callable[[], _R], end: Callable[[], None]) -> _R:
    """What work returns, from a thread of its own. When the task is cancelled it calls
    end, and waits until the work has ended by that."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_R] = loop.create_future()
    context = contextvars.copy_context()

    def deliver(result: _R | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def body() -> None:
        result, failure = None, None
        try:
            result = context.run(work)
        except BaseException as error:
            failure = error
            if isinstance(error, StopIteration):  # a future does not take it
                failure = RuntimeError("a stream raised StopIteration")
                failure.__cause__ = error
        with suppress(RuntimeError):  # a loop that was closed meanwhile
            loop.call_soon_threadsafe(deliver, result, failure)

    thread = threading.Thread(target=body, name="wazero.arun", daemon=True)
    thread.start()
    try:
        return await _outcome(done, end)
    finally:
        if done.done():
            thread.join()  # it has nothing left to do
        else:  # the task is thrown away
            end()


async def _outcome(done: asyncio.Future[_R], end: Callable[[], None]) -> _R:
    """Waits for done, however often the task is cancelled meanwhile."""
    cancelled: asyncio.CancelledError | None = None
    while True:
        try:
            result = await asyncio.shield(done)
        except asyncio.CancelledError as error:
            if done.done():
                raise
            cancelled = error
            end()
        except Exception:
            if cancelled is not None:
                raise cancelled from None
            raise
        else:
            if cancelled is not None:
                raise cancelled
            return result


def _awaited(
    function: Callable[_P, CompletedRun],
) -> Callable[_P, Coroutine[Any, Any, CompletedRun]]:
    @functools.wraps(function)
    async def arun(*args: _P.args, **options: _P.kwargs) -> CompletedRun:
        control = Control()
        awaited = _Awaited(asyncio.get_running_loop())
        for name in ("stdin", "stdout", "stderr", "trace"):
            if name in options:
                options[name] = awaited.stream(options[name])

        def work() -> CompletedRun:
            CONTROL.set(control)
            return function(*args, **options)

        def end() -> None:
            control.end()
            awaited.end()

        return await _in_thread(work, end)

    arun.__name__ = arun.__qualname__ = "arun"
    arun.__doc__ = """The same as run, awaited: the event loop goes on meanwhile.

    Takes what run takes; stdin, stdout, stderr and trace may also be coroutine
    functions, which the event loop runs while the guest waits. Other callables, and
    host functions, are called in the thread of the guest. When the task is cancelled
    the guest is ended, before the cancellation goes on.
    """
    return arun


arun = _awaited(run)
