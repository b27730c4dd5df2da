/*
 * watchdog.h - the thread that keeps the time of all others.
 *
 * It looks about each millisecond at the threads that are in calls, and wants the
 * attention of those that are asked something, whose deadline has passed, that have
 * been in wasm for long with the host's lock, or that have to poll. It exists once it
 * is needed and sleeps while nobody calls.
 */
#ifndef WAZERO_LIB_CALL_WATCHDOG_H
#define WAZERO_LIB_CALL_WATCHDOG_H

#include "group.h"
#include "thread.h"

/* How often a thread that has to poll does, in nanoseconds. */
#define WAZERO__POLL_INTERVAL UINT64_C(40000000)

/* It is needed for any call, and is not looking: who calls must wake it. */
extern atomic_bool wazero__watchdog_asleep __attribute__((visibility("hidden")));

/* From now on it is needed for any call. */
void wazero__watchdog_want(void);

/* Starts it, or has it look anew; after a call has begun, or was given a deadline.
 * Errors: MEMORY when there is no thread to be had. */
wazero_error_t *wazero__watchdog_wake(void);

/* Asks something of the thread that is inside a group, if there is one. Errors: as
 * wazero__watchdog_wake. */
wazero_error_t *wazero__watchdog_request(wazero__group_t *group, unsigned request);

/* In a forked child, where it is gone. */
void wazero__watchdog_forget(void);

/* Nanoseconds of the monotonic clock. */
uint64_t wazero__now(void);

/* When a timeout that begins now, or began then, is over; UINT64_MAX for
 * WAZERO_NO_TIMEOUT. */
uint64_t wazero__end_of(uint64_t timeout);
uint64_t wazero__end_since(uint64_t timeout, uint64_t began);

#endif
