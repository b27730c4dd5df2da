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

/* Notes that the entry of this key has been used; that it has been written, and keeps
 * the limit of the cache then. */
void wazero__cache_used(const wazero_cache_t *cache, const uint8_t *key);
void wazero__cache_grown(const wazero_cache_t *cache, const uint8_t *key);

#endif
