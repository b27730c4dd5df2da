;; A table of four billion elements.
(module
  (import "wasi_snapshot_preview1" "proc_exit"
    (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (table $t 4294967295 funcref)
  (func (export "_start")))
