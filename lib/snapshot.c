/*
 * snapshot.c - taking snapshots and going back to them. See snapshot.h.
 */
#include "snapshot.h"

#include <stdlib.h>

#include "engine.h"
#include "error.h"
#include "fork.h"
#include "listener.h"
#include "module.h"
#include "runtime.h"
#include "value.h"

struct wazero_snapshot {
    atomic_uint references;
    unsigned generation; /* fork.h */
    uint64_t serial;     /* of the call */
    const wazero__thread_t *thread;
    wz_handle handle;
    size_t open_calls; /* that listeners knew of */
    atomic_bool used;
    wazero_value_type_t *results;
    size_t result_count;
    size_t slot_count;
    uint64_t *values; /* the handle, then the results to go back with */
};

static _Atomic(uint64_t) last_serial;

/* ---- calls ---- */

void wazero__snapshots_begin(wazero__snapshots_t *snapshots, wz_handle engine)
{
    memset(snapshots, 0, sizeof *snapshots);
    snapshots->serial = atomic_fetch_add(&last_serial, 1) + 1;
    snapshots->engine = engine;
}

void wazero__snapshots_end(wazero__snapshots_t *snapshots)
{
    wazero_snapshot_delete(snapshots->restored);
}

/* The call of this thread that a snapshot is of, if it still runs. */
static const wazero__activation_t *find_call(const wazero__thread_t *thread,
                                             uint64_t serial)
{
    const wazero__activation_t *one = atomic_load(&thread->activation);
    while (one && !(one->snapshots && one->snapshots->serial == serial))
        one = one->outer;
    return one;
}

/* ---- handles ---- */

static void destroy(wazero_snapshot_t *snapshot)
{
    if (snapshot->handle && wazero__fork_is_current(snapshot->generation))
        wazero__engine()->snapshot_release(snapshot->handle);
    free(snapshot->results);
    free(snapshot->values);
    free(snapshot);
}

wazero_snapshot_t *wazero__snapshot_retain(wazero_snapshot_t *snapshot)
{
    atomic_fetch_add(&snapshot->references, 1);
    return snapshot;
}

void wazero_snapshot_delete(wazero_snapshot_t *snapshot)
{
    if (snapshot && atomic_fetch_sub(&snapshot->references, 1) == 1)
        destroy(snapshot);
}

const wazero_value_type_t *wazero_snapshot_results(const wazero_snapshot_t *snapshot,
                                                   size_t *count)
{
    *count = snapshot->result_count;
    return snapshot->results;
}

/* A snapshot of nothing yet, for a host function of this type. */
static wazero_snapshot_t *allocate(const wazero__thread_t *thread, uint64_t serial,
                                   const wazero_function_type_t *type)
{
    wazero_snapshot_t *made = calloc(1, sizeof *made);
    if (!made)
        return NULL;
    atomic_init(&made->references, 1);
    made->generation = wazero__fork_generation();
    made->serial = serial;
    made->thread = thread;
    made->open_calls = wazero__listener_open(thread);
    made->result_count = type->result_count;
    made->slot_count = type->result_slot_count;
    made->results = malloc(type->result_count + 1);
    made->values = calloc(made->slot_count + 1, sizeof *made->values);
    if (!made->results || !made->values) {
        destroy(made);
        return NULL;
    }
    if (type->result_count)
        memcpy(made->results, type->results, type->result_count);
    return made;
}

wazero_error_t *wazero_snapshot_new(wazero_snapshot_t **snapshot)
{
    const wazero__thread_t *thread = wazero__thread();
    const wazero__activation_t *activation = atomic_load(&thread->activation);
    const wazero__snapshots_t *call = activation ? activation->snapshots : NULL;
    wz_error failure = {0};
    if (!activation)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "a snapshot is taken by a host function, while it is "
                             "called: no call runs on this thread");
    if (!wazero__fork_is_current(activation->generation))
        return wazero__fork_error("call");
    if (!call || !call->host)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "the call that led here was not made with snapshots");
    if (wazero__type_any(
            &(wazero_function_type_t){.results = call->host->type->results,
                                      .result_count = call->host->type->result_count},
            wazero__type_is_reference))
        return wazero__error(WAZERO_ERROR_INVALID,
                             "a host function with references among its results cannot "
                             "take snapshots");
    wazero_snapshot_t *made = allocate(thread, call->serial, call->host->type);
    if (!made)
        return wazero__error_memory();
    if (!wazero__engine()->snapshot_new(call->engine, &made->handle, &failure)) {
        wazero_snapshot_delete(made);
        return wazero__engine_error(&failure);
    }
    *snapshot = made;
    return NULL;
}

/* ---- going back ---- */

static wazero_error_t *check(const wazero_snapshot_t *snapshot, size_t count)
{
    if (!wazero__fork_is_current(snapshot->generation))
        return wazero__fork_error("snapshot");
    if (atomic_load(&snapshot->used))
        return wazero__error(WAZERO_ERROR_INVALID,
                             "the snapshot was restored before: it can be once");
    if (snapshot->thread != wazero__thread())
        return wazero__error(WAZERO_ERROR_INVALID,
                             "the snapshot was taken on another thread");
    if (!find_call(snapshot->thread, snapshot->serial))
        return wazero__error(WAZERO_ERROR_INVALID,
                             "the call in which the snapshot was taken is over");
    if (count != snapshot->slot_count)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "the function that took the snapshot has %zu result "
                             "slots, but %zu were given",
                             snapshot->slot_count, count);
    return NULL;
}

wazero_error_t *wazero_snapshot_restore(wazero_snapshot_t *snapshot,
                                        const uint64_t *results, size_t result_count,
                                        void *payload,
                                        void (*delete_payload)(void *payload))
{
    wazero_error_t *error = check(snapshot, result_count);
    if (error) {
        if (delete_payload)
            delete_payload(payload);
        return error;
    }
    snapshot->values[0] = snapshot->handle;
    if (result_count)
        memcpy(snapshot->values + 1, results, result_count * sizeof *results);
    return wazero__error_restore(snapshot, payload, delete_payload);
}

bool wazero__snapshot_restore(wazero__thread_t *thread,
                              const wazero__activation_t *activation,
                              wazero_error_t *error, wz_string *values)
{
    wazero_snapshot_t *snapshot = wazero__error_snapshot(error);
    wazero__snapshots_t *call = activation->snapshots;
    if (!snapshot || !call || call->serial != snapshot->serial ||
        atomic_exchange(&snapshot->used, true))
        return false;
    wazero_snapshot_t *before = call->restored;
    call->restored = wazero__snapshot_retain(snapshot);
    wazero_snapshot_delete(before);
    wazero_error_delete(error);
    wazero__listener_abort_to(thread, snapshot->open_calls, NULL);
    values->data = (const char *)snapshot->values;
    values->size = (snapshot->slot_count + 1) * sizeof *snapshot->values;
    return true;
}

/* ---- the call ---- */

/* On a call engine of its own: those that are kept have the thread's wasm stack. */
static wazero_error_t *run(void *stack, const wazero__callable_t *callable,
                           wazero__thread_t *thread, wazero__activation_t *activation,
                           const wazero__call_engine_t *unused)
{
    (void)unused;
    wz_error failure = {0};
    wazero__call_engine_t engine;
    wazero__snapshots_t snapshots;
    if (!wazero__engine()->function_new(callable->module->handle, callable->index,
                                        &engine.handle, &engine.entry, &failure))
        return wazero__engine_error(&failure);
    wazero__snapshots_begin(&snapshots, engine.handle);
    activation->snapshots = &snapshots;
    wazero_error_t *error =
        wazero__call_through_go(callable, thread, activation, &engine,
                                wazero__engine()->function_call_with_snapshots, stack);
    if (!error)
        wazero__clear_upper_halves(callable->type->results,
                                   callable->type->result_count, stack);
    activation->snapshots = NULL;
    wazero__snapshots_end(&snapshots);
    if (wazero__fork_is_current(activation->generation))
        wazero__engine()->function_release(engine.handle);
    return error;
}

wazero_error_t *wazero__callable_call_with_snapshots(wazero__callable_t *callable,
                                                     uint64_t *stack, uint64_t timeout)
{
    wazero_features_t features = callable->module->runtime->config.limits.features;
    if (callable->host)
        return wazero__callable_call(callable, stack, timeout);
    if (features & WAZERO_FEATURE_EXCEPTION_HANDLING)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "snapshots and the feature exception-handling do not go "
                             "together in this version of wazero");
    return wazero__call_run(callable, timeout, run, stack);
}
