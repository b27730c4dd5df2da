/*
 * block.h - waiting for descriptors, in a way that whatever is asked of the thread
 * ends.
 *
 * Beside what it waits for, a thread polls a descriptor of its own for as long as it
 * waits, to which the watchdog writes when it wants the thread's attention. Such
 * descriptors are made when there is a need and then kept, at most one for each thread
 * that ever waited at the same time.
 */
#ifndef WAZERO_LIB_CALL_BLOCK_H
#define WAZERO_LIB_CALL_BLOCK_H

#include <poll.h>

#include "thread.h"

/* Waits until one of the descriptors is ready or until a time of wazero__now,
 * UINT64_MAX for ever; `fds` has room for one more behind its count. *ready is their
 * number, 0 when the time is over, and -1 with *failure when they cannot be polled. The
 * host's lock is let go. Errors: what wazero__attend reports meanwhile. */
wazero_error_t *wazero__block(wazero__thread_t *thread, struct pollfd *fds,
                              size_t count, uint64_t until, int *ready, int *failure);

/* Wakes the thread if it waits; with the registry locked. */
void wazero__block_wake(wazero__thread_t *thread);

/* In a forked child: the descriptors are shared with the parent, so they go. */
void wazero__block_forget(void);

#endif
