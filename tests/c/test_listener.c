/* Listeners: what they are told on every path, errors out of them, stacks, the log. */
#include "support.h"

/* What happened, as text: "+name(params)" before, "-name(results)" after, "!name"
 * abort. */
typedef struct {
    char text[4096];
    int deleted;
    const char *only;     /* a function's name, or NULL for all */
    const char *fail;     /* "+name" or "-name": there it reports an error, or NULL */
    const char *exits;    /* likewise, an exit */
    const char *refuses;  /* a function for which `wants` reports an error, or NULL */
    char stack[512];      /* of the last call of stack_of */
    const char *stack_of; /* a function's name, or NULL */
    wazero_module_t *module;        /* of the last call */
    wazero_error_kind_t abort_kind; /* 0: without an error */
    wazero_function_t *calls;       /* called in before, or NULL */
} record_t;

static void note(record_t *record, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#include <stdarg.h>

static void note(record_t *record, const char *format, ...)
{
    size_t used = strlen(record->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(record->text + used, sizeof record->text - used, format, arguments);
    va_end(arguments);
}

static wazero_error_t *wants(void *user, const wazero_function_definition_t *function,
                             bool *wanted)
{
    const record_t *record = user;
    if (record->refuses && strcmp(record->refuses, function->name.data) == 0)
        return wazero_error_new_host("not this one", WAZERO_CSTR, NULL, NULL);
    *wanted = !record->only || strcmp(record->only, function->name.data) == 0;
    return NULL;
}

static void note_values(record_t *record, const wazero_value_type_t *types,
                        size_t count, const uint64_t *slots)
{
    for (size_t i = 0; i < count; i++) {
        note(record, i ? "," : "");
        if (types[i] == WAZERO_TYPE_F64)
            note(record, "%g", wazero_decode_f64(slots[i]));
        else if (types[i] == WAZERO_TYPE_F32)
            note(record, "%g", (double)wazero_decode_f32(slots[i]));
        else
            note(record, "%lld", (long long)slots[i]); /* upper halves are zero */
    }
}

/* The error that the listener is to report at this point, or NULL. */
static wazero_error_t *failure(const record_t *record, char sign, const char *name)
{
    char point[64];
    snprintf(point, sizeof point, "%c%s", sign, name);
    if (record->fail && strcmp(record->fail, point) == 0)
        return wazero_error_new_host("listener failed", WAZERO_CSTR, (void *)record,
                                     NULL);
    if (record->exits && strcmp(record->exits, point) == 0)
        return wazero_error_new_exit(9);
    return NULL;
}

static void note_stack(record_t *record, wazero_stack_t *stack)
{
    wazero_stack_frame_t frame;
    bool found;
    record->stack[0] = '\0';
    for (;;) {
        must(wazero_stack_next(stack, &frame, &found));
        if (!found)
            break;
        size_t used = strlen(record->stack);
        snprintf(record->stack + used, sizeof record->stack - used, "%s ",
                 frame.function->debug_name.data);
    }
}

static wazero_error_t *before(void *user, wazero_module_t *module,
                              const wazero_function_definition_t *function,
                              const uint64_t *params, wazero_stack_t *stack)
{
    record_t *record = user;
    const char *name = function->name.data;
    record->module = module;
    note(record, "+%s(", name);
    note_values(record, function->type->params, function->type->param_count, params);
    note(record, ")");
    if (record->stack_of && strcmp(record->stack_of, name) == 0)
        note_stack(record, stack);
    if (record->calls) {
        wazero_function_t *called = record->calls;
        uint64_t slots[2] = {1};
        record->calls = NULL;
        wazero_error_t *error = wazero_function_call_with_stack(called, slots, 2);
        if (error)
            return error;
    }
    return failure(record, '+', name);
}

static wazero_error_t *after(void *user, wazero_module_t *module,
                             const wazero_function_definition_t *function,
                             const uint64_t *results)
{
    record_t *record = user;
    record->module = module;
    note(record, "-%s(", function->name.data);
    note_values(record, function->type->results, function->type->result_count, results);
    note(record, ")");
    return failure(record, '-', function->name.data);
}

static void aborted(void *user, wazero_module_t *module,
                    const wazero_function_definition_t *function,
                    const wazero_error_t *error)
{
    record_t *record = user;
    (void)module;
    if (strlen(record->text) < sizeof record->text - 64)
        note(record, "!%s", function->name.data);
    record->abort_kind = error ? wazero_error_kind(error) : 0;
}

static void deleted(void *user)
{
    ((record_t *)user)->deleted++;
}

static void add(wazero_listeners_t *listeners, record_t *record)
{
    const wazero_listener_t listener = {wants, before, after, aborted, record, deleted};
    must(wazero_listeners_add(listeners, &listener));
}

static wazero_error_t *host(void *user, wazero_module_t *caller, uint64_t *stack)
{
    (void)caller;
    if (*(int *)user)
        return wazero_error_new_host("host failed", WAZERO_CSTR, NULL, NULL);
    stack[0] = wazero_encode_i32(wazero_decode_i32(stack[0]) + 100);
    return NULL;
}

/* listened.wat with listeners, the library that it needs, and its caller. */
typedef struct {
    wazero_runtime_t *runtime;
    wazero_module_t *library, *listened, *caller;
    int host_fails;
} world_t;

static wazero_error_t *try_listened(world_t *world, wazero_listeners_t *listeners)
{
    wasm_t wasm = wasm_fixture("listened");
    wazero_compiled_module_t *compiled;
    wazero_module_config_t *config;
    wazero_imports_t *imports;
    wazero_error_t *error = wazero_runtime_compile_with_listeners(
        world->runtime, wasm.data, wasm.size, listeners, &compiled);
    if (error)
        return error;
    must(wazero_imports_new(&imports));
    must(wazero_imports_add_function(imports, "env", WAZERO_CSTR, "host", WAZERO_CSTR,
                                     host, &world->host_fails, NULL));
    must(wazero_module_config_new(&config));
    must(wazero_module_config_set_name(config, "listened", WAZERO_CSTR));
    error = wazero_module_new(compiled, imports, config, &world->listened);
    if (!error)
        must(wazero_module_start(world->listened));
    wazero_module_config_delete(config);
    wazero_imports_delete(imports);
    wazero_compiled_module_delete(compiled);
    return error;
}

static void make_world(world_t *world, wazero_runtime_t *runtime, record_t *record)
{
    wazero_listeners_t *listeners;
    memset(world, 0, sizeof *world);
    world->runtime = runtime;
    must(wazero_listeners_new(&listeners));
    add(listeners, record);
    world->library = new_named(runtime, "library", "library");
    must(try_listened(world, listeners));
    wazero_listeners_delete(listeners);
    world->caller = new_module(runtime, "calls_listened", NULL, NULL);
}

static void end_world(world_t *world)
{
    wazero_module_delete(world->caller);
    must(wazero_module_close_with_exit_code(world->listened, 0));
    wazero_module_delete(world->listened);
    must(wazero_module_close_with_exit_code(world->library, 0));
    wazero_module_delete(world->library);
}

#define CHECK_TOLD(record, expected)                                                   \
    do {                                                                               \
        CHECK_STR((record).text, expected);                                            \
        (record).text[0] = '\0';                                                       \
    } while (0)

static void check_calls(wazero_runtime_t *runtime)
{
    record_t record = {.stack_of = "double"};
    world_t world;
    make_world(&world, runtime, &record);
    CHECK_INT(CALL(world.listened, "double", -21), -42);
    CHECK_TOLD(record, "+double(4294967275)-double(4294967254)");
    CHECK(record.module == world.listened);
    CHECK_INT(CALL(world.listened, "outer", 1), 103);
    CHECK_TOLD(record, "+outer(1)+double(1)-double(2)+host(1)-host(101)-outer(103)");
    CHECK_STR(record.stack, "listened.double listened.outer ");
    /* From another module, without listeners, and natively. */
    CHECK_INT(CALL(world.caller, "outer", 2), 106);
    CHECK_TOLD(record, "+outer(2)+double(2)-double(4)+host(2)-host(102)-outer(106)");
    CHECK_STR(record.stack, "listened.double listened.outer calls_listened.$2 ");
    /* Through the table of a module that does not know of it. */
    CHECK_INT(CALL(world.library, "call", 2), 5);
    CHECK_TOLD(record, "+five()-five(5)");
    CHECK_INT(CALL(world.library, "call", 0), 1);
    CHECK_TOLD(record, "");
    uint64_t slots[3] = {wazero_encode_i64(-5), wazero_encode_f32(1.5f),
                         wazero_encode_f64(2.5)};
    wazero_function_t *wide = get_function(world.listened, "wide");
    must(wazero_function_call_with_stack(wide, slots, 3));
    CHECK_TOLD(record, "+wide(-5,1.5,2.5)-wide(2.5,-5)");
    wazero_function_delete(wide);
    end_world(&world);
    CHECK_INT(record.deleted, 1);
}

TEST_ON_BOTH_ENGINES(calls, check_calls)

static void check_aborts(wazero_runtime_t *runtime)
{
    record_t record = {0};
    world_t world;
    int32_t result;
    make_world(&world, runtime, &record);
    CHECK_ERROR(try_call(world.listened, "deep", (int32_t[]){2}, 1, &result),
                WAZERO_ERROR_TRAP, "unreachable");
    CHECK_TOLD(record, "+deep(2)+deep(1)+deep(0)+fail(7)!fail!deep!deep!deep");
    CHECK_INT(record.abort_kind, WAZERO_ERROR_TRAP);
    CHECK_ERROR(try_call(world.caller, "fail", (int32_t[]){1}, 1, &result),
                WAZERO_ERROR_TRAP, "listened.fail(i32) i32");
    CHECK_TOLD(record, "+fail(1)!fail");
    world.host_fails = 1;
    CHECK_ERROR(try_call(world.listened, "outer", (int32_t[]){1}, 1, &result),
                WAZERO_ERROR_HOST, "listened.outer(i32) i32");
    CHECK_TOLD(record, "+outer(1)+double(1)-double(2)+host(1)!host!outer");
    CHECK_INT(record.abort_kind, WAZERO_ERROR_HOST);
    /* wazero tells of none of these. */
    CHECK_ERROR(try_call(world.listened, "endless", NULL, 0, &result),
                WAZERO_ERROR_TRAP, "stack overflow");
    CHECK_CONTAINS(record.text, "+endless()+endless()");
    record.text[0] = '\0';
    CHECK_INT(CALL(world.listened, "double", 2), 4);
    CHECK_TOLD(record, "+double(2)-double(4)");
    end_world(&world);
}

TEST_ON_BOTH_ENGINES(aborts, check_aborts)

static void check_balanced(wazero_runtime_t *runtime)
{
    record_t record = {0};
    world_t world;
    int32_t result;
    /* 100 frames: wazero itself tells of 30. */
    make_world(&world, runtime, &record);
    CHECK_ERROR(try_call(world.listened, "deep", (int32_t[]){100}, 1, &result),
                WAZERO_ERROR_TRAP, "unreachable");
    int balance = 0;
    for (const char *p = record.text; *p; p++)
        balance += (*p == '+') - (*p == '!');
    CHECK_INT(balance, 0);
    end_world(&world);
}

TEST_ON_BOTH_ENGINES(balanced, check_balanced)

static void check_errors(wazero_runtime_t *runtime)
{
    static const struct {
        const char *point;
        const char *told;
    } cases[] = {
        {"+outer", "+outer(1)"},
        {"+double", "+outer(1)+double(1)!outer"},
        {"-double", "+outer(1)+double(1)-double(2)!outer"},
        {"+host", "+outer(1)+double(1)-double(2)+host(1)!outer"},
        {"-host", "+outer(1)+double(1)-double(2)+host(1)-host(101)!outer"},
        {"-outer", "+outer(1)+double(1)-double(2)+host(1)-host(101)-outer(103)"},
    };
    record_t record = {0};
    world_t world;
    make_world(&world, runtime, &record);
    wazero_module_t *ways[] = {world.listened, world.caller};
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        int32_t result;
        record.fail = cases[i / 2].point;
        wazero_error_t *error =
            try_call(ways[i % 2], "outer", (int32_t[]){1}, 1, &result);
        CHECK(error != NULL);
        CHECK_INT(wazero_error_kind(error), WAZERO_ERROR_HOST);
        CHECK_CONTAINS(wazero_error_message(error, NULL), "listener failed");
        CHECK(wazero_error_payload(error) == &record);
        CHECK(wazero_error_frame_count(error) > 0 || strchr("+-", record.fail[0]));
        wazero_error_delete(error);
        CHECK_TOLD(record, cases[i / 2].told);
        /* The module is as good as before. */
        record.fail = NULL;
        CHECK_INT(CALL(ways[i % 2], "outer", 1), 103);
        record.text[0] = '\0';
    }
    record.exits = "+double";
    int32_t result;
    CHECK_ERROR(try_call(world.caller, "outer", (int32_t[]){1}, 1, &result),
                WAZERO_ERROR_EXIT, "exit_code(9)");
    uint32_t code = 0;
    CHECK(wazero_module_is_closed(world.listened, &code));
    CHECK_INT(code, 9);
    end_world(&world);
}

TEST_ON_BOTH_ENGINES(errors, check_errors)

static void check_choices(wazero_runtime_t *runtime)
{
    record_t some = {.only = "double"}, none = {.only = "nothing"}, all = {0};
    record_t refusing = {.refuses = "outer"};
    wazero_listeners_t *listeners;
    world_t world = {.runtime = runtime};
    world.library = new_named(runtime, "library", "library");
    must(wazero_listeners_new(&listeners));
    add(listeners, &some);
    add(listeners, &none);
    add(listeners, &all);
    must(try_listened(&world, listeners));
    CHECK_INT(CALL(world.listened, "outer", 1), 103);
    CHECK_STR(some.text, "+double(1)-double(2)");
    CHECK_STR(none.text, "");
    CHECK_STR(all.text, "+outer(1)+double(1)-double(2)+host(1)-host(101)-outer(103)");
    CHECK_ERROR(
        wazero_listeners_add(
            listeners, &(wazero_listener_t){.user = &none, .delete_user = deleted}),
        WAZERO_ERROR_INVALID, "in use");
    CHECK_INT(none.deleted, 1);
    /* The same bytes once more, with the same set and with others: each is told of its
     * own. */
    wazero_module_t *first = world.listened;
    must(wazero_module_close_with_exit_code(first, 0));
    record_t other = {0};
    wazero_listeners_t *others;
    must(wazero_listeners_new(&others));
    add(others, &other);
    must(try_listened(&world, others));
    some.text[0] = all.text[0] = '\0';
    CHECK_INT(CALL(world.listened, "double", 4), 8);
    CHECK_STR(other.text, "+double(4)-double(8)");
    CHECK_STR(all.text, "");
    must(wazero_module_close_with_exit_code(world.listened, 0));
    wazero_module_delete(world.listened);
    wazero_module_delete(first);
    CHECK_INT(some.deleted, 0); /* the set has a handle still */
    wazero_listeners_delete(listeners);
    wazero_listeners_delete(others);

    must(wazero_listeners_new(&listeners));
    add(listeners, &refusing);
    CHECK_ERROR(try_listened(&world, listeners), WAZERO_ERROR_HOST, "not this one");
    wazero_listeners_delete(listeners);
    CHECK_INT(refusing.deleted, 1);
    wazero_listeners_delete(NULL);
    /* The library's table has kept the others till now. */
    CHECK_INT(other.deleted, 0);
    must(wazero_module_close_with_exit_code(world.library, 0));
    wazero_module_delete(world.library);
    CHECK_INT(some.deleted, 1);
    CHECK_INT(all.deleted, 1);
    CHECK_INT(other.deleted, 1);
}

TEST_ON_BOTH_ENGINES(choices, check_choices)

static void check_nested(wazero_runtime_t *runtime)
{
    /* A listener that calls the module it listens to. */
    record_t record = {0};
    world_t world;
    make_world(&world, runtime, &record);
    wazero_function_t *five = get_function(world.listened, "double");
    record.calls = five;
    CHECK_INT(CALL(world.listened, "double", 3), 6);
    CHECK_TOLD(record, "+double(3)+double(1)-double(2)-double(6)");
    wazero_function_t *fail = get_function(world.listened, "fail");
    int32_t result;
    record.calls = fail;
    CHECK_ERROR(try_call(world.listened, "double", (int32_t[]){3}, 1, &result),
                WAZERO_ERROR_TRAP, "unreachable");
    CHECK_TOLD(record, "+double(3)+fail(1)!fail");
    wazero_function_delete(five);
    wazero_function_delete(fail);
    end_world(&world);
}

TEST_ON_BOTH_ENGINES(nested, check_nested)

static void check_host_module(wazero_runtime_t *runtime)
{
    static const wazero_value_type_t i32 = WAZERO_TYPE_I32;
    int fails = 0;
    record_t record = {0};
    wazero_listeners_t *listeners;
    wazero_module_t *env;
    wazero_host_function_definition_t definition = {
        .name = "host",
        .name_size = WAZERO_CSTR,
        .params = &i32,
        .param_count = 1,
        .results = &i32,
        .result_count = 1,
        .function = host,
        .user = &fails,
    };
    must(wazero_listeners_new(&listeners));
    add(listeners, &record);
    must(wazero_host_module_new_with_listeners(runtime, "env", WAZERO_CSTR, &definition,
                                               1, listeners, NULL, &env));
    wazero_listeners_delete(listeners);
    wazero_module_t *library = new_named(runtime, "library", "library");
    wazero_module_t *guest = new_module(runtime, "listened", NULL, NULL);
    CHECK_INT(CALL(guest, "outer", 1), 103);
    CHECK_TOLD(record, "+host(1)-host(101)");
    CHECK(record.module == guest);
    must(wazero_module_close_with_exit_code(guest, 0));
    must(wazero_module_close_with_exit_code(library, 0));
    must(wazero_module_close_with_exit_code(env, 0));
    wazero_module_delete(guest);
    wazero_module_delete(library);
    wazero_module_delete(env);
    CHECK_INT(record.deleted, 1);
}

TEST_ON_BOTH_ENGINES(host_module, check_host_module)

/* ---- the log ---- */

typedef struct {
    char text[2048];
    bool fails;
} log_t;

static wazero_error_t *write_log(void *user, const void *buffer, size_t size)
{
    log_t *log = user;
    size_t used = strlen(log->text);
    snprintf(log->text + used, sizeof log->text - used, "%.*s", (int)size,
             (const char *)buffer);
    return log->fails
               ? wazero_error_new_host("the disk is full", WAZERO_CSTR, NULL, NULL)
               : NULL;
}

static void check_log(wazero_runtime_t *runtime)
{
    static log_t log, hosts;
    wazero_listeners_t *listeners;
    world_t world = {.runtime = runtime};
    int32_t result;
    world.library = new_named(runtime, "library", "library");
    memset(&log, 0, sizeof log);
    memset(&hosts, 0, sizeof hosts);
    must(wazero_listeners_new(&listeners));
    CHECK_ERROR(wazero_listeners_set_log(listeners, NULL, NULL, NULL, false, 0),
                WAZERO_ERROR_INVALID, "must not be NULL");
    must(wazero_listeners_set_log(listeners, write_log, &log, NULL, false,
                                  WAZERO_LOG_ALL));
    must(try_listened(&world, listeners));
    CHECK_INT(CALL(world.listened, "outer", -1), 97);
    CHECK_STR(log.text, "--> listened.outer(x=-1)\n"
                        "\t--> listened.double(x=-1)\n"
                        "\t<-- -2\n"
                        "\t==> env.host(-1)\n"
                        "\t<== 99\n"
                        "<-- 97\n");
    log.text[0] = '\0';
    CHECK_ERROR(try_call(world.listened, "deep", (int32_t[]){1}, 1, &result),
                WAZERO_ERROR_TRAP, "unreachable");
    CHECK_STR(log.text, "--> listened.deep(n=1)\n"
                        "\t--> listened.deep(n=0)\n"
                        "\t\t--> listened.fail(7)\n");
    log.text[0] = '\0';
    CHECK_INT(CALL(world.listened, "double", 1), 2);
    CHECK_STR(log.text, "--> listened.double(x=1)\n<-- 2\n");
    log.fails = true;
    CHECK_ERROR(try_call(world.listened, "double", (int32_t[]){1}, 1, &result),
                WAZERO_ERROR_HOST, "the disk is full");
    wazero_listeners_delete(listeners);
    must(wazero_module_close_with_exit_code(world.listened, 0));
    wazero_module_delete(world.listened);

    must(wazero_listeners_new(&listeners));
    must(wazero_listeners_set_log(listeners, write_log, &hosts, NULL, true,
                                  WAZERO_LOG_ALL));
    must(try_listened(&world, listeners));
    CHECK_INT(CALL(world.library, "call", 2), 5); /* not exported, so not logged */
    CHECK_INT(CALL(world.listened, "outer", 1), 103);
    CHECK_STR(hosts.text, "--> listened.outer(x=1)\n"
                          "\t--> listened.double(x=1)\n"
                          "\t<-- 2\n"
                          "\t==> env.host(1)\n"
                          "\t<== 101\n"
                          "<-- 103\n");
    wazero_listeners_delete(listeners);
    must(wazero_module_close_with_exit_code(world.listened, 0));
    wazero_module_delete(world.listened);
    must(wazero_module_close_with_exit_code(world.library, 0));
    wazero_module_delete(world.library);
}

TEST_ON_BOTH_ENGINES(logged, check_log)

static void check_log_of_wasi(wazero_runtime_t *runtime)
{
    static log_t log;
    wasm_t wasm = wasm_fixture("wasi");
    wazero_listeners_t *listeners;
    wazero_compiled_module_t *compiled;
    wazero_module_config_t *config;
    wazero_module_t *module;
    memset(&log, 0, sizeof log);
    must(wazero_listeners_new(&listeners));
    must(wazero_listeners_set_log(listeners, write_log, &log, NULL, true,
                                  WAZERO_LOG_PROC | WAZERO_LOG_FILESYSTEM));
    must(wazero_runtime_compile_with_listeners(runtime, wasm.data, wasm.size, listeners,
                                               &compiled));
    wazero_listeners_delete(listeners);
    must(wazero_module_config_new(&config));
    must(wazero_module_config_set_args(config, (const char *const[]){"a"}, 1));
    must(wazero_module_new(compiled, NULL, config, &module));
    must(wazero_module_start(module)); /* it exits with 0 */
    /* wazero leaves out what standard streams do, and reads of arguments are in no
     * scope. */
    CHECK_STR(log.text, "==> wasi_snapshot_preview1.proc_exit(rval=0)\n");
    wazero_module_delete(module);
    wazero_module_config_delete(config);
    wazero_compiled_module_delete(compiled);
}

TEST_ON_BOTH_ENGINES(log_of_wasi, check_log_of_wasi)

/* ---- time and threads ---- */

static wazero_error_t *spin(void *user, wazero_module_t *module,
                            const wazero_function_definition_t *function,
                            const uint64_t *params, wazero_stack_t *stack)
{
    (void)module;
    (void)function;
    (void)params;
    (void)stack;
    ++*(int *)user;
    return NULL;
}

static void check_timeout(wazero_runtime_t *runtime)
{
    int calls = 0;
    const wazero_listener_t listener = {.before = spin, .user = &calls};
    wazero_listeners_t *listeners;
    world_t world = {.runtime = runtime};
    must(wazero_listeners_new(&listeners));
    must(wazero_listeners_add(listeners, &listener));
    world.library = new_named(runtime, "library", "library");
    must(try_listened(&world, listeners));
    wazero_listeners_delete(listeners);
    wazero_function_t *function = get_function(world.listened, "double");
    uint64_t slots[1] = {1};
    CHECK_ERROR(wazero_function_call_with_timeout(function, slots, 1, 0),
                WAZERO_ERROR_TIMEOUT, "timeout");
    slots[0] = 1;
    must(wazero_function_call_with_timeout(function, slots, 1, UINT64_C(60000000000)));
    CHECK_INT(slots[0], 2);
    wazero_function_delete(function);
    must(wazero_module_close_with_exit_code(world.listened, 0));
    wazero_module_delete(world.listened);
    must(wazero_module_close_with_exit_code(world.library, 0));
    wazero_module_delete(world.library);
}

TEST_ON_BOTH_ENGINES(timeout, check_timeout)

TEST_MAIN
