/*
 * seed.c - the seed's six functions, kept to the letter over the typed API. This file
 * is the stated exception to the house rules: void pointers, close that also frees,
 * messages as plain strings.
 */
#include <stdlib.h>

#include "error.h"
#include "wazero.h"

/* Hands the message of an error out, if the caller wants it, and deletes the error.
 * Returns whether there was one. */
static bool hand_out(wazero_error_t *failure, char **error)
{
    if (error)
        *error = NULL;
    if (!failure)
        return false;
    if (error) {
        size_t size;
        const char *message = wazero_error_message(failure, &size);
        *error = malloc(size + 1);
        if (*error)
            memcpy(*error, message, size + 1);
    }
    wazero_error_delete(failure);
    return true;
}

void *wazero_new_runtime(void)
{
    wazero_runtime_t *runtime = NULL;
    return hand_out(wazero_runtime_new(NULL, &runtime), NULL) ? NULL : runtime;
}

void wazero_runtime_close(void *runtime)
{
    wazero_runtime_delete(runtime);
}

void *wazero_instantiate(void *runtime, const void *wasm, size_t len, char **error)
{
    wazero_module_t *module = NULL;
    wazero_error_t *failure =
        runtime ? wazero_runtime_instantiate(runtime, wasm, len, NULL, NULL, &module)
                : wazero__error(WAZERO_ERROR_INVALID, "the runtime must not be NULL");
    return hand_out(failure, error) ? NULL : module;
}

void wazero_module_close(void *module)
{
    if (!module)
        return;
    /* It cannot be from before a fork and still need closing. */
    wazero_error_delete(wazero_module_close_with_exit_code(module, 0));
    wazero_module_delete(module);
}

int wazero_call_function(void *module, const char *name, const uint64_t *args,
                         size_t nargs, uint64_t *results, size_t nresults, char **error)
{
    wazero_function_t *function;
    wazero_error_t *failure;
    if (!module || !name)
        failure = wazero__error(WAZERO_ERROR_INVALID, "the %s must not be NULL",
                                module ? "function's name" : "module");
    else
        failure = wazero_module_function(module, name, WAZERO_CSTR, &function);
    if (!failure) {
        failure = wazero_function_call(function, args, nargs, results, nresults);
        wazero_function_delete(function);
    }
    return hand_out(failure, error) ? -1 : 0;
}

void wazero_free(void *memory)
{
    free(memory);
}
