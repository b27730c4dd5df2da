/*
 * fork.h - what becomes of objects in a forked child.
 *
 * The child has none of the Go runtime's threads, so nothing from before the fork may
 * be used there, not even to be closed. Each fork starts a new generation; an object
 * keeps the number of the one that made it.
 */
#ifndef WAZERO_LIB_FORK_H
#define WAZERO_LIB_FORK_H

#include <stdatomic.h>

#include "wazero.h"

/* Registers the fork handlers, once. Errors: MEMORY. */
wazero_error_t *wazero__fork_watch(void);

extern atomic_uint wazero__generation __attribute__((visibility("hidden")));

/* The number of the generation in which this process is. */
static inline unsigned wazero__fork_generation(void)
{
    return atomic_load_explicit(&wazero__generation, memory_order_relaxed);
}

/* Whether something made in a generation may be used now. */
static inline bool wazero__fork_is_current(unsigned generation)
{
    return generation == wazero__fork_generation();
}

/* The error of kind FORKED for a thing named so. */
wazero_error_t *wazero__fork_error(const char *what) __attribute__((cold));

#endif
