/*
 * module.c - Module, an instance.
 *
 * The Python object is made first and given to the C configuration as `user`; then
 * wazero_module_new links, which runs no guest code; then the object takes the handle
 * in; then wazero_module_start runs the guest, whose host functions find a complete
 * Module.
 *
 * dealloc closes the C module before it frees what the module's host functions and
 * streams use: libwazero calls none of them after that. A call that runs holds a
 * Function and so the Module, directly or through `sources` and `dependents`.
 */
#include "wazeromodule.h"

/* ---------------------------------------------------------------- life ----------- */

ModuleObject *Module_allocate(State *state, RuntimeObject *runtime,
                              CompiledObject *compiled)
{
    PyTypeObject *type = state->module_type;
    ModuleObject *self = (ModuleObject *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->runtime = (RuntimeObject *)Py_NewRef((PyObject *)runtime);
    self->compiled = (CompiledObject *)Py_XNewRef((PyObject *)compiled);
    return self;
}

static int Module_traverse(ModuleObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->runtime);
    Py_VISIT(self->compiled);
    Py_VISIT(self->sources);
    Py_VISIT(self->dependents);
    for (size_t i = 0; i < self->host_count; i++)
        Py_VISIT(self->hosts[i].callable);
    for (int i = 0; i < 3; i++) {
        int result = Stream_traverse(&self->streams[i], visit, arg);
        if (result)
            return result;
    }
    for (int i = 0; i < SOURCE_COUNT; i++)
        Py_VISIT(self->time_and_random[i].call);
    if (self->notice)
        Py_VISIT(self->notice->object);
    Py_VISIT(self->trace);
    if (self->tracer)
        Py_VISIT(self->tracer->object);
    for (size_t i = 0; i < self->file_system_count; i++)
        Py_VISIT(self->file_systems[i]->object);
    return Listeners_traverse(&self->listeners, visit, arg);
}

/* Closes the C module; what goes wrong then cannot be told to anybody. */
static void close_quietly(ModuleObject *self)
{
    if (!self->handle)
        return;
    Py_BEGIN_ALLOW_THREADS
    wazero_error_delete(wazero_module_close_with_exit_code(self->handle, 0));
    Py_END_ALLOW_THREADS
}

/* Before the collector breaks the cycle that the module is in: what on_close uses is
 * whole then. */
static void Module_finalize(ModuleObject *self)
{
    if (!self->notice)
        return;
    close_quietly(self);
    Notice_settle(self);
}

static int Module_clear(ModuleObject *self)
{
    close_quietly(self);
    Box_clear(&self->notice);
    Box_clear(&self->tracer);
    while (self->file_system_count)
        Box_clear(&self->file_systems[--self->file_system_count]);
    Listeners_clear(&self->listeners);
    Host_free_bindings(self);
    for (int i = 0; i < 3; i++)
        Stream_clear(&self->streams[i]);
    for (int i = 0; i < SOURCE_COUNT; i++)
        Py_CLEAR(self->time_and_random[i].call);
    Py_CLEAR(self->sources);
    Py_CLEAR(self->dependents);
    return 0;
}

static void Module_dealloc(ModuleObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (self->notice && PyObject_CallFinalizerFromDealloc((PyObject *)self) < 0)
        return; /* on_close has kept it */
    self->dying = true;
    PyObject_GC_UnTrack(self);
    if (self->weakrefs)
        PyObject_ClearWeakRefs((PyObject *)self);
    Module_clear(self);
    if (self->handle) {
        Py_BEGIN_ALLOW_THREADS
        Exports_delete_handles(self);
        wazero_module_delete(self->handle);
        Py_END_ALLOW_THREADS
    }
    PyMem_Free(self->slots);
    PyMem_Free(self->file_systems);
    Py_XDECREF(self->trace);
    Py_XDECREF(self->export_index);
    Py_XDECREF(self->compiled);
    Py_XDECREF(self->runtime);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

bool Module_is_open(State *state, ModuleObject *self)
{
    if (!wazero_module_is_closed(self->handle, NULL))
        return true;
    Errors_raise_closed(state, "module");
    return false;
}

PyObject *Module_of_caller(wazero_module_t *handle)
{
    ModuleObject *self = handle ? wazero_module_user(handle) : NULL;
    if (!self || self->dying)
        Py_RETURN_NONE;
    return Py_NewRef((PyObject *)self);
}

/* ---------------------------------------------------------------- holding -------- */

/* Another thread may have dropped the object since: its dealloc closes the C module
 * before it frees the object, and it needs the GIL to do so, hence this order of
 * looking. */
ModuleObject *Module_of(wazero_module_t *handle)
{
    if (wazero_module_is_closed(handle, NULL))
        return NULL;
    ModuleObject *self = wazero_module_user(handle);
    return self && !self->dying ? self : NULL;
}

/* Drops the modules that are closed: they need not be kept. */
static int prune_dependents(ModuleObject *self)
{
    PyObject *open = PySet_New(NULL), *iterator = NULL, *item;
    if (open)
        iterator = PyObject_GetIter(self->dependents);
    while (iterator && (item = PyIter_Next(iterator))) {
        if (!wazero_module_is_closed(((ModuleObject *)item)->handle, NULL) &&
            PySet_Add(open, item) < 0)
            Py_CLEAR(iterator);
        Py_DECREF(item);
    }
    Py_XDECREF(iterator);
    if (PyErr_Occurred()) {
        Py_XDECREF(open);
        return -1;
    }
    self->dependents_limit = 2 * PySet_GET_SIZE(open) + 16;
    Py_SETREF(self->dependents, open);
    return 0;
}

static int hold(ModuleObject *self, ModuleObject *other)
{
    if (!self->dependents)
        self->dependents = PySet_New(NULL);
    if (!self->dependents)
        return -1;
    if (PySet_GET_SIZE(self->dependents) > self->dependents_limit &&
        prune_dependents(self) < 0)
        return -1;
    return PySet_Add(self->dependents, (PyObject *)other);
}

static bool has_references(const wazero_function_type_t *type)
{
    for (size_t i = 0; i < type->param_count + type->result_count; i++) {
        wazero_value_type_t one = i < type->param_count
                                      ? type->params[i]
                                      : type->results[i - type->param_count];
        if (!Convert_is_number(one) && one != WAZERO_TYPE_V128)
            return true;
    }
    return false;
}

int Module_hold_value(ModuleObject *self, PyObject *value)
{
    if (!self || !Py_IS_TYPE(value, State_of(self)->function_type))
        return 0;
    const FunctionObject *function = (FunctionObject *)value;
    ModuleObject *home = function->module;
    if (!home || home == self)
        return 0;
    /* A function that takes references may be given some of this module's. */
    if (has_references(function->type) && hold(home, self) < 0)
        return -1;
    return hold(self, home);
}

/* ---------------------------------------------------------------- linking -------- */

static int adopt_source(ModuleObject *self, ModuleObject *source, bool shares)
{
    if (PyList_Append(self->sources, (PyObject *)source) < 0)
        return -1;
    if (!shares)
        return 0;
    return hold(source, self);
}

int Module_adopt(State *Py_UNUSED(state), ModuleObject *self, wazero_module_t *handle)
{
    self->handle = handle;
    self->sources = PyList_New(0);
    if (!self->sources)
        return -1;
    wazero_module_t *source_handle;
    bool shares;
    for (size_t i = 0; (source_handle = wazero_module_source(handle, i, &shares));
         i++) {
        ModuleObject *source = Module_of(source_handle);
        if (source && source != self && adopt_source(self, source, shares) < 0)
            return -1;
    }
    return 0;
}

static PyObject *name_of(ModuleObject *self)
{
    size_t size;
    const char *name = wazero_module_name(self->handle, &size);
    return PyUnicode_DecodeUTF8(name, (Py_ssize_t)size, NULL);
}

PyObject *Module_display_name(ModuleObject *self)
{
    size_t size;
    const char *name = wazero_module_name(self->handle, &size);
    if (size == 0 && self->compiled)
        name = wazero_compiled_module_name(self->compiled->handle, &size);
    return PyUnicode_DecodeUTF8(name, (Py_ssize_t)size, "replace");
}

int Module_register(ModuleObject *self)
{
    PyObject *name = name_of(self);
    if (!name)
        return -1;
    int result = 0;
    if (PyUnicode_GET_LENGTH(name) > 0)
        result = PyDict_SetItem(self->runtime->modules, name, (PyObject *)self);
    Py_DECREF(name);
    return result;
}

/* Lets go of a module that is closed: others need not keep it any more. */
static void forget(ModuleObject *self)
{
    Runtime_forget(self->runtime, self);
    Py_ssize_t count = self->sources ? PyList_GET_SIZE(self->sources) : 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        ModuleObject *source = (ModuleObject *)PyList_GET_ITEM(self->sources, i);
        if (source->dependents)
            (void)PySet_Discard(source->dependents, (PyObject *)self);
    }
}

/* Hands on the last bytes of text streams, once. */
static int flush(ModuleObject *self)
{
    int result = Stream_flush(&self->streams[WAZERO_STDOUT]);
    if (result == 0)
        result = Stream_flush(&self->streams[WAZERO_STDERR]);
    return result;
}

void Module_after_error(ModuleObject *self)
{
    if (!wazero_module_is_closed(self->handle, NULL))
        return;
    PyObject *saved = PyErr_GetRaisedException();
    forget(self);
    if (flush(self) < 0)
        PyErr_WriteUnraisable((PyObject *)self);
    PyErr_SetRaisedException(saved);
}

/* ---------------------------------------------------------------- instantiating -- */

static int link_module(State *state, ModuleObject *self, PyObject *const *options)
{
    wazero_module_config_t *config;
    wazero_imports_t *imports;
    wazero_module_t *handle;
    wazero_error_t *error;
    if (Config_module(state, self, options, &config) < 0)
        return -1;
    if (Host_link(state, self, options[OPTION_IMPORTS], options[OPTION_ASSEMBLYSCRIPT],
                  &imports) < 0) {
        wazero_module_config_delete(config);
        return -1;
    }
    Py_BEGIN_ALLOW_THREADS
    error = wazero_module_new(self->compiled->handle, imports, config, &handle);
    Py_END_ALLOW_THREADS
    wazero_imports_delete(imports);
    wazero_module_config_delete(config);
    if (!error)
        return Module_adopt(state, self, handle);
    Errors_raise(state, error);
    if (PyErr_ExceptionMatches(state->link_error))
        Host_explain(state, options[OPTION_IMPORTS]);
    return -1;
}

static int start_module(State *state, ModuleObject *self)
{
    wazero_error_t *error;
    if (Module_register(self) < 0)
        return -1;
    error = wazero_module_start(self->handle); /* with the GIL, as every call */
    if (error) {
        Errors_raise(state, error);
        Trace_note(state, self);
    }
    if (!wazero_module_is_closed(self->handle, NULL))
        return error ? -1 : 0;
    if (error)
        Module_after_error(self);
    else
        forget(self);
    return error ? -1 : flush(self);
}

PyObject *Module_instantiate(State *state, CompiledObject *compiled,
                             PyObject *const *given)
{
    PyObject *options[OPTION_COUNT];
    compiled = Compiled_current(state, compiled);
    if (!compiled || Config_options(given, options) < 0)
        return NULL;
    ModuleObject *self = Module_allocate(state, compiled->runtime, compiled);
    if (self &&
        (link_module(state, self, options) < 0 || start_module(state, self) < 0))
        Py_CLEAR(self);
    Config_clear_options(options);
    return (PyObject *)self;
}

/* ---------------------------------------------------------------- methods -------- */

static PyObject *close_module(ModuleObject *self, uint32_t exit_code)
{
    wazero_error_t *error;
    Py_BEGIN_ALLOW_THREADS
    error = wazero_module_close_with_exit_code(self->handle, exit_code);
    Py_END_ALLOW_THREADS
    if (error)
        return Errors_raise(State_of(self), error);
    forget(self);
    if (PyErr_Occurred() || flush(self) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *Module_close(ModuleObject *self, PyObject *const *args,
                              Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = {"exit_code"};
    static const ArgsSpec spec = {"close", names, 1, 1, 0};
    PyObject *value;
    uint64_t code = 0;
    if (Args_parse(&spec, args, nargs, kwnames, &value) < 0 ||
        (value && Args_uint64(value, "exit_code", UINT32_MAX, &code) < 0))
        return NULL;
    return close_module(self, (uint32_t)code);
}

/* Quick, and the call that it ends may need the GIL to come to its end. */
static PyObject *Module_interrupt(ModuleObject *self, PyObject *Py_UNUSED(ignored))
{
    wazero_error_t *error = wazero_module_interrupt(self->handle);
    if (error)
        return Errors_raise(State_of(self), error);
    Py_RETURN_NONE;
}

static PyObject *Module_call(ModuleObject *self, PyObject *const *args,
                             Py_ssize_t nargs, PyObject *kwnames)
{
    State *state = State_of(self);
    if (nargs < 1 || !PyUnicode_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError,
                        "call() needs the name of a function as its first argument");
        return NULL;
    }
    PyObject *function = Exports_get(state, self, args[0], true);
    if (!function)
        return NULL;
    PyObject *result = NULL;
    if (Py_IS_TYPE(function, state->function_type))
        result = PyObject_Vectorcall(function, args + 1, (size_t)(nargs - 1), kwnames);
    else
        PyErr_Format(PyExc_TypeError, "export %R is no function: %R", args[0],
                     function);
    Py_DECREF(function);
    return result;
}

static PyObject *Module_enter(ModuleObject *self, PyObject *Py_UNUSED(ignored))
{
    /* A guest that has exited by itself can be entered, for what it left is of use. */
    return Py_NewRef((PyObject *)self);
}

static PyObject *Module_exit(ModuleObject *self, PyObject *Py_UNUSED(args))
{
    return close_module(self, 0);
}

static PyObject *Module_repr(ModuleObject *self)
{
    uint32_t exit_code;
    PyObject *name = Module_display_name(self);
    PyObject *repr = NULL;
    if (!name)
        return NULL;
    if (wazero_module_is_closed(self->handle, &exit_code))
        repr = PyUnicode_FromFormat("<wazero.Module %R, closed with exit code %u>",
                                    name, (unsigned)exit_code);
    else
        repr = PyUnicode_FromFormat("<wazero.Module %R, %zu exports>", name,
                                    wazero_module_export_count(self->handle));
    Py_DECREF(name);
    return repr;
}

/* ---------------------------------------------------------------- attributes ----- */

static PyObject *Module_get_name(ModuleObject *self, void *Py_UNUSED(closure))
{
    return name_of(self);
}

static PyObject *Module_get_exports(ModuleObject *self, void *Py_UNUSED(closure))
{
    if (self->exports)
        return Py_NewRef(self->exports);
    return Exports_new(State_of(self), self);
}

static PyObject *Module_get_memory(ModuleObject *self, void *Py_UNUSED(closure))
{
    State *state = State_of(self);
    if (!Module_is_open(state, self))
        return NULL;
    return Memory_new(state, self);
}

static PyObject *Module_get_globals(ModuleObject *self, void *Py_UNUSED(closure))
{
    return Exports_all(State_of(self), self, WAZERO_EXTERN_GLOBAL,
                       wazero_module_global_count(self->handle), Global_private);
}

static PyObject *Module_get_tables(ModuleObject *self, void *Py_UNUSED(closure))
{
    return Exports_all(State_of(self), self, WAZERO_EXTERN_TABLE,
                       wazero_module_table_count(self->handle), Table_private);
}

static PyObject *Module_get_closed(ModuleObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(wazero_module_is_closed(self->handle, NULL));
}

static PyObject *Module_get_exit_code(ModuleObject *self, void *Py_UNUSED(closure))
{
    uint32_t code;
    if (!wazero_module_is_closed(self->handle, &code))
        Py_RETURN_NONE;
    return PyLong_FromUnsignedLong(code);
}

static PyObject *Module_get_runtime(ModuleObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef((PyObject *)self->runtime);
}

static PyObject *Module_get_listen_addrs(ModuleObject *self, void *Py_UNUSED(closure))
{
    PyObject *list = PyList_New(0);
    const char *host;
    uint16_t port;
    for (size_t i = 0;
         list && (host = wazero_module_tcp_address(self->handle, i, &port)); i++) {
        PyObject *address = Py_BuildValue("si", host, (int)port);
        if (!address || PyList_Append(list, address) < 0)
            Py_CLEAR(list);
        Py_XDECREF(address);
    }
    PyObject *addresses = list ? PyList_AsTuple(list) : NULL;
    Py_XDECREF(list);
    return addresses;
}

static PyObject *Module_get_usage(ModuleObject *self, void *Py_UNUSED(closure))
{
    return Trace_usage(State_of(self), self);
}

static PyObject *Module_get_trace(ModuleObject *self, void *Py_UNUSED(closure))
{
    return Trace_of(self);
}

static PyObject *Module_get_compiled(ModuleObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(self->compiled ? (PyObject *)self->compiled : Py_None);
}

static PyMethodDef Module_methods[] = {
    {"call", (PyCFunction)(void (*)(void))Module_call, METH_FASTCALL | METH_KEYWORDS,
     "call($self, name, /, *args, timeout=None, snapshots=False)\n--\n\n"
     "Calls an exported function: exports[name](*args, timeout=timeout). "
     "AttributeError\n"
     "if there is none."},
    {"interrupt", (PyCFunction)Module_interrupt, METH_NOARGS,
     "interrupt($self)\n--\n\n"
     "Ends the call that runs in the module, or in one linked to it: it raises\n"
     "Interrupted, and the module can be called again. Nothing happens if none "
     "runs.\n\n"
     "Any thread. Wasm stops within milliseconds; a host function is left to come "
     "back\n"
     "first. With the interpreter, and with WAZERO_DIRECT=0 in the environment, the "
     "call\n"
     "ends at its next host function only. ForkedError."},
    {"close", (PyCFunction)(void (*)(void))Module_close, METH_FASTCALL | METH_KEYWORDS,
     "close($self, exit_code=0)\n--\n\n"
     "Ends the use of the module: later calls raise ClosedError. A call that runs is\n"
     "ended as by interrupt(), and raises ExitError, or ClosedError if exit_code is "
     "0.\n"
     "Any thread; closing twice is fine."},
    {"__enter__", (PyCFunction)Module_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)Module_exit, METH_VARARGS, NULL},
    {0},
};

static PyGetSetDef Module_getset[] = {
    {"name", (getter)Module_get_name, NULL,
     "The name by which the runtime knows it, or '' if it is anonymous.", NULL},
    {"exports", (getter)Module_get_exports, NULL,
     "The exports by name, as attributes and as items.", NULL},
    {"memory", (getter)Module_get_memory, NULL,
     "The Memory, exported or not. AttributeError if the module has none.", NULL},
    {"globals", (getter)Module_get_globals, NULL,
     "All globals by index, imported and private ones included: a tuple of Global.",
     NULL},
    {"tables", (getter)Module_get_tables, NULL,
     "All tables by index, imported and private ones included: a tuple of Table.",
     NULL},
    {"closed", (getter)Module_get_closed, NULL, "Whether it is closed.", NULL},
    {"exit_code", (getter)Module_get_exit_code, NULL,
     "The exit code, from 0 to 4294967295, or None while it is open.", NULL},
    {"runtime", (getter)Module_get_runtime, NULL, "The Runtime that it belongs to.",
     NULL},
    {"listen_addrs", (getter)Module_get_listen_addrs, NULL,
     "Where it listens: a tuple of (host, port), in the order of the option.", NULL},
    {"usage", (getter)Module_get_usage, NULL,
     "What it has used until now: a Usage. Times are of its start alone, in which a\n"
     "program runs.",
     NULL},
    {"trace", (getter)Module_get_trace, NULL,
     "The Trace of its WASI calls, with trace=True or a Trace; else None.", NULL},
    {"compiled", (getter)Module_get_compiled, NULL,
     "The CompiledModule that it was made of; None for a host module.", NULL},
    {0},
};

static PyMemberDef Module_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(ModuleObject, weakrefs), Py_READONLY,
     NULL},
    {0},
};

static PyType_Slot Module_slots[] = {
    {Py_tp_doc,
     "An instance of WebAssembly, made by Runtime.instantiate().\n\n"
     "Any thread may use it; modules that are linked to each other are entered\n"
     "by one thread at a time, and the others wait."},
    {Py_tp_traverse, Module_traverse},
    {Py_tp_clear, Module_clear},
    {Py_tp_finalize, Module_finalize},
    {Py_tp_dealloc, Module_dealloc},
    {Py_tp_repr, Module_repr},
    {Py_tp_methods, Module_methods},
    {Py_tp_getset, Module_getset},
    {Py_tp_members, Module_members},
    {0, NULL},
};

static PyType_Spec Module_spec = {
    .name = "wazero.Module",
    .basicsize = (int)sizeof(ModuleObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = Module_slots,
};

int Module_init(PyObject *module, State *state)
{
    state->module_type = State_add_type(module, &Module_spec);
    return state->module_type ? PyModule_AddType(module, state->module_type) : -1;
}
