/*
 * externref.c - references to objects of the host, and the slots of those that are
 * inside wasm. See externref.h.
 *
 * One mutex guards the slots of all runtimes: it is held for a few instructions, and a
 * fork waits for it. Entries are linked in the list of their group, which the thread
 * inside owns.
 */
#include "externref.h"

#include <pthread.h>
#include <stdlib.h>

#include "engine.h"
#include "error.h"
#include "group.h"
#include "module.h"
#include "reference.h"
#include "runtime.h"

/* With fewer entries nobody looks which are dead. */
enum { FEW_ENTRIES = 1000 };

/* Looking at so many places of tables costs about as much as making an entry. */
enum { PLACES_FOR_AN_ENTRY = 16 };

struct wazero_externref {
    uint32_t tag; /* REFERENCE_OBJECT */
    atomic_uint references;
    void *value;
    void (*delete_value)(void *value);
};

typedef struct wazero__entry {
    struct wazero__entry *next; /* in the group, or of the thread's dead */
    wazero_externref_t *reference;
    uint32_t index; /* of its slot */
} entry_t;

typedef struct {
    entry_t *entry; /* NULL if it is free */
    uint32_t uses;  /* the upper half of its number */
    uint32_t next;  /* of a free one: the index of another, plus one */
} slot_t;

struct wazero__slots {
    uint32_t used; /* slots that have ever been used */
    uint32_t capacity;
    uint32_t free; /* the index of a free one, plus one */
    slot_t slots[];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* ---- references ---- */

wazero_error_t *wazero_externref_new(void *value, void (*delete_value)(void *value),
                                     wazero_externref_t **reference)
{
    wazero_externref_t *made = malloc(sizeof *made);
    if (!made) {
        if (delete_value)
            delete_value(value);
        return wazero__error_memory();
    }
    made->tag = REFERENCE_OBJECT;
    atomic_init(&made->references, 1);
    made->value = value;
    made->delete_value = delete_value;
    *reference = made;
    return NULL;
}

void *wazero_externref_value(const wazero_externref_t *reference)
{
    return reference->value;
}

wazero_externref_t *wazero_externref_copy(wazero_externref_t *reference)
{
    if (reference)
        atomic_fetch_add(&reference->references, 1);
    return reference;
}

void wazero_externref_delete(wazero_externref_t *reference)
{
    if (!reference || atomic_fetch_sub(&reference->references, 1) != 1)
        return;
    if (reference->delete_value)
        reference->delete_value(reference->value);
    free(reference);
}

/* ---- slots ---- */

/* Makes room for one more slot. Under the mutex. */
static bool grow(wazero_runtime_t *runtime)
{
    const wazero__slots_t *old = runtime->externrefs;
    uint32_t used = old ? old->used : 0;
    uint32_t capacity = old ? old->capacity * 2 : 64;
    if (capacity < used)
        return false;
    wazero__slots_t *slots = calloc(1, sizeof *slots + capacity * sizeof(slot_t));
    if (!slots)
        return false;
    slots->used = used;
    slots->capacity = capacity;
    if (used)
        memcpy(slots->slots, old->slots, used * sizeof(slot_t));
    free(runtime->externrefs);
    runtime->externrefs = slots;
    return true;
}

/* Gives the entry a slot. Under the mutex; false without memory. */
static bool take_slot(wazero_runtime_t *runtime, entry_t *entry, uint64_t *number)
{
    wazero__slots_t *slots = runtime->externrefs;
    if (!slots || (!slots->free && slots->used == slots->capacity)) {
        if (!grow(runtime))
            return false;
        slots = runtime->externrefs;
    }
    uint32_t index = slots->free ? slots->free - 1 : slots->used++;
    slot_t *slot = &slots->slots[index];
    if (slots->free)
        slots->free = slot->next;
    slot->uses++;
    slot->entry = entry;
    entry->index = index;
    *number = (uint64_t)slot->uses << 32 | index;
    return true;
}

/* Takes it back. A slot that has no number left that is new stays unused. */
static void give_slot(wazero__slots_t *slots, uint32_t index)
{
    slot_t *slot = &slots->slots[index];
    slot->entry = NULL;
    if (slot->uses == UINT32_MAX)
        return;
    slot->next = slots->free;
    slots->free = index + 1;
}

wazero_error_t *wazero__externref_in(wazero_runtime_t *runtime, wazero__group_t *group,
                                     wazero_externref_t *reference, uint64_t *number)
{
    entry_t *entry = malloc(sizeof *entry);
    if (!entry)
        return wazero__error_memory();
    pthread_mutex_lock(&mutex);
    bool taken = take_slot(runtime, entry, number);
    pthread_mutex_unlock(&mutex);
    if (!taken) {
        free(entry);
        return wazero__error_memory();
    }
    entry->reference = wazero_externref_copy(reference);
    wazero__entries_t *entries = &wazero__group_root(group)->entries;
    entry->next = entries->first;
    entries->first = entry;
    if (!entries->last)
        entries->last = entry;
    atomic_fetch_add_explicit(&entries->count, 1, memory_order_relaxed);
    return NULL;
}

wazero_error_t *wazero__externref_out(const wazero_runtime_t *runtime, uint64_t number,
                                      wazero_externref_t **reference)
{
    uint32_t index = (uint32_t)number;
    wazero_externref_t *found = NULL;
    pthread_mutex_lock(&mutex);
    const wazero__slots_t *slots = runtime->externrefs;
    if (slots && index < slots->used && slots->slots[index].entry &&
        slots->slots[index].uses == number >> 32)
        found = wazero_externref_copy(slots->slots[index].entry->reference);
    pthread_mutex_unlock(&mutex);
    if (!found)
        return wazero__error(WAZERO_ERROR_CLOSED,
                             "the module that had this reference to an object of the "
                             "host is closed, and the object was released");
    *reference = found;
    return NULL;
}

/* ---- what is dead ---- */

void wazero__entries_move(wazero__entries_t *into, wazero__entries_t *from)
{
    if (!from->first)
        return;
    from->last->next = into->first;
    into->first = from->first;
    if (!into->last)
        into->last = from->last;
    atomic_fetch_add_explicit(&into->count, atomic_load(&from->count),
                              memory_order_relaxed);
    memset(from, 0, sizeof *from);
}

/* The engine's handles of the modules of the group that are open; false without
 * memory. They stay what they are, for this thread is inside. */
static bool find_open(wazero_runtime_t *runtime, const wazero__group_t *root,
                      wz_handle **handles, size_t *count)
{
    *count = 0;
    pthread_mutex_lock(&runtime->mutex);
    *handles = malloc((runtime->open_count + 1) * sizeof **handles);
    for (const wazero_module_t *module = runtime->modules; *handles && module;
         module = module->next)
        if (module->counted && wazero__group_root(module->group) == root &&
            wazero__module_is_open(module) && module->handle)
            (*handles)[(*count)++] = module->handle;
    pthread_mutex_unlock(&runtime->mutex);
    return *handles != NULL;
}

/* Has the engine look which slots are still in use: one mark for each. NULL if that
 * cannot be told. */
static uint8_t *mark(const wazero_runtime_t *runtime, const wz_handle *handles,
                     size_t count, uint64_t *places)
{
    pthread_mutex_lock(&mutex);
    size_t used = runtime->externrefs->used;
    pthread_mutex_unlock(&mutex);
    uint8_t *marks = calloc(used, 1);
    *places = 0;
    if (marks && count &&
        !wazero__engine()->references_mark(handles, count, marks, used, places)) {
        free(marks);
        return NULL;
    }
    return marks;
}

/* Takes the entries without a mark out of the group and puts them to the thread's
 * dead. */
static void take_dead(wazero_runtime_t *runtime, wazero__entries_t *entries,
                      const uint8_t *marks)
{
    wazero__thread_t *thread = wazero__thread();
    entry_t **place = &entries->first, *last = NULL;
    size_t count = 0;
    pthread_mutex_lock(&mutex);
    while (*place) {
        entry_t *entry = *place;
        if (marks[entry->index]) {
            last = entry;
            place = &entry->next;
            count++;
            continue;
        }
        *place = entry->next;
        give_slot(runtime->externrefs, entry->index);
        entry->next = thread->dead;
        thread->dead = entry;
    }
    pthread_mutex_unlock(&mutex);
    entries->last = last;
    atomic_store_explicit(&entries->count, count, memory_order_relaxed);
}

void wazero__externrefs_sweep(wazero_runtime_t *runtime, wazero__group_t *group)
{
    wazero__group_t *root = wazero__group_root(group);
    wazero__entries_t *entries = &root->entries;
    wz_handle *handles = NULL;
    size_t count;
    uint64_t places = 0;
    if (!entries->first)
        return;
    if (find_open(runtime, root, &handles, &count)) {
        uint8_t *marks = mark(runtime, handles, count, &places);
        if (marks)
            take_dead(runtime, entries, marks);
        free(marks);
    }
    free(handles);
    /* What looking costs is in proportion to what has been passed since. */
    size_t live = atomic_load(&entries->count);
    entries->threshold = FEW_ENTRIES + 2 * live + (size_t)places / PLACES_FOR_AN_ENTRY;
}

void wazero__externrefs_tidy(wazero_module_t *module)
{
    wazero__group_t *root = wazero__group_root(module->group);
    size_t count = atomic_load_explicit(&root->entries.count, memory_order_relaxed);
    if (__builtin_expect(count < FEW_ENTRIES, 1) ||
        !wazero__group_try_enter(module->group))
        return;
    root = wazero__group_root(module->group);
    if (root->depth == 1 &&
        atomic_load(&root->entries.count) >= root->entries.threshold)
        wazero__externrefs_sweep(module->runtime, root);
    wazero__group_leave(root);
    wazero__externrefs_bury();
}

void wazero__externrefs_bury(void)
{
    wazero__thread_t *thread = wazero__thread();
    entry_t *dead = thread->dead;
    thread->dead = NULL;
    while (dead) {
        entry_t *next = dead->next;
        wazero_externref_delete(dead->reference);
        free(dead);
        dead = next;
    }
}

void wazero__externrefs_end(wazero_runtime_t *runtime)
{
    wazero__thread_t *thread = wazero__thread();
    wazero__slots_t *slots = runtime->externrefs;
    for (uint32_t i = 0; slots && i < slots->used; i++) {
        entry_t *entry = slots->slots[i].entry;
        if (!entry)
            continue;
        entry->next = thread->dead;
        thread->dead = entry;
    }
    free(slots);
}

/* ---- fork ---- */

void wazero__externrefs_before_fork(void)
{
    pthread_mutex_lock(&mutex);
}

void wazero__externrefs_after_fork(void)
{
    pthread_mutex_unlock(&mutex);
}

void wazero__externrefs_forget(void)
{
    pthread_mutex_init(&mutex, NULL);
}
