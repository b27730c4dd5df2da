/* WASI: arguments, environment, standard streams of every kind, mounts, exit codes. */
#include <unistd.h>

#include "../../lib/config.h"
#include "support.h"

typedef struct {
    char text[256];
    size_t size;
    int deleted;
    int failures; /* how often to fail */
} sink_t;

static wazero_error_t *collect(void *user, const void *buffer, size_t size)
{
    sink_t *sink = user;
    if (sink->failures-- > 0)
        return wazero_error_new_host("the sink is full", WAZERO_CSTR, NULL, NULL);
    if (sink->size + size < sizeof sink->text) {
        memcpy(sink->text + sink->size, buffer, size);
        sink->size += size;
        sink->text[sink->size] = '\0';
    }
    return NULL;
}

static wazero_error_t *three_bytes(void *user, void *buffer, size_t size, size_t *read)
{
    int *calls = user;
    *read = 0;
    if (size >= 3 && (*calls)++ < 2) {
        memcpy(buffer, "abc", 3);
        *read = 3;
    }
    return NULL;
}

static void delete_sink(void *user)
{
    ((sink_t *)user)->deleted++;
}

/* A configuration whose output and error go to the sinks. */
static wazero_module_config_t *new_config(sink_t *out, sink_t *err)
{
    wazero_module_config_t *config;
    must(wazero_module_config_new(&config));
    must(wazero_module_config_set_output_function(config, WAZERO_STDOUT, collect, out,
                                                  delete_sink));
    must(wazero_module_config_set_output_function(config, WAZERO_STDERR, collect, err,
                                                  delete_sink));
    return config;
}

static wazero_error_t *run(wazero_runtime_t *runtime, wazero_module_config_t *config)
{
    wasm_t wasm = wasm_fixture("wasi");
    wazero_module_t *module;
    wazero_error_t *error = wazero_runtime_instantiate(runtime, wasm.data, wasm.size,
                                                       NULL, config, &module);
    if (!error) {
        CHECK(wazero_module_is_closed(module, NULL));
        wazero_module_delete(module);
    }
    return error;
}

static void check_program(wazero_runtime_t *runtime)
{
    sink_t out = {0}, err = {0};
    wazero_module_config_t *config = new_config(&out, &err);
    must(wazero_module_config_set_args(config, (const char *const[]){"me"}, 1));
    must(wazero_module_config_set_stdin_bytes(config, "input", 5));
    must(run(runtime, config)); /* exit code 0 */
    CHECK_STR(out.text, "input");
    CHECK_STR(err.text, "me\n");
    /* The bytes are there again for the next one. */
    must(wazero_module_config_set_args(config, (const char *const[]){"me", "x", "y z"},
                                       3));
    wazero_error_t *error = run(runtime, config);
    CHECK(error && wazero_error_kind(error) == WAZERO_ERROR_EXIT);
    CHECK_INT(wazero_error_exit_code(error), 2);
    CHECK_STR(wazero_error_message(error, NULL), "module closed with exit_code(2)");
    wazero_error_delete(error);
    CHECK_STR(out.text, "inputinput");
    CHECK_STR(err.text, "me\nme\nx\ny z\n");
    wazero_module_config_delete(config);
    CHECK_INT(out.deleted, 1);
    CHECK_INT(err.deleted, 1);
}

TEST_ON_BOTH_ENGINES(program, check_program)

TEST(reader)
{
    wazero_runtime_t *runtime = new_runtime();
    sink_t out = {0}, err = {0};
    int calls = 0;
    wazero_module_config_t *config = new_config(&out, &err);
    must(wazero_module_config_set_args(config, (const char *const[]){"me"}, 1));
    must(wazero_module_config_set_stdin_function(config, three_bytes, &calls, NULL));
    must(run(runtime, config));
    CHECK_STR(out.text, "abcabc");
    wazero_module_config_delete(config);
    wazero_runtime_delete(runtime);
}

TEST(writer_that_fails)
{
    wazero_runtime_t *runtime = new_runtime();
    sink_t out = {.failures = 1}, err = {0};
    wazero_module_config_t *config = new_config(&out, &err);
    must(wazero_module_config_set_args(config, (const char *const[]){"me"}, 1));
    must(wazero_module_config_set_stdin_bytes(config, "input", 5));
    CHECK_ERROR(run(runtime, config), WAZERO_ERROR_HOST, "the sink is full");
    wazero_module_config_delete(config);
    wazero_runtime_delete(runtime);
}

TEST(descriptors)
{
    wazero_runtime_t *runtime = new_runtime();
    sink_t out = {0}, err = {0};
    int in[2], to[2];
    char text[16] = "";
    CHECK_INT(pipe(in), 0);
    CHECK_INT(pipe(to), 0);
    wazero_module_config_t *config = new_config(&out, &err);
    must(wazero_module_config_set_args(config, (const char *const[]){"me"}, 1));
    must(wazero_module_config_set_stream_fd(config, WAZERO_STDIN, in[0]));
    must(wazero_module_config_set_stream_fd(config, WAZERO_STDOUT, to[1]));
    CHECK_INT(write(in[1], "piped", 5), 5);
    close(in[1]);
    must(run(runtime, config));
    CHECK_INT(read(to[0], text, sizeof text - 1), 5);
    CHECK_STR(text, "piped");
    /* Ours are still open, and nothing else has the pipe open for writing. */
    CHECK_INT(close(in[0]), 0);
    CHECK_INT(close(to[1]), 0);
    CHECK_INT(read(to[0], text, 1), 0);
    close(to[0]);
    wazero_module_config_delete(config);
    wazero_runtime_delete(runtime);
}

static bool has_variable(const struct wazero_module_config *config, const char *key,
                         const char *value)
{
    for (size_t i = 0; i < config->environment_count; i++)
        if (strcmp(config->environment[i].key.data, key) == 0)
            return strcmp(config->environment[i].value.data, value) == 0;
    return false;
}

TEST(inheriting)
{
    wazero_module_config_t *config;
    must(wazero_module_config_new(&config));
    setenv("WAZERO_TEST_A", "1", 1);
    setenv("WAZERO_TEST_B", "x=y", 1);
    must(wazero_module_config_set_env(config, "WAZERO_TEST_A", "0"));
    must(wazero_module_config_inherit_env(config));
    CHECK(has_variable(config, "WAZERO_TEST_A", "1"));
    CHECK(has_variable(config, "WAZERO_TEST_B", "x=y"));
    must(wazero_module_config_inherit(config));
    CHECK(config->streams[0] && config->streams[1] && config->streams[2]);
    CHECK_INT(config->time.walltime.kind, WAZERO__TIME_SYSTEM);
    CHECK_INT(config->time.nanotime.kind, WAZERO__TIME_SYSTEM);
    CHECK_INT(config->time.sleep_kind, WAZERO__TIME_SYSTEM);
    CHECK_INT(config->random.kind, WAZERO__RANDOM_SYSTEM);
    wazero_module_config_delete(config);
}

TEST(configuration_is_checked)
{
    wazero_module_config_t *config;
    sink_t sink = {0};
    must(wazero_module_config_new(&config));
    CHECK_ERROR(wazero_module_config_set_name(config, "\xff", 1), WAZERO_ERROR_INVALID,
                "not valid UTF-8");
    CHECK_ERROR(wazero_module_config_set_args(config, (const char *const[]){NULL}, 1),
                WAZERO_ERROR_INVALID, "argument 0 is NULL");
    CHECK_ERROR(wazero_module_config_set_env(config, "A=B", "x"), WAZERO_ERROR_INVALID,
                "A=B");
    CHECK_ERROR(wazero_module_config_set_env(config, "", "x"), WAZERO_ERROR_INVALID,
                "name");
    must(wazero_module_config_set_env(config, "A", "x"));
    must(wazero_module_config_set_env(config, "A", "y"));
    CHECK_ERROR(wazero_module_config_set_stream_fd(config, WAZERO_STDIN, -1),
                WAZERO_ERROR_INVALID, "-1 is no file descriptor");
    CHECK_ERROR(wazero_module_config_inherit_stream(config, (wazero_stream_t)7),
                WAZERO_ERROR_INVALID, "7 is no standard stream");
    CHECK_ERROR(wazero_module_config_set_output_function(config, WAZERO_STDIN, collect,
                                                         &sink, delete_sink),
                WAZERO_ERROR_INVALID, "not an output");
    CHECK_ERROR(wazero_module_config_set_output_function(config, WAZERO_STDOUT, NULL,
                                                         &sink, delete_sink),
                WAZERO_ERROR_INVALID, "must not be NULL");
    CHECK_ERROR(
        wazero_module_config_set_stdin_function(config, NULL, &sink, delete_sink),
        WAZERO_ERROR_INVALID, "must not be NULL");
    CHECK_INT(sink.deleted, 3);
    CHECK_ERROR(wazero_module_config_add_mount(config, "", "/", false),
                WAZERO_ERROR_INVALID, "host directory");
    wazero_module_config_delete(config);
    wazero_module_config_delete(NULL);
}

TEST_MAIN
