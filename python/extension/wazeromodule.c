/*
 * wazeromodule.c - the extension module wazero._wazero.
 *
 * Importing it starts nothing: libwazero loads its engine when the first object needs
 * it.
 */
#include "wazeromodule.h"

PyTypeObject *State_add_type(PyObject *module, PyType_Spec *spec)
{
    return (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
}

/* ---------------------------------------------------------------- functions ------ */

static PyObject *wazero_py_version(PyObject *Py_UNUSED(module),
                                   PyObject *Py_UNUSED(args))
{
    return PyUnicode_FromString(wazero_version());
}

static PyObject *wazero_py_engine_version(PyObject *module, PyObject *Py_UNUSED(args))
{
    const char *version;
    wazero_error_t *error;
    Py_BEGIN_ALLOW_THREADS
    error = wazero_engine_version(&version);
    Py_END_ALLOW_THREADS
    if (error)
        return Errors_raise(PyModule_GetState(module), error);
    return PyUnicode_FromString(version);
}

static PyObject *wazero_py_compiler_supported(PyObject *module,
                                              PyObject *Py_UNUSED(args))
{
    bool supported = false;
    wazero_error_t *error;
    Py_BEGIN_ALLOW_THREADS
    error = wazero_compiler_supported(&supported);
    Py_END_ALLOW_THREADS
    if (error)
        return Errors_raise(PyModule_GetState(module), error);
    return PyBool_FromLong(supported);
}

static PyObject *wazero_py_validate(PyObject *module, PyObject *wasm)
{
    PyObject *bytes = Runtime_wasm_bytes(wasm);
    if (!bytes)
        return NULL;
    wazero_error_t *error;
    Py_BEGIN_ALLOW_THREADS
    error = wazero_validate(NULL, PyBytes_AS_STRING(bytes),
                            (size_t)PyBytes_GET_SIZE(bytes));
    Py_END_ALLOW_THREADS
    Py_DECREF(bytes);
    if (error)
        return Errors_raise(PyModule_GetState(module), error);
    Py_RETURN_NONE;
}

/* For wazero.run: the name of a function and its timeout, refused if it is none. */
static PyObject *wazero_py_check_timeout(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *function, *value;
    uint64_t nanoseconds;
    if (!PyArg_ParseTuple(args, "UO", &function, &value) ||
        Args_timeout(function, value, &nanoseconds) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"version", wazero_py_version, METH_NOARGS,
     "version()\n--\n\nThe version of this package, for example '0.1.0'."},
    {"engine_version", wazero_py_engine_version, METH_NOARGS,
     "engine_version()\n--\n\nThe version of wazero inside, for example 'v1.12.0'. "
     "Loads "
     "the engine."},
    {"compiler_supported", wazero_py_compiler_supported, METH_NOARGS,
     "compiler_supported()\n--\n\nWhether wazero compiles to machine code on this "
     "machine; where not, engine='auto'\nis the interpreter. Loads the engine."},
    {"inspect", (PyCFunction)(void (*)(void))Inspection_inspect,
     METH_FASTCALL | METH_KEYWORDS,
     "inspect(wasm, *, features=None)\n--\n\n"
     "What a module declares: an Inspection. wasm is bytes-like, an os.PathLike or a\n"
     "CompiledModule; features are as in Runtime, None for all that there are.\n\n"
     "Nothing is compiled and the engine is not loaded. CompileError if the sections\n"
     "are malformed or do not fit together; what functions do is not looked at, so\n"
     "that validate() tells whether the module is valid. Any thread."},
    {"_check_timeout", wazero_py_check_timeout, METH_VARARGS, NULL},
    {"_new_default_cache", Cache_default, METH_NOARGS, NULL},
    {"validate", wazero_py_validate, METH_O,
     "validate(wasm, /)\n--\n\n"
     "Returns None if wasm, bytes-like or an os.PathLike, is a valid module under the\n"
     "default features and limits; CompileError says why it is not. Makes no code."},
    {0},
};

/* ---------------------------------------------------------------- the module ----- */

static int wazero_exec(PyObject *module)
{
    static int (*const parts[])(PyObject *, State *) = {
        Threads_init,     Errors_init,   Types_init,    Definitions_init,
        Inspection_init,  Config_init,   Cache_init,    Runtime_init,
        Compiled_init,    Module_init,   Exports_init,  Function_init,
        Memory_init,      Global_init,   Table_init,    Tag_init,
        HostModule_init,  Listener_init, Snapshot_init, Dir_init,
        MemoryFiles_init, Trace_init,    Waiting_init,  OverlayFiles_init,
    };
    State *state = PyModule_GetState(module);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i](module, state) < 0)
            return -1;
    }
    PyObject *features = Config_feature_names();
    if (!features)
        return -1;
    int result = PyModule_AddObjectRef(module, "_features", features);
    Py_DECREF(features);
    return result;
}

/* The references of the state, in one list for traverse and clear. */
#define STATE_OBJECTS(VISIT)                                                           \
    VISIT(runtime_type)                                                                \
    VISIT(compiled_type)                                                               \
    VISIT(cache_type)                                                                  \
    VISIT(module_type)                                                                 \
    VISIT(exports_type)                                                                \
    VISIT(function_type)                                                               \
    VISIT(memory_type)                                                                 \
    VISIT(global_type)                                                                 \
    VISIT(host_function_type)                                                          \
    VISIT(inherit_type)                                                                \
    VISIT(dir_type)                                                                    \
    VISIT(memory_files_type)                                                           \
    VISIT(overlay_files_type)                                                          \
    VISIT(call_type)                                                                   \
    VISIT(snapshot_type)                                                               \
    VISIT(trace_type)                                                                  \
    VISIT(wasi_call_type)                                                              \
    VISIT(usage_struct)                                                                \
    VISIT(waiting_type)                                                                \
    VISIT(function_type_struct)                                                        \
    VISIT(memory_type_struct)                                                          \
    VISIT(table_type_struct)                                                           \
    VISIT(global_type_struct)                                                          \
    VISIT(tag_type_struct)                                                             \
    VISIT(import_type_struct)                                                          \
    VISIT(export_type_struct)                                                          \
    VISIT(frame_struct)                                                                \
    VISIT(function_definition_struct)                                                  \
    VISIT(table_definition_struct)                                                     \
    VISIT(memory_definition_struct)                                                    \
    VISIT(global_definition_struct)                                                    \
    VISIT(tag_definition_struct)                                                       \
    VISIT(constant_struct)                                                             \
    VISIT(element_segment_struct)                                                      \
    VISIT(data_segment_struct)                                                         \
    VISIT(section_struct)                                                              \
    VISIT(names_struct)                                                                \
    VISIT(inspection_type)                                                             \
    VISIT(custom_section_type)                                                         \
    VISIT(stack_frame_struct)                                                          \
    VISIT(error)                                                                       \
    VISIT(compile_error)                                                               \
    VISIT(link_error)                                                                  \
    VISIT(trap)                                                                        \
    VISIT(exit_error)                                                                  \
    VISIT(timeout)                                                                     \
    VISIT(interrupted)                                                                 \
    VISIT(output_limit_error)                                                          \
    VISIT(closed_error)                                                                \
    VISIT(forked_error)                                                                \
    VISIT(snapshot_restore)                                                            \
    VISIT(inherit)                                                                     \
    VISIT(struct_pack)                                                                 \
    VISIT(struct_unpack)                                                               \
    VISIT(struct_calcsize)                                                             \
    VISIT(array_type)

static int wazero_traverse(PyObject *module, visitproc visit, void *arg)
{
    State *state = PyModule_GetState(module);
#define VISIT_ONE(field) Py_VISIT(state->field);
    STATE_OBJECTS(VISIT_ONE)
#undef VISIT_ONE
    return 0;
}

static int wazero_clear(PyObject *module)
{
    State *state = PyModule_GetState(module);
#define CLEAR_ONE(field) Py_CLEAR(state->field);
    STATE_OBJECTS(CLEAR_ONE)
#undef CLEAR_ONE
    return 0;
}

static void wazero_free_state(void *module)
{
    wazero_clear(module);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, wazero_exec},
    COMPAT_MODULE_SLOTS{0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "wazero._wazero",
    .m_doc = "The C core of wazero. Use the package `wazero`.",
    .m_size = (Py_ssize_t)sizeof(State),
    .m_methods = functions,
    .m_slots = slots,
    .m_traverse = wazero_traverse,
    .m_clear = wazero_clear,
    .m_free = wazero_free_state,
};

State *State_of_base(void *object)
{
    PyObject *module = PyType_GetModuleByDef(Py_TYPE((PyObject *)object), &definition);
    return PyModule_GetState(module);
}

PyMODINIT_FUNC PyInit__wazero(void)
{
    return PyModuleDef_Init(&definition);
}
