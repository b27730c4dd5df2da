/*
 * compiled.h - the compiled module inside lib: the engine's, and what the parser found.
 *
 * Immutable but for being closed. Modules hold a reference, for the parsed part.
 */
#ifndef WAZERO_LIB_COMPILED_H
#define WAZERO_LIB_COMPILED_H

#include <stdatomic.h>

#include "engine_abi.h"
#include "listener.h"
#include "parse.h"

struct wazero_compiled_module {
    atomic_uint references;
    wazero_runtime_t *runtime; /* a reference */
    wazero__parsed_t *parsed;
    uint8_t *bytes; /* as they were given */
    size_t size;
    wz_handle handle;
    wazero__listening_t *listening; /* or NULL */
    atomic_bool closed;
    _Atomic(wazero_inspection_t *) inspection; /* once it has been asked for */
    uint8_t digest[WAZERO__DIGEST_SIZE];       /* where parsed->has_lines */
    _Atomic(uintptr_t) code; /* the range that call/code.h has of it, or 0 */
};

/* Has call/code.h know where its functions lie, once. */
void wazero__compiled_module_locate(wazero_compiled_module_t *compiled, uintptr_t code,
                                    size_t size);

wazero_compiled_module_t *
wazero__compiled_module_retain(wazero_compiled_module_t *compiled);

#endif
