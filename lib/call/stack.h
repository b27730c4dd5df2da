/*
 * stack.h - the stacks of a thread besides its own: the one on which wasm runs, and the
 * one on which signal handlers do while it does.
 */
#ifndef WAZERO_LIB_CALL_STACK_H
#define WAZERO_LIB_CALL_STACK_H

#include "thread.h"

/* What max_stack may be. */
#define WAZERO__STACK_DEFAULT ((size_t)16 << 20)
#define WAZERO__STACK_MIN ((size_t)64 << 10)
#define WAZERO__STACK_MAX ((size_t)1 << 30)

/* Gives the thread a wasm stack of at least size bytes. It must not be in use. Errors:
 * MEMORY. */
wazero_error_t *wazero__stack_reserve(wazero__thread_t *thread, size_t size);

/* Sees to it that the thread's alternate signal stack is large enough, whoever made the
 * one that it has. Errors: MEMORY. */
wazero_error_t *wazero__stack_for_signals(wazero__thread_t *thread);

/* Gives both back, at the end of the thread. */
void wazero__stack_release(wazero__thread_t *thread);

/* In a forked child: makes the lock anew. */
void wazero__stack_forget(void);

#endif
