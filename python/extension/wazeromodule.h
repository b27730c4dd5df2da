/*
 * wazeromodule.h - what the files of the extension share.
 *
 * Who holds whom. Children hold strong references to their parents: a Function,
 * Memory, Table, Global, Tag or Exports its Module; a Module its CompiledModule, its
 * Runtime, its host functions and streams, and the Modules it imports from; a
 * CompiledModule its Runtime. Parents know children only by pointers that the child
 * takes back in its dealloc, with two exceptions: a Runtime holds its named Modules
 * until they are closed, and a Module whose functions can be reached from another one
 * (through a shared table, say, or because it was passed) is held by that other one.
 *
 * Garbage collection. Runtime, CompiledModule and Module have tp_traverse and
 * tp_clear. Function, Memory, Global and Exports have tp_traverse only: like tuples
 * they never change, every cycle through them leads through a Module, and the Module
 * breaks it. That is also what makes it safe that a Module hands out a Function which
 * the collector is just looking at.
 *
 * C objects. The C library's `user` pointers are borrowed: a Module owns its
 * HostBindings and StreamBindings and frees them only after wazero_module_close and
 * _delete, after which libwazero calls none of them. All C handles of exports belong
 * to the Module.
 *
 * Locking. The GIL guards every field. Calls of libwazero that run wasm, or wait for
 * others that do, are made with it: libwazero lets it go when they wait or take long,
 * through the hooks of threads.c, and has it again for each host function. It is
 * released here around those that compile, close, or have Go do what may take long.
 */
#ifndef WAZERO_EXTENSION_H
#define WAZERO_EXTENSION_H

#include "compat.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wazero.h"

/* ---------------------------------------------------------------- module state --- */

typedef struct {
    PyTypeObject *runtime_type;
    PyTypeObject *compiled_type;
    PyTypeObject *cache_type;
    PyTypeObject *module_type;
    PyTypeObject *exports_type;
    PyTypeObject *function_type;
    PyTypeObject *memory_type;
    PyTypeObject *global_type;
    PyTypeObject *table_type;
    PyTypeObject *tag_type;
    PyTypeObject *host_function_type;
    PyTypeObject *inherit_type;
    PyTypeObject *dir_type;
    PyTypeObject *memory_files_type;
    PyTypeObject *overlay_files_type;
    PyTypeObject *call_type;
    PyTypeObject *snapshot_type;
    PyTypeObject *trace_type;
    PyTypeObject *wasi_call_type;
    PyTypeObject *usage_struct;
    PyTypeObject *waiting_type;
    PyTypeObject *function_type_struct;
    PyTypeObject *memory_type_struct;
    PyTypeObject *table_type_struct;
    PyTypeObject *global_type_struct;
    PyTypeObject *tag_type_struct;
    PyTypeObject *import_type_struct;
    PyTypeObject *export_type_struct;
    PyTypeObject *frame_struct;
    PyTypeObject *function_definition_struct;
    PyTypeObject *table_definition_struct;
    PyTypeObject *memory_definition_struct;
    PyTypeObject *global_definition_struct;
    PyTypeObject *tag_definition_struct;
    PyTypeObject *constant_struct;
    PyTypeObject *element_segment_struct;
    PyTypeObject *data_segment_struct;
    PyTypeObject *section_struct;
    PyTypeObject *names_struct;
    PyTypeObject *inspection_type;
    PyTypeObject *custom_section_type;
    PyTypeObject *stack_frame_struct;
    PyObject *error;
    PyObject *compile_error;
    PyObject *link_error;
    PyObject *trap;
    PyObject *exit_error;
    PyObject *timeout;
    PyObject *interrupted;
    PyObject *output_limit_error;
    PyObject *closed_error;
    PyObject *forked_error;
    PyObject *snapshot_restore;
    PyObject *inherit; /* wazero.INHERIT */
    /* Functions of the standard library, got when first needed. */
    PyObject *struct_pack;
    PyObject *struct_unpack;
    PyObject *struct_calcsize;
    PyObject *array_type; /* array.array */
} State;

/* Whether an option says something. */
static inline bool is_given(PyObject *value)
{
    return value && value != Py_None;
}

static inline bool is_pair(PyObject *item)
{
    return PyTuple_Check(item) && PyTuple_GET_SIZE(item) == 2;
}

/* The state, from an object of a type that can be subclassed: MemoryFiles. */
State *State_of_base(void *object);

/* The state, from any object of the other types of this module. */
static inline State *State_of(void *object)
{
    return PyType_GetModuleState(Py_TYPE((PyObject *)object));
}

/* ---------------------------------------------------------------- threads.c ------ */

/* Where libwazero calls Python. It is declared as ENTRY(entry), which stops the thread
 * for ever if Python wants to end it between _enter and _leave: to unwind it would lead
 * through frames of libwazero and of Go. */
typedef struct {
    bool inside;
    bool took_gil;
    PyGILState_STATE gil;
} Entry;

#define ENTRY(name) Entry name __attribute__((cleanup(Entry_check))) = {0}

/* Takes the GIL, unless this thread holds it, which it does where it came from Python
 * through wasm: not taking it again saves 8 of the 81 ns of a host call (2026-11).
 * False, with nothing taken, when the interpreter is going away and Python must not be
 * entered any more. */
static inline bool Entry_enter(Entry *entry);
static inline void Entry_leave(Entry *entry);

/* Takes the GIL; out of line, for it is rare. */
bool Entry_take_gil(Entry *entry) __attribute__((cold));
void Entry_give_gil(Entry *entry) __attribute__((cold));
void Threads_hang(void) __attribute__((cold, noreturn));

static inline void Entry_check(const Entry *entry)
{
    if (entry->inside)
        Threads_hang();
}

static inline bool Entry_enter(Entry *entry)
{
    entry->inside = true;
    return Compat_is_attached() || Entry_take_gil(entry);
}

static inline void Entry_leave(Entry *entry)
{
    if (entry->took_gil)
        Entry_give_gil(entry);
    entry->inside = false;
}

/* The number of forks between the first process that imported this and this one. */
unsigned Threads_generation(void);

/* Has libwazero call Python where it must, once in a process, and refuses
 * subinterpreters where Python itself does not. */
int Threads_init(PyObject *module, State *state);

/* ---------------------------------------------------------------- box.c ---------- */

/* A Python object for the C library, with references of its own. */
typedef struct {
    atomic_uint references;
    PyObject *object; /* NULL once it has been let go */
} Box;

/* Two references: the C library's, which Box_release gives back, and that of the Python
 * object that owns what is in it, which Box_clear does. */
Box *Box_new(PyObject *object);
void Box_release(void *box);
void Box_clear(Box **box);

/* ---------------------------------------------------------------- listener.c ----- */

/* A listener, for the C library. */
typedef struct {
    State *state;
    Box *box;
} Listener;

/* What is compiled with listeners has of them; all zero without. */
typedef struct {
    wazero_listeners_t *handle;
    PyObject *given; /* tuple of what was given, to compile the like */
    Box **boxes;
    size_t count;
} Listeners;

/* The keywords of listeners, at the end of a function's. */
enum { LISTEN_LISTENER, LISTEN_LOG_CALLS, LISTEN_LOG_HOST, LISTEN_COUNT };
#define LISTEN_NAMES "listener", "log_calls", "log_host"

int Listeners_make(State *state, PyObject *const *given, Listeners *listeners);
int Listeners_traverse(const Listeners *listeners, visitproc visit, void *arg);
void Listeners_clear(Listeners *listeners);

/* ---------------------------------------------------------------- objects -------- */

typedef struct {
    PyObject_HEAD
    uint64_t limit;
    wazero_cache_t *handle;
    PyObject *directory; /* str, or None for a cache in memory */
    bool closed;
    PyObject *weakrefs;
} CacheObject;

typedef struct {
    PyObject_HEAD
    wazero_runtime_t *handle;
    PyObject *options;   /* dict: what to give to Runtime() to get the like */
    PyObject *modules;   /* dict: the named modules until they are closed */
    unsigned generation; /* the process that can use it: Threads_generation() */
    PyObject *weakrefs;
} RuntimeObject;

typedef struct CompiledObject {
    PyObject_HEAD
    wazero_compiled_module_t *handle;
    RuntimeObject *runtime;
    PyObject *imports;      /* tuple of ImportType, or NULL until asked for */
    PyObject *exports;      /* tuple of ExportType, or NULL until asked for */
    PyObject *export_index; /* dict from name to position, or NULL until asked for */
    unsigned generation;    /* the process that can run it: Threads_generation() */
    /* The like in this process, if that is a forked child; NULL until it is needed. */
    struct CompiledObject *successor;
    Listeners listeners;
    bool closed; /* in a forked child, which cannot close the handle */
    PyObject *weakrefs;
} CompiledObject;

/* A Python callable as one import of one module. */
typedef struct {
    struct ModuleObject *owner; /* borrowed: this is part of it */
    PyObject *callable;
    PyObject *label; /* str: "env.log" */
    const wazero_value_type_t *params;
    const wazero_value_type_t *results;
    size_t param_count;
    size_t result_count;
    wazero_value_type_t
        *owned_types; /* params and results of a host module's function */
    bool caller;      /* pass the calling Module first */
    bool wide;        /* there are values that are no numbers */
} HostBinding;

/* A Python object as a standard stream of one module. */
typedef struct {
    PyObject *call;    /* what to call: a bound method or the callable itself */
    PyObject *decoder; /* of output to a text file */
    PyObject *pending; /* of input: bytes read and not yet taken */
    Py_ssize_t pending_offset;
    PyObject
        *raw;     /* of input: the file at the bottom that can be waited for, or NULL */
    State *state; /* if there is one */
    wazero_error_t *ended; /* what has ended a read of it, or NULL */
    bool is_raw;           /* it is the object itself */
    bool text;
    bool file; /* has write and reports how much it took */
} StreamBinding;

/* What a guest asks the host for. */
typedef enum {
    SOURCE_WALLTIME,
    SOURCE_NANOTIME,
    SOURCE_NANOSLEEP,
    SOURCE_OSYIELD,
    SOURCE_RANDOM,
    SOURCE_COUNT
} Source;

/* The callable that answers, or NULL. */
typedef struct {
    PyObject *call;
    Source source;
} SourceBinding;

/* The largest seed in bytes. */
enum { SEED_SIZE = 32 };

/* The C handle of an export, owned, and its Python object while there is one,
 * borrowed. */
typedef struct {
    void *handle;
    PyObject *object;
} ExportSlot;

typedef struct ModuleObject {
    PyObject_HEAD
    wazero_module_t *handle;
    RuntimeObject *runtime;
    CompiledObject *compiled; /* NULL for a host module */
    PyObject *export_index;   /* dict from name to position, or NULL until asked for */
    ExportSlot *slots;        /* one per export, or NULL until asked for */
    ExportSlot memory;        /* the memory, exported or not */
    bool dying;               /* dealloc has begun: take no new reference */
    PyObject *exports;        /* borrowed: the Exports object while there is one */
    HostBinding *hosts;
    size_t host_count;
    StreamBinding streams[3];
    SourceBinding time_and_random[SOURCE_COUNT];
    Box *notice;        /* of on_close, or NULL */
    PyObject *trace;    /* the Trace that has its WASI calls, or NULL */
    Box *tracer;        /* of who is told of them, or NULL */
    Box **file_systems; /* of Python objects that are mounted */
    size_t file_system_count;
    Listeners listeners;  /* of a host module */
    PyObject *sources;    /* list of the Modules imported from, or NULL */
    PyObject *dependents; /* set of Modules whose functions may be reached, or NULL */
    Py_ssize_t dependents_limit; /* with so many, those that are closed are dropped */
    PyObject *weakrefs;
} ModuleObject;

typedef struct {
    PyObject_HEAD
    ModuleObject *module;
    PyObject *weakrefs;
} ExportsObject;

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    ModuleObject *module;
    wazero_function_t *handle; /* borrowed from the module's slot, or own */
    wazero_function_t *own;    /* of one out of a reference, or NULL */
    const wazero_function_type_t *type;
    bool takes_integers; /* and nothing else */
    bool gives_i32;
    ExportSlot *slot;
    PyObject *name;
    PyObject *weakrefs;
} FunctionObject;

typedef struct {
    PyObject_HEAD
    ModuleObject *module;
    wazero_memory_t *handle; /* borrowed from the module's slot */
    PyObject *weakrefs;
} MemoryObject;

typedef struct {
    PyObject_HEAD
    ModuleObject *module;
    wazero_global_t *handle; /* borrowed from the module's slot, or own */
    wazero_global_t *own;    /* of one that is not exported, or NULL */
    ExportSlot *slot;
    PyObject *name;
    PyObject *weakrefs;
} GlobalObject;

typedef struct {
    PyObject_HEAD
    ModuleObject *module;
    wazero_table_t *handle; /* borrowed from the module's slot, or own */
    wazero_table_t *own;    /* of one that is not exported, or NULL */
    wazero_value_type_t element;
    ExportSlot *slot;
    PyObject *name;
    PyObject *weakrefs;
} TableObject;

typedef struct {
    PyObject_HEAD
    ModuleObject *module;
    const wazero_extern_t *export; /* the module's */
    ExportSlot *slot;
    PyObject *name;
    PyObject *weakrefs;
} TagObject;

typedef struct {
    PyObject_HEAD
    PyObject *callable;
    PyObject *params;  /* bytes of value types, or NULL if not given */
    PyObject *results; /* bytes of value types, or NULL if not given */
    bool caller;
    PyObject *name;                /* str, or NULL if not given */
    PyObject *param_names;         /* tuple of str, or NULL if not given */
    PyObject *result_names;        /* tuple of str, or NULL if not given */
    wazero_function_names_t names; /* the same for libwazero */
    PyObject *weakrefs;
} HostFunctionObject;

typedef struct {
    PyObject_HEAD
    PyObject *host; /* str or bytes */
    bool read_only;
    wazero_fs_t *handle; /* which counts, or NULL: there are no limits */
    PyObject *weakrefs;
} DirObject;

typedef struct {
    PyObject_HEAD
    wazero_fs_t *handle;
    PyObject *weakrefs;
} MemoryFilesObject;

typedef struct {
    MemoryFilesObject base;
    PyObject *lower, *upper; /* as they were given */
    Box *box;                /* of lower, if it is a Python object, or NULL */
} OverlayFilesObject;

/* The names of a HostFunction; NULL for what is none. */
const wazero_function_names_t *HostFunction_names(const State *state, PyObject *value);

/* Each adds its types, functions or constants to the module; -1 with an exception. */
int Errors_init(PyObject *module, State *state);
int Types_init(PyObject *module, State *state);
int Definitions_init(PyObject *module, State *state);
int Inspection_init(PyObject *module, State *state);
int Config_init(PyObject *module, State *state);
PyObject *Cache_default(PyObject *module, PyObject *ignored);
int Cache_init(PyObject *module, State *state);
int Runtime_init(PyObject *module, State *state);
int Compiled_init(PyObject *module, State *state);
int Module_init(PyObject *module, State *state);
int Exports_init(PyObject *module, State *state);
int Function_init(PyObject *module, State *state);
int Memory_init(PyObject *module, State *state);
int Global_init(PyObject *module, State *state);
int Table_init(PyObject *module, State *state);
int Tag_init(PyObject *module, State *state);
int HostModule_init(PyObject *module, State *state);
int Listener_init(PyObject *module, State *state);
int Snapshot_init(PyObject *module, State *state);
int Dir_init(PyObject *module, State *state);
int MemoryFiles_init(PyObject *module, State *state);
int Trace_init(PyObject *module, State *state);
int OverlayFiles_init(PyObject *module, State *state);

/* Makes a heap type of this module and, if name is not NULL, adds it. Returns a new
 * reference. */
PyTypeObject *State_add_type(PyObject *module, PyType_Spec *spec);

/* ---------------------------------------------------------------- errors.c ------- */

/* Raises what libwazero reported and deletes error. Always returns NULL. This is the
 * one place where kinds become classes. */
PyObject *Errors_raise(State *state, wazero_error_t *error);

/* The exception for what libwazero reported: a new reference. */
PyObject *Errors_exception(State *state, const wazero_error_t *error);

/* Makes the error that ends a call from the exception that is set, and clears it. */
wazero_error_t *Errors_to_host(void);

/* Raises ClosedError: "the module is closed". Always returns NULL. */
PyObject *Errors_raise_closed(State *state, const char *what);

/* Gives back the exception that is the payload of an error. */
void Errors_delete_payload(void *exception);

/* ---------------------------------------------------------------- snapshot.c ----- */

/* Errors_to_host for a host function, which may go back to a snapshot. */
wazero_error_t *Snapshot_to_host(const State *state);

/* ---------------------------------------------------------------- args.c --------- */

/* The parameters of a Python-visible function. The first `positional` may be given by
 * position, the first `required` must be given. */
typedef struct {
    const char *function;
    const char *const *names;
    Py_ssize_t count;
    Py_ssize_t positional;
    Py_ssize_t required;
} ArgsSpec;

/* Sorts arguments into values[spec->count]: borrowed references, NULL where nothing was
 * given. Returns -1 with a TypeError that names function and parameter. */
int Args_parse(const ArgsSpec *spec, PyObject *const *args, Py_ssize_t nargs,
               PyObject *kwnames, PyObject **values);

/* The same for tp_new. */
int Args_parse_new(const ArgsSpec *spec, PyObject *args, PyObject *kwargs,
                   PyObject **values);

/* An integer from 0 to maximum (less than 2**63); `what` names it in messages. */
int Args_uint64(PyObject *value, const char *what, uint64_t maximum, uint64_t *result);
/* The same of an option, where a bool is a mistake. */
int Args_count(PyObject *value, const char *what, uint64_t maximum, uint64_t *result);

/* The list of what an option has; TypeError says that it is a sequence of `items`, and
 * not one text. */
PyObject *Args_list(PyObject *value, const char *what, const char *items);

/* A size in bytes: an integer, or a text like "64MiB". */
typedef struct {
    const char *what;
    uint64_t minimum;
    uint64_t maximum;
    const char *range; /* the two in words */
} SizeSpec;
int Args_size(const SizeSpec *spec, PyObject *value, uint64_t *bytes);

/* Seconds as nanoseconds, rounded up, WAZERO_NO_TIMEOUT for what is too long to come.
 * None is no timeout; function, a str, is named in messages if it is not NULL. */
int Args_timeout(PyObject *function, PyObject *value, uint64_t *nanoseconds);

/* ---------------------------------------------------------------- convert.c ------ */

typedef enum {
    CONVERT_OK,
    CONVERT_TYPE,   /* not a value of this type; no exception set      */
    CONVERT_RANGE,  /* an integer out of range; no exception set       */
    CONVERT_LENGTH, /* bytes of a wrong length; no exception set       */
    CONVERT_RAISED, /* __index__ or __float__ raised: exception is set */
} ConvertStatus;

/* Whether it is i32, i64, f32 or f64: values of one slot that are converted here. */
static inline bool Convert_is_number(wazero_value_type_t type)
{
    return type >= WAZERO_TYPE_F64 && type <= WAZERO_TYPE_I32;
}

/* The same where only an i32 or i64 can be meant. */
static inline bool Convert_integer_quickly(PyObject *value, uint64_t *slot)
{
    if (!PyLong_CheckExact(value) || !PyUnstable_Long_IsCompact((PyLongObject *)value))
        return false;
    *slot = (uint64_t)PyUnstable_Long_CompactValue((PyLongObject *)value);
    return true;
}

/* What Convert_to_slot does, for the commonest values: those of the exact types, ints
 * of one digit; false for all others. It saves 9 of the 35 ns that this side of a call
 * of add(5, 7) took (2026-11). The upper half of an i32's slot is not cleared, which
 * libwazero allows. */
static inline bool Convert_quickly(PyObject *value, wazero_value_type_t type,
                                   uint64_t *slot)
{
    if (type >= WAZERO_TYPE_I64 && PyLong_CheckExact(value) &&
        PyUnstable_Long_IsCompact((PyLongObject *)value)) {
        *slot = (uint64_t)PyUnstable_Long_CompactValue((PyLongObject *)value);
        return true;
    }
    if (type == WAZERO_TYPE_F64 && PyFloat_CheckExact(value)) {
        *slot = wazero_encode_f64(PyFloat_AS_DOUBLE(value));
        return true;
    }
    return false;
}

/* A Python value as a slot. type must be a number type. */
ConvertStatus Convert_to_slot(PyObject *value, wazero_value_type_t type,
                              uint64_t *slot);

/* Raises what status says, unless it says that something is raised already; subject
 * names the value, "add() argument 1" for example. Takes subject, which may be NULL
 * with an exception set. */
void Convert_raise(ConvertStatus status, PyObject *subject, PyObject *value,
                   wazero_value_type_t type);

/* A slot as a Python value: a new reference. type must be a number type. */
PyObject *Convert_other_from_slot(uint64_t slot, wazero_value_type_t type);
static inline PyObject *Convert_from_slot(uint64_t slot, wazero_value_type_t type)
{
    if (type == WAZERO_TYPE_I32)
        return PyLong_FromLong(wazero_decode_i32(slot));
    return Convert_other_from_slot(slot, type);
}

/* ---------------------------------------------------------------- reference.c ---- */

static inline size_t Value_slots(wazero_value_type_t type)
{
    return type == WAZERO_TYPE_V128 ? 2 : 1;
}

/* A value of any type as slots. A reference is the caller's, to be dropped. */
ConvertStatus Value_to_slots(State *state, PyObject *value, wazero_value_type_t type,
                             uint64_t *slots);
ConvertStatus Value_vector(PyObject *value, uint64_t *slots);

/* Slots as a value: a new reference. What the slots hold stays as it is. */
PyObject *Value_from_slots(State *state, wazero_value_type_t type,
                           const uint64_t *slots);

/* Gives back the reference in the slots of a value, or of several. */
void Value_drop(wazero_value_type_t type, const uint64_t *slots);
void Values_drop(const wazero_value_type_t *types, size_t count, const uint64_t *slots);

/* Calls a function with values that are no numbers among its types. */
PyObject *Function_call_widely(FunctionObject *self, PyObject *const *args,
                               bool snapshots, bool has_timeout, uint64_t nanoseconds);

/* ---------------------------------------------------------------- made.c --------- */

/* What a constructor was given as its runtime: a TypeError if it is none, ClosedError
 * or ForkedError if it cannot be used. */
int Made_check_runtime(State *state, const char *what, PyObject *runtime);
int Made_limits(PyObject *min, PyObject *max, wazero_limits_t *limits);

/* The object for what is the only export of a C module, which it borrows; value is what
 * is in it, a Function perhaps. */
PyObject *Made_export(State *state, RuntimeObject *runtime, wazero_module_t *handle,
                      PyObject *value);

/* ---------------------------------------------------------------- types.c -------- */

/* "(i32, i64) -> f64" */
PyObject *Types_signature(const wazero_function_type_t *type);
/* Of parameters, results or others, whose references may be NULL. */
PyObject *Types_type_list(const wazero_value_type_t *types,
                          const wazero_typed_reference_t *references, size_t count);

/* Tuples of strings and the named tuples that are made of them. */
PyObject *Types_name(wazero_value_type_t type,
                     const wazero_typed_reference_t *reference);
PyObject *Types_names(const wazero_value_type_t *types,
                      const wazero_typed_reference_t *references, size_t count);
PyObject *Types_function(State *state, const wazero_function_type_t *type);
PyObject *Types_memory(State *state, wazero_limits_t limits);
PyObject *Types_table(State *state, wazero_value_type_t element,
                      wazero_typed_reference_t reference, wazero_limits_t limits);
PyObject *Types_tag(State *state, const wazero_function_type_t *type);
PyObject *Types_global(State *state, wazero_value_type_t value,
                       wazero_typed_reference_t reference, bool is_mutable);
/* The type of something of this kind. */
PyObject *Types_of(State *state, wazero_extern_kind_t kind,
                   const wazero_extern_type_t *type);
PyObject *Types_import(State *state, const wazero_extern_t *import);
PyObject *Types_export(State *state, const wazero_extern_t *export);
PyObject *Types_frame(State *state, const wazero_frame_t *frame);
/* Takes function. */
PyObject *Types_stack_frame(State *state, PyObject *function, uint64_t program_counter,
                            uint64_t source_offset);

/* Puts count values into a new named tuple; takes them, and fails if one is NULL. */
PyObject *Types_fill(PyTypeObject *type, PyObject *const *values, Py_ssize_t count);

/* Makes named tuples, and adds them to the module. */
typedef struct {
    PyTypeObject **type;
    PyStructSequence_Desc *description;
} TypesEntry;
int Types_add(PyObject *module, const TypesEntry *all, size_t count);

/* The value type of this name, or 0 with a ValueError. */
wazero_value_type_t Types_parse(PyObject *name);

/* The value types of a sequence of names, as bytes. */
PyObject *Types_parse_list(PyObject *names, const char *what);

/* ---------------------------------------------------------------- memory_numbers.c */

/* read_u8 to write_f64, methods of Memory. */
enum { MEMORY_NUMBER_METHODS = 20 };
extern PyMethodDef Memory_number_methods[MEMORY_NUMBER_METHODS];

/* An address or a length, and whether that many bytes are there; -1 with an
 * exception. */
int Memory_to_number(PyObject *value, const char *what, uint64_t *number);
int Memory_check_range(MemoryObject *self, const char *verb, uint64_t offset,
                       uint64_t size);

/* ---------------------------------------------------------------- definitions.c -- */

PyObject *Definitions_text(wazero_name_t name);

/* A FunctionDefinition; type is its FunctionType if there is one already, or NULL. */
PyObject *Definitions_function(State *state,
                               const wazero_function_definition_t *definition,
                               PyObject *type);
/* The definition of a table, memory, global or tag. */
PyObject *Definitions_other(State *state, const wazero_inspection_t *inspection,
                            const wazero_definition_t *definition);
PyObject *Definitions_element(State *state, size_t index,
                              const wazero_element_segment_t *segment);
PyObject *Definitions_data(State *state, size_t index,
                           const wazero_data_segment_t *segment);
PyObject *Definitions_section(State *state, const wazero_section_t *section);
PyObject *Definitions_names(State *state, const wazero_inspection_t *inspection);

/* ---------------------------------------------------------------- inspection.c --- */

/* The method of the module, wazero.inspect. */
PyObject *Inspection_inspect(PyObject *module, PyObject *const *args, Py_ssize_t nargs,
                             PyObject *kwnames);
PyObject *Inspection_of_compiled(State *state, CompiledObject *compiled);
/* A view of a section of source, which has the module's bytes: bytes, or a
 * CompiledModule. */
PyObject *CustomSection_new(State *state, PyObject *source,
                            const wazero_section_t *section);

/* ---------------------------------------------------------------- config.c ------- */

/* The options of instantiate(), in the order of its keywords. */
enum {
    OPTION_NAME,
    OPTION_IMPORTS,
    OPTION_ARGS,
    OPTION_ENV,
    OPTION_STDIN,
    OPTION_STDOUT,
    OPTION_STDERR,
    OPTION_MOUNTS,
    OPTION_FS,
    OPTION_LISTEN,
    OPTION_RANDOM,
    OPTION_WALLTIME,
    OPTION_NANOTIME,
    OPTION_NANOSLEEP,
    OPTION_OSYIELD,
    OPTION_WALLTIME_RESOLUTION,
    OPTION_NANOTIME_RESOLUTION,
    OPTION_START_FUNCTIONS,
    OPTION_TIMEOUT,
    OPTION_MAX_STACK,
    OPTION_MEMORY_LIMIT,
    OPTION_ON_CLOSE,
    OPTION_OUTPUT_LIMIT,
    OPTION_MAX_FILES,
    OPTION_DETERMINISTIC,
    OPTION_TRACE,
    OPTION_WASI,
    OPTION_ASSEMBLYSCRIPT,
    OPTION_CONFIG,
    OPTION_COUNT
};

/* Their names for ArgsSpec. */
#define CONFIG_OPTION_NAMES                                                            \
    "name", "imports", "args", "env", "stdin", "stdout", "stderr", "mounts", "fs",     \
        "listen", "random", "walltime", "nanotime", "nanosleep", "osyield",            \
        "walltime_resolution", "nanotime_resolution", "start_functions", "timeout",    \
        "max_stack", "memory_limit", "on_close", "output_limit", "max_files",          \
        "deterministic", "trace", "wasi", "assemblyscript", "config"
extern const char *const Config_option_names[OPTION_COUNT];

/* The same in docstrings, which is what inspect reads. */
#define CONFIG_PARAMETERS                                                              \
    "*, name=None, imports=None, args=None, env=None, stdin=None, stdout=None,\n"      \
    "            stderr=None, mounts=None, fs=None, listen=None, random=None,\n"       \
    "            walltime=None, nanotime=None, nanosleep=None, osyield=None,\n"        \
    "            walltime_resolution=None, nanotime_resolution=None,\n"                \
    "            start_functions=None, timeout=None, max_stack=None,\n"                \
    "            memory_limit=None, on_close=None, output_limit=None,\n"               \
    "            max_files=None, deterministic=None, trace=None, wasi=None,\n"         \
    "            assemblyscript=None, config=None"
#define CONFIG_SIGNATURE CONFIG_PARAMETERS ")\n--\n\n"
#define CONFIG_LISTEN_SIGNATURE                                                        \
    CONFIG_PARAMETERS ",\n            listener=None, log_calls=None, log_host=None)"   \
                      "\n--\n\n"

/* Fills options with new references (NULL where there is nothing), from the keywords
 * given and, where they say nothing, from the ModuleConfig among them. */
int Config_options(PyObject *const *given, PyObject **options);
void Config_clear_options(PyObject **options);

/* Bytes for a str, bytes or path, without NUL; `what` names it if it is something
 * else. */
PyObject *Config_c_string(PyObject *value, const char *what);

/* The items of a mapping as a list of pairs; TypeError naming the option if it is
 * none. */
PyObject *Config_items(PyObject *mapping, const char *what);

/* Makes the C configuration; module->streams get what its streams need. */
int Config_module(State *state, ModuleObject *module, PyObject *const *options,
                  wazero_module_config_t **config);

/* ---------------------------------------------------------------- runtime_config.c */

/* Makes the C configuration of a runtime from what Runtime() was given, and the dict of
 * options from which the like can be made again. */
enum {
    RUNTIME_CONFIG,
    RUNTIME_ENGINE,
    RUNTIME_MEMORY_LIMIT,
    RUNTIME_TABLE_LIMIT,
    RUNTIME_FEATURES,
    RUNTIME_CACHE,
    RUNTIME_DEBUG_INFO,
    RUNTIME_COMPILATION_WORKERS,
    RUNTIME_MEMORY_CAPACITY_FROM_MAX,
    RUNTIME_CUSTOM_SECTIONS,
    RUNTIME_COUNT
};
extern const char *const Config_runtime_names[RUNTIME_COUNT];
extern const SizeSpec Config_memory_limit;
PyObject *Config_feature_names(void); /* dict from names to bits */
/* A configuration with nothing but features, for wazero_inspect. */
int Config_features(State *state, PyObject *features, wazero_runtime_config_t **config);
int Config_runtime(State *state, PyObject *const *given, PyObject **options,
                   wazero_runtime_config_t **config);

/* ---------------------------------------------------------------- notice.c ------- */

/* Has callable be called with the exit code when the module closes. */
int Notice_configure(State *state, ModuleObject *module, PyObject *callable,
                     wazero_module_config_t *config);
/* Sees to it that the callable of a module that is closed has been called. */
void Notice_settle(ModuleObject *module);

/* ---------------------------------------------------------------- trace.c -------- */

/* Has the module's WASI calls go to what was given as trace. */
int Trace_configure(State *state, ModuleObject *module, PyObject *object,
                    wazero_module_config_t *config);
/* Its Trace, or None; and a Usage. */
PyObject *Trace_of(const ModuleObject *module);
PyObject *Trace_usage(State *state, const ModuleObject *module);
/* Gives the exception that is set both, as attributes, if it is a WazeroError. */
void Trace_note(State *state, const ModuleObject *module);

/* ---------------------------------------------------------------- stream.c ------- */

/* Puts a Python object into the configuration as a standard stream. */
int Stream_configure(State *state, StreamBinding *binding, PyObject *object,
                     wazero_stream_t stream, wazero_module_config_t *config);

/* Hands on what a text file's decoder still keeps; -1 with an exception. */
int Stream_flush(StreamBinding *binding);
/* 1 if a file object takes or gives str, -1 with an exception. */
int Stream_is_text(PyObject *object);
/* The attribute, or NULL without an exception if there is none. */
PyObject *Stream_optional_attribute(PyObject *object, const char *name);
int Stream_traverse(StreamBinding *binding, visitproc visit, void *arg);
void Stream_clear(StreamBinding *binding);

/* ---------------------------------------------------------------- waiting.c ------ */

/* Looks for the raw file at the bottom of a file object that is read. There may be
 * none: then read waits as long as it likes. */
void Waiting_find(State *state, StreamBinding *binding, PyObject *object);

/* Calls what reads with the limit. When the guest's call is to end while it waits, that
 * is in binding->ended, and an exception is set. */
PyObject *Waiting_read(StreamBinding *binding, PyObject *limit);

int Waiting_init(PyObject *module, State *state);

/* ---------------------------------------------------------------- files.c -------- */

/* Makes a file system in memory of a mapping; *fs is the caller's, also if that fails,
 * or NULL. */
int Files_new(State *state, PyObject *mapping, wazero_fs_t **fs);

/* Puts what a mapping has into a file system. */
int Files_fill(State *state, wazero_fs_t *fs, PyObject *mapping);

/* ---------------------------------------------------------------- memory_files.c - */

/* The keywords max_bytes and max_files; what is not given stays. */
int Limits_parse(PyObject *max_bytes, PyObject *max_files, wazero_fs_limits_t *limits);

/* Raises what libwazero reported of a file system, and deletes it: OSErrors, and a
 * ValueError for a path that cannot be. */
int MemoryFiles_check(State *state, wazero_error_t *error, PyObject *path);

/* ---------------------------------------------------------------- filesystem.c --- */

/* 1 if the object has what a wazero.FileSystem has, and is no path; -1 with an
 * exception. */
int FileSystem_check(PyObject *value);

/* Makes a file system of a Python object, which is in *box: that is the caller's, and
 * to be cleared when nobody is to ask the object any more. */
int FileSystem_new(State *state, PyObject *object, Box **box, wazero_fs_t **fs);

/* ---------------------------------------------------------------- mounts.c ------- */

/* A value of mounts=, as libwazero takes it. */
typedef struct {
    PyObject *host;    /* bytes: a directory of the host; NULL: */
    wazero_fs_t *fs;   /* a file system */
    wazero_fs_t *made; /* the same, if it is to be deleted, or NULL */
    Box *box;          /* of a Python object that is one, or NULL */
    bool read_only;
} Mount;

/* What a value stands for. This is the one place that knows what can be mounted. The
 * mount is to be cleared, unless this fails. */
int Mount_make(State *state, PyObject *value, Mount *mount);
void Mount_clear(Mount *mount);

/* Put the options mounts= and fs= into the configuration, and what they are of Python's
 * into the module. */
int Mounts_add(State *state, ModuleObject *module, wazero_module_config_t *config,
               PyObject *value);
int Mounts_add_fs(State *state, ModuleObject *module, wazero_module_config_t *config,
                  PyObject *value);

/* ---------------------------------------------------------------- sources.c ------ */

/* Puts clocks, sleep, yield and random numbers into the configuration. */
int Sources_configure(State *state, SourceBinding *bindings, PyObject *const *options,
                      wazero_module_config_t *config);

/* ---------------------------------------------------------------- host.c --------- */

/* Answers the imports of module->compiled from what was given, and with the functions
 * of AssemblyScript if that option says so; *imports is NULL if that is nothing. */
int Host_link(State *state, ModuleObject *module, PyObject *given,
              PyObject *assemblyscript, wazero_imports_t **imports);

/* Adds to the LinkError that is set which names the imports, which may be NULL,
 * have. */
void Host_explain(State *state, PyObject *imports);

/* The error that ends a call which Python cannot answer. */
#define HOST_SHUTTING_DOWN "the Python interpreter is shutting down"
wazero_error_t *Host_refuse(const char *why) __attribute__((cold));

/* The wazero_host_function_t of every binding. */
wazero_error_t *Host_call(void *user, wazero_module_t *caller, uint64_t *stack);
void Host_free_bindings(ModuleObject *module);
/* Whether there are values that are no numbers among the types of a binding. */
bool Host_is_wide(const HostBinding *binding);

/* ---------------------------------------------------------------- host_module.c -- */

/* Makes the module of host functions of Runtime.host_module. */
PyObject *Host_module_new(State *state, RuntimeObject *runtime, PyObject *name,
                          PyObject *functions, PyObject *const *listen);

/* ---------------------------------------------------------------- the objects ---- */

/* The bytes of a wasm argument: bytes-like or a path; a new bytes object. */
PyObject *Runtime_wasm_bytes(PyObject *wasm);
PyObject *Runtime_read_file(PyObject *path);
/* Raises ClosedError if the runtime is closed, ForkedError if it is another
 * process's. */
bool Runtime_is_open(State *state, RuntimeObject *self);
/* Forgets a named module that is closed. */
void Runtime_forget(RuntimeObject *self, ModuleObject *module);

/* listen has LISTEN_COUNT values, or is NULL. */
PyObject *Compiled_new(State *state, RuntimeObject *runtime, PyObject *wasm,
                       PyObject *const *listen);
/* What can be run in this process: itself, or in a forked child what was compiled anew
 * there. Borrowed; NULL with an exception, ClosedError if it is closed. */
CompiledObject *Compiled_current(State *state, CompiledObject *self);
/* A new Runtime with the options of another one. */
PyObject *Runtime_like(State *state, RuntimeObject *other);
/* Dict from the names of exports to their positions: borrowed. */
PyObject *Compiled_export_index(CompiledObject *self);

ModuleObject *Module_allocate(State *state, RuntimeObject *runtime,
                              CompiledObject *compiled);
/* Takes the handle in, with the modules it imports from. */
int Module_adopt(State *state, ModuleObject *self, wazero_module_t *handle);
/* Registers the module with its runtime if it has a name. */
int Module_register(ModuleObject *self);
PyObject *Module_instantiate(State *state, CompiledObject *compiled,
                             PyObject *const *given);
bool Module_is_open(State *state, ModuleObject *self);
/* What to call the module in messages: its name in the runtime, else the one from its
 * name section, which may be empty. */
PyObject *Module_display_name(ModuleObject *self);
/* The Python object of the C module that calls a host function, which a running call
 * keeps alive: a new reference, None if there is none. */
PyObject *Module_of_caller(wazero_module_t *handle);
/* The Python object of a C module that has something, borrowed; NULL if there is none
 * any more. */
ModuleObject *Module_of(wazero_module_t *handle);
/* The module gets a value: if that is a Function, its Module stays open for as long as
 * this one may call it. */
int Module_hold_value(ModuleObject *self, PyObject *value);
/* To be called when an operation failed: if the guest has exited, lets go of what the
 * module is known by. Keeps the exception that is set. */
void Module_after_error(ModuleObject *self);

/* The object for an export (a new reference). With attribute, an unknown name is an
 * AttributeError, else a KeyError. */
PyObject *Exports_get(State *state, ModuleObject *module, PyObject *name,
                      bool attribute);
/* All things of a kind by index, of which there are count: a tuple. What is not
 * exported is made by make_private. */
PyObject *Exports_all(State *state, ModuleObject *module, wazero_extern_kind_t kind,
                      size_t count,
                      PyObject *(*make_private)(State *state, ModuleObject *module,
                                                size_t index));
PyObject *Exports_new(State *state, ModuleObject *module);
/* Deletes the C handles of all exports. Needs module->handle; not the GIL. */
void Exports_delete_handles(ModuleObject *module);

PyObject *Function_new(State *state, ModuleObject *module, ExportSlot *slot,
                       PyObject *name);
/* The object for a function out of a reference, which it borrows: a new reference. */
PyObject *Function_of(State *state, wazero_function_t *handle);
/* Raises what the call of a function reported (takes error). Always returns NULL. */
PyObject *Function_failed(FunctionObject *self, wazero_error_t *error)
    __attribute__((cold));
PyObject *Function_map(FunctionObject *self, PyObject *const *args, Py_ssize_t nargs,
                       PyObject *kwnames);
PyObject *Memory_new(State *state, ModuleObject *module);
PyObject *Global_new(State *state, ModuleObject *module, ExportSlot *slot,
                     PyObject *name);
/* One that is not exported, by its index. */
PyObject *Global_private(State *state, ModuleObject *module, size_t index);
PyObject *Table_new(State *state, ModuleObject *module, ExportSlot *slot,
                    PyObject *name);
PyObject *Table_private(State *state, ModuleObject *module, size_t index);
PyObject *Tag_new(State *state, ModuleObject *module, ExportSlot *slot, PyObject *name);

#endif
