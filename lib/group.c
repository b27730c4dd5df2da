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
#include <stdatomic.h>
#include <stdlib.h>

#include "error.h"

struct wazero__group {
    _Atomic(wazero__thread_t *) owner;
    _Atomic(wazero__group_t *) forward; /* the group that took this one in, or NULL */
    atomic_uint waiters;
    unsigned depth; /* how often the owner is inside; the owner's */
    pthread_cond_t left;
    /* Under the mutex: */
    size_t references; /* members, and groups that forward here */
    size_t held;       /* members of which the host has a handle */
    _Atomic(wazero__deferred_t *) deferred;
    wazero__deferred_t *retained;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local wazero__thread_t this_thread;

wazero__thread_t *wazero__thread(void)
{
    return &this_thread;
}

wazero__group_t *wazero__group_new(void)
{
    wazero__group_t *group = calloc(1, sizeof *group);
    if (!group)
        return NULL;
    if (pthread_cond_init(&group->left, NULL)) {
        free(group);
        return NULL;
    }
    group->references = 1;
    group->held = 1;
    return group;
}

/* The group that this one has become. */
static wazero__group_t *find_root(wazero__group_t *group)
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
        pthread_cond_destroy(&group->left);
        free(group);
        group = next;
    }
    pthread_mutex_unlock(&mutex);
}

/* ---- entering and leaving ---- */

/* Takes the root if it is free or this thread's already. A root that was merged in the
 * meantime is given back: the caller looks again. */
static bool try_root(wazero__group_t *root, wazero__thread_t *self)
{
    /* In one order with `waiters`, as release_root is: who announces himself and then
     * finds an owner here is seen by that owner when he leaves. */
    wazero__thread_t *owner = atomic_load(&root->owner);
    if (owner == self) {
        root->depth++;
        return true;
    }
    if (owner)
        return false;
    if (!atomic_compare_exchange_strong(&root->owner, &owner, self))
        return false;
    root->depth = 1;
    return true;
}

/* Gives the root up and wakes one that waits for it. */
static void release_root(wazero__group_t *root)
{
    root->depth = 0;
    atomic_store(&root->owner, NULL);
    if (atomic_load(&root->waiters) > 0) {
        pthread_mutex_lock(&mutex);
        pthread_cond_broadcast(&root->left);
        pthread_mutex_unlock(&mutex);
    }
}

bool wazero__group_try_enter(wazero__group_t *group)
{
    wazero__thread_t *self = &this_thread;
    for (;;) {
        wazero__group_t *root = find_root(group);
        if (!try_root(root, self))
            return false;
        if (!atomic_load_explicit(&root->forward, memory_order_acquire))
            return true;
        release_root(root);
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

static wazero_error_t *wait_and_enter(wazero__group_t *group)
{
    wazero__thread_t *self = &this_thread;
    wazero_error_t *error = NULL;
    pthread_mutex_lock(&mutex);
    for (;;) {
        wazero__group_t *root = find_root(group);
        /* Announced before the last look, so that who leaves after it wakes us. */
        atomic_fetch_add(&root->waiters, 1);
        bool entered = try_root(root, self);
        if (!entered) {
            self->waiting_for = root;
            if (would_wait_for_ever(root, self))
                error = wazero__error(WAZERO_ERROR_INVALID,
                                      "deadlock: this call would wait for a module in "
                                      "which another thread "
                                      "is running, and that thread waits for a module "
                                      "in which this one is");
            else
                pthread_cond_wait(&root->left, &mutex);
            self->waiting_for = NULL;
        }
        atomic_fetch_sub(&root->waiters, 1);
        if (error)
            break;
        if (entered) {
            if (!atomic_load(&root->forward))
                break;
            root->depth = 0;
            atomic_store(&root->owner, NULL);
        }
    }
    pthread_mutex_unlock(&mutex);
    return error;
}

wazero_error_t *wazero__group_enter(wazero__group_t *group)
{
    return wazero__group_try_enter(group) ? NULL : wait_and_enter(group);
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

void wazero__group_leave(wazero__group_t *group)
{
    wazero__group_t *root = find_root(group);
    if (root->depth > 1) {
        root->depth--;
        return;
    }
    /* Something may be deferred between the last look and the release: look again. By
     * then another thread may have merged the root, so it is looked for again, too. */
    do {
        root = find_root(root);
        if (atomic_load_explicit(&root->deferred, memory_order_acquire))
            run_deferred(root);
        release_root(root);
    } while (atomic_load(&root->deferred) && wazero__group_try_enter(root));
}

void wazero__group_defer(wazero__group_t *group, wazero__deferred_t *deferred)
{
    wazero__group_t *root = find_root(group);
    pthread_mutex_lock(&mutex);
    root = find_root(root);
    deferred->next = atomic_load(&root->deferred);
    while (!atomic_compare_exchange_weak(&root->deferred, &deferred->next, deferred)) {
    }
    /* Keeps the root while this function looks at it: the deferred work may end it. */
    root->references++;
    pthread_mutex_unlock(&mutex);
    if (atomic_load(&root->owner) != &this_thread && wazero__group_try_enter(root))
        wazero__group_leave(root);
    wazero__group_delete(root);
}

void wazero__group_merge(wazero__group_t *a, wazero__group_t *b)
{
    pthread_mutex_lock(&mutex);
    wazero__group_t *into = find_root(a), *from = find_root(b);
    if (into != from) {
        /* The larger one stays, so that chains of forwarding groups remain short
         * however many modules come and go at one that lives long. */
        if (from->references > into->references) {
            wazero__group_t *other = into;
            into = from;
            from = other;
        }
        into->depth += from->depth;
        into->held += from->held;
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

/* ---- members that the host gave up ---- */

void wazero__group_release(wazero__group_t *group, atomic_uint *references, bool keep,
                           wazero__deferred_t *end)
{
    wazero__deferred_t *list = NULL;
    pthread_mutex_lock(&mutex);
    if (atomic_fetch_sub(references, 1) == 1) {
        wazero__group_t *root = find_root(group);
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
    while (list) {
        wazero__deferred_t *next = list->next;
        list->run(list);
        list = next;
    }
}

void wazero__group_hold(wazero__group_t *group, atomic_uint *references,
                        wazero__deferred_t *end)
{
    pthread_mutex_lock(&mutex);
    if (atomic_fetch_add(references, 1) == 0) {
        wazero__group_t *root = find_root(group);
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
    this_thread.waiting_for = NULL;
}
