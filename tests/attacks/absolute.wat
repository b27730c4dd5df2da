;; Absolute paths, in every function.
(module
  (import "wasi_snapshot_preview1" "path_create_directory"
    (func $path_create_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get"
    (func $path_filestat_get (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_link"
    (func $path_link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_readlink"
    (func $path_readlink (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_remove_directory"
    (func $path_remove_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_rename"
    (func $path_rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_symlink"
    (func $path_symlink (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file"
    (func $path_unlink_file (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit"
    (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 32768) "/etc/passwd")
  (data (i32.const 32780) "//etc/passwd")
  (data (i32.const 32793) "/")
  (data (i32.const 32795) "/proc/self/root/etc/passwd")
  (data (i32.const 32822) "/dev/null")
  (data (i32.const 32832) "/new-folder")
  (data (i32.const 32844) "/new-file")
  (data (i32.const 32854) "mine")
  (data (i32.const 32859) "file")
  (data (i32.const 32864) "/new-link")
  (data (i32.const 32874) "/proc/self/exe")
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
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32768) (i32.const 11) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32780) (i32.const 12) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32793) (i32.const 1) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32795) (i32.const 26) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_open (i32.const 3) (i32.const 1) (i32.const 32822) (i32.const 9) (i32.const 0) (i64.const 2) (i64.const -1) (i32.const 0) (i32.const 64)))
    (call $is (i32.const 63) (;PERM;) (call $path_filestat_get (i32.const 3) (i32.const 1) (i32.const 32768) (i32.const 11) (i32.const 128)))
    (call $is (i32.const 63) (;PERM;) (call $path_create_directory (i32.const 3) (i32.const 32832) (i32.const 11)))
    (call $is (i32.const 63) (;PERM;) (call $path_remove_directory (i32.const 3) (i32.const 32832) (i32.const 11)))
    (call $is (i32.const 63) (;PERM;) (call $path_unlink_file (i32.const 3) (i32.const 32844) (i32.const 9)))
    (call $is (i32.const 63) (;PERM;) (call $path_rename (i32.const 3) (i32.const 32768) (i32.const 11) (i32.const 3) (i32.const 32854) (i32.const 4)))
    (call $is (i32.const 63) (;PERM;) (call $path_rename (i32.const 3) (i32.const 32859) (i32.const 4) (i32.const 3) (i32.const 32844) (i32.const 9)))
    (call $is (i32.const 63) (;PERM;) (call $path_link (i32.const 3) (i32.const 0) (i32.const 32768) (i32.const 11) (i32.const 3) (i32.const 32854) (i32.const 4)))
    (call $is (i32.const 63) (;PERM;) (call $path_link (i32.const 3) (i32.const 0) (i32.const 32859) (i32.const 4) (i32.const 3) (i32.const 32844) (i32.const 9)))
    (call $is (i32.const 63) (;PERM;) (call $path_symlink (i32.const 32859) (i32.const 4) (i32.const 3) (i32.const 32864) (i32.const 9)))
    (call $is (i32.const 63) (;PERM;) (call $path_readlink (i32.const 3) (i32.const 32874) (i32.const 14) (i32.const 128) (i32.const 64) (i32.const 64)))))
