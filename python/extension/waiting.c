/*
 * waiting.c - reading file objects of Python's so that a guest that waits for them can
 * be ended.
 *
 * A file object may have buffers, whose contents only it knows. So it is asked as ever,
 * and only where it goes down to the descriptor, to readinto of the raw file at its
 * bottom, somebody stands in the way: for the time of the read the raw file has an
 * attribute of that name, which its buffers find before the method. That waits in
 * libwazero, then reads. What was read before the wait is ended stays in the buffers.
 *
 * Several threads may read a file at once: they share the attribute, and it waits for
 * those that run a guest only, as the thread's own variable says. All of it is done
 * with the GIL.
 */
#include "wazeromodule.h"

typedef struct {
    PyObject_HEAD
    PyObject *raw;
    PyObject *readinto; /* the raw file's own */
    Py_ssize_t reads;   /* that go on; the last one takes the attribute away */
} WaitingObject;

/* The binding whose guest this thread reads for, or NULL. */
static _Thread_local StreamBinding *reading;

/* The call of the guest is to end: the exception finds the way out of the file object,
 * and what ended it is kept, for it has more to tell. */
static void end_read(wazero_error_t *error)
{
    PyObject *exception = Errors_exception(reading->state, error);
    if (exception)
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    Py_XDECREF(exception);
    wazero_error_delete(reading->ended);
    reading->ended = error;
}

static int wait_for(PyObject *raw)
{
    int descriptor = PyObject_AsFileDescriptor(raw);
    wazero_error_t *error =
        descriptor < 0 ? NULL : wazero_descriptor_wait(descriptor, false);
    if (error)
        end_read(error);
    return descriptor < 0 || error ? -1 : 0;
}

/* ---------------------------------------------------------------- the attribute -- */

static PyObject *Waiting_call(WaitingObject *self, PyObject *args, PyObject *kwargs)
{
    if (reading && wait_for(self->raw) < 0)
        return NULL;
    return PyObject_Call(self->readinto, args, kwargs);
}

static int Waiting_traverse(WaitingObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->raw);
    Py_VISIT(self->readinto);
    return 0;
}

static int Waiting_clear(WaitingObject *self)
{
    Py_CLEAR(self->raw);
    Py_CLEAR(self->readinto);
    return 0;
}

static void Waiting_dealloc(WaitingObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Waiting_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyType_Slot slots[] = {
    {Py_tp_call, Waiting_call},
    {Py_tp_traverse, Waiting_traverse},
    {Py_tp_clear, Waiting_clear},
    {Py_tp_dealloc, Waiting_dealloc},
    {0},
};

static PyType_Spec spec = {
    .name = "wazero._wazero._Waiting",
    .basicsize = sizeof(WaitingObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

int Waiting_init(PyObject *module, State *state)
{
    state->waiting_type = State_add_type(module, &spec);
    return state->waiting_type ? 0 : -1;
}

/* The attribute of a raw file, made if it is not there: a new reference. */
static WaitingObject *stand_in(State *state, PyObject *raw)
{
    PyObject *readinto = PyObject_GetAttrString(raw, "readinto");
    if (!readinto || Py_IS_TYPE(readinto, state->waiting_type))
        return (WaitingObject *)readinto;
    WaitingObject *made =
        (WaitingObject *)state->waiting_type->tp_alloc(state->waiting_type, 0);
    if (made) {
        made->raw = Py_NewRef(raw);
        made->readinto = Py_NewRef(readinto);
        if (PyObject_SetAttrString(raw, "readinto", (PyObject *)made) < 0)
            Py_CLEAR(made);
    }
    Py_DECREF(readinto);
    return made;
}

/* Takes a read's reference; an exception that is set stays. */
static void step_aside(WaitingObject *stand, PyObject *raw)
{
    if (--stand->reads == 0) {
        PyObject *saved = PyErr_GetRaisedException();
        if (PyObject_DelAttrString(raw, "readinto") < 0)
            PyErr_WriteUnraisable(raw);
        PyErr_SetRaisedException(saved);
    }
    Py_DECREF(stand);
}

/* ---------------------------------------------------------------- reading -------- */

/* Goes down one level: the attribute if it has it, or NULL. */
static PyObject *below(PyObject *object)
{
    PyObject *found = Stream_optional_attribute(object, "buffer");
    return found || PyErr_Occurred() ? found : Stream_optional_attribute(object, "raw");
}

/* Whether it is a raw file of a descriptor, whose attributes can be set. */
static bool is_raw(State *state, PyObject *object)
{
    PyObject *io = PyImport_ImportModule("io");
    PyObject *type = io ? PyObject_GetAttrString(io, "RawIOBase") : NULL;
    bool is_type = type && PyObject_IsInstance(object, type) == 1;
    Py_XDECREF(type);
    Py_XDECREF(io);
    if (!is_type || PyObject_AsFileDescriptor(object) < 0)
        return false;
    WaitingObject *stand = stand_in(state, object);
    if (!stand)
        return false;
    stand->reads++;
    step_aside(stand, object);
    return true;
}

void Waiting_find(State *state, StreamBinding *binding, PyObject *object)
{
    enum { LEVELS = 4 };
    PyObject *at = Py_NewRef(object);
    for (int i = 0; at && i < LEVELS; i++) {
        if (is_raw(state, at)) {
            binding->state = state;
            binding->raw = at;
            binding->is_raw = i == 0;
            return;
        }
        PyErr_Clear(); /* what cannot be found out is read as it is */
        PyObject *next = below(at);
        Py_SETREF(at, next);
    }
    PyErr_Clear();
    Py_XDECREF(at);
}

PyObject *Waiting_read(StreamBinding *binding, PyObject *limit)
{
    if (!binding->raw)
        return PyObject_CallOneArg(binding->call, limit);
    StreamBinding *outer = reading;
    PyObject *raw = Py_NewRef(binding->raw), *call = Py_NewRef(binding->call);
    PyObject *chunk = NULL;
    reading = binding;
    /* A raw file's read may go by its readinto, or not. */
    WaitingObject *stand = NULL;
    if (binding->is_raw) {
        if (wait_for(raw) == 0)
            chunk = PyObject_CallOneArg(call, limit);
    } else if ((stand = stand_in(binding->state, raw)) != NULL) {
        stand->reads++;
        chunk = PyObject_CallOneArg(call, limit);
        step_aside(stand, raw);
    }
    reading = outer;
    Py_DECREF(call);
    Py_DECREF(raw);
    return chunk;
}
