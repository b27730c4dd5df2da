/*
 * parse_rewrite.c - the copy of a module that Go gets.
 *
 * Maxima of tables and memories are at most what the runtime allows, each table has
 * one, and there is no start section: its id becomes that of a custom section, whose
 * name is empty. All of this keeps every size and offset, except that a table without a
 * maximum gets one, which makes the table section longer. wazero counts code offsets
 * (for DWARF) from the start of the code section, so moving sections does no harm.
 */
#include "parse_parts.h"

static uint8_t *put(uint8_t *out, const uint8_t *from, const uint8_t *to)
{
    size_t size = (size_t)(to - from);
    memcpy(out, from, size);
    return out + size;
}

/* Writes the table section; the result is the byte behind it. */
static uint8_t *put_tables(const wazero__parser_t *p, uint8_t *out)
{
    const uint8_t *from = p->table_payload;
    uint32_t size = (uint32_t)((size_t)(p->table_section_end - from) + p->table_growth);
    *out++ = *p->table_section;
    size_t old_digits = (size_t)(from - p->table_section) - 1;
    size_t digits = wazero__u32_size(size);
    if (digits < old_digits)
        digits = old_digits; /* nothing moves if it need not */
    wazero__write_padded_u32(out, digits, size);
    out += digits;
    size_t imported = p->parsed->imported_table_count;
    for (size_t i = imported; i < p->parsed->table_count; i++) {
        const wazero__table_place_t *table = &p->table_places[i - imported];
        out = put(out, from, table->flags_at);
        *out++ = *table->flags_at | 1;
        out = put(out, table->flags_at + 1, table->min_end);
        size_t max_size = p->parsed->tables[i].limits.has_max
                              ? (size_t)(table->limits_end - table->min_end)
                              : wazero__u32_size(table->max_for_go);
        wazero__write_padded_u32(out, max_size, table->max_for_go);
        out += max_size;
        from = table->limits_end;
    }
    return put(out, from, p->table_section_end);
}

void wazero__parse_rewrite(wazero__parser_t *p)
{
    if (p->error || p->limits->shallow ||
        (!p->memory_max_at && !p->start_section && !p->tables_change))
        return;
    const uint8_t *cut = p->wasm, *resume = p->wasm;
    if (p->tables_change) {
        cut = p->table_section;
        resume = p->table_section_end;
    }
    size_t room =
        (size_t)(p->wasm_end - p->wasm) + p->table_growth + WAZERO__LEB32_SIZE;
    uint8_t *bytes = wazero__parse_alloc(p, room, 1);
    if (!bytes)
        return;
    uint8_t *out = put(bytes, p->wasm, cut);
    if (p->tables_change)
        out = put_tables(p, out);
    /* Where what was at `resume` is now; what is before `cut` has not moved. */
    uint8_t *resumed = out;
    out = put(out, resume, p->wasm_end);
    if (p->memory_max_at) {
        uint8_t *at = p->memory_max_at < cut ? bytes + (p->memory_max_at - p->wasm)
                                             : resumed + (p->memory_max_at - resume);
        wazero__write_padded_u32(at, p->memory_max_size, p->memory_max);
    }
    if (p->start_section) { /* behind the tables */
        resumed[p->start_section - resume] = 0;
        resumed[p->start_payload - resume] = 0;
    }
    p->parsed->bytes = bytes;
    p->parsed->size = (size_t)(out - bytes);
}
