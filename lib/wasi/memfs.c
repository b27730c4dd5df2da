/*
 * memfs.c - file systems in memory, as guests and the host use them.
 *
 * What they consist of is memtree.c's. Every holder of a file system's lock has `forks`
 * for reading, too, which fork() takes for writing: so a child finds all locks free and
 * all trees whole.
 */
#include <stdlib.h>

#include "error.h"
#include "fork.h"
#include "wasi/memfs.h"
#include "wasi/memory.h"

typedef wazero__memnode_t node_t;
typedef wazero__memfs_t memory_t;
typedef wazero__memfile_t memfile_t;

static memfile_t *of(wazero__file_t *file)
{
    return (memfile_t *)(void *)file;
}

/* ---- locks ---- */

static pthread_rwlock_t forks = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

void wazero__memory_before_fork(void)
{
    pthread_rwlock_wrlock(&forks);
}

void wazero__memory_after_fork(void)
{
    pthread_rwlock_unlock(&forks);
}

void wazero__memory_forget(void)
{
    static const pthread_rwlock_t fresh =
        PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
    forks = fresh;
}

void wazero__memfs_lock(memory_t *memory)
{
    pthread_rwlock_rdlock(&forks);
    pthread_mutex_lock(&memory->lock);
}

void wazero__memfs_unlock(memory_t *memory)
{
    pthread_mutex_unlock(&memory->lock);
    pthread_rwlock_unlock(&forks);
}

/* ---- opening ---- */

static const wazero__file_type_t directory_type;

memfile_t *wazero__memfile_new(memory_t *memory, const wazero__file_type_t *type)
{
    memfile_t *made = calloc(1, sizeof *made);
    if (!made)
        return NULL;
    wazero__file_init(&made->file, type, WASI_REGULAR_FILE);
    made->memory = (memory_t *)(void *)wazero__fs_retain(&memory->fs);
    return made;
}

/* The files that operations get are of the same file system: links and renames do not
 * leave a mount. */
static memfile_t *new_file(memory_t *memory)
{
    return wazero__memfile_new(memory, &wazero__memfile_type);
}

static void mem_destroy(wazero__file_t *file)
{
    memfile_t *self = of(file);
    if (self->node) {
        wazero__memfs_lock(self->memory);
        wazero__memtree_close(&self->memory->tree, self->node);
        wazero__memfs_unlock(self->memory);
    }
    wazero_fs_delete(&self->memory->fs);
    free(self);
}

/* Opens a node, locked. */
static void open_node(memfile_t *made, node_t *node)
{
    if (node->type == WASI_DIRECTORY) {
        made->file.type = &directory_type;
        made->file.filetype = WASI_DIRECTORY;
    }
    made->node = node;
    node->users++;
}

/* The node of a name, which may be "."; NULL if there is none. */
static node_t *look_up(const memfile_t *directory, const char *name)
{
    if (name[0] == '.' && !name[1])
        return directory->node;
    const wazero__mementry_t *entry = wazero__memtree_find(directory->node, name);
    return entry ? entry->node : NULL;
}

wazero__errno_t wazero__memnode_check_open(uint8_t type, const wazero__how_t *how)
{
    bool is_directory = type == WASI_DIRECTORY;
    if ((how->flags & WASI_O_CREAT) && (how->flags & WASI_O_EXCL))
        return WASI_EXIST;
    if ((how->flags & WASI_O_DIRECTORY) && !is_directory)
        return WASI_NOTDIR;
    if (type == WASI_SYMBOLIC_LINK)
        return WASI_LOOP;
    if (is_directory && (how->write || (how->flags & (WASI_O_CREAT | WASI_O_TRUNC))))
        return WASI_ISDIR;
    return WASI_SUCCESS;
}

void wazero__memnode_touch(node_t *node, uint64_t now)
{
    node->mtim = node->ctim = now;
}

void wazero__memfile_open(const wazero__io_t *io, memfile_t *made, node_t *node,
                          const wazero__how_t *how)
{
    if (how->flags & WASI_O_TRUNC) {
        /* Smaller always succeeds. */
        (void)wazero__memdata_resize(&made->memory->tree, node, 0);
        wazero__memnode_touch(node, wazero__io_now(io));
    }
    open_node(made, node);
    made->append = how->fdflags & WASI_APPEND;
}

static wazero__errno_t open_locked(const wazero__io_t *io, const memfile_t *directory,
                                   const char *name, const wazero__how_t *how,
                                   memfile_t *made)
{
    node_t *node = look_up(directory, name);
    wazero__memtree_t *tree = &directory->memory->tree;
    wazero__errno_t code;
    if (node)
        code = wazero__memnode_check_open(node->type, how);
    else if (how->flags & WASI_O_CREAT)
        code = wazero__memtree_make(tree, directory->node, name, WASI_REGULAR_FILE,
                                    NULL, wazero__io_now(io), &node);
    else
        code = WASI_NOENT;
    if (!code)
        wazero__memfile_open(io, made, node, how);
    return code;
}

static wazero__errno_t mem_open(wazero__io_t *io, wazero__file_t *directory,
                                const char *name, const wazero__how_t *how,
                                wazero__file_t **file)
{
    memory_t *memory = of(directory)->memory;
    memfile_t *made = new_file(memory);
    if (!made)
        return WASI_NOMEM;
    wazero__memfs_lock(memory);
    wazero__errno_t code = open_locked(io, of(directory), name, how, made);
    wazero__memfs_unlock(memory);
    if (code)
        mem_destroy(&made->file);
    else
        *file = &made->file;
    return code;
}

static wazero__errno_t mem_enter(wazero__io_t *io, wazero__file_t *directory,
                                 const char *name, wazero__file_t **entered)
{
    memory_t *memory = of(directory)->memory;
    memfile_t *made = new_file(memory);
    (void)io;
    if (!made)
        return WASI_NOMEM;
    wazero__memfs_lock(memory);
    node_t *node = look_up(of(directory), name);
    wazero__errno_t code = !node                          ? WASI_NOENT
                           : node->type != WASI_DIRECTORY ? WASI_NOTDIR
                                                          : WASI_SUCCESS;
    if (!code)
        open_node(made, node);
    wazero__memfs_unlock(memory);
    if (code)
        mem_destroy(&made->file);
    else
        *entered = &made->file;
    return code;
}

/* ---- looking ---- */

/* The device is left 0, which becomes the number of the mount. */
void wazero__memnode_stat(const node_t *node, wazero__stat_t *stat)
{
    *stat = (wazero__stat_t){.inode = node->inode,
                             .links = node->type == WASI_DIRECTORY ? 1 : node->links,
                             .size = node->size,
                             .atim = node->atim,
                             .mtim = node->mtim,
                             .ctim = node->ctim,
                             .type = node->type};
}

static wazero__errno_t mem_stat(wazero__io_t *io, wazero__file_t *file,
                                wazero__stat_t *stat)
{
    (void)io;
    wazero__memfs_lock(of(file)->memory);
    wazero__memnode_stat(of(file)->node, stat);
    wazero__memfs_unlock(of(file)->memory);
    return WASI_SUCCESS;
}

static wazero__errno_t mem_stat_at(wazero__io_t *io, wazero__file_t *directory,
                                   const char *name, wazero__stat_t *stat)
{
    (void)io;
    wazero__memfs_lock(of(directory)->memory);
    const node_t *node = look_up(of(directory), name);
    if (node)
        wazero__memnode_stat(node, stat);
    wazero__memfs_unlock(of(directory)->memory);
    return node ? WASI_SUCCESS : WASI_NOENT;
}

static wazero__errno_t mem_read_link(wazero__io_t *io, wazero__file_t *directory,
                                     const char *name, char *buffer, size_t size,
                                     size_t *done)
{
    wazero__errno_t code = WASI_SUCCESS;
    (void)io;
    wazero__memfs_lock(of(directory)->memory);
    const node_t *node = look_up(of(directory), name);
    if (!node) {
        code = WASI_NOENT;
    } else if (node->type != WASI_SYMBOLIC_LINK) {
        code = WASI_INVAL;
    } else {
        *done = node->size < size ? (size_t)node->size : size;
        memcpy(buffer, node->as.target, *done);
    }
    wazero__memfs_unlock(of(directory)->memory);
    return code;
}

static wazero__errno_t mem_list(wazero__io_t *io, wazero__file_t *directory,
                                wazero__listing_t *listing)
{
    const node_t *node = of(directory)->node;
    (void)io;
    wazero__memfs_lock(of(directory)->memory);
    wazero__errno_t code =
        wazero__listing_add(listing, ".", 1, node->inode, WASI_DIRECTORY);
    const wazero__mementry_t *entry = node->as.directory.names.first;
    for (; entry && !code; entry = entry->next)
        code = wazero__listing_add(listing, entry->name, entry->size,
                                   entry->node->inode, entry->node->type);
    wazero__memfs_unlock(of(directory)->memory);
    return code;
}

/* ---- times ---- */

void wazero__memnode_set_times(const wazero__io_t *io, node_t *node,
                               const wazero__times_t *times)
{
    uint64_t now = wazero__io_now(io);
    if (times->which & (WASI_ATIM | WASI_ATIM_NOW))
        node->atim = (times->which & WASI_ATIM) ? times->atim : now;
    if (times->which & (WASI_MTIM | WASI_MTIM_NOW))
        node->mtim = (times->which & WASI_MTIM) ? times->mtim : now;
    node->ctim = now;
}

static wazero__errno_t mem_set_times(wazero__io_t *io, wazero__file_t *file,
                                     const wazero__times_t *times)
{
    wazero__memfs_lock(of(file)->memory);
    wazero__memnode_set_times(io, of(file)->node, times);
    wazero__memfs_unlock(of(file)->memory);
    return WASI_SUCCESS;
}

static wazero__errno_t mem_set_times_at(wazero__io_t *io, wazero__file_t *directory,
                                        const char *name, const wazero__times_t *times)
{
    wazero__memfs_lock(of(directory)->memory);
    node_t *node = look_up(of(directory), name);
    if (node)
        wazero__memnode_set_times(io, node, times);
    wazero__memfs_unlock(of(directory)->memory);
    return node ? WASI_SUCCESS : WASI_NOENT;
}

/* ---- the bytes of a file ---- */

static wazero__errno_t mem_pread(wazero__io_t *io, wazero__file_t *file,
                                 const struct iovec *parts, int count, uint64_t offset,
                                 size_t *done)
{
    const memfile_t *self = of(file);
    (void)io;
    *done = 0;
    wazero__memfs_lock(self->memory);
    for (int i = 0; i < count; i++) {
        size_t got = wazero__memdata_read(self->node, offset + *done, parts[i].iov_base,
                                          parts[i].iov_len);
        *done += got;
        if (got < parts[i].iov_len)
            break;
    }
    wazero__memfs_unlock(self->memory);
    return WASI_SUCCESS;
}

static wazero__errno_t mem_read(wazero__io_t *io, wazero__file_t *file,
                                const struct iovec *parts, int count, unsigned flags,
                                size_t *done)
{
    (void)flags;
    wazero__errno_t code = mem_pread(io, file, parts, count, of(file)->position, done);
    of(file)->position += *done;
    return code;
}

/* Writes at an offset, which for a file that is appended to is its end. */
static wazero__errno_t write_at(const wazero__io_t *io, memfile_t *self,
                                const struct iovec *parts, int count, uint64_t *offset,
                                size_t *done)
{
    wazero__errno_t code = WASI_SUCCESS;
    *done = 0;
    wazero__memfs_lock(self->memory);
    if (self->append)
        *offset = self->node->size;
    for (int i = 0; i < count && !code; i++) {
        size_t got;
        code = wazero__memdata_write(&self->memory->tree, self->node, *offset + *done,
                                     parts[i].iov_base, parts[i].iov_len, &got);
        *done += got;
        if (got < parts[i].iov_len)
            break;
    }
    if (*done)
        wazero__memnode_touch(self->node, wazero__io_now(io));
    wazero__memfs_unlock(self->memory);
    return *done ? WASI_SUCCESS : code;
}

static wazero__errno_t mem_write(wazero__io_t *io, wazero__file_t *file,
                                 const struct iovec *parts, int count, unsigned flags,
                                 size_t *done)
{
    uint64_t offset = of(file)->position;
    (void)flags;
    wazero__errno_t code = write_at(io, of(file), parts, count, &offset, done);
    if (!code)
        of(file)->position = offset + *done;
    return code;
}

/* What is appended to ignores the offset, as on Linux. */
static wazero__errno_t mem_pwrite(wazero__io_t *io, wazero__file_t *file,
                                  const struct iovec *parts, int count, uint64_t offset,
                                  size_t *done)
{
    return write_at(io, of(file), parts, count, &offset, done);
}

static uint64_t size_of(const memfile_t *self)
{
    wazero__memfs_lock(self->memory);
    uint64_t size = self->node->size;
    wazero__memfs_unlock(self->memory);
    return size;
}

static wazero__errno_t mem_seek(wazero__io_t *io, wazero__file_t *file, int64_t offset,
                                unsigned whence, uint64_t *position)
{
    memfile_t *self = of(file);
    int64_t base = whence == WASI_SEEK_SET   ? 0
                   : whence == WASI_SEEK_CUR ? (int64_t)self->position
                                             : (int64_t)size_of(self);
    (void)io;
    if (__builtin_add_overflow(base, offset, &base) || base < 0)
        return WASI_INVAL;
    *position = self->position = (uint64_t)base;
    return WASI_SUCCESS;
}

static uint64_t mem_available(wazero__file_t *file)
{
    uint64_t size = size_of(of(file));
    return of(file)->position < size ? size - of(file)->position : 0;
}

static wazero__errno_t mem_set_size(wazero__io_t *io, wazero__file_t *file,
                                    uint64_t size)
{
    memfile_t *self = of(file);
    wazero__memfs_lock(self->memory);
    wazero__errno_t code =
        wazero__memdata_resize(&self->memory->tree, self->node, size);
    if (!code)
        wazero__memnode_touch(self->node, wazero__io_now(io));
    wazero__memfs_unlock(self->memory);
    return code;
}

static wazero__errno_t mem_allocate(wazero__io_t *io, wazero__file_t *file,
                                    uint64_t offset, uint64_t size)
{
    memfile_t *self = of(file);
    wazero__errno_t code = WASI_SUCCESS;
    wazero__memfs_lock(self->memory);
    if (offset + size > self->node->size)
        code = wazero__memdata_resize(&self->memory->tree, self->node, offset + size);
    if (!code)
        wazero__memnode_touch(self->node, wazero__io_now(io));
    wazero__memfs_unlock(self->memory);
    return code;
}

static wazero__errno_t mem_set_flags(wazero__io_t *io, wazero__file_t *file,
                                     unsigned flags)
{
    (void)io;
    of(file)->append = flags & WASI_APPEND;
    return WASI_SUCCESS;
}

/* ---- changing names ---- */

/* Makes something that is not a file. */
static wazero__errno_t make(const wazero__io_t *io, wazero__file_t *directory,
                            const char *name, uint8_t type, const char *target)
{
    memory_t *memory = of(directory)->memory;
    node_t *made;
    wazero__memfs_lock(memory);
    wazero__errno_t code =
        look_up(of(directory), name)
            ? WASI_EXIST
            : wazero__memtree_make(&memory->tree, of(directory)->node, name, type,
                                   target, wazero__io_now(io), &made);
    wazero__memfs_unlock(memory);
    return code;
}

static wazero__errno_t mem_make_directory(wazero__io_t *io, wazero__file_t *directory,
                                          const char *name)
{
    return make(io, directory, name, WASI_DIRECTORY, NULL);
}

static wazero__errno_t mem_symlink(wazero__io_t *io, wazero__file_t *directory,
                                   const char *name, const char *target)
{
    return make(io, directory, name, WASI_SYMBOLIC_LINK, target);
}

/* Why a name cannot be removed as a directory, or as what is none. */
static wazero__errno_t check_remove(const wazero__mementry_t *entry, bool directory)
{
    if (!entry)
        return WASI_NOENT;
    if (!directory)
        return entry->node->type == WASI_DIRECTORY ? WASI_ISDIR : WASI_SUCCESS;
    if (entry->node->type != WASI_DIRECTORY)
        return WASI_NOTDIR;
    return entry->node->as.directory.names.first ? WASI_NOTEMPTY : WASI_SUCCESS;
}

static wazero__errno_t remove_name(const wazero__io_t *io, const memfile_t *directory,
                                   const char *name, bool is_directory)
{
    memory_t *memory = directory->memory;
    wazero__memfs_lock(memory);
    wazero__mementry_t *entry = wazero__memtree_find(directory->node, name);
    wazero__errno_t code = check_remove(entry, is_directory);
    if (!code)
        wazero__memtree_remove(&memory->tree, directory->node, entry,
                               wazero__io_now(io));
    wazero__memfs_unlock(memory);
    return code;
}

static wazero__errno_t mem_remove_directory(wazero__io_t *io, wazero__file_t *directory,
                                            const char *name)
{
    return remove_name(io, of(directory), name, true);
}

static wazero__errno_t mem_unlink(wazero__io_t *io, wazero__file_t *directory,
                                  const char *name)
{
    return remove_name(io, of(directory), name, false);
}

/* Why one entry cannot get the name of another one, in the order in which Linux finds
 * out. */
static wazero__errno_t check_rename(const memfile_t *from_directory,
                                    const wazero__mementry_t *from,
                                    const memfile_t *to_directory,
                                    const wazero__mementry_t *to)
{
    bool is_directory = from->node->type == WASI_DIRECTORY;
    if (is_directory && wazero__memtree_is_above(from->node, to_directory->node))
        return WASI_INVAL;
    if (!to)
        return WASI_SUCCESS;
    if (to->node->type == WASI_DIRECTORY &&
        wazero__memtree_is_above(to->node, from_directory->node))
        return WASI_NOTEMPTY;
    return check_remove(to, is_directory);
}

static wazero__errno_t mem_rename(wazero__io_t *io, wazero__file_t *directory,
                                  const char *name, wazero__file_t *to_directory,
                                  const char *to_name)
{
    memory_t *memory = of(directory)->memory;
    const memfile_t *source = of(directory), *target = of(to_directory);
    wazero__memfs_lock(memory);
    wazero__mementry_t *from = wazero__memtree_find(source->node, name);
    wazero__mementry_t *to = wazero__memtree_find(target->node, to_name);
    wazero__errno_t code = WASI_NOENT;
    if (from)
        code = to && to->node == from->node ? WASI_SUCCESS /* nothing to do */
                                            : check_rename(source, from, target, to);
    if (!code && !(to && to->node == from->node))
        code = wazero__memtree_move(&memory->tree, source->node, from, target->node,
                                    to_name, to, wazero__io_now(io));
    wazero__memfs_unlock(memory);
    return code;
}

static wazero__errno_t mem_link(wazero__io_t *io, wazero__file_t *directory,
                                const char *name, wazero__file_t *to_directory,
                                const char *to_name)
{
    memory_t *memory = of(directory)->memory;
    wazero__errno_t code;
    wazero__memfs_lock(memory);
    const wazero__mementry_t *from = wazero__memtree_find(of(directory)->node, name);
    if (!from)
        code = WASI_NOENT;
    else if (wazero__memtree_find(of(to_directory)->node, to_name))
        code = WASI_EXIST;
    else if (from->node->type == WASI_DIRECTORY)
        code = WASI_PERM;
    else
        code = wazero__memtree_link(&memory->tree, of(to_directory)->node, to_name,
                                    from->node, wazero__io_now(io));
    wazero__memfs_unlock(memory);
    return code;
}

/* ---- the objects ---- */

const wazero__file_type_t wazero__memfile_type = {
    .destroy = mem_destroy,
    .stat = mem_stat,
    .set_times = mem_set_times,
    .set_flags = mem_set_flags,
    .read = mem_read,
    .write = mem_write,
    .pread = mem_pread,
    .pwrite = mem_pwrite,
    .seek = mem_seek,
    .set_size = mem_set_size,
    .allocate = mem_allocate,
    .available = mem_available,
};

static const wazero__file_type_t directory_type = {
    .destroy = mem_destroy,
    .stat = mem_stat,
    .set_times = mem_set_times,
    .open = mem_open,
    .enter = mem_enter,
    .stat_at = mem_stat_at,
    .set_times_at = mem_set_times_at,
    .read_link = mem_read_link,
    .make_directory = mem_make_directory,
    .remove_directory = mem_remove_directory,
    .unlink = mem_unlink,
    .symlink = mem_symlink,
    .rename = mem_rename,
    .link = mem_link,
    .list = mem_list,
};

static void memory_destroy(wazero_fs_t *fs)
{
    memory_t *memory = (memory_t *)(void *)fs;
    wazero__memtree_clear(&memory->tree);
    pthread_mutex_destroy(&memory->lock);
    free(memory);
}

static wazero_error_t *memory_open(wazero_fs_t *fs, wazero__file_t **root)
{
    memory_t *memory = (memory_t *)(void *)fs;
    memfile_t *made = new_file(memory);
    if (!made)
        return wazero__error_memory();
    wazero__memfs_lock(memory);
    open_node(made, memory->tree.root);
    wazero__memfs_unlock(memory);
    *root = &made->file;
    return NULL;
}

static void memory_usage(wazero_fs_t *fs, wazero_fs_usage_t *usage)
{
    memory_t *memory = (memory_t *)(void *)fs;
    wazero__memfs_lock(memory);
    usage->bytes = memory->tree.bytes;
    usage->files = memory->tree.files;
    usage->limits.max_bytes = memory->tree.max_bytes;
    usage->limits.max_files = memory->tree.max_files;
    wazero__memfs_unlock(memory);
}

static const wazero__fs_type_t memory_type = {
    .destroy = memory_destroy,
    .open = memory_open,
    .usage = memory_usage,
};

wazero__memfs_t *wazero__memfs_of(wazero_fs_t *fs)
{
    return fs->type == &memory_type ? (memory_t *)(void *)fs : NULL;
}

wazero_error_t *wazero_fs_new_memory(const wazero_fs_limits_t *limits, wazero_fs_t **fs)
{
    static const wazero_fs_limits_t standard = {WAZERO_FS_MAX_BYTES,
                                                WAZERO_FS_MAX_FILES};
    static const wazero__io_t io;
    wazero_error_t *error = wazero__fork_watch();
    if (error)
        return error;
    memory_t *made = calloc(1, sizeof *made);
    if (!limits)
        limits = &standard;
    if (!made || wazero__memtree_init(&made->tree, limits->max_bytes, limits->max_files,
                                      wazero__io_now(&io))) {
        free(made);
        return wazero__error_memory();
    }
    wazero__fs_init(&made->fs, &memory_type);
    pthread_mutex_init(&made->lock, NULL);
    *fs = &made->fs;
    return NULL;
}
