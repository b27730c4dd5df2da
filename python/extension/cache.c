/*
 * cache.c - CompilationCache.
 *
 * The C cache counts its users itself: closing here ends only the use by new runtimes.
 */
#include "wazeromodule.h"

/* The object of a new cache, which it takes; the exception for an error. */
static PyObject *wrap(State *state, wazero_error_t *error, wazero_cache_t *handle)
{
    if (error)
        return Errors_raise(state, error);
    const char *directory = wazero_cache_directory(handle);
    PyTypeObject *type = state->cache_type;
    CacheObject *self = (CacheObject *)type->tp_alloc(type, 0);
    if (!self) {
        wazero_cache_delete(handle);
        return NULL;
    }
    self->handle = handle;
    self->directory =
        directory ? PyUnicode_DecodeFSDefault(directory) : Py_NewRef(Py_None);
    self->limit = wazero_cache_limit(handle);
    if (!self->directory)
        Py_CLEAR(self);
    return (PyObject *)self;
}

/* The limit of the files; max_size may be NULL or None. */
static int parse_limit(PyObject *max_size, bool has_directory, uint64_t *limit)
{
    static const SizeSpec spec = {"max_size", 0, INT64_MAX, "at least 0"};
    *limit = WAZERO_NO_LIMIT;
    if (!max_size || max_size == Py_None)
        return 0;
    if (has_directory)
        return Args_size(&spec, max_size, limit);
    PyErr_SetString(PyExc_ValueError, "max_size is for a cache with a directory");
    return -1;
}

static PyObject *Cache_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"directory", "max_size"};
    static const ArgsSpec spec = {"CompilationCache", names, 2, 1, 0};
    PyObject *values[2];
    uint64_t limit;
    if (Args_parse_new(&spec, args, kwargs, values) < 0)
        return NULL;
    PyObject *directory = values[0], *path = NULL;
    if (parse_limit(values[1], directory && directory != Py_None, &limit) < 0)
        return NULL;
    if (directory && directory != Py_None && !PyUnicode_FSConverter(directory, &path)) {
        if (PyErr_ExceptionMatches(PyExc_TypeError))
            PyErr_Format(PyExc_TypeError,
                         "the directory of a cache must be str, bytes, os.PathLike or "
                         "None, not %.200s",
                         Py_TYPE(directory)->tp_name);
        return NULL;
    }
    const char *text = path ? PyBytes_AS_STRING(path) : NULL;
    wazero_cache_t *handle;
    wazero_error_t *error;
    Py_BEGIN_ALLOW_THREADS
    error = wazero_cache_new(text, &handle);
    Py_END_ALLOW_THREADS
    if (!error)
        wazero_cache_set_limit(handle, limit);
    Py_XDECREF(path);
    return wrap(PyType_GetModuleState(type), error, handle);
}

PyObject *Cache_default(PyObject *module, PyObject *Py_UNUSED(ignored))
{
    wazero_cache_t *handle;
    wazero_error_t *error;
    Py_BEGIN_ALLOW_THREADS
    error = wazero_cache_new_default(&handle);
    Py_END_ALLOW_THREADS
    return wrap(PyModule_GetState(module), error, handle);
}

static void release(CacheObject *self)
{
    wazero_cache_t *handle = self->handle;
    self->handle = NULL;
    self->closed = true;
    if (!handle)
        return;
    Py_BEGIN_ALLOW_THREADS
    wazero_cache_delete(handle);
    Py_END_ALLOW_THREADS
}

static int Cache_traverse(CacheObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static void Cache_dealloc(CacheObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (self->weakrefs)
        PyObject_ClearWeakRefs((PyObject *)self);
    release(self);
    Py_XDECREF(self->directory);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyObject *Cache_close(CacheObject *self, PyObject *Py_UNUSED(ignored))
{
    release(self);
    Py_RETURN_NONE;
}

static PyObject *Cache_enter(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    if (((CacheObject *)self)->closed)
        return Errors_raise_closed(State_of(self), "cache");
    return Py_NewRef(self);
}

static PyObject *Cache_exit(CacheObject *self, PyObject *Py_UNUSED(args))
{
    release(self);
    Py_RETURN_NONE;
}

static PyObject *Cache_repr(CacheObject *self)
{
    return PyUnicode_FromFormat("<wazero.CompilationCache %R%s>", self->directory,
                                self->closed ? " closed" : "");
}

static PyObject *Cache_get_directory(CacheObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(self->directory);
}

static PyObject *Cache_get_max_size(CacheObject *self, void *Py_UNUSED(closure))
{
    if (self->limit == WAZERO_NO_LIMIT)
        Py_RETURN_NONE;
    return PyLong_FromUnsignedLongLong(self->limit);
}

static PyObject *Cache_get_closed(CacheObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(self->closed);
}

static PyMethodDef Cache_methods[] = {
    {"close", (PyCFunction)Cache_close, METH_NOARGS,
     "close($self)\n--\n\nEnds the use by new runtimes; those that use it go on. "
     "Closing "
     "twice is fine."},
    {"__enter__", Cache_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)Cache_exit, METH_VARARGS, NULL},
    {0},
};

static PyGetSetDef Cache_getset[] = {
    {"directory", (getter)Cache_get_directory, NULL,
     "The absolute path of the directory, or None for a cache in memory.", NULL},
    {"max_size", (getter)Cache_get_max_size, NULL,
     "How many bytes the files may have together, or None for no limit.", NULL},
    {"closed", (getter)Cache_get_closed, NULL, "Whether the cache is closed.", NULL},
    {0},
};

static PyMemberDef Cache_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(CacheObject, weakrefs), Py_READONLY,
     NULL},
    {0},
};

static PyType_Slot Cache_slots[] = {
    {Py_tp_doc,
     "CompilationCache(directory=None, *, max_size=None)\n--\n\n"
     "Keeps compiled code, so that compiling the same bytes again costs little: in\n"
     "memory, or in files below directory (made if missing) that later processes "
     "find.\n\n"
     "One cache may serve any number of runtimes, in any thread, and one directory "
     "any\n"
     "number of processes at once. A damaged file is replaced. The files are "
     "executed:\n"
     "WazeroError when the directory cannot be used, or others may write to it.\n\n"
     "With max_size, in bytes or as '1GiB', files that were not used for longest go\n"
     "when a new one is written and all together have more."},
    {Py_tp_new, Cache_new},
    {Py_tp_traverse, Cache_traverse},
    {Py_tp_dealloc, Cache_dealloc},
    {Py_tp_repr, Cache_repr},
    {Py_tp_methods, Cache_methods},
    {Py_tp_getset, Cache_getset},
    {Py_tp_members, Cache_members},
    {0, NULL},
};

static PyType_Spec Cache_spec = {
    .name = "wazero.CompilationCache",
    .basicsize = (int)sizeof(CacheObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = Cache_slots,
};

int Cache_init(PyObject *module, State *state)
{
    state->cache_type = State_add_type(module, &Cache_spec);
    return state->cache_type ? PyModule_AddType(module, state->cache_type) : -1;
}
