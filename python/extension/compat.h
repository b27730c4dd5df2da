/*
 * compat.h - the differences between the versions of CPython, from 3.11 on.
 *
 * This is the only file that looks at PY_VERSION_HEX. Everything else is written
 * against the newest documented API, which is filled in here where a version lacks it.
 */
#ifndef WAZERO_EXTENSION_COMPAT_H
#define WAZERO_EXTENSION_COMPAT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

#if PY_VERSION_HEX < 0x030B0000
#error "wazero needs Python 3.11 or later"
#endif

/* The names of the member types moved into Python.h with 3.12. */
#if PY_VERSION_HEX < 0x030C0000
#include <structmember.h>
#define Py_T_PYSSIZET T_PYSSIZET
#define Py_T_OBJECT_EX T_OBJECT_EX
#define Py_READONLY READONLY
#endif

/* One object per exception, instead of three, came with 3.12. */
#if PY_VERSION_HEX < 0x030C0000
static inline PyObject *PyErr_GetRaisedException(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    if (!type)
        return NULL;
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback) {
        PyException_SetTraceback(value, traceback);
        Py_DECREF(traceback);
    }
    Py_DECREF(type);
    return value;
}

static inline void PyErr_SetRaisedException(PyObject *exception)
{
    PyObject *type = exception ? Py_NewRef((PyObject *)Py_TYPE(exception)) : NULL;
    PyObject *traceback = exception ? PyException_GetTraceback(exception) : NULL;
    PyErr_Restore(type, exception, traceback);
}
#endif

/* Whether this thread holds the GIL. PyGILState_Check() says yes to every thread once
 * there is a second interpreter. Python keeps the current thread state for each thread
 * from 3.12 on, before that for the process. */
#if PY_VERSION_HEX < 0x030D0000
#define PyThreadState_GetUnchecked _PyThreadState_UncheckedGet /* its name before */
#endif
static inline bool Compat_is_attached(void)
{
    PyThreadState *current = PyThreadState_GetUnchecked();
#if PY_VERSION_HEX < 0x030C0000
    return current && current == PyGILState_GetThisThreadState();
#else
    return current != NULL;
#endif
}

/* Integers of one digit, which are read without a call. */
#if PY_VERSION_HEX < 0x030C0000
static inline int PyUnstable_Long_IsCompact(const PyLongObject *number)
{
    return (size_t)(number->ob_base.ob_size + 1) <= 2;
}

static inline Py_ssize_t PyUnstable_Long_CompactValue(const PyLongObject *number)
{
    return number->ob_base.ob_size * (Py_ssize_t)number->ob_digit[0];
}
#endif

/* What a module says about itself beside its exec function. Subinterpreters are
 * refused: the calls back from wasm find their thread state with PyGILState, which
 * knows the main interpreter only. */
#if PY_VERSION_HEX >= 0x030D0000
#define COMPAT_MODULE_SLOTS                                                            \
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},        \
        {Py_mod_gil, Py_MOD_GIL_USED},
#elif PY_VERSION_HEX >= 0x030C0000
#define COMPAT_MODULE_SLOTS                                                            \
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#else
#define COMPAT_MODULE_SLOTS
#endif

#endif
