/*
 * memory.h - the only way by which WASI reaches the guest's memory.
 *
 * Every pointer and length comes from the guest and is checked here, once: base, size,
 * offset, length and their sum in 64 bits. Arguments arrive in 64-bit slots of which an
 * i32 fills the lower half; the upper one is garbage and is masked here, too.
 *
 * What was found stays valid while nothing calls the guest: memory grows but does not
 * shrink, and moves only while it grows (see wazero__io_call_host).
 */
#ifndef WAZERO_LIB_WASI_MEMORY_H
#define WAZERO_LIB_WASI_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/uio.h>

#include "wasi/abi.h"

typedef struct {
    uint8_t *base;
    uint64_t size;
} wazero__guest_t;

/* At most so many parts are passed on, as the system takes, and so many are looked at
 * to find them. */
enum { WAZERO__PARTS_MAX = 128, WAZERO__VECTORS_MAX = 65536 };

static inline uint32_t wazero__slot_u32(uint64_t slot)
{
    return (uint32_t)slot;
}

/* The place of `size` bytes at a guest's pointer, or NULL if they are not all in its
 * memory. Zero bytes have a place wherever the pointer is inside or just behind. */
static inline void *wazero__guest_at(const wazero__guest_t *guest, uint64_t pointer,
                                     uint64_t size)
{
    uint64_t offset = wazero__slot_u32(pointer);
    /* An offset has 32 bits; a size may have 64, so the sum is not formed. */
    if (__builtin_expect(size > guest->size || offset > guest->size - size, 0))
        return NULL;
    return guest->base + offset;
}

/* Numbers are little-endian in the guest's memory, and need not be aligned. */
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "WASI in C needs a little-endian machine"
#endif

static inline uint32_t wazero__get_u32(const void *place)
{
    uint32_t value;
    memcpy(&value, place, sizeof value);
    return value;
}

static inline uint64_t wazero__get_u64(const void *place)
{
    uint64_t value;
    memcpy(&value, place, sizeof value);
    return value;
}

static inline uint16_t wazero__get_u16(const void *place)
{
    uint16_t value;
    memcpy(&value, place, sizeof value);
    return value;
}

static inline void wazero__put_u16(void *place, uint16_t value)
{
    memcpy(place, &value, sizeof value);
}

static inline void wazero__put_u32(void *place, uint32_t value)
{
    memcpy(place, &value, sizeof value);
}

static inline void wazero__put_u64(void *place, uint64_t value)
{
    memcpy(place, &value, sizeof value);
}

/* The places of a list of (pointer, length) pairs, as fd_read and its like take it: all
 * of them are checked before any is used. Empty ones are left out; what is over
 * WAZERO__PARTS_MAX parts or INT32_MAX bytes is left for the guest's next call. Errors:
 * FAULT, INVAL for more than WAZERO__VECTORS_MAX. */
wazero__errno_t wazero__guest_parts(const wazero__guest_t *guest, uint64_t pointer,
                                    uint64_t count, struct iovec *parts, int *used);

/* A path: its bytes with a NUL behind them, in a buffer of WAZERO__PATH_MAX. Errors:
 * FAULT, ILSEQ for one with a NUL, NAMETOOLONG. */
enum { WAZERO__PATH_MAX = 4096, WAZERO__NAME_MAX = 255 };
wazero__errno_t wazero__guest_path(const wazero__guest_t *guest, uint64_t pointer,
                                   uint64_t size, char *path);

#endif
