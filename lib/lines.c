/*
 * lines.c - source lines in stack traces. See lines.h.
 *
 * The modules in question are those of the runtime that have the mark's digest: which
 * of several of the same bytes makes no difference.
 */
#include "lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "dwarf.h"
#include "engine.h"
#include "error.h"
#include "runtime.h"

/* ---- before the trace ---- */

/* The next module behind `module` whose code has lines and that the calling thread is
 * in; with a reference. NULL begins the list, and ends it. */
static wazero_module_t *next_entered(wazero_runtime_t *runtime, wazero_module_t *module)
{
    const wazero__thread_t *self = wazero__thread();
    pthread_mutex_lock(&runtime->mutex);
    for (module = module ? module->next : runtime->modules; module;
         module = module->next)
        if (module->compiled && module->compiled->parsed->has_lines &&
            wazero__group_owner(module->group) == self &&
            wazero__module_try_retain(module))
            break;
    pthread_mutex_unlock(&runtime->mutex);
    return module;
}

void wazero__lines_prepare(const wazero_module_t *module)
{
    wazero_runtime_t *runtime = module->runtime;
    wazero_module_t *one, *next;
    if (!runtime->config.debug_info)
        return;
    for (one = next_entered(runtime, NULL); one; one = next) {
        if (one->handle)
            wazero__engine()->module_load_places(one->handle);
        next = next_entered(runtime, one);
        wazero__module_release(one);
    }
}

/* ---- in the trace ---- */

/* The compiled module with this mark, with a reference, or NULL. */
static wazero_compiled_module_t *find_marked(wazero_runtime_t *runtime,
                                             const char *mark)
{
    wazero_compiled_module_t *found = NULL;
    char own[WAZERO__MARK_SIZE + 1];
    pthread_mutex_lock(&runtime->mutex);
    for (wazero_module_t *module = runtime->modules; module && !found;
         module = module->next) {
        wazero_compiled_module_t *compiled = module->compiled;
        if (!compiled || !compiled->parsed->has_lines)
            continue;
        wazero__parse_mark(own, compiled->digest);
        if (memcmp(own, mark, WAZERO__MARK_SIZE) == 0)
            found = wazero__compiled_module_retain(compiled);
    }
    pthread_mutex_unlock(&runtime->mutex);
    return found;
}

/* A text that grows; data is NULL once there is no memory. */
typedef struct {
    char *data;
    size_t size;
    size_t capacity;
} text_t;

static void append(text_t *text, const char *data, size_t size)
{
    if (!text->data)
        return;
    if (text->capacity - text->size <= size) {
        size_t capacity = (text->capacity + size) * 2;
        char *more = realloc(text->data, capacity);
        if (!more)
            free(text->data);
        text->data = more;
        text->capacity = more ? capacity : 0;
        if (!more)
            return;
    }
    memcpy(text->data + text->size, data, size);
    text->size += size;
    text->data[text->size] = '\0';
}

/* Where the lines of several marks come from, while one message is worked on. */
typedef struct {
    wazero_runtime_t *runtime;
    wazero_compiled_module_t *compiled; /* of the last mark */
    wazero__dwarf_t dwarf;
    wazero__dwarf_place_t places[WAZERO__DWARF_INLINED];
} source_t;

static size_t look_up(source_t *source, const char *mark, uint64_t address)
{
    char own[WAZERO__MARK_SIZE + 1] = "";
    if (source->compiled)
        wazero__parse_mark(own, source->compiled->digest);
    if (memcmp(own, mark, WAZERO__MARK_SIZE) != 0) {
        if (source->compiled)
            wazero_compiled_module_delete(source->compiled);
        source->compiled = find_marked(source->runtime, mark);
        if (source->compiled) {
            size_t budget = source->dwarf.budget;
            wazero__dwarf_open(&source->dwarf, source->compiled->parsed);
            if (budget && budget < source->dwarf.budget)
                source->dwarf.budget = budget; /* for all of the message */
        }
    }
    return source->compiled
               ? wazero__dwarf_find(&source->dwarf, address, source->places)
               : 0;
}

/* Appends the places in the form that wazero gives them: the line behind `begin`, the
 * others with blanks in its place, each but the outermost with a note. */
static void append_places(text_t *text, const wazero__dwarf_place_t *places,
                          size_t count, const char *begin, size_t begin_size)
{
    char number[48];
    for (size_t i = 0; i < count; i++) {
        append(text, "\n\t\t", 3);
        if (i == 0)
            append(text, begin, begin_size);
        for (size_t blank = 0; i && blank < begin_size; blank++)
            append(text, " ", 1);
        append(text, places[i].file, strlen(places[i].file));
        int size = 0;
        if (places[i].line && places[i].column)
            size = snprintf(number, sizeof number, ":%" PRIu64 ":%" PRIu64,
                            places[i].line, places[i].column);
        else if (places[i].line)
            size = snprintf(number, sizeof number, ":%" PRIu64, places[i].line);
        append(text, number, (size_t)size);
        if (i + 1 < count)
            append(text, " (inlined)", 10);
    }
}

/* Appends what "\n\t\t0x1234: MARK" stands for, of size bytes. */
static void append_line(text_t *text, source_t *source, const char *line, size_t size)
{
    const char *begin = line + 3; /* behind the newline and the tabs */
    size_t begin_size = size - 3 - WAZERO__MARK_SIZE;
    uint64_t address = strtoull(begin, NULL, 16);
    size_t count = look_up(source, begin + begin_size, address);
    append_places(text, source->places, count, begin, begin_size);
}

/* The next line that is a place and a mark, from its newline on; NULL if there is
 * none. */
static const char *find_line(const char *message, size_t *size)
{
    static const char BEFORE[] = "\n\t\t0x";
    for (const char *at = message; (at = strstr(at, BEFORE)) != NULL; at++) {
        const char *digits = at + sizeof BEFORE - 1;
        const char *colon = digits + strspn(digits, "0123456789abcdef");
        if (colon - digits > 16 || strncmp(colon, ": ", 2) != 0)
            continue;
        const char *mark = colon + 2;
        size_t length = strcspn(mark, "\n");
        if (length != WAZERO__MARK_SIZE ||
            strncmp(mark, WAZERO__MARK_BEGIN, sizeof WAZERO__MARK_BEGIN - 1) != 0)
            continue;
        *size = (size_t)(mark - at) + length;
        return at;
    }
    return NULL;
}

void wazero__lines_resolve(const wazero_module_t *module, wz_error *failure)
{
    size_t size;
    const char *at = failure->message, *line;
    if (!at || !module->runtime->config.debug_info || !find_line(at, &size))
        return;
    source_t *source = calloc(1, sizeof *source);
    text_t text = {malloc(failure->message_size + 1), 0, failure->message_size + 1};
    if (source)
        source->runtime = module->runtime;
    while (source && (line = find_line(at, &size)) != NULL) {
        append(&text, at, (size_t)(line - at));
        append_line(&text, source, line, size);
        at = line + size;
    }
    append(&text, at, strlen(at));
    if (source && source->compiled)
        wazero_compiled_module_delete(source->compiled);
    free(source);
    if (!text.data)
        return;
    free(failure->message);
    failure->message = text.data;
    failure->message_size = text.size;
}

/* ---- in the frames ---- */

static void split_frames_of(const wazero_module_t *module, wazero_error_t *error)
{
    const char *name = module->name.data;
    size_t size = module->name.size;
    if (module->compiled) {
        name = module->compiled->parsed->name;
        size = module->compiled->parsed->name_size;
    }
    if (name && memchr(name, '.', size))
        wazero__error_split_frames(error, name, size);
}

void wazero__lines_split(const wazero_module_t *module, wazero_error_t *error)
{
    wazero_runtime_t *runtime = module->runtime;
    if (!wazero_error_frame_count(error))
        return;
    split_frames_of(module, error); /* which may be closed by now */
    pthread_mutex_lock(&runtime->mutex);
    for (const wazero_module_t *one = runtime->modules; one; one = one->next)
        split_frames_of(one, error);
    pthread_mutex_unlock(&runtime->mutex);
}
