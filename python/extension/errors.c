/*
 * errors.c - the exceptions, and both ways between them and wazero_error_t.
 *
 * An exception that a host function raises travels as the payload of a host error and
 * comes out of the call as the same object. So does what a signal handler raises.
 */
#include "wazeromodule.h"

/* May run in any thread, with or without the GIL, and when the interpreter is gone:
 * then the exception is left to the end of the process. */
void Errors_delete_payload(void *exception)
{
    ENTRY(entry);
    if (!Entry_enter(&entry))
        return;
    PyObject *saved = PyErr_GetRaisedException();
    Py_DECREF((PyObject *)exception);
    PyErr_SetRaisedException(saved);
    Entry_leave(&entry);
}

/* "TypeName: message", whose first line wazero puts before its stack trace. More lines
 * could look like a trace, as those of a Trap do; and nobody reads this text, since the
 * exception comes out as itself. */
static PyObject *describe(PyObject *exception)
{
    PyObject *name = PyType_GetQualName(Py_TYPE(exception));
    PyObject *text = name ? PyObject_Str(exception) : NULL;
    PyObject *description = NULL;
    if (name && !text) {
        PyErr_Clear(); /* a __str__ that raises does not hide the exception */
        description = Py_NewRef(name);
    } else if (text) {
        description = PyUnicode_GET_LENGTH(text)
                          ? PyUnicode_FromFormat("%U: %U", name, text)
                          : Py_NewRef(name);
    }
    Py_XDECREF(name);
    Py_XDECREF(text);
    return description;
}

wazero_error_t *Errors_to_host(void)
{
    PyObject *exception = PyErr_GetRaisedException();
    const char *message = "Python exception";
    Py_ssize_t size = (Py_ssize_t)strlen(message);
    PyObject *encoded = NULL;
    PyObject *description = describe(exception);
    if (description) {
        encoded = PyUnicode_AsEncodedString(description, "utf-8", "backslashreplace");
        Py_DECREF(description);
    }
    if (encoded) {
        message = PyBytes_AS_STRING(encoded);
        size = (Py_ssize_t)strcspn(message, "\n"); /* ends at a NUL, too */
    } else {
        PyErr_Clear();
    }
    wazero_error_t *error =
        wazero_error_new_host(message, (size_t)size, exception, Errors_delete_payload);
    Py_XDECREF(encoded);
    return error;
}

/* The wasm stack trace as wazero writes it, or NULL with or without an exception. */
static PyObject *stack_trace(const wazero_error_t *error)
{
    size_t count = wazero_error_frame_count(error);
    if (count == 0)
        return NULL;
    PyObject *trace = PyUnicode_FromString("wasm stack trace:");
    for (size_t i = 0; trace && i < count; i++) {
        const wazero_frame_t *frame = wazero_error_frame(error, i);
        PyObject *longer = PyUnicode_FromFormat("%U\n\t%s.%s%s", trace, frame->module,
                                                frame->function, frame->signature);
        Py_SETREF(trace, longer);
        const char *line = frame->source;
        while (trace && *line) {
            size_t size = strcspn(line, "\n");
            PyObject *source = PyUnicode_DecodeUTF8(line, (Py_ssize_t)size, "replace");
            longer = source ? PyUnicode_FromFormat("%U\n\t\t%U", trace, source) : NULL;
            Py_XDECREF(source);
            Py_SETREF(trace, longer);
            line += size + (line[size] == '\n');
        }
    }
    return trace;
}

/* Notes the wasm stack trace on the exception, unless the same one is there already. */
static void add_trace(PyObject *exception, const wazero_error_t *error)
{
    PyObject *trace = stack_trace(error);
    PyObject *notes = NULL;
    if (!trace)
        goto done;
    notes = PyObject_GetAttrString(exception, "__notes__");
    if (!notes)
        PyErr_Clear();
    if (notes && PyList_Check(notes)) {
        int found = PySequence_Contains(notes, trace);
        if (found != 0)
            goto done;
    }
    PyObject *result = PyObject_CallMethod(exception, "add_note", "O", trace);
    Py_XDECREF(result);
done:
    PyErr_Clear(); /* the exception matters, its note does not */
    Py_XDECREF(notes);
    Py_XDECREF(trace);
}

/* A member of wazero.TrapCode; the plain text if that cannot be had. */
static PyObject *trap_code(wazero_trap_code_t code)
{
    const char *text = wazero_trap_code_text(code);
    if (!*text)
        return Py_NewRef(Py_None);
    PyObject *result = NULL;
    PyObject *module = PyImport_ImportModule("wazero.trap");
    if (module)
        result = PyObject_CallMethod(module, "TrapCode", "s", text);
    Py_XDECREF(module);
    if (!result) {
        PyErr_Clear();
        result = PyUnicode_FromString(text);
    }
    return result;
}

static int set_attribute(PyObject *object, const char *name, PyObject *value)
{
    if (!value)
        return -1;
    int result = PyObject_SetAttrString(object, name, value);
    Py_DECREF(value);
    return result;
}

static PyObject *frames_of(State *state, const wazero_error_t *error)
{
    size_t count = wazero_error_frame_count(error);
    PyObject *frames = PyTuple_New((Py_ssize_t)count);
    for (size_t i = 0; frames && i < count; i++) {
        PyObject *frame = Types_frame(state, wazero_error_frame(error, i));
        if (frame)
            PyTuple_SET_ITEM(frames, (Py_ssize_t)i, frame);
        else
            Py_CLEAR(frames);
    }
    return frames;
}

static int fill_trap(PyObject *exception, const wazero_error_t *error, const char *text,
                     size_t size)
{
    const char *trace = strstr(text, "\nwasm stack trace:");
    size_t length = trace ? (size_t)(trace - text) : size;
    if (set_attribute(exception, "code", trap_code(wazero_error_trap_code(error))) < 0)
        return -1;
    PyObject *message = PyUnicode_DecodeUTF8(text, (Py_ssize_t)length, "replace");
    return set_attribute(exception, "message", message);
}

/* What belongs to the kind. */
static int fill(State *state, PyObject *exception, const wazero_error_t *error,
                const char *text, size_t size)
{
    switch (wazero_error_kind(error)) {
    case WAZERO_ERROR_TRAP:
        if (fill_trap(exception, error, text, size) < 0)
            return -1;
        break;
    case WAZERO_ERROR_EXIT:
        return set_attribute(exception, "exit_code",
                             PyLong_FromUnsignedLong(wazero_error_exit_code(error)));
    case WAZERO_ERROR_TIMEOUT:
    case WAZERO_ERROR_INTERRUPTED:
    case WAZERO_ERROR_OUTPUT_LIMIT:
        break;
    default:
        return 0;
    }
    return set_attribute(exception, "frames", frames_of(state, error));
}

/* The class for a kind. INVALID is what libwazero refuses by its own rules; arguments
 * that are wrong by Python's are refused before they get there. */
static PyObject *class_of(State *state, wazero_error_kind_t kind)
{
    switch (kind) {
    case WAZERO_ERROR_COMPILE:
        return state->compile_error;
    case WAZERO_ERROR_LINK:
        return state->link_error;
    case WAZERO_ERROR_TRAP:
        return state->trap;
    case WAZERO_ERROR_EXIT:
        return state->exit_error;
    case WAZERO_ERROR_CLOSED:
        return state->closed_error;
    case WAZERO_ERROR_TIMEOUT:
        return state->timeout;
    case WAZERO_ERROR_INTERRUPTED:
        return state->interrupted;
    case WAZERO_ERROR_FORKED:
        return state->forked_error;
    case WAZERO_ERROR_OUTPUT_LIMIT:
        return state->output_limit_error;
    case WAZERO_ERROR_MEMORY:
        return PyExc_MemoryError;
    case WAZERO_ERROR_INVALID:
    case WAZERO_ERROR_HOST:
    case WAZERO_ERROR_INTERNAL:
        break;
    }
    return state->error;
}

/* The exception of a host function is its payload. */
static PyObject *payload_of(const wazero_error_t *error)
{
    return wazero_error_kind(error) == WAZERO_ERROR_HOST ? wazero_error_payload(error)
                                                         : NULL;
}

PyObject *Errors_exception(State *state, const wazero_error_t *error)
{
    PyObject *payload = payload_of(error);
    if (payload) {
        add_trace(payload, error);
        return Py_NewRef(payload);
    }
    size_t size;
    const char *text = wazero_error_message(error, &size);
    PyObject *message = PyUnicode_DecodeUTF8(text, (Py_ssize_t)size, "replace");
    PyObject *type = class_of(state, wazero_error_kind(error));
    PyObject *exception = message ? PyObject_CallOneArg(type, message) : NULL;
    if (exception && fill(state, exception, error, text, size) < 0)
        Py_CLEAR(exception);
    Py_XDECREF(message);
    return exception;
}

PyObject *Errors_raise(State *state, wazero_error_t *error)
{
    bool is_payload = payload_of(error) != NULL;
    PyObject *exception = Errors_exception(state, error);
    if (exception && is_payload)
        PyErr_SetRaisedException(Py_NewRef(exception)); /* as itself */
    else if (exception)
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    Py_XDECREF(exception);
    wazero_error_delete(error);
    return NULL;
}

PyObject *Errors_raise_closed(State *state, const char *what)
{
    PyErr_Format(state->closed_error, "the %s is closed", what);
    return NULL;
}

static PyObject *new_class(PyObject *module, const char *name, const char *doc,
                           PyObject *base, PyObject *dict)
{
    char full_name[64];
    PyOS_snprintf(full_name, sizeof full_name, "wazero.%s", name);
    PyObject *type = PyErr_NewExceptionWithDoc(full_name, doc, base, dict);
    if (type && PyModule_AddObjectRef(module, name, type) < 0)
        Py_CLEAR(type);
    return type;
}

static int add_trap(PyObject *module, State *state)
{
    PyObject *dict =
        Py_BuildValue("{sOsss()}", "code", Py_None, "message", "", "frames");
    if (!dict)
        return -1;
    state->trap =
        new_class(module, "Trap",
                  "The guest trapped. `code` is a TrapCode, `message` the first "
                  "part of the text,\n`frames` a tuple of Frame, the innermost "
                  "first; str() is wazero's whole text.",
                  state->error, dict);
    Py_DECREF(dict);
    return state->trap ? 0 : -1;
}

static int add_exit_error(PyObject *module, State *state)
{
    PyObject *dict = Py_BuildValue("{si}", "exit_code", 0);
    if (!dict)
        return -1;
    state->exit_error = new_class(module, "ExitError",
                                  "The guest exited, or its module was closed with an "
                                  "exit code during the call.\n"
                                  "`exit_code` is that code, from 0 to 4294967295.",
                                  state->error, dict);
    Py_DECREF(dict);
    return state->exit_error ? 0 : -1;
}

/* A class for calls that were ended: with `frames`, and wazero's exit code for it if it
 * is not 0. */
static PyObject *new_ending(PyObject *module, const char *name, const char *doc,
                            PyObject *base, uint32_t exit_code)
{
    PyObject *dict = exit_code ? Py_BuildValue("{s(),sk}", "frames", "exit_code",
                                               (unsigned long)exit_code)
                               : Py_BuildValue("{s()}", "frames");
    PyObject *type = dict ? new_class(module, name, doc, base, dict) : NULL;
    Py_XDECREF(dict);
    return type;
}

/* Timeout is a TimeoutError, too, and so an OSError without a number. */
static int add_endings(PyObject *module, State *state)
{
    PyObject *bases = PyTuple_Pack(2, state->error, PyExc_TimeoutError);
    if (!bases)
        return -1;
    state->timeout = new_ending(
        module, "Timeout",
        "A call took longer than its timeout allows. It is a TimeoutError, too.\n"
        "`frames` is a tuple of Frame that says where the guest was, the innermost\n"
        "first, if that is known. The module can be called again. `exit_code` is\n"
        "what wazero has for it, EXIT_CODE_DEADLINE_EXCEEDED.",
        bases, WAZERO_EXIT_CODE_DEADLINE_EXCEEDED);
    Py_DECREF(bases);
    state->interrupted = new_ending(
        module, "Interrupted",
        "Module.interrupt() ended the call. `frames` is as that of Timeout. The\n"
        "module can be called again. `exit_code` is EXIT_CODE_CONTEXT_CANCELED.",
        state->error, WAZERO_EXIT_CODE_CONTEXT_CANCELED);
    state->output_limit_error =
        new_ending(module, "OutputLimitError",
                   "The guest wrote more than its output_limit allows. `frames` is as "
                   "that of\nTimeout.",
                   state->error, 0);
    return state->timeout && state->interrupted && state->output_limit_error ? 0 : -1;
}

int Errors_init(PyObject *module, State *state)
{
    PyObject *dict = Py_BuildValue("{sOsO}", "usage", Py_None, "trace", Py_None);
    state->error =
        dict
            ? new_class(module, "WazeroError",
                        "The base of the exceptions of this package. Of one that ended "
                        "the start of\na module, `usage` is what that had used, and "
                        "`trace` its Trace if there is one.",
                        NULL, dict)
            : NULL;
    Py_XDECREF(dict);
    if (!state->error)
        return -1;
    state->compile_error = new_class(
        module, "CompileError",
        "The bytes are no WebAssembly module, or not one that can be compiled.",
        state->error, NULL);
    state->link_error =
        new_class(module, "LinkError", "An import is missing or of another type.",
                  state->error, NULL);
    state->closed_error =
        new_class(module, "ClosedError", "The object, or what it needs, is closed.",
                  state->error, NULL);
    state->forked_error = new_class(
        module, "ForkedError",
        "The object was made before os.fork() and cannot be used in the child. A\n"
        "CompiledModule can: it is compiled anew there.",
        state->error, NULL);
    if (!state->compile_error || !state->link_error || !state->closed_error ||
        !state->forked_error)
        return -1;
    if (add_trap(module, state) < 0 || add_endings(module, state) < 0 ||
        add_exit_error(module, state) < 0)
        return -1;
    if (PyModule_AddIntConstant(module, "EXIT_CODE_CONTEXT_CANCELED",
                                (long)WAZERO_EXIT_CODE_CONTEXT_CANCELED) < 0)
        return -1;
    return PyModule_AddIntConstant(module, "EXIT_CODE_DEADLINE_EXCEEDED",
                                   (long)WAZERO_EXIT_CODE_DEADLINE_EXCEEDED);
}
