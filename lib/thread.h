/*
 * thread.h - what lib knows of a thread that calls: its innermost call, its wasm stack,
 * and what the watchdog (call/watchdog.h) and the thread tell each other.
 *
 * A thread is listed when it first calls, prepared when it first enters wasm directly,
 * and forgotten when it ends. Only the thread itself changes its fields, except those
 * of the watchdog.
 */
#ifndef WAZERO_LIB_THREAD_H
#define WAZERO_LIB_THREAD_H

#include <stdatomic.h>

#include "engine_abi.h"
#include "wazero.h"

struct wazero__activation;
struct wazero__group;
struct wazero__parked;

/* What another thread asks of a thread that is in a call. */
enum { REQUEST_INTERRUPT = 1, REQUEST_CLOSED = 2 };

typedef struct wazero__thread {
    /* The innermost running call. Others only ask whether there is one. */
    _Atomic(struct wazero__activation *) activation;
    /* Counts each time that the thread goes into wasm. */
    _Atomic(uint64_t) entries;
    /* Set by others: look at what is asked, at the next opportunity. */
    atomic_bool attention;
    bool prepared;
    bool ended; /* its end has come: what calls now is a destructor of the host's */
    /* The execution context of the code that runs, 0 outside of wasm. */
    _Atomic(uintptr_t) running;
    /* Of the innermost call that Go has entered, or NULL. */
    _Atomic(const wz_entry *) in_go;
    volatile bool taken_out; /* of that, by the signal */
    volatile uintptr_t held; /* where wasm was to go on: see wazero__hold_stub */
    /* Where the next call's stack begins and how far it may go; 0: none is mapped. */
    uintptr_t wasm_top;
    uintptr_t wasm_bottom;
    /* When the calls that run must be over, in nanoseconds; UINT64_MAX: never. */
    _Atomic(uint64_t) deadline;
    uint64_t session;     /* the number of the last group that was entered */
    void *token;          /* of the host's hooks while detached */
    atomic_bool detached; /* token, as others see it */
    atomic_uint requests;
    /* Where a signal handler parks the thread; NULL while the buffer is taken. */
    struct wazero__parked *volatile park;
    struct wazero__parked *volatile unpark; /* what the handler is to put back */
    struct wazero__parked *unparking;       /* the same, before C is ready for it */

    /* Calls that listeners know of and that have not ended, or NULL. */
    struct wazero__open_calls *open_calls;
    struct wazero__group *waiting_for; /* under the groups' mutex */
    uintptr_t stack_limit; /* of the C stack, for nested calls; 0: unknown */
    uintptr_t wasm_lowest; /* of the mapping, above its slack */
    uintptr_t wasm_highest;
    void *signal_stack;         /* the one that lib made, or NULL */
    struct wazero__entry *dead; /* see externref.h */

    /* Under the registry's mutex, the watchdog's: */
    int id; /* the kernel's */
    bool listed;
    bool polls;
    int wake; /* what to write to when it waits (call/block.h), plus 1; or 0 */
    uint64_t seen_entries;
    atomic_bool signalled; /* a signal is on its way */
    _Atomic(uint64_t) polled;
    struct wazero__thread *previous;
    struct wazero__thread *next;
} wazero__thread_t;

extern _Thread_local wazero__thread_t wazero__this_thread
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* The calling thread. */
static inline wazero__thread_t *wazero__thread(void)
{
    return &wazero__this_thread;
}

/* Puts the thread on the list of those that call. Errors: MEMORY. */
wazero_error_t *wazero__thread_list(wazero__thread_t *thread);

/* A thread that has ended before has called once more, and is not in a call: forgets it
 * again. */
void wazero__thread_end(wazero__thread_t *thread);

/* Makes a listed thread ready to enter wasm with room for stack_size bytes of stack; it
 * must not be inside of wasm. Errors: MEMORY, INTERNAL. */
wazero_error_t *wazero__thread_prepare(wazero__thread_t *thread, size_t stack_size);

/* Whether it still has to be. */
static inline bool wazero__thread_is_ready(const wazero__thread_t *thread,
                                           size_t stack_size)
{
    return thread->prepared && thread->wasm_highest - thread->wasm_lowest >= stack_size;
}

/* The thread goes into wasm with an execution context, or has come out of it (0). */
static inline void wazero__thread_run(wazero__thread_t *thread, uintptr_t context)
{
    atomic_store_explicit(&thread->running, context, memory_order_release);
}

/* The thread goes into wasm: so the watchdog sees how long it stays. */
static inline void wazero__thread_count_entry(wazero__thread_t *thread)
{
    uint64_t entries = atomic_load_explicit(&thread->entries, memory_order_relaxed);
    atomic_store_explicit(&thread->entries, entries + 1, memory_order_relaxed);
}

/* ---- the host's lock ---- */

/* The hooks, all NULL if none were given. */
extern wazero_thread_hooks_t wazero__hooks __attribute__((visibility("hidden")));

/* Lets the host's lock go, or takes it back; each does nothing if that is so already.
 * Detach before anything that may block. */
void wazero__thread_detach(wazero__thread_t *thread);
void wazero__thread_attach_again(wazero__thread_t *thread);

static inline void wazero__thread_attach(wazero__thread_t *thread)
{
    if (__builtin_expect(thread->token != NULL, 0))
        wazero__thread_attach_again(thread);
}

/* ---- the registry ---- */

/* The listed threads, linked by next. Meanwhile no thread ends. */
void wazero__threads_lock(void);
void wazero__threads_unlock(void);
wazero__thread_t *wazero__threads_first(void);

/* Around a fork: the registry does not change meanwhile; in the child the calling
 * thread is the only one. */
void wazero__threads_before_fork(void);
void wazero__threads_after_fork(void);
void wazero__threads_forget(void);

#endif
