;; Paths of 5,000 bytes.
(module
  (import "wasi_snapshot_preview1" "path_create_directory"
    (func $path_create_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get"
    (func $path_filestat_get (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file"
    (func $path_unlink_file (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit"
    (func $proc_exit (param i32)))
  (memory (export "memory") 1)
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
    (memory.fill (i32.const 8192) (i32.const 97) (i32.const 5000))
    (call $is (i32.const 37) (;NAMETOOLONG;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 8192) (i32.const 5000) (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 37) (;NAMETOOLONG;) (call $path_create_directory (i32.const 3) (i32.const 8192) (i32.const 5000)))
    (call $is (i32.const 37) (;NAMETOOLONG;) (call $path_filestat_get (i32.const 3) (i32.const 1) (i32.const 8192) (i32.const 5000) (i32.const 128)))
    (call $is (i32.const 37) (;NAMETOOLONG;) (call $path_unlink_file (i32.const 3) (i32.const 8192) (i32.const 300)))))
