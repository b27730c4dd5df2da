/*
 * emscripten.c - invoke_*, longjmp and the notice of growth. See emscripten.h.
 *
 * Emscripten turns a call that may be left by longjmp into one of env.invoke_SIGNATURE
 * with the function's number in the module's table. Around the call the program's own
 * stack pointer is kept, by exports of the program; if the call ends by
 * _emscripten_throw_longjmp, it is put back, and setThrew tells the program.
 */
#include "emscripten.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine.h"
#include "error.h"
#include "function.h"
#include "module.h"
#include "value.h"

enum { KNOWN = 32 };

/* An invoke of one module. What is known is of the thread inside. */
typedef struct {
    wazero_module_t *owner; /* borrowed: it has the definition of this */
    /* Functions of the owner's own that were found by their references. (2026-11-25, a
     * busy machine: a call took 3.9 us without, 0.8 with them.) */
    struct {
        uint64_t reference;
        wazero__callable_t *callable;
    } known[KNOWN];
    /* The import's, without its first parameter, the number. */
    wazero_function_type_t type;
    wazero_value_type_t types[];
} invoke_t;

/* ---- functions of the program's ---- */

/* Calls an export by name with up to two slots, as many as the program's have. */
static wazero_error_t *call_export(wazero_module_t *module, const char *name,
                                   uint64_t *slots)
{
    const wazero_extern_t *export =
        wazero_module_find_export(module, name, WAZERO_CSTR);
    if (!export || export->kind != WAZERO_EXTERN_FUNCTION)
        return wazero__error(WAZERO_ERROR_INVALID, "%s not exported", name);
    if (export->type.function.slot_count > 2)
        return wazero__error(WAZERO_ERROR_INVALID, "%s is not of Emscripten's type",
                             name);
    wazero__callable_t *callable = wazero__module_callable(module, export);
    return callable ? wazero__callable_call(callable, slots, WAZERO_NO_TIMEOUT)
                    : wazero__error_memory();
}

static wazero_error_t *trap(wazero_trap_code_t code)
{
    char text[64];
    int size =
        snprintf(text, sizeof text, "wasm error: %s", wazero_trap_code_text(code));
    return wazero__error_from_engine(WAZERO_ERROR_TRAP, text, (size_t)size, 0);
}

/* The function that a reference leads to, which must be of the invoke's type. *handle
 * keeps it unless it is the module's own. */
static wazero_error_t *resolve(invoke_t *invoke, wazero_module_t *module,
                               uint64_t reference, wazero_function_t **handle,
                               wazero__callable_t **callable)
{
    wz_error failure = {0};
    wz_function_place place;
    size_t slot = (size_t)(reference >> 4) % KNOWN;
    if (module == invoke->owner && invoke->known[slot].reference == reference) {
        *callable = invoke->known[slot].callable;
        return NULL;
    }
    if (!wazero__engine()->reference_resolve(module->handle, reference, &place,
                                             &failure))
        return wazero__engine_error(&failure);
    wazero_error_t *error = wazero__function_at(&place, handle);
    if (error)
        return error;
    *callable = (*handle)->callable;
    if (!wazero__type_equal((*callable)->type, &invoke->type))
        return trap(WAZERO_TRAP_INDIRECT_CALL_TYPE_MISMATCH);
    if (module == invoke->owner && (*callable)->module == module) {
        invoke->known[slot].reference = reference;
        invoke->known[slot].callable = *callable;
    }
    return NULL;
}

/* The function at a place of the module's first table. The module is entered: its own
 * code calls. */
static wazero_error_t *find_function(invoke_t *invoke, wazero_module_t *module,
                                     uint32_t element, wazero_function_t **handle,
                                     wazero__callable_t **callable)
{
    wz_error failure = {0};
    uint64_t reference = 0;
    if (!wazero__engine()->table_get(module->handle, 0, element, &reference,
                                     &failure)) {
        wazero_error_delete(wazero__engine_error(&failure));
        reference = 0; /* there is no such element */
    }
    return reference ? resolve(invoke, module, reference, handle, callable)
                     : trap(WAZERO_TRAP_INVALID_TABLE_ACCESS);
}

/* ---- the functions ---- */

/* Whether the program can still be called after its call has ended so. */
static bool can_go_on(const wazero_error_t *error)
{
    switch (wazero_error_kind(error)) {
    case WAZERO_ERROR_TRAP:
    case WAZERO_ERROR_HOST:
    case WAZERO_ERROR_LINK:
    case WAZERO_ERROR_COMPILE:
    case WAZERO_ERROR_INVALID:
        return true;
    default:
        return false;
    }
}

/* The call has ended with an error, and the stack pointer was that. Takes error. */
static wazero_error_t *land(wazero_module_t *caller, uint64_t stack_pointer,
                            wazero_error_t *error)
{
    uint64_t slots[2] = {stack_pointer, 0};
    if (!can_go_on(error))
        return error;
    wazero_error_t *second = call_export(caller, "_emscripten_stack_restore", slots);
    if (!second && wazero__error_is_longjmp(error)) {
        slots[0] = 1;
        slots[1] = 0;
        second = call_export(caller, "setThrew", slots);
        if (!second) {
            wazero_error_delete(error);
            return NULL;
        }
    }
    if (!second)
        return error;
    wazero_error_delete(error);
    return second;
}

static wazero_error_t *call_invoke(void *user, wazero_module_t *caller, uint64_t *stack)
{
    invoke_t *invoke = user;
    wazero_function_t *handle = NULL;
    wazero__callable_t *callable = NULL;
    uint64_t slots[2] = {0, 0};
    if (!caller)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "Emscripten's invoke was called by the host: it needs the "
                             "table of a module that imports it");
    wazero_error_t *error =
        find_function(invoke, caller, (uint32_t)stack[0], &handle, &callable);
    if (!error)
        error = call_export(caller, "emscripten_stack_get_current", slots);
    if (!error) {
        memmove(stack, stack + 1, invoke->type.param_slot_count * sizeof *stack);
        error = wazero__callable_call(callable, stack, WAZERO_NO_TIMEOUT);
        if (error)
            error = land(caller, slots[0], error);
    }
    wazero_function_delete(handle);
    return error;
}

static wazero_error_t *throw_longjmp(void *user, wazero_module_t *caller,
                                     uint64_t *stack)
{
    (void)user;
    (void)caller;
    (void)stack;
    return wazero__error_longjmp();
}

/* Memory has grown: JavaScript would have to look for it anew. */
static wazero_error_t *notify_growth(void *user, wazero_module_t *caller,
                                     uint64_t *stack)
{
    (void)user;
    (void)caller;
    (void)stack;
    return NULL;
}

/* ---- finding ---- */

static bool begins_with(const wazero_extern_t *import, const char *prefix)
{
    size_t size = strlen(prefix);
    return import->name_size > size && memcmp(import->name, prefix, size) == 0;
}

/* Whether an import may be an invoke: a number of the table first, and no references,
 * which would have to be kept. */
static bool is_invoke(const wazero_extern_t *import)
{
    const wazero_function_type_t *type = &import->type.function;
    if (import->kind != WAZERO_EXTERN_FUNCTION || !begins_with(import, "invoke_") ||
        !type->param_count || type->params[0] != WAZERO_TYPE_I32)
        return false;
    for (size_t i = 0; i < type->param_count; i++)
        if (!wazero__type_is_number(type->params[i]))
            return false;
    for (size_t i = 0; i < type->result_count; i++)
        if (!wazero__type_is_number(type->results[i]))
            return false;
    return true;
}

static wazero_error_t *new_invoke(wazero_module_t *owner,
                                  const wazero_function_type_t *type,
                                  wazero__definition_t **definition)
{
    size_t params = type->param_count - 1, results = type->result_count;
    invoke_t *made = calloc(1, sizeof *made + params + results);
    if (!made)
        return wazero__error_memory();
    made->owner = owner;
    memcpy(made->types, type->params + 1, params);
    if (results)
        memcpy(made->types + params, type->results, results);
    made->type = (wazero_function_type_t){
        .params = made->types,
        .param_count = params,
        .results = made->types + params,
        .result_count = results,
        .param_slot_count = params,
        .result_slot_count = results,
        .slot_count = params > results ? params : results,
    };
    *definition = wazero__definition_new(call_invoke, made, free);
    return *definition ? NULL : wazero__error_memory();
}

wazero_error_t *wazero__emscripten_find(wazero_module_t *module,
                                        const wazero_extern_t *import,
                                        wazero__definition_t **definition,
                                        wazero_extern_t *given)
{
    static const wazero_value_type_t index[] = {WAZERO_TYPE_I32};
    wazero_host_function_t function = NULL;
    *definition = NULL;
    if (!wazero__text_is(import->module, import->module_size, "env", 3))
        return NULL;
    *given = (wazero_extern_t){.module = "",
                               .name = import->name,
                               .name_size = import->name_size,
                               .kind = WAZERO_EXTERN_FUNCTION};
    if (is_invoke(import)) {
        given->type.function = import->type.function;
        return new_invoke(module, &import->type.function, definition);
    }
    if (wazero__text_is(import->name, import->name_size, "_emscripten_throw_longjmp",
                        25)) {
        function = throw_longjmp;
    } else if (wazero__text_is(import->name, import->name_size,
                               "emscripten_notify_memory_growth", 31)) {
        function = notify_growth;
        given->type.function = (wazero_function_type_t){
            .params = index, .param_count = 1, .param_slot_count = 1, .slot_count = 1};
    } else {
        return NULL;
    }
    *definition = wazero__definition_new(function, NULL, NULL);
    return *definition ? NULL : wazero__error_memory();
}
