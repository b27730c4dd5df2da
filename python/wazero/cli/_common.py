"""What the subcommands share: operands, options of a runtime, reading a module."""

from __future__ import annotations

import os

from wazero._wazero import CompilationCache, CompiledModule, Runtime, WazeroError
from wazero.cli._flags import FlagSet
from wazero.cli._signals import default_signals
from wazero.cli._text import Failure, complain, reason, visible

TYPE_CHECKING = False  # what type checkers take for True, without importing typing
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

# The largest module that libwazero takes. What is larger is not read to its end, nor
# what begins otherwise: somebody may name a disk.
LARGEST = 1 << 30
MAGIC, HEADER = b"\0asm", 4096


class Command:
    """The flags of a subcommand, -h among them, and its usage."""

    def __init__(self, name: str, line: str) -> None:
        self.flags = FlagSet(name)
        self._line = line
        self._help = self.flags.switch("h", "Prints usage.")

    def usage(self) -> str:
        return (
            f"wazero CLI\n\nUsage:\n  wazero {self._line}\n\n"
            f"Options:\n{self.flags.defaults()}"
        )

    def operands(self, args: Sequence[str]) -> list[str]:
        """What follows the flags: a path at least. Raises SystemExit for -h, too."""
        rest = self.flags.parse(args)
        if self._help.value:
            complain(self.usage())
            raise SystemExit(0)
        if not rest:
            complain("missing path to wasm file\n" + self.usage())
            raise SystemExit(1)
        return rest


def os_message(operation: str, path: str, error: OSError | ValueError) -> str:
    """An error of the system in Go's words: open x: no such file or directory."""
    return f"{operation} {path}: {reason(error)}".replace("\0", "\\x00")


def read_wasm(path: str, stdin: bool = False) -> bytes:
    """The bytes of a file; with stdin, "-" is standard input."""
    source: str | int = 0 if stdin and path == "-" else path
    try:
        with open(source, "rb", closefd=source != 0) as file:
            start = file.read(HEADER)
            if not start.startswith(MAGIC):
                return start  # no module, which its beginning tells
            return start + file.read(LARGEST + 1 - HEADER)
    except IsADirectoryError as error:
        message = os_message("read", path, error)
    except (OSError, ValueError) as error:
        message = os_message("open", path, error)
    raise Failure(f"error reading wasm binary: {message}")


class RuntimeFlags:
    """The flags that make a Runtime."""

    def __init__(self, flags: FlagSet) -> None:
        self._cache = flags.text(
            "cachedir",
            "Writeable directory for native code compiled from wasm. "
            "Contents are re-used for the same version of wazero.",
        )
        self._features = flags.features(
            "features",
            "A comma-separated list of features that a binary may use beyond "
            "WebAssembly 2.0, or all. This may be specified multiple times. wazero "
            "calls some of them experimental: they are for binaries that are trusted.",
        )
        self._workers = flags.number(
            "workers",
            "(experimental) Number of desired compilation workers. Increasing this "
            "value may improve compilation speed at the cost of higher memory usage.",
        )

    def options(self) -> dict[str, Any]:
        """The keywords for Runtime."""
        options: dict[str, Any] = {"cache": self._open_cache()}
        if self._features.value:
            from wazero.config import Features

            more = Features.parse("|".join(self._features.value))
            options["features"] = Features.V2 | more
        if self._workers.value > (processors := len(os.sched_getaffinity(0))):
            complain(
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
        message = visible(str(error))
        raise Failure(f"error compiling wasm binary: {message}") from None
