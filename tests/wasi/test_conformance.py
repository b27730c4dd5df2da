"""The programs of WASI's own conformance suite, which lies beside the project."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
import wazero

NAME = "shared/testdata/wasi-testsuite"
SUITE = next(
    (p / NAME for p in pathlib.Path(__file__).parents if (p / NAME).is_dir()),
    pathlib.Path(NAME),
)
PROGRAMS = sorted(SUITE.glob("*/*.wasm"))
ENGINES = ("compiler", "interpreter")


def run(path, scratch, engine, **options):
    """Runs a program as its JSON says and compares what it did."""
    description = path.with_suffix(".json")
    how = json.loads(description.read_text()) if description.exists() else {}
    mounts = {}
    if "root" in how:
        root = scratch / "root"
        shutil.copytree(path.parent / how["root"], root)
        mounts["/"] = root
    out, err = [], []
    code = 0
    with wazero.Runtime(engine=engine) as runtime:
        try:
            runtime.instantiate(
                path,
                args=[path.name, *how.get("args", [])],
                env=how.get("env"),
                mounts=mounts,
                stdout=out.append,
                stderr=err.append,
                walltime="system",
                nanotime="system",
                nanosleep="system",
                random="system",
                **options,
            )
        except wazero.ExitError as error:
            code = error.exit_code
    assert code == how.get("exit_code", 0), b"".join(err).decode()
    if "stdout" in how:
        assert b"".join(out).decode() == how["stdout"]
    if "stderr" in how:
        assert b"".join(err).decode() == how["stderr"]


def test_the_suite_is_there():
    assert len(PROGRAMS) >= 60


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_program(path, engine, tmp_path):
    run(path, tmp_path, engine)


ALL = """
import pathlib, sys, tempfile
sys.path.insert(0, {folder!r})
import test_conformance as suite
for path in suite.PROGRAMS:
    with tempfile.TemporaryDirectory() as scratch:
        try:
            suite.run(path, pathlib.Path(scratch), "auto")
        except BaseException as error:
            print(path.stem, type(error).__name__, str(error)[:500])
"""


@pytest.mark.parametrize("variable", ["WAZERO_NO_OPENAT2=1", "WAZERO_DIRECT=0"])
def test_all_programs_in_another_way(variable):
    """With the component walk in place of openat2; with calls that go through Go."""
    name, value = variable.split("=")
    done = subprocess.run(
        [sys.executable, "-c", ALL.format(folder=str(pathlib.Path(__file__).parent))],
        env=os.environ | {name: value},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert done.stdout == ""
