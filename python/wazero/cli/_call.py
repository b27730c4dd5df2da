"""wazero call: calls an exported function with arguments of its own types."""

from __future__ import annotations

import os

from wazero._wazero import FunctionType
from wazero.cli._common import (
    Command,
    compile_wasm,
    open_runtime,
    read_wasm,
)
from wazero.cli._program import ProgramFlags, run_guest
from wazero.cli._text import Failure, answer, quote, visible
from wazero.cli._values import parse_value, plain_value, value_text

TYPE_CHECKING = False  # what type checkers take for True, without importing typing
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from wazero._wazero import CompiledModule

# How many names a message lists; among how many, and how long ones, the nearest are
# looked for.
NAMES, LOOKED_AT, CHARACTERS = 5, 1000, 100
# What is added where one seems to be meant.
FLAGS = "; flags come before the path"


def main(args: Sequence[str]) -> int:
    command = Command(
        "call",
        "call <options> <path to wasm file, or - for stdin> <function> <arguments>",
    )
    program = ProgramFlags(command.flags)
    json = command.flags.switch("json", "Writes the results as JSON.")
    path, *rest = command.operands(args)
    if not rest:
        raise Failure("error: missing name of the function")
    name, *words = rest
    if words[:1] == ["--"]:  # as in front of what run passes on
        del words[0]
    options = program.module_options()
    wasm = read_wasm(path, stdin=True)
    runtime_options = program.runtime_options()
    program.check_timeout(command)
    options["listen"] = program.listens()
    options["args"] = [os.path.basename(path)]
    with open_runtime(runtime_options) as runtime:
        compiled = compile_wasm(runtime, wasm, **program.compile_options())
        type = _function_type(compiled, name)
        values = _arguments(name, type, words)
        results: list[Any] = []
        # The beginning of a program would end it: only that of a library runs.
        first = ["_initialize"] if name != "_initialize" else []

        def call() -> None:
            module = compiled.instantiate(
                timeout=program.left(), start_functions=first, **options
            )
            result = module.exports[name](*values, timeout=program.left())
            many = len(type.results) != 1
            results.extend((result or ()) if many else [result])

        code = run_guest(program, f"calling {visible(name)}", call)
        if code == 0 and (results or json.value):
            answer(_results_text(type, results, json.value))
    return code


def _is_flag(word: str) -> bool:
    return word[:1] == "-" and word.lstrip("-")[:1].isalpha()


def _function_type(compiled: CompiledModule, name: str) -> FunctionType:
    functions = []
    for export in compiled.exports:
        if export.name != name:
            if isinstance(export.type, FunctionType):
                functions.append(export.name)
        elif isinstance(export.type, FunctionType):
            return export.type
        else:
            raise Failure(f"error: the export {quote(name)} is a {export.kind}")
    if not functions:
        raise Failure(
            f"error: there is no function {quote(name)}: the module exports none"
        )
    from difflib import get_close_matches

    candidates = [one for one in functions[:LOOKED_AT] if len(one) <= CHARACTERS]
    near = get_close_matches(name[:CHARACTERS], candidates, NAMES)
    told = "did you mean " if near else "there are "
    told += ", ".join(map(quote, near or candidates[:NAMES])) + ("?" if near else "")
    if not near and len(functions) > NAMES:
        told += f" and {len(functions) - NAMES} more"
    hint = FLAGS if _is_flag(name) else ""
    raise Failure(f"error: there is no function {quote(name)}; {told}{hint}")


def _arguments(name: str, type: FunctionType, words: list[str]) -> list[Any]:
    if len(words) != len(type.params):
        flags = any(
            word[:1] == "-" and word.lstrip("-")[:1].isalpha() for word in words
        )
        hint = "; flags come before the path" if flags else ""
        takes = (
            "1 argument" if len(type.params) == 1 else f"{len(type.params)} arguments"
        )
        raise Failure(
            f"error: {_signature(name, type)} takes {takes}, not {len(words)}{hint}"
        )
    values = []
    for number, (word, kind) in enumerate(zip(words, type.params, strict=True), 1):
        try:
            values.append(parse_value(word, kind))
        except ValueError as error:
            raise Failure(
                f"error: argument {number} of {_signature(name, type)}: "
                f"{quote(word)} {error}"
            ) from None
    return values


def _signature(name: str, type: FunctionType) -> str:
    results = ", ".join(type.results)
    return f"{visible(name)}({', '.join(type.params)})" + (
        f" -> {results}" if len(type.results) == 1 else f" -> ({results})"
    )


def _results_text(type: FunctionType, results: list[Any], json: bool) -> str:
    pairs = list(zip(results, type.results, strict=True))
    if not json:
        return "".join(f"{value_text(value, kind)}\n" for value, kind in pairs)
    from json import dumps

    return (
        dumps(
            {
                "results": [
                    {"type": kind, "value": plain_value(value, kind)}
                    for value, kind in pairs
                ]
            }
        )
        + "\n"
    )
