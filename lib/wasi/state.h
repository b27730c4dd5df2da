/*
 * state.h - what WASI keeps for an instance: its arguments and environment, its clocks
 * and random numbers, and the table of what it has open.
 *
 * Made with the module, from its configuration; descriptors are closed when the module
 * is, the rest goes with it. It belongs to the thread inside the module's group: no
 * locks.
 */
#ifndef WAZERO_LIB_WASI_STATE_H
#define WAZERO_LIB_WASI_STATE_H

#include "clock.h"
#include "random.h"
#include "stream.h"
#include "usage.h"
#include "wasi/fs.h"
#include "wasi/identity.h"
#include "wasi/memory.h"
#include "wasi/trace.h"

/* The directories and streams that one mount gave the guest share this: what may not
 * pass from one to another, and what may not be changed. */
typedef struct {
    uint32_t mount; /* counted from 1; 0: a stream or a socket */
    bool read_only;
    bool standard; /* one of the standard streams */
} wazero__origin_t;

/* What a descriptor's number stands for. */
typedef struct {
    wazero__file_t *file; /* a reference; NULL: the number is free */
    wazero__origin_t origin;
    uint16_t flags; /* WASI_APPEND and so on, as the guest set them */
    uint64_t base;  /* rights, as they are reported */
    uint64_t inheriting;
    uint64_t denied; /* rights that were dropped: they are enforced */
    uint64_t denied_inheriting;
    char *preopen; /* the guest's name of it, or NULL */
    wazero__listing_t *listing;
} wazero__descriptor_t;

/* At most so many are open at once. */
enum { WAZERO__DESCRIPTORS_MAX = 65536 };

/* With more bytes than this in listings no other one is begun: a folder of 100,000
 * files takes 28 MB for each descriptor that reads it. A single one may be larger. */
#define WAZERO__LISTED_MAX ((size_t)64 << 20)

/* Strings as args_get hands them out: one behind the other, each with its NUL. */
typedef struct {
    char *bytes;
    uint32_t size;
    uint32_t count;
} wazero__strings_t;

typedef struct wazero__wasi {
    wazero__descriptor_t *descriptors;
    uint32_t descriptor_count; /* as many as there is room for */
    uint32_t lowest;           /* no number below is free */
    wazero__strings_t args;
    wazero__strings_t environment;
    wazero__time_t time;
    wazero__random_t random;
    wazero__output_t output;          /* of the standard streams */
    uint32_t most;                    /* so many descriptors at once */
    size_t listed;                    /* bytes of the listings of all descriptors */
    wazero__identities_t *identities; /* of a deterministic guest, else NULL */
    bool closed;
    wazero__tracer_t tracer;
    /* For reports. */
    wazero__count_t files_opened;
    wazero__count_t bytes_read;
    wazero__count_t bytes_written;
} wazero__wasi_t;

/* A call of a WASI function. */
typedef struct {
    wazero__io_t io;
    wazero__wasi_t *wasi;
    wazero__guest_t memory;
    bool unstable; /* by the name wasi_unstable */
} wazero__wasi_call_t;

/* A WASI function: its arguments are the slots. */
typedef wazero__errno_t wazero__wasi_function_t(wazero__wasi_call_t *call,
                                                const uint64_t *slots);

/* ---- fdtable.c ---- */

/* The descriptor of a number (an i32 slot); NULL if there is none. */
static inline wazero__descriptor_t *wazero__descriptor(const wazero__wasi_t *wasi,
                                                       uint64_t slot)
{
    uint32_t number = wazero__slot_u32(slot);
    if (number >= wasi->descriptor_count || !wasi->descriptors[number].file)
        return NULL;
    return &wasi->descriptors[number];
}

/* Gives a descriptor the lowest free number. Takes what it holds, also when it fails.
 * Errors: MFILE, NOMEM. */
wazero__errno_t wazero__descriptor_add(wazero__wasi_t *wasi,
                                       wazero__descriptor_t *descriptor,
                                       uint32_t *number);

/* Frees the number. */
void wazero__descriptor_close(wazero__wasi_t *wasi, wazero__descriptor_t *descriptor);

/* A file (not a directory) or a directory with a right that was not dropped. Errors:
 * BADF; ISDIR or NOTDIR; NOTCAPABLE. */
wazero__errno_t wazero__descriptor_file(const wazero__wasi_t *wasi, uint64_t slot,
                                        uint64_t right, wazero__descriptor_t **found);
wazero__errno_t wazero__descriptor_directory(const wazero__wasi_t *wasi, uint64_t slot,
                                             uint64_t right,
                                             wazero__descriptor_t **found);
/* Either. Errors: BADF, NOTCAPABLE. */
wazero__errno_t wazero__descriptor_any(const wazero__wasi_t *wasi, uint64_t slot,
                                       uint64_t right, wazero__descriptor_t **found);

/* ---- path.c ---- */

/* Where a path leads: a directory in the jail and one name in it. */
typedef struct {
    wazero__file_t *directory;       /* a reference */
    uint32_t mount;                  /* as names.c notes it, to delete or rename */
    char name[WAZERO__NAME_MAX + 1]; /* "." for the directory itself */
    bool slash;                      /* the path ended in one */
} wazero__place_t;

/* Resolves all but the last name of a path, which is NUL-terminated, inside the jail
 * that `directory` is. Errors: NOENT when the path is empty; PERM when it is absolute
 * or leads out; what the file system says; ENDED. */
wazero__errno_t wazero__place_find(wazero__io_t *io, wazero__file_t *directory,
                                   const char *path, wazero__place_t *place);

/* The same, and follows links at the end: up to 40, then LOOP. */
wazero__errno_t wazero__place_follow(wazero__io_t *io, wazero__file_t *directory,
                                     const char *path, wazero__place_t *place);

void wazero__place_clear(wazero__place_t *place);

/* What stat tells of a path. A slash at its end follows, too, and wants a directory. */
wazero__errno_t wazero__path_stat(wazero__io_t *io, wazero__file_t *directory,
                                  const char *path, bool follow, wazero__stat_t *stat);

/* Opens a path. */
wazero__errno_t wazero__path_open(wazero__io_t *io, wazero__file_t *directory,
                                  const char *path, const wazero__how_t *how,
                                  wazero__file_t **file);

/* ---- dir.c ---- */

/* Takes a snapshot of a directory. Errors: NOMEM, NOTSUP, what the file system says. */
wazero__errno_t wazero__listing_take(wazero__io_t *io, wazero__file_t *directory,
                                     wazero__listing_t **taken);

/* An entry, whose name has no NUL; false behind the last. "." and ".." come before
 * WAZERO__LISTING_FIRST. */
enum { WAZERO__LISTING_FIRST = 2 };
bool wazero__listing_get(const wazero__listing_t *listing, size_t index,
                         const char **name, size_t *size, uint8_t *type,
                         uint64_t *inode);

void wazero__listing_delete(wazero__listing_t *listing); /* NULL is fine */

/* What it takes; 0 for NULL. */
size_t wazero__listing_bytes(const wazero__listing_t *listing);

/* ---- stdio.c ---- */

/* A file for a standard stream, by its number. Errors: INVALID when its descriptor
 * cannot be duplicated, MEMORY. */
wazero_error_t *wazero__stream_open(wazero__stream_t *stream, int number,
                                    wazero__file_t **file);

#endif
