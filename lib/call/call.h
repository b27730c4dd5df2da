/*
 * call.h - a call that runs, as the callbacks of the engine and the direct path find
 * it.
 */
#ifndef WAZERO_LIB_CALL_CALL_H
#define WAZERO_LIB_CALL_CALL_H

#include <setjmp.h>

#include "callable.h"
#include "thread.h"

/* On the stack of the thread that calls, linked from wazero__thread_t. */
typedef struct wazero__activation {
    struct wazero__activation *outer;
    wazero_module_t *module;
    uint64_t session;    /* the stay in the group of which it is a part */
    unsigned depth;      /* 1 for a call that is not nested */
    unsigned generation; /* fork.h */
    uint64_t timeout;    /* in nanoseconds; WAZERO_NO_TIMEOUT: none of its own */
    uint64_t until;      /* when that is over */
    /* What a host function or a stream reported, the first one. */
    wazero_error_t *pending;
    /* A host function has failed with that, and Go is to hear of it. */
    bool replay;
    /* The execution context of a step that ends when listeners have been told, or 0:
     * then lib has to say where the engine goes on (direct.h). */
    uintptr_t step;
    /* Out of the engine, in a child forked by a host function; set while Go runs. */
    jmp_buf *escape;
    struct wazero__snapshots
        *snapshots; /* of a call that was made with them, or NULL */
} wazero__activation_t;

/* What runs in a group, with an activation and a call engine: one call, or many. */
typedef wazero_error_t *wazero__call_body_t(void *argument,
                                            const wazero__callable_t *callable,
                                            wazero__thread_t *thread,
                                            wazero__activation_t *activation,
                                            const wazero__call_engine_t *engine);

/* Enters the callable's group, for at most a number of nanoseconds, and runs body. */
wazero_error_t *wazero__call_run(wazero__callable_t *callable, uint64_t timeout,
                                 wazero__call_body_t *body, void *argument);

/* Runs the function once, in a body. */
wazero_error_t *wazero__call_once(const wazero__callable_t *callable,
                                  wazero__thread_t *thread,
                                  wazero__activation_t *activation,
                                  const wazero__call_engine_t *engine, uint64_t *stack);

/* Something that the engine does for a call: calling a function, or a step. */
typedef bool wazero__ask_t(wz_handle function, uint64_t *stack, size_t slot_count,
                           wz_error *failure);

/* Has it do that. In a child that a
 * host function forks meanwhile, the callback leaves the dead engine's frames behind
 * and comes back here a second time, with its error in the activation. */
wazero_error_t *wazero__call_engine(wazero__activation_t *activation,
                                    wazero__ask_t *ask, wz_handle function,
                                    uint64_t *stack, size_t slot_count);

/* Has Go run the function whole. Compiled code can be ended there, too. */
wazero_error_t *wazero__call_through_go(const wazero__callable_t *callable,
                                        wazero__thread_t *thread,
                                        wazero__activation_t *activation,
                                        const wazero__call_engine_t *engine,
                                        wazero__ask_t *ask, uint64_t *stack);

/* What a call reports, out of what the engine did and what host functions left. Takes
 * both. */
wazero_error_t *wazero__call_settle(wazero_error_t *error, wazero_error_t *pending);

/* The error of calls nested too deep for the C stack or the wasm stack. */
wazero_error_t *wazero__call_too_deep(void) __attribute__((cold));

#endif
