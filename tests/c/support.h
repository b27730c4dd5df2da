/*
 * support.h - what the tests of libwazero share: fixtures from tests/wasm, checks of
 * errors, and a runtime with a module in one line. Failing here ends the program, for
 * nothing after it would mean anything.
 */
#ifndef WAZERO_TESTS_SUPPORT_H
#define WAZERO_TESTS_SUPPORT_H

#include "test.h"
#include "wazero.h"

#ifndef WAZERO_TEST_WASM
#error "the build says where tests/wasm is"
#endif

typedef struct {
    uint8_t *data;
    size_t size;
} wasm_t;

/* The bytes of tests/wasm/NAME.wasm; read once, kept for the program's life. */
static inline wasm_t wasm_fixture(const char *name)
{
    static struct {
        char name[32];
        wasm_t wasm;
    } cache[64];
    size_t i = 0;
    for (; cache[i].wasm.data; i++)
        if (strcmp(cache[i].name, name) == 0)
            return cache[i].wasm;
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.wasm", WAZERO_TEST_WASM, name);
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) {
        printf("%s cannot be read\n", path);
        exit(2);
    }
    size_t size = (size_t)ftell(file);
    rewind(file);
    uint8_t *data = malloc(size);
    if (!data || fread(data, 1, size, file) != size)
        exit(2);
    fclose(file);
    snprintf(cache[i].name, sizeof cache[i].name, "%s", name);
    cache[i].wasm.data = data;
    cache[i].wasm.size = size;
    return cache[i].wasm;
}

/* Ends the program if there is an error. */
static inline void must(wazero_error_t *error)
{
    if (!error)
        return;
    printf("unexpected error of kind %d: %s\n", (int)wazero_error_kind(error),
           wazero_error_message(error, NULL));
    fflush(stdout);
    abort();
}

/* Checks that there is an error of this kind whose message holds a text; deletes it. */
#define CHECK_ERROR(call, expected_kind, part)                                         \
    do {                                                                               \
        wazero_error_t *error_ = (call);                                               \
        if (!error_) {                                                                 \
            CHECK(!"an error from " #call);                                            \
        } else {                                                                       \
            CHECK_INT(wazero_error_kind(error_), expected_kind);                       \
            CHECK_CONTAINS(wazero_error_message(error_, NULL), part);                  \
            wazero_error_delete(error_);                                               \
        }                                                                              \
    } while (0)

static inline wazero_runtime_t *new_runtime(void)
{
    wazero_runtime_t *runtime;
    must(wazero_runtime_new(NULL, &runtime));
    return runtime;
}

/* One with an engine, and with features beside those of WebAssembly 2.0. */
static inline wazero_runtime_t *new_runtime_with(wazero_engine_kind_t engine,
                                                 wazero_features_t features)
{
    wazero_runtime_config_t *config;
    wazero_runtime_t *runtime;
    must(wazero_runtime_config_new(&config));
    must(wazero_runtime_config_set_engine(config, engine));
    must(wazero_runtime_config_set_features(config, WAZERO_FEATURES_V2 | features));
    must(wazero_runtime_new(config, &runtime));
    wazero_runtime_config_delete(config);
    return runtime;
}

/* One whose calls go through Go. */
static inline wazero_runtime_t *new_runtime_with_exceptions(void)
{
    return new_runtime_with(WAZERO_ENGINE_AUTO, WAZERO_FEATURE_EXCEPTION_HANDLING);
}

static inline wazero_runtime_t *new_interpreter(void)
{
    return new_runtime_with(WAZERO_ENGINE_INTERPRETER, 0);
}

/* Two tests that run check with a runtime: on the compiler and on the interpreter. */
#define TEST_ON_BOTH_ENGINES(name, check)                                              \
    TEST(name##_compiler)                                                              \
    {                                                                                  \
        wazero_runtime_t *runtime = new_runtime();                                     \
        check(runtime);                                                                \
        wazero_runtime_delete(runtime);                                                \
    }                                                                                  \
    TEST(name##_interpreter)                                                           \
    {                                                                                  \
        wazero_runtime_t *runtime = new_interpreter();                                 \
        check(runtime);                                                                \
        wazero_runtime_delete(runtime);                                                \
    }

/* An instance of a fixture; imports and config may be NULL. */
static inline wazero_module_t *new_module(wazero_runtime_t *runtime, const char *name,
                                          const wazero_imports_t *imports,
                                          const wazero_module_config_t *config)
{
    wasm_t wasm = wasm_fixture(name);
    wazero_module_t *module;
    must(wazero_runtime_instantiate(runtime, wasm.data, wasm.size, imports, config,
                                    &module));
    return module;
}

/* An instance of a fixture under a name. */
static inline wazero_module_t *new_named(wazero_runtime_t *runtime, const char *fixture,
                                         const char *name)
{
    wazero_module_config_t *config;
    must(wazero_module_config_new(&config));
    must(wazero_module_config_set_name(config, name, WAZERO_CSTR));
    wazero_module_t *module = new_module(runtime, fixture, NULL, config);
    wazero_module_config_delete(config);
    return module;
}

static inline wazero_function_t *get_function(wazero_module_t *module, const char *name)
{
    wazero_function_t *function;
    must(wazero_module_function(module, name, WAZERO_CSTR, &function));
    return function;
}

/* Calls an exported function of i32 with an i32 result, or none, by name. */
static inline wazero_error_t *try_call(wazero_module_t *module, const char *name,
                                       const int32_t *args, size_t count,
                                       int32_t *result)
{
    wazero_function_t *function;
    uint64_t stack[8] = {0};
    wazero_error_t *error =
        wazero_module_function(module, name, WAZERO_CSTR, &function);
    if (error)
        return error;
    for (size_t i = 0; i < count; i++)
        stack[i] = wazero_encode_i32(args[i]);
    error = wazero_function_call_with_stack(function, stack, 8);
    wazero_function_delete(function);
    if (!error && result)
        *result = wazero_decode_i32(stack[0]);
    return error;
}

/* The same where nothing may go wrong. */
#define CALL(module, name, ...)                                                        \
    call_checked(module, name, (const int32_t[]){0, ##__VA_ARGS__},                    \
                 sizeof((const int32_t[]){0, ##__VA_ARGS__}) / sizeof(int32_t) - 1)

static inline int32_t call_checked(wazero_module_t *module, const char *name,
                                   const int32_t *args, size_t count)
{
    int32_t result = 0;
    must(try_call(module, name, args + 1, count, &result));
    return result;
}

#endif
