/* Time and random numbers of a guest: pretended, the system's, the host's. */
#include <time.h>

#include "../../lib/random.h"
#include "support.h"

#define SECOND INT64_C(1000000000)
#define EPOCH INT64_C(1640995200000000000) /* wazero's: 2022-01-01 */

typedef struct {
    int64_t answer;  /* of a clock */
    uint64_t number; /* that a function was called with last */
    size_t largest;  /* of all numbers */
    int calls;
    int deleted;
    bool fails;
} host_t;

static wazero_error_t *note(host_t *host, uint64_t number)
{
    host->calls++;
    host->number = number;
    if (number > host->largest)
        host->largest = (size_t)number;
    return host->fails
               ? wazero_error_new_host("the host has none", WAZERO_CSTR, NULL, NULL)
               : NULL;
}

static wazero_error_t *tell(void *user, int64_t *nanoseconds)
{
    host_t *host = user;
    *nanoseconds = host->answer++;
    return note(host, 0);
}

static wazero_error_t *pause_for(void *user, uint64_t nanoseconds)
{
    return note(user, nanoseconds);
}

static wazero_error_t *yield(void *user)
{
    return note(user, 0);
}

static wazero_error_t *fill(void *user, void *buffer, size_t size)
{
    memset(buffer, 7, size);
    return note(user, size);
}

static void delete_host(void *user)
{
    ((host_t *)user)->deleted++;
}

static wazero_module_config_t *new_config(void)
{
    wazero_module_config_t *config;
    must(wazero_module_config_new(&config));
    return config;
}

static wazero_error_t *ask(wazero_module_t *module, const char *name, uint64_t argument,
                           int64_t *result)
{
    wazero_function_t *function = get_function(module, name);
    uint64_t stack[1] = {argument};
    wazero_error_t *error = wazero_function_call_with_stack(function, stack, 1);
    if (!error && result)
        *result = wazero_decode_i64(stack[0]);
    wazero_function_delete(function);
    return error;
}

static int64_t get(wazero_module_t *module, const char *name, uint64_t argument)
{
    int64_t result = 0;
    must(ask(module, name, argument, &result));
    return result;
}

static int64_t now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

static void check_pretended(wazero_runtime_t *runtime)
{
    for (int i = 0; i < 2; i++) { /* each module has clocks of its own */
        wazero_module_t *module = new_module(runtime, "sources", NULL, NULL);
        CHECK_INT(get(module, "time", 0), EPOCH);
        CHECK_INT(get(module, "time", 0), EPOCH + SECOND / 1000);
        CHECK_INT(get(module, "time", 1), 0);
        CHECK_INT(get(module, "time", 1), SECOND / 1000);
        CHECK_INT(get(module, "resolution", 0), 1000);
        CHECK_INT(get(module, "resolution", 1), 1);
        int64_t start = now(CLOCK_MONOTONIC);
        must(ask(module, "sleep", 3600 * (uint64_t)SECOND, NULL));
        must(ask(module, "yield", 0, NULL));
        CHECK(now(CLOCK_MONOTONIC) - start < 60 * SECOND);
        wazero_module_delete(module);
    }
}

TEST_ON_BOTH_ENGINES(pretended, check_pretended)

static void check_system(wazero_runtime_t *runtime)
{
    wazero_module_config_t *config = new_config();
    wazero_module_config_set_system_walltime(config);
    wazero_module_config_set_system_nanotime(config);
    wazero_module_config_set_system_nanosleep(config);
    wazero_module_config_set_system_osyield(config);
    wazero_module_config_set_system_random(config);
    wazero_module_t *module = new_module(runtime, "sources", NULL, config);
    wazero_module_config_delete(config);
    int64_t difference = get(module, "time", 0) - now(CLOCK_REALTIME);
    CHECK(difference < SECOND && difference > -10 * SECOND);
    int64_t start = get(module, "time", 1);
    must(ask(module, "sleep", 30000000, NULL));
    CHECK(get(module, "time", 1) - start >= 30000000);
    must(ask(module, "yield", 0, NULL));
    CHECK(get(module, "random", 65536) != get(module, "random", 8));
    wazero_module_delete(module);
}

TEST_ON_BOTH_ENGINES(system, check_system)

static void check_sleep_ends(wazero_runtime_t *runtime)
{
    wazero_module_config_t *config = new_config();
    wazero_module_config_set_system_nanosleep(config);
    wazero_module_config_set_timeout(config, 50000000);
    wazero_module_t *module = new_module(runtime, "sources", NULL, config);
    wazero_module_config_delete(config);
    int64_t start = now(CLOCK_MONOTONIC);
    CHECK_ERROR(ask(module, "sleep", 3600 * (uint64_t)SECOND, NULL),
                WAZERO_ERROR_TIMEOUT, "timeout after 0.05 s");
    CHECK(now(CLOCK_MONOTONIC) - start < 20 * SECOND);
    CHECK_INT(get(module, "time", 1), 0); /* it goes on */
    wazero_module_delete(module);
}

TEST_ON_BOTH_ENGINES(a_timeout_ends_sleep, check_sleep_ends)

static void check_host(wazero_runtime_t *runtime)
{
    host_t wall = {.answer = -SECOND - 1}, nano = {.answer = 42}, sleep = {0},
           osyield = {0}, random = {0};
    wazero_module_config_t *config = new_config();
    must(wazero_module_config_set_walltime(config, tell, 55, &wall, delete_host));
    must(wazero_module_config_set_nanotime(config, tell, 66, &nano, delete_host));
    must(wazero_module_config_set_nanosleep(config, pause_for, &sleep, delete_host));
    must(wazero_module_config_set_osyield(config, yield, &osyield, delete_host));
    must(wazero_module_config_set_random(config, fill, &random, delete_host));
    wazero_module_t *module = new_module(runtime, "sources", NULL, config);
    wazero_module_config_delete(config);
    CHECK_INT(get(module, "time", 0), -SECOND - 1);
    CHECK_INT(get(module, "time", 0), -SECOND);
    CHECK_INT(get(module, "time", 1), 42);
    CHECK_INT(get(module, "resolution", 0), 55);
    CHECK_INT(get(module, "resolution", 1), 66);
    must(ask(module, "sleep", 1234, NULL));
    CHECK_INT(sleep.number, 1234);
    must(ask(module, "yield", 0, NULL));
    CHECK_INT(osyield.calls, 1);
    CHECK_INT(get(module, "random", 100000), 0x0707070707070707);
    CHECK_INT(random.calls, 2);
    CHECK_INT(random.largest, 65536);
    wall.fails = random.fails = sleep.fails = osyield.fails = true;
    CHECK_ERROR(ask(module, "time", 0, NULL), WAZERO_ERROR_HOST, "the host has none");
    CHECK_ERROR(ask(module, "random", 8, NULL), WAZERO_ERROR_HOST, "the host has none");
    CHECK_ERROR(ask(module, "sleep", 8, NULL), WAZERO_ERROR_HOST, "the host has none");
    CHECK_ERROR(ask(module, "yield", 0, NULL), WAZERO_ERROR_HOST, "the host has none");
    CHECK_INT(wall.deleted + nano.deleted + sleep.deleted + osyield.deleted, 0);
    wazero_module_delete(module);
    CHECK_INT(wall.deleted, 1);
    CHECK_INT(nano.deleted, 1);
    CHECK_INT(sleep.deleted, 1);
    CHECK_INT(osyield.deleted, 1);
    CHECK_INT(random.deleted, 1);
}

TEST_ON_BOTH_ENGINES(host, check_host)

TEST(replacing_deletes)
{
    host_t host = {0};
    wazero_module_config_t *config = new_config();
    must(wazero_module_config_set_walltime(config, tell, 1, &host, delete_host));
    must(wazero_module_config_set_walltime(config, tell, 1, &host, delete_host));
    CHECK_INT(host.deleted, 1);
    wazero_module_config_set_system_walltime(config);
    CHECK_INT(host.deleted, 2);
    must(wazero_module_config_set_random(config, fill, &host, delete_host));
    wazero_module_config_set_system_random(config);
    CHECK_INT(host.deleted, 3);
    must(wazero_module_config_set_random(config, fill, &host, delete_host));
    must(wazero_module_config_set_random_seed(config, NULL, 0));
    CHECK_INT(host.deleted, 4);
    must(wazero_module_config_set_nanosleep(config, pause_for, &host, delete_host));
    must(wazero_module_config_set_osyield(config, yield, &host, delete_host));
    wazero_module_config_delete(config);
    CHECK_INT(host.deleted, 6);
}

TEST(wrong_arguments)
{
    host_t host = {0};
    char seed[33] = {0};
    wazero_module_config_t *config = new_config();
    CHECK_ERROR(wazero_module_config_set_walltime(config, NULL, 1, &host, delete_host),
                WAZERO_ERROR_INVALID, "the walltime's function must not be NULL");
    CHECK_ERROR(wazero_module_config_set_nanotime(config, NULL, 1, &host, delete_host),
                WAZERO_ERROR_INVALID, "the nanotime's function must not be NULL");
    CHECK_ERROR(wazero_module_config_set_walltime(config, tell, 0, &host, delete_host),
                WAZERO_ERROR_INVALID,
                "the resolution of walltime must be from 1 to 817405952 nanoseconds, "
                "not 0");
    CHECK_ERROR(
        wazero_module_config_set_nanotime(config, tell, 817405953, &host, delete_host),
        WAZERO_ERROR_INVALID, "not 817405953");
    CHECK_ERROR(wazero_module_config_set_nanosleep(config, NULL, &host, delete_host),
                WAZERO_ERROR_INVALID, "nanosleep");
    CHECK_ERROR(wazero_module_config_set_osyield(config, NULL, &host, delete_host),
                WAZERO_ERROR_INVALID, "osyield");
    CHECK_ERROR(wazero_module_config_set_random(config, NULL, &host, delete_host),
                WAZERO_ERROR_INVALID, "random");
    CHECK_INT(host.deleted, 7);
    CHECK_ERROR(wazero_module_config_set_random_seed(config, seed, sizeof seed),
                WAZERO_ERROR_INVALID, "a seed has at most 32 bytes, not 33");
    must(wazero_module_config_set_walltime(config, tell, 817405952, &host, NULL));
    wazero_module_t *module = new_module(new_runtime(), "sources", NULL, config);
    CHECK_INT(get(module, "resolution", 0), 817405952);
    wazero_module_delete(module);
    wazero_module_config_delete(config);
}

static int64_t first_random(wazero_runtime_t *runtime, const void *seed, size_t size)
{
    wazero_module_config_t *config = new_config();
    must(wazero_module_config_set_random_seed(config, seed, size));
    wazero_module_t *module = new_module(runtime, "sources", NULL, config);
    wazero_module_config_delete(config);
    int64_t first = get(module, "random", 8);
    CHECK(get(module, "random", 8) != first);
    wazero_module_delete(module);
    return first;
}

TEST(seeds)
{
    wazero_runtime_t *runtime = new_runtime();
    int64_t one = first_random(runtime, "seed", 4);
    CHECK_INT(first_random(runtime, "seed", 4), one);
    CHECK(first_random(runtime, "seed", 5) != one);
    CHECK(first_random(runtime, "seec", 4) != one);
    wazero_runtime_delete(runtime);
}

/* The same bytes however they are asked for: those of ChaCha20 with a key and a nonce
 * of zeros, which are RFC 8439's first test vector. */
TEST(generator)
{
    static const uint8_t expected[] = {0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90,
                                       0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28,
                                       0xbd, 0xd2, 0x19, 0xb8, 0xa0, 0x8d, 0xed, 0x1a,
                                       0xa8, 0x36, 0xef, 0xcc, 0x8b, 0x77, 0x0d, 0xc7};
    wazero__random_t whole = {0}, parts = {0};
    uint8_t a[1000], b[1000];
    CHECK(wazero__random_is_default(&whole));
    must(wazero__random_read(&whole, a, sizeof a));
    CHECK_BYTES(a, sizeof expected, expected, sizeof expected);
    for (size_t i = 0, step = 1; i < sizeof b; i += step, step = step * 7 % 97 + 1) {
        size_t left = sizeof b - i;
        must(wazero__random_read(&parts, b + i, step < left ? step : left));
    }
    CHECK_BYTES(a, sizeof a, b, sizeof b);
    must(wazero__random_read(&whole, a, 0));
    wazero__random_t copy;
    wazero__random_copy(&copy, &whole); /* begins anew */
    must(wazero__random_read(&copy, b, sizeof expected));
    CHECK_BYTES(b, sizeof expected, expected, sizeof expected);
    wazero__random_clear(&copy);
}

TEST_MAIN
