/*
 * barrier.h - a memory barrier in all threads at once, so that the common side of an
 * exchange between two threads (store one thing, look at another) needs none.
 */
#ifndef WAZERO_LIB_BARRIER_H
#define WAZERO_LIB_BARRIER_H

#include <stdbool.h>

/* Has each thread of the process pass a full memory barrier. False where the system
 * cannot do that (membarrier(2)); it does not change its mind. */
bool wazero__barrier(void);

/* To be called before there are other threads. A process has to say once that it will
 * use barriers. That takes nothing while it has one thread, and 10 ms, until every
 * processor has done something else, from then on (2026-11-25). */
void wazero__barrier_prepare(void);

#endif
