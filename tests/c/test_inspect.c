/*
 * test_inspect.c - what a parsed module knows of itself beside its imports and exports:
 * where its parts are, and its names.
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

TEST_MAIN
