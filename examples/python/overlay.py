"""A folder that a program changes, and that stays what it is.

What the program writes is in the overlay's upper layer; what it removes is hidden.
"""

import pathlib
import tempfile

import wazero

# A program that writes the file "notes.txt" anew and removes "old.txt".
# (module
#   (import "wasi_snapshot_preview1" "path_open" (func $open
#     (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
#   (import "wasi_snapshot_preview1" "fd_write" (func $write
#     (param i32 i32 i32 i32) (result i32)))
#   (import "wasi_snapshot_preview1" "path_unlink_file" (func $unlink
#     (param i32 i32 i32) (result i32)))
#   (memory (export "memory") 1)
#   (data (i32.const 16) "\20\00\00\00\07\00\00\00")
#   (data (i32.const 32) "changed")
#   (data (i32.const 64) "notes.txt")
#   (data (i32.const 96) "old.txt")
#   (func (export "_start")
#     (drop (call $open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 9)
#       (i32.const 8) (i64.const 0x40) (i64.const 0x40) (i32.const 0) (i32.const 0)))
#     (drop (call $write (i32.load (i32.const 0)) (i32.const 16) (i32.const 1)
#       (i32.const 24)))
#     (drop (call $unlink (i32.const 3) (i32.const 96) (i32.const 7)))))
WASM = bytes.fromhex(
    "0061736d0100000001200460097f7f7f7f7f7e7e7f7f017f60047f7f7f7f017f60037f7f7f017f"
    "60000002700316776173695f736e617073686f745f707265766965773109706174685f6f70656e"
    "000016776173695f736e617073686f745f70726576696577310866645f77726974650001167761"
    "73695f736e617073686f745f707265766965773110706174685f756e6c696e6b5f66696c650002"
    "030201030503010001071302066d656d6f72790200065f737461727400030a3401320041034100"
    "41c0004109410842c00042c0004100410010001a410028020041104101411810011a410341e000"
    "410710021a0b0b36040041100b0820000000070000000041200b076368616e6765640041c0000b"
    "096e6f7465732e7478740041e0000b076f6c642e747874001d046e616d6501160300046f70656e"
    "010577726974650206756e6c696e6b"
)

with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    (folder / "notes.txt").write_text("as they were")
    (folder / "old.txt").write_text("old")

    overlay = wazero.Overlay(folder)
    wazero.run(WASM, mounts={"/": overlay})

    print("written:", dict(overlay.upper), "removed:", overlay.deleted)
    print("the folder has:", sorted(path.name for path in folder.iterdir()))
    print("and in notes.txt:", (folder / "notes.txt").read_text())
