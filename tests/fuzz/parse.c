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

#include "dwarf.h"
#include "inspect.h"

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

/* Whether a part that an inspection tells of is inside of the module. */
static void require_inside(size_t offset, size_t size, size_t whole, const char *what)
{
    require(offset <= whole && size <= whole - offset, what);
}

static void require_text(wazero_name_t name, const char *what)
{
    require(name.data && name.data[name.size] == '\0', what);
}

/* The first functions only: putting all together takes long. */
static void look_at_functions(const wazero_inspection_t *inspection, size_t whole)
{
    size_t count =
        wazero_inspection_definition_count(inspection, WAZERO_EXTERN_FUNCTION);
    for (size_t i = 0; i < count && i < 100; i++) {
        const wazero_function_definition_t *function = NULL;
        require(!wazero_inspection_function(inspection, i, &function), "a function");
        require_text(function->debug_name, "a debug name");
        require(function->name.size + function->module_name.size <
                    function->debug_name.size,
                "size of a debug name");
        for (size_t j = 0; j < function->param_name_count; j++)
            require_text(function->param_names[j], "a parameter's name");
        require(function->param_name_count == 0 ||
                    function->param_name_count == function->type->param_count,
                "names of parameters");
        for (size_t j = 0; j < function->export_name_count; j++)
            require(wazero__parsed_export(inspection->parsed,
                                          function->export_names[j].data,
                                          function->export_names[j].size) ==
                        wazero_inspection_export_of(inspection, WAZERO_EXTERN_FUNCTION,
                                                    i, j),
                    "a function's export");
        require_inside(function->code_offset, function->code_size, whole, "a body");
        require(function->import ? !function->code_size : function->code_size > 0,
                "what has a body");
    }
}

static void look_at_parts(const wazero_inspection_t *inspection, size_t whole)
{
    wazero_definition_t definition;
    wazero_element_segment_t element;
    wazero_data_segment_t data;
    size_t end = 8;
    for (size_t i = 0; i < wazero_inspection_section_count(inspection); i++) {
        const wazero_section_t *section = wazero_inspection_section(inspection, i);
        require(section->offset == end, "where a section is");
        require(section->name[section->name_size] == '\0', "a section's name");
        end += section->size;
        require(section->data_size < section->size, "a section's contents");
    }
    require(end == whole, "end of the sections");
    for (int kind = 0; kind < WAZERO__EXTERN_KINDS; kind++)
        for (size_t i = 0; wazero_inspection_definition(
                 inspection, (wazero_extern_kind_t)kind, i, &definition);
             i++)
            require_inside(definition.init.offset, definition.init.size, whole,
                           "an initial value");
    for (size_t i = 0; wazero_inspection_element(inspection, i, &element); i++)
        require_inside(element.offset.offset, element.offset.size, whole, "an offset");
    for (size_t i = 0; wazero_inspection_data(inspection, i, &data); i++)
        require_inside(data.position, data.size, whole, "a data segment");
}

/* Reads all that an inspection has to tell. */
static void inspect(const uint8_t *bytes, size_t size)
{
    wazero_inspection_t *inspection = NULL;
    const wazero_named_t *names;
    size_t count;
    wazero_error_t *error = wazero_inspect(NULL, bytes, size, &inspection);
    if (error) {
        wazero_error_delete(error);
        return;
    }
    look_at_functions(inspection, size);
    look_at_parts(inspection, size);
    for (int kind = 0; kind < WAZERO__NAME_KINDS; kind++) {
        require(!wazero_inspection_names(inspection, (wazero_name_kind_t)kind, &names,
                                         &count),
                "names");
        for (size_t i = 0; i < count; i++)
            require_text(names[i].name, "a name");
    }
    wazero_inspection_delete(inspection);
}

/* Looks lines up at some places, each with steps for a thousandth of a second. */
static void look_up(const wazero__parsed_t *parsed)
{
    static wazero__dwarf_place_t places[WAZERO__DWARF_INLINED];
    static const uint64_t addresses[] = {1, 0x11, 0x2b, 0x40, 0x80, 0x1000};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        wazero__dwarf_t dwarf;
        wazero__dwarf_open(&dwarf, parsed);
        dwarf.budget = 200000;
        size_t count = wazero__dwarf_find(&dwarf, addresses[i], places);
        require(count <= WAZERO__DWARF_INLINED, "count of places");
        for (size_t j = 0; j < count; j++)
            for (const char *at = places[j].file; *at; at++)
                require((unsigned char)*at >= ' ', "a path");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const wazero__parse_limits_t limits = {
        .memory_pages = 256, .table_elements = 1000, .features = WAZERO_FEATURES_V2};
    const wazero__parse_limits_t all = {
        .memory_pages = 65536, .table_elements = 10000000, .features = 0xfff};
    wazero__parsed_t *parsed = NULL;

    inspect(data, size);
    wazero_error_t *error = wazero__parse(data, size, &limits, &parsed);
    require(error || parsed, "neither error nor result");
    if (!error)
        look_at(parsed);
    wazero_error_delete(error);
    wazero__parsed_delete(parsed);

    parsed = NULL;
    error = wazero__parse(data, size, &all, &parsed);
    if (!error) {
        look_at(parsed);
        look_up(parsed);
    }
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
