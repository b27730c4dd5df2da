/* Overlays: the host's side, and what guests reach of both layers. */
#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/wasi/filesystem.h"
#include "fs_support.h"

/* What is below: a, d/b, d/e/c. */
static wazero_fs_t *new_below(void)
{
    wazero_fs_t *fs;
    must(wazero_fs_new_memory(NULL, &fs));
    must(wazero_fs_add_file(fs, "a", "1", 1));
    must(wazero_fs_add_file(fs, "d/b", "22", 2));
    must(wazero_fs_add_file(fs, "d/e/c", "333", 3));
    return fs;
}

typedef struct {
    wazero_fs_t *below, *above, *fs;
} layers_t;

static layers_t new_layers(const wazero_fs_limits_t *limits)
{
    layers_t layers = {.below = new_below()};
    must(wazero_fs_new_memory(limits, &layers.above));
    must(wazero_fs_new_overlay(layers.below, layers.above, &layers.fs));
    return layers;
}

static void delete_layers(layers_t *layers)
{
    check_file(layers->below, "a", "1");
    check_file(layers->below, "d/b", "22");
    check_file(layers->below, "d/e/c", "333");
    wazero_fs_delete(layers->below);
    wazero_fs_delete(layers->above);
    wazero_fs_delete(layers->fs);
}

typedef struct {
    char text[256];
    size_t stop; /* after so many paths */
} seen_t;

static wazero_error_t *see(void *user, const char *path, size_t size,
                           const wazero_fs_stat_t *stat)
{
    seen_t *seen = user;
    CHECK_INT(strlen(path), size);
    size_t used = strlen(seen->text);
    snprintf(seen->text + used, sizeof seen->text - used, "%s:%d ", path,
             (int)stat->type);
    return --seen->stop ? NULL : wazero_error_new_exit(7);
}

static void check_deleted(wazero_fs_t *fs, const char *expected)
{
    seen_t seen = {.stop = 100};
    must(wazero_fs_list_deleted(fs, see, &seen));
    CHECK_STR(seen.text, expected);
}

static void check_list(wazero_fs_t *fs, const char *expected)
{
    seen_t seen = {.stop = 100};
    must(wazero_fs_list(fs, "", true, see, &seen));
    CHECK_STR(seen.text, expected);
}

TEST(making)
{
    wazero_fs_t *below = new_below(), *folder, *fs, *none;
    wazero_fs_usage_t usage;
    CHECK_ERROR(wazero_fs_new_overlay(NULL, NULL, &fs), WAZERO_ERROR_INVALID,
                "needs a file system below");
    CHECK_ERROR(wazero_fs_new_overlay(below, below, &fs), WAZERO_ERROR_INVALID,
                "of two file systems");
    must(wazero_fs_new_directory("/nowhere/at/all", NULL, &none));
    CHECK_ERROR(wazero_fs_new_overlay(none, NULL, &fs), WAZERO_ERROR_INVALID,
                "/nowhere/at/all");
    must(wazero_fs_new_directory("/", NULL, &folder));
    CHECK_ERROR(wazero_fs_new_overlay(below, folder, &fs), WAZERO_ERROR_INVALID,
                "must be in memory");
    must(wazero_fs_new_overlay(below, NULL, &fs));
    must(wazero_fs_usage(fs, &usage));
    CHECK_INT(usage.files, 0);
    CHECK_INT(usage.limits.max_bytes, WAZERO_FS_MAX_BYTES);
    wazero_fs_delete(below);
    check_file(fs, "d/b", "22");
    CHECK_ERROR(wazero_fs_new_overlay(folder, fs, &none), WAZERO_ERROR_INVALID,
                "must be in memory");
    wazero_fs_delete(fs);
    wazero_fs_delete(folder);
    wazero_fs_delete(none);
}

TEST(overlays_on_overlays)
{
    enum { MOST = 16 };
    wazero_fs_t *fs = new_below(), *next;
    for (int i = 0; i < MOST; i++) {
        must(wazero_fs_new_overlay(fs, NULL, &next));
        wazero_fs_delete(fs);
        fs = next;
    }
    CHECK_ERROR(wazero_fs_new_overlay(fs, NULL, &next), WAZERO_ERROR_INVALID,
                "more than 16 overlays");
    must(wazero_fs_write_file(fs, "d/b", "new", 3));
    check_file(fs, "d/b", "new");
    wazero_fs_delete(fs);
}

TEST(both_as_one)
{
    layers_t layers = new_layers(NULL);
    wazero_fs_usage_t usage;
    check_list(layers.fs, "a:1 d:2 d/b:1 d/e:2 d/e/c:1 ");
    must(wazero_fs_usage(layers.fs, &usage));
    CHECK_INT(usage.files, 0);
    must(wazero_fs_write_file(layers.fs, "d/e/c", "new", 3));
    must(wazero_fs_add_file(layers.fs, "d/n", "n", 1));
    check_errno(wazero_fs_add_file(layers.fs, "d/b", "", 0), EEXIST);
    must(wazero_fs_remove(layers.fs, "d/b", false));
    check_errno(wazero_fs_remove(layers.fs, "d/b", false), ENOENT);
    check_errno(wazero_fs_remove(layers.fs, "d", false), ENOTEMPTY);
    check_list(layers.above, "d:2 d/e:2 d/e/c:1 d/n:1 ");
    check_list(layers.fs, "d:2 d/e:2 d/e/c:1 d/n:1 a:1 ");
    check_deleted(layers.fs, "d/b:0 ");
    must(wazero_fs_remove(layers.fs, "d", true));
    check_list(layers.fs, "a:1 ");
    check_deleted(layers.fs, "d:0 ");
    must(wazero_fs_add_file(layers.fs, "d/b", "anew", 4));
    check_list(layers.fs, "d:2 d/b:1 a:1 ");
    must(wazero_fs_usage(layers.fs, &usage));
    CHECK_INT(usage.files, 3);
    CHECK_INT(usage.bytes, 4);
    seen_t seen = {.stop = 1};
    CHECK_ERROR(wazero_fs_list_deleted(layers.fs, see, &seen), WAZERO_ERROR_EXIT, "7");
    CHECK_ERROR(wazero_fs_list_deleted(layers.above, see, &seen), WAZERO_ERROR_INVALID,
                "is no overlay");
    CHECK_ERROR(wazero_fs_list_deleted(NULL, see, &seen), WAZERO_ERROR_INVALID,
                "is no overlay");
    delete_layers(&layers);
}

TEST(limits)
{
    static const wazero_fs_limits_t limits = {.max_bytes = 3, .max_files = 3};
    layers_t layers = new_layers(&limits);
    check_errno(wazero_fs_write_file(layers.fs, "d/e/c", "1234", 4), ENOSPC);
    check_file(layers.fs, "d/e/c", "333");
    must(wazero_fs_remove(layers.fs, "d/e/c", false)); /* takes the room of the copy */
    check_errno(wazero_fs_add_directory(layers.fs, "new"), ENOSPC);
    check_errno(wazero_fs_remove(layers.fs, "a", false), ENOSPC);
    check_list(layers.fs, "d:2 d/e:2 d/b:1 a:1 ");
    delete_layers(&layers);
}

static wazero__io_t io;
static const wazero__how_t look = {.read = true}, change = {.write = true};

static wazero__file_t *root_of(wazero_fs_t *fs)
{
    wazero__file_t *root;
    must(fs->type->open(fs, &root));
    return root;
}

/* The type's operations, as path.c calls them. */
TEST(operations)
{
    layers_t layers = new_layers(NULL);
    wazero__file_t *root = root_of(layers.fs), *folder, *deep, *reader, *writer;
    const wazero__file_type_t *type = root->type;
    wazero__stat_t before, after;
    char buffer[8] = "";
    const struct iovec part = {buffer, 1};
    size_t done;
    CHECK_INT(type->enter(&io, root, "a", &folder), WASI_NOTDIR);
    CHECK_INT(type->enter(&io, root, "none", &folder), WASI_NOENT);
    CHECK_INT(type->enter(&io, root, "d", &folder), 0);
    CHECK_INT(type->enter(&io, folder, "e", &deep), 0);
    CHECK_INT(type->open(&io, folder, "b", &look, &reader), 0);
    CHECK_INT(type->stat_at(&io, folder, "b", &before), 0);
    CHECK_INT(reader->type->read(&io, reader, &part, 1, 0, &done), 0);
    CHECK_INT(type->open(&io, folder, "b", &change, &writer), 0);
    buffer[0] = 'W';
    CHECK_INT(writer->type->pwrite(&io, writer, &part, 1, 1, &done), 0);
    buffer[0] = 0;
    CHECK_INT(reader->type->read(&io, reader, &part, 1, 0, &done), 0);
    CHECK_INT(buffer[0], 'W');
    CHECK_INT(reader->type->stat(&io, reader, &after), 0);
    CHECK_INT(after.inode, before.inode);
    CHECK_INT(after.device, before.device);
    CHECK(reader->type->write == NULL); /* it is open to be read */
    /* What is open goes with the folder. */
    CHECK_INT(type->rename(&io, root, "d", root, "m"), 0);
    CHECK_INT(type->make_directory(&io, deep, "made"), 0);
    CHECK_INT(type->unlink(&io, deep, "c"), 0);
    wazero__file_release(writer);
    wazero__file_release(folder);
    wazero__file_release(deep);
    check_list(layers.fs, "m:2 m/b:1 m/e:2 m/e/made:2 a:1 ");
    check_deleted(layers.fs, "d:0 ");
    wazero__file_release(root);
    wazero_fs_delete(layers.fs);
    CHECK_INT(reader->type->pread(&io, reader, &part, 1, 0, &done), 0);
    CHECK_INT(buffer[0], '2');
    wazero__file_release(reader);
    layers.fs = NULL;
    delete_layers(&layers);
}

/* Several threads change the same names, while one forks. */
static void *make_and_remove(void *fs)
{
    static const char *const paths[] = {"a", "d/b", "d/e/c", "d/n", "d/e/n"};
    for (int i = 0; i < 1500; i++) {
        const char *path = paths[i % 5];
        wazero_error_delete(wazero_fs_write_file(fs, path, path, strlen(path)));
        wazero_error_delete(wazero_fs_remove(fs, paths[(i * 3) % 5], false));
        if (i % 50 == 0)
            wazero_error_delete(wazero_fs_remove(fs, "d", true));
    }
    return NULL;
}

TEST(threads_and_forks)
{
    enum { THREADS = 3, FORKS = 10 };
    pthread_t threads[THREADS];
    layers_t layers = new_layers(NULL);
    wazero_fs_usage_t usage;
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, make_and_remove, layers.fs), 0);
    for (int i = 0; i < FORKS; i++) {
        int status;
        pid_t child = fork();
        if (!child) {
            must(wazero_fs_write_file(layers.fs, "child", "1", 1));
            check_file(layers.fs, "child", "1");
            delete_layers(&layers);
            _exit(0);
        }
        waitpid(child, &status, 0);
        CHECK_INT(status, 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    wazero_error_delete(wazero_fs_remove(layers.fs, "a", false));
    wazero_error_delete(wazero_fs_remove(layers.fs, "d", true));
    check_list(layers.fs, "");
    check_deleted(layers.fs, "a:0 d:0 ");
    must(wazero_fs_usage(layers.fs, &usage));
    CHECK_INT(usage.files, 2);
    CHECK_INT(usage.bytes, 0);
    delete_layers(&layers);
}

TEST(it_is_mounted)
{
    layers_t layers = new_layers(NULL);
    wazero_module_config_t *config;
    must(wazero_module_config_new(&config));
    must(wazero_module_config_add_fs(config, layers.fs, "/", false));
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module = new_module(runtime, "sources", NULL, config);
    wazero_module_config_delete(config);
    delete_layers(&layers);
    CHECK_INT(CALL(module, "random", 8) != 0, 1);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

TEST_MAIN
