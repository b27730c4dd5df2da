/*
 * dir.c - Dir, a directory of the host that is to be mounted.
 *
 * It never changes, and holds nothing but a path: no cycle leads through it.
 */
#include "wazeromodule.h"

static PyObject *Dir_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"host", "readonly"};
    static const ArgsSpec spec = {"Dir", names, 2, 2, 1};
    PyObject *values[2];
    if (Args_parse_new(&spec, args, kwargs, values) < 0)
        return NULL;
    int read_only = values[1] ? PyObject_IsTrue(values[1]) : 0;
    PyObject *checked =
        read_only < 0 ? NULL : Config_c_string(values[0], "the host directory");
    if (!checked)
        return NULL;
    Py_DECREF(checked);
    PyObject *host = PyOS_FSPath(values[0]);
    DirObject *self = host ? (DirObject *)type->tp_alloc(type, 0) : NULL;
    if (!self) {
        Py_XDECREF(host);
        return NULL;
    }
    self->host = host;
    self->read_only = read_only == 1;
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
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyObject *Dir_repr(DirObject *self)
{
    return PyUnicode_FromFormat("wazero.Dir(%R%s)", self->host,
                                self->read_only ? ", readonly=True" : "");
}

static PyObject *Dir_reduce(DirObject *self, PyObject *Py_UNUSED(ignored))
{
    return Py_BuildValue("O(OO)", Py_TYPE(self), self->host,
                         self->read_only ? Py_True : Py_False);
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
    {0},
};

static PyGetSetDef Dir_getset[] = {
    {"host", (getter)Dir_get_host, NULL, "The path of the directory.", NULL},
    {"readonly", (getter)Dir_get_readonly, NULL, "Whether guests can change nothing.",
     NULL},
    {0},
};

static PyMemberDef Dir_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(DirObject, weakrefs), Py_READONLY,
     NULL},
    {0},
};

static PyType_Slot Dir_slots[] = {
    {Py_tp_doc, "Dir(host, readonly=False)\n--\n\n"
                "A directory of the host, to be mounted: mounts={\"/\": Dir(\"data\", "
                "readonly=True)}.\n\nIt is opened when a module is instantiated."},
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
