/*
 * clock.c - what time it is for a guest, by the sources of its configuration (clock.h).
 */
#include <time.h>

#include "thread.h"
#include "wasi/functions.h"

/* CPU time is the system's: a guest that is not given the system's clock has none. */
static wazero__errno_t cpu_time(const wazero__wasi_t *wasi, clockid_t clock,
                                struct timespec *time,
                                int (*get)(clockid_t, struct timespec *))
{
    if (wasi->time.nanotime.kind != WAZERO__TIME_SYSTEM || get(clock, time))
        return WASI_INVAL;
    return WASI_SUCCESS;
}

static clockid_t cpu_clock(uint32_t clock)
{
    return clock == WASI_CLOCK_PROCESS ? CLOCK_PROCESS_CPUTIME_ID
                                       : CLOCK_THREAD_CPUTIME_ID;
}

wazero__errno_t wazero__clock_now(wazero__wasi_call_t *call, uint32_t clock,
                                  uint64_t *now)
{
    wazero__time_t *time = &call->wasi->time;
    wazero_error_t *error;
    struct timespec spec;
    int64_t nanoseconds = 0;
    if (clock == WASI_CLOCK_PROCESS || clock == WASI_CLOCK_THREAD) {
        wazero__errno_t code =
            cpu_time(call->wasi, cpu_clock(clock), &spec, clock_gettime);
        if (!code)
            *now = (uint64_t)spec.tv_sec * 1000000000 + (uint64_t)spec.tv_nsec;
        return code;
    }
    if (clock != WASI_CLOCK_REALTIME && clock != WASI_CLOCK_MONOTONIC)
        return WASI_INVAL;
    bool wall = clock == WASI_CLOCK_REALTIME;
    if ((wall ? time->walltime.kind : time->nanotime.kind) == WAZERO__TIME_CALL)
        wazero__io_call_host(&call->io);
    error = wall ? wazero__time_walltime(time, &nanoseconds)
                 : wazero__time_nanotime(time, &nanoseconds);
    if (error)
        return wazero__io_end(&call->io, error);
    *now = (uint64_t)nanoseconds;
    return WASI_SUCCESS;
}

wazero__errno_t wazero__wasi_clock_time_get(wazero__wasi_call_t *call,
                                            const uint64_t *slots)
{
    uint64_t now = 0;
    void *place = wazero__guest_at(&call->memory, slots[2], sizeof now);
    if (!place)
        return WASI_FAULT;
    wazero__errno_t code = wazero__clock_now(call, wazero__slot_u32(slots[0]), &now);
    if (!code)
        wazero__put_u64(place, now);
    return code;
}

wazero__errno_t wazero__wasi_clock_res_get(wazero__wasi_call_t *call,
                                           const uint64_t *slots)
{
    const wazero__time_t *time = &call->wasi->time;
    uint32_t clock = wazero__slot_u32(slots[0]);
    struct timespec spec;
    uint64_t resolution;
    wazero__errno_t code = WASI_SUCCESS;
    void *place = wazero__guest_at(&call->memory, slots[1], sizeof resolution);
    switch (clock) {
    case WASI_CLOCK_REALTIME:
        resolution = wazero__time_walltime_resolution(time);
        break;
    case WASI_CLOCK_MONOTONIC:
        resolution = wazero__time_nanotime_resolution(time);
        break;
    case WASI_CLOCK_PROCESS:
    case WASI_CLOCK_THREAD:
        code = cpu_time(call->wasi, cpu_clock(clock), &spec, clock_getres);
        resolution = (uint64_t)spec.tv_nsec;
        break;
    default:
        return WASI_INVAL;
    }
    if (code)
        return code;
    if (!place)
        return WASI_FAULT;
    wazero__put_u64(place, resolution);
    return WASI_SUCCESS;
}

wazero__errno_t wazero__wasi_sched_yield(wazero__wasi_call_t *call,
                                         const uint64_t *slots)
{
    const wazero__time_t *time = &call->wasi->time;
    (void)slots;
    if (time->yield_kind == WAZERO__TIME_PRETENDED)
        return WASI_SUCCESS;
    if (time->yield_kind == WAZERO__TIME_CALL)
        wazero__io_call_host(&call->io);
    else
        wazero__thread_detach(wazero__thread());
    wazero_error_t *error = wazero__time_yield(time);
    return error ? wazero__io_end(&call->io, error) : WASI_SUCCESS;
}
