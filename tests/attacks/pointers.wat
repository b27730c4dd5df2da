;; Pointers behind the memory, and such that wrap, in every function.
(module
  (import "wasi_snapshot_preview1" "args_get"
    (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get"
    (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_res_get"
    (func $clock_res_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get"
    (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get"
    (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get"
    (func $environ_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_fdstat_get"
    (func $fd_fdstat_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_get"
    (func $fd_filestat_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pread"
    (func $fd_pread (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_prestat_dir_name"
    (func $fd_prestat_dir_name (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_prestat_get"
    (func $fd_prestat_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pwrite"
    (func $fd_pwrite (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_readdir"
    (func $fd_readdir (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_seek"
    (func $fd_seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_tell"
    (func $fd_tell (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory"
    (func $path_create_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get"
    (func $path_filestat_get (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_set_times"
    (func $path_filestat_set_times (param i32 i32 i32 i32 i64 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_link"
    (func $path_link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_readlink"
    (func $path_readlink (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_remove_directory"
    (func $path_remove_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_rename"
    (func $path_rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_symlink"
    (func $path_symlink (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file"
    (func $path_unlink_file (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get"
    (func $random_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit"
    (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 32768) "file")
  (data (i32.const 32773) "x")
  (data (i32.const 32775) "up")
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
    (call $is (i32.const 21) (;FAULT;) (call $args_sizes_get (i32.const 65533) (i32.const 0)))
    (call $is (i32.const 21) (;FAULT;) (call $args_sizes_get (i32.const 0) (i32.const -1)))
    (call $is (i32.const 21) (;FAULT;) (call $args_get (i32.const 65533) (i32.const 0)))
    (call $is (i32.const 21) (;FAULT;) (call $environ_sizes_get (i32.const -4) (i32.const 0)))
    (call $is (i32.const 21) (;FAULT;) (call $environ_get (i32.const -4) (i32.const 0)))
    (call $is (i32.const 21) (;FAULT;) (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 65529)))
    (call $is (i32.const 21) (;FAULT;) (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const -1)))
    (call $is (i32.const 21) (;FAULT;) (call $clock_res_get (i32.const 0) (i32.const -8)))
    (call $is (i32.const 21) (;FAULT;) (call $random_get (i32.const 65529) (i32.const 8)))
    (call $is (i32.const 21) (;FAULT;) (call $random_get (i32.const 0) (i32.const -1)))
    (call $is (i32.const 21) (;FAULT;) (call $random_get (i32.const -1) (i32.const -1)))
    (call $is (i32.const 21) (;FAULT;) (call $fd_fdstat_get (i32.const 3) (i32.const 65513)))
    (call $is (i32.const 21) (;FAULT;) (call $fd_prestat_get (i32.const 3) (i32.const -1)))
    (call $is (i32.const 21) (;FAULT;) (call $fd_prestat_dir_name (i32.const 3) (i32.const 65536) (i32.const 1)))
    (call $is (i32.const 21) (;FAULT;) (call $fd_filestat_get (i32.const 3) (i32.const 65473)))
    (call $is (i32.const 21) (;FAULT;) (call $fd_readdir (i32.const 3) (i32.const 65529) (i32.const 8) (i64.const 0) (i32.const 0)))
    (call $is (i32.const 21) (;FAULT;) (call $fd_readdir (i32.const 3) (i32.const 0) (i32.const 8) (i64.const 0) (i32.const -4)))
    (call $is (i32.const 21) (;FAULT;) (call $fd_read (i32.const 4) (i32.const 65529) (i32.const 1) (i32.const 64)))
    (call $is (i32.const 21) (;FAULT;) (call $fd_write (i32.const 4) (i32.const 65529) (i32.const 1) (i32.const 64)))
    (call $is (i32.const 21) (;FAULT;) (call $fd_pread (i32.const 4) (i32.const -8) (i32.const 1) (i64.const 0) (i32.const 64)))
    (call $is (i32.const 21) (;FAULT;) (call $fd_pwrite (i32.const 4) (i32.const -8) (i32.const 1) (i64.const 0) (i32.const 64)))
    (call $is (i32.const 21) (;FAULT;) (call $fd_seek (i32.const 4) (i64.const 0) (i32.const 1) (i32.const 65529)))
    (call $is (i32.const 21) (;FAULT;) (call $fd_tell (i32.const 4) (i32.const -8)))
    (call $is (i32.const 21) (;FAULT;) (call $path_open (i32.const 3) (i32.const 0) (i32.const 65533) (i32.const 4) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 0)))
    (call $is (i32.const 21) (;FAULT;) (call $path_open (i32.const 3) (i32.const 0) (i32.const -1) (i32.const -1) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 0)))
    (call $is (i32.const 21) (;FAULT;) (call $path_open (i32.const 3) (i32.const 0) (i32.const 32768) (i32.const 4) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 65533)))
    (call $is (i32.const 21) (;FAULT;) (call $path_filestat_get (i32.const 3) (i32.const 0) (i32.const -4) (i32.const 4) (i32.const 128)))
    (call $is (i32.const 21) (;FAULT;) (call $path_filestat_get (i32.const 3) (i32.const 0) (i32.const 32768) (i32.const 4) (i32.const 65473)))
    (call $is (i32.const 21) (;FAULT;) (call $path_filestat_set_times (i32.const 3) (i32.const 0) (i32.const -4) (i32.const 4) (i64.const 0) (i64.const 0) (i32.const 10)))
    (call $is (i32.const 21) (;FAULT;) (call $path_create_directory (i32.const 3) (i32.const -4) (i32.const 4)))
    (call $is (i32.const 21) (;FAULT;) (call $path_remove_directory (i32.const 3) (i32.const -4) (i32.const 4)))
    (call $is (i32.const 21) (;FAULT;) (call $path_unlink_file (i32.const 3) (i32.const -4) (i32.const 5)))
    (call $is (i32.const 21) (;FAULT;) (call $path_rename (i32.const 3) (i32.const -4) (i32.const 4) (i32.const 3) (i32.const 32773) (i32.const 1)))
    (call $is (i32.const 21) (;FAULT;) (call $path_rename (i32.const 3) (i32.const 32768) (i32.const 4) (i32.const 3) (i32.const -4) (i32.const 4)))
    (call $is (i32.const 21) (;FAULT;) (call $path_link (i32.const 3) (i32.const 0) (i32.const -4) (i32.const 4) (i32.const 3) (i32.const 32773) (i32.const 1)))
    (call $is (i32.const 21) (;FAULT;) (call $path_link (i32.const 3) (i32.const 0) (i32.const 32768) (i32.const 4) (i32.const 3) (i32.const -4) (i32.const 4)))
    (call $is (i32.const 21) (;FAULT;) (call $path_symlink (i32.const -4) (i32.const 4) (i32.const 3) (i32.const 32773) (i32.const 1)))
    (call $is (i32.const 21) (;FAULT;) (call $path_symlink (i32.const 32773) (i32.const 1) (i32.const 3) (i32.const -4) (i32.const 4)))
    (call $is (i32.const 21) (;FAULT;) (call $path_readlink (i32.const 3) (i32.const -4) (i32.const 4) (i32.const 128) (i32.const 64) (i32.const 64)))
    (call $is (i32.const 21) (;FAULT;) (call $path_readlink (i32.const 3) (i32.const 32775) (i32.const 2) (i32.const -4) (i32.const 8) (i32.const 64)))
    (call $is (i32.const 21) (;FAULT;) (call $path_readlink (i32.const 3) (i32.const 32775) (i32.const 2) (i32.const 128) (i32.const 8) (i32.const -2)))
    (call $is (i32.const 21) (;FAULT;) (call $poll_oneoff (i32.const 65489) (i32.const 0) (i32.const 1) (i32.const 0)))
    (call $is (i32.const 21) (;FAULT;) (call $poll_oneoff (i32.const 0) (i32.const 65505) (i32.const 1) (i32.const 0)))))
