/*
 * synthesis.c - writing a module of imports and exports in the binary format, and
 * having the engine instantiate it; and one of a single definition. See synthesis.h.
 *
 * Each item is imported from a module name of its own, its number, which the engine's
 * list of imports maps to where the item is.
 */
#include "synthesis.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine.h"
#include "error.h"
#include "runtime.h"
#include "text.h"
#include "value.h"

static const uint8_t HEADER[] = {0, 'a', 's', 'm', 1, 0, 0, 0};

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

/* Copies a piece of text, and tells where the next one goes. */
static char *append(char *at, const char *text, size_t size)
{
    memcpy(at, text, size);
    return at + size;
}

/* Puts the names that the guest knows in the place of a number, and of the source's
 * own name for it, in wazero's message: "import KIND[3.NAME]: …" or "\"NAME\" is not
 * exported in module \"3\"". */
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
    const wazero__reexport_t *item = &items[index];
    const wazero_extern_t *as = item->as;
    const char *rest = end;
    size_t left = failure->message_size - (size_t)(end - text);
    bool named = *end == '.' && left > item->name_size + 1 &&
                 !memcmp(end + 1, item->name, item->name_size) &&
                 end[item->name_size + 1] == ']';
    if (named) {
        rest += item->name_size + 1;
        left -= item->name_size + 1;
    }
    char *message =
        malloc((size_t)skipped + as->module_size + as->name_size + left + 2);
    if (!message)
        return;
    char *at = append(message, text, (size_t)skipped);
    at = append(at, as->module, as->module_size);
    if (named) {
        *at++ = '.';
        at = append(at, as->name, as->name_size);
    }
    at = append(at, rest, left + 1); /* with its NUL */
    free(failure->message);
    failure->message = message;
    failure->message_size = (size_t)(at - message) - 1;
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
    buffer_t bytes = {0};
    for (size_t i = 0; i < count; i++)
        if (!is_writable(items[i].as))
            return wazero__error(
                WAZERO_ERROR_LINK,
                "import %s.%s: a type with typed references can only be imported "
                "from a module that answers the whole of \"%s\"",
                items[i].as->module, items[i].as->name, items[i].as->module);
    put(&bytes, HEADER, sizeof HEADER);
    put_types(&bytes, items, count);
    put_imports(&bytes, items, count);
    put_exports(&bytes, items, count);
    wazero_error_t *error = bytes.failed ? wazero__error_memory()
                                         : make(runtime, &bytes, items, count, module);
    free(bytes.data);
    return error;
}

/* ---- definitions ---- */

/* The instruction that gives a global of the type zero, or null. */
static void put_zero(buffer_t *buffer, wazero_value_type_t type)
{
    static const uint8_t zero[16];
    switch (type) {
    case WAZERO_TYPE_I32:
        put_byte(buffer, 0x41);
        put_byte(buffer, 0);
        break;
    case WAZERO_TYPE_I64:
        put_byte(buffer, 0x42);
        put_byte(buffer, 0);
        break;
    case WAZERO_TYPE_F32:
        put_byte(buffer, 0x43);
        put(buffer, zero, 4);
        break;
    case WAZERO_TYPE_F64:
        put_byte(buffer, 0x44);
        put(buffer, zero, 8);
        break;
    case WAZERO_TYPE_V128:
        put_byte(buffer, 0xfd);
        put_byte(buffer, 0x0c);
        put(buffer, zero, 16);
        break;
    default:
        put_byte(buffer, 0xd0);
        put_byte(buffer, type);
    }
    put_byte(buffer, 0x0b);
}

/* The section in which the thing is defined. */
static void put_definition(buffer_t *module, const wazero_extern_t *item)
{
    static const uint8_t sections[] = {3, 4, 5, 6, 13}; /* by kind */
    buffer_t definitions = {0};
    put_number(&definitions, 1);
    switch (item->kind) {
    case WAZERO_EXTERN_FUNCTION: /* of the first type */
        put_number(&definitions, 0);
        break;
    case WAZERO_EXTERN_TABLE:
        put_byte(&definitions, item->type.table.element);
        put_limits(&definitions, &item->type.table.limits);
        break;
    case WAZERO_EXTERN_MEMORY:
        put_limits(&definitions, &item->type.memory);
        break;
    case WAZERO_EXTERN_GLOBAL:
        put_byte(&definitions, item->type.global.value);
        put_byte(&definitions, item->type.global.is_mutable);
        put_zero(&definitions, item->type.global.value);
        break;
    default: /* a tag of the first type */
        put_byte(&definitions, 0);
        put_number(&definitions, 0);
    }
    put_section(module, sections[item->kind], &definitions);
}

/* For a function: a table of one function. */
static void put_table(buffer_t *module)
{
    static const uint8_t table[] = {1, WAZERO_TYPE_FUNCREF, 0, 1};
    buffer_t tables = {0};
    put(&tables, table, sizeof table);
    put_section(module, 4, &tables);
}

/* The code of a function that passes on its parameters to what is in the table. */
static void put_code(buffer_t *module, const wazero_function_type_t *type)
{
    static const uint8_t call[] = {0x41, 0, 0x11, 0, 0, 0x0b};
    buffer_t body = {0}, codes = {0};
    put_number(&body, 0); /* no locals */
    for (size_t i = 0; i < type->param_count; i++) {
        put_byte(&body, 0x20);
        put_number(&body, i);
    }
    put(&body, call, sizeof call);
    put_number(&codes, 1);
    put_number(&codes, body.size);
    put(&codes, body.data, body.size);
    codes.failed = codes.failed || body.failed;
    free(body.data);
    put_section(module, 10, &codes);
}

/* Whether it is a type that the host can write down. */
static bool is_known(wazero_value_type_t type)
{
    return wazero__type_is_number(type) || type == WAZERO_TYPE_V128 ||
           type == WAZERO_TYPE_FUNCREF || type == WAZERO_TYPE_EXTERNREF;
}

/* What would make other bytes of it than are meant. */
static wazero_error_t *check_definition(const wazero_extern_t *item)
{
    const wazero_function_type_t *function = &item->type.function;
    const wazero_value_type_t *types = &item->type.global.value;
    size_t count = 1;
    if (item->kind == WAZERO_EXTERN_TABLE)
        types = &item->type.table.element;
    else if (item->kind == WAZERO_EXTERN_TAG)
        types = function->params, count = function->param_count;
    else if (item->kind != WAZERO_EXTERN_GLOBAL)
        count = 0;
    for (size_t i = 0; i < count; i++)
        if (!is_known(types[i]) ||
            (item->kind == WAZERO_EXTERN_TABLE && !wazero__type_is_reference(types[i])))
            return wazero__error(WAZERO_ERROR_INVALID,
                                 "a %s cannot have the type 0x%02x",
                                 wazero_extern_kind_name(item->kind), types[i]);
    if (!is_writable(item))
        return wazero__error(WAZERO_ERROR_INVALID,
                             "a function with typed references can only be imported "
                             "from a module that exports it");
    const wazero_limits_t *limits = item->kind == WAZERO_EXTERN_MEMORY
                                        ? &item->type.memory
                                        : &item->type.table.limits;
    if (item->kind != WAZERO_EXTERN_MEMORY && item->kind != WAZERO_EXTERN_TABLE)
        return NULL;
    if (limits->min > UINT32_MAX || (limits->has_max && limits->max > UINT32_MAX))
        return wazero__error(WAZERO_ERROR_INVALID, "the limits of a %s are too high",
                             wazero_extern_kind_name(item->kind));
    return NULL;
}

wazero_error_t *wazero__define(wazero_runtime_t *runtime, const wazero_extern_t *item,
                               wazero_module_t **module)
{
    const wazero__reexport_t export = {.as = item};
    wazero_compiled_module_t *compiled;
    buffer_t bytes = {0};
    wazero_error_t *error = wazero__runtime_check(runtime);
    if (!error)
        error = check_definition(item);
    if (error)
        return error;
    put(&bytes, HEADER, sizeof HEADER);
    if (has_function_type(item))
        put_types(&bytes, &export, 1);
    put_definition(&bytes, item);
    if (item->kind == WAZERO_EXTERN_FUNCTION)
        put_table(&bytes);
    put_exports(&bytes, &export, 1);
    if (item->kind == WAZERO_EXTERN_FUNCTION)
        put_code(&bytes, &item->type.function);
    error = bytes.failed
                ? wazero__error_memory()
                : wazero_runtime_compile(runtime, bytes.data, bytes.size, &compiled);
    free(bytes.data);
    /* To the host it is not the bytes that are wrong. */
    if (error && wazero_error_kind(error) == WAZERO_ERROR_COMPILE) {
        wazero_error_t *refused = wazero__error(WAZERO_ERROR_INVALID, "%s",
                                                wazero_error_message(error, NULL));
        wazero_error_delete(error);
        return refused;
    }
    if (error)
        return error;
    error = wazero_module_new(compiled, NULL, NULL, module);
    wazero_compiled_module_delete(compiled);
    return error;
}
