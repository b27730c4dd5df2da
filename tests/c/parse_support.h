/*
 * parse_support.h - putting modules together byte by byte, and parsing them. A module
 * is parsed from memory that ends where it ends, so that a sanitizer sees every step
 * too far, and that is gone before the result is looked at.
 */
#ifndef WAZERO_TESTS_PARSE_SUPPORT_H
#define WAZERO_TESTS_PARSE_SUPPORT_H

#include "../../lib/parse.h"
#include "test.h"

/* ---- putting modules together ---- */

typedef struct {
    uint8_t *data;
    size_t size;
    size_t capacity;
} bytes_t;

static inline void put(bytes_t *bytes, const void *data, size_t size)
{
    if (bytes->size + size > bytes->capacity) {
        bytes->capacity = (bytes->size + size) * 2;
        bytes->data = realloc(bytes->data, bytes->capacity);
        if (!bytes->data)
            abort();
    }
    if (size)
        memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

#define PUT(bytes, ...)                                                                \
    put((bytes), (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static inline void put_u32(bytes_t *bytes, uint32_t value)
{
    for (; value >= 0x80; value >>= 7)
        PUT(bytes, (uint8_t)(value | 0x80));
    PUT(bytes, (uint8_t)value);
}

static inline void repeat(bytes_t *bytes, size_t count, const void *data, size_t size)
{
    for (size_t i = 0; i < count; i++)
        put(bytes, data, size);
}

static inline void clear(bytes_t *bytes)
{
    free(bytes->data);
    *bytes = (bytes_t){0};
}

static inline bytes_t new_module(void)
{
    bytes_t module = {0};
    PUT(&module, 0x00, 'a', 's', 'm', 0x01, 0x00, 0x00, 0x00);
    return module;
}

static inline void put_section(bytes_t *module, uint8_t id, const void *payload,
                               size_t size)
{
    PUT(module, id);
    put_u32(module, (uint32_t)size);
    put(module, payload, size);
}

/* A section out of bytes written down. */
#define SECTION(module, id, ...)                                                       \
    put_section((module), (id), (const uint8_t[]){__VA_ARGS__},                        \
                sizeof((const uint8_t[]){__VA_ARGS__}))

/* A section out of collected bytes, which are freed. */
static inline void end_section(bytes_t *module, uint8_t id, bytes_t *payload)
{
    put_section(module, id, payload->data, payload->size);
    clear(payload);
}

/* A module with one function of type [] -> [] and this code (locals and
 * instructions). */
static inline bytes_t function_module(const void *code, size_t size)
{
    bytes_t module = new_module(), payload = {0};
    SECTION(&module, 1, 1, 0x60, 0, 0);
    SECTION(&module, 3, 1, 0);
    PUT(&payload, 1);
    put_u32(&payload, (uint32_t)size);
    put(&payload, code, size);
    end_section(&module, 10, &payload);
    return module;
}

/* ---- parsing them ---- */

static const wazero__parse_limits_t DEFAULTS = {
    .memory_pages = 65536, .table_elements = 10000000, .features = 0xfff};

static inline wazero_error_t *parse_copy(const void *data, size_t size,
                                         const wazero__parse_limits_t *limits,
                                         wazero__parsed_t **parsed)
{
    uint8_t *copy = calloc(size ? size : 1, 1);
    if (!copy)
        abort();
    if (size)
        memcpy(copy, data, size);
    wazero_error_t *error = wazero__parse(copy, size, limits, parsed);
    free(copy); /* nothing handed out may point into it */
    return error;
}

/* Parses and frees the module; NULL after a failed check. */
static inline wazero__parsed_t *parse_with(bytes_t *module,
                                           const wazero__parse_limits_t *limits)
{
    wazero__parsed_t *parsed = NULL;
    wazero_error_t *error = parse_copy(module->data, module->size, limits, &parsed);
    CHECK_STR(error ? wazero_error_message(error, NULL) : "no error", "no error");
    wazero_error_delete(error);
    clear(module);
    return parsed;
}

static inline wazero__parsed_t *parse(bytes_t *module)
{
    return parse_with(module, &DEFAULTS);
}

/* Checks that the module is refused with this in the message, and frees it. */
static inline void refused_with(bytes_t *module, const wazero__parse_limits_t *limits,
                                const char *part, int line)
{
    wazero__parsed_t *parsed = NULL;
    wazero_error_t *error = parse_copy(module->data, module->size, limits, &parsed);
    const char *message = error ? wazero_error_message(error, NULL) : "no error";
    test_check_contains(message, part, "message", __FILE__, line);
    test_check(!error || wazero_error_kind(error) == WAZERO_ERROR_COMPILE,
               "kind COMPILE", __FILE__, line);
    wazero_error_delete(error);
    wazero__parsed_delete(parsed);
    clear(module);
}

#define REFUSED(module, part) refused_with((module), &DEFAULTS, (part), __LINE__)
#define REFUSED_WITH(module, limits, part)                                             \
    refused_with((module), (limits), (part), __LINE__)

/* A module of one section, or of one function's code, is refused. */
#define SECTION_REFUSED(part, id, ...)                                                 \
    do {                                                                               \
        bytes_t refused_ = new_module();                                               \
        SECTION(&refused_, (id), __VA_ARGS__);                                         \
        REFUSED(&refused_, (part));                                                    \
    } while (0)
#define CODE_REFUSED(part, ...)                                                        \
    do {                                                                               \
        bytes_t refused_ = function_module((const uint8_t[]){__VA_ARGS__},             \
                                           sizeof((const uint8_t[]){__VA_ARGS__}));    \
        REFUSED(&refused_, (part));                                                    \
    } while (0)
#define CODE_ACCEPTED(...)                                                             \
    do {                                                                               \
        bytes_t accepted_ = function_module((const uint8_t[]){__VA_ARGS__},            \
                                            sizeof((const uint8_t[]){__VA_ARGS__}));   \
        wazero__parsed_delete(parse(&accepted_));                                      \
    } while (0)

#endif
