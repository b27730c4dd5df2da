;; What another module can import: a function, a memory, a global and a table.
(module $library
  (memory (export "memory") 1 4)
  (global $counter (export "counter") (mut i32) (i32.const 10))
  (table (export "table") 4 funcref)
  (func $one (result i32) i32.const 1)
  (elem (i32.const 0) $one)
  (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
  (func (export "increment")
    (global.set $counter (i32.add (global.get $counter) (i32.const 1))))
  (func (export "call") (param i32) (result i32)
    local.get 0 call_indirect (result i32))
  (func (export "grow") (param i32) (result i32) local.get 0 memory.grow))
