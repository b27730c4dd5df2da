/*
 * snapshot.c - setjmp and longjmp for a guest.
 *
 * One host function takes a snapshot of the call that it is in; another one goes back
 * to it, out of a hundred calls, and the first returns once more.
 */
#include <stdio.h>

#include <wazero.h>

/* (module
 *   (import "env" "set" (func $set (result i32)))
 *   (import "env" "jump" (func $jump (param i32)))
 *   (func $deep (param $n i32)
 *     (if (local.get $n)
 *       (then (call $deep (i32.sub (local.get $n) (i32.const 1))))
 *       (else (call $jump (i32.const 42)))))
 *   (func (export "run") (result i32) (local $got i32)
 *     (local.set $got (call $set))
 *     (if (i32.eqz (local.get $got)) (then (call $deep (i32.const 100))))
 *     (local.get $got)))
 */
static const uint8_t wasm[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x09, 0x02, 0x60, 0x00, 0x01,
    0x7f, 0x60, 0x01, 0x7f, 0x00, 0x02, 0x16, 0x02, 0x03, 0x65, 0x6e, 0x76, 0x03, 0x73,
    0x65, 0x74, 0x00, 0x00, 0x03, 0x65, 0x6e, 0x76, 0x04, 0x6a, 0x75, 0x6d, 0x70, 0x00,
    0x01, 0x03, 0x03, 0x02, 0x01, 0x00, 0x07, 0x07, 0x01, 0x03, 0x72, 0x75, 0x6e, 0x00,
    0x03, 0x0a, 0x2b, 0x02, 0x13, 0x00, 0x20, 0x00, 0x04, 0x40, 0x20, 0x00, 0x41, 0x01,
    0x6b, 0x10, 0x02, 0x05, 0x41, 0x2a, 0x10, 0x01, 0x0b, 0x0b, 0x15, 0x01, 0x01, 0x7f,
    0x10, 0x00, 0x21, 0x00, 0x20, 0x00, 0x45, 0x04, 0x40, 0x41, 0xe4, 0x00, 0x10, 0x02,
    0x0b, 0x20, 0x00, 0x0b, 0x00, 0x28, 0x04, 0x6e, 0x61, 0x6d, 0x65, 0x01, 0x12, 0x03,
    0x00, 0x03, 0x73, 0x65, 0x74, 0x01, 0x04, 0x6a, 0x75, 0x6d, 0x70, 0x02, 0x04, 0x64,
    0x65, 0x65, 0x70, 0x02, 0x0d, 0x02, 0x02, 0x01, 0x00, 0x01, 0x6e, 0x03, 0x01, 0x00,
    0x03, 0x67, 0x6f, 0x74,
};

static wazero_error_t *set(void *user, wazero_module_t *caller, uint64_t *stack)
{
    (void)caller;
    printf("set\n");
    stack[0] = wazero_encode_i32(0);
    return wazero_snapshot_new((wazero_snapshot_t **)user);
}

static wazero_error_t *jump(void *user, wazero_module_t *caller, uint64_t *stack)
{
    wazero_snapshot_t *snapshot = *(wazero_snapshot_t **)user;
    (void)caller;
    printf("jump\n");
    return wazero_snapshot_restore(snapshot, stack, 1, NULL, NULL);
}

int main(void)
{
    wazero_runtime_t *runtime = NULL;
    wazero_imports_t *imports = NULL;
    wazero_module_t *module = NULL;
    wazero_function_t *run = NULL;
    wazero_snapshot_t *snapshot = NULL;
    uint64_t stack[1];

    wazero_error_t *error = wazero_runtime_new(NULL, &runtime);
    if (!error)
        error = wazero_imports_new(&imports);
    if (!error)
        error = wazero_imports_add_function(imports, "env", WAZERO_CSTR, "set",
                                            WAZERO_CSTR, set, &snapshot, NULL);
    if (!error)
        error = wazero_imports_add_function(imports, "env", WAZERO_CSTR, "jump",
                                            WAZERO_CSTR, jump, &snapshot, NULL);
    if (!error)
        error = wazero_runtime_instantiate(runtime, wasm, sizeof wasm, imports, NULL,
                                           &module);
    if (!error)
        error = wazero_module_function(module, "run", WAZERO_CSTR, &run);
    if (!error)
        error = wazero_function_call_with_snapshots(run, stack, 1, WAZERO_NO_TIMEOUT);
    if (!error)
        printf("run gives %d\n", wazero_decode_i32(stack[0]));
    else
        fprintf(stderr, "%s\n", wazero_error_message(error, NULL));

    wazero_snapshot_delete(snapshot);
    wazero_function_delete(run);
    wazero_module_delete(module);
    wazero_imports_delete(imports);
    wazero_runtime_delete(runtime);
    int status = error ? 1 : 0;
    wazero_error_delete(error);
    return status;
}

/* Output:
 * set
 * jump
 * run gives 42
 */
