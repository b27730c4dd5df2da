"""Files in memory as the file system of a guest."""

import io
import pickle
import zipfile

import pytest
import wazero

# list(path) and read(path) print; both give an errno. write(path) opens to write.
PROGRAM = """
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pread"
    (func $fd_pread (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_seek"
    (func $fd_seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_readdir"
    (func $fd_readdir (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get"
    (func $path_filestat_get (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_readlink"
    (func $path_readlink (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file"
    (func $path_unlink_file (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory"
    (func $path_create_directory (param i32 i32 i32) (result i32)))
  (memory (export "memory") 16)
  ;; The path is at 1024. Its descriptor, or a negative errno.
  (func (export "open") (param $fd i32) (param $size i32) (param $flags i32)
      (param $rights i64) (result i32)
    (local $errno i32)
    (local.set $errno (call $path_open (local.get $fd) (i32.const 1) (i32.const 1024)
      (local.get $size) (local.get $flags) (local.get $rights) (i64.const 0)
      (i32.const 0) (i32.const 0)))
    (if (result i32) (local.get $errno)
      (then (i32.sub (i32.const 0) (local.get $errno)))
      (else (i32.load (i32.const 0)))))
  ;; Up to n bytes to 65536: their number, or a negative errno.
  (func (export "read") (param $fd i32) (param $n i32) (result i32) (local $errno i32)
    (i32.store (i32.const 0) (i32.const 65536))
    (i32.store (i32.const 4) (local.get $n))
    (local.set $errno (call $fd_read (local.get $fd) (i32.const 0) (i32.const 1)
      (i32.const 8)))
    (if (result i32) (local.get $errno)
      (then (i32.sub (i32.const 0) (local.get $errno)))
      (else (i32.load (i32.const 8)))))
  (func (export "pread") (param $fd i32) (param $n i32) (param $at i64) (result i32)
    (i32.store (i32.const 0) (i32.const 65536))
    (i32.store (i32.const 4) (local.get $n))
    (drop (call $fd_pread (local.get $fd) (i32.const 0) (i32.const 1) (local.get $at)
      (i32.const 8)))
    (i32.load (i32.const 8)))
  (func (export "seek") (param $fd i32) (param $by i64) (param $whence i32) (result i64)
    (local $errno i32)
    (local.set $errno (call $fd_seek (local.get $fd) (local.get $by)
      (local.get $whence) (i32.const 8)))
    (if (result i64) (local.get $errno)
      (then (i64.sub (i64.const 0) (i64.extend_i32_u (local.get $errno))))
      (else (i64.load (i32.const 8)))))
  (func (export "list") (param $fd i32) (param $n i32) (result i32)
    (drop (call $fd_readdir (local.get $fd) (i32.const 65536) (local.get $n)
      (i64.const 0) (i32.const 8)))
    (i32.load (i32.const 8)))
  (func (export "close") (param i32) (result i32) (call $fd_close (local.get 0)))
  ;; The filestat is put at 65536.
  (func (export "stat") (param $fd i32) (param $size i32) (result i32)
    (call $path_filestat_get (local.get $fd) (i32.const 1) (i32.const 1024)
      (local.get $size) (i32.const 65536)))
  (func (export "readlink") (param $fd i32) (param $size i32) (result i32)
    (call $path_readlink (local.get $fd) (i32.const 1024) (local.get $size)
      (i32.const 65536) (i32.const 100) (i32.const 8)))
  (func (export "unlink") (param $fd i32) (param $size i32) (result i32)
    (call $path_unlink_file (local.get $fd) (i32.const 1024) (local.get $size)))
  (func (export "mkdir") (param $fd i32) (param $size i32) (result i32)
    (call $path_create_directory (local.get $fd) (i32.const 1024) (local.get $size))))
"""
EXIST, INVAL, ISDIR, NOENT, NOTDIR, PERM, ROFS = 20, 28, 31, 44, 54, 63, 69
READ, WRITE = 2, 64
CREAT, DIRECTORY, EXCL, TRUNC = 1, 2, 4, 8
FILES = {
    "a.txt": b"hello",
    "empty": b"",
    "folder": {"b.txt": bytearray(b"in a folder"), "deeper": {}},
    "path/to/c.bin": memoryview(bytes(range(256)) * 1000),
}


class Guest:
    def __init__(self, rt, wasm, **options):
        self.mod = rt.instantiate(wasm, **options)
        self.exports = self.mod.exports

    def on_path(self, name, path, *args, fd=3):
        path = path.encode()
        self.mod.memory.write(1024, path)
        return self.exports[name](fd, len(path), *args)

    def open(self, path, flags=0, rights=READ, fd=3):
        return self.on_path("open", path, flags, rights, fd=fd)

    def data(self, size):
        return self.mod.memory.read(65536, size)

    def read(self, path, fd=3):
        file = self.open(path, fd=fd)
        if file < 0:
            return file
        data = b""
        while size := self.exports.read(file, 10_000):
            data += self.data(size)
        assert self.exports.close(file) == 0
        return data

    def list(self, path, fd=3):
        folder = self.open(path, DIRECTORY, fd=fd)
        if folder < 0:
            return folder
        data, names = self.data(self.exports.list(folder, 60_000)), {}
        while data:
            size, kind = int.from_bytes(data[16:20], "little"), data[20]
            names[data[24 : 24 + size].decode()] = kind
            data = data[24 + size :]
        assert self.exports.close(folder) == 0
        return names

    def stat(self, path):
        errno = self.on_path("stat", path)
        return errno or self.mod.memory.unpack("<QQBxxxxxxxQQ", 65536)[2:]


@pytest.fixture
def make(rt, wat):
    return lambda **options: Guest(rt, wat(PROGRAM), **options)


def test_files(make):
    guest = make(fs=FILES)
    assert guest.read("a.txt") == b"hello"
    assert guest.read("empty") == b""
    assert guest.read("folder/b.txt") == b"in a folder"
    assert guest.read("folder/../path/./to/c.bin") == bytes(range(256)) * 1000
    for path, errno in {
        "b.txt": NOENT,
        "a": NOENT,
        "a.txtx": NOENT,
        "a.txt/": NOTDIR,
        "a.txt/b": NOTDIR,
        "nothing/b": NOENT,
        "../a.txt": PERM,
        "/a.txt": PERM,
        "": NOENT,
    }.items():
        assert guest.open(path) == -errno, path


def test_folders(make):
    guest = make(fs=FILES)
    folder, file = 3, 4
    assert guest.list(".") == {
        ".": folder,
        "..": folder,
        "a.txt": file,
        "empty": file,
        "folder": folder,
        "path": folder,
    }
    assert guest.list("folder/deeper") == {".": folder, "..": folder}
    assert guest.list("path/to/") == {".": folder, "..": folder, "c.bin": file}
    assert guest.list("a.txt") == -NOTDIR


def test_positions(make):
    guest = make(fs={"f": bytes(range(100))})
    file = guest.open("f", rights=READ | 4 | 32)
    exports = guest.exports
    assert (exports.read(file, 10), guest.data(10)) == (10, bytes(range(10)))
    assert exports.seek(file, 5, 1) == 15
    assert (exports.read(file, 3), guest.data(3)) == (3, bytes([15, 16, 17]))
    assert exports.seek(file, -2, 2) == 98
    assert (exports.read(file, 10), guest.data(2)) == (2, bytes([98, 99]))
    assert exports.read(file, 10) == 0
    assert exports.seek(file, 1000, 0) == 1000
    assert exports.read(file, 10) == 0
    assert exports.seek(file, -1001, 1) == -INVAL
    assert exports.seek(file, 2**63 - 1, 1) == -INVAL
    assert exports.pread(file, 3, 50) == 3 and guest.data(3) == bytes([50, 51, 52])
    assert exports.pread(file, 3, 2**63 - 1) == 0
    assert exports.seek(file, 0, 1) == 1000


def test_stat(make):
    guest = make(fs=FILES)
    assert guest.stat("a.txt") == (4, 1, 5)
    assert guest.stat("folder") == (3, 1, 0)
    assert guest.stat(".") == (3, 1, 0)
    assert guest.stat("b") == NOENT
    assert guest.on_path("readlink", "a.txt") == INVAL
    assert guest.on_path("readlink", "b") == NOENT


def test_nothing_can_be_changed(make):
    guest = make(fs=FILES)
    assert guest.open("a.txt", rights=WRITE) == -ROFS
    assert guest.open("a.txt", TRUNC) == -ROFS
    assert guest.open("new", CREAT, READ | WRITE) == -ROFS
    assert guest.open("a.txt", CREAT | EXCL, READ | WRITE) in (-EXIST, -ROFS)
    assert guest.on_path("unlink", "a.txt") == ROFS
    assert guest.on_path("mkdir", "new") == ROFS
    assert guest.read("a.txt") == b"hello"


def test_several_places(make, tmp_path):
    (tmp_path / "host").write_bytes(b"of the host")
    guest = make(mounts={"/": {"f": b"1"}, "/host": tmp_path, "/more": {"f": b"2"}})
    assert guest.read("f", fd=3) == b"1"
    assert guest.read("host", fd=4) == b"of the host"
    assert guest.read("f", fd=5) == b"2"


def test_the_mapping_is_copied(make):
    files = {"f": bytearray(b"before")}
    guest = make(fs=files)
    files["f"][:] = b"after!"
    files["g"] = b""
    assert guest.read("f") == b"before"
    assert guest.open("g") == -NOENT


def test_fs_config(make):
    config = wazero.FSConfig().mount_memory({"f": b"1"}).mount_memory({"f": b"2"}, "/b")
    config = pickle.loads(pickle.dumps(config))
    guest = make(fs=config)
    assert guest.read("f", fd=3) == b"1"
    assert guest.read("f", fd=4) == b"2"


def test_zip(make, tmp_path):
    path = tmp_path / "files.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/b.txt", b"text" * 1000)
        archive.mkdir("empty")
        archive.writestr("c", b"")
    for source in (path, str(path), bytes(path), io.BytesIO(path.read_bytes())):
        guest = make(fs=wazero.FSConfig().mount_zip(source, "/"))
        assert guest.read("a/b.txt") == b"text" * 1000
        assert guest.list("empty") == {".": 3, "..": 3}
        assert guest.read("c") == b""
    with pytest.raises(zipfile.BadZipFile):
        wazero.FSConfig().mount_zip(io.BytesIO(b"no zip"))


def test_many(make):
    files = {f"folder{i % 10}/{i}": str(i).encode() for i in range(2000)}
    guest = make(fs=files)
    assert len(guest.list("folder3")) == 202
    assert all(guest.read(f"folder{i % 10}/{i}") == b"%d" % i for i in range(2000))


@pytest.mark.parametrize(
    ("files", "error", "text"),
    [
        (
            {"f": 3},
            TypeError,
            "the file /f must be bytes-like, or a mapping",
        ),
        ({"f": "text"}, TypeError, "the file /f must be bytes-like"),
        ({"f": None}, TypeError, "the file /f must be bytes-like"),
        ({3: b""}, TypeError, "a path in a file system must be str, not int"),
        ({"a\0b": b""}, ValueError, "null|NUL"),
        ({"": b""}, ValueError, "is that of a directory"),
        ({"/": b""}, ValueError, "is that of a directory"),
        ({"f/": b""}, ValueError, "is that of a directory"),
        ({"..": b""}, ValueError, "has a name that no file can have"),
        ({"a/../b": b""}, ValueError, "has a name that no file can have"),
        ({"./b": b""}, ValueError, "has a name that no file can have"),
        ({"x" * 256: b""}, ValueError, "has a name that no file can have"),
        ({"f": b"", "f/g": b""}, ValueError, "leads through a file"),
        ({"f": b"", "/f": b""}, ValueError, "is there already"),
        ({"f": {}, "/f": b""}, ValueError, "is there already"),
        ({"f": b"", "/f": {}}, ValueError, "leads through a file"),
    ],
)
def test_wrong_files(make, files, error, text):
    with pytest.raises(error, match=text):
        make(fs=files)
    with pytest.raises(error, match=text):
        make(mounts={"/": files})


def test_a_mapping_without_end(make):
    files = {}
    files["f"] = files
    with pytest.raises(ValueError, match="more than 500 deep"):
        make(fs=files)
    deep = {}
    for _ in range(500):
        deep = {"f": deep}
    make(fs=deep)
    with pytest.raises(ValueError, match="more than 500 deep"):
        make(fs={"f": deep})


def test_not_with_wazeros_own_wasi(make):
    with pytest.raises(wazero.WazeroError, match="needs libwazero's own WASI"):
        make(fs=FILES, wasi="wazero")


def test_run(wat):
    wasm = wat(
        """(module
        (import "wasi_snapshot_preview1" "path_filestat_get"
          (func $stat (param i32 i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "f")
        (func (export "_start") (call $exit (call $stat (i32.const 3) (i32.const 0)
          (i32.const 0) (i32.const 1) (i32.const 100)))))"""
    )
    assert wazero.run(wasm, mounts={"/": {"f": b""}}).returncode == 0
    assert wazero.run(wasm, mounts={"/": {"g": b""}}).returncode == NOENT
