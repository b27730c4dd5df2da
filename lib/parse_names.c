/*
 * parse_names.c - custom sections, of which wazero reads one: "name". Of the names only
 * places are kept, those of functions one by one, the rest by subsection.
 *
 * By the specification a malformed name section is to be ignored; wazero refuses the
 * module, and so do we. wazero reads the vectors of a subsection without looking at the
 * size of the subsection; so that must be exact here, or Go would read from another
 * place than we did.
 */
#include "parse_parts.h"

enum { NAMES_MODULE = 0, NAMES_FUNCTIONS = 1, NAMES_LOCALS = 2 };

static void skip_name(wazero__parser_t *p, const char *what)
{
    const uint8_t *name;
    uint32_t size;
    wazero__parse_name(p, what, &name, &size);
}

/* A vector of indices and names, of which wazero finds those whose index is larger than
 * all before: it walks along the list and the functions at once. */
static void parse_function_names(wazero__parser_t *p)
{
    wazero__parsed_t *parsed = p->parsed;
    uint32_t count = wazero__parse_count(p, "function names", 2, UINT32_MAX);
    int64_t largest = -1;
    parsed->function_name_count = 0;
    for (uint32_t i = 0; i < count && !p->error; i++) {
        const uint8_t *name;
        wazero__name_t found = {.index = wazero__parse_u32(p, "function names")};
        wazero__parse_name(p, "function names", &name, &found.place.size);
        if (p->error || found.index <= largest)
            continue;
        largest = found.index;
        if (found.index >= 2 * WAZERO__MAX_FUNCTIONS)
            continue;
        found.place.at = wazero__parse_place(p, name);
        parsed->function_names = wazero__parse_room(
            p, parsed->function_names, parsed->function_name_count,
            &p->function_name_capacity, sizeof *parsed->function_names);
        if (!p->error)
            parsed->function_names[parsed->function_name_count++] = found;
    }
}

const char *wazero__parsed_function_name(const wazero__parsed_t *parsed, uint32_t index,
                                         size_t *size)
{
    size_t low = 0, high = parsed->function_name_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const wazero__name_t *name = &parsed->function_names[middle];
        if (name->index == index) {
            *size = name->place.size;
            return (const char *)parsed->wasm + name->place.at;
        }
        if (name->index < index)
            low = middle + 1;
        else
            high = middle;
    }
    *size = 0;
    return "";
}

/* A vector of indices and names. */
static void skip_name_map(wazero__parser_t *p, const char *what)
{
    uint32_t count = wazero__parse_count(p, what, 2, UINT32_MAX);
    for (uint32_t i = 0; i < count && !p->error; i++) {
        wazero__parse_u32(p, what);
        skip_name(p, what);
    }
}

static void parse_subsection(wazero__parser_t *p, uint8_t id)
{
    const uint8_t *name = NULL;
    uint32_t size = 0, count = 0;
    switch (id) {
    case NAMES_MODULE:
        wazero__parse_name(p, "module name", &name, &size);
        p->parsed->name = wazero__parse_copy(p, name, size);
        p->parsed->name_size = size;
        break;
    case NAMES_FUNCTIONS:
        parse_function_names(p);
        break;
    case NAMES_LOCALS:
        count = wazero__parse_count(p, "functions with local names", 2, UINT32_MAX);
        for (uint32_t i = 0; i < count && !p->error; i++) {
            wazero__parse_u32(p, "function with local names");
            skip_name_map(p, "local names");
        }
        break;
    default:
        p->in.at = p->in.end;
    }
}

static void parse_names(wazero__parser_t *p)
{
    const uint8_t *section_end = p->in.end;
    while (!p->error && p->in.at < section_end) {
        uint8_t id = *p->in.at++;
        const uint8_t *at = p->in.at;
        uint32_t size = wazero__parse_u32(p, "the size of a subsection of names");
        size_t left = wazero__reader_left(&p->in);
        if (!p->error && size > left)
            wazero__parse_fail(p, at,
                               "subsection %u of names: its size is %u, but only %zu "
                               "bytes are left",
                               id, size, left);
        if (p->error)
            return;
        if (id < WAZERO__NAME_KINDS)
            p->parsed->names[id] =
                (wazero__span_t){wazero__parse_place(p, p->in.at), size};
        p->in.end = p->in.at + size;
        parse_subsection(p, id);
        if (!p->error && p->in.at != p->in.end)
            wazero__parse_fail(p, p->in.at,
                               "subsection %u of names has %zu bytes too many", id,
                               wazero__reader_left(&p->in));
        p->in.end = section_end;
    }
}

void wazero__parse_custom(wazero__parser_t *p)
{
    static const char NAME[4] = {'n', 'a', 'm', 'e'};
    const uint8_t *at = p->in.at, *name;
    uint32_t size;
    wazero__parse_name(p, "custom section name", &name, &size);
    char *copy = wazero__parse_copy(p, name, size);
    if (p->error)
        return;
    wazero__parsed_t *parsed = p->parsed;
    parsed->custom_sections = wazero__parse_room(
        p, parsed->custom_sections, parsed->custom_section_count,
        &p->custom_section_capacity, sizeof *parsed->custom_sections);
    if (p->error)
        return;
    size_t position = parsed->section_count - 1;
    parsed->custom_sections[parsed->custom_section_count++] = (uint32_t)position;
    wazero_section_t *section = &parsed->sections[position];
    section->name = copy;
    section->name_size = size;
    section->data = p->in.at;
    section->data_size = wazero__reader_left(&p->in);
    if (size != sizeof NAME || memcmp(name, NAME, sizeof NAME) != 0) {
        p->in.at = p->in.end;
        return;
    }
    if (p->has_name_section)
        wazero__parse_fail(p, at, "redundant custom section name");
    p->has_name_section = true;
    parse_names(p);
}
