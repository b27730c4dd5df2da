/*
 * args.c - arguments of METH_FASTCALL | METH_KEYWORDS functions, by name; and the kinds
 * of arguments that several functions take: numbers, sizes, timeouts.
 *
 * Every message names the function and the parameter. Sorting the arguments allocates
 * nothing when they are right.
 */
#include "wazeromodule.h"

#include <math.h>

static Py_ssize_t find_parameter(const ArgsSpec *spec, PyObject *name)
{
    for (Py_ssize_t i = 0; i < spec->count; i++) {
        if (PyUnicode_CompareWithASCIIString(name, spec->names[i]) == 0)
            return i;
    }
    return -1;
}

static int set_keyword(const ArgsSpec *spec, PyObject *name, PyObject *value,
                       PyObject **values)
{
    Py_ssize_t index = find_parameter(spec, name);
    if (index < 0) {
        PyErr_Format(PyExc_TypeError, "%s() has no parameter '%U'", spec->function,
                     name);
        return -1;
    }
    if (values[index]) {
        PyErr_Format(PyExc_TypeError, "%s() got two values for parameter '%U'",
                     spec->function, name);
        return -1;
    }
    values[index] = value;
    return 0;
}

static int set_positional(const ArgsSpec *spec, PyObject *const *args, Py_ssize_t nargs,
                          PyObject **values)
{
    if (nargs > spec->positional) {
        PyErr_Format(PyExc_TypeError,
                     "%s() takes at most %zd positional argument%s but %zd were given",
                     spec->function, spec->positional, spec->positional == 1 ? "" : "s",
                     nargs);
        return -1;
    }
    for (Py_ssize_t i = 0; i < spec->count; i++)
        values[i] = i < nargs ? args[i] : NULL;
    return 0;
}

static int check_required(const ArgsSpec *spec, PyObject **values)
{
    for (Py_ssize_t i = 0; i < spec->required; i++) {
        if (!values[i]) {
            PyErr_Format(PyExc_TypeError,
                         "%s() misses its argument '%s' (position %zd)", spec->function,
                         spec->names[i], i + 1);
            return -1;
        }
    }
    return 0;
}

int Args_parse(const ArgsSpec *spec, PyObject *const *args, Py_ssize_t nargs,
               PyObject *kwnames, PyObject **values)
{
    if (set_positional(spec, args, nargs, values) < 0)
        return -1;
    Py_ssize_t keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    for (Py_ssize_t i = 0; i < keywords; i++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, i);
        if (set_keyword(spec, name, args[nargs + i], values) < 0)
            return -1;
    }
    return check_required(spec, values);
}

int Args_parse_new(const ArgsSpec *spec, PyObject *args, PyObject *kwargs,
                   PyObject **values)
{
    PyObject *positional[8];
    Py_ssize_t nargs = PyTuple_GET_SIZE(args);
    for (Py_ssize_t i = 0; i < nargs && i < 8; i++)
        positional[i] = PyTuple_GET_ITEM(args, i);
    if (set_positional(spec, positional, nargs, values) < 0)
        return -1;
    PyObject *name, *value;
    Py_ssize_t position = 0;
    while (kwargs && PyDict_Next(kwargs, &position, &name, &value)) {
        if (set_keyword(spec, name, value, values) < 0)
            return -1;
    }
    return check_required(spec, values);
}

int Args_uint64(PyObject *value, const char *what, uint64_t maximum, uint64_t *result)
{
    if (!PyIndex_Check(value)) {
        PyErr_Format(PyExc_TypeError, "%s must be an integer, not %.200s", what,
                     Py_TYPE(value)->tp_name);
        return -1;
    }
    PyObject *number = PyNumber_Index(value);
    if (!number)
        return -1;
    int overflow;
    long long small = PyLong_AsLongLongAndOverflow(number, &overflow);
    Py_DECREF(number);
    if (overflow == 0 && small == -1 && PyErr_Occurred())
        return -1;
    if (overflow != 0 || small < 0 || (uint64_t)small > maximum) {
        PyErr_Format(PyExc_ValueError, "%s must be from 0 to %llu, not %.100R", what,
                     (unsigned long long)maximum, value);
        return -1;
    }
    *result = (uint64_t)small;
    return 0;
}

int Args_count(PyObject *value, const char *what, uint64_t maximum, uint64_t *result)
{
    if (!PyBool_Check(value))
        return Args_uint64(value, what, maximum, result);
    PyErr_Format(PyExc_TypeError, "%s must be an integer, not bool", what);
    return -1;
}

PyObject *Args_list(PyObject *value, const char *what, const char *items)
{
    if (!PyUnicode_Check(value) && !PyBytes_Check(value) &&
        (Py_TYPE(value)->tp_iter || PySequence_Check(value)))
        return PySequence_List(value);
    PyErr_Format(PyExc_TypeError, "%s must be a sequence of %s, not %s%.200s", what,
                 items, PyUnicode_Check(value) || PyBytes_Check(value) ? "one " : "",
                 Py_TYPE(value)->tp_name);
    return NULL;
}

/* ---------------------------------------------------------------- sizes ---------- */

static int refuse_size(const SizeSpec *spec, PyObject *value)
{
    PyErr_Format(PyExc_ValueError,
                 "%s must be %s, as an int in bytes or a text like '64MiB' "
                 "(KiB, MiB, GiB), not %.100R",
                 spec->what, spec->range, value);
    return -1;
}

/* "64MiB" in bytes; at most 2**40 is enough to be refused later. */
static int parse_size(const char *text, uint64_t *bytes)
{
    static const struct {
        const char *name;
        int shift;
    } units[] = {{"", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
    uint64_t number = 0;
    const char *digit = text;
    for (; *digit >= '0' && *digit <= '9'; digit++) {
        number = number * 10 + (uint64_t)(*digit - '0');
        if (number > (uint64_t)1 << 40)
            return -1;
    }
    if (digit == text)
        return -1;
    while (*digit == ' ')
        digit++;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(digit, units[i].name) == 0) {
            if (number > (uint64_t)1 << 32)
                return -1;
            *bytes = number << units[i].shift;
            return 0;
        }
    }
    return -1;
}

/* 0 for what no size is. */
static int size_of_text(PyObject *value, uint64_t *bytes)
{
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(value, &size);
    if (!text)
        return -1;
    return (size_t)size == strlen(text) && parse_size(text, bytes) == 0;
}

static int size_of_int(PyObject *value, uint64_t *bytes)
{
    PyObject *number = PyNumber_Index(value);
    int overflow = 0;
    long long small = number ? PyLong_AsLongLongAndOverflow(number, &overflow) : 0;
    Py_XDECREF(number);
    if (!number || (overflow == 0 && small == -1 && PyErr_Occurred()))
        return -1;
    *bytes = (uint64_t)small;
    return overflow == 0 && small >= 0;
}

int Args_size(const SizeSpec *spec, PyObject *value, uint64_t *bytes)
{
    int known;
    *bytes = 0;
    if (PyUnicode_Check(value)) {
        known = size_of_text(value, bytes);
    } else if (PyIndex_Check(value) && !PyBool_Check(value)) {
        known = size_of_int(value, bytes);
    } else {
        PyErr_Format(PyExc_TypeError, "%s must be an int or a str, not %.200s",
                     spec->what, Py_TYPE(value)->tp_name);
        return -1;
    }
    if (known < 0)
        return -1;
    if (!known || *bytes < spec->minimum || *bytes > spec->maximum)
        return refuse_size(spec, value);
    return 0;
}

/* ---------------------------------------------------------------- timeouts ------- */

/* Raises an exception about a timeout; its message goes on with how and value. */
static int refuse_timeout(PyObject *function, PyObject *type, const char *how,
                          PyObject *value)
{
    PyObject *subject = function
                            ? PyUnicode_FromFormat("%U() argument 'timeout'", function)
                            : PyUnicode_FromString("timeout");
    if (!subject)
        return -1;
    if (type == PyExc_TypeError)
        PyErr_Format(type, "%U %s, not %.200s", subject, how, Py_TYPE(value)->tp_name);
    else
        PyErr_Format(type, "%U %s, not %.100R", subject, how, value);
    Py_DECREF(subject);
    return -1;
}

/* A number that does not fit into a double is larger or smaller than any that does. */
static int huge_to_double(PyObject *value, double *seconds)
{
    PyErr_Clear();
    PyObject *zero = PyLong_FromLong(0);
    int negative = zero ? PyObject_RichCompareBool(value, zero, Py_LT) : -1;
    Py_XDECREF(zero);
    *seconds = negative ? -Py_HUGE_VAL : Py_HUGE_VAL;
    return negative < 0 ? -1 : 0;
}

int Args_timeout(PyObject *function, PyObject *value, uint64_t *nanoseconds)
{
    const PyNumberMethods *methods = Py_TYPE(value)->tp_as_number;
    *nanoseconds = WAZERO_NO_TIMEOUT;
    if (value == Py_None)
        return 0;
    if (!methods || (!methods->nb_float && !methods->nb_index))
        return refuse_timeout(function, PyExc_TypeError,
                              "must be a number of seconds or None", value);
    double seconds = PyFloat_AsDouble(value);
    if (seconds == -1.0 && PyErr_Occurred() &&
        (!PyErr_ExceptionMatches(PyExc_OverflowError) ||
         huge_to_double(value, &seconds) < 0))
        return -1;
    if (!(seconds >= 0)) /* or not a number */
        return refuse_timeout(function, PyExc_ValueError,
                              "must be a number of seconds from 0 on", value);
    double exact = ceil(seconds * 1e9);
    if (exact < 18446744073709551615.0)
        *nanoseconds = (uint64_t)exact;
    return 0;
}
