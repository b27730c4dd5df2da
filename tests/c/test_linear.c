/* Reserved memory: sizes, pins, what may move, and a hammer of resizing and pinning. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "linear.h"
#include "support.h"

static const uint64_t PAGE = WAZERO_PAGE_SIZE;

TEST(capacity_is_there)
{
    wazero__linear_t *linear = wazero__linear_new(20 * PAGE, 10 * PAGE, UINT64_MAX);
    uint8_t *base = wazero__linear_resize(linear, PAGE);
    CHECK(wazero__linear_resize(linear, 20 * PAGE) == base);
    wazero__linear_release(linear);
    CHECK(!wazero__linear_new(UINT64_MAX / 2, UINT64_MAX / 2, UINT64_MAX));
}

TEST(grows_in_place)
{
    wazero__linear_t *linear = wazero__linear_new(0, 1000 * PAGE, UINT64_MAX);
    uint8_t *base = wazero__linear_resize(linear, PAGE);
    CHECK(base != NULL);
    memset(base, 7, PAGE);
    CHECK(wazero__linear_resize(linear, 1000 * PAGE) == base);
    CHECK_INT(wazero__linear_size(linear), 1000 * PAGE);
    CHECK_INT(base[PAGE - 1], 7);
    CHECK_INT(base[PAGE], 0);
    base[1000 * PAGE - 1] = 1;
    /* It does not shrink. */
    CHECK(wazero__linear_resize(linear, PAGE) == base);
    CHECK_INT(wazero__linear_size(linear), 1000 * PAGE);
    wazero__linear_release(linear);
}

TEST(limited)
{
    wazero__linear_t *linear = wazero__linear_new(0, 2 * PAGE, 3 * PAGE);
    uint8_t *base = wazero__linear_resize(linear, 2 * PAGE);
    base[2 * PAGE - 1] = 7;
    base = wazero__linear_resize(linear, 3 * PAGE); /* by moving */
    CHECK(base && base[2 * PAGE - 1] == 7);
    CHECK(!wazero__linear_resize(linear, 3 * PAGE + 1));
    CHECK_INT(wazero__linear_size(linear), 3 * PAGE);
    wazero__linear_release(linear);
}

TEST(empty)
{
    wazero__linear_t *linear = wazero__linear_new(0, 0, UINT64_MAX);
    CHECK(wazero__linear_resize(linear, 0) != NULL);
    CHECK_INT(wazero__linear_size(linear), 0);
    wazero__linear_release(linear);
    wazero__linear_release(NULL);
}

TEST(the_largest)
{
    wazero__linear_t *linear = wazero__linear_new(0, 65536 * PAGE, UINT64_MAX);
    uint8_t *base = wazero__linear_resize(linear, 65536 * PAGE);
    CHECK(base != NULL);
    base[65536 * PAGE - 1] = 1;
    wazero__linear_release(linear);
}

TEST(moves_only_without_a_view)
{
    wazero__linear_t *linear =
        wazero__linear_new(0, PAGE, UINT64_MAX); /* as if no more could be had */
    uint8_t *base = wazero__linear_resize(linear, PAGE);
    base[5] = 9;
    wazero__linear_pin(linear);
    CHECK(!wazero__linear_resize(linear, 4 * PAGE));
    CHECK_INT(wazero__linear_size(linear), PAGE);
    wazero__linear_unpin(linear);
    base = wazero__linear_resize(linear, 4 * PAGE);
    CHECK(base && base[5] == 9 && base[4 * PAGE - 1] == 0);
    CHECK(wazero__linear_base(linear) == base);
    wazero__linear_release(linear);
}

TEST(limited_address_space)
{
    struct rlimit before, low;
    getrlimit(RLIMIT_AS, &before);
    low = before;
    low.rlim_cur = (rlim_t)4 << 30;
    CHECK_INT(setrlimit(RLIMIT_AS, &low), 0);
    wazero__linear_t *linear = wazero__linear_new(0, 65536 * PAGE, UINT64_MAX);
    bool grown = linear && wazero__linear_resize(linear, 3 * PAGE) != NULL;
    setrlimit(RLIMIT_AS, &before);
    /* Under a sanitizer the shadow alone is larger than the limit: nothing is left. */
    if (linear) {
        CHECK(grown);
        CHECK_INT(wazero__linear_size(linear), 3 * PAGE);
        wazero__linear_release(linear);
    }
}

TEST(pages_return_when_unused)
{
    wazero__linear_t *linear = wazero__linear_new(0, PAGE, UINT64_MAX);
    uint8_t *base = wazero__linear_resize(linear, PAGE);
    base[0] = 1;
    wazero__linear_pin(linear);
    wazero__linear_unuse(linear); /* closed, but seen */
    CHECK_INT(base[0], 1);
    wazero__linear_retain(linear);
    wazero__linear_unpin(linear);
    CHECK_INT(base[0], 0);
    wazero__linear_release(linear);
    wazero__linear_release(linear);
}

static atomic_bool stop;

static void *pin_again_and_again(void *argument)
{
    wazero__linear_t *linear = argument;
    while (!atomic_load(&stop)) {
        wazero__linear_pin(linear);
        volatile uint8_t *base = wazero__linear_base(linear);
        size_t size = wazero__linear_size(linear);
        base[size - 1] = base[0];
        wazero__linear_unpin(linear);
    }
    return NULL;
}

TEST(hammer)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    wazero__linear_t *linear =
        wazero__linear_new(0, PAGE, UINT64_MAX); /* so that it has to move */
    wazero__linear_resize(linear, PAGE);
    atomic_store(&stop, false);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, pin_again_and_again, linear);
    int grown = 0;
    for (uint64_t pages = 2; pages < 400; pages++)
        grown += wazero__linear_resize(linear, pages * PAGE) != NULL;
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK(wazero__linear_resize(linear, 400 * PAGE) != NULL);
    CHECK(grown >= 0);
    wazero__linear_release(linear);
}

TEST_MAIN
