/*
 * tag.c - Tag, which tells exceptions apart: exported by a Module, or made by the host.
 */
#include "wazeromodule.h"

PyObject *Tag_new(State *state, ModuleObject *module, ExportSlot *slot, PyObject *name)
{
    PyTypeObject *type = state->tag_type;
    TagObject *self = (TagObject *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->export = wazero_module_export(module->handle, (size_t)(slot - module->slots));
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

static int Tag_traverse(TagObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->module);
    return 0;
}

static void Tag_dealloc(TagObject *self)
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

static PyObject *Tag_make(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"runtime", "params"};
    static const ArgsSpec spec = {"Tag", names, 2, 2, 2};
    State *state = PyType_GetModuleState(type);
    PyObject *values[2];
    wazero_tag_t *handle;
    if (Args_parse_new(&spec, args, kwargs, values) < 0 ||
        Made_check_runtime(state, "Tag", values[0]) < 0)
        return NULL;
    RuntimeObject *runtime = (RuntimeObject *)values[0];
    PyObject *params = Types_parse_list(values[1], "params");
    if (!params)
        return NULL;
    wazero_error_t *error = wazero_tag_new(
        runtime->handle, (const wazero_value_type_t *)PyBytes_AS_STRING(params),
        (size_t)PyBytes_GET_SIZE(params), &handle);
    Py_DECREF(params);
    if (error)
        return Errors_raise(state, error);
    PyObject *made = Made_export(state, runtime, wazero_tag_module(handle), Py_None);
    wazero_tag_delete(handle);
    return made;
}

static PyObject *Tag_get_type(TagObject *self, void *Py_UNUSED(closure))
{
    return Types_tag(State_of(self), &self->export->type.function);
}

static PyObject *Tag_get_name(TagObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(self->name);
}

static PyObject *Tag_get_module(TagObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef((PyObject *)self->module);
}

static PyObject *Tag_repr(TagObject *self)
{
    const wazero_function_type_t *type = &self->export->type.function;
    PyObject *types =
        Types_type_list(type->params, type->param_references, type->param_count);
    PyObject *repr =
        types ? PyUnicode_FromFormat("<wazero.Tag %U: %U>", self->name, types) : NULL;
    Py_XDECREF(types);
    return repr;
}

static PyGetSetDef Tag_getset[] = {
    {"type", (getter)Tag_get_type, NULL, "Its TagType.", NULL},
    {"name", (getter)Tag_get_name, NULL, "The name under which it is exported.", NULL},
    {"module", (getter)Tag_get_module, NULL,
     "The Module that exports it; of one made by the host a Module that has only it.",
     NULL},
    {0},
};

static PyMemberDef Tag_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(TagObject, weakrefs), Py_READONLY,
     NULL},
    {0},
};

static PyType_Slot Tag_slots[] = {
    {Py_tp_doc,
     "Tag(runtime, params)\n--\n\n"
     "What tells exceptions apart: a tag that a Module exports; or one made here, for\n"
     "modules to import, whose exceptions carry values of the types params. The "
     "runtime\n"
     "needs the feature exception-handling."},
    {Py_tp_new, Tag_make},
    {Py_tp_traverse, Tag_traverse},
    {Py_tp_dealloc, Tag_dealloc},
    {Py_tp_repr, Tag_repr},
    {Py_tp_getset, Tag_getset},
    {Py_tp_members, Tag_members},
    {0, NULL},
};

static PyType_Spec Tag_spec = {
    .name = "wazero.Tag",
    .basicsize = (int)sizeof(TagObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = Tag_slots,
};

int Tag_init(PyObject *module, State *state)
{
    state->tag_type = State_add_type(module, &Tag_spec);
    return state->tag_type ? PyModule_AddType(module, state->tag_type) : -1;
}
