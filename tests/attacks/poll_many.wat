;; Waits for a million things, and for more than memory has.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
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
    (call $is (i32.const 28) (;INVAL;) (call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 28) (;INVAL;) (call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const 1048576) (i32.const 64)))
    (call $is (i32.const 28) (;INVAL;) (call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const 67108864) (i32.const 64)))
    (call $is (i32.const 28) (;INVAL;) (call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const 2147483648) (i32.const 64)))
    (call $is (i32.const 28) (;INVAL;) (call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 64)))))
