/*
 * steps.h - counts the instructions of a call, one by one, with the trap flag.
 *
 * A count does not depend on what else the machine does, and a virtual machine often
 * has no performance counters. One thread at a time; needs _GNU_SOURCE; machines other
 * than x86-64 count nothing.
 */
#ifndef WAZERO_BENCHMARKS_STEPS_H
#define WAZERO_BENCHMARKS_STEPS_H

#if defined(__x86_64__)

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <ucontext.h>

enum { STEPS_TRAP_FLAG = 0x100 };

static volatile bool steps_counting;
static volatile long steps_count;
static pthread_t steps_thread;

/* The flag also comes along with a thread that is made meanwhile, and comes back with a
 * call that a signal has parked: it is cleared then. */
static inline void steps_on_trap(int number, siginfo_t *info, void *pointer)
{
    ucontext_t *frame = pointer;
    (void)number;
    (void)info;
    if (steps_counting && pthread_equal(steps_thread, pthread_self()))
        steps_count++;
    else
        frame->uc_mcontext.gregs[REG_EFL] &= ~STEPS_TRAP_FLAG;
}

/* The handler stays. It has to run on the alternate stack, for what is counted may be
 * on a stack of wasm. */
static inline void steps_begin(void)
{
    struct sigaction action = {.sa_sigaction = steps_on_trap};
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigfillset(&action.sa_mask);
    sigaction(SIGTRAP, &action, NULL);
    steps_thread = pthread_self();
    steps_count = 0;
    steps_counting = true;
    __asm__ volatile("subq $128, %%rsp; pushfq; orq %0, (%%rsp); popfq;"
                     "addq $128, %%rsp" ::"i"(STEPS_TRAP_FLAG)
                     : "cc", "memory");
}

static inline long steps_end(void)
{
    steps_counting = false;
    return steps_count;
}

#else

static inline void steps_begin(void) {}

static inline long steps_end(void)
{
    return 0;
}

#endif

#endif
