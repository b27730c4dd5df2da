/* wazero_function_map: columns of any stride, errors at an element, time. */
#include "support.h"

typedef struct {
    wazero_runtime_t *runtime;
    wazero_module_t *module;
} fixture_t;

static wazero_error_t *fail_at_seven(void *user, wazero_module_t *caller,
                                     uint64_t *stack)
{
    (void)user;
    (void)caller;
    if (wazero_decode_i32(stack[0]) == 7)
        return wazero_error_new_host("seven", WAZERO_CSTR, NULL, NULL);
    stack[0] = wazero_encode_i32(wazero_decode_i32(stack[0]) + 1);
    return NULL;
}

static void set_up(fixture_t *fixture)
{
    wazero_imports_t *imports;
    fixture->runtime = new_runtime();
    must(wazero_imports_new(&imports));
    must(wazero_imports_add_function(imports, "env", WAZERO_CSTR, "host", WAZERO_CSTR,
                                     fail_at_seven, NULL, NULL));
    fixture->module = new_module(fixture->runtime, "interrupt", imports, NULL);
    wazero_imports_delete(imports);
}

static void tear_down(fixture_t *fixture)
{
    wazero_module_delete(fixture->module);
    wazero_runtime_delete(fixture->runtime);
}

TEST(columns)
{
    enum { COUNT = 1000 };
    fixture_t fixture;
    static int32_t a[COUNT], b[2 * COUNT], sums[COUNT + 1];
    set_up(&fixture);
    for (int i = 0; i < COUNT; i++) {
        a[i] = i;
        b[2 * i] = -3 * i;
        b[2 * i + 1] = 1000000; /* not looked at */
    }
    sums[COUNT] = 4711;
    wazero_function_t *add = get_function(fixture.module, "add");
    wazero_column_t params[2] = {{a, 4}, {b, 8}}, result = {sums, 4};
    size_t done = 0;
    must(wazero_function_map(add, params, &result, COUNT, WAZERO_NO_TIMEOUT, &done));
    CHECK_INT(done, COUNT);
    for (int i = 0; i < COUNT; i++)
        CHECK_INT(sums[i], -2 * i);
    CHECK_INT(sums[COUNT], 4711);

    /* backwards, with one value for all, into where it came from */
    int32_t one = 1;
    wazero_column_t backwards[2] = {{a + COUNT - 1, -4}, {&one, 0}},
                    in_place = {a + COUNT - 1, -4};
    must(
        wazero_function_map(add, backwards, &in_place, COUNT, WAZERO_NO_TIMEOUT, NULL));
    for (int i = 0; i < COUNT; i++)
        CHECK_INT(a[i], i + 1);

    must(wazero_function_map(add, params, &result, 0, WAZERO_NO_TIMEOUT, &done));
    CHECK_INT(done, 0);
    wazero_function_delete(add);
    tear_down(&fixture);
}

/* A parameter of an odd address: an element need not be aligned. */
TEST(elements_at_odd_addresses)
{
    fixture_t fixture;
    uint8_t bytes[1 + 3 * 4], sums[1 + 3 * 4];
    set_up(&fixture);
    for (int32_t i = 0; i < 3; i++)
        memcpy(bytes + 1 + 4 * i, &i, 4);
    wazero_function_t *add = get_function(fixture.module, "add");
    wazero_column_t params[2] = {{bytes + 1, 4}, {bytes + 1, 4}},
                    result = {sums + 1, 4};
    must(wazero_function_map(add, params, &result, 3, WAZERO_NO_TIMEOUT, NULL));
    for (int32_t i = 0; i < 3; i++) {
        int32_t sum;
        memcpy(&sum, sums + 1 + 4 * i, 4);
        CHECK_INT(sum, 2 * i);
    }
    wazero_function_delete(add);
    tear_down(&fixture);
}

TEST(wide_results)
{
    fixture_t fixture;
    int32_t counts[3] = {0, 10, 1000};
    int64_t sums[3];
    set_up(&fixture);
    wazero_function_t *sum = get_function(fixture.module, "sum");
    wazero_column_t params = {counts, 4}, result = {sums, 8};
    must(wazero_function_map(sum, &params, &result, 3, WAZERO_NO_TIMEOUT, NULL));
    CHECK_INT(sums[0], 0);
    CHECK_INT(sums[1], 45);
    CHECK_INT(sums[2], 499500);
    wazero_function_delete(sum);
    tear_down(&fixture);
}

TEST(the_first_failure_ends_it)
{
    fixture_t fixture;
    int32_t arguments[10], results[10] = {0};
    size_t done = 99;
    set_up(&fixture);
    for (int i = 0; i < 10; i++)
        arguments[i] = i;
    wazero_function_t *function = get_function(fixture.module, "call_host");
    wazero_column_t params = {arguments, 4}, result = {results, 4};
    CHECK_ERROR(
        wazero_function_map(function, &params, &result, 10, WAZERO_NO_TIMEOUT, &done),
        WAZERO_ERROR_HOST, "seven");
    CHECK_INT(done, 7);
    CHECK_INT(results[6], 7);
    CHECK_INT(results[7], 0);
    wazero_function_delete(function);
    tear_down(&fixture);
}

TEST(time_is_for_all_elements_together)
{
    enum { COUNT = 100000 };
    fixture_t fixture;
    static int32_t arguments[COUNT];
    static int64_t results[COUNT];
    size_t done = 0;
    set_up(&fixture);
    for (int i = 0; i < COUNT; i++)
        arguments[i] = 100000;
    wazero_function_t *sum = get_function(fixture.module, "sum");
    wazero_column_t params = {arguments, 4}, result = {results, 8};
    /* Where the machine is busy the time may be over before the first. */
    for (int i = 0; i < 100 && done == 0; i++) {
        CHECK_ERROR(wazero_function_map(sum, &params, &result, COUNT, 20000000, &done),
                    WAZERO_ERROR_TIMEOUT, "timeout after 0.02 s");
        CHECK(done < COUNT);
    }
    CHECK(done > 0);
    wazero_function_delete(sum);
    tear_down(&fixture);
}

TEST(closed_modules)
{
    fixture_t fixture;
    int32_t arguments[1] = {1}, results[1];
    size_t done = 9;
    set_up(&fixture);
    wazero_function_t *function = get_function(fixture.module, "call_host");
    wazero_column_t params = {arguments, 4}, result = {results, 4};
    must(wazero_module_close_with_exit_code(fixture.module, 0));
    CHECK_ERROR(
        wazero_function_map(function, &params, &result, 1, WAZERO_NO_TIMEOUT, &done),
        WAZERO_ERROR_CLOSED, "closed");
    CHECK_INT(done, 0);
    wazero_function_delete(function);
    tear_down(&fixture);
}

TEST_MAIN
