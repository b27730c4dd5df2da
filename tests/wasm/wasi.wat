;; A WASI command: copies standard input to standard output, then its arguments to
;; standard error, each with a newline, and exits with their number minus one.
(module
  (import "wasi_snapshot_preview1" "args_sizes_get"
    (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 2)
  (data (i32.const 60) "\n")
  ;; 0: argc, 4: size of the arguments, 8: iovec, 16: count; 1024: argv; 4096: their text;
  ;; 8192: the buffer for copying.
  (func $write (param $fd i32) (param $data i32) (param $size i32)
    (i32.store (i32.const 8) (local.get $data))
    (i32.store (i32.const 12) (local.get $size))
    (drop (call $fd_write (local.get $fd) (i32.const 8) (i32.const 1) (i32.const 16))))
  (func $length (param $string i32) (result i32)
    (local $end i32)
    (local.set $end (local.get $string))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (i32.load8_u (local.get $end))))
        (local.set $end (i32.add (local.get $end) (i32.const 1)))
        (br $next)))
    (i32.sub (local.get $end) (local.get $string)))
  (func $copy
    (loop $again
      (i32.store (i32.const 8) (i32.const 8192))
      (i32.store (i32.const 12) (i32.const 4096))
      (br_if 1
        (call $fd_read (i32.const 0) (i32.const 8) (i32.const 1) (i32.const 16)))
      (br_if 1 (i32.eqz (i32.load (i32.const 16))))
      (call $write (i32.const 1) (i32.const 8192) (i32.load (i32.const 16)))
      (br $again)))
  (func (export "_start")
    (local $i i32)
    (local $arg i32)
    (call $copy)
    (drop (call $args_sizes_get (i32.const 0) (i32.const 4)))
    (drop (call $args_get (i32.const 1024) (i32.const 4096)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (i32.load (i32.const 0))))
        (local.set $arg
          (i32.load (i32.add (i32.const 1024) (i32.mul (local.get $i) (i32.const 4)))))
        (call $write (i32.const 2) (local.get $arg) (call $length (local.get $arg)))
        (call $write (i32.const 2) (i32.const 60) (i32.const 1))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (call $proc_exit (i32.sub (i32.load (i32.const 0)) (i32.const 1)))))
