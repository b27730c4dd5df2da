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
} wazero__parse_limits_t;

typedef struct wazero__parsed {
    wazero_function_type_t *types;
    size_t type_count;
    uint32_t *functions; /* type index of each function, imported ones first */
    size_t function_count;
    size_t imported_function_count;
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
    uint8_t *bytes; /* for Go: rewritten, or NULL if the original will do */
    size_t size;
    uint32_t *export_slots; /* hash table for wazero__parsed_export */
    size_t export_slot_mask;
    uint64_t export_key[2];
    void *arena; /* owns everything above, and this struct */
} wazero__parsed_t;

/* Reads size bytes at wasm. Errors: COMPILE with the place and what is wrong,
 * MEMORY. */
wazero_error_t *wazero__parse(const void *wasm, size_t size,
                              const wazero__parse_limits_t *limits,
                              wazero__parsed_t **parsed);

/* parsed may be NULL. */
void wazero__parsed_delete(wazero__parsed_t *parsed);

/* The export of this name, or NULL. Constant time on average: exports are hashed. */
const wazero_extern_t *wazero__parsed_export(const wazero__parsed_t *parsed,
                                             const char *name, size_t size);

#endif
