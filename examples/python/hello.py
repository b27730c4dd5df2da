"""Calls into a guest, lets the guest call back, and looks at its memory."""

import wazero

# (module
#   (import "env" "log" (func (param i32 i32)))
#   (memory (export "memory") 1)
#   (data (i32.const 16) "hello from wasm")
#   (func (export "add") (param i32 i32) (result i32)
#     local.get 0 local.get 1 i32.add)
#   (func (export "greet") i32.const 16 i32.const 15 call 0))
WASM = bytes.fromhex(
    "0061736d01000000010f0360027f7f0060027f7f017f600000020b0103656e76"
    "036c6f67000003030201020503010001071803066d656d6f7279020003616464"
    "000105677265657400020a12020700200020016a0b08004110410f10000b0b15"
    "010041100b0f68656c6c6f2066726f6d207761736d"
)


def log(ptr: int, size: int) -> None:
    print(mod.memory.read_str(ptr, size))


with wazero.Runtime() as rt:
    mod = rt.instantiate(WASM, imports={"env": {"log": log}})

    add = mod.exports.add
    print("5 + 7 =", add(5, 7))

    mod.call("greet")

    view = memoryview(mod.memory)
    view[16:21] = b"HELLO"
    mod.call("greet")
