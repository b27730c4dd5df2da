/*
 * wait.h - memory.atomic.wait and notify, for threads whose wasm runs on the direct
 * path.
 *
 * They are C's, not Go's, so that a thread that waits can be asked to end its call, and
 * so that nothing is kept of addresses at which nobody waits any more.
 */
#ifndef WAZERO_LIB_CALL_WAIT_H
#define WAZERO_LIB_CALL_WAIT_H

#include "thread.h"

/* What a wait answers. */
enum { WAIT_OK = 0, WAIT_NOT_EQUAL = 1, WAIT_TIMED_OUT = 2 };

/* Waits until the address is notified, if there is the expected value of width 4 or 8
 * bytes, at most for a number of nanoseconds; for ever if that is negative. Errors:
 * what wazero__attend reports meanwhile. */
wazero_error_t *wazero__wait(wazero__thread_t *thread, uintptr_t address, size_t width,
                             uint64_t expected, int64_t timeout, uint64_t *answer);

/* Wakes at most count threads that wait at the address, those that have waited longest
 * first. How many there were. */
uint32_t wazero__notify(uintptr_t address, uint32_t count);

/* In a forked child: nobody waits. */
void wazero__wait_forget(void);

#endif
