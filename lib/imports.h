/*
 * imports.h - the set of imports that a host prepares: functions, modules, exports.
 *
 * Built by one thread; read while a module is linked, which takes references on what it
 * uses. Later entries win over earlier ones.
 */
#ifndef WAZERO_LIB_IMPORTS_H
#define WAZERO_LIB_IMPORTS_H

#include "host.h"
#include "text.h"

/* What answers an import: a definition, or an export of a module. */
typedef struct {
    wazero__definition_t *definition; /* or NULL */
    wazero_module_t *source;          /* or NULL */
    const wazero_extern_t *export;    /* of source */
} wazero__answer_t;

/* Looks for module.name; false if the set, which may be NULL, has no answer. What it
 * answers with is borrowed from the set. */
bool wazero__imports_find(const wazero_imports_t *imports,
                          const wazero_extern_t *import, wazero__answer_t *answer);

/* Whether the set, which may be NULL, has the functions of AssemblyScript, and how. */
bool wazero__imports_assemblyscript(const wazero_imports_t *imports, unsigned *options);

/* Asks the resolver of the set, which may be NULL, for what has no answer there:
 * *source gets a reference, or NULL. Errors: the resolver's. */
wazero_error_t *wazero__imports_ask(const wazero_imports_t *imports,
                                    const wazero_extern_t *import,
                                    wazero_module_t **source);

/* Adds an export of source as module.name. Errors: INVALID, MEMORY. */
wazero_error_t *wazero__imports_add_source(wazero_imports_t *imports,
                                           const char *module, size_t module_size,
                                           const char *name, size_t name_size,
                                           wazero_module_t *source,
                                           const wazero_extern_t *export);

/* Writes the names that the set, which may be NULL, has for an import's module name
 * into text, as many as fit; false if it has nothing for that module name. */
bool wazero__imports_list(const wazero_imports_t *imports,
                          const wazero_extern_t *import, char *text, size_t size);

#endif
