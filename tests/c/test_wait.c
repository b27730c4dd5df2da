/* Shared memories: instances that run at the same time, and wait for each other. */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "support.h"

enum { WAITERS = 4 };

typedef struct {
    wazero_runtime_t *runtime;
    wazero_module_t *owner;
    wazero_module_t *modules[WAITERS + 1]; /* the last one notifies */
} fixture_t;

static wazero_runtime_t *new_runtime_with_threads(void)
{
    wazero_runtime_config_t *config;
    wazero_runtime_t *runtime;
    must(wazero_runtime_config_new(&config));
    must(wazero_runtime_config_set_features(config, WAZERO_FEATURES_V2 |
                                                        WAZERO_FEATURE_THREADS));
    must(wazero_runtime_new(config, &runtime));
    wazero_runtime_config_delete(config);
    return runtime;
}

static void set_up(fixture_t *fixture)
{
    wazero_imports_t *imports;
    fixture->runtime = new_runtime_with_threads();
    fixture->owner = new_module(fixture->runtime, "shared", NULL, NULL);
    must(wazero_imports_new(&imports));
    must(wazero_imports_add_module(imports, "env", WAZERO_CSTR, fixture->owner));
    for (int i = 0; i <= WAITERS; i++)
        fixture->modules[i] = new_module(fixture->runtime, "wait", imports, NULL);
    wazero_imports_delete(imports);
}

static void tear_down(fixture_t *fixture)
{
    for (int i = 0; i <= WAITERS; i++)
        wazero_module_delete(fixture->modules[i]);
    wazero_module_delete(fixture->owner);
    wazero_runtime_delete(fixture->runtime);
}

static wazero_error_t *wait_for(wazero_module_t *module, const char *name, int32_t at,
                                int64_t expected, int64_t nanoseconds, uint64_t timeout,
                                int32_t *answer)
{
    uint64_t stack[3] = {wazero_encode_i32(at), (uint64_t)expected,
                         (uint64_t)nanoseconds};
    wazero_function_t *function = get_function(module, name);
    wazero_error_t *error =
        wazero_function_call_with_timeout(function, stack, 3, timeout);
    wazero_function_delete(function);
    *answer = wazero_decode_i32(stack[0]);
    return error;
}

TEST(answers)
{
    fixture_t fixture;
    int32_t answer = 9;
    set_up(&fixture);
    wazero_module_t *module = fixture.modules[0];
    must(wait_for(module, "wait32", 8, 1, -1, WAZERO_NO_TIMEOUT, &answer));
    CHECK_INT(answer, 1); /* the value is another one */
    must(wait_for(module, "wait32", 8, 0, 5000000, WAZERO_NO_TIMEOUT, &answer));
    CHECK_INT(answer, 2); /* that took too long */
    must(wait_for(module, "wait64", 8, (int64_t)1 << 32, -1, WAZERO_NO_TIMEOUT,
                  &answer));
    CHECK_INT(answer, 1);
    must(wait_for(module, "wait64", 8, 0, 0, WAZERO_NO_TIMEOUT, &answer));
    CHECK_INT(answer, 2);
    CHECK_INT(CALL(module, "notify", 8, 10), 0);
    CHECK_ERROR(wait_for(module, "wait32", 6, 0, 0, WAZERO_NO_TIMEOUT, &answer),
                WAZERO_ERROR_TRAP, "unaligned atomic");
    CHECK_ERROR(wait_for(module, "wait32", 65536, 0, 0, WAZERO_NO_TIMEOUT, &answer),
                WAZERO_ERROR_TRAP, "out of bounds memory access");
    tear_down(&fixture);
}

static void check_alone(wazero_runtime_t *runtime)
{
    wazero_module_t *module = new_module(runtime, "wait_alone", NULL, NULL);
    wazero_error_t *error = try_call(module, "wait32", NULL, 0, NULL);
    CHECK_INT(wazero_error_trap_code(error), WAZERO_TRAP_EXPECTED_SHARED_MEMORY);
    CHECK_INT(wazero_error_frame_count(error), 1);
    wazero_error_delete(error);
    CHECK_INT(CALL(module, "notify"), 0);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

TEST(a_memory_that_is_not_shared)
{
    check_alone(new_runtime_with_threads());
}

/* ---- several threads ---- */

typedef struct {
    wazero_module_t *module;
    uint64_t timeout;
    int32_t answer;
    wazero_error_t *error;
    pthread_t thread;
    atomic_bool done;
} wait_t;

static void *wait_in_thread(void *argument)
{
    wait_t *wait = argument;
    wait->error =
        wait_for(wait->module, "wait32", 16, 0, -1, wait->timeout, &wait->answer);
    atomic_store(&wait->done, true);
    return NULL;
}

static void begin_wait(wait_t *wait, wazero_module_t *module, uint64_t timeout)
{
    *wait = (wait_t){.module = module, .timeout = timeout, .answer = -1};
    pthread_create(&wait->thread, NULL, wait_in_thread, wait);
}

TEST(notifying)
{
    fixture_t fixture;
    wait_t waits[WAITERS];
    set_up(&fixture);
    for (int i = 0; i < WAITERS; i++)
        begin_wait(&waits[i], fixture.modules[i], WAZERO_NO_TIMEOUT);
    int woken = 0;
    for (int i = 0; i < 10000 && woken < WAITERS; i++) {
        woken += CALL(fixture.modules[WAITERS], "notify", 16, 1);
        usleep(1000);
    }
    CHECK_INT(woken, WAITERS);
    for (int i = 0; i < WAITERS; i++) {
        pthread_join(waits[i].thread, NULL);
        must(waits[i].error);
        CHECK_INT(waits[i].answer, 0);
    }
    tear_down(&fixture);
}

/* Whether a wait can be ended. */
static bool is_direct(const fixture_t *fixture)
{
    wazero_function_t *function = get_function(fixture->modules[0], "size");
    bool interruptible = wazero_function_is_interruptible(function);
    wazero_function_delete(function);
    return interruptible;
}

TEST(a_wait_is_ended_like_any_call)
{
    fixture_t fixture;
    wait_t waits[WAITERS];
    set_up(&fixture);
    if (is_direct(&fixture)) {
        for (int i = 0; i < WAITERS; i++)
            begin_wait(&waits[i], fixture.modules[i],
                       i < 2 ? WAZERO_NO_TIMEOUT : 100000000);
        while (!atomic_load(&waits[0].done)) { /* it may not have begun yet */
            usleep(20000);
            must(wazero_module_interrupt(fixture.modules[0]));
        }
        must(wazero_module_close_with_exit_code(fixture.modules[1], 0));
        for (int i = 0; i < WAITERS; i++)
            pthread_join(waits[i].thread, NULL);
        CHECK_ERROR(waits[0].error, WAZERO_ERROR_INTERRUPTED, "interrupted");
        CHECK_ERROR(waits[1].error, WAZERO_ERROR_CLOSED, "closed");
        CHECK_ERROR(waits[2].error, WAZERO_ERROR_TIMEOUT, "timeout after 0.1 s");
        CHECK_ERROR(waits[3].error, WAZERO_ERROR_TIMEOUT, "timeout after 0.1 s");
        /* nobody is left behind to be notified */
        CHECK_INT(CALL(fixture.modules[WAITERS], "notify", 16, 10), 0);
    }
    tear_down(&fixture);
}

/* ---- growing ---- */

static void *add_and_look(void *argument)
{
    wazero_module_t *module = argument;
    for (int i = 0; i < 20000; i++) {
        CALL(module, "add", 32, 1);
        CHECK(CALL(module, "size") >= 1);
    }
    return NULL;
}

TEST(instances_run_at_the_same_time)
{
    fixture_t fixture;
    pthread_t threads[WAITERS];
    set_up(&fixture);
    for (int i = 0; i < WAITERS; i++)
        pthread_create(&threads[i], NULL, add_and_look, fixture.modules[i]);
    CHECK_INT(CALL(fixture.modules[WAITERS], "grow", 1), 1);
    CHECK_INT(CALL(fixture.modules[WAITERS], "grow", 2), 2);
    CHECK_INT(CALL(fixture.modules[WAITERS], "grow", 1), -1);
    for (int i = 0; i < WAITERS; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(CALL(fixture.modules[0], "add", 32, 0), WAITERS * 20000);
    CHECK_INT(CALL(fixture.modules[0], "size"), 4);
    tear_down(&fixture);
}

TEST_MAIN
