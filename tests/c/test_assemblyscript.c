/* AssemblyScript's abort, trace and seed; and numbers as text. */
#include <math.h>

#include "../../lib/number.h"
#include "support.h"

enum { MESSAGE = 12, FILE_NAME = 40 };

typedef struct {
    char text[256];
    size_t size;
} sink_t;

static wazero_error_t *collect(void *user, const void *buffer, size_t size)
{
    sink_t *sink = user;
    if (sink->size + size < sizeof sink->text) {
        memcpy(sink->text + sink->size, buffer, size);
        sink->size += size;
    }
    return NULL;
}

/* A program whose outputs go to the sinks. */
static wazero_module_t *new_program(wazero_runtime_t *runtime, unsigned options,
                                    sink_t *out, sink_t *err)
{
    wazero_imports_t *imports;
    wazero_module_config_t *config;
    must(wazero_imports_new(&imports));
    must(wazero_imports_add_assemblyscript(imports, options));
    must(wazero_module_config_new(&config));
    must(wazero_module_config_set_output_function(config, WAZERO_STDOUT, collect, out,
                                                  NULL));
    must(wazero_module_config_set_output_function(config, WAZERO_STDERR, collect, err,
                                                  NULL));
    wazero_module_t *module = new_module(runtime, "assemblyscript", imports, config);
    wazero_module_config_delete(config);
    wazero_imports_delete(imports);
    return module;
}

static wazero_error_t *trace(wazero_module_t *module, uint32_t count, double a,
                             double b)
{
    wazero_function_t *function = get_function(module, "trace");
    uint64_t slots[7] = {MESSAGE, count, wazero_encode_f64(a), wazero_encode_f64(b)};
    wazero_error_t *error = wazero_function_call_with_stack(function, slots, 7);
    wazero_function_delete(function);
    return error;
}

static void check_abort(wazero_runtime_t *runtime)
{
    sink_t out = {{0}, 0}, err = {{0}, 0};
    const int32_t args[] = {MESSAGE, FILE_NAME, 3, -1};
    uint32_t code = 0;
    wazero_module_t *module = new_program(runtime, 0, &out, &err);
    must(trace(module, 1, 1, 2)); /* does nothing */
    CHECK_ERROR(try_call(module, "abort", args, 4, NULL), WAZERO_ERROR_EXIT,
                "module closed with exit_code(255)");
    CHECK_STR(out.text, "");
    CHECK_STR(err.text, "message at a.ts:3:4294967295\n");
    CHECK(wazero_module_is_closed(module, &code));
    CHECK_INT(code, 255);
    wazero_module_delete(module);

    module = new_program(runtime, WAZERO_ASSEMBLYSCRIPT_NO_ABORT_MESSAGE, &out, &out);
    CHECK_ERROR(try_call(module, "abort", args, 4, NULL), WAZERO_ERROR_EXIT, "255");
    CHECK_STR(out.text, "");
    wazero_module_delete(module);
}

TEST_ON_BOTH_ENGINES(abort, check_abort)

static void check_trace(wazero_runtime_t *runtime)
{
    sink_t out = {{0}, 0}, err = {{0}, 0};
    wazero_module_t *module =
        new_program(runtime, WAZERO_ASSEMBLYSCRIPT_TRACE_STDOUT, &out, &err);
    must(trace(module, 0, 1, 2));
    must(trace(module, 2, 1, 2.5));
    CHECK_STR(out.text, "trace: message\ntrace: message 1,2.5\n");
    CHECK_STR(err.text, "");
    wazero_module_delete(module);
    module = new_program(runtime, WAZERO_ASSEMBLYSCRIPT_TRACE_STDERR, &out, &err);
    must(trace(module, 1, NAN, 0));
    CHECK_STR(err.text, "trace: message NaN\n");
    wazero_module_delete(module);
}

TEST_ON_BOTH_ENGINES(trace, check_trace)

TEST(seed)
{
    wazero_runtime_t *runtime = new_runtime();
    sink_t sink = {{0}, 0};
    uint64_t first[2];
    for (int i = 0; i < 2; i++) {
        wazero_module_t *module = new_program(runtime, 0, &sink, &sink);
        wazero_function_t *function = get_function(module, "seed");
        must(wazero_function_call(function, NULL, 0, &first[i], 1));
        wazero_function_delete(function);
        wazero_module_delete(module);
    }
    CHECK(first[0] == first[1] && first[0] != 0);
    wazero_runtime_delete(runtime);
}

TEST(options)
{
    wazero_imports_t *imports;
    must(wazero_imports_new(&imports));
    CHECK_ERROR(wazero_imports_add_assemblyscript(imports, 8), WAZERO_ERROR_INVALID,
                "0x8 has bits that are no option");
    CHECK_ERROR(wazero_imports_add_assemblyscript(
                    imports, WAZERO_ASSEMBLYSCRIPT_TRACE_STDOUT |
                                 WAZERO_ASSEMBLYSCRIPT_TRACE_STDERR),
                WAZERO_ERROR_INVALID, "not to both");
    wazero_imports_delete(imports);
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module;
    wasm_t wasm = wasm_fixture("assemblyscript");
    CHECK_ERROR(
        wazero_runtime_instantiate(runtime, wasm.data, wasm.size, NULL, NULL, &module),
        WAZERO_ERROR_LINK, "env.abort"); /* nobody asked for it */
    wazero_runtime_delete(runtime);
}

static void check_number(double number, const char *expected)
{
    char text[WAZERO__NUMBER_SIZE];
    wazero__number_text(number, text);
    CHECK_STR(text, expected);
}

TEST(numbers)
{
    check_number(0.0, "0");
    check_number(-0.0, "-0");
    check_number(NAN, "NaN");
    check_number(INFINITY, "+Inf");
    check_number(-INFINITY, "-Inf");
    check_number(1, "1");
    check_number(-1200.5, "-1200.5");
    check_number(123456, "123456");
    check_number(1e6, "1e+06");
    check_number(0.0001, "0.0001");
    check_number(0.00001, "1e-05");
    check_number(1.0 / 3, "0.3333333333333333");
    check_number(5e-324, "5e-324");
    check_number(1.7976931348623157e308, "1.7976931348623157e+308");
    /* Powers of two of which the shortest text is not the one that is rounded. */
    check_number(ldexp(1, -1017), "7.120236347223045e-307");
    check_number(ldexp(1, -1007), "7.291122019556398e-304");
    char text[WAZERO__NUMBER_SIZE];
    for (int exponent = -1074; exponent < 1024; exponent++) {
        wazero__number_text(ldexp(1, exponent), text);
        CHECK(strtod(text, NULL) == ldexp(1, exponent));
        CHECK(strlen(text) < WAZERO__NUMBER_SIZE);
    }
}

TEST_MAIN
