/*
 * stream.c - the four kinds of standard streams. See stream.h.
 */
#include "stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "error.h"

typedef enum { INHERITED, DESCRIPTOR, BYTES, READER, WRITER } kind_t;

struct wazero__stream {
    atomic_uint references;
    kind_t kind;
    int fd;
    uint8_t *bytes;
    size_t size;
    wazero_read_function_t read;
    wazero_write_function_t write;
    void *user;
    void (*delete_user)(void *user);
};

static wazero__stream_t *new_stream(kind_t kind)
{
    wazero__stream_t *stream = calloc(1, sizeof *stream);
    if (!stream)
        return NULL;
    atomic_init(&stream->references, 1);
    stream->kind = kind;
    return stream;
}

wazero__stream_t *wazero__stream_new_inherited(wazero_stream_t which)
{
    wazero__stream_t *stream = new_stream(INHERITED);
    if (stream)
        stream->fd = (int)which;
    return stream;
}

wazero__stream_t *wazero__stream_new_fd(int fd)
{
    wazero__stream_t *stream = new_stream(DESCRIPTOR);
    if (stream)
        stream->fd = fd;
    return stream;
}

wazero__stream_t *wazero__stream_new_bytes(const void *bytes, size_t size)
{
    wazero__stream_t *stream = new_stream(BYTES);
    if (!stream)
        return NULL;
    stream->bytes = malloc(size ? size : 1);
    if (!stream->bytes) {
        free(stream);
        return NULL;
    }
    if (size)
        memcpy(stream->bytes, bytes, size);
    stream->size = size;
    return stream;
}

/* Gives a stream its user, or deletes the user if there is no stream. */
static wazero__stream_t *adopt_user(wazero__stream_t *stream, void *user,
                                    void (*delete_user)(void *user))
{
    if (stream) {
        stream->user = user;
        stream->delete_user = delete_user;
    } else if (delete_user) {
        delete_user(user);
    }
    return stream;
}

wazero__stream_t *wazero__stream_new_reader(wazero_read_function_t function, void *user,
                                            void (*delete_user)(void *user))
{
    wazero__stream_t *stream = new_stream(READER);
    if (stream)
        stream->read = function;
    return adopt_user(stream, user, delete_user);
}

wazero__stream_t *wazero__stream_new_writer(wazero_write_function_t function,
                                            void *user, void (*delete_user)(void *user))
{
    wazero__stream_t *stream = new_stream(WRITER);
    if (stream)
        stream->write = function;
    return adopt_user(stream, user, delete_user);
}

wazero__stream_t *wazero__stream_retain(wazero__stream_t *stream)
{
    if (stream)
        atomic_fetch_add(&stream->references, 1);
    return stream;
}

void wazero__stream_release(wazero__stream_t *stream)
{
    if (!stream || atomic_fetch_sub(&stream->references, 1) != 1)
        return;
    if (stream->delete_user)
        stream->delete_user(stream->user);
    free(stream->bytes);
    free(stream);
}

wz_stream wazero__stream_describe(wazero__stream_cursor_t *cursor)
{
    wz_stream description = {.kind = WZ_STREAM_NONE};
    if (!cursor->stream)
        return description;
    if (cursor->output && cursor->output->limit != WAZERO_NO_LIMIT)
        return (wz_stream){.kind = WZ_STREAM_CALL, .user = (uintptr_t)cursor};
    switch (cursor->stream->kind) {
    case INHERITED:
        description.kind = WZ_STREAM_INHERIT;
        break;
    case DESCRIPTOR:
        description.kind = WZ_STREAM_FD;
        description.fd = cursor->stream->fd;
        break;
    case BYTES:
    case READER:
    case WRITER:
        description.kind = WZ_STREAM_CALL;
        description.user = (uintptr_t)cursor;
        break;
    }
    return description;
}

wazero_error_t *wazero__stream_read(wazero__stream_cursor_t *cursor, void *buffer,
                                    size_t size, size_t *read)
{
    const wazero__stream_t *stream = cursor->stream;
    *read = 0;
    if (stream->kind == READER) {
        wazero_error_t *error = stream->read(stream->user, buffer, size, read);
        if (!error && *read > size)
            error =
                wazero__error(WAZERO_ERROR_INVALID,
                              "the read function of standard input returned %zu bytes "
                              "for a buffer of %zu",
                              *read, size);
        return error;
    }
    size_t left = stream->size - cursor->position;
    size_t count = left < size ? left : size;
    if (count)
        memcpy(buffer, stream->bytes + cursor->position, count);
    cursor->position += count;
    *read = count;
    return NULL;
}

static wazero_error_t *write_fd(int fd, const char *buffer, size_t size)
{
    while (size) {
        ssize_t written = write(fd, buffer, size);
        if (written < 0 && errno != EINTR)
            return wazero__error(WAZERO_ERROR_INVALID, "writing to descriptor %d: %s",
                                 fd, strerror(errno));
        if (written > 0) {
            buffer += written;
            size -= (size_t)written;
        }
    }
    return NULL;
}

wazero_error_t *wazero__stream_write(wazero__stream_cursor_t *cursor,
                                     const void *buffer, size_t size)
{
    const wazero__stream_t *stream = cursor->stream;
    size_t allowed = cursor->output ? wazero__output_take(cursor->output, size) : size;
    wazero_error_t *error = NULL;
    if (allowed && stream->kind == WRITER)
        error = stream->write(stream->user, buffer, allowed);
    else if (allowed)
        error = write_fd(stream->fd, buffer, allowed);
    return !error && allowed < size ? wazero__output_error(cursor->output) : error;
}

size_t wazero__output_take(wazero__output_t *output, size_t size)
{
    uint64_t left = output->limit - output->used;
    size_t allowed = size < left ? size : (size_t)left;
    output->used += allowed;
    return allowed;
}

wazero_error_t *wazero__output_error(const wazero__output_t *output)
{
    return wazero__error(WAZERO_ERROR_OUTPUT_LIMIT,
                         "the guest wrote more than the %" PRIu64
                         " bytes of output that it may write",
                         output->limit);
}
