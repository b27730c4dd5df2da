/*
 * types.c - the types of imports and exports as named tuples.
 *
 * They are made from the C descriptions when asked for, hold nothing but strings,
 * numbers and tuples, and can be pickled.
 */
#include "wazeromodule.h"

static PyStructSequence_Field function_fields[] = {
    {"params", "tuple of the names of the parameter types"},
    {"results", "tuple of the names of the result types"},
    {0},
};
static PyStructSequence_Desc function_desc = {
    "wazero.FunctionType", "The type of a function.", function_fields, 2};

static PyStructSequence_Field memory_fields[] = {
    {"min", "pages of 65536 bytes at the start"},
    {"max", "pages that it can grow to, or None"},
    {"shared", "whether threads can share it"},
    {0},
};
static PyStructSequence_Desc memory_desc = {"wazero.MemoryType",
                                            "The type of a memory.", memory_fields, 3};

static PyStructSequence_Field table_fields[] = {
    {"element", "the name of the type of the elements"},
    {"min", "elements at the start"},
    {"max", "elements that it can grow to, or None"},
    {0},
};
static PyStructSequence_Desc table_desc = {"wazero.TableType", "The type of a table.",
                                           table_fields, 3};

static PyStructSequence_Field global_fields[] = {
    {"value", "the name of the type of the value"},
    {"mutable", "whether the value can be set"},
    {0},
};
static PyStructSequence_Desc global_desc = {"wazero.GlobalType",
                                            "The type of a global.", global_fields, 2};

static PyStructSequence_Field tag_fields[] = {
    {"params", "tuple of the names of the types that an exception carries"},
    {0},
};
static PyStructSequence_Desc tag_desc = {
    "wazero.TagType", "The type of a tag of exceptions.", tag_fields, 1};

static PyStructSequence_Field stack_frame_fields[] = {
    {"function", "the FunctionDefinition of the function that runs"},
    {"program_counter", "where it is in machine code, or in what is interpreted"},
    {"source_offset", "where that is in the code section, 0 if it is not known"},
    {0},
};
static PyStructSequence_Desc stack_frame_desc = {
    "wazero.StackFrame", "A function that runs, as a listener sees it.",
    stack_frame_fields, 3};

static PyStructSequence_Field import_fields[] = {
    {"module", "the name of the module to import from"},
    {"name", "the name of what is imported"},
    {"kind", "'function', 'table', 'memory', 'global' or 'tag'"},
    {"type", "its type"},
    {0},
};
static PyStructSequence_Desc import_desc = {"wazero.ImportType",
                                            "An import of a module.", import_fields, 4};

static PyStructSequence_Field export_fields[] = {
    {"name", "the name of what is exported"},
    {"kind", "'function', 'table', 'memory', 'global' or 'tag'"},
    {"type", "its type"},
    {0},
};
static PyStructSequence_Desc export_desc = {"wazero.ExportType",
                                            "An export of a module.", export_fields, 3};

static PyStructSequence_Field frame_fields[] = {
    {"module", "the name of the module from its name section, or ''"},
    {"function", "the name of the function, or '$' and its index"},
    {"signature", "its type as wazero writes it"},
    {"source", "source positions, one a line, where there is DWARF"},
    {0},
};
static PyStructSequence_Desc frame_desc = {
    "wazero.Frame", "One line of a wasm stack trace.", frame_fields, 4};

PyObject *Types_fill(PyTypeObject *type, PyObject *const *values, Py_ssize_t count)
{
    bool complete = true;
    for (Py_ssize_t i = 0; i < count; i++)
        complete = complete && values[i];
    PyObject *result = complete ? PyStructSequence_New(type) : NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (result)
            PyStructSequence_SetItem(result, i, values[i]);
        else
            Py_XDECREF(values[i]);
    }
    return result;
}

PyObject *Types_name(wazero_value_type_t type,
                     const wazero_typed_reference_t *reference)
{
    char text[24];
    if (type != WAZERO_TYPE_REF)
        return PyUnicode_InternFromString(wazero_value_type_name(type));
    wazero_value_type_text(type, reference, text, sizeof text);
    return PyUnicode_FromString(text);
}

PyObject *Types_names(const wazero_value_type_t *types,
                      const wazero_typed_reference_t *references, size_t count)
{
    PyObject *names = PyTuple_New((Py_ssize_t)count);
    for (size_t i = 0; names && i < count; i++) {
        PyObject *name = Types_name(types[i], references ? &references[i] : NULL);
        if (name)
            PyTuple_SET_ITEM(names, (Py_ssize_t)i, name);
        else
            Py_CLEAR(names);
    }
    return names;
}

PyObject *Types_type_list(const wazero_value_type_t *types,
                          const wazero_typed_reference_t *references, size_t count)
{
    PyObject *names = Types_names(types, references, count);
    PyObject *comma = names ? PyUnicode_FromString(", ") : NULL;
    PyObject *list = comma ? PyUnicode_Join(comma, names) : NULL;
    PyObject *text = list ? PyUnicode_FromFormat("(%U)", list) : NULL;
    Py_XDECREF(list);
    Py_XDECREF(comma);
    Py_XDECREF(names);
    return text;
}

PyObject *Types_signature(const wazero_function_type_t *type)
{
    PyObject *params =
        Types_type_list(type->params, type->param_references, type->param_count);
    PyObject *results = type->result_count == 1
                            ? Types_name(type->results[0], type->result_references)
                            : Types_type_list(type->results, type->result_references,
                                              type->result_count);
    PyObject *text =
        params && results ? PyUnicode_FromFormat("%U -> %U", params, results) : NULL;
    Py_XDECREF(params);
    Py_XDECREF(results);
    return text;
}

PyObject *Types_function(State *state, const wazero_function_type_t *type)
{
    PyObject *values[] = {
        Types_names(type->params, type->param_references, type->param_count),
        Types_names(type->results, type->result_references, type->result_count)};
    return Types_fill(state->function_type_struct, values, 2);
}

static PyObject *maximum(wazero_limits_t limits)
{
    return limits.has_max ? PyLong_FromUnsignedLongLong(limits.max)
                          : Py_NewRef(Py_None);
}

PyObject *Types_memory(State *state, wazero_limits_t limits)
{
    PyObject *values[] = {PyLong_FromUnsignedLongLong(limits.min), maximum(limits),
                          PyBool_FromLong(limits.shared)};
    return Types_fill(state->memory_type_struct, values, 3);
}

PyObject *Types_global(State *state, wazero_value_type_t value,
                       wazero_typed_reference_t reference, bool is_mutable)
{
    PyObject *values[] = {Types_name(value, &reference), PyBool_FromLong(is_mutable)};
    return Types_fill(state->global_type_struct, values, 2);
}

PyObject *Types_table(State *state, wazero_value_type_t element,
                      wazero_typed_reference_t reference, wazero_limits_t limits)
{
    PyObject *values[] = {Types_name(element, &reference),
                          PyLong_FromUnsignedLongLong(limits.min), maximum(limits)};
    return Types_fill(state->table_type_struct, values, 3);
}

PyObject *Types_tag(State *state, const wazero_function_type_t *type)
{
    PyObject *values[] = {
        Types_names(type->params, type->param_references, type->param_count)};
    return Types_fill(state->tag_type_struct, values, 1);
}

PyObject *Types_of(State *state, wazero_extern_kind_t kind,
                   const wazero_extern_type_t *type)
{
    switch (kind) {
    case WAZERO_EXTERN_FUNCTION:
        return Types_function(state, &type->function);
    case WAZERO_EXTERN_MEMORY:
        return Types_memory(state, type->memory);
    case WAZERO_EXTERN_GLOBAL:
        return Types_global(state, type->global.value, type->global.reference,
                            type->global.is_mutable);
    case WAZERO_EXTERN_TABLE:
        return Types_table(state, type->table.element, type->table.reference,
                           type->table.limits);
    case WAZERO_EXTERN_TAG:
        return Types_tag(state, &type->function);
    }
    return Py_NewRef(Py_None);
}

PyObject *Types_import(State *state, const wazero_extern_t *import)
{
    PyObject *values[] = {
        PyUnicode_DecodeUTF8(import->module, (Py_ssize_t)import->module_size, NULL),
        PyUnicode_DecodeUTF8(import->name, (Py_ssize_t)import->name_size, NULL),
        PyUnicode_InternFromString(wazero_extern_kind_name(import->kind)),
        Types_of(state, import->kind, &import->type)};
    return Types_fill(state->import_type_struct, values, 4);
}

PyObject *Types_export(State *state, const wazero_extern_t *export)
{
    PyObject *values[] = {
        PyUnicode_DecodeUTF8(export->name, (Py_ssize_t)export->name_size, NULL),
        PyUnicode_InternFromString(wazero_extern_kind_name(export->kind)),
        Types_of(state, export->kind, &export->type)};
    return Types_fill(state->export_type_struct, values, 3);
}

static PyObject *decode(const char *text)
{
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

PyObject *Types_frame(State *state, const wazero_frame_t *frame)
{
    PyObject *values[] = {decode(frame->module), decode(frame->function),
                          decode(frame->signature), decode(frame->source)};
    return Types_fill(state->frame_struct, values, 4);
}

PyObject *Types_stack_frame(State *state, PyObject *function, uint64_t program_counter,
                            uint64_t source_offset)
{
    PyObject *values[] = {function, PyLong_FromUnsignedLongLong(program_counter),
                          PyLong_FromUnsignedLongLong(source_offset)};
    return Types_fill(state->stack_frame_struct, values, 3);
}

wazero_value_type_t Types_parse(PyObject *name)
{
    static const wazero_value_type_t types[] = {
        WAZERO_TYPE_I32,  WAZERO_TYPE_I64,       WAZERO_TYPE_F32,    WAZERO_TYPE_F64,
        WAZERO_TYPE_V128, WAZERO_TYPE_EXTERNREF, WAZERO_TYPE_FUNCREF};
    for (size_t i = 0; PyUnicode_Check(name) && i < sizeof types; i++) {
        const char *text = wazero_value_type_name(types[i]);
        if (PyUnicode_CompareWithASCIIString(name, text) == 0)
            return types[i];
    }
    PyErr_Format(PyUnicode_Check(name) ? PyExc_ValueError : PyExc_TypeError,
                 "a value type is 'i32', 'i64', 'f32', 'f64', 'v128', 'externref' or "
                 "'funcref', not %R",
                 name);
    return 0;
}

PyObject *Types_parse_list(PyObject *names, const char *what)
{
    if (PyUnicode_Check(names)) {
        PyErr_Format(PyExc_TypeError,
                     "%s must be a sequence of type names, not one str", what);
        return NULL;
    }
    PyObject *items = PySequence_List(names);
    if (!items)
        return NULL;
    Py_ssize_t count = PyList_GET_SIZE(items);
    PyObject *types = PyBytes_FromStringAndSize(NULL, count);
    for (Py_ssize_t i = 0; types && i < count; i++) {
        wazero_value_type_t type = Types_parse(PyList_GET_ITEM(items, i));
        if (type)
            PyBytes_AS_STRING(types)[i] = (char)type;
        else
            Py_CLEAR(types);
    }
    Py_DECREF(items);
    return types;
}

int Types_add(PyObject *module, const TypesEntry *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        *all[i].type = PyStructSequence_NewType(all[i].description);
        if (!*all[i].type || PyModule_AddType(module, *all[i].type) < 0)
            return -1;
    }
    return 0;
}

int Types_init(PyObject *module, State *state)
{
    const TypesEntry all[] = {
        {&state->function_type_struct, &function_desc},
        {&state->memory_type_struct, &memory_desc},
        {&state->table_type_struct, &table_desc},
        {&state->global_type_struct, &global_desc},
        {&state->tag_type_struct, &tag_desc},
        {&state->import_type_struct, &import_desc},
        {&state->export_type_struct, &export_desc},
        {&state->frame_struct, &frame_desc},
        {&state->stack_frame_struct, &stack_frame_desc},
    };
    return Types_add(module, all, sizeof all / sizeof *all);
}
