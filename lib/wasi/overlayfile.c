/*
 * overlayfile.c - the files of an overlay. Those above are files in memory; those below
 * are only read, and become the ones above once they are copied up: who has one open
 * sees what is written to it, as on any other file system. See overlay.h.
 */
#include <stdlib.h>
#include <string.h>

#include "wasi/overlay.h"

typedef wazero__ovlfile_t file_t;

static file_t *of(wazero__file_t *file)
{
    return (file_t *)(void *)file;
}

/* ---- above ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static wazero__file_type_t upper_type;

static wazero__errno_t upper_stat(wazero__io_t *io, wazero__file_t *file,
                                  wazero__stat_t *stat)
{
    const wazero__memfile_t *self = (wazero__memfile_t *)(void *)file;
    (void)io;
    wazero__memfs_lock(self->memory);
    wazero__memnode_stat(self->node, stat);
    stat->device = self->node->shown_device;
    stat->inode = self->node->shown_inode;
    wazero__memfs_unlock(self->memory);
    return WASI_SUCCESS;
}

static void make_upper_type(void)
{
    upper_type = wazero__memfile_type;
    upper_type.stat = upper_stat;
}

const wazero__file_type_t *wazero__ovlfile_upper_type(void)
{
    pthread_once(&once, make_upper_type);
    return &upper_type;
}

/* ---- below ---- */

/* What the file is now, and for as long as this is: the host's code, if the lower layer
 * is its, may close it. Without memory it stays what it was. */
static wazero__file_t *begin(wazero__io_t *io, wazero__file_t *file)
{
    file_t *self = of(wazero__file_retain(file));
    wazero__memfs_t *upper = self->directory->overlay->upper;
    uint64_t position = 0;
    if (self->upper)
        return &self->upper->file;
    wazero__memfs_lock(upper);
    bool is_above = self->node != NULL;
    wazero__memfs_unlock(upper);
    wazero__memfile_t *made =
        is_above ? wazero__memfile_new(upper, wazero__ovlfile_upper_type()) : NULL;
    if (!made)
        return self->lower;
    wazero__io_t quiet = *io;
    if (self->lower->type->seek &&
        self->lower->type->seek(&quiet, self->lower, 0, WASI_SEEK_CUR, &position)) {
        wazero_error_delete(quiet.error == io->error ? NULL : quiet.error);
        position = 0;
    }
    made->position = position;
    wazero__memfs_lock(upper);
    made->node = self->node;
    self->node = NULL;
    wazero__memfs_unlock(upper);
    self->upper = made;
    return &made->file;
}

static wazero__errno_t end(wazero__file_t *file, wazero__errno_t code)
{
    wazero__file_release(file);
    return code;
}

static void low_destroy(wazero__file_t *file)
{
    file_t *self = of(file);
    wazero__overlay_t *overlay = self->directory->overlay;
    wazero__memfs_lock(overlay->upper);
    if (self->next)
        self->next->previous = self->previous;
    if (self->previous)
        self->previous->next = self->next;
    else if (overlay->files == self)
        overlay->files = self->next;
    if (self->node)
        wazero__memtree_close(&overlay->upper->tree, self->node);
    wazero__memfs_unlock(overlay->upper);
    if (self->upper)
        wazero__file_release(&self->upper->file);
    wazero__file_release(self->lower);
    wazero__file_release(&self->directory->file);
    free(self);
}

/* The host is told of its file. */
static wazero__errno_t low_close(wazero__io_t *io, wazero__file_t *file)
{
    wazero__file_t *lower = of(file)->lower;
    return lower->type->close ? lower->type->close(io, lower) : WASI_SUCCESS;
}

static wazero__errno_t low_stat(wazero__io_t *io, wazero__file_t *file,
                                wazero__stat_t *stat)
{
    file_t *self = of(file);
    wazero__file_t *now = begin(io, file);
    wazero__errno_t code = now->type->stat(io, now, stat);
    if (!code && now == self->lower) {
        wazero__overlay_t *overlay = self->directory->overlay;
        wazero__overlay_tell(overlay, stat);
        wazero__memfs_lock(overlay->upper);
        stat->links -= self->gone && stat->links;
        wazero__memfs_unlock(overlay->upper);
    }
    return end(file, code);
}

/* A file that is open to be read can have its times set. */
static wazero__errno_t low_set_times(wazero__io_t *io, wazero__file_t *file,
                                     const wazero__times_t *times)
{
    file_t *self = of(wazero__file_retain(file));
    wazero__memfs_t *upper = self->directory->overlay->upper;
    wazero__memfs_lock(upper);
    bool is_below = !self->copied && !self->gone;
    wazero__memfs_unlock(upper);
    wazero__errno_t code = WASI_SUCCESS;
    if (is_below)
        code = wazero__overlay_copy_up(io, self->directory, self->name, true);
    wazero__file_t *now = begin(io, file);
    if (!code)
        code = now == self->lower ? WASI_ROFS : now->type->set_times(io, now, times);
    else if (code == WASI_XDEV)
        code = WASI_ROFS; /* it is no file */
    return end(file, end(file, code));
}

static wazero__errno_t low_read(wazero__io_t *io, wazero__file_t *file,
                                const struct iovec *parts, int count, unsigned flags,
                                size_t *done)
{
    wazero__file_t *now = begin(io, file);
    return end(file, now->type->read
                         ? now->type->read(io, now, parts, count, flags, done)
                         : WASI_BADF);
}

static wazero__errno_t low_pread(wazero__io_t *io, wazero__file_t *file,
                                 const struct iovec *parts, int count, uint64_t offset,
                                 size_t *done)
{
    wazero__file_t *now = begin(io, file);
    return end(file, now->type->pread
                         ? now->type->pread(io, now, parts, count, offset, done)
                         : WASI_SPIPE);
}

static wazero__errno_t low_seek(wazero__io_t *io, wazero__file_t *file, int64_t offset,
                                unsigned whence, uint64_t *position)
{
    wazero__file_t *now = begin(io, file);
    return end(file, now->type->seek
                         ? now->type->seek(io, now, offset, whence, position)
                         : WASI_SPIPE);
}

static uint64_t low_available(wazero__file_t *file)
{
    wazero__io_t io = {0};
    wazero__file_t *now = begin(&io, file);
    uint64_t size = now->type->available ? now->type->available(now) : 1;
    wazero__file_release(file);
    return size;
}

static int low_descriptor(wazero__file_t *file)
{
    wazero__file_t *lower = of(file)->lower;
    bool waits = file->filetype != WASI_REGULAR_FILE && lower->type->descriptor;
    return waits ? lower->type->descriptor(lower) : -1;
}

/* Without what writes. */
static const wazero__file_type_t lower_type = {
    .destroy = low_destroy,
    .close = low_close,
    .stat = low_stat,
    .set_times = low_set_times,
    .read = low_read,
    .pread = low_pread,
    .seek = low_seek,
    .available = low_available,
    .descriptor = low_descriptor,
};

/* ---- opening ---- */

/* Puts a file where it is, unless the name is another one's by now. */
static bool enlist(file_t *made)
{
    wazero__ovldir_t *directory = made->directory;
    wazero__overlay_t *overlay = directory->overlay;
    wazero__memfs_lock(overlay->upper);
    wazero__ovlname_t found = wazero__ovldir_find(directory, made->name);
    bool is_there = found.below && !found.node;
    if (is_there) {
        made->next = overlay->files;
        if (made->next)
            made->next->previous = made;
        overlay->files = made;
    }
    wazero__memfs_unlock(overlay->upper);
    return is_there;
}

wazero__errno_t wazero__ovlfile_open(wazero__io_t *io, wazero__ovldir_t *directory,
                                     const char *name, const wazero__how_t *how,
                                     wazero__file_t **file)
{
    const wazero__how_t reading = {.fdflags = how->fdflags & WASI_NONBLOCK,
                                   .read = true};
    wazero__file_t *below = directory->lower, *lower;
    wazero__errno_t code = below->type->open(io, below, name, &reading, &lower);
    if (code)
        return code == WASI_NOENT || code == WASI_LOOP ? WASI_AGAIN : code;
    size_t size = strlen(name) + 1;
    bool is_directory = lower->filetype == WASI_DIRECTORY;
    file_t *made = is_directory ? NULL : calloc(1, sizeof *made + size);
    if (!made) {
        wazero__file_release(lower);
        return is_directory ? WASI_AGAIN : WASI_NOMEM;
    }
    wazero__file_init(&made->file, &lower_type, lower->filetype);
    wazero__file_retain(&directory->file);
    made->directory = directory;
    made->lower = lower;
    memcpy(made->name, name, size);
    if (!enlist(made)) {
        wazero__file_release(&made->file);
        return WASI_AGAIN;
    }
    *file = &made->file;
    return WASI_SUCCESS;
}

void wazero__ovlfile_switch(const wazero__ovldir_t *directory, const char *name,
                            wazero__memnode_t *node)
{
    if (!directory->path)
        return;
    for (file_t *file = directory->overlay->files; file; file = file->next) {
        const wazero__ovldir_t *other = file->directory;
        if (file->copied || file->gone || strcmp(file->name, name) != 0 ||
            !other->path || strcmp(other->path, directory->path) != 0)
            continue;
        if (!node || file->file.filetype != WASI_REGULAR_FILE) {
            file->gone = true;
            continue;
        }
        file->copied = true;
        file->node = node;
        node->users++;
    }
}
