/*
 * group.c - groups as a union-find forest with a lock at each root. See group.h.
 *
 * Entering a free group and leaving one that nobody waits for is a compare-and-swap and
 * a store; all else happens under one mutex for all groups, which is never held while
 * anything outside this file runs. A merged group forwards to the one that took it in
 * and stays until its members are gone.
 *
 * Waiting cannot deadlock: a thread waits for one group at a time, so the threads that
 * wait for each other form chains, and who would close a chain gets an error instead.
 */
#include "group.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "barrier.h"
#include "call/attend.h"
#include "call/watchdog.h"
#include "error.h"
#include "fork.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* Who waits, or leaves work behind, can have all threads pass a barrier: then who
 * leaves needs none. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
bool wazero__group_has_barrier;

static void look_for_barrier(void)
{
    wazero__group_has_barrier = wazero__barrier();
}

/* Under the mutex: groups that are no more, and will be others. */
static wazero__group_t *spares;

/* Makes more of them, a few pages at a time. Under the mutex. */
static bool make_spares(void)
{
    enum { COUNT = 96 };
    pthread_condattr_t clock;
    wazero__group_t *groups = mmap(NULL, COUNT * sizeof *groups, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (groups == MAP_FAILED)
        return false;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    for (size_t i = 0; i < COUNT; i++) {
        pthread_cond_init(&groups[i].left, &clock);
        groups[i].next_spare = spares;
        spares = &groups[i];
    }
    pthread_condattr_destroy(&clock);
    return true;
}

wazero__group_t *wazero__group_new(void)
{
    pthread_once(&once, look_for_barrier);
    pthread_mutex_lock(&mutex);
    wazero__group_t *group = spares || make_spares() ? spares : NULL;
    if (group) {
        spares = group->next_spare;
        group->references = 1;
        group->held = 1;
        group->frozen = 0;
        group->retained = NULL;
        memset(&group->entries, 0, sizeof group->entries);
        group->generation = wazero__fork_generation();
        atomic_store(&group->interrupted, 0);
        atomic_store(&group->forward, NULL);
    }
    pthread_mutex_unlock(&mutex);
    return group;
}

wazero__group_t *wazero__group_root(wazero__group_t *group)
{
    wazero__group_t *next;
    while ((next = atomic_load_explicit(&group->forward, memory_order_acquire)))
        group = next;
    return group;
}

void wazero__group_delete(wazero__group_t *group)
{
    pthread_mutex_lock(&mutex);
    while (group && --group->references == 0) {
        wazero__group_t *next = atomic_load(&group->forward);
        /* Of one from before a fork the condition may have waiters that are no more. */
        if (wazero__fork_is_current(group->generation)) {
            group->next_spare = spares;
            spares = group;
        }
        group = next;
    }
    pthread_mutex_unlock(&mutex);
}

/* ---- entering and leaving ---- */

/* Takes the root if it is free or this thread's already. A root that was merged in the
 * meantime is given back: the caller looks again. */
static bool try_root(wazero__group_t *root, wazero__thread_t *self)
{
    wazero__thread_t *owner = atomic_load_explicit(&root->owner, memory_order_relaxed);
    if (owner == self) {
        root->depth += !root->frozen;
        return !root->frozen;
    }
    if (owner || !atomic_compare_exchange_strong(&root->owner, &owner, self))
        return false;
    root->depth = 1;
    atomic_store_explicit(&root->session, ++self->session, memory_order_relaxed);
    return true;
}

static void wake_waiters(wazero__group_t *root)
{
    if (atomic_load_explicit(&root->waiters, memory_order_relaxed) == 0 ||
        !wazero__fork_is_current(root->generation))
        return;
    pthread_mutex_lock(&mutex);
    pthread_cond_broadcast(&root->left);
    pthread_mutex_unlock(&mutex);
}

/* Gives the root up. Who announces himself passes a barrier before he looks for the
 * owner a last time; so either he finds none, or he is found afterwards. */
static void release_root(wazero__group_t *root)
{
    root->depth = 0;
    if (wazero__group_has_barrier)
        atomic_store_explicit(&root->owner, NULL, memory_order_release);
    else
        atomic_store(&root->owner, NULL);
    atomic_signal_fence(memory_order_seq_cst);
}

bool wazero__group_try_enter(wazero__group_t *group)
{
    wazero__thread_t *self = wazero__thread();
    for (;;) {
        wazero__group_t *root = wazero__group_root(group);
        if (!try_root(root, self))
            return false;
        if (!atomic_load_explicit(&root->forward, memory_order_acquire))
            return true;
        release_root(root);
        wake_waiters(root);
    }
}

/* Whether the owner of root waits, directly or through others, for self. */
static bool would_wait_for_ever(wazero__group_t *root, const wazero__thread_t *self)
{
    while (root) {
        wazero__thread_t *owner = atomic_load(&root->owner);
        if (!owner)
            return false;
        if (owner == self)
            return true;
        /* Who waits for a group that was merged has been woken, and looks for himself.
         * Nobody is announced as waiting for what it became, so its owner could end. */
        wazero__group_t *next = owner->waiting_for;
        root = next && !atomic_load(&next->forward) ? next : NULL;
    }
    return false;
}

/* Waits until somebody has left the root, or until a time. */
static void wait_for(wazero__group_t *root, uint64_t until)
{
    struct timespec time = {.tv_sec = (time_t)(until / 1000000000),
                            .tv_nsec = (long)(until % 1000000000)};
    if (until == UINT64_MAX)
        pthread_cond_wait(&root->left, &mutex);
    else
        pthread_cond_timedwait(&root->left, &mutex, &time);
}

/* One try, under the mutex: *entered tells whether it succeeded, else it has waited. */
static wazero_error_t *try_and_wait(wazero__group_t *group, uint64_t until,
                                    bool *entered)
{
    wazero__thread_t *self = wazero__thread();
    wazero__group_t *root = wazero__group_root(group);
    wazero_error_t *error = NULL;
    /* Announced before the last look, so that who leaves after it wakes us. */
    atomic_fetch_add(&root->waiters, 1);
    if (wazero__group_has_barrier)
        wazero__barrier();
    *entered = try_root(root, self);
    if (!*entered) {
        self->waiting_for = root;
        if (atomic_load(&root->owner) == self)
            error = wazero__error(WAZERO_ERROR_INVALID,
                                  "the module is in the middle of a call that a signal "
                                  "has interrupted, and cannot be entered before that "
                                  "goes on");
        else if (would_wait_for_ever(root, self))
            error = wazero__error(WAZERO_ERROR_INVALID,
                                  "deadlock: this call would wait for a module in "
                                  "which another thread "
                                  "is running, and that thread waits for a module "
                                  "in which this one is");
        else
            wait_for(root, until);
        self->waiting_for = NULL;
    }
    atomic_fetch_sub(&root->waiters, 1);
    if (*entered && atomic_load(&root->forward)) {
        root->depth = 0;
        atomic_store(&root->owner, NULL);
        *entered = false;
    }
    return error;
}

/* Lets the host do what is due on this thread. */
static wazero_error_t *poll_host(wazero__thread_t *thread)
{
    wazero_error_t *error = wazero__attend_poll(thread);
    wazero__thread_detach(thread);
    return error;
}

/* Sees to what is asked of it meanwhile. */
static wazero_error_t *attend(wazero__thread_t *thread)
{
    wazero_error_t *error = wazero__attend(thread);
    wazero__thread_detach(thread);
    return error;
}

static wazero_error_t *wait_and_enter(wazero__group_t *group, uint64_t until)
{
    wazero__thread_t *self = wazero__thread();
    bool entered = false;
    wazero_error_t *error = NULL;
    wazero__thread_detach(self);
    while (!entered && !error) {
        uint64_t look = wazero__now() + WAZERO__POLL_INTERVAL;
        pthread_mutex_lock(&mutex);
        error = try_and_wait(group, look < until ? look : until, &entered);
        pthread_mutex_unlock(&mutex);
        if (entered || error)
            break;
        if (wazero__now() >= until)
            error = wazero__error(WAZERO_ERROR_TIMEOUT, "timeout");
        else if (atomic_load(&self->activation) && atomic_load(&self->attention))
            error = attend(self);
        else if (self->token && wazero__hooks.polls())
            error = poll_host(self);
    }
    wazero__thread_attach(self);
    return error;
}

wazero_error_t *wazero__group_enter(wazero__group_t *group, uint64_t until)
{
    return wazero__group_try_enter(group) ? NULL : wait_and_enter(group, until);
}

wazero__group_t *wazero__group_freeze(wazero__group_t *group)
{
    wazero__group_t *root = wazero__group_root(group);
    root->frozen++;
    return root;
}

void wazero__group_thaw(wazero__group_t *group)
{
    group->frozen--;
}

wazero__thread_t *wazero__group_owner(wazero__group_t *group)
{
    return atomic_load(&wazero__group_root(group)->owner);
}

uint64_t wazero__group_session(wazero__group_t *group)
{
    return atomic_load(&wazero__group_root(group)->session);
}

void wazero__group_interrupt(wazero__group_t *group)
{
    wazero__group_t *root = wazero__group_root(group);
    atomic_store(&root->interrupted, atomic_load(&root->session));
}

bool wazero__group_is_interrupted(wazero__group_t *group, uint64_t session)
{
    return atomic_load(&wazero__group_root(group)->interrupted) == session;
}

/* Runs what was deferred, newest last. The group is entered once. */
static void run_deferred(wazero__group_t *root)
{
    wazero__deferred_t *list = atomic_exchange(&root->deferred, NULL);
    wazero__deferred_t *oldest = NULL;
    while (list) {
        wazero__deferred_t *next = list->next;
        list->next = oldest;
        oldest = list;
        list = next;
    }
    while (oldest) {
        wazero__deferred_t *next = oldest->next;
        oldest->run(oldest);
        oldest = next;
    }
}

/* Leaves a root at which something was deferred. The work may end all members, so the
 * root is kept; and more may be deferred between the last look and the release. */
static void leave_with_work(wazero__group_t *root)
{
    pthread_mutex_lock(&mutex);
    root->references++;
    pthread_mutex_unlock(&mutex);
    wazero__group_t *now = root;
    do {
        now = wazero__group_root(now);
        run_deferred(now);
        release_root(now);
        wake_waiters(now);
    } while (atomic_load(&now->deferred) && wazero__group_try_enter(now));
    wazero__group_delete(root);
    wazero__externrefs_bury();
}

void wazero__group_left(wazero__group_t *root)
{
    wake_waiters(root);
    if (atomic_load_explicit(&root->deferred, memory_order_relaxed) &&
        wazero__group_try_enter(root))
        leave_with_work(root);
}

void wazero__group_leave(wazero__group_t *group)
{
    wazero__group_t *root = wazero__group_root(group);
    if (root->depth > 1) {
        root->depth--;
        return;
    }
    if (atomic_load_explicit(&root->deferred, memory_order_acquire)) {
        leave_with_work(root);
        return;
    }
    release_root(root);
    wazero__group_left(root);
}

void wazero__group_defer(wazero__group_t *group, wazero__deferred_t *deferred)
{
    wazero__group_t *root = wazero__group_root(group);
    pthread_mutex_lock(&mutex);
    root = wazero__group_root(root);
    deferred->next = atomic_load(&root->deferred);
    while (!atomic_compare_exchange_weak(&root->deferred, &deferred->next, deferred)) {
    }
    /* Keeps the root while this function looks at it: the deferred work may end it. */
    root->references++;
    pthread_mutex_unlock(&mutex);
    if (atomic_load(&root->owner) != wazero__thread()) {
        /* If somebody is inside, he may have looked for work just before. */
        bool entered = wazero__group_try_enter(root);
        if (!entered && wazero__group_has_barrier && wazero__barrier())
            entered = wazero__group_try_enter(root);
        if (entered)
            wazero__group_leave(root);
    }
    wazero__group_delete(root);
}

/* The older stay becomes that of both: the calls that it began are around the others.
 * So it is asked to end if one of them was. */
static void merge_stays(wazero__group_t *into, wazero__group_t *from)
{
    uint64_t one = atomic_load(&into->session), other = atomic_load(&from->session);
    bool interrupted = atomic_load(&into->interrupted) == one ||
                       atomic_load(&from->interrupted) == other;
    uint64_t older = one < other ? one : other;
    atomic_store(&into->session, older);
    if (interrupted)
        atomic_store(&into->interrupted, older);
}

void wazero__group_merge(wazero__group_t *a, wazero__group_t *b)
{
    pthread_mutex_lock(&mutex);
    wazero__group_t *into = wazero__group_root(a), *from = wazero__group_root(b);
    if (into != from) {
        /* The larger one stays, so that chains of forwarding groups remain short
         * however many modules come and go at one that lives long. */
        if (from->references > into->references) {
            wazero__group_t *other = into;
            into = from;
            from = other;
        }
        into->depth += from->depth;
        merge_stays(into, from);
        into->held += from->held;
        wazero__entries_move(&into->entries, &from->entries);
        into->references++; /* from forwards here */
        wazero__deferred_t **end = &from->retained;
        while (*end)
            end = &(*end)->next;
        *end = into->retained;
        into->retained = from->retained;
        from->retained = NULL;
        wazero__deferred_t *deferred = atomic_exchange(&from->deferred, NULL);
        while (deferred) {
            wazero__deferred_t *next = deferred->next;
            deferred->next = atomic_load(&into->deferred);
            while (!atomic_compare_exchange_weak(&into->deferred, &deferred->next,
                                                 deferred)) {
            }
            deferred = next;
        }
        atomic_store(&from->forward, into);
        /* Who waits for `from` finds it forwarding and then waits for `into`. */
        atomic_store(&from->owner, NULL);
        pthread_cond_broadcast(&from->left);
    }
    pthread_mutex_unlock(&mutex);
}

wazero_error_t *wazero__group_join(wazero__group_t *a, wazero__group_t *b,
                                   uint64_t until)
{
    /* Two threads that join the same groups in another order may wait for each other;
     * then one is told, lets go, and tries again. Who is inside one of them already
     * cannot let go, and gets the error in the end. */
    enum { TRIES = 100 };
    wazero_error_t *error = NULL;
    for (int i = 0; wazero__group_root(a) != wazero__group_root(b); i++) {
        error = wazero__group_enter(a, until);
        if (error)
            return error;
        error = wazero__group_enter(b, until);
        if (!error) {
            wazero__group_merge(a, b);
            wazero__group_leave(b);
        }
        wazero__group_leave(a);
        if (error && (wazero_error_kind(error) != WAZERO_ERROR_INVALID || i == TRIES))
            return error; /* or what the host reported while this thread waited */
        wazero_error_delete(error);
        sched_yield();
    }
    return NULL;
}

/* ---- members that the host gave up ---- */

void wazero__group_release(wazero__group_t *group, atomic_uint *references, bool keep,
                           wazero__deferred_t *end)
{
    wazero__deferred_t *list = NULL;
    wazero__group_t *root = NULL;
    pthread_mutex_lock(&mutex);
    if (atomic_fetch_sub(references, 1) == 1) {
        root = wazero__group_root(group);
        root->references++;
        wazero__deferred_t **place = keep ? &root->retained : &list;
        root->held--;
        end->next = *place;
        *place = end;
        if (root->held == 0 && root->retained) {
            for (place = &list; *place; place = &(*place)->next) {
            }
            *place = root->retained;
            root->retained = NULL;
        }
    }
    pthread_mutex_unlock(&mutex);
    /* Not while somebody is inside: a call does not hold what it runs in. */
    while (list) {
        wazero__deferred_t *next = list->next;
        wazero__group_defer(root, list);
        list = next;
    }
    if (root)
        wazero__group_delete(root);
}

void wazero__group_hold(wazero__group_t *group, atomic_uint *references,
                        wazero__deferred_t *end)
{
    pthread_mutex_lock(&mutex);
    if (atomic_fetch_add(references, 1) == 0) {
        wazero__group_t *root = wazero__group_root(group);
        wazero__deferred_t **place = &root->retained;
        while (*place != end)
            place = &(*place)->next;
        *place = end->next;
        root->held++;
    }
    pthread_mutex_unlock(&mutex);
}

void wazero__group_before_fork(void)
{
    pthread_mutex_lock(&mutex);
}

void wazero__group_after_fork(void)
{
    pthread_mutex_unlock(&mutex);
}

void wazero__group_forget(void)
{
    pthread_mutex_init(&mutex, NULL);
    wazero__thread()->waiting_for = NULL;
}
