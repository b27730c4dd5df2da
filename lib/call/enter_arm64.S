/*
 * enter_arm64.S - enter.h for AArch64 with the calling convention AAPCS64.
 *
 * Compiled code has x0 as its first argument, the execution context, and x1 as its
 * second, the module context; it leaves x18 and x28 alone and keeps nothing for its
 * caller, so x19-x30 and the lower halves of v8-v15 are kept here. In FPSR it leaves
 * flags behind, which C does not want kept; FPCR it does not touch.
 *
 * It leaves by loading x29, x30 and, through x27, the stack pointer from the execution
 * context, and returning. A thread that was parked after the load of x30 returns to
 * where the function that it had gone in by would have gone on, with the frame of
 * wazero__unpark. Hence what goes in has one frame and one way out, LEAVE. (After the
 * load of x27 a thread must not be parked: it would come back with a frame that is
 * gone.)
 *
 * Every function begins with a landing pad for any indirect branch, which older
 * processors take for a nop.
 */
#if defined(__aarch64__)

#include "offsets.h"

#define FRAME_SIZE 176
#define FRAME_CONTEXT 160

/* Saves what C wants kept and the execution context, with which `left` begins. Changes
 * no other register than sp and x29. */
.macro SAVE context
        stp     x29, x30, [sp, -FRAME_SIZE]!
        .cfi_adjust_cfa_offset FRAME_SIZE
        .cfi_rel_offset x29, 0
        .cfi_rel_offset x30, 8
        mov     x29, sp
        .cfi_def_cfa_register x29
        stp     x19, x20, [sp, 16]
        .cfi_rel_offset x19, 16
        .cfi_rel_offset x20, 24
        stp     x21, x22, [sp, 32]
        .cfi_rel_offset x21, 32
        .cfi_rel_offset x22, 40
        stp     x23, x24, [sp, 48]
        .cfi_rel_offset x23, 48
        .cfi_rel_offset x24, 56
        stp     x25, x26, [sp, 64]
        .cfi_rel_offset x25, 64
        .cfi_rel_offset x26, 72
        stp     x27, x28, [sp, 80]
        .cfi_rel_offset x27, 80
        .cfi_rel_offset x28, 88
        stp     d8, d9, [sp, 96]
        .cfi_rel_offset d8, 96
        .cfi_rel_offset d9, 104
        stp     d10, d11, [sp, 112]
        .cfi_rel_offset d10, 112
        .cfi_rel_offset d11, 120
        stp     d12, d13, [sp, 128]
        .cfi_rel_offset d12, 128
        .cfi_rel_offset d13, 136
        stp     d14, d15, [sp, 144]
        .cfi_rel_offset d14, 144
        .cfi_rel_offset d15, 152
        str     \context, [sp, FRAME_CONTEXT]
.endm

/* Undoes SAVE, with the exit code as what is returned. */
.macro LEAVE
        ldr     x1, [sp, FRAME_CONTEXT]
        ldr     w0, [x1, OFFSET_EXIT_CODE]
        ldp     d14, d15, [sp, 144]
        .cfi_restore d14
        .cfi_restore d15
        ldp     d12, d13, [sp, 128]
        .cfi_restore d12
        .cfi_restore d13
        ldp     d10, d11, [sp, 112]
        .cfi_restore d10
        .cfi_restore d11
        ldp     d8, d9, [sp, 96]
        .cfi_restore d8
        .cfi_restore d9
        ldp     x27, x28, [sp, 80]
        .cfi_restore x27
        .cfi_restore x28
        ldp     x25, x26, [sp, 64]
        .cfi_restore x25
        .cfi_restore x26
        ldp     x23, x24, [sp, 48]
        .cfi_restore x23
        .cfi_restore x24
        ldp     x21, x22, [sp, 32]
        .cfi_restore x21
        .cfi_restore x22
        ldp     x19, x20, [sp, 16]
        .cfi_restore x19
        .cfi_restore x20
        .cfi_def_cfa_register sp
        ldp     x29, x30, [sp], FRAME_SIZE
        .cfi_adjust_cfa_offset -FRAME_SIZE
        .cfi_restore x29
        .cfi_restore x30
        ret
.endm

/* Has the execution context in x0 lead back to `left`, with the frame that SAVE made.
 * */
.macro COME_BACK_TO left
        adr     x9, \left
        stp     x29, x29, [x0, OFFSET_ORIGINAL_FRAME_POINTER] /* and stack pointer */
        str     x9, [x0, OFFSET_GO_RETURN_ADDRESS]
.endm

#if OFFSET_ORIGINAL_STACK_POINTER != OFFSET_ORIGINAL_FRAME_POINTER + 8
#error "the two are stored and loaded as a pair"
#endif

/* What an exit sequence of compiled code does. */
.macro EXIT
        ldr     x30, [x0, OFFSET_GO_RETURN_ADDRESS]
        ldp     x29, x9, [x0, OFFSET_ORIGINAL_FRAME_POINTER]
        mov     sp, x9
        ret
.endm

.macro FUNCTION name
        .globl  \name
        .hidden \name
        .type   \name, %function
        .p2align 4
\name:
        .cfi_startproc
        hint    #38 /* bti jc */
.endm

.macro END name
        .cfi_endproc
        .size   \name, . - \name
.endm

        .text

/* uint32_t wazero__enter(const wz_entry *entry, uint64_t *stack, uintptr_t top)
 * The preamble stores x29, x30 and sp in the execution context itself. */
FUNCTION wazero__enter
        ldr     x9, [x0, OFFSET_ENTRY_EXECUTION_CONTEXT]
        SAVE    x9
        ldr     x27, [x0, OFFSET_ENTRY_PREAMBLE]
        ldr     x24, [x0, OFFSET_ENTRY_EXECUTABLE]
        mov     x19, x1
        mov     x26, x2
        ldr     x1, [x0, OFFSET_ENTRY_MODULE_CONTEXT]
        mov     x0, x9
        blr     x27
        LEAVE
END wazero__enter

/* uint32_t wazero__resume(uintptr_t execution_context)
 * Of the frame pointer compiled code keeps nothing across a call, so it is not loaded.
 * */
FUNCTION wazero__resume
        SAVE    x0
        COME_BACK_TO .Lresumed
        ldr     x20, [x0, OFFSET_GO_CALL_RETURN_ADDRESS]
        ldr     x9, [x0, OFFSET_STACK_POINTER_BEFORE_GO_CALL]
        mov     sp, x9
        br      x20
.Lresumed:
        LEAVE
END wazero__resume

/* uint32_t wazero__unpark(uintptr_t execution_context, void (*again)(void)) */
FUNCTION wazero__unpark
        SAVE    x0
        COME_BACK_TO .Lunparked
        blr     x1
.Lunparked:
        LEAVE
END wazero__unpark

FUNCTION wazero__exit_stub
        EXIT
END wazero__exit_stub

FUNCTION wazero__hold_stub
1:      yield
        b       1b
END wazero__hold_stub

FUNCTION wazero__step_stub
        str     xzr, [x0, OFFSET_GO_CALL_RETURN_ADDRESS]
        EXIT
END wazero__step_stub

FUNCTION wazero__return_stub
        ret
END wazero__return_stub

/* Where the rest of the library has landing pads, the linker marks the whole as having
 * them only if this file says so, too: the property of AArch64's features, BTI. */
#if defined(__ARM_FEATURE_BTI_DEFAULT)
        .section .note.gnu.property, "a", %note
        .p2align 3
        .word   4, 16, 5
        .asciz  "GNU"
        .word   0xc0000000, 4, 1, 0
#endif

#endif

#if defined(__linux__)
        .section .note.GNU-stack, "", %progbits
#endif
