/*
 * functions.h - the functions of WASI preview 1, each in the file of what it is about.
 */
#ifndef WAZERO_LIB_WASI_FUNCTIONS_H
#define WAZERO_LIB_WASI_FUNCTIONS_H

#include "wasi/state.h"

/* A function of WASI, as the table in wasi.c has it. */
typedef struct wazero__wasi_entry {
    const char *name;
    const char *params; /* their types, one behind the other */
    const char *names;  /* what they are called, a NUL behind each */
    const char *kinds;  /* what they are, a letter each: see trace.c */
    wazero__wasi_function_t *function;
} wazero__wasi_entry_t;

/* args.c */
wazero__wasi_function_t wazero__wasi_args_get;
wazero__wasi_function_t wazero__wasi_args_sizes_get;
wazero__wasi_function_t wazero__wasi_environ_get;
wazero__wasi_function_t wazero__wasi_environ_sizes_get;

/* clock.c */
wazero__wasi_function_t wazero__wasi_clock_res_get;
wazero__wasi_function_t wazero__wasi_clock_time_get;
wazero__wasi_function_t wazero__wasi_sched_yield;

/* fdtable.c */
wazero__wasi_function_t wazero__wasi_fd_close;
wazero__wasi_function_t wazero__wasi_fd_fdstat_get;
wazero__wasi_function_t wazero__wasi_fd_fdstat_set_flags;
wazero__wasi_function_t wazero__wasi_fd_fdstat_set_rights;
wazero__wasi_function_t wazero__wasi_fd_prestat_dir_name;
wazero__wasi_function_t wazero__wasi_fd_prestat_get;
wazero__wasi_function_t wazero__wasi_fd_renumber;

/* file.c */
wazero__wasi_function_t wazero__wasi_fd_advise;
wazero__wasi_function_t wazero__wasi_fd_allocate;
wazero__wasi_function_t wazero__wasi_fd_datasync;
wazero__wasi_function_t wazero__wasi_fd_filestat_get;
wazero__wasi_function_t wazero__wasi_fd_filestat_set_size;
wazero__wasi_function_t wazero__wasi_fd_filestat_set_times;
wazero__wasi_function_t wazero__wasi_fd_pread;
wazero__wasi_function_t wazero__wasi_fd_pwrite;
wazero__wasi_function_t wazero__wasi_fd_read;
wazero__wasi_function_t wazero__wasi_fd_seek;
wazero__wasi_function_t wazero__wasi_fd_sync;
wazero__wasi_function_t wazero__wasi_fd_tell;
wazero__wasi_function_t wazero__wasi_fd_write;

/* dir.c */
wazero__wasi_function_t wazero__wasi_fd_readdir;

/* names.c */
wazero__wasi_function_t wazero__wasi_path_create_directory;
wazero__wasi_function_t wazero__wasi_path_filestat_get;
wazero__wasi_function_t wazero__wasi_path_filestat_set_times;
wazero__wasi_function_t wazero__wasi_path_link;
wazero__wasi_function_t wazero__wasi_path_open;
wazero__wasi_function_t wazero__wasi_path_readlink;
wazero__wasi_function_t wazero__wasi_path_remove_directory;
wazero__wasi_function_t wazero__wasi_path_rename;
wazero__wasi_function_t wazero__wasi_path_symlink;
wazero__wasi_function_t wazero__wasi_path_unlink_file;

/* poll.c */
wazero__wasi_function_t wazero__wasi_poll_oneoff;

/* random.c */
wazero__wasi_function_t wazero__wasi_random_get;

/* socket.c */
wazero__wasi_function_t wazero__wasi_sock_accept;
wazero__wasi_function_t wazero__wasi_sock_recv;
wazero__wasi_function_t wazero__wasi_sock_send;
wazero__wasi_function_t wazero__wasi_sock_shutdown;

/* A guest's choice of times, checked. Errors: INVAL. */
wazero__errno_t wazero__times_from(uint64_t atim, uint64_t mtim, uint64_t flags,
                                   wazero__times_t *times);

/* Puts a stat where the guest wants it. Errors: FAULT. */
wazero__errno_t wazero__stat_put(const wazero__wasi_call_t *call, uint64_t pointer,
                                 const wazero__stat_t *stat);

/* What a guest's number for whence stands for, which wasi_unstable has otherwise; what
 * is none stays. */
uint32_t wazero__whence_of(uint32_t whence, bool unstable);

/* One subscription of poll_oneoff, as the guest has it. */
typedef struct {
    uint64_t userdata;
    uint64_t timeout; /* of a clock */
    uint32_t subject; /* a descriptor or a clock */
    uint16_t flags;   /* of a clock */
    uint8_t type;
} wazero__subscription_t;

/* Its size, and reading it. */
size_t wazero__subscription_size(bool unstable);
wazero__subscription_t wazero__subscription_get(const uint8_t *place, bool unstable);

/* The time of a clock, by a guest's number of it. Errors: INVAL, ENDED. */
wazero__errno_t wazero__clock_now(wazero__wasi_call_t *call, uint32_t clock,
                                  uint64_t *now);

#endif
