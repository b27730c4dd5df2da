/*
 * link.c - resolving imports field by field. See link.h.
 *
 * Imports are sorted by module name and name, so that everything after finding the
 * answers is linear, however many imports a guest claims.
 */
#include "link.h"

#include <stdio.h>
#include <stdlib.h>

#include "assemblyscript.h"
#include "emscripten.h"
#include "engine.h"
#include "error.h"
#include "module.h"
#include "runtime.h"
#include "synthesis.h"
#include "value.h"
#include "wasi/wasi.h"

/* One import and what answers it: exactly one of host, source and wasi. */
typedef struct {
    const wazero_extern_t *import;
    wazero__host_t *host;
    wazero_module_t *source;
    const wazero_extern_t *export; /* of source */
    wz_handle wasi;
} answer_t;

static int compare_texts(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t size = a_size < b_size ? a_size : b_size;
    int order = size ? memcmp(a, b, size) : 0;
    return order ? order : (a_size > b_size) - (a_size < b_size);
}

static bool is_same_module(const answer_t *a, const answer_t *b)
{
    return wazero__text_is(a->import->module, a->import->module_size, b->import->module,
                           b->import->module_size);
}

static bool is_same_name(const answer_t *a, const answer_t *b)
{
    return wazero__text_is(a->import->name, a->import->name_size, b->import->name,
                           b->import->name_size);
}

static int compare_answers(const void *left, const void *right)
{
    const wazero_extern_t *a = ((const answer_t *)left)->import;
    const wazero_extern_t *b = ((const answer_t *)right)->import;
    int order = compare_texts(a->module, a->module_size, b->module, b->module_size);
    if (!order)
        order = compare_texts(a->name, a->name_size, b->name, b->name_size);
    return order ? order : (a > b) - (a < b);
}

/* ---- finding ---- */

/* "import func[env.log]: what; expected function (i32) -> ()", which begins as wazero's
 * own messages do. `given`, if not NULL, is what there is in its place. */
static wazero_error_t *import_error(const wazero_extern_t *import, const char *what,
                                    const wazero_extern_t *given)
{
    static const char *const kinds[] = {"func", "table", "memory", "global", "tag"};
    char expected[200], got[208] = "", module[128], name[128];
    wazero__text_show(import->module, import->module_size, module, sizeof module);
    wazero__text_show(import->name, import->name_size, name, sizeof name);
    wazero__extern_describe(import, expected, sizeof expected);
    if (given) {
        memcpy(got, ", given ", sizeof ", given ");
        size_t used = strlen(got);
        wazero__extern_describe(given, got + used, sizeof got - used);
    }
    return wazero__error(WAZERO_ERROR_LINK, "import %s[%s.%s]: %s; expected %s%s",
                         kinds[import->kind], module, name, what, expected, got);
}

static wazero_error_t *missing_error(const wazero_module_t *module,
                                     const wazero_imports_t *imports,
                                     const wazero_extern_t *import)
{
    char what[700], names[300], module_name[128], name[128];
    wazero__text_show(import->module, import->module_size, module_name,
                      sizeof module_name);
    wazero__text_show(import->name, import->name_size, name, sizeof name);
    wazero_module_t *named =
        wazero__runtime_find(module->runtime, import->module, import->module_size);
    if (wazero__imports_list(imports, import, names, sizeof names))
        snprintf(what, sizeof what, "\"%s\" is not among what was given for \"%s\": %s",
                 name, module_name, names);
    else if (named || wazero__wasi_is_named(import->module, import->module_size))
        snprintf(what, sizeof what, "\"%s\" is not exported in module \"%s\"", name,
                 module_name);
    else
        snprintf(
            what, sizeof what,
            "module[%.100s] not instantiated: no import was given for this %s, and "
            "the runtime has no module of that name",
            import->module, wazero_extern_kind_name(import->kind));
    wazero__module_release(named);
    return import_error(import, what, NULL);
}

/* Whether function references can pass through an import of this type. */
static bool shares_references(const wazero_extern_t *import)
{
    switch (import->kind) {
    case WAZERO_EXTERN_TABLE:
        return import->type.table.element != WAZERO_TYPE_EXTERNREF;
    case WAZERO_EXTERN_GLOBAL:
        return wazero__type_is_function_reference(import->type.global.value);
    case WAZERO_EXTERN_FUNCTION:
    case WAZERO_EXTERN_TAG:
        return wazero__type_any(&import->type.function,
                                wazero__type_is_function_reference);
    default:
        return false;
    }
}

/* Whether a global may have the value type that is asked for. A typed reference that is
 * constant may stand for a wider one, funcref for example: wazero knows which. */
static bool global_fits(const wazero_extern_t *import, const wazero_extern_t *export)
{
    return import->type.global.value == export->type.global.value ||
           (export->type.global.value == WAZERO_TYPE_REF &&
            !import->type.global.is_mutable);
}

/* Compares what can be compared here; sizes of tables and memories and typed
 * references are wazero's to check, which does it when it instantiates. (It does not
 * compare whether memories are shared.) */
static wazero_error_t *check_type(const answer_t *answer)
{
    const wazero_extern_t *import = answer->import, *export = answer->export;
    if (answer->host && import->kind != WAZERO_EXTERN_FUNCTION)
        return import_error(import, "given a host function", NULL);
    if (answer->host && wazero__type_any(&import->type.function, wazero__type_is_typed))
        return import_error(
            import, "a host function cannot have typed references in wazero", NULL);
    if (!export)
        return NULL;
    if (export->kind != import->kind)
        return import_error(import, "kind mismatch", export);
    switch (import->kind) {
    case WAZERO_EXTERN_FUNCTION:
        if (!wazero__type_equal(&import->type.function, &export->type.function))
            return import_error(import, "signature mismatch", export);
        break;
    case WAZERO_EXTERN_GLOBAL:
        if (import->type.global.is_mutable != export->type.global.is_mutable)
            return import_error(import, "mutability mismatch", export);
        if (!global_fits(import, export))
            return import_error(import, "value type mismatch", export);
        break;
    case WAZERO_EXTERN_MEMORY:
        if (import->type.memory.shared != export->type.memory.shared)
            return import_error(import, "shared mismatch", export);
        break;
    case WAZERO_EXTERN_TABLE:
        if (import->type.table.element != export->type.table.element)
            return import_error(import, "table type mismatch", export);
        break;
    case WAZERO_EXTERN_TAG:
        break;
    }
    return NULL;
}

/* Notes that the module imports this from source, which is retained the first time. The
 * array has room for every import. */
static void add_source(wazero__link_t *link, wazero_module_t *source,
                       const wazero_extern_t *import)
{
    wazero__source_t *entry = NULL;
    for (size_t i = 0; i < link->source_count && !entry; i++)
        if (link->sources[i].module == source)
            entry = &link->sources[i];
    if (!entry) {
        entry = &link->sources[link->source_count++];
        entry->module = wazero__module_retain(source);
    }
    if (shares_references(import))
        entry->shares_references = link->shares_references = true;
    if (source->compiled &&
        !(import->kind == WAZERO_EXTERN_MEMORY && import->type.memory.shared))
        entry->joins = true;
}

/* Looks for a module that answers an import which the host's set does not: the
 * resolver's, or the runtime's of that name. *held gets a reference on it. */
static wazero_error_t *find_module(wazero_runtime_t *runtime,
                                   const wazero_imports_t *imports,
                                   const wazero_extern_t *import,
                                   wazero_module_t **held, wazero__answer_t *found)
{
    wazero_error_t *error = wazero__imports_ask(imports, import, held);
    bool resolved = *held != NULL;
    if (!error && !resolved)
        *held = wazero__runtime_find(runtime, import->module, import->module_size);
    if (error || !*held)
        return error;
    found->source = *held;
    found->export = wazero_module_find_export(*held, import->name, import->name_size);
    if (resolved && !found->export)
        return import_error(
            import, "the module that the resolver gave does not export it", NULL);
    return NULL;
}

/* The engine's WASI, if an import is of it: the runtime's, or with listeners the
 * module's own. */
static wazero_error_t *find_engine_wasi(wazero_module_t *module,
                                        const wazero_extern_t *import, wz_handle *wasi)
{
    wazero__link_t *link = &module->link;
    wz_error failure = {0};
    int which = wazero__runtime_wasi_name(import->module, import->module_size);
    if (!link->listening)
        return wazero__runtime_wasi(module->runtime, import->module,
                                    import->module_size, wasi);
    if (which == WAZERO__WASI_NAMES)
        return NULL;
    if (!link->wasi[which]) {
        wz_listening listening = wazero__listening_describe(link->listening);
        if (!wazero__engine()->wasi_new(
                module->runtime->handle,
                wazero__engine_string(import->module, import->module_size), &listening,
                &link->wasi[which], &failure))
            return wazero__engine_error(&failure);
        link->helpers[link->helper_count++] = link->wasi[which];
    }
    *wasi = link->wasi[which];
    return wazero__listening_take_error(link->listening);
}

/* Answers with a host function. Takes the reference. */
static void add_host(wazero_module_t *module, wazero__definition_t *definition,
                     answer_t *answer)
{
    answer->host = &module->link.hosts[module->link.host_count++];
    wazero__host_init(answer->host, module, answer->import, definition);
}

/* Whether what is imported may be a WASI function that another module imports and
 * exports again: then it works on the files of this one. */
static bool may_call_wasi(const wazero_extern_t *import, const wazero__answer_t *found)
{
    const wazero_compiled_module_t *compiled = found->source->compiled;
    if (import->kind == WAZERO_EXTERN_FUNCTION)
        return compiled &&
               found->export->index < compiled->parsed->imported_function_count;
    return shares_references(import);
}

/* Answers with a function of lib's own. Takes the reference. */
static wazero_error_t *use_own(wazero_module_t *module,
                               wazero__definition_t *definition,
                               const wazero_extern_t *given, answer_t *answer)
{
    const wazero_extern_t *import = answer->import;
    add_host(module, definition, answer);
    if (import->kind != WAZERO_EXTERN_FUNCTION)
        return import_error(import, "kind mismatch", given);
    if (!wazero__type_equal(&import->type.function, &given->type.function))
        return import_error(import, "signature mismatch", given);
    return NULL;
}

/* Looks for the import in WASI: lib's own, or wazero's if the configuration says so. */
static wazero_error_t *find_wasi(wazero_module_t *module, answer_t *answer)
{
    const wazero_extern_t *import = answer->import;
    wazero__definition_t *definition;
    wazero_extern_t given;
    if (module->wasi_kind == WAZERO_WASI_ENGINE)
        return find_engine_wasi(module, import, &answer->wasi);
    wazero_error_t *error = wazero__wasi_find(import, module->link.listening != NULL,
                                              module->traced, &definition, &given);
    if (error || !definition)
        return error;
    module->link.needs_wasi = true;
    return use_own(module, definition, &given, answer);
}

/* Looks for the import in what lib has itself: what the host has asked for, and what
 * grants nothing. */
static wazero_error_t *find_own(wazero_module_t *module,
                                const wazero_imports_t *imports, answer_t *answer)
{
    wazero__definition_t *definition = NULL;
    wazero_extern_t given;
    unsigned options;
    wazero_error_t *error = NULL;
    if (wazero__imports_assemblyscript(imports, &options))
        error =
            wazero__assemblyscript_find(answer->import, options, &definition, &given);
    if (definition)
        module->link.needs_wasi = true; /* its streams, its random numbers */
    else if (!error)
        error = wazero__emscripten_find(module, answer->import, &definition, &given);
    if (error)
        return error;
    return definition ? use_own(module, definition, &given, answer)
                      : find_wasi(module, answer);
}

static wazero_error_t *find_answer(wazero_module_t *module,
                                   const wazero_imports_t *imports, answer_t *answer)
{
    wazero__link_t *link = &module->link;
    const wazero_extern_t *import = answer->import;
    wazero__answer_t found = {NULL, NULL, NULL};
    wazero_module_t *held = NULL;
    wazero_error_t *error = NULL;
    if (!wazero__imports_find(imports, import, &found))
        error = find_module(module->runtime, imports, import, &held, &found);
    if (error) {
        wazero__module_release(held);
        return error;
    }
    if (found.definition) {
        add_host(module, wazero__definition_retain(found.definition), answer);
        const char *wrong = import->kind == WAZERO_EXTERN_FUNCTION
                                ? wazero__host_misnamed(answer->host)
                                : NULL;
        if (wrong)
            error = import_error(import, wrong, NULL);
    } else if (found.export) {
        error = wazero__module_check(found.source);
        answer->source = found.source;
        answer->export = found.export;
        if (!error && found.source->runtime != module->runtime)
            error = import_error(import, "it is given from a module of another runtime",
                                 NULL);
        if (!error)
            add_source(link, found.source, import);
        if (may_call_wasi(import, &found))
            link->needs_wasi = true;
    } else {
        error = find_own(module, imports, answer);
        if (!error && !answer->wasi && !answer->host)
            error = missing_error(module, imports, import);
    }
    wazero__module_release(held);
    return error ? error : check_type(answer);
}

/* ---- telling the engine ---- */

/* The host functions among answers, all of one module name, as a module of the
 * engine's. A name that is imported twice is defined once. */
static wazero_error_t *make_host_module(wazero_module_t *module,
                                        const answer_t *answers, size_t count,
                                        wz_handle *handle)
{
    wz_error failure = {0};
    size_t used = 0;
    wz_host_function *functions = calloc(count, sizeof *functions);
    if (!functions)
        return wazero__error_memory();
    for (size_t i = 0; i < count; i++) {
        wazero__host_t *host = answers[i].host;
        if (!host)
            continue;
        if (!i || !is_same_name(&answers[i - 1], &answers[i]))
            functions[used++] = wazero__host_describe(host);
        host->index = (uint32_t)used - 1;
    }
    /* wazero wants a name; it shows in stack traces only. */
    const wazero_extern_t *first = answers[0].import;
    wz_string name = first->module_size
                         ? wazero__engine_string(first->module, first->module_size)
                         : wazero__engine_string("host", 4);
    wz_listening listening = wazero__listening_describe(module->link.listening);
    bool made = wazero__engine()->host_module_new(
        module->runtime->handle, name, functions, used, &listening, handle, &failure);
    free(functions);
    if (!made)
        return wazero__engine_error(&failure);
    module->link.helpers[module->link.helper_count++] = *handle;
    for (size_t i = 0; i < count; i++)
        if (answers[i].host)
            answers[i].host->home = *handle;
    return wazero__listening_take_error(module->link.listening);
}

/* Whether one module of the engine's answers all of these as they are named. */
static bool is_one_module(const answer_t *answers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const answer_t *a = &answers[i];
        if (a->host || a->source != answers[0].source || a->wasi != answers[0].wasi)
            return false;
        if (a->source && !wazero__text_is(a->export->name, a->export->name_size,
                                          a->import->name, a->import->name_size))
            return false;
    }
    return true;
}

/* A module that imports each of these from where it is and exports it under its
 * name. */
static wazero_error_t *make_synthesised(wazero_module_t *module,
                                        const answer_t *answers, size_t count,
                                        wz_handle hosts, wz_handle *handle)
{
    wazero__reexport_t *items = calloc(count, sizeof *items);
    size_t used = 0;
    if (!items)
        return wazero__error_memory();
    for (size_t i = 0; i < count; i++) {
        const answer_t *a = &answers[i];
        if (i && is_same_name(&answers[i - 1], a))
            continue;
        wazero__reexport_t *item = &items[used++];
        item->as = a->import;
        item->module = a->host ? hosts : a->source ? a->source->handle : a->wasi;
        item->name = a->source ? a->export->name : a->import->name;
        item->name_size = a->source ? a->export->name_size : a->import->name_size;
    }
    wazero_error_t *error =
        wazero__synthesise(module->runtime->handle, items, used, handle);
    free(items);
    if (!error)
        module->link.helpers[module->link.helper_count++] = *handle;
    return error;
}

/* Finds or makes the module of the engine's that answers one import module name. */
static wazero_error_t *answer_name(wazero_module_t *module, const answer_t *answers,
                                   size_t count)
{
    wazero_error_t *error = NULL;
    wz_handle handle = 0, hosts = 0;
    size_t host_count = 0;
    for (size_t i = 0; i < count; i++) {
        host_count += answers[i].host != NULL;
        /* wazero looks a name up once, so it cannot have two types. */
        if (i && is_same_name(&answers[i - 1], &answers[i]) && answers[i].host &&
            !wazero__type_equal(answers[i - 1].host->type, answers[i].host->type))
            return import_error(answers[i].import,
                                "it is imported twice, with different types", NULL);
    }
    if (host_count)
        error = make_host_module(module, answers, count, &hosts);
    if (error)
        return error;
    if (host_count == count)
        handle = hosts;
    else if (is_one_module(answers, count))
        handle = answers[0].source ? answers[0].source->handle : answers[0].wasi;
    else
        error = make_synthesised(module, answers, count, hosts, &handle);
    if (error)
        return error;
    wz_import *import = &module->link.imports[module->link.import_count++];
    import->name = wazero__engine_string(answers[0].import->module,
                                         answers[0].import->module_size);
    import->module = handle;
    return NULL;
}

/* The memory that the module imports is its source's. */
static void take_memory(wazero_module_t *module, const answer_t *answers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (answers[i].import->kind == WAZERO_EXTERN_MEMORY &&
            answers[i].source->linear)
            module->linear = wazero__linear_retain(answers[i].source->linear);
}

wazero_error_t *wazero__link(wazero_module_t *module, const wazero_imports_t *imports)
{
    const wazero__parsed_t *parsed = module->compiled->parsed;
    wazero__link_t *link = &module->link;
    size_t count = parsed->import_count;
    wazero_error_t *error = NULL;
    if (!count)
        return NULL;
    answer_t *answers = calloc(count, sizeof *answers);
    link->sources = calloc(count, sizeof *link->sources);
    link->hosts = calloc(count, sizeof *link->hosts);
    link->helpers = calloc(2 * count + WAZERO__WASI_NAMES, sizeof *link->helpers);
    link->imports = calloc(count, sizeof *link->imports);
    if (!answers || !link->sources || !link->hosts || !link->helpers || !link->imports)
        error = wazero__error_memory();
    if (!error)
        error = wazero__listening_new(
            wazero__listening_set(module->compiled->listening), &link->listening);
    for (size_t i = 0; i < count && !error; i++) {
        answers[i].import = &parsed->imports[i];
        error = find_answer(module, imports, &answers[i]);
    }
    if (!error) {
        take_memory(module, answers, count);
        qsort(answers, count, sizeof *answers, compare_answers);
    }
    for (size_t first = 0, next; first < count && !error; first = next) {
        for (next = first + 1; next < count; next++)
            if (!is_same_module(&answers[first], &answers[next]))
                break;
        error = answer_name(module, answers + first, next - first);
    }
    free(answers);
    return error;
}

void wazero__link_give_up(wazero__link_t *link)
{
    if (atomic_exchange(&link->given_up, true))
        return;
    for (size_t i = 0; i < link->source_count; i++)
        if (link->sources[i].joins) {
            atomic_store(&link->sources[i].module->kept, true);
            wazero__module_release(link->sources[i].module);
        }
}

void wazero__link_clear(wazero__link_t *link, bool in_engine)
{
    for (size_t i = 0; i < link->helper_count && in_engine; i++) {
        wazero__engine()->module_close(link->helpers[i], 0);
        wazero__engine()->module_release(link->helpers[i]);
    }
    for (size_t i = 0; i < link->host_count; i++)
        wazero__host_clear(&link->hosts[i]);
    bool given_up = atomic_load(&link->given_up);
    for (size_t i = 0; i < link->source_count; i++)
        if (!given_up || !link->sources[i].joins)
            wazero__module_release(link->sources[i].module);
    wazero__listening_delete(link->listening);
    free(link->sources);
    free(link->hosts);
    free(link->helpers);
    free(link->imports);
}

/* ---- groups ---- */

wazero_error_t *wazero__link_enter(wazero_module_t *module)
{
    const wazero__link_t *link = &module->link;
    for (size_t i = 0; i < link->source_count; i++) {
        if (!link->sources[i].joins)
            continue;
        wazero_error_t *error = wazero__group_join(
            module->group, link->sources[i].module->group, UINT64_MAX);
        if (error)
            return error;
    }
    return wazero__group_enter(module->group, UINT64_MAX);
}
