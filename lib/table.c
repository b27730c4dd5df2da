/*
 * table.c - handles of tables. The elements live in the engine; they are read and set
 * inside the module's group. A handle is immutable.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "engine.h"
#include "error.h"
#include "function.h"
#include "group.h"
#include "module.h"
#include "reference.h"
#include "runtime.h"
#include "synthesis.h"
#include "value.h"

struct wazero_table {
    wazero_module_t *module; /* a reference */
    uint32_t index;
    const wazero_extern_t *export; /* by which it was found, or NULL */
    const wazero__table_t *type;   /* the module's */
    wazero_value_type_t element;
    wz_reference_type exact; /* of a typed reference */
};

static wazero_error_t *make(wazero_module_t *module, uint32_t index,
                            const wazero_extern_t *export, wazero_table_t **table)
{
    wz_error failure = {0};
    wazero_table_t *made = calloc(1, sizeof *made);
    if (!made)
        return wazero__error_memory();
    made->type = &module->compiled->parsed->tables[index];
    made->element = made->type->element;
    if (made->element == WAZERO_TYPE_REF &&
        !wazero__engine()->table_type(module->handle, index, &made->exact, &failure)) {
        free(made);
        return wazero__engine_error(&failure);
    }
    made->module = wazero__module_retain(module);
    made->index = index;
    made->export = export;
    *table = made;
    return NULL;
}

wazero_error_t *wazero_module_table(wazero_module_t *module, const char *name,
                                    size_t size, wazero_table_t **table)
{
    const wazero_extern_t *export;
    wazero_error_t *error =
        wazero__module_lookup(module, name, size, WAZERO_EXTERN_TABLE, &export);
    return error ? error : make(module, export->index, export, table);
}

size_t wazero_module_table_count(const wazero_module_t *module)
{
    return module->compiled ? module->compiled->parsed->table_count : 0;
}

wazero_error_t *wazero_module_table_at(wazero_module_t *module, size_t index,
                                       wazero_table_t **table)
{
    size_t count = wazero_module_table_count(module);
    wazero_error_t *error = wazero__module_check(module);
    if (error)
        return error;
    if (index >= count)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "table %zu is out of range: the module has %zu", index,
                             count);
    return make(module, (uint32_t)index, NULL, table);
}

wazero_module_t *wazero_table_module(const wazero_table_t *table)
{
    return table->module;
}

void wazero_table_delete(wazero_table_t *table)
{
    if (!table)
        return;
    wazero__module_release(table->module);
    free(table);
}

wazero_value_type_t wazero_table_element(const wazero_table_t *table)
{
    return table->element;
}

wazero_typed_reference_t wazero_table_reference(const wazero_table_t *table)
{
    return table->type->reference;
}

wazero_limits_t wazero_table_type(const wazero_table_t *table)
{
    return table->type->limits;
}

static wazero__values_t values_of(const wazero_table_t *table)
{
    return (wazero__values_t){table->module, &table->element,
                              table->element == WAZERO_TYPE_REF ? &table->exact : NULL,
                              1, NULL};
}

static wazero_error_t *range_error(uint64_t index, uint32_t size)
{
    return wazero__error(WAZERO_ERROR_INVALID,
                         "index %" PRIu64 " is out of range: the table has %" PRIu32
                         " elements",
                         index, size);
}

/* Its size, inside the group. */
static wazero_error_t *ask_size(const wazero_table_t *table, uint32_t *size)
{
    wz_error failure = {0};
    if (wazero__engine()->table_size(table->module->handle, table->index, size,
                                     &failure))
        return NULL;
    return wazero__engine_error(&failure);
}

wazero_error_t *wazero_table_size(wazero_table_t *table, uint64_t *size)
{
    uint32_t elements;
    wazero_error_t *error = wazero__module_enter(table->module);
    if (error)
        return error;
    error = ask_size(table, &elements);
    wazero__group_leave(table->module->group);
    if (!error)
        *size = elements;
    return error;
}

wazero_error_t *wazero_table_get(wazero_table_t *table, uint64_t index, uint64_t *slot)
{
    wz_error failure = {0};
    uint64_t value;
    uint32_t size;
    wazero__values_t values = values_of(table);
    wazero_error_t *error = wazero__module_enter(table->module);
    if (error)
        return error;
    error = ask_size(table, &size);
    if (!error && index >= size)
        error = range_error(index, size);
    if (!error && !wazero__engine()->table_get(table->module->handle, table->index,
                                               (uint32_t)index, &value, &failure))
        error = wazero__engine_error(&failure);
    if (!error)
        error = wazero__references_out(&values, &value);
    wazero__group_leave(table->module->group);
    if (!error)
        *slot = value;
    return error;
}

/* Enters the table's group with a reference for it, translated in place. */
static wazero_error_t *enter_with(const wazero_table_t *table, uint64_t *slot)
{
    wazero__values_t values = values_of(table);
    wazero__externrefs_tidy(table->module);
    wazero_error_t *error = wazero__references_join(&values, slot, UINT64_MAX);
    if (!error)
        error = wazero__module_enter(table->module);
    if (error)
        return error;
    error = wazero__references_in(&values, slot);
    if (error)
        wazero__group_leave(table->module->group);
    return error;
}

wazero_error_t *wazero_table_set(wazero_table_t *table, uint64_t index, uint64_t slot)
{
    wz_error failure = {0};
    uint32_t size;
    wazero_error_t *error = enter_with(table, &slot);
    if (error)
        return error;
    error = ask_size(table, &size);
    if (!error && index >= size)
        error = range_error(index, size);
    if (!error && !wazero__engine()->table_set(table->module->handle, table->index,
                                               (uint32_t)index, slot, &failure))
        error = wazero__engine_error(&failure);
    wazero__group_leave(table->module->group);
    return error;
}

wazero_error_t *wazero_table_grow(wazero_table_t *table, uint64_t delta, uint64_t slot,
                                  uint64_t *old_size)
{
    wz_error failure = {0};
    uint32_t before = 0, size;
    wazero_error_t *error = enter_with(table, &slot);
    if (error)
        return error;
    /* The engine has the lower of the declared maximum and the runtime's limit. */
    if (delta > UINT32_MAX ||
        !wazero__engine()->table_grow(table->module->handle, table->index,
                                      (uint32_t)delta, slot, &before, &failure)) {
        error = delta > UINT32_MAX ? NULL : wazero__engine_error(&failure);
        if (!error || wazero_error_kind(error) == WAZERO_ERROR_INVALID) {
            wazero_error_delete(error);
            error = ask_size(table, &size);
            if (!error)
                error = wazero__error(WAZERO_ERROR_INVALID,
                                      "a table of %" PRIu32 " elements cannot grow by "
                                      "%" PRIu64 ": its maximum or the limit of the "
                                      "runtime is lower",
                                      size, delta);
        }
    }
    wazero__group_leave(table->module->group);
    if (!error && old_size)
        *old_size = before;
    return error;
}

wazero_error_t *wazero_table_lookup(wazero_table_t *table, uint64_t index,
                                    const wazero_function_type_t *type,
                                    wazero_function_t **function)
{
    static const char no_access[] = "wasm error: invalid table access";
    static const char mismatch[] = "wasm error: indirect call type mismatch";
    uint64_t slot = 0, size;
    uint8_t kind =
        table->element == WAZERO_TYPE_REF ? table->exact.kind : table->element;
    wazero_error_t *error = wazero_table_size(table, &size);
    if (!error && index < size && kind == WAZERO_TYPE_FUNCREF)
        error = wazero_table_get(table, index, &slot);
    if (error)
        return error;
    wazero_function_t *found = wazero_decode_funcref(slot);
    if (!found)
        return wazero__error_from_engine(WAZERO_ERROR_TRAP, no_access,
                                         sizeof no_access - 1, 0);
    if (!wazero__type_equal(type, found->callable->type)) {
        wazero_function_delete(found);
        return wazero__error_from_engine(WAZERO_ERROR_TRAP, mismatch,
                                         sizeof mismatch - 1, 0);
    }
    *function = found;
    return NULL;
}

/* ---- made by the host ---- */

/* Puts the same reference everywhere. */
static wazero_error_t *fill(const wazero_table_t *table, uint64_t size, uint64_t slot)
{
    wz_error failure = {0};
    wazero_error_t *error = enter_with(table, &slot);
    if (error)
        return error;
    for (uint32_t i = 0; i < size && !error; i++)
        if (!wazero__engine()->table_set(table->module->handle, table->index, i, slot,
                                         &failure))
            error = wazero__engine_error(&failure);
    wazero__group_leave(table->module->group);
    return error;
}

wazero_error_t *wazero_table_new(wazero_runtime_t *runtime,
                                 const wazero_limits_t *limits,
                                 wazero_value_type_t element, uint64_t slot,
                                 wazero_table_t **table)
{
    wazero_extern_t item = {.kind = WAZERO_EXTERN_TABLE, .name = ""};
    wazero_module_t *module;
    wazero_table_t *made = NULL;
    item.type.table.limits = *limits;
    item.type.table.limits.shared = false;
    item.type.table.element = element;
    wazero_error_t *error = wazero__define(runtime, &item, &module);
    if (error)
        return error;
    error = wazero_module_table(module, "", 0, &made);
    wazero__module_release(module);
    if (!error && slot)
        error = fill(made, limits->min, slot);
    if (error)
        wazero_table_delete(made);
    else
        *table = made;
    return error;
}

wazero_error_t *wazero_imports_add_table(wazero_imports_t *imports, const char *module,
                                         size_t module_size, const char *name,
                                         size_t name_size, wazero_table_t *table)
{
    const wazero_extern_t *export =
        table->export ? table->export
                      : wazero__module_export_of(table->module, WAZERO_EXTERN_TABLE,
                                                 table->index);
    if (!export)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "table %u is not exported, so it cannot be imported",
                             table->index);
    return wazero__imports_add_source(imports, module, module_size, name, name_size,
                                      table->module, export);
}
