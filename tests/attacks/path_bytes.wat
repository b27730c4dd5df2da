;; NUL bytes, bytes that are no UTF-8, and no bytes in paths.
(module
  (import "wasi_snapshot_preview1" "path_create_directory"
    (func $path_create_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit"
    (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 32768) "file\00")
  (data (i32.const 32774) "..\00/x")
  (data (i32.const 32780) "\ff\fe")
  (data (i32.const 32783) "\c0\ae\c0\ae/outside/secret")
  (data (i32.const 32805) "new\00")
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
    (call $is (i32.const 25) (;ILSEQ;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32768) (i32.const 5) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 25) (;ILSEQ;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32774) (i32.const 5) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 44) (;NOENT;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32780) (i32.const 2) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 44) (;NOENT;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32783) (i32.const 19) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 44) (;NOENT;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32803) (i32.const 0) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 25) (;ILSEQ;) (call $path_create_directory (i32.const 3) (i32.const 32805) (i32.const 4)))))
