"""Mutated modules: a CompileError, a LinkError, a trap, or they work; never a crash.

They run in processes of their own, each with a batch, so that a crash is a failure that
tells the seed. Of real modules, which take longer, WAZERO_MUTATIONS says how many; CI
asks for 10,000."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import packages

MODULES = [
    """(module $calls
      (import "env" "f" (func $f (param i32) (result i32)))
      (memory (export "memory") 1 4)
      (table (export "t") 3 funcref)
      (elem (i32.const 0) $a $b $f)
      (global $g (export "g") (mut i32) (i32.const 5))
      (type $t (func (param i32) (result i32)))
      (func $a (type $t) (i32.add (local.get 0) (global.get $g)))
      (func $b (type $t) (call $f (local.get 0)))
      (func (export "go") (param i32) (result i32)
        (call_indirect (type $t) (local.get 0) (i32.const 1)))
      (data (i32.const 8) "data"))""",
    """(module $numbers
      (func (export "fib") (param i32) (result i64) (local i64 i64)
        (local.set 1 (i64.const 1))
        (block $done (loop $more
          (br_if $done (i32.eqz (local.get 0)))
          (local.set 2 (i64.add (local.get 1) (local.get 2)))
          (local.set 1 (i64.sub (local.get 2) (local.get 1)))
          (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
          (br $more)))
        (local.get 2))
      (func (export "float") (param f32 f64) (result f64 i32)
        (f64.mul (f64.promote_f32 (local.get 0)) (f64.sqrt (local.get 1)))
        (i32.trunc_sat_f64_s (local.get 1))))""",
    """(module $memory
      (memory (export "memory") 1)
      (data $d "passive") (data (i32.const 65530) "last")
      (func (export "fill") (param i32 i32 i32)
        (memory.fill (local.get 0) (local.get 1) (local.get 2)))
      (func (export "init") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 7)))
      (func (export "size") (result i32) (memory.size))
      (func (export "switch") (param i32) (result i32)
        (block $c (block $b (block $a (br_table $a $b $c (local.get 0)))
          (return (i32.const 1))) (return (i32.const 2))) (i32.const 3)))""",
]

WORKER = """
import random, sys, wazero
seed, count = int(sys.argv[1]), int(sys.argv[2])
modules = [open(path, "rb").read() for path in sys.argv[3:]]
random.seed(seed)
rt = wazero.Runtime(memory_limit="16MiB", table_limit=10000)
worked = refused = 0
for n in range(count):
    wasm = bytearray(random.choice(modules))
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        at = random.randrange(len(wasm))
        kind = random.randrange(6)
        if kind == 0:
            wasm[at] = random.randrange(256)
        elif kind == 1:
            wasm[at] ^= 1 << random.randrange(8)
        elif kind == 2:
            del wasm[at]
        elif kind == 3:
            wasm.insert(at, random.choice((0, 1, 0x7F, 0x80, 0xFF)))
        elif kind == 4:
            wasm[at:at] = b"\\xff\\xff\\xff\\xff\\x0f"
        else:
            other = random.choice(modules)
            start = random.randrange(len(other))
            wasm[at:at + 8] = other[start:start + 8]
    try:
        # no code is run: a mutated loop may have no end
        mod = rt.instantiate(bytes(wasm), imports={"env": {"f": lambda x: x}},
                             start_functions=())
        for name in mod.exports:
            repr(name)
        for export in mod.compiled.exports:
            if export.kind == "function":
                mod.exports[export.name].type
            elif export.kind == "memory":
                mod.memory[0:3]
        mod.close()
        worked += 1
    except wazero.WazeroError:
        refused += 1
print(worked, refused)
"""


def batch(seed, count, paths):
    done = subprocess.run(
        [sys.executable, "-c", WORKER, str(seed), str(count), *map(str, paths)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, (seed, done.returncode, done.stderr[-3000:])
    return [int(number) for number in done.stdout.split()]


def batches(total, size, paths):
    """Runs that many mutations and tells how many worked and how many were refused."""
    with ThreadPoolExecutor(2) as pool:
        counts = list(
            pool.map(lambda seed: batch(seed, size, paths), range(total // size))
        )
    worked, refused = (sum(column) for column in zip(*counts, strict=True))
    assert worked + refused == total
    return worked, refused


def test_ten_thousand_mutations(wat, tmp_path):
    paths = [tmp_path / f"{index}.wasm" for index in range(len(MODULES))]
    for path, text in zip(paths, MODULES, strict=True):
        path.write_bytes(wat(text))
    worked, refused = batches(10_000, 1000, paths)
    assert worked > 100 and refused > 1000


def test_mutations_of_real_modules():
    total = int(os.environ.get("WAZERO_MUTATIONS", "200"))
    paths = [packages.path(name) for name in ("Graphviz", "MicroPython")]
    worked, refused = batches(total, 50, paths)
    assert worked and refused
