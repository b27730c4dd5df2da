/*
 * compiled.c - compiling and validating. See compiled.h.
 */
#include "compiled.h"

#include <sched.h>
#include <stdlib.h>

#include "cache.h"
#include "call/code.h"
#include "engine.h"
#include "error.h"
#include "fork.h"
#include "inspect.h"
#include "runtime.h"

/* ---- compiling ---- */

/* What compiling one module takes. */
typedef struct {
    wazero_compiled_module_t *compiled;
    const wazero_runtime_t *runtime;
    wazero__parse_limits_t limits;
    const uint8_t *key; /* of the entry in the cache; NULL: none */
} task_t;

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How many threads compile. Each makes a compiler of its own, so it should have some
 * functions to do. And each may have the costliest function at the same time, so fewer
 * do where that takes much. */
static uint32_t count_workers(uint32_t asked, const wazero__parsed_t *parsed)
{
    enum { FUNCTIONS_EACH = 8 };
    static const uint64_t MEMORY = (uint64_t)4 << 30;
    cpu_set_t set;
    uint64_t workers = asked;
    if (!asked && !sched_getaffinity(0, sizeof set, &set))
        workers = (uint64_t)CPU_COUNT(&set);
    workers = smaller(workers, parsed->code_count / FUNCTIONS_EACH);
    if (parsed->cost)
        workers = smaller(workers, MEMORY / parsed->cost);
    return workers > 1 ? (uint32_t)workers : 1;
}

/* Reads the module for the engine, and has it compiled, or, with an entry, loaded. */
static wazero_error_t *parse_and_compile(const task_t *task, wz_handle entry,
                                         wazero__parsed_t **parsed, wz_handle *compiled)
{
    wazero__parse_limits_t limits = task->limits;
    wz_error failure = {0};
    limits.known = entry != 0;
    limits.param_names = task->compiled->listening != NULL;
    wazero_error_t *error =
        wazero__parse(task->compiled->bytes, task->compiled->size, &limits, parsed);
    if (error)
        return error;
    wazero__listening_t *listening = task->compiled->listening;
    wz_listening told = wazero__listening_describe(listening);
    wz_compilation described = {
        .wasm = (*parsed)->bytes ? (*parsed)->bytes : task->compiled->bytes,
        .size = (*parsed)->bytes ? (*parsed)->size : task->compiled->size,
        .workers = count_workers(task->runtime->config.workers, *parsed),
        .key = entry ? NULL : task->key,
        .entry = entry,
        .lines = (*parsed)->has_lines && !wazero__runtime_is_direct(task->runtime),
        .listening = &told,
    };
    bool done = wazero__engine()->runtime_compile(task->runtime->handle, &described,
                                                  compiled, &failure);
    wazero__parsed_drop_bytes(*parsed);
    error = wazero__listening_take_error(listening);
    if (done && !error)
        return NULL;
    if (done)
        wazero__engine()->compiled_close(*compiled);
    else if (error)
        free(failure.message);
    else
        error = wazero__engine_error(&failure);
    wazero__parsed_delete(*parsed);
    *parsed = NULL;
    return error;
}

/* Loads the module from its entry in the cache. Whatever is wrong with that, the module
 * will be compiled. */
static bool load(const task_t *task, wazero__parsed_t **parsed, wz_handle *compiled)
{
    wz_handle cache;
    const wz_engine *engine = wazero__engine();
    if (!task->key)
        return false;
    wazero_error_t *error = wazero__cache_handle(task->runtime->config.cache, &cache);
    wz_handle entry = error ? 0 : engine->cache_find(cache, task->key);
    if (entry) {
        error = parse_and_compile(task, entry, parsed, compiled);
        engine->entry_close(entry);
    }
    bool loaded = entry && !error;
    if (loaded)
        wazero__cache_used(task->runtime->config.cache, task->key);
    wazero_error_delete(error);
    return loaded;
}

/* Names the module by its bytes and by what else decides what becomes of them. */
static void identify(task_t *task)
{
    const struct wazero_runtime_config *config = &task->runtime->config;
    /* Code that tells listeners of calls is for this process only. */
    bool has_entries = config->cache && wazero_cache_directory(config->cache) &&
                       config->engine != WAZERO_ENGINE_INTERPRETER &&
                       !task->compiled->listening;
    if (!has_entries && !config->debug_info)
        return;
    struct {
        wazero_features_t features;
        uint32_t lines;
        char version[sizeof WAZERO_VERSION];
    } salt;
    memset(&salt, 0, sizeof salt);
    salt.features = config->limits.features;
    salt.lines = config->debug_info;
    memcpy(salt.version, WAZERO_VERSION, sizeof salt.version);
    wazero__engine()->digest(task->compiled->bytes, task->compiled->size, &salt,
                             sizeof salt, task->compiled->digest);
    task->limits.digest = task->compiled->digest;
    task->limits.lines = config->debug_info;
    if (has_entries)
        task->key = task->compiled->digest;
}

/* Loads the module, or compiles it. What was compiled for a cache is loaded, too: so it
 * is one to all that use the cache, and the engine need not keep its binary, nor its
 * source map. */
static wazero_error_t *compile(wazero_compiled_module_t *compiled)
{
    task_t task = {.compiled = compiled,
                   .runtime = compiled->runtime,
                   .limits = compiled->runtime->config.limits};
    wazero__parsed_t *parsed = NULL;
    wz_handle loaded;
    identify(&task);
    if (load(&task, &compiled->parsed, &compiled->handle))
        return NULL;
    wazero_error_t *error =
        parse_and_compile(&task, 0, &compiled->parsed, &compiled->handle);
    if (!error && load(&task, &parsed, &loaded)) {
        wazero__engine()->compiled_close(compiled->handle);
        wazero__parsed_delete(parsed);
        compiled->handle = loaded;
        wazero__cache_grown(task.runtime->config.cache, task.key);
    }
    return error;
}

static void destroy(wazero_compiled_module_t *compiled)
{
    if (atomic_load(&compiled->code))
        wazero__code_remove(atomic_load(&compiled->code));
    if (atomic_load(&compiled->inspection))
        wazero__inspection_delete(atomic_load(&compiled->inspection));
    wazero__parsed_delete(compiled->parsed);
    wazero__listening_delete(compiled->listening);
    free(compiled->bytes);
    if (compiled->runtime)
        wazero__runtime_release(compiled->runtime);
    free(compiled);
}

wazero_error_t *wazero_runtime_compile(wazero_runtime_t *runtime, const void *wasm,
                                       size_t size, wazero_compiled_module_t **compiled)
{
    return wazero_runtime_compile_with_listeners(runtime, wasm, size, NULL, compiled);
}

wazero_error_t *
wazero_runtime_compile_with_listeners(wazero_runtime_t *runtime, const void *wasm,
                                      size_t size, wazero_listeners_t *listeners,
                                      wazero_compiled_module_t **compiled)
{
    wazero_error_t *error = wazero__runtime_check(runtime);
    if (error)
        return error;
    if (!wasm && size)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "the module's bytes must not be NULL");
    wazero_compiled_module_t *made = calloc(1, sizeof *made);
    if (!made)
        return wazero__error_memory();
    atomic_init(&made->references, 1);
    made->bytes = malloc(size ? size : 1);
    if (!made->bytes) {
        free(made);
        return wazero__error_memory();
    }
    if (size)
        memcpy(made->bytes, wasm, size);
    made->size = size;
    made->runtime = wazero__runtime_retain(runtime);
    error = wazero__listening_new(listeners, &made->listening);
    if (!error)
        error = compile(made);
    if (error) {
        destroy(made);
        /* Closed by another thread meanwhile: say that, not what became of the
         * handle. */
        if (wazero_runtime_is_closed(runtime)) {
            wazero_error_delete(error);
            error = wazero__runtime_check(runtime);
        }
        return error;
    }
    *compiled = made;
    return NULL;
}

wazero_error_t *wazero_validate(const wazero_runtime_config_t *config, const void *wasm,
                                size_t size)
{
    struct wazero_runtime_config light =
        config ? *config : wazero__default_runtime_config;
    wazero_runtime_t *runtime;
    wazero_compiled_module_t *compiled;
    /* wazero validates only where it compiles; its interpreter's code is the
     * cheapest. */
    light.engine = WAZERO_ENGINE_INTERPRETER;
    light.cache = NULL;
    light.debug_info = false;
    wazero_error_t *error = wazero_runtime_new(&light, &runtime);
    if (error)
        return error;
    error = wazero_runtime_compile(runtime, wasm, size, &compiled);
    if (!error)
        wazero_compiled_module_delete(compiled);
    wazero_runtime_delete(runtime);
    return error;
}

void wazero__compiled_module_locate(wazero_compiled_module_t *compiled, uintptr_t code,
                                    size_t size)
{
    uintptr_t none = 0;
    if (!size || atomic_load(&compiled->code) ||
        !atomic_compare_exchange_strong(&compiled->code, &none, code))
        return;
    if (!wazero__code_add(code, size))
        atomic_store(&compiled->code, 0);
}

wazero_compiled_module_t *
wazero__compiled_module_retain(wazero_compiled_module_t *compiled)
{
    atomic_fetch_add(&compiled->references, 1);
    return compiled;
}

/* ---- what it holds ---- */

const char *wazero_compiled_module_name(const wazero_compiled_module_t *compiled,
                                        size_t *size)
{
    if (size)
        *size = compiled->parsed->name_size;
    return compiled->parsed->name;
}

const void *wazero_compiled_module_bytes(const wazero_compiled_module_t *compiled,
                                         size_t *size)
{
    if (size)
        *size = compiled->size;
    return compiled->bytes;
}

size_t wazero_compiled_module_import_count(const wazero_compiled_module_t *compiled)
{
    return compiled->parsed->import_count;
}

const wazero_extern_t *
wazero_compiled_module_import(const wazero_compiled_module_t *compiled, size_t index)
{
    const wazero__parsed_t *parsed = compiled->parsed;
    return index < parsed->import_count ? &parsed->imports[index] : NULL;
}

size_t wazero_compiled_module_export_count(const wazero_compiled_module_t *compiled)
{
    return compiled->parsed->export_count;
}

const wazero_extern_t *
wazero_compiled_module_export(const wazero_compiled_module_t *compiled, size_t index)
{
    const wazero__parsed_t *parsed = compiled->parsed;
    return index < parsed->export_count ? &parsed->exports[index] : NULL;
}

size_t
wazero_compiled_module_custom_section_count(const wazero_compiled_module_t *compiled)
{
    return compiled->runtime->config.custom_sections
               ? compiled->parsed->custom_section_count
               : 0;
}

const wazero_section_t *
wazero_compiled_module_custom_section(const wazero_compiled_module_t *compiled,
                                      size_t index)
{
    const wazero__parsed_t *parsed = compiled->parsed;
    return index < wazero_compiled_module_custom_section_count(compiled)
               ? &parsed->sections[parsed->custom_sections[index]]
               : NULL;
}

wazero_error_t *
wazero_compiled_module_inspection(wazero_compiled_module_t *compiled,
                                  const wazero_inspection_t **inspection)
{
    wazero_inspection_t *known = atomic_load(&compiled->inspection), *made;
    if (!known) {
        wazero_error_t *error = wazero__inspection_new(compiled->parsed, false, &made);
        if (error)
            return error;
        if (atomic_compare_exchange_strong(&compiled->inspection, &known, made))
            known = made;
        else
            wazero__inspection_delete(made);
    }
    *inspection = known;
    return NULL;
}

/* ---- closing ---- */

wazero_error_t *wazero_compiled_module_close(wazero_compiled_module_t *compiled)
{
    if (!wazero__fork_is_current(compiled->runtime->generation))
        return wazero__fork_error("compiled module");
    if (!atomic_exchange(&compiled->closed, true))
        wazero__engine()->compiled_close(compiled->handle);
    return NULL;
}

bool wazero_compiled_module_is_closed(const wazero_compiled_module_t *compiled)
{
    return atomic_load(&compiled->closed) ||
           wazero_runtime_is_closed(compiled->runtime);
}

void wazero_compiled_module_delete(wazero_compiled_module_t *compiled)
{
    if (!compiled || atomic_fetch_sub(&compiled->references, 1) != 1)
        return;
    /* In a forked child the error says that there is nothing to close. */
    wazero_error_delete(wazero_compiled_module_close(compiled));
    destroy(compiled);
}
