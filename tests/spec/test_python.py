"""Every command of the official suite through the Python API.

With WAZERO_DIRECT=0 in the environment, calls of compiled code go through Go.
"""

import os

import pytest
import suite
import through_python
import wazero

DIRECT = "through Go" if os.environ.get("WAZERO_DIRECT") == "0" else "direct"


@pytest.mark.parametrize("engine", ["compiler", "interpreter"])
@pytest.mark.parametrize(("folder", "name"), suite.files())
def test_file(folder, name, engine, tally):
    failures = {}
    steps = suite.steps(folder, name)
    with wazero.Runtime(engine=engine, features=suite.FOLDERS[folder]) as runtime:
        runner = through_python.Runner(runtime)
        for step in steps:
            try:
                runner.run(step)
            except Exception as error:
                failures[step.line] = f"{type(error).__name__}: {error}"
    way = f"Python {engine}"
    if engine == "compiler":
        way += f", {DIRECT}"
    wrong = tally.add(way, folder, name, steps, failures)
    assert not wrong, "\n".join(wrong)
