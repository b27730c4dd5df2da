"""What a program asked the host for, and what it used.

wazero.run(trace=True) keeps its WASI calls: here the files that it looked for in vain.
"""

import wazero

# A program that wants a file, and says so if there is none.
# (module
#   (import "wasi_snapshot_preview1" "path_open" (func $open
#     (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
#   (import "wasi_snapshot_preview1" "fd_write" (func $write
#     (param i32 i32 i32 i32) (result i32)))
#   (memory (export "memory") 1)
#   (data (i32.const 16) "settings.toml")
#   (data (i32.const 32) "no settings\n")
#   (data (i32.const 0) "\20\00\00\00\0c\00\00\00")
#   (func (export "_start")
#     (if (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 13)
#           (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 8))
#       (then (drop (call $write
#         (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))))
PROGRAM = bytes.fromhex(
    "0061736d0100000001190360097f7f7f7f7f7e7e7f7f017f60047f7f7f7f017f6000000246021677"
    "6173695f736e617073686f745f707265766965773109706174685f6f70656e000016776173695f73"
    "6e617073686f745f70726576696577310866645f7772697465000103020102050301000107130206"
    "6d656d6f72790200065f737461727400020a26012400410341004110410d41004202420041004108"
    "10000440410141004101410810011a0b0b0b31030041100b0d73657474696e67732e746f6d6c0041"
    "200b0c6e6f2073657474696e67730a0041000b08200000000c0000000015046e616d65010e020004"
    "6f70656e01057772697465"
)

done = wazero.run(
    PROGRAM, mounts={"/": wazero.MemoryFS()}, capture_output=True, trace=True
)
for call in done.trace:
    if call.name == "path_open" and call.error:
        print(f"tried: {call.args['path']} ({call.error})")
print(f"wrote {done.usage.bytes_written} bytes")
