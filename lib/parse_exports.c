/*
 * parse_exports.c - finding an export by its name.
 *
 * The names come from the guest, who could choose a million that collide. So the hash
 * is keyed (SipHash-1-3) with random bits once there are more than a few.
 */
#if defined(__APPLE__)
#include <sys/random.h>
#else
#include <unistd.h>
#endif

#include "parse_parts.h"
#include "text.h"

/* With so few exports, collisions do not matter, and asking the system for bits
 * would take longer than the rest. */
enum { FEW_EXPORTS = 64 };

static inline uint64_t rotate(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static uint64_t hash(const uint64_t key[2], const char *data, size_t size)
{
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
                     key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
    size_t whole = size & ~(size_t)7;
    for (size_t i = 0; i <= whole; i += 8) {
        uint64_t word = 0;
        memcpy(&word, data + i, i < whole ? 8 : size - whole);
        if (i == whole)
            word |= (uint64_t)size << 56;
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The slot of a name: where it is, or the empty one where it would be. Slots hold an
 * index plus one; there are more of them than exports. */
static uint32_t *find_slot(const wazero__parsed_t *parsed, const char *name,
                           size_t size)
{
    size_t slot = (size_t)hash(parsed->export_key, name, size);
    for (;; slot++) {
        uint32_t *found = &parsed->export_slots[slot & parsed->export_slot_mask];
        if (*found == 0)
            return found;
        const wazero_extern_t *item = &parsed->exports[*found - 1];
        if (wazero__text_is(item->name, item->name_size, name, size))
            return found;
    }
}

void wazero__parse_index_exports(wazero__parser_t *p)
{
    wazero__parsed_t *parsed = p->parsed;
    size_t slots = 4;
    while (slots < parsed->export_count * 2)
        slots *= 2;
    parsed->export_slots = wazero__parse_alloc(p, slots, sizeof *parsed->export_slots);
    if (p->error)
        return;
    parsed->export_slot_mask = slots - 1;
    if (parsed->export_count > FEW_EXPORTS &&
        getentropy(parsed->export_key, sizeof parsed->export_key) != 0)
        parsed->export_key[0] = (uint64_t)(uintptr_t)parsed;
    for (uint32_t i = 0; i < parsed->export_count; i++) {
        const wazero_extern_t *item = &parsed->exports[i];
        uint32_t *slot = find_slot(parsed, item->name, item->name_size);
        if (*slot != 0) {
            wazero__parse_fail_plain(
                p, "section export: export[%u] duplicates name \"%.*s\"", i,
                wazero__parse_shown(item->name, item->name_size), item->name);
            return;
        }
        *slot = i + 1;
    }
}

const wazero_extern_t *wazero__parsed_export(const wazero__parsed_t *parsed,
                                             const char *name, size_t size)
{
    uint32_t found = *find_slot(parsed, name, size);
    return found ? &parsed->exports[found - 1] : NULL;
}
