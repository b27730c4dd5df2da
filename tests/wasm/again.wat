;; Exports what it imports.
(module
  (import "library" "add" (func $add (param i32 i32) (result i32)))
  (export "add" (func $add)))
