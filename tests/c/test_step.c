/* Windows of one instruction: wasm is run one instruction at a time, with the trap
 * flag, and at each instruction between the way in and the way out, one after the
 * other, the thread is parked, or interrupted. No run may give another result than the
 * right one or the interrupt, and each leaves the instance as good as before. */
#include "support.h"

#if defined(__x86_64__)

#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "call/call.h"
#include "call/interrupt.h"
#include "module.h"
#include "thread.h"

enum { TRAP_FLAG = 0x100 };

typedef enum { PARK, INTERRUPT } plan_t;

static wazero__thread_t *stepped; /* NULL: none is */
static plan_t plan;
static volatile uint64_t position; /* of the instruction, while code runs */
static volatile uint64_t target;

static void on_trap(int number, siginfo_t *info, void *pointer)
{
    ucontext_t *frame = pointer;
    greg_t *flags = &frame->uc_mcontext.gregs[REG_EFL];
    (void)number;
    (void)info;
    if (stepped != wazero__thread()) { /* a thread of Go's that was made meanwhile */
        *flags &= ~TRAP_FLAG;
        return;
    }
    if (!stepped->running) { /* back in C: no need to go slowly through Go */
        *flags &= ~TRAP_FLAG;
        return;
    }
    if (position++ != target)
        return;
    const wazero__activation_t *activation = atomic_load(&stepped->activation);
    if (plan == INTERRUPT && activation) {
        wazero__group_interrupt(activation->module->group);
        atomic_fetch_or(&stepped->requests, REQUEST_INTERRUPT);
    }
    atomic_store(&stepped->attention, true);
    /* It arrives as soon as this handler returns, before the next instruction. */
    wazero__interrupt_send(stepped);
}

/* The ways into wasm, in whose place the linker puts these. */
uint32_t __real_wazero__enter(const wz_entry *entry, uint64_t *stack, uintptr_t top);
uint32_t __real_wazero__resume(uintptr_t context);
uint32_t __wrap_wazero__enter(const wz_entry *entry, uint64_t *stack, uintptr_t top);
uint32_t __wrap_wazero__resume(uintptr_t context);

static void begin_steps(void)
{
    if (stepped)
        __asm__ volatile("pushfq; orq %0, (%%rsp); popfq"
                         :
                         : "i"(TRAP_FLAG)
                         : "cc", "memory");
}

uint32_t __wrap_wazero__enter(const wz_entry *entry, uint64_t *stack, uintptr_t top)
{
    begin_steps();
    return __real_wazero__enter(entry, stack, top);
}

uint32_t __wrap_wazero__resume(uintptr_t context)
{
    begin_steps();
    return __real_wazero__resume(context);
}

static wazero_error_t *call_stepped(wazero_function_t *function, uint64_t *stack)
{
    stepped = wazero__thread();
    position = 0;
    wazero_error_t *error = wazero_function_call_with_stack(function, stack, 4);
    stepped = NULL;
    return error;
}

static wazero_error_t *double_it(void *user, wazero_module_t *caller, uint64_t *stack)
{
    (void)user;
    (void)caller;
    stack[0] = wazero_encode_i32(2 * wazero_decode_i32(stack[0]));
    return NULL;
}

/* Calls that a listener knows of and that have not ended. */
static int open_calls;

static wazero_error_t *begun(void *user, wazero_module_t *module,
                             const wazero_function_definition_t *function,
                             const uint64_t *params, wazero_stack_t *stack)
{
    (void)user;
    (void)module;
    (void)function;
    (void)params;
    (void)stack;
    open_calls++;
    return NULL;
}

static wazero_error_t *ended(void *user, wazero_module_t *module,
                             const wazero_function_definition_t *function,
                             const uint64_t *results)
{
    (void)user;
    (void)module;
    (void)function;
    (void)results;
    open_calls--;
    return NULL;
}

static void aborted(void *user, wazero_module_t *module,
                    const wazero_function_definition_t *function,
                    const wazero_error_t *error)
{
    (void)user;
    (void)module;
    (void)function;
    (void)error;
    open_calls--;
}

static wazero_module_t *new_stepped(wazero_runtime_t *runtime, bool listened)
{
    const wazero_listener_t listener = {
        .before = begun, .after = ended, .abort = aborted};
    wasm_t wasm = wasm_fixture("interrupt");
    wazero_listeners_t *listeners = NULL;
    wazero_compiled_module_t *compiled;
    wazero_imports_t *imports;
    wazero_module_t *module;
    must(wazero_imports_new(&imports));
    must(wazero_imports_add_function(imports, "env", WAZERO_CSTR, "host", WAZERO_CSTR,
                                     double_it, NULL, NULL));
    if (listened) {
        must(wazero_listeners_new(&listeners));
        must(wazero_listeners_add(listeners, &listener));
    }
    must(wazero_runtime_compile_with_listeners(runtime, wasm.data, wasm.size, listeners,
                                               &compiled));
    must(wazero_module_new(compiled, imports, NULL, &module));
    must(wazero_module_start(module));
    wazero_listeners_delete(listeners);
    wazero_compiled_module_delete(compiled);
    wazero_imports_delete(imports);
    return module;
}

typedef struct {
    const char *name;
    int32_t argument;
    int32_t expected;
    wazero_trap_code_t trap; /* or none */
} case_t;

/* Runs the case with the plan at one position; whether the position was reached. */
static bool run_at(wazero_function_t *function, const case_t *one, uint64_t at)
{
    uint64_t stack[4] = {wazero_encode_i32(one->argument),
                         wazero_encode_i32(one->argument)};
    target = at;
    wazero_error_t *error = call_stepped(function, stack);
    bool interrupted = error && wazero_error_kind(error) == WAZERO_ERROR_INTERRUPTED;
    if (plan == PARK || !interrupted) {
        CHECK_INT(error ? (int)wazero_error_trap_code(error) : 0, (int)one->trap);
        if (!error)
            CHECK_INT(wazero_decode_i32(stack[0]), one->expected);
        else if (one->trap == WAZERO_TRAP_NONE)
            CHECK_STR(wazero_error_message(error, NULL), "");
    }
    wazero_error_delete(error);
    CHECK_INT(open_calls, 0);
    return position > at;
}

static void run_everywhere(plan_t wanted, bool listened)
{
    static const case_t cases[] = {
        {"add", 21, 42, WAZERO_TRAP_NONE},
        {"call_host", 21, 42, WAZERO_TRAP_NONE},
        {"trap", 0, 0, WAZERO_TRAP_INTEGER_DIVIDE_BY_ZERO},
        {"fib", 4, 3, WAZERO_TRAP_NONE},
        {"grow_by", 0, 1, WAZERO_TRAP_NONE},
        {"move", 7, 7, WAZERO_TRAP_NONE},
    };
    /* Each telling of a listener is a way out and in: all of them would take long. */
    size_t count = listened ? 3 : sizeof cases / sizeof *cases;
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module = new_stepped(runtime, listened);
    struct sigaction action = {.sa_sigaction = on_trap}, before;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigfillset(&action.sa_mask);
    sigaction(SIGTRAP, &action, &before);
    plan = wanted;
    for (size_t i = 0; i < count; i++) {
        wazero_function_t *function = get_function(module, cases[i].name);
        uint64_t at = 0, first[4] = {0};
        if (wazero_function_is_interruptible(function)) {
            wazero_error_delete(wazero_function_call_with_stack(function, first, 4));
            while (run_at(function, &cases[i], at))
                at++;
            CHECK(at > 10);
        }
        wazero_function_delete(function);
        CHECK_INT(CALL(module, "fib", 10), 55);
    }
    sigaction(SIGTRAP, &before, NULL);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

TEST(parking_at_every_instruction)
{
    run_everywhere(PARK, false);
}

TEST(interrupting_at_every_instruction)
{
    run_everywhere(INTERRUPT, false);
}

TEST(the_same_with_listeners)
{
    run_everywhere(PARK, true);
    run_everywhere(INTERRUPT, true);
}

#else

TEST(single_steps_are_for_x86_64)
{
    CHECK(true); /* user code cannot single-step itself on other machines */
}

#endif

TEST_MAIN
