/*
 * sources.c - Python objects as a guest's clocks, sleep, yield and random numbers.
 *
 * None is what wazero pretends, "system" the host's own, a callable is asked each time;
 * random may be a seed as well. An exception in a callable ends the call of the guest.
 *
 * A binding belongs to a Module. Its functions run in the thread that runs the guest,
 * one at a time.
 */
#include "wazeromodule.h"

static const int source_options[SOURCE_COUNT] = {
    [SOURCE_WALLTIME] = OPTION_WALLTIME,   [SOURCE_NANOTIME] = OPTION_NANOTIME,
    [SOURCE_NANOSLEEP] = OPTION_NANOSLEEP, [SOURCE_OSYIELD] = OPTION_OSYIELD,
    [SOURCE_RANDOM] = OPTION_RANDOM,
};

static const char *name_of(const SourceBinding *binding)
{
    return Config_option_names[source_options[binding->source]];
}

#define SECOND INT64_C(1000000000)

/* What libwazero takes. */
#define RESOLUTION_MAX 817405952u

/* ---------------------------------------------------------------- asking --------- */

static int refuse_time(const SourceBinding *binding, PyObject *result)
{
    PyErr_Format(PyExc_TypeError,
                 "%s() must return nanoseconds as an int, or a tuple (seconds, "
                 "nanoseconds), not %.200s",
                 name_of(binding), Py_TYPE(result)->tp_name);
    return -1;
}

static int time_of_int(const SourceBinding *binding, PyObject *value, int64_t *time)
{
    int overflow;
    PyObject *number = PyNumber_Index(value);
    long long small = number ? PyLong_AsLongLongAndOverflow(number, &overflow) : -1;
    Py_XDECREF(number);
    if (small == -1 && PyErr_Occurred())
        return -1;
    if (overflow) {
        PyErr_Format(PyExc_OverflowError, "%s() returned a time beyond 64 bits: %.100R",
                     name_of(binding), value);
        return -1;
    }
    *time = small;
    return 0;
}

static int time_of_pair(const SourceBinding *binding, PyObject *pair, int64_t *time)
{
    int64_t seconds, nanoseconds;
    if (!PyIndex_Check(PyTuple_GET_ITEM(pair, 0)) ||
        !PyIndex_Check(PyTuple_GET_ITEM(pair, 1)))
        return refuse_time(binding, pair);
    if (time_of_int(binding, PyTuple_GET_ITEM(pair, 0), &seconds) < 0 ||
        time_of_int(binding, PyTuple_GET_ITEM(pair, 1), &nanoseconds) < 0)
        return -1;
    /* Brought to the same sign first: then no step overflows unless the sum does. */
    int64_t rest = nanoseconds % SECOND;
    bool fits = !__builtin_add_overflow(seconds, nanoseconds / SECOND, &seconds);
    if (fits && seconds < 0 && rest > 0) {
        seconds++;
        rest -= SECOND;
    }
    if (fits && !__builtin_mul_overflow(seconds, SECOND, &seconds) &&
        !__builtin_add_overflow(seconds, rest, time))
        return 0;
    PyErr_Format(PyExc_OverflowError, "%s() returned a time beyond 64 bits: %.100R",
                 name_of(binding), pair);
    return -1;
}

static int ask_time(const SourceBinding *binding, int64_t *time)
{
    PyObject *result = PyObject_CallNoArgs(binding->call);
    if (!result)
        return -1;
    int status;
    if (PyIndex_Check(result))
        status = time_of_int(binding, result, time);
    else if (is_pair(result))
        status = time_of_pair(binding, result, time);
    else
        status = refuse_time(binding, result);
    Py_DECREF(result);
    return status;
}

static int ask_random(const SourceBinding *binding, void *buffer, size_t size)
{
    PyObject *result = PyObject_CallFunction(binding->call, "n", (Py_ssize_t)size);
    Py_buffer view;
    if (!result)
        return -1;
    if (!PyObject_CheckBuffer(result)) {
        PyErr_Format(PyExc_TypeError, "random(%zu) must return bytes, not %.200s", size,
                     Py_TYPE(result)->tp_name);
        Py_DECREF(result);
        return -1;
    }
    int status = PyObject_GetBuffer(result, &view, PyBUF_SIMPLE);
    Py_DECREF(result);
    if (status < 0)
        return -1;
    if ((size_t)view.len == size) {
        memcpy(buffer, view.buf, size);
    } else {
        PyErr_Format(PyExc_ValueError, "random(%zu) must return %zu bytes, not %zd",
                     size, size, view.len);
        status = -1;
    }
    PyBuffer_Release(&view);
    return status;
}

/* Calls with nanoseconds, or with nothing; what it returns is of no interest. */
static int tell(const SourceBinding *binding, bool with_time, uint64_t nanoseconds)
{
    PyObject *result;
    if (with_time)
        result =
            PyObject_CallFunction(binding->call, "K", (unsigned long long)nanoseconds);
    else
        result = PyObject_CallNoArgs(binding->call);
    Py_XDECREF(result);
    return result ? 0 : -1;
}

/* ---------------------------------------------------------------- libwazero calls */

static wazero_error_t *read_clock(void *user, int64_t *nanoseconds)
{
    ENTRY(entry);
    if (!Entry_enter(&entry))
        return Host_refuse(HOST_SHUTTING_DOWN);
    wazero_error_t *error = ask_time(user, nanoseconds) < 0 ? Errors_to_host() : NULL;
    Entry_leave(&entry);
    return error;
}

static wazero_error_t *sleep_for(void *user, uint64_t nanoseconds)
{
    ENTRY(entry);
    if (!Entry_enter(&entry))
        return Host_refuse(HOST_SHUTTING_DOWN);
    wazero_error_t *error = tell(user, true, nanoseconds) < 0 ? Errors_to_host() : NULL;
    Entry_leave(&entry);
    return error;
}

static wazero_error_t *yield(void *user)
{
    ENTRY(entry);
    if (!Entry_enter(&entry))
        return Host_refuse(HOST_SHUTTING_DOWN);
    wazero_error_t *error = tell(user, false, 0) < 0 ? Errors_to_host() : NULL;
    Entry_leave(&entry);
    return error;
}

static wazero_error_t *fill_random(void *user, void *buffer, size_t size)
{
    ENTRY(entry);
    if (!Entry_enter(&entry))
        return Host_refuse(HOST_SHUTTING_DOWN);
    wazero_error_t *error =
        ask_random(user, buffer, size) < 0 ? Errors_to_host() : NULL;
    Entry_leave(&entry);
    return error;
}

/* ---------------------------------------------------------------- set up --------- */

static bool is_system(PyObject *value)
{
    return PyUnicode_Check(value) &&
           PyUnicode_CompareWithASCIIString(value, "system") == 0;
}

static void set_system(Source source, wazero_module_config_t *config)
{
    static void (*const setters[SOURCE_COUNT])(wazero_module_config_t *) = {
        [SOURCE_WALLTIME] = wazero_module_config_set_system_walltime,
        [SOURCE_NANOTIME] = wazero_module_config_set_system_nanotime,
        [SOURCE_NANOSLEEP] = wazero_module_config_set_system_nanosleep,
        [SOURCE_OSYIELD] = wazero_module_config_set_system_osyield,
        [SOURCE_RANDOM] = wazero_module_config_set_system_random,
    };
    setters[source](config);
}

/* A seed: up to 32 bytes, or an int of up to 32 bytes. */
static int set_seed(State *state, PyObject *value, wazero_module_config_t *config)
{
    PyObject *bytes;
    if (PyIndex_Check(value)) {
        PyObject *number = PyNumber_Index(value);
        bytes = number
                    ? PyObject_CallMethod(number, "to_bytes", "is", SEED_SIZE, "little")
                    : NULL;
        Py_XDECREF(number);
        if (!bytes && PyErr_ExceptionMatches(PyExc_OverflowError))
            PyErr_Format(PyExc_ValueError,
                         "random: a seed is an int from 0 to 2**256 - 1, not %.100R",
                         value);
    } else {
        bytes = PyBytes_FromObject(value);
        if (bytes && PyBytes_GET_SIZE(bytes) > SEED_SIZE) {
            PyErr_Format(PyExc_ValueError,
                         "random: a seed has at most %d bytes, not %zd", SEED_SIZE,
                         PyBytes_GET_SIZE(bytes));
            Py_CLEAR(bytes);
        }
    }
    if (!bytes)
        return -1;
    wazero_error_t *error = wazero_module_config_set_random_seed(
        config, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    Py_DECREF(bytes);
    if (!error)
        return 0;
    Errors_raise(state, error);
    return -1;
}

static wazero_error_t *set_call(SourceBinding *binding, uint32_t resolution,
                                wazero_module_config_t *config)
{
    switch (binding->source) {
    case SOURCE_WALLTIME:
        return wazero_module_config_set_walltime(config, read_clock, resolution,
                                                 binding, NULL);
    case SOURCE_NANOTIME:
        return wazero_module_config_set_nanotime(config, read_clock, resolution,
                                                 binding, NULL);
    case SOURCE_NANOSLEEP:
        return wazero_module_config_set_nanosleep(config, sleep_for, binding, NULL);
    case SOURCE_OSYIELD:
        return wazero_module_config_set_osyield(config, yield, binding, NULL);
    default:
        return wazero_module_config_set_random(config, fill_random, binding, NULL);
    }
}

static int refuse_source(const SourceBinding *binding, PyObject *value)
{
    bool random = binding->source == SOURCE_RANDOM;
    PyErr_Format(PyUnicode_Check(value) ? PyExc_ValueError : PyExc_TypeError,
                 "%s must be None, 'system'%s or a callable, not %.100R",
                 name_of(binding), random ? ", a seed (bytes or int)" : "", value);
    return -1;
}

static int set_source(State *state, SourceBinding *binding, PyObject *value,
                      uint32_t resolution, wazero_module_config_t *config)
{
    if (is_system(value)) {
        set_system(binding->source, config);
        return 0;
    }
    if (binding->source == SOURCE_RANDOM && !PyCallable_Check(value) &&
        !PyBool_Check(value) && (PyIndex_Check(value) || PyObject_CheckBuffer(value)))
        return set_seed(state, value, config);
    if (!PyCallable_Check(value))
        return refuse_source(binding, value);
    binding->call = Py_NewRef(value);
    wazero_error_t *error = set_call(binding, resolution, config);
    if (!error)
        return 0;
    Errors_raise(state, error);
    return -1;
}

/* The resolution of a clock, which must be a callable if one is given. */
static int get_resolution(PyObject *value, const SourceBinding *binding,
                          PyObject *clock, const char *what, uint32_t *resolution)
{
    uint64_t number;
    *resolution = binding->source == SOURCE_WALLTIME ? 1000 : 1;
    if (!value || value == Py_None)
        return 0;
    if (!clock || !PyCallable_Check(clock)) {
        PyErr_Format(PyExc_ValueError, "%s needs a %s that is a callable", what,
                     name_of(binding));
        return -1;
    }
    if (Args_uint64(value, what, RESOLUTION_MAX, &number) < 0)
        return -1;
    if (number == 0) {
        PyErr_Format(PyExc_ValueError, "%s must not be 0", what);
        return -1;
    }
    *resolution = (uint32_t)number;
    return 0;
}

int Sources_configure(State *state, SourceBinding *bindings, PyObject *const *options,
                      wazero_module_config_t *config)
{
    for (int i = 0; i < SOURCE_COUNT; i++) {
        PyObject *value = options[source_options[i]];
        uint32_t resolution = 0;
        bindings[i].source = (Source)i;
        if (i == SOURCE_WALLTIME || i == SOURCE_NANOTIME) {
            int option = i == SOURCE_WALLTIME ? OPTION_WALLTIME_RESOLUTION
                                              : OPTION_NANOTIME_RESOLUTION;
            if (get_resolution(options[option], &bindings[i], value,
                               Config_option_names[option], &resolution) < 0)
                return -1;
        }
        if (value && value != Py_None &&
            set_source(state, &bindings[i], value, resolution, config) < 0)
            return -1;
    }
    return 0;
}
