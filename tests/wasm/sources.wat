;; What WASI tells of time and random numbers, as results; a WASI error is a trap.
(module
  (import "wasi_snapshot_preview1" "clock_time_get"
    (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_res_get"
    (func $clock_res_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $sched_yield (result i32)))
  (import "wasi_snapshot_preview1" "random_get"
    (func $random_get (param i32 i32) (result i32)))
  (memory (export "memory") 3)

  (func $check (param i32)
    (if (local.get 0) (then unreachable)))

  ;; Nanoseconds of clock 0 (wall) or 1 (monotonic).
  (func (export "time") (param i32) (result i64)
    (call $check (call $clock_time_get (local.get 0) (i64.const 0) (i32.const 0)))
    (i64.load (i32.const 0)))

  (func (export "resolution") (param i32) (result i64)
    (call $check (call $clock_res_get (local.get 0) (i32.const 0)))
    (i64.load (i32.const 0)))

  ;; Sleeps for nanoseconds of the monotonic clock.
  (func (export "sleep") (param i64)
    (memory.fill (i32.const 0) (i32.const 0) (i32.const 48))
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (local.get 0))
    (call $check (call $poll_oneoff
      (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128))))

  (func (export "yield")
    (call $check (call $sched_yield)))

  ;; Fills as many bytes at 1024, and gives the first eight.
  (func (export "random") (param i32) (result i64)
    (call $check (call $random_get (i32.const 1024) (local.get 0)))
    (i64.load (i32.const 1024))))
