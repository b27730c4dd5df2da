/*
 * names.c - the functions that take paths. What a path means is path.c's business; here
 * are rights, read-only mounts, and what a slash or a dot at the end does.
 */
#include "wasi/functions.h"

/* A directory with a right, and the path that is relative to it. It is a copy of the
 * descriptor, with a reference on the file for the caller: the host's code may close
 * the descriptor meanwhile. */
static wazero__errno_t take(wazero__wasi_call_t *call, uint64_t slot, uint64_t right,
                            uint64_t pointer, uint64_t size,
                            wazero__descriptor_t *directory, char *path)
{
    wazero__descriptor_t *descriptor;
    wazero__errno_t code =
        wazero__descriptor_directory(call->wasi, slot, right, &descriptor);
    if (!code)
        code = wazero__guest_path(&call->memory, pointer, size, path);
    if (code)
        return code;
    *directory = *descriptor;
    wazero__file_retain(directory->file);
    return WASI_SUCCESS;
}

static bool is_directory_itself(const wazero__place_t *place)
{
    return place->name[0] == '.' && !place->name[1];
}

/* What is at a place. */
static wazero__errno_t look(wazero__io_t *io, const wazero__place_t *place,
                            wazero__stat_t *stat)
{
    const wazero__file_type_t *type = place->directory->type;
    return type->stat_at ? type->stat_at(io, place->directory, place->name, stat)
                         : WASI_NOTSUP;
}

/* A name with a slash behind it that is to be made: it cannot be, but for a directory.
 * NOENT when nothing is there, else why not. */
static wazero__errno_t refuse_slash(wazero__io_t *io, const wazero__place_t *place)
{
    wazero__stat_t stat;
    wazero__errno_t code = look(io, place, &stat);
    if (code)
        return code;
    return stat.type == WASI_SYMBOLIC_LINK ? WASI_NOTDIR : WASI_EXIST;
}

/* ---- looking ---- */

wazero__errno_t wazero__wasi_path_filestat_get(wazero__wasi_call_t *call,
                                               const uint64_t *slots)
{
    char path[WAZERO__PATH_MAX];
    wazero__descriptor_t directory;
    wazero__stat_t stat;
    wazero__errno_t code = take(call, slots[0], WASI_RIGHT_PATH_FILESTAT_GET, slots[2],
                                slots[3], &directory, path);
    if (code)
        return code;
    code = wazero__path_stat(&call->io, directory.file, path,
                             slots[1] & WASI_SYMLINK_FOLLOW, &stat);
    wazero__file_release(directory.file);
    if (!code && !stat.device)
        stat.device = directory.origin.mount;
    return code ? code : wazero__stat_put(call, slots[4], &stat);
}

wazero__errno_t wazero__wasi_path_readlink(wazero__wasi_call_t *call,
                                           const uint64_t *slots)
{
    char path[WAZERO__PATH_MAX];
    wazero__descriptor_t directory;
    wazero__place_t place;
    uint32_t size = wazero__slot_u32(slots[4]);
    char *buffer = wazero__guest_at(&call->memory, slots[3], size);
    void *result = wazero__guest_at(&call->memory, slots[5], sizeof(uint32_t));
    size_t done = 0;
    wazero__errno_t code = take(call, slots[0], WASI_RIGHT_PATH_READLINK, slots[1],
                                slots[2], &directory, path);
    if (code)
        return code;
    code = buffer && result
               ? wazero__place_find(&call->io, directory.file, path, &place)
               : WASI_FAULT;
    wazero__file_release(directory.file);
    if (code)
        return code;
    const wazero__file_type_t *type = place.directory->type;
    if (!size || is_directory_itself(&place) || !type->read_link)
        code = WASI_INVAL;
    else
        code = type->read_link(&call->io, place.directory, place.name, buffer, size,
                               &done);
    wazero__place_clear(&place);
    if (!code)
        wazero__put_u32(result, (uint32_t)done);
    return code;
}

/* ---- opening ---- */

/* How the guest wants it, out of oflags and rights. Programs that pass no rights at all
 * mean to read, and to write what they make. */
static wazero__errno_t read_how(const uint64_t *slots,
                                const wazero__descriptor_t *directory,
                                wazero__how_t *how, uint64_t *base)
{
    uint32_t flags = wazero__slot_u32(slots[4]), fdflags = wazero__slot_u32(slots[7]);
    *base = slots[5];
    if ((flags & ~(uint32_t)WASI_OFLAGS) || (fdflags & ~(uint32_t)WASI_FDFLAGS))
        return WASI_INVAL;
    if (((flags & WASI_O_CREAT) && (directory->denied & WASI_RIGHT_PATH_CREATE_FILE)) ||
        ((flags & WASI_O_TRUNC) &&
         (directory->denied & WASI_RIGHT_PATH_FILESTAT_SET_SIZE)))
        return WASI_NOTCAPABLE;
    if (flags & WASI_O_DIRECTORY) {
        if (flags & WASI_O_CREAT)
            return WASI_INVAL;
        if (*base & WASI_RIGHT_FD_WRITE)
            return WASI_ISDIR;
    } else if (!(*base & WASI_RIGHTS_READ_WRITE)) {
        *base |= WASI_RIGHT_FD_READ;
        if ((flags & (WASI_O_CREAT | WASI_O_TRUNC)) || (fdflags & WASI_APPEND))
            *base |= WASI_RIGHT_FD_WRITE;
    }
    *base &= WASI_RIGHTS_DIRECTORY | WASI_RIGHTS_FILE | directory->inheriting;
    *base &= ~directory->denied_inheriting;
    *how = (wazero__how_t){.flags = flags,
                           .fdflags = fdflags,
                           .read = *base & WASI_RIGHT_FD_READ,
                           .write = *base & WASI_RIGHT_FD_WRITE,
                           .follow = slots[1] & WASI_SYMLINK_FOLLOW};
    return WASI_SUCCESS;
}

/* Why a read-only mount does not open so, if it does not: what is not there is not
 * there, rather than not to be written. */
static wazero__errno_t check_read_only(wazero__io_t *io,
                                       const wazero__descriptor_t *directory,
                                       const char *path, const wazero__how_t *how)
{
    wazero__stat_t stat;
    bool makes = how->flags & (WASI_O_CREAT | WASI_O_TRUNC);
    if (!directory->origin.read_only || !(how->write || makes))
        return WASI_SUCCESS;
    if (makes)
        return WASI_ROFS;
    wazero__errno_t code =
        wazero__path_stat(io, directory->file, path, how->follow, &stat);
    return code ? code : WASI_ROFS;
}

/* The rights of what was opened. */
static void set_rights(wazero__descriptor_t *made, uint64_t base, uint64_t inheriting)
{
    const uint64_t files_only = WASI_RIGHTS_READ_WRITE | WASI_RIGHT_FD_SEEK |
                                WASI_RIGHT_FD_TELL | WASI_RIGHT_FD_ALLOCATE |
                                WASI_RIGHT_FD_FILESTAT_SET_SIZE;
    made->base = base;
    made->inheriting = inheriting;
    if (made->file->filetype == WASI_DIRECTORY)
        made->base &= ~files_only;
    else if (wazero__file_is_terminal(made->file))
        made->base &= ~(WASI_RIGHT_FD_SEEK | WASI_RIGHT_FD_TELL);
}

wazero__errno_t wazero__wasi_path_open(wazero__wasi_call_t *call, const uint64_t *slots)
{
    char path[WAZERO__PATH_MAX];
    wazero__wasi_t *wasi = call->wasi;
    wazero__descriptor_t directory, made = {0};
    wazero__how_t how;
    uint64_t base;
    uint32_t number;
    void *result = wazero__guest_at(&call->memory, slots[8], sizeof number);
    wazero__errno_t code = take(call, slots[0], WASI_RIGHT_PATH_OPEN, slots[2],
                                slots[3], &directory, path);
    if (code)
        return code;
    code = result ? read_how(slots, &directory, &how, &base) : WASI_FAULT;
    if (!code)
        code = check_read_only(&call->io, &directory, path, &how);
    if (!code)
        code = wazero__path_open(&call->io, directory.file, path, &how, &made.file);
    wazero__file_release(directory.file);
    if (code)
        return code;
    made.origin = directory.origin;
    made.flags = (uint16_t)how.fdflags;
    made.denied = made.denied_inheriting = directory.denied_inheriting;
    set_rights(&made, base, slots[6] & directory.inheriting);
    code = wazero__descriptor_add(wasi, &made, &number);
    if (code)
        return code;
    wazero__count_add(&wasi->files_opened, 1);
    wazero__put_u32(result, number);
    return WASI_SUCCESS;
}

/* ---- changing one name ---- */

/* The place of a path that is to be changed. */
static wazero__errno_t find(wazero__wasi_call_t *call, uint64_t slot, uint64_t right,
                            uint64_t pointer, uint64_t size, wazero__place_t *place)
{
    char path[WAZERO__PATH_MAX];
    wazero__descriptor_t directory;
    wazero__errno_t code = take(call, slot, right, pointer, size, &directory, path);
    if (code)
        return code;
    code = wazero__place_find(&call->io, directory.file, path, place);
    wazero__file_release(directory.file);
    place->mount = directory.origin.mount;
    if (!code && directory.origin.read_only) {
        wazero__place_clear(place);
        code = WASI_ROFS;
    }
    return code;
}

/* What a name stood for that is about to be deleted. */
typedef struct {
    wazero__stat_t stat;
    bool known;
} doomed_t;

/* For deterministic guests: others need not know. Errors: ENDED. */
static wazero__errno_t remember(wazero__wasi_call_t *call, const wazero__place_t *place,
                                doomed_t *doomed)
{
    doomed->known = false;
    if (!call->wasi->identities)
        return WASI_SUCCESS;
    wazero__errno_t code = look(&call->io, place, &doomed->stat);
    if (!code && !doomed->stat.device)
        doomed->stat.device = place->mount;
    doomed->known = code == WASI_SUCCESS;
    return code == WASI_ENDED ? code : WASI_SUCCESS;
}

/* What was deleted has no number any more. */
static wazero__errno_t forget(const wazero__wasi_call_t *call, wazero__errno_t code,
                              const doomed_t *doomed)
{
    if (!code && doomed->known)
        wazero__identities_forget(call->wasi->identities, &doomed->stat);
    return code;
}

wazero__errno_t wazero__wasi_path_create_directory(wazero__wasi_call_t *call,
                                                   const uint64_t *slots)
{
    wazero__place_t place;
    wazero__errno_t code = find(call, slots[0], WASI_RIGHT_PATH_CREATE_DIRECTORY,
                                slots[1], slots[2], &place);
    if (code)
        return code;
    const wazero__file_type_t *type = place.directory->type;
    if (is_directory_itself(&place))
        code = WASI_EXIST;
    else
        code = type->make_directory
                   ? type->make_directory(&call->io, place.directory, place.name)
                   : WASI_ROFS;
    wazero__place_clear(&place);
    return code;
}

wazero__errno_t wazero__wasi_path_remove_directory(wazero__wasi_call_t *call,
                                                   const uint64_t *slots)
{
    wazero__place_t place;
    wazero__errno_t code = find(call, slots[0], WASI_RIGHT_PATH_REMOVE_DIRECTORY,
                                slots[1], slots[2], &place);
    if (code)
        return code;
    const wazero__file_type_t *type = place.directory->type;
    doomed_t doomed;
    code = is_directory_itself(&place) ? WASI_INVAL : remember(call, &place, &doomed);
    if (!code) {
        code = type->remove_directory
                   ? type->remove_directory(&call->io, place.directory, place.name)
                   : WASI_ROFS;
        code = forget(call, code, &doomed);
    }
    wazero__place_clear(&place);
    return code;
}

/* Why "name/" cannot be unlinked. */
static wazero__errno_t refuse_unlink(wazero__io_t *io, const wazero__place_t *place)
{
    wazero__stat_t stat;
    if (is_directory_itself(place))
        return WASI_ISDIR;
    wazero__errno_t code = look(io, place, &stat);
    if (code)
        return code;
    return stat.type == WASI_DIRECTORY ? WASI_ISDIR : WASI_NOTDIR;
}

wazero__errno_t wazero__wasi_path_unlink_file(wazero__wasi_call_t *call,
                                              const uint64_t *slots)
{
    wazero__place_t place;
    wazero__errno_t code =
        find(call, slots[0], WASI_RIGHT_PATH_UNLINK_FILE, slots[1], slots[2], &place);
    if (code)
        return code;
    const wazero__file_type_t *type = place.directory->type;
    doomed_t doomed;
    code = place.slash || is_directory_itself(&place) ? refuse_unlink(&call->io, &place)
                                                      : remember(call, &place, &doomed);
    if (!code) {
        code = type->unlink ? type->unlink(&call->io, place.directory, place.name)
                            : WASI_ROFS;
        code = forget(call, code, &doomed);
    }
    wazero__place_clear(&place);
    return code;
}

wazero__errno_t wazero__wasi_path_symlink(wazero__wasi_call_t *call,
                                          const uint64_t *slots)
{
    char target[WAZERO__PATH_MAX];
    wazero__place_t place;
    wazero__errno_t code =
        wazero__guest_path(&call->memory, slots[0], slots[1], target);
    if (!code && !*target)
        code = WASI_NOENT;
    if (!code && *target == '/')
        code = WASI_PERM; /* nobody could follow it */
    if (!code)
        code =
            find(call, slots[2], WASI_RIGHT_PATH_SYMLINK, slots[3], slots[4], &place);
    if (code)
        return code;
    const wazero__file_type_t *type = place.directory->type;
    if (is_directory_itself(&place))
        code = WASI_EXIST;
    else if (place.slash)
        code = refuse_slash(&call->io, &place);
    else
        code = type->symlink
                   ? type->symlink(&call->io, place.directory, place.name, target)
                   : WASI_ROFS;
    wazero__place_clear(&place);
    return code;
}

wazero__errno_t wazero__wasi_path_filestat_set_times(wazero__wasi_call_t *call,
                                                     const uint64_t *slots)
{
    char path[WAZERO__PATH_MAX];
    wazero__descriptor_t directory;
    wazero__times_t times;
    wazero__place_t place;
    wazero__errno_t code = wazero__times_from(slots[4], slots[5], slots[6], &times);
    if (!code)
        code = take(call, slots[0], WASI_RIGHT_PATH_FILESTAT_SET_TIMES, slots[2],
                    slots[3], &directory, path);
    if (code)
        return code;
    if (directory.origin.read_only)
        code = WASI_ROFS;
    else if (slots[1] & WASI_SYMLINK_FOLLOW)
        code = wazero__place_follow(&call->io, directory.file, path, &place);
    else
        code = wazero__place_find(&call->io, directory.file, path, &place);
    wazero__file_release(directory.file);
    if (code)
        return code;
    const wazero__file_type_t *type = place.directory->type;
    code = type->set_times_at
               ? type->set_times_at(&call->io, place.directory, place.name, &times)
               : WASI_ROFS;
    wazero__place_clear(&place);
    return code;
}

/* ---- two names ---- */

typedef wazero__errno_t between_t(wazero__wasi_call_t *call,
                                  const wazero__place_t *from,
                                  const wazero__place_t *to);

/* One of the two: slots with a directory, a path's pointer and its size. */
typedef struct {
    uint64_t directory, pointer, size;
    uint64_t right;
} end_t;

/* Does something between two paths, which must be of the same mount. */
static wazero__errno_t two_places(wazero__wasi_call_t *call, end_t from, end_t to,
                                  between_t *between)
{
    wazero__place_t from_place, to_place;
    const wazero__descriptor_t *first = wazero__descriptor(call->wasi, from.directory);
    const wazero__descriptor_t *second = wazero__descriptor(call->wasi, to.directory);
    bool crosses = first && second && first->origin.mount != second->origin.mount;
    wazero__errno_t code =
        find(call, from.directory, from.right, from.pointer, from.size, &from_place);
    if (code)
        return code;
    code = find(call, to.directory, to.right, to.pointer, to.size, &to_place);
    if (!code) {
        code = crosses ? WASI_XDEV : between(call, &from_place, &to_place);
        wazero__place_clear(&to_place);
    }
    wazero__place_clear(&from_place);
    return code;
}

static wazero__errno_t rename_between(wazero__wasi_call_t *call,
                                      const wazero__place_t *from,
                                      const wazero__place_t *to)
{
    const wazero__file_type_t *type = from->directory->type;
    wazero__io_t *io = &call->io;
    doomed_t moved, replaced;
    if (is_directory_itself(from) || is_directory_itself(to))
        return WASI_BUSY;
    if (from->slash || to->slash) {
        /* Only directories have slashes. */
        wazero__stat_t stat;
        wazero__errno_t code = look(io, from, &stat);
        if (code)
            return code;
        if (stat.type != WASI_DIRECTORY)
            return WASI_NOTDIR;
        if (to->slash && look(io, to, &stat) == WASI_SUCCESS &&
            stat.type == WASI_SYMBOLIC_LINK)
            return WASI_NOTDIR;
    }
    wazero__errno_t code = remember(call, from, &moved);
    if (!code)
        code = remember(call, to, &replaced);
    if (code)
        return code;
    if (moved.known && replaced.known && moved.stat.inode == replaced.stat.inode &&
        moved.stat.device == replaced.stat.device)
        replaced.known = false; /* two names of one file */
    code = type->rename
               ? type->rename(io, from->directory, from->name, to->directory, to->name)
               : WASI_ROFS;
    return forget(call, code, &replaced);
}

wazero__errno_t wazero__wasi_path_rename(wazero__wasi_call_t *call,
                                         const uint64_t *slots)
{
    end_t from = {slots[0], slots[1], slots[2], WASI_RIGHT_PATH_RENAME_SOURCE};
    end_t to = {slots[3], slots[4], slots[5], WASI_RIGHT_PATH_RENAME_TARGET};
    return two_places(call, from, to, rename_between);
}

static wazero__errno_t link_between(wazero__wasi_call_t *call,
                                    const wazero__place_t *from,
                                    const wazero__place_t *to)
{
    const wazero__file_type_t *type = from->directory->type;
    wazero__io_t *io = &call->io;
    wazero__stat_t stat;
    if (is_directory_itself(from))
        return WASI_PERM;
    if (is_directory_itself(to))
        return WASI_EXIST;
    if (from->slash) {
        wazero__errno_t code = look(io, from, &stat);
        if (code)
            return code;
        return stat.type == WASI_DIRECTORY ? WASI_PERM : WASI_NOTDIR;
    }
    if (to->slash)
        return refuse_slash(io, to);
    return type->link
               ? type->link(io, from->directory, from->name, to->directory, to->name)
               : WASI_ROFS;
}

wazero__errno_t wazero__wasi_path_link(wazero__wasi_call_t *call, const uint64_t *slots)
{
    end_t from = {slots[0], slots[2], slots[3], WASI_RIGHT_PATH_LINK_SOURCE};
    end_t to = {slots[4], slots[5], slots[6], WASI_RIGHT_PATH_LINK_TARGET};
    if (slots[1] & WASI_SYMLINK_FOLLOW)
        return WASI_INVAL; /* a link to what a link leads to could be one out */
    return two_places(call, from, to, link_between);
}
