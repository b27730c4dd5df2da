;; Seeks to before the start and beyond the end of numbers.
(module
  (import "wasi_snapshot_preview1" "fd_allocate"
    (func $fd_allocate (param i32 i64 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_size"
    (func $fd_filestat_set_size (param i32 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pread"
    (func $fd_pread (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pwrite"
    (func $fd_pwrite (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_seek"
    (func $fd_seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit"
    (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 2048) "\00\10\00\00\01\00\00\00")
  (data (i32.const 32768) "file")
  (global $step (mut i32) (i32.const 0))
  ;; Exits with a thousand times the number of the step, and what it got.
  (func $fail (param $got i32)
    (call $proc_exit
      (i32.add (i32.mul (global.get $step) (i32.const 1000)) (local.get $got))))
  (func $is (param $expected i32) (param $got i32)
    (global.set $step (i32.add (global.get $step) (i32.const 1)))
    (if (i32.ne (local.get $expected) (local.get $got))
      (then (call $fail (local.get $got)))))
  (func (export "_start")
    (call $is (i32.const 0) (;SUCCESS;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32768) (i32.const 4) (i32.const 0) (i64.const 66) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 28) (;INVAL;) (call $fd_seek (i32.const 4) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 28) (;INVAL;) (call $fd_seek (i32.const 4) (i64.const -9223372036854775808) (i32.const 1) (i32.const 64)))
    (call $is (i32.const 28) (;INVAL;) (call $fd_seek (i32.const 4) (i64.const 0) (i32.const 9) (i32.const 64)))
    (call $is (i32.const 28) (;INVAL;) (call $fd_pread (i32.const 4) (i32.const 2048) (i32.const 1) (i64.const -1) (i32.const 64)))
    (call $is (i32.const 28) (;INVAL;) (call $fd_pwrite (i32.const 4) (i32.const 2048) (i32.const 1) (i64.const -1) (i32.const 64)))
    (call $is (i32.const 22) (;FBIG;) (call $fd_allocate (i32.const 4) (i64.const 4611686018427387904) (i64.const 4611686018427387904)))
    (call $is (i32.const 28) (;INVAL;) (call $fd_allocate (i32.const 4) (i64.const -1) (i64.const 1)))
    (call $is (i32.const 28) (;INVAL;) (call $fd_filestat_set_size (i32.const 4) (i64.const -1)))))
