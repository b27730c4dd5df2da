/*
 * stream.h - where a standard stream of a guest leads: to the process's own, to a file
 * descriptor, to bytes, or to a function of the host.
 *
 * A stream is immutable but for the position in its bytes, which only the thread inside
 * the guest moves; configurations and modules share it by reference. Bytes are read
 * anew by each module, from a cursor that the module owns.
 */
#ifndef WAZERO_LIB_STREAM_H
#define WAZERO_LIB_STREAM_H

#include "engine_abi.h"
#include "wazero.h"

typedef struct wazero__stream wazero__stream_t;

/* Each makes a stream with one reference; NULL without memory, and then user is
 * deleted. */
wazero__stream_t *wazero__stream_new_inherited(wazero_stream_t which);
wazero__stream_t *wazero__stream_new_fd(int fd);
wazero__stream_t *wazero__stream_new_bytes(const void *bytes, size_t size);
wazero__stream_t *wazero__stream_new_reader(wazero_read_function_t function, void *user,
                                            void (*delete_user)(void *user));
wazero__stream_t *wazero__stream_new_writer(wazero_write_function_t function,
                                            void *user,
                                            void (*delete_user)(void *user));

wazero__stream_t *wazero__stream_retain(wazero__stream_t *stream);
void wazero__stream_release(wazero__stream_t *stream); /* NULL is fine */

/* How much a module may write to its standard output and error, both together. It
 * belongs to the thread inside the module. */
typedef struct {
    uint64_t limit; /* in bytes, WAZERO_NO_LIMIT for none */
    uint64_t used;
} wazero__output_t;

/* How many of size bytes may be written; they count as written. Where it is not all of
 * them, the call is to end with the error below once those are. */
size_t wazero__output_take(wazero__output_t *output, size_t size);
wazero_error_t *wazero__output_error(const wazero__output_t *output);

/* What a module has of a stream: the stream, and how far it has read. */
typedef struct {
    wazero__stream_t *stream; /* a reference, or NULL for nothing */
    size_t position;
    wazero__output_t *output; /* what its writes are taken from; NULL: see to it */
} wazero__stream_cursor_t;

/* How the engine is told; the cursor must outlive the engine's module. Where writes are
 * limited they come to lib, wherever the stream leads. */
wz_stream wazero__stream_describe(wazero__stream_cursor_t *cursor);

/* Reading and writing through a cursor, as wz_callbacks has them but with errors. */
wazero_error_t *wazero__stream_read(wazero__stream_cursor_t *cursor, void *buffer,
                                    size_t size, size_t *read);
wazero_error_t *wazero__stream_write(wazero__stream_cursor_t *cursor,
                                     const void *buffer, size_t size);

#endif
