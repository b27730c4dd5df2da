"""File systems that are written in Python: what a guest sees is what their methods say.

Any object with the methods of FileSystem can be mounted. What else it has of those of
BaseFileSystem is used, too; what it lacks, guests cannot do.
"""

from __future__ import annotations

import errno
import os
import stat as types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["BaseFileSystem", "FileSystem", "Stat"]


@dataclass(frozen=True)
class Stat:
    """What is at a path: the attributes of os.stat_result that a guest can see.

    An inode of 0 is replaced by a number that is made of the path.
    """

    st_mode: int
    st_size: int = 0
    st_mtime_ns: int = 0
    st_atime_ns: int = 0
    st_ctime_ns: int = 0
    st_ino: int = 0
    st_nlink: int = 1
    st_dev: int = 0

    @classmethod
    def file(cls, size: int, mtime_ns: int = 0) -> Stat:
        """A file of so many bytes."""
        return cls(types.S_IFREG | 0o644, size, mtime_ns, mtime_ns, mtime_ns)

    @classmethod
    def directory(cls, mtime_ns: int = 0) -> Stat:
        """A directory."""
        return cls(types.S_IFDIR | 0o755, 0, mtime_ns, mtime_ns, mtime_ns)

    @classmethod
    def symlink(cls, target: str, mtime_ns: int = 0) -> Stat:
        """A symbolic link."""
        size = len(os.fsencode(target))
        return cls(types.S_IFLNK | 0o777, size, mtime_ns, mtime_ns, mtime_ns)


@runtime_checkable
class FileSystem(Protocol):
    """What an object needs to be mounted.

    A path begins at the root, which is ".": "folder/file". It has no "..", and leads
    through no symbolic link: the jail has been seen to. A folder that a guest has open
    is known by the path that it had when it was opened, also after it was renamed; so
    is a file for stat, unless there is an fstat. An OSError is the guest's to
    handle, by its errno; another exception ends the guest's call and is raised by it.
    """

    def stat(self, path: str, /) -> Any:
        """What is there: an os.stat_result, or a Stat, or what has st_mode and more.

        A symbolic link is not followed.
        """
        ...

    def listdir(self, path: str, /) -> Iterable[Any]:
        """The names in a directory, or pairs of a name and what stat says of it."""
        ...

    def open(self, path: str, mode: str, /) -> Any:
        """A binary file, whose methods are used as far as it has them.

        The mode is "rb", "r+b", "wb", "w+b", "xb" or "x+b", as open() takes it.
        """
        ...


class BaseFileSystem:
    """A file system that can do nothing, to be filled in.

    One more method is used if it is there: fstat(file), which says of a file that open
    returned what stat says of a path. It is right when the name is gone, too.
    """

    def stat(self, path: str, /) -> Any:
        """What is there, without following a symbolic link."""
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), path)

    def listdir(self, path: str, /) -> Iterable[Any]:
        """The names in a directory."""
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), path)

    def open(self, path: str, mode: str, /) -> Any:
        """A binary file."""
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), path)

    def readlink(self, path: str, /) -> str:
        """The target of a symbolic link."""
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)

    def mkdir(self, path: str, /) -> None:
        """Makes a directory."""
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

    def rmdir(self, path: str, /) -> None:
        """Removes an empty directory."""
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

    def unlink(self, path: str, /) -> None:
        """Removes a file or a symbolic link."""
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

    def rename(self, source: str, target: str, /) -> None:
        """Gives what is at source the name target, which may be there."""
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), source)

    def link(self, source: str, target: str, /) -> None:
        """Gives a file another name."""
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), source)

    def symlink(self, source: str, target: str, /) -> None:
        """Makes a symbolic link to source at target, as os.symlink does."""
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), target)

    def utime(self, path: str, /, *, ns: tuple[int, int]) -> None:
        """Sets the times of access and modification, in nanoseconds since 1970."""
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
