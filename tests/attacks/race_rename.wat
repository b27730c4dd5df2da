;; Moves a folder to and fro, for another guest that is in it.
(module
  (import "wasi_snapshot_preview1" "path_rename"
    (func $path_rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit"
    (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 32768) "sub")
  (data (i32.const 32772) "e/sub")
  (func (export "_start")
    (local $i i32)
    (loop $again
      (drop (call $path_rename (i32.const 3) (i32.const 32768) (i32.const 3) (i32.const 3) (i32.const 32772) (i32.const 5)))
      (drop (call $path_rename (i32.const 3) (i32.const 32772) (i32.const 5) (i32.const 3) (i32.const 32768) (i32.const 3)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const 20000))))))
