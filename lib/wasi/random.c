/*
 * random.c - random numbers for a guest, from the source of its configuration
 * (random.h).
 */
#include "wasi/functions.h"

wazero__errno_t wazero__wasi_random_get(wazero__wasi_call_t *call,
                                        const uint64_t *slots)
{
    wazero__random_t *random = &call->wasi->random;
    uint32_t size = wazero__slot_u32(slots[1]);
    void *place = wazero__guest_at(&call->memory, slots[0], size);
    if (!size)
        return WASI_SUCCESS;
    if (!place)
        return WASI_FAULT;
    /* A large request may be ended, by what runs the host's code. */
    wazero__io_pin(&call->io);
    if (random->kind == WAZERO__RANDOM_CALL)
        wazero__io_call_host(&call->io);
    wazero_error_t *error = wazero__random_read(random, place, size);
    return error ? wazero__io_end(&call->io, error) : WASI_SUCCESS;
}
