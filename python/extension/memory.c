/*
 * memory.c - Memory, the linear memory of a Module.
 *
 * Copies go through wazero_memory_read and _write, straight between the memory and the
 * Python object. Everything that keeps an address goes through a wazero_memory_view_t,
 * which pins the bytes where they are: buffers (memoryview, numpy) and searches. A
 * buffer shows the size from when it was made, stays valid when the memory grows, and
 * outlives the closing of the module.
 *
 * The C handle belongs to the Module. Others may write while bytes are copied, as in
 * any shared memory; the GIL is let go for large copies only.
 */
#include "wazeromodule.h"

#define LARGE_COPY ((size_t)1 << 20)

/* ---------------------------------------------------------------- life ----------- */

static int prepare(State *state, ModuleObject *module)
{
    wazero_memory_t *handle = NULL;
    wazero_error_t *error;
    if (module->memory.handle)
        return 0;
    Py_BEGIN_ALLOW_THREADS
    error = wazero_module_memory(module->handle, NULL, 0, &handle);
    Py_END_ALLOW_THREADS
    if (error && wazero_error_kind(error) == WAZERO_ERROR_INVALID) {
        wazero_error_delete(error);
        PyErr_SetString(PyExc_AttributeError, "the module has no memory");
        return -1;
    }
    if (error) {
        Errors_raise(state, error);
        return -1;
    }
    if (module->memory.handle)
        wazero_memory_delete(handle);
    else
        module->memory.handle = handle;
    return 0;
}

PyObject *Memory_new(State *state, ModuleObject *module)
{
    PyTypeObject *type = state->memory_type;
    if (module->memory.object)
        return Py_NewRef(module->memory.object);
    if (prepare(state, module) < 0)
        return NULL;
    MemoryObject *self = (MemoryObject *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->handle = module->memory.handle;
    self->module = (ModuleObject *)Py_NewRef((PyObject *)module);
    if (module->memory.object) { /* see Function_new */
        Py_DECREF(self);
        return Py_NewRef(module->memory.object);
    }
    module->memory.object = (PyObject *)self;
    return (PyObject *)self;
}

static int Memory_traverse(MemoryObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->module);
    return 0;
}

static void Memory_dealloc(MemoryObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (self->module && self->module->memory.object == (PyObject *)self)
        self->module->memory.object = NULL;
    PyObject_GC_UnTrack(self);
    if (self->weakrefs)
        PyObject_ClearWeakRefs((PyObject *)self);
    Py_XDECREF(self->module);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyObject *Memory_make(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    enum { RUNTIME, MIN, MAX, SHARED, COUNT };
    static const char *const names[] = {"runtime", "min", "max", "shared"};
    static const ArgsSpec spec = {"Memory", names, COUNT, COUNT, 2};
    State *state = PyType_GetModuleState(type);
    PyObject *values[COUNT];
    wazero_limits_t limits = {0};
    wazero_memory_t *handle;
    wazero_error_t *error;
    if (Args_parse_new(&spec, args, kwargs, values) < 0 ||
        Made_check_runtime(state, "Memory", values[RUNTIME]) < 0 ||
        Made_limits(values[MIN], values[MAX], &limits) < 0)
        return NULL;
    int shared = values[SHARED] ? PyObject_IsTrue(values[SHARED]) : 0;
    if (shared < 0)
        return NULL;
    limits.shared = shared == 1;
    RuntimeObject *runtime = (RuntimeObject *)values[RUNTIME];
    Py_BEGIN_ALLOW_THREADS
    error = wazero_memory_new(runtime->handle, &limits, &handle);
    Py_END_ALLOW_THREADS
    if (error)
        return Errors_raise(state, error);
    PyObject *made = Made_export(state, runtime, wazero_memory_module(handle), Py_None);
    wazero_memory_delete(handle);
    return made;
}

/* The guard of every method. */
static bool is_open(MemoryObject *self)
{
    return Module_is_open(State_of(self), self->module);
}

/* ---------------------------------------------------------------- copies --------- */

static int finish(MemoryObject *self, wazero_error_t *error)
{
    if (!error)
        return 0;
    Errors_raise(State_of(self), error);
    return -1;
}

static int copy_out(MemoryObject *self, uint64_t offset, void *buffer, size_t size)
{
    wazero_error_t *error;
    if (size < LARGE_COPY)
        return finish(self, wazero_memory_read(self->handle, offset, buffer, size));
    Py_BEGIN_ALLOW_THREADS
    error = wazero_memory_read(self->handle, offset, buffer, size);
    Py_END_ALLOW_THREADS
    return finish(self, error);
}

/* The source may lie in this very memory; then it is copied aside first. */
static int copy_in(MemoryObject *self, uint64_t offset, const void *buffer, size_t size)
{
    const char *start = (const char *)wazero_memory_data(self->handle);
    const char *end = start + wazero_memory_size(self->handle);
    const char *source = buffer;
    void *aside = NULL;
    wazero_error_t *error;
    if (size && start && source < end && source + size > start) {
        aside = PyMem_Malloc(size);
        if (!aside) {
            PyErr_NoMemory();
            return -1;
        }
        source = memcpy(aside, buffer, size);
    }
    if (size < LARGE_COPY) {
        error = wazero_memory_write(self->handle, offset, source, size);
    } else {
        Py_BEGIN_ALLOW_THREADS
        error = wazero_memory_write(self->handle, offset, source, size);
        Py_END_ALLOW_THREADS
    }
    PyMem_Free(aside);
    return finish(self, error);
}

static PyObject *bytes_at(MemoryObject *self, uint64_t offset, size_t size)
{
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (bytes && size && copy_out(self, offset, PyBytes_AS_STRING(bytes), size) < 0)
        Py_CLEAR(bytes);
    return bytes;
}

/* ---------------------------------------------------------------- arguments ------ */

/* An address or a length: not negative. What is too large for a memory is cut to a
 * number that is too large, too, so that the range check reports it. */
int Memory_to_number(PyObject *value, const char *what, uint64_t *number)
{
    if (!PyIndex_Check(value)) {
        PyErr_Format(PyExc_TypeError, "%s must be an integer, not %.200s", what,
                     Py_TYPE(value)->tp_name);
        return -1;
    }
    PyObject *integer = PyNumber_Index(value);
    if (!integer)
        return -1;
    int overflow;
    long long small = PyLong_AsLongLongAndOverflow(integer, &overflow);
    Py_DECREF(integer);
    if (overflow == 0 && small == -1 && PyErr_Occurred())
        return -1;
    if (overflow < 0 || (overflow == 0 && small < 0)) {
        PyErr_Format(PyExc_IndexError,
                     "%s must not be negative (an i32 comes back signed: as an address "
                     "use it & 0xffffffff)",
                     what);
        return -1;
    }
    *number = overflow > 0 ? (uint64_t)INT64_MAX : (uint64_t)small;
    return 0;
}

int Memory_check_range(MemoryObject *self, const char *verb, uint64_t offset,
                       uint64_t size)
{
    uint64_t total = wazero_memory_size(self->handle);
    if (size <= total && offset <= total - size)
        return 0;
    PyErr_Format(PyExc_IndexError,
                 "cannot %s %llu bytes at offset %llu: the memory has %llu bytes", verb,
                 (unsigned long long)size, (unsigned long long)offset,
                 (unsigned long long)total);
    return -1;
}

/* ---------------------------------------------------------------- items ---------- */

/* The offset of an index, which may be negative as in a list. */
static int to_offset(MemoryObject *self, PyObject *key, uint64_t *offset)
{
    Py_ssize_t size = (Py_ssize_t)wazero_memory_size(self->handle);
    Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (index == -1 && PyErr_Occurred())
        return -1;
    if (index < -size || index >= size) {
        PyErr_Format(PyExc_IndexError,
                     "index %zd is out of range: the memory has %zd bytes", index,
                     size);
        return -1;
    }
    *offset = (uint64_t)(index < 0 ? index + size : index);
    return 0;
}

static PyObject *wrong_key(PyObject *key)
{
    PyErr_Format(PyExc_TypeError,
                 "a memory is indexed by integers and slices, not %.200s",
                 Py_TYPE(key)->tp_name);
    return NULL;
}

/* Every step-th byte between a bytes object and the memory. Pinned by a view, since it
 * is more than one copy. */
static int copy_strided(MemoryObject *self, Py_ssize_t start, Py_ssize_t step,
                        Py_ssize_t count, char *bytes, bool into_memory)
{
    wazero_memory_view_t *view;
    if (finish(self, wazero_memory_view_new(self->handle, &view)) < 0)
        return -1;
    char *data = (char *)wazero_memory_view_data(view);
    for (Py_ssize_t i = 0; i < count; i++) {
        if (into_memory)
            data[start + i * step] = bytes[i];
        else
            bytes[i] = data[start + i * step];
    }
    wazero_memory_view_delete(view);
    return 0;
}

static PyObject *Memory_subscript(MemoryObject *self, PyObject *key)
{
    if (!is_open(self))
        return NULL;
    if (PyIndex_Check(key)) {
        uint64_t offset;
        unsigned char byte;
        if (to_offset(self, key, &offset) < 0 || copy_out(self, offset, &byte, 1) < 0)
            return NULL;
        return PyLong_FromLong(byte);
    }
    if (!PySlice_Check(key))
        return wrong_key(key);
    Py_ssize_t start, stop, step;
    if (PySlice_Unpack(key, &start, &stop, &step) < 0)
        return NULL;
    Py_ssize_t count = PySlice_AdjustIndices(
        (Py_ssize_t)wazero_memory_size(self->handle), &start, &stop, step);
    if (step == 1 || count == 0)
        return bytes_at(self, (uint64_t)start, (size_t)count);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, count);
    if (bytes &&
        copy_strided(self, start, step, count, PyBytes_AS_STRING(bytes), false) < 0)
        Py_CLEAR(bytes);
    return bytes;
}

static int assign_item(MemoryObject *self, PyObject *key, PyObject *value)
{
    uint64_t offset, number;
    if (Args_uint64(value, "a byte", 255, &number) < 0)
        return -1;
    if (!is_open(self) || to_offset(self, key, &offset) < 0)
        return -1;
    unsigned char byte = (unsigned char)number;
    return copy_in(self, offset, &byte, 1);
}

static int assign_slice(MemoryObject *self, PyObject *key, const Py_buffer *source)
{
    Py_ssize_t start, stop, step;
    if (PySlice_Unpack(key, &start, &stop, &step) < 0 || !is_open(self))
        return -1;
    Py_ssize_t count = PySlice_AdjustIndices(
        (Py_ssize_t)wazero_memory_size(self->handle), &start, &stop, step);
    if (source->len != count) {
        PyErr_Format(
            PyExc_ValueError,
            "cannot assign %zd bytes to a slice of %zd: the memory keeps its size",
            source->len, count);
        return -1;
    }
    if (count == 0)
        return 0;
    if (step == 1)
        return copy_in(self, (uint64_t)start, source->buf, (size_t)count);
    PyObject *bytes = PyBytes_FromStringAndSize(source->buf, count);
    if (!bytes)
        return -1;
    int result = copy_strided(self, start, step, count, PyBytes_AS_STRING(bytes), true);
    Py_DECREF(bytes);
    return result;
}

static int Memory_assign(MemoryObject *self, PyObject *key, PyObject *value)
{
    if (!value) {
        PyErr_SetString(PyExc_TypeError, "the bytes of a memory cannot be deleted");
        return -1;
    }
    if (!is_open(self))
        return -1;
    if (PyIndex_Check(key))
        return assign_item(self, key, value);
    if (!PySlice_Check(key)) {
        wrong_key(key);
        return -1;
    }
    Py_buffer source;
    if (PyObject_GetBuffer(value, &source, PyBUF_SIMPLE) < 0)
        return -1;
    int result = assign_slice(self, key, &source);
    PyBuffer_Release(&source);
    return result;
}

static Py_ssize_t Memory_length(MemoryObject *self)
{
    return is_open(self) ? (Py_ssize_t)wazero_memory_size(self->handle) : -1;
}

static PyObject *Memory_iter(MemoryObject *self)
{
    PyObject *view = PyMemoryView_FromObject((PyObject *)self);
    PyObject *iterator = view ? PyObject_GetIter(view) : NULL;
    Py_XDECREF(view);
    return iterator;
}

/* ---------------------------------------------------------------- buffers -------- */

static int Memory_getbuffer(MemoryObject *self, Py_buffer *buffer, int flags)
{
    wazero_memory_view_t *view;
    buffer->obj = NULL;
    if (!is_open(self) || finish(self, wazero_memory_view_new(self->handle, &view)) < 0)
        return -1;
    int result =
        PyBuffer_FillInfo(buffer, (PyObject *)self, wazero_memory_view_data(view),
                          (Py_ssize_t)wazero_memory_view_size(view), 0, flags);
    if (result < 0)
        wazero_memory_view_delete(view);
    else
        buffer->internal = view;
    return result;
}

static void Memory_releasebuffer(MemoryObject *Py_UNUSED(self), Py_buffer *buffer)
{
    wazero_memory_view_delete(buffer->internal);
}

/* ---------------------------------------------------------------- methods -------- */

#define FAST (METH_FASTCALL | METH_KEYWORDS)
#define FASTCALL(function) (PyCFunction)(void (*)(void))(function)

static PyObject *Memory_read(MemoryObject *self, PyObject *const *args,
                             Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = {"ptr", "n"};
    static const ArgsSpec spec = {"read", names, 2, 2, 2};
    PyObject *values[2];
    uint64_t offset, size;
    if (Args_parse(&spec, args, nargs, kwnames, values) < 0 ||
        Memory_to_number(values[0], "read() argument 'ptr'", &offset) < 0 ||
        Memory_to_number(values[1], "read() argument 'n'", &size) < 0 ||
        !is_open(self) || Memory_check_range(self, "read", offset, size) < 0)
        return NULL;
    return bytes_at(self, offset, (size_t)size);
}

static PyObject *Memory_write(MemoryObject *self, PyObject *const *args,
                              Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = {"ptr", "data"};
    static const ArgsSpec spec = {"write", names, 2, 2, 2};
    PyObject *values[2];
    uint64_t offset;
    Py_buffer source;
    if (Args_parse(&spec, args, nargs, kwnames, values) < 0 ||
        Memory_to_number(values[0], "write() argument 'ptr'", &offset) < 0)
        return NULL;
    if (!PyObject_CheckBuffer(values[1])) {
        PyErr_Format(PyExc_TypeError,
                     "write() argument 'data' must be bytes-like, not "
                     "%.200s",
                     Py_TYPE(values[1])->tp_name);
        return NULL;
    }
    if (PyObject_GetBuffer(values[1], &source, PyBUF_SIMPLE) < 0)
        return NULL;
    int result = -1;
    if (is_open(self) &&
        Memory_check_range(self, "write", offset, (uint64_t)source.len) == 0)
        result = source.len ? copy_in(self, offset, source.buf, (size_t)source.len) : 0;
    PyBuffer_Release(&source);
    if (result < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* The encoding and errors arguments: UTF-8 and strict if they are not given. */
static int text_options(PyObject *const *values, const char **options)
{
    static const char *const defaults[] = {"utf-8", "strict"};
    for (int i = 0; i < 2; i++) {
        options[i] = defaults[i];
        if (!values[i])
            continue;
        if (!PyUnicode_Check(values[i])) {
            PyErr_Format(PyExc_TypeError, "encoding and errors must be str, not %.200s",
                         Py_TYPE(values[i])->tp_name);
            return -1;
        }
        options[i] = PyUnicode_AsUTF8(values[i]);
        if (!options[i])
            return -1;
    }
    return 0;
}

/* Decodes bytes (takes them). */
static PyObject *decode(PyObject *bytes, const char *const *options)
{
    if (!bytes)
        return NULL;
    PyObject *text = PyUnicode_FromEncodedObject(bytes, options[0], options[1]);
    Py_DECREF(bytes);
    return text;
}

static PyObject *Memory_read_str(MemoryObject *self, PyObject *const *args,
                                 Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = {"ptr", "n", "encoding", "errors"};
    static const ArgsSpec spec = {"read_str", names, 4, 4, 2};
    PyObject *values[4];
    const char *options[2];
    uint64_t offset, size;
    if (Args_parse(&spec, args, nargs, kwnames, values) < 0 ||
        Memory_to_number(values[0], "read_str() argument 'ptr'", &offset) < 0 ||
        Memory_to_number(values[1], "read_str() argument 'n'", &size) < 0 ||
        text_options(values + 2, options) < 0 || !is_open(self) ||
        Memory_check_range(self, "read", offset, size) < 0)
        return NULL;
    return decode(bytes_at(self, offset, (size_t)size), options);
}

static PyObject *Memory_write_str(MemoryObject *self, PyObject *const *args,
                                  Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = {"ptr", "text", "encoding", "errors"};
    static const ArgsSpec spec = {"write_str", names, 4, 4, 2};
    PyObject *values[4];
    const char *options[2];
    uint64_t offset;
    if (Args_parse(&spec, args, nargs, kwnames, values) < 0 ||
        Memory_to_number(values[0], "write_str() argument 'ptr'", &offset) < 0)
        return NULL;
    if (!PyUnicode_Check(values[1])) {
        PyErr_Format(PyExc_TypeError,
                     "write_str() argument 'text' must be str, not %.200s",
                     Py_TYPE(values[1])->tp_name);
        return NULL;
    }
    if (text_options(values + 2, options) < 0)
        return NULL;
    PyObject *bytes = PyUnicode_AsEncodedString(values[1], options[0], options[1]);
    if (!bytes)
        return NULL;
    size_t size = (size_t)PyBytes_GET_SIZE(bytes);
    int result = -1;
    if (is_open(self) && Memory_check_range(self, "write", offset, size) == 0)
        result = size ? copy_in(self, offset, PyBytes_AS_STRING(bytes), size) : 0;
    Py_DECREF(bytes);
    return result < 0 ? NULL : PyLong_FromSize_t(size);
}

/* The bytes from offset to the next NUL. */
static PyObject *bytes_to_nul(MemoryObject *self, uint64_t offset)
{
    wazero_memory_view_t *view;
    if (finish(self, wazero_memory_view_new(self->handle, &view)) < 0)
        return NULL;
    PyObject *bytes = NULL;
    size_t size = wazero_memory_view_size(view);
    const char *start = (const char *)wazero_memory_view_data(view);
    const char *end = NULL;
    if (offset < size) {
        start += offset;
        end = memchr(start, 0, size - (size_t)offset);
    }
    if (end)
        bytes = PyBytes_FromStringAndSize(start, end - start);
    else
        PyErr_Format(
            PyExc_IndexError,
            "no NUL between offset %llu and the end of the memory, which has %zu "
            "bytes",
            (unsigned long long)offset, size);
    wazero_memory_view_delete(view);
    return bytes;
}

static PyObject *Memory_read_cstr(MemoryObject *self, PyObject *const *args,
                                  Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = {"ptr", "encoding", "errors"};
    static const ArgsSpec spec = {"read_cstr", names, 3, 3, 1};
    PyObject *values[3];
    const char *options[2];
    uint64_t offset;
    if (Args_parse(&spec, args, nargs, kwnames, values) < 0 ||
        Memory_to_number(values[0], "read_cstr() argument 'ptr'", &offset) < 0 ||
        text_options(values + 1, options) < 0 || !is_open(self))
        return NULL;
    return decode(bytes_to_nul(self, offset), options);
}

/* Functions of the struct module: got once, then called. */
static PyObject *struct_function(PyObject **cached, const char *name)
{
    if (!*cached) {
        PyObject *module = PyImport_ImportModule("struct");
        PyObject *function = module ? PyObject_GetAttrString(module, name) : NULL;
        Py_XDECREF(module);
        if (!*cached)
            *cached = function;
        else
            Py_XDECREF(function);
    }
    return *cached;
}

static PyObject *Memory_unpack(MemoryObject *self, PyObject *const *args,
                               Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = {"format", "ptr"};
    static const ArgsSpec spec = {"unpack", names, 2, 2, 2};
    State *state = State_of(self);
    PyObject *values[2];
    uint64_t offset;
    PyObject *calcsize = struct_function(&state->struct_calcsize, "calcsize");
    PyObject *unpack = struct_function(&state->struct_unpack, "unpack");
    if (!calcsize || !unpack || Args_parse(&spec, args, nargs, kwnames, values) < 0 ||
        Memory_to_number(values[1], "unpack() argument 'ptr'", &offset) < 0)
        return NULL;
    PyObject *number = PyObject_CallOneArg(calcsize, values[0]);
    Py_ssize_t size = number ? PyLong_AsSsize_t(number) : -1;
    Py_XDECREF(number);
    if (size < 0 || !is_open(self) ||
        Memory_check_range(self, "unpack", offset, (uint64_t)size) < 0)
        return NULL;
    PyObject *bytes = bytes_at(self, offset, (size_t)size);
    PyObject *result =
        bytes ? PyObject_CallFunctionObjArgs(unpack, values[0], bytes, NULL) : NULL;
    Py_XDECREF(bytes);
    return result;
}

static PyObject *pack_bytes(State *state, PyObject *format, PyObject *const *values,
                            Py_ssize_t count)
{
    PyObject *pack = struct_function(&state->struct_pack, "pack");
    PyObject *args = pack ? PyTuple_New(count + 1) : NULL;
    if (!args)
        return NULL;
    PyTuple_SET_ITEM(args, 0, Py_NewRef(format));
    for (Py_ssize_t i = 0; i < count; i++)
        PyTuple_SET_ITEM(args, i + 1, Py_NewRef(values[i]));
    PyObject *bytes = PyObject_Call(pack, args, NULL);
    Py_DECREF(args);
    return bytes;
}

static PyObject *Memory_pack(MemoryObject *self, PyObject *const *args,
                             Py_ssize_t nargs)
{
    uint64_t offset;
    if (nargs < 2) {
        PyErr_SetString(PyExc_TypeError,
                        "pack() needs a format, an address and values");
        return NULL;
    }
    if (Memory_to_number(args[1], "pack() argument 'ptr'", &offset) < 0)
        return NULL;
    PyObject *bytes = pack_bytes(State_of(self), args[0], args + 2, nargs - 2);
    if (!bytes)
        return NULL;
    size_t size = (size_t)PyBytes_GET_SIZE(bytes);
    int result = -1;
    if (is_open(self) && Memory_check_range(self, "pack", offset, size) == 0)
        result = size ? copy_in(self, offset, PyBytes_AS_STRING(bytes), size) : 0;
    Py_DECREF(bytes);
    if (result < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *Memory_grow(MemoryObject *self, PyObject *const *args,
                             Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = {"delta"};
    static const ArgsSpec spec = {"grow", names, 1, 1, 1};
    PyObject *value;
    uint64_t delta;
    uint32_t old_pages;
    if (Args_parse(&spec, args, nargs, kwnames, &value) < 0 ||
        Args_uint64(value, "grow() argument 'delta'", UINT32_MAX, &delta) < 0 ||
        !is_open(self))
        return NULL;
    wazero_error_t *error =
        wazero_memory_grow(self->handle, (uint32_t)delta, &old_pages);
    if (error)
        return Errors_raise(State_of(self), error);
    return PyLong_FromUnsignedLong(old_pages);
}

/* ---------------------------------------------------------------- attributes ----- */

static PyObject *Memory_get_size(MemoryObject *self, void *Py_UNUSED(closure))
{
    return is_open(self) ? PyLong_FromSize_t(wazero_memory_size(self->handle)) : NULL;
}

static PyObject *Memory_get_pages(MemoryObject *self, void *Py_UNUSED(closure))
{
    return is_open(self) ? PyLong_FromUnsignedLong(wazero_memory_pages(self->handle))
                         : NULL;
}

static PyObject *Memory_get_type(MemoryObject *self, void *Py_UNUSED(closure))
{
    return Types_memory(State_of(self), wazero_memory_type(self->handle));
}

static PyObject *Memory_get_module(MemoryObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef((PyObject *)self->module);
}

static PyObject *Memory_repr(MemoryObject *self)
{
    if (wazero_module_is_closed(self->module->handle, NULL))
        return PyUnicode_FromString("<wazero.Memory closed>");
    uint32_t pages = wazero_memory_pages(self->handle);
    return PyUnicode_FromFormat("<wazero.Memory of %u page%s>", (unsigned)pages,
                                pages == 1 ? "" : "s");
}

static const PyMethodDef own_methods[] = {
    {"read", FASTCALL(Memory_read), FAST,
     "read($self, ptr, n)\n--\n\nn bytes from offset ptr. IndexError if they are not "
     "all "
     "in the memory."},
    {"write", FASTCALL(Memory_write), FAST,
     "write($self, ptr, data)\n--\n\nPuts bytes-like data at offset ptr. IndexError, "
     "with "
     "nothing written, if it does not fit."},
    {"read_str", FASTCALL(Memory_read_str), FAST,
     "read_str($self, ptr, n, encoding='utf-8', errors='strict')\n--\n\n"
     "n bytes from offset ptr, decoded. IndexError or UnicodeDecodeError."},
    {"write_str", FASTCALL(Memory_write_str), FAST,
     "write_str($self, ptr, text, encoding='utf-8', errors='strict')\n--\n\n"
     "Puts the encoded text at offset ptr, with no NUL behind it, and returns how "
     "many\n"
     "bytes that are. IndexError, with nothing written, if it does not fit."},
    {"read_cstr", FASTCALL(Memory_read_cstr), FAST,
     "read_cstr($self, ptr, encoding='utf-8', errors='strict')\n--\n\n"
     "The bytes from offset ptr to the next NUL, decoded. IndexError if there is "
     "none."},
    {"unpack", FASTCALL(Memory_unpack), FAST,
     "unpack($self, format, ptr)\n--\n\n"
     "The values at offset ptr as a tuple; format is of the struct module and should\n"
     "begin with '<', for WebAssembly is little-endian and packs without gaps."},
    {"pack", FASTCALL(Memory_pack), METH_FASTCALL,
     "pack($self, format, ptr, /, *values)\n--\n\n"
     "Puts values at offset ptr in a format of the struct module."},
    {"grow", FASTCALL(Memory_grow), FAST,
     "grow($self, delta)\n--\n\n"
     "Adds delta pages of 65536 bytes and returns how many there were. WazeroError if "
     "the\n"
     "maximum or the limit does not allow it. Waits while another thread is in the\n"
     "module. Buffers stay valid and keep their size."},
};

#define OWN_METHODS (sizeof own_methods / sizeof *own_methods)

/* Those, and the ones of memory_numbers.c: a type takes one list. */
static PyMethodDef Memory_methods[OWN_METHODS + MEMORY_NUMBER_METHODS + 1];

static PyGetSetDef Memory_getset[] = {
    {"size", (getter)Memory_get_size, NULL, "The size in bytes, as len().", NULL},
    {"pages", (getter)Memory_get_pages, NULL, "The size in pages of 65536 bytes.",
     NULL},
    {"type", (getter)Memory_get_type, NULL, "Its MemoryType, as declared.", NULL},
    {"module", (getter)Memory_get_module, NULL, "The Module that it is part of.", NULL},
    {0},
};

static PyMemberDef Memory_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(MemoryObject, weakrefs), Py_READONLY,
     NULL},
    {0},
};

static PyType_Slot Memory_slots[] = {
    {Py_tp_doc,
     "The linear memory of a Module, as bytes that can be written.\n\n"
     "memory[i] is an int, memory[a:b] bytes; what is assigned to a slice must have "
     "its\n"
     "length. memoryview(memory) and numpy.frombuffer(memory, 'u1') share the bytes: "
     "such\n"
     "a buffer stays valid when the memory grows (with the size that it had) and when "
     "the\n"
     "module is closed. Any thread may use it, at the same time as the guest."},
    {Py_tp_new, Memory_make},
    {Py_tp_traverse, Memory_traverse},
    {Py_tp_dealloc, Memory_dealloc},
    {Py_mp_subscript, Memory_subscript},
    {Py_mp_ass_subscript, Memory_assign},
    {Py_mp_length, Memory_length},
    {Py_tp_iter, Memory_iter},
    {Py_tp_repr, Memory_repr},
    {Py_bf_getbuffer, Memory_getbuffer},
    {Py_bf_releasebuffer, Memory_releasebuffer},
    {Py_tp_methods, Memory_methods},
    {Py_tp_getset, Memory_getset},
    {Py_tp_members, Memory_members},
    {0, NULL},
};

static PyType_Spec Memory_spec = {
    .name = "wazero.Memory",
    .basicsize = (int)sizeof(MemoryObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = Memory_slots,
};

int Memory_init(PyObject *module, State *state)
{
    memcpy(Memory_methods, own_methods, sizeof own_methods);
    memcpy(Memory_methods + OWN_METHODS, Memory_number_methods,
           sizeof Memory_number_methods);
    state->memory_type = State_add_type(module, &Memory_spec);
    return state->memory_type ? PyModule_AddType(module, state->memory_type) : -1;
}
