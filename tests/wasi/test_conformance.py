"""The programs of WASI's own conformance suite, which lies beside the project."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig

import pytest
import wazero

NAME = "shared/testdata/wasi-testsuite"
SUITE = next(
    (p / NAME for p in pathlib.Path(__file__).parents if (p / NAME).is_dir()),
    pathlib.Path(NAME),
)
PROGRAMS = sorted(SUITE.glob("*/*.wasm"))
COMMAND = os.path.join(sysconfig.get_path("scripts"), "wazero")
ENGINES = ("compiler", "interpreter")


def describe(path, scratch):
    """What the program's JSON says, with a copy of its folder as "root"."""
    description = path.with_suffix(".json")
    how = json.loads(description.read_text()) if description.exists() else {}
    if "root" in how:
        shutil.copytree(path.parent / how["root"], scratch / "root")
        how["root"] = scratch / "root"
    return how


def compare(how, code, out, err):
    assert code == how.get("exit_code", 0), err.decode()
    if "stdout" in how:
        assert out.decode() == how["stdout"]


def files_of(folder):
    """What MemoryFS takes for a folder."""
    return {
        entry.name: files_of(entry) if entry.is_dir() else entry.read_bytes()
        for entry in folder.iterdir()
    }


def run(path, scratch, engine, mount=lambda folder: folder, **options):
    """Runs a program as its JSON says and compares what it did."""
    how = describe(path, scratch)
    out, err = [], []
    code = 0
    with wazero.Runtime(engine=engine) as runtime:
        try:
            runtime.instantiate(
                path,
                args=[path.name, *how.get("args", [])],
                env=how.get("env"),
                mounts={"/": mount(how["root"])} if "root" in how else None,
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
    compare(how, code, b"".join(out), b"".join(err))
    if "stderr" in how:
        assert b"".join(err).decode() == how["stderr"]


def test_the_suite_is_there():
    assert len(PROGRAMS) >= 60


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_program(path, engine, tmp_path):
    run(path, tmp_path, engine)


WITH_FILES = [
    path
    for path in PROGRAMS
    if path.with_suffix(".json").exists()
    and "root" in json.loads(path.with_suffix(".json").read_text())
]


@pytest.mark.parametrize("path", WITH_FILES, ids=lambda path: path.stem)
def test_with_files_in_memory(path, tmp_path):
    run(path, tmp_path, "auto", lambda folder: wazero.MemoryFS(files_of(folder)))


@pytest.mark.parametrize("path", WITH_FILES, ids=lambda path: path.stem)
def test_on_an_overlay(path, tmp_path):
    overlays = []

    def mount(folder):
        overlays.append(wazero.Overlay(folder))
        return overlays[0]

    run(path, tmp_path, "auto", mount)
    how = json.loads(path.with_suffix(".json").read_text())
    assert files_of(overlays[0].lower) == files_of(path.parent / how["root"])


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_through_the_command_line(path, tmp_path):
    """The arguments are those of the suite's own adapter for wazero's command."""
    how = describe(path, tmp_path)
    command = [COMMAND, "run", "-hostlogging=filesystem"]
    command += [f"-env={key}={value}" for key, value in how.get("env", {}).items()]
    if "root" in how:
        command.append(f"-mount={how['root']}:/")
    done = subprocess.run(
        [*command, path, *how.get("args", [])],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    compare(how, done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_program_on_a_file_system_in_python(path, tmp_path, forward):
    """All of them pass: there is no exception to list."""
    run(path, tmp_path, "auto", forward)


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


@pytest.mark.again
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
