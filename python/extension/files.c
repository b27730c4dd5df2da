/*
 * files.c - mappings as file systems of a guest.
 *
 * Keys are paths, values bytes-like for files and mappings for directories. Everything
 * is copied.
 */
#include "wazeromodule.h"

#include <errno.h>

/* The path of a key below another path: new bytes. */
static PyObject *join(PyObject *above, PyObject *key)
{
    PyObject *name;
    if (!PyUnicode_Check(key) && !PyBytes_Check(key)) {
        PyErr_Format(PyExc_TypeError, "a path in a file system must be str, not %.200s",
                     Py_TYPE(key)->tp_name);
        return NULL;
    }
    if (!PyUnicode_FSConverter(key, &name)) /* ValueError if it has a NUL */
        return NULL;
    PyObject *path =
        PyBytes_FromFormat("%s/%s", PyBytes_AS_STRING(above), PyBytes_AS_STRING(name));
    Py_DECREF(name);
    return path;
}

static int raise_error(State *state, wazero_error_t *error)
{
    if (!error)
        return 0;
    int number = wazero_error_errno(error);
    if (number == ENOSPC || number == EFBIG) {
        errno = number;
        PyErr_SetFromErrno(PyExc_OSError);
        wazero_error_delete(error);
    } else if (wazero_error_kind(error) != WAZERO_ERROR_INVALID) {
        Errors_raise(state, error);
    } else {
        PyErr_SetString(PyExc_ValueError, wazero_error_message(error, NULL));
        wazero_error_delete(error);
    }
    return -1;
}

static int add_file(State *state, wazero_fs_t *fs, PyObject *path, PyObject *content)
{
    Py_buffer view;
    if (!PyObject_CheckBuffer(content)) {
        PyErr_Format(PyExc_TypeError,
                     "the file %s must be bytes-like, or a mapping if it is a folder, "
                     "not %.200s",
                     PyBytes_AS_STRING(path), Py_TYPE(content)->tp_name);
        return -1;
    }
    if (PyObject_GetBuffer(content, &view, PyBUF_SIMPLE) < 0)
        return -1;
    wazero_error_t *error =
        wazero_fs_add_file(fs, PyBytes_AS_STRING(path), view.buf, (size_t)view.len);
    PyBuffer_Release(&view);
    return raise_error(state, error);
}

/* Folders in folders: more of them are taken for a mapping that holds itself. Python's
 * own limit is another one in each version. */
enum { DEPTH_MAX = 500 };

static int add_folder(State *state, wazero_fs_t *fs, PyObject *above, PyObject *mapping,
                      int depth)
{
    if (depth > DEPTH_MAX) {
        PyErr_Format(PyExc_ValueError,
                     "the folders are more than %d deep: does a mapping hold itself?",
                     DEPTH_MAX);
        return -1;
    }
    if (raise_error(state, wazero_fs_add_directory(fs, PyBytes_AS_STRING(above))) < 0)
        return -1;
    PyObject *items = PyMapping_Items(mapping);
    int result = items ? 0 : -1;
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(items); i++) {
        PyObject *item = PyList_GET_ITEM(items, i);
        if (!is_pair(item))
            continue;
        PyObject *content = PyTuple_GET_ITEM(item, 1);
        PyObject *path = join(above, PyTuple_GET_ITEM(item, 0));
        if (!path)
            result = -1;
        else if (PyObject_CheckBuffer(content) || !PyMapping_Check(content) ||
                 PyUnicode_Check(content))
            result = add_file(state, fs, path, content);
        else
            result = add_folder(state, fs, path, content, depth + 1);
        Py_XDECREF(path);
    }
    Py_XDECREF(items);
    return result;
}

int Files_fill(State *state, wazero_fs_t *fs, PyObject *mapping)
{
    if (!PyMapping_Check(mapping) || PyUnicode_Check(mapping) ||
        PyObject_CheckBuffer(mapping)) {
        PyErr_Format(PyExc_TypeError, "files must be a mapping, not %.200s",
                     Py_TYPE(mapping)->tp_name);
        return -1;
    }
    PyObject *root = PyBytes_FromString("");
    int result = root ? add_folder(state, fs, root, mapping, 0) : -1;
    Py_XDECREF(root);
    return result;
}

int Files_new(State *state, PyObject *mapping, wazero_fs_t **fs)
{
    static const wazero_fs_limits_t none = {UINT64_MAX, UINT64_MAX};
    *fs = NULL;
    if (raise_error(state, wazero_fs_new_memory(&none, fs)) < 0)
        return -1;
    return Files_fill(state, *fs, mapping);
}
