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

/* ---- memory limits ---- */

static void check_memory_limit(wazero_runtime_t *runtime)
{
    wasm_t wasm = wasm_fixture("memory");
    wazero_module_config_t *config;
    wazero_module_t *module;
    wazero_memory_t *memory;
    uint32_t old;
    must(wazero_module_config_new(&config));
    CHECK_ERROR(wazero_module_config_set_memory_limit_pages(config, 65537),
                WAZERO_ERROR_INVALID, "memory limit of 65537 pages is over 65536");
    must(wazero_module_config_set_memory_limit_pages(config, 0));
    CHECK_ERROR(wazero_runtime_instantiate(runtime, wasm.data, wasm.size, NULL, config,
                                           &module),
                WAZERO_ERROR_LINK, "begins with 1 pages, over the limit of 0");
    must(wazero_module_config_set_memory_limit_pages(config, 3));
    must(wazero_runtime_instantiate(runtime, wasm.data, wasm.size, NULL, config,
                                    &module));
    CHECK_INT(CALL(module, "grow", 3), -1);
    CHECK_INT(CALL(module, "grow", 2), 1);
    CHECK_INT(CALL(module, "grow", 1), -1);
    CHECK_INT(CALL(module, "size"), 3);
    must(wazero_module_memory(module, NULL, 0, &memory));
    CHECK_ERROR(wazero_memory_grow(memory, 1, &old), WAZERO_ERROR_INVALID, "grow");
    CHECK_INT(wazero_memory_type(memory).max, 5); /* as declared */
    wazero_memory_delete(memory);
    wazero_module_delete(module);
    /* The limit is the instance's, not the compiled module's. */
    module = new_module(runtime, "memory", NULL, NULL);
    CHECK_INT(CALL(module, "grow", 4), 1);
    wazero_module_delete(module);
    wazero_module_config_delete(config);
}

TEST_ON_BOTH_ENGINES(memory_limit, check_memory_limit)

TEST(memory_limit_of_an_importer)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *library = new_named(runtime, "library", "library");
    wazero_module_config_t *config;
    must(wazero_module_config_new(&config));
    must(wazero_module_config_set_memory_limit_pages(config, 0));
    wazero_module_t *client = new_module(runtime, "client", NULL, config);
    CHECK_INT(CALL(client, "grow", 3), 1); /* the memory is the library's */
    wazero_module_delete(client);
    wazero_module_delete(library);
    wazero_module_config_delete(config);
    wazero_runtime_delete(runtime);
}

/* ---- close notifiers ---- */

typedef struct {
    int calls;
    int deleted;
    uint32_t exit_code;
} notes_t;

static void note_close(void *user, uint32_t exit_code)
{
    notes_t *notes = user;
    notes->calls++;
    notes->exit_code = exit_code;
}

static void note_deleted(void *user)
{
    ((notes_t *)user)->deleted++;
}

static wazero_module_t *new_noted(wazero_runtime_t *runtime, const char *fixture,
                                  notes_t *notes)
{
    wazero_module_config_t *config;
    must(wazero_module_config_new(&config));
    must(wazero_module_config_set_close_notifier(config, note_close, notes,
                                                 note_deleted));
    wazero_module_t *module = new_module(runtime, fixture, NULL, config);
    wazero_module_config_delete(config);
    return module;
}

static void check_close_notifier(wazero_runtime_t *runtime)
{
    notes_t closed = {0}, dropped = {0}, by_runtime = {0};
    wazero_module_t *module = new_noted(runtime, "add", &closed);
    CHECK_INT(closed.calls, 0);
    must(wazero_module_close_with_exit_code(module, 7));
    must(wazero_module_close_with_exit_code(module, 8));
    CHECK_INT(closed.calls, 1);
    CHECK_INT(closed.exit_code, 7);
    CHECK_INT(closed.deleted, 0);
    wazero_module_delete(module);
    CHECK_INT(closed.calls, 1);
    CHECK_INT(closed.deleted, 1);

    dropped.exit_code = 99;
    wazero_module_delete(new_noted(runtime, "add", &dropped));
    CHECK_INT(dropped.calls, 1);
    CHECK_INT(dropped.exit_code, 0);
    CHECK_INT(dropped.deleted, 1);

    module = new_noted(runtime, "add", &by_runtime);
    must(wazero_runtime_close_with_exit_code(runtime, 3));
    CHECK_INT(by_runtime.calls, 1);
    CHECK_INT(by_runtime.exit_code, 3);
    wazero_module_delete(module);
    CHECK_INT(by_runtime.deleted, 1);
}

TEST_ON_BOTH_ENGINES(close_notifier, check_close_notifier)

static void check_close_notifier_of_exit(wazero_runtime_t *runtime)
{
    notes_t exited = {0}, trapped = {0}, unlinked = {0};
    wasm_t wasi = wasm_fixture("wasi"), trap = wasm_fixture("start_trap");
    wasm_t client = wasm_fixture("client");
    wazero_module_config_t *config;
    wazero_module_t *module;
    must(wazero_module_config_new(&config));
    must(
        wazero_module_config_set_args(config, (const char *const[]){"a", "b", "c"}, 3));
    must(wazero_module_config_set_close_notifier(config, note_close, &exited, NULL));
    CHECK_ERROR(wazero_runtime_instantiate(runtime, wasi.data, wasi.size, NULL, config,
                                           &module),
                WAZERO_ERROR_EXIT, "exit_code(2)");
    CHECK_INT(exited.calls, 1);
    CHECK_INT(exited.exit_code, 2);
    /* A start that fails closes the module, too. */
    must(wazero_module_config_set_close_notifier(config, note_close, &trapped, NULL));
    CHECK_ERROR(wazero_runtime_instantiate(runtime, trap.data, trap.size, NULL, config,
                                           &module),
                WAZERO_ERROR_TRAP, "unreachable");
    CHECK_INT(trapped.calls, 1);
    CHECK_INT(trapped.exit_code, 0);
    /* What was never linked was never open. */
    must(wazero_module_config_set_close_notifier(config, note_close, &unlinked,
                                                 note_deleted));
    CHECK_ERROR(wazero_runtime_instantiate(runtime, client.data, client.size, NULL,
                                           config, &module),
                WAZERO_ERROR_LINK, "not instantiated");
    CHECK_INT(unlinked.calls, 0);
    must(wazero_module_config_set_close_notifier(config, NULL, NULL, NULL));
    CHECK_INT(unlinked.deleted, 1);
    wazero_module_config_delete(config);
}

TEST_ON_BOTH_ENGINES(close_notifier_of_exit, check_close_notifier_of_exit)

TEST_MAIN
