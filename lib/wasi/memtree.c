/*
 * memtree.c - the nodes of a file system in memory and their names. See memtree.h.
 *
 * No function calls itself: guests make trees as deep as they like. A treap stays
 * shallow by the priorities, which are random; its walks are loops.
 */
#include "wasi/memtree.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* ---- names ---- */

/* Names are ordered by their bytes. */
static int compare(const char *name, size_t size, const wazero__mementry_t *entry)
{
    size_t common = size < entry->size ? size : entry->size;
    int order = memcmp(name, entry->name, common);
    if (order)
        return order;
    return size < entry->size ? -1 : size > entry->size;
}

static wazero__mementry_t *find(const wazero__memnames_t *names, const char *name)
{
    wazero__mementry_t *entry = names->top;
    size_t size = strlen(name);
    while (entry) {
        int order = compare(name, size, entry);
        if (!order)
            return entry;
        entry = order < 0 ? entry->left : entry->right;
    }
    return NULL;
}

wazero__mementry_t *wazero__memtree_find(const wazero__memnode_t *directory,
                                         const char *name)
{
    return find(&directory->as.directory.names, name);
}

bool wazero__memtree_hides(const wazero__memnode_t *directory, const char *name)
{
    return find(&directory->as.directory.hidden, name) != NULL;
}

/* xorshift64*: nobody sees the numbers, so guessing them is not worth the trouble. */
static uint32_t next_random(wazero__memtree_t *tree)
{
    uint64_t x = tree->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    tree->random = x;
    return (uint32_t)((x * UINT64_C(2685821657736338717)) >> 32);
}

static wazero__mementry_t *new_entry(wazero__memtree_t *tree, const char *name)
{
    size_t size = strlen(name);
    wazero__mementry_t *entry = malloc(sizeof *entry + size + 1);
    if (!entry)
        return NULL;
    memcpy(entry->name, name, size + 1);
    entry->size = (uint32_t)size;
    entry->node = NULL;
    entry->priority = next_random(tree);
    return entry;
}

/* Puts an entry at its place in the treap, and between its neighbours in the list,
 * which are the last ones on the way down that it went right and left of. */
static void insert(wazero__memnames_t *names, wazero__mementry_t *made)
{
    wazero__mementry_t **place = &names->top;
    wazero__mementry_t *before = NULL, *behind = NULL;
    while (*place && (*place)->priority >= made->priority) {
        if (compare(made->name, made->size, *place) < 0) {
            behind = *place;
            place = &behind->left;
        } else {
            before = *place;
            place = &before->right;
        }
    }
    wazero__mementry_t *rest = *place;
    wazero__mementry_t **less = &made->left, **more = &made->right;
    *place = made;
    while (rest) {
        if (compare(made->name, made->size, rest) < 0) {
            behind = *more = rest;
            more = &rest->left;
            rest = rest->left;
        } else {
            before = *less = rest;
            less = &rest->right;
            rest = rest->right;
        }
    }
    *less = *more = NULL;
    made->previous = before;
    made->next = behind;
    if (behind)
        behind->previous = made;
    if (before)
        before->next = made;
    else
        names->first = made;
}

/* Takes an entry out of the treap and the list, and frees it. */
static void take_out(wazero__memnames_t *names, wazero__mementry_t *gone)
{
    wazero__mementry_t **place = &names->top;
    while (*place != gone)
        place = compare(gone->name, gone->size, *place) < 0 ? &(*place)->left
                                                            : &(*place)->right;
    wazero__mementry_t *left = gone->left, *right = gone->right;
    while (left && right) {
        if (left->priority > right->priority) {
            *place = left;
            place = &left->right;
            left = left->right;
        } else {
            *place = right;
            place = &right->left;
            right = right->left;
        }
    }
    *place = left ? left : right;
    if (gone->next)
        gone->next->previous = gone->previous;
    if (gone->previous)
        gone->previous->next = gone->next;
    else
        names->first = gone->next;
    free(gone);
}

/* ---- nodes ---- */

static wazero__memnode_t *new_node(wazero__memtree_t *tree, uint8_t type, uint64_t now)
{
    wazero__memnode_t *node = calloc(1, sizeof *node);
    if (!node)
        return NULL;
    node->type = type;
    node->inode = ++tree->inodes;
    node->atim = node->mtim = node->ctim = now;
    return node;
}

/* Frees the whiteouts of a directory. */
static void free_hidden(wazero__memtree_t *tree, wazero__memnode_t *directory)
{
    wazero__mementry_t *entry = directory->as.directory.hidden.first;
    while (entry) {
        wazero__mementry_t *next = entry->next;
        free(entry);
        tree->files--;
        entry = next;
    }
}

static void free_node(wazero__memtree_t *tree, wazero__memnode_t *node)
{
    if (node->type == WASI_DIRECTORY)
        free_hidden(tree, node);
    if (node->type == WASI_REGULAR_FILE)
        (void)wazero__memdata_resize(tree, node, 0); /* smaller always succeeds */
    else if (node->type == WASI_SYMBOLIC_LINK) {
        tree->bytes -= node->size;
        free(node->as.target);
    }
    free(node);
}

/* Frees a node that has neither names nor users. */
static void free_unused(wazero__memtree_t *tree, wazero__memnode_t *node)
{
    if (node->links || node->users)
        return;
    tree->files--;
    free_node(tree, node);
}

void wazero__memtree_close(wazero__memtree_t *tree, wazero__memnode_t *node)
{
    node->users--;
    free_unused(tree, node);
}

bool wazero__memtree_is_above(const wazero__memnode_t *above,
                              const wazero__memnode_t *directory)
{
    while (directory && directory != above)
        directory = directory->as.directory.parent;
    return directory != NULL;
}

/* Puts a node behind a new entry. */
static void name_node(wazero__memnode_t *directory, wazero__mementry_t *entry,
                      wazero__memnode_t *node, uint64_t now)
{
    entry->node = node;
    node->links++;
    node->ctim = now;
    directory->mtim = directory->ctim = now;
    if (node->type == WASI_DIRECTORY)
        node->as.directory.parent = directory;
    insert(&directory->as.directory.names, entry);
}

wazero__errno_t wazero__memtree_make_nameless(wazero__memtree_t *tree, uint64_t now,
                                              wazero__memnode_t **made)
{
    if (tree->files >= tree->max_files)
        return WASI_NOSPC;
    wazero__memnode_t *node = new_node(tree, WASI_REGULAR_FILE, now);
    if (!node)
        return WASI_NOMEM;
    tree->files++;
    node->users = 1;
    *made = node;
    return WASI_SUCCESS;
}

wazero__errno_t wazero__memtree_make(wazero__memtree_t *tree,
                                     wazero__memnode_t *directory, const char *name,
                                     uint8_t type, const char *target, uint64_t now,
                                     wazero__memnode_t **made)
{
    size_t size = target ? strlen(target) : 0;
    if (!directory->links)
        return WASI_NOENT;
    if (tree->files >= tree->max_files || size > tree->max_bytes - tree->bytes)
        return WASI_NOSPC;
    wazero__mementry_t *entry = new_entry(tree, name);
    wazero__memnode_t *node = entry ? new_node(tree, type, now) : NULL;
    if (node && target)
        node->as.target = strdup(target);
    if (!node || (target && !node->as.target)) {
        free(node);
        free(entry);
        return WASI_NOMEM;
    }
    node->size = size;
    tree->bytes += size;
    tree->files++;
    name_node(directory, entry, node, now);
    *made = node;
    return WASI_SUCCESS;
}

wazero__errno_t wazero__memtree_link(wazero__memtree_t *tree,
                                     wazero__memnode_t *directory, const char *name,
                                     wazero__memnode_t *node, uint64_t now)
{
    bool counts = node->links; /* the first name is counted with the node */
    if (!directory->links)
        return WASI_NOENT;
    if (counts && tree->files >= tree->max_files)
        return WASI_NOSPC;
    if (node->links == UINT32_MAX)
        return WASI_MLINK;
    wazero__mementry_t *entry = new_entry(tree, name);
    if (!entry)
        return WASI_NOMEM;
    tree->files += counts;
    name_node(directory, entry, node, now);
    return WASI_SUCCESS;
}

wazero__errno_t wazero__memtree_hide(wazero__memtree_t *tree,
                                     wazero__memnode_t *directory, const char *name,
                                     const wazero__mementry_t *instead)
{
    wazero__memnames_t *hidden = &directory->as.directory.hidden;
    bool frees = instead && (instead->node->links > 1 || !instead->node->users);
    if (!directory->links)
        return WASI_NOENT;
    if (find(hidden, name))
        return WASI_SUCCESS;
    if (!frees && tree->files >= tree->max_files)
        return WASI_NOSPC;
    wazero__mementry_t *entry = new_entry(tree, name);
    if (!entry)
        return WASI_NOMEM;
    insert(hidden, entry);
    tree->files++;
    return WASI_SUCCESS;
}

void wazero__memtree_show(wazero__memtree_t *tree, wazero__memnode_t *directory,
                          const char *name)
{
    wazero__mementry_t *entry = find(&directory->as.directory.hidden, name);
    if (!entry)
        return;
    take_out(&directory->as.directory.hidden, entry);
    tree->files--;
}

/* A node has lost a name. */
static void drop_name(wazero__memtree_t *tree, wazero__memnode_t *node, uint64_t now)
{
    node->ctim = now;
    if (node->type == WASI_DIRECTORY)
        node->as.directory.parent = NULL;
    if (--node->links)
        tree->files--;
    else
        free_unused(tree, node);
}

void wazero__memtree_remove(wazero__memtree_t *tree, wazero__memnode_t *directory,
                            wazero__mementry_t *entry, uint64_t now)
{
    wazero__memnode_t *node = entry->node;
    directory->mtim = directory->ctim = now;
    take_out(&directory->as.directory.names, entry);
    drop_name(tree, node, now);
}

wazero__errno_t
wazero__memtree_move(wazero__memtree_t *tree, wazero__memnode_t *from_directory,
                     wazero__mementry_t *from, wazero__memnode_t *to_directory,
                     const char *to_name, wazero__mementry_t *to, uint64_t now)
{
    wazero__memnode_t *node = from->node, *replaced = to ? to->node : NULL;
    if (!to_directory->links)
        return WASI_NOENT;
    if (!to) {
        to = new_entry(tree, to_name);
        if (!to)
            return WASI_NOMEM;
        to->node = node;
        insert(&to_directory->as.directory.names, to);
    }
    to->node = node;
    take_out(&from_directory->as.directory.names, from);
    if (node->type == WASI_DIRECTORY)
        node->as.directory.parent = to_directory;
    node->ctim = now;
    from_directory->mtim = from_directory->ctim = now;
    to_directory->mtim = to_directory->ctim = now;
    if (replaced)
        drop_name(tree, replaced, now);
    return WASI_SUCCESS;
}

/* ---- the tree ---- */

wazero__errno_t wazero__memtree_init(wazero__memtree_t *tree, uint64_t max_bytes,
                                     uint64_t max_files, uint64_t now)
{
    *tree = (wazero__memtree_t){.max_bytes = max_bytes, .max_files = max_files};
    if (getrandom(&tree->random, sizeof tree->random, GRND_NONBLOCK) !=
            sizeof tree->random ||
        !tree->random)
        tree->random = (uint64_t)(uintptr_t)tree ^ now ^ 1;
    tree->root = new_node(tree, WASI_DIRECTORY, now);
    if (!tree->root)
        return WASI_NOMEM;
    tree->root->links = 1; /* as if it had a name */
    return WASI_SUCCESS;
}

/* Directories that are still to be freed are chained by their parents, which nobody
 * asks for any more. */
void wazero__memtree_clear(wazero__memtree_t *tree)
{
    wazero__memnode_t *directories = tree->root;
    while (directories) {
        wazero__memnode_t *directory = directories;
        directories = directory->as.directory.parent;
        wazero__mementry_t *entry = directory->as.directory.names.first;
        while (entry) {
            wazero__mementry_t *next = entry->next;
            wazero__memnode_t *node = entry->node;
            free(entry);
            entry = next;
            if (--node->links)
                continue;
            if (node->type == WASI_DIRECTORY) {
                node->as.directory.parent = directories;
                directories = node;
            } else {
                free_node(tree, node);
            }
        }
        free_node(tree, directory);
    }
    tree->root = NULL;
}
