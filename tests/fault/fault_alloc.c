/*
 * fault_alloc.c - every allocation of libwazero fails once.
 *
 * Each scenario below is run again and again: first with its first allocation failing,
 * then with its second, until it gets through; and once more with all allocations from
 * that one on failing. After each run whatever was allocated must have been freed, and
 * each `user` deleted exactly once. A failing run must report an error of kind MEMORY.
 *
 * The linker puts the functions here in the place of malloc and its like for the
 * objects of the program alone, libwazero among them; Go and the C library keep their
 * own.
 */
#include <pthread.h>
#include <unistd.h>

#include "engine.h"
#include "support.h"

/* ---- allocating ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);

enum { SLOTS = 1 << 14 };

/* Go gives memories back from threads of its own, so all of this is under the mutex. */
static struct {
    pthread_mutex_t mutex;
    bool armed;
    bool sticky;        /* all from the one at fail_at on fail, not it alone */
    unsigned long seen; /* allocations since arming */
    unsigned long fail_at;
    unsigned long failed;
    size_t live;
    void *blocks[SLOTS]; /* what was allocated while armed and is not freed yet */
} heap = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static bool fails(void)
{
    pthread_mutex_lock(&heap.mutex);
    bool now = heap.armed && (++heap.seen == heap.fail_at ||
                              (heap.sticky && heap.seen > heap.fail_at));
    heap.failed += now;
    pthread_mutex_unlock(&heap.mutex);
    return now;
}

static void *note(void *block)
{
    pthread_mutex_lock(&heap.mutex);
    for (size_t i = 0; heap.armed && block && i < SLOTS; i++)
        if (!heap.blocks[i]) {
            heap.blocks[i] = block;
            heap.live++;
            break;
        }
    pthread_mutex_unlock(&heap.mutex);
    return block;
}

/* Blocks from before arming, and those that Go allocated, are not there. */
static void forget(const void *block)
{
    pthread_mutex_lock(&heap.mutex);
    for (size_t i = 0; heap.live && block && i < SLOTS; i++)
        if (heap.blocks[i] == block) {
            heap.blocks[i] = NULL;
            heap.live--;
            break;
        }
    pthread_mutex_unlock(&heap.mutex);
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : note(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : note(__real_calloc(count, size));
}

void *__wrap_realloc(void *memory, size_t size)
{
    if (fails())
        return NULL;
    forget(memory);
    return note(__real_realloc(memory, size));
}

void __wrap_free(void *memory)
{
    forget(memory);
    __real_free(memory);
}

/* ---- what the scenarios share ---- */

static int given, deleted; /* users */

static void delete_user(void *user)
{
    ++*(int *)user;
}

static void delete_payload(void *payload)
{
    ++*(int *)payload;
}

static wazero_error_t *log_value(void *user, wazero_module_t *caller, uint64_t *stack)
{
    wazero_memory_t *memory;
    (void)user;
    if (wazero_decode_i32(stack[0]) == 13) {
        given++;
        return wazero_error_new_host("thirteen", WAZERO_CSTR, &deleted, delete_payload);
    }
    wazero_error_t *error =
        caller ? wazero_module_memory(caller, NULL, 0, &memory) : NULL;
    if (caller && !error)
        wazero_memory_delete(memory);
    return error;
}

static wazero_error_t *ignore(void *user, wazero_module_t *caller, uint64_t *stack)
{
    (void)user;
    (void)caller;
    (void)stack;
    return NULL;
}

static wazero_error_t *add_function(wazero_imports_t *imports, const char *name,
                                    wazero_host_function_t function)
{
    given++;
    return wazero_imports_add_function(imports, "env", WAZERO_CSTR, name, WAZERO_CSTR,
                                       function, &deleted, delete_user);
}

static wazero_error_t *instantiate(wazero_runtime_t *runtime, const char *fixture,
                                   const wazero_imports_t *imports,
                                   const wazero_module_config_t *config,
                                   wazero_module_t **module)
{
    wasm_t wasm = wasm_fixture(fixture);
    return wazero_runtime_instantiate(runtime, wasm.data, wasm.size, imports, config,
                                      module);
}

static char cache_folder[] = "/tmp/wazero-fault-XXXXXX";

/* With small memories: QEMU, under which this runs too, never forgets a page of address
 * space that was reserved once, and 4 GiB are 40 MB of its own memory each time. */
static wazero_error_t *small_runtime(wazero_runtime_t **runtime)
{
    wazero_runtime_config_t *config = NULL;
    wazero_error_t *error = wazero_runtime_config_new(&config);
    if (!error)
        error = wazero_runtime_config_set_memory_limit_pages(config, 16);
    if (!error)
        error = wazero_runtime_new(config, runtime);
    wazero_runtime_config_delete(config);
    return error;
}

/* ---- scenarios: each gives what went wrong, with everything given back ---- */

static wazero_error_t *configured_runtime(wazero_runtime_t **runtime)
{
    wazero_runtime_config_t *config = NULL;
    wazero_cache_t *cache = NULL;
    wazero_error_t *error = wazero_runtime_config_new(&config);
    if (!error)
        error = wazero_runtime_config_set_engine(config, WAZERO_ENGINE_INTERPRETER);
    if (!error)
        error = wazero_cache_new(NULL, &cache);
    if (!error) {
        wazero_runtime_config_set_cache(config, cache);
        error = wazero_runtime_new(config, runtime);
    }
    wazero_cache_delete(cache);
    wazero_runtime_config_delete(config);
    return error;
}

/* Runtime, host functions, calls, a payload, a trap. */
static wazero_error_t *run_host(void)
{
    wazero_runtime_t *runtime = NULL;
    wazero_imports_t *imports = NULL;
    wazero_module_t *module = NULL;
    int32_t value = 3;
    wazero_error_t *error = configured_runtime(&runtime);
    if (!error)
        error = wazero_imports_new(&imports);
    if (!error)
        error = add_function(imports, "log", log_value);
    if (!error)
        error = add_function(imports, "sum", ignore);
    if (!error)
        error = add_function(imports, "pair", ignore);
    for (int i = 0; i < 8 && !error; i++) /* the list grows */
        error = add_function(imports, "log", log_value);
    if (!error)
        error = instantiate(runtime, "host", imports, NULL, &module);
    if (!error)
        error = try_call(module, "log", &value, 1, NULL);
    if (!error) {
        value = 13;
        error = try_call(module, "log", &value, 1, NULL);
        if (error && wazero_error_kind(error) == WAZERO_ERROR_HOST) {
            wazero_error_delete(error);
            error = NULL;
        }
    }
    wazero_imports_delete(imports);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
    return error;
}

/* A module of host functions, found by name. */
static wazero_error_t *run_host_module(void)
{
    static const wazero_value_type_t i32 = WAZERO_TYPE_I32;
    wazero_host_function_definition_t functions[3] = {
        {"log", 3, &i32, 1, NULL, 0, log_value, &deleted, delete_user},
        {"one", 3, NULL, 0, &i32, 1, ignore, &deleted, delete_user},
        {"two", 3, NULL, 0, &i32, 1, ignore, &deleted, delete_user},
    };
    wazero_runtime_t *runtime = NULL;
    wazero_module_t *module = NULL, *found = NULL;
    int32_t value = 3;
    wazero_error_t *error = small_runtime(&runtime);
    if (!error) {
        given += 3;
        error = wazero_host_module_new(runtime, "env", 3, functions, 3, NULL, &module);
    }
    if (!error)
        error = wazero_runtime_module(runtime, "env", 3, &found);
    if (!error)
        error = try_call(found, "log", &value, 1, NULL);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
    wazero_module_delete(found);
    return error;
}

/* Two modules that are linked, one of them with imports from two places. */
static wazero_error_t *run_linked(void)
{
    wazero_runtime_t *runtime = NULL;
    wazero_imports_t *imports = NULL;
    wazero_module_t *library = NULL, *mixed = NULL;
    int32_t values[2] = {30, 12}, result = 0;
    wazero_error_t *error = small_runtime(&runtime);
    if (!error)
        error = instantiate(runtime, "library", NULL, NULL, &library);
    if (!error)
        error = wazero_imports_new(&imports);
    if (!error)
        error = wazero_imports_add_module(imports, "env", 3, library);
    if (!error)
        error =
            wazero_imports_add_export(imports, "env", 3, "plus", 4, library, "add", 3);
    if (!error)
        error = add_function(imports, "log", ignore);
    if (!error)
        error = instantiate(runtime, "mixed", imports, NULL, &mixed);
    wazero_imports_delete(imports);
    wazero_module_delete(library);
    if (!error)
        error = try_call(mixed, "run", values, 2, &result);
    wazero_module_delete(mixed);
    wazero_runtime_delete(runtime);
    return error;
}

/* Two modules that share a table, so that each keeps the other. */
static wazero_error_t *run_sharing(void)
{
    wazero_runtime_t *runtime = NULL;
    wazero_imports_t *imports = NULL;
    wazero_module_t *library = NULL, *client = NULL;
    wazero_error_t *error = small_runtime(&runtime);
    if (!error)
        error = instantiate(runtime, "library", NULL, NULL, &library);
    if (!error)
        error = wazero_imports_new(&imports);
    if (!error)
        error = wazero_imports_add_module(imports, "library", 7, library);
    if (!error)
        error = instantiate(runtime, "client", imports, NULL, &client);
    wazero_imports_delete(imports);
    wazero_module_delete(client);
    wazero_module_delete(library);
    wazero_runtime_delete(runtime);
    return error;
}

/* Calls by name, with a stack that takes the results. */
static wazero_error_t *call_stack(wazero_module_t *module, const char *name,
                                  uint64_t *stack)
{
    wazero_function_t *function;
    wazero_error_t *error =
        wazero_module_function(module, name, WAZERO_CSTR, &function);
    if (error)
        return error;
    error = wazero_function_call_with_stack(function, stack, 4);
    wazero_function_delete(function);
    return error;
}

/* Passes an object and a function through calls, a table and a global. */
static wazero_error_t *pass(wazero_module_t *module, wazero_module_t *other,
                            wazero_externref_t *reference, wazero_function_t **hidden)
{
    wazero_table_t *table = NULL;
    uint64_t stack[4] = {wazero_encode_externref(reference)};
    wazero_error_t *error = call_stack(module, "same", stack);
    if (!error)
        wazero_externref_delete(wazero_decode_externref(stack[0]));
    if (!error)
        error = wazero_module_table(module, "objects", 7, &table);
    if (!error)
        error = wazero_table_set(table, 0, wazero_encode_externref(reference));
    if (!error)
        error = wazero_table_get(table, 0, stack);
    if (!error)
        wazero_externref_delete(wazero_decode_externref(stack[0]));
    if (!error)
        error = call_stack(module, "hidden", stack);
    if (!error) {
        *hidden = wazero_decode_funcref(stack[0]);
        stack[1] = 3;
        error = call_stack(other, "apply", stack);
    }
    wazero_table_delete(table);
    return error;
}

/* What the host makes, as imports. */
static wazero_error_t *link_made(wazero_runtime_t *runtime, wazero_imports_t *imports,
                                 wazero_externref_t *reference,
                                 wazero_function_t *hidden, wazero_module_t **module)
{
    wazero_table_t *objects = NULL, *functions = NULL;
    wazero_global_t *object = NULL, *number = NULL;
    wazero_memory_t *memory = NULL;
    wazero_limits_t two = {.min = 2};
    uint64_t slot = wazero_encode_externref(reference), seven = 7;
    wazero_error_t *error =
        wazero_table_new(runtime, &two, WAZERO_TYPE_EXTERNREF, slot, &objects);
    if (!error)
        error = wazero_table_new(runtime, &two, WAZERO_TYPE_FUNCREF,
                                 wazero_encode_funcref(hidden), &functions);
    if (!error)
        error =
            wazero_global_new(runtime, WAZERO_TYPE_EXTERNREF, true, &slot, 1, &object);
    if (!error)
        error = wazero_global_new(runtime, WAZERO_TYPE_I64, false, &seven, 1, &number);
    if (!error)
        error = wazero_memory_new(runtime, &two, &memory);
    if (!error)
        error = wazero_imports_add_table(imports, "m", 1, "objects", 7, objects);
    if (!error)
        error = wazero_imports_add_table(imports, "m", 1, "functions", 9, functions);
    if (!error)
        error = wazero_imports_add_global(imports, "m", 1, "object", 6, object);
    if (!error)
        error = wazero_imports_add_global(imports, "m", 1, "number", 6, number);
    if (!error)
        error = wazero_imports_add_memory(imports, "m", 1, "memory", 6, memory);
    if (!error)
        error = wazero_imports_add_existing(imports, "m", 1, "hidden", 6, hidden);
    if (!error)
        error = instantiate(runtime, "references_link", imports, NULL, module);
    wazero_table_delete(objects);
    wazero_table_delete(functions);
    wazero_global_delete(object);
    wazero_global_delete(number);
    wazero_memory_delete(memory);
    return error;
}

/* References to objects and functions. */
static wazero_error_t *run_references(void)
{
    wazero_runtime_t *runtime = NULL;
    wazero_imports_t *imports = NULL;
    wazero_module_t *module = NULL, *other = NULL, *linked = NULL;
    wazero_externref_t *reference = NULL;
    wazero_function_t *hidden = NULL;
    wazero_error_t *error = small_runtime(&runtime);
    if (!error)
        error = instantiate(runtime, "references", NULL, NULL, &module);
    if (!error)
        error = instantiate(runtime, "references", NULL, NULL, &other);
    if (!error)
        error = wazero_externref_new(NULL, NULL, &reference);
    if (!error)
        error = pass(module, other, reference, &hidden);
    if (!error)
        error = wazero_imports_new(&imports);
    if (!error)
        error = link_made(runtime, imports, reference, hidden, &linked);
    wazero_imports_delete(imports);
    wazero_externref_delete(reference);
    wazero_function_delete(hidden);
    wazero_module_delete(module);
    wazero_module_delete(linked);
    wazero_module_delete(other);
    wazero_runtime_delete(runtime);
    return error;
}

/* Memories, views and globals. */
static wazero_error_t *run_objects(void)
{
    wazero_runtime_t *runtime = NULL;
    wazero_module_t *library = NULL;
    wazero_memory_t *memory = NULL;
    wazero_memory_view_t *view = NULL;
    wazero_global_t *counter = NULL;
    uint32_t old_pages;
    uint64_t slot;
    wazero_error_t *error = small_runtime(&runtime);
    if (!error)
        error = instantiate(runtime, "library", NULL, NULL, &library);
    if (!error)
        error = wazero_module_memory(library, "memory", 6, &memory);
    if (!error)
        error = wazero_memory_view_new(memory, &view);
    if (!error)
        error = wazero_memory_grow(memory, 1, &old_pages);
    if (!error)
        error = wazero_module_global(library, "counter", 7, &counter);
    if (!error)
        error = wazero_global_get(counter, &slot, 1);
    if (!error)
        error = wazero_global_set(counter, &(uint64_t){slot + 1}, 1);
    wazero_module_delete(library);
    wazero_memory_delete(memory);
    wazero_runtime_delete(runtime);
    wazero_memory_view_delete(view);
    wazero_global_delete(counter);
    return error;
}

static wazero_error_t *discard(void *user, const void *buffer, size_t size)
{
    (void)user;
    (void)buffer;
    (void)size;
    return NULL;
}

static wazero_error_t *end_of_input(void *user, void *buffer, size_t size, size_t *read)
{
    (void)user;
    (void)buffer;
    (void)size;
    *read = 0;
    return NULL;
}

/* Everything that a module configuration can hold. */
static wazero_error_t *run_configured(void)
{
    static const char *const strings[] = {"one", "two"};
    wazero_runtime_t *runtime = NULL;
    wazero_module_config_t *config = NULL;
    wazero_module_t *module = NULL;
    wazero_error_t *error = wazero_module_config_new(&config);
    if (!error)
        error = wazero_module_config_set_name(config, "named", WAZERO_CSTR);
    if (!error)
        error = wazero_module_config_set_args(config, strings, 2);
    if (!error)
        error = wazero_module_config_set_start_functions(config, strings, 2);
    if (!error)
        error = wazero_module_config_set_env(config, "KEY", "value");
    if (!error)
        error = wazero_module_config_set_env(config, "KEY", "another");
    if (!error)
        error = wazero_module_config_add_mount(config, "/tmp", "/", true);
    if (!error)
        error = wazero_module_config_inherit_stream(config, WAZERO_STDERR);
    if (!error)
        error = wazero_module_config_set_stream_fd(config, WAZERO_STDERR, 2);
    if (!error)
        error = wazero_module_config_set_stdin_bytes(config, "abc", 3);
    if (!error) {
        given++;
        error = wazero_module_config_set_stdin_function(config, end_of_input, &deleted,
                                                        delete_user);
    }
    if (!error) {
        given++;
        error = wazero_module_config_set_output_function(config, WAZERO_STDOUT, discard,
                                                         &deleted, delete_user);
    }
    if (!error)
        error = small_runtime(&runtime);
    if (!error)
        error = instantiate(runtime, "memory", NULL, config, &module);
    wazero_module_config_delete(config);
    wazero_runtime_delete(runtime);
    wazero_module_delete(module);
    return error;
}

static wazero_error_t *no_time(void *user, int64_t *nanoseconds)
{
    (void)user;
    *nanoseconds = 0;
    return NULL;
}

static wazero_error_t *no_sleep(void *user, uint64_t nanoseconds)
{
    (void)user;
    (void)nanoseconds;
    return NULL;
}

static wazero_error_t *no_yield(void *user)
{
    (void)user;
    return NULL;
}

static wazero_error_t *no_random(void *user, void *buffer, size_t size)
{
    (void)user;
    memset(buffer, 1, size);
    return NULL;
}

/* Time and random numbers of the host's, each user taken also where that fails. */
static wazero_error_t *set_sources(wazero_module_config_t *config)
{
    given++;
    wazero_error_t *error =
        wazero_module_config_set_walltime(config, no_time, 1, &deleted, delete_user);
    if (!error) {
        given++;
        error = wazero_module_config_set_nanotime(config, no_time, 1, &deleted,
                                                  delete_user);
    }
    if (!error) {
        given++;
        error =
            wazero_module_config_set_nanosleep(config, no_sleep, &deleted, delete_user);
    }
    if (!error) {
        given++;
        error =
            wazero_module_config_set_osyield(config, no_yield, &deleted, delete_user);
    }
    if (!error) {
        given++;
        error =
            wazero_module_config_set_random(config, no_random, &deleted, delete_user);
    }
    return error;
}

/* A file system in memory. */
static wazero_error_t *add_files(wazero_module_config_t *config)
{
    wazero_fs_t *fs = NULL;
    wazero_error_t *error = wazero_fs_new_memory(NULL, &fs);
    if (!error)
        error = wazero_fs_add_file(fs, "a/b/c", "text", 4);
    if (!error)
        error = wazero_fs_add_directory(fs, "a/d");
    if (!error)
        error = wazero_module_config_add_fs(config, fs, "/", true);
    wazero_fs_delete(fs);
    return error;
}

static wazero_error_t *see_nothing(void *user, const char *path, size_t size,
                                   const wazero_fs_stat_t *stat)
{
    (void)user, (void)path, (void)size, (void)stat;
    return NULL;
}

/* An overlay, in which files are copied up, removed and made. */
static wazero_error_t *change_overlay(void)
{
    wazero_fs_t *below = NULL, *fs = NULL;
    wazero_error_t *error = wazero_fs_new_memory(NULL, &below);
    if (!error)
        error = wazero_fs_add_file(below, "a/b/c", "text", 4);
    if (!error)
        error = wazero_fs_new_overlay(below, NULL, &fs);
    if (!error)
        error = wazero_fs_write_file(fs, "a/b/c", "other", 5);
    if (!error)
        error = wazero_fs_add_file(fs, "a/d/e", "text", 4);
    if (!error)
        error = wazero_fs_remove(fs, "a/b", true);
    if (!error)
        error = wazero_fs_list(fs, "", true, see_nothing, NULL);
    if (!error)
        error = wazero_fs_list_deleted(fs, see_nothing, NULL);
    wazero_fs_delete(fs);
    wazero_fs_delete(below);
    return error;
}

/* What a program in AssemblyScript has, with all that can be given to a guest. */
static wazero_error_t *run_guest(void)
{
    wazero_runtime_t *runtime = NULL;
    wazero_module_config_t *config = NULL;
    wazero_imports_t *imports = NULL;
    wazero_module_t *module = NULL;
    wazero_function_t *seed = NULL;
    uint64_t slot;
    wazero_error_t *error = wazero_module_config_new(&config);
    if (!error)
        error = set_sources(config);
    if (!error)
        error = add_files(config);
    if (!error)
        error = wazero_imports_new(&imports);
    if (!error)
        error = wazero_imports_add_assemblyscript(imports, 0);
    if (!error)
        error = small_runtime(&runtime);
    if (!error)
        error = instantiate(runtime, "assemblyscript", imports, config, &module);
    if (!error)
        error = wazero_module_function(module, "seed", WAZERO_CSTR, &seed);
    if (!error)
        error = wazero_function_call_with_stack(seed, &slot, 1);
    wazero_function_delete(seed);
    wazero_imports_delete(imports);
    wazero_module_config_delete(config);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
    return error;
}

/* A program of Emscripten's: a call through the table, and one that longjmp leaves. */
static wazero_error_t *run_emscripten(void)
{
    enum { DOUBLE = 0, LEAVE = 1 };
    wazero_runtime_t *runtime = NULL;
    wazero_imports_t *imports = NULL;
    wazero_module_t *module = NULL;
    wazero_error_t *error = wazero_imports_new(&imports);
    if (!error)
        error = add_function(imports, "host", ignore);
    if (!error)
        error = small_runtime(&runtime);
    if (!error)
        error = instantiate(runtime, "emscripten", imports, NULL, &module);
    if (!error)
        error = try_call(module, "call_ii", (const int32_t[]){DOUBLE, 1}, 2, NULL);
    if (!error)
        error = try_call(module, "call_v", (const int32_t[]){LEAVE}, 1, NULL);
    wazero_imports_delete(imports);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
    return error;
}

/* All that an inspection makes when it is asked. */
static wazero_error_t *look_around(const wazero_inspection_t *inspection)
{
    size_t count =
        wazero_inspection_definition_count(inspection, WAZERO_EXTERN_FUNCTION);
    const wazero_function_definition_t *function;
    const wazero_named_t *names;
    wazero_error_t *error = NULL;
    for (size_t i = 0; i < count && !error; i++)
        error = wazero_inspection_function(inspection, i, &function);
    for (int kind = WAZERO_NAME_MODULE; kind <= WAZERO_NAME_TAG && !error; kind++)
        error = wazero_inspection_names(inspection, (wazero_name_kind_t)kind, &names,
                                        &count);
    return error;
}

/* Inspections with and without a compiled module, and a function's definition. */
static wazero_error_t *run_inspected(void)
{
    wasm_t wasm = wasm_fixture("client");
    wazero_runtime_t *runtime = NULL;
    wazero_compiled_module_t *compiled = NULL;
    wazero_inspection_t *alone = NULL;
    wazero_module_t *library = NULL;
    wazero_function_t *add = NULL;
    const wazero_inspection_t *inspection;
    const wazero_function_definition_t *definition;
    wazero_error_t *error = wazero_inspect(NULL, wasm.data, wasm.size, &alone);
    if (!error)
        error = look_around(alone);
    if (!error)
        error = small_runtime(&runtime);
    if (!error)
        error = wazero_runtime_compile(runtime, wasm.data, wasm.size, &compiled);
    if (!error)
        error = wazero_compiled_module_inspection(compiled, &inspection);
    if (!error)
        error = look_around(inspection);
    if (!error)
        error = instantiate(runtime, "library", NULL, NULL, &library);
    if (!error)
        error = wazero_module_function(library, "add", 3, &add);
    if (!error)
        error = wazero_function_definition(add, &definition);
    wazero_function_delete(add);
    wazero_module_delete(library);
    wazero_compiled_module_delete(compiled);
    wazero_runtime_delete(runtime);
    wazero_inspection_delete(alone);
    return error;
}

static wazero_error_t *look_at_stack(void *user, wazero_module_t *module,
                                     const wazero_function_definition_t *function,
                                     const uint64_t *params, wazero_stack_t *stack)
{
    wazero_stack_frame_t frame;
    bool found = true;
    wazero_error_t *error = NULL;
    (void)user;
    (void)module;
    (void)function;
    (void)params;
    while (found && !error)
        error = wazero_stack_next(stack, &frame, &found);
    return error;
}

static void note_close(void *user, uint32_t exit_code)
{
    (void)user;
    (void)exit_code;
}

static wazero_error_t *make_listeners(wazero_listeners_t **listeners)
{
    const wazero_listener_t listener = {
        .before = look_at_stack, .user = &deleted, .delete_user = delete_user};
    wazero_error_t *error = wazero_listeners_new(listeners);
    for (int i = 0; i < 2 && !error; i++) {
        given++;
        error = wazero_listeners_add(*listeners, &listener);
    }
    if (!error) {
        given++;
        error = wazero_listeners_set_log(*listeners, discard, &deleted, delete_user,
                                         false, WAZERO_LOG_ALL);
    }
    return error;
}

/* Listeners, a log, a close notifier, names and a call that traps. */
static wazero_error_t *run_listened(void)
{
    static const char *const names[] = {"value"};
    static const wazero_function_names_t named = {"host", names, 1, names, 1};
    wasm_t wasm = wasm_fixture("listened");
    wazero_runtime_t *runtime = NULL;
    wazero_listeners_t *listeners = NULL;
    wazero_compiled_module_t *compiled = NULL;
    wazero_imports_t *imports = NULL;
    wazero_module_config_t *config = NULL;
    wazero_module_t *library = NULL, *module = NULL;
    int32_t value = 3;
    wazero_error_t *error = small_runtime(&runtime);
    if (!error)
        error = make_listeners(&listeners);
    if (!error)
        error = wazero_runtime_compile_with_listeners(runtime, wasm.data, wasm.size,
                                                      listeners, &compiled);
    if (!error)
        error = instantiate(runtime, "library", NULL, NULL, &library);
    if (!error)
        error = wazero_imports_new(&imports);
    if (!error) {
        given++;
        error = wazero_imports_add_function_with_names(
            imports, "env", 3, "host", 4, ignore, &deleted, delete_user, &named);
    }
    if (!error)
        error = wazero_imports_add_module(imports, "library", 7, library);
    if (!error)
        error = wazero_module_config_new(&config);
    if (!error) {
        given++;
        error = wazero_module_config_set_close_notifier(config, note_close, &deleted,
                                                        delete_user);
    }
    if (!error)
        error = wazero_module_new(compiled, imports, config, &module);
    if (!error)
        error = wazero_module_start(module);
    if (!error)
        error = try_call(module, "outer", &value, 1, &value);
    if (!error) {
        error = try_call(module, "deep", &value, 1, &value);
        if (error && wazero_error_kind(error) == WAZERO_ERROR_TRAP) {
            wazero_error_delete(error);
            error = NULL;
        }
    }
    wazero_module_config_delete(config);
    wazero_imports_delete(imports);
    wazero_module_delete(module);
    wazero_module_delete(library);
    wazero_compiled_module_delete(compiled);
    wazero_listeners_delete(listeners);
    wazero_runtime_delete(runtime);
    return error;
}

static wazero_snapshot_t *taken;

static wazero_error_t *take(void *user, wazero_module_t *caller, uint64_t *stack)
{
    (void)user;
    (void)caller;
    stack[0] = 0;
    return wazero_snapshot_new(&taken);
}

static wazero_error_t *go_back(void *user, wazero_module_t *caller, uint64_t *stack)
{
    (void)user;
    (void)caller;
    given++;
    return wazero_snapshot_restore(taken, stack, 1, &deleted, delete_payload);
}

/* A snapshot that is taken and restored. */
static wazero_error_t *run_snapshot(void)
{
    wazero_runtime_t *runtime = NULL;
    wazero_imports_t *imports = NULL;
    wazero_module_t *module = NULL;
    wazero_function_t *run = NULL;
    uint64_t slots[1] = {2};
    wazero_error_t *error = small_runtime(&runtime);
    if (!error)
        error = wazero_imports_new(&imports);
    if (!error)
        error = add_function(imports, "take", take);
    if (!error)
        error = add_function(imports, "back", go_back);
    if (!error)
        error = instantiate(runtime, "snapshot", imports, NULL, &module);
    if (!error)
        error = wazero_module_function(module, "run", 3, &run);
    if (!error)
        error = wazero_function_call_with_snapshots(run, slots, 1, WAZERO_NO_TIMEOUT);
    wazero_function_delete(run);
    wazero_imports_delete(imports);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
    wazero_snapshot_delete(taken);
    taken = NULL;
    return error;
}

/* Errors with traces, prefixes and names. */
static wazero_error_t *run_errors(void)
{
    wazero_runtime_t *runtime = NULL;
    wazero_module_t *module = NULL;
    wazero_function_t *function = NULL;
    wazero_error_t *error = small_runtime(&runtime);
    if (!error) {
        error = instantiate(runtime, "start_trap", NULL, NULL, &module);
        if (error && wazero_error_kind(error) == WAZERO_ERROR_TRAP) {
            wazero_error_delete(error);
            error = instantiate(runtime, "add", NULL, NULL, &module);
        }
    }
    if (!error) {
        error = wazero_module_function(module, "absent", WAZERO_CSTR, &function);
        if (error && wazero_error_kind(error) == WAZERO_ERROR_INVALID) {
            wazero_error_delete(error);
            error = NULL;
        }
    }
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
    return error;
}

/* A module that a cache in a folder has, and a trap with source lines. */
static wazero_error_t *run_cached(void)
{
    wazero_runtime_config_t *config = NULL;
    wazero_cache_t *cache = NULL;
    wazero_runtime_t *runtime = NULL;
    wazero_module_t *module = NULL;
    wazero_error_t *error = wazero_runtime_config_new(&config);
    if (!error)
        error = wazero_cache_new(cache_folder, &cache);
    if (!error) {
        wazero_runtime_config_set_cache(config, cache);
        error = wazero_runtime_new(config, &runtime);
    }
    if (!error)
        error = instantiate(runtime, "dwarf5", NULL, NULL, &module);
    if (!error) {
        error = try_call(module, "trap", NULL, 0, NULL);
        if (error && wazero_error_kind(error) == WAZERO_ERROR_TRAP) {
            wazero_error_delete(error);
            error = NULL;
        }
    }
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
    wazero_cache_delete(cache);
    wazero_runtime_config_delete(config);
    return error;
}

/* ---- running them ---- */

static const struct {
    const char *name;
    wazero_error_t *(*run)(void);
} scenarios[] = {
    {"host functions", run_host},   {"host module", run_host_module},
    {"linked", run_linked},         {"sharing a table", run_sharing},
    {"objects", run_objects},       {"configured", run_configured},
    {"references", run_references}, {"errors", run_errors},
    {"inspected", run_inspected},   {"listened", run_listened},
    {"snapshot", run_snapshot},     {"guest", run_guest},
    {"overlay", change_overlay},    {"emscripten", run_emscripten},
    {"cached", run_cached},
};

static size_t live_blocks(void)
{
    pthread_mutex_lock(&heap.mutex);
    size_t live = heap.live;
    pthread_mutex_unlock(&heap.mutex);
    return live;
}

static void arm(bool armed, unsigned long fail_at, bool sticky)
{
    pthread_mutex_lock(&heap.mutex);
    heap.armed = armed;
    heap.sticky = sticky;
    heap.fail_at = fail_at;
    if (armed) {
        heap.seen = heap.failed = heap.live = 0;
        memset(heap.blocks, 0, sizeof heap.blocks);
        given = deleted = 0;
    }
    pthread_mutex_unlock(&heap.mutex);
}

/* Runs a scenario with one allocation failing; false once it gets through. */
static bool run_failing(size_t which, unsigned long fail_at, bool sticky)
{
    arm(true, fail_at, sticky);
    wazero_error_t *error = scenarios[which].run();
    bool failed = heap.failed > 0;
    arm(false, 0, false);
    if (error && !failed)
        must(error);
    if (error && !CHECK_INT(wazero_error_kind(error), WAZERO_ERROR_MEMORY))
        printf("    %s\n", wazero_error_message(error, NULL));
    wazero_error_delete(error);
    /* Go gives memories back when it collects. */
    for (int i = 0; i < 50 && live_blocks(); i++) {
        wazero__engine()->collect();
        if (i)
            usleep(2000);
    }
    bool good = CHECK_INT(live_blocks(), 0);
    if (!(CHECK_INT(deleted, given) && good))
        printf("    %s, allocation %lu%s\n", scenarios[which].name, fail_at,
               sticky ? " and all after it" : "");
    return failed;
}

TEST(every_allocation)
{
    /* What stays: the engine library, and what a thread has for its calls. */
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module = new_module(runtime, "add", NULL, NULL);
    CHECK_INT(CALL(module, "add", 1, 2), 3);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
    CHECK(mkdtemp(cache_folder) != NULL);
    for (size_t which = 0; which < sizeof scenarios / sizeof *scenarios; which++) {
        unsigned long count = 0;
        if (scenarios[which].run() || scenarios[which].run())
            CHECK(!"a scenario that succeeds undisturbed");
        while (run_failing(which, count + 1, false))
            run_failing(which, ++count, true);
        printf("%s: %lu allocations\n", scenarios[which].name, count);
    }
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", cache_folder);
    CHECK_INT(system(command), 0);
}

TEST_MAIN
