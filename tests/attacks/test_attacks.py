"""Programs that try to get out of the sandbox, or to take more than they were given.

Each NAME.wat or NAME.c says what it tries. A program exits with 0 when all of it was
refused as it should be, and otherwise with a thousand times the number of the step, and
what it got. Beside the mounted folder is another, which must be as it was. All of it
runs again where openat2 is missing, by way of Go, and in the interpreter.
"""

import ctypes
import os
import pathlib
import re
import resource
import stat
import subprocess
import sys
import threading
import time

import pytest
import wazero
from wasmtime import wat2wasm

HERE = pathlib.Path(__file__).parent
IN_TEXT = sorted(path.stem for path in HERE.glob("*.wat"))
IN_C = sorted(path.stem for path in HERE.glob("*.c"))  # each says how it was built
NAMES = sorted(IN_TEXT + IN_C)
SLACK = 20  # seconds, for machines that have other things to do

# What does not end with exit code 0: the error and the limit that it ends by.
ENDS = {
    "fifo_write": (wazero.Timeout, {"timeout": 0.2}),
    "fill_errors": (wazero.OutputLimitError, {"output_limit": 100_000}),
    "fill_output": (wazero.OutputLimitError, {"output_limit": 100_000}),
    "memory_huge": (wazero.WazeroError, {"memory_limit": "1MiB"}),
    "read_for_ever": (wazero.Timeout, {"timeout": 0.2}),
    "recurse": (wazero.Trap, {"max_stack": "256KiB"}),
    "sleep": (wazero.Timeout, {"timeout": 0.2}),
    "sleep_until": (wazero.Timeout, {"timeout": 0.2}),
    "spin": (wazero.Timeout, {"timeout": 0.2}),
    "spin_calls": (wazero.Timeout, {"timeout": 0.2}),
    "start_spins": (wazero.Timeout, {"timeout": 0.2}),
    "table_huge": (wazero.WazeroError, {"table_limit": 1000}),
}
# What may be added where "fill_disk" writes.
QUOTA = {"max_bytes": 512 << 10, "max_files": 10}
# These race each other or the host, in tests of their own.
RACES = {"race_link", "race_rename", "race_up"}
# These end otherwise, or are mounted otherwise; and a pipe that is below an overlay is
# not written (tests/wasi/test_overlay.py).
SPECIAL = {*ENDS, *RACES, "fifo", "mounts_crossed", "readonly"}
ENGINE = os.environ.get("WAZERO_ATTACK_ENGINE", "auto")
# Nothing ends these two in the other ways: README.md, "Limits of this version".
LEFT_OUT = RACES.copy()
if ENGINE == "interpreter" or os.environ.get("WAZERO_DIRECT") == "0":
    LEFT_OUT |= {"spin", "start_spins"}


@pytest.fixture
def root(tmp_path):
    """The folder of the guest, with links of the host's that lead out of it."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root / "sub", root / "e", outside / "empty", tmp_path / "second"):
        folder.mkdir(parents=True)
    (root / "file").write_bytes(b"hello world")
    (root / "sub" / "inner").write_bytes(b"inner")
    (tmp_path / "second" / "kept").write_bytes(b"kept")
    (outside / "secret").write_bytes(b"secret")
    (outside / "secret").chmod(0o640)
    (outside / "link").symlink_to("secret")
    for name, target in {
        "up": "..",
        "loop": "loop",
        "to-secret": "../outside/secret",
        "to-etc": "/etc",
        "to-root": "/",
        "to-proc": "/proc/self/root",
        "to-fd": "/proc/self/fd",
    }.items():
        (root / name).symlink_to(target)
    os.mkfifo(root / "fifo")
    return root


def state(folder):
    """Everything of a folder that a guest could change."""
    found = {}
    for path in sorted([folder, *folder.rglob("*")]):
        of = path.lstat()
        what: object = None
        if stat.S_ISLNK(of.st_mode):
            what = os.readlink(path)
        elif stat.S_ISREG(of.st_mode):
            what = path.read_bytes()
        found[path] = (of.st_mode, of.st_nlink, of.st_size, of.st_mtime_ns, what)
    return found


def size(folder):
    """The bytes of the files in it, all together."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def attack(name, root, **options):
    """Runs a program in its jail, with limits for everything."""
    limits = {
        "timeout": 30,
        "memory_limit": "1MiB",
        "table_limit": 1000,
        "output_limit": "1MiB",
        "max_files": 100,
        "stdout": None,
        "stderr": None,
        "mounts": {"/": root},
        "engine": ENGINE,
    }
    return wazero.run(HERE / f"{name}.wasm", **{**limits, **options})


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_each_is_what_its_source_says():
    assert len(NAMES) >= 60
    for name in IN_TEXT:
        source = (HERE / f"{name}.wat").read_text()
        assert (HERE / f"{name}.wasm").read_bytes() == bytes(wat2wasm(source)), name
    assert sorted(path.stem for path in HERE.glob("*.wasm")) == NAMES


@pytest.mark.parametrize("name", [name for name in NAMES if name not in LEFT_OUT])
def test_attack(name, root):
    options = {}
    if name == "mounts_crossed":
        options["mounts"] = {"/": root, "/second": root.parent / "second"}
    if name == "readonly":
        options["mounts"] = {"/": wazero.Dir(root, readonly=True)}
        before_inside = state(root)
    if name == "fill_disk":
        options["mounts"] = {"/": wazero.Dir(root, **QUOTA)}
        before_size = size(root)
    outside, second = root.parent / "outside", root.parent / "second"
    before, memory = state(outside), peak()
    error, limits = ENDS.get(name, (None, {}))
    reader, writer = os.pipe()
    start = time.monotonic()
    try:
        if name == "read_for_ever":
            with open(reader, "rb", 0, closefd=False) as stdin:
                options["stdin"] = stdin
                with pytest.raises(error):
                    attack(name, root, **limits, **options)
        elif error:
            with pytest.raises(error):
                attack(name, root, **limits, **options)
        else:
            assert attack(name, root, **options).returncode == 0
    finally:
        os.close(reader)
        os.close(writer)
    assert time.monotonic() - start < limits.get("timeout", 0) + SLACK
    assert peak() - memory < 256 << 20
    assert state(outside) == before
    assert sorted(os.listdir(root.parent)) == ["outside", "root", "second"]
    assert (second / "kept").read_bytes() == b"kept"
    assert os.listdir(second) == ["kept"]
    if name == "readonly":
        assert state(root) == before_inside
    if name == "fill_disk":
        assert size(root) - before_size == QUOTA["max_bytes"]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in SPECIAL])
def test_attack_on_an_overlay(name, root):
    """Of all that is below nothing changes, whatever is tried."""
    upper = wazero.MemoryFS(**QUOTA if name == "fill_disk" else {})
    before = state(root.parent)
    done = attack(name, root, mounts={"/": wazero.Overlay(root, upper)})
    assert done.returncode == 0
    assert state(root.parent) == before
    if name == "fill_disk":
        assert upper.used_bytes == QUOTA["max_bytes"]
        assert upper.used_files == QUOTA["max_files"]


def test_files_in_memory_fill_no_more_than_their_quota(root):
    memory = wazero.MemoryFS(**QUOTA)
    assert attack("fill_disk", root, mounts={"/": memory}).returncode == 0
    assert memory.used_bytes == QUOTA["max_bytes"]
    assert memory.used_files == QUOTA["max_files"]


def test_a_memory_starts_empty_where_another_was(root):
    """The program fills its memory before it ends, and looks at it when it starts."""
    for _ in range(5):
        assert attack("memory_new", root).returncode == 0


@pytest.mark.parametrize("kind", [str, wazero.Overlay])
def test_a_link_that_flips_a_hundred_thousand_times(root, kind):
    """The name is now a folder of the guest's, now a link that leads out."""
    (root / "flip").mkdir()
    (root / "flip" / "secret").write_bytes(b"public")
    (root / "other").symlink_to("../outside")
    libc = ctypes.CDLL(None, use_errno=True)
    one, other = bytes(root / "flip"), bytes(root / "other")
    before, results = state(root.parent / "outside"), []
    mounts = {"/": kind(root)}
    thread = threading.Thread(
        target=lambda: results.append(
            attack("race_link", root, timeout=120, mounts=mounts).returncode
        )
    )
    thread.start()
    try:
        for _ in range(100_000):
            if libc.renameat2(-100, one, -100, other, 2):  # RENAME_EXCHANGE
                raise OSError(ctypes.get_errno(), "renameat2")
    finally:
        (root / "done").touch()
        thread.join()
    assert results == [0]
    assert state(root.parent / "outside") == before


@pytest.mark.parametrize("kind", [str, wazero.Overlay])
def test_two_guests_share_a_mount(root, kind):
    """One moves a folder, the other goes up from it."""
    before, results = state(root.parent / "outside"), {}
    mounts = {"/": kind(root)}

    def run(name):
        results[name] = attack(name, root, timeout=120, mounts=mounts).returncode

    names = ("race_rename", "race_up")
    threads = [threading.Thread(target=run, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {"race_rename": 0, "race_up": 0}
    assert state(root.parent / "outside") == before


@pytest.mark.again
@pytest.mark.parametrize(
    "variables",
    [
        {"WAZERO_NO_OPENAT2": "1"},
        {"WAZERO_DIRECT": "0"},
        {"WAZERO_ATTACK_ENGINE": "interpreter"},
    ],
    ids=["walk", "go", "interpreter"],
)
def test_all_of_them_in_another_way(variables):
    files = [__file__]
    if "WAZERO_DIRECT" in variables:
        files += [HERE / "test_catch_all.py", HERE / "test_nesting.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-k", "not another_way", *files],
        cwd=HERE.parent.parent,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]


def test_each_promise_names_its_test():
    """Tests and programs that docs/security.md names are there."""
    text = (HERE.parent.parent / "docs" / "security.md").read_text()
    promises = re.findall(r"^\d+\. (.+?)(?=^\d+\. |^#|\Z)", text, re.M | re.S)
    assert len(promises) >= 15
    for promise in promises:
        programs = re.findall(r"`attacks/(\w+)`", promise)
        tests = re.findall(r"`(\w+/test_\w+\.py)::(test_\w+)`", promise)
        assert programs or tests, promise
        assert set(programs) <= set(NAMES), promise
        for file, test in tests:
            source = (HERE.parent / file).read_text()
            assert re.search(rf"^def {test}\(", source, re.M), (file, test)
