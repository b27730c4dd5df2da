/*
 * fs_support.h - what the tests of file systems share: checks of what the host is told.
 */
#ifndef WAZERO_TESTS_FS_SUPPORT_H
#define WAZERO_TESTS_FS_SUPPORT_H

#include "support.h"

/* Checks that there is an error of kind INVALID with this errno. */
static inline void check_errno(wazero_error_t *error, int number)
{
    CHECK(error != NULL);
    if (!error)
        return;
    CHECK_INT(wazero_error_kind(error), WAZERO_ERROR_INVALID);
    CHECK_INT(wazero_error_errno(error), number);
    wazero_error_delete(error);
}

static inline void check_file(wazero_fs_t *fs, const char *path, const char *expected)
{
    uint8_t *bytes;
    size_t size;
    must(wazero_fs_read_file(fs, path, &bytes, &size));
    CHECK_BYTES(bytes, size, expected, strlen(expected));
    wazero_free(bytes);
}

#endif
