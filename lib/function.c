/*
 * function.c - handles of functions. A handle is immutable; the callable behind it is
 * the module's and shared by all handles of the same function.
 */
#include "function.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine.h"
#include "error.h"
#include "inspect.h"
#include "module.h"
#include "reference.h"
#include "runtime.h"
#include "synthesis.h"

/* ---- making ---- */

static void begin(wazero_function_t *made)
{
    made->tag = REFERENCE_FUNCTION;
    atomic_init(&made->references, 1);
    atomic_init(&made->definition, NULL);
}

/* A handle with a copy of a name. */
static wazero_error_t *make(wazero_module_t *module, wazero__callable_t *callable,
                            const char *name, size_t size, wazero_function_t **function)
{
    wazero_function_t *made = callable ? malloc(sizeof *made + size + 1) : NULL;
    if (!made)
        return wazero__error_memory();
    made->module = wazero__module_retain(module);
    begin(made);
    made->callable = callable;
    made->export = NULL;
    memcpy(made->own_name, name, size);
    made->own_name[size] = '\0';
    made->name = made->own_name;
    made->name_size = size;
    *function = made;
    return NULL;
}

/* The callable that a reference leads to; *module is what has it. Errors: INVALID for a
 * function that wazero has itself, MEMORY. */
static wazero_error_t *find_callable(const wz_function_place *place,
                                     wazero_module_t **module,
                                     wazero__callable_t **callable)
{
    wazero__host_t *host = (wazero__host_t *)place->host;
    if (!host && !place->module)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "the function is one of wazero's own (its WASI), which "
                             "the host cannot have");
    *module = host ? host->owner : (wazero_module_t *)place->module;
    *callable = host ? wazero__callable_of_host(host)
                     : wazero__callable_at(*module, place->index);
    return *callable ? NULL : wazero__error_memory();
}

wazero_error_t *wazero__function_at(const wz_function_place *place,
                                    wazero_function_t **function)
{
    wazero__callable_t *callable;
    wazero_module_t *module;
    char number[16];
    wazero_error_t *error = find_callable(place, &module, &callable);
    if (error)
        return error;
    if (callable->host)
        return make(module, callable, callable->host->name, callable->host->name_size,
                    function);
    size_t size;
    const char *name =
        wazero__parsed_function_name(module->compiled->parsed, place->index, &size);
    if (!size) {
        size = (size_t)snprintf(number, sizeof number, "$%" PRIu32, place->index);
        name = number;
    }
    return make(module, callable, name, size, function);
}

/* An export may be of an import: finds out which function it is. */
static wazero_error_t *identify(const wazero_module_t *module,
                                wazero__callable_t *callable)
{
    wz_error failure = {0};
    wz_function_place place;
    uint64_t reference;
    wazero__callable_t *identity = callable;
    wazero_module_t *home;
    if (atomic_load(&callable->identity) || !module->compiled ||
        callable->index >= module->compiled->parsed->imported_function_count)
        return NULL;
    const wz_engine *engine = wazero__engine();
    if (!engine->function_reference(module->handle, callable->index, &reference,
                                    &failure) ||
        !engine->reference_resolve(module->handle, reference, &place, &failure))
        return wazero__engine_error(&failure);
    if (place.host || place.module) {
        wazero_error_t *error = find_callable(&place, &home, &identity);
        if (error)
            return error;
    }
    atomic_store(&callable->identity, identity);
    return NULL;
}

wazero_error_t *wazero_module_function(wazero_module_t *module, const char *name,
                                       size_t size, wazero_function_t **function)
{
    const wazero_extern_t *export;
    wazero_error_t *error =
        wazero__module_lookup(module, name, size, WAZERO_EXTERN_FUNCTION, &export);
    if (error)
        return error;
    wazero_function_t *made = malloc(sizeof *made);
    if (!made)
        return wazero__error_memory();
    made->callable = wazero__module_callable(module, export);
    error = made->callable ? identify(module, made->callable) : wazero__error_memory();
    if (error) {
        free(made);
        return error;
    }
    begin(made);
    made->module = wazero__module_retain(module);
    made->export = export;
    made->name = export->name;
    made->name_size = export->name_size;
    *function = made;
    return NULL;
}

wazero_function_t *wazero_function_copy(wazero_function_t *function)
{
    if (function)
        atomic_fetch_add(&function->references, 1);
    return function;
}

void wazero_function_delete(wazero_function_t *function)
{
    if (!function || atomic_fetch_sub(&function->references, 1) != 1)
        return;
    wazero__module_release(function->module);
    free(atomic_load(&function->definition));
    free(function);
}

const wazero_function_type_t *wazero_function_type(const wazero_function_t *function)
{
    return function->callable->type;
}

const char *wazero_function_name(const wazero_function_t *function, size_t *size)
{
    if (size)
        *size = function->name_size;
    return function->name;
}

wazero_module_t *wazero_function_module(const wazero_function_t *function)
{
    return function->module;
}

const void *wazero_function_identity(const wazero_function_t *function)
{
    const wazero__callable_t *identity = atomic_load(&function->callable->identity);
    return identity ? identity : function->callable;
}

/* What wazero would say of a function of a host module: it is named as it is exported.
 * Its index is its position, for the module has nothing else. */
static wazero_error_t *
define_host_function(wazero_function_t *function,
                     const wazero_function_definition_t **definition)
{
    const wazero__names_t *names = wazero__host_names(function->callable->host);
    wazero_function_definition_t *known = atomic_load(&function->definition);
    wazero_name_t name = {function->name, function->name_size};
    wazero_function_definition_t draft = {
        .index = function->callable->index,
        .is_host = true,
        .name = names->name.data ? names->name : name,
        .type = function->callable->type,
        .param_names = names->params,
        .param_name_count = names->param_count,
        .result_names = names->results,
        .result_name_count = names->result_count,
        .export_names = &name,
        .export_name_count = 1,
    };
    if (!known) {
        draft.module_name.data =
            wazero_module_name(function->module, &draft.module_name.size);
        wazero_function_definition_t *made = wazero__function_definition_new(&draft);
        if (!made)
            return wazero__error_memory();
        if (atomic_compare_exchange_strong(&function->definition, &known, made))
            known = made;
        else
            free(made);
    }
    *definition = known;
    return NULL;
}

wazero_error_t *
wazero_function_definition(wazero_function_t *function,
                           const wazero_function_definition_t **definition)
{
    const wazero_inspection_t *inspection;
    if (function->callable->host)
        return define_host_function(function, definition);
    wazero_error_t *error =
        wazero_compiled_module_inspection(function->module->compiled, &inspection);
    return error ? error
                 : wazero_inspection_function(inspection, function->callable->index,
                                              definition);
}

/* ---- calling ---- */

static inline wazero_error_t *check_slots(const wazero_function_t *function,
                                          size_t slot_count)
{
    size_t needed = function->callable->type->slot_count;
    if (__builtin_expect(slot_count >= needed, 1))
        return NULL;
    return wazero__error(WAZERO_ERROR_INVALID,
                         "function \"%s\" needs a stack of %zu slots, got %zu",
                         function->name, needed, slot_count);
}

static wazero_error_t *call(wazero_function_t *function, uint64_t *stack,
                            size_t slot_count, uint64_t timeout)
{
    wazero_error_t *error = check_slots(function, slot_count);
    return error ? error : wazero__callable_call(function->callable, stack, timeout);
}

wazero_error_t *wazero_function_call_with_stack(wazero_function_t *function,
                                                uint64_t *stack, size_t slot_count)
{
    return call(function, stack, slot_count, function->module->timeout);
}

wazero_error_t *wazero_function_call_with_timeout(wazero_function_t *function,
                                                  uint64_t *stack, size_t slot_count,
                                                  uint64_t nanoseconds)
{
    return call(function, stack, slot_count, nanoseconds);
}

wazero_error_t *wazero_function_call_with_snapshots(wazero_function_t *function,
                                                    uint64_t *stack, size_t slot_count,
                                                    uint64_t nanoseconds)
{
    if (nanoseconds == WAZERO_NO_TIMEOUT)
        nanoseconds = function->module->timeout;
    wazero_error_t *error = check_slots(function, slot_count);
    return error ? error
                 : wazero__callable_call_with_snapshots(function->callable, stack,
                                                        nanoseconds);
}

wazero_error_t *wazero_function_map(wazero_function_t *function,
                                    const wazero_column_t *params,
                                    const wazero_column_t *results, size_t count,
                                    uint64_t nanoseconds, size_t *done)
{
    if (nanoseconds == WAZERO_NO_TIMEOUT)
        nanoseconds = function->module->timeout;
    return wazero__callable_map(function->callable, params, results, count, nanoseconds,
                                done);
}

bool wazero_function_is_interruptible(const wazero_function_t *function)
{
    return wazero__callable_is_direct(function->callable);
}

wazero_error_t *wazero_function_call(wazero_function_t *function, const uint64_t *args,
                                     size_t arg_count, uint64_t *results,
                                     size_t result_count)
{
    enum { SMALL = 16 };
    const wazero_function_type_t *type = function->callable->type;
    uint64_t small[SMALL], *stack = small;
    if (arg_count != type->param_slot_count)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "expected %zu params, but passed %zu to function \"%s\"",
                             type->param_slot_count, arg_count, function->name);
    if (result_count != type->result_slot_count)
        return wazero__error(
            WAZERO_ERROR_INVALID,
            "function \"%s\" has %zu results, but there is room for %zu",
            function->name, type->result_slot_count, result_count);
    if (type->slot_count > SMALL) {
        stack = malloc(type->slot_count * sizeof *stack);
        if (!stack)
            return wazero__error_memory();
    }
    if (arg_count)
        memcpy(stack, args, arg_count * sizeof *stack);
    wazero_error_t *error =
        wazero__callable_call(function->callable, stack, function->module->timeout);
    if (!error && result_count)
        memcpy(results, stack, result_count * sizeof *stack);
    if (stack != small)
        free(stack);
    return error;
}

/* ---- as an import ---- */

/* wazero links exports only. So a function that is not exported is called by one that
 * is, of a module made for it, through a table. */
static wazero_error_t *make_caller(wazero_function_t *function,
                                   wazero_module_t **module)
{
    static const wazero_value_type_t funcref = WAZERO_TYPE_FUNCREF;
    const wazero_extern_t item = {.kind = WAZERO_EXTERN_FUNCTION,
                                  .name = "",
                                  .type.function = *function->callable->type};
    wazero_module_t *made;
    wz_error failure = {0};
    uint64_t slot = wazero_encode_funcref(function);
    wazero_error_t *error = wazero__define(function->module->runtime, &item, &made);
    if (error)
        return error;
    wazero__values_t values = {made, &funcref, NULL, 1, "function"};
    error = wazero__references_join(&values, &slot, UINT64_MAX);
    if (!error)
        error = wazero__module_enter(made);
    if (!error) {
        error = wazero__references_in(&values, &slot);
        if (!error && !wazero__engine()->table_set(made->handle, 0, 0, slot, &failure))
            error = wazero__engine_error(&failure);
        wazero__group_leave(made->group);
    }
    if (error)
        wazero__module_release(made);
    else
        *module = made;
    return error;
}

wazero_error_t *wazero_imports_add_existing(wazero_imports_t *imports,
                                            const char *module, size_t module_size,
                                            const char *name, size_t name_size,
                                            wazero_function_t *function)
{
    wazero_module_t *caller;
    if (function->export)
        return wazero__imports_add_source(imports, module, module_size, name, name_size,
                                          function->module, function->export);
    wazero_error_t *error = make_caller(function, &caller);
    if (error)
        return error;
    error = wazero__imports_add_source(imports, module, module_size, name, name_size,
                                       caller, wazero_module_export(caller, 0));
    wazero__module_release(caller);
    return error;
}
