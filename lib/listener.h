/*
 * listener.h - listeners: who is told of the calls of functions.
 *
 * A set of listeners (wazero_listeners_t) is counted and does not change once it has
 * been used. What is compiled with it has a listening: the set, and a description of
 * each function that one of its listeners wants; it lives as long as code of these
 * functions can run. The calls that began and have not ended are noted for each thread,
 * so that each gets its `after` or its `abort`, whatever the engine says.
 */
#ifndef WAZERO_LIB_LISTENER_H
#define WAZERO_LIB_LISTENER_H

#include "engine_abi.h"
#include "thread.h"

typedef struct wazero__listening wazero__listening_t;

struct wazero__activation;

/* Listens with the set, which may be NULL: then *listening is NULL. Errors: MEMORY. */
wazero_error_t *wazero__listening_new(wazero_listeners_t *set,
                                      wazero__listening_t **listening);
void wazero__listening_delete(wazero__listening_t *listening); /* NULL is fine */

/* The set, borrowed; NULL of NULL. */
wazero_listeners_t *wazero__listening_set(const wazero__listening_t *listening);

/* How the engine is told; of NULL that nobody listens. */
wz_listening wazero__listening_describe(const wazero__listening_t *listening);

/* What went wrong while the engine asked who wants to be told, once. Errors: MEMORY,
 * those of listeners. */
wazero_error_t *wazero__listening_take_error(wazero__listening_t *listening);

/* The callbacks of the engine, of these names, without the group's and the host's
 * affairs, which callbacks.c sees to. An error ends the call. */
uintptr_t wazero__listener_wants(wazero__listening_t *listening, const void *function,
                                 size_t size, bool logged);
wazero_error_t *wazero__listener_before(wazero__thread_t *thread, uintptr_t function,
                                        wazero_module_t *module, uint64_t *params,
                                        wz_handle walk, wz_string line, wz_handle note);
wz_handle wazero__listener_note(wazero__thread_t *thread, uintptr_t function);
wazero_error_t *wazero__listener_after(wazero__thread_t *thread, uintptr_t function,
                                       wazero_module_t *module, uint64_t *results,
                                       wz_string line);

/* Whether a function is one of a host module: its end is told of in the same step. */
bool wazero__listener_is_host(uintptr_t function);

/* How many calls that began and have not ended the thread has. */
size_t wazero__listener_open(const wazero__thread_t *thread);

/* Tells of the end of all of them but so many: error, which may be NULL, is why. */
void wazero__listener_abort_to(wazero__thread_t *thread, size_t count,
                               const wazero_error_t *error);

/* The same for those of an activation, the innermost, that is over. */
void wazero__listener_end(wazero__thread_t *thread,
                          const struct wazero__activation *activation,
                          const wazero_error_t *error);

/* The thread ends. */
void wazero__listener_forget(wazero__thread_t *thread);

#endif
