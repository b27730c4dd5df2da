/*
 * engine.c - finds and loads the engine library. See engine.h.
 *
 * It is looked for beside the file that holds this code, then in the libdir that the
 * build was configured with, then where the environment variable WAZERO_ENGINE says;
 * never by a bare name, which the dynamic linker would look up in LD_LIBRARY_PATH, and
 * never in the working directory. Loading happens once, under a mutex of its own;
 * afterwards the table is read without one.
 */
#include "engine.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "barrier.h"
#include "call/direct.h"
#include "callbacks.h"
#include "error.h"
#include "fork.h"

#ifndef WAZERO_LIBDIR
#define WAZERO_LIBDIR ""
#endif

static const char ENGINE_FILE[] = "libwazero_engine.so";

static pthread_mutex_t load_mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool loaded;
static wz_engine table;
static bool opened_before; /* in this process or in one it was forked from */

/* ---- finding ---- */

/* The folder of the shared object that holds this function, without the last slash. */
static bool own_directory(char *path, size_t size)
{
    Dl_info info;
    char resolved[PATH_MAX];
    if (!dladdr((const void *)&wazero_version, &info) || !info.dli_fname)
        return false;
    /* Of the program itself the dynamic linker knows what argv[0] says, which may be
     * a bare name; any other relative path was one of the working directory at the
     * time. */
    const char *file = info.dli_fname;
    if (*file != '/')
        file = strcmp(file, program_invocation_name) ? NULL : "/proc/self/exe";
    if (!file || !realpath(file, resolved))
        return false;
    char *slash = strrchr(resolved, '/');
    if (!slash || (size_t)(slash - resolved) >= size)
        return false;
    *slash = '\0';
    memcpy(path, resolved, (size_t)(slash - resolved) + 1);
    return true;
}

static bool is_readable(const char *path)
{
    return access(path, R_OK) == 0;
}

/* Writes the path of the engine library into path, of PATH_MAX bytes. */
static wazero_error_t *find_engine(char *path)
{
    char directory[PATH_MAX];
    const char *said = getenv("WAZERO_ENGINE");
    directory[0] = '\0';
    if (own_directory(directory, sizeof directory)) {
        int length = snprintf(path, PATH_MAX, "%s/%s", directory, ENGINE_FILE);
        if (length > 0 && length < PATH_MAX && is_readable(path))
            return NULL;
    }
    if (*WAZERO_LIBDIR) {
        int length = snprintf(path, PATH_MAX, "%s/%s", WAZERO_LIBDIR, ENGINE_FILE);
        if (length > 0 && length < PATH_MAX && is_readable(path))
            return NULL;
    }
    if (said && said[0] == '/' && strlen(said) < PATH_MAX && is_readable(said)) {
        memcpy(path, said, strlen(said) + 1);
        return NULL;
    }
    return wazero__error(
        WAZERO_ERROR_INTERNAL,
        "the engine library %s was not found: not in %s, not in %s, and WAZERO_ENGINE "
        "(%s) %s; reinstall the package, or set WAZERO_ENGINE to the file's absolute "
        "path",
        ENGINE_FILE, *directory ? directory : "the folder of libwazero",
        *WAZERO_LIBDIR ? WAZERO_LIBDIR : "a library folder (none was configured)",
        said ? said : "not set",
        !said            ? "names no other place"
        : said[0] != '/' ? "is not an absolute path"
                         : "cannot be read");
}

/* ---- loading ---- */

/* The addresses of the table's members, in the order of wz_engine. */
static wazero_error_t *fill_table(void *library, wz_engine *engine)
{
#define MEMBER(name)                                                                   \
    {                                                                                  \
        "wz_" #name, (void **)&engine->name                                            \
    }
    const struct {
        const char *name;
        void **address;
    } members[] = {
        MEMBER(abi_version),
        MEMBER(start),
        MEMBER(collect),
        MEMBER(engine_version),
        MEMBER(compiler_supported),
        MEMBER(code_version),
        MEMBER(digest),
        MEMBER(cache_new),
        MEMBER(cache_close),
        MEMBER(cache_find),
        MEMBER(entry_close),
        MEMBER(runtime_new),
        MEMBER(runtime_close),
        MEMBER(runtime_compile),
        MEMBER(compiled_close),
        MEMBER(host_module_new),
        MEMBER(wasi_new),
        MEMBER(module_new),
        MEMBER(module_close),
        MEMBER(module_release),
        MEMBER(module_load_places),
        MEMBER(function_new),
        MEMBER(function_call),
        MEMBER(function_step),
        MEMBER(function_call_with_snapshots),
        MEMBER(snapshot_new),
        MEMBER(snapshot_release),
        MEMBER(direct_layout),
        MEMBER(function_release),
        MEMBER(memory_grow),
        MEMBER(function_reference),
        MEMBER(reference_resolve),
        MEMBER(references_mark),
        MEMBER(signature_types),
        MEMBER(table_type),
        MEMBER(table_size),
        MEMBER(table_get),
        MEMBER(table_set),
        MEMBER(table_grow),
        MEMBER(global_type),
        MEMBER(global_get),
        MEMBER(global_set),
        MEMBER(frame_next),
        MEMBER(note_release),
    };
#undef MEMBER
    _Static_assert(sizeof members / sizeof *members == sizeof *engine / sizeof(void *),
                   "every member of wz_engine is looked up");
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        *members[i].address = dlsym(library, members[i].name);
        if (!*members[i].address)
            return wazero__error(
                WAZERO_ERROR_INTERNAL,
                "the engine library has no %s; it is of another version",
                members[i].name);
    }
    return NULL;
}

/* A copy of the file at path that the dynamic linker takes for another library: in a
 * forked child a second dlopen of the path itself would give the dead one back.
 * Returns a descriptor whose /proc path can be opened, or -1. */
static int copy_to_memory(const char *path)
{
    struct stat status;
    int from = open(path, O_RDONLY | O_CLOEXEC);
    int to = from < 0 ? -1 : memfd_create("wazero_engine", MFD_CLOEXEC);
    bool copied = to >= 0 && fstat(from, &status) == 0;
    for (off_t left = copied ? status.st_size : 0; copied && left > 0;) {
        ssize_t sent = sendfile(to, from, NULL, (size_t)left);
        if (sent <= 0 && errno != EINTR)
            copied = false;
        else if (sent > 0)
            left -= sent;
    }
    if (from >= 0)
        close(from);
    if (copied)
        return to;
    if (to >= 0)
        close(to);
    return -1;
}

/* Opens the library at path, or in a forked child a copy of it. */
static void *open_library(const char *path)
{
    char copy[64];
    if (!opened_before)
        return dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    int descriptor = copy_to_memory(path);
    if (descriptor < 0)
        return NULL;
    snprintf(copy, sizeof copy, "/proc/self/fd/%d", descriptor);
    void *library = dlopen(copy, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    close(descriptor);
    return library;
}

static void start(void)
{
    table.start(wazero__callbacks());
    wazero__direct_load(&table);
}

/* Loads and starts the engine library. Asynchronous signals are blocked meanwhile:
 * the threads that Go starts inherit the mask and so leave SIGALRM, SIGCHLD and
 * their like to the threads of the host. */
static wazero_error_t *load(void)
{
    char path[PATH_MAX];
    sigset_t all, before;
    wazero_error_t *error = find_engine(path);
    if (error)
        return error;
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    sigdelset(&all, SIGABRT);
    sigdelset(&all, SIGTRAP);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    wazero__barrier_prepare(); /* Go starts threads */
    void *library = open_library(path);
    opened_before = true; /* also if it failed half-way: a copy does no harm */
    if (!library) {
        const char *why = dlerror();
        error = wazero__error(WAZERO_ERROR_INTERNAL, "the engine library %s: %s", path,
                              why ? why : "dlopen failed");
    } else {
        error = fill_table(library, &table);
        if (!error && table.abi_version() != WZ_ABI_VERSION)
            error = wazero__error(WAZERO_ERROR_INTERNAL,
                                  "the engine library %s is of another version", path);
        if (!error)
            start();
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

wazero_error_t *wazero__engine_load(const wz_engine **engine)
{
    wazero_error_t *error = NULL;
    if (!atomic_load_explicit(&loaded, memory_order_acquire)) {
        error = wazero__fork_watch();
        if (error)
            return error;
        pthread_mutex_lock(&load_mutex);
        if (!atomic_load_explicit(&loaded, memory_order_relaxed)) {
            error = load();
            if (!error)
                atomic_store_explicit(&loaded, true, memory_order_release);
        }
        pthread_mutex_unlock(&load_mutex);
    }
    if (!error)
        *engine = &table;
    return error;
}

const wz_engine *wazero__engine(void)
{
    return &table;
}

wazero_error_t *wazero__engine_error(wz_error *error)
{
    wazero_error_t *result =
        wazero__error_from_engine(error->kind, error->message ? error->message : "",
                                  error->message_size, error->exit_code);
    free(error->message);
    error->message = NULL;
    return result;
}

void wazero__engine_forget(void)
{
    pthread_mutex_init(&load_mutex, NULL);
    atomic_store_explicit(&loaded, false, memory_order_release);
}

/* ---- versions ---- */

const char *wazero_version(void)
{
    return WAZERO_VERSION;
}

wazero_error_t *wazero_engine_version(const char **version)
{
    static _Atomic(char *) known;
    const wz_engine *engine;
    char *text = atomic_load(&known);
    if (!text) {
        wazero_error_t *error = wazero__engine_load(&engine);
        if (error)
            return error;
        char *expected = NULL;
        text = engine->engine_version();
        if (!text)
            return wazero__error_memory();
        if (!atomic_compare_exchange_strong(&known, &expected, text)) {
            free(text);
            text = expected;
        }
    }
    *version = text;
    return NULL;
}

wazero_error_t *wazero_compiler_supported(bool *supported)
{
    const wz_engine *engine;
    wazero_error_t *error = wazero__engine_load(&engine);
    if (!error)
        *supported = engine->compiler_supported();
    return error;
}
