/*
 * filesystem.h - what a wazero_fs_t is: something that can be mounted.
 *
 * A kind of file system puts a wazero_fs_t first in what it makes and says in a
 * wazero__fs_type_t how a root directory is opened. Handles, configurations, modules
 * and whatever is open hold references; any thread may. What the files share needs a
 * lock of its own (see fs.h), for one file system may be mounted in several modules.
 */
#ifndef WAZERO_LIB_WASI_FILESYSTEM_H
#define WAZERO_LIB_WASI_FILESYSTEM_H

#include "wasi/fs.h"

typedef struct {
    /* The last reference is gone. Never NULL. */
    void (*destroy)(wazero_fs_t *fs);
    /* The root directory as a file, which holds a reference to fs if it needs it.
     * Called each time that a module is made. Never NULL. Errors: the kind's. */
    wazero_error_t *(*open)(wazero_fs_t *fs, wazero__file_t **root);
    /* What it has and may have. NULL: it counts nothing. */
    void (*usage)(wazero_fs_t *fs, wazero_fs_usage_t *usage);
} wazero__fs_type_t;

struct wazero_fs {
    const wazero__fs_type_t *type;
    atomic_uint references;
};

/* Makes what was allocated a file system with one reference. */
void wazero__fs_init(wazero_fs_t *fs, const wazero__fs_type_t *type);

/* wazero_fs_delete gives it back. */
wazero_fs_t *wazero__fs_retain(wazero_fs_t *fs);

/* Around a fork: no file system in memory is in use meanwhile. */
void wazero__memory_before_fork(void);
void wazero__memory_after_fork(void);
void wazero__memory_forget(void);

/* Around a fork, and in the child: those in directories of the host may be in use, for
 * a disk may be slow; in the child nobody has their locks. */
void wazero__hostfs_before_fork(void);
void wazero__hostfs_after_fork(void);
void wazero__hostfs_forget(void);

#endif
