/*
 * config.c - building the configurations of runtimes and modules. See config.h.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "cache.h"
#include "call/stack.h"
#include "error.h"
#include "wasi/filesystem.h"

#define PAGES_MAX 65536u
#define TABLE_ELEMENTS_MAX 10000000u
#define WORKERS_MAX 1024u

/* ---- runtime configuration ---- */

const struct wazero_runtime_config wazero__default_runtime_config = {
    .engine = WAZERO_ENGINE_AUTO,
    .limits = {.memory_pages = PAGES_MAX,
               .table_elements = TABLE_ELEMENTS_MAX,
               .features = WAZERO_FEATURES_V2},
    .debug_info = true,
    .custom_sections = true,
};

const wazero__parse_limits_t wazero__widest_limits = {
    .memory_pages = PAGES_MAX,
    .table_elements = TABLE_ELEMENTS_MAX,
    .features = WAZERO_FEATURES_ALL,
};

wazero_error_t *wazero_runtime_config_new(wazero_runtime_config_t **config)
{
    wazero_runtime_config_t *made = malloc(sizeof *made);
    if (!made)
        return wazero__error_memory();
    *made = wazero__default_runtime_config;
    *config = made;
    return NULL;
}

void wazero_runtime_config_delete(wazero_runtime_config_t *config)
{
    if (!config)
        return;
    wazero_cache_delete(config->cache);
    free(config);
}

wazero_error_t *wazero_runtime_config_set_engine(wazero_runtime_config_t *config,
                                                 wazero_engine_kind_t engine)
{
    if ((unsigned)engine > WAZERO_ENGINE_INTERPRETER)
        return wazero__error(WAZERO_ERROR_INVALID, "%u is no engine", (unsigned)engine);
    config->engine = engine;
    return NULL;
}

wazero_error_t *wazero_runtime_config_set_features(wazero_runtime_config_t *config,
                                                   wazero_features_t features)
{
    if (features & ~WAZERO_FEATURES_ALL)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "features 0x%" PRIx64 " has bits that are no feature: "
                             "0x%" PRIx64,
                             features, features & ~WAZERO_FEATURES_ALL);
    config->limits.features = features;
    return NULL;
}

static wazero_error_t *set_memory_pages(uint32_t *limit, uint32_t pages)
{
    if (pages > PAGES_MAX)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "memory limit of %" PRIu32 " pages is over %u (4 GiB)",
                             pages, PAGES_MAX);
    *limit = pages;
    return NULL;
}

wazero_error_t *
wazero_runtime_config_set_memory_limit_pages(wazero_runtime_config_t *config,
                                             uint32_t pages)
{
    return set_memory_pages(&config->limits.memory_pages, pages);
}

wazero_error_t *wazero_runtime_config_set_table_limit(wazero_runtime_config_t *config,
                                                      uint32_t elements)
{
    if (elements > TABLE_ELEMENTS_MAX)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "table limit of %" PRIu32 " elements is over %u", elements,
                             TABLE_ELEMENTS_MAX);
    config->limits.table_elements = elements;
    return NULL;
}

void wazero_runtime_config_set_debug_info(wazero_runtime_config_t *config, bool enabled)
{
    config->debug_info = enabled;
}

void wazero_runtime_config_set_custom_sections(wazero_runtime_config_t *config,
                                               bool enabled)
{
    config->custom_sections = enabled;
}

void wazero_runtime_config_set_memory_capacity_from_max(wazero_runtime_config_t *config,
                                                        bool enabled)
{
    config->memory_capacity_from_max = enabled;
}

wazero_error_t *
wazero_runtime_config_set_compilation_workers(wazero_runtime_config_t *config,
                                              uint32_t workers)
{
    if (workers > WORKERS_MAX)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "%" PRIu32 " compilation workers are over %u", workers,
                             WORKERS_MAX);
    config->workers = workers;
    return NULL;
}

void wazero_runtime_config_set_cache(wazero_runtime_config_t *config,
                                     wazero_cache_t *cache)
{
    if (cache)
        wazero__cache_retain(cache);
    wazero_cache_delete(config->cache);
    config->cache = cache;
}

/* ---- module configuration ---- */

const struct wazero_module_config wazero__default_module_config = {
    .timeout = WAZERO_NO_TIMEOUT,
    .max_stack = WAZERO__STACK_DEFAULT,
    .memory_pages = PAGES_MAX,
    .output_limit = WAZERO_NO_LIMIT,
    .max_files = UINT32_MAX,
};

wazero_error_t *wazero_module_config_new(wazero_module_config_t **config)
{
    wazero_module_config_t *made = malloc(sizeof *made);
    if (!made)
        return wazero__error_memory();
    *made = wazero__default_module_config;
    *config = made;
    return NULL;
}

static void clear_texts(wazero__text_t *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        wazero__text_clear(&texts[i]);
    free(texts);
}

void wazero_module_config_delete(wazero_module_config_t *config)
{
    if (!config)
        return;
    wazero__text_clear(&config->name);
    clear_texts(config->args, config->arg_count);
    clear_texts(config->start_functions, config->start_function_count);
    for (size_t i = 0; i < config->environment_count; i++) {
        wazero__text_clear(&config->environment[i].key);
        wazero__text_clear(&config->environment[i].value);
    }
    free(config->environment);
    for (size_t i = 0; i < config->mount_count; i++) {
        wazero__text_clear(&config->mounts[i].host);
        wazero_fs_delete(config->mounts[i].fs);
        wazero__text_clear(&config->mounts[i].guest);
    }
    free(config->mounts);
    for (size_t i = 0; i < config->listener_count; i++)
        wazero__text_clear(&config->listeners[i].host);
    free(config->listeners);
    for (int i = 0; i < 3; i++)
        wazero__stream_release(config->streams[i]);
    wazero__time_clear(&config->time);
    wazero__random_clear(&config->random);
    wazero__shared_release(config->close_user);
    wazero__tracer_clear(&config->tracer);
    free(config);
}

wazero_error_t *wazero_module_config_set_name(wazero_module_config_t *config,
                                              const char *name, size_t size)
{
    wazero__text_t copy;
    wazero_error_t *error = wazero__text_copy(&copy, name, size, "the module's name");
    if (error)
        return error;
    wazero__text_clear(&config->name);
    config->name = copy;
    return NULL;
}

/* Bytes that the host gives as they are: arguments, variables and paths need not be
 * UTF-8, for file names are not. */
static wazero_error_t *copy_bytes(wazero__text_t *text, const char *bytes, size_t size)
{
    text->data = malloc(size + 1);
    if (!text->data)
        return wazero__error_memory();
    memcpy(text->data, bytes, size);
    text->data[size] = '\0';
    text->size = size;
    return NULL;
}

static wazero_error_t *copy_string(wazero__text_t *text, const char *string)
{
    return copy_bytes(text, string, strlen(string));
}

/* Copies a list of strings; what names it in errors. */
static wazero_error_t *copy_strings(wazero__text_t **texts, size_t *text_count,
                                    const char *const *strings, size_t count,
                                    const char *what)
{
    wazero_error_t *error = NULL;
    wazero__text_t *copies = calloc(count ? count : 1, sizeof *copies);
    if (!copies)
        return wazero__error_memory();
    for (size_t i = 0; i < count && !error; i++)
        error = strings[i]
                    ? copy_string(&copies[i], strings[i])
                    : wazero__error(WAZERO_ERROR_INVALID, "%s %zu is NULL", what, i);
    if (error) {
        clear_texts(copies, count);
        return error;
    }
    clear_texts(*texts, *text_count);
    *texts = copies;
    *text_count = count;
    return NULL;
}

wazero_error_t *wazero_module_config_set_args(wazero_module_config_t *config,
                                              const char *const *args, size_t count)
{
    return copy_strings(&config->args, &config->arg_count, args, count, "argument");
}

wazero_error_t *wazero_module_config_set_start_functions(wazero_module_config_t *config,
                                                         const char *const *names,
                                                         size_t count)
{
    wazero_error_t *error =
        copy_strings(&config->start_functions, &config->start_function_count, names,
                     count, "start function");
    if (!error)
        config->start_functions_set = true;
    return error;
}

/* Makes room for one more element of size bytes in an array of count. */
static wazero_error_t *grow(void **array, size_t count, size_t size)
{
    void *more = realloc(*array, (count + 1) * size);
    if (!more)
        return wazero__error_memory();
    *array = more;
    return NULL;
}

wazero_error_t *wazero_module_config_set_env(wazero_module_config_t *config,
                                             const char *key, const char *value)
{
    wazero__variable_t made = {{NULL, 0}, {NULL, 0}};
    if (!key || !*key || strchr(key, '=') || !value)
        return wazero__error(
            WAZERO_ERROR_INVALID,
            "an environment variable needs a value, and a name that is "
            "not empty and has no '=' (got %s)",
            key ? key : "NULL");
    wazero_error_t *error = copy_string(&made.key, key);
    if (!error)
        error = copy_string(&made.value, value);
    if (error)
        goto error;
    for (size_t i = 0; i < config->environment_count; i++) {
        wazero__variable_t *old = &config->environment[i];
        if (strcmp(old->key.data, key) == 0) {
            wazero__text_clear(&old->key);
            wazero__text_clear(&old->value);
            *old = made;
            return NULL;
        }
    }
    error = grow((void **)&config->environment, config->environment_count, sizeof made);
    if (error)
        goto error;
    config->environment[config->environment_count++] = made;
    return NULL;
error:
    wazero__text_clear(&made.key);
    wazero__text_clear(&made.value);
    return error;
}

wazero_error_t *wazero_module_config_inherit_env(wazero_module_config_t *config)
{
    wazero_error_t *error = NULL;
    for (char **variable = environ; variable && *variable && !error; variable++) {
        const char *equals = strchr(*variable, '=');
        wazero__text_t key = {NULL, 0};
        if (!equals || equals == *variable)
            continue; /* nothing that has a name */
        error = copy_bytes(&key, *variable, (size_t)(equals - *variable));
        if (!error)
            error = wazero_module_config_set_env(config, key.data, equals + 1);
        wazero__text_clear(&key);
    }
    return error;
}

/* Takes what the mount has, also when it fails. */
static wazero_error_t *add_mount(wazero_module_config_t *config, wazero__mount_t *mount,
                                 const char *guest_path)
{
    wazero_error_t *error = copy_string(&mount->guest, guest_path);
    if (!error)
        error = grow((void **)&config->mounts, config->mount_count, sizeof *mount);
    if (error) {
        wazero__text_clear(&mount->host);
        wazero__text_clear(&mount->guest);
        wazero_fs_delete(mount->fs);
        return error;
    }
    config->mounts[config->mount_count++] = *mount;
    return NULL;
}

wazero_error_t *wazero_module_config_add_mount(wazero_module_config_t *config,
                                               const char *host_directory,
                                               const char *guest_path, bool read_only)
{
    wazero__mount_t made = {.read_only = read_only};
    if (!host_directory || !*host_directory || !guest_path || !*guest_path)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "a mount needs a host directory and a guest path");
    wazero_error_t *error = copy_string(&made.host, host_directory);
    return error ? error : add_mount(config, &made, guest_path);
}

wazero_error_t *wazero_module_config_add_fs(wazero_module_config_t *config,
                                            wazero_fs_t *fs, const char *guest_path,
                                            bool read_only)
{
    if (!fs || !guest_path || !*guest_path)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "a mount needs a file system and a guest path");
    wazero__mount_t made = {.read_only = read_only, .fs = wazero__fs_retain(fs)};
    return add_mount(config, &made, guest_path);
}

wazero_error_t *wazero_module_config_add_tcp_listener(wazero_module_config_t *config,
                                                      const char *host, uint16_t port)
{
    wazero__listener_t made = {.port = port};
    if (!host)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "the host of a listener must not be NULL");
    size_t size = strlen(host);
    bool brackets = size >= 2 && host[0] == '[' && host[size - 1] == ']';
    wazero_error_t *error =
        copy_bytes(&made.host, host + brackets, size - 2 * (size_t)brackets);
    if (!error)
        error = grow((void **)&config->listeners, config->listener_count, sizeof made);
    if (error) {
        wazero__text_clear(&made.host);
        return error;
    }
    config->listeners[config->listener_count++] = made;
    return NULL;
}

wazero_error_t *wazero_module_config_set_wasi(wazero_module_config_t *config,
                                              wazero_wasi_kind_t kind)
{
    if ((unsigned)kind > WAZERO_WASI_ENGINE)
        return wazero__error(WAZERO_ERROR_INVALID, "%u is no WASI", (unsigned)kind);
    config->wasi_kind = kind;
    return NULL;
}

/* ---- streams ---- */

static wazero_error_t *check_stream(wazero_stream_t stream)
{
    if ((unsigned)stream > WAZERO_STDERR)
        return wazero__error(WAZERO_ERROR_INVALID, "%u is no standard stream",
                             (unsigned)stream);
    return NULL;
}

/* Puts a stream into its place; made is NULL if there was no memory for it. */
static wazero_error_t *set_stream(wazero_module_config_t *config,
                                  wazero_stream_t stream, wazero__stream_t *made)
{
    if (!made)
        return wazero__error_memory();
    wazero__stream_release(config->streams[stream]);
    config->streams[stream] = made;
    return NULL;
}

wazero_error_t *wazero_module_config_inherit_stream(wazero_module_config_t *config,
                                                    wazero_stream_t stream)
{
    wazero_error_t *error = check_stream(stream);
    return error ? error
                 : set_stream(config, stream, wazero__stream_new_inherited(stream));
}

wazero_error_t *wazero_module_config_set_stream_fd(wazero_module_config_t *config,
                                                   wazero_stream_t stream, int fd)
{
    wazero_error_t *error = check_stream(stream);
    if (!error && fd < 0)
        error = wazero__error(WAZERO_ERROR_INVALID, "%d is no file descriptor", fd);
    return error ? error : set_stream(config, stream, wazero__stream_new_fd(fd));
}

wazero_error_t *wazero_module_config_set_stdin_bytes(wazero_module_config_t *config,
                                                     const void *bytes, size_t size)
{
    return set_stream(config, WAZERO_STDIN, wazero__stream_new_bytes(bytes, size));
}

/* Refuses what comes without a function, and deletes its user. */
static wazero_error_t *check_function(bool given, const char *what, void *user,
                                      void (*delete_user)(void *user))
{
    if (given)
        return NULL;
    if (delete_user)
        delete_user(user);
    return wazero__error(WAZERO_ERROR_INVALID, "the %s's function must not be NULL",
                         what);
}

wazero_error_t *wazero_module_config_set_stdin_function(wazero_module_config_t *config,
                                                        wazero_read_function_t function,
                                                        void *user,
                                                        void (*delete_user)(void *user))
{
    wazero_error_t *error =
        check_function(function != NULL, "stream", user, delete_user);
    if (error)
        return error;
    return set_stream(config, WAZERO_STDIN,
                      wazero__stream_new_reader(function, user, delete_user));
}

wazero_error_t *wazero_module_config_set_output_function(
    wazero_module_config_t *config, wazero_stream_t stream,
    wazero_write_function_t function, void *user, void (*delete_user)(void *user))
{
    wazero_error_t *error = check_stream(stream);
    if (!error && stream == WAZERO_STDIN)
        error = wazero__error(WAZERO_ERROR_INVALID, "standard input is not an output");
    if (error && delete_user)
        delete_user(user);
    if (!error)
        error = check_function(function != NULL, "stream", user, delete_user);
    if (error)
        return error;
    return set_stream(config, stream,
                      wazero__stream_new_writer(function, user, delete_user));
}

/* ---- time ---- */

void wazero_module_config_set_system_walltime(wazero_module_config_t *config)
{
    wazero__clock_set(&config->time.walltime, WAZERO__TIME_SYSTEM, NULL, 0, NULL);
}

void wazero_module_config_set_system_nanotime(wazero_module_config_t *config)
{
    wazero__clock_set(&config->time.nanotime, WAZERO__TIME_SYSTEM, NULL, 0, NULL);
}

void wazero_module_config_set_system_nanosleep(wazero_module_config_t *config)
{
    wazero__time_set_sleep(&config->time, WAZERO__TIME_SYSTEM, NULL, NULL);
}

void wazero_module_config_set_system_osyield(wazero_module_config_t *config)
{
    wazero__time_set_yield(&config->time, WAZERO__TIME_SYSTEM, NULL, NULL);
}

/* Shares a user that came with a function, both checked. Deletes it if that fails. */
static wazero_error_t *share(bool given, const char *what, void *user,
                             void (*delete_user)(void *user), wazero__shared_t **shared)
{
    wazero_error_t *error = check_function(given, what, user, delete_user);
    if (error)
        return error;
    *shared = wazero__shared_new(user, delete_user);
    return *shared ? NULL : wazero__error_memory();
}

static wazero_error_t *set_clock(wazero__clock_t *clock, const char *what,
                                 wazero_clock_function_t function, uint32_t resolution,
                                 void *user, void (*delete_user)(void *user))
{
    wazero__shared_t *shared;
    if (resolution < 1 || resolution > WAZERO__RESOLUTION_MAX) {
        if (delete_user)
            delete_user(user);
        return wazero__error(WAZERO_ERROR_INVALID,
                             "the resolution of %s must be from 1 to %" PRIu32
                             " nanoseconds, not %" PRIu32,
                             what, WAZERO__RESOLUTION_MAX, resolution);
    }
    wazero_error_t *error = share(function != NULL, what, user, delete_user, &shared);
    if (!error)
        wazero__clock_set(clock, WAZERO__TIME_CALL, function, resolution, shared);
    return error;
}

wazero_error_t *wazero_module_config_set_walltime(wazero_module_config_t *config,
                                                  wazero_clock_function_t function,
                                                  uint32_t resolution, void *user,
                                                  void (*delete_user)(void *user))
{
    return set_clock(&config->time.walltime, "walltime", function, resolution, user,
                     delete_user);
}

wazero_error_t *wazero_module_config_set_nanotime(wazero_module_config_t *config,
                                                  wazero_clock_function_t function,
                                                  uint32_t resolution, void *user,
                                                  void (*delete_user)(void *user))
{
    return set_clock(&config->time.nanotime, "nanotime", function, resolution, user,
                     delete_user);
}

wazero_error_t *wazero_module_config_set_nanosleep(wazero_module_config_t *config,
                                                   wazero_sleep_function_t function,
                                                   void *user,
                                                   void (*delete_user)(void *user))
{
    wazero__shared_t *shared;
    wazero_error_t *error =
        share(function != NULL, "nanosleep", user, delete_user, &shared);
    if (!error)
        wazero__time_set_sleep(&config->time, WAZERO__TIME_CALL, function, shared);
    return error;
}

wazero_error_t *wazero_module_config_set_osyield(wazero_module_config_t *config,
                                                 wazero_yield_function_t function,
                                                 void *user,
                                                 void (*delete_user)(void *user))
{
    wazero__shared_t *shared;
    wazero_error_t *error =
        share(function != NULL, "osyield", user, delete_user, &shared);
    if (!error)
        wazero__time_set_yield(&config->time, WAZERO__TIME_CALL, function, shared);
    return error;
}

/* ---- random numbers ---- */

void wazero_module_config_set_system_random(wazero_module_config_t *config)
{
    wazero__random_clear(&config->random);
    config->random.kind = WAZERO__RANDOM_SYSTEM;
}

wazero_error_t *wazero_module_config_set_random_seed(wazero_module_config_t *config,
                                                     const void *seed, size_t size)
{
    if (size > WAZERO__SEED_MAX)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "a seed has at most %d bytes, not %zu", WAZERO__SEED_MAX,
                             size);
    wazero__random_clear(&config->random);
    config->random.seed_size = size;
    if (size)
        memcpy(config->random.seed, seed, size);
    return NULL;
}

wazero_error_t *wazero_module_config_set_random(wazero_module_config_t *config,
                                                wazero_random_function_t function,
                                                void *user,
                                                void (*delete_user)(void *user))
{
    wazero__shared_t *shared;
    wazero_error_t *error =
        share(function != NULL, "random", user, delete_user, &shared);
    if (error)
        return error;
    wazero__random_clear(&config->random);
    config->random.kind = WAZERO__RANDOM_CALL;
    config->random.call = function;
    config->random.user = shared;
    return NULL;
}

/* ---- all of it ---- */

wazero_error_t *wazero_module_config_inherit(wazero_module_config_t *config)
{
    wazero_error_t *error = NULL;
    for (int i = 0; i < 3 && !error; i++)
        error = wazero_module_config_inherit_stream(config, (wazero_stream_t)i);
    wazero_module_config_set_system_walltime(config);
    wazero_module_config_set_system_nanotime(config);
    wazero_module_config_set_system_nanosleep(config);
    wazero_module_config_set_system_random(config);
    return error;
}

/* ---- calls, user ---- */

void wazero_module_config_set_timeout(wazero_module_config_t *config,
                                      uint64_t nanoseconds)
{
    config->timeout = nanoseconds;
}

wazero_error_t *wazero_module_config_set_max_stack(wazero_module_config_t *config,
                                                   size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (size < WAZERO__STACK_MIN || size > WAZERO__STACK_MAX)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "max_stack must be from %zu to %zu bytes, not %zu",
                             WAZERO__STACK_MIN, WAZERO__STACK_MAX, size);
    config->max_stack = (size + page - 1) / page * page;
    return NULL;
}

wazero_error_t *
wazero_module_config_set_memory_limit_pages(wazero_module_config_t *config,
                                            uint32_t pages)
{
    return set_memory_pages(&config->memory_pages, pages);
}

wazero_error_t *
wazero_module_config_set_close_notifier(wazero_module_config_t *config,
                                        wazero_close_notifier_t function, void *user,
                                        void (*delete_user)(void *user))
{
    wazero__shared_t *shared = wazero__shared_new(user, delete_user);
    if (!shared)
        return wazero__error_memory();
    wazero__shared_release(config->close_user);
    config->close_user = shared;
    config->close_notifier = function;
    return NULL;
}

static void set_tracer(wazero_module_config_t *config, const wazero__tracer_t *tracer)
{
    wazero__tracer_clear(&config->tracer);
    config->tracer = *tracer;
}

wazero_error_t *wazero_module_config_set_trace(wazero_module_config_t *config,
                                               wazero_trace_function_t function,
                                               void *user,
                                               void (*delete_user)(void *user))
{
    wazero__tracer_t tracer = {.call = function};
    wazero_error_t *error =
        share(function != NULL, "trace", user, delete_user, &tracer.user);
    if (!error)
        set_tracer(config, &tracer);
    return error;
}

void wazero_module_config_record_trace(wazero_module_config_t *config,
                                       wazero_trace_t *trace)
{
    wazero__tracer_t tracer;
    wazero__tracer_copy(&tracer, &(wazero__tracer_t){.trace = trace});
    set_tracer(config, &tracer);
}

void wazero_module_config_set_output_limit(wazero_module_config_t *config,
                                           uint64_t bytes)
{
    config->output_limit = bytes;
}

void wazero_module_config_set_deterministic(wazero_module_config_t *config)
{
    wazero__time_clear(&config->time);
    wazero__random_clear(&config->random);
    config->deterministic = true;
}

void wazero_module_config_set_max_files(wazero_module_config_t *config, uint32_t count)
{
    config->max_files = count;
}

void wazero_module_config_set_user(wazero_module_config_t *config, void *user)
{
    config->user = user;
}
