/*
 * inspect.c - inspections: reading a module without an engine, and what it declares.
 * See inspect.h.
 */
#include "inspect.h"

#include <stdlib.h>

#include "config.h"
#include "error.h"

/* ---- making ---- */

/* A key of the list of exports: what is exported, then the export's position. */
enum { POSITION_BITS = 20, INDEX_BITS = 32 };

static uint64_t export_key(wazero_extern_kind_t kind, uint64_t index, uint64_t position)
{
    return (uint64_t)kind << (INDEX_BITS + POSITION_BITS) | index << POSITION_BITS |
           position;
}

static int compare_keys(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static bool index_exports(wazero_inspection_t *inspection)
{
    const wazero__parsed_t *parsed = inspection->parsed;
    inspection->exports = malloc((parsed->export_count + 1) * sizeof(uint64_t));
    if (!inspection->exports)
        return false;
    for (size_t i = 0; i < parsed->export_count; i++)
        inspection->exports[i] =
            export_key(parsed->exports[i].kind, parsed->exports[i].index, i);
    qsort(inspection->exports, parsed->export_count, sizeof(uint64_t), compare_keys);
    return true;
}

static bool index_imports(wazero_inspection_t *inspection)
{
    const wazero__parsed_t *parsed = inspection->parsed;
    size_t counts[WAZERO__EXTERN_KINDS] = {0}, first = 0;
    inspection->imports = malloc((parsed->import_count + 1) * sizeof(uint32_t));
    if (!inspection->imports)
        return false;
    for (size_t i = 0; i < parsed->import_count; i++)
        counts[parsed->imports[i].kind]++;
    for (int kind = 0; kind < WAZERO__EXTERN_KINDS; kind++) {
        inspection->first_imports[kind] = first;
        first += counts[kind];
    }
    for (size_t i = 0; i < parsed->import_count; i++) {
        const wazero_extern_t *import = &parsed->imports[i];
        inspection->imports[inspection->first_imports[import->kind] + import->index] =
            (uint32_t)i;
    }
    return true;
}

wazero_error_t *wazero__inspection_new(wazero__parsed_t *parsed, bool owns_parsed,
                                       wazero_inspection_t **inspection)
{
    wazero_inspection_t *made = calloc(1, sizeof *made);
    if (!made)
        return wazero__error_memory();
    made->parsed = parsed;
    made->functions = calloc(parsed->function_count + 1, sizeof *made->functions);
    if (!made->functions || !index_exports(made) || !index_imports(made)) {
        wazero__inspection_delete(made);
        return wazero__error_memory();
    }
    made->owns_parsed = owns_parsed;
    *inspection = made;
    return NULL;
}

void wazero__inspection_delete(wazero_inspection_t *inspection)
{
    for (size_t i = 0; inspection->functions && i < inspection->parsed->function_count;
         i++)
        free(atomic_load(&inspection->functions[i]));
    free(inspection->functions);
    free(atomic_load(&inspection->locals));
    for (int i = 0; i < WAZERO__NAME_KINDS; i++)
        free(atomic_load(&inspection->names[i]));
    free(inspection->exports);
    free(inspection->imports);
    if (inspection->owns_parsed)
        wazero__parsed_delete(inspection->parsed);
    free(inspection);
}

wazero_error_t *wazero_inspect(const wazero_runtime_config_t *config, const void *wasm,
                               size_t size, wazero_inspection_t **inspection)
{
    wazero__parsed_t *parsed;
    wazero__parse_limits_t limits = config ? config->limits : wazero__widest_limits;
    if (!wasm && size)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "the module's bytes must not be NULL");
    limits.shallow = true;
    wazero_error_t *error = wazero__parse(wasm, size, &limits, &parsed);
    if (error)
        return error;
    error = wazero__inspection_new(parsed, true, inspection);
    if (error)
        wazero__parsed_delete(parsed);
    return error;
}

void wazero_inspection_delete(wazero_inspection_t *inspection)
{
    if (inspection && inspection->owns_parsed)
        wazero__inspection_delete(inspection);
}

/* ---- lists ---- */

wazero_name_t wazero_inspection_name(const wazero_inspection_t *inspection)
{
    return (wazero_name_t){inspection->parsed->name, inspection->parsed->name_size};
}

size_t wazero_inspection_import_count(const wazero_inspection_t *inspection)
{
    return inspection->parsed->import_count;
}

const wazero_extern_t *wazero_inspection_import(const wazero_inspection_t *inspection,
                                                size_t index)
{
    const wazero__parsed_t *parsed = inspection->parsed;
    return index < parsed->import_count ? &parsed->imports[index] : NULL;
}

size_t wazero_inspection_export_count(const wazero_inspection_t *inspection)
{
    return inspection->parsed->export_count;
}

const wazero_extern_t *wazero_inspection_export(const wazero_inspection_t *inspection,
                                                size_t index)
{
    const wazero__parsed_t *parsed = inspection->parsed;
    return index < parsed->export_count ? &parsed->exports[index] : NULL;
}

size_t wazero_inspection_type_count(const wazero_inspection_t *inspection)
{
    return inspection->parsed->type_count;
}

const wazero_function_type_t *
wazero_inspection_type(const wazero_inspection_t *inspection, size_t index)
{
    const wazero__parsed_t *parsed = inspection->parsed;
    return index < parsed->type_count ? &parsed->types[index] : NULL;
}

size_t wazero_inspection_section_count(const wazero_inspection_t *inspection)
{
    return inspection->parsed->section_count;
}

const wazero_section_t *wazero_inspection_section(const wazero_inspection_t *inspection,
                                                  size_t index)
{
    const wazero__parsed_t *parsed = inspection->parsed;
    return index < parsed->section_count ? &parsed->sections[index] : NULL;
}

size_t wazero_inspection_custom_section_count(const wazero_inspection_t *inspection)
{
    return inspection->parsed->custom_section_count;
}

const wazero_section_t *
wazero_inspection_custom_section(const wazero_inspection_t *inspection, size_t index)
{
    const wazero__parsed_t *parsed = inspection->parsed;
    return index < parsed->custom_section_count
               ? &parsed->sections[parsed->custom_sections[index]]
               : NULL;
}

bool wazero_inspection_start(const wazero_inspection_t *inspection, uint32_t *index)
{
    if (inspection->parsed->has_start)
        *index = inspection->parsed->start;
    return inspection->parsed->has_start;
}

/* ---- definitions ---- */

size_t wazero_inspection_definition_count(const wazero_inspection_t *inspection,
                                          wazero_extern_kind_t kind)
{
    const wazero__parsed_t *parsed = inspection->parsed;
    switch (kind) {
    case WAZERO_EXTERN_FUNCTION:
        return parsed->function_count;
    case WAZERO_EXTERN_TABLE:
        return parsed->table_count;
    case WAZERO_EXTERN_MEMORY:
        return parsed->has_memory;
    case WAZERO_EXTERN_GLOBAL:
        return parsed->global_count;
    case WAZERO_EXTERN_TAG:
        return parsed->tag_count;
    }
    return 0;
}

/* The import that is number `index` of its kind, or NULL if that is defined here. */
static const wazero_extern_t *find_import(const wazero_inspection_t *inspection,
                                          wazero_extern_kind_t kind, size_t index)
{
    const wazero__parsed_t *parsed = inspection->parsed;
    size_t first = inspection->first_imports[kind];
    size_t end = kind + 1 < WAZERO__EXTERN_KINDS ? inspection->first_imports[kind + 1]
                                                 : parsed->import_count;
    return index < end - first ? &parsed->imports[inspection->imports[first + index]]
                               : NULL;
}

bool wazero_inspection_definition(const wazero_inspection_t *inspection,
                                  wazero_extern_kind_t kind, size_t index,
                                  wazero_definition_t *definition)
{
    const wazero__parsed_t *parsed = inspection->parsed;
    uint32_t init = 0;
    if (index >= wazero_inspection_definition_count(inspection, kind))
        return false;
    wazero_definition_t found = {.kind = kind, .index = (uint32_t)index};
    found.import = find_import(inspection, kind, index);
    switch (kind) {
    case WAZERO_EXTERN_FUNCTION:
        found.type.function = parsed->types[parsed->functions[index]];
        break;
    case WAZERO_EXTERN_TABLE:
        found.type.table.limits = parsed->tables[index].limits;
        found.type.table.element = parsed->tables[index].element;
        found.type.table.reference = parsed->tables[index].reference;
        init = parsed->tables[index].init;
        break;
    case WAZERO_EXTERN_MEMORY:
        found.type.memory = parsed->memory;
        break;
    case WAZERO_EXTERN_GLOBAL:
        found.type.global.value = parsed->globals[index].value;
        found.type.global.reference = parsed->globals[index].reference;
        found.type.global.is_mutable = parsed->globals[index].is_mutable;
        init = parsed->globals[index].init;
        break;
    case WAZERO_EXTERN_TAG:
        found.type.function = parsed->types[parsed->tags[index]];
        break;
    }
    if (init)
        found.init = wazero__parsed_constant(parsed, init);
    *definition = found;
    return true;
}

const wazero_extern_t *
wazero_inspection_export_of(const wazero_inspection_t *inspection,
                            wazero_extern_kind_t kind, size_t index, size_t position)
{
    const wazero__parsed_t *parsed = inspection->parsed;
    if (index >= wazero_inspection_definition_count(inspection, kind))
        return NULL;
    uint64_t first = export_key(kind, index, 0);
    size_t low = 0, high = parsed->export_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (inspection->exports[middle] < first)
            low = middle + 1;
        else
            high = middle;
    }
    if (position >= parsed->export_count - low)
        return NULL;
    uint64_t key = inspection->exports[low + position];
    if (key >> POSITION_BITS != first >> POSITION_BITS)
        return NULL;
    return &parsed->exports[key & (((uint64_t)1 << POSITION_BITS) - 1)];
}
