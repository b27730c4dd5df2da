/*
 * assemblyscript.c - abort, trace and seed. See assemblyscript.h.
 *
 * Texts of the guest are UTF-16 with their size in bytes before them. They may be as
 * long as its memory, so they are converted and written in pieces; a shorter line is
 * written at once. A text that is not in the memory is no error: then nothing is said,
 * as wazero has it.
 */
#include "assemblyscript.h"

#include <stdio.h>

#include "error.h"
#include "module.h"
#include "number.h"
#include "wasi/state.h"

#define I32 WAZERO_TYPE_I32
#define F64 WAZERO_TYPE_F64

/* AssemblyScript's own WASI exits with it, too. */
enum { ABORT_EXIT_CODE = 255 };

/* ---- lines ---- */

/* A line on its way to a stream of the guest's. */
typedef struct {
    wazero__file_t *file; /* a reference, or NULL: nobody listens */
    unsigned flags;
    wazero__io_t io;
    size_t used;
    char text[4096];
} line_t;

/* The guest may have closed the stream, or have put something else in its place. */
static void begin(line_t *line, const wazero_module_t *caller, uint32_t number)
{
    const wazero__descriptor_t *stream = wazero__descriptor(caller->wasi, number);
    *line = (line_t){.io = {.linear = caller->linear}};
    if (!stream || !stream->file->type->write)
        return;
    line->file = wazero__file_retain(stream->file);
    line->flags = stream->flags;
}

/* What cannot be written is lost, as in wazero; what ends the call is kept in io. */
static void flush(line_t *line)
{
    size_t at = 0, done = 0;
    wazero__errno_t code = WASI_SUCCESS;
    while (line->file && !line->io.error && at < line->used && !code) {
        const struct iovec part = {line->text + at, line->used - at};
        code = line->file->type->write(&line->io, line->file, &part, 1, line->flags,
                                       &done);
        at += done;
        if (!done)
            break;
    }
    line->used = 0;
}

static void put(line_t *line, const char *text)
{
    for (; *text; text++) {
        if (line->used == sizeof line->text)
            flush(line);
        line->text[line->used++] = *text;
    }
}

/* Ends the line with an error, or with what became of writing it. */
static wazero_error_t *end(line_t *line)
{
    put(line, "\n");
    flush(line);
    wazero__file_release(line->file);
    if (line->io.pinned)
        wazero__linear_unpin(line->io.linear);
    return line->io.error;
}

/* ---- texts of the guest ---- */

typedef struct {
    const uint8_t *units; /* little-endian, two bytes each */
    uint32_t count;
} utf16_t;

/* False if there is no text at a pointer. */
static bool find_text(const wazero_module_t *caller, uint64_t slot, utf16_t *text)
{
    if (!caller->linear)
        return false;
    const wazero__guest_t memory = {wazero__linear_base(caller->linear),
                                    wazero__linear_size(caller->linear)};
    uint32_t pointer = wazero__slot_u32(slot);
    const void *size = wazero__guest_at(&memory, pointer - 4, sizeof(uint32_t));
    if (!size || wazero__get_u32(size) % 2)
        return false;
    text->count = wazero__get_u32(size) / 2;
    text->units = wazero__guest_at(&memory, pointer, (uint64_t)text->count * 2);
    return text->units != NULL;
}

/* The character at a unit, which moves on; half a pair is U+FFFD. */
static uint32_t next_character(const utf16_t *text, uint32_t *at)
{
    enum { HIGH = 0xd800, LOW = 0xdc00, AFTER = 0xe000, REPLACEMENT = 0xfffd };
    uint32_t unit = wazero__get_u16(text->units + 2 * (size_t)(*at)++);
    if (unit < HIGH || unit >= AFTER)
        return unit;
    if (unit >= LOW || *at == text->count)
        return REPLACEMENT;
    uint32_t second = wazero__get_u16(text->units + 2 * (size_t)*at);
    if (second < LOW || second >= AFTER)
        return REPLACEMENT;
    ++*at;
    return 0x10000 + ((unit - HIGH) << 10) + (second - LOW);
}

static void put_byte(line_t *line, uint32_t byte)
{
    if (line->used == sizeof line->text)
        flush(line);
    line->text[line->used++] = (char)byte;
}

/* A flush may call the host, and the host the guest; so the memory stays in its place
 * (see wazero__io_call_host), and what is found in it is what is there by then. */
static void put_text(line_t *line, const utf16_t *text)
{
    for (uint32_t at = 0; at < text->count && !line->io.error;) {
        uint32_t c = next_character(text, &at);
        if (c < 0x80) {
            put_byte(line, c);
        } else if (c < 0x800) {
            put_byte(line, 0xc0 | c >> 6);
            put_byte(line, 0x80 | (c & 0x3f));
        } else {
            if (c < 0x10000) {
                put_byte(line, 0xe0 | c >> 12);
            } else {
                put_byte(line, 0xf0 | c >> 18);
                put_byte(line, 0x80 | (c >> 12 & 0x3f));
            }
            put_byte(line, 0x80 | (c >> 6 & 0x3f));
            put_byte(line, 0x80 | (c & 0x3f));
        }
    }
}

/* ---- the functions; user is the options ---- */

static unsigned options_of(void *user)
{
    return (unsigned)(uintptr_t)user;
}

/* The host itself may call such a function, as a module's export. */
static wazero_error_t *check_caller(const wazero_module_t *caller, const char *name)
{
    if (caller && caller->wasi)
        return NULL;
    return wazero__error(WAZERO_ERROR_INVALID,
                         "AssemblyScript's %s was called by %s: it needs the streams "
                         "and the memory of a module that imports it",
                         name,
                         caller ? "a module that does not import it" : "the host");
}

/* "MESSAGE at FILE:LINE:COLUMN", and the end. */
static wazero_error_t *do_abort(void *user, wazero_module_t *caller, uint64_t *slots)
{
    utf16_t message, file;
    line_t line;
    char place[32];
    wazero_error_t *error = check_caller(caller, "abort");
    if (!error && !(options_of(user) & WAZERO_ASSEMBLYSCRIPT_NO_ABORT_MESSAGE) &&
        find_text(caller, slots[0], &message) && find_text(caller, slots[1], &file)) {
        begin(&line, caller, WAZERO_STDERR);
        put_text(&line, &message);
        put(&line, " at ");
        put_text(&line, &file);
        snprintf(place, sizeof place, ":%u:%u", wazero__slot_u32(slots[2]),
                 wazero__slot_u32(slots[3]));
        put(&line, place);
        error = end(&line);
    }
    return error ? error : wazero_error_new_exit(ABORT_EXIT_CODE);
}

/* "trace: MESSAGE 1,2.5" */
static wazero_error_t *do_trace(void *user, wazero_module_t *caller, uint64_t *slots)
{
    enum { NUMBERS_MAX = 5 };
    const unsigned to =
        WAZERO_ASSEMBLYSCRIPT_TRACE_STDOUT | WAZERO_ASSEMBLYSCRIPT_TRACE_STDERR;
    utf16_t message;
    line_t line;
    uint32_t count = wazero__slot_u32(slots[1]);
    char number[WAZERO__NUMBER_SIZE];
    wazero_error_t *error = check_caller(caller, "trace");
    if (error || !(options_of(user) & to) || !find_text(caller, slots[0], &message))
        return error;
    begin(&line, caller,
          options_of(user) & WAZERO_ASSEMBLYSCRIPT_TRACE_STDERR ? WAZERO_STDERR
                                                                : WAZERO_STDOUT);
    put(&line, "trace: ");
    put_text(&line, &message);
    for (uint32_t i = 0; i < count && i < NUMBERS_MAX; i++) {
        wazero__number_text(wazero_decode_f64(slots[2 + i]), number);
        put(&line, i ? "," : " ");
        put(&line, number);
    }
    return end(&line);
}

/* Eight random bytes, which the guest takes for a double. */
static wazero_error_t *do_seed(void *user, wazero_module_t *caller, uint64_t *slots)
{
    uint8_t bytes[sizeof(uint64_t)];
    (void)user;
    wazero_error_t *error = check_caller(caller, "seed");
    if (error)
        return error;
    wazero__thread_attach(wazero__thread()); /* the host may be asked for them */
    error = wazero__random_read(&caller->wasi->random, bytes, sizeof bytes);
    if (!error)
        slots[0] = wazero__get_u64(bytes);
    return error;
}

/* ---- finding ---- */

static const wazero_value_type_t params[] = {I32, I32, F64, F64, F64, F64, F64};
static const wazero_value_type_t integers[] = {I32, I32, I32, I32};

static const struct {
    wazero_extern_t given;
    wazero_host_function_t function;
} table[] = {
    {{.module = "",
      .name = "abort",
      .name_size = 5,
      .kind = WAZERO_EXTERN_FUNCTION,
      .type.function = {.params = integers,
                        .param_count = 4,
                        .param_slot_count = 4,
                        .slot_count = 4}},
     do_abort},
    {{.module = "",
      .name = "trace",
      .name_size = 5,
      .kind = WAZERO_EXTERN_FUNCTION,
      .type.function =
          {.params = params, .param_count = 7, .param_slot_count = 7, .slot_count = 7}},
     do_trace},
    {{.module = "",
      .name = "seed",
      .name_size = 4,
      .kind = WAZERO_EXTERN_FUNCTION,
      .type.function = {.results = params + 2,
                        .result_count = 1,
                        .result_slot_count = 1,
                        .slot_count = 1}},
     do_seed},
};

wazero_error_t *wazero__assemblyscript_find(const wazero_extern_t *import,
                                            unsigned options,
                                            wazero__definition_t **definition,
                                            wazero_extern_t *given)
{
    *definition = NULL;
    if (!wazero__text_is(import->module, import->module_size, "env", 3))
        return NULL;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (!wazero__text_is(import->name, import->name_size, table[i].given.name,
                             table[i].given.name_size))
            continue;
        *given = table[i].given;
        *definition = wazero__definition_new_native(table[i].function,
                                                    (void *)(uintptr_t)options);
        return *definition ? NULL : wazero__error_memory();
    }
    return NULL;
}
