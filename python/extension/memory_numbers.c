/*
 * memory_numbers.c - Memory.read_u32 and its like: single numbers at an address, in
 * WebAssembly's byte order, which is the machine's own.
 */
#include "wazeromodule.h"

/* ---------------------------------------------------------------- reading -------- */

/* Copies the size bytes at the address that the call names; -1 with an exception. */
static int read_bytes(MemoryObject *self, const char *function, PyObject *const *args,
                      Py_ssize_t nargs, PyObject *kwnames, void *value, size_t size)
{
    static const char *const names[] = {"ptr"};
    const ArgsSpec spec = {function, names, 1, 1, 1};
    PyObject *ptr;
    uint64_t offset;
    if (Args_parse(&spec, args, nargs, kwnames, &ptr) < 0 ||
        Memory_to_number(ptr, "argument 'ptr'", &offset) < 0 ||
        !Module_is_open(State_of(self), self->module) ||
        Memory_check_range(self, "read", offset, size) < 0)
        return -1;
    wazero_error_t *error = wazero_memory_read(self->handle, offset, value, size);
    if (error)
        Errors_raise(State_of(self), error);
    return error ? -1 : 0;
}

static PyObject *read_integer(MemoryObject *self, const char *function,
                              PyObject *const *args, Py_ssize_t nargs,
                              PyObject *kwnames, size_t size, bool is_signed)
{
    uint64_t value = 0;
    if (read_bytes(self, function, args, nargs, kwnames, &value, size) < 0)
        return NULL;
    if (!is_signed)
        return PyLong_FromUnsignedLongLong(value);
    unsigned unused = 64 - 8 * (unsigned)size;
    return PyLong_FromLongLong((int64_t)(value << unused) >> unused);
}

static PyObject *read_float(MemoryObject *self, const char *function,
                            PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
                            wazero_value_type_t type)
{
    uint64_t slot = 0;
    size_t size = type == WAZERO_TYPE_F32 ? 4 : 8;
    if (read_bytes(self, function, args, nargs, kwnames, &slot, size) < 0)
        return NULL;
    return Convert_from_slot(slot, type);
}

/* ---------------------------------------------------------------- writing -------- */

static PyObject *write_bytes(MemoryObject *self, PyObject *ptr, const void *value,
                             size_t size)
{
    uint64_t offset;
    if (Memory_to_number(ptr, "argument 'ptr'", &offset) < 0 ||
        !Module_is_open(State_of(self), self->module) ||
        Memory_check_range(self, "write", offset, size) < 0)
        return NULL;
    wazero_error_t *error = wazero_memory_write(self->handle, offset, value, size);
    if (error)
        return Errors_raise(State_of(self), error);
    Py_RETURN_NONE;
}

/* Sorts the two arguments of a write. */
static int parse_write(const char *function, PyObject *const *args, Py_ssize_t nargs,
                       PyObject *kwnames, PyObject **values)
{
    static const char *const names[] = {"ptr", "value"};
    const ArgsSpec spec = {function, names, 2, 2, 2};
    return Args_parse(&spec, args, nargs, kwnames, values);
}

/* An integer of so many bits. Unlike an argument of a call it must be of that sign. */
static int to_integer(const char *function, PyObject *value, unsigned bits,
                      bool is_signed, uint64_t *result)
{
    uint64_t slot = 0;
    ConvertStatus status = Convert_to_slot(value, WAZERO_TYPE_I64, &slot);
    if (status == CONVERT_RAISED)
        return -1;
    if (status == CONVERT_TYPE) {
        PyErr_Format(PyExc_TypeError,
                     "%s() argument 'value' must be an integer, not "
                     "%.200s",
                     function, Py_TYPE(value)->tp_name);
        return -1;
    }
    PyObject *number = status == CONVERT_OK ? PyNumber_Index(value) : NULL;
    if (status == CONVERT_OK && !number)
        return -1;
    int overflow = 1; /* of a signed 64-bit number, and which way */
    long long small = number ? PyLong_AsLongLongAndOverflow(number, &overflow) : 0;
    Py_XDECREF(number);
    bool fits = status == CONVERT_OK;
    int64_t highest = (int64_t)(((uint64_t)1 << (bits - 1)) - 1);
    if (fits && is_signed)
        fits = !overflow && small >= -highest - 1 && small <= highest;
    else if (fits)
        fits = overflow ? bits == 64 : small >= 0 && slot <= UINT64_MAX >> (64 - bits);
    if (!fits) {
        PyErr_Format(PyExc_OverflowError,
                     "%s() argument 'value' must be an integer of %u bits, %s, not %R",
                     function, bits, is_signed ? "signed" : "unsigned", value);
        return -1;
    }
    *result = slot;
    return 0;
}

static PyObject *write_integer(MemoryObject *self, const char *function,
                               PyObject *const *args, Py_ssize_t nargs,
                               PyObject *kwnames, size_t size, bool is_signed)
{
    PyObject *values[2];
    uint64_t value;
    if (parse_write(function, args, nargs, kwnames, values) < 0 ||
        to_integer(function, values[1], 8 * (unsigned)size, is_signed, &value) < 0)
        return NULL;
    return write_bytes(self, values[0], &value, size);
}

static PyObject *write_float(MemoryObject *self, const char *function,
                             PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
                             wazero_value_type_t type)
{
    PyObject *values[2];
    uint64_t slot;
    if (parse_write(function, args, nargs, kwnames, values) < 0)
        return NULL;
    ConvertStatus status = Convert_to_slot(values[1], type, &slot);
    if (status != CONVERT_OK) {
        Convert_raise(status, PyUnicode_FromFormat("%s() argument 'value'", function),
                      values[1], type);
        return NULL;
    }
    return write_bytes(self, values[0], &slot, type == WAZERO_TYPE_F32 ? 4 : 8);
}

/* ---------------------------------------------------------------- methods -------- */

/* A method of Python's for each number: a function that says which. */
#define METHOD(name, way, ...)                                                         \
    static PyObject *Memory_##name(MemoryObject *self, PyObject *const *args,          \
                                   Py_ssize_t nargs, PyObject *kwnames)                \
    {                                                                                  \
        return way(self, #name, args, nargs, kwnames, __VA_ARGS__);                    \
    }

METHOD(read_u8, read_integer, 1, false)
METHOD(read_u16, read_integer, 2, false)
METHOD(read_u32, read_integer, 4, false)
METHOD(read_u64, read_integer, 8, false)
METHOD(read_i8, read_integer, 1, true)
METHOD(read_i16, read_integer, 2, true)
METHOD(read_i32, read_integer, 4, true)
METHOD(read_i64, read_integer, 8, true)
METHOD(read_f32, read_float, WAZERO_TYPE_F32)
METHOD(read_f64, read_float, WAZERO_TYPE_F64)
METHOD(write_u8, write_integer, 1, false)
METHOD(write_u16, write_integer, 2, false)
METHOD(write_u32, write_integer, 4, false)
METHOD(write_u64, write_integer, 8, false)
METHOD(write_i8, write_integer, 1, true)
METHOD(write_i16, write_integer, 2, true)
METHOD(write_i32, write_integer, 4, true)
METHOD(write_i64, write_integer, 8, true)
METHOD(write_f32, write_float, WAZERO_TYPE_F32)
METHOD(write_f64, write_float, WAZERO_TYPE_F64)

#define READER(name, what)                                                             \
    {#name, (PyCFunction)(void (*)(void))Memory_##name, METH_FASTCALL | METH_KEYWORDS, \
     #name "($self, ptr)\n--\n\nThe " what                                             \
           " at offset ptr. IndexError if it is not all in the memory."}
#define WRITER(name, what)                                                             \
    {#name, (PyCFunction)(void (*)(void))Memory_##name, METH_FASTCALL | METH_KEYWORDS, \
     #name "($self, ptr, value)\n--\n\nPuts value at offset ptr as " what              \
           ". IndexError if it does not fit into the memory."}

PyMethodDef Memory_number_methods[MEMORY_NUMBER_METHODS] = {
    READER(read_u8, "unsigned 8-bit integer"),
    READER(read_u16, "unsigned 16-bit integer"),
    READER(read_u32, "unsigned 32-bit integer"),
    READER(read_u64, "unsigned 64-bit integer"),
    READER(read_i8, "signed 8-bit integer"),
    READER(read_i16, "signed 16-bit integer"),
    READER(read_i32, "signed 32-bit integer"),
    READER(read_i64, "signed 64-bit integer"),
    READER(read_f32, "32-bit float"),
    READER(read_f64, "64-bit float"),
    WRITER(write_u8, "an unsigned 8-bit integer"),
    WRITER(write_u16, "an unsigned 16-bit integer"),
    WRITER(write_u32, "an unsigned 32-bit integer"),
    WRITER(write_u64, "an unsigned 64-bit integer"),
    WRITER(write_i8, "a signed 8-bit integer"),
    WRITER(write_i16, "a signed 16-bit integer"),
    WRITER(write_i32, "a signed 32-bit integer"),
    WRITER(write_i64, "a signed 64-bit integer"),
    WRITER(write_f32, "a 32-bit float, rounded"),
    WRITER(write_f64, "a 64-bit float"),
};
