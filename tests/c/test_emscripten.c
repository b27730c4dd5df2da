/* Emscripten's invoke and longjmp. */
#include "support.h"

enum { DOUBLE, LEAVE, TRAP, SPIN, DEEPER, SUM, LEAVE_BY_VALUE, CALL_HOST, NOTHING };

static wazero_error_t *fail(void *user, wazero_module_t *caller, uint64_t *stack)
{
    (void)user;
    (void)caller;
    (void)stack;
    return wazero_error_new_host("the host fails", WAZERO_CSTR, NULL, NULL);
}

static wazero_module_t *new_program(wazero_runtime_t *runtime)
{
    wazero_imports_t *imports;
    must(wazero_imports_new(&imports));
    must(wazero_imports_add_function(imports, "env", WAZERO_CSTR, "host", WAZERO_CSTR,
                                     fail, NULL, NULL));
    wazero_module_t *module = new_module(runtime, "emscripten", imports, NULL);
    wazero_imports_delete(imports);
    return module;
}

static int32_t get_global(wazero_module_t *module, const char *name)
{
    wazero_global_t *global;
    uint64_t slot = 0;
    must(wazero_module_global(module, name, WAZERO_CSTR, &global));
    must(wazero_global_get(global, &slot, 1));
    wazero_global_delete(global);
    return wazero_decode_i32(slot);
}

static wazero_error_t *call_v(wazero_module_t *module, int32_t element)
{
    return try_call(module, "call_v", &element, 1, NULL);
}

static void check_invoke(wazero_runtime_t *runtime)
{
    wazero_module_t *module = new_program(runtime);
    for (int i = 0; i < 100; i++) /* found anew, and known */
        CHECK_INT(CALL(module, "call_ii", DOUBLE, i), 2 * i);
    must(call_v(module, LEAVE));
    CHECK_INT(get_global(module, "stack_pointer"), 65536);
    CHECK_INT(get_global(module, "threw"), 1);
    must(try_call(module, "call_vi", (const int32_t[]){DEEPER, 20}, 2, NULL));
    CHECK_INT(get_global(module, "stack_pointer"), 65536);
    wazero_module_delete(module);
}

TEST_ON_BOTH_ENGINES(invoke, check_invoke)

static void check_failures(wazero_runtime_t *runtime)
{
    wazero_module_t *module = new_program(runtime);
    CHECK_ERROR(call_v(module, TRAP), WAZERO_ERROR_TRAP, "unreachable");
    CHECK_INT(get_global(module, "stack_pointer"), 65536);
    CHECK_ERROR(try_call(module, "call_vi", (const int32_t[]){CALL_HOST, 1}, 2, NULL),
                WAZERO_ERROR_HOST, "the host fails");
    CHECK_INT(get_global(module, "stack_pointer"), 65536);
    CHECK_INT(get_global(module, "threw"), 0);
    CHECK_ERROR(try_call(module, "longjmp", NULL, 0, NULL), WAZERO_ERROR_HOST,
                "_emscripten_throw_longjmp");
    CHECK_ERROR(call_v(module, DOUBLE), WAZERO_ERROR_TRAP,
                "wasm error: indirect call type mismatch");
    CHECK_ERROR(call_v(module, NOTHING), WAZERO_ERROR_TRAP,
                "wasm error: invalid table access");
    CHECK_ERROR(call_v(module, -1), WAZERO_ERROR_TRAP,
                "wasm error: invalid table access");
    must(call_v(module, LEAVE)); /* it goes on */
    wazero_module_delete(module);
}

TEST_ON_BOTH_ENGINES(failures, check_failures)

TEST(a_timeout)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module = new_program(runtime);
    wazero_function_t *function = get_function(module, "call_v");
    uint64_t stack[1] = {SPIN};
    if (wazero_function_is_interruptible(function)) {
        CHECK_ERROR(wazero_function_call_with_timeout(function, stack, 1, 20000000),
                    WAZERO_ERROR_TIMEOUT, "timeout after 0.02 s");
        CHECK_INT(CALL(module, "call_ii", DOUBLE, 4), 8);
    }
    wazero_function_delete(function);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

/* Two instances of one compiled module, of which each knows its own functions. */
TEST(instances)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *modules[2] = {new_program(runtime), new_program(runtime)};
    for (int i = 0; i < 10; i++) {
        must(call_v(modules[i % 2], LEAVE));
        CHECK_INT(CALL(modules[i % 2], "call_ii", DOUBLE, i), 2 * i);
    }
    wazero_module_delete(modules[0]);
    CHECK_INT(CALL(modules[1], "call_ii", DOUBLE, 1), 2);
    wazero_module_delete(modules[1]);
    wazero_runtime_delete(runtime);
}

TEST_MAIN
