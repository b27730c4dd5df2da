"""Every command of the official suite through the Python API. The module "spectest" is
wazero's, and once more made by the host.

With WAZERO_DIRECT=0 in the environment, calls of compiled code go through Go.
"""

import os

import pytest
import suite
import through_python
import wazero

DIRECT = "through Go" if os.environ.get("WAZERO_DIRECT") == "0" else "direct"


@pytest.mark.parametrize("spectest", ["module", "host"])
@pytest.mark.parametrize("engine", ["compiler", "interpreter"])
@pytest.mark.parametrize(("folder", "name"), suite.files())
def test_file(folder, name, engine, spectest, tally):
    failures = {}
    steps = suite.steps(folder, name)
    with wazero.Runtime(engine=engine, features=suite.FOLDERS[folder]) as runtime:
        runner = through_python.Runner(runtime, spectest)
        for step in steps:
            try:
                runner.run(step)
            except Exception as error:
                failures[step.line] = f"{type(error).__name__}: {error}"
    way = f"Python {engine}"
    if engine == "compiler":
        way += f", {DIRECT}"
    if spectest == "host":
        way += ", spectest made by the host"
    wrong = tally.add(way, folder, name, steps, failures)
    assert not wrong, "\n".join(wrong)
