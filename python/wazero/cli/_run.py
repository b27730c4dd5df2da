"""wazero run: runs a WASI program with the flags of wazero's own command."""

from __future__ import annotations

import os
import sys

from wazero.cli._common import Failure, compile_wasm, open_runtime, read_wasm, usage
from wazero.cli._flags import FlagSet, format_duration
from wazero.cli._program import ProgramFlags, run_guest

LINE = "run <options> <path to wasm file> [--] <wasm args>"


def main(args: list[str]) -> int:
    flags = FlagSet("run")
    help = flags.switch("h", "Prints usage.")
    program = ProgramFlags(flags)
    rest = flags.parse(args)
    if help.value:
        sys.stderr.write(usage(flags, LINE))
        return 0
    if not rest:
        sys.stderr.write("missing path to wasm file\n" + usage(flags, LINE))
        return 1
    path, *wasm_args = rest
    if len(wasm_args) > 1 and wasm_args[0] == "--":
        del wasm_args[0]
    try:
        options = program.module_options()
        wasm = read_wasm(path)
        runtime_options = program.runtime_options()
        if program.timeout.value < 0:
            duration = format_duration(program.timeout.value)
            raise Failure(
                f"timeout duration may not be negative, {duration} given\n"
                + usage(flags, LINE).rstrip("\n")
            )
        options["listen"] = program.listens()
        options["args"] = [os.path.basename(path), *wasm_args]
        with open_runtime(runtime_options) as runtime:
            compiled = compile_wasm(runtime, wasm, **program.compile_options())
            return run_guest(
                program,
                lambda: compiled.instantiate(timeout=program.left(), **options).close(),
            )
    except Failure as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
