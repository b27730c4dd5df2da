/* Runtimes, compiled modules, caches and their configurations. */
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

TEST(versions)
{
    const char *version;
    CHECK_STR(wazero_version(), WAZERO_VERSION);
    must(wazero_engine_version(&version));
    CHECK_STR(version, "v1.12.0");
}

TEST(imports_and_exports)
{
    wazero_runtime_t *runtime = new_runtime();
    wasm_t wasm = wasm_fixture("client");
    wazero_compiled_module_t *compiled;
    size_t size;
    must(wazero_runtime_compile(runtime, wasm.data, wasm.size, &compiled));
    CHECK_STR(wazero_compiled_module_name(compiled, &size), "client");
    CHECK_INT(size, 6);
    const void *bytes = wazero_compiled_module_bytes(compiled, &size);
    CHECK_BYTES(bytes, size, wasm.data, wasm.size);
    CHECK_INT(wazero_compiled_module_import_count(compiled), 5);
    const wazero_extern_t *import = wazero_compiled_module_import(compiled, 3);
    CHECK_STR(import->module, "library");
    CHECK_STR(import->name, "counter");
    CHECK_INT(import->kind, WAZERO_EXTERN_GLOBAL);
    CHECK(import->type.global.is_mutable);
    CHECK(!wazero_compiled_module_import(compiled, 5));
    CHECK_INT(wazero_compiled_module_export_count(compiled), 5);
    CHECK_STR(wazero_compiled_module_export(compiled, 1)->name, "bump");
    CHECK(!wazero_compiled_module_export(compiled, 5));
    wazero_compiled_module_delete(compiled);
    wazero_runtime_delete(runtime);
}

TEST(bad_bytes)
{
    wazero_runtime_t *runtime = new_runtime();
    wasm_t wasm = wasm_fixture("traps");
    wazero_compiled_module_t *compiled;
    CHECK_ERROR(wazero_runtime_compile(runtime, NULL, 0, &compiled),
                WAZERO_ERROR_COMPILE, "");
    CHECK_ERROR(wazero_runtime_compile(runtime, NULL, 5, &compiled),
                WAZERO_ERROR_INVALID, "NULL");
    CHECK_ERROR(wazero_runtime_compile(runtime, "\0asm\x0d\0\x01\0", 8, &compiled),
                WAZERO_ERROR_COMPILE, "component");
    for (size_t size = 0; size < wasm.size; size++) {
        wazero_error_t *error =
            wazero_runtime_compile(runtime, wasm.data, size, &compiled);
        if (error) {
            CHECK_INT(wazero_error_kind(error), WAZERO_ERROR_COMPILE);
            CHECK(*wazero_error_message(error, NULL) != '\0');
            wazero_error_delete(error);
        } else {
            wazero_compiled_module_delete(compiled);
        }
    }
    /* Valid to the parser, not to wazero: i32.add of nothing. */
    static const uint8_t invalid[] = {0,  'a', 's',  'm', 1, 0,    0,   0, 1,
                                      4,  1,   0x60, 0,   0, 3,    2,   1, 0,
                                      10, 5,   1,    3,   0, 0x6a, 0x0b};
    CHECK_ERROR(wazero_runtime_compile(runtime, invalid, sizeof invalid, &compiled),
                WAZERO_ERROR_COMPILE, "invalid function[0]");
    wazero_runtime_delete(runtime);
}

TEST(validate)
{
    wasm_t wasm = wasm_fixture("memory");
    wazero_runtime_config_t *config;
    must(wazero_validate(NULL, wasm.data, wasm.size));
    CHECK_ERROR(wazero_validate(NULL, wasm.data, wasm.size - 1), WAZERO_ERROR_COMPILE,
                "");
    must(wazero_runtime_config_new(&config));
    must(wazero_runtime_config_set_memory_limit_pages(config, 0));
    CHECK_ERROR(wazero_validate(config, wasm.data, wasm.size), WAZERO_ERROR_COMPILE,
                "over limit of 0 pages");
    must(wazero_runtime_config_set_memory_limit_pages(config, 1));
    must(wazero_runtime_config_set_features(config, WAZERO_FEATURES_V1));
    must(wazero_validate(config, wasm.data, wasm.size));
    wasm = wasm_fixture("values");
    CHECK_ERROR(wazero_validate(config, wasm.data, wasm.size), WAZERO_ERROR_COMPILE,
                "");
    wazero_runtime_config_delete(config);
}

TEST(configuration_is_checked)
{
    wazero_runtime_config_t *config;
    must(wazero_runtime_config_new(&config));
    CHECK_ERROR(wazero_runtime_config_set_engine(config, (wazero_engine_kind_t)3),
                WAZERO_ERROR_INVALID, "3 is no engine");
    CHECK_ERROR(wazero_runtime_config_set_features(config, (wazero_features_t)1 << 40),
                WAZERO_ERROR_INVALID, "0x10000000000");
    CHECK_ERROR(wazero_runtime_config_set_table_limit(config, 10000001),
                WAZERO_ERROR_INVALID, "over 10000000");
    CHECK_ERROR(wazero_runtime_config_set_compilation_workers(config, 1025),
                WAZERO_ERROR_INVALID, "1025 compilation workers are over 1024");
    must(wazero_runtime_config_set_compilation_workers(config, 1024));
    wazero_runtime_config_delete(config);
    wazero_runtime_config_delete(NULL);
}

static void check_cache(wazero_cache_t *cache, const char *fixture)
{
    wazero_runtime_config_t *config;
    wazero_runtime_t *runtime;
    must(wazero_runtime_config_new(&config));
    wazero_runtime_config_set_cache(config, cache);
    must(wazero_runtime_new(config, &runtime));
    wazero_runtime_config_delete(config);
    wazero_module_t *module = new_module(runtime, fixture, NULL, NULL);
    CHECK_INT(CALL(module, "add", 20, 22), 42);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

static int count_files(const char *directory)
{
    int count = 0;
    DIR *opened = opendir(directory);
    for (struct dirent *entry; opened && (entry = readdir(opened));) {
        char path[4096];
        struct stat status;
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (entry->d_name[0] == '.' || lstat(path, &status))
            continue;
        count += S_ISDIR(status.st_mode) ? count_files(path) : 1;
    }
    if (opened)
        closedir(opened);
    return count;
}

TEST(caches)
{
    char directory[] = "/tmp/wazero-cache-XXXXXX", command[64];
    wazero_cache_t *cache;
    CHECK(mkdtemp(directory) != NULL);
    for (int i = 0; i < 2; i++) {
        must(wazero_cache_new(directory, &cache));
        check_cache(cache, "add");
        check_cache(cache, "add");
        wazero_cache_delete(cache);
        CHECK_INT(count_files(directory), 1);
    }
    must(wazero_cache_new(directory, &cache));
    CHECK_STR(wazero_cache_directory(cache), directory);
    wazero_cache_delete(cache);
    must(wazero_cache_new(NULL, &cache));
    CHECK(!wazero_cache_directory(cache));
    check_cache(cache, "add");
    wazero_cache_delete(cache);
    wazero_cache_delete(NULL);
    CHECK_ERROR(wazero_cache_new("", &cache), WAZERO_ERROR_INVALID, "no name");
    CHECK_ERROR(wazero_cache_new("/proc/nothing/here", &cache), WAZERO_ERROR_INVALID,
                "create directory /proc/nothing/here: mkdir /proc/nothing: ");
    CHECK_INT(chmod(directory, 0777), 0);
    CHECK_ERROR(wazero_cache_new(directory, &cache), WAZERO_ERROR_INVALID, "mode 777");
    snprintf(command, sizeof command, "rm -r %s", directory);
    CHECK_INT(system(command), 0);
}

TEST(limits_of_caches)
{
    char directory[] = "/tmp/wazero-limit-XXXXXX", command[400];
    wazero_cache_t *cache;
    CHECK(mkdtemp(directory) != NULL);
    must(wazero_cache_new(directory, &cache));
    CHECK(wazero_cache_limit(cache) == WAZERO_NO_LIMIT);
    check_cache(cache, "library");
    /* One of another version, with something that is no entry, and one that is. */
    snprintf(command, sizeof command,
             "mkdir %s/wazero-old %s/other && touch %s/wazero-old/note %s/other/note &&"
             "cp %s/wazero-[!o]*/* %s/wazero-old",
             directory, directory, directory, directory, directory, directory);
    CHECK_INT(system(command), 0);
    CHECK_INT(count_files(directory), 4);
    wazero_cache_set_limit(cache, 0);
    CHECK_INT(wazero_cache_limit(cache), 0);
    check_cache(cache, "library"); /* nothing is written, so nothing goes */
    CHECK_INT(count_files(directory), 4);
    check_cache(cache, "add");
    CHECK_INT(count_files(directory), 3); /* the last one, and what is no entry */
    wazero_cache_delete(cache);
    must(wazero_cache_new(NULL, &cache));
    wazero_cache_set_limit(cache, 0);
    check_cache(cache, "add");
    wazero_cache_delete(cache);
    snprintf(command, sizeof command, "rm -r %s", directory);
    CHECK_INT(system(command), 0);
}

TEST(default_cache)
{
    char home[] = "/tmp/wazero-home-XXXXXX", path[128], command[64];
    wazero_cache_t *cache;
    CHECK(mkdtemp(home) != NULL);
    const struct {
        const char *name, *value, *below;
    } steps[] = {
        {"HOME", home, "/.cache/wazero"},
        {"XDG_CACHE_HOME", "relative", "/.cache/wazero"},
        {"XDG_CACHE_HOME", home, "/wazero"},
        {"WAZERO_CACHE_DIR", home, ""},
    };
    unsetenv("XDG_CACHE_HOME");
    unsetenv("WAZERO_CACHE_DIR");
    unsetenv("HOME");
    CHECK_ERROR(wazero_cache_new_default(&cache), WAZERO_ERROR_INVALID,
                "none of WAZERO_CACHE_DIR, XDG_CACHE_HOME and HOME");
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        setenv(steps[i].name, steps[i].value, 1);
        snprintf(path, sizeof path, "%s%s", home, steps[i].below);
        must(wazero_cache_new_default(&cache));
        CHECK_STR(wazero_cache_directory(cache), path);
        CHECK(wazero_cache_limit(cache) == (uint64_t)1 << 30);
        check_cache(cache, "add");
        CHECK(count_files(path) > 0);
        wazero_cache_delete(cache);
    }
    snprintf(command, sizeof command, "rm -r %s", home);
    CHECK_INT(system(command), 0);
}

TEST(memory_capacity_from_max)
{
    wazero_runtime_config_t *config;
    wazero_runtime_t *runtime;
    must(wazero_runtime_config_new(&config));
    wazero_runtime_config_set_memory_capacity_from_max(config, true);
    must(wazero_runtime_new(config, &runtime));
    wazero_module_delete(new_module(runtime, "memory", NULL, NULL));
    wazero_runtime_delete(runtime);
    wazero_runtime_config_delete(config);
}

TEST_MAIN
