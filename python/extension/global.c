/*
 * global.c - Global, an exported global.
 *
 * Reading and setting wait while another thread is in the module; libwazero lets the
 * GIL go then. The C handle belongs to the Module.
 */
#include "wazeromodule.h"

static int prepare(State *state, ModuleObject *module, ExportSlot *slot)
{
    size_t position = (size_t)(slot - module->slots);
    const wazero_extern_t *export = wazero_module_export(module->handle, position);
    wazero_global_t *handle = NULL;
    wazero_error_t *error;
    if (slot->handle)
        return 0;
    Py_BEGIN_ALLOW_THREADS
    error =
        wazero_module_global(module->handle, export->name, export->name_size, &handle);
    Py_END_ALLOW_THREADS
    if (error) {
        Errors_raise(state, error);
        return -1;
    }
    if (slot->handle)
        wazero_global_delete(handle);
    else
        slot->handle = handle;
    return 0;
}

PyObject *Global_new(State *state, ModuleObject *module, ExportSlot *slot,
                     PyObject *name)
{
    PyTypeObject *type = state->global_type;
    if (prepare(state, module, slot) < 0)
        return NULL;
    GlobalObject *self = (GlobalObject *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->handle = slot->handle;
    self->module = (ModuleObject *)Py_NewRef((PyObject *)module);
    self->name = Py_NewRef(name);
    if (slot->object) { /* see Function_new */
        Py_DECREF(self);
        return Py_NewRef(slot->object);
    }
    self->slot = slot;
    slot->object = (PyObject *)self;
    return (PyObject *)self;
}

static int Global_traverse(GlobalObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->module);
    return 0;
}

static void Global_dealloc(GlobalObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (self->slot)
        self->slot->object = NULL;
    PyObject_GC_UnTrack(self);
    if (self->weakrefs)
        PyObject_ClearWeakRefs((PyObject *)self);
    Py_XDECREF(self->name);
    Py_XDECREF(self->module);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static bool is_number(GlobalObject *self)
{
    wazero_value_type_t type = wazero_global_type(self->handle);
    if (Convert_is_number(type))
        return true;
    PyErr_Format(PyExc_TypeError,
                 "global '%U' holds a %s, and this version passes numbers only",
                 self->name, wazero_value_type_name(type));
    return false;
}

static PyObject *Global_get_value(GlobalObject *self, void *Py_UNUSED(closure))
{
    State *state = State_of(self);
    uint64_t slot = 0;
    if (!Module_is_open(state, self->module) || !is_number(self))
        return NULL;
    wazero_error_t *error = wazero_global_get(self->handle, &slot);
    if (error)
        return Errors_raise(state, error);
    return Convert_from_slot(slot, wazero_global_type(self->handle));
}

static int Global_set_value(GlobalObject *self, PyObject *value,
                            void *Py_UNUSED(closure))
{
    State *state = State_of(self);
    wazero_value_type_t type = wazero_global_type(self->handle);
    uint64_t slot = 0;
    if (!value) {
        PyErr_Format(PyExc_AttributeError, "the value of global '%U' cannot be deleted",
                     self->name);
        return -1;
    }
    if (!Module_is_open(state, self->module) || !is_number(self))
        return -1;
    if (!wazero_global_is_mutable(self->handle)) {
        PyErr_Format(state->error, "global '%U' is not mutable", self->name);
        return -1;
    }
    ConvertStatus status = Convert_to_slot(value, type, &slot);
    if (status != CONVERT_OK) {
        if (status != CONVERT_RAISED)
            Convert_raise(status, PyUnicode_FromFormat("global '%U'", self->name),
                          value, type);
        return -1;
    }
    wazero_error_t *error = wazero_global_set(self->handle, slot);
    if (!error)
        return 0;
    Errors_raise(state, error);
    return -1;
}

static PyObject *Global_get_type(GlobalObject *self, void *Py_UNUSED(closure))
{
    return Types_global(State_of(self), wazero_global_type(self->handle),
                        wazero_global_is_mutable(self->handle));
}

static PyObject *Global_get_mutable(GlobalObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(wazero_global_is_mutable(self->handle));
}

static PyObject *Global_get_name(GlobalObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(self->name);
}

static PyObject *Global_get_module(GlobalObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef((PyObject *)self->module);
}

/* Without the value: reading it may have to wait. */
static PyObject *Global_repr(GlobalObject *self)
{
    return PyUnicode_FromFormat(
        "<wazero.Global %U: %s%s>", self->name,
        wazero_global_is_mutable(self->handle) ? "mutable " : "",
        wazero_value_type_name(wazero_global_type(self->handle)));
}

static PyGetSetDef Global_getset[] = {
    {"value", (getter)Global_get_value, (setter)Global_set_value,
     "The value. Setting takes what a Function takes as an argument; WazeroError if "
     "the\n"
     "global is not mutable. Waits while another thread is in the module.",
     NULL},
    {"type", (getter)Global_get_type, NULL, "Its GlobalType.", NULL},
    {"mutable", (getter)Global_get_mutable, NULL, "Whether the value can be set.",
     NULL},
    {"name", (getter)Global_get_name, NULL, "The name under which it is exported.",
     NULL},
    {"module", (getter)Global_get_module, NULL, "The Module that exports it.", NULL},
    {0},
};

static PyMemberDef Global_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(GlobalObject, weakrefs), Py_READONLY,
     NULL},
    {0},
};

static PyType_Slot Global_slots[] = {
    {Py_tp_doc, "An exported global variable of a Module."},
    {Py_tp_traverse, Global_traverse},
    {Py_tp_dealloc, Global_dealloc},
    {Py_tp_repr, Global_repr},
    {Py_tp_getset, Global_getset},
    {Py_tp_members, Global_members},
    {0, NULL},
};

static PyType_Spec Global_spec = {
    .name = "wazero.Global",
    .basicsize = (int)sizeof(GlobalObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = Global_slots,
};

int Global_init(PyObject *module, State *state)
{
    state->global_type = State_add_type(module, &Global_spec);
    return state->global_type ? PyModule_AddType(module, state->global_type) : -1;
}
