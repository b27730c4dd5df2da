/*
 * value.h - questions about value types and function types.
 */
#ifndef WAZERO_LIB_VALUE_H
#define WAZERO_LIB_VALUE_H

#include "wazero.h"

/* Room for wazero_value_type_text. */
enum { WAZERO__TYPE_TEXT = 24 };

/* Whether the type is i32, i64, f32 or f64. */
bool wazero__type_is_number(wazero_value_type_t type);

/* Whether the type is of references, to whatever. */
bool wazero__type_is_reference(wazero_value_type_t type);

/* Whether it is a typed reference; to which functions, only the engine can compare. */
bool wazero__type_is_typed(wazero_value_type_t type);

/* Whether a value of the type can lead to a function: funcref and everything that is
 * not known to be otherwise. */
bool wazero__type_is_function_reference(wazero_value_type_t type);

/* Whether it is so of any parameter or result. */
bool wazero__type_any(const wazero_function_type_t *type,
                      bool (*is)(wazero_value_type_t type));

/* Whether parameters and results are of the same types, as far as the types of two
 * modules can be compared: to which functions typed references lead is left to the
 * engine. */
bool wazero__type_equal(const wazero_function_type_t *a,
                        const wazero_function_type_t *b);

/* The number of slots that values of these types take. */
size_t wazero__type_slots(const wazero_value_type_t *types, size_t count);

/* Zeroes the upper halves of the slots whose values have none; wasm leaves them as they
 * were. */
static inline void wazero__clear_upper_halves(const wazero_value_type_t *types,
                                              size_t count, uint64_t *slots)
{
    static const uint32_t zero = 0;
    for (size_t i = 0; i < count; i++, slots++) {
        /* Only these bytes: reading what wasm has just written in halves takes long. */
        if (types[i] == WAZERO_TYPE_I32 || types[i] == WAZERO_TYPE_F32)
            memcpy((uint8_t *)slots + sizeof zero, &zero, sizeof zero);
        slots += types[i] == WAZERO_TYPE_V128;
    }
}

/* Writes "(i32, i32) -> (i64)" into text of size bytes, cut if it does not fit. */
void wazero__type_describe(const wazero_function_type_t *type, char *text, size_t size);

/* Likewise "function (i32) -> ()", "mutable global i32", "memory of 1 to 4 pages". */
void wazero__extern_describe(const wazero_extern_t *item, char *text, size_t size);

#endif
