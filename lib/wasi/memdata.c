/*
 * memdata.c - the bytes of files in memory. See memtree.h.
 *
 * They are in chunks, of which those that nobody wrote to are missing, so that neither
 * growing copies nor a hole costs memory. The first chunk is as small as the file, by
 * powers of two: most files have no other. What shrinks gives everything back: else a
 * file that was large once would take more than it counts.
 */
#include <stdlib.h>
#include <string.h>

#include "wasi/memtree.h"

enum { CHUNK = 65536, FIRST = 64 };

/* How much of a chunk there is; behind are zeros. */
static size_t size_of_chunk(const wazero__memnode_t *node, size_t index)
{
    if (index >= node->as.file.count || !node->as.file.chunks[index])
        return 0;
    return index ? CHUNK : node->as.file.first;
}

size_t wazero__memdata_read(const wazero__memnode_t *node, uint64_t offset,
                            uint8_t *bytes, size_t size)
{
    if (offset >= node->size)
        return 0;
    if (size > node->size - offset)
        size = (size_t)(node->size - offset);
    for (size_t done = 0; done < size;) {
        size_t index = (size_t)((offset + done) / CHUNK);
        size_t begin = (size_t)((offset + done) % CHUNK);
        size_t piece = size - done < CHUNK - begin ? size - done : CHUNK - begin;
        size_t there = size_of_chunk(node, index);
        there = there > begin ? there - begin : 0;
        if (there > piece)
            there = piece;
        if (there)
            memcpy(bytes + done, node->as.file.chunks[index] + begin, there);
        memset(bytes + done + there, 0, piece - there);
        done += piece;
    }
    return size;
}

/* The size of the first chunk for so many bytes. */
static size_t first_size(size_t size)
{
    size_t wanted = FIRST;
    while (wanted < size)
        wanted *= 2;
    return wanted;
}

/* Makes room for pointers to count chunks. */
static bool reserve_chunks(wazero__memnode_t *node, size_t count)
{
    size_t had = node->as.file.count;
    if (count <= had)
        return true;
    if (count < had + had / 2)
        count = had + had / 2;
    if (count > SIZE_MAX / sizeof(uint8_t *))
        return false;
    uint8_t **more = realloc(node->as.file.chunks, count * sizeof *more);
    if (!more)
        return false;
    memset(more + had, 0, (count - had) * sizeof *more);
    node->as.file.chunks = more;
    node->as.file.count = count;
    return true;
}

/* The chunk of an index, with at least size bytes; NULL without memory. */
static uint8_t *need_chunk(wazero__memnode_t *node, size_t index, size_t size)
{
    size_t there = size_of_chunk(node, index);
    if (there >= size)
        return node->as.file.chunks[index];
    if (!reserve_chunks(node, index + 1))
        return NULL;
    size_t wanted = index ? CHUNK : first_size(size);
    uint8_t *grown =
        there ? realloc(node->as.file.chunks[index], wanted) : calloc(1, wanted);
    if (!grown)
        return NULL;
    if (there)
        memset(grown + there, 0, wanted - there);
    node->as.file.chunks[index] = grown;
    if (!index)
        node->as.file.first = wanted;
    return grown;
}

/* How many of the bytes fit. Errors, when none does: NOSPC, FBIG. */
static wazero__errno_t limit(const wazero__memtree_t *tree,
                             const wazero__memnode_t *node, uint64_t offset,
                             size_t *size)
{
    uint64_t end = node->size + (tree->max_bytes - tree->bytes);
    if (offset >= INT64_MAX)
        return WASI_FBIG;
    if (end > INT64_MAX)
        end = INT64_MAX;
    if (offset >= end)
        return WASI_NOSPC;
    if (*size > end - offset)
        *size = (size_t)(end - offset);
    return WASI_SUCCESS;
}

wazero__errno_t wazero__memdata_write(wazero__memtree_t *tree, wazero__memnode_t *node,
                                      uint64_t offset, const uint8_t *bytes,
                                      size_t size, size_t *done)
{
    *done = 0;
    if (!size)
        return WASI_SUCCESS;
    wazero__errno_t code = limit(tree, node, offset, &size);
    while (!code && *done < size) {
        size_t index = (size_t)(offset / CHUNK), begin = (size_t)(offset % CHUNK);
        size_t left = size - *done;
        size_t piece = left < CHUNK - begin ? left : CHUNK - begin;
        uint8_t *chunk = need_chunk(node, index, begin + piece);
        if (!chunk)
            return *done ? WASI_SUCCESS : WASI_NOMEM;
        memcpy(chunk + begin, bytes + *done, piece);
        *done += piece;
        offset += piece;
        if (offset > node->size) {
            tree->bytes += offset - node->size;
            node->size = offset;
        }
    }
    return code;
}

/* Gives back what is behind a size, and zeroes the rest of the last chunk. */
static void cut(wazero__memnode_t *node, uint64_t size)
{
    size_t keep = (size_t)((size + CHUNK - 1) / CHUNK), rest = (size_t)(size % CHUNK);
    for (size_t i = keep; i < node->as.file.count; i++)
        free(node->as.file.chunks[i]);
    if (!keep) {
        free(node->as.file.chunks);
        node->as.file.chunks = NULL;
        node->as.file.count = node->as.file.first = 0;
        return;
    }
    if (keep < node->as.file.count) {
        uint8_t **less = realloc(node->as.file.chunks, keep * sizeof *less);
        node->as.file.chunks = less ? less : node->as.file.chunks;
        node->as.file.count = keep;
    }
    size_t there = size_of_chunk(node, keep - 1);
    if (keep == 1 && rest && there > first_size(rest)) {
        uint8_t *less = realloc(node->as.file.chunks[0], first_size(rest));
        if (less) {
            node->as.file.chunks[0] = less;
            node->as.file.first = there = first_size(rest);
        }
    }
    if (rest && there > rest)
        memset(node->as.file.chunks[keep - 1] + rest, 0, there - rest);
}

wazero__errno_t wazero__memdata_resize(wazero__memtree_t *tree, wazero__memnode_t *node,
                                       uint64_t size)
{
    if (size > node->size) {
        if (size > INT64_MAX)
            return WASI_FBIG;
        if (size - node->size > tree->max_bytes - tree->bytes)
            return WASI_NOSPC;
        tree->bytes += size - node->size;
    } else {
        tree->bytes -= node->size - size;
        cut(node, size);
    }
    node->size = size;
    return WASI_SUCCESS;
}
