/*
 * file.c - what all open files have in common, what an operation does besides its own
 * work (end the call, wait, call the host; see fs.h), and the functions on open files.
 */
#include <poll.h>
#include <unistd.h>

#include "call/block.h"
#include "thread.h"
#include "wasi/functions.h"

void wazero__file_init(wazero__file_t *file, const wazero__file_type_t *type,
                       uint8_t filetype)
{
    file->type = type;
    atomic_init(&file->references, 1);
    file->filetype = filetype;
}

wazero__file_t *wazero__file_retain(wazero__file_t *file)
{
    atomic_fetch_add_explicit(&file->references, 1, memory_order_relaxed);
    return file;
}

void wazero__file_release(wazero__file_t *file)
{
    if (file &&
        atomic_fetch_sub_explicit(&file->references, 1, memory_order_acq_rel) == 1)
        file->type->destroy(file);
}

bool wazero__file_is_terminal(const wazero__file_t *file)
{
    return file->filetype == WASI_CHARACTER_DEVICE && file->type->descriptor &&
           isatty(file->type->descriptor((wazero__file_t *)file));
}

wazero__errno_t wazero__io_end(wazero__io_t *io, wazero_error_t *error)
{
    if (io->error)
        wazero_error_delete(error);
    else
        io->error = error;
    return WASI_ENDED;
}

void wazero__io_pin(wazero__io_t *io)
{
    if (io->linear && !io->pinned) {
        wazero__linear_pin(io->linear);
        io->pinned = true;
    }
}

void wazero__io_call_host(wazero__io_t *io)
{
    wazero__io_pin(io);
    wazero__thread_attach(wazero__thread());
}

uint64_t wazero__io_now(const wazero__io_t *io)
{
    return (uint64_t)wazero__time_seen(io->time);
}

wazero__errno_t wazero__io_wait(wazero__io_t *io, int descriptor, short events)
{
    struct pollfd fds[2] = {{.fd = descriptor, .events = events}};
    int ready, failure = 0;
    wazero__io_pin(io);
    wazero_error_t *error =
        wazero__block(wazero__thread(), fds, 1, UINT64_MAX, &ready, &failure);
    if (error)
        return wazero__io_end(io, error);
    return wazero__errno_from(failure);
}

/* ---- moving bytes ---- */

/* One of the four functions that move bytes. */
typedef struct {
    uint64_t right;
    bool at; /* an offset comes before the place of the result */
} move_t;

static wazero__errno_t move_bytes(wazero__io_t *io, wazero__file_t *file, move_t what,
                                  const struct iovec *parts, int count, uint64_t offset,
                                  unsigned flags, size_t *done)
{
    const wazero__file_type_t *type = file->type;
    bool reads = what.right == WASI_RIGHT_FD_READ;
    if (what.at && (int64_t)offset < 0)
        return WASI_INVAL;
    if (what.at && reads)
        return type->pread ? type->pread(io, file, parts, count, offset, done)
                           : WASI_SPIPE;
    if (what.at)
        return type->pwrite ? type->pwrite(io, file, parts, count, offset, done)
                            : WASI_SPIPE;
    if (reads)
        return type->read ? type->read(io, file, parts, count, flags, done) : WASI_BADF;
    return type->write ? type->write(io, file, parts, count, flags, done) : WASI_BADF;
}

/* Keeps the first `size` bytes of the parts. */
static void cut_parts(struct iovec *parts, int *count, size_t size)
{
    int kept = 0;
    for (; kept < *count && size; kept++) {
        if (parts[kept].iov_len > size)
            parts[kept].iov_len = size;
        size -= parts[kept].iov_len;
    }
    *count = kept;
}

/* Writes to a standard stream what the output limit leaves, then ends the call if that
 * is not all. What is to be written is taken first: the host's code may have the guest
 * write more meanwhile. */
static wazero__errno_t write_limited(wazero__wasi_call_t *call, wazero__file_t *file,
                                     move_t what, struct iovec *parts, int count,
                                     uint64_t offset, unsigned flags, size_t *done)
{
    wazero__output_t *output = &call->wasi->output;
    wazero__errno_t code = WASI_SUCCESS;
    size_t all = 0;
    for (int i = 0; i < count; i++)
        all += parts[i].iov_len;
    size_t allowed = wazero__output_take(output, all);
    cut_parts(parts, &count, allowed);
    *done = 0;
    if (allowed || !all)
        code = move_bytes(&call->io, file, what, parts, count, offset, flags, done);
    output->used -= allowed - *done;
    if (!code && allowed < all && *done == allowed)
        code = wazero__io_end(&call->io, wazero__output_error(output));
    return code;
}

/* Everything is checked before the first byte moves, the place of the result, too. */
static wazero__errno_t move(wazero__wasi_call_t *call, const uint64_t *slots,
                            move_t what)
{
    struct iovec parts[WAZERO__PARTS_MAX];
    wazero__wasi_t *wasi = call->wasi;
    wazero__descriptor_t *descriptor;
    int count;
    size_t done = 0;
    void *result =
        wazero__guest_at(&call->memory, slots[what.at ? 4 : 3], sizeof(uint32_t));
    wazero__errno_t code =
        wazero__descriptor_file(wasi, slots[0], what.right, &descriptor);
    if (code)
        return code;
    if (!(descriptor->base & what.right))
        return WASI_BADF;
    if (!result)
        return WASI_FAULT;
    code = wazero__guest_parts(&call->memory, slots[1], slots[2], parts, &count);
    if (code)
        return code;
    /* It may be closed while it waits, by the host's code. */
    wazero__file_t *file = wazero__file_retain(descriptor->file);
    unsigned flags = descriptor->flags;
    if (descriptor->origin.standard && what.right == WASI_RIGHT_FD_WRITE &&
        wasi->output.limit != WAZERO_NO_LIMIT)
        code = write_limited(call, file, what, parts, count, slots[3], flags, &done);
    else
        code = move_bytes(&call->io, file, what, parts, count, slots[3], flags, &done);
    wazero__file_release(file);
    /* Also of a write that the limit on output ended. */
    wazero__count_add(what.right == WASI_RIGHT_FD_READ ? &wasi->bytes_read
                                                       : &wasi->bytes_written,
                      done);
    if (code)
        return code;
    wazero__put_u32(result, (uint32_t)done);
    return WASI_SUCCESS;
}

wazero__errno_t wazero__wasi_fd_read(wazero__wasi_call_t *call, const uint64_t *slots)
{
    return move(call, slots, (move_t){WASI_RIGHT_FD_READ, false});
}

wazero__errno_t wazero__wasi_fd_pread(wazero__wasi_call_t *call, const uint64_t *slots)
{
    return move(call, slots, (move_t){WASI_RIGHT_FD_READ, true});
}

wazero__errno_t wazero__wasi_fd_write(wazero__wasi_call_t *call, const uint64_t *slots)
{
    return move(call, slots, (move_t){WASI_RIGHT_FD_WRITE, false});
}

wazero__errno_t wazero__wasi_fd_pwrite(wazero__wasi_call_t *call, const uint64_t *slots)
{
    return move(call, slots, (move_t){WASI_RIGHT_FD_WRITE, true});
}

/* ---- positions and sizes ---- */

static wazero__errno_t seek(wazero__wasi_call_t *call, uint64_t slot, uint64_t right,
                            int64_t offset, unsigned whence, uint64_t pointer)
{
    wazero__descriptor_t *descriptor;
    uint64_t position;
    void *result = wazero__guest_at(&call->memory, pointer, sizeof position);
    wazero__errno_t code =
        wazero__descriptor_file(call->wasi, slot, right, &descriptor);
    if (code)
        return code;
    if (whence > WASI_SEEK_END)
        return WASI_INVAL;
    if (!result)
        return WASI_FAULT;
    const wazero__file_type_t *type = descriptor->file->type;
    if (!type->seek)
        return WASI_SPIPE;
    code = type->seek(&call->io, descriptor->file, offset, whence, &position);
    if (!code)
        wazero__put_u64(result, position);
    return code;
}

uint32_t wazero__whence_of(uint32_t whence, bool unstable)
{
    static const uint32_t others[] = {WASI_SEEK_CUR, WASI_SEEK_END, WASI_SEEK_SET};
    return unstable && whence <= WASI_SEEK_END ? others[whence] : whence;
}

wazero__errno_t wazero__wasi_fd_seek(wazero__wasi_call_t *call, const uint64_t *slots)
{
    uint32_t whence = wazero__whence_of(wazero__slot_u32(slots[2]), call->unstable);
    return seek(call, slots[0], WASI_RIGHT_FD_SEEK, (int64_t)slots[1], whence,
                slots[3]);
}

wazero__errno_t wazero__wasi_fd_tell(wazero__wasi_call_t *call, const uint64_t *slots)
{
    return seek(call, slots[0], WASI_RIGHT_FD_TELL, 0, WASI_SEEK_CUR, slots[1]);
}

/* A file that may be changed in size. A standard stream may not where the output is
 * limited: the limit would be none. */
static wazero__errno_t find_to_size(const wazero__wasi_t *wasi, uint64_t slot,
                                    uint64_t right, wazero__descriptor_t **descriptor)
{
    wazero__errno_t code = wazero__descriptor_file(wasi, slot, right, descriptor);
    if (!code && (*descriptor)->origin.read_only)
        code = WASI_ROFS;
    if (!code && (*descriptor)->origin.standard &&
        wasi->output.limit != WAZERO_NO_LIMIT)
        code = WASI_PERM;
    return code;
}

wazero__errno_t wazero__wasi_fd_filestat_set_size(wazero__wasi_call_t *call,
                                                  const uint64_t *slots)
{
    wazero__descriptor_t *descriptor;
    wazero__errno_t code = find_to_size(call->wasi, slots[0],
                                        WASI_RIGHT_FD_FILESTAT_SET_SIZE, &descriptor);
    if (code)
        return code;
    const wazero__file_type_t *type = descriptor->file->type;
    if (!(descriptor->base & WASI_RIGHT_FD_WRITE) || !type->set_size ||
        (int64_t)slots[1] < 0)
        return WASI_INVAL;
    return type->set_size(&call->io, descriptor->file, slots[1]);
}

wazero__errno_t wazero__wasi_fd_allocate(wazero__wasi_call_t *call,
                                         const uint64_t *slots)
{
    wazero__descriptor_t *descriptor;
    wazero__errno_t code =
        find_to_size(call->wasi, slots[0], WASI_RIGHT_FD_ALLOCATE, &descriptor);
    if (code)
        return code;
    if (!(descriptor->base & WASI_RIGHT_FD_WRITE))
        return WASI_BADF;
    if ((int64_t)slots[1] < 0 || (int64_t)slots[2] <= 0)
        return WASI_INVAL;
    if (slots[1] > INT64_MAX - slots[2])
        return WASI_FBIG;
    const wazero__file_type_t *type = descriptor->file->type;
    return type->allocate
               ? type->allocate(&call->io, descriptor->file, slots[1], slots[2])
               : WASI_NOTSUP;
}

wazero__errno_t wazero__wasi_fd_advise(wazero__wasi_call_t *call, const uint64_t *slots)
{
    enum { ADVICE_MAX = 5 };
    wazero__descriptor_t *descriptor;
    uint32_t advice = wazero__slot_u32(slots[3]);
    wazero__errno_t code =
        wazero__descriptor_any(call->wasi, slots[0], WASI_RIGHT_FD_ADVISE, &descriptor);
    if (code)
        return code;
    if (advice > ADVICE_MAX || (int64_t)slots[1] < 0 || (int64_t)slots[2] < 0)
        return WASI_INVAL;
    const wazero__file_type_t *type = descriptor->file->type;
    return type->advise
               ? type->advise(&call->io, descriptor->file, slots[1], slots[2], advice)
               : WASI_SUCCESS;
}

/* ---- syncing ---- */

static wazero__errno_t sync_file(wazero__wasi_call_t *call, uint64_t slot,
                                 uint64_t right, bool data_only)
{
    wazero__descriptor_t *descriptor;
    wazero__errno_t code = wazero__descriptor_any(call->wasi, slot, right, &descriptor);
    if (code)
        return code;
    const wazero__file_type_t *type = descriptor->file->type;
    return type->sync ? type->sync(&call->io, descriptor->file, data_only)
                      : WASI_SUCCESS;
}

wazero__errno_t wazero__wasi_fd_sync(wazero__wasi_call_t *call, const uint64_t *slots)
{
    return sync_file(call, slots[0], WASI_RIGHT_FD_SYNC, false);
}

wazero__errno_t wazero__wasi_fd_datasync(wazero__wasi_call_t *call,
                                         const uint64_t *slots)
{
    return sync_file(call, slots[0], WASI_RIGHT_FD_DATASYNC, true);
}

/* ---- stat ---- */

wazero__errno_t wazero__stat_put(const wazero__wasi_call_t *call, uint64_t pointer,
                                 const wazero__stat_t *stat)
{
    enum { SIZE = 64, INODE = 8, TYPE = 16, LINKS = 24, FROM_SIZE = 32 };
    /* wasi_unstable counts links in 32 bits, right behind the type. */
    enum { UNSTABLE_SIZE = 56, UNSTABLE_LINKS = 20, UNSTABLE_FROM_SIZE = 24 };
    uint64_t size = call->unstable ? UNSTABLE_SIZE : SIZE;
    uint8_t *place = wazero__guest_at(&call->memory, pointer, size);
    if (!place)
        return WASI_FAULT;
    wazero__stat_t fixed = *stat;
    if (call->wasi->identities) {
        wazero__errno_t code = wazero__identities_fix(call->wasi->identities, &fixed);
        if (code)
            return code;
        stat = &fixed;
    }
    memset(place, 0, (size_t)size);
    wazero__put_u64(place, stat->device);
    wazero__put_u64(place + INODE, stat->inode);
    place[TYPE] = stat->type;
    if (call->unstable)
        wazero__put_u32(place + UNSTABLE_LINKS, (uint32_t)stat->links);
    else
        wazero__put_u64(place + LINKS, stat->links);
    place += call->unstable ? UNSTABLE_FROM_SIZE : FROM_SIZE;
    wazero__put_u64(place, stat->size);
    wazero__put_u64(place + sizeof(uint64_t), stat->atim);
    wazero__put_u64(place + 2 * sizeof(uint64_t), stat->mtim);
    wazero__put_u64(place + 3 * sizeof(uint64_t), stat->ctim);
    return WASI_SUCCESS;
}

wazero__errno_t wazero__wasi_fd_filestat_get(wazero__wasi_call_t *call,
                                             const uint64_t *slots)
{
    wazero__descriptor_t *descriptor;
    wazero__errno_t code = wazero__descriptor_any(
        call->wasi, slots[0], WASI_RIGHT_FD_FILESTAT_GET, &descriptor);
    if (code)
        return code;
    wazero__file_t *file = descriptor->file;
    wazero__stat_t stat = {.type = file->filetype};
    bool hidden = descriptor->origin.standard && call->wasi->identities;
    if (file->type->stat && !hidden)
        code = file->type->stat(&call->io, file, &stat);
    if (!stat.device)
        stat.device = descriptor->origin.mount;
    return code ? code : wazero__stat_put(call, slots[1], &stat);
}

wazero__errno_t wazero__times_from(uint64_t atim, uint64_t mtim, uint64_t flags,
                                   wazero__times_t *times)
{
    const uint32_t all = WASI_ATIM | WASI_ATIM_NOW | WASI_MTIM | WASI_MTIM_NOW;
    uint32_t which = wazero__slot_u32(flags);
    if ((which & ~all) || ((which & WASI_ATIM) && (which & WASI_ATIM_NOW)) ||
        ((which & WASI_MTIM) && (which & WASI_MTIM_NOW)))
        return WASI_INVAL;
    times->atim = atim;
    times->mtim = mtim;
    times->which = which;
    return WASI_SUCCESS;
}

wazero__errno_t wazero__wasi_fd_filestat_set_times(wazero__wasi_call_t *call,
                                                   const uint64_t *slots)
{
    wazero__descriptor_t *descriptor;
    wazero__times_t times;
    wazero__errno_t code = wazero__descriptor_any(
        call->wasi, slots[0], WASI_RIGHT_FD_FILESTAT_SET_TIMES, &descriptor);
    if (!code)
        code = wazero__times_from(slots[1], slots[2], slots[3], &times);
    if (code)
        return code;
    if (descriptor->origin.read_only)
        return WASI_ROFS;
    const wazero__file_type_t *type = descriptor->file->type;
    return type->set_times ? type->set_times(&call->io, descriptor->file, &times)
                           : WASI_NOTSUP;
}
