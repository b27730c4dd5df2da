/*
 * group.h - who may be inside: groups of linked modules, entered by one thread at a
 * time.
 *
 * wazero locks neither tables nor memories nor lazily made function instances, and one
 * module calls into another natively. So modules that are linked form one group, and a
 * group is a lock: recursive, with waiters that notice when waiting would never end.
 * When modules of two groups are linked the groups become one. A group also knows which
 * of its modules the host still holds, because function references that passed between
 * them keep each other's modules reachable in ways that neither C nor Go can see.
 *
 * A group is made with its first module and goes with its last.
 */
#ifndef WAZERO_LIB_GROUP_H
#define WAZERO_LIB_GROUP_H

#include <pthread.h>
#include <stdatomic.h>

#include "externref.h"
#include "thread.h"

typedef struct wazero__group wazero__group_t;

/* To be used by group.c and the functions at the end of this file only; the entries by
 * externref.c. */
struct wazero__group {
    _Atomic(wazero__thread_t *) owner;
    _Atomic(uint64_t) session;          /* the number of the owner's stay */
    _Atomic(uint64_t) interrupted;      /* the number of the stay that is to end */
    _Atomic(wazero__group_t *) forward; /* the group that took this one in, or NULL */
    atomic_uint waiters;
    unsigned depth;            /* how often the owner is inside; the owner's */
    unsigned frozen;           /* the owner's, too; see wazero__group_freeze */
    wazero__entries_t entries; /* the owner's; see externref.h */
    pthread_cond_t left;
    /* Under the mutex: */
    size_t references; /* members, and groups that forward here */
    size_t held;       /* members of which the host has a handle */
    _Atomic(struct wazero__deferred *) deferred;
    struct wazero__deferred *retained;
    wazero__group_t *next_spare; /* see wazero__group_delete */
    unsigned generation;         /* fork.h: who waited in an older one is not there */
};

/* Who waits, or leaves work behind, can have all threads pass a barrier: then who
 * leaves needs none. */
extern bool wazero__group_has_barrier __attribute__((visibility("hidden")));

/* A group with one member. NULL without memory. */
wazero__group_t *wazero__group_new(void);

/* Enters the group that *group has become, waiting while another thread is inside, at
 * most until a time of wazero__now, without the host's lock. Errors: INVALID when that
 * thread waits, directly or not, for this one; TIMEOUT without a text, which the caller
 * has; what polling reports. */
wazero_error_t *wazero__group_enter(wazero__group_t *group, uint64_t until);

/* Enters if no other thread is inside. */
bool wazero__group_try_enter(wazero__group_t *group);

/* While the calling thread, which is inside, is parked in the middle of wasm code:
 * nobody enters, not even itself. The code has addresses and sizes of tables and
 * memories in registers, which must not change meanwhile. */
wazero__group_t *wazero__group_freeze(wazero__group_t *group);

/* Ends that, with what wazero__group_freeze returned. */
void wazero__group_thaw(wazero__group_t *group);

/* The thread that is inside, NULL if there is none. It may have left, and ended, in the
 * meantime. */
wazero__thread_t *wazero__group_owner(wazero__group_t *group);

/* The number of the stay of who is inside. */
uint64_t wazero__group_session(wazero__group_t *group);

/* Notes that the calls of the stay are to end, and whether one is to. */
void wazero__group_interrupt(wazero__group_t *group);
bool wazero__group_is_interrupted(wazero__group_t *group, uint64_t session);

/* Leaves what wazero__group_enter entered. Leaving for good runs what was deferred. */
void wazero__group_leave(wazero__group_t *group);

/* Makes one group of two, both of which this thread has entered. It is then inside the
 * result as often as it was inside the two together. */
void wazero__group_merge(wazero__group_t *a, wazero__group_t *b);

/* Makes one group of two, which it enters, waiting at most until a time; it has left
 * them when it returns. Errors: as wazero__group_enter. */
wazero_error_t *wazero__group_join(wazero__group_t *a, wazero__group_t *b,
                                   uint64_t until);

/* The group that this one has become. Two that have become the same stay so. */
wazero__group_t *wazero__group_root(wazero__group_t *group);

/* Something to do once nobody is inside: run with the group entered. */
typedef struct wazero__deferred {
    struct wazero__deferred *next;
    void (*run)(struct wazero__deferred *deferred);
} wazero__deferred_t;

/* Runs it now if nobody is inside, this thread included; else when the last one
 * leaves. */
void wazero__group_defer(wazero__group_t *group, wazero__deferred_t *deferred);

/* Gives what may be the last reference of a member back. If it is, `end` is run:
 * now, or with keep when no member of the group has references any more. */
void wazero__group_release(wazero__group_t *group, atomic_uint *references, bool keep,
                           wazero__deferred_t *end);

/* Takes a reference on a member that may have none left, but was kept: code of it still
 * runs, and calls a host function that takes a handle. */
void wazero__group_hold(wazero__group_t *group, atomic_uint *references,
                        wazero__deferred_t *end);

/* A member is gone: gives back what group_new returned. The memory stays that of a
 * group: who has just left looks at it once more. */
void wazero__group_delete(wazero__group_t *group);

/* Around a fork, in the parent: no thread is in the middle of changing a group. */
void wazero__group_before_fork(void);
void wazero__group_after_fork(void);

/* ---- the common case, in line ---- */

/* After a root was given up: wakes those that wait for it and sees to what was deferred
 * in the last moment. */
void wazero__group_left(wazero__group_t *root);

/* As wazero__group_try_enter, for a group that nobody is inside; *session becomes the
 * number of the stay. */
static inline bool wazero__group_enter_free(wazero__group_t *group,
                                            wazero__thread_t *self, uint64_t *session)
{
    wazero__thread_t *none = NULL;
    if (atomic_load_explicit(&group->forward, memory_order_acquire) ||
        !atomic_compare_exchange_strong(&group->owner, &none, self))
        return false;
    group->depth = 1;
    *session = ++self->session;
    atomic_store_explicit(&group->session, *session, memory_order_relaxed);
    /* It may have been merged before the exchange. */
    if (__builtin_expect(!atomic_load_explicit(&group->forward, memory_order_relaxed),
                         1))
        return true;
    group->depth = 0;
    atomic_store(&group->owner, NULL);
    wazero__group_left(group);
    return false;
}

/* As wazero__group_leave. */
static inline void wazero__group_leave_free(wazero__group_t *group)
{
    if (__builtin_expect(
            group->depth == 1 && wazero__group_has_barrier &&
                !atomic_load_explicit(&group->forward, memory_order_relaxed) &&
                !atomic_load_explicit(&group->deferred, memory_order_acquire),
            1)) {
        group->depth = 0;
        atomic_store_explicit(&group->owner, NULL, memory_order_release);
        atomic_signal_fence(memory_order_seq_cst);
        /* See release_root in group.c. */
        if (__builtin_expect(
                !atomic_load_explicit(&group->waiters, memory_order_relaxed) &&
                    !atomic_load_explicit(&group->deferred, memory_order_relaxed),
                1))
            return;
        wazero__group_left(group);
        return;
    }
    wazero__group_leave(group);
}

/* In a forked child: makes the locks anew and forgets what the thread was doing. */
void wazero__group_forget(void);

#endif
