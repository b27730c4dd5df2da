;; Slashes at the end, where the name is no folder.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_rename"
    (func $path_rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file"
    (func $path_unlink_file (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit"
    (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 32768) "file/")
  (data (i32.const 32774) "file//")
  (data (i32.const 32781) "file/.")
  (data (i32.const 32788) "file/..")
  (data (i32.const 32796) "to-secret/")
  (data (i32.const 32807) "loop/")
  (data (i32.const 32813) "file")
  (data (i32.const 32818) "new/")
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
    (call $is (i32.const 54) (;NOTDIR;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32768) (i32.const 5) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 54) (;NOTDIR;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32774) (i32.const 6) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 54) (;NOTDIR;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32781) (i32.const 6) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 54) (;NOTDIR;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32788) (i32.const 7) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32796) (i32.const 10) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 32) (;LOOP;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32807) (i32.const 5) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 54) (;NOTDIR;) (call $path_unlink_file (i32.const 3) (i32.const 32768) (i32.const 5)))
    (call $is (i32.const 54) (;NOTDIR;) (call $path_rename (i32.const 3) (i32.const 32813) (i32.const 4) (i32.const 3) (i32.const 32818) (i32.const 4)))))
