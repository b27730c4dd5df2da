/*
 * run.c - a WASI program from bytes to exit code in one call.
 *
 * Options are built by one thread and then read by any number of runs. A run lives on
 * the stack of its thread, which adds it to the options' list, so that another thread
 * can end it; the list and what it says of a run are under the options' mutex.
 */
#include <pthread.h>
#include <stdlib.h>

#include "call/watchdog.h"
#include "config.h"
#include "error.h"
#include "stream.h"

enum { STREAMS = 3 };

/* What a run captured of a stream. The thread that runs the guest writes it. */
typedef struct {
    wazero__text_t text; /* a NUL behind it, once there is room at all */
    size_t room;
} capture_t;

typedef struct run {
    wazero_module_t *module; /* borrowed, or NULL: not made yet */
    bool interrupted;
    wazero_usage_t usage; /* of its own thread, when it is over */
    struct run *next;
} run_t;

struct wazero_run_options {
    wazero_runtime_config_t *runtime;
    wazero_module_config_t *module;
    const wazero_imports_t *imports; /* borrowed, or NULL */
    bool capture[STREAMS];
    pthread_mutex_t mutex;
    run_t *running;
};

struct wazero_run_result {
    uint32_t exit_code;
    wazero__text_t output[STREAMS];
    wazero_usage_t usage;
};

/* ---- options ---- */

wazero_error_t *wazero_run_options_new(wazero_run_options_t **options)
{
    wazero_run_options_t *made = calloc(1, sizeof *made);
    if (!made)
        return wazero__error_memory();
    pthread_mutex_init(&made->mutex, NULL);
    wazero_error_t *error = wazero_runtime_config_new(&made->runtime);
    if (!error)
        error = wazero_module_config_new(&made->module);
    if (!error)
        error = wazero_module_config_inherit_stream(made->module, WAZERO_STDOUT);
    if (!error)
        error = wazero_module_config_inherit_stream(made->module, WAZERO_STDERR);
    if (error) {
        wazero_run_options_delete(made);
        return error;
    }
    wazero_module_config_set_system_walltime(made->module);
    wazero_module_config_set_system_nanotime(made->module);
    wazero_module_config_set_system_nanosleep(made->module);
    wazero_module_config_set_system_osyield(made->module);
    wazero_module_config_set_system_random(made->module);
    *options = made;
    return NULL;
}

void wazero_run_options_delete(wazero_run_options_t *options)
{
    if (!options)
        return;
    wazero_runtime_config_delete(options->runtime);
    wazero_module_config_delete(options->module);
    pthread_mutex_destroy(&options->mutex);
    free(options);
}

wazero_runtime_config_t *wazero_run_options_runtime(wazero_run_options_t *options)
{
    return options->runtime;
}

wazero_module_config_t *wazero_run_options_module(wazero_run_options_t *options)
{
    return options->module;
}

void wazero_run_options_set_imports(wazero_run_options_t *options,
                                    const wazero_imports_t *imports)
{
    options->imports = imports;
}

void wazero_run_options_capture(wazero_run_options_t *options, wazero_stream_t stream,
                                bool capture)
{
    if (stream == WAZERO_STDOUT || stream == WAZERO_STDERR)
        options->capture[stream] = capture;
}

/* ---- capturing ---- */

static wazero_error_t *append(void *user, const void *buffer, size_t size)
{
    capture_t *capture = user;
    size_t used = capture->text.size;
    if (size >= capture->room - used) {
        size_t room = capture->room ? capture->room : 256;
        while (room <= used + size)
            room *= 2;
        char *larger = realloc(capture->text.data, room);
        if (!larger)
            return wazero__error_memory();
        capture->text.data = larger;
        capture->room = room;
    }
    memcpy(capture->text.data + used, buffer, size);
    capture->text.size = used + size;
    capture->text.data[capture->text.size] = '\0';
    return NULL;
}

/* Leads the streams of config that are captured to their captures. */
static wazero_error_t *lead_streams(const wazero_run_options_t *options,
                                    capture_t *captures, wazero_module_config_t *config)
{
    for (int i = 0; i < STREAMS; i++) {
        if (!options->capture[i])
            continue;
        wazero_error_t *error = append(&captures[i], "", 0);
        if (error)
            return error;
        config->streams[i] = wazero__stream_new_writer(append, &captures[i], NULL);
        if (!config->streams[i])
            return wazero__error_memory();
    }
    return NULL;
}

/* ---- running ---- */

/* Puts a run on the list, or takes it off. */
static void enlist(wazero_run_options_t *options, run_t *run)
{
    pthread_mutex_lock(&options->mutex);
    run->next = options->running;
    options->running = run;
    pthread_mutex_unlock(&options->mutex);
}

static void delist(wazero_run_options_t *options, run_t *run)
{
    pthread_mutex_lock(&options->mutex);
    run_t **place = &options->running;
    while (*place != run)
        place = &(*place)->next;
    *place = run->next;
    pthread_mutex_unlock(&options->mutex);
}

void wazero_run_interrupt(wazero_run_options_t *options)
{
    pthread_mutex_lock(&options->mutex);
    for (run_t *run = options->running; run; run = run->next) {
        run->interrupted = true;
        /* Closed it stays closed, also if it is about to be started only. That it is
         * from before a fork does not matter: so is whoever runs it. */
        if (run->module)
            wazero_error_delete(wazero_module_close_with_exit_code(run->module, 0));
    }
    pthread_mutex_unlock(&options->mutex);
}

/* Lets others end the module from now on, or says that it has ended already. */
static bool expose(wazero_run_options_t *options, run_t *run, wazero_module_t *module)
{
    pthread_mutex_lock(&options->mutex);
    run->module = module;
    bool interrupted = run->interrupted;
    pthread_mutex_unlock(&options->mutex);
    return !interrupted;
}

static wazero_error_t *check_program(const wazero_compiled_module_t *compiled)
{
    const wazero_extern_t *export;
    for (size_t i = 0; (export = wazero_compiled_module_export(compiled, i)); i++)
        if (export->kind == WAZERO_EXTERN_FUNCTION &&
            wazero__text_is(export->name, export->name_size, "_start", 6))
            return NULL;
    return wazero__error(WAZERO_ERROR_INVALID,
                         "the module exports no function \"_start\", so it is no "
                         "program: use wazero_runtime_instantiate");
}

/* Starts the module, and waits for its end. */
static wazero_error_t *start(wazero_run_options_t *options, run_t *run,
                             wazero_module_t *module)
{
    wazero_error_t *error = NULL;
    bool started = expose(options, run, module);
    if (started)
        error = wazero_module_start(module);
    started = expose(options, run, NULL) && started;
    if (!started && (!error || wazero_error_kind(error) == WAZERO_ERROR_CLOSED)) {
        wazero_error_delete(error);
        error = wazero__error(WAZERO_ERROR_INTERRUPTED, "the run was interrupted");
        wazero__error_set_usage(error, module);
    }
    wazero_module_usage(module, &run->usage);
    return error;
}

static wazero_error_t *run_program(wazero_run_options_t *options, run_t *run,
                                   wazero_module_config_t *config, const void *wasm,
                                   size_t size)
{
    wazero_runtime_t *runtime = NULL;
    wazero_compiled_module_t *compiled = NULL;
    wazero_module_t *module = NULL;
    wazero_error_t *error = wazero_runtime_new(options->runtime, &runtime);
    if (!error)
        error = wazero_runtime_compile(runtime, wasm, size, &compiled);
    if (!error)
        error = check_program(compiled);
    if (!error)
        error = wazero_module_new(compiled, options->imports, config, &module);
    if (!error)
        error = start(options, run, module);
    wazero_module_delete(module);
    wazero_compiled_module_delete(compiled);
    wazero_runtime_delete(runtime);
    return error;
}

/* The result of a run that ended with error, or with none. *result stays NULL if it is
 * an error. Takes error and what was captured. */
static wazero_error_t *conclude(wazero_error_t *error, const run_t *run,
                                capture_t *captures, wazero_run_result_t **result)
{
    bool exited = !error || wazero_error_kind(error) == WAZERO_ERROR_EXIT;
    wazero_run_result_t *made = exited ? calloc(1, sizeof *made) : NULL;
    if (exited) {
        uint32_t exit_code = error ? wazero_error_exit_code(error) : 0;
        wazero_error_delete(error);
        error = made ? NULL : wazero__error_memory();
        if (made)
            *made = (wazero_run_result_t){.exit_code = exit_code, .usage = run->usage};
    }
    for (int i = 0; i < STREAMS; i++) {
        if (!made) {
            wazero__error_set_output(error, (wazero_stream_t)i, &captures[i].text);
            wazero__text_clear(&captures[i].text); /* if it was not taken */
        } else {
            made->output[i] = captures[i].text;
        }
    }
    *result = made;
    return error;
}

wazero_error_t *wazero_run(wazero_run_options_t *options, const void *wasm, size_t size,
                           wazero_run_result_t **result)
{
    capture_t captures[STREAMS] = {{{0}}};
    wazero_run_result_t *made = NULL;
    run_t run = {0};
    if (!options || !result || (!wasm && size))
        return wazero__error(WAZERO_ERROR_INVALID, "wazero_run: %s must not be NULL",
                             !options  ? "options"
                             : !result ? "result"
                                       : "wasm");
    /* The options serve other runs at the same time: what differs is in a copy, which
     * borrows all the rest. */
    wazero_module_config_t config = *options->module;
    config.began = wazero__now(); /* compiling counts */
    wazero_error_t *error = lead_streams(options, captures, &config);
    enlist(options, &run);
    if (!error)
        error = run_program(options, &run, &config, wasm, size);
    delist(options, &run);
    for (int i = 0; i < STREAMS; i++)
        if (config.streams[i] != options->module->streams[i])
            wazero__stream_release(config.streams[i]);
    error = conclude(error, &run, captures, &made);
    if (made)
        *result = made;
    return error;
}

/* ---- results ---- */

uint32_t wazero_run_result_exit_code(const wazero_run_result_t *result)
{
    return result->exit_code;
}

const void *wazero_run_result_output(const wazero_run_result_t *result,
                                     wazero_stream_t stream, size_t *size)
{
    bool known = stream == WAZERO_STDOUT || stream == WAZERO_STDERR;
    *size = known ? result->output[stream].size : 0;
    return known ? result->output[stream].data : NULL;
}

const wazero_usage_t *wazero_run_result_usage(const wazero_run_result_t *result)
{
    return &result->usage;
}

void wazero_run_result_delete(wazero_run_result_t *result)
{
    if (!result)
        return;
    for (int i = 0; i < STREAMS; i++)
        wazero__text_clear(&result->output[i]);
    free(result);
}
