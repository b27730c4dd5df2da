"""wazero.run, the subprocess.run of WebAssembly."""

from __future__ import annotations

import io
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wazero._wazero import (
    INHERIT,
    CompiledModule,
    ExitError,
    Interrupted,
    Runtime,
    Timeout,
    Trap,
    _check_timeout,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wazero._wazero import (
        CompilationCache,
        _Address,
        _Buffer,
        _Clock,
        _Env,
        _Imports,
        _Mount,
        _Path,
        _Random,
        _Seconds,
        _Sleep,
        _Stdin,
        _Stdout,
    )


@dataclass(frozen=True)
class CompletedRun:
    """What wazero.run returns."""

    args: tuple[str | bytes, ...]
    """The arguments, the program's name first."""
    returncode: int
    """The exit code, 0 for success."""
    stdout: Any = None
    """What was captured: bytes, or str with text=True; None if nothing was."""
    stderr: Any = None

    def check_returncode(self) -> None:
        """Raises ExitError if the exit code is not 0."""
        if self.returncode:
            error = ExitError(f"{self.args[0]!r} exited with code {self.returncode}")
            error.exit_code = self.returncode
            error.stdout = self.stdout
            error.stderr = self.stderr
            raise error


class _Capture:
    """Both outputs, kept if asked to, with the text options of subprocess."""

    def __init__(self, capture: bool, encoding: str | None, errors: str | None) -> None:
        self._streams = (io.BytesIO(), io.BytesIO()) if capture else (None, None)
        self._encoding = encoding
        self._errors = errors or "strict"

    def choose(self, stdout: _Stdout, stderr: _Stdout) -> tuple[_Stdout, _Stdout]:
        out, err = self._streams
        return out or stdout, err or stderr

    def results(self) -> list[str | bytes | None]:
        return [self._result(stream) for stream in self._streams]

    def _result(self, stream: io.BytesIO | None) -> str | bytes | None:
        if stream is None:
            return None
        data = stream.getvalue()
        if self._encoding is None:
            return data
        text = data.decode(self._encoding, self._errors)
        return text.replace("\r\n", "\n").replace("\r", "\n")


def _stdin(
    stdin: _Stdin, data: str | _Buffer | None, encoding: str | None
) -> _Stdin | _Buffer:
    if data is None:
        return stdin
    if stdin is not None:
        raise ValueError("run(): stdin and input cannot both be given")
    if isinstance(data, str):
        if encoding is None:
            raise TypeError("run(): input must be bytes-like unless text=True")
        return data.encode(encoding)
    if encoding is not None:
        raise TypeError("run(): input must be str with text=True")
    return data


def _read(wasm: _Buffer | _Path) -> tuple[bytes | _Buffer, str | bytes]:
    """The bytes of the program, and its name."""
    if isinstance(wasm, (str, os.PathLike)):
        path = os.fspath(wasm)
        with open(path, "rb") as file:
            return file.read(), os.path.basename(path)
    if isinstance(wasm, CompiledModule):
        raise TypeError(
            "run(): wasm must be a path or bytes-like, not a CompiledModule: use its "
            "instantiate"
        )
    return wasm, "wasm"


def _until(timeout: _Seconds | None) -> float | None:
    """The time, in time.monotonic's seconds, at which the timeout is over."""
    _check_timeout("run", timeout)
    if timeout is None:
        return None
    try:
        return time.monotonic() + float(timeout)
    except OverflowError:
        return float("inf")


def run(
    wasm: _Buffer | _Path,
    *args: _Path,
    capture_output: bool = False,
    check: bool = False,
    input: str | _Buffer | None = None,
    stdin: _Stdin = None,
    stdout: _Stdout = INHERIT,
    stderr: _Stdout = INHERIT,
    env: _Env = None,
    mounts: Mapping[str, _Mount] | None = None,
    listen: Iterable[_Address] | None = None,
    random: _Random = "system",
    walltime: _Clock = "system",
    nanotime: _Clock = "system",
    nanosleep: _Sleep = "system",
    memory_limit: int | str | None = None,
    features: int | Iterable[str] | None = None,
    cache: CompilationCache | _Path | None = None,
    imports: _Imports | None = None,
    text: bool = False,
    encoding: str | None = None,
    errors: str | None = None,
    timeout: _Seconds | None = None,
    max_stack: int | str | None = None,
) -> CompletedRun:
    """Runs a WASI program to its end, in a Runtime of its own.

    wasm is a path (str or os.PathLike) or bytes-like; args are its arguments, behind
    its name. Standard output and error are those of the process unless given, standard
    input is empty. With capture_output both outputs are kept as bytes, or as str with
    text=True or an encoding. The program gets the host's clocks, sleep and random
    numbers unless others are given; files, environment and sockets only as given.

    A program that exits with a code other than 0 is ExitError with check=True. A Trap,
    and Timeout when it all takes longer than timeout seconds (compiling is waited for),
    come out as themselves, with what was captured in their stdout and stderr.
    memory_limit, features and cache are as in Runtime: with a cache, such as
    wazero.default_cache(), a program is compiled once. max_stack is as in
    Runtime.instantiate.
    """
    until = _until(timeout)
    if text or errors is not None:
        encoding = encoding or "utf-8"
    if capture_output and (stdout is not INHERIT or stderr is not INHERIT):
        raise ValueError("run(): stdout and stderr cannot be given with capture_output")
    code, name = _read(wasm)
    given_stdin = _stdin(stdin, input, encoding)
    capture = _Capture(capture_output, encoding, errors)
    out, err = capture.choose(stdout, stderr)
    argv = (name, *(os.fspath(arg) for arg in args))
    returncode = 0
    with Runtime(memory_limit=memory_limit, features=features, cache=cache) as runtime:
        compiled = runtime.compile(code)
        if not any(
            export.name == "_start" and export.kind == "function"
            for export in compiled.exports
        ):
            raise ValueError(
                "run(): the module exports no function '_start', so it is no program: "
                "use Runtime.instantiate"
            )
        try:
            compiled.instantiate(
                imports=imports,
                args=argv,
                env=env,
                stdin=given_stdin,
                stdout=out,
                stderr=err,
                mounts=mounts,
                listen=listen,
                random=random,
                walltime=walltime,
                nanotime=nanotime,
                nanosleep=nanosleep,
                timeout=None if until is None else max(0.0, until - time.monotonic()),
                max_stack=max_stack,
            ).close()
        except ExitError as error:
            returncode = error.exit_code
        except (Trap, Timeout, Interrupted) as error:
            error.stdout, error.stderr = capture.results()
            raise
    completed = CompletedRun(argv, returncode, *capture.results())
    if check:
        completed.check_returncode()
    return completed
