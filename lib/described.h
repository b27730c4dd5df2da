/*
 * described.h - what wazero tells of a function, copied out of the engine's description
 * (engine/listening.go): of the ones that are listened to, and of the frames of a
 * stack.
 *
 * Immutable.
 */
#ifndef WAZERO_LIB_DESCRIBED_H
#define WAZERO_LIB_DESCRIBED_H

#include "wazero.h"

typedef struct {
    wazero_function_definition_t definition;
    wazero_function_type_t type;
} wazero__described_t;

/* Reads a description, into one allocation that free() gives back. NULL without
 * memory. */
wazero__described_t *wazero__described_new(const void *description, size_t size);

#endif
