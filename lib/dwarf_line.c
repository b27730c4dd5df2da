/*
 * dwarf_line.c - line programs and the paths of their files. See dwarf.h.
 */
#include "dwarf.h"

#include <stdio.h>

#include "text.h"

enum { CONTENT_PATH = 1, CONTENT_FOLDER = 2 };

/* The head of a line program. */
typedef struct {
    unsigned version;
    unsigned offset_size;
    unsigned address_size;
    uint8_t instruction_length, operations, line_range, opcode_base;
    int8_t line_base;
    const uint8_t *opcode_lengths; /* of the opcodes from 1 to opcode_base - 1 */
    wazero__reader_t tables;       /* folders and files */
    wazero__reader_t program;
} head_t;

static bool read_head(const wazero__dwarf_unit_t *unit, head_t *head)
{
    wazero__reader_t in =
        wazero__dwarf_at(unit->dwarf, WAZERO__DWARF_LINE, unit->lines);
    const uint8_t *next;
    uint64_t version, address_size = unit->address_size, segments, size;
    uint8_t is_statement, line_base;
    memset(head, 0, sizeof *head);
    if (!wazero__dwarf_length(&in, &head->offset_size, &next) ||
        !wazero__dwarf_fixed(&in, 2, &version) || version < 2 || version > 5)
        return false;
    if (version == 5 && (!wazero__dwarf_fixed(&in, 1, &address_size) ||
                         !wazero__dwarf_fixed(&in, 1, &segments)))
        return false;
    if (!wazero__dwarf_fixed(&in, head->offset_size, &size) ||
        size > wazero__reader_left(&in) || address_size > 8)
        return false;
    head->program = (wazero__reader_t){in.at + size, in.end};
    in.end = in.at + size;
    head->version = (unsigned)version;
    head->address_size = (unsigned)address_size;
    head->operations = 1;
    if (!wazero__read_byte(&in, &head->instruction_length) ||
        (version >= 4 && !wazero__read_byte(&in, &head->operations)) ||
        !wazero__read_byte(&in, &is_statement) || !wazero__read_byte(&in, &line_base) ||
        !wazero__read_byte(&in, &head->line_range) ||
        !wazero__read_byte(&in, &head->opcode_base))
        return false;
    head->line_base = (int8_t)line_base;
    head->opcode_lengths = in.at;
    head->tables = in;
    return head->operations && head->line_range && head->opcode_base &&
           wazero__skip(&head->tables, head->opcode_base - 1u);
}

/* ---- the program ---- */

typedef struct {
    uint64_t address, operation, line;
    wazero__dwarf_row_t row; /* its line is above, where it may be wound back */
} state_t;

/* The row of the greatest address that is not over the one that is looked for. */
typedef struct {
    uint64_t wanted;
    uint64_t address; /* of the row */
    bool found;
    bool open;  /* its sequence goes on */
    bool ended; /* its sequence has ended before */
    wazero__dwarf_row_t row;
} search_t;

static void begin_sequence(state_t *state)
{
    *state = (state_t){.line = 1, .row = {.file = 1}};
}

static void advance(const head_t *head, state_t *state, uint64_t operations)
{
    operations += state->operation;
    state->address += head->instruction_length * (operations / head->operations);
    state->operation = operations % head->operations;
}

static void emit(const state_t *state, search_t *search)
{
    if (state->address > search->wanted ||
        (search->found && state->address < search->address))
        return;
    search->found = search->open = true;
    search->ended = false;
    search->address = state->address;
    search->row = state->row;
    search->row.line = state->line;
}

static void end_sequence(const state_t *state, search_t *search)
{
    if (search->open)
        search->ended = state->address <= search->wanted;
    search->open = false;
}

static bool run_extended(wazero__reader_t *in, state_t *state, search_t *search)
{
    uint64_t size;
    uint8_t opcode;
    if (!wazero__dwarf_unsigned(in, &size) || size > wazero__reader_left(in))
        return false;
    wazero__reader_t operand = {in->at, in->at + size};
    in->at += size;
    if (!wazero__read_byte(&operand, &opcode))
        return false;
    if (opcode == 1) {
        end_sequence(state, search);
        begin_sequence(state);
    } else if (opcode == 2) {
        unsigned left = (unsigned)wazero__reader_left(&operand);
        state->operation = 0;
        return left <= 8 && wazero__dwarf_fixed(&operand, left, &state->address);
    }
    return true; /* files that are defined here are not known */
}

static bool run_standard(const head_t *head, uint8_t opcode, wazero__reader_t *in,
                         state_t *state, search_t *search)
{
    uint64_t number = 0;
    int64_t difference = 0;
    switch (opcode) {
    case 1:
        emit(state, search);
        return true;
    case 2:
        if (!wazero__dwarf_unsigned(in, &number))
            return false;
        advance(head, state, number);
        return true;
    case 3:
        if (!wazero__dwarf_signed(in, &difference))
            return false;
        state->line += (uint64_t)difference;
        return true;
    case 4:
        return wazero__dwarf_unsigned(in, &state->row.file);
    case 5:
        return wazero__dwarf_unsigned(in, &state->row.column);
    case 8:
        advance(head, state, (255u - head->opcode_base) / head->line_range);
        return true;
    case 9:
        if (!wazero__dwarf_fixed(in, 2, &number))
            return false;
        state->address += number;
        state->operation = 0;
        return true;
    default:
        for (unsigned i = head->opcode_lengths[opcode - 1]; i; i--)
            if (!wazero__dwarf_unsigned(in, &number))
                return false;
        return true;
    }
}

bool wazero__dwarf_line(const wazero__dwarf_unit_t *unit, uint64_t address,
                        wazero__dwarf_row_t *row)
{
    head_t head;
    state_t state;
    search_t search = {.wanted = address};
    uint8_t opcode;
    if (!read_head(unit, &head))
        return false;
    begin_sequence(&state);
    wazero__reader_t in = head.program;
    while (in.at < in.end) {
        bool done = wazero__dwarf_step(unit->dwarf) && wazero__read_byte(&in, &opcode);
        if (done && opcode >= head.opcode_base) {
            unsigned adjusted = opcode - head.opcode_base;
            advance(&head, &state, adjusted / head.line_range);
            state.line +=
                (uint64_t)(head.line_base + (int)(adjusted % head.line_range));
            emit(&state, &search);
        } else if (done) {
            done = opcode ? run_standard(&head, opcode, &in, &state, &search)
                          : run_extended(&in, &state, &search);
        }
        if (!done)
            return false;
    }
    *row = search.row;
    return search.found && !search.ended;
}

/* ---- paths ---- */

static bool has_drive(const char *path)
{
    return ((path[0] >= 'a' && path[0] <= 'z') || (path[0] >= 'A' && path[0] <= 'Z')) &&
           path[1] == ':';
}

static bool is_absolute(const char *path)
{
    if (has_drive(path))
        path += 2;
    return *path == '/' || *path == '\\';
}

/* Takes the last part of a path away, which is of length characters. */
static size_t drop_part(const char *path, size_t length, size_t root)
{
    while (length > root && path[length - 1] != '/')
        length--;
    return length > root ? length - 1 : root;
}

/* Takes "." and ".." and double slashes out of a path, as Go does when it joins two. */
static void clean(char *path)
{
    size_t root = *path == '/', out = root,
           kept = root; /* up to there it is all ".." */
    for (const char *at = path + root; *at;) {
        size_t length = strcspn(at, "/");
        const char *next = at + length + (at[length] == '/');
        if (length == 2 && at[0] == '.' && at[1] == '.') {
            if (out > kept) {
                out = drop_part(path, out, kept);
            } else if (!root) {
                if (out)
                    path[out++] = '/';
                memmove(path + out, "..", 2);
                out += 2;
                kept = out;
            }
        } else if (length && !(length == 1 && *at == '.')) {
            if (out > root)
                path[out++] = '/';
            memmove(path + out, at, length);
            out += length;
        }
        at = next;
    }
    path[out] = '\0';
}

/* Writes a path in a folder; false if it is too long. Windows paths are not cleaned. */
static bool join(const char *folder, const char *name, char *path)
{
    size_t folder_size = strlen(folder), size = strlen(name);
    if (folder_size + size + 2 > WAZERO__DWARF_PATH)
        return false;
    if (!folder_size) {
        memcpy(path, name, size + 1);
        return true;
    }
    bool windows = has_drive(folder);
    char last = folder[folder_size - 1];
    memcpy(path, folder, folder_size);
    if (!windows || !(last == '/' || last == '\\' || folder_size == 2))
        path[folder_size++] = !windows || folder[2] == '/' ? '/' : '\\';
    memcpy(path + folder_size, name, size + 1);
    if (!windows)
        clean(path);
    return true;
}

/* What is shown must not pretend to be another line of a trace. */
static void make_printable(char *path)
{
    bool is_utf8 = wazero__text_is_utf8(path, strlen(path));
    for (; *path; path++)
        if ((unsigned char)*path < 0x20 || *path == 0x7f ||
            (!is_utf8 && (unsigned char)*path >= 0x80))
            *path = '?';
}

/* ---- files, up to version 4 ---- */

/* The folder of this number; 0 is that of the compilation. */
static bool old_folder(const wazero__dwarf_unit_t *unit, wazero__reader_t in,
                       uint64_t index, char *path)
{
    const char *name = unit->directory;
    for (uint64_t i = 0; i < index; i++) {
        name = wazero__dwarf_step(unit->dwarf) ? wazero__dwarf_string(unit->dwarf, &in)
                                               : NULL;
        if (!name || !*name)
            return false;
    }
    return join(is_absolute(name) || !index ? "" : unit->directory, name, path);
}

static bool old_file(const wazero__dwarf_unit_t *unit, const head_t *head,
                     uint64_t index, char *path)
{
    char folder[WAZERO__DWARF_PATH];
    wazero__reader_t in = head->tables;
    const char *name;
    uint64_t number = 0, ignored;
    do { /* the folders */
        name = wazero__dwarf_step(unit->dwarf) ? wazero__dwarf_string(unit->dwarf, &in)
                                               : NULL;
        if (!name)
            return false;
    } while (*name);
    for (uint64_t i = 0; i < index; i++) {
        name = wazero__dwarf_step(unit->dwarf) ? wazero__dwarf_string(unit->dwarf, &in)
                                               : NULL;
        if (!name || !*name || !wazero__dwarf_unsigned(&in, &number) ||
            !wazero__dwarf_unsigned(&in, &ignored) ||
            !wazero__dwarf_unsigned(&in, &ignored))
            return false;
    }
    if (!index) /* they are numbered from 1 */
        return false;
    if (is_absolute(name))
        return join("", name, path);
    return old_folder(unit, head->tables, number, folder) && join(folder, name, path);
}

/* ---- files, from version 5 on ---- */

/* How the items of a table are written. */
typedef struct {
    wazero__reader_t formats;
    uint8_t count;
    uint64_t items;
} format_t;

/* Reads the format of a table, and how many items it has. */
static bool read_format(wazero__reader_t *in, format_t *format)
{
    uint64_t ignored;
    if (!wazero__read_byte(in, &format->count))
        return false;
    format->formats = *in;
    for (unsigned i = 0; i < 2u * format->count; i++)
        if (!wazero__dwarf_unsigned(in, &ignored))
            return false;
    return wazero__dwarf_unsigned(in, &format->items);
}

/* Reads an item: a name and the number of a folder. */
static bool read_item(const wazero__dwarf_unit_t *unit, const format_t *format,
                      wazero__reader_t *in, const char **name, uint64_t *folder)
{
    wazero__reader_t how = format->formats;
    uint64_t content, form;
    wazero__dwarf_value_t value;
    *name = NULL;
    *folder = UINT64_MAX;
    if (!wazero__dwarf_step(unit->dwarf))
        return false;
    for (unsigned i = 0; i < format->count; i++) {
        if (!wazero__dwarf_unsigned(&how, &content) ||
            !wazero__dwarf_unsigned(&how, &form) ||
            !wazero__dwarf_value(unit, in, form, 0, &value))
            return false;
        if (content == CONTENT_PATH)
            *name = wazero__dwarf_text(unit, &value);
        else if (content == CONTENT_FOLDER)
            *folder = value.number;
    }
    return *name != NULL;
}

static bool new_file(const wazero__dwarf_unit_t *unit, const head_t *head,
                     uint64_t index, char *path)
{
    wazero__reader_t in = head->tables;
    wazero__dwarf_unit_t written = *unit; /* offsets have the size that the head has */
    format_t folders, files;
    const char *name, *folder = "";
    uint64_t wanted, ignored;
    written.offset_size = head->offset_size;
    if (!read_format(&in, &folders))
        return false;
    wazero__reader_t first_folder = in;
    for (uint64_t i = 0; i < folders.items; i++)
        if (!read_item(&written, &folders, &in, &name, &ignored))
            return false;
    if (!read_format(&in, &files) || index >= files.items)
        return false;
    for (uint64_t i = 0; i <= index; i++)
        if (!read_item(&written, &files, &in, &name, &wanted))
            return false;
    for (uint64_t i = 0; i <= wanted && wanted < folders.items; i++)
        if (!read_item(&written, &folders, &first_folder, &folder, &ignored))
            return false;
    return join(is_absolute(name) ? "" : folder, name, path);
}

bool wazero__dwarf_file(const wazero__dwarf_unit_t *unit, uint64_t index, char *path)
{
    head_t head;
    if (!read_head(unit, &head))
        return false;
    bool found = head.version < 5 ? old_file(unit, &head, index, path)
                                  : new_file(unit, &head, index, path);
    if (found)
        make_printable(path);
    return found;
}
