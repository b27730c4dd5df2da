;; Code that is to be taken out of wasm: loops and recursion of each kind, with results
;; that tell whether anything was lost on the way.
(module
  (import "env" "host" (func $host (param i32) (result i32)))
  (memory (export "memory") 1 4096)
  (table (export "table") 1 100000 funcref)
  (global $calls (mut i32) (i32.const 0))

  (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))

  ;; For ever.
  (func $spin (export "spin") (loop $l (br $l)))

  ;; For ever, in a call of a function that is the same each time.
  (func (export "spin_host")
    (loop $l (drop (call $host (i32.const 1))) (br $l)))

  ;; For ever, nearly all of it in Go's memmove.
  (func (export "spin_copy")
    (drop (memory.grow (i32.const 255)))
    (loop $l
      (memory.copy (i32.const 1) (i32.const 0) (i32.const 16000000))
      (br $l)))

  ;; 0 + 1 + ... + (n - 1), with a value that is kept in a vector register throughout.
  (func (export "sum") (param $n i32) (result i64)
    (local $i i32) (local $sum i64) (local $v v128) (local $f f64)
    (local.set $v (i64x2.splat (i64.const 0)))
    (block $done
      (loop $l
        (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
        (local.set $v (i64x2.add (local.get $v)
          (i64x2.splat (i64.extend_i32_u (local.get $i)))))
        (local.set $f (f64.add (local.get $f) (f64.const 1)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $l)))
    (if (result i64) (f64.eq (local.get $f) (f64.convert_i32_u (local.get $n)))
      (then (i64x2.extract_lane 1 (local.get $v)))
      (else (i64.const -1))))

  ;; Without a loop: the Fibonacci numbers.
  (func $fib (export "fib") (param $n i32) (result i32)
    (if (result i32) (i32.lt_u (local.get $n) (i32.const 2))
      (then (local.get $n))
      (else (i32.add
        (call $fib (i32.sub (local.get $n) (i32.const 1)))
        (call $fib (i32.sub (local.get $n) (i32.const 2)))))))

  ;; n calls deep, and back: n.
  (func $deep (export "deep") (param $n i32) (result i32)
    (if (result i32) (i32.eqz (local.get $n))
      (then (i32.const 0))
      (else (i32.add (i32.const 1)
        (call $deep (i32.sub (local.get $n) (i32.const 1)))))))

  ;; Until the stack is used up.
  (func $endless (export "endless") (result i32)
    (i32.add (i32.const 1) (call $endless)))

  ;; The host, with what it is given.
  (func (export "call_host") (param i32) (result i32) (call $host (local.get 0)))

  ;; n calls of the host, added up.
  (func (export "call_host_often") (param $n i32) (result i32)
    (local $sum i32)
    (loop $l
      (local.set $sum (i32.add (local.get $sum) (call $host (local.get $n))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $l (local.get $n)))
    (local.get $sum))

  ;; For ever: memory that grows until it cannot, and a table likewise.
  (func (export "grow")
    (loop $l
      (drop (memory.grow (i32.const 1)))
      (drop (table.grow 0 (ref.null func) (i32.const 1)))
      (br $l)))

  ;; The old size in pages.
  (func (export "grow_by") (param i32) (result i32) (memory.grow (local.get 0)))

  ;; Bytes filled and copied, forwards and backwards: one of them.
  (func (export "move") (param i32) (result i32)
    (memory.fill (i32.const 0) (local.get 0) (i32.const 100))
    (memory.copy (i32.const 200) (i32.const 0) (i32.const 100))
    (memory.copy (i32.const 250) (i32.const 200) (i32.const 100))
    (i32.load8_u (i32.const 349)))

  ;; A trap behind some frames.
  (func $divide (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
  (func (export "trap") (result i32)
    (i32.add (i32.const 1) (call $divide (i32.const 0))))

  ;; All in one, as often as it is told: host, trap-free work, recursion, growing.
  (func (export "mixed") (param $n i32) (result i32)
    (local $sum i32)
    (block $done
      (loop $l
        (br_if $done (i32.eqz (local.get $n)))
        (local.set $sum (i32.add (local.get $sum) (call $fib (i32.const 6))))
        (local.set $sum (i32.add (local.get $sum) (call $host (i32.const 1))))
        (drop (memory.grow (i32.const 0)))
        (memory.fill (i32.const 0) (local.get $n) (i32.const 300))
        (memory.copy (i32.const 300) (i32.const 0) (i32.const 300))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $l)))
    (local.get $sum)))
