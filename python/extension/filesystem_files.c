/*
 * filesystem_files.c - open files of a file system that is a Python object. See
 * filesystem.c.
 *
 * What `open` gives is used by its methods, never by its descriptor; it is held until
 * it is closed.
 */
#include "filesystem.h"

#include <stdio.h>

/* So many bytes at most are asked of Python at once: the size is the guest's choice. */
#define PIECE ((size_t)1 << 20)

/* An open file. */
typedef struct {
    PyObject *object;
    PyObject *path;
} PythonFile;

/* As the built-in open() takes it. */
static const char *mode_of(const wazero_file_how_t *how)
{
    if (!how->exists)
        return how->read || !how->write ? "x+b" : "xb";
    if (how->flags & WAZERO_OPEN_TRUNCATE)
        return how->read || !how->write ? "w+b" : "wb";
    return how->write ? "r+b" : "rb";
}

static PythonFile *open_path(PyObject *fs, PyObject *path, const char *mode)
{
    PyObject *object = Asking_call(fs, "open", "(Os)", path, mode);
    if (!object)
        return NULL;
    int text = Stream_is_text(object);
    if (text == 0 && !PyObject_HasAttrString(object, "read") &&
        !PyObject_HasAttrString(object, "write"))
        text = 1;
    if (text > 0)
        PyErr_Format(PyExc_TypeError,
                     "open(%R, '%s') must return a binary file, not %.200s", path, mode,
                     Py_TYPE(object)->tp_name);
    PythonFile *file = text ? NULL : PyMem_Malloc(sizeof *file);
    if (!file) {
        if (!text)
            PyErr_NoMemory();
        Py_DECREF(object);
        return NULL;
    }
    *file = (PythonFile){object, Py_NewRef(path)};
    return file;
}

static wazero_errno_t fs_open(wazero_fs_call_t *call, const char *path,
                              const wazero_file_how_t *how,
                              wazero_file_opened_t *opened)
{
    ASKING(asking);
    if (!Asking_begin(&asking, call))
        return WAZERO_ERRNO_IO;
    PyObject *text = Asking_path(path);
    opened->file = text ? open_path(asking.fs, text, mode_of(how)) : NULL;
    Py_XDECREF(text);
    return Asking_answer(&asking, opened->file ? 0 : -1, WAZERO_ERRNO_ROFS);
}

static wazero_errno_t file_close(wazero_fs_call_t *call, void *opened)
{
    PythonFile *file = opened;
    ASKING(asking);
    if (!Asking_begin(&asking, call))
        return WAZERO_ERRNO_IO;
    PyObject *saved = PyErr_GetRaisedException(); /* a dealloc may lead here */
    Py_XDECREF(Asking_call(file->object, "close", "()"));
    if (PyErr_Occurred() && call->unheard)
        PyErr_WriteUnraisable(file->object);
    wazero_errno_t code =
        Asking_code(&asking, PyErr_Occurred() ? -1 : 0, WAZERO_ERRNO_SUCCESS);
    Py_DECREF(file->object);
    Py_DECREF(file->path);
    PyMem_Free(file);
    PyErr_SetRaisedException(saved);
    Asking_leave(&asking);
    return code;
}

/* Where the file is; -1 with an exception, or without one if it cannot tell. */
static int64_t seek_to(PyObject *object, int64_t offset, int whence)
{
    PyObject *result = Asking_call(object, "seek", "(Li)", (long long)offset, whence);
    if (result == Py_None)
        Py_SETREF(result, Asking_call(object, "tell", "()"));
    if (!result)
        return -1;
    int64_t position = PyLong_AsLongLong(result);
    Py_DECREF(result);
    if (position < 0 && !PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "seek() must return a position");
    return position;
}

/* Only to absolute positions: what file objects do before the beginning differs. 1 if
 * that is where it leads. */
static int seek_file(PyObject *object, int64_t offset, int whence, int64_t *position)
{
    int64_t base = 0, before = 0;
    if (whence != SEEK_SET)
        base = before = seek_to(object, 0, SEEK_CUR);
    if (whence == SEEK_END && before >= 0)
        base = seek_to(object, 0, SEEK_END);
    if (base < 0)
        return -1;
    bool is_wrong = __builtin_add_overflow(base, offset, &base) || base < 0;
    if (is_wrong && whence != SEEK_END)
        return 1;
    *position = seek_to(object, is_wrong ? before : base, SEEK_SET);
    return *position < 0 ? -1 : is_wrong;
}

static wazero_errno_t file_seek(wazero_fs_call_t *call, void *opened, int64_t offset,
                                int whence, uint64_t *position)
{
    const PythonFile *file = opened;
    ASKING(asking);
    if (!Asking_begin(&asking, call))
        return WAZERO_ERRNO_IO;
    int64_t found = 0;
    int status = seek_file(file->object, offset, whence, &found);
    *position = (uint64_t)found;
    wazero_errno_t code = Asking_answer(&asking, status, WAZERO_ERRNO_SPIPE);
    return status > 0 ? WAZERO_ERRNO_INVAL : code;
}

/* Puts what read gave into place: how much it was, -1 with an exception. */
static Py_ssize_t take_bytes(PyObject *result, void *place, size_t size)
{
    Py_buffer view;
    if (!PyObject_CheckBuffer(result)) {
        PyErr_Format(PyExc_TypeError, "read(%zu) must return bytes, not %.200s", size,
                     Py_TYPE(result)->tp_name);
        return -1;
    }
    if (PyObject_GetBuffer(result, &view, PyBUF_SIMPLE) < 0)
        return -1;
    Py_ssize_t taken = view.len;
    if ((size_t)taken <= size) {
        memcpy(place, view.buf, (size_t)taken);
    } else {
        PyErr_Format(PyExc_ValueError, "read(%zu) returned %zd bytes", size, taken);
        taken = -1;
    }
    PyBuffer_Release(&view);
    return taken;
}

/* Reads until there is less than asked for. 1: nothing is there yet. */
static int read_file(PyObject *object, char *buffer, size_t size, size_t *done)
{
    while (*done < size) {
        size_t piece = size - *done < PIECE ? size - *done : PIECE;
        PyObject *result = Asking_call(object, "read", "(n)", (Py_ssize_t)piece);
        if (!result)
            return -1;
        if (result == Py_None) {
            Py_DECREF(result);
            return *done ? 0 : 1;
        }
        Py_ssize_t taken = take_bytes(result, buffer + *done, piece);
        Py_DECREF(result);
        if (taken < 0)
            return -1;
        *done += (size_t)taken;
        if ((size_t)taken < piece)
            break;
    }
    return 0;
}

/* Writes it all, or as much as it takes, and flushes: what a guest has written is to be
 * seen by everybody. */
static int write_file(PyObject *object, const char *buffer, size_t size, size_t *done)
{
    while (*done < size) {
        size_t piece = size - *done < PIECE ? size - *done : PIECE;
        PyObject *result =
            Asking_call(object, "write", "(y#)", buffer + *done, (Py_ssize_t)piece);
        if (!result)
            return -1;
        size_t taken = PyLong_Check(result) ? PyLong_AsSize_t(result) : piece;
        Py_DECREF(result);
        if (PyErr_Occurred())
            return -1;
        *done += taken < piece ? taken : piece;
        if (taken < piece)
            break;
    }
    PyObject *flushed = Asking_call(object, "flush", "()");
    Py_XDECREF(flushed);
    return PyErr_Occurred() ? -1 : 0;
}

/* Does one of the two, with the file's position there and back again if `offset` says
 * so. */
static int move_bytes(PyObject *object, bool writes, void *buffer, size_t size,
                      const uint64_t *offset, size_t *done)
{
    int64_t before = 0, position = 0;
    *done = 0;
    if (offset) {
        before = seek_to(object, 0, SEEK_CUR);
        position = before < 0 ? -1 : seek_to(object, (int64_t)*offset, SEEK_SET);
    }
    if (position < 0)
        return -2;
    int status = writes ? write_file(object, buffer, size, done)
                        : read_file(object, buffer, size, done);
    if (offset) {
        PyObject *saved = PyErr_GetRaisedException();
        if (seek_to(object, before, SEEK_SET) < 0 && !saved)
            return -1;
        if (saved)
            PyErr_SetRaisedException(saved);
    }
    return status;
}

static wazero_errno_t move(wazero_fs_call_t *call, const PythonFile *file, bool writes,
                           void *buffer, size_t size, const uint64_t *offset,
                           unsigned flags, size_t *done)
{
    ASKING(asking);
    if (!Asking_begin(&asking, call))
        return WAZERO_ERRNO_IO;
    PyObject *object = Py_NewRef(file->object);
    bool appends = writes && !offset && (flags & WAZERO_DESCRIPTOR_APPEND);
    int status = 0;
    if (appends && seek_to(object, 0, SEEK_END) < 0 && PyErr_Occurred())
        status = -2;
    if (status == 0)
        status = move_bytes(object, writes, buffer, size, offset, done);
    Py_DECREF(object);
    wazero_errno_t code = Asking_answer(
        &asking, status, status == -2 ? WAZERO_ERRNO_SPIPE : WAZERO_ERRNO_BADF);
    return status > 0 ? WAZERO_ERRNO_AGAIN : code;
}

static wazero_errno_t file_read(wazero_fs_call_t *call, void *opened, void *buffer,
                                size_t size, unsigned flags, size_t *done)
{
    return move(call, opened, false, buffer, size, NULL, flags, done);
}

static wazero_errno_t file_pread(wazero_fs_call_t *call, void *opened, void *buffer,
                                 size_t size, uint64_t offset, size_t *done)
{
    return move(call, opened, false, buffer, size, &offset, 0, done);
}

static wazero_errno_t file_write(wazero_fs_call_t *call, void *opened,
                                 const void *buffer, size_t size, unsigned flags,
                                 size_t *done)
{
    return move(call, opened, true, (void *)buffer, size, NULL, flags, done);
}

static wazero_errno_t file_pwrite(wazero_fs_call_t *call, void *opened,
                                  const void *buffer, size_t size, uint64_t offset,
                                  size_t *done)
{
    return move(call, opened, true, (void *)buffer, size, &offset, 0, done);
}

static wazero_errno_t file_set_size(wazero_fs_call_t *call, void *opened, uint64_t size)
{
    const PythonFile *file = opened;
    ASKING(asking);
    if (!Asking_begin(&asking, call))
        return WAZERO_ERRNO_IO;
    int status = Asking_done(
        Asking_call(file->object, "truncate", "(K)", (unsigned long long)size));
    return Asking_answer(&asking, status, WAZERO_ERRNO_INVAL);
}

static wazero_errno_t file_sync(wazero_fs_call_t *call, void *opened, bool data_only)
{
    const PythonFile *file = opened;
    (void)data_only;
    ASKING(asking);
    if (!Asking_begin(&asking, call))
        return WAZERO_ERRNO_IO;
    Py_XDECREF(Asking_call(file->object, "flush", "()"));
    return Asking_answer(&asking, PyErr_Occurred() ? -1 : 0, WAZERO_ERRNO_SUCCESS);
}

/* Of a file whose name is gone: what can be found out by seeking. */
static int stat_nameless(PyObject *object, wazero_file_stat_t *stat)
{
    int64_t before = seek_to(object, 0, SEEK_CUR);
    int64_t size = before < 0 ? -1 : seek_to(object, 0, SEEK_END);
    if (size < 0 || seek_to(object, before, SEEK_SET) < 0)
        return -1;
    stat->size = (uint64_t)size;
    stat->type = WAZERO_FILE_REGULAR;
    return 0;
}

static int stat_file(PyObject *fs, const PythonFile *file, wazero_file_stat_t *stat)
{
    PyObject *status = Asking_call(fs, "fstat", "(O)", file->object);
    int result = -1;
    if (status)
        result = FileSystem_read_stat(status, stat);
    else if (!PyErr_Occurred())
        result = FileSystem_stat(fs, file->path, stat);
    Py_XDECREF(status);
    if (result < 0 && PyErr_ExceptionMatches(PyExc_FileNotFoundError)) {
        PyErr_Clear();
        result = stat_nameless(file->object, stat);
    }
    return result;
}

static wazero_errno_t file_stat(wazero_fs_call_t *call, void *opened,
                                wazero_file_stat_t *stat)
{
    ASKING(asking);
    if (!Asking_begin(&asking, call))
        return WAZERO_ERRNO_IO;
    return Asking_answer(&asking, stat_file(asking.fs, opened, stat), WAZERO_ERRNO_IO);
}

void FileSystem_set_files(wazero_fs_functions_t *functions)
{
    functions->open = fs_open;
    functions->close = file_close;
    functions->file_stat = file_stat;
    functions->pread = file_pread;
    functions->pwrite = file_pwrite;
    functions->read = file_read;
    functions->write = file_write;
    functions->seek = file_seek;
    functions->set_size = file_set_size;
    functions->sync = file_sync;
}
