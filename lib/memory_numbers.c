/*
 * memory_numbers.c - single numbers in memories. WebAssembly is little-endian, and so
 * are all machines that this library is for.
 */
#include "wazero.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a little-endian machine");

wazero_error_t *wazero_memory_read_u8(const wazero_memory_t *memory, uint64_t offset,
                                      uint8_t *value)
{
    return wazero_memory_read(memory, offset, value, sizeof *value);
}

wazero_error_t *wazero_memory_read_u16_le(const wazero_memory_t *memory,
                                          uint64_t offset, uint16_t *value)
{
    return wazero_memory_read(memory, offset, value, sizeof *value);
}

wazero_error_t *wazero_memory_read_u32_le(const wazero_memory_t *memory,
                                          uint64_t offset, uint32_t *value)
{
    return wazero_memory_read(memory, offset, value, sizeof *value);
}

wazero_error_t *wazero_memory_read_u64_le(const wazero_memory_t *memory,
                                          uint64_t offset, uint64_t *value)
{
    return wazero_memory_read(memory, offset, value, sizeof *value);
}

wazero_error_t *wazero_memory_read_f32_le(const wazero_memory_t *memory,
                                          uint64_t offset, float *value)
{
    return wazero_memory_read(memory, offset, value, sizeof *value);
}

wazero_error_t *wazero_memory_read_f64_le(const wazero_memory_t *memory,
                                          uint64_t offset, double *value)
{
    return wazero_memory_read(memory, offset, value, sizeof *value);
}

wazero_error_t *wazero_memory_write_u8(wazero_memory_t *memory, uint64_t offset,
                                       uint8_t value)
{
    return wazero_memory_write(memory, offset, &value, sizeof value);
}

wazero_error_t *wazero_memory_write_u16_le(wazero_memory_t *memory, uint64_t offset,
                                           uint16_t value)
{
    return wazero_memory_write(memory, offset, &value, sizeof value);
}

wazero_error_t *wazero_memory_write_u32_le(wazero_memory_t *memory, uint64_t offset,
                                           uint32_t value)
{
    return wazero_memory_write(memory, offset, &value, sizeof value);
}

wazero_error_t *wazero_memory_write_u64_le(wazero_memory_t *memory, uint64_t offset,
                                           uint64_t value)
{
    return wazero_memory_write(memory, offset, &value, sizeof value);
}

wazero_error_t *wazero_memory_write_f32_le(wazero_memory_t *memory, uint64_t offset,
                                           float value)
{
    return wazero_memory_write(memory, offset, &value, sizeof value);
}

wazero_error_t *wazero_memory_write_f64_le(wazero_memory_t *memory, uint64_t offset,
                                           double value)
{
    return wazero_memory_write(memory, offset, &value, sizeof value);
}
