"""A guest that does what it is told: each WASI function as an export, from Python."""

import dataclasses
import functools
import os
import struct

import pytest
import wazero
from wasmtime import wat2wasm

FUNCTIONS = {
    "args_get": "ii",
    "args_sizes_get": "ii",
    "clock_res_get": "ii",
    "clock_time_get": "iIi",
    "environ_get": "ii",
    "environ_sizes_get": "ii",
    "fd_advise": "iIIi",
    "fd_allocate": "iII",
    "fd_close": "i",
    "fd_datasync": "i",
    "fd_fdstat_get": "ii",
    "fd_fdstat_set_flags": "ii",
    "fd_fdstat_set_rights": "iII",
    "fd_filestat_get": "ii",
    "fd_filestat_set_size": "iI",
    "fd_filestat_set_times": "iIIi",
    "fd_pread": "iiiIi",
    "fd_prestat_dir_name": "iii",
    "fd_prestat_get": "ii",
    "fd_pwrite": "iiiIi",
    "fd_read": "iiii",
    "fd_readdir": "iiiIi",
    "fd_renumber": "ii",
    "fd_seek": "iIii",
    "fd_sync": "i",
    "fd_tell": "ii",
    "fd_write": "iiii",
    "path_create_directory": "iii",
    "path_filestat_get": "iiiii",
    "path_filestat_set_times": "iiiiIIi",
    "path_link": "iiiiiii",
    "path_open": "iiiiiIIii",
    "path_readlink": "iiiiii",
    "path_remove_directory": "iii",
    "path_rename": "iiiiii",
    "path_symlink": "iiiii",
    "path_unlink_file": "iii",
    "poll_oneoff": "iiii",
    "proc_exit": "i",
    "proc_raise": "i",
    "random_get": "ii",
    "sched_yield": "",
    "sock_accept": "iii",
    "sock_recv": "iiiiii",
    "sock_send": "iiiii",
    "sock_shutdown": "ii",
}

NAMES_OF_ERRORS = """
SUCCESS 2BIG ACCES ADDRINUSE ADDRNOTAVAIL AFNOSUPPORT AGAIN ALREADY BADF BADMSG
BUSY CANCELED CHILD CONNABORTED CONNREFUSED CONNRESET DEADLK DESTADDRREQ DOM
DQUOT EXIST FAULT FBIG HOSTUNREACH IDRM ILSEQ INPROGRESS INTR INVAL IO ISCONN
ISDIR LOOP MFILE MLINK MSGSIZE MULTIHOP NAMETOOLONG NETDOWN NETRESET NETUNREACH
NFILE NOBUFS NODEV NOENT NOEXEC NOLCK NOLINK NOMEM NOMSG NOPROTOOPT NOSPC NOSYS
NOTCONN NOTDIR NOTEMPTY NOTRECOVERABLE NOTSOCK NOTSUP NOTTY NXIO OVERFLOW
OWNERDEAD PERM PIPE PROTO PROTONOSUPPORT PROTOTYPE RANGE ROFS SPIPE SRCH STALE
TIMEDOUT TXTBSY XDEV NOTCAPABLE
"""
ERRNO = NAMES_OF_ERRORS.split()


@functools.cache
def guest_wasm(module="wasi_snapshot_preview1", pages=4):
    """A module with an export for each function, with the parameters of the import."""
    names = {"i": "i32", "I": "i64"}
    imports, exports = [], []
    for name, params in FUNCTIONS.items():
        types = " ".join(names[p] for p in params)
        gets = " ".join(f"(local.get {i})" for i in range(len(params)))
        result = "" if name == "proc_exit" else "(result i32)"
        imports.append(
            f'(import "{module}" "{name}" (func ${name} (param {types}) {result}))'
        )
        exports.append(
            f'(func (export "{name}") (param {types}) {result} (call ${name} {gets}))'
        )
    memory = f'(memory (export "memory") {pages})'
    return bytes(
        wat2wasm("\n".join(["(module $probe", *imports, memory, *exports, ")"]))
    )


@dataclasses.dataclass
class Stat:
    dev: int
    ino: int
    type: int
    nlink: int
    size: int
    atim: int
    mtim: int
    ctim: int


class WasiError(Exception):
    """An errno, by its name."""


class Guest:
    """Calls WASI functions with Python values; an errno is a WasiError."""

    PATH, PATH2, RESULT, VECTORS, DATA, SIZE = 1024, 6000, 64, 128, 65536, 131072

    def __init__(self, module):
        self.module = module
        self.memory = module.memory
        self.unstable = False

    def call(self, name, *args, **options):
        """The errno's name."""
        return ERRNO[getattr(self.module.exports, name)(*args, **options)]

    def do(self, name, *args, **options):
        code = self.call(name, *args, **options)
        if code != "SUCCESS":
            raise WasiError(code)

    def put(self, text, at=PATH):
        data = text if isinstance(text, bytes) else text.encode()
        self.memory.write(at, data)
        return at, len(data)

    def u32(self, at=RESULT):
        return self.memory.unpack("<I", at)[0]

    def u64(self, at=RESULT):
        return self.memory.unpack("<Q", at)[0]

    # ---- paths

    def open(
        self,
        path,
        oflags=0,
        rights=0x2,
        fdflags=0,
        dirfd=3,
        follow=1,
        inherit=2**30 - 1,
    ):
        self.do(
            "path_open",
            dirfd,
            follow,
            *self.put(path),
            oflags,
            rights,
            inherit,
            fdflags,
            self.RESULT,
        )
        return self.u32()

    def opendir(self, path, dirfd=3, **options):
        return self.open(path, 2, 1 << 14, dirfd=dirfd, **options)

    def create(self, path, data=b"", dirfd=3, **options):
        fd = self.open(path, 1, 0x1FFFFFFF, dirfd=dirfd, **options)
        if data:
            self.write(fd, data)
        return fd

    def stat(self, path, dirfd=3, follow=1):
        self.do("path_filestat_get", dirfd, follow, *self.put(path), self.RESULT)
        return self.get_stat()

    def fstat(self, fd):
        self.do("fd_filestat_get", fd, self.RESULT)
        return self.get_stat()

    def get_stat(self):
        if self.unstable:
            return Stat(*self.memory.unpack("<QQB3xIQQQQ", self.RESULT))
        return Stat(*self.memory.unpack("<QQB7xQQQQQ", self.RESULT))

    def mkdir(self, path, dirfd=3):
        self.do("path_create_directory", dirfd, *self.put(path))

    def rmdir(self, path, dirfd=3):
        self.do("path_remove_directory", dirfd, *self.put(path))

    def unlink(self, path, dirfd=3):
        self.do("path_unlink_file", dirfd, *self.put(path))

    def symlink(self, target, path, dirfd=3):
        self.do("path_symlink", *self.put(target, self.PATH2), dirfd, *self.put(path))

    def readlink(self, path, dirfd=3, size=4096):
        self.do("path_readlink", dirfd, *self.put(path), self.DATA, size, self.RESULT)
        return self.memory.read(self.DATA, self.u32())

    def rename(self, old, new, dirfd=3, to=3):
        self.do("path_rename", dirfd, *self.put(old), to, *self.put(new, self.PATH2))

    def link(self, old, new, dirfd=3, to=3, flags=0):
        self.do(
            "path_link", dirfd, flags, *self.put(old), to, *self.put(new, self.PATH2)
        )

    def utimens(self, path, atim=0, mtim=0, flags=0b0101, dirfd=3, follow=1):
        self.do(
            "path_filestat_set_times", dirfd, follow, *self.put(path), atim, mtim, flags
        )

    def scandir(self, fd, size=65536):
        """Names, types and inodes."""
        entries, cookie = [], 0
        while True:
            self.do("fd_readdir", fd, self.DATA, size, cookie, self.RESULT)
            data = self.memory.read(self.DATA, self.u32())
            full, at = len(data) == size, 0
            while at + 24 <= len(data):
                cookie_, inode, length, kind = struct.unpack_from("<QQIB", data, at)
                if at + 24 + length > len(data):
                    break
                entries.append((data[at + 24 : at + 24 + length], kind, inode))
                at += 24 + length
                cookie = cookie_
            if not full:
                return entries

    # ---- files

    def write(self, fd, *parts, function="fd_write", offset=(), **options):
        at = self.DATA
        for i, part in enumerate(parts):
            self.memory.write(at, part)
            self.memory.pack("<II", self.VECTORS + 8 * i, at, len(part))
            at += len(part)
        self.do(function, fd, self.VECTORS, len(parts), *offset, self.RESULT, **options)
        return self.u32()

    def read(self, fd, *sizes, function="fd_read", offset=(), **options):
        at = self.DATA
        for i, size in enumerate(sizes):
            self.memory.pack("<II", self.VECTORS + 8 * i, at, size)
            at += size
        self.do(function, fd, self.VECTORS, len(sizes), *offset, self.RESULT, **options)
        return self.memory.read(self.DATA, self.u32())

    def pread(self, fd, size, offset):
        return self.read(fd, size, function="fd_pread", offset=(offset,))

    def pwrite(self, fd, data, offset):
        return self.write(fd, data, function="fd_pwrite", offset=(offset,))

    def seek(self, fd, offset, whence=0):
        self.do("fd_seek", fd, offset, whence, self.RESULT)
        return self.u64()

    def close(self, fd):
        self.do("fd_close", fd)

    def fdstat(self, fd):
        """Type, flags, rights, inheriting rights."""
        self.do("fd_fdstat_get", fd, self.RESULT)
        return self.memory.unpack("<BxH4xQQ", self.RESULT)

    def prestat(self, fd):
        self.do("fd_prestat_get", fd, self.RESULT)
        size = self.u32(self.RESULT + 4)
        self.do("fd_prestat_dir_name", fd, self.DATA, size)
        return self.memory.read(self.DATA, size).decode()

    # ---- poll

    def poll(self, *subscriptions, **options):
        """Of ("clock", timeout, id, flags), ("read", fd), ("write", fd); gives events:
        (userdata, errno, type, bytes, flags)."""
        for i, (kind, subject, *more) in enumerate(subscriptions):
            at = self.DATA + 48 * i
            self.memory.write(at, bytes(48))
            if kind == "clock":
                clock, flags = (*more, *(1, 0)[len(more) :])
                self.memory.pack("<QB7xI4xQQH", at, i + 1, 0, clock, subject, 0, flags)
            else:
                self.memory.pack(
                    "<QB7xI", at, i + 1, 1 if kind == "read" else 2, subject
                )
        out = self.DATA + 48 * len(subscriptions)
        self.do(
            "poll_oneoff", self.DATA, out, len(subscriptions), self.RESULT, **options
        )
        return [self.memory.unpack("<QHB5xQH", out + 32 * i) for i in range(self.u32())]


@pytest.fixture
def functions():
    """The names of all functions with the kinds of their parameters."""
    return FUNCTIONS


@pytest.fixture
def errnos():
    return ERRNO


@pytest.fixture
def rt():
    with wazero.Runtime() as runtime:
        yield runtime


@pytest.fixture
def guest(rt):
    """Makes a guest; options are those of instantiate."""

    def make(module="wasi_snapshot_preview1", pages=4, runtime=rt, **options):
        made = Guest(runtime.instantiate(guest_wasm(module, pages), **options))
        made.unstable = module == "wasi_unstable"
        return made

    return make


@pytest.fixture
def root(tmp_path):
    """A folder with a file, a folder and a file in that."""
    (tmp_path / "root" / "sub").mkdir(parents=True)
    (tmp_path / "root" / "file").write_bytes(b"hello world")
    (tmp_path / "root" / "sub" / "inner").write_bytes(b"inner")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"secret")
    return tmp_path / "root"


@pytest.fixture
def fails():
    """fails("NOENT", function, *args): that it fails so."""

    def check(code, function, *args, **options):
        with pytest.raises(WasiError) as caught:
            function(*args, **options)
        assert str(caught.value) == code

    return check


class Forward:
    """A folder of the host, by way of Python. None of it checks a path."""

    def __init__(self, root):
        self.root = str(root)
        self.modes = []

    def at(self, path):
        return os.path.join(self.root, path)

    def stat(self, path):
        return os.lstat(self.at(path))

    def fstat(self, file):
        return os.fstat(file.fileno())

    def listdir(self, path):
        return os.listdir(self.at(path))

    def open(self, path, mode):
        self.modes.append(mode)
        return open(self.at(path), mode, buffering=0)

    def readlink(self, path):
        return os.readlink(self.at(path))

    def mkdir(self, path):
        os.mkdir(self.at(path))

    def rmdir(self, path):
        os.rmdir(self.at(path))

    def unlink(self, path):
        os.unlink(self.at(path))

    def rename(self, source, target):
        os.rename(self.at(source), self.at(target))

    def link(self, source, target):
        os.link(self.at(source), self.at(target), follow_symlinks=False)

    def symlink(self, source, target):
        os.symlink(source, self.at(target))

    def utime(self, path, *, ns):
        os.utime(self.at(path), ns=ns, follow_symlinks=False)


@pytest.fixture
def forward():
    return Forward
