"""The flags of run and call: what the guest is granted, and within which limits."""

from __future__ import annotations

import os
import time

from wazero._wazero import (
    INHERIT,
    ExitError,
    OutputLimitError,
    Timeout,
    Trap,
    WazeroError,
)
from wazero.cli._common import Command, RuntimeFlags, os_message
from wazero.cli._flags import FlagSet, format_duration
from wazero.cli._text import Failure, complain, quote, visible

TYPE_CHECKING = False  # what type checkers take for True, without importing typing
if TYPE_CHECKING:
    from collections.abc import Callable
    from io import FileIO
    from typing import Any

# A trap is told with the frames of the guest, a line each, and so is too much output.
LINES = "\n\t"
# What wazero's command ends with when the time is over; the system keeps 8 bits.
DEADLINE_EXCEEDED = 0xEFFFFFFF


class ProgramFlags:
    """The flags of a guest, and after they are read the options they stand for."""

    def __init__(self, flags: FlagSet) -> None:
        self._started = time.monotonic()
        self._runtime = RuntimeFlags(flags)
        self._env = flags.many(
            "env",
            "key=value pair of environment variable to expose to the binary. "
            "Can be specified multiple times.",
        )
        self._env_inherit = flags.switch(
            "env-inherit",
            "Inherits any environment variables from the calling process. Variables "
            "specified with the <env> flag are appended to the inherited list.",
        )
        self._interpreter = flags.switch(
            "interpreter",
            "Interprets WebAssembly modules instead of compiling them into native "
            "code.",
        )
        self._mount = flags.many(
            "mount",
            "Filesystem path to expose to the binary in the form of "
            "<path>[:<wasm path>][:ro]. This may be specified multiple times. When "
            "<wasm path> is unset, <path> is used. For example, -mount=/:/ makes the "
            "entire host volume writeable by wasm. For read-only mounts, append the "
            "suffix ':ro'.",
        )
        self._listen = flags.many(
            "listen",
            "Open a TCP socket on the specified address of the form <host:port>. This "
            "may be specified multiple times. Host is optional, and port may be 0 to "
            "indicate a random port.",
        )
        self._host_logging = flags.scopes(
            "hostlogging",
            "A comma-separated list of host function scopes to log to stderr. This may "
            "be specified multiple times. Supported values: "
            "all,clock,filesystem,memory,proc,poll,random,sock",
        )
        self.timeout = flags.duration(
            "timeout",
            "If a wasm binary runs longer than the given duration string, then exit "
            "abruptly. The duration string is an unsigned sequence of decimal numbers, "
            'each with optional fraction and a unit suffix, such as "300ms", "1.5h" or '
            '"2h45m". Valid time units are "ns", "us" (or "\u00b5s"), "ms", "s", "m", '
            '"h". If the duration is 0, the timeout is disabled. The default is '
            "disabled.",
        )
        self._unconfined = flags.switch(
            "unconfined",
            "Mounts as wazero's own command does, with its WASI: symbolic links in a "
            "mounted directory may lead out of it. Otherwise nothing does.",
        )
        self._memory_limit = flags.text(
            "memory-limit",
            "Largest size of each memory, in bytes or as in 64MiB. A binary that "
            "needs more to begin with is refused.",
        )
        self._table_limit = flags.limit(
            "table-limit",
            "Largest number of elements of each table. A binary that needs more to "
            "begin with is refused. The default is ten million.",
        )
        self._max_stack = flags.text(
            "max-stack",
            "Size of the WebAssembly stack, in bytes or as in 1MiB. A binary that "
            "needs more traps.",
        )
        self._output_limit = flags.text(
            "output-limit",
            "How much may be written to stdout and stderr together, in bytes or as in "
            "1MiB. A binary that writes more is ended.",
        )
        self._max_files = flags.limit(
            "max-files",
            "How many files and directories may be open at once, besides those that a "
            "binary begins with.",
        )
        self._deterministic = flags.switch(
            "deterministic",
            "Pretends clocks, random numbers, and the order, numbers and times of "
            "files, so that each run is the same.",
        )
        self._trace = flags.switch(
            "trace",
            "Writes each WASI call to stderr, with its arguments and results.",
        )

    def runtime_options(self) -> dict[str, Any]:
        """The keywords for Runtime."""
        options = self._runtime.options()
        if self._interpreter.value:
            options["engine"] = "interpreter"
        if self._memory_limit.value:
            options["memory_limit"] = self._memory_limit.value
        if self._table_limit.value is not None:
            options["table_limit"] = self._table_limit.value
        return options

    def module_options(self) -> dict[str, Any]:
        """The keywords for CompiledModule.instantiate, without the arguments."""
        options: dict[str, Any] = {
            "env": self._variables(),
            "mounts": self._mounts(),
            "deterministic": self._deterministic.value,
            "max_files": self._max_files.value,
        }
        for stream in ("stdin", "stdout", "stderr"):
            options[stream] = INHERIT
        if not self._deterministic.value:
            for source in ("random", "walltime", "nanotime", "nanosleep"):
                options[source] = "system"
        if self._unconfined.value:
            options["wasi"] = "wazero"
        if self._max_stack.value:
            options["max_stack"] = self._max_stack.value
        if self._output_limit.value:
            options["output_limit"] = self._output_limit.value
        if self._trace.value:
            options["trace"] = _stderr()
        return options

    def compile_options(self) -> dict[str, Any]:
        """The keywords for Runtime.compile."""
        if not self._host_logging.value:
            return {}
        from wazero.config import LogScope

        scopes = LogScope.NONE
        for name in self._host_logging.value:
            scopes |= LogScope[name.upper()]
        return {"log_calls": _stderr(), "log_host": scopes}

    def listens(self) -> list[str]:
        """The addresses to listen at. As wazero's command does, says what is wrong with
        one, and takes those before it."""
        addresses: list[str] = []
        for listen in self._listen.value:
            _, colon, port = listen.rpartition(":")
            if not colon:
                complain("invalid listen\n")
                break
            if not port.isdecimal() or not port.isascii():
                complain(
                    f"invalid listen port: strconv.Atoi: parsing {quote(port)}: "
                    "invalid syntax\n"
                )
                break
            addresses.append(listen)
        return addresses

    def check_timeout(self, command: Command) -> None:
        if self.timeout.value < 0:
            duration = format_duration(self.timeout.value)
            usage = command.usage().rstrip("\n")
            raise Failure(
                f"timeout duration may not be negative, {duration} given\n{usage}"
            )

    def left(self) -> float | None:
        """The seconds that are left of the timeout, which began with the command."""
        if not self.timeout.value:
            return None
        until = self._started + self.timeout.value / 1e9
        return max(0.0, until - time.monotonic())

    def _variables(self) -> dict[bytes, bytes]:
        given = [os.fsencode(variable) for variable in self._env.value]
        variables = _environment() if self._env_inherit.value else {}
        for variable in given:
            key, equals, value = variable.partition(b"=")
            if not equals:
                text = os.fsdecode(variable)
                raise Failure(f"invalid environment variable: {text}")
            if not key:
                raise Failure(
                    "error instantiating wasm binary: environ invalid: empty key"
                )
            variables[key] = value
        return variables

    def _mounts(self) -> dict[str, Any]:
        return dict(map(_parse_mount, self._mount.value))


def _stderr() -> FileIO:
    """Unbuffered, as what the guest writes there."""
    return open(2, "wb", buffering=0, closefd=False)


def _environment() -> dict[bytes, bytes]:
    """What the command was started with: Python itself adds LC_CTYPE at times."""
    try:
        with open("/proc/self/environ", "rb") as file:
            block = file.read()
    except OSError:
        return dict(os.environb)
    pairs = (variable.partition(b"=") for variable in block.split(b"\0"))
    return {key: value for key, equals, value in pairs if equals}


def _parse_mount(mount: str) -> tuple[str, Any]:
    if not mount:
        raise Failure("invalid mount: empty string")
    path = mount.removesuffix(":ro")
    host, colon, guest = path.rpartition(":")
    if not colon:
        host = guest = path
    host = os.path.abspath(host)
    try:
        os.stat(host)
    except (OSError, ValueError) as error:
        message = os_message("stat", host, error)
        raise Failure(f"invalid mount: path {quote(host)} error: {message}") from None
    if not os.path.isdir(host):
        raise Failure(f"invalid mount: path {quote(host)} is not a directory")
    return guest or "/", (host, "rw" if path == mount else "ro")


def run_guest(flags: ProgramFlags, doing: str, guest: Callable[[], None]) -> int:
    """Runs the guest and returns the exit code that its end stands for."""
    try:
        guest()
    except ExitError as error:
        return error.exit_code & 0xFF
    except Timeout:
        complain(
            "error: module closed with context deadline exceeded "
            f"(timeout {format_duration(flags.timeout.value)})\n"
        )
        return DEADLINE_EXCEEDED & 0xFF
    except (Trap, OutputLimitError) as error:
        raise Failure(f"error {doing}: {visible(str(error), keep=LINES)}") from None
    except (OSError, ValueError, WazeroError) as error:
        raise Failure(f"error {doing}: {visible(str(error))}") from None
    return 0
