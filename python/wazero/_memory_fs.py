"""MemoryFS and Overlay: file systems that are mappings of paths to bytes."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING

from wazero._wazero import MemoryFiles, OverlayFiles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Self, SupportsIndex

    from typing_extensions import Buffer

    from wazero._wazero import _Files, _FileSystem, _Path

    _Tree = dict[str, "bytes | _Tree"]


class _Mapping(MemoryFiles, MutableMapping["_Path", bytes]):
    """What both have in common."""

    __slots__ = ()

    def __getitem__(self, path: _Path) -> bytes:
        """The bytes of a file. IsADirectoryError for a folder."""
        try:
            return self._read(path)
        except (FileNotFoundError, NotADirectoryError, ValueError):
            raise KeyError(path) from None

    def __setitem__(self, path: _Path, data: Buffer) -> None:
        """Writes a file; folders on the way are made."""
        self._write(path, data)

    def __delitem__(self, path: _Path) -> None:
        """Removes a file. IsADirectoryError for a folder: see rmtree()."""
        try:
            if self._kind(path) == "directory":
                raise IsADirectoryError(f"{path!r} is a folder: see rmtree()")
            self._remove(path, False)
        except (FileNotFoundError, NotADirectoryError, ValueError):
            raise KeyError(path) from None

    def __contains__(self, path: object) -> bool:
        return self._is(path, "file")

    def __iter__(self) -> Iterator[str]:
        """The paths of all files, as they are now, folder by folder."""
        return iter(
            [path for path, kind in self._list("", True) if self._has(path, kind)]
        )

    def __len__(self) -> int:
        return sum(self._has(path, kind) for path, kind in self._list("", True))

    def _is(self, path: Any, wanted: str) -> bool:
        try:
            return self._kind(path) == wanted
        except (OSError, ValueError):
            return False

    def _has(self, path: str, kind: str) -> bool:
        """Whether an entry can be read: a file, or a link to one."""
        return kind == "file" or (kind == "link" and self._is(path, "file"))

    def is_dir(self, path: _Path) -> bool:
        """Whether there is a folder."""
        return self._is(path, "directory")

    def listdir(self, path: _Path = "") -> list[str]:
        """The names in a folder, sorted. FileNotFoundError, NotADirectoryError."""
        return [name for name, _ in self._list(path, False)]

    def mkdir(self, path: _Path) -> None:
        """Makes a folder, and those on the way; it may be there."""
        self._mkdir(path)

    def rmtree(self, path: _Path) -> None:
        """Removes a folder with all that is in it, or a file."""
        self._remove(path, True)

    def to_dict(self) -> _Tree:
        """All files as MemoryFS() takes them: folders are dicts."""
        tree: _Tree = {}
        folders = {"": tree}
        for path, kind in self._list("", True):
            above, _, name = path.rpartition("/")
            if kind == "directory":
                folders[path] = folders[above][name] = {}
            elif self._has(path, kind) and (data := self.get(path)) is not None:
                folders[above][name] = data
        return tree

    @property
    def used_bytes(self) -> int:
        """What counts against max_bytes now."""
        return self._usage()[0]

    @property
    def used_files(self) -> int:
        """What counts against max_files now."""
        return self._usage()[1]

    @property
    def max_bytes(self) -> int:
        return self._usage()[2]

    @property
    def max_files(self) -> int:
        return self._usage()[3]


class MemoryFS(_Mapping):
    """A file system in memory, which guests can read and write.

    It is a mapping of the paths of files to their bytes, before, during and after the
    runs that it is mounted in; several modules may have it at once. files is what it
    has at first: {"a.txt": b"...", "folder": {...}}. max_bytes (1 GiB, or a text like
    "64MiB") limits the files' sizes together, max_files (262144) how many files,
    folders and links there are: what would be more fails as on a full disk.
    """

    __slots__ = ()

    def __new__(
        cls,
        files: _Files | None = None,
        *,
        max_bytes: int | str | None = None,
        max_files: SupportsIndex | None = None,
    ) -> Self:
        self = super().__new__(cls, max_bytes, max_files)
        if files is not None:
            self._fill(files)
        return self

    def __repr__(self) -> str:
        return f"<wazero.MemoryFS: {self.used_files} files, {self.used_bytes} bytes>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.to_dict(), self.max_bytes, self.max_files)


class Overlay(OverlayFiles, _Mapping):
    """A file system that is never written, and a MemoryFS above it that has what was.

    lower is a folder of the host, a Dir, or anything else that can be mounted. Guests
    see the two as one, can write it as any other, and lower stays what it is. As a
    mapping it is what guests see. upper is a MemoryFS, a new one if it is None, and has
    the files that were written or made; deleted has the paths that were removed. A
    file counts against the limits of upper once it is opened to be written.
    """

    __slots__ = ()

    def __new__(cls, lower: _Path | _FileSystem, upper: MemoryFS | None = None) -> Self:
        if upper is None:
            upper = MemoryFS()
        elif not isinstance(upper, MemoryFS):
            raise TypeError(
                f"upper must be a wazero.MemoryFS, not {type(upper).__name__}"
            )
        return super().__new__(cls, lower, upper)

    @property
    def deleted(self) -> list[str]:
        """The paths of lower that are hidden, folder by folder.

        They were removed or renamed, folders with all that was in them; upper may have
        something else there by now. Who removes these from a copy of lower, and then
        writes the files of upper there, has what guests see.
        """
        return self._deleted()

    def __repr__(self) -> str:
        return f"<wazero.Overlay on {self.lower!r}: {self.upper!r}>"

    def __reduce__(self) -> str:
        raise TypeError("a wazero.Overlay cannot be pickled or copied: its upper can")


def _rebuild(files: _Tree, max_bytes: int, max_files: int) -> MemoryFS:
    """What unpickling and copying a MemoryFS calls."""
    return MemoryFS(files, max_bytes=max_bytes, max_files=max_files)
