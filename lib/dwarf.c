/*
 * dwarf.c - units and entries of DWARF, and how values are written. See dwarf.h.
 */
#include "dwarf.h"

#include <stdlib.h>

/* About a tenth of a second. */
#define STEPS ((size_t)20 << 20)

enum { TAG_COMPILE_UNIT = 0x11, TAG_INLINED = 0x1d };
enum { UNIT_COMPILE = 1, UNIT_PARTIAL = 3 };

/* Attributes that matter here, at the index that they have in entry_t. */
enum {
    LINES,
    LOW,
    HIGH,
    DIRECTORY,
    RANGES,
    CALL_COLUMN,
    CALL_FILE,
    CALL_LINE,
    STRINGS_BASE,
    ADDRESS_BASE,
    RANGES_BASE,
    ATTRIBUTES
};
static const uint8_t attribute_codes[ATTRIBUTES] = {0x10, 0x11, 0x12, 0x1b, 0x55, 0x57,
                                                    0x58, 0x59, 0x72, 0x73, 0x74};

enum {
    FORM_ADDR = 0x01,
    FORM_BLOCK2 = 0x03,
    FORM_BLOCK4,
    FORM_DATA2,
    FORM_DATA4,
    FORM_DATA8,
    FORM_STRING,
    FORM_BLOCK,
    FORM_BLOCK1,
    FORM_DATA1,
    FORM_FLAG,
    FORM_SDATA,
    FORM_STRP,
    FORM_UDATA,
    FORM_REF_ADDR,
    FORM_REF1,
    FORM_REF2,
    FORM_REF4,
    FORM_REF8,
    FORM_REF_UDATA,
    FORM_INDIRECT,
    FORM_SEC_OFFSET,
    FORM_EXPRLOC,
    FORM_FLAG_PRESENT,
    FORM_STRX,
    FORM_ADDRX,
    FORM_REF_SUP4,
    FORM_STRP_SUP,
    FORM_DATA16,
    FORM_LINE_STRP,
    FORM_REF_SIG8,
    FORM_IMPLICIT_CONST,
    FORM_LOCLISTX,
    FORM_RNGLISTX,
    FORM_REF_SUP8,
    FORM_STRX1,
    FORM_STRX2,
    FORM_STRX3,
    FORM_STRX4,
    FORM_ADDRX1,
    FORM_ADDRX2,
    FORM_ADDRX3,
    FORM_ADDRX4
};

/* ---- numbers and strings ---- */

bool wazero__dwarf_fixed(wazero__reader_t *in, unsigned size, uint64_t *value)
{
    if (wazero__reader_left(in) < size)
        return false;
    *value = 0;
    for (unsigned i = 0; i < size; i++)
        *value |= (uint64_t)in->at[i] << (8 * i);
    in->at += size;
    return true;
}

/* Bits over 64 are lost, as in other readers: padding is legal. */
bool wazero__dwarf_unsigned(wazero__reader_t *in, uint64_t *value)
{
    uint8_t byte;
    *value = 0;
    for (unsigned shift = 0; shift < 16 * 7 && wazero__read_byte(in, &byte);
         shift += 7) {
        if (shift < 64)
            *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

bool wazero__dwarf_signed(wazero__reader_t *in, int64_t *value)
{
    const uint8_t *start = in->at;
    uint64_t bits;
    if (!wazero__dwarf_unsigned(in, &bits))
        return false;
    size_t size = (size_t)(in->at - start);
    if (size < 10 && (in->at[-1] & 0x40))
        bits |= ~(uint64_t)0 << (7 * size);
    *value = (int64_t)bits;
    return true;
}

bool wazero__dwarf_length(wazero__reader_t *in, unsigned *offset_size,
                          const uint8_t **next)
{
    uint64_t size;
    *offset_size = 4;
    if (!wazero__dwarf_fixed(in, 4, &size))
        return false;
    if (size == 0xffffffff) {
        *offset_size = 8;
        if (!wazero__dwarf_fixed(in, 8, &size))
            return false;
    }
    if (size > wazero__reader_left(in))
        return false;
    in->end = *next = in->at + size;
    return true;
}

const char *wazero__dwarf_string(wazero__dwarf_t *dwarf, wazero__reader_t *in)
{
    enum { BYTES_OF_A_STEP = 64 };
    const char *text = (const char *)in->at;
    size_t left = wazero__reader_left(in);
    size_t most =
        dwarf->budget < left / BYTES_OF_A_STEP ? dwarf->budget * BYTES_OF_A_STEP : left;
    const uint8_t *end = memchr(text, 0, most);
    size_t size = end ? (size_t)(end - in->at) : most;
    dwarf->budget -=
        size / BYTES_OF_A_STEP < dwarf->budget ? size / BYTES_OF_A_STEP : dwarf->budget;
    if (!end)
        return NULL;
    in->at = end + 1;
    return text;
}

wazero__reader_t wazero__dwarf_at(const wazero__dwarf_t *dwarf,
                                  wazero__dwarf_section_t section, uint64_t place)
{
    wazero__reader_t in = dwarf->sections[section];
    in.at = place <= wazero__reader_left(&in) ? in.at + place : in.end;
    return in;
}

/* ---- values ---- */

/* The size of a value that has always the same; 0 for the others. */
static unsigned fixed_size(const wazero__dwarf_unit_t *unit, uint64_t form)
{
    switch (form) {
    case FORM_ADDR:
        return unit->address_size;
    case FORM_REF_ADDR:
        return unit->version == 2 ? unit->address_size : unit->offset_size;
    case FORM_STRP:
    case FORM_SEC_OFFSET:
    case FORM_STRP_SUP:
    case FORM_LINE_STRP:
        return unit->offset_size;
    case FORM_DATA1:
    case FORM_FLAG:
    case FORM_REF1:
    case FORM_STRX1:
    case FORM_ADDRX1:
        return 1;
    case FORM_DATA2:
    case FORM_REF2:
    case FORM_STRX2:
    case FORM_ADDRX2:
        return 2;
    case FORM_STRX3:
    case FORM_ADDRX3:
        return 3;
    case FORM_DATA4:
    case FORM_REF4:
    case FORM_REF_SUP4:
    case FORM_STRX4:
    case FORM_ADDRX4:
        return 4;
    case FORM_DATA8:
    case FORM_REF8:
    case FORM_REF_SIG8:
    case FORM_REF_SUP8:
        return 8;
    default:
        return 0;
    }
}

/* Leaves a block out, whose size is written first. */
static bool skip_block(wazero__reader_t *in, unsigned size_size)
{
    uint64_t size;
    bool read = size_size ? wazero__dwarf_fixed(in, size_size, &size)
                          : wazero__dwarf_unsigned(in, &size);
    return read && size <= wazero__reader_left(in) && wazero__skip(in, (size_t)size);
}

bool wazero__dwarf_value(const wazero__dwarf_unit_t *unit, wazero__reader_t *in,
                         uint64_t form, int64_t constant, wazero__dwarf_value_t *value)
{
    int64_t number;
    unsigned size;
    if (form == FORM_INDIRECT && (!wazero__dwarf_unsigned(in, &form) ||
                                  form == FORM_INDIRECT || form == FORM_IMPLICIT_CONST))
        return false;
    *value = (wazero__dwarf_value_t){.form = form <= FORM_ADDRX4 ? (unsigned)form : 0};
    size = fixed_size(unit, form);
    if (size)
        return wazero__dwarf_fixed(in, size, &value->number);
    switch (form) {
    case FORM_STRING:
        value->text = wazero__dwarf_string(unit->dwarf, in);
        return value->text != NULL;
    case FORM_BLOCK1:
        return skip_block(in, 1);
    case FORM_BLOCK2:
        return skip_block(in, 2);
    case FORM_BLOCK4:
        return skip_block(in, 4);
    case FORM_BLOCK:
    case FORM_EXPRLOC:
        return skip_block(in, 0);
    case FORM_DATA16:
        return wazero__skip(in, 16);
    case FORM_SDATA:
        if (!wazero__dwarf_signed(in, &number))
            return false;
        value->number = (uint64_t)number;
        return true;
    case FORM_FLAG_PRESENT:
        value->number = 1;
        return true;
    case FORM_IMPLICIT_CONST:
        value->number = (uint64_t)constant;
        return true;
    case FORM_UDATA:
    case FORM_REF_UDATA:
    case FORM_STRX:
    case FORM_ADDRX:
    case FORM_LOCLISTX:
    case FORM_RNGLISTX:
    case 0x1f01: /* of GNU, before version 5: index of an address, and of a string */
    case 0x1f02:
        return wazero__dwarf_unsigned(in, &value->number);
    default:
        return false;
    }
}

/* An item of a table of numbers of one size; false if it is not there. */
static bool table_item(const wazero__dwarf_unit_t *unit,
                       wazero__dwarf_section_t section, uint64_t base, uint64_t index,
                       unsigned size, uint64_t *value)
{
    uint64_t place;
    if (__builtin_mul_overflow(index, size, &place) ||
        __builtin_add_overflow(place, base, &place))
        return false;
    wazero__reader_t in = wazero__dwarf_at(unit->dwarf, section, place);
    return wazero__dwarf_fixed(&in, size, value);
}

const char *wazero__dwarf_text(const wazero__dwarf_unit_t *unit,
                               const wazero__dwarf_value_t *value)
{
    uint64_t place = value->number;
    wazero__dwarf_section_t section = WAZERO__DWARF_STR;
    switch (value->form) {
    case FORM_STRING:
        return value->text;
    case FORM_LINE_STRP:
        section = WAZERO__DWARF_LINE_STR;
        break;
    case FORM_STRP:
        break;
    case FORM_STRX:
    case FORM_STRX1:
    case FORM_STRX2:
    case FORM_STRX3:
    case FORM_STRX4:
        if (!table_item(unit, WAZERO__DWARF_STR_OFFSETS, unit->strings_base, place,
                        unit->offset_size, &place))
            return NULL;
        break;
    default:
        return NULL;
    }
    wazero__reader_t in = wazero__dwarf_at(unit->dwarf, section, place);
    return wazero__dwarf_string(unit->dwarf, &in);
}

/* The address that a value is; false if it is none. */
static bool address_of(const wazero__dwarf_unit_t *unit,
                       const wazero__dwarf_value_t *value, uint64_t *address)
{
    switch (value->form) {
    case FORM_ADDR:
        *address = value->number;
        return true;
    case FORM_ADDRX:
    case FORM_ADDRX1:
    case FORM_ADDRX2:
    case FORM_ADDRX3:
    case FORM_ADDRX4:
        return table_item(unit, WAZERO__DWARF_ADDR, unit->address_base, value->number,
                          unit->address_size, address);
    default:
        return false;
    }
}

/* ---- ranges ---- */

/* Code that the linker has left out is at one of these. */
static bool is_gone(uint64_t address)
{
    uint32_t low = (uint32_t)address;
    return low == 0 || low >= 0xfffffffe;
}

static bool contains(uint64_t begin, uint64_t end, uint64_t address)
{
    return !is_gone(begin) && !is_gone(end) && begin <= address && address < end;
}

/* The list of version 4 and before: pairs of addresses, {all ones, base}, {0, 0}. */
static bool pairs_contain(const wazero__dwarf_unit_t *unit, uint64_t place,
                          uint64_t address)
{
    wazero__reader_t in = wazero__dwarf_at(unit->dwarf, WAZERO__DWARF_RANGES, place);
    uint64_t base = unit->base, begin, end;
    uint64_t ones = unit->address_size == 8 ? UINT64_MAX : UINT32_MAX;
    while (wazero__dwarf_step(unit->dwarf) &&
           wazero__dwarf_fixed(&in, unit->address_size, &begin) &&
           wazero__dwarf_fixed(&in, unit->address_size, &end) && (begin || end)) {
        if (begin == ones)
            base = end;
        else if (contains(base + begin, base + end, address))
            return true;
    }
    return false;
}

static bool read_index(const wazero__dwarf_unit_t *unit, wazero__reader_t *in,
                       uint64_t *address)
{
    uint64_t index;
    return wazero__dwarf_unsigned(in, &index) &&
           table_item(unit, WAZERO__DWARF_ADDR, unit->address_base, index,
                      unit->address_size, address);
}

/* The list of version 5. */
static bool list_contains(const wazero__dwarf_unit_t *unit, uint64_t place,
                          uint64_t address)
{
    wazero__reader_t in = wazero__dwarf_at(unit->dwarf, WAZERO__DWARF_RNGLISTS, place);
    uint64_t base = unit->base, begin, end;
    uint8_t kind;
    while (wazero__dwarf_step(unit->dwarf) && wazero__read_byte(&in, &kind)) {
        bool read = false, is_range = true;
        switch (kind) {
        case 1: /* base_addressx */
            read = read_index(unit, &in, &base);
            is_range = false;
            break;
        case 2: /* startx_endx */
            read = read_index(unit, &in, &begin) && read_index(unit, &in, &end);
            break;
        case 3: /* startx_length */
            read = read_index(unit, &in, &begin) && wazero__dwarf_unsigned(&in, &end);
            end = read ? end + begin : 0;
            break;
        case 4: /* offset_pair */
            read = wazero__dwarf_unsigned(&in, &begin) &&
                   wazero__dwarf_unsigned(&in, &end);
            begin = read ? begin + base : 0;
            end = read ? end + base : 0;
            break;
        case 5: /* base_address */
            read = wazero__dwarf_fixed(&in, unit->address_size, &base);
            is_range = false;
            break;
        case 6: /* start_end */
            read = wazero__dwarf_fixed(&in, unit->address_size, &begin) &&
                   wazero__dwarf_fixed(&in, unit->address_size, &end);
            break;
        case 7: /* start_length */
            read = wazero__dwarf_fixed(&in, unit->address_size, &begin) &&
                   wazero__dwarf_unsigned(&in, &end);
            end = read ? end + begin : 0;
            break;
        default: /* 0 is the end */
            break;
        }
        if (!read)
            return false;
        if (is_range && contains(begin, end, address))
            return true;
    }
    return false;
}

/* ---- entries ---- */

typedef struct {
    uint64_t code; /* 0: there is none, the end of children */
    uint64_t tag;
    bool has_children;
    wazero__dwarf_value_t values[ATTRIBUTES];
} entry_t;

/* Where the abbreviations of a unit are, by their codes: compilers number them from 1.
 * Others are not found. */
typedef struct {
    const uint8_t **places;
    size_t count;
} abbreviations_t;

static bool skip_abbreviation(wazero__dwarf_t *dwarf, wazero__reader_t *in)
{
    uint64_t tag, attribute, form;
    uint8_t has_children;
    int64_t constant;
    if (!wazero__dwarf_unsigned(in, &tag) || !wazero__read_byte(in, &has_children))
        return false;
    while (wazero__dwarf_step(dwarf) && wazero__dwarf_unsigned(in, &attribute) &&
           wazero__dwarf_unsigned(in, &form)) {
        if (form == FORM_IMPLICIT_CONST && !wazero__dwarf_signed(in, &constant))
            return false;
        if (!attribute && !form)
            return true;
    }
    return false;
}

/* The abbreviations from 1 to at most limit. Without memory there are none. */
static abbreviations_t find_abbreviations(const wazero__dwarf_unit_t *unit,
                                          size_t limit)
{
    wazero__reader_t in =
        wazero__dwarf_at(unit->dwarf, WAZERO__DWARF_ABBREV, unit->abbreviations);
    abbreviations_t found = {NULL, 0};
    size_t capacity = 0;
    uint64_t code;
    while (found.count < limit && wazero__dwarf_unsigned(&in, &code) &&
           code == found.count + 1) {
        if (found.count == capacity) {
            capacity = capacity ? capacity * 2 : limit < 64 ? limit : 64;
            const uint8_t **more =
                realloc(found.places, capacity * sizeof *found.places);
            if (!more)
                break;
            found.places = more;
        }
        found.places[found.count++] = in.at;
        if (!skip_abbreviation(unit->dwarf, &in)) {
            found.count--;
            break;
        }
    }
    return found;
}

static int attribute_index(uint64_t attribute)
{
    for (int i = 0; i < ATTRIBUTES; i++)
        if (attribute_codes[i] == attribute)
            return i;
    return -1;
}

/* Reads the next entry. */
static bool read_entry(const wazero__dwarf_unit_t *unit,
                       const abbreviations_t *abbreviations, wazero__reader_t *in,
                       entry_t *entry)
{
    uint64_t attribute, form;
    uint8_t has_children;
    memset(entry, 0, sizeof *entry);
    if (!wazero__dwarf_step(unit->dwarf) || !wazero__dwarf_unsigned(in, &entry->code))
        return false;
    if (!entry->code)
        return true;
    if (entry->code > abbreviations->count)
        return false;
    wazero__reader_t how = {abbreviations->places[entry->code - 1],
                            unit->dwarf->sections[WAZERO__DWARF_ABBREV].end};
    if (!wazero__dwarf_unsigned(&how, &entry->tag) ||
        !wazero__read_byte(&how, &has_children))
        return false;
    entry->has_children = has_children != 0;
    while (wazero__dwarf_step(unit->dwarf) &&
           wazero__dwarf_unsigned(&how, &attribute) &&
           wazero__dwarf_unsigned(&how, &form)) {
        int64_t constant = 0;
        wazero__dwarf_value_t value;
        if (form == FORM_IMPLICIT_CONST && !wazero__dwarf_signed(&how, &constant))
            return false;
        if (!attribute && !form)
            return true;
        if (!wazero__dwarf_value(unit, in, form, constant, &value))
            return false;
        int index = attribute_index(attribute);
        if (index >= 0)
            entry->values[index] = value;
    }
    return false;
}

static bool entry_contains(const wazero__dwarf_unit_t *unit, const entry_t *entry,
                           uint64_t address)
{
    const wazero__dwarf_value_t *ranges = &entry->values[RANGES];
    const wazero__dwarf_value_t *high = &entry->values[HIGH];
    uint64_t begin, end, place = ranges->number;
    if (high->form && address_of(unit, &entry->values[LOW], &begin)) {
        if (!address_of(unit, high, &end))
            end = begin + high->number;
        if (contains(begin, end, address))
            return true;
    }
    if (!ranges->form)
        return false;
    if (unit->version < 5)
        return pairs_contain(unit, place, address);
    if (ranges->form == FORM_RNGLISTX) {
        if (!table_item(unit, WAZERO__DWARF_RNGLISTS, unit->ranges_base, place,
                        unit->offset_size, &place))
            return false;
        place += unit->ranges_base;
    }
    return list_contains(unit, place, address);
}

/* ---- units ---- */

/* Reads the head of a unit, and moves `in` behind the unit. False at the end, and where
 * nothing can be read any more; a unit of another kind has no entries. */
static bool read_unit(wazero__dwarf_t *dwarf, wazero__reader_t *in,
                      wazero__dwarf_unit_t *unit)
{
    const uint8_t *next;
    uint64_t version, kind = UNIT_COMPILE, size;
    *unit = (wazero__dwarf_unit_t){.dwarf = dwarf, .entries = *in, .directory = ""};
    if (!wazero__dwarf_step(dwarf) ||
        !wazero__dwarf_length(&unit->entries, &unit->offset_size, &next))
        return false;
    in->at = next;
    wazero__reader_t *head = &unit->entries;
    bool read = wazero__dwarf_fixed(head, 2, &version) && version >= 2 && version <= 5;
    if (read && version == 5)
        read = wazero__dwarf_fixed(head, 1, &kind) &&
               wazero__dwarf_fixed(head, 1, &size) &&
               wazero__dwarf_fixed(head, unit->offset_size, &unit->abbreviations);
    else if (read)
        read = wazero__dwarf_fixed(head, unit->offset_size, &unit->abbreviations) &&
               wazero__dwarf_fixed(head, 1, &size);
    if (!read || (size != 4 && size != 8) ||
        (kind != UNIT_COMPILE && kind != UNIT_PARTIAL)) {
        unit->entries.at = unit->entries.end;
        return true;
    }
    unit->version = (unsigned)version;
    unit->address_size = (unsigned)size;
    return true;
}

/* Reads the first entry, which describes the unit. Says whether it contains an
 * address. */
static bool unit_contains(wazero__dwarf_unit_t *unit, uint64_t address)
{
    entry_t entry;
    wazero__reader_t in = unit->entries;
    uint64_t code;
    if (!wazero__dwarf_unsigned(&in, &code) || !code)
        return false;
    abbreviations_t abbreviations = find_abbreviations(unit, (size_t)code);
    in = unit->entries;
    bool read =
        read_entry(unit, &abbreviations, &in, &entry) && entry.tag == TAG_COMPILE_UNIT;
    free(abbreviations.places);
    if (!read)
        return false;
    unit->address_base = entry.values[ADDRESS_BASE].number;
    unit->strings_base = entry.values[STRINGS_BASE].number;
    unit->ranges_base = entry.values[RANGES_BASE].number;
    if (!address_of(unit, &entry.values[LOW], &unit->base))
        unit->base = 0;
    const char *directory = wazero__dwarf_text(unit, &entry.values[DIRECTORY]);
    unit->directory = directory ? directory : "";
    unit->has_lines = entry.values[LINES].form != 0;
    unit->lines = entry.values[LINES].number;
    return entry_contains(unit, &entry, address);
}

typedef struct {
    uint64_t file, line, column;
} call_t;

/* The calls that were inlined around an address, from the outside in. */
static size_t find_calls(const wazero__dwarf_unit_t *unit, uint64_t address,
                         call_t *calls, size_t limit)
{
    entry_t entry;
    wazero__reader_t in = unit->entries;
    size_t count = 0;
    abbreviations_t abbreviations = find_abbreviations(unit, SIZE_MAX / 64);
    while (count < limit && in.at < in.end &&
           read_entry(unit, &abbreviations, &in, &entry)) {
        if (!entry.code || entry.tag != TAG_INLINED ||
            !entry_contains(unit, &entry, address))
            continue;
        calls[count++] =
            (call_t){entry.values[CALL_FILE].number, entry.values[CALL_LINE].number,
                     entry.values[CALL_COLUMN].number};
        if (!entry.has_children)
            break;
    }
    free(abbreviations.places);
    return count;
}

void wazero__dwarf_open(wazero__dwarf_t *dwarf, const wazero__parsed_t *parsed)
{
    static const char *const names[WAZERO__DWARF_SECTIONS] = {
        "abbrev", "addr",     "info", "line",        "line_str",
        "ranges", "rnglists", "str",  "str_offsets",
    };
    static const char PREFIX[] = ".debug_";
    enum { PREFIX_SIZE = sizeof PREFIX - 1 };
    memset(dwarf, 0, sizeof *dwarf);
    dwarf->budget = STEPS;
    for (int i = 0; i < WAZERO__DWARF_SECTIONS; i++)
        dwarf->sections[i].at = dwarf->sections[i].end = parsed->wasm;
    for (size_t i = 0; i < parsed->section_count; i++) {
        const wazero_section_t *section = &parsed->sections[i];
        if (section->id || section->name_size < PREFIX_SIZE ||
            memcmp(section->name, PREFIX, PREFIX_SIZE) != 0)
            continue;
        for (int j = 0; j < WAZERO__DWARF_SECTIONS; j++)
            if (strlen(names[j]) == section->name_size - PREFIX_SIZE &&
                memcmp(names[j], section->name + PREFIX_SIZE, strlen(names[j])) == 0)
                dwarf->sections[j] = (wazero__reader_t){
                    section->data, (const uint8_t *)section->data + section->data_size};
    }
}

size_t wazero__dwarf_find(wazero__dwarf_t *dwarf, uint64_t address,
                          wazero__dwarf_place_t *places)
{
    wazero__reader_t in = dwarf->sections[WAZERO__DWARF_INFO];
    wazero__dwarf_unit_t unit;
    wazero__dwarf_row_t row;
    call_t calls[WAZERO__DWARF_INLINED - 1];
    bool found = false;
    while (!found && read_unit(dwarf, &in, &unit))
        found = unit_contains(&unit, address);
    if (!found || !unit.has_lines || !wazero__dwarf_line(&unit, address, &row) ||
        !wazero__dwarf_file(&unit, row.file, places[0].file))
        return 0;
    places[0].line = row.line;
    places[0].column = row.column;
    size_t count = 1;
    for (size_t i = find_calls(&unit, address, calls, WAZERO__DWARF_INLINED - 1);
         i--;) {
        if (!wazero__dwarf_file(&unit, calls[i].file, places[count].file))
            break;
        places[count].line = calls[i].line;
        places[count++].column = calls[i].column;
    }
    return count;
}
