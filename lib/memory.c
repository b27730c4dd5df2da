/*
 * memory.c - handles of memories, and views. A handle keeps its module and the bytes;
 * it is immutable.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "engine.h"
#include "error.h"
#include "group.h"
#include "module.h"
#include "synthesis.h"

struct wazero_memory {
    wazero_module_t *module;       /* a reference */
    wazero__linear_t *linear;      /* a reference */
    const wazero_extern_t *export; /* or NULL */
    wazero_limits_t type;
};

struct wazero_memory_view {
    wazero__linear_t *linear; /* pinned */
    uint8_t *data;
    size_t size;
};

wazero_error_t *wazero_module_memory(wazero_module_t *module, const char *name,
                                     size_t size, wazero_memory_t **memory)
{
    const wazero_extern_t *export = NULL;
    wazero_error_t *error =
        name ? wazero__module_lookup(module, name, size, WAZERO_EXTERN_MEMORY, &export)
             : wazero__module_check(module);
    if (error)
        return error;
    if (!module->linear)
        return wazero__error(WAZERO_ERROR_INVALID, "the module has no memory");
    wazero_memory_t *made = malloc(sizeof *made);
    if (!made)
        return wazero__error_memory();
    made->module = wazero__module_retain(module);
    made->linear = wazero__linear_retain(module->linear);
    made->export =
        export ? export : wazero__module_export_of(module, WAZERO_EXTERN_MEMORY, 0);
    made->type = module->compiled->parsed->memory;
    *memory = made;
    return NULL;
}

wazero_module_t *wazero_memory_module(const wazero_memory_t *memory)
{
    return memory->module;
}

void wazero_memory_delete(wazero_memory_t *memory)
{
    if (!memory)
        return;
    wazero__linear_release(memory->linear);
    wazero__module_release(memory->module);
    free(memory);
}

uint8_t *wazero_memory_data(const wazero_memory_t *memory)
{
    return wazero__module_is_open(memory->module) ? wazero__linear_base(memory->linear)
                                                  : NULL;
}

size_t wazero_memory_size(const wazero_memory_t *memory)
{
    return wazero__module_is_open(memory->module) ? wazero__linear_size(memory->linear)
                                                  : 0;
}

uint32_t wazero_memory_pages(const wazero_memory_t *memory)
{
    return (uint32_t)(wazero_memory_size(memory) / WAZERO_PAGE_SIZE);
}

wazero_limits_t wazero_memory_type(const wazero_memory_t *memory)
{
    return memory->type;
}

static wazero_error_t *range_error(const wazero_memory_t *memory, uint64_t offset,
                                   size_t size)
{
    return wazero__error(WAZERO_ERROR_INVALID,
                         "out of range: %zu bytes at offset %" PRIu64
                         " of a memory of %zu bytes",
                         size, offset, wazero__linear_size(memory->linear));
}

wazero_error_t *wazero_memory_read(const wazero_memory_t *memory, uint64_t offset,
                                   void *buffer, size_t size)
{
    wazero_error_t *error = wazero__module_check(memory->module);
    if (!error && !wazero__linear_read(memory->linear, offset, buffer, size))
        error = range_error(memory, offset, size);
    return error;
}

wazero_error_t *wazero_memory_write(wazero_memory_t *memory, uint64_t offset,
                                    const void *buffer, size_t size)
{
    wazero_error_t *error = wazero__module_check(memory->module);
    if (!error && !wazero__linear_write(memory->linear, offset, buffer, size))
        error = range_error(memory, offset, size);
    return error;
}

wazero_error_t *wazero_memory_grow(wazero_memory_t *memory, uint32_t delta,
                                   uint32_t *old_pages)
{
    wazero_module_t *module = memory->module;
    wazero_error_t *error = wazero__module_enter(module);
    if (error)
        return error;
    int64_t old = wazero__engine()->memory_grow(module->handle, delta);
    uint32_t pages = wazero_memory_pages(memory);
    wazero__group_leave(module->group);
    if (old < 0)
        error = wazero__error(WAZERO_ERROR_INVALID,
                              "the memory of %" PRIu32 " pages cannot grow by %" PRIu32
                              ": its maximum, the runtime's memory limit or the system "
                              "does not allow it",
                              pages, delta);
    if (!error)
        *old_pages = (uint32_t)old;
    return error;
}

/* ---- views ---- */

wazero_error_t *wazero_memory_view_new(wazero_memory_t *memory,
                                       wazero_memory_view_t **view)
{
    wazero_error_t *error = wazero__module_check(memory->module);
    if (error)
        return error;
    wazero_memory_view_t *made = malloc(sizeof *made);
    if (!made)
        return wazero__error_memory();
    /* Pinned first: from then on base and size belong together. */
    wazero__linear_pin(memory->linear);
    made->linear = memory->linear;
    made->data = wazero__linear_base(memory->linear);
    made->size = wazero__linear_size(memory->linear);
    *view = made;
    return NULL;
}

uint8_t *wazero_memory_view_data(const wazero_memory_view_t *view)
{
    return view->data;
}

size_t wazero_memory_view_size(const wazero_memory_view_t *view)
{
    return view->size;
}

void wazero_memory_view_delete(wazero_memory_view_t *view)
{
    if (!view)
        return;
    wazero__linear_unpin(view->linear);
    free(view);
}

/* ---- made by the host ---- */

wazero_error_t *wazero_memory_new(wazero_runtime_t *runtime,
                                  const wazero_limits_t *limits,
                                  wazero_memory_t **memory)
{
    wazero_extern_t item = {.kind = WAZERO_EXTERN_MEMORY, .name = ""};
    wazero_module_t *module;
    item.type.memory = *limits;
    wazero_error_t *error = wazero__define(runtime, &item, &module);
    if (error)
        return error;
    error = wazero_module_memory(module, NULL, 0, memory);
    wazero__module_release(module);
    return error;
}

wazero_error_t *wazero_imports_add_memory(wazero_imports_t *imports, const char *module,
                                          size_t module_size, const char *name,
                                          size_t name_size, wazero_memory_t *memory)
{
    if (!memory->export)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "the memory is not exported, so it cannot be imported");
    return wazero__imports_add_source(imports, module, module_size, name, name_size,
                                      memory->module, memory->export);
}
