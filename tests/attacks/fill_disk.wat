;; Fills a folder that has a quota: with bytes, with lengths, with names.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory"
    (func $path_create_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_allocate"
    (func $fd_allocate (param i32 i64 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_size"
    (func $fd_filestat_set_size (param i32 i64) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit"
    (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 2048) "\00\10\00\00\00\10\00\00")
  (data (i32.const 32768) "full")
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
    (local $fd i32)
    (local $i i32)
    (local $got i32)
    (call $is (i32.const 0)
      (call $path_open (i32.const 3) (i32.const 1) (i32.const 32768) (i32.const 4)
        (i32.const 1) (i64.const 66) (i64.const -1) (i32.const 0) (i32.const 64)))
    (local.set $fd (i32.load (i32.const 64)))
    (loop $again
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.eqz (local.tee $got
        (call $fd_write (local.get $fd) (i32.const 2048) (i32.const 1) (i32.const 64))))))
    (call $is (i32.const 51) (;NOSPC;) (local.get $got))
    (call $is (i32.const 1) (i32.le_u (local.get $i) (i32.const 129)))
    (call $is (i32.const 51)
      (call $fd_filestat_set_size (local.get $fd) (i64.const 0x10000000000)))
    (call $is (i32.const 51)
      (call $fd_allocate (local.get $fd) (i64.const 0x10000000000) (i64.const 1)))
    (local.set $i (i32.const 0))
    (loop $again
      (i32.store8 (i32.const 32768) (i32.add (i32.const 64) (local.get $i)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.eqz (local.tee $got
        (call $path_create_directory (i32.const 3) (i32.const 32768) (i32.const 4))))))
    (call $is (i32.const 51) (local.get $got))
    (call $is (i32.const 1) (i32.le_u (local.get $i) (i32.const 10)))))
