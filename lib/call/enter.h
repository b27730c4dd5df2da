/*
 * enter.h - what enter_amd64.S and enter_arm64.S do: the way into compiled code and out
 * of it.
 *
 * Compiled code runs on a stack of its own and leaves by loading the frame and stack
 * pointer that the execution context keeps as "original" and returning. So each of the
 * functions below that goes in saves the registers that C wants kept, has the execution
 * context point at its own frame, and returns the exit code once the code has left, by
 * whatever way: the end of the function, an exit sequence, or wazero__exit_stub, to
 * which a signal handler sends it.
 */
#ifndef WAZERO_LIB_CALL_ENTER_H
#define WAZERO_LIB_CALL_ENTER_H

#include "engine_abi.h"

#if (defined(__x86_64__) || defined(__aarch64__)) && defined(__linux__)
#define WAZERO__CAN_ENTER 1
#else
#define WAZERO__CAN_ENTER 0
#endif

/* Whether wazero's walk along the frames, for a trace, can begin anywhere in a
 * function, and where the end of the stack is found out; else only at calls of the
 * host. */
#if defined(__x86_64__)
#define WAZERO__TRACE_ANYWHERE true
#else
#define WAZERO__TRACE_ANYWHERE false
#endif

/* Enters a function: parameters from stack, results to it, on a wasm stack that begins
 * at top, a multiple of 16. */
uint32_t wazero__enter(const wz_entry *entry, uint64_t *stack, uintptr_t top);

/* Goes on where the code left for the host: at go_call_return_address, with the stack
 * and frame pointer from before. The exit code must be OK. */
uint32_t wazero__resume(uintptr_t execution_context);

/* Calls again, which has a signal handler put the thread back to where it was parked.
 * Should again return, the exit code is what it was before. */
uint32_t wazero__unpark(uintptr_t execution_context, void (*again)(void));

/* Not to be called. The stubs get the execution context in the register in which
 * compiled code has its first argument (rax, x0).
 * Leaves for C, as an exit sequence of compiled code does. */
void wazero__exit_stub(void);

/* For go_call_return_address, where Go runs and what it runs is to be ended: wasm goes
 * no further, until a signal handler sees it here, and changes no register meanwhile.
 * It takes WAZERO__HOLD_SIZE bytes at most. */
void wazero__hold_stub(void);
enum { WAZERO__HOLD_SIZE = 16 };

/* For go_call_return_address in a step: zeroes that field, so that C sees that Go came
 * here, and returns to Go. */
void wazero__step_stub(void);

/* In place of a preamble in a step: only returns. */
void wazero__return_stub(void);

#endif
