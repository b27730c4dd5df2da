/*
 * stack.c - mapping wasm stacks and signal stacks. See stack.h.
 *
 * Both are mappings with an inaccessible page below. Under the limit of a wasm stack is
 * slack, for what does not look at the limit: the parameters of the first function, the
 * frames of trampolines, and handlers of signals that were installed without
 * SA_ONSTACK.
 */
#include "call/stack.h"

#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "error.h"

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

static const size_t SLACK = 64 * 1024;

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* Maps size bytes above an inaccessible page; NULL if that fails. */
static uint8_t *map_stack(size_t size)
{
    size_t page = page_size();
    uint8_t *base =
        mmap(NULL, size + page, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    /* Whole huge pages would be zeroed at the first call of each thread. */
    madvise(base, size + page, MADV_NOHUGEPAGE);
    if (mprotect(base, page, PROT_NONE)) {
        munmap(base, size + page);
        return NULL;
    }
    return base + page;
}

static void unmap_stack(uint8_t *stack, size_t size)
{
    size_t page = page_size();
    munmap(stack - page, size + page);
}

/* ---- wasm ---- */

static void release_wasm(wazero__thread_t *thread)
{
    if (!thread->wasm_highest)
        return;
    size_t size = thread->wasm_highest - thread->wasm_lowest;
    unmap_stack((uint8_t *)(thread->wasm_lowest - SLACK), size + SLACK);
    thread->wasm_lowest = thread->wasm_highest = thread->wasm_top = 0;
}

wazero_error_t *wazero__stack_reserve(wazero__thread_t *thread, size_t size)
{
    if (size < WAZERO__STACK_DEFAULT)
        size = WAZERO__STACK_DEFAULT;
    if (thread->wasm_highest - thread->wasm_lowest >= size)
        return NULL;
    release_wasm(thread);
    uint8_t *stack = map_stack(size + SLACK);
    if (!stack)
        return wazero__error_memory();
    thread->wasm_lowest = (uintptr_t)stack + SLACK;
    thread->wasm_highest = thread->wasm_lowest + size;
    thread->wasm_top = thread->wasm_highest;
    thread->wasm_bottom = thread->wasm_lowest;
    return NULL;
}

/* ---- signals ---- */

/* Room for a frame as large as this machine's registers make it, and for handlers. */
static size_t signal_stack_size(void)
{
    size_t frame = getauxval(AT_MINSIGSTKSZ);
    size_t size = (size_t)64 * 1024 + 2 * frame;
    return (size + page_size() - 1) / page_size() * page_size();
}

wazero_error_t *wazero__stack_for_signals(wazero__thread_t *thread)
{
    stack_t have, want = {0};
    size_t size = signal_stack_size();
    if (sigaltstack(NULL, &have) == 0 &&
        ((have.ss_flags & SS_ONSTACK) || /* in a handler: not now */
         (!(have.ss_flags & SS_DISABLE) && have.ss_size >= (size_t)64 * 1024)))
        return NULL;
    if (!thread->signal_stack)
        thread->signal_stack = map_stack(size);
    if (!thread->signal_stack)
        return wazero__error_memory();
    want.ss_sp = thread->signal_stack;
    want.ss_size = size;
    sigaltstack(&want, NULL);
    return NULL;
}

static void release_signals(wazero__thread_t *thread)
{
    stack_t have, none = {.ss_flags = SS_DISABLE};
    if (!thread->signal_stack)
        return;
    if (sigaltstack(NULL, &have) == 0 && have.ss_sp == thread->signal_stack)
        sigaltstack(&none, NULL);
    unmap_stack(thread->signal_stack, signal_stack_size());
    thread->signal_stack = NULL;
}

void wazero__stack_release(wazero__thread_t *thread)
{
    release_wasm(thread);
    release_signals(thread);
}
