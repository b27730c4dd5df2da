;; Exported globals of every number type, fixed and mutable, and a getter of one.
(module
  (global (export "i32") i32 (i32.const -5))
  (global (export "i64") i64 (i64.const 5000000000))
  (global (export "f32") f32 (f32.const 1.5))
  (global (export "f64") f64 (f64.const -2.25))
  (global $counter (export "counter") (mut i32) (i32.const 7))
  (global (export "vector") v128 (v128.const i64x2 1 2))
  (func (export "read") (result i32) global.get $counter)
  (func (export "next") (result i32)
    (global.set $counter (i32.add (global.get $counter) (i32.const 1)))
    global.get $counter))
