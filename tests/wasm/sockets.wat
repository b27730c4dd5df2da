;; A server: it accepts at the descriptor given, and sends back what it gets in capital
;; letters. Each function gives an errno, or what is said.
(module
  (import "wasi_snapshot_preview1" "sock_accept"
    (func $sock_accept (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_recv"
    (func $sock_recv (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_send"
    (func $sock_send (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_shutdown"
    (func $sock_shutdown (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_fdstat_set_flags"
    (func $fd_fdstat_set_flags (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (memory (export "memory") 1)

  ;; The descriptor of the next connection, or the negative errno.
  (func $accept (export "accept") (param $fd i32) (result i32) (local $errno i32)
    (local.set $errno (call $sock_accept (local.get $fd) (i32.const 0) (i32.const 0)))
    (if (result i32) (local.get $errno)
      (then (i32.sub (i32.const 0) (local.get $errno)))
      (else (i32.load (i32.const 0)))))

  ;; Has accept at a descriptor return at once.
  (func (export "nonblock") (param $fd i32) (result i32)
    (call $fd_fdstat_set_flags (local.get $fd) (i32.const 4)))

  ;; Receives up to 1,000 bytes at 1024: their number, or the negative errno.
  (func $receive (export "receive") (param $fd i32) (result i32) (local $errno i32)
    (i32.store (i32.const 0) (i32.const 1024))
    (i32.store (i32.const 4) (i32.const 1000))
    (local.set $errno (call $sock_recv (local.get $fd) (i32.const 0) (i32.const 1)
      (i32.const 0) (i32.const 8) (i32.const 12)))
    (if (result i32) (local.get $errno)
      (then (i32.sub (i32.const 0) (local.get $errno)))
      (else (i32.load (i32.const 8)))))

  ;; Sends as many bytes from 1024 on.
  (func $send (export "send") (param $fd i32) (param $size i32) (result i32)
    (i32.store (i32.const 0) (i32.const 1024))
    (i32.store (i32.const 4) (local.get $size))
    (call $sock_send (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 0)
      (i32.const 8)))

  (func (export "shutdown") (param $fd i32) (result i32)
    (call $sock_shutdown (local.get $fd) (i32.const 3)))

  (func (export "close") (param $fd i32) (result i32)
    (call $fd_close (local.get $fd)))

  (func $to_capitals (param $size i32) (local $at i32)
    (local.set $at (i32.const 1024))
    (loop $next
      (if (i32.gt_u (i32.load8_u (local.get $at)) (i32.const 96))
        (then (i32.store8 (local.get $at)
          (i32.sub (i32.load8_u (local.get $at)) (i32.const 32)))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next
        (i32.lt_u (local.get $at) (i32.add (i32.const 1024) (local.get $size))))))

  ;; Serves one connection at a descriptor; the number of bytes it got.
  (func (export "serve") (param $fd i32) (result i32)
    (local $connection i32) (local $size i32) (local $total i32)
    (local.set $connection (call $accept (local.get $fd)))
    (if (i32.lt_s (local.get $connection) (i32.const 0))
      (then (return (local.get $connection))))
    (loop $more
      (local.set $size (call $receive (local.get $connection)))
      (if (i32.gt_s (local.get $size) (i32.const 0))
        (then
          (call $to_capitals (local.get $size))
          (drop (call $send (local.get $connection) (local.get $size)))
          (local.set $total (i32.add (local.get $total) (local.get $size)))
          (br $more))))
    ;; wazero's fd_close leaves the connection open until Go collects it.
    (drop (call $sock_shutdown (local.get $connection) (i32.const 2)))
    (drop (call $fd_close (local.get $connection)))
    (local.get $total)))
