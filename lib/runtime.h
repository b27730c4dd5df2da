/*
 * runtime.h - the runtime inside lib: the engine's runtime, the modules in it, and the
 * names under which they find each other.
 *
 * Compiled modules and modules hold a reference on their runtime. The runtime lists its
 * modules without one, except those with a name, which it keeps until they are closed.
 * The engine's runtime is closed when the runtime is and none of its modules is open
 * any more.
 */
#ifndef WAZERO_LIB_RUNTIME_H
#define WAZERO_LIB_RUNTIME_H

#include <pthread.h>
#include <stdatomic.h>

#include "config.h"
#include "engine_abi.h"
#include "externref.h"

/* The names under which WASI is imported. */
enum { WAZERO__WASI_NAMES = 2 };

struct wazero_runtime {
    atomic_uint references;
    unsigned generation; /* fork.h */
    struct wazero_runtime_config config;
    wz_handle handle;
    atomic_bool closed;
    uint32_t exit_code; /* set before closed */
    pthread_mutex_t mutex;
    /* Under the mutex: */
    wazero_module_t *modules; /* linked by previous and next */
    size_t open_count;        /* listed modules that the engine has not closed */
    bool engine_closed;
    wazero__slots_t *externrefs; /* under externref.c's mutex; NULL until needed */
    wz_handle wasi[WAZERO__WASI_NAMES]; /* wazero's own WASI, once asked for */
};

wazero_runtime_t *wazero__runtime_retain(wazero_runtime_t *runtime);
void wazero__runtime_release(wazero_runtime_t *runtime);

/* Errors: CLOSED, FORKED. */
wazero_error_t *wazero__runtime_check(const wazero_runtime_t *runtime);

/* Whether calls of its compiled modules are entered from C. */
bool wazero__runtime_is_direct(const wazero_runtime_t *runtime);

/* Puts a module on the list, before it is made in the engine, so that the engine's
 * runtime stays meanwhile; nobody finds it by name until it is ready. A module with
 * a name gets a reference from the runtime. Errors: INVALID when the name is taken,
 * CLOSED. */
wazero_error_t *wazero__runtime_add(wazero_runtime_t *runtime, wazero_module_t *module);

/* Takes a module off the list. */
void wazero__runtime_remove(wazero_runtime_t *runtime, wazero_module_t *module);

/* A module has been closed in the engine: the last one may let the runtime go. */
void wazero__runtime_count_closed(wazero_runtime_t *runtime, wazero_module_t *module);

/* Marks a module closed and says whether it was open; *registered tells whether the
 * runtime gives up the reference that it had for the module's name. */
bool wazero__runtime_shut(wazero_runtime_t *runtime, wazero_module_t *module, int state,
                          uint32_t exit_code, bool *registered);

/* The open module of this name with a reference for the caller, or NULL. */
wazero_module_t *wazero__runtime_find(wazero_runtime_t *runtime, const char *name,
                                      size_t size);

/* Which of the names of WASI this is; WAZERO__WASI_NAMES if it is none. */
int wazero__runtime_wasi_name(const char *name, size_t size);

/* The engine's module for wazero's own WASI if `name` is one of its module names;
 * *module = 0 if not. Errors: those of the engine. */
wazero_error_t *wazero__runtime_wasi(wazero_runtime_t *runtime, const char *name,
                                     size_t size, wz_handle *module);

#endif
