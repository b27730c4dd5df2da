import outcomes
import pytest

TALLY = pytest.StashKey[outcomes.Tally]()


def pytest_configure(config):
    config.stash[TALLY] = outcomes.Tally()


@pytest.fixture(scope="session")
def tally(request):
    return request.config.stash[TALLY]


def pytest_terminal_summary(terminalreporter, config):
    lines = list(config.stash[TALLY].lines())
    if lines:
        terminalreporter.section("the official suite of WebAssembly")
    for line in lines:
        terminalreporter.line(line)
