/*
 * shared.c - the host's pointers, counted. See shared.h.
 */
#include "shared.h"

#include <stdatomic.h>
#include <stdlib.h>

struct wazero__shared {
    atomic_uint references;
    void *user;
    void (*delete_user)(void *user);
};

wazero__shared_t *wazero__shared_new(void *user, void (*delete_user)(void *user))
{
    wazero__shared_t *shared = malloc(sizeof *shared);
    if (!shared) {
        if (delete_user)
            delete_user(user);
        return NULL;
    }
    atomic_init(&shared->references, 1);
    shared->user = user;
    shared->delete_user = delete_user;
    return shared;
}

wazero__shared_t *wazero__shared_retain(wazero__shared_t *shared)
{
    if (shared)
        atomic_fetch_add(&shared->references, 1);
    return shared;
}

void wazero__shared_release(wazero__shared_t *shared)
{
    if (!shared || atomic_fetch_sub(&shared->references, 1) != 1)
        return;
    if (shared->delete_user)
        shared->delete_user(shared->user);
    free(shared);
}

void *wazero__shared_user(const wazero__shared_t *shared)
{
    return shared ? shared->user : NULL;
}
