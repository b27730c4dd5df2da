"""Why a guest trapped."""

from enum import StrEnum


class TrapCode(StrEnum):
    """The reasons of traps that wazero tells apart; each is wazero's text for it."""

    STACK_OVERFLOW = "stack overflow"
    UNREACHABLE = "unreachable"
    INTEGER_DIVIDE_BY_ZERO = "integer divide by zero"
    INTEGER_OVERFLOW = "integer overflow"
    INVALID_CONVERSION_TO_INTEGER = "invalid conversion to integer"
    OUT_OF_BOUNDS_MEMORY_ACCESS = "out of bounds memory access"
    INVALID_TABLE_ACCESS = "invalid table access"
    INDIRECT_CALL_TYPE_MISMATCH = "indirect call type mismatch"
    UNALIGNED_ATOMIC = "unaligned atomic"
    EXPECTED_SHARED_MEMORY = "expected shared memory"
    TOO_MANY_WAITERS = "too many waiters"
    UNCAUGHT_EXCEPTION = "uncaught exception"
    NULL_REFERENCE = "null reference"
