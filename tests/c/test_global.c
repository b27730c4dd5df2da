/* Globals: every number type, setting, and what cannot be set. */
#include "support.h"

static wazero_global_t *get_global(wazero_module_t *module, const char *name)
{
    wazero_global_t *global;
    must(wazero_module_global(module, name, WAZERO_CSTR, &global));
    return global;
}

static uint64_t read_global(wazero_module_t *module, const char *name)
{
    wazero_global_t *global = get_global(module, name);
    uint64_t slot;
    must(wazero_global_get(global, &slot, 1));
    wazero_global_delete(global);
    return slot;
}

static void check_globals(wazero_runtime_t *runtime)
{
    wazero_module_t *module = new_module(runtime, "globals", NULL, NULL);
    uint64_t slot;
    CHECK_INT(wazero_decode_i32(read_global(module, "i32")), -5);
    CHECK_INT(wazero_decode_i64(read_global(module, "i64")), 5000000000);
    CHECK(wazero_decode_f32(read_global(module, "f32")) == 1.5f);
    CHECK(wazero_decode_f64(read_global(module, "f64")) == -2.25);
    wazero_global_t *counter = get_global(module, "counter");
    CHECK(wazero_global_is_mutable(counter));
    CHECK_INT(wazero_global_type(counter), WAZERO_TYPE_I32);
    must(wazero_global_set(counter, &(uint64_t){wazero_encode_i32(41)}, 1));
    CHECK_INT(CALL(module, "read"), 41);
    CHECK_INT(CALL(module, "next"), 42);
    must(wazero_global_get(counter, &slot, 1));
    CHECK_INT(wazero_decode_i32(slot), 42);
    wazero_global_t *fixed = get_global(module, "i32");
    CHECK_ERROR(wazero_global_set(fixed, &slot, 1), WAZERO_ERROR_INVALID,
                "global \"i32\" is not mutable");
    wazero_global_t *vector = get_global(module, "vector");
    CHECK_ERROR(wazero_global_get(vector, &slot, 1), WAZERO_ERROR_INVALID,
                "a value of type v128 takes 2 slots, got 1");
    CHECK_ERROR(wazero_global_set(counter, &slot, 2), WAZERO_ERROR_INVALID,
                "a value of type i32 takes 1 slots, got 2");
    must(wazero_module_close_with_exit_code(module, 0));
    CHECK_ERROR(wazero_global_get(counter, &slot, 1), WAZERO_ERROR_CLOSED, "closed");
    CHECK_ERROR(wazero_global_set(counter, &slot, 1), WAZERO_ERROR_CLOSED, "closed");
    wazero_global_delete(vector);
    wazero_global_delete(fixed);
    wazero_global_delete(counter);
    wazero_global_delete(NULL);
    wazero_module_delete(module);
}

TEST_ON_BOTH_ENGINES(globals, check_globals)

TEST(unknown_global)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module = new_module(runtime, "globals", NULL, NULL);
    wazero_global_t *global;
    CHECK_ERROR(wazero_module_global(module, "absent", WAZERO_CSTR, &global),
                WAZERO_ERROR_INVALID,
                "it exports: i32, i64, f32, f64, counter, vector");
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

TEST_MAIN
