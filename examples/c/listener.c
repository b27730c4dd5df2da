/*
 * listener.c - told of the calls of functions, and a log of them.
 *
 * A set of listeners is given when a module is compiled. `wants` picks the functions;
 * `before` sees their arguments and the stack, `after` their results.
 */
#include <stdio.h>

#include <wazero.h>

/* (module $math
 *   (func $square (param $n i32) (result i32)
 *     (i32.mul (local.get $n) (local.get $n)))
 *   (func $sum (export "sum") (param $n i32) (result i32)
 *     (if (result i32) (local.get $n)
 *       (then (i32.add (call $square (local.get $n))
 *                      (call $sum (i32.sub (local.get $n) (i32.const 1)))))
 *       (else (i32.const 0)))))
 */
static const uint8_t wasm[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x06, 0x01, 0x60, 0x01, 0x7f,
    0x01, 0x7f, 0x03, 0x03, 0x02, 0x00, 0x00, 0x07, 0x07, 0x01, 0x03, 0x73, 0x75, 0x6d,
    0x00, 0x01, 0x0a, 0x20, 0x02, 0x07, 0x00, 0x20, 0x00, 0x20, 0x00, 0x6c, 0x0b, 0x16,
    0x00, 0x20, 0x00, 0x04, 0x7f, 0x20, 0x00, 0x10, 0x00, 0x20, 0x00, 0x41, 0x01, 0x6b,
    0x10, 0x01, 0x6a, 0x05, 0x41, 0x00, 0x0b, 0x0b, 0x00, 0x29, 0x04, 0x6e, 0x61, 0x6d,
    0x65, 0x00, 0x05, 0x04, 0x6d, 0x61, 0x74, 0x68, 0x01, 0x0e, 0x02, 0x00, 0x06, 0x73,
    0x71, 0x75, 0x61, 0x72, 0x65, 0x01, 0x03, 0x73, 0x75, 0x6d, 0x02, 0x0b, 0x02, 0x00,
    0x01, 0x00, 0x01, 0x6e, 0x01, 0x01, 0x00, 0x01, 0x6e,
};

static wazero_error_t *wants(void *user, const wazero_function_definition_t *function,
                             bool *wanted)
{
    (void)user;
    *wanted = function->export_name_count == 0; /* of what the host cannot call */
    return NULL;
}

static wazero_error_t *before(void *user, wazero_module_t *module,
                              const wazero_function_definition_t *function,
                              const uint64_t *params, wazero_stack_t *stack)
{
    wazero_stack_frame_t frame;
    bool found = true;
    size_t depth = 0;
    wazero_error_t *error = NULL;
    (void)user;
    (void)module;
    while (found && !error) {
        error = wazero_stack_next(stack, &frame, &found);
        depth += found;
    }
    if (!error)
        printf("%s(%d), %zu deep\n", function->name.data, wazero_decode_i32(params[0]),
               depth);
    return error;
}

static wazero_error_t *after(void *user, wazero_module_t *module,
                             const wazero_function_definition_t *function,
                             const uint64_t *results)
{
    (void)user;
    (void)module;
    printf("%s gives %d\n", function->name.data, wazero_decode_i32(results[0]));
    return NULL;
}

static wazero_error_t *write_log(void *user, const void *line, size_t size)
{
    fwrite(line, 1, size, (FILE *)user);
    return NULL;
}

/* Compiles with the listeners and calls sum(n). */
static wazero_error_t *run(wazero_runtime_t *runtime, wazero_listeners_t *listeners,
                           int32_t n)
{
    wazero_compiled_module_t *compiled = NULL;
    wazero_module_t *module = NULL;
    wazero_function_t *sum = NULL;
    uint64_t stack[1] = {wazero_encode_i32(n)};
    wazero_error_t *error = wazero_runtime_compile_with_listeners(
        runtime, wasm, sizeof wasm, listeners, &compiled);
    if (!error)
        error = wazero_module_new(compiled, NULL, NULL, &module);
    if (!error)
        error = wazero_module_start(module);
    if (!error)
        error = wazero_module_function(module, "sum", WAZERO_CSTR, &sum);
    if (!error)
        error = wazero_function_call_with_stack(sum, stack, 1);
    wazero_function_delete(sum);
    wazero_module_delete(module);
    wazero_compiled_module_delete(compiled);
    return error;
}

int main(void)
{
    const wazero_listener_t listener = {
        .wants = wants, .before = before, .after = after};
    wazero_runtime_t *runtime = NULL;
    wazero_listeners_t *listeners = NULL, *log = NULL;

    wazero_error_t *error = wazero_runtime_new(NULL, &runtime);
    if (!error)
        error = wazero_listeners_new(&listeners);
    if (!error)
        error = wazero_listeners_add(listeners, &listener);
    if (!error)
        error = run(runtime, listeners, 2);
    if (!error)
        error = wazero_listeners_new(&log);
    if (!error)
        error = wazero_listeners_set_log(log, write_log, stdout, NULL, false,
                                         WAZERO_LOG_ALL);
    if (!error)
        error = run(runtime, log, 1);
    if (error)
        fprintf(stderr, "%s\n", wazero_error_message(error, NULL));

    wazero_listeners_delete(listeners);
    wazero_listeners_delete(log);
    wazero_runtime_delete(runtime);
    int status = error ? 1 : 0;
    wazero_error_delete(error);
    return status;
}

/* Output:
 * square(2), 2 deep
 * square gives 4
 * square(1), 3 deep
 * square gives 1
 * --> math.sum(n=1)
 * 	--> math.square(n=1)
 * 	<-- 1
 * 	--> math.sum(n=0)
 * 	<-- 0
 * <-- 1
 */
