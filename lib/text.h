/*
 * text.h - names and other text that lib keeps: UTF-8 with a size, NUL-terminated
 * behind it. A text is owned by the struct that holds it.
 */
#ifndef WAZERO_LIB_TEXT_H
#define WAZERO_LIB_TEXT_H

#include "wazero.h"

typedef struct {
    char *data;
    size_t size;
} wazero__text_t;

/* The size that a caller meant: his, or that of the string. */
static inline size_t wazero__text_size(const char *data, size_t size)
{
    return size == WAZERO_CSTR ? strlen(data) : size;
}

/* Whether two texts are the same bytes. */
static inline bool wazero__text_is(const char *a, size_t a_size, const char *b,
                                   size_t b_size)
{
    return a_size == b_size && (a_size == 0 || memcmp(a, b, a_size) == 0);
}

/* The number of bytes of the UTF-8 sequence at p, of which left (at least 1) are there;
 * 0 if it is none. */
size_t wazero__text_sequence(const unsigned char *p, size_t left);

/* Whether size bytes at data are UTF-8: no overlong forms, no surrogates. */
bool wazero__text_is_utf8(const char *data, size_t size);

/* Copies a name that the host gave; size may be WAZERO_CSTR. `what` names it in errors.
 * Errors: INVALID when it is NULL or not UTF-8, MEMORY. */
wazero_error_t *wazero__text_copy(wazero__text_t *text, const char *data, size_t size,
                                  const char *what);

/* Writes a name for a message into text, of room bytes, NUL-terminated: a NUL in it as
 * "\\0", and its end as "..." if it is too long. */
void wazero__text_show(const char *data, size_t size, char *text, size_t room);

/* Frees what a text holds and empties it. */
void wazero__text_clear(wazero__text_t *text);

#endif
