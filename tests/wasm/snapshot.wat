;; Takes a snapshot and goes back to it from deeper down, as setjmp and longjmp do.
(module $snapshot
  (import "env" "take" (func $take (param i32) (result i32)))
  (import "env" "back" (func $back (param i32)))
  (func $deep (param $n i32)
    (if (local.get $n)
      (then (call $deep (i32.sub (local.get $n) (i32.const 1))))
      (else (call $back (i32.const 5)))))
  ;; 1000 and what was given for going back: what was done to the local is undone.
  (func (export "run") (param $depth i32) (result i32)
    (local $kept i32) (local $got i32)
    (local.set $kept (i32.const 1000))
    (local.set $got (call $take (i32.const 0)))
    (if (i32.eqz (local.get $got))
      (then
        (local.set $kept (i32.const 9))
        (call $deep (local.get $depth))
        (unreachable)))
    (i32.add (local.get $kept) (local.get $got)))
  ;; Goes back as long as it gets less than a number.
  (func (export "again") (param $limit i32) (result i32) (local $got i32)
    (local.set $got (call $take (i32.const 0)))
    (if (i32.lt_u (local.get $got) (local.get $limit))
      (then (call $back (i32.add (local.get $got) (i32.const 1)))))
    (local.get $got))
  (func (export "take") (param i32) (result i32) (call $take (local.get 0)))
  (func (export "back") (param i32) (call $back (local.get 0))))
