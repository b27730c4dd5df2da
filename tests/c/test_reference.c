/* References to objects of the host and to functions: through calls, host functions and
 * globals; who keeps what, and what is let go. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

/* An object of the host that counts how many of its kind there are. */
typedef struct {
    atomic_int *alive;
    int number;
} object_t;

static void delete_object(void *value)
{
    object_t *object = value;
    atomic_fetch_sub(object->alive, 1);
    free(object);
}

static wazero_externref_t *new_object(atomic_int *alive, int number)
{
    object_t *object = malloc(sizeof *object);
    wazero_externref_t *reference;
    object->alive = alive;
    object->number = number;
    atomic_fetch_add(alive, 1);
    must(wazero_externref_new(object, delete_object, &reference));
    return reference;
}

static int number_of(wazero_externref_t *reference)
{
    return reference ? ((object_t *)wazero_externref_value(reference))->number : -1;
}

/* Calls by name with a stack that takes the results. */
static wazero_error_t *try_stack(wazero_module_t *module, const char *name,
                                 uint64_t *stack)
{
    wazero_function_t *function = get_function(module, name);
    const wazero_function_type_t *type = wazero_function_type(function);
    wazero_error_t *error =
        wazero_function_call_with_stack(function, stack, type->slot_count);
    wazero_function_delete(function);
    return error;
}

static uint64_t call1(wazero_module_t *module, const char *name, uint64_t a)
{
    uint64_t stack[8] = {a};
    must(try_stack(module, name, stack));
    return stack[0];
}

static uint64_t call2(wazero_module_t *module, const char *name, uint64_t a, uint64_t b)
{
    uint64_t stack[8] = {a, b};
    must(try_stack(module, name, stack));
    return stack[0];
}

static wazero_error_t *try1(wazero_module_t *module, const char *name, uint64_t a)
{
    uint64_t stack[8] = {a};
    return try_stack(module, name, stack);
}

/* ---- objects ---- */

static void check_objects(wazero_runtime_t *runtime)
{
    atomic_int alive = 0;
    wazero_module_t *module = new_module(runtime, "references", NULL, NULL);
    wazero_externref_t *reference = new_object(&alive, 7);
    uint64_t slot = wazero_encode_externref(reference);
    wazero_externref_t *same = wazero_decode_externref(call1(module, "same", slot));
    CHECK(same == reference);
    wazero_externref_delete(same);
    CHECK(call1(module, "same", 0) == 0);
    CHECK_INT(call1(module, "is_null", slot), 0);
    CHECK_INT(call1(module, "is_null", 0), 1);
    call2(module, "put", 2, slot);
    wazero_externref_delete(reference);
    CHECK_INT(alive, 1);
    same = wazero_decode_externref(call1(module, "take", 2));
    CHECK_INT(number_of(same), 7);
    CHECK(call1(module, "take", 1) == 0);
    wazero_externref_delete(same);
    CHECK_INT(alive, 1); /* the table has it */
    must(wazero_module_close_with_exit_code(module, 0));
    CHECK_INT(alive, 0);
    wazero_module_delete(module);
    wazero_externref_delete(NULL);
    CHECK(wazero_externref_copy(NULL) == NULL);
}

TEST_ON_BOTH_ENGINES(objects, check_objects)

/* What no table and no global has is let go, however long the module stays. */
static void check_bounded(wazero_runtime_t *runtime)
{
    atomic_int alive = 0;
    int most = 0;
    wazero_module_t *module = new_module(runtime, "references", NULL, NULL);
    wazero_global_t *object;
    must(wazero_module_global(module, "object", WAZERO_CSTR, &object));
    for (int i = 0; i < 20000; i++) {
        wazero_externref_t *reference = new_object(&alive, i);
        uint64_t slot = wazero_encode_externref(reference);
        if (i == 5)
            must(wazero_global_set(object, &slot, 1));
        else
            call2(module, "put", (uint64_t)i & 3, slot);
        wazero_externref_delete(reference);
        most = alive > most ? alive : most;
    }
    CHECK(most < 1200);
    CHECK_INT(number_of(wazero_decode_externref(call1(module, "take", 3))), 19999);
    uint64_t slot;
    must(wazero_global_get(object, &slot, 1));
    CHECK_INT(number_of(wazero_decode_externref(slot)), 5);
    wazero_externref_delete(wazero_decode_externref(slot));
    /* The one that take handed out above is this test's. */
    slot = call1(module, "take", 3);
    wazero_externref_delete(wazero_decode_externref(slot));
    wazero_externref_delete(wazero_decode_externref(slot));
    wazero_global_delete(object);
    wazero_module_delete(module);
    CHECK_INT(alive, 0);
}

TEST_ON_BOTH_ENGINES(bounded, check_bounded)

/* A failing call leaves nothing behind either. */
static void check_traps(wazero_runtime_t *runtime)
{
    atomic_int alive = 0;
    wazero_module_t *module = new_module(runtime, "references", NULL, NULL);
    wazero_externref_t *reference = new_object(&alive, 1);
    for (int i = 0; i < 3000; i++)
        CHECK_ERROR(try1(module, "trap", wazero_encode_externref(reference)),
                    WAZERO_ERROR_TRAP, "unreachable");
    uint64_t stack[2] = {9, wazero_encode_externref(reference)};
    CHECK_ERROR(try_stack(module, "put", stack), WAZERO_ERROR_TRAP,
                "invalid table access");
    wazero_externref_delete(reference);
    wazero_module_delete(module);
    CHECK_INT(alive, 0);
}

TEST_ON_BOTH_ENGINES(traps, check_traps)

/* Linked modules keep what one of them still has; the last to close lets it go. */
static void check_linked_objects(wazero_runtime_t *runtime)
{
    atomic_int alive = 0;
    wazero_module_t *owner = new_named(runtime, "references", "m");
    wazero_imports_t *imports;
    wazero_global_t *object, *number;
    wazero_memory_t *memory;
    wazero_table_t *table;
    wazero_function_t *hidden = wazero_decode_funcref(call1(owner, "take_function", 1));
    wazero_limits_t one = {.min = 1};
    uint64_t value = 77;
    must(wazero_imports_new(&imports));
    must(wazero_module_global(owner, "object", WAZERO_CSTR, &object));
    must(wazero_module_table(owner, "objects", WAZERO_CSTR, &table));
    must(wazero_global_new(runtime, WAZERO_TYPE_I64, false, &value, 1, &number));
    must(wazero_memory_new(runtime, &one, &memory));
    must(wazero_imports_add_global(imports, "m", 1, "object", 6, object));
    must(wazero_imports_add_global(imports, "m", 1, "number", 6, number));
    must(wazero_imports_add_table(imports, "m", 1, "objects", 7, table));
    must(wazero_imports_add_memory(imports, "m", 1, "memory", 6, memory));
    must(wazero_imports_add_existing(imports, "m", 1, "hidden", 6, hidden));
    wazero_module_t *other = new_module(runtime, "references_link", imports, NULL);
    wazero_imports_delete(imports);
    CHECK_INT(call1(other, "number", 0), 77);
    CHECK_INT(CALL(other, "call_hidden", 5), 105);
    CHECK_INT(CALL(other, "call", 0, 21), 42); /* the functions of m */
    CHECK_INT(call1(other, "load", 0), 0);
    wazero_memory_data(memory)[0] = 3;
    CHECK_INT(call1(other, "load", 0), 3);
    wazero_externref_t *reference = new_object(&alive, 1);
    call1(other, "set_object", wazero_encode_externref(reference));
    wazero_externref_delete(reference);
    reference = wazero_decode_externref(call1(owner, "get_object", 0));
    CHECK_INT(number_of(reference), 1);
    wazero_externref_delete(reference);
    must(wazero_module_close_with_exit_code(owner, 0));
    CHECK_INT(alive, 1); /* other imports the global */
    reference = wazero_decode_externref(call1(other, "get_object", 0));
    CHECK_INT(number_of(reference), 1);
    wazero_externref_delete(reference);
    wazero_function_delete(hidden);
    wazero_global_delete(object);
    wazero_global_delete(number);
    wazero_memory_delete(memory);
    wazero_table_delete(table);
    must(wazero_module_close_with_exit_code(other, 0));
    CHECK_INT(alive, 0);
    wazero_module_delete(other);
    wazero_module_delete(owner);
}

TEST_ON_BOTH_ENGINES(linked_objects, check_linked_objects)

/* ---- functions ---- */

static void check_functions(wazero_runtime_t *runtime)
{
    wazero_module_t *module = new_module(runtime, "references", NULL, NULL);
    wazero_function_t *exported = get_function(module, "double");
    wazero_function_t *out = wazero_decode_funcref(
        call1(module, "same_function", wazero_encode_funcref(exported)));
    CHECK(wazero_function_identity(out) == wazero_function_identity(exported));
    CHECK_STR(wazero_function_name(out, NULL), "double");
    wazero_function_delete(out);
    wazero_function_t *hidden = wazero_decode_funcref(call1(module, "hidden", 0));
    size_t size;
    CHECK_STR(wazero_function_name(hidden, &size), "hidden");
    CHECK_INT(size, 6);
    CHECK(wazero_function_identity(hidden) != wazero_function_identity(exported));
    CHECK_INT(wazero_function_type(hidden)->param_count, 1);
    CHECK(wazero_function_is_interruptible(hidden) ==
          wazero_function_is_interruptible(exported));
    uint64_t stack[2] = {5};
    must(wazero_function_call(hidden, stack, 1, stack, 1));
    CHECK_INT(stack[0], 105);
    stack[0] = wazero_encode_funcref(hidden);
    stack[1] = 8;
    must(try_stack(module, "apply", stack));
    CHECK_INT(stack[0], 108);
    CHECK(call1(module, "take_function", 2) == 0);
    CHECK_INT(call1(module, "is_null_function", 0), 1);
    CHECK_INT(call1(module, "is_null_function", wazero_encode_funcref(hidden)), 0);
    /* Passing one a million times makes one reference. */
    for (int i = 0; i < 20000; i++)
        call2(module, "put_function", 2, wazero_encode_funcref(exported));
    CHECK_INT(CALL(module, "call", 2, 4), 8);
    must(wazero_module_close_with_exit_code(module, 0));
    CHECK_ERROR(wazero_function_call(hidden, stack, 1, stack, 1), WAZERO_ERROR_CLOSED,
                "closed");
    wazero_function_delete(hidden);
    wazero_function_delete(exported);
    wazero_module_delete(module);
}

TEST_ON_BOTH_ENGINES(functions, check_functions)

/* A function that wasm got from another module works after that was given up. */
static void check_passed_on(wazero_runtime_t *runtime)
{
    wazero_module_t *giver = new_module(runtime, "references", NULL, NULL);
    wazero_module_t *taker = new_module(runtime, "references", NULL, NULL);
    wazero_module_t *third = new_module(runtime, "references", NULL, NULL);
    wazero_function_t *hidden = wazero_decode_funcref(call1(giver, "hidden", 0));
    call2(taker, "put_function", 2, wazero_encode_funcref(hidden));
    wazero_function_delete(hidden);
    wazero_module_delete(giver);
    CHECK_INT(CALL(taker, "call", 2, 1), 101);
    /* On to a third one; the second goes, too. */
    hidden = wazero_decode_funcref(call1(taker, "take_function", 2));
    CHECK_STR(wazero_function_name(hidden, NULL), "hidden");
    call2(third, "put_function", 3, wazero_encode_funcref(hidden));
    wazero_function_delete(hidden);
    wazero_module_delete(taker);
    CHECK_INT(CALL(third, "call", 3, 2), 102);
    wazero_module_delete(third);
}

TEST_ON_BOTH_ENGINES(passed_on, check_passed_on)

static void check_refused(wazero_runtime_t *runtime)
{
    wazero_runtime_t *foreign_runtime = new_runtime();
    wazero_module_t *module = new_module(runtime, "references", NULL, NULL);
    wazero_module_t *foreign = new_module(foreign_runtime, "references", NULL, NULL);
    wazero_module_t *closed = new_module(runtime, "references", NULL, NULL);
    wazero_function_t *theirs = get_function(foreign, "double");
    wazero_function_t *gone = get_function(closed, "double");
    CHECK_ERROR(try1(module, "same_function", wazero_encode_funcref(theirs)),
                WAZERO_ERROR_INVALID,
                "argument 1: function \"double\" is of another runtime");
    must(wazero_module_close_with_exit_code(closed, 0));
    CHECK_ERROR(try1(module, "same_function", wazero_encode_funcref(gone)),
                WAZERO_ERROR_CLOSED, "closed");
    uint64_t value = wazero_encode_funcref(theirs);
    wazero_global_t *global;
    must(wazero_module_global(module, "function", WAZERO_CSTR, &global));
    CHECK_ERROR(wazero_global_set(global, &value, 1), WAZERO_ERROR_INVALID,
                "of another runtime");
    wazero_global_delete(global);
    wazero_function_t *same = get_function(module, "same_function");
    wazero_column_t column = {&value, 8};
    CHECK_ERROR(wazero_function_map(same, &column, &column, 1, WAZERO_NO_TIMEOUT, NULL),
                WAZERO_ERROR_INVALID, "only functions of numbers and vectors");
    wazero_function_delete(same);
    wazero_function_delete(gone);
    wazero_function_delete(theirs);
    wazero_module_delete(closed);
    wazero_module_delete(foreign);
    wazero_module_delete(module);
    wazero_runtime_delete(foreign_runtime);
}

TEST_ON_BOTH_ENGINES(refused, check_refused)

/* ---- through host functions ---- */

typedef struct {
    wazero_externref_t *answer;
    wazero_function_t *functions[3];
    int seen_number;
    const char *seen_name;
    int fail;
    wazero_module_t *other;
} host_t;

static wazero_error_t *pick(void *user, wazero_module_t *caller, uint64_t *stack)
{
    host_t *host = user;
    wazero_function_t *function = wazero_decode_funcref(stack[1]);
    (void)caller;
    host->seen_number = number_of(wazero_decode_externref(stack[0]));
    host->seen_name = function ? "function" : NULL;
    if (function)
        CHECK_STR(wazero_function_name(function, NULL), "double");
    if (host->fail)
        return wazero_error_new_host("no", WAZERO_CSTR, NULL, NULL);
    stack[0] = wazero_encode_externref(wazero_externref_copy(host->answer));
    return NULL;
}

static wazero_error_t *choose(void *user, wazero_module_t *caller, uint64_t *stack)
{
    host_t *host = user;
    uint32_t which = (uint32_t)stack[0];
    (void)caller;
    if (which == 3) { /* the host may use other modules meanwhile */
        stack[0] = call1(host->other, "hidden", 0);
        return NULL;
    }
    wazero_function_t *function = host->functions[which], *copy = NULL;
    if (function)
        must(wazero_module_function(host->other, wazero_function_name(function, NULL),
                                    WAZERO_CSTR, &copy));
    stack[0] = wazero_encode_funcref(copy);
    return NULL;
}

static wazero_error_t *minus(void *user, wazero_module_t *caller, uint64_t *stack)
{
    (void)user;
    (void)caller;
    stack[0] = wazero_encode_i32(-wazero_decode_i32(stack[0]));
    return NULL;
}

static wazero_error_t *reverse(void *user, wazero_module_t *caller, uint64_t *stack)
{
    uint8_t bytes[16], reversed[16];
    (void)user;
    (void)caller;
    wazero_decode_v128(stack, bytes);
    for (int i = 0; i < 16; i++)
        reversed[i] = bytes[15 - i];
    wazero_encode_v128(reversed, stack);
    return NULL;
}

static wazero_module_t *new_host_user(wazero_runtime_t *runtime, host_t *host)
{
    wazero_imports_t *imports;
    must(wazero_imports_new(&imports));
    must(wazero_imports_add_function(imports, "env", 3, "pick", 4, pick, host, NULL));
    must(wazero_imports_add_function(imports, "env", 3, "choose", 6, choose, host,
                                     NULL));
    must(wazero_imports_add_function(imports, "env", 3, "unary", 5, minus, host, NULL));
    must(wazero_imports_add_function(imports, "env", 3, "vector", 6, reverse, host,
                                     NULL));
    wazero_module_t *module = new_module(runtime, "references_host", imports, NULL);
    wazero_imports_delete(imports);
    return module;
}

static void check_host(wazero_runtime_t *runtime)
{
    atomic_int alive = 0;
    host_t host = {.answer = new_object(&alive, 2)};
    wazero_module_t *module = new_host_user(runtime, &host);
    host.other = new_module(runtime, "references", NULL, NULL);
    wazero_function_t *twice = get_function(host.other, "double");
    wazero_externref_t *given = new_object(&alive, 1);
    uint64_t stack[4] = {wazero_encode_externref(given), wazero_encode_funcref(twice),
                         5};
    must(try_stack(module, "pick", stack));
    CHECK(wazero_decode_externref(stack[0]) == host.answer);
    wazero_externref_delete(wazero_decode_externref(stack[0]));
    CHECK_INT(host.seen_number, 1);
    CHECK_STR(host.seen_name, "function");
    stack[0] = stack[1] = 0;
    must(try_stack(module, "pick", stack));
    wazero_externref_delete(wazero_decode_externref(stack[0]));
    CHECK(host.seen_name == NULL);
    host.fail = 1;
    stack[0] = wazero_encode_externref(given);
    CHECK_ERROR(try_stack(module, "pick", stack), WAZERO_ERROR_HOST, "no");
    host.functions[0] = twice;
    CHECK_INT(CALL(module, "apply_chosen", 0, 21), 42);
    CHECK_INT(CALL(module, "apply_chosen", 3, 1), 101);
    CHECK_ERROR(try_call(module, "apply_chosen", (int32_t[]){1, 1}, 2, NULL),
                WAZERO_ERROR_TRAP, "invalid table access");
    uint64_t vector[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
    must(try_stack(module, "vector", vector));
    CHECK(vector[0] == 0x08090a0b0c0d0e0f && vector[1] == 0x0001020304050607);
    /* Called by the host itself, what it re-exports included. */
    stack[0] = 0;
    must(try_stack(module, "choose", stack));
    CHECK(wazero_function_identity(wazero_decode_funcref(stack[0])) ==
          wazero_function_identity(twice));
    wazero_function_delete(wazero_decode_funcref(stack[0]));
    /* The host's own function, as a reference. */
    wazero_function_t *unary =
        wazero_decode_funcref(call1(module, "unary_reference", 0));
    wazero_function_t *exported = get_function(module, "unary");
    CHECK_STR(wazero_function_name(unary, NULL), "unary");
    CHECK(wazero_function_identity(unary) == wazero_function_identity(exported));
    stack[0] = 4;
    must(wazero_function_call_with_stack(unary, stack, 1));
    CHECK_INT(wazero_decode_i32(stack[0]), -4);
    wazero_module_t *far = new_module(runtime, "references", NULL, NULL);
    call2(far, "put_function", 2, wazero_encode_funcref(unary));
    wazero_function_delete(unary);
    wazero_function_delete(exported);
    CHECK_INT(CALL(far, "call", 2, 9), -9);
    unary = wazero_decode_funcref(call1(far, "take_function", 2));
    CHECK_STR(wazero_function_name(unary, NULL), "unary");
    wazero_function_delete(unary);
    wazero_module_delete(module);
    CHECK_INT(CALL(far, "call", 2, 9), -9); /* its owner stays */
    wazero_module_delete(far);
    wazero_externref_delete(given);
    wazero_externref_delete(host.answer);
    wazero_function_delete(twice);
    wazero_module_delete(host.other);
    CHECK_INT(alive, 0);
}

TEST_ON_BOTH_ENGINES(host, check_host)

/* Functions of a host module with a name, which no group has. */
static void check_host_module(wazero_runtime_t *runtime)
{
    static const wazero_value_type_t i32 = WAZERO_TYPE_I32;
    static const wazero_value_type_t wide[] = {WAZERO_TYPE_EXTERNREF,
                                               WAZERO_TYPE_FUNCREF, WAZERO_TYPE_I32};
    atomic_int alive = 0;
    host_t user = {.answer = new_object(&alive, 3)};
    wazero_host_function_definition_t functions[] = {
        {.name = "minus",
         .name_size = WAZERO_CSTR,
         .params = &i32,
         .param_count = 1,
         .results = &i32,
         .result_count = 1,
         .function = minus},
        {.name = "pick",
         .name_size = WAZERO_CSTR,
         .params = wide,
         .param_count = 3,
         .results = wide,
         .result_count = 1,
         .function = pick,
         .user = &user},
    };
    wazero_module_t *host;
    must(wazero_host_module_new(runtime, "h", 1, functions, 2, NULL, &host));
    wazero_module_t *module = new_module(runtime, "references", NULL, NULL);
    wazero_function_t *out = get_function(host, "minus");
    call2(module, "put_function", 2, wazero_encode_funcref(out));
    CHECK_INT(CALL(module, "call", 2, 5), -5);
    wazero_function_t *back = wazero_decode_funcref(call1(module, "take_function", 2));
    CHECK(wazero_function_identity(back) == wazero_function_identity(out));
    wazero_function_delete(back);
    wazero_function_delete(out);
    /* The host calls itself: references pass as they are. */
    uint64_t stack[3] = {0};
    must(try_stack(host, "pick", stack));
    CHECK(wazero_decode_externref(stack[0]) == user.answer);
    wazero_externref_delete(wazero_decode_externref(stack[0]));
    wazero_externref_delete(user.answer);
    must(wazero_module_close_with_exit_code(host, 0));
    wazero_module_delete(host);
    CHECK_ERROR(try_call(module, "call", (int32_t[]){2, 5}, 2, NULL),
                WAZERO_ERROR_CLOSED, "closed");
    wazero_module_delete(module);
    CHECK_INT(alive, 0);
}

TEST_ON_BOTH_ENGINES(host_module, check_host_module)

/* ---- deleting at awkward times ---- */

static wazero_module_t *to_call;
static int deleted;

static void delete_and_call(void *value)
{
    (void)value;
    deleted++;
    /* No lock of lib's is held: other modules can be called, and this one closed. */
    CHECK_INT(CALL(to_call, "call", 0, 2), 4);
}

static void check_delete_calls(wazero_runtime_t *runtime)
{
    wazero_module_t *module = new_module(runtime, "references", NULL, NULL);
    wazero_externref_t *reference;
    to_call = new_module(runtime, "references", NULL, NULL);
    deleted = 0;
    must(wazero_externref_new(NULL, delete_and_call, &reference));
    call2(module, "put", 0, wazero_encode_externref(reference));
    wazero_externref_delete(reference);
    for (int i = 0; i < 2500; i++) {
        must(wazero_externref_new(NULL, delete_and_call, &reference));
        CHECK_INT(call1(module, "is_null", wazero_encode_externref(reference)), 0);
        wazero_externref_delete(reference);
    }
    CHECK(deleted >= 1000 && deleted < 2501);
    wazero_module_delete(module);
    CHECK_INT(deleted, 2501);
    /* And a module of its own group. */
    must(wazero_externref_new(NULL, delete_and_call, &reference));
    call2(to_call, "put", 0, wazero_encode_externref(reference));
    wazero_externref_delete(reference);
    call2(to_call, "put", 0, 0);
    atomic_int alive = 0;
    for (int i = 0; i < 1500 && deleted < 2502; i++) {
        reference = new_object(&alive, 0);
        call1(to_call, "is_null", wazero_encode_externref(reference));
        wazero_externref_delete(reference);
    }
    CHECK_INT(deleted, 2502);
    wazero_module_delete(to_call);
    CHECK_INT(alive, 0);
}

TEST_ON_BOTH_ENGINES(delete_calls, check_delete_calls)

/* A reference to an object that is gone: the module that had it is closed, but code of
 * it still runs, for another one has a function of it. */
static void check_stale(wazero_runtime_t *runtime)
{
    atomic_int alive = 0;
    wazero_module_t *owner = new_module(runtime, "references", NULL, NULL);
    wazero_module_t *user = new_module(runtime, "references", NULL, NULL);
    wazero_externref_t *reference = new_object(&alive, 1);
    call2(owner, "put", 0, wazero_encode_externref(reference));
    wazero_externref_delete(reference);
    wazero_function_t *take = get_function(owner, "take");
    call2(user, "put_function", 2, wazero_encode_funcref(take));
    must(wazero_module_close_with_exit_code(owner, 0));
    CHECK_INT(alive, 0);
    wazero_function_delete(take);
    take = wazero_decode_funcref(call1(user, "take_function", 2));
    uint64_t stack[1] = {0};
    CHECK_ERROR(wazero_function_call_with_stack(take, stack, 1), WAZERO_ERROR_CLOSED,
                "closed");
    wazero_function_delete(take);
    wazero_module_delete(owner);
    wazero_module_delete(user);
}

TEST_ON_BOTH_ENGINES(stale, check_stale)

/* ---- in a forked child: meson.build says where that cannot be ---- */

#ifndef WAZERO_TEST_CANNOT_FORK
TEST(forked)
{
    atomic_int alive = 0;
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module = new_module(runtime, "references", NULL, NULL);
    wazero_externref_t *kept = new_object(&alive, 1), *free_one = new_object(&alive, 2);
    wazero_function_t *hidden = wazero_decode_funcref(call1(module, "hidden", 0));
    call2(module, "put", 0, wazero_encode_externref(kept));
    wazero_externref_delete(kept);
    pid_t child = fork();
    if (child == 0) {
        uint64_t stack[2] = {0, wazero_encode_externref(free_one)};
        wazero_function_t *same = NULL;
        CHECK_ERROR(wazero_function_call(hidden, stack, 1, stack, 1),
                    WAZERO_ERROR_FORKED, "fork");
        wazero_runtime_t *fresh = new_runtime();
        wazero_module_t *mine = new_module(fresh, "references", NULL, NULL);
        call2(mine, "put", 0, stack[1]);
        CHECK_ERROR(try1(mine, "same_function", wazero_encode_funcref(hidden)),
                    WAZERO_ERROR_FORKED, "fork");
        wazero_module_delete(mine);
        wazero_runtime_delete(fresh);
        CHECK_INT(alive, 2);
        wazero_externref_delete(free_one);
        wazero_function_delete(hidden);
        wazero_function_delete(same);
        wazero_module_delete(module);
        wazero_runtime_delete(runtime);
        CHECK_INT(alive, 0);
        _exit(test_failed_checks ? 1 : 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK_INT(status, 0);
    wazero_externref_delete(free_one);
    wazero_function_delete(hidden);
    wazero_module_delete(module);
    CHECK_INT(alive, 0);
    wazero_runtime_delete(runtime);
}
#endif

/* ---- several threads ---- */

enum { THREADS = 4, ROUNDS = 1500 };

typedef struct {
    wazero_module_t *modules[3];
    atomic_int alive;
    atomic_int wrong;
} shared_t;

/* Passes objects and functions from each module to each other one. */
static void *pass_around(void *argument)
{
    shared_t *shared = argument;
    for (int i = 0; i < ROUNDS; i++) {
        wazero_module_t *from = shared->modules[i % 3],
                        *to = shared->modules[i / 3 % 3];
        wazero_externref_t *reference = new_object(&shared->alive, i);
        uint64_t stack[2] = {(uint64_t)i & 3, wazero_encode_externref(reference)};
        wazero_error_t *error = try_stack(from, "put", stack);
        stack[0] = wazero_encode_externref(reference);
        if (!error)
            error = try_stack(to, "same", stack);
        if (!error) {
            if (wazero_decode_externref(stack[0]) != reference)
                shared->wrong++;
            wazero_externref_delete(wazero_decode_externref(stack[0]));
        }
        wazero_externref_delete(reference);
        if (!error)
            error = try_stack(from, "hidden", stack);
        if (!error) {
            wazero_function_t *function = wazero_decode_funcref(stack[0]);
            stack[1] = 3;
            error = try_stack(to, "apply", stack);
            if (!error && stack[0] != 103)
                shared->wrong++;
            wazero_function_delete(function);
        }
        if (error)
            shared->wrong++;
        wazero_error_delete(error);
    }
    return NULL;
}

TEST(threads)
{
    wazero_runtime_t *runtime = new_runtime();
    shared_t shared = {0};
    pthread_t threads[THREADS];
    for (int i = 0; i < 3; i++)
        shared.modules[i] = new_module(runtime, "references", NULL, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, pass_around, &shared);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(shared.wrong, 0);
    for (int i = 0; i < 3; i++)
        wazero_module_delete(shared.modules[i]);
    CHECK_INT(shared.alive, 0);
    wazero_runtime_delete(runtime);
}

TEST_MAIN
