/*
 * stdio.c - standard streams as files: nothing, bytes and functions of the host here,
 * descriptors by hostfile.c, each duplicated for the module.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "error.h"
#include "stream.h"
#include "thread.h"
#include "wasi/hostfile.h"
#include "wasi/state.h"

typedef struct {
    wazero__file_t file;
    wazero__stream_cursor_t cursor; /* without a stream: nothing */
} stdio_t;

static void stdio_destroy(wazero__file_t *file)
{
    stdio_t *stdio = (stdio_t *)file;
    wazero__thread_attach(wazero__thread()); /* for what deletes the stream's user */
    wazero__stream_release(stdio->cursor.stream);
    free(stdio);
}

static wazero__errno_t stdio_read(wazero__io_t *io, wazero__file_t *file,
                                  const struct iovec *parts, int count, unsigned flags,
                                  size_t *done)
{
    stdio_t *stdio = (stdio_t *)file;
    (void)flags; /* the host's function waits as long as it likes */
    *done = 0;
    if (!stdio->cursor.stream || !count)
        return WASI_SUCCESS;
    wazero__io_call_host(io);
    /* The first part only: for another one the host might wait. */
    wazero_error_t *error =
        wazero__stream_read(&stdio->cursor, parts->iov_base, parts->iov_len, done);
    return error ? wazero__io_end(io, error) : WASI_SUCCESS;
}

static wazero__errno_t stdio_write(wazero__io_t *io, wazero__file_t *file,
                                   const struct iovec *parts, int count, unsigned flags,
                                   size_t *done)
{
    stdio_t *stdio = (stdio_t *)file;
    (void)flags;
    *done = 0;
    if (stdio->cursor.stream)
        wazero__io_call_host(io);
    for (int i = 0; i < count; i++) {
        wazero_error_t *error =
            stdio->cursor.stream
                ? wazero__stream_write(&stdio->cursor, parts[i].iov_base,
                                       parts[i].iov_len)
                : NULL;
        if (error)
            return wazero__io_end(io, error);
        *done += parts[i].iov_len;
    }
    return WASI_SUCCESS;
}

static const wazero__file_type_t input_type = {
    .destroy = stdio_destroy,
    .read = stdio_read,
};

static const wazero__file_type_t output_type = {
    .destroy = stdio_destroy,
    .write = stdio_write,
};

/* A descriptor of the process, once more. */
static wazero_error_t *open_descriptor(int fd, int number, wazero__file_t **file)
{
    static const char *const names[] = {"stdin", "stdout", "stderr"};
    enum { NOT_BELOW = 3 };
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, NOT_BELOW);
    if (copy < 0)
        return wazero__error(WAZERO_ERROR_INVALID, "%s: file descriptor %d: %s",
                             names[number], fd, strerror(errno));
    wazero__errno_t code = wazero__hostfile_new(copy, true, file);
    return code ? wazero__error_memory() : NULL;
}

wazero_error_t *wazero__stream_open(wazero__stream_t *stream, int number,
                                    wazero__file_t **file)
{
    wazero__stream_cursor_t cursor = {.stream = stream};
    wz_stream description = wazero__stream_describe(&cursor);
    if (description.kind == WZ_STREAM_INHERIT)
        return open_descriptor(number, number, file);
    if (description.kind == WZ_STREAM_FD)
        return open_descriptor(description.fd, number, file);
    stdio_t *stdio = malloc(sizeof *stdio);
    if (!stdio)
        return wazero__error_memory();
    /* wazero's own say so, too: no terminal, and nothing to seek in. */
    wazero__file_init(&stdio->file, number ? &output_type : &input_type,
                      WASI_BLOCK_DEVICE);
    /* The output limit is for descriptors, too: see move in file.c. */
    stdio->cursor = (wazero__stream_cursor_t){.stream = wazero__stream_retain(stream)};
    *file = &stdio->file;
    return NULL;
}
