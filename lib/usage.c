/*
 * usage.c - what a module has used. See usage.h.
 */
#include "usage.h"

#include <time.h>

#include "call/watchdog.h"
#include "module.h"
#include "wasi/state.h"

static uint64_t thread_time(void)
{
    struct timespec time = {0, 0};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

wazero__stopwatch_t wazero__stopwatch_begin(void)
{
    return (wazero__stopwatch_t){.wall = wazero__now(), .cpu = thread_time()};
}

void wazero__stopwatch_end(const wazero__stopwatch_t *begun,
                           wazero__times_taken_t *taken)
{
    atomic_store(&taken->cpu_time, thread_time() - begun->cpu);
    atomic_store(&taken->wall_time, wazero__now() - begun->wall);
}

void wazero_module_usage(const wazero_module_t *module, wazero_usage_t *usage)
{
    const wazero__wasi_t *wasi = module->wasi;
    *usage = (wazero_usage_t){.wall_time = atomic_load(&module->taken.wall_time),
                              .cpu_time = atomic_load(&module->taken.cpu_time),
                              .counted = module->wasi_kind != WAZERO_WASI_ENGINE};
    /* A memory does not shrink, and keeps its size when the module closes. */
    if (module->linear)
        usage->peak_memory_pages =
            wazero__linear_size(module->linear) / WAZERO_PAGE_SIZE;
    if (wasi) {
        usage->files_opened = wazero__count_get(&wasi->files_opened);
        usage->bytes_read = wazero__count_get(&wasi->bytes_read);
        usage->bytes_written = wazero__count_get(&wasi->bytes_written);
    }
}
