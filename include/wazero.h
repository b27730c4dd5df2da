/*
 * wazero.h - run WebAssembly from C with wazero, the WebAssembly runtime written in Go.
 *
 * This header is the manual. It has five parts: words and rules, errors, types and
 * values, the objects in the order in which a program meets them (cache, runtime
 * configuration, runtime, compiled module, imports, module configuration, module,
 * function, references, memory, table, global, tag), and last the seed, six functions
 * that are enough for a first program.
 *
 *     wazero_runtime_t *runtime;
 *     wazero_module_t *module;
 *     wazero_function_t *add;
 *     uint64_t args[2] = {wazero_encode_i32(5), wazero_encode_i32(7)}, sum;
 *
 *     wazero_error_t *error = wazero_runtime_new(NULL, &runtime);
 *     if (!error) error = wazero_runtime_instantiate(runtime, wasm, size, NULL, NULL,
 *                                                    &module);
 *     if (!error) error = wazero_module_function(module, "add", WAZERO_CSTR, &add);
 *     if (!error) error = wazero_function_call(add, args, 2, &sum, 1);
 *
 * Words
 *   A *module* is an instance, as in wazero; what is compiled but not instantiated is a
 *   *compiled module*. A *page* is 65,536 bytes. A *slot* is a uint64_t that carries
 *   one value of a call; a v128 takes two. A slot of a reference type carries a pointer
 *   to an object of this library, or 0 for null.
 *
 * Ownership
 *   What a `_new` function or an output parameter hands out belongs to the caller, who
 *   gives it back with the `_delete` function of its type, once. `_delete(NULL)` is a
 *   no-op. Objects may be deleted in any order: what others still need lives on inside.
 *   Pointers got by other functions are borrowed; each prototype says until when.
 *   Inputs are copied unless the prototype says otherwise.
 *
 * Closing
 *   Closing an object (`_close_with_exit_code`) ends its use and keeps the handle
 *   valid: every later operation reports WAZERO_ERROR_CLOSED. Closing twice is fine.
 *   Deleting the last handle closes.
 *
 * Threads
 *   Every function may be called from any thread, and any object used from several,
 *   except that a handle must not be deleted while another thread is using that handle,
 *   and that configurations and imports are built by one thread at a time. Modules that
 *   are linked to each other are entered by one thread at a time; the others wait. One
 *   real-time signal that nobody uses is taken to interrupt calls: a host function that
 *   blocks signals must not leave them blocked.
 *
 * Errors
 *   A function that can fail returns `wazero_error_t *`: NULL is success, anything else
 *   belongs to the caller. Outputs are written on success only. Nothing is printed, and
 *   errno is not used. Running out of memory inside this library is
 *   WAZERO_ERROR_MEMORY.
 *
 * Strings
 *   Names are UTF-8 with an explicit size in bytes, for WebAssembly names may contain
 *   NUL; pass WAZERO_CSTR as the size of a NUL-terminated string. What is handed out is
 *   NUL-terminated behind its size.
 *
 * Fork
 *   A child made by fork() must not use objects made before it: every operation on them
 *   reports WAZERO_ERROR_FORKED, and deleting them is safe. New objects work. If a host
 *   function forks, the call that it is in ends in the child, with FORKED or with the
 *   error that the host function returns; the frames of wasm are not run on.
 */
#ifndef WAZERO_H
#define WAZERO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(WAZERO_BUILD)
#define WAZERO_API __attribute__((visibility("default")))
#else
#define WAZERO_API
#endif

#if defined(__GNUC__) || defined(__clang__)
#define WAZERO_NODISCARD __attribute__((warn_unused_result))
#else
#define WAZERO_NODISCARD
#endif

/* The size to pass with a NUL-terminated string. */
#define WAZERO_CSTR ((size_t)-1)

/* The size of a page of linear memory in bytes. */
#define WAZERO_PAGE_SIZE ((size_t)65536)

/* A timeout that never comes, and a limit that is none. */
#define WAZERO_NO_TIMEOUT UINT64_MAX
#define WAZERO_NO_LIMIT UINT64_MAX

typedef struct wazero_error wazero_error_t;
typedef struct wazero_cache wazero_cache_t;
typedef struct wazero_runtime_config wazero_runtime_config_t;
typedef struct wazero_runtime wazero_runtime_t;
typedef struct wazero_compiled_module wazero_compiled_module_t;
typedef struct wazero_inspection wazero_inspection_t;
typedef struct wazero_listeners wazero_listeners_t;
typedef struct wazero_stack wazero_stack_t;
typedef struct wazero_snapshot wazero_snapshot_t;
typedef struct wazero_imports wazero_imports_t;
typedef struct wazero_module_config wazero_module_config_t;
typedef struct wazero_trace wazero_trace_t;
typedef struct wazero_fs wazero_fs_t;
typedef struct wazero_module wazero_module_t;
typedef struct wazero_function wazero_function_t;
typedef struct wazero_memory wazero_memory_t;
typedef struct wazero_memory_view wazero_memory_view_t;
typedef struct wazero_table wazero_table_t;
typedef struct wazero_global wazero_global_t;
typedef struct wazero_tag wazero_tag_t;
typedef struct wazero_externref wazero_externref_t;
typedef struct wazero_run_options wazero_run_options_t;
typedef struct wazero_run_result wazero_run_result_t;

/* ---------------------------------------------------------------- versions ------- */

/* The version of this library, for example "0.1.0".
 * Ownership: static. Threads: any. Errors: none. */
WAZERO_API const char *wazero_version(void);

/* The version of wazero inside the engine library, for example "v1.12.0". Loads the
 * engine library if nothing has loaded it yet.
 * Ownership: *version is static. Threads: any. Errors: INTERNAL when the engine library
 * cannot be found or does not fit. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *wazero_engine_version(const char **version);

/* Whether wazero compiles to machine code on this machine; where not, the engine AUTO
 * is the interpreter. Loads the engine library if nothing has loaded it yet.
 * Ownership: nothing. Threads: any. Errors: as wazero_engine_version. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *wazero_compiler_supported(bool *supported);

/* ---------------------------------------------------------------- threads -------- */

/* What a host language with a lock of its own, or with signal handlers that run between
 * its instructions, hands over once, so that long calls hold up neither. A thread comes
 * in *attached*: it holds the lock. Short calls keep it; a call that stays in wasm for
 * a millisecond or waits lets it go and takes it back before the next host function
 * and before it returns. Host functions and streams are always called attached. */
typedef struct {
    /* Gives up the lock and returns what attach needs, or NULL when this thread does
     * not hold it: then attach is not called. */
    void *(*detach)(void);
    void (*attach)(void *token);
    /* Whether this thread has to call poll. Asked once for each thread. */
    bool (*polls)(void);
    /* Runs what is due; called attached, about every 40 ms while the thread is in a
     * call. An error ends the call and is what it reports. It may call wasm, except in
     * the module that it interrupts and those linked to it: they report INVALID. */
    wazero_error_t *(*poll)(void);
} wazero_thread_hooks_t;

/* Ownership: copies. Threads: one, before any call. Errors: none. */
WAZERO_API void wazero_set_thread_hooks(const wazero_thread_hooks_t *hooks);

/* Waits, in a host function or another function of the host's that a guest's call leads
 * to, until a descriptor can be read from, or written to: what poll(2) calls ready, an
 * end and a descriptor that is none included. The host's lock is let go meanwhile. When
 * the call is to end it does so with an error, which the function is to return.
 * Ownership: nothing. Threads: any; where no call is running only the descriptor ends
 * it. Errors: TIMEOUT, INTERRUPTED, EXIT, CLOSED, FORKED, HOST for what the hook poll
 * reports, INTERNAL. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *wazero_descriptor_wait(int descriptor,
                                                                   bool write);

/* ---------------------------------------------------------------- errors --------- */

/* Which standard stream. */
typedef enum { WAZERO_STDIN = 0, WAZERO_STDOUT = 1, WAZERO_STDERR = 2 } wazero_stream_t;

/* What went wrong. The numbers are fixed. */
typedef enum {
    WAZERO_ERROR_COMPILE = 1, /* the bytes are not a module that can be compiled     */
    WAZERO_ERROR_LINK = 2,    /* an import is missing or of another type             */
    WAZERO_ERROR_TRAP = 3,    /* the guest trapped; see wazero_error_trap_code       */
    WAZERO_ERROR_EXIT = 4,    /* the guest exited; see wazero_error_exit_code        */
    WAZERO_ERROR_CLOSED = 5,  /* the object or what it needs is closed               */
    WAZERO_ERROR_TIMEOUT = 6, /* a call took longer than it was allowed to           */
    WAZERO_ERROR_INTERRUPTED = 7, /* wazero_module_interrupt ended the call           */
    WAZERO_ERROR_INVALID = 8, /* a wrong argument: count, type, range or name        */
    WAZERO_ERROR_MEMORY = 9,  /* the host could not provide memory                   */
    WAZERO_ERROR_HOST = 10,   /* a host function failed; see wazero_error_payload    */
    WAZERO_ERROR_INTERNAL = 11, /* a defect of this library, or an engine not found   */
    WAZERO_ERROR_FORKED = 12, /* the object is from before fork()                    */
    WAZERO_ERROR_OUTPUT_LIMIT = 13 /* the guest wrote more than it was allowed to   */
} wazero_error_kind_t;

/* Why the guest trapped, as wazero tells the reasons apart. */
typedef enum {
    WAZERO_TRAP_NONE = 0,
    WAZERO_TRAP_STACK_OVERFLOW = 1,
    WAZERO_TRAP_UNREACHABLE = 2,
    WAZERO_TRAP_INTEGER_DIVIDE_BY_ZERO = 3,
    WAZERO_TRAP_INTEGER_OVERFLOW = 4,
    WAZERO_TRAP_INVALID_CONVERSION_TO_INTEGER = 5,
    WAZERO_TRAP_OUT_OF_BOUNDS_MEMORY_ACCESS = 6,
    WAZERO_TRAP_INVALID_TABLE_ACCESS = 7,
    WAZERO_TRAP_INDIRECT_CALL_TYPE_MISMATCH = 8,
    WAZERO_TRAP_UNALIGNED_ATOMIC = 9,
    WAZERO_TRAP_EXPECTED_SHARED_MEMORY = 10,
    WAZERO_TRAP_TOO_MANY_WAITERS = 11,
    WAZERO_TRAP_UNCAUGHT_EXCEPTION = 12,
    WAZERO_TRAP_NULL_REFERENCE = 13
} wazero_trap_code_t;

/* One line of a wasm stack trace, the innermost first. Strings may be empty, never
 * NULL. */
typedef struct {
    const char *module;    /* name of the module from its name section, or ""        */
    const char *function;  /* name from the name section, or "$" and the index       */
    const char *signature; /* as wazero writes it: "(i32,i32) i32"                   */
    const char *source;    /* source positions, one a line, where DWARF has them     */
} wazero_frame_t;

/* Exit codes that wazero keeps for calls that its user's context ended, and has a text
 * of its own for. There they close the module; here the calls report TIMEOUT and
 * INTERRUPTED and leave it open. */
#define WAZERO_EXIT_CODE_CONTEXT_CANCELED UINT32_C(0xffffffff)
#define WAZERO_EXIT_CODE_DEADLINE_EXCEEDED UINT32_C(0xefffffff)

/* What went wrong. Ownership: nothing. Threads: any. Errors: none. */
WAZERO_API wazero_error_kind_t wazero_error_kind(const wazero_error_t *error);

/* The whole message, wazero's own text with its stack trace where there is one, UTF-8.
 * *size, if size is not NULL, gets its size in bytes.
 * Ownership: borrowed until the error is deleted. Threads: any. Errors: none. */
WAZERO_API const char *wazero_error_message(const wazero_error_t *error, size_t *size);

/* The reason of a trap; WAZERO_TRAP_NONE for an error of another kind.
 * Ownership: nothing. Threads: any. Errors: none. */
WAZERO_API wazero_trap_code_t wazero_error_trap_code(const wazero_error_t *error);

/* The fixed text of a trap code, for example "integer divide by zero"; "" for NONE and
 * for numbers that are no trap code.
 * Ownership: static. Threads: any. Errors: none. */
WAZERO_API const char *wazero_trap_code_text(wazero_trap_code_t code);

/* The exit code of an error of kind EXIT. Of TIMEOUT and INTERRUPTED it is the one that
 * wazero has for them, WAZERO_EXIT_CODE_DEADLINE_EXCEEDED and _CONTEXT_CANCELED; 0 for
 * an error of another kind.
 * Ownership: nothing. Threads: any. Errors: none. */
WAZERO_API uint32_t wazero_error_exit_code(const wazero_error_t *error);

/* The system's number (ENOENT and so on) for why a file system refused what the host
 * asked of it (wazero_fs_read_file and its like, kind INVALID); 0 for other errors.
 * Ownership: nothing. Threads: any. Errors: none. */
WAZERO_API int wazero_error_errno(const wazero_error_t *error);

/* The number of frames of the wasm stack trace, 0 if there is none. wazero records at
 * most 30.
 * Ownership: nothing. Threads: any. Errors: none. */
WAZERO_API size_t wazero_error_frame_count(const wazero_error_t *error);

/* The frame at index, or NULL behind the last.
 * Ownership: borrowed until the error is deleted. Threads: any. Errors: none. */
WAZERO_API const wazero_frame_t *wazero_error_frame(const wazero_error_t *error,
                                                    size_t index);

/* What a program that wazero_run captured had written to a stream when it failed; NULL
 * and *size = 0 if nothing was captured.
 * Ownership: borrowed until the error is deleted. Threads: any. Errors: none. */
WAZERO_API const void *wazero_error_output(const wazero_error_t *error,
                                           wazero_stream_t stream, size_t *size);

/* What a module has used (wazero_module_usage). Times are in nanoseconds. */
typedef struct {
    uint64_t wall_time;         /* that its start took; 0 until that is over       */
    uint64_t cpu_time;          /* the same of the CPU, of the thread that started */
    uint64_t peak_memory_pages; /* the most that its memory had; 0 without one     */
    bool counted;               /* the rest is known: not with wazero's own WASI   */
    uint64_t files_opened;      /* by path_open, directories included              */
    uint64_t bytes_read;        /* by all means of WASI: files, streams, sockets   */
    uint64_t bytes_written;
} wazero_usage_t;

/* What a module had used when its start ended with this error; NULL for other errors.
 * Ownership: borrowed until the error is deleted. Threads: any. Errors: none. */
WAZERO_API const wazero_usage_t *wazero_error_usage(const wazero_error_t *error);

/* What the host function gave to wazero_error_new_host; NULL for other errors.
 * Ownership: borrowed until the error is deleted. Threads: any. Errors: none. */
WAZERO_API void *wazero_error_payload(const wazero_error_t *error);

/* Makes the error that a host function returns to end the call that led to it. The call
 * reports kind HOST with this message, the wasm stack trace and this payload.
 * delete_payload, which may be NULL, is called with payload when the error is deleted.
 * Ownership: the caller's; a host function passes it on by returning it. Threads:
 * any. Errors: when memory runs out the result is an error of kind MEMORY, and the
 * payload has been deleted. */
WAZERO_API wazero_error_t *wazero_error_new_host(const char *message, size_t size,
                                                 void *payload,
                                                 void (*delete_payload)(void *payload));

/* Makes the error that a host function returns to end the guest as proc_exit does: the
 * calling module is closed with exit_code, and the call reports kind EXIT.
 * Ownership: as wazero_error_new_host. Threads: any. Errors: as above. */
WAZERO_API wazero_error_t *wazero_error_new_exit(uint32_t exit_code);

/* Ownership: takes error, which may be NULL. Threads: any. Errors: none. */
WAZERO_API void wazero_error_delete(wazero_error_t *error);

/* ---------------------------------------------------------------- types ---------- */

/* Value types, numbered as in the binary format. */
typedef uint8_t wazero_value_type_t;
#define WAZERO_TYPE_I32 ((wazero_value_type_t)0x7f)
#define WAZERO_TYPE_I64 ((wazero_value_type_t)0x7e)
#define WAZERO_TYPE_F32 ((wazero_value_type_t)0x7d)
#define WAZERO_TYPE_F64 ((wazero_value_type_t)0x7c)
#define WAZERO_TYPE_V128 ((wazero_value_type_t)0x7b)
#define WAZERO_TYPE_FUNCREF ((wazero_value_type_t)0x70)
#define WAZERO_TYPE_EXTERNREF ((wazero_value_type_t)0x6f)
#define WAZERO_TYPE_EXNREF ((wazero_value_type_t)0x69)
/* A reference with a heap type of its own: see wazero_typed_reference_t, which is
 * beside such a type wherever there is one. */
#define WAZERO_TYPE_REF ((wazero_value_type_t)0x64)

/* What a value of the type WAZERO_TYPE_REF leads to; all zero beside another type. heap
 * is FUNCREF, EXTERNREF or EXNREF for whatever those lead to, or WAZERO_TYPE_REF for
 * functions of one type, which is number index of the types of the module that says so
 * (wazero_inspection_type): in another module the same number means another type. */
typedef struct {
    bool nullable;
    wazero_value_type_t heap;
    uint32_t index;
} wazero_typed_reference_t;

/* The name of a value type in the text format, "i32" for example, "ref" for every
 * WAZERO_TYPE_REF; "unknown" for a number that is none.
 * Ownership: static. Threads: any. Errors: none. */
WAZERO_API const char *wazero_value_type_name(wazero_value_type_t type);

/* Writes the whole of a value type as the text format has it, "i32", "(ref func)" or
 * "(ref null 3)", into text of size bytes with the NUL, cut if it does not fit, and
 * returns the size of all of it without the NUL. reference, which may be NULL, counts
 * for WAZERO_TYPE_REF only. 24 bytes are enough.
 * Ownership: nothing. Threads: any. Errors: none. */
WAZERO_API size_t wazero_value_type_text(wazero_value_type_t type,
                                         const wazero_typed_reference_t *reference,
                                         char *text, size_t size);

/* The type of a function. slot_count is the number of slots that a call needs: the
 * larger one of what its parameters and what its results take. Where a parameter is of
 * type WAZERO_TYPE_REF, param_references has an item for each parameter, else it is
 * NULL; so it is with results. */
typedef struct {
    const wazero_value_type_t *params;
    size_t param_count;
    const wazero_value_type_t *results;
    size_t result_count;
    size_t param_slot_count;
    size_t result_slot_count;
    size_t slot_count;
    const wazero_typed_reference_t *param_references;
    const wazero_typed_reference_t *result_references;
} wazero_function_type_t;

/* Limits of a memory in pages, of a table in elements. max counts if has_max. */
typedef struct {
    uint64_t min;
    uint64_t max;
    bool has_max;
    bool shared; /* memories only */
} wazero_limits_t;

/* What can be imported and exported, numbered as in the binary format. */
typedef enum {
    WAZERO_EXTERN_FUNCTION = 0,
    WAZERO_EXTERN_TABLE = 1,
    WAZERO_EXTERN_MEMORY = 2,
    WAZERO_EXTERN_GLOBAL = 3,
    WAZERO_EXTERN_TAG = 4
} wazero_extern_kind_t;

/* The type of an import, an export or a definition; its kind says which member. */
typedef union {
    wazero_function_type_t function; /* FUNCTION; of a TAG its params */
    wazero_limits_t memory;
    struct {
        wazero_limits_t limits;
        wazero_value_type_t element;
        wazero_typed_reference_t reference;
    } table;
    struct {
        wazero_value_type_t value;
        bool is_mutable;
        wazero_typed_reference_t reference;
    } global;
} wazero_extern_type_t;

/* An import or an export with its type. */
typedef struct {
    const char *module; /* of an import; "" for an export */
    size_t module_size;
    const char *name;
    size_t name_size;
    wazero_extern_kind_t kind;
    uint32_t index; /* in the index space of its kind */
    wazero_extern_type_t type;
} wazero_extern_t;

/* A section of a module as it stands in the bytes. Its contents are its last bytes:
 * they begin at offset + size - data_size. */
typedef struct {
    uint8_t id;       /* as in the binary format; 0 is a custom section */
    const char *name; /* of a custom section its own, else what the id means: "type" */
    size_t name_size;
    size_t offset;    /* of the section in the module, where its id is */
    size_t size;      /* of the whole section, id and size included */
    const void *data; /* its contents; of a custom section what is behind the name */
    size_t data_size;
} wazero_section_t;

/* "function", "table", "memory", "global" or "tag"; "unknown" for another number.
 * Ownership: static. Threads: any. Errors: none. */
WAZERO_API const char *wazero_extern_kind_name(wazero_extern_kind_t kind);

/* Values and slots. An i32 fills the lower half of its slot, with the upper half
 * zero. A float is stored by its bits, so NaN payloads are kept. */
static inline uint64_t wazero_encode_i32(int32_t value)
{
    return (uint32_t)value;
}
static inline int32_t wazero_decode_i32(uint64_t slot)
{
    return (int32_t)(uint32_t)slot;
}
static inline uint64_t wazero_encode_i64(int64_t value)
{
    return (uint64_t)value;
}
static inline int64_t wazero_decode_i64(uint64_t slot)
{
    return (int64_t)slot;
}

static inline uint64_t wazero_encode_f32(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float wazero_decode_f32(uint64_t slot)
{
    uint32_t bits = (uint32_t)slot;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint64_t wazero_encode_f64(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline double wazero_decode_f64(uint64_t slot)
{
    double value;
    memcpy(&value, &slot, sizeof value);
    return value;
}

/* A v128 is 16 bytes in the order of memory: the slot of the lower half comes first. */
static inline void wazero_encode_v128(const void *bytes, uint64_t *slots)
{
    memcpy(slots, bytes, 16);
}

static inline void wazero_decode_v128(const uint64_t *slots, void *bytes)
{
    memcpy(bytes, slots, 16);
}

/* References: to an object of the host's, and to a function. 0 is null, and so is
 * NULL. */
static inline uint64_t wazero_encode_externref(wazero_externref_t *reference)
{
    return (uint64_t)(uintptr_t)reference;
}

static inline wazero_externref_t *wazero_decode_externref(uint64_t slot)
{
    return (wazero_externref_t *)(uintptr_t)slot;
}

static inline uint64_t wazero_encode_funcref(wazero_function_t *function)
{
    return (uint64_t)(uintptr_t)function;
}

static inline wazero_function_t *wazero_decode_funcref(uint64_t slot)
{
    return (wazero_function_t *)(uintptr_t)slot;
}

/* ---------------------------------------------------------------- cache ---------- */

/* Keeps compiled code so that compiling the same bytes again costs little: in memory if
 * directory is NULL, else in files below directory (made if missing, and private)
 * that later processes find too. One cache may serve any number of runtimes, and one
 * directory any number of processes at once. The files are executed, so a directory is
 * refused that others own or may write to, and such a file is passed over. So is a
 * damaged one: the module is compiled, and the file replaced. That files cannot be
 * written is no error either. Files may be deleted at any time; see
 * wazero_cache_set_limit.
 * Ownership: *cache is the caller's; runtimes that use it keep it alive. Threads:
 * any. Errors: INVALID when the directory cannot be used, MEMORY, INTERNAL. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *wazero_cache_new(const char *directory,
                                                             wazero_cache_t **cache);

/* The cache of this user: in the directory that the environment variable
 * WAZERO_CACHE_DIR names, or in wazero below XDG_CACHE_HOME, or in ~/.cache/wazero. Its
 * limit is 1 GiB.
 * Ownership, Threads: as wazero_cache_new. Errors: the same, and INVALID when none of
 * these variables, nor HOME, says where. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_cache_new_default(wazero_cache_t **cache);

/* The absolute path of the cache's directory, NULL if it is in memory.
 * Ownership: borrowed from cache. Threads: any. Errors: none. */
WAZERO_API const char *wazero_cache_directory(const wazero_cache_t *cache);

/* How many bytes the files in the cache's directory may have together, those of other
 * versions of this library included: WAZERO_NO_LIMIT, unless another limit is set. When
 * a module has been compiled and kept, and all together have more, those are removed
 * that were not used for longest, but not the last one. A cache in memory has no files.
 * Ownership: nothing. Threads: any. Errors: none. */
WAZERO_API void wazero_cache_set_limit(wazero_cache_t *cache, uint64_t bytes);
WAZERO_API uint64_t wazero_cache_limit(const wazero_cache_t *cache);

/* Ownership: takes cache, which may be NULL. Threads: any. Errors: none. */
WAZERO_API void wazero_cache_delete(wazero_cache_t *cache);

/* ---------------------------------------------------------------- runtime config - */

/* How code is executed. */
typedef enum {
    WAZERO_ENGINE_AUTO = 0,       /* the compiler where the machine has one */
    WAZERO_ENGINE_COMPILER = 1,   /* machine code, compiled ahead of time    */
    WAZERO_ENGINE_INTERPRETER = 2 /* slower, on every machine                */
} wazero_engine_kind_t;

/* Features of the WebAssembly specification, as wazero numbers them; V2 is the
 * default. */
typedef uint64_t wazero_features_t;
#define WAZERO_FEATURE_BULK_MEMORY_OPERATIONS ((wazero_features_t)1 << 0)
#define WAZERO_FEATURE_MULTI_VALUE ((wazero_features_t)1 << 1)
#define WAZERO_FEATURE_MUTABLE_GLOBAL ((wazero_features_t)1 << 2)
#define WAZERO_FEATURE_NON_TRAPPING_FLOAT_TO_INT_CONVERSION ((wazero_features_t)1 << 3)
#define WAZERO_FEATURE_REFERENCE_TYPES ((wazero_features_t)1 << 4)
#define WAZERO_FEATURE_SIGN_EXTENSION_OPS ((wazero_features_t)1 << 5)
#define WAZERO_FEATURE_SIMD ((wazero_features_t)1 << 6)
#define WAZERO_FEATURE_THREADS ((wazero_features_t)1 << 7)
#define WAZERO_FEATURE_TAIL_CALL ((wazero_features_t)1 << 8)
#define WAZERO_FEATURE_EXTENDED_CONST ((wazero_features_t)1 << 9)
#define WAZERO_FEATURE_EXCEPTION_HANDLING ((wazero_features_t)1 << 10)
#define WAZERO_FEATURE_TYPED_FUNCTION_REFERENCES ((wazero_features_t)1 << 11)
#define WAZERO_FEATURES_V1 WAZERO_FEATURE_MUTABLE_GLOBAL
#define WAZERO_FEATURES_V2 (((wazero_features_t)1 << 7) - 1)
#define WAZERO_FEATURES_ALL (((wazero_features_t)1 << 12) - 1)

/* The name of one feature, that of its proposal: "tail-call" for example; "" for what
 * is not one feature. Ownership: static. Threads: any. Errors: none. */
WAZERO_API const char *wazero_feature_name(wazero_features_t feature);

/* Writes the names of features into text, "multi-value|simd", of size bytes with the
 * NUL, cut if they do not fit, and returns the size of all of it without the NUL. Bits
 * that are no feature are left out.
 * Ownership: nothing. Threads: any. Errors: none. */
WAZERO_API size_t wazero_features_text(wazero_features_t features, char *text,
                                       size_t size);

/* The features of such a text, "" for none. Case, and '_' for '-', do not matter.
 * Ownership: nothing. Threads: any. Errors: INVALID with the names that there are. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_features_parse(const char *text, size_t size, wazero_features_t *features);

/* NULL if any of the required features is among features.
 * Ownership: nothing. Threads: any. Errors: INVALID: feature "simd" is disabled. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_features_require(wazero_features_t features, wazero_features_t required);

/* The default configuration: engine AUTO, features V2, memories up to 65,536 pages,
 * tables up to 10,000,000 elements, debug information on, no cache, compiling on as
 * many threads as the process has processors.
 * Ownership: *config is the caller's. Threads: any. Errors: MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_runtime_config_new(wazero_runtime_config_t **config);

/* Ownership: takes config, which may be NULL. Threads: one. Errors: none. */
WAZERO_API void wazero_runtime_config_delete(wazero_runtime_config_t *config);

/* Ownership: nothing. Threads: one. Errors: INVALID for a number that is no engine. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_runtime_config_set_engine(wazero_runtime_config_t *config,
                                 wazero_engine_kind_t engine);

/* Ownership: nothing. Threads: one. Errors: INVALID for bits that are no feature. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_runtime_config_set_features(wazero_runtime_config_t *config,
                                   wazero_features_t features);

/* The largest size of each memory, in pages from 0 to 65,536. A module whose memory
 * starts larger is refused; one that grows further gets -1 from memory.grow.
 * Ownership: nothing. Threads: one. Errors: INVALID out of range. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_runtime_config_set_memory_limit_pages(wazero_runtime_config_t *config,
                                             uint32_t pages);

/* The largest size of each table, in elements from 0 to 10,000,000. A module whose
 * table starts larger is refused; one that grows further gets -1 from table.grow.
 * Ownership: nothing. Threads: one. Errors: INVALID out of range. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_runtime_config_set_table_limit(wazero_runtime_config_t *config,
                                      uint32_t elements);

/* Whether stack traces carry source lines where the module has DWARF (default: yes). It
 * is read when there is a trace to write. Before that it takes nothing of a module that
 * came from a cache; one that was compiled without keeps a table, a third of its code.
 * Ownership: nothing. Threads: one. Errors: none. */
WAZERO_API void wazero_runtime_config_set_debug_info(wazero_runtime_config_t *config,
                                                     bool enabled);

/* Whether compiled modules tell their custom sections (default: yes, unlike wazero's,
 * for it costs nothing here).
 * Ownership: nothing. Threads: one. Errors: none. */
WAZERO_API void
wazero_runtime_config_set_custom_sections(wazero_runtime_config_t *config,
                                          bool enabled);

/* Whether a memory gets address space for all that it may grow to when it is made, or
 * cannot be made (default: no). Without it, where the address space is limited a memory
 * gets less, and may move when it grows; where it is not, there is no difference.
 * Ownership: nothing. Threads: one. Errors: none. */
WAZERO_API void
wazero_runtime_config_set_memory_capacity_from_max(wazero_runtime_config_t *config,
                                                   bool enabled);

/* How many threads compile the functions of a module, from 1 to 1,024; 0 for as many as
 * there are processors that this process may use (the default).
 * Ownership: nothing. Threads: one. Errors: INVALID out of range. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_runtime_config_set_compilation_workers(wazero_runtime_config_t *config,
                                              uint32_t workers);

/* The cache to use, or NULL for none (the default).
 * Ownership: config keeps cache alive. Threads: one. Errors: none. */
WAZERO_API void wazero_runtime_config_set_cache(wazero_runtime_config_t *config,
                                                wazero_cache_t *cache);

/* ---------------------------------------------------------------- runtime -------- */

/* Makes a runtime, the world in which modules find each other by name. config may be
 * NULL for the default. The first call in a process loads the engine library, which
 * takes some milliseconds and starts the threads of the Go runtime.
 * Ownership: *runtime is the caller's. Threads: any. Errors: INTERNAL when the
 * engine library cannot be found or does not fit, MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_runtime_new(const wazero_runtime_config_t *config, wazero_runtime_t **runtime);

/* Closes the runtime and every module and compiled module in it; calls that run in them
 * report EXIT with exit_code when they come back.
 * Ownership: runtime stays the caller's. Threads: any. Errors: FORKED. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_runtime_close_with_exit_code(wazero_runtime_t *runtime, uint32_t exit_code);

/* Ownership: nothing. Threads: any. Errors: none. */
WAZERO_API bool wazero_runtime_is_closed(const wazero_runtime_t *runtime);

/* Closes the runtime if that has not happened yet, and gives the handle back.
 * Ownership: takes runtime, which may be NULL. Threads: any. Errors: none. */
WAZERO_API void wazero_runtime_delete(wazero_runtime_t *runtime);

/* Decodes, validates and compiles size bytes at wasm.
 * Ownership: *compiled is the caller's. Threads: any. Errors: COMPILE, CLOSED, MEMORY,
 * INVALID, FORKED, INTERNAL. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_runtime_compile(wazero_runtime_t *runtime, const void *wasm, size_t size,
                       wazero_compiled_module_t **compiled);

/* Compiles and instantiates in one step. imports and config may be NULL.
 * Ownership: *module is the caller's. Threads: any. Errors: those of
 * wazero_runtime_compile, wazero_module_new and wazero_module_start. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_runtime_instantiate(wazero_runtime_t *runtime, const void *wasm, size_t size,
                           const wazero_imports_t *imports,
                           const wazero_module_config_t *config,
                           wazero_module_t **module);

/* The open module of this name, or *module = NULL if there is none.
 * Ownership: *module is the caller's, a handle of its own. Threads: any. Errors:
 * CLOSED, FORKED, INVALID when name is NULL. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_runtime_module(wazero_runtime_t *runtime, const char *name, size_t size,
                      wazero_module_t **module);

/* Whether size bytes at wasm are a valid module: NULL if so. No code is made.
 * config may be NULL; its features and limits count.
 * Ownership: nothing. Threads: any. Errors: COMPILE, MEMORY, INTERNAL. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_validate(const wazero_runtime_config_t *config, const void *wasm, size_t size);

/* ---------------------------------------------------------------- compiled module - */

/* The name of the module from its name section, "" if it has none.
 * Ownership: borrowed until compiled is deleted. Threads: any. Errors: none. */
WAZERO_API const char *
wazero_compiled_module_name(const wazero_compiled_module_t *compiled, size_t *size);

/* The bytes that were compiled, as they were given.
 * Ownership: borrowed until compiled is deleted. Threads: any. Errors: none. */
WAZERO_API const void *
wazero_compiled_module_bytes(const wazero_compiled_module_t *compiled, size_t *size);

/* Imports and exports in the order of the module, with their types; NULL behind the
 * last. They can be read after close, too.
 * Ownership: borrowed until compiled is deleted. Threads: any. Errors: none. */
WAZERO_API size_t
wazero_compiled_module_import_count(const wazero_compiled_module_t *compiled);
WAZERO_API const wazero_extern_t *
wazero_compiled_module_import(const wazero_compiled_module_t *compiled, size_t index);
WAZERO_API size_t
wazero_compiled_module_export_count(const wazero_compiled_module_t *compiled);
WAZERO_API const wazero_extern_t *
wazero_compiled_module_export(const wazero_compiled_module_t *compiled, size_t index);

/* The custom sections in the order of the module, "name" included (which wazero leaves
 * out); NULL behind the last. There are none after
 * wazero_runtime_config_set_custom_sections(config, false). They can be read after
 * close, too.
 * Ownership: borrowed until compiled is deleted. Threads: any. Errors: none. */
WAZERO_API size_t
wazero_compiled_module_custom_section_count(const wazero_compiled_module_t *compiled);
WAZERO_API const wazero_section_t *
wazero_compiled_module_custom_section(const wazero_compiled_module_t *compiled,
                                      size_t index);

/* All that the module declares, in detail. It can be read after close, too.
 * Ownership: *inspection is borrowed until compiled is deleted. Threads: any. Errors:
 * MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_compiled_module_inspection(wazero_compiled_module_t *compiled,
                                  const wazero_inspection_t **inspection);

/* Frees the compiled code; modules that run it go on.
 * Ownership: compiled stays the caller's. Threads: any. Errors: FORKED. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_compiled_module_close(wazero_compiled_module_t *compiled);

/* Ownership: nothing. Threads: any. Errors: none. */
WAZERO_API bool
wazero_compiled_module_is_closed(const wazero_compiled_module_t *compiled);

/* Ownership: takes compiled, which may be NULL. Threads: any. Errors: none. */
WAZERO_API void wazero_compiled_module_delete(wazero_compiled_module_t *compiled);

/* ---------------------------------------------------------------- inspection ----- */

/* Reads what a module declares, without the engine library and without compiling. That
 * covers every section and how all fit together. Left out is what is inside function
 * bodies behind their locals, the types of constant expressions, and whether features
 * are on that change no more than that: wazero_validate tells whether wazero takes the
 * module. config may be NULL for no limits and all features.
 * Ownership: *inspection is the caller's. It borrows the bytes at wasm, which must stay
 * as they are until it is deleted. Threads: any. Errors: COMPILE, INVALID, MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_inspect(const wazero_runtime_config_t *config, const void *wasm, size_t size,
               wazero_inspection_t **inspection);

/* Ownership: takes inspection, which may be NULL, unless it is a compiled module's.
 * Threads: any. Errors: none. */
WAZERO_API void wazero_inspection_delete(wazero_inspection_t *inspection);

/* A piece of text. */
typedef struct {
    const char *data; /* NUL-terminated behind its size, never NULL */
    size_t size;
} wazero_name_t;

/* The name of the module from its name section, "" if it has none. All that follows
 * is borrowed until the inspection is deleted, unless it says otherwise.
 * Ownership: borrowed. Threads: any. Errors: none. */
WAZERO_API wazero_name_t wazero_inspection_name(const wazero_inspection_t *inspection);

/* Imports, exports and types in the order of the module; NULL behind the last. Types of
 * a recursion group count one by one.
 * Ownership: borrowed. Threads: any. Errors: none. */
WAZERO_API size_t wazero_inspection_import_count(const wazero_inspection_t *inspection);
WAZERO_API const wazero_extern_t *
wazero_inspection_import(const wazero_inspection_t *inspection, size_t index);
WAZERO_API size_t wazero_inspection_export_count(const wazero_inspection_t *inspection);
WAZERO_API const wazero_extern_t *
wazero_inspection_export(const wazero_inspection_t *inspection, size_t index);
WAZERO_API size_t wazero_inspection_type_count(const wazero_inspection_t *inspection);
WAZERO_API const wazero_function_type_t *
wazero_inspection_type(const wazero_inspection_t *inspection, size_t index);

/* All sections in the order of the module, and the custom ones alone; NULL behind the
 * last. Names and contents are borrowed like the rest.
 * Ownership: borrowed. Threads: any. Errors: none. */
WAZERO_API size_t
wazero_inspection_section_count(const wazero_inspection_t *inspection);
WAZERO_API const wazero_section_t *
wazero_inspection_section(const wazero_inspection_t *inspection, size_t index);
WAZERO_API size_t
wazero_inspection_custom_section_count(const wazero_inspection_t *inspection);
WAZERO_API const wazero_section_t *
wazero_inspection_custom_section(const wazero_inspection_t *inspection, size_t index);

/* How the value of a constant expression comes about. */
typedef enum {
    WAZERO_CONSTANT_NONE = 0,     /* there is no expression */
    WAZERO_CONSTANT_NUMBER = 1,   /* a number or vector: type, value */
    WAZERO_CONSTANT_GLOBAL = 2,   /* the value of the global at index */
    WAZERO_CONSTANT_FUNCTION = 3, /* a reference to the function at index */
    WAZERO_CONSTANT_NULL = 4,     /* a null reference: type */
    WAZERO_CONSTANT_COMPUTED = 5  /* several instructions */
} wazero_constant_kind_t;

/* A constant expression. */
typedef struct {
    wazero_constant_kind_t kind;
    wazero_value_type_t type;
    uint32_t index;
    uint64_t value[2];                  /* slots */
    wazero_typed_reference_t reference; /* of a null reference */
    size_t offset;                      /* of its instructions in the module */
    size_t size;                        /* of its instructions, the end included */
} wazero_constant_t;

/* A function, table, memory, global or tag, in the index space of its kind: imported
 * ones first. */
typedef struct {
    wazero_extern_kind_t kind;
    uint32_t index;
    const wazero_extern_t *import; /* NULL for what the module itself defines */
    wazero_extern_type_t type;
    wazero_constant_t init; /* of a global, and of a table that has one */
} wazero_definition_t;

/* The number of functions, tables, memories, globals or tags, and one of them: false
 * behind the last, with *definition left alone.
 * Ownership: what it points to is borrowed. Threads: any. Errors: none. */
WAZERO_API size_t wazero_inspection_definition_count(
    const wazero_inspection_t *inspection, wazero_extern_kind_t kind);
WAZERO_API bool wazero_inspection_definition(const wazero_inspection_t *inspection,
                                             wazero_extern_kind_t kind, size_t index,
                                             wazero_definition_t *definition);

/* The export number `position` of a definition, in the order of the module; NULL behind
 * the last. Takes a binary search.
 * Ownership: borrowed. Threads: any. Errors: none. */
WAZERO_API const wazero_extern_t *
wazero_inspection_export_of(const wazero_inspection_t *inspection,
                            wazero_extern_kind_t kind, size_t index, size_t position);

/* Locals of a function, so many of one type. */
typedef struct {
    uint32_t count;
    wazero_value_type_t type;
    wazero_typed_reference_t reference;
} wazero_local_group_t;

/* What there is to know of a function, as wazero's FunctionDefinition and more. */
typedef struct {
    uint32_t index;            /* imported functions come first */
    bool is_host;              /* a function of a host module */
    wazero_name_t name;        /* from the name section, or "" */
    wazero_name_t module_name; /* the same of the module */
    wazero_name_t debug_name;  /* "module.name", or "module.$index" without a name */
    const wazero_extern_t *import; /* NULL unless it is imported */
    const wazero_function_type_t *type;
    const wazero_name_t *param_names; /* one for each parameter, or none at all */
    size_t param_name_count;
    const wazero_name_t *result_names;
    size_t result_name_count;
    const wazero_name_t *export_names;
    size_t export_name_count;
    size_t code_offset; /* of its body in the module: its locals and instructions */
    size_t code_size;   /* 0 unless the module has its body */
    const wazero_local_group_t
        *locals; /* behind the parameters, in the body's groups */
    size_t local_group_count;
} wazero_function_definition_t;

/* A function by its index. It is put together when it is first asked for.
 * Ownership: *function is borrowed. Threads: any. Errors: INVALID when there is no such
 * function, MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_inspection_function(const wazero_inspection_t *inspection, size_t index,
                           const wazero_function_definition_t **function);

/* The function that a start section names, as *index: false if there is none.
 * Ownership: nothing. Threads: any. Errors: none. */
WAZERO_API bool wazero_inspection_start(const wazero_inspection_t *inspection,
                                        uint32_t *index);

/* When a segment is used. */
typedef enum {
    WAZERO_SEGMENT_ACTIVE = 0,     /* at the start, by itself */
    WAZERO_SEGMENT_PASSIVE = 1,    /* by instructions */
    WAZERO_SEGMENT_DECLARATIVE = 2 /* for its references alone */
} wazero_segment_mode_t;

/* A segment of elements for tables. */
typedef struct {
    wazero_segment_mode_t mode;
    uint32_t table;           /* of an active segment */
    wazero_constant_t offset; /* of an active segment */
    wazero_value_type_t type;
    wazero_typed_reference_t reference;
    uint32_t count;
} wazero_element_segment_t;

/* A segment of bytes for a memory. */
typedef struct {
    wazero_segment_mode_t mode;
    uint32_t memory;          /* of an active segment */
    wazero_constant_t offset; /* of an active segment */
    const void *data;
    size_t size;
    size_t position; /* of the bytes in the module */
} wazero_data_segment_t;

/* Segments in the order of the module: false behind the last.
 * Ownership: what they point to is borrowed. Threads: any. Errors: none. */
WAZERO_API size_t
wazero_inspection_element_count(const wazero_inspection_t *inspection);
WAZERO_API bool wazero_inspection_element(const wazero_inspection_t *inspection,
                                          size_t index,
                                          wazero_element_segment_t *segment);
WAZERO_API size_t wazero_inspection_data_count(const wazero_inspection_t *inspection);
WAZERO_API bool wazero_inspection_data(const wazero_inspection_t *inspection,
                                       size_t index, wazero_data_segment_t *segment);

/* What the name section can name, numbered as in the binary format. */
typedef enum {
    WAZERO_NAME_MODULE = 0,
    WAZERO_NAME_FUNCTION = 1,
    WAZERO_NAME_LOCAL = 2, /* of a function */
    WAZERO_NAME_LABEL = 3, /* of a function */
    WAZERO_NAME_TYPE = 4,
    WAZERO_NAME_TABLE = 5,
    WAZERO_NAME_MEMORY = 6,
    WAZERO_NAME_GLOBAL = 7,
    WAZERO_NAME_ELEMENT = 8,
    WAZERO_NAME_DATA = 9,
    WAZERO_NAME_FIELD = 10, /* of a type */
    WAZERO_NAME_TAG = 11
} wazero_name_kind_t;

/* A name from the name section. */
typedef struct {
    uint32_t owner; /* of a local, label or field: the index of what it is part of */
    uint32_t index;
    wazero_name_t name;
} wazero_named_t;

/* The names of a kind in the order of the module. Those of functions are the ones that
 * wazero finds: their indices increase. wazero looks at the first three kinds only; if
 * the names of another kind are malformed, what is before that is told.
 * Ownership: *names is borrowed. Threads: any. Errors: INVALID for a number that is no
 * kind, MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_inspection_names(const wazero_inspection_t *inspection, wazero_name_kind_t kind,
                        const wazero_named_t **names, size_t *count);

/* ---------------------------------------------------------------- streams -------- */

/* Reads up to size bytes into buffer for the guest's standard input; *read = 0 is
 * the end. Writes size bytes from buffer for its standard output or error, all of
 * them. An error ends the call that led here, as in a host function. */
typedef wazero_error_t *(*wazero_read_function_t)(void *user, void *buffer, size_t size,
                                                  size_t *read);
typedef wazero_error_t *(*wazero_write_function_t)(void *user, const void *buffer,
                                                   size_t size);

/* ---------------------------------------------------------------- listeners ------ */

/* A frame of the stack of calls: where the function is, in machine code or what the
 * interpreter has in its place, and in the module's bytes (0 without debug information:
 * the offset counts from the first instruction of the code section). */
typedef struct {
    const wazero_function_definition_t *function;
    uint64_t program_counter;
    uint64_t source_offset;
} wazero_stack_frame_t;

/* The next frame of the stack, the innermost first: that of the function that is called
 * (of a host function in compiled code that of its caller). *found is false behind the
 * last. Frames end where the host called, and of compiled code wazero tells about 30.
 * Ownership: *frame is valid until the listener returns. Threads: that of the listener,
 * while it runs. Errors: MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_stack_next(wazero_stack_t *stack, wazero_stack_frame_t *frame, bool *found);

/* Told of the calls of functions: each member may be NULL. module is the calling module
 * of a host function; of a function of wasm its own, with the interpreter the one that
 * calls, if that is another. Slots are those of the function's type, to be read only,
 * valid as long as the listener runs, as are definitions; what is in the slot of a
 * reference is the engine's own and leads nowhere. Listeners may do what host
 * functions may; an error of before or after ends the call as that of a host function
 * does. Each before that returned NULL is followed by one after or abort. */
typedef struct {
    /* Whether the listener wants to be told of a function; without it of all. Asked for
     * each function once, when it is compiled. An error ends that. */
    wazero_error_t *(*wants)(void *user, const wazero_function_definition_t *function,
                             bool *wanted);
    wazero_error_t *(*before)(void *user, wazero_module_t *module,
                              const wazero_function_definition_t *function,
                              const uint64_t *params, wazero_stack_t *stack);
    wazero_error_t *(*after)(void *user, wazero_module_t *module,
                             const wazero_function_definition_t *function,
                             const uint64_t *results);
    /* The function does not return: error, borrowed, is what the call reports; NULL if
     * the function was left by a tail call, an exception of wasm, or a snapshot. Told
     * when the whole call is over, or what is around the function has returned. */
    void (*abort)(void *user, wazero_module_t *module,
                  const wazero_function_definition_t *function,
                  const wazero_error_t *error);
    void *user;
    void (*delete_user)(void *user); /* may be NULL */
} wazero_listener_t;

/* An empty set of listeners. It may be used for any number of modules, and does not
 * change once it has been.
 * Ownership: *listeners is the caller's. Threads: one, until it is used. Errors:
 * MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_listeners_new(wazero_listeners_t **listeners);

/* Ownership: takes listeners, which may be NULL; modules that use it keep what they
 * need. Threads: any. Errors: none. */
WAZERO_API void wazero_listeners_delete(wazero_listeners_t *listeners);

/* Adds one; they are told in the order in which they were added.
 * Ownership: copies *listener; its user as in wazero_imports_add_function. Threads:
 * one. Errors: INVALID when the set has been used, MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_listeners_add(wazero_listeners_t *listeners, const wazero_listener_t *listener);

/* Which functions of hosts are logged, as wazero's LogScopes. ALL is also what it takes
 * for exported functions, and for those of hosts that wazero does not know. */
typedef uint64_t wazero_log_scopes_t;
#define WAZERO_LOG_NONE ((wazero_log_scopes_t)0)
#define WAZERO_LOG_CLOCK ((wazero_log_scopes_t)1 << 1)
#define WAZERO_LOG_PROC ((wazero_log_scopes_t)1 << 2)
#define WAZERO_LOG_FILESYSTEM ((wazero_log_scopes_t)1 << 3)
#define WAZERO_LOG_MEMORY ((wazero_log_scopes_t)1 << 4)
#define WAZERO_LOG_POLL ((wazero_log_scopes_t)1 << 5)
#define WAZERO_LOG_RANDOM ((wazero_log_scopes_t)1 << 6)
#define WAZERO_LOG_SOCK ((wazero_log_scopes_t)1 << 7)
#define WAZERO_LOG_ALL UINT64_MAX

/* Has calls logged, a line for the beginning and one for the end of each, with wazero's
 * text: of all functions, or with host_only of those that the host can call or that are
 * its own, in these scopes. write gets one line at a time.
 * Ownership: user as in wazero_imports_add_function. Threads: one; write is called by
 * whoever runs the guest. Errors: INVALID without write and when the set has been used,
 * MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_listeners_set_log(wazero_listeners_t *listeners, wazero_write_function_t write,
                         void *user, void (*delete_user)(void *user), bool host_only,
                         wazero_log_scopes_t scopes);

/* wazero_runtime_compile with listeners, which may be NULL: they are told of the calls
 * of every function of the module, and of those of WASI and of host functions that are
 * given as imports where it is instantiated. (A host module has listeners of its own.)
 * Calls that are listened to cost some two microseconds more, others nothing.
 * Ownership, Threads: as wazero_runtime_compile. Errors: those, and what `wants`
 * reports. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_runtime_compile_with_listeners(wazero_runtime_t *runtime, const void *wasm,
                                      size_t size, wazero_listeners_t *listeners,
                                      wazero_compiled_module_t **compiled);

/* ---------------------------------------------------------------- imports -------- */

/* A host function. stack holds the arguments, one slot each (a v128 two), and takes
 * the results from its start on; the upper half of an i32 or f32 argument's slot is
 * zero. References among the arguments are borrowed for the call; one among the
 * results is taken over, so it must be the function's own to give. caller is the
 * module that called, borrowed for the call; NULL when the host itself calls. It may
 * call back into any module, nested 1,000 deep at most. What it returns ends the call
 * that led to it: NULL goes on, an error from wazero_error_new_host or _exit, or one
 * that a call inside reported, comes out of the outer call. It must not leave by
 * longjmp or a C++ exception. */
typedef wazero_error_t *(*wazero_host_function_t)(void *user, wazero_module_t *caller,
                                                  uint64_t *stack);

/* An empty set of imports. Names that a module does not need are ignored; names that it
 * needs and are not here are looked for among the runtime's modules.
 * Ownership: *imports is the caller's. Threads: any. Errors: MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_imports_new(wazero_imports_t **imports);

/* Ownership: takes imports, which may be NULL; what was instantiated with it goes on.
 * Threads: one. Errors: none. */
WAZERO_API void wazero_imports_delete(wazero_imports_t *imports);

/* Adds a host function as module.name. It takes its type from the import that it
 * answers. A second one of the same name replaces the first.
 * Ownership: user is passed to function; delete_user, which may be NULL, is called
 * with it once, when neither imports nor any module needs it any more, also when
 * this fails. Threads: one. Errors: INVALID for a name that is not UTF-8, MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_imports_add_function(wazero_imports_t *imports, const char *module,
                            size_t module_size, const char *name, size_t name_size,
                            wazero_host_function_t function, void *user,
                            void (*delete_user)(void *user));

/* What a host function is called where calls are told of: in stack traces, by listeners
 * and in logs. Each is NUL-terminated UTF-8; there is one for each parameter and for
 * each result of the function's type. NULL stands for the name under which the function
 * is found, and for no names. */
typedef struct {
    const char *name;
    const char *const *params;
    size_t param_count; /* of params, if it is not NULL */
    const char *const *results;
    size_t result_count;
} wazero_function_names_t;

/* wazero_imports_add_function with names, which may be NULL.
 * Ownership: copies *names; the rest as wazero_imports_add_function. Threads: one.
 * Errors: those, and INVALID for names that are not UTF-8. If there are not as many as
 * the function has parameters or results, instantiating reports LINK. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *wazero_imports_add_function_with_names(
    wazero_imports_t *imports, const char *module, size_t module_size, const char *name,
    size_t name_size, wazero_host_function_t function, void *user,
    void (*delete_user)(void *user), const wazero_function_names_t *names);

/* Adds every export of source, a module of the same runtime, under the module name.
 * Ownership: imports and what is instantiated with it keep source alive. Threads: one.
 * Errors: INVALID for a name that is not UTF-8, MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_imports_add_module(wazero_imports_t *imports, const char *module,
                          size_t module_size, wazero_module_t *source);

/* Adds one export of source, export_name, as module.name.
 * Ownership: as wazero_imports_add_module. Threads: one. Errors: INVALID when there
 * is no such export or a name is not UTF-8, MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_imports_add_export(wazero_imports_t *imports, const char *module,
                          size_t module_size, const char *name, size_t name_size,
                          wazero_module_t *source, const char *export_name,
                          size_t export_name_size);

/* Answers the imports of a module name: *found is a module of the same runtime, a
 * handle that becomes the library's, or NULL if there is none. An error ends the
 * instantiation and is what it reports. */
typedef wazero_error_t *(*wazero_import_resolver_t)(void *user, const char *module,
                                                    size_t module_size,
                                                    wazero_module_t **found);

/* Has resolver asked for each import that the set has no answer to, before the
 * runtime's modules are looked at. It may be asked for the same name more than once.
 * What it gives must export the import under its name. A second resolver replaces the
 * first; NULL is none.
 * Ownership: user as in wazero_imports_add_function. Threads: one; the resolver is
 * called by who instantiates. Errors: MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_imports_set_resolver(wazero_imports_t *imports,
                            wazero_import_resolver_t resolver, void *user,
                            void (*delete_user)(void *user));

/* How the functions of AssemblyScript behave. Without any option abort writes its
 * message, and trace does nothing. */
#define WAZERO_ASSEMBLYSCRIPT_NO_ABORT_MESSAGE 1u
#define WAZERO_ASSEMBLYSCRIPT_TRACE_STDOUT 2u /* at most one of the two */
#define WAZERO_ASSEMBLYSCRIPT_TRACE_STDERR 4u

/* Adds what programs in AssemblyScript import from "env", where nobody else has it:
 * abort writes a message to the guest's standard error and ends it with exit code 255,
 * trace writes one, and seed gives one of the guest's random numbers. The texts are
 * wazero's.
 * Ownership: nothing. Threads: one. Errors: INVALID for other options. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_imports_add_assemblyscript(wazero_imports_t *imports, unsigned options);

/* Adds one thing as module.name, be it made by the host (wazero_memory_new and its
 * like) or exported by a module of the same runtime. A function that is not exported,
 * one out of a table for example, is added as one of its type that calls it.
 * Ownership: imports and what is instantiated with it keep what is added alive.
 * Threads: one. Errors: INVALID for a name that is not UTF-8, and for a memory or
 * global that its module does not export; MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_imports_add_existing(wazero_imports_t *imports, const char *module,
                            size_t module_size, const char *name, size_t name_size,
                            wazero_function_t *function);
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_imports_add_memory(wazero_imports_t *imports, const char *module,
                          size_t module_size, const char *name, size_t name_size,
                          wazero_memory_t *memory);
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_imports_add_table(wazero_imports_t *imports, const char *module,
                         size_t module_size, const char *name, size_t name_size,
                         wazero_table_t *table);
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_imports_add_global(wazero_imports_t *imports, const char *module,
                          size_t module_size, const char *name, size_t name_size,
                          wazero_global_t *global);
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_imports_add_tag(wazero_imports_t *imports, const char *module,
                       size_t module_size, const char *name, size_t name_size,
                       wazero_tag_t *tag);

/* A function of a host module: its name, its type and what to call. */
typedef struct {
    const char *name;
    size_t name_size;
    const wazero_value_type_t *params;
    size_t param_count;
    const wazero_value_type_t *results;
    size_t result_count;
    wazero_host_function_t function;
    void *user;
    void (*delete_user)(void *user);      /* may be NULL */
    const wazero_function_names_t *names; /* may be NULL */
} wazero_host_function_definition_t;

/* Makes a module of host functions that later modules of the runtime find under name.
 * The runtime keeps it until one of the two is closed. module_user is what
 * wazero_module_user returns. After the module is closed its functions are not called
 * any more.
 * Definitions without delete_user can be used any number of times, in any runtime.
 * Ownership: *module is the caller's; user as in wazero_imports_add_function.
 * Threads: any. Errors: INVALID for a name that is empty, taken or not UTF-8, a type
 * that is none, or names that are too many or too few; CLOSED, MEMORY, FORKED,
 * INTERNAL. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_host_module_new(wazero_runtime_t *runtime, const char *name, size_t name_size,
                       const wazero_host_function_definition_t *functions, size_t count,
                       void *module_user, wazero_module_t **module);

/* The same with listeners, which may be NULL: told of calls from wasm.
 * Ownership, Threads: as wazero_host_module_new. Errors: those, and what `wants`
 * reports. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *wazero_host_module_new_with_listeners(
    wazero_runtime_t *runtime, const char *name, size_t name_size,
    const wazero_host_function_definition_t *functions, size_t count,
    wazero_listeners_t *listeners, void *module_user, wazero_module_t **module);

/* ---------------------------------------------------------------- own file systems */

/* WASI's numbers for what went wrong with a file, as a guest gets them. */
typedef enum {
    WAZERO_ERRNO_SUCCESS = 0,
    WAZERO_ERRNO_2BIG = 1,
    WAZERO_ERRNO_ACCES = 2,
    WAZERO_ERRNO_ADDRINUSE = 3,
    WAZERO_ERRNO_ADDRNOTAVAIL = 4,
    WAZERO_ERRNO_AFNOSUPPORT = 5,
    WAZERO_ERRNO_AGAIN = 6,
    WAZERO_ERRNO_ALREADY = 7,
    WAZERO_ERRNO_BADF = 8,
    WAZERO_ERRNO_BADMSG = 9,
    WAZERO_ERRNO_BUSY = 10,
    WAZERO_ERRNO_CANCELED = 11,
    WAZERO_ERRNO_CHILD = 12,
    WAZERO_ERRNO_CONNABORTED = 13,
    WAZERO_ERRNO_CONNREFUSED = 14,
    WAZERO_ERRNO_CONNRESET = 15,
    WAZERO_ERRNO_DEADLK = 16,
    WAZERO_ERRNO_DESTADDRREQ = 17,
    WAZERO_ERRNO_DOM = 18,
    WAZERO_ERRNO_DQUOT = 19,
    WAZERO_ERRNO_EXIST = 20,
    WAZERO_ERRNO_FAULT = 21,
    WAZERO_ERRNO_FBIG = 22,
    WAZERO_ERRNO_HOSTUNREACH = 23,
    WAZERO_ERRNO_IDRM = 24,
    WAZERO_ERRNO_ILSEQ = 25,
    WAZERO_ERRNO_INPROGRESS = 26,
    WAZERO_ERRNO_INTR = 27,
    WAZERO_ERRNO_INVAL = 28,
    WAZERO_ERRNO_IO = 29,
    WAZERO_ERRNO_ISCONN = 30,
    WAZERO_ERRNO_ISDIR = 31,
    WAZERO_ERRNO_LOOP = 32,
    WAZERO_ERRNO_MFILE = 33,
    WAZERO_ERRNO_MLINK = 34,
    WAZERO_ERRNO_MSGSIZE = 35,
    WAZERO_ERRNO_MULTIHOP = 36,
    WAZERO_ERRNO_NAMETOOLONG = 37,
    WAZERO_ERRNO_NETDOWN = 38,
    WAZERO_ERRNO_NETRESET = 39,
    WAZERO_ERRNO_NETUNREACH = 40,
    WAZERO_ERRNO_NFILE = 41,
    WAZERO_ERRNO_NOBUFS = 42,
    WAZERO_ERRNO_NODEV = 43,
    WAZERO_ERRNO_NOENT = 44,
    WAZERO_ERRNO_NOEXEC = 45,
    WAZERO_ERRNO_NOLCK = 46,
    WAZERO_ERRNO_NOLINK = 47,
    WAZERO_ERRNO_NOMEM = 48,
    WAZERO_ERRNO_NOMSG = 49,
    WAZERO_ERRNO_NOPROTOOPT = 50,
    WAZERO_ERRNO_NOSPC = 51,
    WAZERO_ERRNO_NOSYS = 52,
    WAZERO_ERRNO_NOTCONN = 53,
    WAZERO_ERRNO_NOTDIR = 54,
    WAZERO_ERRNO_NOTEMPTY = 55,
    WAZERO_ERRNO_NOTRECOVERABLE = 56,
    WAZERO_ERRNO_NOTSOCK = 57,
    WAZERO_ERRNO_NOTSUP = 58,
    WAZERO_ERRNO_NOTTY = 59,
    WAZERO_ERRNO_NXIO = 60,
    WAZERO_ERRNO_OVERFLOW = 61,
    WAZERO_ERRNO_OWNERDEAD = 62,
    WAZERO_ERRNO_PERM = 63,
    WAZERO_ERRNO_PIPE = 64,
    WAZERO_ERRNO_PROTO = 65,
    WAZERO_ERRNO_PROTONOSUPPORT = 66,
    WAZERO_ERRNO_PROTOTYPE = 67,
    WAZERO_ERRNO_RANGE = 68,
    WAZERO_ERRNO_ROFS = 69,
    WAZERO_ERRNO_SPIPE = 70,
    WAZERO_ERRNO_SRCH = 71,
    WAZERO_ERRNO_STALE = 72,
    WAZERO_ERRNO_TIMEDOUT = 73,
    WAZERO_ERRNO_TXTBSY = 74,
    WAZERO_ERRNO_XDEV = 75,
    WAZERO_ERRNO_NOTCAPABLE = 76
} wazero_errno_t;

/* WASI's number for one of the system's (ENOENT and so on), IO for one that WASI has
 * none for. Ownership: nothing. Threads: any. Errors: none. */
WAZERO_API wazero_errno_t wazero_errno_from_system(int number);

/* "ENOENT" and so on; "" for a number that is none.
 * Ownership: static. Threads: any. Errors: none. */
WAZERO_API const char *wazero_errno_name(wazero_errno_t number);

/* What a file is, as WASI numbers it. */
typedef enum {
    WAZERO_FILE_UNKNOWN = 0,
    WAZERO_FILE_BLOCK_DEVICE = 1,
    WAZERO_FILE_CHARACTER_DEVICE = 2,
    WAZERO_FILE_DIRECTORY = 3,
    WAZERO_FILE_REGULAR = 4,
    WAZERO_FILE_SOCKET_DGRAM = 5,
    WAZERO_FILE_SOCKET_STREAM = 6,
    WAZERO_FILE_SYMBOLIC_LINK = 7
} wazero_file_type_t;

/* What stat tells of a file. It is zero before it is filled in. */
typedef struct {
    uint64_t device;
    uint64_t inode; /* 0: the guest gets a number that is made of the path */
    uint64_t links;
    uint64_t size;
    uint64_t atim; /* nanoseconds since 1970 */
    uint64_t mtim;
    uint64_t ctim;
    uint8_t type; /* WAZERO_FILE_..., not UNKNOWN */
} wazero_file_stat_t;

/* Times to set: those whose bit is in `which`; the other one stays. With _NOW it is the
 * host's time that counts, and atim or mtim says nothing. */
typedef struct {
    uint64_t atim; /* nanoseconds since 1970 */
    uint64_t mtim;
    unsigned which; /* WAZERO_TIME_... */
} wazero_file_times_t;

enum {
    WAZERO_TIME_ATIM = 1,
    WAZERO_TIME_ATIM_NOW = 2,
    WAZERO_TIME_MTIM = 4,
    WAZERO_TIME_MTIM_NOW = 8
};

/* How a file is opened. */
enum {
    WAZERO_OPEN_CREATE = 1,    /* made if it is not there */
    WAZERO_OPEN_EXCLUSIVE = 4, /* and must not be */
    WAZERO_OPEN_TRUNCATE = 8
};

/* Flags that an open file has, and the guest may change. */
enum {
    WAZERO_DESCRIPTOR_APPEND = 1,
    WAZERO_DESCRIPTOR_DSYNC = 2,
    WAZERO_DESCRIPTOR_NONBLOCK = 4,
    WAZERO_DESCRIPTOR_RSYNC = 8,
    WAZERO_DESCRIPTOR_SYNC = 16
};

typedef struct {
    unsigned flags;            /* WAZERO_OPEN_... */
    unsigned descriptor_flags; /* WAZERO_DESCRIPTOR_... */
    bool read;
    bool write;
    bool exists; /* stat has just found it; without CREATE it always has */
} wazero_file_how_t;

typedef struct {
    void *file;     /* what the functions of the file are called with */
    int descriptor; /* to poll for readiness; -1, which it is before: always ready */
} wazero_file_opened_t;

/* The guest's call that a function is part of. */
typedef struct {
    void *user;            /* the file system's */
    wazero_error_t *error; /* NULL; what is put here ends the guest's call, which
                              reports it. The library takes it. */
    bool unheard;          /* of close: neither the guest nor a call hears of it */
} wazero_fs_call_t;

/* The entries of a directory, while they are listed. */
typedef struct wazero_entries wazero_entries_t;

/* Adds an entry: a name, without a slash or a NUL. "." and ".." are left out. The type
 * may be UNKNOWN, the inode 0.
 * Ownership: copies. Threads: the one that lists. Errors: INVAL for what is no name,
 * NOMEM. */
WAZERO_API wazero_errno_t wazero_entries_add(wazero_entries_t *entries,
                                             const char *name, size_t size,
                                             uint64_t inode, wazero_file_type_t type);

/* A file system of the host's own. Its functions return WASI's numbers, which the guest
 * gets, and write outputs on SUCCESS only. All but stat may be NULL, which answers as
 * the comment says.
 *
 * A path is NUL-terminated, begins at the root, ".", and consists of names with
 * slashes in between. The jail has been seen to: there is no "..", no empty name, and
 * no symbolic link but perhaps the last name, which no function follows.
 *
 * What a guest has open keeps the path that it was opened by. Once it, or a directory
 * above it, has been renamed, an open directory is what is at that path then, or
 * nothing; an open file goes on through its own functions, and has the path only where
 * file_stat and set_file_times are NULL.
 *
 * Functions are called attached (see wazero_thread_hooks_t), by the thread that runs
 * the guest, and by several at once if several modules have the file system. They may
 * call the guest again, and close the module. Nothing ends one that waits. */
typedef struct {
    size_t size; /* sizeof(wazero_fs_functions_t): later versions have more */

    /* ---- of paths ---- */
    wazero_errno_t (*stat)(wazero_fs_call_t *call, const char *path,
                           wazero_file_stat_t *stat);
    wazero_errno_t (*list)(wazero_fs_call_t *call, const char *path,
                           wazero_entries_t *entries); /* NULL: NOTSUP */
    /* The target, up to size bytes of it, without a NUL. NULL: INVAL */
    wazero_errno_t (*read_link)(wazero_fs_call_t *call, const char *path, char *buffer,
                                size_t size, size_t *done);
    /* Opens what is no directory and no link, or makes a file. EXCLUSIVE matters only
     * where somebody else makes files, too. What is open is closed by `close`, once.
     * NULL: NOTSUP */
    wazero_errno_t (*open)(wazero_fs_call_t *call, const char *path,
                           const wazero_file_how_t *how, wazero_file_opened_t *opened);

    /* ---- that change names; NULL: ROFS ---- */
    wazero_errno_t (*make_directory)(wazero_fs_call_t *call, const char *path);
    wazero_errno_t (*remove_directory)(wazero_fs_call_t *call, const char *path);
    wazero_errno_t (*unlink)(wazero_fs_call_t *call, const char *path);
    wazero_errno_t (*rename)(wazero_fs_call_t *call, const char *from, const char *to);
    wazero_errno_t (*link)(wazero_fs_call_t *call, const char *from, const char *to);
    wazero_errno_t (*symlink)(wazero_fs_call_t *call, const char *target,
                              const char *path);
    wazero_errno_t (*set_times)(wazero_fs_call_t *call, const char *path,
                                const wazero_file_times_t *times);

    /* ---- of open files ---- */
    /* The last of a file; what it returns is of interest only if the guest closed it.
     * NULL: SUCCESS */
    wazero_errno_t (*close)(wazero_fs_call_t *call, void *file);
    /* NULL: what stat says of the path that it was opened by */
    wazero_errno_t (*file_stat)(wazero_fs_call_t *call, void *file,
                                wazero_file_stat_t *stat);
    /* Bytes at an offset; 0 at the end. size is not 0. NULL: SPIPE, but for a file
     * system without any of read, write and seek: there they do all the work, and the
     * library keeps the position. NULL then: BADF */
    wazero_errno_t (*pread)(wazero_fs_call_t *call, void *file, void *buffer,
                            size_t size, uint64_t offset, size_t *done);
    wazero_errno_t (*pwrite)(wazero_fs_call_t *call, void *file, const void *buffer,
                             size_t size, uint64_t offset, size_t *done);
    /* Bytes at the file's own position, which moves on. descriptor_flags has what the
     * guest has set by now, APPEND for one. NULL: BADF; of seek SPIPE */
    wazero_errno_t (*read)(wazero_fs_call_t *call, void *file, void *buffer,
                           size_t size, unsigned descriptor_flags, size_t *done);
    wazero_errno_t (*write)(wazero_fs_call_t *call, void *file, const void *buffer,
                            size_t size, unsigned descriptor_flags, size_t *done);
    /* whence is SEEK_SET, SEEK_CUR or SEEK_END of the system. */
    wazero_errno_t (*seek)(wazero_fs_call_t *call, void *file, int64_t offset,
                           int whence, uint64_t *position);
    wazero_errno_t (*set_size)(wazero_fs_call_t *call, void *file,
                               uint64_t size); /* NULL: INVAL */
    wazero_errno_t (*sync)(wazero_fs_call_t *call, void *file,
                           bool data_only); /* NULL: SUCCESS */
    /* NULL: SUCCESS; read and write are told anyway */
    wazero_errno_t (*set_flags)(wazero_fs_call_t *call, void *file,
                                unsigned descriptor_flags);
    /* NULL: set_times of the path that it was opened by */
    wazero_errno_t (*set_file_times)(wazero_fs_call_t *call, void *file,
                                     const wazero_file_times_t *times);
} wazero_fs_functions_t;

/* Makes a file system of functions. delete_user, which may be NULL, is called with user
 * when nothing has the file system any more.
 * Ownership: copies functions; *fs is the caller's; takes user, also when it fails.
 * Threads: any. Errors: INVALID for a size that cannot be, and without stat; MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_fs_new_custom(const wazero_fs_functions_t *functions, void *user,
                     void (*delete_user)(void *user), wazero_fs_t **fs);

/* ---------------------------------------------------------------- module config -- */

/* The default: no name, no arguments, no environment, no files, standard input empty,
 * output discarded, clocks and random numbers that are the same in every run, "_start"
 * called if it is exported.
 * Ownership: *config is the caller's. Threads: any. Errors: MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_config_new(wazero_module_config_t **config);

/* Ownership: takes config, which may be NULL. Threads: one. Errors: none. */
WAZERO_API void wazero_module_config_delete(wazero_module_config_t *config);

/* The name under which other modules of the runtime find this one; "" (the default)
 * leaves it anonymous. A named module stays until it or its runtime is closed.
 * Ownership: copies. Threads: one. Errors: INVALID if it is not UTF-8, MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_config_set_name(wazero_module_config_t *config, const char *name,
                              size_t size);

/* The guest's arguments, the program's name first, NUL-terminated each.
 * Ownership: copies. Threads: one. Errors: INVALID, MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_config_set_args(wazero_module_config_t *config, const char *const *args,
                              size_t count);

/* Adds one variable to the guest's environment, or replaces it.
 * Ownership: copies. Threads: one. Errors: INVALID for an empty key or one with '=',
 * MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_config_set_env(wazero_module_config_t *config, const char *key,
                             const char *value);

/* Adds all variables of the process's own environment, as it is now.
 * Ownership: copies. Threads: one, while no other changes the environment. Errors:
 * MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_config_inherit_env(wazero_module_config_t *config);

/* Gives the guest the process's own stream.
 * Ownership: nothing. Threads: one. Errors: INVALID for a number that is no stream. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_config_inherit_stream(wazero_module_config_t *config,
                                    wazero_stream_t stream);

/* Gives the guest an open file descriptor as a stream.
 * Ownership: duplicates it when a module is instantiated; the caller's stays open and
 * must be open until then. Threads: one. Errors: INVALID. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_config_set_stream_fd(wazero_module_config_t *config,
                                   wazero_stream_t stream, int fd);

/* Gives the guest bytes as its standard input, then the end of file.
 * Ownership: copies. Threads: one. Errors: MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_config_set_stdin_bytes(wazero_module_config_t *config, const void *bytes,
                                     size_t size);

/* Gives the guest standard input from a function, standard output or error to one.
 * Ownership: user as in wazero_imports_add_function. Threads: one; the function is
 * called by whichever thread runs the guest. Errors: INVALID, MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_config_set_stdin_function(wazero_module_config_t *config,
                                        wazero_read_function_t function, void *user,
                                        void (*delete_user)(void *user));
WAZERO_API WAZERO_NODISCARD wazero_error_t *wazero_module_config_set_output_function(
    wazero_module_config_t *config, wazero_stream_t stream,
    wazero_write_function_t function, void *user, void (*delete_user)(void *user));

/* Whose WASI a module imports. Libwazero's own is in C: mounted directories are jails,
 * waiting ends at timeouts and interrupts, and WASI's conformance suite passes.
 * wazero's is for comparison: a mount of it is no jail (see wazero's documentation of
 * WithDirMount), and nothing ends a read that waits. */
typedef enum { WAZERO_WASI_LIBWAZERO = 0, WAZERO_WASI_ENGINE = 1 } wazero_wasi_kind_t;

/* Ownership: nothing. Threads: one. Errors: INVALID for a number that is no WASI. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_config_set_wasi(wazero_module_config_t *config, wazero_wasi_kind_t kind);

/* Shows the host directory to the guest as guest_path ("/" or "/data"). No path that
 * the guest uses leads out of it: no "..", no absolute path, no symbolic link, whoever
 * made it and whenever. Of two for one guest path the second one counts. The directory
 * is opened when a module is instantiated.
 * Ownership: copies. Threads: one. Errors: INVALID when a path is empty, MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_config_add_mount(wazero_module_config_t *config,
                               const char *host_directory, const char *guest_path,
                               bool read_only);

/* A wazero_fs_t is a file system that can be mounted, in any number of modules at once,
 * in any threads, and used by the host before, meanwhile and afterwards. There are
 * kinds of them, each with its wazero_fs_new... . */

/* What a file system may take at most. Bytes are those of files and of the targets of
 * symbolic links, a hole counting as if it were none; files are files, directories,
 * links, and further names of files. */
typedef struct {
    uint64_t max_bytes;
    uint64_t max_files;
} wazero_fs_limits_t;

/* The limits of a file system in memory that is given none: 1 GiB, 262,144 files. */
#define WAZERO_FS_MAX_BYTES ((uint64_t)1 << 30)
#define WAZERO_FS_MAX_FILES ((uint64_t)1 << 18)

/* A file system in memory, empty at first, that guests can read and write. What would
 * exceed a limit, guests' and the host's, fails as on a full disk (ENOSPC, EFBIG): so a
 * guest can make the host keep twice max_bytes, and less than 1 KiB for each of
 * max_files. limits may be NULL. UINT64_MAX is no limit. Files have the times of the
 * guest's own wall clock, and reading does not change them.
 * Ownership: *fs is the caller's. Threads: any. Errors: MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_fs_new_memory(const wazero_fs_limits_t *limits, wazero_fs_t **fs);

/* A directory of the host as a file system, as wazero_module_config_add_mount has it,
 * whose guests can add only so much to it: bytes by which files grow, and names that
 * they make. What they cut off or remove is given back, down to nothing: the bytes of a
 * removed file when it is closed. What would be more fails as on a full disk (ENOSPC).
 * All modules that have the file system count together; what others do in the directory
 * counts for nothing. limits may be NULL: none. The directory is opened when a module
 * is instantiated.
 * Ownership: copies; *fs is the caller's. Threads: any. Errors: INVALID for an empty
 * path, MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_fs_new_directory(const char *host_directory, const wazero_fs_limits_t *limits,
                        wazero_fs_t **fs);

/* An overlay: a file system of any kind below, which is never written, and one in
 * memory above it, which has all that guests write. They see the two as one. What is
 * below is copied up when a file is opened to be written or its times are set, so it
 * counts against the limits of the upper one, and fails as on a full disk (ENOSPC). So
 * is a directory with all that is in it when it is renamed: what cannot fit is not
 * begun. Who has a file open goes on with the copy, and a file keeps its number and,
 * but for its last change, its times. A file that has several names below is copied for
 * one of them; the others stay what they were. What is neither file, directory nor
 * symbolic link can be read and removed, not written (EROFS) or renamed (EXDEV). What
 * is removed is hidden: wazero_fs_list_deleted. Symbolic links of either lead where the
 * two together say, and never out.
 *
 * lower is opened here, at once. The host may change what is in it: guests see that,
 * where nothing is above it. upper may be NULL: one with the usual limits. It may have
 * files already. What it has is read as any file system in memory, also while guests
 * run; who removes a directory from it shows what is below again.
 * Ownership: keeps both; *fs is the caller's. Threads: any. Errors: INVALID when upper
 * is not in memory, or is lower, when lower cannot be opened, or for more than 16
 * overlays on each other; MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_fs_new_overlay(wazero_fs_t *lower, wazero_fs_t *upper, wazero_fs_t **fs);

/* Adds a file, which must not be there, or writes one, which may. Directories on the
 * way are made. A path is made of names of up to 255 bytes with slashes between them,
 * "." and ".." excepted; symbolic links in it are followed, and never lead out. A file
 * that does not fit stays as it was.
 * Ownership: copies. Threads: any. Errors: INVALID with wazero_error_errno: EEXIST,
 * ENOTDIR, EISDIR, ENOSPC, EROFS and so on, EINVAL for a name that cannot be; INVALID
 * for NULL; MEMORY; what a file system of the host's own reports. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_fs_add_file(wazero_fs_t *fs, const char *path, const void *bytes, size_t size);
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_fs_write_file(wazero_fs_t *fs, const char *path, const void *bytes, size_t size);

/* Makes a directory, and those on the way; they may be there.
 * Ownership: copies. Threads: any. Errors: as wazero_fs_add_file. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *wazero_fs_add_directory(wazero_fs_t *fs,
                                                                    const char *path);

/* Reads a whole file. There is at least one byte of memory, also for an empty file.
 * Ownership: *bytes is the caller's, to be freed with wazero_free. Threads: any.
 * Errors: as wazero_fs_add_file; ENOENT. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_fs_read_file(wazero_fs_t *fs, const char *path, uint8_t **bytes, size_t *size);

typedef enum {
    WAZERO_FS_OTHER = 0,
    WAZERO_FS_FILE = 1,
    WAZERO_FS_DIRECTORY = 2,
    WAZERO_FS_LINK = 3 /* a symbolic link */
} wazero_fs_type_t;

typedef struct {
    wazero_fs_type_t type;
    uint64_t size;
    uint64_t links;   /* names that a file has */
    int64_t modified; /* nanoseconds since 1970 */
} wazero_fs_stat_t;

/* What is at a path; "" is the root. `follow` follows a symbolic link at its end.
 * Ownership: nothing. Threads: any. Errors: as wazero_fs_read_file. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_fs_stat(wazero_fs_t *fs, const char *path, bool follow, wazero_fs_stat_t *stat);

/* Told of an entry: its path from the directory that is listed, NUL-terminated behind
 * size bytes, which are any but NUL. An error ends the listing, and is its result. The
 * file system may be used and changed meanwhile. */
typedef wazero_error_t *(*wazero_fs_visit_t)(void *user, const char *path, size_t size,
                                             const wazero_fs_stat_t *stat);

/* Lists a directory: in memory in the order of the names' bytes. With `deep` all that
 * is in it, a directory before what it contains; links are not followed.
 * Ownership: nothing. Threads: any. Errors: as wazero_fs_read_file; what visit
 * reports. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *wazero_fs_list(wazero_fs_t *fs,
                                                           const char *path, bool deep,
                                                           wazero_fs_visit_t visit,
                                                           void *user);

/* Lists the paths of the lower file system that an overlay hides: what was removed or
 * renamed, with all that was in it, also if there is something else by now. Who removes
 * these from a copy of the lower one, and then adds what the upper one has, has what
 * the guests see. `visit` gets a stat of type OTHER.
 * Ownership: nothing. Threads: any. Errors: INVALID for what is no overlay, MEMORY;
 * what visit reports. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_fs_list_deleted(wazero_fs_t *fs, wazero_fs_visit_t visit, void *user);

/* Removes a file, a link, or a directory, which must be empty unless `deep` removes all
 * that is in it. Who has a removed file open goes on with it.
 * Ownership: nothing. Threads: any. Errors: as wazero_fs_read_file; ENOTEMPTY; EBUSY
 * for the root. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_fs_remove(wazero_fs_t *fs, const char *path, bool deep);

/* What counts against the limits now, and the limits. */
typedef struct {
    uint64_t bytes;
    uint64_t files;
    wazero_fs_limits_t limits;
} wazero_fs_usage_t;

/* Ownership: nothing. Threads: any. Errors: INVALID for a file system that counts
 * nothing. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *wazero_fs_usage(wazero_fs_t *fs,
                                                            wazero_fs_usage_t *usage);

/* Shows a file system of any kind to the guest as guest_path, as
 * wazero_module_config_add_mount does a host directory. It needs libwazero's own WASI.
 * Ownership: config keeps fs. Threads: one. Errors: INVALID when something is missing,
 * MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_config_add_fs(wazero_module_config_t *config, wazero_fs_t *fs,
                            const char *guest_path, bool read_only);

/* Ownership: takes fs, which may be NULL; what is mounted stays. Threads: any. Errors:
 * none. */
WAZERO_API void wazero_fs_delete(wazero_fs_t *fs);

/* Has the guest listen on a TCP socket of the host: opened when a module is
 * instantiated, and the guest finds it open behind its folders, at descriptor 3 if it
 * has none. host is an address or a name, "" for all addresses of the machine; port 0
 * is a free one. With wazero's own WASI nothing but a connection ends sock_accept while
 * it waits: a guest that is to be ended makes the socket non-blocking first.
 * Ownership: copies. Threads: one. Errors: INVALID, MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_config_add_tcp_listener(wazero_module_config_t *config, const char *host,
                                      uint16_t port);

/* Gives the guest the host's own clocks, sleep and sched_yield, or its random numbers.
 * A timeout, an interrupt and closing the module end a sleep.
 * Ownership: nothing. Threads: one. Errors: none. */
WAZERO_API void
wazero_module_config_set_system_walltime(wazero_module_config_t *config);
WAZERO_API void
wazero_module_config_set_system_nanotime(wazero_module_config_t *config);
WAZERO_API void
wazero_module_config_set_system_nanosleep(wazero_module_config_t *config);
WAZERO_API void wazero_module_config_set_system_osyield(wazero_module_config_t *config);
WAZERO_API void wazero_module_config_set_system_random(wazero_module_config_t *config);

/* What the host may give in their place. A clock puts its time into *nanoseconds, since
 * 1970-01-01 UTC for the wall clock, since any point for the monotonic one. A sleep
 * pauses for as long; it may return early. Random fills size bytes, at most 65,536 at
 * a time. An error ends the call that led here, as in a host function. */
typedef wazero_error_t *(*wazero_clock_function_t)(void *user, int64_t *nanoseconds);
typedef wazero_error_t *(*wazero_sleep_function_t)(void *user, uint64_t nanoseconds);
typedef wazero_error_t *(*wazero_yield_function_t)(void *user);
typedef wazero_error_t *(*wazero_random_function_t)(void *user, void *buffer,
                                                    size_t size);

/* Gives the guest the host's functions for time and random numbers. The resolution is
 * what the guest is told of the clock's, in nanoseconds from 1 to 817,405,952. Many
 * programs sleep in a loop until a clock has gone on: who sets one sets the other.
 * Ownership: user as in wazero_imports_add_function. Threads: one; the function is
 * called by whichever thread runs the guest. Errors: INVALID, MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_config_set_walltime(wazero_module_config_t *config,
                                  wazero_clock_function_t function, uint32_t resolution,
                                  void *user, void (*delete_user)(void *user));
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_config_set_nanotime(wazero_module_config_t *config,
                                  wazero_clock_function_t function, uint32_t resolution,
                                  void *user, void (*delete_user)(void *user));
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_config_set_nanosleep(wazero_module_config_t *config,
                                   wazero_sleep_function_t function, void *user,
                                   void (*delete_user)(void *user));
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_config_set_osyield(wazero_module_config_t *config,
                                 wazero_yield_function_t function, void *user,
                                 void (*delete_user)(void *user));
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_config_set_random(wazero_module_config_t *config,
                                wazero_random_function_t function, void *user,
                                void (*delete_user)(void *user));

/* Gives the guest random numbers that are the same in every run with the same seed of
 * up to 32 bytes: those of ChaCha20. Whoever knows the seed knows the numbers. Size 0
 * is the default.
 * Ownership: copies. Threads: one. Errors: INVALID for a seed that is too long. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_config_set_random_seed(wazero_module_config_t *config, const void *seed,
                                     size_t size);

/* What a program that is run from a command line gets, as wazero's own command gives
 * it: the process's standard streams, the system's clocks, sleep and random numbers. It
 * gets no arguments, environment or files by this.
 * Ownership: nothing. Threads: one. Errors: MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_config_inherit(wazero_module_config_t *config);

/* The exported functions that wazero_module_start calls, in this order, those that
 * exist. The default is "_start" alone; count 0 calls none.
 * Ownership: copies. Threads: one. Errors: INVALID, MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_config_set_start_functions(wazero_module_config_t *config,
                                         const char *const *names, size_t count);

/* How long a call into the module may take, and its start as a whole, in nanoseconds,
 * waiting for other threads included; WAZERO_NO_TIMEOUT (the default) is no limit. A
 * call that is given a timeout of its own has that instead; a call inside another one
 * never gets more time than is left of that.
 * Ownership: nothing. Threads: one. Errors: none. */
WAZERO_API void wazero_module_config_set_timeout(wazero_module_config_t *config,
                                                 uint64_t nanoseconds);

/* The size of the WebAssembly stack that a call into the module may use, in bytes,
 * from 64 KiB to 1 GiB (default 16 MiB); it is rounded up to whole pages of the
 * machine. A call that needs more ends with WAZERO_TRAP_STACK_OVERFLOW. The stack
 * belongs to the thread: calls that are nested through host functions share it, and
 * the size of the outermost one limits them all. With the interpreter, or where
 * wazero_function_is_interruptible says false, wazero's own limits hold instead.
 * Ownership: nothing. Threads: one. Errors: INVALID for a size out of range. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_config_set_max_stack(wazero_module_config_t *config, size_t size);

/* The largest size of the memory that the module defines, in pages from 0 to 65,536,
 * below the runtime's limit: memory.grow gives -1 beyond it, and wazero_memory_grow an
 * error. A memory that the module imports has the limit of the module that it is of.
 * (wazero's MemoryAllocator is the library's own: it reserves the address space of a
 * memory's maximum, so that its bytes do not move.)
 * Ownership: nothing. Threads: one. Errors: INVALID out of range. wazero_module_new
 * reports LINK for a memory that starts larger. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_config_set_memory_limit_pages(wazero_module_config_t *config,
                                            uint32_t pages);

/* Told that a module closes, with its exit code. */
typedef void (*wazero_close_notifier_t)(void *user, uint32_t exit_code);

/* Has function called once for each module made with the configuration, when it closes,
 * whoever closes it: the host, the guest by proc_exit, the runtime, or the end of its
 * last handle. exit_code is 0 where there is none. The module counts as closed by then.
 * A module that could not be linked was never there. A second function replaces the
 * first; NULL is none.
 * Ownership: user as in wazero_imports_add_function. Threads: one; function is called
 * by whoever closes, not in a forked child. Errors: MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_config_set_close_notifier(wazero_module_config_t *config,
                                        wazero_close_notifier_t function, void *user,
                                        void (*delete_user)(void *user));

/* How many bytes the module may write to its standard output and error, both together,
 * for as long as it lives; WAZERO_NO_LIMIT (the default) is no limit. A write that goes
 * beyond writes what is allowed, then ends the call.
 * Ownership: nothing. Threads: one. Errors: none; the call reports OUTPUT_LIMIT. */
WAZERO_API void wazero_module_config_set_output_limit(wazero_module_config_t *config,
                                                      uint64_t bytes);

/* How many files, directories and connections the module may have open at once, beside
 * the streams, mounts and sockets that it begins with: more are EMFILE for the guest.
 * No module has more than 65,536 in all, which is the default.
 * Ownership: nothing. Threads: one. Errors: none; the start of a module with wazero's
 * own WASI, which has no such limit, is INVALID. */
WAZERO_API void wazero_module_config_set_max_files(wazero_module_config_t *config,
                                                   uint32_t count);

/* Makes the module's runs the same, whatever the host and the time: clocks, sleep and
 * yield are pretended and random numbers those of the empty seed (sources that are set
 * after this call are used); directories are read in the order of their names; files
 * have numbers in the order in which the guest sees them, one link, one device and the
 * time at which the pretended clock begins; directories have no size.
 * Ownership: nothing. Threads: one. Errors: none; the start of a module with wazero's
 * own WASI is INVALID. */
WAZERO_API void wazero_module_config_set_deterministic(wazero_module_config_t *config);

/* A pointer to find again from the module (wazero_module_user).
 * Ownership: borrowed for ever. Threads: one. Errors: none. */
WAZERO_API void wazero_module_config_set_user(wazero_module_config_t *config,
                                              void *user);

/* ---------------------------------------------------------------- trace ---------- */

/* Records of a module's WASI calls, as strace has them of a process's: each with its
 * arguments, what it returned and how long it took, as values and as text.
 *
 *     wazero_trace_t *trace;
 *     wazero_error_t *error = wazero_trace_new(WAZERO_TRACE_LIMIT, &trace);
 *     if (!error) wazero_module_config_record_trace(config, trace);
 *
 * What is recorded are the calls of the functions that the module imports from
 * libwazero's own WASI. A record has copies of what it shows of the guest's memory:
 * texts up to 1,024 bytes, lists up to 16 items, and never what is read or written. */

/* How a value of a record is to be read. The numbers are fixed. */
typedef enum {
    WAZERO_TRACE_NUMBER = 1,        /* a size, an offset, nanoseconds ...       */
    WAZERO_TRACE_SIGNED = 2,        /* number is an int64_t                     */
    WAZERO_TRACE_FD = 3,            /* a descriptor                             */
    WAZERO_TRACE_POINTER = 4,       /* into memory that is not looked at        */
    WAZERO_TRACE_OUT_OF_BOUNDS = 5, /* a pointer, and size what should be there */
    /* A path or a name: data are the first size of the number bytes that it has. */
    WAZERO_TRACE_TEXT = 6,
    /* Sizes of buffers: data are the first ones of number, a uint32_t each. */
    WAZERO_TRACE_SIZES = 7,
    WAZERO_TRACE_LIST = 8, /* data are size bytes of ASCII, for number items */
    /* Numbers with names. Whence is as preview 1 has it, also of wasi_unstable. */
    WAZERO_TRACE_CLOCK = 9,
    WAZERO_TRACE_ADVICE = 10,
    WAZERO_TRACE_WHENCE = 11,
    WAZERO_TRACE_FILETYPE = 12,
    WAZERO_TRACE_PREOPEN = 13,
    WAZERO_TRACE_SIGNAL = 14,
    /* Bits with names. */
    WAZERO_TRACE_FDFLAGS = 15,
    WAZERO_TRACE_LOOKUP = 16,
    WAZERO_TRACE_OFLAGS = 17,
    WAZERO_TRACE_RIGHTS = 18,
    WAZERO_TRACE_FSTFLAGS = 19,
    WAZERO_TRACE_RIFLAGS = 20,
    WAZERO_TRACE_ROFLAGS = 21,
    WAZERO_TRACE_SDFLAGS = 22
} wazero_trace_kind_t;

/* An argument or a result. name is as WASI has it: "fd", "iovs". */
typedef struct {
    const char *name;
    wazero_trace_kind_t kind;
    uint64_t number;
    const void *data; /* or NULL */
    uint64_t size;
} wazero_trace_value_t;

/* A call. A path and its length are one argument, and so is a list of buffers; places
 * where results are put are no arguments. Of a call that failed those of the results
 * are there whose places are out of bounds. Times are in nanoseconds. */
typedef struct {
    const char *module;   /* "wasi_snapshot_preview1" or "wasi_unstable" */
    const char *function; /* "fd_write" */
    const wazero_trace_value_t *arguments;
    size_t argument_count;
    const wazero_trace_value_t *results;
    size_t result_count;
    bool returned;       /* not so if it ended the guest, or was ended: proc_exit,
                          * a timeout */
    wazero_errno_t code; /* what it returned */
    uint64_t time;       /* when it began, by the monotonic clock */
    uint64_t duration;
} wazero_trace_call_t;

/* Is given the record of a call once that is over, on its thread; call is valid until
 * it returns. An error ends the guest's call, and is what that reports, unless another
 * one has ended it. */
typedef wazero_error_t *(*wazero_trace_function_t)(void *user, wazero_module_t *caller,
                                                   const wazero_trace_call_t *call);

/* Has function called with each record. It replaces what was set before, as
 * wazero_module_config_record_trace does.
 * Ownership: user as in wazero_imports_add_function. Threads: one; function is called
 * attached. Errors: INVALID for NULL, MEMORY. With wazero's own WASI wazero_module_new
 * reports INVALID. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_config_set_trace(wazero_module_config_t *config,
                               wazero_trace_function_t function, void *user,
                               void (*delete_user)(void *user));

/* A limit for traces that serves most programs: 64 MiB, some 300,000 calls. */
#define WAZERO_TRACE_LIMIT ((size_t)64 << 20)

/* Makes a trace, which keeps the records of up to limit bytes in all: the last ones.
 * Several modules may share it.
 * Ownership: *trace is the caller's. Threads: any. Errors: MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *wazero_trace_new(size_t limit,
                                                             wazero_trace_t **trace);

/* Ownership: takes trace, which may be NULL. Threads: any. Errors: none. */
WAZERO_API void wazero_trace_delete(wazero_trace_t *trace);

/* Has the records go to a trace; NULL for none.
 * Ownership: config keeps trace. Threads: one. Errors: none. */
WAZERO_API void wazero_module_config_record_trace(wazero_module_config_t *config,
                                                  wazero_trace_t *trace);

/* How many records a trace has, and how many it had to drop before these.
 * Ownership: nothing. Threads: any, while modules run, too. Errors: none. */
WAZERO_API size_t wazero_trace_count(wazero_trace_t *trace);
WAZERO_API uint64_t wazero_trace_dropped(wazero_trace_t *trace);

/* The record at index, the oldest one at 0; NULL behind the last. It stays what it is
 * when the trace drops it.
 * Ownership: the result is the caller's. Threads: any, while modules run, too. Errors:
 * none. */
WAZERO_API wazero_trace_call_t *wazero_trace_get(wazero_trace_t *trace, size_t index);

/* A copy of a record, to be kept when the function that was given it returns.
 * Ownership: *copy is the caller's. Threads: any. Errors: MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_trace_call_copy(const wazero_trace_call_t *call, wazero_trace_call_t **copy);

/* Ownership: takes call, which may be NULL. Threads: any. Errors: none. */
WAZERO_API void wazero_trace_call_delete(wazero_trace_call_t *call);

/* Writes a record as one line without its end, for example
 *
 *     path_open(fd=3, dirflags=SYMLINK_FOLLOW, path="a.txt", oflags=CREAT|TRUNC,
 *     fs_rights_base=FD_READ|FD_WRITE, fs_rights_inheriting=0, fdflags=0) = 0
 *     opened_fd=5 <12 us>
 *
 * into text of size bytes, cut with a NUL where it does not fit. What the guest chose
 * is escaped as in C wherever it is no printable UTF-8. Returns the size of the whole,
 * without a NUL. The second does so with one value.
 * Ownership: fills text. Threads: any. Errors: none. */
WAZERO_API size_t wazero_trace_format(const wazero_trace_call_t *call, char *text,
                                      size_t size);
WAZERO_API size_t wazero_trace_value_format(const wazero_trace_value_t *value,
                                            char *text, size_t size);

/* ---------------------------------------------------------------- module --------- */

/* Links and instantiates a compiled module without running any of its code: call
 * wazero_module_start before anything else, or use wazero_runtime_instantiate. imports
 * and config may be NULL. What imports lacks is looked for among the runtime's modules
 * by name; WASI ("wasi_snapshot_preview1" and "wasi_unstable") is there by itself.
 * Ownership: *module is the caller's. Threads: any. Errors: LINK, CLOSED, INVALID
 * for a name that is taken or an address where it cannot listen, TRAP for a data
 * segment that does not fit, MEMORY, FORKED, INTERNAL. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_new(wazero_compiled_module_t *compiled, const wazero_imports_t *imports,
                  const wazero_module_config_t *config, wazero_module_t **module);

/* Runs the module's start function, then the start functions of its configuration. A
 * guest that exits with code 0 is success and leaves the module closed; any other end
 * closes it too.
 * Ownership: nothing. Threads: any. Errors: TRAP, EXIT, HOST, CLOSED, INVALID when
 * called twice. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_start(wazero_module_t *module);

/* The name under which the runtime knows the module, "" if it is anonymous.
 * Ownership: borrowed until the module is deleted. Threads: any. Errors: none. */
WAZERO_API const char *wazero_module_name(const wazero_module_t *module, size_t *size);

/* What the module has used up to now. Times are those of wazero_module_start, in which
 * a program runs from its beginning to its end; later calls are not timed, so that they
 * cost what they cost. Memory and counts are of all that the module did, and stay to be
 * asked for when it is closed. A memory that it imports counts whole.
 * Ownership: fills *usage. Threads: any, while it runs, too. Errors: none. */
WAZERO_API void wazero_module_usage(const wazero_module_t *module,
                                    wazero_usage_t *usage);

/* The pointer from wazero_module_config_set_user, or NULL.
 * Ownership: the caller's affair. Threads: any. Errors: none. */
WAZERO_API void *wazero_module_user(const wazero_module_t *module);

/* The address and the port of the module's listener at index, in the order in which
 * they were added; NULL behind the last. port may be NULL.
 * Ownership: borrowed until the module is deleted. Threads: any. Errors: none. */
WAZERO_API const char *wazero_module_tcp_address(const wazero_module_t *module,
                                                 size_t index, uint16_t *port);

/* Sets it, for a module that the host did not configure itself: the one of a memory,
 * table, global or tag that it made.
 * Ownership: borrowed for ever. Threads: one, before others have the module. Errors:
 * none. */
WAZERO_API void wazero_module_set_user(wazero_module_t *module, void *user);

/* Another handle of the module, to be deleted too.
 * Ownership: the result is the caller's. Threads: any. Errors: none. */
WAZERO_API wazero_module_t *wazero_module_copy(wazero_module_t *module);

/* The exports in the order of the module; NULL behind the last.
 * Ownership: borrowed until the module is deleted. Threads: any. Errors: none. */
WAZERO_API size_t wazero_module_export_count(const wazero_module_t *module);
WAZERO_API const wazero_extern_t *wazero_module_export(const wazero_module_t *module,
                                                       size_t index);
/* The export of this name, or NULL. */
WAZERO_API const wazero_extern_t *
wazero_module_find_export(const wazero_module_t *module, const char *name, size_t size);

/* The modules from which this one got its imports, each once; NULL behind the last.
 * *shares_references, if not NULL, tells whether function references can pass between
 * the two (a shared table, a global or a function type with references): then this
 * module's functions may stay reachable from the source.
 * Ownership: borrowed until the module is deleted. Threads: any. Errors: none. */
WAZERO_API wazero_module_t *wazero_module_source(const wazero_module_t *module,
                                                 size_t index, bool *shares_references);

/* An exported function, prepared for calling.
 * Ownership: *function is the caller's; it keeps the module alive. Threads: any.
 * Errors: INVALID when there is no such function (the message names those that
 * exist), CLOSED, MEMORY, FORKED. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_function(wazero_module_t *module, const char *name, size_t size,
                       wazero_function_t **function);

/* The exported memory of this name; with name NULL the module's memory, exported or
 * not. Ownership, Threads, Errors: as wazero_module_function. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_memory(wazero_module_t *module, const char *name, size_t size,
                     wazero_memory_t **memory);

/* An exported table, global or tag.
 * Ownership, Threads, Errors: as wazero_module_function. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *wazero_module_table(wazero_module_t *module,
                                                                const char *name,
                                                                size_t size,
                                                                wazero_table_t **table);
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_global(wazero_module_t *module, const char *name, size_t size,
                     wazero_global_t **global);
WAZERO_API WAZERO_NODISCARD wazero_error_t *wazero_module_tag(wazero_module_t *module,
                                                              const char *name,
                                                              size_t size,
                                                              wazero_tag_t **tag);

/* The number of the module's globals, imported and private ones included, and the one
 * at an index, imported ones first.
 * Ownership: *global is the caller's. Threads: any. Errors: INVALID for an index that
 * is out of range, CLOSED, MEMORY, FORKED. */
WAZERO_API size_t wazero_module_global_count(const wazero_module_t *module);
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_global_at(wazero_module_t *module, size_t index,
                        wazero_global_t **global);

/* The same of its tables.
 * Ownership, Threads, Errors: as wazero_module_global_at. */
WAZERO_API size_t wazero_module_table_count(const wazero_module_t *module);
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_table_at(wazero_module_t *module, size_t index, wazero_table_t **table);

/* Ends the call that runs in the module, or in one linked to it, on whatever thread: it
 * reports INTERRUPTED, and the module can be called again. If no call runs nothing
 * happens. Wasm stops within a few milliseconds, and so does a WASI call that waits; a
 * host function, or wazero's own WASI, is left to come back first. With the
 * interpreter, and where compiled code cannot be entered from C, the call ends at its
 * next host function only (see wazero_function_is_interruptible).
 * Ownership: nothing. Threads: any; not in signal handlers. Errors: FORKED, MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_interrupt(wazero_module_t *module);

/* Closes the module. A call that runs in it is ended as by wazero_module_interrupt, and
 * reports EXIT with exit_code if the host called with one, CLOSED otherwise. (Code of
 * it that a linked module called goes on until that call is over.)
 * Ownership: module stays the caller's. Threads: any. Errors: FORKED. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_module_close_with_exit_code(wazero_module_t *module, uint32_t exit_code);

/* Whether the module is closed; *exit_code, if not NULL, then gets its exit code.
 * Ownership: nothing. Threads: any. Errors: none. */
WAZERO_API bool wazero_module_is_closed(const wazero_module_t *module,
                                        uint32_t *exit_code);

/* Ownership: takes module, which may be NULL. Threads: any. Errors: none. */
WAZERO_API void wazero_module_delete(wazero_module_t *module);

/* ---------------------------------------------------------------- function ------- */

/* The type of the function.
 * Ownership: borrowed until the function is deleted. Threads: any. Errors: none. */
WAZERO_API const wazero_function_type_t *
wazero_function_type(const wazero_function_t *function);

/* The name under which it was found; of a function out of a reference, its name in the
 * name section, or "$" and its index.
 * Ownership: borrowed until the function is deleted. Threads: any. Errors: none. */
WAZERO_API const char *wazero_function_name(const wazero_function_t *function,
                                            size_t *size);

/* What is known of the function in the module that exports it.
 * Ownership: *definition is borrowed until function is deleted. Threads: any. Errors:
 * MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_function_definition(wazero_function_t *function,
                           const wazero_function_definition_t **definition);

/* The module that has the function, memory, table, global or tag; of one that the host
 * made, a module that has nothing else, and exports it as "".
 * Ownership: borrowed until the handle is deleted. Threads: any. Errors: none. */
WAZERO_API wazero_module_t *wazero_function_module(const wazero_function_t *function);
WAZERO_API wazero_module_t *wazero_memory_module(const wazero_memory_t *memory);
WAZERO_API wazero_module_t *wazero_table_module(const wazero_table_t *table);
WAZERO_API wazero_module_t *wazero_global_module(const wazero_global_t *global);
WAZERO_API wazero_module_t *wazero_tag_module(const wazero_tag_t *tag);

/* Another handle of the same function, to be deleted too; NULL for NULL.
 * Ownership: the result is the caller's. Threads: any. Errors: none. */
WAZERO_API wazero_function_t *wazero_function_copy(wazero_function_t *function);

/* What is the same for two handles if, and only if, they are of the same function,
 * whichever modules export it; for as long as both exist.
 * Ownership: not to be followed. Threads: any. Errors: none. */
WAZERO_API const void *wazero_function_identity(const wazero_function_t *function);

/* Calls the function. arg_count and result_count are numbers of slots and must be
 * those of its type. args may be NULL if there are none, and so may results; they may
 * overlap.
 * Ownership: references among args stay the caller's; those among results become the
 * caller's, who gives them back (wazero_externref_delete, wazero_function_delete).
 * Threads: any; it waits while another thread is inside the module or one linked to
 * it. Errors: TRAP, EXIT, HOST, CLOSED, INVALID for wrong counts, for references that
 * cannot be passed, and when waiting would never end, FORKED, MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_function_call(wazero_function_t *function, const uint64_t *args,
                     size_t arg_count, uint64_t *results, size_t result_count);

/* The same with one buffer of at least type->slot_count slots: arguments in, results
 * out. This is the fast way. Upper halves of i32 and f32 slots are ignored.
 * Ownership, Threads, Errors: as wazero_function_call. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_function_call_with_stack(wazero_function_t *function, uint64_t *stack,
                                size_t slot_count);

/* The same, ended with WAZERO_ERROR_TIMEOUT when it takes longer than a number of
 * nanoseconds, whatever the module's configuration says; with WAZERO_NO_TIMEOUT it may
 * take for ever. The loop costs nothing for it. The module can be called again.
 * Ownership, Threads: as wazero_function_call. Errors: those and TIMEOUT. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_function_call_with_timeout(wazero_function_t *function, uint64_t *stack,
                                  size_t slot_count, uint64_t nanoseconds);

/* The same with snapshots: host functions that this call calls, itself and not through
 * another call, may take snapshots of it. It goes through Go: see
 * wazero_function_is_interruptible. WAZERO_NO_TIMEOUT stands for the timeout of the
 * configuration.
 * Ownership, Threads: as wazero_function_call. Errors: those, TIMEOUT, and INVALID
 * with the interpreter, which in this version of wazero cannot restore, and with
 * exception handling switched on. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_function_call_with_snapshots(wazero_function_t *function, uint64_t *stack,
                                    size_t slot_count, uint64_t nanoseconds);

/* To be called in a host function: notes where the call that led to it is, as C's
 * setjmp does. The memories, tables and globals of guests are no part of it.
 * Ownership: *snapshot is the caller's. Threads: that of the call. Errors: INVALID when
 * the call was not made with snapshots, and when the host function has references among
 * its results; MEMORY, FORKED. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_snapshot_new(wazero_snapshot_t **snapshot);

/* The result types of the host function that took the snapshot.
 * Ownership: borrowed until snapshot is deleted. Threads: any. Errors: none. */
WAZERO_API const wazero_value_type_t *
wazero_snapshot_results(const wazero_snapshot_t *snapshot, size_t *count);

/* What a host function returns to go back, as C's longjmp does: the one that took the
 * snapshot returns once more, with these results, as many slots as its type has. The
 * host function may be one that a call inside the snapshot's call led to: then it is
 * the error of that call, which is to be returned in turn. A snapshot can be restored
 * once, on its thread, while its call runs; otherwise the result is an error of kind
 * INVALID that says so. payload is as that of wazero_error_new_host.
 * Ownership: the result is the caller's, who returns it. Threads: that of the call.
 * Errors: INVALID, FORKED, MEMORY; then the payload has been deleted. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_snapshot_restore(wazero_snapshot_t *snapshot, const uint64_t *results,
                        size_t result_count, void *payload,
                        void (*delete_payload)(void *payload));

/* Ownership: takes snapshot, which may be NULL. Threads: any. Errors: none. */
WAZERO_API void wazero_snapshot_delete(wazero_snapshot_t *snapshot);

/* One value for each call of wazero_function_map. The element is as wide as its type: 4
 * bytes of an i32 or f32, 8 of an i64 or f64, 16 of a v128, in the machine's order; it
 * need not be aligned. */
typedef struct {
    void *data;       /* the first element; not written to if it is of a parameter */
    ptrdiff_t stride; /* bytes from one element to the next; 0 repeats the first */
} wazero_column_t;

/* Calls the function count times, in order, with element i of each column of params in
 * call i, and puts the results into element i of the columns of results. There is one
 * column for each parameter and result of its type. The first call that fails ends it;
 * *done, if not NULL, is then its index, and the number of calls otherwise. The timeout
 * is for all calls together; WAZERO_NO_TIMEOUT stands for that of the configuration.
 * Ownership: nothing. Threads: as wazero_function_call. Errors: those, and TIMEOUT. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_function_map(wazero_function_t *function, const wazero_column_t *params,
                    const wazero_column_t *results, size_t count, uint64_t nanoseconds,
                    size_t *done);

/* Whether this function can be left wherever it is, for good (a timeout, an interrupt,
 * closing the module) and for a while (the host polls). Not so with the interpreter,
 * and where compiled code cannot be entered from C (on other machines than x86-64 and
 * AArch64, or with WAZERO_DIRECT=0 in the environment): there calls end at their next
 * host function. Nor with exception handling switched on; but there timeouts,
 * interrupts and closing end compiled code all the same.
 * Ownership: nothing. Threads: any. Errors: none. */
WAZERO_API bool wazero_function_is_interruptible(const wazero_function_t *function);

/* Ownership: takes function, which may be NULL. Threads: any. Errors: none. */
WAZERO_API void wazero_function_delete(wazero_function_t *function);

/* ---------------------------------------------------------------- references ----- */

/* An externref carries any pointer of the host's through wasm, which can keep it, but
 * not look into it. What comes back is the same object. An object is kept while a
 * handle of it exists, and while wasm can reach it: it is deleted at the latest when
 * the last module closes that has it in a table or a global, and long before where
 * nothing has it any more and the references that were passed to a module and those
 * linked to it have become many. What a call was given it may have until it is over.
 *
 * A funcref is a wazero_function_t. A function that was passed to a module of which
 * its own knew nothing makes linked modules of the two, which are entered by one
 * thread at a time; the function's module stays as long as modules linked to it are
 * there. */

/* Makes a reference to value. delete_value, which may be NULL, is called with it once,
 * when nobody needs it any more, on whatever thread finds that out, also when this
 * fails; it may use this library.
 * Ownership: *reference is the caller's. Threads: any. Errors: MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_externref_new(void *value, void (*delete_value)(void *value),
                     wazero_externref_t **reference);

/* Of what a slot of a reference type holds a reference: FUNCREF or EXTERNREF; 0 for
 * null. For types that do not tell (WAZERO_TYPE_REF).
 * Ownership: nothing. Threads: any. Errors: none. */
WAZERO_API wazero_value_type_t wazero_reference_type(uint64_t slot);

/* The value. Ownership: the caller's affair. Threads: any. Errors: none. */
WAZERO_API void *wazero_externref_value(const wazero_externref_t *reference);

/* Another handle of the same reference, to be deleted too; NULL for NULL.
 * Ownership: the result is the caller's. Threads: any. Errors: none. */
WAZERO_API wazero_externref_t *wazero_externref_copy(wazero_externref_t *reference);

/* Ownership: takes reference, which may be NULL. Threads: any. Errors: none. */
WAZERO_API void wazero_externref_delete(wazero_externref_t *reference);

/* ---------------------------------------------------------------- memory --------- */

/* Makes a memory of the runtime that belongs to no module, for modules to import. It is
 * closed with the runtime.
 * Ownership: *memory is the caller's. Threads: any. Errors: INVALID for limits that the
 * runtime does not allow, CLOSED, MEMORY, FORKED. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_memory_new(wazero_runtime_t *runtime, const wazero_limits_t *limits,
                  wazero_memory_t **memory);

/* The first byte of the memory. It does not move when the memory grows for as long as a
 * view exists (wazero_memory_view_new). NULL when the module is closed.
 * Ownership: borrowed. Threads: any; the guest may write at the same time. Errors:
 * none. */
WAZERO_API uint8_t *wazero_memory_data(const wazero_memory_t *memory);

/* The size in bytes and in pages, 0 when the module is closed. A memory never shrinks.
 * Ownership: nothing. Threads: any. Errors: none. */
WAZERO_API size_t wazero_memory_size(const wazero_memory_t *memory);
WAZERO_API uint32_t wazero_memory_pages(const wazero_memory_t *memory);

/* The declared limits in pages.
 * Ownership: nothing. Threads: any. Errors: none. */
WAZERO_API wazero_limits_t wazero_memory_type(const wazero_memory_t *memory);

/* Copies size bytes at offset out of the memory or into it.
 * Ownership: nothing. Threads: any. Errors: INVALID when the range is not inside the
 * memory (nothing is copied), CLOSED. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_memory_read(const wazero_memory_t *memory, uint64_t offset, void *buffer,
                   size_t size);
WAZERO_API WAZERO_NODISCARD wazero_error_t *wazero_memory_write(wazero_memory_t *memory,
                                                                uint64_t offset,
                                                                const void *buffer,
                                                                size_t size);

/* The number at offset, which need not be aligned; WebAssembly is little-endian. Signed
 * ones are those of the same size, converted.
 * Ownership: nothing. Threads: any. Errors: INVALID when it is not inside the memory,
 * CLOSED. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_memory_read_u8(const wazero_memory_t *memory, uint64_t offset, uint8_t *value);
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_memory_read_u16_le(const wazero_memory_t *memory, uint64_t offset,
                          uint16_t *value);
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_memory_read_u32_le(const wazero_memory_t *memory, uint64_t offset,
                          uint32_t *value);
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_memory_read_u64_le(const wazero_memory_t *memory, uint64_t offset,
                          uint64_t *value);
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_memory_read_f32_le(const wazero_memory_t *memory, uint64_t offset, float *value);
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_memory_read_f64_le(const wazero_memory_t *memory, uint64_t offset,
                          double *value);

/* Puts a number at offset, which need not be aligned.
 * Ownership: nothing. Threads: any. Errors: INVALID when it does not fit into the
 * memory (nothing is written), CLOSED. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_memory_write_u8(wazero_memory_t *memory, uint64_t offset, uint8_t value);
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_memory_write_u16_le(wazero_memory_t *memory, uint64_t offset, uint16_t value);
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_memory_write_u32_le(wazero_memory_t *memory, uint64_t offset, uint32_t value);
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_memory_write_u64_le(wazero_memory_t *memory, uint64_t offset, uint64_t value);
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_memory_write_f32_le(wazero_memory_t *memory, uint64_t offset, float value);
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_memory_write_f64_le(wazero_memory_t *memory, uint64_t offset, double value);

/* Grows the memory by delta pages; *old_pages gets the size from before.
 * Ownership: nothing. Threads: any; it waits while another thread is inside the module.
 * Errors: INVALID when the maximum or the limit does not allow it, CLOSED, FORKED. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_memory_grow(wazero_memory_t *memory, uint32_t delta, uint32_t *old_pages);

/* A view pins the bytes: while it exists they stay where they are and can be read and
 * written, also after the memory grew (then it shows the size from when it was made)
 * and after the module was closed (then nobody else sees them).
 * Ownership: *view is the caller's. Threads: any. Errors: CLOSED, MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_memory_view_new(wazero_memory_t *memory, wazero_memory_view_t **view);
WAZERO_API uint8_t *wazero_memory_view_data(const wazero_memory_view_t *view);
WAZERO_API size_t wazero_memory_view_size(const wazero_memory_view_t *view);
WAZERO_API void wazero_memory_view_delete(wazero_memory_view_t *view);

/* Ownership: takes memory, which may be NULL. Threads: any. Errors: none. */
WAZERO_API void wazero_memory_delete(wazero_memory_t *memory);

/* ---------------------------------------------------------------- table ---------- */

/* Makes a table of the runtime that belongs to no module, for modules to import, of
 * FUNCREF or EXTERNREF. Its elements are slot, the first limits->min of them.
 * Ownership: *table is the caller's; slot stays the caller's. Threads: any. Errors:
 * INVALID for limits that the runtime does not allow and for another type, CLOSED,
 * MEMORY, FORKED. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_table_new(wazero_runtime_t *runtime, const wazero_limits_t *limits,
                 wazero_value_type_t element, uint64_t slot, wazero_table_t **table);

/* The declared limits, and the type of the elements.
 * Ownership: nothing. Threads: any. Errors: none. */
WAZERO_API wazero_limits_t wazero_table_type(const wazero_table_t *table);
WAZERO_API wazero_value_type_t wazero_table_element(const wazero_table_t *table);

/* What the elements lead to, if their type is WAZERO_TYPE_REF: an index is one of the
 * module that the table was got from.
 * Ownership: nothing. Threads: any. Errors: none. */
WAZERO_API wazero_typed_reference_t wazero_table_reference(const wazero_table_t *table);

/* The number of elements.
 * Ownership: nothing. Threads: any; like all that follow, it waits while another thread
 * is inside the module. Errors: CLOSED, FORKED. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *wazero_table_size(wazero_table_t *table,
                                                              uint64_t *size);

/* Reads an element or sets it: a reference, or 0.
 * Ownership: what get hands out is the caller's, who gives it back
 * (wazero_externref_delete, wazero_function_delete); what set is given stays the
 * caller's. Threads: any. Errors: INVALID for an index that is out of range, and for a
 * reference that cannot be passed; CLOSED, MEMORY, FORKED. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_table_get(wazero_table_t *table, uint64_t index, uint64_t *slot);
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_table_set(wazero_table_t *table, uint64_t index, uint64_t slot);

/* Grows the table by delta elements, which are slot; *old_size, if not NULL, gets the
 * size from before.
 * Ownership: slot stays the caller's. Threads: any. Errors: INVALID when the maximum or
 * the limit does not allow it; as wazero_table_set. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *wazero_table_grow(wazero_table_t *table,
                                                              uint64_t delta,
                                                              uint64_t slot,
                                                              uint64_t *old_size);

/* The function at an index, as call_indirect finds it.
 * Ownership: *function is the caller's. Threads: any. Errors: TRAP as call_indirect
 * traps: INVALID_TABLE_ACCESS for an index that is out of range or has no function,
 * INDIRECT_CALL_TYPE_MISMATCH for one of another type; CLOSED, MEMORY, FORKED. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_table_lookup(wazero_table_t *table, uint64_t index,
                    const wazero_function_type_t *type, wazero_function_t **function);

/* Ownership: takes table, which may be NULL. Threads: any. Errors: none. */
WAZERO_API void wazero_table_delete(wazero_table_t *table);

/* ---------------------------------------------------------------- global --------- */

/* Makes a global of the runtime that belongs to no module, for modules to import, with
 * a value of slot_count slots: 1, of a v128 2.
 * Ownership: *global is the caller's; a reference stays the caller's. Threads: any.
 * Errors: INVALID for a type that is none, CLOSED, MEMORY, FORKED. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_global_new(wazero_runtime_t *runtime, wazero_value_type_t type, bool is_mutable,
                  const uint64_t *slots, size_t slot_count, wazero_global_t **global);

/* The type of the value, and whether it can be set.
 * Ownership: nothing. Threads: any. Errors: none. */
WAZERO_API wazero_value_type_t wazero_global_type(const wazero_global_t *global);
WAZERO_API bool wazero_global_is_mutable(const wazero_global_t *global);

/* What the value leads to, if the type is WAZERO_TYPE_REF: an index is one of the
 * module that the global was got from.
 * Ownership: nothing. Threads: any. Errors: none. */
WAZERO_API wazero_typed_reference_t
wazero_global_reference(const wazero_global_t *global);

/* Reads or sets the value, of slot_count slots: 1, of a v128 2.
 * Ownership: a reference that get hands out is the caller's; what set is given stays
 * the caller's. Threads: any; it waits while another thread is inside the module.
 * Errors: INVALID when the global is not mutable, the count is wrong, or a reference
 * cannot be passed; CLOSED, MEMORY, FORKED. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_global_get(wazero_global_t *global, uint64_t *slots, size_t slot_count);
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_global_set(wazero_global_t *global, const uint64_t *slots, size_t slot_count);

/* Ownership: takes global, which may be NULL. Threads: any. Errors: none. */
WAZERO_API void wazero_global_delete(wazero_global_t *global);

/* ---------------------------------------------------------------- tag ------------ */

/* Makes a tag of the runtime, whose exceptions carry values of the given types, for
 * modules to import.
 * Ownership: *tag is the caller's. Threads: any. Errors: INVALID for a type that is
 * none, and where exception handling is off; CLOSED, MEMORY, FORKED. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_tag_new(wazero_runtime_t *runtime, const wazero_value_type_t *params,
               size_t param_count, wazero_tag_t **tag);

/* What its exceptions carry, as params.
 * Ownership: borrowed until the tag is deleted. Threads: any. Errors: none. */
WAZERO_API const wazero_function_type_t *wazero_tag_type(const wazero_tag_t *tag);

/* Ownership: takes tag, which may be NULL. Threads: any. Errors: none. */
WAZERO_API void wazero_tag_delete(wazero_tag_t *tag);
/* ---------------------------------------------------------------- run ------------ */

/* The posix_spawn of WebAssembly: one call that compiles a WASI program, runs it to its
 * end, and closes everything.
 *
 *     wazero_run_options_t *options;
 *     wazero_run_result_t *result;
 *     wazero_error_t *error = wazero_run_options_new(&options);
 *     if (!error) {
 *         wazero_run_options_capture(options, WAZERO_STDOUT, true);
 *         wazero_module_config_set_timeout(wazero_run_options_module(options),
 *                                          5000000000);
 *         error = wazero_run(options, wasm, size, &result);
 *     }
 */

/* Options for one or more runs. The program gets the process's standard output and
 * error, and the system's clocks, sleep and random numbers: all else only by name.
 * Ownership: *options is the caller's. Threads: any. Errors: MEMORY. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *
wazero_run_options_new(wazero_run_options_t **options);

/* Ownership: takes options, which may be NULL; no run may use them. Threads: one.
 * Errors: none. */
WAZERO_API void wazero_run_options_delete(wazero_run_options_t *options);

/* The configurations that the runs use, to be changed by their own functions: the
 * memory limit, features and the cache in the one; arguments, environment, streams,
 * mounts, timeout, stack and output limit in the other. The timeout is for the run as a
 * whole, but compiling is waited for.
 * Ownership: borrowed until options is deleted. Threads: one, and no run may be using
 * them. Errors: none. */
WAZERO_API wazero_runtime_config_t *
wazero_run_options_runtime(wazero_run_options_t *options);
WAZERO_API wazero_module_config_t *
wazero_run_options_module(wazero_run_options_t *options);

/* What answers the program's imports; NULL for none but WASI (the default).
 * Ownership: borrowed until options is deleted. Threads: one. Errors: none. */
WAZERO_API void wazero_run_options_set_imports(wazero_run_options_t *options,
                                               const wazero_imports_t *imports);

/* Whether what the program writes to standard output or error is kept for the result,
 * in place of where the configuration leads it.
 * Ownership: nothing. Threads: one. Errors: none; other streams are ignored. */
WAZERO_API void wazero_run_options_capture(wazero_run_options_t *options,
                                           wazero_stream_t stream, bool capture);

/* Runs the program of size bytes at wasm. An exit code, whatever it is, is a result;
 * every other end is an error, which has what was captured (wazero_error_output).
 * Ownership: *result is the caller's. Threads: any, several runs at once, too. Errors:
 * those of wazero_runtime_compile, wazero_module_new and wazero_module_start without
 * EXIT; INVALID when the module exports no function "_start", and for NULL in place of
 * one of the arguments. */
WAZERO_API WAZERO_NODISCARD wazero_error_t *wazero_run(wazero_run_options_t *options,
                                                       const void *wasm, size_t size,
                                                       wazero_run_result_t **result);

/* Ends the runs that use these options now: they report INTERRUPTED, once they have
 * compiled.
 * Ownership: nothing. Threads: any; not in signal handlers. Errors: none. */
WAZERO_API void wazero_run_interrupt(wazero_run_options_t *options);

/* The program's exit code.
 * Ownership: nothing. Threads: any. Errors: none. */
WAZERO_API uint32_t wazero_run_result_exit_code(const wazero_run_result_t *result);

/* What was captured of a stream, and a NUL behind it; NULL and *size = 0 if the stream
 * was not captured.
 * Ownership: borrowed until result is deleted. Threads: any. Errors: none. */
WAZERO_API const void *wazero_run_result_output(const wazero_run_result_t *result,
                                                wazero_stream_t stream, size_t *size);

/* What the program used, without compiling it; wazero_error_usage has that of an error.
 * Ownership: borrowed until result is deleted. Threads: any. Errors: none. */
WAZERO_API const wazero_usage_t *
wazero_run_result_usage(const wazero_run_result_t *result);

/* Ownership: takes result, which may be NULL. Threads: any. Errors: none. */
WAZERO_API void wazero_run_result_delete(wazero_run_result_t *result);

/* ---------------------------------------------------------------- seed ----------- */

/* The first API of this library, kept to the letter. Closing frees. Handles are
 * those of the typed API: a runtime is a wazero_runtime_t, a module a
 * wazero_module_t. Where a char ** is taken it may be NULL; *error is set to NULL on
 * success and to a message otherwise, which is freed with wazero_free.
 * wazero_new_runtime and wazero_instantiate return NULL on failure;
 * wazero_call_function returns 0 on success and -1 on failure. nargs must be the
 * number of parameters, nresults the number of results, in slots. */
WAZERO_API void *wazero_new_runtime(void);
WAZERO_API void wazero_runtime_close(void *runtime);
WAZERO_API void *wazero_instantiate(void *runtime, const void *wasm, size_t len,
                                    char **error);
WAZERO_API void wazero_module_close(void *module);
WAZERO_API int wazero_call_function(void *module, const char *name,
                                    const uint64_t *args, size_t nargs,
                                    uint64_t *results, size_t nresults, char **error);
WAZERO_API void wazero_free(void *memory);

#ifdef __cplusplus
}
#endif

#endif
