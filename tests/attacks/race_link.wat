;; Opens a name until the host, which puts a link in its place, is done.
(module
  (import "wasi_snapshot_preview1" "fd_close"
    (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit"
    (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 2048) "\10\08\00\00\01\00\00\00")
  (data (i32.const 32768) "flip/secret")
  (data (i32.const 32780) "done")
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
    (loop $again
      (if (i32.eqz (call $path_open (i32.const 3) (i32.const 1) (i32.const 32768) (i32.const 11) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
        (then
          (local.set $fd (i32.load (i32.const 64)))
          (call $is (i32.const 0) (;SUCCESS;) (call $fd_read (local.get $fd) (i32.const 2048) (i32.const 1) (i32.const 72)))
          (call $is (i32.const 112) (i32.load8_u (i32.const 2064)))
          (drop (call $fd_close (local.get $fd)))))
      (br_if $again (call $path_open (i32.const 3) (i32.const 1) (i32.const 32780) (i32.const 4) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64))))))
