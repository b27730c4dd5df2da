/*
 * tag.c - handles of tags, by which exceptions are told apart. A handle is immutable
 * and keeps its module.
 */
#include <stdlib.h>

#include "error.h"
#include "module.h"
#include "synthesis.h"
#include "value.h"

struct wazero_tag {
    wazero_module_t *module; /* a reference */
    const wazero_extern_t *export;
};

wazero_error_t *wazero_module_tag(wazero_module_t *module, const char *name,
                                  size_t size, wazero_tag_t **tag)
{
    const wazero_extern_t *export;
    wazero_error_t *error =
        wazero__module_lookup(module, name, size, WAZERO_EXTERN_TAG, &export);
    if (error)
        return error;
    wazero_tag_t *made = malloc(sizeof *made);
    if (!made)
        return wazero__error_memory();
    made->module = wazero__module_retain(module);
    made->export = export;
    *tag = made;
    return NULL;
}

wazero_module_t *wazero_tag_module(const wazero_tag_t *tag)
{
    return tag->module;
}

void wazero_tag_delete(wazero_tag_t *tag)
{
    if (!tag)
        return;
    wazero__module_release(tag->module);
    free(tag);
}

const wazero_function_type_t *wazero_tag_type(const wazero_tag_t *tag)
{
    return &tag->export->type.function;
}

wazero_error_t *wazero_tag_new(wazero_runtime_t *runtime,
                               const wazero_value_type_t *params, size_t param_count,
                               wazero_tag_t **tag)
{
    wazero_extern_t item = {.kind = WAZERO_EXTERN_TAG, .name = ""};
    wazero_module_t *module;
    item.type.function.params = params;
    item.type.function.param_count = param_count;
    wazero_error_t *error = wazero__define(runtime, &item, &module);
    if (error)
        return error;
    error = wazero_module_tag(module, "", 0, tag);
    wazero__module_release(module);
    return error;
}

wazero_error_t *wazero_imports_add_tag(wazero_imports_t *imports, const char *module,
                                       size_t module_size, const char *name,
                                       size_t name_size, wazero_tag_t *tag)
{
    return wazero__imports_add_source(imports, module, module_size, name, name_size,
                                      tag->module, tag->export);
}
