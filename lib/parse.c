/*
 * parse.c - the frame of the parser: header, sections, memory, errors. See parse.h.
 *
 * The order of sections is checked, so that none comes twice and each finds what it
 * refers to. Every section is read inside its own bounds and must be used up exactly;
 * wazero reads on past them, and compares afterwards. Where the two agree on the
 * bounds, wazero cannot read anything that was not checked here.
 */
#include "parse_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "text.h"

/* ---- memory ---- */

/* Blocks from malloc in a list; data follows the head. */
typedef struct wazero__arena_block {
    struct wazero__arena_block *next;
    size_t used;
    size_t size;
    max_align_t data[];
} arena_block_t;

enum { FIRST_BLOCK = 2048, LARGEST_BLOCK = 1 << 20 };

static arena_block_t *new_block(arena_block_t *next, size_t size)
{
    arena_block_t *block = malloc(sizeof *block + size);
    if (block) {
        block->next = next;
        block->used = 0;
        block->size = size;
    }
    return block;
}

static void delete_blocks(arena_block_t *block)
{
    while (block) {
        arena_block_t *next = block->next;
        free(block);
        block = next;
    }
}

void *wazero__parse_alloc(wazero__parser_t *p, size_t count, size_t size)
{
    if (p->error)
        return NULL;
    arena_block_t *block = p->parsed->arena;
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 4) {
        p->error = wazero__error_memory();
        return NULL;
    }
    /* Bytes need no alignment, and names and value types are many. */
    size_t align = size == 1 ? 1 : _Alignof(max_align_t);
    size_t used = (block->used + align - 1) & ~(align - 1);
    if (used > block->size || bytes > block->size - used) {
        size_t next = block->size < LARGEST_BLOCK ? block->size * 2 : block->size;
        if (next > LARGEST_BLOCK)
            next = LARGEST_BLOCK;
        block = new_block(block, bytes > next ? bytes : next);
        if (!block) {
            p->error = wazero__error_memory();
            return NULL;
        }
        p->parsed->arena = block;
        used = 0;
    }
    void *data = (char *)block->data + used;
    block->used = used + bytes;
    return memset(data, 0, bytes);
}

void *wazero__parse_room(wazero__parser_t *p, void *items, size_t count,
                         size_t *capacity, size_t size)
{
    if (count < *capacity)
        return items;
    size_t larger = count < 8 ? 8 : count * 2;
    void *room = wazero__parse_alloc(p, larger, size);
    if (room) {
        if (count)
            memcpy(room, items, count * size);
        *capacity = larger;
    }
    return room;
}

char *wazero__parse_copy(wazero__parser_t *p, const uint8_t *data, size_t size)
{
    char *copy = wazero__parse_alloc(p, size + 1, 1);
    if (copy && size)
        memcpy(copy, data, size);
    return copy;
}

/* ---- errors ---- */

enum { MESSAGE_SIZE = 1024 };

__attribute__((format(printf, 3, 0), cold)) static void
fail(wazero__parser_t *p, const uint8_t *at, const char *format, va_list arguments)
{
    char message[MESSAGE_SIZE], place[64] = "";
    vsnprintf(message, sizeof message, format, arguments);
    if (at)
        snprintf(place, sizeof place, " at offset 0x%zx", (size_t)(at - p->wasm));
    p->error = wazero__error(WAZERO_ERROR_COMPILE, "%s%s%s%s%s",
                             p->section ? "section " : "", p->section ? p->section : "",
                             p->section ? ": " : "", message, place);
    p->in.at = p->in.end;
}

void wazero__parse_fail(wazero__parser_t *p, const uint8_t *at, const char *format, ...)
{
    if (p->error)
        return;
    va_list arguments;
    va_start(arguments, format);
    fail(p, at, format, arguments);
    va_end(arguments);
}

void wazero__parse_fail_plain(wazero__parser_t *p, const char *format, ...)
{
    if (p->error)
        return;
    va_list arguments;
    va_start(arguments, format);
    fail(p, NULL, format, arguments);
    va_end(arguments);
}

int wazero__parse_shown(const char *name, size_t size)
{
    enum { MOST = 100 };
    if (size <= MOST)
        return (int)size;
    int shown = MOST;
    while (shown > 0 && ((unsigned char)name[shown] & 0xc0) == 0x80)
        shown--;
    return shown;
}

/* ---- reading ---- */

/* A number that could not be read: is it cut off, or too long? */
__attribute__((cold)) static void fail_number(wazero__parser_t *p, const char *what,
                                              int bits)
{
    const uint8_t *at = p->in.at;
    if (wazero__skip_leb(at, p->in.end, WAZERO__LEB32_SIZE) ||
        wazero__reader_left(&p->in) >= WAZERO__LEB32_SIZE)
        wazero__parse_fail(p, at, "%s overflows a %d-bit integer", what, bits);
    else
        wazero__parse_fail(p, p->in.end, "unexpected end in %s", what);
}

uint8_t wazero__parse_byte(wazero__parser_t *p, const char *what)
{
    uint8_t value = 0;
    if (!wazero__read_byte(&p->in, &value))
        wazero__parse_fail(p, p->in.end, "unexpected end in %s", what);
    return value;
}

uint32_t wazero__parse_u32(wazero__parser_t *p, const char *what)
{
    uint32_t value = 0;
    if (!wazero__read_u32(&p->in, &value))
        fail_number(p, what, 32);
    return value;
}

int64_t wazero__parse_s33(wazero__parser_t *p, const char *what)
{
    int64_t value = 0;
    if (!wazero__read_s33(&p->in, &value))
        fail_number(p, what, 33);
    return value;
}

void wazero__parse_skip(wazero__parser_t *p, size_t size, const char *what)
{
    size_t left = wazero__reader_left(&p->in);
    if (!wazero__skip(&p->in, size))
        wazero__parse_fail(p, p->in.at, "%s: %zu bytes claimed, but only %zu are left",
                           what, size, left);
}

uint32_t wazero__parse_count(wazero__parser_t *p, const char *what, size_t min_size,
                             uint32_t limit)
{
    const uint8_t *at = p->in.at;
    uint32_t count = wazero__parse_u32(p, what);
    size_t left = wazero__reader_left(&p->in);
    if (!p->error && count > left / min_size)
        wazero__parse_fail(p, at, "%s: count %u is more than the %zu bytes left allow",
                           what, count, left);
    else if (!p->error && count > limit)
        wazero__parse_fail(p, at, "%s: count %u is over the limit of %u", what, count,
                           limit);
    return p->error ? 0 : count;
}

void wazero__parse_name(wazero__parser_t *p, const char *what, const uint8_t **data,
                        uint32_t *size)
{
    const uint8_t *at = p->in.at;
    *size = wazero__parse_u32(p, what);
    *data = p->in.at;
    wazero__parse_skip(p, *size, what);
    if (p->error)
        *size = 0;
    else if (!wazero__text_is_utf8((const char *)*data, *size))
        wazero__parse_fail(p, at, "%s is not valid UTF-8", what);
}

/* ---- header ---- */

typedef struct {
    const char *bytes;
    size_t size;
    const char *text;
} magic_t;

static const magic_t magics[] = {
    {"\x7f"
     "ELF",
     4, "an ELF file, a program for this machine"},
    {"MZ", 2, "a Windows program"},
    {"\xcf\xfa\xed\xfe", 4, "a Mach-O file, a program for macOS"},
    {"#!", 2, "a script"},
    {"\x1f\x8b", 2, "gzip; decompress it first"},
    {"PK\x03\x04", 4, "a zip archive; unpack it first"},
    {"\x28\xb5\x2f\xfd", 4, "Zstandard; decompress it first"},
    {"BC\xc0\xde", 4, "LLVM bitcode; link it first, e.g. with wasm-ld"},
    {"!<arch>\n", 8, "an archive of object files; link it first, e.g. with wasm-ld"},
    {"<", 1, "HTML or XML"},
};

/* What else the input may be, or NULL. */
static const char *guess_format(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
        if (size >= magics[i].size && !memcmp(data, magics[i].bytes, magics[i].size))
            return magics[i].text;
    size_t blanks = 0;
    while (blanks < size && strchr(" \t\r\n", data[blanks]) && data[blanks])
        blanks++;
    data += blanks;
    size -= blanks;
    if (size > 0 && (*data == '(' || (size > 1 && data[0] == ';' && data[1] == ';')))
        return "the text format; compile it first, e.g. with wat2wasm";
    return NULL;
}

static void parse_header(wazero__parser_t *p)
{
    static const uint8_t magic[4] = {0x00, 0x61, 0x73, 0x6d};
    static const uint8_t version[4] = {0x01, 0x00, 0x00, 0x00};
    static const uint8_t component[4] = {0x0d, 0x00, 0x01, 0x00};
    size_t size = wazero__reader_left(&p->in);
    const uint8_t *data = p->in.at;
    if (size == 0) {
        wazero__parse_fail_plain(p, "invalid magic number: the input is empty");
    } else if (memcmp(data, magic, size < 4 ? size : 4) != 0) {
        char bytes[4 * 3 + 1] = "";
        for (size_t i = 0; i < 4 && i < size; i++)
            snprintf(bytes + i * 3, 4, "%02x ", data[i]);
        bytes[(size < 4 ? size : 4) * 3 - 1] = '\0';
        const char *guess = guess_format(data, size);
        wazero__parse_fail_plain(p,
                                 "invalid magic number: not a WebAssembly module: it "
                                 "begins with %s%s%s%s, expected 00 61 73 6d",
                                 bytes, guess ? " (" : "", guess ? guess : "",
                                 guess ? ")" : "");
    } else if (size < 8) {
        wazero__parse_fail(p, p->in.end, "invalid version header: unexpected end");
    } else if (memcmp(data + 4, component, 4) == 0) {
        wazero__parse_fail_plain(
            p,
            "invalid version header: this is a WebAssembly component; components are "
            "not supported, only core modules (version 01 00 00 00, got 0d 00 01 00)");
    } else if (memcmp(data + 4, version, 4) != 0) {
        wazero__parse_fail_plain(
            p, "invalid version header: got %02x %02x %02x %02x, expected 01 00 00 00",
            data[4], data[5], data[6], data[7]);
    } else {
        p->in.at += 8;
    }
}

/* ---- sections ---- */

typedef struct {
    const char *name;
    void (*parse)(wazero__parser_t *p);
    int rank; /* sections come in increasing rank */
} section_t;

static const section_t sections[] = {
    {"custom", wazero__parse_custom, 0},
    {"type", wazero__parse_types, 1},
    {"import", wazero__parse_imports, 2},
    {"function", wazero__parse_functions, 3},
    {"table", wazero__parse_tables, 4},
    {"memory", wazero__parse_memories, 5},
    {"global", wazero__parse_globals, 7},
    {"export", wazero__parse_exports, 8},
    {"start", wazero__parse_start, 9},
    {"element", wazero__parse_elements, 10},
    {"code", wazero__parse_code, 12},
    {"data", wazero__parse_data, 13},
    {"data_count", wazero__parse_data_count, 11},
    {"tag", wazero__parse_tags, 6},
};
enum { SECTION_COUNT = sizeof sections / sizeof *sections };

/* Notes the section that begins at start and is about to be read. The name and the
 * contents of a custom one are not known yet. */
static void add_section(wazero__parser_t *p, uint8_t id, const uint8_t *start)
{
    wazero__parsed_t *parsed = p->parsed;
    if (parsed->section_count >= WAZERO__MAX_CUSTOM_SECTIONS + SECTION_COUNT) {
        wazero__parse_fail(p, start, "more sections than the limit of %u",
                           WAZERO__MAX_CUSTOM_SECTIONS);
        return;
    }
    parsed->sections =
        wazero__parse_room(p, parsed->sections, parsed->section_count,
                           &p->section_capacity, sizeof *parsed->sections);
    if (!p->error)
        parsed->sections[parsed->section_count++] = (wazero_section_t){
            .id = id,
            .name = sections[id].name,
            .name_size = strlen(sections[id].name),
            .offset = (size_t)(start - p->wasm),
            .size = (size_t)(p->in.end - start),
            .data = p->in.at,
            .data_size = wazero__reader_left(&p->in),
        };
}

/* Reads the section whose id and size have been read, from payload to end. */
static void parse_section(wazero__parser_t *p, uint8_t id, const uint8_t *start,
                          const uint8_t *end)
{
    const uint8_t *payload = p->in.at;
    p->section = sections[id].name;
    p->in.end = end;
    add_section(p, id, start);
    sections[id].parse(p);
    if (!p->error && p->in.at != end)
        wazero__parse_fail(p, p->in.at,
                           "invalid section length: expected to be %zu but got %zu",
                           (size_t)(end - payload), (size_t)(p->in.at - payload));
    if (id == WAZERO__SECTION_TABLE) {
        p->table_section = start;
        p->table_payload = payload;
        p->table_section_end = end;
    }
    p->section = NULL;
    p->in.end = p->wasm_end;
}

static void parse_sections(wazero__parser_t *p)
{
    int rank = 0;
    while (!p->error && p->in.at < p->in.end) {
        const uint8_t *start = p->in.at;
        uint8_t id = *p->in.at++;
        if (id >= SECTION_COUNT) {
            wazero__parse_fail(p, start, "invalid section id: %u", id);
            return;
        }
        uint32_t size = wazero__parse_u32(p, "the size of a section");
        size_t left = wazero__reader_left(&p->in);
        if (!p->error && size > left)
            wazero__parse_fail(
                p, start, "section %s: its size is %u, but only %zu bytes are left",
                sections[id].name, size, left);
        else if (!p->error && id != 0 && sections[id].rank <= rank)
            wazero__parse_fail(
                p, start, "invalid section order: section %s comes twice or too late",
                sections[id].name);
        if (p->error)
            return;
        if (id != 0)
            rank = sections[id].rank;
        parse_section(p, id, start, p->in.at + size);
    }
}

/* ---- the whole ---- */

static void check_whole(wazero__parser_t *p)
{
    size_t defined = p->parsed->function_count - p->parsed->imported_function_count;
    if (defined != p->parsed->code_count)
        wazero__parse_fail_plain(
            p, "function and code section have inconsistent lengths: %zu != %zu",
            defined, p->parsed->code_count);
}

static void parse_module(wazero__parser_t *p)
{
    size_t size = wazero__reader_left(&p->in);
    if (size > WAZERO__MAX_MODULE_SIZE) {
        wazero__parse_fail_plain(p, "the module has %zu bytes, the limit is %zu", size,
                                 WAZERO__MAX_MODULE_SIZE);
        return;
    }
    parse_header(p);
    p->parsed->name = wazero__parse_copy(p, NULL, 0);
    parse_sections(p);
    check_whole(p);
    wazero__parse_index_exports(p);
    wazero__parse_rewrite(p);
}

wazero_error_t *wazero__parse(const void *wasm, size_t size,
                              const wazero__parse_limits_t *limits,
                              wazero__parsed_t **parsed)
{
    /* A pointer of our own for the empty input, which may come as NULL. */
    const uint8_t *start = size ? wasm : (const uint8_t *)"";
    arena_block_t *arena = new_block(NULL, FIRST_BLOCK);
    if (!arena)
        return wazero__error_memory();
    wazero__parsed_t first = {.arena = arena, .wasm = start, .wasm_size = size};
    wazero__parser_t p = {
        .in = {start, start + size},
        .wasm = start,
        .wasm_end = start + size,
        .limits = limits,
        .parsed = &first,
    };
    wazero__parsed_t *result = wazero__parse_alloc(&p, 1, sizeof *result);
    *result = first; /* the first block has room for it */
    p.parsed = result;
    parse_module(&p);
    if (p.error) {
        delete_blocks(result->arena);
        return p.error;
    }
    *parsed = result;
    return NULL;
}

void wazero__parsed_delete(wazero__parsed_t *parsed)
{
    if (!parsed)
        return;
    free(parsed->bytes);
    delete_blocks(parsed->arena);
}
