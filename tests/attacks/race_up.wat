;; Goes up from a folder that another guest moves.
(module
  (import "wasi_snapshot_preview1" "fd_close"
    (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit"
    (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 32768) "e/sub/../../../outside/secret")
  (data (i32.const 32798) "sub")
  (data (i32.const 32802) "../../outside/secret")
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
    (loop $again
      (if (i32.eqz (call $path_open (i32.const 3) (i32.const 1) (i32.const 32768) (i32.const 29) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64))) (then (call $is (i32.const 63) (;PERM;) (i32.const 0))))
      (if (i32.eqz (call $path_open (i32.const 3) (i32.const 1) (i32.const 32798) (i32.const 3) (i32.const 2) (i64.const 16384) (i64.const -1) (i32.const 0) (i32.const 64)))
        (then
          (local.set $fd (i32.load (i32.const 64)))
          (call $is (i32.const 63) (;PERM;) (call $path_open (local.get $fd) (i32.const 1) (i32.const 32802) (i32.const 20) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
          (drop (call $fd_close (local.get $fd)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const 20000))))))
