/*
 * calls.c - what calls cost in C.
 *
 *     calls INTERRUPT.WASM
 *
 * Prints a line for each measurement: its name and how many nanoseconds one call takes,
 * the best of some rounds in which the measurements take turns; or a number of
 * instructions. calls.go measures the same in Go.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <wazero.h>

#include "steps.h"
#include "timing.h"

enum { ROUNDS = 15, COUNT = 300000 };

/* Does as little as a call can that goes through a pointer. */
static wazero_error_t *empty(wazero_function_t *function, uint64_t *stack, size_t count)
{
    (void)function;
    (void)count;
    stack[0] = (uint32_t)(stack[0] + stack[1]);
    return NULL;
}

static wazero_error_t *host(void *user, wazero_module_t *caller, uint64_t *stack)
{
    (void)user;
    (void)caller;
    (void)stack; /* parameter and result are in the same place */
    return NULL;
}

/* What takes part: it is called COUNT times, or it loops as often by itself. */
typedef struct {
    const char *name;
    wazero_error_t *(*volatile call)(wazero_function_t *, uint64_t *, size_t);
    wazero_function_t *function;
    bool loops;
    double best;
} entrant_t;

static double run(const entrant_t *entrant)
{
    uint64_t stack[2] = {COUNT, 7};
    double start = now();
    if (entrant->loops)
        must(entrant->call(entrant->function, stack, 2));
    else
        for (int i = 0; i < COUNT; i++)
            must(entrant->call(entrant->function, stack, 2));
    return (now() - start) / COUNT;
}

/* Calls the host function from C as often as the guest does from wasm. */
static wazero_error_t *call_host_often(wazero_function_t *function, uint64_t *stack,
                                       size_t count)
{
    wazero_error_t *(*volatile call)(void *, wazero_module_t *, uint64_t *) = host;
    wazero_error_t *error = NULL;
    (void)function;
    (void)count;
    for (uint64_t i = stack[0]; i && !error; i--)
        error = call(NULL, NULL, stack);
    return error;
}

static long instructions(wazero_function_t *function)
{
    uint64_t stack[2] = {5, 7};
    long least = 0;
    for (int i = 0; i < 10; i++) {
        steps_begin();
        wazero_error_t *error = wazero_function_call_with_stack(function, stack, 2);
        long count = steps_end();
        must(error);
        if (i == 0 || count < least)
            least = count;
    }
    return least;
}

static wazero_module_t *instantiate(wazero_runtime_t *runtime, const char *path)
{
    static uint8_t wasm[65536];
    wazero_imports_t *imports;
    wazero_module_t *module;
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    size_t size = fread(wasm, 1, sizeof wasm, file);
    fclose(file);
    must(wazero_imports_new(&imports));
    must(wazero_imports_add_function(imports, "env", WAZERO_CSTR, "host", WAZERO_CSTR,
                                     host, NULL, NULL));
    must(wazero_runtime_instantiate(runtime, wasm, size, imports, NULL, &module));
    wazero_imports_delete(imports);
    return module;
}

int main(int argc, char **argv)
{
    wazero_runtime_t *runtime;
    wazero_function_t *add, *often;
    if (argc != 2) {
        fprintf(stderr, "usage: %s INTERRUPT.WASM\n", argv[0]);
        return 2;
    }
    must(wazero_runtime_new(NULL, &runtime));
    wazero_module_t *module = instantiate(runtime, argv[1]);
    must(wazero_module_function(module, "add", WAZERO_CSTR, &add));
    must(wazero_module_function(module, "call_host_often", WAZERO_CSTR, &often));
    entrant_t entrants[] = {
        {"call", wazero_function_call_with_stack, add, false, 0},
        {"empty", empty, NULL, false, 0},
        {"host", wazero_function_call_with_stack, often, true, 0},
        {"host_empty", call_host_often, NULL, true, 0},
    };
    size_t count = sizeof entrants / sizeof *entrants;
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < count; i++) {
            double took = run(&entrants[i]);
            if (round == 0 || took < entrants[i].best)
                entrants[i].best = took;
        }
    }
    for (size_t i = 0; i < count; i++)
        printf("%s %.3f\n", entrants[i].name, entrants[i].best);
    printf("instructions %ld\n", instructions(add));
    wazero_function_delete(often);
    wazero_function_delete(add);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
    return 0;
}
