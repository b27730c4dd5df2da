/*
 * code.c - the ranges as a sorted array that never changes: whoever adds or removes one
 * publishes a new array, and frees the old one when no reader is left. Readers are
 * signal handlers, so they neither lock nor wait. See code.h.
 */
#include "call/code.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef struct {
    uintptr_t begin;
    uintptr_t end;
    size_t uses; /* 0: it was removed */
} range_t;

typedef struct {
    size_t count;
    size_t used; /* ranges that were not removed */
    range_t ranges[];
} table_t;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(table_t *) published;
static atomic_uint readers;

/* The number of ranges that begin at or below address. */
static size_t search(const table_t *table, uintptr_t address)
{
    size_t low = 0, high = table ? table->count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->ranges[middle].begin <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool wazero__code_contains(uintptr_t address)
{
    /* Announced before the table is taken, so that who replaces it waits for us. */
    atomic_fetch_add(&readers, 1);
    const table_t *table = atomic_load(&published);
    size_t at = search(table, address);
    bool inside = at && address < table->ranges[at - 1].end;
    atomic_fetch_sub(&readers, 1);
    return inside;
}

static void publish(table_t *table)
{
    table_t *old = atomic_exchange(&published, table);
    while (atomic_load(&readers))
        sched_yield();
    free(old);
}

/* A table of the ranges that are still used, with a new one among them; NULL without
 * memory. */
static table_t *copy_with(const table_t *old, range_t range)
{
    size_t count = old ? old->count : 0, used = old ? old->used : 0;
    table_t *table = malloc(sizeof *table + (used + 1) * sizeof *table->ranges);
    if (!table)
        return NULL;
    table->used = table->count = used + 1;
    range_t *to = table->ranges;
    size_t i = 0;
    for (; i < count && old->ranges[i].begin < range.begin; i++)
        if (old->ranges[i].uses)
            *to++ = old->ranges[i];
    *to++ = range;
    for (; i < count; i++)
        if (old->ranges[i].uses)
            *to++ = old->ranges[i];
    return table;
}

bool wazero__code_add(uintptr_t begin, size_t size)
{
    pthread_mutex_lock(&mutex);
    table_t *table = atomic_load(&published);
    size_t at = search(table, begin);
    if (at && table->ranges[at - 1].begin == begin && table->ranges[at - 1].uses) {
        table->ranges[at - 1].uses++; /* which readers do not look at */
    } else {
        table = copy_with(table, (range_t){begin, begin + size, 1});
        if (table)
            publish(table);
    }
    pthread_mutex_unlock(&mutex);
    return table != NULL;
}

/* Must not need memory, so a range that was removed stays until the next one is added:
 * no wasm runs there. */
void wazero__code_remove(uintptr_t begin)
{
    pthread_mutex_lock(&mutex);
    table_t *table = atomic_load(&published);
    size_t at = search(table, begin);
    range_t *range = at ? &table->ranges[at - 1] : NULL;
    if (range && range->begin == begin && range->uses && --range->uses == 0 &&
        --table->used == 0)
        publish(NULL);
    pthread_mutex_unlock(&mutex);
}

void wazero__code_forget(void)
{
    pthread_mutex_init(&mutex, NULL);
    atomic_store(&readers, 0);
}
