"""wazero.Dir(max_bytes=, max_files=): how much guests may add to a folder."""

import os
import pickle
import threading

import pytest
import wazero

READ, WRITE, ALL = 0x2, 0x40, 0x1FFFFFFF
CREAT, EXCL, TRUNC = 1, 4, 8


@pytest.fixture
def limited(guest, root):
    """Makes a Dir of the folder with limits, and a guest that has it."""

    def make(**limits):
        made = wazero.Dir(root, **limits)
        return made, guest(mounts={"/": made})

    return make


def test_bytes(limited, root, fails):
    made, guest = limited(max_bytes=100)
    fd = guest.create("new", b"x" * 60)
    assert guest.write(fd, b"y" * 60) == 40  # what fits
    fails("NOSPC", guest.write, fd, b"z")
    fails("NOSPC", guest.pwrite, fd, b"z", 100)
    fails("NOSPC", guest.pwrite, fd, b"z", 2**40)
    assert guest.pwrite(fd, b"z" * 10, 95) == 5
    assert (root / "new").read_bytes() == b"x" * 60 + b"y" * 35 + b"z" * 5
    other = guest.open("file", 0, WRITE, fdflags=1)
    fails("NOSPC", guest.write, other, b"z")
    assert guest.write(guest.open("file", 0, WRITE), b"J" * 50) == 11
    for size in (101, 2**40, 2**62):
        assert guest.call("fd_filestat_set_size", fd, size) == "NOSPC"
    assert guest.call("fd_allocate", fd, 50, 51) == "NOSPC"
    guest.do("fd_allocate", fd, 50, 50)
    assert made.used_bytes == 100 and (root / "file").stat().st_size == 11


def test_bytes_come_back(limited, root, fails):
    made, guest = limited(max_bytes=100)
    fd = guest.create("new", b"x" * 100)
    guest.do("fd_filestat_set_size", fd, 30)
    assert made.used_bytes == 30
    guest.close(guest.open("new", TRUNC, WRITE))
    assert made.used_bytes == 0 and guest.fstat(fd).size == 0
    guest.pwrite(fd, b"x" * 100, 0)
    guest.close(guest.create("other"))
    guest.unlink("new")
    assert made.used_bytes == 100  # it is open
    second = guest.create("other")
    fails("NOSPC", guest.write, second, b"x")
    guest.close(fd)
    assert made.used_bytes == 0
    guest.write(second, b"x" * 100)
    guest.close(second)
    guest.rename("file", "other")  # in its place
    assert made.used_bytes == 0
    guest.unlink("other")  # the host's: no less than nothing
    assert made.used_bytes == 0


def test_links_keep_a_file(limited, root):
    made, guest = limited(max_bytes=100)
    guest.close(guest.create("new", b"x" * 100))
    guest.link("new", "second")
    guest.unlink("new")
    assert made.used_bytes == 100
    guest.unlink("second")
    assert made.used_bytes == 0


def test_files(limited, root, fails):
    made, guest = limited(max_files=3)
    guest.close(guest.create("a"))
    guest.mkdir("b")
    guest.symlink("file", "c")
    assert made.used_files == 3
    fails("NOSPC", guest.create, "d")
    fails("NOSPC", guest.create, "sub/d")
    fails("NOSPC", guest.open, "d", CREAT | EXCL, WRITE)
    fails("NOSPC", guest.mkdir, "d")
    fails("NOSPC", guest.symlink, "file", "d")
    fails("NOSPC", guest.link, "file", "d")
    fails("EXIST", guest.open, "a", CREAT | EXCL, WRITE)
    fails("EXIST", guest.mkdir, "b")
    fails("EXIST", guest.symlink, "file", "c")
    fails("NOENT", guest.open, "d")
    assert sorted(os.listdir(root)) == ["a", "b", "c", "file", "sub"]
    guest.close(guest.create("a", b"there"))
    guest.rename("a", "d")
    guest.rename("d", "file")
    assert made.used_files == 2
    guest.close(guest.create("sub/d"))
    guest.rmdir("b")
    guest.unlink("c")
    guest.unlink("sub/d")
    assert made.used_files == 0
    guest.unlink("sub/inner")
    assert made.used_files == 0


def test_through_links_and_folders(limited, root, fails):
    os.symlink("sub/made", root / "link")
    os.symlink("/etc", root / "out")
    made, guest = limited(max_files=1, max_bytes=4)
    fails("PERM", guest.create, "out/x")
    fails("PERM", guest.create, "../x")
    guest.close(guest.create("link", b"1234"))
    assert (root / "sub" / "made").read_bytes() == b"1234" and made.used_bytes == 4
    folder = guest.opendir("sub")
    fails("NOSPC", guest.create, "x", dirfd=folder)
    fd = guest.open("inner", 0, WRITE, dirfd=folder)
    assert guest.write(fd, b"123456") == 5  # it does not grow
    assert [name for name, *_ in guest.scandir(folder)][2:]


def test_all_guests_count_together(guest, root, fails):
    made = wazero.Dir(root, max_bytes=10)
    one, two = (guest(mounts={"/": made}) for _ in range(2))
    one.create("a", b"123456")
    assert two.write(two.create("b"), b"123456") == 4
    other = guest(mounts={"/": wazero.Dir(root, max_bytes=10)})
    assert other.write(other.create("c"), b"123456789012") == 10
    one.module.close()
    two.module.close()
    assert made.used_bytes == 10


@pytest.mark.parametrize("names", [2, 30])
def test_many_threads(guest, root, names):
    """With few names files are removed while others open them, or have them open."""
    made = wazero.Dir(root, max_bytes=50_000, max_files=20)
    problems = []

    def work(number):
        try:
            with wazero.Runtime() as runtime:
                one = guest(runtime=runtime, mounts={"/": made})
                for i in range(150):
                    try:
                        fd = one.create(f"{(i * (number + 3)) % names}", b"x" * 3000)
                        one.close(fd)
                        one.unlink(f"{(i * 7 + number) % names}")
                    except Exception as error:
                        if type(error).__name__ != "WasiError":
                            raise
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    there = [entry for entry in os.scandir(root) if entry.name.isdigit()]
    assert len(there) == made.used_files <= 20
    assert sum(entry.stat().st_size for entry in there) == made.used_bytes <= 50_000


def test_what_it_tells(root, guest):
    made = wazero.Dir(str(root), max_bytes="1KiB", max_files=5)
    assert (made.max_bytes, made.max_files) == (1024, 5)
    assert (made.used_bytes, made.used_files) == (0, 0)
    assert repr(made) == f"wazero.Dir({str(root)!r}, max_bytes=1024, max_files=5)"
    again = pickle.loads(pickle.dumps(wazero.Dir(root, True, max_bytes=3)))
    assert (again.max_bytes, again.max_files, again.readonly) == (3, None, True)
    none = wazero.Dir(root)
    assert none.max_bytes is None and none.used_bytes == 0
    for wrong in (-1, "x", 2**63):
        with pytest.raises(ValueError, match="max_bytes must be"):
            wazero.Dir(root, max_bytes=wrong)
    with pytest.raises(ValueError, match="max_files must be"):
        wazero.Dir(root, max_files=-1)
    with pytest.raises(TypeError, match="max_files must be"):
        wazero.Dir(root, max_files="1")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="at most 2 positional"):
        wazero.Dir(root, True, 3)  # type: ignore[misc]
    with pytest.raises(FileNotFoundError):
        guest(mounts={"/": wazero.Dir("nowhere", max_bytes=1)})


def test_nothing_may_be_added(limited, root, fails):
    _, guest = limited(max_bytes=0, max_files=0)
    fails("NOSPC", guest.create, "x")
    fd = guest.open("file", 0, READ | WRITE)
    assert guest.write(fd, b"J") == 1
    assert guest.read(fd, 100) == b"ello world"
    fails("NOSPC", guest.write, fd, b"!")
    assert (root / "file").read_bytes() == b"Jello world"


def test_not_with_wazeros_own_wasi(guest, root):
    with pytest.raises(wazero.WazeroError, match="needs libwazero's own WASI"):
        guest(mounts={"/": wazero.Dir(root, max_bytes=1)}, wasi="wazero")
