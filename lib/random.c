/*
 * random.c - the three kinds of random numbers. See random.h.
 *
 * From a seed come the blocks of ChaCha20 (RFC 8439's rounds, with Bernstein's 64-bit
 * counter from 0 on): its key is the seed with zeros behind, its nonce the seed's size.
 */
#include "random.h"

#include <errno.h>
#include <sys/random.h>

#include "call/attend.h"
#include "error.h"

/* What is asked for at a time, so that neither the system nor a host's function holds
 * up the end of a call. */
static const size_t CHUNK = 65536;

void wazero__random_copy(wazero__random_t *random, const wazero__random_t *from)
{
    *random = *from;
    random->block = 0;
    random->left = 0;
    wazero__shared_retain(random->user);
}

void wazero__random_clear(wazero__random_t *random)
{
    wazero__shared_release(random->user);
    memset(random, 0, sizeof *random);
}

bool wazero__random_is_default(const wazero__random_t *random)
{
    return random->kind == WAZERO__RANDOM_SEED && random->seed_size == 0;
}

/* ---- ChaCha20 ---- */

static uint32_t rotate(uint32_t value, int bits)
{
    return value << bits | value >> (32 - bits);
}

static void quarter_round(uint32_t *x, int a, int b, int c, int d)
{
    x[a] += x[b];
    x[d] = rotate(x[d] ^ x[a], 16);
    x[c] += x[d];
    x[b] = rotate(x[b] ^ x[c], 12);
    x[a] += x[b];
    x[d] = rotate(x[d] ^ x[a], 8);
    x[c] += x[d];
    x[b] = rotate(x[b] ^ x[c], 7);
}

static uint32_t load(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

static void store(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

static void next_block(wazero__random_t *random)
{
    uint32_t state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    uint32_t x[16];
    for (int i = 0; i < 8; i++)
        state[4 + i] = load(random->seed + 4 * i);
    state[12] = (uint32_t)random->block;
    state[13] = (uint32_t)(random->block >> 32);
    state[14] = (uint32_t)random->seed_size;
    memcpy(x, state, sizeof x);
    for (int i = 0; i < 10; i++) {
        for (int column = 0; column < 4; column++)
            quarter_round(x, column, column + 4, column + 8, column + 12);
        for (int column = 0; column < 4; column++)
            quarter_round(x, column, (column + 1) % 4 + 4, (column + 2) % 4 + 8,
                          (column + 3) % 4 + 12);
    }
    for (int i = 0; i < 16; i++)
        store(random->output + 4 * i, x[i] + state[i]);
    random->block++;
    random->left = sizeof random->output;
}

static void generate(wazero__random_t *random, uint8_t *buffer, size_t size)
{
    while (size) {
        if (!random->left)
            next_block(random);
        size_t count = size < random->left ? size : random->left;
        memcpy(buffer, random->output + sizeof random->output - random->left, count);
        random->left -= count;
        buffer += count;
        size -= count;
    }
}

/* ---- reading ---- */

static wazero_error_t *read_system(uint8_t *buffer, size_t size)
{
    while (size) {
        ssize_t count = getrandom(buffer, size, 0);
        if (count < 0 && errno != EINTR)
            return wazero__error(WAZERO_ERROR_INTERNAL,
                                 "the system has no random numbers: errno %d", errno);
        if (count > 0) {
            buffer += count;
            size -= (size_t)count;
        }
    }
    return NULL;
}

static wazero_error_t *read_chunk(wazero__random_t *random, uint8_t *buffer,
                                  size_t size)
{
    switch (random->kind) {
    case WAZERO__RANDOM_SEED:
        generate(random, buffer, size);
        break;
    case WAZERO__RANDOM_SYSTEM:
        return read_system(buffer, size);
    case WAZERO__RANDOM_CALL:
        return random->call(wazero__shared_user(random->user), buffer, size);
    }
    return NULL;
}

wazero_error_t *wazero__random_read(wazero__random_t *random, void *buffer, size_t size)
{
    wazero__thread_t *thread = wazero__thread();
    uint8_t *bytes = buffer;
    wazero_error_t *error = NULL;
    while (size && !error) {
        size_t count = size < CHUNK ? size : CHUNK;
        error = read_chunk(random, bytes, count);
        bytes += count;
        size -= count;
        if (!error && size && atomic_load(&thread->attention))
            error = wazero__attend(thread);
    }
    return error;
}
