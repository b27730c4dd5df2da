/*
 * global.c - handles of globals. The value lives in the engine; it is read and set
 * inside the module's group.
 */
#include <stdlib.h>

#include "engine.h"
#include "error.h"
#include "group.h"
#include "module.h"
#include "reference.h"
#include "runtime.h"
#include "synthesis.h"
#include "value.h"

struct wazero_global {
    wazero_module_t *module; /* a reference */
    uint32_t index;
    const wazero_extern_t *export; /* by which it was found, or NULL */
    wazero_value_type_t type;
    bool is_mutable;
    wazero_typed_reference_t reference;
    wz_reference_type exact; /* of a typed reference, in the engine's numbers */
};

static wazero_error_t *make(wazero_module_t *module, uint32_t index,
                            const wazero_extern_t *export, const wazero__global_t *type,
                            wazero_global_t **global)
{
    wz_error failure = {0};
    wazero_global_t *made = calloc(1, sizeof *made);
    if (!made)
        return wazero__error_memory();
    if (type->value == WAZERO_TYPE_REF &&
        !wazero__engine()->global_type(module->handle, index, &made->exact, &failure)) {
        free(made);
        return wazero__engine_error(&failure);
    }
    made->module = wazero__module_retain(module);
    made->index = index;
    made->export = export;
    made->type = type->value;
    made->reference = type->reference;
    made->is_mutable = type->is_mutable;
    *global = made;
    return NULL;
}

wazero_error_t *wazero_module_global(wazero_module_t *module, const char *name,
                                     size_t size, wazero_global_t **global)
{
    const wazero_extern_t *export;
    wazero_error_t *error =
        wazero__module_lookup(module, name, size, WAZERO_EXTERN_GLOBAL, &export);
    if (error)
        return error;
    return make(module, export->index, export,
                &module->compiled->parsed->globals[export->index], global);
}

size_t wazero_module_global_count(const wazero_module_t *module)
{
    return module->compiled ? module->compiled->parsed->global_count : 0;
}

wazero_error_t *wazero_module_global_at(wazero_module_t *module, size_t index,
                                        wazero_global_t **global)
{
    size_t count = wazero_module_global_count(module);
    wazero_error_t *error = wazero__module_check(module);
    if (error)
        return error;
    if (index >= count)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "global %zu is out of range: the module has %zu", index,
                             count);
    return make(module, (uint32_t)index, NULL,
                &module->compiled->parsed->globals[index], global);
}

wazero_module_t *wazero_global_module(const wazero_global_t *global)
{
    return global->module;
}

void wazero_global_delete(wazero_global_t *global)
{
    if (!global)
        return;
    wazero__module_release(global->module);
    free(global);
}

wazero_value_type_t wazero_global_type(const wazero_global_t *global)
{
    return global->type;
}

wazero_typed_reference_t wazero_global_reference(const wazero_global_t *global)
{
    return global->reference;
}

bool wazero_global_is_mutable(const wazero_global_t *global)
{
    return global->is_mutable;
}

static wazero__values_t values_of(const wazero_global_t *global)
{
    return (wazero__values_t){global->module, &global->type,
                              global->type == WAZERO_TYPE_REF ? &global->exact : NULL,
                              1, NULL};
}

static wazero_error_t *check_count(const wazero_global_t *global, size_t count)
{
    size_t expected = wazero__type_slots(&global->type, 1);
    if (count == expected)
        return NULL;
    return wazero__error(WAZERO_ERROR_INVALID,
                         "a value of type %s takes %zu slots, got %zu",
                         wazero_value_type_name(global->type), expected, count);
}

wazero_error_t *wazero_global_get(wazero_global_t *global, uint64_t *slots,
                                  size_t slot_count)
{
    wz_error failure = {0};
    uint64_t value[2];
    wazero__values_t values = values_of(global);
    wazero_error_t *error = check_count(global, slot_count);
    if (!error)
        error = wazero__module_enter(global->module);
    if (error)
        return error;
    if (!wazero__engine()->global_get(global->module->handle, global->index, value,
                                      &failure))
        error = wazero__engine_error(&failure);
    if (!error)
        error = wazero__references_out(&values, value);
    wazero__group_leave(global->module->group);
    if (error)
        return error;
    wazero__clear_upper_halves(&global->type, 1, value);
    memcpy(slots, value, slot_count * sizeof *slots);
    return NULL;
}

/* Sets it, mutable or not. */
static wazero_error_t *set(wazero_global_t *global, const uint64_t *slots,
                           size_t slot_count)
{
    wz_error failure = {0};
    uint64_t value[2] = {slots[0], slot_count == 2 ? slots[1] : 0};
    wazero__values_t values = values_of(global);
    wazero__clear_upper_halves(&global->type, 1, value);
    wazero__externrefs_tidy(global->module);
    wazero_error_t *error = wazero__references_join(&values, value, UINT64_MAX);
    if (!error)
        error = wazero__module_enter(global->module);
    if (error)
        return error;
    error = wazero__references_in(&values, value);
    if (!error && !wazero__engine()->global_set(global->module->handle, global->index,
                                                value, &failure))
        error = wazero__engine_error(&failure);
    wazero__group_leave(global->module->group);
    return error;
}

/* An export of it, or NULL. Not looked for before it is needed: that takes as long as
 * the module has exports. */
static const wazero_extern_t *export_of(const wazero_global_t *global)
{
    return global->export ? global->export
                          : wazero__module_export_of(
                                global->module, WAZERO_EXTERN_GLOBAL, global->index);
}

wazero_error_t *wazero_global_set(wazero_global_t *global, const uint64_t *slots,
                                  size_t slot_count)
{
    if (!global->is_mutable) {
        const wazero_extern_t *export = export_of(global);
        return wazero__error(WAZERO_ERROR_INVALID, "global \"%s\" is not mutable",
                             export ? export->name : "");
    }
    wazero_error_t *error = check_count(global, slot_count);
    return error ? error : set(global, slots, slot_count);
}

/* ---- made by the host ---- */

wazero_error_t *wazero_global_new(wazero_runtime_t *runtime, wazero_value_type_t type,
                                  bool is_mutable, const uint64_t *slots,
                                  size_t slot_count, wazero_global_t **global)
{
    wazero_extern_t item = {.kind = WAZERO_EXTERN_GLOBAL, .name = ""};
    wazero_module_t *module;
    wazero_global_t *made = NULL;
    item.type.global.value = type;
    item.type.global.is_mutable = is_mutable;
    wazero_error_t *error = wazero__define(runtime, &item, &module);
    if (error)
        return error;
    error = wazero_module_global(module, "", 0, &made);
    wazero__module_release(module);
    if (!error)
        error = check_count(made, slot_count);
    /* Nobody has seen the module yet, so nobody has seen the value that it began
     * with: zero, or a null reference. */
    if (!error)
        error = set(made, slots, slot_count);
    if (error)
        wazero_global_delete(made);
    else
        *global = made;
    return error;
}

wazero_error_t *wazero_imports_add_global(wazero_imports_t *imports, const char *module,
                                          size_t module_size, const char *name,
                                          size_t name_size, wazero_global_t *global)
{
    const wazero_extern_t *export = export_of(global);
    if (!export)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "global %u is not exported, so it cannot be imported",
                             global->index);
    return wazero__imports_add_source(imports, module, module_size, name, name_size,
                                      global->module, export);
}
