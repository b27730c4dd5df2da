"""The official test suite of WebAssembly, as wazero's module ships it.

It is read from the module cache of Go and never copied. Each folder has files of
commands in JSON, as wast2json and wasm-tools write it, and the modules that they name.
Here a command becomes a Step, in which nothing is left to interpret: the runners
through Python and through C do what it says and compare bits.
"""

import functools
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from wazero import Features

ROOT = Path(__file__).resolve().parents[2]
MODULE = "github.com/tetratelabs/wazero"
PACKAGE = f"{MODULE}/internal/integration_test/spectest"

# The features of each folder: those of the spec_test.go in it.
FOLDERS = {
    "v1": Features.V1,
    "v2": Features.V2,
    "extended-const": Features.V2 | Features.EXTENDED_CONST,
    "tail-call": Features.V2 | Features.TAIL_CALL,
    "threads": Features.V2 | Features.THREADS,
    "typed-function-references": (
        Features.V2 | Features.TAIL_CALL | Features.TYPED_FUNCTION_REFERENCES
    ),
    "exception-handling": (
        Features.V2
        | Features.TAIL_CALL
        | Features.EXCEPTION_HANDLING
        | Features.TYPED_FUNCTION_REFERENCES
    ),
}

REFERENCES = {"externref", "funcref", "exnref", "refnull"}
ALL = (1 << 128) - 1

# What may be left of a result, as (mask, bits): a canonical NaN has either sign, and an
# arithmetic one any payload with the quiet bit set.
NANS = {
    ("nan:canonical", 32): (0x7FFFFFFF, 0x7FC00000),
    ("nan:arithmetic", 32): (0x7FC00000, 0x7FC00000),
    ("nan:canonical", 64): (0x7FFFFFFFFFFFFFFF, 0x7FF8000000000000),
    ("nan:arithmetic", 64): (0x7FF8000000000000, 0x7FF8000000000000),
}

# The trap for each text of the suite.
TRAPS = {
    "call stack exhausted": "stack overflow",
    "expected shared memory": "expected shared memory",
    "indirect call": "indirect call type mismatch",
    "indirect call type mismatch": "indirect call type mismatch",
    "integer divide by zero": "integer divide by zero",
    "integer overflow": "integer overflow",
    "invalid conversion to integer": "invalid conversion to integer",
    "null function reference": "null reference",
    "null reference": "null reference",
    "out of bounds memory access": "out of bounds memory access",
    "out of bounds table access": "invalid table access",
    "unaligned atomic": "unaligned atomic",
    "undefined": "invalid table access",
    "undefined element": "invalid table access",
    "uninitialized": "invalid table access",
    "uninitialized element": "invalid table access",
    "uninitialized element 2": "invalid table access",
    "uninitialized element 7": "invalid table access",
    "unreachable": "unreachable",
}


@dataclass(slots=True)
class Value:
    """An argument, or what a result must be.

    `bits` of a number are its own, v128 has 128. Of an externref they are the suite's
    number plus one; of another reference 1; of null 0. A result is right if it differs
    from `bits` nowhere in `mask`.
    """

    type: str
    bits: int
    mask: int = ALL


@dataclass(slots=True)
class Step:
    """A command.

    do        what to do                       with
    -------   ------------------------------   -----------------------------------------
    module    instantiate                      path, name (in the script), register
    refuse    compile, instantiate, and fail   path, outcomes
    start     instantiate                      path
    call      call an exported function        module, field, args; results or outcomes
    get       read an exported global          module, field, results
    nothing   nothing

    outcomes has what may come of it: "compile", "link" or "trap:" and a text of
    TrapCode.
    """

    line: int
    type: str
    do: str
    path: Path | None = None
    name: str = ""
    register: str = ""
    module: str = ""
    field: str = ""
    args: tuple[Value, ...] = ()
    results: tuple[Value, ...] | None = None
    outcomes: tuple[str, ...] = ()


@functools.cache
def go():
    """The path of Go."""
    said = subprocess.run(
        [sys.executable, ROOT / "tools/find_go.py"],
        capture_output=True,
        text=True,
        check=True,
    )
    return said.stdout.strip()


GO_ENVIRONMENT = {
    "CGO_ENABLED": "1",
    "GOFLAGS": "-mod=readonly",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}


@functools.cache
def folder():
    """Where the suite is."""

    def run(*args):
        return subprocess.run(
            [go(), *args],
            cwd=ROOT / "engine",
            env={**os.environ, **GO_ENVIRONMENT},
            capture_output=True,
            text=True,
            check=True,
        )

    run("mod", "download", MODULE)
    found = run("list", "-m", "-f", "{{.Dir}}", MODULE)
    return Path(found.stdout.strip(), "internal/integration_test/spectest")


def files():
    """Each file of commands, as (folder, name)."""
    return [
        (name, path.stem)
        for name in FOLDERS
        for path in sorted(folder().glob(f"{name}/testdata/*.json"))
    ]


def spectest():
    """The module that the suite's modules import, as wazero's runner has it."""
    return folder() / "testdata/spectest.wasm"


def _lane(text, width):
    """The (mask, bits) of a number."""
    if (text, width) in NANS:
        return NANS[text, width]
    full = (1 << width) - 1
    return full, int(text) & full


def _value(entry):
    type, value = entry["type"], entry.get("value")
    if type in REFERENCES:
        if type == "refnull" or value == "null":
            return Value(type, 0)
        if value is None:
            return Value(type, 1, 1)
        assert type == "externref", entry
        return Value(type, int(value) + 1)
    if type != "v128":
        mask, bits = _lane(value, int(type[1:]))
        return Value(type, bits, mask)
    width = int(entry["lane_type"][1:])
    assert len(value) * width == 128, entry
    lanes = [_lane(text, width) for text in value]
    mask = sum(lane[0] << i * width for i, lane in enumerate(lanes))
    bits = sum(lane[1] << i * width for i, lane in enumerate(lanes))
    return Value(type, bits, mask)


def _act(command, **expected):
    """A command with an action; `results` or `outcomes` is what must come of it."""
    action = command["action"]
    return Step(
        command["line"],
        command["type"],
        {"invoke": "call", "get": "get"}[action["type"]],
        module=action.get("module", ""),
        field=action["field"],
        args=tuple(map(_value, action.get("args", ()))),
        **expected,
    )


def _trap(text):
    return (f"trap:{TRAPS[text]}",)


def _unlinkable(text):
    """Segments that do not fit are found by the engine and not by the linker; with the
    features of version 1, if the offset is a constant, when it compiles."""
    if text == "data segment does not fit":
        return _trap("out of bounds memory access")
    if text == "elements segment does not fit":
        return ("compile", *_trap("out of bounds table access"))
    assert text in ("unknown import", "incompatible import type"), text
    return ("link",)


def _step(command, following, data):
    line, type, text = command["line"], command["type"], command.get("text", "")
    path = data / command["filename"] if "filename" in command else None
    if type == "module":
        register = following["as"] if following.get("type") == "register" else ""
        name = command.get("name", "")
        return Step(line, type, "module", path=path, name=name, register=register)
    if type in ("assert_return", "action"):
        return _act(command, results=tuple(map(_value, command.get("expected", ()))))
    if type in ("assert_trap", "assert_exhaustion"):
        return _act(command, outcomes=_trap(text))
    if type == "assert_exception":
        return _act(command, outcomes=("trap:uncaught exception",))
    # The text format is not wazero's, and so not ours.
    if type == "assert_malformed" and command["module_type"] == "text":
        return Step(line, type, "nothing")
    if type in ("assert_malformed", "assert_invalid"):
        return Step(line, type, "refuse", path=path, outcomes=("compile",))
    if type == "assert_unlinkable":
        return Step(line, type, "refuse", path=path, outcomes=_unlinkable(text))
    assert type == "assert_uninstantiable", command
    # wazero leaves out the elements behind the end of a table, and goes on.
    if text == "out of bounds table access":
        return Step(line, type, "start", path=path)
    return Step(line, type, "refuse", path=path, outcomes=_trap(text))


def steps(folder_name, name):
    """The commands of a file. A `register` is done by the `module` before it."""
    data = folder() / folder_name / "testdata"
    with open(data / f"{name}.json", "rb") as file:
        commands = json.load(file)["commands"]
    made = []
    for command, following in zip(commands, [*commands[1:], {}], strict=True):
        if command["type"] == "register":
            assert made[-1].register == command["as"]
            made.append(Step(command["line"], "register", "nothing"))
        else:
            made.append(_step(command, following, data))
    return made
