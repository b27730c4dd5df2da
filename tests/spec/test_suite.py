"""What the suite is, and that nothing of it is left out.

The numbers are those of wazero v1.12.0: with another version, look at what changed.
"""

import collections
import os
import re
import subprocess

import outcomes
import pytest
import suite

# What becomes of the commands of each type. "nothing" are modules in the text format,
# which wazero does not read either, and registers, which the module before them does.
DONE = {
    ("action", "call"): 266,
    ("assert_exception", "call"): 18,
    ("assert_exhaustion", "call"): 30,
    ("assert_invalid", "refuse"): 3593,
    ("assert_malformed", "nothing"): 1577,
    ("assert_malformed", "refuse"): 1384,
    ("assert_return", "call"): 62460,
    ("assert_return", "get"): 30,
    ("assert_trap", "call"): 2991,
    ("assert_uninstantiable", "refuse"): 25,
    ("assert_uninstantiable", "start"): 30,
    ("assert_unlinkable", "refuse"): 227,
    ("module", "module"): 2574,
    ("register", "nothing"): 51,
}


def test_all_commands_are_done():
    files = suite.files()
    assert len(files) == 253
    done = collections.Counter()
    for folder, name in files:
        done.update((step.type, step.do) for step in suite.steps(folder, name))
    assert done == DONE


def test_exceptions_are_explained():
    files = suite.files()
    for entry in outcomes.EXCEPTIONS:
        assert (entry["folder"], entry["file"]) in files
        assert entry["lines"]
        assert len(entry["reason"]) > 20


PASSED = re.compile(r" *--- PASS: Test(Compiler|Interpreter)/([^/]+)\.wast/[^/]+/line:")


@pytest.mark.parametrize("folder", suite.FOLDERS)
def test_the_runner_of_wazero(folder):
    """It passes the commands that ours does, no more: all but the registers, which it
    counts with the modules before them."""
    done = subprocess.run(
        [suite.go(), "test", "-v", f"{suite.PACKAGE}/{folder}"],
        cwd=suite.ROOT / "engine",
        env={**os.environ, **suite.GO_ENVIRONMENT},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    passed = collections.Counter(
        match.groups()
        for line in done.stdout.splitlines()
        if (match := PASSED.match(line))
    )
    for of, name in suite.files():
        if of == folder:
            steps = suite.steps(folder, name)
            count = sum(step.type != "register" for step in steps)
            for engine in ("Compiler", "Interpreter"):
                assert passed.pop((engine, name), 0) == count, (engine, name)
    assert not passed
