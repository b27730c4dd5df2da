/*
 * host.c - Python callables as functions that wasm calls.
 *
 * A HostFunction (wazero.func) is a callable with types and flags. A HostBinding is
 * what the C library gets to see: one callable as one import of one module. It lives
 * in the Module, which frees it after the C module is gone.
 */
#include "wazeromodule.h"

/* Values of a call that need no allocation. */
#define SMALL_CALL 8

/* ---------------------------------------------------------------- the call back -- */

static PyObject *subject_of(HostBinding *binding, Py_ssize_t index)
{
    if (binding->result_count == 1)
        return PyUnicode_FromFormat("the result of host function %U", binding->label);
    return PyUnicode_FromFormat("result %zd of host function %U", index + 1,
                                binding->label);
}

static int store_result(HostBinding *binding, PyObject *value, Py_ssize_t index,
                        uint64_t *slot)
{
    wazero_value_type_t type = binding->results[index];
    if (Convert_quickly(value, type, slot))
        return 0;
    ConvertStatus status = Convert_to_slot(value, type, slot);
    if (status == CONVERT_OK)
        return 0;
    if (status != CONVERT_RAISED)
        Convert_raise(status, subject_of(binding, index), value, type);
    return -1;
}

static int refuse_results(HostBinding *binding, PyObject *result, Py_ssize_t count)
{
    PyObject *types = Types_type_list(binding->results, NULL, binding->result_count);
    if (!types)
        return -1;
    if (binding->result_count == 0)
        PyErr_Format(PyExc_TypeError, "host function %U must return None, not %.200s",
                     binding->label, Py_TYPE(result)->tp_name);
    else if (count < 0)
        PyErr_Format(
            PyExc_TypeError,
            "host function %U must return a sequence of %zu values %U, not %.200s",
            binding->label, binding->result_count, types, Py_TYPE(result)->tp_name);
    else
        PyErr_Format(PyExc_TypeError,
                     "host function %U must return %zu values %U, not %zd",
                     binding->label, binding->result_count, types, count);
    Py_DECREF(types);
    return -1;
}

/* The same for a value of any type. wasm gets it: the module that calls holds the
 * Module of a function. */
static int store_wide_result(HostBinding *binding, wazero_module_t *caller,
                             PyObject *value, Py_ssize_t index, uint64_t *slots)
{
    wazero_value_type_t type = binding->results[index];
    ModuleObject *receiver = caller ? Module_of(caller) : NULL;
    ConvertStatus status = Value_to_slots(State_of(binding->owner), value, type, slots);
    if (status != CONVERT_OK) {
        if (status != CONVERT_RAISED)
            Convert_raise(status, subject_of(binding, index), value, type);
        return -1;
    }
    if (Module_hold_value(receiver ? receiver : binding->owner, value) == 0)
        return 0;
    Value_drop(type, slots);
    return -1;
}

/* Stores count values; on failure no reference is left. */
static int store_values(HostBinding *binding, wazero_module_t *caller,
                        PyObject *const *values, Py_ssize_t count, uint64_t *stack)
{
    uint64_t *slot = stack;
    for (Py_ssize_t i = 0; i < count; i++) {
        int status = binding->wide
                         ? store_wide_result(binding, caller, values[i], i, slot)
                         : store_result(binding, values[i], i, slot);
        if (status < 0) {
            Values_drop(binding->results, (size_t)i, stack);
            return -1;
        }
        slot += Value_slots(binding->results[i]);
    }
    return 0;
}

static int store_results(HostBinding *binding, wazero_module_t *caller,
                         PyObject *result, uint64_t *stack)
{
    if (binding->result_count == 0)
        return result == Py_None ? 0 : refuse_results(binding, result, -1);
    if (binding->result_count == 1)
        return store_values(binding, caller, &result, 1, stack);
    if (!PySequence_Check(result) || PyUnicode_Check(result))
        return refuse_results(binding, result, -1);
    PyObject *values = PySequence_Tuple(result);
    if (!values)
        return -1;
    Py_ssize_t count = PyTuple_GET_SIZE(values);
    int status =
        (size_t)count == binding->result_count
            ? store_values(binding, caller, PySequence_Fast_ITEMS(values), count, stack)
            : refuse_results(binding, result, count);
    Py_DECREF(values);
    return status;
}

/* args has room for the caller, and before that for vectorcall's own use. */
static int call_with(HostBinding *binding, wazero_module_t *caller, uint64_t *stack,
                     PyObject **args)
{
    size_t count = 1;
    int status = -1;
    PyObject *result = NULL;
    args[0] = NULL;
    if (binding->caller)
        args[count++] = Module_of_caller(caller);
    const uint64_t *slot = stack;
    for (size_t i = 0; i < binding->param_count; i++) {
        args[count] = binding->wide ? Value_from_slots(State_of(binding->owner),
                                                       binding->params[i], slot)
                                    : Convert_from_slot(*slot, binding->params[i]);
        if (!args[count])
            goto done;
        slot += Value_slots(binding->params[i]);
        count++;
    }
    result = PyObject_Vectorcall(binding->callable, args + 1,
                                 (count - 1) | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    if (result)
        status = store_results(binding, caller, result, stack);
done:
    Py_XDECREF(result);
    for (size_t i = 1; i < count; i++)
        Py_DECREF(args[i]);
    return status;
}

static int call_python(HostBinding *binding, wazero_module_t *caller, uint64_t *stack)
{
    PyObject *small[SMALL_CALL + 2];
    PyObject **args = small;
    if (binding->param_count > SMALL_CALL) {
        args = PyMem_New(PyObject *, binding->param_count + 2);
        if (!args) {
            PyErr_NoMemory();
            return -1;
        }
    }
    /* libwazero limits how deep calls nest, Python how deep its own functions do. */
    int status = call_with(binding, caller, stack, args);
    if (args != small)
        PyMem_Free(args);
    return status;
}

wazero_error_t *Host_refuse(const char *why)
{
    return wazero_error_new_host(why, strlen(why), NULL, NULL);
}

/* What libwazero calls, as a rule with the GIL held. The module that has the binding
 * stays, whatever the callable closes and drops. It may be on its way already, when the
 * one that calls got at its function through a table. */
wazero_error_t *Host_call(void *user, wazero_module_t *caller, uint64_t *stack)
{
    HostBinding *binding = user;
    ENTRY(entry);
    wazero_error_t *error = NULL;
    if (!Entry_enter(&entry))
        return Host_refuse(HOST_SHUTTING_DOWN);
    ModuleObject *owner = binding->owner;
    if (owner->dying) {
        Entry_leave(&entry);
        return Host_refuse("the module of the host function is closed");
    }
    Py_INCREF(owner);
    if (call_python(binding, caller, stack) < 0)
        error = Snapshot_to_host(State_of(owner));
    Py_DECREF(owner);
    Entry_leave(&entry);
    return error;
}

/* ---------------------------------------------------------------- bindings ------- */

void Host_free_bindings(ModuleObject *module)
{
    for (size_t i = 0; i < module->host_count; i++) {
        Py_DECREF(module->hosts[i].callable);
        Py_DECREF(module->hosts[i].label);
        PyMem_Free(module->hosts[i].owned_types);
    }
    module->host_count = 0;
    PyMem_Free(module->hosts);
    module->hosts = NULL;
}

static bool only_numbers(const wazero_value_type_t *types, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!Convert_is_number(types[i]))
            return false;
    }
    return true;
}

bool Host_is_wide(const HostBinding *binding)
{
    return !only_numbers(binding->params, binding->param_count) ||
           !only_numbers(binding->results, binding->result_count);
}

/* memcmp, but a list of no types may be NULL. */
static bool equal(const void *one, const void *other, size_t count)
{
    return count == 0 || memcmp(one, other, count) == 0;
}

static bool same_types(PyObject *given, const wazero_value_type_t *types, size_t count)
{
    return !given || ((size_t)PyBytes_GET_SIZE(given) == count &&
                      equal(PyBytes_AS_STRING(given), types, count));
}

/* "(i32) -> f64" of a HostFunction; what is not given is as in the import. */
static PyObject *signature_of(HostFunctionObject *function,
                              const wazero_function_type_t *import)
{
    wazero_function_type_t type = *import;
    if (function->params) {
        type.params = (const wazero_value_type_t *)PyBytes_AS_STRING(function->params);
        type.param_count = (size_t)PyBytes_GET_SIZE(function->params);
        type.param_references = NULL;
    }
    if (function->results) {
        type.results =
            (const wazero_value_type_t *)PyBytes_AS_STRING(function->results);
        type.result_count = (size_t)PyBytes_GET_SIZE(function->results);
        type.result_references = NULL;
    }
    return Types_signature(&type);
}

static int refuse_type(State *state, PyObject *label, HostFunctionObject *function,
                       const wazero_function_type_t *type)
{
    PyObject *expected = Types_signature(type);
    PyObject *given = expected ? signature_of(function, type) : NULL;
    if (given)
        PyErr_Format(state->link_error,
                     "import %U: expected a function %U, but the host function is %U",
                     label, expected, given);
    Py_XDECREF(given);
    Py_XDECREF(expected);
    return -1;
}

/* Fills the next binding of the module with a callable or HostFunction for an import of
 * this type. The label is "module.name". */
static HostBinding *add_binding(State *state, ModuleObject *module, PyObject *label,
                                PyObject *value, const wazero_function_type_t *type)
{
    HostFunctionObject *function = NULL;
    if (Py_IS_TYPE(value, state->host_function_type))
        function = (HostFunctionObject *)value;
    if (function &&
        (!same_types(function->params, type->params, type->param_count) ||
         !same_types(function->results, type->results, type->result_count))) {
        refuse_type(state, label, function, type);
        return NULL;
    }
    HostBinding *binding = &module->hosts[module->host_count++];
    binding->owner = module;
    binding->callable = Py_NewRef(function ? function->callable : value);
    binding->caller = function && function->caller;
    binding->label = Py_NewRef(label);
    binding->params = type->params;
    binding->param_count = type->param_count;
    binding->results = type->results;
    binding->result_count = type->result_count;
    binding->wide = Host_is_wide(binding);
    return binding;
}

/* ---------------------------------------------------------------- imports -------- */

typedef struct {
    State *state;
    ModuleObject *module;
    PyObject *mapping;  /* or NULL */
    PyObject *resolver; /* called with a module name, or NULL */
    wazero_imports_t *imports;
    PyObject *done;     /* dict: what has been added, by module and name */
    PyObject *resolved; /* dict: what the resolver gave, by module name */
} Linker;

/* 1 and a new reference if key is there, 0 if not, -1 with an exception. */
static int find(PyObject *mapping, PyObject *key, PyObject **value)
{
    if (PyDict_CheckExact(mapping)) {
        *value = Py_XNewRef(PyDict_GetItemWithError(mapping, key));
    } else {
        *value = PyObject_GetItem(mapping, key);
        if (!*value && PyErr_ExceptionMatches(PyExc_KeyError))
            PyErr_Clear();
    }
    if (*value)
        return 1;
    return PyErr_Occurred() ? -1 : 0;
}

static bool is_mapping(PyObject *object)
{
    return PyDict_Check(object) ||
           (PyMapping_Check(object) && PyObject_HasAttrString(object, "keys"));
}

static int finish(Linker *linker, wazero_error_t *error)
{
    if (!error)
        return 0;
    Errors_raise(linker->state, error);
    return -1;
}

/* Modules of two runtimes number their types differently: they must not meet. */
static int check_source(Linker *linker, PyObject *label, ModuleObject *source)
{
    if (source->runtime != linker->module->runtime) {
        PyErr_Format(linker->state->link_error,
                     "import %U: what was given belongs to another Runtime", label);
        return -1;
    }
    return Module_is_open(linker->state, source) ? 0 : -1;
}

/* A module whose exports answer everything of that name: once. */
static int link_module(Linker *linker, const wazero_extern_t *import, PyObject *name,
                       ModuleObject *source)
{
    int done = PyDict_Contains(linker->done, name);
    if (done != 0)
        return done < 0 ? -1 : 0;
    if (check_source(linker, name, source) < 0 ||
        PyDict_SetItem(linker->done, name, Py_None) < 0)
        return -1;
    return finish(linker,
                  wazero_imports_add_module(linker->imports, import->module,
                                            import->module_size, source->handle));
}

static int link_export(Linker *linker, const wazero_extern_t *import, PyObject *label,
                       ModuleObject *source, PyObject *export_name)
{
    Py_ssize_t size;
    if (check_source(linker, label, source) < 0)
        return -1;
    const char *name = PyUnicode_AsUTF8AndSize(export_name, &size);
    if (!name)
        return -1;
    return finish(linker, wazero_imports_add_export(linker->imports, import->module,
                                                    import->module_size, import->name,
                                                    import->name_size, source->handle,
                                                    name, (size_t)size));
}

/* A function, exported or not: in a table of this module it would be held, too. */
static int link_function(Linker *linker, const wazero_extern_t *import, PyObject *label,
                         FunctionObject *function)
{
    if (function->module && check_source(linker, label, function->module) < 0)
        return -1;
    if (Module_hold_value(linker->module, (PyObject *)function) < 0)
        return -1;
    return finish(linker, wazero_imports_add_existing(
                              linker->imports, import->module, import->module_size,
                              import->name, import->name_size, function->handle));
}

static int link_global(Linker *linker, const wazero_extern_t *import, PyObject *label,
                       GlobalObject *global)
{
    if (check_source(linker, label, global->module) < 0)
        return -1;
    return finish(linker, wazero_imports_add_global(linker->imports, import->module,
                                                    import->module_size, import->name,
                                                    import->name_size, global->handle));
}

static int link_table(Linker *linker, const wazero_extern_t *import, PyObject *label,
                      TableObject *table)
{
    if (check_source(linker, label, table->module) < 0)
        return -1;
    return finish(linker, wazero_imports_add_table(linker->imports, import->module,
                                                   import->module_size, import->name,
                                                   import->name_size, table->handle));
}

/* The memory of a module by the name of one of its exports. */
static int link_memory(Linker *linker, const wazero_extern_t *import, PyObject *label,
                       MemoryObject *memory)
{
    ModuleObject *source = memory->module;
    size_t count = wazero_module_export_count(source->handle);
    for (size_t i = 0; i < count; i++) {
        const wazero_extern_t *export = wazero_module_export(source->handle, i);
        if (export->kind != WAZERO_EXTERN_MEMORY)
            continue;
        if (check_source(linker, label, source) < 0)
            return -1;
        return finish(linker, wazero_imports_add_export(
                                  linker->imports, import->module, import->module_size,
                                  import->name, import->name_size, source->handle,
                                  export->name, export->name_size));
    }
    PyErr_Format(linker->state->link_error,
                 "import %U: the memory is not exported by its module", label);
    return -1;
}

static bool same_signature(const HostBinding *binding,
                           const wazero_function_type_t *type)
{
    return binding->param_count == type->param_count &&
           binding->result_count == type->result_count &&
           equal(binding->params, type->params, type->param_count) &&
           equal(binding->results, type->results, type->result_count);
}

/* wasm may import the same name twice, and with different types. */
static int check_repeated(Linker *linker, PyObject *position, PyObject *label,
                          const wazero_extern_t *import)
{
    size_t index = PyLong_AsSize_t(position);
    if (same_signature(&linker->module->hosts[index], &import->type.function))
        return 0;
    PyErr_Format(linker->state->link_error,
                 "import %U is there twice with different types, which one Python "
                 "callable cannot answer",
                 label);
    return -1;
}

static int link_callable(Linker *linker, const wazero_extern_t *import, PyObject *label,
                         PyObject *key, PyObject *value)
{
    if (import->kind != WAZERO_EXTERN_FUNCTION) {
        PyErr_Format(linker->state->link_error,
                     "import %U: expected a %s, but a callable was given", label,
                     wazero_extern_kind_name(import->kind));
        return -1;
    }
    PyObject *before = PyDict_GetItemWithError(linker->done, key);
    if (before)
        return check_repeated(linker, before, label, import);
    if (PyErr_Occurred())
        return -1;
    PyObject *position = PyLong_FromSize_t(linker->module->host_count);
    int status = position ? PyDict_SetItem(linker->done, key, position) : -1;
    Py_XDECREF(position);
    HostBinding *binding = status < 0
                               ? NULL
                               : add_binding(linker->state, linker->module, label,
                                             value, &import->type.function);
    if (!binding)
        return -1;
    return finish(linker, wazero_imports_add_function_with_names(
                              linker->imports, import->module, import->module_size,
                              import->name, import->name_size, Host_call, binding, NULL,
                              HostFunction_names(linker->state, value)));
}

static int link_value(Linker *linker, const wazero_extern_t *import, PyObject *label,
                      PyObject *key, PyObject *value)
{
    State *state = linker->state;
    if (Py_IS_TYPE(value, state->function_type))
        return link_function(linker, import, label, (FunctionObject *)value);
    if (Py_IS_TYPE(value, state->global_type))
        return link_global(linker, import, label, (GlobalObject *)value);
    if (Py_IS_TYPE(value, state->table_type))
        return link_table(linker, import, label, (TableObject *)value);
    if (Py_IS_TYPE(value, state->tag_type)) {
        TagObject *tag = (TagObject *)value;
        return link_export(linker, import, label, tag->module, tag->name);
    }
    if (Py_IS_TYPE(value, state->memory_type))
        return link_memory(linker, import, label, (MemoryObject *)value);
    if (PyCallable_Check(value) || Py_IS_TYPE(value, state->host_function_type))
        return link_callable(linker, import, label, key, value);
    PyErr_Format(
        PyExc_TypeError,
        "imports: %U must be a callable, wazero.func(...), or a Function, Memory, "
        "Table, Global or Tag, not %.200s",
        label, Py_TYPE(value)->tp_name);
    return -1;
}

/* Answers one import from the mapping of its module name: 1 if it has the name, 0 if
 * not. */
static int link_name(Linker *linker, const wazero_extern_t *import,
                     PyObject *module_name, PyObject *group)
{
    PyObject *name =
        PyUnicode_DecodeUTF8(import->name, (Py_ssize_t)import->name_size, NULL);
    PyObject *value = NULL, *label = NULL, *key = NULL;
    int status = name ? find(group, name, &value) : -1;
    if (status == 1) {
        label = PyUnicode_FromFormat("%U.%U", module_name, name);
        key = PyTuple_Pack(2, module_name, name);
        status =
            label && key && link_value(linker, import, label, key, value) == 0 ? 1 : -1;
    }
    Py_XDECREF(key);
    Py_XDECREF(label);
    Py_XDECREF(value);
    Py_XDECREF(name);
    return status;
}

/* Answers one import from what was given for its module name, as link_name. */
static int link_group(Linker *linker, const wazero_extern_t *import, PyObject *name,
                      PyObject *group)
{
    const State *state = linker->state;
    ModuleObject *module = NULL;
    if (Py_IS_TYPE(group, state->module_type))
        module = (ModuleObject *)group;
    else if (Py_IS_TYPE(group, state->exports_type))
        module = ((ExportsObject *)group)->module;
    if (module)
        return link_module(linker, import, name, module) < 0 ? -1 : 1;
    if (is_mapping(group))
        return link_name(linker, import, name, group);
    PyErr_Format(PyExc_TypeError,
                 "imports: %R must be a mapping of names or a Module, not %.200s", name,
                 Py_TYPE(group)->tp_name);
    return -1;
}

/* Asks the resolver for a module name, once: a new reference, None for nothing. */
static PyObject *resolve(Linker *linker, PyObject *name)
{
    PyObject *group = Py_XNewRef(PyDict_GetItemWithError(linker->resolved, name));
    if (group || PyErr_Occurred())
        return group;
    group = PyObject_CallOneArg(linker->resolver, name);
    if (group && PyDict_SetItem(linker->resolved, name, group) < 0)
        Py_CLEAR(group);
    return group;
}

static int link_import(Linker *linker, const wazero_extern_t *import)
{
    PyObject *name =
        PyUnicode_DecodeUTF8(import->module, (Py_ssize_t)import->module_size, NULL);
    PyObject *group = NULL;
    int status = name ? 0 : -1;
    if (status == 0 && linker->mapping)
        status = find(linker->mapping, name, &group);
    if (status == 1)
        status = link_group(linker, import, name, group);
    if (status == 0 && linker->resolver) {
        Py_XSETREF(group, resolve(linker, name));
        if (!group)
            status = -1;
        else if (group != Py_None)
            status = link_group(linker, import, name, group);
    }
    Py_XDECREF(group);
    Py_XDECREF(name);
    return status;
}

/* Sorts out what was given as imports: a mapping, a resolver, or a pair of both. */
static int split_imports(Linker *linker, PyObject *given)
{
    PyObject *first = given, *second = NULL;
    if (is_pair(given)) {
        first = PyTuple_GET_ITEM(given, 0);
        second = PyTuple_GET_ITEM(given, 1);
    }
    if (is_mapping(first))
        linker->mapping = first;
    else if (PyCallable_Check(first) && !second)
        linker->resolver = first;
    if (linker->mapping && second && PyCallable_Check(second))
        linker->resolver = second;
    if ((linker->mapping || linker->resolver) && (!second || linker->resolver))
        return 0;
    PyErr_Format(PyExc_TypeError,
                 "imports must be a mapping of module names to mappings or Modules, a "
                 "callable that gives them, or a pair of both, not %.200s",
                 Py_TYPE(given)->tp_name);
    return -1;
}

static size_t count_functions(CompiledObject *compiled, size_t count)
{
    size_t functions = 0;
    for (size_t i = 0; i < count; i++) {
        const wazero_extern_t *import =
            wazero_compiled_module_import(compiled->handle, i);
        functions += import->kind == WAZERO_EXTERN_FUNCTION;
    }
    return functions;
}

static int link_given(State *state, ModuleObject *module, PyObject *given,
                      wazero_imports_t **imports)
{
    Linker linker = {.state = state, .module = module};
    *imports = NULL;
    if (!given || given == Py_None)
        return 0;
    if (split_imports(&linker, given) < 0)
        return -1;
    size_t count = wazero_compiled_module_import_count(module->compiled->handle);
    size_t functions = count_functions(module->compiled, count);
    module->hosts = PyMem_Calloc(functions + 1, sizeof *module->hosts);
    linker.done = PyDict_New();
    linker.resolved = PyDict_New();
    int status = 0;
    if (!module->hosts || !linker.done || !linker.resolved) {
        PyErr_NoMemory();
        status = -1;
    } else {
        status = finish(&linker, wazero_imports_new(&linker.imports));
    }
    for (size_t i = 0; status == 0 && i < count; i++) {
        const wazero_extern_t *import =
            wazero_compiled_module_import(module->compiled->handle, i);
        status = link_import(&linker, import) < 0 ? -1 : 0;
    }
    Py_XDECREF(linker.resolved);
    Py_XDECREF(linker.done);
    if (status < 0)
        wazero_imports_delete(linker.imports);
    else
        *imports = linker.imports;
    return status;
}

/* The bit of trace: None, "stdout" or "stderr". */
static int trace_option(PyObject *trace, unsigned *options)
{
    if (trace == Py_None)
        return 0;
    if (PyUnicode_Check(trace)) {
        if (PyUnicode_CompareWithASCIIString(trace, "stdout") == 0) {
            *options |= WAZERO_ASSEMBLYSCRIPT_TRACE_STDOUT;
            return 0;
        }
        if (PyUnicode_CompareWithASCIIString(trace, "stderr") == 0) {
            *options |= WAZERO_ASSEMBLYSCRIPT_TRACE_STDERR;
            return 0;
        }
    }
    PyErr_Format(PyUnicode_Check(trace) ? PyExc_ValueError : PyExc_TypeError,
                 "trace of AssemblyScript must be None, 'stdout' or 'stderr', not %R",
                 trace);
    return -1;
}

/* The options of True or a wazero.AssemblyScript. */
static int read_assemblyscript(PyObject *given, unsigned *options)
{
    *options = 0;
    if (given == Py_True)
        return 0;
    PyObject *message = PyObject_GetAttrString(given, "abort_message");
    PyObject *trace = message ? PyObject_GetAttrString(given, "trace") : NULL;
    int wanted = trace ? PyObject_IsTrue(message) : -1;
    int result = wanted < 0 ? -1 : trace_option(trace, options);
    if (!trace && PyErr_ExceptionMatches(PyExc_AttributeError))
        PyErr_Format(PyExc_TypeError,
                     "assemblyscript must be a bool or a wazero.AssemblyScript, not "
                     "%.200s",
                     Py_TYPE(given)->tp_name);
    Py_XDECREF(trace);
    Py_XDECREF(message);
    if (wanted == 0)
        *options |= WAZERO_ASSEMBLYSCRIPT_NO_ABORT_MESSAGE;
    return result;
}

int Host_link(State *state, ModuleObject *module, PyObject *given,
              PyObject *assemblyscript, wazero_imports_t **imports)
{
    unsigned options = 0;
    bool wanted =
        assemblyscript && assemblyscript != Py_None && assemblyscript != Py_False;
    if (wanted && read_assemblyscript(assemblyscript, &options) < 0)
        return -1;
    if (link_given(state, module, given, imports) < 0)
        return -1;
    if (!wanted)
        return 0;
    wazero_error_t *error = *imports ? NULL : wazero_imports_new(imports);
    if (!error)
        error = wazero_imports_add_assemblyscript(*imports, options);
    if (!error)
        return 0;
    wazero_imports_delete(*imports);
    *imports = NULL;
    Errors_raise(state, error);
    return -1;
}

/* The LinkError that is set, with what was given in the place of what is missing. */
void Host_explain(State *state, PyObject *imports)
{
    PyObject *exception = PyErr_GetRaisedException();
    PyObject *helper = imports ? PyImport_ImportModule("wazero._hints") : NULL;
    PyObject *text = helper ? PyObject_Str(exception) : NULL;
    PyObject *hint =
        text ? PyObject_CallMethod(helper, "missing_import", "OO", text, imports)
             : NULL;
    PyObject *longer = NULL;
    if (hint && PyUnicode_Check(hint)) {
        PyObject *message = PyUnicode_FromFormat("%U (%U)", text, hint);
        longer = message ? PyObject_CallOneArg(state->link_error, message) : NULL;
        Py_XDECREF(message);
    }
    PyErr_Clear(); /* without the hint the message is still right */
    if (longer)
        Py_SETREF(exception, longer);
    Py_XDECREF(hint);
    Py_XDECREF(text);
    Py_XDECREF(helper);
    PyErr_SetRaisedException(exception);
}
