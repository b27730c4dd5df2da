/*
 * inspect.h - what a parsed module tells of itself in detail.
 *
 * An inspection reads the parsed part and the bytes, both borrowed or, the parsed part,
 * its own. What is large is made when it is first asked for and kept: several threads
 * may make it at once, the first one stays. There is no lock, so that a child forked
 * meanwhile can go on asking.
 */
#ifndef WAZERO_LIB_INSPECT_H
#define WAZERO_LIB_INSPECT_H

#include <stdatomic.h>

#include "parse.h"
#include "parse_reader.h"

enum { WAZERO__EXTERN_KINDS = 5 };

/* Names of locals of one function: a vector of so many, at a place. */
typedef struct {
    uint32_t function;
    uint32_t count;
    uint32_t at;
} wazero__locals_t;

typedef struct {
    size_t count;
    wazero__locals_t items[]; /* by function; those of one function in their order */
} wazero__locals_list_t;

typedef struct {
    size_t count;
    wazero_named_t *items; /* in the same allocation, with the text behind them */
} wazero__named_list_t;

struct wazero_inspection {
    wazero__parsed_t *parsed;
    bool owns_parsed;
    uint64_t *exports; /* sorted: kind, index of what is exported, position */
    uint32_t *imports; /* positions, by kind */
    size_t first_imports[WAZERO__EXTERN_KINDS]; /* where those of a kind begin */
    _Atomic(wazero_function_definition_t *) *functions; /* as asked for */
    _Atomic(wazero__locals_list_t *) locals;
    _Atomic(wazero__named_list_t *) names[WAZERO__NAME_KINDS];
};

/* Errors: MEMORY, with parsed left to the caller. */
wazero_error_t *wazero__inspection_new(wazero__parsed_t *parsed, bool owns_parsed,
                                       wazero_inspection_t **inspection);

/* Deletes also those that belong to a compiled module. */
void wazero__inspection_delete(wazero_inspection_t *inspection);

/* Reads a constant expression that the parser has accepted; inspect_segments.c. */
wazero_constant_t wazero__parsed_constant(const wazero__parsed_t *parsed, uint32_t at);

/* A value type as the parser reads them; inspect_segments.c. */
wazero_value_type_t wazero__read_type(wazero__reader_t *in,
                                      wazero_typed_reference_t *reference);

/* A copy of a draft with all that it points to, but for its type and its import, and
 * with its debug name made: one allocation, for free. NULL without memory. Names are
 * counted by their sizes and need no NUL in the draft. */
wazero_function_definition_t *
wazero__function_definition_new(const wazero_function_definition_t *draft);

#endif
