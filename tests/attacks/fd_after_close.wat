;; Goes on with a descriptor that is closed.
(module
  (import "wasi_snapshot_preview1" "fd_advise"
    (func $fd_advise (param i32 i64 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_allocate"
    (func $fd_allocate (param i32 i64 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close"
    (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_datasync"
    (func $fd_datasync (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_fdstat_get"
    (func $fd_fdstat_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_fdstat_set_flags"
    (func $fd_fdstat_set_flags (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_fdstat_set_rights"
    (func $fd_fdstat_set_rights (param i32 i64 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_get"
    (func $fd_filestat_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_size"
    (func $fd_filestat_set_size (param i32 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_times"
    (func $fd_filestat_set_times (param i32 i64 i64 i32) (result i32)))
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
  (import "wasi_snapshot_preview1" "fd_sync"
    (func $fd_sync (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_tell"
    (func $fd_tell (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_accept"
    (func $sock_accept (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_shutdown"
    (func $sock_shutdown (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit"
    (func $proc_exit (param i32)))
  (memory (export "memory") 1)
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
    (call $is (i32.const 0) (;SUCCESS;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32768) (i32.const 4) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 0) (;SUCCESS;) (call $fd_close (i32.const 4)))
    (call $is (i32.const 8) (;BADF;) (call $fd_close (i32.const 4)))
    (call $is (i32.const 8) (;BADF;) (call $fd_advise (i32.const 4) (i64.const 0) (i64.const 0) (i32.const 0)))
    (call $is (i32.const 8) (;BADF;) (call $fd_allocate (i32.const 4) (i64.const 0) (i64.const 1)))
    (call $is (i32.const 8) (;BADF;) (call $fd_datasync (i32.const 4)))
    (call $is (i32.const 8) (;BADF;) (call $fd_sync (i32.const 4)))
    (call $is (i32.const 8) (;BADF;) (call $fd_fdstat_get (i32.const 4) (i32.const 128)))
    (call $is (i32.const 8) (;BADF;) (call $fd_fdstat_set_flags (i32.const 4) (i32.const 0)))
    (call $is (i32.const 8) (;BADF;) (call $fd_fdstat_set_rights (i32.const 4) (i64.const 0) (i64.const 0)))
    (call $is (i32.const 8) (;BADF;) (call $fd_filestat_get (i32.const 4) (i32.const 128)))
    (call $is (i32.const 8) (;BADF;) (call $fd_filestat_set_size (i32.const 4) (i64.const 0)))
    (call $is (i32.const 8) (;BADF;) (call $fd_filestat_set_times (i32.const 4) (i64.const 0) (i64.const 0) (i32.const 10)))
    (call $is (i32.const 8) (;BADF;) (call $fd_pread (i32.const 4) (i32.const 2048) (i32.const 0) (i64.const 0) (i32.const 64)))
    (call $is (i32.const 8) (;BADF;) (call $fd_pwrite (i32.const 4) (i32.const 2048) (i32.const 0) (i64.const 0) (i32.const 64)))
    (call $is (i32.const 8) (;BADF;) (call $fd_read (i32.const 4) (i32.const 2048) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 8) (;BADF;) (call $fd_write (i32.const 4) (i32.const 2048) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 8) (;BADF;) (call $fd_readdir (i32.const 4) (i32.const 4096) (i32.const 64) (i64.const 0) (i32.const 64)))
    (call $is (i32.const 8) (;BADF;) (call $fd_seek (i32.const 4) (i64.const 0) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 8) (;BADF;) (call $fd_tell (i32.const 4) (i32.const 64)))
    (call $is (i32.const 8) (;BADF;) (call $fd_prestat_get (i32.const 4) (i32.const 64)))
    (call $is (i32.const 8) (;BADF;) (call $fd_prestat_dir_name (i32.const 4) (i32.const 64) (i32.const 4)))
    (call $is (i32.const 8) (;BADF;) (call $sock_shutdown (i32.const 4) (i32.const 1)))
    (call $is (i32.const 8) (;BADF;) (call $sock_accept (i32.const 4) (i32.const 0) (i32.const 64)))))
