"""wazero run: runs a WASI program with the flags of wazero's own command."""

from __future__ import annotations

import os

from wazero.cli._common import Command, compile_wasm, open_runtime, read_wasm
from wazero.cli._program import ProgramFlags, run_guest

TYPE_CHECKING = False  # what type checkers take for True, without importing typing
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(args: Sequence[str]) -> int:
    command = Command("run", "run <options> <path to wasm file> [--] <wasm args>")
    program = ProgramFlags(command.flags)
    path, *wasm_args = command.operands(args)
    if len(wasm_args) > 1 and wasm_args[0] == "--":
        del wasm_args[0]
    options = program.module_options()
    wasm = read_wasm(path)
    runtime_options = program.runtime_options()
    program.check_timeout(command)
    options["listen"] = program.listens()
    options["args"] = [os.path.basename(path), *wasm_args]
    with open_runtime(runtime_options) as runtime:
        compiled = compile_wasm(runtime, wasm, **program.compile_options())
        return run_guest(
            program,
            "instantiating wasm binary",
            lambda: compiled.instantiate(timeout=program.left(), **options).close(),
        )
