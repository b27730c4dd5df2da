/*
 * attend.c - seeing to what is asked of a thread. See attend.h.
 *
 * What ends a call ends all that it runs in, up to the call that it is about: the error
 * is reported to the host function in between, and should that call on as if nothing
 * had happened, the next call ends at once. So what is asked is looked for in the whole
 * chain of calls, each time anew.
 */
#include "call/attend.h"

#include "call/watchdog.h"
#include "error.h"
#include "fork.h"
#include "module.h"

wazero_error_t *wazero__timeout_error(uint64_t nanoseconds, const char *what)
{
    return wazero__error(WAZERO_ERROR_TIMEOUT, "timeout after %g s%s",
                         (double)nanoseconds / 1e9, what);
}

static bool is_late(const wazero__activation_t *one, uint64_t now)
{
    return one->timeout != WAZERO_NO_TIMEOUT && one->until <= now;
}

static bool is_interrupted(const wazero__activation_t *one, unsigned requests)
{
    return (requests & REQUEST_INTERRUPT) &&
           wazero__group_is_interrupted(one->module->group, one->session);
}

static bool is_closed(const wazero__activation_t *one, unsigned requests)
{
    return (requests & REQUEST_CLOSED) && !wazero__module_is_open(one->module);
}

bool wazero__attend_ends(const wazero__thread_t *thread)
{
    uint64_t now = wazero__now();
    unsigned requests = atomic_load(&thread->requests);
    const wazero__activation_t *one = atomic_load(&thread->activation);
    while (one && !is_late(one, now) && !is_interrupted(one, requests) &&
           !is_closed(one, requests))
        one = one->outer;
    return one != NULL;
}

static wazero_error_t *look_at_time(const wazero__activation_t *innermost)
{
    uint64_t now = wazero__now();
    for (const wazero__activation_t *one = innermost; one; one = one->outer)
        if (is_late(one, now))
            return wazero__timeout_error(one->timeout, "");
    return NULL;
}

/* A request is about some of the calls that run, or about ones that are over. */
static wazero_error_t *look_at_requests(wazero__thread_t *thread,
                                        const wazero__activation_t *innermost)
{
    /* Taken first: what comes from now on is looked at the next time. */
    unsigned requests = atomic_exchange(&thread->requests, 0);
    wazero_error_t *error = NULL;
    for (const wazero__activation_t *one = innermost; one && !error; one = one->outer) {
        if (is_interrupted(one, requests))
            error = wazero__error(WAZERO_ERROR_INTERRUPTED, "interrupted");
        else if (is_closed(one, requests))
            error = wazero__module_end_error(one->module);
    }
    if (error)
        atomic_fetch_or(&thread->requests, requests); /* for the calls around it */
    return error;
}

wazero_error_t *wazero__attend_poll(wazero__thread_t *thread)
{
    unsigned generation = wazero__fork_generation();
    atomic_store(&thread->polled, wazero__now());
    wazero__thread_attach(thread);
    wazero_error_t *error = wazero__hooks.poll();
    if (!error && !wazero__fork_is_current(generation))
        error = wazero__fork_error("call");
    return error;
}

/* Whether the host has to be polled on this thread, now. */
static bool is_due(const wazero__thread_t *thread)
{
    return thread->polls &&
           wazero__now() - atomic_load(&thread->polled) >= WAZERO__POLL_INTERVAL;
}

wazero_error_t *wazero__attend(wazero__thread_t *thread)
{
    const wazero__activation_t *innermost = atomic_load(&thread->activation);
    atomic_store(&thread->attention, false);
    wazero_error_t *error = look_at_time(innermost);
    if (!error && atomic_load(&thread->requests))
        error = look_at_requests(thread, innermost);
    if (error)
        atomic_store(&thread->attention, true); /* the calls around it look, too */
    else if (is_due(thread))
        error = wazero__attend_poll(thread);
    return error;
}
