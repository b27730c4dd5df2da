/*
 * parse_sections.c - the sections that declare what a module imports, defines and
 * exports.
 *
 * Whatever an import or an export refers to must exist, for its type is handed out.
 * Rules that need no more than that (features, mutability, where constant expressions
 * may be) are wazero's to check, and so are its messages used where it has one.
 *
 * An imported memory or table keeps the limits that it declares: what may be allocated
 * is up to the module that owns it, which came through here as well.
 */
#include "parse_parts.h"

#include <stdio.h>

#include "value.h"

/* ---- types of what is declared ---- */

typedef struct {
    const uint8_t *flags_at;
    const uint8_t *min_end;
    const uint8_t *end;
} limits_place_t;

static wazero_limits_t parse_limits(wazero__parser_t *p, limits_place_t *place)
{
    wazero_limits_t limits = {0};
    place->flags_at = p->in.at;
    uint8_t flags = wazero__parse_byte(p, "the flags of limits");
    if (flags > 3) {
        wazero__parse_fail(
            p, place->flags_at,
            "invalid byte for limits: %#x not in (0x00, 0x01, 0x02, "
            "0x03)%s",
            flags, flags < 8 ? " (64-bit memories and tables are not supported)" : "");
        return limits;
    }
    limits.has_max = flags & 1;
    limits.shared = flags & 2;
    limits.min = wazero__parse_u32(p, "min of limits");
    place->min_end = p->in.at;
    if (limits.has_max)
        limits.max = wazero__parse_u32(p, "max of limits");
    place->end = p->in.at;
    return limits;
}

/* A number of pages as wazero writes it: "64 Ki". */
static const char *show_pages(uint64_t pages, char buffer[32])
{
    static const char *const units[] = {"Ki", "Mi", "Gi", "Ti"};
    uint64_t size = pages * 64;
    int unit = 0;
    for (; size >= 1024 && unit < 3; unit++)
        size /= 1024;
    snprintf(buffer, 32, "%llu %s", (unsigned long long)size, units[unit]);
    return buffer;
}

/* `where` is "" or describes an import, with ": " behind it. */
static void check_memory(wazero__parser_t *p, wazero_limits_t limits, const char *where)
{
    char left[32], right[32];
    unsigned long long limit = p->limits->memory_pages;
    unsigned long long min = limits.min, max = limits.max;
    if (limits.has_max && max > 65536)
        wazero__parse_fail_plain(
            p, "%smax %llu pages (%s) over limit of %llu pages (%s)", where, max,
            show_pages(max, left), limit, show_pages(limit, right));
    else if (min > limit)
        wazero__parse_fail_plain(
            p, "%smin %llu pages (%s) over limit of %llu pages (%s)", where, min,
            show_pages(min, left), limit, show_pages(limit, right));
    else if (limits.has_max && min > max)
        wazero__parse_fail_plain(p, "%smin %llu pages (%s) > max %llu pages (%s)",
                                 where, min, show_pages(min, left), max,
                                 show_pages(max, right));
}

static wazero_limits_t parse_memory(wazero__parser_t *p, const char *where)
{
    limits_place_t place = {0};
    wazero_limits_t limits = parse_limits(p, &place);
    if (p->error)
        return limits;
    if (p->parsed->has_memory) {
        wazero__parse_fail(p, place.flags_at,
                           "%sat most one memory allowed in module, imported ones "
                           "included",
                           where);
        return limits;
    }
    check_memory(p, limits, where);
    if (limits.has_max && limits.max > p->limits->memory_pages) {
        p->memory_max_at = place.min_end;
        p->memory_max_size = (size_t)(place.end - place.min_end);
        p->memory_max = p->limits->memory_pages;
    }
    p->parsed->has_memory = true;
    p->parsed->memory = limits;
    return limits;
}

/* Element type and limits, and an expression if there is one. *place gets where the
 * limits are. */
static wazero__table_t parse_table(wazero__parser_t *p, const char *where,
                                   limits_place_t *place)
{
    wazero__table_t table = {0};
    bool has_init = false;
    const uint8_t *at = p->in.at;
    if (at < p->in.end && *at == 0x40) {
        p->in.at++;
        wazero__parse_require(p, at, WAZERO_FEATURE_TYPED_FUNCTION_REFERENCES,
                              "a table with an initial value");
        uint8_t reserved = wazero__parse_byte(p, "a table");
        if (reserved != 0)
            wazero__parse_fail(p, at,
                               "%sexpected 0x00 after 0x40 table prefix, got 0x%02x",
                               where, reserved);
        has_init = true;
    }
    const uint8_t *type_at = p->in.at;
    table.element =
        wazero__parse_value_type(p, "the element type of a table", &table.reference);
    if (!p->error && table.element >= WAZERO_TYPE_V128)
        wazero__parse_fail(p, type_at, "%sthe elements of a table cannot be %s", where,
                           wazero_value_type_name(table.element));
    table.limits = parse_limits(p, place);
    if (table.limits.shared)
        wazero__parse_fail(p, place->flags_at, "%stables cannot be marked as shared",
                           where);
    if (table.limits.has_max && table.limits.min > table.limits.max)
        wazero__parse_fail(
            p, place->flags_at,
            "%stable size minimum must not be greater than maximum: %llu > %llu", where,
            (unsigned long long)table.limits.min, (unsigned long long)table.limits.max);
    if (has_init) {
        table.init = wazero__parse_place(p, p->in.at);
        wazero__parse_expression(p);
    }
    return table;
}

static wazero__global_t parse_global_type(wazero__parser_t *p)
{
    wazero__global_t global = {0};
    global.value =
        wazero__parse_value_type(p, "the type of a global", &global.reference);
    const uint8_t *at = p->in.at;
    uint8_t mutability = wazero__parse_byte(p, "the type of a global");
    if (mutability > 1)
        wazero__parse_fail(p, at, "invalid byte for mutability: %#x != 0x00 or 0x01",
                           mutability);
    global.is_mutable = mutability == 1;
    return global;
}

/* The type index of a tag. */
static uint32_t parse_tag(wazero__parser_t *p, const char *where)
{
    const uint8_t *at = p->in.at;
    wazero__parse_require(p, at, WAZERO_FEATURE_EXCEPTION_HANDLING, "a tag");
    uint8_t attribute = wazero__parse_byte(p, "a tag");
    if (attribute != 0)
        wazero__parse_fail(p, at, "%sinvalid tag attribute: %#x", where, attribute);
    at = p->in.at;
    uint32_t type = wazero__parse_u32(p, "the type of a tag");
    if (!p->error && type >= p->parsed->type_count)
        wazero__parse_fail(p, at, "%stag type index %u out of range", where, type);
    return type;
}

/* ---- index spaces ---- */

static void add_function(wazero__parser_t *p, uint32_t type)
{
    p->parsed->functions =
        wazero__parse_room(p, p->parsed->functions, p->parsed->function_count,
                           &p->function_capacity, sizeof *p->parsed->functions);
    if (!p->error)
        p->parsed->functions[p->parsed->function_count++] = type;
}

static void add_table(wazero__parser_t *p, wazero__table_t table)
{
    wazero__parsed_t *parsed = p->parsed;
    parsed->tables = wazero__parse_room(p, parsed->tables, parsed->table_count,
                                        &p->table_capacity, sizeof *parsed->tables);
    if (!p->error)
        parsed->tables[parsed->table_count++] = table;
}

static void add_global(wazero__parser_t *p, wazero__global_t global)
{
    wazero__parsed_t *parsed = p->parsed;
    parsed->globals = wazero__parse_room(p, parsed->globals, parsed->global_count,
                                         &p->global_capacity, sizeof *parsed->globals);
    if (!p->error)
        parsed->globals[parsed->global_count++] = global;
}

static void add_tag(wazero__parser_t *p, uint32_t type)
{
    wazero__parsed_t *parsed = p->parsed;
    parsed->tags = wazero__parse_room(p, parsed->tags, parsed->tag_count,
                                      &p->tag_capacity, sizeof *parsed->tags);
    if (!p->error)
        parsed->tags[parsed->tag_count++] = type;
}

/* Sets the type of an extern out of its kind and index, which are in range. */
static void set_type(const wazero__parser_t *p, wazero_extern_t *item)
{
    switch (item->kind) {
    case WAZERO_EXTERN_FUNCTION:
        item->type.function = p->parsed->types[p->parsed->functions[item->index]];
        break;
    case WAZERO_EXTERN_TABLE:
        item->type.table.limits = p->parsed->tables[item->index].limits;
        item->type.table.element = p->parsed->tables[item->index].element;
        item->type.table.reference = p->parsed->tables[item->index].reference;
        break;
    case WAZERO_EXTERN_MEMORY:
        item->type.memory = p->parsed->memory;
        break;
    case WAZERO_EXTERN_GLOBAL:
        item->type.global.value = p->parsed->globals[item->index].value;
        item->type.global.reference = p->parsed->globals[item->index].reference;
        item->type.global.is_mutable = p->parsed->globals[item->index].is_mutable;
        break;
    case WAZERO_EXTERN_TAG:
        item->type.function = p->parsed->types[p->parsed->tags[item->index]];
        break;
    }
}

/* ---- imports ---- */

static void parse_imported(wazero__parser_t *p, wazero_extern_t *item,
                           const char *where)
{
    uint32_t type;
    limits_place_t place = {0};
    const uint8_t *at = p->in.at;
    switch (item->kind) {
    case WAZERO_EXTERN_FUNCTION:
        type = wazero__parse_u32(p, "the type of a function");
        if (!p->error && type >= p->parsed->type_count)
            wazero__parse_fail(p, at, "%stype index %u out of range", where, type);
        item->index = (uint32_t)p->parsed->function_count;
        add_function(p, type);
        break;
    case WAZERO_EXTERN_TABLE:
        item->index = (uint32_t)p->parsed->table_count;
        add_table(p, parse_table(p, where, &place));
        break;
    case WAZERO_EXTERN_MEMORY:
        parse_memory(p, where);
        p->parsed->memory_imported = true;
        break;
    case WAZERO_EXTERN_GLOBAL:
        item->index = (uint32_t)p->parsed->global_count;
        add_global(p, parse_global_type(p));
        break;
    case WAZERO_EXTERN_TAG:
        item->index = (uint32_t)p->parsed->tag_count;
        add_tag(p, parse_tag(p, where));
        break;
    }
    if (!p->error)
        set_type(p, item);
}

/* The module and the name, copied. */
static void parse_import_names(wazero__parser_t *p, wazero_extern_t *item)
{
    const uint8_t *module, *name;
    uint32_t module_size, name_size;
    wazero__parse_name(p, "import module", &module, &module_size);
    wazero__parse_name(p, "import name", &name, &name_size);
    item->module = wazero__parse_copy(p, module, module_size);
    item->module_size = module_size;
    item->name = wazero__parse_copy(p, name, name_size);
    item->name_size = name_size;
}

static void parse_import(wazero__parser_t *p, uint32_t index, wazero_extern_t *item)
{
    char where[300];
    parse_import_names(p, item);
    const uint8_t *at = p->in.at;
    uint8_t kind = wazero__parse_byte(p, "the kind of an import");
    if (kind > WAZERO_EXTERN_TAG)
        wazero__parse_fail(p, at, "import[%u]: invalid byte for importdesc: %#x", index,
                           kind);
    if (p->error)
        return;
    item->kind = (wazero_extern_kind_t)kind;
    /* wazero's names of the kinds, which are shorter than ours. */
    snprintf(where, sizeof where, "import[%u] %s[%.*s.%.*s]: ", index,
             kind == 0 ? "func" : wazero_extern_kind_name(item->kind),
             wazero__parse_shown(item->module, item->module_size), item->module,
             wazero__parse_shown(item->name, item->name_size), item->name);
    parse_imported(p, item, where);
}

void wazero__parse_imports(wazero__parser_t *p)
{
    uint32_t count = wazero__parse_count(p, "imports", 4, WAZERO__MAX_IMPORTS);
    p->parsed->imports = wazero__parse_alloc(p, count, sizeof *p->parsed->imports);
    for (uint32_t i = 0; i < count && !p->error; i++)
        parse_import(p, i, &p->parsed->imports[i]);
    p->parsed->import_count = count;
    p->parsed->imported_function_count = p->parsed->function_count;
    p->parsed->imported_table_count = p->parsed->table_count;
    p->parsed->imported_global_count = p->parsed->global_count;
    p->parsed->imported_tag_count = p->parsed->tag_count;
}

/* ---- definitions ---- */

void wazero__parse_functions(wazero__parser_t *p)
{
    uint32_t count = wazero__parse_count(p, "functions", 1, WAZERO__MAX_FUNCTIONS);
    for (uint32_t i = 0; i < count && !p->error; i++) {
        const uint8_t *at = p->in.at;
        uint32_t type = wazero__parse_u32(p, "the type of a function");
        if (!p->error && type >= p->parsed->type_count)
            wazero__parse_fail(
                p, at, "invalid function[%u]: type section index %u out of range", i,
                type);
        add_function(p, type);
    }
}

/* The most elements that Go may let a table grow to. With many tables the growth is
 * shared, or a table.grow for each of them would take all memory. */
static uint32_t largest_table(const wazero__parser_t *p, wazero_limits_t limits,
                              uint32_t count)
{
    uint64_t largest = p->limits->table_elements;
    if (count > WAZERO__MAX_FULL_TABLES)
        largest = largest * WAZERO__MAX_FULL_TABLES / count;
    if (largest < limits.min)
        largest = limits.min;
    return (uint32_t)(limits.has_max && limits.max < largest ? limits.max : largest);
}

void wazero__parse_tables(wazero__parser_t *p)
{
    uint32_t count = wazero__parse_count(p, "tables", 3, WAZERO__MAX_TABLES);
    uint64_t sum = 0;
    p->table_places = wazero__parse_alloc(p, count, sizeof *p->table_places);
    for (uint32_t i = 0; i < count && !p->error; i++) {
        const uint8_t *at = p->in.at;
        limits_place_t place = {0};
        wazero__table_t table = parse_table(p, "", &place);
        sum += table.limits.min;
        if (!p->error && table.limits.min > p->limits->table_elements)
            wazero__parse_fail(p, at, "table[%u]: min %llu elements over limit of %u",
                               i, (unsigned long long)table.limits.min,
                               p->limits->table_elements);
        else if (!p->error && sum > p->limits->table_elements)
            wazero__parse_fail(p, at,
                               "table[%u]: all tables together have min %llu elements, "
                               "over limit of %u",
                               i, (unsigned long long)sum, p->limits->table_elements);
        if (p->error)
            return;
        uint32_t max_for_go = largest_table(p, table.limits, count);
        if (!table.limits.has_max)
            p->table_growth += wazero__u32_size(max_for_go);
        if (!table.limits.has_max || max_for_go != table.limits.max)
            p->tables_change = true;
        p->table_places[i] = (wazero__table_place_t){place.flags_at, place.min_end,
                                                     place.end, max_for_go};
        add_table(p, table);
    }
}

void wazero__parse_memories(wazero__parser_t *p)
{
    const uint8_t *at = p->in.at;
    uint32_t count = wazero__parse_count(p, "memories", 2, UINT32_MAX);
    if (count > 1)
        wazero__parse_fail(p, at, "at most one memory allowed in module, but read %u",
                           count);
    else if (count == 1)
        parse_memory(p, "");
}

void wazero__parse_tags(wazero__parser_t *p)
{
    uint32_t count = wazero__parse_count(p, "tags", 2, WAZERO__MAX_TAGS);
    for (uint32_t i = 0; i < count && !p->error; i++)
        add_tag(p, parse_tag(p, ""));
}

void wazero__parse_globals(wazero__parser_t *p)
{
    uint32_t count = wazero__parse_count(p, "globals", 3, WAZERO__MAX_GLOBALS);
    for (uint32_t i = 0; i < count && !p->error; i++) {
        wazero__global_t global = parse_global_type(p);
        global.init = wazero__parse_place(p, p->in.at);
        add_global(p, global);
        wazero__parse_expression(p);
    }
}

/* ---- exports and start ---- */

/* Whether kind and index of an export exist; an error in wazero's words if not. */
static void check_export(wazero__parser_t *p, const wazero_extern_t *item,
                         const uint8_t *at)
{
    size_t counts[] = {p->parsed->function_count, p->parsed->table_count,
                       p->parsed->has_memory, p->parsed->global_count,
                       p->parsed->tag_count};
    if (item->index < counts[item->kind])
        return;
    char text[300];
    int shown = wazero__parse_shown(item->name, item->name_size);
    const char *kind = wazero_extern_kind_name(item->kind);
    if (item->kind == WAZERO_EXTERN_FUNCTION || item->kind == WAZERO_EXTERN_GLOBAL)
        snprintf(text, sizeof text, "unknown %s for export[\"%.*s\"]", kind, shown,
                 item->name);
    else
        snprintf(text, sizeof text, "%s for export[\"%.*s\"] out of range", kind, shown,
                 item->name);
    wazero__parse_fail(p, at, "%s: index %u, but there are %zu", text, item->index,
                       counts[item->kind]);
}

static void parse_export(wazero__parser_t *p, uint32_t index, wazero_extern_t *item)
{
    const uint8_t *name;
    uint32_t size;
    wazero__parse_name(p, "export name", &name, &size);
    item->module = p->parsed->name; /* an empty string */
    item->name = wazero__parse_copy(p, name, size);
    item->name_size = size;
    const uint8_t *at = p->in.at;
    uint8_t kind = wazero__parse_byte(p, "the kind of an export");
    if (kind > WAZERO_EXTERN_TAG)
        wazero__parse_fail(p, at, "export[%u]: invalid byte for exportdesc: %#x", index,
                           kind);
    item->index = wazero__parse_u32(p, "the index of an export");
    if (p->error)
        return;
    item->kind = (wazero_extern_kind_t)kind;
    check_export(p, item, at);
    if (!p->error)
        set_type(p, item);
}

void wazero__parse_exports(wazero__parser_t *p)
{
    uint32_t count = wazero__parse_count(p, "exports", 3, WAZERO__MAX_EXPORTS);
    p->parsed->exports = wazero__parse_alloc(p, count, sizeof *p->parsed->exports);
    for (uint32_t i = 0; i < count && !p->error; i++)
        parse_export(p, i, &p->parsed->exports[i]);
    p->parsed->export_count = count;
}

/* Types as wazero writes them, one behind the other; "v" for none. */
static size_t show_types(const wazero_value_type_t *types,
                         const wazero_typed_reference_t *references, size_t count,
                         char *buffer, size_t size)
{
    size_t used = 0;
    if (!count)
        used = (size_t)snprintf(buffer, size, "v");
    for (size_t i = 0; i < count && used + WAZERO__TYPE_TEXT < size; i++)
        used += wazero_value_type_text(types[i], references ? &references[i] : NULL,
                                       buffer + used, size - used);
    return used;
}

/* A signature as wazero writes it: "i32i32_v". */
static void show_signature(const wazero_function_type_t *type, char *buffer,
                           size_t size)
{
    size_t half = size / 2;
    size_t used = show_types(type->params, type->param_references, type->param_count,
                             buffer, half);
    buffer[used++] = '_';
    show_types(type->results, type->result_references, type->result_count,
               buffer + used, size - used);
}

void wazero__parse_start(wazero__parser_t *p)
{
    char signature[200];
    const uint8_t *at = p->in.at;
    uint32_t index = wazero__parse_u32(p, "the index of the start function");
    if (p->error)
        return;
    if (index >= p->parsed->function_count) {
        wazero__parse_fail(
            p, at,
            "invalid start function: func[%u] has an invalid type (there "
            "are %zu functions)",
            index, p->parsed->function_count);
        return;
    }
    const wazero_function_type_t *type = &p->parsed->types[p->parsed->functions[index]];
    if (type->param_count || type->result_count) {
        show_signature(type, signature, sizeof signature);
        wazero__parse_fail(p, at,
                           "invalid start function: func[%u] must have an empty "
                           "(nullary) signature: %s",
                           index, signature);
    }
    p->parsed->has_start = true;
    p->parsed->start = index;
}
