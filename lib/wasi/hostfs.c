/*
 * hostfs.c - a directory of the host as a wazero_fs_t, whose guests may add so much.
 *
 * Its files and directories are those of hostfile.c and hostdir.c with other types:
 * what makes a file larger or makes a name is done between a look before and a look
 * after, under one lock for all that were opened through the file system. So what is
 * counted is what really happened. Sizes and names that go away are given back, down to
 * nothing, but not before a file is really gone: while it is open, it counts.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "fork.h"
#include "thread.h"
#include "wasi/filesystem.h"
#include "wasi/hostfile.h"
#include "wasi/memory.h"

struct wazero__hostfs {
    wazero_fs_t fs;
    struct wazero__hostfs *previous, *next; /* see all */
    char *path;
    wazero_fs_limits_t limits;
    pthread_mutex_t lock;
    atomic_uint_fast64_t bytes, files; /* changed under the lock */
    wazero__hostfile_t *open;          /* regular files, under the lock */
};
typedef struct wazero__hostfs hostfs_t;

/* All there are, of which a child of a fork makes the locks anew: a thread that is gone
 * may have had one. What it was about to count is not counted then. The list's own lock
 * is held for a moment, so forks take it; the others may be held for as long as a disk
 * takes. */
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static hostfs_t *all;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static wazero__file_type_t file_type, directory_type; /* see make_types */

static hostfs_t *owner_of(const wazero__file_t *directory)
{
    return ((const wazero__hostdir_t *)directory)->owner;
}

static const wazero__file_type_t *base(void)
{
    return &wazero__hostdir_type;
}

static hostfs_t *lock(hostfs_t *fs)
{
    wazero__thread_detach(wazero__thread());
    pthread_mutex_lock(&fs->lock);
    return fs;
}

static void unlock(hostfs_t *fs)
{
    pthread_mutex_unlock(&fs->lock);
}

/* ---- all of them ---- */

static void enlist(hostfs_t *fs)
{
    pthread_mutex_lock(&list_lock);
    fs->next = all;
    if (all)
        all->previous = fs;
    all = fs;
    pthread_mutex_unlock(&list_lock);
}

static void strike(const hostfs_t *fs)
{
    pthread_mutex_lock(&list_lock);
    if (fs->next)
        fs->next->previous = fs->previous;
    if (fs->previous)
        fs->previous->next = fs->next;
    else
        all = fs->next;
    pthread_mutex_unlock(&list_lock);
}

void wazero__hostfs_before_fork(void)
{
    pthread_mutex_lock(&list_lock);
}

void wazero__hostfs_after_fork(void)
{
    pthread_mutex_unlock(&list_lock);
}

void wazero__hostfs_forget(void)
{
    for (hostfs_t *fs = all; fs; fs = fs->next)
        pthread_mutex_init(&fs->lock, NULL);
    pthread_mutex_init(&list_lock, NULL);
}

/* ---- counting ---- */

static void add(atomic_uint_fast64_t *count, uint64_t more)
{
    atomic_store(count, atomic_load(count) + more);
}

static void give_back(atomic_uint_fast64_t *count, uint64_t less)
{
    uint64_t had = atomic_load(count);
    atomic_store(count, had > less ? had - less : 0);
}

static uint64_t room_of(uint64_t used, uint64_t most)
{
    return used < most ? most - used : 0;
}

static bool has_room_for_name(const hostfs_t *fs)
{
    return room_of(atomic_load(&fs->files), fs->limits.max_files) > 0;
}

/* Whether a guest has the file open; under the lock. */
static bool is_open(const hostfs_t *fs, uint64_t device, uint64_t inode)
{
    const wazero__hostfile_t *file = fs->open;
    while (file && (file->device != device || file->inode != inode))
        file = file->next;
    return file != NULL;
}

/* A name is gone; with it, if it was the last one, the file: unless a guest has it
 * open, for then its bytes come back when it is closed. */
static void drop_name(hostfs_t *fs, const wazero__stat_t *was)
{
    give_back(&fs->files, 1);
    if (was->type == WASI_REGULAR_FILE && was->links <= 1 &&
        !is_open(fs, was->device, was->inode))
        give_back(&fs->bytes, was->size);
}

/* ---- files ---- */

static void counted_destroy(wazero__file_t *file)
{
    wazero__hostfile_t *self = (wazero__hostfile_t *)file;
    hostfs_t *fs = self->owner;
    struct stat status;
    wazero__hostfile_t **place = &fs->open;
    /* The host may be closing the module, and stays attached: nobody who holds this
     * waits for it. */
    pthread_mutex_lock(&fs->lock);
    while (*place != self)
        place = &(*place)->next;
    *place = self->next;
    if (!is_open(fs, self->device, self->inode) && fstat(self->fd, &status) == 0 &&
        !status.st_nlink)
        give_back(&fs->bytes, (uint64_t)status.st_size);
    unlock(fs);
    wazero__hostfile_type.destroy(file);
    wazero_fs_delete(&fs->fs);
}

static uint64_t size_of(const wazero__hostfile_t *file)
{
    struct stat status;
    return fstat(file->fd, &status) ? 0 : (uint64_t)status.st_size;
}

/* Counts what a file has got or lost. */
static void count_change(hostfs_t *fs, uint64_t before, uint64_t now)
{
    if (now > before)
        add(&fs->bytes, now - before);
    else
        give_back(&fs->bytes, before - now);
}

/* As many of the parts as end before a size that the file may get; NOSPC if none. */
static wazero__errno_t clip(const hostfs_t *fs, uint64_t size, uint64_t offset,
                            const struct iovec *parts, int *count, struct iovec *less)
{
    uint64_t room = room_of(atomic_load(&fs->bytes), fs->limits.max_bytes);
    uint64_t end = room > UINT64_MAX - size ? UINT64_MAX : size + room, all = 0;
    uint64_t left = end > offset ? end - offset : 0;
    int kept = 0;
    for (int i = 0; i < *count; i++) {
        all += parts[i].iov_len;
        if (!left)
            continue;
        less[kept] = parts[i];
        if (less[kept].iov_len > left)
            less[kept].iov_len = (size_t)left;
        left -= less[kept++].iov_len;
    }
    if (all && !kept)
        return WASI_NOSPC;
    *count = kept;
    return WASI_SUCCESS;
}

/* Writes at an offset, or where the file is (UINT64_MAX), what it may. */
static wazero__errno_t write_counted(wazero__io_t *io, wazero__file_t *file,
                                     const struct iovec *parts, int count,
                                     uint64_t offset, unsigned flags, size_t *done)
{
    struct iovec less[WAZERO__PARTS_MAX];
    wazero__hostfile_t *self = (wazero__hostfile_t *)file;
    hostfs_t *fs = lock(self->owner);
    uint64_t size = size_of(self), begin = offset;
    if (fcntl(self->fd, F_GETFL) & O_APPEND) /* then Linux asks for no offset */
        begin = size;
    else if (offset == UINT64_MAX)
        begin = (uint64_t)lseek(self->fd, 0, SEEK_CUR);
    wazero__errno_t code = clip(fs, size, begin, parts, &count, less);
    if (!code && offset == UINT64_MAX)
        code = wazero__hostfile_type.write(io, file, less, count, flags, done);
    else if (!code)
        code = wazero__hostfile_type.pwrite(io, file, less, count, offset, done);
    count_change(fs, size, size_of(self));
    unlock(fs);
    return code;
}

static wazero__errno_t counted_write(wazero__io_t *io, wazero__file_t *file,
                                     const struct iovec *parts, int count,
                                     unsigned flags, size_t *done)
{
    return write_counted(io, file, parts, count, UINT64_MAX, flags, done);
}

static wazero__errno_t counted_pwrite(wazero__io_t *io, wazero__file_t *file,
                                      const struct iovec *parts, int count,
                                      uint64_t offset, size_t *done)
{
    return write_counted(io, file, parts, count, offset, 0, done);
}

/* Whether a file of a size may have another one. */
static bool may_grow(const hostfs_t *fs, uint64_t size, uint64_t wanted)
{
    return wanted <= size ||
           wanted - size <= room_of(atomic_load(&fs->bytes), fs->limits.max_bytes);
}

static wazero__errno_t counted_set_size(wazero__io_t *io, wazero__file_t *file,
                                        uint64_t wanted)
{
    const wazero__hostfile_t *self = (wazero__hostfile_t *)file;
    hostfs_t *fs = lock(self->owner);
    uint64_t size = size_of(self);
    wazero__errno_t code = may_grow(fs, size, wanted)
                               ? wazero__hostfile_type.set_size(io, file, wanted)
                               : WASI_NOSPC;
    count_change(fs, size, size_of(self));
    unlock(fs);
    return code;
}

static wazero__errno_t counted_allocate(wazero__io_t *io, wazero__file_t *file,
                                        uint64_t offset, uint64_t more)
{
    const wazero__hostfile_t *self = (wazero__hostfile_t *)file;
    hostfs_t *fs = lock(self->owner);
    uint64_t size = size_of(self);
    wazero__errno_t code = may_grow(fs, size, offset + more)
                               ? wazero__hostfile_type.allocate(io, file, offset, more)
                               : WASI_NOSPC;
    count_change(fs, size, size_of(self));
    unlock(fs);
    return code;
}

/* ---- opening ---- */

/* Makes what was opened one of ours. What is neither a directory nor a regular file
 * (a pipe) has no size, and stays as it is. */
static void adopt(hostfs_t *fs, wazero__file_t *file)
{
    if (file->filetype == WASI_DIRECTORY) {
        file->type = &directory_type;
        ((wazero__hostdir_t *)file)->owner = fs;
        wazero__fs_retain(&fs->fs);
    } else if (file->filetype == WASI_REGULAR_FILE) {
        wazero__hostfile_t *opened = (wazero__hostfile_t *)file;
        struct stat status = {0};
        file->type = &file_type;
        opened->owner = fs;
        wazero__fs_retain(&fs->fs);
        lock(fs);
        (void)fstat(opened->fd, &status);
        opened->device = status.st_dev;
        opened->inode = status.st_ino;
        /* Removed meanwhile, and given back unless it was open: it is open now. */
        if (!status.st_nlink && !is_open(fs, opened->device, opened->inode))
            add(&fs->bytes, (uint64_t)status.st_size);
        opened->next = fs->open;
        fs->open = opened;
        unlock(fs);
    }
}

static void counted_destroy_directory(wazero__file_t *directory)
{
    hostfs_t *fs = owner_of(directory);
    base()->destroy(directory);
    wazero_fs_delete(&fs->fs);
}

static bool is_there(wazero__io_t *io, wazero__file_t *directory, const char *name,
                     wazero__stat_t *stat)
{
    return base()->stat_at(io, directory, name, stat) == WASI_SUCCESS;
}

/* Makes a file, unless it is there: then EXIST. */
static wazero__errno_t make_file(wazero__io_t *io, wazero__file_t *directory,
                                 const char *name, const wazero__how_t *how,
                                 wazero__file_t **file)
{
    wazero__how_t exclusive = *how;
    wazero__stat_t stat;
    hostfs_t *fs = lock(owner_of(directory));
    wazero__errno_t code = WASI_EXIST;
    exclusive.flags |= WASI_O_EXCL;
    if (!is_there(io, directory, name, &stat))
        code = has_room_for_name(fs)
                   ? base()->open(io, directory, name, &exclusive, file)
                   : WASI_NOSPC;
    if (!code)
        add(&fs->files, 1);
    unlock(fs);
    return code;
}

/* Opens what is there; what is cut off is given back. */
static wazero__errno_t open_there(wazero__io_t *io, wazero__file_t *directory,
                                  const char *name, const wazero__how_t *how,
                                  wazero__file_t **file)
{
    wazero__how_t whole = *how;
    bool cuts = how->flags & WASI_O_TRUNC;
    whole.flags &= ~(unsigned)(WASI_O_CREAT | WASI_O_TRUNC);
    whole.write = how->write || cuts;
    wazero__errno_t code = base()->open(io, directory, name, &whole, file);
    if (code)
        return code;
    adopt(owner_of(directory), *file);
    if (cuts && (*file)->filetype == WASI_REGULAR_FILE)
        code = counted_set_size(io, *file, 0);
    if (code)
        wazero__file_release(*file);
    return code;
}

static wazero__errno_t counted_open(wazero__io_t *io, wazero__file_t *directory,
                                    const char *name, const wazero__how_t *how,
                                    wazero__file_t **file)
{
    enum { TRIES = 16 }; /* others make and remove it */
    wazero__errno_t code = WASI_NOENT;
    for (int i = 0; i < TRIES && code == WASI_NOENT; i++) {
        if (how->flags & WASI_O_CREAT) {
            code = make_file(io, directory, name, how, file);
            if (!code)
                adopt(owner_of(directory), *file);
            if (code != WASI_EXIST || (how->flags & WASI_O_EXCL))
                return code;
        }
        code = open_there(io, directory, name, how, file);
        if (!(how->flags & WASI_O_CREAT))
            break;
    }
    return code;
}

static wazero__errno_t counted_open_path(wazero__io_t *io, wazero__file_t *directory,
                                         const char *path, const wazero__how_t *how,
                                         wazero__file_t **file)
{
    if (how->flags & (WASI_O_CREAT | WASI_O_TRUNC))
        return WASI_NOSYS; /* counted_open does it, with the last name */
    wazero__errno_t code = base()->open_path(io, directory, path, how, file);
    if (!code)
        adopt(owner_of(directory), *file);
    return code;
}

static wazero__errno_t counted_enter(wazero__io_t *io, wazero__file_t *directory,
                                     const char *name, wazero__file_t **entered)
{
    wazero__errno_t code = base()->enter(io, directory, name, entered);
    if (!code)
        adopt(owner_of(directory), *entered);
    return code;
}

static wazero__errno_t counted_enter_path(wazero__io_t *io, wazero__file_t *directory,
                                          const char *path, wazero__file_t **entered)
{
    wazero__errno_t code = base()->enter_path(io, directory, path, entered);
    if (!code)
        adopt(owner_of(directory), *entered);
    return code;
}

/* ---- names ---- */

/* Ends the making of a name in a directory that is locked. */
static wazero__errno_t made(hostfs_t *fs, wazero__errno_t code)
{
    if (!code)
        add(&fs->files, 1);
    unlock(fs);
    return code;
}

/* Why a name cannot be made, where there is no room for one. */
static wazero__errno_t check_new(wazero__io_t *io, wazero__file_t *directory,
                                 const char *name)
{
    wazero__stat_t stat;
    if (has_room_for_name(owner_of(directory)))
        return WASI_SUCCESS;
    return is_there(io, directory, name, &stat) ? WASI_EXIST : WASI_NOSPC;
}

static wazero__errno_t
counted_make_directory(wazero__io_t *io, wazero__file_t *directory, const char *name)
{
    hostfs_t *fs = lock(owner_of(directory));
    wazero__errno_t code = check_new(io, directory, name);
    return made(fs, code ? code : base()->make_directory(io, directory, name));
}

static wazero__errno_t counted_symlink(wazero__io_t *io, wazero__file_t *directory,
                                       const char *name, const char *target)
{
    hostfs_t *fs = lock(owner_of(directory));
    wazero__errno_t code = check_new(io, directory, name);
    return made(fs, code ? code : base()->symlink(io, directory, name, target));
}

static wazero__errno_t counted_link(wazero__io_t *io, wazero__file_t *directory,
                                    const char *name, wazero__file_t *to_directory,
                                    const char *to_name)
{
    hostfs_t *fs = lock(owner_of(directory));
    wazero__errno_t code = check_new(io, to_directory, to_name);
    return made(fs,
                code ? code : base()->link(io, directory, name, to_directory, to_name));
}

static wazero__errno_t
counted_remove_directory(wazero__io_t *io, wazero__file_t *directory, const char *name)
{
    hostfs_t *fs = lock(owner_of(directory));
    wazero__errno_t code = base()->remove_directory(io, directory, name);
    if (!code)
        give_back(&fs->files, 1);
    unlock(fs);
    return code;
}

static wazero__errno_t counted_unlink(wazero__io_t *io, wazero__file_t *directory,
                                      const char *name)
{
    wazero__stat_t was;
    hostfs_t *fs = lock(owner_of(directory));
    wazero__errno_t code = base()->stat_at(io, directory, name, &was);
    if (!code)
        code = base()->unlink(io, directory, name);
    if (!code)
        drop_name(fs, &was);
    unlock(fs);
    return code;
}

static wazero__errno_t counted_rename(wazero__io_t *io, wazero__file_t *directory,
                                      const char *name, wazero__file_t *to_directory,
                                      const char *to_name)
{
    wazero__stat_t from, replaced;
    hostfs_t *fs = lock(owner_of(directory));
    bool replaces = is_there(io, directory, name, &from) &&
                    is_there(io, to_directory, to_name, &replaced) &&
                    (from.device != replaced.device || from.inode != replaced.inode);
    wazero__errno_t code = base()->rename(io, directory, name, to_directory, to_name);
    if (!code && replaces)
        drop_name(fs, &replaced);
    unlock(fs);
    return code;
}

/* ---- the file system ---- */

static void make_types(void)
{
    file_type = wazero__hostfile_type;
    file_type.destroy = counted_destroy;
    file_type.write = counted_write;
    file_type.pwrite = counted_pwrite;
    file_type.set_size = counted_set_size;
    file_type.allocate = counted_allocate;
    directory_type = wazero__hostdir_type;
    directory_type.destroy = counted_destroy_directory;
    directory_type.open = counted_open;
    directory_type.open_path = counted_open_path;
    directory_type.enter = counted_enter;
    directory_type.enter_path = counted_enter_path;
    directory_type.make_directory = counted_make_directory;
    directory_type.remove_directory = counted_remove_directory;
    directory_type.unlink = counted_unlink;
    directory_type.symlink = counted_symlink;
    directory_type.rename = counted_rename;
    directory_type.link = counted_link;
}

static void hostfs_destroy(wazero_fs_t *base_fs)
{
    hostfs_t *fs = (hostfs_t *)(void *)base_fs;
    strike(fs);
    pthread_mutex_destroy(&fs->lock);
    free(fs->path);
    free(fs);
}

static wazero_error_t *hostfs_open(wazero_fs_t *base_fs, wazero__file_t **root)
{
    hostfs_t *fs = (hostfs_t *)(void *)base_fs;
    wazero_error_t *error = wazero__host_directory_new(fs->path, root);
    if (!error)
        adopt(fs, *root);
    return error;
}

static void hostfs_usage(wazero_fs_t *base_fs, wazero_fs_usage_t *usage)
{
    const hostfs_t *fs = (hostfs_t *)(void *)base_fs;
    usage->bytes = atomic_load(&fs->bytes);
    usage->files = atomic_load(&fs->files);
    usage->limits = fs->limits;
}

static const wazero__fs_type_t hostfs_type = {
    .destroy = hostfs_destroy,
    .open = hostfs_open,
    .usage = hostfs_usage,
};

wazero_error_t *wazero_fs_new_directory(const char *host_directory,
                                        const wazero_fs_limits_t *limits,
                                        wazero_fs_t **fs)
{
    if (!host_directory || !*host_directory)
        return wazero__error(WAZERO_ERROR_INVALID, "a host directory is missing");
    wazero_error_t *error = wazero__fork_watch();
    if (error)
        return error;
    pthread_once(&once, make_types);
    hostfs_t *new = calloc(1, sizeof *new);
    if (new)
        new->path = strdup(host_directory);
    if (!new || !new->path) {
        free(new);
        return wazero__error_memory();
    }
    wazero__fs_init(&new->fs, &hostfs_type);
    new->limits = limits ? *limits : (wazero_fs_limits_t){UINT64_MAX, UINT64_MAX};
    pthread_mutex_init(&new->lock, NULL);
    enlist(new);
    *fs = &new->fs;
    return NULL;
}
