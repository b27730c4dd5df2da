;; A start function that traps.
(module
  (func $main (export "main") unreachable)
  (start $main))
