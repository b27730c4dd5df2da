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
    bool native;           /* lib's own: it takes the host's lock where it needs it */
    bool takes_references; /* among its types */
    const char *name;      /* the owner's, as is the type */
    size_t name_size;
    /* Where the engine has it, once it is made there. */
    wz_handle home;
    uint32_t index;
    struct wazero__callable *callable; /* or NULL; under the runtime's mutex */
} wazero__host_t;

/* One reference; without memory NULL, and user has been deleted. */
wazero__definition_t *wazero__definition_new(wazero_host_function_t function,
                                             void *user,
                                             void (*delete_user)(void *user));
/* The same of a function of lib's own, which may be called without the host's lock. */
wazero__definition_t *wazero__definition_new_native(wazero_host_function_t function,
                                                    void *user);

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

/* Makes a host of an owner, with the name and type of an import or export of it. Takes
 * the definition. */
void wazero__host_init(wazero__host_t *host, wazero_module_t *owner,
                       const wazero_extern_t *as, wazero__definition_t *definition);
void wazero__host_clear(wazero__host_t *host);

/* Calls a host function from wasm, for a module; caller is NULL if that is none of
 * lib's. The stack has wazero's references. Errors: what the function reports, CLOSED
 * when its owner or the caller is closed; INVALID for references that cannot be
 * passed. */
wazero_error_t *wazero__host_call(wazero__host_t *host, wazero_module_t *caller,
                                  uint64_t *stack);

/* Calls it for the host itself; the stack has lib's references. */
wazero_error_t *wazero__host_call_directly(wazero__host_t *host, uint64_t *stack);

/* How the engine is told of a host; the host must outlive the engine's. */
wz_host_function wazero__host_describe(wazero__host_t *host);

#endif
