/*
 * reach.c - what the host does with the files of a file system, of whichever kind: the
 * operations of a guest, from outside of any.
 *
 * Paths are taken apart by path.c, which takes them up to WAZERO__PATH_MAX; longer ones
 * are gone along piece by piece. Directories are gone through without recursion, for
 * guests make them as deep as they like.
 */
#include <stdlib.h>

#include "error.h"
#include "text.h"
#include "thread.h"
#include "wasi/filesystem.h"
#include "wasi/state.h"

/* A path that is being gone along. */
typedef struct {
    wazero__io_t io;
    wazero__file_t *directory; /* a reference */
    const char *rest;          /* relative to it, shorter than WAZERO__PATH_MAX */
} reach_t;

/* ---- errors ---- */

static const char *text_of(wazero__errno_t code)
{
    switch (code) {
    case WASI_EXIST:
        return "is there already";
    case WASI_ISDIR:
        return "is that of a directory";
    case WASI_NOENT:
        return "is not there";
    case WASI_NOTDIR:
        return "leads through a file";
    case WASI_NOTEMPTY:
        return "is that of a directory that is not empty";
    case WASI_INVAL:
        return "has a name that no file can have";
    case WASI_NOSPC:
    case WASI_DQUOT:
    case WASI_FBIG:
        return "does not fit: the file system is full";
    case WASI_PERM:
        return "leads out of the file system";
    case WASI_ROFS:
        return "cannot be changed";
    default:
        return strerror(wazero__errno_to(code));
    }
}

/* The error for a code, NULL for success; what ended a call goes before it. */
static wazero_error_t *explain(wazero__io_t *io, wazero__errno_t code, const char *path)
{
    char shown[128];
    if (!code || code == WASI_ENDED)
        return code ? io->error : NULL;
    if (code == WASI_NOMEM)
        return wazero__error_memory();
    wazero__text_show(path, strlen(path), shown, sizeof shown);
    return wazero__error_file(wazero__errno_to(code), "the path \"%s\" %s", shown,
                              text_of(code));
}

/* ---- going along paths ---- */

/* Whether all names are such as files can have. */
static bool has_good_names(const char *path)
{
    for (const char *at = path + strspn(path, "/"); *at;) {
        size_t size = strcspn(at, "/");
        if (size > WAZERO__NAME_MAX ||
            (at[0] == '.' && (size == 1 || (size == 2 && at[1] == '.'))))
            return false;
        at += size + strspn(at + size, "/");
    }
    return true;
}

/* Makes a directory whose parents are there; it may be there itself. */
static wazero__errno_t make_one(reach_t *at, const char *path)
{
    wazero__place_t place;
    wazero__errno_t code = wazero__place_find(&at->io, at->directory, path, &place);
    if (code)
        return code;
    const wazero__file_type_t *type = place.directory->type;
    code = type->make_directory
               ? type->make_directory(&at->io, place.directory, place.name)
               : WASI_ROFS;
    wazero__place_clear(&place);
    return code == WASI_EXIST ? WASI_SUCCESS : code;
}

/* Makes the directories of the first size bytes of a path that are not there. Mostly
 * all but the last are: only otherwise each is looked for from the start. */
static wazero__errno_t make_all(reach_t *at, const char *path, size_t size)
{
    char piece[WAZERO__PATH_MAX];
    if (!size)
        return WASI_SUCCESS;
    memcpy(piece, path, size);
    piece[size] = '\0';
    wazero__errno_t code = make_one(at, piece);
    if (code != WASI_NOENT)
        return code;
    code = WASI_SUCCESS;
    for (size_t end = 0; end < size && !code;) {
        end += strcspn(piece + end, "/");
        char behind = piece[end];
        piece[end] = '\0';
        code = make_one(at, piece);
        piece[end] = behind;
        end += strspn(piece + end, "/");
    }
    return code;
}

static wazero__errno_t open_directory(reach_t *at, const char *path,
                                      wazero__file_t **directory)
{
    const wazero__how_t how = {.flags = WASI_O_DIRECTORY, .read = true, .follow = true};
    return wazero__path_open(&at->io, at->directory, *path ? path : ".", &how,
                             directory);
}

/* Goes along what is too long to be a path. */
static wazero__errno_t shorten(reach_t *at, bool make)
{
    char piece[WAZERO__PATH_MAX];
    while (strlen(at->rest) >= WAZERO__PATH_MAX) {
        wazero__file_t *entered;
        size_t size = WAZERO__PATH_MAX - 1;
        while (at->rest[size - 1] != '/')
            size--; /* no name is that long */
        memcpy(piece, at->rest, size);
        piece[size] = '\0';
        wazero__errno_t code = make ? make_all(at, piece, size) : WASI_SUCCESS;
        if (!code)
            code = open_directory(at, piece, &entered);
        if (code)
            return code;
        wazero__file_release(at->directory);
        at->directory = entered;
        at->rest += size + strspn(at->rest + size, "/");
    }
    return WASI_SUCCESS;
}

static void end_reach(reach_t *at)
{
    wazero__file_release(at->directory);
    wazero__thread_attach(wazero__thread());
}

/* Begins with a path; `make` makes the directories on the way to its last name. */
static wazero_error_t *begin_reach(wazero_fs_t *fs, const char *path, bool make,
                                   reach_t *at)
{
    if (!fs || !path)
        return wazero__error(WAZERO_ERROR_INVALID, "the %s must not be NULL",
                             fs ? "path" : "file system");
    *at = (reach_t){.rest = path + strspn(path, "/")};
    if (!has_good_names(path))
        return explain(&at->io, WASI_INVAL, path);
    wazero_error_t *error = fs->type->open(fs, &at->directory);
    if (error)
        return error;
    wazero__errno_t code = shorten(at, make);
    size_t size = strlen(at->rest);
    while (size && at->rest[size - 1] == '/')
        size--;
    while (size && at->rest[size - 1] != '/')
        size--;
    if (!code && make && size)
        code = make_all(at, at->rest, size);
    if (code)
        end_reach(at);
    return explain(&at->io, code, path);
}

/* ---- whole files ---- */

/* Reads all there is, which may change meanwhile, into *bytes, which grow. */
static wazero__errno_t read_all(reach_t *at, wazero__file_t *file, uint8_t **bytes,
                                size_t *size)
{
    enum { MORE = 4096, MOST = 1 << 30 };
    wazero__stat_t stat = {0};
    wazero__errno_t code = WASI_SUCCESS;
    if (!file->type->read)
        return file->filetype == WASI_DIRECTORY ? WASI_ISDIR : WASI_BADF;
    if (file->type->stat)
        code = file->type->stat(&at->io, file, &stat);
    if (stat.size >= SIZE_MAX)
        code = WASI_NOMEM;
    /* One byte more than there is: the read that fills it not has seen the end. */
    size_t room = (size_t)stat.size + 1, done = 1;
    *size = 0;
    *bytes = code ? NULL : malloc(room);
    if (!code && !*bytes)
        code = WASI_NOMEM;
    while (!code && done) {
        if (*size == room) {
            uint8_t *more = realloc(*bytes, room + room / 2 + MORE);
            if (!more) {
                code = WASI_NOMEM;
                break;
            }
            *bytes = more;
            room += room / 2 + MORE;
        }
        struct iovec part = {*bytes + *size, room - *size < MOST ? room - *size : MOST};
        code = file->type->read(&at->io, file, &part, 1, 0, &done);
        if (!code)
            *size += done;
    }
    return code;
}

wazero_error_t *wazero_fs_read_file(wazero_fs_t *fs, const char *path, uint8_t **bytes,
                                    size_t *size)
{
    const wazero__how_t how = {.read = true, .follow = true};
    reach_t at;
    wazero__file_t *file;
    uint8_t *got = NULL;
    size_t got_size = 0;
    wazero_error_t *error = begin_reach(fs, path, false, &at);
    if (error)
        return error;
    const char *rest = *at.rest ? at.rest : ".";
    wazero__errno_t code = wazero__path_open(&at.io, at.directory, rest, &how, &file);
    if (!code) {
        code = read_all(&at, file, &got, &got_size);
        wazero__file_release(file);
    }
    end_reach(&at);
    if (code) {
        free(got);
        return explain(&at.io, code, path);
    }
    *bytes = got;
    *size = got_size;
    return NULL;
}

static wazero__errno_t write_all(reach_t *at, wazero__file_t *file,
                                 const uint8_t *bytes, size_t size)
{
    enum { MOST = 1 << 30 };
    const wazero__file_type_t *type = file->type;
    wazero__errno_t code = WASI_ROFS;
    if (type->set_size && type->pwrite)
        code = type->set_size(&at->io, file, size);
    for (size_t all = 0; !code && all < size;) {
        size_t done = 0;
        const struct iovec part = {(void *)(uintptr_t)(bytes + all),
                                   size - all < MOST ? size - all : MOST};
        code = type->pwrite(&at->io, file, &part, 1, all, &done);
        all += done;
        if (!code && !done)
            code = WASI_IO;
    }
    return code;
}

/* Removes the file that was made and could not be written. */
static void take_back(reach_t *at)
{
    wazero__place_t place;
    wazero__io_t io = {0};
    if (wazero__place_find(&io, at->directory, at->rest, &place))
        return;
    if (place.directory->type->unlink)
        (void)place.directory->type->unlink(&io, place.directory, place.name);
    wazero__place_clear(&place);
}

static wazero_error_t *store(wazero_fs_t *fs, const char *path, const void *bytes,
                             size_t size, bool replace)
{
    wazero__how_t how = {
        .flags = WASI_O_CREAT | WASI_O_EXCL, .write = true, .follow = true};
    reach_t at;
    wazero__file_t *file;
    wazero_error_t *error = begin_reach(fs, path, true, &at);
    if (error)
        return error;
    wazero__errno_t code = WASI_ISDIR; /* the root */
    if (*at.rest)
        code = wazero__path_open(&at.io, at.directory, at.rest, &how, &file);
    bool is_there = code == WASI_EXIST && replace;
    if (is_there) {
        how.flags = WASI_O_CREAT;
        code = wazero__path_open(&at.io, at.directory, at.rest, &how, &file);
    }
    if (!code) {
        /* The size first: a file that does not fit stays as it was. */
        code = write_all(&at, file, bytes, size);
        wazero__file_release(file);
        if (code && !is_there)
            take_back(&at);
    }
    end_reach(&at);
    return explain(&at.io, code, path);
}

wazero_error_t *wazero_fs_add_file(wazero_fs_t *fs, const char *path, const void *bytes,
                                   size_t size)
{
    return store(fs, path, bytes, size, false);
}

wazero_error_t *wazero_fs_write_file(wazero_fs_t *fs, const char *path,
                                     const void *bytes, size_t size)
{
    return store(fs, path, bytes, size, true);
}

/* ---- names ---- */

/* Makes the last directory of a path; it may be there. */
static wazero__errno_t make_last(reach_t *at)
{
    wazero__file_t *made;
    wazero__errno_t code = make_all(at, at->rest, strlen(at->rest));
    if (!code)
        code = open_directory(at, at->rest, &made);
    if (!code)
        wazero__file_release(made);
    return code;
}

wazero_error_t *wazero_fs_add_directory(wazero_fs_t *fs, const char *path)
{
    reach_t at;
    wazero_error_t *error = begin_reach(fs, path, true, &at);
    if (error)
        return error;
    wazero__errno_t code = make_last(&at);
    end_reach(&at);
    return explain(&at.io, code, path);
}

static void tell(const wazero__stat_t *stat, wazero_fs_stat_t *told)
{
    told->type = stat->type == WASI_REGULAR_FILE    ? WAZERO_FS_FILE
                 : stat->type == WASI_DIRECTORY     ? WAZERO_FS_DIRECTORY
                 : stat->type == WASI_SYMBOLIC_LINK ? WAZERO_FS_LINK
                                                    : WAZERO_FS_OTHER;
    told->size = stat->size;
    told->links = stat->links;
    told->modified = (int64_t)stat->mtim;
}

wazero_error_t *wazero_fs_stat(wazero_fs_t *fs, const char *path, bool follow,
                               wazero_fs_stat_t *stat)
{
    reach_t at;
    wazero__stat_t got;
    wazero_error_t *error = begin_reach(fs, path, false, &at);
    if (error)
        return error;
    wazero__errno_t code =
        wazero__path_stat(&at.io, at.directory, *at.rest ? at.rest : ".", follow, &got);
    end_reach(&at);
    if (!code)
        tell(&got, stat);
    return explain(&at.io, code, path);
}

/* ---- going through directories ---- */

/* A directory that is gone through, and how far. */
typedef struct {
    wazero__file_t *directory; /* a reference */
    wazero__listing_t *listing;
    size_t index;
    size_t path_size; /* of its path, without a slash; the name begins at: */
    size_t name;
} level_t;

typedef struct walk walk_t;
struct walk {
    wazero__io_t io;
    level_t *levels;
    size_t depth, room;
    char *path; /* of the entry, NUL-terminated */
    size_t path_room;
    bool deep;
    /* What is done with each entry: its directory, its name, and its type. */
    wazero__errno_t (*enter)(walk_t *walk, wazero__file_t *directory, const char *name,
                             uint8_t type);
    /* The same behind all that is in a directory; may be NULL. */
    wazero__errno_t (*leave)(walk_t *walk, wazero__file_t *directory, const char *name);
    wazero_fs_visit_t visit; /* of wazero_fs_list */
    void *user;
};

/* Goes into a directory, which it takes. */
static wazero__errno_t push(walk_t *walk, wazero__file_t *directory, size_t path_size,
                            size_t name)
{
    wazero__listing_t *listing = NULL;
    if (walk->depth == walk->room) {
        size_t room = walk->room ? 2 * walk->room : 16;
        level_t *more = realloc(walk->levels, room * sizeof *more);
        if (!more) {
            wazero__file_release(directory);
            return WASI_NOMEM;
        }
        walk->levels = more;
        walk->room = room;
    }
    wazero__errno_t code = wazero__listing_take(&walk->io, directory, &listing);
    if (code) {
        wazero__file_release(directory);
        return code;
    }
    walk->levels[walk->depth++] =
        (level_t){directory, listing, WAZERO__LISTING_FIRST, path_size, name};
    return WASI_SUCCESS;
}

static void pop(walk_t *walk)
{
    level_t *level = &walk->levels[--walk->depth];
    wazero__listing_delete(level->listing);
    wazero__file_release(level->directory);
}

/* Puts a name behind the path of a directory. */
static wazero__errno_t set_path(walk_t *walk, const level_t *level, const char *name,
                                size_t size, size_t *begin)
{
    size_t wanted = level->path_size + 1 + size + 1;
    if (wanted > walk->path_room) {
        char *more = realloc(walk->path, wanted * 2);
        if (!more)
            return WASI_NOMEM;
        walk->path = more;
        walk->path_room = wanted * 2;
    }
    *begin = level->path_size;
    if (*begin)
        walk->path[(*begin)++] = '/';
    memcpy(walk->path + *begin, name, size);
    walk->path[*begin + size] = '\0';
    return WASI_SUCCESS;
}

/* One entry: what it is, and into it if it is a directory. */
static wazero__errno_t step(walk_t *walk, const char *name, size_t size, uint8_t type)
{
    wazero__file_t *directory = walk->levels[walk->depth - 1].directory, *entered;
    size_t begin;
    wazero__errno_t code =
        set_path(walk, &walk->levels[walk->depth - 1], name, size, &begin);
    if (!code)
        code = walk->enter(walk, directory, walk->path + begin, type);
    if (code || !walk->deep || type != WASI_DIRECTORY)
        return code;
    const wazero__how_t how = {.flags = WASI_O_DIRECTORY, .read = true};
    code = directory->type->open
               ? directory->type->open(&walk->io, directory, walk->path + begin, &how,
                                       &entered)
               : WASI_NOTSUP;
    if (code == WASI_NOENT || code == WASI_NOTDIR || code == WASI_LOOP)
        return WASI_SUCCESS; /* it has changed meanwhile */
    return code ? code : push(walk, entered, begin + size, begin);
}

/* Through with a directory: what is to be done with it, from the one above. */
static wazero__errno_t step_back(walk_t *walk)
{
    const level_t *level = &walk->levels[walk->depth - 1];
    wazero__errno_t code = WASI_SUCCESS;
    if (walk->leave && walk->depth > 1) {
        walk->path[level->path_size] = '\0';
        code = walk->leave(walk, level[-1].directory, walk->path + level->name);
    }
    pop(walk);
    return code;
}

/* Goes through a directory, which it takes. */
static wazero__errno_t go_through(walk_t *walk, wazero__file_t *directory)
{
    wazero__errno_t code = push(walk, directory, 0, 0);
    while (!code && walk->depth) {
        level_t *level = &walk->levels[walk->depth - 1];
        const char *name;
        size_t size;
        uint8_t type;
        uint64_t inode;
        if (wazero__listing_get(level->listing, level->index++, &name, &size, &type,
                                &inode))
            code = step(walk, name, size, type);
        else
            code = step_back(walk);
    }
    while (walk->depth)
        pop(walk);
    free(walk->levels);
    free(walk->path);
    return code;
}

static wazero__errno_t visit_entry(walk_t *walk, wazero__file_t *directory,
                                   const char *name, uint8_t type)
{
    wazero__stat_t stat;
    wazero_fs_stat_t told;
    (void)type;
    if (!directory->type->stat_at)
        return WASI_NOTSUP;
    wazero__errno_t code = directory->type->stat_at(&walk->io, directory, name, &stat);
    if (code)
        return code == WASI_NOENT ? WASI_SUCCESS : code;
    tell(&stat, &told);
    wazero__thread_attach(wazero__thread());
    wazero_error_t *error =
        walk->visit(walk->user, walk->path, strlen(walk->path), &told);
    return error ? wazero__io_end(&walk->io, error) : WASI_SUCCESS;
}

wazero_error_t *wazero_fs_list(wazero_fs_t *fs, const char *path, bool deep,
                               wazero_fs_visit_t visit, void *user)
{
    walk_t walk = {.deep = deep, .enter = visit_entry, .visit = visit, .user = user};
    reach_t at;
    wazero__file_t *directory;
    wazero_error_t *error = begin_reach(fs, path, false, &at);
    if (error)
        return error;
    wazero__errno_t code = open_directory(&at, at.rest, &directory);
    if (code) {
        end_reach(&at);
        return explain(&at.io, code, path);
    }
    code = go_through(&walk, directory);
    end_reach(&at);
    return explain(&walk.io, code, path);
}

/* ---- removing ---- */

static wazero__errno_t remove_directory(wazero__io_t *io, wazero__file_t *directory,
                                        const char *name)
{
    return directory->type->remove_directory
               ? directory->type->remove_directory(io, directory, name)
               : WASI_ROFS;
}

static wazero__errno_t unlink_entry(walk_t *walk, wazero__file_t *directory,
                                    const char *name, uint8_t type)
{
    if (type == WASI_DIRECTORY)
        return WASI_SUCCESS;
    wazero__errno_t code = directory->type->unlink
                               ? directory->type->unlink(&walk->io, directory, name)
                               : WASI_ROFS;
    return code == WASI_NOENT ? WASI_SUCCESS : code;
}

static wazero__errno_t remove_entry(walk_t *walk, wazero__file_t *directory,
                                    const char *name)
{
    return remove_directory(&walk->io, directory, name);
}

static wazero__errno_t remove_place(reach_t *at, const wazero__place_t *place,
                                    bool deep)
{
    const wazero__how_t how = {.flags = WASI_O_DIRECTORY, .read = true};
    const wazero__file_type_t *type = place->directory->type;
    walk_t walk = {.deep = true, .enter = unlink_entry, .leave = remove_entry};
    wazero__stat_t stat;
    wazero__file_t *directory;
    if (place->name[0] == '.' && !place->name[1])
        return WASI_BUSY; /* the root */
    if (!type->stat_at || !type->open)
        return WASI_NOTSUP;
    wazero__errno_t code = type->stat_at(&at->io, place->directory, place->name, &stat);
    if (!code && stat.type != WASI_DIRECTORY)
        return place->slash
                   ? WASI_NOTDIR
                   : unlink_entry(&walk, place->directory, place->name, stat.type);
    if (!code && deep)
        code = type->open(&at->io, place->directory, place->name, &how, &directory);
    if (!code && deep) {
        code = go_through(&walk, directory);
        at->io.error = walk.io.error;
    }
    return code ? code : remove_directory(&at->io, place->directory, place->name);
}

wazero_error_t *wazero_fs_remove(wazero_fs_t *fs, const char *path, bool deep)
{
    reach_t at;
    wazero__place_t place;
    wazero_error_t *error = begin_reach(fs, path, false, &at);
    if (error)
        return error;
    wazero__errno_t code =
        wazero__place_find(&at.io, at.directory, *at.rest ? at.rest : ".", &place);
    if (!code) {
        code = remove_place(&at, &place, deep);
        wazero__place_clear(&place);
    }
    end_reach(&at);
    return explain(&at.io, code, path);
}
