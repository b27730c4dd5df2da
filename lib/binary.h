/*
 * binary.h - numbers of the binary format that the parser and the inspection share.
 */
#ifndef WAZERO_LIB_BINARY_H
#define WAZERO_LIB_BINARY_H

#include "wazero.h"

/* Instructions of constant expressions. */
enum {
    OP_END = 0x0b,
    OP_GLOBAL_GET = 0x23,
    OP_I32_CONST = 0x41,
    OP_I64_CONST = 0x42,
    OP_F32_CONST = 0x43,
    OP_F64_CONST = 0x44,
    OP_I32_ADD = 0x6a,
    OP_I32_MUL = 0x6c,
    OP_I64_ADD = 0x7c,
    OP_I64_MUL = 0x7e,
    OP_REF_NULL = 0xd0,
    OP_REF_FUNC = 0xd2,
    OP_VECTOR = 0xfd,
    OP_V128_CONST = 0x0c,
};

/* Types. */
enum {
    TYPE_NULLABLE_REF = 0x63, /* (ref null heaptype) */
    TYPE_REF = 0x64,          /* (ref heaptype)      */
    TYPE_FUNCTION = 0x60,
    TYPE_RECURSION_GROUP = 0x4e,
};

enum { HEAP_FUNC = -16, HEAP_EXTERN = -17, HEAP_EXN = -23 };

/* The type of references of a heap type: of those that may be null to any function,
 * object or exception it is the short one, as in wazero, of all others WAZERO_TYPE_REF
 * with *reference set. */
static inline wazero_value_type_t
wazero__reference_of(int64_t heap, bool nullable, wazero_typed_reference_t *reference)
{
    wazero_value_type_t all = heap == HEAP_FUNC     ? WAZERO_TYPE_FUNCREF
                              : heap == HEAP_EXTERN ? WAZERO_TYPE_EXTERNREF
                              : heap == HEAP_EXN    ? WAZERO_TYPE_EXNREF
                                                    : WAZERO_TYPE_REF;
    if (nullable && all != WAZERO_TYPE_REF)
        return all;
    reference->nullable = nullable;
    reference->heap = all;
    reference->index = heap >= 0 ? (uint32_t)heap : 0;
    return WAZERO_TYPE_REF;
}

/* Bits of the prefix of an element segment. */
enum { ELEMENT_NOT_ACTIVE = 1, ELEMENT_EXPLICIT = 2, ELEMENT_EXPRESSIONS = 4 };

#endif
