/* The hooks of a host with a lock: who has it when, and what polling may do. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support.h"

/* A host whose lock is a mutex, as a language with a global lock has one. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local bool attached;
static atomic_uint detached_count, polled_count;
static pthread_t main_thread;
static wazero_error_t *(*on_poll)(void);

static void take(void)
{
    pthread_mutex_lock(&lock);
    attached = true;
}

static void let_go(void)
{
    attached = false;
    pthread_mutex_unlock(&lock);
}

static void *detach(void)
{
    if (!attached)
        return NULL;
    atomic_fetch_add(&detached_count, 1);
    let_go();
    return &lock;
}

static void attach(void *token)
{
    CHECK(token == &lock);
    take();
}

static bool polls(void)
{
    return pthread_equal(pthread_self(), main_thread);
}

static wazero_error_t *poll_host(void)
{
    CHECK(attached);
    atomic_fetch_add(&polled_count, 1);
    return on_poll ? on_poll() : NULL;
}

static wazero_runtime_t *runtime;
static wazero_module_t *module, *other;

static wazero_error_t *host(void *user, wazero_module_t *caller, uint64_t *stack)
{
    (void)user;
    (void)caller;
    CHECK(attached);
    stack[0] = wazero_encode_i32(wazero_decode_i32(stack[0]) + 1);
    return NULL;
}

static wazero_module_t *new_instance(wazero_host_function_t function)
{
    wazero_imports_t *imports;
    must(wazero_imports_new(&imports));
    must(wazero_imports_add_function(imports, "env", WAZERO_CSTR, "host", WAZERO_CSTR,
                                     function, NULL, NULL));
    wazero_module_t *made = new_module(runtime, "interrupt", imports, NULL);
    wazero_imports_delete(imports);
    return made;
}

static void set_up(void)
{
    const wazero_thread_hooks_t hooks = {detach, attach, polls, poll_host};
    main_thread = pthread_self();
    on_poll = NULL;
    wazero_set_thread_hooks(&hooks);
    runtime = new_runtime();
    module = new_instance(host);
    other = new_instance(host);
    take();
    atomic_store(&detached_count, 0);
    atomic_store(&polled_count, 0);
}

static void tear_down(void)
{
    let_go();
    wazero_module_delete(module);
    wazero_module_delete(other);
    wazero_runtime_delete(runtime);
}

static bool is_direct(void)
{
    wazero_function_t *function = get_function(module, "spin");
    bool interruptible = wazero_function_is_interruptible(function);
    wazero_function_delete(function);
    return interruptible;
}

static wazero_error_t *call_for(wazero_module_t *where, const char *name,
                                int32_t argument, uint64_t timeout, uint64_t *result)
{
    uint64_t stack[2] = {wazero_encode_i32(argument), 0};
    wazero_function_t *function = get_function(where, name);
    wazero_error_t *error =
        wazero_function_call_with_timeout(function, stack, 2, timeout);
    wazero_function_delete(function);
    if (result)
        *result = stack[0];
    CHECK(attached);
    return error;
}

TEST(short_calls_keep_the_lock)
{
    set_up();
    for (int i = 0; i < 1000; i++)
        CHECK_INT(CALL(module, "call_host", i), i + 1);
    if (is_direct())
        CHECK(atomic_load(&detached_count) < 500); /* the machine may be busy */
    tear_down();
}

/* A long call; how often it is polled in it depends on the machine. */
static void check_sum(void)
{
    uint64_t result = 0;
    must(call_for(module, "sum", 300000000, WAZERO_NO_TIMEOUT, &result));
    CHECK_INT((int64_t)result, 44999999850000000);
}

TEST(long_calls_let_it_go)
{
    set_up();
    check_sum();
    CHECK(atomic_load(&detached_count) > 0);
    tear_down();
}

static wazero_error_t *stop(void)
{
    return wazero_error_new_host("stop", WAZERO_CSTR, &lock, NULL);
}

static wazero_error_t *stop_at_third(void)
{
    return atomic_load(&polled_count) < 3 ? NULL : stop();
}

TEST(long_calls_poll_again_and_again)
{
    set_up();
    on_poll = stop_at_third;
    CHECK_ERROR(call_for(module, is_direct() ? "spin" : "spin_host", 0,
                         WAZERO_NO_TIMEOUT, NULL),
                WAZERO_ERROR_HOST, "stop");
    CHECK_INT(atomic_load(&polled_count), 3);
    tear_down();
}

TEST(an_error_of_polling_ends_the_call)
{
    set_up();
    on_poll = stop;
    wazero_error_t *error = call_for(module, is_direct() ? "spin" : "spin_host", 0,
                                     WAZERO_NO_TIMEOUT, NULL);
    CHECK_INT(wazero_error_kind(error), WAZERO_ERROR_HOST);
    CHECK_CONTAINS(wazero_error_message(error, NULL), "stop");
    CHECK(wazero_error_payload(error) == &lock);
    wazero_error_delete(error);
    on_poll = NULL;
    CHECK_INT(CALL(module, "fib", 10), 55);
    tear_down();
}

static int refused; /* how often the module was parked when the host was polled */

/* Calls another module, which works, and the one that is parked, which must not. The
 * first time may be before the call has entered wasm: then both work. */
static wazero_error_t *call_both(void)
{
    wazero_memory_t *memory;
    int32_t argument = 10;
    uint32_t pages;
    static bool inside;
    if (inside)
        return NULL;
    inside = true;
    CHECK_INT(CALL(other, "fib", 10), 55);
    CHECK_INT(CALL(other, "call_host", 1), 2);
    wazero_error_t *error =
        is_direct() ? try_call(module, "fib", &argument, 1, NULL) : NULL;
    if (error) {
        refused++;
        CHECK_ERROR(error, WAZERO_ERROR_INVALID, "in the middle of a call");
        must(wazero_module_memory(module, NULL, 0, &memory));
        CHECK_ERROR(wazero_memory_grow(memory, 1, &pages), WAZERO_ERROR_INVALID,
                    "in the middle of a call");
        wazero_memory_delete(memory);
    }
    inside = false;
    return NULL;
}

TEST(polling_may_call_other_modules)
{
    set_up();
    refused = 0;
    on_poll = call_both;
    do
        check_sum();
    while (is_direct() && refused == 0);
    on_poll = NULL;
    CHECK_INT(CALL(module, "fib", 10), 55);
    tear_down();
}

static wazero_error_t *close_it(void)
{
    return wazero_module_close_with_exit_code(module, 0);
}

TEST(polling_may_close_the_module)
{
    set_up();
    on_poll = close_it;
    CHECK_ERROR(call_for(module, is_direct() ? "spin" : "spin_host", 0,
                         WAZERO_NO_TIMEOUT, NULL),
                WAZERO_ERROR_CLOSED, "closed");
    on_poll = NULL;
    tear_down();
}

#if !defined(__SANITIZE_ADDRESS__) /* whose own locks may be held for ever in a child */

static pid_t child;
static bool forked;

static wazero_error_t *fork_once(void)
{
    if (!forked) {
        forked = true;
        child = fork();
    }
    return NULL;
}

/* In the child the call ends, whatever it was doing. */
static void check_child(wazero_error_t *error)
{
    if (!forked) { /* it was over before it was polled */
        must(error);
        return;
    }
    if (child == 0) {
        bool right = error && wazero_error_kind(error) == WAZERO_ERROR_FORKED;
        _exit(right ? 0 : 1);
    }
    must(error);
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
}

TEST(polling_may_fork)
{
    static int32_t arguments[3000];
    static int64_t results[3000];
    set_up();
    if (is_direct()) {
        on_poll = fork_once;
        forked = false;
        while (!forked)
            check_child(call_for(module, "sum", 300000000, WAZERO_NO_TIMEOUT, NULL));
        for (int i = 0; i < 3000; i++)
            arguments[i] = 100000;
        wazero_function_t *sum = get_function(module, "sum");
        wazero_column_t params = {arguments, 4}, result = {results, 8};
        forked = false;
        while (!forked)
            check_child(wazero_function_map(sum, &params, &result, 3000,
                                            WAZERO_NO_TIMEOUT, NULL));
        wazero_function_delete(sum);
    }
    on_poll = NULL;
    tear_down();
}

#endif

/* ---- several threads ---- */

static atomic_uint counted;
static atomic_bool over;

static void *count(void *unused)
{
    (void)unused;
    while (!atomic_load(&over)) {
        take();
        atomic_fetch_add(&counted, 1);
        let_go();
        usleep(100);
    }
    return NULL;
}

static wazero_error_t *stop_when_counted(void)
{
    return atomic_load(&counted) > 50 ? stop() : NULL;
}

TEST(others_run_meanwhile)
{
    pthread_t thread;
    set_up();
    atomic_store(&over, false);
    on_poll = stop_when_counted;
    pthread_create(&thread, NULL, count, NULL);
    atomic_store(&counted, 0); /* the lock is ours: nobody counts before the call */
    CHECK_ERROR(call_for(module, is_direct() ? "spin" : "spin_host", 0,
                         WAZERO_NO_TIMEOUT, NULL),
                WAZERO_ERROR_HOST, "stop");
    atomic_store(&over, true);
    let_go();
    pthread_join(thread, NULL);
    take();
    tear_down();
}

static atomic_bool entered, leave;

static wazero_error_t *stay(void *user, wazero_module_t *caller, uint64_t *stack)
{
    (void)user;
    (void)caller;
    (void)stack;
    atomic_store(&entered, true);
    let_go(); /* as a language does, so that others come by it */
    usleep(100);
    take();
    return atomic_load(&leave) ? stop() : NULL;
}

static void *stay_in_thread(void *unused)
{
    (void)unused;
    take();
    CHECK_ERROR(call_for(module, "spin_host", 0, WAZERO_NO_TIMEOUT, NULL),
                WAZERO_ERROR_HOST, "stop");
    let_go();
    return NULL;
}

static wazero_error_t *have_it_leave(void)
{
    atomic_store(&leave, atomic_load(&polled_count) > 2);
    return NULL;
}

TEST(waiting_lets_it_go_and_polls)
{
    pthread_t thread;
    set_up();
    wazero_module_delete(module);
    module = new_instance(stay);
    on_poll = have_it_leave;
    atomic_store(&entered, false);
    atomic_store(&leave, false);
    let_go();
    pthread_create(&thread, NULL, stay_in_thread, NULL);
    while (!atomic_load(&entered))
        usleep(100);
    take();
    CHECK_INT(CALL(module, "fib", 10), 55); /* waits, and only polling ends that */
    CHECK(atomic_load(&polled_count) > 2);
    let_go();
    pthread_join(thread, NULL);
    take();
    tear_down();
}

TEST_MAIN
