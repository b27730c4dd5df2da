/*
 * fs.h - the interface of everything that a guest can open: host directories and files,
 * standard streams, sockets, and file systems made of other things.
 *
 * A file system plugs in at "a directory handle and one name in it". Paths, links that
 * are followed, the jail, rights, read-only mounts and descriptor flags are seen to by
 * path.c and the WASI functions before an operation is reached. So an operation gets a
 * `name` that is one component, NUL-terminated: not empty, no '/', and never "..", and
 * "." only where its comment says so.
 *
 * A wazero__file_t is an open file, directory, stream or socket, with a count of
 * references. It is the first member of what its type makes. Operations of one file are
 * called by the thread inside the guest that opened it; a file that several modules
 * share (the root of a mounted file system) needs a lock of its own.
 *
 * Operations run without the host's lock if wazero__thread_detach was called before,
 * and may block only in wazero__io_wait. Those that call the host first attach
 * (wazero__io_call_host).
 *
 * An operation that a type leaves NULL answers as its comment says.
 */
#ifndef WAZERO_LIB_WASI_FS_H
#define WAZERO_LIB_WASI_FS_H

#include <stdatomic.h>
#include <sys/uio.h>

#include "clock.h"
#include "linear.h"
#include "wasi/abi.h"
#include "wazero.h"

/* One WASI call, as the operations see it. Zeroed it serves outside of any, too. */
typedef struct {
    wazero_error_t *error;      /* what ends the call: with WASI_ENDED */
    wazero__linear_t *linear;   /* of the guest, or NULL */
    bool pinned;                /* it stays where it is until the call is over */
    const wazero__time_t *time; /* the guest's, or NULL: the system's */
} wazero__io_t;

/* Ends the call with an error. Takes it. */
wazero__errno_t wazero__io_end(wazero__io_t *io, wazero_error_t *error);

/* Keeps the guest's memory where it is until the call is over, so that places in it
 * that were found stay valid: before anything during which the guest may run. */
void wazero__io_pin(wazero__io_t *io);

/* Before code of the host's runs, which may call the guest again: pins, and takes the
 * host's lock. */
void wazero__io_call_host(wazero__io_t *io);

/* What files get as their times: the guest's wall clock, so that a guest without one
 * learns nothing from its files, and is the same in every run. Calls nobody. */
uint64_t wazero__io_now(const wazero__io_t *io);

/* Waits until a descriptor is ready for `events` (POLLIN, POLLOUT), or the call is to
 * end. Errors: ENDED. */
wazero__errno_t wazero__io_wait(wazero__io_t *io, int descriptor, short events);

/* What stat tells; its inode is the file system's own. Of device 0 the guest sees the
 * number of the mount. */
typedef wazero_file_stat_t wazero__stat_t;

/* Times to set. `which` has checked bits WASI_ATIM and so on; where neither bit of a
 * time is set it stays. */
typedef wazero_file_times_t wazero__times_t;

/* How a name is opened. */
typedef struct {
    unsigned flags;   /* WASI_O_... */
    unsigned fdflags; /* WASI_APPEND and so on */
    bool read, write; /* neither: a directory, or only to look */
    bool follow;      /* open_path only: a link at the end is followed */
} wazero__how_t;

/* The entries of a directory at one moment, "." and ".." first. */
typedef struct wazero__listing wazero__listing_t;

/* Adds an entry; "." and ".." are ignored but for the inode of ".". Errors: NOMEM. */
wazero__errno_t wazero__listing_add(wazero__listing_t *listing, const char *name,
                                    size_t size, uint64_t inode, uint8_t type);

typedef struct wazero__file wazero__file_t;

typedef struct {
    /* The last reference is gone: closes and frees. Never NULL. */
    void (*destroy)(wazero__file_t *file);
    /* The guest closes its only descriptor, and is told what this answers; destroy
     * follows. NULL: success */
    wazero__errno_t (*close)(wazero__io_t *io, wazero__file_t *file);

    /* ---- any file ---- */
    wazero__errno_t (*stat)(wazero__io_t *io, wazero__file_t *file,
                            wazero__stat_t *stat); /* NULL: zero but for the type */
    wazero__errno_t (*set_times)(wazero__io_t *io, wazero__file_t *file,
                                 const wazero__times_t *times); /* NULL: NOTSUP */
    wazero__errno_t (*sync)(wazero__io_t *io, wazero__file_t *file,
                            bool data_only); /* NULL: success */
    /* APPEND and NONBLOCK become `flags`. NULL: success; the descriptor notes them. */
    wazero__errno_t (*set_flags)(wazero__io_t *io, wazero__file_t *file,
                                 unsigned flags);

    /* ---- files and streams ---- */
    /* Bytes into the parts or out of them, at the file's position, which moves on. Read
     * answers 0 at the end. Those without `flags` at their end are at an offset. The
     * parts together have at most INT32_MAX bytes, and may be none. `flags` are the
     * descriptor's: with NONBLOCK what would wait is AGAIN. NULL: BADF. */
    wazero__errno_t (*read)(wazero__io_t *io, wazero__file_t *file,
                            const struct iovec *parts, int count, unsigned flags,
                            size_t *done);
    wazero__errno_t (*write)(wazero__io_t *io, wazero__file_t *file,
                             const struct iovec *parts, int count, unsigned flags,
                             size_t *done);
    wazero__errno_t (*pread)(wazero__io_t *io, wazero__file_t *file,
                             const struct iovec *parts, int count, uint64_t offset,
                             size_t *done); /* NULL: SPIPE */
    wazero__errno_t (*pwrite)(wazero__io_t *io, wazero__file_t *file,
                              const struct iovec *parts, int count, uint64_t offset,
                              size_t *done); /* NULL: SPIPE */
    /* whence is WASI_SEEK_... NULL: SPIPE */
    wazero__errno_t (*seek)(wazero__io_t *io, wazero__file_t *file, int64_t offset,
                            unsigned whence, uint64_t *position);
    wazero__errno_t (*set_size)(wazero__io_t *io, wazero__file_t *file,
                                uint64_t size); /* NULL: INVAL */
    /* Makes the file at least offset + size long. NULL: NOTSUP */
    wazero__errno_t (*allocate)(wazero__io_t *io, wazero__file_t *file, uint64_t offset,
                                uint64_t size);
    /* advice is 0 to 5, checked. NULL: success */
    wazero__errno_t (*advise)(wazero__io_t *io, wazero__file_t *file, uint64_t offset,
                              uint64_t size, unsigned advice);
    /* The descriptor to poll for readiness, or -1: it is always ready. NULL: -1 */
    int (*descriptor)(wazero__file_t *file);
    /* How much can be read at once, as far as is known. NULL: 1 */
    uint64_t (*available)(wazero__file_t *file);

    /* ---- sockets; NULL: NOTSOCK ---- */
    wazero__errno_t (*accept)(wazero__io_t *io, wazero__file_t *file, unsigned flags,
                              wazero__file_t **connection);
    /* recv_flags are WASI_RECV_... */
    wazero__errno_t (*receive)(wazero__io_t *io, wazero__file_t *file,
                               const struct iovec *parts, int count, unsigned flags,
                               unsigned recv_flags, size_t *done);
    wazero__errno_t (*shut_down)(wazero__io_t *io, wazero__file_t *file, unsigned how);

    /* ---- directories; NULL: NOTSUP, and ROFS for what changes something ---- */
    /* Opens, or makes with O_CREAT, a file; or opens a directory. Never follows: a link
     * is LOOP (or NOTDIR with O_DIRECTORY). The name may be ".". */
    wazero__errno_t (*open)(wazero__io_t *io, wazero__file_t *directory,
                            const char *name, const wazero__how_t *how,
                            wazero__file_t **file);
    /* Opens a directory only to go through it: a link or a file is NOTDIR. */
    wazero__errno_t (*enter)(wazero__io_t *io, wazero__file_t *directory,
                             const char *name, wazero__file_t **entered);
    /* Of the name itself, also if it is a link. The name may be ".". */
    wazero__errno_t (*stat_at)(wazero__io_t *io, wazero__file_t *directory,
                               const char *name, wazero__stat_t *stat);
    wazero__errno_t (*set_times_at)(wazero__io_t *io, wazero__file_t *directory,
                                    const char *name, const wazero__times_t *times);
    /* The target of a link, cut to size bytes, without a NUL. INVAL if it is none. */
    wazero__errno_t (*read_link)(wazero__io_t *io, wazero__file_t *directory,
                                 const char *name, char *buffer, size_t size,
                                 size_t *done);
    wazero__errno_t (*make_directory)(wazero__io_t *io, wazero__file_t *directory,
                                      const char *name);
    wazero__errno_t (*remove_directory)(wazero__io_t *io, wazero__file_t *directory,
                                        const char *name);
    wazero__errno_t (*unlink)(wazero__io_t *io, wazero__file_t *directory,
                              const char *name);
    wazero__errno_t (*symlink)(wazero__io_t *io, wazero__file_t *directory,
                               const char *name, const char *target);
    /* Of two directories of the same mount, and so of the same file system. */
    wazero__errno_t (*rename)(wazero__io_t *io, wazero__file_t *directory,
                              const char *name, wazero__file_t *to_directory,
                              const char *to_name);
    wazero__errno_t (*link)(wazero__io_t *io, wazero__file_t *directory,
                            const char *name, wazero__file_t *to_directory,
                            const char *to_name);
    wazero__errno_t (*list)(wazero__io_t *io, wazero__file_t *directory,
                            wazero__listing_t *listing);

    /* ---- shortcuts for whole relative paths; NULL: path.c walks ---- */
    /* Goes through a path as enter does, following links, and never leaves the
     * directory: then PERM. NOSYS: walk, after all. */
    wazero__errno_t (*enter_path)(wazero__io_t *io, wazero__file_t *directory,
                                  const char *path, wazero__file_t **entered);
    /* Opens a path as open does, in the same jail; follows a link at its end if how
     * says so. NOSYS: walk. */
    wazero__errno_t (*open_path)(wazero__io_t *io, wazero__file_t *directory,
                                 const char *path, const wazero__how_t *how,
                                 wazero__file_t **file);
    /* Tells of what is at a path, in the same jail; follows a link at its end if it is
     * to. NOSYS: walk. */
    wazero__errno_t (*stat_path)(wazero__io_t *io, wazero__file_t *directory,
                                 const char *path, bool follow, wazero__stat_t *stat);
} wazero__file_type_t;

struct wazero__file {
    const wazero__file_type_t *type;
    atomic_uint references;
    uint8_t filetype; /* WASI_REGULAR_FILE and so on */
};

/* Makes what was allocated a file with one reference. */
void wazero__file_init(wazero__file_t *file, const wazero__file_type_t *type,
                       uint8_t filetype);
wazero__file_t *wazero__file_retain(wazero__file_t *file);
void wazero__file_release(wazero__file_t *file); /* NULL is fine */

/* Whether a guest is to take it for a terminal: what the system says is one. */
bool wazero__file_is_terminal(const wazero__file_t *file);

/* WASI's number for one of the system's, and the other way round. */
wazero__errno_t wazero__errno_from(int number);
int wazero__errno_to(wazero__errno_t code);

/* ---- what lib has of its own ---- */

/* A directory of the host as the root of a mount. Errors: INVALID when it cannot be
 * opened, MEMORY. */
wazero_error_t *wazero__host_directory_new(const char *path, wazero__file_t **root);

/* Without openat2, as on kernels that have none, for tests; WAZERO_NO_OPENAT2=1 in the
 * environment does the same. */
void wazero__host_directory_forbid_openat2(bool forbid);

/* A TCP socket that listens at an address or a name ("": everywhere), and the address
 * that it got, in room bytes at bound_host. Errors: INVALID, MEMORY. */
wazero_error_t *wazero__tcp_listen(const char *host, uint16_t port,
                                   wazero__file_t **listener, char *bound_host,
                                   size_t room, uint16_t *bound_port);

#endif
