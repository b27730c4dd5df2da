/* Source lines out of DWARF that is put together here, in versions 4 and 5. */
#include "../../lib/dwarf.h"

#include "parse_support.h"

/* ---- putting DWARF together ---- */

static void put_fixed(bytes_t *bytes, unsigned size, uint64_t value)
{
    for (; size--; value >>= 8)
        PUT(bytes, (uint8_t)value);
}

static void put_text(bytes_t *bytes, const char *text)
{
    put(bytes, text, strlen(text) + 1);
}

/* Puts a size of four bytes before what bytes has, and frees that. */
static void put_sized(bytes_t *target, bytes_t *bytes)
{
    put_fixed(target, 4, bytes->size);
    put(target, bytes->data, bytes->size);
    clear(bytes);
}

static void put_custom(bytes_t *module, const char *name, bytes_t *contents)
{
    bytes_t payload = {0};
    put_u32(&payload, (uint32_t)strlen(name));
    put(&payload, name, strlen(name));
    put(&payload, contents->data, contents->size);
    clear(contents);
    end_section(module, 0, &payload);
}

enum { UNIT_BEGIN = 0x10, UNIT_END = 0x90 };

/* The program, the same for all versions: a.c:5 from 0x10, b.h:70:3 from 0x20 to 0x40,
 * a.c:8 from 0x40, the end at 0x60; another sequence: a.c:90 from 0x80, and the end at
 * 0x90. Files are numbered from first. */
static void put_program(bytes_t *program, uint8_t first)
{
    PUT(program, 0, 5, 2, 0x10, 0, 0, 0); /* set address */
    PUT(program, 4, first, 3, 4, 1);      /* file, 4 lines on, a row */
    PUT(program, 2, 0x10, 4, (uint8_t)(first + 1), 5, 3);
    PUT(program, 3, 65 + 0x80, 0, 1);              /* 65 lines on, a row */
    PUT(program, 9, 0x20, 0, 4, first, 5, 0);      /* 32 bytes on, column 0 */
    PUT(program, 3, 0x80 | (-62 & 0x7f), 0x7f, 1); /* 62 lines back, a row */
    PUT(program, 2, 0x20, 0, 1, 1);                /* the end */
    PUT(program, 0, 5, 2, 0x80, 0, 0, 0, 4, first);
    PUT(program, 3, 89 + 0x80, 0, 1, 2, 0x10, 0, 1, 1);
}

static void put_head(bytes_t *head)
{
    PUT(head, 1, 1, 1, 0xfb, 14, 13); /* sizes, base and range of lines, opcodes */
    PUT(head, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1);
}

static void put_lines_4(bytes_t *module)
{
    bytes_t head = {0}, unit = {0}, section = {0};
    put_head(&head);
    put_text(&head, "inc");
    put_text(&head, "/abs/../usr");
    PUT(&head, 0);
    put_text(&head, "a.c");
    PUT(&head, 0, 0, 0);
    put_text(&head, "./x/../b.h");
    PUT(&head, 1, 0, 0);
    put_text(&head, "c.h");
    PUT(&head, 2, 0, 0, 0);
    put_fixed(&unit, 2, 4);
    put_sized(&unit, &head);
    put_program(&unit, 1);
    put_sized(&section, &unit);
    put_custom(module, ".debug_line", &section);
}

static void put_lines_5(bytes_t *module)
{
    bytes_t head = {0}, unit = {0}, section = {0}, strings = {0};
    put_head(&head);
    PUT(&head, 1, 1, 0x1f); /* folders: a path, in .debug_line_str */
    PUT(&head, 2);
    put_fixed(&head, 4, 0);
    put_fixed(&head, 4, 6);
    PUT(&head, 3, 1, 0x08, 2, 0x0b, 5, 0x1e); /* files: path, folder, MD5 */
    PUT(&head, 3);
    const char *const names[] = {"a.c", "b.h", "c.h"};
    for (uint8_t i = 0; i < 3; i++) {
        put_text(&head, names[i]);
        PUT(&head, i == 1);
        repeat(&head, 16, "m", 1);
    }
    put_fixed(&unit, 2, 5);
    PUT(&unit, 4, 0);
    put_sized(&unit, &head);
    put_program(&unit, 0);
    put_sized(&section, &unit);
    put_custom(module, ".debug_line", &section);
    put_text(&strings, "/work");
    put_text(&strings, "/work/inc");
    put_custom(module, ".debug_line_str", &strings);
}

/* Abbreviations: 1 is the unit, 2 a function, 3 and 4 inlined calls (the first one
 * with children) that have ranges, or begin and size. */
static void put_abbreviations(bytes_t *module, unsigned version)
{
    bytes_t section = {0};
    uint8_t offset = 0x17;
    PUT(&section, 1, 0x11, 1, 0x10, offset, 0x1b, 0x08, 0x11, 0x01, 0x12, 0x06, 0, 0);
    PUT(&section, 2, 0x2e, 1, 0x03, 0x08, 0x11, 0x01, 0x12, 0x06, 0, 0);
    PUT(&section, 3, 0x1d, 1, 0x55, offset, 0x58, 0x0b, 0x59, 0x0b, 0, 0);
    PUT(&section, 4, 0x1d, 0, 0x11, 0x01, 0x12, 0x06, 0x58, 0x0b, 0x59, 0x05, 0x57);
    if (version == 5)
        PUT(&section, 0x21, 7, 0, 0, 0); /* the column is in the abbreviation */
    else
        PUT(&section, 0x0b, 0, 0, 0);
    put_custom(module, ".debug_abbrev", &section);
}

static void put_unit(bytes_t *section, unsigned version)
{
    bytes_t unit = {0};
    uint8_t first = version == 5 ? 0 : 1;
    put_fixed(&unit, 2, version);
    if (version == 5)
        PUT(&unit, 1, 4, 0, 0, 0, 0);
    else
        PUT(&unit, 0, 0, 0, 0, 4);
    PUT(&unit, 1, 0, 0, 0, 0);
    put_text(&unit, "/work");
    put_fixed(&unit, 4, UNIT_BEGIN);
    put_fixed(&unit, 4, UNIT_END - UNIT_BEGIN);
    PUT(&unit, 2);
    put_text(&unit, "f");
    put_fixed(&unit, 4, UNIT_BEGIN);
    put_fixed(&unit, 4, 0x50);
    PUT(&unit, 3, 0, 0, 0, 0, first, 6); /* called in a.c:6 */
    PUT(&unit, 4);
    put_fixed(&unit, 4, 0x28);
    put_fixed(&unit, 4, 8);
    PUT(&unit, (uint8_t)(first + 2), 0x39, 0x30); /* called in c.h:12345:7 */
    if (version == 4)
        PUT(&unit, 7);
    PUT(&unit, 0, 0, 0);
    put_sized(section, &unit);
}

/* 0x20 to 0x30 and 0x38 to 0x40. */
static void put_ranges(bytes_t *module, unsigned version)
{
    bytes_t section = {0};
    if (version == 5) {
        PUT(&section, 4, 0x10, 0x20, 5, 0x30, 0, 0, 0, 4, 8, 0x10, 0);
        put_custom(module, ".debug_rnglists", &section);
        return;
    }
    const uint32_t words[] = {0x10, 0x20, 0xffffffff, 0x30, 8, 0x10, 0, 0};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        put_fixed(&section, 4, words[i]);
    put_custom(module, ".debug_ranges", &section);
}

static bytes_t dwarf_module(unsigned version)
{
    bytes_t module = new_module(), info = {0}, other = {0};
    put_abbreviations(&module, version);
    /* Units of other kinds, and of versions to come, come before. */
    PUT(&other, 77, 0, 1, 2, 3);
    put_sized(&info, &other);
    PUT(&other, 5, 0, 2, 4, 0, 0, 0, 0, 1, 2, 3);
    put_sized(&info, &other);
    put_unit(&info, version);
    put_custom(&module, ".debug_info", &info);
    if (version == 5)
        put_lines_5(&module);
    else
        put_lines_4(&module);
    put_ranges(&module, version);
    return module;
}

/* ---- looking up ---- */

typedef struct {
    wazero__parsed_t *parsed;
    wazero__dwarf_t dwarf;
    wazero__dwarf_place_t places[WAZERO__DWARF_INLINED];
    size_t count;
} lookup_t;

/* Keeps the module's bytes, which the sections are in. */
static lookup_t open_dwarf(const bytes_t *module)
{
    wazero__parse_limits_t limits = DEFAULTS;
    lookup_t lookup = {0};
    limits.shallow = true;
    wazero_error_t *error =
        wazero__parse(module->data, module->size, &limits, &lookup.parsed);
    CHECK(!error);
    wazero_error_delete(error);
    wazero__dwarf_open(&lookup.dwarf, lookup.parsed);
    return lookup;
}

static void look_up(lookup_t *lookup, uint64_t address)
{
    lookup->count = wazero__dwarf_find(&lookup->dwarf, address, lookup->places);
}

#define PLACE(lookup, index, path, line_, column_)                                     \
    do {                                                                               \
        CHECK((index) < (lookup).count);                                               \
        CHECK_STR((lookup).places[index].file, (path));                                \
        CHECK_INT((lookup).places[index].line, (line_));                               \
        CHECK_INT((lookup).places[index].column, (column_));                           \
    } while (0)

static void check_version(unsigned version)
{
    bytes_t module = dwarf_module(version);
    lookup_t l = open_dwarf(&module);
    for (uint64_t address = UNIT_BEGIN; address < 0x20; address++) {
        look_up(&l, address);
        CHECK_INT(l.count, 1);
        PLACE(l, 0, "/work/a.c", 5, 0);
    }
    look_up(&l, 0x20);
    CHECK_INT(l.count, 2);
    PLACE(l, 0, "/work/inc/b.h", 70, 3);
    PLACE(l, 1, "/work/a.c", 6, 0);
    look_up(&l, 0x2f); /* two calls deep */
    CHECK_INT(l.count, 3);
    PLACE(l, 0, "/work/inc/b.h", 70, 3);
    PLACE(l, 1, version == 5 ? "/work/c.h" : "/usr/c.h", 12345, 7);
    PLACE(l, 2, "/work/a.c", 6, 0);
    look_up(&l, 0x34); /* between the ranges */
    CHECK_INT(l.count, 1);
    look_up(&l, 0x3f);
    CHECK_INT(l.count, 2);
    look_up(&l, 0x5f);
    CHECK_INT(l.count, 1);
    PLACE(l, 0, "/work/a.c", 8, 0);
    look_up(&l, 0x60); /* between the sequences */
    CHECK_INT(l.count, 0);
    look_up(&l, 0x80);
    PLACE(l, 0, "/work/a.c", 90, 0);
    const uint64_t none[] = {0, 1, UNIT_BEGIN - 1, UNIT_END, UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        look_up(&l, none[i]);
        CHECK_INT(l.count, 0);
    }
    wazero__parsed_delete(l.parsed);
    clear(&module);
}

TEST(version_4)
{
    check_version(4);
}

TEST(version_5)
{
    check_version(5);
}

/* Every byte of the sections is changed, and they end at every length: whatever comes
 * out, it comes out. */
static void damage(unsigned version)
{
    bytes_t module = dwarf_module(version);
    for (size_t i = 8; i < module.size; i++) {
        for (int change = 0; change < 4; change++) {
            const uint8_t changes[4] = {0x01, 0x80, 0x7f, 0xff};
            wazero__parse_limits_t limits = DEFAULTS;
            limits.shallow = true;
            lookup_t l = {0};
            module.data[i] ^= changes[change];
            wazero_error_t *error =
                wazero__parse(module.data, module.size, &limits, &l.parsed);
            if (!error) {
                wazero__dwarf_open(&l.dwarf, l.parsed);
                look_up(&l, 0x2f);
                CHECK(l.count <= WAZERO__DWARF_INLINED);
                wazero__parsed_delete(l.parsed);
            }
            wazero_error_delete(error);
            module.data[i] ^= changes[change];
        }
    }
    clear(&module);
}

TEST(damaged)
{
    damage(4);
    damage(5);
}

/* 148 bytes with which Go's reader takes all memory: a table of 2^40 folders. */
TEST(claims)
{
    bytes_t module = new_module(), unit = {0}, section = {0}, head = {0};
    put_abbreviations(&module, 5);
    put_unit(&section, 5);
    put_custom(&module, ".debug_info", &section);
    put_head(&head);
    PUT(&head, 1, 1, 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f);
    put_fixed(&unit, 2, 5);
    PUT(&unit, 4, 0);
    put_sized(&unit, &head);
    put_program(&unit, 0);
    put_sized(&section, &unit);
    put_custom(&module, ".debug_line", &section);
    lookup_t l = open_dwarf(&module);
    look_up(&l, 0x20);
    CHECK_INT(l.count, 0);
    wazero__parsed_delete(l.parsed);
    clear(&module);
}

/* A look-up ends, however much there is to read: a million units that all read the same
 * megabyte of abbreviations. */
TEST(the_budget_ends)
{
    bytes_t module = new_module(), section = {0};
    for (uint32_t i = 1; i < 200000; i++) {
        put_u32(&section, i);
        PUT(&section, 0x11, 0, 0, 0);
    }
    put_custom(&module, ".debug_abbrev", &section);
    for (int i = 0; i < 100000; i++) {
        bytes_t unit = {0};
        PUT(&unit, 4, 0, 0, 0, 0, 0, 4, 0xbf, 0x9a, 0x0c); /* abbreviation 199999 */
        put_sized(&section, &unit);
    }
    put_custom(&module, ".debug_info", &section);
    lookup_t l = open_dwarf(&module);
    look_up(&l, 0x20);
    CHECK_INT(l.count, 0);
    CHECK_INT(l.dwarf.budget, 0);
    look_up(&l, 0x20); /* and none is left for another */
    CHECK_INT(l.count, 0);
    wazero__parsed_delete(l.parsed);
    clear(&module);
}

/* The same with long numbers, and with long strings: 40,000 units each read half a
 * megabyte. */
static void read_again_and_again(bytes_t *abbreviations, const char *rest, size_t size)
{
    bytes_t module = new_module(), section = {0};
    put_custom(&module, ".debug_abbrev", abbreviations);
    for (int i = 0; i < 40000; i++) {
        bytes_t unit = {0};
        PUT(&unit, 4, 0, 0, 0, 0, 0, 4, 1);
        put(&unit, rest, size);
        put_sized(&section, &unit);
    }
    put_custom(&module, ".debug_info", &section);
    bytes_t text = {0};
    repeat(&text, 500000, "text", 4);
    PUT(&text, 0);
    put_custom(&module, ".debug_str", &text);
    lookup_t l = open_dwarf(&module);
    look_up(&l, 0x20);
    CHECK_INT(l.count, 0);
    wazero__parsed_delete(l.parsed);
    clear(&module);
}

TEST(long_numbers_and_strings)
{
    bytes_t abbreviations = {0};
    PUT(&abbreviations, 1, 0x11, 0);
    repeat(&abbreviations, 500000, "\x80", 1);
    PUT(&abbreviations, 0, 0);
    read_again_and_again(&abbreviations, "", 0);
    PUT(&abbreviations, 1, 0x11, 0, 0x1b, 0x0e, 0x1b, 0x0e, 0, 0, 0);
    read_again_and_again(&abbreviations, "\0\0\0\0\1\0\0\0", 8);
}

TEST(paths)
{
    const struct {
        const char *folder, *name, *expected;
    } cases[] = {
        {"/work", "a.c", "/work/a.c"},
        {"/work/", "./a.c", "/work/a.c"},
        {"/work/x/..", "../a.c", "/a.c"},
        {"/", "../../a.c", "/a.c"},
        {"rel", "../../a.c", "../a.c"},
        {"..", "../x/../a.c", "../../a.c"},
        {"a/b", "//c//d/.", "//c//d/."},
        {"a/b", "c//d/.", "a/b/c/d"},
        {"", "x/../a.c", "x/../a.c"},
        {"C:\\src", "a.c", "C:\\src\\a.c"},
        {"C:/src", "a.c", "C:/src/a.c"},
        {"C:\\src\\", "a.c", "C:\\src\\a.c"},
        {"/work", "C:\\a.c", "C:\\a.c"},
        {"/work", "new\nline\x7f.c", "/work/new?line?.c"},
        {"/work", "\xff.c", "/work/?.c"},
        {"/work", "\xc3\xa4.c", "/work/\xc3\xa4.c"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bytes_t module = new_module(), head = {0}, unit = {0}, section = {0};
        put_head(&head);
        PUT(&head, 0);
        put_text(&head, cases[i].name);
        PUT(&head, 0, 0, 0, 0);
        put_fixed(&unit, 2, 4);
        put_sized(&unit, &head);
        put_sized(&section, &unit);
        put_custom(&module, ".debug_line", &section);
        lookup_t l = open_dwarf(&module);
        const wazero__dwarf_unit_t of = {.dwarf = &l.dwarf,
                                         .address_size = 4,
                                         .offset_size = 4,
                                         .version = 4,
                                         .directory = cases[i].folder};
        CHECK(wazero__dwarf_file(&of, 1, l.places[0].file));
        CHECK_STR(l.places[0].file, cases[i].expected);
        CHECK(!wazero__dwarf_file(&of, 0, l.places[0].file));
        CHECK(!wazero__dwarf_file(&of, 2, l.places[0].file));
        wazero__parsed_delete(l.parsed);
        clear(&module);
    }
}

TEST_MAIN
