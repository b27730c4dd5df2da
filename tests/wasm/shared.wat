;; A shared memory for others.
(module (memory (export "memory") 1 4 shared))
