/*
 * exports.c - Module.exports, and how a name becomes a Function, Memory, Table,
 * Global or Tag.
 *
 * The Module keeps the C handle of an export from its first use on, and knows its
 * Python object without owning it: so the object is the same for as long as somebody
 * holds it, and there is no cycle. The name index is shared by all instances of a
 * compiled module.
 */
#include "wazeromodule.h"

#define NAMES_IN_MESSAGE 20

/* Dict from names to positions: borrowed. */
static PyObject *index_of(ModuleObject *module)
{
    if (module->export_index)
        return module->export_index;
    if (module->compiled) {
        module->export_index = Py_XNewRef(Compiled_export_index(module->compiled));
        return module->export_index;
    }
    PyObject *index = PyDict_New();
    size_t count = wazero_module_export_count(module->handle);
    for (size_t i = 0; index && i < count; i++) {
        const wazero_extern_t *export = wazero_module_export(module->handle, i);
        PyObject *name =
            PyUnicode_DecodeUTF8(export->name, (Py_ssize_t)export->name_size, NULL);
        PyObject *position = PyLong_FromSize_t(i);
        if (!name || !position || PyDict_SetItem(index, name, position) < 0)
            Py_CLEAR(index);
        Py_XDECREF(position);
        Py_XDECREF(name);
    }
    module->export_index = index;
    return index;
}

/* "add, memory, mul and 7 more" */
static PyObject *list_names(PyObject *index)
{
    PyObject *names = PyDict_Keys(index);
    Py_ssize_t count = names ? PyList_GET_SIZE(names) : 0;
    PyObject *shown = names ? PyList_GetSlice(names, 0, NAMES_IN_MESSAGE) : NULL;
    PyObject *comma = shown ? PyUnicode_FromString(", ") : NULL;
    PyObject *text = comma ? PyUnicode_Join(comma, shown) : NULL;
    if (text && count > NAMES_IN_MESSAGE)
        Py_SETREF(text, PyUnicode_FromFormat("%U and %zd more", text,
                                             count - NAMES_IN_MESSAGE));
    else if (text && count == 0)
        Py_SETREF(text, PyUnicode_FromString("nothing"));
    Py_XDECREF(comma);
    Py_XDECREF(shown);
    Py_XDECREF(names);
    return text;
}

/* Raises AttributeError or KeyError with a message (takes it). */
static PyObject *refuse(bool attribute, PyObject *message)
{
    if (message) /* or making it has raised */
        PyErr_SetObject(attribute ? PyExc_AttributeError : PyExc_KeyError, message);
    Py_XDECREF(message);
    return NULL;
}

static PyObject *unknown_name(ModuleObject *module, PyObject *index, PyObject *name,
                              bool attribute)
{
    PyObject *names = list_names(index);
    PyObject *module_name = names ? Module_display_name(module) : NULL;
    PyObject *message =
        module_name ? PyUnicode_FromFormat("module %R has no export %R; it exports %U",
                                           module_name, name, names)
                    : NULL;
    Py_XDECREF(module_name);
    Py_XDECREF(names);
    return refuse(attribute, message);
}

static int ensure_slots(ModuleObject *module)
{
    if (module->slots)
        return 0;
    size_t count = wazero_module_export_count(module->handle);
    module->slots = PyMem_Calloc(count + 1, sizeof *module->slots);
    if (module->slots)
        return 0;
    PyErr_NoMemory();
    return -1;
}

/* The C handle of an export; a memory's is the module's, and a tag has none. */
static wazero_error_t *open_handle(wazero_module_t *module,
                                   const wazero_extern_t *export, void **handle)
{
    wazero_function_t *function = NULL;
    wazero_table_t *table = NULL;
    wazero_global_t *global = NULL;
    wazero_error_t *error = NULL;
    const char *name = export->name;
    size_t size = export->name_size;
    switch (export->kind) {
    case WAZERO_EXTERN_FUNCTION:
        error = wazero_module_function(module, name, size, &function);
        *handle = function;
        break;
    case WAZERO_EXTERN_TABLE:
        error = wazero_module_table(module, name, size, &table);
        *handle = table;
        break;
    case WAZERO_EXTERN_GLOBAL:
        error = wazero_module_global(module, name, size, &global);
        *handle = global;
        break;
    case WAZERO_EXTERN_MEMORY:
    case WAZERO_EXTERN_TAG:
        break;
    }
    return error;
}

static void delete_handle(wazero_extern_kind_t kind, void *handle)
{
    switch (kind) {
    case WAZERO_EXTERN_FUNCTION:
        wazero_function_delete(handle);
        break;
    case WAZERO_EXTERN_TABLE:
        wazero_table_delete(handle);
        break;
    case WAZERO_EXTERN_GLOBAL:
        wazero_global_delete(handle);
        break;
    case WAZERO_EXTERN_MEMORY:
    case WAZERO_EXTERN_TAG:
        break;
    }
}

/* Gets the C handle into the slot; another thread may be doing the same. */
static int prepare(State *state, ModuleObject *module, const wazero_extern_t *export,
                   ExportSlot *slot)
{
    void *handle = NULL;
    wazero_error_t *error;
    if (slot->handle)
        return 0;
    Py_BEGIN_ALLOW_THREADS
    error = open_handle(module->handle, export, &handle);
    Py_END_ALLOW_THREADS
    if (error) {
        Errors_raise(state, error);
        return -1;
    }
    if (slot->handle)
        delete_handle(export->kind, handle);
    else
        slot->handle = handle;
    return 0;
}

static PyObject *make(State *state, ModuleObject *module, Py_ssize_t position,
                      PyObject *name)
{
    const wazero_extern_t *export =
        wazero_module_export(module->handle, (size_t)position);
    ExportSlot *slot = &module->slots[position];
    if (prepare(state, module, export, slot) < 0)
        return NULL;
    switch (export->kind) {
    case WAZERO_EXTERN_FUNCTION:
        return Function_new(state, module, slot, name);
    case WAZERO_EXTERN_MEMORY:
        return Memory_new(state, module);
    case WAZERO_EXTERN_GLOBAL:
        return Global_new(state, module, slot, name);
    case WAZERO_EXTERN_TABLE:
        return Table_new(state, module, slot, name);
    case WAZERO_EXTERN_TAG:
        break;
    }
    return Tag_new(state, module, slot, name);
}

PyObject *Exports_get(State *state, ModuleObject *module, PyObject *name,
                      bool attribute)
{
    PyObject *index = index_of(module);
    if (!index)
        return NULL;
    PyObject *position = PyDict_GetItemWithError(index, name);
    if (!position)
        return PyErr_Occurred() ? NULL : unknown_name(module, index, name, attribute);
    if (!Module_is_open(state, module) || ensure_slots(module) < 0)
        return NULL;
    Py_ssize_t number = PyLong_AsSsize_t(position);
    if (module->slots[number].object)
        return Py_NewRef(module->slots[number].object);
    return make(state, module, number, name);
}

/* The object of the export at a position. */
static PyObject *get_at(State *state, ModuleObject *module, size_t position)
{
    const wazero_extern_t *export = wazero_module_export(module->handle, position);
    if (module->slots[position].object)
        return Py_NewRef(module->slots[position].object);
    PyObject *name =
        PyUnicode_DecodeUTF8(export->name, (Py_ssize_t)export->name_size, NULL);
    PyObject *object = name ? make(state, module, (Py_ssize_t)position, name) : NULL;
    Py_XDECREF(name);
    return object;
}

/* Puts into positions, for each index of a kind, one more than where its first export
 * is; 0 where it has none. */
static void find_positions(ModuleObject *module, wazero_extern_kind_t kind,
                           size_t *positions)
{
    for (size_t i = wazero_module_export_count(module->handle); i-- > 0;) {
        const wazero_extern_t *export = wazero_module_export(module->handle, i);
        if (export->kind == kind)
            positions[export->index] = i + 1;
    }
}

PyObject *
Exports_all(State *state, ModuleObject *module, wazero_extern_kind_t kind, size_t count,
            PyObject *(*make_private)(State *state, ModuleObject *module, size_t index))
{
    if (!Module_is_open(state, module) || ensure_slots(module) < 0)
        return NULL;
    size_t *positions = PyMem_Calloc(count + 1, sizeof *positions);
    if (!positions)
        return PyErr_NoMemory();
    find_positions(module, kind, positions);
    PyObject *all = PyTuple_New((Py_ssize_t)count);
    for (size_t i = 0; all && i < count; i++) {
        PyObject *one = positions[i] ? get_at(state, module, positions[i] - 1)
                                     : make_private(state, module, i);
        if (one)
            PyTuple_SET_ITEM(all, (Py_ssize_t)i, one);
        else
            Py_CLEAR(all);
    }
    PyMem_Free(positions);
    return all;
}

void Exports_delete_handles(ModuleObject *module)
{
    size_t count = module->slots ? wazero_module_export_count(module->handle) : 0;
    for (size_t i = 0; i < count; i++) {
        void *handle = module->slots[i].handle;
        if (handle)
            delete_handle(wazero_module_export(module->handle, i)->kind, handle);
    }
    wazero_memory_delete(module->memory.handle);
}

/* ---------------------------------------------------------------- the type ------- */

PyObject *Exports_new(State *state, ModuleObject *module)
{
    PyTypeObject *type = state->exports_type;
    ExportsObject *self = (ExportsObject *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->module = (ModuleObject *)Py_NewRef((PyObject *)module);
    module->exports = (PyObject *)self;
    return (PyObject *)self;
}

static int Exports_traverse(ExportsObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->module);
    return 0;
}

static void Exports_dealloc(ExportsObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (self->module && self->module->exports == (PyObject *)self)
        self->module->exports = NULL;
    PyObject_GC_UnTrack(self);
    if (self->weakrefs)
        PyObject_ClearWeakRefs((PyObject *)self);
    Py_XDECREF(self->module);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/* Exports come before the methods of the type, for the names are the module's; only
 * names with two underscores stay Python's. */
static PyObject *Exports_getattro(ExportsObject *self, PyObject *name)
{
    if (PyUnicode_GET_LENGTH(name) > 1 && PyUnicode_READ_CHAR(name, 0) == '_' &&
        PyUnicode_READ_CHAR(name, 1) == '_') {
        PyObject *generic = PyObject_GenericGetAttr((PyObject *)self, name);
        if (generic || !PyErr_ExceptionMatches(PyExc_AttributeError))
            return generic;
        PyErr_Clear();
    }
    return Exports_get(State_of(self), self->module, name, true);
}

static PyObject *Exports_subscript(ExportsObject *self, PyObject *name)
{
    if (!PyUnicode_Check(name)) {
        PyErr_Format(PyExc_TypeError, "the names of exports are str, not %.200s",
                     Py_TYPE(name)->tp_name);
        return NULL;
    }
    return Exports_get(State_of(self), self->module, name, false);
}

static Py_ssize_t Exports_length(ExportsObject *self)
{
    return (Py_ssize_t)wazero_module_export_count(self->module->handle);
}

static int Exports_contains(ExportsObject *self, PyObject *name)
{
    if (!PyUnicode_Check(name))
        return 0;
    PyObject *index = index_of(self->module);
    return index ? PyDict_Contains(index, name) : -1;
}

static PyObject *Exports_names(ExportsObject *self)
{
    PyObject *index = index_of(self->module);
    return index ? PyDict_Keys(index) : NULL;
}

static PyObject *Exports_iter(ExportsObject *self)
{
    PyObject *names = Exports_names(self);
    PyObject *iterator = names ? PyObject_GetIter(names) : NULL;
    Py_XDECREF(names);
    return iterator;
}

static PyObject *Exports_repr(ExportsObject *self)
{
    PyObject *index = index_of(self->module);
    PyObject *names = index ? list_names(index) : NULL;
    PyObject *repr = names ? PyUnicode_FromFormat("<wazero.Exports: %U>", names) : NULL;
    Py_XDECREF(names);
    return repr;
}

static PyObject *Exports_dir(ExportsObject *self, PyObject *Py_UNUSED(ignored))
{
    return Exports_names(self);
}

static PyMethodDef Exports_methods[] = {
    {"__dir__", (PyCFunction)Exports_dir, METH_NOARGS, NULL},
    {0},
};

static PyMemberDef Exports_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(ExportsObject, weakrefs),
     Py_READONLY, NULL},
    {0},
};

static PyType_Slot Exports_slots[] = {
    {Py_tp_doc,
     "The exports of a Module by name: Function, Memory, Table, Global, Tag.\n\n"
     "exports.add and exports['add'] are the same object while it is held.\n"
     "An unknown name is an AttributeError or a KeyError; iteration and len()\n"
     "go over all names, in the order of the module."},
    {Py_tp_traverse, Exports_traverse},
    {Py_tp_dealloc, Exports_dealloc},
    {Py_tp_getattro, Exports_getattro},
    {Py_mp_subscript, Exports_subscript},
    {Py_mp_length, Exports_length},
    {Py_sq_contains, Exports_contains},
    {Py_tp_iter, Exports_iter},
    {Py_tp_repr, Exports_repr},
    {Py_tp_methods, Exports_methods},
    {Py_tp_members, Exports_members},
    {0, NULL},
};

static PyType_Spec Exports_spec = {
    .name = "wazero.Exports",
    .basicsize = (int)sizeof(ExportsObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = Exports_slots,
};

int Exports_init(PyObject *module, State *state)
{
    state->exports_type = State_add_type(module, &Exports_spec);
    return state->exports_type ? PyModule_AddType(module, state->exports_type) : -1;
}
