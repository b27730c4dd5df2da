"""A zip archive as a guest's files: a file system that is written in Python.

The archive is read as far as the guest reads it, and nothing is unpacked.
"""

import io
import zipfile

import wazero


class ZipFiles:
    """What can be mounted: any object with stat, listdir and open."""

    def __init__(self, archive):
        self.archive = zipfile.ZipFile(archive)

    def stat(self, path):
        entry = zipfile.Path(self.archive, "" if path == "." else path)
        if entry.is_dir() or path == ".":
            return wazero.Stat.directory()
        if not entry.exists():
            raise FileNotFoundError(path)
        return wazero.Stat.file(self.archive.getinfo(path).file_size)

    def listdir(self, path):
        entry = zipfile.Path(self.archive, "" if path == "." else path + "/")
        return [child.name for child in entry.iterdir()]

    def open(self, path, mode):
        if mode != "rb":
            raise PermissionError(path)
        return self.archive.open(path)


# A program that writes the file "greeting" to its standard output.
# (module
#   (import "wasi_snapshot_preview1" "path_open" (func $open
#     (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
#   (import "wasi_snapshot_preview1" "fd_read" (func $read
#     (param i32 i32 i32 i32) (result i32)))
#   (import "wasi_snapshot_preview1" "fd_write" (func $write
#     (param i32 i32 i32 i32) (result i32)))
#   (memory (export "memory") 1)
#   (data (i32.const 8) "greeting")
#   (data (i32.const 32) "\40\00\00\00\20\00\00\00")
#   (func (export "_start")
#     (drop (call $open (i32.const 3) (i32.const 0) (i32.const 8) (i32.const 8)
#       (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 0)))
#     (drop (call $read (i32.load (i32.const 0)) (i32.const 32) (i32.const 1)
#       (i32.const 36)))
#     (drop (call $write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 4)))))
WASM = bytes.fromhex(
    "0061736d0100000001190360097f7f7f7f7f7e7e7f7f017f60047f7f7f7f017f60000002670316"
    "776173695f736e617073686f745f707265766965773109706174685f6f70656e00001677617369"
    "5f736e617073686f745f70726576696577310766645f72656164000116776173695f736e617073"
    "686f745f70726576696577310866645f77726974650001030201020503010001071302066d656d"
    "6f72790200065f737461727400030a320130004103410041084108410042024200410041001000"
    "1a410028020041204101412410011a410141204101410410021a0b0b1b020041080b0867726565"
    "74696e670041200b084000000020000000001b046e616d6501140300046f70656e010472656164"
    "02057772697465"
)

data = io.BytesIO()
with zipfile.ZipFile(data, "w") as made:
    made.writestr("greeting", "hello from a zip\n")
with wazero.Runtime() as runtime:
    runtime.instantiate(
        WASM,
        mounts={"/": ZipFiles(data)},
        stdout=lambda text: print(text.decode(), end=""),
    )
