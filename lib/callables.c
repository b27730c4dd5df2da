/*
 * callables.c - the callables of a module, found by the index of their function. See
 * callable.h.
 *
 * A module may have a million functions, of which the host calls a few: so there is no
 * array of all. The table is read and changed under the runtime's mutex.
 */
#include <stdlib.h>

#include "module.h"
#include "runtime.h"
#include "value.h"

/* Where the callable of a function is, or would be. */
static wazero__callable_t **find(const wazero__callables_t *callables, uint32_t index)
{
    size_t mask = callables->capacity - 1;
    for (size_t slot = index * (size_t)2654435761u;; slot++) {
        wazero__callable_t **found = &callables->slots[slot & mask];
        if (!*found || (*found)->index == index)
            return found;
    }
}

/* Makes room for one more, with at least half of the slots free. */
static bool make_room(wazero__callables_t *callables)
{
    wazero__callables_t larger = {NULL, callables->count, callables->capacity * 2};
    if (callables->count * 2 < callables->capacity)
        return true;
    if (!larger.capacity)
        larger.capacity = 8;
    larger.slots = calloc(larger.capacity, sizeof(wazero__callable_t *));
    if (!larger.slots)
        return false;
    for (size_t i = 0; i < callables->capacity; i++)
        if (callables->slots[i])
            *find(&larger, callables->slots[i]->index) = callables->slots[i];
    free(callables->slots);
    *callables = larger;
    return true;
}

wazero__callable_t *wazero__callable_at(wazero_module_t *module, uint32_t index)
{
    const wazero__parsed_t *parsed = module->compiled->parsed;
    wazero__callables_t *callables = &module->callables;
    wazero__callable_t *callable = NULL;
    pthread_mutex_lock(&module->runtime->mutex);
    if (make_room(callables)) {
        wazero__callable_t **slot = find(callables, index);
        callable = *slot;
        if (!callable && (callable = malloc(sizeof *callable))) {
            wazero__callable_init(callable, module,
                                  &parsed->types[parsed->functions[index]], index,
                                  NULL);
            *slot = callable;
            callables->count++;
        }
    }
    pthread_mutex_unlock(&module->runtime->mutex);
    return callable;
}

wazero__callable_t *wazero__callable_of_host(wazero__host_t *host)
{
    pthread_mutex_t *mutex = &host->owner->runtime->mutex;
    pthread_mutex_lock(mutex);
    wazero__callable_t *callable = host->callable;
    if (!callable && (callable = malloc(sizeof *callable))) {
        wazero__callable_init(callable, host->owner, host->type, host->index, host);
        host->callable = callable;
    }
    pthread_mutex_unlock(mutex);
    return callable;
}

void wazero__callables_clear(wazero__callables_t *callables, bool in_engine)
{
    for (size_t i = 0; i < callables->capacity; i++) {
        if (!callables->slots[i])
            continue;
        wazero__callable_clear(callables->slots[i], in_engine);
        free(callables->slots[i]);
    }
    free(callables->slots);
}
