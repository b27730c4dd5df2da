/* Time: timeouts, interrupts and closing, in whatever the guest does; what the direct
 * path promises, and on the other path what that does (calls end at the next host
 * call). */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "support.h"

static const uint64_t MILLISECOND = 1000000;
/* What has not come by then does not come. The machine may be very busy. */
static const uint64_t SOON = 20 * UINT64_C(1000000000);

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* ---- the fixture: an instance whose host function does what a test says ---- */

typedef struct {
    wazero_runtime_t *runtime;
    wazero_module_t *module;
    wazero_error_t *(*host)(void *fixture, int32_t argument, int32_t *result);
    unsigned calls;
    wazero_error_t *inner; /* what a nested call reported */
} fixture_t;

static wazero_error_t *call_host(void *user, wazero_module_t *caller, uint64_t *stack)
{
    fixture_t *fixture = user;
    int32_t result = wazero_decode_i32(stack[0]);
    wazero_error_t *error = NULL;
    (void)caller;
    fixture->calls++;
    if (fixture->host)
        error = fixture->host(fixture, result, &result);
    stack[0] = wazero_encode_i32(result);
    return error;
}

static void set_up_in(fixture_t *fixture, wazero_runtime_t *runtime,
                      const wazero_module_config_t *config)
{
    wazero_imports_t *imports;
    fixture->runtime = runtime;
    must(wazero_imports_new(&imports));
    must(wazero_imports_add_function(imports, "env", WAZERO_CSTR, "host", WAZERO_CSTR,
                                     call_host, fixture, NULL));
    fixture->module = new_module(runtime, "interrupt", imports, config);
    wazero_imports_delete(imports);
}

static void set_up(fixture_t *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    set_up_in(fixture, new_runtime(), NULL);
}

static void tear_down(fixture_t *fixture)
{
    wazero_module_delete(fixture->module);
    wazero_runtime_delete(fixture->runtime);
}

/* Whether code is ended anywhere, not only at host calls. */
static bool is_direct(const fixture_t *fixture)
{
    wazero_function_t *function = get_function(fixture->module, "spin");
    bool interruptible = wazero_function_is_interruptible(function);
    wazero_function_delete(function);
    return interruptible;
}

static wazero_error_t *call_for(const fixture_t *fixture, const char *name,
                                int32_t argument, uint64_t timeout, uint64_t *result)
{
    uint64_t stack[2] = {wazero_encode_i32(argument), 0};
    wazero_function_t *function = get_function(fixture->module, name);
    wazero_error_t *error =
        wazero_function_call_with_timeout(function, stack, 2, timeout);
    wazero_function_delete(function);
    if (result)
        *result = stack[0];
    return error;
}

static const uint64_t FOR_EVER = WAZERO_NO_TIMEOUT;

/* The instance is as good as before. */
static void check_usable(const fixture_t *fixture)
{
    uint64_t result = 0;
    must(call_for(fixture, "sum", 1000, FOR_EVER, &result));
    CHECK_INT((int64_t)result, 499500);
    must(call_for(fixture, "deep", 1000, FOR_EVER, &result));
    CHECK_INT(wazero_decode_i32(result), 1000);
}

/* The loop that this path can end. */
static const char *spin_of(const fixture_t *fixture)
{
    return is_direct(fixture) ? "spin" : "spin_host";
}

/* ---- timeouts ---- */

static void check_timeout(const fixture_t *fixture, const char *name)
{
    uint64_t begin = now();
    CHECK_ERROR(call_for(fixture, name, 40, 30 * MILLISECOND, NULL),
                WAZERO_ERROR_TIMEOUT, "timeout after 0.03 s");
    uint64_t taken = now() - begin;
    CHECK(taken >= 30 * MILLISECOND && taken < SOON);
    check_usable(fixture);
}

TEST(a_timeout_ends_any_code)
{
    fixture_t fixture;
    set_up(&fixture);
    check_timeout(&fixture, "spin_host");
    if (is_direct(&fixture)) {
        check_timeout(&fixture, "spin");
        check_timeout(&fixture, "spin_copy");
        check_timeout(&fixture, "fib"); /* which has no loop */
        check_timeout(&fixture, "grow");
    }
    tear_down(&fixture);
}

TEST(a_timeout_of_nothing)
{
    fixture_t fixture;
    set_up(&fixture);
    CHECK_ERROR(call_for(&fixture, "call_host", 1, 0, NULL), WAZERO_ERROR_TIMEOUT,
                "timeout after 0 s");
    CHECK_INT(fixture.calls, 0);
    must(call_for(&fixture, "call_host", 1, FOR_EVER - 1, NULL));
    CHECK_INT(fixture.calls, 1);
    tear_down(&fixture);
}

TEST(a_timeout_has_a_trace)
{
    fixture_t fixture;
    set_up(&fixture);
    wazero_error_t *error =
        call_for(&fixture, spin_of(&fixture), 0, 10 * MILLISECOND, NULL);
    CHECK_INT(wazero_error_kind(error), WAZERO_ERROR_TIMEOUT);
#if defined(__x86_64__)
    CHECK(wazero_error_frame_count(error) > 0);
    if (wazero_error_frame_count(error) > 0)
        CHECK_STR(wazero_error_frame(error, 0)->function,
                  is_direct(&fixture) ? "spin" : "host");
#endif
    wazero_error_delete(error);
    tear_down(&fixture);
}

TEST(a_timeout_of_the_configuration)
{
    fixture_t fixture = {0};
    wazero_module_config_t *config;
    must(wazero_module_config_new(&config));
    wazero_module_config_set_timeout(config, 20 * MILLISECOND);
    set_up_in(&fixture, new_runtime(), config);
    wazero_module_config_delete(config);
    CHECK_ERROR(try_call(fixture.module, spin_of(&fixture), NULL, 0, NULL),
                WAZERO_ERROR_TIMEOUT, "timeout after 0.02 s");
    check_usable(&fixture);
    tear_down(&fixture);
}

TEST(a_start_function_has_it_too)
{
    fixture_t fixture;
    set_up(&fixture);
    wasm_t wasm = wasm_fixture("spin_start");
    wazero_module_config_t *config;
    wazero_module_t *module = NULL;
    must(wazero_module_config_new(&config));
    wazero_module_config_set_timeout(config, 20 * MILLISECOND);
    if (is_direct(&fixture))
        CHECK_ERROR(wazero_runtime_instantiate(fixture.runtime, wasm.data, wasm.size,
                                               NULL, config, &module),
                    WAZERO_ERROR_TIMEOUT, "failed: timeout after 0.02 s");
    wazero_module_config_delete(config);
    tear_down(&fixture);
}

/* ---- nested calls ---- */

static wazero_error_t *spin_inside(void *user, int32_t argument, int32_t *result)
{
    fixture_t *fixture = user;
    const char *name = is_direct(fixture) ? "spin" : "spin_host";
    uint64_t timeout = argument ? (uint64_t)argument * MILLISECOND : FOR_EVER;
    if (fixture->calls > 1)
        return NULL; /* spin_host of the inner call */
    wazero_error_delete(fixture->inner);
    fixture->inner = call_for(fixture, name, 0, timeout, NULL);
    *result = 77;
    return NULL; /* whatever became of it */
}

TEST(an_outer_timeout_ends_the_inner_call_and_then_the_outer_one)
{
    fixture_t fixture;
    set_up(&fixture);
    fixture.host = spin_inside;
    uint64_t begin = now();
    CHECK_ERROR(call_for(&fixture, "call_host", 0, 30 * MILLISECOND, NULL),
                WAZERO_ERROR_TIMEOUT, "timeout after 0.03 s");
    CHECK(now() - begin < SOON);
    CHECK_ERROR(fixture.inner, WAZERO_ERROR_TIMEOUT, "timeout after 0.03 s");
    fixture.inner = NULL;
    check_usable(&fixture);
    tear_down(&fixture);
}

TEST(an_inner_timeout_leaves_the_outer_call_alone)
{
    fixture_t fixture;
    uint64_t result = 0;
    set_up(&fixture);
    fixture.host = spin_inside;
    must(call_for(&fixture, "call_host", 20, FOR_EVER, &result));
    CHECK_INT(wazero_decode_i32(result), 77);
    CHECK_ERROR(fixture.inner, WAZERO_ERROR_TIMEOUT, "timeout after 0.02 s");
    tear_down(&fixture);
}

/* ---- from another thread ---- */

typedef struct {
    fixture_t *fixture;
    const char *name;
    wazero_error_t *error;
    uint64_t timeout;
} call_t;

static void *call_in_thread(void *argument)
{
    call_t *call = argument;
    call->error = call_for(call->fixture, call->name, 0, call->timeout, NULL);
    return NULL;
}

/* Returns when the call has worked for so long that it must be inside. */
static pthread_t begin_call(call_t *call)
{
    pthread_t thread;
    clockid_t clock;
    struct timespec used = {0, 0};
    pthread_create(&thread, NULL, call_in_thread, call);
    CHECK(pthread_getcpuclockid(thread, &clock) == 0);
    while (used.tv_sec == 0 && used.tv_nsec < 20000000) {
        usleep(1000);
        CHECK(clock_gettime(clock, &used) == 0);
    }
    return thread;
}

TEST(interrupting)
{
    fixture_t fixture;
    set_up(&fixture);
    must(wazero_module_interrupt(fixture.module)); /* nothing runs */
    check_usable(&fixture);
    for (int i = 0; i < 3; i++) {
        call_t call = {&fixture, spin_of(&fixture), NULL, FOR_EVER};
        pthread_t thread = begin_call(&call);
        must(wazero_module_interrupt(fixture.module));
        pthread_join(thread, NULL);
        CHECK_ERROR(call.error, WAZERO_ERROR_INTERRUPTED, "interrupted");
        check_usable(&fixture);
    }
    tear_down(&fixture);
}

static wazero_error_t *interrupt_self(void *user, int32_t argument, int32_t *result)
{
    (void)argument;
    (void)result;
    return wazero_module_interrupt(((fixture_t *)user)->module);
}

TEST(interrupting_from_inside)
{
    fixture_t fixture;
    set_up(&fixture);
    fixture.host = interrupt_self;
    CHECK_ERROR(call_for(&fixture, "call_host", 0, FOR_EVER, NULL),
                WAZERO_ERROR_INTERRUPTED, "interrupted");
    check_usable(&fixture);
    tear_down(&fixture);
}

static wazero_module_t *second; /* for a call inside a call */

static wazero_error_t *spin_in_second(void *user, int32_t argument, int32_t *result)
{
    fixture_t *fixture = user;
    (void)argument;
    (void)result;
    if (fixture->calls == 1)
        fixture->inner = try_call(second, spin_of(fixture), NULL, 0, NULL);
    return NULL;
}

TEST(two_interrupts_end_two_calls)
{
    fixture_t fixture, inner;
    set_up(&fixture);
    memset(&inner, 0, sizeof inner);
    set_up_in(&inner, fixture.runtime, NULL);
    fixture.host = spin_in_second;
    second = inner.module;
    call_t call = {&fixture, "call_host", NULL, FOR_EVER};
    pthread_t thread = begin_call(&call);
    must(wazero_module_interrupt(fixture.module));
    must(wazero_module_interrupt(inner.module));
    pthread_join(thread, NULL);
    CHECK_ERROR(fixture.inner, WAZERO_ERROR_INTERRUPTED, "interrupted");
    CHECK_ERROR(call.error, WAZERO_ERROR_INTERRUPTED, "interrupted");
    check_usable(&fixture);
    wazero_module_delete(inner.module);
    tear_down(&fixture);
}

/* ---- threads that end ---- */

static pthread_key_t late_key;
static fixture_t *late_fixture;
static unsigned late_calls;

/* A destructor that calls in each round of destructors, the last one included. */
static void call_late(void *value)
{
    uint64_t result = 0;
    must(call_for(late_fixture, "sum", 1000, 1000 * MILLISECOND, &result));
    CHECK_INT((int64_t)result, 499500);
    late_calls++;
    pthread_setspecific(late_key, value);
}

static void *end_late(void *unused)
{
    (void)unused;
    pthread_setspecific(late_key, &late_key);
    must(call_for(late_fixture, "sum", 1, FOR_EVER, NULL));
    return NULL;
}

TEST(threads_that_call_while_they_end)
{
    fixture_t fixture;
    pthread_t thread;
    set_up(&fixture);
    late_fixture = &fixture;
    late_calls = 0;
    pthread_key_create(&late_key, call_late);
    pthread_create(&thread, NULL, end_late, NULL);
    pthread_join(thread, NULL);
    pthread_key_delete(late_key);
    CHECK(late_calls > 1);
    usleep(5000); /* the watchdog looks */
    check_timeout(&fixture, spin_of(&fixture));
    tear_down(&fixture);
}

TEST(closing_ends_the_call)
{
    for (uint32_t exit_code = 0; exit_code < 2; exit_code++) {
        fixture_t fixture;
        set_up(&fixture);
        call_t call = {&fixture, spin_of(&fixture), NULL, FOR_EVER};
        pthread_t thread = begin_call(&call);
        must(wazero_module_close_with_exit_code(fixture.module, exit_code));
        pthread_join(thread, NULL);
        CHECK_ERROR(call.error, exit_code ? WAZERO_ERROR_EXIT : WAZERO_ERROR_CLOSED,
                    "closed with exit_code");
        tear_down(&fixture);
    }
}

TEST(closing_the_runtime_ends_the_call)
{
    fixture_t fixture;
    set_up(&fixture);
    call_t call = {&fixture, spin_of(&fixture), NULL, FOR_EVER};
    pthread_t thread = begin_call(&call);
    must(wazero_runtime_close_with_exit_code(fixture.runtime, 0));
    pthread_join(thread, NULL);
    CHECK_ERROR(call.error, WAZERO_ERROR_CLOSED, "closed with exit_code");
    tear_down(&fixture);
}

static atomic_bool leave;

static wazero_error_t *stay_until_told(void *user, int32_t argument, int32_t *result)
{
    (void)user;
    (void)argument;
    (void)result;
    return atomic_load(&leave) ? wazero_error_new_host("left", WAZERO_CSTR, NULL, NULL)
                               : NULL;
}

static void *tell_later(void *unused)
{
    (void)unused;
    usleep(20000);
    atomic_store(&leave, true);
    return NULL;
}

TEST(waiting_for_another_thread_times_out)
{
    fixture_t fixture;
    pthread_t thread, teller;
    set_up(&fixture);
    atomic_store(&leave, false);
    fixture.host = stay_until_told;
    call_t call = {&fixture, "spin_host", NULL, FOR_EVER};
    thread = begin_call(&call);
    CHECK_ERROR(call_for(&fixture, "add", 1, 30 * MILLISECOND, NULL),
                WAZERO_ERROR_TIMEOUT, "waiting for another thread");
    pthread_create(&teller, NULL, tell_later, NULL);
    must(call_for(&fixture, "sum", 1, FOR_EVER, NULL)); /* waits, and gets in */
    pthread_join(teller, NULL);
    pthread_join(thread, NULL);
    CHECK_ERROR(call.error, WAZERO_ERROR_HOST, "left");
    tear_down(&fixture);
}

/* ---- the stack ---- */

/* The number of calls of `deep` that a stack of this size bears. */
static int32_t depth_with(size_t max_stack)
{
    fixture_t fixture = {0};
    wazero_module_config_t *config;
    must(wazero_module_config_new(&config));
    must(wazero_module_config_set_max_stack(config, max_stack));
    set_up_in(&fixture, new_runtime(), config);
    wazero_module_config_delete(config);
    int32_t low = 0, high = 1 << 26;
    while (low + 1 < high) {
        int32_t middle = low + (high - low) / 2;
        wazero_error_t *error = call_for(&fixture, "deep", middle, FOR_EVER, NULL);
        if (error) {
            CHECK_INT(wazero_error_kind(error), WAZERO_ERROR_TRAP);
            CHECK_INT(wazero_error_trap_code(error), WAZERO_TRAP_STACK_OVERFLOW);
            wazero_error_delete(error);
            high = middle;
        } else {
            low = middle;
        }
    }
    tear_down(&fixture);
    return low;
}

TEST(the_stack_is_as_large_as_it_is_set)
{
    fixture_t fixture;
    set_up(&fixture);
    wazero_module_config_t *config;
    must(wazero_module_config_new(&config));
    CHECK_ERROR(wazero_module_config_set_max_stack(config, 65535), WAZERO_ERROR_INVALID,
                "max_stack must be from 65536");
    CHECK_ERROR(wazero_module_config_set_max_stack(config, ((size_t)1 << 30) + 1),
                WAZERO_ERROR_INVALID, "not 1073741825");
    wazero_module_config_delete(config);
    if (is_direct(&fixture)) {
        int32_t small = depth_with((size_t)64 << 10);
        int32_t usual = depth_with((size_t)16 << 20);
        int32_t large = depth_with((size_t)256 << 20);
        CHECK(small > 500);
        /* exactly as many frames more as there is more room */
        int32_t frame = (((int32_t)16 << 20) - (64 << 10)) / (usual - small);
        CHECK_INT(frame % 16, 0);
        CHECK_INT((int64_t)(large - usual) * frame, (int64_t)240 << 20);
    }
    tear_down(&fixture);
}

TEST(a_stack_overflow_is_a_trap_with_a_trace)
{
    fixture_t fixture;
    set_up(&fixture);
    for (int i = 0; i < 3; i++) {
        wazero_error_t *error = call_for(&fixture, "endless", 0, FOR_EVER, NULL);
        CHECK_INT(wazero_error_kind(error), WAZERO_ERROR_TRAP);
        CHECK_INT(wazero_error_trap_code(error), WAZERO_TRAP_STACK_OVERFLOW);
#if defined(__x86_64__)
        if (is_direct(&fixture))
            CHECK_STR(wazero_error_frame(error, 0)->function, "endless");
#endif
        wazero_error_delete(error);
        check_usable(&fixture);
    }
    tear_down(&fixture);
}

/* ---- many ---- */

/* None comes early, and they are not late as such: where others want the processors,
 * too, many may be. */
TEST(deadlines_are_kept)
{
    enum { COUNT = 100 };
    fixture_t fixture;
    int late = 0;
    set_up(&fixture);
    for (int i = 0; i < COUNT; i++) {
        uint64_t timeout = (uint64_t)(1 + i % 7) * MILLISECOND, begin = now();
        CHECK_ERROR(call_for(&fixture, spin_of(&fixture), 0, timeout, NULL),
                    WAZERO_ERROR_TIMEOUT, "timeout after");
        uint64_t taken = now() - begin;
        CHECK(taken >= timeout);
        late += taken > timeout + 20 * MILLISECOND;
    }
    CHECK(late < COUNT);
    tear_down(&fixture);
}

/* Deadlines that land anywhere: the result is right, or it is a timeout. */
static void hammer(fixture_t *fixture, const char *name, int32_t argument,
                   int64_t expected, uint64_t usual)
{
    static uint32_t seed = 1;
    uint64_t result = 0;
    seed = seed * 1664525 + 1013904223;
    wazero_error_t *error =
        call_for(fixture, name, argument, usual * (seed >> 16 & 1023) / 512, &result);
    if (error)
        CHECK_INT(wazero_error_kind(error), WAZERO_ERROR_TIMEOUT);
    else
        CHECK_INT((int64_t)result, expected);
    wazero_error_delete(error);
}

static void land_anywhere(fixture_t *fixture)
{
    const char *said = getenv("WAZERO_HAMMER_SECONDS");
    uint64_t end = now() + (uint64_t)(said ? atoi(said) : 2) * 1000 * MILLISECOND;
    while (now() < end) {
        hammer(fixture, "sum", 3000000, 4499998500000, 3 * MILLISECOND);
        hammer(fixture, "fib", 25, 75025, MILLISECOND);
        hammer(fixture, "mixed", 1000, 9000, MILLISECOND);
        hammer(fixture, "deep", 100000, 100000, 2 * MILLISECOND);
        wazero_error_t *error = call_for(fixture, "trap", 0, FOR_EVER, NULL);
        CHECK_INT(wazero_error_trap_code(error), WAZERO_TRAP_INTEGER_DIVIDE_BY_ZERO);
        CHECK_INT(wazero_error_frame_count(error), 2);
        wazero_error_delete(error);
    }
}

TEST(deadlines_that_land_anywhere)
{
    fixture_t fixture;
    set_up(&fixture);
    land_anywhere(&fixture);
    tear_down(&fixture);
}

/* ---- with exceptions, where Go enters the code ---- */

/* False where nothing ends such code. */
static bool set_up_with_exceptions(fixture_t *fixture)
{
    set_up(fixture);
    bool direct = is_direct(fixture);
    tear_down(fixture);
    memset(fixture, 0, sizeof *fixture);
    set_up_in(fixture, new_runtime_with_exceptions(), NULL);
    CHECK(!is_direct(fixture));
    return direct;
}

/* On a busy machine the time may be over before wasm runs. On AArch64 there is none. */
static void check_trace(const fixture_t *fixture)
{
#if defined(__x86_64__)
    wazero_error_t *error = NULL;
    uint64_t timeout = MILLISECOND;
    do {
        wazero_error_delete(error);
        timeout *= 4;
        error = call_for(fixture, "spin", 0, timeout, NULL);
        CHECK_INT(wazero_error_kind(error), WAZERO_ERROR_TIMEOUT);
    } while (wazero_error_frame_count(error) == 0 && timeout < SOON);
    CHECK_INT(wazero_error_frame_count(error), 1);
    CHECK_STR(wazero_error_frame(error, 0)->function, "spin");
    wazero_error_delete(error);
#else
    (void)fixture;
#endif
}

TEST(a_timeout_ends_code_that_go_has_entered)
{
    fixture_t fixture;
    if (set_up_with_exceptions(&fixture)) {
        check_timeout(&fixture, "spin");
        check_timeout(&fixture, "spin_copy");
        check_timeout(&fixture, "fib");
        check_timeout(&fixture, "grow");
        check_trace(&fixture);
    }
    check_timeout(&fixture, "spin_host");
    tear_down(&fixture);
}

static wazero_error_t *spin_in_go(void *user, int32_t argument, int32_t *result)
{
    fixture_t *fixture = user;
    (void)result;
    wazero_error_t *error =
        call_for(fixture, "spin", 0, (uint64_t)argument * MILLISECOND, NULL);
    CHECK_ERROR(error, WAZERO_ERROR_TIMEOUT, "timeout after");
    fixture->host = NULL;
    return NULL;
}

TEST(a_nested_call_that_go_has_entered_ends_alone)
{
    fixture_t fixture;
    if (set_up_with_exceptions(&fixture)) {
        fixture.host = spin_in_go;
        CHECK_INT(CALL(fixture.module, "call_host", 10), 10);
        check_timeout(&fixture, "spin");
        fixture.host = spin_in_go; /* which has no more time than the outer call */
        CHECK_ERROR(call_for(&fixture, "call_host", 100000, 30 * MILLISECOND, NULL),
                    WAZERO_ERROR_TIMEOUT, "timeout after 0.03 s");
        check_usable(&fixture);
    }
    tear_down(&fixture);
}

TEST(interrupting_and_closing_what_go_has_entered)
{
    fixture_t fixture;
    const char *name = set_up_with_exceptions(&fixture) ? "spin" : "spin_host";
    call_t call = {&fixture, name, NULL, FOR_EVER};
    pthread_t thread = begin_call(&call);
    must(wazero_module_interrupt(fixture.module));
    pthread_join(thread, NULL);
    CHECK_ERROR(call.error, WAZERO_ERROR_INTERRUPTED, "interrupted");
    check_usable(&fixture);
    thread = begin_call(&call);
    must(wazero_module_close_with_exit_code(fixture.module, 0));
    pthread_join(thread, NULL);
    CHECK_ERROR(call.error, WAZERO_ERROR_CLOSED, "closed with exit_code");
    tear_down(&fixture);
}

TEST(deadlines_that_land_anywhere_in_what_go_has_entered)
{
    fixture_t fixture;
    set_up_with_exceptions(&fixture);
    land_anywhere(&fixture);
    tear_down(&fixture);
}

TEST_MAIN
