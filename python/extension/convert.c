/*
 * convert.c - Python values to slots and back.
 *
 * Integers come back signed and are taken if they fit signed or unsigned. Floats are
 * moved by their bits, so that NaN payloads survive: f64 exactly, f32 with the 23 bits
 * that it has. The hardware's own conversion between the two would make signalling NaNs
 * quiet, so NaNs are converted by hand.
 */
#include "wazeromodule.h"

static ConvertStatus int_to_slot(PyObject *number, bool is_64, uint64_t *slot)
{
    int overflow;
    long long value = PyLong_AsLongLongAndOverflow(number, &overflow);
    if (overflow == 0) {
        if (value == -1 && PyErr_Occurred())
            return CONVERT_RAISED;
        if (is_64) {
            *slot = (uint64_t)value;
            return CONVERT_OK;
        }
        if (value < INT32_MIN || value > (long long)UINT32_MAX)
            return CONVERT_RANGE;
        *slot = (uint32_t)value;
        return CONVERT_OK;
    }
    if (overflow < 0 || !is_64)
        return CONVERT_RANGE;
    unsigned long long large = PyLong_AsUnsignedLongLong(number);
    if (large == (unsigned long long)-1 && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError))
            return CONVERT_RAISED;
        PyErr_Clear();
        return CONVERT_RANGE;
    }
    *slot = large;
    return CONVERT_OK;
}

static ConvertStatus index_to_slot(PyObject *value, bool is_64, uint64_t *slot)
{
    if (!PyIndex_Check(value))
        return CONVERT_TYPE;
    PyObject *number = PyNumber_Index(value);
    if (!number)
        return CONVERT_RAISED;
    ConvertStatus status = int_to_slot(number, is_64, slot);
    Py_DECREF(number);
    return status;
}

static ConvertStatus to_double(PyObject *value, double *result)
{
    if (PyFloat_Check(value)) {
        *result = PyFloat_AS_DOUBLE(value);
        return CONVERT_OK;
    }
    const PyNumberMethods *methods = Py_TYPE(value)->tp_as_number;
    if (!methods || (!methods->nb_float && !methods->nb_index))
        return CONVERT_TYPE;
    *result = PyFloat_AsDouble(value);
    if (*result != -1.0 || !PyErr_Occurred())
        return CONVERT_OK;
    if (PyLong_Check(value) && PyErr_ExceptionMatches(PyExc_OverflowError)) {
        PyErr_Clear();
        return CONVERT_RANGE;
    }
    return CONVERT_RAISED;
}

/* Rounds as WebAssembly's f32.demote does, to infinity too; a NaN keeps its sign, its
 * quiet bit and the upper bits of its payload, and stays a NaN if those are zero. */
static uint32_t double_to_f32(double value)
{
    if (value == value) {
        float rounded = (float)value;
        uint32_t bits;
        memcpy(&bits, &rounded, sizeof bits);
        return bits;
    }
    uint64_t wide = wazero_encode_f64(value);
    uint32_t payload = (uint32_t)(wide >> 29) & 0x7fffff;
    if (payload == 0)
        payload = 0x400000;
    return (uint32_t)(wide >> 63) << 31 | 0x7f800000 | payload;
}

static double f32_to_double(uint32_t bits)
{
    if ((bits & 0x7f800000) != 0x7f800000 || (bits & 0x7fffff) == 0)
        return (double)wazero_decode_f32(bits);
    uint64_t sign = (uint64_t)(bits >> 31) << 63;
    uint64_t payload = (uint64_t)(bits & 0x7fffff) << 29;
    return wazero_decode_f64(sign | (uint64_t)0x7ff << 52 | payload);
}

ConvertStatus Convert_to_slot(PyObject *value, wazero_value_type_t type, uint64_t *slot)
{
    bool is_64 = type == WAZERO_TYPE_I64;
    if (is_64 || type == WAZERO_TYPE_I32) {
        if (PyLong_Check(value))
            return int_to_slot(value, is_64, slot);
        return index_to_slot(value, is_64, slot);
    }
    double number;
    ConvertStatus status = to_double(value, &number);
    if (status != CONVERT_OK)
        return status;
    if (type == WAZERO_TYPE_F64)
        *slot = wazero_encode_f64(number);
    else
        *slot = double_to_f32(number);
    return CONVERT_OK;
}

PyObject *Convert_other_from_slot(uint64_t slot, wazero_value_type_t type)
{
    switch (type) {
    case WAZERO_TYPE_I64:
        return PyLong_FromLongLong(wazero_decode_i64(slot));
    case WAZERO_TYPE_F32:
        return PyFloat_FromDouble(f32_to_double((uint32_t)slot));
    default:
        return PyFloat_FromDouble(wazero_decode_f64(slot));
    }
}

static const char *range_of(wazero_value_type_t type)
{
    if (type == WAZERO_TYPE_I32)
        return "-2147483648 to 4294967295";
    if (type == WAZERO_TYPE_I64)
        return "-9223372036854775808 to 18446744073709551615";
    if (type == WAZERO_TYPE_V128)
        return "0 to 2**128-1";
    return "that of a double";
}

/* What values of the type have to be. */
static const char *kind_of(wazero_value_type_t type)
{
    switch (type) {
    case WAZERO_TYPE_I32:
    case WAZERO_TYPE_I64:
        return "an integer";
    case WAZERO_TYPE_V128:
        return "16 bytes or an integer";
    case WAZERO_TYPE_FUNCREF:
        return "a Function or None";
    case WAZERO_TYPE_EXNREF:
        return "None, for exceptions cannot be passed";
    default:
        return "a number";
    }
}

void Convert_raise(ConvertStatus status, PyObject *subject, PyObject *value,
                   wazero_value_type_t type)
{
    /* A callable has no type, and no module that wasm could find it in. */
    const char *hint = type == WAZERO_TYPE_FUNCREF && PyCallable_Check(value)
                           ? " (import it, or put it into a host_module, and take the "
                             "Function that comes of that)"
                           : "";
    if (subject && status == CONVERT_TYPE)
        PyErr_Format(PyExc_TypeError, "%U (%s) must be %s, not %.200s%s", subject,
                     wazero_value_type_name(type), kind_of(type),
                     Py_TYPE(value)->tp_name, hint);
    else if (subject && status == CONVERT_RANGE)
        PyErr_Format(PyExc_OverflowError, "%U (%s) is out of range, which is %s",
                     subject, wazero_value_type_name(type), range_of(type));
    else if (subject && status == CONVERT_LENGTH)
        PyErr_Format(PyExc_ValueError, "%U (%s) must have 16 bytes, not %zd", subject,
                     wazero_value_type_name(type), PyObject_Size(value));
    Py_XDECREF(subject);
}
