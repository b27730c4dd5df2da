/*
 * function.h - the handle of a function inside lib.
 */
#ifndef WAZERO_LIB_FUNCTION_H
#define WAZERO_LIB_FUNCTION_H

#include <stdatomic.h>

#include "callable.h"

/* Immutable, but for what is found out when it is first asked for. */
struct wazero_function {
    uint32_t tag; /* REFERENCE_FUNCTION */
    atomic_uint references;
    wazero_module_t *module; /* a reference */
    wazero__callable_t *callable;
    const wazero_extern_t *export; /* under which it was found, or NULL */
    const char *name;
    size_t name_size;
    /* Of a host function: its definition, once it has been asked for. */
    _Atomic(wazero_function_definition_t *) definition;
    char own_name[];
};

/* A handle of the function that a reference leads to. Inside the group. Errors: INVALID
 * for one that wazero has itself, MEMORY. */
wazero_error_t *wazero__function_at(const wz_function_place *place,
                                    wazero_function_t **function);

#endif
