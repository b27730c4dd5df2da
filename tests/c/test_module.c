/* Modules: starting, names, exports, closing in any order, counting nothing left. */
#include "support.h"

static wazero_error_t *count_call(void *user, wazero_module_t *caller, uint64_t *stack)
{
    (void)stack;
    /* The module is whole when its start function runs. */
    wazero_memory_t *memory;
    must(wazero_module_memory(caller, "memory", WAZERO_CSTR, &memory));
    must(wazero_memory_write(memory, 0, "started", 7));
    wazero_memory_delete(memory);
    ++*(int *)user;
    return NULL;
}

static void check_start(wazero_runtime_t *runtime)
{
    wasm_t wasm = wasm_fixture("start");
    wazero_imports_t *imports;
    wazero_compiled_module_t *compiled;
    wazero_module_t *module;
    int calls = 0;
    must(wazero_imports_new(&imports));
    must(wazero_imports_add_function(imports, "env", WAZERO_CSTR, "started",
                                     WAZERO_CSTR, count_call, &calls, NULL));
    must(wazero_runtime_compile(runtime, wasm.data, wasm.size, &compiled));
    must(wazero_module_new(compiled, imports, NULL, &module));
    CHECK_INT(calls, 0);
    CHECK_INT(CALL(module, "runs"), 0);
    must(wazero_module_start(module));
    CHECK_INT(calls, 1);
    CHECK_INT(CALL(module, "runs"), 1);
    CHECK_ERROR(wazero_module_start(module), WAZERO_ERROR_INVALID, "started before");
    wazero_module_delete(module);
    wazero_compiled_module_delete(compiled);
    wazero_imports_delete(imports);
}

TEST_ON_BOTH_ENGINES(start, check_start)

TEST(start_that_traps)
{
    wazero_runtime_t *runtime = new_runtime();
    wasm_t wasm = wasm_fixture("start_trap");
    wazero_module_t *module;
    wazero_error_t *error =
        wazero_runtime_instantiate(runtime, wasm.data, wasm.size, NULL, NULL, &module);
    CHECK(error && wazero_error_trap_code(error) == WAZERO_TRAP_UNREACHABLE);
    CHECK_CONTAINS(
        wazero_error_message(error, NULL),
        "start function[0] export[\"main\"] failed: wasm error: unreachable\n"
        "wasm stack trace:");
    wazero_error_delete(error);
    wazero_runtime_delete(runtime);
}

TEST(start_functions)
{
    wazero_runtime_t *runtime = new_runtime();
    wasm_t wasm = wasm_fixture("traps");
    wazero_module_config_t *config;
    wazero_module_t *module;
    must(wazero_module_config_new(&config));
    must(wazero_module_config_set_name(config, "m", WAZERO_CSTR));
    must(wazero_module_config_set_start_functions(
        config, (const char *const[]){"absent", "unreachable"}, 2));
    CHECK_ERROR(wazero_runtime_instantiate(runtime, wasm.data, wasm.size, NULL, config,
                                           &module),
                WAZERO_ERROR_TRAP,
                "module[m] function[unreachable] failed: wasm error");
    must(wazero_module_config_set_start_functions(config, (const char *const[]){"load"},
                                                  1));
    CHECK_ERROR(wazero_runtime_instantiate(runtime, wasm.data, wasm.size, NULL, config,
                                           &module),
                WAZERO_ERROR_INVALID, "\"load\" takes 1 parameters");
    /* What failed has not kept the name. */
    must(wazero_module_config_set_start_functions(config, NULL, 0));
    must(wazero_runtime_instantiate(runtime, wasm.data, wasm.size, NULL, config,
                                    &module));
    wazero_module_delete(module);
    wazero_module_config_delete(config);
    wazero_runtime_delete(runtime);
}

TEST(exports)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module = new_named(runtime, "library", "lib");
    static const char *const names[] = {"memory",    "counter", "table", "add",
                                        "increment", "call",    "grow"};
    size_t size;
    CHECK_STR(wazero_module_name(module, &size), "lib");
    CHECK_INT(size, 3);
    CHECK(!wazero_module_user(module));
    CHECK_INT(wazero_module_export_count(module), 7);
    for (size_t i = 0; i < 7; i++) {
        const wazero_extern_t *export = wazero_module_export(module, i);
        CHECK_STR(export->name, names[i]);
        CHECK(wazero_module_find_export(module, names[i], WAZERO_CSTR) == export);
    }
    CHECK(!wazero_module_export(module, 7));
    CHECK(!wazero_module_find_export(module, "absent", WAZERO_CSTR));
    const wazero_extern_t *table = wazero_module_export(module, 2);
    CHECK_INT(table->kind, WAZERO_EXTERN_TABLE);
    CHECK_INT(table->type.table.limits.min, 4);
    CHECK(!table->type.table.limits.has_max); /* as declared, whatever Go was told */
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

TEST(any_order)
{
    /* Every order of giving back four things that need each other. */
    wasm_t wasm = wasm_fixture("add");
    for (int order = 0; order < 24; order++) {
        wazero_runtime_t *runtime = new_runtime();
        wazero_compiled_module_t *compiled;
        wazero_module_t *module;
        must(wazero_runtime_compile(runtime, wasm.data, wasm.size, &compiled));
        must(wazero_module_new(compiled, NULL, NULL, &module));
        must(wazero_module_start(module));
        wazero_function_t *add = get_function(module, "add");
        bool done[4] = {false};
        for (int left = 4, code = order; left > 0; code /= left--) {
            int pick = code % left, which = 0;
            while (done[which] || pick-- > 0)
                which++;
            done[which] = true;
            if (which == 0)
                wazero_runtime_delete(runtime);
            else if (which == 1)
                wazero_compiled_module_delete(compiled);
            else if (which == 2)
                wazero_module_delete(module);
            else
                wazero_function_delete(add);
            if (!done[3]) {
                uint64_t slots[2] = {2, 3};
                wazero_error_t *error = wazero_function_call_with_stack(add, slots, 2);
                CHECK((error != NULL) == done[0]);
                CHECK(error || slots[0] == 5);
                wazero_error_delete(error);
            }
        }
    }
}

TEST(closing_twice_and_after)
{
    wazero_runtime_t *runtime = new_runtime();
    wasm_t wasm = wasm_fixture("add");
    wazero_compiled_module_t *compiled;
    wazero_module_t *module, *late;
    uint32_t exit_code = 0;
    must(wazero_runtime_compile(runtime, wasm.data, wasm.size, &compiled));
    must(wazero_module_new(compiled, NULL, NULL, &module));
    must(wazero_compiled_module_close(compiled));
    must(wazero_compiled_module_close(compiled));
    CHECK(wazero_compiled_module_is_closed(compiled));
    CHECK_ERROR(wazero_module_new(compiled, NULL, NULL, &late), WAZERO_ERROR_CLOSED,
                "compiled module is closed");
    CHECK_INT(CALL(module, "add", 1, 2), 3);
    must(wazero_runtime_close_with_exit_code(runtime, 9));
    must(wazero_runtime_close_with_exit_code(runtime, 10));
    CHECK(wazero_runtime_is_closed(runtime));
    CHECK(wazero_module_is_closed(module, &exit_code));
    CHECK_INT(exit_code, 9);
    must(wazero_module_close_with_exit_code(module, 1));
    CHECK_ERROR(wazero_runtime_compile(runtime, wasm.data, wasm.size, &compiled),
                WAZERO_ERROR_CLOSED, "runtime closed with exit_code(9)");
    CHECK_ERROR(wazero_runtime_module(runtime, "a", 1, &late), WAZERO_ERROR_CLOSED,
                "runtime closed");
    CHECK_ERROR(wazero_module_start(module), WAZERO_ERROR_CLOSED, "closed");
    wazero_module_delete(module);
    wazero_module_delete(NULL);
    wazero_compiled_module_delete(compiled);
    wazero_compiled_module_delete(NULL);
    wazero_runtime_delete(runtime);
    wazero_runtime_delete(NULL);
}

TEST(many_live_modules)
{
    enum { COUNT = 2000 };
    static wazero_module_t *modules[COUNT];
    wazero_runtime_t *runtime = new_runtime();
    wasm_t wasm = wasm_fixture("memory");
    wazero_compiled_module_t *compiled;
    must(wazero_runtime_compile(runtime, wasm.data, wasm.size, &compiled));
    for (int i = 0; i < COUNT; i++) {
        must(wazero_module_new(compiled, NULL, NULL, &modules[i]));
        must(wazero_module_start(modules[i]));
        CALL(modules[i], "store", 0, i % 251);
    }
    for (int i = 0; i < COUNT; i++)
        CHECK_INT(CALL(modules[i], "load", 0), i % 251);
    for (int i = 0; i < COUNT; i++)
        wazero_module_delete(modules[i]);
    wazero_compiled_module_delete(compiled);
    wazero_runtime_delete(runtime);
}

TEST_MAIN
