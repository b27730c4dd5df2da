;; A start function that calls the host, so that it can do anything.
(module
  (import "env" "started" (func $started))
  (memory (export "memory") 1)
  (global $runs (mut i32) (i32.const 0))
  (func $main
    (global.set $runs (i32.add (global.get $runs) (i32.const 1)))
    call $started)
  (start $main)
  (func (export "runs") (result i32) global.get $runs))
