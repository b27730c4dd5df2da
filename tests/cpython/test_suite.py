"""CPython's own tests, in CPython in WASI: libwazero's beside wazero's own.

Each test ends the same way with both, but for those in differences.toml, where ours
passes. The tests are those of a Python that has them (package `test`), if possible one
of the guest's version; the results are compared, so it need not be.
WAZERO_CPYTHON_TESTS names the modules, if not all of them are to run.
"""

import functools
import json
import os
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import packages
import pytest
import wazero

ROOT = Path(__file__).resolve().parents[2]
GUEST = Path(__file__).with_name("guest.py").read_text()
DIFFERENCES = tomllib.loads(Path(__file__).with_name("differences.toml").read_text())
CACHE = ROOT / "build" / "modules" / "compiled"
KINDS = ("libwazero", "wazero")

# Not those that take minutes, or need threads or processes.
MODULES = [
    "test_dbm_dumb",
    "test_file",
    "test_filecmp",
    "test_fileinput",
    "test_fileio",
    "test_genericpath",
    "test_glob",
    "test_io",
    "test_largefile",
    "test_os",
    "test_pathlib",
    "test_posix",
    "test_posixpath",
    "test_shutil",
    "test_stat",
    "test_tempfile",
    "test_time",
]


@functools.cache
def library():
    """The folder of a Python's library that has the tests."""
    found = subprocess.run(
        [ROOT / "tools" / "find_python.sh", "all"], capture_output=True, text=True
    ).stdout.split()
    code = "import sysconfig; print(sysconfig.get_path('stdlib'))"
    folders = []
    for python in (*found, sys.executable):
        done = subprocess.run([python, "-c", code], capture_output=True, text=True)
        folders.append(Path(done.stdout.strip()))
    folders += sorted(Path("/usr/lib").glob("python3.*"))
    folders = [one for one in folders if (one / "test" / "test_os.py").exists()]
    folders.sort(key=lambda one: one.name != "python3.12")
    assert folders, "no Python here has its tests: install libpython3-testsuite"
    return folders[0]


@pytest.fixture(scope="module")
def compiled():
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    with wazero.Runtime(cache=CACHE) as runtime:
        yield runtime.compile(packages.path("CPython 3.12"))


def outcomes(compiled, kind, module, folder):
    """How each test ended. One that ends the guest is followed by a new guest."""
    folder.mkdir()
    ends, done, count = {}, 0, None
    while count is None:
        output, crash = [], "exited"
        try:
            compiled.instantiate(
                args=["python", "-c", GUEST, "/library", module, str(done)],
                env={"PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": "/work"},
                mounts={"/work": folder, "/library": (library(), "ro")},
                stdout=output.append,
                stderr=None,
                nanosleep="system",
                nanotime="system",
                walltime="system",
                wasi=kind,
                timeout=600,
            ).close()
        except (wazero.ExitError, wazero.Trap) as error:
            crash = f"ended the guest: {type(error).__name__}"
        running = None
        for line in b"".join(output).decode(errors="replace").splitlines():
            if not line.startswith("@@"):
                continue
            what, name, *how = json.loads(line[2:])
            if what == "all":
                count = name
            elif what == "begin":
                running, done = name, done + 1
            else:
                ends.setdefault(name, []).extend(how)
        if count is None:
            assert running is not None, (module, kind, crash)
            ends[running] = [crash]
    return ends


def both(compiled, module, folder):
    """How each test ended with ours, and those that ended otherwise with wazero's."""
    folder.mkdir()
    with ThreadPoolExecutor(2) as pool:
        ours, theirs = pool.map(
            lambda kind: outcomes(compiled, kind, module, folder / kind), KINDS
        )
    names = [name for name in ours | theirs if ours.get(name) != theirs.get(name)]
    return ours, {name: (ours.get(name), theirs.get(name)) for name in names}


@pytest.mark.parametrize(
    "module", os.environ.get("WAZERO_CPYTHON_TESTS", "").split() or MODULES
)
def test_same_as_wazeros(compiled, module, tmp_path):
    known = {
        f"test.{module}.{name}": reason
        for name, reason in DIFFERENCES.get(module, {}).items()
    }
    ours, differ = both(compiled, module, tmp_path / "first")
    if differ.keys() - known.keys():
        # A few tests go by the clock: on a busy machine they may fail once.
        ours, again = both(compiled, module, tmp_path / "again")
        differ = {name: how for name, how in again.items() if name in differ}
    assert {name: how for name, how in differ.items() if name not in known} == {}
    assert [name for name in known if name in ours and name not in differ] == []
    assert all(ours[name] == ["passed"] for name in differ)
    passed = [how for how in ours.values() if how == ["passed"]]
    assert passed, ours
    print(module, len(ours), "tests,", len(passed), "pass,", len(differ), "differ")
