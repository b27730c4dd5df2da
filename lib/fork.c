/*
 * fork.c - the fork handlers and the count of generations. See fork.h.
 */
#include "fork.h"

#include <pthread.h>

#include "call/block.h"
#include "call/code.h"
#include "call/stack.h"
#include "call/wait.h"
#include "call/watchdog.h"
#include "engine.h"
#include "error.h"
#include "externref.h"
#include "group.h"
#include "wasi/filesystem.h"
#include "wasi/trace.h"

atomic_uint wazero__generation;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int watch_result;

/* In the child, where only the forking thread is left: whatever lock another thread
 * held is held for ever, so all are made anew. */
static void after_fork_in_child(void)
{
    atomic_fetch_add(&wazero__generation, 1);
    wazero__engine_forget();
    wazero__group_forget();
    wazero__externrefs_forget();
    wazero__threads_forget();
    wazero__code_forget();
    wazero__stack_forget();
    wazero__wait_forget();
    wazero__block_forget();
    wazero__watchdog_forget();
    wazero__memory_forget();
    wazero__hostfs_forget();
    wazero__traces_after_fork();
}

static void before_fork(void)
{
    wazero__group_before_fork();
    wazero__threads_before_fork();
    wazero__externrefs_before_fork();
    wazero__memory_before_fork();
    wazero__hostfs_before_fork();
    wazero__traces_before_fork();
}

static void after_fork_in_parent(void)
{
    wazero__traces_after_fork();
    wazero__hostfs_after_fork();
    wazero__memory_after_fork();
    wazero__externrefs_after_fork();
    wazero__threads_after_fork();
    wazero__group_after_fork();
}

static void watch(void)
{
    watch_result =
        pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

wazero_error_t *wazero__fork_watch(void)
{
    pthread_once(&once, watch);
    return watch_result ? wazero__error_memory() : NULL;
}

wazero_error_t *wazero__fork_error(const char *what)
{
    return wazero__error(
        WAZERO_ERROR_FORKED,
        "this %s was made before fork() and cannot be used in the child: "
        "make a new runtime there",
        what);
}
