/*
 * identity.c - the numbers of files for deterministic guests: a hash table with open
 * addressing. See identity.h.
 */
#include "wasi/identity.h"

#include <stdlib.h>

#include "clock.h"

enum { FIRST_ROOM = 64, ROOM_MAX = 1 << 21 };

typedef struct {
    uint64_t device;
    uint64_t inode;
    uint64_t number; /* 0: nothing was ever here; FORGOTTEN: something was */
} entry_t;

#define FORGOTTEN UINT64_MAX

struct wazero__identities {
    entry_t *entries;
    size_t room; /* a power of two */
    size_t used; /* those forgotten, too */
    size_t count;
    uint64_t last; /* number given */
};

wazero__identities_t *wazero__identities_new(void)
{
    wazero__identities_t *made = calloc(1, sizeof *made);
    if (!made)
        return NULL;
    made->room = FIRST_ROOM;
    made->entries = calloc(made->room, sizeof *made->entries);
    if (!made->entries) {
        free(made);
        return NULL;
    }
    return made;
}

void wazero__identities_delete(wazero__identities_t *identities)
{
    if (!identities)
        return;
    free(identities->entries);
    free(identities);
}

/* Where a file is, or where it would be: there is always an entry that is empty. */
static entry_t *place_of(const wazero__identities_t *identities, uint64_t device,
                         uint64_t inode)
{
    const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t hash = ((device * odd) ^ inode) * odd;
    for (size_t at = (size_t)(hash >> 32);; at++) {
        entry_t *entry = &identities->entries[at & (identities->room - 1)];
        if (!entry->number || (entry->number != FORGOTTEN && entry->device == device &&
                               entry->inode == inode))
            return entry;
    }
}

/* Room for one more, without those forgotten. */
static bool make_room(wazero__identities_t *identities)
{
    wazero__identities_t larger = *identities;
    if (identities->used + 1 <= identities->room / 4 * 3)
        return true;
    if (identities->count >= identities->room / 2)
        larger.room *= 2;
    if (larger.room > ROOM_MAX)
        return false;
    larger.entries = calloc(larger.room, sizeof *larger.entries);
    if (!larger.entries)
        return false;
    for (size_t i = 0; i < identities->room; i++) {
        const entry_t *entry = &identities->entries[i];
        if (entry->number && entry->number != FORGOTTEN)
            *place_of(&larger, entry->device, entry->inode) = *entry;
    }
    larger.used = larger.count;
    free(identities->entries);
    *identities = larger;
    return true;
}

wazero__errno_t wazero__identities_fix(wazero__identities_t *identities,
                                       wazero__stat_t *stat)
{
    enum { DEVICE = 1 };
    entry_t *entry = place_of(identities, stat->device, stat->inode);
    if (!entry->number) {
        if (!make_room(identities))
            return WASI_NOMEM;
        entry = place_of(identities, stat->device, stat->inode);
        *entry = (entry_t){stat->device, stat->inode, ++identities->last};
        identities->used++;
        identities->count++;
    }
    stat->device = DEVICE;
    stat->inode = entry->number;
    stat->links = 1;
    stat->atim = stat->mtim = stat->ctim = WAZERO__PRETENDED_EPOCH;
    if (stat->type == WASI_DIRECTORY)
        stat->size = 0;
    return WASI_SUCCESS;
}

void wazero__identities_forget(wazero__identities_t *identities,
                               const wazero__stat_t *stat)
{
    entry_t *entry = place_of(identities, stat->device, stat->inode);
    if (!entry->number || (stat->type != WASI_DIRECTORY && stat->links > 1))
        return;
    entry->number = FORGOTTEN;
    identities->count--;
}
