/*
 * hello.c - the smallest program: compile a module, call its function.
 *
 *     cc hello.c $(pkg-config --cflags --libs wazero) -o hello && ./hello
 */
#include <stdio.h>

#include <wazero.h>

/* (module (func (export "add") (param i32 i32) (result i32)
 *   local.get 0 local.get 1 i32.add))
 */
static const uint8_t wasm[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x07, 0x01, 0x60, 0x02, 0x7f,
    0x7f, 0x01, 0x7f, 0x03, 0x02, 0x01, 0x00, 0x07, 0x07, 0x01, 0x03, 0x61, 0x64, 0x64,
    0x00, 0x00, 0x0a, 0x09, 0x01, 0x07, 0x00, 0x20, 0x00, 0x20, 0x01, 0x6a, 0x0b,
};

/* Says what went wrong. Takes error. */
static int fail(wazero_error_t *error)
{
    fprintf(stderr, "%s\n", wazero_error_message(error, NULL));
    wazero_error_delete(error);
    return 1;
}

int main(void)
{
    wazero_runtime_t *runtime = NULL;
    wazero_module_t *module = NULL;
    wazero_function_t *add = NULL;
    uint64_t args[2] = {wazero_encode_i32(5), wazero_encode_i32(7)}, sum = 0;

    wazero_error_t *error = wazero_runtime_new(NULL, &runtime);
    if (!error)
        error =
            wazero_runtime_instantiate(runtime, wasm, sizeof wasm, NULL, NULL, &module);
    if (!error)
        error = wazero_module_function(module, "add", WAZERO_CSTR, &add);
    if (!error)
        error = wazero_function_call(add, args, 2, &sum, 1);
    if (!error)
        printf("5 + 7 = %d\n", wazero_decode_i32(sum));

    wazero_function_delete(add);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
    return error ? fail(error) : 0;
}

/* Output:
 * 5 + 7 = 12
 */
