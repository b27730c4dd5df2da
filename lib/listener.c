/*
 * listener.c - listeners, and telling them. See listener.h.
 */
#include "listener.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "call/call.h"
#include "described.h"
#include "engine.h"
#include "error.h"
#include "fork.h"
#include "module.h"
#include "value.h"

struct wazero_listeners {
    atomic_uint references;
    atomic_bool used;
    wazero_listener_t *items;
    size_t count;
    bool logs;
    bool log_host_only;
    uint64_t log_scopes;
    wazero_write_function_t write;
    wazero__shared_t *write_user; /* a reference, or NULL */
};

/* A function that is listened to. */
typedef struct listened {
    struct listened *next;
    wazero__listening_t *listening;
    wazero__described_t *described;
    bool wanted[]; /* by listener */
} listened_t;

struct wazero__listening {
    wazero_listeners_t *set; /* a reference */
    listened_t *functions;
    wazero_error_t *error; /* of asking who wants to be told, or NULL */
};

/* ---- sets ---- */

wazero_error_t *wazero_listeners_new(wazero_listeners_t **listeners)
{
    wazero_listeners_t *made = calloc(1, sizeof *made);
    if (!made)
        return wazero__error_memory();
    atomic_init(&made->references, 1);
    *listeners = made;
    return NULL;
}

void wazero_listeners_delete(wazero_listeners_t *listeners)
{
    if (!listeners || atomic_fetch_sub(&listeners->references, 1) != 1)
        return;
    for (size_t i = 0; i < listeners->count; i++)
        if (listeners->items[i].delete_user)
            listeners->items[i].delete_user(listeners->items[i].user);
    wazero__shared_release(listeners->write_user);
    free(listeners->items);
    free(listeners);
}

static wazero_error_t *check_unused(const wazero_listeners_t *listeners)
{
    return atomic_load(&listeners->used)
               ? wazero__error(WAZERO_ERROR_INVALID,
                               "these listeners are in use and cannot be changed")
               : NULL;
}

wazero_error_t *wazero_listeners_add(wazero_listeners_t *listeners,
                                     const wazero_listener_t *listener)
{
    wazero_error_t *error = check_unused(listeners);
    wazero_listener_t *items = NULL;
    if (!error) {
        items = realloc(listeners->items,
                        (listeners->count + 1) * sizeof *listeners->items);
        if (!items)
            error = wazero__error_memory();
    }
    if (error) {
        if (listener->delete_user)
            listener->delete_user(listener->user);
        return error;
    }
    listeners->items = items;
    items[listeners->count++] = *listener;
    return NULL;
}

wazero_error_t *wazero_listeners_set_log(wazero_listeners_t *listeners,
                                         wazero_write_function_t write, void *user,
                                         void (*delete_user)(void *user),
                                         bool host_only, wazero_log_scopes_t scopes)
{
    wazero__shared_t *shared = wazero__shared_new(user, delete_user);
    wazero_error_t *error = shared ? check_unused(listeners) : wazero__error_memory();
    if (!error && !write)
        error = wazero__error(WAZERO_ERROR_INVALID,
                              "the function that writes the log must not be NULL");
    if (error) {
        wazero__shared_release(shared);
        return error;
    }
    wazero__shared_release(listeners->write_user);
    listeners->write_user = shared;
    listeners->write = write;
    listeners->logs = true;
    listeners->log_host_only = host_only;
    listeners->log_scopes = scopes;
    return NULL;
}

/* ---- listening ---- */

wazero_error_t *wazero__listening_new(wazero_listeners_t *set,
                                      wazero__listening_t **listening)
{
    *listening = NULL;
    if (!set)
        return NULL;
    wazero__listening_t *made = calloc(1, sizeof *made);
    if (!made)
        return wazero__error_memory();
    atomic_store(&set->used, true);
    atomic_fetch_add(&set->references, 1);
    made->set = set;
    *listening = made;
    return NULL;
}

void wazero__listening_delete(wazero__listening_t *listening)
{
    if (!listening)
        return;
    for (listened_t *one = listening->functions, *next; one; one = next) {
        next = one->next;
        free(one->described);
        free(one);
    }
    wazero_error_delete(listening->error);
    wazero_listeners_delete(listening->set);
    free(listening);
}

wazero_listeners_t *wazero__listening_set(const wazero__listening_t *listening)
{
    return listening ? listening->set : NULL;
}

wz_listening wazero__listening_describe(const wazero__listening_t *listening)
{
    wz_listening described = {0};
    if (!listening)
        return described;
    described.user = (uintptr_t)listening;
    described.log = listening->set->logs;
    described.log_host_only = listening->set->log_host_only;
    described.log_scopes = listening->set->log_scopes;
    return described;
}

wazero_error_t *wazero__listening_take_error(wazero__listening_t *listening)
{
    wazero_error_t *error = listening ? listening->error : NULL;
    if (error)
        listening->error = NULL;
    return error;
}

/* Asks each listener; false if none wants the function. */
static bool ask(wazero__listening_t *listening, listened_t *function)
{
    const wazero_listeners_t *set = listening->set;
    bool any = false;
    for (size_t i = 0; i < set->count && !listening->error; i++) {
        const wazero_listener_t *item = &set->items[i];
        function->wanted[i] = true;
        if (item->wants)
            listening->error = item->wants(item->user, &function->described->definition,
                                           &function->wanted[i]);
        any = any || function->wanted[i];
    }
    return any;
}

uintptr_t wazero__listener_wants(wazero__listening_t *listening, const void *function,
                                 size_t size, bool logged)
{
    if (listening->error)
        return 0; /* it will be reported; nobody is asked any more */
    wazero__described_t *described = wazero__described_new(function, size);
    listened_t *made =
        calloc(1, sizeof *made + listening->set->count * sizeof *made->wanted);
    if (!described || !made)
        listening->error = wazero__error_memory();
    else
        made->described = described;
    if (listening->error || !(ask(listening, made) || logged)) {
        free(described);
        free(made);
        return 0;
    }
    made->listening = listening;
    made->next = listening->functions;
    listening->functions = made;
    return (uintptr_t)made;
}

bool wazero__listener_is_host(uintptr_t function)
{
    return ((const listened_t *)function)->described->definition.is_host;
}

/* ---- the stack that a listener sees ---- */

struct wazero_stack {
    wz_handle walk; /* 0 once the engine has no more frames */
    struct wazero_stack_entry {
        wazero__described_t *described;
        uint64_t program_counter;
        uint64_t source_offset;
    } *frames; /* those that were asked for */
    size_t count;
    size_t capacity;
    size_t position; /* of the listener that runs */
};

/* Gets one more frame from the engine; false if there is none. */
static wazero_error_t *get_frame(wazero_stack_t *stack, bool *found)
{
    wz_frame frame = {0};
    *found = false;
    if (!stack->walk)
        return NULL;
    if (stack->count == stack->capacity) {
        size_t capacity = stack->capacity ? stack->capacity * 2 : 8;
        void *frames = realloc(stack->frames, capacity * sizeof *stack->frames);
        if (!frames)
            return wazero__error_memory();
        stack->frames = frames;
        stack->capacity = capacity;
    }
    if (!wazero__engine()->frame_next(stack->walk, &frame)) {
        stack->walk = 0;
        return NULL;
    }
    struct wazero_stack_entry *entry = &stack->frames[stack->count];
    entry->described = frame.function
                           ? wazero__described_new(frame.function, frame.function_size)
                           : NULL;
    free(frame.function);
    if (!entry->described)
        return wazero__error_memory();
    entry->program_counter = frame.program_counter;
    entry->source_offset = frame.source_offset;
    stack->count++;
    *found = true;
    return NULL;
}

wazero_error_t *wazero_stack_next(wazero_stack_t *stack, wazero_stack_frame_t *frame,
                                  bool *found)
{
    if (stack->position == stack->count) {
        bool more;
        wazero_error_t *error = get_frame(stack, &more);
        if (error)
            return error;
        *found = more;
        if (!more)
            return NULL;
    }
    const struct wazero_stack_entry *entry = &stack->frames[stack->position++];
    frame->function = &entry->described->definition;
    frame->program_counter = entry->program_counter;
    frame->source_offset = entry->source_offset;
    *found = true;
    return NULL;
}

static void clear_stack(wazero_stack_t *stack)
{
    for (size_t i = 0; i < stack->count; i++)
        free(stack->frames[i].described);
    free(stack->frames);
}

/* ---- calls that have begun and not ended ---- */

typedef struct {
    const wazero__activation_t *activation;
    const listened_t *function;
    wazero_module_t *module; /* inside of which the call runs: it stays meanwhile */
    wz_handle note;          /* 0: its end is not logged */
    size_t told;             /* so many listeners know that it began */
} entry_t;

/* A guest can have any number of them: each tail call leaves one behind. */
enum { OPEN_CALLS_MAX = 1 << 20 };

struct wazero__open_calls {
    entry_t *entries;
    size_t count;
    size_t capacity;
    size_t logged; /* of them, whose ends are logged */
};

static struct wazero__open_calls *open_calls(wazero__thread_t *thread)
{
    if (!thread->open_calls)
        thread->open_calls = calloc(1, sizeof *thread->open_calls);
    return thread->open_calls;
}

static wazero_error_t *push(wazero__thread_t *thread, const entry_t *entry)
{
    struct wazero__open_calls *calls = open_calls(thread);
    if (!calls)
        return wazero__error_memory();
    if (calls->count == OPEN_CALLS_MAX)
        return wazero__call_too_deep();
    if (calls->count == calls->capacity) {
        size_t capacity = calls->capacity ? calls->capacity * 2 : 64;
        entry_t *entries = realloc(calls->entries, capacity * sizeof *entries);
        if (!entries)
            return wazero__error_memory();
        calls->entries = entries;
        calls->capacity = capacity;
    }
    calls->entries[calls->count++] = *entry;
    calls->logged += entry->note != 0;
    return NULL;
}

static entry_t pop(wazero__thread_t *thread)
{
    struct wazero__open_calls *calls = thread->open_calls;
    entry_t entry = calls->entries[--calls->count];
    calls->logged -= entry.note != 0;
    return entry;
}

size_t wazero__listener_open(const wazero__thread_t *thread)
{
    return thread->open_calls ? thread->open_calls->count : 0;
}

/* Tells the listeners that know of the call that it does not return. */
static void abort_call(const entry_t *entry, const wazero_error_t *error)
{
    const listened_t *function = entry->function;
    const wazero_listeners_t *set = function->listening->set;
    if (entry->note && wazero__fork_is_current(entry->activation->generation))
        wazero__engine()->note_release(entry->note);
    for (size_t i = 0; i < entry->told; i++)
        if (function->wanted[i] && set->items[i].abort)
            set->items[i].abort(set->items[i].user, entry->module,
                                &function->described->definition, error);
}

void wazero__listener_abort_to(wazero__thread_t *thread, size_t count,
                               const wazero_error_t *error)
{
    while (wazero__listener_open(thread) > count) {
        entry_t entry = pop(thread);
        abort_call(&entry, error);
    }
}

void wazero__listener_end(wazero__thread_t *thread,
                          const wazero__activation_t *activation,
                          const wazero_error_t *error)
{
    size_t count = wazero__listener_open(thread);
    while (count && thread->open_calls->entries[count - 1].activation == activation)
        count--;
    wazero__listener_abort_to(thread, count, error);
}

void wazero__listener_forget(wazero__thread_t *thread)
{
    if (thread->open_calls)
        free(thread->open_calls->entries);
    free(thread->open_calls);
    thread->open_calls = NULL;
}

/* ---- telling ---- */

static const wazero__activation_t *innermost(wazero__thread_t *thread)
{
    return atomic_load_explicit(&thread->activation, memory_order_relaxed);
}

/* Writes a line of the log, as deep as there are calls whose ends are to be logged. */
static wazero_error_t *write_line(const wazero_listeners_t *set, size_t depth,
                                  wz_string line)
{
    if (!line.size)
        return NULL;
    char *text = malloc(depth + line.size);
    if (!text)
        return wazero__error_memory();
    memset(text, '\t', depth);
    memcpy(text + depth, line.data, line.size);
    wazero_error_t *error =
        set->write(wazero__shared_user(set->write_user), text, depth + line.size);
    free(text);
    return error;
}

wazero_error_t *wazero__listener_before(wazero__thread_t *thread, uintptr_t address,
                                        wazero_module_t *module, uint64_t *params,
                                        wz_handle walk, wz_string line, wz_handle note)
{
    const listened_t *function = (const listened_t *)address;
    const wazero_listeners_t *set = function->listening->set;
    const wazero_function_type_t *type = &function->described->type;
    wazero_stack_t stack = {.walk = walk};
    entry_t entry = {innermost(thread), function, module, note, 0};
    size_t depth = thread->open_calls ? thread->open_calls->logged : 0;
    wazero_error_t *error = push(thread, &entry);
    if (error) {
        wazero__engine()->note_release(note);
        return error;
    }
    size_t place = thread->open_calls->count - 1;
    wazero__clear_upper_halves(type->params, type->param_count, params);
    error = write_line(set, depth, line);
    for (size_t i = 0; i < set->count && !error; i++) {
        const wazero_listener_t *item = &set->items[i];
        stack.position = 0;
        if (function->wanted[i] && item->before)
            error = item->before(item->user, module, &function->described->definition,
                                 params, &stack);
        if (!error)
            thread->open_calls->entries[place].told = i + 1;
    }
    clear_stack(&stack);
    return error;
}

/* The place of the innermost call of a function among the open ones of the innermost
 * activation; what is above has been left by a tail call or an exception, which nobody
 * tells of. SIZE_MAX if there is none. */
static size_t find_open(wazero__thread_t *thread, const listened_t *function)
{
    for (size_t i = wazero__listener_open(thread); i-- > 0;) {
        const entry_t *entry = &thread->open_calls->entries[i];
        if (entry->activation != innermost(thread))
            break;
        if (entry->function == function)
            return i;
    }
    return SIZE_MAX;
}

wz_handle wazero__listener_note(wazero__thread_t *thread, uintptr_t address)
{
    size_t place = find_open(thread, (const listened_t *)address);
    if (place == SIZE_MAX)
        return 0;
    /* The engine takes it back; the place stays counted until the call has ended. */
    return thread->open_calls->entries[place].note;
}

wazero_error_t *wazero__listener_after(wazero__thread_t *thread, uintptr_t address,
                                       wazero_module_t *module, uint64_t *results,
                                       wz_string line)
{
    const listened_t *function = (const listened_t *)address;
    const wazero_listeners_t *set = function->listening->set;
    const wazero_function_type_t *type = &function->described->type;
    size_t place = find_open(thread, function);
    if (place == SIZE_MAX)
        return NULL;
    wazero__listener_abort_to(thread, place + 1, NULL);
    entry_t entry = pop(thread);
    wazero__clear_upper_halves(type->results, type->result_count, results);
    wazero_error_t *error = write_line(set, thread->open_calls->logged, line);
    for (size_t i = 0; i < entry.told; i++) {
        const wazero_listener_t *item = &set->items[i];
        if (!function->wanted[i] || !item->after)
            continue;
        /* Each is told of the end of what it knows began; the first error counts. */
        wazero_error_t *another =
            item->after(item->user, module, &function->described->definition, results);
        if (error)
            wazero_error_delete(another);
        else
            error = another;
    }
    return error;
}
