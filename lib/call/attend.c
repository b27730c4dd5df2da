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
#include "module.h"

wazero_error_t *wazero__timeout_error(uint64_t nanoseconds, const char *what)
{
    return wazero__error(WAZERO_ERROR_TIMEOUT, "timeout after %g s%s",
                         (double)nanoseconds / 1e9, what);
}

static wazero_error_t *look_at_time(const wazero__activation_t *innermost)
{
    uint64_t now = wazero__now();
    for (const wazero__activation_t *one = innermost; one; one = one->outer)
        if (one->timeout != WAZERO_NO_TIMEOUT && one->until <= now)
            return wazero__timeout_error(one->timeout, "");
    return NULL;
}

static wazero_error_t *look_at_requests(wazero__thread_t *thread,
                                        const wazero__activation_t *innermost)
{
    unsigned requests = atomic_load(&thread->requests);
    uint64_t session = atomic_load(&thread->interrupted);
    for (const wazero__activation_t *one = innermost; one; one = one->outer) {
        if ((requests & REQUEST_INTERRUPT) && one->session == session)
            return wazero__error(WAZERO_ERROR_INTERRUPTED, "interrupted");
        if ((requests & REQUEST_CLOSED) && !wazero__module_is_open(one->module))
            return wazero__module_end_error(one->module);
    }
    /* They were about calls that are over. One that has just come stays. */
    atomic_fetch_and(&thread->requests, ~requests);
    if (session != atomic_load(&thread->interrupted))
        atomic_fetch_or(&thread->requests, REQUEST_INTERRUPT);
    return NULL;
}

static wazero_error_t *poll_host(wazero__thread_t *thread)
{
    uint64_t now = wazero__now();
    if (!thread->polls || now - atomic_load(&thread->polled) < WAZERO__POLL_INTERVAL)
        return NULL;
    atomic_store(&thread->polled, now);
    wazero__thread_attach(thread);
    return wazero__hooks.poll();
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
    else
        error = poll_host(thread);
    return error;
}
