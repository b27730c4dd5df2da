/*
 * module.h - the module (an instance) inside lib.
 *
 * References: each handle of the host's, each function, memory and global handle, each
 * module that imports from this one, each running call, and the runtime if the module
 * has a name. When the last goes the module is destroyed, unless function references
 * may have passed to others of its group: then it stays, closed to the host, until the
 * host holds no module of the group.
 *
 * Closing is a flag first, seen by every later operation; the engine's module is closed
 * once nobody is inside the group. Everything not said to be otherwise is set before
 * the module is handed out and never changes.
 */
#ifndef WAZERO_LIB_MODULE_H
#define WAZERO_LIB_MODULE_H

#include <stdatomic.h>

#include "callable.h"
#include "clock.h"
#include "compiled.h"
#include "group.h"
#include "host.h"
#include "linear.h"
#include "link.h"
#include "random.h"
#include "shared.h"
#include "stream.h"
#include "text.h"
#include "usage.h"

/* How a module came to be closed. */
enum { MODULE_OPEN = 0, MODULE_CLOSED_BY_HOST = 1, MODULE_EXITED = 2 };

/* Where a module listens. */
typedef struct {
    char host[64];
    uint16_t port;
} wazero__tcp_address_t;

struct wazero_module {
    atomic_uint references;
    wazero_runtime_t *runtime;          /* a reference */
    wazero_compiled_module_t *compiled; /* a reference; NULL for a host module */
    wazero__text_t name;
    void *user;
    const wazero_extern_t *exports;
    size_t export_count;
    wz_handle handle;
    uintptr_t context; /* wazero's module context; 0: not on the direct path */
    uint64_t timeout;  /* of each call, in nanoseconds; WAZERO_NO_TIMEOUT */
    uint64_t began;    /* when that of the start did, or 0: with the start */
    size_t max_stack;
    uint32_t memory_pages;                  /* at most, of a memory that it defines */
    wazero_close_notifier_t close_notifier; /* or NULL */
    wazero__shared_t *close_user;           /* a reference, or NULL */
    wazero__group_t *group;
    wazero__link_t link;                /* what answers the imports */
    wazero_wasi_kind_t wasi_kind;       /* whose WASI answers its imports */
    struct wazero__wasi *wasi;          /* of the thread inside; or NULL */
    bool traced;                        /* its WASI calls are recorded */
    wazero__stream_cursor_t streams[3]; /* positions: of the thread inside */
    wazero__output_t output;            /* of the thread inside */
    wazero__time_t time;                /* its looks: of the thread inside */
    wazero__random_t random;            /* its state: of the thread inside */
    wazero__tcp_address_t *addresses;   /* where it listens */
    size_t address_count;
    wazero__linear_t *linear;      /* a reference, or NULL */
    wazero__callables_t callables; /* as used; under the runtime's mutex */
    /* Host modules of whose functions it was given references; of the thread inside. */
    wazero_module_t **guests;
    size_t guest_count;
    wazero__text_t *start_functions;
    size_t start_function_count;
    atomic_bool kept; /* a kept module imports from it: it is kept, too */
    atomic_bool started;
    wazero__times_taken_t taken; /* by the start */
    atomic_bool ready;           /* made in the engine: others may find it by name */
    atomic_int state;            /* MODULE_... */
    uint32_t exit_code;          /* set before state */
    bool linear_used;            /* of the thread inside */
    bool engine_closed;          /* of the thread inside */
    bool listed;                 /* under the runtime's mutex: on its list */
    bool registered; /* under the runtime's mutex: it has a reference for the name */
    bool counted;    /* under the runtime's mutex: among its open modules */
    wazero__deferred_t close;
    wazero__deferred_t destroy;
    /* Host modules only: */
    void *exports_storage;
    wazero__host_t *hosts;
    size_t host_count;
    wazero__listening_t *listening; /* or NULL */
    /* Under the runtime's mutex: */
    wazero_module_t *previous;
    wazero_module_t *next;
};

/* A module with one reference, a group of its own, and nothing in the engine yet.
 * Errors: CLOSED, FORKED, MEMORY. */
wazero_error_t *wazero__module_allocate(wazero_runtime_t *runtime,
                                        wazero_module_t **module);

wazero_module_t *wazero__module_retain(wazero_module_t *module);
void wazero__module_release(wazero_module_t *module); /* NULL is fine */

/* A reference, unless the last one is gone already. */
bool wazero__module_try_retain(wazero_module_t *module);

/* Errors: CLOSED, FORKED. */
wazero_error_t *wazero__module_check(const wazero_module_t *module);

static inline bool wazero__module_is_open(const wazero_module_t *module)
{
    return atomic_load_explicit(&module->state, memory_order_acquire) == MODULE_OPEN;
}

/* What a call that was running when the module closed reports: EXIT, or CLOSED. */
wazero_error_t *wazero__module_end_error(const wazero_module_t *module)
    __attribute__((cold));

/* Ends the making of a module on the runtime's list: ready for all, or, if there is an
 * error or the runtime was closed meanwhile, given up. Takes error. */
wazero_error_t *wazero__module_finish(wazero_module_t *module, wazero_error_t *error);

/* Marks the module closed, in one of the two ways, and has the engine close it as
 * soon as nobody is inside. Does nothing to a closed module. */
void wazero__module_shut(wazero_module_t *module, int state, uint32_t exit_code);

/* The export of this name and kind. Errors: INVALID with the names that exist, CLOSED,
 * FORKED. */
wazero_error_t *wazero__module_lookup(const wazero_module_t *module, const char *name,
                                      size_t size, wazero_extern_kind_t kind,
                                      const wazero_extern_t **found);

/* The callable of an export, which is a function. NULL without memory. */
wazero__callable_t *wazero__module_callable(wazero_module_t *module,
                                            const wazero_extern_t *export);

/* An export that is the thing of this kind and index, or NULL. */
const wazero_extern_t *wazero__module_export_of(const wazero_module_t *module,
                                                wazero_extern_kind_t kind,
                                                uint32_t index);

/* Enters the group of a module that is open; to be left again. Errors: CLOSED, FORKED,
 * INVALID. */
wazero_error_t *wazero__module_enter(wazero_module_t *module);

/* Has the module, which is entered, hold a reference on a host module. Errors:
 * MEMORY. */
wazero_error_t *wazero__module_add_guest(wazero_module_t *module,
                                         wazero_module_t *guest);

/* "module[name]" or "module" for messages, into text of size bytes. */
void wazero__module_describe(const wazero_module_t *module, char *text, size_t size);

#endif
