/*
 * wasi.c - the functions of WASI by name, how a call of one reaches it, and the state
 * of an instance. See wasi.h and state.h.
 *
 * A WASI function is a host function like any other; its definition's user is the entry
 * of the table below. The state is that of the module that calls, as wazero has it: a
 * function that one module imports and exports again works on the files of the one that
 * calls it.
 */
#include "wasi/wasi.h"

#include <stdlib.h>

#include "call/call.h"
#include "config.h"
#include "error.h"
#include "module.h"
#include "text.h"
#include "wasi/functions.h"
#include "wasi/filesystem.h"

/* ---- the table ---- */

typedef struct {
    const char *name;
    const char *params; /* their types, one behind the other */
    const char *names;  /* what they are called, for listeners */
    wazero__wasi_function_t *function;
} entry_t;

/* Value types as parts of such a list. */
#define I32 "\x7f"
#define I64 "\x7e"
_Static_assert(WAZERO_TYPE_I32 == 0x7f && WAZERO_TYPE_I64 == 0x7e, "as the lists say");

static wazero__errno_t proc_exit(wazero__wasi_call_t *call, const uint64_t *slots)
{
    return wazero__io_end(&call->io, wazero_error_new_exit(wazero__slot_u32(slots[0])));
}

static wazero__errno_t proc_raise(wazero__wasi_call_t *call, const uint64_t *slots)
{
    (void)call;
    (void)slots;
    return WASI_NOSYS; /* there are no signals, in wazero either */
}

/* Sorted by name. All but proc_exit have an errno as their result. */
static const entry_t table[] = {
    {"args_get", I32 I32, "argv argv_buf", wazero__wasi_args_get},
    {"args_sizes_get", I32 I32, "result.argc result.argv_len",
     wazero__wasi_args_sizes_get},
    {"clock_res_get", I32 I32, "id result.resolution", wazero__wasi_clock_res_get},
    {"clock_time_get", I32 I64 I32, "id precision result.timestamp",
     wazero__wasi_clock_time_get},
    {"environ_get", I32 I32, "environ environ_buf", wazero__wasi_environ_get},
    {"environ_sizes_get", I32 I32, "result.environc result.environv_len",
     wazero__wasi_environ_sizes_get},
    {"fd_advise", I32 I64 I64 I32, "fd offset len advice", wazero__wasi_fd_advise},
    {"fd_allocate", I32 I64 I64, "fd offset len", wazero__wasi_fd_allocate},
    {"fd_close", I32, "fd", wazero__wasi_fd_close},
    {"fd_datasync", I32, "fd", wazero__wasi_fd_datasync},
    {"fd_fdstat_get", I32 I32, "fd result.stat", wazero__wasi_fd_fdstat_get},
    {"fd_fdstat_set_flags", I32 I32, "fd flags", wazero__wasi_fd_fdstat_set_flags},
    {"fd_fdstat_set_rights", I32 I64 I64, "fd fs_rights_base fs_rights_inheriting",
     wazero__wasi_fd_fdstat_set_rights},
    {"fd_filestat_get", I32 I32, "fd result.filestat", wazero__wasi_fd_filestat_get},
    {"fd_filestat_set_size", I32 I64, "fd size", wazero__wasi_fd_filestat_set_size},
    {"fd_filestat_set_times", I32 I64 I64 I32, "fd atim mtim fst_flags",
     wazero__wasi_fd_filestat_set_times},
    {"fd_pread", I32 I32 I32 I64 I32, "fd iovs iovs_len offset result.nread",
     wazero__wasi_fd_pread},
    {"fd_prestat_dir_name", I32 I32 I32, "fd result.path result.path_len",
     wazero__wasi_fd_prestat_dir_name},
    {"fd_prestat_get", I32 I32, "fd result.prestat", wazero__wasi_fd_prestat_get},
    {"fd_pwrite", I32 I32 I32 I64 I32, "fd iovs iovs_len offset result.nwritten",
     wazero__wasi_fd_pwrite},
    {"fd_read", I32 I32 I32 I32, "fd iovs iovs_len result.nread", wazero__wasi_fd_read},
    {"fd_readdir", I32 I32 I32 I64 I32, "fd buf buf_len cookie result.bufused",
     wazero__wasi_fd_readdir},
    {"fd_renumber", I32 I32, "fd to", wazero__wasi_fd_renumber},
    {"fd_seek", I32 I64 I32 I32, "fd offset whence result.newoffset",
     wazero__wasi_fd_seek},
    {"fd_sync", I32, "fd", wazero__wasi_fd_sync},
    {"fd_tell", I32 I32, "fd result.offset", wazero__wasi_fd_tell},
    {"fd_write", I32 I32 I32 I32, "fd iovs iovs_len result.nwritten",
     wazero__wasi_fd_write},
    {"path_create_directory", I32 I32 I32, "fd path path_len",
     wazero__wasi_path_create_directory},
    {"path_filestat_get", I32 I32 I32 I32 I32, "fd flags path path_len result.filestat",
     wazero__wasi_path_filestat_get},
    {"path_filestat_set_times", I32 I32 I32 I32 I64 I64 I32,
     "fd flags path path_len atim mtim fst_flags",
     wazero__wasi_path_filestat_set_times},
    {"path_link", I32 I32 I32 I32 I32 I32 I32,
     "old_fd old_flags old_path old_path_len new_fd new_path new_path_len",
     wazero__wasi_path_link},
    {"path_open", I32 I32 I32 I32 I32 I64 I64 I32 I32,
     "fd dirflags path path_len oflags fs_rights_base fs_rights_inheriting fdflags "
     "result.opened_fd",
     wazero__wasi_path_open},
    {"path_readlink", I32 I32 I32 I32 I32 I32,
     "fd path path_len buf buf_len result.bufused", wazero__wasi_path_readlink},
    {"path_remove_directory", I32 I32 I32, "fd path path_len",
     wazero__wasi_path_remove_directory},
    {"path_rename", I32 I32 I32 I32 I32 I32,
     "fd old_path old_path_len new_fd new_path new_path_len", wazero__wasi_path_rename},
    {"path_symlink", I32 I32 I32 I32 I32,
     "old_path old_path_len fd new_path new_path_len", wazero__wasi_path_symlink},
    {"path_unlink_file", I32 I32 I32, "fd path path_len",
     wazero__wasi_path_unlink_file},
    {"poll_oneoff", I32 I32 I32 I32, "in out nsubscriptions result.nevents",
     wazero__wasi_poll_oneoff},
    {"proc_exit", I32, "rval", proc_exit},
    {"proc_raise", I32, "sig", proc_raise},
    {"random_get", I32 I32, "buf buf_len", wazero__wasi_random_get},
    {"sched_yield", "", "", wazero__wasi_sched_yield},
    {"sock_accept", I32 I32 I32, "fd flags result.fd", wazero__wasi_sock_accept},
    {"sock_recv", I32 I32 I32 I32 I32 I32,
     "fd ri_data ri_data_len ri_flags result.ro_datalen result.ro_flags",
     wazero__wasi_sock_recv},
    {"sock_send", I32 I32 I32 I32 I32,
     "fd si_data si_data_len si_flags result.so_datalen", wazero__wasi_sock_send},
    {"sock_shutdown", I32 I32, "fd how", wazero__wasi_sock_shutdown},
};

enum { FUNCTION_COUNT = sizeof table / sizeof *table, PARAMS_MAX = 9 };

/* ---- calling ---- */

/* The module whose export the host calls, where that is a WASI function itself. */
static wazero_module_t *called_module(void)
{
    const wazero__activation_t *activation = wazero__thread()->activation;
    return activation ? activation->module : NULL;
}

static wazero_error_t *call_entry(const entry_t *entry, wazero_module_t *caller,
                                  uint64_t *slots, bool unstable)
{
    if (__builtin_expect(!caller, 0))
        caller = called_module();
    wazero__wasi_t *wasi = caller ? caller->wasi : NULL;
    if (__builtin_expect(!wasi, 0))
        return wazero__error(WAZERO_ERROR_INVALID,
                             "WASI's %s was called by %s: it needs the files and the "
                             "memory of a module that imports it",
                             entry->name,
                             caller ? "a module that imports no WASI" : "the host");
    wazero__wasi_call_t call;
    call.io.error = NULL;
    call.io.linear = caller->linear;
    call.io.pinned = false;
    call.io.time = &wasi->time;
    call.wasi = wasi;
    call.memory.base = NULL;
    call.memory.size = 0;
    call.unstable = unstable;
    if (caller->linear) {
        call.memory.base = wazero__linear_base(caller->linear);
        call.memory.size = wazero__linear_size(caller->linear);
    }
    wazero__errno_t code = entry->function(&call, slots);
    if (__builtin_expect(call.io.pinned, 0))
        wazero__linear_unpin(call.io.linear);
    if (__builtin_expect(code == WASI_ENDED, 0))
        return call.io.error;
    slots[0] = code;
    return NULL;
}

static wazero_error_t *call_preview1(void *entry, wazero_module_t *caller,
                                     uint64_t *slots)
{
    return call_entry(entry, caller, slots, false);
}

static wazero_error_t *call_unstable(void *entry, wazero_module_t *caller,
                                     uint64_t *slots)
{
    return call_entry(entry, caller, slots, true);
}

/* ---- finding ---- */

static bool is_unstable(const char *name, size_t size)
{
    return wazero__text_is(name, size, "wasi_unstable", strlen("wasi_unstable"));
}

bool wazero__wasi_is_named(const char *name, size_t size)
{
    return is_unstable(name, size) ||
           wazero__text_is(name, size, "wasi_snapshot_preview1",
                           strlen("wasi_snapshot_preview1"));
}

static int compare_name(const void *name, const void *entry)
{
    return strcmp(name, ((const entry_t *)entry)->name);
}

/* What a function is, as an export would be described. */
static void describe(const entry_t *entry, wazero_extern_t *given)
{
    wazero_function_type_t *type = &given->type.function;
    *given = (wazero_extern_t){.module = "",
                               .name = entry->name,
                               .name_size = strlen(entry->name),
                               .kind = WAZERO_EXTERN_FUNCTION};
    type->params = (const wazero_value_type_t *)entry->params;
    type->param_count = type->param_slot_count = strlen(entry->params);
    type->results = (const wazero_value_type_t *)I32;
    type->result_count = type->result_slot_count = entry->function != proc_exit;
    type->slot_count = type->param_count ? type->param_count : type->result_count;
}

/* Gives a definition the names that wazero's own functions have. */
static wazero_error_t *set_names(const entry_t *entry, wazero__definition_t *definition)
{
    static const char *const result[] = {"errno"};
    char text[128], *rest = NULL;
    const char *params[PARAMS_MAX];
    wazero_function_names_t names = {.name = entry->name,
                                     .params = params,
                                     .results = result,
                                     .result_count = entry->function != proc_exit};
    memcpy(text, entry->names, strlen(entry->names) + 1);
    for (char *name = strtok_r(text, " ", &rest); name;
         name = strtok_r(NULL, " ", &rest))
        params[names.param_count++] = name;
    return wazero__definition_set_names(definition, &names);
}

wazero_error_t *wazero__wasi_find(const wazero_extern_t *import, bool named,
                                  wazero__definition_t **definition,
                                  wazero_extern_t *given)
{
    *definition = NULL;
    if (!wazero__wasi_is_named(import->module, import->module_size) ||
        strlen(import->name) != import->name_size)
        return NULL;
    const entry_t *entry =
        bsearch(import->name, table, FUNCTION_COUNT, sizeof *table, compare_name);
    if (!entry)
        return NULL;
    describe(entry, given);
    bool unstable = is_unstable(import->module, import->module_size);
    *definition = wazero__definition_new_native(
        unstable ? call_unstable : call_preview1, (void *)entry);
    if (!*definition)
        return wazero__error_memory();
    wazero_error_t *error = named ? set_names(entry, *definition) : NULL;
    if (error) {
        wazero__definition_release(*definition);
        *definition = NULL;
    }
    return error;
}

/* ---- the state ---- */

/* Puts strings one behind the other. `separator` is between the two texts of each. */
static wazero_error_t *join(wazero__strings_t *strings, const wazero__text_t *texts,
                            size_t count, size_t texts_each, const char *what)
{
    size_t size = 0;
    for (size_t i = 0; i < count * texts_each; i++)
        size += texts[i].size + 1;
    if (size > UINT32_MAX || count > UINT32_MAX / sizeof(uint32_t))
        return wazero__error(WAZERO_ERROR_INVALID,
                             "%s of %zu bytes do not fit into a guest's memory", what,
                             size);
    strings->bytes = malloc(size ? size : 1);
    if (!strings->bytes)
        return wazero__error_memory();
    char *at = strings->bytes;
    for (size_t i = 0; i < count * texts_each; i++) {
        memcpy(at, texts[i].data, texts[i].size);
        at += texts[i].size;
        *at++ = i % texts_each == texts_each - 1 ? '\0' : '=';
    }
    strings->size = (uint32_t)size;
    strings->count = (uint32_t)count;
    return NULL;
}

/* Adds what the module has from its start. Takes file. */
static wazero_error_t *add(wazero__wasi_t *wasi, wazero__file_t *file, uint64_t base,
                           uint64_t inheriting, wazero__origin_t origin,
                           const char *preopen)
{
    uint32_t number;
    wazero__descriptor_t made = {
        .file = file, .origin = origin, .base = base, .inheriting = inheriting};
    if (preopen) {
        made.preopen = strdup(preopen);
        if (!made.preopen) {
            wazero__file_release(file);
            return wazero__error_memory();
        }
    }
    return wazero__descriptor_add(wasi, &made, &number) ? wazero__error_memory() : NULL;
}

static wazero_error_t *add_streams(wazero__wasi_t *wasi,
                                   const wazero_module_config_t *config)
{
    wazero_error_t *error = NULL;
    for (int i = 0; i < 3 && !error; i++) {
        wazero__file_t *file;
        uint64_t base = WASI_RIGHTS_FILE;
        error = wazero__stream_open(config->streams[i], i, &file);
        if (error)
            break;
        if (wazero__file_is_terminal(file))
            base &= ~(WASI_RIGHT_FD_SEEK | WASI_RIGHT_FD_TELL);
        if (file->filetype == WASI_SOCKET_STREAM)
            base |= WASI_RIGHTS_SOCKET;
        error = add(wasi, file, base, 0, (wazero__origin_t){.standard = true}, NULL);
    }
    return error;
}

/* A guest's name of a mount without what says nothing, as wazero compares them: empty
 * for "/", "." and "./". */
static wazero__text_t bare(const wazero__text_t *guest)
{
    char *begin = guest->data, *end = guest->data + guest->size;
    while (begin < end &&
           (*begin == '/' || (end - begin > 1 && begin[0] == '.' && begin[1] == '/')))
        begin += *begin == '/' ? 1 : 2;
    if (end - begin == 1 && *begin == '.')
        begin++;
    while (end > begin && end[-1] == '/')
        end--;
    return (wazero__text_t){begin, (size_t)(end - begin)};
}

static bool is_same_place(const wazero__mount_t *a, const wazero__mount_t *b)
{
    wazero__text_t first = bare(&a->guest), second = bare(&b->guest);
    return wazero__text_is(first.data, first.size, second.data, second.size);
}

/* What is mounted at the place of the mount at index, which keeps its number: the last
 * one for it. NULL if an earlier one has the place. */
static const wazero__mount_t *mount_at(const wazero_module_config_t *config,
                                       size_t index)
{
    const wazero__mount_t *mounts = config->mounts, *found = &mounts[index];
    for (size_t i = 0; i < index; i++)
        if (is_same_place(&mounts[i], &mounts[index]))
            return NULL;
    for (size_t i = index + 1; i < config->mount_count; i++)
        if (is_same_place(&mounts[i], &mounts[index]))
            found = &mounts[i];
    return found;
}

static wazero_error_t *add_mounts(wazero__wasi_t *wasi,
                                  const wazero_module_config_t *config)
{
    const uint64_t all = WASI_RIGHTS_DIRECTORY | WASI_RIGHTS_FILE;
    wazero_error_t *error = NULL;
    for (size_t i = 0; i < config->mount_count && !error; i++) {
        const wazero__mount_t *mount = mount_at(config, i);
        wazero__file_t *file;
        if (!mount)
            continue;
        wazero__origin_t origin = {.mount = (uint32_t)i + 1,
                                   .read_only = mount->read_only};
        error = mount->fs ? mount->fs->type->open(mount->fs, &file)
                          : wazero__host_directory_new(mount->host.data, &file);
        if (!error)
            error = add(wasi, file, WASI_RIGHTS_DIRECTORY, all, origin,
                        bare(&mount->guest).size ? mount->guest.data : "/");
    }
    return error;
}

static wazero_error_t *add_listeners(wazero__wasi_t *wasi,
                                     const wazero_module_config_t *config,
                                     wazero__tcp_address_t *addresses)
{
    wazero_error_t *error = NULL;
    for (size_t i = 0; i < config->listener_count && !error; i++) {
        const wazero__listener_t *listener = &config->listeners[i];
        wazero__file_t *file;
        error = wazero__tcp_listen(listener->host.data, listener->port, &file,
                                   addresses[i].host, sizeof addresses[i].host,
                                   &addresses[i].port);
        if (!error)
            error = add(wasi, file, WASI_RIGHTS_SOCKET, WASI_RIGHTS_SOCKET,
                        (wazero__origin_t){0}, NULL);
    }
    return error;
}

wazero_error_t *wazero__wasi_new(const wazero_module_config_t *config,
                                 wazero__tcp_address_t *addresses,
                                 wazero__wasi_t **made)
{
    wazero__wasi_t *wasi = calloc(1, sizeof *wasi);
    if (!wasi)
        return wazero__error_memory();
    wazero__time_copy(&wasi->time, &config->time);
    wazero__random_copy(&wasi->random, &config->random);
    wasi->output.limit = config->output_limit;
    wasi->most = WAZERO__DESCRIPTORS_MAX;
    if (config->deterministic) {
        wasi->identities = wazero__identities_new();
        if (!wasi->identities) {
            wazero__wasi_delete(wasi);
            return wazero__error_memory();
        }
    }
    wazero_error_t *error =
        join(&wasi->args, config->args, config->arg_count, 1, "arguments");
    _Static_assert(sizeof(wazero__variable_t) == 2 * sizeof(wazero__text_t),
                   "a variable is two texts");
    if (!error)
        error = join(&wasi->environment, (const wazero__text_t *)config->environment,
                     config->environment_count, 2, "environment variables");
    if (!error)
        error = add_streams(wasi, config);
    if (!error)
        error = add_mounts(wasi, config);
    if (!error && addresses)
        error = add_listeners(wasi, config, addresses);
    if (config->max_files < wasi->most - wasi->lowest)
        wasi->most = wasi->lowest + config->max_files;
    if (error)
        wazero__wasi_delete(wasi);
    else
        *made = wasi;
    return error;
}

void wazero__wasi_close(wazero__wasi_t *wasi)
{
    if (!wasi)
        return;
    wasi->closed = true;
    for (uint32_t i = 0; i < wasi->descriptor_count; i++)
        if (wasi->descriptors[i].file)
            wazero__descriptor_close(wasi, &wasi->descriptors[i]);
}

void wazero__wasi_delete(wazero__wasi_t *wasi)
{
    if (!wasi)
        return;
    wazero__wasi_close(wasi);
    wazero__time_clear(&wasi->time);
    wazero__random_clear(&wasi->random);
    wazero__identities_delete(wasi->identities);
    free(wasi->descriptors);
    free(wasi->args.bytes);
    free(wasi->environment.bytes);
    free(wasi);
}
