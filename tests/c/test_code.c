/* The ranges of code: adding, removing, asking, and asking meanwhile. */
#include <pthread.h>
#include <stdatomic.h>

#include "call/code.h"
#include "test.h"

TEST(ranges)
{
    CHECK(!wazero__code_contains(100));
    CHECK(wazero__code_add(1000, 100));
    CHECK(wazero__code_add(3000, 50));
    CHECK(wazero__code_add(2000, 10));
    CHECK(!wazero__code_contains(999));
    CHECK(wazero__code_contains(1000));
    CHECK(wazero__code_contains(1099));
    CHECK(!wazero__code_contains(1100));
    CHECK(wazero__code_contains(2009));
    CHECK(!wazero__code_contains(2010));
    CHECK(wazero__code_contains(3049));
    CHECK(!wazero__code_contains(3050));
    wazero__code_remove(2000); /* it goes when the next one is added */
    CHECK(wazero__code_add(4000, 1));
    CHECK(!wazero__code_contains(2000));
    CHECK(wazero__code_contains(1000) && wazero__code_contains(3000));
    wazero__code_remove(4000);
    wazero__code_remove(5); /* there is none */
    wazero__code_remove(1000);
    wazero__code_remove(3000);
    CHECK(!wazero__code_contains(1000) && !wazero__code_contains(3000));
}

TEST(a_range_is_there_as_often_as_it_was_added)
{
    CHECK(wazero__code_add(1000, 100));
    CHECK(wazero__code_add(1000, 100));
    wazero__code_remove(1000);
    CHECK(wazero__code_contains(1050));
    wazero__code_remove(1000);
    CHECK(!wazero__code_contains(1050));
}

static atomic_bool over;

static void *ask(void *unused)
{
    static atomic_uint missed;
    (void)unused;
    while (!atomic_load(&over))
        if (!wazero__code_contains(500))
            atomic_fetch_add(&missed, 1);
    return &missed;
}

TEST(asking_while_others_change_them)
{
    pthread_t threads[3];
    void *missed;
    CHECK(wazero__code_add(400, 200)); /* which stays */
    atomic_store(&over, false);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, ask, NULL);
    for (uintptr_t i = 0; i < 20000; i++) {
        CHECK(wazero__code_add(1000 + i % 7 * 100, 100));
        CHECK(wazero__code_add(100, 100));
        wazero__code_remove(1000 + i % 7 * 100);
        wazero__code_remove(100);
    }
    atomic_store(&over, true);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], &missed);
    CHECK(atomic_load((atomic_uint *)missed) == 0);
    wazero__code_remove(400);
}

TEST_MAIN
