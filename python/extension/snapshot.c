/*
 * snapshot.c - wazero.snapshot() and Snapshot, execution snapshots.
 *
 * Going back is an exception that nobody is meant to catch (SnapshotRestore, which is
 * no Exception): it unwinds the Python frames of the host function, and of those around
 * it that made calls of their own, up to the one whose call the snapshot is of. There
 * the C library goes back.
 */
#include "wazeromodule.h"

typedef struct {
    PyObject_HEAD
    wazero_snapshot_t *handle;
    uint64_t *slots; /* the results to go back with, as last given */
    size_t slot_count;
} SnapshotObject;

static PyObject *wazero_py_snapshot(PyObject *module, PyObject *Py_UNUSED(ignored))
{
    State *state = PyModule_GetState(module);
    wazero_snapshot_t *handle;
    wazero_error_t *error = wazero_snapshot_new(&handle);
    if (error)
        return Errors_raise(state, error);
    SnapshotObject *self =
        (SnapshotObject *)state->snapshot_type->tp_alloc(state->snapshot_type, 0);
    if (!self) {
        wazero_snapshot_delete(handle);
        return NULL;
    }
    self->handle = handle;
    return (PyObject *)self;
}

static int Snapshot_traverse(SnapshotObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static void Snapshot_dealloc(SnapshotObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (self->handle) {
        Py_BEGIN_ALLOW_THREADS
        wazero_snapshot_delete(self->handle);
        Py_END_ALLOW_THREADS
    }
    PyMem_Free(self->slots);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/* Converts the results that were given. */
static int set_results(SnapshotObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    size_t count;
    const wazero_value_type_t *types = wazero_snapshot_results(self->handle, &count);
    if ((size_t)nargs != count) {
        PyObject *names = Types_type_list(types, NULL, count);
        if (names)
            PyErr_Format(PyExc_TypeError,
                         "restore() takes the %zu results %U of the host function that "
                         "took the snapshot, but %zd were given",
                         count, names, nargs);
        Py_XDECREF(names);
        return -1;
    }
    uint64_t *slots = PyMem_New(uint64_t, count + 1);
    if (!slots) {
        PyErr_NoMemory();
        return -1;
    }
    PyMem_Free(self->slots);
    self->slots = slots;
    self->slot_count = count;
    for (size_t i = 0; i < count; i++) {
        ConvertStatus status = Convert_is_number(types[i])
                                   ? Convert_to_slot(args[i], types[i], &slots[i])
                                   : CONVERT_TYPE;
        if (status == CONVERT_OK)
            continue;
        if (status != CONVERT_RAISED)
            Convert_raise(status, PyUnicode_FromFormat("restore() argument %zu", i + 1),
                          args[i], types[i]);
        return -1;
    }
    return 0;
}

static PyObject *Snapshot_restore(SnapshotObject *self, PyObject *const *args,
                                  Py_ssize_t nargs)
{
    State *state = State_of(self);
    if (set_results(self, args, nargs) < 0)
        return NULL;
    wazero_error_t *error = wazero_snapshot_restore(self->handle, self->slots,
                                                    self->slot_count, NULL, NULL);
    if (wazero_error_kind(error) != WAZERO_ERROR_HOST)
        return Errors_raise(state, error);
    wazero_error_delete(error); /* it can be: Snapshot_to_host makes it again */
    PyErr_SetObject(state->snapshot_restore, (PyObject *)self);
    return NULL;
}

/* The Snapshot that the exception which is set goes back to: a new reference, or
 * NULL. */
static SnapshotObject *restored_by(const State *state, PyObject *exception)
{
    PyObject *args = PyErr_GivenExceptionMatches(exception, state->snapshot_restore)
                         ? PyObject_GetAttrString(exception, "args")
                         : NULL;
    PyObject *snapshot =
        args && PyTuple_Check(args) && PyTuple_GET_SIZE(args) == 1 &&
                Py_IS_TYPE(PyTuple_GET_ITEM(args, 0), state->snapshot_type)
            ? Py_NewRef(PyTuple_GET_ITEM(args, 0))
            : NULL;
    Py_XDECREF(args);
    PyErr_Clear();
    return (SnapshotObject *)snapshot;
}

wazero_error_t *Snapshot_to_host(const State *state)
{
    if (!PyErr_ExceptionMatches(state->snapshot_restore))
        return Errors_to_host();
    PyObject *exception = PyErr_GetRaisedException();
    SnapshotObject *snapshot = restored_by(state, exception);
    if (!snapshot) { /* somebody has made such an exception */
        PyErr_SetRaisedException(exception);
        return Errors_to_host();
    }
    wazero_error_t *error =
        wazero_snapshot_restore(snapshot->handle, snapshot->slots, snapshot->slot_count,
                                exception, Errors_delete_payload);
    Py_DECREF((PyObject *)snapshot);
    return error;
}

static PyMethodDef Snapshot_methods[] = {
    {"restore", (PyCFunction)(void (*)(void))Snapshot_restore, METH_FASTCALL,
     "restore($self, /, *results)\n--\n\n"
     "Goes back: the host function that took the snapshot returns once more, with "
     "these\n"
     "results. Does not return; leaves the Python frames by an exception that is no\n"
     "Exception. WazeroError where the snapshot was restored before, its call is over, "
     "or\n"
     "this is another thread."},
    {0},
};

static PyType_Slot Snapshot_slots[] = {
    {Py_tp_doc,
     "Where a call was when wazero.snapshot() was called. It can be restored "
     "once, by the\nsame thread, while that call runs."},
    {Py_tp_traverse, Snapshot_traverse},
    {Py_tp_dealloc, Snapshot_dealloc},
    {Py_tp_methods, Snapshot_methods},
    {0, NULL},
};

static PyType_Spec Snapshot_spec = {
    .name = "wazero.Snapshot",
    .basicsize = (int)sizeof(SnapshotObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = Snapshot_slots,
};

static PyMethodDef functions[] = {
    {"snapshot", wazero_py_snapshot, METH_NOARGS,
     "snapshot()\n--\n\n"
     "To be called in a host function: a Snapshot of the call that led to it, which "
     "must\n"
     "have been made with snapshots=True; WazeroError otherwise. Memories, tables and\n"
     "globals are no part of it."},
    {0},
};

int Snapshot_init(PyObject *module, State *state)
{
    state->snapshot_type = State_add_type(module, &Snapshot_spec);
    if (!state->snapshot_type || PyModule_AddType(module, state->snapshot_type) < 0)
        return -1;
    state->snapshot_restore = PyErr_NewExceptionWithDoc(
        "wazero.SnapshotRestore",
        "What Snapshot.restore() leaves the host function with. Not to be caught.",
        PyExc_BaseException, NULL);
    if (!state->snapshot_restore ||
        PyModule_AddObjectRef(module, "SnapshotRestore", state->snapshot_restore) < 0)
        return -1;
    return PyModule_AddFunctions(module, functions);
}
