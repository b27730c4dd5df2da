/*
 * hello.cpp - wazero.h from C++: the smallest program, with owners that delete.
 */
#include <cstdio>
#include <memory>
#include <stdexcept>

#include <wazero.h>

/* (module (func (export "add") (param i32 i32) (result i32)
 *   local.get 0 local.get 1 i32.add))
 */
static const uint8_t wasm[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x07, 0x01, 0x60, 0x02, 0x7f,
    0x7f, 0x01, 0x7f, 0x03, 0x02, 0x01, 0x00, 0x07, 0x07, 0x01, 0x03, 0x61, 0x64, 0x64,
    0x00, 0x00, 0x0a, 0x09, 0x01, 0x07, 0x00, 0x20, 0x00, 0x20, 0x01, 0x6a, 0x0b,
};

/* Turns an error into an exception. */
static void check(wazero_error_t *error)
{
    if (!error)
        return;
    std::runtime_error exception(wazero_error_message(error, nullptr));
    wazero_error_delete(error);
    throw exception;
}

template <typename T> using owner = std::unique_ptr<T, void (*)(T *)>;

static int run()
{
    wazero_runtime_t *new_runtime;
    check(wazero_runtime_new(nullptr, &new_runtime));
    owner<wazero_runtime_t> runtime(new_runtime, wazero_runtime_delete);

    wazero_module_t *new_module;
    check(wazero_runtime_instantiate(runtime.get(), wasm, sizeof wasm, nullptr, nullptr,
                                     &new_module));
    owner<wazero_module_t> module(new_module, wazero_module_delete);

    wazero_function_t *new_function;
    check(wazero_module_function(module.get(), "add", WAZERO_CSTR, &new_function));
    owner<wazero_function_t> add(new_function, wazero_function_delete);

    uint64_t slots[2] = {wazero_encode_i32(5), wazero_encode_i32(7)};
    check(wazero_function_call_with_stack(add.get(), slots, 2));
    return wazero_decode_i32(slots[0]);
}

int main()
{
    try {
        std::printf("5 + 7 = %d\n", run());
        return 0;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}

/* Output:
 * 5 + 7 = 12
 */
