/*
 * engine_abi.h - the contract between libwazero (C) and the engine library (Go).
 *
 * Only lib/engine.c and engine/ include it. Handles are numbers that Go gave out; 0 is
 * none. Pointers that C passes are valid for the call only, except `user` values, which
 * Go hands back to the callbacks untouched and never follows. Strings are UTF-8 with a
 * size. Functions that can fail return true on success and fill *error otherwise.
 */
#ifndef WAZERO_ENGINE_ABI_H
#define WAZERO_ENGINE_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Changes whenever this file does; lib refuses an engine library of another number. */
#define WZ_ABI_VERSION 9

typedef uint64_t wz_handle;

typedef struct {
    const char *data;
    size_t size;
} wz_string;

/* The numbers are those of wazero_error_kind_t. */
enum {
    WZ_ERROR_COMPILE = 1,
    WZ_ERROR_LINK = 2,
    WZ_ERROR_TRAP = 3,
    WZ_ERROR_EXIT = 4,
    WZ_ERROR_CLOSED = 5,
    WZ_ERROR_INVALID = 8,
    WZ_ERROR_MEMORY = 9,
    WZ_ERROR_HOST = 10,
    WZ_ERROR_INTERNAL = 11
};

typedef struct {
    int32_t kind;
    uint32_t exit_code; /* of kind EXIT */
    char *message;      /* from C's malloc, NUL-terminated; NULL without memory */
    size_t message_size;
} wz_error;

/* What Go calls in lib. A callback that fails keeps its error for itself (lib has it in
 * the activation of the thread) and reports only that it failed. */
typedef struct {
    /* Calls a host function. Returns 0 to go on, 1 to end the call with an error whose
     * text is put in *message (borrowed until the next callback on this thread), 2 to
     * close the calling module with *exit_code and end as proc_exit does, 3 to go back
     * to a snapshot of the call: *message is its handle and the results of the function
     * that took it, eight bytes each. caller is the `user` of the calling module, 0 if
     * it is none of lib's. */
    int32_t (*host_call)(uintptr_t function, uintptr_t caller, uint64_t *stack,
                         wz_string *message, uint32_t *exit_code);
    /* Makes the memory of the module whose `user` is module: 0 if that fails. */
    uintptr_t (*memory_new)(uintptr_t module, uint64_t capacity, uint64_t maximum);
    /* Sets its size in bytes and returns its base, or NULL if that is refused. */
    uint8_t *(*memory_reallocate)(uintptr_t memory, uint64_t size);
    /* Go has no reference to the memory any more. Called from a thread of Go's own. */
    void (*memory_release)(uintptr_t memory);
    /* The module was closed, by proc_exit or by lib itself. Must not call the engine if
     * lib itself is closing a runtime. */
    void (*module_closed)(uintptr_t module, uint32_t exit_code);
    /* Of the functions of a module that is compiled with listeners: whether somebody
     * wants to be told of calls of this one, or they are logged. Returns what names it
     * from then on, 0 if nobody does. The function is described as engine/listening.go
     * has it; name, function and slots are valid during the callback. */
    uintptr_t (*listener_wants)(uintptr_t listeners, wz_string function, bool logged);
    /* A call begins: its parameters, how to go over the stack (frame_next), the line
     * for the log, if any, and what to make the line of its end from (note_release), 0
     * if that is not to be. module is the `user` of the module that wazero names, 0 if
     * it is none of lib's. Returns as host_call. */
    int32_t (*listener_before)(uintptr_t function, uintptr_t module, uint64_t *params,
                               wz_handle walk, wz_string line, wz_handle note,
                               wz_string *message, uint32_t *exit_code);
    /* A call ends. First, if it is logged: gives back what listener_before was given to
     * make the line from. */
    wz_handle (*listener_note)(uintptr_t function);
    int32_t (*listener_after)(uintptr_t function, uintptr_t module, uint64_t *results,
                              wz_string line, wz_string *message, uint32_t *exit_code);
    /* Standard streams: the number of bytes read (0 is the end) or written, -1 if it
     * failed. */
    int64_t (*stream_read)(uintptr_t user, uint8_t *buffer, uint64_t size);
    int64_t (*stream_write)(uintptr_t user, const uint8_t *buffer, uint64_t size);
    /* Asks the module whose `user` is module for time or random numbers (WZ_ASK_...):
     * false if that failed. Uses number (nanoseconds to sleep, bytes to fill), buffer
     * and *answer as the question needs them. */
    bool (*ask)(uintptr_t module, int32_t what, uint64_t number, uint8_t *buffer,
                int64_t *answer);
} wz_callbacks;

enum {
    WZ_ASK_WALLTIME = 0, /* *answer */
    WZ_ASK_NANOTIME = 1, /* *answer */
    WZ_ASK_SLEEP = 2,    /* number */
    WZ_ASK_YIELD = 3,
    WZ_ASK_RANDOM = 4 /* number, buffer */
};

typedef struct {
    int32_t engine; /* wazero_engine_kind_t */
    uint32_t memory_limit_pages;
    uint64_t features;
    wz_handle cache; /* 0: none */
    bool debug_info;
    bool memory_capacity_from_max;
} wz_runtime_config;

/* Who is told of the calls of a module's functions. */
typedef struct {
    uintptr_t user; /* first argument of listener_wants; 0: nobody */
    bool log;
    bool log_host_only;
    uint64_t log_scopes; /* of log_host_only */
} wz_listening;

/* A frame of a stack. */
typedef struct {
    char *function; /* described, from C's malloc; NULL without memory */
    size_t function_size;
    uint64_t program_counter;
    uint64_t source_offset;
} wz_frame;
/* The size of the name of an entry in a cache. */
enum { WZ_KEY_SIZE = 32 };

typedef struct {
    const void *wasm;
    size_t size;
    uint32_t workers;   /* how many threads compile */
    const uint8_t *key; /* the entry to make in the runtime's cache; NULL for none */
    /* The entry to take the code from, 0 for none: then wasm has the same functions,
     * whose bodies are of no account. */
    wz_handle entry;
    bool lines;                    /* load the source map of the entry at once */
    const wz_listening *listening; /* NULL: nobody */
} wz_compilation;

typedef struct {
    wz_string name; /* export name */
    const uint8_t *params;
    size_t param_count;
    const uint8_t *results;
    size_t result_count;
    uintptr_t function; /* first argument of host_call */
    wz_string debug_name;
    const wz_string *param_names; /* one for each, or NULL */
    const wz_string *result_names;
} wz_host_function;

/* Where a standard stream leads. */
enum {
    WZ_STREAM_NONE = 0,
    WZ_STREAM_INHERIT = 1,
    WZ_STREAM_FD = 2,
    WZ_STREAM_CALL = 3
};

typedef struct {
    int32_t kind;
    int32_t fd;     /* FD: Go duplicates it */
    uintptr_t user; /* CALL: first argument of stream_read or stream_write */
} wz_stream;

typedef struct {
    wz_string host;
    wz_string guest;
    bool read_only;
} wz_mount;

/* Where a module is to listen, and, once it does, its address as text and port. */
typedef struct {
    wz_string host;
    uint16_t port;
    uint16_t bound_port;
    char bound_host[64]; /* NUL-terminated */
} wz_listener;

typedef struct {
    wz_string key;
    wz_string value;
} wz_variable;

/* Where time and random numbers come from: wazero's pretended ones, the system, or
 * lib's answer to `ask`. */
enum { WZ_SOURCE_PRETENDED = 0, WZ_SOURCE_SYSTEM = 1, WZ_SOURCE_CALL = 2 };

/* An import module name and the module (or host module) that answers it. */
typedef struct {
    wz_string name;
    wz_handle module;
} wz_import;

typedef struct {
    uintptr_t user; /* the module in lib */
    const wz_import *imports;
    size_t import_count;
    const wz_string *args;
    size_t arg_count;
    const wz_variable *environment;
    size_t environment_count;
    wz_stream streams[3];
    const wz_mount *mounts;
    size_t mount_count;
    wz_listener *listeners; /* Go fills in what is bound */
    size_t listener_count;
    int32_t walltime; /* WZ_SOURCE_... */
    uint32_t walltime_resolution;
    int32_t nanotime;
    uint32_t nanotime_resolution;
    int32_t random;
    bool nanosleep; /* ask; else pretended */
    bool osyield;
} wz_module_config;

/* ---- direct calls: what lib needs to enter compiled code without Go ---- */

/* Why compiled code came back, sorted by who sees to it. */
enum {
    WZ_EXIT_UNKNOWN = 0, /* nothing that can be seen to on the direct path */
    WZ_EXIT_OK,
    WZ_EXIT_STACK,    /* the stack is used up: lib reports it */
    WZ_EXIT_TRAP,     /* a step ends the call, with wazero's text and trace */
    WZ_EXIT_FUNCTION, /* a function of a host module: lib's own, or a step that may
                         block */
    WZ_EXIT_STEP,     /* a step that is short: memory.grow and its like */
    WZ_EXIT_WAIT32,   /* memory.atomic.wait32: lib's, or a trap */
    WZ_EXIT_WAIT64,
    WZ_EXIT_NOTIFY,           /* memory.atomic.notify: lib's */
    WZ_EXIT_LISTENER,         /* somebody wants to be told */
    WZ_EXIT_LISTENED_FUNCTION /* of a function of a host module, too */
};

enum { WZ_EXIT_COUNT = 64 };

/* Where wazero keeps things, found by name when the engine is asked for it. Offsets
 * are in bytes. */
typedef struct {
    /* In the execution context: */
    uint32_t exit_code;
    uint32_t caller_module_context;
    uint32_t original_frame_pointer;
    uint32_t original_stack_pointer;
    uint32_t go_return_address;
    uint32_t stack_bottom;
    uint32_t go_call_return_address;
    uint32_t stack_pointer_before_go_call;
    uint32_t callee_module_context;
    uint32_t frame_pointer_before_go_call;
    /* The low byte of the exit code says why; the rest is the index of a function. */
    uint8_t exits[WZ_EXIT_COUNT];
    uint8_t unreachable; /* the exit code of the trap */
    /* A callee's module context has at functions + 16 * index the Go interface of its
     * function. Of lib's own the first word is function_type, and what the second one
     * points to begins with the `function` of wz_host_function. */
    uint32_t functions;
    uintptr_t function_type;
    /* A module context begins with a pointer to what has, at module_hooks, a pointer
     * to what begins with the `user` of wz_module_config. NULL once it is closed. */
    uint32_t module_hooks;
    /* Go's memmove, which compiled code calls: it needs no stack. */
    uintptr_t memmove;
    uintptr_t memmove_size;
} wz_layout;

/* Where one module runs. All 0 if lib cannot enter it. */
typedef struct {
    uintptr_t context; /* its module context */
    uintptr_t code;    /* the bodies of its compiled module's functions */
    uintptr_t code_size;
} wz_place;

/* What it takes to enter one function. Valid as long as its handle. preamble is 0 if it
 * can only be called through Go. */
typedef struct {
    uintptr_t preamble;
    uintptr_t executable;
    uintptr_t execution_context;
    uintptr_t module_context;
    uintptr_t *stack_top; /* where wazero keeps the top of the stack */
} wz_entry;

/* ---- references ---- */

/* Which function a reference leads to. If module and host are both 0 it is one that
 * wazero has itself. */
typedef struct {
    uintptr_t module; /* the `user` of the module that it is of, and its index there */
    uintptr_t host;   /* the `function` of wz_host_function, if it is lib's */
    uint32_t index;
    uint32_t type; /* the number that the runtime has for its type */
} wz_function_place;

/* A value type, as exactly as wazero has it. */
typedef struct {
    uint8_t kind; /* as in the binary format; of a reference to a function: funcref */
    bool nullable;
    bool typed; /* a reference to a function of one type only */
    uint32_t type;
} wz_reference_type;

/* The functions that the engine library exports, by name "wz_" and the member's
 * name. */
typedef struct {
    uint32_t (*abi_version)(void);
    /* Hands over the callbacks, once, before anything else. */
    void (*start)(const wz_callbacks *callbacks);
    /* Has Go collect garbage, and so release memories that nothing leads to any
     * more. */
    void (*collect)(void);
    /* False if this wazero is not laid out as is expected: then nothing is entered
     * directly. return_stub is code that only returns. */
    bool (*direct_layout)(uintptr_t return_stub, wz_layout *layout);
    /* wazero's version as its module has it, from C's malloc. */
    char *(*engine_version)(void);
    /* Whether wazero's compiler knows this machine. */
    bool (*compiler_supported)(void);

    /* What compiled code depends on besides the module, as a name for a folder, from
     * C's malloc; NULL if this wazero is not as is expected. */
    char *(*code_version)(void);
    /* A cryptographic hash, of WZ_KEY_SIZE bytes, of data and salt. */
    void (*digest)(const void *data, size_t size, const void *salt, size_t salt_size,
                   uint8_t *sum);
    /* In a folder that is there and trusted, or in memory if it has no name. */
    bool (*cache_new)(wz_string folder, wz_handle *cache, wz_error *error);
    void (*cache_close)(wz_handle cache);
    /* Opens an entry of the cache; 0 if there is none, or a damaged one. */
    wz_handle (*cache_find)(wz_handle cache, const uint8_t *key);
    void (*entry_close)(wz_handle entry);

    bool (*runtime_new)(const wz_runtime_config *config, wz_handle *runtime,
                        wz_error *error);
    void (*runtime_close)(wz_handle runtime, uint32_t exit_code);

    bool (*runtime_compile)(wz_handle runtime, const wz_compilation *compilation,
                            wz_handle *compiled, wz_error *error);
    void (*compiled_close)(wz_handle compiled);

    /* Compiles and instantiates a host module that only imports lists can find. */
    bool (*host_module_new)(wz_handle runtime, wz_string name,
                            const wz_host_function *functions, size_t count,
                            const wz_listening *listening, wz_handle *module,
                            wz_error *error);
    /* wazero's own WASI under the given module name, likewise. */
    bool (*wasi_new)(wz_handle runtime, wz_string name, const wz_listening *listening,
                     wz_handle *module, wz_error *error);

    /* Instantiates without a name and without calling start functions. */
    bool (*module_new)(wz_handle runtime, wz_handle compiled,
                       const wz_module_config *config, wz_handle *module,
                       wz_place *place, wz_error *error);
    void (*module_close)(wz_handle module, uint32_t exit_code);
    /* Forgets the module: Go may collect it once nothing else leads to it. */
    void (*module_release)(wz_handle module);
    /* Sees to it that traces have the places of the module's code in its binary, if the
     * code came from an entry of a cache. */
    void (*module_load_places)(wz_handle module);

    /* A call engine for the function at an index of the function index space. */
    bool (*function_new)(wz_handle module, uint32_t index, wz_handle *function,
                         wz_entry *entry, wz_error *error);
    /* Calls it; stack has the slot_count of its type. */
    bool (*function_call)(wz_handle function, uint64_t *stack, size_t slot_count,
                          wz_error *error);
    /* The same for a function from which host functions take snapshots; it must not
     * have been entered directly. */
    bool (*function_call_with_snapshots)(wz_handle function, uint64_t *stack,
                                         size_t slot_count, wz_error *error);
    /* Takes one, while the function so called calls the host. */
    bool (*snapshot_new)(wz_handle function, wz_handle *snapshot, wz_error *error);
    void (*snapshot_release)(wz_handle snapshot);
    /* Has Go see to the exit code that lib found in the execution context, once. Go
     * goes on at the address that lib put in go_call_return_address. */
    bool (*function_step)(wz_handle function, uint64_t *stack, size_t slot_count,
                          wz_error *error);
    void (*function_release)(wz_handle function);

    /* The next frame of the stack that listener_before was given; false behind the
     * last, and after that call of it. */
    bool (*frame_next)(wz_handle walk, wz_frame *frame);
    void (*note_release)(wz_handle note);

    /* The memory's old size in pages, or -1 when it cannot grow. */
    int64_t (*memory_grow)(wz_handle module, uint32_t delta);

    /* ---- references, tables and globals: inside the group of their module ---- */

    /* wazero's reference to the function at an index of the function index space. Each
     * one may take memory for as long as the module lives. */
    bool (*function_reference)(wz_handle module, uint32_t index, uint64_t *reference,
                               wz_error *error);
    /* What a reference to a function that the module has leads to. */
    bool (*reference_resolve)(wz_handle module, uint64_t reference,
                              wz_function_place *place, wz_error *error);
    /* Sets a mark at the lower half of each externref that is in tables and globals of
     * the modules. False if there may be others in exceptions. *places is how many
     * places it has looked at. */
    bool (*references_mark)(const wz_handle *modules, size_t count, uint8_t *marks,
                            size_t size, uint64_t *places);

    /* The types of parameters and results of the type at an index. */
    bool (*signature_types)(wz_handle module, uint32_t index, wz_reference_type *types,
                            size_t count, wz_error *error);

    /* A table by its index, exported or not. */
    bool (*table_type)(wz_handle module, uint32_t index, wz_reference_type *element,
                       wz_error *error);
    bool (*table_size)(wz_handle module, uint32_t index, uint32_t *size,
                       wz_error *error);
    bool (*table_get)(wz_handle module, uint32_t index, uint32_t element,
                      uint64_t *reference, wz_error *error);
    bool (*table_set)(wz_handle module, uint32_t index, uint32_t element,
                      uint64_t reference, wz_error *error);
    /* *size is that from before. INVALID when the maximum does not allow it. */
    bool (*table_grow)(wz_handle module, uint32_t index, uint32_t delta,
                       uint64_t reference, uint32_t *size, wz_error *error);

    /* A global by its index, exported or not. There are always two slots. */
    bool (*global_type)(wz_handle module, uint32_t index, wz_reference_type *value,
                        wz_error *error);
    bool (*global_get)(wz_handle module, uint32_t index, uint64_t *slots,
                       wz_error *error);
    bool (*global_set)(wz_handle module, uint32_t index, const uint64_t *slots,
                       wz_error *error);
} wz_engine;

#endif
