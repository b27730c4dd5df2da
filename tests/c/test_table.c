/* Tables, globals of every type, tags, and what a host makes of these by itself. */
#include "support.h"

static int deleted;

static void count_deleted(void *value)
{
    (void)value;
    deleted++;
}

static wazero_externref_t *new_reference(int *value)
{
    wazero_externref_t *reference;
    must(wazero_externref_new(value, count_deleted, &reference));
    return reference;
}

static wazero_table_t *get_table(wazero_module_t *module, const char *name)
{
    wazero_table_t *table;
    must(wazero_module_table(module, name, WAZERO_CSTR, &table));
    return table;
}

static uint64_t size_of(wazero_table_t *table)
{
    uint64_t size;
    must(wazero_table_size(table, &size));
    return size;
}

/* The value of the externref at an index, or NULL. */
static void *value_at(wazero_table_t *table, uint64_t index)
{
    uint64_t slot;
    must(wazero_table_get(table, index, &slot));
    wazero_externref_t *reference = wazero_decode_externref(slot);
    void *value = reference ? wazero_externref_value(reference) : NULL;
    wazero_externref_delete(reference);
    return value;
}

/* ---- tables ---- */

static void check_objects(wazero_runtime_t *runtime)
{
    wazero_module_t *module = new_module(runtime, "references", NULL, NULL);
    wazero_table_t *table = get_table(module, "objects");
    int one = 1, two = 2;
    uint64_t old = 0, slot;
    wazero_externref_t *reference = new_reference(&one);
    deleted = 0;
    CHECK_INT(wazero_table_element(table), WAZERO_TYPE_EXTERNREF);
    CHECK_INT(wazero_table_type(table).min, 4);
    CHECK_INT(wazero_table_type(table).max, 10);
    CHECK_INT(size_of(table), 4);
    CHECK(value_at(table, 0) == NULL);
    must(wazero_table_set(table, 3, wazero_encode_externref(reference)));
    wazero_externref_delete(reference);
    CHECK(value_at(table, 3) == &one);
    reference = new_reference(&two);
    must(wazero_table_grow(table, 2, wazero_encode_externref(reference), &old));
    wazero_externref_delete(reference);
    CHECK_INT(old, 4);
    CHECK_INT(size_of(table), 6);
    CHECK(value_at(table, 4) == &two && value_at(table, 5) == &two);
    must(wazero_table_grow(table, 0, 0, NULL));
    CHECK_ERROR(wazero_table_grow(table, 5, 0, &old), WAZERO_ERROR_INVALID,
                "a table of 6 elements cannot grow by 5");
    CHECK_ERROR(wazero_table_grow(table, UINT64_MAX, 0, &old), WAZERO_ERROR_INVALID,
                "cannot grow");
    CHECK_ERROR(wazero_table_get(table, 6, &slot), WAZERO_ERROR_INVALID,
                "index 6 is out of range: the table has 6 elements");
    CHECK_ERROR(wazero_table_set(table, UINT64_MAX, 0), WAZERO_ERROR_INVALID,
                "out of range");
    must(wazero_table_set(table, 3, 0));
    CHECK(value_at(table, 3) == NULL);
    /* wasm sees the same table */
    CHECK_INT(CALL(module, "call", 0, 4), 8);
    must(wazero_module_close_with_exit_code(module, 0));
    CHECK_INT(deleted, 2);
    CHECK_ERROR(wazero_table_size(table, &slot), WAZERO_ERROR_CLOSED, "closed");
    CHECK_ERROR(wazero_table_get(table, 0, &slot), WAZERO_ERROR_CLOSED, "closed");
    CHECK_ERROR(wazero_table_set(table, 0, 0), WAZERO_ERROR_CLOSED, "closed");
    CHECK_ERROR(wazero_table_grow(table, 1, 0, NULL), WAZERO_ERROR_CLOSED, "closed");
    wazero_table_delete(table);
    wazero_table_delete(NULL);
    wazero_module_delete(module);
}

TEST_ON_BOTH_ENGINES(objects, check_objects)

static void check_functions(wazero_runtime_t *runtime)
{
    static const wazero_value_type_t i32 = WAZERO_TYPE_I32, i64 = WAZERO_TYPE_I64;
    const wazero_function_type_t unary = {
        .params = &i32, .param_count = 1, .results = &i32, .result_count = 1};
    const wazero_function_type_t other = {
        .params = &i64, .param_count = 1, .results = &i32, .result_count = 1};
    wazero_module_t *module = new_module(runtime, "references", NULL, NULL);
    wazero_table_t *table = get_table(module, "functions");
    wazero_table_t *objects = get_table(module, "objects");
    wazero_function_t *function;
    uint64_t slot;
    must(wazero_table_get(table, 1, &slot));
    function = wazero_decode_funcref(slot);
    CHECK_STR(wazero_function_name(function, NULL), "hidden");
    must(wazero_table_set(table, 2, slot));
    wazero_function_delete(function);
    CHECK_INT(CALL(module, "call", 2, 1), 101);
    must(wazero_table_grow(table, 1, slot = 0, NULL));
    must(wazero_table_lookup(table, 0, &unary, &function));
    CHECK_STR(wazero_function_name(function, NULL), "double");
    wazero_function_delete(function);
    CHECK_ERROR(wazero_table_lookup(table, 0, &other, &function), WAZERO_ERROR_TRAP,
                "indirect call type mismatch");
    CHECK_ERROR(wazero_table_lookup(table, 4, &unary, &function), WAZERO_ERROR_TRAP,
                "invalid table access");
    CHECK_ERROR(wazero_table_lookup(table, 99, &unary, &function), WAZERO_ERROR_TRAP,
                "invalid table access");
    CHECK_ERROR(wazero_table_lookup(objects, 0, &unary, &function), WAZERO_ERROR_TRAP,
                "invalid table access");
    wazero_table_delete(objects);
    wazero_table_delete(table);
    CHECK_ERROR(wazero_module_table(module, "same", WAZERO_CSTR, &table),
                WAZERO_ERROR_INVALID, "as a function, not as a table");
    CHECK_ERROR(wazero_module_table(module, "absent", WAZERO_CSTR, &table),
                WAZERO_ERROR_INVALID, "it exports: objects, functions");
    wazero_module_delete(module);
}

TEST_ON_BOTH_ENGINES(functions, check_functions)

/* ---- globals ---- */

static void check_globals(wazero_runtime_t *runtime)
{
    wazero_module_t *module = new_module(runtime, "references", NULL, NULL);
    wazero_global_t *global;
    uint64_t slots[2];
    uint32_t lanes[4];
    CHECK_INT(wazero_module_global_count(module), 5);
    must(wazero_module_global_at(module, 0, &global)); /* not exported */
    must(wazero_global_get(global, slots, 1));
    CHECK_INT(slots[0], 9);
    must(wazero_global_set(global, &(uint64_t){0xffffffff00000010}, 1));
    must(wazero_global_get(global, slots, 1));
    CHECK_INT(slots[0], 16);
    wazero_global_delete(global);
    must(wazero_module_global_at(module, 4, &global));
    CHECK_INT(wazero_global_type(global), WAZERO_TYPE_V128);
    must(wazero_global_get(global, slots, 2));
    wazero_decode_v128(slots, lanes);
    CHECK(lanes[0] == 1 && lanes[1] == 2 && lanes[2] == 3 && lanes[3] == 4);
    slots[1] = 7;
    must(wazero_global_set(global, slots, 2));
    wazero_global_delete(global);
    wazero_function_t *get = get_function(module, "get_vector");
    slots[0] = slots[1] = 0;
    must(wazero_function_call(get, NULL, 0, slots, 2));
    CHECK(slots[0] == 0x0000000200000001 && slots[1] == 7);
    wazero_function_delete(get);
    must(wazero_module_global(module, "fixed", WAZERO_CSTR, &global));
    CHECK_ERROR(wazero_global_set(global, slots, 1), WAZERO_ERROR_INVALID,
                "\"fixed\" is not mutable");
    must(wazero_global_get(global, slots, 1));
    CHECK_STR(wazero_function_name(wazero_decode_funcref(slots[0]), NULL), "hidden");
    wazero_global_t *function;
    must(wazero_module_global(module, "function", WAZERO_CSTR, &function));
    must(wazero_global_set(function, slots, 1));
    wazero_function_delete(wazero_decode_funcref(slots[0]));
    must(wazero_global_get(function, slots, 1));
    CHECK_STR(wazero_function_name(wazero_decode_funcref(slots[0]), NULL), "hidden");
    wazero_function_delete(wazero_decode_funcref(slots[0]));
    must(wazero_global_set(function, &(uint64_t){0}, 1));
    must(wazero_global_get(function, slots, 1));
    CHECK(slots[0] == 0);
    wazero_global_delete(function);
    wazero_global_delete(global);
    CHECK_ERROR(wazero_module_global_at(module, 5, &global), WAZERO_ERROR_INVALID,
                "global 5 is out of range: the module has 5");
    must(wazero_module_close_with_exit_code(module, 0));
    CHECK_ERROR(wazero_module_global_at(module, 0, &global), WAZERO_ERROR_CLOSED,
                "closed");
    wazero_module_delete(module);
}

TEST_ON_BOTH_ENGINES(globals, check_globals)

/* ---- what the host makes ---- */

static void add_linked(wazero_imports_t *imports, wazero_table_t *objects,
                       wazero_table_t *functions, wazero_global_t *object,
                       wazero_global_t *number, wazero_memory_t *memory,
                       wazero_function_t *hidden)
{
    must(wazero_imports_add_table(imports, "m", 1, "objects", 7, objects));
    must(wazero_imports_add_table(imports, "m", 1, "functions", 9, functions));
    must(wazero_imports_add_global(imports, "m", 1, "object", 6, object));
    must(wazero_imports_add_global(imports, "m", 1, "number", 6, number));
    must(wazero_imports_add_memory(imports, "m", 1, "memory", 6, memory));
    must(wazero_imports_add_existing(imports, "m", 1, "hidden", 6, hidden));
}

static void check_made(wazero_runtime_t *runtime)
{
    wazero_module_t *source = new_module(runtime, "references", NULL, NULL);
    wazero_table_t *table = get_table(source, "functions"), *objects, *functions;
    wazero_global_t *object, *number;
    wazero_memory_t *memory;
    wazero_imports_t *imports;
    int value = 1;
    uint64_t slot, forty = 40;
    wazero_limits_t two = {.min = 2, .max = 8, .has_max = true};
    wazero_limits_t one = {.min = 1, .max = 3, .has_max = true};
    deleted = 0;
    wazero_externref_t *reference = new_reference(&value);
    uint64_t given = wazero_encode_externref(reference);
    must(wazero_table_get(table, 1, &slot));
    must(wazero_table_new(runtime, &two, WAZERO_TYPE_EXTERNREF, given, &objects));
    must(wazero_table_new(runtime, &two, WAZERO_TYPE_FUNCREF, slot, &functions));
    must(wazero_global_new(runtime, WAZERO_TYPE_EXTERNREF, true, &given, 1, &object));
    must(wazero_global_new(runtime, WAZERO_TYPE_I64, false, &forty, 1, &number));
    must(wazero_memory_new(runtime, &one, &memory));
    wazero_externref_delete(reference);
    CHECK(value_at(objects, 0) == &value && value_at(objects, 1) == &value);
    must(wazero_imports_new(&imports));
    add_linked(imports, objects, functions, object, number, memory,
               wazero_decode_funcref(slot));
    wazero_function_delete(wazero_decode_funcref(slot));
    wazero_table_delete(table);
    wazero_module_delete(source);
    wazero_module_t *module = new_module(runtime, "references_link", imports, NULL);
    wazero_imports_delete(imports);
    CHECK_INT(CALL(module, "call", 1, 5), 105);
    CHECK_INT(CALL(module, "call_hidden", 6), 106);
    must(try_call(module, "put_triple", (int32_t[]){0}, 1, NULL));
    must(wazero_table_get(functions, 0, &slot));
    CHECK_STR(wazero_function_name(wazero_decode_funcref(slot), NULL), "triple");
    wazero_function_t *get = get_function(module, "number");
    must(wazero_function_call(get, NULL, 0, &forty, 1));
    CHECK_INT(forty, 40);
    wazero_function_delete(get);
    wazero_memory_data(memory)[4] = 9;
    CHECK_INT(CALL(module, "load", 4), 9);
    /* The handles of what the host made outlive the module, and the function stays. */
    wazero_function_t *triple = wazero_decode_funcref(slot);
    wazero_module_delete(module);
    slot = 5;
    must(wazero_function_call_with_stack(triple, &slot, 1));
    CHECK_INT(slot, 15);
    wazero_function_delete(triple);
    CHECK(value_at(objects, 1) == &value);
    wazero_table_delete(objects);
    wazero_table_delete(functions);
    wazero_memory_delete(memory);
    wazero_global_delete(number);
    must(wazero_global_get(object, &slot, 1));
    wazero_externref_delete(wazero_decode_externref(slot));
    CHECK_INT(deleted, 0);
    wazero_global_delete(object);
    CHECK_INT(deleted, 1);
}

TEST_ON_BOTH_ENGINES(made, check_made)

/* Constant expressions see what an immutable global was made with. */
static void check_constant(wazero_runtime_t *runtime)
{
    /* (module (import "m" "g" (global externref))
     *         (global (export "copy") externref (global.get 0))) */
    static const uint8_t wasm[] = {
        0, 'a', 's', 'm',  1, 0,    0, 0,    2, 8, 1, 1, 'm', 1,   'g', 3,   0x6f, 0,
        6, 6,   1,   0x6f, 0, 0x23, 0, 0x0b, 7, 8, 1, 4, 'c', 'o', 'p', 'y', 3,    1};
    wazero_global_t *global, *copy;
    wazero_imports_t *imports;
    wazero_module_t *module;
    int value = 1;
    wazero_externref_t *reference = new_reference(&value);
    uint64_t slot = wazero_encode_externref(reference);
    must(wazero_global_new(runtime, WAZERO_TYPE_EXTERNREF, false, &slot, 1, &global));
    wazero_externref_delete(reference);
    must(wazero_imports_new(&imports));
    must(wazero_imports_add_global(imports, "m", 1, "g", 1, global));
    must(
        wazero_runtime_instantiate(runtime, wasm, sizeof wasm, imports, NULL, &module));
    must(wazero_module_global(module, "copy", WAZERO_CSTR, &copy));
    must(wazero_global_get(copy, &slot, 1));
    CHECK(wazero_decode_externref(slot) == reference);
    wazero_externref_delete(wazero_decode_externref(slot));
    wazero_global_delete(copy);
    wazero_global_delete(global);
    wazero_module_delete(module);
    wazero_imports_delete(imports);
}

TEST_ON_BOTH_ENGINES(constant, check_constant)

static void check_every_type(wazero_runtime_t *runtime)
{
    static const wazero_value_type_t types[] = {
        WAZERO_TYPE_I32,  WAZERO_TYPE_I64,     WAZERO_TYPE_F32,      WAZERO_TYPE_F64,
        WAZERO_TYPE_V128, WAZERO_TYPE_FUNCREF, WAZERO_TYPE_EXTERNREF};
    for (size_t i = 0; i < sizeof types; i++) {
        uint64_t slots[2] = {i < 5 ? 0x1122334455667788 : 0, 0x99aabbccddeeff00},
                 got[2];
        size_t count = types[i] == WAZERO_TYPE_V128 ? 2 : 1;
        wazero_global_t *global;
        must(wazero_global_new(runtime, types[i], i & 1, slots, count, &global));
        CHECK_INT(wazero_global_type(global), types[i]);
        CHECK_INT(wazero_global_is_mutable(global), i & 1);
        must(wazero_global_get(global, got, count));
        if (types[i] == WAZERO_TYPE_I32 || types[i] == WAZERO_TYPE_F32)
            CHECK(got[0] == 0x55667788);
        else
            CHECK(memcmp(got, slots, count * sizeof *got) == 0);
        wazero_global_delete(global);
    }
}

TEST_ON_BOTH_ENGINES(every_type, check_every_type)

static void check_not_made(wazero_runtime_t *runtime)
{
    wazero_limits_t limits = {.min = 65537};
    wazero_memory_t *memory;
    wazero_table_t *table;
    wazero_global_t *global;
    wazero_tag_t *tag;
    static const wazero_value_type_t i32 = WAZERO_TYPE_I32;
    uint64_t slots[2] = {0};
    CHECK_ERROR(wazero_memory_new(runtime, &limits, &memory), WAZERO_ERROR_INVALID,
                "65537");
    limits.min = (uint64_t)1 << 40;
    CHECK_ERROR(wazero_memory_new(runtime, &limits, &memory), WAZERO_ERROR_INVALID,
                "too high");
    limits = (wazero_limits_t){.min = 2, .max = 1, .has_max = true};
    CHECK_ERROR(wazero_memory_new(runtime, &limits, &memory), WAZERO_ERROR_INVALID,
                "min");
    limits = (wazero_limits_t){.min = 1, .max = 2, .has_max = true, .shared = true};
    CHECK_ERROR(wazero_memory_new(runtime, &limits, &memory), WAZERO_ERROR_INVALID, "");
    limits = (wazero_limits_t){.min = 10000001};
    CHECK_ERROR(wazero_table_new(runtime, &limits, WAZERO_TYPE_FUNCREF, 0, &table),
                WAZERO_ERROR_INVALID, "10000001");
    limits.min = 1;
    CHECK_ERROR(wazero_table_new(runtime, &limits, WAZERO_TYPE_I32, 0, &table),
                WAZERO_ERROR_INVALID, "a table cannot have the type 0x7f");
    CHECK_ERROR(wazero_table_new(runtime, &limits, WAZERO_TYPE_REF, 0, &table),
                WAZERO_ERROR_INVALID, "a table cannot have the type 0x64");
    CHECK_ERROR(wazero_global_new(runtime, 0x40, false, slots, 1, &global),
                WAZERO_ERROR_INVALID, "a global cannot have the type 0x40");
    CHECK_ERROR(wazero_global_new(runtime, WAZERO_TYPE_V128, false, slots, 1, &global),
                WAZERO_ERROR_INVALID, "takes 2 slots, got 1");
    CHECK_ERROR(wazero_tag_new(runtime, &i32, 1, &tag), WAZERO_ERROR_INVALID, "");
    must(wazero_runtime_close_with_exit_code(runtime, 0));
    CHECK_ERROR(wazero_memory_new(runtime, &limits, &memory), WAZERO_ERROR_CLOSED,
                "closed");
    CHECK_ERROR(wazero_global_new(runtime, WAZERO_TYPE_I32, false, slots, 1, &global),
                WAZERO_ERROR_CLOSED, "closed");
}

TEST_ON_BOTH_ENGINES(not_made, check_not_made)

/* By index, exported or not, as wazero's LookupFunction takes them. */
static void check_by_index(wazero_runtime_t *runtime)
{
    static const wazero_value_type_t i32 = WAZERO_TYPE_I32;
    const wazero_function_type_t returns = {.results = &i32, .result_count = 1};
    const wazero_function_type_t nothing = {0};
    wazero_module_t *module = new_module(runtime, "traps", NULL, NULL);
    wazero_imports_t *imports;
    wazero_table_t *table;
    wazero_function_t *function;
    uint64_t slot;
    CHECK_INT(wazero_module_table_count(module), 1);
    CHECK_ERROR(wazero_module_table_at(module, 1, &table), WAZERO_ERROR_INVALID,
                "table 1 is out of range: the module has 1");
    must(wazero_module_table_at(module, 0, &table));
    CHECK_INT(wazero_table_element(table), WAZERO_TYPE_FUNCREF);
    CHECK_INT(wazero_table_type(table).min, 2);
    CHECK(!wazero_table_reference(table).heap);
    CHECK_INT(size_of(table), 2);
    must(wazero_table_get(table, 0, &slot));
    function = wazero_decode_funcref(slot);
    if (CHECK(function != NULL)) {
        const wazero_function_type_t *type = wazero_function_type(function);
        CHECK_ERROR(wazero_table_lookup(
                        table, 0, type->result_count ? &nothing : &returns, &function),
                    WAZERO_ERROR_TRAP, "indirect call type mismatch");
        must(wazero_table_set(table, 1, slot));
        wazero_function_delete(wazero_decode_funcref(slot));
        must(wazero_table_get(table, 1, &slot));
        wazero_function_delete(wazero_decode_funcref(slot));
    }
    must(wazero_imports_new(&imports));
    CHECK_ERROR(wazero_imports_add_table(imports, "m", 1, "t", 1, table),
                WAZERO_ERROR_INVALID, "table 0 is not exported");
    wazero_imports_delete(imports);
    must(wazero_module_close_with_exit_code(module, 0));
    CHECK_ERROR(wazero_table_get(table, 0, &slot), WAZERO_ERROR_CLOSED, "closed");
    wazero_table_delete(table);
    CHECK_ERROR(wazero_module_table_at(module, 0, &table), WAZERO_ERROR_CLOSED,
                "closed");
    wazero_module_delete(module);
}

TEST_ON_BOTH_ENGINES(by_index, check_by_index)

TEST(not_exported)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module = new_module(runtime, "references", NULL, NULL);
    wazero_imports_t *imports;
    wazero_global_t *global;
    must(wazero_imports_new(&imports));
    must(wazero_module_global_at(module, 0, &global));
    CHECK_ERROR(wazero_imports_add_global(imports, "m", 1, "g", 1, global),
                WAZERO_ERROR_INVALID, "global 0 is not exported");
    wazero_global_delete(global);
    wazero_imports_delete(imports);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

/* A function that is not exported must have the type of the import. */
TEST(existing_of_another_type)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module = new_module(runtime, "references", NULL, NULL), *other;
    wazero_table_t *table = get_table(module, "functions");
    wazero_imports_t *imports;
    uint64_t slot;
    wasm_t wasm = wasm_fixture("references_host");
    must(wazero_table_get(table, 1, &slot));
    must(wazero_imports_new(&imports));
    for (int i = 0; i < 4; i++) {
        static const char *const names[] = {"pick", "choose", "unary", "vector"};
        must(wazero_imports_add_existing(imports, "env", 3, names[i], WAZERO_CSTR,
                                         wazero_decode_funcref(slot)));
    }
    CHECK_ERROR(wazero_runtime_instantiate(runtime, wasm.data, wasm.size, imports, NULL,
                                           &other),
                WAZERO_ERROR_LINK,
                "import func[env.pick]: signature mismatch; expected function "
                "(externref, funcref, i32) -> (externref), given function (i32) -> "
                "(i32)");
    wazero_imports_delete(imports);
    wazero_function_delete(wazero_decode_funcref(slot));
    wazero_table_delete(table);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

/* ---- tags and exceptions ---- */

/* Calls with an i32 and an externref, and gets the same. */
static wazero_error_t *call_pair(wazero_module_t *module, const char *name,
                                 uint64_t *stack)
{
    wazero_function_t *function = get_function(module, name);
    wazero_error_t *error = wazero_function_call_with_stack(function, stack, 2);
    wazero_function_delete(function);
    return error;
}

static void check_tags(wazero_engine_kind_t engine)
{
    static const wazero_value_type_t params[] = {WAZERO_TYPE_I32,
                                                 WAZERO_TYPE_EXTERNREF};
    wazero_runtime_t *runtime =
        new_runtime_with(engine, WAZERO_FEATURE_EXCEPTION_HANDLING);
    wazero_imports_t *imports;
    wazero_tag_t *tag, *own;
    int value = 1;
    wazero_externref_t *reference = new_reference(&value);
    uint64_t stack[2] = {5, wazero_encode_externref(reference)};
    deleted = 0;
    must(wazero_tag_new(runtime, params, 2, &tag));
    CHECK_INT(wazero_tag_type(tag)->param_count, 2);
    CHECK_INT(wazero_tag_type(tag)->params[1], WAZERO_TYPE_EXTERNREF);
    must(wazero_imports_new(&imports));
    must(wazero_imports_add_tag(imports, "m", 1, "tag", 3, tag));
    wazero_module_t *module = new_module(runtime, "tags", imports, NULL);
    must(wazero_module_tag(module, "own", WAZERO_CSTR, &own));
    CHECK_INT(wazero_tag_type(own)->param_count, 1);
    wazero_tag_delete(own);
    must(call_pair(module, "catch", stack));
    CHECK_INT(stack[0], 5);
    CHECK(wazero_decode_externref(stack[1]) == reference);
    wazero_externref_delete(reference);
    CHECK_ERROR(call_pair(module, "throw", stack), WAZERO_ERROR_TRAP, "exception");
    /* An exception in a table keeps what it carries: nothing is let go meanwhile. */
    must(call_pair(module, "keep", stack));
    wazero_externref_delete(reference);
    /* Nothing throws it again: wazero v1.12.0 lets Go collect exceptions that only
     * references lead to, so that it may be another by then. */
    for (int i = 0; i < 3000; i++) {
        wazero_externref_t *other = new_reference(NULL);
        uint64_t pair[2] = {0, wazero_encode_externref(other)};
        must(call_pair(module, "catch", pair));
        wazero_externref_delete(other);
        wazero_externref_delete(other);
    }
    CHECK_INT(deleted, 0);
    CHECK_ERROR(call_pair(module, "get", stack), WAZERO_ERROR_INVALID,
                "result 1: the host cannot take a reference to an exception");
    wazero_table_t *table = get_table(module, "exceptions");
    CHECK_ERROR(wazero_table_get(table, 0, stack), WAZERO_ERROR_INVALID, "exception");
    CHECK_ERROR(wazero_table_set(table, 0, 1), WAZERO_ERROR_INVALID, "exception");
    must(wazero_table_set(table, 0, 0));
    must(wazero_table_get(table, 0, stack));
    CHECK(stack[0] == 0);
    must(call_pair(module, "get", stack));
    wazero_table_delete(table);
    wazero_module_delete(module);
    CHECK_INT(deleted, 3001);
    wazero_imports_delete(imports);
    wazero_tag_delete(tag);
    wazero_tag_delete(NULL);
    wazero_runtime_delete(runtime);
}

TEST(tags_compiler)
{
    check_tags(WAZERO_ENGINE_COMPILER);
}

TEST(tags_interpreter)
{
    check_tags(WAZERO_ENGINE_INTERPRETER);
}

/* ---- typed references ---- */

static void check_typed(wazero_engine_kind_t engine)
{
    wazero_runtime_t *runtime =
        new_runtime_with(engine, WAZERO_FEATURE_TYPED_FUNCTION_REFERENCES);
    wazero_module_t *module = new_module(runtime, "typed", NULL, NULL);
    wazero_module_t *other = new_module(runtime, "references", NULL, NULL);
    wazero_function_t *increment = get_function(module, "increment");
    wazero_function_t *nop = get_function(module, "nop");
    wazero_function_t *far = get_function(other, "double");
    uint64_t stack[2] = {wazero_encode_funcref(increment), 4};
    must(call_pair(module, "call", stack));
    CHECK_INT(stack[0], 5);
    stack[0] = wazero_encode_funcref(far);
    must(call_pair(module, "call", stack));
    CHECK_INT(stack[0], 8);
    stack[0] = wazero_encode_funcref(nop);
    CHECK_ERROR(call_pair(module, "call", stack), WAZERO_ERROR_INVALID,
                "argument 1: function \"nop\" is of type () -> ()");
    stack[0] = 0;
    CHECK_ERROR(call_pair(module, "call", stack), WAZERO_ERROR_INVALID,
                "argument 1: a null reference, where the type has none");
    stack[0] = 0;
    CHECK_ERROR(call_pair(module, "call_null", stack), WAZERO_ERROR_TRAP,
                "null reference");
    stack[0] = wazero_encode_funcref(nop);
    must(call_pair(module, "any", stack));
    CHECK(wazero_function_identity(wazero_decode_funcref(stack[0])) ==
          wazero_function_identity(nop));
    wazero_function_delete(wazero_decode_funcref(stack[0]));
    wazero_externref_t *reference = new_reference(NULL);
    stack[0] = wazero_encode_externref(reference);
    must(call_pair(module, "object", stack));
    CHECK(wazero_decode_externref(stack[0]) == reference);
    wazero_externref_delete(reference);
    wazero_externref_delete(reference);
    wazero_table_t *table = get_table(module, "table");
    must(wazero_table_set(table, 0, wazero_encode_funcref(increment)));
    CHECK_ERROR(wazero_table_set(table, 0, wazero_encode_funcref(nop)),
                WAZERO_ERROR_INVALID, "nop");
    must(wazero_table_get(table, 0, stack));
    wazero_function_delete(wazero_decode_funcref(stack[0]));
    wazero_table_delete(table);
    wazero_global_t *global;
    must(wazero_module_global(module, "global", WAZERO_CSTR, &global));
    CHECK_ERROR(wazero_global_set(global, &(uint64_t){wazero_encode_funcref(nop)}, 1),
                WAZERO_ERROR_INVALID, "nop");
    must(wazero_global_set(global, &(uint64_t){wazero_encode_funcref(far)}, 1));
    must(wazero_global_get(global, stack, 1));
    CHECK(wazero_function_identity(wazero_decode_funcref(stack[0])) ==
          wazero_function_identity(far));
    wazero_function_delete(wazero_decode_funcref(stack[0]));
    wazero_global_delete(global);
    wazero_function_delete(far);
    wazero_function_delete(nop);
    wazero_function_delete(increment);
    wazero_module_delete(other);
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
