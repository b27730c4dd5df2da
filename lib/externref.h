/*
 * externref.h - the host's objects inside wasm: which number stands for which object,
 * and for how long.
 *
 * wasm gets a number for each object that is passed to it: the index of a slot and, in
 * the upper half, how often the slot has been used. So a number that is out of date is
 * found to be so. What a number stands for is an *entry*, which holds a reference on
 * the object; entries belong to the group in which wasm has the number. They go when
 * no table and no global of an open module of the group has the number any more: that
 * is looked at when nobody is inside and the entries have become many, and whenever a
 * module of the group closes.
 *
 * An object is deleted when the last reference on it goes, never while a lock is held:
 * entries that are dead wait in the thread until it has left the group.
 */
#ifndef WAZERO_LIB_EXTERNREF_H
#define WAZERO_LIB_EXTERNREF_H

#include <stdatomic.h>

#include "wazero.h"

struct wazero__group;
struct wazero__entry;

/* The entries of a group. Of the thread inside, but for the count. */
typedef struct {
    struct wazero__entry *first;
    struct wazero__entry *last;
    atomic_size_t count;
    size_t threshold; /* with so many it is time to look; 0: the least */
} wazero__entries_t;

/* The slots of a runtime; see externref.c. */
typedef struct wazero__slots wazero__slots_t;

/* Makes an entry for a reference, inside a group of the runtime. Takes a reference of
 * its own. Errors: MEMORY. */
wazero_error_t *wazero__externref_in(wazero_runtime_t *runtime,
                                     struct wazero__group *group,
                                     wazero_externref_t *reference, uint64_t *number);

/* What a number stands for, with a reference for the caller. Errors: CLOSED if that is
 * gone. */
wazero_error_t *wazero__externref_out(const wazero_runtime_t *runtime, uint64_t number,
                                      wazero_externref_t **reference);

/* Takes what another group has; both are entered. */
void wazero__entries_move(wazero__entries_t *into, wazero__entries_t *from);

/* Looks for dead entries if there are many and nobody is inside. To be called outside
 * of the group, before a reference is passed to a module. */
void wazero__externrefs_tidy(wazero_module_t *module);

/* Inside the group, when a module of it has been closed: takes out what is dead. */
void wazero__externrefs_sweep(wazero_runtime_t *runtime, struct wazero__group *group);

/* Deletes what this thread has found dead. Not while it holds a lock. */
void wazero__externrefs_bury(void);

/* At the end of a runtime. In a forked child there may still be entries, which are
 * found dead. */
void wazero__externrefs_end(wazero_runtime_t *runtime);

/* Around a fork, in the parent; and in the child. */
void wazero__externrefs_before_fork(void);
void wazero__externrefs_after_fork(void);
void wazero__externrefs_forget(void);

#endif
