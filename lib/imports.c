/*
 * imports.c - the set of imports as a list, searched from its end. See imports.h.
 *
 * A list and not a table: a set is made for one instantiation as a rule, and the
 * imports of a module are few.
 */
#include "imports.h"

#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "module.h"

/* One of three: a function, a whole module, or one export of a module. */
typedef struct {
    wazero__text_t module;
    wazero__text_t name;              /* data NULL: every export of source */
    wazero__definition_t *definition; /* a reference, or NULL */
    wazero_module_t *source;          /* a reference, or NULL */
    const wazero_extern_t *export;    /* of source, if it is one */
} entry_t;

struct wazero_imports {
    entry_t *entries;
    size_t count;
    size_t capacity;
    wazero_import_resolver_t resolver; /* or NULL */
    void *resolver_user;
    void (*delete_resolver_user)(void *user);
    bool assemblyscript;
    unsigned assemblyscript_options;
};

wazero_error_t *wazero_imports_new(wazero_imports_t **imports)
{
    wazero_imports_t *made = calloc(1, sizeof *made);
    if (!made)
        return wazero__error_memory();
    *imports = made;
    return NULL;
}

static void clear_entry(entry_t *entry)
{
    wazero__text_clear(&entry->module);
    wazero__text_clear(&entry->name);
    wazero__definition_release(entry->definition);
    wazero__module_release(entry->source);
}

static void forget_resolver(wazero_imports_t *imports)
{
    if (imports->delete_resolver_user)
        imports->delete_resolver_user(imports->resolver_user);
}

void wazero_imports_delete(wazero_imports_t *imports)
{
    if (!imports)
        return;
    for (size_t i = 0; i < imports->count; i++)
        clear_entry(&imports->entries[i]);
    free(imports->entries);
    forget_resolver(imports);
    free(imports);
}

wazero_error_t *wazero_imports_set_resolver(wazero_imports_t *imports,
                                            wazero_import_resolver_t resolver,
                                            void *user, void (*delete_user)(void *user))
{
    forget_resolver(imports);
    imports->resolver = resolver;
    imports->resolver_user = user;
    imports->delete_resolver_user = delete_user;
    return NULL;
}

wazero_error_t *wazero__imports_ask(const wazero_imports_t *imports,
                                    const wazero_extern_t *import,
                                    wazero_module_t **source)
{
    *source = NULL;
    if (!imports || !imports->resolver)
        return NULL;
    return imports->resolver(imports->resolver_user, import->module,
                             import->module_size, source);
}

wazero_error_t *wazero_imports_add_assemblyscript(wazero_imports_t *imports,
                                                  unsigned options)
{
    const unsigned both =
        WAZERO_ASSEMBLYSCRIPT_TRACE_STDOUT | WAZERO_ASSEMBLYSCRIPT_TRACE_STDERR;
    if (options & ~(WAZERO_ASSEMBLYSCRIPT_NO_ABORT_MESSAGE | both))
        return wazero__error(WAZERO_ERROR_INVALID,
                             "0x%x has bits that are no option of AssemblyScript's",
                             options);
    if ((options & both) == both)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "AssemblyScript's trace goes to standard output or to "
                             "standard error, not to both");
    imports->assemblyscript = true;
    imports->assemblyscript_options = options;
    return NULL;
}

bool wazero__imports_assemblyscript(const wazero_imports_t *imports, unsigned *options)
{
    if (!imports || !imports->assemblyscript)
        return false;
    *options = imports->assemblyscript_options;
    return true;
}

/* Adds an entry with the given names. Takes its references, also when it fails. */
static wazero_error_t *add(wazero_imports_t *imports, entry_t *entry,
                           const char *module, size_t module_size, const char *name,
                           size_t name_size)
{
    wazero_error_t *error = wazero__text_copy(&entry->module, module, module_size,
                                              "an import's module name");
    if (!error && name)
        error = wazero__text_copy(&entry->name, name, name_size, "an import's name");
    if (!error && imports->count == imports->capacity) {
        size_t capacity = imports->capacity ? imports->capacity * 2 : 8;
        entry_t *entries = realloc(imports->entries, capacity * sizeof *entries);
        if (entries) {
            imports->entries = entries;
            imports->capacity = capacity;
        } else {
            error = wazero__error_memory();
        }
    }
    if (error)
        clear_entry(entry);
    else
        imports->entries[imports->count++] = *entry;
    return error;
}

wazero_error_t *wazero_imports_add_function(wazero_imports_t *imports,
                                            const char *module, size_t module_size,
                                            const char *name, size_t name_size,
                                            wazero_host_function_t function, void *user,
                                            void (*delete_user)(void *user))
{
    return wazero_imports_add_function_with_names(imports, module, module_size, name,
                                                  name_size, function, user,
                                                  delete_user, NULL);
}

wazero_error_t *wazero_imports_add_function_with_names(
    wazero_imports_t *imports, const char *module, size_t module_size, const char *name,
    size_t name_size, wazero_host_function_t function, void *user,
    void (*delete_user)(void *user), const wazero_function_names_t *names)
{
    entry_t entry = {.definition = wazero__definition_new(function, user, delete_user)};
    if (!entry.definition)
        return wazero__error_memory();
    wazero_error_t *error = wazero__definition_set_names(entry.definition, names);
    if (error) {
        clear_entry(&entry);
        return error;
    }
    if (!name || !function) {
        clear_entry(&entry);
        return wazero__error(WAZERO_ERROR_INVALID,
                             "an imported function needs a name and a function");
    }
    return add(imports, &entry, module, module_size, name, name_size);
}

wazero_error_t *wazero_imports_add_module(wazero_imports_t *imports, const char *module,
                                          size_t module_size, wazero_module_t *source)
{
    entry_t entry = {.source = wazero__module_retain(source)};
    return add(imports, &entry, module, module_size, NULL, 0);
}

wazero_error_t *wazero_imports_add_export(wazero_imports_t *imports, const char *module,
                                          size_t module_size, const char *name,
                                          size_t name_size, wazero_module_t *source,
                                          const char *export_name,
                                          size_t export_name_size)
{
    const wazero_extern_t *export =
        wazero_module_find_export(source, export_name, export_name_size);
    if (!export || !name)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "the module from which %s is to come has no export %s",
                             name ? name : "an import without a name",
                             export_name ? export_name : "without a name");
    return wazero__imports_add_source(imports, module, module_size, name, name_size,
                                      source, export);
}

wazero_error_t *wazero__imports_add_source(wazero_imports_t *imports,
                                           const char *module, size_t module_size,
                                           const char *name, size_t name_size,
                                           wazero_module_t *source,
                                           const wazero_extern_t *export)
{
    if (!name)
        return wazero__error(WAZERO_ERROR_INVALID, "an import needs a name");
    entry_t entry = {.source = wazero__module_retain(source), .export = export};
    return add(imports, &entry, module, module_size, name, name_size);
}

bool wazero__imports_find(const wazero_imports_t *imports,
                          const wazero_extern_t *import, wazero__answer_t *answer)
{
    for (size_t i = imports ? imports->count : 0; i-- > 0;) {
        const entry_t *entry = &imports->entries[i];
        if (!wazero__text_is(entry->module.data, entry->module.size, import->module,
                             import->module_size))
            continue;
        if (entry->name.data) {
            if (!wazero__text_is(entry->name.data, entry->name.size, import->name,
                                 import->name_size))
                continue;
            answer->definition = entry->definition;
            answer->source = entry->source;
            answer->export = entry->export;
            return true;
        }
        answer->export =
            wazero_module_find_export(entry->source, import->name, import->name_size);
        if (answer->export) {
            answer->definition = NULL;
            answer->source = entry->source;
            return true;
        }
    }
    return false;
}

/* Adds a name to a list; false when it is full. */
static bool add_name(char *text, size_t size, const char *name, size_t name_size)
{
    size_t used = strlen(text);
    const char *comma = used ? ", " : "";
    if (used + name_size + sizeof ", ..." > size) {
        snprintf(text + used, size - used, "%s", used ? ", ..." : "...");
        return false;
    }
    snprintf(text + used, size - used, "%s%s", comma, name);
    return true;
}

bool wazero__imports_list(const wazero_imports_t *imports,
                          const wazero_extern_t *import, char *text, size_t size)
{
    bool found = false, more = true;
    text[0] = '\0';
    for (size_t i = 0; imports && i < imports->count && more; i++) {
        const entry_t *entry = &imports->entries[i];
        if (!wazero__text_is(entry->module.data, entry->module.size, import->module,
                             import->module_size))
            continue;
        found = true;
        if (entry->name.data)
            more = add_name(text, size, entry->name.data, entry->name.size);
        for (size_t j = 0; !entry->name.data && j < entry->source->export_count && more;
             j++)
            more = add_name(text, size, entry->source->exports[j].name,
                            entry->source->exports[j].name_size);
    }
    return found;
}
