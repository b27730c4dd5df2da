/*
 * error.h - how lib makes errors. The object itself is private to error.c.
 *
 * An error is made once, at the place that knows the most, and travels up unchanged. If
 * memory runs out while one is made, the maker returns a static error of kind MEMORY,
 * which wazero_error_delete leaves alone: no caller has to think of it.
 */
#ifndef WAZERO_LIB_ERROR_H
#define WAZERO_LIB_ERROR_H

#include "text.h"
#include "wazero.h"

/* An error with a printf-style message. */
wazero_error_t *wazero__error(wazero_error_kind_t kind, const char *format, ...)
    __attribute__((format(printf, 2, 3), cold));

/* An error of kind INVALID for what a file system refused, with the system's number of
 * it. */
wazero_error_t *wazero__error_file(int number, const char *format, ...)
    __attribute__((format(printf, 2, 3), cold));

/* The error of kind MEMORY; never fails. */
wazero_error_t *wazero__error_memory(void) __attribute__((cold));

/* An error of kind EXIT with wazero's text for the code. */
wazero_error_t *wazero__error_exit(uint32_t exit_code) __attribute__((cold));

/* An error whose message came from the engine: the trap code and the frames are read
 * out of the text. Copies message. */
wazero_error_t *wazero__error_from_engine(int32_t kind, const char *message,
                                          size_t size, uint32_t exit_code)
    __attribute__((cold));

/* Puts a printf-style prefix before the message, as wazero wraps errors. Takes
 * error. */
wazero_error_t *wazero__error_prefix(wazero_error_t *error, const char *format, ...)
    __attribute__((format(printf, 2, 3), cold));

/* Has the frames of a module of this name, which has dots, told apart rightly: wazero
 * writes one more between it and the function's. */
void wazero__error_split_frames(wazero_error_t *error, const char *module, size_t size);

/* The error with the stack trace of a trap behind its message. Takes both. */
wazero_error_t *wazero__error_add_trace(wazero_error_t *error, wazero_error_t *trap)
    __attribute__((cold));

/* One error out of two: kind, codes and payload of what a host function reported,
 * text and frames of what the engine made of it. Takes both. */
wazero_error_t *wazero__error_merge(wazero_error_t *cause, wazero_error_t *outer);

/* The error that goes back to a snapshot, which it holds; payload as that of
 * wazero_error_new_host. And the snapshot of an error, or NULL. */
wazero_error_t *wazero__error_restore(wazero_snapshot_t *snapshot, void *payload,
                                      void (*delete_payload)(void *payload));
wazero_snapshot_t *wazero__error_snapshot(const wazero_error_t *error);

/* The error of kind HOST that is Emscripten's longjmp, and whether one is that. */
wazero_error_t *wazero__error_longjmp(void);
bool wazero__error_is_longjmp(const wazero_error_t *error);

/* Gives the error what the guest had written to a stream. Takes what is in output. */
void wazero__error_set_output(wazero_error_t *error, wazero_stream_t stream,
                              wazero__text_t *output);

/* Gives the error what the module that it ended has used. */
void wazero__error_set_usage(wazero_error_t *error, const wazero_module_t *module);

/* Whether the error came from wazero_error_new_exit. */
bool wazero__error_closes_caller(const wazero_error_t *error);

#endif
