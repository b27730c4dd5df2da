/* Linking: modules that import from each other, mixed sources, what is missing or of
 * another type, and who keeps whom alive. */
#include "module.h"
#include "support.h"

static wazero_error_t *ignore(void *user, wazero_module_t *caller, uint64_t *stack)
{
    (void)caller;
    (void)stack;
    ++*(int *)user;
    return NULL;
}

static wazero_error_t *try_fixture(wazero_runtime_t *runtime, const char *name,
                                   const wazero_imports_t *imports,
                                   wazero_module_t **module)
{
    wasm_t wasm = wasm_fixture(name);
    return wazero_runtime_instantiate(runtime, wasm.data, wasm.size, imports, NULL,
                                      module);
}

static void check_client(wazero_module_t *library, wazero_module_t *client)
{
    CHECK_INT(CALL(client, "add_three", 4), 7);
    CHECK_INT(CALL(client, "bump"), 11);
    CALL(client, "store", 9, 77);
    CHECK_INT(CALL(client, "load", 9), 77);
    CHECK_INT(CALL(library, "call", 0), 1);
    CHECK_INT(CALL(library, "call", 1),
              7); /* the client's function, through the table */
}

static void check_named(wazero_runtime_t *runtime)
{
    wazero_module_t *library = new_named(runtime, "library", "library");
    wazero_module_t *client = new_module(runtime, "client", NULL, NULL);
    bool shares = false;
    check_client(library, client);
    CHECK(wazero_module_source(client, 0, &shares) == library);
    CHECK(shares);
    CHECK(!wazero_module_source(client, 1, NULL));
    wazero_module_delete(library);
    wazero_module_delete(client);
}

TEST_ON_BOTH_ENGINES(by_name, check_named)

TEST(by_import)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *library = new_module(runtime, "library", NULL, NULL);
    wazero_imports_t *imports;
    must(wazero_imports_new(&imports));
    must(wazero_imports_add_module(imports, "library", WAZERO_CSTR, library));
    wazero_module_t *client = new_module(runtime, "client", imports, NULL);
    check_client(library, client);
    wazero_imports_delete(imports);
    wazero_module_delete(client);
    wazero_module_delete(library);
    wazero_runtime_delete(runtime);
}

TEST(from_several_sources)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *library = new_module(runtime, "library", NULL, NULL);
    wazero_memory_t *memory;
    wazero_imports_t *imports;
    int calls = 0;
    char byte;
    must(wazero_imports_new(&imports));
    must(wazero_imports_add_module(imports, "env", WAZERO_CSTR, library));
    must(wazero_imports_add_function(imports, "env", WAZERO_CSTR, "log", WAZERO_CSTR,
                                     ignore, &calls, NULL));
    must(wazero_imports_add_export(imports, "env", WAZERO_CSTR, "plus", WAZERO_CSTR,
                                   library, "add", WAZERO_CSTR));
    CHECK_ERROR(wazero_imports_add_export(imports, "env", WAZERO_CSTR, "plus",
                                          WAZERO_CSTR, library, "absent", WAZERO_CSTR),
                WAZERO_ERROR_INVALID, "no export absent");
    wazero_module_t *mixed = new_module(runtime, "mixed", imports, NULL);
    wazero_imports_delete(imports);
    CHECK_INT(CALL(mixed, "run", 30, 12), 42);
    CHECK_INT(calls, 1);
    must(wazero_module_memory(library, "memory", WAZERO_CSTR, &memory));
    must(wazero_memory_read(memory, 100, &byte, 1));
    CHECK_INT(byte, 12);
    wazero_memory_delete(memory);
    wazero_module_delete(library);
    CHECK_INT(CALL(mixed, "run", 1, 1), 2);
    wazero_module_delete(mixed);
    wazero_runtime_delete(runtime);
}

TEST(missing_and_mistyped)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module, *values;
    wazero_imports_t *imports;
    int calls = 0;
    CHECK_ERROR(try_fixture(runtime, "client", NULL, &module), WAZERO_ERROR_LINK,
                "import func[library.add]: module[library] not instantiated");
    must(wazero_imports_new(&imports));
    CHECK_ERROR(try_fixture(runtime, "host", imports, &module), WAZERO_ERROR_LINK,
                "expected function (i32) -> ()");
    values = new_named(runtime, "values", "library");
    CHECK_ERROR(try_fixture(runtime, "client", NULL, &module), WAZERO_ERROR_LINK,
                "\"add\" is not exported in module \"library\"");
    must(wazero_imports_add_function(imports, "library", WAZERO_CSTR, "memory",
                                     WAZERO_CSTR, ignore, &calls, NULL));
    must(wazero_imports_add_export(imports, "library", WAZERO_CSTR, "add", WAZERO_CSTR,
                                   values, "swap", WAZERO_CSTR));
    CHECK_ERROR(
        try_fixture(runtime, "client", imports, &module), WAZERO_ERROR_LINK,
        "import func[library.add]: signature mismatch; expected function (i32, i32) -> "
        "(i32), given function (i32, i64, f32, f64) -> (f64, f32, i64, i32)");
    must(wazero_imports_add_function(imports, "library", WAZERO_CSTR, "add",
                                     WAZERO_CSTR, ignore, &calls, NULL));
    must(wazero_imports_add_function(imports, "library", WAZERO_CSTR, "increment",
                                     WAZERO_CSTR, ignore, &calls, NULL));
    CHECK_ERROR(try_fixture(runtime, "client", imports, &module), WAZERO_ERROR_LINK,
                "import memory[library.memory]: given a host function; expected memory "
                "of 1 or more");
    must(wazero_imports_add_export(imports, "library", WAZERO_CSTR, "memory",
                                   WAZERO_CSTR, values, "i32", WAZERO_CSTR));
    CHECK_ERROR(try_fixture(runtime, "client", imports, &module), WAZERO_ERROR_LINK,
                "kind mismatch; expected memory of 1 or more pages, given function "
                "(i32) -> (i32)");
    CHECK_ERROR(wazero_imports_add_module(imports, "\xc0", 1, values),
                WAZERO_ERROR_INVALID, "not valid UTF-8");
    wazero_imports_delete(imports);
    wazero_imports_delete(NULL);
    wazero_module_delete(values);
    wazero_runtime_delete(runtime);
}

TEST(another_runtime)
{
    wazero_runtime_t *runtime = new_runtime(), *other = new_runtime();
    wazero_module_t *library = new_module(other, "library", NULL, NULL), *module;
    wazero_imports_t *imports;
    must(wazero_imports_new(&imports));
    must(wazero_imports_add_module(imports, "library", WAZERO_CSTR, library));
    CHECK_ERROR(
        try_fixture(runtime, "client", imports, &module), WAZERO_ERROR_LINK,
        "import func[library.add]: it is given from a module of another runtime");
    wazero_imports_delete(imports);
    wazero_module_delete(library);
    wazero_runtime_delete(other);
    wazero_runtime_delete(runtime);
}

TEST(limits_are_compared)
{
    /* The client wants a table of 2 and a memory of 1 page; the memory fixture has no
     * table, and its memory is called memory. */
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *library = new_module(runtime, "library", NULL, NULL);
    wazero_module_t *module;
    wazero_imports_t *imports;
    must(wazero_imports_new(&imports));
    must(wazero_imports_add_module(imports, "library", WAZERO_CSTR, library));
    must(wazero_imports_add_export(imports, "library", WAZERO_CSTR, "counter",
                                   WAZERO_CSTR, library, "table", WAZERO_CSTR));
    CHECK_ERROR(try_fixture(runtime, "client", imports, &module), WAZERO_ERROR_LINK,
                "import global[library.counter]");
    wazero_imports_delete(imports);
    wazero_module_delete(library);
    wazero_runtime_delete(runtime);
}

static void check_closing(wazero_runtime_t *runtime, bool importer_first)
{
    wazero_module_t *library = new_named(runtime, "library", "library");
    wazero_module_t *client = new_module(runtime, "client", NULL, NULL);
    wazero_memory_t *memory;
    wazero_module_t *left = importer_first ? library : client;
    must(wazero_module_memory(left, NULL, 0, &memory));
    const uint8_t *base = wazero_memory_data(memory);
    CALL(client, "store", 5, 99);
    must(wazero_module_close_with_exit_code(importer_first ? client : library, 0));
    /* The memory of the one that is left neither moves nor loses anything. */
    CHECK_INT(CALL(left, "grow", 2), 1);
    CHECK(wazero_memory_data(memory) == base);
    CHECK_INT(base[5], 99);
    CHECK_INT(base[3 * 65536 - 1], 0);
    CHECK_INT(wazero_memory_pages(memory), 3);
    wazero_memory_delete(memory);
    wazero_module_delete(importer_first ? client : library);
    CHECK_INT(CALL(left, "grow", 1), 3);
    wazero_module_delete(left);
    wazero_runtime_delete(runtime);
}

TEST(importer_closes_first_compiler)
{
    check_closing(new_runtime(), true);
}
TEST(importer_closes_first_interpreter)
{
    check_closing(new_interpreter(), true);
}
TEST(owner_closes_first_compiler)
{
    check_closing(new_runtime(), false);
}
TEST(owner_closes_first_interpreter)
{
    check_closing(new_interpreter(), false);
}

TEST(table_keeps_a_deleted_module)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *library = new_named(runtime, "library", "library");
    wazero_module_delete(new_module(runtime, "client", NULL, NULL));
    /* Other modules come and go where it was. */
    for (int i = 0; i < 200; i++)
        wazero_module_delete(new_module(runtime, "memory", NULL, NULL));
    CHECK_INT(CALL(library, "call", 1), 7);
    wazero_module_delete(library);
    wazero_runtime_delete(runtime);
}

/* A function that is exported again is still one of the module that it comes from. */
static void check_exported_again(wazero_runtime_t *runtime)
{
    wazero_module_t *library = new_named(runtime, "library", "library");
    wazero_module_t *again = new_module(runtime, "again", NULL, NULL);
    int32_t args[2] = {5, 7}, sum = 0;
    CHECK_INT(CALL(again, "add", 5, 7), 12);
    must(wazero_module_close_with_exit_code(library, 0));
    CHECK_ERROR(try_call(again, "add", args, 2, &sum), WAZERO_ERROR_CLOSED, "closed");
    wazero_module_delete(again);
    wazero_module_delete(library);
}

TEST_ON_BOTH_ENGINES(exported_again, check_exported_again)

TEST(names_are_unique_while_open)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *first = new_named(runtime, "add", "a"), *found;
    wasm_t wasm = wasm_fixture("add");
    wazero_module_config_t *config;
    wazero_module_t *module;
    must(wazero_module_config_new(&config));
    must(wazero_module_config_set_name(config, "a", WAZERO_CSTR));
    CHECK_ERROR(wazero_runtime_instantiate(runtime, wasm.data, wasm.size, NULL, config,
                                           &module),
                WAZERO_ERROR_INVALID, "module[a] has already been instantiated");
    must(wazero_module_close_with_exit_code(first, 0));
    must(wazero_runtime_module(runtime, "a", WAZERO_CSTR, &found));
    CHECK(!found);
    must(wazero_runtime_instantiate(runtime, wasm.data, wasm.size, NULL, config,
                                    &module));
    wazero_module_delete(module); /* the name keeps it */
    must(wazero_runtime_module(runtime, "a", WAZERO_CSTR, &found));
    CHECK(found != NULL);
    wazero_module_delete(found);
    wazero_module_delete(first);
    wazero_module_config_delete(config);
    wazero_runtime_delete(runtime);
}

/* ---- resolvers ---- */

typedef struct {
    wazero_module_t *answer; /* borrowed, or NULL */
    wazero_error_t *failure;
    int asked;
    int deleted;
} resolver_t;

static wazero_error_t *resolve(void *user, const char *module, size_t module_size,
                               wazero_module_t **found)
{
    resolver_t *resolver = user;
    CHECK_BYTES(module, module_size, "library", 7);
    resolver->asked++;
    if (resolver->failure)
        return resolver->failure;
    /* A handle of its own: the runtime has the module under its name. */
    if (resolver->answer)
        must(wazero_runtime_module(resolver->answer->runtime, "hidden", WAZERO_CSTR,
                                   found));
    return NULL;
}

static void resolver_deleted(void *user)
{
    ((resolver_t *)user)->deleted++;
}

static void check_resolver(wazero_runtime_t *runtime)
{
    wazero_module_t *library = new_named(runtime, "library", "hidden"), *client;
    wazero_imports_t *imports;
    resolver_t nothing = {0}, gives = {.answer = library}, fails = {0};
    must(wazero_imports_new(&imports));
    must(wazero_imports_set_resolver(imports, resolve, &nothing, resolver_deleted));
    CHECK_ERROR(try_fixture(runtime, "client", imports, &client), WAZERO_ERROR_LINK,
                "module[library] not instantiated");
    CHECK_INT(nothing.asked, 1);
    must(wazero_imports_set_resolver(imports, resolve, &gives, resolver_deleted));
    CHECK_INT(nothing.deleted, 1);
    must(try_fixture(runtime, "client", imports, &client));
    CHECK_INT(gives.asked, 5);
    check_client(library, client);
    CHECK(wazero_module_source(client, 0, NULL) == library);
    wazero_module_delete(client);
    /* What the set has is not asked for. */
    gives.asked = 0;
    must(wazero_imports_add_export(imports, "library", WAZERO_CSTR, "add", WAZERO_CSTR,
                                   library, "add", WAZERO_CSTR));
    must(try_fixture(runtime, "client", imports, &client));
    CHECK_INT(gives.asked, 4);
    wazero_module_delete(client);
    fails.failure = wazero_error_new_host("no such luck", WAZERO_CSTR, NULL, NULL);
    must(wazero_imports_set_resolver(imports, resolve, &fails, NULL));
    CHECK_ERROR(try_fixture(runtime, "client", imports, &client), WAZERO_ERROR_HOST,
                "no such luck");
    wazero_imports_delete(imports);
    CHECK_INT(gives.deleted, 1);
    wazero_module_delete(library);
}

TEST_ON_BOTH_ENGINES(resolver, check_resolver)

TEST(resolver_that_gives_the_wrong_module)
{
    wazero_runtime_t *runtime = new_runtime(), *other = new_runtime();
    wazero_module_t *poor = new_named(runtime, "add", "hidden"), *client;
    wazero_module_t *foreign = new_named(other, "library", "hidden");
    resolver_t gives = {.answer = poor};
    wazero_imports_t *imports;
    must(wazero_imports_new(&imports));
    must(wazero_imports_set_resolver(imports, resolve, &gives, NULL));
    CHECK_ERROR(try_fixture(runtime, "client", imports, &client), WAZERO_ERROR_LINK,
                "the module that the resolver gave does not export it");
    gives.answer = foreign;
    CHECK_ERROR(try_fixture(runtime, "client", imports, &client), WAZERO_ERROR_LINK,
                "another runtime");
    wazero_imports_delete(imports);
    wazero_module_delete(poor);
    wazero_module_delete(foreign);
    wazero_runtime_delete(runtime);
    wazero_runtime_delete(other);
}

TEST_MAIN
