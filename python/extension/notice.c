/*
 * notice.c - on_close: a callable that is told when a module closes, once.
 *
 * The C library has a box, shared with the Module, which knows the callable: so the
 * collector sees it, and a thread that closes the module while another one drops it
 * finds an empty box and not an object that is gone. The GIL guards the box.
 */
#include "wazeromodule.h"

#include <stdatomic.h>

struct CloseNotice {
    atomic_uint references; /* the Module's, and the C library's */
    PyObject *callable;     /* NULL once the Module has let it go */
    bool called;
};

static void release(void *user)
{
    struct CloseNotice *notice = user;
    if (atomic_fetch_sub(&notice->references, 1) == 1)
        free(notice);
}

/* With the GIL. What is raised can be told to nobody who would expect it. */
static void call(struct CloseNotice *notice, uint32_t exit_code)
{
    if (notice->called || !notice->callable)
        return;
    notice->called = true;
    PyObject *saved = PyErr_GetRaisedException();
    PyObject *callable = Py_NewRef(notice->callable);
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
    struct CloseNotice *notice = malloc(sizeof *notice);
    if (!notice) {
        PyErr_NoMemory();
        return -1;
    }
    atomic_init(&notice->references, 2);
    notice->callable = Py_NewRef(callable);
    notice->called = false;
    module->notice = notice;
    wazero_error_t *error =
        wazero_module_config_set_close_notifier(config, notify, notice, release);
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

int Notice_traverse(ModuleObject *module, visitproc visit, void *arg)
{
    if (module->notice)
        Py_VISIT(module->notice->callable);
    return 0;
}

void Notice_clear(ModuleObject *module)
{
    struct CloseNotice *notice = module->notice;
    if (!notice)
        return;
    module->notice = NULL;
    Py_CLEAR(notice->callable);
    release(notice);
}
