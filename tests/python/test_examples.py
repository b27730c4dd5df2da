"""The examples run as they are."""

import pathlib
import subprocess
import sys

import pytest

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples" / "python"
OUTPUT = {
    "hello.py": "5 + 7 = 12\nhello from wasm\nHELLO from wasm\n",
    "trace_calls.py": "tried: settings.toml (ENOENT)\nwrote 12 bytes\n",
    "overlay.py": (
        "written: {'notes.txt': b'changed'} removed: ['old.txt']\n"
        "the folder has: ['notes.txt', 'old.txt']\n"
        "and in notes.txt: as they were\n"
    ),
    "zip_files.py": "hello from a zip\n",
}


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda p: p.name)
def test_example(path):
    done = subprocess.run(
        [sys.executable, path], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    if path.name in OUTPUT:
        assert done.stdout == OUTPUT[path.name]
