/*
 * clock.c - the three kinds of time. See clock.h.
 *
 * The pretended clocks are wazero's: the first look at the wall clock is midnight of
 * 2022-01-01, UTC, the first one at the monotonic clock is 0, and each look is a
 * millisecond after the one before. Pretended sleep returns at once.
 */
#include "clock.h"

#include <sched.h>
#include <time.h>

#include "call/block.h"
#include "call/watchdog.h"

static const uint64_t PRETENDED_STEP = 1000000;

/* wazero's, of its own clocks. */
static const uint32_t WALLTIME_RESOLUTION = 1000;
static const uint32_t NANOTIME_RESOLUTION = 1;

/* ---- sources ---- */

static void copy_clock(wazero__clock_t *clock, const wazero__clock_t *from)
{
    *clock = *from;
    clock->looks = 0;
    wazero__shared_retain(clock->user);
}

void wazero__time_copy(wazero__time_t *time, const wazero__time_t *from)
{
    *time = *from;
    copy_clock(&time->walltime, &from->walltime);
    copy_clock(&time->nanotime, &from->nanotime);
    wazero__shared_retain(time->sleep_user);
    wazero__shared_retain(time->yield_user);
}

void wazero__time_clear(wazero__time_t *time)
{
    wazero__shared_release(time->walltime.user);
    wazero__shared_release(time->nanotime.user);
    wazero__shared_release(time->sleep_user);
    wazero__shared_release(time->yield_user);
}

void wazero__clock_set(wazero__clock_t *clock, wazero__time_kind_t kind,
                       wazero_clock_function_t call, uint32_t resolution,
                       wazero__shared_t *user)
{
    wazero__shared_release(clock->user);
    clock->kind = kind;
    clock->call = call;
    clock->resolution = resolution;
    clock->user = user;
}

void wazero__time_set_sleep(wazero__time_t *time, wazero__time_kind_t kind,
                            wazero_sleep_function_t call, wazero__shared_t *user)
{
    wazero__shared_release(time->sleep_user);
    time->sleep_kind = kind;
    time->sleep = call;
    time->sleep_user = user;
}

void wazero__time_set_yield(wazero__time_t *time, wazero__time_kind_t kind,
                            wazero_yield_function_t call, wazero__shared_t *user)
{
    wazero__shared_release(time->yield_user);
    time->yield_kind = kind;
    time->yield = call;
    time->yield_user = user;
}

/* ---- clocks ---- */

static int64_t read_system(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static wazero_error_t *look(wazero__clock_t *clock, clockid_t system, int64_t epoch,
                            int64_t *nanoseconds)
{
    int64_t told = 0;
    switch (clock->kind) {
    case WAZERO__TIME_PRETENDED:
        *nanoseconds = epoch + (int64_t)(clock->looks++ * PRETENDED_STEP);
        return NULL;
    case WAZERO__TIME_SYSTEM:
        *nanoseconds = read_system(system);
        return NULL;
    case WAZERO__TIME_CALL:
        break;
    }
    wazero_error_t *error = clock->call(wazero__shared_user(clock->user), &told);
    if (!error)
        *nanoseconds = clock->told = told;
    return error;
}

wazero_error_t *wazero__time_walltime(wazero__time_t *time, int64_t *nanoseconds)
{
    return look(&time->walltime, CLOCK_REALTIME, WAZERO__PRETENDED_EPOCH, nanoseconds);
}

int64_t wazero__time_seen(const wazero__time_t *time)
{
    if (!time || time->walltime.kind == WAZERO__TIME_SYSTEM)
        return read_system(CLOCK_REALTIME);
    if (time->walltime.kind == WAZERO__TIME_CALL)
        return time->walltime.told;
    return WAZERO__PRETENDED_EPOCH + (int64_t)(time->walltime.looks * PRETENDED_STEP);
}

wazero_error_t *wazero__time_nanotime(wazero__time_t *time, int64_t *nanoseconds)
{
    return look(&time->nanotime, CLOCK_MONOTONIC, 0, nanoseconds);
}

uint32_t wazero__time_walltime_resolution(const wazero__time_t *time)
{
    return time->walltime.kind == WAZERO__TIME_CALL ? time->walltime.resolution
                                                    : WALLTIME_RESOLUTION;
}

uint32_t wazero__time_nanotime_resolution(const wazero__time_t *time)
{
    return time->nanotime.kind == WAZERO__TIME_CALL ? time->nanotime.resolution
                                                    : NANOTIME_RESOLUTION;
}

/* ---- sleep ---- */

/* What is asked of the thread meanwhile is looked at. */
static wazero_error_t *sleep_system(uint64_t nanoseconds)
{
    wazero__thread_t *thread = wazero__thread();
    bool was_detached = thread->token != NULL;
    struct pollfd none[1];
    int ready, failure;
    wazero_error_t *error =
        wazero__block(thread, none, 0, wazero__end_of(nanoseconds), &ready, &failure);
    if (!was_detached)
        wazero__thread_attach(thread);
    return error;
}

wazero_error_t *wazero__time_sleep(const wazero__time_t *time, uint64_t nanoseconds)
{
    switch (time->sleep_kind) {
    case WAZERO__TIME_PRETENDED:
        break;
    case WAZERO__TIME_SYSTEM:
        return sleep_system(nanoseconds);
    case WAZERO__TIME_CALL:
        return time->sleep(wazero__shared_user(time->sleep_user), nanoseconds);
    }
    return NULL;
}

wazero_error_t *wazero__time_yield(const wazero__time_t *time)
{
    switch (time->yield_kind) {
    case WAZERO__TIME_PRETENDED:
        break;
    case WAZERO__TIME_SYSTEM:
        sched_yield();
        break;
    case WAZERO__TIME_CALL:
        return time->yield(wazero__shared_user(time->yield_user));
    }
    return NULL;
}
