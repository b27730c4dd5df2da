/*
 * notice.c - on_close: a callable that is told when a module closes, once.
 *
 * The box (box.c) is empty once it has been called. Whoever closes the module calls it,
 * or the Module's own end, if that comes first.
 */
#include "wazeromodule.h"

/* With the GIL. What is raised can be told to nobody who would expect it. */
static void call(Box *box, uint32_t exit_code)
{
    PyObject *callable = box->object;
    box->object = NULL;
    if (!callable)
        return;
    PyObject *saved = PyErr_GetRaisedException();
    PyObject *code = PyLong_FromUnsignedLong(exit_code);
    PyObject *result = code ? PyObject_CallOneArg(callable, code) : NULL;
    if (!result)
        PyErr_WriteUnraisable(callable);
    Py_XDECREF(result);
    Py_XDECREF(code);
    Py_DECREF(callable);
    PyErr_SetRaisedException(saved);
}

static void notify(void *user, uint32_t exit_code)
{
    ENTRY(entry);
    if (!Entry_enter(&entry))
        return;
    call(user, exit_code);
    Entry_leave(&entry);
}

int Notice_configure(State *state, ModuleObject *module, PyObject *callable,
                     wazero_module_config_t *config)
{
    if (!PyCallable_Check(callable)) {
        PyErr_Format(PyExc_TypeError, "on_close must be callable or None, not %.200s",
                     Py_TYPE(callable)->tp_name);
        return -1;
    }
    module->notice = Box_new(callable);
    if (!module->notice)
        return -1;
    wazero_error_t *error = wazero_module_config_set_close_notifier(
        config, notify, module->notice, Box_release);
    if (!error)
        return 0;
    Errors_raise(state, error);
    return -1;
}

void Notice_settle(ModuleObject *module)
{
    uint32_t exit_code;
    if (module->notice && module->handle &&
        wazero_module_is_closed(module->handle, &exit_code))
        call(module->notice, exit_code);
}
