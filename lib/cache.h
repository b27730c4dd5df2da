/*
 * cache.h - the compilation cache inside lib: a counted handle of the engine's.
 */
#ifndef WAZERO_LIB_CACHE_H
#define WAZERO_LIB_CACHE_H

#include "engine_abi.h"
#include "wazero.h"

wazero_cache_t *wazero__cache_retain(wazero_cache_t *cache);

/* The engine's handle. Errors: FORKED. */
wazero_error_t *wazero__cache_handle(const wazero_cache_t *cache, wz_handle *handle);

#endif
