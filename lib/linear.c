/*
 * linear.c - reserving, committing and giving back linear memory. See linear.h.
 *
 * One mutex a memory orders resizing against pinning and copying, for where the whole
 * maximum could not be reserved a memory moves; it is never held while anything else of
 * lib runs.
 */
#include "linear.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fork.h"

struct wazero__linear {
    atomic_uint references;
    unsigned generation; /* fork.h: of an older one the mutex may be held for ever */
    _Atomic(uint8_t *) base;
    atomic_size_t size;
    uint64_t limit;
    pthread_mutex_t mutex;
    /* Under the mutex: */
    size_t reserved;
    size_t users; /* open modules and views */
    size_t views;
};

/* Smaller reservations are not tried: one page of wasm. */
static const size_t SMALLEST = WAZERO_PAGE_SIZE;

/* Where the address space is limited: what is left to Go, whose failure to get memory
 * would end the process, and to the host; and the part of the rest that one memory
 * reserves beyond what it needs. */
static const size_t SPARE = (size_t)256 << 20;
enum { SHARE = 256 };

/* How much address space may still be taken; SIZE_MAX if RLIMIT_AS sets no limit. */
static size_t address_space_left(void)
{
    struct rlimit limit;
    char text[64] = "";
    if (getrlimit(RLIMIT_AS, &limit) || limit.rlim_cur == RLIM_INFINITY)
        return SIZE_MAX;
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t size = file < 0 ? -1 : read(file, text, sizeof text - 1);
    if (file >= 0)
        close(file);
    size_t pages = strtoul(text, NULL, 10); /* the first number: all that is mapped */
    size_t used = pages * (size_t)sysconf(_SC_PAGESIZE) + SPARE;
    return size > 0 && limit.rlim_cur > used ? limit.rlim_cur - used : 0;
}

static uint8_t *reserve(size_t size)
{
    void *base =
        mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return base == MAP_FAILED ? NULL : base;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

wazero__linear_t *wazero__linear_new(uint64_t capacity, uint64_t maximum,
                                     uint64_t limit)
{
    wazero__linear_t *linear = calloc(1, sizeof *linear);
    size_t least = larger((size_t)capacity, SMALLEST);
    size_t size = larger((size_t)maximum, least);
    size_t left = address_space_left();
    uint8_t *base = NULL;
    if (!linear)
        return NULL;
    if (left != SIZE_MAX && size > left / SHARE)
        size = larger(left / SHARE / SMALLEST * SMALLEST, least);
    /* Where the machine does not allow the whole, half will do, and so on: what does
     * not fit later has to move, or is refused. */
    while (size <= left && !(base = reserve(size)) && size > least)
        size = larger(size / 2, least);
    if (!base || pthread_mutex_init(&linear->mutex, NULL)) {
        if (base)
            munmap(base, size);
        free(linear);
        return NULL;
    }
    atomic_init(&linear->references, 1);
    atomic_init(&linear->base, base);
    linear->generation = wazero__fork_generation();
    linear->reserved = size;
    linear->limit = limit;
    linear->users = 1;
    return linear;
}

/* Moves the memory to a range of its own with the new size. Under the mutex. */
static uint8_t *move(wazero__linear_t *linear, size_t size)
{
    uint8_t *old = atomic_load(&linear->base);
    bool allowed = !linear->views && size <= address_space_left();
    uint8_t *base = allowed ? reserve(size) : NULL;
    if (!base)
        return NULL;
    if (mprotect(base, size, PROT_READ | PROT_WRITE)) {
        munmap(base, size);
        return NULL;
    }
    memcpy(base, old, atomic_load(&linear->size));
    munmap(old, linear->reserved);
    linear->reserved = size;
    atomic_store(&linear->base, base);
    return base;
}

uint8_t *wazero__linear_resize(wazero__linear_t *linear, uint64_t size)
{
    pthread_mutex_lock(&linear->mutex);
    uint8_t *base = atomic_load(&linear->base);
    size_t old = atomic_load(&linear->size);
    if (size > linear->limit)
        base = NULL;
    else if (size > linear->reserved)
        base = size <= SIZE_MAX ? move(linear, (size_t)size) : NULL;
    else if (size > old &&
             mprotect(base + old, (size_t)size - old, PROT_READ | PROT_WRITE))
        base = NULL;
    if (base && size > old)
        atomic_store(&linear->size, (size_t)size);
    pthread_mutex_unlock(&linear->mutex);
    return base;
}

uint8_t *wazero__linear_base(const wazero__linear_t *linear)
{
    return atomic_load_explicit(&linear->base, memory_order_acquire);
}

size_t wazero__linear_size(const wazero__linear_t *linear)
{
    return atomic_load_explicit(&linear->size, memory_order_acquire);
}

/* Keeps the memory from moving, and tells where the range is; NULL if it is not
 * inside, and then nothing is kept. Not by a view: the guest's memory.grow would fail
 * meanwhile. */
static uint8_t *begin_copy(wazero__linear_t *linear, uint64_t offset, size_t size)
{
    pthread_mutex_lock(&linear->mutex);
    size_t have = atomic_load(&linear->size);
    if (offset <= have && size <= have - offset)
        return atomic_load(&linear->base) + offset;
    pthread_mutex_unlock(&linear->mutex);
    return NULL;
}

bool wazero__linear_read(wazero__linear_t *linear, uint64_t offset, void *buffer,
                         size_t size)
{
    const uint8_t *at = begin_copy(linear, offset, size);
    if (!at)
        return false;
    if (size)
        memmove(buffer, at, size);
    pthread_mutex_unlock(&linear->mutex);
    return true;
}

bool wazero__linear_write(wazero__linear_t *linear, uint64_t offset, const void *buffer,
                          size_t size)
{
    uint8_t *at = begin_copy(linear, offset, size);
    if (!at)
        return false;
    if (size)
        memmove(at, buffer, size);
    pthread_mutex_unlock(&linear->mutex);
    return true;
}

wazero__linear_t *wazero__linear_retain(wazero__linear_t *linear)
{
    atomic_fetch_add(&linear->references, 1);
    return linear;
}

void wazero__linear_release(wazero__linear_t *linear)
{
    if (!linear || atomic_fetch_sub(&linear->references, 1) != 1)
        return;
    munmap(atomic_load(&linear->base), linear->reserved);
    pthread_mutex_destroy(&linear->mutex);
    free(linear);
}

void wazero__linear_use(wazero__linear_t *linear)
{
    pthread_mutex_lock(&linear->mutex);
    linear->users++;
    pthread_mutex_unlock(&linear->mutex);
}

void wazero__linear_unuse(wazero__linear_t *linear)
{
    if (!wazero__fork_is_current(linear->generation))
        return; /* the range goes with the last reference, here as everywhere */
    pthread_mutex_lock(&linear->mutex);
    /* What was used stays readable and writable: code of closed modules can still be
     * reached through tables, and finds zeros then. The rest is given back at once, for
     * the last reference goes with Go's next garbage collection only. */
    if (--linear->users == 0) {
        uint8_t *base = atomic_load(&linear->base);
        size_t kept = atomic_load(&linear->size);
        if (kept < SMALLEST)
            kept = SMALLEST;
        madvise(base, kept, MADV_DONTNEED);
        if (linear->reserved > kept &&
            munmap(base + kept, linear->reserved - kept) == 0)
            linear->reserved = kept;
    }
    pthread_mutex_unlock(&linear->mutex);
}

void wazero__linear_pin(wazero__linear_t *linear)
{
    wazero__linear_retain(linear);
    pthread_mutex_lock(&linear->mutex);
    linear->users++;
    linear->views++;
    pthread_mutex_unlock(&linear->mutex);
}

void wazero__linear_unpin(wazero__linear_t *linear)
{
    if (wazero__fork_is_current(linear->generation)) {
        pthread_mutex_lock(&linear->mutex);
        linear->views--;
        pthread_mutex_unlock(&linear->mutex);
    }
    wazero__linear_unuse(linear);
    wazero__linear_release(linear);
}
