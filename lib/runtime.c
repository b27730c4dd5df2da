/*
 * runtime.c - runtimes. See runtime.h.
 */
#include "runtime.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cache.h"
#include "call/direct.h"
#include "compiled.h"
#include "engine.h"
#include "error.h"
#include "fork.h"
#include "module.h"

static const char *const wasi_names[WAZERO__WASI_NAMES] = {"wasi_snapshot_preview1",
                                                           "wasi_unstable"};

/* ---- making and ending ---- */

wazero_error_t *wazero_runtime_new(const wazero_runtime_config_t *config,
                                   wazero_runtime_t **runtime)
{
    const wz_engine *engine;
    wz_error failure = {0};
    wazero_error_t *error = wazero__engine_load(&engine);
    if (error)
        return error;
    if (!config)
        config = &wazero__default_runtime_config;
    wz_runtime_config described = {
        .engine = (int32_t)config->engine,
        .memory_limit_pages = config->limits.memory_pages,
        .features = config->limits.features,
        .debug_info = config->debug_info,
        .memory_capacity_from_max = config->memory_capacity_from_max,
    };
    if (config->cache)
        error = wazero__cache_handle(config->cache, &described.cache);
    if (error)
        return error;
    wazero_runtime_t *made = calloc(1, sizeof *made);
    if (!made)
        return wazero__error_memory();
    if (pthread_mutex_init(&made->mutex, NULL)) {
        free(made);
        return wazero__error_memory();
    }
    atomic_init(&made->references, 1);
    made->generation = wazero__fork_generation();
    made->config = *config;
    if (config->cache)
        wazero__cache_retain(config->cache);
    if (!engine->runtime_new(&described, &made->handle, &failure)) {
        wazero_cache_delete(made->config.cache);
        pthread_mutex_destroy(&made->mutex);
        free(made);
        return wazero__engine_error(&failure);
    }
    *runtime = made;
    return NULL;
}

wazero_runtime_t *wazero__runtime_retain(wazero_runtime_t *runtime)
{
    atomic_fetch_add(&runtime->references, 1);
    return runtime;
}

/* Has the engine close its runtime if it is time: closed, and no module open. */
static void close_in_engine_when_idle(wazero_runtime_t *runtime)
{
    pthread_mutex_lock(&runtime->mutex);
    bool now = atomic_load(&runtime->closed) && runtime->open_count == 0 &&
               !runtime->engine_closed;
    if (now)
        runtime->engine_closed = true;
    pthread_mutex_unlock(&runtime->mutex);
    if (!now)
        return;
    const wz_engine *engine = wazero__engine();
    for (int i = 0; i < WAZERO__WASI_NAMES; i++)
        if (runtime->wasi[i])
            engine->module_release(runtime->wasi[i]);
    engine->runtime_close(runtime->handle, runtime->exit_code);
}

void wazero__runtime_count_closed(wazero_runtime_t *runtime, wazero_module_t *module)
{
    pthread_mutex_lock(&runtime->mutex);
    if (module->counted)
        runtime->open_count--;
    module->counted = false;
    pthread_mutex_unlock(&runtime->mutex);
    close_in_engine_when_idle(runtime);
}

bool wazero__runtime_shut(wazero_runtime_t *runtime, wazero_module_t *module, int state,
                          uint32_t exit_code, bool *registered)
{
    pthread_mutex_lock(&runtime->mutex);
    bool first = wazero__module_is_open(module);
    if (first) {
        module->exit_code = exit_code;
        atomic_store(&module->state, state);
    }
    *registered = module->registered;
    module->registered = false;
    pthread_mutex_unlock(&runtime->mutex);
    return first;
}

/* The next open module of the runtime, with a reference; NULL when there is none left.
 * The caller has a reference on `module`, which so is on the list; NULL begins. */
static wazero_module_t *next_open(wazero_runtime_t *runtime, wazero_module_t *module)
{
    pthread_mutex_lock(&runtime->mutex);
    for (module = module ? module->next : runtime->modules; module;
         module = module->next)
        if (wazero__module_is_open(module) && wazero__module_try_retain(module))
            break;
    pthread_mutex_unlock(&runtime->mutex);
    return module;
}

wazero_error_t *wazero_runtime_close_with_exit_code(wazero_runtime_t *runtime,
                                                    uint32_t exit_code)
{
    wazero_module_t *module, *next;
    if (!wazero__fork_is_current(runtime->generation))
        return wazero__fork_error("runtime");
    pthread_mutex_lock(&runtime->mutex);
    bool closed = atomic_load(&runtime->closed);
    if (!closed) {
        runtime->exit_code = exit_code;
        atomic_store(&runtime->closed, true);
    }
    pthread_mutex_unlock(&runtime->mutex);
    if (closed)
        return NULL;
    /* None is added any more, so one pass meets all. */
    for (module = next_open(runtime, NULL); module; module = next) {
        wazero__module_shut(module, MODULE_CLOSED_BY_HOST, exit_code);
        next = next_open(runtime, module);
        wazero__module_release(module);
    }
    close_in_engine_when_idle(runtime);
    return NULL;
}

bool wazero_runtime_is_closed(const wazero_runtime_t *runtime)
{
    return atomic_load_explicit(&runtime->closed, memory_order_acquire);
}

/* Gives a reference back. The last one finds every module gone, so the engine's runtime
 * can be closed, if a fork has not taken it away. */
void wazero__runtime_release(wazero_runtime_t *runtime)
{
    if (atomic_fetch_sub(&runtime->references, 1) != 1)
        return;
    if (wazero__fork_is_current(runtime->generation)) {
        atomic_store(&runtime->closed, true);
        close_in_engine_when_idle(runtime);
    }
    wazero_cache_delete(runtime->config.cache);
    wazero__externrefs_end(runtime);
    pthread_mutex_destroy(&runtime->mutex);
    free(runtime);
}

void wazero_runtime_delete(wazero_runtime_t *runtime)
{
    if (!runtime)
        return;
    /* In a forked child the error says that there is nothing to close. */
    wazero_error_delete(wazero_runtime_close_with_exit_code(runtime, 0));
    wazero__runtime_release(runtime);
    wazero__externrefs_bury();
}

wazero_error_t *wazero__runtime_check(const wazero_runtime_t *runtime)
{
    if (!wazero__fork_is_current(runtime->generation))
        return wazero__fork_error("runtime");
    if (wazero_runtime_is_closed(runtime))
        return wazero__error(WAZERO_ERROR_CLOSED,
                             "runtime closed with exit_code(%" PRIu32 ")",
                             runtime->exit_code);
    return NULL;
}

bool wazero__runtime_is_direct(const wazero_runtime_t *runtime)
{
    /* With exception handling all calls go through Go: see module.c. */
    return wazero__direct_is_on() &&
           !(runtime->config.limits.features & WAZERO_FEATURE_EXCEPTION_HANDLING);
}

/* ---- the modules in it ---- */

/* The open module of this name; it may still be in the making. */
static wazero_module_t *find_named(wazero_runtime_t *runtime, const char *name,
                                   size_t size)
{
    for (wazero_module_t *module = runtime->modules; module; module = module->next)
        if (module->name.size &&
            wazero__text_is(module->name.data, module->name.size, name, size) &&
            wazero__module_is_open(module))
            return module;
    return NULL;
}

wazero_error_t *wazero__runtime_add(wazero_runtime_t *runtime, wazero_module_t *module)
{
    wazero_error_t *error = NULL;
    char self[128];
    wazero__module_describe(module, self, sizeof self);
    pthread_mutex_lock(&runtime->mutex);
    if (atomic_load(&runtime->closed))
        error = wazero__error(WAZERO_ERROR_CLOSED,
                              "runtime closed with exit_code(%" PRIu32 ")",
                              runtime->exit_code);
    else if (module->name.size &&
             find_named(runtime, module->name.data, module->name.size))
        error =
            wazero__error(WAZERO_ERROR_INVALID,
                          "%s has already been instantiated: choose another name, or "
                          "close that module first",
                          self);
    if (!error) {
        module->next = runtime->modules;
        if (module->next)
            module->next->previous = module;
        runtime->modules = module;
        module->listed = true;
        module->counted = true;
        runtime->open_count++;
        if (module->name.size) {
            module->registered = true;
            wazero__module_retain(module);
        }
    }
    pthread_mutex_unlock(&runtime->mutex);
    return error;
}

void wazero__runtime_remove(wazero_runtime_t *runtime, wazero_module_t *module)
{
    pthread_mutex_lock(&runtime->mutex);
    if (module->listed) {
        if (module->previous)
            module->previous->next = module->next;
        else
            runtime->modules = module->next;
        if (module->next)
            module->next->previous = module->previous;
        module->listed = false;
    }
    pthread_mutex_unlock(&runtime->mutex);
}

wazero_module_t *wazero__runtime_find(wazero_runtime_t *runtime, const char *name,
                                      size_t size)
{
    pthread_mutex_lock(&runtime->mutex);
    wazero_module_t *module = size ? find_named(runtime, name, size) : NULL;
    if (module && (!atomic_load(&module->ready) || !wazero__module_try_retain(module)))
        module = NULL;
    pthread_mutex_unlock(&runtime->mutex);
    return module;
}

wazero_error_t *wazero_runtime_module(wazero_runtime_t *runtime, const char *name,
                                      size_t size, wazero_module_t **module)
{
    wazero_error_t *error = wazero__runtime_check(runtime);
    if (error)
        return error;
    if (!name)
        return wazero__error(WAZERO_ERROR_INVALID, "the name must not be NULL");
    *module = wazero__runtime_find(runtime, name, wazero__text_size(name, size));
    return NULL;
}

int wazero__runtime_wasi_name(const char *name, size_t size)
{
    int which = 0;
    while (which < WAZERO__WASI_NAMES &&
           !wazero__text_is(name, size, wasi_names[which], strlen(wasi_names[which])))
        which++;
    return which;
}

wazero_error_t *wazero__runtime_wasi(wazero_runtime_t *runtime, const char *name,
                                     size_t size, wz_handle *module)
{
    wz_error failure = {0};
    wz_handle made;
    int which = wazero__runtime_wasi_name(name, size);
    *module = 0;
    if (which == WAZERO__WASI_NAMES)
        return NULL;
    pthread_mutex_lock(&runtime->mutex);
    *module = runtime->wasi[which];
    pthread_mutex_unlock(&runtime->mutex);
    if (*module)
        return NULL;
    /* Made without the mutex; of two threads that make it at once one keeps its own. */
    const wz_engine *engine = wazero__engine();
    if (!engine->wasi_new(runtime->handle, wazero__engine_string(name, size), NULL,
                          &made, &failure))
        return wazero__engine_error(&failure);
    pthread_mutex_lock(&runtime->mutex);
    bool kept = !runtime->wasi[which] && !runtime->engine_closed;
    if (kept)
        runtime->wasi[which] = made;
    *module = runtime->engine_closed ? 0 : runtime->wasi[which];
    pthread_mutex_unlock(&runtime->mutex);
    if (!kept) {
        engine->module_close(made, 0);
        engine->module_release(made);
    }
    return *module ? NULL : wazero__runtime_check(runtime);
}

/* ---- both steps in one ---- */

wazero_error_t *wazero_runtime_instantiate(wazero_runtime_t *runtime, const void *wasm,
                                           size_t size, const wazero_imports_t *imports,
                                           const wazero_module_config_t *config,
                                           wazero_module_t **module)
{
    wazero_compiled_module_t *compiled;
    wazero_module_t *made = NULL;
    wazero_error_t *error = wazero_runtime_compile(runtime, wasm, size, &compiled);
    if (error)
        return error;
    error = wazero_module_new(compiled, imports, config, &made);
    wazero_compiled_module_delete(compiled);
    if (error)
        return error;
    error = wazero_module_start(made);
    if (error) {
        wazero_module_delete(made);
        return error;
    }
    *module = made;
    return NULL;
}
