;; Calls host functions of several types, from an exported function each.
(module $guest
  (import "env" "log" (func $log (param i32)))
  (import "env" "sum" (func $sum (param i32 i64 f32 f64) (result f64)))
  (import "env" "pair" (func $pair (param i64) (result i64 i32)))
  (memory (export "memory") 1)
  (func (export "log") (param i32) local.get 0 call $log)
  (func (export "sum") (param i32 i64 f32 f64) (result f64)
    local.get 0 local.get 1 local.get 2 local.get 3 call $sum)
  (func (export "pair") (param i64) (result i64 i32) local.get 0 call $pair)
  (func (export "twice") (param i32)
    local.get 0 call $log
    local.get 0 i32.const 1 i32.add call $log))
