"""Overlay: a folder that stays what it is, under what guests write."""

import copy
import errno
import gc
import itertools
import os
import pathlib
import pickle
import shutil
import threading
import time
import weakref

import pytest
import wazero
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from operations import (
    CREAT,
    EXCL,
    OPERATIONS,
    READ,
    TRUNC,
    WRITE,
    Side,
    read_tree,
    without_links,
)


def state(folder):
    """All that there is in a folder, with what tells whether it was written."""
    found = {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        stat = path.lstat()
        what = os.readlink(path) if path.is_symlink() else None
        if path.is_file() and not path.is_symlink():
            what = path.read_bytes()
        found[str(path)] = (what, stat.st_ino, stat.st_nlink, stat.st_mtime_ns)
    return found


@pytest.fixture
def root(root):
    (root / "sub" / "deep").mkdir()
    (root / "sub" / "deep" / "x").write_bytes(b"x")
    (root / "link").symlink_to("sub/inner")
    (root / "folder").symlink_to("sub")
    return root


@pytest.fixture
def overlay(root):
    """Whose folder is the same in the end."""
    before = state(root)
    yield wazero.Overlay(root)
    assert state(root) == before


@pytest.fixture
def mounted(guest, overlay):
    return guest(mounts={"/": overlay})


def names(made, path=".", **options):
    fd = made.opendir(path, **options)
    found = [name.decode() for name, *_ in made.scandir(fd)][2:]
    made.close(fd)
    assert len(found) == len(set(found))
    return sorted(found)


def content(made, path):
    fd = made.open(path)
    data = made.read(fd, 1000)
    made.close(fd)
    return data


# -------------------------------------------------------------------- both as one


def test_what_is_below_is_seen_and_what_is_written_is_above(mounted, overlay, root):
    assert names(mounted) == ["file", "folder", "link", "sub"]
    assert content(mounted, "file") == b"hello world"
    assert content(mounted, "folder/deep/x") == b"x"
    fd = mounted.create("sub/new", b"made by ")
    mounted.write(fd, b"the guest")
    mounted.close(fd)
    mounted.unlink("file")
    fd = mounted.open("link", 0, READ | WRITE)
    mounted.write(fd, b"I")
    assert names(mounted) == ["folder", "link", "sub"]
    assert names(mounted, "sub") == ["deep", "inner", "new"]
    assert overlay.upper == {"sub/new": b"made by the guest", "sub/inner": b"Inner"}
    assert overlay.deleted == ["file"]
    assert overlay["sub/new"] == b"made by the guest" and "file" not in overlay
    assert overlay.to_dict()["sub"] == {
        "deep": {"x": b"x"},
        "inner": b"Inner",
        "new": b"made by the guest",
    }
    assert overlay.lower == root and isinstance(overlay.upper, wazero.MemoryFS)


def test_a_second_run_goes_on(guest, root):
    first = wazero.Overlay(root)
    made = guest(mounts={"/": first})
    made.unlink("file")
    made.create("new", b"1")
    made.module.close()
    again = guest(mounts={"/": wazero.Overlay(root, first.upper)})
    assert names(again) == ["folder", "link", "new", "sub"]
    fresh = guest(mounts={"/": wazero.Overlay(root)})
    assert names(fresh) == ["file", "folder", "link", "sub"]


def test_nothing_is_copied_that_is_only_read(mounted, overlay):
    content(mounted, "file")
    names(mounted, "sub/deep")
    mounted.stat("sub/inner")
    for call in (("unlink", "sub"), ("rmdir", "sub"), ("mkdir", "sub")):
        assert isinstance(Side(mounted).outcome(call), str)
    assert overlay.upper.used_files == 0 and overlay.deleted == []


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made.open("sub/deep/x", 0, READ | WRITE),
        lambda made: made.utimens("sub/deep/x", mtim=1),
        lambda made: made.do("fd_filestat_set_times", made.open("sub/deep/x"), 1, 1, 5),
    ],
)
def test_copying_up(mounted, overlay, change):
    change(mounted)
    assert overlay.upper == {"sub/deep/x": b"x"} and overlay.deleted == []
    assert names(mounted, "sub") == ["deep", "inner"]


def test_a_file_that_is_cut_off_is_not_copied(guest, root):
    (root / "big").write_bytes(bytes(5000))
    overlay = wazero.Overlay(root, wazero.MemoryFS(max_bytes=10))
    made = guest(mounts={"/": overlay})
    with pytest.raises(Exception, match="NOSPC"):
        made.open("big", 0, WRITE)
    assert overlay.upper.used_files == 0
    fd = made.open("big", TRUNC, WRITE)
    assert made.fstat(fd).size == 0 and made.write(fd, b"1") == 1
    assert overlay.upper == {"big": b"1"} and (root / "big").stat().st_size == 5000


def test_who_reads_a_file_sees_what_is_written_to_it(mounted):
    reader = mounted.open("file")
    assert mounted.read(reader, 6) == b"hello "
    writer = mounted.open("file", 0, WRITE)
    mounted.pwrite(writer, b"W0", 6)
    assert mounted.read(reader, 100) == b"W0rld"
    assert mounted.pread(reader, 5, 0) == b"hello"
    assert mounted.fstat(reader) == mounted.fstat(writer) == mounted.stat("file")


def test_numbers_and_times_stay(mounted):
    for path, change in (
        ("file", lambda: mounted.open("file", 0, WRITE)),
        ("sub/deep", lambda: mounted.create("sub/deep/new")),
        ("sub", lambda: None),
        ("link", lambda: mounted.rename("link", "link2") or "link2"),
        ("sub/inner", lambda: mounted.rename("sub/inner", "moved") or "moved"),
    ):
        before = mounted.stat(path, follow=0)
        now = change()
        after = mounted.stat(now if isinstance(now, str) else path, follow=0)
        assert (after.dev, after.ino, after.type) == (
            before.dev,
            before.ino,
            before.type,
        )
        if before.type != 3:
            assert (after.mtim, after.size) == (before.mtim, before.size)
    inodes = {name: inode for name, _, inode in mounted.scandir(mounted.opendir("."))}
    for name, inode in inodes.items():
        if name not in (b".", b".."):
            assert mounted.stat(name, follow=0).ino == inode
    assert inodes[b"."] == mounted.fstat(3).ino
    assert len(set(inodes.values())) == len(inodes)
    del inodes[b".."]
    assert {mounted.stat(name, follow=0).dev for name in inodes} == {1}


def test_a_folder_made_anew_has_nothing_of_the_old_one(mounted, overlay, fails):
    mounted.unlink("sub/inner")
    mounted.unlink("sub/deep/x")
    fails("NOTEMPTY", mounted.rmdir, "sub")
    mounted.rmdir("sub/deep")
    mounted.rmdir("sub")
    fails("NOENT", mounted.stat, "folder/inner")
    mounted.mkdir("sub")
    assert names(mounted, "folder") == []
    assert overlay.deleted == ["sub"] and overlay.upper.is_dir("sub")
    mounted.create("sub/inner", b"2")
    assert content(mounted, "link") == b"2"


def test_a_folder_is_renamed_with_all_that_is_in_it(mounted, overlay, fails):
    mounted.create("sub/new", b"n")
    mounted.unlink("sub/inner")
    inside = mounted.opendir("sub/deep")
    reader = mounted.open("sub/deep/x")
    fails("INVAL", mounted.rename, "sub", "sub/deep/y")
    fails("NOTEMPTY", mounted.rename, "sub/deep", "sub")
    fails("NOTDIR", mounted.rename, "sub", "file")
    mounted.rename("sub", "other")
    assert overlay.deleted == ["sub"]
    assert overlay.upper.to_dict() == {"other": {"deep": {"x": b"x"}, "new": b"n"}}
    assert names(mounted) == ["file", "folder", "link", "other"]
    assert names(mounted, "other") == ["deep", "new"]
    mounted.create("y", b"y", dirfd=inside)  # it is the same folder as before
    mounted.unlink("x", dirfd=inside)
    assert names(mounted, "other/deep") == names(mounted, ".", dirfd=inside) == ["y"]
    assert mounted.read(reader, 5) == b"x" and mounted.fstat(reader).nlink == 0
    mounted.mkdir("sub")
    assert names(mounted, "sub") == []
    mounted.rename("other", "sub")
    assert names(mounted, "sub") == ["deep", "new"] and overlay.deleted == ["sub"]


def test_what_cannot_fit_is_not_begun(guest, root):
    for limits in ({"max_bytes": 5}, {"max_files": 3}):
        overlay = wazero.Overlay(root, wazero.MemoryFS(**limits))
        made = guest(mounts={"/": overlay})
        with pytest.raises(Exception, match="NOSPC"):
            made.rename("sub", "other")
        assert overlay.upper.used_files == 0 and names(made, "sub") == ["deep", "inner"]


def test_limits(guest, root, fails):
    overlay = wazero.Overlay(root, wazero.MemoryFS(max_bytes=11, max_files=2))
    made = guest(mounts={"/": overlay})
    fd = made.open("file", 0, WRITE)
    fails("NOSPC", made.pwrite, fd, b"x", 11)
    made.close(fd)
    made.unlink("file")  # its whiteout takes the room of its copy
    made.unlink("link")
    fails("NOSPC", made.unlink, "folder")
    fails("NOSPC", made.unlink, "sub/inner")
    fails("NOSPC", made.open, "sub/inner", 0, WRITE)
    assert overlay.deleted == ["file", "link"]
    assert (overlay.used_bytes, overlay.used_files) == (0, 2)
    assert (overlay.max_bytes, overlay.max_files) == (11, 2)


def test_links(mounted, overlay, fails):
    mounted.link("sub/inner", "hard")
    assert mounted.stat("hard") == mounted.stat("sub/inner")
    assert mounted.stat("hard").nlink == 2
    mounted.symlink("sub/deep/x", "soft")
    assert content(mounted, "soft") == b"x" and mounted.readlink("link") == b"sub/inner"
    mounted.rename("sub", "there")
    fails("NOENT", mounted.stat, "link")
    mounted.symlink("there", "sub")  # in place of what was below
    assert content(mounted, "link") == b"inner" and content(mounted, "soft") == b"x"
    mounted.unlink("sub")
    fails("NOENT", mounted.stat, "sub")
    fails("PERM", mounted.link, "there", "x")


def test_no_way_out(guest, root, fails):
    """Links of either layer, also such as lead out with the help of the other one."""
    (root / "up").symlink_to("../outside/secret")
    (root / "abs").symlink_to("/etc/passwd")
    (root / "sub" / "back").symlink_to("../../outside")
    (root / "loop").symlink_to("loop")
    made = guest(mounts={"/": wazero.Overlay(root)})
    made.symlink("../outside", "out")
    made.symlink("sub/back/secret", "both")
    for path in ("up", "abs", "sub/back/secret", "out/secret", "both", "../outside"):
        fails("PERM", made.open, path)
        fails("PERM", made.open, path, CREAT, WRITE)
        fails("PERM", made.stat, path)
    fails("LOOP", made.open, "loop")
    made.rename("abs", "abs2")
    fails("PERM", made.open, "abs2")
    made.rename("sub", "moved")
    fails("PERM", made.open, "moved/back/secret")
    made.mkdir("outside")
    made.create("outside/secret", b"its own")
    made.mkdir("outside/deeper")
    made.rename("moved/back", "outside/deeper/back")
    assert content(made, "outside/deeper/back/secret") == b"its own"


def test_two_names_below(guest, root):
    """As overlayfs has it: a file is copied up for the one name that is written."""
    os.link(root / "file", root / "twin")
    made = guest(mounts={"/": wazero.Overlay(root)})
    assert made.stat("file").ino == made.stat("twin").ino
    made.pwrite(made.open("file", 0, WRITE), b"J", 0)
    assert (content(made, "file"), content(made, "twin")) == (
        b"Jello world",
        b"hello world",
    )
    assert made.stat("file").ino != made.stat("twin").ino


def test_what_is_no_file(guest, root, fails):
    os.mkfifo(root / "pipe")
    made = guest(mounts={"/": wazero.Overlay(root)})
    fails("ROFS", made.open, "pipe", 0, WRITE)
    fails("ROFS", made.utimens, "pipe")
    fails("XDEV", made.rename, "pipe", "other")
    fd = made.open("pipe", 0, READ, 4)
    fails("ROFS", made.do, "fd_filestat_set_times", fd, 1, 1, 5)
    made.unlink("pipe")
    fails("NOENT", made.stat, "pipe")
    assert (root / "pipe").is_fifo()


def test_what_is_removed_while_it_is_open(mounted, fails):
    fd = mounted.open("file")
    folder = mounted.opendir("sub/deep")
    mounted.unlink("sub/deep/x")
    mounted.unlink("file")
    mounted.rmdir("sub/deep")
    assert mounted.read(fd, 100) == b"hello world"
    assert mounted.fstat(fd).nlink == 0
    mounted.create("file", b"another")
    assert mounted.pread(fd, 100, 0) == b"hello world"
    mounted.mkdir("sub/deep")
    mounted.create("sub/deep/y")
    assert names(mounted, ".", dirfd=folder) == []
    fails("NOENT", mounted.mkdir, "z", dirfd=folder)


def test_the_host_changes_what_is_below(guest, root, fails):
    made = guest(mounts={"/": wazero.Overlay(root)})
    made.mkdir("mine")
    made.create("mine/a", b"guest")
    folder = made.opendir("sub")
    (root / "late").write_bytes(b"late")
    (root / "mine").mkdir()
    (root / "mine" / "a").write_bytes(b"host")
    (root / "mine" / "b").write_bytes(b"host")
    assert content(made, "late") == b"late" and content(made, "mine/a") == b"guest"
    assert names(made, "mine") == ["a", "b"]
    shutil.rmtree(root / "sub")
    assert names(made) == ["file", "folder", "late", "link", "mine"]
    assert names(made, ".", dirfd=folder) == []
    (root / "sub").symlink_to("../outside")
    fails("PERM", made.open, "sub/secret")
    shutil.rmtree(root / "mine")
    (root / "mine").write_bytes(b"a file by now")
    assert names(made, "mine") == ["a"]
    made.rename("mine", "yours")
    assert content(made, "yours/a") == b"guest"


def test_it_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        wazero.Overlay(tmp_path / "none")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        wazero.Overlay(tmp_path / "file")


# -------------------------------------------------------------------- what is below


def layers(root, forward):
    files = {"file": b"hello world", "sub": {"inner": b"inner"}}
    return {
        "path": root,
        "Dir": wazero.Dir(root, readonly=True),
        "counted": wazero.Dir(root, max_bytes=0, max_files=0),
        "MemoryFS": wazero.MemoryFS(files),
        "mapping": files,
        "Overlay": wazero.Overlay(root),
        "Python": forward(root),
    }


@pytest.mark.parametrize(
    "kind", ["path", "Dir", "counted", "MemoryFS", "mapping", "Overlay", "Python"]
)
def test_every_kind_of_file_system_below(guest, root, forward, kind, fails):
    lower = layers(root, forward)[kind]
    overlay = wazero.Overlay(lower)
    made = guest(mounts={"/": overlay})
    numbers = {made.stat(name).ino for name in (".", "file", "sub", "sub/inner")}
    reader = made.open("file")
    assert made.read(reader, 2) == b"he"
    fd = made.open("file", 0, READ | WRITE)
    made.write(fd, b"J")
    assert made.read(reader, 20) == b"llo world"
    assert made.pread(reader, 20, 0) == b"Jello world"
    made.create("sub/new", b"new")
    made.rename("sub", "moved")
    made.unlink("file")
    made.create("a")
    made.mkdir("b")
    assert not {made.stat(name).ino for name in ("a", "b", "moved/new")} & numbers
    assert names(made, "moved")[-2:] == ["inner", "new"]
    assert overlay.deleted == ["file", "sub"]
    assert overlay.upper["moved/inner"] == b"inner"
    fails("NOENT", made.stat, "sub")
    if kind in ("MemoryFS", "Overlay"):
        assert lower["file"] == b"hello world" and lower["sub/inner"] == b"inner"
    if kind == "Overlay":
        assert lower.upper.used_files == 0
    assert (root / "file").read_bytes() == b"hello world"
    assert sorted(os.listdir(root / "sub")) == ["deep", "inner"]


def test_python_below_lives_as_long_as_who_has_it(guest, root, forward):
    python = forward(root)
    gone = weakref.ref(python)
    overlay = wazero.Overlay(wazero.Overlay(python))
    made = guest(mounts={"/": overlay})
    del python, overlay
    gc.collect()
    assert content(made, "file") == b"hello world"
    made.module.close()
    del made
    gc.collect()
    assert gone() is None


def test_python_below_raises(guest, root, forward):
    class Bad(forward):
        armed = False

        def stat(self, path):
            if self.armed:
                raise ZeroDivisionError(path)
            return super().stat(path)

    bad = Bad(root)
    made = guest(mounts={"/": wazero.Overlay(bad)})
    bad.armed = True
    for act in (
        lambda: made.open("file", 0, WRITE),
        lambda: made.rename("sub", "b"),
        lambda: made.unlink("file"),
        lambda: made.mkdir("new"),
        lambda: made.opendir("sub"),
    ):
        with pytest.raises(ZeroDivisionError):
            act()
    with pytest.raises(ZeroDivisionError):
        wazero.Overlay(bad)
    bad.armed = False
    assert content(made, "file") == b"hello world"


def test_a_cycle_is_collected(root, forward):
    python = forward(root)
    python.overlay = wazero.Overlay(python)
    gone = weakref.ref(python.overlay)
    del python
    gc.collect()
    assert gone() is None


# -------------------------------------------------------------------- the object


def test_wrong_uses(root):
    fs = wazero.MemoryFS()
    overlay = wazero.Overlay(root, fs)
    assert overlay.upper is fs
    for wrong in (3, {}, root, "x", wazero.Dir(root), overlay):
        with pytest.raises(TypeError, match=r"upper must be a wazero\.MemoryFS"):
            wazero.Overlay(root, wrong)
    for wrong in (3, None, 1.5):
        with pytest.raises(TypeError):
            wazero.Overlay(wrong)
    with pytest.raises(TypeError, match="it has no mode"):
        wazero.Overlay((root, "ro"))
    with pytest.raises(TypeError):
        wazero.Overlay()
    with pytest.raises(wazero.WazeroError, match="of two file systems"):
        wazero.Overlay(fs, fs)
    for act in (copy.copy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot be pickled"):
            act(overlay)
    with pytest.raises(AttributeError):
        overlay.upper = fs  # type: ignore[misc]
    deep = root
    with pytest.raises(wazero.WazeroError, match="more than 16 overlays"):
        for _ in range(20):
            deep = wazero.Overlay(deep)
    assert content is not None and deep["file"] == b"hello world"
    assert repr(overlay).startswith("<wazero.Overlay on ")


def test_as_a_mapping(overlay):
    assert overlay["sub/inner"] == b"inner" and overlay["link"] == b"inner"
    assert sorted(overlay) == ["file", "link", "sub/deep/x", "sub/inner"]
    overlay["file"] = b"changed"
    overlay["new/file"] = b"made"
    del overlay["sub/inner"]
    overlay.rmtree("sub/deep")
    overlay.mkdir("folder/made")
    assert overlay.upper == {"file": b"changed", "new/file": b"made"}
    assert overlay.deleted == ["sub/deep", "sub/inner"]
    assert sorted(overlay.listdir("sub")) == ["made"]
    with pytest.raises(KeyError):
        overlay["sub/inner"]
    with pytest.raises(IsADirectoryError):
        overlay["sub"]


def test_closing_in_any_order(guest, root):
    overlay = wazero.Overlay(root)
    upper = overlay.upper
    made = guest(mounts={"/": overlay})
    other = guest(mounts={"/": overlay})
    fd = made.open("file", 0, READ | WRITE)
    low = made.open("sub/inner")
    del overlay
    gc.collect()
    other.module.close()
    assert made.write(fd, b"J") == 1 and made.read(low, 9) == b"inner"
    made.module.close()
    del made, other
    gc.collect()
    assert upper == {"file": b"Jello world"} and upper.used_files == 1


def test_of_another_runtime(guest, root):
    overlay = wazero.Overlay(root)
    one = guest(mounts={"/": overlay})
    with wazero.Runtime() as runtime:
        two = guest(runtime=runtime, mounts={"/": overlay})
        one.create("new", b"1")
        assert content(two, "new") == b"1"
        two.unlink("file")
    assert names(one) == ["folder", "link", "new", "sub"]


def test_read_only(guest, overlay, fails):
    made = guest(mounts={"/": (overlay, "ro")})
    fails("ROFS", made.create, "x")
    fails("ROFS", made.unlink, "file")
    assert content(made, "file") == b"hello world"


def test_after_a_fork(overlay):
    child = os.fork()
    if not child:
        overlay["child"] = b"1"
        del overlay["file"]
        os._exit(0 if len(overlay) == 4 and overlay.deleted == ["file"] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert "child" not in overlay and overlay.deleted == []


def test_a_copy_that_takes_long_is_ended(guest, tmp_path):
    """A file that never ends, below: a timeout ends its copying."""

    class Endless:
        def stat(self, path):
            if path == ".":
                return wazero.Stat.directory()
            return wazero.Stat.file(1)

        def listdir(self, path):
            return ["file"]

        def open(self, path, mode):
            return self

        def read(self, size):
            return b"x" * min(size, 1000)

        def close(self):
            pass

    upper = wazero.MemoryFS(max_bytes=2**40)
    made = guest(mounts={"/": wazero.Overlay(Endless(), upper)})
    start = time.monotonic()
    with pytest.raises(wazero.Timeout):
        made.call(
            "path_open", 3, 0, *made.put("file"), 0, WRITE, WRITE, 0, 64, timeout=0.2
        )
    assert time.monotonic() - start < 30
    assert upper.used_files == upper.used_bytes == 0


def test_deep_folders(guest, tmp_path):
    """Deeper than a path can say."""
    made = guest(mounts={"/": wazero.Overlay(tmp_path)})
    fd = 3
    for _ in range(10_000):
        made.mkdir("d", fd)
        below = made.opendir("d", fd)
        if fd != 3:
            made.close(fd)
        fd = below
    made.create("file", b"deep", dirfd=fd)
    made.rename("d", "e")
    assert made.call("path_open", 3, 0, *made.put("d/" * 100), 0, 2, 2, 0, 64) == (
        "NOENT"
    )


def test_deep_folders_below(guest):
    below = wazero.MemoryFS({"d/" * 1_000 + "f": b"deep"})
    overlay = wazero.Overlay(below)
    made = guest(mounts={"/": overlay})
    made.create("d/d/new", b"1")
    overlay["d/" * 1_000 + "g"] = b"g"
    assert overlay["d/" * 1_000 + "f"] == b"deep"
    made.rename("d", "e")
    assert overlay.upper["e/" + "d/" * 999 + "f"] == b"deep"
    assert len(below) == 1


# -------------------------------------------------------------------- threads


def test_many_guests_and_the_host_at_once(guest, root):
    """A hammer: nothing is torn, below nothing changes, and the account is right."""
    for i in range(12):
        (root / f"d{i}").mkdir()
        (root / f"{i}").write_bytes(b"abc" * 500)
        (root / f"d{i}" / "inner").write_bytes(b"abc" * 100)
    before = state(root)
    overlay = wazero.Overlay(root, wazero.MemoryFS(max_bytes="8MiB", max_files=2000))
    problems = []

    def work(number):
        with wazero.Runtime() as runtime:
            made = guest(runtime=runtime, mounts={"/": overlay})
            side = Side(made)
            for i in range(250):
                name = f"{(i * (number + 3)) % 12}"
                other = f"{(i * 7 + number) % 12}"
                for act in (
                    ("mkdir", f"d{other}"),
                    ("open", name, CREAT, READ | WRITE, 0, 1),
                    ("write", 0, b"abc" * 300),
                    ("open", f"d{name}/{other}", CREAT | EXCL, WRITE, 0, 1),
                    ("open", other, 0, READ, 0, 1),
                    ("rename", name, f"d{other}/{name}"),
                    ("rename", f"d{name}", f"d{other}/d"),
                    ("rename", f"d{other}/d", f"d{name}"),
                    ("link", name, other),
                    ("symlink", other, f"l{name}"),
                    ("stat", f"d{other}/inner", 1),
                    ("list", f"d{name}"),
                    ("unlink", other),
                    ("unlink", f"d{other}/inner"),
                    ("rmdir", f"d{other}"),
                ):
                    side.outcome(act)
                for fd in side.fds:
                    data = made.read(fd, 3000) if side.outcome(("fstat", 0)) else b""
                    assert not data.strip(b"abc")

    def guarded(number):
        try:
            work(number)
        except BaseException as error:
            if type(error).__name__ != "WasiError":
                problems.append(error)

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        overlay.to_dict()
        assert overlay.deleted is not None
        time.sleep(0.01)
    for thread in threads:
        thread.join()
    assert not problems and state(root) == before
    for name in overlay.upper.listdir():
        overlay.upper.rmtree(name)
    deleted = overlay.deleted
    gc.collect()
    # What is left are the whiteouts of the root.
    assert (overlay.used_bytes, overlay.used_files) == (0, len(deleted))
    assert sorted(os.listdir(root)) == sorted({*overlay.listdir(), *deleted})


# -------------------------------------------------------------------- equal to a folder

SEED = st.sampled_from(
    [
        {"a": {"b": b"one", "c": b"two"}, "b": b"three"},
        {"a": {"b": {"c": b"deep"}}, "c": b""},
        {"a": b"hello", "b": {"a": {}, "c": b"z" * 200}, "c": b"1"},
    ]
)


def build(folder, tree):
    folder.mkdir()
    for name, what in tree.items():
        if isinstance(what, dict):
            build(folder / name, what)
        else:
            (folder / name).write_bytes(what)


def apply(overlay, folder):
    """Makes of a copy of what is below what guests see, but for links."""
    for path in overlay.deleted:
        at = folder / path
        if at.is_dir() and not at.is_symlink():
            shutil.rmtree(at)
        else:
            at.unlink()
    links = []
    for path, kind in overlay.upper._list("", True):
        if kind == "directory":
            (folder / path).mkdir(exist_ok=True)
        elif kind == "file":
            (folder / path).write_bytes(overlay.upper[path])
        else:
            links.append(folder / path)
    for link in links:
        link.unlink(missing_ok=True)


def test_is_equal_to_a_folder(guest, tmp_path):
    """Whatever guests do, they are told what they would be of a plain copy."""
    numbers = itertools.count()

    @settings(
        max_examples=200,
        deadline=None,
        derandomize=True,  # `make test` says the same each time
        suppress_health_check=list(HealthCheck),
    )
    @given(SEED, st.booleans(), st.lists(OPERATIONS, min_size=5, max_size=40))
    def compare(seed, linked, operations):
        base = tmp_path / str(next(numbers))
        base.mkdir()
        for name in ("lower", "copy", "applied"):
            build(base / name, seed)
            if linked:
                (base / name / "l").symlink_to("a")
        before = state(base / "lower")
        overlay = wazero.Overlay(base / "lower")
        one, two = (Side(guest(mounts={"/": at})) for at in (overlay, base / "copy"))
        for operation in operations:
            assert one.outcome(operation) == two.outcome(operation), operation
        expected = read_tree(base / "copy")
        assert without_links(overlay.to_dict(), base / "copy") == expected
        for side in (one, two):
            side.made.module.close()
        assert state(base / "lower") == before
        apply(overlay, base / "applied")
        assert read_tree(base / "applied") == expected
        shutil.rmtree(base)

    compare()


def test_reading_is_refused_as_below(guest, root):
    """What the host may not read the guest may not either, and is told why."""
    if os.geteuid() == 0:
        with pytest.raises(OSError) as caught:
            wazero.Overlay(root)["sub"]
        assert caught.value.errno == errno.EISDIR
        return
    (root / "file").chmod(0)
    made = guest(mounts={"/": wazero.Overlay(root)})
    for rights in (READ, WRITE):
        with pytest.raises(Exception, match="ACCES"):
            made.open("file", 0, rights)
