/*
 * memory.c - the guest's memory: copied, looked at in place, and grown.
 */
#include <stdio.h>

#include <wazero.h>

/* (module
 *   (memory (export "memory") 1 4)
 *   (func (export "sum") (param $at i32) (param $size i32) (result i32)
 *     (local $sum i32)
 *     (block $done
 *       (loop $next
 *         (br_if $done (i32.eqz (local.get $size)))
 *         (local.set $sum
 *           (i32.add (local.get $sum) (i32.load8_u (local.get $at))))
 *         (local.set $at (i32.add (local.get $at) (i32.const 1)))
 *         (local.set $size (i32.sub (local.get $size) (i32.const 1)))
 *         (br $next)))
 *     (local.get $sum)))
 */
static const uint8_t wasm[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x07, 0x01, 0x60, 0x02, 0x7f,
    0x7f, 0x01, 0x7f, 0x03, 0x02, 0x01, 0x00, 0x05, 0x04, 0x01, 0x01, 0x01, 0x04, 0x07,
    0x10, 0x02, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x00, 0x03, 0x73, 0x75,
    0x6d, 0x00, 0x00, 0x0a, 0x2d, 0x01, 0x2b, 0x01, 0x01, 0x7f, 0x02, 0x40, 0x03, 0x40,
    0x20, 0x01, 0x45, 0x0d, 0x01, 0x20, 0x02, 0x20, 0x00, 0x2d, 0x00, 0x00, 0x6a, 0x21,
    0x02, 0x20, 0x00, 0x41, 0x01, 0x6a, 0x21, 0x00, 0x20, 0x01, 0x41, 0x01, 0x6b, 0x21,
    0x01, 0x0c, 0x00, 0x0b, 0x0b, 0x20, 0x02, 0x0b,
};

/* Works on the module, whose memory and function the caller found. */
static wazero_error_t *work(wazero_memory_t *memory, wazero_function_t *sum)
{
    static const uint8_t numbers[] = {1, 2, 3, 4};
    wazero_memory_view_t *view = NULL;
    uint64_t slots[2] = {wazero_encode_i32(100), wazero_encode_i32(sizeof numbers)};
    uint32_t old_pages;

    wazero_error_t *error = wazero_memory_write(memory, 100, numbers, sizeof numbers);
    if (!error)
        error = wazero_function_call_with_stack(sum, slots, 2);
    if (error)
        return error;
    printf("sum = %d\n", wazero_decode_i32(slots[0]));

    /* A view shows the bytes where they are, and keeps them there. */
    error = wazero_memory_view_new(memory, &view);
    if (error)
        return error;
    wazero_memory_view_data(view)[100] = 91;
    slots[0] = wazero_encode_i32(100);
    slots[1] = wazero_encode_i32(sizeof numbers);
    error = wazero_function_call_with_stack(sum, slots, 2);
    if (!error)
        printf("sum = %d\n", wazero_decode_i32(slots[0]));
    if (!error)
        error = wazero_memory_grow(memory, 1, &old_pages);
    if (!error)
        printf("%u page before, %u after; the view still shows %d\n",
               (unsigned)old_pages, (unsigned)wazero_memory_pages(memory),
               wazero_memory_view_data(view)[100]);
    wazero_memory_view_delete(view);
    if (error)
        return error;

    /* Nothing outside the memory can be read. */
    error = wazero_memory_read(memory, 2 * WAZERO_PAGE_SIZE - 1, slots, 2);
    printf("reading past the end: %s\n", error ? "refused" : "done");
    wazero_error_delete(error);
    return NULL;
}

int main(void)
{
    wazero_runtime_t *runtime = NULL;
    wazero_module_t *module = NULL;
    wazero_memory_t *memory = NULL;
    wazero_function_t *sum = NULL;

    wazero_error_t *error = wazero_runtime_new(NULL, &runtime);
    if (!error)
        error =
            wazero_runtime_instantiate(runtime, wasm, sizeof wasm, NULL, NULL, &module);
    if (!error)
        error = wazero_module_memory(module, "memory", WAZERO_CSTR, &memory);
    if (!error)
        error = wazero_module_function(module, "sum", WAZERO_CSTR, &sum);
    if (!error)
        error = work(memory, sum);
    if (error)
        fprintf(stderr, "%s\n", wazero_error_message(error, NULL));

    wazero_function_delete(sum);
    wazero_memory_delete(memory);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
    int status = error ? 1 : 0;
    wazero_error_delete(error);
    return status;
}

/* Output:
 * sum = 10
 * sum = 100
 * 1 page before, 2 after; the view still shows 91
 * reading past the end: refused
 */
