"""No path leads out of a mounted folder. Everything here runs with openat2, and again
with the walk that there is where openat2 is missing."""

import os
import pathlib
import subprocess
import sys
import threading
import time

import pytest

SECRET = b"secret"
READ, WRITE = 0x2, 0x40

# Paths for a guest whose root is `root`; outside/secret is beside it.
ESCAPES = [
    "../outside/secret",
    "../root/file",
    "..",
    "../",
    "../..",
    "sub/../../outside/secret",
    "./../outside/secret",
    "sub/./.././../outside/secret",
    "sub/../..",
    "../../../../../../../../etc/passwd",
    "/etc/passwd",
    "//etc/passwd",
    "/",
    "/proc/self/root/etc/passwd",
    "up/outside/secret",
    "up",
    "up/",
    "up/.",
    "chain/outside/secret",
    "absolute",
    "absolute/",
    "to-secret",
    "deep/link-out",
    "deep/link-out/secret",
    "deep/deeper/link-far/outside/secret",
    "sub/inside-then-out",
    "to-etc/passwd",
    "to-root/etc/passwd",
]


@pytest.fixture
def jail(root):
    outside = root.parent / "outside"
    os.symlink("..", root / "up")
    os.symlink("up", root / "chain")
    os.symlink(outside / "secret", root / "absolute")
    os.symlink("../outside/secret", root / "to-secret")
    os.symlink("/etc", root / "to-etc")
    os.symlink("/", root / "to-root")
    (root / "deep" / "deeper").mkdir(parents=True)
    os.symlink("../../outside", root / "deep" / "link-out")
    os.symlink("../../..", root / "deep" / "deeper" / "link-far")
    os.symlink("../sub/../../outside/secret", root / "sub" / "inside-then-out")
    return root


def state(folder):
    return {
        path: (path.lstat().st_mtime_ns, path.lstat().st_size, path.lstat().st_nlink)
        for path in [folder, *folder.rglob("*")]
    }


@pytest.mark.parametrize("path", ESCAPES)
def test_nothing_outside_is_reached(guest, jail, path):
    made = guest(mounts={"/": jail})
    outside = state(jail.parent / "outside")
    refused = {"PERM", "LOOP", "NOTDIR", "NOENT", "ISDIR", "EXIST", "INVAL", "BUSY"}

    def errno(name, *args):
        try:
            getattr(made, name)(*args)
        except Exception as error:
            return str(error)
        return "SUCCESS"

    for operation in (
        ("open", path),
        ("open", path, 0, WRITE),
        ("open", path, 1, READ | WRITE),
        ("open", path, 1 | 4, READ | WRITE),
        ("open", path, 8, READ | WRITE),
        ("opendir", path),
        ("stat", path),
        ("stat", path + "/new"),
        ("utimens", path + "/new"),
        ("mkdir", path + "/new"),
        ("create", path + "/new"),
        ("symlink", "x", path + "/new"),
        ("readlink", path + "/secret"),
        ("unlink", path + "/secret"),
        ("rmdir", path + "/new"),
        ("rename", path + "/secret", "got"),
        ("rename", "file", path + "/new"),
        ("link", path + "/secret", "got"),
        ("link", "file", path + "/new"),
    ):
        code = errno(*operation)
        assert code in refused, operation
    # What follows works on the link itself, if it is one, and not on where it leads.
    made.stat("file")
    errno("utimens", path)
    errno("link", path, "got")
    got = jail / "got"
    assert not got.exists() or got.is_symlink()
    assert state(jail.parent / "outside") == outside
    assert (jail / "file").read_bytes() == b"hello world"


def test_the_escapes_are_refused_as_such(guest, jail, fails):
    made = guest(mounts={"/": jail})
    for path in ("../outside/secret", "/etc/passwd", "up/outside/secret", "absolute"):
        fails("PERM", made.open, path)
        fails("PERM", made.stat, path)
    fails("PERM", made.symlink, "/etc/passwd", "new")


def test_a_directory_handle_is_a_jail_of_its_own(guest, jail, fails):
    os.symlink("../file", jail / "sub" / "link-up")
    made = guest(mounts={"/": jail})
    sub = made.opendir("sub")
    assert made.stat("inner", sub).size == 5
    assert made.stat("sub/../file").size == 11
    fails("PERM", made.stat, "../file", sub)
    fails("PERM", made.open, "..", dirfd=sub)
    fails("PERM", made.open, "link-up", dirfd=sub)
    assert made.read(made.open("sub/link-up"), 5) == b"hello"


def test_magic_links_of_proc_lead_nowhere(guest, fails):
    made = guest(mounts={"/": "/proc"})
    for path in ("self/root/etc/passwd", "self/cwd", "self/exe", "self/fd/0"):
        with pytest.raises(Exception, match=r"LOOP|PERM|NOENT|NOTDIR"):
            made.open(path)


def test_links_at_most_forty(guest, root, fails):
    os.symlink("file", root / "l0")
    for i in range(1, 60):
        os.symlink(f"l{i - 1}", root / f"l{i}")
    made = guest(mounts={"/": root})
    assert made.stat("l30").size == 11
    assert made.read(made.open("l30"), 5) == b"hello"
    fails("LOOP", made.stat, "l50")
    fails("LOOP", made.open, "l50")


def test_links_in_the_middle(guest, root, fails):
    (root / "a" / "b").mkdir(parents=True)
    os.symlink("../sub", root / "a" / "to-sub")
    os.symlink("a/to-sub/../a/./b/../to-sub", root / "winding")
    made = guest(mounts={"/": root})
    assert made.stat("winding/inner").size == 5
    assert made.stat("a/b/../to-sub/inner").size == 5
    # link/.. is the parent of where the link leads
    assert made.stat("a/to-sub/../file").size == 11
    fails("NOENT", made.stat, "a/to-sub/../to-sub")


def test_a_folder_that_is_moved_out_while_it_is_open(guest, jail, fails):
    """What the host moves away stays open, and its .. does not follow it."""
    made = guest(mounts={"/": jail})
    sub = made.opendir("sub")
    (jail / "sub").rename(jail.parent / "outside" / "sub")
    assert made.stat("inner", sub).size == 5
    fails("PERM", made.open, "../secret", dirfd=sub)
    fails("PERM", made.stat, "../../root/file", dirfd=sub)


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_a_race_for_a_name(guest, root, kind):
    """While another thread puts a link out in the place of a folder, and back, nothing
    of what is outside is seen."""
    outside = root.parent / "outside"
    made = guest(mounts={"/": root})
    stop = threading.Event()
    (root / "real").mkdir()
    (root / "real" / "secret").write_bytes(b"fine")

    def flip():
        while not stop.is_set():
            os.symlink("real", root / "tmp")
            os.rename(root / "tmp", root / "flip")
            os.symlink(outside if kind == "link" else "../outside", root / "tmp")
            os.rename(root / "tmp", root / "flip")

    thread = threading.Thread(target=flip)
    thread.start()
    seen = set()
    try:
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            for attempt in (
                lambda: made.read(made.open("flip/secret"), 100),
                lambda: made.stat("flip/secret").size,
                lambda: made.create("flip/new", b"x"),
            ):
                try:
                    seen.add(attempt())
                except Exception as error:
                    seen.add(str(error))
            for fd in range(4, 40):
                made.call("fd_close", fd)
    finally:
        stop.set()
        thread.join()
    assert SECRET not in seen and len(SECRET) not in seen
    assert b"fine" in seen and seen & {"PERM", "NOENT"}
    assert os.listdir(outside) == ["secret"]


@pytest.mark.again
def test_the_same_without_openat2():
    folder = pathlib.Path(__file__).parent
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-k",
            "not without_openat2",
            str(folder / "test_jail.py"),
            str(folder / "test_files.py"),
        ],
        cwd=folder.parent.parent,
        env=os.environ | {"WAZERO_NO_OPENAT2": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
