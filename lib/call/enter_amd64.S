/*
 * enter_amd64.S - enter.h for x86-64 with the System V calling convention.
 *
 * Compiled code has rax as its first argument, the execution context, and rbx as its
 * second, the module context; it keeps no register of its caller's but rsp and rbp. Of
 * the vector state C wants nothing kept; the direction flag must be clear, and compiled
 * code can be left in Go's memmove, which sets it.
 */
#if defined(__x86_64__)

#include "offsets.h"

/* Saves what C wants kept and the execution context, with which `left` begins. After it
 * rsp is a multiple of 16. */
.macro SAVE context
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbx, 0
        pushq   %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r12, 0
        pushq   %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r13, 0
        pushq   %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r14, 0
        pushq   %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r15, 0
        pushq   \context
        .cfi_adjust_cfa_offset 8
.endm

/* Undoes SAVE, with the exit code as what is returned. */
.macro LEAVE
        popq    %rdx
        .cfi_adjust_cfa_offset -8
        movl    OFFSET_EXIT_CODE(%rdx), %eax
        popq    %r15
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r15
        popq    %r14
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r14
        popq    %r13
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r13
        popq    %r12
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r12
        popq    %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbx
        popq    %rbp
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbp
        ret
.endm

/* Has the execution context in rax lead back to `left`: compiled code ends by loading
 * rbp and rsp and returning. */
.macro COME_BACK_TO left
        leaq    \left(%rip), %r11
        pushq   %r11
        .cfi_adjust_cfa_offset 8
        movq    %rbp, OFFSET_ORIGINAL_FRAME_POINTER(%rax)
        movq    %rsp, OFFSET_ORIGINAL_STACK_POINTER(%rax)
.endm

.macro FUNCTION name
        .globl  \name
        .hidden \name
        .type   \name, @function
        .p2align 4
\name:
        .cfi_startproc
        endbr64
.endm

.macro END name
        .cfi_endproc
        .size   \name, . - \name
.endm

        .text

/* uint32_t wazero__enter(const wz_entry *entry, uint64_t *stack, uintptr_t top)
 * The preamble stores rbp and rsp in the execution context itself. */
FUNCTION wazero__enter
        movq    OFFSET_ENTRY_EXECUTION_CONTEXT(%rdi), %rax
        SAVE    %rax
        movq    OFFSET_ENTRY_PREAMBLE(%rdi), %r11
        movq    OFFSET_ENTRY_EXECUTABLE(%rdi), %r14
        movq    OFFSET_ENTRY_MODULE_CONTEXT(%rdi), %rbx
        movq    %rsi, %r12
        movq    %rdx, %r13
        call    *%r11
        LEAVE
END wazero__enter

/* uint32_t wazero__resume(uintptr_t execution_context) */
FUNCTION wazero__resume
        SAVE    %rdi
        movq    %rdi, %rax
        /* A call, so that the processor foresees the return that brings us back. */
        call    1f
        .cfi_remember_state
        LEAVE
1:
        .cfi_restore_state
        .cfi_adjust_cfa_offset 8
        movq    %rbp, OFFSET_ORIGINAL_FRAME_POINTER(%rax)
        movq    %rsp, OFFSET_ORIGINAL_STACK_POINTER(%rax)
        movq    OFFSET_FRAME_POINTER_BEFORE_GO_CALL(%rax), %rbp
        movq    OFFSET_GO_CALL_RETURN_ADDRESS(%rax), %rcx
        movq    OFFSET_STACK_POINTER_BEFORE_GO_CALL(%rax), %rsp
        jmp     *%rcx
END wazero__resume

/* uint32_t wazero__unpark(uintptr_t execution_context, void (*again)(void)) */
FUNCTION wazero__unpark
        SAVE    %rdi
        movq    %rdi, %rax
        COME_BACK_TO .Lunparked
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
        call    *%rsi
        addq    $16, %rsp
        .cfi_adjust_cfa_offset -16
.Lunparked:
        endbr64
        LEAVE
END wazero__unpark

FUNCTION wazero__exit_stub
        cld
        movq    OFFSET_ORIGINAL_FRAME_POINTER(%rax), %rbp
        movq    OFFSET_ORIGINAL_STACK_POINTER(%rax), %rsp
        ret
END wazero__exit_stub

FUNCTION wazero__hold_stub
1:      pause
        jmp     1b
END wazero__hold_stub

FUNCTION wazero__step_stub
        movq    $0, OFFSET_GO_CALL_RETURN_ADDRESS(%rax)
        movq    OFFSET_ORIGINAL_FRAME_POINTER(%rax), %rbp
        movq    OFFSET_ORIGINAL_STACK_POINTER(%rax), %rsp
        ret
END wazero__step_stub

FUNCTION wazero__return_stub
        ret
END wazero__return_stub

#endif

#if defined(__linux__)
        .section .note.GNU-stack, "", %progbits
#endif
