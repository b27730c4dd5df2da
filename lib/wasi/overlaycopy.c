/*
 * overlaycopy.c - copying up: what is about to change comes from the lower layer of an
 * overlay to the upper one, as what it is. See overlay.h.
 *
 * A file is copied without the lock and without a name; then it gets the name that it
 * has below, if nobody else was faster. So nobody sees half a file, and of one that did
 * not fit nothing is left.
 */
#include <stdlib.h>
#include <string.h>

#include "call/attend.h"
#include "wasi/overlay.h"
#include "wasi/state.h"

typedef wazero__overlay_t overlay_t;
typedef wazero__ovldir_t dir_t;
typedef wazero__memnode_t node_t;

enum { CHUNK = 65536 };

/* Makes a node what it was below, whose stat is what the guest was told. A file with
 * several names there is copied for one of them: two files have two numbers. */
static void be_what_it_was(node_t *node, const wazero__stat_t *stat)
{
    node->atim = stat->atim;
    node->mtim = stat->mtim;
    if (stat->type == WASI_DIRECTORY || stat->links <= 1) {
        node->shown_device = stat->device;
        node->shown_inode = stat->inode;
    }
}

/* Times of a directory, which copying up does not change. */
typedef struct {
    node_t *node;
    uint64_t mtim, ctim;
} kept_t;

static kept_t keep_times(node_t *node)
{
    return (kept_t){node, node->mtim, node->ctim};
}

static void restore(kept_t kept)
{
    kept.node->mtim = kept.mtim;
    kept.node->ctim = kept.ctim;
}

/* Ends the call if that is asked for: what is copied may be large. */
static wazero__errno_t attend(wazero__io_t *io)
{
    wazero__thread_t *thread = wazero__thread();
    if (!atomic_load_explicit(&thread->attention, memory_order_relaxed))
        return WASI_SUCCESS;
    wazero_error_t *error = wazero__attend(thread);
    return error ? wazero__io_end(io, error) : WASI_SUCCESS;
}

/* ---- directories and links ---- */

/* Makes a node for what is only below; it may be there by now. */
static wazero__errno_t make_above(wazero__io_t *io, dir_t *directory, const char *name,
                                  const wazero__stat_t *stat, const char *target)
{
    wazero__memfs_t *upper = directory->overlay->upper;
    wazero__errno_t code = WASI_SUCCESS;
    node_t *made;
    wazero__memfs_lock(upper);
    wazero__ovlname_t found = wazero__ovldir_find(directory, name);
    if (wazero__ovldir_settle(directory) != OVLDIR_ABOVE) {
        code = WASI_NOENT;
    } else if (!found.node && found.below) {
        kept_t kept = keep_times(directory->anchor);
        code = wazero__memtree_make(&upper->tree, directory->anchor, name, stat->type,
                                    target, wazero__io_now(io), &made);
        restore(kept);
        if (!code)
            be_what_it_was(made, stat);
        if (!code && target)
            wazero__ovlfile_switch(directory, name, NULL);
    }
    wazero__memfs_unlock(upper);
    return code;
}

static wazero__errno_t copy_link(wazero__io_t *io, dir_t *directory, const char *name,
                                 const wazero__stat_t *stat)
{
    char target[WAZERO__PATH_MAX];
    size_t size;
    wazero__file_t *lower = directory->lower;
    wazero__errno_t code =
        lower->type->read_link(io, lower, name, target, sizeof target, &size);
    if (code)
        return code == WASI_INVAL ? WASI_SUCCESS : code; /* it is none any more */
    if (size == sizeof target)
        return WASI_NAMETOOLONG;
    target[size] = '\0';
    return make_above(io, directory, name, stat, target);
}

/* Makes the directory of the name that is at `at` in a path, if that is where the upper
 * layer ends; `here` is what it is below. */
static wazero__errno_t raise_one(wazero__io_t *io, dir_t *directory, size_t at,
                                 const char *name, wazero__file_t *here)
{
    wazero__memfs_t *upper = directory->overlay->upper;
    wazero__stat_t stat;
    node_t *made;
    wazero__errno_t code = here->type->stat(io, here, &stat);
    if (code)
        return code;
    wazero__overlay_tell(directory->overlay, &stat);
    wazero__memfs_lock(upper);
    wazero__where_t where = wazero__ovldir_settle(directory);
    if (where == OVLDIR_GONE) {
        code = WASI_NOENT;
    } else if (where == OVLDIR_BELOW && directory->rest == at) {
        kept_t kept = keep_times(directory->anchor);
        code = wazero__memtree_make(&upper->tree, directory->anchor, name,
                                    WASI_DIRECTORY, NULL, wazero__io_now(io), &made);
        restore(kept);
        if (!code)
            be_what_it_was(made, &stat);
    }
    wazero__memfs_unlock(upper);
    return code;
}

wazero__errno_t wazero__ovldir_raise(wazero__io_t *io, dir_t *directory)
{
    char name[WAZERO__NAME_MAX + 1];
    overlay_t *overlay = directory->overlay;
    wazero__file_t *next;
    wazero__errno_t code = WASI_SUCCESS;
    wazero__memfs_lock(overlay->upper);
    wazero__where_t where = wazero__ovldir_settle(directory);
    size_t rest = directory->rest;
    wazero__memfs_unlock(overlay->upper);
    if (where != OVLDIR_BELOW)
        return where == OVLDIR_GONE ? WASI_NOENT : WASI_SUCCESS;
    if (!strchr(directory->path + rest, '/'))
        return raise_one(io, directory, rest, directory->path + rest, directory->lower);
    /* From the root, for the directories in between are not open. */
    wazero__file_t *here = wazero__file_retain(overlay->lower);
    for (size_t at = 0; directory->path[at] && !code;) {
        size_t size = strcspn(directory->path + at, "/");
        memcpy(name, directory->path + at, size);
        name[size] = '\0';
        code = here->type->enter(io, here, name, &next);
        if (code)
            break;
        wazero__file_release(here);
        here = next;
        code = raise_one(io, directory, at, name, here);
        at += size + (directory->path[at + size] == '/');
    }
    wazero__file_release(here);
    return code;
}

/* ---- files ---- */

static wazero__errno_t copy_chunk(wazero__io_t *io, wazero__file_t *from,
                                  wazero__file_t *to, uint8_t *buffer, size_t *got)
{
    struct iovec part = {buffer, CHUNK};
    wazero__errno_t code =
        from->type->read ? from->type->read(io, from, &part, 1, 0, got) : WASI_BADF;
    for (size_t done, all = 0; !code && all < *got; all += done) {
        part = (struct iovec){buffer + all, *got - all};
        code = to->type->write(io, to, &part, 1, 0, &done);
    }
    return code;
}

static wazero__errno_t copy_bytes(wazero__io_t *io, wazero__file_t *from,
                                  wazero__file_t *to)
{
    uint8_t *buffer = malloc(CHUNK);
    wazero__errno_t code = buffer ? WASI_SUCCESS : WASI_NOMEM;
    size_t got = 1;
    while (got && !code) {
        code = attend(io);
        if (!code)
            code = copy_chunk(io, from, to, buffer, &got);
    }
    free(buffer);
    return code;
}

/* Gives a copy the name, unless something else has got it. */
static wazero__errno_t name_copy(const wazero__io_t *io, dir_t *directory,
                                 const char *name, node_t *node,
                                 const wazero__stat_t *stat)
{
    wazero__memfs_t *upper = directory->overlay->upper;
    wazero__errno_t code = WASI_SUCCESS;
    wazero__memfs_lock(upper);
    wazero__ovlname_t found = wazero__ovldir_find(directory, name);
    if (wazero__ovldir_settle(directory) != OVLDIR_ABOVE) {
        code = WASI_NOENT;
    } else if (!found.node && found.below) {
        kept_t kept = keep_times(directory->anchor);
        code = wazero__memtree_link(&upper->tree, directory->anchor, name, node,
                                    wazero__io_now(io));
        restore(kept);
        if (!code) {
            wazero__stat_t unused; /* it has a number from now on */
            be_what_it_was(node, stat);
            wazero__overlay_stat(directory->overlay, node, &unused);
            wazero__ovlfile_switch(directory, name, node);
        }
    }
    wazero__memfs_unlock(upper);
    return code;
}

/* A file without a name. */
static wazero__errno_t new_copy(const wazero__io_t *io, wazero__memfs_t *upper,
                                wazero__memfile_t **made)
{
    wazero__memfile_t *copy = wazero__memfile_new(upper, &wazero__memfile_type);
    if (!copy)
        return WASI_NOMEM;
    wazero__memfs_lock(upper);
    wazero__errno_t code =
        wazero__memtree_make_nameless(&upper->tree, wazero__io_now(io), &copy->node);
    wazero__memfs_unlock(upper);
    if (code)
        wazero__file_release(&copy->file);
    else
        *made = copy;
    return code;
}

static wazero__errno_t copy_file(wazero__io_t *io, dir_t *directory, const char *name,
                                 bool with_bytes)
{
    const wazero__how_t how = {.read = true};
    overlay_t *overlay = directory->overlay;
    wazero__file_t *below = directory->lower, *lower;
    wazero__memfile_t *copy;
    wazero__stat_t stat;
    wazero__errno_t code = below->type->open(io, below, name, &how, &lower);
    if (code) /* LOOP: it is a link by now */
        return code == WASI_LOOP ? WASI_SUCCESS : code;
    if (lower->filetype != WASI_REGULAR_FILE) {
        wazero__file_release(lower);
        return WASI_SUCCESS;
    }
    code = lower->type->stat(io, lower, &stat);
    if (!code)
        code = new_copy(io, overlay->upper, &copy);
    if (!code) {
        wazero__overlay_tell(overlay, &stat);
        if (with_bytes)
            code = copy_bytes(io, lower, &copy->file);
        if (!code)
            code = name_copy(io, directory, name, copy->node, &stat);
        wazero__file_release(&copy->file);
    }
    wazero__file_release(lower);
    return code;
}

wazero__errno_t wazero__overlay_copy_up(wazero__io_t *io, dir_t *directory,
                                        const char *name, bool with_bytes)
{
    wazero__file_t *lower = directory->lower;
    wazero__stat_t stat;
    wazero__errno_t code = wazero__ovldir_raise(io, directory);
    if (code || !lower)
        return code;
    code = lower->type->stat_at(io, lower, name, &stat);
    if (code)
        return code;
    wazero__overlay_tell(directory->overlay, &stat);
    switch (stat.type) {
    case WASI_REGULAR_FILE:
        return copy_file(io, directory, name, with_bytes);
    case WASI_DIRECTORY:
        return make_above(io, directory, name, &stat, NULL);
    case WASI_SYMBOLIC_LINK:
        return copy_link(io, directory, name, &stat);
    default:
        return WASI_XDEV;
    }
}

/* ---- trees ---- */

/* Directories that are still to be gone through: their paths from the first one, one
 * behind the other, each with its NUL. Neither they nor those above them are open. */
typedef struct {
    char *paths;
    size_t size, room;
    bool copies;                     /* or only counts */
    uint64_t bytes_left, files_left; /* of what there is room for */
} tree_t;

static wazero__errno_t add_path(tree_t *tree, const char *above, const char *name)
{
    size_t size = strlen(above), more = strlen(name), wanted = size + 1 + more + 1;
    if (tree->size + wanted > tree->room) {
        size_t room = 2 * (tree->size + wanted);
        char *grown = realloc(tree->paths, room);
        if (!grown)
            return WASI_NOMEM;
        tree->paths = grown;
        tree->room = room;
    }
    char *at = tree->paths + tree->size;
    memcpy(at, above, size);
    if (size)
        at[size++] = '/';
    memcpy(at + size, name, more + 1);
    tree->size += size + more + 1;
    return WASI_SUCCESS;
}

/* Takes the last path off, which the caller frees. */
static char *take_path(tree_t *tree)
{
    size_t begin = tree->size - 1;
    while (begin && tree->paths[begin - 1])
        begin--;
    char *path = strdup(tree->paths + begin);
    if (path)
        tree->size = begin;
    return path;
}

static wazero__errno_t count(tree_t *tree, const wazero__stat_t *stat)
{
    uint64_t bytes = stat->type == WASI_DIRECTORY ? 0 : stat->size;
    if (stat->type != WASI_REGULAR_FILE && stat->type != WASI_DIRECTORY &&
        stat->type != WASI_SYMBOLIC_LINK)
        return WASI_XDEV;
    if (!tree->files_left || bytes > tree->bytes_left)
        return WASI_NOSPC;
    tree->files_left--;
    tree->bytes_left -= bytes;
    return WASI_SUCCESS;
}

/* One name: counts it or copies it. */
static wazero__errno_t tree_entry(wazero__io_t *io, dir_t *directory, const char *path,
                                  const char *name, tree_t *tree)
{
    wazero__ovlseen_t seen;
    wazero__errno_t code = wazero__ovldir_look(io, directory, name, &seen);
    if (code)
        return code == WASI_NOENT ? WASI_SUCCESS : code;
    if (!seen.name.node && tree->copies)
        code = wazero__overlay_copy_up(io, directory, name, true);
    else if (!seen.name.node)
        code = count(tree, &seen.stat);
    if (code == WASI_NOENT)
        return WASI_SUCCESS; /* the host has removed it */
    if (!code && seen.stat.type == WASI_DIRECTORY && seen.under_type == WASI_DIRECTORY)
        code = add_path(tree, path, name);
    return code;
}

/* Enters a directory by a path. */
static wazero__errno_t enter_path(wazero__io_t *io, dir_t *directory, const char *path,
                                  dir_t **entered)
{
    char name[WAZERO__NAME_MAX + 1];
    wazero__errno_t code = WASI_SUCCESS;
    dir_t *here = wazero__ovldir_of(wazero__file_retain(&directory->file)), *next;
    while (*path && !code) {
        size_t size = strcspn(path, "/");
        memcpy(name, path, size);
        name[size] = '\0';
        path += size + (path[size] == '/');
        code = wazero__ovldir_enter(io, here, name, &next);
        if (code)
            break;
        wazero__file_release(&here->file);
        here = next;
    }
    if (code)
        wazero__file_release(&here->file);
    else
        *entered = here;
    return code;
}

static wazero__errno_t tree_directory(wazero__io_t *io, dir_t *directory,
                                      const char *path, tree_t *tree)
{
    char name[WAZERO__NAME_MAX + 1];
    const char *bytes;
    wazero__listing_t *listing;
    size_t size;
    uint8_t type;
    uint64_t inode;
    dir_t *entered;
    wazero__errno_t code = enter_path(io, directory, path, &entered);
    if (code)
        return code == WASI_NOENT || code == WASI_NOTDIR ? WASI_SUCCESS : code;
    code = tree->copies ? wazero__ovldir_raise(io, entered) : WASI_SUCCESS;
    if (!code)
        code = wazero__ovldir_list_below(io, entered, &listing);
    if (!code && listing) {
        for (size_t i = WAZERO__LISTING_FIRST;
             !code && wazero__listing_get(listing, i, &bytes, &size, &type, &inode);
             i++) {
            if (size > WAZERO__NAME_MAX)
                continue;
            memcpy(name, bytes, size);
            name[size] = '\0';
            code = attend(io);
            if (!code)
                code = tree_entry(io, entered, path, name, tree);
        }
        wazero__listing_delete(listing);
    }
    wazero__file_release(&entered->file);
    return code;
}

/* Goes through all that shows from below in a directory. */
static wazero__errno_t go_through(wazero__io_t *io, dir_t *directory, const char *name,
                                  tree_t *tree)
{
    wazero__errno_t code = add_path(tree, "", name);
    while (!code && tree->size) {
        char *path = take_path(tree);
        code = path ? attend(io) : WASI_NOMEM;
        if (!code)
            code = tree_directory(io, directory, path, tree);
        free(path);
    }
    free(tree->paths);
    return code;
}

wazero__errno_t wazero__overlay_copy_tree(wazero__io_t *io, dir_t *directory,
                                          const char *name)
{
    wazero__memfs_t *upper = directory->overlay->upper;
    const wazero__memtree_t *room = &upper->tree;
    tree_t counted = {0}, copied = {.copies = true};
    wazero__memfs_lock(upper);
    /* A whiteout, and the directory itself if it is only below. */
    uint64_t least = wazero__ovldir_find(directory, name).node ? 1 : 2;
    counted.bytes_left = room->max_bytes - room->bytes;
    bool fits = room->files < room->max_files && room->max_files - room->files >= least;
    if (fits)
        counted.files_left = room->max_files - room->files - least;
    wazero__memfs_unlock(upper);
    /* What cannot fit is not begun. */
    wazero__errno_t code =
        fits ? go_through(io, directory, name, &counted) : WASI_NOSPC;
    if (!code)
        code = wazero__ovldir_raise(io, directory);
    return code ? code : go_through(io, directory, name, &copied);
}
