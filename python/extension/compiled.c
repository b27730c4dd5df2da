/*
 * compiled.c - CompiledModule: compiled once, instantiated any number of times.
 *
 * What it tells about imports and exports is made when first asked for and kept.
 * Pickling takes the bytes and the options of the runtime along; unpickling compiles
 * anew, in a runtime of its own.
 *
 * In a forked child the compiled code and the runtime are lost, but what the module
 * tells of itself is not. What needs the code gets it from a successor: the same bytes,
 * compiled when it is first needed in a runtime with the same options. The first handle
 * stays, for the objects from before the fork point into it.
 */
#include "wazeromodule.h"

PyObject *Compiled_new(State *state, RuntimeObject *runtime, PyObject *wasm,
                       PyObject *const *listen)
{
    PyTypeObject *type = state->compiled_type;
    CompiledObject *self = (CompiledObject *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->runtime = (RuntimeObject *)Py_NewRef((PyObject *)runtime);
    self->generation = Threads_generation();
    if (listen && Listeners_make(state, listen, &self->listeners) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    wazero_compiled_module_t *handle = NULL;
    wazero_error_t *error;
    Py_BEGIN_ALLOW_THREADS
    error = wazero_runtime_compile_with_listeners(
        runtime->handle, PyBytes_AS_STRING(wasm), (size_t)PyBytes_GET_SIZE(wasm),
        self->listeners.handle, &handle);
    Py_END_ALLOW_THREADS
    if (error) {
        Py_DECREF(self);
        return Errors_raise(state, error);
    }
    self->handle = handle;
    return (PyObject *)self;
}

static int Compiled_traverse(CompiledObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->runtime);
    Py_VISIT((PyObject *)self->successor);
    return Listeners_traverse(&self->listeners, visit, arg);
}

/* Only listeners can lead back here. */
static int Compiled_clear(CompiledObject *self)
{
    Listeners_clear(&self->listeners);
    return 0;
}

static void Compiled_dealloc(CompiledObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (self->weakrefs)
        PyObject_ClearWeakRefs((PyObject *)self);
    Listeners_clear(&self->listeners);
    if (self->handle) {
        Py_BEGIN_ALLOW_THREADS
        wazero_compiled_module_delete(self->handle);
        Py_END_ALLOW_THREADS
    }
    Py_XDECREF(self->imports);
    Py_XDECREF(self->exports);
    Py_XDECREF(self->export_index);
    Py_XDECREF((PyObject *)self->successor);
    Py_XDECREF(self->runtime);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/* ---------------------------------------------------------------- what it is ----- */

typedef const wazero_extern_t *(*Describe)(const wazero_compiled_module_t *, size_t);

static PyObject *describe_all(CompiledObject *self, PyObject **cached, size_t count,
                              Describe describe,
                              PyObject *(*convert)(State *, const wazero_extern_t *))
{
    State *state = State_of(self);
    if (*cached)
        return Py_NewRef(*cached);
    PyObject *all = PyTuple_New((Py_ssize_t)count);
    for (size_t i = 0; all && i < count; i++) {
        PyObject *one = convert(state, describe(self->handle, i));
        if (one)
            PyTuple_SET_ITEM(all, (Py_ssize_t)i, one);
        else
            Py_CLEAR(all);
    }
    if (all && !*cached)
        *cached = Py_NewRef(all);
    return all;
}

static PyObject *Compiled_imports(CompiledObject *self, void *Py_UNUSED(closure))
{
    return describe_all(self, &self->imports,
                        wazero_compiled_module_import_count(self->handle),
                        wazero_compiled_module_import, Types_import);
}

static PyObject *Compiled_exports(CompiledObject *self, void *Py_UNUSED(closure))
{
    return describe_all(self, &self->exports,
                        wazero_compiled_module_export_count(self->handle),
                        wazero_compiled_module_export, Types_export);
}

PyObject *Compiled_export_index(CompiledObject *self)
{
    if (self->export_index)
        return self->export_index;
    PyObject *index = PyDict_New();
    size_t count = wazero_compiled_module_export_count(self->handle);
    for (size_t i = 0; index && i < count; i++) {
        const wazero_extern_t *export = wazero_compiled_module_export(self->handle, i);
        PyObject *name =
            PyUnicode_DecodeUTF8(export->name, (Py_ssize_t)export->name_size, NULL);
        if (name)
            PyUnicode_InternInPlace(&name);
        PyObject *position = PyLong_FromSize_t(i);
        if (!name || !position || PyDict_SetItem(index, name, position) < 0)
            Py_CLEAR(index);
        Py_XDECREF(position);
        Py_XDECREF(name);
    }
    self->export_index = index;
    return index;
}

/* Views of the sections that the module keeps: see custom_sections of Runtime. */
static PyObject *Compiled_custom_sections(CompiledObject *self,
                                          void *Py_UNUSED(closure))
{
    size_t count = wazero_compiled_module_custom_section_count(self->handle);
    PyObject *all = PyTuple_New((Py_ssize_t)count);
    for (size_t i = 0; all && i < count; i++) {
        const wazero_section_t *section =
            wazero_compiled_module_custom_section(self->handle, i);
        PyObject *one = CustomSection_new(State_of(self), (PyObject *)self, section);
        if (one)
            PyTuple_SET_ITEM(all, (Py_ssize_t)i, one);
        else
            Py_CLEAR(all);
    }
    return all;
}

static PyObject *Compiled_inspect(CompiledObject *self, PyObject *Py_UNUSED(ignored))
{
    return Inspection_of_compiled(State_of(self), self);
}

static PyObject *Compiled_name(CompiledObject *self, void *Py_UNUSED(closure))
{
    size_t size;
    const char *name = wazero_compiled_module_name(self->handle, &size);
    return PyUnicode_DecodeUTF8(name, (Py_ssize_t)size, "replace");
}

static PyObject *Compiled_wasm(CompiledObject *self, void *Py_UNUSED(closure))
{
    size_t size;
    const void *bytes = wazero_compiled_module_bytes(self->handle, &size);
    return PyBytes_FromStringAndSize(bytes, (Py_ssize_t)size);
}

static bool is_current(const CompiledObject *self)
{
    return self->generation == Threads_generation();
}

/* The successor if it is of this process: borrowed. */
static CompiledObject *successor_of(const CompiledObject *self)
{
    return self->successor && is_current(self->successor) ? self->successor : NULL;
}

static bool is_closed(const CompiledObject *self)
{
    const CompiledObject *successor = is_current(self) ? NULL : successor_of(self);
    return self->closed || wazero_compiled_module_is_closed(self->handle) ||
           (successor && wazero_compiled_module_is_closed(successor->handle));
}

static bool is_open(State *state, CompiledObject *self)
{
    if (!is_closed(self))
        return true;
    Errors_raise_closed(state, "compiled module");
    return false;
}

/* Compiles the same bytes in a runtime of its own; another thread may be doing so. */
static int compile_again(State *state, CompiledObject *self)
{
    PyObject *given = self->listeners.given;
    PyObject *const *listen = given ? &PyTuple_GET_ITEM(given, 0) : NULL;
    PyObject *runtime = Runtime_like(state, self->runtime);
    PyObject *wasm = runtime ? Compiled_wasm(self, NULL) : NULL;
    PyObject *compiled =
        wasm ? Compiled_new(state, (RuntimeObject *)runtime, wasm, listen) : NULL;
    Py_XDECREF(wasm);
    Py_XDECREF(runtime);
    if (!compiled)
        return -1;
    if (successor_of(self)) {
        Py_DECREF(compiled);
    } else {
        PyObject *before = (PyObject *)self->successor;
        self->successor = (CompiledObject *)compiled;
        Py_XDECREF(before);
    }
    return 0;
}

CompiledObject *Compiled_current(State *state, CompiledObject *self)
{
    if (!is_open(state, self))
        return NULL;
    if (is_current(self))
        return self;
    if (!successor_of(self) && compile_again(state, self) < 0)
        return NULL;
    return self->successor;
}

static PyObject *Compiled_runtime(CompiledObject *self, void *Py_UNUSED(closure))
{
    if (is_current(self) || is_closed(self))
        return Py_NewRef((PyObject *)self->runtime);
    CompiledObject *current = Compiled_current(State_of(self), self);
    return current ? Py_NewRef((PyObject *)current->runtime) : NULL;
}

static PyObject *Compiled_closed(CompiledObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(is_closed(self));
}

static PyObject *Compiled_repr(CompiledObject *self)
{
    PyObject *name = Compiled_name(self, NULL);
    if (!name)
        return NULL;
    PyObject *repr =
        PyUnicode_FromFormat("<wazero.CompiledModule %R, %zu imports, %zu exports%s>",
                             name, wazero_compiled_module_import_count(self->handle),
                             wazero_compiled_module_export_count(self->handle),
                             is_closed(self) ? ", closed" : "");
    Py_DECREF(name);
    return repr;
}

/* ---------------------------------------------------------------- use ------------ */

static PyObject *Compiled_instantiate(CompiledObject *self, PyObject *const *args,
                                      Py_ssize_t nargs, PyObject *kwnames)
{
    static const ArgsSpec spec = {"instantiate", Config_option_names, OPTION_COUNT, 0,
                                  0};
    PyObject *given[OPTION_COUNT];
    State *state = State_of(self);
    if (!is_open(state, self) || Args_parse(&spec, args, nargs, kwnames, given) < 0)
        return NULL;
    return Module_instantiate(state, self, given);
}

/* In a forked child the handle cannot be closed, only what took its place. */
static PyObject *Compiled_close(CompiledObject *self, PyObject *Py_UNUSED(ignored))
{
    wazero_error_t *error;
    if (!is_current(self)) {
        CompiledObject *successor = successor_of(self);
        self->closed = true;
        if (!successor)
            Py_RETURN_NONE;
        self = successor;
    }
    Py_BEGIN_ALLOW_THREADS
    error = wazero_compiled_module_close(self->handle);
    Py_END_ALLOW_THREADS
    if (error)
        return Errors_raise(State_of(self), error);
    Py_RETURN_NONE;
}

static PyObject *Compiled_enter(CompiledObject *self, PyObject *Py_UNUSED(ignored))
{
    if (!is_open(State_of(self), self))
        return NULL;
    return Py_NewRef((PyObject *)self);
}

static PyObject *Compiled_exit(CompiledObject *self, PyObject *Py_UNUSED(args))
{
    return Compiled_close(self, NULL);
}

static PyObject *Compiled_reduce(CompiledObject *self, PyObject *Py_UNUSED(ignored))
{
    PyObject *package = PyImport_ImportModule("wazero");
    PyObject *rebuild =
        package ? PyObject_GetAttrString(package, "_rebuild_compiled") : NULL;
    Py_XDECREF(package);
    if (!rebuild)
        return NULL;
    PyObject *wasm = Compiled_wasm(self, NULL);
    PyObject *options = wasm ? PyDict_Copy(self->runtime->options) : NULL;
    PyObject *result = NULL;
    if (options)
        result = Py_BuildValue("O(OO)", rebuild, wasm, options);
    Py_XDECREF(options);
    Py_XDECREF(wasm);
    Py_DECREF(rebuild);
    return result;
}

static PyMethodDef Compiled_methods[] = {
    {"instantiate", (PyCFunction)(void (*)(void))Compiled_instantiate,
     METH_FASTCALL | METH_KEYWORDS,
     "instantiate($self, " CONFIG_SIGNATURE
     "Makes a Module of it: see Runtime.instantiate. Any thread, any number of times."},
    {"inspect", (PyCFunction)Compiled_inspect, METH_NOARGS,
     "inspect($self)\n--\n\n"
     "All that the module declares, in detail: an Inspection. Works after close, too."},
    {"close", (PyCFunction)Compiled_close, METH_NOARGS,
     "close($self)\n--\n\n"
     "Frees the compiled code; Modules made of it go on. Closing twice is fine."},
    {"__enter__", (PyCFunction)Compiled_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)Compiled_exit, METH_VARARGS, NULL},
    {"__reduce__", (PyCFunction)Compiled_reduce, METH_NOARGS, NULL},
    {0},
};

static PyGetSetDef Compiled_getset[] = {
    {"name", (getter)Compiled_name, NULL, "The name from the name section, or ''.",
     NULL},
    {"imports", (getter)Compiled_imports, NULL, "The imports: a tuple of ImportType.",
     NULL},
    {"exports", (getter)Compiled_exports, NULL, "The exports: a tuple of ExportType.",
     NULL},
    {"custom_sections", (getter)Compiled_custom_sections, NULL,
     "The custom sections: a tuple of CustomSection.", NULL},
    {"wasm", (getter)Compiled_wasm, NULL, "The bytes that were compiled: a new copy.",
     NULL},
    {"runtime", (getter)Compiled_runtime, NULL,
     "The Runtime that it belongs to; in a forked child one of its own.", NULL},
    {"closed", (getter)Compiled_closed, NULL, "Whether it is closed.", NULL},
    {0},
};

static PyMemberDef Compiled_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(CompiledObject, weakrefs),
     Py_READONLY, NULL},
    {0},
};

static PyType_Slot Compiled_slots[] = {
    {Py_tp_doc,
     "WebAssembly that is compiled, made by Runtime.compile().\n\n"
     "It can be pickled: what comes back is compiled anew, in a Runtime of its\n"
     "own with the same options, without listeners. The same happens by itself in a "
     "child made by\n"
     "os.fork(), when it is first used there. Any thread may use it."},
    {Py_tp_traverse, Compiled_traverse},
    {Py_tp_clear, Compiled_clear},
    {Py_tp_dealloc, Compiled_dealloc},
    {Py_tp_repr, Compiled_repr},
    {Py_tp_methods, Compiled_methods},
    {Py_tp_getset, Compiled_getset},
    {Py_tp_members, Compiled_members},
    {0, NULL},
};

static PyType_Spec Compiled_spec = {
    .name = "wazero.CompiledModule",
    .basicsize = (int)sizeof(CompiledObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = Compiled_slots,
};

int Compiled_init(PyObject *module, State *state)
{
    state->compiled_type = State_add_type(module, &Compiled_spec);
    return state->compiled_type ? PyModule_AddType(module, state->compiled_type) : -1;
}
