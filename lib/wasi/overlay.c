/*
 * overlay.c - the directories of an overlay: what they show and how they are opened.
 * See overlay.h; overlaynames.c changes what is in them.
 */
#include "wasi/overlay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "thread.h"
#include "wasi/state.h"

typedef wazero__overlay_t overlay_t;
typedef wazero__ovldir_t dir_t;
typedef wazero__memnode_t node_t;

/* Overlays on overlays: their destruction, and all that is asked, goes down so deep. */
enum { DEPTH_MAX = 16 };

static dir_t *of(wazero__file_t *file)
{
    return wazero__ovldir_of(file);
}

static bool is_itself(const char *name)
{
    return name[0] == '.' && !name[1];
}

/* ---- where a directory is, locked ---- */

wazero__where_t wazero__ovldir_settle(dir_t *directory)
{
    char name[WAZERO__NAME_MAX + 1];
    while (directory->path && directory->path[directory->rest]) {
        node_t *anchor = directory->anchor;
        const char *rest = directory->path + directory->rest;
        size_t size = strcspn(rest, "/");
        if (anchor->opaque || size > WAZERO__NAME_MAX)
            return OVLDIR_GONE;
        memcpy(name, rest, size);
        name[size] = '\0';
        if (wazero__memtree_hides(anchor, name))
            return OVLDIR_GONE;
        const wazero__mementry_t *entry = wazero__memtree_find(anchor, name);
        if (!entry)
            return anchor->links ? OVLDIR_BELOW : OVLDIR_GONE;
        if (entry->node->type != WASI_DIRECTORY || entry->node->opaque)
            return OVLDIR_GONE;
        directory->anchor = entry->node;
        directory->anchor->users++;
        directory->rest += size + (rest[size] == '/');
        wazero__memtree_close(&directory->overlay->upper->tree, anchor);
    }
    return OVLDIR_ABOVE;
}

/* Whether something from below shows in a directory that is above. */
static bool merges(const dir_t *directory)
{
    return directory->lower && !directory->detached && directory->anchor->links &&
           !directory->anchor->opaque;
}

wazero__ovlname_t wazero__ovldir_find(dir_t *directory, const char *name)
{
    wazero__ovlname_t found = {NULL, false};
    switch (wazero__ovldir_settle(directory)) {
    case OVLDIR_GONE:
        break;
    case OVLDIR_BELOW:
        found.below = true;
        break;
    case OVLDIR_ABOVE: {
        const wazero__mementry_t *entry = wazero__memtree_find(directory->anchor, name);
        found.node = entry ? entry->node : NULL;
        found.below =
            merges(directory) && !wazero__memtree_hides(directory->anchor, name);
    }
    }
    return found;
}

bool wazero__ovldir_is_still(dir_t *directory, const char *name,
                             const wazero__ovlseen_t *seen)
{
    wazero__ovlname_t now = wazero__ovldir_find(directory, name);
    return now.node == seen->name.node && now.below == seen->name.below &&
           (!now.node || now.node->type == seen->stat.type);
}

/* ---- looking ---- */

void wazero__overlay_tell(const overlay_t *overlay, wazero__stat_t *stat)
{
    if (stat->device == overlay->device)
        stat->device = 0;
}

void wazero__overlay_stat(const overlay_t *overlay, node_t *node, wazero__stat_t *stat)
{
    if (!node->shown_inode)
        node->shown_inode = node->inode | UINT64_C(1) << (63 - overlay->depth);
    wazero__memnode_stat(node, stat);
    stat->device = node->shown_device;
    stat->inode = node->shown_inode;
}

static wazero__errno_t stat_below(wazero__io_t *io, const dir_t *directory,
                                  const char *name, wazero__stat_t *stat)
{
    wazero__file_t *lower = directory->lower;
    wazero__errno_t code = lower->type->stat_at(io, lower, name, stat);
    if (!code)
        wazero__overlay_tell(directory->overlay, stat);
    return code;
}

wazero__errno_t wazero__ovldir_look(wazero__io_t *io, dir_t *directory,
                                    const char *name, wazero__ovlseen_t *seen)
{
    wazero__stat_t under;
    wazero__errno_t code = WASI_NOENT;
    wazero__memfs_lock(directory->overlay->upper);
    seen->name = wazero__ovldir_find(directory, name);
    seen->under = false;
    seen->under_type = WASI_UNKNOWN;
    if (seen->name.node)
        wazero__overlay_stat(directory->overlay, seen->name.node, &seen->stat);
    wazero__memfs_unlock(directory->overlay->upper);
    if (seen->name.below) {
        code = stat_below(io, directory, name, &under);
        if (code && code != WASI_NOENT)
            return code;
        if (!code) {
            seen->under = true;
            seen->under_type = under.type;
            if (!seen->name.node)
                seen->stat = under;
        }
    }
    return seen->name.node ? WASI_SUCCESS : code;
}

/* Of the directory itself. One that was removed has no name. */
static wazero__errno_t ovl_stat(wazero__io_t *io, wazero__file_t *file,
                                wazero__stat_t *stat)
{
    dir_t *directory = of(file);
    wazero__memfs_lock(directory->overlay->upper);
    wazero__where_t where = wazero__ovldir_settle(directory);
    if (where == OVLDIR_ABOVE)
        wazero__overlay_stat(directory->overlay, directory->anchor, stat);
    wazero__memfs_unlock(directory->overlay->upper);
    if (where == OVLDIR_ABOVE)
        return WASI_SUCCESS;
    wazero__errno_t code = directory->lower->type->stat(io, directory->lower, stat);
    if (code)
        return code;
    wazero__overlay_tell(directory->overlay, stat);
    if (where == OVLDIR_GONE)
        stat->links = 0;
    return WASI_SUCCESS;
}

static wazero__errno_t ovl_stat_at(wazero__io_t *io, wazero__file_t *file,
                                   const char *name, wazero__stat_t *stat)
{
    dir_t *directory = of(file);
    if (is_itself(name))
        return ovl_stat(io, file, stat);
    wazero__memfs_lock(directory->overlay->upper);
    wazero__ovlname_t found = wazero__ovldir_find(directory, name);
    if (found.node)
        wazero__overlay_stat(directory->overlay, found.node, stat);
    wazero__memfs_unlock(directory->overlay->upper);
    if (found.node)
        return WASI_SUCCESS;
    return found.below ? stat_below(io, directory, name, stat) : WASI_NOENT;
}

static wazero__errno_t ovl_read_link(wazero__io_t *io, wazero__file_t *file,
                                     const char *name, char *buffer, size_t size,
                                     size_t *done)
{
    dir_t *directory = of(file);
    wazero__errno_t code = WASI_INVAL;
    if (is_itself(name))
        return WASI_INVAL;
    wazero__memfs_lock(directory->overlay->upper);
    wazero__ovlname_t found = wazero__ovldir_find(directory, name);
    if (found.node && found.node->type == WASI_SYMBOLIC_LINK) {
        code = WASI_SUCCESS;
        *done = found.node->size < size ? (size_t)found.node->size : size;
        memcpy(buffer, found.node->as.target, *done);
    }
    wazero__memfs_unlock(directory->overlay->upper);
    if (found.node)
        return code;
    wazero__file_t *lower = directory->lower;
    return found.below ? lower->type->read_link(io, lower, name, buffer, size, done)
                       : WASI_NOENT;
}

/* ---- listing ---- */

wazero__errno_t wazero__ovldir_list_below(wazero__io_t *io, dir_t *directory,
                                          wazero__listing_t **listing)
{
    const wazero__how_t how = {.flags = WASI_O_DIRECTORY, .read = true};
    wazero__file_t *lower = directory->lower, *opened;
    wazero__memfs_lock(directory->overlay->upper);
    wazero__where_t where = wazero__ovldir_settle(directory);
    bool shows = where == OVLDIR_BELOW || (where == OVLDIR_ABOVE && merges(directory));
    wazero__memfs_unlock(directory->overlay->upper);
    *listing = NULL;
    if (!shows)
        return WASI_SUCCESS;
    /* What is listed is opened for that alone: others may be listing it, too. */
    wazero__errno_t code = lower->type->open(io, lower, ".", &how, &opened);
    if (!code) {
        code = wazero__listing_take(io, opened, listing);
        wazero__file_release(opened);
    }
    return code == WASI_NOENT ? WASI_SUCCESS : code; /* the host has removed it */
}

/* What of the lower layer's shows, locked. */
static wazero__errno_t add_below(dir_t *directory, const wazero__listing_t *below,
                                 bool is_above, wazero__listing_t *listing)
{
    char name[WAZERO__NAME_MAX + 1];
    const char *bytes;
    size_t size;
    uint8_t type;
    uint64_t inode;
    wazero__errno_t code = WASI_SUCCESS;
    for (size_t i = WAZERO__LISTING_FIRST;
         !code && wazero__listing_get(below, i, &bytes, &size, &type, &inode); i++) {
        if (size > WAZERO__NAME_MAX)
            continue; /* no path leads there */
        memcpy(name, bytes, size);
        name[size] = '\0';
        if (is_above && (wazero__memtree_find(directory->anchor, name) ||
                         wazero__memtree_hides(directory->anchor, name)))
            continue;
        code = wazero__listing_add(listing, name, size, inode, type);
    }
    return code;
}

static wazero__errno_t add_above(const dir_t *directory, wazero__listing_t *listing)
{
    const wazero__mementry_t *entry = directory->anchor->as.directory.names.first;
    wazero__errno_t code = WASI_SUCCESS;
    wazero__stat_t stat;
    for (; entry && !code; entry = entry->next) {
        wazero__overlay_stat(directory->overlay, entry->node, &stat);
        code = wazero__listing_add(listing, entry->name, entry->size, stat.inode,
                                   stat.type);
    }
    return code;
}

static wazero__errno_t ovl_list(wazero__io_t *io, wazero__file_t *file,
                                wazero__listing_t *listing)
{
    dir_t *directory = of(file);
    wazero__listing_t *below;
    wazero__stat_t self;
    wazero__errno_t code = ovl_stat(io, file, &self);
    if (!code)
        code = wazero__listing_add(listing, ".", 1, self.inode, WASI_DIRECTORY);
    if (!code)
        code = wazero__ovldir_list_below(io, directory, &below);
    if (code)
        return code;
    wazero__memfs_lock(directory->overlay->upper);
    wazero__where_t where = wazero__ovldir_settle(directory);
    bool is_above = where == OVLDIR_ABOVE;
    if (is_above)
        code = add_above(directory, listing);
    if (!code && below && (where == OVLDIR_BELOW || (is_above && merges(directory))))
        code = add_below(directory, below, is_above, listing);
    wazero__memfs_unlock(directory->overlay->upper);
    wazero__listing_delete(below);
    return code;
}

/* ---- opening directories ---- */

static void ovl_destroy(wazero__file_t *file)
{
    dir_t *directory = of(file);
    overlay_t *overlay = directory->overlay;
    if (directory->anchor) {
        wazero__memfs_lock(overlay->upper);
        if (directory->next)
            directory->next->previous = directory->previous;
        if (directory->previous)
            directory->previous->next = directory->next;
        else
            overlay->directories = directory->next;
        wazero__memtree_close(&overlay->upper->tree, directory->anchor);
        wazero__memfs_unlock(overlay->upper);
    }
    wazero__file_release(directory->lower);
    free(directory->path);
    wazero_fs_delete(&overlay->fs);
    free(directory);
}

/* A directory that is nowhere yet. Takes lower, also when it fails; NULL without
 * memory. */
static dir_t *new_directory(overlay_t *overlay, wazero__file_t *lower,
                            const char *above, const char *name)
{
    dir_t *made = calloc(1, sizeof *made);
    if (!made) {
        wazero__file_release(lower);
        return NULL;
    }
    wazero__file_init(&made->file, &wazero__ovldir_type, WASI_DIRECTORY);
    wazero__fs_retain(&overlay->fs);
    made->overlay = overlay;
    made->lower = lower;
    if (!lower)
        return made;
    size_t size = strlen(above), more = strlen(name);
    made->path = malloc(size + 1 + more + 1);
    if (!made->path) {
        ovl_destroy(&made->file);
        return NULL;
    }
    memcpy(made->path, above, size);
    if (size && more)
        made->path[size++] = '/';
    memcpy(made->path + size, name, more + 1);
    return made;
}

/* Puts a directory where it is, locked. */
static void place(dir_t *made, node_t *anchor, size_t rest)
{
    overlay_t *overlay = made->overlay;
    made->anchor = anchor;
    anchor->users++;
    made->rest = rest;
    made->next = overlay->directories;
    if (made->next)
        made->next->previous = made;
    overlay->directories = made;
}

/* Enters what is below, if it is a directory that shows: else *lower is NULL. */
static wazero__errno_t enter_below(wazero__io_t *io, const dir_t *directory,
                                   const char *name, const wazero__ovlname_t *found,
                                   wazero__file_t **lower)
{
    *lower = NULL;
    if (!found->below)
        return found->node ? WASI_SUCCESS : WASI_NOENT;
    wazero__errno_t code =
        directory->lower->type->enter(io, directory->lower, name, lower);
    if (code && found->node &&
        (code == WASI_NOENT || code == WASI_NOTDIR || code == WASI_LOOP))
        return WASI_SUCCESS; /* there is only the one above */
    return code;
}

/* One attempt; BUSY when somebody came in between. */
static wazero__errno_t try_enter(wazero__io_t *io, dir_t *directory, const char *name,
                                 dir_t **entered)
{
    overlay_t *overlay = directory->overlay;
    wazero__file_t *lower;
    wazero__memfs_lock(overlay->upper);
    wazero__ovlname_t found = wazero__ovldir_find(directory, name);
    bool is_directory = !found.node || found.node->type == WASI_DIRECTORY;
    if (found.node && is_directory && found.node->opaque)
        found.below = false;
    wazero__memfs_unlock(overlay->upper);
    if (!is_directory)
        return WASI_NOTDIR;
    wazero__errno_t code = enter_below(io, directory, name, &found, &lower);
    if (code)
        return code;
    dir_t *made = new_directory(overlay, lower, lower ? directory->path : "", name);
    if (!made)
        return WASI_NOMEM;
    wazero__memfs_lock(overlay->upper);
    wazero__ovlname_t now = wazero__ovldir_find(directory, name);
    bool is_still = now.node == found.node &&
                    (!now.node || (now.node->type == WASI_DIRECTORY &&
                                   (!lower || (now.below && !now.node->opaque)))) &&
                    (now.node || now.below);
    if (is_still && now.node)
        place(made, now.node, lower ? strlen(made->path) : 0);
    else if (is_still && directory->path[directory->rest])
        place(made, directory->anchor, directory->rest);
    else if (is_still)
        place(made, directory->anchor, strlen(made->path) - strlen(name));
    wazero__memfs_unlock(overlay->upper);
    if (!is_still) {
        ovl_destroy(&made->file);
        return WASI_BUSY;
    }
    *entered = made;
    return WASI_SUCCESS;
}

wazero__errno_t wazero__ovldir_enter(wazero__io_t *io, dir_t *directory,
                                     const char *name, dir_t **entered)
{
    wazero__errno_t code = WASI_BUSY;
    for (int i = 0; i < WAZERO__OVERLAY_TRIES && code == WASI_BUSY; i++)
        code = try_enter(io, directory, name, entered);
    return code;
}

/* The same directory, opened once more. */
static wazero__errno_t open_again(dir_t *directory, wazero__file_t **file)
{
    overlay_t *overlay = directory->overlay;
    wazero__file_t *lower = directory->lower;
    if (lower)
        wazero__file_retain(lower);
    dir_t *made = new_directory(overlay, lower, lower ? directory->path : "", "");
    if (!made)
        return WASI_NOMEM;
    wazero__memfs_lock(overlay->upper);
    made->detached = directory->detached;
    place(made, directory->anchor, directory->rest);
    wazero__memfs_unlock(overlay->upper);
    *file = &made->file;
    return WASI_SUCCESS;
}

static wazero__errno_t ovl_enter(wazero__io_t *io, wazero__file_t *file,
                                 const char *name, wazero__file_t **entered)
{
    dir_t *made;
    if (is_itself(name))
        return open_again(of(file), entered);
    wazero__errno_t code = wazero__ovldir_enter(io, of(file), name, &made);
    if (!code)
        *entered = &made->file;
    return code;
}

/* ---- opening anything ---- */

/* Opens a file that is in the upper layer, or makes it there; AGAIN when it is not. */
static wazero__errno_t open_above(wazero__io_t *io, dir_t *directory, const char *name,
                                  const wazero__how_t *how, bool make,
                                  wazero__file_t **file)
{
    wazero__memfs_t *upper = directory->overlay->upper;
    wazero__memfile_t *made = wazero__memfile_new(upper, wazero__ovlfile_upper_type());
    wazero__errno_t code = WASI_AGAIN;
    if (!made)
        return WASI_NOMEM;
    wazero__memfs_lock(upper);
    wazero__ovlname_t found = wazero__ovldir_find(directory, name);
    node_t *node = found.node;
    if (node && node->type != WASI_DIRECTORY)
        code = wazero__memnode_check_open(node->type, how);
    else if (!node && make)
        code = wazero__ovldir_settle(directory) == OVLDIR_ABOVE
                   ? wazero__memtree_make(&upper->tree, directory->anchor, name,
                                          WASI_REGULAR_FILE, NULL, wazero__io_now(io),
                                          &node)
                   : WASI_NOENT;
    if (!code) {
        wazero__stat_t stat; /* it has a number from now on */
        wazero__overlay_stat(directory->overlay, node, &stat);
        wazero__memfile_open(io, made, node, how);
    }
    wazero__memfs_unlock(upper);
    if (code)
        wazero__file_release(&made->file);
    else
        *file = &made->file;
    return code;
}

static wazero__errno_t create(wazero__io_t *io, dir_t *directory, const char *name,
                              const wazero__how_t *how, wazero__file_t **file)
{
    wazero__errno_t code = wazero__ovldir_raise(io, directory);
    return code ? code : open_above(io, directory, name, how, true, file);
}

/* One attempt; AGAIN and BUSY when somebody came in between. */
static wazero__errno_t try_open(wazero__io_t *io, dir_t *directory, const char *name,
                                const wazero__how_t *how, wazero__file_t **file)
{
    wazero__ovlseen_t seen;
    dir_t *entered;
    wazero__errno_t code = open_above(io, directory, name, how, false, file);
    if (code != WASI_AGAIN)
        return code;
    code = wazero__ovldir_look(io, directory, name, &seen);
    if (code == WASI_NOENT && (how->flags & WASI_O_CREAT))
        return create(io, directory, name, how, file);
    if (!code)
        code = wazero__memnode_check_open(seen.stat.type, how);
    if (code)
        return code;
    if (seen.stat.type == WASI_DIRECTORY) {
        code = wazero__ovldir_enter(io, directory, name, &entered);
        if (!code)
            *file = &entered->file;
        return code == WASI_NOENT || code == WASI_NOTDIR ? WASI_BUSY : code;
    }
    if (seen.name.node)
        return WASI_BUSY;
    if (!how->write && !(how->flags & WASI_O_TRUNC))
        return wazero__ovlfile_open(io, directory, name, how, file);
    if (seen.stat.type != WASI_REGULAR_FILE)
        return WASI_ROFS; /* to write to a pipe is to write to the lower layer */
    code = wazero__overlay_copy_up(io, directory, name, !(how->flags & WASI_O_TRUNC));
    return code ? code : WASI_BUSY;
}

static wazero__errno_t ovl_open(wazero__io_t *io, wazero__file_t *file,
                                const char *name, const wazero__how_t *how,
                                wazero__file_t **opened)
{
    wazero__errno_t code = WASI_BUSY;
    if (is_itself(name)) {
        code = wazero__memnode_check_open(WASI_DIRECTORY, how);
        return code ? code : open_again(of(file), opened);
    }
    for (int i = 0; i < WAZERO__OVERLAY_TRIES; i++) {
        code = try_open(io, of(file), name, how, opened);
        if (code != WASI_BUSY && code != WASI_AGAIN)
            break;
    }
    return code == WASI_AGAIN ? WASI_NOENT
                              : code; /* below it is named, but not there */
}

const wazero__file_type_t wazero__ovldir_type = {
    .destroy = ovl_destroy,
    .stat = ovl_stat,
    .set_times = wazero__ovldir_set_times,
    .open = ovl_open,
    .enter = ovl_enter,
    .stat_at = ovl_stat_at,
    .set_times_at = wazero__ovldir_set_times_at,
    .read_link = ovl_read_link,
    .make_directory = wazero__ovldir_make_directory,
    .remove_directory = wazero__ovldir_remove_directory,
    .unlink = wazero__ovldir_unlink,
    .symlink = wazero__ovldir_symlink,
    .rename = wazero__ovldir_rename,
    .link = wazero__ovldir_link,
    .list = ovl_list,
};

/* ---- the file system ---- */

static void overlay_destroy(wazero_fs_t *fs)
{
    overlay_t *overlay = (overlay_t *)(void *)fs;
    wazero__file_release(overlay->lower);
    wazero_fs_delete(overlay->below);
    if (overlay->upper)
        wazero_fs_delete(&overlay->upper->fs);
    free(overlay);
}

static wazero_error_t *overlay_open(wazero_fs_t *fs, wazero__file_t **root)
{
    overlay_t *overlay = (overlay_t *)(void *)fs;
    dir_t *made = new_directory(overlay, wazero__file_retain(overlay->lower), "", "");
    if (!made)
        return wazero__error_memory();
    wazero__memfs_lock(overlay->upper);
    place(made, overlay->upper->tree.root, 0);
    wazero__memfs_unlock(overlay->upper);
    *root = &made->file;
    return NULL;
}

static void overlay_usage(wazero_fs_t *fs, wazero_fs_usage_t *usage)
{
    const overlay_t *overlay = (overlay_t *)(void *)fs;
    overlay->upper->fs.type->usage(&overlay->upper->fs, usage);
}

const wazero__fs_type_t wazero__overlay_type = {
    .destroy = overlay_destroy,
    .open = overlay_open,
    .usage = overlay_usage,
};

static wazero_error_t *check_layers(wazero_fs_t *lower, wazero_fs_t *upper)
{
    if (!lower)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "an overlay needs a file system below");
    if (upper && !wazero__memfs_of(upper))
        return wazero__error(WAZERO_ERROR_INVALID,
                             "the upper file system of an overlay must be in memory");
    if (lower == upper)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "an overlay must be of two file systems, not of one");
    if (lower->type == &wazero__overlay_type &&
        ((overlay_t *)(void *)lower)->depth + 1 >= DEPTH_MAX)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "more than %d overlays are on each other", (int)DEPTH_MAX);
    return NULL;
}

/* Opens the root of the lower layer. */
static wazero_error_t *open_lower(overlay_t *made)
{
    wazero__io_t io = {0};
    wazero__stat_t stat;
    wazero_error_t *error = made->below->type->open(made->below, &made->lower);
    if (error)
        return error;
    wazero__errno_t code = made->lower->type->stat(&io, made->lower, &stat);
    wazero__thread_attach(wazero__thread());
    if (code == WASI_ENDED)
        return io.error;
    if (code || stat.type != WASI_DIRECTORY)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "the lower file system of an overlay: %s",
                             strerror(code ? wazero__errno_to(code) : ENOTDIR));
    made->device = stat.device;
    return NULL;
}

wazero_error_t *wazero_fs_new_overlay(wazero_fs_t *lower, wazero_fs_t *upper,
                                      wazero_fs_t **fs)
{
    wazero_fs_t *above = upper;
    wazero_error_t *error = check_layers(lower, upper);
    if (!error && !upper)
        error = wazero_fs_new_memory(NULL, &above);
    if (error)
        return error;
    if (upper)
        wazero__fs_retain(upper);
    overlay_t *made = calloc(1, sizeof *made);
    if (!made) {
        wazero_fs_delete(above);
        return wazero__error_memory();
    }
    wazero__fs_init(&made->fs, &wazero__overlay_type);
    made->upper = wazero__memfs_of(above);
    made->below = wazero__fs_retain(lower);
    if (lower->type == &wazero__overlay_type)
        made->depth = ((overlay_t *)(void *)lower)->depth + 1;
    error = open_lower(made);
    if (error)
        overlay_destroy(&made->fs);
    else
        *fs = &made->fs;
    return error;
}
