/*
 * listener.c - Python listeners: objects and callables that are told of the calls of
 * functions, and logs of calls.
 *
 * What is compiled with listeners owns them (Listeners), each in a box (box.c). They
 * are called in the thread that runs the guest. A Call is what they get: its values are
 * copied, its stack can be read while `before` runs.
 */
#include "wazeromodule.h"

/* The parts of a listener, in the tuple in its box; None for those that it lacks. */
enum { WANTS, BEFORE, AFTER, ABORT, PART_COUNT };
static const char *const part_names[PART_COUNT] = {"wants", "before", "after", "abort"};

/* ---------------------------------------------------------------- Call ----------- */

typedef struct {
    PyObject_HEAD
    PyObject *module;      /* Module or None */
    PyObject *function;    /* FunctionDefinition */
    PyObject *params;      /* tuple, or None */
    PyObject *results;     /* tuple, or None */
    PyObject *error;       /* exception, or None */
    PyObject *frames;      /* tuple once it has been asked for, or NULL */
    wazero_stack_t *stack; /* while before runs */
} CallObject;

static int Call_traverse(CallObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->module);
    Py_VISIT(self->error);
    return 0;
}

static int Call_clear(CallObject *self)
{
    Py_CLEAR(self->module);
    Py_CLEAR(self->error);
    return 0;
}

static void Call_dealloc(CallObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Call_clear(self);
    Py_XDECREF(self->function);
    Py_XDECREF(self->params);
    Py_XDECREF(self->results);
    Py_XDECREF(self->frames);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/* A slot as a value: a v128 is 16 bytes; a reference cannot be told, and is None. */
static PyObject *value_of(const uint64_t *slot, wazero_value_type_t type)
{
    if (Convert_is_number(type))
        return Convert_from_slot(*slot, type);
    if (type == WAZERO_TYPE_V128)
        return PyBytes_FromStringAndSize((const char *)slot, 2 * sizeof *slot);
    Py_RETURN_NONE;
}

static PyObject *values_of(const wazero_value_type_t *types, size_t count,
                           const uint64_t *slots)
{
    PyObject *values = PyTuple_New((Py_ssize_t)count);
    for (size_t i = 0; values && i < count; i++) {
        PyObject *value = value_of(slots, types[i]);
        slots += types[i] == WAZERO_TYPE_V128 ? 2 : 1;
        if (value)
            PyTuple_SET_ITEM(values, (Py_ssize_t)i, value);
        else
            Py_CLEAR(values);
    }
    return values;
}

/* A Call without values and error. */
static CallObject *new_call(State *state, wazero_module_t *module,
                            const wazero_function_definition_t *function)
{
    CallObject *self = (CallObject *)state->call_type->tp_alloc(state->call_type, 0);
    if (!self)
        return NULL;
    self->module = Module_of_caller(module);
    self->params = Py_NewRef(Py_None);
    self->results = Py_NewRef(Py_None);
    self->error = Py_NewRef(Py_None);
    self->function = Definitions_function(state, function, NULL);
    if (!self->function)
        Py_CLEAR(self);
    return self;
}

static PyObject *frame_of(State *state, const wazero_stack_frame_t *frame)
{
    PyObject *function = Definitions_function(state, frame->function, NULL);
    return function ? Types_stack_frame(state, function, frame->program_counter,
                                        frame->source_offset)
                    : NULL;
}

static PyObject *read_stack(State *state, wazero_stack_t *stack)
{
    PyObject *frames = PyList_New(0);
    wazero_stack_frame_t frame;
    bool found = frames != NULL;
    while (found) {
        wazero_error_t *error = wazero_stack_next(stack, &frame, &found);
        PyObject *item = NULL;
        if (error)
            Errors_raise(state, error);
        else if (found)
            item = frame_of(state, &frame);
        else
            break;
        if (!item || PyList_Append(frames, item) < 0) {
            Py_CLEAR(frames);
            found = false;
        }
        Py_XDECREF(item);
    }
    PyObject *tuple = frames ? PyList_AsTuple(frames) : NULL;
    Py_XDECREF(frames);
    return tuple;
}

static PyObject *Call_stack(CallObject *self, void *Py_UNUSED(closure))
{
    State *state = State_of(self);
    if (!self->frames && !self->stack) {
        PyErr_SetString(state->error, "the stack of a call can be read while before() "
                                      "runs, not later");
        return NULL;
    }
    if (!self->frames)
        self->frames = read_stack(state, self->stack);
    return Py_XNewRef(self->frames);
}

static PyObject *Call_repr(CallObject *self)
{
    PyObject *name = PyObject_GetAttrString(self->function, "debug_name");
    PyObject *text =
        name ? PyUnicode_FromFormat("<wazero.FunctionCall %U>", name) : NULL;
    Py_XDECREF(name);
    return text;
}

static PyMemberDef Call_members[] = {
    {"module", Py_T_OBJECT_EX, offsetof(CallObject, module), Py_READONLY,
     "The Module that a host function is called by, or that the function is of (with "
     "the\ninterpreter the one that calls it); None if it has no Python object."},
    {"function", Py_T_OBJECT_EX, offsetof(CallObject, function), Py_READONLY,
     "The FunctionDefinition of the function that is called."},
    {"params", Py_T_OBJECT_EX, offsetof(CallObject, params), Py_READONLY,
     "In before: a tuple of the arguments, a v128 as bytes, a reference as None."},
    {"results", Py_T_OBJECT_EX, offsetof(CallObject, results), Py_READONLY,
     "In after: a tuple of the results, likewise."},
    {"error", Py_T_OBJECT_EX, offsetof(CallObject, error), Py_READONLY,
     "In abort: the exception that the call raises; None where the function was left "
     "by\na tail call, an exception of wasm or a snapshot."},
    {0},
};

static PyGetSetDef Call_getset[] = {
    {"stack", (getter)Call_stack, NULL,
     "In before: a tuple of StackFrame, the innermost first, put together when it is\n"
     "first asked for.",
     NULL},
    {0},
};

static PyType_Slot Call_slots[] = {
    {Py_tp_doc, "A call of a function, as a listener gets it."},
    {Py_tp_traverse, Call_traverse},
    {Py_tp_clear, Call_clear},
    {Py_tp_dealloc, Call_dealloc},
    {Py_tp_repr, Call_repr},
    {Py_tp_members, Call_members},
    {Py_tp_getset, Call_getset},
    {0, NULL},
};

static PyType_Spec Call_spec = {
    .name = "wazero.FunctionCall",
    .basicsize = (int)sizeof(CallObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = Call_slots,
};

/* ---------------------------------------------------------------- telling -------- */

/* The part of a listener, borrowed; NULL if it has none, or has been let go. */
static PyObject *part_of(const Box *box, int part)
{
    PyObject *callable = box->object ? PyTuple_GET_ITEM(box->object, part) : Py_None;
    return callable == Py_None ? NULL : callable;
}

/* Calls a part with a Call, which it takes and may be NULL with an exception. */
static wazero_error_t *tell(PyObject *callable, CallObject *call)
{
    PyObject *kept = Py_NewRef(callable);
    PyObject *result = call ? PyObject_CallOneArg(kept, (PyObject *)call) : NULL;
    if (call)
        call->stack = NULL;
    Py_XDECREF((PyObject *)call);
    Py_DECREF(kept);
    if (!result)
        return Errors_to_host();
    Py_DECREF(result);
    return NULL;
}

static wazero_error_t *wants(void *user, const wazero_function_definition_t *function,
                             bool *wanted)
{
    Listener *listener = user;
    wazero_error_t *error = NULL;
    ENTRY(entry);
    if (!Entry_enter(&entry))
        return Host_refuse(HOST_SHUTTING_DOWN);
    PyObject *callable = part_of(listener->box, WANTS);
    if (callable) {
        PyObject *definition = Definitions_function(listener->state, function, NULL);
        PyObject *answer =
            definition ? PyObject_CallOneArg(callable, definition) : NULL;
        int truth = answer ? PyObject_IsTrue(answer) : -1;
        Py_XDECREF(answer);
        Py_XDECREF(definition);
        if (truth < 0)
            error = Errors_to_host();
        *wanted = truth == 1;
    }
    Entry_leave(&entry);
    return error;
}

/* A Call with the values of a part: its params for BEFORE, its results for AFTER. */
static CallObject *new_call_with(State *state, int part, wazero_module_t *module,
                                 const wazero_function_definition_t *function,
                                 const uint64_t *slots)
{
    const wazero_function_type_t *type = function->type;
    CallObject *call = new_call(state, module, function);
    if (!call)
        return NULL;
    PyObject **values = part == BEFORE ? &call->params : &call->results;
    Py_SETREF(*values, part == BEFORE
                           ? values_of(type->params, type->param_count, slots)
                           : values_of(type->results, type->result_count, slots));
    if (!*values)
        Py_CLEAR(call);
    return call;
}

static wazero_error_t *tell_of(const Listener *listener, int part,
                               wazero_module_t *module,
                               const wazero_function_definition_t *function,
                               const uint64_t *slots, wazero_stack_t *stack)
{
    wazero_error_t *error = NULL;
    ENTRY(entry);
    if (!Entry_enter(&entry))
        return Host_refuse(HOST_SHUTTING_DOWN);
    PyObject *callable = part_of(listener->box, part);
    if (callable) {
        CallObject *call =
            new_call_with(listener->state, part, module, function, slots);
        if (call)
            call->stack = stack;
        error = tell(callable, call);
    }
    Entry_leave(&entry);
    return error;
}

static wazero_error_t *before(void *user, wazero_module_t *module,
                              const wazero_function_definition_t *function,
                              const uint64_t *params, wazero_stack_t *stack)
{
    return tell_of(user, BEFORE, module, function, params, stack);
}

static wazero_error_t *after(void *user, wazero_module_t *module,
                             const wazero_function_definition_t *function,
                             const uint64_t *results)
{
    return tell_of(user, AFTER, module, function, results, NULL);
}

/* What it raises is told to nobody: the call ends with another error. */
static void aborted(void *user, wazero_module_t *module,
                    const wazero_function_definition_t *function,
                    const wazero_error_t *error)
{
    Listener *listener = user;
    ENTRY(entry);
    if (!Entry_enter(&entry))
        return;
    PyObject *callable = part_of(listener->box, ABORT);
    if (callable) {
        PyObject *saved = PyErr_GetRaisedException();
        PyObject *kept = Py_NewRef(callable);
        CallObject *call = new_call(listener->state, module, function);
        if (call && error)
            Py_SETREF(call->error, Errors_exception(listener->state, error));
        PyObject *result =
            call && call->error ? PyObject_CallOneArg(kept, (PyObject *)call) : NULL;
        if (!result)
            PyErr_WriteUnraisable(kept);
        Py_XDECREF(result);
        Py_XDECREF((PyObject *)call);
        Py_DECREF(kept);
        PyErr_SetRaisedException(saved);
    }
    Entry_leave(&entry);
}

/* ---------------------------------------------------------------- logs ----------- */

/* The box has the callable, and whether it takes str. */
static wazero_error_t *write_line(void *user, const void *buffer, size_t size)
{
    Box *box = user;
    wazero_error_t *error = NULL;
    ENTRY(entry);
    if (!Entry_enter(&entry))
        return Host_refuse(HOST_SHUTTING_DOWN);
    if (box->object) {
        PyObject *pair = Py_NewRef(box->object);
        PyObject *line = PyTuple_GET_ITEM(pair, 1) == Py_True
                             ? PyUnicode_DecodeUTF8(buffer, (Py_ssize_t)size, "replace")
                             : PyBytes_FromStringAndSize(buffer, (Py_ssize_t)size);
        PyObject *result =
            line ? PyObject_CallOneArg(PyTuple_GET_ITEM(pair, 0), line) : NULL;
        if (!result)
            error = Errors_to_host();
        Py_XDECREF(result);
        Py_XDECREF(line);
        Py_DECREF(pair);
    }
    Entry_leave(&entry);
    return error;
}

/* What to write lines with: a new pair. A callable takes str, as print does. */
static PyObject *writer_of(PyObject *object)
{
    PyObject *method = NULL;
    int text = 1;
    if (PyObject_HasAttrString(object, "write")) {
        method = PyObject_GetAttrString(object, "write");
        text = method ? Stream_is_text(object) : -1;
    } else if (PyCallable_Check(object)) {
        method = Py_NewRef(object);
    } else {
        PyErr_Format(PyExc_TypeError,
                     "log_calls must be a file object or a callable, not %.200s",
                     Py_TYPE(object)->tp_name);
    }
    PyObject *pair =
        method && text >= 0 ? PyTuple_Pack(2, method, text ? Py_True : Py_False) : NULL;
    Py_XDECREF(method);
    return pair;
}

/* ---------------------------------------------------------------- set up --------- */

/* The parts of what was given as a listener: a new tuple. */
static PyObject *parts_of(PyObject *object)
{
    PyObject *parts = PyTuple_New(PART_COUNT);
    bool any = false;
    for (int i = 0; parts && i < PART_COUNT; i++) {
        PyObject *part = PyObject_GetAttrString(object, part_names[i]);
        if (!part && PyErr_ExceptionMatches(PyExc_AttributeError)) {
            PyErr_Clear();
            part = Py_NewRef(Py_None);
        }
        if (part && part != Py_None && !PyCallable_Check(part)) {
            PyErr_Format(PyExc_TypeError, "listener: %s of %.200s is not callable",
                         part_names[i], Py_TYPE(object)->tp_name);
            Py_CLEAR(part);
        }
        any = any || (part && part != Py_None && i != WANTS);
        if (part)
            PyTuple_SET_ITEM(parts, i, part);
        else
            Py_CLEAR(parts);
    }
    if (!parts || any)
        return parts;
    if (PyCallable_Check(object)) {
        PyTuple_SetItem(parts, BEFORE, Py_NewRef(object));
        return parts;
    }
    PyErr_Format(PyExc_TypeError,
                 "a listener has before, after or abort, or is callable; %.200s is not",
                 Py_TYPE(object)->tp_name);
    Py_DECREF(parts);
    return NULL;
}

static int check(State *state, wazero_error_t *error)
{
    if (!error)
        return 0;
    Errors_raise(state, error);
    return -1;
}

static void release_listener(void *user)
{
    Listener *listener = user;
    Box_release(listener->box);
    free(listener);
}

static int add_listener(State *state, Listeners *listeners, PyObject *object)
{
    PyObject *parts = parts_of(object);
    Box *box = parts ? Box_new(parts) : NULL;
    Listener *listener = box ? malloc(sizeof *listener) : NULL;
    Py_XDECREF(parts);
    if (!listener) {
        if (box) {
            PyErr_NoMemory();
            Box_release(box);
            Box_clear(&box);
        }
        return -1;
    }
    listener->state = state;
    listener->box = box;
    listeners->boxes[listeners->count++] = box;
    const wazero_listener_t described = {wants,   before,   after,
                                         aborted, listener, release_listener};
    return check(state, wazero_listeners_add(listeners->handle, &described));
}

/* log_host is an int of LogScope, or None: all calls are logged then. */
static int set_log(State *state, Listeners *listeners, PyObject *log_calls,
                   PyObject *log_host)
{
    uint64_t scopes = WAZERO_LOG_ALL;
    bool host_only = log_host && log_host != Py_None;
    bool given = log_calls && log_calls != Py_None;
    if (!host_only && !given)
        return 0;
    if (host_only) {
        scopes = PyLong_Check(log_host) ? PyLong_AsUnsignedLongLong(log_host) : 0;
        if (!PyLong_Check(log_host))
            PyErr_Format(PyExc_TypeError, "log_host must be a LogScope, not %.200s",
                         Py_TYPE(log_host)->tp_name);
        if (PyErr_Occurred())
            return -1;
    }
    PyObject *file = given ? log_calls : PySys_GetObject("stderr");
    PyObject *writer = file ? writer_of(file) : NULL;
    Box *box = writer ? Box_new(writer) : NULL;
    Py_XDECREF(writer);
    if (!box) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "log_host: there is no sys.stderr");
        return -1;
    }
    listeners->boxes[listeners->count++] = box;
    return check(state, wazero_listeners_set_log(listeners->handle, write_line, box,
                                                 Box_release, host_only, scopes));
}

/* Each of them: a listener, or a list or tuple of listeners. */
static PyObject *sequence_of(PyObject *given)
{
    if (!given || given == Py_None)
        return PyList_New(0);
    if (PyList_Check(given) || PyTuple_Check(given))
        return PySequence_List(given);
    PyObject *one = PyList_New(1);
    if (one)
        PyList_SET_ITEM(one, 0, Py_NewRef(given));
    return one;
}

int Listeners_make(State *state, PyObject *const *given, Listeners *listeners)
{
    memset(listeners, 0, sizeof *listeners);
    bool any = false;
    for (int i = 0; i < LISTEN_COUNT; i++)
        any = any || (given[i] && given[i] != Py_None);
    if (!any)
        return 0;
    PyObject *items = sequence_of(given[LISTEN_LISTENER]);
    size_t count = items ? (size_t)PyList_GET_SIZE(items) : 0;
    listeners->given =
        PyTuple_Pack(LISTEN_COUNT, given[0] ? given[0] : Py_None,
                     given[1] ? given[1] : Py_None, given[2] ? given[2] : Py_None);
    listeners->boxes = PyMem_Calloc(count + 1, sizeof *listeners->boxes);
    int status = items && listeners->given ? 0 : -1;
    if (status == 0 && !listeners->boxes) {
        PyErr_NoMemory();
        status = -1;
    }
    if (status == 0)
        status = check(state, wazero_listeners_new(&listeners->handle));
    for (size_t i = 0; status == 0 && i < count; i++)
        status = add_listener(state, listeners, PyList_GET_ITEM(items, (Py_ssize_t)i));
    if (status == 0)
        status =
            set_log(state, listeners, given[LISTEN_LOG_CALLS], given[LISTEN_LOG_HOST]);
    Py_XDECREF(items);
    if (status < 0)
        Listeners_clear(listeners);
    return status;
}

int Listeners_traverse(const Listeners *listeners, visitproc visit, void *arg)
{
    Py_VISIT(listeners->given);
    for (size_t i = 0; i < listeners->count; i++)
        Py_VISIT(listeners->boxes[i]->object);
    return 0;
}

void Listeners_clear(Listeners *listeners)
{
    wazero_listeners_t *handle = listeners->handle;
    listeners->handle = NULL;
    while (listeners->count > 0) {
        Box *box = listeners->boxes[--listeners->count];
        Box_clear(&box);
    }
    PyMem_Free(listeners->boxes);
    listeners->boxes = NULL;
    Py_CLEAR(listeners->given);
    wazero_listeners_delete(handle);
}

int Listener_init(PyObject *module, State *state)
{
    state->call_type = State_add_type(module, &Call_spec);
    return state->call_type ? PyModule_AddType(module, state->call_type) : -1;
}
