/*
 * call.c - entering a module: the one way by which lib runs wasm.
 *
 * Around what runs, directly (direct.h) or through Go whole, is here what belongs to
 * any call: the group that is entered, the activation that host functions find, the
 * time it may take, and what becomes of errors.
 */
#include "call/call.h"

#include <pthread.h>
#include <stdlib.h>

#include "call/attend.h"
#include "call/direct.h"
#include "call/interrupt.h"
#include "call/watchdog.h"
#include "engine.h"
#include "error.h"
#include "fork.h"
#include "lines.h"
#include "listener.h"
#include "module.h"
#include "reference.h"
#include "runtime.h"
#include "value.h"

/* What every call runs through, in one piece. */
#define HOT static inline __attribute__((always_inline))

#define USUAL(condition) __builtin_expect(!!(condition), 1)

/* The C stack that a nested call must find left. A call through Go with a host
 * function in Python at its end was seen to take less than 16 KiB. */
static const size_t STACK_RESERVE = 192 * 1024;

/* How deep calls nest through host functions. The stack would bear ten times as
 * many, but an error that comes up through all of them collects a trace at each. */
enum { DEPTH_MAX = 1000 };

void wazero__callable_init(wazero__callable_t *callable, wazero_module_t *module,
                           const wazero_function_type_t *type, uint32_t index,
                           wazero__host_t *host)
{
    memset(callable, 0, sizeof *callable);
    callable->module = module;
    callable->type = type;
    callable->index = index;
    callable->host = host;
    callable->takes_references = wazero__type_any(type, wazero__type_is_reference);
}

void wazero__callable_clear(wazero__callable_t *callable, bool in_engine)
{
    for (int i = 0; i < CALLABLE_KEPT && in_engine; i++)
        if (callable->kept[i].handle)
            wazero__engine()->function_release(callable->kept[i].handle);
    free(atomic_load(&callable->exact));
}

/* ---- nesting ---- */

/* The lowest address that a nested call may start at, computed once a thread. */
static uintptr_t stack_limit(wazero__thread_t *thread)
{
    pthread_attr_t attributes;
    void *lowest;
    size_t size;
    if (thread->stack_limit)
        return thread->stack_limit;
    thread->stack_limit = 1;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        if (pthread_attr_getstack(&attributes, &lowest, &size) == 0)
            thread->stack_limit = (uintptr_t)lowest + STACK_RESERVE;
        pthread_attr_destroy(&attributes);
    }
    return thread->stack_limit;
}

wazero_error_t *wazero__call_too_deep(void)
{
    static const char text[] = "wasm error: stack overflow\nwasm stack trace:\n\t"
                               "... calls nested through host functions";
    return wazero__error_from_engine(WAZERO_ERROR_TRAP, text, sizeof text - 1, 0);
}

/* Calls nest through host functions, on the C stack: an endless recursion must end
 * as one inside wasm does. */
static bool is_too_deep(wazero__thread_t *thread, const wazero__activation_t *outer)
{
    return outer->depth >= DEPTH_MAX ||
           (uintptr_t)__builtin_frame_address(0) <= stack_limit(thread);
}

/* ---- running ---- */

wazero_error_t *wazero__call_engine(wazero__activation_t *activation,
                                    wazero__ask_t *ask, wz_handle function,
                                    uint64_t *stack, size_t slot_count)
{
    wz_error failure = {0};
    jmp_buf escape, *outer = activation->escape;
    activation->escape = &escape;
    bool done = _setjmp(escape) || /* the callback left its error in the activation */
                ask(function, stack, slot_count, &failure);
    activation->escape = outer;
    if (done)
        return NULL;
    wazero__lines_resolve(activation->module, &failure);
    wazero_error_t *error = wazero__engine_error(&failure);
    wazero__lines_split(activation->module, error);
    return error;
}

static wazero_error_t *make_engine(const wazero__callable_t *callable,
                                   wazero__call_engine_t *engine)
{
    wz_error failure = {0};
    if (!wazero__engine()->function_new(callable->module->handle, callable->index,
                                        &engine->handle, &engine->entry, &failure))
        return wazero__engine_error(&failure);
    if (!callable->module->context)
        engine->entry.preamble = 0;
    return NULL;
}

/* The call engine for the next call: one that is kept, or a spare one. */
HOT wazero_error_t *take_engine(wazero__callable_t *callable,
                                wazero__call_engine_t *spare,
                                wazero__call_engine_t **engine)
{
    *engine =
        callable->depth < CALLABLE_KEPT ? &callable->kept[callable->depth] : spare;
    return USUAL((*engine)->handle) ? NULL : make_engine(callable, *engine);
}

/* The call was ended by the signal, which gave it a trap. Takes that, for its trace. */
static wazero_error_t *taken_out(wazero__thread_t *thread, wazero_error_t *trap)
{
    thread->taken_out = false;
    wazero_error_t *error = wazero__attend(thread);
    return error ? wazero__error_add_trace(error, trap) : trap;
}

wazero_error_t *wazero__call_through_go(const wazero__callable_t *callable,
                                        wazero__thread_t *thread,
                                        wazero__activation_t *activation,
                                        const wazero__call_engine_t *engine,
                                        wazero__ask_t *ask, uint64_t *stack)
{
    /* Compiled code that can be found, if it is that. */
    const wz_entry *entry = engine->entry.execution_context ? &engine->entry : NULL;
    const wz_entry *outer = atomic_load(&thread->in_go);
    wazero_error_t *error = NULL;
    if (entry && !thread->park)
        error = wazero__interrupt_prepare(thread);
    if (error)
        return error;
    wazero__thread_detach(thread); /* it can be ended, not left for a while */
    wazero__thread_count_entry(thread);
    thread->taken_out = false;
    thread->held = 0;
    atomic_store(&thread->in_go, entry);
    error = wazero__call_engine(activation, ask, engine->handle, stack,
                                callable->type->slot_count);
    atomic_store(&thread->in_go, outer);
    if (thread->taken_out && error)
        error = taken_out(thread, error);
    if (!error)
        wazero__listener_end(thread, activation, NULL);
    return error;
}

HOT wazero_error_t *call_once(const wazero__callable_t *callable,
                              wazero__thread_t *thread,
                              wazero__activation_t *activation,
                              const wazero__call_engine_t *engine, uint64_t *stack)
{
    if (USUAL(engine->entry.preamble != 0))
        return wazero__direct_run(thread, activation, callable, engine, stack);
    return wazero__call_through_go(callable, thread, activation, engine,
                                   wazero__engine()->function_call, stack);
}

wazero_error_t *wazero__call_once(const wazero__callable_t *callable,
                                  wazero__thread_t *thread,
                                  wazero__activation_t *activation,
                                  const wazero__call_engine_t *engine, uint64_t *stack)
{
    return call_once(callable, thread, activation, engine, stack);
}

wazero_error_t *wazero__call_settle(wazero_error_t *error, wazero_error_t *pending)
{
    if (!pending)
        return error;
    if (!error)
        return pending;
    switch (wazero_error_kind(error)) {
    case WAZERO_ERROR_HOST:
        return wazero__error_merge(pending, error);
    case WAZERO_ERROR_EXIT:
        if (wazero_error_kind(pending) == WAZERO_ERROR_EXIT) {
            wazero_error_delete(pending);
            return error;
        }
        break;
    default:
        break;
    }
    /* A stream failed and the guest made something else of it: the cause counts. */
    wazero_error_delete(error);
    return pending;
}

/* To the engine every module that is closed has exited. Takes an error of the
 * engine's, and says CLOSED where the host closed the module, or the one that a
 * function was imported from, without an exit code. */
static wazero_error_t *tell_closed(const wazero_module_t *module, wazero_error_t *error)
{
    const wazero__link_t *link = &module->link;
    if (wazero_error_kind(error) != WAZERO_ERROR_EXIT || wazero_error_exit_code(error))
        return error;
    if (atomic_load(&module->state) == MODULE_EXITED)
        return error; /* a proc_exit(0) of its own, whatever became of its sources */
    for (size_t i = 0; i <= link->source_count; i++) {
        const wazero_module_t *one = i ? link->sources[i - 1].module : module;
        if (atomic_load(&one->state) == MODULE_CLOSED_BY_HOST && !one->exit_code) {
            wazero_error_delete(error);
            return wazero__module_check(one);
        }
    }
    return error;
}

/* ---- time ---- */

/* A deadline has been set: sees to it that somebody keeps the time. */
static wazero_error_t *watch(wazero__thread_t *thread, uint64_t until)
{
    wazero__interrupt_unblock();
    if (until < atomic_load(&thread->deadline))
        atomic_store(&thread->deadline, until);
    if (until <= wazero__now())
        atomic_store(&thread->attention, true); /* before the watchdog looks */
    return wazero__watchdog_wake();
}

/* ---- one call ---- */

static wazero_error_t *begin_unusual(wazero__thread_t *thread,
                                     const wazero__activation_t *activation)
{
    const wazero__activation_t *outer = activation->outer;
    wazero_error_t *error = NULL;
    if (outer && is_too_deep(thread, outer))
        return wazero__call_too_deep();
    if (activation->timeout != WAZERO_NO_TIMEOUT)
        error = watch(thread, activation->until);
    if (!error && atomic_load(&wazero__watchdog_asleep))
        error = wazero__watchdog_wake();
    if (!error && atomic_load(&thread->attention))
        error = wazero__attend(thread);
    return error;
}

/* Begins a call inside the group. Errors: what ends it before it has begun. */
HOT wazero_error_t *begin(wazero__thread_t *thread, wazero__activation_t *activation)
{
    atomic_store_explicit(&thread->activation, activation, memory_order_relaxed);
    /* The watchdog looks at the activation after it has said that it sleeps. */
    atomic_signal_fence(memory_order_seq_cst);
    if (USUAL(!activation->outer && activation->timeout == WAZERO_NO_TIMEOUT &&
              !atomic_load_explicit(&wazero__watchdog_asleep, memory_order_relaxed) &&
              !atomic_load_explicit(&thread->attention, memory_order_relaxed)))
        return NULL;
    return begin_unusual(thread, activation);
}

static wazero_error_t *finish_unusual(wazero__thread_t *thread,
                                      const wazero__activation_t *activation,
                                      uint64_t deadline, wazero_error_t *error)
{
    const wazero_module_t *module = activation->module;
    wazero__thread_attach(thread);
    if (activation->timeout != WAZERO_NO_TIMEOUT)
        atomic_store(&thread->deadline, deadline);
    error = wazero__call_settle(error, activation->pending);
    if (!error)
        return wazero__module_is_open(module) ? NULL : wazero__module_end_error(module);
    error = tell_closed(module, error);
    wazero__listener_end(thread, activation, error);
    return error;
}

/* Ends it, with what it reports. */
HOT wazero_error_t *finish(wazero__thread_t *thread,
                           const wazero__activation_t *activation, uint64_t deadline,
                           wazero_error_t *error)
{
    atomic_store_explicit(&thread->activation, activation->outer, memory_order_relaxed);
    if (USUAL(!error && !activation->pending && !thread->token &&
              activation->timeout == WAZERO_NO_TIMEOUT &&
              wazero__module_is_open(activation->module)))
        return NULL;
    return finish_unusual(thread, activation, deadline, error);
}

/* What a call begins with. */
HOT void fill(wazero__activation_t *activation, wazero__thread_t *thread,
              const wazero__callable_t *callable, uint64_t session, uint64_t timeout,
              uint64_t until)
{
    activation->outer = atomic_load_explicit(&thread->activation, memory_order_relaxed);
    activation->module = callable->module;
    activation->session = session;
    activation->depth = activation->outer ? activation->outer->depth + 1 : 1;
    activation->generation = wazero__fork_generation();
    activation->timeout = timeout;
    activation->until = until;
    activation->pending = NULL;
    activation->replay = false;
    activation->step = 0;
    activation->escape = NULL;
    activation->snapshots = NULL;
}

/* Runs it with an activation and a call engine, inside the group. */
HOT wazero_error_t *run(wazero__callable_t *callable, wazero__thread_t *thread,
                        uint64_t session, uint64_t timeout, uint64_t until,
                        wazero__call_body_t *body, void *argument)
{
    wazero__activation_t activation;
    wazero__call_engine_t spare, *engine;
    uint64_t deadline = atomic_load_explicit(&thread->deadline, memory_order_relaxed);
    spare.handle = 0;
    fill(&activation, thread, callable, session, timeout, until);
    wazero_error_t *error = begin(thread, &activation);
    if (!error)
        error = take_engine(callable, &spare, &engine);
    if (!error) {
        callable->depth++;
        error = body(argument, callable, thread, &activation, engine);
        callable->depth--;
    }
    if (__builtin_expect(spare.handle != 0, 0) &&
        wazero__fork_is_current(activation.generation))
        wazero__engine()->function_release(spare.handle);
    return finish(thread, &activation, deadline, error);
}

/* The error of waiting for the group for too long. Takes it. */
static wazero_error_t *waited(wazero__thread_t *thread, wazero_error_t *error,
                              uint64_t timeout, uint64_t until)
{
    if (wazero_error_kind(error) != WAZERO_ERROR_TIMEOUT)
        return error;
    wazero_error_delete(error);
    error = wazero__now() < until ? wazero__attend(thread) : NULL;
    return error ? error
                 : wazero__timeout_error(timeout, ", waiting for another thread "
                                                  "to leave the module");
}

/* Enters the group, waiting if it must. */
HOT wazero_error_t *enter(wazero__callable_t *callable, wazero__thread_t *thread,
                          uint64_t timeout, uint64_t until, uint64_t *session)
{
    wazero_module_t *module = callable->module;
    if (__builtin_expect(!wazero__fork_is_current(module->runtime->generation), 0))
        return wazero__module_check(module);
    if (__builtin_expect(!wazero__group_enter_free(module->group, thread, session),
                         0)) {
        uint64_t deadline = atomic_load(&thread->deadline);
        wazero_error_t *error =
            wazero__group_enter(module->group, deadline < until ? deadline : until);
        if (error)
            return waited(thread, error, timeout, until);
        *session = wazero__group_session(module->group);
    }
    if (__builtin_expect(wazero__module_is_open(module), 1))
        return NULL;
    wazero__group_leave(module->group);
    return wazero__module_check(module);
}

/* A function of a host module is called without any module of wasm. */
static wazero_error_t *call_host(wazero__callable_t *callable, uint64_t *stack)
{
    const wazero_function_type_t *type = callable->type;
    /* The call itself keeps the module: a host function may delete its handles. */
    wazero_module_t *module = wazero__module_retain(callable->module);
    wazero__clear_upper_halves(type->params, type->param_count, stack);
    wazero_error_t *error = wazero__host_call_directly(callable->host, stack);
    if (!error)
        wazero__clear_upper_halves(type->results, type->result_count, stack);
    wazero__module_release(module);
    return error;
}

static wazero_error_t *call_with_references(wazero__callable_t *callable,
                                            wazero__thread_t *thread, uint64_t timeout,
                                            uint64_t until, wazero__call_body_t *body,
                                            uint64_t *stack) __attribute__((noinline));

/* Runs something in the module's group. With references it is one call, and argument is
 * its stack: wazero__callable_map refuses them. */
HOT wazero_error_t *run_inside(wazero__callable_t *callable, uint64_t timeout,
                               uint64_t until, wazero__call_body_t *body,
                               void *argument)
{
    wazero__thread_t *thread = wazero__thread();
    if (__builtin_expect(callable->takes_references, 0))
        return call_with_references(callable, thread, timeout, until, body, argument);
    uint64_t session = 0;
    /* Before the module is found open: who closes it afterwards finds the thread. */
    wazero_error_t *error = USUAL(thread->listed) ? NULL : wazero__thread_list(thread);
    if (error)
        return error;
    error = enter(callable, thread, timeout, until, &session);
    if (error)
        return error;
    /* What the host deletes meanwhile is destroyed when the group is left, not before:
     * after that the callable may be gone. */
    wazero__group_t *group = callable->module->group;
    error = run(callable, thread, session, timeout, until, body, argument);
    wazero__group_leave_free(group);
    if (!USUAL(!thread->ended) && !atomic_load(&thread->activation))
        wazero__thread_end(thread);
    return error;
}

wazero_error_t *wazero__call_run(wazero__callable_t *callable, uint64_t timeout,
                                 wazero__call_body_t *body, void *argument)
{
    return run_inside(callable, timeout, wazero__end_of(timeout), body, argument);
}

HOT wazero_error_t *call_wasm(void *stack, const wazero__callable_t *callable,
                              wazero__thread_t *thread,
                              wazero__activation_t *activation,
                              const wazero__call_engine_t *engine)
{
    wazero_error_t *error = call_once(callable, thread, activation, engine, stack);
    if (USUAL(!error))
        wazero__clear_upper_halves(callable->type->results,
                                   callable->type->result_count, stack);
    return error;
}

/* Runs the call inside the group, on a copy of the stack: where the call fails the
 * caller still has the references that he gave. */
static __attribute__((noinline)) wazero_error_t *
run_with_references(wazero__callable_t *callable, wazero__thread_t *thread,
                    uint64_t session, uint64_t timeout, uint64_t until,
                    wazero__call_body_t *body, uint64_t *stack)
{
    enum { SMALL = 16 };
    const wazero_function_type_t *type = callable->type;
    wazero__values_t params = wazero__callable_params(callable);
    wazero__values_t results = wazero__callable_results(callable);
    uint64_t small[SMALL], *copy = small;
    if (type->slot_count > SMALL) {
        copy = malloc(type->slot_count * sizeof *copy);
        if (!copy)
            return wazero__error_memory();
    }
    memcpy(copy, stack, type->param_slot_count * sizeof *copy);
    wazero_error_t *error = wazero__references_in(&params, copy);
    if (!error)
        error = run(callable, thread, session, timeout, until, body, copy);
    if (!error)
        error = wazero__references_out(&results, copy);
    if (!error)
        memcpy(stack, copy, type->result_slot_count * sizeof *copy);
    if (copy != small)
        free(copy);
    return error;
}

/* Calls a function in whose types there are references: they are translated inside the
 * group. */
static wazero_error_t *call_with_references(wazero__callable_t *callable,
                                            wazero__thread_t *thread, uint64_t timeout,
                                            uint64_t until, wazero__call_body_t *body,
                                            uint64_t *stack)
{
    wazero_module_t *module = callable->module;
    uint64_t session = 0;
    wazero_error_t *error = wazero__module_check(module);
    if (!error)
        error = wazero__callable_know(callable);
    if (error)
        return error;
    wazero__externrefs_tidy(module);
    wazero__values_t params = wazero__callable_params(callable);
    error = wazero__references_join(&params, stack, until);
    if (error)
        return waited(thread, error, timeout, until);
    error = thread->listed ? NULL : wazero__thread_list(thread);
    if (!error)
        error = enter(callable, thread, timeout, until, &session);
    if (error)
        return error;
    wazero__group_t *group = module->group;
    error = run_with_references(callable, thread, session, timeout, until, body, stack);
    wazero__group_leave(group);
    if (thread->ended && !atomic_load(&thread->activation))
        wazero__thread_end(thread);
    return error;
}

wazero_error_t *wazero__callable_call_until(wazero__callable_t *callable,
                                            uint64_t *stack, uint64_t timeout,
                                            uint64_t until)
{
    if (!USUAL(!callable->host))
        return call_host(callable, stack);
    return run_inside(callable, timeout, until, call_wasm, stack);
}

wazero_error_t *wazero__callable_call(wazero__callable_t *callable, uint64_t *stack,
                                      uint64_t timeout)
{
    if (!USUAL(timeout == WAZERO_NO_TIMEOUT))
        return wazero__callable_call_until(callable, stack, timeout,
                                           wazero__end_of(timeout));
    if (!USUAL(!callable->host))
        return call_host(callable, stack);
    return run_inside(callable, WAZERO_NO_TIMEOUT, UINT64_MAX, call_wasm, stack);
}

bool wazero__callable_is_direct(const wazero__callable_t *callable)
{
    return !callable->host && callable->module->context;
}
