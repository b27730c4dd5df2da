;; Imports that only several sources together can answer: "env" is partly the host's,
;; partly another module's.
(module
  (import "env" "log" (func $log (param i32)))
  (import "env" "plus" (func $plus (param i32 i32) (result i32)))
  (import "env" "memory" (memory 1))
  (func (export "run") (param i32 i32) (result i32)
    (call $log (local.get 0))
    (i32.store8 (i32.const 100) (local.get 1))
    (call $plus (local.get 0) (local.get 1))))
