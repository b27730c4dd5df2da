/*
 * direct.h - the direct path: running compiled code from C, with Go asked only for what
 * Go has to do.
 */
#ifndef WAZERO_LIB_CALL_DIRECT_H
#define WAZERO_LIB_CALL_DIRECT_H

#include "call/call.h"

/* Asks a freshly loaded engine for its layout. The path stays off where it is not what
 * the assembly files expect, where no signal is free, on other machines, and with
 * WAZERO_DIRECT=0. */
void wazero__direct_load(const wz_engine *engine);

bool wazero__direct_is_on(void);

/* Whether an address is in Go's memmove. May be called in a signal handler. */
bool wazero__direct_is_memmove(uintptr_t address);

/* Runs a function that has an entry, on this thread's wasm stack, inside the group.
 * Errors: those of the engine; STACK_OVERFLOW; what wazero__attend reports; FORKED. */
wazero_error_t *wazero__direct_run(wazero__thread_t *thread,
                                   wazero__activation_t *activation,
                                   const wazero__callable_t *callable,
                                   const wazero__call_engine_t *engine,
                                   uint64_t *stack);

#endif
