/*
 * overlaynames.c - what changes the names in an overlay. See overlay.h.
 *
 * Each operation looks at both layers, has in the upper one what it needs there, and
 * then, with the lock, does it if what it looked at is still so; else it begins anew.
 * What the lower layer has under a name that goes gets a whiteout, in the same moment.
 */
#include <string.h>

#include "wasi/overlay.h"
#include "wasi/state.h"

typedef wazero__ovldir_t dir_t;
typedef wazero__ovlseen_t seen_t;
typedef wazero__memnode_t node_t;

static dir_t *of(wazero__file_t *file)
{
    return wazero__ovldir_of(file);
}

static wazero__memtree_t *tree_of(const dir_t *directory)
{
    return &directory->overlay->upper->tree;
}

static void lock(const dir_t *directory)
{
    wazero__memfs_lock(directory->overlay->upper);
}

static void unlock(const dir_t *directory)
{
    wazero__memfs_unlock(directory->overlay->upper);
}

/* ---- making ---- */

static wazero__errno_t make(wazero__io_t *io, dir_t *directory, const char *name,
                            uint8_t type, const char *target)
{
    seen_t seen;
    node_t *made;
    wazero__errno_t code = wazero__ovldir_look(io, directory, name, &seen);
    if (code != WASI_NOENT)
        return code ? code : WASI_EXIST;
    code = wazero__ovldir_raise(io, directory);
    if (code)
        return code;
    lock(directory);
    if (wazero__ovldir_find(directory, name).node)
        code = WASI_EXIST;
    else if (wazero__ovldir_settle(directory) != OVLDIR_ABOVE)
        code = WASI_NOENT;
    else
        code = wazero__memtree_make(tree_of(directory), directory->anchor, name, type,
                                    target, wazero__io_now(io), &made);
    unlock(directory);
    return code;
}

wazero__errno_t wazero__ovldir_make_directory(wazero__io_t *io,
                                              wazero__file_t *directory,
                                              const char *name)
{
    return make(io, of(directory), name, WASI_DIRECTORY, NULL);
}

wazero__errno_t wazero__ovldir_symlink(wazero__io_t *io, wazero__file_t *directory,
                                       const char *name, const char *target)
{
    return make(io, of(directory), name, WASI_SYMBOLIC_LINK, target);
}

/* ---- removing ---- */

/* What shows from below in a directory that was seen: NULL if nothing does, or if it is
 * none. */
static wazero__errno_t list_child(wazero__io_t *io, dir_t *directory, const char *name,
                                  const seen_t *seen, wazero__listing_t **listing)
{
    dir_t *entered;
    *listing = NULL;
    if (seen->stat.type != WASI_DIRECTORY || seen->under_type != WASI_DIRECTORY)
        return WASI_SUCCESS;
    wazero__errno_t code = wazero__ovldir_enter(io, directory, name, &entered);
    if (code)
        return code;
    code = wazero__ovldir_list_below(io, entered, listing);
    wazero__file_release(&entered->file);
    return code;
}

/* Whether a directory shows nothing, locked. Its node is NULL if it is only below. */
static bool is_empty(const node_t *node, const wazero__listing_t *below)
{
    char name[WAZERO__NAME_MAX + 1];
    const char *bytes;
    size_t size;
    uint8_t type;
    uint64_t inode;
    if (node && node->as.directory.names.first)
        return false;
    for (size_t i = WAZERO__LISTING_FIRST;
         below && wazero__listing_get(below, i, &bytes, &size, &type, &inode); i++) {
        if (!node || size > WAZERO__NAME_MAX)
            return false;
        memcpy(name, bytes, size);
        name[size] = '\0';
        if (!wazero__memtree_hides(node, name))
            return false;
    }
    return true;
}

/* Takes a name away that is still what was seen, locked. */
static wazero__errno_t take_away(const wazero__io_t *io, dir_t *directory,
                                 const char *name, const seen_t *seen)
{
    node_t *anchor = directory->anchor;
    wazero__memtree_t *tree = tree_of(directory);
    wazero__mementry_t *entry =
        seen->name.node ? wazero__memtree_find(anchor, name) : NULL;
    wazero__errno_t code = WASI_SUCCESS;
    if (seen->under)
        code = wazero__memtree_hide(tree, anchor, name, entry);
    if (code)
        return code;
    if (entry)
        wazero__memtree_remove(tree, anchor, entry, wazero__io_now(io));
    else
        wazero__memnode_touch(anchor, wazero__io_now(io));
    wazero__ovlfile_switch(directory, name, NULL);
    return WASI_SUCCESS;
}

/* One attempt; BUSY when somebody came in between. */
static wazero__errno_t try_unlink(wazero__io_t *io, dir_t *directory, const char *name)
{
    seen_t seen;
    wazero__errno_t code = wazero__ovldir_look(io, directory, name, &seen);
    if (!code && seen.stat.type == WASI_DIRECTORY)
        code = WASI_ISDIR;
    if (!code && seen.under)
        code = wazero__ovldir_raise(io, directory);
    if (code)
        return code;
    lock(directory);
    code = wazero__ovldir_is_still(directory, name, &seen)
               ? take_away(io, directory, name, &seen)
               : WASI_BUSY;
    unlock(directory);
    return code;
}

wazero__errno_t wazero__ovldir_unlink(wazero__io_t *io, wazero__file_t *directory,
                                      const char *name)
{
    wazero__errno_t code = WASI_BUSY;
    for (int i = 0; i < WAZERO__OVERLAY_TRIES && code == WASI_BUSY; i++)
        code = try_unlink(io, of(directory), name);
    return code;
}

/* One attempt; BUSY when somebody came in between. */
static wazero__errno_t try_rmdir(wazero__io_t *io, dir_t *directory, const char *name)
{
    seen_t seen;
    wazero__listing_t *below;
    wazero__errno_t code = wazero__ovldir_look(io, directory, name, &seen);
    if (!code && seen.stat.type != WASI_DIRECTORY)
        code = WASI_NOTDIR;
    if (!code)
        code = list_child(io, directory, name, &seen, &below);
    if (code)
        return code;
    for (int raised = 0; raised < 2; raised++) {
        lock(directory);
        if (!wazero__ovldir_is_still(directory, name, &seen))
            code = WASI_BUSY;
        else if (!is_empty(seen.name.node, below))
            code = WASI_NOTEMPTY;
        else if (raised)
            code = take_away(io, directory, name, &seen);
        unlock(directory);
        if (!code && !raised && seen.under)
            code = wazero__ovldir_raise(io, directory);
        if (code)
            break;
    }
    wazero__listing_delete(below);
    return code;
}

wazero__errno_t wazero__ovldir_remove_directory(wazero__io_t *io,
                                                wazero__file_t *directory,
                                                const char *name)
{
    wazero__errno_t code = WASI_BUSY;
    for (int i = 0; i < WAZERO__OVERLAY_TRIES && code == WASI_BUSY; i++)
        code = try_rmdir(io, of(directory), name);
    return code;
}

/* ---- two names ---- */

/* A rename: from where, to where, and what was seen there. */
typedef struct {
    dir_t *from, *to;
    const char *name, *to_name;
    seen_t moved, replaced;
    bool replaces;
    wazero__listing_t *below; /* of a directory that is replaced, or NULL */
} move_t;

/* Whether a directory that was seen is another one, or above it, locked. */
static bool is_above(dir_t *directory, const char *name, const seen_t *seen,
                     dir_t *other)
{
    (void)wazero__ovldir_settle(other);
    if (seen->stat.type != WASI_DIRECTORY)
        return false;
    if (seen->name.node)
        return wazero__memtree_is_above(seen->name.node, other->anchor);
    size_t size = strlen(directory->path), more = strlen(name);
    if (!other->path || other->detached ||
        strncmp(other->path, directory->path, size) != 0)
        return false;
    const char *rest = other->path + size;
    if (size && *rest++ != '/')
        return false;
    return strncmp(rest, name, more) == 0 && (!rest[more] || rest[more] == '/');
}

/* Why one name cannot become another one, in the order in which Linux finds out;
 * locked. */
static wazero__errno_t check_move(const move_t *move)
{
    bool is_directory = move->moved.stat.type == WASI_DIRECTORY;
    if (!wazero__ovldir_is_still(move->from, move->name, &move->moved) ||
        !wazero__ovldir_is_still(move->to, move->to_name, &move->replaced))
        return WASI_BUSY;
    if (is_above(move->from, move->name, &move->moved, move->to))
        return WASI_INVAL;
    if (!move->replaces)
        return WASI_SUCCESS;
    if (is_above(move->to, move->to_name, &move->replaced, move->from))
        return WASI_NOTEMPTY;
    if (move->replaced.stat.type != WASI_DIRECTORY)
        return is_directory ? WASI_NOTDIR : WASI_SUCCESS;
    if (!is_directory)
        return WASI_ISDIR;
    return is_empty(move->replaced.name.node, move->below) ? WASI_SUCCESS
                                                           : WASI_NOTEMPTY;
}

/* What is open below a directory that is moved with all that is in it, locked: it goes
 * with it, and shows nothing from below any more. */
static void detach(const wazero__overlay_t *overlay, node_t *moved)
{
    for (dir_t *other = overlay->directories; other; other = other->next)
        other->detached |= wazero__memtree_is_above(moved, other->anchor);
    moved->opaque = true;
}

/* Moves what is in the upper layer, locked. */
static wazero__errno_t move_above(const wazero__io_t *io, const move_t *move)
{
    wazero__memtree_t *tree = tree_of(move->from);
    node_t *source = move->from->anchor, *target = move->to->anchor;
    bool is_directory = move->moved.stat.type == WASI_DIRECTORY;
    bool hides = move->moved.under && !wazero__memtree_hides(source, move->name);
    bool hides_target = is_directory && move->replaced.under &&
                        !wazero__memtree_hides(target, move->to_name);
    wazero__mementry_t *from = wazero__memtree_find(source, move->name);
    wazero__mementry_t *to = wazero__memtree_find(target, move->to_name);
    wazero__errno_t code = WASI_SUCCESS;
    /* Before it goes: everything in it is above by now. */
    for (dir_t *other = move->from->overlay->directories; other; other = other->next)
        (void)wazero__ovldir_settle(other);
    if (hides)
        code = wazero__memtree_hide(tree, source, move->name, NULL);
    if (!code && hides_target)
        code = wazero__memtree_hide(tree, target, move->to_name, to);
    if (!code)
        code = wazero__memtree_move(tree, source, from, target, move->to_name, to,
                                    wazero__io_now(io));
    if (code) {
        if (hides)
            wazero__memtree_show(tree, source, move->name);
        if (hides_target)
            wazero__memtree_show(tree, target, move->to_name);
        return code;
    }
    wazero__ovlfile_switch(move->to, move->to_name, NULL);
    if (is_directory)
        detach(move->from->overlay, wazero__memtree_find(target, move->to_name)->node);
    return WASI_SUCCESS;
}

/* Has what is to be moved in the upper layer, with all that is in it, and where it
 * goes. */
static wazero__errno_t bring_up(wazero__io_t *io, const move_t *move)
{
    wazero__errno_t code = WASI_SUCCESS;
    if (move->moved.stat.type == WASI_DIRECTORY && move->moved.under)
        code = wazero__overlay_copy_tree(io, move->from, move->name);
    else if (!move->moved.name.node)
        code = wazero__overlay_copy_up(io, move->from, move->name, true);
    if (!code)
        code = wazero__ovldir_raise(io, move->from);
    return code ? code : wazero__ovldir_raise(io, move->to);
}

/* Looks at both names. */
static wazero__errno_t look_at_both(wazero__io_t *io, move_t *move)
{
    wazero__errno_t code =
        wazero__ovldir_look(io, move->from, move->name, &move->moved);
    if (code)
        return code;
    code = wazero__ovldir_look(io, move->to, move->to_name, &move->replaced);
    move->replaces = code == WASI_SUCCESS;
    return code == WASI_NOENT ? WASI_SUCCESS : code;
}

static wazero__errno_t do_move(wazero__io_t *io, move_t *move)
{
    lock(move->from);
    wazero__errno_t code = check_move(move);
    unlock(move->from);
    if (!code)
        code = bring_up(io, move);
    /* It is seen above now. */
    if (!code)
        code = look_at_both(io, move);
    if (code)
        return code;
    lock(move->from);
    code = move->moved.name.node ? check_move(move) : WASI_BUSY;
    if (!code)
        code = move_above(io, move);
    unlock(move->from);
    return code;
}

/* One attempt; BUSY when somebody came in between. */
static wazero__errno_t try_rename(wazero__io_t *io, move_t *move)
{
    wazero__errno_t code = look_at_both(io, move);
    if (code)
        return code;
    const wazero__stat_t *moved = &move->moved.stat, *replaced = &move->replaced.stat;
    if (move->replaces && moved->inode == replaced->inode &&
        moved->device == replaced->device)
        return WASI_SUCCESS; /* two names of one file: nothing to do */
    move->below = NULL;
    if (move->replaces)
        code = list_child(io, move->to, move->to_name, &move->replaced, &move->below);
    if (!code)
        code = do_move(io, move);
    wazero__listing_delete(move->below);
    return code;
}

wazero__errno_t wazero__ovldir_rename(wazero__io_t *io, wazero__file_t *directory,
                                      const char *name, wazero__file_t *to_directory,
                                      const char *to_name)
{
    move_t move = {.from = of(directory),
                   .to = of(to_directory),
                   .name = name,
                   .to_name = to_name};
    wazero__errno_t code = WASI_BUSY;
    for (int i = 0; i < WAZERO__OVERLAY_TRIES && code == WASI_BUSY; i++)
        code = try_rename(io, &move);
    return code;
}

/* One attempt; BUSY when somebody came in between. */
static wazero__errno_t try_link(wazero__io_t *io, dir_t *directory, const char *name,
                                dir_t *to, const char *to_name)
{
    seen_t seen, other;
    wazero__errno_t code = wazero__ovldir_look(io, directory, name, &seen);
    if (code)
        return code;
    code = wazero__ovldir_look(io, to, to_name, &other);
    if (code != WASI_NOENT)
        return code ? code : WASI_EXIST;
    if (seen.stat.type == WASI_DIRECTORY)
        return WASI_PERM;
    code = seen.name.node ? WASI_SUCCESS
                          : wazero__overlay_copy_up(io, directory, name, true);
    if (!code)
        code = wazero__ovldir_raise(io, to);
    if (code)
        return code;
    lock(directory);
    node_t *node = wazero__ovldir_find(directory, name).node;
    if (!node || node->type != seen.stat.type ||
        !wazero__ovldir_is_still(to, to_name, &other))
        code = WASI_BUSY;
    else
        code = wazero__memtree_link(tree_of(to), to->anchor, to_name, node,
                                    wazero__io_now(io));
    unlock(directory);
    return code;
}

wazero__errno_t wazero__ovldir_link(wazero__io_t *io, wazero__file_t *directory,
                                    const char *name, wazero__file_t *to_directory,
                                    const char *to_name)
{
    wazero__errno_t code = WASI_BUSY;
    for (int i = 0; i < WAZERO__OVERLAY_TRIES && code == WASI_BUSY; i++)
        code = try_link(io, of(directory), name, of(to_directory), to_name);
    return code;
}

/* ---- times ---- */

wazero__errno_t wazero__ovldir_set_times(wazero__io_t *io, wazero__file_t *file,
                                         const wazero__times_t *times)
{
    dir_t *directory = of(file);
    wazero__errno_t code = wazero__ovldir_raise(io, directory);
    if (code)
        return code;
    lock(directory);
    if (wazero__ovldir_settle(directory) == OVLDIR_ABOVE)
        wazero__memnode_set_times(io, directory->anchor, times);
    else
        code = WASI_NOENT;
    unlock(directory);
    return code;
}

/* One attempt; BUSY when somebody came in between. */
static wazero__errno_t try_set_times(wazero__io_t *io, dir_t *directory,
                                     const char *name, const wazero__times_t *times)
{
    seen_t seen;
    wazero__errno_t code = wazero__ovldir_look(io, directory, name, &seen);
    if (!code && !seen.name.node)
        code = wazero__overlay_copy_up(io, directory, name, true);
    if (code)
        return code == WASI_XDEV ? WASI_ROFS : code;
    lock(directory);
    node_t *node = wazero__ovldir_find(directory, name).node;
    if (node)
        wazero__memnode_set_times(io, node, times);
    unlock(directory);
    return node ? WASI_SUCCESS : WASI_BUSY;
}

wazero__errno_t wazero__ovldir_set_times_at(wazero__io_t *io, wazero__file_t *directory,
                                            const char *name,
                                            const wazero__times_t *times)
{
    wazero__errno_t code = WASI_BUSY;
    if (name[0] == '.' && !name[1])
        return wazero__ovldir_set_times(io, directory, times);
    for (int i = 0; i < WAZERO__OVERLAY_TRIES && code == WASI_BUSY; i++)
        code = try_set_times(io, of(directory), name, times);
    return code;
}
