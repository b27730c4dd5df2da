/*
 * watchdog.c - the thread that keeps the time. See watchdog.h.
 *
 * A call does not announce itself: it is seen by the counters of its thread. So before
 * the watchdog sleeps for good it says so, has every thread of the process pass a
 * memory barrier, and looks once more: a call that began before has been seen then, and
 * one that begins later sees that the watchdog sleeps. Where membarrier(2) is missing
 * it does not sleep for good.
 */
#include "call/watchdog.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "barrier.h"
#include "call/block.h"
#include "call/interrupt.h"
#include "error.h"

static const uint64_t TICK = 1000000;
/* How long it goes on ticking after the last call that it saw. */
static const uint64_t LINGER = 10000000;
/* How long it sleeps at most without barriers. */
static const uint64_t NAP = 20000000;

atomic_bool wazero__watchdog_asleep;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
/* Under the mutex: */
static bool started;
static bool woken; /* look anew */
/* The watchdog's own: */
static uint64_t last_activity;

uint64_t wazero__now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t wazero__end_since(uint64_t timeout, uint64_t began)
{
    return timeout < UINT64_MAX - began ? began + timeout : UINT64_MAX;
}

uint64_t wazero__end_of(uint64_t timeout)
{
    return wazero__end_since(timeout, timeout == WAZERO_NO_TIMEOUT ? 0 : wazero__now());
}

/* ---- looking ---- */

/* What one look found. */
typedef struct {
    uint64_t now;
    uint64_t next; /* when to look again */
    bool busy;     /* a thread is in a call, or was since the last look */
} look_t;

static void not_after(look_t *look, uint64_t time)
{
    if (time < look->next)
        look->next = time;
}

/* Whether the thread holds up the host: in wasm since the last look with its lock, or
 * due to poll. */
static bool holds_up(wazero__thread_t *thread, look_t *look)
{
    uint64_t entries = atomic_load_explicit(&thread->entries, memory_order_relaxed);
    bool stays = entries == thread->seen_entries;
    thread->seen_entries = entries;
    not_after(look, look->now + TICK);
    if (stays && atomic_load(&thread->running) &&
        !atomic_load_explicit(&thread->detached, memory_order_relaxed))
        return true;
    return thread->polls &&
           look->now - atomic_load(&thread->polled) >= WAZERO__POLL_INTERVAL;
}

static void look_at(wazero__thread_t *thread, look_t *look)
{
    uint64_t deadline = atomic_load(&thread->deadline);
    if (!atomic_load(&thread->activation)) {
        uint64_t entries = atomic_load_explicit(&thread->entries, memory_order_relaxed);
        look->busy = look->busy || entries != thread->seen_entries;
        thread->seen_entries = entries;
        return;
    }
    look->busy = true;
    bool urgent = atomic_load(&thread->requests) || deadline <= look->now;
    if (wazero__hooks.detach && holds_up(thread, look))
        urgent = true;
    if (!urgent) {
        not_after(look, deadline);
        return;
    }
    /* It may be where it cannot be parked: try again. */
    not_after(look, look->now + TICK);
    atomic_store(&thread->attention, true);
    if (atomic_load(&thread->running) || atomic_load(&thread->in_go))
        wazero__interrupt_send(thread);
    wazero__block_wake(thread);
}

static void look_at_all(look_t *look)
{
    look->now = wazero__now();
    look->next = UINT64_MAX;
    look->busy = false;
    wazero__threads_lock();
    for (wazero__thread_t *thread = wazero__threads_first(); thread;
         thread = thread->next)
        look_at(thread, look);
    wazero__threads_unlock();
    if (look->busy)
        last_activity = look->now;
    if (wazero__hooks.detach && look->now - last_activity < LINGER)
        not_after(look, look->now + TICK);
}

/* ---- sleeping ---- */

static struct timespec as_time(uint64_t nanoseconds)
{
    struct timespec time = {.tv_sec = (time_t)(nanoseconds / 1000000000),
                            .tv_nsec = (long)(nanoseconds % 1000000000)};
    return time;
}

/* Says that it sleeps, and looks whether somebody has not heard it. */
static void fall_asleep(look_t *look)
{
    atomic_store(&wazero__watchdog_asleep, true);
    bool heard = wazero__barrier();
    look_at_all(look);
    if (!heard && look->next == UINT64_MAX)
        look->next = look->now + NAP;
    if (look->next != UINT64_MAX)
        atomic_store(&wazero__watchdog_asleep, false);
}

static void *run(void *unused)
{
    look_t look;
    (void)unused;
    for (;;) {
        look_at_all(&look);
        if (look.next == UINT64_MAX && wazero__hooks.detach)
            fall_asleep(&look);
        pthread_mutex_lock(&mutex);
        while (!woken) {
            struct timespec until = as_time(look.next);
            if (look.next == UINT64_MAX)
                pthread_cond_wait(&changed, &mutex);
            else if (pthread_cond_timedwait(&changed, &mutex, &until))
                break;
        }
        woken = false;
        atomic_store(&wazero__watchdog_asleep, false);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

/* ---- asking ---- */

/* Under the mutex. */
static bool start(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_condattr_t clock;
    sigset_t all, before;
    if (pthread_attr_init(&attributes))
        return false;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, (size_t)128 * 1024);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&changed, &clock);
    pthread_condattr_destroy(&clock);
    sigfillset(&all); /* signals are for the threads of the host */
    pthread_sigmask(SIG_BLOCK, &all, &before);
    started = pthread_create(&thread, &attributes, run, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

wazero_error_t *wazero__watchdog_wake(void)
{
    pthread_mutex_lock(&mutex);
    bool running = started || start();
    if (running) {
        woken = true;
        atomic_store(&wazero__watchdog_asleep, false);
        pthread_cond_signal(&changed);
    }
    pthread_mutex_unlock(&mutex);
    return running ? NULL : wazero__error_memory();
}

void wazero__watchdog_want(void)
{
    pthread_mutex_lock(&mutex);
    if (!started)
        atomic_store(&wazero__watchdog_asleep, true);
    pthread_mutex_unlock(&mutex);
}

wazero_error_t *wazero__watchdog_request(wazero__group_t *group, unsigned request)
{
    wazero__threads_lock();
    if (request == REQUEST_INTERRUPT)
        wazero__group_interrupt(group);
    wazero__thread_t *owner = wazero__group_owner(group);
    wazero__thread_t *thread = wazero__threads_first();
    while (thread && thread != owner) /* only who is on the list is still there */
        thread = thread->next;
    if (thread) {
        atomic_fetch_or(&thread->requests, request);
        atomic_store(&thread->attention, true);
    }
    wazero__threads_unlock();
    return thread ? wazero__watchdog_wake() : NULL;
}

void wazero__watchdog_forget(void)
{
    pthread_mutex_init(&mutex, NULL);
    started = false;
    woken = false;
    atomic_store(&wazero__watchdog_asleep, wazero__hooks.detach != NULL);
}
