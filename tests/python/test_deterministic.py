"""deterministic=True: files tell nothing of the host."""

import os
import shutil
import struct

import pytest
import wazero

# What the tests call, on the memory of the module that has it.
GUEST = """
(module $guest
  (import "wasi_snapshot_preview1" "fd_readdir"
    (func $readdir (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get"
    (func $stat (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_get"
    (func $fstat (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_renumber"
    (func $renumber (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file"
    (func $unlink (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_remove_directory"
    (func $rmdir (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory"
    (func $mkdir (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_rename"
    (func $rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_link"
    (func $link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_set_times"
    (func $set_times (param i32 i32 i32 i32 i64 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get"
    (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get"
    (func $clock (param i32 i64 i32) (result i32)))
  (memory (export "memory") 16)
  (export "fd_readdir" (func $readdir)) (export "path_filestat_get" (func $stat))
  (export "fd_filestat_get" (func $fstat)) (export "path_open" (func $open))
  (export "fd_close" (func $close)) (export "path_unlink_file" (func $unlink))
  (export "path_remove_directory" (func $rmdir)) (export "path_rename" (func $rename))
  (export "path_create_directory" (func $mkdir)) (export "path_link" (func $link))
  (export "path_filestat_set_times" (func $set_times)) (export "random_get"
  (func $random)) (export "clock_time_get" (func $clock))
  (export "fd_renumber" (func $renumber)))
"""

ROOT, PATH, PATH_2, OUT, BUFFER = 3, 1024, 2048, 512, 65536
READS = 1 << 14 | 1 << 21
EPOCH = 1640995200 * 10**9
REGULAR, FOLDER = 4, 3


class Guest:
    def __init__(self, module):
        self.exports, self.memory = module.exports, module.memory

    def path(self, text, place=PATH):
        data = text.encode()
        self.memory.write(place, data)
        return place, len(data)

    def do(self, name, *args):
        code = self.exports[name](*args)
        assert code == 0, (name, args, code)

    def told(self):
        device, inode, kind, links, size, *times = struct.unpack(
            "<QQB7xQQQQQ", self.memory.read(OUT, 64)
        )
        return device, inode, kind, links, size, tuple(times)

    def stat(self, path):
        self.do("path_filestat_get", ROOT, 0, *self.path(path), OUT)
        return self.told()

    def number(self, path):
        return self.stat(path)[1]

    def fstat(self, fd):
        self.do("fd_filestat_get", fd, OUT)
        return self.told()

    def open(self, path, flags=0):
        rights = READS if flags == 2 else -1  # a folder cannot be written to
        self.do("path_open", ROOT, 0, *self.path(path), flags, rights, 0, 0, OUT)
        return int.from_bytes(self.memory.read(OUT, 4), "little")

    def make(self, path):
        self.do("fd_close", self.open(path, flags=1))

    def list(self, fd=ROOT):
        self.do("fd_readdir", fd, BUFFER, 1 << 19, 0, OUT)
        size = int.from_bytes(self.memory.read(OUT, 4), "little")
        data, found = self.memory.read(BUFFER, size), []
        while data:
            cookie, inode, length, kind = struct.unpack_from("<QQIB", data)
            found.append((data[24 : 24 + length], inode, kind, cookie))
            data = data[24 + length :]
        return found


@pytest.fixture
def guest(shared_rt, wat):
    modules = []

    def instantiate(mount, **options):
        options = {"deterministic": True} | options
        module = shared_rt.instantiate(wat(GUEST), mounts={"/": mount}, **options)
        modules.append(module)
        return Guest(module)

    yield instantiate
    for module in modules:
        module.close()


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    for name in ("b", "a", "Z", "é", "a.b", "10", "9"):
        (root / name).write_text(name)
    (root / "sub" / "x").write_bytes(b"x" * 1000)
    os.link(root / "a", root / "sub" / "linked")
    return root


def look(guest):
    """All that a guest can see, in an order that is not that of the names."""
    seen = [guest.stat(name) for name in ("sub/x", "a", "sub", "sub/linked", ".")]
    seen.append(guest.list())
    fd = guest.open("sub", flags=2)
    seen += [guest.list(fd), guest.fstat(fd)]
    guest.do("fd_close", fd)
    guest.make("new")
    guest.do("random_get", BUFFER, 16)
    guest.do("clock_time_get", 0, 1, BUFFER + 16)
    guest.do("clock_time_get", 1, 1, BUFFER + 24)
    return [*seen, guest.stat("new"), guest.memory.read(BUFFER, 32)]


def test_copies_look_the_same(guest, folder, tmp_path):
    copies = [folder]
    for i, order in enumerate([1, -1]):
        copy = tmp_path / f"copy{i}"
        (copy / "sub").mkdir(parents=True)
        for path in sorted(folder.rglob("*"))[::order]:
            if path.is_file() and path.name != "linked":
                shutil.copy(path, copy / path.relative_to(folder))
                os.utime(copy / path.relative_to(folder), (i, i))
        os.link(copy / "a", copy / "sub" / "linked")
        copies.append(copy)
    looks = [look(guest(copy)) for copy in copies]
    assert looks[0] == looks[1] == looks[2]
    other = look(guest(copies[1], deterministic=False))
    assert other != looks[0]


def test_memory_looks_like_a_folder(guest, folder):
    files = {"b": b"b", "sub": {"x": b"x"}, "a": b"a"}
    on_disk = folder / "sub" / "disk"
    (on_disk / "sub").mkdir(parents=True)
    for name in ("a", "b", "sub/x"):
        (on_disk / name).write_text(name[-1])
    one, two = guest(files), guest(on_disk)
    for path in (".", "sub", "b", "sub/x"):
        assert one.stat(path) == two.stat(path)
    assert one.list() == two.list()


def test_what_is_told(guest, folder):
    it = guest(folder)
    names = [name for name, *_ in it.list()]
    assert names[:2] == [b".", b".."]
    assert names[2:] == sorted(names[2:])
    assert [cookie for *_, cookie in it.list()] == list(range(1, len(names) + 1))
    times = (EPOCH, EPOCH, EPOCH)
    assert it.stat(".") == (1, 1, FOLDER, 1, 0, times)
    numbers = {name: number for name, number, *_ in it.list()}
    assert it.stat("a") == (1, numbers[b"a"], REGULAR, 1, 1, times)
    assert it.number("sub/linked") == numbers[b"a"]
    assert it.number("sub") == numbers[b"sub"]
    it.do("path_filestat_set_times", ROOT, 0, *it.path("a"), 5, 5, 5)
    assert it.stat("a")[5] == times
    assert (folder / "a").stat().st_mtime_ns == 5
    assert it.fstat(1)[:2] == (1, it.fstat(2)[1])


def test_a_file_that_is_made_anew_is_another_one(guest, folder):
    it = guest(folder)
    seen = set()
    for delete in ("path_unlink_file", "path_remove_directory"):
        for _ in range(20):
            if delete == "path_unlink_file":
                it.make("new")
            else:
                it.do("path_create_directory", ROOT, *it.path("new"))
            seen.add(it.number("new"))
            it.do(delete, ROOT, *it.path("new"))
    assert len(seen) == 40 and max(seen) - min(seen) == 39


def rename(it, old, new):
    it.do("path_rename", ROOT, *it.path(old), ROOT, *it.path(new, PATH_2))


def test_renaming(guest, folder):
    it = guest(folder)
    a, b, linked = it.number("a"), it.number("b"), it.number("sub/linked")
    assert a == linked != b
    rename(it, "a", "sub/linked")  # two names of one file: nothing happens
    assert it.number("a") == a
    rename(it, "a", "a")
    assert it.number("a") == a
    rename(it, "b", "9")
    assert it.number("9") == b
    rename(it, "sub", "moved")
    assert it.number("moved/linked") == a
    it.do("path_unlink_file", ROOT, *it.path("a"))
    assert it.number("moved/linked") == a  # it has another name


@pytest.mark.parametrize("how", ["fd_close", "fd_renumber"])
def test_a_deleted_file_that_was_open(guest, folder, how):
    """Numbers after it do not depend on whether the host uses its own again."""
    it, seen = guest(folder), []
    for _ in range(20):
        fd = it.open("new", flags=1)
        it.do("path_unlink_file", ROOT, *it.path("new"))
        seen.append(it.fstat(fd)[1])
        if how == "fd_close":
            it.do("fd_close", fd)
        else:
            it.do("fd_renumber", it.open("a"), fd)
            it.do("fd_close", fd)
    assert seen == list(range(1, 21))


def test_many_files(guest, tmp_path):
    it = guest({f"{i:05}": b"" for i in range(5000)})
    numbers = [number for _, number, *_ in it.list()]
    assert numbers[0] == 1 and numbers[2:] == list(range(2, 5002))
    assert it.number("04999") == 5001


def test_sources_that_are_given_are_used(guest, folder):
    it = guest(folder, walltime=lambda: 7, random=b"seed")
    it.do("clock_time_get", 0, 1, BUFFER)
    assert it.memory.read(BUFFER, 8) == (7).to_bytes(8, "little")
    other = guest(folder)
    it.do("random_get", BUFFER, 16)
    other.do("random_get", BUFFER, 16)
    assert it.memory.read(BUFFER, 16) != other.memory.read(BUFFER, 16)


def test_configurations(shared_rt, wat):
    config = wazero.ModuleConfig(deterministic=True)
    assert shared_rt.instantiate(wat(GUEST), config=config).exports
    with pytest.raises(TypeError, match="deterministic must be a bool, not int"):
        shared_rt.instantiate(wat(GUEST), deterministic=1)
    with pytest.raises(wazero.WazeroError, match="need libwazero's WASI"):
        shared_rt.instantiate(wat(GUEST), deterministic=True, wasi="wazero")
