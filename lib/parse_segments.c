/*
 * parse_segments.c - element and data segments, and constant expressions.
 */
#include "binary.h"
#include "parse_parts.h"

/* ---- constant expressions ---- */

static const char EXPRESSION[] = "a constant expression";

/* Skips a signed number whose value does not matter. */
static void skip_number(wazero__parser_t *p, size_t max)
{
    const uint8_t *behind = wazero__skip_signed(p->in.at, p->in.end, max);
    if (behind)
        p->in.at = behind;
    else if (wazero__reader_left(&p->in) >= max)
        wazero__parse_fail(p, p->in.at, "a number in %s is too long or too large",
                           EXPRESSION);
    else
        wazero__parse_fail(p, p->in.end, "unexpected end in %s", EXPRESSION);
}

/* The index of a global, which must not be mutable: wazero does not look at that. That
 * there is such a global is wazero's to check. */
static void parse_constant_global(wazero__parser_t *p, const uint8_t *at)
{
    uint32_t index = wazero__parse_u32(p, EXPRESSION);
    const wazero__parsed_t *parsed = p->parsed;
    if (!p->error && index < parsed->global_count && parsed->globals[index].is_mutable)
        wazero__parse_fail(p, at, "global[%u] is mutable, so %s cannot use it", index,
                           EXPRESSION);
}

/* The heap type of ref.null, of which wazero takes everything else for the index of a
 * type and looks at neither its range nor the feature. */
static void parse_null(wazero__parser_t *p, const uint8_t *at)
{
    int64_t heap = wazero__parse_s33(p, EXPRESSION);
    if (p->error)
        return;
    if (heap >= 0)
        wazero__parse_require(p, at, WAZERO_FEATURE_TYPED_FUNCTION_REFERENCES,
                              "ref.null of a type index");
    if (!wazero__parse_is_heap_type(p, heap) ||
        (heap >= 0 && (uint64_t)heap >= p->parsed->type_count))
        wazero__parse_fail(p, at, "ref.null of the unknown heap type %lld",
                           (long long)heap);
}

static void skip_immediate(wazero__parser_t *p, uint8_t opcode, const uint8_t *at)
{
    switch (opcode) {
    case OP_I32_CONST:
        skip_number(p, WAZERO__LEB32_SIZE);
        return;
    case OP_REF_NULL:
        parse_null(p, at);
        return;
    case OP_REF_FUNC:
        wazero__parse_u32(p, EXPRESSION);
        return;
    case OP_I64_CONST:
        skip_number(p, WAZERO__LEB64_SIZE);
        return;
    case OP_GLOBAL_GET:
        parse_constant_global(p, at);
        return;
    case OP_F32_CONST:
        wazero__parse_skip(p, 4, EXPRESSION);
        return;
    case OP_F64_CONST:
        wazero__parse_skip(p, 8, EXPRESSION);
        return;
    case OP_VECTOR:
        if (wazero__parse_byte(p, EXPRESSION) != OP_V128_CONST)
            wazero__parse_fail(p, at, "invalid vector opcode for const expression");
        wazero__parse_skip(p, 16, EXPRESSION);
        return;
    default:
        if ((opcode < OP_I32_ADD || opcode > OP_I32_MUL) &&
            (opcode < OP_I64_ADD || opcode > OP_I64_MUL))
            wazero__parse_fail(p, at, "invalid byte for const expression op code: %#x",
                               opcode);
    }
}

void wazero__parse_expression(wazero__parser_t *p)
{
    while (!p->error) {
        const uint8_t *at = p->in.at;
        uint8_t opcode = wazero__parse_byte(p, EXPRESSION);
        if (opcode == OP_END)
            return;
        skip_immediate(p, opcode, at);
    }
}

/* ---- elements ---- */

/* Adds to what the segments of the module have together. */
static void count_elements(wazero__parser_t *p, const uint8_t *at, uint32_t count)
{
    if (count > WAZERO__MAX_ELEMENTS - p->element_count)
        wazero__parse_fail(p, at, "elements: more than the limit of %u in all segments",
                           WAZERO__MAX_ELEMENTS);
    else
        p->element_count += count;
}

/* The element type or the element kind, where the prefix has one. */
static void parse_element_type(wazero__parser_t *p, uint32_t prefix)
{
    const uint8_t *at = p->in.at;
    if (prefix == 0 || prefix == ELEMENT_EXPRESSIONS)
        return;
    if (prefix & ELEMENT_EXPRESSIONS) {
        wazero_typed_reference_t reference;
        wazero_value_type_t type =
            wazero__parse_value_type(p, "the type of an element segment", &reference);
        bool is_ref = type == WAZERO_TYPE_FUNCREF || type == WAZERO_TYPE_EXTERNREF ||
                      type == WAZERO_TYPE_EXNREF || type == WAZERO_TYPE_REF;
        if (!p->error && !is_ref)
            wazero__parse_fail(p, at, "invalid ref type for element: 0x%x", type);
        return;
    }
    uint8_t kind = wazero__parse_byte(p, "the kind of an element segment");
    if (kind != 0)
        wazero__parse_fail(p, at, "element kind must be zero but was 0x%x", kind);
}

static void parse_element_segment(wazero__parser_t *p)
{
    const uint8_t *at = p->in.at;
    uint32_t prefix = wazero__parse_u32(p, "the prefix of an element segment");
    if (prefix > 7) {
        wazero__parse_fail(p, at, "invalid element segment prefix: 0x%x", prefix);
        return;
    }
    if (!(prefix & ELEMENT_NOT_ACTIVE)) {
        if (prefix & ELEMENT_EXPLICIT)
            wazero__parse_u32(p, "the table of an element segment");
        wazero__parse_expression(p);
    }
    parse_element_type(p, prefix);
    at = p->in.at;
    uint32_t count = wazero__parse_count(p, "elements", 1, WAZERO__MAX_ELEMENTS);
    count_elements(p, at, count);
    for (uint32_t i = 0; i < count && !p->error; i++) {
        if (prefix & ELEMENT_EXPRESSIONS)
            wazero__parse_expression(p);
        else
            wazero__parse_u32(p, "the function of an element");
    }
}

void wazero__parse_elements(wazero__parser_t *p)
{
    const uint8_t *at = p->in.at;
    uint32_t count =
        wazero__parse_count(p, "element segments", 3, WAZERO__MAX_ELEMENTS);
    count_elements(p, at, count);
    p->parsed->elements = wazero__parse_alloc(p, count, sizeof *p->parsed->elements);
    p->parsed->element_count = count;
    for (uint32_t i = 0; i < count && !p->error; i++) {
        p->parsed->elements[i] = wazero__parse_place(p, p->in.at);
        parse_element_segment(p);
    }
}

/* ---- data ---- */

static void parse_data_segment(wazero__parser_t *p)
{
    const uint8_t *at = p->in.at;
    uint32_t prefix = wazero__parse_u32(p, "the prefix of a data segment");
    if (prefix > 2)
        wazero__parse_fail(p, at, "invalid data segment prefix: 0x%x", prefix);
    if (prefix == 2) {
        at = p->in.at;
        uint32_t memory = wazero__parse_u32(p, "the memory of a data segment");
        if (memory != 0)
            wazero__parse_fail(p, at, "memory index must be zero but was %u", memory);
    }
    if (prefix != 1)
        wazero__parse_expression(p);
    uint32_t size = wazero__parse_u32(p, "the size of a data segment");
    wazero__parse_skip(p, size, "a data segment");
}

void wazero__parse_data(wazero__parser_t *p)
{
    uint32_t count =
        wazero__parse_count(p, "data segments", 2, WAZERO__MAX_DATA_SEGMENTS);
    p->parsed->data = wazero__parse_alloc(p, count, sizeof *p->parsed->data);
    p->parsed->data_count = count;
    for (uint32_t i = 0; i < count && !p->error; i++) {
        p->parsed->data[i] = wazero__parse_place(p, p->in.at);
        parse_data_segment(p);
    }
}

/* That the count is right is wazero's to check; nothing is allocated by it. */
void wazero__parse_data_count(wazero__parser_t *p)
{
    wazero__parse_u32(p, "the number of data segments");
}
