"""The direct path and the one through Go: the same results, errors and traces."""

import os
import subprocess
import sys
from pathlib import Path

FIXTURES = Path(__file__).parent.parent / "wasm"

# Calls every export of every fixture with a few numbers and prints what came of it.
PROGRAM = """
import itertools, sys, wazero
from pathlib import Path

FAILING = {"raise": ValueError("no"), "exit": SystemExit(3)}
LEFT_OUT = {"spin", "spin_host", "spin_copy", "call_host_often", "grow", "endless",
    "recurse"}
# which do not end soon, or in a stack overflow, which has a trace on one path only

def host(kind):
    def function(*args):
        if kind in FAILING:
            raise FAILING[kind]
        return args[0] if args else None
    return function

def show(function, args):
    try:
        return repr(function(*args))
    except SystemExit as error:
        return f"SystemExit {error.code} {getattr(error, '__notes__', [])}"
    except Exception as error:
        notes = getattr(error, "__notes__", [])
        return f"{type(error).__name__}: {error} {notes}"

def imports_of(rt, compiled, kind):
    imports = {}
    for item in compiled.imports:
        if item.kind == "function":
            imports.setdefault(item.module, {})[item.name] = host(kind)
    return imports

def call_all(rt, compiled, kind):
    try:
        mod = rt.instantiate(compiled, imports=imports_of(rt, compiled, kind))
    except (Exception, SystemExit) as error:
        print("  instantiate:", type(error).__name__, error)
        return
    for export in compiled.exports:
        if export.kind != "function" or export.name in LEFT_OUT:
            continue
        function = mod.exports[export.name]
        for numbers in ([0], [1], [2, 7], [9, 3]):
            values = itertools.cycle(numbers)
            args = [next(values) for _ in function.params]
            print(" ", kind, export.name, args, show(function, args))

for path in sys.argv[1:]:
    with wazero.Runtime(features=["typed-function-references"]) as rt:
        print(path)
        compiled = rt.compile(Path(path).read_bytes())
        for kind in ("echo", "raise", "exit"):
            call_all(rt, compiled, kind)
"""


def outcome(direct):
    paths = sorted(str(path) for path in FIXTURES.glob("*.wasm"))
    # They do not end, need threads, or have exceptions, which go through Go alone.
    left_out = ("endless", "spin", "wait", "shared", "tags")
    paths = [path for path in paths if not any(part in path for part in left_out)]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *paths],
        env={**os.environ, "WAZERO_DIRECT": direct},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_same_on_both():
    direct, through_go = outcome("1"), outcome("0")
    assert len(direct) > 100
    assert direct == through_go
