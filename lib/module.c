/*
 * module.c - instances: making, starting, asking, closing and ending them. See
 * module.h.
 */
#include "module.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "call/direct.h"
#include "call/watchdog.h"
#include "config.h"
#include "engine.h"
#include "error.h"
#include "fork.h"
#include "reference.h"
#include "runtime.h"
#include "wasi/wasi.h"

static void close_in_engine(wazero__deferred_t *deferred);
static void destroy(wazero__deferred_t *deferred);

/* The module that a member of it belongs to. */
#define MODULE_OF(pointer, member)                                                     \
    ((wazero_module_t *)(void *)((char *)(pointer) - offsetof(wazero_module_t, member)))

/* ---- references ---- */

wazero_error_t *wazero__module_allocate(wazero_runtime_t *runtime,
                                        wazero_module_t **module)
{
    wazero_error_t *error = wazero__runtime_check(runtime);
    if (error)
        return error;
    wazero_module_t *made = calloc(1, sizeof *made);
    if (!made)
        return wazero__error_memory();
    made->timeout = WAZERO_NO_TIMEOUT;
    made->memory_pages = wazero__default_module_config.memory_pages;
    made->group = wazero__group_new();
    if (!made->group) {
        free(made);
        return wazero__error_memory();
    }
    atomic_init(&made->references, 1);
    made->runtime = wazero__runtime_retain(runtime);
    made->close.run = close_in_engine;
    made->destroy.run = destroy;
    *module = made;
    return NULL;
}

wazero_module_t *wazero__module_retain(wazero_module_t *module)
{
    if (!wazero__module_try_retain(module))
        wazero__group_hold(module->group, &module->references, &module->destroy);
    return module;
}

bool wazero__module_try_retain(wazero_module_t *module)
{
    unsigned references = atomic_load(&module->references);
    while (references)
        if (atomic_compare_exchange_weak(&module->references, &references,
                                         references + 1))
            return true;
    return false;
}

void wazero__module_release(wazero_module_t *module)
{
    if (!module)
        return;
    unsigned references = atomic_load(&module->references);
    while (references > 1)
        if (atomic_compare_exchange_weak(&module->references, &references,
                                         references - 1))
            return;
    bool keep = module->link.shares_references || atomic_load(&module->kept);
    if (keep)
        wazero__link_give_up(&module->link);
    wazero__group_release(module->group, &module->references, keep, &module->destroy);
}

wazero_module_t *wazero_module_copy(wazero_module_t *module)
{
    return wazero__module_retain(module);
}

void wazero_module_delete(wazero_module_t *module)
{
    wazero__module_release(module);
}

/* Tells the host that the module closes. The host is always called attached. */
static void notify_close(const wazero_module_t *module, uint32_t exit_code)
{
    wazero__thread_t *thread = wazero__thread();
    bool detached = thread->token != NULL;
    if (!module->close_notifier)
        return;
    wazero__thread_attach(thread);
    module->close_notifier(wazero__shared_user(module->close_user), exit_code);
    if (detached)
        wazero__thread_detach(thread);
}

/* Nobody can reach the module any more: takes it apart. */
static void destroy(wazero__deferred_t *deferred)
{
    wazero_module_t *module = MODULE_OF(deferred, destroy);
    bool in_engine = wazero__fork_is_current(module->runtime->generation);
    /* In a forked child the runtime's mutex may be held for ever, by a thread that
     * is not there; and nobody will read the list again. */
    if (in_engine)
        wazero__runtime_remove(module->runtime, module);
    wazero__callables_clear(&module->callables, in_engine);
    /* So that what the engine reports of its closing changes nothing any more. */
    bool was_open =
        atomic_exchange(&module->state, MODULE_CLOSED_BY_HOST) == MODULE_OPEN;
    if (was_open && in_engine && atomic_load(&module->ready))
        notify_close(module, 0);
    if (module->handle && in_engine) {
        if (!module->engine_closed)
            wazero__engine()->module_close(module->handle, 0);
        wazero__engine()->module_release(module->handle);
    }
    if (in_engine)
        wazero__runtime_count_closed(module->runtime, module);
    if (module->linear_used)
        wazero__linear_unuse(module->linear);
    wazero__linear_release(module->linear);
    for (size_t i = 0; i < module->start_function_count; i++)
        wazero__text_clear(&module->start_functions[i]);
    free(module->start_functions);
    for (int i = 0; i < 3; i++)
        wazero__stream_release(module->streams[i].stream);
    wazero__wasi_delete(module->wasi);
    wazero__time_clear(&module->time);
    wazero__random_clear(&module->random);
    for (size_t i = 0; i < module->host_count; i++)
        wazero__host_clear(&module->hosts[i]);
    free(module->hosts);
    wazero__listening_delete(module->listening);
    free(module->exports_storage);
    wazero__shared_release(module->close_user);
    free(module->addresses);
    wazero__text_clear(&module->name);
    wazero__link_clear(&module->link, in_engine);
    for (size_t i = 0; i < module->guest_count; i++)
        wazero__module_release(module->guests[i]);
    free(module->guests);
    if (in_engine)
        wazero__externrefs_sweep(module->runtime, module->group);
    wazero__group_delete(module->group);
    wazero_compiled_module_delete(module->compiled);
    wazero__runtime_release(module->runtime);
    free(module);
}

/* ---- making ---- */

/* Takes what the module needs for as long as it lives. */
static wazero_error_t *adopt_config(wazero_module_t *module,
                                    const wazero_module_config_t *config)
{
    wazero_error_t *error = NULL;
    if (config->name.size)
        error = wazero__text_copy(&module->name, config->name.data, config->name.size,
                                  "the module's name");
    if (error)
        return error;
    module->user = config->user;
    module->timeout = config->timeout;
    module->began = config->began;
    module->max_stack = config->max_stack;
    module->memory_pages = config->memory_pages;
    module->close_notifier = config->close_notifier;
    module->close_user = wazero__shared_retain(config->close_user);
    module->wasi_kind = config->wasi_kind;
    module->traced = wazero__tracer_is_set(&config->tracer);
    if (config->wasi_kind == WAZERO_WASI_ENGINE) {
        const char *what = config->max_files != UINT32_MAX ? "max_files needs"
                           : config->deterministic         ? "deterministic files need"
                           : module->traced                ? "a trace needs"
                                                           : NULL;
        if (what)
            return wazero__error(WAZERO_ERROR_INVALID,
                                 "%s libwazero's WASI, not wazero's own", what);
        module->output.limit = config->output_limit;
        for (int i = 0; i < 3; i++)
            module->streams[i].stream = wazero__stream_retain(config->streams[i]);
        module->streams[WAZERO_STDOUT].output = &module->output;
        module->streams[WAZERO_STDERR].output = &module->output;
        wazero__time_copy(&module->time, &config->time);
        wazero__random_copy(&module->random, &config->random);
    }
    if (config->listener_count) {
        module->addresses = calloc(config->listener_count, sizeof *module->addresses);
        if (!module->addresses)
            return wazero__error_memory();
    }
    static const wazero__text_t only_start = {(char *)"_start", 6};
    const wazero__text_t *names = &only_start;
    size_t count = 1;
    if (config->start_functions_set) {
        names = config->start_functions;
        count = config->start_function_count;
    }
    module->start_functions =
        calloc(count ? count : 1, sizeof *module->start_functions);
    if (!module->start_functions)
        return wazero__error_memory();
    for (size_t i = 0; i < count && !error; i++) {
        error = wazero__text_copy(&module->start_functions[i], names[i].data,
                                  names[i].size, "a start function's name");
        module->start_function_count = i + 1;
    }
    return error;
}

/* How the engine is told of the module's time and random numbers. A system's sleep is
 * lib's, for Go's cannot be ended. */
static void describe_sources(const wazero_module_t *module, wz_module_config *out)
{
    static const int32_t kinds[] = {
        [WAZERO__TIME_PRETENDED] = WZ_SOURCE_PRETENDED,
        [WAZERO__TIME_SYSTEM] = WZ_SOURCE_SYSTEM,
        [WAZERO__TIME_CALL] = WZ_SOURCE_CALL,
    };
    const wazero__time_t *time = &module->time;
    out->walltime = kinds[time->walltime.kind];
    out->walltime_resolution = wazero__time_walltime_resolution(time);
    out->nanotime = kinds[time->nanotime.kind];
    out->nanotime_resolution = wazero__time_nanotime_resolution(time);
    out->nanosleep = time->sleep_kind != WAZERO__TIME_PRETENDED;
    out->osyield = time->yield_kind != WAZERO__TIME_PRETENDED;
    if (module->random.kind == WAZERO__RANDOM_SYSTEM)
        out->random = WZ_SOURCE_SYSTEM;
    else if (!wazero__random_is_default(&module->random))
        out->random = WZ_SOURCE_CALL;
}

/* What the engine is told; arrays that had to be made are to be freed. What a guest is
 * granted is wazero's to know only if its WASI is. */
typedef struct {
    wz_module_config config;
    wz_string *args;
    wz_variable *environment;
    wz_mount *mounts;
    wz_listener *listeners;
} description_t;

static void free_description(description_t *description)
{
    free(description->args);
    free(description->environment);
    free(description->mounts);
    free(description->listeners);
}

static wz_string as_string(const wazero__text_t *text)
{
    return wazero__engine_string(text->data, text->size);
}

static wazero_error_t *describe(wazero_module_t *module,
                                const wazero_module_config_t *config,
                                description_t *description)
{
    wz_module_config *out = &description->config;
    out->user = (uintptr_t)module;
    out->imports = module->link.imports;
    out->import_count = module->link.import_count;
    if (module->wasi_kind != WAZERO_WASI_ENGINE)
        return NULL;
    description->args = calloc(config->arg_count + 1, sizeof *description->args);
    description->environment =
        calloc(config->environment_count + 1, sizeof *description->environment);
    description->mounts = calloc(config->mount_count + 1, sizeof *description->mounts);
    description->listeners =
        calloc(config->listener_count + 1, sizeof *description->listeners);
    if (!description->args || !description->environment || !description->mounts ||
        !description->listeners)
        return wazero__error_memory();
    for (size_t i = 0; i < config->arg_count; i++)
        description->args[i] = as_string(&config->args[i]);
    for (size_t i = 0; i < config->environment_count; i++) {
        description->environment[i].key = as_string(&config->environment[i].key);
        description->environment[i].value = as_string(&config->environment[i].value);
    }
    for (size_t i = 0; i < config->mount_count; i++) {
        if (config->mounts[i].fs)
            return wazero__error(WAZERO_ERROR_INVALID,
                                 "a file system that is no host directory needs "
                                 "libwazero's own WASI");
        description->mounts[i].host = as_string(&config->mounts[i].host);
        description->mounts[i].guest = as_string(&config->mounts[i].guest);
        description->mounts[i].read_only = config->mounts[i].read_only;
    }
    for (size_t i = 0; i < config->listener_count; i++) {
        description->listeners[i].host = as_string(&config->listeners[i].host);
        description->listeners[i].port = config->listeners[i].port;
    }
    out->args = description->args;
    out->arg_count = config->arg_count;
    out->environment = description->environment;
    out->environment_count = config->environment_count;
    out->mounts = description->mounts;
    out->mount_count = config->mount_count;
    out->listeners = description->listeners;
    out->listener_count = config->listener_count;
    for (int i = 0; i < 3; i++)
        out->streams[i] = wazero__stream_describe(&module->streams[i]);
    describe_sources(module, out);
    return NULL;
}

/* try_table clones the stack as wazero knows it, so a runtime with exceptions stays on
 * wazero's own. Without a context no function of the module is entered directly; its
 * code is where it can be ended all the same. */
static void adopt_place(wazero_module_t *module, const wz_place *place)
{
    if (!wazero__direct_is_on())
        return;
    if (wazero__runtime_is_direct(module->runtime))
        module->context = place->context;
    wazero__compiled_module_locate(module->compiled, place->code, place->code_size);
}

/* Notes where the engine listens for the module; there is room for it. */
static void adopt_addresses(wazero_module_t *module, const wz_module_config *config)
{
    if (module->wasi_kind != WAZERO_WASI_ENGINE)
        return;
    for (size_t i = 0; i < config->listener_count; i++) {
        wazero__tcp_address_t *address = &module->addresses[i];
        memcpy(address->host, config->listeners[i].bound_host, sizeof address->host);
        address->port = config->listeners[i].bound_port;
    }
    module->address_count = config->listener_count;
}

/* Has the engine instantiate, inside the groups of all that is linked. */
static wazero_error_t *instantiate(wazero_module_t *module,
                                   const wazero_module_config_t *config)
{
    wz_error failure = {0};
    wz_place place = {0};
    description_t description = {0};
    wazero_error_t *error = describe(module, config, &description);
    if (!error)
        error = wazero__link_enter(module);
    if (!error) {
        /* A source may have been closed since it was found; not any more, from here. */
        for (size_t i = 0; i < module->link.source_count && !error; i++)
            error = wazero__module_check(module->link.sources[i].module);
        if (!error && !wazero__engine()->module_new(
                          module->runtime->handle, module->compiled->handle,
                          &description.config, &module->handle, &place, &failure))
            error = wazero__engine_error(&failure);
        if (!error)
            adopt_place(module, &place);
        if (!error)
            adopt_addresses(module, &description.config);
        if (!error && module->linear && !module->linear_used) {
            wazero__linear_use(
                module->linear); /* imported; its own is used from birth */
            module->linear_used = true;
        }
        wazero__group_leave(module->group);
    }
    free_description(&description);
    return error;
}

/* The memory that the module defines must be able to begin. */
static wazero_error_t *check_memory(const wazero_module_t *module)
{
    const wazero__parsed_t *parsed = module->compiled->parsed;
    if (!parsed->has_memory || parsed->memory_imported ||
        parsed->memory.min <= module->memory_pages)
        return NULL;
    return wazero__error(WAZERO_ERROR_LINK,
                         "the module's memory begins with %" PRIu64
                         " pages, over the limit of %" PRIu32 " for this instance",
                         parsed->memory.min, module->memory_pages);
}

/* Makes the state for lib's WASI, if a function of it may be called. */
static wazero_error_t *make_wasi(wazero_module_t *module,
                                 const wazero_module_config_t *config)
{
    bool listens = module->wasi_kind == WAZERO_WASI_LIBWAZERO && config->listener_count;
    if (!module->link.needs_wasi && !listens)
        return NULL;
    wazero_error_t *error =
        wazero__wasi_new(config, listens ? module->addresses : NULL, &module->wasi);
    if (!error && listens)
        module->address_count = config->listener_count;
    return error;
}

wazero_error_t *wazero_module_new(wazero_compiled_module_t *compiled,
                                  const wazero_imports_t *imports,
                                  const wazero_module_config_t *config,
                                  wazero_module_t **module)
{
    wazero_module_t *made = NULL;
    wazero_error_t *error = wazero__module_allocate(compiled->runtime, &made);
    if (error)
        return error;
    if (!config)
        config = &wazero__default_module_config;
    made->compiled = wazero__compiled_module_retain(compiled);
    made->exports = compiled->parsed->exports;
    made->export_count = compiled->parsed->export_count;
    if (atomic_load(&compiled->closed))
        error = wazero__error(WAZERO_ERROR_CLOSED, "the compiled module is closed");
    if (!error)
        error = adopt_config(made, config);
    if (!error)
        error = check_memory(made);
    if (!error)
        error = wazero__runtime_add(made->runtime, made);
    if (!error)
        error = wazero__link(made, imports);
    if (!error)
        error = make_wasi(made, config);
    if (!error)
        error = instantiate(made, config);
    error = wazero__module_finish(made, error);
    if (!error)
        *module = made;
    return error;
}

wazero_error_t *wazero__module_finish(wazero_module_t *module, wazero_error_t *error)
{
    if (!error) {
        /* From here on whoever closes the runtime closes this module in the engine. */
        atomic_store(&module->ready, true);
        error = wazero__module_is_open(module) ? NULL : wazero__module_check(module);
    }
    if (error) {
        wazero__module_shut(module, MODULE_CLOSED_BY_HOST, 0);
        wazero__module_release(module);
    }
    return error;
}

/* ---- starting ---- */

/* "function[3] export["a","b"]", as wazero names a function in errors: the index counts
 * the module's own functions. */
static wazero_error_t *prefix_start(wazero_module_t *module, wazero_error_t *error)
{
    const wazero__parsed_t *parsed = module->compiled->parsed;
    char names[256];
    size_t used = 0;
    names[0] = '\0';
    for (size_t i = 0; i < parsed->export_count && used < sizeof names - 1; i++) {
        const wazero_extern_t *export = &parsed->exports[i];
        if (export->kind != WAZERO_EXTERN_FUNCTION || export->index != parsed->start)
            continue;
        int length = snprintf(names + used, sizeof names - used, "%s\"%s\"",
                              used ? "," : " export[", export->name);
        used += length > 0 ? (size_t)length : 0;
    }
    if (used && used < sizeof names - 1)
        memcpy(names + used, "]", 2);
    return wazero__error_prefix(
        error, "start function[%" PRId64 "]%s failed: ",
        (int64_t)parsed->start - (int64_t)parsed->imported_function_count, names);
}

/* Runs the function that the module's start section names. */
static wazero_error_t *run_start_section(wazero_module_t *module, uint64_t until)
{
    const wazero__parsed_t *parsed = module->compiled->parsed;
    if (!parsed->has_start)
        return NULL;
    wazero__callable_t start;
    wazero__callable_init(&start, module,
                          &parsed->types[parsed->functions[parsed->start]],
                          parsed->start, NULL);
    wazero_error_t *error =
        wazero__callable_call_until(&start, NULL, module->timeout, until);
    wazero__callable_clear(&start,
                           wazero__fork_is_current(module->runtime->generation));
    if (error && wazero_error_kind(error) != WAZERO_ERROR_EXIT)
        error = prefix_start(module, error);
    return error;
}

/* Runs one start function of the configuration, if it is exported. */
static wazero_error_t *run_start_function(wazero_module_t *module,
                                          const wazero__text_t *name, uint64_t until)
{
    const wazero_extern_t *export =
        wazero_module_find_export(module, name->data, name->size);
    if (!export || export->kind != WAZERO_EXTERN_FUNCTION)
        return NULL;
    if (export->type.function.param_count)
        return wazero__error(
            WAZERO_ERROR_INVALID,
            "start function \"%s\" takes %zu parameters, so it cannot be "
            "called at the start: leave it out of the start functions",
            name->data, export->type.function.param_count);
    wazero__callable_t *callable = wazero__module_callable(module, export);
    wazero__values_t results =
        callable ? wazero__callable_results(callable) : (wazero__values_t){0};
    uint64_t *stack = calloc(export->type.function.slot_count + 1, sizeof *stack);
    wazero_error_t *error =
        callable && stack
            ? wazero__callable_call_until(callable, stack, module->timeout, until)
            : wazero__error_memory();
    if (!error)
        wazero__references_drop(&results, stack);
    free(stack);
    if (error && wazero_error_kind(error) != WAZERO_ERROR_EXIT)
        error = wazero__error_prefix(error, "module[%s] function[%s] failed: ",
                                     module->name.data ? module->name.data : "",
                                     name->data);
    return error;
}

/* Runs all that is to run at the start, and takes the time. */
static wazero_error_t *run_start(wazero_module_t *module)
{
    uint64_t began = module->began ? module->began : wazero__now();
    uint64_t until = wazero__end_since(module->timeout, began);
    wazero__stopwatch_t begun = wazero__stopwatch_begin();
    wazero_error_t *error = run_start_section(module, until);
    for (size_t i = 0; i < module->start_function_count && !error; i++)
        error = run_start_function(module, &module->start_functions[i], until);
    wazero__stopwatch_end(&begun, &module->taken);
    if (error)
        wazero__error_set_usage(error, module);
    return error;
}

wazero_error_t *wazero_module_start(wazero_module_t *module)
{
    wazero_error_t *error = wazero__module_check(module);
    if (error)
        return error;
    if (atomic_exchange(&module->started, true))
        return wazero__error(WAZERO_ERROR_INVALID, "the module was started before");
    error = run_start(module);
    if (!error || !wazero__fork_is_current(module->runtime->generation))
        return error; /* in a child that a host function made nothing can be closed */
    bool exited = wazero_error_kind(error) == WAZERO_ERROR_EXIT;
    if (exited && wazero_error_exit_code(error) == 0) {
        wazero_error_delete(error);
        error = NULL;
    }
    wazero__module_shut(module, exited ? MODULE_EXITED : MODULE_CLOSED_BY_HOST,
                        exited && error ? wazero_error_exit_code(error) : 0);
    return error;
}

/* ---- closing ---- */

/* Runs inside the group, with the reference that wazero__module_shut took. */
static void close_in_engine(wazero__deferred_t *deferred)
{
    wazero_module_t *module = MODULE_OF(deferred, close);
    if (!wazero__fork_is_current(module->runtime->generation)) {
        wazero__module_release(module);
        return;
    }
    wazero__engine()->module_close(module->handle, module->exit_code);
    module->engine_closed = true;
    wazero__wasi_close(module->wasi);
    if (module->linear_used)
        wazero__linear_unuse(module->linear);
    module->linear_used = false;
    wazero__runtime_count_closed(module->runtime, module);
    wazero__externrefs_sweep(module->runtime, module->group);
    wazero__module_release(module);
}

void wazero__module_shut(wazero_module_t *module, int state, uint32_t exit_code)
{
    bool registered;
    bool first =
        wazero__runtime_shut(module->runtime, module, state, exit_code, &registered);
    /* A module in the making is closed by who makes it, who sees the state. */
    if (first && atomic_load(&module->ready)) {
        wazero__module_retain(module);
        notify_close(module, exit_code);
        /* Without a watchdog the call ends when it comes back by itself. */
        wazero_error_delete(wazero__watchdog_request(module->group, REQUEST_CLOSED));
        wazero__group_defer(module->group, &module->close);
    }
    if (registered)
        wazero__module_release(module);
}

wazero_error_t *wazero_module_interrupt(wazero_module_t *module)
{
    if (!wazero__fork_is_current(module->runtime->generation))
        return wazero__fork_error("module");
    return wazero__watchdog_request(module->group, REQUEST_INTERRUPT);
}

wazero_error_t *wazero_module_close_with_exit_code(wazero_module_t *module,
                                                   uint32_t exit_code)
{
    if (!wazero__fork_is_current(module->runtime->generation))
        return wazero__fork_error("module");
    wazero__module_shut(module, MODULE_CLOSED_BY_HOST, exit_code);
    return NULL;
}

bool wazero_module_is_closed(const wazero_module_t *module, uint32_t *exit_code)
{
    if (wazero__module_is_open(module))
        return false;
    if (exit_code)
        *exit_code = module->exit_code;
    return true;
}

void wazero__module_describe(const wazero_module_t *module, char *text, size_t size)
{
    char name[100];
    wazero__text_show(module->name.data, module->name.size, name, sizeof name);
    if (module->name.size)
        snprintf(text, size, "module[%s]", name);
    else
        snprintf(text, size, "module");
}

wazero_error_t *wazero__module_check(const wazero_module_t *module)
{
    char name[128];
    if (!wazero__fork_is_current(module->runtime->generation))
        return wazero__fork_error("module");
    if (wazero__module_is_open(module))
        return NULL;
    wazero__module_describe(module, name, sizeof name);
    return wazero__error(WAZERO_ERROR_CLOSED, "%s closed with exit_code(%" PRIu32 ")",
                         name, module->exit_code);
}

wazero_error_t *wazero__module_end_error(const wazero_module_t *module)
{
    if (atomic_load(&module->state) == MODULE_EXITED || module->exit_code)
        return wazero__error_exit(module->exit_code);
    return wazero__module_check(module);
}

/* ---- asking ---- */

const char *wazero_module_name(const wazero_module_t *module, size_t *size)
{
    if (size)
        *size = module->name.size;
    return module->name.data ? module->name.data : "";
}

void *wazero_module_user(const wazero_module_t *module)
{
    return module->user;
}

const char *wazero_module_tcp_address(const wazero_module_t *module, size_t index,
                                      uint16_t *port)
{
    if (index >= module->address_count)
        return NULL;
    if (port)
        *port = module->addresses[index].port;
    return module->addresses[index].host;
}

void wazero_module_set_user(wazero_module_t *module, void *user)
{
    module->user = user;
}

size_t wazero_module_export_count(const wazero_module_t *module)
{
    return module->export_count;
}

const wazero_extern_t *wazero_module_export(const wazero_module_t *module, size_t index)
{
    return index < module->export_count ? &module->exports[index] : NULL;
}

const wazero_extern_t *wazero_module_find_export(const wazero_module_t *module,
                                                 const char *name, size_t size)
{
    if (!name)
        return NULL;
    size = wazero__text_size(name, size);
    if (module->compiled)
        return wazero__parsed_export(module->compiled->parsed, name, size);
    for (size_t i = 0; i < module->export_count; i++)
        if (wazero__text_is(module->exports[i].name, module->exports[i].name_size, name,
                            size))
            return &module->exports[i];
    return NULL;
}

wazero_module_t *wazero_module_source(const wazero_module_t *module, size_t index,
                                      bool *shares_references)
{
    if (index >= module->link.source_count)
        return NULL;
    if (shares_references)
        *shares_references = module->link.sources[index].shares_references;
    return module->link.sources[index].module;
}

/* The names of the exports of a kind, for a message: as many as fit. */
static void list_exports(const wazero_module_t *module, wazero_extern_kind_t kind,
                         char *text, size_t size)
{
    size_t used = 0;
    snprintf(text, size, "none");
    for (size_t i = 0; i < module->export_count; i++) {
        const wazero_extern_t *export = &module->exports[i];
        if (export->kind != kind)
            continue;
        if (used + export->name_size + 8 > size) {
            snprintf(text + used, size - used, ", ...");
            return;
        }
        int length =
            snprintf(text + used, size - used, "%s%s", used ? ", " : "", export->name);
        used += length > 0 ? (size_t)length : 0;
    }
}

wazero_error_t *wazero__module_lookup(const wazero_module_t *module, const char *name,
                                      size_t size, wazero_extern_kind_t kind,
                                      const wazero_extern_t **found)
{
    char names[512], self[128], shown[128];
    wazero_error_t *error = wazero__module_check(module);
    if (error)
        return error;
    const wazero_extern_t *export = wazero_module_find_export(module, name, size);
    if (export && export->kind == kind) {
        *found = export;
        return NULL;
    }
    if (!name)
        return wazero__error(WAZERO_ERROR_INVALID, "the name must not be NULL");
    wazero__module_describe(module, self, sizeof self);
    wazero__text_show(name, wazero__text_size(name, size), shown, sizeof shown);
    if (export)
        return wazero__error(
            WAZERO_ERROR_INVALID, "%s exports \"%s\" as a %s, not as a %s", self, shown,
            wazero_extern_kind_name(export->kind), wazero_extern_kind_name(kind));
    list_exports(module, kind, names, sizeof names);
    return wazero__error(WAZERO_ERROR_INVALID,
                         "%s exports no %s named \"%s\"; it exports: %s", self,
                         wazero_extern_kind_name(kind), shown, names);
}

wazero__callable_t *wazero__module_callable(wazero_module_t *module,
                                            const wazero_extern_t *export)
{
    return module->compiled ? wazero__callable_at(module, export->index)
                            : wazero__callable_of_host(&module->hosts[export->index]);
}

const wazero_extern_t *wazero__module_export_of(const wazero_module_t *module,
                                                wazero_extern_kind_t kind,
                                                uint32_t index)
{
    for (size_t i = 0; i < module->export_count; i++)
        if (module->exports[i].kind == kind && module->exports[i].index == index)
            return &module->exports[i];
    return NULL;
}

wazero_error_t *wazero__module_enter(wazero_module_t *module)
{
    /* Before entering, too: in a forked child nobody would ever leave. */
    wazero_error_t *error = wazero__module_check(module);
    if (!error)
        error = wazero__group_enter(module->group, UINT64_MAX);
    if (error)
        return error;
    error = wazero__module_check(module);
    if (error)
        wazero__group_leave(module->group);
    return error;
}

wazero_error_t *wazero__module_add_guest(wazero_module_t *module,
                                         wazero_module_t *guest)
{
    for (size_t i = 0; i < module->guest_count; i++)
        if (module->guests[i] == guest)
            return NULL;
    wazero_module_t **guests =
        realloc(module->guests, (module->guest_count + 1) * sizeof *guests);
    if (!guests)
        return wazero__error_memory();
    module->guests = guests;
    guests[module->guest_count++] = wazero__module_retain(guest);
    return NULL;
}
