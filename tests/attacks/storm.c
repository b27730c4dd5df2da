/*
 * storm.c - calls every function of WASI that does not wait, fifty thousand times, with
 * arguments that are drawn from those that are most likely to go wrong. Exits with 0 if
 * it gets that far and its memory is as it was where nothing may write.
 *
 * To build it (Zig brings clang; 0.17 made what is beside this file):
 *
 *   python3 -m pip install ziglang
 *   python3 -m ziglang cc -target wasm32-freestanding -Os -nostdlib -Wl,--no-entry \
 *     -Wl,--export=_start -Wl,--export-memory -Wl,--strip-all -z stack-size=16384 \
 *     -o storm.wasm storm.c
 */
typedef unsigned u32;
typedef unsigned long long u64;

#define WASI(name)                                                                     \
    __attribute__((import_module("wasi_snapshot_preview1"),                            \
                   import_name(#name))) u32 name
WASI(args_get)(u32, u32);
WASI(args_sizes_get)(u32, u32);
WASI(clock_res_get)(u32, u32);
WASI(clock_time_get)(u32, u64, u32);
WASI(environ_get)(u32, u32);
WASI(environ_sizes_get)(u32, u32);
WASI(fd_advise)(u32, u64, u64, u32);
WASI(fd_allocate)(u32, u64, u64);
WASI(fd_close)(u32);
WASI(fd_datasync)(u32);
WASI(fd_fdstat_get)(u32, u32);
WASI(fd_fdstat_set_flags)(u32, u32);
WASI(fd_fdstat_set_rights)(u32, u64, u64);
WASI(fd_filestat_get)(u32, u32);
WASI(fd_filestat_set_size)(u32, u64);
WASI(fd_filestat_set_times)(u32, u64, u64, u32);
WASI(fd_pread)(u32, u32, u32, u64, u32);
WASI(fd_prestat_dir_name)(u32, u32, u32);
WASI(fd_prestat_get)(u32, u32);
WASI(fd_pwrite)(u32, u32, u32, u64, u32);
WASI(fd_read)(u32, u32, u32, u32);
WASI(fd_readdir)(u32, u32, u32, u64, u32);
WASI(fd_renumber)(u32, u32);
WASI(fd_seek)(u32, u64, u32, u32);
WASI(fd_sync)(u32);
WASI(fd_tell)(u32, u32);
WASI(fd_write)(u32, u32, u32, u32);
WASI(path_create_directory)(u32, u32, u32);
WASI(path_filestat_get)(u32, u32, u32, u32, u32);
WASI(path_filestat_set_times)(u32, u32, u32, u32, u64, u64, u32);
WASI(path_link)(u32, u32, u32, u32, u32, u32, u32);
WASI(path_open)(u32, u32, u32, u32, u32, u64, u64, u32, u32);
WASI(path_readlink)(u32, u32, u32, u32, u32, u32);
WASI(path_remove_directory)(u32, u32, u32);
WASI(path_rename)(u32, u32, u32, u32, u32, u32);
WASI(path_symlink)(u32, u32, u32, u32, u32);
WASI(path_unlink_file)(u32, u32, u32);
WASI(proc_raise)(u32);
WASI(random_get)(u32, u32);
WASI(sched_yield)(void);
WASI(sock_accept)(u32, u32, u32);
WASI(sock_recv)(u32, u32, u32, u32, u32, u32);
WASI(sock_send)(u32, u32, u32, u32, u32);
WASI(sock_shutdown)(u32, u32);
__attribute__((import_module("wasi_snapshot_preview1"), import_name("proc_exit"),
               noreturn)) void
proc_exit(u32 code);

enum { ROUNDS = 50000, ROOM = 4096, PATHS = 16 };

/* What the functions may write to, and what lies around it. */
static struct {
    unsigned char before[ROOM], room[ROOM], after[ROOM];
} memory;

static const char *const paths[PATHS] = {
    "file",          "sub/inner", "..",        "../outside/secret",
    "/etc/passwd",   "up",        "loop",      "to-secret",
    "to-etc/passwd", "to-proc",   "to-fd/0",   "sub/../../outside",
    "new",           "sub/new",   "./e/..//.", "",
};

static u64 state = 88172645463325252ull;

static u32 draw(u32 below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (u32)(state >> 16) % below;
}

static u32 fd(void)
{
    static const u32 odd[] = {0x7fffffff, 0x80000000, 0xffffffff, 1000};
    return draw(16) ? 3 + draw(9) : odd[draw(4)];
}

/* One that it opened: it needs its folder to the end. */
static u32 opened(void)
{
    return 4 + draw(8);
}

/* Inside the room, or not in memory at all. */
static u32 place(void)
{
    u32 end = (u32)__builtin_wasm_memory_size(0) << 16;
    const u32 odd[] = {end - 1, end, end - 7, 0xffffffff, 0xfffffff8, 0x80000000};
    return draw(8) ? (u32)(__UINTPTR_TYPE__)memory.room + draw(ROOM / 2) : odd[draw(6)];
}

static u32 size(void)
{
    return draw(8) ? draw(ROOM / 4) : 0xffffffff - draw(2) * 0x7fffffff;
}

static u64 wide(void)
{
    static const u64 odd[] = {0, 1, 1ull << 62, (1ull << 63) - 1, 1ull << 63, ~0ull};
    return draw(2) ? draw(ROOM) : odd[draw(6)];
}

#define PATH (u32)(__UINTPTR_TYPE__) paths[path], length(paths[path])

static u32 length(const char *text)
{
    u32 n = 0;
    while (text[n])
        n++;
    return n;
}

/* Two buffers, mostly inside the room. */
static u32 vectors(void)
{
    u32 at = ((u32)(__UINTPTR_TYPE__)memory.room + ROOM - 16) & ~7u;
    u32 *vector = (u32 *)(__UINTPTR_TYPE__)at;
    vector[0] = place();
    vector[1] = draw(8) ? draw(ROOM / 8) : size();
    vector[2] = place();
    vector[3] = draw(8) ? draw(ROOM / 8) : size();
    return draw(16) ? at : place();
}

static void files(u32 which)
{
    u32 n = draw(3);
    switch (which) {
    case 0:
        fd_advise(fd(), wide(), wide(), draw(8));
        break;
    case 1:
        fd_allocate(fd(), wide(), draw(2) ? draw(ROOM) : 1ull << 62);
        break;
    case 2:
        if (draw(4) == 0)
            fd_close(opened());
        break;
    case 3:
        if (draw(500) == 0)
            fd_datasync(fd());
        break;
    case 4:
        fd_fdstat_get(fd(), place());
        break;
    case 5:
        fd_fdstat_set_flags(fd(), draw(32));
        break;
    case 6:
        fd_fdstat_set_rights(opened(), wide(), wide());
        break;
    case 7:
        fd_filestat_get(fd(), place());
        break;
    case 8:
        fd_filestat_set_size(fd(), wide());
        break;
    case 9:
        fd_filestat_set_times(fd(), wide(), wide(), draw(20));
        break;
    case 10:
        fd_pread(fd(), vectors(), n, wide(), place());
        break;
    case 11:
        fd_prestat_dir_name(fd(), place(), size());
        break;
    case 12:
        fd_prestat_get(fd(), place());
        break;
    case 13:
        fd_pwrite(fd(), vectors(), n, wide(), place());
        break;
    case 14:
        fd_read(fd(), vectors(), n, place());
        break;
    case 15:
        fd_readdir(fd(), place(), size(), wide(), place());
        break;
    case 16:
        if (draw(4) == 0)
            fd_renumber(opened(), opened());
        break;
    case 17:
        fd_seek(fd(), wide(), draw(5), place());
        break;
    case 18:
        if (draw(500) == 0)
            fd_sync(fd());
        break;
    case 19:
        fd_tell(fd(), place());
        break;
    default:
        fd_write(fd(), vectors(), n, place());
        break;
    }
}

static void names(u32 which)
{
    u32 path = draw(PATHS), dir = draw(4) ? 3 : fd(), flags = draw(3);
    const char *other = paths[draw(PATHS)];
    u32 to = (u32)(__UINTPTR_TYPE__)other, to_size = length(other);
    switch (which) {
    case 0:
        path_create_directory(dir, PATH);
        break;
    case 1:
        path_filestat_get(dir, flags, PATH, place());
        break;
    case 2:
        path_filestat_set_times(dir, flags, PATH, wide(), wide(), draw(20));
        break;
    case 3:
        path_link(dir, flags, PATH, fd(), to, to_size);
        break;
    case 4:
        path_readlink(dir, PATH, place(), size(), place());
        break;
    case 5:
        path_remove_directory(dir, PATH);
        break;
    case 6:
        path_rename(dir, PATH, draw(2) ? 3 : fd(), to, to_size);
        break;
    case 7:
        path_symlink(PATH, dir, to, to_size);
        break;
    case 8:
        path_unlink_file(dir, PATH);
        break;
    case 9:
        path_create_directory(dir, place(), size());
        break;
    default:
        path_open(dir, flags, PATH, draw(16), draw(2) ? 66 : wide(), wide(), draw(32),
                  place());
        break;
    }
}

static void others(u32 which)
{
    u32 n = draw(3);
    switch (which) {
    case 0:
        args_get(place(), place());
        break;
    case 1:
        args_sizes_get(place(), place());
        break;
    case 2:
        clock_res_get(draw(8), place());
        break;
    case 3:
        clock_time_get(draw(8), wide(), place());
        break;
    case 4:
        environ_get(place(), place());
        break;
    case 5:
        environ_sizes_get(place(), place());
        break;
    case 6:
        proc_raise(draw(64));
        break;
    case 7:
        random_get(place(), size());
        break;
    case 8:
        sched_yield();
        break;
    case 9:
        sock_accept(fd(), draw(8), place());
        break;
    case 10:
        sock_recv(fd(), vectors(), n, draw(8), place(), place());
        break;
    case 11:
        sock_send(fd(), vectors(), n, draw(2), place());
        break;
    default:
        sock_shutdown(fd(), draw(8));
        break;
    }
}

void _start(void)
{
    for (u32 i = 0; i < ROOM; i++)
        memory.before[i] = memory.after[i] = (unsigned char)(i * 7 + 1);
    for (u32 i = 0; i < ROUNDS; i++) {
        switch (draw(3)) {
        case 0:
            files(draw(21));
            break;
        case 1:
            names(draw(14));
            break;
        default:
            others(draw(13));
            break;
        }
    }
    for (u32 i = 0; i < ROOM; i++)
        if (memory.before[i] != (unsigned char)(i * 7 + 1) ||
            memory.after[i] != (unsigned char)(i * 7 + 1))
            proc_exit(1000 + i);
    proc_exit(0);
}
