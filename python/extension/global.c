/*
 * global.c - Global, a global of a Module, or one made by the host.
 *
 * Reading and setting wait while another thread is in the module; libwazero lets the
 * GIL go then. The C handle belongs to the Module, but for a global that is not
 * exported.
 */
#include "wazeromodule.h"

PyObject *Global_new(State *state, ModuleObject *module, ExportSlot *slot,
                     PyObject *name)
{
    PyTypeObject *type = state->global_type;
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
    wazero_global_delete(self->own);
    Py_XDECREF(self->module);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyObject *Global_get_value(GlobalObject *self, void *Py_UNUSED(closure))
{
    State *state = State_of(self);
    wazero_value_type_t type = wazero_global_type(self->handle);
    uint64_t slots[2] = {0};
    if (!Module_is_open(state, self->module))
        return NULL;
    wazero_error_t *error = wazero_global_get(self->handle, slots, Value_slots(type));
    if (error)
        return Errors_raise(state, error);
    PyObject *value = Value_from_slots(state, type, slots);
    Value_drop(type, slots);
    return value;
}

/* Raises what a failed conversion says of the value of a global (takes subject). */
static int refuse_value(ConvertStatus status, PyObject *subject, PyObject *value,
                        wazero_value_type_t type)
{
    if (status == CONVERT_RAISED)
        Py_XDECREF(subject);
    else
        Convert_raise(status, subject, value, type);
    return -1;
}

static int Global_set_value(GlobalObject *self, PyObject *value,
                            void *Py_UNUSED(closure))
{
    State *state = State_of(self);
    wazero_value_type_t type = wazero_global_type(self->handle);
    uint64_t slots[2] = {0};
    if (!value) {
        PyErr_Format(PyExc_AttributeError, "the value of global '%U' cannot be deleted",
                     self->name);
        return -1;
    }
    if (!Module_is_open(state, self->module))
        return -1;
    if (!wazero_global_is_mutable(self->handle)) {
        PyErr_Format(state->error, "global '%U' is not mutable", self->name);
        return -1;
    }
    ConvertStatus status = Value_to_slots(state, value, type, slots);
    if (status != CONVERT_OK)
        return refuse_value(status, PyUnicode_FromFormat("global '%U'", self->name),
                            value, type);
    wazero_error_t *error = NULL;
    int held = Module_hold_value(self->module, value);
    if (held == 0)
        error = wazero_global_set(self->handle, slots, Value_slots(type));
    Value_drop(type, slots);
    if (!error)
        return held;
    Errors_raise(state, error);
    return -1;
}

/* ---------------------------------------------------------------- making --------- */

static PyObject *Global_make(PyTypeObject *class, PyObject *args, PyObject *kwargs)
{
    enum { RUNTIME, TYPE, VALUE, MUTABLE, COUNT };
    static const char *const names[] = {"runtime", "type", "value", "mutable"};
    static const ArgsSpec spec = {"Global", names, COUNT, COUNT, 3};
    State *state = PyType_GetModuleState(class);
    PyObject *values[COUNT];
    uint64_t slots[2] = {0};
    wazero_global_t *handle;
    wazero_error_t *error;
    if (Args_parse_new(&spec, args, kwargs, values) < 0 ||
        Made_check_runtime(state, "Global", values[RUNTIME]) < 0)
        return NULL;
    RuntimeObject *runtime = (RuntimeObject *)values[RUNTIME];
    wazero_value_type_t type = Types_parse(values[TYPE]);
    int is_mutable = values[MUTABLE] ? PyObject_IsTrue(values[MUTABLE]) : 0;
    if (!type || is_mutable < 0)
        return NULL;
    ConvertStatus status = Value_to_slots(state, values[VALUE], type, slots);
    if (status != CONVERT_OK) {
        refuse_value(status, PyUnicode_FromString("Global() argument 'value'"),
                     values[VALUE], type);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    error = wazero_global_new(runtime->handle, type, is_mutable == 1, slots,
                              Value_slots(type), &handle);
    Py_END_ALLOW_THREADS
    Value_drop(type, slots);
    if (error)
        return Errors_raise(state, error);
    PyObject *made =
        Made_export(state, runtime, wazero_global_module(handle), values[VALUE]);
    wazero_global_delete(handle);
    return made;
}

/* It has a handle of its own. */
PyObject *Global_private(State *state, ModuleObject *module, size_t index)
{
    PyTypeObject *type = state->global_type;
    wazero_global_t *handle;
    wazero_error_t *error = wazero_module_global_at(module->handle, index, &handle);
    if (error)
        return Errors_raise(state, error);
    GlobalObject *self = (GlobalObject *)type->tp_alloc(type, 0);
    if (!self) {
        wazero_global_delete(handle);
        return NULL;
    }
    self->handle = self->own = handle;
    self->module = (ModuleObject *)Py_NewRef((PyObject *)module);
    self->name = PyUnicode_FromFormat("$%zu", index);
    if (!self->name)
        Py_CLEAR(self);
    return (PyObject *)self;
}

/* ---------------------------------------------------------------- attributes ----- */

static PyObject *Global_get_type(GlobalObject *self, void *Py_UNUSED(closure))
{
    return Types_global(State_of(self), wazero_global_type(self->handle),
                        wazero_global_reference(self->handle),
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
    wazero_typed_reference_t reference = wazero_global_reference(self->handle);
    PyObject *type = Types_name(wazero_global_type(self->handle), &reference);
    PyObject *repr =
        type ? PyUnicode_FromFormat(
                   "<wazero.Global %U: %s%U>", self->name,
                   wazero_global_is_mutable(self->handle) ? "mutable " : "", type)
             : NULL;
    Py_XDECREF(type);
    return repr;
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
    {"name", (getter)Global_get_name, NULL,
     "The name under which it is exported; of one that is not, '$' and its index.",
     NULL},
    {"module", (getter)Global_get_module, NULL,
     "The Module that has it; of one made by the host a Module that has only it.",
     NULL},
    {0},
};

static PyMemberDef Global_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(GlobalObject, weakrefs), Py_READONLY,
     NULL},
    {0},
};

static PyType_Slot Global_slots[] = {
    {Py_tp_doc,
     "Global(runtime, type, value, mutable=False)\n--\n\n"
     "A global variable of a Module; or one made here, for modules to import.\n\n"
     "type is 'i32', 'i64', 'f32', 'f64', 'v128', 'externref' or 'funcref'."},
    {Py_tp_new, Global_make},
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
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = Global_slots,
};

int Global_init(PyObject *module, State *state)
{
    state->global_type = State_add_type(module, &Global_spec);
    return state->global_type ? PyModule_AddType(module, state->global_type) : -1;
}
