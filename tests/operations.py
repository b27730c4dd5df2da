"""What guests do with files, at random, so that two file systems can be compared."""

import os
import pathlib

from hypothesis import strategies as st

READ, WRITE, ALL = 0x2, 0x40, 0x1FFFFFFF
CREAT, DIRECTORY, EXCL, TRUNC = 1, 2, 4, 8

PATHS = st.sampled_from(
    ["a", "b", "c", "a/b", "a/c", "b/c", "b/a", "a/b/c", "l", "l/a", "b/", ".", "a/.."]
)
DATA = st.sampled_from([b"", b"x", b"hello", b"z" * 300])
OFFSETS = st.sampled_from([0, 1, 5, 64, 100, 65530, 70000])
SLOTS = st.integers(0, 3)
OPERATIONS = st.one_of(
    st.tuples(
        st.just("open"),
        PATHS,
        st.sampled_from([0, CREAT, CREAT | EXCL, TRUNC, CREAT | TRUNC, DIRECTORY]),
        st.sampled_from([READ, WRITE, READ | WRITE, ALL]),
        st.sampled_from([0, 0, 1]),
        st.sampled_from([0, 1]),
    ),
    st.tuples(st.just("mkdir"), PATHS),
    st.tuples(st.just("rmdir"), PATHS),
    st.tuples(st.just("unlink"), PATHS),
    st.tuples(st.just("symlink"), st.sampled_from(["a", "b/c", "../a", "l"]), PATHS),
    st.tuples(st.just("link"), PATHS, PATHS),
    st.tuples(st.just("rename"), PATHS, PATHS),
    st.tuples(st.just("stat"), PATHS, st.sampled_from([0, 1])),
    st.tuples(st.just("readlink"), PATHS),
    st.tuples(st.just("list"), PATHS),
    st.tuples(st.just("write"), SLOTS, DATA),
    st.tuples(st.just("pwrite"), SLOTS, DATA, OFFSETS),
    st.tuples(st.just("read"), SLOTS, OFFSETS),
    st.tuples(st.just("pread"), SLOTS, OFFSETS, OFFSETS),
    st.tuples(st.just("seek"), SLOTS, st.integers(-100, 100), st.integers(0, 2)),
    st.tuples(st.just("resize"), SLOTS, OFFSETS),
    st.tuples(st.just("allocate"), SLOTS, OFFSETS, OFFSETS),
    st.tuples(st.just("flags"), SLOTS, st.sampled_from([0, 1])),
    st.tuples(st.just("fstat"), SLOTS),
    st.tuples(st.just("close"), SLOTS),
)


def seen(stat):
    """What both sides are to tell the same: sizes and links of folders are not."""
    if stat.type == 3:
        return stat.type
    return stat.type, stat.nlink, stat.size


class Side:
    """A guest, and the descriptors that it has open."""

    def __init__(self, made):
        self.made = made
        self.fds = []

    def act(self, name, *args):
        made = self.made
        if name == "open":
            path, oflags, rights, fdflags, follow = args
            fd = made.open(path, oflags, rights, fdflags, follow=follow)
            if len(self.fds) == 4:
                made.close(self.fds.pop(0))
            self.fds.append(fd)
            return fd
        if name == "stat":
            return seen(made.stat(args[0], follow=args[1]))
        if name == "list":
            fd = made.opendir(args[0])
            entries = sorted((name, kind) for name, kind, _ in made.scandir(fd))
            made.close(fd)
            return entries
        if not isinstance(args[0], int):
            return getattr(made, name)(*args)
        fd = self.fds[args[0]] if args[0] < len(self.fds) else 90
        args = args[1:]
        if name == "close":
            if fd in self.fds:
                self.fds.remove(fd)
            return made.close(fd)
        if name == "fstat":
            return seen(made.fstat(fd))
        if name == "resize":
            return made.do("fd_filestat_set_size", fd, *args)
        if name == "allocate":
            return made.do("fd_allocate", fd, *args)
        if name == "flags":
            return made.do("fd_fdstat_set_flags", fd, *args)
        return getattr(made, name)(fd, *args)

    def outcome(self, operation):
        try:
            return self.act(*operation)
        except Exception as error:
            if type(error).__name__ != "WasiError":
                raise
            return str(error)


def read_tree(folder):
    tree = {}
    for entry in os.scandir(folder):
        path = pathlib.Path(entry.path)
        if entry.is_symlink():
            continue
        tree[entry.name] = read_tree(path) if entry.is_dir() else path.read_bytes()
    return tree


def without_links(tree, folder):
    """The tree of a file system as read_tree tells the folder that is like it."""
    return {
        name: without_links(what, folder / name) if isinstance(what, dict) else what
        for name, what in tree.items()
        if not (folder / name).is_symlink()
    }
