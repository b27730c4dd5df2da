/*
 * reference.c - values that are no numbers: vectors, objects and functions; and calls
 * with such values among others.
 *
 * A slot that was filled here owns its reference: Value_drop gives it back, or
 * libwazero takes it over. An object is held by C then, where Python's garbage
 * collector does not see it: a cycle through wasm is broken when the module is closed.
 * The Module of a function that was passed to another one is held by that other one
 * (Module_hold_value), for it must not be closed while wasm can call it.
 */
#include "wazeromodule.h"

/* ---------------------------------------------------------------- objects -------- */

/* The last reference that C had: called by whatever thread gave it up. */
static void release_object(void *value)
{
    ENTRY(entry);
    if (!Entry_enter(&entry))
        return; /* the interpreter is going away, and takes the object along */
    Py_DECREF((PyObject *)value);
    Entry_leave(&entry);
}

static ConvertStatus object_to_slot(PyObject *value, uint64_t *slot)
{
    wazero_externref_t *reference;
    wazero_error_t *error =
        wazero_externref_new(Py_NewRef(value), release_object, &reference);
    if (error) {
        wazero_error_delete(error);
        PyErr_NoMemory();
        return CONVERT_RAISED;
    }
    *slot = wazero_encode_externref(reference);
    return CONVERT_OK;
}

static PyObject *object_of(uint64_t slot)
{
    return Py_NewRef((PyObject *)wazero_externref_value(wazero_decode_externref(slot)));
}

/* ---------------------------------------------------------------- vectors -------- */

static ConvertStatus vector_of_integer(PyObject *value, uint64_t *slots)
{
    PyObject *number = PyNumber_Index(value);
    PyObject *bytes =
        number ? PyObject_CallMethod(number, "to_bytes", "is", 16, "little") : NULL;
    Py_XDECREF(number);
    if (!bytes) {
        if (!number || !PyErr_ExceptionMatches(PyExc_OverflowError))
            return CONVERT_RAISED;
        PyErr_Clear();
        return CONVERT_RANGE;
    }
    wazero_encode_v128(PyBytes_AS_STRING(bytes), slots);
    Py_DECREF(bytes);
    return CONVERT_OK;
}

ConvertStatus Value_vector(PyObject *value, uint64_t *slots)
{
    Py_buffer buffer;
    if (!PyObject_CheckBuffer(value))
        return PyIndex_Check(value) ? vector_of_integer(value, slots) : CONVERT_TYPE;
    if (PyObject_GetBuffer(value, &buffer, PyBUF_SIMPLE) < 0)
        return CONVERT_RAISED;
    ConvertStatus status = buffer.len == 16 ? CONVERT_OK : CONVERT_LENGTH;
    if (status == CONVERT_OK)
        wazero_encode_v128(buffer.buf, slots);
    PyBuffer_Release(&buffer);
    return status;
}

/* ---------------------------------------------------------------- one value ------ */

ConvertStatus Value_to_slots(State *state, PyObject *value, wazero_value_type_t type,
                             uint64_t *slots)
{
    bool is_function = Py_IS_TYPE(value, state->function_type);
    if (Convert_is_number(type))
        return Convert_to_slot(value, type, slots);
    if (type == WAZERO_TYPE_V128)
        return Value_vector(value, slots);
    if (value == Py_None) {
        *slots = 0;
        return CONVERT_OK;
    }
    if (is_function && type != WAZERO_TYPE_EXTERNREF && type != WAZERO_TYPE_EXNREF) {
        wazero_function_t *handle = ((FunctionObject *)value)->handle;
        *slots = wazero_encode_funcref(wazero_function_copy(handle));
        return CONVERT_OK;
    }
    /* Of a typed reference only libwazero knows whether an object will do. */
    if (type == WAZERO_TYPE_EXTERNREF || type == WAZERO_TYPE_REF)
        return object_to_slot(value, slots);
    return CONVERT_TYPE;
}

PyObject *Value_from_slots(State *state, wazero_value_type_t type,
                           const uint64_t *slots)
{
    if (Convert_is_number(type))
        return Convert_from_slot(*slots, type);
    if (type == WAZERO_TYPE_V128)
        return PyBytes_FromStringAndSize((const char *)slots, 16);
    switch (wazero_reference_type(*slots)) {
    case WAZERO_TYPE_EXTERNREF:
        return object_of(*slots);
    case WAZERO_TYPE_FUNCREF:
        return Function_of(state, wazero_decode_funcref(*slots));
    default:
        Py_RETURN_NONE;
    }
}

void Value_drop(wazero_value_type_t type, const uint64_t *slots)
{
    if (Convert_is_number(type) || type == WAZERO_TYPE_V128)
        return;
    switch (wazero_reference_type(*slots)) {
    case WAZERO_TYPE_EXTERNREF:
        wazero_externref_delete(wazero_decode_externref(*slots));
        break;
    case WAZERO_TYPE_FUNCREF:
        wazero_function_delete(wazero_decode_funcref(*slots));
        break;
    default:
        break;
    }
}

/* ---------------------------------------------------------------- several -------- */

void Values_drop(const wazero_value_type_t *types, size_t count, const uint64_t *slots)
{
    for (size_t i = 0; i < count; i++) {
        Value_drop(types[i], slots);
        slots += Value_slots(types[i]);
    }
}

/* What a call gives for its results: None, a value, or a tuple. */
static PyObject *results_of(State *state, const wazero_function_type_t *type,
                            const uint64_t *slots)
{
    if (type->result_count == 0)
        Py_RETURN_NONE;
    if (type->result_count == 1)
        return Value_from_slots(state, type->results[0], slots);
    PyObject *results = PyTuple_New((Py_ssize_t)type->result_count);
    for (size_t i = 0; results && i < type->result_count; i++) {
        PyObject *value = Value_from_slots(state, type->results[i], slots);
        if (value)
            PyTuple_SET_ITEM(results, (Py_ssize_t)i, value);
        else
            Py_CLEAR(results);
        slots += Value_slots(type->results[i]);
    }
    return results;
}

/* ---------------------------------------------------------------- calls ---------- */

/* Converts the arguments of a call; on failure none of them is left. */
static int convert_arguments(FunctionObject *self, PyObject *const *args,
                             uint64_t *slots)
{
    State *state = State_of(self);
    const wazero_function_type_t *type = self->type;
    uint64_t *slot = slots;
    for (size_t i = 0; i < type->param_count; i++) {
        wazero_value_type_t param = type->params[i];
        ConvertStatus status = Value_to_slots(state, args[i], param, slot);
        bool failed = status != CONVERT_OK;
        if (failed && status != CONVERT_RAISED)
            Convert_raise(status,
                          PyUnicode_FromFormat("%U() argument %zu", self->name, i + 1),
                          args[i], param);
        if (!failed && Module_hold_value(self->module, args[i]) < 0) {
            Value_drop(param, slot);
            failed = true;
        }
        if (failed) {
            Values_drop(type->params, i, slots);
            return -1;
        }
        slot += Value_slots(param);
    }
    return 0;
}

PyObject *Function_call_widely(FunctionObject *self, PyObject *const *args,
                               bool snapshots, bool has_timeout, uint64_t nanoseconds)
{
    const wazero_function_type_t *type = self->type;
    wazero_error_t *error;
    /* The arguments stay ours, and the stack gets the results. */
    uint64_t *lent = PyMem_New(uint64_t, type->param_slot_count + type->slot_count + 1);
    if (!lent)
        return PyErr_NoMemory();
    uint64_t *stack = lent + type->param_slot_count;
    if (convert_arguments(self, args, lent) < 0) {
        PyMem_Free(lent);
        return NULL;
    }
    memcpy(stack, lent, type->param_slot_count * sizeof *lent);
    if (snapshots)
        error = wazero_function_call_with_snapshots(self->handle, stack,
                                                    type->slot_count, nanoseconds);
    else if (has_timeout)
        error = wazero_function_call_with_timeout(self->handle, stack, type->slot_count,
                                                  nanoseconds);
    else
        error = wazero_function_call_with_stack(self->handle, stack, type->slot_count);
    Values_drop(type->params, type->param_count, lent);
    PyObject *results = NULL;
    if (error) {
        Function_failed(self, error);
    } else {
        results = results_of(State_of(self), type, stack);
        Values_drop(type->results, type->result_count, stack);
    }
    PyMem_Free(lent);
    return results;
}
