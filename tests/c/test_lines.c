/* Source lines in the text and the frames of traps, wherever the code comes from. */
#include <unistd.h>

#include "support.h"

static const char TRACE[] = "wasm error: unreachable\n"
                            "wasm stack trace:\n"
                            "\tdwarf.inner()\n"
                            "\t\t0x2b: /work/inc/b.h:70:3 (inlined)\n"
                            "\t\t      %s/c.h:12345:7 (inlined)\n"
                            "\t\t      /work/a.c:6\n"
                            "\tdwarf.$1()\n"
                            "\t\t0x2f: /work/inc/b.h:70:3 (inlined)\n"
                            "\t\t      %s/c.h:12345:7 (inlined)\n"
                            "\t\t      /work/a.c:6";

static void check_trace(wazero_runtime_t *runtime, const char *fixture,
                        const char *folder)
{
    char expected[512], source[256];
    wazero_module_t *module = new_module(runtime, fixture, NULL, NULL);
    wazero_error_t *error = try_call(module, "trap", NULL, 0, NULL);
    CHECK(error != NULL);
    snprintf(expected, sizeof expected, TRACE, folder, folder);
    CHECK_STR(wazero_error_message(error, NULL), expected);
    CHECK_INT(wazero_error_frame_count(error), 2);
    snprintf(source, sizeof source,
             "0x2b: /work/inc/b.h:70:3 (inlined)\n      %s/c.h:12345:7 (inlined)\n"
             "      /work/a.c:6",
             folder);
    CHECK_STR(wazero_error_frame(error, 0)->source, source);
    wazero_error_delete(error);
    wazero_module_delete(module);
}

static void check_both(wazero_runtime_t *runtime)
{
    check_trace(runtime, "dwarf4", "/usr");
    check_trace(runtime, "dwarf5", "/work");
}

TEST_ON_BOTH_ENGINES(lines, check_both)

TEST(lines_of_what_a_cache_has)
{
    char directory[] = "/tmp/wazero-lines-XXXXXX", command[64];
    CHECK(mkdtemp(directory) != NULL);
    for (int i = 0; i < 3; i++) {
        wazero_cache_t *cache;
        wazero_runtime_config_t *config;
        wazero_runtime_t *runtime;
        must(wazero_cache_new(directory, &cache));
        must(wazero_runtime_config_new(&config));
        wazero_runtime_config_set_cache(config, cache);
        must(wazero_runtime_config_set_compilation_workers(config, (uint32_t)i));
        must(wazero_runtime_new(config, &runtime));
        check_both(runtime);
        check_both(runtime);
        wazero_runtime_delete(runtime);
        wazero_runtime_config_delete(config);
        wazero_cache_delete(cache);
    }
    snprintf(command, sizeof command, "rm -r %s", directory);
    CHECK_INT(system(command), 0);
}

TEST(without_debug_info)
{
    wazero_runtime_config_t *config;
    wazero_runtime_t *runtime;
    must(wazero_runtime_config_new(&config));
    wazero_runtime_config_set_debug_info(config, false);
    must(wazero_runtime_new(config, &runtime));
    wazero_module_t *module = new_module(runtime, "dwarf4", NULL, NULL);
    wazero_error_t *error = try_call(module, "trap", NULL, 0, NULL);
    CHECK(error && !strstr(wazero_error_message(error, NULL), "0x"));
    CHECK_STR(wazero_error_frame(error, 0)->source, "");
    wazero_error_delete(error);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
    wazero_runtime_config_delete(config);
}

TEST_MAIN
