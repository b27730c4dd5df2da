/*
 * custom.c - file systems made of functions of the host's (wazero_fs_functions_t).
 *
 * An open directory is its path from the root; a file has what the host's `open` gave
 * for it, and the path, for what the host has no function of files for. Neither ever
 * changes, so there are no locks: what the host's functions share is the host's to
 * lock. Every operation keeps its file while the host's code runs, which may close it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "thread.h"
#include "wasi/filesystem.h"
#include "wasi/memory.h"

typedef struct {
    wazero_fs_t fs;
    wazero_fs_functions_t functions;
    bool keeps_positions; /* there are but pread and pwrite */
    void *user;
    void (*delete_user)(void *user);
} custom_t;

typedef struct {
    wazero__file_t file;
    custom_t *fs; /* a reference */
    void *opened; /* the host's, of a file */
    int descriptor;
    bool closed;
    uint64_t position;
    char path[];
} custom_file_t;

struct wazero_entries {
    wazero__listing_t *listing;
    const char *path;
};

/* One call of the host. */
typedef struct {
    wazero_fs_call_t call;
    wazero__io_t *io;
    custom_file_t *file;
    const wazero_fs_functions_t *functions;
} host_call_t;

static custom_file_t *of(wazero__file_t *file)
{
    return (custom_file_t *)(void *)file;
}

static host_call_t begin(wazero__io_t *io, wazero__file_t *file)
{
    custom_file_t *self = of(wazero__file_retain(file));
    wazero__io_call_host(io);
    return (host_call_t){{self->fs->user, NULL, false}, io, self, &self->fs->functions};
}

/* What the host's function answered, as an operation does. */
static wazero__errno_t checked(wazero__io_t *io, wazero_fs_call_t *call,
                               wazero_errno_t code)
{
    if (call->error) {
        wazero_error_t *error = call->error;
        call->error = NULL;
        return wazero__io_end(io, error);
    }
    return (unsigned)code < WASI_ERRNO_COUNT ? (wazero__errno_t)code : WASI_IO;
}

static wazero__errno_t finish(host_call_t *host, wazero__errno_t code)
{
    wazero__file_release(&host->file->file);
    return code;
}

static wazero__errno_t end(host_call_t *host, wazero_errno_t code)
{
    return finish(host, checked(host->io, &host->call, code));
}

/* ---- paths ---- */

/* The path of a name in a directory. */
static wazero__errno_t join(const custom_file_t *directory, const char *name,
                            char path[WAZERO__PATH_MAX])
{
    bool is_root = strcmp(directory->path, ".") == 0, is_self = strcmp(name, ".") == 0;
    int size = is_self ? snprintf(path, WAZERO__PATH_MAX, "%s", directory->path)
               : is_root
                   ? snprintf(path, WAZERO__PATH_MAX, "%s", name)
                   : snprintf(path, WAZERO__PATH_MAX, "%s/%s", directory->path, name);
    return size < WAZERO__PATH_MAX ? WASI_SUCCESS : WASI_NAMETOOLONG;
}

/* A number for a file whose file system has none: FNV-1a of its path. */
static uint64_t inode_of(const char *directory, const char *name, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    const uint64_t prime = UINT64_C(0x100000001b3);
    if (strcmp(directory, ".") != 0) {
        for (; *directory; directory++)
            hash = (hash ^ (uint8_t)*directory) * prime;
        hash = (hash ^ '/') * prime;
    }
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (uint8_t)name[i]) * prime;
    return hash ? hash : 1;
}

static wazero__errno_t look(host_call_t *host, const char *path, wazero__stat_t *stat)
{
    *stat = (wazero__stat_t){0};
    wazero__errno_t code =
        checked(host->io, &host->call, host->functions->stat(&host->call, path, stat));
    if (code)
        return code;
    if (stat->type == WASI_UNKNOWN || stat->type > WASI_SYMBOLIC_LINK)
        return WASI_IO;
    if (!stat->inode)
        stat->inode = inode_of(".", path, strlen(path));
    return WASI_SUCCESS;
}

/* ---- files ---- */

/* Tells the host, once, outside of any call of a guest or inside one. */
static wazero__errno_t shut(wazero__io_t *io, custom_file_t *self, bool unheard)
{
    if (self->closed || self->file.filetype == WASI_DIRECTORY)
        return WASI_SUCCESS;
    self->closed = true;
    if (!self->fs->functions.close)
        return WASI_SUCCESS;
    wazero_fs_call_t call = {self->fs->user, NULL, unheard};
    wazero__io_call_host(io);
    return checked(io, &call, self->fs->functions.close(&call, self->opened));
}

static wazero__errno_t custom_close(wazero__io_t *io, wazero__file_t *file)
{
    return shut(io, of(file), false);
}

static void custom_destroy(wazero__file_t *file)
{
    wazero__io_t io = {0};
    shut(&io, of(file), true);
    wazero_error_delete(io.error); /* there is nobody to tell */
    wazero_fs_delete(&of(file)->fs->fs);
    free(of(file));
}

static wazero__errno_t custom_stat(wazero__io_t *io, wazero__file_t *file,
                                   wazero__stat_t *stat)
{
    host_call_t host = begin(io, file);
    if (!host.functions->file_stat || file->filetype == WASI_DIRECTORY)
        return finish(&host, look(&host, host.file->path, stat));
    *stat = (wazero__stat_t){0};
    wazero__errno_t code =
        end(&host, host.functions->file_stat(&host.call, host.file->opened, stat));
    if (code)
        return code;
    if (stat->type == WASI_UNKNOWN || stat->type > WASI_SYMBOLIC_LINK)
        stat->type = file->filetype;
    if (!stat->inode)
        stat->inode = inode_of(".", of(file)->path, strlen(of(file)->path));
    return WASI_SUCCESS;
}

static wazero__errno_t custom_set_times(wazero__io_t *io, wazero__file_t *file,
                                        const wazero__times_t *times)
{
    host_call_t host = begin(io, file);
    const wazero_fs_functions_t *functions = host.functions;
    wazero_errno_t code = WAZERO_ERRNO_ROFS;
    if (functions->set_file_times && file->filetype != WASI_DIRECTORY)
        code = functions->set_file_times(&host.call, host.file->opened, times);
    else if (functions->set_times)
        code = functions->set_times(&host.call, host.file->path, times);
    return end(&host, code);
}

static wazero__errno_t custom_sync(wazero__io_t *io, wazero__file_t *file,
                                   bool data_only)
{
    host_call_t host = begin(io, file);
    if (!host.functions->sync)
        return end(&host, WAZERO_ERRNO_SUCCESS);
    return end(&host, host.functions->sync(&host.call, host.file->opened, data_only));
}

static wazero__errno_t custom_set_flags(wazero__io_t *io, wazero__file_t *file,
                                        unsigned flags)
{
    host_call_t host = begin(io, file);
    if (!host.functions->set_flags)
        return end(&host, WAZERO_ERRNO_SUCCESS);
    return end(&host, host.functions->set_flags(&host.call, host.file->opened, flags));
}

static wazero__errno_t custom_set_size(wazero__io_t *io, wazero__file_t *file,
                                       uint64_t size)
{
    host_call_t host = begin(io, file);
    if (!host.functions->set_size)
        return end(&host, WAZERO_ERRNO_INVAL);
    return end(&host, host.functions->set_size(&host.call, host.file->opened, size));
}

static wazero__errno_t custom_allocate(wazero__io_t *io, wazero__file_t *file,
                                       uint64_t offset, uint64_t size)
{
    wazero__stat_t stat;
    wazero__file_retain(file);
    wazero__errno_t code = custom_stat(io, file, &stat);
    if (!code && stat.size < offset + size) {
        code = of(file)->fs->functions.set_size
                   ? custom_set_size(io, file, offset + size)
                   : WASI_NOTSUP;
    }
    wazero__file_release(file);
    return code;
}

static int custom_descriptor(wazero__file_t *file)
{
    return of(file)->descriptor;
}

/* ---- moving bytes ---- */

typedef enum { READ, WRITE } direction_t;

/* One part, at the file's own position. */
static wazero_errno_t move_part(host_call_t *host, direction_t direction,
                                const struct iovec *part, unsigned flags, size_t *done)
{
    const wazero_fs_functions_t *functions = host->functions;
    void *opened = host->file->opened;
    if (direction == READ)
        return functions->read ? functions->read(&host->call, opened, part->iov_base,
                                                 part->iov_len, flags, done)
                               : WAZERO_ERRNO_BADF;
    return functions->write ? functions->write(&host->call, opened, part->iov_base,
                                               part->iov_len, flags, done)
                            : WAZERO_ERRNO_BADF;
}

/* One part, at an offset. */
static wazero_errno_t move_part_at(host_call_t *host, direction_t direction,
                                   const struct iovec *part, uint64_t offset,
                                   size_t *done)
{
    const wazero_fs_functions_t *functions = host->functions;
    void *opened = host->file->opened;
    wazero_errno_t missing =
        host->file->fs->keeps_positions ? WAZERO_ERRNO_BADF : WAZERO_ERRNO_SPIPE;
    if (direction == READ)
        return functions->pread ? functions->pread(&host->call, opened, part->iov_base,
                                                   part->iov_len, offset, done)
                                : missing;
    return functions->pwrite ? functions->pwrite(&host->call, opened, part->iov_base,
                                                 part->iov_len, offset, done)
                             : missing;
}

/* Part by part, until one is not filled. Only of a regular file: for the second part
 * of another one the host might wait. What was moved before a failure counts. */
static wazero__errno_t move(wazero__io_t *io, wazero__file_t *file,
                            direction_t direction, const struct iovec *parts, int count,
                            const uint64_t *offset, unsigned flags, size_t *done)
{
    host_call_t host = begin(io, file);
    wazero_errno_t code = WAZERO_ERRNO_SUCCESS;
    size_t moved = 0;
    for (int i = 0; i < count; i++) {
        size_t part = 0;
        code = offset
                   ? move_part_at(&host, direction, &parts[i], *offset + moved, &part)
                   : move_part(&host, direction, &parts[i], flags, &part);
        if (!code && part > parts[i].iov_len)
            code = WAZERO_ERRNO_IO;
        if (code || host.call.error)
            break;
        moved += part;
        if (part < parts[i].iov_len || file->filetype != WASI_REGULAR_FILE)
            break;
    }
    *done = moved;
    return end(&host, moved ? WAZERO_ERRNO_SUCCESS : code);
}

static wazero__errno_t custom_pread(wazero__io_t *io, wazero__file_t *file,
                                    const struct iovec *parts, int count,
                                    uint64_t offset, size_t *done)
{
    return move(io, file, READ, parts, count, &offset, 0, done);
}

static wazero__errno_t custom_pwrite(wazero__io_t *io, wazero__file_t *file,
                                     const struct iovec *parts, int count,
                                     uint64_t offset, size_t *done)
{
    return move(io, file, WRITE, parts, count, &offset, 0, done);
}

/* At the position that is kept here. The caller of the operation holds the file. */
static wazero__errno_t move_on(wazero__io_t *io, wazero__file_t *file,
                               direction_t direction, const struct iovec *parts,
                               int count, unsigned flags, size_t *done)
{
    custom_file_t *self = of(file);
    wazero__errno_t code = WASI_SUCCESS;
    if (!self->fs->keeps_positions)
        return move(io, file, direction, parts, count, NULL, flags, done);
    if (direction == WRITE && (flags & WASI_APPEND)) {
        wazero__stat_t stat;
        code = custom_stat(io, file, &stat);
        if (!code)
            self->position = stat.size;
    }
    if (!code)
        code = move(io, file, direction, parts, count, &self->position, flags, done);
    if (!code)
        self->position += *done;
    return code;
}

static wazero__errno_t custom_read(wazero__io_t *io, wazero__file_t *file,
                                   const struct iovec *parts, int count, unsigned flags,
                                   size_t *done)
{
    return move_on(io, file, READ, parts, count, flags, done);
}

static wazero__errno_t custom_write(wazero__io_t *io, wazero__file_t *file,
                                    const struct iovec *parts, int count,
                                    unsigned flags, size_t *done)
{
    return move_on(io, file, WRITE, parts, count, flags, done);
}

static wazero__errno_t seek_here(wazero__io_t *io, wazero__file_t *file, int64_t offset,
                                 unsigned whence, uint64_t *position)
{
    custom_file_t *self = of(file);
    int64_t base = whence == WASI_SEEK_CUR ? (int64_t)self->position : 0;
    if (whence == WASI_SEEK_END) {
        wazero__stat_t stat;
        wazero__errno_t code = custom_stat(io, file, &stat);
        if (code)
            return code;
        base = (int64_t)stat.size;
    }
    if (__builtin_add_overflow(base, offset, &base) || base < 0)
        return WASI_INVAL;
    *position = self->position = (uint64_t)base;
    return WASI_SUCCESS;
}

static wazero__errno_t custom_seek(wazero__io_t *io, wazero__file_t *file,
                                   int64_t offset, unsigned whence, uint64_t *position)
{
    static const int system[] = {SEEK_SET, SEEK_CUR, SEEK_END};
    host_call_t host = begin(io, file);
    const wazero_fs_functions_t *functions = host.functions;
    if (host.file->fs->keeps_positions)
        return finish(&host, seek_here(io, file, offset, whence, position));
    if (!functions->seek)
        return end(&host, WAZERO_ERRNO_SPIPE);
    return end(&host, functions->seek(&host.call, host.file->opened, offset,
                                      system[whence], position));
}

/* ---- directories ---- */

static wazero__errno_t new_file(custom_t *fs, const char *path,
                                const wazero__file_type_t *type, uint8_t filetype,
                                custom_file_t **made)
{
    size_t size = strlen(path) + 1;
    *made = calloc(1, sizeof **made + size);
    if (!*made)
        return WASI_NOMEM;
    wazero__file_init(&(*made)->file, type, filetype);
    wazero__fs_retain(&fs->fs);
    (*made)->fs = fs;
    (*made)->descriptor = -1;
    (*made)->closed = true; /* nothing is open yet */
    memcpy((*made)->path, path, size);
    return WASI_SUCCESS;
}

static const wazero__file_type_t file_type, directory_type;

static wazero__errno_t open_directory(custom_t *fs, const char *path,
                                      wazero__file_t **file)
{
    custom_file_t *made;
    wazero__errno_t code = new_file(fs, path, &directory_type, WASI_DIRECTORY, &made);
    if (!code)
        *file = &made->file;
    return code;
}

/* Opens what is no directory, by the host's function. */
static wazero__errno_t open_file(host_call_t *host, const char *path,
                                 const wazero__how_t *how, const wazero__stat_t *stat,
                                 wazero__file_t **file)
{
    const wazero_file_how_t wanted = {
        .flags = how->flags & ~(unsigned)WASI_O_DIRECTORY,
        .descriptor_flags = how->fdflags,
        .read = how->read,
        .write = how->write,
        .exists = stat,
    };
    wazero_file_opened_t opened = {.descriptor = -1};
    custom_file_t *made;
    if (!host->functions->open)
        return WASI_NOTSUP;
    wazero__errno_t code = new_file(host->file->fs, path, &file_type,
                                    stat ? stat->type : WASI_REGULAR_FILE, &made);
    if (code)
        return code;
    code = checked(host->io, &host->call,
                   host->functions->open(&host->call, path, &wanted, &opened));
    made->closed = code != WASI_SUCCESS;
    made->opened = opened.file;
    made->descriptor = opened.descriptor;
    if (code)
        wazero__file_release(&made->file);
    else
        *file = &made->file;
    return code;
}

/* Whether what is there can be opened so. */
static wazero__errno_t check_open(const wazero__how_t *how, const wazero__stat_t *stat)
{
    bool is_directory = stat->type == WASI_DIRECTORY;
    if ((how->flags & WASI_O_CREAT) && (how->flags & WASI_O_EXCL))
        return WASI_EXIST;
    if ((how->flags & WASI_O_DIRECTORY) && !is_directory)
        return WASI_NOTDIR;
    if (stat->type == WASI_SYMBOLIC_LINK)
        return WASI_LOOP;
    if (is_directory && (how->write || (how->flags & WASI_O_TRUNC)))
        return WASI_ISDIR;
    return WASI_SUCCESS;
}

static wazero__errno_t custom_open(wazero__io_t *io, wazero__file_t *directory,
                                   const char *name, const wazero__how_t *how,
                                   wazero__file_t **file)
{
    char path[WAZERO__PATH_MAX];
    wazero__stat_t stat;
    wazero__errno_t code = join(of(directory), name, path);
    if (code)
        return code;
    host_call_t host = begin(io, directory);
    code = look(&host, path, &stat);
    if (!code)
        code = check_open(how, &stat);
    else if (code == WASI_NOENT && (how->flags & WASI_O_CREAT))
        code = WASI_SUCCESS, stat.type = WASI_UNKNOWN;
    if (!code && stat.type == WASI_DIRECTORY)
        code = open_directory(host.file->fs, path, file);
    else if (!code)
        code = open_file(&host, path, how, stat.type ? &stat : NULL, file);
    return finish(&host, code);
}

static wazero__errno_t custom_enter(wazero__io_t *io, wazero__file_t *directory,
                                    const char *name, wazero__file_t **entered)
{
    char path[WAZERO__PATH_MAX];
    wazero__stat_t stat;
    wazero__errno_t code = join(of(directory), name, path);
    if (code)
        return code;
    host_call_t host = begin(io, directory);
    code = look(&host, path, &stat);
    if (!code)
        code = stat.type == WASI_DIRECTORY
                   ? open_directory(host.file->fs, path, entered)
                   : WASI_NOTDIR;
    return finish(&host, code);
}

static wazero__errno_t custom_stat_at(wazero__io_t *io, wazero__file_t *directory,
                                      const char *name, wazero__stat_t *stat)
{
    char path[WAZERO__PATH_MAX];
    wazero__errno_t code = join(of(directory), name, path);
    if (code)
        return code;
    host_call_t host = begin(io, directory);
    code = look(&host, path, stat);
    return finish(&host, code);
}

wazero_errno_t wazero_entries_add(wazero_entries_t *entries, const char *name,
                                  size_t size, uint64_t inode, wazero_file_type_t type)
{
    if (size == WAZERO_CSTR)
        size = strlen(name);
    if (!size || size > WAZERO__NAME_MAX || memchr(name, '/', size) ||
        memchr(name, '\0', size) || (unsigned)type > WASI_SYMBOLIC_LINK)
        return WAZERO_ERRNO_INVAL;
    if (!inode)
        inode = inode_of(entries->path, name, size);
    return (wazero_errno_t)wazero__listing_add(entries->listing, name, size, inode,
                                               (uint8_t)type);
}

static wazero__errno_t custom_list(wazero__io_t *io, wazero__file_t *directory,
                                   wazero__listing_t *listing)
{
    wazero_entries_t entries = {listing, of(directory)->path};
    wazero__stat_t stat;
    if (!of(directory)->fs->functions.list)
        return WASI_NOTSUP;
    host_call_t host = begin(io, directory);
    wazero__errno_t code = look(&host, entries.path, &stat);
    if (!code)
        code = wazero__listing_add(listing, ".", 1, stat.inode, WASI_DIRECTORY);
    if (code)
        return finish(&host, code);
    return end(&host, host.functions->list(&host.call, entries.path, &entries));
}

/* ---- directories: links, and what changes names ---- */

static wazero__errno_t custom_read_link(wazero__io_t *io, wazero__file_t *directory,
                                        const char *name, char *buffer, size_t size,
                                        size_t *done)
{
    char path[WAZERO__PATH_MAX];
    wazero__stat_t stat;
    if (!of(directory)->fs->functions.read_link) {
        wazero__errno_t there = custom_stat_at(io, directory, name, &stat);
        return there ? there : WASI_INVAL;
    }
    wazero__errno_t code = join(of(directory), name, path);
    if (code)
        return code;
    host_call_t host = begin(io, directory);
    size_t got = 0;
    wazero_errno_t answer =
        host.functions->read_link(&host.call, path, buffer, size, &got);
    code = end(&host, !answer && got > size ? WAZERO_ERRNO_IO : answer);
    if (!code)
        *done = got;
    return code;
}

typedef wazero_errno_t (*one_path_t)(wazero_fs_call_t *call, const char *path);
typedef wazero_errno_t (*two_paths_t)(wazero_fs_call_t *call, const char *from,
                                      const char *to);

static wazero__errno_t change(wazero__io_t *io, wazero__file_t *directory,
                              const char *name, one_path_t function)
{
    char path[WAZERO__PATH_MAX];
    wazero__errno_t code = join(of(directory), name, path);
    if (!function)
        code = WASI_ROFS;
    if (code)
        return code;
    host_call_t host = begin(io, directory);
    return end(&host, function(&host.call, path));
}

static wazero__errno_t
custom_make_directory(wazero__io_t *io, wazero__file_t *directory, const char *name)
{
    return change(io, directory, name, of(directory)->fs->functions.make_directory);
}

static wazero__errno_t
custom_remove_directory(wazero__io_t *io, wazero__file_t *directory, const char *name)
{
    return change(io, directory, name, of(directory)->fs->functions.remove_directory);
}

static wazero__errno_t custom_unlink(wazero__io_t *io, wazero__file_t *directory,
                                     const char *name)
{
    return change(io, directory, name, of(directory)->fs->functions.unlink);
}

static wazero__errno_t custom_symlink(wazero__io_t *io, wazero__file_t *directory,
                                      const char *name, const char *target)
{
    char path[WAZERO__PATH_MAX];
    wazero__errno_t code = join(of(directory), name, path);
    if (!of(directory)->fs->functions.symlink)
        code = WASI_ROFS;
    if (code)
        return code;
    host_call_t host = begin(io, directory);
    return end(&host, host.functions->symlink(&host.call, target, path));
}

/* Both are of one mount, and so of one file system. */
static wazero__errno_t change_two(wazero__io_t *io, wazero__file_t *directory,
                                  const char *name, wazero__file_t *to_directory,
                                  const char *to_name, two_paths_t function)
{
    char from[WAZERO__PATH_MAX], to[WAZERO__PATH_MAX];
    wazero__errno_t code = join(of(directory), name, from);
    if (!code)
        code = join(of(to_directory), to_name, to);
    if (!function)
        code = WASI_ROFS;
    if (code)
        return code;
    host_call_t host = begin(io, directory);
    return end(&host, function(&host.call, from, to));
}

static wazero__errno_t custom_rename(wazero__io_t *io, wazero__file_t *directory,
                                     const char *name, wazero__file_t *to_directory,
                                     const char *to_name)
{
    return change_two(io, directory, name, to_directory, to_name,
                      of(directory)->fs->functions.rename);
}

static wazero__errno_t custom_link(wazero__io_t *io, wazero__file_t *directory,
                                   const char *name, wazero__file_t *to_directory,
                                   const char *to_name)
{
    return change_two(io, directory, name, to_directory, to_name,
                      of(directory)->fs->functions.link);
}

static wazero__errno_t custom_set_times_at(wazero__io_t *io, wazero__file_t *directory,
                                           const char *name,
                                           const wazero__times_t *times)
{
    char path[WAZERO__PATH_MAX];
    wazero__errno_t code = join(of(directory), name, path);
    if (!of(directory)->fs->functions.set_times)
        code = WASI_ROFS;
    if (code)
        return code;
    host_call_t host = begin(io, directory);
    return end(&host, host.functions->set_times(&host.call, path, times));
}

static const wazero__file_type_t file_type = {
    .destroy = custom_destroy,
    .close = custom_close,
    .stat = custom_stat,
    .set_times = custom_set_times,
    .sync = custom_sync,
    .set_flags = custom_set_flags,
    .read = custom_read,
    .write = custom_write,
    .pread = custom_pread,
    .pwrite = custom_pwrite,
    .seek = custom_seek,
    .set_size = custom_set_size,
    .allocate = custom_allocate,
    .descriptor = custom_descriptor,
};

static const wazero__file_type_t directory_type = {
    .destroy = custom_destroy,
    .stat = custom_stat,
    .set_times = custom_set_times,
    .open = custom_open,
    .enter = custom_enter,
    .stat_at = custom_stat_at,
    .set_times_at = custom_set_times_at,
    .read_link = custom_read_link,
    .make_directory = custom_make_directory,
    .remove_directory = custom_remove_directory,
    .unlink = custom_unlink,
    .symlink = custom_symlink,
    .rename = custom_rename,
    .link = custom_link,
    .list = custom_list,
};

/* ---- the file system ---- */

static void custom_fs_destroy(wazero_fs_t *fs)
{
    custom_t *self = (custom_t *)(void *)fs;
    if (self->delete_user) {
        wazero__thread_attach(wazero__thread());
        self->delete_user(self->user);
    }
    free(self);
}

static wazero_error_t *custom_fs_open(wazero_fs_t *fs, wazero__file_t **root)
{
    return open_directory((custom_t *)(void *)fs, ".", root) ? wazero__error_memory()
                                                             : NULL;
}

static const wazero__fs_type_t custom_type = {
    .destroy = custom_fs_destroy,
    .open = custom_fs_open,
};

static wazero_error_t *copy_functions(const wazero_fs_functions_t *functions,
                                      wazero_fs_functions_t *copy)
{
    const size_t least = offsetof(wazero_fs_functions_t, list);
    if (!functions || functions->size < least)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "a file system needs a table of functions with its size");
    size_t size = functions->size < sizeof *copy ? functions->size : sizeof *copy;
    memcpy(copy, functions, size);
    if (!copy->stat)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "a file system needs a function stat");
    return NULL;
}

wazero_error_t *wazero_fs_new_custom(const wazero_fs_functions_t *functions, void *user,
                                     void (*delete_user)(void *user), wazero_fs_t **fs)
{
    wazero_fs_functions_t copy = {0};
    wazero_error_t *error = copy_functions(functions, &copy);
    custom_t *made = error ? NULL : calloc(1, sizeof *made);
    if (!error && !made)
        error = wazero__error_memory();
    if (error) {
        if (delete_user)
            delete_user(user);
        return error;
    }
    wazero__fs_init(&made->fs, &custom_type);
    made->functions = copy;
    made->keeps_positions = !copy.read && !copy.write && !copy.seek;
    made->user = user;
    made->delete_user = delete_user;
    *fs = &made->fs;
    return NULL;
}
