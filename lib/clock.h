/*
 * clock.h - where a guest's time comes from: the wall clock, the monotonic clock, sleep
 * and yield, each pretended, the system's, or a function of the host's.
 *
 * A configuration has the sources; a module has a copy, and how often its pretended
 * clocks were looked at, which belongs to the thread inside. The functions are called
 * attached (wazero_thread_hooks_t), with a guest's call running.
 */
#ifndef WAZERO_LIB_CLOCK_H
#define WAZERO_LIB_CLOCK_H

#include "shared.h"
#include "wazero.h"

typedef enum {
    WAZERO__TIME_PRETENDED = 0,
    WAZERO__TIME_SYSTEM,
    WAZERO__TIME_CALL
} wazero__time_kind_t;

/* A clock; zeroed it is the pretended one. */
typedef struct {
    wazero__time_kind_t kind;
    uint32_t resolution; /* in nanoseconds, of kind CALL */
    wazero_clock_function_t call;
    wazero__shared_t *user; /* a reference, or NULL */
    uint64_t looks;         /* at the pretended clock */
    int64_t told;           /* by call, last */
} wazero__clock_t;

/* All of a guest's time; zeroed it is pretended. */
typedef struct {
    wazero__clock_t walltime;
    wazero__clock_t nanotime;
    wazero__time_kind_t sleep_kind;
    wazero__time_kind_t yield_kind;
    wazero_sleep_function_t sleep;
    wazero_yield_function_t yield;
    wazero__shared_t *sleep_user; /* references, or NULL */
    wazero__shared_t *yield_user;
} wazero__time_t;

/* Where pretended wall clocks begin: 2022-01-01, in nanoseconds since 1970. */
#define WAZERO__PRETENDED_EPOCH INT64_C(1640995200000000000)

/* The largest resolution that wazero takes: an hour, in its 32 bits. */
#define WAZERO__RESOLUTION_MAX UINT32_C(817405952)

/* The same sources, with references of their own, clocks as new. */
void wazero__time_copy(wazero__time_t *time, const wazero__time_t *from);

/* Gives the references back. */
void wazero__time_clear(wazero__time_t *time);

/* Each sets one source, giving back what was there. Takes the reference. */
void wazero__clock_set(wazero__clock_t *clock, wazero__time_kind_t kind,
                       wazero_clock_function_t call, uint32_t resolution,
                       wazero__shared_t *user);
void wazero__time_set_sleep(wazero__time_t *time, wazero__time_kind_t kind,
                            wazero_sleep_function_t call, wazero__shared_t *user);
void wazero__time_set_yield(wazero__time_t *time, wazero__time_kind_t kind,
                            wazero_yield_function_t call, wazero__shared_t *user);

/* Nanoseconds since 1970. Errors: what the host's function reports. */
wazero_error_t *wazero__time_walltime(wazero__time_t *time, int64_t *nanoseconds);

/* The same without a look: the pretended clock does not go on, and of a function it is
 * what it told last. NULL: the system's. */
int64_t wazero__time_seen(const wazero__time_t *time);

/* Nanoseconds since some point. Errors: what the host's function reports. */
wazero_error_t *wazero__time_nanotime(wazero__time_t *time, int64_t *nanoseconds);

/* The resolutions of the two clocks, in nanoseconds. */
uint32_t wazero__time_walltime_resolution(const wazero__time_t *time);
uint32_t wazero__time_nanotime_resolution(const wazero__time_t *time);

/* Sleeps; what asks for the thread's attention ends it. Errors: those of
 * wazero__attend, what the host's function reports. */
wazero_error_t *wazero__time_sleep(const wazero__time_t *time, uint64_t nanoseconds);

/* Lets other threads go first. Errors: what the host's function reports. */
wazero_error_t *wazero__time_yield(const wazero__time_t *time);

#endif
