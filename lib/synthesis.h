/*
 * synthesis.h - small modules that lib writes itself: to import things from several
 * places and export them from one, and to have what the host makes by itself.
 */
#ifndef WAZERO_LIB_SYNTHESIS_H
#define WAZERO_LIB_SYNTHESIS_H

#include "engine_abi.h"
#include "wazero.h"

/* One thing to pass on: exported under the name and with the type of `as`. */
typedef struct {
    const wazero_extern_t *as;
    wz_handle module; /* where it comes from */
    const char *name; /* what it is called there */
    size_t name_size;
} wazero__reexport_t;

/* Makes the module in the engine. Errors: LINK for a type that cannot be written down
 * (typed references), MEMORY, those of the engine. */
wazero_error_t *wazero__synthesise(wz_handle runtime, const wazero__reexport_t *items,
                                   size_t count, wz_handle *module);

/* Makes a module of the runtime that defines and exports one memory, table, global or
 * tag, empty, as ""; or a function that calls the first element of table 0, which is
 * null. Errors: INVALID for limits over those of the runtime, types that are none, and
 * features that are off; CLOSED, MEMORY, FORKED. */
wazero_error_t *wazero__define(wazero_runtime_t *runtime, const wazero_extern_t *item,
                               wazero_module_t **module);

#endif
