/*
 * error.c - the error object: a kind, a message, and what belongs to the kind.
 *
 * An error belongs to one thread at a time and is immutable once a caller outside lib
 * has it. Trap code and frames are read out of wazero's text, the only place where
 * wazero has them. Making an error never fails: without memory it is the static
 * out_of_memory.
 */
#include "error.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "snapshot.h"

struct wazero_error {
    wazero_error_kind_t kind;
    wazero_trap_code_t trap_code;
    uint32_t exit_code;
    int number;         /* of what a file system refused, the system's */
    bool closes_caller; /* made by wazero_error_new_exit */
    bool longjmp;       /* made by wazero__error_longjmp */
    char *message;
    size_t message_size;
    wazero_frame_t *frames;
    size_t frame_count;
    char *frame_text; /* what the strings of the frames point into */
    void *payload;
    void (*delete_payload)(void *payload);
    wazero_snapshot_t *snapshot; /* to go back to, a reference, or NULL */
    wazero__text_t output[3];    /* by stream; that of standard input stays empty */
    bool has_usage;
    wazero_usage_t usage;
};

static wazero_error_t out_of_memory = {
    .kind = WAZERO_ERROR_MEMORY,
    .message = (char *)"out of memory",
    .message_size = sizeof "out of memory" - 1,
};

/* In the order of wazero_trap_code_t; the texts are those of wazero's wasmruntime. */
static const char *const trap_texts[] = {
    "",
    "stack overflow",
    "unreachable",
    "integer divide by zero",
    "integer overflow",
    "invalid conversion to integer",
    "out of bounds memory access",
    "invalid table access",
    "indirect call type mismatch",
    "unaligned atomic",
    "expected shared memory",
    "too many waiters",
    "uncaught exception",
    "null reference",
};
enum { TRAP_COUNT = sizeof trap_texts / sizeof *trap_texts };

static const char TRAP_PREFIX[] = "wasm error: ";
static const char TRACE_PREFIX[] = "wasm stack trace:";

/* Takes message, from malloc. */
static wazero_error_t *new_error(wazero_error_kind_t kind, char *message, size_t size)
{
    wazero_error_t *error = message ? calloc(1, sizeof *error) : NULL;
    if (!error) {
        free(message);
        return &out_of_memory;
    }
    error->kind = kind;
    error->message = message;
    error->message_size = size;
    return error;
}

/* A printf into memory from malloc, behind which tail is put; NULL without memory. */
__attribute__((format(printf, 1, 0))) static char *
format_message(const char *format, va_list arguments, const char *tail,
               size_t tail_size, size_t *size)
{
    va_list again;
    va_copy(again, arguments);
    int head = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (head < 0)
        return NULL;
    char *message = malloc((size_t)head + tail_size + 1);
    if (!message)
        return NULL;
    vsnprintf(message, (size_t)head + 1, format, arguments);
    if (tail_size)
        memcpy(message + head, tail, tail_size);
    *size = (size_t)head + tail_size;
    message[*size] = '\0';
    return message;
}

wazero_error_t *wazero__error(wazero_error_kind_t kind, const char *format, ...)
{
    va_list arguments;
    size_t size = 0;
    va_start(arguments, format);
    char *message = format_message(format, arguments, NULL, 0, &size);
    va_end(arguments);
    return new_error(kind, message, size);
}

wazero_error_t *wazero__error_file(int number, const char *format, ...)
{
    va_list arguments;
    size_t size = 0;
    va_start(arguments, format);
    char *message = format_message(format, arguments, NULL, 0, &size);
    va_end(arguments);
    wazero_error_t *error = new_error(WAZERO_ERROR_INVALID, message, size);
    if (error != &out_of_memory)
        error->number = number;
    return error;
}

wazero_error_t *wazero__error_memory(void)
{
    return &out_of_memory;
}

wazero_error_t *wazero__error_exit(uint32_t exit_code)
{
    char text[64];
    snprintf(text, sizeof text, "exit_code(%" PRIu32 ")", exit_code);
    if (exit_code == WAZERO_EXIT_CODE_CONTEXT_CANCELED)
        snprintf(text, sizeof text, "context canceled");
    if (exit_code == WAZERO_EXIT_CODE_DEADLINE_EXCEEDED)
        snprintf(text, sizeof text, "context deadline exceeded");
    wazero_error_t *error =
        wazero__error(WAZERO_ERROR_EXIT, "module closed with %s", text);
    if (error != &out_of_memory)
        error->exit_code = exit_code;
    return error;
}

/* ---- reading wazero's text ---- */

/* wazero writes "wasm error: " and the reason; of a stack overflow in compiled code the
 * reason alone. Of a segment that does not fit it writes "data[INDEX]: " and the
 * reason, or, with the features of version 1, a text of its own for elements. */
static wazero_trap_code_t find_trap_code(const char *message)
{
    static const char BEHIND_SEGMENT[] = "]: ";
    const char *text = strstr(message, TRAP_PREFIX);
    if (strncmp(message, "element[", 8) == 0)
        return WAZERO_TRAP_INVALID_TABLE_ACCESS;
    if (text)
        text += sizeof TRAP_PREFIX - 1;
    else if (strncmp(message, "data[", 5) == 0 &&
             (text = strstr(message, BEHIND_SEGMENT)) != NULL)
        text += sizeof BEHIND_SEGMENT - 1;
    else
        text = message;
    size_t length = strcspn(text, "\n");
    for (int code = 1; code < TRAP_COUNT; code++)
        if (strlen(trap_texts[code]) == length &&
            memcmp(trap_texts[code], text, length) == 0)
            return (wazero_trap_code_t)code;
    return WAZERO_TRAP_NONE;
}

/* Where the signature begins in a frame's line, "module.name(i32,i32) i32": at the
 * last '(' that opens the parameters. Names may hold parentheses themselves, results
 * may be in parentheses of their own, behind a blank. */
static char *find_signature(char *line)
{
    char *open = strrchr(line, '(');
    if (open && open > line && open[-1] == ' ') {
        char *before = NULL;
        for (char *p = line; p < open; p++)
            if (*p == '(')
                before = p;
        if (before)
            return before;
    }
    return open;
}

/* Makes a frame from one line, writing into it. */
static void read_frame(char *line, wazero_frame_t *frame)
{
    static char empty[] = "";
    char *signature = find_signature(line);
    char *dot = strchr(line, '.');
    frame->module = line;
    frame->function = empty;
    frame->signature = empty;
    frame->source = empty;
    if (dot && (!signature || dot < signature)) {
        *dot = '\0';
        frame->function = dot + 1;
    } else {
        frame->module = empty;
        frame->function = line;
    }
    if (signature) {
        /* The name must end before the signature that is kept: they share the text,
         * so the signature moves one place back, over the '(' that its copy begins
         * with. */
        size_t length = strlen(signature);
        memmove(signature + 1, signature, length + 1);
        *signature = '\0';
        frame->signature = signature + 1;
    }
}

void wazero__error_split_frames(wazero_error_t *error, const char *module, size_t size)
{
    for (size_t i = 0; i < error->frame_count; i++) {
        wazero_frame_t *frame = &error->frames[i];
        size_t before = strlen(frame->module), behind = strlen(frame->function);
        /* Where read_frame split the line at a dot, the function's name is behind. */
        if (before >= size || frame->function != frame->module + before + 1 ||
            before + 1 + behind <= size || memcmp(frame->module, module, before) != 0 ||
            module[before] != '.' ||
            memcmp(frame->function, module + before + 1, size - before - 1) != 0 ||
            frame->module[size] != '.')
            continue;
        error->frame_text[frame->function - 1 - error->frame_text] = '.';
        error->frame_text[frame->module + size - error->frame_text] = '\0';
        frame->function = frame->module + size + 1;
    }
}

/* Copies the lines of every trace in message, each with a spare byte behind it for
 * read_frame, and counts the frames and source lines. Frames begin with one tab, source
 * lines with two. */
static size_t copy_trace(const char *message, char *text, size_t *used)
{
    size_t count = 0;
    const char *line = message;
    bool inside = false;
    *used = 0;
    while (line) {
        const char *end = strchr(line, '\n');
        size_t length = end ? (size_t)(end - line) : strlen(line);
        size_t prefix = sizeof TRACE_PREFIX - 1;
        if (length == prefix && memcmp(line, TRACE_PREFIX, prefix) == 0) {
            inside = true;
        } else if (inside && length > 0 && line[0] == '\t') {
            memcpy(text + *used, line + 1, length - 1);
            text[*used + length - 1] = '\0';
            text[*used + length] = '\0';
            *used += length + 1;
            count++;
        } else {
            inside = false;
        }
        line = end ? end + 1 : NULL;
    }
    return count;
}

/* Adds a source line, of size bytes with its NUL, to what the frame has, a newline
 * between them. The lines of one frame follow each other, so there is room before
 * the new one. */
static char *append_source(wazero_frame_t *frame, char *end, char *source, size_t size)
{
    if (*frame->source) {
        *end++ = '\n';
        memmove(end, source, size);
        source = end;
    } else {
        frame->source = source;
    }
    return source + size - 1;
}

static bool is_omission(const char *line)
{
    return strncmp(line, "... ", 4) == 0;
}

/* Reads the frames of the trace in the message, if it has one. Without memory the error
 * simply has no frames: its text still has them. */
static void read_frames(wazero_error_t *error)
{
    size_t used = 0;
    if (!strstr(error->message, TRACE_PREFIX))
        return;
    /* Each line grows by at most one byte; a line has at least one of its own. */
    char *text = malloc(error->message_size * 2 + 2);
    if (!text)
        return;
    size_t lines = copy_trace(error->message, text, &used);
    wazero_frame_t *frames = lines ? calloc(lines, sizeof *frames) : NULL;
    if (!frames) {
        free(text);
        return;
    }
    size_t count = 0;
    char *source_end = NULL;
    for (char *line = text; line < text + used;) {
        size_t length = strlen(line);
        char *next = line + length + 2;
        if (line[0] == '\t' && count > 0) {
            source_end =
                append_source(&frames[count - 1], source_end, line + 1, length);
        } else if (line[0] != '\t' && !is_omission(line)) {
            read_frame(line, &frames[count++]);
        }
        line = next;
    }
    error->frames = frames;
    error->frame_count = count;
    error->frame_text = text;
}

wazero_error_t *wazero__error_from_engine(int32_t kind, const char *message,
                                          size_t size, uint32_t exit_code)
{
    char *copy = malloc(size + 1);
    if (copy) {
        memcpy(copy, message, size);
        copy[size] = '\0';
    }
    wazero_error_t *error = new_error((wazero_error_kind_t)kind, copy, size);
    if (error == &out_of_memory)
        return error;
    error->exit_code = exit_code;
    if (kind == WAZERO_ERROR_TRAP)
        error->trap_code = find_trap_code(error->message);
    read_frames(error);
    return error;
}

wazero_error_t *wazero__error_prefix(wazero_error_t *error, const char *format, ...)
{
    va_list arguments;
    size_t size = 0;
    if (error == &out_of_memory)
        return error;
    va_start(arguments, format);
    char *message =
        format_message(format, arguments, error->message, error->message_size, &size);
    va_end(arguments);
    if (!message)
        return error;
    free(error->message);
    error->message = message;
    error->message_size = size;
    return error;
}

/* Puts text in place of what a message says before wazero's note of a recovered panic:
 * for a stream that failed the engine does not know more than that. */
static void replace_cause(wazero_error_t *error, const char *text, size_t size)
{
    static const char NOTE[] = " (recovered by wazero)";
    const char *note = NULL;
    for (const char *p = error->message; (p = strstr(p, NOTE)); p++)
        note = p;
    if (!note)
        return;
    size_t tail = error->message_size - (size_t)(note - error->message);
    char *message = malloc(size + tail + 1);
    if (!message)
        return;
    memcpy(message, text, size);
    memcpy(message + size, note, tail + 1);
    free(error->message);
    error->message = message;
    error->message_size = size + tail;
}

wazero_error_t *wazero__error_merge(wazero_error_t *cause, wazero_error_t *outer)
{
    if (cause == &out_of_memory || outer == &out_of_memory) {
        wazero_error_delete(outer);
        return cause;
    }
    outer->kind = cause->kind;
    outer->trap_code = cause->trap_code;
    outer->exit_code = cause->exit_code;
    outer->longjmp = cause->longjmp;
    outer->payload = cause->payload;
    outer->delete_payload = cause->delete_payload;
    cause->delete_payload = NULL;
    outer->snapshot = cause->snapshot;
    cause->snapshot = NULL;
    replace_cause(outer, cause->message, cause->message_size);
    wazero_error_delete(cause);
    return outer;
}

wazero_error_t *wazero__error_add_trace(wazero_error_t *error, wazero_error_t *trap)
{
    const char *trace = strstr(trap->message, TRACE_PREFIX);
    size_t trace_size = trace ? strlen(trace) : 0;
    char *text = trace ? malloc(error->message_size + trace_size + 2) : NULL;
    if (!text) {
        wazero_error_delete(trap);
        return error;
    }
    memcpy(text, error->message, error->message_size);
    text[error->message_size] = '\n';
    memcpy(text + error->message_size + 1, trace, trace_size + 1);
    wazero_error_delete(trap);
    trap = wazero__error_from_engine((int32_t)error->kind, text,
                                     error->message_size + 1 + trace_size, 0);
    free(text);
    return wazero__error_merge(error, trap);
}

void wazero__error_set_output(wazero_error_t *error, wazero_stream_t stream,
                              wazero__text_t *output)
{
    if (error == &out_of_memory)
        return;
    wazero__text_clear(&error->output[stream]);
    error->output[stream] = *output;
    *output = (wazero__text_t){0};
}

void wazero__error_set_usage(wazero_error_t *error, const wazero_module_t *module)
{
    if (error == &out_of_memory)
        return;
    error->has_usage = true;
    wazero_module_usage(module, &error->usage);
}

bool wazero__error_closes_caller(const wazero_error_t *error)
{
    return error->closes_caller;
}

wazero_error_t *wazero__error_longjmp(void)
{
    wazero_error_t *error =
        wazero__error(WAZERO_ERROR_HOST, "_emscripten_throw_longjmp");
    if (error != &out_of_memory)
        error->longjmp = true;
    return error;
}

bool wazero__error_is_longjmp(const wazero_error_t *error)
{
    return error->longjmp;
}

/* ---- the public side ---- */

wazero_error_kind_t wazero_error_kind(const wazero_error_t *error)
{
    return error->kind;
}

const char *wazero_error_message(const wazero_error_t *error, size_t *size)
{
    if (size)
        *size = error->message_size;
    return error->message;
}

wazero_trap_code_t wazero_error_trap_code(const wazero_error_t *error)
{
    return error->trap_code;
}

const char *wazero_trap_code_text(wazero_trap_code_t code)
{
    return (int)code >= 0 && (int)code < TRAP_COUNT ? trap_texts[code] : "";
}

int wazero_error_errno(const wazero_error_t *error)
{
    return error->number;
}

uint32_t wazero_error_exit_code(const wazero_error_t *error)
{
    switch (error->kind) {
    case WAZERO_ERROR_TIMEOUT:
        return WAZERO_EXIT_CODE_DEADLINE_EXCEEDED;
    case WAZERO_ERROR_INTERRUPTED:
        return WAZERO_EXIT_CODE_CONTEXT_CANCELED;
    default:
        return error->exit_code;
    }
}

size_t wazero_error_frame_count(const wazero_error_t *error)
{
    return error->frame_count;
}

const wazero_frame_t *wazero_error_frame(const wazero_error_t *error, size_t index)
{
    return index < error->frame_count ? &error->frames[index] : NULL;
}

const void *wazero_error_output(const wazero_error_t *error, wazero_stream_t stream,
                                size_t *size)
{
    bool known = stream == WAZERO_STDOUT || stream == WAZERO_STDERR;
    *size = known ? error->output[stream].size : 0;
    return known ? error->output[stream].data : NULL;
}

const wazero_usage_t *wazero_error_usage(const wazero_error_t *error)
{
    return error->has_usage ? &error->usage : NULL;
}

void *wazero_error_payload(const wazero_error_t *error)
{
    return error->payload;
}

wazero_error_t *wazero_error_new_host(const char *message, size_t size, void *payload,
                                      void (*delete_payload)(void *payload))
{
    if (!message)
        message = "";
    size = size == WAZERO_CSTR ? strlen(message) : size;
    wazero_error_t *error =
        wazero__error_from_engine(WAZERO_ERROR_HOST, message, size, 0);
    if (error == &out_of_memory) {
        if (delete_payload)
            delete_payload(payload);
        return error;
    }
    error->payload = payload;
    error->delete_payload = delete_payload;
    return error;
}

wazero_error_t *wazero__error_restore(wazero_snapshot_t *snapshot, void *payload,
                                      void (*delete_payload)(void *payload))
{
    wazero_error_t *error = wazero_error_new_host(
        "a snapshot is restored, outside of the call in which it was taken",
        WAZERO_CSTR, payload, delete_payload);
    if (error != &out_of_memory)
        error->snapshot = wazero__snapshot_retain(snapshot);
    return error;
}

wazero_snapshot_t *wazero__error_snapshot(const wazero_error_t *error)
{
    return error->snapshot;
}

wazero_error_t *wazero_error_new_exit(uint32_t exit_code)
{
    wazero_error_t *error = wazero__error_exit(exit_code);
    if (error != &out_of_memory)
        error->closes_caller = true;
    return error;
}

void wazero_error_delete(wazero_error_t *error)
{
    if (!error || error == &out_of_memory)
        return;
    if (error->delete_payload)
        error->delete_payload(error->payload);
    wazero_snapshot_delete(error->snapshot);
    free(error->message);
    free(error->frames);
    free(error->frame_text);
    for (int i = 0; i < 3; i++)
        wazero__text_clear(&error->output[i]);
    free(error);
}
