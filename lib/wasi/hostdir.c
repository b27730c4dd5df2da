/*
 * hostdir.c - directories of the host.
 *
 * A directory is a descriptor; every operation is one *at call on it with one name, and
 * none follows a link. Where the kernel has openat2 (Linux 5.6, and no seccomp filter
 * forbids it) it resolves whole paths: RESOLVE_BENEATH keeps them inside, whatever is
 * renamed meanwhile, and RESOLVE_NO_MAGICLINKS keeps /proc's links out. Elsewhere
 * path.c walks.
 *
 * Everything is opened with O_NONBLOCK, which says nothing of files and directories and
 * keeps the open of a named pipe from waiting.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call/block.h"
#include "call/watchdog.h"
#include "error.h"
#include "wasi/hostfile.h"

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

/* linux/openat2.h, which old systems do not have. */
struct how2 {
    uint64_t flags;
    uint64_t mode;
    uint64_t resolve;
};
enum { NO_MAGICLINKS = 0x02, BENEATH = 0x08 };

/* So many of the process's descriptors are left to the host. */
enum { RESERVE = 64 };

/* How often a resolution that a rename disturbed is tried before path.c walks. */
enum { TRIES = 128 };

/* How long to wait before somebody is looked for again who reads from a named pipe. */
static const uint64_t NAP = 10000000;

static const int OURS = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

static int fd_of(const wazero__file_t *directory)
{
    return ((const wazero__hostdir_t *)directory)->fd;
}

/* ---- openat2 ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_bool has_openat2;

static int openat2(int directory, const char *path, int flags, unsigned mode)
{
    struct how2 how = {(uint64_t)(unsigned)flags, mode, BENEATH | NO_MAGICLINKS};
    long fd = -1;
    for (int i = 0; i < TRIES && fd < 0; i++) {
        fd = syscall(SYS_openat2, directory, path, &how, sizeof how);
        if (fd < 0 && errno != EAGAIN && errno != EINTR)
            break;
    }
    return (int)fd;
}

static void look_for_openat2(void)
{
    const char *said = getenv("WAZERO_NO_OPENAT2");
    if (said && strcmp(said, "0") != 0)
        return;
    int fd = openat2(AT_FDCWD, ".", O_PATH | O_CLOEXEC, 0);
    /* Any other answer is one, too: where we are may be no place to look. */
    bool has = fd >= 0 || (errno != ENOSYS && errno != EPERM && errno != EINVAL);
    atomic_store(&has_openat2, has);
    if (fd >= 0)
        close(fd);
}

void wazero__host_directory_forbid_openat2(bool forbid)
{
    pthread_once(&once, look_for_openat2);
    atomic_store(&has_openat2, false);
    if (!forbid)
        look_for_openat2();
}

/* The code for what openat2 failed with. */
static wazero__errno_t code_of_openat2(int failure)
{
    if (failure == EXDEV)
        return WASI_PERM; /* it would lead out */
    if (failure == EAGAIN || failure == EINTR)
        return WASI_NOSYS; /* renames disturb it all the time: walk */
    return wazero__errno_from(failure);
}

/* ---- opening ---- */

static wazero__errno_t new_directory(int fd, wazero__file_t **file);

/* Whether a descriptor is one of those that are left to the host; then it is closed. */
static bool is_reserved(int fd)
{
    struct rlimit limit;
    if (fd < RESERVE || getrlimit(RLIMIT_NOFILE, &limit) ||
        limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur < 4 * RESERVE ||
        (rlim_t)fd < limit.rlim_cur - RESERVE)
        return false;
    close(fd);
    return true;
}

static int flags_of(const wazero__how_t *how)
{
    int flags = OURS;
    bool write = how->write || (how->flags & WASI_O_TRUNC);
    flags |= !write ? O_RDONLY : how->read ? O_RDWR : O_WRONLY;
    if (how->flags & WASI_O_CREAT)
        flags |= O_CREAT;
    if (how->flags & WASI_O_DIRECTORY)
        flags |= O_DIRECTORY;
    if (how->flags & WASI_O_EXCL)
        flags |= O_EXCL;
    if (how->flags & WASI_O_TRUNC)
        flags |= O_TRUNC;
    if (how->fdflags & WASI_APPEND)
        flags |= O_APPEND;
    if (how->fdflags & (WASI_SYNC | WASI_RSYNC))
        flags |= O_SYNC;
    else if (how->fdflags & WASI_DSYNC)
        flags |= O_DSYNC;
    return flags;
}

/* Makes what was opened a file or a directory. */
static wazero__errno_t adopt(int fd, wazero__file_t **file)
{
    struct stat status;
    if (is_reserved(fd))
        return WASI_MFILE;
    if (fstat(fd, &status)) {
        int failure = errno;
        close(fd);
        return wazero__errno_from(failure);
    }
    if (S_ISDIR(status.st_mode))
        return new_directory(fd, file);
    return wazero__hostfile_wrap(fd, false, &status, file);
}

/* Sleeps a little, so that somebody can open the other end of a named pipe. */
static wazero__errno_t take_a_nap(wazero__io_t *io)
{
    struct pollfd none[1];
    int ready, failure;
    wazero_error_t *error =
        wazero__block(wazero__thread(), none, 0, wazero__now() + NAP, &ready, &failure);
    return error ? wazero__io_end(io, error) : WASI_SUCCESS;
}

/* Opens with one of two calls, and waits for who reads from a named pipe that is opened
 * to write, as open does without O_NONBLOCK. */
static int open_waiting(wazero__io_t *io, int directory, const char *path, int flags,
                        const wazero__how_t *how, bool whole, wazero__errno_t *code)
{
    unsigned mode = (how->flags & WASI_O_CREAT) ? 0666 : 0;
    for (;;) {
        int fd = whole ? openat2(directory, path, flags, mode)
                       : openat(directory, path, flags, mode);
        if (fd >= 0)
            return fd;
        if (errno == EINTR && !whole)
            continue;
        *code = whole ? code_of_openat2(errno) : wazero__errno_from(errno);
        if (*code != WASI_NXIO || (how->fdflags & WASI_NONBLOCK) || how->read ||
            !how->write)
            return -1;
        *code = take_a_nap(io);
        if (*code)
            return -1;
    }
}

static wazero__errno_t dir_open(wazero__io_t *io, wazero__file_t *directory,
                                const char *name, const wazero__how_t *how,
                                wazero__file_t **file)
{
    wazero__errno_t code;
    wazero__thread_detach(wazero__thread());
    int fd = open_waiting(io, fd_of(directory), name, flags_of(how) | O_NOFOLLOW, how,
                          false, &code);
    return fd < 0 ? code : adopt(fd, file);
}

static wazero__errno_t dir_open_path(wazero__io_t *io, wazero__file_t *directory,
                                     const char *path, const wazero__how_t *how,
                                     wazero__file_t **file)
{
    wazero__errno_t code;
    int flags = flags_of(how);
    if (!atomic_load_explicit(&has_openat2, memory_order_relaxed))
        return WASI_NOSYS;
    wazero__thread_detach(wazero__thread());
    if (!how->follow && path[strlen(path) - 1] != '/')
        flags |= O_NOFOLLOW;
    int fd = open_waiting(io, fd_of(directory), path, flags, how, true, &code);
    return fd < 0 ? code : adopt(fd, file);
}

static wazero__errno_t dir_enter(wazero__io_t *io, wazero__file_t *directory,
                                 const char *name, wazero__file_t **entered)
{
    int fd;
    (void)io;
    wazero__thread_detach(wazero__thread());
    do
        fd = openat(fd_of(directory), name,
                    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    return fd < 0 ? wazero__errno_from(errno) : new_directory(fd, entered);
}

static wazero__errno_t dir_enter_path(wazero__io_t *io, wazero__file_t *directory,
                                      const char *path, wazero__file_t **entered)
{
    (void)io;
    if (!atomic_load_explicit(&has_openat2, memory_order_relaxed))
        return WASI_NOSYS;
    wazero__thread_detach(wazero__thread());
    int fd = openat2(fd_of(directory), path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    return fd < 0 ? code_of_openat2(errno) : new_directory(fd, entered);
}

/* ---- looking ---- */

static wazero__errno_t dir_stat(wazero__io_t *io, wazero__file_t *directory,
                                wazero__stat_t *stat)
{
    struct stat status;
    (void)io;
    if (fstat(fd_of(directory), &status))
        return wazero__errno_from(errno);
    wazero__stat_from(&status, stat);
    return WASI_SUCCESS;
}

static wazero__errno_t dir_stat_at(wazero__io_t *io, wazero__file_t *directory,
                                   const char *name, wazero__stat_t *stat)
{
    struct stat status;
    (void)io;
    wazero__thread_detach(wazero__thread());
    if (fstatat(fd_of(directory), name, &status, AT_SYMLINK_NOFOLLOW))
        return wazero__errno_from(errno);
    wazero__stat_from(&status, stat);
    return WASI_SUCCESS;
}

/* With O_PATH nothing is opened that could wait, or do something; and a link that is
 * not followed is what is found. */
static wazero__errno_t dir_stat_path(wazero__io_t *io, wazero__file_t *directory,
                                     const char *path, bool follow,
                                     wazero__stat_t *stat)
{
    struct stat status;
    int flags = O_PATH | O_CLOEXEC;
    (void)io;
    if (!atomic_load_explicit(&has_openat2, memory_order_relaxed))
        return WASI_NOSYS;
    wazero__thread_detach(wazero__thread());
    if (!follow && path[strlen(path) - 1] != '/')
        flags |= O_NOFOLLOW;
    int fd = openat2(fd_of(directory), path, flags, 0);
    if (fd < 0)
        return code_of_openat2(errno);
    int failure = fstat(fd, &status) ? errno : 0;
    close(fd);
    if (failure)
        return wazero__errno_from(failure);
    wazero__stat_from(&status, stat);
    return WASI_SUCCESS;
}

static wazero__errno_t dir_read_link(wazero__io_t *io, wazero__file_t *directory,
                                     const char *name, char *buffer, size_t size,
                                     size_t *done)
{
    (void)io;
    wazero__thread_detach(wazero__thread());
    ssize_t got = readlinkat(fd_of(directory), name, buffer, size);
    if (got < 0)
        return wazero__errno_from(errno);
    *done = (size_t)got;
    return WASI_SUCCESS;
}

static uint8_t type_of_entry(unsigned char type)
{
    switch (type) {
    case DT_REG:
        return WASI_REGULAR_FILE;
    case DT_DIR:
        return WASI_DIRECTORY;
    case DT_LNK:
        return WASI_SYMBOLIC_LINK;
    case DT_CHR:
        return WASI_CHARACTER_DEVICE;
    case DT_BLK:
        return WASI_BLOCK_DEVICE;
    case DT_SOCK:
        return WASI_SOCKET_STREAM;
    default:
        return WASI_UNKNOWN;
    }
}

/* The entries in a buffer that getdents64 filled: inode and type cost nothing there. */
static wazero__errno_t add_entries(int fd, const char *buffer, size_t size,
                                   wazero__listing_t *listing)
{
    for (size_t at = 0; at < size;) {
        const struct dirent64 *entry = (const void *)(buffer + at);
        uint8_t type = type_of_entry(entry->d_type);
        struct stat status;
        if (entry->d_type == DT_UNKNOWN &&
            fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0)
            type = wazero__filetype_from(status.st_mode);
        wazero__errno_t code = wazero__listing_add(
            listing, entry->d_name, strlen(entry->d_name), entry->d_ino, type);
        if (code)
            return code;
        at += entry->d_reclen;
    }
    return WASI_SUCCESS;
}

static wazero__errno_t dir_list(wazero__io_t *io, wazero__file_t *directory,
                                wazero__listing_t *listing)
{
    _Alignas(struct dirent64) char buffer[16384];
    int fd = fd_of(directory);
    (void)io;
    wazero__thread_detach(wazero__thread());
    if (lseek(fd, 0, SEEK_SET) < 0)
        return wazero__errno_from(errno);
    for (;;) {
        long got = syscall(SYS_getdents64, fd, buffer, sizeof buffer);
        if (got < 0)
            return wazero__errno_from(errno);
        if (!got)
            return WASI_SUCCESS;
        wazero__errno_t code = add_entries(fd, buffer, (size_t)got, listing);
        if (code)
            return code;
    }
}

/* ---- changing ---- */

static wazero__errno_t result(int failed)
{
    return failed ? wazero__errno_from(errno) : WASI_SUCCESS;
}

static wazero__errno_t dir_set_times(wazero__io_t *io, wazero__file_t *directory,
                                     const wazero__times_t *times)
{
    struct timespec spec[2];
    (void)io;
    wazero__times_to(times, spec);
    return result(futimens(fd_of(directory), spec));
}

static wazero__errno_t dir_set_times_at(wazero__io_t *io, wazero__file_t *directory,
                                        const char *name, const wazero__times_t *times)
{
    struct timespec spec[2];
    (void)io;
    wazero__times_to(times, spec);
    return result(utimensat(fd_of(directory), name, spec, AT_SYMLINK_NOFOLLOW));
}

static wazero__errno_t dir_sync(wazero__io_t *io, wazero__file_t *directory,
                                bool data_only)
{
    int fd = fd_of(directory);
    (void)io;
    wazero__thread_detach(wazero__thread());
    return result(data_only ? fdatasync(fd) : fsync(fd));
}

static wazero__errno_t dir_make_directory(wazero__io_t *io, wazero__file_t *directory,
                                          const char *name)
{
    (void)io;
    wazero__thread_detach(wazero__thread());
    return result(mkdirat(fd_of(directory), name, 0777));
}

static wazero__errno_t dir_remove_directory(wazero__io_t *io, wazero__file_t *directory,
                                            const char *name)
{
    (void)io;
    wazero__thread_detach(wazero__thread());
    return result(unlinkat(fd_of(directory), name, AT_REMOVEDIR));
}

static wazero__errno_t dir_unlink(wazero__io_t *io, wazero__file_t *directory,
                                  const char *name)
{
    (void)io;
    wazero__thread_detach(wazero__thread());
    return result(unlinkat(fd_of(directory), name, 0));
}

static wazero__errno_t dir_symlink(wazero__io_t *io, wazero__file_t *directory,
                                   const char *name, const char *target)
{
    (void)io;
    wazero__thread_detach(wazero__thread());
    return result(symlinkat(target, fd_of(directory), name));
}

static wazero__errno_t dir_rename(wazero__io_t *io, wazero__file_t *directory,
                                  const char *name, wazero__file_t *to_directory,
                                  const char *to_name)
{
    (void)io;
    wazero__thread_detach(wazero__thread());
    return result(renameat(fd_of(directory), name, fd_of(to_directory), to_name));
}

static wazero__errno_t dir_link(wazero__io_t *io, wazero__file_t *directory,
                                const char *name, wazero__file_t *to_directory,
                                const char *to_name)
{
    (void)io;
    wazero__thread_detach(wazero__thread());
    return result(linkat(fd_of(directory), name, fd_of(to_directory), to_name, 0));
}

/* ---- the object ---- */

static int dir_descriptor(wazero__file_t *directory)
{
    return fd_of(directory);
}

static void dir_destroy(wazero__file_t *directory)
{
    close(fd_of(directory));
    free(directory);
}

const wazero__file_type_t wazero__hostdir_type = {
    .destroy = dir_destroy,
    .stat = dir_stat,
    .set_times = dir_set_times,
    .sync = dir_sync,
    .descriptor = dir_descriptor,
    .open = dir_open,
    .enter = dir_enter,
    .stat_at = dir_stat_at,
    .set_times_at = dir_set_times_at,
    .read_link = dir_read_link,
    .make_directory = dir_make_directory,
    .remove_directory = dir_remove_directory,
    .unlink = dir_unlink,
    .symlink = dir_symlink,
    .rename = dir_rename,
    .link = dir_link,
    .list = dir_list,
    .enter_path = dir_enter_path,
    .stat_path = dir_stat_path,
    .open_path = dir_open_path,
};

/* A directory of a descriptor, which it takes, also when it fails. */
static wazero__errno_t new_directory(int fd, wazero__file_t **file)
{
    wazero__hostdir_t *directory = calloc(1, sizeof *directory);
    if (!directory) {
        close(fd);
        return WASI_NOMEM;
    }
    wazero__file_init(&directory->file, &wazero__hostdir_type, WASI_DIRECTORY);
    directory->fd = fd;
    *file = &directory->file;
    return WASI_SUCCESS;
}

wazero_error_t *wazero__host_directory_new(const char *path, wazero__file_t **root)
{
    pthread_once(&once, look_for_openat2);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 && errno == EACCES) /* one that may be entered, not listed */
        fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return wazero__error(WAZERO_ERROR_INVALID, "the mounted folder %s: %s", path,
                             strerror(errno));
    return new_directory(fd, root) ? wazero__error_memory() : NULL;
}
