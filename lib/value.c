/*
 * value.c - names of value types and extern kinds, and what can be said of types.
 */
#include "value.h"

#include <inttypes.h>
#include <stdio.h>

const char *wazero_value_type_name(wazero_value_type_t type)
{
    switch (type) {
    case WAZERO_TYPE_I32:
        return "i32";
    case WAZERO_TYPE_I64:
        return "i64";
    case WAZERO_TYPE_F32:
        return "f32";
    case WAZERO_TYPE_F64:
        return "f64";
    case WAZERO_TYPE_V128:
        return "v128";
    case WAZERO_TYPE_FUNCREF:
        return "funcref";
    case WAZERO_TYPE_EXTERNREF:
        return "externref";
    case WAZERO_TYPE_EXNREF:
        return "exnref";
    case WAZERO_TYPE_REF:
        return "ref";
    default:
        return "unknown";
    }
}

size_t wazero_value_type_text(wazero_value_type_t type,
                              const wazero_typed_reference_t *reference, char *text,
                              size_t size)
{
    char heap[16] = "extern";
    const char *null = reference && reference->nullable ? "null " : "";
    int length;
    if (type != WAZERO_TYPE_REF || !reference || !reference->heap) {
        length = snprintf(text, size, "%s", wazero_value_type_name(type));
    } else {
        if (reference->heap == WAZERO_TYPE_REF)
            snprintf(heap, sizeof heap, "%" PRIu32, reference->index);
        else if (reference->heap != WAZERO_TYPE_EXTERNREF)
            snprintf(heap, sizeof heap, "%s",
                     reference->heap == WAZERO_TYPE_FUNCREF ? "func" : "exn");
        length = snprintf(text, size, "(ref %s%s)", null, heap);
    }
    return (size_t)length;
}

const char *wazero_extern_kind_name(wazero_extern_kind_t kind)
{
    static const char *const names[] = {"function", "table", "memory", "global", "tag"};
    return (unsigned)kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

bool wazero__type_is_number(wazero_value_type_t type)
{
    return type >= WAZERO_TYPE_F64 && type <= WAZERO_TYPE_I32;
}

bool wazero__type_is_reference(wazero_value_type_t type)
{
    return !wazero__type_is_number(type) && type != WAZERO_TYPE_V128;
}

bool wazero__type_is_typed(wazero_value_type_t type)
{
    return type == WAZERO_TYPE_REF;
}

bool wazero__type_is_function_reference(wazero_value_type_t type)
{
    return type == WAZERO_TYPE_FUNCREF || type == WAZERO_TYPE_REF ||
           type == WAZERO_TYPE_EXNREF;
}

bool wazero__type_any(const wazero_function_type_t *type,
                      bool (*is)(wazero_value_type_t type))
{
    for (size_t i = 0; i < type->param_count; i++)
        if (is(type->params[i]))
            return true;
    for (size_t i = 0; i < type->result_count; i++)
        if (is(type->results[i]))
            return true;
    return false;
}

bool wazero__type_equal(const wazero_function_type_t *a,
                        const wazero_function_type_t *b)
{
    return a->param_count == b->param_count && a->result_count == b->result_count &&
           (!a->param_count || memcmp(a->params, b->params, a->param_count) == 0) &&
           (!a->result_count || memcmp(a->results, b->results, a->result_count) == 0);
}

size_t wazero__type_slots(const wazero_value_type_t *types, size_t count)
{
    size_t slots = count;
    for (size_t i = 0; i < count; i++)
        slots += types[i] == WAZERO_TYPE_V128;
    return slots;
}

/* Appends to a text of a fixed size, always NUL-terminated; what does not fit is
 * cut. */
static void append(char *text, size_t size, size_t *used, const char *more)
{
    if (*used + 1 >= size)
        return;
    int length = snprintf(text + *used, size - *used, "%s", more);
    *used += (size_t)length < size - *used ? (size_t)length : size - *used - 1;
}

static void append_type(char *text, size_t size, size_t *used, wazero_value_type_t type,
                        const wazero_typed_reference_t *reference)
{
    char name[WAZERO__TYPE_TEXT];
    wazero_value_type_text(type, reference, name, sizeof name);
    append(text, size, used, name);
}

/* references is NULL if there are none. */
static void append_types(char *text, size_t size, size_t *used,
                         const wazero_value_type_t *types,
                         const wazero_typed_reference_t *references, size_t count)
{
    append(text, size, used, "(");
    for (size_t i = 0; i < count; i++) {
        append(text, size, used, i ? ", " : "");
        append_type(text, size, used, types[i], references ? &references[i] : NULL);
    }
    append(text, size, used, ")");
}

void wazero__type_describe(const wazero_function_type_t *type, char *text, size_t size)
{
    size_t used = 0;
    append_types(text, size, &used, type->params, type->param_references,
                 type->param_count);
    append(text, size, &used, " -> ");
    append_types(text, size, &used, type->results, type->result_references,
                 type->result_count);
}

static void append_limits(char *text, size_t size, size_t *used,
                          const wazero_limits_t *limits, const char *unit)
{
    char range[96];
    int length = snprintf(range, sizeof range, " of %" PRIu64, limits->min);
    if (limits->has_max)
        snprintf(range + length, sizeof range - (size_t)length, " to %" PRIu64 " %s",
                 limits->max, unit);
    else
        snprintf(range + length, sizeof range - (size_t)length, " or more %s", unit);
    append(text, size, used, range);
}

void wazero__extern_describe(const wazero_extern_t *item, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    switch (item->kind) {
    case WAZERO_EXTERN_FUNCTION:
        append(text, size, &used, "function ");
        wazero__type_describe(&item->type.function, text + used, size - used);
        break;
    case WAZERO_EXTERN_TAG:
        append(text, size, &used, "tag ");
        append_types(text, size, &used, item->type.function.params,
                     item->type.function.param_references,
                     item->type.function.param_count);
        break;
    case WAZERO_EXTERN_GLOBAL:
        append(text, size, &used,
               item->type.global.is_mutable ? "mutable global " : "global ");
        append_type(text, size, &used, item->type.global.value,
                    &item->type.global.reference);
        break;
    case WAZERO_EXTERN_MEMORY:
        append(text, size, &used,
               item->type.memory.shared ? "shared memory" : "memory");
        append_limits(text, size, &used, &item->type.memory, "pages");
        break;
    case WAZERO_EXTERN_TABLE:
        append_type(text, size, &used, item->type.table.element,
                    &item->type.table.reference);
        append(text, size, &used, " table");
        append_limits(text, size, &used, &item->type.table.limits, "elements");
        break;
    }
}
