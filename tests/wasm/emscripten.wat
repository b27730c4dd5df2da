;; What Emscripten makes of programs with setjmp and longjmp: calls through the host by
;; their number in the table, with the program's own stack pointer kept around them.
(module
  (import "env" "invoke_ii" (func $invoke_ii (param i32 i32) (result i32)))
  (import "env" "invoke_v" (func $invoke_v (param i32)))
  (import "env" "invoke_vi" (func $invoke_vi (param i32 i32)))
  (import "env" "invoke_dddjf"
    (func $invoke_dddjf (param i32 f64 f64 i64 f32) (result f64)))
  (import "env" "_emscripten_throw_longjmp" (func $throw_longjmp))
  (import "env" "emscripten_notify_memory_growth" (func $notify (param i32)))
  (import "env" "host" (func $host (param i32)))
  (type $ii (func (param i32) (result i32)))
  (memory (export "memory") 1)
  (table 9 funcref) ;; not exported
  (elem (i32.const 0) $double $leave $trap $spin $deeper $sum $leave_by_value $call_host)

  (global $stack_pointer (export "stack_pointer") (mut i32) (i32.const 65536))
  (global $threw (export "threw") (mut i32) (i32.const 0))
  (func (export "emscripten_stack_get_current") (result i32)
    (global.get $stack_pointer))
  (func (export "_emscripten_stack_restore") (param i32)
    (global.set $stack_pointer (local.get 0)))
  (func (export "setThrew") (param i32 i32)
    (global.set $threw (i32.add (local.get 0) (local.get 1))))

  ;; What is called through the table.
  (func $double (param i32) (result i32)
    (i32.mul (local.get 0) (i32.const 2)))
  (func $leave
    (global.set $stack_pointer (i32.const 43))
    (call $throw_longjmp)
    (global.set $stack_pointer (i32.const 44)))
  (func $trap (global.set $stack_pointer (i32.const 43)) unreachable)
  (func $spin (global.set $stack_pointer (i32.const 43)) (loop (br 0)))
  (func $deeper (param i32) ;; longjmp out of as many invokes, one by one
    (if (i32.eqz (local.get 0)) (then (call $leave)))
    (global.set $stack_pointer
      (i32.sub (global.get $stack_pointer) (i32.const 16)))
    (call $invoke_vi (i32.const 4) (i32.sub (local.get 0) (i32.const 1)))
    (call $throw_longjmp))
  (func $sum (param f64 f64 i64 f32) (result f64)
    (f64.add (f64.add (local.get 0) (local.get 1))
      (f64.add (f64.convert_i64_s (local.get 2)) (f64.promote_f32 (local.get 3)))))
  (func $leave_by_value (param i32) (result i32) (call $leave) (i32.const 1))
  (func $call_host (param i32)
    (global.set $stack_pointer (i32.const 43))
    (call $host (local.get 0)))

  (func (export "call_ii") (param i32 i32) (result i32)
    (call $invoke_ii (local.get 0) (local.get 1)))
  (func (export "call_v") (param i32) (call $invoke_v (local.get 0)))
  (func (export "call_vi") (param i32 i32)
    (call $invoke_vi (local.get 0) (local.get 1)))
  (func (export "call_dddjf") (param i32 f64 f64 i64 f32) (result f64)
    (call $invoke_dddjf (local.get 0) (local.get 1) (local.get 2) (local.get 3)
      (local.get 4)))
  (func (export "longjmp") (call $throw_longjmp))
  (func (export "notify") (call $notify (i32.const 0))))
