/*
 * host.c - the guest calls functions written in C.
 *
 * A host function gets its arguments in the slots of `stack` and leaves its results
 * there. It sees the module that called, and through it the guest's memory: what the
 * guest passes as pointers are offsets into that.
 */
#include <stdio.h>

#include <wazero.h>

/* (module
 *   (import "env" "log" (func $log (param i32 i32)))
 *   (import "env" "twice" (func $twice (param i64) (result i64)))
 *   (memory (export "memory") 1)
 *   (data (i32.const 8) "hello from the guest")
 *   (func (export "greet") (param $n i64) (result i64)
 *     (call $log (i32.const 8) (i32.const 20))
 *     (call $twice (local.get $n))))
 */
static const uint8_t wasm[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x0b, 0x02, 0x60, 0x02, 0x7f,
    0x7f, 0x00, 0x60, 0x01, 0x7e, 0x01, 0x7e, 0x02, 0x17, 0x02, 0x03, 0x65, 0x6e, 0x76,
    0x03, 0x6c, 0x6f, 0x67, 0x00, 0x00, 0x03, 0x65, 0x6e, 0x76, 0x05, 0x74, 0x77, 0x69,
    0x63, 0x65, 0x00, 0x01, 0x03, 0x02, 0x01, 0x01, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07,
    0x12, 0x02, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x00, 0x05, 0x67, 0x72,
    0x65, 0x65, 0x74, 0x00, 0x02, 0x0a, 0x0e, 0x01, 0x0c, 0x00, 0x41, 0x08, 0x41, 0x14,
    0x10, 0x00, 0x20, 0x00, 0x10, 0x01, 0x0b, 0x0b, 0x1a, 0x01, 0x00, 0x41, 0x08, 0x0b,
    0x14, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x20, 0x66, 0x72, 0x6f, 0x6d, 0x20, 0x74, 0x68,
    0x65, 0x20, 0x67, 0x75, 0x65, 0x73, 0x74,
};

/* env.log(pointer, size): prints a piece of the guest's memory. */
static wazero_error_t *log_text(void *user, wazero_module_t *caller, uint64_t *stack)
{
    char text[64];
    uint64_t at = stack[0], size = stack[1];
    wazero_memory_t *memory = NULL;
    (void)user;

    if (size > sizeof text)
        return wazero_error_new_host("text too long", WAZERO_CSTR, NULL, NULL);
    wazero_error_t *error = wazero_module_memory(caller, NULL, 0, &memory);
    if (!error)
        error = wazero_memory_read(memory, at, text, (size_t)size);
    if (!error)
        printf("guest: %.*s\n", (int)size, text);
    wazero_memory_delete(memory);
    return error;
}

/* env.twice(n): doubles n, and counts its calls in what `user` points to. */
static wazero_error_t *twice(void *user, wazero_module_t *caller, uint64_t *stack)
{
    int *calls = (int *)user;
    (void)caller;
    ++*calls;
    stack[0] = wazero_encode_i64(2 * wazero_decode_i64(stack[0]));
    return NULL;
}

int main(void)
{
    wazero_runtime_t *runtime = NULL;
    wazero_imports_t *imports = NULL;
    wazero_module_t *module = NULL;
    wazero_function_t *greet = NULL;
    int calls = 0;
    uint64_t slot = wazero_encode_i64(21);

    wazero_error_t *error = wazero_runtime_new(NULL, &runtime);
    if (!error)
        error = wazero_imports_new(&imports);
    if (!error)
        error = wazero_imports_add_function(imports, "env", WAZERO_CSTR, "log",
                                            WAZERO_CSTR, log_text, NULL, NULL);
    if (!error)
        error = wazero_imports_add_function(imports, "env", WAZERO_CSTR, "twice",
                                            WAZERO_CSTR, twice, &calls, NULL);
    if (!error)
        error = wazero_runtime_instantiate(runtime, wasm, sizeof wasm, imports, NULL,
                                           &module);
    if (!error)
        error = wazero_module_function(module, "greet", WAZERO_CSTR, &greet);
    if (!error)
        error = wazero_function_call(greet, &slot, 1, &slot, 1);
    if (!error)
        printf("greet(21) = %lld, with %d call of twice\n",
               (long long)wazero_decode_i64(slot), calls);
    else
        fprintf(stderr, "%s\n", wazero_error_message(error, NULL));

    wazero_function_delete(greet);
    wazero_module_delete(module);
    wazero_imports_delete(imports);
    wazero_runtime_delete(runtime);
    int status = error ? 1 : 0;
    wazero_error_delete(error);
    return status;
}

/* Output:
 * guest: hello from the guest
 * greet(21) = 42, with 1 call of twice
 */
