/* Which module things belong to, the pointers that the host finds there, further
 * handles of the same, and what a typed reference leads to. */
#include "support.h"

/* An instance of a fixture that has a pointer of the host's. */
static wazero_module_t *new_with_user(wazero_runtime_t *runtime, const char *fixture,
                                      void *user)
{
    wazero_module_config_t *config;
    must(wazero_module_config_new(&config));
    wazero_module_config_set_user(config, user);
    wazero_module_t *module = new_module(runtime, fixture, NULL, config);
    wazero_module_config_delete(config);
    return module;
}

static void check_owners(wazero_runtime_t *runtime)
{
    int one, two;
    wazero_module_t *module = new_with_user(runtime, "references", &one);
    wazero_module_t *other = new_with_user(runtime, "memory", &two);
    wazero_module_t *neither = new_module(runtime, "add", NULL, NULL);
    wazero_function_t *function = get_function(module, "double");
    wazero_table_t *table;
    wazero_global_t *global;
    wazero_memory_t *memory;
    must(wazero_module_table(module, "objects", WAZERO_CSTR, &table));
    must(wazero_module_global(module, "object", WAZERO_CSTR, &global));
    must(wazero_module_memory(other, NULL, 0, &memory));
    CHECK(wazero_module_user(module) == &one);
    CHECK(wazero_module_user(wazero_function_module(function)) == &one);
    CHECK(wazero_module_user(wazero_table_module(table)) == &one);
    CHECK(wazero_module_user(wazero_global_module(global)) == &one);
    CHECK(wazero_module_user(wazero_memory_module(memory)) == &two);
    CHECK(wazero_module_user(neither) == NULL);
    wazero_module_delete(module);
    wazero_module_delete(other);
    /* They keep their modules. */
    CHECK(wazero_module_user(wazero_function_module(function)) == &one);
    CHECK(wazero_module_user(wazero_memory_module(memory)) == &two);
    wazero_memory_delete(memory);
    wazero_global_delete(global);
    wazero_table_delete(table);
    wazero_function_delete(function);
    wazero_module_delete(neither);
}

TEST_ON_BOTH_ENGINES(owners, check_owners)

static void check_what_the_host_made(wazero_runtime_t *runtime)
{
    int user;
    wazero_memory_t *memory;
    must(wazero_memory_new(runtime, &(wazero_limits_t){.min = 1}, &memory));
    wazero_module_t *module = wazero_memory_module(memory);
    CHECK(wazero_module_user(module) == NULL);
    wazero_module_set_user(module, &user);
    CHECK(wazero_module_user(wazero_memory_module(memory)) == &user);
    CHECK_INT(wazero_module_export_count(module), 1);
    const wazero_extern_t *made = wazero_module_find_export(module, "", 0);
    CHECK(made && made->kind == WAZERO_EXTERN_MEMORY);
    wazero_memory_delete(memory);
}

TEST_ON_BOTH_ENGINES(what_the_host_made, check_what_the_host_made)

static void check_copies(wazero_runtime_t *runtime)
{
    wazero_module_t *module = new_module(runtime, "add", NULL, NULL);
    wazero_function_t *function = get_function(module, "add");
    wazero_module_t *module_again = wazero_module_copy(module);
    wazero_function_t *again = wazero_function_copy(function);
    uint64_t stack[2] = {wazero_encode_i32(5), wazero_encode_i32(7)};
    CHECK(wazero_function_copy(NULL) == NULL);
    CHECK(wazero_function_identity(again) == wazero_function_identity(function));
    wazero_function_delete(function);
    wazero_module_delete(module);
    must(wazero_function_call_with_stack(again, stack, 2));
    CHECK_INT(wazero_decode_i32(stack[0]), 12);
    CHECK_INT(CALL(module_again, "add", 20, 22), 42);
    must(wazero_module_close_with_exit_code(module_again, 0));
    CHECK_ERROR(wazero_function_call_with_stack(again, stack, 2), WAZERO_ERROR_CLOSED,
                "closed");
    wazero_function_delete(again);
    wazero_module_delete(module_again);
}

TEST_ON_BOTH_ENGINES(copies, check_copies)

static void check_typed(wazero_engine_kind_t engine)
{
    wazero_runtime_t *runtime =
        new_runtime_with(engine, WAZERO_FEATURE_TYPED_FUNCTION_REFERENCES);
    wazero_module_t *module = new_module(runtime, "typed", NULL, NULL);
    wazero_module_t *plain = new_module(runtime, "references", NULL, NULL);
    wazero_global_t *global, *object;
    must(wazero_module_global(module, "global", WAZERO_CSTR, &global));
    must(wazero_module_global(plain, "object", WAZERO_CSTR, &object));
    wazero_typed_reference_t reference = wazero_global_reference(global);
    CHECK_INT(wazero_global_type(global), WAZERO_TYPE_REF);
    CHECK_INT(reference.heap, WAZERO_TYPE_REF);
    CHECK_INT(reference.index, 0);
    CHECK(reference.nullable);
    reference = wazero_global_reference(object); /* its type says it all */
    CHECK(!reference.heap && !reference.index && !reference.nullable);
    uint64_t slot;
    must(wazero_global_get(global, &slot, 1));
    CHECK_INT(wazero_reference_type(slot), WAZERO_TYPE_FUNCREF);
    wazero_function_delete(wazero_decode_funcref(slot));
    wazero_externref_t *host;
    must(wazero_externref_new(NULL, NULL, &host));
    CHECK_INT(wazero_reference_type(wazero_encode_externref(host)),
              WAZERO_TYPE_EXTERNREF);
    CHECK_INT(wazero_reference_type(0), 0);
    wazero_externref_delete(host);
    wazero_global_delete(object);
    wazero_global_delete(global);
    wazero_module_delete(plain);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

TEST(typed_compiler)
{
    check_typed(WAZERO_ENGINE_COMPILER);
}

TEST(typed_interpreter)
{
    check_typed(WAZERO_ENGINE_INTERPRETER);
}

TEST_MAIN
