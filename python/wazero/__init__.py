"""wazero for Python: run WebAssembly with the wazero runtime.

    import wazero

    with wazero.Runtime() as rt:
        mod = rt.instantiate(wasm)
        mod.exports.add(5, 7)

The engine is loaded when the first Runtime is made. What is slow to import
(dataclasses, enum, inspect) is imported when its name is first used.
"""

from wazero._wazero import (
    EXIT_CODE_CONTEXT_CANCELED,
    EXIT_CODE_DEADLINE_EXCEEDED,
    INHERIT,
    ClosedError,
    CompilationCache,
    CompiledModule,
    CompileError,
    Constant,
    CustomSection,
    DataSegment,
    Dir,
    ElementSegment,
    ExitError,
    Exports,
    ExportType,
    ForkedError,
    Frame,
    Function,
    FunctionCall,
    FunctionDefinition,
    FunctionType,
    Global,
    GlobalDefinition,
    GlobalType,
    HostFunction,
    ImportType,
    Inspection,
    Interrupted,
    LinkError,
    Memory,
    MemoryDefinition,
    MemoryType,
    Module,
    Names,
    OutputLimitError,
    Runtime,
    Section,
    Snapshot,
    SnapshotRestore,
    StackFrame,
    Table,
    TableDefinition,
    TableType,
    Tag,
    TagDefinition,
    TagType,
    Timeout,
    Trace,
    Trap,
    Usage,
    WasiCall,
    WazeroError,
    compiler_supported,
    engine_version,
    func,
    inspect,
    snapshot,
    validate,
    version,
)

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

TYPE_CHECKING = False  # what type checkers take for True, without importing typing
if TYPE_CHECKING:
    from typing import Any

    from wazero._annotations import F32, F64, I32, I64, V128, ExternRef, FuncRef
    from wazero._arun import arun
    from wazero._cache import default_cache
    from wazero._host import HostModule
    from wazero._memory_fs import MemoryFS, Overlay
    from wazero._run import CompletedRun, run
    from wazero.config import (
        AssemblyScript,
        Features,
        FSConfig,
        LogScope,
        ModuleConfig,
        RuntimeConfig,
    )
    from wazero.files import BaseFileSystem, FileSystem, Stat
    from wazero.trap import TrapCode

__version__ = version()

_LAZY = {
    "AssemblyScript": "config",
    "BaseFileSystem": "files",
    "CompletedRun": "_run",
    "ExternRef": "_annotations",
    "F32": "_annotations",
    "F64": "_annotations",
    "FSConfig": "config",
    "Features": "config",
    "FileSystem": "files",
    "HostModule": "_host",
    "FuncRef": "_annotations",
    "I32": "_annotations",
    "I64": "_annotations",
    "LogScope": "config",
    "MemoryFS": "_memory_fs",
    "ModuleConfig": "config",
    "Overlay": "_memory_fs",
    "RuntimeConfig": "config",
    "Stat": "files",
    "TrapCode": "trap",
    "default_cache": "_cache",
    "V128": "_annotations",
    "arun": "_arun",
    "run": "_run",
}


def __getattr__(name: str) -> object:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module 'wazero' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"wazero.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _rebuild_compiled(wasm: bytes, options: "dict[str, Any]") -> CompiledModule:
    """What unpickling a CompiledModule calls."""
    return Runtime(**options).compile(wasm)
