;; Moves files to above.
(module
  (import "wasi_snapshot_preview1" "path_rename"
    (func $path_rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit"
    (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 32768) "file")
  (data (i32.const 32773) "../outside/secret")
  (data (i32.const 32791) "sub/../../outside/new")
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
    (call $is (i32.const 63) (;PERM;) (call $path_rename (i32.const 3) (i32.const 32768) (i32.const 4) (i32.const 3) (i32.const 32773) (i32.const 17)))
    (call $is (i32.const 63) (;PERM;) (call $path_rename (i32.const 3) (i32.const 32768) (i32.const 4) (i32.const 3) (i32.const 32791) (i32.const 21)))))
