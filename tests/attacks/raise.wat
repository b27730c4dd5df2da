;; Sends signals to its process.
(module
  (import "wasi_snapshot_preview1" "proc_raise"
    (func $proc_raise (param i32) (result i32)))
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
    (call $is (i32.const 52) (;NOSYS;) (call $proc_raise (i32.const 2)))
    (call $is (i32.const 52) (;NOSYS;) (call $proc_raise (i32.const 6)))
    (call $is (i32.const 52) (;NOSYS;) (call $proc_raise (i32.const 9)))
    (call $is (i32.const 52) (;NOSYS;) (call $proc_raise (i32.const 11)))
    (call $is (i32.const 52) (;NOSYS;) (call $proc_raise (i32.const 15)))
    (call $is (i32.const 52) (;NOSYS;) (call $proc_raise (i32.const 31)))
    (call $is (i32.const 52) (;NOSYS;) (call $proc_raise (i32.const -1)))))
