/*
 * memory.c - lists of buffers, and paths, out of the guest's memory. See memory.h.
 */
#include "wasi/memory.h"

wazero__errno_t wazero__guest_parts(const wazero__guest_t *guest, uint64_t pointer,
                                    uint64_t count, struct iovec *parts, int *used)
{
    enum { VECTOR = 8 };
    uint32_t vectors = wazero__slot_u32(count);
    uint64_t left = INT32_MAX;
    int filled = 0;
    if (vectors > WAZERO__VECTORS_MAX)
        return WASI_INVAL;
    const uint8_t *place = wazero__guest_at(guest, pointer, (uint64_t)vectors * VECTOR);
    if (!place)
        return WASI_FAULT;
    for (const uint8_t *end = place + (size_t)vectors * VECTOR; place < end;
         place += VECTOR) {
        /* Read once: another thread may write there, in memory that is shared. */
        uint64_t size = wazero__get_u32(place + 4);
        if (!size)
            continue;
        uint8_t *data = wazero__guest_at(guest, wazero__get_u32(place), size);
        if (!data)
            return WASI_FAULT;
        if (size > left)
            size = left;
        if (!size || filled == WAZERO__PARTS_MAX)
            continue; /* the others are looked at all the same */
        parts[filled].iov_base = data;
        parts[filled++].iov_len = (size_t)size;
        left -= size;
    }
    *used = filled;
    return WASI_SUCCESS;
}

wazero__errno_t wazero__guest_path(const wazero__guest_t *guest, uint64_t pointer,
                                   uint64_t size, char *path)
{
    uint32_t length = wazero__slot_u32(size);
    const char *bytes = wazero__guest_at(guest, pointer, length);
    if (!bytes)
        return WASI_FAULT;
    if (length >= WAZERO__PATH_MAX)
        return WASI_NAMETOOLONG;
    memcpy(path, bytes, length);
    path[length] = '\0';
    return memchr(path, '\0', length) ? WASI_ILSEQ : WASI_SUCCESS;
}
