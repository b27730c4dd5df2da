;; What AssemblyScript's compiler makes of programs that abort, trace and seed; the texts
;; are UTF-16 behind their sizes.
(module
  (import "env" "abort" (func $~lib/builtins/abort (param i32 i32 i32 i32)))
  (import "env" "trace"
    (func $~lib/builtins/trace (param i32 i32 f64 f64 f64 f64 f64)))
  (import "env" "seed" (func $~lib/builtins/seed (result f64)))
  (memory (export "memory") 1 65536)
  ;; At 12: "message". At 40: "a.ts". At 60: an odd size. At 80: half a surrogate pair, an
  ;; e with an acute accent, a smiley, the euro sign.
  (data (i32.const 8) "\0e\00\00\00m\00e\00s\00s\00a\00g\00e\00")
  (data (i32.const 36) "\08\00\00\00a\00.\00t\00s\00")
  (data (i32.const 56) "\03\00\00\00a\00b\00")
  (data (i32.const 76) "\0a\00\00\00\00\d8\e9\00\3d\d8\00\de\ac\20")
  (func (export "abort") (param i32 i32 i32 i32)
    (call $~lib/builtins/abort
      (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
  (func (export "trace") (param i32 i32 f64 f64 f64 f64 f64)
    (call $~lib/builtins/trace (local.get 0) (local.get 1) (local.get 2)
      (local.get 3) (local.get 4) (local.get 5) (local.get 6)))
  (func (export "seed") (result f64) (call $~lib/builtins/seed)))
