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
static const wazero__wasi_entry_t table[] = {
    {"args_get", I32 I32, "argv\0argv_buf", "pp", wazero__wasi_args_get},
    {"args_sizes_get", I32 I32, "result.argc\0result.argv_len", "44",
     wazero__wasi_args_sizes_get},
    {"clock_res_get", I32 I32, "id\0result.resolution", "c8",
     wazero__wasi_clock_res_get},
    {"clock_time_get", I32 I64 I32, "id\0precision\0result.timestamp", "cn8",
     wazero__wasi_clock_time_get},
    {"environ_get", I32 I32, "environ\0environ_buf", "pp", wazero__wasi_environ_get},
    {"environ_sizes_get", I32 I32, "result.environc\0result.environv_len", "44",
     wazero__wasi_environ_sizes_get},
    {"fd_advise", I32 I64 I64 I32, "fd\0offset\0len\0advice", "fnna",
     wazero__wasi_fd_advise},
    {"fd_allocate", I32 I64 I64, "fd\0offset\0len", "fnn", wazero__wasi_fd_allocate},
    {"fd_close", I32, "fd", "f", wazero__wasi_fd_close},
    {"fd_datasync", I32, "fd", "f", wazero__wasi_fd_datasync},
    {"fd_fdstat_get", I32 I32, "fd\0result.stat", "fx", wazero__wasi_fd_fdstat_get},
    {"fd_fdstat_set_flags", I32 I32, "fd\0flags", "fF",
     wazero__wasi_fd_fdstat_set_flags},
    {"fd_fdstat_set_rights", I32 I64 I64, "fd\0fs_rights_base\0fs_rights_inheriting",
     "fRR", wazero__wasi_fd_fdstat_set_rights},
    {"fd_filestat_get", I32 I32, "fd\0result.filestat", "fm",
     wazero__wasi_fd_filestat_get},
    {"fd_filestat_set_size", I32 I64, "fd\0size", "fn",
     wazero__wasi_fd_filestat_set_size},
    {"fd_filestat_set_times", I32 I64 I64 I32, "fd\0atim\0mtim\0fst_flags", "fnnT",
     wazero__wasi_fd_filestat_set_times},
    {"fd_pread", I32 I32 I32 I64 I32, "fd\0iovs\0iovs_len\0offset\0result.nread",
     "fv-n4", wazero__wasi_fd_pread},
    {"fd_prestat_dir_name", I32 I32 I32, "fd\0result.path\0result.path_len", "fNn",
     wazero__wasi_fd_prestat_dir_name},
    {"fd_prestat_get", I32 I32, "fd\0result.prestat", "fe",
     wazero__wasi_fd_prestat_get},
    {"fd_pwrite", I32 I32 I32 I64 I32, "fd\0iovs\0iovs_len\0offset\0result.nwritten",
     "fv-n4", wazero__wasi_fd_pwrite},
    {"fd_read", I32 I32 I32 I32, "fd\0iovs\0iovs_len\0result.nread", "fv-4",
     wazero__wasi_fd_read},
    {"fd_readdir", I32 I32 I32 I64 I32, "fd\0buf\0buf_len\0cookie\0result.bufused",
     "fpnn4", wazero__wasi_fd_readdir},
    {"fd_renumber", I32 I32, "fd\0to", "ff", wazero__wasi_fd_renumber},
    {"fd_seek", I32 I64 I32 I32, "fd\0offset\0whence\0result.newoffset", "fsw8",
     wazero__wasi_fd_seek},
    {"fd_sync", I32, "fd", "f", wazero__wasi_fd_sync},
    {"fd_tell", I32 I32, "fd\0result.offset", "f8", wazero__wasi_fd_tell},
    {"fd_write", I32 I32 I32 I32, "fd\0iovs\0iovs_len\0result.nwritten", "fv-4",
     wazero__wasi_fd_write},
    {"path_create_directory", I32 I32 I32, "fd\0path\0path_len", "fP-",
     wazero__wasi_path_create_directory},
    {"path_filestat_get", I32 I32 I32 I32 I32,
     "fd\0flags\0path\0path_len\0result.filestat", "fLP-m",
     wazero__wasi_path_filestat_get},
    {"path_filestat_set_times", I32 I32 I32 I32 I64 I64 I32,
     "fd\0flags\0path\0path_len\0atim\0mtim\0fst_flags", "fLP-nnT",
     wazero__wasi_path_filestat_set_times},
    {"path_link", I32 I32 I32 I32 I32 I32 I32,
     "old_fd\0old_flags\0old_path\0old_path_len\0new_fd\0new_path\0new_path_len",
     "fLP-fP-", wazero__wasi_path_link},
    {"path_open", I32 I32 I32 I32 I32 I64 I64 I32 I32,
     "fd\0dirflags\0path\0path_len\0oflags\0fs_rights_base\0fs_rights_"
     "inheriting\0fdflags\0result.opened_fd",
     "fLP-ORRFd", wazero__wasi_path_open},
    {"path_readlink", I32 I32 I32 I32 I32 I32,
     "fd\0path\0path_len\0buf\0buf_len\0result.bufused", "fP-ln4",
     wazero__wasi_path_readlink},
    {"path_remove_directory", I32 I32 I32, "fd\0path\0path_len", "fP-",
     wazero__wasi_path_remove_directory},
    {"path_rename", I32 I32 I32 I32 I32 I32,
     "fd\0old_path\0old_path_len\0new_fd\0new_path\0new_path_len", "fP-fP-",
     wazero__wasi_path_rename},
    {"path_symlink", I32 I32 I32 I32 I32,
     "old_path\0old_path_len\0fd\0new_path\0new_path_len", "P-fP-",
     wazero__wasi_path_symlink},
    {"path_unlink_file", I32 I32 I32, "fd\0path\0path_len", "fP-",
     wazero__wasi_path_unlink_file},
    {"poll_oneoff", I32 I32 I32 I32, "in\0out\0nsubscriptions\0result.nevents", "SEn4",
     wazero__wasi_poll_oneoff},
    {"proc_exit", I32, "rval", "n", proc_exit},
    {"proc_raise", I32, "sig", "g", proc_raise},
    {"random_get", I32 I32, "buf\0buf_len", "pn", wazero__wasi_random_get},
    {"sched_yield", "", "", "", wazero__wasi_sched_yield},
    {"sock_accept", I32 I32 I32, "fd\0flags\0result.fd", "fFd",
     wazero__wasi_sock_accept},
    {"sock_recv", I32 I32 I32 I32 I32 I32,
     "fd\0ri_data\0ri_data_len\0ri_flags\0result.ro_datalen\0result.ro_flags", "fv-I4o",
     wazero__wasi_sock_recv},
    {"sock_send", I32 I32 I32 I32 I32,
     "fd\0si_data\0si_data_len\0si_flags\0result.so_datalen", "fv-n4",
     wazero__wasi_sock_send},
    {"sock_shutdown", I32 I32, "fd\0how", "fH", wazero__wasi_sock_shutdown},
};

enum { FUNCTION_COUNT = sizeof table / sizeof *table, PARAMS_MAX = 9 };

/* ---- calling ---- */

/* The module whose export the host calls, where that is a WASI function itself. */
static wazero_module_t *called_module(void)
{
    const wazero__activation_t *activation = wazero__thread()->activation;
    return activation ? activation->module : NULL;
}

/* The memory of a module, as it is now. */
static inline void find_memory(const wazero_module_t *module, wazero__guest_t *memory)
{
    memory->base = NULL;
    memory->size = 0;
    if (module->linear) {
        memory->base = wazero__linear_base(module->linear);
        memory->size = wazero__linear_size(module->linear);
    }
}

static wazero_error_t *call_entry(const wazero__wasi_entry_t *entry,
                                  wazero_module_t *caller, uint64_t *slots,
                                  bool unstable)
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
    call.unstable = unstable;
    find_memory(caller, &call.memory);
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

/* The same for a module with a tracer. A call that another module makes of the function
 * is traced if that has one, too. */
static __attribute__((noinline)) wazero_error_t *
call_traced(const wazero__wasi_entry_t *entry, wazero_module_t *caller, uint64_t *slots,
            bool unstable)
{
    wazero__tracing_t tracing;
    wazero__guest_t memory;
    wazero_module_t *module = caller ? caller : called_module();
    wazero__wasi_t *wasi = module ? module->wasi : NULL;
    if (!wasi || !wazero__tracer_is_set(&wasi->tracer))
        return call_entry(entry, caller, slots, unstable);
    find_memory(module, &memory);
    wazero__tracing_begin(&tracing, entry, unstable, &memory, slots);
    wazero_error_t *error = call_entry(entry, caller, slots, unstable);
    find_memory(module, &memory);
    wazero__tracing_end(&tracing, wasi, &memory, !error, (wazero__errno_t)slots[0]);
    wazero_error_t *failure = wazero__tracing_tell(&tracing, &wasi->tracer, module);
    /* What the tracer reports is not lost in an exit, but in other ends it is. */
    if (!failure || (error && wazero_error_kind(error) != WAZERO_ERROR_EXIT)) {
        wazero_error_delete(failure);
        return error;
    }
    wazero_error_delete(error);
    return failure;
}

static wazero_error_t *trace_preview1(void *entry, wazero_module_t *caller,
                                      uint64_t *slots)
{
    return call_traced(entry, caller, slots, false);
}

static wazero_error_t *trace_unstable(void *entry, wazero_module_t *caller,
                                      uint64_t *slots)
{
    return call_traced(entry, caller, slots, true);
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
    return strcmp(name, ((const wazero__wasi_entry_t *)entry)->name);
}

/* What a function is, as an export would be described. */
static void describe(const wazero__wasi_entry_t *entry, wazero_extern_t *given)
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
static wazero_error_t *set_names(const wazero__wasi_entry_t *entry,
                                 wazero__definition_t *definition)
{
    static const char *const result[] = {"errno"};
    const char *params[PARAMS_MAX], *name = entry->names;
    wazero_function_names_t names = {.name = entry->name,
                                     .params = params,
                                     .results = result,
                                     .result_count = entry->function != proc_exit};
    for (; names.param_count < strlen(entry->params); name += strlen(name) + 1)
        params[names.param_count++] = name;
    return wazero__definition_set_names(definition, &names);
}

wazero_error_t *wazero__wasi_find(const wazero_extern_t *import, bool named,
                                  bool traced, wazero__definition_t **definition,
                                  wazero_extern_t *given)
{
    *definition = NULL;
    if (!wazero__wasi_is_named(import->module, import->module_size) ||
        strlen(import->name) != import->name_size)
        return NULL;
    const wazero__wasi_entry_t *entry =
        bsearch(import->name, table, FUNCTION_COUNT, sizeof *table, compare_name);
    if (!entry)
        return NULL;
    describe(entry, given);
    /* By traced, then by unstable. */
    static const wazero_host_function_t calls[2][2] = {
        {call_preview1, call_unstable}, {trace_preview1, trace_unstable}};
    bool unstable = is_unstable(import->module, import->module_size);
    *definition = wazero__definition_new_native(calls[traced][unstable], (void *)entry);
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
    wazero__tracer_copy(&wasi->tracer, &config->tracer);
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
    wazero__tracer_clear(&wasi->tracer);
    free(wasi->descriptors);
    free(wasi->args.bytes);
    free(wasi->environment.bytes);
    free(wasi);
}
