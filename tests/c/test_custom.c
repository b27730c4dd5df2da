/* File systems of functions of the host's: what each missing function answers, what the
 * library does for them, errors that end a call, and what is closed when. */
#include <errno.h>

#include "../../lib/wasi/filesystem.h"
#include "../../lib/wasi/state.h"
#include "support.h"

/* "folder", "folder/file", "link" to it, and "made" once it is there. */
typedef struct {
    char content[64];
    size_t size;
    bool made;
    int opened, closed, unheard, deleted;
    wazero_error_t *fail; /* ends the next call */
    wazero_errno_t code;  /* what the next call of most answers */
    char last[128];       /* the paths of the last change */
    wazero_file_how_t how;
    wazero__file_t *release; /* in the next call */
} store_t;

static wazero_errno_t next(wazero_fs_call_t *call)
{
    store_t *store = call->user;
    wazero_errno_t code = store->code;
    call->error = store->fail;
    store->fail = NULL;
    store->code = WAZERO_ERRNO_SUCCESS;
    wazero__file_release(store->release);
    store->release = NULL;
    return code;
}

static wazero_errno_t store_stat(wazero_fs_call_t *call, const char *path,
                                 wazero_file_stat_t *stat)
{
    const store_t *store = call->user;
    bool is_made = strcmp(path, "made") == 0 && store->made;
    if (strcmp(path, ".") == 0 || strcmp(path, "folder") == 0)
        stat->type = WAZERO_FILE_DIRECTORY;
    else if (strcmp(path, "folder/file") == 0 || is_made)
        stat->type = WAZERO_FILE_REGULAR;
    else if (strcmp(path, "link") == 0)
        stat->type = WAZERO_FILE_SYMBOLIC_LINK;
    else if (strcmp(path, "odd") != 0)
        return WAZERO_ERRNO_NOENT;
    stat->size = stat->type == WAZERO_FILE_REGULAR ? store->size : 0;
    stat->mtim = 5;
    return next(call);
}

static wazero_errno_t store_list(wazero_fs_call_t *call, const char *path,
                                 wazero_entries_t *entries)
{
    CHECK_STR(path, ".");
    CHECK_INT(wazero_entries_add(entries, "", 0, 0, WAZERO_FILE_REGULAR),
              WAZERO_ERRNO_INVAL);
    CHECK_INT(wazero_entries_add(entries, "a/b", WAZERO_CSTR, 0, WAZERO_FILE_REGULAR),
              WAZERO_ERRNO_INVAL);
    CHECK_INT(wazero_entries_add(entries, "a\0b", 3, 0, WAZERO_FILE_REGULAR),
              WAZERO_ERRNO_INVAL);
    CHECK_INT(wazero_entries_add(entries, "..", WAZERO_CSTR, 0, WAZERO_FILE_UNKNOWN),
              0);
    CHECK_INT(
        wazero_entries_add(entries, "folder", WAZERO_CSTR, 0, WAZERO_FILE_DIRECTORY),
        0);
    return next(call);
}

static wazero_errno_t store_read_link(wazero_fs_call_t *call, const char *path,
                                      char *buffer, size_t size, size_t *done)
{
    if (strcmp(path, "link") != 0)
        return WAZERO_ERRNO_INVAL;
    *done = strlen("folder/file") < size ? strlen("folder/file") : size;
    memcpy(buffer, "folder/file", *done);
    return next(call);
}

static wazero_errno_t store_open(wazero_fs_call_t *call, const char *path,
                                 const wazero_file_how_t *how,
                                 wazero_file_opened_t *opened)
{
    store_t *store = call->user;
    snprintf(store->last, sizeof store->last, "%s", path);
    store->how = *how;
    wazero_errno_t code = next(call);
    if (code || call->error)
        return code;
    store->made |= !how->exists;
    store->opened++;
    opened->file = store;
    CHECK_INT(opened->descriptor, -1);
    return WAZERO_ERRNO_SUCCESS;
}

static wazero_errno_t store_close(wazero_fs_call_t *call, void *file)
{
    store_t *store = file;
    CHECK(file == call->user);
    store->closed++;
    store->unheard += call->unheard;
    return next(call);
}

static wazero_errno_t store_pread(wazero_fs_call_t *call, void *file, void *buffer,
                                  size_t size, uint64_t offset, size_t *done)
{
    const store_t *store = file;
    *done = 0;
    if (offset < store->size) {
        *done = size < store->size - offset ? size : store->size - offset;
        memcpy(buffer, store->content + offset, *done);
    }
    return next(call);
}

static wazero_errno_t store_pwrite(wazero_fs_call_t *call, void *file,
                                   const void *buffer, size_t size, uint64_t offset,
                                   size_t *done)
{
    store_t *store = file;
    if (offset + size > sizeof store->content)
        return WAZERO_ERRNO_NOSPC;
    memcpy(store->content + offset, buffer, size);
    if (store->size < offset + size)
        store->size = offset + size;
    *done = size;
    return next(call);
}

static wazero_errno_t store_set_size(wazero_fs_call_t *call, void *file, uint64_t size)
{
    ((store_t *)file)->size = size;
    return next(call);
}

static wazero_errno_t note(wazero_fs_call_t *call, const char *what, const char *a,
                           const char *b)
{
    store_t *store = call->user;
    snprintf(store->last, sizeof store->last, "%s %s %s", what, a, b);
    return next(call);
}

static wazero_errno_t store_mkdir(wazero_fs_call_t *call, const char *path)
{
    return note(call, "mkdir", path, "");
}

static wazero_errno_t store_rename(wazero_fs_call_t *call, const char *from,
                                   const char *to)
{
    return note(call, "rename", from, to);
}

static wazero_errno_t store_symlink(wazero_fs_call_t *call, const char *target,
                                    const char *path)
{
    return note(call, "symlink", target, path);
}

static wazero_errno_t store_set_times(wazero_fs_call_t *call, const char *path,
                                      const wazero_file_times_t *times)
{
    return note(call, "times", path, times->which & WAZERO_TIME_MTIM ? "mtim" : "");
}

static void store_delete(void *user)
{
    ((store_t *)user)->deleted++;
}

static const wazero_fs_functions_t whole = {
    .size = sizeof whole,
    .stat = store_stat,
    .list = store_list,
    .read_link = store_read_link,
    .open = store_open,
    .make_directory = store_mkdir,
    .remove_directory = store_mkdir,
    .unlink = store_mkdir,
    .rename = store_rename,
    .link = store_rename,
    .symlink = store_symlink,
    .set_times = store_set_times,
    .close = store_close,
    .pread = store_pread,
    .pwrite = store_pwrite,
    .set_size = store_set_size,
};

static wazero__file_t *new_root(const wazero_fs_functions_t *functions, store_t *store)
{
    wazero_fs_t *fs;
    wazero__file_t *root;
    must(wazero_fs_new_custom(functions, store, store_delete, &fs));
    must(fs->type->open(fs, &root));
    wazero_fs_delete(fs);
    return root;
}

static wazero__errno_t open_path(wazero__file_t *root, const char *path,
                                 wazero__how_t how, wazero__file_t **file)
{
    wazero__io_t io = {0};
    return wazero__path_open(&io, root, path, &how, file);
}

static const wazero__how_t reading = {.read = true, .follow = true};
static const wazero__how_t changing = {.read = true, .write = true, .follow = true};

TEST(making)
{
    store_t store = {0};
    wazero_fs_t *fs;
    wazero_fs_functions_t wrong = whole;
    CHECK_ERROR(wazero_fs_new_custom(NULL, &store, store_delete, &fs),
                WAZERO_ERROR_INVALID, "a table of functions with its size");
    wrong.size = 8;
    CHECK_ERROR(wazero_fs_new_custom(&wrong, &store, store_delete, &fs),
                WAZERO_ERROR_INVALID, "a table of functions with its size");
    wrong.size = sizeof wrong;
    wrong.stat = NULL;
    CHECK_ERROR(wazero_fs_new_custom(&wrong, &store, store_delete, &fs),
                WAZERO_ERROR_INVALID, "needs a function stat");
    CHECK_INT(store.deleted, 3);
    must(wazero_fs_new_custom(&whole, &store, NULL, &fs));
    wazero_fs_delete(fs);
    CHECK_INT(store.deleted, 3);
    CHECK_STR(wazero_errno_name(WAZERO_ERRNO_NOENT), "ENOENT");
    CHECK_STR(wazero_errno_name(WAZERO_ERRNO_NOTCAPABLE), "ENOTCAPABLE");
    CHECK_STR(wazero_errno_name((wazero_errno_t)77), "");
    CHECK_INT(wazero_errno_from_system(ENOENT), WAZERO_ERRNO_NOENT);
    CHECK_INT(wazero_errno_from_system(-1), WAZERO_ERRNO_IO);
}

/* Functions that are missing, also because the table is an older one. */
TEST(nothing_but_stat)
{
    store_t store = {.size = 3};
    wazero_fs_functions_t small = whole;
    small.size = offsetof(wazero_fs_functions_t, list);
    wazero__file_t *root = new_root(&small, &store), *file;
    const wazero__file_type_t *type = root->type;
    wazero__io_t io = {0};
    wazero__times_t times = {0};
    char buffer[8];
    size_t done;
    CHECK_INT(open_path(root, "folder/file", reading, &file), WASI_NOTSUP);
    CHECK_INT(open_path(root, "folder/none", reading, &file), WASI_NOENT);
    CHECK_INT(type->list(&io, root, NULL), WASI_NOTSUP);
    CHECK_INT(type->read_link(&io, root, "link", buffer, 8, &done), WASI_INVAL);
    CHECK_INT(type->read_link(&io, root, "none", buffer, 8, &done), WASI_NOENT);
    CHECK_INT(type->make_directory(&io, root, "a"), WASI_ROFS);
    CHECK_INT(type->remove_directory(&io, root, "a"), WASI_ROFS);
    CHECK_INT(type->unlink(&io, root, "a"), WASI_ROFS);
    CHECK_INT(type->symlink(&io, root, "a", "b"), WASI_ROFS);
    CHECK_INT(type->rename(&io, root, "a", root, "b"), WASI_ROFS);
    CHECK_INT(type->link(&io, root, "a", root, "b"), WASI_ROFS);
    CHECK_INT(type->set_times(&io, root, &times), WASI_ROFS);
    CHECK_INT(type->set_times_at(&io, root, "link", &times), WASI_ROFS);
    wazero__file_release(root);
    CHECK_INT(store.deleted, 1);
}

TEST(looking)
{
    store_t store = {.size = 3};
    wazero__file_t *root = new_root(&whole, &store);
    wazero__io_t io = {0};
    wazero__stat_t stat, again;
    CHECK_INT(wazero__path_stat(&io, root, "folder/file", false, &stat), 0);
    CHECK_INT(stat.size, 3);
    CHECK_INT(stat.mtim, 5);
    CHECK(stat.inode != 0);
    /* By a link, and by another way to the same path. */
    CHECK_INT(wazero__path_stat(&io, root, "link", true, &again), 0);
    CHECK(again.inode == stat.inode);
    CHECK_INT(wazero__path_stat(&io, root, "folder/../folder/./file", false, &again),
              0);
    CHECK(again.inode == stat.inode);
    CHECK_INT(wazero__path_stat(&io, root, "link", false, &again), 0);
    CHECK_INT(again.type, WASI_SYMBOLIC_LINK);
    CHECK(again.inode != stat.inode);
    CHECK_INT(wazero__path_stat(&io, root, "folder/..", false, &again), 0);
    CHECK_INT(wazero__path_stat(&io, root, "folder/../..", false, &again), WASI_PERM);
    CHECK_INT(wazero__path_stat(&io, root, "folder/file/x", false, &again),
              WASI_NOTDIR);
    CHECK_INT(wazero__path_stat(&io, root, "odd", false, &again), WASI_IO);
    store.code = WAZERO_ERRNO_ACCES;
    CHECK_INT(wazero__path_stat(&io, root, "folder", false, &again), WASI_ACCES);
    store.code = (wazero_errno_t)99;
    CHECK_INT(wazero__path_stat(&io, root, "folder", false, &again), WASI_IO);
    wazero__file_release(root);
}

TEST(opening)
{
    store_t store = {0};
    wazero__file_t *root = new_root(&whole, &store), *file;
    wazero__how_t how = changing;
    CHECK_INT(open_path(root, "folder", changing, &file), WASI_ISDIR);
    CHECK_INT(open_path(root, "folder", reading, &file), 0);
    CHECK_INT(file->filetype, WASI_DIRECTORY);
    wazero__file_release(file);
    how.flags = WASI_O_DIRECTORY;
    CHECK_INT(open_path(root, "folder/file", how, &file), WASI_NOTDIR);
    CHECK_INT(open_path(root, "made", reading, &file), WASI_NOENT);
    how.flags = WASI_O_CREAT | WASI_O_EXCL;
    CHECK_INT(open_path(root, "folder/file", how, &file), WASI_EXIST);
    CHECK_INT(store.opened, 0);
    store.code = WAZERO_ERRNO_NOSPC;
    CHECK_INT(open_path(root, "made", how, &file), WASI_NOSPC);
    CHECK_INT(store.closed, 0);
    CHECK_INT(open_path(root, "made", how, &file), 0);
    CHECK(store.how.write && store.how.read && !store.how.exists);
    CHECK_INT(store.how.flags, WAZERO_OPEN_CREATE | WAZERO_OPEN_EXCLUSIVE);
    wazero__file_release(file);
    CHECK_INT(store.closed, 1);
    how = (wazero__how_t){.follow = false, .read = true};
    CHECK_INT(open_path(root, "link", how, &file), WASI_LOOP);
    CHECK_INT(open_path(root, "link", reading, &file), 0);
    CHECK_STR(store.last, "folder/file");
    CHECK(store.how.exists && !store.how.write);
    wazero__file_release(root); /* what is open has the file system */
    CHECK_INT(store.deleted, 0);
    wazero__file_release(file);
    CHECK_INT(store.closed, 2);
    CHECK_INT(store.unheard, 2);
    CHECK_INT(store.deleted, 1);
}

/* The library keeps positions where there are pread and pwrite alone. */
TEST(reading_and_writing)
{
    store_t store = {0};
    wazero__file_t *root = new_root(&whole, &store), *file;
    wazero__io_t io = {0};
    char first[4] = "", second[8] = "";
    const struct iovec out[] = {{"abc", 3}, {"defg", 4}};
    const struct iovec in[] = {{first, 3}, {second, 7}};
    uint64_t position;
    size_t done;
    CHECK_INT(open_path(root, "folder/file", changing, &file), 0);
    const wazero__file_type_t *type = file->type;
    CHECK_INT(type->write(&io, file, out, 2, 0, &done), 0);
    CHECK_INT(done, 7);
    CHECK_INT(type->seek(&io, file, -6, WASI_SEEK_CUR, &position), 0);
    CHECK_INT(position, 1);
    CHECK_INT(type->read(&io, file, in, 2, 0, &done), 0);
    CHECK_INT(done, 6);
    CHECK_STR(first, "bcd");
    CHECK_STR(second, "efg");
    CHECK_INT(type->read(&io, file, in, 2, 0, &done), 0);
    CHECK_INT(done, 0);
    CHECK_INT(type->seek(&io, file, 0, WASI_SEEK_SET, &position), 0);
    CHECK_INT(type->write(&io, file, out, 1, WASI_APPEND, &done), 0);
    CHECK_INT(store.size, 10);
    CHECK_INT(type->seek(&io, file, -10, WASI_SEEK_END, &position), 0);
    CHECK_INT(position, 0);
    CHECK_INT(type->seek(&io, file, -1, WASI_SEEK_CUR, &position), WASI_INVAL);
    CHECK_INT(type->pread(&io, file, in, 1, 7, &done), 0);
    CHECK_STR(first, "abc");
    CHECK_INT(type->pwrite(&io, file, out, 1, 62, &done), WASI_NOSPC);
    /* What was written before there was no room counts. */
    CHECK_INT(type->pwrite(&io, file, out, 2, 60, &done), 0);
    CHECK_INT(done, 3);
    CHECK_INT(type->allocate(&io, file, 0, 10), 0);
    CHECK_INT(store.size, 63);
    CHECK_INT(type->allocate(&io, file, 0, 64), 0);
    CHECK_INT(store.size, 64);
    CHECK_INT(type->set_size(&io, file, 2), 0);
    CHECK_INT(store.size, 2);
    CHECK_INT(type->sync(&io, file, false), 0);
    CHECK_INT(type->set_flags(&io, file, WASI_APPEND), 0);
    wazero__file_release(file);
    wazero__file_release(root);
}

TEST(changing_names)
{
    store_t store = {0};
    wazero__file_t *root = new_root(&whole, &store), *folder;
    wazero__io_t io = {0};
    wazero__times_t times = {.which = WASI_MTIM};
    const wazero__file_type_t *type = root->type;
    CHECK_INT(type->enter(&io, root, "folder", &folder), 0);
    CHECK_INT(type->make_directory(&io, folder, "a"), 0);
    CHECK_STR(store.last, "mkdir folder/a ");
    CHECK_INT(type->rename(&io, folder, "a", root, "b"), 0);
    CHECK_STR(store.last, "rename folder/a b");
    CHECK_INT(type->symlink(&io, folder, "l", "../b"), 0);
    CHECK_STR(store.last, "symlink ../b folder/l");
    CHECK_INT(type->set_times(&io, folder, &times), 0);
    CHECK_STR(store.last, "times folder mtim");
    CHECK_INT(type->set_times_at(&io, folder, ".", &times), 0);
    CHECK_STR(store.last, "times folder mtim");
    store.code = WAZERO_ERRNO_DQUOT;
    CHECK_INT(type->unlink(&io, root, "a"), WASI_DQUOT);
    wazero__file_release(folder);
    wazero__file_release(root);
}

/* An error ends the call, wherever it is; the first one counts. */
TEST(errors_that_end)
{
    store_t store = {0};
    wazero__file_t *root = new_root(&whole, &store), *file;
    const struct iovec out = {"abc", 3};
    wazero__io_t io = {0};
    wazero__stat_t stat;
    size_t done;
    CHECK_INT(open_path(root, "folder/file", changing, &file), 0);
#define ENDS(call)                                                                     \
    store.fail = wazero_error_new_host("enough", WAZERO_CSTR, NULL, NULL);             \
    CHECK_INT(call, WASI_ENDED);                                                       \
    CHECK(io.error != NULL);                                                           \
    if (io.error)                                                                      \
        CHECK_STR(wazero_error_message(io.error, NULL), "enough");                     \
    wazero_error_delete(io.error);                                                     \
    io.error = NULL
    ENDS(wazero__path_stat(&io, root, "folder", false, &stat));
    ENDS(wazero__path_open(&io, root, "folder/file", &reading, &file));
    ENDS(file->type->write(&io, file, &out, 1, 0, &done));
    ENDS(file->type->write(&io, file, &out, 1, WASI_APPEND, &done));
    ENDS(file->type->stat(&io, file, &stat));
    ENDS(file->type->close(&io, file));
    CHECK_INT(store.closed, 1);
    CHECK_INT(store.unheard, 0);
    store.fail = wazero_error_new_host("lost", WAZERO_CSTR, NULL, NULL);
    wazero__file_release(file); /* closed already */
    CHECK(store.fail != NULL);
    wazero_error_delete(store.fail);
    store.fail = NULL;
    wazero__file_release(root);
}

/* The host's code gives the file up while it works on it. */
TEST(released_in_its_own_call)
{
    store_t store = {0};
    wazero__file_t *root = new_root(&whole, &store), *file;
    const struct iovec out[] = {{"abc", 3}, {"def", 3}};
    wazero__io_t io = {0};
    size_t done;
    CHECK_INT(open_path(root, "folder/file", changing, &file), 0);
    wazero__file_retain(file); /* as fd_write does */
    store.release = file;
    CHECK_INT(file->type->write(&io, file, out, 2, 0, &done), 0);
    CHECK_INT(done, 6);
    CHECK_INT(store.closed, 0);
    wazero__file_release(file);
    CHECK_INT(store.closed, 1);
    CHECK_INT(open_path(root, "folder/file", changing, &file), 0);
    store.release = file;
    CHECK_INT(file->type->set_size(&io, file, 1), 0);
    CHECK_INT(store.closed, 2);
    wazero__file_release(root);
}

TEST_MAIN
