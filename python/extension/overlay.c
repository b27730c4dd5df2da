/*
 * overlay.c - OverlayFiles, what Overlay is made of: MemoryFiles whose file system is
 * an overlay, and what it is of. Python's own half is wazero/_memory_fs.py.
 *
 * A Python object below is asked for as long as this is there: modules that have it
 * mounted hold it (mounts.c).
 */
#include "wazeromodule.h"

static int OverlayFiles_clear(OverlayFilesObject *self)
{
    Box_clear(&self->box);
    Py_CLEAR(self->lower);
    Py_CLEAR(self->upper);
    return 0;
}

/* Makes the overlay of what is below. */
static int make_handle(State *state, OverlayFilesObject *self, const Mount *below)
{
    wazero_fs_t *upper = ((MemoryFilesObject *)self->upper)->handle;
    wazero_fs_t *folder = NULL, *handle = NULL;
    wazero_error_t *error = NULL;
    if (!below->fs)
        error = wazero_fs_new_directory(PyBytes_AS_STRING(below->host), NULL, &folder);
    if (!error)
        error = wazero_fs_new_overlay(below->fs ? below->fs : folder, upper, &handle);
    wazero_fs_delete(folder);
    if (error) {
        Errors_raise(state, error);
        return -1;
    }
    self->base.handle = handle;
    return 0;
}

static PyObject *OverlayFiles_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"lower", "upper"};
    static const ArgsSpec spec = {"OverlayFiles", names, 2, 2, 2};
    PyObject *values[2];
    Mount below;
    if (Args_parse_new(&spec, args, kwargs, values) < 0)
        return NULL;
    OverlayFilesObject *self = (OverlayFilesObject *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    State *state = State_of_base(self);
    if (!PyObject_TypeCheck(values[1], state->memory_files_type)) {
        PyErr_Format(PyExc_TypeError, "upper must be a wazero.MemoryFS, not %.200s",
                     Py_TYPE(values[1])->tp_name);
        Py_CLEAR(self);
    } else if (is_pair(values[0])) {
        PyErr_SetString(PyExc_TypeError,
                        "what is below an overlay is never written: it has no mode");
        Py_CLEAR(self);
    } else if (Mount_make(state, values[0], &below) < 0) {
        Py_CLEAR(self);
    }
    if (!self)
        return NULL;
    self->lower = Py_NewRef(values[0]);
    self->upper = Py_NewRef(values[1]);
    self->box = below.box;
    below.box = NULL;
    if (make_handle(state, self, &below) < 0)
        Py_CLEAR(self);
    Mount_clear(&below);
    return (PyObject *)self;
}

static int OverlayFiles_traverse(OverlayFilesObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->lower);
    Py_VISIT(self->upper);
    if (self->box)
        Py_VISIT(self->box->object);
    return 0;
}

static void OverlayFiles_dealloc(OverlayFilesObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (self->base.weakrefs)
        PyObject_ClearWeakRefs((PyObject *)self);
    OverlayFiles_clear(self);
    wazero_fs_delete(self->base.handle);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static wazero_error_t *append_path(void *list, const char *path, size_t size,
                                   const wazero_fs_stat_t *Py_UNUSED(stat))
{
    PyObject *name = PyUnicode_DecodeFSDefaultAndSize(path, (Py_ssize_t)size);
    int result = name ? PyList_Append(list, name) : -1;
    Py_XDECREF(name);
    return result < 0 ? Errors_to_host() : NULL;
}

static PyObject *OverlayFiles_deleted(OverlayFilesObject *self,
                                      PyObject *Py_UNUSED(ignored))
{
    PyObject *list = PyList_New(0);
    wazero_error_t *error =
        list ? wazero_fs_list_deleted(self->base.handle, append_path, list) : NULL;
    if (error) {
        Errors_raise(State_of_base(self), error);
        Py_CLEAR(list);
    }
    return list;
}

static PyObject *OverlayFiles_get_lower(OverlayFilesObject *self,
                                        void *Py_UNUSED(closure))
{
    return Py_NewRef(self->lower);
}

static PyObject *OverlayFiles_get_upper(OverlayFilesObject *self,
                                        void *Py_UNUSED(closure))
{
    return Py_NewRef(self->upper);
}

static PyMethodDef OverlayFiles_methods[] = {
    {"_deleted", (PyCFunction)OverlayFiles_deleted, METH_NOARGS, NULL},
    {0},
};

static PyGetSetDef OverlayFiles_getset[] = {
    {"lower", (getter)OverlayFiles_get_lower, NULL, "What is below: never written.",
     NULL},
    {"upper", (getter)OverlayFiles_get_upper, NULL,
     "The MemoryFS above it: what was written.", NULL},
    {0},
};

static PyType_Slot OverlayFiles_slots[] = {
    {Py_tp_doc, "OverlayFiles(lower, upper)\n--\n\nWhat wazero.Overlay is made of."},
    {Py_tp_new, OverlayFiles_new},
    {Py_tp_traverse, OverlayFiles_traverse},
    {Py_tp_clear, OverlayFiles_clear},
    {Py_tp_dealloc, OverlayFiles_dealloc},
    {Py_tp_methods, OverlayFiles_methods},
    {Py_tp_getset, OverlayFiles_getset},
    {0, NULL},
};

static PyType_Spec OverlayFiles_spec = {
    .name = "wazero._wazero.OverlayFiles",
    .basicsize = (int)sizeof(OverlayFilesObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_BASETYPE,
    .slots = OverlayFiles_slots,
};

int OverlayFiles_init(PyObject *module, State *state)
{
    state->overlay_files_type = (PyTypeObject *)PyType_FromModuleAndSpec(
        module, &OverlayFiles_spec, (PyObject *)state->memory_files_type);
    return state->overlay_files_type
               ? PyModule_AddType(module, state->overlay_files_type)
               : -1;
}
