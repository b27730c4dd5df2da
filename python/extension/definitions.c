/*
 * definitions.c - what a module holds, part by part, as named tuples: definitions of
 * functions, tables, memories, globals and tags, segments, sections and names.
 *
 * As the types of types.c they hold nothing but strings, numbers and tuples, and can be
 * pickled; the tables of names are read-only mappings.
 */
#include "wazeromodule.h"

/* The first of all that can be imported and exported, and the last. */
#define INDEX_FIELD {"index", "in the index space of its kind, imported ones first"}
#define ORIGIN_FIELDS                                                                  \
    {"import_module", "the name of the module to import from, or None"},               \
        {"import_name", "the name under which it is imported, or None"},               \
        {"export_names", "tuple of the names under which it is exported"}

static PyStructSequence_Field function_fields[] = {
    INDEX_FIELD,
    {"name", "the name from the name section, or ''"},
    {"module_name", "the name of the module from its name section, or ''"},
    {"debug_name", "wazero's name in traces: 'module.name' or 'module.$index'"},
    {"type", "its FunctionType"},
    {"params", "tuple of the names of the parameter types"},
    {"results", "tuple of the names of the result types"},
    ORIGIN_FIELDS,
    {"param_names", "tuple with a name for each parameter, or empty"},
    {"result_names", "tuple with a name for each result, or empty"},
    {"code_offset", "where its body is in the module; 0 if it is imported"},
    {"code_size", "bytes of its body; 0 if it is imported"},
    {"is_host", "whether it is a function of a host module"},
    {"locals", "tuple of pairs: a number of locals behind the parameters, their type"},
    {0},
};
static PyStructSequence_Desc function_desc = {
    "wazero.FunctionDefinition", "What is known of a function.", function_fields, 16};

static PyStructSequence_Field table_fields[] = {
    INDEX_FIELD,   {"type", "its TableType"},
    ORIGIN_FIELDS, {"init", "the Constant that its elements begin with, or None"},
    {0},
};
static PyStructSequence_Desc table_desc = {"wazero.TableDefinition",
                                           "A table of a module.", table_fields, 6};

static PyStructSequence_Field memory_fields[] = {
    INDEX_FIELD,
    {"type", "its MemoryType"},
    ORIGIN_FIELDS,
    {0},
};
static PyStructSequence_Desc memory_desc = {"wazero.MemoryDefinition",
                                            "A memory of a module.", memory_fields, 5};

static PyStructSequence_Field global_fields[] = {
    INDEX_FIELD,
    {"type", "its GlobalType"},
    ORIGIN_FIELDS,
    {"init", "the Constant that it begins with, or None if it is imported"},
    {0},
};
static PyStructSequence_Desc global_desc = {"wazero.GlobalDefinition",
                                            "A global of a module.", global_fields, 6};

static PyStructSequence_Field tag_fields[] = {
    INDEX_FIELD,
    {"type", "its TagType"},
    ORIGIN_FIELDS,
    {0},
};
static PyStructSequence_Desc tag_desc = {"wazero.TagDefinition", "A tag of exceptions.",
                                         tag_fields, 5};

static PyStructSequence_Field constant_fields[] = {
    {"op", "the instruction, 'i32.const' for example; 'computed' for several"},
    {"value", "a number, 16 bytes, an index, the name of a type, or None"},
    {0},
};
static PyStructSequence_Desc constant_desc = {
    "wazero.Constant",
    "A constant expression. value is an int or float, bytes for 'v128.const', the\n"
    "index for 'global.get' and 'ref.func', the name of the type for 'ref.null', and\n"
    "None for 'computed'.",
    constant_fields, 2};

static PyStructSequence_Field element_fields[] = {
    {"index", "in the order of the module"},
    {"mode", "'active', 'passive' or 'declarative'"},
    {"table", "the index of the table of an active segment, or None"},
    {"offset", "where it goes if that is a plain number, or None"},
    {"expression", "the Constant that gives the offset, or None"},
    {"type", "the name of the type of the elements"},
    {"count", "how many elements it has"},
    {0},
};
static PyStructSequence_Desc element_desc = {
    "wazero.ElementSegment", "A segment of elements for a table.", element_fields, 7};

static PyStructSequence_Field data_fields[] = {
    {"index", "in the order of the module"},
    {"mode", "'active' or 'passive'"},
    {"memory", "the index of the memory of an active segment, or None"},
    {"offset", "where it goes if that is a plain number, or None"},
    {"expression", "the Constant that gives the offset, or None"},
    {"size", "in bytes"},
    {"position", "where its bytes are in the module"},
    {0},
};
static PyStructSequence_Desc data_desc = {
    "wazero.DataSegment", "A segment of bytes for a memory.", data_fields, 7};

static PyStructSequence_Field section_fields[] = {
    {"id", "its number in the binary format; 0 is a custom section"},
    {"name", "what the number means; of a custom section its own name"},
    {"offset", "where it begins in the module"},
    {"size", "bytes of all of it"},
    {0},
};
static PyStructSequence_Desc section_desc = {"wazero.Section", "A section of a module.",
                                             section_fields, 4};

static PyStructSequence_Field names_fields[] = {
    {"module", "the name of the module, or ''"},
    {"functions", "names of functions by index"},
    {"locals", "by index of a function: names of its locals by index"},
    {"labels", "by index of a function: names of its labels by index"},
    {"types", "names of types by index"},
    {"tables", "names of tables by index"},
    {"memories", "names of memories by index"},
    {"globals", "names of globals by index"},
    {"elements", "names of element segments by index"},
    {"data", "names of data segments by index"},
    {"fields", "by index of a type: names of its fields by index"},
    {"tags", "names of tags by index"},
    {0},
};
static PyStructSequence_Desc names_desc = {
    "wazero.Names", "What the name section of a module says.", names_fields, 12};

/* ---------------------------------------------------------------- values --------- */

PyObject *Definitions_text(wazero_name_t name)
{
    return PyUnicode_DecodeUTF8(name.data, (Py_ssize_t)name.size, NULL);
}

static PyObject *text_tuple(const wazero_name_t *names, size_t count)
{
    PyObject *tuple = PyTuple_New((Py_ssize_t)count);
    for (size_t i = 0; tuple && i < count; i++) {
        PyObject *text = Definitions_text(names[i]);
        if (text)
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, text);
        else
            Py_CLEAR(tuple);
    }
    return tuple;
}

static PyObject *number_constant(State *state, const wazero_constant_t *constant)
{
    const char *name = wazero_value_type_name(constant->type);
    PyObject *values[] = {
        PyUnicode_FromFormat("%s.const", name),
        constant->type == WAZERO_TYPE_V128
            ? PyBytes_FromStringAndSize((const char *)constant->value, 16)
            : Convert_from_slot(constant->value[0], constant->type),
    };
    return Types_fill(state->constant_struct, values, 2);
}

/* A Constant, or None. */
static PyObject *constant_of(State *state, const wazero_constant_t *constant)
{
    PyObject *values[2] = {NULL, NULL};
    switch (constant->kind) {
    case WAZERO_CONSTANT_NONE:
        Py_RETURN_NONE;
    case WAZERO_CONSTANT_NUMBER:
        return number_constant(state, constant);
    case WAZERO_CONSTANT_GLOBAL:
        values[0] = PyUnicode_InternFromString("global.get");
        values[1] = PyLong_FromUnsignedLong(constant->index);
        break;
    case WAZERO_CONSTANT_FUNCTION:
        values[0] = PyUnicode_InternFromString("ref.func");
        values[1] = PyLong_FromUnsignedLong(constant->index);
        break;
    case WAZERO_CONSTANT_NULL:
        values[0] = PyUnicode_InternFromString("ref.null");
        values[1] = Types_name(constant->type, &constant->reference);
        break;
    case WAZERO_CONSTANT_COMPUTED:
        values[0] = PyUnicode_InternFromString("computed");
        values[1] = Py_NewRef(Py_None);
        break;
    }
    return Types_fill(state->constant_struct, values, 2);
}

static PyObject *optional_text(const wazero_extern_t *import, bool module)
{
    if (!import)
        Py_RETURN_NONE;
    return module
               ? Definitions_text((wazero_name_t){import->module, import->module_size})
               : Definitions_text((wazero_name_t){import->name, import->name_size});
}

/* ---------------------------------------------------------------- definitions ---- */

/* In groups, for seven bytes of a module may declare fifty thousand. */
static PyObject *locals_of(const wazero_function_definition_t *definition)
{
    PyObject *groups = PyTuple_New((Py_ssize_t)definition->local_group_count);
    for (size_t i = 0; groups && i < definition->local_group_count; i++) {
        const wazero_local_group_t *group = &definition->locals[i];
        PyObject *name = Types_name(group->type, &group->reference);
        PyObject *pair =
            name ? Py_BuildValue("(kN)", (unsigned long)group->count, name) : NULL;
        if (pair)
            PyTuple_SET_ITEM(groups, (Py_ssize_t)i, pair);
        else
            Py_CLEAR(groups);
    }
    return groups;
}

PyObject *Definitions_function(State *state,
                               const wazero_function_definition_t *definition,
                               PyObject *type)
{
    PyObject *values[] = {
        PyLong_FromUnsignedLong(definition->index),
        Definitions_text(definition->name),
        Definitions_text(definition->module_name),
        Definitions_text(definition->debug_name),
        type ? Py_NewRef(type) : Types_function(state, definition->type),
        Types_names(definition->type->params, definition->type->param_references,
                    definition->type->param_count),
        Types_names(definition->type->results, definition->type->result_references,
                    definition->type->result_count),
        optional_text(definition->import, true),
        optional_text(definition->import, false),
        text_tuple(definition->export_names, definition->export_name_count),
        text_tuple(definition->param_names, definition->param_name_count),
        text_tuple(definition->result_names, definition->result_name_count),
        PyLong_FromSize_t(definition->code_offset),
        PyLong_FromSize_t(definition->code_size),
        PyBool_FromLong(definition->is_host),
        locals_of(definition),
    };
    return Types_fill(state->function_definition_struct, values, 16);
}

static PyObject *export_names(const wazero_inspection_t *inspection,
                              const wazero_definition_t *definition)
{
    PyObject *names = PyList_New(0);
    const wazero_extern_t *export;
    for (size_t i = 0;
         names && (export = wazero_inspection_export_of(inspection, definition->kind,
                                                        definition->index, i));
         i++) {
        PyObject *name =
            Definitions_text((wazero_name_t){export->name, export->name_size});
        if (!name || PyList_Append(names, name) < 0)
            Py_CLEAR(names);
        Py_XDECREF(name);
    }
    PyObject *tuple = names ? PyList_AsTuple(names) : NULL;
    Py_XDECREF(names);
    return tuple;
}

PyObject *Definitions_other(State *state, const wazero_inspection_t *inspection,
                            const wazero_definition_t *definition)
{
    PyTypeObject *types[] = {
        [WAZERO_EXTERN_TABLE] = state->table_definition_struct,
        [WAZERO_EXTERN_MEMORY] = state->memory_definition_struct,
        [WAZERO_EXTERN_GLOBAL] = state->global_definition_struct,
        [WAZERO_EXTERN_TAG] = state->tag_definition_struct,
    };
    bool has_init = definition->kind == WAZERO_EXTERN_TABLE ||
                    definition->kind == WAZERO_EXTERN_GLOBAL;
    PyObject *values[] = {
        PyLong_FromUnsignedLong(definition->index),
        Types_of(state, definition->kind, &definition->type),
        optional_text(definition->import, true),
        optional_text(definition->import, false),
        export_names(inspection, definition),
        has_init ? constant_of(state, &definition->init) : NULL,
    };
    return Types_fill(types[definition->kind], values, has_init ? 6 : 5);
}

/* ---------------------------------------------------------------- segments ------- */

static PyObject *mode_of(wazero_segment_mode_t mode)
{
    static const char *const names[] = {"active", "passive", "declarative"};
    return PyUnicode_InternFromString(names[mode]);
}

static PyObject *target_of(wazero_segment_mode_t mode, uint32_t index)
{
    if (mode != WAZERO_SEGMENT_ACTIVE)
        Py_RETURN_NONE;
    return PyLong_FromUnsignedLong(index);
}

static PyObject *offset_of(const wazero_constant_t *offset)
{
    if (offset->kind != WAZERO_CONSTANT_NUMBER || offset->type != WAZERO_TYPE_I32)
        Py_RETURN_NONE;
    return PyLong_FromUnsignedLongLong(offset->value[0]);
}

PyObject *Definitions_element(State *state, size_t index,
                              const wazero_element_segment_t *segment)
{
    PyObject *values[] = {
        PyLong_FromSize_t(index),
        mode_of(segment->mode),
        target_of(segment->mode, segment->table),
        offset_of(&segment->offset),
        constant_of(state, &segment->offset),
        Types_name(segment->type, &segment->reference),
        PyLong_FromUnsignedLong(segment->count),
    };
    return Types_fill(state->element_segment_struct, values, 7);
}

PyObject *Definitions_data(State *state, size_t index,
                           const wazero_data_segment_t *segment)
{
    PyObject *values[] = {
        PyLong_FromSize_t(index),
        mode_of(segment->mode),
        target_of(segment->mode, segment->memory),
        offset_of(&segment->offset),
        constant_of(state, &segment->offset),
        PyLong_FromSize_t(segment->size),
        PyLong_FromSize_t(segment->position),
    };
    return Types_fill(state->data_segment_struct, values, 7);
}

PyObject *Definitions_section(State *state, const wazero_section_t *section)
{
    PyObject *values[] = {
        PyLong_FromLong(section->id),
        Definitions_text((wazero_name_t){section->name, section->name_size}),
        PyLong_FromSize_t(section->offset),
        PyLong_FromSize_t(section->size),
    };
    return Types_fill(state->section_struct, values, 4);
}

/* ---------------------------------------------------------------- names ---------- */

/* The dict inside a dict that is for an owner: borrowed, made if it is not there. */
static PyObject *dict_of_owner(PyObject *all, uint32_t owner)
{
    PyObject *key = PyLong_FromUnsignedLong(owner);
    PyObject *inner = key ? PyDict_GetItemWithError(all, key) : NULL;
    if (key && !inner && !PyErr_Occurred()) {
        inner = PyDict_New();
        int result = inner ? PyDict_SetItem(all, key, inner) : -1;
        Py_XDECREF(inner); /* the dict around it has it */
        if (result < 0)
            inner = NULL;
    }
    Py_XDECREF(key);
    return inner;
}

static int add_name(PyObject *names, const wazero_named_t *named)
{
    PyObject *key = PyLong_FromUnsignedLong(named->index);
    PyObject *name = key ? Definitions_text(named->name) : NULL;
    int result = name ? PyDict_SetItem(names, key, name) : -1;
    Py_XDECREF(name);
    Py_XDECREF(key);
    return result;
}

/* Makes the dicts inside of a dict read-only. */
static int freeze_values(PyObject *all)
{
    PyObject *key, *value;
    Py_ssize_t position = 0;
    while (PyDict_Next(all, &position, &key, &value)) {
        PyObject *frozen = PyDictProxy_New(value);
        /* The key is there, so that the dict does not change its shape. */
        int result = frozen ? PyDict_SetItem(all, key, frozen) : -1;
        Py_XDECREF(frozen);
        if (result < 0)
            return -1;
    }
    return 0;
}

static PyObject *names_of(State *state, const wazero_inspection_t *inspection,
                          wazero_name_kind_t kind)
{
    const wazero_named_t *list = NULL;
    size_t count = 0;
    bool has_owners = kind == WAZERO_NAME_LOCAL || kind == WAZERO_NAME_LABEL ||
                      kind == WAZERO_NAME_FIELD;
    wazero_error_t *error = wazero_inspection_names(inspection, kind, &list, &count);
    if (error)
        return Errors_raise(state, error);
    PyObject *names = PyDict_New();
    for (size_t i = 0; names && i < count; i++) {
        PyObject *target = has_owners ? dict_of_owner(names, list[i].owner) : names;
        if (!target || add_name(target, &list[i]) < 0)
            Py_CLEAR(names);
    }
    if (names && has_owners && freeze_values(names) < 0)
        Py_CLEAR(names);
    PyObject *frozen = names ? PyDictProxy_New(names) : NULL;
    Py_XDECREF(names);
    return frozen;
}

PyObject *Definitions_names(State *state, const wazero_inspection_t *inspection)
{
    PyObject *values[12] = {Definitions_text(wazero_inspection_name(inspection))};
    for (int kind = WAZERO_NAME_FUNCTION; kind <= WAZERO_NAME_TAG; kind++)
        if (values[kind - 1])
            values[kind] = names_of(state, inspection, (wazero_name_kind_t)kind);
    return Types_fill(state->names_struct, values, 12);
}

int Definitions_init(PyObject *module, State *state)
{
    const TypesEntry all[] = {
        {&state->function_definition_struct, &function_desc},
        {&state->table_definition_struct, &table_desc},
        {&state->memory_definition_struct, &memory_desc},
        {&state->global_definition_struct, &global_desc},
        {&state->tag_definition_struct, &tag_desc},
        {&state->constant_struct, &constant_desc},
        {&state->element_segment_struct, &element_desc},
        {&state->data_segment_struct, &data_desc},
        {&state->section_struct, &section_desc},
        {&state->names_struct, &names_desc},
    };
    return Types_add(module, all, sizeof all / sizeof *all);
}
