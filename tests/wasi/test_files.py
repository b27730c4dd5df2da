"""Files, directories, links, rights and descriptors of a mounted folder."""

import os
import pathlib
import resource
import signal
import stat
import subprocess
import sys

import pytest
import wazero
from wasmtime import wat2wasm

READ, WRITE = 0x2, 0x40


@pytest.fixture
def wat():
    return lambda text: bytes(wat2wasm(text))


@pytest.fixture
def mounted(guest, root):
    return guest(mounts={"/": root})


# -------------------------------------------------------------------- mounts


def test_preopens_are_numbered_and_named(guest, root, fails):
    made = guest(mounts={"/": root, "/a/b": root / "sub", "rel": root})
    assert [made.prestat(fd) for fd in (3, 4, 5)] == ["/", "/a/b", "rel"]
    fails("BADF", made.prestat, 6)
    fails("BADF", made.prestat, 0)
    for said in (".", "./", "/"):
        assert guest(mounts={said: root}).prestat(3) == "/"
    assert made.stat("inner", dirfd=4).size == 5
    made.memory.write(made.DATA, bytes(8))
    assert made.call("fd_prestat_dir_name", 4, made.DATA, 3) == "NAMETOOLONG"
    assert made.call("fd_prestat_dir_name", 4, made.DATA, 8) == "SUCCESS"
    assert made.memory.read(made.DATA, 8) == b"/a/b\0\0\0\0"


def test_the_last_mount_for_a_place_counts(guest, root):
    fs = wazero.FSConfig().mount(root, "/a").mount(root, "/").mount(root / "sub", "a/")
    made = guest(fs=fs)
    assert [made.prestat(fd) for fd in (3, 4)] == ["a/", "/"]
    assert made.stat("inner", dirfd=3).size == 5
    assert made.call("fd_prestat_get", 5, made.RESULT) == "BADF"


def test_a_folder_that_went_away(rt, guest, root):
    config = wazero.ModuleConfig(mounts={"/": root / "sub"})
    (root / "sub" / "inner").unlink()
    (root / "sub").rmdir()
    with pytest.raises(FileNotFoundError):
        guest(config=config)


def test_two_mounts_are_kept_apart(guest, root, tmp_path, fails):
    made = guest(mounts={"/": root, "/out": tmp_path / "outside"})
    fails("XDEV", made.rename, "file", "moved", 3, 4)
    fails("XDEV", made.link, "file", "linked", 3, 4)
    assert sorted(os.listdir(tmp_path / "outside")) == ["secret"]
    made.rename("file", "sub/file")
    assert (root / "sub" / "file").exists()


# -------------------------------------------------------------------- files


def test_read_write_seek(mounted, root):
    fd = mounted.open("file")
    assert fd == 4
    assert mounted.read(fd, 5) == b"hello"
    assert mounted.read(fd, 2, 0, 100) == b" world"
    assert mounted.read(fd, 10) == b""
    assert mounted.seek(fd, -5, 2) == 6
    assert mounted.read(fd, 10) == b"world"
    mounted.do("fd_tell", fd, mounted.RESULT)
    assert mounted.u64() == 11
    assert mounted.pread(fd, 4, 1) == b"ello"
    new = mounted.create("new")
    assert mounted.write(new, b"abc", b"", b"defg") == 7
    assert mounted.pwrite(new, b"XY", 2) == 2
    mounted.do("fd_filestat_set_size", new, 5)
    mounted.do("fd_sync", new)
    mounted.do("fd_datasync", new)
    assert (root / "new").read_bytes() == b"abXYe"
    mounted.do("fd_allocate", new, 0, 100)
    assert mounted.fstat(new).size == 100
    mounted.do("fd_advise", new, 0, 0, 5)
    assert mounted.call("fd_advise", new, 0, 0, 6) == "INVAL"


def test_append(mounted, root):
    fd = mounted.open("file", 0, READ | WRITE, fdflags=1)
    mounted.write(fd, b"!")
    mounted.seek(fd, 0)
    mounted.write(fd, b"?")
    assert (root / "file").read_bytes() == b"hello world!?"
    mounted.do("fd_fdstat_set_flags", fd, 0)
    mounted.seek(fd, 0)
    mounted.write(fd, b"J")
    assert (root / "file").read_bytes() == b"Jello world!?"


def test_what_open_refuses(mounted, fails):
    fails("NOENT", mounted.open, "none")
    fails("EXIST", mounted.open, "file", 1 | 4, WRITE)
    fails("NOTDIR", mounted.opendir, "file")
    fails("NOTDIR", mounted.open, "file/")
    fails("NOTDIR", mounted.open, "file/x")
    fails("ISDIR", mounted.open, "sub", 0, WRITE)
    fails("INVAL", mounted.open, "x", 1 | 2)
    fails("INVAL", mounted.open, "x", 16)
    fails("INVAL", mounted.open, "file", 0, READ, 32)
    fails("NOENT", mounted.open, "")
    fails("ILSEQ", mounted.open, "a\0b")
    fails("NAMETOOLONG", mounted.open, "a" * 256)
    fails("NAMETOOLONG", mounted.open, "a/" * 2500)
    fails("BADF", mounted.open, "file", dirfd=99)
    fd = mounted.open("file")
    fails("NOTDIR", mounted.open, "x", dirfd=fd)
    fails("BADF", mounted.write, fd, b"x")
    fails("BADF", mounted.read, mounted.open("w", 1, WRITE), 1)


def test_stat_and_times(mounted, root, fails):
    os.symlink("file", root / "link")
    real = os.stat(root / "file")
    told = mounted.stat("file")
    assert (told.dev, told.ino, told.type) == (real.st_dev, real.st_ino, 4)
    assert (told.nlink, told.size, told.mtim) == (1, 11, real.st_mtime_ns)
    assert mounted.stat("link") == told
    assert mounted.stat("link", follow=0).type == 7
    assert mounted.stat("sub/").type == mounted.stat(".").type == 3
    fails("NOTDIR", mounted.stat, "file/")
    mounted.utimens("link", 10**9, 2 * 10**9 + 7)
    assert os.stat(root / "file").st_mtime_ns == 2 * 10**9 + 7
    mounted.utimens("link", 5 * 10**9, 0, 0b0001, follow=0)
    assert os.lstat(root / "link").st_atime_ns == 5 * 10**9
    assert os.stat(root / "file").st_atime_ns == 10**9
    fails("INVAL", mounted.utimens, "file", flags=3)
    fails("INVAL", mounted.utimens, "file", flags=16)
    fd = mounted.open("file", 0, READ | WRITE)
    mounted.do("fd_filestat_set_times", fd, 0, 3 * 10**9, 4)
    assert mounted.fstat(fd).mtim == 3 * 10**9


def test_directories(mounted, root, fails):
    mounted.mkdir("new")
    mounted.mkdir("new/deeper/")
    fails("EXIST", mounted.mkdir, "new")
    fails("EXIST", mounted.mkdir, ".")
    fails("NOTEMPTY", mounted.rmdir, "new")
    fails("INVAL", mounted.rmdir, ".")
    fails("NOTDIR", mounted.rmdir, "file")
    mounted.rmdir("new/deeper")
    mounted.rmdir("new/")
    assert not (root / "new").exists()
    fails("ISDIR", mounted.unlink, "sub")
    fails("ISDIR", mounted.unlink, "sub/")
    fails("NOTDIR", mounted.unlink, "file/")
    fails("NOENT", mounted.unlink, "none")
    mounted.unlink("file")
    assert not (root / "file").exists()


def test_scandir(mounted, root):
    for i in range(300):
        (root / "sub" / f"{i:03}-{'x' * (i % 90)}").write_bytes(b"")
    os.symlink("inner", root / "sub" / "link")
    fd = mounted.opendir("sub")
    expected = {b".", b".."} | {os.fsencode(e) for e in os.listdir(root / "sub")}
    for size in (65536, 4096, 150):
        entries = mounted.scandir(fd, size)
        assert len(entries) == 304
        assert {name for name, _, _ in entries} == expected
    assert [name for name, _, _ in entries[:2]] == [b".", b".."]
    found = {name: (kind, inode) for name, kind, inode in entries}
    assert found[b"link"] == (7, os.lstat(root / "sub" / "link").st_ino)
    assert found[b"inner"] == (4, os.stat(root / "sub" / "inner").st_ino)
    assert found[b"."] == (3, os.stat(root / "sub").st_ino)
    assert found[b".."] == (3, 0)  # what is above is not told


def test_a_listing_is_a_snapshot(mounted, root):
    fd = mounted.opendir("sub")
    mounted.do("fd_readdir", fd, mounted.DATA, 65536, 0, mounted.RESULT)
    before = mounted.u32()
    (root / "sub" / "more").write_bytes(b"")
    mounted.do("fd_readdir", fd, mounted.DATA, 65536, 2, mounted.RESULT)
    assert mounted.u32() == before - 24 - 1 - 24 - 2
    assert len(mounted.scandir(fd)) == 4
    mounted.do("fd_readdir", fd, mounted.DATA, 65536, 2**63, mounted.RESULT)
    assert mounted.u32() == 0
    mounted.do("fd_readdir", fd, mounted.DATA, 7, 0, mounted.RESULT)
    assert mounted.u32() == 7  # the first entry, cut


def test_links(mounted, root, fails):
    mounted.symlink("file", "link")
    assert os.readlink(root / "link") == "file"
    assert mounted.readlink("link") == b"file"
    assert mounted.readlink("link", size=2) == b"fi"
    fails("INVAL", mounted.readlink, "file")
    fails("NOENT", mounted.symlink, "", "x")
    fails("EXIST", mounted.symlink, "x", "link")
    fails("NOENT", mounted.symlink, "x", "y/")
    fails("EXIST", mounted.symlink, "x", "sub/")
    fails("NOTDIR", mounted.symlink, "x", "link/")
    assert mounted.read(mounted.open("link"), 5) == b"hello"
    fails("LOOP", mounted.open, "link", follow=0)
    mounted.symlink("loop", "loop")
    fails("LOOP", mounted.open, "loop")
    fails("LOOP", mounted.stat, "loop/x")
    mounted.link("file", "hard")
    assert os.stat(root / "hard").st_nlink == 2
    fails("INVAL", mounted.link, "link", "hard2", flags=1)
    mounted.link("link", "hard2")
    assert (root / "hard2").is_symlink()
    fails("PERM", mounted.link, "sub", "hard3")
    fails("EXIST", mounted.link, "file", "hard")
    fails("NOENT", mounted.link, "file", "hard4/")
    fails("NOTDIR", mounted.rmdir, "link/")


def test_creating_through_a_dangling_link(mounted, root):
    mounted.symlink("sub/made", "dangling")
    mounted.close(mounted.create("dangling", b"x"))
    assert (root / "sub" / "made").read_bytes() == b"x"
    assert (root / "dangling").is_symlink()


def test_rename(mounted, root, fails):
    mounted.rename("file", "sub/moved")
    assert (root / "sub" / "moved").read_bytes() == b"hello world"
    fails("NOENT", mounted.rename, "file", "x")
    fails("NOTDIR", mounted.rename, "sub/moved/", "x")
    fails("NOTDIR", mounted.rename, "sub/moved", "x/")
    fails("BUSY", mounted.rename, ".", "x")
    fails("INVAL", mounted.rename, "sub", "sub/in")
    mounted.rename("sub/", "renamed/")
    assert (root / "renamed" / "inner").exists()


def test_dot_dot_inside_is_fine(mounted, root):
    os.symlink("sub", root / "to")
    for path in ("sub/../file", "./sub/./../file", "to/../file", "sub/../sub/../file"):
        assert mounted.stat(path).size == 11
    assert mounted.stat("sub/..").ino == os.stat(root).st_ino


# -------------------------------------------------------------------- read only


def test_read_only_refuses_every_change(guest, root, fails):
    made = guest(mounts={"/": (root, "ro")})

    def look():
        return {p: (p.lstat().st_mtime_ns, p.lstat().st_size) for p in root.rglob("*")}

    before = look()
    fails("ROFS", made.open, "file", 0, WRITE)
    fails("ROFS", made.open, "new", 1)
    fails("ROFS", made.open, "file", 8)
    fails("NOENT", made.open, "new", 0, WRITE)
    fails("ROFS", made.mkdir, "new")
    fails("ROFS", made.rmdir, "sub")
    fails("ROFS", made.unlink, "file")
    fails("ROFS", made.symlink, "x", "new")
    fails("ROFS", made.link, "file", "new")
    fails("ROFS", made.rename, "file", "new")
    fails("ROFS", made.utimens, "file")
    fd = made.open("file")
    assert made.read(fd, 5) == b"hello"
    assert made.call("fd_filestat_set_size", fd, 0) == "ROFS"
    assert made.call("fd_allocate", fd, 0, 100) == "ROFS"
    assert made.call("fd_filestat_set_times", fd, 0, 0, 5) == "ROFS"
    fails("BADF", made.write, fd, b"x")
    # what is below is no less read-only
    sub = made.opendir("sub")
    fails("ROFS", made.unlink, "inner", sub)
    fails("ROFS", made.create, "x", dirfd=sub)
    assert look() == before
    both = guest(mounts={"/": root, "/ro": (root / "sub", "ro")})
    fails("ROFS", both.rename, "inner", "x", 4, 3)
    fails("ROFS", both.rename, "file", "x", 3, 4)
    fails("ROFS", both.link, "inner", "x", 4, 3)


# -------------------------------------------------------------------- rights


def test_rights_are_reported_dropped_and_inherited(mounted, fails):
    kind, flags, base, inheriting = mounted.fdstat(3)
    assert (kind, flags) == (3, 0) and base & (1 << 13) and inheriting & READ
    fd = mounted.open("file", 0, READ | 1 << 21)
    assert mounted.fdstat(fd)[2] & (READ | WRITE) == READ
    assert mounted.call("fd_fdstat_set_rights", fd, READ | WRITE, 0) == "NOTCAPABLE"
    mounted.do("fd_fdstat_set_rights", fd, 0, 0)
    fails("NOTCAPABLE", mounted.read, fd, 1)
    fails("NOTCAPABLE", mounted.fstat, fd)
    assert mounted.call("fd_fdstat_set_rights", fd, READ, 0) == "NOTCAPABLE"
    unlink, mkdir = 1 << 26, 1 << 9
    sub = mounted.open("sub", 2, 2**29 - 1 & ~WRITE)
    mounted.do(
        "fd_fdstat_set_rights",
        sub,
        mounted.fdstat(sub)[2] & ~unlink,
        mounted.fdstat(sub)[3] & ~mkdir,
    )
    fails("NOTCAPABLE", mounted.unlink, "inner", sub)
    mounted.mkdir("child", sub)
    child = mounted.opendir("child", sub)
    fails("NOTCAPABLE", mounted.mkdir, "x", child)


# -------------------------------------------------------------------- descriptors


def test_the_lowest_number_first(mounted, fails):
    assert [mounted.open("file") for _ in range(5)] == [4, 5, 6, 7, 8]
    mounted.close(5)
    mounted.close(7)
    assert [mounted.open("file") for _ in range(3)] == [5, 7, 9]
    mounted.close(0)
    assert mounted.open("file") == 0
    fails("BADF", mounted.close, 99)
    fails("BADF", mounted.close, 2**32 - 1)


def test_renumber(mounted, fails):
    first, second = mounted.open("file"), mounted.open("sub/inner")
    mounted.do("fd_renumber", first, second)
    assert mounted.read(second, 20) == b"hello world"
    fails("BADF", mounted.close, first)
    assert mounted.call("fd_renumber", second, first) == "BADF"
    assert mounted.call("fd_renumber", 99, second) == "BADF"
    mounted.do("fd_renumber", second, second)
    mounted.do("fd_renumber", second, 3)
    fails("NOTDIR", mounted.stat, "file")


def open_descriptors():
    return len(os.listdir("/proc/self/fd"))


def test_closing_the_module_closes_what_it_opened(rt, guest, root):
    guest(mounts={"/": root}).module.close()
    before = open_descriptors()
    for how in ("close", "delete"):
        made = guest(mounts={"/": root, "/sub": root / "sub"}, stdin=b"")
        for _ in range(20):
            made.open("file")
            made.opendir("sub")
        assert open_descriptors() >= before + 42
        if how == "close":
            made.module.close()
        del made
        assert open_descriptors() == before


def test_a_guest_that_exits_leaves_nothing_open(guest, root):
    before = open_descriptors()
    made = guest(mounts={"/": root})
    made.open("file")
    with pytest.raises(wazero.ExitError):
        made.module.exports.proc_exit(3)
    assert open_descriptors() == before


def test_opening_for_ever_leaves_some_to_the_host(python_limited):
    """The guest gets MFILE, and the host can still open files."""
    assert python_limited == "MFILE ok\n"


@pytest.fixture
def python_limited(root):
    code = f"""
import importlib.util, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (400, 400))
spec = importlib.util.spec_from_file_location(
    "c", {str(pathlib.Path(__file__).with_name("conftest.py"))!r})
c = importlib.util.module_from_spec(spec)
sys.modules["c"] = c
spec.loader.exec_module(c)
import wazero
with wazero.Runtime() as rt:
    g = c.Guest(rt.instantiate(c.guest_wasm(), mounts={{"/": {str(root)!r}}}))
    opened = 0
    try:
        while opened < 1000:
            g.open("file")
            opened += 1
    except c.WasiError as error:
        files = [open("/dev/null") for _ in range(40)]
        print(error, "ok")
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_full_disk_and_limits_are_told_apart(guest, root, fails):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    made = guest(mounts={"/": root})
    fd = made.create("big")
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        fails("FBIG", made.pwrite, fd, b"x", 1 << 21)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)


# -------------------------------------------------------------------- unstable


def test_wasi_unstable_has_its_own_layouts(guest, root):
    made = guest("wasi_unstable", mounts={"/": root})
    told = made.stat("file")
    assert (told.type, told.nlink, told.size) == (4, 1, 11)
    assert told.mtim == os.stat(root / "file").st_mtime_ns
    fd = made.open("file")
    CUR, END, SET = 0, 1, 2
    assert made.seek(fd, -4, END) == 7
    assert made.seek(fd, 3, SET) == 3
    assert made.seek(fd, 1, CUR) == 4
    assert made.call("fd_seek", fd, 0, 3, made.RESULT) == "INVAL"
    # a clock (identifier, id, timeout, precision, flags) and a file, 56 bytes each
    made.memory.write(made.DATA, bytes(112))
    made.memory.pack("<QB7xQI4xQQH", made.DATA, 5, 0, 77, 1, 0, 0, 0)
    made.memory.pack("<QB7xI", made.DATA + 56, 6, 1, fd)
    made.do("poll_oneoff", made.DATA, made.DATA + 200, 2, made.RESULT)
    assert made.u32() == 2
    events = [made.memory.unpack("<QHB", made.DATA + 200 + 32 * i) for i in range(2)]
    assert events == [(5, 0, 0), (6, 0, 1)]


# -------------------------------------------------------------------- other modules


def test_a_function_that_is_exported_again_works_on_the_callers_files(rt, wat, root):
    source = rt.instantiate(
        wat(
            '(module (import "wasi_snapshot_preview1" "args_sizes_get"'
            " (func $f (param i32 i32) (result i32)))"
            ' (memory (export "memory") 1) (export "sizes" (func $f)))'
        ),
        args=["one"],
    )
    caller = rt.instantiate(
        wat(
            '(module (import "a" "sizes" (func $f (param i32 i32) (result i32)))'
            ' (memory (export "memory") 1)'
            ' (func (export "run") (result i32 i32)'
            " (call $f (i32.const 0) (i32.const 4)) (i32.load (i32.const 0))))"
        ),
        imports={"a": source},
        args=["one", "two"],
    )
    assert caller.exports.run() == (0, 2)


def test_the_host_calls_one_that_is_exported_again(rt, wat):
    module = rt.instantiate(
        wat(
            '(module (import "wasi_snapshot_preview1" "args_sizes_get"'
            " (func $f (param i32 i32) (result i32)))"
            ' (memory (export "memory") 1) (export "sizes" (func $f)))'
        ),
        args=["one", "two"],
    )
    assert module.exports.sizes(0, 4) == 0
    assert module.memory.unpack("<II", 0) == (2, 8)


def test_who_imports_what_there_is_not(rt, wat):
    with pytest.raises(wazero.LinkError, match='"fd_fly" is not exported in module'):
        rt.instantiate(
            wat('(module (import "wasi_snapshot_preview1" "fd_fly" (func)))')
        )
    with pytest.raises(wazero.LinkError, match=r"fd_close\]: signature mismatch"):
        rt.instantiate(
            wat('(module (import "wasi_snapshot_preview1" "fd_close" (func)))')
        )
    with pytest.raises(wazero.LinkError, match=r"fd_close\]: kind mismatch"):
        rt.instantiate(
            wat('(module (import "wasi_snapshot_preview1" "fd_close" (memory 1)))')
        )


def test_a_module_without_memory(rt, wat):
    made = rt.instantiate(
        wat(
            '(module (import "wasi_snapshot_preview1" "fd_write"'
            " (func $f (param i32 i32 i32 i32) (result i32)))"
            ' (func (export "run") (result i32)'
            " (call $f (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0))))"
        )
    )
    assert made.exports.run() == 21  # FAULT


def test_the_mode_of_what_is_made(mounted, root):
    mask = os.umask(0o027)
    try:
        mounted.close(mounted.create("new"))
        mounted.mkdir("dir")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((root / "new").stat().st_mode) == 0o640
    assert stat.S_IMODE((root / "dir").stat().st_mode) == 0o750
