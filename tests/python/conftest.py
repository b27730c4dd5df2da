"""What the tests share: WebAssembly from text, runtimes, and ways to look at memory."""

import functools
import gc
import subprocess
import sys

import pytest
import wazero
from wasmtime import wat2wasm


@functools.cache
def _wat(text):
    return bytes(wat2wasm(text))


@pytest.fixture(scope="session")
def wat():
    """Compiles the text format; the same text is compiled once."""
    return _wat


@pytest.fixture
def rt():
    with wazero.Runtime() as runtime:
        yield runtime


@pytest.fixture(scope="module")
def shared_rt():
    """For tests with examples, which must not make a runtime for each."""
    with wazero.Runtime() as runtime:
        yield runtime


@pytest.fixture
def collect():
    """Runs the collector until it finds nothing more."""

    def run():
        while gc.collect():
            pass

    run()
    return run


@pytest.fixture
def python():
    """Runs code in a Python of its own and returns what it printed."""

    def run(code, *args, timeout=120):
        done = subprocess.run(
            [sys.executable, "-c", code, *args],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


ADD = """
(module $math
  (func (export "add") (param i32 i32) (result i32)
    local.get 0 local.get 1 i32.add)
  (func $sub (export "sub") (param i32 i32) (result i32)
    local.get 0 local.get 1 i32.sub))
"""


@pytest.fixture(scope="session")
def add_wasm():
    return _wat(ADD)
