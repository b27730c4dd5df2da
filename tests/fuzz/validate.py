"""Mutated modules of the official suite: wazero.validate and wasmtime must agree.

    validate.py SECONDS [SEED]

wasmtime's validator is written from the specification. What it refuses and we take
would mean something else here than elsewhere. Where the two differ is listed below,
with the reason; anything else fails.
"""

import collections
import random
import re
import sys
import time
from pathlib import Path

import wasmtime
import wazero

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "spec"))
import suite

OFF = [
    "wasm_custom_page_sizes",
    "wasm_exceptions",
    "wasm_function_references",
    "wasm_gc",
    "wasm_memory64",
    "wasm_multi_memory",
    "wasm_relaxed_simd",
    "wasm_stack_switching",
    "wasm_tail_call",
    "wasm_threads",
    "wasm_wide_arithmetic",
]

# Our messages for modules that wasmtime takes, and why.
STRICTER = [
    (r"^section custom: ", "wazero wants the names to be right"),
    (
        r" over limit of | the limit is ",
        "a limit that keeps Go from running out of memory",
    ),
    (r"not in its shortest form", "wazero would run the opcode's second byte"),
    (r"unsupported misc instruction in interpreterir", "a long form: wazero's defect"),
    (r"overflows a 32-bit integer", "a number of more than five bytes"),
]


def is_typed_select(error, wasm):
    """wazero does not look at the type that `select (result t)`, 0x1c 0x01 t, states:
    it goes by the operands, as for one without."""
    at = re.search(r"type mismatch.* \(at offset (0x[0-9a-f]+|\d+)\)", error)
    return bool(at) and b"\x1c\x01" in wasm[int(at[1], 0) - 8 : int(at[1], 0) + 2]


def make_validators():
    config = wasmtime.Config()
    for name in OFF:
        setattr(config, name, False)
    engine = wasmtime.Engine(config)

    def theirs(wasm):
        try:
            wasmtime.Module.validate(engine, wasm)
        except wasmtime.WasmtimeError as error:
            return str(error)
        return None

    def ours(wasm):
        try:
            wazero.validate(wasm)
        except wazero.CompileError as error:
            return str(error)
        return None

    return theirs, ours


def mutate(rng, wasm):
    wasm = bytearray(wasm)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(8, len(wasm))
        way = rng.random()
        if way < 0.3:
            wasm[at] = rng.randrange(256)
        elif way < 0.4:
            wasm[at] ^= 1 << rng.randrange(8)
        elif way < 0.6:
            wasm[at] = rng.choice(
                b"\x00\x01\x0b\x1a\x1c\x40\x6f\x70\x7b\x7f\xd0\xfc\xfd"
            )
        elif way < 0.8:
            wasm.insert(at, rng.randrange(256))
        elif len(wasm) > 10:
            del wasm[at]
    return bytes(wasm)


def explained(wasm, theirs, ours):
    """Whether it is known that the two differ there."""
    if ours is None:
        return is_typed_select(theirs, wasm)
    return any(re.search(pattern, ours) for pattern, _ in STRICTER)


def main():
    seconds = float(sys.argv[1])
    rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    theirs, ours = make_validators()
    modules = [
        step.path.read_bytes()
        for folder, name in suite.files()
        if folder in ("v1", "v2")
        for step in suite.steps(folder, name)
        if step.do in ("module", "start")
    ]
    modules = [wasm for wasm in modules if 10 < len(wasm) < 5000]
    counts = collections.Counter()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for wasm in (mutate(rng, rng.choice(modules)) for _ in range(100)):
            left, right = theirs(wasm), ours(wasm)
            if (left is None) == (right is None):
                counts["taken" if left is None else "refused"] += 1
            elif explained(wasm, left, right):
                counts["explained"] += 1
            else:
                print(f"wasmtime: {left}\nwazero: {right}\n{wasm.hex()}")
                return 1
    print(f"{counts.total()} modules, {counts['taken']} taken and {counts['refused']}")
    print(f"refused by both, {counts['explained']} otherwise, as is known")
    return 0


if __name__ == "__main__":
    sys.exit(main())
