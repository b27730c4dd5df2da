from ._annotations import F32 as F32
from ._annotations import F64 as F64
from ._annotations import I32 as I32
from ._annotations import I64 as I64
from ._annotations import V128 as V128
from ._annotations import ExternRef as ExternRef
from ._annotations import FuncRef as FuncRef
from ._arun import arun as arun
from ._cache import default_cache as default_cache
from ._host import HostModule as HostModule
from ._memory_fs import MemoryFS as MemoryFS
from ._memory_fs import Overlay as Overlay
from ._run import CompletedRun as CompletedRun
from ._run import run as run
from ._wazero import EXIT_CODE_CONTEXT_CANCELED as EXIT_CODE_CONTEXT_CANCELED
from ._wazero import EXIT_CODE_DEADLINE_EXCEEDED as EXIT_CODE_DEADLINE_EXCEEDED
from ._wazero import INHERIT as INHERIT
from ._wazero import ClosedError as ClosedError
from ._wazero import CompilationCache as CompilationCache
from ._wazero import CompiledModule as CompiledModule
from ._wazero import CompileError as CompileError
from ._wazero import Constant as Constant
from ._wazero import CustomSection as CustomSection
from ._wazero import DataSegment as DataSegment
from ._wazero import Dir as Dir
from ._wazero import ElementSegment as ElementSegment
from ._wazero import ExitError as ExitError
from ._wazero import Exports as Exports
from ._wazero import ExportType as ExportType
from ._wazero import ForkedError as ForkedError
from ._wazero import Frame as Frame
from ._wazero import Function as Function
from ._wazero import FunctionCall as FunctionCall
from ._wazero import FunctionDefinition as FunctionDefinition
from ._wazero import FunctionType as FunctionType
from ._wazero import Global as Global
from ._wazero import GlobalDefinition as GlobalDefinition
from ._wazero import GlobalType as GlobalType
from ._wazero import HostFunction as HostFunction
from ._wazero import ImportType as ImportType
from ._wazero import Inspection as Inspection
from ._wazero import Interrupted as Interrupted
from ._wazero import LinkError as LinkError
from ._wazero import Memory as Memory
from ._wazero import MemoryDefinition as MemoryDefinition
from ._wazero import MemoryType as MemoryType
from ._wazero import Module as Module
from ._wazero import Names as Names
from ._wazero import OutputLimitError as OutputLimitError
from ._wazero import Runtime as Runtime
from ._wazero import Section as Section
from ._wazero import Snapshot as Snapshot
from ._wazero import SnapshotRestore as SnapshotRestore
from ._wazero import StackFrame as StackFrame
from ._wazero import Table as Table
from ._wazero import TableDefinition as TableDefinition
from ._wazero import TableType as TableType
from ._wazero import Tag as Tag
from ._wazero import TagDefinition as TagDefinition
from ._wazero import TagType as TagType
from ._wazero import Timeout as Timeout
from ._wazero import Trace as Trace
from ._wazero import Trap as Trap
from ._wazero import Usage as Usage
from ._wazero import WasiCall as WasiCall
from ._wazero import WazeroError as WazeroError
from ._wazero import compiler_supported as compiler_supported
from ._wazero import engine_version as engine_version
from ._wazero import func as func
from ._wazero import inspect as inspect
from ._wazero import snapshot as snapshot
from ._wazero import validate as validate
from ._wazero import version as version
from .config import AssemblyScript as AssemblyScript
from .config import Features as Features
from .config import FSConfig as FSConfig
from .config import LogScope as LogScope
from .config import ModuleConfig as ModuleConfig
from .config import RuntimeConfig as RuntimeConfig
from .files import BaseFileSystem as BaseFileSystem
from .files import FileSystem as FileSystem
from .files import Stat as Stat
from .trap import TrapCode as TrapCode

__all__ = [
    "EXIT_CODE_CONTEXT_CANCELED",
    "EXIT_CODE_DEADLINE_EXCEEDED",
    "F32",
    "F64",
    "I32",
    "I64",
    "INHERIT",
    "V128",
    "AssemblyScript",
    "BaseFileSystem",
    "ClosedError",
    "CompilationCache",
    "CompileError",
    "CompiledModule",
    "CompletedRun",
    "Constant",
    "CustomSection",
    "DataSegment",
    "Dir",
    "ElementSegment",
    "ExitError",
    "ExportType",
    "Exports",
    "ExternRef",
    "FSConfig",
    "Features",
    "FileSystem",
    "ForkedError",
    "Frame",
    "FuncRef",
    "Function",
    "FunctionCall",
    "FunctionDefinition",
    "FunctionType",
    "Global",
    "GlobalDefinition",
    "GlobalType",
    "HostFunction",
    "HostModule",
    "ImportType",
    "Inspection",
    "Interrupted",
    "LinkError",
    "LogScope",
    "Memory",
    "MemoryDefinition",
    "MemoryFS",
    "MemoryType",
    "Module",
    "ModuleConfig",
    "Names",
    "OutputLimitError",
    "Overlay",
    "Runtime",
    "RuntimeConfig",
    "Section",
    "Snapshot",
    "SnapshotRestore",
    "StackFrame",
    "Stat",
    "Table",
    "TableDefinition",
    "TableType",
    "Tag",
    "TagDefinition",
    "TagType",
    "Timeout",
    "Trace",
    "Trap",
    "TrapCode",
    "Usage",
    "WasiCall",
    "WazeroError",
    "arun",
    "compiler_supported",
    "default_cache",
    "engine_version",
    "func",
    "inspect",
    "run",
    "snapshot",
    "validate",
    "version",
]

__version__: str

def __dir__() -> list[str]: ...
def _rebuild_compiled(wasm: bytes, options: dict[str, object]) -> CompiledModule: ...
