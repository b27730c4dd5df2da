"""Every command of the official suite through the C API: runner.c does them. The module
"spectest" is wazero's, and once more made by the host.

WAZERO_SPEC_RUNNER is the program, if it is another one than that in build/c.
"""

import os
import subprocess
from collections import defaultdict

import pytest
import script
import suite

BUILD = suite.ROOT / "build/c"
RUNNER = os.environ.get("WAZERO_SPEC_RUNNER", BUILD / "tests/spec/spec_runner")
ENGINE = BUILD / "engine/libwazero_engine.so"


@pytest.fixture(scope="session")
def scripts(tmp_path_factory):
    """The scripts of a folder, by the names of their files."""
    folders = defaultdict(dict)
    path = tmp_path_factory.mktemp("scripts")
    for folder, name in suite.files():
        folders[folder][name] = path / f"{folder}.{name}"
        script.write(folder, name, folders[folder][name])
    return folders


@pytest.mark.parametrize("spectest", ["module", "host"])
@pytest.mark.parametrize(
    ("mode", "direct"),
    [("compiler", True), ("compiler", False), ("interpreter", True)],
    ids=["compiler-direct", "compiler-through-go", "interpreter"],
)
@pytest.mark.parametrize("folder", suite.FOLDERS)
def test_folder(folder, mode, direct, spectest, scripts, tally):
    done = subprocess.run(
        [RUNNER, mode, spectest, *scripts[folder].values()],
        env={
            **os.environ,
            "WAZERO_ENGINE": str(ENGINE),
            "WAZERO_DIRECT": "1" if direct else "0",
        },
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    names = {str(path): name for name, path in scripts[folder].items()}
    failures = {name: {} for name in names.values()}
    finished = {}
    for line in done.stdout.splitlines():
        match line.split("\t"):
            case ["fail", path, number, text]:
                failures[names[path]][int(number)] = text
            case ["done", path, count]:
                finished[names[path]] = int(count)
            case _:
                pytest.fail(f"{folder}: {line}\n{done.stderr}")
    left = failures.keys() - finished.keys()
    assert not left and done.returncode == 0, (
        f"exit code {done.returncode}, not done: {sorted(left)[:3]}\n{done.stderr}"
    )
    way = f"C {mode}"
    if mode == "compiler":
        way += ", direct" if direct else ", through Go"
    if spectest == "host":
        way += ", spectest made by the host"
    wrong = []
    for name, found in failures.items():
        steps = suite.steps(folder, name)
        assert finished[name] == len(steps)
        wrong += tally.add(way, folder, name, steps, found)
    assert not wrong, "\n".join(wrong)
