/*
 * callbacks.c - what the engine calls in lib: host functions, memories, streams.
 *
 * They run on the thread that entered the guest, inside its activation, except
 * memory_release, which comes from a thread of Go's. An error waits in the activation
 * until the call is over; Go only learns that there is one.
 */
#include "callbacks.h"

#include "call/attend.h"
#include "call/direct.h"
#include "call/interrupt.h"
#include "engine.h"
#include "error.h"
#include "fork.h"
#include "listener.h"
#include "module.h"
#include "snapshot.h"

static wazero__activation_t *innermost(void)
{
    return atomic_load_explicit(&wazero__thread()->activation, memory_order_relaxed);
}

/* What the host found when it got the thread. */
typedef struct {
    bool detached;
    const wz_entry *in_go; /* of the call that it is in, if Go has entered that */
} visit_t;

/* The thread is the host's, which may call on: the signal has no business with the call
 * outside. */
static visit_t begin_visit(wazero__thread_t *thread)
{
    return (visit_t){thread->token != NULL, wazero__interrupt_leave(thread)};
}

/* If it ends the call there is nothing left to end, and a trace to be made. */
static void end_visit(wazero__thread_t *thread, visit_t visit, bool ends)
{
    if (visit.detached)
        wazero__thread_detach(thread);
    if (!ends)
        atomic_store(&thread->in_go, visit.in_go);
}

/* The same where the host is always called attached. */
static visit_t attach(void)
{
    wazero__thread_t *thread = wazero__thread();
    visit_t visit = begin_visit(thread);
    wazero__thread_attach(thread);
    return visit;
}

static void detach_again(visit_t visit)
{
    end_visit(wazero__thread(), visit, false);
}

/* Keeps an error for the call that runs; the first one counts. */
static const wazero_error_t *keep(wazero_error_t *error)
{
    wazero__activation_t *activation = innermost();
    if (activation->pending)
        wazero_error_delete(error);
    else
        activation->pending = error;
    return activation->pending;
}

/* In a child that the host has just forked: leaves the call, for the engine that is
 * to go on with it is dead there. Its frames are on a stack of Go's, which nobody
 * will use again, and on this thread's, which the jump takes back. */
static void escape_if_forked(void)
{
    wazero__activation_t *activation = innermost();
    if (wazero__fork_is_current(activation->generation))
        return;
    if (!activation->pending)
        activation->pending = wazero__fork_error("call");
    longjmp(*activation->escape, 1);
}

/* Tells Go of an error that is kept. */
static int32_t report(const wazero_error_t *kept, wz_string *message,
                      uint32_t *exit_code)
{
    if (wazero__error_closes_caller(kept)) {
        *exit_code = wazero_error_exit_code(kept);
        return 2;
    }
    message->data = wazero_error_message(kept, &message->size);
    return 1;
}

static int32_t host_call(uintptr_t function, uintptr_t caller, uint64_t *stack,
                         wz_string *message, uint32_t *exit_code)
{
    wazero__thread_t *thread = wazero__thread();
    wazero__activation_t *activation = innermost();
    if (activation->replay)
        return report(activation->pending, message, exit_code);
    visit_t visit = begin_visit(thread);
    if (!((wazero__host_t *)function)->native)
        wazero__thread_attach(thread);
    if (activation->snapshots)
        activation->snapshots->host = (wazero__host_t *)function;
    wazero_error_t *error =
        wazero__host_call((wazero__host_t *)function, (wazero_module_t *)caller, stack);
    if (activation->snapshots)
        activation->snapshots->host = NULL;
    bool goes_back = error && wazero__fork_is_current(activation->generation) &&
                     wazero__snapshot_restore(thread, activation, error, message);
    const wazero_error_t *kept = error && !goes_back ? keep(error) : NULL;
    escape_if_forked();
    if (!kept && atomic_load(&thread->attention)) {
        error = wazero__attend(thread); /* the signal sees to the rest only */
        kept = error ? keep(error) : NULL;
        escape_if_forked();
    }
    end_visit(thread, visit, kept != NULL);
    if (!kept && goes_back)
        return 3;
    return kept ? report(kept, message, exit_code) : 0;
}

static uintptr_t listener_wants(uintptr_t listeners, wz_string function, bool logged)
{
    return wazero__listener_wants((wazero__listening_t *)listeners, function.data,
                                  function.size, logged);
}

/* Listeners have been told. In a step, whoever is told last has the engine come
 * back. */
static int32_t told(wazero__thread_t *thread, wazero_error_t *error, bool is_last,
                    visit_t visit, wz_string *message, uint32_t *exit_code)
{
    const wazero_error_t *kept = error ? keep(error) : NULL;
    escape_if_forked();
    if (!kept && atomic_load(&thread->attention)) {
        error = wazero__attend(thread);
        kept = error ? keep(error) : NULL;
        escape_if_forked();
    }
    end_visit(thread, visit, kept != NULL);
    if (kept)
        return report(kept, message, exit_code);
    if (is_last && innermost()->step)
        wazero__direct_arm(innermost());
    return 0;
}

static int32_t listener_before(uintptr_t function, uintptr_t module, uint64_t *params,
                               wz_handle walk, wz_string line, wz_handle note,
                               wz_string *message, uint32_t *exit_code)
{
    wazero__thread_t *thread = wazero__thread();
    visit_t visit = attach();
    wazero_error_t *error = wazero__listener_before(
        thread, function, (wazero_module_t *)module, params, walk, line, note);
    return told(thread, error, !wazero__listener_is_host(function), visit, message,
                exit_code);
}

static wz_handle listener_note(uintptr_t function)
{
    return wazero__listener_note(wazero__thread(), function);
}

static int32_t listener_after(uintptr_t function, uintptr_t module, uint64_t *results,
                              wz_string line, wz_string *message, uint32_t *exit_code)
{
    wazero__thread_t *thread = wazero__thread();
    visit_t visit = attach();
    wazero_error_t *error = wazero__listener_after(
        thread, function, (wazero_module_t *)module, results, line);
    return told(thread, error, true, visit, message, exit_code);
}

static uintptr_t memory_new(uintptr_t module_address, uint64_t capacity,
                            uint64_t maximum)
{
    wazero_module_t *module = (wazero_module_t *)module_address;
    uint64_t limit = (uint64_t)module->memory_pages * WAZERO_PAGE_SIZE;
    if (maximum > limit)
        maximum = limit;
    if (capacity > maximum)
        capacity = maximum;
    module->linear = wazero__linear_new(capacity, maximum, limit);
    if (!module->linear) {
        /* The ranges of modules that are gone go with Go's next collection: have
         * one. */
        wazero__engine()->collect();
        module->linear = wazero__linear_new(capacity, maximum, limit);
    }
    if (!module->linear)
        return 0;
    module->linear_used = true;
    return (uintptr_t)wazero__linear_retain(module->linear); /* the engine's */
}

static uint8_t *memory_reallocate(uintptr_t memory, uint64_t size)
{
    return wazero__linear_resize((wazero__linear_t *)memory, size);
}

static void memory_release(uintptr_t memory)
{
    wazero__linear_release((wazero__linear_t *)memory);
}

static void module_closed(uintptr_t module, uint32_t exit_code)
{
    if (module) /* helpers of lib's have none */
        wazero__module_shut((wazero_module_t *)module, MODULE_EXITED, exit_code);
}

static int64_t stream_read(uintptr_t user, uint8_t *buffer, uint64_t size)
{
    size_t count;
    visit_t visit = attach();
    wazero_error_t *error = wazero__stream_read((wazero__stream_cursor_t *)user, buffer,
                                                (size_t)size, &count);
    if (error)
        keep(error);
    escape_if_forked();
    detach_again(visit);
    return error ? -1 : (int64_t)count;
}

static int64_t stream_write(uintptr_t user, const uint8_t *buffer, uint64_t size)
{
    visit_t visit = attach();
    wazero_error_t *error =
        wazero__stream_write((wazero__stream_cursor_t *)user, buffer, (size_t)size);
    if (error)
        keep(error);
    escape_if_forked();
    detach_again(visit);
    return error ? -1 : (int64_t)size;
}

/* Answers a question of wz_callbacks. */
static wazero_error_t *answer_question(wazero_module_t *module, int32_t what,
                                       uint64_t number, uint8_t *buffer,
                                       int64_t *answer)
{
    switch (what) {
    case WZ_ASK_WALLTIME:
        return wazero__time_walltime(&module->time, answer);
    case WZ_ASK_NANOTIME:
        return wazero__time_nanotime(&module->time, answer);
    case WZ_ASK_SLEEP:
        return wazero__time_sleep(&module->time, number);
    case WZ_ASK_YIELD:
        return wazero__time_yield(&module->time);
    default:
        return wazero__random_read(&module->random, buffer, (size_t)number);
    }
}

static bool ask(uintptr_t module, int32_t what, uint64_t number, uint8_t *buffer,
                int64_t *answer)
{
    visit_t visit = attach();
    wazero_error_t *error =
        answer_question((wazero_module_t *)module, what, number, buffer, answer);
    if (error)
        keep(error);
    escape_if_forked();
    detach_again(visit);
    return !error;
}

const wz_callbacks *wazero__callbacks(void)
{
    static const wz_callbacks callbacks = {
        .host_call = host_call,
        .listener_wants = listener_wants,
        .listener_before = listener_before,
        .listener_note = listener_note,
        .listener_after = listener_after,
        .memory_new = memory_new,
        .memory_reallocate = memory_reallocate,
        .memory_release = memory_release,
        .module_closed = module_closed,
        .stream_read = stream_read,
        .stream_write = stream_write,
        .ask = ask,
    };
    return &callbacks;
}
