/*
 * args.c - a guest's arguments and environment.
 */
#include "wasi/functions.h"

/* Sizes of strings, to two places. */
static wazero__errno_t sizes_get(const wazero__wasi_call_t *call,
                                 const wazero__strings_t *strings,
                                 const uint64_t *slots)
{
    void *count = wazero__guest_at(&call->memory, slots[0], sizeof(uint32_t));
    void *size = wazero__guest_at(&call->memory, slots[1], sizeof(uint32_t));
    if (!count || !size)
        return WASI_FAULT;
    wazero__put_u32(count, strings->count);
    wazero__put_u32(size, strings->size);
    return WASI_SUCCESS;
}

/* Pointers to strings to one place, and the strings to another. */
static wazero__errno_t strings_get(const wazero__wasi_call_t *call,
                                   const wazero__strings_t *strings,
                                   const uint64_t *slots)
{
    const uint64_t pointers_size = (uint64_t)strings->count * sizeof(uint32_t);
    uint8_t *pointers = wazero__guest_at(&call->memory, slots[0], pointers_size);
    char *bytes = wazero__guest_at(&call->memory, slots[1], strings->size);
    uint32_t pointer = wazero__slot_u32(slots[1]), at = 0;
    if (!pointers || !bytes)
        return WASI_FAULT;
    for (uint32_t i = 0; i < strings->count; i++) {
        wazero__put_u32(pointers + (size_t)i * sizeof pointer, pointer + at);
        at += (uint32_t)strlen(strings->bytes + at) + 1;
    }
    if (strings->size)
        memcpy(bytes, strings->bytes, strings->size);
    return WASI_SUCCESS;
}

wazero__errno_t wazero__wasi_args_sizes_get(wazero__wasi_call_t *call,
                                            const uint64_t *slots)
{
    return sizes_get(call, &call->wasi->args, slots);
}

wazero__errno_t wazero__wasi_args_get(wazero__wasi_call_t *call, const uint64_t *slots)
{
    return strings_get(call, &call->wasi->args, slots);
}

wazero__errno_t wazero__wasi_environ_sizes_get(wazero__wasi_call_t *call,
                                               const uint64_t *slots)
{
    return sizes_get(call, &call->wasi->environment, slots);
}

wazero__errno_t wazero__wasi_environ_get(wazero__wasi_call_t *call,
                                         const uint64_t *slots)
{
    return strings_get(call, &call->wasi->environment, slots);
}
