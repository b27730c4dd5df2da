/* Threads: a hammer for everything that locks, and closing while others are inside. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "support.h"

enum { THREADS = 6, ROUNDS = 3000 };

static wazero_module_t *shared;

static void *call_next(void *argument)
{
    (void)argument;
    wazero_function_t *next = get_function(shared, "next");
    uint64_t slot;
    for (int i = 0; i < ROUNDS; i++)
        must(wazero_function_call_with_stack(next, &slot, 1));
    wazero_function_delete(next);
    return NULL;
}

static void run_threads(void *(*work)(void *))
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

TEST(one_instance)
{
    wazero_runtime_t *runtime = new_runtime();
    shared = new_module(runtime, "globals", NULL, NULL);
    run_threads(call_next);
    CHECK_INT(CALL(shared, "read"), 7 + THREADS * ROUNDS);
    wazero_module_delete(shared);
    wazero_runtime_delete(runtime);
}

/* ---- linked instances come and go while others call ---- */

static wazero_runtime_t *common;
static wazero_compiled_module_t *client;

static void *link_call_delete(void *argument)
{
    (void)argument;
    for (int i = 0; i < 300; i++) {
        wazero_module_t *module;
        must(wazero_module_new(client, NULL, NULL, &module));
        must(wazero_module_start(module));
        CHECK_INT(CALL(module, "add_three", 4), 7);
        CALL(module, "bump");
        wazero_module_delete(module);
    }
    return NULL;
}

TEST(linked_instances)
{
    wasm_t wasm = wasm_fixture("client");
    common = new_runtime();
    wazero_module_t *library = new_named(common, "library", "library");
    must(wazero_runtime_compile(common, wasm.data, wasm.size, &client));
    run_threads(link_call_delete);
    CHECK_INT(CALL(library, "call", 1), 7);
    wazero_compiled_module_delete(client);
    wazero_module_delete(library);
    wazero_runtime_delete(common);
}

/* ---- closing ---- */

static atomic_int entered, release;

static wazero_error_t *wait_inside(void *user, wazero_module_t *caller, uint64_t *stack)
{
    (void)user;
    (void)caller;
    (void)stack;
    atomic_store(&entered, 1);
    while (!atomic_load(&release))
        usleep(100);
    return NULL;
}

static wazero_error_t *seen;

static void *call_log(void *argument)
{
    (void)argument;
    seen = try_call(shared, "log", (int32_t[]){1}, 1, NULL);
    return NULL;
}

static void check_closing(bool runtime_too)
{
    pthread_t thread;
    wazero_runtime_t *runtime = new_runtime();
    wazero_imports_t *imports;
    static const char *const names[] = {"log", "sum", "pair"};
    must(wazero_imports_new(&imports));
    for (int i = 0; i < 3; i++)
        must(wazero_imports_add_function(imports, "env", WAZERO_CSTR, names[i],
                                         WAZERO_CSTR, wait_inside, NULL, NULL));
    shared = new_module(runtime, "host", imports, NULL);
    wazero_imports_delete(imports);
    atomic_store(&entered, 0);
    atomic_store(&release, 0);
    pthread_create(&thread, NULL, call_log, NULL);
    while (!atomic_load(&entered))
        usleep(100);
    /* Neither waits for the call. */
    if (runtime_too)
        wazero_runtime_delete(runtime);
    else
        must(wazero_module_close_with_exit_code(shared, 0));
    CHECK(wazero_module_is_closed(shared, NULL));
    atomic_store(&release, 1);
    pthread_join(thread, NULL);
    CHECK_ERROR(seen, WAZERO_ERROR_CLOSED, "closed");
    wazero_module_delete(shared);
    if (!runtime_too)
        wazero_runtime_delete(runtime);
}

TEST(closing_during_a_call)
{
    check_closing(false);
}
TEST(closing_the_runtime_during_a_call)
{
    check_closing(true);
}

/* ---- everything at once on one runtime ---- */

static void *make_and_close(void *argument)
{
    wasm_t wasm = wasm_fixture((uintptr_t)argument % 2 ? "memory" : "add");
    for (int i = 0; i < 60; i++) {
        wazero_module_t *module;
        wazero_error_t *error = wazero_runtime_instantiate(common, wasm.data, wasm.size,
                                                           NULL, NULL, &module);
        if (error) { /* only because the runtime was closed meanwhile */
            CHECK_INT(wazero_error_kind(error), WAZERO_ERROR_CLOSED);
            wazero_error_delete(error);
            break;
        }
        wazero_module_delete(module);
    }
    return NULL;
}

static void *close_soon(void *argument)
{
    if ((uintptr_t)argument == 0) {
        usleep(5000);
        must(wazero_runtime_close_with_exit_code(common, 0));
        return NULL;
    }
    return make_and_close(argument);
}

TEST(compiling_and_closing)
{
    wasm_fixture("memory"); /* read before the threads start */
    wasm_fixture("add");
    common = new_runtime();
    run_threads(make_and_close);
    wazero_runtime_delete(common);
    for (int i = 0; i < 10; i++) {
        common = new_runtime();
        run_threads(close_soon);
        wazero_runtime_delete(common);
    }
}

TEST_MAIN
