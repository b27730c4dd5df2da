/*
 * inspect_segments.c - reading constant expressions and segments again: the parser has
 * accepted them and kept their places. The bytes are the host's: whatever it
 * has done to them meanwhile, nothing outside of them is read.
 */
#include "binary.h"
#include "inspect.h"
#include "parse_reader.h"

/* ---- constants ---- */

static wazero__reader_t reader_at(const wazero__parsed_t *parsed, uint32_t at)
{
    const uint8_t *end = parsed->wasm + parsed->wasm_size;
    return (wazero__reader_t){at <= parsed->wasm_size ? parsed->wasm + at : end, end};
}

static uint32_t read_u32(wazero__reader_t *in)
{
    uint32_t value = 0;
    if (!wazero__read_u32(in, &value))
        in->at = in->end;
    return value;
}

/* A signed number of at most max bytes; bits beyond 64 are dropped. */
static uint64_t read_signed(wazero__reader_t *in, unsigned max)
{
    uint64_t value = 0;
    uint8_t byte = 0x80;
    for (unsigned i = 0; i < max && byte >= 0x80; i++) {
        if (!wazero__read_byte(in, &byte))
            return 0;
        value |= (uint64_t)(byte & 0x7f) << (i * 7);
        if (byte < 0x80 && (byte & 0x40) && i < 9)
            value |= ~(uint64_t)0 << ((i + 1) * 7);
    }
    return value;
}

static void read_bytes(wazero__reader_t *in, void *value, size_t size)
{
    const uint8_t *from = in->at;
    if (wazero__skip(in, size))
        memcpy(value, from, size);
    else
        in->at = in->end;
}

/* The type that a heap type makes. */
static wazero_value_type_t read_heap_type(wazero__reader_t *in, bool nullable,
                                          wazero_typed_reference_t *reference)
{
    int64_t heap = 0;
    if (!wazero__read_s33(in, &heap))
        in->at = in->end;
    return wazero__reference_of(heap, nullable, reference);
}

static void set_number(wazero_constant_t *constant, wazero_value_type_t type)
{
    constant->kind = WAZERO_CONSTANT_NUMBER;
    constant->type = type;
}

/* Reads the immediate of one instruction into the constant. */
static void read_instruction(wazero__reader_t *in, uint8_t opcode,
                             wazero_constant_t *constant)
{
    switch (opcode) {
    case OP_I32_CONST:
        set_number(constant, WAZERO_TYPE_I32);
        constant->value[0] = (uint32_t)read_signed(in, WAZERO__LEB32_SIZE);
        break;
    case OP_I64_CONST:
        set_number(constant, WAZERO_TYPE_I64);
        constant->value[0] = read_signed(in, WAZERO__LEB64_SIZE);
        break;
    case OP_F32_CONST:
        set_number(constant, WAZERO_TYPE_F32);
        read_bytes(in, constant->value, 4);
        break;
    case OP_F64_CONST:
        set_number(constant, WAZERO_TYPE_F64);
        read_bytes(in, constant->value, 8);
        break;
    case OP_VECTOR: /* v128.const is the only one */
        set_number(constant, WAZERO_TYPE_V128);
        wazero__skip(in, 1);
        read_bytes(in, constant->value, 16);
        break;
    case OP_GLOBAL_GET:
        constant->kind = WAZERO_CONSTANT_GLOBAL;
        constant->index = read_u32(in);
        break;
    case OP_REF_FUNC:
        constant->kind = WAZERO_CONSTANT_FUNCTION;
        constant->index = read_u32(in);
        break;
    case OP_REF_NULL:
        constant->kind = WAZERO_CONSTANT_NULL;
        constant->type = read_heap_type(in, true, &constant->reference);
        break;
    default: /* arithmetic */
        constant->kind = WAZERO_CONSTANT_COMPUTED;
    }
}

/* Reads an expression, its end included. */
static wazero_constant_t read_constant(const wazero__parsed_t *parsed,
                                       wazero__reader_t *in)
{
    const uint8_t *start = in->at;
    wazero_constant_t constant = {0}, ignored;
    uint8_t opcode;
    size_t count = 0;
    for (; wazero__read_byte(in, &opcode) && opcode != OP_END; count++)
        read_instruction(in, opcode, count ? &ignored : &constant);
    if (count != 1)
        constant = (wazero_constant_t){.kind = WAZERO_CONSTANT_COMPUTED};
    constant.offset = (size_t)(start - parsed->wasm);
    constant.size = (size_t)(in->at - start);
    return constant;
}

wazero_constant_t wazero__parsed_constant(const wazero__parsed_t *parsed, uint32_t at)
{
    wazero__reader_t in = reader_at(parsed, at);
    return read_constant(parsed, &in);
}

/* ---- segments ---- */

size_t wazero_inspection_element_count(const wazero_inspection_t *inspection)
{
    return inspection->parsed->element_count;
}

wazero_value_type_t wazero__read_type(wazero__reader_t *in,
                                      wazero_typed_reference_t *reference)
{
    uint8_t byte = 0;
    *reference = (wazero_typed_reference_t){0};
    (void)wazero__read_byte(in, &byte);
    if (byte != TYPE_NULLABLE_REF && byte != TYPE_REF)
        return byte;
    return read_heap_type(in, byte == TYPE_NULLABLE_REF, reference);
}

bool wazero_inspection_element(const wazero_inspection_t *inspection, size_t index,
                               wazero_element_segment_t *segment)
{
    const wazero__parsed_t *parsed = inspection->parsed;
    if (index >= parsed->element_count)
        return false;
    wazero__reader_t in = reader_at(parsed, parsed->elements[index]);
    uint32_t prefix = read_u32(&in);
    wazero_element_segment_t found = {.type = WAZERO_TYPE_FUNCREF};
    if (prefix & ELEMENT_NOT_ACTIVE) {
        found.mode = prefix & ELEMENT_EXPLICIT ? WAZERO_SEGMENT_DECLARATIVE
                                               : WAZERO_SEGMENT_PASSIVE;
    } else {
        if (prefix & ELEMENT_EXPLICIT)
            found.table = read_u32(&in);
        found.offset = read_constant(parsed, &in);
    }
    if ((prefix & ELEMENT_EXPRESSIONS) && prefix != ELEMENT_EXPRESSIONS)
        found.type = wazero__read_type(&in, &found.reference);
    else if (prefix != 0 && prefix != ELEMENT_EXPRESSIONS)
        wazero__skip(&in, 1); /* the kind: functions */
    found.count = read_u32(&in);
    *segment = found;
    return true;
}

size_t wazero_inspection_data_count(const wazero_inspection_t *inspection)
{
    return inspection->parsed->data_count;
}

bool wazero_inspection_data(const wazero_inspection_t *inspection, size_t index,
                            wazero_data_segment_t *segment)
{
    const wazero__parsed_t *parsed = inspection->parsed;
    if (index >= parsed->data_count)
        return false;
    wazero__reader_t in = reader_at(parsed, parsed->data[index]);
    uint32_t prefix = read_u32(&in);
    wazero_data_segment_t found = {.mode = WAZERO_SEGMENT_PASSIVE};
    if (prefix != 1) {
        found.mode = WAZERO_SEGMENT_ACTIVE;
        if (prefix == 2)
            found.memory = read_u32(&in);
        found.offset = read_constant(parsed, &in);
    }
    uint32_t size = read_u32(&in);
    size_t left = wazero__reader_left(&in);
    found.data = in.at;
    found.size = size < left ? size : left;
    found.position = (size_t)(in.at - parsed->wasm);
    *segment = found;
    return true;
}
