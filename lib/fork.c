/*
 * fork.c - the fork handlers and the count of generations. See fork.h.
 */
#include "fork.h"

#include <pthread.h>
#include <stdatomic.h>

#include "engine.h"
#include "error.h"
#include "group.h"

static atomic_uint generation;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int watch_result;

/* In the child, where only the forking thread is left: whatever lock another thread
 * held is held for ever, so all are made anew. */
static void after_fork(void)
{
    atomic_fetch_add(&generation, 1);
    wazero__engine_forget();
    wazero__group_forget();
}

static void watch(void)
{
    watch_result =
        pthread_atfork(wazero__group_before_fork, wazero__group_after_fork, after_fork);
}

wazero_error_t *wazero__fork_watch(void)
{
    pthread_once(&once, watch);
    return watch_result ? wazero__error_memory() : NULL;
}

unsigned wazero__fork_generation(void)
{
    return atomic_load_explicit(&generation, memory_order_relaxed);
}

wazero_error_t *wazero__fork_error(const char *what)
{
    return wazero__error(
        WAZERO_ERROR_FORKED,
        "this %s was made before fork() and cannot be used in the child: "
        "make a new runtime there",
        what);
}
