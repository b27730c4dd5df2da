/*
 * parse_types.c - value types and the type section.
 *
 * wazero knows function types, alone or in recursion groups, and checks itself that
 * type indices inside them are defined.
 */
#include "binary.h"
#include "parse_parts.h"

bool wazero__parse_is_heap_type(const wazero__parser_t *p, int64_t heap)
{
    return heap >= 0 || heap == HEAP_FUNC || heap == HEAP_EXTERN ||
           (heap == HEAP_EXN &&
            (p->limits->features & WAZERO_FEATURE_EXCEPTION_HANDLING) != 0);
}

static wazero_value_type_t parse_reference(wazero__parser_t *p, bool nullable,
                                           wazero_typed_reference_t *reference)
{
    const uint8_t *at = p->in.at;
    int64_t heap = wazero__parse_s33(p, "a heap type");
    if (!wazero__parse_is_heap_type(p, heap))
        wazero__parse_fail(p, at, "unknown abstract heap type: %lld", (long long)heap);
    else if (heap >= 0 && (uint64_t)heap >= p->known_types)
        wazero__parse_fail(p, at, "unknown type %lld", (long long)heap);
    return wazero__reference_of(heap, nullable, reference);
}

void wazero__parse_require(wazero__parser_t *p, const uint8_t *at,
                           wazero_features_t features, const char *what)
{
    if (!(p->limits->features & features))
        wazero__parse_fail(p, at, "%s needs the feature %s, which is disabled", what,
                           features & WAZERO_FEATURE_TYPED_FUNCTION_REFERENCES
                               ? "typed-function-references"
                               : "exception-handling");
}

/* What brings types with a heap type. */
static const wazero_features_t WITH_HEAP_TYPES =
    WAZERO_FEATURE_TYPED_FUNCTION_REFERENCES | WAZERO_FEATURE_EXCEPTION_HANDLING;

wazero_value_type_t wazero__parse_value_type(wazero__parser_t *p, const char *what,
                                             wazero_typed_reference_t *reference)
{
    *reference = (wazero_typed_reference_t){0};
    const uint8_t *at = p->in.at;
    uint8_t byte = wazero__parse_byte(p, what);
    switch (byte) {
    case WAZERO_TYPE_I32:
    case WAZERO_TYPE_I64:
    case WAZERO_TYPE_F32:
    case WAZERO_TYPE_F64:
    case WAZERO_TYPE_V128:
    case WAZERO_TYPE_FUNCREF:
    case WAZERO_TYPE_EXTERNREF:
        return byte;
    case WAZERO_TYPE_EXNREF:
        wazero__parse_require(p, at, WAZERO_FEATURE_EXCEPTION_HANDLING, "exnref");
        return byte;
    case TYPE_NULLABLE_REF:
    case TYPE_REF:
        wazero__parse_require(p, at, WITH_HEAP_TYPES, "a typed reference");
        return parse_reference(p, byte == TYPE_NULLABLE_REF, reference);
    default:
        wazero__parse_fail(p, at, "invalid value type: 0x%02x in %s", byte, what);
        return 0;
    }
}

/* A list of value types that is read. */
typedef struct {
    const wazero_value_type_t *types;
    const wazero_typed_reference_t *references;
    size_t slots;
    uint32_t count;
} list_t;

/* Reads a vector of value types, keeping them if keep is true. */
static list_t parse_value_types(wazero__parser_t *p, const char *what, uint32_t limit,
                                bool keep)
{
    list_t list = {.count = wazero__parse_count(p, what, 1, limit)};
    wazero_typed_reference_t *references = NULL, reference;
    wazero_value_type_t *types =
        keep && list.count ? wazero__parse_alloc(p, list.count, 1) : NULL;
    list.slots = list.count;
    for (uint32_t i = 0; i < list.count && !p->error; i++) {
        wazero_value_type_t type = wazero__parse_value_type(p, what, &reference);
        list.slots += type == WAZERO_TYPE_V128;
        if (types && type == WAZERO_TYPE_REF && !references)
            references = wazero__parse_alloc(p, list.count, sizeof reference);
        if (references)
            references[i] = reference;
        if (types)
            types[i] = type;
    }
    list.types = types;
    list.references = references;
    return list;
}

/* Reads a function type; keeps it if keep is true. Returns how many parameters and
 * results it has. */
static uint32_t parse_function_type(wazero__parser_t *p, bool keep)
{
    wazero_function_type_t type = {0};
    const uint8_t *at = p->in.at;
    uint8_t form = wazero__parse_byte(p, "a type");
    if (!p->error && form != TYPE_FUNCTION)
        wazero__parse_fail(p, at,
                           "type %zu: invalid byte: 0x%02x != 0x60 (wazero knows "
                           "function types only, not those of garbage collection)",
                           p->parsed->type_count, form);
    list_t params = parse_value_types(p, "parameter types", WAZERO__MAX_PARAMS, keep);
    list_t results = parse_value_types(p, "result types", WAZERO__MAX_RESULTS, keep);
    type.params = params.types;
    type.param_references = params.references;
    type.param_count = params.count;
    type.param_slot_count = params.slots;
    type.results = results.types;
    type.result_references = results.references;
    type.result_count = results.count;
    type.result_slot_count = results.slots;
    type.slot_count = type.param_slot_count > type.result_slot_count
                          ? type.param_slot_count
                          : type.result_slot_count;
    if (p->error)
        return 0;
    size_t index = p->parsed->type_count++;
    if (keep) {
        p->parsed->types[index] = type;
        p->arities[index] =
            (wazero__arity_t){(uint16_t)type.param_count, (uint16_t)type.result_count};
    }
    return (uint32_t)(type.param_count + type.result_count);
}

/* Reads the section, counting the types or keeping them. */
static void parse_all(wazero__parser_t *p, bool keep)
{
    uint64_t values = 0;
    p->parsed->type_count = 0;
    uint32_t count = wazero__parse_count(p, "types", 2, WAZERO__MAX_TYPES);
    for (uint32_t i = 0; i < count && !p->error; i++) {
        uint32_t group = 1;
        if (p->in.at < p->in.end && *p->in.at == TYPE_RECURSION_GROUP) {
            const uint8_t *at = p->in.at++;
            wazero__parse_require(p, at, WITH_HEAP_TYPES, "a recursion group");
            group = wazero__parse_count(p, "types of a recursion group", 3,
                                        WAZERO__MAX_TYPES);
            p->known_types = p->parsed->type_count + group;
        } else {
            p->known_types = p->parsed->type_count;
        }
        for (uint32_t j = 0; j < group && !p->error; j++)
            values += parse_function_type(p, keep);
    }
    if (p->parsed->type_count > WAZERO__MAX_TYPES)
        wazero__parse_fail_plain(p, "types: count %zu is over the limit of %u",
                                 p->parsed->type_count, WAZERO__MAX_TYPES);
    else if (values > WAZERO__MAX_TYPE_VALUES)
        wazero__parse_fail_plain(p,
                                 "types: all together have %llu parameters and "
                                 "results; the limit is %u",
                                 (unsigned long long)values, WAZERO__MAX_TYPE_VALUES);
}

/* Twice, because groups hide how many types there are. */
void wazero__parse_types(wazero__parser_t *p)
{
    const uint8_t *start = p->in.at;
    parse_all(p, false);
    p->parsed->types =
        wazero__parse_alloc(p, p->parsed->type_count, sizeof *p->parsed->types);
    p->arities = wazero__parse_alloc(p, p->parsed->type_count, sizeof *p->arities);
    if (p->error)
        return;
    p->in.at = start;
    parse_all(p, true);
    p->known_types = p->parsed->type_count;
}
