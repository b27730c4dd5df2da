/*
 * cache.c - compilation caches, kept by the engine. See cache.h.
 *
 * But for its limit a cache is immutable; runtimes share it by reference and it closes
 * with the last one.
 * What is in its files is executed: so nobody but this user (and root) may be able to
 * write there, or a folder is refused. The engine looks at each file likewise.
 */
#include "cache.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine.h"
#include "error.h"
#include "evict.h"
#include "fork.h"
#include "parse.h"
#include "text.h"

static const uint64_t DEFAULT_LIMIT = (uint64_t)1 << 30;

struct wazero_cache {
    atomic_uint references;
    unsigned generation;
    wz_handle handle;
    char *directory; /* NULL for a cache in memory */
    char *folder;    /* inside it, for this version's code; "" if it cannot be made */
    _Atomic uint64_t limit;
};

/* ---- folders ---- */

static wazero_error_t *unusable(const char *path, const char *why)
{
    return wazero__error(WAZERO_ERROR_INVALID, "cache directory: %s %s", path, why);
}

/* In wazero's words, which are Go's. */
static wazero_error_t *not_made(const char *directory, const char *path, int number)
{
    const char *why = strerror(number);
    return wazero__error(WAZERO_ERROR_INVALID,
                         "cache directory: create directory %s: mkdir %s: %c%s",
                         directory, path, tolower((unsigned char)*why), why + 1);
}

/* Makes the folder, those above it too, unless something is there. The path is whole
 * again afterwards. */
static wazero_error_t *make_folder(const char *directory, char *path)
{
    struct stat status;
    if (stat(path, &status) == 0)
        return NULL;
    for (char *at = path + 1;; at++) {
        at += strcspn(at, "/");
        char end = *at;
        *at = '\0';
        int failed = mkdir(path, 0700) && errno != EEXIST ? errno : 0;
        if (failed && stat(path, &status) == 0)
            failed = S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
        wazero_error_t *error = failed ? not_made(directory, path, failed) : NULL;
        *at = end;
        if (error || !end)
            return error;
    }
}

/* Whether what is in the folder may be executed. A sticky folder like /tmp keeps others
 * from replacing what is in it, so another folder may be made there. */
static wazero_error_t *check_folder(const char *path, bool sticky_will_do)
{
    struct stat status;
    char why[160];
    if (stat(path, &status))
        return unusable(path, strerror(errno));
    if (!S_ISDIR(status.st_mode))
        return unusable(path, "is not dir");
    if (status.st_uid != geteuid() && status.st_uid != 0) {
        snprintf(why, sizeof why,
                 "belongs to another user (%ld), who could put code there",
                 (long)status.st_uid);
        return unusable(path, why);
    }
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) &&
        !(sticky_will_do && (status.st_mode & S_ISVTX))) {
        snprintf(why, sizeof why,
                 "others may write to it (mode %03o) and could put code there; run "
                 "chmod go-w on it, or choose another",
                 (unsigned)status.st_mode & 0777);
        return unusable(path, why);
    }
    return NULL;
}

/* Writes the path, and the working directory before it if it is relative: that may
 * change. */
static wazero_error_t *make_absolute(const char *directory, char *path)
{
    size_t size = 0;
    if (*directory != '/') {
        if (!getcwd(path, PATH_MAX - 1))
            return unusable(directory, strerror(errno));
        size = strlen(path);
        path[size++] = '/';
    }
    if (size + strlen(directory) >= PATH_MAX)
        return unusable("", strerror(ENAMETOOLONG));
    memcpy(path + size, directory, strlen(directory) + 1);
    return NULL;
}

/* Makes and checks the directory, and the folder in it for this version of the code.
 * Both paths are of PATH_MAX bytes. */
static wazero_error_t *prepare(const wz_engine *engine, const char *directory,
                               char *absolute, char *folder)
{
    wazero_error_t *error = make_absolute(directory, absolute);
    if (!error)
        error = make_folder(directory, absolute);
    if (!error)
        error = check_folder(absolute, true);
    if (error)
        return error;
    char *version = engine->code_version();
    if (!version)
        return wazero__error(WAZERO_ERROR_INTERNAL,
                             "the engine cannot keep code in files");
    int length = snprintf(folder, PATH_MAX, "%s/wazero-%s", absolute, version);
    free(version);
    if (length >= PATH_MAX)
        return unusable(directory, strerror(ENAMETOOLONG));
    if (mkdir(folder, 0700) && errno != EEXIST) {
        /* One that can only be read has what it has. */
        if (errno != EROFS && errno != EACCES)
            return not_made(directory, folder, errno);
        *folder = '\0';
        return NULL;
    }
    return check_folder(folder, false);
}

/* ---- caches ---- */

static void destroy(wazero_cache_t *cache)
{
    free(cache->directory);
    free(cache->folder);
    free(cache);
}

/* With a directory for the files, or NULL. */
static wazero_error_t *make(const char *directory, wazero_cache_t **cache)
{
    const wz_engine *engine;
    wz_error failure = {0};
    char absolute[PATH_MAX] = "", folder[PATH_MAX] = "";
    wazero_error_t *error = wazero__engine_load(&engine);
    if (!error && directory)
        error = prepare(engine, directory, absolute, folder);
    if (error)
        return error;
    wazero_cache_t *made = calloc(1, sizeof *made);
    if (!made)
        return wazero__error_memory();
    if (directory) {
        made->directory = strdup(absolute);
        made->folder = strdup(folder);
    }
    if (directory && (!made->directory || !made->folder)) {
        destroy(made);
        return wazero__error_memory();
    }
    atomic_init(&made->references, 1);
    atomic_init(&made->limit, WAZERO_NO_LIMIT);
    made->generation = wazero__fork_generation();
    if (!engine->cache_new(wazero__engine_string(folder, strlen(folder)), &made->handle,
                           &failure)) {
        destroy(made);
        return wazero__engine_error(&failure);
    }
    *cache = made;
    return NULL;
}

wazero_error_t *wazero_cache_new(const char *directory, wazero_cache_t **cache)
{
    if (directory && !*directory)
        return wazero__error(WAZERO_ERROR_INVALID, "the cache's directory has no name");
    return make(directory, cache);
}

wazero_error_t *wazero_cache_new_default(wazero_cache_t **cache)
{
    /* By the XDG base directory specification a relative path is to be ignored. */
    const char *said = getenv("WAZERO_CACHE_DIR"), *base = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME"), *below = "";
    char path[PATH_MAX];
    if (said && *said) {
        base = said;
    } else if (base && *base == '/') {
        below = "/wazero";
    } else if (home && *home == '/') {
        base = home;
        below = "/.cache/wazero";
    } else {
        return wazero__error(
            WAZERO_ERROR_INVALID,
            "there is no folder for a cache: none of WAZERO_CACHE_DIR, "
            "XDG_CACHE_HOME and HOME is set to one");
    }
    if (snprintf(path, sizeof path, "%s%s", base, below) >= PATH_MAX)
        return unusable(base, strerror(ENAMETOOLONG));
    wazero_error_t *error = make(path, cache);
    if (!error)
        wazero_cache_set_limit(*cache, DEFAULT_LIMIT);
    return error;
}

const char *wazero_cache_directory(const wazero_cache_t *cache)
{
    return cache->directory;
}

void wazero_cache_set_limit(wazero_cache_t *cache, uint64_t bytes)
{
    atomic_store(&cache->limit, bytes);
}

uint64_t wazero_cache_limit(const wazero_cache_t *cache)
{
    return atomic_load(&cache->limit);
}

/* Where the entry of a key is; false if that is nowhere. */
static bool find_path(const wazero_cache_t *cache, const uint8_t *key, char *path)
{
    int used = snprintf(path, PATH_MAX, "%s/", cache->folder);
    if (!*cache->folder || used + 2 * WAZERO__DIGEST_SIZE >= PATH_MAX)
        return false;
    for (int i = 0; i < WAZERO__DIGEST_SIZE; i++)
        used += snprintf(path + used, PATH_MAX - (size_t)used, "%02x", key[i]);
    return true;
}

void wazero__cache_used(const wazero_cache_t *cache, const uint8_t *key)
{
    char path[PATH_MAX];
    if (find_path(cache, key, path))
        wazero__evict_touch(path);
}

void wazero__cache_grown(const wazero_cache_t *cache, const uint8_t *key)
{
    char path[PATH_MAX];
    uint64_t limit = wazero_cache_limit(cache);
    if (limit != WAZERO_NO_LIMIT && find_path(cache, key, path))
        wazero__evict(cache->directory, path, limit);
}

wazero_cache_t *wazero__cache_retain(wazero_cache_t *cache)
{
    atomic_fetch_add(&cache->references, 1);
    return cache;
}

wazero_error_t *wazero__cache_handle(const wazero_cache_t *cache, wz_handle *handle)
{
    if (!wazero__fork_is_current(cache->generation))
        return wazero__fork_error("cache");
    *handle = cache->handle;
    return NULL;
}

void wazero_cache_delete(wazero_cache_t *cache)
{
    if (!cache || atomic_fetch_sub(&cache->references, 1) != 1)
        return;
    if (wazero__fork_is_current(cache->generation))
        wazero__engine()->cache_close(cache->handle);
    destroy(cache);
}
