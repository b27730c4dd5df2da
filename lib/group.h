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

#include <stdatomic.h>

#include "wazero.h"

typedef struct wazero__group wazero__group_t;

/* What lib knows of a thread. */
typedef struct wazero__thread {
    wazero__group_t *waiting_for;          /* under the groups' mutex */
    struct wazero__activation *activation; /* the innermost running call */
    uintptr_t stack_limit; /* lowest address for nested calls; 0: unknown */
} wazero__thread_t;

/* The calling thread. */
wazero__thread_t *wazero__thread(void);

/* A group with one member. NULL without memory. */
wazero__group_t *wazero__group_new(void);

/* Enters the group that *group has become, waiting while another thread is inside.
 * Errors: INVALID when that thread waits, directly or not, for this one. */
wazero_error_t *wazero__group_enter(wazero__group_t *group);

/* Enters if no other thread is inside. */
bool wazero__group_try_enter(wazero__group_t *group);

/* Leaves what wazero__group_enter entered. Leaving for good runs what was deferred. */
void wazero__group_leave(wazero__group_t *group);

/* Makes one group of two, both of which this thread has entered. It is then inside the
 * result as often as it was inside the two together. */
void wazero__group_merge(wazero__group_t *a, wazero__group_t *b);

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

/* A member is gone: gives back what group_new returned. */
void wazero__group_delete(wazero__group_t *group);

/* Around a fork, in the parent: no thread is in the middle of changing a group. */
void wazero__group_before_fork(void);
void wazero__group_after_fork(void);

/* In a forked child: makes the locks anew and forgets what the thread was doing. */
void wazero__group_forget(void);

#endif
