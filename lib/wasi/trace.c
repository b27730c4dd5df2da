/*
 * trace.c - putting together the record of a WASI call. See trace.h.
 *
 * The table of functions (wasi.c) says for each parameter what it is, by a letter; here
 * is what a letter means. Everything in the guest's memory is read through the checked
 * accessor, and looked at again after the call: what is out of bounds is noted as that.
 */
#include "wasi/trace.h"

#include <stdarg.h>
#include <stdio.h>

#include "call/watchdog.h"
#include "thread.h"
#include "wasi/functions.h"

/* ---- adding ---- */

static const char PREFIX[] = "result.";

/* The name of a parameter without the prefix of those that are places of results. */
static const char *bare(const char *name)
{
    size_t size = sizeof PREFIX - 1;
    return strncmp(name, PREFIX, size) == 0 ? name + size : name;
}

static wazero_trace_value_t *add(wazero__tracing_t *tracing, const char *name,
                                 wazero_trace_kind_t kind, uint64_t number)
{
    wazero_trace_value_t *value = &tracing->values[tracing->value_count++];
    *value = (wazero_trace_value_t){.name = name, .kind = kind, .number = number};
    return value;
}

static void add_out_of_bounds(wazero__tracing_t *tracing, const char *name,
                              uint64_t pointer, uint64_t size)
{
    wazero_trace_value_t *value =
        add(tracing, name, WAZERO_TRACE_OUT_OF_BOUNDS, wazero__slot_u32(pointer));
    value->size = size;
}

/* Room for up to size bytes of data behind what is there: *size is what there is. */
static char *room(wazero__tracing_t *tracing, size_t *size)
{
    size_t begin = (tracing->used + sizeof(uint64_t) - 1) & ~(sizeof(uint64_t) - 1);
    size_t left = begin < sizeof tracing->data ? sizeof tracing->data - begin : 0;
    *size = *size < left ? *size : left;
    tracing->used = begin + *size;
    return tracing->data + begin;
}

/* A text in the guest's memory, cut if it is long. */
static void add_text(wazero__tracing_t *tracing, const wazero__guest_t *memory,
                     const char *name, uint64_t pointer, uint64_t size)
{
    const char *place = wazero__guest_at(memory, pointer, size);
    if (!place) {
        add_out_of_bounds(tracing, name, pointer, size);
        return;
    }
    size_t kept = size < WAZERO__TRACE_TEXT ? (size_t)size : WAZERO__TRACE_TEXT;
    char *data = room(tracing, &kept);
    if (kept)
        memcpy(data, place, kept);
    wazero_trace_value_t *value = add(tracing, name, WAZERO_TRACE_TEXT, size);
    value->data = data;
    value->size = kept;
}

/* The sizes of a list of buffers. */
static void add_sizes(wazero__tracing_t *tracing, const wazero__guest_t *memory,
                      const char *name, uint64_t pointer, uint32_t count)
{
    enum { VECTOR = 8, SIZE = 4 };
    uint64_t all = (uint64_t)count * VECTOR;
    const uint8_t *place = wazero__guest_at(memory, pointer, all);
    if (!place) {
        add_out_of_bounds(tracing, name, pointer, all);
        return;
    }
    size_t kept = count < WAZERO__TRACE_ITEMS ? count : WAZERO__TRACE_ITEMS;
    size_t bytes = kept * SIZE;
    char *data = room(tracing, &bytes);
    for (size_t i = 0; i < bytes / SIZE; i++)
        memcpy(data + i * SIZE, place + i * VECTOR + SIZE, SIZE);
    wazero_trace_value_t *value = add(tracing, name, WAZERO_TRACE_SIZES, count);
    value->data = data;
    value->size = bytes;
}

/* ---- lists that are kept as they are shown ---- */

typedef struct {
    char *text;
    size_t room;
    size_t used;
} list_t;

enum { LIST_SIZE = 1024 };

static list_t begin_list(wazero__tracing_t *tracing)
{
    list_t list = {.room = LIST_SIZE};
    list.text = room(tracing, &list.room);
    return list;
}

__attribute__((format(printf, 2, 3))) static void put(list_t *list, const char *format,
                                                      ...)
{
    va_list arguments;
    size_t left = list->room - list->used;
    va_start(arguments, format);
    int size = vsnprintf(list->text + list->used, left, format, arguments);
    va_end(arguments);
    if (size > 0)
        list->used += (size_t)size < left ? (size_t)size : left - (left > 0);
}

static void end_list(wazero__tracing_t *tracing, const char *name, const list_t *list,
                     uint64_t count)
{
    wazero_trace_value_t *value = add(tracing, name, WAZERO_TRACE_LIST, count);
    value->data = list->text;
    value->size = list->used;
}

static const char *event_name(uint8_t type)
{
    static const char *const names[] = {"clock", "fd_read", "fd_write"};
    return type < sizeof names / sizeof *names ? names[type] : "unknown";
}

/* What poll_oneoff waits for. */
static void add_subscriptions(wazero__tracing_t *tracing, const wazero__guest_t *memory,
                              const char *name, uint64_t pointer, uint32_t count)
{
    const size_t size = wazero__subscription_size(tracing->unstable);
    const uint8_t *place = wazero__guest_at(memory, pointer, (uint64_t)count * size);
    if (!place) {
        add_out_of_bounds(tracing, name, pointer, (uint64_t)count * size);
        return;
    }
    list_t list = begin_list(tracing);
    put(&list, "[");
    for (uint32_t i = 0; i < count && i < WAZERO__TRACE_ITEMS; i++) {
        wazero__subscription_t one =
            wazero__subscription_get(place + i * size, tracing->unstable);
        char subject[64];
        wazero_trace_value_t clock = {.kind = WAZERO_TRACE_CLOCK,
                                      .number = one.subject};
        wazero_trace_value_format(&clock, subject, sizeof subject);
        put(&list, "%s%s(", i ? ", " : "", event_name(one.type));
        if (one.type != WASI_EVENT_CLOCK)
            put(&list, "%u)", one.subject);
        else
            put(&list, "%s, %llu%s)", subject, (unsigned long long)one.timeout,
                one.flags & WASI_CLOCK_ABSTIME ? ", ABSTIME" : "");
    }
    put(&list, count > WAZERO__TRACE_ITEMS ? ", ...]" : "]");
    end_list(tracing, name, &list, count);
}

/* What it found ready. */
static void add_events(wazero__tracing_t *tracing, const wazero__guest_t *memory,
                       uint64_t pointer, uint32_t count)
{
    enum { SIZE = 32, CODE = 8, TYPE = 10, BYTES = 16 };
    const uint8_t *place = wazero__guest_at(memory, pointer, (uint64_t)count * SIZE);
    if (!place)
        return;
    list_t list = begin_list(tracing);
    put(&list, "[");
    for (uint32_t i = 0; i < count && i < WAZERO__TRACE_ITEMS; i++, place += SIZE) {
        uint16_t code = wazero__get_u16(place + CODE);
        put(&list, "%s%s(", i ? ", " : "", event_name(place[TYPE]));
        if (code)
            put(&list, "%s)", wazero_errno_name(code));
        else if (place[TYPE] == WASI_EVENT_CLOCK)
            put(&list, ")");
        else
            put(&list, "%llu)", (unsigned long long)wazero__get_u64(place + BYTES));
    }
    put(&list, count > WAZERO__TRACE_ITEMS ? ", ...]" : "]");
    end_list(tracing, "events", &list, count);
}

/* ---- arguments ---- */

/* The kind of an argument that is one number, by its letter; 0 for other letters. */
static wazero_trace_kind_t kind_of(char letter)
{
    static const wazero_trace_kind_t kinds[128] = {
        ['f'] = WAZERO_TRACE_FD,      ['n'] = WAZERO_TRACE_NUMBER,
        ['s'] = WAZERO_TRACE_SIGNED,  ['p'] = WAZERO_TRACE_POINTER,
        ['E'] = WAZERO_TRACE_POINTER, ['l'] = WAZERO_TRACE_POINTER,
        ['c'] = WAZERO_TRACE_CLOCK,   ['a'] = WAZERO_TRACE_ADVICE,
        ['w'] = WAZERO_TRACE_WHENCE,  ['F'] = WAZERO_TRACE_FDFLAGS,
        ['L'] = WAZERO_TRACE_LOOKUP,  ['O'] = WAZERO_TRACE_OFLAGS,
        ['R'] = WAZERO_TRACE_RIGHTS,  ['T'] = WAZERO_TRACE_FSTFLAGS,
        ['I'] = WAZERO_TRACE_RIFLAGS, ['H'] = WAZERO_TRACE_SDFLAGS,
        ['g'] = WAZERO_TRACE_SIGNAL,
    };
    return kinds[(unsigned char)letter & 127];
}

static uint64_t number_of(const wazero__tracing_t *tracing, size_t index)
{
    uint64_t slot = tracing->slots[index];
    if ((uint8_t)tracing->entry->params[index] == WAZERO_TYPE_I32)
        slot = wazero__slot_u32(slot);
    return tracing->entry->kinds[index] == 'w'
               ? wazero__whence_of((uint32_t)slot, tracing->unstable)
               : slot;
}

static void add_argument(wazero__tracing_t *tracing, const wazero__guest_t *memory,
                         size_t index, const char *name)
{
    const uint64_t *slots = tracing->slots;
    char letter = tracing->entry->kinds[index];
    switch (letter) {
    case 'P':
        add_text(tracing, memory, name, slots[index],
                 wazero__slot_u32(slots[index + 1]));
        break;
    case 'v':
        add_sizes(tracing, memory, name, slots[index],
                  wazero__slot_u32(slots[index + 1]));
        break;
    case 'S':
        add_subscriptions(tracing, memory, name, slots[index],
                          wazero__slot_u32(slots[index + 2]));
        break;
    default:
        if (kind_of(letter))
            add(tracing, name, kind_of(letter), number_of(tracing, index));
    }
}

void wazero__tracing_begin(wazero__tracing_t *tracing,
                           const wazero__wasi_entry_t *entry, bool unstable,
                           const wazero__guest_t *memory, const uint64_t *slots)
{
    const char *name = entry->names;
    size_t count = strlen(entry->params);
    tracing->entry = entry;
    tracing->unstable = unstable;
    tracing->value_count = tracing->used = 0;
    memcpy(tracing->slots, slots, count * sizeof *slots);
    tracing->call = (wazero_trace_call_t){
        .module = unstable ? "wasi_unstable" : "wasi_snapshot_preview1",
        .function = entry->name,
        .arguments = tracing->values,
    };
    for (size_t i = 0; i < count; i++, name += strlen(name) + 1)
        add_argument(tracing, memory, i, bare(name));
    tracing->call.argument_count = tracing->value_count;
    tracing->call.time = wazero__now();
}

/* ---- results ---- */

/* A number at a place in what a result points to; those of wasi_unstable may be
 * elsewhere. Without a name it has that of the parameter. */
typedef struct {
    const char *name;
    wazero_trace_kind_t kind;
    uint8_t width;
    uint8_t offset;
    uint8_t unstable_width;
    uint8_t unstable_offset;
} field_t;

enum { FIELDS = 4 };

typedef struct {
    char letter;
    uint8_t size;
    uint8_t unstable_size;
    field_t fields[FIELDS];
} layout_t;

static const layout_t layouts[] = {
    {'4', 4, 4, {{NULL, WAZERO_TRACE_NUMBER, 4, 0, 4, 0}}},
    {'8', 8, 8, {{NULL, WAZERO_TRACE_NUMBER, 8, 0, 8, 0}}},
    {'d', 4, 4, {{NULL, WAZERO_TRACE_FD, 4, 0, 4, 0}}},
    {'o', 2, 2, {{NULL, WAZERO_TRACE_ROFLAGS, 2, 0, 2, 0}}},
    {'e',
     8,
     8,
     {{"type", WAZERO_TRACE_PREOPEN, 1, 0, 1, 0},
      {"name_len", WAZERO_TRACE_NUMBER, 4, 4, 4, 4}}},
    {'x',
     24,
     24,
     {{"filetype", WAZERO_TRACE_FILETYPE, 1, 0, 1, 0},
      {"flags", WAZERO_TRACE_FDFLAGS, 2, 2, 2, 2},
      {"rights_base", WAZERO_TRACE_RIGHTS, 8, 8, 8, 8},
      {"rights_inheriting", WAZERO_TRACE_RIGHTS, 8, 16, 8, 16}}},
    {'m',
     64,
     56,
     {{"filetype", WAZERO_TRACE_FILETYPE, 1, 16, 1, 16},
      {"nlink", WAZERO_TRACE_NUMBER, 8, 24, 4, 20},
      {"size", WAZERO_TRACE_NUMBER, 8, 32, 8, 24},
      {"mtim", WAZERO_TRACE_NUMBER, 8, 48, 8, 40}}},
};

static const layout_t *layout_of(char letter)
{
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        if (layouts[i].letter == letter)
            return &layouts[i];
    return NULL;
}

static void add_fields(wazero__tracing_t *tracing, const layout_t *layout,
                       const uint8_t *place, const char *name)
{
    for (size_t i = 0; i < FIELDS && layout->fields[i].kind; i++) {
        const field_t *field = &layout->fields[i];
        uint64_t number = 0; /* the machine is little-endian, too: see memory.h */
        memcpy(&number,
               place + (tracing->unstable ? field->unstable_offset : field->offset),
               tracing->unstable ? field->unstable_width : field->width);
        add(tracing, field->name ? field->name : name, field->kind, number);
    }
}

/* A number of 32 bits that the call put somewhere, but not more than a limit. */
static uint32_t read_count(const wazero__tracing_t *tracing,
                           const wazero__guest_t *memory, size_t index, uint32_t limit)
{
    const void *place =
        wazero__guest_at(memory, tracing->slots[index], sizeof(uint32_t));
    uint32_t count = place ? wazero__get_u32(place) : 0;
    return count < limit ? count : limit;
}

/* Results that are no numbers. */
static void add_other(wazero__tracing_t *tracing, const struct wazero__wasi *wasi,
                      const wazero__guest_t *memory, size_t index, const char *name)
{
    const uint64_t *slots = tracing->slots;
    const wazero__descriptor_t *descriptor;
    switch (tracing->entry->kinds[index]) {
    case 'N': /* the name of a preopened directory, of which there is no size */
        descriptor = wazero__descriptor(wasi, slots[0]);
        if (descriptor && descriptor->preopen)
            add_text(tracing, memory, name, slots[index], strlen(descriptor->preopen));
        break;
    case 'l':
        add_text(
            tracing, memory, name, slots[index],
            read_count(tracing, memory, index + 2, wazero__slot_u32(slots[index + 1])));
        break;
    case 'E':
        add_events(
            tracing, memory, slots[index],
            read_count(tracing, memory, index + 2, wazero__slot_u32(slots[index + 1])));
        break;
    default:
        break;
    }
}

void wazero__tracing_end(wazero__tracing_t *tracing, const struct wazero__wasi *wasi,
                         const wazero__guest_t *memory, bool returned,
                         wazero__errno_t code)
{
    wazero_trace_call_t *call = &tracing->call;
    const wazero__wasi_entry_t *entry = tracing->entry;
    const char *name = entry->names;
    call->duration = wazero__now() - call->time;
    call->returned = returned;
    call->code = returned ? (wazero_errno_t)code : WAZERO_ERRNO_SUCCESS;
    call->results = tracing->values + tracing->value_count;
    size_t before = tracing->value_count;
    for (size_t i = 0; entry->params[i]; i++, name += strlen(name) + 1) {
        const layout_t *layout = layout_of(entry->kinds[i]);
        if (!layout) {
            if (returned && !code)
                add_other(tracing, wasi, memory, i, bare(name));
            continue;
        }
        uint8_t size = tracing->unstable ? layout->unstable_size : layout->size;
        const uint8_t *place = wazero__guest_at(memory, tracing->slots[i], size);
        /* Of a call that failed only what may be why is told. */
        if (!place)
            add_out_of_bounds(tracing, bare(name), tracing->slots[i], size);
        else if (returned && !code)
            add_fields(tracing, layout, place, bare(name));
    }
    call->result_count = tracing->value_count - before;
}

/* ---- telling ---- */

wazero_error_t *wazero__tracing_tell(const wazero__tracing_t *tracing,
                                     const wazero__tracer_t *tracer,
                                     wazero_module_t *caller)
{
    if (tracer->trace)
        wazero__trace_add(tracer->trace, &tracing->call);
    if (!tracer->call)
        return NULL;
    wazero__thread_attach(wazero__thread());
    return tracer->call(wazero__shared_user(tracer->user), caller, &tracing->call);
}
