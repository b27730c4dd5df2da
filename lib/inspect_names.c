/*
 * inspect_names.c - what is known of a function, and the names of the name section.
 *
 * How a function gets its names follows wazero (its function_definition.go): it walks
 * along names and functions at once, and takes parameter names from the first list of
 * locals that is long enough.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "inspect.h"
#include "parse_reader.h"
#include "text.h"

/* ---- reading ---- */

static wazero__reader_t reader_of(const wazero__parsed_t *parsed, wazero__span_t place)
{
    const uint8_t *start = parsed->wasm + place.at;
    return (wazero__reader_t){start, start + place.size};
}

/* An index and a name; false at the end, or where the bytes are not that. */
static bool read_name(wazero__reader_t *in, uint32_t *index, wazero_name_t *name)
{
    uint32_t size;
    if (!wazero__read_u32(in, index) || !wazero__read_u32(in, &size) ||
        size > wazero__reader_left(in))
        return false;
    *name = (wazero_name_t){(const char *)in->at, size};
    in->at += size;
    return true;
}

/* ---- names of parameters ---- */

static int compare_locals(const void *left, const void *right)
{
    const wazero__locals_t *a = left, *b = right;
    if (a->function != b->function)
        return a->function < b->function ? -1 : 1;
    return (a->at > b->at) - (a->at < b->at);
}

static wazero__locals_list_t *make_locals(const wazero__parsed_t *parsed)
{
    wazero__reader_t in = reader_of(parsed, parsed->names[WAZERO_NAME_LOCAL]);
    uint32_t count = 0, index;
    wazero_name_t name;
    if (!wazero__read_u32(&in, &count) || count > wazero__reader_left(&in))
        count = 0;
    wazero__locals_list_t *list =
        malloc(sizeof *list + (size_t)count * sizeof *list->items);
    if (!list)
        return NULL;
    list->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        wazero__locals_t item;
        if (!wazero__read_u32(&in, &item.function) ||
            !wazero__read_u32(&in, &item.count))
            break;
        item.at = (uint32_t)(in.at - parsed->wasm);
        list->items[list->count++] = item;
        for (uint32_t j = 0; j < item.count && read_name(&in, &index, &name); j++)
            continue;
    }
    qsort(list->items, list->count, sizeof *list->items, compare_locals);
    return list;
}

/* The index of all local names, made once; NULL without memory. */
static const wazero__locals_list_t *locals_of(wazero_inspection_t *inspection)
{
    wazero__locals_list_t *list = atomic_load(&inspection->locals);
    if (list)
        return list;
    wazero__locals_list_t *made = make_locals(inspection->parsed);
    if (made && !atomic_compare_exchange_strong(&inspection->locals, &list, made)) {
        free(made);
        return list;
    }
    return made;
}

/* The first list of a function's locals with at least `count` names, or NULL. */
static const wazero__locals_t *find_locals(const wazero__locals_list_t *list,
                                           uint32_t function, size_t count)
{
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->items[middle].function < function)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < list->count && list->items[low].function == function; low++)
        if (list->items[low].count >= count)
            return &list->items[low];
    return NULL;
}

/* Sets names of the function's parameters, if there are any. *names, which may come out
 * NULL, is for free. */
static bool find_param_names(wazero_inspection_t *inspection, uint32_t function,
                             size_t count, wazero_name_t **names)
{
    const wazero__parsed_t *parsed = inspection->parsed;
    *names = NULL;
    if (!count || !parsed->names[WAZERO_NAME_LOCAL].at)
        return true;
    const wazero__locals_list_t *list = locals_of(inspection);
    if (!list)
        return false;
    const wazero__locals_t *locals = find_locals(list, function, count);
    if (!locals)
        return true;
    wazero_name_t *found = calloc(count, sizeof *found);
    if (!found)
        return false;
    wazero__span_t section = parsed->names[WAZERO_NAME_LOCAL];
    wazero__reader_t in = {parsed->wasm + locals->at,
                           parsed->wasm + section.at + section.size};
    for (uint32_t i = 0; i < locals->count; i++) {
        uint32_t index;
        wazero_name_t name;
        if (!read_name(&in, &index, &name))
            break;
        if (index < count)
            found[index] = name; /* the last one counts */
    }
    *names = found;
    return true;
}

/* ---- definitions of functions ---- */

/* What the copy of names takes, and the copying. */
static size_t names_size(const wazero_name_t *names, size_t count)
{
    size_t size = count * sizeof *names;
    for (size_t i = 0; i < count; i++)
        size += names[i].size + 1;
    return size;
}

static wazero_name_t copy_name(char **room, wazero_name_t name)
{
    wazero_name_t copy = {*room, name.size};
    if (name.size)
        memcpy(*room, name.data, name.size);
    (*room)[name.size] = '\0';
    *room += name.size + 1;
    return copy;
}

static const wazero_name_t *copy_names(wazero_name_t **list, char **room,
                                       const wazero_name_t *names, size_t count)
{
    wazero_name_t *copies = *list;
    for (size_t i = 0; i < count; i++)
        copies[i] = copy_name(room, names[i]);
    *list += count;
    return copies;
}

wazero_function_definition_t *
wazero__function_definition_new(const wazero_function_definition_t *draft)
{
    char number[16];
    wazero_name_t last = draft->name, all[2] = {draft->name, draft->module_name};
    if (!last.size) {
        last.size = (size_t)snprintf(number, sizeof number, "$%" PRIu32, draft->index);
        last.data = number;
    }
    size_t debug_size = draft->module_name.size + 1 + last.size;
    size_t lists =
        draft->param_name_count + draft->result_name_count + draft->export_name_count;
    size_t locals = draft->local_group_count * sizeof *draft->locals;
    wazero_function_definition_t *made = malloc(
        sizeof *made + locals + names_size(all, 2) +
        names_size(draft->param_names, draft->param_name_count) +
        names_size(draft->result_names, draft->result_name_count) +
        names_size(draft->export_names, draft->export_name_count) + debug_size + 1);
    if (!made)
        return NULL;
    wazero_name_t *list = (wazero_name_t *)(made + 1);
    wazero_local_group_t *groups = (wazero_local_group_t *)(list + lists);
    char *room = (char *)(groups + draft->local_group_count);
    *made = *draft;
    if (locals)
        memcpy(groups, draft->locals, locals);
    made->locals = groups;
    made->name = copy_name(&room, draft->name);
    made->module_name = copy_name(&room, draft->module_name);
    made->param_names =
        copy_names(&list, &room, draft->param_names, draft->param_name_count);
    made->result_names =
        copy_names(&list, &room, draft->result_names, draft->result_name_count);
    made->export_names =
        copy_names(&list, &room, draft->export_names, draft->export_name_count);
    made->debug_name = (wazero_name_t){room, debug_size};
    copy_name(&room, draft->module_name);
    room[-1] = '.';
    copy_name(&room, last);
    return made;
}

/* The names under which a function is exported: *count of them, for free, NULL for
 * none. */
static bool find_export_names(const wazero_inspection_t *inspection, uint32_t function,
                              wazero_name_t **names, size_t *count)
{
    size_t found = 0;
    while (wazero_inspection_export_of(inspection, WAZERO_EXTERN_FUNCTION, function,
                                       found))
        found++;
    *count = found;
    *names = found ? calloc(found, sizeof **names) : NULL;
    for (size_t i = 0; *names && i < found; i++) {
        const wazero_extern_t *export = wazero_inspection_export_of(
            inspection, WAZERO_EXTERN_FUNCTION, function, i);
        (*names)[i] = (wazero_name_t){export->name, export->name_size};
    }
    return *names || !found;
}

/* Where the body of a function is, if the module has it, and its locals: *locals, which
 * may come out NULL, is for free. */
static bool find_code(const wazero__parsed_t *parsed, uint32_t function,
                      wazero_function_definition_t *draft,
                      wazero_local_group_t **locals)
{
    *locals = NULL;
    if (function < parsed->imported_function_count)
        return true;
    uint32_t at = parsed->code[function - parsed->imported_function_count], size = 0;
    uint32_t groups = 0;
    wazero__reader_t in = {parsed->wasm + at, parsed->wasm + parsed->wasm_size};
    (void)wazero__read_u32(&in, &size);
    draft->code_offset = (size_t)(in.at - parsed->wasm);
    draft->code_size = size;
    (void)wazero__read_u32(&in, &groups);
    if (!groups || groups > wazero__reader_left(&in))
        return true;
    *locals = calloc(groups, sizeof **locals);
    if (!*locals)
        return false;
    for (uint32_t i = 0; i < groups; i++) {
        (void)wazero__read_u32(&in, &(*locals)[i].count);
        (*locals)[i].type = wazero__read_type(&in, &(*locals)[i].reference);
    }
    draft->locals = *locals;
    draft->local_group_count = groups;
    return true;
}

static wazero_function_definition_t *describe(wazero_inspection_t *inspection,
                                              uint32_t index)
{
    const wazero__parsed_t *parsed = inspection->parsed;
    const wazero_function_type_t *type = &parsed->types[parsed->functions[index]];
    wazero_definition_t definition;
    wazero_name_t *params = NULL, *exports = NULL;
    wazero_local_group_t *locals;
    wazero_function_definition_t draft = {.index = index, .type = type}, *made = NULL;
    if (wazero_inspection_definition(inspection, WAZERO_EXTERN_FUNCTION, index,
                                     &definition))
        draft.import = definition.import;
    draft.name.data = wazero__parsed_function_name(parsed, index, &draft.name.size);
    draft.module_name = wazero_inspection_name(inspection);
    if (find_code(parsed, index, &draft, &locals) &&
        find_param_names(inspection, index, type->param_count, &params) &&
        find_export_names(inspection, index, &exports, &draft.export_name_count)) {
        draft.param_names = params;
        draft.param_name_count = params ? type->param_count : 0;
        draft.export_names = exports;
        made = wazero__function_definition_new(&draft);
    }
    free(params);
    free(exports);
    free(locals);
    return made;
}

wazero_error_t *
wazero_inspection_function(const wazero_inspection_t *inspection, size_t index,
                           const wazero_function_definition_t **function)
{
    if (index >= inspection->parsed->function_count)
        return wazero__error(WAZERO_ERROR_INVALID,
                             "there is no function %zu: the module has %zu", index,
                             inspection->parsed->function_count);
    wazero_function_definition_t *known = atomic_load(&inspection->functions[index]);
    if (!known) {
        /* What is kept for later is no change that anyone could see. */
        wazero_function_definition_t *made =
            describe((wazero_inspection_t *)inspection, (uint32_t)index);
        if (!made)
            return wazero__error_memory();
        if (atomic_compare_exchange_strong(&inspection->functions[index], &known, made))
            known = made;
        else
            free(made);
    }
    *function = known;
    return NULL;
}

/* ---- lists of names ---- */

/* A walk over the names of a kind. */
typedef struct {
    const wazero__parsed_t *parsed;
    wazero__reader_t in;
    wazero_name_kind_t kind;
    bool has_owners;
    uint32_t owner;
    uint32_t owners_left;
    uint32_t left;   /* names of this owner */
    size_t position; /* among those found of functions */
} walk_t;

static walk_t start_walk(const wazero__parsed_t *parsed, wazero_name_kind_t kind)
{
    walk_t walk = {.parsed = parsed, .kind = kind, .left = 1};
    walk.has_owners = kind == WAZERO_NAME_LOCAL || kind == WAZERO_NAME_LABEL ||
                      kind == WAZERO_NAME_FIELD;
    walk.in = reader_of(parsed, parsed->names[kind]);
    if (walk.has_owners)
        walk.left = 0;
    if (kind != WAZERO_NAME_MODULE && kind != WAZERO_NAME_FUNCTION &&
        !wazero__read_u32(&walk.in, walk.has_owners ? &walk.owners_left : &walk.left))
        walk.left = 0;
    return walk;
}

/* The next name of a function or the module, which the parser knows. */
static bool next_known(walk_t *walk, wazero_named_t *item)
{
    const wazero__parsed_t *parsed = walk->parsed;
    size_t position = walk->position++;
    if (walk->kind == WAZERO_NAME_MODULE) {
        item->name = (wazero_name_t){parsed->name, parsed->name_size};
        return position == 0 && parsed->names[WAZERO_NAME_MODULE].at != 0;
    }
    if (position >= parsed->function_name_count)
        return false;
    const wazero__name_t *name = &parsed->function_names[position];
    item->index = name->index;
    item->name =
        (wazero_name_t){(const char *)parsed->wasm + name->place.at, name->place.size};
    return true;
}

static bool next_name(walk_t *walk, wazero_named_t *item)
{
    *item = (wazero_named_t){0};
    if (walk->kind == WAZERO_NAME_MODULE || walk->kind == WAZERO_NAME_FUNCTION)
        return next_known(walk, item);
    while (walk->left == 0) {
        if (walk->owners_left == 0)
            return false;
        walk->owners_left--;
        if (!wazero__read_u32(&walk->in, &walk->owner) ||
            !wazero__read_u32(&walk->in, &walk->left))
            return false;
    }
    walk->left--;
    item->owner = walk->owner;
    return read_name(&walk->in, &item->index, &item->name) &&
           wazero__text_is_utf8(item->name.data, item->name.size);
}

static wazero__named_list_t *make_names(const wazero__parsed_t *parsed,
                                        wazero_name_kind_t kind)
{
    wazero_named_t item;
    size_t count = 0, text = 0;
    for (walk_t walk = start_walk(parsed, kind); next_name(&walk, &item); count++)
        text += item.name.size + 1;
    wazero__named_list_t *list =
        malloc(sizeof *list + count * sizeof *list->items + text);
    if (!list)
        return NULL;
    list->count = 0;
    list->items = (wazero_named_t *)(list + 1);
    char *room = (char *)(list->items + count), *end = room + text;
    walk_t walk = start_walk(parsed, kind);
    /* The bytes are the host's; should they change, there is no more room for it. */
    while (list->count < count && next_name(&walk, &item) &&
           item.name.size < (size_t)(end - room)) {
        item.name = copy_name(&room, item.name);
        list->items[list->count++] = item;
    }
    return list;
}

wazero_error_t *wazero_inspection_names(const wazero_inspection_t *inspection,
                                        wazero_name_kind_t kind,
                                        const wazero_named_t **names, size_t *count)
{
    if ((unsigned)kind >= WAZERO__NAME_KINDS)
        return wazero__error(WAZERO_ERROR_INVALID, "%u is no kind of names",
                             (unsigned)kind);
    _Atomic(wazero__named_list_t *) *place =
        (_Atomic(wazero__named_list_t *) *)&inspection->names[kind];
    wazero__named_list_t *list = atomic_load(place);
    if (!list) {
        wazero__named_list_t *made = make_names(inspection->parsed, kind);
        if (!made)
            return wazero__error_memory();
        if (atomic_compare_exchange_strong(place, &list, made))
            list = made;
        else
            free(made);
    }
    *names = list->items;
    *count = list->count;
    return NULL;
}
