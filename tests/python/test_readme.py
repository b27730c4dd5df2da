"""What README.md, the pages in docs and the demo say is true: their programs are run.

A block of code that is followed by the comment "output" and a block of text prints
that text.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
GUESTS = (ROOT / "docs" / "guests.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(
    r"```(\w+)\n((?:(?!```).)*)```\n\n<!-- output -->\n```text\n(.*?)```",
    README + GUESTS,
    re.S,
)
LIBRARY = ROOT / "build" / "c"


def programs(language: str) -> list[object]:
    found = [pytest.param(*rest) for name, *rest in PROGRAMS if name == language]
    assert found, f"README.md has no {language} program with its output"
    return found


def custom_sections_removed(wasm: bytes) -> bytes:
    kept, at = wasm[:8], 8
    while at < len(wasm):
        size, shift, end = 0, 0, at + 1
        while True:
            byte = wasm[end]
            size, shift, end = size | (byte & 127) << shift, shift + 7, end + 1
            if byte < 128:
                break
        if wasm[at] != 0:
            kept += wasm[at : end + size]
        at = end + size
    return kept


@pytest.mark.parametrize(("code", "output"), programs("python"))
def test_python_program(code: str, output: str, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert (result.stdout, result.stderr) == (output, "")


@pytest.mark.parametrize(("code", "output"), programs("c"))
def test_c_program(code: str, output: str, tmp_path: Path) -> None:
    if not (LIBRARY / "lib" / "libwazero.so").exists():
        pytest.skip("the C library is not built")
    compiler = os.environ.get("CC", "cc").split()
    if not shutil.which(compiler[0]):
        pytest.skip("there is no C compiler")
    environment = dict(os.environ)
    environment.pop("LD_PRELOAD", None)  # of a sanitizer: the library has none
    environment["WAZERO_ENGINE"] = str(LIBRARY / "engine" / "libwazero_engine.so")
    (tmp_path / "program.c").write_text(code)
    options = [
        f"-I{ROOT / 'include'}",
        f"-L{LIBRARY / 'lib'}",
        f"-Wl,-rpath,{LIBRARY / 'lib'}",
    ]
    subprocess.run(
        [*compiler, "program.c", *options, "-lwazero", "-o", "program"],
        cwd=tmp_path,
        env=environment,
        check=True,
    )
    result = subprocess.run(
        [tmp_path / "program"], env=environment, capture_output=True, text=True
    )
    assert (result.stdout, result.stderr) == (output, "")


def test_first_commands() -> None:
    first = re.search(r"```console\n(.*?)```", README, re.S)
    assert first
    commands = [line.split("#")[0].strip() for line in first[1].splitlines()]
    assert commands == ["$ make demo", "$ make test"]


def test_demo_module_is_what_its_text_says(monkeypatch: pytest.MonkeyPatch) -> None:
    wasmtime = pytest.importorskip("wasmtime")
    monkeypatch.syspath_prepend(str(ROOT / "demo"))
    from modules import ADD, NOTEBOOK

    text = (ROOT / "demo" / "notebook.wat").read_text(encoding="utf-8")
    assert custom_sections_removed(wasmtime.wat2wasm(text)) == NOTEBOOK
    assert len(ADD) == 41
