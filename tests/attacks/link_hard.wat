;; Makes a hard link of a link that leads out, and asks for its target.
(module
  (import "wasi_snapshot_preview1" "path_link"
    (func $path_link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit"
    (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 32768) "to-secret")
  (data (i32.const 32778) "mine")
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
    (call $is (i32.const 28) (;INVAL;) (call $path_link (i32.const 3) (i32.const 1) (i32.const 32768) (i32.const 9) (i32.const 3) (i32.const 32778) (i32.const 4)))
    (call $is (i32.const 0) (;SUCCESS;) (call $path_link (i32.const 3) (i32.const 0) (i32.const 32768) (i32.const 9) (i32.const 3) (i32.const 32778) (i32.const 4)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32778) (i32.const 4) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))))
