/*
 * interrupt.c - the signal, its handler, and what it saves. See interrupt.h.
 *
 * The handler may act where nothing but wasm is disturbed: the program counter in a
 * function body (or in Go's memmove, which such a body calls and which has neither a
 * frame nor state) and the stack pointer on the wasm stack. Both are needed: the last
 * instruction of an exit sequence lies in a body, but returns on C's stack already.
 * Calls that Go has entered, on stacks of Go's, are not parked but ended. Anywhere else
 * it does nothing; the watchdog tries again, and C looks before it goes into wasm.
 */
#include "call/interrupt.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "call/attend.h"
#include "call/code.h"
#include "call/direct.h"
#include "call/enter.h"
#include "call/offsets.h"
#include "error.h"

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

struct wazero__parked {
    uint32_t exit_code; /* which the code may just have set */
    mcontext_t machine;
    size_t extended_size; /* of the vector state, behind the struct */
    size_t capacity;
    uint8_t extended[];
};

static int signal_number;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void *field(uintptr_t context, size_t offset)
{
    return (void *)(context + offset);
}

/* ---- the machine ---- */

#if defined(__x86_64__)

/* linux/sigcontext.h, which does not go together with signal.h. */
enum { SOFTWARE_BYTES = 464, LEGACY_SIZE = 512 };
static const uint32_t EXTENDED_MAGIC = 0x46505853;

static uintptr_t program_counter(const mcontext_t *machine)
{
    return (uintptr_t)machine->gregs[REG_RIP];
}

static uintptr_t stack_pointer(const mcontext_t *machine)
{
    return (uintptr_t)machine->gregs[REG_RSP];
}

static uintptr_t frame_pointer(const mcontext_t *machine)
{
    return (uintptr_t)machine->gregs[REG_RBP];
}

static void go_on_at(mcontext_t *machine, uintptr_t address)
{
    machine->gregs[REG_RIP] = (greg_t)address;
}

/* In a function without a frame that has just been called, such as memmove. */
static uintptr_t return_address(const mcontext_t *machine)
{
    uintptr_t address;
    memcpy(&address, (const void *)stack_pointer(machine), sizeof address);
    return address;
}

static void divert(mcontext_t *machine, void (*stub)(void), uintptr_t context)
{
    machine->gregs[REG_RIP] = (greg_t)(uintptr_t)stub;
    machine->gregs[REG_RAX] = (greg_t)context;
}

/* The size of the vector state that the kernel saved: with its extensions if it says
 * that it has them. */
static size_t extended_size(const mcontext_t *machine)
{
    uint32_t software[2];
    memcpy(software, (const uint8_t *)machine->fpregs + SOFTWARE_BYTES,
           sizeof software);
    return software[0] == EXTENDED_MAGIC ? software[1] : LEGACY_SIZE;
}

static bool save(wazero__parked_t *parked, const mcontext_t *machine)
{
    size_t size = machine->fpregs ? extended_size(machine) : 0;
    if (size > parked->capacity)
        return false;
    parked->machine = *machine;
    parked->extended_size = size;
    if (size)
        memcpy(parked->extended, machine->fpregs, size);
    return true;
}

static void restore(const wazero__parked_t *parked, mcontext_t *machine)
{
    greg_t segments = machine->gregs[REG_CSGSFS];
    memcpy(machine->gregs, parked->machine.gregs, sizeof machine->gregs);
    machine->gregs[REG_CSGSFS] = segments;
    /* The frame of this signal has as much room as that of the first one had. */
    if (machine->fpregs && parked->extended_size)
        memcpy(machine->fpregs, parked->extended, parked->extended_size);
}

#elif defined(__aarch64__)

static uintptr_t program_counter(const mcontext_t *machine)
{
    return (uintptr_t)machine->pc;
}

static uintptr_t stack_pointer(const mcontext_t *machine)
{
    return (uintptr_t)machine->sp;
}

static uintptr_t frame_pointer(const mcontext_t *machine)
{
    return (uintptr_t)machine->regs[29];
}

static void go_on_at(mcontext_t *machine, uintptr_t address)
{
    machine->pc = address;
}

/* As above. */
static uintptr_t return_address(const mcontext_t *machine)
{
    return machine->regs[30];
}

static void divert(mcontext_t *machine, void (*stub)(void), uintptr_t context)
{
    machine->pc = (uintptr_t)stub;
    machine->regs[0] = context;
}

/* The record of a kind, NULL if there is none. */
static void *find_record(const mcontext_t *machine, uint32_t magic)
{
    const uint8_t *at = machine->__reserved, *limit = at + sizeof machine->__reserved;
    struct _aarch64_ctx record;
    while (at + sizeof record <= limit) {
        memcpy(&record, at, sizeof record);
        if (record.magic == magic)
            return (void *)at;
        if (!record.magic || !record.size || record.size > (size_t)(limit - at))
            return NULL;
        at += record.size;
    }
    return NULL;
}

/* "mov sp, x27": in an exit sequence, behind the loads of C's frame, which is no longer
 * there when a parked thread is put back. Function bodies have it nowhere else. */
static bool is_leaving(const mcontext_t *machine)
{
    uint32_t instruction;
    memcpy(&instruction, (const void *)machine->pc, sizeof instruction);
    return instruction == 0x9100037f;
}

static bool save(wazero__parked_t *parked, const mcontext_t *machine)
{
    if (is_leaving(machine))
        return false;
    parked->machine = *machine;
    return true;
}

/* All records belong together: QEMU takes the vector registers from that of SVE if
 * there is one. Only where the kernel put some elsewhere, behind a pointer into the
 * frame of the first signal, the vector registers must do. */
static void restore(const wazero__parked_t *parked, mcontext_t *machine)
{
    const mcontext_t *saved = &parked->machine;
    memcpy(machine->regs, saved->regs, sizeof machine->regs);
    machine->sp = saved->sp;
    machine->pc = saved->pc;
    machine->pstate = saved->pstate;
    const void *from = find_record(saved, FPSIMD_MAGIC);
    void *to = find_record(machine, FPSIMD_MAGIC);
    if (!find_record(saved, EXTRA_MAGIC) && !find_record(machine, EXTRA_MAGIC))
        memcpy(machine->__reserved, saved->__reserved, sizeof machine->__reserved);
    else if (from && to)
        memcpy(to, from, sizeof(struct fpsimd_context));
}

#endif

/* ---- where a trace begins ---- */

/* Whether the chain of frames from frame leads up the stack and ends, as wazero's walk
 * along it needs. Not so in an exit sequence that has loaded C's frame already. */
static bool is_sound(uintptr_t frame, uintptr_t below, uintptr_t highest)
{
    while (frame) {
        if (frame < below || frame % sizeof frame || frame > highest - 2 * sizeof frame)
            return false;
        below = frame + 1;
        memcpy(&frame, (const void *)frame, sizeof frame);
    }
    return true;
}

/* Has the execution context say that the code is where the registers are, on a stack
 * that ends at highest. False if no trace can begin there. */
static bool begin_trace(uintptr_t context, const mcontext_t *machine, uintptr_t highest)
{
    uintptr_t at = program_counter(machine);
    uintptr_t stack = stack_pointer(machine), frame = frame_pointer(machine);
    if (!WAZERO__TRACE_ANYWHERE || !frame || !is_sound(frame, stack, highest))
        return false;
    /* memmove has no frame: what called it is the function to name. */
    if (wazero__direct_is_memmove(at))
        at = return_address(machine);
    memcpy(field(context, OFFSET_GO_CALL_RETURN_ADDRESS), &at, sizeof at);
    memcpy(field(context, OFFSET_STACK_POINTER_BEFORE_GO_CALL), &stack, sizeof stack);
    memcpy(field(context, OFFSET_FRAME_POINTER_BEFORE_GO_CALL), &frame, sizeof frame);
    return true;
}

/* ---- the handler ---- */

/* Where the thread runs a body, seen from a call of memmove too. */
static bool is_in_body(const wazero__thread_t *thread, const mcontext_t *machine)
{
    uintptr_t stack = stack_pointer(machine), at = program_counter(machine);
    return stack >= thread->wasm_lowest && stack < thread->wasm_highest &&
           (wazero__code_contains(at) || wazero__direct_is_memmove(at));
}

/* Whether the thread runs a body on a stack of Go's, or waits to. Go's memmove is that
 * of a body if it returns to one; what Go itself copies it copies on another stack. */
static bool is_in_body_of_gos(const wz_entry *entry, const mcontext_t *machine)
{
    uintptr_t at = program_counter(machine), stack = stack_pointer(machine), lowest;
    memcpy(&lowest, field(entry->execution_context, OFFSET_STACK_BOTTOM),
           sizeof lowest);
    if (stack < lowest || stack >= *entry->stack_top)
        return false;
    if (wazero__direct_is_memmove(at))
        at = return_address(machine);
    return wazero__code_contains(at) ||
           at - (uintptr_t)wazero__hold_stub < WAZERO__HOLD_SIZE;
}

/* Go runs, and what it does there may be most of what the call does (try_table). It
 * cannot be disturbed; but where it is to go on wasm waits for the next signal. If Go
 * has read the address before, there will be another exit, which writes a new one. */
static void hold(wazero__thread_t *thread, uintptr_t context)
{
    uintptr_t address, stub = (uintptr_t)wazero__hold_stub;
    void *place = field(context, OFFSET_GO_CALL_RETURN_ADDRESS);
    memcpy(&address, place, sizeof address);
    if (!address || address == stub)
        return;
    thread->held = address;
    memcpy(place, &stub, sizeof stub);
}

/* Ends the call that Go has entered, if something is asked that ends it: the code
 * leaves for Go with a trap. It cannot be parked, for Go would wait for it. */
static void take_out(wazero__thread_t *thread, mcontext_t *machine)
{
    const wz_entry *entry = atomic_load(&thread->in_go);
    if (!entry || thread->taken_out)
        return;
    uintptr_t context = entry->execution_context, held = 0;
    bool in_body = is_in_body_of_gos(entry, machine);
    bool ends = wazero__attend_ends(thread);
    uint32_t exit_code = wazero__direct_trap();
    if (!in_body) {
        if (ends)
            hold(thread, context);
        return;
    }
    if (program_counter(machine) - (uintptr_t)wazero__hold_stub < WAZERO__HOLD_SIZE)
        held = thread->held;
    if (ends && !begin_trace(context, machine, *entry->stack_top))
        memset(field(context, OFFSET_STACK_POINTER_BEFORE_GO_CALL), 0, sizeof context);
    if (held)
        memcpy(field(context, OFFSET_GO_CALL_RETURN_ADDRESS), &held, sizeof held);
    if (ends) {
        memcpy(field(context, OFFSET_EXIT_CODE), &exit_code, sizeof exit_code);
        thread->taken_out = true;
        divert(machine, wazero__exit_stub, context);
    } else if (held) { /* it is not asked any more */
        go_on_at(machine, held);
    }
}

static void on_signal(int number, siginfo_t *info, void *pointer)
{
    ucontext_t *frame = pointer;
    mcontext_t *machine = &frame->uc_mcontext;
    wazero__thread_t *thread = wazero__thread();
    wazero__parked_t *parked = thread->unpark;
    uintptr_t context = atomic_load(&thread->running);
    (void)number;
    (void)info;
    /* Of signals that wait only one is seen if there is no room for more. */
    atomic_store(&thread->signalled, false);
    if (parked) {
        thread->unpark = NULL;
        restore(parked, machine);
        thread->park = parked;
        memcpy(field(context, OFFSET_EXIT_CODE), &parked->exit_code,
               sizeof parked->exit_code);
        return;
    }
    if (!atomic_load(&thread->attention))
        return;
    if (!context) {
        take_out(thread, machine);
        return;
    }
    parked = thread->park;
    uint32_t exit_code = WAZERO__EXIT_PARKED;
    if (!parked || !is_in_body(thread, machine) || !save(parked, machine))
        return;
    void *place = field(context, OFFSET_EXIT_CODE);
    memcpy(&parked->exit_code, place, sizeof exit_code);
    memcpy(place, &exit_code, sizeof exit_code);
    divert(machine, wazero__exit_stub, context);
}

/* ---- preparing ---- */

/* Takes the first real-time signal that nobody has a use for. */
static void install(void)
{
    struct sigaction have, want = {.sa_sigaction = on_signal};
    want.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    sigfillset(&want.sa_mask);
    for (int number = SIGRTMIN + 1; number < SIGRTMAX; number++) {
        if (sigaction(number, NULL, &have) || (have.sa_flags & SA_SIGINFO) ||
            have.sa_handler != SIG_DFL || sigaction(number, &want, NULL))
            continue;
        signal_number = number;
        return;
    }
}

/* False if the kernel has no room for it. */
static bool send(int thread)
{
    return syscall(SYS_tgkill, getpid(), thread, signal_number) == 0;
}

bool wazero__interrupt_has_signal(void)
{
    pthread_once(&once, install);
    return signal_number != 0;
}

void wazero__interrupt_unblock(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal_number);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

wazero_error_t *wazero__interrupt_provide(wazero__thread_t *thread)
{
    size_t capacity = getauxval(AT_MINSIGSTKSZ);
    if (thread->park)
        return NULL;
    if (capacity < 8192)
        capacity = 8192;
    wazero__parked_t *parked = malloc(sizeof *parked + capacity);
    if (!parked)
        return wazero__error_memory();
    parked->capacity = capacity;
    thread->park = parked;
    return NULL;
}

wazero_error_t *wazero__interrupt_prepare(wazero__thread_t *thread)
{
    wazero__interrupt_unblock();
    return wazero__interrupt_provide(thread);
}

void wazero__interrupt_release(wazero__thread_t *thread)
{
    wazero__parked_t *parked = thread->park;
    thread->park = NULL;
    free(parked);
}

void wazero__interrupt_send(wazero__thread_t *thread)
{
    if (!atomic_exchange(&thread->signalled, true) && !send(thread->id))
        atomic_store(&thread->signalled, false); /* the watchdog tries again */
}

const wz_entry *wazero__interrupt_leave(wazero__thread_t *thread)
{
    uintptr_t address, stub = (uintptr_t)wazero__hold_stub;
    const wz_entry *entry = atomic_load_explicit(&thread->in_go, memory_order_relaxed);
    if (!entry)
        return NULL;
    atomic_store(&thread->in_go, NULL);
    void *place = field(entry->execution_context, OFFSET_GO_CALL_RETURN_ADDRESS);
    memcpy(&address, place, sizeof address);
    if (address == stub && thread->held) {
        address = thread->held;
        memcpy(place, &address, sizeof address);
    }
    return entry;
}

/* ---- parked threads ---- */

wazero__parked_t *wazero__parked_take(wazero__thread_t *thread)
{
    wazero__parked_t *parked = thread->park;
    thread->park = NULL;
    return parked;
}

uintptr_t wazero__parked_stack(const wazero__parked_t *parked)
{
    return stack_pointer(&parked->machine);
}

/* Raises the signal in this thread. It comes back only if the handler was not run: the
 * signal is blocked, there is no room in the kernel's queue for a while
 * (RLIMIT_SIGPENDING), or somebody has put another handler in its place. Its frame is
 * left behind as it is, so AddressSanitizer must have nothing in it. */
__attribute__((no_sanitize_address)) static void raise_again(void)
{
    static const struct timespec nap = {.tv_nsec = 1000000};
    wazero__thread_t *thread = wazero__thread();
    for (int tries = 0, sent = 0; tries < 2000 && sent < 3; tries++) {
        wazero__interrupt_unblock();
        /* Not before C is ready: a signal of the watchdog's may come at any time. */
        thread->unpark = thread->unparking;
        if (send(thread->id))
            sent++;
        else
            nanosleep(&nap, NULL);
    }
}

uint32_t wazero__parked_resume(wazero__thread_t *thread, wazero__parked_t *parked,
                               uintptr_t execution_context)
{
    uint32_t exit_code = WAZERO__EXIT_LOST;
    int saved = errno;
    wazero__interrupt_release(thread); /* what was provided in the meantime */
    memcpy(field(execution_context, OFFSET_EXIT_CODE), &exit_code, sizeof exit_code);
    wazero__thread_run(thread, execution_context);
    thread->unparking = parked;
    exit_code = wazero__unpark(execution_context, raise_again);
    if (thread->unpark) {
        thread->unpark = NULL;
        thread->park = parked;
    }
    errno = saved;
    return exit_code;
}

bool wazero__parked_abandon(wazero__thread_t *thread, wazero__parked_t *parked,
                            uintptr_t execution_context)
{
    bool has_trace =
        begin_trace(execution_context, &parked->machine, thread->wasm_highest);
    wazero__interrupt_release(thread);
    thread->park = parked;
    return has_trace;
}
