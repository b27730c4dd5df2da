/*
 * trace.h - records of a module's WASI calls: for whom they are made, and making one.
 *
 * A tracer is part of a configuration, and a module's WASI state has a copy. Modules
 * without one have other host functions (wasi.c), so that tracing costs them nothing.
 * A record is put together on the stack of the call that it is about, by the thread
 * inside the guest; it copies what it shows of the guest's memory, and no more than
 * fits.
 */
#ifndef WAZERO_LIB_WASI_TRACE_H
#define WAZERO_LIB_WASI_TRACE_H

#include "shared.h"
#include "wasi/memory.h"
#include "wazero.h"

struct wazero__wasi;
struct wazero__wasi_entry;

/* Who gets the records: a function or a trace; all zero: nobody. */
typedef struct {
    wazero_trace_function_t call;
    wazero__shared_t *user; /* a reference, or NULL */
    wazero_trace_t *trace;  /* a reference, or NULL */
} wazero__tracer_t;

static inline bool wazero__tracer_is_set(const wazero__tracer_t *tracer)
{
    return tracer->call || tracer->trace;
}

/* The same, with references of its own. */
void wazero__tracer_copy(wazero__tracer_t *tracer, const wazero__tracer_t *from);

/* Gives the references back, and empties it. */
void wazero__tracer_clear(wazero__tracer_t *tracer);

/* Adds a copy of a record, for which older ones may have to go. Never fails: without
 * memory the record counts as dropped. */
void wazero__trace_add(wazero_trace_t *trace, const wazero_trace_call_t *call);

/* The lock of all traces is taken during a fork, whose child may read them. In the
 * child it is the forking thread that has it, and gives it back as in the parent. */
void wazero__traces_before_fork(void);
void wazero__traces_after_fork(void);

/* ---- making a record ---- */

/* So much of a text is kept, and so many of a list. */
enum { WAZERO__TRACE_TEXT = 1024, WAZERO__TRACE_ITEMS = 16 };

enum {
    WAZERO__TRACE_SLOTS = 9,   /* as path_open has */
    WAZERO__TRACE_VALUES = 20, /* arguments and results of any function */
    WAZERO__TRACE_DATA = 4096  /* bytes of texts and lists, all together */
};

typedef struct {
    wazero_trace_call_t call;
    wazero_trace_value_t values[WAZERO__TRACE_VALUES];
    size_t value_count;
    size_t used; /* of data */
    uint64_t slots[WAZERO__TRACE_SLOTS];
    const struct wazero__wasi_entry *entry;
    bool unstable;
    _Alignas(uint64_t) char data[WAZERO__TRACE_DATA];
} wazero__tracing_t;

/* Before the call: notes its arguments. */
void wazero__tracing_begin(wazero__tracing_t *tracing,
                           const struct wazero__wasi_entry *entry, bool unstable,
                           const wazero__guest_t *memory, const uint64_t *slots);

/* After it: notes the results of a call that returned `code`; returned is false if it
 * ended with an error. */
void wazero__tracing_end(wazero__tracing_t *tracing, const struct wazero__wasi *wasi,
                         const wazero__guest_t *memory, bool returned,
                         wazero__errno_t code);

/* Hands the record over. Errors: what the function reports. */
wazero_error_t *wazero__tracing_tell(const wazero__tracing_t *tracing,
                                     const wazero__tracer_t *tracer,
                                     wazero_module_t *caller);

#endif
