/*
 * test_parse.c - the parser of modules: what it hands out, what it refuses and how it
 * says so, and what it rewrites for Go.
 */
#include "parse_support.h"

/* Adds all that a section may hold. */
static bytes_t full_module(void)
{
    bytes_t m = new_module();
    SECTION(&m, 1, 4, 0x60, 0, 0, 0x60, 2, 0x7f, 0x7b, 1, 0x7e, 0x4e, 1, 0x60, 1, 0x64,
            0, 1, 0x63, 0x70, 0x60, 1, 0x7c, 0);
    SECTION(&m, 2, 5, 1, 'm', 1, 'f', 0, 0, 1, 'm', 1, 't', 1, 0x6f, 1, 1, 2, 1, 'm', 1,
            'g', 3, 0x7d, 1, 1, 'm', 1, 'e', 4, 0, 0, 1, 'm', 1, 'x', 2, 0x03, 1, 2);
    SECTION(&m, 3, 2, 0, 1);
    SECTION(&m, 4, 3, 0x70, 0, 1, 0x70, 1, 1, 0x90, 0x4e, 0x40, 0, 0x63, 0x70, 0, 5,
            0xd0, 0x70, 0x0b);
    SECTION(&m, 13, 1, 0, 3);
    SECTION(&m, 6, 2, 0x7f, 0, 0x41, 7, 0x41, 1, 0x6a, 0x0b, 0x7b, 1, 0xfd, 0x0c, 0, 1,
            2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x0b);
    SECTION(&m, 7, 5, 1, 'f', 0, 2, 1, 't', 1, 1, 2, 0xc3, 0xa9, 2, 0, 1, 'g', 3, 1, 0,
            4, 1);
    SECTION(&m, 8, 1);
    SECTION(&m, 9, 4, 0, 0x41, 0, 0x0b, 2, 0, 1, 1, 0, 1, 1, 5, 0x70, 1, 0xd2, 0, 0x0b,
            6, 1, 0x41, 0, 0x0b, 0x63, 0x70, 1, 0xd0, 0x70, 0x0b);
    SECTION(&m, 12, 2);
    SECTION(&m, 10, 2, 23, 2, 3, 0x7f, 1, 0x63, 0, 2, 0x40, 3, 0x40, 0x41, 0, 0x0e, 1,
            0, 1, 0x0b, 0x0b, 0x1f, 0x40, 0, 0x0b, 0x0b, 6, 0, 0x20, 0, 0xac, 1, 0x0b);
    SECTION(&m, 11, 2, 0, 0x41, 0, 0x0b, 2, 'h', 'i', 1, 1, 'x');
    SECTION(&m, 0, 4, 'n', 'a', 'm', 'e', 0, 4, 3, 'm', 'o', 'd', 1, 4, 1, 0, 1, 'f', 2,
            6, 1, 0, 1, 0, 1, 'l', 9, 1, 0);
    SECTION(&m, 0, 1, 'c', 1, 2, 3);
    return m;
}

/* ---- header and sections ---- */

static void header_refused(const void *data, size_t size, const char *part, int line)
{
    bytes_t module = {0};
    put(&module, data, size);
    refused_with(&module, &DEFAULTS, part, line);
}
#define HEADER_REFUSED(text, part)                                                     \
    header_refused((text), sizeof(text) - 1, (part), __LINE__)

TEST(header)
{
    HEADER_REFUSED("", "invalid magic number: the input is empty");
    HEADER_REFUSED(
        "\x7f"
        "ELF....",
        "invalid magic number: not a WebAssembly module: it begins with 7f 45 "
        "4c 46 (an ELF file, a program for this machine), expected 00 61 73 6d");
    HEADER_REFUSED("#!/bin/sh", "23 21 2f 62 (a script)");
    HEADER_REFUSED("\x1f\x8b\x08", "begins with 1f 8b 08 (gzip");
    HEADER_REFUSED("PK\x03\x04", "zip archive");
    HEADER_REFUSED("(module)", "the text format; compile it first, e.g. with wat2wasm");
    HEADER_REFUSED(" \n;; comment", "the text format");
    HEADER_REFUSED("x", "it begins with 78, expected");
    HEADER_REFUSED("\0as", "invalid version header: unexpected end at offset 0x3");
    HEADER_REFUSED("\0asm\1\0\0", "invalid version header: unexpected end");
    HEADER_REFUSED("\0asm\2\0\0\0", "invalid version header: got 02 00 00 00");
    HEADER_REFUSED("\0asm\x0d\0\1\0",
                   "this is a WebAssembly component; components are not");
    wazero_error_t *error = wazero__parse(NULL, 0, &DEFAULTS, NULL);
    CHECK(error != NULL);
    wazero_error_delete(error);
}

TEST(empty_module)
{
    bytes_t module = new_module();
    wazero__parsed_t *parsed = parse(&module);
    CHECK_INT(parsed->type_count + parsed->import_count + parsed->export_count, 0);
    CHECK(!parsed->bytes && !parsed->has_start && !parsed->has_memory);
    CHECK_STR(parsed->name, "");
    CHECK(wazero__parsed_export(parsed, "", 0) == NULL);
    wazero__parsed_delete(parsed);
    wazero__parsed_delete(NULL);
}

TEST(sections)
{
    SECTION_REFUSED("invalid section id: 14 at offset 0x8", 14, 0);
    SECTION_REFUSED(
        "section type: invalid section length: expected to be 3 but got 1 at "
        "offset 0xb",
        1, 0, 0, 0);
    bytes_t m = new_module();
    SECTION(&m, 3, 0);
    SECTION(&m, 1, 0);
    REFUSED(
        &m,
        "invalid section order: section type comes twice or too late at offset 0xb");
    m = new_module();
    SECTION(&m, 1, 0);
    SECTION(&m, 1, 0);
    REFUSED(&m, "invalid section order");
    m = new_module();
    SECTION(&m, 6, 0);
    SECTION(&m, 13, 0);
    REFUSED(&m, "invalid section order: section tag");
    m = new_module();
    PUT(&m, 1, 5, 0);
    REFUSED(&m, "section type: its size is 5, but only 1 bytes are left at offset 0x8");
    m = new_module();
    PUT(&m, 1, 0xff, 0xff, 0xff, 0xff, 0x1f);
    REFUSED(&m, "the size of a section overflows a 32-bit integer at offset 0x9");
    m = new_module();
    PUT(&m, 1, 0xff);
    REFUSED(&m, "unexpected end in the size of a section at offset 0xa");
}

TEST(full_module_is_understood)
{
    bytes_t module = full_module();
    wazero__parsed_t *parsed = parse(&module);
    CHECK_INT(parsed->type_count, 4);
    CHECK_INT(parsed->types[1].param_slot_count, 3);
    CHECK_INT(parsed->types[1].slot_count, 3);
    CHECK_INT(parsed->types[2].params[0], WAZERO_TYPE_REF);
    CHECK_INT(parsed->types[2].results[0], WAZERO_TYPE_FUNCREF);
    CHECK_INT(parsed->function_count, 3);
    CHECK_INT(parsed->imported_function_count, 1);
    CHECK_INT(parsed->functions[2], 1);
    CHECK(parsed->has_start);
    CHECK_INT(parsed->start, 1);
    CHECK_STR(parsed->name, "mod");
    CHECK(parsed->has_memory && parsed->memory_imported && parsed->memory.shared);
    CHECK_INT(parsed->memory.max, 2);
    CHECK_INT(parsed->import_count, 5);
    CHECK_STR(parsed->imports[2].module, "m");
    CHECK_STR(parsed->imports[2].name, "g");
    CHECK_INT(parsed->imports[2].kind, WAZERO_EXTERN_GLOBAL);
    CHECK_INT(parsed->imports[2].type.global.value, WAZERO_TYPE_F32);
    CHECK(parsed->imports[2].type.global.is_mutable);
    CHECK_INT(parsed->imports[1].type.table.element, WAZERO_TYPE_EXTERNREF);
    CHECK_INT(parsed->imports[1].type.table.limits.max, 2);
    CHECK_INT(parsed->export_count, 5);
    const wazero_extern_t *f = wazero__parsed_export(parsed, "f", 1);
    if (CHECK(f != NULL)) {
        CHECK_STR(f->module, "");
        CHECK_INT(f->index, 2);
        CHECK_INT(f->type.function.param_count, 2);
    }
    const wazero_extern_t *memory = wazero__parsed_export(parsed, "\xc3\xa9", 2);
    CHECK(memory && memory->kind == WAZERO_EXTERN_MEMORY &&
          memory->type.memory.min == 1);
    const wazero_extern_t *tag = wazero__parsed_export(parsed, "", 0);
    CHECK(tag && tag->kind == WAZERO_EXTERN_TAG &&
          tag->type.function.params[0] == WAZERO_TYPE_F64);
    const wazero_extern_t *global = wazero__parsed_export(parsed, "g", 1);
    CHECK(global && global->type.global.value == WAZERO_TYPE_I32);
    const wazero_extern_t *table = wazero__parsed_export(parsed, "t", 1);
    CHECK(table && !table->type.table.limits.has_max);
    CHECK(wazero__parsed_export(parsed, "h", 1) == NULL);
    wazero__parsed_delete(parsed);
}

/* ---- counts that nothing backs ---- */

#define HUGE_COUNT 0xff, 0xff, 0xff, 0xff, 0x0f

TEST(huge_counts)
{
    static const char PART[] = "count 4294967295 is more than the";
    SECTION_REFUSED(
        "section type: types: count 4294967295 is more than the 0 bytes left "
        "allow at offset 0xa",
        1, HUGE_COUNT);
    SECTION_REFUSED(PART, 1, 1, 0x60, HUGE_COUNT);
    SECTION_REFUSED(PART, 1, 1, 0x60, 0, HUGE_COUNT);
    SECTION_REFUSED(PART, 1, 1, 0x4e, HUGE_COUNT);
    SECTION_REFUSED(PART, 2, HUGE_COUNT);
    SECTION_REFUSED(PART, 3, HUGE_COUNT);
    SECTION_REFUSED(PART, 4, HUGE_COUNT);
    SECTION_REFUSED(PART, 5, HUGE_COUNT);
    SECTION_REFUSED(PART, 6, HUGE_COUNT);
    SECTION_REFUSED(PART, 7, HUGE_COUNT);
    SECTION_REFUSED(PART, 9, HUGE_COUNT);
    SECTION_REFUSED(PART, 9, 1, 0, 0x0b, HUGE_COUNT);
    SECTION_REFUSED(PART, 9, 1, 4, 0x0b, HUGE_COUNT);
    SECTION_REFUSED(PART, 10, HUGE_COUNT);
    SECTION_REFUSED(PART, 11, HUGE_COUNT);
    SECTION_REFUSED(PART, 13, HUGE_COUNT);
    SECTION_REFUSED(PART, 0, 4, 'n', 'a', 'm', 'e', 1, 5, HUGE_COUNT);
    SECTION_REFUSED(PART, 0, 4, 'n', 'a', 'm', 'e', 2, 5, HUGE_COUNT);
    SECTION_REFUSED(PART, 0, 4, 'n', 'a', 'm', 'e', 2, 7, 1, 0, HUGE_COUNT);
    CODE_REFUSED(PART, HUGE_COUNT, 0x0b);
}

TEST(huge_sizes)
{
    static const char PART[] = "4294967295 bytes claimed, but only";
    SECTION_REFUSED(
        "section import: import module: 4294967295 bytes claimed, but only 2 are "
        "left at offset 0x10",
        2, 1, HUGE_COUNT, 1, 1);
    SECTION_REFUSED(PART, 2, 1, 1, 'm', HUGE_COUNT);
    SECTION_REFUSED(PART, 7, 1, HUGE_COUNT);
    SECTION_REFUSED(PART, 11, 1, 0, 0x0b, HUGE_COUNT);
    SECTION_REFUSED(PART, 11, 1, 1, HUGE_COUNT);
    SECTION_REFUSED(PART, 0, HUGE_COUNT);
    SECTION_REFUSED(PART, 0, 4, 'n', 'a', 'm', 'e', 0, 5, HUGE_COUNT);
    SECTION_REFUSED(PART, 0, 4, 'n', 'a', 'm', 'e', 1, 7, 1, 0, HUGE_COUNT);
    SECTION_REFUSED("its size is 4294967295, but only 0 bytes are left", 0, 4, 'n', 'a',
                    'm', 'e', 1, HUGE_COUNT);
    CODE_REFUSED(
        "function[0]: too many locals: 4294967295, parameters included; the limit "
        "is 50000",
        1, HUGE_COUNT, 0x7f, 0x0b);
    CODE_REFUSED("br_table has more targets than the limit of 65520", 0, 0x0e,
                 HUGE_COUNT, 0x0b);
}

/* ---- the other limits ---- */

TEST(count_limits)
{
    static const uint8_t type[] = {0x60, 0, 0}, global[] = {0x7f, 0, 0x0b};
    static const uint8_t table[] = {0x70, 0, 0}, segment[] = {1, 0};
    const struct {
        uint8_t id;
        uint32_t limit;
        const uint8_t *item;
        size_t size;
        const char *part;
    } cases[] = {
        {1, 1000000, type, 3, "types: count 1000001 is over the limit of 1000000"},
        {6, 1000000, global, 3, "globals: count 1000001 is over the limit of 1000000"},
        {4, 100000, table, 3, "tables: count 100001 is over the limit of 100000"},
        {11, 100000, segment, 2,
         "data segments: count 100001 is over the limit of 100000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bytes_t module = new_module(), payload = {0};
        put_u32(&payload, cases[i].limit + 1);
        repeat(&payload, cases[i].limit + 1, cases[i].item, cases[i].size);
        end_section(&module, cases[i].id, &payload);
        REFUSED(&module, cases[i].part);
    }
}

TEST(param_and_result_limits)
{
    for (int results = 0; results < 2; results++) {
        for (uint32_t count = 1000; count <= 1001; count++) {
            bytes_t module = new_module(), payload = {0};
            PUT(&payload, 1, 0x60);
            if (results)
                PUT(&payload, 0);
            put_u32(&payload, count);
            repeat(&payload, count, "\x7b", 1);
            if (!results)
                PUT(&payload, 0);
            end_section(&module, 1, &payload);
            if (count == 1001) {
                REFUSED(&module, "count 1001 is over the limit of 1000");
                continue;
            }
            wazero__parsed_t *parsed = parse(&module);
            CHECK_INT(parsed->types[0].slot_count, 2000);
            wazero__parsed_delete(parsed);
        }
    }
}

TEST(types_have_a_limit_together)
{
    uint8_t type[1003] = {0x60, 0xe8, 0x07}; /* 1000 parameters */
    memset(type + 3, 0x7f, 1000);
    for (uint32_t count = 5000; count <= 5001; count++) {
        bytes_t module = new_module(), payload = {0};
        put_u32(&payload, count);
        for (uint32_t i = 0; i < count; i++) {
            repeat(&payload, 1, type, 1003);
            PUT(&payload, 0);
        }
        end_section(&module, 1, &payload);
        if (count == 5001) {
            REFUSED(&module, "types: all together have 5001000 parameters and results; "
                             "the limit is 5000000");
            continue;
        }
        wazero__parsed_t *parsed = parse(&module);
        CHECK_INT(parsed->type_count, 5000);
        wazero__parsed_delete(parsed);
    }
}

TEST(locals_include_parameters)
{
    for (uint8_t extra = 0; extra < 2; extra++) {
        bytes_t module = new_module();
        SECTION(&module, 1, 1, 0x60, 2, 0x7f, 0x7f, 0);
        SECTION(&module, 3, 1, 0);
        /* 49,998 are 0xce 0x86 0x03 */
        SECTION(&module, 10, 1, 6, 1, (uint8_t)(0xce + extra), 0x86, 0x03, 0x7f, 0x0b);
        if (extra)
            REFUSED(&module, "function[0]: too many locals: 50001");
        else
            wazero__parsed_delete(parse(&module));
    }
    CODE_REFUSED("1001 locals of a type that cannot be null; the limit is 1000", 1,
                 0xe9, 7, 0x64, 0x70, 0x0b);
    CODE_ACCEPTED(1, 0xe8, 7, 0x64, 0x70, 0x0b);
}

TEST(locals_of_all_functions)
{
    static const uint8_t body[] = {6, 1, 0xd0, 0x86, 0x03, 0x7f, 0x0b}; /* 50,000 */
    for (uint32_t count = 200; count <= 201; count++) {
        bytes_t module = new_module(), payload = {0};
        SECTION(&module, 1, 1, 0x60, 0, 0);
        put_u32(&payload, count);
        repeat(&payload, count, "\0", 1);
        end_section(&module, 3, &payload);
        put_u32(&payload, count);
        repeat(&payload, count, body, sizeof body);
        end_section(&module, 10, &payload);
        if (count == 201)
            REFUSED(&module, "all functions together have 10050000 locals");
        else
            wazero__parsed_delete(parse(&module));
    }
}

TEST(nesting)
{
    for (size_t depth = 5000; depth <= 5001; depth++) {
        bytes_t code = {0};
        PUT(&code, 0);
        repeat(&code, depth, "\x02\x40", 2);
        repeat(&code, depth + 1, "\x0b", 1);
        bytes_t module = function_module(code.data, code.size);
        clear(&code);
        if (depth > 5000)
            REFUSED(&module,
                    "blocks are nested deeper than the limit of 5000 at offset");
        else
            wazero__parsed_delete(parse(&module));
    }
}

TEST(values_moved)
{
    /* 10,000 calls of a function with 1,000 results, dropped by unreachable. */
    bytes_t module = new_module(), payload = {0};
    PUT(&payload, 1, 0x60, 0, 0xe8, 7);
    repeat(&payload, 1000, "\x7f", 1);
    end_section(&module, 1, &payload);
    SECTION(&module, 3, 1, 0);
    PUT(&payload, 1, 0xa2, 0x9c, 1, 0); /* 20,002 bytes: 0, calls, end */
    repeat(&payload, 10000, "\x10\x00", 2);
    PUT(&payload, 0x0b);
    end_section(&module, 10, &payload);
    REFUSED(&module,
            "calls, branches and blocks move 10000000 values, too many for 20006 "
            "bytes of code");
}

TEST(locals_times_blocks)
{
    bytes_t code = {0};
    PUT(&code, 1, 0x90, 0x4e, 0x7f); /* 10,000 locals */
    repeat(&code, 10000, "\x20\x00\x1a", 3);
    repeat(&code, 10001, "\x02\x40\x0b", 3);
    PUT(&code, 0x0b);
    bytes_t module = function_module(code.data, code.size);
    clear(&code);
    REFUSED(&module, "10000 locals in use times 10001 blocks and branches");
}

/* A function of these parts in turn, and an end. */
typedef struct {
    const char *code;
    size_t size;
    size_t count;
} part_t;
#define PART(code, count) {(code), sizeof(code) - 1, (count)}

static bytes_t function_of(const part_t *parts, size_t count)
{
    bytes_t code = {0};
    PUT(&code, 0);
    for (size_t i = 0; i < count; i++)
        repeat(&code, parts[i].count, parts[i].code, parts[i].size);
    PUT(&code, 0x0b);
    bytes_t module = function_module(code.data, code.size);
    clear(&code);
    return module;
}
#define FUNCTION_OF(...)                                                               \
    function_of((const part_t[]){__VA_ARGS__},                                         \
                sizeof((const part_t[]){__VA_ARGS__}) / sizeof(part_t))

#define LOAD "\x41\x00\x28\x02\x00\x1a" /* i32.const 0, i32.load, drop */
#define LEAVE "\x41\x00\x0d\x00"        /* i32.const 0, br_if 0 */
#define KEPT "memory accesses on the ways to its blocks; the limit is 80000000"

TEST(kept_accesses)
{
    bytes_t module = FUNCTION_OF(PART(LOAD, 10000), PART(LEAVE, 10000));
    REFUSED(&module, KEPT);
    module = FUNCTION_OF(PART(LOAD, 10000), PART("\x41\x00\x04\x40\x05\x0b", 3000));
    REFUSED(&module, KEPT);
    module = FUNCTION_OF(PART(LOAD, 10000), PART("\x03\x40\x0b", 10000));
    REFUSED(&module, KEPT);
    /* An access that is on one of two ways only is forgotten behind them. */
    module = FUNCTION_OF(PART("\x41\x00\x04\x40" LOAD "\x0b", 20000));
    wazero__parsed_t *parsed = parse(&module);
    CHECK(parsed && parsed->cost > 0 && parsed->cost < 300000000);
    wazero__parsed_delete(parsed);
    module = FUNCTION_OF(PART("\x02\x40" LEAVE, 1), PART(LOAD, 10000), PART("\x0b", 1),
                         PART(LEAVE, 10000));
    wazero__parsed_delete(parse(&module));
    /* Not so if the other way leads nowhere. */
    const char *const ends[] = {"\x00", "\x0f", "\x0c\x01", "\x0c\x02", "\x12\x00"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t size = ends[i][0] == 0x0c || ends[i][0] == 0x12 ? 2 : 1;
        module = FUNCTION_OF(PART("\x03\x40\x41\x00\x04\x40", 1), {ends[i], size, 1},
                             PART("\x05", 1), PART(LOAD, 10000), PART("\x0b", 1),
                             PART(LEAVE, 10000), PART("\x0b", 1));
        REFUSED(&module, KEPT);
    }
    /* A branch in code that nothing gets to is no way. */
    module =
        FUNCTION_OF(PART("\x02\x40\x41\x00\x04\x40\x00\x02\x40\x0c\x02\x0b\x0b", 1),
                    PART(LOAD, 10000), PART("\x0b", 1), PART(LEAVE, 10000));
    REFUSED(&module, KEPT);
}

TEST(blocks)
{
    bytes_t code = {0};
    PUT(&code, 0);
    repeat(&code, 500001, "\x02\x40\x0b", 3);
    PUT(&code, 0x0b);
    bytes_t module = function_module(code.data, code.size);
    clear(&code);
    REFUSED(&module, "function[0]: 500001 blocks and branches; the limit is 500000");
}

TEST(elements_of_all_segments)
{
    for (int over = 0; over < 2; over++) {
        bytes_t module = new_module(), payload = {0};
        PUT(&payload, 2);
        for (int i = 0; i < 2; i++) {
            uint32_t count = 4999999 + (uint32_t)(i & over);
            PUT(&payload, 1, 0);
            put_u32(&payload, count);
            repeat(&payload, count, "\0", 1);
        }
        end_section(&module, 9, &payload);
        if (over)
            REFUSED(&module,
                    "elements: more than the limit of 10000000 in all segments");
        else
            wazero__parsed_delete(parse(&module));
    }
}

TEST(body_size)
{
    bytes_t code = {0};
    PUT(&code, 0);
    repeat(&code, 7654320, "\x01", 1);
    PUT(&code, 0x0b);
    bytes_t module = function_module(code.data, code.size);
    clear(&code);
    REFUSED(&module, "function[0]: its size is 7654322, the limit is 7654321");
}

/* ---- declarations ---- */

TEST(types_refused)
{
    SECTION_REFUSED("type 0: invalid byte: 0x5f != 0x60", 1, 1, 0x5f, 0, 0);
    SECTION_REFUSED("invalid value type: 0x40 in parameter types at offset 0xd", 1, 1,
                    0x60, 1, 0x40, 0);
    SECTION_REFUSED("unknown abstract heap type: -18", 1, 1, 0x60, 1, 0x63, 0x6e, 0);
    SECTION_REFUSED("a heap type overflows a 33-bit integer", 1, 1, 0x60, 1, 0x63, 0x80,
                    0x80, 0x80, 0x80, 0x20, 0);
    SECTION_REFUSED("unexpected end in result types at offset 0xd", 1, 1, 0x60, 0);
}

TEST(imports_refused)
{
    SECTION_REFUSED("import module is not valid UTF-8 at offset 0xb", 2, 1, 1, 0xff, 0,
                    0, 0);
    SECTION_REFUSED("import name is not valid UTF-8", 2, 1, 0, 2, 0xc0, 0x80, 0, 0);
    SECTION_REFUSED("import[0] func[m.f]: type index 3 out of range", 2, 1, 1, 'm', 1,
                    'f', 0, 3);
    SECTION_REFUSED("import[0]: invalid byte for importdesc: 0x5", 2, 1, 0, 0, 5, 0);
    SECTION_REFUSED(
        "invalid byte for limits: 0x4 not in (0x00, 0x01, 0x02, 0x03) (64-bit "
        "memories and tables are not supported)",
        2, 1, 0, 0, 2, 4, 0);
    SECTION_REFUSED("import[1] memory[.]: at most one memory allowed in module", 2, 2,
                    0, 0, 2, 0, 0, 0, 0, 2, 0, 0);
    SECTION_REFUSED("import[0] table[.]: tables cannot be marked as shared", 2, 1, 0, 0,
                    1, 0x70, 3, 0, 0);
    SECTION_REFUSED("invalid byte for mutability: 0x2 != 0x00 or 0x01", 2, 1, 0, 0, 3,
                    0x7f, 2);
    SECTION_REFUSED("import[0] tag[.]: invalid tag attribute: 0x1", 2, 1, 0, 0, 4, 1,
                    0);
    SECTION_REFUSED("import[0] tag[.]: tag type index 0 out of range", 2, 1, 0, 0, 4, 0,
                    0);
}

TEST(definitions_refused)
{
    SECTION_REFUSED("invalid function[0]: type section index 0 out of range", 3, 1, 0);
    SECTION_REFUSED("expected 0x00 after 0x40 table prefix, got 0x01", 4, 1, 0x40, 1,
                    0x70, 0, 0);
    SECTION_REFUSED("table size minimum must not be greater than maximum: 2 > 1", 4, 1,
                    0x70, 1, 2, 1);
    SECTION_REFUSED("section memory: at most one memory allowed in module, but read 2",
                    5, 2, 0, 0, 0, 0);
    SECTION_REFUSED("section memory: min 2 pages (128 Ki) > max 1 pages (64 Ki)", 5, 1,
                    1, 2, 1);
    SECTION_REFUSED(
        "section memory: max 65537 pages (4 Gi) over limit of 65536 pages (4 Gi)", 5, 1,
        1, 0, 0x81, 0x80, 4);
    SECTION_REFUSED("tag type index 0 out of range", 13, 1, 0, 0);
    bytes_t m = new_module();
    SECTION(&m, 1, 1, 0x60, 0, 0);
    SECTION(&m, 3, 1, 0);
    REFUSED(&m, "function and code section have inconsistent lengths: 1 != 0");
    SECTION_REFUSED("inconsistent lengths: 0 != 1", 10, 1, 2, 0, 0x0b);
    wazero__parse_limits_t one = {
        .memory_pages = 1, .table_elements = 3, .features = 0xfff};
    m = new_module();
    SECTION(&m, 5, 1, 0, 2);
    REFUSED_WITH(&m, &one,
                 "section memory: min 2 pages (128 Ki) over limit of 1 pages (64 Ki)");
    m = new_module();
    SECTION(&m, 4, 1, 0x70, 0, 4);
    REFUSED_WITH(&m, &one, "section table: table[0]: min 4 elements over limit of 3");
    m = new_module();
    SECTION(&m, 4, 2, 0x70, 0, 2, 0x70, 0, 2);
    REFUSED_WITH(&m, &one,
                 "table[1]: all tables together have min 4 elements, over limit "
                 "of 3");
}

TEST(exports_refused)
{
    SECTION_REFUSED("unknown function for export[\"f\"]: index 0, but there are 0", 7,
                    1, 1, 'f', 0, 0);
    SECTION_REFUSED("table for export[\"\"] out of range", 7, 1, 0, 1, 0);
    SECTION_REFUSED("memory for export[\"\"] out of range", 7, 1, 0, 2, 0);
    SECTION_REFUSED("unknown global for export[\"\"]", 7, 1, 0, 3, 0);
    SECTION_REFUSED("tag for export[\"\"] out of range", 7, 1, 0, 4, 0);
    SECTION_REFUSED("export[0]: invalid byte for exportdesc: 0x7", 7, 1, 0, 7, 0);
    SECTION_REFUSED("export name is not valid UTF-8", 7, 1, 1, 0x80, 7, 0);
    bytes_t m = new_module();
    SECTION(&m, 5, 1, 0, 0);
    SECTION(&m, 7, 2, 1, 'a', 2, 0, 1, 'a', 2, 0);
    REFUSED(&m, "section export: export[1] duplicates name \"a\"");
    /* A long name is cut, between characters. */
    bytes_t payload = {0};
    m = new_module();
    PUT(&payload, 1, 0x83, 1, 'x');
    repeat(&payload, 65, "\xc3\xa9", 2);
    PUT(&payload, 0, 0);
    end_section(&m, 7, &payload);
    REFUSED(&m, "\xc3\xa9\"]: index 0, but there are 0");
}

TEST(start_refused)
{
    SECTION_REFUSED("invalid start function: func[0] has an invalid type", 8, 0);
    bytes_t m = new_module();
    SECTION(&m, 1, 1, 0x60, 2, 0x7f, 0x7e, 0);
    SECTION(&m, 2, 1, 0, 0, 0, 0);
    SECTION(&m, 8, 0);
    REFUSED(&m,
            "invalid start function: func[0] must have an empty (nullary) signature: "
            "i32i64_v");
}

TEST(segments_refused)
{
    SECTION_REFUSED("invalid element segment prefix: 0x8", 9, 1, 8, 0, 0);
    SECTION_REFUSED("element kind must be zero but was 0x1", 9, 1, 1, 1, 0);
    SECTION_REFUSED("invalid ref type for element: 0x7f", 9, 1, 5, 0x7f, 0);
    SECTION_REFUSED("invalid byte for const expression op code: 0x20", 9, 1, 0, 0x20, 0,
                    0x0b, 0);
    SECTION_REFUSED("unexpected end in a constant expression", 9, 1, 0, 0x41, 0x80);
    SECTION_REFUSED("a number in a constant expression is too long", 9, 1, 0, 0x41,
                    0x80, 0x80, 0x80, 0x80, 0x80, 0, 0x0b, 0);
    SECTION_REFUSED("invalid vector opcode for const expression", 6, 1, 0x7b, 0, 0xfd,
                    0, 0x0b);
    SECTION_REFUSED("invalid data segment prefix: 0x3", 11, 1, 3, 0);
    SECTION_REFUSED("memory index must be zero but was 1", 11, 1, 2, 1, 0x0b, 0);
}

TEST(names)
{
    SECTION_REFUSED("module name is not valid UTF-8", 0, 4, 'n', 'a', 'm', 'e', 0, 2, 1,
                    0xff);
    SECTION_REFUSED("subsection 0 of names has 1 bytes too many", 0, 4, 'n', 'a', 'm',
                    'e', 0, 3, 1, 'a', 0);
    SECTION_REFUSED("custom section name is not valid UTF-8", 0, 1, 0xff);
    bytes_t m = new_module();
    SECTION(&m, 0, 4, 'n', 'a', 'm', 'e', 0, 1, 0);
    SECTION(&m, 0, 4, 'n', 'a', 'm', 'e');
    REFUSED(&m, "redundant custom section name");
}

/* ---- instructions ---- */

TEST(immediates)
{
    /* One of each kind; the scan does not mind types. */
    static const uint8_t code[] = {
        0,    0x20, 0x80, 0x00, 0x23, 0x01, 0x28, 2,    0x80, 0x01, 0x3f, 0,    0x41,
        0xff, 0x7f, 0x42, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f,
        0x43, 0x0b, 0x0b, 0x0b, 0x0b, 0x44, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b,
        0x0b, 0x02, 0x63, 0x70, 0x03, 0x00, 0x04, 0x7f, 0x05, 0x0c, 0x00, 0x0d, 0x03,
        0x0e, 1,    0,    2,    0x0b, 0x0b, 0x0b, 0x0f, 0x10, 0x00, 0x11, 0x00, 0x00,
        0x14, 0x00, 0x1c, 1,    0x70, 0xd0, 0x70, 0xd4, 0xd5, 0x00, 0xfc, 0x08, 0,
        0,    0xfc, 0x0a, 0,    0,    0xfc, 0x0e, 0,    0,    0xfc, 0x00, 0xfd, 0x00,
        0,    0,    0xfd, 0x0c, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b,
        0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0xfd, 0x15, 0x0b, 0xfd, 0x54, 0,
        0,    0x0b, 0xfd, 0x80, 0x01, 0xfe, 0x03, 0,    0xfe, 0x10, 2,    0,    0x1f,
        0x40, 2,    2,    0,    3,    1,    0x0a, 0x0b, 0x0b};
    bytes_t module = function_module(code, sizeof code);
    wazero__parsed_delete(parse(&module));
    /* Cut anywhere, with the last byte put back: an error or not, but no step too
     * far. */
    for (size_t size = 1; size < sizeof code; size++) {
        bytes_t cut = {0};
        put(&cut, code, size);
        PUT(&cut, 0x0b);
        module = function_module(cut.data, cut.size);
        wazero__parsed_t *parsed = NULL;
        wazero_error_delete(parse_copy(module.data, module.size, &DEFAULTS, &parsed));
        wazero__parsed_delete(parsed);
        clear(&cut);
        clear(&module);
    }
}

TEST(instructions_refused)
{
    CODE_REFUSED("function[0]: expr not end with OpcodeEnd", 0, 0x01);
    CODE_REFUSED("function[0]: expr not end with OpcodeEnd", 1, 1, 0x7f);
    CODE_REFUSED(
        "function[0]: what follows opcode 0x41 is cut off or malformed at offset 0x17",
        0, 0x41, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 0x0b);
    CODE_REFUSED("what follows opcode 0x44 is cut off", 0, 0x44, 0x0b);
    CODE_REFUSED("what follows opcode 0x02 is cut off", 0, 0x02, 0xff, 0xff, 0xff, 0xff,
                 0x9f, 0x0b);
    CODE_REFUSED("unknown opcode 0xfd 0x105: relaxed SIMD is not supported", 0, 0xfd,
                 0x85, 0x02, 0x0b);
    CODE_REFUSED("invalid value type: 0x40 in a group of locals", 1, 1, 0x40, 0x0b);
}

TEST(left_to_wazero)
{
    CODE_ACCEPTED(0, 0xff, 0x44, 0x0b);             /* unknown opcode */
    CODE_ACCEPTED(0, 0x06, 0x40, 0x0b);             /* the old try */
    CODE_ACCEPTED(0, 0x0c, 5, 0x0b);                /* no such label */
    CODE_ACCEPTED(0, 0x10, 5, 0x44, 0x0b);          /* no such function */
    CODE_ACCEPTED(0, 0x0b, 0x44, 0x0b);             /* code behind the end */
    CODE_ACCEPTED(0, 0x02, 0x40, 0x0b);             /* a block that is left open */
    CODE_ACCEPTED(0, 0xfc, 0x12, 0x44, 0x0b);       /* unknown opcode behind 0xfc */
    CODE_ACCEPTED(0, 0x1c, 2, 0x7f, 0x44, 0x0b);    /* select of two types */
    CODE_ACCEPTED(0, 0x02, 0x05, 0x44, 0x0b);       /* no such type */
    CODE_ACCEPTED(0, 0x1f, 0x40, 1, 9, 0x44, 0x0b); /* no such catch */
    CODE_ACCEPTED(0, 0x08, 0, 0x44, 0x0b);          /* no such tag */
    CODE_ACCEPTED(0, 0x1f, 0x40, HUGE_COUNT, 0x0b); /* the end is no catch */
}

/* ---- what Go gets ---- */

/* Checks the rewritten bytes, and frees all. */
static void rewritten_to(bytes_t *module, const wazero__parse_limits_t *limits,
                         bytes_t *expected, int line)
{
    wazero__parsed_t *parsed = parse_with(module, limits);
    if (parsed)
        test_check_bytes(parsed->bytes, parsed->size, expected->data, expected->size,
                         "bytes for Go", __FILE__, line);
    wazero__parsed_delete(parsed);
    clear(expected);
}
#define REWRITTEN(module, limits, expected)                                            \
    rewritten_to((module), (limits), (expected), __LINE__)

static const wazero__parse_limits_t SMALL = {
    .memory_pages = 5, .table_elements = 300, .features = 0xfff};

TEST(memory_max_is_lowered)
{
    bytes_t m = new_module(), expected = new_module();
    SECTION(&m, 5, 1, 1, 1, 0x80, 0x80, 4);
    SECTION(&expected, 5, 1, 1, 1, 0x85, 0x80, 0);
    REWRITTEN(&m, &SMALL, &expected);
    m = new_module();
    expected = new_module();
    SECTION(&m, 2, 1, 1, 'm', 0, 2, 3, 1, 6);
    SECTION(&expected, 2, 1, 1, 'm', 0, 2, 3, 1, 5);
    REWRITTEN(&m, &SMALL, &expected);
    m = new_module();
    SECTION(&m, 5, 1, 1, 1, 5);
    wazero__parsed_t *parsed = parse_with(&m, &SMALL);
    CHECK(parsed && !parsed->bytes);
    wazero__parsed_delete(parsed);
}

TEST(declared_memory_is_kept)
{
    bytes_t m = new_module();
    SECTION(&m, 5, 1, 1, 1, 9);
    wazero__parsed_t *parsed = parse_with(&m, &SMALL);
    CHECK_INT(parsed->memory.max, 9);
    wazero__parsed_delete(parsed);
}

TEST(tables_get_a_max)
{
    bytes_t m = new_module(), expected = new_module();
    SECTION(&m, 4, 3, 0x70, 0, 1, 0x6f, 1, 2, 0xff, 0xff, 3, 0x40, 0, 0x70, 0, 0x80, 1,
            0xd0, 0x70, 0x0b);
    SECTION(&expected, 4, 3, 0x70, 1, 1, 0xac, 2, 0x6f, 1, 2, 0xac, 0x82, 0, 0x40, 0,
            0x70, 1, 0x80, 1, 0xac, 2, 0xd0, 0x70, 0x0b);
    REWRITTEN(&m, &SMALL, &expected);
    /* Imported ones stay. */
    m = new_module();
    SECTION(&m, 2, 1, 0, 0, 1, 0x70, 1, 1, 0xff, 0xff, 3);
    wazero__parsed_t *parsed = parse_with(&m, &SMALL);
    CHECK(parsed && !parsed->bytes);
    wazero__parsed_delete(parsed);
}

TEST(table_section_size_keeps_its_padding)
{
    bytes_t m = new_module(), expected = new_module();
    PUT(&m, 4, 0x84, 0x80, 0, 1, 0x70, 0, 1);
    PUT(&expected, 4, 0x86, 0x80, 0, 1, 0x70, 1, 1, 0xac, 2);
    REWRITTEN(&m, &SMALL, &expected);
}

TEST(many_tables_share_growth)
{
    bytes_t m = new_module(), expected = new_module(), a = {0}, b = {0};
    PUT(&a, 17);
    PUT(&b, 17);
    repeat(&a, 16, "\x70\x00\x01", 3);
    repeat(&b, 16, "\x70\x01\x01\x8d\x01", 5); /* 300 * 8 / 17 = 141 */
    PUT(&a, 0x70, 0, 0x96, 1);                 /* 150 is more than that already */
    PUT(&b, 0x70, 1, 0x96, 1, 0x96, 1);
    end_section(&m, 4, &a);
    end_section(&expected, 4, &b);
    REWRITTEN(&m, &SMALL, &expected);
}

TEST(start_is_left_out)
{
    bytes_t m = new_module(), expected = new_module();
    SECTION(&m, 1, 1, 0x60, 0, 0);
    SECTION(&m, 2, 1, 0, 0, 0, 0);
    SECTION(&m, 8, 0x80, 0);
    SECTION(&expected, 1, 1, 0x60, 0, 0);
    SECTION(&expected, 2, 1, 0, 0, 0, 0);
    REWRITTEN(&m, &SMALL, &expected);
}

/* What Go gets of a module whose code a cache has, and of one with DWARF. */
static const uint8_t DIGEST[WAZERO__DIGEST_SIZE] = {0x01, 0x23, 0x45, 0x67, 0x89,
                                                    0xab, 0xcd, 0xef, 0x99};

TEST(known_functions_are_left_out)
{
    wazero__parse_limits_t limits = DEFAULTS;
    bytes_t m = new_module(), expected = new_module();
    limits.known = true;
    limits.digest = DIGEST;
    for (int i = 0; i < 2; i++) {
        bytes_t *b = i ? &expected : &m;
        SECTION(b, 1, 1, 0x60, 0, 0);
        SECTION(b, 3, 2, 0, 0);
        if (!i)
            SECTION(b, 10, 2, 5, 0, 0x41, 1, 0x1a, 0x0b, 2, 0, 0x0b);
    }
    PUT(&expected, 10, 0x89, 0x80, 0x80, 0x80, 0, 2, 3, 0, 0, 0x0b, 3, 0, 0, 0x0b);
    PUT(&expected, 0, 0xae, 0x80, 0x80, 0x80, 0, 13);
    put(&expected, "wazero.digest", 13);
    put(&expected, DIGEST, sizeof DIGEST);
    REWRITTEN(&m, &limits, &expected);
}

TEST(lines_are_marked)
{
    wazero__parse_limits_t limits = DEFAULTS;
    bytes_t m = new_module();
    limits.lines = true;
    limits.digest = DIGEST;
    SECTION(&m, 0, 11, '.', 'd', 'e', 'b', 'u', 'g', '_', 'i', 'n', 'f', 'o', 1);
    wazero__parsed_t *parsed = parse_with(&m, &limits);
    CHECK(parsed && !parsed->has_lines); /* no line table */
    wazero__parsed_delete(parsed);
    m = new_module();
    SECTION(&m, 0, 11, '.', 'd', 'e', 'b', 'u', 'g', '_', 'l', 'i', 'n', 'e', 1);
    SECTION(&m, 0, 11, '.', 'd', 'e', 'b', 'u', 'g', '_', 'i', 'n', 'f', 'o', 1);
    parsed = parse_with(&m, &limits);
    CHECK(parsed && parsed->has_lines);
    static const char MARK[] = "wazero-source-0123456789abcdef";
    CHECK(memmem(parsed->bytes, parsed->size, MARK, sizeof MARK) != NULL);
    CHECK(memmem(parsed->bytes, parsed->size, ".debug_abbrev", 13) != NULL);
    wazero__parsed_drop_bytes(parsed);
    CHECK(!parsed->bytes && parsed->has_lines);
    wazero__parsed_delete(parsed);
}

TEST(all_rewritten_together)
{
    bytes_t m = new_module(), expected = new_module();
    for (int i = 0; i < 2; i++) {
        bytes_t *b = i ? &expected : &m;
        SECTION(b, 1, 1, 0x60, 0, 0);
        SECTION(b, 2, 1, 0, 0, 0, 0);
        if (i)
            SECTION(b, 4, 1, 0x70, 1, 1, 0xac, 2);
        else
            SECTION(b, 4, 1, 0x70, 0, 1);
        SECTION(b, 5, 1, 1, 1, (uint8_t)(i ? 5 : 7));
        if (!i) {
            SECTION(b, 8, 0);
            SECTION(b, 0, 1, 'z', 1, 2, 3);
        }
    }
    REWRITTEN(&m, &SMALL, &expected);
    /* An imported memory lies before the tables. */
    m = new_module();
    expected = new_module();
    SECTION(&m, 2, 1, 0, 0, 2, 1, 1, 7);
    SECTION(&m, 4, 1, 0x70, 0, 1);
    SECTION(&expected, 2, 1, 0, 0, 2, 1, 1, 5);
    SECTION(&expected, 4, 1, 0x70, 1, 1, 0xac, 2);
    REWRITTEN(&m, &SMALL, &expected);
}

/* What Go gets is a module again, and rewriting that changes nothing. */
TEST(rewriting_is_final)
{
    bytes_t m = full_module();
    wazero__parsed_t *first = parse(&m), *second = NULL;
    wazero_error_t *error = parse_copy(first->bytes, first->size, &DEFAULTS, &second);
    CHECK(!error && second && !second->has_start && second->bytes &&
          second->size == first->size &&
          memcmp(second->bytes, first->bytes, first->size) == 0);
    wazero_error_delete(error);
    wazero__parsed_delete(second);
    wazero__parsed_delete(first);
}

/* ---- look-up ---- */

TEST(many_exports_are_found)
{
    bytes_t m = new_module(), payload = {0};
    char name[32];
    SECTION(&m, 5, 1, 0, 0);
    put_u32(&payload, 5000);
    for (int i = 0; i < 5000; i++) {
        int size = snprintf(name, sizeof name, "export number %d", i);
        PUT(&payload, (uint8_t)size);
        put(&payload, name, (size_t)size);
        PUT(&payload, 2, 0);
    }
    end_section(&m, 7, &payload);
    wazero__parsed_t *parsed = parse(&m);
    for (int i = 0; i < 5000; i++) {
        int size = snprintf(name, sizeof name, "export number %d", i);
        CHECK(wazero__parsed_export(parsed, name, (size_t)size) == &parsed->exports[i]);
        CHECK(wazero__parsed_export(parsed, name, (size_t)size - 1) !=
              &parsed->exports[i]);
    }
    wazero__parsed_delete(parsed);
}

/* ---- any bytes ---- */

static void survives(const uint8_t *data, size_t size)
{
    wazero__parsed_t *parsed = NULL;
    wazero_error_t *error = parse_copy(data, size, &SMALL, &parsed);
    CHECK(!error || !parsed);
    wazero_error_delete(error);
    wazero__parsed_delete(parsed);
}

TEST(every_truncation)
{
    bytes_t m = full_module();
    for (size_t size = 0; size <= m.size; size++)
        survives(m.data, size);
    clear(&m);
}

TEST(every_mutation_of_a_byte)
{
    bytes_t m = full_module();
    for (size_t i = 0; i < m.size; i++) {
        uint8_t kept = m.data[i];
        for (int value = 0; value < 256; value++) {
            m.data[i] = (uint8_t)value;
            survives(m.data, m.size);
        }
        m.data[i] = kept;
    }
    clear(&m);
}

/* ---- what wazero decodes without asking whether it is enabled ---- */

static const wazero__parse_limits_t ONLY_V2 = {
    .memory_pages = 65536, .table_elements = 10000000, .features = WAZERO_FEATURES_V2};

static void refused_in_v2(const uint8_t *bytes, size_t size, const char *part)
{
    wazero__parsed_t *parsed = NULL;
    wazero_error_t *error = wazero__parse(bytes, size, &ONLY_V2, &parsed);
    if (CHECK(error != NULL)) {
        CHECK_CONTAINS(wazero_error_message(error, NULL), part);
        wazero_error_delete(error);
    }
    wazero__parsed_delete(parsed);
}

#define MODULE(...) {0, 'a', 's', 'm', 1, 0, 0, 0, __VA_ARGS__}

/* wazero does not look at those of imports at all. */
TEST(references_to_types_that_are_not_there)
{
    SECTION_REFUSED("unknown type 0 at offset 0xe", 1, 1, 0x60, 1, 0x63, 0, 0);
    SECTION_REFUSED("unknown type 1", 1, 1, 0x4e, 1, 0x60, 1, 0x63, 1, 0);
    SECTION_REFUSED("unknown type 1", 1, 2, 0x60, 0, 1, 0x64, 1, 0x60, 0, 0);
    SECTION_REFUSED("unknown type 7", 2, 1, 0, 0, 3, 0x63, 7, 0);
    SECTION_REFUSED("unknown type 0", 2, 1, 0, 0, 1, 0x63, 0, 0, 0);
    SECTION_REFUSED("unknown type 0", 4, 1, 0x63, 0, 0, 0);
    SECTION_REFUSED("unknown type 0", 6, 1, 0x63, 0, 0, 0xd0, 0x70, 0x0b);
    SECTION_REFUSED("unknown type 0", 9, 1, 5, 0x63, 0, 0);
    CODE_REFUSED("unknown type 1", 1, 1, 0x63, 1, 0x0b);
    CODE_ACCEPTED(1, 1, 0x63, 0, 0x0b);
    bytes_t m = new_module(); /* inside a group they may lead forward */
    SECTION(&m, 1, 1, 0x4e, 2, 0x60, 1, 0x63, 1, 0, 0x60, 0, 1, 0x64, 0);
    wazero__parsed_t *parsed = parse(&m);
    if (CHECK(parsed && parsed->type_count == 2)) {
        CHECK_INT(parsed->types[0].param_references[0].index, 1);
        CHECK(parsed->types[0].param_references[0].nullable);
        CHECK(!parsed->types[1].result_references[0].nullable);
    }
    wazero__parsed_delete(parsed);
}

TEST(features_that_wazero_does_not_check)
{
    static const uint8_t typed[] = MODULE(1, 6, 1, 0x60, 1, 0x63, 0x70, 0);
    static const uint8_t exnref[] = MODULE(1, 5, 1, 0x60, 1, 0x69, 0);
    static const uint8_t group[] = MODULE(1, 6, 1, 0x4e, 1, 0x60, 0, 0);
    static const uint8_t table[] =
        MODULE(4, 9, 1, 0x40, 0, 0x70, 0, 0, 0xd0, 0x70, 0x0b);
    static const uint8_t tag[] = MODULE(1, 4, 1, 0x60, 0, 0, 13, 3, 1, 0, 0);
    refused_in_v2(typed, sizeof typed, "typed-function-references, which is disabled");
    refused_in_v2(exnref, sizeof exnref, "exception-handling, which is disabled");
    refused_in_v2(group, sizeof group, "a recursion group needs the feature");
    refused_in_v2(table, sizeof table, "a table with an initial value needs");
    refused_in_v2(tag, sizeof tag, "a tag needs the feature exception-handling");
}

/* Two functions, of which the second has a parameter, and names of more than there are:
 * of functions 0 ("a", a newline, "b"), 1 ("f") and 9; of locals of 9, of 1 (too few,
 * and enough, of which parameter 0 has two). */
static const uint8_t NAMED[] =
    MODULE(1, 8, 2, 0x60, 0, 0, 0x60, 1, 0x7f, 0, 3, 3, 2, 0, 1, 10, 7, 2, 2, 0, 0x0b,
           2, 0, 0x0b, 0, 45, 4, 'n', 'a', 'm', 'e', 0, 3, 2, 'm', '.', 1, 11, 3, 0, 3,
           'a', '\n', 'b', 1, 1, 'f', 9, 0, 2, 20, 3, 9, 1, 0, 1, 'x', 1, 0, 1, 3, 0, 1,
           'y', 7, 0, 0, 3, 'n', 'e', 'w');

static wazero__parsed_t *parse_again(const wazero__parse_limits_t *limits)
{
    wazero__parsed_t *parsed = NULL, *again = NULL;
    CHECK(!wazero__parse(NAMED, sizeof NAMED, limits, &parsed));
    CHECK(!wazero__parse(parsed->bytes, parsed->size, &ONLY_V2, &again));
    wazero__parsed_delete(again);
    return parsed;
}

TEST(names_for_go)
{
    static const char LOCALS[] = "\201\200\200\200\0\201\200\200\200\0\0\3new";
    wazero__parse_limits_t limits = ONLY_V2;
    wazero__parsed_t *parsed = parse_again(&limits);
    CHECK(memmem(parsed->bytes, parsed->size, "\2m.", 3) != NULL);
    CHECK(memmem(parsed->bytes, parsed->size, "\0\3a?b\1\1f", 8) != NULL);
    CHECK(memmem(parsed->bytes, parsed->size, "\3new", 4) == NULL);
    wazero__parsed_delete(parsed);
    limits.param_names = true;
    parsed = parse_again(&limits);
    CHECK(memmem(parsed->bytes, parsed->size, LOCALS, sizeof LOCALS - 1) != NULL);
    CHECK(memmem(parsed->bytes, parsed->size, "x", 1) == NULL);
    wazero__parsed_delete(parsed);
}

/* The core of a module that made compiled code call an address of the guest's choice:
 * wazero compiles the heap type 0x20 as local.get. */
TEST(select_of_a_typed_reference)
{
    static const uint8_t select[] =
        MODULE(1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, 14, 1, 12, 0, 0xd0, 0x70, 0xd0,
               0x70, 0x41, 0, 0x1c, 1, 0x63, 0x20, 0x0b);
    refused_in_v2(select, sizeof select,
                  "select with a type (ref ...) is not supported");
}

TEST_MAIN
