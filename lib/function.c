/*
 * function.c - handles of exported functions. A handle is immutable; the callable
 * behind it is the module's and shared by all handles of the same export.
 */
#include <stdlib.h>

#include "error.h"
#include "inspect.h"
#include "module.h"

struct wazero_function {
    wazero_module_t *module; /* a reference */
    wazero__callable_t *callable;
    const wazero_extern_t *export;
    /* Of a host module's function: its definition, once it has been asked for. */
    _Atomic(wazero_function_definition_t *) definition;
};

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
    made->callable =
        wazero__module_callable(module, (size_t)(export - module->exports));
    if (!made->callable) {
        free(made);
        return wazero__error_memory();
    }
    made->module = wazero__module_retain(module);
    made->export = export;
    atomic_init(&made->definition, NULL);
    *function = made;
    return NULL;
}

void wazero_function_delete(wazero_function_t *function)
{
    if (!function)
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
        *size = function->export->name_size;
    return function->export->name;
}

/* What wazero would say of a function of a host module: it is named as it is exported.
 * Its index is its position, for the module has nothing else. */
static wazero_error_t *
define_host_function(wazero_function_t *function,
                     const wazero_function_definition_t **definition)
{
    const wazero_extern_t *export = function->export;
    const wazero__names_t *names = wazero__host_names(function->callable->host);
    wazero_function_definition_t *known = atomic_load(&function->definition);
    wazero_name_t name = {export->name, export->name_size};
    wazero_function_definition_t draft = {
        .index = export->index,
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
    if (!function->module->compiled)
        return define_host_function(function, definition);
    wazero_error_t *error =
        wazero_compiled_module_inspection(function->module->compiled, &inspection);
    return error ? error
                 : wazero_inspection_function(inspection, function->export->index,
                                              definition);
}

static inline wazero_error_t *check_slots(const wazero_function_t *function,
                                          size_t slot_count)
{
    size_t needed = function->callable->type->slot_count;
    if (__builtin_expect(slot_count >= needed, 1))
        return NULL;
    return wazero__error(WAZERO_ERROR_INVALID,
                         "function \"%s\" needs a stack of %zu slots, got %zu",
                         function->export->name, needed, slot_count);
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
                             type->param_slot_count, arg_count, function->export->name);
    if (result_count != type->result_slot_count)
        return wazero__error(
            WAZERO_ERROR_INVALID,
            "function \"%s\" has %zu results, but there is room for %zu",
            function->export->name, type->result_slot_count, result_count);
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
