"""Configurations as frozen dataclasses, for Runtime(config=...) and
Runtime.instantiate(config=...).

Their fields are the keywords of those two. A keyword that is given goes before
the field.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from enum import IntFlag
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import IO, Any, Literal

    from wazero._memory_fs import MemoryFS
    from wazero._wazero import (
        CompilationCache,
        _Address,
        _Clock,
        _Env,
        _Files,
        _FileSystem,
        _Mount,
        _Mountable,
        _Path,
        _Random,
        _Sleep,
        _Stdin,
        _Stdout,
        _Trace,
        _Yield,
    )


class Features(IntFlag):
    """Features of WebAssembly, as wazero numbers them."""

    BULK_MEMORY_OPERATIONS = 1 << 0
    MULTI_VALUE = 1 << 1
    MUTABLE_GLOBAL = 1 << 2
    NONTRAPPING_FLOAT_TO_INT_CONVERSION = 1 << 3
    REFERENCE_TYPES = 1 << 4
    SIGN_EXTENSION_OPS = 1 << 5
    SIMD = 1 << 6
    THREADS = 1 << 7
    TAIL_CALL = 1 << 8
    EXTENDED_CONST = 1 << 9
    EXCEPTION_HANDLING = 1 << 10
    TYPED_FUNCTION_REFERENCES = 1 << 11
    V1 = MUTABLE_GLOBAL
    V2 = (1 << 7) - 1
    ALL = (1 << 12) - 1

    @classmethod
    def parse(cls, text: str) -> Features:
        """The features of a text like 'multi-value|simd', which str() gives."""
        from wazero._wazero import _features

        found = cls(0)
        for name in text.split("|") if text else ():
            bit = _features.get(name.lower().replace("_", "-"))
            if bit is None:
                raise ValueError(
                    f"no feature is called {name!r}; there are {', '.join(_features)}"
                )
            found |= cls(bit)
        return found

    def is_enabled(self, feature: int) -> bool:
        """Whether the feature, or any one of several, is among these."""
        return bool(self & feature)

    def require_enabled(self, feature: int) -> None:
        """Raises ValueError unless it is."""
        if not self.is_enabled(feature):
            raise ValueError(f'feature "{Features(feature)}" is disabled')

    def set_enabled(self, feature: int, enabled: bool) -> Features:
        """These with the features switched on or off."""
        return self | feature if enabled else self & ~Features(feature)

    def __str__(self) -> str:
        """The names, as wazero writes them: 'multi-value|simd'."""
        from wazero._wazero import _features

        return "|".join(name for name, bit in _features.items() if self & bit)

    def __format__(self, spec: str) -> str:
        return int.__format__(self, spec) if spec else str(self)


class LogScope(IntFlag):
    """Which functions of the host log_host logs, as wazero numbers them."""

    NONE = 0
    CLOCK = 1 << 1
    PROC = 1 << 2
    FILESYSTEM = 1 << 3
    MEMORY = 1 << 4
    POLL = 1 << 5
    RANDOM = 1 << 6
    SOCK = 1 << 7
    ALL = (1 << 64) - 1


@dataclass(frozen=True)
class RuntimeConfig:
    """The options of a Runtime."""

    engine: Literal["auto", "compiler", "interpreter"] = "auto"
    memory_limit: int | str | None = None
    table_limit: int | None = None
    features: int | Iterable[str] | None = None
    cache: CompilationCache | _Path | None = None
    debug_info: bool = True
    compilation_workers: int | None = None
    memory_capacity_from_max: bool = False
    custom_sections: bool = True


@dataclass(frozen=True)
class FSConfig:
    """The file system that a guest sees: host directories, and files in memory.

    Each method returns a new one: FSConfig().mount("data", "/").mount("etc", "/etc").
    """

    mounts: tuple[tuple[_Mount, _Path, bool], ...] = ()

    def mount(self, host: _Mountable, guest: _Path, readonly: bool = False) -> FSConfig:
        """Shows the host directory, or what else can be mounted, as guest."""
        return replace(self, mounts=(*self.mounts, (host, guest, bool(readonly))))

    def mount_memory(
        self, files: _Files | MemoryFS, guest: _Path = "/", readonly: bool = False
    ) -> FSConfig:
        """Shows files that are bytes as guest: {"a.txt": b"...", "folder": {...}}.

        Guests can read them, and write those of a MemoryFS. A mapping is copied for
        each module.
        """
        return replace(self, mounts=(*self.mounts, (files, guest, bool(readonly))))

    def mount_python(
        self, files: _FileSystem, guest: _Path = "/", readonly: bool = False
    ) -> FSConfig:
        """Shows a file system written in Python (wazero.FileSystem) as guest."""
        from wazero.files import FileSystem

        if isinstance(files, type) or not isinstance(files, FileSystem):
            raise TypeError(
                "mount_python() argument 'files' must have the methods stat, listdir "
                f"and open, not {type(files).__name__}"
            )
        return replace(self, mounts=(*self.mounts, (files, guest, bool(readonly))))

    def mount_zip(self, file: _Path | IO[bytes], guest: _Path = "/") -> FSConfig:
        """Shows what a zip archive has as guest. It is read now, all of it."""
        from zipfile import ZipFile

        files: dict[str, Any] = {}
        source = (
            os.fsdecode(file) if isinstance(file, (str, bytes, os.PathLike)) else file
        )
        with ZipFile(source) as archive:
            for name in archive.namelist():
                files[name] = {} if name.endswith("/") else archive.read(name)
        return self.mount_memory(files, guest)


@dataclass(frozen=True)
class AssemblyScript:
    """What programs in AssemblyScript import: env.abort, trace and seed.

    abort ends the guest with exit code 255, and writes its message to the guest's
    stderr unless abort_message is false; trace writes to the guest's 'stdout' or
    'stderr', or nowhere.
    """

    abort_message: bool = True
    trace: Literal["stdout", "stderr"] | None = None


@dataclass(frozen=True)
class ModuleConfig:
    """The options of Runtime.instantiate, without the imports."""

    name: str | None = None
    args: Sequence[_Path] | None = None
    env: _Env = None
    stdin: _Stdin = None
    stdout: _Stdout = None
    stderr: _Stdout = None
    mounts: Mapping[str, _Mount] | None = None
    fs: FSConfig | _FileSystem | None = None
    listen: Sequence[_Address] | None = None
    random: _Random = None
    walltime: _Clock = None
    nanotime: _Clock = None
    nanosleep: _Sleep = None
    osyield: _Yield = None
    walltime_resolution: int | None = None
    nanotime_resolution: int | None = None
    start_functions: Sequence[str] | None = None
    timeout: float | None = None
    max_stack: int | str | None = None
    memory_limit: int | str | None = None
    on_close: Callable[[int], object] | None = None
    wasi: Literal["libwazero", "wazero"] | None = None
    assemblyscript: bool | AssemblyScript | None = None
    output_limit: int | str | None = None
    max_files: int | None = None
    deterministic: bool | None = None
    trace: _Trace = None

    @classmethod
    def inherit(cls, **options: Any) -> ModuleConfig:
        """What a program that is run from a command line gets, as wazero's own
        command gives it: the process's standard streams, the system's clocks, sleep
        and random numbers. Options are fields that are added, or put in their place.
        """
        from wazero._wazero import INHERIT

        preset: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), INHERIT)
        preset |= dict.fromkeys(
            ("random", "walltime", "nanotime", "nanosleep"), "system"
        )
        return cls(**(preset | options))
