;; Moves a folder while it is open, and goes up from it.
(module
  (import "wasi_snapshot_preview1" "path_create_directory"
    (func $path_create_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_rename"
    (func $path_rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit"
    (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 32768) "sub")
  (data (i32.const 32772) "d")
  (data (i32.const 32774) "d/sub")
  (data (i32.const 32780) "..")
  (data (i32.const 32783) "../..")
  (data (i32.const 32789) "../../file")
  (data (i32.const 32800) "../../../outside/secret")
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
    (call $is (i32.const 0) (;SUCCESS;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32768) (i32.const 3) (i32.const 2) (i64.const 16384) (i64.const -1) (i32.const 0) (i32.const 64)))
    (local.set $fd (i32.load (i32.const 64)))
    (call $is (i32.const 0) (;SUCCESS;) (call $path_create_directory (i32.const 3) (i32.const 32772) (i32.const 1)))
    (call $is (i32.const 0) (;SUCCESS;) (call $path_rename (i32.const 3) (i32.const 32768) (i32.const 3) (i32.const 3) (i32.const 32774) (i32.const 5)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (local.get $fd) (i32.const 1) (i32.const 32780) (i32.const 2) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (local.get $fd) (i32.const 1) (i32.const 32783) (i32.const 5) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (local.get $fd) (i32.const 1) (i32.const 32789) (i32.const 10) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (local.get $fd) (i32.const 1) (i32.const 32800) (i32.const 23) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))))
