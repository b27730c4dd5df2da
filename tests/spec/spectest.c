/*
 * spectest.c - see spectest.h. What is made here belongs to no module; imports keep it.
 */
#include "spectest.h"

static const char MODULE[] = "spectest";

static wazero_error_t *ignore(void *user, wazero_module_t *caller, uint64_t *stack)
{
    (void)user;
    (void)caller;
    (void)stack;
    return NULL;
}

/* The functions are those of a host module, so that they have types of their own. */
static wazero_error_t *add_functions(wazero_runtime_t *runtime,
                                     wazero_imports_t *imports)
{
    static const struct {
        const char *name;
        wazero_value_type_t params[2];
        size_t count;
    } functions[] = {
        {"print", {0}, 0},
        {"print_i32", {WAZERO_TYPE_I32}, 1},
        {"print_i64", {WAZERO_TYPE_I64}, 1},
        {"print_f32", {WAZERO_TYPE_F32}, 1},
        {"print_f64", {WAZERO_TYPE_F64}, 1},
        {"print_i32_f32", {WAZERO_TYPE_I32, WAZERO_TYPE_F32}, 2},
        {"print_f64_f64", {WAZERO_TYPE_F64, WAZERO_TYPE_F64}, 2},
    };
    enum { COUNT = sizeof functions / sizeof *functions };
    wazero_host_function_definition_t definitions[COUNT] = {{0}};
    wazero_module_t *module = NULL;
    for (size_t i = 0; i < COUNT; i++) {
        definitions[i].name = functions[i].name;
        definitions[i].name_size = WAZERO_CSTR;
        definitions[i].params = functions[i].params;
        definitions[i].param_count = functions[i].count;
        definitions[i].function = ignore;
    }
    wazero_error_t *error =
        wazero_host_module_new(runtime, "functions of spectest", WAZERO_CSTR,
                               definitions, COUNT, NULL, &module);
    for (size_t i = 0; i < COUNT && !error; i++)
        error = wazero_imports_add_export(imports, MODULE, WAZERO_CSTR,
                                          functions[i].name, WAZERO_CSTR, module,
                                          functions[i].name, WAZERO_CSTR);
    wazero_module_delete(module);
    return error;
}

static wazero_error_t *add_global(wazero_runtime_t *runtime, wazero_imports_t *imports,
                                  const char *name, wazero_value_type_t type,
                                  uint64_t slot)
{
    wazero_global_t *global = NULL;
    wazero_error_t *error = wazero_global_new(runtime, type, false, &slot, 1, &global);
    if (!error)
        error = wazero_imports_add_global(imports, MODULE, WAZERO_CSTR, name,
                                          WAZERO_CSTR, global);
    wazero_global_delete(global);
    return error;
}

static wazero_error_t *add_table(wazero_runtime_t *runtime, wazero_imports_t *imports)
{
    const wazero_limits_t limits = {.min = 10, .max = 20, .has_max = true};
    wazero_table_t *table = NULL;
    wazero_error_t *error =
        wazero_table_new(runtime, &limits, WAZERO_TYPE_FUNCREF, 0, &table);
    if (!error)
        error = wazero_imports_add_table(imports, MODULE, WAZERO_CSTR, "table",
                                         WAZERO_CSTR, table);
    wazero_table_delete(table);
    return error;
}

static wazero_error_t *add_memory(wazero_runtime_t *runtime, wazero_imports_t *imports)
{
    const wazero_limits_t limits = {.min = 1, .max = 2, .has_max = true};
    wazero_memory_t *memory = NULL;
    wazero_error_t *error = wazero_memory_new(runtime, &limits, &memory);
    if (!error)
        error = wazero_imports_add_memory(imports, MODULE, WAZERO_CSTR, "memory",
                                          WAZERO_CSTR, memory);
    wazero_memory_delete(memory);
    return error;
}

wazero_error_t *spectest_add(wazero_runtime_t *runtime, wazero_imports_t *imports)
{
    wazero_error_t *error = add_functions(runtime, imports);
    if (!error)
        error = add_global(runtime, imports, "global_i32", WAZERO_TYPE_I32,
                           wazero_encode_i32(666));
    if (!error)
        error = add_global(runtime, imports, "global_i64", WAZERO_TYPE_I64,
                           wazero_encode_i64(666));
    if (!error)
        error = add_global(runtime, imports, "global_f32", WAZERO_TYPE_F32,
                           wazero_encode_f32(666.6f));
    if (!error)
        error = add_global(runtime, imports, "global_f64", WAZERO_TYPE_F64,
                           wazero_encode_f64(666.6));
    if (!error)
        error = add_table(runtime, imports);
    if (!error)
        error = add_memory(runtime, imports);
    return error;
}
