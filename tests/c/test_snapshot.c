/* Execution snapshots: going back, from how deep it may be, and all wrong uses. */
#include <pthread.h>

#include "support.h"

/* What the host functions do. */
typedef struct {
    wazero_snapshot_t *snapshot; /* taken last */
    wazero_error_t *refused;     /* what taking or going back reported, or NULL */
    wazero_function_t *nested;   /* called by `take`, or NULL */
    bool on_another_thread;
    size_t extra; /* results too many */
    int takes, backs;
    int payloads;
} host_t;

static void keep_error(host_t *host, wazero_error_t *error)
{
    wazero_error_delete(host->refused);
    host->refused = error;
}

static wazero_error_t *take(void *user, wazero_module_t *caller, uint64_t *stack)
{
    host_t *host = user;
    (void)caller;
    host->takes++;
    wazero_snapshot_t *snapshot;
    wazero_error_t *error = wazero_snapshot_new(&snapshot);
    if (error) {
        keep_error(host, error);
    } else {
        wazero_snapshot_delete(host->snapshot);
        host->snapshot = snapshot;
    }
    stack[0] = wazero_encode_i32(0);
    if (!host->nested)
        return NULL;
    uint64_t slots[1] = {wazero_encode_i32(12)};
    error = wazero_function_call_with_stack(host->nested, slots, 1);
    CHECK(error != NULL); /* it goes back, out of its own call and this one */
    return error;
}

static void payload_deleted(void *payload)
{
    ((host_t *)payload)->payloads++;
}

static void *restore_elsewhere(void *user)
{
    host_t *host = user;
    uint64_t result = 1;
    keep_error(host, wazero_snapshot_restore(host->snapshot, &result, 1, NULL, NULL));
    return NULL;
}

static wazero_error_t *back(void *user, wazero_module_t *caller, uint64_t *stack)
{
    host_t *host = user;
    uint64_t results[2] = {stack[0], 0};
    (void)caller;
    host->backs++;
    if (!host->snapshot)
        return NULL;
    if (host->on_another_thread) {
        pthread_t thread;
        CHECK_INT(pthread_create(&thread, NULL, restore_elsewhere, host), 0);
        pthread_join(thread, NULL);
        return NULL;
    }
    return wazero_snapshot_restore(host->snapshot, results, 1 + host->extra, host,
                                   payload_deleted);
}

static wazero_module_t *new_snapshots(wazero_runtime_t *runtime, host_t *host)
{
    wazero_imports_t *imports;
    must(wazero_imports_new(&imports));
    must(wazero_imports_add_function(imports, "env", WAZERO_CSTR, "take", WAZERO_CSTR,
                                     take, host, NULL));
    must(wazero_imports_add_function(imports, "env", WAZERO_CSTR, "back", WAZERO_CSTR,
                                     back, host, NULL));
    wazero_module_t *module = new_module(runtime, "snapshot", imports, NULL);
    wazero_imports_delete(imports);
    return module;
}

static wazero_error_t *run(wazero_module_t *module, const char *name, int32_t argument,
                           int32_t *result)
{
    wazero_function_t *function = get_function(module, name);
    uint64_t slots[1] = {wazero_encode_i32(argument)};
    wazero_error_t *error =
        wazero_function_call_with_snapshots(function, slots, 1, WAZERO_NO_TIMEOUT);
    wazero_function_delete(function);
    *result = wazero_decode_i32(slots[0]);
    return error;
}

static void end(wazero_module_t *module, host_t *host)
{
    wazero_module_delete(module);
    wazero_snapshot_delete(host->snapshot);
    wazero_error_delete(host->refused);
}

TEST(goes_back)
{
    wazero_runtime_t *runtime = new_runtime();
    static const int32_t depths[] = {0, 1, 10, 1000, 10000};
    host_t host = {0};
    wazero_module_t *module = new_snapshots(runtime, &host);
    int32_t result;
    for (size_t i = 0; i < 5; i++) {
        must(run(module, "run", depths[i], &result));
        CHECK_INT(result, 1005);
        CHECK_INT(host.payloads, i + 1);
    }
    CHECK_INT(host.takes, 5);
    size_t count;
    CHECK_INT(wazero_snapshot_results(host.snapshot, &count)[0], WAZERO_TYPE_I32);
    CHECK_INT(count, 1);
    end(module, &host);
    wazero_runtime_delete(runtime);
}

TEST(once)
{
    wazero_runtime_t *runtime = new_runtime();
    host_t host = {0};
    wazero_module_t *module = new_snapshots(runtime, &host);
    int32_t result;
    must(run(module, "again", 1, &result));
    CHECK_INT(result, 1);
    CHECK_ERROR(run(module, "again", 2, &result), WAZERO_ERROR_INVALID,
                "restored before: it can be once");
    CHECK_INT(host.payloads, 3);
    must(run(module, "run", 3, &result));
    CHECK_INT(result, 1005);
    end(module, &host);
    wazero_runtime_delete(runtime);
}

TEST(out_of_a_nested_call)
{
    wazero_runtime_t *runtime = new_runtime();
    host_t host = {0};
    wazero_module_t *module = new_snapshots(runtime, &host);
    int32_t result;
    host.nested = get_function(module, "back");
    must(run(module, "take", 0, &result));
    CHECK_INT(result, 12);
    CHECK_INT(host.backs, 1);
    wazero_function_delete(host.nested);
    end(module, &host);
    wazero_runtime_delete(runtime);
}

TEST(without_snapshots)
{
    wazero_runtime_t *runtime = new_runtime();
    host_t host = {0};
    wazero_module_t *module = new_snapshots(runtime, &host);
    wazero_snapshot_t *snapshot;
    int32_t result;
    CHECK_ERROR(wazero_snapshot_new(&snapshot), WAZERO_ERROR_INVALID, "no call runs");
    CHECK_INT(CALL(module, "take", 0), 0);
    CHECK_CONTAINS(wazero_error_message(host.refused, NULL),
                   "was not made with snapshots");
    /* After the call: another one of the same function does not do. */
    must(run(module, "take", 0, &result));
    CHECK_ERROR(run(module, "back", 1, &result), WAZERO_ERROR_INVALID,
                "the call in which the snapshot was taken is over");
    CHECK_ERROR(wazero_snapshot_restore(host.snapshot, NULL, 0, NULL, NULL),
                WAZERO_ERROR_INVALID, "is over");
    end(module, &host);
    wazero_snapshot_delete(NULL);
    wazero_runtime_delete(runtime);
}

TEST(wrong_results_and_threads)
{
    wazero_runtime_t *runtime = new_runtime();
    host_t host = {.extra = 1};
    wazero_module_t *module = new_snapshots(runtime, &host);
    int32_t result;
    CHECK_ERROR(run(module, "run", 1, &result), WAZERO_ERROR_INVALID,
                "has 1 result slots, but 2 were given");
    host.extra = 0;
    host.on_another_thread = true;
    CHECK_ERROR(run(module, "run", 1, &result), WAZERO_ERROR_TRAP, "unreachable");
    CHECK_CONTAINS(wazero_error_message(host.refused, NULL), "on another thread");
    host.on_another_thread = false;
    must(run(module, "run", 1, &result));
    CHECK_INT(result, 1005);
    end(module, &host);
    wazero_runtime_delete(runtime);
}

TEST(what_outlives_its_runtime)
{
    wazero_runtime_t *runtime = new_runtime();
    host_t host = {0};
    wazero_module_t *module = new_snapshots(runtime, &host);
    int32_t result;
    must(run(module, "take", 0, &result));
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
    CHECK_ERROR(wazero_snapshot_restore(host.snapshot, NULL, 0, NULL, NULL),
                WAZERO_ERROR_INVALID, "is over");
    wazero_snapshot_delete(host.snapshot);
}

TEST(where_there_are_none)
{
    wazero_runtime_t *runtime = new_interpreter();
    wazero_runtime_config_t *config;
    host_t host = {0};
    wazero_module_t *module = new_snapshots(runtime, &host);
    int32_t result;
    CHECK_ERROR(run(module, "run", 1, &result), WAZERO_ERROR_INVALID,
                "snapshots need the compiler");
    end(module, &host);
    wazero_runtime_delete(runtime);

    host_t other = {0};
    must(wazero_runtime_config_new(&config));
    must(wazero_runtime_config_set_features(
        config, WAZERO_FEATURES_V2 | WAZERO_FEATURE_EXCEPTION_HANDLING));
    must(wazero_runtime_new(config, &runtime));
    wazero_runtime_config_delete(config);
    module = new_snapshots(runtime, &other);
    CHECK_ERROR(run(module, "run", 1, &result), WAZERO_ERROR_INVALID,
                "exception-handling do not go together");
    end(module, &other);
    wazero_runtime_delete(runtime);
}

TEST(slots_and_time)
{
    wazero_runtime_t *runtime = new_runtime();
    host_t host = {0};
    wazero_module_t *module = new_snapshots(runtime, &host);
    wazero_function_t *function = get_function(module, "run");
    uint64_t slots[1] = {0};
    CHECK_ERROR(
        wazero_function_call_with_snapshots(function, slots, 0, WAZERO_NO_TIMEOUT),
        WAZERO_ERROR_INVALID, "needs a stack of 1 slots");
    CHECK_ERROR(wazero_function_call_with_snapshots(function, slots, 1, 0),
                WAZERO_ERROR_TIMEOUT, "timeout");
    wazero_function_delete(function);
    end(module, &host);
    wazero_runtime_delete(runtime);
}

TEST_MAIN
