/*
 * path.c - the jail: where a guest's path leads, and never out of the directory that it
 * began in.
 *
 * All but the last name are gone through to an open directory; then one operation is
 * done there on the last name, which never follows a link. Links at the end are read
 * and resolved here, from the jail's root again. So there is no moment at which a name
 * that was checked can become another: what is held is open.
 *
 * A file system that can resolve a whole path beneath a directory itself does
 * (enter_path, open_path, stat_path: openat2 on Linux). For all others there is the
 * walk, name by name. It does not hold the directories that it came by, for a path
 * has two thousand of them: at ".." it begins at the root anew and goes through the
 * names that it went through before, without the last one. Those were directories,
 * not links, so this is the parent. (To cut "x/.." out of the text would not be: x
 * may be a link.)
 */
#include <string.h>

#include "wasi/state.h"

enum { LINKS_MAX = 40 };

/* How many directories one walk enters at most: ".." makes it begin anew. */
enum { STEPS_MAX = 65536 };

/* ---- the walk ---- */

typedef struct {
    wazero__io_t *io;
    wazero__file_t *root;
    wazero__file_t *here;         /* a reference */
    char trail[WAZERO__PATH_MAX]; /* names from the root to here, a '/' behind each */
    size_t trail_size;
    char rest[WAZERO__PATH_MAX]; /* of the path */
    size_t rest_size;
    unsigned links;
    unsigned steps;
} walk_t;

static wazero__errno_t step_into(walk_t *walk, const char *name)
{
    wazero__file_t *entered;
    const wazero__file_type_t *type = walk->here->type;
    if (++walk->steps > STEPS_MAX)
        return WASI_LOOP;
    if (!type->enter)
        return WASI_NOTSUP;
    wazero__errno_t code = type->enter(walk->io, walk->here, name, &entered);
    if (code)
        return code;
    wazero__file_release(walk->here);
    walk->here = entered;
    return WASI_SUCCESS;
}

/* Goes to the parent, from the root. */
static wazero__errno_t step_out(walk_t *walk)
{
    if (!walk->trail_size)
        return WASI_PERM;
    walk->trail_size--;
    while (walk->trail_size && walk->trail[walk->trail_size - 1] != '/')
        walk->trail_size--;
    wazero__file_release(walk->here);
    walk->here = wazero__file_retain(walk->root);
    for (size_t at = 0; at < walk->trail_size;) {
        char name[WAZERO__NAME_MAX + 1];
        const char *end = memchr(walk->trail + at, '/', walk->trail_size - at);
        size_t size = (size_t)(end - (walk->trail + at));
        memcpy(name, walk->trail + at, size);
        name[size] = '\0';
        wazero__errno_t code = step_into(walk, name);
        if (code)
            return code;
        at += size + 1;
    }
    return WASI_SUCCESS;
}

/* The name was no directory: if it is a link its target comes before the rest. */
static wazero__errno_t take_link(walk_t *walk, const char *name)
{
    char target[WAZERO__PATH_MAX];
    size_t size;
    const wazero__file_type_t *type = walk->here->type;
    wazero__errno_t code =
        type->read_link
            ? type->read_link(walk->io, walk->here, name, target, sizeof target, &size)
            : WASI_INVAL;
    if (code)
        return code == WASI_ENDED ? code : WASI_NOTDIR;
    if (!size || target[0] == '/')
        return WASI_PERM;
    if (++walk->links > LINKS_MAX)
        return WASI_LOOP;
    if (size + 1 + walk->rest_size >= sizeof walk->rest)
        return WASI_NAMETOOLONG;
    memmove(walk->rest + size + 1, walk->rest, walk->rest_size);
    memcpy(walk->rest, target, size);
    walk->rest[size] = '/';
    walk->rest_size += size + 1;
    return WASI_SUCCESS;
}

/* Takes the first name off the rest; its size is 0 when there is none. */
static wazero__errno_t next_name(walk_t *walk, char *name, size_t *size)
{
    size_t at = 0;
    while (at < walk->rest_size && walk->rest[at] == '/')
        at++;
    size_t end = at;
    while (end < walk->rest_size && walk->rest[end] != '/')
        end++;
    *size = end - at;
    if (*size > WAZERO__NAME_MAX)
        return WASI_NAMETOOLONG;
    memcpy(name, walk->rest + at, *size);
    name[*size] = '\0';
    walk->rest_size -= end;
    memmove(walk->rest, walk->rest + end, walk->rest_size);
    return WASI_SUCCESS;
}

static wazero__errno_t walk_on(walk_t *walk)
{
    for (;;) {
        char name[WAZERO__NAME_MAX + 1];
        size_t size;
        wazero__errno_t code = next_name(walk, name, &size);
        if (code || !size)
            return code;
        if (strcmp(name, ".") == 0)
            continue;
        if (strcmp(name, "..") == 0) {
            code = step_out(walk);
            if (code)
                return code;
            continue;
        }
        code = step_into(walk, name);
        if (code == WASI_NOTDIR || code == WASI_LOOP)
            code = walk->steps > STEPS_MAX ? WASI_LOOP : take_link(walk, name);
        else if (!code && walk->trail_size + size + 1 > sizeof walk->trail)
            code = WASI_NAMETOOLONG;
        else if (!code) {
            memcpy(walk->trail + walk->trail_size, name, size);
            walk->trail_size += size;
            walk->trail[walk->trail_size++] = '/';
        }
        if (code)
            return code;
    }
}

/* Enters the directory that the first size bytes of path lead to. */
static wazero__errno_t enter(wazero__io_t *io, wazero__file_t *root, const char *path,
                             size_t size, wazero__file_t **entered)
{
    walk_t walk;
    walk.rest_size = size;
    memcpy(walk.rest, path, size);
    walk.rest[size] = '\0';
    if (root->type->enter_path) {
        wazero__errno_t code = root->type->enter_path(io, root, walk.rest, entered);
        if (code != WASI_NOSYS)
            return code;
    }
    walk.io = io;
    walk.root = root;
    walk.here = wazero__file_retain(root);
    walk.trail_size = 0;
    walk.links = walk.steps = 0;
    wazero__errno_t code = walk_on(&walk);
    if (code)
        wazero__file_release(walk.here);
    else
        *entered = walk.here;
    return code;
}

/* ---- places ---- */

/* Splits a path; *prefix is the size of what comes before the last name. A path that
 * ends in "." or ".." is all prefix. */
static wazero__errno_t split(const char *path, size_t *prefix, wazero__place_t *place)
{
    size_t size = strlen(path), end = size;
    if (!size)
        return WASI_NOENT;
    if (path[0] == '/')
        return WASI_PERM;
    while (path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin && path[begin - 1] != '/')
        begin--;
    size_t length = end - begin;
    place->slash = end < size;
    *prefix = begin;
    if (length > WAZERO__NAME_MAX)
        return WASI_NAMETOOLONG;
    memcpy(place->name, path + begin, length);
    place->name[length] = '\0';
    if (strcmp(place->name, ".") == 0 || strcmp(place->name, "..") == 0) {
        *prefix = strcmp(path, ".") == 0 ? 0 : end;
        memcpy(place->name, ".", sizeof ".");
    }
    return WASI_SUCCESS;
}

static wazero__errno_t find(wazero__io_t *io, wazero__file_t *directory,
                            const char *path, wazero__place_t *place, size_t *prefix)
{
    wazero__errno_t code = split(path, prefix, place);
    if (code)
        return code;
    if (*prefix)
        return enter(io, directory, path, *prefix, &place->directory);
    place->directory = wazero__file_retain(directory);
    return WASI_SUCCESS;
}

wazero__errno_t wazero__place_find(wazero__io_t *io, wazero__file_t *directory,
                                   const char *path, wazero__place_t *place)
{
    size_t prefix;
    return find(io, directory, path, place, &prefix);
}

void wazero__place_clear(wazero__place_t *place)
{
    wazero__file_release(place->directory);
}

/* Reads the link that is at the place, and puts its target in the place of the name in
 * path, which has room for WAZERO__PATH_MAX. Clears the place. INVAL if it is none. */
static wazero__errno_t substitute(wazero__io_t *io, wazero__place_t *place, char *path,
                                  size_t prefix)
{
    char target[WAZERO__PATH_MAX];
    size_t size;
    const wazero__file_type_t *type = place->directory->type;
    wazero__errno_t code = type->read_link
                               ? type->read_link(io, place->directory, place->name,
                                                 target, sizeof target, &size)
                               : WASI_INVAL;
    if (code)
        return code;
    wazero__place_clear(place);
    place->directory = NULL;
    if (!size || target[0] == '/')
        return WASI_PERM;
    if (prefix + size + place->slash >= WAZERO__PATH_MAX)
        return WASI_NAMETOOLONG;
    memcpy(path + prefix, target, size);
    if (place->slash)
        path[prefix + size++] = '/';
    path[prefix + size] = '\0';
    return WASI_SUCCESS;
}

wazero__errno_t wazero__place_follow(wazero__io_t *io, wazero__file_t *directory,
                                     const char *path, wazero__place_t *place)
{
    char work[WAZERO__PATH_MAX];
    size_t prefix;
    memcpy(work, path, strlen(path) + 1);
    for (int links = 0; links <= LINKS_MAX; links++) {
        wazero__errno_t code = find(io, directory, work, place, &prefix);
        if (code)
            return code;
        if (strcmp(place->name, ".") == 0)
            return WASI_SUCCESS;
        code = substitute(io, place, work, prefix);
        if (code && place->directory && code != WASI_ENDED)
            return WASI_SUCCESS; /* no link, or nothing there: the operation will say */
        if (code) {
            wazero__place_clear(place);
            return code;
        }
    }
    return WASI_LOOP;
}

wazero__errno_t wazero__path_stat(wazero__io_t *io, wazero__file_t *directory,
                                  const char *path, bool follow, wazero__stat_t *stat)
{
    char work[WAZERO__PATH_MAX];
    wazero__place_t place;
    size_t prefix;
    /* For a single name there is nothing to go along. */
    if (directory->type->stat_path && strchr(path, '/')) {
        wazero__errno_t code =
            directory->type->stat_path(io, directory, path, follow, stat);
        if (code != WASI_NOSYS)
            return code;
    }
    for (int links = 0; links <= LINKS_MAX; links++) {
        wazero__errno_t code = find(io, directory, path, &place, &prefix);
        if (code)
            return code;
        const wazero__file_type_t *type = place.directory->type;
        code = type->stat_at ? type->stat_at(io, place.directory, place.name, stat)
                             : WASI_NOTSUP;
        if (code || stat->type != WASI_SYMBOLIC_LINK || !(follow || place.slash)) {
            wazero__place_clear(&place);
            if (!code && place.slash && stat->type != WASI_DIRECTORY)
                code = WASI_NOTDIR;
            return code;
        }
        if (path != work)
            memcpy(work, path, strlen(path) + 1);
        path = work;
        code = substitute(io, &place, work, prefix);
        if (code) {
            wazero__place_clear(&place);
            return code;
        }
    }
    return WASI_LOOP;
}

/* Opens what is at a place. */
static wazero__errno_t open_place(wazero__io_t *io, const wazero__place_t *place,
                                  const wazero__how_t *how, wazero__file_t **file)
{
    const wazero__file_type_t *type = place->directory->type;
    wazero__how_t wanted = *how;
    bool is_itself = strcmp(place->name, ".") == 0;
    if (place->slash || is_itself) {
        if (how->flags & WASI_O_CREAT)
            return is_itself && (how->flags & WASI_O_EXCL) ? WASI_EXIST : WASI_ISDIR;
        wanted.flags |= WASI_O_DIRECTORY;
    }
    return type->open ? type->open(io, place->directory, place->name, &wanted, file)
                      : WASI_NOTSUP;
}

wazero__errno_t wazero__path_open(wazero__io_t *io, wazero__file_t *directory,
                                  const char *path, const wazero__how_t *how,
                                  wazero__file_t **file)
{
    char work[WAZERO__PATH_MAX];
    wazero__place_t place;
    size_t prefix;
    wazero__errno_t code;
    if (!*path)
        return WASI_NOENT;
    if (*path == '/')
        return WASI_PERM;
    if (directory->type->open_path) {
        code = directory->type->open_path(io, directory, path, how, file);
        if (code != WASI_NOSYS)
            return code;
    }
    for (int links = 0; links <= LINKS_MAX; links++) {
        code = find(io, directory, path, &place, &prefix);
        if (code)
            return code;
        code = open_place(io, &place, how, file);
        if ((code != WASI_LOOP && code != WASI_NOTDIR) ||
            !(how->follow || place.slash)) {
            wazero__place_clear(&place);
            return code;
        }
        if (path != work)
            memcpy(work, path, strlen(path) + 1);
        path = work;
        wazero__errno_t refused = code;
        code = substitute(io, &place, work, prefix);
        if (code) {
            bool is_link = !place.directory;
            wazero__place_clear(&place);
            return is_link || code == WASI_ENDED ? code : refused;
        }
    }
    return WASI_LOOP;
}
