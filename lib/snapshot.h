/*
 * snapshot.h - execution snapshots: where a call was, to go back there.
 *
 * A snapshot belongs to the call in which a host function took it, and is of use as
 * long as that runs, on its thread, once. Restoring is an error that the host function
 * returns: it travels out of calls that are nested in between, up to the callback of
 * the engine that has called the host for the right call (callbacks.c). A counted
 * handle; errors hold it, too.
 */
#ifndef WAZERO_LIB_SNAPSHOT_H
#define WAZERO_LIB_SNAPSHOT_H

#include "call/call.h"
#include "engine_abi.h"

/* What a call with snapshots has of its own, on its stack. */
typedef struct wazero__snapshots {
    uint64_t serial; /* of all such calls of the process */
    wz_handle engine;
    const wazero__host_t *host;  /* that is called now, or NULL */
    wazero_snapshot_t *restored; /* a reference: the last one, whose values Go reads */
} wazero__snapshots_t;

/* Begins and ends what a call has of its own. */
void wazero__snapshots_begin(wazero__snapshots_t *snapshots, wz_handle engine);
void wazero__snapshots_end(wazero__snapshots_t *snapshots);

/* Whether the error asks to go back to a snapshot of this call. Then *values is for the
 * engine: the handle and the results, valid until the next time or the end of the call;
 * the error is deleted, and listeners are told of the calls that are left. */
bool wazero__snapshot_restore(wazero__thread_t *thread,
                              const wazero__activation_t *activation,
                              wazero_error_t *error, wz_string *values);

wazero_snapshot_t *wazero__snapshot_retain(wazero_snapshot_t *snapshot);

#endif
