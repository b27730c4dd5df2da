import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from inspect import Signature
from types import TracebackType
from typing import (
    Any,
    Final,
    Literal,
    Never,
    NoReturn,
    Protocol,
    Self,
    SupportsFloat,
    SupportsIndex,
    TypeAlias,
    TypeVar,
    final,
    overload,
)

from _typeshed import structseq
from typing_extensions import Buffer, disjoint_base

from ._memory_fs import MemoryFS
from .config import AssemblyScript, FSConfig, ModuleConfig, RuntimeConfig
from .files import FileSystem
from .trap import TrapCode

_Buffer: TypeAlias = Buffer
_Path: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]
_Address: TypeAlias = str | tuple[str, SupportsIndex]
_Files: TypeAlias = Mapping[str, Buffer | _Files] | Mapping[bytes, Buffer | _Files]
# What a guest can have as files that is no path.
_FileSystem: TypeAlias = Dir | MemoryFiles | _Files | FileSystem
_Mountable: TypeAlias = _Path | _FileSystem
_Mount: TypeAlias = _Mountable | tuple[_Mountable, Literal["ro", "rw"]]
_Time: TypeAlias = SupportsIndex | tuple[SupportsIndex, SupportsIndex]
_Clock: TypeAlias = Literal["system"] | Callable[[], _Time] | None
_Sleep: TypeAlias = Literal["system"] | Callable[[int], object] | None
_Yield: TypeAlias = Literal["system"] | Callable[[], object] | None
_Random: TypeAlias = (
    Literal["system"] | Buffer | SupportsIndex | Callable[[int], Buffer] | None
)
_Env: TypeAlias = (
    Mapping[str, str] | Mapping[bytes, bytes] | Literal["inherit"] | Inherit | None
)
_Number: TypeAlias = SupportsIndex | SupportsFloat
_Seconds: TypeAlias = SupportsIndex | SupportsFloat
_Column: TypeAlias = Buffer | SupportsIndex | SupportsFloat
_Out: TypeAlias = Buffer | tuple[Buffer, ...] | list[Any]
_O = TypeVar("_O", bound=_Out)
_Kind: TypeAlias = Literal["function", "table", "memory", "global", "tag"]
_AnyType: TypeAlias = FunctionType | TableType | MemoryType | GlobalType | TagType

class _Readable(Protocol):
    def read(self, n: int, /) -> str | bytes: ...

class _Writable(Protocol):
    def write(self, data: Any, /) -> object: ...

_Stdin: TypeAlias = Inherit | Buffer | _Readable | Callable[[int], Buffer] | None
_Stdout: TypeAlias = Inherit | _Writable | Callable[[bytes], object] | None
_Import: TypeAlias = (
    Callable[..., object] | HostFunction | Function | Memory | Table | Global | Tag
)
_Group: TypeAlias = Module | Exports | Mapping[str, _Import]
_Resolver: TypeAlias = Callable[[str], _Group | None]
_ImportMapping: TypeAlias = Mapping[str, _Group]
_Imports: TypeAlias = _ImportMapping | _Resolver | tuple[_ImportMapping, _Resolver]

class _HasBefore(Protocol):
    def before(self, call: FunctionCall, /) -> object: ...

class _HasAfter(Protocol):
    def after(self, call: FunctionCall, /) -> object: ...

class _HasAbort(Protocol):
    def abort(self, call: FunctionCall, /) -> object: ...

_Listener: TypeAlias = (
    Callable[[FunctionCall], object] | _HasBefore | _HasAfter | _HasAbort
)
_Listeners: TypeAlias = (
    _Listener | list[_Listener] | tuple[_Listener, ...] | list[Any] | None
)
_Log: TypeAlias = _Writable | Callable[[str], object]
_Trace: TypeAlias = bool | Trace | Callable[[WasiCall], object] | _Writable | None

_features: dict[str, int]

@final
class Inherit: ...

INHERIT: Final[Inherit]

def version() -> str: ...
def engine_version() -> str: ...
def compiler_supported() -> bool: ...
def validate(wasm: Buffer | os.PathLike[str], /) -> None: ...
def inspect(
    wasm: Buffer | os.PathLike[str] | CompiledModule,
    *,
    features: int | Iterable[str] | None = None,
) -> Inspection: ...
def func(
    callable: Callable[..., object],
    params: Iterable[str] | None = None,
    results: Iterable[str] | None = None,
    caller: bool = False,
    *,
    name: str | None = None,
    param_names: Iterable[str] | None = None,
    result_names: Iterable[str] | None = None,
) -> HostFunction: ...
def snapshot() -> Snapshot: ...
def _check_timeout(function: str, timeout: _Seconds | None, /) -> None: ...
def _finalize() -> None: ...
def _new_default_cache() -> CompilationCache: ...

class WazeroError(Exception):
    usage: Usage | None
    trace: Trace | None
    element: int  # where Function.map failed

class CompileError(WazeroError): ...
class LinkError(WazeroError): ...
class ClosedError(WazeroError): ...
class ForkedError(WazeroError): ...
class SnapshotRestore(BaseException): ...

class Trap(WazeroError):
    code: TrapCode | None
    message: str
    frames: tuple[Frame, ...]
    stdout: str | bytes | None
    stderr: str | bytes | None

EXIT_CODE_CONTEXT_CANCELED: Final[int]
EXIT_CODE_DEADLINE_EXCEEDED: Final[int]

class Timeout(WazeroError, TimeoutError):
    exit_code: int
    frames: tuple[Frame, ...]
    stdout: str | bytes | None
    stderr: str | bytes | None

class Interrupted(WazeroError):
    exit_code: int
    frames: tuple[Frame, ...]
    stdout: str | bytes | None
    stderr: str | bytes | None

class OutputLimitError(WazeroError):
    frames: tuple[Frame, ...]
    stdout: str | bytes | None
    stderr: str | bytes | None

class ExitError(WazeroError):
    exit_code: int
    stdout: str | bytes | None
    stderr: str | bytes | None

@final
class FunctionType(structseq[Any], tuple[tuple[str, ...], tuple[str, ...]]):
    __match_args__: Final = ("params", "results")
    @property
    def params(self) -> tuple[str, ...]: ...
    @property
    def results(self) -> tuple[str, ...]: ...

@final
class MemoryType(structseq[Any], tuple[int, int | None, bool]):
    __match_args__: Final = ("min", "max", "shared")
    @property
    def min(self) -> int: ...
    @property
    def max(self) -> int | None: ...
    @property
    def shared(self) -> bool: ...

@final
class TableType(structseq[Any], tuple[str, int, int | None]):
    __match_args__: Final = ("element", "min", "max")
    @property
    def element(self) -> str: ...
    @property
    def min(self) -> int: ...
    @property
    def max(self) -> int | None: ...

@final
class GlobalType(structseq[Any], tuple[str, bool]):
    __match_args__: Final = ("value", "mutable")
    @property
    def value(self) -> str: ...
    @property
    def mutable(self) -> bool: ...

@final
class TagType(structseq[Any], tuple[tuple[str, ...]]):
    __match_args__: Final = ("params",)
    @property
    def params(self) -> tuple[str, ...]: ...

@final
class ImportType(structseq[Any], tuple[str, str, _Kind, _AnyType]):
    __match_args__: Final = ("module", "name", "kind", "type")
    @property
    def module(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> _Kind: ...
    @property
    def type(self) -> _AnyType: ...

@final
class ExportType(structseq[Any], tuple[str, _Kind, _AnyType]):
    __match_args__: Final = ("name", "kind", "type")
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> _Kind: ...
    @property
    def type(self) -> _AnyType: ...

@final
class Frame(structseq[Any], tuple[str, str, str, str]):
    __match_args__: Final = (
        "module",
        "function",
        "signature",
        "source",
    )
    @property
    def module(self) -> str: ...
    @property
    def function(self) -> str: ...
    @property
    def signature(self) -> str: ...
    @property
    def source(self) -> str: ...

@final
class FunctionDefinition(
    structseq[Any],
    tuple[
        int,
        str,
        str,
        str,
        FunctionType,
        tuple[str, ...],
        tuple[str, ...],
        str | None,
        str | None,
        tuple[str, ...],
        tuple[str, ...],
        tuple[str, ...],
        int,
        int,
        bool,
        tuple[tuple[int, str], ...],
    ],
):
    __match_args__: Final = (
        "index",
        "name",
        "module_name",
        "debug_name",
        "type",
        "params",
        "results",
        "import_module",
        "import_name",
        "export_names",
        "param_names",
        "result_names",
        "code_offset",
        "code_size",
        "is_host",
        "locals",
    )
    @property
    def index(self) -> int: ...  # type: ignore[override]
    @property
    def name(self) -> str: ...
    @property
    def module_name(self) -> str: ...
    @property
    def debug_name(self) -> str: ...
    @property
    def type(self) -> FunctionType: ...
    @property
    def params(self) -> tuple[str, ...]: ...
    @property
    def results(self) -> tuple[str, ...]: ...
    @property
    def import_module(self) -> str | None: ...
    @property
    def import_name(self) -> str | None: ...
    @property
    def export_names(self) -> tuple[str, ...]: ...
    @property
    def param_names(self) -> tuple[str, ...]: ...
    @property
    def result_names(self) -> tuple[str, ...]: ...
    @property
    def code_offset(self) -> int: ...
    @property
    def code_size(self) -> int: ...
    @property
    def is_host(self) -> bool: ...
    @property
    def locals(self) -> tuple[tuple[int, str], ...]: ...

@final
class TableDefinition(
    structseq[Any],
    tuple[
        int,
        TableType,
        str | None,
        str | None,
        tuple[str, ...],
        Constant | None,
    ],
):
    __match_args__: Final = (
        "index",
        "type",
        "import_module",
        "import_name",
        "export_names",
        "init",
    )
    @property
    def index(self) -> int: ...  # type: ignore[override]
    @property
    def type(self) -> TableType: ...
    @property
    def import_module(self) -> str | None: ...
    @property
    def import_name(self) -> str | None: ...
    @property
    def export_names(self) -> tuple[str, ...]: ...
    @property
    def init(self) -> Constant | None: ...

@final
class MemoryDefinition(
    structseq[Any],
    tuple[
        int,
        MemoryType,
        str | None,
        str | None,
        tuple[str, ...],
    ],
):
    __match_args__: Final = (
        "index",
        "type",
        "import_module",
        "import_name",
        "export_names",
    )
    @property
    def index(self) -> int: ...  # type: ignore[override]
    @property
    def type(self) -> MemoryType: ...
    @property
    def import_module(self) -> str | None: ...
    @property
    def import_name(self) -> str | None: ...
    @property
    def export_names(self) -> tuple[str, ...]: ...

@final
class GlobalDefinition(
    structseq[Any],
    tuple[
        int,
        GlobalType,
        str | None,
        str | None,
        tuple[str, ...],
        Constant | None,
    ],
):
    __match_args__: Final = (
        "index",
        "type",
        "import_module",
        "import_name",
        "export_names",
        "init",
    )
    @property
    def index(self) -> int: ...  # type: ignore[override]
    @property
    def type(self) -> GlobalType: ...
    @property
    def import_module(self) -> str | None: ...
    @property
    def import_name(self) -> str | None: ...
    @property
    def export_names(self) -> tuple[str, ...]: ...
    @property
    def init(self) -> Constant | None: ...

@final
class TagDefinition(
    structseq[Any],
    tuple[
        int,
        TagType,
        str | None,
        str | None,
        tuple[str, ...],
    ],
):
    __match_args__: Final = (
        "index",
        "type",
        "import_module",
        "import_name",
        "export_names",
    )
    @property
    def index(self) -> int: ...  # type: ignore[override]
    @property
    def type(self) -> TagType: ...
    @property
    def import_module(self) -> str | None: ...
    @property
    def import_name(self) -> str | None: ...
    @property
    def export_names(self) -> tuple[str, ...]: ...

@final
class Constant(
    structseq[Any],
    tuple[
        str,
        int | float | bytes | str | None,
    ],
):
    __match_args__: Final = (
        "op",
        "value",
    )
    @property
    def op(self) -> str: ...
    @property
    def value(self) -> int | float | bytes | str | None: ...

@final
class ElementSegment(
    structseq[Any],
    tuple[
        int,
        Literal["active", "passive", "declarative"],
        int | None,
        int | None,
        Constant | None,
        str,
        int,
    ],
):
    __match_args__: Final = (
        "index",
        "mode",
        "table",
        "offset",
        "expression",
        "type",
        "count",
    )
    @property
    def index(self) -> int: ...  # type: ignore[override]
    @property
    def mode(self) -> Literal["active", "passive", "declarative"]: ...
    @property
    def table(self) -> int | None: ...
    @property
    def offset(self) -> int | None: ...
    @property
    def expression(self) -> Constant | None: ...
    @property
    def type(self) -> str: ...
    @property
    def count(self) -> int: ...  # type: ignore[override]

@final
class DataSegment(
    structseq[Any],
    tuple[
        int,
        Literal["active", "passive"],
        int | None,
        int | None,
        Constant | None,
        int,
        int,
    ],
):
    __match_args__: Final = (
        "index",
        "mode",
        "memory",
        "offset",
        "expression",
        "size",
        "position",
    )
    @property
    def index(self) -> int: ...  # type: ignore[override]
    @property
    def mode(self) -> Literal["active", "passive"]: ...
    @property
    def memory(self) -> int | None: ...
    @property
    def offset(self) -> int | None: ...
    @property
    def expression(self) -> Constant | None: ...
    @property
    def size(self) -> int: ...
    @property
    def position(self) -> int: ...

@final
class Section(
    structseq[Any],
    tuple[
        int,
        str,
        int,
        int,
    ],
):
    __match_args__: Final = (
        "id",
        "name",
        "offset",
        "size",
    )
    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def offset(self) -> int: ...
    @property
    def size(self) -> int: ...

@final
class Names(
    structseq[Any],
    tuple[
        str,
        Mapping[int, str],
        Mapping[int, Mapping[int, str]],
        Mapping[int, Mapping[int, str]],
        Mapping[int, str],
        Mapping[int, str],
        Mapping[int, str],
        Mapping[int, str],
        Mapping[int, str],
        Mapping[int, str],
        Mapping[int, Mapping[int, str]],
        Mapping[int, str],
    ],
):
    __match_args__: Final = (
        "module",
        "functions",
        "locals",
        "labels",
        "types",
        "tables",
        "memories",
        "globals",
        "elements",
        "data",
        "fields",
        "tags",
    )
    @property
    def module(self) -> str: ...
    @property
    def functions(self) -> Mapping[int, str]: ...
    @property
    def locals(self) -> Mapping[int, Mapping[int, str]]: ...
    @property
    def labels(self) -> Mapping[int, Mapping[int, str]]: ...
    @property
    def types(self) -> Mapping[int, str]: ...
    @property
    def tables(self) -> Mapping[int, str]: ...
    @property
    def memories(self) -> Mapping[int, str]: ...
    @property
    def globals(self) -> Mapping[int, str]: ...
    @property
    def elements(self) -> Mapping[int, str]: ...
    @property
    def data(self) -> Mapping[int, str]: ...
    @property
    def fields(self) -> Mapping[int, Mapping[int, str]]: ...
    @property
    def tags(self) -> Mapping[int, str]: ...

@final
class CustomSection:
    @property
    def name(self) -> str: ...
    @property
    def data(self) -> bytes: ...
    @property
    def offset(self) -> int: ...
    @property
    def size(self) -> int: ...
    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

@final
class Inspection:
    @property
    def name(self) -> str: ...
    @property
    def start(self) -> int | None: ...
    @property
    def types(self) -> tuple[FunctionType, ...]: ...
    @property
    def imports(self) -> tuple[ImportType, ...]: ...
    @property
    def exports(self) -> tuple[ExportType, ...]: ...
    @property
    def functions(self) -> tuple[FunctionDefinition, ...]: ...
    @property
    def tables(self) -> tuple[TableDefinition, ...]: ...
    @property
    def memories(self) -> tuple[MemoryDefinition, ...]: ...
    @property
    def globals(self) -> tuple[GlobalDefinition, ...]: ...
    @property
    def tags(self) -> tuple[TagDefinition, ...]: ...
    @property
    def elements(self) -> tuple[ElementSegment, ...]: ...
    @property
    def data(self) -> tuple[DataSegment, ...]: ...
    @property
    def sections(self) -> tuple[Section, ...]: ...
    @property
    def custom_sections(self) -> tuple[CustomSection, ...]: ...
    @property
    def names(self) -> Names: ...
    def to_dict(self) -> dict[str, Any]: ...

@final
class StackFrame(structseq[Any], tuple[FunctionDefinition, int, int]):
    __match_args__: Final = ("function", "program_counter", "source_offset")
    @property
    def function(self) -> FunctionDefinition: ...
    @property
    def program_counter(self) -> int: ...
    @property
    def source_offset(self) -> int: ...

@final
class Snapshot:
    def restore(self, /, *results: _Number) -> NoReturn: ...

@final
class FunctionCall:
    @property
    def module(self) -> Module | None: ...
    @property
    def function(self) -> FunctionDefinition: ...
    @property
    def params(self) -> tuple[Any, ...] | None: ...
    @property
    def results(self) -> tuple[Any, ...] | None: ...
    @property
    def error(self) -> BaseException | None: ...
    @property
    def stack(self) -> tuple[StackFrame, ...]: ...

@final
class HostFunction:
    @property
    def callable(self) -> Callable[..., object]: ...
    @property
    def params(self) -> tuple[str, ...] | None: ...
    @property
    def results(self) -> tuple[str, ...] | None: ...
    @property
    def caller(self) -> bool: ...
    @property
    def name(self) -> str | None: ...
    @property
    def param_names(self) -> tuple[str, ...] | None: ...
    @property
    def result_names(self) -> tuple[str, ...] | None: ...

@final
class CompilationCache:
    def __new__(
        cls, directory: _Path | None = None, *, max_size: int | str | None = None
    ) -> Self: ...
    @property
    def directory(self) -> str | None: ...
    @property
    def max_size(self) -> int | None: ...
    @property
    def closed(self) -> bool: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        type: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

@disjoint_base
class MemoryFiles:
    def __new__(
        cls,
        max_bytes: int | str | None = None,
        max_files: SupportsIndex | None = None,
    ) -> Self: ...
    def _read(self, path: _Path, /) -> bytes: ...
    def _write(self, path: _Path, data: Buffer, /) -> None: ...
    def _fill(self, files: _Files, /) -> None: ...
    def _mkdir(self, path: _Path, /) -> None: ...
    def _remove(self, path: _Path, deep: bool, /) -> None: ...
    def _kind(self, path: _Path, /) -> str: ...
    def _list(self, path: _Path, deep: bool, /) -> list[tuple[str, str]]: ...
    def _usage(self) -> tuple[int, int, int, int]: ...

@disjoint_base
class OverlayFiles(MemoryFiles):
    def __new__(cls, lower: _Path | _FileSystem, upper: MemoryFiles) -> Self: ...
    def _deleted(self) -> list[str]: ...
    @property
    def lower(self) -> _Path | _FileSystem: ...
    @property
    def upper(self) -> MemoryFS: ...

@final
class Usage(
    structseq[Any], tuple[float, float, int, int | None, int | None, int | None]
):
    __match_args__: Final = (
        "wall_time",
        "cpu_time",
        "peak_memory_pages",
        "files_opened",
        "bytes_read",
        "bytes_written",
    )
    @property
    def wall_time(self) -> float: ...
    @property
    def cpu_time(self) -> float: ...
    @property
    def peak_memory_pages(self) -> int: ...
    @property
    def files_opened(self) -> int | None: ...
    @property
    def bytes_read(self) -> int | None: ...
    @property
    def bytes_written(self) -> int | None: ...

_TraceValue: TypeAlias = int | str | tuple[int, ...] | None

@final
class WasiCall:
    @property
    def module(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def args(self) -> dict[str, _TraceValue]: ...
    @property
    def results(self) -> dict[str, _TraceValue]: ...
    @property
    def errno(self) -> int | None: ...
    @property
    def error(self) -> str | None: ...
    @property
    def time(self) -> float: ...
    @property
    def duration(self) -> float: ...

@final
class Trace:
    def __new__(cls, limit: int | str | None = None) -> Self: ...
    @property
    def dropped(self) -> int: ...
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, key: SupportsIndex, /) -> WasiCall: ...
    @overload
    def __getitem__(self, key: slice, /) -> list[WasiCall]: ...
    def __iter__(self) -> Iterator[WasiCall]: ...

@final
class Dir:
    def __new__(
        cls,
        host: _Path,
        readonly: bool = False,
        *,
        max_bytes: int | str | None = None,
        max_files: SupportsIndex | None = None,
    ) -> Self: ...
    @classmethod
    def _rebuild(
        cls,
        host: _Path,
        readonly: bool,
        max_bytes: int | None,
        max_files: int | None,
        /,
    ) -> Self: ...
    @property
    def max_bytes(self) -> int | None: ...
    @property
    def max_files(self) -> int | None: ...
    @property
    def used_bytes(self) -> int: ...
    @property
    def used_files(self) -> int: ...
    @property
    def host(self) -> str | bytes: ...
    @property
    def readonly(self) -> bool: ...

@final
class Runtime:
    def __new__(
        cls,
        config: RuntimeConfig | None = None,
        *,
        engine: Literal["auto", "compiler", "interpreter"] = "auto",
        memory_limit: int | str | None = None,
        table_limit: int | None = None,
        features: int | Iterable[str] | None = None,
        cache: CompilationCache | _Path | None = None,
        debug_info: bool = True,
        compilation_workers: int | None = None,
        memory_capacity_from_max: bool = False,
        custom_sections: bool = True,
    ) -> Self: ...
    @property
    def closed(self) -> bool: ...
    def compile(
        self,
        wasm: Buffer | os.PathLike[str],
        *,
        listener: _Listeners = None,
        log_calls: _Log | None = None,
        log_host: int | None = None,
    ) -> CompiledModule: ...
    def instantiate(
        self,
        wasm: Buffer | CompiledModule | os.PathLike[str],
        *,
        name: str | None = None,
        imports: _Imports | None = None,
        args: Sequence[_Path] | None = None,
        env: _Env = None,
        stdin: _Stdin = None,
        stdout: _Stdout = None,
        stderr: _Stdout = None,
        mounts: Mapping[str, _Mount] | None = None,
        fs: FSConfig | _FileSystem | None = None,
        listen: Iterable[_Address] | None = None,
        random: _Random = None,
        walltime: _Clock = None,
        nanotime: _Clock = None,
        nanosleep: _Sleep = None,
        osyield: _Yield = None,
        walltime_resolution: int | None = None,
        nanotime_resolution: int | None = None,
        start_functions: Sequence[str] | None = None,
        timeout: _Seconds | None = None,
        max_stack: int | str | None = None,
        memory_limit: int | str | None = None,
        on_close: Callable[[int], object] | None = None,
        wasi: Literal["libwazero", "wazero"] | None = None,
        assemblyscript: bool | AssemblyScript | None = None,
        output_limit: int | str | None = None,
        max_files: int | None = None,
        deterministic: bool | None = None,
        trace: _Trace = None,
        config: ModuleConfig | None = None,
        listener: _Listeners = None,
        log_calls: _Log | None = None,
        log_host: int | None = None,
    ) -> Module: ...
    def instantiate_file(
        self,
        path: _Path,
        *,
        name: str | None = None,
        imports: _Imports | None = None,
        args: Sequence[_Path] | None = None,
        env: _Env = None,
        stdin: _Stdin = None,
        stdout: _Stdout = None,
        stderr: _Stdout = None,
        mounts: Mapping[str, _Mount] | None = None,
        fs: FSConfig | _FileSystem | None = None,
        listen: Iterable[_Address] | None = None,
        random: _Random = None,
        walltime: _Clock = None,
        nanotime: _Clock = None,
        nanosleep: _Sleep = None,
        osyield: _Yield = None,
        walltime_resolution: int | None = None,
        nanotime_resolution: int | None = None,
        start_functions: Sequence[str] | None = None,
        timeout: _Seconds | None = None,
        max_stack: int | str | None = None,
        memory_limit: int | str | None = None,
        on_close: Callable[[int], object] | None = None,
        wasi: Literal["libwazero", "wazero"] | None = None,
        assemblyscript: bool | AssemblyScript | None = None,
        output_limit: int | str | None = None,
        max_files: int | None = None,
        deterministic: bool | None = None,
        trace: _Trace = None,
        config: ModuleConfig | None = None,
        listener: _Listeners = None,
        log_calls: _Log | None = None,
        log_host: int | None = None,
    ) -> Module: ...
    def host_module(
        self,
        name: str,
        functions: Mapping[str, Callable[..., object] | HostFunction],
        *,
        listener: _Listeners = None,
        log_calls: _Log | None = None,
        log_host: int | None = None,
    ) -> Module: ...
    def module(self, name: str, /) -> Module | None: ...
    def close(self, exit_code: int = 0) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        type: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

@final
class CompiledModule:
    @property
    def name(self) -> str: ...
    @property
    def imports(self) -> tuple[ImportType, ...]: ...
    @property
    def exports(self) -> tuple[ExportType, ...]: ...
    @property
    def custom_sections(self) -> tuple[CustomSection, ...]: ...
    def inspect(self) -> Inspection: ...
    @property
    def wasm(self) -> bytes: ...
    @property
    def runtime(self) -> Runtime: ...
    @property
    def closed(self) -> bool: ...
    def instantiate(
        self,
        *,
        name: str | None = None,
        imports: _Imports | None = None,
        args: Sequence[_Path] | None = None,
        env: _Env = None,
        stdin: _Stdin = None,
        stdout: _Stdout = None,
        stderr: _Stdout = None,
        mounts: Mapping[str, _Mount] | None = None,
        fs: FSConfig | _FileSystem | None = None,
        listen: Iterable[_Address] | None = None,
        random: _Random = None,
        walltime: _Clock = None,
        nanotime: _Clock = None,
        nanosleep: _Sleep = None,
        osyield: _Yield = None,
        walltime_resolution: int | None = None,
        nanotime_resolution: int | None = None,
        start_functions: Sequence[str] | None = None,
        timeout: _Seconds | None = None,
        max_stack: int | str | None = None,
        memory_limit: int | str | None = None,
        on_close: Callable[[int], object] | None = None,
        wasi: Literal["libwazero", "wazero"] | None = None,
        assemblyscript: bool | AssemblyScript | None = None,
        output_limit: int | str | None = None,
        max_files: int | None = None,
        deterministic: bool | None = None,
        trace: _Trace = None,
        config: ModuleConfig | None = None,
    ) -> Module: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        type: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

@final
class Module:
    @property
    def name(self) -> str: ...
    @property
    def exports(self) -> Exports: ...
    @property
    def memory(self) -> Memory: ...
    @property
    def globals(self) -> tuple[Global, ...]: ...
    @property
    def tables(self) -> tuple[Table, ...]: ...
    @property
    def closed(self) -> bool: ...
    @property
    def exit_code(self) -> int | None: ...
    @property
    def usage(self) -> Usage: ...
    @property
    def trace(self) -> Trace | None: ...
    @property
    def runtime(self) -> Runtime: ...
    @property
    def listen_addrs(self) -> tuple[tuple[str, int], ...]: ...
    @property
    def compiled(self) -> CompiledModule | None: ...
    def call(
        self,
        name: str,
        /,
        *args: _Number,
        timeout: _Seconds | None = None,
        snapshots: bool = False,
    ) -> Any: ...
    def interrupt(self) -> None: ...
    def close(self, exit_code: int = 0) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        type: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

@final
class Exports:
    def __getattr__(self, name: str, /) -> Any: ...
    def __getitem__(self, name: str, /) -> Any: ...
    def __len__(self) -> int: ...
    def __contains__(self, name: object, /) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
    def __dir__(self) -> list[str]: ...

@final
class Function:
    __name__: Final[str]
    __signature__: Final[Signature]
    @property
    def name(self) -> str: ...
    @property
    def type(self) -> FunctionType: ...
    @property
    def definition(self) -> FunctionDefinition: ...
    @property
    def params(self) -> tuple[str, ...]: ...
    @property
    def results(self) -> tuple[str, ...]: ...
    @property
    def module(self) -> Module | None: ...
    @property
    def interruptible(self) -> bool: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __call__(
        self,
        /,
        *args: Any,
        timeout: _Seconds | None = None,
        snapshots: bool = False,
    ) -> Any: ...
    @overload
    def map(
        self, /, *columns: _Column, out: None = None, timeout: _Seconds | None = None
    ) -> Any: ...
    @overload
    def map(
        self, /, *columns: _Column, out: _O, timeout: _Seconds | None = None
    ) -> _O: ...

@final
class Memory:
    def __new__(
        cls,
        runtime: Runtime,
        min: SupportsIndex,
        max: SupportsIndex | None = None,
        shared: bool = False,
    ) -> Self: ...
    @property
    def size(self) -> int: ...
    @property
    def pages(self) -> int: ...
    @property
    def type(self) -> MemoryType: ...
    @property
    def module(self) -> Module: ...
    def read(self, ptr: SupportsIndex, n: SupportsIndex) -> bytes: ...
    def write(self, ptr: SupportsIndex, data: Buffer) -> None: ...
    def read_str(
        self,
        ptr: SupportsIndex,
        n: SupportsIndex,
        encoding: str = "utf-8",
        errors: str = "strict",
    ) -> str: ...
    def write_str(
        self,
        ptr: SupportsIndex,
        text: str,
        encoding: str = "utf-8",
        errors: str = "strict",
    ) -> int: ...
    def read_cstr(
        self, ptr: SupportsIndex, encoding: str = "utf-8", errors: str = "strict"
    ) -> str: ...
    def unpack(self, format: str | bytes, ptr: SupportsIndex) -> tuple[Any, ...]: ...
    def pack(
        self, format: str | bytes, ptr: SupportsIndex, /, *values: Any
    ) -> None: ...
    def read_u8(self, ptr: SupportsIndex) -> int: ...
    def write_u8(self, ptr: SupportsIndex, value: SupportsIndex) -> None: ...
    def read_u16(self, ptr: SupportsIndex) -> int: ...
    def write_u16(self, ptr: SupportsIndex, value: SupportsIndex) -> None: ...
    def read_u32(self, ptr: SupportsIndex) -> int: ...
    def write_u32(self, ptr: SupportsIndex, value: SupportsIndex) -> None: ...
    def read_u64(self, ptr: SupportsIndex) -> int: ...
    def write_u64(self, ptr: SupportsIndex, value: SupportsIndex) -> None: ...
    def read_i8(self, ptr: SupportsIndex) -> int: ...
    def write_i8(self, ptr: SupportsIndex, value: SupportsIndex) -> None: ...
    def read_i16(self, ptr: SupportsIndex) -> int: ...
    def write_i16(self, ptr: SupportsIndex, value: SupportsIndex) -> None: ...
    def read_i32(self, ptr: SupportsIndex) -> int: ...
    def write_i32(self, ptr: SupportsIndex, value: SupportsIndex) -> None: ...
    def read_i64(self, ptr: SupportsIndex) -> int: ...
    def write_i64(self, ptr: SupportsIndex, value: SupportsIndex) -> None: ...
    def read_f32(self, ptr: SupportsIndex) -> float: ...
    def write_f32(self, ptr: SupportsIndex, value: SupportsFloat) -> None: ...
    def read_f64(self, ptr: SupportsIndex) -> float: ...
    def write_f64(self, ptr: SupportsIndex, value: SupportsFloat) -> None: ...
    def grow(self, delta: SupportsIndex) -> int: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[int]: ...
    @overload
    def __getitem__(self, key: SupportsIndex, /) -> int: ...
    @overload
    def __getitem__(self, key: slice, /) -> bytes: ...
    @overload
    def __setitem__(self, key: SupportsIndex, value: SupportsIndex, /) -> None: ...
    @overload
    def __setitem__(self, key: slice, value: Buffer, /) -> None: ...
    def __delitem__(self, key: Never, /) -> None: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def __release_buffer__(self, buffer: memoryview, /) -> None: ...

@final
class Table:
    def __new__(
        cls,
        runtime: Runtime,
        element: str,
        min: SupportsIndex,
        max: SupportsIndex | None = None,
        init: Any = None,
    ) -> Self: ...
    @property
    def type(self) -> TableType: ...
    @property
    def name(self) -> str: ...
    @property
    def module(self) -> Module: ...
    def get(self, index: SupportsIndex, /) -> Any: ...
    def set(self, index: SupportsIndex, value: Any) -> None: ...
    def grow(self, delta: SupportsIndex, init: Any = None) -> int: ...
    def lookup(
        self, index: SupportsIndex, params: Iterable[str], results: Iterable[str]
    ) -> Function: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Any]: ...
    @overload
    def __getitem__(self, key: SupportsIndex, /) -> Any: ...
    @overload
    def __getitem__(self, key: slice, /) -> list[Any]: ...
    @overload
    def __setitem__(self, key: SupportsIndex, value: Any, /) -> None: ...
    @overload
    def __setitem__(self, key: slice, value: Iterable[Any], /) -> None: ...
    def __delitem__(self, key: Never, /) -> None: ...

@final
class Tag:
    def __new__(cls, runtime: Runtime, params: Iterable[str]) -> Self: ...
    @property
    def type(self) -> TagType: ...
    @property
    def name(self) -> str: ...
    @property
    def module(self) -> Module: ...

@final
class Global:
    def __new__(
        cls, runtime: Runtime, type: str, value: Any, mutable: bool = False
    ) -> Self: ...
    @property
    def value(self) -> Any: ...
    @value.setter
    def value(self, value: Any, /) -> None: ...
    @property
    def type(self) -> GlobalType: ...
    @property
    def mutable(self) -> bool: ...
    @property
    def name(self) -> str: ...
    @property
    def module(self) -> Module: ...
