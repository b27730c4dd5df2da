/*
 * test_inspect.c - what a parsed module knows of itself beside its imports and exports
 * (where its parts are, and its names), and what wazero_inspect makes of that.
 */
#include "parse_support.h"

/* Parses without copying: places are looked at. The caller frees the module. */
static wazero__parsed_t *parse_here(const bytes_t *module, bool shallow)
{
    wazero__parse_limits_t limits = DEFAULTS;
    wazero__parsed_t *parsed = NULL;
    limits.shallow = shallow;
    wazero_error_t *error = wazero__parse(module->data, module->size, &limits, &parsed);
    CHECK_STR(error ? wazero_error_message(error, NULL) : "no error", "no error");
    wazero_error_delete(error);
    return parsed;
}

/* ---- sections ---- */

TEST(sections_and_their_places)
{
    bytes_t m = new_module();
    SECTION(&m, 0, 1, 'a', 7, 8, 9);
    SECTION(&m, 1, 1, 0x60, 0, 0);
    SECTION(&m, 0, 0);
    PUT(&m, 5, 0x83, 0x80, 0x00, 1, 0, 1); /* its size is padded */
    SECTION(&m, 0, 1, 'a');
    wazero__parsed_t *parsed = parse_here(&m, false);
    if (!CHECK(parsed && parsed->section_count == 5))
        return;
    const wazero_section_t *s = parsed->sections;
    CHECK_INT(s[0].id, 0);
    CHECK_STR(s[0].name, "a");
    CHECK_INT(s[0].name_size, 1);
    CHECK_INT(s[0].offset, 8);
    CHECK_INT(s[0].size, 7);
    CHECK_BYTES(s[0].data, s[0].data_size, "\7\10\11", 3);
    CHECK_INT(s[1].id, 1);
    CHECK_STR(s[1].name, "type");
    CHECK_INT(s[1].offset, 15);
    CHECK_INT(s[1].size, 6);
    CHECK_BYTES(s[1].data, s[1].data_size, "\1\x60\0\0", 4);
    CHECK_STR(s[2].name, "");
    CHECK_INT(s[2].size, 3);
    CHECK_INT(s[2].data_size, 0);
    CHECK_STR(s[3].name, "memory");
    CHECK_INT(s[3].offset, 24);
    CHECK_INT(s[3].size, 7);
    CHECK_INT(s[3].data_size, 3);
    CHECK_STR(s[4].name, "a");
    CHECK_INT(s[4].offset + s[4].size, m.size);
    CHECK(parsed->wasm == m.data && parsed->wasm_size == m.size);
    wazero__parsed_delete(parsed);
    clear(&m);
}

TEST(too_many_custom_sections)
{
    static const uint8_t custom[] = {0, 1, 0};
    bytes_t m = new_module();
    repeat(&m, 100000, custom, sizeof custom);
    wazero__parsed_t *parsed = parse_here(&m, false);
    CHECK(parsed && parsed->section_count == 100000);
    wazero__parsed_delete(parsed);
    repeat(&m, 100, custom, sizeof custom);
    REFUSED(&m, "more sections than the limit of 100000");
}

/* ---- places ---- */

TEST(places_of_definitions)
{
    bytes_t m = new_module();
    SECTION(&m, 1, 1, 0x60, 0, 0);
    SECTION(&m, 2, 1, 0, 0, 3, 0x7f, 0);
    SECTION(&m, 3, 2, 0, 0);
    SECTION(&m, 4, 2, 0x70, 0, 3, 0x40, 0, 0x70, 0, 1, 0xd0, 0x70, 0x0b);
    SECTION(&m, 6, 2, 0x7f, 0, 0x41, 7, 0x0b, 0x7e, 1, 0x42, 8, 0x0b);
    SECTION(&m, 9, 2, 0, 0x41, 1, 0x0b, 1, 0, 1, 0, 1, 1);
    SECTION(&m, 10, 2, 2, 0, 0x0b, 4, 1, 1, 0x7f, 0x0b);
    SECTION(&m, 11, 1, 1, 2, 'h', 'i');
    wazero__parsed_t *parsed = parse_here(&m, false);
    if (!CHECK(parsed != NULL))
        return;
    CHECK_INT(parsed->imported_global_count, 1);
    CHECK_INT(parsed->global_count, 3);
    CHECK_INT(parsed->globals[0].init, 0);
    CHECK_BYTES(m.data + parsed->globals[1].init, 3, "\x41\7\x0b", 3);
    CHECK_BYTES(m.data + parsed->globals[2].init, 3, "\x42\x08\x0b", 3);
    CHECK_INT(parsed->table_count, 2);
    CHECK_INT(parsed->tables[0].init, 0);
    CHECK_BYTES(m.data + parsed->tables[1].init, 3, "\xd0\x70\x0b", 3);
    CHECK_INT(parsed->element_count, 2);
    CHECK_BYTES(m.data + parsed->elements[1], 4, "\1\0\1\1", 4);
    CHECK_INT(parsed->code_count, 2);
    CHECK_BYTES(m.data + parsed->code[1], 5, "\4\1\1\x7f\x0b", 5);
    CHECK_INT(parsed->data_count, 1);
    CHECK_BYTES(m.data + parsed->data[0], 4, "\1\2hi", 4);
    wazero__parsed_delete(parsed);
    clear(&m);
}

/* ---- names ---- */

static void name_is(const wazero__parsed_t *parsed, uint32_t index,
                    const char *expected)
{
    size_t size = 99;
    const char *name = wazero__parsed_function_name(parsed, index, &size);
    CHECK_BYTES(name, size, expected, strlen(expected));
}

TEST(function_names)
{
    bytes_t m = new_module();
    /* wazero walks along functions and names at once: a name whose index is not
     * larger than all before is not found. */
    SECTION(&m, 0, 4, 'n', 'a', 'm', 'e', 0, 2, 1, 'm', 1, 23, 7, 0, 1, 'a', 2, 1, 'c',
            2, 1, 'C', 1, 1, 'b', 0x87, 0, 0, 9, 2, 'x', 'y', 8, 1, 'z', 9, 1, 0);
    wazero__parsed_t *parsed = parse_here(&m, true);
    if (!CHECK(parsed != NULL))
        return;
    name_is(parsed, 0, "a");
    name_is(parsed, 1, "");
    name_is(parsed, 2, "c");
    name_is(parsed, 7, "");
    name_is(parsed, 8, "");
    name_is(parsed, 9, "xy");
    name_is(parsed, 10, "");
    name_is(parsed, UINT32_MAX, "");
    CHECK_INT(parsed->names[0].size, 2);
    CHECK_BYTES(m.data + parsed->names[9].at, parsed->names[9].size, "\0", 1);
    CHECK_INT(parsed->names[2].at, 0);
    wazero__parsed_delete(parsed);
    clear(&m);
}

/* An index that no function can have hides the names behind it. */
TEST(function_names_out_of_range)
{
    bytes_t m = new_module();
    SECTION(&m, 0, 4, 'n', 'a', 'm', 'e', 1, 11, 2, 0xff, 0xff, 0xff, 0xff, 0x0f, 1,
            'x', 3, 1, 'y');
    wazero__parsed_t *parsed = parse_here(&m, true);
    if (!CHECK(parsed != NULL))
        return;
    CHECK_INT(parsed->function_name_count, 0);
    name_is(parsed, UINT32_MAX, "");
    name_is(parsed, 3, "");
    wazero__parsed_delete(parsed);
    clear(&m);
}

/* ---- shallow ---- */

TEST(shallow_parsing)
{
    /* Cut off in the middle of an instruction, and a start section. */
    static const uint8_t code[] = {0, 0x43, 0, 0x0b};
    bytes_t m = function_module(code, sizeof code), start = new_module();
    wazero__parsed_delete(parse_here(&m, true));
    REFUSED(&m, "is cut off or malformed");
    SECTION(&start, 1, 1, 0x60, 0, 0);
    SECTION(&start, 3, 1, 0);
    SECTION(&start, 8, 0);
    SECTION(&start, 10, 1, 2, 0, 0x0b);
    wazero__parsed_t *parsed = parse_here(&start, true);
    CHECK(parsed && parsed->has_start && !parsed->bytes);
    wazero__parsed_delete(parsed);
    clear(&start);
}

/* ---- wazero_inspect ---- */

static wazero_inspection_t *inspect(const bytes_t *module)
{
    wazero_inspection_t *inspection = NULL;
    wazero_error_t *error =
        wazero_inspect(NULL, module->data, module->size, &inspection);
    CHECK_STR(error ? wazero_error_message(error, NULL) : "no error", "no error");
    wazero_error_delete(error);
    if (!inspection)
        abort();
    return inspection;
}

static void text_is(wazero_name_t name, const char *expected, int line)
{
    test_check_bytes(name.data, name.size + 1, expected, strlen(expected) + 1, "name",
                     __FILE__, line);
}
#define TEXT_IS(name, expected) text_is((name), (expected), __LINE__)

static const wazero_function_definition_t *
function_of(const wazero_inspection_t *inspection, size_t index)
{
    const wazero_function_definition_t *function = NULL;
    wazero_error_t *error = wazero_inspection_function(inspection, index, &function);
    CHECK(error == NULL);
    if (!function)
        abort();
    return function;
}

/* Everything twice: imported and defined. */
static bytes_t rich_module(void)
{
    bytes_t m = new_module();
    SECTION(&m, 1, 2, 0x60, 2, 0x7f, 0x7e, 1, 0x7d, 0x60, 0, 0);
    SECTION(&m, 2, 5, 1, 'm', 1, 'f', 0, 0, 1, 'm', 1, 't', 1, 0x6f, 1, 1, 2, 1, 'm', 1,
            'g', 3, 0x7d, 0, 1, 'm', 1, 'e', 4, 0, 1, 1, 'm', 1, 'x', 2, 0x03, 1, 2);
    SECTION(&m, 3, 2, 0, 1);
    SECTION(&m, 4, 2, 0x70, 0, 1, 0x40, 0, 0x70, 1, 5, 9, 0xd2, 1, 0x0b);
    SECTION(&m, 13, 1, 0, 1);
    SECTION(&m, 6, 9, 0x7f, 0, 0x41, 0x7f, 0x0b, 0x7e, 1, 0x42, 0x80, 0x7f, 0x0b, 0x7d,
            0, 0x43, 0, 0, 0xa0, 0x7f, 0x0b, 0x7c, 0, 0x44, 1, 2, 3, 4, 5, 6, 7, 8,
            0x0b, 0x7b, 0, 0xfd, 0x0c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
            15, 0x0b, 0x7d, 0, 0x23, 0, 0x0b, 0x70, 0, 0xd2, 1, 0x0b, 0x6f, 0, 0xd0,
            0x6f, 0x0b, 0x7f, 0, 0x41, 1, 0x41, 2, 0x6a, 0x0b);
    SECTION(&m, 7, 7, 1, 'b', 0, 1, 1, 'a', 0, 1, 1, 'i', 0, 0, 1, 't', 1, 1, 1, 'm', 2,
            0, 1, 'g', 3, 1, 1, 'e', 4, 1);
    SECTION(&m, 8, 2);
    SECTION(&m, 9, 5, 0, 0x41, 4, 0x0b, 2, 1, 2, 2, 1, 0x23, 0, 0x0b, 0, 1, 1, 1, 0, 1,
            0, 7, 0x70, 1, 0xd2, 1, 0x0b, 5, 0x63, 0x70, 1, 0xd0, 0x70, 0x0b);
    SECTION(&m, 12, 3);
    SECTION(&m, 10, 2, 7, 0, 0x43, 0, 0, 0, 0, 0x0b, 2, 0, 0x0b);
    SECTION(&m, 11, 3, 0, 0x41, 0x80, 0x80, 4, 0x0b, 2, 'h', 'i', 1, 1, 'x', 2, 0, 0x41,
            1, 0x41, 2, 0x6a, 0x0b, 0);
    SECTION(&m, 0, 4, 'n', 'a', 'm', 'e', 0, 4, 3, 'm', 'o', 'd', 1, 7, 2, 0, 1, 'f', 1,
            1, 'g', 2, 19, 3, 1, 1, 0, 1, 'p', 1, 2, 1, 1, 'y', 0, 1, 'x', 2, 1, 0, 1,
            'l');
    SECTION(&m, 0, 4, 'm', 'o', 'r', 'e', 1, 2, 3);
    return m;
}

TEST(definitions)
{
    bytes_t m = rich_module();
    wazero_inspection_t *i = inspect(&m);
    wazero_definition_t d;
    TEXT_IS(wazero_inspection_name(i), "mod");
    CHECK_INT(wazero_inspection_import_count(i), 5);
    CHECK_INT(wazero_inspection_export_count(i), 7);
    CHECK_INT(wazero_inspection_type_count(i), 2);
    CHECK_INT(wazero_inspection_type(i, 0)->param_count, 2);
    CHECK(wazero_inspection_import(i, 5) == NULL);
    CHECK(wazero_inspection_export(i, 7) == NULL);
    CHECK(wazero_inspection_type(i, 2) == NULL);
    CHECK_INT(wazero_inspection_definition_count(i, WAZERO_EXTERN_FUNCTION), 3);
    CHECK_INT(wazero_inspection_definition_count(i, WAZERO_EXTERN_TABLE), 3);
    CHECK_INT(wazero_inspection_definition_count(i, WAZERO_EXTERN_MEMORY), 1);
    CHECK_INT(wazero_inspection_definition_count(i, WAZERO_EXTERN_GLOBAL), 10);
    CHECK_INT(wazero_inspection_definition_count(i, WAZERO_EXTERN_TAG), 2);
    CHECK_INT(wazero_inspection_definition_count(i, (wazero_extern_kind_t)9), 0);
    CHECK(!wazero_inspection_definition(i, (wazero_extern_kind_t)9, 0, &d));
    CHECK(!wazero_inspection_definition(i, WAZERO_EXTERN_TABLE, 3, &d));

    if (CHECK(wazero_inspection_definition(i, WAZERO_EXTERN_TABLE, 0, &d))) {
        CHECK(d.import && d.import == wazero_inspection_import(i, 1));
        CHECK_INT(d.type.table.element, WAZERO_TYPE_EXTERNREF);
        CHECK_INT(d.init.kind, WAZERO_CONSTANT_NONE);
    }
    if (CHECK(wazero_inspection_definition(i, WAZERO_EXTERN_TABLE, 2, &d))) {
        CHECK(d.import == NULL);
        CHECK_INT(d.index, 2);
        CHECK_INT(d.type.table.limits.max, 9);
        CHECK_INT(d.init.kind, WAZERO_CONSTANT_FUNCTION);
        CHECK_INT(d.init.index, 1);
    }
    if (CHECK(wazero_inspection_definition(i, WAZERO_EXTERN_MEMORY, 0, &d))) {
        CHECK(d.import && d.type.memory.shared);
        CHECK_INT(d.type.memory.max, 2);
    }
    if (CHECK(wazero_inspection_definition(i, WAZERO_EXTERN_TAG, 0, &d)))
        CHECK(d.import && d.type.function.param_count == 0);
    if (CHECK(wazero_inspection_definition(i, WAZERO_EXTERN_TAG, 1, &d)))
        CHECK(!d.import && d.type.function.param_count == 0);
    if (CHECK(wazero_inspection_definition(i, WAZERO_EXTERN_FUNCTION, 1, &d)))
        CHECK_INT(d.type.function.result_count, 1);
    wazero_inspection_delete(i);
    clear(&m);
}

static void check_reference(const wazero_typed_reference_t *reference, bool nullable,
                            wazero_value_type_t heap, uint32_t index)
{
    CHECK(reference->nullable == nullable);
    CHECK_INT(reference->heap, heap);
    CHECK_INT(reference->index, index);
}

/* What a reference leads to is told wherever a type is, and locals are. */
TEST(typed_references_and_locals)
{
    bytes_t m = new_module();
    SECTION(&m, 1, 2, 0x60, 0, 0, 0x60, 3, 0x63, 0, 0x7f, 0x64, 0x6f, 1, 0x64, 0);
    SECTION(&m, 2, 1, 1, 'm', 1, 'g', 3, 0x64, 0x70, 0);
    SECTION(&m, 3, 2, 1, 0);
    SECTION(&m, 4, 1, 0x63, 0, 0, 1);
    SECTION(&m, 6, 1, 0x63, 1, 1, 0xd0, 1, 0x0b);
    SECTION(&m, 7, 1, 1, 't', 1, 0);
    SECTION(&m, 9, 1, 5, 0x64, 0, 1, 0xd2, 1, 0x0b);
    SECTION(&m, 10, 2, 12, 4, 2, 0x7e, 3, 0x63, 1, 0, 0x64, 0x69, 0, 0x7f, 0x0b, 2, 0,
            0x0b);
    wazero_inspection_t *i = inspect(&m);
    wazero_definition_t d;
    wazero_element_segment_t element;
    if (!i)
        return;
    const wazero_function_type_t *type = wazero_inspection_type(i, 1);
    CHECK(!wazero_inspection_type(i, 0)->param_references);
    CHECK_BYTES(type->params, type->param_count, "\x64\x7f\x64", 3);
    check_reference(&type->param_references[0], true, WAZERO_TYPE_REF, 0);
    check_reference(&type->param_references[1], false, 0, 0);
    check_reference(&type->param_references[2], false, WAZERO_TYPE_EXTERNREF, 0);
    check_reference(&type->result_references[0], false, WAZERO_TYPE_REF, 0);
    const wazero_extern_t *import = wazero_inspection_import(i, 0);
    check_reference(&import->type.global.reference, false, WAZERO_TYPE_FUNCREF, 0);
    const wazero_extern_t *export = wazero_inspection_export(i, 0);
    check_reference(&export->type.table.reference, true, WAZERO_TYPE_REF, 0);
    CHECK(wazero_inspection_definition(i, WAZERO_EXTERN_GLOBAL, 1, &d));
    check_reference(&d.type.global.reference, true, WAZERO_TYPE_REF, 1);
    CHECK_INT(d.init.type, WAZERO_TYPE_REF);
    check_reference(&d.init.reference, true, WAZERO_TYPE_REF, 1);
    CHECK(wazero_inspection_definition(i, WAZERO_EXTERN_TABLE, 0, &d));
    check_reference(&d.type.table.reference, true, WAZERO_TYPE_REF, 0);
    CHECK(wazero_inspection_element(i, 0, &element));
    check_reference(&element.reference, false, WAZERO_TYPE_REF, 0);
    const wazero_function_definition_t *f = function_of(i, 0);
    if (CHECK(f && f->local_group_count == 4)) {
        CHECK_INT(f->locals[0].count, 2);
        CHECK_INT(f->locals[0].type, WAZERO_TYPE_I64);
        CHECK_INT(f->locals[1].count, 3);
        CHECK_INT(f->locals[1].type, WAZERO_TYPE_REF);
        check_reference(&f->locals[1].reference, true, WAZERO_TYPE_REF, 1);
        CHECK_INT(f->locals[2].count, 0);
        check_reference(&f->locals[2].reference, false, WAZERO_TYPE_EXNREF, 0);
        CHECK_INT(f->locals[3].type, WAZERO_TYPE_I32);
    }
    f = function_of(i, 1);
    CHECK(f && !f->local_group_count);
    wazero_inspection_delete(i);
    clear(&m);
}

TEST(constants)
{
    static const struct {
        wazero_constant_kind_t kind;
        wazero_value_type_t type;
        uint64_t value, high;
        uint32_t index;
        size_t size;
    } expected[] = {
        {WAZERO_CONSTANT_NUMBER, WAZERO_TYPE_I32, 0xffffffff, 0, 0, 3},
        {WAZERO_CONSTANT_NUMBER, WAZERO_TYPE_I64, (uint64_t)-128, 0, 0, 4},
        {WAZERO_CONSTANT_NUMBER, WAZERO_TYPE_F32, 0x7fa00000, 0, 0, 6},
        {WAZERO_CONSTANT_NUMBER, WAZERO_TYPE_F64, 0x0807060504030201, 0, 0, 10},
        {WAZERO_CONSTANT_NUMBER, WAZERO_TYPE_V128, 0x0706050403020100,
         0x0f0e0d0c0b0a0908, 0, 19},
        {WAZERO_CONSTANT_GLOBAL, 0, 0, 0, 0, 3},
        {WAZERO_CONSTANT_FUNCTION, 0, 0, 0, 1, 3},
        {WAZERO_CONSTANT_NULL, WAZERO_TYPE_EXTERNREF, 0, 0, 0, 3},
        {WAZERO_CONSTANT_COMPUTED, 0, 0, 0, 0, 6},
    };
    bytes_t m = rich_module();
    wazero_inspection_t *i = inspect(&m);
    wazero_definition_t d;
    CHECK(wazero_inspection_definition(i, WAZERO_EXTERN_GLOBAL, 0, &d));
    CHECK(d.import && !d.type.global.is_mutable);
    CHECK_INT(d.type.global.value, WAZERO_TYPE_F32);
    CHECK_INT(d.init.kind, WAZERO_CONSTANT_NONE);
    for (size_t n = 0; n < sizeof expected / sizeof *expected; n++) {
        CHECK(wazero_inspection_definition(i, WAZERO_EXTERN_GLOBAL, n + 1, &d));
        CHECK_INT(d.init.kind, expected[n].kind);
        CHECK_INT(d.init.type, expected[n].type);
        CHECK_INT(d.init.value[0], expected[n].value);
        CHECK_INT(d.init.value[1], expected[n].high);
        CHECK_INT(d.init.index, expected[n].index);
        CHECK_INT(d.init.size, expected[n].size);
        CHECK_INT(m.data[d.init.offset + d.init.size - 1], 0x0b);
    }
    wazero_inspection_delete(i);
    clear(&m);
}

TEST(functions)
{
    bytes_t m = rich_module();
    wazero_inspection_t *i = inspect(&m);
    const wazero_function_definition_t *f = function_of(i, 0);
    CHECK(f == function_of(i, 0));
    CHECK(f->import == wazero_inspection_import(i, 0));
    TEXT_IS(f->name, "f");
    TEXT_IS(f->debug_name, "mod.f");
    CHECK_INT(f->export_name_count, 1);
    TEXT_IS(f->export_names[0], "i");
    CHECK_INT(f->code_size, 0);
    CHECK_INT(f->code_offset, 0);
    CHECK_INT(f->param_name_count, 0);

    f = function_of(i, 1);
    CHECK(!f->import && !f->is_host && f->type == wazero_inspection_type(i, 0));
    TEXT_IS(f->debug_name, "mod.g");
    TEXT_IS(f->module_name, "mod");
    CHECK_INT(f->export_name_count, 2);
    TEXT_IS(f->export_names[0], "b");
    TEXT_IS(f->export_names[1], "a");
    /* The first list of its locals is too short, the second one out of order. */
    CHECK_INT(f->param_name_count, 2);
    TEXT_IS(f->param_names[0], "x");
    TEXT_IS(f->param_names[1], "y");
    CHECK_INT(f->result_name_count, 0);
    CHECK_BYTES(m.data + f->code_offset, f->code_size, "\0\x43\0\0\0\0\x0b", 7);

    f = function_of(i, 2);
    TEXT_IS(f->name, "");
    TEXT_IS(f->debug_name, "mod.$2");
    CHECK_INT(f->param_name_count, 0);
    CHECK_INT(f->export_name_count, 0);
    wazero_error_t *error = wazero_inspection_function(i, 3, &f);
    if (CHECK(error != NULL))
        CHECK_CONTAINS(wazero_error_message(error, NULL),
                       "there is no function 3: the module has 3");
    wazero_error_delete(error);
    wazero_inspection_delete(i);
    clear(&m);
}

TEST(debug_name_without_any_name)
{
    static const uint8_t code[] = {0, 0x0b};
    bytes_t m = function_module(code, sizeof code);
    wazero_inspection_t *i = inspect(&m);
    TEXT_IS(function_of(i, 0)->debug_name, ".$0");
    wazero_inspection_delete(i);
    clear(&m);
}

static void exports_are(const wazero_inspection_t *i, wazero_extern_kind_t kind,
                        size_t index, const char *names)
{
    for (size_t n = 0; n < strlen(names); n++) {
        const wazero_extern_t *export = wazero_inspection_export_of(i, kind, index, n);
        CHECK(export && export->name[0] == names[n]);
    }
    CHECK(wazero_inspection_export_of(i, kind, index, strlen(names)) == NULL);
}

TEST(exports_of_definitions)
{
    bytes_t m = rich_module();
    wazero_inspection_t *i = inspect(&m);
    uint32_t start = 9;
    exports_are(i, WAZERO_EXTERN_FUNCTION, 0, "i");
    exports_are(i, WAZERO_EXTERN_FUNCTION, 1, "ba");
    exports_are(i, WAZERO_EXTERN_FUNCTION, 2, "");
    exports_are(i, WAZERO_EXTERN_TABLE, 0, "");
    exports_are(i, WAZERO_EXTERN_TABLE, 1, "t");
    exports_are(i, WAZERO_EXTERN_MEMORY, 0, "m");
    exports_are(i, WAZERO_EXTERN_GLOBAL, 1, "g");
    exports_are(i, WAZERO_EXTERN_TAG, 1, "e");
    exports_are(i, WAZERO_EXTERN_TAG, 2, "");
    CHECK(wazero_inspection_export_of(i, WAZERO_EXTERN_FUNCTION, SIZE_MAX, 0) == NULL);
    CHECK(wazero_inspection_export_of(i, (wazero_extern_kind_t)7, 0, 0) == NULL);
    CHECK(wazero_inspection_export_of(i, WAZERO_EXTERN_FUNCTION, 1, SIZE_MAX) == NULL);
    CHECK(wazero_inspection_start(i, &start) && start == 2);
    wazero_inspection_delete(i);
    clear(&m);
}

TEST(segments)
{
    bytes_t m = rich_module();
    wazero_inspection_t *i = inspect(&m);
    wazero_element_segment_t e;
    wazero_data_segment_t d;
    CHECK_INT(wazero_inspection_element_count(i), 5);
    CHECK(wazero_inspection_element(i, 0, &e));
    CHECK_INT(e.mode, WAZERO_SEGMENT_ACTIVE);
    CHECK_INT(e.offset.value[0], 4);
    CHECK_INT(e.count, 2);
    CHECK_INT(e.type, WAZERO_TYPE_FUNCREF);
    CHECK(wazero_inspection_element(i, 1, &e));
    CHECK_INT(e.table, 1);
    CHECK_INT(e.offset.kind, WAZERO_CONSTANT_GLOBAL);
    CHECK_INT(e.count, 1);
    CHECK(wazero_inspection_element(i, 2, &e));
    CHECK_INT(e.mode, WAZERO_SEGMENT_PASSIVE);
    CHECK_INT(e.offset.kind, WAZERO_CONSTANT_NONE);
    CHECK(wazero_inspection_element(i, 3, &e));
    CHECK_INT(e.mode, WAZERO_SEGMENT_DECLARATIVE);
    CHECK_INT(e.count, 1);
    CHECK(wazero_inspection_element(i, 4, &e));
    CHECK_INT(e.mode, WAZERO_SEGMENT_PASSIVE);
    CHECK_INT(e.type, WAZERO_TYPE_FUNCREF);
    CHECK_INT(e.count, 1);
    CHECK(!wazero_inspection_element(i, 5, &e));

    CHECK_INT(wazero_inspection_data_count(i), 3);
    CHECK(wazero_inspection_data(i, 0, &d));
    CHECK_INT(d.mode, WAZERO_SEGMENT_ACTIVE);
    CHECK_INT(d.offset.value[0], 65536);
    CHECK_BYTES(d.data, d.size, "hi", 2);
    CHECK_BYTES(m.data + d.position, d.size, "hi", 2);
    CHECK(wazero_inspection_data(i, 1, &d));
    CHECK_INT(d.mode, WAZERO_SEGMENT_PASSIVE);
    CHECK_BYTES(d.data, d.size, "x", 1);
    CHECK(wazero_inspection_data(i, 2, &d));
    CHECK_INT(d.offset.kind, WAZERO_CONSTANT_COMPUTED);
    CHECK_INT(d.size, 0);
    CHECK(!wazero_inspection_data(i, 3, &d));
    wazero_inspection_delete(i);
    clear(&m);
}

TEST(all_sections)
{
    bytes_t m = rich_module();
    wazero_inspection_t *i = inspect(&m);
    size_t offset = 8;
    CHECK_INT(wazero_inspection_section_count(i), 14);
    for (size_t n = 0; n < 14; n++) {
        const wazero_section_t *section = wazero_inspection_section(i, n);
        CHECK_INT(section->offset, offset);
        offset += section->size;
        CHECK(section->data_size < section->size);
        CHECK((const uint8_t *)section->data + section->data_size == m.data + offset);
    }
    CHECK_INT(offset, m.size);
    CHECK(wazero_inspection_section(i, 14) == NULL);
    CHECK_INT(wazero_inspection_custom_section_count(i), 2);
    CHECK_STR(wazero_inspection_custom_section(i, 0)->name, "name");
    const wazero_section_t *more = wazero_inspection_custom_section(i, 1);
    CHECK_STR(more->name, "more");
    CHECK_BYTES(more->data, more->data_size, "\1\2\3", 3);
    CHECK(wazero_inspection_custom_section(i, 2) == NULL);
    wazero_inspection_delete(i);
    clear(&m);
}

/* ---- lists of names ---- */

static const wazero_named_t *names_of(const wazero_inspection_t *i,
                                      wazero_name_kind_t kind, size_t expected)
{
    const wazero_named_t *names = NULL, *again = NULL;
    size_t count = 99;
    CHECK(wazero_inspection_names(i, kind, &names, &count) == NULL);
    CHECK_INT(count, expected);
    CHECK(wazero_inspection_names(i, kind, &again, &count) == NULL);
    CHECK(names == again);
    return names;
}

TEST(names_by_kind)
{
    bytes_t m = rich_module();
    wazero_inspection_t *i = inspect(&m);
    TEXT_IS(names_of(i, WAZERO_NAME_MODULE, 1)[0].name, "mod");
    const wazero_named_t *names = names_of(i, WAZERO_NAME_FUNCTION, 2);
    CHECK_INT(names[1].index, 1);
    TEXT_IS(names[1].name, "g");
    names = names_of(i, WAZERO_NAME_LOCAL, 4);
    CHECK_INT(names[0].owner, 1);
    TEXT_IS(names[0].name, "p");
    CHECK_INT(names[1].owner, 1);
    CHECK_INT(names[1].index, 1);
    TEXT_IS(names[1].name, "y");
    CHECK_INT(names[3].owner, 2);
    TEXT_IS(names[3].name, "l");
    for (int kind = WAZERO_NAME_LABEL; kind <= WAZERO_NAME_TAG; kind++)
        names_of(i, (wazero_name_kind_t)kind, 0);
    size_t count;
    wazero_error_t *error =
        wazero_inspection_names(i, (wazero_name_kind_t)12, &names, &count);
    if (CHECK(error != NULL))
        CHECK_CONTAINS(wazero_error_message(error, NULL), "12 is no kind of names");
    wazero_error_delete(error);
    wazero_inspection_delete(i);
    clear(&m);
}

/* wazero does not look at these, so that nothing in them makes a module malformed. */
TEST(names_of_the_other_kinds)
{
    bytes_t m = new_module();
    SECTION(&m, 0, 4, 'n', 'a', 'm', 'e', 3, 6, 1, 7, 1, 0, 1, 'l', 4, 7, 2, 0, 1, 't',
            1, 9, 'x', 7, 7, 2, 0, 1, 'g', 1, 1, 0xff, 5, 5, 0xff, 0xff, 0xff, 0xff,
            0x0f, 10, 0, 11, 3, 1, 2, 0, 99, 1, 5);
    wazero_inspection_t *i = inspect(&m);
    const wazero_named_t *names = names_of(i, WAZERO_NAME_LABEL, 1);
    CHECK_INT(names[0].owner, 7);
    TEXT_IS(names[0].name, "l");
    TEXT_IS(names_of(i, WAZERO_NAME_TYPE, 1)[0].name, "t");
    TEXT_IS(names_of(i, WAZERO_NAME_GLOBAL, 1)[0].name, "g");
    names_of(i, WAZERO_NAME_TABLE, 0);
    names_of(i, WAZERO_NAME_FIELD, 0);
    names = names_of(i, WAZERO_NAME_TAG, 1);
    CHECK_INT(names[0].index, 2);
    TEXT_IS(names[0].name, "");
    wazero_inspection_delete(i);
    clear(&m);
}

/* ---- limits and wrong arguments ---- */

TEST(what_cannot_be_inspected)
{
    wazero_inspection_t *inspection = NULL;
    wazero_runtime_config_t *config = NULL;
    bytes_t m = new_module();
    SECTION(&m, 5, 1, 0, 2);
    CHECK(wazero_runtime_config_new(&config) == NULL);
    CHECK(wazero_runtime_config_set_memory_limit_pages(config, 1) == NULL);
    wazero_error_t *error = wazero_inspect(config, m.data, m.size, &inspection);
    if (CHECK(error != NULL))
        CHECK_CONTAINS(wazero_error_message(error, NULL), "min 2 pages");
    wazero_error_delete(error);
    wazero_runtime_config_delete(config);
    wazero_inspection_delete(inspect(&m));
    clear(&m);
    error = wazero_inspect(NULL, NULL, 4, &inspection);
    if (CHECK(error != NULL))
        CHECK_INT(wazero_error_kind(error), WAZERO_ERROR_INVALID);
    wazero_error_delete(error);
    error = wazero_inspect(NULL, NULL, 0, &inspection);
    if (CHECK(error != NULL))
        CHECK_CONTAINS(wazero_error_message(error, NULL), "the input is empty");
    wazero_error_delete(error);
    CHECK(inspection == NULL);
    wazero_inspection_delete(NULL);
}

/* Asks for everything, from bytes that end where they end. */
static void look_around(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size);
    wazero_inspection_t *i = NULL;
    const wazero_function_definition_t *f;
    const wazero_named_t *names;
    wazero_definition_t d;
    wazero_element_segment_t e;
    wazero_data_segment_t s;
    size_t count;
    if (!copy)
        abort();
    memcpy(copy, data, size);
    wazero_error_t *error = wazero_inspect(NULL, copy, size, &i);
    wazero_error_delete(error);
    if (!error) {
        for (int kind = 0; kind <= WAZERO_NAME_TAG; kind++)
            CHECK(
                !wazero_inspection_names(i, (wazero_name_kind_t)kind, &names, &count));
        for (int kind = 0; kind <= WAZERO_EXTERN_TAG; kind++)
            for (size_t n = 0;
                 wazero_inspection_definition(i, (wazero_extern_kind_t)kind, n, &d);
                 n++)
                CHECK(d.index == n && d.init.offset + d.init.size <= size);
        count = wazero_inspection_definition_count(i, WAZERO_EXTERN_FUNCTION);
        for (size_t n = 0; n < count; n++)
            CHECK(!wazero_inspection_function(i, n, &f));
        for (size_t n = 0; wazero_inspection_element(i, n, &e); n++)
            CHECK(e.offset.offset + e.offset.size <= size);
        for (size_t n = 0; wazero_inspection_data(i, n, &s); n++)
            CHECK(s.position + s.size <= size);
        wazero_inspection_delete(i);
    }
    free(copy);
}

TEST(every_truncation)
{
    bytes_t m = rich_module();
    for (size_t size = 1; size <= m.size; size++)
        look_around(m.data, size);
    clear(&m);
}

TEST(mutations_of_every_byte)
{
    bytes_t m = rich_module();
    for (size_t n = 8; n < m.size; n++) {
        uint8_t kept = m.data[n];
        const uint8_t others[] = {
            0, 1, 0x0b, 0x7f, 0x80, 0xff, (uint8_t)(kept + 1), (uint8_t)(kept - 1)};
        for (size_t k = 0; k < sizeof others; k++) {
            m.data[n] = others[k];
            look_around(m.data, m.size);
        }
        m.data[n] = kept;
    }
    clear(&m);
}

/* Many of everything take time in proportion. */
TEST(many_functions_and_exports)
{
    enum { COUNT = 50000 };
    bytes_t m = new_module(), types = {0}, exports = {0}, code = {0};
    SECTION(&m, 1, 1, 0x60, 0, 0);
    put_u32(&types, COUNT);
    put_u32(&exports, COUNT);
    put_u32(&code, COUNT);
    for (uint32_t n = 0; n < COUNT; n++) {
        PUT(&types, 0);
        PUT(&exports, 4, (uint8_t)('a' + n % 16), (uint8_t)('a' + n / 16 % 16),
            (uint8_t)('a' + n / 256 % 16), (uint8_t)('a' + n / 4096), 0);
        put_u32(&exports, COUNT - 1 - n);
        PUT(&code, 2, 0, 0x0b);
    }
    end_section(&m, 3, &types);
    end_section(&m, 7, &exports);
    end_section(&m, 10, &code);
    wazero_inspection_t *i = inspect(&m);
    for (uint32_t n = 0; n < COUNT; n++) {
        const wazero_function_definition_t *f = function_of(i, n);
        const wazero_extern_t *export = wazero_inspection_export(i, COUNT - 1 - n);
        if (f->export_name_count != 1 ||
            memcmp(f->export_names[0].data, export->name, 5) != 0)
            CHECK(!"its export's name");
    }
    wazero_inspection_delete(i);
    clear(&m);
}

TEST_MAIN
