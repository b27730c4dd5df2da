/*
 * parse_reader.h - reading bytes and LEB128 numbers without leaving the input.
 *
 * Encodings are accepted as wazero's internal/leb128 accepts them: padded numbers are
 * fine as long as they have at most 5 bytes for 32 and 33 bits, 10 for 64, and unused
 * bits of the last byte repeat the sign (are zero for unsigned). Two exotic encodings
 * of signed numbers that wazero lets through by an oversight are refused here, which is
 * the safe side. No function moves the reader when it fails.
 */
#ifndef WAZERO_LIB_PARSE_READER_H
#define WAZERO_LIB_PARSE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WAZERO__LEB32_SIZE = 5, WAZERO__LEB64_SIZE = 10 };

/* Invariant: at <= end, and both point into the same object. */
typedef struct {
    const uint8_t *at;
    const uint8_t *end;
} wazero__reader_t;

static inline size_t wazero__reader_left(const wazero__reader_t *reader)
{
    return (size_t)(reader->end - reader->at);
}

static inline bool wazero__read_byte(wazero__reader_t *reader, uint8_t *value)
{
    if (reader->at == reader->end)
        return false;
    *value = *reader->at++;
    return true;
}

static inline bool wazero__read_u32(wazero__reader_t *reader, uint32_t *value)
{
    const uint8_t *at = reader->at;
    if (at < reader->end && *at < 0x80) {
        *value = *at;
        reader->at = at + 1;
        return true;
    }
    uint32_t sum = 0;
    for (unsigned shift = 0; shift < 35 && at < reader->end; shift += 7) {
        uint8_t byte = *at++;
        if (shift == 28 && byte > 0x0f)
            return false;
        sum |= (uint32_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *value = sum;
            reader->at = at;
            return true;
        }
    }
    return false;
}

/* A signed number of 33 bits: block types and heap types. */
static inline bool wazero__read_s33(wazero__reader_t *reader, int64_t *value)
{
    const uint8_t *at = reader->at;
    uint64_t sum = 0;
    for (unsigned shift = 0; shift < 35 && at < reader->end; shift += 7) {
        uint8_t byte = *at++;
        sum |= (uint64_t)(byte & 0x7f) << shift;
        if (byte >= 0x80)
            continue;
        if (shift == 28 && (byte & 0x70) != 0 && (byte & 0x70) != 0x70)
            return false;
        if (byte & 0x40)
            sum |= ~(uint64_t)0 << (shift + 7);
        *value = (int64_t)sum;
        reader->at = at;
        return true;
    }
    return false;
}

/* The byte behind a LEB128 number at `at` of at most max bytes, NULL if it does not
 * end there. Does not look at unused bits: where only the length matters, wazero
 * reports them. */
static inline const uint8_t *wazero__skip_leb(const uint8_t *at, const uint8_t *end,
                                              size_t max)
{
    if (at < end && *at < 0x80)
        return at + 1;
    if ((size_t)(end - at) > max)
        end = at + max;
    while (at < end)
        if (*at++ < 0x80)
            return at;
    return NULL;
}

/* The same for a signed number of 32 or 64 bits, NULL also if it has more bits than
 * that: wazero lets some pass. */
static inline const uint8_t *wazero__skip_signed(const uint8_t *at, const uint8_t *end,
                                                 size_t max)
{
    /* The bits of a last byte that must all be the sign. */
    const uint8_t sign = max == WAZERO__LEB32_SIZE ? 0x78 : 0x7f;
    const uint8_t *behind = wazero__skip_leb(at, end, max);
    if (!behind || (size_t)(behind - at) < max)
        return behind;
    return (behind[-1] & sign) == 0 || (behind[-1] & sign) == sign ? behind : NULL;
}

static inline bool wazero__skip(wazero__reader_t *reader, size_t size)
{
    if (size > wazero__reader_left(reader))
        return false;
    reader->at += size;
    return true;
}

/* Writes value in exactly size bytes, padded; size must be enough, 1 to 5. */
static inline void wazero__write_padded_u32(uint8_t *at, size_t size, uint32_t value)
{
    for (size_t i = 0; i + 1 < size; i++, value >>= 7)
        at[i] = (uint8_t)(value | 0x80);
    at[size - 1] = (uint8_t)(value & 0x7f);
}

/* The number of bytes of the shortest encoding. */
static inline size_t wazero__u32_size(uint32_t value)
{
    size_t size = 1;
    while (value >>= 7)
        size++;
    return size;
}

#endif
