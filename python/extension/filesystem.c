/*
 * filesystem.c - Python objects as file systems of a guest: any that has stat, listdir
 * and open (wazero.FileSystem), on top of wazero_fs_functions_t.
 *
 * An OSError is the guest's to handle, as WASI's number. Any other exception ends the
 * guest's call and comes out of it. What `open` gives is used by its methods, never by
 * its descriptor; it is held until it is closed.
 *
 * The object is in a box (box.c) that belongs to the Module; the functions run in the
 * thread that runs the guest.
 */
#include "wazeromodule.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

/* So many bytes at most are asked of Python at once: the size is the guest's choice. */
#define PIECE ((size_t)1 << 20)
#define SECOND UINT64_C(1000000000)

typedef struct {
    State *state;
    Box *box;
} Binding;

/* An open file. */
typedef struct {
    PyObject *object;
    PyObject *path;
} PythonFile;

/* ---------------------------------------------------------------- exceptions ----- */

/* What an OSError without a number means, by its class. */
static wazero_errno_t code_of_class(wazero_errno_t unsupported)
{
    const struct {
        PyObject *type;
        wazero_errno_t code;
    } classes[] = {
        {PyExc_FileNotFoundError, WAZERO_ERRNO_NOENT},
        {PyExc_FileExistsError, WAZERO_ERRNO_EXIST},
        {PyExc_IsADirectoryError, WAZERO_ERRNO_ISDIR},
        {PyExc_NotADirectoryError, WAZERO_ERRNO_NOTDIR},
        {PyExc_PermissionError, WAZERO_ERRNO_ACCES},
        {PyExc_BlockingIOError, WAZERO_ERRNO_AGAIN},
        {PyExc_InterruptedError, WAZERO_ERRNO_INTR},
        {PyExc_BrokenPipeError, WAZERO_ERRNO_PIPE},
        {PyExc_TimeoutError, WAZERO_ERRNO_TIMEDOUT},
        {PyExc_ValueError, unsupported}, /* io.UnsupportedOperation is one, too */
    };
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (PyErr_ExceptionMatches(classes[i].type))
            return classes[i].code;
    return WAZERO_ERRNO_IO;
}

/* The number of the OSError that is set; what it is otherwise ends the call. */
static wazero_errno_t answer(const State *state, wazero_fs_call_t *call,
                             wazero_errno_t unsupported)
{
    wazero_errno_t code = WAZERO_ERRNO_IO;
    if (!PyErr_ExceptionMatches(PyExc_OSError) ||
        PyErr_ExceptionMatches(state->error)) {
        call->error = Errors_to_host();
        return code;
    }
    wazero_errno_t by_class = code_of_class(unsupported);
    PyObject *exception = PyErr_GetRaisedException();
    PyObject *number = PyObject_GetAttrString(exception, "errno");
    if (number && PyLong_Check(number))
        code = wazero_errno_from_system((int)PyLong_AsLong(number));
    else
        code = by_class;
    Py_XDECREF(number);
    Py_DECREF(exception);
    PyErr_Clear();
    return code ? code : WAZERO_ERRNO_IO;
}

/* ---------------------------------------------------------------- calling -------- */

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

static bool ask(Asking *asking, wazero_fs_call_t *call)
{
    asking->call = call;
    asking->binding = call->user;
    if (!Entry_enter(&asking->entry)) {
        call->error = Host_refuse(HOST_SHUTTING_DOWN);
        return false;
    }
    asking->fs = Py_XNewRef(asking->binding->box->object);
    return true;
}

/* What the exception that is set means, if the status is below 0; `unsupported` is what
 * io.UnsupportedOperation means, and a method that is missing. */
static wazero_errno_t code_of(Asking *asking, int status, wazero_errno_t unsupported)
{
    if (status >= 0)
        return WAZERO_ERRNO_SUCCESS;
    if (!PyErr_Occurred())
        return unsupported;
    return answer(asking->binding->state, asking->call, unsupported);
}

static void leave(Asking *asking)
{
    Py_XDECREF(asking->fs);
    Entry_leave(&asking->entry);
}

static wazero_errno_t answered(Asking *asking, int status, wazero_errno_t unsupported)
{
    wazero_errno_t code = code_of(asking, status, unsupported);
    leave(asking);
    return code;
}

/* An attribute that is not None, or NULL: without an exception if there is none. */
static PyObject *optional_value(PyObject *object, const char *name)
{
    PyObject *value = Stream_optional_attribute(object, name);
    if (value == Py_None)
        Py_CLEAR(value);
    return value;
}

/* The method, or NULL: without an exception if there is none. */
static PyObject *method_of(PyObject *object, const char *name)
{
    return object ? optional_value(object, name) : NULL;
}

/* Calls a method with what the format says; NULL without an exception if there is no
 * such method. */
static PyObject *call_method(PyObject *object, const char *name, const char *format,
                             ...)
{
    PyObject *method = method_of(object, name);
    if (!method)
        return NULL;
    va_list values;
    va_start(values, format);
    PyObject *args = Py_VaBuildValue(format, values);
    va_end(values);
    PyObject *result = args ? PyObject_CallObject(method, args) : NULL;
    Py_XDECREF(args);
    Py_DECREF(method);
    return result;
}

/* Whether a call went well; its result is of no interest. */
static int done_with(PyObject *result)
{
    Py_XDECREF(result);
    return result ? 0 : -1;
}

static PyObject *text_of(const char *path)
{
    return PyUnicode_DecodeFSDefault(path);
}

/* ---------------------------------------------------------------- stat ----------- */

static int optional_number(PyObject *status, const char *name, uint64_t *number)
{
    PyObject *value = optional_value(status, name);
    if (!value)
        return PyErr_Occurred() ? -1 : 0;
    PyObject *index = PyNumber_Index(value);
    Py_DECREF(value);
    if (!index)
        return -1;
    *number = PyLong_AsUnsignedLongLongMask(index);
    Py_DECREF(index);
    return 0;
}

/* A time, in nanoseconds if the object has it so, else in seconds. */
static int time_of(PyObject *status, const char *exact, const char *seconds,
                   uint64_t *time)
{
    const double limit = 18446744073.0;
    *time = UINT64_MAX;
    if (optional_number(status, exact, time) < 0)
        return -1;
    if (*time != UINT64_MAX)
        return 0;
    *time = 0;
    PyObject *value = optional_value(status, seconds);
    if (!value)
        return PyErr_Occurred() ? -1 : 0;
    double number = PyFloat_AsDouble(value);
    Py_DECREF(value);
    if (number == -1 && PyErr_Occurred())
        return -1;
    if (number > 0 && number < limit)
        *time = (uint64_t)(number * (double)SECOND);
    return 0;
}

static uint8_t type_of(uint64_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return WAZERO_FILE_REGULAR;
    case S_IFDIR:
        return WAZERO_FILE_DIRECTORY;
    case S_IFLNK:
        return WAZERO_FILE_SYMBOLIC_LINK;
    case S_IFCHR:
    case S_IFIFO:
        return WAZERO_FILE_CHARACTER_DEVICE;
    case S_IFBLK:
        return WAZERO_FILE_BLOCK_DEVICE;
    case S_IFSOCK:
        return WAZERO_FILE_SOCKET_STREAM;
    default:
        return WAZERO_FILE_UNKNOWN;
    }
}

/* Reads an os.stat_result or what has its attributes. */
static int read_stat(PyObject *status, wazero_file_stat_t *stat)
{
    uint64_t mode = 0;
    stat->links = 1;
    if (optional_number(status, "st_mode", &mode) < 0)
        return -1;
    stat->type = type_of(mode);
    if (stat->type == WAZERO_FILE_UNKNOWN) {
        PyErr_Format(PyExc_TypeError,
                     "stat() must return an os.stat_result or a wazero.Stat, with a "
                     "type of file in st_mode, not %.200R",
                     status);
        return -1;
    }
    if (optional_number(status, "st_size", &stat->size) < 0 ||
        optional_number(status, "st_ino", &stat->inode) < 0 ||
        optional_number(status, "st_dev", &stat->device) < 0 ||
        optional_number(status, "st_nlink", &stat->links) < 0 ||
        time_of(status, "st_atime_ns", "st_atime", &stat->atim) < 0 ||
        time_of(status, "st_mtime_ns", "st_mtime", &stat->mtim) < 0)
        return -1;
    return time_of(status, "st_ctime_ns", "st_ctime", &stat->ctim);
}

static int stat_path(PyObject *fs, PyObject *path, wazero_file_stat_t *stat)
{
    PyObject *status = call_method(fs, "stat", "(O)", path);
    int result = status ? read_stat(status, stat) : -1;
    Py_XDECREF(status);
    return result;
}

static wazero_errno_t fs_stat(wazero_fs_call_t *call, const char *path,
                              wazero_file_stat_t *stat)
{
    ASKING(asking);
    if (!ask(&asking, call))
        return WAZERO_ERRNO_IO;
    PyObject *text = text_of(path);
    int status = text ? stat_path(asking.fs, text, stat) : -1;
    Py_XDECREF(text);
    return answered(&asking, status, WAZERO_ERRNO_IO);
}

/* ---------------------------------------------------------------- listdir -------- */

/* What is to be told of an entry: what came with the name, or what stat says. That
 * nothing is there any more does not matter. */
static int stat_entry(PyObject *fs, PyObject *folder, PyObject *name, PyObject *status,
                      wazero_file_stat_t *stat)
{
    if (status)
        return read_stat(status, stat);
    bool is_root = PyUnicode_CompareWithASCIIString(folder, ".") == 0;
    PyObject *path =
        is_root ? Py_NewRef(name) : PyUnicode_FromFormat("%U/%U", folder, name);
    int result = path ? stat_path(fs, path, stat) : -1;
    Py_XDECREF(path);
    if (result < 0 && PyErr_ExceptionMatches(PyExc_OSError)) {
        PyErr_Clear();
        result = 0;
    }
    return result;
}

static int add_entry(PyObject *fs, PyObject *folder, PyObject *item,
                     wazero_entries_t *entries)
{
    PyObject *status = is_pair(item) ? PyTuple_GET_ITEM(item, 1) : NULL;
    PyObject *given = is_pair(item) ? PyTuple_GET_ITEM(item, 0) : item;
    PyObject *name, *text = NULL;
    wazero_file_stat_t stat = {0};
    if (!PyUnicode_FSConverter(given, &name))
        return -1;
    const char *bytes = PyBytes_AS_STRING(name);
    int result = 0;
    if (strcmp(bytes, ".") != 0 && strcmp(bytes, "..") != 0) {
        text = text_of(bytes);
        result = text ? stat_entry(fs, folder, text, status, &stat) : -1;
        if (result == 0 &&
            wazero_entries_add(entries, bytes, (size_t)PyBytes_GET_SIZE(name),
                               stat.inode, (wazero_file_type_t)stat.type)) {
            PyErr_Format(PyExc_ValueError, "listdir(%R) gave %R, which is no name",
                         folder, given);
            result = -1;
        }
    }
    Py_XDECREF(text);
    Py_DECREF(name);
    return result;
}

static int list_path(PyObject *fs, PyObject *path, wazero_entries_t *entries)
{
    PyObject *names = call_method(fs, "listdir", "(O)", path);
    PyObject *iterator = names ? PyObject_GetIter(names) : NULL;
    PyObject *item;
    int result = iterator ? 0 : -1;
    while (result == 0 && (item = PyIter_Next(iterator))) {
        result = add_entry(fs, path, item, entries);
        Py_DECREF(item);
    }
    Py_XDECREF(iterator);
    Py_XDECREF(names);
    return PyErr_Occurred() ? -1 : result;
}

static wazero_errno_t fs_list(wazero_fs_call_t *call, const char *path,
                              wazero_entries_t *entries)
{
    ASKING(asking);
    if (!ask(&asking, call))
        return WAZERO_ERRNO_IO;
    PyObject *text = text_of(path);
    int status = text ? list_path(asking.fs, text, entries) : -1;
    Py_XDECREF(text);
    return answered(&asking, status, WAZERO_ERRNO_NOTSUP);
}

/* ---------------------------------------------------------------- names ---------- */

static wazero_errno_t fs_read_link(wazero_fs_call_t *call, const char *path,
                                   char *buffer, size_t size, size_t *done)
{
    ASKING(asking);
    if (!ask(&asking, call))
        return WAZERO_ERRNO_IO;
    PyObject *given = call_method(asking.fs, "readlink", "(N)", text_of(path));
    PyObject *target = NULL;
    int status = given && PyUnicode_FSConverter(given, &target) ? 0 : -1;
    Py_XDECREF(given);
    if (target) {
        size_t length = (size_t)PyBytes_GET_SIZE(target);
        *done = length < size ? length : size;
        memcpy(buffer, PyBytes_AS_STRING(target), *done);
        Py_DECREF(target);
    }
    return answered(&asking, status, WAZERO_ERRNO_INVAL);
}

static wazero_errno_t change(wazero_fs_call_t *call, const char *method,
                             const char *path)
{
    ASKING(asking);
    if (!ask(&asking, call))
        return WAZERO_ERRNO_IO;
    int status = done_with(call_method(asking.fs, method, "(N)", text_of(path)));
    return answered(&asking, status, WAZERO_ERRNO_ROFS);
}

static wazero_errno_t change_two(wazero_fs_call_t *call, const char *method,
                                 const char *from, const char *to)
{
    ASKING(asking);
    if (!ask(&asking, call))
        return WAZERO_ERRNO_IO;
    int status =
        done_with(call_method(asking.fs, method, "(NN)", text_of(from), text_of(to)));
    return answered(&asking, status, WAZERO_ERRNO_ROFS);
}

static wazero_errno_t fs_make_directory(wazero_fs_call_t *call, const char *path)
{
    return change(call, "mkdir", path);
}

static wazero_errno_t fs_remove_directory(wazero_fs_call_t *call, const char *path)
{
    return change(call, "rmdir", path);
}

static wazero_errno_t fs_unlink(wazero_fs_call_t *call, const char *path)
{
    return change(call, "unlink", path);
}

static wazero_errno_t fs_rename(wazero_fs_call_t *call, const char *from,
                                const char *to)
{
    return change_two(call, "rename", from, to);
}

static wazero_errno_t fs_link(wazero_fs_call_t *call, const char *from, const char *to)
{
    return change_two(call, "link", from, to);
}

static wazero_errno_t fs_symlink(wazero_fs_call_t *call, const char *target,
                                 const char *path)
{
    return change_two(call, "symlink", target, path);
}

/* The time that is meant, which was `before`. */
static uint64_t wanted_time(uint64_t time, unsigned which, unsigned set, unsigned now,
                            uint64_t before)
{
    struct timespec clock;
    if (which & set)
        return time;
    if (!(which & now) || clock_gettime(CLOCK_REALTIME, &clock))
        return before;
    return (uint64_t)clock.tv_sec * SECOND + (uint64_t)clock.tv_nsec;
}

/* utime(path, ns=(atime, mtime)), as os.utime has it. */
static int set_times(PyObject *fs, PyObject *path, const wazero_file_times_t *times)
{
    const unsigned all_atim = WAZERO_TIME_ATIM | WAZERO_TIME_ATIM_NOW,
                   all_mtim = WAZERO_TIME_MTIM | WAZERO_TIME_MTIM_NOW;
    wazero_file_stat_t before = {0};
    PyObject *method = method_of(fs, "utime");
    if (!method)
        return -1;
    bool keeps = !(times->which & all_atim) || !(times->which & all_mtim);
    int result = keeps ? stat_path(fs, path, &before) : 0;
    uint64_t atim = wanted_time(times->atim, times->which, WAZERO_TIME_ATIM,
                                WAZERO_TIME_ATIM_NOW, before.atim);
    uint64_t mtim = wanted_time(times->mtim, times->which, WAZERO_TIME_MTIM,
                                WAZERO_TIME_MTIM_NOW, before.mtim);
    PyObject *args = result == 0 ? PyTuple_Pack(1, path) : NULL;
    PyObject *kwargs = args ? Py_BuildValue("{s(KK)}", "ns", (unsigned long long)atim,
                                            (unsigned long long)mtim)
                            : NULL;
    result = kwargs ? done_with(PyObject_Call(method, args, kwargs)) : -1;
    Py_XDECREF(kwargs);
    Py_XDECREF(args);
    Py_DECREF(method);
    return result;
}

static wazero_errno_t fs_set_times(wazero_fs_call_t *call, const char *path,
                                   const wazero_file_times_t *times)
{
    ASKING(asking);
    if (!ask(&asking, call))
        return WAZERO_ERRNO_IO;
    PyObject *text = text_of(path);
    int status = text ? set_times(asking.fs, text, times) : -1;
    Py_XDECREF(text);
    return answered(&asking, status, WAZERO_ERRNO_ROFS);
}

/* ---------------------------------------------------------------- open files ----- */

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
    PyObject *object = call_method(fs, "open", "(Os)", path, mode);
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
    if (!ask(&asking, call))
        return WAZERO_ERRNO_IO;
    PyObject *text = text_of(path);
    opened->file = text ? open_path(asking.fs, text, mode_of(how)) : NULL;
    Py_XDECREF(text);
    return answered(&asking, opened->file ? 0 : -1, WAZERO_ERRNO_ROFS);
}

static wazero_errno_t file_close(wazero_fs_call_t *call, void *opened)
{
    PythonFile *file = opened;
    ASKING(asking);
    if (!ask(&asking, call))
        return WAZERO_ERRNO_IO;
    PyObject *saved = PyErr_GetRaisedException(); /* a dealloc may lead here */
    Py_XDECREF(call_method(file->object, "close", "()"));
    if (PyErr_Occurred() && call->unheard)
        PyErr_WriteUnraisable(file->object);
    wazero_errno_t code =
        code_of(&asking, PyErr_Occurred() ? -1 : 0, WAZERO_ERRNO_SUCCESS);
    Py_DECREF(file->object);
    Py_DECREF(file->path);
    PyMem_Free(file);
    PyErr_SetRaisedException(saved);
    leave(&asking);
    return code;
}

/* Where the file is; -1 with an exception, or without one if it cannot tell. */
static int64_t seek_to(PyObject *object, int64_t offset, int whence)
{
    PyObject *result = call_method(object, "seek", "(Li)", (long long)offset, whence);
    if (result == Py_None)
        Py_SETREF(result, call_method(object, "tell", "()"));
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
    if (!ask(&asking, call))
        return WAZERO_ERRNO_IO;
    int64_t found = 0;
    int status = seek_file(file->object, offset, whence, &found);
    *position = (uint64_t)found;
    wazero_errno_t code = answered(&asking, status, WAZERO_ERRNO_SPIPE);
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
        PyObject *result = call_method(object, "read", "(n)", (Py_ssize_t)piece);
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
            call_method(object, "write", "(y#)", buffer + *done, (Py_ssize_t)piece);
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
    PyObject *flushed = call_method(object, "flush", "()");
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
    if (!ask(&asking, call))
        return WAZERO_ERRNO_IO;
    PyObject *object = Py_NewRef(file->object);
    bool appends = writes && !offset && (flags & WAZERO_DESCRIPTOR_APPEND);
    int status = 0;
    if (appends && seek_to(object, 0, SEEK_END) < 0 && PyErr_Occurred())
        status = -2;
    if (status == 0)
        status = move_bytes(object, writes, buffer, size, offset, done);
    Py_DECREF(object);
    wazero_errno_t code = answered(
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
    if (!ask(&asking, call))
        return WAZERO_ERRNO_IO;
    int status = done_with(
        call_method(file->object, "truncate", "(K)", (unsigned long long)size));
    return answered(&asking, status, WAZERO_ERRNO_INVAL);
}

static wazero_errno_t file_sync(wazero_fs_call_t *call, void *opened, bool data_only)
{
    const PythonFile *file = opened;
    (void)data_only;
    ASKING(asking);
    if (!ask(&asking, call))
        return WAZERO_ERRNO_IO;
    Py_XDECREF(call_method(file->object, "flush", "()"));
    return answered(&asking, PyErr_Occurred() ? -1 : 0, WAZERO_ERRNO_SUCCESS);
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
    PyObject *status = call_method(fs, "fstat", "(O)", file->object);
    int result = -1;
    if (status)
        result = read_stat(status, stat);
    else if (!PyErr_Occurred())
        result = stat_path(fs, file->path, stat);
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
    if (!ask(&asking, call))
        return WAZERO_ERRNO_IO;
    return answered(&asking, stat_file(asking.fs, opened, stat), WAZERO_ERRNO_IO);
}

/* ---------------------------------------------------------------- the object ----- */

static const wazero_fs_functions_t functions = {
    .size = sizeof functions,
    .stat = fs_stat,
    .list = fs_list,
    .read_link = fs_read_link,
    .open = fs_open,
    .make_directory = fs_make_directory,
    .remove_directory = fs_remove_directory,
    .unlink = fs_unlink,
    .rename = fs_rename,
    .link = fs_link,
    .symlink = fs_symlink,
    .set_times = fs_set_times,
    .close = file_close,
    .file_stat = file_stat,
    .pread = file_pread,
    .pwrite = file_pwrite,
    .read = file_read,
    .write = file_write,
    .seek = file_seek,
    .set_size = file_set_size,
    .sync = file_sync,
};

static void delete_binding(void *user)
{
    Binding *binding = user;
    Box_release(binding->box);
    free(binding);
}

int FileSystem_check(PyObject *value)
{
    static const char *const required[] = {"stat", "listdir", "open"};
    if (PyType_Check(value) || PyUnicode_Check(value) || PyBytes_Check(value))
        return 0;
    PyObject *path = Stream_optional_attribute(value, "__fspath__");
    Py_XDECREF(path);
    if (path || PyErr_Occurred())
        return path ? 0 : -1;
    for (size_t i = 0; i < sizeof required / sizeof *required; i++) {
        PyObject *method = Stream_optional_attribute(value, required[i]);
        bool is_there = method && PyCallable_Check(method);
        Py_XDECREF(method);
        if (!is_there)
            return PyErr_Occurred() ? -1 : 0;
    }
    return 1;
}

int FileSystem_new(State *state, PyObject *object, Box **box, wazero_fs_t **fs)
{
    Binding *binding = malloc(sizeof *binding);
    *box = binding ? Box_new(object) : NULL;
    if (!*box) {
        free(binding);
        if (!PyErr_Occurred())
            PyErr_NoMemory();
        return -1;
    }
    *binding = (Binding){state, *box};
    wazero_error_t *error =
        wazero_fs_new_custom(&functions, binding, delete_binding, fs);
    if (!error)
        return 0;
    Box_clear(box);
    Errors_raise(state, error);
    return -1;
}
