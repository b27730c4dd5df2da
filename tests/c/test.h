/*
 * test.h - a very small test harness, for one file of tests per program.
 *
 *     #include "test.h"
 *
 *     TEST(adding_works) { CHECK_INT(1 + 1, 2); }
 *
 *     TEST_MAIN
 *
 * A failing check prints one line and the test goes on; a test with a failing check has
 * failed. The program runs all tests, or those whose names contain its first argument,
 * ends its output with "N passed, N failed", and its status is 1 if any failed or none
 * ran. Checks may be used in functions called by a test, from the thread of the test.
 */
#ifndef WAZERO_TESTS_TEST_H
#define WAZERO_TESTS_TEST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct test_case {
    const char *name;
    void (*run)(void);
    struct test_case *next;
} test_case_t;

static test_case_t *test_first, **test_last = &test_first;
static unsigned test_failed_checks;

static inline void test_register(test_case_t *test)
{
    *test_last = test;
    test_last = &test->next;
}

/* Defines a test; it is registered before main runs, in the order of the file. */
#define TEST(test_name)                                                                \
    static void test_##test_name(void);                                                \
    __attribute__((constructor)) static void test_register_##test_name(void)           \
    {                                                                                  \
        static test_case_t test = {#test_name, test_##test_name, NULL};                \
        test_register(&test);                                                          \
    }                                                                                  \
    static void test_##test_name(void)

/* Each check tells whether it passed. */
#define CHECK(condition) test_check((condition), #condition, __FILE__, __LINE__)
#define CHECK_INT(got, expected)                                                       \
    test_check_int((int64_t)(got), (int64_t)(expected), #got, __FILE__, __LINE__)
#define CHECK_STR(got, expected)                                                       \
    test_check_str((got), (expected), #got, __FILE__, __LINE__)
#define CHECK_CONTAINS(got, part)                                                      \
    test_check_contains((got), (part), #got, __FILE__, __LINE__)
#define CHECK_BYTES(got, got_size, expected, expected_size)                            \
    test_check_bytes((got), (got_size), (expected), (expected_size), #got, __FILE__,   \
                     __LINE__)

static inline bool test_check(bool passed, const char *text, const char *file, int line)
{
    if (!passed) {
        test_failed_checks++;
        printf("%s:%d: not true: %s\n", file, line, text);
    }
    return passed;
}

static inline bool test_check_int(int64_t got, int64_t expected, const char *text,
                                  const char *file, int line)
{
    if (got == expected)
        return true;
    test_failed_checks++;
    printf("%s:%d: %s: got %lld, expected %lld\n", file, line, text, (long long)got,
           (long long)expected);
    return false;
}

static inline bool test_check_str(const char *got, const char *expected,
                                  const char *text, const char *file, int line)
{
    if (got == expected || (got && expected && strcmp(got, expected) == 0))
        return true;
    test_failed_checks++;
    printf("%s:%d: %s: got \"%s\", expected \"%s\"\n", file, line, text,
           got ? got : "(NULL)", expected ? expected : "(NULL)");
    return false;
}

static inline bool test_check_contains(const char *got, const char *part,
                                       const char *text, const char *file, int line)
{
    if (got && strstr(got, part))
        return true;
    test_failed_checks++;
    printf("%s:%d: %s: got \"%s\", expected something with \"%s\"\n", file, line, text,
           got ? got : "(NULL)", part);
    return false;
}

static inline bool test_check_bytes(const void *got, size_t got_size,
                                    const void *expected, size_t expected_size,
                                    const char *text, const char *file, int line)
{
    const unsigned char *a = got, *b = expected;
    size_t same = 0;
    if (!a && got_size)
        got_size = 0;
    while (same < got_size && same < expected_size && a[same] == b[same])
        same++;
    if (same == got_size && same == expected_size)
        return true;
    test_failed_checks++;
    printf("%s:%d: %s: got %zu bytes, expected %zu, the first difference is at %zu\n",
           file, line, text, got_size, expected_size, same);
    return false;
}

static inline int test_main(int argc, char **argv)
{
    unsigned passed = 0, failed = 0;
    const char *filter = argc > 1 ? argv[1] : "";
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (test_case_t *test = test_first; test; test = test->next) {
        if (!strstr(test->name, filter))
            continue;
        unsigned before = test_failed_checks;
        test->run();
        if (test_failed_checks == before) {
            passed++;
        } else {
            failed++;
            printf("FAILED %s\n", test->name);
        }
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed || !passed;
}

#define TEST_MAIN                                                                      \
    int main(int argc, char **argv)                                                    \
    {                                                                                  \
        return test_main(argc, argv);                                                  \
    }

#endif
