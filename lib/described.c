/*
 * described.c - reading descriptions of functions. See described.h.
 *
 * The engine wrote them, so that they are as they should be is not checked.
 */
#include "described.h"

#include <stdlib.h>

#include "value.h"

typedef struct {
    const uint8_t *at;
    char *text;           /* where the next text goes, with a NUL behind it */
    wazero_name_t *names; /* where the next list of names goes */
} reader_t;

static uint32_t read_number(reader_t *reader)
{
    uint32_t number;
    memcpy(&number, reader->at, sizeof number);
    reader->at += sizeof number;
    return number;
}

static wazero_name_t read_text(reader_t *reader)
{
    wazero_name_t name = {reader->text, read_number(reader)};
    memcpy(reader->text, reader->at, name.size);
    reader->text[name.size] = '\0';
    reader->text += name.size + 1;
    reader->at += name.size;
    return name;
}

static const wazero_value_type_t *read_types(reader_t *reader, size_t *count)
{
    wazero_name_t types = read_text(reader);
    *count = types.size;
    return (const wazero_value_type_t *)types.data;
}

static const wazero_name_t *read_names(reader_t *reader, size_t *count)
{
    wazero_name_t *names = reader->names;
    *count = read_number(reader);
    for (size_t i = 0; i < *count; i++)
        names[i] = read_text(reader);
    reader->names += *count;
    return names;
}

wazero__described_t *wazero__described_new(const void *description, size_t size)
{
    /* Each text had a number of four bytes before it, which is room for its NUL; and
     * each name of a list took that much at least. */
    size_t name_count = size / sizeof(uint32_t);
    wazero__described_t *made =
        malloc(sizeof *made + name_count * sizeof(wazero_name_t) + size);
    if (!made)
        return NULL;
    wazero_name_t *names = (wazero_name_t *)(made + 1);
    reader_t reader = {description, (char *)(names + name_count), names};
    wazero_function_definition_t *definition = &made->definition;
    wazero_function_type_t *type = &made->type;
    memset(made, 0, sizeof *made);
    definition->index = read_number(&reader);
    definition->is_host = read_number(&reader) != 0;
    definition->module_name = read_text(&reader);
    definition->name = read_text(&reader);
    definition->debug_name = read_text(&reader);
    type->params = read_types(&reader, &type->param_count);
    type->results = read_types(&reader, &type->result_count);
    definition->param_names = read_names(&reader, &definition->param_name_count);
    definition->result_names = read_names(&reader, &definition->result_name_count);
    definition->export_names = read_names(&reader, &definition->export_name_count);
    type->param_slot_count = wazero__type_slots(type->params, type->param_count);
    type->result_slot_count = wazero__type_slots(type->results, type->result_count);
    type->slot_count = type->param_slot_count > type->result_slot_count
                           ? type->param_slot_count
                           : type->result_slot_count;
    definition->type = type;
    return made;
}
