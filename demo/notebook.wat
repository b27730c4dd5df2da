;; The module of demo.py's second part: a counter of its own, and a note that it keeps in
;; the file note.txt of the folder that it was given (descriptor 3).
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close"
    (func $fd_close (param i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "note.txt")
  (global $count (mut i32) (i32.const 0))
  (func (export "count") (result i32)
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (global.get $count))
  ;; Opens note.txt; traps if that is refused.
  (func $open (param $flags i32) (param $rights i64) (result i32)
    (if (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 8)
          (local.get $flags) (local.get $rights) (i64.const 0) (i32.const 0) (i32.const 16))
      (then (unreachable)))
    (i32.load (i32.const 16)))
  ;; Makes the one entry of a list of buffers, at 20.
  (func $transfer (param $at i32) (param $size i32)
    (i32.store (i32.const 20) (local.get $at))
    (i32.store (i32.const 24) (local.get $size)))
  ;; Writes size bytes at `at` to the file (9: create and truncate; 64: the right to write).
  (func (export "save") (param $at i32) (param $size i32) (result i32)
    (local $fd i32)
    (local.set $fd (call $open (i32.const 9) (i64.const 64)))
    (call $transfer (local.get $at) (local.get $size))
    (if (call $fd_write (local.get $fd) (i32.const 20) (i32.const 1) (i32.const 28))
      (then (unreachable)))
    (drop (call $fd_close (local.get $fd)))
    (i32.load (i32.const 28)))
  ;; Reads the file to `at`, at most size bytes; the result is how many (2: read).
  (func (export "load") (param $at i32) (param $size i32) (result i32)
    (local $fd i32)
    (local.set $fd (call $open (i32.const 0) (i64.const 2)))
    (call $transfer (local.get $at) (local.get $size))
    (if (call $fd_read (local.get $fd) (i32.const 20) (i32.const 1) (i32.const 28))
      (then (unreachable)))
    (drop (call $fd_close (local.get $fd)))
    (i32.load (i32.const 28))))
