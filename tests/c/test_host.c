/* Host functions: values, errors and exits out of them, re-entry, lifetimes. */
#include "support.h"

typedef struct {
    int calls;
    int deleted;
    int32_t last;
    wazero_module_t *caller;
    wazero_error_t *(*next)(void);
} recorder_t;

static wazero_error_t *record(void *user, wazero_module_t *caller, uint64_t *stack)
{
    recorder_t *recorder = user;
    recorder->calls++;
    recorder->last = wazero_decode_i32(stack[0]);
    CHECK_INT(stack[0] >> 32, 0);
    recorder->caller = caller;
    return recorder->next ? recorder->next() : NULL;
}

static wazero_error_t *sum(void *user, wazero_module_t *caller, uint64_t *stack)
{
    (void)user;
    (void)caller;
    double result = wazero_decode_i32(stack[0]);
    result += (double)wazero_decode_i64(stack[1]);
    result += (double)wazero_decode_f32(stack[2]) + wazero_decode_f64(stack[3]);
    stack[0] = wazero_encode_f64(result);
    return NULL;
}

static wazero_error_t *pair(void *user, wazero_module_t *caller, uint64_t *stack)
{
    (void)user;
    (void)caller;
    stack[1] = wazero_encode_i32(-9);
    return NULL; /* the first result is the argument */
}

static void count_deletion(void *user)
{
    ((recorder_t *)user)->deleted++;
}

/* The imports of the fixture host; log goes to the recorder. */
static wazero_imports_t *host_imports(recorder_t *recorder)
{
    wazero_imports_t *imports;
    must(wazero_imports_new(&imports));
    must(wazero_imports_add_function(imports, "env", WAZERO_CSTR, "log", WAZERO_CSTR,
                                     record, recorder, count_deletion));
    must(wazero_imports_add_function(imports, "env", WAZERO_CSTR, "sum", WAZERO_CSTR,
                                     sum, NULL, NULL));
    must(wazero_imports_add_function(imports, "env", WAZERO_CSTR, "pair", WAZERO_CSTR,
                                     pair, NULL, NULL));
    must(wazero_imports_add_function(imports, "env", WAZERO_CSTR, "unused", WAZERO_CSTR,
                                     pair, NULL, NULL));
    return imports;
}

static wazero_module_t *host_module(wazero_runtime_t *runtime, recorder_t *recorder)
{
    wazero_imports_t *imports = host_imports(recorder);
    wazero_module_t *module = new_module(runtime, "host", imports, NULL);
    wazero_imports_delete(imports);
    return module;
}

static void check_values(wazero_runtime_t *runtime)
{
    recorder_t recorder = {0};
    wazero_module_t *module = host_module(runtime, &recorder);
    uint64_t slots[4] = {wazero_encode_i32(-1), wazero_encode_i64(10),
                         wazero_encode_f32(0.5f), wazero_encode_f64(0.25)};
    wazero_function_t *function = get_function(module, "sum");
    must(wazero_function_call(function, slots, 4, slots, 1));
    CHECK(wazero_decode_f64(slots[0]) == 9.75);
    wazero_function_delete(function);
    function = get_function(module, "pair");
    slots[0] = wazero_encode_i64(INT64_MIN);
    must(wazero_function_call(function, slots, 1, slots, 2));
    CHECK_INT(wazero_decode_i64(slots[0]), INT64_MIN);
    CHECK_INT(wazero_decode_i32(slots[1]), -9);
    wazero_function_delete(function);
    must(try_call(module, "twice", (int32_t[]){7}, 1, NULL));
    CHECK_INT(recorder.calls, 2);
    CHECK_INT(recorder.last, 8);
    CHECK(recorder.caller == module);
    CHECK_INT(recorder.deleted, 0);
    wazero_module_delete(module);
    CHECK_INT(recorder.deleted, 1);
}

TEST_ON_BOTH_ENGINES(values, check_values)

static int payload_deletions;
static void count_payload(void *payload)
{
    payload_deletions += *(int *)payload;
}

static wazero_error_t *fail(void)
{
    static int one = 1;
    return wazero_error_new_host("it broke", WAZERO_CSTR, &one, count_payload);
}

static wazero_error_t *exit_with_five(void)
{
    return wazero_error_new_exit(5);
}

TEST(errors_come_out)
{
    wazero_runtime_t *runtime = new_runtime();
    recorder_t recorder = {.next = fail};
    wazero_module_t *module = host_module(runtime, &recorder);
    payload_deletions = 0;
    wazero_error_t *error = try_call(module, "twice", (int32_t[]){1}, 1, NULL);
    CHECK_INT(wazero_error_kind(error), WAZERO_ERROR_HOST);
    CHECK_STR(wazero_error_message(error, NULL),
              "it broke (recovered by wazero)\nwasm stack trace:\n\tenv.log(i32)\n\t"
              "guest.$6(i32)");
    CHECK(wazero_error_payload(error));
    CHECK_INT(wazero_error_frame_count(error), 2);
    CHECK_STR(wazero_error_frame(error, 0)->function, "log");
    CHECK_STR(wazero_error_frame(error, 1)->signature, "(i32)");
    CHECK_INT(recorder.calls, 1);
    CHECK_INT(payload_deletions, 0);
    wazero_error_delete(error);
    CHECK_INT(payload_deletions, 1);
    recorder.next = NULL;
    must(try_call(module, "twice", (int32_t[]){1}, 1, NULL));
    CHECK_INT(recorder.calls, 3);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

TEST(exit_closes_the_caller)
{
    wazero_runtime_t *runtime = new_runtime();
    recorder_t recorder = {.next = exit_with_five};
    wazero_module_t *module = host_module(runtime, &recorder);
    uint32_t exit_code = 0;
    wazero_error_t *error = try_call(module, "log", (int32_t[]){1}, 1, NULL);
    CHECK_INT(wazero_error_kind(error), WAZERO_ERROR_EXIT);
    CHECK_INT(wazero_error_exit_code(error), 5);
    wazero_error_delete(error);
    CHECK(wazero_module_is_closed(module, &exit_code));
    CHECK_INT(exit_code, 5);
    CHECK_ERROR(try_call(module, "log", (int32_t[]){1}, 1, NULL), WAZERO_ERROR_CLOSED,
                "exit_code(5)");
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

/* ---- re-entry ---- */

static wazero_module_t *reentered;
static int depth, deepest;

static wazero_error_t *enter_again(void)
{
    if (depth == deepest)
        return NULL;
    depth++;
    wazero_error_t *error = try_call(reentered, "log", (int32_t[]){depth}, 1, NULL);
    depth--;
    return error;
}

static void check_reentry(wazero_runtime_t *runtime)
{
    recorder_t recorder = {.next = enter_again};
    reentered = host_module(runtime, &recorder);
    deepest = 50;
    depth = 0;
    must(try_call(reentered, "log", (int32_t[]){0}, 1, NULL));
    CHECK_INT(recorder.calls, 51);
    /* Without an end it is a stack overflow, not a crash. */
    deepest = 1 << 30;
    depth = 0;
    wazero_error_t *error = try_call(reentered, "log", (int32_t[]){0}, 1, NULL);
    CHECK(error && wazero_error_kind(error) == WAZERO_ERROR_TRAP);
    CHECK_INT(wazero_error_trap_code(error), WAZERO_TRAP_STACK_OVERFLOW);
    wazero_error_delete(error);
    deepest = 2;
    depth = 0;
    must(try_call(reentered, "log", (int32_t[]){0}, 1, NULL));
    wazero_module_delete(reentered);
}

TEST_ON_BOTH_ENGINES(reentry, check_reentry)

static wazero_error_t *close_caller(void)
{
    return wazero_module_close_with_exit_code(reentered, 0);
}

TEST(closing_while_it_runs)
{
    wazero_runtime_t *runtime = new_runtime();
    recorder_t recorder = {.next = close_caller};
    reentered = host_module(runtime, &recorder);
    CHECK_ERROR(try_call(reentered, "twice", (int32_t[]){0}, 1, NULL),
                WAZERO_ERROR_CLOSED, "closed");
    CHECK_INT(recorder.calls, 1); /* it did not go on after the first */
    wazero_module_delete(reentered);
    wazero_runtime_delete(runtime);
}

static wazero_error_t *delete_caller(void)
{
    wazero_module_delete(reentered);
    return NULL;
}

TEST(deleting_while_it_runs)
{
    wazero_runtime_t *runtime = new_runtime();
    recorder_t recorder = {.next = delete_caller};
    reentered = host_module(runtime, &recorder);
    must(try_call(reentered, "log", (int32_t[]){0}, 1, NULL));
    CHECK_INT(recorder.deleted, 1);
    wazero_runtime_delete(runtime);
}

/* ---- host modules ---- */

static wazero_host_function_definition_t log_definition(recorder_t *recorder)
{
    static const wazero_value_type_t i32[] = {WAZERO_TYPE_I32};
    wazero_host_function_definition_t definition = {
        .name = "log",
        .name_size = WAZERO_CSTR,
        .params = i32,
        .param_count = 1,
        .function = record,
        .user = recorder,
        .delete_user = count_deletion,
    };
    return definition;
}

TEST(host_modules)
{
    wazero_runtime_t *runtime = new_runtime();
    recorder_t recorder = {0};
    wazero_host_function_definition_t log = log_definition(&recorder);
    wazero_module_t *env, *again, *found;
    int mark;
    must(wazero_host_module_new(runtime, "env", WAZERO_CSTR, &log, 1, &mark, &env));
    CHECK(wazero_module_user(env) == &mark);
    CHECK_STR(wazero_module_name(env, NULL), "env");
    CHECK_ERROR(
        wazero_host_module_new(runtime, "env", WAZERO_CSTR, &log, 1, NULL, &again),
        WAZERO_ERROR_INVALID, "module[env] has already been instantiated");
    CHECK_INT(recorder.deleted, 1); /* the user of the one that failed */
    CHECK_INT(CALL(env, "log", 3), 3);
    CHECK_INT(recorder.last, 3);
    CHECK(!recorder.caller);
    must(wazero_runtime_module(runtime, "env", WAZERO_CSTR, &found));
    CHECK(found == env);
    wazero_module_delete(found);
    wazero_module_delete(env); /* the runtime keeps it */
    CHECK_INT(recorder.deleted, 1);
    /* The rest of env comes from the imports, log from the named module. */
    wazero_imports_t *imports;
    must(wazero_imports_new(&imports));
    must(wazero_imports_add_function(imports, "env", WAZERO_CSTR, "sum", WAZERO_CSTR,
                                     sum, NULL, NULL));
    must(wazero_imports_add_function(imports, "env", WAZERO_CSTR, "pair", WAZERO_CSTR,
                                     pair, NULL, NULL));
    wazero_module_t *guest = new_module(runtime, "host", imports, NULL);
    wazero_imports_delete(imports);
    must(try_call(guest, "twice", (int32_t[]){20}, 1, NULL));
    CHECK_INT(recorder.last, 21);
    CHECK(recorder.caller == guest);
    CHECK(wazero_module_source(guest, 0, NULL) == found);
    CHECK(!wazero_module_source(guest, 1, NULL));
    wazero_runtime_delete(runtime);
    wazero_module_delete(guest);
    CHECK_INT(recorder.deleted, 2);
}

TEST(bad_definitions)
{
    wazero_runtime_t *runtime = new_runtime();
    recorder_t recorder = {0};
    wazero_host_function_definition_t log = log_definition(&recorder);
    wazero_module_t *module;
    static const wazero_value_type_t wrong[] = {0x11};
    CHECK_ERROR(wazero_host_module_new(runtime, "", 0, &log, 1, NULL, &module),
                WAZERO_ERROR_INVALID, "needs a name");
    CHECK_ERROR(wazero_host_module_new(runtime, "\xff", 1, &log, 1, NULL, &module),
                WAZERO_ERROR_INVALID, "not valid UTF-8");
    log.params = wrong;
    CHECK_ERROR(wazero_host_module_new(runtime, "env", 3, &log, 1, NULL, &module),
                WAZERO_ERROR_INVALID, "type 0x11");
    log.function = NULL;
    CHECK_ERROR(wazero_host_module_new(runtime, "env", 3, &log, 1, NULL, &module),
                WAZERO_ERROR_INVALID, "needs a name and a function");
    CHECK_INT(recorder.deleted, 4);
    must(wazero_runtime_close_with_exit_code(runtime, 0));
    CHECK_ERROR(wazero_host_module_new(runtime, "env", 3, &log, 1, NULL, &module),
                WAZERO_ERROR_CLOSED, "runtime closed");
    CHECK_INT(recorder.deleted, 5);
    wazero_runtime_delete(runtime);
}

static wazero_error_t *add(void *user, wazero_module_t *caller, uint64_t *stack)
{
    (void)user;
    (void)caller;
    stack[0] =
        wazero_encode_i32(wazero_decode_i32(stack[0]) + wazero_decode_i32(stack[1]));
    return NULL;
}

TEST(names)
{
    static const wazero_value_type_t types[] = {WAZERO_TYPE_I32, WAZERO_TYPE_I32};
    static const char *const params[] = {"left", "right"}, *const wrong[] = {"\xff"};
    wazero_function_names_t names = {"plus", params, 2, NULL, 0};
    wazero_host_function_definition_t definition = {
        .name = "add",
        .name_size = WAZERO_CSTR,
        .params = types,
        .param_count = 2,
        .results = types,
        .result_count = 1,
        .function = add,
        .names = &names,
    };
    const wazero_function_definition_t *told;
    wazero_module_t *module;
    /* The definitions can be used again, in another runtime. */
    for (int i = 0; i < 2; i++) {
        wazero_runtime_t *runtime = new_runtime();
        must(wazero_host_module_new(runtime, "env", WAZERO_CSTR, &definition, 1, NULL,
                                    &module));
        wazero_function_t *function = get_function(module, "add");
        must(wazero_function_definition(function, &told));
        CHECK_STR(told->name.data, "plus");
        CHECK_STR(told->debug_name.data, "env.plus");
        CHECK_STR(told->export_names[0].data, "add");
        CHECK_INT(told->param_name_count, 2);
        CHECK_STR(told->param_names[1].data, "right");
        CHECK_INT(told->result_name_count, 0);
        CHECK_INT(CALL(module, "add", 2, 3), 5);
        wazero_function_delete(function);
        wazero_module_delete(module);
        wazero_runtime_delete(runtime);
    }
    wazero_runtime_t *runtime = new_runtime();
    wazero_imports_t *imports;
    names.param_count = 1;
    CHECK_ERROR(wazero_host_module_new(runtime, "env", WAZERO_CSTR, &definition, 1,
                                       NULL, &module),
                WAZERO_ERROR_INVALID, "not as many names of parameters");
    names.params = wrong;
    CHECK_ERROR(wazero_host_module_new(runtime, "env", WAZERO_CSTR, &definition, 1,
                                       NULL, &module),
                WAZERO_ERROR_INVALID, "not valid UTF-8");
    must(wazero_imports_new(&imports));
    CHECK_ERROR(wazero_imports_add_function_with_names(imports, "env", WAZERO_CSTR,
                                                       "add", WAZERO_CSTR, add, NULL,
                                                       NULL, &names),
                WAZERO_ERROR_INVALID, "not valid UTF-8");
    wazero_imports_delete(imports);
    wazero_runtime_delete(runtime);
}

TEST_MAIN
