/* The seed's six functions, as a program of its own would use them. */
#include "support.h"

TEST(first_program)
{
    wasm_t wasm = wasm_fixture("add");
    char *error = (char *)"set";
    uint64_t args[2] = {5, 7}, result = 0;
    void *runtime = wazero_new_runtime();
    void *module = wazero_instantiate(runtime, wasm.data, wasm.size, &error);
    CHECK(runtime && module && !error);
    CHECK_INT(wazero_call_function(module, "add", args, 2, &result, 1, &error), 0);
    CHECK_INT(result, 12);
    CHECK(!error);
    CHECK_INT(wazero_call_function(module, "add", args, 2, &result, 1, NULL), 0);
    wazero_module_close(module);
    wazero_runtime_close(runtime);
}

static void check_failure(int status, char **error, const char *part)
{
    CHECK_INT(status, -1);
    CHECK_CONTAINS(*error, part);
    wazero_free(*error);
}

TEST(failures)
{
    wasm_t wasm = wasm_fixture("add");
    char *error;
    uint64_t slots[2] = {0};
    void *runtime = wazero_new_runtime();
    CHECK(!wazero_instantiate(runtime, "no wasm", 7, &error));
    check_failure(-1, &error, "magic");
    CHECK(!wazero_instantiate(runtime, "no wasm", 7, NULL));
    CHECK(!wazero_instantiate(NULL, wasm.data, wasm.size, &error));
    check_failure(-1, &error, "NULL");
    void *module = wazero_instantiate(runtime, wasm.data, wasm.size, &error);
    check_failure(wazero_call_function(module, "no", slots, 2, slots, 1, &error),
                  &error, "it exports: add");
    check_failure(wazero_call_function(module, "add", slots, 1, slots, 1, &error),
                  &error, "expected 2 params, but passed 1");
    check_failure(wazero_call_function(module, NULL, slots, 1, slots, 1, &error),
                  &error, "NULL");
    check_failure(wazero_call_function(NULL, "add", slots, 1, slots, 1, &error), &error,
                  "NULL");
    wazero_runtime_close(runtime); /* closes the module, whose handle is still valid */
    check_failure(wazero_call_function(module, "add", slots, 2, slots, 1, &error),
                  &error, "closed");
    wazero_module_close(module);
    wazero_module_close(NULL);
    wazero_runtime_close(NULL);
    wazero_free(NULL);
}

TEST_MAIN
