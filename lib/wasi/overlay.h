/*
 * overlay.h - an overlay: a file system of any kind below, which is never written, and
 * one in memory above it, which has what was.
 *
 * What a directory shows is what the upper layer's has, and of the lower layer's what
 * the upper one neither has nor hides (whiteouts, memtree.h). A directory has the same
 * path in both layers: one that is renamed is copied up first with all that is in it.
 * So what is open needs to know no more than the nearest directory above it that is in
 * the upper layer, and the names from there.
 *
 * All that changes is guarded by the lock of the upper layer. Nobody who holds it calls
 * the lower layer, which may wait, or be the host's own: it is asked before, and what
 * the upper layer said is looked at again afterwards. Host and guests may do anything
 * meanwhile.
 */
#ifndef WAZERO_LIB_WASI_OVERLAY_H
#define WAZERO_LIB_WASI_OVERLAY_H

#include "wasi/memfs.h"

typedef struct wazero__ovldir wazero__ovldir_t;
typedef struct wazero__ovlfile wazero__ovlfile_t;

typedef struct {
    wazero_fs_t fs;
    wazero_fs_t *below;     /* a reference */
    wazero__file_t *lower;  /* its root */
    wazero__memfs_t *upper; /* a reference; its lock guards what follows */
    uint64_t device;        /* of the lower root, which the guest is told nothing of */
    unsigned depth;         /* overlays on overlays */
    wazero__ovldir_t *directories; /* that are open */
    wazero__ovlfile_t *files;      /* of the lower layer that are open */
} wazero__overlay_t;

/* An open directory. */
struct wazero__ovldir {
    wazero__file_t file;
    wazero__overlay_t *overlay; /* a reference */
    wazero__file_t *lower;      /* what it is below, or NULL */
    char *path;                 /* of that, from the lower root, whose is ""; or NULL */
    /* Locked: */
    wazero__memnode_t *anchor; /* of whose users this is one */
    size_t rest;               /* where in path the names begin that anchor is above */
    bool detached;             /* it was moved: nothing from below shows in it */
    wazero__ovldir_t *next, *previous;
};

/* An open file of the lower layer. Once it is copied up, it is the one above. */
struct wazero__ovlfile {
    wazero__file_t file;
    wazero__ovldir_t *directory; /* a reference: where it is */
    wazero__file_t *lower;       /* a reference */
    wazero__memfile_t *upper;    /* a reference, made when there is a use for it */
    /* Locked: */
    wazero__memnode_t *node; /* copied up: of whose users this is one, until `upper` */
    bool copied;
    bool gone; /* its name was removed */
    wazero__ovlfile_t *next, *previous;
    char name[];
};

/* What the upper layer says of a name. */
typedef struct {
    wazero__memnode_t *node; /* what it has; only to be compared once unlocked */
    bool below;              /* the lower layer's is not hidden by a whiteout */
} wazero__ovlname_t;

/* What both layers say. */
typedef struct {
    wazero__ovlname_t name;
    bool under;         /* the lower layer has it, and it is not hidden */
    uint8_t under_type; /* then: its type there */
    wazero__stat_t stat;
} wazero__ovlseen_t;

/* How often something is tried that others change meanwhile; then it is BUSY. */
enum { WAZERO__OVERLAY_TRIES = 64 };

/* What says that a file system is an overlay. */
extern const wazero__fs_type_t wazero__overlay_type;

/* The operations of a directory, and those of a file of the upper layer. */
extern const wazero__file_type_t wazero__ovldir_type;
const wazero__file_type_t *wazero__ovlfile_upper_type(void);

static inline wazero__ovldir_t *wazero__ovldir_of(wazero__file_t *file)
{
    return (wazero__ovldir_t *)(void *)file;
}

/* ---- overlay.c ---- */

/* Of what the lower layer's stat said: what the guest is told. */
void wazero__overlay_tell(const wazero__overlay_t *overlay, wazero__stat_t *stat);

/* Asks both layers. Errors: NOENT when neither has it; what the lower one says. */
wazero__errno_t wazero__ovldir_look(wazero__io_t *io, wazero__ovldir_t *directory,
                                    const char *name, wazero__ovlseen_t *seen);

/* What the lower layer has in a directory that is not hidden, a listing, or NULL.
 * Errors: as an operation. */
wazero__errno_t wazero__ovldir_list_below(wazero__io_t *io, wazero__ovldir_t *directory,
                                          wazero__listing_t **listing);

/* Opens a directory, which is not "." */
wazero__errno_t wazero__ovldir_enter(wazero__io_t *io, wazero__ovldir_t *directory,
                                     const char *name, wazero__ovldir_t **entered);

/* ---- locked ---- */

/* What is in the upper layer. Its own numbers have a high bit, each overlay's another
 * one, so that they are none of those below. A node that was told of keeps its
 * number. */
void wazero__overlay_stat(const wazero__overlay_t *overlay, wazero__memnode_t *node,
                          wazero__stat_t *stat);

typedef enum {
    OVLDIR_GONE,  /* it was removed */
    OVLDIR_BELOW, /* it is only in the lower layer */
    OVLDIR_ABOVE  /* it is `anchor` */
} wazero__where_t;

/* Goes on to what has come to the upper layer since. */
wazero__where_t wazero__ovldir_settle(wazero__ovldir_t *directory);

/* Of a name that is not ".". Settles. */
wazero__ovlname_t wazero__ovldir_find(wazero__ovldir_t *directory, const char *name);

/* Whether a name is as it was when it was seen. */
bool wazero__ovldir_is_still(wazero__ovldir_t *directory, const char *name,
                             const wazero__ovlseen_t *seen);

/* ---- overlayfile.c ---- */

/* Opens a regular file, or something else, of the lower layer to read. Errors: as open;
 * AGAIN when it is another thing than it was seen to be, or was copied up. */
wazero__errno_t wazero__ovlfile_open(wazero__io_t *io, wazero__ovldir_t *directory,
                                     const char *name, const wazero__how_t *how,
                                     wazero__file_t **file);

/* ---- the same, locked ---- */

/* A name in the lower layer is not to be seen any more: it has a new node, or, if that
 * is NULL, it is gone. */
void wazero__ovlfile_switch(const wazero__ovldir_t *directory, const char *name,
                            wazero__memnode_t *node);

/* ---- overlaycopy.c ---- */

/* Has a directory in the upper layer, with those above it. Errors: NOENT when it was
 * removed; NOSPC, NOMEM; what the lower layer says. */
wazero__errno_t wazero__ovldir_raise(wazero__io_t *io, wazero__ovldir_t *directory);

/* Copies up what a name is in the lower layer: of a directory only itself, of a file
 * with or without its bytes. It may be something else by now: then nothing happens.
 * Errors: XDEV for what is no file, directory or link; NOSPC, NOMEM; what the lower
 * layer says; ENDED. */
wazero__errno_t wazero__overlay_copy_up(wazero__io_t *io, wazero__ovldir_t *directory,
                                        const char *name, bool with_bytes);

/* Copies up a directory with all that is in it. Errors: as above. */
wazero__errno_t wazero__overlay_copy_tree(wazero__io_t *io, wazero__ovldir_t *directory,
                                          const char *name);

/* ---- overlaynames.c: operations ---- */

wazero__errno_t wazero__ovldir_make_directory(wazero__io_t *io,
                                              wazero__file_t *directory,
                                              const char *name);
wazero__errno_t wazero__ovldir_symlink(wazero__io_t *io, wazero__file_t *directory,
                                       const char *name, const char *target);
wazero__errno_t wazero__ovldir_unlink(wazero__io_t *io, wazero__file_t *directory,
                                      const char *name);
wazero__errno_t wazero__ovldir_remove_directory(wazero__io_t *io,
                                                wazero__file_t *directory,
                                                const char *name);
wazero__errno_t wazero__ovldir_rename(wazero__io_t *io, wazero__file_t *directory,
                                      const char *name, wazero__file_t *to_directory,
                                      const char *to_name);
wazero__errno_t wazero__ovldir_link(wazero__io_t *io, wazero__file_t *directory,
                                    const char *name, wazero__file_t *to_directory,
                                    const char *to_name);
wazero__errno_t wazero__ovldir_set_times(wazero__io_t *io, wazero__file_t *directory,
                                         const wazero__times_t *times);
wazero__errno_t wazero__ovldir_set_times_at(wazero__io_t *io, wazero__file_t *directory,
                                            const char *name,
                                            const wazero__times_t *times);

#endif
