/*
 * thread.c - preparing and forgetting threads, the list of them, and the host's lock.
 * See thread.h.
 */
#include "thread.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call/interrupt.h"
#include "call/stack.h"
#include "call/watchdog.h"
#include "error.h"
#include "listener.h"

_Thread_local wazero__thread_t wazero__this_thread = {.deadline = UINT64_MAX};

wazero_thread_hooks_t wazero__hooks;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static wazero__thread_t *first;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key; /* its destructor tells of a thread's end */
static int key_result;
static _Atomic(uint64_t) thread_count = 1;

/* ---- the registry ---- */

void wazero__threads_lock(void)
{
    pthread_mutex_lock(&mutex);
}

void wazero__threads_unlock(void)
{
    pthread_mutex_unlock(&mutex);
}

wazero__thread_t *wazero__threads_first(void)
{
    return first;
}

static void list(wazero__thread_t *thread)
{
    thread->id = (int)syscall(SYS_gettid);
    thread->polls = wazero__hooks.polls && wazero__hooks.polls();
    pthread_mutex_lock(&mutex);
    thread->previous = NULL;
    thread->next = first;
    if (first)
        first->previous = thread;
    first = thread;
    thread->listed = true;
    pthread_mutex_unlock(&mutex);
}

static void unlist(wazero__thread_t *thread)
{
    pthread_mutex_lock(&mutex);
    if (thread->listed) {
        if (thread->next)
            thread->next->previous = thread->previous;
        if (thread->previous)
            thread->previous->next = thread->next;
        else
            first = thread->next;
        thread->listed = false;
    }
    pthread_mutex_unlock(&mutex);
}

void wazero__threads_before_fork(void)
{
    pthread_mutex_lock(&mutex);
}

void wazero__threads_after_fork(void)
{
    pthread_mutex_unlock(&mutex);
}

void wazero__threads_forget(void)
{
    wazero__thread_t *thread = wazero__thread();
    pthread_mutex_init(&mutex, NULL);
    first = NULL;
    atomic_store(&thread->signalled, false);
    if (thread->listed)
        list(thread);
}

/* ---- beginning and end ---- */

void wazero__thread_end(wazero__thread_t *thread)
{
    unlist(thread);
    thread->prepared = false;
    thread->ended = true;
    wazero__listener_forget(thread);
    wazero__interrupt_release(thread);
    wazero__stack_release(thread);
}

static void end(void *thread)
{
    wazero__thread_end(thread);
}

static void make_key(void)
{
    key_result = pthread_key_create(&key, end);
}

wazero_error_t *wazero__thread_list(wazero__thread_t *thread)
{
    pthread_once(&once, make_key);
    if (key_result || pthread_setspecific(key, thread))
        return wazero__error_memory();
    /* So that stays of different threads never have the same number. */
    if (!thread->session)
        thread->session = atomic_fetch_add(&thread_count, 1) << 40;
    list(thread);
    return NULL;
}

wazero_error_t *wazero__thread_prepare(wazero__thread_t *thread, size_t stack_size)
{
    wazero_error_t *error = wazero__stack_reserve(thread, stack_size);
    if (!error)
        error = wazero__stack_for_signals(thread);
    if (!error)
        error = wazero__interrupt_prepare(thread);
    thread->prepared = thread->prepared || !error;
    return error;
}

/* ---- the host's lock ---- */

void wazero_set_thread_hooks(const wazero_thread_hooks_t *hooks)
{
    wazero__hooks = *hooks;
    wazero__watchdog_want();
}

void wazero__thread_detach(wazero__thread_t *thread)
{
    if (!wazero__hooks.detach || thread->token)
        return;
    thread->token = wazero__hooks.detach();
    atomic_store_explicit(&thread->detached, thread->token != NULL,
                          memory_order_relaxed);
}

void wazero__thread_attach_again(wazero__thread_t *thread)
{
    void *token = thread->token;
    wazero__hooks.attach(token);
    thread->token = NULL;
    atomic_store_explicit(&thread->detached, false, memory_order_relaxed);
}
