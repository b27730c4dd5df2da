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

static PyStructSequence_Field definition_fields[] = {
    {"index", "the number of the function, imported ones first"},
    {"name", "its name from the name section, or ''"},
    {"module_name", "the name of the module from the name section, or ''"},
    {"debug_name", "both, as stack traces have them: 'module.name'"},
    {"params", "tuple of the names of the parameter types"},
    {"results", "tuple of the names of the result types"},
    {"param_names", "tuple of the names of the parameters, empty if they have none"},
    {"result_names", "tuple of the names of the results, empty if they have none"},
    {"export_names", "tuple of the names under which it is exported"},
    {"is_host", "whether it is a function of a host module"},
    {0},
};
static PyStructSequence_Desc definition_desc = {"wazero.FunctionDefinition",
                                                "What there is to know of a function.",
                                                definition_fields, 10};

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

/* Puts count values into a new named tuple; takes them, and fails if one is NULL. */
static PyObject *fill(PyTypeObject *type, PyObject *const *values, Py_ssize_t count)
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

static PyObject *type_name(wazero_value_type_t type)
{
    return PyUnicode_InternFromString(wazero_value_type_name(type));
}

PyObject *Types_names(const wazero_value_type_t *types, size_t count)
{
    PyObject *names = PyTuple_New((Py_ssize_t)count);
    for (size_t i = 0; names && i < count; i++) {
        PyObject *name = type_name(types[i]);
        if (name)
            PyTuple_SET_ITEM(names, (Py_ssize_t)i, name);
        else
            Py_CLEAR(names);
    }
    return names;
}

PyObject *Types_type_list(const wazero_value_type_t *types, size_t count)
{
    PyObject *names = Types_names(types, count);
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
    PyObject *params = Types_type_list(type->params, type->param_count);
    PyObject *results =
        type->result_count == 1
            ? PyUnicode_FromString(wazero_value_type_name(type->results[0]))
            : Types_type_list(type->results, type->result_count);
    PyObject *text =
        params && results ? PyUnicode_FromFormat("%U -> %U", params, results) : NULL;
    Py_XDECREF(params);
    Py_XDECREF(results);
    return text;
}

PyObject *Types_function(State *state, const wazero_function_type_t *type)
{
    PyObject *values[] = {Types_names(type->params, type->param_count),
                          Types_names(type->results, type->result_count)};
    return fill(state->function_type_struct, values, 2);
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
    return fill(state->memory_type_struct, values, 3);
}

PyObject *Types_global(State *state, wazero_value_type_t value, bool is_mutable)
{
    PyObject *values[] = {type_name(value), PyBool_FromLong(is_mutable)};
    return fill(state->global_type_struct, values, 2);
}

PyObject *Types_table(State *state, wazero_value_type_t element, wazero_limits_t limits)
{
    PyObject *values[] = {type_name(element), PyLong_FromUnsignedLongLong(limits.min),
                          maximum(limits)};
    return fill(state->table_type_struct, values, 3);
}

PyObject *Types_tag(State *state, const wazero_function_type_t *type)
{
    PyObject *values[] = {Types_names(type->params, type->param_count)};
    return fill(state->tag_type_struct, values, 1);
}

static PyObject *type_of(State *state, const wazero_extern_t *external)
{
    switch (external->kind) {
    case WAZERO_EXTERN_FUNCTION:
        return Types_function(state, &external->type.function);
    case WAZERO_EXTERN_MEMORY:
        return Types_memory(state, external->type.memory);
    case WAZERO_EXTERN_GLOBAL:
        return Types_global(state, external->type.global.value,
                            external->type.global.is_mutable);
    case WAZERO_EXTERN_TABLE:
        return Types_table(state, external->type.table.element,
                           external->type.table.limits);
    case WAZERO_EXTERN_TAG:
        return Types_tag(state, &external->type.function);
    }
    return Py_NewRef(Py_None);
}

PyObject *Types_import(State *state, const wazero_extern_t *import)
{
    PyObject *values[] = {
        PyUnicode_DecodeUTF8(import->module, (Py_ssize_t)import->module_size, NULL),
        PyUnicode_DecodeUTF8(import->name, (Py_ssize_t)import->name_size, NULL),
        PyUnicode_InternFromString(wazero_extern_kind_name(import->kind)),
        type_of(state, import)};
    return fill(state->import_type_struct, values, 4);
}

PyObject *Types_export(State *state, const wazero_extern_t *export)
{
    PyObject *values[] = {
        PyUnicode_DecodeUTF8(export->name, (Py_ssize_t)export->name_size, NULL),
        PyUnicode_InternFromString(wazero_extern_kind_name(export->kind)),
        type_of(state, export)};
    return fill(state->export_type_struct, values, 3);
}

static PyObject *decode(const char *text)
{
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

PyObject *Types_frame(State *state, const wazero_frame_t *frame)
{
    PyObject *values[] = {decode(frame->module), decode(frame->function),
                          decode(frame->signature), decode(frame->source)};
    return fill(state->frame_struct, values, 4);
}

static PyObject *decode_name(wazero_name_t name)
{
    return PyUnicode_DecodeUTF8(name.data, (Py_ssize_t)name.size, "replace");
}

static PyObject *decode_names(const wazero_name_t *names, size_t count)
{
    PyObject *all = PyTuple_New((Py_ssize_t)count);
    for (size_t i = 0; all && i < count; i++) {
        PyObject *name = decode_name(names[i]);
        if (name)
            PyTuple_SET_ITEM(all, (Py_ssize_t)i, name);
        else
            Py_CLEAR(all);
    }
    return all;
}

PyObject *Types_definition(State *state, const wazero_function_definition_t *definition)
{
    const wazero_function_type_t *type = definition->type;
    PyObject *values[] = {
        PyLong_FromUnsignedLong(definition->index),
        decode_name(definition->name),
        decode_name(definition->module_name),
        decode_name(definition->debug_name),
        Types_names(type->params, type->param_count),
        Types_names(type->results, type->result_count),
        decode_names(definition->param_names, definition->param_name_count),
        decode_names(definition->result_names, definition->result_name_count),
        decode_names(definition->export_names, definition->export_name_count),
        PyBool_FromLong(definition->is_host),
    };
    return fill(state->definition_struct, values, sizeof values / sizeof *values);
}

PyObject *Types_stack_frame(State *state, PyObject *function, uint64_t program_counter,
                            uint64_t source_offset)
{
    PyObject *values[] = {function, PyLong_FromUnsignedLongLong(program_counter),
                          PyLong_FromUnsignedLongLong(source_offset)};
    return fill(state->stack_frame_struct, values, 3);
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

int Types_init(PyObject *module, State *state)
{
    const struct {
        PyTypeObject **type;
        PyStructSequence_Desc *desc;
    } all[] = {
        {&state->function_type_struct, &function_desc},
        {&state->memory_type_struct, &memory_desc},
        {&state->table_type_struct, &table_desc},
        {&state->global_type_struct, &global_desc},
        {&state->tag_type_struct, &tag_desc},
        {&state->import_type_struct, &import_desc},
        {&state->export_type_struct, &export_desc},
        {&state->frame_struct, &frame_desc},
        {&state->definition_struct, &definition_desc},
        {&state->stack_frame_struct, &stack_frame_desc},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        *all[i].type = PyStructSequence_NewType(all[i].desc);
        if (!*all[i].type || PyModule_AddType(module, *all[i].type) < 0)
            return -1;
    }
    return 0;
}
