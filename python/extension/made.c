/*
 * made.c - memories, tables, globals and tags that the host makes by itself: each has a
 * Module that has nothing else, so that it lives, links and closes as any export does.
 */
#include "wazeromodule.h"

int Made_check_runtime(State *state, const char *what, PyObject *runtime)
{
    if (!Py_IS_TYPE(runtime, state->runtime_type)) {
        PyErr_Format(PyExc_TypeError,
                     "%s() argument 'runtime' must be a Runtime, not %.200s", what,
                     Py_TYPE(runtime)->tp_name);
        return -1;
    }
    return Runtime_is_open(state, (RuntimeObject *)runtime) ? 0 : -1;
}

int Made_limits(PyObject *min, PyObject *max, wazero_limits_t *limits)
{
    if (Args_uint64(min, "min", UINT32_MAX, &limits->min) < 0)
        return -1;
    limits->has_max = max && max != Py_None;
    return limits->has_max ? Args_uint64(max, "max", UINT32_MAX, &limits->max) : 0;
}

PyObject *Made_export(State *state, RuntimeObject *runtime, wazero_module_t *handle,
                      PyObject *value)
{
    ModuleObject *module = Module_allocate(state, runtime, NULL);
    PyObject *name = module ? PyUnicode_FromString("") : NULL;
    PyObject *made = NULL;
    if (name) {
        wazero_module_set_user(handle, module);
        if (Module_adopt(state, module, wazero_module_copy(handle)) == 0 &&
            Module_hold_value(module, value) == 0)
            made = Exports_get(state, module, name, false);
    }
    Py_XDECREF(name);
    Py_XDECREF(module);
    return made;
}
