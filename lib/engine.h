/*
 * engine.h - the engine library: found, loaded on first use, and called from nowhere
 * but through the table that this hands out.
 *
 * The Go runtime inside it starts threads and cannot be unloaded, and it does not
 * survive fork(): so nothing loads it before it is needed, and every object that holds
 * a handle remembers in which generation (fork.h) it got it.
 */
#ifndef WAZERO_LIB_ENGINE_H
#define WAZERO_LIB_ENGINE_H

#include "engine_abi.h"
#include "wazero.h"

/* The table of the loaded engine library, loading it if need be. Errors: INTERNAL
 * when it is not found or does not fit, FORKED in a child of a process that had
 * loaded it. */
wazero_error_t *wazero__engine_load(const wz_engine **engine);

/* The table of the engine library that made a handle; only for who holds one. */
const wz_engine *wazero__engine(void);

/* Turns what the engine filled in into an error, taking its message. */
wazero_error_t *wazero__engine_error(wz_error *error) __attribute__((cold));

/* Forgets the engine library, in a forked child. */
void wazero__engine_forget(void);

static inline wz_string wazero__engine_string(const char *data, size_t size)
{
    wz_string string = {data, size};
    return string;
}

#endif
