"""The command line, in processes of its own, beside wazero's own command."""

import os
import pathlib
import shlex
import signal
import subprocess
import sys
import sysconfig
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Standard input to standard output, arguments to standard error; exits with how many.
CAT = (ROOT / "tests/wasm/wasi.wasm").read_bytes()

# Writes the environment to standard output, a NUL behind each variable.
ENV = """
(module
  (import "wasi_snapshot_preview1" "environ_sizes_get"
    (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get"
    (func $get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (func (export "_start")
    (drop (call $sizes (i32.const 0) (i32.const 12)))
    (drop (call $get (i32.const 1024) (i32.const 65536)))
    (i32.store (i32.const 8) (i32.const 65536))
    (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 20)))))
"""

# Opens "text" below the first mount, exits with the error, or copies it to stdout.
# With PATH_CREATE it creates the file.
OPEN = """
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read"
    (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 100) "text")
  (func (export "_start") (local $error i32)
    (local.set $error
      (call $open (i32.const 3) (i32.const 1) (i32.const 100) (i32.const 4)
        (i32.const OFLAGS) (i64.const RIGHTS) (i64.const 0) (i32.const 0)
        (i32.const 0)))
    (if (local.get $error) (then (call $exit (local.get $error))))
    (i32.store (i32.const 8) (i32.const 4096))
    (i32.store (i32.const 12) (i32.const 100))
    (drop (call $read (i32.load (i32.const 0)) (i32.const 8) (i32.const 1)
      (i32.const 12)))
    (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 20)))))
"""
READ = OPEN.replace("OFLAGS", "0").replace("RIGHTS", "2")
CREATE = OPEN.replace("OFLAGS", "1").replace("RIGHTS", "66")
SPIN = '(module (func (export "_start") (loop (br 0))))'
TRAP = '(module (func $f (export "_start") unreachable))'
IMPORT = '(module (import "a" "b" (func)) (func (export "_start")))'
UNSTABLE = """
(module (import "wasi_unstable" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (call $exit (i32.const 2))))
"""
EXIT_256 = UNSTABLE.replace("i32.const 2)", "i32.const 256)")
EXIT_MINUS_1 = UNSTABLE.replace("i32.const 2)", "i32.const -1)")
# Writes without end, whatever fd_write says.
YES = """
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\08\\00\\00\\00\\02\\00\\00\\00y\\0a")
  (func (export "_start")
    (loop $again
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
      (br $again))))
"""
# Writes 16 random characters out of 16.
RANDOM = """
(module
  (import "wasi_snapshot_preview1" "random_get"
    (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $random (i32.const 16) (i32.const 16)))
    (i64.store (i32.const 16)
      (i64.or (i64.const 0x4040404040404040)
        (i64.and (i64.const 0x0f0f0f0f0f0f0f0f) (i64.load (i32.const 16)))))
    (i64.store (i32.const 24)
      (i64.or (i64.const 0x4040404040404040)
        (i64.and (i64.const 0x0f0f0f0f0f0f0f0f) (i64.load (i32.const 24)))))
    (i32.store (i32.const 0) (i32.const 16))
    (i32.store (i32.const 4) (i32.const 16))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
"""
MODULES = {
    "env": ENV,
    "read": READ,
    "create": CREATE,
    "spin": SPIN,
    "trap": TRAP,
    "import": IMPORT,
    "unstable": UNSTABLE,
    "exit256": EXIT_256,
    "exit-1": EXIT_MINUS_1,
    "yes": YES,
    "empty": "(module)",
    "start": '(module (func (export "_start")))',
    "two": "(module (memory 2))",
    "table": "(module (table 2 funcref))",
}

COMMANDS = {
    "module": [sys.executable, "-m", "wazero"],
    "script": [os.path.join(sysconfig.get_path("scripts"), "wazero")],
}


@pytest.fixture(scope="module")
def folder(wat, tmp_path_factory):
    """A folder with the modules above and what they read."""
    path = tmp_path_factory.mktemp("cli")
    for name, text in MODULES.items():
        (path / f"{name}.wasm").write_bytes(wat(text))
    (path / "cat.wasm").write_bytes(CAT)
    (path / "bears.wasm").write_bytes(b"pooh")
    (path / "data").mkdir()
    (path / "data" / "text").write_text("pooh\n")
    return path


@pytest.fixture(scope="module")
def their(tmp_path_factory):
    """wazero's own command, built from the sources that the engine is built from."""
    find = [sys.executable, str(ROOT / "tools/find_go.py")]
    go = subprocess.run(find, capture_output=True, text=True, check=True).stdout.strip()
    command = tmp_path_factory.mktemp("bin") / "wazero"
    package = "github.com/tetratelabs/wazero/cmd/wazero"
    settings = {"GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    subprocess.run(
        [go, "build", "-o", command, package],
        cwd=ROOT / "engine",
        env={**os.environ, **settings, "CGO_ENABLED": "0"},
        check=True,
    )
    return [str(command)]


@pytest.fixture(autouse=True)
def directly(monkeypatch):
    """A loop ends at -timeout only where compiled code is entered from C."""
    monkeypatch.setenv("WAZERO_DIRECT", "1")


@pytest.fixture
def cli(folder):
    """Runs the command in the folder; what it prints comes as text."""

    def run(*args, command=COMMANDS["module"], env=None, **options):
        options = {"stdin": subprocess.DEVNULL} | options
        if "input" in options:
            del options["stdin"]
        return subprocess.run(
            [*command, *args],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, **(env or {})},
            **options,
        )

    return run


# ---- the same as wazero's own command ------------------------------------------------

SAME = [
    "version",
    "version -x",
    "run cat.wasm",
    "run cat.wasm a b",
    "run cat.wasm -- a b",
    "run cat.wasm --",
    "run cat.wasm -- --",
    "run cat.wasm a -- b",
    "run -- cat.wasm a",
    "run cat.wasm -env=X -h -timeout",
    "run ./data/../cat.wasm a",
    "run -interpreter cat.wasm a",
    "run --interpreter cat.wasm",
    "run -interpreter=true cat.wasm",
    "run -interpreter=F cat.wasm",
    "run -interpreter=0 -interpreter cat.wasm",
    "run -env A=1 env.wasm",
    "run -env=A=1 --env B=2 --env=A=3=4 env.wasm",
    "run -env=A= env.wasm",
    "run -mount=data:/ read.wasm",
    "run -mount data:/:ro read.wasm",
    "run --mount=data:/mnt read.wasm",
    "run -mount=data read.wasm",
    "run -mount=data/: read.wasm",
    "run -mount=data:/ -mount=.:/ read.wasm",
    "run -mount=.:/ -mount=data:/ read.wasm",
    "run read.wasm",
    "run unstable.wasm",
    "run exit256.wasm",
    "run exit-1.wasm",
    "run trap.wasm",
    "run empty.wasm",
    "run two.wasm",
    "run -timeout 50ms spin.wasm",
    "run -timeout=0.05s spin.wasm",
    "run --timeout 0h0m0.06s0ms spin.wasm",
    "run -timeout 1h cat.wasm",
    "run -timeout=0 cat.wasm",
    "run -workers=1 cat.wasm",
    "run -workers 0x1 cat.wasm",
    "run -workers=999999 cat.wasm",
    "run -cachedir=cache cat.wasm a",
    "run -cachedir cache cat.wasm a",
    "run -hostlogging=all cat.wasm a",
    "run -interpreter -hostlogging=all cat.wasm a",
    "run -hostlogging=filesystem -mount=data:/ read.wasm",
    "run -hostlogging=filesystem,proc -mount=data:/ read.wasm",
    "run -hostlogging proc -hostlogging=clock cat.wasm a b",
    "run -hostlogging= cat.wasm",
    "run -hostlogging=,proc, unstable.wasm",
    "run -hostlogging=all unstable.wasm",
    "run -hostlogging=all trap.wasm",
    "run -hostlogging=all -mount=data:/ create.wasm",
    "run -listen=1 cat.wasm",
    "run -listen=127.0.0.1:x cat.wasm",
    "run -listen=127.0.0.1:0 -listen :0 cat.wasm a",
    "compile cat.wasm",
    "compile cat.wasm more",
    "compile -cachedir=cache cat.wasm",
    "compile --workers=1 cat.wasm",
    "compile trap.wasm",
    "run bears.wasm",
    "run nothing.wasm",
    "run data",
    "run cat.wasm/x",
    "compile nothing.wasm",
    "compile data",
    "run -env=A env.wasm",
    "run -env= env.wasm",
    "run -env==x env.wasm",
    "run -mount= read.wasm",
    "run -mount=nothing:/ read.wasm",
    "run -mount=nothing read.wasm",
    'run -mount=a"\n\t\x01b read.wasm',
    "run -mount=grüße\u200b read.wasm",
    "run -cachedir=cat.wasm cat.wasm",
    "compile -cachedir cat.wasm cat.wasm",
    "compile -cachedir=/proc/nothing/x cat.wasm",
]


@pytest.mark.parametrize("line", SAME)
def test_same(cli, their, line):
    # "pooh" has only the start of the message in common.
    words = line.split(" ")
    ours, theirs = (
        cli(*words, command=command, input="in\n", env={"INHERITED": "1"})
        for command in (COMMANDS["module"], their)
    )
    said = ours.stderr
    if "magic number" in said:
        said = said.partition("number")[0] + "number\n"
    assert (ours.returncode, ours.stdout, said) == (
        theirs.returncode,
        theirs.stdout,
        theirs.stderr,
    )


# What is said above the usage, which has more lines than wazero's.
SAME_BEGINNING = [
    "",
    "-h",
    "--h",
    "-help",
    "-h=false",
    "-h=2",
    "-x",
    "-",
    "--",
    "---",
    "-=",
    "--=x",
    "nothing",
    "run",
    "run -h",
    "run --h nothing.wasm",
    "run -help",
    "run --help",
    "run -h=true",
    "run -x cat.wasm",
    "run --x=1 cat.wasm",
    "run ---env=A=1 cat.wasm",
    "run -=x cat.wasm",
    "run -env",
    "run --mount",
    "run -timeout",
    "run -timeout=",
    "run -timeout=1",
    "run -timeout=1x cat.wasm",
    "run -timeout .s cat.wasm",
    "run -timeout - cat.wasm",
    "run -timeout=9999999h cat.wasm",
    'run -timeout="1s" cat.wasm',
    "run -timeout=-10s cat.wasm",
    "run -timeout=-1h0m0.5s cat.wasm",
    "run -timeout -90m cat.wasm",
    "run -timeout=-1500ns cat.wasm",
    "run -timeout=-2us cat.wasm",
    "run -interpreter=yes cat.wasm",
    "run -interpreter= cat.wasm",
    "run -env-inherit=2 cat.wasm",
    "run -hostlogging=cat cat.wasm",
    "run -hostlogging",
    "run -listen",
    "run -workers=x cat.wasm",
    "run -workers= cat.wasm",
    "run -workers=1.5 cat.wasm",
    "run -workers=08 cat.wasm",
    "run -workers=99999999999999999999 cat.wasm",
    "run -workers=0x8000000000000000 cat.wasm",
    "run -workers=_1 cat.wasm",
    "run -workers=1__0 cat.wasm",
    "run -workers=٣ cat.wasm",
    "run -cpuprofile=x cat.wasm",
    "run -memprofile x cat.wasm",
    "compile",
    "compile -h",
    "compile -help",
    "compile -interpreter cat.wasm",
    "compile -cachedir",
    "compile -workers=no cat.wasm",
    "compile -cpuprofile=x cat.wasm",
]


@pytest.mark.parametrize("line", SAME_BEGINNING)
def test_same_beginning(cli, their, line):
    words = line.split(" ") if line else []
    ours, theirs = (
        cli(*words, command=command) for command in (COMMANDS["module"], their)
    )
    first = theirs.stderr.partition("\n")[0].replace(their[0], "wazero")
    assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout)
    assert ours.stderr.partition("\n")[0] == first


@pytest.mark.parametrize("command", ["compile", "run"])
def test_usage(cli, their, command):
    """Ours has all the lines of theirs, but what it says of mounts."""
    ours, theirs = (
        cli(command, "-h", command=which).stderr.splitlines()
        for which in (COMMANDS["module"], their)
    )
    lines = iter(ours)  # so that their order counts, too
    for line in theirs:
        assert "relative path lookups" in line or line in lines


def test_env_inherit(cli, their):
    env = {"INHERITED": "1", "B": "2"}
    args = ("run", "-env-inherit", "-env=B=3", "-env=C=4", "env.wasm")
    ours, theirs = (
        sorted(cli(*args, command=command, env=env).stdout.split("\0"))
        for command in (COMMANDS["script"], their)
    )
    # An interpreter that is started by a script sees more than one that is not.
    assert ours == theirs
    assert {"INHERITED=1", "B=3", "C=4"} <= set(ours)
    assert "INHERITED=1" not in cli("run", "env.wasm", env=env).stdout


def test_env_inherit_has_nothing_of_python_s(folder):
    """Python puts LC_CTYPE into the environment where there is no locale."""
    done = subprocess.run(
        [*COMMANDS["script"], "run", "-env-inherit", "env.wasm"],
        cwd=folder,
        env={"ONLY": "=this="},
        capture_output=True,
    )
    assert (done.returncode, done.stdout) == (0, b"ONLY==this=\0")


def test_bytes_that_are_no_text(folder, their):
    for command in (COMMANDS["module"], their):
        done = subprocess.run(
            [*command, "run", b"-env=A=\xff", "env.wasm"],
            cwd=folder,
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, b"A=\xff\0")
        done = subprocess.run(
            [*command, "run", "cat.wasm", b"\xfe"],
            cwd=folder,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.stderr == b"cat.wasm\n\xfe\n"
        done = subprocess.run(
            [*command, "run", b"no\xff.wasm"], cwd=folder, capture_output=True
        )
        assert (done.returncode, done.stderr) == (
            1,
            b"error reading wasm binary: open no\xff.wasm: no such file or directory\n",
        )


# ---- ours alone ----------------------------------------------------------------------


def test_read_only(cli, folder):
    assert cli("run", "-mount=data:/:ro", "create.wasm").returncode != 0
    (folder / "new").mkdir()
    assert cli("run", "-mount=new:/:ro", "create.wasm").returncode != 0
    assert not (folder / "new" / "text").exists()
    assert cli("run", "-mount=new:/", "create.wasm").returncode == 0
    assert (folder / "new" / "text").exists()


def test_mount_of_a_file(cli):
    done = cli("run", "-mount=cat.wasm:/", "read.wasm")
    assert done.returncode == 1
    assert 'cat.wasm" is not a directory\n' in done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
def test_closed_streams(folder, their, closed):
    """They are /dev/null, and nothing that is opened later takes their place."""
    ends = []
    for command in (COMMANDS["script"], their):
        line = f"{shlex.join(command)} run -mount=data:/ cat.wasm a b {closed}"
        done = subprocess.run(["sh", "-c", line], cwd=folder, input=b"in\n", timeout=60)
        ends.append(done.returncode)
    assert ends == [2, 2]


def test_version_on_a_full_disk(cli):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMANDS["script"], "version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    message = "error writing standard output: no space left on device\n"
    assert (done.returncode, done.stderr) == (1, message)


def test_help(main):
    assert main("help").err == main("-h").err == main().err
    for command in ("call", "compile", "inspect", "run"):
        done = main("help", command)
        assert (done.code, done.out) == (0, "")
        assert done.err == main(command, "-h").err
        assert done.err.startswith(f"wazero CLI\n\nUsage:\n  wazero {command} ")
    assert main("help", "nothing").code == 1


def test_unconfined(cli, folder, their):
    """A link that leads out is followed by wazero's own command, ours says so first."""
    (folder / "leads").mkdir()
    (folder / "leads" / "text").symlink_to("../data/text")
    args = ("-mount=leads:/", "read.wasm")
    confined = cli("run", *args)
    assert (confined.returncode, confined.stdout) == (63, "")  # PERM
    theirs = cli("run", *args, command=their)
    for flags in (["-unconfined"], ["-unconfined", "-interpreter"]):
        ours = cli("run", *flags, *args)
        assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout)
    assert theirs.stdout == "pooh\n"
    assert cli("run", "-unconfined=false", *args).returncode == 63


def test_what_a_module_says_is_escaped(cli, folder, wat):
    """Neither its names nor those in a trace can speak to the terminal."""
    odd = r"\1b[2J"
    (folder / "odd.wasm").write_bytes(
        wat(f'(module (import "{odd}" "b" (func)) (func (export "_start")))')
    )
    done = cli("run", "odd.wasm")
    assert "\x1b" not in done.stderr
    assert r"\x1b[2J" in done.stderr
    trap = wat(TRAP).replace(b"\1f", b"\1\x1b")  # the name of its function
    (folder / "odd.wasm").write_bytes(trap)
    done = cli("run", "odd.wasm")
    assert "\x1b" not in done.stderr
    assert r"\x1b" in done.stderr


def test_a_missing_import_is_one_line(cli):
    done = cli("run", "import.wasm")
    assert done.returncode == 1
    message = "error instantiating wasm binary: import func[a.b]: module[a] not inst"
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1


def test_limits(cli):
    assert cli("run", "-memory-limit=128KiB", "two.wasm").returncode == 0
    done = cli("run", "-memory-limit", "64KiB", "two.wasm")
    assert done.returncode == 1
    assert done.stderr.startswith("error compiling wasm binary: ")
    done = cli("run", "-memory-limit=lots", "two.wasm")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("error: memory_limit")
    assert cli("run", "-table-limit=2", "table.wasm").returncode == 0
    done = cli("run", "-table-limit=1", "table.wasm")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("error compiling wasm binary: ")
    done = cli("run", "-table-limit=-1", "table.wasm")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert cli("run", "-max-stack=1MiB", "cat.wasm").returncode == 0
    done = cli("run", "-max-stack=1", "cat.wasm")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)


def test_limits_of_what_it_does(cli, folder):
    done = cli("run", "-output-limit=5", "yes.wasm")
    assert (done.returncode, done.stdout) == (1, "y\ny\ny")
    assert "wrote more than the 5 bytes of output" in done.stderr
    assert "wasm stack trace" in done.stderr
    assert cli("run", "-output-limit", "5", "start.wasm").returncode == 0
    assert cli("run", "-mount=data:/", "-max-files=1", "read.wasm").returncode == 0
    done = cli("run", "-mount=data:/", "-max-files", "0", "read.wasm")
    assert done.returncode == 33  # too many open files
    for flag in ("-output-limit=1.5", "-max-files=-1", "--max-files=4294967296"):
        done = cli("run", flag, "start.wasm")
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        name = flag.strip("-").partition("=")[0].replace("-", "_")
        assert f" {name} must be " in done.stderr


def test_deterministic(cli, folder, wat):
    (folder / "random.wasm").write_bytes(wat(RANDOM))
    plain, first, again = (
        cli("run", *flag, "random.wasm").stdout
        for flag in ([], ["-deterministic"], ["-deterministic=1"])
    )
    assert plain != first == again
    assert cli("run", "-deterministic=0", "random.wasm").stdout != first


def test_trace(cli):
    for flags in (["-trace"], ["-trace", "-interpreter"]):
        done = cli("run", *flags, "-mount=data:/", "read.wasm")
        assert done.returncode == 0
        lines = done.stderr.splitlines()
        assert lines[0].startswith("path_open(fd=3, ")
        assert any(line.startswith("fd_read(fd=4, ") for line in lines)
    done = cli("run", "-trace", "-unconfined", "read.wasm")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "a trace needs libwazero's WASI" in done.stderr
    assert cli("run", "-trace=0", "-mount=data:/", "read.wasm").stderr == ""


@pytest.mark.parametrize(
    "words",
    [
        ["-mount=a\0b:/", "cat.wasm"],
        ["-mount=.:/a\0b", "cat.wasm"],
        ["-env=A=\0", "cat.wasm"],
        ["-env=\0=A", "cat.wasm"],
        ["-cachedir=\0", "cat.wasm"],
        ["-listen=\0:0", "cat.wasm"],
        ["cat.wasm", "\0"],
        ["\0.wasm"],
    ],
)
def test_nuls_are_one_line(main, folder, monkeypatch, words):
    """They come from those who call main(): the system hands none on."""
    monkeypatch.chdir(folder)
    done = main("run", *words)
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "\0" not in done.err


def test_features(main, wat, tmp_path):
    path = tmp_path / "tail.wasm"
    path.write_bytes(wat('(module (func $f (export "_start") return_call $f))'))
    assert main("compile", path).code == 1
    for names in ("tail-call", "simd,tail-call", "all", ",tail-call,"):
        assert main("compile", f"-features={names}", path).code == 0
    assert main("compile", "-features=simd", "--features", "tail-call", path).code == 0
    done = main("compile", "-features=tail", path)
    assert done.code == 2
    message = 'invalid value "tail" for flag -features: there are all, '
    assert done.err.startswith(message)


def test_compile_count(cli):
    assert cli("compile", "-count=3", "cat.wasm").returncode == 0
    assert cli("compile", "-count=0", "bears.wasm").returncode == 0
    assert cli("compile", "-count=x", "cat.wasm").returncode == 2


def test_compile_fills_the_cache(cli, folder):
    assert cli("compile", "-cachedir=filled", "cat.wasm").stderr == ""
    assert any((folder / "filled").iterdir())


def test_the_script_is_the_module(cli):
    for args in (["version"], ["run", "cat.wasm", "a"], ["run"], ["-h"]):
        script, module = (cli(*args, command=COMMANDS[name]) for name in COMMANDS)
        assert script.returncode == module.returncode
        assert (script.stdout, script.stderr) == (module.stdout, module.stderr)


def interrupt(process, signals=signal.SIGINT):
    """Sends it once the guest runs."""
    time.sleep(1)
    assert process.poll() is None
    process.send_signal(signals)
    try:
        return process.wait(30)
    finally:
        process.kill()


@pytest.mark.parametrize("name", ["spin", "cat"])
def test_ctrl_c(folder, name):
    """In a loop, and in a read that waits: the shell sees 130, nobody a traceback."""
    with subprocess.Popen(
        [*COMMANDS["module"], "run", f"{name}.wasm"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert interrupt(process) == -signal.SIGINT
        assert process.stderr.read() == b""


def test_an_ignored_ctrl_c_stays_ignored(folder):
    line = shlex.join(COMMANDS["module"])
    with subprocess.Popen(
        ["sh", "-c", f'trap "" INT; exec {line} run -timeout=4s spin.wasm'],
        cwd=folder,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert interrupt(process) == 255


def test_a_pipe_that_nobody_reads(folder):
    with subprocess.Popen(
        [*COMMANDS["module"], "run", "yes.wasm"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout.read(2) == b"y\n"
        process.stdout.close()
        try:
            assert process.wait(30) == -signal.SIGPIPE
        finally:
            process.kill()
        assert process.stderr.read() == b""


@pytest.mark.parametrize(
    "args",
    [
        ["-h"],
        ["run", "-h"],
        ["version"],
        ["compile", "cat.wasm"],
        ["inspect", "cat.wasm"],
        ["call", "empty.wasm", "f"],
        ["call", "start.wasm", "_start"],
    ],
)
def test_what_is_imported(python, folder, args):
    """Starting is quick because little is imported."""
    code = """
import os, sys
os.chdir(sys.argv[1])
before = set(sys.modules)
from wazero.cli import main
try:
    main(sys.argv[2:])
finally:
    new = sorted(name for name in set(sys.modules) - before if "wazero" not in name)
    os.write(2, " ".join(new).encode() + b"\\n")
    sys.stdout = None
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), *args],
        capture_output=True,
        text=True,
        check=True,
    )
    few = {"__future__", "atexit", "math", "struct", "_struct"}
    assert set(done.stderr.splitlines()[-1].split(" ")) <= few


def test_the_guest_imports_nothing(folder):
    code = """
import os, sys
from wazero.cli import main
main(["run", "cat.wasm"])
os.write(1, " ".join(sorted(sys.modules)).encode())
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"argparse", "dataclasses", "enum", "inspect", "re", "typing"} & set(
        done.stdout.split()
    )
