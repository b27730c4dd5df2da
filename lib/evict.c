/*
 * evict.c - keeping the files of a cache within a limit. See evict.h.
 *
 * There is no lock: who has read a file needs it no longer, a file that is gone when it
 * is looked for is compiled again, and two processes that remove at once remove the
 * same ones first. A file is as old as its last use, which is noted as its time of
 * access, for many file systems do not do that by themselves.
 */
#include "evict.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parse.h"

static const char FOLDER[] = "wazero-";

typedef struct {
    char *path; /* in the cache's directory */
    uint64_t size;
    struct timespec used;
} file_t;

typedef struct {
    file_t *items;
    size_t count;
    size_t capacity;
    uint64_t bytes;
} files_t;

void wazero__evict_touch(const char *path)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_OMIT}};
    (void)utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}

static int compare_times(const struct timespec *a, const struct timespec *b)
{
    if (a->tv_sec != b->tv_sec)
        return a->tv_sec < b->tv_sec ? -1 : 1;
    return (a->tv_nsec > b->tv_nsec) - (a->tv_nsec < b->tv_nsec);
}

static int compare_files(const void *left, const void *right)
{
    return compare_times(&((const file_t *)left)->used, &((const file_t *)right)->used);
}

/* Whether it is the name of an entry: a digest in hexadecimal. Files that are being
 * written have other names. */
static bool is_entry(const char *name)
{
    size_t size = strlen(name);
    return size == WAZERO__DIGEST_SIZE * (size_t)2 &&
           strspn(name, "0123456789abcdef") == size;
}

static bool add_file(files_t *files, const char *folder, const char *name,
                     const struct stat *status)
{
    if (files->count == files->capacity) {
        size_t capacity = files->capacity * 2 + 64;
        file_t *items = realloc(files->items, capacity * sizeof *items);
        if (!items)
            return false;
        files->items = items;
        files->capacity = capacity;
    }
    size_t size = strlen(folder) + strlen(name) + sizeof "/";
    file_t *file = &files->items[files->count];
    file->path = malloc(size);
    if (!file->path)
        return false;
    snprintf(file->path, size, "%s/%s", folder, name);
    file->size = (uint64_t)status->st_size;
    bool read_later = compare_times(&status->st_atim, &status->st_mtim) > 0;
    file->used = read_later ? status->st_atim : status->st_mtim;
    files->bytes += file->size;
    files->count++;
    return true;
}

static DIR *open_folder(int parent, const char *name)
{
    int descriptor =
        openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *opened = descriptor < 0 ? NULL : fdopendir(descriptor);
    if (descriptor >= 0 && !opened)
        close(descriptor);
    return opened;
}

/* Adds the entries in a folder. */
static void add_folder(files_t *files, int top, const char *folder)
{
    struct stat status;
    bool more = true;
    DIR *opened = open_folder(top, folder);
    for (struct dirent *one; more && opened && (one = readdir(opened));)
        if (is_entry(one->d_name) &&
            !fstatat(dirfd(opened), one->d_name, &status, AT_SYMLINK_NOFOLLOW) &&
            S_ISREG(status.st_mode))
            more = add_file(files, folder, one->d_name, &status);
    if (opened)
        closedir(opened);
}

static bool is_folder(const struct dirent *one)
{
    return strncmp(one->d_name, FOLDER, sizeof FOLDER - 1) == 0;
}

/* The part of a path in the cache's directory. */
static const char *behind(const char *directory, const char *path)
{
    size_t size = strlen(directory);
    return strncmp(path, directory, size) == 0 && path[size] == '/' ? path + size + 1
                                                                    : path;
}

/* Removes the oldest but keep; whether there were any to remove. */
static bool remove_oldest(files_t *files, int top, const char *keep, uint64_t limit)
{
    if (files->bytes <= limit || !files->count)
        return false;
    qsort(files->items, files->count, sizeof *files->items, compare_files);
    for (size_t i = 0; i < files->count && files->bytes > limit; i++)
        if (strcmp(files->items[i].path, keep) != 0 &&
            (!unlinkat(top, files->items[i].path, 0) || errno == ENOENT))
            files->bytes -= files->items[i].size;
    return true;
}

/* Removes folders that are empty, but for the one that has what is kept. */
static void remove_folders(DIR *opened, const char *keep)
{
    size_t own = strcspn(keep, "/");
    rewinddir(opened);
    for (struct dirent *one; (one = readdir(opened));) {
        bool is_own = strlen(one->d_name) == own && !memcmp(one->d_name, keep, own);
        if (is_folder(one) && !is_own)
            (void)unlinkat(dirfd(opened), one->d_name, AT_REMOVEDIR);
    }
}

void wazero__evict(const char *directory, const char *keep, uint64_t limit)
{
    files_t files = {0};
    struct dirent *one;
    const char *kept = behind(directory, keep);
    int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *opened = descriptor < 0 ? NULL : fdopendir(descriptor);
    if (!opened) {
        if (descriptor >= 0)
            close(descriptor);
        return;
    }
    while ((one = readdir(opened)))
        if (is_folder(one))
            add_folder(&files, descriptor, one->d_name);
    if (remove_oldest(&files, descriptor, kept, limit))
        remove_folders(opened, kept);
    for (size_t i = 0; i < files.count; i++)
        free(files.items[i].path);
    free(files.items);
    closedir(opened);
}
