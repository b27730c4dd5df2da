"""wazero compile: fills a compilation cache, or says what is wrong with a module."""

from __future__ import annotations

from wazero.cli._common import (
    Command,
    RuntimeFlags,
    compile_wasm,
    open_runtime,
    read_wasm,
)

TYPE_CHECKING = False  # what type checkers take for True, without importing typing
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(args: Sequence[str]) -> int:
    command = Command("compile", "compile <options> <path to wasm file>")
    count = command.flags.number(
        "count",
        "Number of times to perform the compilation. This is useful to benchmark "
        "performance of the wazero compiler.",
    )
    runtime_flags = RuntimeFlags(command.flags)
    path, *_ = command.operands(args)
    wasm = read_wasm(path)
    with open_runtime(runtime_flags.options()) as runtime:
        for _ in range(count.value):
            compile_wasm(runtime, wasm).close()
    return 0
