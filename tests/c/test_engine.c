/* Where the engine library is looked for, and what is said when it is not there.
 * Each try is a child of its own, for an engine that is loaded stays. */
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

/* Tries to load the engine in a child where WAZERO_ENGINE is `said` and the working
 * directory `directory`; either may be NULL. Fails unless the message has the part, or
 * unless it works if part is NULL. */
static int try_engine(const char *said, const char *directory, const char *part)
{
    int status;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        const char *version = NULL;
        if (said)
            setenv("WAZERO_ENGINE", said, 1);
        else
            unsetenv("WAZERO_ENGINE");
        if (directory && chdir(directory))
            _exit(2);
        wazero_error_t *error = wazero_engine_version(&version);
        if (part && CHECK(error != NULL)) {
            CHECK_INT(wazero_error_kind(error), WAZERO_ERROR_INTERNAL);
            CHECK_CONTAINS(wazero_error_message(error, NULL), part);
        }
        if (!part)
            CHECK(error == NULL && strcmp(version, "v1.12.0") == 0);
        fflush(stdout);
        _exit(test_failed_checks != 0);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

TEST(where_it_is_looked_for)
{
    char engine[4096], directory[4096];
    const char *said = getenv("WAZERO_ENGINE");
    if (!CHECK(said && said[0] == '/'))
        return;
    snprintf(engine, sizeof engine, "%s", said);
    snprintf(directory, sizeof directory, "%s", said);
    *strrchr(directory, '/') = '\0';
    CHECK_INT(try_engine(engine, NULL, NULL), 0);
    /* Not in the working directory, not by a relative path, not by a bare name. */
    CHECK_INT(try_engine(NULL, directory, "WAZERO_ENGINE (not set)"), 0);
    CHECK_INT(try_engine("libwazero_engine.so", directory, "is not an absolute path"),
              0);
    CHECK_INT(try_engine("./libwazero_engine.so", directory, "is not an absolute path"),
              0);
    CHECK_INT(try_engine("", directory, "is not an absolute path"), 0);
    CHECK_INT(try_engine("/nowhere/at/all.so", NULL, "cannot be read"), 0);
}

TEST(what_is_no_engine)
{
    char path[] = "/tmp/wazero-engine-XXXXXX";
    int file = mkstemp(path);
    CHECK(file >= 0 && write(file, "no library", 10) == 10);
    close(file);
    CHECK_INT(try_engine(path, NULL, path), 0);
    unlink(path);
}

TEST_MAIN
