/*
 * reference.h - references between the host and wasm: on the host's side pointers to
 * reference-counted objects, on the engine's side numbers.
 *
 * They are translated inside the group of a module. A function of another module can
 * only be passed when that module is in the same group, and it must then stay as long
 * as the group, for wasm keeps raw addresses: so groups are joined before.
 */
#ifndef WAZERO_LIB_REFERENCE_H
#define WAZERO_LIB_REFERENCE_H

#include "callable.h"

/* What the objects that slots point to begin with, so that one that is mistaken for
 * another is noticed. */
enum { REFERENCE_OBJECT = 0x6f626a65, REFERENCE_FUNCTION = 0x66756e63 };

/* Values of the given types that pass between the host and a module. */
typedef struct {
    wazero_module_t *module;
    const wazero_value_type_t *types;
    const wz_reference_type *exact; /* of typed references; NULL if there are none */
    size_t count;
    const char *what; /* "argument", for messages; NULL for the one there is */
} wazero__values_t;

/* Those of a call. */
wazero__values_t wazero__callable_params(const wazero__callable_t *callable);
wazero__values_t wazero__callable_results(const wazero__callable_t *callable);

/* Has the callable know its types exactly. Errors: those of the engine, MEMORY. */
wazero_error_t *wazero__callable_know(wazero__callable_t *callable);

/* Makes one group of the module's and those of all functions among the values, waiting
 * at most until a time. To be called before the module is entered, if that can be.
 * Errors: INVALID for a function of another runtime, and when waiting would never end;
 * CLOSED, FORKED, TIMEOUT without a text. */
wazero_error_t *wazero__references_join(const wazero__values_t *values,
                                        const uint64_t *slots, uint64_t until);

/* Turns the host's references into the engine's, in place. The host's stay the
 * caller's. Inside the group. Errors: INVALID, CLOSED, MEMORY. */
wazero_error_t *wazero__references_in(const wazero__values_t *values, uint64_t *slots);

/* Turns the engine's into the host's, in place, which are then the caller's. Inside the
 * group. Errors: INVALID, CLOSED, MEMORY. */
wazero_error_t *wazero__references_out(const wazero__values_t *values, uint64_t *slots);

/* Gives back the host's references. */
void wazero__references_drop(const wazero__values_t *values, const uint64_t *slots);

#endif
