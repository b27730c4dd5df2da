/*
 * call.h - a call that runs, as the callbacks of the engine find it.
 */
#ifndef WAZERO_LIB_CALL_CALL_H
#define WAZERO_LIB_CALL_CALL_H

#include <setjmp.h>

#include "wazero.h"

/* On the stack of the thread that calls, linked from wazero__thread_t. */
typedef struct wazero__activation {
    struct wazero__activation *outer;
    unsigned depth;      /* 1 for a call that is not nested */
    unsigned generation; /* fork.h */
    jmp_buf escape;      /* out of the engine, in a child forked by a host function */
    wazero_error_t
        *pending; /* what a host function or a stream reported, the first one */
} wazero__activation_t;

#endif
