;; A chain of 45 links.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_symlink"
    (func $path_symlink (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit"
    (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 2048) "_A")
  (data (i32.const 2056) "_B")
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
    (local $i i32)
    (loop $next
      (i32.store8 offset=1 (i32.const 2048) (i32.add (local.get $i) (i32.const 65)))
      (i32.store8 offset=1 (i32.const 2056) (i32.add (local.get $i) (i32.const 66)))
      (call $is (i32.const 0) (;SUCCESS;) (call $path_symlink (i32.const 2048) (i32.const 2) (i32.const 3) (i32.const 2056) (i32.const 2)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 45))))
    (call $is (i32.const 32) (;LOOP;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 2056) (i32.const 2) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 64)))))
