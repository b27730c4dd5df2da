"""wazero compile: fills a compilation cache, or says what is wrong with a module."""

from __future__ import annotations

import sys

from wazero.cli._common import (
    Failure,
    RuntimeFlags,
    compile_wasm,
    open_runtime,
    read_wasm,
    usage,
)
from wazero.cli._flags import FlagSet


def main(args: list[str]) -> int:
    flags = FlagSet("compile")
    help = flags.switch("h", "Prints usage.")
    count = flags.number(
        "count",
        "Number of times to perform the compilation. This is useful to benchmark "
        "performance of the wazero compiler.",
    )
    runtime_flags = RuntimeFlags(flags)
    rest = flags.parse(args)
    line = "compile <options> <path to wasm file>"
    if help.value:
        sys.stderr.write(usage(flags, line))
        return 0
    if not rest:
        sys.stderr.write("missing path to wasm file\n" + usage(flags, line))
        return 1
    try:
        wasm = read_wasm(rest[0])
        with open_runtime(runtime_flags.options()) as runtime:
            for _ in range(count.value):
                compile_wasm(runtime, wasm).close()
    except Failure as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    return 0
