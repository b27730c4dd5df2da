/*
 * dir.c - what is in a directory, as a guest reads it: from a snapshot that is taken at
 * the first entry, so that what is made and removed meanwhile moves nothing.
 */
#include <stdlib.h>

#include "wasi/functions.h"

typedef struct {
    uint64_t inode;
    size_t name; /* where it begins in names */
    uint32_t size;
    uint8_t type;
} entry_t;

struct wazero__listing {
    entry_t *entries;
    size_t count, capacity;
    char *names;
    size_t names_size, names_capacity;
    uint64_t self; /* the inode of "." */
};

size_t wazero__listing_bytes(const wazero__listing_t *listing)
{
    return listing ? listing->capacity * sizeof(entry_t) + listing->names_capacity : 0;
}

void wazero__listing_delete(wazero__listing_t *listing)
{
    if (!listing)
        return;
    free(listing->entries);
    free(listing->names);
    free(listing);
}

/* Makes room for so many more elements. */
static bool reserve(void **array, size_t count, size_t more, size_t size,
                    size_t *capacity)
{
    size_t wanted = *capacity ? *capacity : 64;
    if (count + more <= *capacity)
        return true;
    while (wanted < count + more)
        wanted *= 2;
    void *grown = realloc(*array, wanted * size);
    if (!grown)
        return false;
    *array = grown;
    *capacity = wanted;
    return true;
}

static wazero__errno_t append(wazero__listing_t *listing, const char *name, size_t size,
                              uint64_t inode, uint8_t type)
{
    if (!reserve((void **)&listing->entries, listing->count, 1, sizeof(entry_t),
                 &listing->capacity) ||
        !reserve((void **)&listing->names, listing->names_size, size, 1,
                 &listing->names_capacity))
        return WASI_NOMEM;
    memcpy(listing->names + listing->names_size, name, size);
    listing->entries[listing->count++] =
        (entry_t){inode, listing->names_size, (uint32_t)size, type};
    listing->names_size += size;
    return WASI_SUCCESS;
}

wazero__errno_t wazero__listing_add(wazero__listing_t *listing, const char *name,
                                    size_t size, uint64_t inode, uint8_t type)
{
    if (size == 1 && name[0] == '.')
        listing->self = inode;
    if ((size == 1 || size == 2) && memcmp(name, "..", size) == 0)
        return WASI_SUCCESS;
    return append(listing, name, size, inode, type);
}

/* Where ".." leads is not told: it may be outside. */
wazero__errno_t wazero__listing_take(wazero__io_t *io, wazero__file_t *file,
                                     wazero__listing_t **taken)
{
    wazero__listing_t *listing = calloc(1, sizeof *listing);
    if (!listing)
        return WASI_NOMEM;
    wazero__errno_t code = append(listing, ".", 1, 0, WASI_DIRECTORY);
    if (!code)
        code = append(listing, "..", 2, 0, WASI_DIRECTORY);
    if (!code)
        code = file->type->list ? file->type->list(io, file, listing) : WASI_NOTSUP;
    if (code) {
        wazero__listing_delete(listing);
        return code;
    }
    listing->entries[0].inode = listing->self;
    *taken = listing;
    return WASI_SUCCESS;
}

bool wazero__listing_get(const wazero__listing_t *listing, size_t index,
                         const char **name, size_t *size, uint8_t *type,
                         uint64_t *inode)
{
    if (index >= listing->count)
        return false;
    const entry_t *entry = &listing->entries[index];
    *name = listing->names + entry->name;
    *size = entry->size;
    *type = entry->type;
    *inode = entry->inode;
    return true;
}

/* Puts entries from a cookie on into size bytes, the last one cut where they end. How
 * many bytes were filled. */
static size_t fill(const wazero__listing_t *listing, uint64_t cookie, uint8_t *place,
                   size_t size)
{
    enum { HEAD = 24, INODE = 8, NAME_SIZE = 16, TYPE = 20 };
    size_t used = 0;
    for (uint64_t i = cookie; i < listing->count && used < size; i++) {
        const entry_t *entry = &listing->entries[i];
        uint8_t head[HEAD] = {0};
        wazero__put_u64(head, i + 1);
        wazero__put_u64(head + INODE, entry->inode);
        wazero__put_u32(head + NAME_SIZE, entry->size);
        head[TYPE] = entry->type;
        size_t part = size - used < HEAD ? size - used : HEAD;
        memcpy(place + used, head, part);
        used += part;
        part = size - used < entry->size ? size - used : entry->size;
        memcpy(place + used, listing->names + entry->name, part);
        used += part;
    }
    return used;
}

static int compare_names(const void *a, const void *b, void *names)
{
    const entry_t *first = a, *second = b;
    size_t size = first->size < second->size ? first->size : second->size;
    int order = memcmp((char *)names + first->name, (char *)names + second->name, size);
    return order ? order : (first->size > second->size) - (first->size < second->size);
}

/* What a deterministic guest is told of an entry. Errors: NOMEM, ENDED. */
static wazero__errno_t fix_entry(wazero__wasi_call_t *call, wazero__file_t *file,
                                 uint32_t mount, const wazero__listing_t *listing,
                                 entry_t *entry)
{
    char name[WAZERO__NAME_MAX + 1];
    wazero__stat_t stat;
    wazero__errno_t code = WASI_NOTSUP;
    entry->inode = 0;
    if (file->type->stat_at && entry->size <= WAZERO__NAME_MAX) {
        memcpy(name, listing->names + entry->name, entry->size);
        name[entry->size] = '\0';
        code = file->type->stat_at(&call->io, file, name, &stat);
    }
    if (code) /* gone meanwhile, or not to be looked at */
        return code == WASI_ENDED ? code : WASI_SUCCESS;
    if (!stat.device)
        stat.device = mount;
    entry->type = stat.type;
    code = wazero__identities_fix(call->wasi->identities, &stat);
    entry->inode = stat.inode;
    return code;
}

/* The same order and numbers, whatever the host's: all but "." and ".." by name. */
static wazero__errno_t fix(wazero__wasi_call_t *call, wazero__file_t *file,
                           uint32_t mount, wazero__listing_t *listing)
{
    enum { DOTS = 2 };
    wazero__errno_t code = fix_entry(call, file, mount, listing, &listing->entries[0]);
    qsort_r(listing->entries + DOTS, listing->count - DOTS, sizeof(entry_t),
            compare_names, listing->names);
    for (size_t i = DOTS; i < listing->count && !code; i++)
        code = fix_entry(call, file, mount, listing, &listing->entries[i]);
    return code;
}

wazero__errno_t wazero__wasi_fd_readdir(wazero__wasi_call_t *call,
                                        const uint64_t *slots)
{
    uint32_t size = wazero__slot_u32(slots[2]);
    uint8_t *place = wazero__guest_at(&call->memory, slots[1], size);
    void *used = wazero__guest_at(&call->memory, slots[4], sizeof(uint32_t));
    wazero__descriptor_t *descriptor;
    wazero__errno_t code = wazero__descriptor_directory(
        call->wasi, slots[0], WASI_RIGHT_FD_READDIR, &descriptor);
    if (code)
        return code;
    if (!place || !used)
        return WASI_FAULT;
    if (slots[3] == 0 || !descriptor->listing) {
        size_t own = wazero__listing_bytes(descriptor->listing);
        if (call->wasi->listed - own > WAZERO__LISTED_MAX)
            return WASI_NOMEM;
        wazero__listing_t *listing = NULL;
        wazero__file_t *file = wazero__file_retain(descriptor->file);
        uint32_t mount = descriptor->origin.mount;
        code = wazero__listing_take(&call->io, file, &listing);
        if (!code && call->wasi->identities)
            code = fix(call, file, mount, listing);
        /* The host's code may have closed the descriptor meanwhile. */
        descriptor = wazero__descriptor(call->wasi, slots[0]);
        bool is_there = descriptor && descriptor->file == file;
        wazero__file_release(file);
        if (code || !is_there) {
            wazero__listing_delete(listing);
            return code ? code : WASI_BADF;
        }
        call->wasi->listed -= wazero__listing_bytes(descriptor->listing);
        call->wasi->listed += wazero__listing_bytes(listing);
        wazero__listing_delete(descriptor->listing);
        descriptor->listing = listing;
    }
    wazero__put_u32(used, (uint32_t)fill(descriptor->listing, slots[3], place, size));
    return WASI_SUCCESS;
}
