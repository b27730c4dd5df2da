"""File systems that are written in Python, and what a guest sees of them."""

import errno
import gc
import io
import os
import stat
import sys
import types
import weakref

import pytest
import wazero

READ, WRITE = 0x2, 0x40


class Small:
    """Nothing but what is required: files that are bytes."""

    def __init__(self, **files):
        self.files = files

    def stat(self, path):
        if path == ".":
            return wazero.Stat.directory()
        if path not in self.files:
            raise FileNotFoundError(path)
        return wazero.Stat.file(len(self.files[path]), mtime_ns=7)

    def listdir(self, path):
        return list(self.files)

    def open(self, path, mode):
        return io.BytesIO(self.files[path])


class Kept(Small):
    """What is written comes back when the file is closed."""

    def open(self, path, mode):
        outer = self

        class File(io.BytesIO):
            def close(self):
                if not self.closed:
                    outer.files[path] = self.getvalue()
                super().close()

        file = File(b"" if "w" in mode or "x" in mode else self.files[path])
        self.files.setdefault(path, b"")
        return file


@pytest.fixture
def forwarded(guest, root, forward):
    return guest(mounts={"/": forward(root)})


# -------------------------------------------------------------------- mounting


def test_what_is_a_file_system():
    assert isinstance(Small(), wazero.FileSystem)
    assert isinstance(wazero.BaseFileSystem(), wazero.FileSystem)
    assert not isinstance(object(), wazero.FileSystem)


@pytest.mark.parametrize("value", [Small, object(), types.SimpleNamespace(stat=1), 5])
def test_what_is_none(guest, value):
    with pytest.raises(TypeError):
        guest(mounts={"/": value})


@pytest.mark.parametrize(
    "options",
    [
        lambda fs: {"mounts": {"/": fs}},
        lambda fs: {"mounts": {"/": (fs, "ro")}},
        lambda fs: {"fs": fs},
        lambda fs: {"fs": wazero.FSConfig().mount(fs, "/")},
        lambda fs: {"fs": wazero.FSConfig().mount_python(fs)},
    ],
)
def test_ways_to_mount(guest, options):
    made = guest(**options(Small(a=b"text")))
    assert made.read(made.open("a"), 10) == b"text"


def test_mount_python(guest, fails):
    config = wazero.FSConfig().mount_python(Kept(a=b"text"), "/", readonly=True)
    fails("ROFS", guest(fs=config).open, "a", rights=READ | WRITE)
    for value in (Small, object(), {"a": b""}, "/"):
        with pytest.raises(TypeError, match="argument 'files' must have the methods"):
            wazero.FSConfig().mount_python(value)


def test_stat():
    assert stat.S_ISREG(wazero.Stat.file(3).st_mode)
    assert stat.S_ISDIR(wazero.Stat.directory().st_mode)
    link = wazero.Stat.symlink("täg")
    assert stat.S_ISLNK(link.st_mode)
    assert link.st_size == 4


# -------------------------------------------------------------------- the least


def test_small(guest, fails):
    made = guest(mounts={"/": Small(a=b"text", b=b"")})
    entries = made.scandir(made.opendir("."))
    assert {(name, kind) for name, kind, _ in entries} == {
        (b".", 3),
        (b"..", 3),
        (b"a", 4),
        (b"b", 4),
    }
    status = made.stat("a")
    assert (status.size, status.mtim, status.nlink) == (4, 7, 1)
    assert status.ino == next(inode for name, _, inode in entries if name == b"a")
    assert status.ino != made.stat("b").ino != 0
    fd = made.open("a")
    assert made.fstat(fd).size == 4
    assert made.read(fd, 2) == b"te"
    assert made.read(fd, 9) == b"xt"
    assert made.read(fd, 9) == b""
    fails("NOENT", made.open, "c")
    fails("NOTDIR", made.stat, "a/b")
    fails("PERM", made.stat, "../a")
    fails("ROFS", made.mkdir, "d")
    fails("ROFS", made.rmdir, "a")
    fails("ROFS", made.unlink, "a")
    fails("ROFS", made.rename, "a", "c")
    fails("ROFS", made.link, "a", "c")
    fails("ROFS", made.symlink, "a", "c")
    fails("ROFS", made.utimens, "a")
    fails("INVAL", made.readlink, "a")


def test_the_base_class_does_nothing(guest, fails):
    fails("NOSYS", guest(mounts={"/": wazero.BaseFileSystem()}).stat, ".")

    class Half(wazero.BaseFileSystem, Small):
        stat = Small.stat

    made = guest(mounts={"/": Half()})
    fails("NOSYS", made.scandir, made.opendir("."))
    fails("ROFS", made.mkdir, "d")
    fails("ROFS", made.symlink, "a", "c")


# -------------------------------------------------------------------- all of it


def test_modes(guest, root, forward):
    (root / "f").write_bytes(b"content")
    fs = forward(root)
    made = guest(mounts={"/": fs})
    both = READ | WRITE
    for path, oflags, rights in [
        ("f", 0, READ),
        ("f", 0, WRITE),
        ("f", 0, both),
        ("f", 1, both),
        ("f", 8, both),
        ("f", 9, WRITE),
        ("new", 1, WRITE),
        ("other", 5, both),
    ]:
        made.do("fd_close", made.open(path, oflags, rights))
    assert fs.modes == ["rb", "r+b", "r+b", "r+b", "w+b", "wb", "xb", "x+b"]
    assert (root / "f").read_bytes() == b""


def test_reading_and_writing(forwarded, root, fails):
    made = forwarded
    fd = made.create("f", b"0123456789")
    assert (root / "f").read_bytes() == b"0123456789"
    assert made.seek(fd, -4, 2) == 6
    assert made.read(fd, 9) == b"6789"
    assert made.seek(fd, -9, 1) == 1
    fails("INVAL", made.seek, fd, -2, 1)
    fails("INVAL", made.seek, fd, -11, 2)
    fails("INVAL", made.seek, fd, -1, 0)
    assert made.seek(fd, 0, 1) == 1
    made.do("fd_filestat_set_size", fd, 3)
    assert made.fstat(fd).size == 3
    made.do("fd_allocate", fd, 0, 5)
    assert made.fstat(fd).size == 5
    made.do("fd_sync", fd)
    made.do("fd_fdstat_set_flags", fd, 1)
    made.write(fd, b"end")
    assert (root / "f").read_bytes() == b"012\0\0end"
    made.unlink("f")
    assert made.fstat(fd).nlink == 0
    made.do("fd_close", fd)


def test_names(forwarded, root, fails):
    made = forwarded
    made.mkdir("d")
    fails("EXIST", made.mkdir, "d")
    made.create("d/f", b"x")
    fails("NOTEMPTY", made.rmdir, "d")
    fails("NOTDIR", made.rmdir, "d/f")
    made.symlink("d/f", "l")
    assert made.readlink("l") == b"d/f"
    assert made.stat("l").size == 1
    assert made.stat("l", follow=0).type == 7
    made.link("d/f", "g")
    assert made.stat("g").nlink == 2
    made.rename("g", "d/h")
    assert sorted(os.listdir(root / "d")) == ["f", "h"]
    made.utimens("d/f", 5, 6)
    made.utimens("d/f", 0, 8, flags=0b0100)
    status = made.stat("d/f")
    assert (status.atim, status.mtim) == (5, 8)
    made.utimens("d/f", flags=0b1010)
    assert made.stat("d/f").mtim > 10**18
    made.unlink("l")
    fails("NOENT", made.stat, "l")


def test_links_do_not_lead_out(forwarded, root, fails):
    (root / "out").symlink_to("..")
    (root / "abs").symlink_to("/etc")
    for path in ("out/x", "abs/passwd"):
        fails("PERM", forwarded.stat, path)
        fails("PERM", forwarded.open, path)


def test_a_read_only_mount(guest, root, fails, forward):
    made = guest(mounts={"/": (forward(root), "ro")})
    fails("ROFS", made.create, "new")
    fails("ROFS", made.mkdir, "new")


def test_what_close_keeps(guest):
    fs = Kept(a=b"old")
    made = guest(mounts={"/": fs})
    made.do("fd_close", made.create("b", b"new"))
    made.write(made.open("a", 8, WRITE), b"more")
    assert fs.files == {"a": b"old", "b": b"new"}
    made.module.close()
    assert fs.files == {"a": b"more", "b": b"new"}


def test_what_close_raises_at_the_end(guest, monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda told: seen.append(told.exc_value))
    error = OSError("it could not be kept")

    class Fs(Small):
        def open(self, path, mode):
            return Odd(close=wrong(error))

    made = guest(mounts={"/": Fs(a=b"")})
    made.open("a")
    made.module.close()
    assert seen == [error]


# -------------------------------------------------------------------- exceptions


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (OSError(errno.EDQUOT, "full"), "DQUOT"),
        (OSError("no number"), "IO"),
        (OSError(0, "zero"), "IO"),
        (OSError(123456, "odd"), "IO"),
        (FileNotFoundError("x"), "NOENT"),
        (FileExistsError("x"), "EXIST"),
        (IsADirectoryError("x"), "ISDIR"),
        (NotADirectoryError("x"), "NOTDIR"),
        (PermissionError("x"), "ACCES"),
        (TimeoutError("x"), "TIMEDOUT"),
        (PermissionError(errno.EPERM, "x"), "PERM"),
    ],
)
def test_os_errors_are_for_the_guest(guest, fails, error, name):
    class Failing(Small):
        def open(self, path, mode):
            raise error

    made = guest(mounts={"/": Failing(a=b"")})
    fails(name, made.open, "a")


@pytest.mark.parametrize("method", ["stat", "listdir", "open"])
def test_others_end_the_call(guest, method):
    fs = Small(a=b"text")
    made = guest(mounts={"/": fs})
    error = KeyError("mine")

    def fail(*_):
        raise error

    setattr(fs, method, fail)
    use = {
        "stat": lambda: made.stat("a"),
        "listdir": lambda: made.scandir(made.opendir(".")),
        "open": lambda: made.open("a"),
    }
    with pytest.raises(KeyError) as caught:
        use[method]()
    assert caught.value is error
    assert any(entry.name == "fail" for entry in caught.traceback)
    delattr(fs, method)
    assert made.stat("a").size == 4


class Odd(io.BytesIO):
    """A file with an operation that goes wrong."""

    def __init__(self, **methods):
        super().__init__(b"0123456789")
        for name, method in methods.items():
            setattr(self, name, method)

    @property
    def closed(self):
        """Where close goes wrong, its end is not to call it again and tell of that."""
        return "close" in vars(self) or super().closed


def wrong(error):
    def method(*_):
        raise error

    return method


@pytest.mark.parametrize(
    ("methods", "use", "expected"),
    [
        ({"read": lambda n: "text"}, "read", TypeError),
        ({"read": lambda n: bytes(n + 1)}, "read", ValueError),
        ({"read": lambda n: None}, "read", "AGAIN"),
        ({"read": lambda n: bytearray(b"abc")}, "read", b"abc"),
        ({"read": None}, "read", "BADF"),
        ({"read": wrong(io.UnsupportedOperation("no"))}, "read", "BADF"),
        ({"read": wrong(ZeroDivisionError())}, "read", ZeroDivisionError),
        ({"write": wrong(OSError(errno.ENOSPC, ""))}, "write", "NOSPC"),
        ({"write": wrong(RuntimeError())}, "write", RuntimeError),
        ({"write": lambda data: 2}, "write", 2),
        ({"write": lambda data: None}, "write", 3),
        ({"write": lambda data: -1}, "write", OverflowError),
        ({"write": None}, "write", "BADF"),
        ({"flush": wrong(RuntimeError())}, "write", RuntimeError),
        ({"seek": lambda *_: "far"}, "seek", TypeError),
        ({"seek": lambda *_: -5}, "seek", ValueError),
        ({"seek": wrong(io.UnsupportedOperation("no"))}, "seek", "SPIPE"),
        ({"seek": None}, "seek", "SPIPE"),
        ({"seek": None}, "pread", "SPIPE"),
        ({"truncate": None}, "truncate", "INVAL"),
        ({"truncate": wrong(LookupError())}, "truncate", LookupError),
        ({"flush": wrong(LookupError())}, "sync", LookupError),
        ({"close": wrong(LookupError())}, "close", LookupError),
        ({"close": wrong(OSError(errno.EIO, ""))}, "close", "IO"),
        ({"close": None}, "close", None),
    ],
)
def test_files_that_go_wrong(guest, methods, use, expected):
    class Fs(Small):
        def open(self, path, mode):
            return Odd(**methods)

    made = guest(mounts={"/": Fs(a=b"0123456789")})
    fd = made.open("a", 0, 0x1FFFFFFF)
    made.memory.pack("<II", made.VECTORS, made.DATA, 3)
    work = {
        "read": lambda: made.read(fd, 3),
        "write": lambda: made.write(fd, b"abc"),
        "seek": lambda: made.seek(fd, 1, 0),
        "pread": lambda: made.do("fd_pread", fd, made.VECTORS, 1, 2, made.RESULT),
        "truncate": lambda: made.do("fd_filestat_set_size", fd, 1),
        "sync": lambda: made.do("fd_sync", fd),
        "close": lambda: made.do("fd_close", fd),
    }[use]
    if isinstance(expected, type):
        with pytest.raises(expected):
            work()
    elif isinstance(expected, str):
        with pytest.raises(Exception, match=expected):
            work()
    elif expected is not None and use == "write":
        work()
        assert made.u32() == expected
    else:
        assert work() == expected


@pytest.mark.parametrize("value", [None, 5, io.StringIO("text"), "text"])
def test_open_gives_no_binary_file(guest, value):
    class Fs(Small):
        def open(self, path, mode):
            return value

    made = guest(mounts={"/": Fs(a=b"")})
    with pytest.raises(TypeError, match="must return a binary file"):
        made.open("a")


@pytest.mark.parametrize(
    "value",
    [None, 5, "x", types.SimpleNamespace(st_mode=0o644), types.SimpleNamespace()],
)
def test_stat_gives_no_stat(guest, value):
    class Fs(Small):
        def stat(self, path):
            return value

    with pytest.raises(TypeError, match="stat"):
        guest(mounts={"/": Fs()}).stat(".")


@pytest.mark.parametrize(
    ("names", "error"),
    [([5], TypeError), (["a/b"], ValueError), ([""], ValueError), (None, TypeError)],
)
def test_listdir_gives_no_names(guest, names, error):
    class Fs(Small):
        def listdir(self, path):
            return names

    made = guest(mounts={"/": Fs()})
    with pytest.raises(error):
        made.scandir(made.opendir("."))


def test_listdir_with_stat(guest):
    class Fs(Small):
        def listdir(self, path):
            yield "x", wazero.Stat(stat.S_IFDIR, st_ino=99)
            yield "gone"
            yield b"\xff", os.stat_result((stat.S_IFREG, 1, 0, 1, 0, 0, 0, 0, 0, 0))

    made = guest(mounts={"/": Fs()})
    entries = {name: (kind, ino) for name, kind, ino in made.scandir(made.opendir("."))}
    assert entries[b"x"] == (3, 99)
    assert entries[b"gone"][0] == 0
    assert entries[b"\xff"] == (4, 1)


# -------------------------------------------------------------------- callbacks


def test_a_callback_calls_the_guest(guest):
    fs = Small(a=b"text")
    made = guest(mounts={"/": fs})
    real = fs.open

    def again(path, mode):
        fs.open = real
        made.memory.grow(30)
        fd = made.open("a")
        made.do("fd_close", fd)
        made.put("b")  # over the path of the outer call
        return real(path, mode)

    fs.open = again
    assert made.read(made.open("a"), 10) == b"text"


def test_a_callback_closes_what_it_works_for(guest):
    class Fs(Small):
        def open(self, path, mode):
            return Odd(
                truncate=lambda size: made.do("fd_close", fd),
                read=lambda size: made.do("fd_close", fd) or b"abc",
            )

    made = guest(mounts={"/": Fs(a=b"")})
    fd = made.open("a", 0, 0x1FFFFFFF)
    made.do("fd_filestat_set_size", fd, 1)
    assert made.call("fd_close", fd) == "BADF"
    fd = made.open("a", 0, 0x1FFFFFFF)
    assert made.read(fd, 3) == b"abc"


@pytest.mark.parametrize("method", ["stat", "listdir", "open"])
def test_a_callback_closes_the_module(guest, method):
    fs = Small(a=b"text")
    made = guest(mounts={"/": fs})
    real = getattr(fs, method)

    def close(*args):
        made.module.close()
        return real(*args)

    setattr(fs, method, close)
    with pytest.raises(wazero.WazeroError):
        made.scandir(made.opendir("."))
        made.open("a")
    assert made.module.closed


def test_a_timeout_of_a_nested_call_is_no_errno(guest):
    class Fs(Small):
        def open(self, path, mode):
            raise wazero.Timeout("of mine")

    made = guest(mounts={"/": Fs(a=b"")})
    with pytest.raises(wazero.Timeout):
        made.open("a")


# -------------------------------------------------------------------- references


def test_nothing_is_left(rt, guest):
    files = []

    class Fs(Small):
        def open(self, path, mode):
            file = super().open(path, mode)
            files.append(weakref.ref(file))
            return file

    fs = Fs(a=b"text")
    watched = weakref.ref(fs)
    made = guest(mounts={"/": fs})
    made.open("a")
    made.do("fd_close", made.open("a"))
    gc.collect()
    assert [ref() is None for ref in files] == [False, True]
    made.module.close()
    assert files[0]() is None
    del made, fs
    gc.collect()
    assert watched() is None


def test_a_cycle_goes(guest):
    fs = Small(a=b"text")
    made = guest(mounts={"/": fs})
    fs.module = made.module
    watched = weakref.ref(fs)
    del fs, made
    gc.collect()
    assert watched() is None


def test_references_are_steady(guest):
    fs = Small(a=b"text", b=b"x" * 100)
    before = sys.getrefcount(fs)
    for _ in range(3):
        made = guest(mounts={"/": fs})
        for _ in range(50):
            made.stat("a")
            made.scandir(made.opendir("."))
            made.read(made.open("b"), 200)
            assert made.call("path_open", 3, 0, *made.put("c"), *[0] * 5) == "NOENT"
        made.module.close()
        del made
    gc.collect()
    assert sys.getrefcount(fs) == before


def test_one_for_two_modules(guest):
    fs = Kept(a=b"1")
    first, second = guest(mounts={"/": fs}), guest(mounts={"/x": fs})
    first.do("fd_close", first.create("b", b"shared"))
    assert second.read(second.open("b"), 10) == b"shared"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child(guest):
    made = guest(mounts={"/": Small(a=b"text")})
    fd = made.open("a")
    pid = os.fork()
    if not pid:
        code = 1
        try:
            made.open("a")
        except wazero.ForkedError:
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    assert made.read(fd, 10) == b"text"
