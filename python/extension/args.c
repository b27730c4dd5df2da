/*
 * args.c - arguments of METH_FASTCALL | METH_KEYWORDS functions, by name.
 *
 * Every message names the function and the parameter. Nothing here allocates when the
 * arguments are right.
 */
#include "wazeromodule.h"

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
        PyErr_Format(PyExc_ValueError, "%s must be from 0 to %llu", what,
                     (unsigned long long)maximum);
        return -1;
    }
    *result = (uint64_t)small;
    return 0;
}
