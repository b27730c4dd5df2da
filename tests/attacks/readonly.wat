;; Changes a read-only folder in every way.
(module
  (import "wasi_snapshot_preview1" "fd_allocate"
    (func $fd_allocate (param i32 i64 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_size"
    (func $fd_filestat_set_size (param i32 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_times"
    (func $fd_filestat_set_times (param i32 i64 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory"
    (func $path_create_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_set_times"
    (func $path_filestat_set_times (param i32 i32 i32 i32 i64 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_link"
    (func $path_link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_remove_directory"
    (func $path_remove_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_rename"
    (func $path_rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_symlink"
    (func $path_symlink (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file"
    (func $path_unlink_file (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit"
    (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 2048) "\00\10\00\00\01\00\00\00")
  (data (i32.const 32768) "file")
  (data (i32.const 32773) "new")
  (data (i32.const 32777) "sub")
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
    (call $is (i32.const 69) (;ROFS;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32768) (i32.const 4) (i32.const 8) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 69) (;ROFS;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32768) (i32.const 4) (i32.const 8) (i64.const 64) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 69) (;ROFS;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32768) (i32.const 4) (i32.const 0) (i64.const 64) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 69) (;ROFS;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32768) (i32.const 4) (i32.const 5) (i64.const 64) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 69) (;ROFS;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32768) (i32.const 4) (i32.const 1) (i64.const 64) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 69) (;ROFS;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32773) (i32.const 3) (i32.const 1) (i64.const 64) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 69) (;ROFS;) (call $path_create_directory (i32.const 3) (i32.const 32773) (i32.const 3)))
    (call $is (i32.const 69) (;ROFS;) (call $path_remove_directory (i32.const 3) (i32.const 32777) (i32.const 3)))
    (call $is (i32.const 69) (;ROFS;) (call $path_unlink_file (i32.const 3) (i32.const 32768) (i32.const 4)))
    (call $is (i32.const 69) (;ROFS;) (call $path_rename (i32.const 3) (i32.const 32768) (i32.const 4) (i32.const 3) (i32.const 32773) (i32.const 3)))
    (call $is (i32.const 69) (;ROFS;) (call $path_symlink (i32.const 32768) (i32.const 4) (i32.const 3) (i32.const 32773) (i32.const 3)))
    (call $is (i32.const 69) (;ROFS;) (call $path_filestat_set_times (i32.const 3) (i32.const 0) (i32.const 32768) (i32.const 4) (i64.const 0) (i64.const 0) (i32.const 10)))
    (call $is (i32.const 69) (;ROFS;) (call $path_link (i32.const 3) (i32.const 0) (i32.const 32768) (i32.const 4) (i32.const 3) (i32.const 32773) (i32.const 3)))
    (call $is (i32.const 0) (;SUCCESS;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32768) (i32.const 4) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 8) (;BADF;) (call $fd_write (i32.const 4) (i32.const 2048) (i32.const 1) (i32.const 64)))
    (call $is (i32.const 69) (;ROFS;) (call $fd_allocate (i32.const 4) (i64.const 0) (i64.const 100)))
    (call $is (i32.const 69) (;ROFS;) (call $fd_filestat_set_size (i32.const 4) (i64.const 0)))
    (call $is (i32.const 69) (;ROFS;) (call $fd_filestat_set_times (i32.const 4) (i64.const 0) (i64.const 0) (i32.const 10)))))
