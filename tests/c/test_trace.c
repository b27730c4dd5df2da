/* Traces of WASI calls: the record of each function as text and as values, what is out
 * of bounds, who gets the records, and how many are kept. Usage, too. */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/wasi/functions.h"
#include "support.h"

enum { TEXT_SIZE = 8192 };

/* ---- a guest whose calls are made from here ---- */

typedef struct {
    wazero_runtime_t *runtime;
    wazero_module_config_t *config;
    wazero_fs_t *fs;
    wazero_trace_t *trace;
    wazero_module_t *module;
    wazero_memory_t *memory;
    char text[TEXT_SIZE];
} guest_t;

static void begin(guest_t *guest)
{
    static const wazero_fs_limits_t limits = {WAZERO_NO_LIMIT, WAZERO_NO_LIMIT};
    *guest = (guest_t){.runtime = new_runtime()};
    must(wazero_module_config_new(&guest->config));
    must(wazero_fs_new_memory(&limits, &guest->fs));
    must(wazero_fs_write_file(guest->fs, "/a.txt", "hello", 5));
    must(wazero_module_config_add_fs(guest->config, guest->fs, "/", false));
    must(wazero_module_config_set_stdin_bytes(guest->config, "input", 5));
    must(wazero_module_config_set_args(guest->config, (const char *const[]){"me", "x"},
                                       2));
    must(wazero_trace_new(WAZERO_TRACE_LIMIT, &guest->trace));
    wazero_module_config_record_trace(guest->config, guest->trace);
}

static void instantiate(guest_t *guest)
{
    guest->module = new_module(guest->runtime, "wasi_functions", NULL, guest->config);
    must(wazero_module_memory(guest->module, NULL, 0, &guest->memory));
}

static void end(guest_t *guest)
{
    wazero_memory_delete(guest->memory);
    wazero_module_delete(guest->module);
    wazero_trace_delete(guest->trace);
    wazero_fs_delete(guest->fs);
    wazero_module_config_delete(guest->config);
    wazero_runtime_delete(guest->runtime);
}

static void put(guest_t *guest, uint32_t offset, const void *bytes, size_t size)
{
    must(wazero_memory_write(guest->memory, offset, bytes, size));
}

static void put_u32(guest_t *guest, uint32_t offset, uint32_t number)
{
    must(wazero_memory_write_u32_le(guest->memory, offset, number));
}

/* The last record without how long it took. */
static const char *last(guest_t *guest)
{
    size_t count = wazero_trace_count(guest->trace);
    wazero_trace_call_t *call = wazero_trace_get(guest->trace, count - 1);
    if (!call)
        return "(none)";
    size_t size = wazero_trace_format(call, guest->text, sizeof guest->text);
    CHECK(size == strlen(guest->text));
    char *duration = strrchr(guest->text, '<');
    if (CHECK(duration && duration > guest->text))
        duration[-1] = '\0';
    wazero_trace_call_delete(call);
    return guest->text;
}

static wazero_error_t *call_with(guest_t *guest, const char *name, const uint64_t *args,
                                 size_t count)
{
    uint64_t stack[16] = {0};
    wazero_function_t *function = get_function(guest->module, name);
    memcpy(stack, args, count * sizeof *args);
    wazero_error_t *error = wazero_function_call_with_stack(function, stack, 16);
    wazero_function_delete(function);
    return error;
}

/* The record of a call with these arguments. */
#define TRACED(guest, name, ...)                                                       \
    (must(call_with(guest, name, (const uint64_t[]){0, ##__VA_ARGS__} + 1,             \
                    sizeof((const uint64_t[]){0, ##__VA_ARGS__}) / 8 - 1)),            \
     last(guest))

enum { PATH = 1024, OTHER = 2048, VECTORS = 3072, RESULT = 4096, BEYOND = 65534 };

#define NO_RIGHTS "fs_rights_base=0, fs_rights_inheriting=0"

/* ---- each function ---- */

TEST(arguments_and_clocks)
{
    guest_t guest;
    begin(&guest);
    instantiate(&guest);
    CHECK_STR(TRACED(&guest, "args_sizes_get", 0, 4),
              "args_sizes_get() = 0 argc=2 argv_len=5");
    CHECK_STR(TRACED(&guest, "args_get", 256, 512),
              "args_get(argv=0x100, argv_buf=0x200) = 0");
    CHECK_STR(TRACED(&guest, "environ_sizes_get", 0, 4),
              "environ_sizes_get() = 0 environc=0 environv_len=0");
    CHECK_STR(TRACED(&guest, "environ_get", 256, 512),
              "environ_get(environ=0x100, environ_buf=0x200) = 0");
    CHECK_STR(TRACED(&guest, "clock_res_get", 0, 0),
              "clock_res_get(id=REALTIME) = 0 resolution=1000");
    CHECK_STR(TRACED(&guest, "clock_time_get", 1, 1000, 0),
              "clock_time_get(id=MONOTONIC, precision=1000) = 0 timestamp=0");
    CHECK_STR(TRACED(&guest, "clock_time_get", 7, 0, 0),
              "clock_time_get(id=7, precision=0) = EINVAL");
    CHECK_STR(TRACED(&guest, "random_get", 256, 16),
              "random_get(buf=0x100, buf_len=16) = 0");
    CHECK_STR(TRACED(&guest, "sched_yield"), "sched_yield() = 0");
    CHECK_STR(TRACED(&guest, "proc_raise", 9), "proc_raise(sig=KILL) = ENOSYS");
    CHECK_STR(TRACED(&guest, "proc_raise", 99), "proc_raise(sig=99) = ENOSYS");
    end(&guest);
}

TEST(files)
{
    guest_t guest;
    begin(&guest);
    instantiate(&guest);
    put(&guest, PATH, "a.txt", 5);
    CHECK_STR(TRACED(&guest, "path_open", 3, 1, PATH, 5, 9, 0x42, 0, 0, RESULT),
              "path_open(fd=3, dirflags=SYMLINK_FOLLOW, path=\"a.txt\", "
              "oflags=CREAT|TRUNC, fs_rights_base=FD_READ|FD_WRITE, "
              "fs_rights_inheriting=0, fdflags=0) = 0 opened_fd=4");
    put(&guest, PATH, "hello", 5);
    put_u32(&guest, VECTORS, PATH);
    put_u32(&guest, VECTORS + 4, 5);
    put_u32(&guest, VECTORS + 8, OTHER);
    put_u32(&guest, VECTORS + 12, 100);
    CHECK_STR(TRACED(&guest, "fd_write", 4, VECTORS, 1, RESULT),
              "fd_write(fd=4, iovs=[5]) = 0 nwritten=5");
    CHECK_STR(TRACED(&guest, "fd_pwrite", 4, VECTORS, 1, 5, RESULT),
              "fd_pwrite(fd=4, iovs=[5], offset=5) = 0 nwritten=5");
    CHECK_STR(TRACED(&guest, "fd_seek", 4, (uint64_t)-4, 1, RESULT),
              "fd_seek(fd=4, offset=-4, whence=CUR) = 0 newoffset=1");
    CHECK_STR(TRACED(&guest, "fd_tell", 4, RESULT), "fd_tell(fd=4) = 0 offset=1");
    CHECK_STR(TRACED(&guest, "fd_read", 4, VECTORS, 2, RESULT),
              "fd_read(fd=4, iovs=[5, 100]) = 0 nread=9");
    CHECK_STR(TRACED(&guest, "fd_pread", 4, VECTORS, 1, 8, RESULT),
              "fd_pread(fd=4, iovs=[5], offset=8) = 0 nread=2");
    CHECK_STR(TRACED(&guest, "fd_advise", 4, 0, 10, 1),
              "fd_advise(fd=4, offset=0, len=10, advice=SEQUENTIAL) = 0");
    CHECK_STR(TRACED(&guest, "fd_allocate", 4, 0, 20),
              "fd_allocate(fd=4, offset=0, len=20) = 0");
    CHECK_STR(TRACED(&guest, "fd_filestat_set_size", 4, 12),
              "fd_filestat_set_size(fd=4, size=12) = 0");
    CHECK_STR(TRACED(&guest, "fd_filestat_set_times", 4, 1, 2, 5),
              "fd_filestat_set_times(fd=4, atim=1, mtim=2, fst_flags=ATIM|MTIM) = 0");
    CHECK_STR(TRACED(&guest, "fd_filestat_get", 4, RESULT),
              "fd_filestat_get(fd=4) = 0 filetype=REGULAR_FILE nlink=1 size=12 mtim=2");
    CHECK_STR(TRACED(&guest, "unstable_fd_filestat_get", 4, RESULT),
              "fd_filestat_get(fd=4) = 0 filetype=REGULAR_FILE nlink=1 size=12 mtim=2");
    CHECK_STR(TRACED(&guest, "fd_sync", 4), "fd_sync(fd=4) = 0");
    CHECK_STR(TRACED(&guest, "fd_datasync", 4), "fd_datasync(fd=4) = 0");
    CHECK_STR(TRACED(&guest, "fd_fdstat_set_flags", 4, 1),
              "fd_fdstat_set_flags(fd=4, flags=APPEND) = 0");
    CHECK_STR(TRACED(&guest, "fd_fdstat_set_rights", 4, 0x2, 0),
              "fd_fdstat_set_rights(fd=4, fs_rights_base=FD_READ, "
              "fs_rights_inheriting=0) = 0");
    CHECK_STR(TRACED(&guest, "fd_fdstat_get", 4, RESULT),
              "fd_fdstat_get(fd=4) = 0 filetype=REGULAR_FILE flags=APPEND "
              "rights_base=FD_READ rights_inheriting=0");
    CHECK_STR(TRACED(&guest, "fd_renumber", 4, 4), "fd_renumber(fd=4, to=4) = 0");
    /* In wasi_unstable 1 is the end. */
    CHECK_STR(TRACED(&guest, "unstable_fd_seek", 4, 0, 1, RESULT),
              "fd_seek(fd=4, offset=0, whence=END) = 0 newoffset=12");
    CHECK_STR(TRACED(&guest, "fd_close", 4), "fd_close(fd=4) = 0");
    CHECK_STR(TRACED(&guest, "fd_close", 4), "fd_close(fd=4) = EBADF");
    end(&guest);
}

TEST(paths)
{
    guest_t guest;
    begin(&guest);
    instantiate(&guest);
    put(&guest, PATH, "a.txtlink", 9);
    put(&guest, OTHER, "b", 1);
    CHECK_STR(TRACED(&guest, "fd_prestat_get", 3, RESULT),
              "fd_prestat_get(fd=3) = 0 type=DIR name_len=1");
    CHECK_STR(TRACED(&guest, "fd_prestat_dir_name", 3, RESULT, 1),
              "fd_prestat_dir_name(fd=3, path_len=1) = 0 path=\"/\"");
    CHECK_STR(TRACED(&guest, "path_create_directory", 3, OTHER, 1),
              "path_create_directory(fd=3, path=\"b\") = 0");
    CHECK_STR(TRACED(&guest, "path_remove_directory", 3, OTHER, 1),
              "path_remove_directory(fd=3, path=\"b\") = 0");
    CHECK_STR(TRACED(&guest, "path_filestat_set_times", 3, 1, PATH, 5, 1, 2, 4),
              "path_filestat_set_times(fd=3, flags=SYMLINK_FOLLOW, path=\"a.txt\", "
              "atim=1, mtim=2, fst_flags=MTIM) = 0");
    CHECK_STR(TRACED(&guest, "path_filestat_get", 3, 0, PATH, 5, RESULT),
              "path_filestat_get(fd=3, flags=0, path=\"a.txt\") = 0 "
              "filetype=REGULAR_FILE nlink=1 size=5 mtim=2");
    CHECK_STR(TRACED(&guest, "path_symlink", PATH, 5, 3, PATH + 5, 4),
              "path_symlink(old_path=\"a.txt\", fd=3, new_path=\"link\") = 0");
    CHECK_STR(TRACED(&guest, "path_readlink", 3, PATH + 5, 4, 256, 64, RESULT),
              "path_readlink(fd=3, path=\"link\", buf=0x100, buf_len=64) = 0 "
              "buf=\"a.txt\" bufused=5");
    CHECK_STR(TRACED(&guest, "path_link", 3, 0, PATH, 5, 3, OTHER, 1),
              "path_link(old_fd=3, old_flags=0, old_path=\"a.txt\", new_fd=3, "
              "new_path=\"b\") = 0");
    CHECK_STR(TRACED(&guest, "path_rename", 3, PATH, 5, 3, OTHER, 1),
              "path_rename(fd=3, old_path=\"a.txt\", new_fd=3, new_path=\"b\") = 0");
    CHECK_STR(TRACED(&guest, "path_unlink_file", 3, OTHER, 1),
              "path_unlink_file(fd=3, path=\"b\") = 0");
    CHECK_STR(TRACED(&guest, "fd_readdir", 3, 256, 512, 0, RESULT),
              "fd_readdir(fd=3, buf=0x100, buf_len=512, cookie=0) = 0 bufused=108");
    end(&guest);
}

TEST(waiting)
{
    guest_t guest;
    uint8_t in[2][48] = {{0}};
    begin(&guest);
    instantiate(&guest);
    in[0][16] = 1; /* a clock: the monotonic one */
    in[0][24] = 9;
    in[0][40] = 1;
    in[1][8] = 1; /* reading from descriptor 0 */
    put(&guest, 0, in, sizeof in);
    CHECK_STR(TRACED(&guest, "poll_oneoff", 0, 1024, 2, RESULT),
              "poll_oneoff(in=[clock(MONOTONIC, 9, ABSTIME), fd_read(0)], out=0x400, "
              "nsubscriptions=2) = 0 events=[fd_read(1)] nevents=1");
    in[1][16] = 77;
    put(&guest, 0, in, sizeof in);
    CHECK_STR(TRACED(&guest, "poll_oneoff", 48, 1024, 1, RESULT),
              "poll_oneoff(in=[fd_read(77)], out=0x400, nsubscriptions=1) = 0 "
              "events=[fd_read(EBADF)] nevents=1");
    memset(in, 0, sizeof in);
    in[0][24] = 1;  /* the number that nobody uses */
    in[0][32] = 10; /* the time */
    put(&guest, 0, in, sizeof in);
    CHECK_STR(TRACED(&guest, "unstable_poll_oneoff", 0, 1024, 1, RESULT),
              "poll_oneoff(in=[clock(MONOTONIC, 10)], out=0x400, nsubscriptions=1) = 0 "
              "events=[clock()] nevents=1");
    end(&guest);
}

TEST(sockets)
{
    guest_t guest;
    begin(&guest);
    must(wazero_module_config_add_tcp_listener(guest.config, "127.0.0.1", 0));
    instantiate(&guest);
    put_u32(&guest, VECTORS + 4, 7);
    CHECK_STR(TRACED(&guest, "fd_fdstat_set_flags", 4, 4),
              "fd_fdstat_set_flags(fd=4, flags=NONBLOCK) = 0");
    CHECK_STR(TRACED(&guest, "sock_accept", 4, 4, RESULT),
              "sock_accept(fd=4, flags=NONBLOCK) = EAGAIN");
    CHECK_STR(TRACED(&guest, "sock_recv", 4, VECTORS, 1, 3, RESULT, RESULT + 4),
              "sock_recv(fd=4, ri_data=[7], ri_flags=RECV_PEEK|RECV_WAITALL) = "
              "ENOTCONN");
    CHECK_STR(TRACED(&guest, "sock_send", 0, VECTORS, 1, 0, RESULT),
              "sock_send(fd=0, si_data=[7], si_flags=0) = ENOTSOCK");
    CHECK_STR(TRACED(&guest, "sock_shutdown", 3, 3),
              "sock_shutdown(fd=3, how=RD|WR) = ENOTSOCK");
    end(&guest);
}

/* ---- ends ---- */

TEST(exits_do_not_return)
{
    guest_t guest;
    begin(&guest);
    instantiate(&guest);
    CHECK_ERROR(call_with(&guest, "proc_exit", (const uint64_t[]){3}, 1),
                WAZERO_ERROR_EXIT, "exit_code(3)");
    CHECK_STR(last(&guest), "proc_exit(rval=3) = ?");
    wazero_trace_call_t *call = wazero_trace_get(guest.trace, 0);
    CHECK(!call->returned);
    CHECK_STR(call->module, "wasi_snapshot_preview1");
    CHECK_INT(call->argument_count, 1);
    CHECK_INT(call->arguments[0].kind, WAZERO_TRACE_NUMBER);
    CHECK_INT(call->arguments[0].number, 3);
    CHECK(!wazero_trace_get(guest.trace, 1));
    /* It outlives the trace. */
    end(&guest);
    CHECK_STR(call->function, "proc_exit");
    CHECK_STR(call->arguments[0].name, "rval");
    wazero_trace_call_delete(call);
    wazero_trace_call_delete(NULL);
    wazero_trace_delete(NULL);
}

/* ---- pointers, lengths and texts that are not good ---- */

TEST(out_of_bounds)
{
    guest_t guest;
    begin(&guest);
    instantiate(&guest);
    CHECK_STR(TRACED(&guest, "path_unlink_file", 3, 0xffffff00, 12),
              "path_unlink_file(fd=3, path=<out of bounds 0xffffff00+12>) = EFAULT");
    CHECK_STR(TRACED(&guest, "path_unlink_file", 3, 0, 0xffffffff),
              "path_unlink_file(fd=3, path=<out of bounds 0x0+4294967295>) = EFAULT");
    CHECK_STR(TRACED(&guest, "fd_write", 1, 65535, 0xffff, RESULT),
              "fd_write(fd=1, iovs=<out of bounds 0xffff+524280>) = EFAULT");
    CHECK_STR(TRACED(&guest, "fd_write", 1, 0, 0xffffffff, RESULT),
              "fd_write(fd=1, iovs=<out of bounds 0x0+34359738360>) = EINVAL");
    CHECK_STR(TRACED(&guest, "fd_tell", 0, BEYOND),
              "fd_tell(fd=0) = EFAULT offset=<out of bounds 0xfffe+8>");
    CHECK_STR(TRACED(&guest, "fd_filestat_get", 0, BEYOND),
              "fd_filestat_get(fd=0) = EFAULT filestat=<out of bounds 0xfffe+64>");
    CHECK_STR(TRACED(&guest, "poll_oneoff", BEYOND, 0, 1, 0),
              "poll_oneoff(in=<out of bounds 0xfffe+48>, out=0x0, nsubscriptions=1) = "
              "EFAULT");
    CHECK_STR(TRACED(&guest, "fd_prestat_dir_name", 3, 0xffffffff, 0xffffffff),
              "fd_prestat_dir_name(fd=3, path_len=4294967295) = EFAULT");
    /* The upper halves of slots are not the guest's. */
    CHECK_STR(TRACED(&guest, "fd_close", 0x7777777700000063),
              "fd_close(fd=99) = EBADF");
    end(&guest);
}

TEST(texts)
{
    static const char hostile[] = "\x1b[2J\n\"\\\x7f\xff\xc3\xa4\xc2\x9b\xe2\x80\xae";
    guest_t guest;
    begin(&guest);
    instantiate(&guest);
    put(&guest, PATH, hostile, sizeof hostile); /* with its NUL */
    CHECK_STR(TRACED(&guest, "path_unlink_file", 3, PATH, sizeof hostile),
              "path_unlink_file(fd=3, path=\"\\x1b[2J\\n\\\"\\\\\\x7f\\xff\xc3\xa4"
              "\\xc2\\x9b\\xe2\\x80\\xae\\x00\") = EILSEQ");
    CHECK_STR(TRACED(&guest, "path_unlink_file", 3, PATH, 0),
              "path_unlink_file(fd=3, path=\"\") = ENOENT");
    static char full[3000];
    memset(full, 'x', sizeof full);
    put(&guest, PATH, full, sizeof full);
    char expected[TEXT_SIZE];
    snprintf(expected, sizeof expected,
             "path_link(old_fd=3, old_flags=0, old_path=\"%.1024s\"..., new_fd=3, "
             "new_path=\"%.1024s\"...) = ENAMETOOLONG",
             full, full);
    CHECK_STR(TRACED(&guest, "path_link", 3, 0, PATH, 3000, 3, PATH, 3000), expected);
    size_t count = wazero_trace_count(guest.trace);
    wazero_trace_call_t *call = wazero_trace_get(guest.trace, count - 1);
    CHECK_INT(call->arguments[2].kind, WAZERO_TRACE_TEXT);
    CHECK_INT(call->arguments[2].number, 3000);
    CHECK_INT(call->arguments[2].size, 1024);
    wazero_trace_call_delete(call);
    end(&guest);
}

TEST(long_lists)
{
    guest_t guest;
    begin(&guest);
    instantiate(&guest);
    for (uint32_t i = 0; i < 20; i++)
        put_u32(&guest, VECTORS + 8 * i + 4, i);
    CHECK_STR(TRACED(&guest, "fd_write", 99, VECTORS, 20, RESULT),
              "fd_write(fd=99, iovs=[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, "
              "15, ...]) = EBADF");
    CHECK_STR(TRACED(&guest, "fd_write", 99, VECTORS, 0, RESULT),
              "fd_write(fd=99, iovs=[]) = EBADF");
    CHECK_CONTAINS(TRACED(&guest, "poll_oneoff", 0, 8192, 100, BEYOND),
                   ", ...], out=0x2000, nsubscriptions=100) = EFAULT nevents=<out of");
    /* Bits and numbers without names. */
    CHECK_STR(TRACED(&guest, "fd_fdstat_set_flags", 0, 0xffff0001),
              "fd_fdstat_set_flags(fd=0, flags=APPEND|0xffff0000) = EINVAL");
    CHECK_CONTAINS(TRACED(&guest, "fd_fdstat_set_rights", 99, UINT64_MAX, 1ull << 63),
                   "|SOCK_ACCEPT|0xffffffffc0000000, "
                   "fs_rights_inheriting=0x8000000000000000) = EBADF");
    end(&guest);
}

TEST(text_is_cut_to_its_room)
{
    guest_t guest;
    begin(&guest);
    instantiate(&guest);
    (void)TRACED(&guest, "fd_close", 99);
    wazero_trace_call_t *call = wazero_trace_get(guest.trace, 0);
    char whole[128], part[128];
    size_t size = wazero_trace_format(call, whole, sizeof whole);
    CHECK_INT(wazero_trace_format(call, NULL, 0), size);
    for (size_t room = 1; room <= size + 1; room++) {
        memset(part, '#', sizeof part);
        CHECK_INT(wazero_trace_format(call, part, room), size);
        CHECK_INT(strlen(part), room - 1);
        CHECK(memcmp(part, whole, room - 1) == 0);
        CHECK_INT(part[room], '#');
    }
    CHECK_INT(wazero_trace_value_format(&call->arguments[0], part, sizeof part), 2);
    CHECK_STR(part, "99");
    wazero_trace_call_delete(call);
    end(&guest);
}

/* Random records: whatever is in them, the text is printable and as long as is said. */
TEST(random_records)
{
    static char text[1 << 17];
    uint64_t state = 88172645463325252u;
    uint64_t data[64];
    for (int round = 0; round < 20000; round++) {
        wazero_trace_value_t values[12] = {{0}};
        for (size_t i = 0; i < 12; i++) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            data[(state >> 20) % 64] = state;
            values[i].name = "name";
            values[i].kind = (wazero_trace_kind_t)(state % 25);
            values[i].number = state >> (state >> 32) % 64;
            values[i].data = data;
            values[i].size = state % sizeof data;
        }
        wazero_trace_call_t call = {.module = "m",
                                    .function = "f",
                                    .arguments = values,
                                    .argument_count = state % 8,
                                    .results = values + 8,
                                    .result_count = state % 4,
                                    .returned = state & 64,
                                    .code = (wazero_errno_t)(state >> 40 & 127),
                                    .duration = state >> (state % 64)};
        /* A list is the library's own text. */
        for (size_t i = 0; i < 12; i++)
            if (values[i].kind == WAZERO_TRACE_LIST)
                values[i].kind = WAZERO_TRACE_TEXT;
        wazero_trace_call_t *copy;
        must(wazero_trace_call_copy(&call, &copy));
        size_t size = wazero_trace_format(copy, text, sizeof text);
        CHECK_INT(strlen(text), size);
        for (size_t i = 0; i < size; i++)
            if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
                CHECK(!"a control character");
        wazero_trace_call_delete(copy);
    }
}

/* Every function with random arguments: the record says what they are, and nothing is
 * read where it may not be (under ASan the memory's end is the mapping's). */
TEST(random_calls)
{
    static const uint64_t edges[] = {
        0,     1,          4,        64, 1024,       65528,      65535,
        65536, 0xfffffff8, 1u << 31, 3,  UINT32_MAX, UINT64_MAX, 1ull << 63};
    guest_t guest;
    uint64_t state = 1181783497276652981u;
    begin(&guest);
    instantiate(&guest);
    size_t exports = wazero_module_export_count(guest.module);
    uint8_t noise[4096];
    for (size_t round = 0; round < 200; round++)
        for (size_t i = 0; i < exports; i++) {
            const wazero_extern_t *export = wazero_module_export(guest.module, i);
            uint64_t args[16];
            if (export->kind != WAZERO_EXTERN_FUNCTION ||
                strcmp(export->name, "proc_exit") == 0 ||
                strcmp(export->name, "fd_allocate") == 0)
                continue;
            for (size_t j = 0; j < 16; j++) {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                args[j] = edges[state % (sizeof edges / sizeof *edges)];
                noise[state >> 32 & 4095] = (uint8_t)(state >> 50);
            }
            put(&guest, 61440, noise, sizeof noise);
            must(call_with(&guest, export->name, args, 16));
            CHECK(*last(&guest));
        }
    CHECK_INT(wazero_trace_dropped(guest.trace), 0);
    end(&guest);
}

/* ---- who gets the records ---- */

typedef struct {
    char text[256];
    int calls, deleted;
    bool fails;
    wazero_module_t *caller;
} sink_t;

static wazero_error_t *take(void *user, wazero_module_t *caller,
                            const wazero_trace_call_t *call)
{
    sink_t *sink = user;
    sink->calls++;
    sink->caller = caller;
    wazero_trace_format(call, sink->text, sizeof sink->text);
    return sink->fails ? wazero_error_new_host("no more", WAZERO_CSTR, NULL, NULL)
                       : NULL;
}

static void delete_sink(void *user)
{
    ((sink_t *)user)->deleted++;
}

TEST(function)
{
    guest_t guest;
    sink_t sink = {.calls = 0};
    begin(&guest);
    must(wazero_module_config_set_trace(guest.config, take, &sink, delete_sink));
    instantiate(&guest);
    must(call_with(&guest, "fd_close", (const uint64_t[]){99}, 1));
    CHECK_INT(sink.calls, 1);
    CHECK(sink.caller == guest.module);
    CHECK_CONTAINS(sink.text, "fd_close(fd=99) = EBADF <");
    CHECK_INT(wazero_trace_count(guest.trace), 0); /* it was replaced */
    sink.fails = true;
    CHECK_ERROR(call_with(&guest, "fd_close", (const uint64_t[]){99}, 1),
                WAZERO_ERROR_HOST, "no more");
    CHECK_ERROR(call_with(&guest, "proc_exit", (const uint64_t[]){4}, 1),
                WAZERO_ERROR_HOST, "no more");
    sink.fails = false;
    CHECK_ERROR(call_with(&guest, "proc_exit", (const uint64_t[]){4}, 1),
                WAZERO_ERROR_EXIT, "exit_code(4)");
    CHECK_INT(sink.calls, 4);
    end(&guest);
    CHECK_INT(sink.deleted, 1);
}

TEST(wrong_configurations)
{
    wazero_module_config_t *config;
    wazero_module_t *module;
    wazero_trace_t *trace;
    sink_t sink = {.calls = 0};
    wazero_runtime_t *runtime = new_runtime();
    must(wazero_module_config_new(&config));
    CHECK_ERROR(wazero_module_config_set_trace(config, NULL, &sink, delete_sink),
                WAZERO_ERROR_INVALID, "the trace's function must not be NULL");
    CHECK_INT(sink.deleted, 1);
    must(wazero_module_config_set_trace(config, take, &sink, delete_sink));
    must(wazero_module_config_set_wasi(config, WAZERO_WASI_ENGINE));
    wasm_t wasm = wasm_fixture("wasi");
    CHECK_ERROR(wazero_runtime_instantiate(runtime, wasm.data, wasm.size, NULL, config,
                                           &module),
                WAZERO_ERROR_INVALID, "a trace needs libwazero's WASI");
    must(wazero_trace_new(1 << 20, &trace));
    wazero_module_config_record_trace(config, trace);
    CHECK_INT(sink.deleted, 2);
    wazero_module_config_record_trace(config, NULL);
    wazero_trace_delete(trace);
    wasm = wasm_fixture("wasi");
    must(wazero_module_config_set_stdin_bytes(config, "", 0));
    must(wazero_module_config_set_args(config, (const char *const[]){"me"}, 1));
    must(wazero_runtime_instantiate(runtime, wasm.data, wasm.size, NULL, config,
                                    &module));
    wazero_module_delete(module);
    wazero_module_config_delete(config);
    wazero_runtime_delete(runtime);
}

/* A program, whose calls come from wasm. */
static void check_program(wazero_runtime_t *runtime)
{
    wazero_module_config_t *config;
    wazero_trace_t *trace;
    char text[TEXT_SIZE];
    must(wazero_module_config_new(&config));
    must(wazero_trace_new(WAZERO_TRACE_LIMIT, &trace));
    must(wazero_module_config_set_args(config, (const char *const[]){"me"}, 1));
    must(wazero_module_config_set_stdin_bytes(config, "input", 5));
    wazero_module_config_record_trace(config, trace);
    wazero_module_t *module = new_module(runtime, "wasi", NULL, config);
    CHECK(wazero_trace_count(trace) > 3);
    bool wrote = false;
    for (size_t i = 0; i < wazero_trace_count(trace); i++) {
        wazero_trace_call_t *call = wazero_trace_get(trace, i);
        wazero_trace_format(call, text, sizeof text);
        wrote = wrote || strstr(text, "fd_write(fd=1, iovs=[5]) = 0 nwritten=5 <");
        wazero_trace_call_delete(call);
    }
    CHECK(wrote);
    wazero_usage_t usage;
    wazero_module_usage(module, &usage);
    CHECK(usage.counted);
    CHECK(usage.wall_time > 0);
    CHECK_INT(usage.files_opened, 0);
    CHECK_INT(usage.bytes_read, 5);
    CHECK_INT(usage.bytes_written, 8); /* and the name of the program */
    CHECK_INT(usage.peak_memory_pages, 2);
    wazero_module_delete(module);
    wazero_trace_delete(trace);
    wazero_module_config_delete(config);
}

TEST_ON_BOTH_ENGINES(program, check_program)

TEST(the_last_ones_are_kept)
{
    guest_t guest;
    begin(&guest);
    wazero_trace_t *small, *none;
    must(wazero_trace_new(4096, &small));
    must(wazero_trace_new(0, &none));
    wazero_module_config_record_trace(guest.config, small);
    instantiate(&guest);
    for (uint32_t i = 0; i < 1000; i++)
        must(call_with(&guest, "fd_close", (const uint64_t[]){100 + i}, 1));
    size_t count = wazero_trace_count(small);
    CHECK(count > 10 && count < 100);
    CHECK_INT(wazero_trace_dropped(small), 1000 - count);
    for (size_t i = 0; i < count; i++) {
        wazero_trace_call_t *call = wazero_trace_get(small, i);
        CHECK_INT(call->arguments[0].number, 1100 - count + i);
        wazero_trace_call_delete(call);
    }
    wazero_module_delete(guest.module);
    wazero_memory_delete(guest.memory);
    wazero_module_config_record_trace(guest.config, none);
    instantiate(&guest);
    must(call_with(&guest, "fd_close", (const uint64_t[]){1}, 1));
    CHECK_INT(wazero_trace_count(none), 0);
    CHECK_INT(wazero_trace_dropped(none), 1);
    CHECK(!wazero_trace_get(none, 0));
    wazero_trace_delete(small);
    wazero_trace_delete(none);
    end(&guest);
}

/* ---- forks ---- */

#ifndef WAZERO_TEST_CANNOT_FORK

typedef struct {
    guest_t guest;
    atomic_bool stop;
} recorder_t;

static void *record(void *user)
{
    recorder_t *recorder = user;
    while (!atomic_load(&recorder->stop))
        must(call_with(&recorder->guest, "fd_close", (const uint64_t[]){99}, 1));
    return NULL;
}

/* While another thread records: no child finds the lock of the traces taken. */
TEST(forks_while_recording)
{
    recorder_t recorder = {.stop = false};
    pthread_t thread;
    begin(&recorder.guest);
    instantiate(&recorder.guest);
    wazero_trace_t *trace = recorder.guest.trace;
    must(call_with(&recorder.guest, "fd_close", (const uint64_t[]){99}, 1));
    if (!CHECK(pthread_create(&thread, NULL, record, &recorder) == 0))
        return;
    for (int i = 0; i < 50; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            wazero_trace_call_t *call = wazero_trace_get(trace, 0);
            bool good = wazero_trace_count(trace) > 0 && call &&
                        strcmp(call->function, "fd_close") == 0;
            wazero_trace_call_delete(call);
            wazero_trace_delete(trace);
            _exit(good ? 0 : 1);
        }
        int status = -1;
        CHECK(child > 0 && waitpid(child, &status, 0) == child);
        CHECK_INT(status, 0);
    }
    atomic_store(&recorder.stop, true);
    pthread_join(thread, NULL);
    end(&recorder.guest);
}

#endif

/* ---- usage ---- */

TEST(usage_of_errors)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module;
    wasm_t wasm = wasm_fixture("start_trap");
    wazero_error_t *error =
        wazero_runtime_instantiate(runtime, wasm.data, wasm.size, NULL, NULL, &module);
    if (CHECK(error != NULL)) {
        const wazero_usage_t *usage = wazero_error_usage(error);
        CHECK(usage && usage->wall_time > 0 && usage->counted);
        wazero_error_delete(error);
    }
    error = wazero_runtime_instantiate(runtime, "no", 2, NULL, NULL, &module);
    CHECK(error && !wazero_error_usage(error));
    wazero_error_delete(error);
    wazero_runtime_delete(runtime);
}

TEST(usage_of_wazeros_own)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_config_t *config;
    wazero_usage_t usage;
    must(wazero_module_config_new(&config));
    must(wazero_module_config_set_wasi(config, WAZERO_WASI_ENGINE));
    must(wazero_module_config_set_args(config, (const char *const[]){"me"}, 1));
    wazero_module_t *module = new_module(runtime, "wasi", NULL, config);
    wazero_module_usage(module, &usage);
    CHECK(!usage.counted);
    CHECK_INT(usage.bytes_written, 0);
    CHECK_INT(usage.peak_memory_pages, 2);
    wazero_module_delete(module);
    wazero_module_config_delete(config);
    wazero_runtime_delete(runtime);
}

TEST(usage_of_memory)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module = new_module(runtime, "memory", NULL, NULL);
    wazero_memory_t *memory;
    wazero_usage_t usage;
    uint32_t before;
    wazero_module_usage(module, &usage);
    uint64_t pages = usage.peak_memory_pages;
    CHECK(pages > 0);
    CHECK_INT(usage.wall_time > 0, 1);
    must(wazero_module_memory(module, NULL, 0, &memory));
    must(wazero_memory_grow(memory, 1, &before));
    CHECK_INT(before, pages);
    wazero_module_usage(module, &usage);
    CHECK_INT(usage.peak_memory_pages, pages + 1);
    must(wazero_module_close_with_exit_code(module, 0));
    wazero_module_usage(module, &usage);
    CHECK_INT(usage.peak_memory_pages, pages + 1);
    wazero_memory_delete(memory);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

TEST_MAIN
