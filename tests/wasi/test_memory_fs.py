"""MemoryFS: what guests do with it, next to what they do with a folder of the host."""

import errno
import gc
import itertools
import os
import pathlib
import pickle
import resource
import shutil
import threading
import time
import weakref

import pytest
import wazero
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from operations import (
    OPERATIONS,
    READ,
    TRUNC,
    WRITE,
    Side,
    read_tree,
    without_links,
)

SEED = {"file": b"hello world", "sub": {"inner": b"inner"}}


@pytest.fixture
def fs():
    return wazero.MemoryFS(SEED)


@pytest.fixture
def mounted(guest, fs):
    return guest(mounts={"/": fs})


# -------------------------------------------------------------------- guests and host


def test_what_a_guest_writes_is_read_back(mounted, fs):
    mounted.mkdir("out")
    fd = mounted.create("out/result.txt", b"made by ")
    mounted.write(fd, b"the ", b"guest")
    assert fs["out/result.txt"] == b"made by the guest"
    mounted.close(fd)
    mounted.unlink("file")
    mounted.rename("sub/inner", "moved")
    assert fs.to_dict() == {
        "moved": b"inner",
        "out": {"result.txt": b"made by the guest"},
        "sub": {},
    }
    fs["out/more"] = b"by the host"
    assert mounted.read(mounted.open("out/more"), 100) == b"by the host"
    mounted.module.close()
    assert fs["out/more"] == b"by the host"


def test_what_is_open_lives_on(mounted, fs):
    fd = mounted.open("file", 0, READ | WRITE)
    folder = mounted.opendir("sub")
    mounted.unlink("file")
    mounted.unlink("sub/inner")
    mounted.rmdir("sub")
    assert fs.to_dict() == {} and fs.used_files == 2 and fs.used_bytes == 11
    assert mounted.read(fd, 5) == b"hello" and mounted.fstat(fd).nlink == 0
    mounted.pwrite(fd, b"!", 100)
    assert mounted.fstat(fd).size == 101
    assert mounted.call("path_create_directory", folder, *mounted.put("x")) == "NOENT"
    assert [name for name, *_ in mounted.scandir(folder)] == [b".", b".."]
    mounted.close(fd)
    mounted.close(folder)
    assert (fs.used_files, fs.used_bytes) == (0, 0)
    fd = mounted.create("a", b"x")
    fs.rmtree("a")
    assert mounted.write(fd, b"y") == 1
    mounted.module.close()
    assert (fs.used_files, fs.used_bytes) == (0, 0)


def test_read_only(guest, fs, fails):
    for mounts in ({"/": (fs, "ro")}, None):
        config = wazero.FSConfig().mount(fs, "/", readonly=True)
        made = guest(mounts=mounts) if mounts else guest(fs=config)
        fails("ROFS", made.open, "file", 0, WRITE)
        fails("ROFS", made.mkdir, "new")
        fails("ROFS", made.unlink, "file")
        assert made.read(made.open("file"), 20) == b"hello world"
    made = guest(fs=wazero.FSConfig().mount_memory(fs, "/", readonly=True))
    fails("ROFS", made.mkdir, "new")
    made = guest(fs=wazero.FSConfig().mount_memory(fs))
    made.mkdir("new")
    guest(fs=fs).mkdir("new/er")
    assert fs.is_dir("new/er")


def test_two_mounts_are_two_devices(guest, fs, fails):
    made = guest(mounts={"/": fs, "/b": fs, "/c": wazero.MemoryFS()})
    devices = {made.stat(".", dirfd=fd).dev for fd in (3, 4, 5)}
    assert len(devices) == 3
    assert made.stat("file").ino == made.stat("file", dirfd=4).ino
    fails("XDEV", made.rename, "file", "f", 3, 4)
    made.create("seen", b"1")
    assert made.stat("seen", dirfd=4).size == 1


def test_times_are_the_guests(guest, fs):
    pretended = guest(mounts={"/": fs})
    pretended.create("new")
    assert pretended.stat("new").mtim == 1640995200 * 10**9
    told = guest(mounts={"/": fs}, walltime=lambda: 123)
    told.do("clock_time_get", 0, 0, told.RESULT)
    told.create("told")
    assert told.stat("told").mtim == 123
    before = time.time_ns()
    real = guest(mounts={"/": fs}, walltime="system")
    real.create("real")
    assert before <= real.stat("real").mtim <= before + 100 * 10**9
    real.utimens("real", 5, 7)
    stat = real.stat("real")
    assert (stat.atim, stat.mtim) == (5, 7) and stat.ctim >= before
    folder = real.stat(".").mtim
    real.unlink("real")
    assert real.stat(".").mtim >= folder


def test_inodes_are_stable(mounted):
    for i in range(300):
        mounted.create(f"sub/{i}")
    fd = mounted.opendir("sub")
    first = {name: inode for name, _, inode in mounted.scandir(fd, 4096)}
    assert len(set(first.values())) == len(first) == 303
    for i in range(0, 300, 2):
        mounted.unlink(f"sub/{i}")
    second = {name: inode for name, _, inode in mounted.scandir(fd)}
    assert second == {
        name: inode
        for name, inode in first.items()
        if not name.isdigit() or int(name) % 2
    }
    assert mounted.stat("sub/7").ino == first[b"7"]


def test_links(mounted, fs, fails):
    mounted.symlink("sub/inner", "link")
    mounted.symlink("nowhere", "dangling")
    mounted.symlink("sub", "folder")
    mounted.symlink("../file", "sub/up")
    mounted.link("file", "second")
    assert mounted.stat("second").nlink == 2
    mounted.pwrite(mounted.open("second", 0, WRITE), b"J", 0)
    assert fs["file"] == b"Jello world"
    assert fs["link"] == b"inner" and fs["sub/up"] == b"Jello world"
    assert set(fs) == {"file", "second", "link", "sub/inner", "sub/up"}
    assert "dangling" not in fs and "folder" not in fs and fs.is_dir("folder")
    fs["link"] = b"through the link"
    assert fs["sub/inner"] == b"through the link"
    del fs["link"]
    assert "link" not in fs and "sub/inner" in fs
    fails("PERM", mounted.link, "sub", "x")
    fails("EXIST", mounted.link, "file", "second")
    mounted.unlink("file")
    assert mounted.stat("second").nlink == 1
    fs.rmtree("folder")  # the link, not what it leads to
    assert fs.to_dict() == {
        "second": b"Jello world",
        "sub": {"inner": b"through the link"},
    }


# -------------------------------------------------------------------- limits


def test_giant_sizes(mounted, fs, fails):
    fd = mounted.open("file", 0, READ | WRITE)
    full = ("NOSPC", "FBIG")
    for size in (2**31, 2**40, 2**60, 2**63 - 1):
        assert mounted.call("fd_filestat_set_size", fd, size) in full
        assert mounted.call("fd_allocate", fd, size - 10, 10) in full
        with pytest.raises(Exception, match=r"NOSPC|FBIG"):
            mounted.pwrite(fd, b"x", size)
        mounted.seek(fd, size)
        with pytest.raises(Exception, match=r"NOSPC|FBIG"):
            mounted.write(fd, b"x")
    assert mounted.call("fd_filestat_set_size", fd, -1) == "INVAL"
    assert fs["file"] == b"hello world" and fs.used_bytes == 16
    mounted.do("fd_filestat_set_size", fd, 2**29)  # costs nothing
    assert mounted.pread(fd, 10, 2**29 - 5) == bytes(5)
    mounted.pwrite(fd, b"end", 2**29)
    assert mounted.pread(fd, 10, 2**29 - 1) == b"\0end"
    mounted.do("fd_filestat_set_size", fd, 3)
    mounted.do("fd_filestat_set_size", fd, 8)
    assert fs["file"] == b"hel\0\0\0\0\0"


def test_bytes_are_limited(guest, fails):
    fs = wazero.MemoryFS({"a": bytes(40)}, max_bytes=100)
    made = guest(mounts={"/": fs})
    fd = made.create("b", b"x" * 50)
    assert made.write(fd, b"y" * 50) == 10  # what fits
    fails("NOSPC", made.write, fd, b"y")
    fails("NOSPC", made.pwrite, fd, b"y", 60)
    assert made.pwrite(fd, b"z" * 10, 0) == 10  # it does not grow
    fails("NOSPC", made.symlink, "target", "link")
    made.open("a", TRUNC, WRITE)
    assert made.write(fd, b"y" * 50) == 40
    assert fs.used_bytes == 100 and len(fs["b"]) == 100
    made.close(fd)
    made.unlink("b")
    assert fs.used_bytes == 0
    with pytest.raises(OSError) as caught:
        fs["a"] = bytes(101)
    assert caught.value.errno == errno.ENOSPC and fs["a"] == b""
    with pytest.raises(OSError):
        fs["new"] = bytes(101)
    assert "new" not in fs
    with pytest.raises(OSError, match="No space left"):
        wazero.MemoryFS({"a": bytes(40)}, max_bytes=39)
    assert wazero.MemoryFS({"a": b""}, max_bytes=0)["a"] == b""


def test_files_are_limited(guest, fails):
    fs = wazero.MemoryFS({"a": b"", "d": {}}, max_files=4)
    made = guest(mounts={"/": fs})
    made.mkdir("e")
    made.symlink("a", "l")
    for function, args in (
        (made.create, ("n",)),
        (made.mkdir, ("n",)),
        (made.symlink, ("a", "n")),
        (made.link, ("a", "n")),
    ):
        fails("NOSPC", function, *args)
    made.rename("a", "b")
    made.unlink("l")
    made.link("b", "c")
    fails("NOSPC", made.create, "n")
    made.unlink("b")
    made.create("n")
    made.unlink("n")  # open, so it still counts
    fails("NOSPC", made.mkdir, "n")
    assert fs.used_files == 4


def test_a_million_files_do_not_fit(guest):
    fs = wazero.MemoryFS()
    assert (fs.max_bytes, fs.max_files) == (2**30, 2**18)
    small = wazero.MemoryFS(max_files=2000)
    made = guest(mounts={"/": small})
    for i in range(2000):
        made.mkdir(f"{i}".zfill(255))
    assert made.call("path_create_directory", 3, *made.put("x")) == "NOSPC"
    assert len(small.listdir()) == 2000


def test_sizes_as_texts():
    fs = wazero.MemoryFS(max_bytes="64MiB", max_files=7)
    assert (fs.max_bytes, fs.max_files) == (64 << 20, 7)
    for wrong in (-1, 2**63, "1 TB", "x"):
        with pytest.raises(ValueError, match="max_bytes must be"):
            wazero.MemoryFS(max_bytes=wrong)
    with pytest.raises(TypeError, match="max_bytes must be an int or a str"):
        wazero.MemoryFS(max_bytes=1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="max_files must be from 0"):
        wazero.MemoryFS(max_files=-1)
    with pytest.raises(TypeError, match="max_files must be an integer"):
        wazero.MemoryFS(max_files="7")  # type: ignore[arg-type]


def test_deep_folders(guest):
    """Deeper than a path can say, and than C's stack would bear."""
    fs = wazero.MemoryFS()
    made = guest(mounts={"/": fs})
    fd = 3
    for _ in range(10_000):
        made.mkdir("d", fd)
        below = made.opendir("d", fd)
        if fd != 3:
            made.close(fd)
        fd = below
    made.create("file", b"deep", dirfd=fd)
    path = "d/" * 10_000 + "file"
    assert list(fs) == [path]
    assert fs[path] == b"deep"
    fs[path] = b"deeper"
    assert fs.listdir("d/" * 9_999) == ["d"]
    made.module.close()
    fs["d/x/y"] = b"1"
    fs.rmtree("d")
    assert fs.used_files == 0
    other = wazero.MemoryFS({"d/" * 5_000 + "f": b""})
    assert other.used_files == 5_001
    del other


@pytest.mark.parametrize(
    "name", [b"\xff\xfe", "é".encode(), b"x" * 255, b"\x01\n\t ", b"..."]
)
def test_hostile_names(mounted, fs, name):
    mounted.create(name, b"1")
    text = os.fsdecode(name)
    assert text in fs and fs[text] == fs[name] == b"1"
    assert text in fs.listdir() and fs.to_dict()[text] == b"1"
    assert pickle.loads(pickle.dumps(fs))[text] == b"1"
    del fs[text]
    assert name not in fs


# -------------------------------------------------------------------- the mapping


def test_as_a_mapping():
    fs = wazero.MemoryFS({"a": b"1", "d": {"b": bytearray(b"2"), "e": {}}})
    assert fs == {"a": b"1", "d/b": b"2"} and len(fs) == 2
    assert dict(fs) == {"a": b"1", "d/b": b"2"}
    assert list(fs) == ["a", "d/b"] and list(fs.values()) == [b"1", b"2"]
    assert fs.get("x") is None and fs.get("d/b") == b"2"
    assert "/a" in fs and "a/" not in fs and "d" not in fs and "" not in fs
    assert fs[b"a"] == fs[pathlib.PurePosixPath("a")] == b"1"
    fs.update({"c": b"3"}, d2=memoryview(b"4"))
    assert fs.pop("c") == b"3" and fs.setdefault("a", b"9") == b"1"
    assert fs.is_dir("d") and fs.is_dir("") and fs.is_dir("/") and not fs.is_dir("a")
    assert fs.listdir("d") == ["b", "e"] and fs.listdir() == ["a", "d", "d2"]
    fs.mkdir("p/q")
    fs.mkdir("p/q")
    assert fs.to_dict()["p"] == {"q": {}}
    fs.clear()
    assert len(fs) == 0 and fs.is_dir("p/q")
    fs.rmtree("p")
    assert repr(fs) == "<wazero.MemoryFS: 2 files, 0 bytes>"
    again = pickle.loads(pickle.dumps(fs))
    assert again.to_dict() == fs.to_dict() == {"d": {"e": {}}}
    with pytest.raises(TypeError, match="unhashable"):
        hash(fs)


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (lambda fs: fs["none"], KeyError),
        (lambda fs: fs["none/x"], KeyError),
        (lambda fs: fs["file/x"], KeyError),
        (lambda fs: fs["a\0b"], KeyError),
        (lambda fs: fs[".."], KeyError),
        (lambda fs: fs["sub"], IsADirectoryError),
        (lambda fs: fs[""], IsADirectoryError),
        (lambda fs: fs[3], TypeError),
        (lambda fs: fs.__delitem__("none"), KeyError),
        (lambda fs: fs.__delitem__("sub"), IsADirectoryError),
        (lambda fs: fs.__setitem__("sub", b""), IsADirectoryError),
        (lambda fs: fs.__setitem__("", b""), IsADirectoryError),
        (lambda fs: fs.__setitem__("new/", b""), IsADirectoryError),
        (lambda fs: fs.__setitem__("file/x", b""), NotADirectoryError),
        (lambda fs: fs.__setitem__("..", b""), ValueError),
        (lambda fs: fs.__setitem__("a/../b", b""), ValueError),
        (lambda fs: fs.__setitem__("x" * 256, b""), ValueError),
        (lambda fs: fs.__setitem__("a\0b", b""), ValueError),
        (lambda fs: fs.__setitem__("x", "text"), TypeError),
        (lambda fs: fs.__setitem__("x", 3), TypeError),
        (lambda fs: fs.__setitem__(3, b""), TypeError),
        (lambda fs: fs.listdir("none"), FileNotFoundError),
        (lambda fs: fs.listdir("file"), NotADirectoryError),
        (lambda fs: fs.mkdir("file"), NotADirectoryError),
        (lambda fs: fs.mkdir("file/x"), NotADirectoryError),
        (lambda fs: fs.rmtree("none"), FileNotFoundError),
        (lambda fs: fs.rmtree(""), OSError),
        (lambda fs: wazero.MemoryFS("text"), TypeError),
        (lambda fs: wazero.MemoryFS(3), TypeError),
        (lambda fs: wazero.MemoryFS({"a": 3}), TypeError),
        (lambda fs: wazero.MemoryFS({"a": b"", "/a": b""}), ValueError),
        (lambda fs: wazero.MemoryFS(SEED, 3), TypeError),
    ],
)
def test_wrong_uses(fs, act, error):
    with pytest.raises(error):
        act(fs)
    assert fs.to_dict() == SEED and fs.used_files == 3


def test_is_freed(guest):
    fs = wazero.MemoryFS(SEED)
    made = guest(mounts={"/": fs})
    gone = weakref.ref(fs)
    del fs
    gc.collect()
    assert gone() is None
    assert made.read(made.open("file"), 20) == b"hello world"  # the guest has it


def test_nothing_leaks():
    def use():
        fs = wazero.MemoryFS({"a": bytes(100_000), "d/e/f": b"x"})
        fs["b"] = bytes(300_000)
        fs["b"] = b""
        fs.rmtree("d")
        fs.to_dict()

    for _ in range(20):
        use()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(300):
        use()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 20_000


def test_after_a_fork(fs):
    child = os.fork()
    if not child:
        fs["child"] = b"1"
        os._exit(0 if fs["file"] == b"hello world" and len(fs) == 3 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert "child" not in fs


# -------------------------------------------------------------------- threads


def test_many_guests_and_the_host_at_once(guest):
    """A hammer: whatever happens, nothing is torn and the account is right."""
    fs = wazero.MemoryFS(max_bytes="8MiB", max_files=400)
    problems, names = [], [f"{i}" for i in range(12)]

    def work(number):
        with wazero.Runtime() as runtime:
            made = guest(runtime=runtime, mounts={"/": fs})
            open_files = []
            for i in range(400):
                name = names[(i * (number + 3)) % len(names)]
                other = names[(i * 7 + number) % len(names)]
                for act, *args in (
                    ("mkdir", f"d{other}"),
                    ("create", name, b"abc" * 500),
                    ("create", f"d{name}/{other}", b"x"),
                    ("rename", name, f"d{other}/{name}"),
                    ("rename", f"d{name}", f"d{other}/d"),
                    ("link", name, other),
                    ("symlink", other, f"l{name}"),
                    ("stat", f"d{other}/{name}"),
                    ("unlink", other),
                    ("rmdir", f"d{other}"),
                ):
                    try:
                        result = getattr(made, act)(*args)
                    except Exception as error:
                        if type(error).__name__ != "WasiError":
                            raise
                    else:
                        if act == "create":
                            open_files.append(result)
                while len(open_files) > 20:
                    made.close(open_files.pop(0))

    def guarded(number):
        try:
            work(number)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        fs.to_dict()
        for path in list(fs)[:5]:
            fs.get(path)
    for thread in threads:
        thread.join()
    assert not problems
    for name in fs.listdir():
        fs.rmtree(name)
    gc.collect()
    assert (fs.used_bytes, fs.used_files) == (0, 0)


# -------------------------------------------------------------------- equal to a folder


def test_is_equal_to_a_folder(guest, tmp_path):
    numbers = itertools.count()

    @settings(
        max_examples=200,
        deadline=None,
        derandomize=True,  # `make test` says the same each time
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(OPERATIONS, min_size=5, max_size=40))
    def compare(operations):
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        fs = wazero.MemoryFS()
        one, two = (Side(guest(mounts={"/": at})) for at in (fs, folder))
        for operation in operations:
            assert one.outcome(operation) == two.outcome(operation), operation
        assert without_links(fs.to_dict(), folder) == read_tree(folder)
        for side in (one, two):
            side.made.module.close()
        shutil.rmtree(folder)

    compare()
