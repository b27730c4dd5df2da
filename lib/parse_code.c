/*
 * parse_code.c - the code section: locals, and a scan over the instructions.
 *
 * The scan steps over instructions exactly as wazero's validator does (behind 0xfd and
 * 0xfe it reads one byte, not a number), to find what would make Go
 * allocate or recurse without bound. It does not check types. Where it meets something
 * that wazero is sure to refuse at that very place (an unknown opcode, a label that
 * does not exist) it stops and leaves the message to wazero: the validator reads in the
 * same order, so it reads nothing beyond. What wazero might read differently is an
 * error here.
 */
#include "parse_parts.h"

#include <stdlib.h>

#include "error.h"

/* What follows an opcode. */
enum {
    PLAIN = 0,       /* nothing */
    LOCAL,           /* the index of a local */
    INDEX,           /* another number of 32 bits */
    MEMORY_ARG,      /* alignment and offset */
    SIGNED32,        /* a signed number of 32 bits */
    SIGNED64,        /* and of 64 */
    BYTE,            /* a byte */
    BYTES4,          /* a float */
    BYTES8,          /* a double */
    SIMPLE = BYTES8, /* the scan's loop does those up to here itself */
    BLOCK,
    ELSE,
    END,
    BRANCH,
    BRANCH_TABLE,
    RETURN,
    UNREACHABLE,
    CALL,
    CALL_TYPE,
    CALL_INDIRECT,
    THROW,
    TRY_TABLE,
    SELECT_TYPE,
    NULL_REFERENCE,
    MISC,
    VECTOR,
    ATOMIC,
    UNKNOWN,
};

enum {
    OPCODE_BLOCK = 0x02,
    OPCODE_LOOP = 0x03,
    OPCODE_IF = 0x04,
    OPCODE_BR = 0x0c,
    OPCODE_CALL = 0x10,
    OPCODE_RETURN_CALL_INDIRECT = 0x13,
    OPCODE_RETURN_CALL_REF = 0x15
};

/* clang-format off */
static const uint8_t kinds[256] = {
    [0x00] = UNREACHABLE, [0x01] = PLAIN,
    [0x02 ... 0x04] = BLOCK, [0x05] = ELSE,
    [0x06 ... 0x07] = UNKNOWN, /* the old exception handling */
    [0x08] = THROW, [0x09] = UNKNOWN, [0x0a] = PLAIN, [0x0b] = END,
    [0x0c ... 0x0d] = BRANCH, [0x0e] = BRANCH_TABLE, [0x0f] = RETURN,
    [0x10] = CALL, [0x11] = CALL_INDIRECT, [0x12] = CALL, [0x13] = CALL_INDIRECT,
    [0x14 ... 0x15] = CALL_TYPE,
    [0x16 ... 0x19] = UNKNOWN,
    [0x1a ... 0x1b] = PLAIN, [0x1c] = SELECT_TYPE,
    [0x1d ... 0x1e] = UNKNOWN, [0x1f] = TRY_TABLE,
    [0x20 ... 0x22] = LOCAL, [0x23 ... 0x26] = INDEX, [0x27] = UNKNOWN,
    [0x28 ... 0x3e] = MEMORY_ARG, [0x3f ... 0x40] = BYTE,
    [0x41] = SIGNED32, [0x42] = SIGNED64, [0x43] = BYTES4, [0x44] = BYTES8,
    [0x45 ... 0xc4] = PLAIN,
    [0xc5 ... 0xcf] = UNKNOWN,
    [0xd0] = NULL_REFERENCE, [0xd1] = PLAIN, [0xd2] = INDEX, [0xd3] = UNKNOWN,
    [0xd4] = PLAIN,
    [0xd5 ... 0xd6] = BRANCH,
    [0xd7 ... 0xfb] = UNKNOWN,
    [0xfc] = MISC, [0xfd] = VECTOR, [0xfe] = ATOMIC, [0xff] = UNKNOWN,
};
/* clang-format on */

typedef enum {
    GO_ON = 0,
    LEAVE_TO_WAZERO,
    CUT_OFF, /* an immediate is cut off or malformed */
    TOO_DEEP,
    TOO_MANY_TARGETS,
    RELAXED_SIMD,
    VECTOR_OPCODE,
    SELECT_OF_REFERENCE,
    HEAP_TYPE,
} verdict_t;

/* A block that is open. */
typedef struct {
    uint16_t params;
    uint16_t carried; /* values of a branch to it */
    uint8_t opcode;
    bool is_dead;   /* nothing gets to its beginning */
    uint32_t entry; /* accesses that are known at its beginning, and, at most, */
    uint32_t least; /* behind it, by the ways there so far; UINT32_MAX: no way */
} label_t;

typedef struct {
    const wazero__parser_t *p;
    const uint8_t *end;
    label_t *labels; /* MAX_NESTING + 1 */
    uint32_t depth;  /* of the innermost block; 0 is the function itself */
    verdict_t verdict;
    uint32_t blocks;
    uint32_t local_uses;
    /* wazero's compiler keeps for the end of each basic block which memory accesses
     * were known to be in bounds there: at most those that are on all ways to it. */
    uint32_t known;
    bool is_dead;    /* nothing gets here */
    uint64_t keeps;  /* of all basic blocks together */
    uint64_t values; /* moved by calls, branches and blocks */
} scan_t;

static const uint8_t *stop(scan_t *s, verdict_t verdict)
{
    s->verdict = verdict;
    return NULL;
}

static const uint8_t *scan_u32(scan_t *s, const uint8_t *at, uint32_t *value)
{
    wazero__reader_t reader = {at, s->end};
    return wazero__read_u32(&reader, value) ? reader.at : stop(s, CUT_OFF);
}

static const uint8_t *scan_index(scan_t *s, const uint8_t *at)
{
    at = wazero__skip_leb(at, s->end, WAZERO__LEB32_SIZE);
    return at ? at : stop(s, CUT_OFF);
}

static const uint8_t *scan_bytes(scan_t *s, const uint8_t *at, size_t size)
{
    return (size_t)(s->end - at) >= size ? at + size : stop(s, CUT_OFF);
}

static const uint8_t *scan_memory_arg(scan_t *s, const uint8_t *at)
{
    s->known++;
    at = scan_index(s, at);
    return at ? scan_index(s, at) : NULL;
}

/* ---- control ---- */

/* Counts a block type's or a function type's values. */
static const uint8_t *scan_type_values(scan_t *s, const uint8_t *at, uint64_t type,
                                       wazero__arity_t *arity)
{
    if (type >= s->p->parsed->type_count)
        return stop(s, LEAVE_TO_WAZERO);
    *arity = s->p->arities[type];
    s->values += (uint64_t)arity->params + arity->results;
    return at;
}

static const uint8_t *scan_block_type(scan_t *s, const uint8_t *at,
                                      wazero__arity_t *arity)
{
    wazero__reader_t reader = {at, s->end};
    int64_t type = 0, heap = 0;
    if (!wazero__read_s33(&reader, &type))
        return stop(s, CUT_OFF);
    *arity = (wazero__arity_t){0, type != -64};
    if (type >= 0)
        return scan_type_values(s, reader.at, (uint64_t)type, arity);
    if ((type == -28 || type == -29) && !wazero__read_s33(&reader, &heap))
        return stop(s, CUT_OFF);
    return reader.at;
}

static const uint8_t *open_block(scan_t *s, const uint8_t *at, uint8_t opcode,
                                 wazero__arity_t arity)
{
    if (s->depth >= WAZERO__MAX_NESTING)
        return stop(s, TOO_DEEP);
    s->labels[++s->depth] =
        (label_t){.params = arity.params,
                  .carried = opcode == OPCODE_LOOP ? arity.params : arity.results,
                  .opcode = opcode,
                  .is_dead = s->is_dead,
                  .entry = s->known,
                  .least = UINT32_MAX};
    s->values += arity.params;
    s->blocks++;
    s->keeps += s->known;
    return at;
}

static const uint8_t *scan_block(scan_t *s, const uint8_t *at)
{
    uint8_t opcode = at[-1];
    wazero__arity_t arity = {0};
    at = scan_block_type(s, at, &arity);
    return at ? open_block(s, at, opcode, arity) : NULL;
}

/* A way from here to the end of a block. */
static void add_way(const scan_t *s, label_t *label, uint32_t known)
{
    if (!s->is_dead && known < label->least)
        label->least = known;
}

static void scan_else(scan_t *s)
{
    label_t *label = &s->labels[s->depth];
    add_way(s, label, s->known);
    label->opcode = OPCODE_BLOCK; /* no other way around it any more */
    s->values += label->params;
    s->blocks++;
    s->keeps += s->known;
    s->known = label->entry;
    s->is_dead = label->is_dead;
}

static void scan_end(scan_t *s)
{
    label_t *label = &s->labels[s->depth--];
    add_way(s, label, s->known);
    s->keeps += s->known;
    if (label->opcode == OPCODE_IF && !label->is_dead && label->entry < label->least)
        label->least = label->entry;
    s->is_dead = label->least == UINT32_MAX;
    s->known = s->is_dead ? label->entry : label->least;
}

/* A label; its values are counted. */
static const uint8_t *scan_label(scan_t *s, const uint8_t *at)
{
    uint32_t label = 0;
    at = scan_u32(s, at, &label);
    if (!at)
        return NULL;
    if (label > s->depth)
        return stop(s, LEAVE_TO_WAZERO);
    label_t *target = &s->labels[s->depth - label];
    if (target->opcode != OPCODE_LOOP)
        add_way(s, target, s->known);
    s->values += target->carried;
    s->blocks++;
    return at;
}

static const uint8_t *scan_branch(scan_t *s, const uint8_t *at)
{
    bool always = at[-1] == OPCODE_BR;
    s->keeps += s->known;
    at = scan_label(s, at);
    s->is_dead |= always;
    return at;
}

static const uint8_t *scan_branch_table(scan_t *s, const uint8_t *at)
{
    uint32_t count = 0;
    at = scan_u32(s, at, &count);
    if (!at)
        return NULL;
    if (count > WAZERO__MAX_BRANCH_TARGETS)
        return stop(s, TOO_MANY_TARGETS);
    s->keeps += s->known;
    for (uint32_t i = 0; i <= count && at; i++) /* with the default label */
        at = scan_label(s, at);
    s->is_dead = true;
    return at;
}

static const uint8_t *scan_tag(scan_t *s, const uint8_t *at)
{
    uint32_t tag = 0;
    at = scan_u32(s, at, &tag);
    if (!at)
        return NULL;
    if (tag >= s->p->parsed->tag_count)
        return stop(s, LEAVE_TO_WAZERO);
    s->values += s->p->arities[s->p->parsed->tags[tag]].params;
    return at;
}

static const uint8_t *scan_try_table(scan_t *s, const uint8_t *at)
{
    wazero__arity_t arity = {0};
    uint32_t count = 0;
    at = scan_block_type(s, at, &arity);
    if (at)
        at = scan_u32(s, at, &count);
    for (uint32_t i = 0; i < count && at; i++) {
        if (at == s->end)
            return stop(s, CUT_OFF);
        uint8_t kind = *at++; /* catch, catch_ref, catch_all, catch_all_ref */
        if (kind > 3)
            return stop(s, LEAVE_TO_WAZERO);
        if (kind < 2)
            at = scan_tag(s, at);
        if (at)
            at = scan_label(s, at);
    }
    return at ? open_block(s, at, OPCODE_BLOCK, arity) : NULL;
}

/* ---- calls ---- */

static const uint8_t *scan_call(scan_t *s, const uint8_t *at)
{
    wazero__arity_t arity;
    uint32_t function = 0;
    s->is_dead |= at[-1] != OPCODE_CALL; /* else a tail call */
    at = scan_u32(s, at, &function);
    if (!at)
        return NULL;
    if (function >= s->p->parsed->function_count)
        return stop(s, LEAVE_TO_WAZERO);
    return scan_type_values(s, at, s->p->parsed->functions[function], &arity);
}

static const uint8_t *scan_call_type(scan_t *s, const uint8_t *at)
{
    wazero__arity_t arity;
    uint32_t type = 0;
    at = scan_u32(s, at, &type);
    return at ? scan_type_values(s, at, type, &arity) : NULL;
}

/* ---- the rest ---- */

/* A select of (ref ...) is refused: wazero v1.12.0 validates the heap type as part
 * of the instruction and then compiles it as the next one, which was never
 * validated. */
static const uint8_t *scan_select_type(scan_t *s, const uint8_t *at)
{
    wazero__reader_t reader = {at, s->end};
    uint8_t count = 0, type = 0;
    if (!wazero__read_byte(&reader, &count) || !wazero__read_byte(&reader, &type))
        return stop(s, CUT_OFF);
    if (count != 1)
        return stop(s, LEAVE_TO_WAZERO);
    if (type == 0x63 || type == 0x64)
        return stop(s, SELECT_OF_REFERENCE);
    return reader.at;
}

/* The heap type of ref.null: wazero reads what is no abstract one as an index. */
static const uint8_t *scan_null(scan_t *s, const uint8_t *at)
{
    wazero__reader_t reader = {at, s->end};
    int64_t heap = 0;
    if (!wazero__read_s33(&reader, &heap))
        return stop(s, CUT_OFF);
    return wazero__parse_is_heap_type(s->p, heap) ? reader.at : stop(s, HEAP_TYPE);
}

static const uint8_t *scan_misc(scan_t *s, const uint8_t *at)
{
    /* How many numbers and then bytes follow: memory.init, data.drop, memory.copy,
     * memory.fill, table.init, elem.drop, table.copy, table.grow, table.size,
     * table.fill; the eight before are conversions. */
    static const uint8_t numbers[18] = {[8] = 1,  [9] = 1,  [12] = 2, [13] = 1,
                                        [14] = 2, [15] = 1, [16] = 1, [17] = 1};
    static const uint8_t bytes[18] = {[8] = 1, [10] = 2, [11] = 1};
    uint32_t opcode = 0;
    at = scan_u32(s, at, &opcode);
    if (!at)
        return NULL;
    if (opcode >= sizeof numbers)
        return stop(s, LEAVE_TO_WAZERO);
    for (int i = 0; i < numbers[opcode] && at; i++)
        at = scan_index(s, at);
    return at ? scan_bytes(s, at, bytes[opcode]) : NULL;
}

static const uint8_t *scan_vector(scan_t *s, const uint8_t *at)
{
    if (at == s->end)
        return stop(s, CUT_OFF);
    uint8_t opcode = *at++;
    /* Opcodes from 0x80 on are numbers of two bytes. wazero takes the second one, 0x01,
     * for a nop, and would run any other one as an instruction. A 0x02 there means an
     * opcode of relaxed SIMD. */
    if (opcode >= 0x80 && at == s->end)
        return stop(s, CUT_OFF);
    if (opcode >= 0x80 && *at != 0x01)
        return stop(s, *at == 0x02 ? RELAXED_SIMD : VECTOR_OPCODE);
    if (opcode >= 0x80)
        return at;
    if (opcode <= 0x0b || opcode == 0x5c || opcode == 0x5d)
        return scan_memory_arg(s, at);
    if (opcode == 0x0c || opcode == 0x0d) /* v128.const, i8x16.shuffle */
        return scan_bytes(s, at, 16);
    if (opcode >= 0x15 && opcode <= 0x22) /* a lane */
        return scan_bytes(s, at, 1);
    if (opcode >= 0x54 && opcode <= 0x5b) {
        at = scan_memory_arg(s, at);
        return at ? scan_bytes(s, at, 1) : NULL;
    }
    return at;
}

static const uint8_t *scan_atomic(scan_t *s, const uint8_t *at)
{
    if (at == s->end)
        return stop(s, CUT_OFF);
    if (*at++ == 0x03) /* atomic.fence */
        return scan_bytes(s, at, 1);
    return scan_memory_arg(s, at);
}

/* Steps over the immediates of an opcode whose kind is not simple. */
static const uint8_t *scan_immediates(scan_t *s, const uint8_t *at, uint8_t kind)
{
    switch (kind) {
    case BLOCK:
        return scan_block(s, at);
    case ELSE:
        scan_else(s);
        return at;
    case END:
        /* The last end is that of the function; code behind it is wazero's to
         * refuse. */
        if (s->depth == 0)
            return stop(s, LEAVE_TO_WAZERO);
        scan_end(s);
        return at;
    case BRANCH:
        return scan_branch(s, at);
    case BRANCH_TABLE:
        return scan_branch_table(s, at);
    case RETURN:
        s->values += s->labels[0].carried;
        s->is_dead = true;
        return at;
    case UNREACHABLE:
        s->is_dead = true;
        return at;
    case CALL:
        return scan_call(s, at);
    case CALL_TYPE:
        s->is_dead |= at[-1] == OPCODE_RETURN_CALL_REF;
        return scan_call_type(s, at);
    case CALL_INDIRECT:
        s->is_dead |= at[-1] == OPCODE_RETURN_CALL_INDIRECT;
        at = scan_call_type(s, at);
        return at ? scan_index(s, at) : NULL;
    case THROW:
        s->is_dead = true;
        return scan_tag(s, at);
    case TRY_TABLE:
        return scan_try_table(s, at);
    case SELECT_TYPE:
        return scan_select_type(s, at);
    case NULL_REFERENCE:
        return scan_null(s, at);
    case MISC:
        return scan_misc(s, at);
    case VECTOR:
        return scan_vector(s, at);
    case ATOMIC:
        return scan_atomic(s, at);
    default:
        return stop(s, LEAVE_TO_WAZERO);
    }
}

/* Scans from `at` to s->end; the result is where the last instruction begins that was
 * looked at. */
static const uint8_t *scan(scan_t *s, const uint8_t *at)
{
    const uint8_t *opcode = at, *end = s->end;
    while (at && at < end) {
        opcode = at;
        uint8_t kind = kinds[*at++];
        if (kind == PLAIN)
            continue;
        switch (kind) {
        case LOCAL:
            s->local_uses++;
            at = wazero__skip_leb(at, end, WAZERO__LEB32_SIZE);
            break;
        case INDEX:
            at = wazero__skip_leb(at, end, WAZERO__LEB32_SIZE);
            break;
        case SIGNED32:
            at = wazero__skip_signed(at, end, WAZERO__LEB32_SIZE);
            break;
        case SIGNED64:
            at = wazero__skip_signed(at, end, WAZERO__LEB64_SIZE);
            break;
        case MEMORY_ARG:
            s->known++;
            at = wazero__skip_leb(at, end, WAZERO__LEB32_SIZE);
            if (at)
                at = wazero__skip_leb(at, end, WAZERO__LEB32_SIZE);
            break;
        case BYTE:
            at = scan_bytes(s, at, 1);
            break;
        case BYTES4:
            at = scan_bytes(s, at, 4);
            break;
        case BYTES8:
            at = scan_bytes(s, at, 8);
            break;
        default:
            at = scan_immediates(s, at, kind);
        }
    }
    if (!at && s->verdict == GO_ON)
        s->verdict = CUT_OFF;
    return opcode;
}

/* ---- functions ---- */

typedef struct {
    uint32_t count; /* parameters included */
    uint32_t non_null;
} locals_t;

static locals_t parse_locals(wazero__parser_t *p, uint32_t index, uint32_t params)
{
    locals_t locals = {params, 0};
    uint32_t groups = wazero__parse_count(p, "groups of locals", 2, UINT32_MAX);
    for (uint32_t i = 0; i < groups && !p->error; i++) {
        const uint8_t *at = p->in.at;
        uint32_t count = wazero__parse_u32(p, "a group of locals");
        wazero_typed_reference_t reference;
        wazero_value_type_t type =
            wazero__parse_value_type(p, "a group of locals", &reference);
        if (!p->error && count > WAZERO__MAX_LOCALS - locals.count) {
            wazero__parse_fail(p, at,
                               "function[%u]: too many locals: %llu, parameters "
                               "included; the limit is %u",
                               index, (unsigned long long)locals.count + count,
                               WAZERO__MAX_LOCALS);
            return locals;
        }
        locals.count += count;
        if (type == WAZERO_TYPE_REF && !reference.nullable)
            locals.non_null += count;
    }
    if (locals.non_null > WAZERO__MAX_NON_NULL_LOCALS)
        wazero__parse_fail_plain(
            p,
            "function[%u]: %u locals of a type that cannot be null; "
            "the limit is %u",
            index, locals.non_null, WAZERO__MAX_NON_NULL_LOCALS);
    return locals;
}

static void report_verdict(wazero__parser_t *p, uint32_t index, verdict_t verdict,
                           const uint8_t *at)
{
    switch (verdict) {
    case GO_ON:
    case LEAVE_TO_WAZERO:
        break;
    case CUT_OFF:
        wazero__parse_fail(p, at,
                           "function[%u]: what follows opcode 0x%02x is cut off or "
                           "malformed",
                           index, *at);
        break;
    case TOO_DEEP:
        wazero__parse_fail(
            p, at, "function[%u]: blocks are nested deeper than the limit of %u", index,
            WAZERO__MAX_NESTING);
        break;
    case TOO_MANY_TARGETS:
        wazero__parse_fail(
            p, at, "function[%u]: br_table has more targets than the limit of %u",
            index, WAZERO__MAX_BRANCH_TARGETS);
        break;
    case SELECT_OF_REFERENCE:
        wazero__parse_fail(
            p, at,
            "function[%u]: select with a type (ref ...) is not supported: "
            "wazero v1.12.0 compiles it wrongly",
            index);
        break;
    case VECTOR_OPCODE:
        wazero__parse_fail(p, at,
                           "function[%u]: opcode 0xfd 0x%02x 0x%02x is unknown, or not "
                           "in its shortest form, which wazero cannot read",
                           index, at[1], at[2]);
        break;
    case HEAP_TYPE:
        wazero__parse_fail(p, at, "function[%u]: ref.null of an unknown heap type",
                           index);
        break;
    case RELAXED_SIMD:
        wazero__parse_fail(
            p, at,
            "function[%u]: unknown opcode 0xfd 0x%x: relaxed SIMD is not "
            "supported",
            index, 0x100u + (at[1] & 0x7fu));
        break;
    }
}

/* Limits on what the compiler makes of a function. */
static void check_costs(wazero__parser_t *p, uint32_t index, const scan_t *s,
                        uint32_t locals)
{
    uint64_t used = s->local_uses < locals ? s->local_uses : locals;
    uint64_t cost = (uint64_t)(s->end - p->in.at) * WAZERO__BYTE_COST +
                    (uint64_t)s->blocks * WAZERO__BLOCK_COST +
                    used * s->blocks * WAZERO__LOCAL_COST +
                    s->keeps * WAZERO__ACCESS_COST;
    if (cost > p->parsed->cost)
        p->parsed->cost = cost;
    if (s->blocks > WAZERO__MAX_BLOCKS)
        wazero__parse_fail_plain(
            p, "function[%u]: %u blocks and branches; the limit is %u", index,
            s->blocks, WAZERO__MAX_BLOCKS);
    else if (used * s->blocks > WAZERO__MAX_LOCALS_TIMES_BLOCKS)
        wazero__parse_fail_plain(p,
                                 "function[%u]: %llu locals in use times %u blocks and "
                                 "branches; the limit of the product is %u",
                                 index, (unsigned long long)used, s->blocks,
                                 WAZERO__MAX_LOCALS_TIMES_BLOCKS);
    else if (s->keeps > WAZERO__MAX_KEPT_ACCESSES)
        wazero__parse_fail_plain(p,
                                 "function[%u]: %llu memory accesses on the ways to "
                                 "its blocks; the limit is %u",
                                 index, (unsigned long long)s->keeps,
                                 WAZERO__MAX_KEPT_ACCESSES);
}

/* What functions have together so far. */
typedef struct {
    uint64_t locals;
    uint64_t values;
} totals_t;

/* Reads the body of one function, up to p->in.end. */
static void parse_body(wazero__parser_t *p, uint32_t index, label_t *labels,
                       totals_t *totals)
{
    size_t function = p->parsed->imported_function_count + index;
    wazero__arity_t arity = p->arities[p->parsed->functions[function]];
    locals_t locals = parse_locals(p, index, arity.params);
    if (p->error)
        return;
    if (p->in.at == p->in.end || p->in.end[-1] != 0x0b) {
        wazero__parse_fail(p, p->in.end, "function[%u]: expr not end with OpcodeEnd",
                           index);
        return;
    }
    totals->locals += locals.count;
    if (p->limits->shallow || p->limits->known) {
        p->in.at = p->in.end;
        return;
    }
    labels[0] = (label_t){.carried = arity.results, .least = UINT32_MAX};
    scan_t s = {.p = p, .end = p->in.end, .labels = labels};
    const uint8_t *at = scan(&s, p->in.at);
    report_verdict(p, index, s.verdict, at);
    check_costs(p, index, &s, locals.count);
    totals->values += s.values;
    p->in.at = p->in.end;
}

static void parse_bodies(wazero__parser_t *p, uint32_t count, label_t *labels,
                         totals_t *totals)
{
    const uint8_t *section_end = p->in.end;
    for (uint32_t i = 0; i < count && !p->error; i++) {
        const uint8_t *at = p->in.at;
        p->parsed->code[i] = wazero__parse_place(p, at);
        uint32_t size = wazero__parse_u32(p, "the size of a function");
        size_t left = wazero__reader_left(&p->in);
        if (!p->error && size > left)
            wazero__parse_fail(
                p, at, "function[%u]: its size is %u, but only %zu bytes are left", i,
                size, left);
        if (!p->error && size > WAZERO__MAX_BODY_SIZE)
            wazero__parse_fail(p, at, "function[%u]: its size is %u, the limit is %u",
                               i, size, WAZERO__MAX_BODY_SIZE);
        if (p->error)
            return;
        p->in.end = p->in.at + size;
        parse_body(p, i, labels, totals);
        p->in.end = section_end;
    }
}

void wazero__parse_code(wazero__parser_t *p)
{
    const uint8_t *start = p->in.at;
    size_t defined = p->parsed->function_count - p->parsed->imported_function_count;
    uint32_t count =
        wazero__parse_count(p, "function bodies", 3, WAZERO__MAX_FUNCTIONS);
    p->parsed->code = wazero__parse_alloc(p, count, sizeof *p->parsed->code);
    p->parsed->code_count = count;
    if (!p->error && count != defined)
        wazero__parse_fail_plain(
            p, "function and code section have inconsistent lengths: %zu != %u",
            defined, count);
    if (p->error || count == 0)
        return;
    label_t *labels = malloc((WAZERO__MAX_NESTING + 1) * sizeof *labels);
    if (!labels) {
        p->error = wazero__error_memory();
        return;
    }
    totals_t totals = {0};
    parse_bodies(p, count, labels, &totals);
    free(labels);
    uint64_t bytes = (uint64_t)(p->in.end - start);
    if (totals.locals > WAZERO__MAX_TOTAL_LOCALS)
        wazero__parse_fail_plain(
            p,
            "all functions together have %llu locals; the limit is "
            "%u",
            (unsigned long long)totals.locals, WAZERO__MAX_TOTAL_LOCALS);
    else if (totals.values > WAZERO__MAX_VALUES + bytes * WAZERO__MAX_VALUES_PER_BYTE)
        wazero__parse_fail_plain(
            p,
            "calls, branches and blocks move %llu values, too many "
            "for %llu bytes of code",
            (unsigned long long)totals.values, (unsigned long long)bytes);
}
