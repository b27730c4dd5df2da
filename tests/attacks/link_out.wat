;; Makes links that lead out, and goes through them.
(module
  (import "wasi_snapshot_preview1" "path_create_directory"
    (func $path_create_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_link"
    (func $path_link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_rename"
    (func $path_rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_symlink"
    (func $path_symlink (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file"
    (func $path_unlink_file (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit"
    (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 32768) "../outside")
  (data (i32.const 32779) "out")
  (data (i32.const 32783) "../outside/secret")
  (data (i32.const 32801) "sub/s")
  (data (i32.const 32807) "../../outside/secret")
  (data (i32.const 32828) "sub/t")
  (data (i32.const 32834) "out/secret")
  (data (i32.const 32845) "out/")
  (data (i32.const 32850) "out/new")
  (data (i32.const 32858) "mine")
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
    (call $is (i32.const 0) (;SUCCESS;) (call $path_symlink (i32.const 32768) (i32.const 10) (i32.const 3) (i32.const 32779) (i32.const 3)))
    (call $is (i32.const 0) (;SUCCESS;) (call $path_symlink (i32.const 32783) (i32.const 17) (i32.const 3) (i32.const 32801) (i32.const 5)))
    (call $is (i32.const 0) (;SUCCESS;) (call $path_symlink (i32.const 32807) (i32.const 20) (i32.const 3) (i32.const 32828) (i32.const 5)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32834) (i32.const 10) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32779) (i32.const 3) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32845) (i32.const 4) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32828) (i32.const 5) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32850) (i32.const 7) (i32.const 1) (i64.const 64) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_unlink_file (i32.const 3) (i32.const 32834) (i32.const 10)))
    (call $is (i32.const 63) (;PERM;) (call $path_rename (i32.const 3) (i32.const 32834) (i32.const 10) (i32.const 3) (i32.const 32858) (i32.const 4)))
    (call $is (i32.const 63) (;PERM;) (call $path_link (i32.const 3) (i32.const 0) (i32.const 32834) (i32.const 10) (i32.const 3) (i32.const 32858) (i32.const 4)))
    (call $is (i32.const 63) (;PERM;) (call $path_create_directory (i32.const 3) (i32.const 32850) (i32.const 7)))))
