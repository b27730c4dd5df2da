/*
 * call.c - entering a module: the one way by which lib runs wasm.
 *
 * A call goes through the engine whole, in Go, for now; entering compiled code from C
 * (shared design, direct-call.md) takes the place of run_in_engine and leaves
 * everything around it as it is: the group that is entered, the activation that host
 * calls find, and what becomes of errors.
 */
#include "call/call.h"

#include <pthread.h>

#include "engine.h"
#include "error.h"
#include "fork.h"
#include "module.h"
#include "value.h"

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
    callable->takes_references =
        wazero__type_any(type, wazero__type_is_function_reference);
}

void wazero__callable_clear(wazero__callable_t *callable)
{
    for (int i = 0; i < CALLABLE_KEPT; i++)
        if (callable->kept[i])
            wazero__engine()->function_release(callable->kept[i]);
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

/* Calls nest through host functions, on the C stack: an endless recursion must end
 * as one inside wasm does. */
static wazero_error_t *check_stack(wazero__thread_t *thread)
{
    if (!thread->activation)
        return NULL;
    if (thread->activation->depth < DEPTH_MAX &&
        (uintptr_t)__builtin_frame_address(0) > stack_limit(thread))
        return NULL;
    static const char text[] = "wasm error: stack overflow\nwasm stack trace:\n\t"
                               "... calls nested through host functions";
    return wazero__error_from_engine(WAZERO_ERROR_TRAP, text, sizeof text - 1, 0);
}

/* ---- running ---- */

/* Has the engine call a function. In a child that a host function forks, the callback
 * leaves the dead engine's frames behind and comes back here a second time. */
static wazero_error_t *call_engine(wazero__activation_t *activation, wz_handle function,
                                   uint64_t *stack, size_t slot_count)
{
    wz_error failure = {0};
    if (_setjmp(activation->escape))
        return NULL; /* the callback left its error in the activation */
    if (wazero__engine()->function_call(function, stack, slot_count, &failure))
        return NULL;
    return wazero__engine_error(&failure);
}

/* Has the engine run the function, on a call engine that nobody uses. */
static wazero_error_t *run_in_engine(wazero__callable_t *callable,
                                     wazero__activation_t *activation, uint64_t *stack)
{
    const wz_engine *engine = wazero__engine();
    wz_error failure = {0};
    unsigned depth = callable->depth;
    wz_handle spare = 0;
    wz_handle *function = depth < CALLABLE_KEPT ? &callable->kept[depth] : &spare;
    if (!*function && !engine->function_new(callable->module->handle, callable->index,
                                            function, &failure))
        return wazero__engine_error(&failure);
    callable->depth++;
    wazero_error_t *error =
        call_engine(activation, *function, stack, callable->type->slot_count);
    callable->depth--;
    if (spare && wazero__fork_is_current(activation->generation))
        engine->function_release(spare);
    return error;
}

/* What a call reports, out of what the engine did and what host functions left. */
static wazero_error_t *settle(wazero_error_t *error, wazero_error_t *pending)
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

/* Zeroes the upper halves of the values that have none; wasm leaves them as they
 * were. */
static void clear_upper_halves(const wazero_value_type_t *types, size_t count,
                               uint64_t *stack)
{
    for (size_t i = 0, slot = 0; i < count; i++, slot++) {
        if (types[i] == WAZERO_TYPE_I32 || types[i] == WAZERO_TYPE_F32)
            stack[slot] = (uint32_t)stack[slot];
        slot += types[i] == WAZERO_TYPE_V128;
    }
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

/* Runs the function with an activation, inside the group. */
static wazero_error_t *run(wazero__callable_t *callable, uint64_t *stack)
{
    wazero_module_t *module = callable->module;
    wazero__thread_t *thread = wazero__thread();
    wazero_error_t *error = check_stack(thread);
    if (error)
        return error;
    wazero__activation_t activation = {
        .outer = thread->activation,
        .depth = thread->activation ? thread->activation->depth + 1 : 1,
        .generation = wazero__fork_generation(),
    };
    thread->activation = &activation;
    error = run_in_engine(callable, &activation, stack);
    thread->activation = activation.outer;
    error = settle(error, activation.pending);
    if (!error && !wazero__module_is_open(module))
        return wazero__module_end_error(module);
    return error ? tell_closed(module, error) : NULL;
}

/* Enters the group for it; by then the module may have been closed. */
static wazero_error_t *run_in_group(wazero__callable_t *callable, uint64_t *stack)
{
    wazero_module_t *module = callable->module;
    wazero_error_t *error = wazero__group_enter(module->group);
    if (error)
        return error;
    error = wazero__module_check(module);
    if (!error)
        error = run(callable, stack);
    wazero__group_leave(module->group);
    return error;
}

wazero_error_t *wazero__callable_call(wazero__callable_t *callable, uint64_t *stack)
{
    wazero_module_t *module = callable->module;
    wazero_error_t *error = wazero__module_check(module);
    if (error)
        return error;
    if (callable->takes_references)
        return wazero__error(
            WAZERO_ERROR_INVALID,
            "the function has function references among its types, which "
            "this version cannot pass");
    const wazero_function_type_t *type = callable->type;
    /* The call itself keeps the module: a host function may delete its handles. */
    wazero__module_retain(module);
    if (callable->host) {
        clear_upper_halves(type->params, type->param_count, stack);
        error = wazero__host_call(callable->host, NULL, stack);
    } else {
        error = run_in_group(callable, stack);
    }
    if (!error)
        clear_upper_halves(type->results, type->result_count, stack);
    wazero__module_release(module);
    return error;
}
