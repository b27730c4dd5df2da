/*
 * memory_files.c - MemoryFiles, what MemoryFS is made of: a wazero_fs_t and what
 * libwazero does with its files. Python's own half is wazero/_memory_fs.py.
 *
 * It holds no other object. Files are read and written without the GIL, for the lock of
 * a file system may be held by a guest in another thread.
 */
#include "wazeromodule.h"

#include <errno.h>

int Limits_parse(PyObject *max_bytes, PyObject *max_files, wazero_fs_limits_t *limits)
{
    static const SizeSpec bytes = {"max_bytes", 0, (uint64_t)1 << 62,
                                   "from 0 to 2**62"};
    if (is_given(max_bytes) && Args_size(&bytes, max_bytes, &limits->max_bytes) < 0)
        return -1;
    if (is_given(max_files) &&
        Args_uint64(max_files, "max_files", INT64_MAX, &limits->max_files) < 0)
        return -1;
    return 0;
}

int MemoryFiles_check(State *state, wazero_error_t *error, PyObject *path)
{
    if (!error)
        return 0;
    int number = wazero_error_errno(error);
    if (!number) {
        Errors_raise(state, error);
        return -1;
    }
    if (number == EINVAL) {
        PyErr_SetString(PyExc_ValueError, wazero_error_message(error, NULL));
    } else {
        errno = number;
        PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path);
    }
    wazero_error_delete(error);
    return -1;
}

static PyObject *MemoryFiles_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"max_bytes", "max_files"};
    static const ArgsSpec spec = {"MemoryFiles", names, 2, 2, 0};
    wazero_fs_limits_t limits = {WAZERO_FS_MAX_BYTES, WAZERO_FS_MAX_FILES};
    PyObject *values[2];
    if (Args_parse_new(&spec, args, kwargs, values) < 0 ||
        Limits_parse(values[0], values[1], &limits) < 0)
        return NULL;
    MemoryFilesObject *self = (MemoryFilesObject *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    wazero_error_t *error = wazero_fs_new_memory(&limits, &self->handle);
    if (error) {
        Errors_raise(State_of_base(self), error);
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

static int MemoryFiles_traverse(MemoryFilesObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static void MemoryFiles_dealloc(MemoryFilesObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (self->weakrefs)
        PyObject_ClearWeakRefs((PyObject *)self);
    wazero_fs_delete(self->handle);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/* The bytes of a path; surrogates stand for what is no UTF-8. */
static PyObject *path_of(PyObject *path)
{
    return Config_c_string(path, "a path in a file system");
}

static PyObject *MemoryFiles_read(MemoryFilesObject *self, PyObject *path)
{
    PyObject *name = path_of(path), *result = NULL;
    uint8_t *bytes;
    size_t size;
    wazero_error_t *error;
    if (!name)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    error = wazero_fs_read_file(self->handle, PyBytes_AS_STRING(name), &bytes, &size);
    Py_END_ALLOW_THREADS
    Py_DECREF(name);
    if (MemoryFiles_check(State_of_base(self), error, path) < 0)
        return NULL;
    if (size <= PY_SSIZE_T_MAX)
        result = PyBytes_FromStringAndSize((char *)bytes, (Py_ssize_t)size);
    else
        PyErr_NoMemory();
    wazero_free(bytes);
    return result;
}

static PyObject *MemoryFiles_write(MemoryFilesObject *self, PyObject *const *args,
                                   Py_ssize_t nargs)
{
    Py_buffer view;
    wazero_error_t *error;
    if (nargs != 2) {
        PyErr_Format(PyExc_TypeError, "_write() takes 2 arguments but %zd were given",
                     nargs);
        return NULL;
    }
    PyObject *name = path_of(args[0]);
    if (!name || PyObject_GetBuffer(args[1], &view, PyBUF_SIMPLE) < 0) {
        Py_XDECREF(name);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    error = wazero_fs_write_file(self->handle, PyBytes_AS_STRING(name), view.buf,
                                 (size_t)view.len);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&view);
    Py_DECREF(name);
    if (MemoryFiles_check(State_of_base(self), error, args[0]) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *MemoryFiles_fill(MemoryFilesObject *self, PyObject *mapping)
{
    if (Files_fill(State_of_base(self), self->handle, mapping) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *MemoryFiles_mkdir(MemoryFilesObject *self, PyObject *path)
{
    PyObject *name = path_of(path);
    if (!name)
        return NULL;
    wazero_error_t *error =
        wazero_fs_add_directory(self->handle, PyBytes_AS_STRING(name));
    Py_DECREF(name);
    if (MemoryFiles_check(State_of_base(self), error, path) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *MemoryFiles_remove(MemoryFilesObject *self, PyObject *const *args,
                                    Py_ssize_t nargs)
{
    wazero_error_t *error;
    if (nargs != 2) {
        PyErr_Format(PyExc_TypeError, "_remove() takes 2 arguments but %zd were given",
                     nargs);
        return NULL;
    }
    int deep = PyObject_IsTrue(args[1]);
    PyObject *name = deep < 0 ? NULL : path_of(args[0]);
    if (!name)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    error = wazero_fs_remove(self->handle, PyBytes_AS_STRING(name), deep == 1);
    Py_END_ALLOW_THREADS
    Py_DECREF(name);
    if (MemoryFiles_check(State_of_base(self), error, args[0]) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static const char *name_of(wazero_fs_type_t type)
{
    static const char *const names[] = {"other", "file", "directory", "link"};
    return names[type];
}

static PyObject *MemoryFiles_kind(MemoryFilesObject *self, PyObject *path)
{
    PyObject *name = path_of(path);
    wazero_fs_stat_t stat;
    if (!name)
        return NULL;
    wazero_error_t *error =
        wazero_fs_stat(self->handle, PyBytes_AS_STRING(name), true, &stat);
    Py_DECREF(name);
    if (MemoryFiles_check(State_of_base(self), error, path) < 0)
        return NULL;
    return PyUnicode_FromString(name_of(stat.type));
}

/* Appends a pair of path and kind to a list. */
static wazero_error_t *append_entry(void *list, const char *path, size_t size,
                                    const wazero_fs_stat_t *stat)
{
    PyObject *name = PyUnicode_DecodeFSDefaultAndSize(path, (Py_ssize_t)size);
    PyObject *pair = name ? Py_BuildValue("Ns", name, name_of(stat->type)) : NULL;
    int result = pair ? PyList_Append(list, pair) : -1;
    Py_XDECREF(pair);
    return result < 0 ? Errors_to_host() : NULL;
}

static PyObject *MemoryFiles_list(MemoryFilesObject *self, PyObject *const *args,
                                  Py_ssize_t nargs)
{
    if (nargs != 2) {
        PyErr_Format(PyExc_TypeError, "_list() takes 2 arguments but %zd were given",
                     nargs);
        return NULL;
    }
    int deep = PyObject_IsTrue(args[1]);
    PyObject *name = deep < 0 ? NULL : path_of(args[0]);
    PyObject *list = name ? PyList_New(0) : NULL;
    if (list) {
        wazero_error_t *error = wazero_fs_list(self->handle, PyBytes_AS_STRING(name),
                                               deep == 1, append_entry, list);
        if (MemoryFiles_check(State_of_base(self), error, args[0]) < 0)
            Py_CLEAR(list);
    }
    Py_XDECREF(name);
    return list;
}

static PyObject *MemoryFiles_usage(MemoryFilesObject *self,
                                   PyObject *Py_UNUSED(ignored))
{
    wazero_fs_usage_t usage;
    wazero_error_t *error = wazero_fs_usage(self->handle, &usage);
    if (error)
        return Errors_raise(State_of_base(self), error);
    return Py_BuildValue("KKKK", usage.bytes, usage.files, usage.limits.max_bytes,
                         usage.limits.max_files);
}

static PyMethodDef MemoryFiles_methods[] = {
    {"_read", (PyCFunction)MemoryFiles_read, METH_O, NULL},
    {"_write", (PyCFunction)(void (*)(void))MemoryFiles_write, METH_FASTCALL, NULL},
    {"_fill", (PyCFunction)MemoryFiles_fill, METH_O, NULL},
    {"_mkdir", (PyCFunction)MemoryFiles_mkdir, METH_O, NULL},
    {"_remove", (PyCFunction)(void (*)(void))MemoryFiles_remove, METH_FASTCALL, NULL},
    {"_kind", (PyCFunction)MemoryFiles_kind, METH_O, NULL},
    {"_list", (PyCFunction)(void (*)(void))MemoryFiles_list, METH_FASTCALL, NULL},
    {"_usage", (PyCFunction)MemoryFiles_usage, METH_NOARGS, NULL},
    {0},
};

static PyMemberDef MemoryFiles_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(MemoryFilesObject, weakrefs),
     Py_READONLY, NULL},
    {0},
};

static PyType_Slot MemoryFiles_slots[] = {
    {Py_tp_doc, "MemoryFiles(max_bytes=None, max_files=None)\n--\n\n"
                "What wazero.MemoryFS is made of."},
    {Py_tp_new, MemoryFiles_new},
    {Py_tp_traverse, MemoryFiles_traverse},
    {Py_tp_dealloc, MemoryFiles_dealloc},
    {Py_tp_methods, MemoryFiles_methods},
    {Py_tp_members, MemoryFiles_members},
    {0, NULL},
};

static PyType_Spec MemoryFiles_spec = {
    .name = "wazero._wazero.MemoryFiles",
    .basicsize = (int)sizeof(MemoryFilesObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_BASETYPE,
    .slots = MemoryFiles_slots,
};

int MemoryFiles_init(PyObject *module, State *state)
{
    state->memory_files_type = State_add_type(module, &MemoryFiles_spec);
    return state->memory_files_type ? PyModule_AddType(module, state->memory_files_type)
                                    : -1;
}
