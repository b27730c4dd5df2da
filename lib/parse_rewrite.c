/*
 * parse_rewrite.c - the copy of a module that Go gets.
 *
 * Maxima of tables and memories are at most what the runtime allows, each table has
 * one, and there is no start section, for lib calls the start function. Custom sections
 * are left out: what is half of a module with debug information would be copied, hashed
 * and kept for nothing. wazero counts places in the code from the start of the code
 * section, so moving sections does no harm.
 *
 * Names are written anew, those that Go shows: of the module and of its functions, and
 * where there are listeners of their parameters. A name section has room for many more,
 * of which Go's reader makes a list, 24 bytes for two of the module's. And newlines,
 * which would make two lines of one of a trace, become question marks.
 *
 * Where source lines are wanted, Go gets debug information that lib wrote: all of the
 * code belongs to one file, whose name is a mark. So wazero's traces say which place in
 * the code they mean, and lib puts in the line (debug.c). The module's own DWARF is
 * never read by Go, whose reader believes what it finds.
 *
 * Where a cache has the code, the bodies of functions are left out: wazero would
 * validate them again, which takes most of the time of loading a module.
 */
#include "parse_parts.h"

#include <stdlib.h>

#include "error.h"

/* A body without locals that traps. */
static const uint8_t EMPTY_BODY[] = {3, 0, 0x00, 0x0b};

/* DWARF 4: one kind of entry, a compilation unit with DW_AT_stmt_list, DW_AT_low_pc and
 * DW_AT_high_pc; one unit from 1 to 0xfffffff1 (0 and -1 stand for code that is gone);
 * a line program with a row for 1, of line 0, and the end. */
static const uint8_t ABBREV[] = {0x01, 0x11, 0x00, 0x10, 0x17, 0x11,
                                 0x01, 0x12, 0x06, 0x00, 0x00, 0x00};
static const uint8_t INFO[] = {20,   0,    0,    0,     /* size */
                               4,    0,                 /* version */
                               0,    0,    0,    0,     /* place in .debug_abbrev */
                               4,                       /* bytes of an address */
                               1,                       /* the kind of entry */
                               0,    0,    0,    0,     /* place in .debug_line */
                               1,    0,    0,    0,     /* begin */
                               0xf0, 0xff, 0xff, 0xff}; /* size */
static const uint8_t LINE_HEADER[] = {
    1,       /* the smallest instruction */
    1,       /* operations in one */
    1,       /* rows are statements */
    0xff,    /* the first special opcode goes a line back */
    1,    1, /* range of lines; special opcodes follow */
    0};      /* no folders */
static const uint8_t FILE_END[] = {0, 0, 0, 0}; /* folder, time, size; no more files */
static const uint8_t LINE_PROGRAM[] = {
    0, 5, 2, 1,    0,    0,    0,    /* set address */
    1,                               /* a row */
    0, 5, 2, 0xf1, 0xff, 0xff, 0xff, /* set address */
    0, 1, 1};                        /* the end */

/* Writes what is in memory; does nothing but count if there is none yet. */
typedef struct {
    uint8_t *at;
    size_t size;
} writer_t;

static void put(writer_t *w, const void *data, size_t size)
{
    if (w->at && size)
        memcpy(w->at + w->size, data, size);
    w->size += size;
}

static void put_u32(writer_t *w, size_t digits, uint32_t value)
{
    if (w->at)
        wazero__write_padded_u32(w->at + w->size, digits, value);
    w->size += digits;
}

static void put_fixed_u32(writer_t *w, size_t value)
{
    uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                        (uint8_t)(value >> 24)};
    put(w, bytes, sizeof bytes);
}

static void put_span(writer_t *w, const uint8_t *from, const uint8_t *to)
{
    put(w, from, (size_t)(to - from));
}

static void put_section(writer_t *w, uint8_t id, size_t size)
{
    put(w, &id, 1);
    put_u32(w, WAZERO__LEB32_SIZE, (uint32_t)size);
}

/* ---- sections that change ---- */

static void put_tables(writer_t *w, const wazero__parser_t *p)
{
    const uint8_t *from = p->table_payload;
    size_t imported = p->parsed->imported_table_count;
    size_t size = (size_t)(p->table_section_end - from) + p->table_growth;
    size_t digits = wazero__u32_size((uint32_t)size);
    size_t old_digits = (size_t)(from - p->table_section) - 1;
    put(w, p->table_section, 1);
    put_u32(w, digits > old_digits ? digits : old_digits, (uint32_t)size);
    for (size_t i = imported; i < p->parsed->table_count; i++) {
        const wazero__table_place_t *table = &p->table_places[i - imported];
        uint8_t flags = *table->flags_at | 1;
        put_span(w, from, table->flags_at);
        put(w, &flags, 1);
        put_span(w, table->flags_at + 1, table->min_end);
        put_u32(w,
                p->parsed->tables[i].limits.has_max
                    ? (size_t)(table->limits_end - table->min_end)
                    : wazero__u32_size(table->max_for_go),
                table->max_for_go);
        from = table->limits_end;
    }
    put_span(w, from, p->table_section_end);
}

static void put_empty_bodies(writer_t *w, size_t count)
{
    size_t digits = wazero__u32_size((uint32_t)count);
    put_section(w, WAZERO__SECTION_CODE, digits + count * sizeof EMPTY_BODY);
    put_u32(w, digits, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        put(w, EMPTY_BODY, sizeof EMPTY_BODY);
}

/* ---- sections that are added ---- */

static void put_custom(writer_t *w, const char *name, size_t size)
{
    size_t length = strlen(name);
    put_section(w, WAZERO__SECTION_CUSTOM, 1 + length + size);
    put_u32(w, 1, (uint32_t)length);
    put(w, name, length);
}

static void put_lines(writer_t *w, const uint8_t *digest)
{
    enum { BEFORE_LENGTH = sizeof(uint16_t) + sizeof(uint32_t) };
    static const uint8_t VERSION[] = {4, 0};
    char mark[WAZERO__MARK_SIZE + 1];
    wazero__parse_mark(mark, digest);
    size_t header = sizeof LINE_HEADER + sizeof mark + sizeof FILE_END;
    size_t unit = BEFORE_LENGTH + header + sizeof LINE_PROGRAM;
    put_custom(w, ".debug_abbrev", sizeof ABBREV);
    put(w, ABBREV, sizeof ABBREV);
    put_custom(w, ".debug_info", sizeof INFO);
    put(w, INFO, sizeof INFO);
    put_custom(w, ".debug_line", sizeof(uint32_t) + unit);
    put_fixed_u32(w, unit);
    put(w, VERSION, sizeof VERSION);
    put_fixed_u32(w, header);
    put(w, LINE_HEADER, sizeof LINE_HEADER);
    put(w, mark, sizeof mark);
    put(w, FILE_END, sizeof FILE_END);
    put(w, LINE_PROGRAM, sizeof LINE_PROGRAM);
}

void wazero__parse_mark(char mark[WAZERO__MARK_SIZE + 1], const uint8_t *digest)
{
    static const char DIGITS[] = "0123456789abcdef";
    memcpy(mark, WAZERO__MARK_BEGIN, sizeof WAZERO__MARK_BEGIN - 1);
    char *at = mark + sizeof WAZERO__MARK_BEGIN - 1;
    for (int i = 0; i < WAZERO__MARK_BYTES; i++) {
        *at++ = DIGITS[digest[i] >> 4];
        *at++ = DIGITS[digest[i] & 15];
    }
    *at = '\0';
}

/* ---- names ---- */

static void put_name(writer_t *w, const void *name, size_t size)
{
    put_u32(w, wazero__u32_size((uint32_t)size), (uint32_t)size);
    put(w, name, size);
    for (size_t i = w->at ? w->size - size : w->size; i < w->size; i++)
        if (w->at[i] == '\n')
            w->at[i] = '?';
}

static void put_named(writer_t *w, uint32_t index, const void *name, size_t size)
{
    put_u32(w, wazero__u32_size(index), index);
    put_name(w, name, size);
}

static void put_module_name(writer_t *w, const wazero__parser_t *p)
{
    put_name(w, p->parsed->name, p->parsed->name_size);
}

static void put_function_names(writer_t *w, const wazero__parser_t *p)
{
    const wazero__parsed_t *parsed = p->parsed;
    const wazero__name_t *names = parsed->function_names;
    uint32_t count = 0;
    while (count < parsed->function_name_count &&
           names[count].index < parsed->function_count)
        count++; /* their indices increase */
    put_u32(w, WAZERO__LEB32_SIZE, count);
    for (uint32_t i = 0; i < count; i++)
        put_named(w, names[i].index, p->wasm + names[i].place.at, names[i].place.size);
}

/* An index and a name that the parser has accepted. */
static wazero_name_t read_name(wazero__reader_t *in, uint32_t *index)
{
    uint32_t size = 0;
    (void)wazero__read_u32(in, index);
    (void)wazero__read_u32(in, &size);
    const char *name = (const char *)in->at;
    in->at += size;
    return (wazero_name_t){name, size};
}

/* Finds for each function the names of locals that it has, or some place where there is
 * none: wazero takes the first list that has a name for each parameter, or more. */
static void find_param_names(wazero__parser_t *p)
{
    const wazero__parsed_t *parsed = p->parsed;
    wazero__span_t section = parsed->names[WAZERO_NAME_LOCAL];
    wazero__reader_t in = {p->wasm + section.at, p->wasm + section.at + section.size};
    uint32_t lists = 0, function = 0, count = 0, index = 0;
    if (!p->limits->param_names || !section.at)
        return;
    p->param_names = wazero__parse_alloc(p, parsed->function_count, sizeof(uint32_t));
    (void)wazero__read_u32(&in, &lists);
    for (uint32_t i = 0; i < lists && p->param_names; i++) {
        (void)wazero__read_u32(&in, &function);
        uint32_t at = (uint32_t)(in.at - p->wasm);
        (void)wazero__read_u32(&in, &count);
        for (uint32_t j = 0; j < count; j++)
            read_name(&in, &index);
        if (function >= parsed->function_count || p->param_names[function])
            continue;
        size_t params = parsed->types[parsed->functions[function]].param_count;
        if (params && count >= params) {
            p->param_names[function] = at;
            p->param_names_count++;
        }
    }
}

/* Of several names of a parameter the last one counts. */
static void put_params_of(writer_t *w, const wazero__parser_t *p, uint32_t function)
{
    const wazero__parsed_t *parsed = p->parsed;
    wazero_name_t names[WAZERO__MAX_PARAMS] = {{NULL, 0}};
    wazero__reader_t in = {p->wasm + p->param_names[function], p->wasm_end};
    uint32_t count = 0, index = 0;
    size_t params = parsed->types[parsed->functions[function]].param_count;
    (void)wazero__read_u32(&in, &count);
    for (uint32_t i = 0; i < count; i++) {
        wazero_name_t name = read_name(&in, &index);
        if (index < params)
            names[index] = name;
    }
    put_u32(w, WAZERO__LEB32_SIZE, function);
    put_u32(w, WAZERO__LEB32_SIZE, (uint32_t)params);
    for (uint32_t i = 0; i < params; i++)
        put_named(w, i, names[i].data, names[i].size);
}

static void put_param_names(writer_t *w, const wazero__parser_t *p)
{
    put_u32(w, WAZERO__LEB32_SIZE, p->param_names_count);
    for (uint32_t i = 0; i < p->parsed->function_count; i++)
        if (p->param_names[i])
            put_params_of(w, p, i);
}

/* One part of the name section. */
static void put_subsection(writer_t *w, wazero_name_kind_t kind,
                           void (*put_it)(writer_t *w, const wazero__parser_t *p),
                           const wazero__parser_t *p)
{
    writer_t measure = {NULL, 0};
    uint8_t id = (uint8_t)kind;
    put_it(&measure, p);
    put(w, &id, 1);
    put_u32(w, WAZERO__LEB32_SIZE, (uint32_t)measure.size);
    put_it(w, p);
}

static void put_subsections(writer_t *w, const wazero__parser_t *p)
{
    put_subsection(w, WAZERO_NAME_MODULE, put_module_name, p);
    put_subsection(w, WAZERO_NAME_FUNCTION, put_function_names, p);
    if (p->param_names)
        put_subsection(w, WAZERO_NAME_LOCAL, put_param_names, p);
}

static void put_names(writer_t *w, const wazero__parser_t *p)
{
    writer_t measure = {NULL, 0};
    put_subsections(&measure, p);
    put_custom(w, "name", measure.size);
    put_subsections(w, p);
}

/* ---- the whole ---- */

static bool is_kept(const wazero_section_t *section)
{
    return section->id != WAZERO__SECTION_CUSTOM &&
           section->id != WAZERO__SECTION_START;
}

static void write_module(writer_t *w, const wazero__parser_t *p)
{
    const wazero__parsed_t *parsed = p->parsed;
    const wazero__parse_limits_t *limits = p->limits;
    put(w, p->wasm, 8);
    for (size_t i = 0; i < parsed->section_count; i++) {
        const wazero_section_t *section = &parsed->sections[i];
        size_t begin = w->size;
        if (!is_kept(section))
            continue;
        if (section->id == WAZERO__SECTION_TABLE && p->tables_change)
            put_tables(w, p);
        else if (section->id == WAZERO__SECTION_CODE && limits->known)
            put_empty_bodies(w, parsed->code_count);
        else
            put(w, p->wasm + section->offset, section->size);
        size_t max_at = p->memory_max_at ? (size_t)(p->memory_max_at - p->wasm) : 0;
        if (w->at && max_at > section->offset &&
            max_at < section->offset + section->size)
            wazero__write_padded_u32(w->at + begin + max_at - section->offset,
                                     p->memory_max_size, p->memory_max);
    }
    if (p->has_name_section)
        put_names(w, p);
    if (parsed->has_lines)
        put_lines(w, limits->digest);
    if (limits
            ->known) { /* or modules that differ in their code would be one to wazero */
        put_custom(w, "wazero.digest", WAZERO__DIGEST_SIZE);
        put(w, limits->digest, WAZERO__DIGEST_SIZE);
    }
}

/* Whether the module has both sections that source lines need. */
static bool has_lines(const wazero__parsed_t *parsed)
{
    unsigned found = 0;
    for (size_t i = 0; i < parsed->section_count; i++) {
        const wazero_section_t *section = &parsed->sections[i];
        if (section->id || !section->data_size || section->name_size != 11)
            continue;
        if (memcmp(section->name, ".debug_info", 11) == 0)
            found |= 1;
        else if (memcmp(section->name, ".debug_line", 11) == 0)
            found |= 2;
    }
    return found == 3;
}

void wazero__parse_rewrite(wazero__parser_t *p)
{
    wazero__parsed_t *parsed = p->parsed;
    if (p->error || p->limits->shallow)
        return;
    parsed->has_lines = p->limits->lines && has_lines(parsed);
    bool changes =
        p->memory_max_at || p->tables_change || parsed->has_lines || p->limits->known;
    for (size_t i = 0; i < parsed->section_count && !changes; i++)
        changes = !is_kept(&parsed->sections[i]);
    if (!changes)
        return;
    find_param_names(p);
    writer_t w = {NULL, 0};
    write_module(&w, p);
    parsed->bytes = w.at = malloc(w.size);
    if (!w.at) {
        p->error = wazero__error_memory();
        return;
    }
    w.size = 0;
    write_module(&w, p);
    parsed->size = w.size;
}

void wazero__parsed_drop_bytes(wazero__parsed_t *parsed)
{
    free(parsed->bytes);
    parsed->bytes = NULL;
    parsed->size = 0;
}
