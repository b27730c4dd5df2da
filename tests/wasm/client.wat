;; Imports everything that library.wat exports, and puts a function of its own into the
;; table.
(module $client
  (import "library" "add" (func $add (param i32 i32) (result i32)))
  (import "library" "increment" (func $increment))
  (import "library" "memory" (memory 1))
  (import "library" "counter" (global $counter (mut i32)))
  (import "library" "table" (table 2 funcref))
  (func $seven (result i32) i32.const 7)
  (elem (i32.const 1) $seven)
  (func (export "add_three") (param i32) (result i32)
    local.get 0 i32.const 3 call $add)
  (func (export "bump") (result i32)
    call $increment
    global.get $counter)
  (func (export "store") (param i32 i32) local.get 0 local.get 1 i32.store8)
  (func (export "load") (param i32) (result i32) local.get 0 i32.load8_u)
  (func (export "grow") (param i32) (result i32) local.get 0 memory.grow))
