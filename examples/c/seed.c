/*
 * seed.c - the six functions of the first API, enough for a first program.
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

int main(void)
{
    char *error = NULL;
    int status = 1;
    uint64_t args[2] = {5, 7}, sum;

    void *runtime = wazero_new_runtime();
    if (!runtime) {
        fprintf(stderr, "no runtime\n");
        return 1;
    }
    void *module = wazero_instantiate(runtime, wasm, sizeof wasm, &error);
    if (module && wazero_call_function(module, "add", args, 2, &sum, 1, &error) == 0) {
        printf("5 + 7 = %d\n", wazero_decode_i32(sum));
        status = 0;
    }
    if (status != 0) {
        fprintf(stderr, "%s\n", error ? error : "out of memory");
        wazero_free(error);
    }

    /* Closing frees, so there is nothing to close if there is no module. */
    if (module)
        wazero_module_close(module);
    wazero_runtime_close(runtime);
    return status;
}

/* Output:
 * 5 + 7 = 12
 */
