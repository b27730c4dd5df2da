/*
 * hostfile.c - reading, writing and asking descriptors of the process. See hostfile.h.
 *
 * Nothing here blocks outside of wazero__io_wait, except for a disk. What was opened
 * for the guest is O_NONBLOCK. What the host shares with it keeps its flags, which
 * belong to every process that has it: it is polled first, and written to in pieces for
 * which a descriptor that is ready has room.
 */
#include "wasi/hostfile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "thread.h"

/* What POLLOUT promises of a pipe: PIPE_BUF. */
enum { PIECE = 4096 };

static int descriptor_of(wazero__file_t *file)
{
    return ((wazero__hostfile_t *)file)->fd;
}

/* ---- stat ---- */

uint8_t wazero__filetype_from(unsigned mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return WASI_REGULAR_FILE;
    case S_IFDIR:
        return WASI_DIRECTORY;
    case S_IFLNK:
        return WASI_SYMBOLIC_LINK;
    case S_IFCHR:
        return WASI_CHARACTER_DEVICE;
    case S_IFBLK:
        return WASI_BLOCK_DEVICE;
    case S_IFSOCK:
        return WASI_SOCKET_STREAM;
    default:
        return WASI_UNKNOWN;
    }
}

static uint64_t nanoseconds_of(const struct timespec *time)
{
    return (uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_nsec;
}

void wazero__stat_from(const struct stat *status, wazero__stat_t *stat)
{
    stat->device = status->st_dev;
    stat->inode = status->st_ino;
    stat->links = status->st_nlink;
    stat->size = (uint64_t)status->st_size;
    stat->atim = nanoseconds_of(&status->st_atim);
    stat->mtim = nanoseconds_of(&status->st_mtim);
    stat->ctim = nanoseconds_of(&status->st_ctim);
    stat->type = wazero__filetype_from(status->st_mode);
}

static struct timespec time_to(uint64_t time, bool set, bool now)
{
    struct timespec spec = {.tv_nsec = now ? UTIME_NOW : UTIME_OMIT};
    if (set) {
        spec.tv_sec = (time_t)(time / 1000000000);
        spec.tv_nsec = (long)(time % 1000000000);
    }
    return spec;
}

void wazero__times_to(const wazero__times_t *times, struct timespec spec[2])
{
    spec[0] =
        time_to(times->atim, times->which & WASI_ATIM, times->which & WASI_ATIM_NOW);
    spec[1] =
        time_to(times->mtim, times->which & WASI_MTIM, times->which & WASI_MTIM_NOW);
}

static wazero__errno_t file_stat(wazero__io_t *io, wazero__file_t *file,
                                 wazero__stat_t *stat)
{
    struct stat status;
    (void)io;
    if (fstat(descriptor_of(file), &status))
        return wazero__errno_from(errno);
    wazero__stat_from(&status, stat);
    return WASI_SUCCESS;
}

static wazero__errno_t file_set_times(wazero__io_t *io, wazero__file_t *file,
                                      const wazero__times_t *times)
{
    struct timespec spec[2];
    (void)io;
    wazero__times_to(times, spec);
    return wazero__errno_from(futimens(descriptor_of(file), spec) ? errno : 0);
}

/* ---- moving bytes ---- */

/* Whether what would wait is to wait: then it has. Errors: AGAIN, ENDED. */
static wazero__errno_t wait_for(wazero__io_t *io, wazero__hostfile_t *host,
                                short events, unsigned flags)
{
    if (flags & WASI_NONBLOCK)
        return WASI_AGAIN;
    return wazero__io_wait(io, host->fd, events);
}

/* Of a descriptor that is the host's: whether it is ready, waiting for that if it may.
 * The events that there are, or 0 with *code. */
static short ready_for(wazero__io_t *io, wazero__hostfile_t *host, short events,
                       unsigned flags, wazero__errno_t *code)
{
    for (;;) {
        struct pollfd one = {.fd = host->fd, .events = events};
        int ready = poll(&one, 1, 0);
        if (ready > 0)
            return one.revents;
        *code = ready < 0 && errno != EINTR ? wazero__errno_from(errno)
                                            : wait_for(io, host, events, flags);
        if (*code)
            return 0;
    }
}

static wazero__errno_t file_read(wazero__io_t *io, wazero__file_t *file,
                                 const struct iovec *parts, int count, unsigned flags,
                                 size_t *done)
{
    wazero__hostfile_t *host = (wazero__hostfile_t *)file;
    wazero__errno_t code = WASI_SUCCESS;
    /* A named pipe that nobody has opened to write yet is at its end for read, not for
     * poll. */
    bool first_poll =
        host->kind == HOSTFILE_FOREIGN || (host->pipe && !(flags & WASI_NONBLOCK));
    wazero__thread_detach(wazero__thread());
    *done = 0;
    while (!code) {
        if (first_poll && count && !ready_for(io, host, POLLIN, flags, &code))
            break;
        ssize_t got = count == 1 ? read(host->fd, parts->iov_base, parts->iov_len)
                                 : readv(host->fd, parts, count);
        if (got >= 0) {
            *done = (size_t)got;
            break;
        }
        if (errno == EAGAIN)
            code = wait_for(io, host, POLLIN, flags);
        else if (errno != EINTR)
            code = wazero__errno_from(errno);
    }
    return code;
}

/* Whether the process dies of a closed pipe, on this thread. */
static bool dies_of_pipes(void)
{
    struct sigaction action;
    return sigaction(SIGPIPE, NULL, &action) == 0 && !(action.sa_flags & SA_SIGINFO) &&
           action.sa_handler == SIG_DFL;
}

/* writev that raises no SIGPIPE: it is blocked, and taken back if it came. */
static ssize_t write_to_pipe(int fd, const struct iovec *parts, int count)
{
    static const struct timespec no_time;
    sigset_t pipe, before;
    if (!dies_of_pipes())
        return writev(fd, parts, count);
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    if (pthread_sigmask(SIG_BLOCK, &pipe, &before))
        return writev(fd, parts, count);
    ssize_t written = writev(fd, parts, count);
    int failure = errno;
    if (written < 0 && failure == EPIPE && !sigismember(&before, SIGPIPE))
        while (sigtimedwait(&pipe, NULL, &no_time) < 0 && errno == EINTR)
            ;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = failure;
    return written;
}

static ssize_t write_once(const wazero__hostfile_t *host, const struct iovec *parts,
                          int count)
{
    if (host->file.filetype == WASI_SOCKET_STREAM) {
        struct msghdr message = {.msg_iov = (struct iovec *)parts,
                                 .msg_iovlen = (size_t)count};
        return sendmsg(host->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    /* Of the host's own pipes it is the host who says what a closed one does. */
    if (host->pipe && host->kind == HOSTFILE_WAITS)
        return write_to_pipe(host->fd, parts, count);
    return writev(host->fd, parts, count);
}

/* The next piece of the parts, behind `done` bytes. */
static struct iovec piece_at(const struct iovec *parts, size_t done, size_t most)
{
    while (done >= parts->iov_len)
        done -= parts++->iov_len;
    struct iovec piece = {(char *)parts->iov_base + done, parts->iov_len - done};
    if (piece.iov_len > most)
        piece.iov_len = most;
    return piece;
}

/* Writes all, in pieces, waiting in between; as much as can be with NONBLOCK. What was
 * written before something went wrong counts; the guest's next call will see that. */
static wazero__errno_t write_pieces(wazero__io_t *io, wazero__hostfile_t *host,
                                    const struct iovec *parts, int count,
                                    unsigned flags, size_t *done)
{
    wazero__errno_t code = WASI_SUCCESS;
    bool foreign = host->kind == HOSTFILE_FOREIGN;
    size_t all = 0;
    *done = 0;
    for (int i = 0; i < count; i++)
        all += parts[i].iov_len;
    while (*done < all && !code) {
        if (foreign && !ready_for(io, host, POLLOUT, flags, &code))
            break;
        struct iovec piece = piece_at(parts, *done, foreign ? PIECE : SIZE_MAX);
        ssize_t written = write_once(host, &piece, 1);
        if (written >= 0)
            *done += (size_t)written;
        else if (errno == EAGAIN)
            code = wait_for(io, host, POLLOUT, flags);
        else if (errno != EINTR)
            code = wazero__errno_from(errno);
    }
    return *done && code != WASI_ENDED ? WASI_SUCCESS : code;
}

static wazero__errno_t file_write(wazero__io_t *io, wazero__file_t *file,
                                  const struct iovec *parts, int count, unsigned flags,
                                  size_t *done)
{
    wazero__hostfile_t *host = (wazero__hostfile_t *)file;
    ssize_t written;
    wazero__thread_detach(wazero__thread());
    if (host->kind != HOSTFILE_PLAIN)
        return write_pieces(io, host, parts, count, flags, done);
    do
        written = count == 1 ? write(host->fd, parts->iov_base, parts->iov_len)
                             : writev(host->fd, parts, count);
    while (written < 0 && errno == EINTR);
    if (written < 0)
        return wazero__errno_from(errno);
    *done = (size_t)written;
    return WASI_SUCCESS;
}

static wazero__errno_t file_pread(wazero__io_t *io, wazero__file_t *file,
                                  const struct iovec *parts, int count, uint64_t offset,
                                  size_t *done)
{
    int fd = descriptor_of(file);
    ssize_t got;
    (void)io;
    wazero__thread_detach(wazero__thread());
    do
        got = count == 1 ? pread(fd, parts->iov_base, parts->iov_len, (off_t)offset)
                         : preadv(fd, parts, count, (off_t)offset);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return wazero__errno_from(errno);
    *done = (size_t)got;
    return WASI_SUCCESS;
}

static wazero__errno_t file_pwrite(wazero__io_t *io, wazero__file_t *file,
                                   const struct iovec *parts, int count,
                                   uint64_t offset, size_t *done)
{
    int fd = descriptor_of(file);
    ssize_t written;
    (void)io;
    wazero__thread_detach(wazero__thread());
    do
        written = count == 1
                      ? pwrite(fd, parts->iov_base, parts->iov_len, (off_t)offset)
                      : pwritev(fd, parts, count, (off_t)offset);
    while (written < 0 && errno == EINTR);
    if (written < 0)
        return wazero__errno_from(errno);
    *done = (size_t)written;
    return WASI_SUCCESS;
}

/* ---- the rest ---- */

static void file_destroy(wazero__file_t *file)
{
    close(descriptor_of(file));
    free(file);
}

static wazero__errno_t file_sync(wazero__io_t *io, wazero__file_t *file, bool data_only)
{
    int fd = descriptor_of(file);
    (void)io;
    wazero__thread_detach(wazero__thread());
    return wazero__errno_from((data_only ? fdatasync(fd) : fsync(fd)) ? errno : 0);
}

static wazero__errno_t file_set_flags(wazero__io_t *io, wazero__file_t *file,
                                      unsigned flags)
{
    const wazero__hostfile_t *host = (wazero__hostfile_t *)file;
    (void)io;
    if (host->kind == HOSTFILE_FOREIGN)
        return WASI_SUCCESS;
    int set = fcntl(host->fd, F_GETFL);
    if (set < 0)
        return wazero__errno_from(errno);
    int wanted = (flags & WASI_APPEND) ? set | O_APPEND : set & ~O_APPEND;
    /* NONBLOCK is not the system's: what is ours always is. */
    if (wanted != set && fcntl(host->fd, F_SETFL, wanted))
        return wazero__errno_from(errno);
    return WASI_SUCCESS;
}

static wazero__errno_t file_seek(wazero__io_t *io, wazero__file_t *file, int64_t offset,
                                 unsigned whence, uint64_t *position)
{
    static const int system[] = {SEEK_SET, SEEK_CUR, SEEK_END};
    (void)io;
    if (file->filetype == WASI_CHARACTER_DEVICE)
        return WASI_SPIPE;
    off_t now = lseek(descriptor_of(file), offset, system[whence]);
    if (now < 0)
        return wazero__errno_from(errno);
    *position = (uint64_t)now;
    return WASI_SUCCESS;
}

static wazero__errno_t file_set_size(wazero__io_t *io, wazero__file_t *file,
                                     uint64_t size)
{
    (void)io;
    wazero__thread_detach(wazero__thread());
    if (ftruncate(descriptor_of(file), (off_t)size))
        return wazero__errno_from(errno);
    return WASI_SUCCESS;
}

static wazero__errno_t file_allocate(wazero__io_t *io, wazero__file_t *file,
                                     uint64_t offset, uint64_t size)
{
    (void)io;
    wazero__thread_detach(wazero__thread());
    if (fallocate(descriptor_of(file), 0, (off_t)offset, (off_t)size))
        return wazero__errno_from(errno);
    return WASI_SUCCESS;
}

static wazero__errno_t file_advise(wazero__io_t *io, wazero__file_t *file,
                                   uint64_t offset, uint64_t size, unsigned advice)
{
    static const int system[] = {POSIX_FADV_NORMAL,   POSIX_FADV_SEQUENTIAL,
                                 POSIX_FADV_RANDOM,   POSIX_FADV_WILLNEED,
                                 POSIX_FADV_DONTNEED, POSIX_FADV_NOREUSE};
    (void)io;
    /* Advice that is not taken, by a pipe for one, is no failure. */
    (void)posix_fadvise(descriptor_of(file), (off_t)offset, (off_t)size,
                        system[advice]);
    return WASI_SUCCESS;
}

static uint64_t file_available(wazero__file_t *file)
{
    int count = 0;
    if (ioctl(descriptor_of(file), FIONREAD, &count) || count < 0)
        return 0;
    return (uint64_t)count;
}

/* ---- sockets ---- */

static wazero__errno_t file_accept(wazero__io_t *io, wazero__file_t *file,
                                   unsigned flags, wazero__file_t **connection)
{
    wazero__hostfile_t *host = (wazero__hostfile_t *)file;
    wazero__errno_t code = WASI_SUCCESS;
    wazero__thread_detach(wazero__thread());
    while (!code && ready_for(io, host, POLLIN, flags, &code)) {
        int fd = accept4(host->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            return wazero__hostfile_new(fd, false, connection);
        if (errno == EAGAIN)
            code = wait_for(io, host, POLLIN, flags); /* somebody else has accepted */
        else if (errno != EINTR && errno != ECONNABORTED)
            code = wazero__errno_from(errno);
    }
    return code;
}

/* Once, or until all parts are full with WAITALL. */
static wazero__errno_t file_receive(wazero__io_t *io, wazero__file_t *file,
                                    const struct iovec *parts, int count,
                                    unsigned flags, unsigned recv_flags, size_t *done)
{
    wazero__hostfile_t *host = (wazero__hostfile_t *)file;
    wazero__errno_t code = WASI_SUCCESS;
    int system = MSG_DONTWAIT | ((recv_flags & WASI_RECV_PEEK) ? MSG_PEEK : 0);
    size_t all = 0;
    *done = 0;
    for (int i = 0; i < count; i++)
        all += parts[i].iov_len;
    bool waits_for_all =
        (recv_flags & WASI_RECV_WAITALL) && !(recv_flags & WASI_RECV_PEEK);
    wazero__thread_detach(wazero__thread());
    while (*done < all && !code) {
        struct iovec piece = piece_at(parts, *done, SIZE_MAX);
        struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
        ssize_t got = recvmsg(host->fd, &message, system);
        if (got >= 0)
            *done += (size_t)got;
        if (got == 0 || (got > 0 && !waits_for_all))
            break;
        if (got < 0 && errno == EAGAIN)
            code = wait_for(io, host, POLLIN, flags);
        else if (got < 0 && errno != EINTR)
            code = wazero__errno_from(errno);
    }
    return *done && code != WASI_ENDED ? WASI_SUCCESS : code;
}

static wazero__errno_t file_shut_down(wazero__io_t *io, wazero__file_t *file,
                                      unsigned how)
{
    static const int system[] = {0, SHUT_RD, SHUT_WR, SHUT_RDWR};
    (void)io;
    return wazero__errno_from(shutdown(descriptor_of(file), system[how]) ? errno : 0);
}

const wazero__file_type_t wazero__hostfile_type = {
    .destroy = file_destroy,
    .stat = file_stat,
    .set_times = file_set_times,
    .sync = file_sync,
    .set_flags = file_set_flags,
    .read = file_read,
    .write = file_write,
    .pread = file_pread,
    .pwrite = file_pwrite,
    .seek = file_seek,
    .set_size = file_set_size,
    .allocate = file_allocate,
    .advise = file_advise,
    .descriptor = descriptor_of,
    .available = file_available,
    .accept = file_accept,
    .receive = file_receive,
    .shut_down = file_shut_down,
};

/* Memory devices (null, zero, random) never wait. */
static bool never_waits(const struct stat *status)
{
    enum { MEMORY_DEVICES = 1 };
    return S_ISREG(status->st_mode) || S_ISBLK(status->st_mode) ||
           (S_ISCHR(status->st_mode) && major(status->st_rdev) == MEMORY_DEVICES);
}

wazero__errno_t wazero__hostfile_wrap(int fd, bool foreign, const struct stat *status,
                                      wazero__file_t **file)
{
    wazero__hostfile_t *host = calloc(1, sizeof *host);
    if (!host) {
        close(fd);
        return WASI_NOMEM;
    }
    wazero__file_init(&host->file, &wazero__hostfile_type,
                      wazero__filetype_from(status->st_mode));
    host->fd = fd;
    host->kind = never_waits(status) ? HOSTFILE_PLAIN
                 : foreign           ? HOSTFILE_FOREIGN
                                     : HOSTFILE_WAITS;
    host->pipe = S_ISFIFO(status->st_mode);
    *file = &host->file;
    return WASI_SUCCESS;
}

wazero__errno_t wazero__hostfile_new(int fd, bool foreign, wazero__file_t **file)
{
    struct stat status;
    if (fstat(fd, &status) == 0)
        return wazero__hostfile_wrap(fd, foreign, &status, file);
    wazero__errno_t code = wazero__errno_from(errno);
    close(fd);
    return code;
}
