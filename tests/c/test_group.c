/* Groups: recursion, merging, deferring, deadlocks that are noticed, and hammers. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "group.h"
#include "support.h"

TEST(recursion)
{
    wazero__group_t *group = wazero__group_new();
    must(wazero__group_enter(group, UINT64_MAX));
    must(wazero__group_enter(group, UINT64_MAX));
    CHECK(wazero__group_try_enter(group));
    for (int i = 0; i < 3; i++)
        wazero__group_leave(group);
    CHECK(wazero__group_try_enter(group));
    wazero__group_leave(group);
    wazero__group_delete(group);
}

TEST(merging_adds_up)
{
    wazero__group_t *a = wazero__group_new(), *b = wazero__group_new();
    must(wazero__group_enter(a, UINT64_MAX));
    must(wazero__group_enter(b, UINT64_MAX));
    wazero__group_merge(a, b);
    wazero__group_merge(a, b); /* already one */
    wazero__group_leave(a);
    wazero__group_leave(b);
    CHECK(wazero__group_try_enter(b));
    wazero__group_leave(a);
    wazero__group_delete(b);
    wazero__group_delete(a);
}

/* ---- deferring ---- */

typedef struct {
    wazero__deferred_t deferred;
    wazero__group_t *group;
    int runs;
} counted_t;

static void count_run(wazero__deferred_t *deferred)
{
    counted_t *counted = (counted_t *)deferred;
    counted->runs++;
    CHECK(wazero__group_try_enter(counted->group)); /* it runs inside */
    wazero__group_leave(counted->group);
}

TEST(deferring)
{
    counted_t first = {.deferred.run = count_run}, second = first;
    wazero__group_t *group = first.group = second.group = wazero__group_new();
    wazero__group_defer(group, &first.deferred);
    CHECK_INT(first.runs, 1);
    must(wazero__group_enter(group, UINT64_MAX));
    must(wazero__group_enter(group, UINT64_MAX));
    wazero__group_defer(group, &second.deferred);
    wazero__group_leave(group);
    CHECK_INT(second.runs, 0);
    wazero__group_leave(group);
    CHECK_INT(second.runs, 1);
    wazero__group_delete(group);
}

TEST(retained_until_nobody_is_held)
{
    counted_t one = {.deferred.run = count_run}, two = one, three = one;
    atomic_uint references[3] = {1, 1, 1};
    wazero__group_t *a = wazero__group_new(), *b = wazero__group_new(),
                    *c = wazero__group_new();
    one.group = two.group = three.group = a;
    must(wazero__group_enter(a, UINT64_MAX));
    must(wazero__group_enter(b, UINT64_MAX));
    wazero__group_merge(a, b);
    must(wazero__group_enter(c, UINT64_MAX));
    wazero__group_merge(b, c);
    for (int i = 0; i < 3; i++)
        wazero__group_leave(a);
    wazero__group_release(a, &references[0], true, &one.deferred);
    CHECK_INT(one.runs, 0);
    /* Held again, and given up again: that counts once. */
    wazero__group_hold(a, &references[0], &one.deferred);
    CHECK_INT(references[0], 1);
    wazero__group_release(a, &references[0], true, &one.deferred);
    wazero__group_release(b, &references[1], false, &two.deferred);
    CHECK_INT(two.runs, 1);
    CHECK_INT(one.runs, 0);
    wazero__group_release(c, &references[2], true, &three.deferred);
    CHECK_INT(one.runs, 1);
    CHECK_INT(three.runs, 1);
    wazero__group_delete(a);
    wazero__group_delete(b);
    wazero__group_delete(c);
}

/* ---- waiting ---- */

static wazero__group_t *left, *right;
static atomic_int inside;
static wazero_error_t *other_error;

static void *enter_right_then_left(void *argument)
{
    (void)argument;
    must(wazero__group_enter(right, UINT64_MAX));
    atomic_fetch_add(&inside, 1);
    while (atomic_load(&inside) < 2)
        usleep(100);
    other_error = wazero__group_enter(left, UINT64_MAX);
    if (!other_error)
        wazero__group_leave(left);
    wazero__group_leave(right);
    return NULL;
}

TEST(deadlock_is_noticed)
{
    pthread_t thread;
    left = wazero__group_new();
    right = wazero__group_new();
    must(wazero__group_enter(left, UINT64_MAX));
    pthread_create(&thread, NULL, enter_right_then_left, NULL);
    atomic_fetch_add(&inside, 1);
    while (atomic_load(&inside) < 2)
        usleep(100);
    wazero_error_t *error = wazero__group_enter(right, UINT64_MAX);
    if (!error)
        wazero__group_leave(right);
    wazero__group_leave(left);
    pthread_join(thread, NULL);
    /* One of the two was told, and the other got in. */
    CHECK((error != NULL) != (other_error != NULL));
    CHECK_ERROR(error ? error : other_error, WAZERO_ERROR_INVALID, "deadlock");
    wazero__group_delete(left);
    wazero__group_delete(right);
}

/* ---- hammers ---- */

enum { THREADS = 6, ROUNDS = 30000 };
static long guarded;
static wazero__group_t *groups[4];

static void *count_up(void *argument)
{
    unsigned seed = (unsigned)(uintptr_t)argument;
    for (int i = 0; i < ROUNDS; i++) {
        wazero__group_t *group = groups[seed++ % 4];
        must(wazero__group_enter(group, UINT64_MAX));
        must(wazero__group_enter(group, UINT64_MAX));
        long seen = guarded;
        if (i % 64 == 0)
            sched_yield();
        guarded = seen + 1;
        wazero__group_leave(group);
        wazero__group_leave(group);
    }
    return NULL;
}

TEST(hammer_one_at_a_time)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < 4; i++) {
        groups[i] = wazero__group_new();
        must(wazero__group_enter(groups[i], UINT64_MAX));
    }
    for (int i = 1; i < 4; i++)
        wazero__group_merge(groups[0], groups[i]);
    for (int i = 0; i < 4; i++)
        wazero__group_leave(groups[0]);
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, count_up, (void *)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(guarded, (long)THREADS * ROUNDS);
    for (int i = 0; i < 4; i++)
        wazero__group_delete(groups[i]);
}

static atomic_long deferred_runs;

static void free_deferred(wazero__deferred_t *deferred)
{
    atomic_fetch_add(&deferred_runs, 1);
    free(deferred);
}

static void *defer_and_enter(void *argument)
{
    wazero__group_t *group = argument;
    for (int i = 0; i < ROUNDS; i++) {
        wazero__deferred_t *deferred = calloc(1, sizeof *deferred);
        deferred->run = free_deferred;
        must(wazero__group_enter(group, UINT64_MAX));
        if (i % 2)
            wazero__group_defer(group, deferred);
        wazero__group_leave(group);
        if (i % 2 == 0)
            wazero__group_defer(group, deferred);
    }
    return NULL;
}

TEST(hammer_nothing_deferred_is_lost)
{
    pthread_t threads[THREADS];
    wazero__group_t *group = wazero__group_new();
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, defer_and_enter, group);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(atomic_load(&deferred_runs), (long)THREADS * ROUNDS);
    wazero__group_delete(group);
}

static void *merge_with_others(void *argument)
{
    wazero__group_t *common = argument;
    for (int i = 0; i < 3000; i++) {
        wazero__group_t *own = wazero__group_new();
        must(wazero__group_enter(own, UINT64_MAX));
        must(wazero__group_enter(common, UINT64_MAX));
        wazero__group_merge(own, common);
        guarded++;
        wazero__group_leave(own);
        wazero__group_leave(common);
        wazero__group_delete(own);
    }
    return NULL;
}

TEST(hammer_merging)
{
    pthread_t threads[THREADS];
    wazero__group_t *common = wazero__group_new();
    guarded = 0;
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, merge_with_others, common);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(guarded, THREADS * 3000L);
    wazero__group_delete(common);
}

TEST_MAIN
