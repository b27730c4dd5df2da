/*
 * wasi.h - WASI preview 1 in C, as the rest of lib sees it: its functions by name, and
 * the state that a module gets.
 */
#ifndef WAZERO_LIB_WASI_WASI_H
#define WAZERO_LIB_WASI_WASI_H

#include "host.h"
#include "module.h"

struct wazero__wasi;

/* The function that an import names: a definition with a reference for the caller, and
 * its type in *given. *definition = NULL if there is none. `named` gives it the names
 * of its parameters, for listeners; `traced` has its calls recorded. Errors: MEMORY. */
wazero_error_t *wazero__wasi_find(const wazero_extern_t *import, bool named,
                                  bool traced, wazero__definition_t **definition,
                                  wazero_extern_t *given);

/* Whether a module name is one of WASI's. */
bool wazero__wasi_is_named(const char *name, size_t size);

/* The state for a module, as the configuration says; `addresses` has room for where it
 * listens, or is NULL: then it does not. Errors: INVALID when a stream, a folder or a
 * socket cannot be opened, MEMORY. */
wazero_error_t *wazero__wasi_new(const wazero_module_config_t *config,
                                 wazero__tcp_address_t *addresses,
                                 struct wazero__wasi **wasi);

/* Closes what is open; every call then finds no descriptor. */
void wazero__wasi_close(struct wazero__wasi *wasi);  /* NULL is fine */
void wazero__wasi_delete(struct wazero__wasi *wasi); /* NULL is fine */

#endif
