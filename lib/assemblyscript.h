/*
 * assemblyscript.h - the functions that AssemblyScript's programs import from "env":
 * abort, trace and seed, with the effects and texts that wazero gives them.
 *
 * They write to the guest's standard error or output and read its random numbers, as
 * WASI does: who links one has the module get the state of lib's WASI.
 */
#ifndef WAZERO_LIB_ASSEMBLYSCRIPT_H
#define WAZERO_LIB_ASSEMBLYSCRIPT_H

#include "host.h"

/* The function that an import asks for, if it is one of these: a definition with a
 * reference for the caller, which does as `options` (WAZERO_ASSEMBLYSCRIPT_...) say,
 * and what it is. *definition = NULL if it is not. Errors: MEMORY. */
wazero_error_t *wazero__assemblyscript_find(const wazero_extern_t *import,
                                            unsigned options,
                                            wazero__definition_t **definition,
                                            wazero_extern_t *given);

#endif
