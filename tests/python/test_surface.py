"""docs/surface.md: every name of wazero is there, and every name in it exists."""

import functools
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
import wazero

ROOT = Path(__file__).resolve().parent.parent.parent
MODULE = "github.com/tetratelabs/wazero"
NOT_YET = "not yet"
NOTHING = "—"


class Row:
    """One row: names of Go with their package, of Python, of C, and the note."""

    def __init__(self, package, cells):
        self.go = [f"{package} {name}" for name in re.findall(r"`([^`]+)`", cells[0])]
        self.python, self.c = (cell.strip() for cell in cells[1:3])
        self.note = cells[3].strip()

    def __repr__(self):
        return self.go[0]


def names(cell):
    return re.findall(r"`([^`]+)`", cell)


@functools.cache
def rows():
    found, package = [], None
    for line in (ROOT / "docs/surface.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            quoted = names(line)
            package = quoted[0] if quoted else None
            if package == "wazero":
                package = "."
        elif line.startswith("| `"):
            cells = line.strip().strip("|").split("|")
            assert len(cells) == 4, line
            found.append(Row(package, cells))
    return found


def go(*args, cwd):
    command = subprocess.run(
        [sys.executable, ROOT / "tools/find_go.py"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    done = subprocess.run(
        [command, *args], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_nothing_of_wazero_is_missing():
    """Nor is there anything that wazero does not have, or twice."""
    folder = go("list", "-m", "-f", "{{.Dir}}", MODULE, cwd=ROOT / "engine")
    program = Path(__file__).parent / "exported.go"
    exported = set(go("run", str(program), folder, cwd=ROOT / "engine").splitlines())
    assert len(exported) > 400
    told = [name for row in rows() for name in row.go]
    assert exported - set(told) == set()
    assert set(told) - exported == set()
    assert [name for name in told if told.count(name) > 1] == []


def resolve(name):
    """What a name of Python is; a keyword must be one of the function's."""
    path, _, keyword = name.partition("(")
    found = wazero
    for part in path.split("."):
        found = getattr(found, part)
    if keyword:
        word = keyword.removesuffix("=)")
        assert keyword.endswith("=)"), name
        assert word in inspect.signature(found).parameters, name
    return found


@pytest.mark.parametrize("row", rows(), ids=str)
def test_python(row):
    if row.python in {NOTHING, NOT_YET}:
        assert row.note or row.python == NOT_YET, "a dash needs a reason"
        return
    assert names(row.python), row.python
    for name in names(row.python):
        resolve(name)


@functools.cache
def header():
    text = (ROOT / "include/wazero.h").read_text(encoding="utf-8")
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def fields_of(struct):
    """The body of a struct of the header."""
    before, _, _ = header().partition(f"}} {struct};")
    return before[before.rindex("typedef struct") :]


@pytest.mark.parametrize("row", rows(), ids=str)
def test_c(row):
    if row.c in {NOTHING, NOT_YET}:
        assert row.note or row.c == NOT_YET, "a dash needs a reason"
        return
    assert names(row.c), row.c
    for name in names(row.c):
        struct, _, field = name.partition(".")
        assert re.search(rf"\b{struct}\b", header()), name
        if field:
            assert re.search(rf"\b{field}\b", fields_of(struct)), name


def test_keywords_are_options_of_the_configuration_objects():
    """As surface.md says: what instantiate and Runtime take, ModuleConfig and
    RuntimeConfig have as fields."""
    given = set(inspect.signature(wazero.Runtime.instantiate).parameters)
    kept = set(inspect.signature(wazero.ModuleConfig).parameters)
    listeners = {"listener", "log_calls", "log_host"}
    assert given - kept == {"self", "wasm", "imports", "config"} | listeners
    given = set(inspect.signature(wazero.Runtime).parameters)
    assert given - set(inspect.signature(wazero.RuntimeConfig).parameters) == {"config"}
