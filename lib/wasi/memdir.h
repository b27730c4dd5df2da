/*
 * memdir.h - file systems in memory, which the host fills and guests read.
 *
 * A tree is built by one thread and never changes once it was mounted; configurations
 * and open files share it by reference.
 */
#ifndef WAZERO_LIB_WASI_MEMDIR_H
#define WAZERO_LIB_WASI_MEMDIR_H

#include "wazero.h"

struct wazero__file;

/* From now on nothing can be added; a reference for the caller. */
wazero_fs_t *wazero__fs_mount(wazero_fs_t *fs);

/* The root, as a file that holds a reference. Errors: MEMORY. */
wazero_error_t *wazero__fs_open(wazero_fs_t *fs, struct wazero__file **root);

#endif
