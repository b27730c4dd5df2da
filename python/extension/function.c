/*
 * function.c - Function, an exported function that is called like a Python one.
 *
 * A call converts its arguments by the signature into one buffer on the C stack,
 * calls, and converts the results. Nothing is allocated up to STACK_SLOTS slots but the
 * results themselves. The GIL stays held: libwazero lets it go when a call takes long.
 *
 * The C handle and the type belong to the Module, which the Function holds.
 */
#include "wazeromodule.h"

#define STACK_SLOTS 16

/* Keeps what is rare out of Function_vectorcall's frame and registers. */
#define NOINLINE __attribute__((noinline))

/* ---------------------------------------------------------------- refusals ------- */

static PyObject *refuse_count(FunctionObject *self, Py_ssize_t given)
{
    size_t count = self->type->param_count;
    const char *verb = given == 1 ? "was" : "were";
    PyObject *types =
        Types_type_list(self->type->params, self->type->param_references, count);
    if (!types)
        return NULL;
    if (count == 0)
        PyErr_Format(PyExc_TypeError, "%U() takes no arguments but %zd %s given",
                     self->name, given, verb);
    else
        PyErr_Format(PyExc_TypeError, "%U() takes %zu argument%s %U but %zd %s given",
                     self->name, count, count == 1 ? "" : "s", types, given, verb);
    Py_DECREF(types);
    return NULL;
}

static PyObject *refuse_argument(FunctionObject *self, ConvertStatus status,
                                 PyObject *value, size_t index)
{
    if (status != CONVERT_RAISED)
        Convert_raise(status,
                      PyUnicode_FromFormat("%U() argument %zu", self->name, index + 1),
                      value, self->type->params[index]);
    return NULL;
}

/* ---------------------------------------------------------------- calling -------- */

NOINLINE static PyObject *results_of(const wazero_function_type_t *type,
                                     const uint64_t *stack)
{
    if (type->result_count == 1)
        return Convert_from_slot(stack[0], type->results[0]);
    if (type->result_count == 0)
        Py_RETURN_NONE;
    PyObject *results = PyTuple_New((Py_ssize_t)type->result_count);
    for (size_t i = 0; results && i < type->result_count; i++) {
        PyObject *value = Convert_from_slot(stack[i], type->results[i]);
        if (value)
            PyTuple_SET_ITEM(results, (Py_ssize_t)i, value);
        else
            Py_CLEAR(results);
    }
    return results;
}

PyObject *Function_failed(FunctionObject *self, wazero_error_t *error)
{
    Errors_raise(State_of(self), error);
    if (self->module)
        Module_after_error(self->module);
    return NULL;
}

/* An argument that is not converted quickly. */
NOINLINE static int convert_argument(FunctionObject *self, PyObject *value,
                                     size_t index, uint64_t *slot)
{
    ConvertStatus status = Convert_to_slot(value, self->type->params[index], slot);
    if (status == CONVERT_OK)
        return 0;
    refuse_argument(self, status, value, index);
    return -1;
}

/* Every type is a number type here, so that each value has one slot. */
static inline int convert_arguments(FunctionObject *self, PyObject *const *args,
                                    uint64_t *stack)
{
    const wazero_function_type_t *type = self->type;
    for (size_t i = 0; i < type->param_count; i++) {
        if (!Convert_quickly(args[i], type->params[i], &stack[i]) &&
            convert_argument(self, args[i], i, &stack[i]) < 0)
            return -1;
    }
    return 0;
}

/* What a call is given by keyword. */
typedef struct {
    PyObject *timeout; /* borrowed */
    int snapshots;
} Keywords;

static int parse_keywords(FunctionObject *self, PyObject *const *values,
                          PyObject *kwnames, Keywords *keywords)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(kwnames); i++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, i);
        if (PyUnicode_CompareWithASCIIString(name, "timeout") == 0) {
            keywords->timeout = values[i];
        } else if (PyUnicode_CompareWithASCIIString(name, "snapshots") == 0) {
            keywords->snapshots = PyObject_IsTrue(values[i]);
            if (keywords->snapshots < 0)
                return -1;
        } else {
            PyErr_Format(
                PyExc_TypeError,
                "%U() takes no keyword argument %R, only 'timeout' and 'snapshots'",
                self->name, name);
            return -1;
        }
    }
    return 0;
}

static PyObject *Function_vectorcall_widely(PyObject *callable, PyObject *const *args,
                                            size_t nargsf, PyObject *kwnames);

static PyObject *call_on(FunctionObject *self, PyObject *const *args,
                         const Keywords *keywords, uint64_t *stack)
{
    size_t slots = self->type->slot_count;
    uint64_t nanoseconds;
    wazero_error_t *error;
    if (Args_timeout(self->name, keywords->timeout, &nanoseconds) < 0)
        return NULL;
    if (keywords->snapshots) {
        /* Where nothing is given it is the module's; not so for infinity. */
        if (keywords->timeout == Py_None)
            nanoseconds = WAZERO_NO_TIMEOUT;
        else if (nanoseconds == WAZERO_NO_TIMEOUT)
            nanoseconds--;
    }
    if (self->vectorcall == Function_vectorcall_widely)
        return Function_call_widely(self, args, keywords->snapshots != 0,
                                    keywords->timeout != Py_None, nanoseconds);
    if (convert_arguments(self, args, stack) < 0)
        return NULL;
    if (keywords->snapshots) {
        error = wazero_function_call_with_snapshots(self->handle, stack, slots,
                                                    nanoseconds);
    } else if (keywords->timeout == Py_None) {
        error = wazero_function_call_with_stack(self->handle, stack, slots);
    } else {
        error =
            wazero_function_call_with_timeout(self->handle, stack, slots, nanoseconds);
    }
    return error ? Function_failed(self, error) : results_of(self->type, stack);
}

/* A call with keywords, with a wrong count, or with many slots. */
NOINLINE static PyObject *call_slowly(FunctionObject *self, PyObject *const *args,
                                      size_t nargs, PyObject *kwnames)
{
    const wazero_function_type_t *type = self->type;
    Keywords keywords = {Py_None, 0};
    uint64_t small[STACK_SLOTS];
    if (kwnames && parse_keywords(self, args + nargs, kwnames, &keywords) < 0)
        return NULL;
    if (nargs != type->param_count)
        return refuse_count(self, (Py_ssize_t)nargs);
    if (type->slot_count <= STACK_SLOTS)
        return call_on(self, args, &keywords, small);
    uint64_t *stack = PyMem_New(uint64_t, type->slot_count);
    if (!stack)
        return PyErr_NoMemory();
    PyObject *result = call_on(self, args, &keywords, stack);
    PyMem_Free(stack);
    return result;
}

/* Of a function with values that are no numbers. */
static PyObject *Function_vectorcall_widely(PyObject *callable, PyObject *const *args,
                                            size_t nargsf, PyObject *kwnames)
{
    FunctionObject *self = (FunctionObject *)callable;
    size_t nargs = (size_t)PyVectorcall_NARGS(nargsf);
    if (kwnames || nargs != self->type->param_count)
        return call_slowly(self, args, nargs, kwnames);
    return Function_call_widely(self, args, false, false, 0);
}

static PyObject *Function_vectorcall(PyObject *callable, PyObject *const *args,
                                     size_t nargsf, PyObject *kwnames)
{
    FunctionObject *self = (FunctionObject *)callable;
    const wazero_function_type_t *type = self->type;
    size_t nargs = (size_t)PyVectorcall_NARGS(nargsf);
    uint64_t stack[STACK_SLOTS];
    if (kwnames || nargs != type->param_count || type->slot_count > STACK_SLOTS)
        return call_slowly(self, args, nargs, kwnames);
    if (self->takes_integers) {
        for (size_t i = 0; i < nargs; i++) {
            if (!Convert_integer_quickly(args[i], &stack[i]) &&
                convert_argument(self, args[i], i, &stack[i]) < 0)
                return NULL;
        }
    } else if (convert_arguments(self, args, stack) < 0) {
        return NULL;
    }
    wazero_error_t *error =
        wazero_function_call_with_stack(self->handle, stack, type->slot_count);
    if (error)
        return Function_failed(self, error);
    if (self->gives_i32) {
        /* Half of the slot, as wasm wrote it: a load of more than one store has written
         * waits for both. */
        int32_t value;
        memcpy(&value, stack, sizeof value);
        return PyLong_FromLong(value);
    }
    return results_of(type, stack);
}

/* ---------------------------------------------------------------- life ----------- */

static bool only_numbers(const wazero_function_type_t *type)
{
    for (size_t i = 0; i < type->param_count; i++) {
        if (!Convert_is_number(type->params[i]))
            return false;
    }
    for (size_t i = 0; i < type->result_count; i++) {
        if (!Convert_is_number(type->results[i]))
            return false;
    }
    return true;
}

static bool only_integers(const wazero_function_type_t *type)
{
    for (size_t i = 0; i < type->param_count; i++) {
        if (type->params[i] != WAZERO_TYPE_I32 && type->params[i] != WAZERO_TYPE_I64)
            return false;
    }
    return true;
}

static void fill(FunctionObject *self, wazero_function_t *handle)
{
    self->handle = handle;
    self->type = wazero_function_type(handle);
    self->takes_integers = only_integers(self->type);
    self->gives_i32 =
        self->type->result_count == 1 && self->type->results[0] == WAZERO_TYPE_I32;
    self->vectorcall =
        only_numbers(self->type) ? Function_vectorcall : Function_vectorcall_widely;
}

PyObject *Function_of(State *state, wazero_function_t *handle)
{
    PyTypeObject *type = state->function_type;
    size_t size;
    const char *text = wazero_function_name(handle, &size);
    PyObject *name = PyUnicode_DecodeUTF8(text, (Py_ssize_t)size, "replace");
    FunctionObject *self = name ? (FunctionObject *)type->tp_alloc(type, 0) : NULL;
    if (!self) {
        Py_XDECREF(name);
        return NULL;
    }
    self->own = wazero_function_copy(handle);
    fill(self, self->own);
    self->module = (ModuleObject *)Py_XNewRef(
        (PyObject *)Module_of(wazero_function_module(handle)));
    self->name = name;
    return (PyObject *)self;
}

PyObject *Function_new(State *state, ModuleObject *module, ExportSlot *slot,
                       PyObject *name)
{
    PyTypeObject *type = state->function_type;
    FunctionObject *self = (FunctionObject *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    fill(self, slot->handle);
    self->module = (ModuleObject *)Py_NewRef((PyObject *)module);
    self->name = Py_NewRef(name);
    /* tp_alloc may have run the collector, and that another thread */
    if (slot->object) {
        Py_DECREF(self);
        return Py_NewRef(slot->object);
    }
    self->slot = slot;
    slot->object = (PyObject *)self;
    return (PyObject *)self;
}

static int Function_traverse(FunctionObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->module);
    return 0;
}

static void Function_dealloc(FunctionObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (self->slot) /* first: weakref callbacks must not find what is going away */
        self->slot->object = NULL;
    PyObject_GC_UnTrack(self);
    if (self->weakrefs)
        PyObject_ClearWeakRefs((PyObject *)self);
    Py_XDECREF(self->name);
    wazero_function_delete(self->own);
    Py_XDECREF(self->module);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/* Two objects may be of the same function: out of a table, or of another module's
 * exports. */
static PyObject *Function_richcompare(FunctionObject *self, PyObject *other, int op)
{
    if (!Py_IS_TYPE(other, Py_TYPE(self)) || (op != Py_EQ && op != Py_NE))
        Py_RETURN_NOTIMPLEMENTED;
    bool equal = wazero_function_identity(self->handle) ==
                 wazero_function_identity(((FunctionObject *)other)->handle);
    return PyBool_FromLong(equal == (op == Py_EQ));
}

static Py_hash_t Function_hash(FunctionObject *self)
{
    uintptr_t bits = (uintptr_t)wazero_function_identity(self->handle);
    return (Py_hash_t)(bits >> 4); /* never -1 */
}

/* ---------------------------------------------------------------- attributes ----- */

static PyObject *Function_repr(FunctionObject *self)
{
    PyObject *signature = Types_signature(self->type);
    PyObject *repr = signature ? PyUnicode_FromFormat("<wazero.Function %U%U>",
                                                      self->name, signature)
                               : NULL;
    Py_XDECREF(signature);
    return repr;
}

static PyObject *Function_get_name(FunctionObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(self->name);
}

static PyObject *Function_get_type(FunctionObject *self, void *Py_UNUSED(closure))
{
    return Types_function(State_of(self), self->type);
}

static PyObject *Function_get_definition(FunctionObject *self, void *Py_UNUSED(closure))
{
    const wazero_function_definition_t *definition;
    wazero_error_t *error = wazero_function_definition(self->handle, &definition);
    if (error)
        return Errors_raise(State_of(self), error);
    return Definitions_function(State_of(self), definition, NULL);
}

static PyObject *Function_get_params(FunctionObject *self, void *Py_UNUSED(closure))
{
    return Types_names(self->type->params, self->type->param_references,
                       self->type->param_count);
}

static PyObject *Function_get_results(FunctionObject *self, void *Py_UNUSED(closure))
{
    return Types_names(self->type->results, self->type->result_references,
                       self->type->result_count);
}

static PyObject *Function_get_module(FunctionObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(self->module ? (PyObject *)self->module : Py_None);
}

/* Made in Python, since inspect is slow to import and only needed here. */
static PyObject *Function_get_signature(FunctionObject *self, void *Py_UNUSED(closure))
{
    PyObject *type = Types_function(State_of(self), self->type);
    PyObject *helper = type ? PyImport_ImportModule("wazero._annotations") : NULL;
    PyObject *signature =
        helper ? PyObject_CallMethod(helper, "signature_of", "(O)", type) : NULL;
    Py_XDECREF(helper);
    Py_XDECREF(type);
    return signature;
}

static PyObject *Function_get_interruptible(FunctionObject *self,
                                            void *Py_UNUSED(closure))
{
    return PyBool_FromLong(wazero_function_is_interruptible(self->handle));
}

static PyMethodDef Function_methods[] = {
    {"map", (PyCFunction)(void (*)(void))Function_map, METH_FASTCALL | METH_KEYWORDS,
     "map($self, /, *columns, out=None, timeout=None)\n--\n\n"
     "Calls the function once per element of the columns, one column for each\n"
     "parameter, in a loop in C, and returns the results as array.array: None without\n"
     "results, a tuple of arrays for several.\n\n"
     "A column is a buffer of numbers of the parameter's type in the machine's byte\n"
     "order (i32 and i64 signed or unsigned), with one dimension or C-contiguous; or\n"
     "bytes, whose length is a multiple of 4 (i32, f32) or 8; or a number, which\n"
     "repeats. All buffers must have the same number of elements, and one column must\n"
     "be a buffer.\n\n"
     "out is a writable buffer for the results, or a sequence with one for each of\n"
     "several; it is returned. It may be one of the columns. Elements are read and\n"
     "written one after another: where out is another part of the same memory as a\n"
     "column, later calls read what earlier ones wrote.\n\n"
     "timeout is for the whole, in seconds. The exception of the call that failed has\n"
     "the index of its element as attribute `element`, and a note that says it;\n"
     "out keeps the results from before. TypeError and ValueError name the argument."},
    {0},
};

static PyGetSetDef Function_getset[] = {
    {"name", (getter)Function_get_name, NULL, "The name under which it is exported.",
     NULL},
    {"type", (getter)Function_get_type, NULL, "Its FunctionType.", NULL},
    {"definition", (getter)Function_get_definition, NULL,
     "Its FunctionDefinition, all that the module says of it, at any time.", NULL},
    {"params", (getter)Function_get_params, NULL, "The names of the parameter types.",
     NULL},
    {"results", (getter)Function_get_results, NULL, "The names of the result types.",
     NULL},
    {"module", (getter)Function_get_module, NULL, "The Module that exports it.", NULL},
    {"interruptible", (getter)Function_get_interruptible, NULL,
     "Whether a timeout, Module.interrupt(), closing and Ctrl-C end a call wherever "
     "it\n"
     "is. Where not, they end it at its next host function: with the interpreter, and\n"
     "with WAZERO_DIRECT=0 in the environment. With the feature exception-handling "
     "only\n"
     "Ctrl-C waits for that.",
     NULL},
    {"__name__", (getter)Function_get_name, NULL, NULL, NULL},
    {"__signature__", (getter)Function_get_signature, NULL, NULL, NULL},
    {0},
};

static PyMemberDef Function_members[] = {
    {"__vectorcalloffset__", Py_T_PYSSIZET, offsetof(FunctionObject, vectorcall),
     Py_READONLY, NULL},
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(FunctionObject, weakrefs),
     Py_READONLY, NULL},
    {0},
};

static PyType_Slot Function_slots[] = {
    {Py_tp_doc,
     "A function of a Module, exported or out of a table. Keep it and call it: the "
     "fast\n"
     "way. Two that are the same function are equal.\n\n"
     "i32 and i64 take what has __index__ and fits signed or unsigned (OverflowError\n"
     "otherwise) and come back signed; f32 and f64 take what has __float__ or "
     "__index__,\n"
     "f32 rounded to nearest; v128 takes 16 bytes or an integer and comes back as "
     "bytes;\n"
     "externref takes any object, of which the same comes back, funcref a Function; a\n"
     "null reference is None. No result is None, one is the value, more are a tuple.\n"
     "TypeError for a wrong count or type; Trap, ExitError, ClosedError, or what a "
     "host\n"
     "function raised. Any thread; it waits while another thread is in the module.\n\n"
     "The keyword timeout, in seconds from 0 on, ends a call that takes longer, "
     "waiting\n"
     "and host functions included, with Timeout; None is that of the module, inf is\n"
     "none. A call inside another one has no more time than is left of that. Calls "
     "that\n"
     "take long let other Python threads run; in the main thread Python's signal\n"
     "handlers run meanwhile, and what they raise ends the call (Ctrl-C:\n"
     "KeyboardInterrupt).\n\n"
     "With snapshots=True the host functions that are called may use "
     "wazero.snapshot(). "
     "Such\n"
     "a call needs the compiler, and Ctrl-C ends it at its next host function only."},
    {Py_tp_traverse, Function_traverse},
    {Py_tp_dealloc, Function_dealloc},
    {Py_tp_repr, Function_repr},
    {Py_tp_richcompare, Function_richcompare},
    {Py_tp_hash, Function_hash},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_methods, Function_methods},
    {Py_tp_getset, Function_getset},
    {Py_tp_members, Function_members},
    {0, NULL},
};

static PyType_Spec Function_spec = {
    .name = "wazero.Function",
    .basicsize = (int)sizeof(FunctionObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_HAVE_VECTORCALL,
    .slots = Function_slots,
};

int Function_init(PyObject *module, State *state)
{
    state->function_type = State_add_type(module, &Function_spec);
    return state->function_type ? PyModule_AddType(module, state->function_type) : -1;
}
