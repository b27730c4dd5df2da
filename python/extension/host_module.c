/*
 * host_module.c - wazero.func, and modules made of host functions
 * (Runtime.host_module).
 *
 * A HostFunction never changes. It can answer any number of imports; each gets a
 * HostBinding of its own.
 */
#include "wazeromodule.h"

/* ---------------------------------------------------------------- HostFunction --- */

static int HostFunction_traverse(HostFunctionObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->callable);
    return 0;
}

static int HostFunction_clear(HostFunctionObject *self)
{
    Py_CLEAR(self->callable);
    return 0;
}

static void HostFunction_dealloc(HostFunctionObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (self->weakrefs)
        PyObject_ClearWeakRefs((PyObject *)self);
    HostFunction_clear(self);
    Py_XDECREF(self->params);
    Py_XDECREF(self->results);
    Py_XDECREF(self->name);
    Py_XDECREF(self->param_names);
    Py_XDECREF(self->result_names);
    PyMem_Free((void *)self->names.params);
    PyMem_Free((void *)self->names.results);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyObject *types_text(PyObject *types)
{
    if (!types)
        return PyUnicode_FromString("(...)");
    return Types_type_list((const wazero_value_type_t *)PyBytes_AS_STRING(types), NULL,
                           (size_t)PyBytes_GET_SIZE(types));
}

static PyObject *HostFunction_repr(HostFunctionObject *self)
{
    PyObject *params = types_text(self->params);
    PyObject *results = params ? types_text(self->results) : NULL;
    PyObject *text = results
                         ? PyUnicode_FromFormat("<wazero.HostFunction %U -> %U: %R>",
                                                params, results, self->callable)
                         : NULL;
    Py_XDECREF(results);
    Py_XDECREF(params);
    return text;
}

static PyObject *names_or_none(PyObject *types)
{
    if (!types)
        Py_RETURN_NONE;
    return Types_names((const wazero_value_type_t *)PyBytes_AS_STRING(types), NULL,
                       (size_t)PyBytes_GET_SIZE(types));
}

static PyObject *HostFunction_params(HostFunctionObject *self, void *Py_UNUSED(closure))
{
    return names_or_none(self->params);
}

static PyObject *HostFunction_results(HostFunctionObject *self,
                                      void *Py_UNUSED(closure))
{
    return names_or_none(self->results);
}

static PyObject *HostFunction_callable(HostFunctionObject *self,
                                       void *Py_UNUSED(closure))
{
    return Py_NewRef(self->callable);
}

static PyObject *HostFunction_caller(HostFunctionObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(self->caller);
}

static PyObject *given_or_none(PyObject *value)
{
    return Py_NewRef(value ? value : Py_None);
}

static PyObject *HostFunction_name(HostFunctionObject *self, void *Py_UNUSED(closure))
{
    return given_or_none(self->name);
}

static PyObject *HostFunction_param_names(HostFunctionObject *self,
                                          void *Py_UNUSED(closure))
{
    return given_or_none(self->param_names);
}

static PyObject *HostFunction_result_names(HostFunctionObject *self,
                                           void *Py_UNUSED(closure))
{
    return given_or_none(self->result_names);
}

static PyGetSetDef HostFunction_getset[] = {
    {"params", (getter)HostFunction_params, NULL,
     "The names of the parameter types, or None: as imported.", NULL},
    {"results", (getter)HostFunction_results, NULL,
     "The names of the result types, or None: as imported.", NULL},
    {"callable", (getter)HostFunction_callable, NULL, "What is called.", NULL},
    {"caller", (getter)HostFunction_caller, NULL,
     "Whether the calling Module is the first argument.", NULL},
    {"name", (getter)HostFunction_name, NULL,
     "What stack traces, listeners and logs call it, or None: as it is found.", NULL},
    {"param_names", (getter)HostFunction_param_names, NULL,
     "The names of the parameters for listeners and logs, or None.", NULL},
    {"result_names", (getter)HostFunction_result_names, NULL,
     "The names of the results, likewise.", NULL},
    {0},
};

static PyMemberDef HostFunction_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(HostFunctionObject, weakrefs),
     Py_READONLY, NULL},
    {0},
};

static PyType_Slot HostFunction_slots[] = {
    {Py_tp_doc, "A Python callable with WebAssembly types, made by wazero.func()."},
    {Py_tp_traverse, HostFunction_traverse},
    {Py_tp_clear, HostFunction_clear},
    {Py_tp_dealloc, HostFunction_dealloc},
    {Py_tp_repr, HostFunction_repr},
    {Py_tp_getset, HostFunction_getset},
    {Py_tp_members, HostFunction_members},
    {0, NULL},
};

static PyType_Spec HostFunction_spec = {
    .name = "wazero.HostFunction",
    .basicsize = (int)sizeof(HostFunctionObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = HostFunction_slots,
};

/* ---------------------------------------------------------------- wazero.func ---- */

static int set_types(HostFunctionObject *self, PyObject *params, PyObject *results)
{
    if (params && params != Py_None) {
        self->params = Types_parse_list(params, "params");
        if (!self->params)
            return -1;
    }
    if (results && results != Py_None) {
        self->results = Types_parse_list(results, "results");
        if (!self->results)
            return -1;
    }
    return 0;
}

/* The UTF-8 of a name, which must not have a NUL inside. */
static const char *utf8_of(PyObject *name, const char *what)
{
    Py_ssize_t size = 0;
    const char *text =
        PyUnicode_Check(name) ? PyUnicode_AsUTF8AndSize(name, &size) : NULL;
    if (text && strlen(text) == (size_t)size)
        return text;
    if (!PyErr_Occurred())
        PyErr_Format(PyUnicode_Check(name) ? PyExc_ValueError : PyExc_TypeError,
                     "func(): %s must be str without NUL, not %R", what, name);
    return NULL;
}

/* A sequence of names, kept as a tuple, with their UTF-8 for libwazero. */
static int set_name_list(PyObject *given, const char *what, PyObject **kept,
                         const char *const **list, size_t *count)
{
    if (!given || given == Py_None)
        return 0;
    if (PyUnicode_Check(given)) {
        PyErr_Format(PyExc_TypeError, "func(): %s must be a sequence of str, not one",
                     what);
        return -1;
    }
    *kept = PySequence_Tuple(given);
    if (!*kept)
        return -1;
    *count = (size_t)PyTuple_GET_SIZE(*kept);
    const char **texts = PyMem_New(const char *, *count + 1);
    *list = texts;
    if (!texts) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < *count; i++) {
        texts[i] = utf8_of(PyTuple_GET_ITEM(*kept, (Py_ssize_t)i), what);
        if (!texts[i])
            return -1;
    }
    return 0;
}

static int set_names(HostFunctionObject *self, PyObject *name, PyObject *params,
                     PyObject *results)
{
    wazero_function_names_t *names = &self->names;
    if (name && name != Py_None) {
        names->name = utf8_of(name, "name");
        if (!names->name)
            return -1;
        self->name = Py_NewRef(name);
    }
    if (set_name_list(params, "param_names", &self->param_names, &names->params,
                      &names->param_count) < 0)
        return -1;
    return set_name_list(results, "result_names", &self->result_names, &names->results,
                         &names->result_count);
}

const wazero_function_names_t *HostFunction_names(const State *state, PyObject *value)
{
    return Py_IS_TYPE(value, state->host_function_type)
               ? &((HostFunctionObject *)value)->names
               : NULL;
}

static PyObject *wazero_func(PyObject *module, PyObject *const *args, Py_ssize_t nargs,
                             PyObject *kwnames)
{
    enum { CALLABLE, PARAMS, RESULTS, CALLER, NAME, PARAM_NAMES, RESULT_NAMES, COUNT };
    static const char *const names[] = {"callable",    "params", "results",
                                        "caller",      "name",   "param_names",
                                        "result_names"};
    static const ArgsSpec spec = {"func", names, COUNT, CALLER + 1, 1};
    State *state = PyModule_GetState(module);
    PyObject *values[COUNT];
    if (Args_parse(&spec, args, nargs, kwnames, values) < 0)
        return NULL;
    if (!PyCallable_Check(values[CALLABLE])) {
        PyErr_Format(PyExc_TypeError, "func() argument 'callable' is %.200s",
                     Py_TYPE(values[CALLABLE])->tp_name);
        return NULL;
    }
    int caller = values[CALLER] ? PyObject_IsTrue(values[CALLER]) : 0;
    if (caller < 0)
        return NULL;
    PyTypeObject *type = state->host_function_type;
    HostFunctionObject *self = (HostFunctionObject *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->callable = Py_NewRef(values[CALLABLE]);
    self->caller = caller == 1;
    if (set_types(self, values[PARAMS], values[RESULTS]) < 0 ||
        set_names(self, values[NAME], values[PARAM_NAMES], values[RESULT_NAMES]) < 0)
        Py_CLEAR(self);
    return (PyObject *)self;
}

/* ---------------------------------------------------------------- host modules --- */

typedef struct {
    State *state;
    ModuleObject *module;
    wazero_host_function_definition_t *definitions;
    PyObject *names; /* list of str: keeps the UTF-8 of the definitions */
} Builder;

/* Where types are not given they are read from the annotations, in Python. */
static int types_from_annotations(PyObject *callable, bool caller, PyObject *label,
                                  PyObject **params, PyObject **results)
{
    PyObject *module = PyImport_ImportModule("wazero._annotations");
    PyObject *pair = module ? PyObject_CallMethod(module, "types_of", "OOO", callable,
                                                  caller ? Py_True : Py_False, label)
                            : NULL;
    Py_XDECREF(module);
    int status = -1;
    if (pair && is_pair(pair)) {
        if (!*params)
            *params = Types_parse_list(PyTuple_GET_ITEM(pair, 0), "params");
        if (*params && !*results)
            *results = Types_parse_list(PyTuple_GET_ITEM(pair, 1), "results");
        status = *params && *results ? 0 : -1;
    }
    Py_XDECREF(pair);
    return status;
}

/* Copies both type lists into memory of the binding's own. */
static int own_types(HostBinding *binding, PyObject *params, PyObject *results)
{
    binding->param_count = (size_t)PyBytes_GET_SIZE(params);
    binding->result_count = (size_t)PyBytes_GET_SIZE(results);
    binding->owned_types =
        PyMem_Malloc(binding->param_count + binding->result_count + 1);
    if (!binding->owned_types) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(binding->owned_types, PyBytes_AS_STRING(params), binding->param_count);
    memcpy(binding->owned_types + binding->param_count, PyBytes_AS_STRING(results),
           binding->result_count);
    binding->params = binding->owned_types;
    binding->results = binding->owned_types + binding->param_count;
    binding->wide = Host_is_wide(binding);
    return 0;
}

static int define(Builder *builder, PyObject *name, PyObject *label, PyObject *value)
{
    HostFunctionObject *function = NULL;
    if (Py_IS_TYPE(value, builder->state->host_function_type)) {
        function = (HostFunctionObject *)value;
        value = function->callable;
    } else if (!PyCallable_Check(value)) {
        PyErr_Format(
            PyExc_TypeError,
            "host_module(): %U must be a callable or wazero.func(...), not %.200s",
            label, Py_TYPE(value)->tp_name);
        return -1;
    }
    bool caller = function && function->caller;
    PyObject *params = function ? Py_XNewRef(function->params) : NULL;
    PyObject *results = function ? Py_XNewRef(function->results) : NULL;
    size_t index = builder->module->host_count;
    HostBinding *binding = &builder->module->hosts[index];
    wazero_host_function_definition_t *definition = &builder->definitions[index];
    Py_ssize_t size;
    int status = -1;
    if ((!params || !results) &&
        types_from_annotations(value, caller, label, &params, &results) < 0)
        goto done;
    definition->name = PyUnicode_AsUTF8AndSize(name, &size);
    if (!definition->name || PyList_Append(builder->names, name) < 0 ||
        own_types(binding, params, results) < 0)
        goto done;
    binding->owner = builder->module;
    binding->callable = Py_NewRef(value);
    binding->label = Py_NewRef(label);
    binding->caller = caller;
    builder->module->host_count++;
    definition->name_size = (size_t)size;
    definition->params = binding->params;
    definition->param_count = binding->param_count;
    definition->results = binding->results;
    definition->result_count = binding->result_count;
    definition->names = function ? &function->names : NULL;
    definition->function = Host_call;
    definition->user = binding;
    status = 0;
done:
    Py_XDECREF(params);
    Py_XDECREF(results);
    return status;
}

static int define_all(Builder *builder, PyObject *module_name, PyObject *items)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items); i++) {
        PyObject *item = PyList_GET_ITEM(items, i);
        PyObject *name = is_pair(item) ? PyTuple_GET_ITEM(item, 0) : NULL;
        if (!name || !PyUnicode_Check(name)) {
            PyErr_SetString(PyExc_TypeError,
                            "host_module(): the keys of functions must be str");
            return -1;
        }
        PyObject *label = PyUnicode_FromFormat("%U.%U", module_name, name);
        int status =
            label ? define(builder, name, label, PyTuple_GET_ITEM(item, 1)) : -1;
        Py_XDECREF(label);
        if (status < 0)
            return -1;
    }
    return 0;
}

static int build(Builder *builder, PyObject *name, PyObject *items)
{
    ModuleObject *module = builder->module;
    size_t count = (size_t)PyList_GET_SIZE(items);
    module->hosts = PyMem_Calloc(count + 1, sizeof *module->hosts);
    builder->definitions = PyMem_Calloc(count + 1, sizeof *builder->definitions);
    builder->names = PyList_New(0);
    if (!module->hosts || !builder->definitions || !builder->names) {
        PyErr_NoMemory();
        return -1;
    }
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(name, &size);
    if (!text || define_all(builder, name, items) < 0)
        return -1;
    wazero_module_t *handle;
    wazero_error_t *error;
    Py_BEGIN_ALLOW_THREADS
    error = wazero_host_module_new_with_listeners(
        module->runtime->handle, text, (size_t)size, builder->definitions, count,
        module->listeners.handle, module, &handle);
    Py_END_ALLOW_THREADS
    if (error) {
        Errors_raise(builder->state, error);
        return -1;
    }
    if (Module_adopt(builder->state, module, handle) < 0)
        return -1;
    return Module_register(module);
}

PyObject *Host_module_new(State *state, RuntimeObject *runtime, PyObject *name,
                          PyObject *functions, PyObject *const *listen)
{
    PyObject *items = PyMapping_Check(functions) ? PyMapping_Items(functions) : NULL;
    if (!items) {
        if (!PyErr_Occurred() || PyErr_ExceptionMatches(PyExc_AttributeError))
            PyErr_Format(
                PyExc_TypeError,
                "host_module() argument 'functions' must be a mapping, not %.200s",
                Py_TYPE(functions)->tp_name);
        return NULL;
    }
    Builder builder = {.state = state, .module = Module_allocate(state, runtime, NULL)};
    if (builder.module &&
        (Listeners_make(state, listen, &builder.module->listeners) < 0 ||
         build(&builder, name, items) < 0))
        Py_CLEAR(builder.module);
    PyMem_Free(builder.definitions);
    Py_XDECREF(builder.names);
    Py_DECREF(items);
    return (PyObject *)builder.module;
}

static PyMethodDef functions[] = {
    {"func", (PyCFunction)(void (*)(void))wazero_func, METH_FASTCALL | METH_KEYWORDS,
     "func(callable, params=None, results=None, caller=False, *, name=None,\n"
     "     param_names=None, result_names=None)\n--\n\n"
     "A host function: callable with the WebAssembly types that are given.\n\n"
     "params and results are sequences of type names ('i32', ..., 'externref'); None "
     "takes "
     "the\n"
     "types from the import section, or from the annotations in host_module. With\n"
     "caller, the first argument of each call is the Module that calls. The names are "
     "what\n"
     "stack traces, listeners and logs call the function, its parameters and results."},
    {0},
};

int HostModule_init(PyObject *module, State *state)
{
    state->host_function_type = State_add_type(module, &HostFunction_spec);
    if (!state->host_function_type ||
        PyModule_AddType(module, state->host_function_type) < 0)
        return -1;
    return PyModule_AddFunctions(module, functions);
}
