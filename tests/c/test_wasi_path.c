/* The jail, on a folder of the host: by openat2 and by the walk, each the same. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"
#include "wasi/state.h"

static char folder[] = "/tmp/wazero-path-XXXXXX";

/* root/{file,dir/inner,up -> ..,in -> dir,chain -> up,abs -> /etc,loop -> loop} and
 * out/secret. */
static void make_tree(void)
{
    static bool made;
    if (made)
        return;
    made = true;
    if (!mkdtemp(folder) || chdir(folder) || mkdir("root", 0777) ||
        mkdir("out", 0777) || mkdir("root/dir", 0777) || symlink("..", "root/up") ||
        symlink("dir", "root/in") || symlink("up", "root/chain") ||
        symlink("/etc", "root/abs") || symlink("loop", "root/loop") ||
        symlink("../file", "root/dir/back") || symlink("../../out", "root/dir/out"))
        abort();
    close(open("root/file", O_CREAT | O_WRONLY, 0666));
    close(open("root/dir/inner", O_CREAT | O_WRONLY, 0666));
    close(open("out/secret", O_CREAT | O_WRONLY, 0666));
}

static wazero__file_t *open_root(bool walk)
{
    char path[64];
    wazero__file_t *root;
    make_tree();
    snprintf(path, sizeof path, "%s/root", folder);
    wazero__host_directory_forbid_openat2(walk);
    must(wazero__host_directory_new(path, &root));
    return root;
}

static int stat_code(wazero__file_t *root, const char *path, bool follow)
{
    wazero__io_t io = {0};
    wazero__stat_t stat;
    return wazero__path_stat(&io, root, path, follow, &stat);
}

static int open_code(wazero__file_t *root, const char *path, unsigned flags,
                     bool follow)
{
    wazero__io_t io = {0};
    wazero__file_t *file;
    wazero__how_t how = {.flags = flags, .read = true, .follow = follow};
    int code = wazero__path_open(&io, root, path, &how, &file);
    if (!code)
        wazero__file_release(file);
    return code;
}

static void check_paths(bool walk)
{
    static const struct {
        const char *path;
        int code;
    } cases[] = {
        {"file", WASI_SUCCESS},
        {"./file", WASI_SUCCESS},
        {"dir//inner", WASI_SUCCESS},
        {"dir/../file", WASI_SUCCESS},
        {"in/inner", WASI_SUCCESS},
        {"in/../file", WASI_SUCCESS},
        {"dir/back", WASI_SUCCESS},
        {"in/./../dir/../in/back", WASI_SUCCESS},
        {".", WASI_SUCCESS},
        {"dir/..", WASI_SUCCESS},
        {"dir/", WASI_SUCCESS},
        {"none", WASI_NOENT},
        {"none/x", WASI_NOENT},
        {"dir/none/..", WASI_NOENT},
        {"", WASI_NOENT},
        {"file/x", WASI_NOTDIR},
        {"file/", WASI_NOTDIR},
        {"file/..", WASI_NOTDIR},
        {"..", WASI_PERM},
        {"../root/file", WASI_PERM},
        {"dir/../../root/file", WASI_PERM},
        {"up/root/file", WASI_PERM},
        {"chain/out/secret", WASI_PERM},
        {"up/", WASI_PERM},
        {"abs/passwd", WASI_PERM},
        {"abs/", WASI_PERM},
        {"/etc", WASI_PERM},
        {"dir/out/secret", WASI_PERM},
        {"in/out/secret", WASI_PERM},
        {"loop", WASI_LOOP},
        {"loop/x", WASI_LOOP},
    };
    wazero__file_t *root = open_root(walk);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (stat_code(root, cases[i].path, true) != cases[i].code ||
            open_code(root, cases[i].path, 0, true) != cases[i].code)
            printf("path \"%s\"\n", cases[i].path);
        CHECK_INT(stat_code(root, cases[i].path, true), cases[i].code);
        CHECK_INT(open_code(root, cases[i].path, 0, true), cases[i].code);
    }
    CHECK_INT(stat_code(root, "up", false), WASI_SUCCESS); /* the link itself */
    CHECK_INT(open_code(root, "up", 0, false), WASI_LOOP);
    CHECK_INT(open_code(root, "in", 0, false), WASI_LOOP);
    CHECK_INT(open_code(root, "file", WASI_O_DIRECTORY, true), WASI_NOTDIR);
    CHECK_INT(open_code(root, "dir", WASI_O_DIRECTORY, true), WASI_SUCCESS);
    wazero__file_release(root);
}

TEST(paths_by_openat2)
{
    check_paths(false);
}

TEST(paths_by_the_walk)
{
    check_paths(true);
}

/* A path of many names, and of many "..", in a time that can be borne. */
TEST(long_paths)
{
    char path[WAZERO__PATH_MAX];
    wazero__file_t *root = open_root(true);
    size_t used = 0;
    while (used + 8 < sizeof path) {
        memcpy(path + used, "dir/../", 8);
        used += 7;
    }
    CHECK_INT(stat_code(root, path, true), WASI_SUCCESS);
    for (used = 0; used + 3 < sizeof path; used += 2)
        memcpy(path + used, "x/", 3);
    CHECK_INT(stat_code(root, path, true), WASI_NOENT);
    memset(path, 'n', WAZERO__NAME_MAX + 1);
    path[WAZERO__NAME_MAX + 1] = '\0';
    CHECK_INT(stat_code(root, path, true), WASI_NAMETOOLONG);
    memcpy(path + WAZERO__NAME_MAX + 1, "/x", 3);
    CHECK_INT(stat_code(root, path, true), WASI_NAMETOOLONG);
    wazero__file_release(root);
}

/* ---- a race ---- */

static atomic_bool stop;

/* Puts a link out, a folder and a link in, in turn, in the place of one name. */
static void *flip(void *unused)
{
    (void)unused;
    while (!atomic_load(&stop)) {
        if (symlink("../out", "root/new") || rename("root/new", "root/flip") ||
            symlink("dir", "root/new") || rename("root/new", "root/flip") ||
            unlink("root/flip") || mkdir("root/flip", 0777) || rmdir("root/flip"))
            abort();
    }
    return NULL;
}

static void check_race(bool walk)
{
    /* More of them if the other thread never ran at the right moment. */
    enum { ROUNDS = 20000, MOST = 100 * ROUNDS };
    wazero__file_t *root = open_root(walk);
    pthread_t thread;
    unsigned inside = 0;
    atomic_store(&stop, false);
    pthread_create(&thread, NULL, flip, NULL);
    for (int i = 0; i < ROUNDS || (!inside && i < MOST); i++) {
        CHECK(open_code(root, "flip/secret", 0, true) != WASI_SUCCESS);
        CHECK(stat_code(root, "flip/secret", true) != WASI_SUCCESS);
        CHECK(open_code(root, "flip/../out/secret", 0, true) != WASI_SUCCESS);
        inside += open_code(root, "flip/inner", 0, true) == WASI_SUCCESS;
    }
    CHECK(inside > 0);
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    wazero__file_release(root);
}

TEST(race_by_openat2)
{
    check_race(false);
}

TEST(race_by_the_walk)
{
    check_race(true);
}

TEST(no_descriptor_is_left_open)
{
    wazero__file_t *root = open_root(true);
    int before = dup(0);
    close(before);
    check_paths(true);
    check_paths(false);
    int after = dup(0);
    close(after);
    CHECK_INT(after, before);
    wazero__file_release(root);
    if (chdir("/"))
        abort();
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CHECK_INT(system(command), 0);
}

TEST_MAIN
