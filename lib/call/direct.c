/*
 * direct.c - entering compiled code, and seeing to what it comes back for. See
 * direct.h.
 *
 * Compiled code comes back with an exit code: at its end, for a host function, for
 * something that only Go can do, in a trap, at the end of its stack, or because a
 * signal parked the thread. Host functions of lib's are called from here. Most of what
 * is Go's is a *step*: wazero's own loop sees to the exit code and then, instead of
 * going on with the wasm, finds a stub at the return address and returns. So a trap's
 * message and trace are wazero's, word by word.
 */
#include "call/direct.h"

#include <stdlib.h>

#include "call/attend.h"
#include "call/interrupt.h"
#include "call/wait.h"
#include "engine.h"
#include "error.h"
#include "fork.h"
#include "lines.h"
#include "listener.h"
#include "value.h"

/* What x86-64 code may use below its stack pointer, and some more. */
static const uintptr_t RED_ZONE = 256;

static wz_layout layout;
static bool is_on;

/* ---- the layout ---- */

#if WAZERO__CAN_ENTER
_Static_assert(offsetof(wz_entry, preamble) == OFFSET_ENTRY_PREAMBLE &&
                   offsetof(wz_entry, executable) == OFFSET_ENTRY_EXECUTABLE &&
                   offsetof(wz_entry, execution_context) ==
                       OFFSET_ENTRY_EXECUTION_CONTEXT &&
                   offsetof(wz_entry, module_context) == OFFSET_ENTRY_MODULE_CONTEXT,
               "as enter_*.S has it");

static bool is_as_expected(const wz_layout *found)
{
    return found->exit_code == OFFSET_EXIT_CODE &&
           found->caller_module_context == OFFSET_CALLER_MODULE_CONTEXT &&
           found->original_frame_pointer == OFFSET_ORIGINAL_FRAME_POINTER &&
           found->original_stack_pointer == OFFSET_ORIGINAL_STACK_POINTER &&
           found->go_return_address == OFFSET_GO_RETURN_ADDRESS &&
           found->stack_bottom == OFFSET_STACK_BOTTOM &&
           found->go_call_return_address == OFFSET_GO_CALL_RETURN_ADDRESS &&
           found->stack_pointer_before_go_call == OFFSET_STACK_POINTER_BEFORE_GO_CALL &&
           found->callee_module_context == OFFSET_CALLEE_MODULE_CONTEXT &&
           found->frame_pointer_before_go_call == OFFSET_FRAME_POINTER_BEFORE_GO_CALL;
}

void wazero__direct_load(const wz_engine *engine)
{
    const char *said = getenv("WAZERO_DIRECT");
    is_on = !(said && strcmp(said, "0") == 0) && wazero__interrupt_has_signal() &&
            engine->direct_layout((uintptr_t)wazero__return_stub, &layout) &&
            is_as_expected(&layout);
}
#else
void wazero__direct_load(const wz_engine *engine)
{
    (void)engine;
}
#endif

bool wazero__direct_is_on(void)
{
    return is_on;
}

uint32_t wazero__direct_trap(void)
{
    return layout.unreachable;
}

bool wazero__direct_is_memmove(uintptr_t address)
{
    return address - layout.memmove < layout.memmove_size;
}

/* ---- the execution context ---- */

static inline uintptr_t get(uintptr_t context, size_t offset)
{
    return *(const uintptr_t *)(context + offset);
}

static inline void set(uintptr_t context, size_t offset, uintptr_t value)
{
    *(uintptr_t *)(context + offset) = value;
}

static inline void set_exit_code(uintptr_t context, uint32_t code)
{
    *(uint32_t *)(context + OFFSET_EXIT_CODE) = code;
}

/* ---- one call ---- */

typedef struct {
    wazero__thread_t *thread;
    wazero__activation_t *activation;
    const wazero__callable_t *callable;
    const wazero__call_engine_t *engine;
    uintptr_t context;
    uint64_t *stack;
    bool ended; /* inside Go, with its results on the stack */
} call_t;

/* In a forked child, which must not go on. */
static bool has_forked(const call_t *call)
{
    return !wazero__fork_is_current(call->activation->generation);
}

/* Has Go see to the exit code. It goes on at the address that is in the context. */
static wazero_error_t *ask_go(const call_t *call)
{
    return wazero__call_engine(call->activation, wazero__engine()->function_step,
                               call->engine->handle, call->stack,
                               call->callable->type->slot_count);
}

/* Has Go see to it and come back. */
static wazero_error_t *step(call_t *call)
{
    uintptr_t real = get(call->context, OFFSET_GO_CALL_RETURN_ADDRESS);
    set(call->context, OFFSET_GO_CALL_RETURN_ADDRESS, (uintptr_t)wazero__step_stub);
    wazero_error_t *error = ask_go(call);
    if (error || has_forked(call))
        return error;
    call->ended = get(call->context, OFFSET_GO_CALL_RETURN_ADDRESS) != 0;
    set(call->context, OFFSET_GO_CALL_RETURN_ADDRESS, real);
    return NULL;
}

/* The same where Go tells listeners, and may call a function of the host between them.
 * They look at the stack, and what they report gets a trace: both begin at the return
 * address, so it is the real one until the last of them has been told (callbacks.c). */
static wazero_error_t *step_listener(call_t *call)
{
    uintptr_t real = get(call->context, OFFSET_GO_CALL_RETURN_ADDRESS);
    call->activation->step = call->context;
    wazero_error_t *error = ask_go(call);
    call->activation->step = 0;
    if (error || has_forked(call))
        return error;
    call->ended = get(call->context, OFFSET_GO_CALL_RETURN_ADDRESS) != 0;
    set(call->context, OFFSET_GO_CALL_RETURN_ADDRESS, real);
    return NULL;
}

void wazero__direct_arm(const wazero__activation_t *activation)
{
    set(activation->step, OFFSET_GO_CALL_RETURN_ADDRESS, (uintptr_t)wazero__step_stub);
}

/* A trap's text and trace, from wazero. */
static wazero_error_t *end_in_trap(const call_t *call)
{
    wazero__lines_prepare(call->activation->module);
    wazero_error_t *error = ask_go(call);
    return error ? error
                 : wazero__error(WAZERO_ERROR_INTERNAL,
                                 "the engine has no error for a trap");
}

/* The error with a trace of where the call is. Takes error. */
static wazero_error_t *with_trace(const call_t *call, wazero_error_t *error)
{
    set_exit_code(call->context, layout.unreachable);
    error = wazero__error_add_trace(error, end_in_trap(call));
    wazero__lines_split(call->activation->module, error);
    return error;
}

static wazero_error_t *end_of_stack(const call_t *call)
{
    static const char text[] = "wasm error: stack overflow";
    wazero_error_t *error =
        wazero__error_from_engine(WAZERO_ERROR_TRAP, text, sizeof text - 1, 0);
    return WAZERO__TRACE_ANYWHERE ? with_trace(call, error) : error;
}

/* ---- host functions ---- */

/* The function that the code calls, if it is one of lib's. */
static wazero__host_t *find_host(const call_t *call, uint32_t exit_code)
{
    uintptr_t function = get(call->context, OFFSET_CALLEE_MODULE_CONTEXT) +
                         layout.functions + (exit_code >> 8) * 16;
    if (get(function, 0) != layout.function_type)
        return NULL;
    return *(wazero__host_t **)get(function, 8);
}

/* The module of a module context; *found is false if the engine has closed it. */
static wazero_module_t *find_module(const wazero__activation_t *activation,
                                    uintptr_t context, bool *found)
{
    *found = true;
    if (context == activation->module->context)
        return activation->module;
    uintptr_t hooks = get(get(context, 0), layout.module_hooks);
    *found = hooks != 0;
    return hooks ? *(wazero_module_t **)hooks : NULL;
}

/* What a failed host function reports, with the text and the trace that Go makes of it.
 * Go is told by the same function, which finds the error and does not run again. */
static wazero_error_t *end_in_host(const call_t *call, wazero_error_t *error)
{
    wazero__activation_t *activation = call->activation;
    if (activation->pending)
        wazero_error_delete(error);
    else
        activation->pending = error;
    /* An exit has no trace. */
    if (wazero_error_kind(activation->pending) != WAZERO_ERROR_EXIT)
        wazero__lines_prepare(activation->module);
    activation->replay = true;
    error = ask_go(call);
    activation->replay = false;
    return error;
}

/* Slots of a host call begin behind what is on top of the stack. */
static uint64_t *slots_of(const call_t *call)
{
#if defined(__aarch64__)
    const size_t above = 16;
#else
    const size_t above = 8;
#endif
    return (uint64_t *)(get(call->context, OFFSET_STACK_POINTER_BEFORE_GO_CALL) +
                        above);
}

static wazero_error_t *call_function(call_t *call, uint32_t exit_code)
{
    wazero__host_t *host = find_host(call, exit_code);
    uintptr_t context = get(call->context, OFFSET_CALLER_MODULE_CONTEXT);
    bool found;
    wazero_module_t *caller = find_module(call->activation, context, &found);
    if (!host || !found) {
        wazero__thread_detach(call->thread); /* it may read, or sleep */
        return step(call);
    }
    uint64_t *slots = slots_of(call);
    if (!host->native)
        wazero__thread_attach(call->thread);
    wazero__clear_upper_halves(host->type->params, host->type->param_count, slots);
    wazero_error_t *error = wazero__host_call(host, caller, slots);
    if (has_forked(call))
        return error ? error : wazero__fork_error("call");
    return error ? end_in_host(call, error) : NULL;
}

/* ---- waiting ---- */

/* memory.atomic.wait of so many bytes. In memory that is not shared it is a trap. */
static wazero_error_t *wait_at(const call_t *call, size_t width)
{
    uint64_t *slots = slots_of(call), expected = slots[1];
    bool found;
    const wazero_module_t *caller = find_module(
        call->activation, get(call->context, OFFSET_CALLER_MODULE_CONTEXT), &found);
    if (caller && !caller->compiled->parsed->memory.shared)
        return end_in_trap(call);
    if (width == sizeof(uint32_t))
        expected = (uint32_t)expected;
    wazero__thread_detach(call->thread);
    wazero_error_t *error = wazero__wait(call->thread, slots[2], width, expected,
                                         (int64_t)slots[0], &slots[0]);
    return error && !has_forked(call) ? with_trace(call, error) : error;
}

/* ---- the loop ---- */

/* What Go does, or a host function. */
static wazero_error_t *see_to(call_t *call, uint32_t exit_code)
{
    unsigned why = exit_code & 0xff;
    call->thread->wasm_top =
        get(call->context, OFFSET_STACK_POINTER_BEFORE_GO_CALL) & ~(uintptr_t)15;
    switch (why < WZ_EXIT_COUNT ? layout.exits[why] : WZ_EXIT_UNKNOWN) {
    case WZ_EXIT_FUNCTION:
        return call_function(call, exit_code);
    case WZ_EXIT_STEP:
        return step(call);
    case WZ_EXIT_LISTENED_FUNCTION:
        wazero__thread_detach(call->thread); /* it may read, or sleep */
        return step_listener(call);
    case WZ_EXIT_LISTENER:
        return step_listener(call);
    case WZ_EXIT_WAIT32:
        return wait_at(call, sizeof(uint32_t));
    case WZ_EXIT_WAIT64:
        return wait_at(call, sizeof(uint64_t));
    case WZ_EXIT_NOTIFY:
        slots_of(call)[0] =
            wazero__notify(slots_of(call)[1], (uint32_t)slots_of(call)[0]);
        return NULL;
    case WZ_EXIT_TRAP:
        return end_in_trap(call);
    case WZ_EXIT_STACK:
        return end_of_stack(call);
    default:
        return wazero__error(WAZERO_ERROR_INTERNAL,
                             "compiled code came back with exit code %u", exit_code);
    }
}

/* Sees to what is asked of the thread before it goes on where it left for the host. */
static wazero_error_t *resume(const call_t *call, uint32_t *exit_code)
{
    wazero__thread_t *thread = call->thread;
    if (atomic_load_explicit(&thread->attention, memory_order_relaxed)) {
        wazero_error_t *error = wazero__attend(thread);
        if (has_forked(call))
            return error ? error : wazero__fork_error("call");
        if (error)
            return with_trace(call, error);
    }
    set_exit_code(call->context, 0);
    wazero__thread_count_entry(thread);
    wazero__thread_run(thread, call->context);
    *exit_code = wazero__resume(call->context);
    wazero__thread_run(thread, 0);
    return NULL;
}

/* The thread was parked: sees to what is asked of it and puts it back. It has been in
 * wasm for long then, or will be: the host's lock is let go. */
static wazero_error_t *leave_and_return(const call_t *call, uint32_t *exit_code)
{
    wazero__thread_t *thread = call->thread;
    wazero__parked_t *parked = wazero__parked_take(thread);
    thread->wasm_top = (wazero__parked_stack(parked) - RED_ZONE) & ~(uintptr_t)15;
    wazero__group_t *group = wazero__group_freeze(call->activation->module->group);
    wazero_error_t *error = wazero__attend(thread);
    wazero__group_thaw(group);
    if (!error && has_forked(call))
        error = wazero__fork_error("call");
    if (error) {
        bool has_trace = wazero__parked_abandon(thread, parked, call->context);
        return has_trace && !has_forked(call) ? with_trace(call, error) : error;
    }
    wazero__thread_detach(thread);
    *exit_code = wazero__parked_resume(thread, parked, call->context);
    wazero__thread_run(thread, 0);
    return NULL;
}

/* Goes on with a call that has come back, until it is over. */
static wazero_error_t *go_on(call_t *call, uint32_t exit_code)
{
    wazero_error_t *error = NULL;
    while (exit_code && !error && !call->ended) {
        if (exit_code == WAZERO__EXIT_PARKED) {
            error = leave_and_return(call, &exit_code);
        } else if (exit_code == WAZERO__EXIT_LOST) {
            error =
                wazero__error(WAZERO_ERROR_INTERNAL,
                              "the signal that lets a call go on was not delivered: "
                              "another part of the program has taken it");
        } else {
            error = see_to(call, exit_code);
            /* In a forked child the error may wait in the activation. */
            if (has_forked(call))
                return error;
            if (!error && !call->ended)
                error = resume(call, &exit_code);
        }
    }
    if (!has_forked(call))
        set_exit_code(call->context, 0); /* the call engine can be used again */
    return error;
}

/* A function that the module imports and exports again has run: as wazero does, says so
 * if the module that it is of is closed. */
static wazero_error_t *check_home(call_t *call)
{
    bool found;
    wazero_module_t *home =
        find_module(call->activation, call->engine->entry.module_context, &found);
    if (!found)
        return ask_go(call); /* with the exit code OK: the end of a call */
    return home && !wazero__module_is_open(home) ? wazero__module_end_error(home)
                                                 : NULL;
}

wazero_error_t *wazero__direct_prepare(wazero__thread_t *thread, size_t max_stack)
{
    wazero_error_t *error = NULL;
    if (!wazero__thread_is_ready(thread, max_stack) &&
        (!thread->prepared || thread->wasm_top == thread->wasm_highest))
        error = wazero__thread_prepare(thread, max_stack);
    if (!error && !thread->park)
        error = wazero__interrupt_provide(thread);
    return error;
}

wazero_error_t *wazero__direct_go_on(wazero__thread_t *thread,
                                     wazero__activation_t *activation,
                                     const wazero__callable_t *callable,
                                     const wazero__call_engine_t *engine,
                                     uint64_t *stack, uint32_t exit_code, uintptr_t top)
{
    call_t call = {
        thread, activation, callable, engine, engine->entry.execution_context,
        stack,  false};
    wazero_error_t *error = go_on(&call, exit_code);
    if (!error && engine->entry.module_context != activation->module->context &&
        !has_forked(&call))
        error = check_home(&call);
    if (!error)
        wazero__listener_end(thread, activation, NULL);
    thread->wasm_top = top;
    return error;
}
