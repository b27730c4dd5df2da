/*
 * wasi.c - what an empty WASI call costs beside an empty host function of C's.
 *
 *     wasi EMPTY.WASM
 *
 * Prints for each its name and how many nanoseconds one call from wasm takes, the best
 * of some rounds in which they take turns.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <wazero.h>

#include "timing.h"

enum { ROUNDS = 30, COUNT = 300000 };

static wazero_error_t *nothing(void *user, wazero_module_t *caller, uint64_t *stack)
{
    (void)user;
    (void)caller;
    stack[0] = 0;
    return NULL;
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"host", "wasi"};
    static uint8_t wasm[65536];
    double best[2] = {1e9, 1e9};
    wazero_runtime_t *runtime;
    wazero_imports_t *imports;
    wazero_module_t *module;
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (!file) {
        fprintf(stderr, "usage: %s EMPTY.WASM\n", argv[0]);
        return 2;
    }
    size_t size = fread(wasm, 1, sizeof wasm, file);
    fclose(file);
    must(wazero_runtime_new(NULL, &runtime));
    must(wazero_imports_new(&imports));
    must(wazero_imports_add_function(imports, "env", WAZERO_CSTR, "nothing",
                                     WAZERO_CSTR, nothing, NULL, NULL));
    must(wazero_runtime_instantiate(runtime, wasm, size, imports, NULL, &module));
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < 2; i++) {
            wazero_function_t *function;
            uint64_t stack[1] = {COUNT};
            must(wazero_module_function(module, names[i], WAZERO_CSTR, &function));
            double start = now();
            must(wazero_function_call_with_stack(function, stack, 1));
            double took = (now() - start) / COUNT;
            if (took < best[i])
                best[i] = took;
            wazero_function_delete(function);
        }
    for (int i = 0; i < 2; i++)
        printf("%s %.3f\n", names[i], best[i]);
    wazero_module_delete(module);
    wazero_imports_delete(imports);
    wazero_runtime_delete(runtime);
    return 0;
}
