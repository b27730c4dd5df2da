/*
 * interrupt.h - taking a thread out of wasm, and putting it back.
 *
 * The watchdog sends a signal to a thread whose attention is wanted. Its handler looks
 * whether the thread is in the body of a wasm function, on its wasm stack; then it
 * saves the registers (the thread is *parked*) and sends the thread to
 * wazero__exit_stub, so that C sees the exit code EXIT_PARKED. C ends the call, or has
 * a second signal put the registers back. A thread that Go has sent into wasm (for a
 * runtime with exceptions) is only sent out of it, to Go, and only to end the call.
 */
#ifndef WAZERO_LIB_CALL_INTERRUPT_H
#define WAZERO_LIB_CALL_INTERRUPT_H

#include "thread.h"

/* Beside wazero's exit codes: the thread was parked; it could not be put back. */
#define WAZERO__EXIT_PARKED 0xffffffffU
#define WAZERO__EXIT_LOST 0xfffffffeU

typedef struct wazero__parked wazero__parked_t;

/* Whether there is a signal for it: at the first time, takes a real-time signal that
 * nobody has a use for. */
bool wazero__interrupt_has_signal(void);

/* Makes the thread one that can be parked. Errors: MEMORY. */
wazero_error_t *wazero__interrupt_prepare(wazero__thread_t *thread);
void wazero__interrupt_release(wazero__thread_t *thread);

/* Unblocks the signal in the calling thread, should somebody have blocked it. */
void wazero__interrupt_unblock(void);

/* The host gets the thread from a call that Go has entered, or from no such: it is left
 * as if the signal had not been there. Returns the call's in_go, to be put back. */
const wz_entry *wazero__interrupt_leave(wazero__thread_t *thread);

/* Sends the signal to a thread on the registry, which is locked. */
void wazero__interrupt_send(wazero__thread_t *thread);

/* Sees to it that the thread can be parked once more while a parked call waits. Errors:
 * MEMORY. */
wazero_error_t *wazero__interrupt_provide(wazero__thread_t *thread);

/* Where the parked thread was: takes it, so that the thread can do other things. */
wazero__parked_t *wazero__parked_take(wazero__thread_t *thread);

/* The stack pointer that it had. */
uintptr_t wazero__parked_stack(const wazero__parked_t *parked);

/* Goes on with it; returns as wazero__resume does. */
uint32_t wazero__parked_resume(wazero__thread_t *thread, wazero__parked_t *parked,
                               uintptr_t execution_context);

/* Gives it up. The execution context then says where it was, for a stack trace; false
 * if no trace can begin there. */
bool wazero__parked_abandon(wazero__thread_t *thread, wazero__parked_t *parked,
                            uintptr_t execution_context);

#endif
