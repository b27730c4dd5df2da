/*
 * dir.c - Dir, a directory of the host that is to be mounted.
 *
 * It never changes but for what libwazero counts, and holds nothing but a path: no
 * cycle leads through it. All modules that it is mounted in count together.
 */
#include "wazeromodule.h"

/* Makes what counts, if there is a limit. */
static int make_handle(DirObject *self, PyObject *path, PyObject *max_bytes,
                       PyObject *max_files)
{
    wazero_fs_limits_t limits = {UINT64_MAX, UINT64_MAX};
    if (Limits_parse(max_bytes, max_files, &limits) < 0)
        return -1;
    if (!is_given(max_bytes) && !is_given(max_files))
        return 0;
    wazero_error_t *error =
        wazero_fs_new_directory(PyBytes_AS_STRING(path), &limits, &self->handle);
    if (error)
        Errors_raise(State_of(self), error);
    return error ? -1 : 0;
}

static PyObject *Dir_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"host", "readonly", "max_bytes", "max_files"};
    static const ArgsSpec spec = {"Dir", names, 4, 2, 1};
    PyObject *values[4];
    if (Args_parse_new(&spec, args, kwargs, values) < 0)
        return NULL;
    int read_only = values[1] ? PyObject_IsTrue(values[1]) : 0;
    PyObject *path =
        read_only < 0 ? NULL : Config_c_string(values[0], "the host directory");
    PyObject *host = path ? PyOS_FSPath(values[0]) : NULL;
    DirObject *self = host ? (DirObject *)type->tp_alloc(type, 0) : NULL;
    if (self) {
        self->host = Py_NewRef(host);
        self->read_only = read_only == 1;
        if (make_handle(self, path, values[2], values[3]) < 0)
            Py_CLEAR(self);
    }
    Py_XDECREF(host);
    Py_XDECREF(path);
    return (PyObject *)self;
}

static int Dir_traverse(DirObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->host);
    return 0;
}

static void Dir_dealloc(DirObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (self->weakrefs)
        PyObject_ClearWeakRefs((PyObject *)self);
    Py_XDECREF(self->host);
    wazero_fs_delete(self->handle);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static wazero_fs_usage_t usage_of(const DirObject *self)
{
    wazero_fs_usage_t usage = {.limits = {UINT64_MAX, UINT64_MAX}};
    if (self->handle) /* it always counts */
        wazero_error_delete(wazero_fs_usage(self->handle, &usage));
    return usage;
}

/* None for no limit. */
static PyObject *limit_of(uint64_t limit)
{
    return limit == UINT64_MAX ? Py_NewRef(Py_None)
                               : PyLong_FromUnsignedLongLong(limit);
}

static PyObject *Dir_repr(DirObject *self)
{
    wazero_fs_limits_t limits = usage_of(self).limits;
    char bytes[48] = "", files[48] = "";
    if (limits.max_bytes != UINT64_MAX)
        PyOS_snprintf(bytes, sizeof bytes, ", max_bytes=%llu",
                      (unsigned long long)limits.max_bytes);
    if (limits.max_files != UINT64_MAX)
        PyOS_snprintf(files, sizeof files, ", max_files=%llu",
                      (unsigned long long)limits.max_files);
    return PyUnicode_FromFormat("wazero.Dir(%R%s%s%s)", self->host,
                                self->read_only ? ", readonly=True" : "", bytes, files);
}

static PyObject *Dir_reduce(DirObject *self, PyObject *Py_UNUSED(ignored))
{
    wazero_fs_limits_t limits = usage_of(self).limits;
    PyObject *function = PyObject_GetAttrString((PyObject *)Py_TYPE(self), "_rebuild");
    return Py_BuildValue("N(OONN)", function, self->host,
                         self->read_only ? Py_True : Py_False,
                         limit_of(limits.max_bytes), limit_of(limits.max_files));
}

static PyObject *Dir_rebuild(PyObject *type, PyObject *args)
{
    PyObject *host, *read_only, *bytes, *files;
    if (!PyArg_ParseTuple(args, "OOOO", &host, &read_only, &bytes, &files))
        return NULL;
    PyObject *none = PyTuple_New(0);
    PyObject *kwargs = Py_BuildValue("{sOsOsOsO}", "host", host, "readonly", read_only,
                                     "max_bytes", bytes, "max_files", files);
    PyObject *made = none && kwargs ? PyObject_Call(type, none, kwargs) : NULL;
    Py_XDECREF(none);
    Py_XDECREF(kwargs);
    return made;
}

static PyObject *Dir_get_max_bytes(DirObject *self, void *Py_UNUSED(closure))
{
    return limit_of(usage_of(self).limits.max_bytes);
}

static PyObject *Dir_get_max_files(DirObject *self, void *Py_UNUSED(closure))
{
    return limit_of(usage_of(self).limits.max_files);
}

static PyObject *Dir_get_used_bytes(DirObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(usage_of(self).bytes);
}

static PyObject *Dir_get_used_files(DirObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(usage_of(self).files);
}

static PyObject *Dir_get_host(DirObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(self->host);
}

static PyObject *Dir_get_readonly(DirObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(self->read_only);
}

static PyMethodDef Dir_methods[] = {
    {"__reduce__", (PyCFunction)Dir_reduce, METH_NOARGS, NULL},
    {"_rebuild", Dir_rebuild, METH_VARARGS | METH_CLASS, NULL},
    {0},
};

static PyGetSetDef Dir_getset[] = {
    {"host", (getter)Dir_get_host, NULL, "The path of the directory.", NULL},
    {"readonly", (getter)Dir_get_readonly, NULL, "Whether guests can change nothing.",
     NULL},
    {"max_bytes", (getter)Dir_get_max_bytes, NULL,
     "How many bytes guests may add, or None.", NULL},
    {"max_files", (getter)Dir_get_max_files, NULL,
     "How many files, folders and links guests may add, or None.", NULL},
    {"used_bytes", (getter)Dir_get_used_bytes, NULL,
     "What counts against max_bytes now; 0 without limits.", NULL},
    {"used_files", (getter)Dir_get_used_files, NULL,
     "What counts against max_files now; 0 without limits.", NULL},
    {0},
};

static PyMemberDef Dir_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(DirObject, weakrefs), Py_READONLY,
     NULL},
    {0},
};

static PyType_Slot Dir_slots[] = {
    {Py_tp_doc, "Dir(host, readonly=False, *, max_bytes=None, max_files=None)\n--\n\n"
                "A directory of the host, to be mounted: mounts={\"/\": Dir(\"data\", "
                "readonly=True)}.\n\nIt is opened when a module is instantiated. Its "
                "guests together may add max_bytes\n(an int, or a text like '64MiB') "
                "by which files grow, and max_files names."},
    {Py_tp_new, Dir_new},
    {Py_tp_traverse, Dir_traverse},
    {Py_tp_dealloc, Dir_dealloc},
    {Py_tp_repr, Dir_repr},
    {Py_tp_methods, Dir_methods},
    {Py_tp_getset, Dir_getset},
    {Py_tp_members, Dir_members},
    {0, NULL},
};

static PyType_Spec Dir_spec = {
    .name = "wazero.Dir",
    .basicsize = (int)sizeof(DirObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = Dir_slots,
};

int Dir_init(PyObject *module, State *state)
{
    state->dir_type = State_add_type(module, &Dir_spec);
    return state->dir_type && PyModule_AddType(module, state->dir_type) == 0 ? 0 : -1;
}
