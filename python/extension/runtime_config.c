/*
 * runtime_config.c - the options of Runtime().
 *
 * Sizes may be written as "64MiB", features by their names in the proposals. What
 * comes out is the C configuration and a dict of plain values, from which pickle makes
 * the like.
 */
#include "wazeromodule.h"

const char *const Config_runtime_names[RUNTIME_COUNT] = {
    "config",
    "engine",
    "memory_limit",
    "table_limit",
    "features",
    "cache",
    "debug_info",
    "compilation_workers",
    "memory_capacity_from_max",
    "custom_sections",
};

static int raise_error(State *state, wazero_error_t *error)
{
    if (!error)
        return 0;
    Errors_raise(state, error);
    return -1;
}

const SizeSpec Config_memory_limit = {
    "memory_limit", 0, (uint64_t)65536 * WAZERO_PAGE_SIZE, "from 0 to 4 GiB"};

static int set_memory_limit(State *state, wazero_runtime_config_t *config,
                            PyObject *value, PyObject **plain)
{
    uint64_t bytes;
    if (Args_size(&Config_memory_limit, value, &bytes) < 0)
        return -1;
    uint32_t pages = (uint32_t)(bytes / WAZERO_PAGE_SIZE);
    *plain = PyLong_FromUnsignedLongLong((uint64_t)pages * WAZERO_PAGE_SIZE);
    if (!*plain)
        return -1;
    return raise_error(state,
                       wazero_runtime_config_set_memory_limit_pages(config, pages));
}

static int set_table_limit(State *state, wazero_runtime_config_t *config,
                           PyObject *value, PyObject **plain)
{
    uint64_t elements;
    if (Args_count(value, "table_limit", 10000000, &elements) < 0)
        return -1;
    *plain = PyLong_FromUnsignedLongLong(elements);
    if (!*plain)
        return -1;
    return raise_error(
        state, wazero_runtime_config_set_table_limit(config, (uint32_t)elements));
}

/* The bit of a name: "tail-call", and "tail_call" and "TAIL_CALL" too. */
static int feature_bit(State *state, PyObject *name, wazero_features_t *bit)
{
    Py_ssize_t size = 0;
    const char *text =
        PyUnicode_Check(name) ? PyUnicode_AsUTF8AndSize(name, &size) : NULL;
    if (!text && PyErr_Occurred())
        return -1;
    if (!text) {
        PyErr_Format(PyExc_TypeError, "features must be names, not %.200s",
                     Py_TYPE(name)->tp_name);
        return -1;
    }
    wazero_error_t *error = wazero_features_parse(text, (size_t)size, bit);
    if (!error && wazero_feature_name(*bit)[0])
        return 0;
    if (!error) {
        PyErr_Format(PyExc_ValueError, "features: %R is not the name of one", name);
    } else if (wazero_error_kind(error) == WAZERO_ERROR_INVALID) {
        PyErr_Format(PyExc_ValueError, "features: %s",
                     wazero_error_message(error, NULL));
        wazero_error_delete(error);
    } else {
        Errors_raise(state, error);
    }
    return -1;
}

static int parse_features(State *state, PyObject *value, wazero_features_t *features)
{
    if (PyLong_Check(value) && !PyBool_Check(value)) {
        *features = PyLong_AsUnsignedLongLong(value);
        if (*features != (wazero_features_t)-1 || !PyErr_Occurred())
            return 0;
        PyErr_Format(PyExc_ValueError, "features: %R has bits that are no feature",
                     value);
        return -1;
    }
    PyObject *names = Args_list(value, "features", "names");
    if (!names)
        return -1;
    *features = WAZERO_FEATURES_V2;
    int result = 0;
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(names); i++) {
        wazero_features_t bit = 0;
        result = feature_bit(state, PyList_GET_ITEM(names, i), &bit);
        *features |= bit;
    }
    Py_DECREF(names);
    return result;
}

/* Sets them, and gives them as a number. */
static int take_features(State *state, wazero_runtime_config_t *config, PyObject *value,
                         wazero_features_t *features)
{
    if (parse_features(state, value, features) < 0)
        return -1;
    if (*features & ~WAZERO_FEATURES_ALL) {
        PyErr_Format(PyExc_ValueError, "features: %R has bits that are no feature",
                     value);
        return -1;
    }
    return raise_error(state, wazero_runtime_config_set_features(config, *features));
}

static int set_features(State *state, wazero_runtime_config_t *config, PyObject *value,
                        PyObject **plain)
{
    wazero_features_t features;
    if (take_features(state, config, value, &features) < 0)
        return -1;
    *plain = PyLong_FromUnsignedLongLong(features);
    return *plain ? 0 : -1;
}

int Config_features(State *state, PyObject *value, wazero_runtime_config_t **config)
{
    wazero_features_t features;
    if (raise_error(state, wazero_runtime_config_new(config)) < 0)
        return -1;
    if (take_features(state, *config, value, &features) == 0)
        return 0;
    wazero_runtime_config_delete(*config);
    *config = NULL;
    return -1;
}

static int set_engine(State *state, wazero_runtime_config_t *config, PyObject *value,
                      PyObject **plain)
{
    static const struct {
        const char *name;
        wazero_engine_kind_t kind;
    } engines[] = {
        {"auto", WAZERO_ENGINE_AUTO},
        {"compiler", WAZERO_ENGINE_COMPILER},
        {"interpreter", WAZERO_ENGINE_INTERPRETER},
    };
    for (size_t i = 0; PyUnicode_Check(value) && i < 3; i++) {
        if (PyUnicode_CompareWithASCIIString(value, engines[i].name) != 0)
            continue;
        *plain = PyUnicode_FromString(engines[i].name);
        if (!*plain)
            return -1;
        return raise_error(state,
                           wazero_runtime_config_set_engine(config, engines[i].kind));
    }
    PyErr_Format(PyExc_ValueError,
                 "engine must be 'auto', 'compiler' or 'interpreter', not %R", value);
    return -1;
}

/* A CompilationCache, or a path for which one is made. */
static int set_cache(State *state, wazero_runtime_config_t *config, PyObject *value,
                     PyObject **plain)
{
    PyObject *cache = Py_NewRef(value);
    if (!Py_IS_TYPE(value, state->cache_type)) {
        cache = PyObject_CallOneArg((PyObject *)state->cache_type, value);
        Py_DECREF(value);
        if (!cache)
            return -1;
    }
    CacheObject *object = (CacheObject *)cache;
    int result = -1;
    if (object->closed) {
        Errors_raise_closed(state, "cache");
    } else {
        wazero_runtime_config_set_cache(config, object->handle);
        *plain = Py_NewRef(object->directory);
        result = 0;
    }
    Py_DECREF(cache);
    return result;
}

static int set_debug_info(State *Py_UNUSED(state), wazero_runtime_config_t *config,
                          PyObject *value, PyObject **plain)
{
    int enabled = PyObject_IsTrue(value);
    if (enabled < 0)
        return -1;
    wazero_runtime_config_set_debug_info(config, enabled == 1);
    *plain = PyBool_FromLong(enabled);
    return 0;
}

static int set_workers(State *state, wazero_runtime_config_t *config, PyObject *value,
                       PyObject **plain)
{
    uint64_t workers;
    if (Args_count(value, "compilation_workers", 1024, &workers) < 0)
        return -1;
    *plain = PyLong_FromUnsignedLongLong(workers);
    if (!*plain)
        return -1;
    return raise_error(state, wazero_runtime_config_set_compilation_workers(
                                  config, (uint32_t)workers));
}

static int set_memory_capacity(State *Py_UNUSED(state), wazero_runtime_config_t *config,
                               PyObject *value, PyObject **plain)
{
    int enabled = PyObject_IsTrue(value);
    if (enabled < 0)
        return -1;
    wazero_runtime_config_set_memory_capacity_from_max(config, enabled == 1);
    *plain = PyBool_FromLong(enabled);
    return 0;
}

static int set_custom_sections(State *Py_UNUSED(state), wazero_runtime_config_t *config,
                               PyObject *value, PyObject **plain)
{
    int enabled = PyObject_IsTrue(value);
    if (enabled < 0)
        return -1;
    wazero_runtime_config_set_custom_sections(config, enabled == 1);
    *plain = PyBool_FromLong(enabled);
    return 0;
}

static int fill_runtime(State *state, PyObject *const *values, PyObject *options,
                        wazero_runtime_config_t *config)
{
    static int (*const setters[RUNTIME_COUNT])(State *, wazero_runtime_config_t *,
                                               PyObject *, PyObject **) = {
        NULL,
        set_engine,
        set_memory_limit,
        set_table_limit,
        set_features,
        set_cache,
        set_debug_info,
        set_workers,
        set_memory_capacity,
        set_custom_sections,
    };
    for (int i = 1; i < RUNTIME_COUNT; i++) {
        PyObject *plain = NULL;
        if (!values[i] || values[i] == Py_None)
            continue;
        int result = setters[i](state, config, values[i], &plain);
        if (result == 0)
            result = PyDict_SetItemString(options, Config_runtime_names[i], plain);
        Py_XDECREF(plain);
        if (result < 0)
            return -1;
    }
    return 0;
}

/* Takes what the keywords do not say from the RuntimeConfig. */
static int merge(PyObject *const *given, PyObject **values)
{
    PyObject *config = given[RUNTIME_CONFIG];
    bool has_config = config && config != Py_None;
    for (int i = 1; i < RUNTIME_COUNT; i++) {
        values[i] = Py_XNewRef(given[i]);
        if (values[i] || !has_config)
            continue;
        values[i] = PyObject_GetAttrString(config, Config_runtime_names[i]);
        if (values[i])
            continue;
        if (PyErr_ExceptionMatches(PyExc_AttributeError))
            PyErr_Format(PyExc_TypeError,
                         "config must be a wazero.RuntimeConfig, not %.200s",
                         Py_TYPE(config)->tp_name);
        return -1;
    }
    return 0;
}

int Config_runtime(State *state, PyObject *const *given, PyObject **options,
                   wazero_runtime_config_t **config)
{
    PyObject *values[RUNTIME_COUNT] = {NULL};
    int result = -1;
    *config = NULL;
    *options = PyDict_New();
    if (*options && merge(given, values) == 0 &&
        raise_error(state, wazero_runtime_config_new(config)) == 0)
        result = fill_runtime(state, values, *options, *config);
    for (int i = 1; i < RUNTIME_COUNT; i++)
        Py_XDECREF(values[i]);
    if (result < 0) {
        wazero_runtime_config_delete(*config);
        *config = NULL;
        Py_CLEAR(*options);
    }
    return result;
}

PyObject *Config_feature_names(void)
{
    PyObject *names = PyDict_New();
    for (wazero_features_t one = 1; names && one & WAZERO_FEATURES_ALL; one <<= 1) {
        PyObject *bit = PyLong_FromUnsignedLongLong(one);
        if (!bit || PyDict_SetItemString(names, wazero_feature_name(one), bit) < 0)
            Py_CLEAR(names);
        Py_XDECREF(bit);
    }
    return names;
}
