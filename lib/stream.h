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
wazero__stream_t *wazero__stream_new_inherited(void);
wazero__stream_t *wazero__stream_new_fd(int fd);
wazero__stream_t *wazero__stream_new_bytes(const void *bytes, size_t size);
wazero__stream_t *wazero__stream_new_reader(wazero_read_function_t function, void *user,
                                            void (*delete_user)(void *user));
wazero__stream_t *wazero__stream_new_writer(wazero_write_function_t function,
                                            void *user,
                                            void (*delete_user)(void *user));

wazero__stream_t *wazero__stream_retain(wazero__stream_t *stream);
void wazero__stream_release(wazero__stream_t *stream); /* NULL is fine */

/* What a module has of a stream: the stream, and how far it has read. */
typedef struct {
    wazero__stream_t *stream; /* a reference, or NULL for nothing */
    size_t position;
} wazero__stream_cursor_t;

/* How the engine is told; the cursor must outlive the engine's module. */
wz_stream wazero__stream_describe(wazero__stream_cursor_t *cursor);

/* Reading and writing through a cursor, as wz_callbacks has them but with errors. */
wazero_error_t *wazero__stream_read(wazero__stream_cursor_t *cursor, void *buffer,
                                    size_t size, size_t *read);
wazero_error_t *wazero__stream_write(wazero__stream_cursor_t *cursor,
                                     const void *buffer, size_t size);

#endif
