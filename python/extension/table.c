/*
 * table.c - Table, a table of references: of a Module, or made by the host.
 *
 * Reading and setting wait while another thread is in the module; libwazero lets the
 * GIL go then. The C handle belongs to the Module, but for a table that is not
 * exported.
 */
#include "wazeromodule.h"

PyObject *Table_new(State *state, ModuleObject *module, ExportSlot *slot,
                    PyObject *name)
{
    PyTypeObject *type = state->table_type;
    TableObject *self = (TableObject *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->handle = slot->handle;
    self->element = wazero_table_element(self->handle);
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

static int Table_traverse(TableObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->module);
    return 0;
}

static void Table_dealloc(TableObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (self->slot)
        self->slot->object = NULL;
    PyObject_GC_UnTrack(self);
    if (self->weakrefs)
        PyObject_ClearWeakRefs((PyObject *)self);
    Py_XDECREF(self->name);
    wazero_table_delete(self->own);
    Py_XDECREF(self->module);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/* ---------------------------------------------------------------- elements ------- */

static bool is_open(TableObject *self)
{
    return Module_is_open(State_of(self), self->module);
}

static int finish(TableObject *self, wazero_error_t *error)
{
    if (!error)
        return 0;
    Errors_raise(State_of(self), error);
    return -1;
}

static Py_ssize_t Table_length(TableObject *self)
{
    uint64_t size = 0;
    if (!is_open(self) || finish(self, wazero_table_size(self->handle, &size)) < 0)
        return -1;
    return (Py_ssize_t)size;
}

/* The position of an index, which may be negative as in a list. */
static int to_position(TableObject *self, PyObject *key, Py_ssize_t size,
                       uint64_t *position)
{
    Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (index == -1 && PyErr_Occurred())
        return -1;
    if (index < -size || index >= size) {
        PyErr_Format(PyExc_IndexError,
                     "index %zd is out of range: table '%U' has %zd elements", index,
                     self->name, size);
        return -1;
    }
    *position = (uint64_t)(index < 0 ? index + size : index);
    return 0;
}

static PyObject *get(TableObject *self, uint64_t position)
{
    uint64_t slot;
    if (finish(self, wazero_table_get(self->handle, position, &slot)) < 0)
        return NULL;
    PyObject *value = Value_from_slots(State_of(self), self->element, &slot);
    Value_drop(self->element, &slot);
    return value;
}

/* A reference for the table, to be dropped again. */
static int to_slot(TableObject *self, PyObject *value, uint64_t *slot)
{
    ConvertStatus status = Value_to_slots(State_of(self), value, self->element, slot);
    if (status != CONVERT_OK) {
        if (status != CONVERT_RAISED)
            Convert_raise(status,
                          PyUnicode_FromFormat("an element of table '%U'", self->name),
                          value, self->element);
        return -1;
    }
    if (Module_hold_value(self->module, value) == 0)
        return 0;
    Value_drop(self->element, slot);
    return -1;
}

static int set(TableObject *self, uint64_t position, PyObject *value)
{
    uint64_t slot;
    if (to_slot(self, value, &slot) < 0)
        return -1;
    wazero_error_t *error = wazero_table_set(self->handle, position, slot);
    Value_drop(self->element, &slot);
    return finish(self, error);
}

static PyObject *get_slice(TableObject *self, PyObject *slice, Py_ssize_t size)
{
    Py_ssize_t start, stop, step;
    if (PySlice_Unpack(slice, &start, &stop, &step) < 0)
        return NULL;
    Py_ssize_t count = PySlice_AdjustIndices(size, &start, &stop, step);
    PyObject *list = PyList_New(count);
    for (Py_ssize_t i = 0; list && i < count; i++) {
        PyObject *value = get(self, (uint64_t)(start + i * step));
        if (value)
            PyList_SET_ITEM(list, i, value);
        else
            Py_CLEAR(list);
    }
    return list;
}

static int set_slice(TableObject *self, PyObject *slice, PyObject *given,
                     Py_ssize_t size)
{
    Py_ssize_t start, stop, step;
    if (PySlice_Unpack(slice, &start, &stop, &step) < 0)
        return -1;
    Py_ssize_t count = PySlice_AdjustIndices(size, &start, &stop, step);
    PyObject *values = PySequence_Tuple(given);
    if (!values)
        return -1;
    int status = 0;
    if (PyTuple_GET_SIZE(values) != count) {
        PyErr_Format(PyExc_ValueError,
                     "a table keeps its size: %zd elements for a slice of %zd",
                     PyTuple_GET_SIZE(values), count);
        status = -1;
    }
    for (Py_ssize_t i = 0; status == 0 && i < count; i++)
        status = set(self, (uint64_t)(start + i * step), PyTuple_GET_ITEM(values, i));
    Py_DECREF(values);
    return status;
}

static PyObject *Table_subscript(TableObject *self, PyObject *key)
{
    uint64_t position;
    Py_ssize_t size = Table_length(self);
    if (size < 0)
        return NULL;
    if (PySlice_Check(key))
        return get_slice(self, key, size);
    if (!PyIndex_Check(key)) {
        PyErr_Format(PyExc_TypeError,
                     "the index of a table must be an integer or a slice, not %.200s",
                     Py_TYPE(key)->tp_name);
        return NULL;
    }
    return to_position(self, key, size, &position) < 0 ? NULL : get(self, position);
}

static int Table_ass_subscript(TableObject *self, PyObject *key, PyObject *value)
{
    uint64_t position;
    Py_ssize_t size = Table_length(self);
    if (size < 0)
        return -1;
    if (!value) {
        PyErr_SetString(PyExc_TypeError,
                        "an element of a table cannot be deleted: set it to None");
        return -1;
    }
    if (PySlice_Check(key))
        return set_slice(self, key, value, size);
    if (!PyIndex_Check(key)) {
        PyErr_Format(PyExc_TypeError,
                     "the index of a table must be an integer or a slice, not %.200s",
                     Py_TYPE(key)->tp_name);
        return -1;
    }
    return to_position(self, key, size, &position) < 0 ? -1
                                                       : set(self, position, value);
}

/* For iteration, which ends with an IndexError. */
static PyObject *Table_item(TableObject *self, Py_ssize_t index)
{
    Py_ssize_t size = Table_length(self);
    if (size < 0)
        return NULL;
    if (index < 0 || index >= size) {
        PyErr_SetString(PyExc_IndexError, "the index is out of range");
        return NULL;
    }
    return get(self, (uint64_t)index);
}

static PyObject *Table_iter(PyObject *self)
{
    return PySeqIter_New(self);
}

/* ---------------------------------------------------------------- methods -------- */

static PyObject *Table_get(TableObject *self, PyObject *index)
{
    return Table_subscript(self, index);
}

static PyObject *Table_set(TableObject *self, PyObject *const *args, Py_ssize_t nargs,
                           PyObject *kwnames)
{
    static const char *const names[] = {"index", "value"};
    static const ArgsSpec spec = {"set", names, 2, 2, 2};
    PyObject *values[2];
    if (Args_parse(&spec, args, nargs, kwnames, values) < 0 ||
        Table_ass_subscript(self, values[0], values[1]) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *Table_grow(TableObject *self, PyObject *const *args, Py_ssize_t nargs,
                            PyObject *kwnames)
{
    static const char *const names[] = {"delta", "init"};
    static const ArgsSpec spec = {"grow", names, 2, 2, 1};
    PyObject *values[2];
    uint64_t delta, slot, size;
    if (Args_parse(&spec, args, nargs, kwnames, values) < 0 ||
        Args_uint64(values[0], "delta", UINT32_MAX, &delta) < 0 || !is_open(self) ||
        to_slot(self, values[1] ? values[1] : Py_None, &slot) < 0)
        return NULL;
    wazero_error_t *error = wazero_table_grow(self->handle, delta, slot, &size);
    Value_drop(self->element, &slot);
    if (error)
        return Errors_raise(State_of(self), error);
    return PyLong_FromUnsignedLongLong(size);
}

static PyObject *Table_lookup(TableObject *self, PyObject *const *args,
                              Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = {"index", "params", "results"};
    static const ArgsSpec spec = {"lookup", names, 3, 3, 3};
    PyObject *values[3], *function = NULL;
    uint64_t index;
    wazero_function_t *handle;
    if (Args_parse(&spec, args, nargs, kwnames, values) < 0 ||
        Args_uint64(values[0], "index", UINT32_MAX, &index) < 0 || !is_open(self))
        return NULL;
    PyObject *params = Types_parse_list(values[1], "params");
    PyObject *results = params ? Types_parse_list(values[2], "results") : NULL;
    if (results) {
        const wazero_function_type_t type = {
            .params = (const wazero_value_type_t *)PyBytes_AS_STRING(params),
            .param_count = (size_t)PyBytes_GET_SIZE(params),
            .results = (const wazero_value_type_t *)PyBytes_AS_STRING(results),
            .result_count = (size_t)PyBytes_GET_SIZE(results)};
        if (finish(self, wazero_table_lookup(self->handle, index, &type, &handle)) ==
            0) {
            function = Function_of(State_of(self), handle);
            wazero_function_delete(handle);
        }
    }
    Py_XDECREF(results);
    Py_XDECREF(params);
    return function;
}

/* ---------------------------------------------------------------- making --------- */

static PyObject *Table_make(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    enum { RUNTIME, ELEMENT, MIN, MAX, INIT, COUNT };
    static const char *const names[] = {"runtime", "element", "min", "max", "init"};
    static const ArgsSpec spec = {"Table", names, COUNT, COUNT, 3};
    State *state = PyType_GetModuleState(type);
    PyObject *values[COUNT];
    wazero_limits_t limits = {0};
    wazero_table_t *handle;
    uint64_t slot;
    if (Args_parse_new(&spec, args, kwargs, values) < 0 ||
        Made_check_runtime(state, "Table", values[RUNTIME]) < 0 ||
        Made_limits(values[MIN], values[MAX], &limits) < 0)
        return NULL;
    RuntimeObject *runtime = (RuntimeObject *)values[RUNTIME];
    PyObject *init = values[INIT] ? values[INIT] : Py_None;
    wazero_value_type_t element = Types_parse(values[ELEMENT]);
    if (!element)
        return NULL;
    if (element != WAZERO_TYPE_FUNCREF && element != WAZERO_TYPE_EXTERNREF) {
        PyErr_Format(PyExc_ValueError,
                     "Table() argument 'element' must be 'funcref' or 'externref', not "
                     "%R",
                     values[ELEMENT]);
        return NULL;
    }
    ConvertStatus status = Value_to_slots(state, init, element, &slot);
    if (status != CONVERT_OK) {
        if (status != CONVERT_RAISED)
            Convert_raise(status, PyUnicode_FromString("Table() argument 'init'"), init,
                          element);
        return NULL;
    }
    wazero_error_t *error =
        wazero_table_new(runtime->handle, &limits, element, slot, &handle);
    Value_drop(element, &slot);
    if (error)
        return Errors_raise(state, error);
    PyObject *made = Made_export(state, runtime, wazero_table_module(handle), init);
    wazero_table_delete(handle);
    return made;
}

/* It has a handle of its own. */
PyObject *Table_private(State *state, ModuleObject *module, size_t index)
{
    PyTypeObject *type = state->table_type;
    wazero_table_t *handle;
    wazero_error_t *error = wazero_module_table_at(module->handle, index, &handle);
    if (error)
        return Errors_raise(state, error);
    TableObject *self = (TableObject *)type->tp_alloc(type, 0);
    if (!self) {
        wazero_table_delete(handle);
        return NULL;
    }
    self->handle = self->own = handle;
    self->element = wazero_table_element(handle);
    self->module = (ModuleObject *)Py_NewRef((PyObject *)module);
    self->name = PyUnicode_FromFormat("$%zu", index);
    if (!self->name)
        Py_CLEAR(self);
    return (PyObject *)self;
}

/* ---------------------------------------------------------------- attributes ----- */

static PyObject *Table_get_type(TableObject *self, void *Py_UNUSED(closure))
{
    return Types_table(State_of(self), self->element,
                       wazero_table_reference(self->handle),
                       wazero_table_type(self->handle));
}

static PyObject *Table_get_name(TableObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(self->name);
}

static PyObject *Table_get_module(TableObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef((PyObject *)self->module);
}

/* Without the size: asking for it may have to wait. */
static PyObject *Table_repr(TableObject *self)
{
    wazero_typed_reference_t reference = wazero_table_reference(self->handle);
    PyObject *type = Types_name(self->element, &reference);
    PyObject *repr =
        type ? PyUnicode_FromFormat("<wazero.Table %U: %U>", self->name, type) : NULL;
    Py_XDECREF(type);
    return repr;
}

static PyMethodDef Table_methods[] = {
    {"get", (PyCFunction)Table_get, METH_O,
     "get($self, index, /)\n--\n\n"
     "The element at an index: table[index]."},
    {"set", (PyCFunction)(void (*)(void))Table_set, METH_FASTCALL | METH_KEYWORDS,
     "set($self, index, value)\n--\n\n"
     "Sets the element at an index: table[index] = value."},
    {"grow", (PyCFunction)(void (*)(void))Table_grow, METH_FASTCALL | METH_KEYWORDS,
     "grow($self, delta, init=None)\n--\n\n"
     "Grows the table by delta elements, which are init, and returns the size from\n"
     "before. WazeroError if the maximum or the limit of the runtime is lower."},
    {"lookup", (PyCFunction)(void (*)(void))Table_lookup, METH_FASTCALL | METH_KEYWORDS,
     "lookup($self, index, params, results)\n--\n\n"
     "The Function at an index if it is of this type, as call_indirect finds it: Trap\n"
     "where that traps."},
    {0},
};

static PyGetSetDef Table_getset[] = {
    {"type", (getter)Table_get_type, NULL, "Its TableType.", NULL},
    {"name", (getter)Table_get_name, NULL,
     "The name under which it is exported; of one that is not, '$' and its index.",
     NULL},
    {"module", (getter)Table_get_module, NULL,
     "The Module that it was got from; of one made by the host a Module that has only "
     "it.",
     NULL},
    {0},
};

static PyMemberDef Table_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(TableObject, weakrefs), Py_READONLY,
     NULL},
    {0},
};

static PyType_Slot Table_slots[] = {
    {Py_tp_doc,
     "Table(runtime, element, min, max=None, init=None)\n--\n\n"
     "A table of references of a Module; or one made here, for modules to import, "
     "with\n"
     "min elements that are init.\n\n"
     "An element is a Function or None in a table of 'funcref', any object in one of\n"
     "'externref'. table[0], negative indices, slices, len() and iteration are those\n"
     "of a list that keeps its size (grow). Each waits while another thread is in the\n"
     "module."},
    {Py_tp_new, Table_make},
    {Py_tp_traverse, Table_traverse},
    {Py_tp_dealloc, Table_dealloc},
    {Py_tp_repr, Table_repr},
    {Py_tp_iter, Table_iter},
    {Py_sq_item, Table_item},
    {Py_sq_length, Table_length},
    {Py_mp_length, Table_length},
    {Py_mp_subscript, Table_subscript},
    {Py_mp_ass_subscript, Table_ass_subscript},
    {Py_tp_methods, Table_methods},
    {Py_tp_getset, Table_getset},
    {Py_tp_members, Table_members},
    {0, NULL},
};

static PyType_Spec Table_spec = {
    .name = "wazero.Table",
    .basicsize = (int)sizeof(TableObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = Table_slots,
};

int Table_init(PyObject *module, State *state)
{
    state->table_type = State_add_type(module, &Table_spec);
    return state->table_type ? PyModule_AddType(module, state->table_type) : -1;
}
