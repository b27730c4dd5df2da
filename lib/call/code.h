/*
 * code.h - which addresses are bodies of wasm functions: where a thread may be taken
 * out of wasm.
 */
#ifndef WAZERO_LIB_CALL_CODE_H
#define WAZERO_LIB_CALL_CODE_H

#include "wazero.h"

/* Adds a range; the same one may be added several times. False without memory: then
 * code there is not interrupted. */
bool wazero__code_add(uintptr_t begin, size_t size);

/* Takes one back. */
void wazero__code_remove(uintptr_t begin);

/* Whether an address is in a range. May be called in a signal handler. */
bool wazero__code_contains(uintptr_t address);

/* In a forked child: other threads are gone, whatever they were doing here. */
void wazero__code_forget(void);

#endif
