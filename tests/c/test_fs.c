/* File systems in memory: building them, and what a guest sees. */
#include "../../lib/wasi/filesystem.h"
#include "support.h"

static wazero_fs_t *new_fs(void)
{
    wazero_fs_t *fs;
    must(wazero_fs_new(&fs));
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
    CHECK_ERROR(wazero_fs_add_file(fs, "", "", 0), WAZERO_ERROR_INVALID, "a directory");
    CHECK_ERROR(wazero_fs_add_file(fs, "a/", "", 0), WAZERO_ERROR_INVALID,
                "the path \"a/\" is that of a directory");
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

TEST(nothing_is_added_once_opened)
{
    wazero_fs_t *fs = new_fs();
    wazero_module_config_t *config;
    must(wazero_module_config_new(&config));
    CHECK_ERROR(wazero_module_config_add_fs(config, NULL, "/", false),
                WAZERO_ERROR_INVALID, "a file system and a guest path");
    CHECK_ERROR(wazero_module_config_add_fs(config, fs, "", false),
                WAZERO_ERROR_INVALID, "a file system and a guest path");
    must(wazero_fs_add_file(fs, "f", "1", 1));
    must(wazero_module_config_add_fs(config, fs, "/", true));
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module = new_module(runtime, "sources", NULL, config);
    CHECK_ERROR(wazero_fs_add_file(fs, "g", "1", 1), WAZERO_ERROR_INVALID,
                "was opened before");
    wazero_fs_delete(fs); /* the configuration has it */
    wazero_module_config_delete(config);
    CHECK_INT(CALL(module, "random", 8) != 0, 1);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

/* The type's operations, as path.c calls them. */
TEST(operations)
{
    wazero_fs_t *fs = new_fs();
    wazero__file_t *root, *file, *folder;
    wazero__io_t io = {0};
    wazero__stat_t stat;
    char buffer[8] = "", second[8] = "";
    size_t done;
    must(wazero_fs_add_file(fs, "folder/file", "content", 7));
    must(fs->type->open(fs, &root));
    wazero_fs_delete(fs); /* what is open has it */
    const wazero__file_type_t *type = root->type;
    const wazero__how_t look = {.read = true}, change = {.write = true},
                        create = {.flags = WASI_O_CREAT},
                        exclusive = {.flags = WASI_O_CREAT | WASI_O_EXCL},
                        directory = {.flags = WASI_O_DIRECTORY};
    CHECK_INT(type->enter(&io, root, "nothing", &folder), WASI_NOENT);
    CHECK_INT(type->enter(&io, root, "fold", &folder), WASI_NOENT);
    CHECK_INT(type->enter(&io, root, "folder", &folder), 0);
    CHECK_INT(type->enter(&io, folder, "file", &file), WASI_NOTDIR);
    CHECK_INT(type->open(&io, folder, "fil", &look, &file), WASI_NOENT);
    CHECK_INT(type->open(&io, folder, "fil", &create, &file), WASI_ROFS);
    CHECK_INT(type->open(&io, folder, "file", &exclusive, &file), WASI_EXIST);
    CHECK_INT(type->open(&io, folder, "file", &directory, &file), WASI_NOTDIR);
    CHECK_INT(type->open(&io, folder, "file", &change, &file), WASI_ROFS);
    CHECK_INT(type->open(&io, folder, ".", &change, &file), WASI_ISDIR);
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

TEST_MAIN
