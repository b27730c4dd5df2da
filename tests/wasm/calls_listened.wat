;; Calls a function of listened.wat, natively, without listeners of its own.
(module $calls_listened
  (import "listened" "outer" (func $outer (param i32) (result i32)))
  (import "listened" "fail" (func $fail (param i32) (result i32)))
  (func (export "outer") (param i32) (result i32) (call $outer (local.get 0)))
  (func (export "fail") (param i32) (result i32) (call $fail (local.get 0))))
