/*
 * reference.c - translating references. See reference.h.
 */
#include "reference.h"

#include <stdlib.h>

#include "engine.h"
#include "error.h"
#include "fork.h"
#include "function.h"
#include "module.h"
#include "runtime.h"
#include "value.h"

/* ---- which values they are ---- */

wazero__values_t wazero__callable_params(const wazero__callable_t *callable)
{
    const wazero_function_type_t *type = callable->type;
    return (wazero__values_t){callable->module, type->params,
                              atomic_load(&callable->exact), type->param_count,
                              "argument"};
}

wazero__values_t wazero__callable_results(const wazero__callable_t *callable)
{
    const wazero_function_type_t *type = callable->type;
    const wz_reference_type *exact = atomic_load(&callable->exact);
    return (wazero__values_t){callable->module, type->results,
                              exact ? exact + type->param_count : NULL,
                              type->result_count, "result"};
}

wazero_error_t *wazero__callable_know(wazero__callable_t *callable)
{
    const wazero_function_type_t *type = callable->type;
    wz_error failure = {0};
    wz_reference_type *none = NULL;
    if (!wazero__type_any(type, wazero__type_is_typed) || atomic_load(&callable->exact))
        return NULL;
    const wazero__parsed_t *parsed = callable->module->compiled->parsed;
    size_t count = type->param_count + type->result_count;
    wz_reference_type *exact = calloc(count, sizeof *exact);
    if (!exact)
        return wazero__error_memory();
    if (!wazero__engine()->signature_types(callable->module->handle,
                                           parsed->functions[callable->index], exact,
                                           count, &failure)) {
        free(exact);
        return wazero__engine_error(&failure);
    }
    if (!atomic_compare_exchange_strong(&callable->exact, &none, exact))
        free(exact); /* another thread was faster */
    return NULL;
}

/* Of what a value is a reference: EXTERNREF, FUNCREF, EXNREF; 0 if of nothing. */
static uint8_t kind_of(const wazero__values_t *values, size_t index)
{
    wazero_value_type_t type = values->types[index];
    if (!wazero__type_is_reference(type))
        return 0;
    return type == WAZERO_TYPE_REF && values->exact ? values->exact[index].kind : type;
}

static size_t slots_of(const wazero__values_t *values, size_t index)
{
    return values->types[index] == WAZERO_TYPE_V128 ? 2 : 1;
}

/* Says which value an error is about, unless there is but one. Takes it. */
static wazero_error_t *about(const wazero__values_t *values, size_t index,
                             wazero_error_t *error)
{
    if (!error || !values->what || wazero_error_kind(error) == WAZERO_ERROR_TIMEOUT)
        return error;
    return wazero__error_prefix(error, "%s %zu: ", values->what, index + 1);
}

wazero_value_type_t wazero_reference_type(uint64_t slot)
{
    uint32_t tag = slot ? *(const uint32_t *)(uintptr_t)slot : 0;
    if (tag == REFERENCE_FUNCTION)
        return WAZERO_TYPE_FUNCREF;
    return tag == REFERENCE_OBJECT ? WAZERO_TYPE_EXTERNREF : 0;
}

/* Whether what the host gave is of the kind that the type says. */
static wazero_error_t *check_kind(uint8_t kind, uint64_t slot)
{
    bool is_function = kind == WAZERO_TYPE_FUNCREF;
    if (kind == WAZERO_TYPE_EXNREF || wazero_reference_type(slot) == kind)
        return NULL;
    return wazero__error(WAZERO_ERROR_INVALID,
                         "a reference to %s is needed here, and this is none",
                         is_function ? "a function" : "an object of the host");
}

/* ---- functions ---- */

/* Host modules do not join a group: nothing of theirs is entered. Who has a reference
 * to one of their functions holds the module itself. */
static bool is_guest(const wazero_function_t *function)
{
    return !function->module->compiled;
}

static wazero_error_t *join_function(const wazero_module_t *module,
                                     const wazero_function_t *function, uint64_t until)
{
    const wazero_module_t *home = function->module;
    if (!wazero__fork_is_current(home->runtime->generation))
        return wazero__fork_error("function");
    if (home->runtime != module->runtime)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "function \"%s\" is of another runtime", function->name);
    wazero_error_t *error = wazero__module_check(home);
    if (error || is_guest(function))
        return error;
    return wazero__group_join(module->group, home->group, until);
}

wazero_error_t *wazero__references_join(const wazero__values_t *values,
                                        const uint64_t *slots, uint64_t until)
{
    wazero_error_t *error = NULL;
    for (size_t i = 0; i < values->count && !error; i++) {
        uint8_t kind = kind_of(values, i);
        if (kind && *slots)
            error = check_kind(kind, *slots);
        if (!error && kind == WAZERO_TYPE_FUNCREF && *slots)
            error = join_function(values->module, wazero_decode_funcref(*slots), until);
        error = about(values, i, error);
        slots += slots_of(values, i);
    }
    return error;
}

/* The engine's reference to a function: one is made, and kept, for the engine keeps
 * each that it makes. */
static wazero_error_t *refer(wazero__callable_t *callable, uint64_t *reference)
{
    wz_error failure = {0};
    wazero_module_t *module = callable->module;
    wz_handle home = callable->host ? callable->host->home : module->handle;
    bool made = true;
    *reference = atomic_load(&callable->reference);
    if (*reference)
        return NULL;
    /* A host module has no group that would let in one thread at a time. */
    pthread_mutex_lock(&module->runtime->mutex);
    *reference = atomic_load(&callable->reference);
    if (!*reference)
        made = wazero__engine()->function_reference(home, callable->index, reference,
                                                    &failure);
    if (made)
        atomic_store(&callable->reference, *reference);
    pthread_mutex_unlock(&module->runtime->mutex);
    return made ? NULL : wazero__engine_error(&failure);
}

/* The module that has the function stays as long as the group. If the function takes
 * references itself, wasm can give it those of the module that gets it. */
static wazero_error_t *keep_function(wazero_module_t *module,
                                     const wazero_function_t *function)
{
    if (is_guest(function))
        return wazero__module_add_guest(module, function->module);
    if (function->module == module)
        return NULL;
    atomic_store(&function->module->kept, true);
    if (wazero__type_any(function->callable->type, wazero__type_is_function_reference))
        atomic_store(&module->kept, true);
    return NULL;
}

static wazero_error_t *check_type(const wazero_module_t *module,
                                  const wazero_function_t *function,
                                  const wz_reference_type *exact, uint64_t reference)
{
    wz_error failure = {0};
    wz_function_place place;
    char text[200];
    if (!exact || !exact->typed)
        return NULL;
    if (!wazero__engine()->reference_resolve(module->handle, reference, &place,
                                             &failure))
        return wazero__engine_error(&failure);
    if (place.type == exact->type)
        return NULL;
    wazero__type_describe(function->callable->type, text, sizeof text);
    return wazero__error(WAZERO_ERROR_INVALID,
                         "function \"%s\" is of type %s, which is not that of the "
                         "reference",
                         function->name, text);
}

static wazero_error_t *function_in(const wazero__values_t *values,
                                   const wz_reference_type *exact, uint64_t *slot)
{
    const wazero_function_t *function = wazero_decode_funcref(*slot);
    wazero_module_t *module = values->module;
    uint64_t reference;
    /* Its module may have been closed, and opened nothing, since the groups joined. */
    wazero_error_t *error = wazero__module_check(function->module);
    if (!error)
        error = refer(function->callable, &reference);
    if (!error)
        error = check_type(module, function, exact, reference);
    if (!error)
        error = keep_function(module, function);
    if (!error)
        *slot = reference;
    return error;
}

static wazero_error_t *function_out(const wazero_module_t *module, uint64_t *slot)
{
    wz_error failure = {0};
    wz_function_place place;
    wazero_function_t *function;
    if (!wazero__engine()->reference_resolve(module->handle, *slot, &place, &failure))
        return wazero__engine_error(&failure);
    wazero_error_t *error = wazero__function_at(&place, &function);
    if (!error)
        *slot = wazero_encode_funcref(function);
    return error;
}

/* ---- in and out ---- */

static wazero_error_t *one_in(const wazero__values_t *values, size_t index,
                              uint64_t *slot)
{
    const wz_reference_type *exact = values->exact ? &values->exact[index] : NULL;
    wazero_module_t *module = values->module;
    uint8_t kind = kind_of(values, index);
    if (kind && !*slot)
        return values->types[index] == WAZERO_TYPE_REF && exact && !exact->nullable
                   ? wazero__error(WAZERO_ERROR_INVALID,
                                   "a null reference, where the type has none")
                   : NULL;
    switch (kind) {
    case WAZERO_TYPE_EXTERNREF:
        return wazero__externref_in(module->runtime, module->group,
                                    wazero_decode_externref(*slot), slot);
    case WAZERO_TYPE_FUNCREF:
        return function_in(values, exact, slot);
    case WAZERO_TYPE_EXNREF:
        return wazero__error(WAZERO_ERROR_INVALID,
                             "the host cannot pass a reference to an exception");
    default:
        return NULL;
    }
}

wazero_error_t *wazero__references_in(const wazero__values_t *values, uint64_t *slots)
{
    wazero_error_t *error = NULL;
    for (size_t i = 0; i < values->count && !error; i++) {
        error = about(values, i, one_in(values, i, slots));
        slots += slots_of(values, i);
    }
    return error;
}

static wazero_error_t *one_out(const wazero__values_t *values, size_t index,
                               uint64_t *slot)
{
    wazero_externref_t *reference;
    wazero_error_t *error;
    if (!*slot)
        return NULL;
    switch (kind_of(values, index)) {
    case WAZERO_TYPE_EXTERNREF:
        error = wazero__externref_out(values->module->runtime, *slot, &reference);
        if (!error)
            *slot = wazero_encode_externref(reference);
        return error;
    case WAZERO_TYPE_FUNCREF:
        return function_out(values->module, slot);
    case WAZERO_TYPE_EXNREF:
        return wazero__error(WAZERO_ERROR_INVALID,
                             "the host cannot take a reference to an exception");
    default:
        return NULL;
    }
}

wazero_error_t *wazero__references_out(const wazero__values_t *values, uint64_t *slots)
{
    wazero_error_t *error = NULL;
    uint64_t *slot = slots;
    size_t done = 0;
    while (done < values->count && !error) {
        error = about(values, done, one_out(values, done, slot));
        if (error)
            break;
        slot += slots_of(values, done++);
    }
    if (error) {
        wazero__values_t before = *values;
        before.count = done;
        wazero__references_drop(&before, slots);
    }
    return error;
}

void wazero__references_drop(const wazero__values_t *values, const uint64_t *slots)
{
    for (size_t i = 0; i < values->count; i++) {
        /* By what it is: a host function may have given something else. */
        wazero_value_type_t type =
            kind_of(values, i) ? wazero_reference_type(*slots) : 0;
        if (type == WAZERO_TYPE_EXTERNREF)
            wazero_externref_delete(wazero_decode_externref(*slots));
        else if (type == WAZERO_TYPE_FUNCREF)
            wazero_function_delete(wazero_decode_funcref(*slots));
        slots += slots_of(values, i);
    }
}
