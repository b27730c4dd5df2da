/*
 * parse_parts.h - what the parse_*.c files share. For them only.
 *
 * The first error sticks: it is kept in the parser, and from then on every reading
 * function gives zero. So code reads on without looking at each step; loops whose
 * number of rounds comes from the module look at `error`, and pointers are used only
 * after it.
 *
 * Memory comes from the arena of the parsed module and is freed with it.
 */
#ifndef WAZERO_LIB_PARSE_PARTS_H
#define WAZERO_LIB_PARSE_PARTS_H

#include "parse.h"
#include "parse_reader.h"

/* ---- limits ----
 * Where the JavaScript API names one ("implementation-defined limits"), it is that. The
 * others keep a small module from making wazero allocate without bound. */
#define WAZERO__MAX_MODULE_SIZE ((size_t)1 << 30)
#define WAZERO__MAX_TYPES 1000000u
#define WAZERO__MAX_FUNCTIONS 1000000u /* imported and defined, each */
#define WAZERO__MAX_IMPORTS 1000000u
#define WAZERO__MAX_EXPORTS 1000000u
#define WAZERO__MAX_GLOBALS 1000000u
#define WAZERO__MAX_TAGS 1000000u
#define WAZERO__MAX_TABLES 100000u
#define WAZERO__MAX_DATA_SEGMENTS 100000u
#define WAZERO__MAX_CUSTOM_SECTIONS 100000u
/* Element segments and all their elements together: wazero takes 60 bytes for each. */
#define WAZERO__MAX_ELEMENTS 10000000u
#define WAZERO__MAX_PARAMS 1000u
#define WAZERO__MAX_RESULTS 1000u
/* Parameters and results of all types together: wazero takes 95 bytes for each, used or
 * not. 40,000,000 of them, in 39 MB of module, took it 3.8 GB (2026-11). */
#define WAZERO__MAX_TYPE_VALUES 5000000u
#define WAZERO__MAX_BODY_SIZE 7654321u
/* Parameters included, as in the JavaScript API. */
#define WAZERO__MAX_LOCALS 50000u
/* All functions of a module together: wazero keeps 8 bytes for each until the compiled
 * module is closed, and 7 bytes of module can declare 50,000. */
#define WAZERO__MAX_TOTAL_LOCALS 10000000u
#define WAZERO__MAX_BRANCH_TARGETS 65520u
/* Blocks inside blocks: passes of wazero's compiler recurse along them. */
#define WAZERO__MAX_NESTING 5000u
/* Basic blocks of a function, roughly: blocks, branches, targets of br_table.
 * 900,000 took wazero 2.1 GB (2026-11); real functions have up to 33,000. */
#define WAZERO__MAX_BLOCKS 500000u
/* Locals of a function that are used times its blocks: in the worst case the
 * compiler makes a phi for each pair, about 100 bytes. The largest product seen in a
 * real module was 10,600,000 (Biome's). */
#define WAZERO__MAX_LOCALS_TIMES_BLOCKS 20000000u
/* Memory accesses that are known at the ends of a function's blocks, all blocks
 * together: the compiler remembers for each block which accesses are known to be in
 * bounds, 25 bytes for each: 25e6 took it 1.3 GB, 3e8 more than 8 GB (2026-11). The
 * largest number seen in a real module was 8,600,000 (Typst's). */
#define WAZERO__MAX_KEPT_ACCESSES 80000000u
/* What compiling a function takes, in bytes for each of its own (7 MB of loads took
 * 6.1 GB, of calls 3.6 GB, 2026-11), for each block, for each of its blocks times
 * locals, and for each access that is kept; as measured for the limits. */
#define WAZERO__BYTE_COST 850u
#define WAZERO__BLOCK_COST 2400u
#define WAZERO__LOCAL_COST 100u
#define WAZERO__ACCESS_COST 52u
/* Locals of type (ref t) in a function: wazero's validator copies the set of those that
 * have a value at each block. */
#define WAZERO__MAX_NON_NULL_LOCALS 1000u
/* Values that calls, branches and blocks of a module move: so many, and so many more
 * for each byte of code. A call of two bytes may have 2,000 parameters and results,
 * and the compiler needs about 400 bytes for each. Real modules have 0.04 for each
 * byte. */
#define WAZERO__MAX_VALUES 1000000u
#define WAZERO__MAX_VALUES_PER_BYTE 1u
/* So many tables may each grow to the limit of the runtime; with more tables the growth
 * that this allows is divided among them. */
#define WAZERO__MAX_FULL_TABLES 8u

typedef struct {
    uint16_t params;
    uint16_t results;
} wazero__arity_t;

/* Where the limits of a table are that is defined here, and what Go gets as maximum. */
typedef struct {
    const uint8_t *flags_at;
    const uint8_t *min_end;
    const uint8_t *limits_end;
    uint32_t max_for_go;
} wazero__table_place_t;

typedef struct wazero__parser {
    wazero__reader_t
        in; /* what is left of the section, or of the module between them */
    const uint8_t *wasm;
    const uint8_t *wasm_end;
    const wazero__parse_limits_t *limits;
    const char *section; /* its name for messages, or NULL */
    wazero_error_t *error;
    wazero__parsed_t *parsed;

    wazero__arity_t *arities; /* of the types */
    size_t known_types;       /* those that a reference may be to, here */
    size_t function_capacity, table_capacity, global_capacity, tag_capacity;
    size_t section_capacity, custom_section_capacity, function_name_capacity;
    uint32_t element_count; /* segments and elements, as MAX_ELEMENTS counts them */
    bool has_name_section;
    /* Where names of locals are that Go gets, of each function; or NULL. */
    uint32_t *param_names;
    uint32_t param_names_count;

    /* What has to be rewritten for Go; NULL for nothing. */
    const uint8_t *memory_max_at;
    size_t memory_max_size;
    uint32_t memory_max;
    bool tables_change;
    wazero__table_place_t *table_places; /* of those defined here */
    const uint8_t *table_section;        /* its id byte */
    const uint8_t *table_payload;
    const uint8_t *table_section_end;
    size_t table_growth; /* bytes by which its payload gets longer */
} wazero__parser_t;

/* ---- errors; parse.c ---- */

/* Reports "section <name>: <message> at offset 0x<at>", unless there is an error
 * already. */
void wazero__parse_fail(wazero__parser_t *p, const uint8_t *at, const char *format, ...)
    __attribute__((format(printf, 3, 4), cold));

/* The same without the offset, for texts that are wazero's own. */
void wazero__parse_fail_plain(wazero__parser_t *p, const char *format, ...)
    __attribute__((format(printf, 2, 3), cold));

/* How many bytes of a name to show with "%.*s": not too many, and no torn
 * characters. */
int wazero__parse_shown(const char *name, size_t size);

/* ---- memory; parse.c ---- */

/* count * size bytes, zeroed, aligned for any type; NULL after an error. */
void *wazero__parse_alloc(wazero__parser_t *p, size_t count, size_t size);

/* Makes room for one more item behind the count that are in items. */
void *wazero__parse_room(wazero__parser_t *p, void *items, size_t count,
                         size_t *capacity, size_t size);

/* A copy with a NUL behind it. */
char *wazero__parse_copy(wazero__parser_t *p, const uint8_t *data, size_t size);

/* ---- reading; parse.c ---- `what` completes "unexpected end in …". */

uint8_t wazero__parse_byte(wazero__parser_t *p, const char *what);
uint32_t wazero__parse_u32(wazero__parser_t *p, const char *what);
int64_t wazero__parse_s33(wazero__parser_t *p, const char *what);
void wazero__parse_skip(wazero__parser_t *p, size_t size, const char *what);

/* An error unless one of the features is on; `what` names what needs it. wazero has the
 * switches, but decodes these things without looking at them. */
void wazero__parse_require(wazero__parser_t *p, const uint8_t *at,
                           wazero_features_t features, const char *what);

/* Where something is in the module's bytes. */
static inline uint32_t wazero__parse_place(const wazero__parser_t *p, const uint8_t *at)
{
    return (uint32_t)(at - p->wasm);
}

/* The number of items of a vector, each at least min_size bytes long: an error if there
 * are more than limit or than the bytes left allow. */
uint32_t wazero__parse_count(wazero__parser_t *p, const char *what, size_t min_size,
                             uint32_t limit);

/* A name, which must be UTF-8: *data and *size are in the module's bytes. */
void wazero__parse_name(wazero__parser_t *p, const char *what, const uint8_t **data,
                        uint32_t *size);

/* ---- sections; each reads the whole payload ---- */

void wazero__parse_types(wazero__parser_t *p); /* parse_types.c */

/* *reference gets what a WAZERO_TYPE_REF leads to; all zero beside another type. */
wazero_value_type_t wazero__parse_value_type(wazero__parser_t *p, const char *what,
                                             wazero_typed_reference_t *reference);

/* Whether it is a heap type as the operand of ref.null may have it, a type index or an
 * abstract one whose feature is on. Whether the index exists is not looked at. */
bool wazero__parse_is_heap_type(const wazero__parser_t *p, int64_t heap);

void wazero__parse_imports(wazero__parser_t *p); /* parse_sections.c */
void wazero__parse_functions(wazero__parser_t *p);
void wazero__parse_tables(wazero__parser_t *p);
void wazero__parse_memories(wazero__parser_t *p);
void wazero__parse_tags(wazero__parser_t *p);
void wazero__parse_globals(wazero__parser_t *p);
void wazero__parse_exports(wazero__parser_t *p);
void wazero__parse_start(wazero__parser_t *p);
void wazero__parse_elements(wazero__parser_t *p); /* parse_segments.c */
void wazero__parse_data(wazero__parser_t *p);
void wazero__parse_data_count(wazero__parser_t *p);
void wazero__parse_expression(wazero__parser_t *p);
void wazero__parse_code(wazero__parser_t *p);   /* parse_code.c */
void wazero__parse_custom(wazero__parser_t *p); /* parse_names.c */

/* Gives parsed->bytes what Go is to read, if that differs; parse_rewrite.c. */
void wazero__parse_rewrite(wazero__parser_t *p);

/* The look-up of exports; parse_exports.c. */
void wazero__parse_index_exports(wazero__parser_t *p);

#endif
