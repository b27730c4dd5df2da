;; Opens a pipe that nobody reads, to write, and waits for a reader for ever.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 32768) "fifo")
  (func (export "_start")
    (loop $again
      (drop (call $path_open (i32.const 3) (i32.const 1) (i32.const 32768) (i32.const 4) (i32.const 0) (i64.const 64) (i64.const -1) (i32.const 0) (i32.const 64)))
      (br $again))))
