/* Fork: objects from before are refused and safe to delete; a new runtime works. */
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

/* Runs a function in a child and gives its verdict. */
static int in_child(int (*run)(void))
{
    int status;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        int verdict = run();
        fflush(stdout);
        _exit(verdict);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

static wazero_runtime_t *runtime;
static wazero_module_t *module;
static wazero_function_t *add;
static wazero_memory_t *memory;
static int generations;

static int use_old_objects(void)
{
    unsigned before = test_failed_checks;
    uint64_t slots[2] = {1, 2};
    uint32_t old;
    wasm_t wasm = wasm_fixture("add");
    wazero_compiled_module_t *compiled;
    wazero_module_t *found;
    CHECK_ERROR(wazero_function_call_with_stack(add, slots, 2), WAZERO_ERROR_FORKED,
                "before fork()");
    CHECK_ERROR(wazero_runtime_compile(runtime, wasm.data, wasm.size, &compiled),
                WAZERO_ERROR_FORKED, "runtime was made before fork()");
    CHECK_ERROR(wazero_runtime_module(runtime, "a", 1, &found), WAZERO_ERROR_FORKED,
                "");
    CHECK_ERROR(wazero_memory_grow(memory, 1, &old), WAZERO_ERROR_FORKED, "");
    CHECK_ERROR(wazero_memory_read(memory, 0, slots, 1), WAZERO_ERROR_FORKED, "");
    CHECK_ERROR(wazero_module_close_with_exit_code(module, 0), WAZERO_ERROR_FORKED, "");
    wazero_function_delete(add);
    wazero_memory_delete(memory);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
    return test_failed_checks != before;
}

static int use_new_objects(void)
{
    wazero_runtime_t *fresh = new_runtime();
    wazero_module_t *made = new_module(fresh, "add", NULL, NULL);
    int verdict = CALL(made, "add", 40, 2) != 42;
    if (!verdict && --generations > 0)
        verdict = in_child(use_new_objects);
    wazero_module_delete(made);
    wazero_runtime_delete(fresh);
    return verdict;
}

TEST(in_children)
{
    runtime = new_runtime();
    module = new_module(runtime, "memory", NULL, NULL);
    add = get_function(module, "load");
    must(wazero_module_memory(module, NULL, 0, &memory));
    CHECK_INT(in_child(use_old_objects), 0);
    generations = 5;
    CHECK_INT(in_child(use_new_objects), 0);
    /* Here nothing has changed. */
    CHECK_INT(CALL(module, "load", 16), 'h');
    wazero_memory_delete(memory);
    wazero_function_delete(add);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

/* ---- inside a host function ---- */

static int fork_result; /* in the parent, what became of the child */

/* Forks; the child goes back into a call that only its parent can finish. */
static wazero_error_t *fork_inside(void *user, wazero_module_t *caller, uint64_t *stack)
{
    (void)user;
    (void)caller;
    (void)stack;
    int status;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        return NULL;
    }
    waitpid(child, &status, 0);
    fork_result = WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
    return NULL;
}

TEST(inside_a_host_function)
{
    static const char *const names[] = {"log", "sum", "pair"};
    pid_t parent = getpid();
    wazero_imports_t *imports;
    runtime = new_runtime();
    must(wazero_imports_new(&imports));
    for (int i = 0; i < 3; i++)
        must(wazero_imports_add_function(imports, "env", WAZERO_CSTR, names[i],
                                         WAZERO_CSTR, fork_inside, NULL, NULL));
    module = new_module(runtime, "host", imports, NULL);
    wazero_imports_delete(imports);
    fork_result = -1;
    wazero_error_t *error = try_call(module, "log", (int32_t[]){1}, 1, NULL);
    if (getpid() != parent) {
        bool told = error && wazero_error_kind(error) == WAZERO_ERROR_FORKED;
        wazero_error_delete(error);
        generations = 2;
        int verdict = told ? use_new_objects() : 9;
        wazero_module_delete(module);
        wazero_runtime_delete(runtime);
        _exit(verdict);
    }
    CHECK(!error);
    CHECK_INT(fork_result, 0);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

TEST_MAIN
