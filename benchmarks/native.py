"""The programs in C and Go among the benchmarks: builds them, into build/bench, and
runs them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
LIBRARY = ROOT / "build" / "c"
OUTPUT = ROOT / "build" / "bench"
WASM = ROOT / "tests" / "wasm" / "interrupt.wasm"


def compile_c(source: str, output: Path, *arguments: str) -> None:
    compiler = os.environ.get("CC", "cc")
    output.parent.mkdir(parents=True, exist_ok=True)
    command = [compiler, "-std=c11", "-O2", "-Wall", "-Wextra", str(HERE / source)]
    subprocess.run([*command, "-o", str(output), *arguments], check=True)


def empty_module() -> ModuleType:
    """empty.c, imported."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    path = OUTPUT / f"empty{suffix}"
    include = sysconfig.get_path("include")
    compile_c("empty.c", path, "-shared", "-fPIC", f"-I{include}")
    spec = importlib.util.spec_from_file_location("empty", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def program_in_c(source: str = "calls.c") -> Path:
    """A program in C, linked as users link it."""
    library = LIBRARY / "lib"
    path = OUTPUT / source.replace(".c", "-c")
    where = [f"-I{ROOT / 'include'}", f"-L{library}", f"-Wl,-rpath,{library}"]
    compile_c(source, path, *where, "-lwazero", "-lpthread")
    return path


def program_in_go() -> Path:
    """calls.go, with the wazero that engine/go.mod names."""
    folder = OUTPUT / "go"
    folder.mkdir(parents=True, exist_ok=True)
    for path in (ROOT / "engine/go.mod", ROOT / "engine/go.sum", HERE / "calls.go"):
        shutil.copy(path, folder)
    finder = [sys.executable, str(ROOT / "tools/find_go.py")]
    go = subprocess.check_output(finder, text=True).strip()
    settings = {"GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    program = OUTPUT / "calls-go"
    subprocess.run(
        [go, "build", "-o", program, "calls.go"],
        cwd=folder,
        env={**os.environ, **settings, "CGO_ENABLED": "0"},
        check=True,
    )
    return program


def results(
    program: Path, direct: bool = True, argument: str | Path = WASM
) -> dict[str, float]:
    """What a program prints, by name; with direct=False when each call goes through
    Go."""
    engine = LIBRARY / "engine" / "libwazero_engine.so"
    environment = {**os.environ, "WAZERO_ENGINE": str(engine)}
    if not direct:
        environment["WAZERO_DIRECT"] = "0"
    said = subprocess.check_output([program, argument], env=environment, text=True)
    pairs = (line.split() for line in said.splitlines())
    return {name: float(value) for name, value in pairs}
