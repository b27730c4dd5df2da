/*
 * parse.c - the parser under a fuzzer.
 *
 * LLVMFuzzerTestOneInput is what libFuzzer calls. With FUZZ_MAIN there is a small
 * driver instead, for compilers that have no libFuzzer: it changes the files it is
 * given at random for a number of seconds. The sanitizers find what is wrong; beside
 * that, what the parser tells must hold together.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stops the process where a fuzzer sees it. */
static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

/* Reads all that the parser has to tell. */
static void look_at(const wazero__parsed_t *parsed)
{
    size_t functions = 0;
    for (size_t i = 0; i < parsed->import_count; i++)
        functions += parsed->imports[i].kind == WAZERO_EXTERN_FUNCTION;
    require(functions == parsed->imported_function_count, "imported functions");
    require(functions <= parsed->function_count, "count of functions");
    for (size_t i = 0; i < parsed->function_count; i++)
        require(parsed->functions[i] < parsed->type_count, "type of a function");
    for (size_t i = 0; i < parsed->export_count; i++) {
        const wazero_extern_t *external = &parsed->exports[i];
        const wazero_extern_t *found =
            wazero__parsed_export(parsed, external->name, external->name_size);
        require(found && found->name_size == external->name_size, "an export's name");
        require(external->name[external->name_size] == '\0', "end of an export's name");
        if (external->kind == WAZERO_EXTERN_FUNCTION)
            require(external->index < parsed->function_count, "an exported function");
    }
    if (parsed->has_start)
        require(parsed->start < parsed->function_count, "the start function");
    require(parsed->name[parsed->name_size] == '\0', "end of the module's name");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const wazero__parse_limits_t limits = {
        .memory_pages = 256, .table_elements = 1000, .features = WAZERO_FEATURES_V2};
    const wazero__parse_limits_t all = {
        .memory_pages = 65536, .table_elements = 10000000, .features = 0xfff};
    wazero__parsed_t *parsed = NULL;

    wazero_error_t *error = wazero__parse(data, size, &limits, &parsed);
    require(error || parsed, "neither error nor result");
    if (!error)
        look_at(parsed);
    wazero_error_delete(error);
    wazero__parsed_delete(parsed);

    parsed = NULL;
    error = wazero__parse(data, size, &all, &parsed);
    if (!error)
        look_at(parsed);
    wazero_error_delete(error);
    wazero__parsed_delete(parsed);
    return 0;
}

#ifdef FUZZ_MAIN

#define LARGEST 65536

static uint64_t state = 0x9e3779b97f4a7c15;

/* xorshift64: the runs need not be good, only different and repeatable. */
static size_t below(size_t limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (size_t)(state % limit);
}

/* Changes size bytes in place, a few times; returns the new size. */
static size_t mutate(uint8_t *bytes, size_t size)
{
    static const uint8_t telling[] = {0,    1,    2,    0x7f, 0x80,
                                      0xff, 0x40, 0x60, 0x70, 0x0b};
    for (size_t times = 1 + below(6); times > 0 && size > 0; times--) {
        size_t at = below(size);
        size_t count = 1 + below(size - at < 16 ? size - at : 16);
        switch (below(5)) {
        case 0:
            bytes[at] = (uint8_t)below(256);
            break;
        case 1:
            bytes[at] = telling[below(sizeof telling)];
            break;
        case 2: /* leave some out */
            memmove(bytes + at, bytes + at + count, size - at - count);
            size -= count;
            break;
        case 3: /* repeat some */
            if (size + count <= LARGEST) {
                memmove(bytes + at + count, bytes + at, size - at);
                size += count;
            }
            break;
        default:
            bytes[at] = (uint8_t)(bytes[at] ^ (1u << below(8)));
            break;
        }
    }
    return size;
}

static size_t read_file(const char *path, uint8_t *bytes)
{
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(bytes, 1, LARGEST, file) : 0;
    if (file)
        fclose(file);
    return size;
}

int main(int argc, char **argv)
{
    uint8_t *seed = (uint8_t *)malloc(LARGEST);
    unsigned long runs = 0;
    if (argc < 3 || !seed) {
        fprintf(stderr, "usage: %s SECONDS FILE...\n", argv[0]);
        return 2;
    }
    time_t end = time(NULL) + atoi(argv[1]);
    for (int i = 2; i < argc; i++)
        LLVMFuzzerTestOneInput(seed, read_file(argv[i], seed));
    while (time(NULL) < end) {
        size_t size = read_file(argv[2 + below((size_t)argc - 2)], seed);
        for (int i = 0; i < 50; i++, runs++) {
            uint8_t *bytes = (uint8_t *)malloc(LARGEST);
            if (!bytes)
                return 2;
            memcpy(bytes, seed, size);
            size_t changed = mutate(bytes, size);
            /* Exactly as long as the input, so that ASan sees the first byte beyond. */
            uint8_t *exact = (uint8_t *)malloc(changed ? changed : 1);
            if (!exact)
                return 2;
            memcpy(exact, bytes, changed);
            LLVMFuzzerTestOneInput(exact, changed);
            free(exact);
            free(bytes);
        }
    }
    free(seed);
    printf("parser: %lu inputs, nothing found\n", runs);
    return 0;
}

#endif
