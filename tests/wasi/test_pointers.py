"""Pointers and lengths that make no sense, in every function, and in any memory."""

import os
import random
import warnings

import pytest
import wazero

PAGE = 65536
EDGES = [
    0,
    1,
    8,
    64,
    1024,
    PAGE - 8,
    PAGE - 1,
    PAGE,
    PAGE + 1,
    2**31,
    2**32 - 8,
    2**32 - 1,
]
WIDE = [0, 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1]


@pytest.fixture
def rooted(guest, root):
    return guest(
        pages=1, mounts={"/": root}, stdin=b"input", args=["a"], env={"B": "c"}
    )


def test_every_function_with_pointers_at_the_edges(rooted, functions, errnos, root):
    source = random.Random(0)
    before = sorted(os.listdir(root.parent / "outside"))
    for name, params in functions.items():
        if name == "proc_exit":
            continue
        function = getattr(rooted.module.exports, name)
        for _ in range(400):
            args = [source.choice(EDGES if kind == "i" else WIDE) for kind in params]
            if source.random() < 0.7 and name.startswith(("fd_", "path_", "sock_")):
                args[0] = source.choice([0, 1, 3, 4, 5])
            if name == "fd_allocate":
                args[2] %= 4096  # the folder is real
                args[1] %= 4096
            assert 0 <= function(*args) < len(errnos), (name, args)
    assert sorted(os.listdir(root.parent / "outside")) == before


def test_what_is_behind_the_memory_is_a_fault(rooted):
    call, end = rooted.call, PAGE
    assert call("args_sizes_get", end - 3, 0) == "FAULT"
    assert call("args_sizes_get", 0, end - 3) == "FAULT"
    assert call("args_get", end - 3, 0) == "FAULT"
    assert call("args_get", 0, end - 1) == "FAULT"
    assert call("environ_get", 0, end - 2) == "FAULT"
    assert call("clock_time_get", 0, 0, end - 7) == "FAULT"
    assert call("clock_res_get", 0, end - 7) == "FAULT"
    assert call("random_get", end - 7, 8) == "FAULT"
    assert call("random_get", 0, 2**32 - 1) == "FAULT"
    assert call("fd_fdstat_get", 3, end - 23) == "FAULT"
    assert call("fd_prestat_get", 3, end - 7) == "FAULT"
    assert call("fd_prestat_dir_name", 3, end, 1) == "FAULT"
    assert call("fd_filestat_get", 3, end - 63) == "FAULT"
    assert call("fd_readdir", 3, end - 7, 8, 0, 0) == "FAULT"
    assert call("fd_readdir", 3, 0, 8, 0, end - 3) == "FAULT"
    assert call("path_open", 3, 0, end - 3, 4, 0, 2, 0, 0, 0) == "FAULT"
    path = rooted.put("file")
    assert call("path_open", 3, 0, *path, 0, 2, 0, 0, end - 3) == "FAULT"
    assert call("path_filestat_get", 3, 0, *path, end - 63) == "FAULT"
    assert call("path_readlink", 3, *path, end - 3, 4, 0) == "FAULT"
    assert call("path_readlink", 3, *path, 0, 4, end - 3) == "FAULT"
    assert call("poll_oneoff", end - 47, 0, 1, 0) == "FAULT"
    assert call("poll_oneoff", 0, end - 31, 1, 0) == "FAULT"
    assert call("poll_oneoff", 0, 100, 1, end - 3) == "FAULT"
    assert call("poll_oneoff", 0, 0, 2**26, 0) == "INVAL"


def test_nothing_moves_before_all_is_checked(rooted, root):
    fd = rooted.create("new")
    memory = rooted.memory
    memory.pack("<IIII", 128, 0, 4, PAGE - 3, 4)  # the second one is outside
    assert rooted.call("fd_write", fd, 128, 2, 64) == "FAULT"
    memory.pack("<IIII", 128, 0, 4, 4, 4)
    assert rooted.call("fd_write", fd, 128, 2, PAGE - 3) == "FAULT"  # the result
    assert rooted.call("fd_write", fd, PAGE - 8, 2, 64) == "FAULT"
    assert (root / "new").read_bytes() == b""
    source = rooted.open("file")
    memory.write(0, bytes(64))
    memory.pack("<IIII", 128, 0, 4, PAGE - 3, 4)
    assert rooted.call("fd_read", source, 128, 2, 64) == "FAULT"
    assert memory.read(0, 8) == bytes(8)
    assert rooted.seek(source, 0, 1) == 0
    # a list that reads over itself: it was read before
    memory.pack("<IIII", 128, 128, 8, 136, 8)
    assert rooted.call("fd_read", source, 128, 2, 64) == "SUCCESS"
    assert memory.read(128, 11) == b"hello world"


def test_events_where_the_subscriptions_are(rooted):
    memory = rooted.memory
    memory.write(0, bytes(200))
    for i, user in enumerate((7, 8, 9)):
        memory.pack("<QB7xI4xQQH", 48 * i, user, 0, 0, i, 0, 0)
    assert rooted.call("poll_oneoff", 0, 0, 3, 192) == "SUCCESS"
    assert memory.unpack("<I", 192) == (1,)
    assert memory.unpack("<QHB", 0) == (7, 0, 0)


def test_huge_lists_of_buffers(guest):
    got = []
    made = guest(pages=20, stdout=lambda data: got.append(len(data)))
    for i in range(1024):
        made.memory.pack("<II", 65536 + 8 * i, 0, 1)
    made.do("fd_write", 1, 65536, 1024, 64)
    assert made.u32() == sum(got) >= 64
    everything = len(made.memory)
    for i in range(4):
        made.memory.pack("<II", 65536 + 8 * i, 0, everything)
    made.do("fd_write", 1, 65536, 4, 64)
    assert made.u32() == 4 * everything


@pytest.mark.parametrize("engine", ["compiler", "interpreter"])
def test_a_module_with_a_closed_descriptor_table(engine, guest):
    """A callback that closes the module: the call ends, and nothing is touched."""
    with wazero.Runtime(engine=engine) as runtime:
        made = guest(runtime=runtime, stdout=lambda _: made.module.close())
        with pytest.raises((wazero.ClosedError, wazero.ExitError)):
            made.write(1, b"x")
        with pytest.raises(wazero.ClosedError):
            made.write(1, b"x")


def test_a_forked_child_leaves_the_parents_files_alone(guest, root):
    made = guest(mounts={"/": root})
    fd = made.open("file")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fork beside threads
        child = os.fork()
    if not child:
        code = 1
        try:
            made.close(fd)
        except wazero.ForkedError:
            code = 0
        del made
        os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert made.read(fd, 5) == b"hello"
