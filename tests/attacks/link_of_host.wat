;; Goes through links that the host made.
(module
  (import "wasi_snapshot_preview1" "path_filestat_set_times"
    (func $path_filestat_set_times (param i32 i32 i32 i32 i64 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_rename"
    (func $path_rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file"
    (func $path_unlink_file (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit"
    (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 32768) "up")
  (data (i32.const 32771) "up/outside/secret")
  (data (i32.const 32789) "up/")
  (data (i32.const 32793) "to-etc/passwd")
  (data (i32.const 32807) "to-root/etc/passwd")
  (data (i32.const 32826) "to-proc/etc/passwd")
  (data (i32.const 32845) "to-fd/0")
  (data (i32.const 32853) "to-secret")
  (data (i32.const 32863) "mine")
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
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32771) (i32.const 17) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32789) (i32.const 3) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32793) (i32.const 13) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32807) (i32.const 18) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32826) (i32.const 18) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32845) (i32.const 7) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32853) (i32.const 9) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_unlink_file (i32.const 3) (i32.const 32771) (i32.const 17)))
    (call $is (i32.const 63) (;PERM;) (call $path_rename (i32.const 3) (i32.const 32771) (i32.const 17) (i32.const 3) (i32.const 32863) (i32.const 4)))
    (call $is (i32.const 63) (;PERM;) (call $path_filestat_set_times (i32.const 3) (i32.const 1) (i32.const 32853) (i32.const 9) (i64.const 0) (i64.const 0) (i32.const 10)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32853) (i32.const 9) (i32.const 8) (i64.const 64) (i64.const -1) (i32.const 0) (i32.const 64)))))
