"""Caches with a real module: what loading takes, damage, several that write at once."""

import subprocess
import sys

import packages
import pytest

NAME = "Graphviz"

# Prints how many exports it has, and the seconds that all threads worked for it.
COMPILE = """
import sys, time, wazero
wasm = open(sys.argv[1], "rb").read()
runtime = wazero.Runtime(cache=sys.argv[2])
start = time.process_time()
compiled = runtime.compile(wasm)
print(len(compiled.exports), time.process_time() - start)
"""


def begin(folder):
    command = [sys.executable, "-c", COMPILE, str(packages.path(NAME)), str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def end(process):
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    exports, seconds = said.split()
    return int(exports), float(seconds)


def compile_it(folder):
    return end(begin(folder))


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A folder with the module's file, and what compiling it took."""
    folder = tmp_path_factory.mktemp("cache")
    return folder, compile_it(folder)[1]


def file_in(folder):
    (file,) = [one for one in folder.rglob("*") if one.is_file()]
    return file


def test_loading_takes_a_twentieth(kept):
    folder, compiled = kept
    loaded = min(compile_it(folder)[1] for _ in range(5))
    print(f"compiled in {compiled:.3f} s, loaded in {loaded:.4f} s")
    assert loaded * 20 <= compiled


def test_damage_is_mended(kept):
    folder, _ = kept
    file = file_in(folder)
    whole = file.read_bytes()
    middle = len(whole) // 2
    for damaged in (
        whole[:middle],
        whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
    ):
        file.write_bytes(damaged)
        assert compile_it(folder)[0] > 0
        mended = file_in(folder)
        assert mended.stat().st_size == len(whole)
        assert mended.read_bytes() != damaged


def test_processes_that_write_at_once(tmp_path):
    processes = [begin(tmp_path) for _ in range(3)]
    assert len({end(process)[0] for process in processes}) == 1
    assert compile_it(tmp_path)[0] > 0
    assert file_in(tmp_path).stat().st_size > 0
