/*
 * map.c - Function.map: one call per element of buffers, in a loop in C.
 *
 * Each parameter and each result has a Column. The buffers of all columns are held
 * during the calls, so that nobody resizes them; other threads may read and write their
 * elements meanwhile, as with any shared buffer. The bits of the elements are copied by
 * libwazero and never converted, so that the payloads of NaNs stay.
 */
#include "wazeromodule.h"

typedef struct {
    Py_buffer buffer;   /* buffer.obj is NULL if there is none */
    uint64_t number[2]; /* what repeats where there is no buffer */
    size_t count;       /* elements of the buffer */
} Column;

typedef struct {
    FunctionObject *function;
    const wazero_function_type_t *type;
    Column *columns;       /* of the parameters, then of the results */
    wazero_column_t *data; /* the same for libwazero */
    size_t count;          /* calls */
    size_t counted;        /* the first parameter that says so, or SIZE_MAX */
} Map;

/* ---------------------------------------------------------------- refusals ------- */

/* "add.map() argument 2" or "add.map() argument 'out'"; index counts results behind the
 * parameters. */
static PyObject *name_of(const Map *map, size_t index)
{
    PyObject *name = map->function->name;
    const wazero_function_type_t *type = map->type;
    if (index < type->param_count)
        return PyUnicode_FromFormat("%U.map() argument %zu", name, index + 1);
    if (type->result_count == 1)
        return PyUnicode_FromFormat("%U.map() argument 'out'", name);
    return PyUnicode_FromFormat("%U.map() argument 'out'[%zu]", name,
                                index - type->param_count);
}

static wazero_value_type_t type_of(const Map *map, size_t index)
{
    const wazero_function_type_t *type = map->type;
    return index < type->param_count ? type->params[index]
                                     : type->results[index - type->param_count];
}

static size_t width_of(wazero_value_type_t type)
{
    if (type == WAZERO_TYPE_V128)
        return 16;
    return type == WAZERO_TYPE_I32 || type == WAZERO_TYPE_F32 ? 4 : 8;
}

/* What the elements of a buffer have to be. */
static const char *elements_of(wazero_value_type_t type)
{
    switch (type) {
    case WAZERO_TYPE_I32:
        return "integers of 4 bytes in the machine's order ('i', 'I')";
    case WAZERO_TYPE_I64:
        return "integers of 8 bytes in the machine's order ('q', 'Q')";
    case WAZERO_TYPE_F32:
        return "floats of 4 bytes in the machine's order ('f')";
    case WAZERO_TYPE_V128:
        return "16 bytes each";
    default:
        return "floats of 8 bytes in the machine's order ('d')";
    }
}

/* Raises an exception: the name of the column, its type, and the rest (takes it). */
static int refuse(const Map *map, size_t index, PyObject *class, PyObject *rest)
{
    PyObject *name = rest ? name_of(map, index) : NULL;
    if (name)
        PyErr_Format(class, "%U (%s) %U", name,
                     wazero_value_type_name(type_of(map, index)), rest);
    Py_XDECREF(name);
    Py_XDECREF(rest);
    return -1;
}

static int refuse_type(const Map *map, size_t index, PyObject *value)
{
    wazero_value_type_t type = type_of(map, index);
    bool is_int = type == WAZERO_TYPE_I32 || type == WAZERO_TYPE_I64;
    const char *number = is_int ? " or an integer" : " or a number";
    return refuse(map, index, PyExc_TypeError,
                  PyUnicode_FromFormat("must be a buffer%s, not %.200s",
                                       index < map->type->param_count ? number : "",
                                       Py_TYPE(value)->tp_name));
}

static int refuse_format(const Map *map, size_t index, const Py_buffer *buffer)
{
    return refuse(map, index, PyExc_TypeError,
                  PyUnicode_FromFormat("must have %s or be bytes, not format '%.100s' "
                                       "with %zd bytes an element",
                                       elements_of(type_of(map, index)),
                                       buffer->format ? buffer->format : "B",
                                       buffer->itemsize));
}

/* ---------------------------------------------------------------- buffers -------- */

/* The letter of a format whose byte order is the machine's, or 0. */
static char letter_of(const char *format)
{
    switch (*format) {
    case '@':
    case '=':
        format++;
        break;
    case PY_LITTLE_ENDIAN ? '<':
        '>' : format++;
        break;
    default:
        break;
    }
    return format[0] && !format[1] ? format[0] : '\0';
}

/* Whether elements of such a format are of a type, given their width. */
static bool format_fits(char letter, wazero_value_type_t type)
{
    switch (type) {
    case WAZERO_TYPE_I32:
    case WAZERO_TYPE_I64:
        return letter && strchr("iIlLqQnN", letter);
    case WAZERO_TYPE_F32:
        return letter == 'f';
    case WAZERO_TYPE_V128:
        return true; /* whatever 16 bytes are to their owner: lanes of any kind */
    default:
        return letter == 'd';
    }
}

static bool is_contiguous(const Py_buffer *buffer)
{
    return PyBuffer_IsContiguous(buffer, 'C') == 1;
}

/* Bytes that are the elements as they lie in memory. */
static int take_bytes(Map *map, size_t index)
{
    Column *column = &map->columns[index];
    size_t width = width_of(type_of(map, index));
    size_t size = (size_t)column->buffer.len;
    if (!is_contiguous(&column->buffer))
        return refuse(map, index, PyExc_ValueError,
                      PyUnicode_FromString("must be contiguous if it is bytes"));
    if (size % width)
        return refuse(map, index, PyExc_ValueError,
                      PyUnicode_FromFormat("has %zu bytes, which is no multiple of %zu",
                                           size, width));
    column->count = size / width;
    map->data[index].data = column->buffer.buf;
    map->data[index].stride = (ptrdiff_t)width;
    return 0;
}

static int take_elements(Map *map, size_t index)
{
    Column *column = &map->columns[index];
    const Py_buffer *buffer = &column->buffer;
    wazero_value_type_t type = type_of(map, index);
    char letter = letter_of(buffer->format ? buffer->format : "B");
    if (letter && buffer->itemsize == 1 && strchr("Bbc", letter))
        return take_bytes(map, index);
    if ((size_t)buffer->itemsize != width_of(type) || !format_fits(letter, type))
        return refuse_format(map, index, buffer);
    if (buffer->ndim != 1 && !is_contiguous(buffer))
        return refuse(
            map, index, PyExc_ValueError,
            PyUnicode_FromString("must have one dimension or be C-contiguous"));
    column->count = (size_t)(buffer->len / buffer->itemsize);
    map->data[index].data = buffer->buf;
    map->data[index].stride = buffer->itemsize;
    if (buffer->ndim == 1 && buffer->strides) /* ctypes has none */
        map->data[index].stride = buffer->strides[0];
    return 0;
}

/* A number that repeats, in the width of its type. */
static int take_number(Map *map, size_t index, PyObject *value)
{
    Column *column = &map->columns[index];
    wazero_value_type_t type = type_of(map, index);
    uint64_t slots[2];
    ConvertStatus status = type == WAZERO_TYPE_V128
                               ? Value_vector(value, slots)
                               : Convert_to_slot(value, type, slots);
    if (status == CONVERT_TYPE)
        return refuse_type(map, index, value);
    if (status != CONVERT_OK) {
        if (status != CONVERT_RAISED)
            Convert_raise(status, name_of(map, index), value, type);
        return -1;
    }
    uint32_t half = (uint32_t)slots[0];
    if (width_of(type) == 4)
        memcpy(column->number, &half, sizeof half);
    else
        memcpy(column->number, slots, width_of(type));
    map->data[index].data = column->number;
    map->data[index].stride = 0;
    return 0;
}

/* Gets the buffer of an object into a column. 1 if it has none, or one without
 * dimensions, as the numbers of numpy do. */
static int take_buffer(Map *map, size_t index, PyObject *value)
{
    Py_buffer *buffer = &map->columns[index].buffer;
    if (PyLong_CheckExact(value) || PyFloat_CheckExact(value) ||
        !PyObject_CheckBuffer(value))
        return 1;
    if (PyObject_GetBuffer(value, buffer, PyBUF_RECORDS_RO) < 0) {
        buffer->obj = NULL;
        return -1;
    }
    if (buffer->ndim == 0) {
        PyBuffer_Release(buffer);
        return 1;
    }
    return take_elements(map, index);
}

/* ---------------------------------------------------------------- parameters ----- */

static int check_count(Map *map, size_t index)
{
    size_t count = map->columns[index].count;
    if (map->counted == SIZE_MAX) {
        map->counted = index;
        map->count = count;
    }
    if (count == map->count)
        return 0;
    return refuse(map, index, PyExc_ValueError,
                  PyUnicode_FromFormat("has %zu element%s, but argument %zu has %zu",
                                       count, count == 1 ? "" : "s", map->counted + 1,
                                       map->count));
}

static int take_columns(Map *map, PyObject *const *args)
{
    for (size_t i = 0; i < map->type->param_count; i++) {
        int status = take_buffer(map, i, args[i]);
        if (status == 1)
            status = take_number(map, i, args[i]);
        else if (status == 0)
            status = check_count(map, i);
        if (status < 0)
            return -1;
    }
    if (map->counted != SIZE_MAX)
        return 0;
    PyErr_Format(PyExc_TypeError,
                 "%U.map() needs a buffer among its columns, which says how many calls "
                 "to make",
                 map->function->name);
    return -1;
}

/* ---------------------------------------------------------------- results -------- */

/* array.array(code, bytes of one zero) * count */
static PyObject *new_array(State *state, wazero_value_type_t type, size_t count)
{
    static const char zero[8];
    if (type == WAZERO_TYPE_V128) {
        PyObject *bytes = PyByteArray_FromStringAndSize(NULL, 0);
        if (bytes && PyByteArray_Resize(bytes, (Py_ssize_t)(16 * count)) < 0)
            Py_CLEAR(bytes);
        return bytes;
    }
    const char *code = type == WAZERO_TYPE_I32   ? "i"
                       : type == WAZERO_TYPE_I64 ? "q"
                       : type == WAZERO_TYPE_F32 ? "f"
                                                 : "d";
    if (!state->array_type) {
        PyObject *module = PyImport_ImportModule("array");
        PyObject *class = module ? PyObject_GetAttrString(module, "array") : NULL;
        Py_XDECREF(module);
        if (!class)
            return NULL;
        Py_XSETREF(state->array_type, class);
    }
    PyObject *one = PyObject_CallFunction(state->array_type, "sy#", code, zero,
                                          (Py_ssize_t)width_of(type));
    PyObject *array = one ? PySequence_Repeat(one, (Py_ssize_t)count) : NULL;
    Py_XDECREF(one);
    return array;
}

static int take_result(Map *map, size_t index, PyObject *value)
{
    int status = take_buffer(map, index, value);
    if (status == 1)
        return refuse_type(map, index, value);
    if (status < 0)
        return -1;
    const Column *column = &map->columns[index];
    if (column->buffer.readonly)
        return refuse(map, index, PyExc_TypeError,
                      PyUnicode_FromString("must be writable"));
    if (column->count == map->count)
        return 0;
    return refuse(map, index, PyExc_ValueError,
                  PyUnicode_FromFormat("has %zu element%s, but there are %zu calls",
                                       column->count, column->count == 1 ? "" : "s",
                                       map->count));
}

/* Makes what map() returns if out does not say it. */
static PyObject *new_results(Map *map)
{
    State *state = State_of(map->function);
    const wazero_function_type_t *type = map->type;
    if (type->result_count == 0)
        Py_RETURN_NONE;
    if (type->result_count == 1)
        return new_array(state, type->results[0], map->count);
    PyObject *results = PyTuple_New((Py_ssize_t)type->result_count);
    for (size_t i = 0; results && i < type->result_count; i++) {
        PyObject *array = new_array(state, type->results[i], map->count);
        if (array)
            PyTuple_SET_ITEM(results, (Py_ssize_t)i, array);
        else
            Py_CLEAR(results);
    }
    return results;
}

static int take_several(Map *map, PyObject *out)
{
    size_t count = map->type->result_count;
    if (!PyTuple_Check(out) && !PyList_Check(out)) {
        PyErr_Format(PyExc_TypeError,
                     "%U.map() argument 'out' must be a tuple or a list of %zu "
                     "buffers, not %.200s",
                     map->function->name, count, Py_TYPE(out)->tp_name);
        return -1;
    }
    PyObject *items = PySequence_Tuple(out); /* a list may change meanwhile */
    if (!items)
        return -1;
    int status = 0;
    if ((size_t)PyTuple_GET_SIZE(items) != count) {
        PyErr_Format(PyExc_ValueError,
                     "%U.map() argument 'out' must have %zu buffers, not %zd",
                     map->function->name, count, PyTuple_GET_SIZE(items));
        status = -1;
    }
    for (size_t i = 0; status == 0 && i < count; i++)
        status = take_result(map, map->type->param_count + i,
                             PyTuple_GET_ITEM(items, (Py_ssize_t)i));
    Py_DECREF(items);
    return status;
}

/* A new reference to what map() is to return, with its buffers in the columns. */
static PyObject *take_results(Map *map, PyObject *out)
{
    size_t count = map->type->result_count;
    int status = 0;
    if (out && out != Py_None && count == 0) {
        PyErr_Format(
            PyExc_TypeError,
            "%U.map() takes no argument 'out', for the function has no results",
            map->function->name);
        return NULL;
    }
    PyObject *results = out && out != Py_None ? Py_NewRef(out) : new_results(map);
    if (results && count == 1)
        status = take_result(map, map->type->param_count, results);
    else if (results && count > 1)
        status = take_several(map, results);
    if (status < 0)
        Py_CLEAR(results);
    return results;
}

/* ---------------------------------------------------------------- the calls ------ */

/* Tells in the exception that is set which element it was. That the exception cannot be
 * given it, for it has slots perhaps, does not matter. */
static void note_element(size_t element)
{
    PyObject *exception = PyErr_GetRaisedException();
    PyObject *number = PyLong_FromSize_t(element);
    PyObject *text = PyUnicode_FromFormat("at element %zu", element);
    PyObject *done = NULL;
    if (number && PyObject_SetAttrString(exception, "element", number) < 0)
        PyErr_Clear();
    if (text)
        done = PyObject_CallMethod(exception, "add_note", "O", text);
    PyErr_Clear();
    Py_XDECREF(done);
    Py_XDECREF(text);
    Py_XDECREF(number);
    PyErr_SetRaisedException(exception);
}

static int run(Map *map, uint64_t nanoseconds)
{
    size_t done = 0;
    wazero_error_t *error = wazero_function_map(map->function->handle, map->data,
                                                map->data + map->type->param_count,
                                                map->count, nanoseconds, &done);
    if (!error)
        return 0;
    Function_failed(map->function, error);
    note_element(done);
    return -1;
}

static PyObject *map_columns(Map *map, PyObject *const *args, PyObject *out,
                             uint64_t nanoseconds)
{
    size_t count = map->type->param_count + map->type->result_count;
    PyObject *results = NULL;
    map->columns = PyMem_Calloc(count, sizeof *map->columns);
    map->data = PyMem_Calloc(count, sizeof *map->data);
    if (!map->columns || !map->data) {
        PyErr_NoMemory();
        goto done;
    }
    if (take_columns(map, args) == 0)
        results = take_results(map, out);
    if (results && run(map, nanoseconds) < 0)
        Py_CLEAR(results);
    for (size_t i = 0; i < count; i++) {
        if (map->columns[i].buffer.obj)
            PyBuffer_Release(&map->columns[i].buffer);
    }
done:
    PyMem_Free(map->data);
    PyMem_Free(map->columns);
    return results;
}

static int refuse_count(const Map *map, Py_ssize_t given)
{
    size_t count = map->type->param_count;
    if (count == 0) {
        PyErr_Format(PyExc_TypeError,
                     "%U.map(): the function takes no arguments, so there is nothing "
                     "that says how often to call it",
                     map->function->name);
        return -1;
    }
    PyObject *types =
        Types_type_list(map->type->params, map->type->param_references, count);
    if (types)
        PyErr_Format(PyExc_TypeError, "%U.map() takes %zu column%s %U but %zd %s given",
                     map->function->name, count, count == 1 ? "" : "s", types, given,
                     given == 1 ? "was" : "were");
    Py_XDECREF(types);
    return -1;
}

/* The keywords: borrowed, NULL where nothing is given. */
static int parse_keywords(const Map *map, PyObject *const *values, PyObject *kwnames,
                          PyObject **out, PyObject **timeout)
{
    *out = *timeout = NULL;
    for (Py_ssize_t i = 0; kwnames && i < PyTuple_GET_SIZE(kwnames); i++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, i);
        if (PyUnicode_CompareWithASCIIString(name, "out") == 0) {
            *out = values[i];
        } else if (PyUnicode_CompareWithASCIIString(name, "timeout") == 0) {
            *timeout = values[i];
        } else {
            PyErr_Format(PyExc_TypeError,
                         "%U.map() takes no keyword argument %R, only 'out' and "
                         "'timeout'",
                         map->function->name, name);
            return -1;
        }
    }
    return 0;
}

/* None is the module's timeout, which libwazero is told by WAZERO_NO_TIMEOUT; so what
 * is longer than any call has to be another number. */
static int timeout_of(const Map *map, PyObject *value, uint64_t *nanoseconds)
{
    *nanoseconds = WAZERO_NO_TIMEOUT;
    if (!value || value == Py_None)
        return 0;
    PyObject *name = PyUnicode_FromFormat("%U.map", map->function->name);
    int status = name ? Args_timeout(name, value, nanoseconds) : -1;
    Py_XDECREF(name);
    if (*nanoseconds == WAZERO_NO_TIMEOUT)
        *nanoseconds = WAZERO_NO_TIMEOUT - 1;
    return status;
}

/* References cannot be in buffers. */
static int check_types(const Map *map)
{
    size_t count = map->type->param_count + map->type->result_count;
    for (size_t i = 0; i < count; i++) {
        wazero_value_type_t type = type_of(map, i);
        if (Convert_is_number(type) || type == WAZERO_TYPE_V128)
            continue;
        PyErr_Format(PyExc_TypeError,
                     "%U.map(): only functions of numbers and vectors can be mapped, "
                     "and this one has a %s",
                     map->function->name, wazero_value_type_name(type));
        return -1;
    }
    return 0;
}

PyObject *Function_map(FunctionObject *self, PyObject *const *args, Py_ssize_t nargs,
                       PyObject *kwnames)
{
    Map map = {.function = self, .type = self->type, .counted = SIZE_MAX};
    PyObject *out, *timeout;
    uint64_t nanoseconds;
    if (check_types(&map) < 0 ||
        parse_keywords(&map, args + nargs, kwnames, &out, &timeout) < 0)
        return NULL;
    if ((size_t)nargs != map.type->param_count || nargs == 0) {
        refuse_count(&map, nargs);
        return NULL;
    }
    if (timeout_of(&map, timeout, &nanoseconds) < 0)
        return NULL;
    return map_columns(&map, args, out, nanoseconds);
}
