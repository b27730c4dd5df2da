/*
 * runtime.c - Runtime, the world in which modules find each other by name.
 *
 * It holds its named Modules until they are closed; that makes a cycle, which close()
 * or the collector breaks. Anonymous modules are not known here: libwazero closes them
 * with the runtime.
 */
#include "wazeromodule.h"

/* ---------------------------------------------------------------- wasm bytes ----- */

PyObject *Runtime_read_file(PyObject *path)
{
    PyObject *io = PyImport_ImportModule("io");
    PyObject *file = io ? PyObject_CallMethod(io, "open", "Os", path, "rb") : NULL;
    Py_XDECREF(io);
    if (!file)
        return NULL;
    PyObject *bytes = PyObject_CallMethod(file, "read", NULL);
    PyObject *saved = PyErr_GetRaisedException();
    PyObject *closed = PyObject_CallMethod(file, "close", NULL);
    if (saved) {
        PyErr_SetRaisedException(saved);
    } else if (!closed) {
        Py_CLEAR(bytes);
    } else if (!PyBytes_Check(bytes)) {
        PyErr_SetString(PyExc_TypeError, "a file of wasm must give bytes");
        Py_CLEAR(bytes);
    }
    Py_XDECREF(closed);
    Py_DECREF(file);
    return bytes;
}

static bool is_path(PyObject *object)
{
    return !PyUnicode_Check(object) &&
           PyObject_HasAttrString((PyObject *)Py_TYPE(object), "__fspath__");
}

/* bytes are used as they are. Other buffers are copied: somebody could write to them
 * while they are compiled without the GIL. */
PyObject *Runtime_wasm_bytes(PyObject *wasm)
{
    if (PyBytes_CheckExact(wasm))
        return Py_NewRef(wasm);
    if (PyObject_CheckBuffer(wasm)) {
        Py_buffer view;
        if (PyObject_GetBuffer(wasm, &view, PyBUF_SIMPLE) < 0)
            return NULL;
        PyObject *bytes = PyBytes_FromStringAndSize(view.buf, view.len);
        PyBuffer_Release(&view);
        return bytes;
    }
    if (is_path(wasm))
        return Runtime_read_file(wasm);
    PyErr_Format(
        PyExc_TypeError,
        "wasm must be bytes-like, a CompiledModule or an os.PathLike, not %.200s%s",
        Py_TYPE(wasm)->tp_name,
        PyUnicode_Check(wasm)
            ? ": for a file pass pathlib.Path(...) or use instantiate_file()"
            : "");
    return NULL;
}

/* ---------------------------------------------------------------- life ----------- */

static PyObject *Runtime_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const ArgsSpec spec = {"Runtime", Config_runtime_names, RUNTIME_COUNT, 1, 0};
    State *state = PyType_GetModuleState(type);
    PyObject *values[RUNTIME_COUNT], *options;
    wazero_runtime_config_t *config;
    if (Args_parse_new(&spec, args, kwargs, values) < 0 ||
        Config_runtime(state, values, &options, &config) < 0)
        return NULL;
    RuntimeObject *self = (RuntimeObject *)type->tp_alloc(type, 0);
    PyObject *modules = self ? PyDict_New() : NULL;
    wazero_error_t *error = NULL;
    if (modules) {
        self->modules = modules;
        self->generation = Threads_generation();
        self->options = Py_NewRef(options);
        Py_BEGIN_ALLOW_THREADS
        error = wazero_runtime_new(config, &self->handle);
        Py_END_ALLOW_THREADS
    } else {
        Py_CLEAR(self);
    }
    wazero_runtime_config_delete(config);
    Py_DECREF(options);
    if (error) {
        self->handle = NULL;
        Py_DECREF(self);
        return Errors_raise(state, error);
    }
    return (PyObject *)self;
}

PyObject *Runtime_like(State *state, RuntimeObject *other)
{
    PyObject *none = PyTuple_New(0);
    PyObject *runtime =
        none ? PyObject_Call((PyObject *)state->runtime_type, none, other->options)
             : NULL;
    Py_XDECREF(none);
    return runtime;
}

static int Runtime_traverse(RuntimeObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->options);
    Py_VISIT(self->modules);
    return 0;
}

static int Runtime_clear(RuntimeObject *self)
{
    if (self->modules)
        PyDict_Clear(self->modules);
    return 0;
}

static void Runtime_dealloc(RuntimeObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (self->weakrefs)
        PyObject_ClearWeakRefs((PyObject *)self);
    if (self->handle) {
        Py_BEGIN_ALLOW_THREADS
        wazero_runtime_delete(self->handle);
        Py_END_ALLOW_THREADS
    }
    Py_XDECREF(self->modules);
    Py_XDECREF(self->options);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

bool Runtime_is_open(State *state, RuntimeObject *self)
{
    if (wazero_runtime_is_closed(self->handle)) {
        Errors_raise_closed(state, "runtime");
        return false;
    }
    if (self->generation == Threads_generation())
        return true;
    PyErr_SetString(state->forked_error,
                    "this runtime was made before fork() and cannot be used in the "
                    "child: make a new runtime there");
    return false;
}

static PyObject *close_runtime(RuntimeObject *self, uint32_t exit_code)
{
    wazero_error_t *error;
    Py_BEGIN_ALLOW_THREADS
    error = wazero_runtime_close_with_exit_code(self->handle, exit_code);
    Py_END_ALLOW_THREADS
    if (error)
        return Errors_raise(State_of(self), error);
    PyDict_Clear(self->modules);
    Py_RETURN_NONE;
}

static PyObject *Runtime_close(RuntimeObject *self, PyObject *const *args,
                               Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = {"exit_code"};
    static const ArgsSpec spec = {"close", names, 1, 1, 0};
    PyObject *value;
    uint64_t code = 0;
    if (Args_parse(&spec, args, nargs, kwnames, &value) < 0 ||
        (value && Args_uint64(value, "exit_code", UINT32_MAX, &code) < 0))
        return NULL;
    return close_runtime(self, (uint32_t)code);
}

static PyObject *Runtime_enter(RuntimeObject *self, PyObject *Py_UNUSED(ignored))
{
    if (!Runtime_is_open(State_of(self), self))
        return NULL;
    return Py_NewRef((PyObject *)self);
}

static PyObject *Runtime_exit(RuntimeObject *self, PyObject *Py_UNUSED(args))
{
    return close_runtime(self, 0);
}

/* ---------------------------------------------------------------- use ------------ */

static PyObject *Runtime_compile(RuntimeObject *self, PyObject *const *args,
                                 Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = {"wasm", LISTEN_NAMES};
    static const ArgsSpec spec = {"compile", names, 1 + LISTEN_COUNT, 1, 1};
    PyObject *values[1 + LISTEN_COUNT];
    State *state = State_of(self);
    if (!Runtime_is_open(state, self) ||
        Args_parse(&spec, args, nargs, kwnames, values) < 0)
        return NULL;
    PyObject *bytes = Runtime_wasm_bytes(values[0]);
    if (!bytes)
        return NULL;
    PyObject *compiled = Compiled_new(state, self, bytes, values + 1);
    Py_DECREF(bytes);
    return compiled;
}

/* Compiles bytes (takes them) and instantiates with the options given, behind which are
 * the listeners. */
static PyObject *instantiate_bytes(RuntimeObject *self, PyObject *bytes,
                                   PyObject *const *given)
{
    State *state = State_of(self);
    PyObject *compiled =
        bytes ? Compiled_new(state, self, bytes, given + OPTION_COUNT) : NULL;
    Py_XDECREF(bytes);
    if (!compiled)
        return NULL;
    PyObject *module = Module_instantiate(state, (CompiledObject *)compiled, given);
    Py_DECREF(compiled);
    return module;
}

static PyObject *Runtime_instantiate(RuntimeObject *self, PyObject *const *args,
                                     Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = {"wasm", CONFIG_OPTION_NAMES, LISTEN_NAMES};
    static const ArgsSpec spec = {"instantiate", names, 1 + OPTION_COUNT + LISTEN_COUNT,
                                  1, 1};
    PyObject *values[1 + OPTION_COUNT + LISTEN_COUNT];
    State *state = State_of(self);
    if (!Runtime_is_open(state, self) ||
        Args_parse(&spec, args, nargs, kwnames, values) < 0)
        return NULL;
    if (!Py_IS_TYPE(values[0], state->compiled_type))
        return instantiate_bytes(self, Runtime_wasm_bytes(values[0]), values + 1);
    for (int i = 0; i < LISTEN_COUNT; i++) {
        PyObject *value = values[1 + OPTION_COUNT + i];
        if (!value || value == Py_None)
            continue;
        PyErr_SetString(PyExc_TypeError, "instantiate(): listeners and logs belong to "
                                         "what is compiled: give them to compile()");
        return NULL;
    }
    CompiledObject *compiled = Compiled_current(state, (CompiledObject *)values[0]);
    if (!compiled)
        return NULL;
    if (compiled->runtime == self)
        return Module_instantiate(state, compiled, values + 1);
    PyErr_SetString(PyExc_ValueError,
                    "instantiate(): the CompiledModule belongs to another Runtime");
    return NULL;
}

static PyObject *Runtime_instantiate_file(RuntimeObject *self, PyObject *const *args,
                                          Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = {"path", CONFIG_OPTION_NAMES, LISTEN_NAMES};
    static const ArgsSpec spec = {"instantiate_file", names,
                                  1 + OPTION_COUNT + LISTEN_COUNT, 1, 1};
    PyObject *values[1 + OPTION_COUNT + LISTEN_COUNT];
    if (!Runtime_is_open(State_of(self), self) ||
        Args_parse(&spec, args, nargs, kwnames, values) < 0)
        return NULL;
    if (!PyUnicode_Check(values[0]) && !PyBytes_Check(values[0]) &&
        !is_path(values[0])) {
        PyErr_Format(PyExc_TypeError,
                     "instantiate_file() argument 'path' must be str, bytes or "
                     "os.PathLike, not %.200s",
                     Py_TYPE(values[0])->tp_name);
        return NULL;
    }
    return instantiate_bytes(self, Runtime_read_file(values[0]), values + 1);
}

static PyObject *Runtime_host_module(RuntimeObject *self, PyObject *const *args,
                                     Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = {"name", "functions", LISTEN_NAMES};
    static const ArgsSpec spec = {"host_module", names, 2 + LISTEN_COUNT, 2, 2};
    PyObject *values[2 + LISTEN_COUNT];
    State *state = State_of(self);
    if (!Runtime_is_open(state, self) ||
        Args_parse(&spec, args, nargs, kwnames, values) < 0)
        return NULL;
    if (!PyUnicode_Check(values[0])) {
        PyErr_Format(PyExc_TypeError,
                     "host_module() argument 'name' must be str, not "
                     "%.200s",
                     Py_TYPE(values[0])->tp_name);
        return NULL;
    }
    return Host_module_new(state, self, values[0], values[1], values + 2);
}

static PyObject *Runtime_module(RuntimeObject *self, PyObject *name)
{
    if (!Runtime_is_open(State_of(self), self))
        return NULL;
    if (!PyUnicode_Check(name)) {
        PyErr_Format(PyExc_TypeError,
                     "module() argument 'name' must be str, not %.200s",
                     Py_TYPE(name)->tp_name);
        return NULL;
    }
    PyObject *found = Py_XNewRef(PyDict_GetItemWithError(self->modules, name));
    if (!found) {
        if (PyErr_Occurred())
            return NULL;
        Py_RETURN_NONE;
    }
    ModuleObject *module = (ModuleObject *)found;
    if (!wazero_module_is_closed(module->handle, NULL))
        return found;
    Runtime_forget(self, module);
    Py_DECREF(found);
    Py_RETURN_NONE;
}

void Runtime_forget(RuntimeObject *self, ModuleObject *module)
{
    size_t size;
    const char *text = wazero_module_name(module->handle, &size);
    if (size == 0)
        return;
    PyObject *saved = PyErr_GetRaisedException();
    PyObject *name = PyUnicode_DecodeUTF8(text, (Py_ssize_t)size, NULL);
    if (name && PyDict_GetItemWithError(self->modules, name) == (PyObject *)module)
        (void)PyDict_DelItem(self->modules, name);
    Py_XDECREF(name);
    PyErr_Clear();
    PyErr_SetRaisedException(saved);
}

static PyObject *Runtime_repr(RuntimeObject *self)
{
    PyObject *engine = PyDict_GetItemString(self->options, "engine");
    PyObject *text = engine ? Py_NewRef(engine) : PyUnicode_FromString("auto");
    if (!text)
        return NULL;
    PyObject *repr =
        PyUnicode_FromFormat("<wazero.Runtime engine=%R%s>", text,
                             wazero_runtime_is_closed(self->handle) ? " closed" : "");
    Py_DECREF(text);
    return repr;
}

static PyObject *Runtime_closed(RuntimeObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(wazero_runtime_is_closed(self->handle));
}

#define FAST (METH_FASTCALL | METH_KEYWORDS)
#define FASTCALL(function) (PyCFunction)(void (*)(void))(function)

static PyMethodDef Runtime_methods[] = {
    {"compile", FASTCALL(Runtime_compile), FAST,
     "compile($self, wasm, *, listener=None, log_calls=None, log_host=None)\n--\n\n"
     "Decodes, validates and compiles wasm, bytes-like or an os.PathLike.\n\n"
     "listener is told of the calls of the module's functions, and of those of WASI "
     "and\n"
     "of the callables that are given as imports: a callable, which gets a "
     "FunctionCall\n"
     "before each; an object with before(call), after(call), abort(call), and\n"
     "wants(definition), which says of each function whether it is of interest; or a "
     "list\n"
     "of these. What before and after raise comes out of the call. log_calls writes a\n"
     "line before and after each call, as wazero does, to a file object or a callable; "
     "with\n"
     "log_host, a LogScope, only of functions that the host can call or has, in these\n"
     "scopes, to log_calls or sys.stderr.\n\n"
     "Any thread; others run meanwhile. CompileError if it is no valid module, OSError "
     "if\n"
     "the file cannot be read."},
    {"instantiate", FASTCALL(Runtime_instantiate), FAST,
     "instantiate($self, wasm, " CONFIG_LISTEN_SIGNATURE
     "Makes a Module of wasm: bytes-like, a CompiledModule or an os.PathLike.\n\n"
     "imports maps module names to Modules or to mappings of names to callables,\n"
     "wazero.func(...), or Functions, Memories and Globals of other Modules; it may be "
     "a\n"
     "callable, which gives a Module, such a mapping or None for a module name, or a "
     "pair\n"
     "of a mapping and a callable that is asked for what is not in it. The guest\n"
     "gets nothing but what is given here: args and env for WASI, standard streams "
     "(None,\n"
     "wazero.INHERIT, bytes, a file object or a callable), mounts from guest paths to "
     "host\n"
     "directories, (directory, 'ro') or mappings of paths to bytes. fs is such a\n"
     "mapping or an FSConfig. env may be 'inherit', for the process's own.\n"
     "listen are addresses, 'host:port' or (host, port), where the guest listens: "
     "they\n"
     "are open behind its folders, and Module.listen_addrs tells what port 0 became.\n"
     "config is a ModuleConfig; keywords go before it.\n\n"
     "walltime, nanotime, nanosleep, osyield and random are pretended unless given: "
     "as\n"
     "'system' or as callables. walltime() and nanotime() return nanoseconds or a "
     "tuple\n"
     "(seconds, nanoseconds), and the guest is told their walltime_resolution and\n"
     "nanotime_resolution, 1000 and 1 nanoseconds unless given. "
     "nanosleep(nanoseconds)\n"
     "and osyield() return nothing, random(n) n bytes, of at most 65536. random may "
     "be\n"
     "a seed, an int or up to 32 bytes: then the numbers are the same in every run.\n\n"
     "timeout is how long each call may take, and the start as a whole, in seconds\n"
     "(None: for ever); waiting for other threads counts. max_stack is the size of "
     "the\n"
     "WebAssembly stack, in bytes or as '16MiB' (the default), from 64 KiB to 1 GiB: "
     "a\n"
     "call that needs more traps. memory_limit is for the memory of this instance, as "
     "in\n"
     "Runtime(): memory.grow gives -1 beyond it. on_close is called with the exit "
     "code\n"
     "when the module closes, once, whoever closes it; what it raises goes to\n"
     "sys.unraisablehook. output_limit is how much the guest may write to stdout\n"
     "and stderr together, in bytes or as '1MiB': then its call ends with\n"
     "OutputLimitError. max_files is how many files and folders it may have open,\n"
     "besides what it begins with. With deterministic=True clocks and random numbers\n"
     "that are not given are pretended ones, and the order, numbers and times of "
     "files\n"
     "tell nothing of the host.\n\n"
     "With trace=True or a wazero.Trace Module.trace has its WASI calls. A callable "
     "is\n"
     "given each as a WasiCall, a file with a write as a line of text; what they "
     "raise\n"
     "ends the guest.\n\n"
     "wasi is 'libwazero' (the default) or 'wazero', for the\n"
     "engine's own WASI, whose mounts are no jail. With assemblyscript, True or a\n"
     "wazero.AssemblyScript, env.abort, trace and seed are there, too, unless "
     "given.\n\n"
     "Runs the start functions, '_start' unless others are named: LinkError, Trap,\n"
     "ExitError, Timeout, or what a host function raises. A guest that exits with 0 "
     "is\n"
     "a Module that is closed."},
    {"instantiate_file", FASTCALL(Runtime_instantiate_file), FAST,
     "instantiate_file($self, path, " CONFIG_LISTEN_SIGNATURE
     "instantiate() with what is in a file; path may be a str."},
    {"host_module", FASTCALL(Runtime_host_module), FAST,
     "host_module($self, name, functions, *, listener=None, log_calls=None,\n"
     "            log_host=None)\n--\n\n"
     "Makes a module of host functions that later modules find under name. Listeners "
     "are\n"
     "as in compile().\n\n"
     "functions maps names to callables with annotations or to wazero.func(...). It\n"
     "stays until it or the runtime is closed."},
    {"module", (PyCFunction)Runtime_module, METH_O,
     "module($self, name, /)\n--\n\nThe open Module of this name, or None."},
    {"close", FASTCALL(Runtime_close), FAST,
     "close($self, exit_code=0)\n--\n\n"
     "Closes the runtime and all that is in it. Calls that run there are ended, with\n"
     "ExitError if exit_code is not 0, else with ClosedError. Closing twice is fine."},
    {"__enter__", (PyCFunction)Runtime_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)Runtime_exit, METH_VARARGS, NULL},
    {0},
};

static PyGetSetDef Runtime_getset[] = {
    {"closed", (getter)Runtime_closed, NULL, "Whether the runtime is closed.", NULL},
    {0},
};

static PyMemberDef Runtime_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(RuntimeObject, weakrefs),
     Py_READONLY, NULL},
    {0},
};

static PyType_Slot Runtime_slots[] = {
    {Py_tp_doc,
     "Runtime(config=None, *, engine='auto', memory_limit=None, table_limit=None,\n"
     "        features=None, cache=None, debug_info=True,\n"
     "        compilation_workers=None, memory_capacity_from_max=False,\n"
     "        custom_sections=True)\n--\n\n"
     "The world in which modules are compiled, instantiated and find each other by "
     "name.\n\n"
     "engine is 'auto', 'compiler' or 'interpreter'. memory_limit is the largest size "
     "of\n"
     "each memory, in bytes or as '64MiB', rounded down to pages of 65536; at most 4 "
     "GiB.\n"
     "table_limit is the largest size of each table in elements, at most 10,000,000.\n"
     "features are names like 'threads' and 'tail-call', added to WebAssembly 2.0, or "
     "a\n"
     "wazero.Features. cache is a CompilationCache or a directory for one. With\n"
     "debug_info, stack traces have source lines where the module has DWARF.\n"
     "compilation_workers is how many threads compile a module, None for as many as "
     "there\n"
     "are processors. With memory_capacity_from_max, a memory gets address space for "
     "all\n"
     "that it may grow to when it is made, or cannot be made.\n"
     "custom_sections says whether CompiledModules show theirs.\n"
     "config is a RuntimeConfig; keywords go before it. Any thread may use it."},
    {Py_tp_new, Runtime_new},
    {Py_tp_traverse, Runtime_traverse},
    {Py_tp_clear, Runtime_clear},
    {Py_tp_dealloc, Runtime_dealloc},
    {Py_tp_repr, Runtime_repr},
    {Py_tp_methods, Runtime_methods},
    {Py_tp_getset, Runtime_getset},
    {Py_tp_members, Runtime_members},
    {0, NULL},
};

static PyType_Spec Runtime_spec = {
    .name = "wazero.Runtime",
    .basicsize = (int)sizeof(RuntimeObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = Runtime_slots,
};

int Runtime_init(PyObject *module, State *state)
{
    state->runtime_type = State_add_type(module, &Runtime_spec);
    return state->runtime_type ? PyModule_AddType(module, state->runtime_type) : -1;
}
