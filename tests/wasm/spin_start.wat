;; A start function that never ends.
(module
  (func $spin (loop $l (br $l)))
  (start $spin))
