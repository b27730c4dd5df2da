/*
 * trace.c - reports: Usage, what a module has used; Trace, a sequence of records of its
 * WASI calls, and WasiCall, one of them; and who gets the records.
 *
 * A WasiCall has a record of libwazero's, which never changes, and reads it when asked.
 * A Trace has libwazero's, which locks for itself: neither holds a Python object. A
 * callable, or the write of a file, is in a box (box.c), which the Module owns.
 */
#include "wazeromodule.h"

/* ---------------------------------------------------------------- Usage ---------- */

static PyStructSequence_Field usage_fields[] = {
    {"wall_time", "seconds that the start took, in which a program runs"},
    {"cpu_time", "seconds of CPU time that it took"},
    {"peak_memory_pages", "the most pages of 65536 bytes that its memory had"},
    {"files_opened", "files and directories that it opened, or None if not known"},
    {"bytes_read", "from files, streams and sockets, or None if not known"},
    {"bytes_written", "to files, streams and sockets, or None if not known"},
    {0},
};
static PyStructSequence_Desc usage_desc = {
    "wazero.Usage",
    "What a module has used. Counts are not known with wasi=\"wazero\".", usage_fields,
    6};

static PyObject *seconds(uint64_t nanoseconds)
{
    return PyFloat_FromDouble((double)nanoseconds / 1e9);
}

static PyObject *counted(const wazero_usage_t *usage, uint64_t count)
{
    return usage->counted ? PyLong_FromUnsignedLongLong(count) : Py_NewRef(Py_None);
}

PyObject *Trace_usage(State *state, const ModuleObject *module)
{
    wazero_usage_t usage;
    wazero_module_usage(module->handle, &usage);
    PyObject *values[] = {
        seconds(usage.wall_time),
        seconds(usage.cpu_time),
        PyLong_FromUnsignedLongLong(usage.peak_memory_pages),
        counted(&usage, usage.files_opened),
        counted(&usage, usage.bytes_read),
        counted(&usage, usage.bytes_written),
    };
    return Types_fill(state->usage_struct, values, sizeof values / sizeof *values);
}

static int set_attribute(PyObject *object, const char *name, PyObject *value)
{
    int result = value ? PyObject_SetAttrString(object, name, value) : -1;
    Py_XDECREF(value);
    return result;
}

void Trace_note(State *state, const ModuleObject *module)
{
    PyObject *exception = PyErr_GetRaisedException();
    int ours = exception ? PyObject_IsInstance(exception, state->error) : 0;
    if (ours > 0 && set_attribute(exception, "usage", Trace_usage(state, module)) == 0)
        (void)set_attribute(exception, "trace", Trace_of(module));
    PyErr_Clear(); /* the exception matters, its attributes do not */
    PyErr_SetRaisedException(exception);
}

/* ---------------------------------------------------------------- WasiCall ------- */

typedef struct {
    PyObject_HEAD
    wazero_trace_call_t *call;
} CallObject;

/* Takes call. */
static PyObject *new_call(State *state, wazero_trace_call_t *call)
{
    PyTypeObject *type = state->wasi_call_type;
    CallObject *self = (CallObject *)type->tp_alloc(type, 0);
    if (self)
        self->call = call;
    else
        wazero_trace_call_delete(call);
    return (PyObject *)self;
}

static int Call_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static void Call_dealloc(CallObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    wazero_trace_call_delete(self->call);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/* A record as a line, with what is to stand behind it. */
static PyObject *line_of(const wazero_trace_call_t *call, const char *end)
{
    size_t size = wazero_trace_format(call, NULL, 0);
    char *text = PyMem_Malloc(size + 1);
    if (!text)
        return PyErr_NoMemory();
    wazero_trace_format(call, text, size + 1);
    PyObject *line = PyUnicode_FromFormat("%s%s", text, end);
    PyMem_Free(text);
    return line;
}

static PyObject *Call_str(CallObject *self)
{
    return line_of(self->call, "");
}

static PyObject *Call_repr(CallObject *self)
{
    PyObject *line = line_of(self->call, "");
    PyObject *text = line ? PyUnicode_FromFormat("<wazero.WasiCall %U>", line) : NULL;
    Py_XDECREF(line);
    return text;
}

static PyObject *sizes_of(const wazero_trace_value_t *value)
{
    size_t count = (size_t)value->size / sizeof(uint32_t);
    PyObject *sizes = PyTuple_New((Py_ssize_t)count);
    for (size_t i = 0; sizes && i < count; i++) {
        uint32_t size;
        memcpy(&size, (const char *)value->data + i * sizeof size, sizeof size);
        PyObject *number = PyLong_FromUnsignedLong(size);
        if (number)
            PyTuple_SET_ITEM(sizes, (Py_ssize_t)i, number);
        else
            Py_CLEAR(sizes);
    }
    return sizes;
}

static PyObject *value_of(const wazero_trace_value_t *value)
{
    switch (value->kind) {
    case WAZERO_TRACE_SIGNED:
        return PyLong_FromLongLong((int64_t)value->number);
    case WAZERO_TRACE_OUT_OF_BOUNDS:
        Py_RETURN_NONE;
    case WAZERO_TRACE_TEXT:
    case WAZERO_TRACE_LIST:
        return PyUnicode_DecodeUTF8(value->data, (Py_ssize_t)value->size,
                                    "surrogateescape");
    case WAZERO_TRACE_SIZES:
        return sizes_of(value);
    default:
        return PyLong_FromUnsignedLongLong(value->number);
    }
}

static PyObject *values_of(const wazero_trace_value_t *values, size_t count)
{
    PyObject *dict = PyDict_New();
    for (size_t i = 0; dict && i < count; i++) {
        PyObject *value = value_of(&values[i]);
        if (!value || PyDict_SetItemString(dict, values[i].name, value) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(value);
    }
    return dict;
}

static PyObject *Call_get_module(CallObject *self, void *Py_UNUSED(closure))
{
    return PyUnicode_FromString(self->call->module);
}

static PyObject *Call_get_name(CallObject *self, void *Py_UNUSED(closure))
{
    return PyUnicode_FromString(self->call->function);
}

static PyObject *Call_get_args(CallObject *self, void *Py_UNUSED(closure))
{
    return values_of(self->call->arguments, self->call->argument_count);
}

static PyObject *Call_get_results(CallObject *self, void *Py_UNUSED(closure))
{
    return values_of(self->call->results, self->call->result_count);
}

static PyObject *Call_get_errno(CallObject *self, void *Py_UNUSED(closure))
{
    if (!self->call->returned)
        Py_RETURN_NONE;
    return PyLong_FromUnsignedLong((unsigned long)self->call->code);
}

static PyObject *Call_get_error(CallObject *self, void *Py_UNUSED(closure))
{
    if (!self->call->returned || self->call->code == WAZERO_ERRNO_SUCCESS)
        Py_RETURN_NONE;
    return PyUnicode_FromString(wazero_errno_name(self->call->code));
}

static PyObject *Call_get_time(CallObject *self, void *Py_UNUSED(closure))
{
    return seconds(self->call->time);
}

static PyObject *Call_get_duration(CallObject *self, void *Py_UNUSED(closure))
{
    return seconds(self->call->duration);
}

static PyGetSetDef Call_getset[] = {
    {"module", (getter)Call_get_module, NULL,
     "'wasi_snapshot_preview1' or 'wasi_unstable'.", NULL},
    {"name", (getter)Call_get_name, NULL, "The name of the function: 'path_open'.",
     NULL},
    {"args", (getter)Call_get_args, NULL,
     "The arguments by name: int; str for a path, of which up to 1024 bytes are kept; "
     "a\ntuple of int for the sizes of buffers, up to 16; None for what is out of "
     "bounds.",
     NULL},
    {"results", (getter)Call_get_results, NULL,
     "The results by name, likewise; empty when it failed but for None, where the "
     "place\nfor a result is out of bounds.",
     NULL},
    {"errno", (getter)Call_get_errno, NULL,
     "WASI's number of the error, 0 for success; None if it did not return: "
     "proc_exit,\n"
     "or a call that was ended.",
     NULL},
    {"error", (getter)Call_get_error, NULL,
     "The name of the error, such as 'ENOENT'; None if there is none.", NULL},
    {"time", (getter)Call_get_time, NULL,
     "When it began, in seconds, as time.monotonic() tells them.", NULL},
    {"duration", (getter)Call_get_duration, NULL, "How long it took, in seconds.",
     NULL},
    {0},
};

static PyType_Slot Call_slots[] = {
    {Py_tp_doc, "A WASI call that a guest has made. str() is a line as strace writes "
                "it."},
    {Py_tp_traverse, Call_traverse},
    {Py_tp_dealloc, Call_dealloc},
    {Py_tp_str, Call_str},
    {Py_tp_repr, Call_repr},
    {Py_tp_getset, Call_getset},
    {0, NULL},
};

static PyType_Spec Call_spec = {
    .name = "wazero.WasiCall",
    .basicsize = (int)sizeof(CallObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = Call_slots,
};

/* ---------------------------------------------------------------- Trace ---------- */

typedef struct {
    PyObject_HEAD
    wazero_trace_t *handle;
    PyObject *weakrefs;
} TraceObject;

static TraceObject *make_trace(State *state, size_t limit)
{
    PyTypeObject *type = state->trace_type;
    TraceObject *self = (TraceObject *)type->tp_alloc(type, 0);
    wazero_error_t *error = self ? wazero_trace_new(limit, &self->handle) : NULL;
    if (error) {
        Errors_raise(state, error);
        Py_CLEAR(self);
    }
    return self;
}

static PyObject *Trace_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"limit"};
    static const ArgsSpec spec = {"Trace", names, 1, 1, 0};
    static const SizeSpec size = {"limit", 0, (uint64_t)1 << 40, "from 0 to 2**40"};
    PyObject *value;
    uint64_t limit = WAZERO_TRACE_LIMIT;
    if (Args_parse_new(&spec, args, kwargs, &value) < 0 ||
        (is_given(value) && Args_size(&size, value, &limit) < 0))
        return NULL;
    return (PyObject *)make_trace(PyType_GetModuleState(type), (size_t)limit);
}

static void Trace_dealloc(TraceObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (self->weakrefs)
        PyObject_ClearWeakRefs((PyObject *)self);
    wazero_trace_delete(self->handle);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static Py_ssize_t Trace_length(TraceObject *self)
{
    return (Py_ssize_t)wazero_trace_count(self->handle);
}

/* The record at an index from 0. */
static PyObject *Trace_item(TraceObject *self, Py_ssize_t index)
{
    wazero_trace_call_t *call =
        index < 0 ? NULL : wazero_trace_get(self->handle, (size_t)index);
    if (call)
        return new_call(State_of(self), call);
    PyErr_SetString(PyExc_IndexError, "Trace index out of range");
    return NULL;
}

static PyObject *slice_of(TraceObject *self, PyObject *slice)
{
    Py_ssize_t start, stop, step;
    if (PySlice_Unpack(slice, &start, &stop, &step) < 0)
        return NULL;
    Py_ssize_t count = PySlice_AdjustIndices(Trace_length(self), &start, &stop, step);
    PyObject *list = PyList_New(0);
    for (Py_ssize_t i = 0; list && i < count; i++) {
        PyObject *item = Trace_item(self, start + i * step);
        if (!item || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static PyObject *Trace_subscript(TraceObject *self, PyObject *key)
{
    if (PySlice_Check(key))
        return slice_of(self, key);
    if (!PyIndex_Check(key)) {
        PyErr_Format(PyExc_TypeError,
                     "Trace indices must be integers or slices, not %.200s",
                     Py_TYPE(key)->tp_name);
        return NULL;
    }
    Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (index == -1 && PyErr_Occurred())
        return NULL;
    return Trace_item(self, index < 0 ? index + Trace_length(self) : index);
}

static PyObject *lines_of(TraceObject *self)
{
    PyObject *lines = PyList_New(0);
    uint64_t dropped = wazero_trace_dropped(self->handle);
    if (lines && dropped) {
        PyObject *line = PyUnicode_FromFormat(
            "... %llu calls before these were dropped", (unsigned long long)dropped);
        if (!line || PyList_Append(lines, line) < 0)
            Py_CLEAR(lines);
        Py_XDECREF(line);
    }
    wazero_trace_call_t *call;
    for (size_t i = 0; lines && (call = wazero_trace_get(self->handle, i)); i++) {
        PyObject *line = line_of(call, "");
        wazero_trace_call_delete(call);
        if (!line || PyList_Append(lines, line) < 0)
            Py_CLEAR(lines);
        Py_XDECREF(line);
    }
    return lines;
}

static PyObject *Trace_str(TraceObject *self)
{
    PyObject *lines = lines_of(self);
    PyObject *separator = lines ? PyUnicode_FromString("\n") : NULL;
    PyObject *text = separator ? PyUnicode_Join(separator, lines) : NULL;
    Py_XDECREF(separator);
    Py_XDECREF(lines);
    return text;
}

static PyObject *Trace_repr(TraceObject *self)
{
    return PyUnicode_FromFormat("<wazero.Trace of %zu calls, %llu dropped>",
                                wazero_trace_count(self->handle),
                                (unsigned long long)wazero_trace_dropped(self->handle));
}

static PyObject *Trace_get_dropped(TraceObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(wazero_trace_dropped(self->handle));
}

static PyGetSetDef Trace_getset[] = {
    {"dropped", (getter)Trace_get_dropped, NULL,
     "How many calls there were before these, of which the limit kept nothing.", NULL},
    {0},
};

static PyMemberDef Trace_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(TraceObject, weakrefs), Py_READONLY,
     NULL},
    {0},
};

static PyType_Slot Trace_slots[] = {
    {Py_tp_doc,
     "Trace(limit=None)\n--\n\n"
     "The WASI calls that guests have made: a sequence of WasiCall, and as str() a "
     "line\nfor each.\n\n"
     "instantiate(trace=Trace()) adds to it, in any number of modules. It keeps the "
     "last\ncalls in limit bytes (an int, or a text like '64MiB', which is the "
     "default);\n`dropped` counts the others."},
    {Py_tp_new, Trace_new},
    {Py_tp_traverse, Call_traverse}, /* neither has any Python object */
    {Py_tp_dealloc, Trace_dealloc},
    {Py_tp_str, Trace_str},
    {Py_tp_repr, Trace_repr},
    {Py_tp_iter, PySeqIter_New},
    {Py_sq_length, Trace_length},
    {Py_sq_item, Trace_item},
    {Py_mp_length, Trace_length},
    {Py_mp_subscript, Trace_subscript},
    {Py_tp_getset, Trace_getset},
    {Py_tp_members, Trace_members},
    {0, NULL},
};

static PyType_Spec Trace_spec = {
    .name = "wazero.Trace",
    .basicsize = (int)sizeof(TraceObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_SEQUENCE,
    .slots = Trace_slots,
};

/* ---------------------------------------------------------------- telling -------- */

/* What is told of a call: a WasiCall, or a line as str or bytes. */
static PyObject *message_of(PyObject *how, const wazero_trace_call_t *call)
{
    if (PyBool_Check(how)) {
        PyObject *line = line_of(call, "\n");
        if (line && how == Py_False)
            Py_SETREF(line, PyUnicode_AsUTF8String(line));
        return line;
    }
    State *state = PyType_GetModuleState((PyTypeObject *)how);
    wazero_trace_call_t *copy;
    wazero_error_t *error = wazero_trace_call_copy(call, &copy);
    return error ? Errors_raise(state, error) : new_call(state, copy);
}

/* The box has whom to call and how: the type WasiCall for those that take one, else
 * whether a line is to be a str. */
static wazero_error_t *tell(void *user, wazero_module_t *Py_UNUSED(caller),
                            const wazero_trace_call_t *call)
{
    const Box *box = user;
    wazero_error_t *error = NULL;
    ENTRY(entry);
    if (!Entry_enter(&entry))
        return Host_refuse(HOST_SHUTTING_DOWN);
    if (box->object) {
        PyObject *pair = Py_NewRef(box->object);
        PyObject *message = message_of(PyTuple_GET_ITEM(pair, 1), call);
        PyObject *result =
            message ? PyObject_CallOneArg(PyTuple_GET_ITEM(pair, 0), message) : NULL;
        if (!result)
            error = Errors_to_host();
        Py_XDECREF(result);
        Py_XDECREF(message);
        Py_DECREF(pair);
    }
    Entry_leave(&entry);
    return error;
}

/* The pair for the box. */
static PyObject *tracer_of(State *state, PyObject *object)
{
    PyObject *pair = NULL, *how = NULL;
    PyObject *method = Stream_optional_attribute(object, "write");
    if (method) {
        int text = Stream_is_text(object);
        how = text < 0 ? NULL : PyBool_FromLong(text);
    } else if (PyErr_Occurred()) {
        return NULL;
    } else if (PyCallable_Check(object)) {
        method = Py_NewRef(object);
        how = Py_NewRef((PyObject *)state->wasi_call_type);
    } else {
        PyErr_Format(PyExc_TypeError,
                     "trace must be a bool, a wazero.Trace, a callable or a file "
                     "object, not %.200s%s",
                     Py_TYPE(object)->tp_name,
                     PyUnicode_Check(object) ? " (a path must be opened first)" : "");
        return NULL;
    }
    if (how)
        pair = PyTuple_Pack(2, method, how);
    Py_XDECREF(how);
    Py_DECREF(method);
    return pair;
}

static int set_tracer(State *state, ModuleObject *module, PyObject *object,
                      wazero_module_config_t *config)
{
    PyObject *pair = tracer_of(state, object);
    module->tracer = pair ? Box_new(pair) : NULL;
    Py_XDECREF(pair);
    if (!module->tracer)
        return -1;
    wazero_error_t *error =
        wazero_module_config_set_trace(config, tell, module->tracer, Box_release);
    if (!error)
        return 0;
    Errors_raise(state, error);
    return -1;
}

int Trace_configure(State *state, ModuleObject *module, PyObject *object,
                    wazero_module_config_t *config)
{
    if (!is_given(object) || object == Py_False)
        return 0;
    if (object == Py_True)
        module->trace = (PyObject *)make_trace(state, WAZERO_TRACE_LIMIT);
    else if (Py_IS_TYPE(object, state->trace_type))
        module->trace = Py_NewRef(object);
    else
        return set_tracer(state, module, object, config);
    if (!module->trace)
        return -1;
    wazero_module_config_record_trace(config, ((TraceObject *)module->trace)->handle);
    return 0;
}

PyObject *Trace_of(const ModuleObject *module)
{
    return Py_NewRef(module->trace ? module->trace : Py_None);
}

int Trace_init(PyObject *module, State *state)
{
    const TypesEntry usage = {&state->usage_struct, &usage_desc};
    state->wasi_call_type = State_add_type(module, &Call_spec);
    state->trace_type = State_add_type(module, &Trace_spec);
    if (!state->wasi_call_type || !state->trace_type ||
        PyModule_AddType(module, state->wasi_call_type) < 0 ||
        PyModule_AddType(module, state->trace_type) < 0)
        return -1;
    return Types_add(module, &usage, 1);
}
