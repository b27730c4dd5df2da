/*
 * cache.c - compilation caches, kept by the engine. See cache.h.
 *
 * A cache is immutable; runtimes share it by reference and it closes with the last one.
 */
#include "cache.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "engine.h"
#include "error.h"
#include "fork.h"
#include "text.h"

struct wazero_cache {
    atomic_uint references;
    unsigned generation;
    wz_handle handle;
};

wazero_error_t *wazero_cache_new(const char *directory, wazero_cache_t **cache)
{
    const wz_engine *engine;
    wz_error failure = {0};
    if (directory && !*directory)
        return wazero__error(WAZERO_ERROR_INVALID, "the cache's directory has no name");
    wazero_error_t *error = wazero__engine_load(&engine);
    if (error)
        return error;
    wazero_cache_t *made = calloc(1, sizeof *made);
    if (!made)
        return wazero__error_memory();
    atomic_init(&made->references, 1);
    made->generation = wazero__fork_generation();
    wz_string name =
        wazero__engine_string(directory, directory ? strlen(directory) : 0);
    if (!engine->cache_new(name, &made->handle, &failure)) {
        free(made);
        return wazero__engine_error(&failure);
    }
    *cache = made;
    return NULL;
}

wazero_cache_t *wazero__cache_retain(wazero_cache_t *cache)
{
    atomic_fetch_add(&cache->references, 1);
    return cache;
}

wazero_error_t *wazero__cache_handle(const wazero_cache_t *cache, wz_handle *handle)
{
    if (!wazero__fork_is_current(cache->generation))
        return wazero__fork_error("cache");
    *handle = cache->handle;
    return NULL;
}

void wazero_cache_delete(wazero_cache_t *cache)
{
    if (!cache || atomic_fetch_sub(&cache->references, 1) != 1)
        return;
    if (wazero__fork_is_current(cache->generation))
        wazero__engine()->cache_close(cache->handle);
    free(cache);
}
