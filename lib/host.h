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
    bool native; /* lib's own: it takes the host's lock where it needs it */
} wazero__host_t;

/* One reference; without memory NULL, and user has been deleted. */
wazero__definition_t *wazero__definition_new(wazero_host_function_t function,
                                             void *user,
                                             void (*delete_user)(void *user));
/* The same of a function of lib's own, which may be called without the host's lock. */
wazero__definition_t *wazero__definition_new_native(wazero_host_function_t function,
                                                    void *user);
bool wazero__definition_is_native(const wazero__definition_t *definition);

/* What a host function is called; empty and NULL for what was not given. */
typedef struct {
    wazero_name_t name;
    const wazero_name_t *params;
    size_t param_count;
    const wazero_name_t *results;
    size_t result_count;
} wazero__names_t;

/* Copies names, which may be NULL, into a definition that nobody else has yet. Errors:
 * INVALID for names that are not UTF-8, MEMORY. */
wazero_error_t *wazero__definition_set_names(wazero__definition_t *definition,
                                             const wazero_function_names_t *names);

/* The names of a host; and what is wrong with them for its type, as a text, or NULL. */
const wazero__names_t *wazero__host_names(const wazero__host_t *host);
const char *wazero__host_misnamed(const wazero__host_t *host);

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
