/*
 * usage.h - what a module has used: how its start is timed. Counts of files and bytes
 * are WASI's (wasi/state.h), and the memory knows its size.
 *
 * Nothing is counted for each call, so that calls stay as quick as they are. The times
 * are written by the thread that starts the module, and may be read by any.
 */
#ifndef WAZERO_LIB_USAGE_H
#define WAZERO_LIB_USAGE_H

#include <stdatomic.h>

#include "wazero.h"

/* What the start of a module took, in nanoseconds; 0 until it is over. */
typedef struct {
    _Atomic(uint64_t) wall_time;
    _Atomic(uint64_t) cpu_time;
} wazero__times_taken_t;

/* When something began: by the monotonic clock, and by the thread's CPU time. */
typedef struct {
    uint64_t wall;
    uint64_t cpu;
} wazero__stopwatch_t;

wazero__stopwatch_t wazero__stopwatch_begin(void);

/* In the same thread: what it took since then. */
void wazero__stopwatch_end(const wazero__stopwatch_t *begun,
                           wazero__times_taken_t *taken);

/* ---- counts ---- */

/* One thread at a time adds, any may read. */
typedef _Atomic(uint64_t) wazero__count_t;

static inline void wazero__count_add(wazero__count_t *count, uint64_t more)
{
    /* No atomic addition: that would lock the bus, and nobody else writes. */
    uint64_t old = atomic_load_explicit(count, memory_order_relaxed);
    atomic_store_explicit(count, old + more, memory_order_relaxed);
}

static inline uint64_t wazero__count_get(const wazero__count_t *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

#endif
