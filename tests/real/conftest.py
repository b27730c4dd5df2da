"""Real programs: where they are, and runs of them that share what is compiled."""

import functools
import subprocess
import sys
from pathlib import Path

import packages
import pytest
import wazero
from wasmtime import wat2wasm

# For all Pythons and all runs: CPython's module takes seconds to compile.
CACHE = Path(__file__).resolve().parents[2] / "build" / "modules" / "compiled"


@pytest.fixture(scope="session")
def cache():
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    with wazero.CompilationCache(CACHE) as opened:
        yield opened


@pytest.fixture(scope="session")
def interruptible():
    """Whether loops that call no host function can be ended."""
    with wazero.Runtime() as runtime:
        module = runtime.instantiate(wat2wasm('(module (func (export "f")))'))
        return module.exports.f.interruptible


@pytest.fixture(scope="session")
def run(cache):
    """run(name, *args, **options): wazero.run of a program, its outputs as text."""

    def run_program(name, *args, **options):
        options = {"capture_output": True, "text": True, "cache": cache} | options
        return wazero.run(packages.path(name), *args, **options)

    return run_program


@pytest.fixture(scope="session")
def cpython(run):
    """Runs code in CPython, whose library is inside the module."""
    return functools.partial(run, "CPython 3.12", "-c")


@pytest.fixture(scope="session")
def forever(interruptible):
    """Python code that has no end, which can be ended."""
    statement = "pass" if interruptible else "time.time()"
    flush = "getattr(sys.stdout, 'flush', lambda: None)()"
    return f"import sys, time\nprint('begun')\n{flush}\nwhile True: {statement}"


@pytest.fixture(scope="session")
def command(cache):
    """The same by the command: command(name, *args, flags=[]) gives the process."""

    def run_command(name, *args, flags=(), **options):
        program = [
            sys.executable,
            "-m",
            "wazero",
            "run",
            f"-cachedir={cache.directory}",
        ]
        return subprocess.run(
            [*program, *flags, str(packages.path(name)), *args],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            **options,
        )

    return run_command
