/*
 * host.c - host functions and the modules made of them. See host.h.
 */
#include "host.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "call/call.h"
#include "engine.h"
#include "error.h"
#include "fork.h"
#include "module.h"
#include "reference.h"
#include "runtime.h"
#include "value.h"

struct wazero__definition {
    atomic_uint references;
    wazero_host_function_t function;
    void *user;
    void (*delete_user)(void *user);
    wazero__names_t names;
    wz_string *for_engine; /* the same names of parameters, then of results; or NULL */
    void *name_storage;    /* all of them, one allocation, or NULL */
    bool native;
};

wazero__definition_t *wazero__definition_new(wazero_host_function_t function,
                                             void *user,
                                             void (*delete_user)(void *user))
{
    wazero__definition_t *definition = malloc(sizeof *definition);
    if (!definition) {
        if (delete_user)
            delete_user(user);
        return NULL;
    }
    atomic_init(&definition->references, 1);
    definition->function = function;
    definition->user = user;
    definition->delete_user = delete_user;
    memset(&definition->names, 0, sizeof definition->names);
    definition->for_engine = NULL;
    definition->name_storage = NULL;
    definition->native = false;
    return definition;
}

wazero__definition_t *wazero__definition_new_native(wazero_host_function_t function,
                                                    void *user)
{
    wazero__definition_t *definition = wazero__definition_new(function, user, NULL);
    if (definition)
        definition->native = true;
    return definition;
}

static wazero_error_t *check_names(const char *const *names, size_t count, size_t *size)
{
    for (size_t i = 0; names && i < count; i++) {
        if (!names[i] || !wazero__text_is_utf8(names[i], strlen(names[i])))
            return wazero__error(WAZERO_ERROR_INVALID,
                                 "name %zu of a host function's parameters or results "
                                 "is %s",
                                 i + 1, names[i] ? "not valid UTF-8" : "NULL");
        *size += strlen(names[i]) + 1;
    }
    return NULL;
}

/* Copies one name to *text, which goes on behind it. */
static wazero_name_t copy_name(const char *name, char **text)
{
    wazero_name_t copy = {*text, strlen(name)};
    memcpy(*text, name, copy.size + 1);
    *text += copy.size + 1;
    return copy;
}

wazero_error_t *wazero__definition_set_names(wazero__definition_t *definition,
                                             const wazero_function_names_t *names)
{
    size_t size = 0;
    if (!names)
        return NULL;
    wazero_error_t *error = check_names(&names->name, names->name ? 1 : 0, &size);
    if (!error)
        error = check_names(names->params, names->param_count, &size);
    if (!error)
        error = check_names(names->results, names->result_count, &size);
    if (error)
        return error;
    size_t params = names->params ? names->param_count : 0;
    size_t results = names->results ? names->result_count : 0;
    size_t count = params + results;
    wazero_name_t *list =
        malloc((count + 1) * (sizeof *list + sizeof(wz_string)) + size);
    if (!list)
        return wazero__error_memory();
    definition->name_storage = list;
    definition->for_engine = (wz_string *)(list + count);
    char *text = (char *)(definition->for_engine + count);
    for (size_t i = 0; i < count; i++) {
        const char *name = i < params ? names->params[i] : names->results[i - params];
        list[i] = copy_name(name, &text);
        definition->for_engine[i] = wazero__engine_string(list[i].data, list[i].size);
    }
    wazero__names_t *out = &definition->names;
    if (names->name)
        out->name = copy_name(names->name, &text);
    out->params = names->params ? list : NULL;
    out->param_count = params;
    out->results = names->results ? list + params : NULL;
    out->result_count = results;
    return NULL;
}

wazero__definition_t *wazero__definition_retain(wazero__definition_t *definition)
{
    atomic_fetch_add(&definition->references, 1);
    return definition;
}

void wazero__definition_release(wazero__definition_t *definition)
{
    if (!definition || atomic_fetch_sub(&definition->references, 1) != 1)
        return;
    if (definition->delete_user)
        definition->delete_user(definition->user);
    free(definition->name_storage);
    free(definition);
}

void wazero__host_init(wazero__host_t *host, wazero_module_t *owner,
                       const wazero_extern_t *as, wazero__definition_t *definition)
{
    host->definition = definition;
    host->owner = owner;
    host->type = &as->type.function;
    host->native = definition && definition->native;
    /* An import of another kind is refused later. */
    host->takes_references = as->kind == WAZERO_EXTERN_FUNCTION &&
                             wazero__type_any(host->type, wazero__type_is_reference);
    host->name = as->name;
    host->name_size = as->name_size;
}

void wazero__host_clear(wazero__host_t *host)
{
    wazero__definition_release(host->definition);
    free(host->callable);
}

/* ---- calls ---- */

static wazero_error_t *run(const wazero__host_t *host, wazero_module_t *caller,
                           uint64_t *stack)
{
    const wazero__definition_t *definition = host->definition;
    return definition->function(definition->user, caller, stack);
}

/* The same with references. What the function is given it borrows; what it returns is
 * lib's, to be given back once wasm has it. */
static __attribute__((noinline)) wazero_error_t *
run_with_references(const wazero__host_t *host, wazero_module_t *caller,
                    uint64_t *stack)
{
    const wazero_function_type_t *type = host->type;
    const wazero__activation_t *activation = atomic_load(&wazero__thread()->activation);
    wazero_module_t *module = caller ? caller : activation->module;
    unsigned generation = activation->generation;
    wazero__values_t params = {module, type->params, NULL, type->param_count,
                               "argument"};
    wazero__values_t results = {module, type->results, NULL, type->result_count,
                                "result"};
    uint64_t *lent =
        malloc((type->param_slot_count + type->result_slot_count + 1) * sizeof *lent);
    if (!lent)
        return wazero__error_memory();
    uint64_t *taken = lent + type->param_slot_count;
    wazero_error_t *error = wazero__references_out(&params, stack);
    if (error) {
        free(lent);
        return error;
    }
    memcpy(lent, stack, type->param_slot_count * sizeof *lent);
    error = run(host, caller, stack);
    if (!error) {
        memcpy(taken, stack, type->result_slot_count * sizeof *taken);
        /* In a child that the function has forked, nothing goes back into wasm. */
        if (wazero__fork_is_current(generation))
            error = wazero__references_join(&results, taken, UINT64_MAX);
        if (!error && wazero__fork_is_current(generation))
            error = wazero__references_in(&results, stack);
        wazero__references_drop(&results, taken);
    }
    wazero__references_drop(&params, lent);
    free(lent);
    return error;
}

wazero_error_t *wazero__host_call(wazero__host_t *host, wazero_module_t *caller,
                                  uint64_t *stack)
{
    if (!wazero__module_is_open(host->owner))
        return host->owner == caller ? wazero__module_end_error(caller)
                                     : wazero__module_check(host->owner);
    wazero_error_t *error = __builtin_expect(host->takes_references, 0)
                                ? run_with_references(host, caller, stack)
                                : run(host, caller, stack);
    /* As wazero does after a host call when it can: a closed module does not go on. */
    if (!error && caller && !wazero__module_is_open(caller))
        error = wazero__module_end_error(caller);
    return error;
}

const wazero__names_t *wazero__host_names(const wazero__host_t *host)
{
    return &host->definition->names;
}

const char *wazero__host_misnamed(const wazero__host_t *host)
{
    const wazero__names_t *names = wazero__host_names(host);
    if (names->params && names->param_count != host->type->param_count)
        return "the host function has not as many names of parameters as it has "
               "parameters";
    if (names->results && names->result_count != host->type->result_count)
        return "the host function has not as many names of results as it has results";
    return NULL;
}

wazero_error_t *wazero__host_call_directly(wazero__host_t *host, uint64_t *stack)
{
    wazero_error_t *error = wazero__module_check(host->owner);
    return error ? error : run(host, NULL, stack);
}

wz_host_function wazero__host_describe(wazero__host_t *host)
{
    const wazero__names_t *names = wazero__host_names(host);
    const wz_string *for_engine = host->definition->for_engine;
    wz_host_function function = {
        .name = {host->name, host->name_size},
        .params = host->type->params,
        .param_count = host->type->param_count,
        .results = host->type->results,
        .result_count = host->type->result_count,
        .function = (uintptr_t)host,
        .debug_name = {names->name.data, names->name.size},
        .param_names = names->params ? for_engine : NULL,
        .result_names = names->results ? for_engine + names->param_count : NULL,
    };
    return function;
}

/* ---- host modules ---- */

/* What a host module owns besides its hosts: one allocation that holds the types of its
 * functions and their names behind the exports. */
typedef struct {
    wazero_extern_t *exports;
    wazero_value_type_t *types;
    char *names;
} storage_t;

static wazero_error_t *check_types(const wazero_host_function_definition_t *function,
                                   const wazero_value_type_t *types, size_t count,
                                   const char *what)
{
    for (size_t i = 0; i < count; i++)
        if (!wazero__type_is_number(types[i]) && types[i] != WAZERO_TYPE_V128 &&
            types[i] != WAZERO_TYPE_EXTERNREF && types[i] != WAZERO_TYPE_FUNCREF)
            return wazero__error(
                WAZERO_ERROR_INVALID,
                "%s %zu of host function %.*s has type 0x%02x, "
                "which cannot be passed",
                what, i + 1,
                (int)wazero__text_size(function->name, function->name_size),
                function->name, types[i]);
    return NULL;
}

/* Sums up what the definitions need, and checks them. */
static wazero_error_t *measure(const wazero_host_function_definition_t *functions,
                               size_t count, size_t *type_count, size_t *name_size)
{
    wazero_error_t *error = NULL;
    *type_count = 0;
    *name_size = 0;
    for (size_t i = 0; i < count && !error; i++) {
        const wazero_host_function_definition_t *f = &functions[i];
        if (!f->name || !f->function)
            return wazero__error(WAZERO_ERROR_INVALID,
                                 "host function %zu needs a name and a function", i);
        size_t size = wazero__text_size(f->name, f->name_size);
        if (!wazero__text_is_utf8(f->name, size))
            return wazero__error(WAZERO_ERROR_INVALID,
                                 "the name of host function %zu is not valid UTF-8", i);
        for (size_t j = 0; j < i; j++)
            if (wazero__text_is(
                    functions[j].name,
                    wazero__text_size(functions[j].name, functions[j].name_size),
                    f->name, size))
                return wazero__error(WAZERO_ERROR_INVALID,
                                     "host functions %zu and %zu have the same name", j,
                                     i);
        *type_count += f->param_count + f->result_count;
        *name_size += size + 1;
        error = check_types(f, f->params, f->param_count, "parameter");
        if (!error)
            error = check_types(f, f->results, f->result_count, "result");
    }
    return error;
}

static const wazero_value_type_t *
store_types(storage_t *storage, const wazero_value_type_t *types, size_t count)
{
    wazero_value_type_t *copy = storage->types;
    if (count)
        memcpy(copy, types, count);
    storage->types += count;
    return copy;
}

/* Fills the export at index from its definition. */
static void store_export(storage_t *storage, size_t index,
                         const wazero_host_function_definition_t *function)
{
    wazero_extern_t *export = &storage->exports[index];
    wazero_function_type_t *type = &export->type.function;
    export->module = "";
    export->kind = WAZERO_EXTERN_FUNCTION;
    export->index = (uint32_t)index;
    export->name = storage->names;
    export->name_size = wazero__text_size(function->name, function->name_size);
    memcpy(storage->names, function->name, export->name_size);
    storage->names[export->name_size] = '\0';
    storage->names += export->name_size + 1;
    type->param_count = function->param_count;
    type->params = store_types(storage, function->params, function->param_count);
    type->result_count = function->result_count;
    type->results = store_types(storage, function->results, function->result_count);
    type->param_slot_count = wazero__type_slots(type->params, type->param_count);
    type->result_slot_count = wazero__type_slots(type->results, type->result_count);
    type->slot_count = type->param_slot_count > type->result_slot_count
                           ? type->param_slot_count
                           : type->result_slot_count;
}

/* Gives the hosts of a host module their names. */
static wazero_error_t *name_hosts(wazero_module_t *module,
                                  const wazero_host_function_definition_t *functions)
{
    for (size_t i = 0; i < module->host_count; i++) {
        wazero__host_t *host = &module->hosts[i];
        wazero_error_t *error =
            wazero__definition_set_names(host->definition, functions[i].names);
        const char *wrong = error ? NULL : wazero__host_misnamed(host);
        if (wrong)
            error = wazero__error(WAZERO_ERROR_INVALID, "%s: %s",
                                  module->exports[i].name, wrong);
        if (error)
            return error;
    }
    return NULL;
}

/* Gives a host module its exports and hosts. Takes the users of the functions, also
 * when it fails. */
static wazero_error_t *
fill_host_module(wazero_module_t *module,
                 const wazero_host_function_definition_t *functions, size_t count)
{
    size_t type_count, name_size;
    bool without_memory = false;
    wazero_error_t *error = measure(functions, count, &type_count, &name_size);
    storage_t storage = {NULL, NULL, NULL};
    if (!error) {
        storage.exports =
            calloc(1, (count + 1) * sizeof *storage.exports + type_count + name_size);
        module->hosts = calloc(count + 1, sizeof *module->hosts);
        if (!storage.exports || !module->hosts)
            error = wazero__error_memory();
    }
    module->exports_storage = storage.exports;
    if (error) {
        for (size_t i = 0; i < count; i++)
            if (functions[i].delete_user)
                functions[i].delete_user(functions[i].user);
        return error;
    }
    storage.types = (wazero_value_type_t *)(storage.exports + count + 1);
    storage.names = (char *)(storage.types + type_count);
    for (size_t i = 0; i < count; i++) {
        const wazero_host_function_definition_t *f = &functions[i];
        store_export(&storage, i, f);
        wazero__host_init(&module->hosts[i], module, &storage.exports[i],
                          wazero__definition_new(f->function, f->user, f->delete_user));
        module->hosts[i].index = (uint32_t)i;
        without_memory = without_memory || !module->hosts[i].definition;
    }
    module->host_count = count;
    module->exports = storage.exports;
    module->export_count = count;
    return without_memory ? wazero__error_memory() : name_hosts(module, functions);
}

/* Has the engine make the module. */
static wazero_error_t *make_in_engine(wazero_module_t *module)
{
    wz_error failure = {0};
    size_t count = module->host_count;
    wz_host_function *described = calloc(count + 1, sizeof *described);
    if (!described)
        return wazero__error_memory();
    for (size_t i = 0; i < count; i++)
        described[i] = wazero__host_describe(&module->hosts[i]);
    wz_string name = wazero__engine_string(module->name.data, module->name.size);
    wz_listening listening = wazero__listening_describe(module->listening);
    bool made =
        wazero__engine()->host_module_new(module->runtime->handle, name, described,
                                          count, &listening, &module->handle, &failure);
    free(described);
    if (!made)
        return wazero__engine_error(&failure);
    for (size_t i = 0; i < count; i++)
        module->hosts[i].home = module->handle;
    return wazero__listening_take_error(module->listening);
}

wazero_error_t *
wazero_host_module_new(wazero_runtime_t *runtime, const char *name, size_t name_size,
                       const wazero_host_function_definition_t *functions, size_t count,
                       void *module_user, wazero_module_t **module)
{
    return wazero_host_module_new_with_listeners(runtime, name, name_size, functions,
                                                 count, NULL, module_user, module);
}

wazero_error_t *wazero_host_module_new_with_listeners(
    wazero_runtime_t *runtime, const char *name, size_t name_size,
    const wazero_host_function_definition_t *functions, size_t count,
    wazero_listeners_t *listeners, void *module_user, wazero_module_t **module)
{
    wazero_module_t *made = NULL;
    wazero_error_t *error = wazero__module_allocate(runtime, &made);
    if (error)
        goto delete_users;
    made->user = module_user;
    atomic_store(&made->started, true);
    error = wazero__text_copy(&made->name, name, name_size, "the module's name");
    if (!error && made->name.size == 0)
        error = wazero__error(WAZERO_ERROR_INVALID, "a host module needs a name");
    if (!error)
        error = wazero__listening_new(listeners, &made->listening);
    if (error)
        goto delete_users;
    error = fill_host_module(made, functions, count);
    if (!error)
        error = wazero__runtime_add(runtime, made);
    if (!error)
        error = make_in_engine(made);
    error = wazero__module_finish(made, error);
    if (!error)
        *module = made;
    return error;
delete_users:
    for (size_t i = 0; i < count; i++)
        if (functions[i].delete_user)
            functions[i].delete_user(functions[i].user);
    wazero__module_release(made);
    return error;
}
