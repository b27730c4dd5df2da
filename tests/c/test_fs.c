/* File systems in memory: the host's side, and the operations that guests reach. */
#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/wasi/filesystem.h"
#include "fs_support.h"

static wazero_fs_t *new_fs(void)
{
    wazero_fs_t *fs;
    must(wazero_fs_new_memory(NULL, &fs));
    return fs;
}

TEST(building)
{
    wazero_fs_t *fs = new_fs();
    char long_name[300];
    memset(long_name, 'x', 256);
    long_name[256] = '\0';
    must(wazero_fs_add_file(fs, "/a/b/c", "text", 4));
    must(wazero_fs_add_directory(fs, "a/b"));
    must(wazero_fs_add_directory(fs, "a//d/"));
    must(wazero_fs_add_directory(fs, "/"));
    must(wazero_fs_add_file(fs, "empty", NULL, 0));
    CHECK_ERROR(wazero_fs_add_file(fs, NULL, "", 0), WAZERO_ERROR_INVALID, "NULL");
    CHECK_ERROR(wazero_fs_add_file(NULL, "x", "", 0), WAZERO_ERROR_INVALID, "NULL");
    CHECK_ERROR(wazero_fs_add_file(fs, "", "", 0), WAZERO_ERROR_INVALID, "a directory");
    CHECK_ERROR(wazero_fs_add_file(fs, "a/", "", 0), WAZERO_ERROR_INVALID,
                "is that of a directory");
    CHECK_ERROR(wazero_fs_add_file(fs, "new/", "", 0), WAZERO_ERROR_INVALID,
                "the path \"new/\" is that of a directory");
    CHECK_ERROR(wazero_fs_add_file(fs, "a", "", 0), WAZERO_ERROR_INVALID,
                "is there already");
    CHECK_ERROR(wazero_fs_add_file(fs, "a/b/c/d", "", 0), WAZERO_ERROR_INVALID,
                "leads through a file");
    CHECK_ERROR(wazero_fs_add_directory(fs, "a/b/c"), WAZERO_ERROR_INVALID,
                "leads through a file");
    CHECK_ERROR(wazero_fs_add_file(fs, "a/../e", "", 0), WAZERO_ERROR_INVALID,
                "has a name that no file can have");
    CHECK_ERROR(wazero_fs_add_file(fs, ".", "", 0), WAZERO_ERROR_INVALID,
                "has a name that no file can have");
    CHECK_ERROR(wazero_fs_add_directory(fs, long_name), WAZERO_ERROR_INVALID,
                "has a name that no file can have");
    wazero_fs_delete(fs);
    wazero_fs_delete(NULL);
}

TEST(whole_files)
{
    wazero_fs_t *fs = new_fs();
    wazero_fs_stat_t stat;
    uint8_t *bytes;
    size_t size;
    must(wazero_fs_write_file(fs, "d/f", "first", 5));
    check_file(fs, "/d/f", "first");
    must(wazero_fs_write_file(fs, "d/f", "2", 1));
    check_file(fs, "d/f", "2");
    must(wazero_fs_write_file(fs, "d/f", NULL, 0));
    check_file(fs, "d/f", "");
    must(wazero_fs_stat(fs, "d/f", true, &stat));
    CHECK_INT(stat.type, WAZERO_FS_FILE);
    CHECK_INT(stat.links, 1);
    CHECK(stat.modified > 1600000000ll * 1000000000);
    must(wazero_fs_stat(fs, "", true, &stat));
    CHECK_INT(stat.type, WAZERO_FS_DIRECTORY);
    check_errno(wazero_fs_read_file(fs, "none", &bytes, &size), ENOENT);
    check_errno(wazero_fs_read_file(fs, "d", &bytes, &size), EISDIR);
    check_errno(wazero_fs_read_file(fs, "d/f/x", &bytes, &size), ENOTDIR);
    check_errno(wazero_fs_write_file(fs, "d", "", 0), EISDIR);
    check_errno(wazero_fs_add_file(fs, "d/f", "", 0), EEXIST);
    check_errno(wazero_fs_stat(fs, "none", true, &stat), ENOENT);
    check_errno(wazero_fs_remove(fs, "none", true), ENOENT);
    check_errno(wazero_fs_remove(fs, "d", false), ENOTEMPTY);
    check_errno(wazero_fs_remove(fs, "", true), EBUSY);
    check_errno(wazero_fs_remove(fs, "d/f/", true), ENOTDIR);
    must(wazero_fs_remove(fs, "d/f", false));
    must(wazero_fs_remove(fs, "d", false));
    wazero_fs_delete(fs);
}

typedef struct {
    char text[256];
    size_t stop; /* after so many entries */
} seen_t;

static wazero_error_t *see(void *user, const char *path, size_t size,
                           const wazero_fs_stat_t *stat)
{
    seen_t *seen = user;
    CHECK_INT(strlen(path), size);
    size_t used = strlen(seen->text);
    snprintf(seen->text + used, sizeof seen->text - used, "%s:%d:%d ", path,
             (int)stat->type, (int)stat->size);
    return --seen->stop ? NULL : wazero_error_new_exit(7);
}

TEST(listing)
{
    wazero_fs_t *fs = new_fs();
    seen_t seen = {.stop = 100};
    must(wazero_fs_add_file(fs, "b/c/d", "1", 1));
    must(wazero_fs_add_file(fs, "b/a", "22", 2));
    must(wazero_fs_add_directory(fs, "e"));
    must(wazero_fs_add_file(fs, "a", "", 0));
    must(wazero_fs_list(fs, "", false, see, &seen));
    CHECK_STR(seen.text, "a:1:0 b:2:0 e:2:0 ");
    seen.text[0] = '\0';
    must(wazero_fs_list(fs, "/", true, see, &seen));
    CHECK_STR(seen.text, "a:1:0 b:2:0 b/a:1:2 b/c:2:0 b/c/d:1:1 e:2:0 ");
    seen.text[0] = '\0';
    must(wazero_fs_list(fs, "b", true, see, &seen));
    CHECK_STR(seen.text, "a:1:2 c:2:0 c/d:1:1 ");
    check_errno(wazero_fs_list(fs, "a", true, see, &seen), ENOTDIR);
    check_errno(wazero_fs_list(fs, "x", true, see, &seen), ENOENT);
    seen.stop = 3;
    CHECK_ERROR(wazero_fs_list(fs, "", true, see, &seen), WAZERO_ERROR_EXIT, "7");
    must(wazero_fs_remove(fs, "b", true));
    seen = (seen_t){.stop = 100};
    must(wazero_fs_list(fs, "", true, see, &seen));
    CHECK_STR(seen.text, "a:1:0 e:2:0 ");
    wazero_fs_delete(fs);
}

TEST(limits)
{
    static const wazero_fs_limits_t limits = {.max_bytes = 10, .max_files = 3};
    wazero_fs_t *fs;
    wazero_fs_usage_t usage;
    must(wazero_fs_new_memory(&limits, &fs));
    must(wazero_fs_add_file(fs, "d/f", "1234567", 7));
    check_errno(wazero_fs_add_file(fs, "g", "1234", 4), ENOSPC);
    check_errno(wazero_fs_write_file(fs, "d/f", "12345678901", 11), ENOSPC);
    check_file(fs, "d/f", "1234567");
    must(wazero_fs_write_file(fs, "d/f", "1234567890", 10));
    must(wazero_fs_add_file(fs, "g", "", 0));
    check_errno(wazero_fs_add_file(fs, "h", "", 0), ENOSPC);
    check_errno(wazero_fs_add_directory(fs, "h"), ENOSPC);
    must(wazero_fs_usage(fs, &usage));
    CHECK_INT(usage.bytes, 10);
    CHECK_INT(usage.files, 3);
    CHECK_INT(usage.limits.max_bytes, 10);
    CHECK_INT(usage.limits.max_files, 3);
    must(wazero_fs_remove(fs, "d", true));
    must(wazero_fs_usage(fs, &usage));
    CHECK_INT(usage.bytes, 0);
    CHECK_INT(usage.files, 1);
    wazero_fs_delete(fs);
    must(wazero_fs_new_memory(NULL, &fs));
    must(wazero_fs_usage(fs, &usage));
    CHECK_INT(usage.limits.max_bytes, WAZERO_FS_MAX_BYTES);
    CHECK_INT(usage.limits.max_files, WAZERO_FS_MAX_FILES);
    CHECK_ERROR(wazero_fs_usage(NULL, &usage), WAZERO_ERROR_INVALID, "counts nothing");
    wazero_fs_delete(fs);
}

/* A directory of the host, of which only the limit is ours. */
TEST(a_limited_directory)
{
    static const wazero_fs_limits_t limits = {.max_bytes = 10, .max_files = 1};
    char path[] = "/tmp/wazero-test-XXXXXX";
    wazero_fs_t *fs;
    wazero_fs_usage_t usage;
    CHECK_ERROR(wazero_fs_new_directory("", NULL, &fs), WAZERO_ERROR_INVALID,
                "is missing");
    CHECK(mkdtemp(path) != NULL);
    must(wazero_fs_new_directory(path, &limits, &fs));
    must(wazero_fs_add_file(fs, "f", "1234567890", 10));
    check_file(fs, "f", "1234567890");
    check_errno(wazero_fs_add_file(fs, "g", "", 0), ENOSPC);
    check_errno(wazero_fs_write_file(fs, "f", "12345678901", 11), ENOSPC);
    must(wazero_fs_usage(fs, &usage));
    CHECK_INT(usage.bytes, 10);
    CHECK_INT(usage.files, 1);
    must(wazero_fs_remove(fs, "f", false));
    must(wazero_fs_usage(fs, &usage));
    CHECK_INT(usage.bytes, 0);
    CHECK_INT(usage.files, 0);
    CHECK_INT(rmdir(path), 0);
    CHECK_ERROR(wazero_fs_add_file(fs, "f", "", 0), WAZERO_ERROR_INVALID, path);
    wazero_fs_delete(fs);
}

TEST(a_file_system_is_mounted)
{
    wazero_fs_t *fs = new_fs();
    wazero_module_config_t *config;
    must(wazero_module_config_new(&config));
    CHECK_ERROR(wazero_module_config_add_fs(config, NULL, "/", false),
                WAZERO_ERROR_INVALID, "a file system and a guest path");
    CHECK_ERROR(wazero_module_config_add_fs(config, fs, "", false),
                WAZERO_ERROR_INVALID, "a file system and a guest path");
    must(wazero_fs_add_file(fs, "f", "1", 1));
    must(wazero_module_config_add_fs(config, fs, "/", false));
    wazero_fs_delete(fs); /* the configuration has it */
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module = new_module(runtime, "sources", NULL, config);
    wazero_module_config_delete(config);
    CHECK_INT(CALL(module, "random", 8) != 0, 1);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

static wazero__io_t io;
static const wazero__how_t look = {.read = true}, change = {.write = true},
                           create = {.flags = WASI_O_CREAT, .write = true},
                           exclusive = {.flags = WASI_O_CREAT | WASI_O_EXCL},
                           directory = {.flags = WASI_O_DIRECTORY};

/* The type's operations, as path.c calls them. */
TEST(looking)
{
    wazero_fs_t *fs = new_fs();
    wazero__file_t *root, *file, *folder;
    wazero__stat_t stat;
    char buffer[8] = "", second[8] = "";
    size_t done;
    must(wazero_fs_add_file(fs, "folder/file", "content", 7));
    must(fs->type->open(fs, &root));
    wazero_fs_delete(fs); /* what is open has it */
    const wazero__file_type_t *type = root->type;
    CHECK_INT(type->enter(&io, root, "nothing", &folder), WASI_NOENT);
    CHECK_INT(type->enter(&io, root, "fold", &folder), WASI_NOENT);
    CHECK_INT(type->enter(&io, root, "folder", &folder), 0);
    CHECK_INT(type->enter(&io, folder, "file", &file), WASI_NOTDIR);
    CHECK_INT(type->open(&io, folder, "fil", &look, &file), WASI_NOENT);
    CHECK_INT(type->open(&io, folder, "file", &exclusive, &file), WASI_EXIST);
    CHECK_INT(type->open(&io, folder, "file", &directory, &file), WASI_NOTDIR);
    CHECK_INT(type->open(&io, folder, ".", &change, &file), WASI_ISDIR);
    CHECK_INT(type->open(&io, root, "folder", &create, &file), WASI_ISDIR);
    CHECK_INT(type->open(&io, folder, "file", &look, &file), 0);
    CHECK_INT(type->stat_at(&io, root, "folder", &stat), 0);
    CHECK_INT(stat.type, WASI_DIRECTORY);
    CHECK_INT(file->type->stat(&io, file, &stat), 0);
    CHECK_INT(stat.size, 7);
    CHECK_INT(file->type->available(file), 7);
    const struct iovec parts[] = {{buffer, 3}, {second, 5}};
    CHECK_INT(file->type->read(&io, file, parts, 2, 0, &done), 0);
    CHECK_INT(done, 7);
    CHECK_STR(buffer, "con");
    CHECK_STR(second, "tent");
    CHECK_INT(file->type->available(file), 0);
    CHECK_INT(file->type->pread(&io, file, parts, 1, UINT64_MAX, &done), 0);
    CHECK_INT(done, 0);
    wazero__file_release(folder);
    wazero__file_release(root);
    CHECK_INT(file->type->pread(&io, file, parts, 1, 4, &done), 0);
    CHECK_STR(buffer, "ent");
    wazero__file_release(file);
}

/* Names stay found and in order whatever is made and removed. */
TEST(many_names)
{
    enum { NAMES = 3000 };
    wazero_fs_t *fs = new_fs();
    wazero__file_t *root;
    wazero__stat_t stat;
    wazero_fs_usage_t usage;
    char name[32];
    static bool there[NAMES];
    unsigned random = 1;
    must(fs->type->open(fs, &root));
    const wazero__file_type_t *type = root->type;
    for (int i = 0; i < 4 * NAMES; i++) {
        random = random * 1103515245 + 12345;
        unsigned number = (random >> 8) % NAMES;
        snprintf(name, sizeof name, "%x", number * 2654435761u);
        wazero__errno_t code = there[number] ? type->remove_directory(&io, root, name)
                                             : type->make_directory(&io, root, name);
        CHECK_INT(code, 0);
        there[number] = !there[number];
    }
    uint64_t count = 0;
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "%x", i * 2654435761u);
        CHECK_INT(type->stat_at(&io, root, name, &stat), there[i] ? 0 : WASI_NOENT);
        count += there[i];
    }
    must(wazero_fs_usage(fs, &usage));
    CHECK_INT(usage.files, count);
    wazero__file_release(root);
    wazero_fs_delete(fs);
}

/* Sizes up and down over the borders of chunks, with holes; what is cut off is gone. */
TEST(sizes)
{
    static const uint64_t sizes[] = {0,     1,     63,     64,     65,     65535,
                                     65536, 65537, 131072, 200000, 1 << 28};
    enum { COUNT = sizeof sizes / sizeof *sizes };
    wazero_fs_t *fs = new_fs();
    wazero__file_t *root, *file;
    wazero_fs_usage_t usage;
    uint8_t mark = 7, got;
    size_t done;
    must(fs->type->open(fs, &root));
    CHECK_INT(root->type->open(&io, root, "f", &create, &file), 0);
    const wazero__file_type_t *type = file->type;
    const struct iovec write = {&mark, 1}, read = {&got, 1};
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j < COUNT; j++) {
            CHECK_INT(type->set_size(&io, file, sizes[i]), 0);
            if (sizes[i])
                CHECK_INT(type->pwrite(&io, file, &write, 1, sizes[i] - 1, &done), 0);
            CHECK_INT(type->set_size(&io, file, sizes[j]), 0);
            must(wazero_fs_usage(fs, &usage));
            CHECK_INT(usage.bytes, sizes[j]);
            CHECK_INT(type->set_size(&io, file, sizes[j] + 10), 0);
            for (uint64_t at = sizes[j]; at < sizes[j] + 10; at++) {
                CHECK_INT(type->pread(&io, file, &read, 1, at, &done), 0);
                CHECK_INT(got, j < i || at != sizes[i] - 1 ? 0 : mark);
            }
            if (j >= i && i) {
                CHECK_INT(type->pread(&io, file, &read, 1, sizes[i] - 1, &done), 0);
                CHECK_INT(got, mark);
            }
            CHECK_INT(type->set_size(&io, file, 0), 0);
        }
    CHECK_INT(type->set_size(&io, file, UINT64_MAX), WASI_FBIG);
    CHECK_INT(type->set_size(&io, file, WAZERO_FS_MAX_BYTES + 1), WASI_NOSPC);
    wazero__file_release(file);
    wazero__file_release(root);
    wazero_fs_delete(fs);
}

/* Several threads make, move and remove the same names, while one forks. */
static void *make_and_remove(void *fs)
{
    char path[32];
    for (int i = 0; i < 2000; i++) {
        snprintf(path, sizeof path, "d%d/e%d/f", i % 7, i % 3);
        wazero_error_delete(wazero_fs_write_file(fs, path, path, sizeof path));
        snprintf(path, sizeof path, "d%d", (i + 3) % 7);
        wazero_error_delete(wazero_fs_remove(fs, path, true));
    }
    return NULL;
}

TEST(threads_and_forks)
{
    enum { THREADS = 3, FORKS = 20 };
    pthread_t threads[THREADS];
    wazero_fs_t *fs = new_fs();
    wazero_fs_usage_t usage;
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, make_and_remove, fs), 0);
    for (int i = 0; i < FORKS; i++) {
        int status;
        pid_t child = fork();
        if (!child) {
            must(wazero_fs_write_file(fs, "child", "1", 1));
            check_file(fs, "child", "1");
            seen_t seen = {.stop = 1000};
            must(wazero_fs_list(fs, "", true, see, &seen));
            wazero_fs_delete(fs);
            _exit(0);
        }
        waitpid(child, &status, 0);
        CHECK_INT(status, 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 7; i++) {
        char path[] = {'d', (char)('0' + i), '\0'};
        wazero_error_delete(wazero_fs_remove(fs, path, true));
    }
    must(wazero_fs_usage(fs, &usage));
    CHECK_INT(usage.files, 0);
    CHECK_INT(usage.bytes, 0);
    wazero_fs_delete(fs);
}

TEST_MAIN
