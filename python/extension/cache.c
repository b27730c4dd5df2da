/*
 * cache.c - CompilationCache.
 *
 * The C cache counts its users itself: closing here ends only the use by new runtimes.
 */
#include "wazeromodule.h"

static PyObject *Cache_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"directory"};
    static const ArgsSpec spec = {"CompilationCache", names, 1, 1, 0};
    PyObject *directory;
    if (Args_parse_new(&spec, args, kwargs, &directory) < 0)
        return NULL;
    PyObject *path = NULL;
    if (directory && directory != Py_None && !PyUnicode_FSConverter(directory, &path)) {
        if (PyErr_ExceptionMatches(PyExc_TypeError))
            PyErr_Format(PyExc_TypeError,
                         "the directory of a cache must be str, bytes, os.PathLike or "
                         "None, not %.200s",
                         Py_TYPE(directory)->tp_name);
        return NULL;
    }
    CacheObject *self = (CacheObject *)type->tp_alloc(type, 0);
    if (self) {
        const char *text = path ? PyBytes_AS_STRING(path) : NULL;
        self->closed = true;
        self->directory =
            path ? PyUnicode_DecodeFSDefaultAndSize(text, PyBytes_GET_SIZE(path))
                 : Py_NewRef(Py_None);
        wazero_error_t *error = NULL;
        if (!self->directory) {
            Py_CLEAR(self);
        } else {
            Py_BEGIN_ALLOW_THREADS
            error = wazero_cache_new(text, &self->handle);
            Py_END_ALLOW_THREADS
        }
        if (error) {
            Errors_raise(PyType_GetModuleState(type), error);
            Py_CLEAR(self);
        } else if (self) {
            self->closed = false;
        }
    }
    Py_XDECREF(path);
    return (PyObject *)self;
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
     "The directory as str, or None for a cache in memory.", NULL},
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
     "CompilationCache(directory=None)\n--\n\n"
     "Keeps compiled code, so that compiling the same bytes again costs nothing: in\n"
     "memory, or in files below directory (made if missing) that later processes "
     "find.\n\n"
     "One cache may serve any number of runtimes, in any thread. WazeroError when the\n"
     "directory cannot be used."},
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
