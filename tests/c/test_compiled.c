/* Compiled modules: what they tell of themselves, also when they are closed. */
#include "support.h"

static wazero_compiled_module_t *compile(wazero_runtime_t *runtime, const void *wasm,
                                         size_t size)
{
    wazero_compiled_module_t *compiled;
    must(wazero_runtime_compile(runtime, wasm, size, &compiled));
    return compiled;
}

/* A function with names of everything, and a section of its own. */
static const uint8_t NAMED[] = {
    0,    'a', 's',  'm', 1,   0, 0, 0,    1,   7,    1,   0x60, 2,    0x7f,
    0x7f, 1,   0x7f, 3,   2,   1, 0, 7,    7,   1,    3,   'a',  'd',  'd',
    0,    0,   10,   9,   1,   7, 0, 0x20, 0,   0x20, 1,   0x6a, 0x0b, 0,
    5,    3,   'o',  'w', 'n', 7, 0, 30,   4,   'n',  'a', 'm',  'e',  0,
    2,    1,   'm',  1,   6,   1, 0, 3,    's', 'u',  'm', 2,    9,    1,
    0,    2,   0,    1,   'x', 1, 1, 'y',  9,   0};

TEST(custom_sections)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_compiled_module_t *compiled = compile(runtime, NAMED, sizeof NAMED);
    CHECK_INT(wazero_compiled_module_custom_section_count(compiled), 2);
    const wazero_section_t *own = wazero_compiled_module_custom_section(compiled, 0);
    CHECK_STR(own->name, "own");
    CHECK_BYTES(own->data, own->data_size, "\7", 1);
    CHECK_BYTES(NAMED + own->offset, own->size, "\0\5\3own\7", 7);
    CHECK_STR(wazero_compiled_module_custom_section(compiled, 1)->name, "name");
    CHECK(wazero_compiled_module_custom_section(compiled, 2) == NULL);
    must(wazero_compiled_module_close(compiled));
    CHECK_STR(wazero_compiled_module_custom_section(compiled, 0)->name, "own");
    wazero_compiled_module_delete(compiled);
    wazero_runtime_delete(runtime);
}

TEST(custom_sections_turned_off)
{
    wazero_runtime_config_t *config;
    wazero_runtime_t *runtime;
    must(wazero_runtime_config_new(&config));
    wazero_runtime_config_set_custom_sections(config, false);
    must(wazero_runtime_new(config, &runtime));
    wazero_runtime_config_delete(config);
    wazero_compiled_module_t *compiled = compile(runtime, NAMED, sizeof NAMED);
    CHECK_INT(wazero_compiled_module_custom_section_count(compiled), 0);
    CHECK(wazero_compiled_module_custom_section(compiled, 0) == NULL);
    wazero_compiled_module_delete(compiled);
    wazero_runtime_delete(runtime);
}

TEST(inspection_of_a_compiled_module)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_compiled_module_t *compiled = compile(runtime, NAMED, sizeof NAMED);
    const wazero_inspection_t *inspection, *again;
    const wazero_function_definition_t *function;
    must(wazero_compiled_module_close(compiled));
    must(wazero_compiled_module_inspection(compiled, &inspection));
    must(wazero_compiled_module_inspection(compiled, &again));
    CHECK(inspection == again);
    CHECK_STR(wazero_inspection_name(inspection).data, "m");
    must(wazero_inspection_function(inspection, 0, &function));
    CHECK_STR(function->debug_name.data, "m.sum");
    CHECK_INT(function->param_name_count, 2);
    CHECK_STR(function->param_names[1].data, "y");
    CHECK_INT(wazero_inspection_section_count(inspection), 6);
    /* It is the compiled module's: nothing happens. */
    wazero_inspection_delete((wazero_inspection_t *)again);
    CHECK_STR(wazero_inspection_name(inspection).data, "m");
    wazero_compiled_module_delete(compiled);
    wazero_runtime_delete(runtime);
}

TEST(definition_of_a_function)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_compiled_module_t *compiled = compile(runtime, NAMED, sizeof NAMED);
    wazero_module_t *module;
    const wazero_function_definition_t *definition;
    must(wazero_module_new(compiled, NULL, NULL, &module));
    wazero_compiled_module_delete(compiled);
    wazero_function_t *add = get_function(module, "add");
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
    must(wazero_function_definition(add, &definition));
    CHECK_INT(definition->index, 0);
    CHECK(!definition->is_host && !definition->import);
    CHECK_STR(definition->name.data, "sum");
    CHECK_STR(definition->debug_name.data, "m.sum");
    CHECK_STR(definition->module_name.data, "m");
    CHECK_STR(definition->param_names[0].data, "x");
    CHECK_INT(definition->export_name_count, 1);
    CHECK_STR(definition->export_names[0].data, "add");
    CHECK_INT(definition->type->param_count, 2);
    CHECK_INT(definition->code_size, 7);
    wazero_function_delete(add);
}

static wazero_error_t *ignore(void *user, wazero_module_t *caller, uint64_t *stack)
{
    (void)user;
    (void)caller;
    (void)stack;
    return NULL;
}

TEST(definition_of_a_host_function)
{
    static const wazero_value_type_t i64 = WAZERO_TYPE_I64;
    const wazero_host_function_definition_t functions[] = {
        {.name = "first", .name_size = 5, .function = ignore},
        {.name = "log",
         .name_size = 3,
         .params = &i64,
         .param_count = 1,
         .function = ignore},
    };
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module;
    const wazero_function_definition_t *definition, *again;
    must(wazero_host_module_new(runtime, "env", 3, functions, 2, NULL, &module));
    wazero_function_t *log = get_function(module, "log");
    must(wazero_function_definition(log, &definition));
    must(wazero_function_definition(log, &again));
    CHECK(definition == again);
    CHECK(definition->is_host);
    CHECK_INT(definition->index, 1);
    CHECK_STR(definition->debug_name.data, "env.log");
    CHECK_STR(definition->export_names[0].data, "log");
    CHECK_INT(definition->type->params[0], WAZERO_TYPE_I64);
    CHECK_INT(definition->code_size, 0);
    wazero_function_delete(log);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

TEST(compiler_supported)
{
    bool supported = false;
    wazero_runtime_config_t *config;
    wazero_runtime_t *runtime;
    must(wazero_compiler_supported(&supported));
    must(wazero_runtime_config_new(&config));
    must(wazero_runtime_config_set_engine(config, WAZERO_ENGINE_COMPILER));
    wazero_error_t *error = wazero_runtime_new(config, &runtime);
    CHECK_INT(supported, !error);
    if (!error)
        wazero_runtime_delete(runtime);
    wazero_error_delete(error);
    wazero_runtime_config_delete(config);
}

TEST_MAIN
