/*
 * global.c - handles of exported globals. The value lives in the engine; it is read and
 * set inside the module's group.
 */
#include <stdlib.h>

#include "engine.h"
#include "error.h"
#include "fork.h"
#include "group.h"
#include "module.h"
#include "runtime.h"
#include "value.h"

struct wazero_global {
    wazero_module_t *module; /* a reference */
    const wazero_extern_t *export;
    wz_handle handle;
};

wazero_error_t *wazero_module_global(wazero_module_t *module, const char *name,
                                     size_t size, wazero_global_t **global)
{
    const wazero_extern_t *export;
    wz_error failure = {0};
    wazero_error_t *error =
        wazero__module_lookup(module, name, size, WAZERO_EXTERN_GLOBAL, &export);
    if (error)
        return error;
    wazero_global_t *made = calloc(1, sizeof *made);
    if (!made)
        return wazero__error_memory();
    if (!wazero__engine()->global_new(
            module->handle, wazero__engine_string(export->name, export->name_size),
            &made->handle, &failure)) {
        free(made);
        return wazero__engine_error(&failure);
    }
    made->module = wazero__module_retain(module);
    made->export = export;
    *global = made;
    return NULL;
}

void wazero_global_delete(wazero_global_t *global)
{
    if (!global)
        return;
    if (wazero__fork_is_current(global->module->runtime->generation))
        wazero__engine()->global_release(global->handle);
    wazero__module_release(global->module);
    free(global);
}

wazero_value_type_t wazero_global_type(const wazero_global_t *global)
{
    return global->export->type.global.value;
}

bool wazero_global_is_mutable(const wazero_global_t *global)
{
    return global->export->type.global.is_mutable;
}

/* Enters the group to read or set the value. */
static wazero_error_t *enter(const wazero_global_t *global)
{
    wazero_value_type_t type = wazero_global_type(global);
    if (!wazero__type_is_number(type))
        return wazero__error(WAZERO_ERROR_INVALID,
                             "global \"%s\" holds a %s, which this version cannot pass",
                             global->export->name, wazero_value_type_name(type));
    wazero_error_t *error = wazero__module_check(global->module);
    if (error)
        return error;
    error = wazero__group_enter(global->module->group, UINT64_MAX);
    if (error)
        return error;
    error = wazero__module_check(global->module);
    if (error)
        wazero__group_leave(global->module->group);
    return error;
}

wazero_error_t *wazero_global_get(wazero_global_t *global, uint64_t *slot)
{
    wz_error failure = {0};
    wazero_error_t *error = enter(global);
    if (error)
        return error;
    bool good = wazero__engine()->global_get(global->handle, slot, &failure);
    wazero__group_leave(global->module->group);
    return good ? NULL : wazero__engine_error(&failure);
}

wazero_error_t *wazero_global_set(wazero_global_t *global, uint64_t slot)
{
    wz_error failure = {0};
    if (!wazero_global_is_mutable(global))
        return wazero__error(WAZERO_ERROR_INVALID, "global \"%s\" is not mutable",
                             global->export->name);
    wazero_error_t *error = enter(global);
    if (error)
        return error;
    bool good = wazero__engine()->global_set(global->handle, slot, &failure);
    wazero__group_leave(global->module->group);
    return good ? NULL : wazero__engine_error(&failure);
}
