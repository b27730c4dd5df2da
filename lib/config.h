/*
 * config.h - the insides of the two configurations. They are built by one thread and
 * then read; a runtime and a module take a copy of what they need later.
 */
#ifndef WAZERO_LIB_CONFIG_H
#define WAZERO_LIB_CONFIG_H

#include "clock.h"
#include "parse.h"
#include "random.h"
#include "shared.h"
#include "stream.h"
#include "text.h"
#include "wasi/trace.h"

struct wazero_runtime_config {
    wazero_engine_kind_t engine;
    wazero__parse_limits_t limits;
    bool debug_info;
    bool custom_sections;
    bool memory_capacity_from_max;
    uint32_t workers;      /* threads that compile; 0: as many as may run */
    wazero_cache_t *cache; /* a reference, or NULL */
};

/* The default configuration, without a cache. */
extern const struct wazero_runtime_config wazero__default_runtime_config;

/* What wazero can do at most, all features on. */
extern const wazero__parse_limits_t wazero__widest_limits;

typedef struct {
    wazero__text_t host; /* a directory, or */
    wazero_fs_t *fs;     /* any other file system: a reference */
    wazero__text_t guest;
    bool read_only;
} wazero__mount_t;

typedef struct {
    wazero__text_t key;
    wazero__text_t value;
} wazero__variable_t;

typedef struct {
    wazero__text_t host; /* without brackets; "" for all addresses */
    uint16_t port;       /* 0: one that is free */
} wazero__listener_t;

struct wazero_module_config {
    wazero__text_t name;
    wazero__text_t *args;
    size_t arg_count;
    wazero__variable_t *environment;
    size_t environment_count;
    wazero__mount_t *mounts;
    size_t mount_count;
    wazero__listener_t *listeners;
    size_t listener_count;
    wazero__text_t *start_functions; /* those to call, if start_functions_set */
    size_t start_function_count;
    bool start_functions_set;
    wazero__stream_t *streams[3]; /* a reference each, or NULL */
    wazero_wasi_kind_t wasi_kind;
    wazero__time_t time;
    wazero__random_t random;
    uint64_t timeout;      /* in nanoseconds, WAZERO_NO_TIMEOUT for none */
    uint64_t began;        /* when that of the start did; 0: with the start */
    size_t max_stack;      /* in bytes */
    uint32_t memory_pages; /* at most */
    wazero_close_notifier_t close_notifier; /* or NULL */
    wazero__shared_t *close_user;           /* a reference, or NULL */
    wazero__tracer_t tracer;
    uint64_t output_limit; /* in bytes, WAZERO_NO_LIMIT for none */
    uint32_t max_files;    /* open at once, besides the first ones */
    bool deterministic;    /* files tell nothing of the host */
    void *user;
};

/* What "_start" alone looks like, and the default for everything else. */
extern const struct wazero_module_config wazero__default_module_config;

#endif
