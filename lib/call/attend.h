/*
 * attend.h - what a thread in a call does when its attention is wanted.
 */
#ifndef WAZERO_LIB_CALL_ATTEND_H
#define WAZERO_LIB_CALL_ATTEND_H

#include "call/call.h"

/* Sees to all that is asked of the thread: time that is over, interrupts, modules that
 * were closed, and what the host has to poll for. An error ends the innermost call.
 * Errors: TIMEOUT, INTERRUPTED, EXIT, CLOSED, HOST. */
wazero_error_t *wazero__attend(wazero__thread_t *thread);

/* Whether that would end the innermost call. May be called in a signal handler. */
bool wazero__attend_ends(const wazero__thread_t *thread);

/* Has the host run what is due, attached. Errors: what it reports; FORKED in a child
 * that it made. */
wazero_error_t *wazero__attend_poll(wazero__thread_t *thread);

/* An error of kind TIMEOUT; what is "" or goes on from "timeout after 1 s". */
wazero_error_t *wazero__timeout_error(uint64_t nanoseconds, const char *what)
    __attribute__((cold));

#endif
