/*
 * parse.h - what lib knows of a module before Go sees its bytes.
 *
 * Go's "out of memory" ends the process, so the parser checks every size and count that
 * a module claims against the bytes that are there and against limits, and gives Go a
 * copy in which the maxima of memories and tables are lowered to the runtime's limits
 * and the start section is blanked (lib calls the start function itself). It does not
 * validate types of instructions: that is wazero's work.
 *
 * A parsed module is immutable after wazero__parse and may be read from any thread.
 */
#ifndef WAZERO_LIB_PARSE_H
#define WAZERO_LIB_PARSE_H

#include "wazero.h"

/* The limits of a runtime; the rest are the JavaScript API's implementation limits,
 * fixed in parse.c. */
typedef struct {
    uint32_t memory_pages;
    uint32_t table_elements;
    wazero_features_t features;
    /* The bytes are not for Go: neither look into functions nor rewrite. */
    bool shallow;
    /* A cache has the code: the functions have been looked into before, and Go gets
     * none of them. */
    bool known;
    /* Go is to tell listeners the names of parameters. */
    bool param_names;
    /* Go is to give places in the code in its traces, if the module has DWARF. */
    bool lines;
    /* A hash of the module, WAZERO__DIGEST_SIZE bytes; only for the two above. */
    const uint8_t *digest;
} wazero__parse_limits_t;

enum { WAZERO__DIGEST_SIZE = 32, WAZERO__MARK_BYTES = 8 };

/* What a trace says in place of a source file: this, and the first bytes of the digest
 * in hexadecimal. */
#define WAZERO__MARK_BEGIN "wazero-source-"
#define WAZERO__MARK_SIZE (sizeof WAZERO__MARK_BEGIN - 1 + 2 * WAZERO__MARK_BYTES)

/* Ids of sections. */
enum {
    WAZERO__SECTION_CUSTOM = 0,
    WAZERO__SECTION_TABLE = 4,
    WAZERO__SECTION_START = 8,
    WAZERO__SECTION_CODE = 10
};

typedef struct {
    wazero_limits_t limits;
    wazero_value_type_t element;
    wazero_typed_reference_t reference;
    uint32_t init; /* where its initial value is in the bytes; 0 for none */
} wazero__table_t;

typedef struct {
    wazero_value_type_t value;
    wazero_typed_reference_t reference;
    bool is_mutable;
    uint32_t init; /* where its initial value is in the bytes; 0 for an import */
} wazero__global_t;

/* Where a part of the bytes is; at = 0 for nothing. */
typedef struct {
    uint32_t at;
    uint32_t size;
} wazero__span_t;

/* A name of the name section. */
typedef struct {
    uint32_t index;
    wazero__span_t place;
} wazero__name_t;

/* The kinds of names, with the numbers of their subsections. */
enum { WAZERO__NAME_KINDS = 12 };

typedef struct wazero__parsed {
    /* The bytes that were read: the caller's, who keeps them for as long as he asks for
     * sections' contents, names and what else is only a place here. */
    const uint8_t *wasm;
    size_t wasm_size;
    wazero_section_t *sections; /* in their order */
    size_t section_count;
    uint32_t *custom_sections; /* positions of those among all */
    size_t custom_section_count;
    wazero_function_type_t *types;
    size_t type_count;
    uint32_t *functions; /* type index of each function, imported ones first */
    size_t function_count;
    size_t imported_function_count;
    uint32_t *code; /* where the bodies of functions are, at their sizes */
    size_t code_count;
    wazero__table_t *tables; /* imported ones first, as everywhere */
    size_t table_count, imported_table_count;
    wazero__global_t *globals;
    size_t global_count, imported_global_count;
    uint32_t *tags; /* type indices */
    size_t tag_count, imported_tag_count;
    uint32_t *elements; /* where the segments are */
    size_t element_count;
    uint32_t *data; /* where the segments are */
    size_t data_count;
    wazero_extern_t *imports;
    size_t import_count;
    wazero_extern_t *exports;
    size_t export_count;
    bool has_memory; /* imported or defined; there is at most one */
    bool memory_imported;
    wazero_limits_t memory; /* as declared */
    bool has_start;
    uint32_t start; /* function index */
    char *name;     /* from the name section, "" if there is none */
    size_t name_size;
    /* Names of functions that wazero finds, by increasing index, and subsections of
     * names by kind, the last one of each. */
    wazero__name_t *function_names;
    size_t function_name_count;
    wazero__span_t names[WAZERO__NAME_KINDS];
    uint64_t cost;  /* bytes of memory that compiling the costliest function may take */
    bool has_lines; /* traces have marks: see wazero__parse_mark */
    uint8_t *bytes; /* for Go: rewritten, or NULL if the original will do */
    size_t size;
    uint32_t *export_slots; /* hash table for wazero__parsed_export */
    size_t export_slot_mask;
    uint64_t export_key[2];
    void *arena; /* owns everything above but bytes, and this struct */
} wazero__parsed_t;

/* Reads size bytes at wasm. Errors: COMPILE with the place and what is wrong,
 * MEMORY. */
wazero_error_t *wazero__parse(const void *wasm, size_t size,
                              const wazero__parse_limits_t *limits,
                              wazero__parsed_t **parsed);

/* parsed may be NULL. */
void wazero__parsed_delete(wazero__parsed_t *parsed);

/* Frees the bytes for Go, which has read them. */
void wazero__parsed_drop_bytes(wazero__parsed_t *parsed);

/* The mark of a module in traces, and a NUL. */
void wazero__parse_mark(char mark[WAZERO__MARK_SIZE + 1], const uint8_t *digest);

/* The name of a function from the name section, "" if there is none. It is in the bytes
 * that were read, with no NUL behind it. Takes a binary search. */
const char *wazero__parsed_function_name(const wazero__parsed_t *parsed, uint32_t index,
                                         size_t *size);

/* The export of this name, or NULL. Constant time on average: exports are hashed. */
const wazero_extern_t *wazero__parsed_export(const wazero__parsed_t *parsed,
                                             const char *name, size_t size);

#endif
