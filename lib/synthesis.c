/*
 * synthesis.c - writing a module of imports and exports in the binary format, and
 * having the engine instantiate it. See synthesis.h.
 *
 * Each item is imported from a module name of its own, its number, which the engine's
 * list of imports maps to where the item is.
 */
#include "synthesis.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine.h"
#include "error.h"
#include "text.h"

/* Bytes that grow; failed once memory ran out, and then nothing more is written. */
typedef struct {
    uint8_t *data;
    size_t size;
    size_t capacity;
    bool failed;
} buffer_t;

static void put(buffer_t *buffer, const void *bytes, size_t size)
{
    if (buffer->capacity - buffer->size < size) {
        size_t capacity = (buffer->capacity + size) * 2;
        uint8_t *data = buffer->failed ? NULL : realloc(buffer->data, capacity);
        if (!data) {
            buffer->failed = true;
            return;
        }
        buffer->data = data;
        buffer->capacity = capacity;
    }
    if (size)
        memcpy(buffer->data + buffer->size, bytes, size);
    buffer->size += size;
}

static void put_byte(buffer_t *buffer, uint8_t byte)
{
    put(buffer, &byte, 1);
}

static void put_number(buffer_t *buffer, uint64_t number)
{
    do {
        uint8_t byte = number & 0x7f;
        number >>= 7;
        put_byte(buffer, number ? (uint8_t)(byte | 0x80) : byte);
    } while (number);
}

static void put_name(buffer_t *buffer, const char *name, size_t size)
{
    put_number(buffer, size);
    put(buffer, name, size);
}

static void put_limits(buffer_t *buffer, const wazero_limits_t *limits)
{
    put_byte(buffer, (uint8_t)((limits->has_max ? 1 : 0) | (limits->shared ? 2 : 0)));
    put_number(buffer, limits->min);
    if (limits->has_max)
        put_number(buffer, limits->max);
}

static void put_section(buffer_t *module, uint8_t id, buffer_t *content)
{
    put_byte(module, id);
    put_number(module, content->size);
    put(module, content->data, content->size);
    module->failed = module->failed || content->failed;
    free(content->data);
}

/* Whether this file can write the type; it has no heap types of typed references. */
static bool is_writable(const wazero_extern_t *item)
{
    const wazero_function_type_t *type = &item->type.function;
    switch (item->kind) {
    case WAZERO_EXTERN_FUNCTION:
    case WAZERO_EXTERN_TAG:
        return (!type->param_count ||
                !memchr(type->params, WAZERO_TYPE_REF, type->param_count)) &&
               (!type->result_count ||
                !memchr(type->results, WAZERO_TYPE_REF, type->result_count));
    case WAZERO_EXTERN_TABLE:
        return item->type.table.element != WAZERO_TYPE_REF;
    case WAZERO_EXTERN_GLOBAL:
        return item->type.global.value != WAZERO_TYPE_REF;
    default:
        return true;
    }
}

static bool has_function_type(const wazero_extern_t *item)
{
    return item->kind == WAZERO_EXTERN_FUNCTION || item->kind == WAZERO_EXTERN_TAG;
}

static void put_types(buffer_t *module, const wazero__reexport_t *items, size_t count)
{
    buffer_t types = {0};
    size_t used = 0;
    for (size_t i = 0; i < count; i++)
        used += has_function_type(items[i].as);
    put_number(&types, used);
    for (size_t i = 0; i < count; i++) {
        const wazero_function_type_t *type = &items[i].as->type.function;
        if (!has_function_type(items[i].as))
            continue;
        put_byte(&types, 0x60);
        put_name(&types, (const char *)type->params, type->param_count);
        put_name(&types, (const char *)type->results, type->result_count);
    }
    put_section(module, 1, &types);
}

static void put_imports(buffer_t *module, const wazero__reexport_t *items, size_t count)
{
    buffer_t imports = {0};
    size_t type_index = 0;
    char number[24];
    put_number(&imports, count);
    for (size_t i = 0; i < count; i++) {
        const wazero_extern_t *as = items[i].as;
        int length = snprintf(number, sizeof number, "%zu", i);
        put_name(&imports, number, (size_t)length);
        put_name(&imports, items[i].name, items[i].name_size);
        put_byte(&imports, (uint8_t)as->kind);
        switch (as->kind) {
        case WAZERO_EXTERN_FUNCTION:
            put_number(&imports, type_index++);
            break;
        case WAZERO_EXTERN_TABLE:
            put_byte(&imports, as->type.table.element);
            put_limits(&imports, &as->type.table.limits);
            break;
        case WAZERO_EXTERN_MEMORY:
            put_limits(&imports, &as->type.memory);
            break;
        case WAZERO_EXTERN_GLOBAL:
            put_byte(&imports, as->type.global.value);
            put_byte(&imports, as->type.global.is_mutable);
            break;
        case WAZERO_EXTERN_TAG:
            put_byte(&imports, 0);
            put_number(&imports, type_index++);
            break;
        }
    }
    put_section(module, 2, &imports);
}

static void put_exports(buffer_t *module, const wazero__reexport_t *items, size_t count)
{
    buffer_t exports = {0};
    size_t next_index[WAZERO_EXTERN_TAG + 1] = {0};
    put_number(&exports, count);
    for (size_t i = 0; i < count; i++) {
        const wazero_extern_t *as = items[i].as;
        put_name(&exports, as->name, as->name_size);
        put_byte(&exports, (uint8_t)as->kind);
        put_number(&exports, next_index[as->kind]++);
    }
    put_section(module, 7, &exports);
}

/* Puts the module name that the guest knows in the place of a number in wazero's
 * message: "import KIND[3.NAME]: …" or "\"NAME\" is not exported in module \"3\"". */
static void restore_name(wz_error *failure, const wazero__reexport_t *items,
                         size_t count)
{
    static const char MISSING[] = " is not exported in module \"";
    const char *text = failure->message;
    int skipped = 0;
    char *end;
    if (!text)
        return;
    sscanf(text, "import %*[a-z][%n", &skipped);
    const char *missing = strstr(text, MISSING);
    if (!skipped && missing)
        skipped = (int)(missing - text) + (int)sizeof MISSING - 1;
    size_t index = strtoul(text + skipped, &end, 10);
    if (!skipped || end == text + skipped || index >= count)
        return;
    const wazero_extern_t *as = items[index].as;
    size_t tail = failure->message_size - (size_t)(end - text);
    char *message = malloc((size_t)skipped + as->module_size + tail + 1);
    if (!message)
        return;
    memcpy(message, text, (size_t)skipped);
    memcpy(message + skipped, as->module, as->module_size);
    memcpy(message + (size_t)skipped + as->module_size, end, tail + 1);
    free(failure->message);
    failure->message = message;
    failure->message_size = (size_t)skipped + as->module_size + tail;
}

/* Compiles and instantiates the bytes with each item's number as its module's name. */
static wazero_error_t *make(wz_handle runtime, const buffer_t *bytes,
                            const wazero__reexport_t *items, size_t count,
                            wz_handle *module)
{
    enum { NUMBER_SIZE = 24 };
    const wz_engine *engine = wazero__engine();
    wz_error failure = {0};
    wz_handle compiled;
    wz_place place; /* it has no code of its own */
    wz_import *imports = calloc(count, sizeof *imports);
    char *numbers = malloc(count * NUMBER_SIZE);
    bool made = false, compiles = false;
    if (imports && numbers) {
        for (size_t i = 0; i < count; i++) {
            char *number = numbers + i * NUMBER_SIZE;
            int length = snprintf(number, NUMBER_SIZE, "%zu", i);
            imports[i].name = wazero__engine_string(number, (size_t)length);
            imports[i].module = items[i].module;
        }
        wz_module_config config = {.imports = imports, .import_count = count};
        wz_compilation described = {.wasm = bytes->data, .size = bytes->size};
        compiles = engine->runtime_compile(runtime, &described, &compiled, &failure);
        if (compiles) {
            made = engine->module_new(runtime, compiled, &config, module, &place,
                                      &failure);
            engine->compiled_close(compiled);
        }
    }
    bool tried = imports && numbers;
    free(imports);
    free(numbers);
    if (!tried)
        return wazero__error_memory();
    if (!made)
        restore_name(&failure, items, count);
    return made ? NULL : wazero__engine_error(&failure);
}

wazero_error_t *wazero__synthesise(wz_handle runtime, const wazero__reexport_t *items,
                                   size_t count, wz_handle *module)
{
    static const uint8_t header[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    buffer_t bytes = {0};
    for (size_t i = 0; i < count; i++)
        if (!is_writable(items[i].as))
            return wazero__error(
                WAZERO_ERROR_LINK,
                "import %s.%s: a type with typed references can only be imported "
                "from a module that answers the whole of \"%s\"",
                items[i].as->module, items[i].as->name, items[i].as->module);
    put(&bytes, header, sizeof header);
    put_types(&bytes, items, count);
    put_imports(&bytes, items, count);
    put_exports(&bytes, items, count);
    wazero_error_t *error = bytes.failed ? wazero__error_memory()
                                         : make(runtime, &bytes, items, count, module);
    free(bytes.data);
    return error;
}
