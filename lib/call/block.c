/*
 * block.c - waiting in poll, with a descriptor by which a thread is woken. See block.h.
 *
 * A thread says by which descriptor it can be woken before it looks whether its
 * attention is wanted, and the watchdog wants it before it looks for the descriptor; so
 * it is woken or sees it. The number is set and taken back with the registry locked,
 * under which the watchdog writes: it never writes to a descriptor of somebody else's.
 */
#include "call/block.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "call/attend.h"
#include "call/watchdog.h"
#include "error.h"
#include "fork.h"

/* How long a thread sleeps before it looks, if there is nothing to wake it by. */
static const uint64_t NAP = 10000000;

enum { KEPT = 64 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
/* Under the mutex: those that nobody waits with. */
static int spare[KEPT];
static size_t spare_count;

/* -1 if there is none to be had. */
static int take(void)
{
    int descriptor = -1;
    pthread_mutex_lock(&mutex);
    if (spare_count)
        descriptor = spare[--spare_count];
    pthread_mutex_unlock(&mutex);
    return descriptor >= 0 ? descriptor : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static void drain(int descriptor)
{
    uint64_t count;
    while (read(descriptor, &count, sizeof count) < 0 && errno == EINTR)
        ;
}

static void give_back(int descriptor)
{
    drain(descriptor);
    pthread_mutex_lock(&mutex);
    bool keep = spare_count < KEPT;
    if (keep)
        spare[spare_count++] = descriptor;
    pthread_mutex_unlock(&mutex);
    if (!keep)
        close(descriptor);
}

/* Sets by what the thread can be woken, plus one; 0: by nothing. */
static void announce(wazero__thread_t *thread, int descriptor)
{
    wazero__threads_lock();
    thread->wake = descriptor + 1;
    wazero__threads_unlock();
}

void wazero__block_wake(wazero__thread_t *thread)
{
    static const uint64_t one = 1;
    if (thread->wake)
        while (write(thread->wake - 1, &one, sizeof one) < 0 && errno == EINTR)
            ;
}

/* One sleep in poll, at most until a time. */
static int sleep_once(struct pollfd *fds, size_t count, int descriptor, uint64_t until)
{
    uint64_t now = wazero__now(), left = until > now ? until - now : 0;
    if (descriptor < 0 && left > NAP)
        left = NAP;
    struct timespec time = {.tv_sec = (time_t)(left / 1000000000),
                            .tv_nsec = (long)(left % 1000000000)};
    fds[count] = (struct pollfd){.fd = descriptor, .events = POLLIN};
    int ready = ppoll(fds, count + 1,
                      descriptor >= 0 && until == UINT64_MAX ? NULL : &time, NULL);
    if (ready > 0 && fds[count].revents) {
        drain(descriptor);
        ready--;
    }
    return ready;
}

static wazero_error_t *wait(wazero__thread_t *thread, struct pollfd *fds, size_t count,
                            int descriptor, uint64_t until, int *ready, int *failure)
{
    wazero_error_t *error = NULL;
    for (;;) {
        wazero__thread_detach(thread);
        if (atomic_load(&thread->attention)) {
            error = wazero__attend(thread);
            if (error)
                return error;
            continue; /* attended with the host's lock */
        }
        *ready = sleep_once(fds, count, descriptor, until);
        if (*ready < 0 && errno != EINTR && errno != EAGAIN) {
            *failure = errno;
            return NULL;
        }
        if (*ready > 0)
            return NULL;
        *ready = 0;
        if (!atomic_load(&thread->attention) && wazero__now() >= until)
            return NULL;
    }
}

wazero_error_t *wazero__block(wazero__thread_t *thread, struct pollfd *fds,
                              size_t count, uint64_t until, int *ready, int *failure)
{
    unsigned generation = wazero__fork_generation();
    wazero__thread_detach(thread);
    int descriptor = take();
    announce(thread, descriptor);
    wazero_error_t *error = wait(thread, fds, count, descriptor, until, ready, failure);
    if (!wazero__fork_is_current(generation)) {
        close(descriptor); /* the parent's, shared with this child */
        return error;
    }
    announce(thread, -1);
    if (descriptor >= 0)
        give_back(descriptor);
    return error;
}

wazero_error_t *wazero_descriptor_wait(int descriptor, bool write)
{
    struct pollfd fds[2] = {{.fd = descriptor, .events = write ? POLLOUT : POLLIN}};
    wazero__thread_t *thread = wazero__thread();
    int ready, failure = 0;
    if (poll(fds, 1, 0) > 0)
        return NULL;
    wazero_error_t *error = wazero__block(thread, fds, 1, UINT64_MAX, &ready, &failure);
    wazero__thread_attach(thread);
    if (!error && failure)
        error = wazero__error(WAZERO_ERROR_INTERNAL, "poll: %s", strerror(failure));
    return error;
}

void wazero__block_forget(void)
{
    pthread_mutex_init(&mutex, NULL);
    for (size_t i = 0; i < spare_count; i++)
        close(spare[i]);
    spare_count = 0;
    wazero__thread()->wake = 0;
}
