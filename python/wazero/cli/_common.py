"""What the subcommands share: options of a runtime, reading a module, messages."""

from __future__ import annotations

import os
import sys

from wazero._wazero import CompilationCache, CompiledModule, Runtime, WazeroError
from wazero.cli._flags import FlagSet
from wazero.cli._signals import default_signals

TYPE_CHECKING = False  # what type checkers take for True, without importing typing
if TYPE_CHECKING:
    from typing import Any


class Failure(Exception):
    """A line for standard error, and the exit code 1."""


def usage(flags: FlagSet, line: str) -> str:
    """What -h prints for a subcommand."""
    return f"wazero CLI\n\nUsage:\n  wazero {line}\n\nOptions:\n{flags.defaults()}"


def os_message(operation: str, path: str, error: OSError) -> str:
    """An error of the system in Go's words: open x: no such file or directory."""
    return f"{operation} {path}: {(error.strerror or str(error)).lower()}"


def read_wasm(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except IsADirectoryError as error:
        message = os_message("read", path, error)
    except OSError as error:
        message = os_message("open", path, error)
    except ValueError:  # a NUL in the name
        message = f"open {path}: invalid argument"
    raise Failure(f"error reading wasm binary: {message}")


class RuntimeFlags:
    """The flags that make a Runtime."""

    def __init__(self, flags: FlagSet) -> None:
        self._cache = flags.text(
            "cachedir",
            "Writeable directory for native code compiled from wasm. "
            "Contents are re-used for the same version of wazero.",
        )
        self._workers = flags.number(
            "workers",
            "(experimental) Number of desired compilation workers. Increasing this "
            "value may improve compilation speed at the cost of higher memory usage.",
        )

    def options(self) -> dict[str, Any]:
        """The keywords for Runtime."""
        options: dict[str, Any] = {"cache": self._open_cache()}
        if self._workers.value > (processors := len(os.sched_getaffinity(0))):
            sys.stderr.write(
                f"warning: desired number of compilation workers "
                f"({self._workers.value}) greater than GOMAXPROCS ({processors}) "
                f"defaulting to GOMAXPROCS\n"
            )
        if self._workers.value > 1:  # else as many as there are processors
            options["compilation_workers"] = min(self._workers.value, processors)
        return options

    def _open_cache(self) -> CompilationCache | None:
        if not self._cache.value:
            return None
        try:
            return CompilationCache(self._cache.value)
        except (OSError, ValueError, WazeroError) as error:
            message = str(error).removeprefix("cache directory: ")
            raise Failure(f"invalid cachedir: {message}") from None


def open_runtime(options: dict[str, Any]) -> Runtime:
    try:
        runtime = Runtime(**options)
    except (TypeError, ValueError, WazeroError) as error:
        raise Failure(f"error: {error}") from None
    default_signals()
    return runtime


def compile_wasm(runtime: Runtime, wasm: bytes, **options: Any) -> CompiledModule:
    try:
        return runtime.compile(wasm, **options)
    except WazeroError as error:
        raise Failure(f"error compiling wasm binary: {error}") from None
