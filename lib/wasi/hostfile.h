/*
 * hostfile.h - files behind descriptors of the process: opened in a host directory,
 * given as standard streams, or sockets.
 */
#ifndef WAZERO_LIB_WASI_HOSTFILE_H
#define WAZERO_LIB_WASI_HOSTFILE_H

#include <sys/stat.h>

#include "wasi/fs.h"

/* How a descriptor behaves. */
typedef enum {
    HOSTFILE_PLAIN,   /* never waits: a regular file, a disk, /dev/null */
    HOSTFILE_WAITS,   /* ours, and O_NONBLOCK */
    HOSTFILE_FOREIGN, /* may wait, and shared with the host: its flags stay as they
                         are */
} wazero__hostfile_kind_t;

typedef struct wazero__hostfile {
    wazero__file_t file;
    int fd;
    wazero__hostfile_kind_t kind;
    bool pipe; /* writing to it can raise SIGPIPE */
    /* Where what it gets is counted, hostfs.c's; all zero elsewhere. */
    struct wazero__hostfs *owner; /* a reference */
    struct wazero__hostfile *next;
    uint64_t device, inode;
} wazero__hostfile_t;

/* A directory. */
typedef struct {
    wazero__file_t file;
    int fd;
    struct wazero__hostfs *owner; /* as above */
} wazero__hostdir_t;

/* Their operations, hostfile.c's and hostdir.c's. */
extern const wazero__file_type_t wazero__hostfile_type;
extern const wazero__file_type_t wazero__hostdir_type;

/* A file of a descriptor, which it takes, also when it fails. Errors: NOMEM and what
 * the system says. */
wazero__errno_t wazero__hostfile_new(int fd, bool foreign, wazero__file_t **file);

/* The same of what stat said of it. */
wazero__errno_t wazero__hostfile_wrap(int fd, bool foreign, const struct stat *status,
                                      wazero__file_t **file);

/* WASI's stat and type of file out of the system's. */
void wazero__stat_from(const struct stat *status, wazero__stat_t *stat);
uint8_t wazero__filetype_from(unsigned mode);

/* What the system takes for times that are set. */
void wazero__times_to(const wazero__times_t *times, struct timespec spec[2]);

#endif
