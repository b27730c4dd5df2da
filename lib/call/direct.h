/*
 * direct.h - the direct path: running compiled code from C, with Go asked only for what
 * Go has to do.
 */
#ifndef WAZERO_LIB_CALL_DIRECT_H
#define WAZERO_LIB_CALL_DIRECT_H

#include "call/call.h"
#include "call/enter.h"
#include "call/offsets.h"
#include "module.h"

/* Asks a freshly loaded engine for its layout. The path stays off where it is not what
 * the assembly files expect, where no signal is free, on other machines, and with
 * WAZERO_DIRECT=0. */
void wazero__direct_load(const wz_engine *engine);

bool wazero__direct_is_on(void);

/* The exit code of a trap, "unreachable". May be called in a signal handler. */
uint32_t wazero__direct_trap(void);

/* Whether an address is in Go's memmove. May be called in a signal handler. */
bool wazero__direct_is_memmove(uintptr_t address);

/* Has the engine come back from the step of the innermost call that waits for it. */
void wazero__direct_arm(const wazero__activation_t *activation);

/* Makes the thread ready to enter wasm. Errors: MEMORY, INTERNAL. */
wazero_error_t *wazero__direct_prepare(wazero__thread_t *thread, size_t max_stack)
    __attribute__((cold));

/* Goes on with a call that has come back with an exit code, or that is not of a
 * function of its module, until it is over. */
wazero_error_t *wazero__direct_go_on(wazero__thread_t *thread,
                                     wazero__activation_t *activation,
                                     const wazero__callable_t *callable,
                                     const wazero__call_engine_t *engine,
                                     uint64_t *stack, uint32_t exit_code,
                                     uintptr_t top);

/* A call needs at least this much of the wasm stack. */
enum { WAZERO__STACK_LEAST = 16 * 1024 };

/* Runs a function that has an entry, on this thread's wasm stack, inside the group.
 * Errors: those of the engine; STACK_OVERFLOW; what wazero__attend reports; FORKED. */
static inline __attribute__((always_inline)) wazero_error_t *
wazero__direct_run(wazero__thread_t *thread, wazero__activation_t *activation,
                   const wazero__callable_t *callable,
                   const wazero__call_engine_t *engine, uint64_t *stack)
{
    const wz_entry *entry = &engine->entry;
    uintptr_t context = entry->execution_context;
    size_t max_stack = callable->module->max_stack;
    if (__builtin_expect(!wazero__thread_is_ready(thread, max_stack) || !thread->park,
                         0)) {
        wazero_error_t *error = wazero__direct_prepare(thread, max_stack);
        if (error)
            return error;
    }
    uintptr_t top = thread->wasm_top;
    uintptr_t bottom = top - max_stack;
    if (__builtin_expect(top == thread->wasm_highest, 1))
        thread->wasm_bottom = bottom;
    else if (bottom < thread->wasm_bottom)
        bottom = thread->wasm_bottom;
    if (__builtin_expect(top < bottom + WAZERO__STACK_LEAST, 0))
        return wazero__call_too_deep();
    *(uintptr_t *)(context + OFFSET_STACK_BOTTOM) = bottom;
    *entry->stack_top = top;
    wazero__thread_count_entry(thread);
    wazero__thread_run(thread, context);
    uint32_t exit_code = wazero__enter(entry, stack, top);
    wazero__thread_run(thread, 0);
    if (__builtin_expect(
            exit_code == 0 && entry->module_context == callable->module->context, 1))
        return NULL;
    return wazero__direct_go_on(thread, activation, callable, engine, stack, exit_code,
                                top);
}

#endif
