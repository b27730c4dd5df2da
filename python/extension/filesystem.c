/*
 * filesystem.c - Python objects as file systems of a guest: any that has stat, listdir
 * and open (wazero.FileSystem), on top of wazero_fs_functions_t. This file asks the
 * object; filesystem_names.c has what is done with paths, filesystem_files.c what is
 * done with open files.
 *
 * An OSError is the guest's to handle, as WASI's number. Any other exception ends the
 * guest's call and comes out of it.
 *
 * The object is in a box (box.c) that belongs to the Module; the functions run in the
 * thread that runs the guest.
 */
#include "filesystem.h"

/* ---------------------------------------------------------------- exceptions ----- */

/* What an OSError without a number means, by its class. */
static wazero_errno_t code_of_class(wazero_errno_t unsupported)
{
    const struct {
        PyObject *type;
        wazero_errno_t code;
    } classes[] = {
        {PyExc_FileNotFoundError, WAZERO_ERRNO_NOENT},
        {PyExc_FileExistsError, WAZERO_ERRNO_EXIST},
        {PyExc_IsADirectoryError, WAZERO_ERRNO_ISDIR},
        {PyExc_NotADirectoryError, WAZERO_ERRNO_NOTDIR},
        {PyExc_PermissionError, WAZERO_ERRNO_ACCES},
        {PyExc_BlockingIOError, WAZERO_ERRNO_AGAIN},
        {PyExc_InterruptedError, WAZERO_ERRNO_INTR},
        {PyExc_BrokenPipeError, WAZERO_ERRNO_PIPE},
        {PyExc_TimeoutError, WAZERO_ERRNO_TIMEDOUT},
        {PyExc_ValueError, unsupported}, /* io.UnsupportedOperation is one, too */
    };
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (PyErr_ExceptionMatches(classes[i].type))
            return classes[i].code;
    return WAZERO_ERRNO_IO;
}

/* The number of the OSError that is set; what it is otherwise ends the call. */
static wazero_errno_t answer(const State *state, wazero_fs_call_t *call,
                             wazero_errno_t unsupported)
{
    wazero_errno_t code = WAZERO_ERRNO_IO;
    if (!PyErr_ExceptionMatches(PyExc_OSError) ||
        PyErr_ExceptionMatches(state->error)) {
        call->error = Errors_to_host();
        return code;
    }
    wazero_errno_t by_class = code_of_class(unsupported);
    PyObject *exception = PyErr_GetRaisedException();
    PyObject *number = PyObject_GetAttrString(exception, "errno");
    if (number && PyLong_Check(number))
        code = wazero_errno_from_system((int)PyLong_AsLong(number));
    else
        code = by_class;
    Py_XDECREF(number);
    Py_DECREF(exception);
    PyErr_Clear();
    return code ? code : WAZERO_ERRNO_IO;
}

/* ---------------------------------------------------------------- calling -------- */

bool Asking_begin(Asking *asking, wazero_fs_call_t *call)
{
    asking->call = call;
    asking->binding = call->user;
    if (!Entry_enter(&asking->entry)) {
        call->error = Host_refuse(HOST_SHUTTING_DOWN);
        return false;
    }
    asking->fs = Py_XNewRef(asking->binding->box->object);
    return true;
}

wazero_errno_t Asking_code(Asking *asking, int status, wazero_errno_t unsupported)
{
    if (status >= 0)
        return WAZERO_ERRNO_SUCCESS;
    if (!PyErr_Occurred())
        return unsupported;
    return answer(asking->binding->state, asking->call, unsupported);
}

void Asking_leave(Asking *asking)
{
    Py_XDECREF(asking->fs);
    Entry_leave(&asking->entry);
}

wazero_errno_t Asking_answer(Asking *asking, int status, wazero_errno_t unsupported)
{
    wazero_errno_t code = Asking_code(asking, status, unsupported);
    Asking_leave(asking);
    return code;
}

PyObject *Asking_value(PyObject *object, const char *name)
{
    PyObject *value = Stream_optional_attribute(object, name);
    if (value == Py_None)
        Py_CLEAR(value);
    return value;
}

PyObject *Asking_method(PyObject *object, const char *name)
{
    return object ? Asking_value(object, name) : NULL;
}

PyObject *Asking_call(PyObject *object, const char *name, const char *format, ...)
{
    PyObject *method = Asking_method(object, name);
    if (!method)
        return NULL;
    va_list values;
    va_start(values, format);
    PyObject *args = Py_VaBuildValue(format, values);
    va_end(values);
    PyObject *result = args ? PyObject_CallObject(method, args) : NULL;
    Py_XDECREF(args);
    Py_DECREF(method);
    return result;
}

int Asking_done(PyObject *result)
{
    Py_XDECREF(result);
    return result ? 0 : -1;
}

PyObject *Asking_path(const char *path)
{
    return PyUnicode_DecodeFSDefault(path);
}

/* ---------------------------------------------------------------- the object ----- */

static void delete_binding(void *user)
{
    Binding *binding = user;
    Box_release(binding->box);
    free(binding);
}

int FileSystem_check(PyObject *value)
{
    static const char *const required[] = {"stat", "listdir", "open"};
    if (PyType_Check(value) || PyUnicode_Check(value) || PyBytes_Check(value))
        return 0;
    PyObject *path = Stream_optional_attribute(value, "__fspath__");
    Py_XDECREF(path);
    if (path || PyErr_Occurred())
        return path ? 0 : -1;
    for (size_t i = 0; i < sizeof required / sizeof *required; i++) {
        PyObject *method = Stream_optional_attribute(value, required[i]);
        bool is_there = method && PyCallable_Check(method);
        Py_XDECREF(method);
        if (!is_there)
            return PyErr_Occurred() ? -1 : 0;
    }
    return 1;
}

int FileSystem_new(State *state, PyObject *object, Box **box, wazero_fs_t **fs)
{
    Binding *binding = malloc(sizeof *binding);
    *box = binding ? Box_new(object) : NULL;
    if (!*box) {
        free(binding);
        if (!PyErr_Occurred())
            PyErr_NoMemory();
        return -1;
    }
    *binding = (Binding){state, *box};
    wazero_fs_functions_t functions = {.size = sizeof functions};
    FileSystem_set_names(&functions);
    FileSystem_set_files(&functions);
    wazero_error_t *error =
        wazero_fs_new_custom(&functions, binding, delete_binding, fs);
    if (!error)
        return 0;
    Box_clear(box);
    Errors_raise(state, error);
    return -1;
}
