/*
 * emscripten.h - the functions that Emscripten's programs import from "env" for setjmp,
 * longjmp and growing memory, as wazero has them. They grant the guest nothing, so they
 * are there unasked.
 */
#ifndef WAZERO_LIB_EMSCRIPTEN_H
#define WAZERO_LIB_EMSCRIPTEN_H

#include "host.h"

/* The function that an import of a module asks for, if it is one of these: a definition
 * for that module alone, with a reference for the caller, and what it is. *definition =
 * NULL if it is not. `given` borrows from the import. Errors: MEMORY. */
wazero_error_t *wazero__emscripten_find(wazero_module_t *module,
                                        const wazero_extern_t *import,
                                        wazero__definition_t **definition,
                                        wazero_extern_t *given);

#endif
