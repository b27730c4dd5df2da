/*
 * wait.c - the threads that wait at an address, in lists by a hash of it. See wait.h.
 *
 * A waiter lives on the stack of its thread and is on a list until it is notified or
 * gives up. The lock of the list is held while the value is compared, and by who
 * notifies; so a notification that follows a change of the value is never missed. A
 * thread looks from time to time whether its attention is wanted.
 */
#include "call/wait.h"

#include <pthread.h>
#include <time.h>

#include "call/attend.h"
#include "call/watchdog.h"
#include "error.h"

enum { LISTS = 64 };

/* How long a thread sleeps before it looks. */
static const uint64_t NAP = 10000000;

typedef struct waiter {
    struct waiter *next;
    uintptr_t address;
    pthread_cond_t notified_condition;
    bool notified;
} waiter_t;

static struct {
    pthread_mutex_t mutex;
    waiter_t *first;
} lists[LISTS];

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_lists(void)
{
    for (int i = 0; i < LISTS; i++) {
        pthread_mutex_init(&lists[i].mutex, NULL);
        lists[i].first = NULL;
    }
}

static size_t list_of(uintptr_t address)
{
    return (address >> 2) % LISTS;
}

static uint64_t value_at(uintptr_t address, size_t width)
{
    if (width == 4)
        return atomic_load((_Atomic(uint32_t) *)address);
    return atomic_load((_Atomic(uint64_t) *)address);
}

static void append(waiter_t **place, waiter_t *waiter)
{
    while (*place)
        place = &(*place)->next;
    *place = waiter;
}

static void take_out(waiter_t **place, const waiter_t *waiter)
{
    while (*place && *place != waiter)
        place = &(*place)->next;
    if (*place)
        *place = waiter->next;
}

/* Sleeps with the list's lock until notified, or until a time. */
static void sleep_until(waiter_t *waiter, pthread_mutex_t *mutex, uint64_t until)
{
    struct timespec time = {.tv_sec = (time_t)(until / 1000000000),
                            .tv_nsec = (long)(until % 1000000000)};
    pthread_cond_timedwait(&waiter->notified_condition, mutex, &time);
}

/* Waits on a list, whose lock is held, until notified or until a time. */
static wazero_error_t *wait_on(wazero__thread_t *thread, waiter_t *waiter,
                               pthread_mutex_t *mutex, uint64_t until)
{
    wazero_error_t *error = NULL;
    while (!waiter->notified && !error) {
        uint64_t now = wazero__now();
        if (now >= until)
            break;
        sleep_until(waiter, mutex, now + NAP < until ? now + NAP : until);
        if (waiter->notified || !atomic_load(&thread->attention))
            continue;
        pthread_mutex_unlock(mutex);
        error = wazero__attend(thread);
        wazero__thread_detach(thread);
        pthread_mutex_lock(mutex);
    }
    return error;
}

wazero_error_t *wazero__wait(wazero__thread_t *thread, uintptr_t address, size_t width,
                             uint64_t expected, int64_t timeout, uint64_t *answer)
{
    waiter_t waiter = {.address = address};
    size_t list = list_of(address);
    pthread_mutex_t *mutex = &lists[list].mutex;
    pthread_condattr_t clock;
    wazero_error_t *error = NULL;
    uint64_t until = timeout < 0 ? UINT64_MAX : wazero__end_of((uint64_t)timeout);
    pthread_once(&once, make_lists);
    if (pthread_condattr_init(&clock))
        return wazero__error_memory();
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    int failed = pthread_cond_init(&waiter.notified_condition, &clock);
    pthread_condattr_destroy(&clock);
    if (failed)
        return wazero__error_memory();
    pthread_mutex_lock(mutex);
    *answer = WAIT_NOT_EQUAL;
    if (value_at(address, width) == expected) {
        append(&lists[list].first, &waiter);
        error = wait_on(thread, &waiter, mutex, until);
        *answer = waiter.notified ? WAIT_OK : WAIT_TIMED_OUT;
        if (!waiter.notified)
            take_out(&lists[list].first, &waiter);
    }
    pthread_mutex_unlock(mutex);
    pthread_cond_destroy(&waiter.notified_condition);
    return error;
}

uint32_t wazero__notify(uintptr_t address, uint32_t count)
{
    size_t list = list_of(address);
    uint32_t woken = 0;
    pthread_once(&once, make_lists);
    pthread_mutex_lock(&lists[list].mutex);
    waiter_t **place = &lists[list].first;
    while (*place && woken < count) {
        waiter_t *waiter = *place;
        if (waiter->address != address) {
            place = &waiter->next;
            continue;
        }
        *place = waiter->next;
        waiter->notified = true;
        pthread_cond_signal(&waiter->notified_condition);
        woken++;
    }
    pthread_mutex_unlock(&lists[list].mutex);
    return woken;
}

void wazero__wait_forget(void)
{
    make_lists();
}
