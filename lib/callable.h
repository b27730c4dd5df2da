/*
 * callable.h - a function of a module, prepared: its type, the engine's call engines,
 * and the engine's reference to it.
 *
 * A call engine serves one call at a time, so a function that is called again while it
 * runs (wasm, host, the same function) takes a spare one. A callable belongs to its
 * module, which has one for each function that the host has met, and is used inside the
 * module's group only; its type may be read by anyone.
 */
#ifndef WAZERO_LIB_CALLABLE_H
#define WAZERO_LIB_CALLABLE_H

#include "engine_abi.h"
#include "host.h"
#include "wazero.h"

/* Call engines that are kept for nested calls; deeper ones are made and given back. */
enum { CALLABLE_KEPT = 4 };

/* A call engine of wazero's: what one call at a time runs on. */
typedef struct {
    wz_handle handle; /* 0: none */
    wz_entry entry;
} wazero__call_engine_t;

typedef struct wazero__callable {
    wazero_module_t *module; /* borrowed: it owns this; NULL: not prepared yet */
    const wazero_function_type_t *type;
    uint32_t index;        /* in the function index space */
    bool takes_references; /* among its types */
    wazero__host_t *host;  /* a function of a host module, or NULL */
    unsigned depth;        /* calls of it that run now */
    wazero__call_engine_t kept[CALLABLE_KEPT];
    _Atomic(uint64_t) reference; /* the engine's, once one was asked for, or 0 */
    /* The callable of the function itself, if this one is of an import of it. */
    _Atomic(const struct wazero__callable *) identity;
    /* The types of parameters and results, if there are typed references; or NULL. */
    _Atomic(wz_reference_type *) exact;
} wazero__callable_t;

void wazero__callable_init(wazero__callable_t *callable, wazero_module_t *module,
                           const wazero_function_type_t *type, uint32_t index,
                           wazero__host_t *host);

/* Gives the call engines back, if the engine may still be called, and the rest. */
void wazero__callable_clear(wazero__callable_t *callable, bool in_engine);

/* The callable of the function at an index of a compiled module. NULL without
 * memory. */
wazero__callable_t *wazero__callable_at(wazero_module_t *module, uint32_t index);

/* That of a host function. NULL without memory. */
wazero__callable_t *wazero__callable_of_host(wazero__host_t *host);

/* The callables of a module, by index: a hash table. */
typedef struct {
    wazero__callable_t **slots; /* NULL for none */
    size_t count;
    size_t capacity; /* a power of two, or 0 */
} wazero__callables_t;

/* Clears and frees them all. */
void wazero__callables_clear(wazero__callables_t *callables, bool in_engine);

/* Calls it; stack has at least the slot_count of its type. Enters the group. Errors: as
 * wazero_function_call_with_timeout. */
wazero_error_t *wazero__callable_call(wazero__callable_t *callable, uint64_t *stack,
                                      uint64_t timeout);

/* The same, with the time at which the timeout is over. */
wazero_error_t *wazero__callable_call_until(wazero__callable_t *callable,
                                            uint64_t *stack, uint64_t timeout,
                                            uint64_t until);

/* Calls it so that host functions can take snapshots of the call. */
wazero_error_t *wazero__callable_call_with_snapshots(wazero__callable_t *callable,
                                                     uint64_t *stack, uint64_t timeout);

/* Calls it once for each element: see wazero_function_map. */
wazero_error_t *wazero__callable_map(wazero__callable_t *callable,
                                     const wazero_column_t *params,
                                     const wazero_column_t *results, size_t count,
                                     uint64_t timeout, size_t *done);

/* Whether calls run on the direct path. */
bool wazero__callable_is_direct(const wazero__callable_t *callable);

#endif
