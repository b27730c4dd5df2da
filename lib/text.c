/*
 * text.c - copying and checking names. See text.h.
 */
#include "text.h"

#include <stdlib.h>

#include "error.h"

/* The ranges are those of table 3-7 of the Unicode standard. */
size_t wazero__text_sequence(const unsigned char *p, size_t left)
{
    unsigned char low = 0x80, high = 0xbf;
    size_t size;
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        size = 2;
    else if (p[0] >= 0xe0 && p[0] <= 0xef)
        size = 3;
    else if (p[0] >= 0xf0 && p[0] <= 0xf4)
        size = 4;
    else
        return 0;
    if (size > left)
        return 0;
    if (p[0] == 0xe0)
        low = 0xa0;
    else if (p[0] == 0xed)
        high = 0x9f;
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++)
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    return size;
}

bool wazero__text_is_utf8(const char *data, size_t size)
{
    const unsigned char *p = (const unsigned char *)data;
    while (size > 0) {
        size_t step = wazero__text_sequence(p, size);
        if (step == 0)
            return false;
        p += step;
        size -= step;
    }
    return true;
}

wazero_error_t *wazero__text_copy(wazero__text_t *text, const char *data, size_t size,
                                  const char *what)
{
    if (!data && size != 0)
        return wazero__error(WAZERO_ERROR_INVALID, "%s must not be NULL", what);
    size = data ? wazero__text_size(data, size) : 0;
    if (size && !wazero__text_is_utf8(data, size))
        return wazero__error(WAZERO_ERROR_INVALID, "%s is not valid UTF-8", what);
    char *copy = malloc(size + 1);
    if (!copy)
        return wazero__error_memory();
    if (size)
        memcpy(copy, data, size);
    copy[size] = '\0';
    text->data = copy;
    text->size = size;
    return NULL;
}

void wazero__text_show(const char *data, size_t size, char *text, size_t room)
{
    static const char MORE[] = "...";
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        size_t width = data[i] ? 1 : 2;
        if (used + width + sizeof MORE > room) {
            memcpy(text + used, MORE, sizeof MORE);
            return;
        }
        if (data[i])
            text[used] = data[i];
        else
            memcpy(text + used, "\\0", 2);
        used += width;
    }
    text[used] = '\0';
}

void wazero__text_clear(wazero__text_t *text)
{
    free(text->data);
    text->data = NULL;
    text->size = 0;
}
