/*
 * fdtable.c - the numbers by which a guest knows what it has open, and the functions
 * about them alone. The lowest free number is given out first.
 */
#include <stdlib.h>

#include "wasi/functions.h"

/* Room for one more, at the number. Errors: MFILE, NOMEM. */
static wazero__errno_t make_room(wazero__wasi_t *wasi, uint32_t number)
{
    enum { FIRST = 8 };
    if (number >= wasi->most)
        return WASI_MFILE;
    if (number < wasi->descriptor_count)
        return WASI_SUCCESS;
    uint32_t count = wasi->descriptor_count ? 2 * wasi->descriptor_count : FIRST;
    wazero__descriptor_t *more =
        realloc(wasi->descriptors, count * sizeof *wasi->descriptors);
    if (!more)
        return WASI_NOMEM;
    memset(more + wasi->descriptor_count, 0,
           (count - wasi->descriptor_count) * sizeof *more);
    wasi->descriptors = more;
    wasi->descriptor_count = count;
    return WASI_SUCCESS;
}

static void clear(wazero__wasi_t *wasi, wazero__descriptor_t *descriptor)
{
    wazero__file_t *file = descriptor->file;
    wasi->listed -= wazero__listing_bytes(descriptor->listing);
    free(descriptor->preopen);
    wazero__listing_delete(descriptor->listing);
    memset(descriptor, 0, sizeof *descriptor);
    wazero__file_release(file); /* last: it may run code of the host's */
}

wazero__errno_t wazero__descriptor_add(wazero__wasi_t *wasi,
                                       wazero__descriptor_t *descriptor,
                                       uint32_t *number)
{
    uint32_t at = wasi->lowest;
    while (at < wasi->descriptor_count && wasi->descriptors[at].file)
        at++;
    /* A call that the host's code closed the module in goes on for a moment. */
    wazero__errno_t code = wasi->closed ? WASI_BADF : make_room(wasi, at);
    if (code) {
        clear(wasi, descriptor);
        return code;
    }
    wasi->descriptors[at] = *descriptor;
    wasi->lowest = at + 1;
    *number = at;
    return WASI_SUCCESS;
}

void wazero__descriptor_close(wazero__wasi_t *wasi, wazero__descriptor_t *descriptor)
{
    uint32_t number = (uint32_t)(descriptor - wasi->descriptors);
    wazero__descriptor_t closed = *descriptor;
    memset(descriptor, 0, sizeof *descriptor);
    if (number < wasi->lowest)
        wasi->lowest = number;
    clear(wasi, &closed);
}

wazero__errno_t wazero__descriptor_any(const wazero__wasi_t *wasi, uint64_t slot,
                                       uint64_t right, wazero__descriptor_t **found)
{
    wazero__descriptor_t *descriptor = wazero__descriptor(wasi, slot);
    if (!descriptor)
        return WASI_BADF;
    if (descriptor->denied & right)
        return WASI_NOTCAPABLE;
    *found = descriptor;
    return WASI_SUCCESS;
}

wazero__errno_t wazero__descriptor_file(const wazero__wasi_t *wasi, uint64_t slot,
                                        uint64_t right, wazero__descriptor_t **found)
{
    wazero__descriptor_t *descriptor = wazero__descriptor(wasi, slot);
    if (descriptor && descriptor->file->filetype == WASI_DIRECTORY)
        return WASI_ISDIR;
    return wazero__descriptor_any(wasi, slot, right, found);
}

wazero__errno_t wazero__descriptor_directory(const wazero__wasi_t *wasi, uint64_t slot,
                                             uint64_t right,
                                             wazero__descriptor_t **found)
{
    wazero__descriptor_t *descriptor = wazero__descriptor(wasi, slot);
    if (descriptor && descriptor->file->filetype != WASI_DIRECTORY)
        return WASI_NOTDIR;
    return wazero__descriptor_any(wasi, slot, right, found);
}

/* ---- functions ---- */

/* Before a number is freed: a deterministic guest's file that was deleted meanwhile
 * goes for good. Errors: BADF, ENDED. */
static wazero__errno_t forget_deleted(wazero__wasi_call_t *call, uint64_t slot)
{
    const wazero__descriptor_t *descriptor = wazero__descriptor(call->wasi, slot);
    wazero__stat_t stat;
    if (!descriptor)
        return WASI_BADF;
    const wazero__file_type_t *type = descriptor->file->type;
    if (!call->wasi->identities || descriptor->origin.standard || !type->stat)
        return WASI_SUCCESS;
    uint32_t mount = descriptor->origin.mount;
    wazero__file_t *file = wazero__file_retain(descriptor->file);
    wazero__errno_t code = type->stat(&call->io, file, &stat);
    wazero__file_release(file);
    if (!code && !stat.device)
        stat.device = mount;
    if (!code && !stat.links)
        wazero__identities_forget(call->wasi->identities, &stat);
    return code == WASI_ENDED ? code : WASI_SUCCESS;
}

wazero__errno_t wazero__wasi_fd_close(wazero__wasi_call_t *call, const uint64_t *slots)
{
    wazero__errno_t code = forget_deleted(call, slots[0]);
    if (code)
        return code;
    wazero__descriptor_t *descriptor = wazero__descriptor(call->wasi, slots[0]);
    if (!descriptor) /* the host's code closed it meanwhile */
        return WASI_BADF;
    wazero__file_t *file = wazero__file_retain(descriptor->file);
    wazero__descriptor_close(call->wasi, descriptor);
    /* What is in use by a call that waits for this one is closed by that one. */
    if (file->type->close &&
        atomic_load_explicit(&file->references, memory_order_acquire) == 1)
        code = file->type->close(&call->io, file);
    wazero__file_release(file);
    return code;
}

wazero__errno_t wazero__wasi_fd_renumber(wazero__wasi_call_t *call,
                                         const uint64_t *slots)
{
    wazero__wasi_t *wasi = call->wasi;
    wazero__errno_t code = forget_deleted(call, slots[1]);
    if (code)
        return code;
    wazero__descriptor_t *from = wazero__descriptor(wasi, slots[0]);
    wazero__descriptor_t *to = wazero__descriptor(wasi, slots[1]);
    if (!from || !to)
        return WASI_BADF;
    if (from == to)
        return WASI_SUCCESS;
    uint32_t freed = wazero__slot_u32(slots[0]);
    wazero__descriptor_t replaced = *to;
    *to = *from;
    memset(from, 0, sizeof *from);
    if (freed < wasi->lowest)
        wasi->lowest = freed;
    clear(wasi, &replaced);
    return WASI_SUCCESS;
}

wazero__errno_t wazero__wasi_fd_prestat_get(wazero__wasi_call_t *call,
                                            const uint64_t *slots)
{
    enum { SIZE = 8, NAME_SIZE = 4 };
    const wazero__descriptor_t *descriptor = wazero__descriptor(call->wasi, slots[0]);
    uint8_t *place = wazero__guest_at(&call->memory, slots[1], SIZE);
    if (!descriptor || !descriptor->preopen)
        return WASI_BADF;
    if (!place)
        return WASI_FAULT;
    wazero__put_u32(place, 0); /* a directory: there is nothing else */
    wazero__put_u32(place + NAME_SIZE, (uint32_t)strlen(descriptor->preopen));
    return WASI_SUCCESS;
}

wazero__errno_t wazero__wasi_fd_prestat_dir_name(wazero__wasi_call_t *call,
                                                 const uint64_t *slots)
{
    const wazero__descriptor_t *descriptor = wazero__descriptor(call->wasi, slots[0]);
    if (!descriptor || !descriptor->preopen)
        return WASI_BADF;
    size_t size = strlen(descriptor->preopen);
    if (wazero__slot_u32(slots[2]) < size)
        return WASI_NAMETOOLONG;
    char *place = wazero__guest_at(&call->memory, slots[1], size);
    if (!place)
        return WASI_FAULT;
    memcpy(place, descriptor->preopen, size);
    return WASI_SUCCESS;
}

wazero__errno_t wazero__wasi_fd_fdstat_get(wazero__wasi_call_t *call,
                                           const uint64_t *slots)
{
    enum { SIZE = 24, FLAGS = 2, PADDING = 4, BASE = 8, INHERITING = 16 };
    const wazero__descriptor_t *descriptor = wazero__descriptor(call->wasi, slots[0]);
    uint8_t *place = wazero__guest_at(&call->memory, slots[1], SIZE);
    if (!descriptor)
        return WASI_BADF;
    if (!place)
        return WASI_FAULT;
    wazero__put_u16(place, descriptor->file->filetype);
    wazero__put_u16(place + FLAGS, descriptor->flags);
    wazero__put_u32(place + PADDING, 0);
    wazero__put_u64(place + BASE, descriptor->base);
    wazero__put_u64(place + INHERITING, descriptor->inheriting);
    return WASI_SUCCESS;
}

wazero__errno_t wazero__wasi_fd_fdstat_set_flags(wazero__wasi_call_t *call,
                                                 const uint64_t *slots)
{
    const uint16_t sync = WASI_DSYNC | WASI_RSYNC | WASI_SYNC;
    uint32_t flags = wazero__slot_u32(slots[1]);
    wazero__descriptor_t *descriptor;
    wazero__errno_t code = wazero__descriptor_any(
        call->wasi, slots[0], WASI_RIGHT_FDSTAT_SET_FLAGS, &descriptor);
    if (code)
        return code;
    if (flags & ~(uint32_t)WASI_FDFLAGS)
        return WASI_INVAL;
    if ((flags ^ descriptor->flags) & sync)
        return WASI_NOTSUP; /* the system cannot change these either */
    const wazero__file_t *file = descriptor->file;
    if (file->type->set_flags)
        code = file->type->set_flags(&call->io, descriptor->file, flags);
    /* The host's code may have closed the descriptor meanwhile. */
    descriptor = wazero__descriptor(call->wasi, slots[0]);
    if (!code && descriptor && descriptor->file == file)
        descriptor->flags = (uint16_t)flags;
    return code;
}

wazero__errno_t wazero__wasi_fd_fdstat_set_rights(wazero__wasi_call_t *call,
                                                  const uint64_t *slots)
{
    wazero__descriptor_t *descriptor = wazero__descriptor(call->wasi, slots[0]);
    if (!descriptor)
        return WASI_BADF;
    if ((slots[1] & ~descriptor->base) || (slots[2] & ~descriptor->inheriting))
        return WASI_NOTCAPABLE;
    descriptor->denied |= descriptor->base & ~slots[1];
    descriptor->denied_inheriting |= descriptor->inheriting & ~slots[2];
    descriptor->base = slots[1];
    descriptor->inheriting = slots[2];
    return WASI_SUCCESS;
}
