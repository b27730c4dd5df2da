/*
 * memtree.h - what a file system in memory consists of: directories whose names are
 * sorted, files of chunks, links, and the account of what they take.
 *
 * Nothing here locks: who has a tree does (memfs.c). A node lives as long as it has a
 * name or is open. What a tree takes is bounded by its two limits: the bytes that are
 * allocated are at most twice those of max_bytes, and some 700 for each of max_files.
 */
#ifndef WAZERO_LIB_WASI_MEMTREE_H
#define WAZERO_LIB_WASI_MEMTREE_H

#include <stdbool.h>
#include <stddef.h>

#include "wasi/abi.h"

typedef struct wazero__memnode wazero__memnode_t;
typedef struct wazero__mementry wazero__mementry_t;

/* A name in a directory. They are a treap by their names, and a list. */
struct wazero__mementry {
    wazero__mementry_t *left, *right;
    wazero__mementry_t *previous, *next;
    wazero__memnode_t *node; /* NULL: a whiteout */
    uint32_t priority;
    uint32_t size;
    char name[];
};

typedef struct {
    wazero__mementry_t *top;   /* of the treap */
    wazero__mementry_t *first; /* of the list */
} wazero__memnames_t;

struct wazero__memnode {
    uint64_t inode;
    uint64_t size; /* of a file, or of a link's target */
    uint64_t atim, mtim, ctim;
    uint32_t links; /* names */
    uint32_t users; /* who has it open */
    uint8_t type;   /* WASI_REGULAR_FILE, _DIRECTORY or _SYMBOLIC_LINK */
    bool opaque;    /* in an overlay: nothing from below shows in it */
    /* What an overlay says that it is, once it has: what it was before it was copied
     * up. */
    uint64_t shown_device, shown_inode;
    union {
        struct {
            uint8_t **chunks; /* NULL in between: zeros */
            size_t count;     /* of them; behind: zeros */
            size_t first;     /* bytes of the first one, behind them: zeros */
        } file;
        struct {
            wazero__memnames_t names;
            wazero__memnames_t hidden; /* whiteouts: what an overlay does not show */
            wazero__memnode_t *parent; /* NULL: the root, or it was removed */
        } directory;
        char *target;
    } as;
};

typedef struct {
    wazero__memnode_t *root;
    uint64_t max_bytes, bytes; /* of files and of links' targets */
    /* Names but the root's, whiteouts, and what is open without a name. */
    uint64_t max_files, files;
    uint64_t inodes; /* as many were given out */
    uint64_t random; /* for the treaps: nobody can make them deep */
} wazero__memtree_t;

/* Makes a tree with an empty root. Errors: NOMEM. */
wazero__errno_t wazero__memtree_init(wazero__memtree_t *tree, uint64_t max_bytes,
                                     uint64_t max_files, uint64_t now);

/* Frees all; nothing is open any more. */
void wazero__memtree_clear(wazero__memtree_t *tree);

/* The entry of a name, or NULL. */
wazero__mementry_t *wazero__memtree_find(const wazero__memnode_t *directory,
                                         const char *name);

/* Makes a file that has no name yet, and one user. Errors: NOSPC, NOMEM. */
wazero__errno_t wazero__memtree_make_nameless(wazero__memtree_t *tree, uint64_t now,
                                              wazero__memnode_t **made);

/* Makes a node with a name. Of a link `target` is where it leads, else NULL. Errors:
 * NOSPC, NOMEM; NOENT when the directory was removed. */
wazero__errno_t wazero__memtree_make(wazero__memtree_t *tree,
                                     wazero__memnode_t *directory, const char *name,
                                     uint8_t type, const char *target, uint64_t now,
                                     wazero__memnode_t **made);

/* Gives a node a name, or one more. Errors: as above. */
wazero__errno_t wazero__memtree_link(wazero__memtree_t *tree,
                                     wazero__memnode_t *directory, const char *name,
                                     wazero__memnode_t *node, uint64_t now);

/* Whether a directory has a whiteout for a name. */
bool wazero__memtree_hides(const wazero__memnode_t *directory, const char *name);

/* Gives a directory a whiteout for a name, unless it has it. Errors: NOSPC, if the name
 * does not take the room of an entry that is to be removed, which may be NULL; NOMEM;
 * NOENT when the directory was removed. */
wazero__errno_t wazero__memtree_hide(wazero__memtree_t *tree,
                                     wazero__memnode_t *directory, const char *name,
                                     const wazero__mementry_t *instead);

/* Removes the whiteout of a name, if there is one. */
void wazero__memtree_show(wazero__memtree_t *tree, wazero__memnode_t *directory,
                          const char *name);

/* Removes a name, and the node if it was the last. */
void wazero__memtree_remove(wazero__memtree_t *tree, wazero__memnode_t *directory,
                            wazero__mementry_t *entry, uint64_t now);

/* Moves an entry to a name that is free, or that of `to`, which is replaced. Errors:
 * NOMEM; NOENT when the directory was removed. */
wazero__errno_t
wazero__memtree_move(wazero__memtree_t *tree, wazero__memnode_t *from_directory,
                     wazero__mementry_t *from, wazero__memnode_t *to_directory,
                     const char *to_name, wazero__mementry_t *to, uint64_t now);

/* Whether a directory is another one, or above it. */
bool wazero__memtree_is_above(const wazero__memnode_t *above,
                              const wazero__memnode_t *directory);

/* Somebody has it open no more. */
void wazero__memtree_close(wazero__memtree_t *tree, wazero__memnode_t *node);

/* ---- memdata.c: the bytes of a file ---- */

/* Copies bytes out; how many there were. */
size_t wazero__memdata_read(const wazero__memnode_t *node, uint64_t offset,
                            uint8_t *bytes, size_t size);

/* Copies bytes in, as many as the tree may have; *done is set in any case. Errors, when
 * none could be: NOSPC, FBIG, NOMEM. */
wazero__errno_t wazero__memdata_write(wazero__memtree_t *tree, wazero__memnode_t *node,
                                      uint64_t offset, const uint8_t *bytes,
                                      size_t size, size_t *done);

/* Errors: NOSPC, FBIG. */
wazero__errno_t wazero__memdata_resize(wazero__memtree_t *tree, wazero__memnode_t *node,
                                       uint64_t size);

#endif
