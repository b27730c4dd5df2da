/*
 * offsets.h - where wazero's execution context has what the assembly files touch.
 *
 * Assembly needs numbers. direct.c compares each with what the engine found by name,
 * and leaves the direct path off where one differs; so this file can be wrong, not
 * unsafe.
 */
#ifndef WAZERO_LIB_CALL_OFFSETS_H
#define WAZERO_LIB_CALL_OFFSETS_H

#define OFFSET_EXIT_CODE 0
#define OFFSET_CALLER_MODULE_CONTEXT 8
#define OFFSET_ORIGINAL_FRAME_POINTER 16
#define OFFSET_ORIGINAL_STACK_POINTER 24
#define OFFSET_GO_RETURN_ADDRESS 32
#define OFFSET_STACK_BOTTOM 40
#define OFFSET_GO_CALL_RETURN_ADDRESS 48
#define OFFSET_STACK_POINTER_BEFORE_GO_CALL 56
#define OFFSET_CALLEE_MODULE_CONTEXT 1120
#define OFFSET_FRAME_POINTER_BEFORE_GO_CALL 1152

/* In wz_entry. */
#define OFFSET_ENTRY_PREAMBLE 0
#define OFFSET_ENTRY_EXECUTABLE 8
#define OFFSET_ENTRY_EXECUTION_CONTEXT 16
#define OFFSET_ENTRY_MODULE_CONTEXT 24

#endif
