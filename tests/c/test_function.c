/* Functions: values at their edges, counts, traps with frames, use after close. */
#include <math.h>

#include "support.h"

static uint64_t call_one(wazero_module_t *module, const char *name, uint64_t arg)
{
    wazero_function_t *function = get_function(module, name);
    uint64_t result = 0xdeadbeefdeadbeef;
    must(wazero_function_call(function, &arg, 1, &result, 1));
    wazero_function_delete(function);
    return result;
}

static void check_values(wazero_runtime_t *runtime)
{
    static const uint32_t words[] = {0,          1,          0x7fffffff, 0x80000000,
                                     0xffffffff, 0x7f800001, 0x7fc00000, 0xffbfffff};
    static const uint64_t longs[] = {0,
                                     1,
                                     INT64_MAX,
                                     (uint64_t)INT64_MIN,
                                     UINT64_MAX,
                                     0x7ff0000000000001,
                                     0x7ff8000000000000,
                                     0xfff7ffffffffffff};
    wazero_module_t *module = new_module(runtime, "values", NULL, NULL);
    for (size_t i = 0; i < 8; i++) {
        /* Dirty upper halves go in, clean ones come out. */
        CHECK_INT(call_one(module, "i32", words[i] | 0xabcd000000000000), words[i]);
        CHECK_INT(call_one(module, "f32", words[i] | 0xabcd000000000000), words[i]);
        CHECK_INT(call_one(module, "i64", longs[i]), longs[i]);
        CHECK_INT(call_one(module, "f64", longs[i]), longs[i]);
    }
    CHECK_INT(call_one(module, "externref", 0), 0);
    CHECK_INT(call_one(module, "funcref", 0), 0); /* references: test_reference.c */
    wazero_module_delete(module);
}

TEST_ON_BOTH_ENGINES(values, check_values)

TEST(vector_takes_two_slots)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module = new_module(runtime, "values", NULL, NULL);
    wazero_function_t *function = get_function(module, "v128");
    const wazero_function_type_t *type = wazero_function_type(function);
    uint64_t args[2] = {1, UINT64_MAX}, results[2];
    CHECK_INT(type->param_count, 1);
    CHECK_INT(type->slot_count, 2);
    must(wazero_function_call(function, args, 2, results, 2));
    CHECK(memcmp(args, results, sizeof args) == 0);
    wazero_function_delete(function);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

TEST(many_values)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module = new_module(runtime, "values", NULL, NULL);
    wazero_function_t *wide = get_function(module, "wide");
    wazero_function_t *swap = get_function(module, "swap");
    uint64_t args[21], results[21];
    for (uint64_t i = 0; i < 21; i++)
        args[i] = i * 100;
    must(wazero_function_call(wide, args, 20, results, 21));
    for (uint64_t i = 0; i < 20; i++)
        CHECK_INT(results[i], i * 100);
    CHECK_INT(wazero_decode_i32(results[20]), -1);
    /* The same buffer for both. */
    args[0] = wazero_encode_i32(-1);
    args[1] = wazero_encode_i64(-2);
    args[2] = wazero_encode_f32(1.5f);
    args[3] = wazero_encode_f64(-2.5);
    must(wazero_function_call(swap, args, 4, args, 4));
    CHECK(wazero_decode_f64(args[0]) == -2.5);
    CHECK(wazero_decode_f32(args[1]) == 1.5f);
    CHECK_INT(wazero_decode_i64(args[2]), -2);
    CHECK_INT(wazero_decode_i32(args[3]), -1);
    wazero_function_delete(wide);
    wazero_function_delete(swap);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

TEST(counts_and_names)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module = new_module(runtime, "values", NULL, NULL);
    wazero_function_t *function = get_function(module, "i32");
    uint64_t slots[4] = {0};
    size_t size;
    CHECK_STR(wazero_function_name(function, &size), "i32");
    CHECK_INT(size, 3);
    CHECK_ERROR(wazero_function_call(function, slots, 2, slots, 1),
                WAZERO_ERROR_INVALID, "expected 1 params, but passed 2");
    CHECK_ERROR(wazero_function_call(function, slots, 1, slots, 0),
                WAZERO_ERROR_INVALID, "has 1 results");
    CHECK_ERROR(wazero_function_call_with_stack(function, slots, 0),
                WAZERO_ERROR_INVALID, "needs a stack of 1 slots");
    wazero_function_delete(function);
    CHECK_ERROR(wazero_module_function(module, "absent", WAZERO_CSTR, &function),
                WAZERO_ERROR_INVALID, "it exports: i32, i64, f32");
    CHECK_ERROR(wazero_module_function(module, NULL, 0, &function),
                WAZERO_ERROR_INVALID, "NULL");
    wazero_function_delete(NULL);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

static void check_trap(wazero_module_t *module, const char *name, const uint64_t *args,
                       size_t arg_count, size_t result_count, wazero_trap_code_t code)
{
    wazero_function_t *function = get_function(module, name);
    uint64_t result;
    char expected[128];
    wazero_error_t *error =
        wazero_function_call(function, args, arg_count, &result, result_count);
    CHECK(error);
    if (error) {
        CHECK_INT(wazero_error_kind(error), WAZERO_ERROR_TRAP);
        CHECK_INT(wazero_error_trap_code(error), code);
        /* Compiled code reports a stack overflow without a trace. */
        snprintf(expected, sizeof expected,
                 code == WAZERO_TRAP_STACK_OVERFLOW
                     ? "%s"
                     : "wasm error: %s\nwasm stack trace:\n\t",
                 wazero_trap_code_text(code));
        CHECK_CONTAINS(wazero_error_message(error, NULL), expected);
        wazero_error_delete(error);
    }
    wazero_function_delete(function);
}

static void check_traps(wazero_runtime_t *runtime)
{
    wazero_module_t *module = new_module(runtime, "traps", NULL, NULL);
    const uint64_t by_zero[] = {1, 0}, overflow[] = {0x80000000, 0xffffffff};
    const uint64_t not_a_number = wazero_encode_f64(NAN),
                   large = wazero_encode_f64(1e10);
    const uint64_t far_away = 0xffffffff, one = 1, none = 2, typed = 0;
    check_trap(module, "unreachable", NULL, 0, 0, WAZERO_TRAP_UNREACHABLE);
    check_trap(module, "divide", by_zero, 2, 1, WAZERO_TRAP_INTEGER_DIVIDE_BY_ZERO);
    check_trap(module, "divide", overflow, 2, 1, WAZERO_TRAP_INTEGER_OVERFLOW);
    check_trap(module, "truncate", &not_a_number, 1, 1,
               WAZERO_TRAP_INVALID_CONVERSION_TO_INTEGER);
    check_trap(module, "truncate", &large, 1, 1, WAZERO_TRAP_INTEGER_OVERFLOW);
    check_trap(module, "load", &far_away, 1, 1,
               WAZERO_TRAP_OUT_OF_BOUNDS_MEMORY_ACCESS);
    check_trap(module, "call_table", &none, 1, 0, WAZERO_TRAP_INVALID_TABLE_ACCESS);
    check_trap(module, "call_table", &one, 1, 0, WAZERO_TRAP_INVALID_TABLE_ACCESS);
    check_trap(module, "call_table", &typed, 1, 0,
               WAZERO_TRAP_INDIRECT_CALL_TYPE_MISMATCH);
    check_trap(module, "recurse", NULL, 0, 0, WAZERO_TRAP_STACK_OVERFLOW);
    /* The module goes on after each of them. */
    const uint64_t six_by_two[] = {6, 2};
    uint64_t result;
    wazero_function_t *divide = get_function(module, "divide");
    must(wazero_function_call(divide, six_by_two, 2, &result, 1));
    CHECK_INT(result, 3);
    wazero_function_delete(divide);
    wazero_module_delete(module);
}

TEST_ON_BOTH_ENGINES(traps, check_traps)

TEST(frames)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module = new_module(runtime, "traps", NULL, NULL);
    wazero_function_t *deep = get_function(module, "deep");
    wazero_error_t *error = wazero_function_call(deep, NULL, 0, NULL, 0);
    static const char *const expected[] = {"unreachable", "inner", "outer"};
    CHECK_INT(wazero_error_frame_count(error), 3);
    for (size_t i = 0; i < 3; i++) {
        const wazero_frame_t *frame = wazero_error_frame(error, i);
        CHECK_STR(frame->module, "traps");
        CHECK_STR(frame->function, expected[i]);
        CHECK_STR(frame->signature, "()");
        CHECK_STR(frame->source, "");
    }
    CHECK(!wazero_error_frame(error, 3));
    wazero_error_delete(error);
    wazero_function_delete(deep);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

TEST(after_close)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module = new_module(runtime, "add", NULL, NULL);
    wazero_function_t *add = get_function(module, "add"), *again;
    uint64_t slots[2] = {5, 7};
    must(wazero_module_close_with_exit_code(module, 3));
    CHECK_ERROR(wazero_function_call_with_stack(add, slots, 2), WAZERO_ERROR_CLOSED,
                "module closed with exit_code(3)");
    CHECK_ERROR(wazero_module_function(module, "add", WAZERO_CSTR, &again),
                WAZERO_ERROR_CLOSED, "closed");
    CHECK_STR(wazero_function_name(add, NULL), "add");
    wazero_function_delete(add);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

TEST(function_outlives_handles)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module = new_module(runtime, "add", NULL, NULL);
    wazero_function_t *add = get_function(module, "add");
    uint64_t slots[2] = {5, 7};
    wazero_module_delete(module);
    must(wazero_function_call_with_stack(add, slots, 2));
    CHECK_INT(slots[0], 12);
    wazero_runtime_delete(runtime); /* closes what is in it */
    CHECK_ERROR(wazero_function_call_with_stack(add, slots, 2), WAZERO_ERROR_CLOSED,
                "closed");
    wazero_function_delete(add);
}

TEST_MAIN
