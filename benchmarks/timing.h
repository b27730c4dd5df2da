/*
 * timing.h - what the benchmarks in C share: the time, and errors that end the program.
 */
#ifndef WAZERO_BENCHMARKS_TIMING_H
#define WAZERO_BENCHMARKS_TIMING_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <wazero.h>

static inline void must(wazero_error_t *error)
{
    if (!error)
        return;
    fprintf(stderr, "%s\n", wazero_error_message(error, NULL));
    exit(1);
}

static inline double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

#endif
