"""What is as deep, as many, as large or as far away as it can be."""

import socket
import struct

import pytest
import wazero

DEPTH = 2100


@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_folders_that_are_deeper_than_a_path_can_say(guest, tmp_path, fails, kind):
    (tmp_path / "root").mkdir()
    folder = tmp_path / "root" if kind == "folder" else wazero.MemoryFS()
    made = guest(mounts={"/": folder})
    fds = [3]  # of each hundredth
    fd = 3
    for depth in range(1, DEPTH + 1):
        made.mkdir("d", fd)
        fd, above = made.opendir("d", fd), fd
        if above != fds[-1]:
            made.close(above)
        if depth % 100 == 0:
            fds.append(fd)
    assert made.fstat(fd).type == made.stat("d/" * 1000 + "d").type == 3
    assert [name for name, _, _ in made.scandir(fd)] == [b".", b".."]
    fails("NOENT", made.stat, "d", fd)
    fails("PERM", made.stat, "../d", fd)
    fails("NAMETOOLONG", made.stat, "d/" * DEPTH + "d")
    fails("NOTEMPTY", made.rmdir, "d")
    fails("ISDIR", made.unlink, "d")
    fails("INVAL", made.rename, "d", "x", 3, fd)
    made.close(fds.pop())
    for fd in reversed(fds):
        for depth in range(100, 0, -1):
            made.rmdir("d/" * (depth - 1) + "d", fd)
    assert len(made.scandir(3)) == 2


def test_folders_of_a_file_system_in_python_are_as_deep_as_a_path(guest, fails):
    class Folders(wazero.BaseFileSystem):
        def __init__(self):
            self.paths = {"."}

        def stat(self, path):
            if path not in self.paths:
                raise FileNotFoundError(path)
            return wazero.Stat.directory()

        def mkdir(self, path):
            self.paths.add(path)

    fs = Folders()
    made = guest(mounts={"/": fs})
    fd = 3
    for _ in range(2048):
        made.mkdir("d", fd)
        fd, above = made.opendir("d", fd), fd
        if above != 3:
            made.close(above)
    fails("NAMETOOLONG", made.mkdir, "d", fd)
    assert len(fs.paths) == 2049
    assert made.fstat(fd).type == 3


@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_very_many_long_names(guest, tmp_path, kind):
    count = 5000
    made = guest(mounts={"/": tmp_path if kind == "folder" else wazero.MemoryFS()})
    names = [b"%0255d" % i for i in range(count)]
    for name in names:
        made.close(made.create(name))
    fd = made.opendir(".")
    for size in (0, 1, 23):
        made.do("fd_readdir", fd, made.DATA, size, 0, made.RESULT)
        assert made.u32() == size
    # An entry's head only, whose cookie leads to the next one.
    cookie = seen = 0
    while True:
        made.do("fd_readdir", fd, made.DATA, 24, cookie, made.RESULT)
        if not made.u32():
            break
        cookie = struct.unpack_from("<Q", made.memory.read(made.DATA, 8))[0]
        seen += 1
    assert seen == count + 2
    for size in (279, 300, 65536):
        found = [name for name, _, _ in made.scandir(fd, size)]
        assert sorted(found[2:]) == names


def test_listings_of_many_descriptors_take_no_more_than_they_may(guest):
    """Each takes more than a megabyte, and none may be begun beyond 64 MiB."""
    made = guest(mounts={"/": wazero.MemoryFS(max_bytes="1MiB", max_files=5000)})
    for i in range(5000):
        made.close(made.create(b"%0255d" % i))
    fds = [made.opendir(".") for _ in range(100)]

    def begin(fd, cookie=0):
        return made.call("fd_readdir", fd, made.DATA, 24, cookie, made.RESULT)

    codes = [begin(fd) for fd in fds]
    several = codes.count("SUCCESS")
    assert 20 < several < 64
    assert codes == ["SUCCESS"] * several + ["NOMEM"] * (100 - several)
    assert begin(fds[-1], 7) == "NOMEM"
    assert begin(fds[0]) == begin(fds[0], 7) == "SUCCESS"  # it has one
    made.do("fd_renumber", fds[0], fds[1])  # gives one back
    made.close(fds[2])
    assert begin(fds[-1]) == "SUCCESS"
    assert len(made.scandir(fds[-1])) == 5002
    for fd in (fds[1], *fds[3:]):
        made.close(fd)
    fds = [made.opendir(".") for _ in range(several)]
    assert {begin(fd) for fd in fds} == {"SUCCESS"}


FAR = (2**60, 2**62, 2**63 - 1)


def test_sizes_in_a_folder_of_the_host(guest, root):
    """How large a file may be is for the host's file system to say. What is no error
    makes a hole, which takes no room."""
    made = guest(mounts={"/": root})
    fd = made.open("file", 0, 0x42)
    refused = {"FBIG", "INVAL", "NOSPC"}
    for size in FAR:
        assert made.call("fd_filestat_set_size", fd, size) in {"SUCCESS"} | refused
        assert made.fstat(fd).size in (11, size)
        assert (root / "file").stat().st_blocks < 1000
        made.do("fd_filestat_set_size", fd, 11)
        assert made.call("fd_allocate", fd, 0, size) in refused
        assert made.call("fd_allocate", fd, size, size) in refused
        for write in (
            lambda size=size: made.pwrite(fd, b"x", size),
            lambda size=size: (made.seek(fd, size), made.write(fd, b"x")),
        ):
            try:
                write()
            except Exception as error:
                assert str(error) in refused
                assert made.fstat(fd).size == 11
            assert (root / "file").stat().st_blocks < 1000
            made.do("fd_filestat_set_size", fd, 11)
    for size in (2**63, 2**64 - 1):
        assert made.call("fd_filestat_set_size", fd, size) == "INVAL"
        assert made.call("fd_allocate", fd, size, 1) == "INVAL"
        assert made.call("fd_allocate", fd, 1, size) == "INVAL"
        assert made.call("fd_pwrite", fd, made.VECTORS, 1, size, 64) == "INVAL"
        assert made.call("fd_pread", fd, made.VECTORS, 1, size, 64) == "INVAL"
        assert made.call("fd_advise", fd, size, 1, 0) == "INVAL"
    assert (root / "file").read_bytes() == b"hello world"


@pytest.fixture
def connection(guest):
    """A guest with a connection, and its other end."""
    made = guest(listen=["127.0.0.1:0"])
    with socket.create_connection(made.module.listen_addrs[0], timeout=10) as client:
        assert made.call("sock_accept", 3, 0, len(made.memory) - 3) == "FAULT"
        made.do("sock_accept", 3, 0, made.RESULT, timeout=10)  # it is still there
        yield made, made.u32(), client


def test_pointers_of_sockets(connection):
    """What is out of bounds takes nothing from a socket, and sends nothing."""
    made, fd, client = connection
    end = len(made.memory)
    client.sendall(b"hello")
    inside, outside = made.VECTORS, made.VECTORS + 8
    made.memory.pack("<II", inside, made.DATA, 100)
    for place, size in ((end - 3, 4), (end, 1), (2**32 - 1, 1), (1, 2**32 - 1)):
        made.memory.pack("<II", outside, place, size)
        for vectors, count in ((inside, 2), (outside, 1)):
            got = made.call("sock_recv", fd, vectors, count, 0, 64, 72)
            assert got == made.call("sock_send", fd, vectors, count, 0, 64)
            assert got in ("FAULT", "INVAL")
    for vectors, count in ((end - 7, 1), (end, 1), (2**32 - 8, 2)):
        assert made.call("sock_recv", fd, vectors, count, 0, 64, 72) == "FAULT"
        assert made.call("sock_send", fd, vectors, count, 0, 64) == "FAULT"
    for first, second in ((end - 3, 72), (64, end - 1), (2**32 - 1, 72)):
        assert made.call("sock_recv", fd, inside, 1, 0, first, second) == "FAULT"
    for result in (end - 3, end, 2**32 - 1):
        assert made.call("sock_send", fd, inside, 1, 0, result) == "FAULT"
    made.do("sock_recv", fd, inside, 1, 0, 64, 72, timeout=10)
    assert made.memory.read(made.DATA, made.u32(64)) == b"hello"
    made.do("sock_shutdown", fd, 2)
    assert client.recv(100) == b""


def test_waiting_for_very_many_things(guest):
    """As many as 65,536; the events may lie on the subscriptions."""
    made = guest(pages=8000)
    for count in (65_537, 10**6, 10**7):
        assert made.call("poll_oneoff", 0, 48 * count, count, 64) == "INVAL"
    assert made.call("poll_oneoff", 8, 48, 65_536, 0) == "SUCCESS"
    assert made.u32(0) == 65_536  # clocks that are over, and what else eight zeros are
    made.memory.write(1024, bytes(48 * 100))
    for out in (1024, 1025, 1024 + 32, 1024 + 48 * 99):
        made.memory.write(1024, bytes(48 * 100 + 32 * 100))
        for i in range(100):
            made.memory.pack("<Q", 1024 + 48 * i, i + 1)
        made.do("poll_oneoff", 1024, out, 100, 64)
        told = [made.memory.unpack("<Q", out + 32 * i)[0] for i in range(made.u32(64))]
        assert told == [*range(1, 101)]
    assert made.call("poll_oneoff", 1024, len(made.memory) - 31, 1, 64) == "FAULT"
    assert made.call("poll_oneoff", 1024, 8192, 1, len(made.memory) - 3) == "FAULT"


def test_random_numbers_of_gigabytes_end_with_the_time(guest):
    made = guest(pages=32768)
    with pytest.raises(wazero.Timeout):
        made.call("random_get", 0, 2**31 - 1, timeout=0.1)
    assert made.call("random_get", 1, 2**31) == "FAULT"
    assert made.call("random_get", 0, 2**32 - 1) == "FAULT"


def test_arguments_that_do_not_fit(guest):
    many = guest(args=["x"] * 100_000, env={f"name{i}": "x" for i in range(1000)})
    many.do("args_sizes_get", 64, 72)
    assert (many.u32(64), many.u32(72)) == (100_000, 200_000)
    assert many.call("args_get", 1024, 2048) == "FAULT"
    assert many.call("args_get", 2**32 - 4, 1024) == "FAULT"
    many.do("environ_sizes_get", 64, 72)
    assert many.u32(64) == 1000
    assert many.call("environ_get", 1024, len(many.memory) - many.u32(72) + 1) == (
        "FAULT"
    )
    many.do("environ_get", 1024, len(many.memory) - many.u32(72))
