/*
 * errors.c - what an error tells: its kind, why the guest trapped, and where.
 */
#include <stdio.h>

#include <wazero.h>

/* (module $calculator
 *   (func $divide (param i32 i32) (result i32)
 *     (i32.div_s (local.get 0) (local.get 1)))
 *   (func $average (export "average") (param i32 i32) (result i32)
 *     (call $divide (local.get 0) (local.get 1))))
 */
static const uint8_t wasm[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x07, 0x01, 0x60, 0x02, 0x7f,
    0x7f, 0x01, 0x7f, 0x03, 0x03, 0x02, 0x00, 0x00, 0x07, 0x0b, 0x01, 0x07, 0x61, 0x76,
    0x65, 0x72, 0x61, 0x67, 0x65, 0x00, 0x01, 0x0a, 0x12, 0x02, 0x07, 0x00, 0x20, 0x00,
    0x20, 0x01, 0x6d, 0x0b, 0x08, 0x00, 0x20, 0x00, 0x20, 0x01, 0x10, 0x00, 0x0b, 0x00,
    0x26, 0x04, 0x6e, 0x61, 0x6d, 0x65, 0x00, 0x0b, 0x0a, 0x63, 0x61, 0x6c, 0x63, 0x75,
    0x6c, 0x61, 0x74, 0x6f, 0x72, 0x01, 0x12, 0x02, 0x00, 0x06, 0x64, 0x69, 0x76, 0x69,
    0x64, 0x65, 0x01, 0x07, 0x61, 0x76, 0x65, 0x72, 0x61, 0x67, 0x65,
};

/* Prints an error the way a program could that knows what it looks for. */
static void explain(const char *what, const wazero_error_t *error)
{
    printf("%s: ", what);
    switch (wazero_error_kind(error)) {
    case WAZERO_ERROR_TRAP:
        printf("the guest trapped: %s\n",
               wazero_trap_code_text(wazero_error_trap_code(error)));
        break;
    case WAZERO_ERROR_COMPILE:
        printf("this is no module\n");
        break;
    case WAZERO_ERROR_INVALID:
        printf("wrong use\n");
        break;
    default:
        printf("%s\n", wazero_error_message(error, NULL));
        break;
    }
    for (size_t i = 0; i < wazero_error_frame_count(error); i++) {
        const wazero_frame_t *frame = wazero_error_frame(error, i);
        printf("  in %s.%s\n", frame->module, frame->function);
    }
}

int main(void)
{
    wazero_runtime_t *runtime = NULL;
    wazero_module_t *module = NULL;
    wazero_function_t *average = NULL;
    wazero_compiled_module_t *compiled = NULL;
    uint64_t args[2] = {wazero_encode_i32(10), wazero_encode_i32(0)}, result;

    wazero_error_t *error = wazero_runtime_new(NULL, &runtime);
    if (!error)
        error =
            wazero_runtime_instantiate(runtime, wasm, sizeof wasm, NULL, NULL, &module);
    if (!error)
        error = wazero_module_function(module, "average", WAZERO_CSTR, &average);
    if (error) {
        fprintf(stderr, "%s\n", wazero_error_message(error, NULL));
        wazero_error_delete(error);
        return 1;
    }

    error = wazero_function_call(average, args, 2, &result, 1);
    explain("average(10, 0)", error);
    wazero_error_delete(error);

    error = wazero_function_call(average, args, 1, &result, 1);
    explain("average(10)", error);
    wazero_error_delete(error);

    error = wazero_runtime_compile(runtime, "not wasm", 8, &compiled);
    explain("compile", error);
    wazero_error_delete(error);

    /* A trap leaves the module usable. */
    args[1] = wazero_encode_i32(4);
    error = wazero_function_call(average, args, 2, &result, 1);
    if (!error)
        printf("average(10, 4) = %d\n", wazero_decode_i32(result));

    wazero_function_delete(average);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
    int status = error ? 1 : 0;
    wazero_error_delete(error);
    return status;
}

/* Output:
 * average(10, 0): the guest trapped: integer divide by zero
 *   in calculator.divide
 *   in calculator.average
 * average(10): wrong use
 * compile: this is no module
 * average(10, 4) = 2
 */
