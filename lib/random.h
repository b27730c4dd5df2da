/*
 * random.h - where a guest's random numbers come from: from a seed (the default is an
 * empty one, the same in every run), from the system, or from a function of the host's.
 *
 * A configuration has the source; a module has a copy, and the state of its generator,
 * which belongs to the thread inside. The host's function is called attached.
 */
#ifndef WAZERO_LIB_RANDOM_H
#define WAZERO_LIB_RANDOM_H

#include "shared.h"
#include "wazero.h"

enum { WAZERO__SEED_MAX = 32 };

typedef enum {
    WAZERO__RANDOM_SEED = 0,
    WAZERO__RANDOM_SYSTEM,
    WAZERO__RANDOM_CALL
} wazero__random_kind_t;

/* A source; zeroed it is the default. */
typedef struct {
    wazero__random_kind_t kind;
    uint8_t seed[WAZERO__SEED_MAX]; /* zero behind its size */
    size_t seed_size;
    wazero_random_function_t call;
    wazero__shared_t *user; /* a reference, or NULL */
    /* The generator's: */
    uint64_t block;     /* the number of the next one */
    uint8_t output[64]; /* the last one */
    size_t left;        /* bytes at the end of output that were not handed out */
} wazero__random_t;

/* The same source, with a reference of its own, as new. */
void wazero__random_copy(wazero__random_t *random, const wazero__random_t *from);

/* Gives the reference back, and makes it the default. */
void wazero__random_clear(wazero__random_t *random);

/* Whether it is the default, which wazero's own WASI fills in by itself. */
bool wazero__random_is_default(const wazero__random_t *random);

/* Fills size bytes at buffer. What takes long is ended by what asks for the thread's
 * attention. Errors: those of wazero__attend, what the host's function reports,
 * INTERNAL. */
wazero_error_t *wazero__random_read(wazero__random_t *random, void *buffer,
                                    size_t size);

#endif
