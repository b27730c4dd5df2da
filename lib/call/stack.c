/*
 * stack.c - mapping wasm stacks and signal stacks. See stack.h.
 *
 * Both are mappings with an inaccessible page below. Under the limit of a wasm stack is
 * slack, for what does not look at the limit: the parameters of the first function, the
 * frames of trampolines, and handlers of signals that were installed without
 * SA_ONSTACK.
 */
#include "call/stack.h"

#include <pthread.h>
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

/* A wasm stack that no thread has, at its highest end. Such a stack stays mapped for
 * the next thread: wazero's call engines keep pointers into it, and Go's collector
 * would take it ill if they led to something of its own one day. */
typedef struct spare {
    struct spare *next;
    size_t size;
} spare_t;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static spare_t *spares;

/* Takes a spare stack of at least size bytes: its lowest address, NULL if there is
 * none. */
static uint8_t *take_spare(size_t *size)
{
    uint8_t *stack = NULL;
    pthread_mutex_lock(&mutex);
    spare_t **place = &spares;
    while (*place && (*place)->size < *size)
        place = &(*place)->next;
    if (*place) {
        spare_t *spare = *place;
        *place = spare->next;
        *size = spare->size;
        stack = (uint8_t *)(spare + 1) - spare->size;
    }
    pthread_mutex_unlock(&mutex);
    return stack;
}

static void release_wasm(wazero__thread_t *thread)
{
    if (!thread->wasm_highest)
        return;
    uint8_t *stack = (uint8_t *)(thread->wasm_lowest - SLACK);
    size_t size = thread->wasm_highest - thread->wasm_lowest + SLACK;
    madvise(stack, size, MADV_DONTNEED);
    spare_t *spare = (spare_t *)(stack + size) - 1;
    spare->size = size;
    pthread_mutex_lock(&mutex);
    spare->next = spares;
    spares = spare;
    pthread_mutex_unlock(&mutex);
    thread->wasm_lowest = thread->wasm_highest = thread->wasm_top = 0;
}

void wazero__stack_forget(void)
{
    pthread_mutex_init(&mutex, NULL);
}

wazero_error_t *wazero__stack_reserve(wazero__thread_t *thread, size_t size)
{
    if (size < WAZERO__STACK_DEFAULT)
        size = WAZERO__STACK_DEFAULT;
    if (thread->wasm_highest - thread->wasm_lowest >= size)
        return NULL;
    release_wasm(thread);
    size += SLACK;
    uint8_t *stack = take_spare(&size);
    if (!stack)
        stack = map_stack(size);
    if (!stack)
        return wazero__error_memory();
    thread->wasm_lowest = (uintptr_t)stack + SLACK;
    thread->wasm_highest = (uintptr_t)stack + size;
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
