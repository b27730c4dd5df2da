/*
 * filesystem_names.c - what a file system that is a Python object does with paths:
 * stat, listdir, links, times, and what makes, moves and removes. See filesystem.c.
 */
#include "filesystem.h"

#include <sys/stat.h>
#include <time.h>

#define SECOND UINT64_C(1000000000)

/* ---------------------------------------------------------------- stat ----------- */

static int optional_number(PyObject *status, const char *name, uint64_t *number)
{
    PyObject *value = Asking_value(status, name);
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
    PyObject *value = Asking_value(status, seconds);
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
int FileSystem_read_stat(PyObject *status, wazero_file_stat_t *stat)
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

int FileSystem_stat(PyObject *fs, PyObject *path, wazero_file_stat_t *stat)
{
    PyObject *status = Asking_call(fs, "stat", "(O)", path);
    int result = status ? FileSystem_read_stat(status, stat) : -1;
    Py_XDECREF(status);
    return result;
}

static wazero_errno_t fs_stat(wazero_fs_call_t *call, const char *path,
                              wazero_file_stat_t *stat)
{
    ASKING(asking);
    if (!Asking_begin(&asking, call))
        return WAZERO_ERRNO_IO;
    PyObject *text = Asking_path(path);
    int status = text ? FileSystem_stat(asking.fs, text, stat) : -1;
    Py_XDECREF(text);
    return Asking_answer(&asking, status, WAZERO_ERRNO_IO);
}

/* ---------------------------------------------------------------- listdir -------- */

/* What is to be told of an entry: what came with the name, or what stat says. That
 * nothing is there any more does not matter. */
static int stat_entry(PyObject *fs, PyObject *folder, PyObject *name, PyObject *status,
                      wazero_file_stat_t *stat)
{
    if (status)
        return FileSystem_read_stat(status, stat);
    bool is_root = PyUnicode_CompareWithASCIIString(folder, ".") == 0;
    PyObject *path =
        is_root ? Py_NewRef(name) : PyUnicode_FromFormat("%U/%U", folder, name);
    int result = path ? FileSystem_stat(fs, path, stat) : -1;
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
        text = Asking_path(bytes);
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
    PyObject *names = Asking_call(fs, "listdir", "(O)", path);
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
    if (!Asking_begin(&asking, call))
        return WAZERO_ERRNO_IO;
    PyObject *text = Asking_path(path);
    int status = text ? list_path(asking.fs, text, entries) : -1;
    Py_XDECREF(text);
    return Asking_answer(&asking, status, WAZERO_ERRNO_NOTSUP);
}

/* ---------------------------------------------------------------- names ---------- */

static wazero_errno_t fs_read_link(wazero_fs_call_t *call, const char *path,
                                   char *buffer, size_t size, size_t *done)
{
    ASKING(asking);
    if (!Asking_begin(&asking, call))
        return WAZERO_ERRNO_IO;
    PyObject *given = Asking_call(asking.fs, "readlink", "(N)", Asking_path(path));
    PyObject *target = NULL;
    int status = given && PyUnicode_FSConverter(given, &target) ? 0 : -1;
    Py_XDECREF(given);
    if (target) {
        size_t length = (size_t)PyBytes_GET_SIZE(target);
        *done = length < size ? length : size;
        memcpy(buffer, PyBytes_AS_STRING(target), *done);
        Py_DECREF(target);
    }
    return Asking_answer(&asking, status, WAZERO_ERRNO_INVAL);
}

static wazero_errno_t change(wazero_fs_call_t *call, const char *method,
                             const char *path)
{
    ASKING(asking);
    if (!Asking_begin(&asking, call))
        return WAZERO_ERRNO_IO;
    int status = Asking_done(Asking_call(asking.fs, method, "(N)", Asking_path(path)));
    return Asking_answer(&asking, status, WAZERO_ERRNO_ROFS);
}

static wazero_errno_t change_two(wazero_fs_call_t *call, const char *method,
                                 const char *from, const char *to)
{
    ASKING(asking);
    if (!Asking_begin(&asking, call))
        return WAZERO_ERRNO_IO;
    int status = Asking_done(
        Asking_call(asking.fs, method, "(NN)", Asking_path(from), Asking_path(to)));
    return Asking_answer(&asking, status, WAZERO_ERRNO_ROFS);
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
    PyObject *method = Asking_method(fs, "utime");
    if (!method)
        return -1;
    bool keeps = !(times->which & all_atim) || !(times->which & all_mtim);
    int result = keeps ? FileSystem_stat(fs, path, &before) : 0;
    uint64_t atim = wanted_time(times->atim, times->which, WAZERO_TIME_ATIM,
                                WAZERO_TIME_ATIM_NOW, before.atim);
    uint64_t mtim = wanted_time(times->mtim, times->which, WAZERO_TIME_MTIM,
                                WAZERO_TIME_MTIM_NOW, before.mtim);
    PyObject *args = result == 0 ? PyTuple_Pack(1, path) : NULL;
    PyObject *kwargs = args ? Py_BuildValue("{s(KK)}", "ns", (unsigned long long)atim,
                                            (unsigned long long)mtim)
                            : NULL;
    result = kwargs ? Asking_done(PyObject_Call(method, args, kwargs)) : -1;
    Py_XDECREF(kwargs);
    Py_XDECREF(args);
    Py_DECREF(method);
    return result;
}

static wazero_errno_t fs_set_times(wazero_fs_call_t *call, const char *path,
                                   const wazero_file_times_t *times)
{
    ASKING(asking);
    if (!Asking_begin(&asking, call))
        return WAZERO_ERRNO_IO;
    PyObject *text = Asking_path(path);
    int status = text ? set_times(asking.fs, text, times) : -1;
    Py_XDECREF(text);
    return Asking_answer(&asking, status, WAZERO_ERRNO_ROFS);
}

void FileSystem_set_names(wazero_fs_functions_t *functions)
{
    functions->stat = fs_stat;
    functions->list = fs_list;
    functions->read_link = fs_read_link;
    functions->make_directory = fs_make_directory;
    functions->remove_directory = fs_remove_directory;
    functions->unlink = fs_unlink;
    functions->rename = fs_rename;
    functions->link = fs_link;
    functions->symlink = fs_symlink;
    functions->set_times = fs_set_times;
}
