/*
 * filesystem.h - what the files of a Python object as a file system share. See
 * filesystem.c.
 */
#ifndef WAZERO_EXTENSION_FILESYSTEM_H
#define WAZERO_EXTENSION_FILESYSTEM_H

#include "wazeromodule.h"

typedef struct {
    State *state;
    Box *box;
} Binding;

/* One call of libwazero's that Python answers. */
typedef struct {
    Entry entry;
    wazero_fs_call_t *call;
    const Binding *binding;
    PyObject *fs; /* a reference; NULL when there is nobody to ask */
} Asking;

#define ASKING(name) Asking name __attribute__((cleanup(check_asking))) = {0}

static inline void check_asking(const Asking *asking)
{
    Entry_check(&asking->entry);
}

/* Begins one; false when there is nobody to ask, as the call says then. */
bool Asking_begin(Asking *asking, wazero_fs_call_t *call);

/* What the exception that is set means, if the status is below 0; `unsupported` is what
 * io.UnsupportedOperation means, and a method that is missing. */
wazero_errno_t Asking_code(Asking *asking, int status, wazero_errno_t unsupported);

void Asking_leave(Asking *asking);

/* The last two at once. */
wazero_errno_t Asking_answer(Asking *asking, int status, wazero_errno_t unsupported);

/* An attribute that is not None, or NULL: without an exception if there is none. */
PyObject *Asking_value(PyObject *object, const char *name);

/* The method, or NULL: without an exception if there is none. */
PyObject *Asking_method(PyObject *object, const char *name);

/* Calls a method with what the format says; NULL without an exception if there is no
 * such method. */
PyObject *Asking_call(PyObject *object, const char *name, const char *format, ...);

/* 0 if a call went well, whose result (taken) is of no interest; else -1. */
int Asking_done(PyObject *result);

/* A path as Python has it. */
PyObject *Asking_path(const char *path);

/* Reads an os.stat_result or what has its attributes; or what stat says of a path. -1
 * with an exception, or without one if there is no stat. */
int FileSystem_read_stat(PyObject *status, wazero_file_stat_t *stat);
int FileSystem_stat(PyObject *fs, PyObject *path, wazero_file_stat_t *stat);

/* Put in the functions of names, and of open files. */
void FileSystem_set_names(wazero_fs_functions_t *functions);
void FileSystem_set_files(wazero_fs_functions_t *functions);

#endif
