;; Opens what is above its folder.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit"
    (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 32768) "..")
  (data (i32.const 32771) "../")
  (data (i32.const 32775) "../outside/secret")
  (data (i32.const 32793) "sub/../../outside/secret")
  (data (i32.const 32818) "sub/./.././../outside")
  (data (i32.const 32840) "../root/file")
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
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32768) (i32.const 2) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32771) (i32.const 3) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32775) (i32.const 17) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32793) (i32.const 24) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32818) (i32.const 21) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32840) (i32.const 12) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))))
