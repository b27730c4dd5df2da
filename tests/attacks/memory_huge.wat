;; A memory of 4 GiB from the start.
(module
  (import "wasi_snapshot_preview1" "proc_exit"
    (func $proc_exit (param i32)))
  (memory (export "memory") 65536)
  (func (export "_start")))
