/*
 * map.c - one call for each element of columns: see wazero_function_map.
 *
 * All of it is one call as far as groups, time and errors go; only entering wasm is
 * done for each element. Values are copied as bits.
 */
#include <stdlib.h>

#include "call/attend.h"
#include "error.h"
#include "module.h"
#include "value.h"

/* With fewer elements the host keeps its lock, as it does for a short call. */
static const size_t LONG_MAP = 256;

typedef struct {
    const wazero_column_t *params;
    const wazero_column_t *results;
    uint64_t *stack;
    size_t count;
    size_t done;
} map_t;

static inline const uint8_t *element(const wazero_column_t *column, size_t index)
{
    return (const uint8_t *)column->data + column->stride * (ptrdiff_t)index;
}

/* The width of a number or vector in bytes. */
static inline size_t width_of(wazero_value_type_t type)
{
    switch (type) {
    case WAZERO_TYPE_I32:
    case WAZERO_TYPE_F32:
        return 4;
    case WAZERO_TYPE_V128:
        return 16;
    default:
        return 8;
    }
}

static inline void load(const wazero_function_type_t *type, const map_t *map,
                        size_t index)
{
    uint64_t *slot = map->stack;
    for (size_t i = 0; i < type->param_count; i++) {
        const uint8_t *from = element(&map->params[i], index);
        uint32_t narrow;
        switch (width_of(type->params[i])) {
        case 4:
            memcpy(&narrow, from, sizeof narrow);
            *slot++ = narrow;
            break;
        case 8:
            memcpy(slot++, from, 8);
            break;
        default:
            memcpy(slot, from, 16);
            slot += 2;
        }
    }
}

static inline void store(const wazero_function_type_t *type, const map_t *map,
                         size_t index)
{
    const uint64_t *slot = map->stack;
    for (size_t i = 0; i < type->result_count; i++) {
        const wazero_column_t *column = &map->results[i];
        uint8_t *to = (uint8_t *)column->data + column->stride * (ptrdiff_t)index;
        switch (width_of(type->results[i])) {
        case 4:
            memcpy(to, slot++, 4); /* its lower half comes first */
            break;
        case 8:
            memcpy(to, slot++, 8);
            break;
        default:
            memcpy(to, slot, 16);
            slot += 2;
        }
    }
}

/* A long map goes on without the host's lock. The watchdog would not see to that: the
 * thread never stays in wasm, for it enters anew with each element. */
static inline void let_go(wazero__thread_t *thread, const map_t *map)
{
    if (map->count >= LONG_MAP)
        wazero__thread_detach(thread);
}

static wazero_error_t *map_all(void *argument, const wazero__callable_t *callable,
                               wazero__thread_t *thread,
                               wazero__activation_t *activation,
                               const wazero__call_engine_t *engine)
{
    map_t *map = argument;
    const wazero_function_type_t *type = callable->type;
    wazero_error_t *error = NULL;
    let_go(thread, map);
    while (map->done < map->count && !error) {
        if (__builtin_expect(
                atomic_load_explicit(&thread->attention, memory_order_relaxed), 0)) {
            error = wazero__attend(thread);
            if (error)
                break;
            let_go(thread, map); /* polling the host has taken its lock */
        }
        load(type, map, map->done);
        error = wazero__call_once(callable, thread, activation, engine, map->stack);
        if (!error && !wazero__module_is_open(callable->module))
            error = wazero__module_end_error(callable->module);
        if (!error)
            store(type, map, map->done++);
    }
    return error;
}

/* Whether the values of these types are bits that can be copied. */
static bool can_map(const wazero_value_type_t *types, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!wazero__type_is_number(types[i]) && types[i] != WAZERO_TYPE_V128)
            return false;
    return true;
}

/* A function of a host module: no wasm, no group. */
static wazero_error_t *map_host(wazero__callable_t *callable, map_t *map)
{
    wazero_error_t *error = NULL;
    while (map->done < map->count && !error) {
        load(callable->type, map, map->done);
        error = wazero__callable_call(callable, map->stack, WAZERO_NO_TIMEOUT);
        if (!error)
            store(callable->type, map, map->done++);
    }
    return error;
}

wazero_error_t *wazero__callable_map(wazero__callable_t *callable,
                                     const wazero_column_t *params,
                                     const wazero_column_t *results, size_t count,
                                     uint64_t timeout, size_t *done)
{
    const wazero_function_type_t *type = callable->type;
    map_t map = {params, results, NULL, count, 0};
    wazero_error_t *error = NULL;
    if (!can_map(type->params, type->param_count) ||
        !can_map(type->results, type->result_count))
        error = wazero__error(WAZERO_ERROR_INVALID,
                              "only functions of numbers and vectors can be mapped");
    if (!error) {
        map.stack = calloc(type->slot_count + 1, sizeof *map.stack);
        error = map.stack ? NULL : wazero__error_memory();
    }
    if (!error)
        error = callable->host ? map_host(callable, &map)
                               : wazero__call_run(callable, timeout, map_all, &map);
    free(map.stack);
    if (done)
        *done = map.done;
    return error;
}
