/*
 * dwarf.h - which source line a place in a module's code is from, by its DWARF.
 *
 * Reads the sections of versions 2 to 5 as far as that takes, in place, and keeps
 * nothing: a look-up walks the heads of the units, the entries of one unit and its line
 * program. The sections may hold anything. Steps are counted, so a look-up ends; what
 * is not understood gives no line.
 */
#ifndef WAZERO_LIB_DWARF_H
#define WAZERO_LIB_DWARF_H

#include "parse.h"
#include "parse_reader.h"

typedef enum {
    WAZERO__DWARF_ABBREV,
    WAZERO__DWARF_ADDR,
    WAZERO__DWARF_INFO,
    WAZERO__DWARF_LINE,
    WAZERO__DWARF_LINE_STR,
    WAZERO__DWARF_RANGES,
    WAZERO__DWARF_RNGLISTS,
    WAZERO__DWARF_STR,
    WAZERO__DWARF_STR_OFFSETS,
    WAZERO__DWARF_SECTIONS
} wazero__dwarf_section_t;

typedef struct {
    wazero__reader_t sections[WAZERO__DWARF_SECTIONS];
    size_t budget; /* steps that are left */
} wazero__dwarf_t;

enum { WAZERO__DWARF_INLINED = 32, WAZERO__DWARF_PATH = 1024 };

/* One line of source. */
typedef struct {
    char file[WAZERO__DWARF_PATH]; /* printable */
    uint64_t line;                 /* 0: not known */
    uint64_t column;               /* 0: not known */
} wazero__dwarf_place_t;

/* The sections of a module, which are in its bytes. */
void wazero__dwarf_open(wazero__dwarf_t *dwarf, const wazero__parsed_t *parsed);

/* Looks up a place in the code section. The result is the number of places: the line
 * itself first, then where the function that it is in was inlined, from the inside out.
 */
size_t wazero__dwarf_find(wazero__dwarf_t *dwarf, uint64_t address,
                          wazero__dwarf_place_t *places);

/* ---- for dwarf.c and dwarf_line.c ---- */

/* A unit, and what reading its entries takes. */
typedef struct {
    wazero__dwarf_t *dwarf;
    wazero__reader_t entries; /* the first of them describes the unit */
    uint64_t abbreviations;   /* place in .debug_abbrev */
    unsigned version;
    unsigned offset_size; /* 4, or 8 in the 64-bit format */
    unsigned address_size;
    /* Of the first entry: */
    uint64_t base; /* address */
    uint64_t address_base, ranges_base, strings_base;
    const char *directory; /* it was compiled there, "" if that is not said */
    bool has_lines;
    uint64_t lines; /* place in .debug_line */
} wazero__dwarf_unit_t;

/* Takes a step; false if there are none left. */
static inline bool wazero__dwarf_step(wazero__dwarf_t *dwarf)
{
    return dwarf->budget && dwarf->budget--;
}

/* A number of 1 to 8 bytes; false, and nothing read, if there are fewer. LEB128 numbers
 * have up to 16 bytes, or reading one would be no small step. */
bool wazero__dwarf_fixed(wazero__reader_t *in, unsigned size, uint64_t *value);
bool wazero__dwarf_unsigned(wazero__reader_t *in, uint64_t *value);
bool wazero__dwarf_signed(wazero__reader_t *in, int64_t *value);

/* The size of a unit, which narrows `in` down to it; next is behind it. */
bool wazero__dwarf_length(wazero__reader_t *in, unsigned *offset_size,
                          const uint8_t **next);

/* A string that ends inside of `in`, which is moved behind it; NULL if none does. Takes
 * steps by its length. */
const char *wazero__dwarf_string(wazero__dwarf_t *dwarf, wazero__reader_t *in);

/* What is behind a place in a section; empty if there is no such place. */
wazero__reader_t wazero__dwarf_at(const wazero__dwarf_t *dwarf,
                                  wazero__dwarf_section_t section, uint64_t place);

/* The value of an attribute: numbers, offsets and indices in number, strings in text.
 * How numbers are meant is in form. */
typedef struct {
    unsigned form; /* 0: there is none */
    uint64_t number;
    const char *text;
} wazero__dwarf_value_t;

/* Reads a value, or leaves `in` somewhere and returns false. */
bool wazero__dwarf_value(const wazero__dwarf_unit_t *unit, wazero__reader_t *in,
                         uint64_t form, int64_t constant, wazero__dwarf_value_t *value);

/* Its string; NULL if it is none. */
const char *wazero__dwarf_text(const wazero__dwarf_unit_t *unit,
                               const wazero__dwarf_value_t *value);

/* The row of the unit's line program for an address; dwarf_line.c. */
typedef struct {
    uint64_t file, line, column;
} wazero__dwarf_row_t;

bool wazero__dwarf_line(const wazero__dwarf_unit_t *unit, uint64_t address,
                        wazero__dwarf_row_t *row);

/* Writes the path of a file of the unit, in WAZERO__DWARF_PATH bytes. */
bool wazero__dwarf_file(const wazero__dwarf_unit_t *unit, uint64_t index, char *path);

#endif
