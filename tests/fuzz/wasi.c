/*
 * wasi.c - the functions of WASI under a fuzzer, with pointers, lengths and descriptors
 * that make no sense, and paths that do.
 *
 * The input is a list of calls; each says which function, and for each slot which of
 * some interesting values it is, or a number of its own. The memory is exactly as large
 * as it says, with a page that cannot be touched behind it; AddressSanitizer watches
 * the rest. The guest has a folder of its own; what is beside it must stay as it is.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "module.h"
#include "wasi/state.h"
#include "wasi/wasi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY = 65536, PATHS = 4096, PATH_SIZE = 64, CALLS_MAX = 64, SLOTS = 9 };

static const char *const functions[] = {
    "args_get",
    "args_sizes_get",
    "clock_res_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_advise",
    "fd_allocate",
    "fd_close",
    "fd_datasync",
    "fd_fdstat_get",
    "fd_fdstat_set_flags",
    "fd_fdstat_set_rights",
    "fd_filestat_get",
    "fd_filestat_set_size",
    "fd_filestat_set_times",
    "fd_pread",
    "fd_prestat_dir_name",
    "fd_prestat_get",
    "fd_pwrite",
    "fd_read",
    "fd_readdir",
    "fd_renumber",
    "fd_seek",
    "fd_sync",
    "fd_tell",
    "fd_write",
    "path_create_directory",
    "path_filestat_get",
    "path_filestat_set_times",
    "path_link",
    "path_open",
    "path_readlink",
    "path_remove_directory",
    "path_rename",
    "path_symlink",
    "path_unlink_file",
    "poll_oneoff",
    "proc_exit",
    "proc_raise",
    "random_get",
    "sched_yield",
    "sock_accept",
    "sock_recv",
    "sock_send",
    "sock_shutdown",
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

static const char *const paths[] = {
    "a",        "b",         "d",    "d/e",    "l",      "..",      "../out",
    "d/../a",   "l/../..",   "/etc", ".",      "d/.",    "a/",      "l/",
    "d/../../", "../out/no", "d/l",  "out/no", "x/../l", "l/out/no"};
enum { PATH_COUNT = sizeof paths / sizeof *paths };

static char folder[] = "/tmp/wazero-fuzz-XXXXXX";
static wazero_module_config_t *config;

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static void must(wazero_error_t *error)
{
    require(!error, error ? wazero_error_message(error, NULL) : "");
}

static void in_folder(const char *command)
{
    char text[300];
    snprintf(text, sizeof text, "cd %s && %s", folder, command);
    require(system(text) == 0, text);
}

/* Each call is traced: its record is text, of the size that is said. */
static wazero_error_t *look_at(void *user, wazero_module_t *caller,
                               const wazero_trace_call_t *call)
{
    static char text[1 << 16];
    (void)user;
    (void)caller;
    size_t size = wazero_trace_format(call, text, sizeof text);
    require(size == strlen(text), "a line");
    for (size_t i = 0; i < size; i++)
        require((unsigned char)text[i] >= 0x20 && text[i] != 0x7f, text);
    return NULL;
}

static void prepare(void)
{
    const struct rlimit small = {1 << 20, 1 << 20};
    char root[64];
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    require(mkdtemp(folder) != NULL, "a folder");
    in_folder("mkdir root out && echo no > out/no && touch -d @1000 out/no out");
    snprintf(root, sizeof root, "%s/root", folder);
    must(wazero_module_config_new(&config));
    must(wazero_module_config_add_mount(config, root, "/", false));
    must(wazero_module_config_add_mount(config, root, "/ro", true));
    must(wazero_module_config_set_stdin_bytes(config, "input", 5));
    must(wazero_module_config_set_args(config, (const char *const[]){"me", "x"}, 2));
    must(wazero_module_config_set_env(config, "KEY", "value"));
    must(wazero_module_config_set_trace(config, look_at, NULL, NULL));
}

/* What is beside the guest's folder is as it was. */
static void look_outside(void)
{
    char path[64];
    struct stat status;
    snprintf(path, sizeof path, "%s/out", folder);
    require(stat(path, &status) == 0 && status.st_mtime == 1000, "the folder outside");
    snprintf(path, sizeof path, "%s/out/no", folder);
    require(stat(path, &status) == 0 && status.st_mtime == 1000 &&
                status.st_size == 3 && status.st_nlink == 1,
            "the file outside");
}

static void fill(uint8_t *memory, const uint8_t *data, size_t size)
{
    for (size_t i = 0; size && i < MEMORY; i++)
        memory[i] = data[i % size];
    for (size_t i = 0; i < PATH_COUNT; i++)
        memcpy(memory + PATHS + i * PATH_SIZE, paths[i], strlen(paths[i]) + 1);
    /* Vectors: good ones, huge ones, ones that overlap. */
    const uint32_t vectors[] = {
        64, 100, 128,    100, 0xfffffff0, 32, MEMORY - 8, 8, MEMORY - 8,
        9,  0,   MEMORY, 0,   0,          8,  MEMORY,     1, 0xffffffff};
    memcpy(memory + 256, vectors, sizeof vectors);
}

static uint64_t slot_of(uint8_t choice, uint8_t more)
{
    static const uint64_t edges[] = {0,          1,          7,          64,
                                     256,        MEMORY - 1, MEMORY,     MEMORY + 1,
                                     0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff,
                                     UINT64_MAX, INT64_MIN,  INT64_MAX,  1 << 20};
    switch (choice % 8) {
    case 0: /* a descriptor, or a small number */
    case 1:
        return more % 12;
    case 2: /* a path */
    case 3:
        return PATHS + (uint64_t)(more % PATH_COUNT) * PATH_SIZE;
    case 4: /* its size, perhaps */
        return strlen(paths[more % PATH_COUNT]);
    case 5:
        return edges[more % (sizeof edges / sizeof *edges)];
    case 6: /* garbage above an i32 */
        return (uint64_t)more << 32 | (more % 16);
    default:
        return (uint64_t)more * 97;
    }
}

/* A call of a function by name, as the direct path makes it. */
static void call(wazero_module_t *module, const char *name, bool unstable,
                 uint64_t *slots)
{
    wazero_extern_t import = {.module =
                                  unstable ? "wasi_unstable" : "wasi_snapshot_preview1",
                              .name = name,
                              .name_size = strlen(name)};
    wazero_extern_t given;
    wazero__host_t host = {.owner = module, .native = true};
    import.module_size = strlen(import.module);
    must(wazero__wasi_find(&import, false, true, &host.definition, &given));
    require(host.definition != NULL, name);
    wazero_error_t *error = wazero__host_call(&host, module, slots);
    if (error)
        require(strcmp(name, "proc_exit") == 0, wazero_error_message(error, NULL));
    else
        require(slots[0] < WASI_ERRNO_COUNT, "an errno");
    wazero_error_delete(error);
    wazero__definition_release(host.definition);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static wazero_module_t module;
    static bool prepared;
    if (!prepared)
        prepare();
    prepared = true;
    in_folder("rm -rf root/* && mkdir root/d && ln -s .. root/l && ln -s ../.. root/d/l"
              " && echo abc > root/a");
    module.linear = wazero__linear_new(MEMORY, MEMORY, MEMORY);
    require(module.linear && wazero__linear_resize(module.linear, MEMORY), "memory");
    fill(wazero__linear_base(module.linear), data, size);
    must(wazero__wasi_new(config, NULL, &module.wasi));
    for (size_t at = 0, calls = 0; at + 2 + 2 * SLOTS <= size && calls < CALLS_MAX;
         at += 2 + 2 * SLOTS, calls++) {
        uint64_t slots[SLOTS];
        for (size_t i = 0; i < SLOTS; i++)
            slots[i] = slot_of(data[at + 2 + 2 * i], data[at + 3 + 2 * i]);
        call(&module, functions[data[at] % FUNCTIONS], data[at + 1] & 1, slots);
    }
    look_outside();
    wazero__wasi_delete(module.wasi);
    wazero__linear_unuse(module.linear);
    wazero__linear_release(module.linear);
    return 0;
}

#ifdef FUZZ_MAIN
/* Without libFuzzer: calls at random for a number of seconds. */
int main(int argc, char **argv)
{
    static uint8_t data[(2 + 2 * SLOTS) * CALLS_MAX];
    time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 10);
    unsigned long runs = 0;
    srand((unsigned)time(NULL));
    for (; time(NULL) < end; runs++) {
        for (size_t i = 0; i < sizeof data; i++)
            data[i] = (uint8_t)(rand() >> 7);
        LLVMFuzzerTestOneInput(data, sizeof data);
    }
    in_folder("rm -rf root out");
    rmdir(folder);
    wazero_module_config_delete(config);
    printf("%lu runs\n", runs);
    return 0;
}
#endif
