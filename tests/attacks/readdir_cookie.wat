;; Lists its folder from places that there are not.
(module
  (import "wasi_snapshot_preview1" "fd_readdir"
    (func $fd_readdir (param i32 i32 i32 i64 i32) (result i32)))
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
    (call $is (i32.const 0) (;SUCCESS;) (call $fd_readdir (i32.const 3) (i32.const 4096) (i32.const 256) (i64.const -1) (i32.const 64)))
    (call $is (i32.const 0) (;SUCCESS;) (call $fd_readdir (i32.const 3) (i32.const 4096) (i32.const 256) (i64.const 9223372036854775808) (i32.const 64)))
    (call $is (i32.const 0) (;SUCCESS;) (call $fd_readdir (i32.const 3) (i32.const 4096) (i32.const 256) (i64.const 4294967296) (i32.const 64)))
    (call $is (i32.const 0) (;SUCCESS;) (call $fd_readdir (i32.const 3) (i32.const 4096) (i32.const 256) (i64.const 1000000) (i32.const 64)))
    (call $is (i32.const 21) (;FAULT;) (call $fd_readdir (i32.const 3) (i32.const 4096) (i32.const -1) (i64.const 0) (i32.const 64)))))
