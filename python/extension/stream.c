/*
 * stream.c - Python objects as the standard streams of a guest.
 *
 * None gives nothing, INHERIT the process's own stream, bytes (standard input only)
 * the bytes. Files are read (waiting.c) and written by their methods, so that what
 * Python has buffered keeps its place; those that buffer nothing by their descriptor,
 * which is the same and quicker. Text files get UTF-8 decoded
 * across writes; bytes that are no UTF-8 become U+FFFD. An exception in such a method
 * ends the call.
 *
 * A binding belongs to a Module. Its functions run in the thread that runs the guest,
 * one at a time.
 */
#include "wazeromodule.h"

/* ---------------------------------------------------------------- output --------- */

/* Writes all of chunk (takes it); binary files say how much they took. */
static int write_all(StreamBinding *binding, PyObject *chunk)
{
    while (chunk) {
        PyObject *result = PyObject_CallOneArg(binding->call, chunk);
        if (!result)
            break;
        Py_ssize_t size = PyBytes_Check(chunk) ? PyBytes_GET_SIZE(chunk) : 0;
        Py_ssize_t taken = size;
        if (binding->file && !binding->text && PyLong_Check(result))
            taken = PyLong_AsSsize_t(result);
        Py_DECREF(result);
        if (taken == -1 && PyErr_Occurred())
            break;
        if (taken < 0 || taken >= size) {
            Py_DECREF(chunk);
            return 0;
        }
        if (taken == 0) {
            PyErr_SetString(PyExc_OSError, "the file that is the guest's output took "
                                           "nothing of what was written to it");
            break;
        }
        Py_SETREF(chunk, PyBytes_FromStringAndSize(PyBytes_AS_STRING(chunk) + taken,
                                                   size - taken));
    }
    Py_XDECREF(chunk);
    return -1;
}

/* Decodes chunk (takes it) for a text file. */
static PyObject *decode(StreamBinding *binding, PyObject *chunk, bool final)
{
    PyObject *text = PyObject_CallMethod(binding->decoder, "decode", "OO", chunk,
                                         final ? Py_True : Py_False);
    Py_DECREF(chunk);
    return text;
}

static int write_text(StreamBinding *binding, PyObject *chunk, bool final)
{
    PyObject *text = decode(binding, chunk, final);
    if (text && PyUnicode_Check(text) && PyUnicode_GET_LENGTH(text) == 0) {
        Py_DECREF(text);
        return 0;
    }
    return text ? write_all(binding, text) : -1;
}

static wazero_error_t *write_bytes(void *user, const void *buffer, size_t size)
{
    StreamBinding *binding = user;
    ENTRY(entry);
    wazero_error_t *error = NULL;
    if (!Entry_enter(&entry))
        return NULL; /* nobody is left who could read it */
    PyObject *chunk = PyBytes_FromStringAndSize(buffer, (Py_ssize_t)size);
    int result = -1;
    if (chunk)
        result = binding->text ? write_text(binding, chunk, false)
                               : write_all(binding, chunk);
    if (result < 0)
        error = Errors_to_host();
    Entry_leave(&entry);
    return error;
}

int Stream_flush(StreamBinding *binding)
{
    if (!binding->decoder)
        return 0;
    PyObject *empty = PyBytes_FromStringAndSize(NULL, 0);
    return empty ? write_text(binding, empty, true) : -1;
}

/* ---------------------------------------------------------------- input ---------- */

/* What the object has next, as bytes; empty at the end. */
static PyObject *read_more(StreamBinding *binding, size_t size)
{
    PyObject *limit = PyLong_FromSize_t(size);
    PyObject *chunk = limit ? Waiting_read(binding, limit) : NULL;
    Py_XDECREF(limit);
    if (!chunk)
        return NULL;
    PyObject *bytes = NULL;
    if (PyUnicode_Check(chunk) && binding->text)
        bytes = PyUnicode_AsEncodedString(chunk, "utf-8", "surrogateescape");
    else if (PyBytes_CheckExact(chunk))
        return chunk;
    else if (PyObject_CheckBuffer(chunk))
        bytes = PyBytes_FromObject(chunk);
    else
        PyErr_Format(PyExc_TypeError,
                     "the object that is the guest's stdin must give %s, not %.200s",
                     binding->text ? "str" : "bytes", Py_TYPE(chunk)->tp_name);
    Py_DECREF(chunk);
    return bytes;
}

static int read_into(StreamBinding *binding, void *buffer, size_t size, size_t *read)
{
    if (!binding->pending) {
        binding->pending = read_more(binding, size);
        binding->pending_offset = 0;
        if (!binding->pending)
            return -1;
    }
    size_t left =
        (size_t)(PyBytes_GET_SIZE(binding->pending) - binding->pending_offset);
    size_t taken = left < size ? left : size;
    if (taken)
        memcpy(buffer, PyBytes_AS_STRING(binding->pending) + binding->pending_offset,
               taken);
    binding->pending_offset += (Py_ssize_t)taken;
    if (taken == left)
        Py_CLEAR(binding->pending);
    *read = taken;
    return 0;
}

static wazero_error_t *read_bytes(void *user, void *buffer, size_t size, size_t *read)
{
    StreamBinding *binding = user;
    ENTRY(entry);
    wazero_error_t *error = NULL;
    *read = 0;
    if (size == 0 || !Entry_enter(&entry))
        return NULL;
    if (read_into(binding, buffer, size, read) < 0 && !binding->ended)
        error = Errors_to_host();
    if (binding->ended) {
        error = binding->ended;
        binding->ended = NULL;
        PyErr_Clear();
    }
    Entry_leave(&entry);
    return error;
}

/* ---------------------------------------------------------------- set up --------- */

/* Whether a file object takes or gives str. StringIO has no encoding, wrappers of
 * others are no TextIOBase: so both are asked. */
int Stream_is_text(PyObject *object)
{
    PyObject *io = PyImport_ImportModule("io");
    PyObject *base = io ? PyObject_GetAttrString(io, "TextIOBase") : NULL;
    int result = base ? PyObject_IsInstance(object, base) : -1;
    Py_XDECREF(base);
    Py_XDECREF(io);
    if (result != 0)
        return result;
    PyObject *encoding = PyObject_GetAttrString(object, "encoding");
    if (encoding) {
        result = encoding != Py_None;
        Py_DECREF(encoding);
    } else if (PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
    } else {
        result = -1;
    }
    return result;
}

PyObject *Stream_optional_attribute(PyObject *object, const char *name)
{
    PyObject *value = PyObject_GetAttrString(object, name);
    if (!value && PyErr_ExceptionMatches(PyExc_AttributeError))
        PyErr_Clear();
    return value;
}

static PyObject *new_decoder(void)
{
    PyObject *codecs = PyImport_ImportModule("codecs");
    PyObject *type =
        codecs ? PyObject_CallMethod(codecs, "getincrementaldecoder", "s", "utf-8")
               : NULL;
    PyObject *decoder = type ? PyObject_CallFunction(type, "s", "replace") : NULL;
    Py_XDECREF(type);
    Py_XDECREF(codecs);
    return decoder;
}

/* Finds out what to call; `methods` are tried in this order for a binary file. */
static int bind(State *state, StreamBinding *binding, PyObject *object, bool output,
                const char *what)
{
    PyObject *method = Stream_optional_attribute(object, output ? "write" : "read");
    if (!method && PyErr_Occurred())
        return -1;
    if (!method) {
        if (PyCallable_Check(object)) {
            binding->call = Py_NewRef(object);
            return 0;
        }
        PyErr_Format(PyExc_TypeError,
                     "%s must be None, wazero.INHERIT, %sa file object or a callable, "
                     "not %.200s%s",
                     what, output ? "" : "bytes, ", Py_TYPE(object)->tp_name,
                     PyUnicode_Check(object) ? " (a path must be opened first)" : "");
        return -1;
    }
    binding->call = method;
    binding->file = true;
    int text = Stream_is_text(object);
    if (text < 0)
        return -1;
    binding->text = text == 1;
    if (output) {
        binding->decoder = text ? new_decoder() : NULL;
        return text && !binding->decoder ? -1 : 0;
    }
    /* read(n) would wait until n bytes are there; these give what there is. */
    PyObject *better = Stream_optional_attribute(object, text ? "readline" : "read1");
    if (better)
        Py_SETREF(binding->call, better);
    if (PyErr_Occurred())
        return -1;
    Waiting_find(state, binding, object);
    return 0;
}

/* Bytes as standard input. */
static wazero_error_t *set_buffer(wazero_module_config_t *config, const Py_buffer *view)
{
    return wazero_module_config_set_stdin_bytes(config, view->buf, (size_t)view->len);
}

/* The descriptor of an unbuffered file; -1 if the object is another one, -2 with an
 * exception. There is no buffer of Python's to keep in order with, and waiting for a
 * descriptor can be ended. */
static int raw_descriptor(PyObject *object)
{
    PyObject *io = PyImport_ImportModule("io");
    PyObject *type = io ? PyObject_GetAttrString(io, "FileIO") : NULL;
    Py_XDECREF(io);
    if (!type)
        return -2;
    bool is_raw = (PyObject *)Py_TYPE(object) == type;
    Py_DECREF(type);
    if (!is_raw)
        return -1;
    int descriptor = PyObject_AsFileDescriptor(object);
    return descriptor < 0 ? -2 : descriptor;
}

/* Refuses a file that is closed or of the other direction, before a guest finds out. */
static int check_file(PyObject *object, bool output, const char *what)
{
    PyObject *closed = Stream_optional_attribute(object, "closed");
    Py_XDECREF(closed);
    if (closed == Py_True)
        PyErr_Format(PyExc_ValueError, "%s must be open, not the closed file %.100R",
                     what, object);
    if (PyErr_Occurred())
        return -1;
    PyObject *method =
        Stream_optional_attribute(object, output ? "writable" : "readable");
    PyObject *fits = method ? PyObject_CallNoArgs(method) : NULL;
    Py_XDECREF(method);
    Py_XDECREF(fits);
    if (fits == Py_False)
        PyErr_Format(PyExc_ValueError,
                     "%s must be a file that can be %s, which %.100R cannot", what,
                     output ? "written to" : "read", object);
    return PyErr_Occurred() ? -1 : 0;
}

int Stream_configure(State *state, StreamBinding *binding, PyObject *object,
                     wazero_stream_t stream, wazero_module_config_t *config)
{
    static const char *const names[] = {"stdin", "stdout", "stderr"};
    wazero_error_t *error;
    if (object == state->inherit) {
        error = wazero_module_config_inherit_stream(config, stream);
    } else if (stream == WAZERO_STDIN && PyObject_CheckBuffer(object)) {
        Py_buffer view;
        if (PyObject_GetBuffer(object, &view, PyBUF_SIMPLE) < 0)
            return -1;
        error = set_buffer(config, &view);
        PyBuffer_Release(&view);
    } else {
        bool output = stream != WAZERO_STDIN;
        if (check_file(object, output, names[stream]) < 0)
            return -1;
        int fd = raw_descriptor(object);
        if (fd < -1)
            return -1;
        if (fd >= 0) {
            error = wazero_module_config_set_stream_fd(config, stream, fd);
        } else if (bind(state, binding, object, output, names[stream]) < 0) {
            return -1;
        } else {
            error = output ? wazero_module_config_set_output_function(
                                 config, stream, write_bytes, binding, NULL)
                           : wazero_module_config_set_stdin_function(config, read_bytes,
                                                                     binding, NULL);
        }
    }
    if (!error)
        return 0;
    Errors_raise(state, error);
    return -1;
}

int Stream_traverse(StreamBinding *binding, visitproc visit, void *arg)
{
    Py_VISIT(binding->call);
    Py_VISIT(binding->decoder);
    Py_VISIT(binding->raw);
    return 0;
}

void Stream_clear(StreamBinding *binding)
{
    Py_CLEAR(binding->call);
    Py_CLEAR(binding->decoder);
    Py_CLEAR(binding->pending);
    Py_CLEAR(binding->raw);
}
