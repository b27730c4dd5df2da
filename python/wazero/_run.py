"""wazero.run, the subprocess.run of WebAssembly, and what it shares with arun."""

from __future__ import annotations

import codecs
import io
import os
import threading
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wazero._wazero import (
    INHERIT,
    CompiledModule,
    ExitError,
    Interrupted,
    OutputLimitError,
    Runtime,
    Timeout,
    Trap,
    Usage,
    _check_timeout,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Literal

    from wazero._wazero import (
        CompilationCache,
        Trace,
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
        _Trace,
    )


_NOTHING = Usage((0.0, 0.0, 0, 0, 0, 0))


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
    usage: Usage = field(default=_NOTHING, compare=False)
    """What the program used; it does not count when two are compared."""
    trace: Trace | None = field(default=None, compare=False)
    """With trace=True or a Trace: the program's WASI calls."""

    def check_returncode(self) -> None:
        """Raises ExitError if the exit code is not 0."""
        if self.returncode:
            error = ExitError(f"{self.args[0]!r} exited with code {self.returncode}")
            error.exit_code = self.returncode
            error.stdout = self.stdout
            error.stderr = self.stderr
            error.usage = self.usage
            error.trace = self.trace
            raise error


class _TextSink:
    """A callable that is given str, from a guest that writes bytes."""

    def __init__(
        self, function: Callable[[str], object], encoding: str, errors: str
    ) -> None:
        self._function = function
        self._decoder = codecs.getincrementaldecoder(encoding)(errors)

    def __call__(self, data: bytes, final: bool = False) -> None:
        text = self._decoder.decode(data, final)
        if text:
            self._function(text)


class _Outputs:
    """Where both outputs lead, with the text options of subprocess."""

    def __init__(
        self,
        capture: bool,
        given: tuple[Any, Any],
        encoding: str | None,
        errors: str | None,
    ) -> None:
        self._encoding = encoding
        self._errors = errors or "strict"
        self._captures = (io.BytesIO(), io.BytesIO()) if capture else (None, None)
        self.streams = self._captures if capture else tuple(map(self._lead, given))

    def _lead(self, stream: Any) -> Any:
        if self._encoding is None or not callable(stream) or hasattr(stream, "write"):
            return stream
        return _TextSink(stream, self._encoding, self._errors)

    def finish(self) -> None:
        """Gives callables the rest of what was not whole characters."""
        for stream in self.streams:
            if isinstance(stream, _TextSink):
                stream(b"", True)

    def results(self) -> list[str | bytes | None]:
        return [self._result(stream, self._errors) for stream in self._captures]

    def note(self, error: Trap | Timeout | Interrupted | OutputLimitError) -> None:
        """Gives an error what was captured; it may end inside a character."""
        results = [self._result(stream, "replace") for stream in self._captures]
        error.stdout, error.stderr = results

    def _result(self, stream: io.BytesIO | None, errors: str) -> str | bytes | None:
        if stream is None:
            return None
        data = stream.getvalue()
        if self._encoding is None:
            return data
        text = data.decode(self._encoding, errors)
        return text.replace("\r\n", "\n").replace("\r", "\n")


def _check_bool(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError(
            f"run(): {name} must be True or False, not {type(value).__name__}"
        )


def _check_codec(encoding: str | None, errors: str | None) -> None:
    """Refuses before the run what would be found out behind it."""
    for name, value in (("encoding", encoding), ("errors", errors)):
        if value is not None and not isinstance(value, str):
            raise TypeError(
                f"run(): {name} must be str or None, not {type(value).__name__}"
            )
    try:
        "".encode(encoding or "utf-8")
    except (LookupError, ValueError):
        raise ValueError(
            f"run(): encoding must be the name of an encoding of text, not {encoding!r}"
        ) from None
    try:
        codecs.lookup_error(errors or "strict")
    except (LookupError, ValueError):
        raise ValueError(
            f"run(): errors must be 'strict', 'replace' or another name that codecs "
            f"knows, not {errors!r}"
        ) from None


def _argument(index: int, value: _Path) -> str | bytes:
    try:
        return os.fspath(value)
    except TypeError:
        raise TypeError(
            f"run(): argument {index} of the program must be str, bytes or "
            f"os.PathLike, not {type(value).__name__}"
        ) from None


def _input(
    stdin: _Stdin | str, data: str | _Buffer | None, encoding: str | None
) -> _Stdin | _Buffer:
    """What the guest reads, out of the two arguments that say it."""
    if data is None:
        if isinstance(stdin, str) and encoding is not None:
            return stdin.encode(encoding)
        return stdin  # type: ignore[return-value]  # a str is refused further on
    if stdin is not None:
        raise ValueError("run(): stdin and input cannot both be given")
    if isinstance(data, str):
        if encoding is None:
            raise TypeError("run(): input must be bytes-like unless text=True")
        return data.encode(encoding)
    if encoding is not None:
        raise TypeError("run(): input must be str with text=True")
    try:
        memoryview(data)
    except TypeError:
        raise TypeError(
            "run(): input must be bytes-like, or str with text=True, not "
            f"{type(data).__name__}"
        ) from None
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


def _left(until: float) -> float:
    """The seconds that are left. They have so few digits that a message has them all,
    by which _tell finds them."""
    return float(f"{max(0.0, until - time.monotonic()):g}")


def _tell(error: Timeout, left: float, timeout: _Seconds) -> None:
    """Has a message name the timeout, not what compiling had left of it."""
    mine = f"timeout after {left:g} s"
    error.args = (str(error).replace(mine, f"timeout after {float(timeout):g} s", 1),)


class Control:
    """How another thread ends a run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runtime: Runtime | None = None
        self._ended = False

    def adopt(self, runtime: Runtime) -> None:
        """Hands over the runtime of the run, which closing it ends."""
        with self._lock:
            self._runtime = runtime
            ended = self._ended
        if ended:
            runtime.close()

    def end(self) -> None:
        with self._lock:
            self._ended = True
            runtime = self._runtime
        if runtime is not None:
            runtime.close()


CONTROL: ContextVar[Control | None] = ContextVar("wazero.arun", default=None)


def run(
    wasm: _Buffer | _Path,
    *args: _Path,
    capture_output: bool = False,
    check: bool = False,
    input: str | _Buffer | None = None,
    stdin: _Stdin | str = None,
    stdout: _Stdout = INHERIT,
    stderr: _Stdout = INHERIT,
    env: _Env = None,
    mounts: Mapping[str, _Mount] | None = None,
    listen: Iterable[_Address] | None = None,
    imports: _Imports | None = None,
    random: _Random = "system",
    walltime: _Clock = "system",
    nanotime: _Clock = "system",
    nanosleep: _Sleep = "system",
    deterministic: bool = False,
    text: bool = False,
    encoding: str | None = None,
    errors: str | None = None,
    timeout: _Seconds | None = None,
    memory_limit: int | str | None = None,
    table_limit: int | None = None,
    max_stack: int | str | None = None,
    output_limit: int | str | None = None,
    max_files: int | None = None,
    trace: _Trace = False,
    wasi: Literal["libwazero", "wazero"] | None = None,
    engine: Literal["auto", "compiler", "interpreter"] = "auto",
    features: int | Iterable[str] | None = None,
    cache: CompilationCache | _Path | None = None,
) -> CompletedRun:
    """Runs a WASI program to its end, in a Runtime of its own.

    wasm is a path (str or os.PathLike) or bytes-like; args are its arguments, behind
    its name. Standard output and error are those of the process unless given: None
    discards them, a file or a callable gets what the program writes. Standard input is
    empty unless given: as input, or as stdin, which may be bytes, a file or a callable
    that is given a size. With capture_output both outputs are kept as bytes, or as str
    with text=True or an encoding; callables get str then, too.

    The program gets the host's clocks, sleep and random numbers; files, sockets,
    environment and all else only as given. With deterministic=True it gets none of the
    host's own: time is pretended, random numbers are the same in every run, and so are
    the order, the numbers and the times of files.

    The result has what the program used. With trace=True, or a wazero.Trace, it has the
    program's WASI calls, too; a callable is given each as a WasiCall, a file with a
    write as a line of text.

    A program that exits with a code other than 0 is ExitError with check=True. A Trap,
    Timeout when it all takes longer than timeout seconds (compiling is waited for),
    and OutputLimitError when it writes more than output_limit bytes come out as
    themselves, with what was captured in their stdout and stderr, and with usage and
    trace. The other options are those of Runtime and Runtime.instantiate: with a cache,
    such as wazero.default_cache(), a program is compiled once.
    """
    until = _until(timeout)
    for name, value in (
        ("capture_output", capture_output),
        ("check", check),
        ("deterministic", deterministic),
        ("text", text),
    ):
        _check_bool(name, value)
    _check_codec(encoding, errors)
    if text or errors is not None:
        encoding = encoding or "utf-8"
    if capture_output and (stdout is not INHERIT or stderr is not INHERIT):
        raise ValueError("run(): stdout and stderr cannot be given with capture_output")
    code, program = _read(wasm)
    given_stdin = _input(stdin, input, encoding)
    outputs = _Outputs(capture_output, (stdout, stderr), encoding, errors)
    argv = (program, *(_argument(i, arg) for i, arg in enumerate(args, 1)))
    system = {
        "random": random,
        "walltime": walltime,
        "nanotime": nanotime,
        "nanosleep": nanosleep,
    }
    if deterministic:
        system = {key: None if v == "system" else v for key, v in system.items()}
    returncode = 0
    usage: Usage | None
    with Runtime(
        engine=engine,
        memory_limit=memory_limit,
        table_limit=table_limit,
        features=features,
        cache=cache,
    ) as runtime:
        control = CONTROL.get()
        if control is not None:
            CONTROL.set(None)  # a run inside this one is another matter
            control.adopt(runtime)
        compiled = runtime.compile(code)
        if not any(
            export.name == "_start" and export.kind == "function"
            for export in compiled.exports
        ):
            raise ValueError(
                "run(): the module exports no function '_start', so it is no program: "
                "use Runtime.instantiate"
            )
        left = None if until is None else _left(until)
        try:
            module = compiled.instantiate(
                imports=imports,
                args=argv,
                env=env,
                stdin=given_stdin,
                stdout=outputs.streams[0],
                stderr=outputs.streams[1],
                mounts=mounts,
                listen=listen,
                timeout=left,
                max_stack=max_stack,
                output_limit=output_limit,
                max_files=max_files,
                deterministic=deterministic,
                trace=trace,
                wasi=wasi,
                **system,  # type: ignore[arg-type]
            )
            usage, recorded = module.usage, module.trace
            module.close()
        except ExitError as error:
            returncode = error.exit_code
            usage, recorded = error.usage, error.trace
        except (Trap, Timeout, Interrupted, OutputLimitError) as error:
            if isinstance(error, Timeout) and left is not None and timeout is not None:
                _tell(error, left, timeout)
            outputs.note(error)
            raise
        finally:
            outputs.finish()
    out, err = outputs.results()
    completed = CompletedRun(argv, returncode, out, err, usage or _NOTHING, recorded)
    if check:
        completed.check_returncode()
    return completed
