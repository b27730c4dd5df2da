/*
 * overlaydeleted.c - what of the lower layer an overlay hides, for the host. See
 * overlay.h.
 *
 * The paths are collected with the lock, and told of without it.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "wasi/overlay.h"

/* A directory that is gone through, and the size of its path. */
typedef struct {
    const wazero__mementry_t *next;
    size_t path_size;
} level_t;

typedef struct {
    level_t *levels;
    size_t depth, room;
    char *path; /* of the directory, with a slash behind if it is not empty */
    size_t path_room;
    char *found; /* paths, one behind the other, each with its NUL */
    size_t found_size, found_room;
} search_t;

/* Makes room for so many elements. */
static bool reserve(void *place, size_t wanted, size_t size, size_t *room)
{
    void *grown;
    if (wanted <= *room)
        return true;
    memcpy(&grown, place, sizeof grown);
    grown = realloc(grown, 2 * wanted * size);
    if (!grown)
        return false;
    memcpy(place, &grown, sizeof grown);
    *room = 2 * wanted;
    return true;
}

/* Goes into a directory: notes what is hidden in it. */
static bool push(search_t *search, const wazero__memnode_t *directory, size_t path_size)
{
    const wazero__mementry_t *entry = directory->as.directory.hidden.first;
    for (; entry; entry = entry->next) {
        size_t size = path_size + entry->size + 1;
        if (!reserve(&search->found, search->found_size + size, 1, &search->found_room))
            return false;
        char *at = search->found + search->found_size;
        if (path_size)
            memcpy(at, search->path, path_size);
        memcpy(at + path_size, entry->name, entry->size + 1);
        search->found_size += size;
    }
    if (!reserve(&search->levels, search->depth + 1, sizeof(level_t), &search->room))
        return false;
    search->levels[search->depth++] =
        (level_t){directory->as.directory.names.first, path_size};
    return true;
}

static bool search_hidden(search_t *search, const wazero__memnode_t *root)
{
    bool fits = push(search, root, 0);
    while (fits && search->depth) {
        level_t *level = &search->levels[search->depth - 1];
        const wazero__mementry_t *entry = level->next;
        if (!entry) {
            search->depth--;
            continue;
        }
        level->next = entry->next;
        if (entry->node->type != WASI_DIRECTORY || entry->node->opaque)
            continue; /* what is hidden in it was so at another place */
        size_t size = level->path_size + entry->size + 1;
        fits = reserve(&search->path, size, 1, &search->path_room);
        if (!fits)
            break;
        memcpy(search->path + level->path_size, entry->name, entry->size);
        search->path[size - 1] = '/';
        fits = push(search, entry->node, size);
    }
    free(search->levels);
    free(search->path);
    return fits;
}

wazero_error_t *wazero_fs_list_deleted(wazero_fs_t *fs, wazero_fs_visit_t visit,
                                       void *user)
{
    static const wazero_fs_stat_t nothing;
    search_t search = {0};
    wazero_error_t *error = NULL;
    if (!fs || fs->type != &wazero__overlay_type)
        return wazero__error(WAZERO_ERROR_INVALID, "the file system is no overlay");
    wazero__memfs_t *upper = ((wazero__overlay_t *)(void *)fs)->upper;
    wazero__memfs_lock(upper);
    bool fits = search_hidden(&search, upper->tree.root);
    wazero__memfs_unlock(upper);
    if (!fits)
        error = wazero__error_memory();
    for (size_t at = 0; !error && at < search.found_size;) {
        size_t size = strlen(search.found + at);
        error = visit(user, search.found + at, size, &nothing);
        at += size + 1;
    }
    free(search.found);
    return error;
}
