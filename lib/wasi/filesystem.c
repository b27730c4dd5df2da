/*
 * filesystem.c - what all kinds of file systems have in common. See filesystem.h.
 */
#include "wasi/filesystem.h"

#include "error.h"

void wazero__fs_init(wazero_fs_t *fs, const wazero__fs_type_t *type)
{
    fs->type = type;
    atomic_init(&fs->references, 1);
}

wazero_fs_t *wazero__fs_retain(wazero_fs_t *fs)
{
    atomic_fetch_add_explicit(&fs->references, 1, memory_order_relaxed);
    return fs;
}

void wazero_fs_delete(wazero_fs_t *fs)
{
    if (fs && atomic_fetch_sub_explicit(&fs->references, 1, memory_order_acq_rel) == 1)
        fs->type->destroy(fs);
}

wazero_error_t *wazero_fs_usage(wazero_fs_t *fs, wazero_fs_usage_t *usage)
{
    if (!fs || !fs->type->usage)
        return wazero__error(WAZERO_ERROR_INVALID, "the file system counts nothing");
    fs->type->usage(fs, usage);
    return NULL;
}
