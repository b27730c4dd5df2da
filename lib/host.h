/*
 * host.h - host functions: what the host gave (a definition, shared by reference), and
 * the places where a module has it as an import or as a function of its own (a host).
 *
 * A definition's user is deleted with the last reference. A host lives as long as its
 * owner, the module for which it was linked; once the owner is closed it is not called
 * any more.
 */
#ifndef WAZERO_LIB_HOST_H
#define WAZERO_LIB_HOST_H

#include "engine_abi.h"
#include "wazero.h"

typedef struct wazero__definition wazero__definition_t;

typedef struct {
    wazero__definition_t *definition; /* a reference */
    wazero_module_t *owner;           /* borrowed: it owns this */
    const wazero_function_type_t *type;
} wazero__host_t;

/* One reference; without memory NULL, and user has been deleted. */
wazero__definition_t *wazero__definition_new(wazero_host_function_t function,
                                             void *user,
                                             void (*delete_user)(void *user));
wazero__definition_t *wazero__definition_retain(wazero__definition_t *definition);
void wazero__definition_release(wazero__definition_t *definition); /* NULL is fine */

/* Calls a host function for a module, or for the host itself if caller is NULL. Errors:
 * what the function reports, CLOSED when its owner or the caller is closed. */
wazero_error_t *wazero__host_call(wazero__host_t *host, wazero_module_t *caller,
                                  uint64_t *stack);

/* How the engine is told of a host under a name; the host must outlive the engine's. */
wz_host_function wazero__host_describe(wazero__host_t *host, const char *name,
                                       size_t size);

#endif
