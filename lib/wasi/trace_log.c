/*
 * trace_log.c - records that are kept: copies of them, and traces, which have the last
 * ones up to a number of bytes. See trace.h.
 *
 * A record that is kept is one block with a count of references. A trace is counted,
 * too; what traces have is under one mutex for all of them, for what holds it is short,
 * and a fork takes it: the thread inside a guest adds, others read.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "error.h"
#include "wasi/trace.h"

/* ---- records ---- */

typedef struct {
    atomic_uint references;
    size_t size; /* of the block, and what there is for it beside */
    wazero_trace_call_t call;
    wazero_trace_value_t values[]; /* arguments, then results; then their data */
} record_t;

/* What malloc has for a block, and the ring, which may be half empty. */
enum { BESIDE = 2 * sizeof(void *) + 2 * sizeof(void *) };

/* Data begins where any of it may. */
static size_t aligned(size_t size)
{
    return (size + sizeof(uint64_t) - 1) & ~(sizeof(uint64_t) - 1);
}

static size_t data_size(const wazero_trace_value_t *value)
{
    return value->data ? aligned((size_t)value->size) : 0;
}

static record_t *new_record(const wazero_trace_call_t *call)
{
    size_t count = call->argument_count + call->result_count;
    size_t size = sizeof(record_t) + count * sizeof(wazero_trace_value_t);
    for (size_t i = 0; i < call->argument_count; i++)
        size += data_size(&call->arguments[i]);
    for (size_t i = 0; i < call->result_count; i++)
        size += data_size(&call->results[i]);
    record_t *record = malloc(size);
    if (!record)
        return NULL;
    char *data = (char *)&record->values[count];
    atomic_init(&record->references, 1);
    record->size = size + BESIDE;
    record->call = *call;
    record->call.arguments = record->values;
    record->call.results = record->values + call->argument_count;
    for (size_t i = 0; i < count; i++) {
        wazero_trace_value_t *value = &record->values[i];
        *value = i < call->argument_count ? call->arguments[i]
                                          : call->results[i - call->argument_count];
        if (!value->data)
            continue;
        if (value->size)
            memcpy(data, value->data, (size_t)value->size);
        value->data = data;
        data += aligned((size_t)value->size);
    }
    return record;
}

static void release(record_t *record)
{
    if (atomic_fetch_sub(&record->references, 1) == 1)
        free(record);
}

wazero_error_t *wazero_trace_call_copy(const wazero_trace_call_t *call,
                                       wazero_trace_call_t **copy)
{
    record_t *record = new_record(call);
    if (!record)
        return wazero__error_memory();
    *copy = &record->call;
    return NULL;
}

void wazero_trace_call_delete(wazero_trace_call_t *call)
{
    if (call)
        release((record_t *)(void *)((char *)call - offsetof(record_t, call)));
}

/* ---- traces ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void wazero__traces_before_fork(void)
{
    pthread_mutex_lock(&mutex);
}

void wazero__traces_after_fork(void)
{
    pthread_mutex_unlock(&mutex);
}

struct wazero_trace {
    atomic_uint references;
    size_t limit; /* in bytes */
    size_t used;
    record_t **ring; /* the oldest one at first */
    size_t capacity; /* a power of two */
    size_t first;
    size_t count;
    uint64_t dropped;
};

wazero_error_t *wazero_trace_new(size_t limit, wazero_trace_t **trace)
{
    wazero_trace_t *made = calloc(1, sizeof *made);
    if (!made)
        return wazero__error_memory();
    atomic_init(&made->references, 1);
    made->limit = limit;
    *trace = made;
    return NULL;
}

static void drop_oldest(wazero_trace_t *trace)
{
    record_t *record = trace->ring[trace->first];
    trace->first = (trace->first + 1) & (trace->capacity - 1);
    trace->count--;
    trace->used -= record->size;
    trace->dropped++;
    release(record);
}

void wazero_trace_delete(wazero_trace_t *trace)
{
    if (!trace || atomic_fetch_sub(&trace->references, 1) != 1)
        return;
    while (trace->count)
        drop_oldest(trace);
    free(trace->ring);
    free(trace);
}

/* Makes room for one more pointer; false without memory. */
static bool grow(wazero_trace_t *trace)
{
    if (trace->count < trace->capacity)
        return true;
    size_t capacity = trace->capacity ? trace->capacity * 2 : 64;
    record_t **ring = malloc(capacity * sizeof(record_t *));
    if (!ring)
        return false;
    for (size_t i = 0; i < trace->count; i++)
        ring[i] = trace->ring[(trace->first + i) & (trace->capacity - 1)];
    free(trace->ring);
    trace->ring = ring;
    trace->capacity = capacity;
    trace->first = 0;
    return true;
}

void wazero__trace_add(wazero_trace_t *trace, const wazero_trace_call_t *call)
{
    record_t *record = new_record(call);
    pthread_mutex_lock(&mutex);
    while (record && trace->count && trace->used + record->size > trace->limit)
        drop_oldest(trace);
    if (record && record->size <= trace->limit && grow(trace)) {
        trace->ring[(trace->first + trace->count++) & (trace->capacity - 1)] = record;
        trace->used += record->size;
        record = NULL;
    } else {
        trace->dropped++;
    }
    pthread_mutex_unlock(&mutex);
    if (record)
        release(record);
}

size_t wazero_trace_count(wazero_trace_t *trace)
{
    pthread_mutex_lock(&mutex);
    size_t count = trace->count;
    pthread_mutex_unlock(&mutex);
    return count;
}

uint64_t wazero_trace_dropped(wazero_trace_t *trace)
{
    pthread_mutex_lock(&mutex);
    uint64_t dropped = trace->dropped;
    pthread_mutex_unlock(&mutex);
    return dropped;
}

wazero_trace_call_t *wazero_trace_get(wazero_trace_t *trace, size_t index)
{
    record_t *record = NULL;
    pthread_mutex_lock(&mutex);
    if (index < trace->count) {
        record = trace->ring[(trace->first + index) & (trace->capacity - 1)];
        atomic_fetch_add(&record->references, 1);
    }
    pthread_mutex_unlock(&mutex);
    return record ? &record->call : NULL;
}

/* ---- tracers ---- */

void wazero__tracer_copy(wazero__tracer_t *tracer, const wazero__tracer_t *from)
{
    *tracer = *from;
    wazero__shared_retain(from->user);
    if (from->trace)
        atomic_fetch_add(&from->trace->references, 1);
}

void wazero__tracer_clear(wazero__tracer_t *tracer)
{
    wazero__shared_release(tracer->user);
    wazero_trace_delete(tracer->trace);
    *tracer = (wazero__tracer_t){0};
}
