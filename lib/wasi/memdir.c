/*
 * memdir.c - file systems in memory, which the host fills and guests read.
 *
 * A tree is built by one thread and never changes once it was opened. What would change
 * something is left out of the files' types, which answers ROFS.
 */
#include <stdlib.h>

#include "error.h"
#include "text.h"
#include "wasi/filesystem.h"
#include "wasi/memory.h"

typedef struct node {
    struct node **children; /* of a directory, sorted by name */
    size_t count;
    uint8_t *bytes; /* of a file */
    size_t size;
    uint64_t inode;
    bool is_directory;
    char name[];
} node_t;

typedef struct {
    wazero_fs_t fs;
    atomic_bool opened; /* nothing can be added any more */
    uint64_t inodes;
    node_t *root;
} memory_t;

/* ---- trees ---- */

static node_t *new_node(memory_t *fs, const char *name, size_t size, bool directory)
{
    node_t *node = calloc(1, sizeof *node + size + 1);
    if (!node)
        return NULL;
    memcpy(node->name, name, size);
    node->is_directory = directory;
    node->inode = ++fs->inodes;
    return node;
}

static void delete_node(node_t *node)
{
    if (!node)
        return;
    for (size_t i = 0; i < node->count; i++)
        delete_node(node->children[i]);
    free(node->children);
    free(node->bytes);
    free(node);
}

/* Where a name is among the children, or would be. */
static size_t find_place(const node_t *directory, const char *name, size_t size,
                         bool *found)
{
    size_t low = 0, high = directory->count;
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *other = directory->children[middle]->name;
        int order = strncmp(other, name, size);
        if (order == 0 && other[size])
            order = 1;
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The child of a name, or NULL. */
static node_t *find_child(const node_t *directory, const char *name)
{
    bool found;
    size_t place = find_place(directory, name, strlen(name), &found);
    return found ? directory->children[place] : NULL;
}

/* Puts a node at its place; false without memory. */
static bool insert(node_t *directory, node_t *node, size_t place)
{
    size_t size = sizeof(node_t *);
    node_t **more = realloc(directory->children, (directory->count + 1) * size);
    if (!more)
        return false;
    memmove(more + place + 1, more + place, (directory->count - place) * size);
    more[place] = node;
    directory->children = more;
    directory->count++;
    return true;
}

static void memory_destroy(wazero_fs_t *fs)
{
    delete_node(((memory_t *)(void *)fs)->root);
    free(fs);
}

/* ---- adding ---- */

static wazero_error_t *refuse(const char *path, const char *why)
{
    char shown[128];
    wazero__text_show(path, strlen(path), shown, sizeof shown);
    return wazero__error(WAZERO_ERROR_INVALID, "the path \"%s\" %s", shown, why);
}

static bool is_name(const char *name, size_t size)
{
    return size > 0 && size <= WAZERO__NAME_MAX &&
           !(name[0] == '.' && (size == 1 || (size == 2 && name[1] == '.')));
}

/* The directory of this name in another one, which is made if there is none. */
static wazero_error_t *enter_or_make(memory_t *fs, node_t **directory, const char *path,
                                     const char *name, size_t size)
{
    bool found;
    size_t place = find_place(*directory, name, size, &found);
    if (!found) {
        node_t *made = new_node(fs, name, size, true);
        if (!made || !insert(*directory, made, place)) {
            delete_node(made);
            return wazero__error_memory();
        }
    }
    node_t *child = (*directory)->children[place];
    if (!child->is_directory)
        return refuse(path, "leads through a file");
    *directory = child;
    return NULL;
}

/* Goes to the directory of the last name of a path, making those on the way. *name is
 * that name, without slashes; it is empty if the path is that of the root. */
static wazero_error_t *go(memory_t *fs, const char *path, node_t **directory,
                          const char **name, size_t *size)
{
    if (!path)
        return wazero__error(WAZERO_ERROR_INVALID, "the path must not be NULL");
    if (atomic_load(&fs->opened))
        return refuse(path, "cannot be added: the file system was opened before");
    const char *at = path + strspn(path, "/");
    *directory = fs->root;
    for (;;) {
        size_t length = strcspn(at, "/"), slashes = strspn(at + length, "/");
        *name = at;
        *size = length;
        if (length && !is_name(at, length))
            return refuse(path, "has a name that no file can have");
        if (!at[length + slashes])
            return NULL;
        wazero_error_t *error = enter_or_make(fs, directory, path, at, length);
        if (error)
            return error;
        at += length + slashes;
    }
}

static const wazero__fs_type_t memory_type;

static wazero_error_t *as_memory(wazero_fs_t *fs, memory_t **memory)
{
    if (!fs || fs->type != &memory_type)
        return wazero__error(WAZERO_ERROR_INVALID, "the file system is not in memory");
    *memory = (memory_t *)(void *)fs;
    return NULL;
}

wazero_error_t *wazero_fs_add_directory(wazero_fs_t *fs, const char *path)
{
    memory_t *memory = NULL;
    node_t *directory;
    const char *name;
    size_t size;
    wazero_error_t *error = as_memory(fs, &memory);
    if (!error)
        error = go(memory, path, &directory, &name, &size);
    if (error || !size)
        return error;
    return enter_or_make(memory, &directory, path, name, size);
}

wazero_error_t *wazero_fs_add_file(wazero_fs_t *fs, const char *path, const void *bytes,
                                   size_t size)
{
    memory_t *memory = NULL;
    node_t *directory;
    const char *name;
    size_t name_size;
    bool found;
    wazero_error_t *error = as_memory(fs, &memory);
    if (!error)
        error = go(memory, path, &directory, &name, &name_size);
    if (error)
        return error;
    if (!name_size || name[name_size])
        return refuse(path, "is that of a directory");
    size_t place = find_place(directory, name, name_size, &found);
    if (found)
        return refuse(path, "is there already");
    node_t *made = new_node(memory, name, name_size, false);
    if (made)
        made->bytes = malloc(size ? size : 1);
    if (!made || !made->bytes || !insert(directory, made, place)) {
        delete_node(made);
        return wazero__error_memory();
    }
    if (size)
        memcpy(made->bytes, bytes, size);
    made->size = size;
    return NULL;
}

/* ---- as files of a guest ---- */

typedef struct {
    wazero__file_t file;
    wazero_fs_t *fs; /* a reference */
    const node_t *node;
    uint64_t position;
} memfile_t;

static memfile_t *of(wazero__file_t *file)
{
    return (memfile_t *)(void *)file;
}

static wazero__errno_t open_node(wazero_fs_t *fs, const node_t *node,
                                 wazero__file_t **file);

static void mem_destroy(wazero__file_t *file)
{
    wazero_fs_delete(of(file)->fs);
    free(of(file));
}

static void stat_node(const node_t *node, wazero__stat_t *stat)
{
    *stat = (wazero__stat_t){.inode = node->inode,
                             .links = 1,
                             .size = node->size,
                             .type = node->is_directory ? WASI_DIRECTORY
                                                        : WASI_REGULAR_FILE};
}

static wazero__errno_t mem_stat(wazero__io_t *io, wazero__file_t *file,
                                wazero__stat_t *stat)
{
    (void)io;
    stat_node(of(file)->node, stat);
    return WASI_SUCCESS;
}

static wazero__errno_t mem_pread(wazero__io_t *io, wazero__file_t *file,
                                 const struct iovec *parts, int count, uint64_t offset,
                                 size_t *done)
{
    const node_t *node = of(file)->node;
    (void)io;
    *done = 0;
    for (int i = 0; i < count && offset < node->size; i++) {
        size_t left = node->size - (size_t)offset;
        size_t size = parts[i].iov_len < left ? parts[i].iov_len : left;
        if (size)
            memcpy(parts[i].iov_base, node->bytes + offset, size);
        offset += size;
        *done += size;
    }
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

static wazero__errno_t mem_seek(wazero__io_t *io, wazero__file_t *file, int64_t offset,
                                unsigned whence, uint64_t *position)
{
    memfile_t *self = of(file);
    int64_t base = whence == WASI_SEEK_SET   ? 0
                   : whence == WASI_SEEK_CUR ? (int64_t)self->position
                                             : (int64_t)self->node->size;
    (void)io;
    if (__builtin_add_overflow(base, offset, &base) || base < 0)
        return WASI_INVAL;
    *position = self->position = (uint64_t)base;
    return WASI_SUCCESS;
}

static uint64_t mem_available(wazero__file_t *file)
{
    const memfile_t *self = of(file);
    return self->position < self->node->size ? self->node->size - self->position : 0;
}

/* The node of a name in a directory, or NULL; the name may be ".". */
static const node_t *look_up(wazero__file_t *directory, const char *name)
{
    const node_t *node = of(directory)->node;
    return strcmp(name, ".") == 0 ? node : find_child(node, name);
}

static wazero__errno_t mem_open(wazero__io_t *io, wazero__file_t *directory,
                                const char *name, const wazero__how_t *how,
                                wazero__file_t **file)
{
    const node_t *node = look_up(directory, name);
    (void)io;
    if (!node)
        return (how->flags & WASI_O_CREAT) ? WASI_ROFS : WASI_NOENT;
    if ((how->flags & WASI_O_CREAT) && (how->flags & WASI_O_EXCL))
        return WASI_EXIST;
    if ((how->flags & WASI_O_DIRECTORY) && !node->is_directory)
        return WASI_NOTDIR;
    if (how->write || (how->flags & WASI_O_TRUNC))
        return node->is_directory ? WASI_ISDIR : WASI_ROFS;
    return open_node(of(directory)->fs, node, file);
}

static wazero__errno_t mem_enter(wazero__io_t *io, wazero__file_t *directory,
                                 const char *name, wazero__file_t **entered)
{
    const node_t *node = look_up(directory, name);
    (void)io;
    if (!node)
        return WASI_NOENT;
    return node->is_directory ? open_node(of(directory)->fs, node, entered)
                              : WASI_NOTDIR;
}

static wazero__errno_t mem_stat_at(wazero__io_t *io, wazero__file_t *directory,
                                   const char *name, wazero__stat_t *stat)
{
    const node_t *node = look_up(directory, name);
    (void)io;
    if (!node)
        return WASI_NOENT;
    stat_node(node, stat);
    return WASI_SUCCESS;
}

static wazero__errno_t mem_read_link(wazero__io_t *io, wazero__file_t *directory,
                                     const char *name, char *buffer, size_t size,
                                     size_t *done)
{
    (void)io;
    (void)buffer;
    (void)size;
    (void)done;
    return look_up(directory, name) ? WASI_INVAL : WASI_NOENT; /* there are no links */
}

static wazero__errno_t mem_list(wazero__io_t *io, wazero__file_t *directory,
                                wazero__listing_t *listing)
{
    const node_t *node = of(directory)->node;
    wazero__errno_t code =
        wazero__listing_add(listing, ".", 1, node->inode, WASI_DIRECTORY);
    (void)io;
    for (size_t i = 0; i < node->count && !code; i++) {
        const node_t *child = node->children[i];
        code = wazero__listing_add(
            listing, child->name, strlen(child->name), child->inode,
            child->is_directory ? WASI_DIRECTORY : WASI_REGULAR_FILE);
    }
    return code;
}

static const wazero__file_type_t file_type = {
    .destroy = mem_destroy,
    .stat = mem_stat,
    .read = mem_read,
    .pread = mem_pread,
    .seek = mem_seek,
    .available = mem_available,
};

static const wazero__file_type_t directory_type = {
    .destroy = mem_destroy,
    .stat = mem_stat,
    .open = mem_open,
    .enter = mem_enter,
    .stat_at = mem_stat_at,
    .read_link = mem_read_link,
    .list = mem_list,
};

static wazero__errno_t open_node(wazero_fs_t *fs, const node_t *node,
                                 wazero__file_t **file)
{
    memfile_t *made = malloc(sizeof *made);
    if (!made)
        return WASI_NOMEM;
    wazero__file_init(&made->file, node->is_directory ? &directory_type : &file_type,
                      node->is_directory ? WASI_DIRECTORY : WASI_REGULAR_FILE);
    made->fs = wazero__fs_retain(fs);
    made->node = node;
    made->position = 0;
    *file = &made->file;
    return WASI_SUCCESS;
}

static wazero_error_t *memory_open(wazero_fs_t *fs, wazero__file_t **root)
{
    memory_t *memory = (memory_t *)(void *)fs;
    atomic_store(&memory->opened, true);
    return open_node(fs, memory->root, root) ? wazero__error_memory() : NULL;
}

static const wazero__fs_type_t memory_type = {
    .destroy = memory_destroy,
    .open = memory_open,
};

wazero_error_t *wazero_fs_new(wazero_fs_t **fs)
{
    memory_t *made = calloc(1, sizeof *made);
    if (made)
        made->root = new_node(made, "", 0, true);
    if (!made || !made->root) {
        free(made);
        return wazero__error_memory();
    }
    wazero__fs_init(&made->fs, &memory_type);
    *fs = &made->fs;
    return NULL;
}
