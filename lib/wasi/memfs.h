/*
 * memfs.h - file systems in memory, for what is made of one: memfs.c's own, and the
 * upper layer of an overlay.
 *
 * One lock guards a file system with all its open files but their positions. It is held
 * for one operation, in which nobody calls the host, waits, or takes another lock.
 */
#ifndef WAZERO_LIB_WASI_MEMFS_H
#define WAZERO_LIB_WASI_MEMFS_H

#include <pthread.h>

#include "wasi/filesystem.h"
#include "wasi/memtree.h"

typedef struct {
    wazero_fs_t fs;
    pthread_mutex_t lock;
    wazero__memtree_t tree;
} wazero__memfs_t;

typedef struct {
    wazero__file_t file;
    wazero__memfs_t *memory; /* a reference */
    wazero__memnode_t *node; /* of whose users this is one; NULL: not opened yet */
    uint64_t position;
    bool append;
} wazero__memfile_t;

/* The operations of a file. */
extern const wazero__file_type_t wazero__memfile_type;

/* A file system in memory for what it is, NULL for one of another kind. */
wazero__memfs_t *wazero__memfs_of(wazero_fs_t *fs);

void wazero__memfs_lock(wazero__memfs_t *memory);
void wazero__memfs_unlock(wazero__memfs_t *memory);

/* A file that is not opened yet, whose type is the caller's to set; released it is
 * freed. NULL without memory. */
wazero__memfile_t *wazero__memfile_new(wazero__memfs_t *memory,
                                       const wazero__file_type_t *type);

/* ---- locked ---- */

void wazero__memnode_stat(const wazero__memnode_t *node, wazero__stat_t *stat);
void wazero__memnode_set_times(const wazero__io_t *io, wazero__memnode_t *node,
                               const wazero__times_t *times);

/* It was written. */
void wazero__memnode_touch(wazero__memnode_t *node, uint64_t now);

/* Whether what has a type is opened so. Errors: EXIST, NOTDIR, LOOP, ISDIR. */
wazero__errno_t wazero__memnode_check_open(uint8_t type, const wazero__how_t *how);

/* Opens a node that may be opened so: cuts it off if `how` says so. */
void wazero__memfile_open(const wazero__io_t *io, wazero__memfile_t *made,
                          wazero__memnode_t *node, const wazero__how_t *how);

#endif
