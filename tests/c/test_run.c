/* wazero_run: results, what is captured, limits, and runs that others end. */
#include <pthread.h>
#include <unistd.h>

#include "support.h"

static wazero_run_options_t *new_options(void)
{
    wazero_run_options_t *options;
    must(wazero_run_options_new(&options));
    wazero_run_options_capture(options, WAZERO_STDOUT, true);
    wazero_run_options_capture(options, WAZERO_STDERR, true);
    return options;
}

static wazero_error_t *run(wazero_run_options_t *options, const char *fixture,
                           wazero_run_result_t **result)
{
    wasm_t wasm = wasm_fixture(fixture);
    return wazero_run(options, wasm.data, wasm.size, result);
}

static void check_output(const void *output, size_t size, const char *expected)
{
    CHECK(output && size == strlen(expected) && memcmp(output, expected, size) == 0);
    CHECK(output && ((const char *)output)[size] == '\0');
}

TEST(a_program_has_a_result)
{
    static const char *const args[] = {"program", "one", "two"};
    wazero_run_options_t *options = new_options();
    wazero_module_config_t *config = wazero_run_options_module(options);
    must(wazero_module_config_set_args(config, args, 3));
    must(wazero_module_config_set_stdin_bytes(config, "input", 5));
    for (int i = 0; i < 3; i++) {
        wazero_run_result_t *result;
        size_t size;
        must(run(options, "wasi", &result));
        CHECK_INT(wazero_run_result_exit_code(result), 2);
        const void *output = wazero_run_result_output(result, WAZERO_STDOUT, &size);
        check_output(output, size, "input");
        output = wazero_run_result_output(result, WAZERO_STDERR, &size);
        check_output(output, size, "program\none\ntwo\n");
        CHECK(!wazero_run_result_output(result, WAZERO_STDIN, &size) && size == 0);
        CHECK(!wazero_run_result_output(result, (wazero_stream_t)7, &size));
        const wazero_usage_t *usage = wazero_run_result_usage(result);
        CHECK(usage->wall_time > 0 && usage->counted);
        CHECK_INT(usage->peak_memory_pages, 2);
        CHECK_INT(usage->files_opened, 0);
        CHECK_INT(usage->bytes_read, 5);
        CHECK_INT(usage->bytes_written, 21);
        wazero_run_result_delete(result);
    }
    wazero_run_options_delete(options);
    wazero_run_options_delete(NULL);
    wazero_run_result_delete(NULL);
}

static wazero_error_t *count(void *user, const void *buffer, size_t size)
{
    (void)buffer;
    *(size_t *)user += size;
    return NULL;
}

static wazero_error_t *endless(void *user, void *buffer, size_t size, size_t *read)
{
    (void)user;
    memset(buffer, 'x', size);
    *read = size;
    return NULL;
}

TEST(streams_lead_where_the_configuration_says)
{
    wazero_run_options_t *options = new_options();
    wazero_module_config_t *config = wazero_run_options_module(options);
    wazero_run_result_t *result;
    size_t written = 0, size;
    must(wazero_module_config_set_stdin_bytes(config, "input", 5));
    must(wazero_module_config_set_output_function(config, WAZERO_STDOUT, count,
                                                  &written, NULL));
    wazero_run_options_capture(options, WAZERO_STDOUT, false);
    wazero_run_options_capture(options, WAZERO_STDIN, true); /* means nothing */
    must(run(options, "wasi", &result));
    CHECK_INT(written, 5);
    CHECK(!wazero_run_result_output(result, WAZERO_STDOUT, &size) && size == 0);
    wazero_run_result_delete(result);
    wazero_run_options_delete(options);
}

TEST(an_output_limit_ends_the_run)
{
    wazero_run_options_t *options = new_options();
    wazero_module_config_t *config = wazero_run_options_module(options);
    wazero_run_result_t *result = NULL;
    size_t size;
    must(wazero_module_config_set_stdin_function(config, endless, NULL, NULL));
    wazero_module_config_set_output_limit(config, 100000);
    wazero_error_t *error = run(options, "wasi", &result);
    CHECK(error && !result);
    if (error) {
        CHECK_INT(wazero_error_kind(error), WAZERO_ERROR_OUTPUT_LIMIT);
        CHECK_CONTAINS(wazero_error_message(error, NULL), "more than the 100000 bytes");
        const char *output = wazero_error_output(error, WAZERO_STDOUT, &size);
        CHECK(output && size == 100000 && output[0] == 'x' && output[99999] == 'x');
        const wazero_usage_t *usage = wazero_error_usage(error);
        CHECK(usage && usage->bytes_written == 100000 && usage->wall_time > 0);
        CHECK(wazero_error_output(error, WAZERO_STDERR, &size) && size == 0);
        CHECK(!wazero_error_output(error, WAZERO_STDIN, &size) && size == 0);
        wazero_error_delete(error);
    }
    wazero_run_options_delete(options);
}

TEST(a_trap_carries_the_output)
{
    wazero_run_options_t *options = new_options();
    wazero_run_result_t *result;
    size_t size;
    for (int captured = 1; captured >= 0; captured--) {
        wazero_run_options_capture(options, WAZERO_STDOUT, captured);
        if (!captured)
            must(wazero_module_config_set_output_function(
                wazero_run_options_module(options), WAZERO_STDOUT, count, &size, NULL));
        wazero_error_t *error = run(options, "write_trap", &result);
        CHECK(error && wazero_error_kind(error) == WAZERO_ERROR_TRAP);
        if (!error)
            break;
        CHECK_INT(wazero_error_trap_code(error), WAZERO_TRAP_UNREACHABLE);
        const void *output = wazero_error_output(error, WAZERO_STDOUT, &size);
        if (captured)
            check_output(output, size, "hello");
        else
            CHECK(!output && size == 0);
        wazero_error_delete(error);
    }
    wazero_run_options_delete(options);
}

TEST(what_is_no_program_is_refused)
{
    wazero_run_options_t *options = new_options();
    wazero_run_result_t *result;
    CHECK_ERROR(run(options, "add", &result), WAZERO_ERROR_INVALID, "\"_start\"");
    CHECK_ERROR(wazero_run(options, "", 0, &result), WAZERO_ERROR_COMPILE, "");
    must(wazero_runtime_config_set_memory_limit_pages(
        wazero_run_options_runtime(options), 1));
    CHECK_ERROR(run(options, "wasi", &result), WAZERO_ERROR_COMPILE, "memory");
    wazero_run_options_delete(options);
}

static wazero_error_t *tick(void *user, wazero_module_t *caller, uint64_t *stack)
{
    (void)caller;
    (void)stack;
    ++*(unsigned *)user;
    return NULL;
}

/* Options for a program that does not end. */
static wazero_run_options_t *endless_options(unsigned *ticks,
                                             wazero_imports_t **imports)
{
    wazero_run_options_t *options = new_options();
    must(wazero_imports_new(imports));
    must(wazero_imports_add_function(*imports, "env", WAZERO_CSTR, "tick", WAZERO_CSTR,
                                     tick, ticks, NULL));
    wazero_run_options_set_imports(options, *imports);
    return options;
}

TEST(a_timeout_ends_the_run)
{
    unsigned ticks = 0;
    wazero_imports_t *imports;
    wazero_run_options_t *options = endless_options(&ticks, &imports);
    wazero_run_result_t *result;
    wazero_module_config_set_timeout(wazero_run_options_module(options), 100000000);
    /* What was configured, not what compiling has left of it. */
    CHECK_ERROR(run(options, "endless", &result), WAZERO_ERROR_TIMEOUT,
                "timeout after 0.1 s");
    CHECK(ticks > 0);
    wazero_run_options_delete(options);
    wazero_imports_delete(imports);
}

/* Input that waits for a pipe and then ends. */
static wazero_error_t *wait_for_pipe(void *user, void *buffer, size_t size,
                                     size_t *read)
{
    (void)buffer;
    (void)size;
    *read = 0;
    return wazero_descriptor_wait(*(int *)user, false);
}

TEST(what_waits_for_a_descriptor_ends)
{
    int ends[2];
    CHECK(!pipe(ends));
    wazero_run_options_t *options = new_options();
    wazero_module_config_t *config = wazero_run_options_module(options);
    wazero_run_result_t *result = NULL;
    must(
        wazero_module_config_set_stdin_function(config, wait_for_pipe, &ends[0], NULL));
    wazero_module_config_set_timeout(config, 50000000);
    CHECK_ERROR(run(options, "wasi", &result), WAZERO_ERROR_TIMEOUT,
                "timeout after 0.05 s");
    wazero_module_config_set_timeout(config, WAZERO_NO_TIMEOUT);
    CHECK(write(ends[1], "x", 1) == 1);
    must(run(options, "wasi", &result)); /* it is ready now */
    wazero_run_result_delete(result);
    wazero_run_options_delete(options);
    must(wazero_descriptor_wait(ends[0], false)); /* outside of calls, too */
    must(wazero_descriptor_wait(ends[1], true));
    close(ends[1]);
    must(wazero_descriptor_wait(ends[0], false));
    close(ends[0]);
    must(wazero_descriptor_wait(ends[0], false)); /* it is none: nothing comes */
}

TEST(wrong_arguments_are_refused)
{
    wazero_run_options_t *options = new_options();
    wazero_run_result_t *result = NULL;
    wasm_t wasm = wasm_fixture("wasi");
    CHECK_ERROR(wazero_run(NULL, wasm.data, wasm.size, &result), WAZERO_ERROR_INVALID,
                "options must not be NULL");
    CHECK_ERROR(wazero_run(options, NULL, 8, &result), WAZERO_ERROR_INVALID,
                "wasm must not be NULL");
    CHECK_ERROR(wazero_run(options, wasm.data, wasm.size, NULL), WAZERO_ERROR_INVALID,
                "result must not be NULL");
    CHECK_ERROR(wazero_run(options, NULL, 0, &result), WAZERO_ERROR_COMPILE, "empty");
    CHECK_ERROR(wazero_run(options, wasm.data, 7, &result), WAZERO_ERROR_COMPILE, "");
    CHECK_ERROR(wazero_run(options, wasm.data, wasm.size - 1, &result),
                WAZERO_ERROR_COMPILE, "");
    CHECK(!result);
    wazero_run_options_capture(options, (wazero_stream_t)-1, true);
    wazero_run_options_capture(options, (wazero_stream_t)3, true);
    must(wazero_run(options, wasm.data, wasm.size, &result));
    wazero_run_result_delete(result);
    wazero_run_options_delete(options);
}

static void *run_in_thread(void *options)
{
    wazero_run_result_t *result;
    wazero_error_t *error = run(options, "endless", &result);
    bool right = error && wazero_error_kind(error) == WAZERO_ERROR_INTERRUPTED;
    if (error && !right)
        printf("%s\n", wazero_error_message(error, NULL));
    wazero_error_delete(error);
    return right ? options : NULL;
}

TEST(others_interrupt_runs)
{
    enum { RUNS = 3 };
    unsigned ticks = 0;
    wazero_imports_t *imports;
    wazero_run_options_t *options = endless_options(&ticks, &imports);
    wazero_run_interrupt(options); /* there is none: it ends nothing later */
    for (unsigned delay = 0; delay < 100000; delay += 20000) {
        pthread_t threads[RUNS];
        for (int i = 0; i < RUNS; i++)
            CHECK(!pthread_create(&threads[i], NULL, run_in_thread, options));
        usleep(delay);
        /* A run that begins later than this is ended by the next round. */
        for (int i = 0; i < RUNS; i++) {
            void *right = NULL;
            struct timespec soon;
            int waiting = 1;
            while (waiting) {
                wazero_run_interrupt(options);
                clock_gettime(CLOCK_REALTIME, &soon);
                soon.tv_sec += 1;
                waiting = pthread_timedjoin_np(threads[i], &right, &soon);
            }
            CHECK(right != NULL);
        }
    }
    wazero_run_options_delete(options);
    wazero_imports_delete(imports);
}

TEST_MAIN
