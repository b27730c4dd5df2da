/*
 * config.c - options of Runtime() and instantiate(), as keywords or as configuration
 * objects, turned into libwazero's configurations.
 *
 * A configuration object is read by attribute, and only where no keyword was given.
 * What is wrong by type or value is refused here, with the name of the option.
 */
#include "wazeromodule.h"

const char *const Config_option_names[OPTION_COUNT] = {CONFIG_OPTION_NAMES};

int Config_options(PyObject *const *given, PyObject **options)
{
    PyObject *config = given[OPTION_CONFIG];
    for (int i = 0; i < OPTION_COUNT; i++)
        options[i] = Py_XNewRef(given[i]);
    if (!config || config == Py_None)
        return 0;
    for (int i = 0; i < OPTION_CONFIG; i++) {
        if (i == OPTION_IMPORTS || options[i]) /* a ModuleConfig has no imports */
            continue;
        options[i] = PyObject_GetAttrString(config, Config_option_names[i]);
        if (options[i])
            continue;
        if (PyErr_ExceptionMatches(PyExc_AttributeError))
            PyErr_Format(PyExc_TypeError,
                         "config must be a wazero.ModuleConfig, not %.200s",
                         Py_TYPE(config)->tp_name);
        Config_clear_options(options);
        return -1;
    }
    return 0;
}

void Config_clear_options(PyObject **options)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        Py_CLEAR(options[i]);
}

PyObject *Config_c_string(PyObject *value, const char *what)
{
    PyObject *bytes;
    if (PyUnicode_FSConverter(value, &bytes))
        return bytes;
    if (PyErr_ExceptionMatches(PyExc_TypeError))
        PyErr_Format(PyExc_TypeError,
                     "%s must be str, bytes or os.PathLike, not %.200s", what,
                     Py_TYPE(value)->tp_name);
    else if (PyErr_ExceptionMatches(PyExc_UnicodeError))
        PyErr_Format(PyExc_ValueError,
                     "%s must be text that can be encoded, not %.100R", what, value);
    else if (PyErr_ExceptionMatches(PyExc_ValueError))
        PyErr_Format(PyExc_ValueError, "%s must not contain a NUL, as %.100R does",
                     what, value);
    return NULL;
}

/* Calls a setter that takes a list of C strings with what is in the sequence. */
typedef wazero_error_t *(*ListSetter)(wazero_module_config_t *, const char *const *,
                                      size_t);

static int set_list(State *state, wazero_module_config_t *config, PyObject *value,
                    const char *what, ListSetter setter)
{
    if (!is_given(value))
        return 0;
    PyObject *items = Args_list(value, what, "strings");
    if (!items)
        return -1;
    Py_ssize_t count = PyList_GET_SIZE(items);
    const char **strings = PyMem_New(const char *, (size_t)count + 1);
    int result = -1;
    if (!strings) {
        PyErr_NoMemory();
        goto done;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        char name[64];
        PyOS_snprintf(name, sizeof name, "%s[%zd]", what, i);
        PyObject *bytes = Config_c_string(PyList_GET_ITEM(items, i), name);
        if (!bytes || PyList_SetItem(items, i, bytes) < 0)
            goto done;
        strings[i] = PyBytes_AS_STRING(bytes);
    }
    wazero_error_t *error = setter(config, strings, (size_t)count);
    if (error)
        Errors_raise(state, error);
    else
        result = 0;
done:
    PyMem_Free(strings);
    Py_DECREF(items);
    return result;
}

static int set_name(State *state, wazero_module_config_t *config, PyObject *value)
{
    if (!is_given(value))
        return 0;
    if (!PyUnicode_Check(value)) {
        PyErr_Format(PyExc_TypeError, "name must be str or None, not %.200s",
                     Py_TYPE(value)->tp_name);
        return -1;
    }
    Py_ssize_t size;
    const char *name = PyUnicode_AsUTF8AndSize(value, &size);
    if (!name)
        return -1;
    wazero_error_t *error = wazero_module_config_set_name(config, name, (size_t)size);
    if (!error)
        return 0;
    Errors_raise(state, error);
    return -1;
}

static int set_variable(State *state, wazero_module_config_t *config, PyObject *key,
                        PyObject *value)
{
    PyObject *name = Config_c_string(key, "a key of env");
    PyObject *text = name ? Config_c_string(value, "a value of env") : NULL;
    int result = -1;
    if (text) {
        const char *chars = PyBytes_AS_STRING(name);
        if (!*chars || strchr(chars, '=')) {
            PyErr_Format(PyExc_ValueError, "env: %R is no name of a variable", key);
        } else {
            wazero_error_t *error =
                wazero_module_config_set_env(config, chars, PyBytes_AS_STRING(text));
            if (error)
                Errors_raise(state, error);
            else
                result = 0;
        }
    }
    Py_XDECREF(text);
    Py_XDECREF(name);
    return result;
}

PyObject *Config_items(PyObject *mapping, const char *what)
{
    PyObject *items = PyMapping_Check(mapping) ? PyMapping_Items(mapping) : NULL;
    if (!items && (!PyErr_Occurred() || PyErr_ExceptionMatches(PyExc_AttributeError)))
        PyErr_Format(PyExc_TypeError, "%s must be a mapping, not %.200s", what,
                     Py_TYPE(mapping)->tp_name);
    return items;
}

/* INHERIT, or its name. */
static bool is_inherit(State *state, PyObject *value)
{
    return value == state->inherit ||
           (PyUnicode_Check(value) &&
            PyUnicode_CompareWithASCIIString(value, "inherit") == 0);
}

static int set_env(State *state, wazero_module_config_t *config, PyObject *value)
{
    if (!is_given(value))
        return 0;
    if (is_inherit(state, value)) {
        wazero_error_t *error = wazero_module_config_inherit_env(config);
        if (error)
            Errors_raise(state, error);
        return error ? -1 : 0;
    }
    PyObject *items = Config_items(value, "env");
    int result = items ? 0 : -1;
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(items); i++) {
        PyObject *item = PyList_GET_ITEM(items, i);
        if (is_pair(item))
            result = set_variable(state, config, PyTuple_GET_ITEM(item, 0),
                                  PyTuple_GET_ITEM(item, 1));
    }
    Py_XDECREF(items);
    return result;
}

static int refuse_address(PyObject *type, PyObject *address)
{
    PyErr_Format(
        type,
        "listen: an address is 'host:port' or (host, port), with a port from 0 "
        "to 65535, not %.100R",
        address);
    return -1;
}

/* Takes "host:port" apart: new references. A host with colons has brackets. */
static int split_address(PyObject *text, PyObject **host, PyObject **port)
{
    PyObject *parts = PyObject_CallMethod(text, "rpartition", "s", ":");
    if (!parts)
        return -1;
    *host = Py_NewRef(PyTuple_GET_ITEM(parts, 0));
    bool has_colon = PyUnicode_GET_LENGTH(PyTuple_GET_ITEM(parts, 1)) == 1;
    *port = has_colon ? PyLong_FromUnicodeObject(PyTuple_GET_ITEM(parts, 2), 10) : NULL;
    Py_DECREF(parts);
    if (*port)
        return 0;
    Py_CLEAR(*host);
    if (has_colon && !PyErr_ExceptionMatches(PyExc_ValueError))
        return -1;
    return refuse_address(PyExc_ValueError, text);
}

static int add_listener(State *state, wazero_module_config_t *config, PyObject *address)
{
    PyObject *host, *port;
    uint64_t number;
    if (PyUnicode_Check(address)) {
        if (split_address(address, &host, &port) < 0)
            return -1;
    } else if (is_pair(address) && PyUnicode_Check(PyTuple_GET_ITEM(address, 0)) &&
               PyIndex_Check(PyTuple_GET_ITEM(address, 1))) {
        host = Py_NewRef(PyTuple_GET_ITEM(address, 0));
        port = Py_NewRef(PyTuple_GET_ITEM(address, 1));
    } else {
        return refuse_address(PyExc_TypeError, address);
    }
    PyObject *bytes = Config_c_string(host, "a host of listen");
    int result = -1;
    if (bytes) {
        result = Args_count(port, "a port of listen", 65535, &number);
        wazero_error_t *error =
            result == 0 ? wazero_module_config_add_tcp_listener(
                              config, PyBytes_AS_STRING(bytes), (uint16_t)number)
                        : NULL;
        if (error) {
            Errors_raise(state, error);
            result = -1;
        }
    }
    Py_XDECREF(bytes);
    Py_DECREF(host);
    Py_DECREF(port);
    return result;
}

static int set_listen(State *state, wazero_module_config_t *config, PyObject *value)
{
    if (!is_given(value))
        return 0;
    PyObject *addresses = Args_list(value, "listen", "addresses");
    int result = addresses ? 0 : -1;
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(addresses); i++)
        result = add_listener(state, config, PyList_GET_ITEM(addresses, i));
    Py_XDECREF(addresses);
    return result;
}

static int set_timeout(wazero_module_config_t *config, PyObject *value)
{
    uint64_t nanoseconds;
    if (!is_given(value))
        return 0;
    if (Args_timeout(NULL, value, &nanoseconds) < 0)
        return -1;
    wazero_module_config_set_timeout(config, nanoseconds);
    return 0;
}

static int set_output_limit(wazero_module_config_t *config, PyObject *value)
{
    static const SizeSpec spec = {"output_limit", 0, (uint64_t)1 << 62,
                                  "from 0 to 2**62"};
    uint64_t bytes;
    if (!is_given(value))
        return 0;
    if (Args_size(&spec, value, &bytes) < 0)
        return -1;
    wazero_module_config_set_output_limit(config, bytes);
    return 0;
}

static int set_max_files(wazero_module_config_t *config, PyObject *value)
{
    uint64_t count;
    if (!is_given(value))
        return 0;
    if (Args_count(value, "max_files", UINT32_MAX, &count) < 0)
        return -1;
    wazero_module_config_set_max_files(config, (uint32_t)count);
    return 0;
}

/* Before clocks and random numbers are set: those stay as they are. */
static int set_deterministic(wazero_module_config_t *config, PyObject *value)
{
    if (!is_given(value))
        return 0;
    if (!PyBool_Check(value)) {
        PyErr_Format(PyExc_TypeError, "deterministic must be a bool, not %.200s",
                     Py_TYPE(value)->tp_name);
        return -1;
    }
    if (value == Py_True)
        wazero_module_config_set_deterministic(config);
    return 0;
}

static int set_max_stack(State *state, wazero_module_config_t *config, PyObject *value)
{
    static const SizeSpec spec = {"max_stack", (uint64_t)64 << 10, (uint64_t)1 << 30,
                                  "from 64 KiB to 1 GiB"};
    uint64_t bytes;
    if (!is_given(value))
        return 0;
    if (Args_size(&spec, value, &bytes) < 0)
        return -1;
    wazero_error_t *error = wazero_module_config_set_max_stack(config, (size_t)bytes);
    if (!error)
        return 0;
    Errors_raise(state, error);
    return -1;
}

/* A limit below the runtime's, in bytes; parts of pages do not count. */
static int set_memory_limit(State *state, wazero_module_config_t *config,
                            PyObject *value)
{
    uint64_t bytes;
    if (!is_given(value))
        return 0;
    if (Args_size(&Config_memory_limit, value, &bytes) < 0)
        return -1;
    wazero_error_t *error = wazero_module_config_set_memory_limit_pages(
        config, (uint32_t)(bytes / WAZERO_PAGE_SIZE));
    if (!error)
        return 0;
    Errors_raise(state, error);
    return -1;
}

static int set_on_close(State *state, ModuleObject *module,
                        wazero_module_config_t *config, PyObject *value)
{
    return is_given(value) ? Notice_configure(state, module, value, config) : 0;
}

static int set_wasi(State *state, wazero_module_config_t *config, PyObject *value)
{
    static const char *const names[] = {"libwazero", "wazero"};
    static const wazero_wasi_kind_t kinds[] = {WAZERO_WASI_LIBWAZERO,
                                               WAZERO_WASI_ENGINE};
    if (!is_given(value))
        return 0;
    for (size_t i = 0; PyUnicode_Check(value) && i < sizeof kinds / sizeof *kinds; i++)
        if (PyUnicode_CompareWithASCIIString(value, names[i]) == 0) {
            wazero_error_t *error = wazero_module_config_set_wasi(config, kinds[i]);
            if (error)
                Errors_raise(state, error);
            return error ? -1 : 0;
        }
    PyErr_Format(PyUnicode_Check(value) ? PyExc_ValueError : PyExc_TypeError,
                 "wasi must be 'libwazero' or 'wazero', not %R", value);
    return -1;
}

static int fill_module(State *state, ModuleObject *module, PyObject *const *options,
                       wazero_module_config_t *config)
{
    wazero_module_config_set_user(config, module);
    if (set_name(state, config, options[OPTION_NAME]) < 0 ||
        set_list(state, config, options[OPTION_ARGS], "args",
                 wazero_module_config_set_args) < 0 ||
        set_list(state, config, options[OPTION_START_FUNCTIONS], "start_functions",
                 wazero_module_config_set_start_functions) < 0 ||
        set_env(state, config, options[OPTION_ENV]) < 0 ||
        Mounts_add(state, module, config, options[OPTION_MOUNTS]) < 0 ||
        set_timeout(config, options[OPTION_TIMEOUT]) < 0 ||
        set_max_stack(state, config, options[OPTION_MAX_STACK]) < 0 ||
        set_memory_limit(state, config, options[OPTION_MEMORY_LIMIT]) < 0 ||
        set_on_close(state, module, config, options[OPTION_ON_CLOSE]) < 0 ||
        Mounts_add_fs(state, module, config, options[OPTION_FS]) < 0 ||
        set_output_limit(config, options[OPTION_OUTPUT_LIMIT]) < 0 ||
        set_max_files(config, options[OPTION_MAX_FILES]) < 0 ||
        set_listen(state, config, options[OPTION_LISTEN]) < 0 ||
        set_wasi(state, config, options[OPTION_WASI]) < 0 ||
        set_deterministic(config, options[OPTION_DETERMINISTIC]) < 0 ||
        Trace_configure(state, module, options[OPTION_TRACE], config) < 0 ||
        Sources_configure(state, module->time_and_random, options, config) < 0)
        return -1;
    for (int i = 0; i < 3; i++) {
        PyObject *object = options[OPTION_STDIN + i];
        if (is_given(object) && Stream_configure(state, &module->streams[i], object,
                                                 (wazero_stream_t)i, config) < 0)
            return -1;
    }
    return 0;
}

int Config_module(State *state, ModuleObject *module, PyObject *const *options,
                  wazero_module_config_t **config)
{
    wazero_error_t *error = wazero_module_config_new(config);
    if (error) {
        Errors_raise(state, error);
        return -1;
    }
    if (fill_module(state, module, options, *config) == 0)
        return 0;
    wazero_module_config_delete(*config);
    *config = NULL;
    return -1;
}

static PyObject *Inherit_repr(PyObject *Py_UNUSED(self))
{
    return PyUnicode_FromString("wazero.INHERIT");
}

static PyObject *Inherit_reduce(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return PyUnicode_FromString("INHERIT");
}

static int Inherit_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static void Inherit_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef Inherit_methods[] = {
    {"__reduce__", Inherit_reduce, METH_NOARGS, NULL},
    {0},
};

static PyType_Slot Inherit_slots[] = {
    {Py_tp_doc, "The type of wazero.INHERIT, which gives a guest the process's own "
                "standard input, output or error."},
    {Py_tp_repr, Inherit_repr},
    {Py_tp_methods, Inherit_methods},
    {Py_tp_traverse, Inherit_traverse},
    {Py_tp_dealloc, Inherit_dealloc},
    {0, NULL},
};

static PyType_Spec Inherit_spec = {
    .name = "wazero._wazero.Inherit",
    .basicsize = (int)sizeof(PyObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = Inherit_slots,
};

int Config_init(PyObject *module, State *state)
{
    state->inherit_type = State_add_type(module, &Inherit_spec);
    if (!state->inherit_type || PyModule_AddType(module, state->inherit_type) < 0)
        return -1;
    state->inherit = state->inherit_type->tp_alloc(state->inherit_type, 0);
    if (!state->inherit)
        return -1;
    /* pickle finds INHERIT by this name */
    return PyModule_AddObjectRef(module, "INHERIT", state->inherit);
}
