/*
 * empty.c - the least that calls between Python and C cost, as a module: `add` converts
 * two ints and returns their sum, `call_often` calls back, and `instructions` counts
 * what any call takes.
 */
#define _GNU_SOURCE
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "steps.h"

static PyObject *empty_add(PyObject *Py_UNUSED(module), PyObject *const *args,
                           Py_ssize_t nargs)
{
    if (nargs != 2) {
        PyErr_SetString(PyExc_TypeError, "add() takes 2 arguments");
        return NULL;
    }
    long a = PyLong_AsLong(args[0]);
    if (a == -1 && PyErr_Occurred())
        return NULL;
    long b = PyLong_AsLong(args[1]);
    if (b == -1 && PyErr_Occurred())
        return NULL;
    return PyLong_FromLong((int)((unsigned)a + (unsigned)b));
}

/* The least of some tries: a signal of libwazero's may come in between. */
static PyObject *empty_instructions(PyObject *Py_UNUSED(module), PyObject *const *args,
                                    Py_ssize_t nargs)
{
    long least = 0;
    if (nargs < 1) {
        PyErr_SetString(PyExc_TypeError, "instructions() takes a callable");
        return NULL;
    }
    for (int i = 0; i < 10; i++) {
        steps_begin();
        PyObject *result =
            PyObject_Vectorcall(args[0], args + 1, (size_t)nargs - 1, NULL);
        long count = steps_end();
        if (!result)
            return NULL;
        Py_DECREF(result);
        if (i == 0 || count < least)
            least = count;
    }
    return PyLong_FromLong(least);
}

/* What wasm does in call_host_often, without wasm: calls with a count, down to 1. */
static PyObject *empty_call_often(PyObject *Py_UNUSED(module), PyObject *const *args,
                                  Py_ssize_t nargs)
{
    if (nargs != 2) {
        PyErr_SetString(PyExc_TypeError, "call_often() takes a callable and a count");
        return NULL;
    }
    long count = PyLong_AsLong(args[1]);
    if (count == -1 && PyErr_Occurred())
        return NULL;
    for (; count > 0; count--) {
        PyObject *number = PyLong_FromLong(count);
        PyObject *result = number ? PyObject_CallOneArg(args[0], number) : NULL;
        Py_XDECREF(number);
        if (!result)
            return NULL;
        Py_DECREF(result);
    }
    Py_RETURN_NONE;
}

static PyMethodDef empty_methods[] = {
    {"add", (PyCFunction)(void (*)(void))empty_add, METH_FASTCALL,
     "The sum of two ints."},
    {"instructions", (PyCFunction)(void (*)(void))empty_instructions, METH_FASTCALL,
     "How many instructions a call of the callable with the arguments takes."},
    {"call_often", (PyCFunction)(void (*)(void))empty_call_often, METH_FASTCALL,
     "Calls the callable count times."},
    {0},
};

static struct PyModuleDef empty_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "empty",
    .m_methods = empty_methods,
};

PyMODINIT_FUNC PyInit_empty(void);
PyMODINIT_FUNC PyInit_empty(void)
{
    return PyModuleDef_Init(&empty_module);
}
