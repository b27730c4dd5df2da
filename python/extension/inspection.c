/*
 * inspection.c - Inspection, what a module declares, and CustomSection.
 *
 * An Inspection has its C object, or borrows it from a CompiledModule, and what it
 * tells is made when it is first asked for and kept. It never changes, and nothing that
 * it keeps leads back to it; only to the bytes, or to the CompiledModule that has them.
 * A CustomSection is a view of those.
 */
#include "wazeromodule.h"

/* What an inspection keeps; also the closures of its attributes. */
enum {
    TYPES,
    IMPORTS,
    EXPORTS,
    FUNCTIONS,
    TABLES,
    MEMORIES,
    GLOBALS,
    TAGS,
    ELEMENTS,
    DATA,
    SECTIONS,
    CUSTOM_SECTIONS,
    NAMES,
    PART_COUNT,
};

typedef struct {
    PyObject_HEAD
    wazero_inspection_t *owned; /* NULL if it is a compiled module's */
    const wazero_inspection_t *handle;
    PyObject *source; /* bytes or CompiledModule: has the module's bytes */
    PyObject *parts[PART_COUNT];
    PyObject *weakrefs;
} InspectionObject;

typedef struct {
    PyObject_HEAD
    PyObject *source;
    PyObject *name;
    const void *data; /* in source */
    size_t offset;    /* of the section in the module */
    size_t size;      /* of its contents */
    PyObject *weakrefs;
} SectionObject;

/* ---------------------------------------------------------------- custom sections - */

PyObject *CustomSection_new(State *state, PyObject *source,
                            const wazero_section_t *section)
{
    PyTypeObject *type = state->custom_section_type;
    PyObject *name =
        Definitions_text((wazero_name_t){section->name, section->name_size});
    SectionObject *self = name ? (SectionObject *)type->tp_alloc(type, 0) : NULL;
    if (!self) {
        Py_XDECREF(name);
        return NULL;
    }
    self->source = Py_NewRef(source);
    self->name = name;
    self->data = section->data;
    self->offset = section->offset;
    self->size = section->data_size;
    return (PyObject *)self;
}

static int Section_traverse(SectionObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->source);
    return 0;
}

static void Section_dealloc(SectionObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (self->weakrefs)
        PyObject_ClearWeakRefs((PyObject *)self);
    Py_XDECREF(self->name);
    Py_XDECREF(self->source);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyObject *Section_repr(SectionObject *self)
{
    return PyUnicode_FromFormat("<wazero.CustomSection %R of %zu bytes>", self->name,
                                self->size);
}

static PyObject *Section_get_name(SectionObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(self->name);
}

static PyObject *Section_get_data(SectionObject *self, void *Py_UNUSED(closure))
{
    return PyBytes_FromStringAndSize(self->data, (Py_ssize_t)self->size);
}

static PyObject *Section_get_offset(SectionObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromSize_t(self->offset);
}

static PyObject *Section_get_size(SectionObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromSize_t(self->size);
}

static Py_ssize_t Section_length(SectionObject *self)
{
    return (Py_ssize_t)self->size;
}

static int Section_getbuffer(SectionObject *self, Py_buffer *buffer, int flags)
{
    return PyBuffer_FillInfo(buffer, (PyObject *)self, (void *)self->data,
                             (Py_ssize_t)self->size, 1, flags);
}

static PyGetSetDef Section_getset[] = {
    {"name", (getter)Section_get_name, NULL, "Its name.", NULL},
    {"data", (getter)Section_get_data, NULL,
     "Its contents, as bytes: a new copy. memoryview(section) shares them.", NULL},
    {"offset", (getter)Section_get_offset, NULL,
     "Where the section begins in the module.", NULL},
    {"size", (getter)Section_get_size, NULL, "The bytes of its contents, as len().",
     NULL},
    {0},
};

static PyMemberDef Section_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(SectionObject, weakrefs),
     Py_READONLY, NULL},
    {0},
};

static PyType_Slot Section_slots[] = {
    {Py_tp_doc, "A custom section of a module: a name and bytes, which it shares\n"
                "with the module (memoryview, bytes)."},
    {Py_tp_traverse, Section_traverse},
    {Py_tp_dealloc, Section_dealloc},
    {Py_tp_repr, Section_repr},
    {Py_mp_length, Section_length},
    {Py_bf_getbuffer, Section_getbuffer},
    {Py_tp_getset, Section_getset},
    {Py_tp_members, Section_members},
    {0, NULL},
};

static PyType_Spec Section_spec = {
    .name = "wazero.CustomSection",
    .basicsize = (int)sizeof(SectionObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = Section_slots,
};

/* ---------------------------------------------------------------- life ----------- */

static InspectionObject *new_inspection(State *state, PyObject *source)
{
    PyTypeObject *type = state->inspection_type;
    InspectionObject *self = (InspectionObject *)type->tp_alloc(type, 0);
    if (self)
        self->source = Py_NewRef(source);
    return self;
}

PyObject *Inspection_of_compiled(State *state, CompiledObject *compiled)
{
    InspectionObject *self = new_inspection(state, (PyObject *)compiled);
    if (!self)
        return NULL;
    wazero_error_t *error =
        wazero_compiled_module_inspection(compiled->handle, &self->handle);
    if (error) {
        Py_DECREF(self);
        return Errors_raise(state, error);
    }
    return (PyObject *)self;
}

/* features may be NULL or None, for all of them. */
static PyObject *inspect_bytes(State *state, PyObject *bytes, PyObject *features)
{
    wazero_runtime_config_t *config = NULL;
    InspectionObject *self = NULL;
    if (features && features != Py_None &&
        Config_features(state, features, &config) < 0)
        return NULL;
    wazero_inspection_t *handle = NULL;
    wazero_error_t *error;
    Py_BEGIN_ALLOW_THREADS
    error = wazero_inspect(config, PyBytes_AS_STRING(bytes),
                           (size_t)PyBytes_GET_SIZE(bytes), &handle);
    Py_END_ALLOW_THREADS
    wazero_runtime_config_delete(config);
    if (error)
        return Errors_raise(state, error);
    self = new_inspection(state, bytes);
    if (!self) {
        wazero_inspection_delete(handle);
        return NULL;
    }
    self->owned = handle;
    self->handle = handle;
    return (PyObject *)self;
}

PyObject *Inspection_inspect(PyObject *module, PyObject *const *args, Py_ssize_t nargs,
                             PyObject *kwnames)
{
    static const char *const names[] = {"wasm", "features"};
    static const ArgsSpec spec = {"inspect", names, 2, 1, 1};
    State *state = PyModule_GetState(module);
    PyObject *values[2];
    if (Args_parse(&spec, args, nargs, kwnames, values) < 0)
        return NULL;
    if (Py_IS_TYPE(values[0], state->compiled_type))
        return Inspection_of_compiled(state, (CompiledObject *)values[0]);
    PyObject *bytes = Runtime_wasm_bytes(values[0]);
    PyObject *inspection = bytes ? inspect_bytes(state, bytes, values[1]) : NULL;
    Py_XDECREF(bytes);
    return inspection;
}

static int Inspection_traverse(InspectionObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->source);
    for (int i = 0; i < PART_COUNT; i++)
        Py_VISIT(self->parts[i]);
    return 0;
}

static void Inspection_dealloc(InspectionObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (self->weakrefs)
        PyObject_ClearWeakRefs((PyObject *)self);
    for (int i = 0; i < PART_COUNT; i++)
        Py_XDECREF(self->parts[i]);
    wazero_inspection_delete(self->owned);
    Py_XDECREF(self->source);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/* ---------------------------------------------------------------- parts ---------- */

static PyObject *part(InspectionObject *self, int which);

/* The FunctionType out of the types, which are shared by all that have it. */
static PyObject *shared_type(PyObject *types, const wazero_inspection_t *handle,
                             const wazero_function_type_t *type)
{
    return PyTuple_GET_ITEM(types, type - wazero_inspection_type(handle, 0));
}

static PyObject *function_at(State *state, const wazero_inspection_t *handle,
                             PyObject *types, size_t index)
{
    const wazero_function_definition_t *definition;
    wazero_error_t *error = wazero_inspection_function(handle, index, &definition);
    if (error)
        return Errors_raise(state, error);
    return Definitions_function(state, definition,
                                shared_type(types, handle, definition->type));
}

static PyObject *definition_at(State *state, const wazero_inspection_t *handle,
                               wazero_extern_kind_t kind, size_t index)
{
    wazero_definition_t definition;
    if (!wazero_inspection_definition(handle, kind, index, &definition))
        Py_RETURN_NONE; /* not reached: the index is below the count */
    return Definitions_other(state, handle, &definition);
}

/* How many items a part has. */
static size_t count_of(const InspectionObject *self, int which)
{
    const wazero_inspection_t *handle = self->handle;
    switch (which) {
    case TYPES:
        return wazero_inspection_type_count(handle);
    case IMPORTS:
        return wazero_inspection_import_count(handle);
    case EXPORTS:
        return wazero_inspection_export_count(handle);
    case ELEMENTS:
        return wazero_inspection_element_count(handle);
    case DATA:
        return wazero_inspection_data_count(handle);
    case SECTIONS:
        return wazero_inspection_section_count(handle);
    case CUSTOM_SECTIONS:
        return wazero_inspection_custom_section_count(handle);
    default:
        return wazero_inspection_definition_count(
            handle, (wazero_extern_kind_t)(which - FUNCTIONS));
    }
}

static PyObject *item_of(State *state, InspectionObject *self, int which,
                         PyObject *types, size_t index)
{
    const wazero_inspection_t *handle = self->handle;
    wazero_element_segment_t element = {0};
    wazero_data_segment_t data = {0};
    switch (which) {
    case TYPES:
        return Types_function(state, wazero_inspection_type(handle, index));
    case IMPORTS:
        return Types_import(state, wazero_inspection_import(handle, index));
    case EXPORTS:
        return Types_export(state, wazero_inspection_export(handle, index));
    case FUNCTIONS:
        return function_at(state, handle, types, index);
    case ELEMENTS:
        wazero_inspection_element(handle, index, &element);
        return Definitions_element(state, index, &element);
    case DATA:
        wazero_inspection_data(handle, index, &data);
        return Definitions_data(state, index, &data);
    case SECTIONS:
        return Definitions_section(state, wazero_inspection_section(handle, index));
    case CUSTOM_SECTIONS:
        return CustomSection_new(state, self->source,
                                 wazero_inspection_custom_section(handle, index));
    default:
        return definition_at(state, handle, (wazero_extern_kind_t)(which - FUNCTIONS),
                             index);
    }
}

static PyObject *make_part(InspectionObject *self, int which)
{
    State *state = State_of(self);
    if (which == NAMES)
        return Definitions_names(state, self->handle);
    PyObject *types = which == FUNCTIONS ? part(self, TYPES) : NULL;
    if (which == FUNCTIONS && !types)
        return NULL;
    size_t count = count_of(self, which);
    PyObject *all = PyTuple_New((Py_ssize_t)count);
    for (size_t i = 0; all && i < count; i++) {
        PyObject *one = item_of(state, self, which, types, i);
        if (one)
            PyTuple_SET_ITEM(all, (Py_ssize_t)i, one);
        else
            Py_CLEAR(all);
    }
    Py_XDECREF(types);
    return all;
}

/* A part, made when it is first asked for: a new reference. */
static PyObject *part(InspectionObject *self, int which)
{
    if (!self->parts[which]) {
        PyObject *made = make_part(self, which);
        if (!self->parts[which]) /* the collector may have let another thread in */
            self->parts[which] = made;
        else
            Py_XDECREF(made);
    }
    return Py_XNewRef(self->parts[which]);
}

static PyObject *Inspection_get_part(InspectionObject *self, void *closure)
{
    return part(self, (int)(intptr_t)closure);
}

static PyObject *Inspection_get_name(InspectionObject *self, void *Py_UNUSED(closure))
{
    return Definitions_text(wazero_inspection_name(self->handle));
}

static PyObject *Inspection_get_start(InspectionObject *self, void *Py_UNUSED(closure))
{
    uint32_t index;
    if (!wazero_inspection_start(self->handle, &index))
        Py_RETURN_NONE;
    return PyLong_FromUnsignedLong(index);
}

/* ---------------------------------------------------------------- showing -------- */

static PyObject *Inspection_repr(InspectionObject *self)
{
    PyObject *name = Inspection_get_name(self, NULL);
    PyObject *repr =
        name ? PyUnicode_FromFormat(
                   "<wazero.Inspection %R, %zu imports, %zu exports, %zu functions>",
                   name, count_of(self, IMPORTS), count_of(self, EXPORTS),
                   count_of(self, FUNCTIONS))
             : NULL;
    Py_XDECREF(name);
    return repr;
}

/* Calls a function of wazero._inspect with the inspection. */
static PyObject *call_helper(InspectionObject *self, const char *name)
{
    PyObject *helper = PyImport_ImportModule("wazero._inspect");
    PyObject *result = helper ? PyObject_CallMethod(helper, name, "(O)", self) : NULL;
    Py_XDECREF(helper);
    return result;
}

static PyObject *Inspection_str(InspectionObject *self)
{
    return call_helper(self, "summary");
}

static PyObject *Inspection_to_dict(InspectionObject *self, PyObject *Py_UNUSED(args))
{
    return call_helper(self, "to_dict");
}

static PyMethodDef Inspection_methods[] = {
    {"to_dict", (PyCFunction)Inspection_to_dict, METH_NOARGS,
     "to_dict($self)\n--\n\n"
     "All of it but the contents of custom sections, as a dict of dicts, lists,\n"
     "strings, numbers and None, for json.dumps."},
    {0},
};

#define PART(name, which, doc)                                                         \
    {name, (getter)Inspection_get_part, NULL, doc, (void *)(intptr_t)(which)}

static PyGetSetDef Inspection_getset[] = {
    {"name", (getter)Inspection_get_name, NULL,
     "The name from the name section, or ''.", NULL},
    {"start", (getter)Inspection_get_start, NULL,
     "The index of the start function, or None.", NULL},
    PART("types", TYPES, "The types: a tuple of FunctionType."),
    PART("imports", IMPORTS, "The imports: a tuple of ImportType."),
    PART("exports", EXPORTS, "The exports: a tuple of ExportType."),
    PART("functions", FUNCTIONS, "The functions: a tuple of FunctionDefinition."),
    PART("tables", TABLES, "The tables: a tuple of TableDefinition."),
    PART("memories", MEMORIES, "The memories: a tuple of MemoryDefinition."),
    PART("globals", GLOBALS, "The globals: a tuple of GlobalDefinition."),
    PART("tags", TAGS, "The tags: a tuple of TagDefinition."),
    PART("elements", ELEMENTS, "The element segments: a tuple of ElementSegment."),
    PART("data", DATA, "The data segments: a tuple of DataSegment."),
    PART("sections", SECTIONS, "The sections in their order: a tuple of Section."),
    PART("custom_sections", CUSTOM_SECTIONS,
         "The custom sections: a tuple of CustomSection."),
    PART("names", NAMES, "What the name section says: Names."),
    {0},
};

static PyMemberDef Inspection_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(InspectionObject, weakrefs),
     Py_READONLY, NULL},
    {0},
};

static PyType_Slot Inspection_slots[] = {
    {Py_tp_doc,
     "What a module declares: made by wazero.inspect() and "
     "CompiledModule.inspect().\n\n"
     "It never changes; what it tells is made when it is first asked for. str() is\n"
     "a summary for people, to_dict() for JSON. Any thread may use it, and so may a\n"
     "forked child."},
    {Py_tp_traverse, Inspection_traverse},
    {Py_tp_dealloc, Inspection_dealloc},
    {Py_tp_repr, Inspection_repr},
    {Py_tp_str, Inspection_str},
    {Py_tp_methods, Inspection_methods},
    {Py_tp_getset, Inspection_getset},
    {Py_tp_members, Inspection_members},
    {0, NULL},
};

static PyType_Spec Inspection_spec = {
    .name = "wazero.Inspection",
    .basicsize = (int)sizeof(InspectionObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = Inspection_slots,
};

int Inspection_init(PyObject *module, State *state)
{
    state->custom_section_type = State_add_type(module, &Section_spec);
    if (!state->custom_section_type ||
        PyModule_AddType(module, state->custom_section_type) < 0)
        return -1;
    state->inspection_type = State_add_type(module, &Inspection_spec);
    return state->inspection_type ? PyModule_AddType(module, state->inspection_type)
                                  : -1;
}
