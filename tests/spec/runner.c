/*
 * runner.c - runs the official test suite of WebAssembly through libwazero.
 *
 *     spec_runner compiler|interpreter module|host SCRIPT...
 *
 * The module "spectest" is that which wazero ships, or it is made by the host.
 *
 * A script is a file of the suite as tests/spec/script.py writes it: fields between
 * tabs, names and paths in hexadecimal. The first line has the features and the path of
 * "spectest"; every other one is a command:
 *
 *     LINE module PATH NAME REGISTER      instantiate; NAME is for later commands
 *     LINE start PATH                     instantiate
 *     LINE refuse PATH OUTCOME            compile and instantiate; it must fail so
 *     LINE call MODULE FIELD N ARG... = N RESULT...
 *     LINE call MODULE FIELD N ARG... ! OUTCOME
 *     LINE get MODULE FIELD = 1 RESULT
 *     LINE nothing
 *
 * A value is TYPE:BITS:MASK with 32 digits each. OUTCOME is "compile", "link" or
 * "trap:" and the text of a trap code, or several of them with "|" between. What goes
 * wrong is printed as "fail", the script, the line and a message; each script ends with
 * "done", its path and the number of its commands. The exit code is 0 if every script
 * was read to its end.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "spectest.h"
#include "wazero.h"

enum { MAX_FIELDS = 256, MAX_NAMED = 64, MAX_SLOTS = 256 };

typedef struct {
    const char *type;
    uint64_t bits[2];
    uint64_t mask[2];
} value_t;

typedef struct {
    const char *path;
    wazero_runtime_t *runtime;
    wazero_imports_t *imports; /* "spectest", if the host made it */
    wazero_module_t *latest;
    struct {
        char *name; /* in hexadecimal */
        wazero_module_t *module;
    } named[MAX_NAMED];
    size_t named_count;
    char *fields[MAX_FIELDS]; /* of the command; the first is its line */
    size_t field_count;
    size_t next; /* field to read */
    unsigned commands;
} script_t;

__attribute__((format(printf, 1, 2), noreturn)) static void give_up(const char *format,
                                                                    ...)
{
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    exit(2);
}

/* Reports that the command went wrong; newlines of the message become blanks. */
__attribute__((format(printf, 2, 3))) static void fail(script_t *s, const char *format,
                                                       ...)
{
    char text[600];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (char *c = text; *c; c++)
        if (*c == '\n' || *c == '\t')
            *c = ' ';
    printf("fail\t%s\t%s\t%s\n", s->path, s->fields[0], text);
}

static void must(wazero_error_t *error)
{
    if (error)
        give_up("unexpected error: %s", wazero_error_message(error, NULL));
}

/* ---- reading ---- */

static const char *next_field(script_t *s)
{
    if (s->next >= s->field_count)
        give_up("%s:%s: a field is missing", s->path, s->fields[0]);
    return s->fields[s->next++];
}

static unsigned digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a' + 10);
    give_up("not a hexadecimal digit: %c", c);
}

/* Decodes a text in hexadecimal, NUL-terminated, into memory from malloc. */
static char *decode(const char *field, size_t *size)
{
    *size = strlen(field) / 2;
    char *text = malloc(*size + 1);
    if (!text)
        give_up("out of memory");
    for (size_t i = 0; i < *size; i++)
        text[i] = (char)(digit(field[2 * i]) << 4 | digit(field[2 * i + 1]));
    text[*size] = '\0';
    return text;
}

/* Reads 32 digits. */
static const char *read_bits(const char *text, uint64_t bits[2])
{
    for (int half = 1; half >= 0; half--) {
        bits[half] = 0;
        for (int i = 0; i < 16; i++)
            bits[half] = bits[half] << 4 | digit(*text++);
    }
    return text;
}

static value_t next_value(script_t *s)
{
    value_t value = {.type = next_field(s)};
    char *colon = strchr(value.type, ':');
    if (!colon)
        give_up("%s:%s: not a value", s->path, s->fields[0]);
    *colon = '\0';
    read_bits(read_bits(colon + 1, value.bits) + 1, value.mask);
    return value;
}

static size_t next_count(script_t *s)
{
    return strtoul(next_field(s), NULL, 10);
}

static void *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END))
        give_up("%s cannot be read", path);
    *size = (size_t)ftell(file);
    rewind(file);
    char *data = malloc(*size + 1);
    if (!data || fread(data, 1, *size, file) != *size)
        give_up("%s cannot be read", path);
    fclose(file);
    data[*size] = '\0';
    return data;
}

/* ---- modules ---- */

/* Compiles and instantiates the file whose path is in the next field. *compiled, if not
 * NULL, says how far it came. */
static wazero_error_t *instantiate(script_t *s, const char *register_as,
                                   wazero_module_t **module, bool *was_compiled)
{
    size_t size, path_size, name_size;
    char *path = decode(next_field(s), &path_size);
    void *wasm = read_file(path, &size);
    wazero_compiled_module_t *compiled = NULL;
    wazero_module_config_t *config;
    must(wazero_module_config_new(&config));
    if (register_as) {
        char *name = decode(register_as, &name_size);
        must(wazero_module_config_set_name(config, name, name_size));
        free(name);
    }
    wazero_error_t *error = wazero_runtime_compile(s->runtime, wasm, size, &compiled);
    *was_compiled = !error;
    if (!error)
        error = wazero_module_new(compiled, s->imports, config, module);
    if (!error && (error = wazero_module_start(*module)) != NULL)
        wazero_module_delete(*module);
    wazero_compiled_module_delete(compiled);
    wazero_module_config_delete(config);
    free(wasm);
    free(path);
    return error;
}

static wazero_module_t *find_module(script_t *s)
{
    const char *name = next_field(s);
    if (!*name)
        return s->latest;
    for (size_t i = s->named_count; i-- > 0;)
        if (strcmp(s->named[i].name, name) == 0)
            return s->named[i].module;
    return NULL;
}

static bool is_named(const script_t *s, const wazero_module_t *module)
{
    for (size_t i = 0; i < s->named_count; i++)
        if (s->named[i].module == module)
            return true;
    return false;
}

/* What no later command can name is given up. */
static void drop_latest(script_t *s)
{
    if (!is_named(s, s->latest))
        wazero_module_delete(s->latest);
    s->latest = NULL;
}

/* ---- outcomes ---- */

static void check_outcome(script_t *s, const wazero_error_t *error,
                          const char *expected, bool was_compiled)
{
    char got[64];
    wazero_error_kind_t kind = wazero_error_kind(error);
    if (kind == WAZERO_ERROR_TRAP)
        snprintf(got, sizeof got, "trap:%s",
                 wazero_trap_code_text(wazero_error_trap_code(error)));
    else if (kind == WAZERO_ERROR_COMPILE && !was_compiled)
        snprintf(got, sizeof got, "compile");
    else if (kind == WAZERO_ERROR_LINK && was_compiled)
        snprintf(got, sizeof got, "link");
    else
        snprintf(got, sizeof got, "an error of kind %d", (int)kind);
    size_t length = strlen(got);
    for (const char *at = expected; at; at = strchr(at, '|')) {
        at += *at == '|';
        if (strncmp(at, got, length) == 0 && (at[length] == '|' || !at[length]))
            return;
    }
    fail(s, "%s, expected %s: %s", got, expected, wazero_error_message(error, NULL));
}

/* ---- values ---- */

/* The slots of a value; the result is their number. An externref is to its bits, with
 * *reference for the handle; other references are null. */
static size_t put_value(const value_t *value, uint64_t *slots,
                        wazero_externref_t **reference)
{
    slots[0] = value->bits[0];
    if (strcmp(value->type, "externref") == 0 && slots[0]) {
        must(wazero_externref_new((void *)(uintptr_t)slots[0], NULL, reference));
        slots[0] = wazero_encode_externref(*reference);
    }
    if (strcmp(value->type, "v128") != 0)
        return 1;
    slots[1] = value->bits[1];
    return 2;
}

/* The other way: the bits as a script has them; the result is the number of slots.
 * References are given back. Only the script knows what a typed reference is to. */
static size_t take_value(wazero_value_type_t type, const value_t *expected,
                         const uint64_t *slots, uint64_t bits[2])
{
    if (type == WAZERO_TYPE_REF && strcmp(expected->type, "externref") == 0)
        type = WAZERO_TYPE_EXTERNREF;
    bits[0] = slots[0];
    bits[1] = 0;
    switch (type) {
    case WAZERO_TYPE_V128:
        bits[1] = slots[1];
        return 2;
    case WAZERO_TYPE_EXTERNREF:
        if (slots[0])
            bits[0] = (uint64_t)(uintptr_t)wazero_externref_value(
                wazero_decode_externref(slots[0]));
        wazero_externref_delete(wazero_decode_externref(slots[0]));
        return 1;
    case WAZERO_TYPE_FUNCREF:
    case WAZERO_TYPE_REF:
        bits[0] = slots[0] != 0;
        wazero_function_delete(wazero_decode_funcref(slots[0]));
        return 1;
    default:
        return 1;
    }
}

/* Compares the slots with the results that the next fields have. */
static void check_results(script_t *s, const wazero_value_type_t *types, size_t count,
                          const uint64_t *slots)
{
    size_t expected_count = next_count(s);
    if (count != expected_count) {
        fail(s, "%zu results, expected %zu", count, expected_count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        value_t expected = next_value(s);
        uint64_t bits[2];
        slots += take_value(types[i], &expected, slots, bits);
        if (((bits[0] ^ expected.bits[0]) & expected.mask[0]) ||
            ((bits[1] ^ expected.bits[1]) & expected.mask[1]))
            fail(s, "result %zu is %s %016llx%016llx, expected %s %016llx%016llx", i,
                 wazero_value_type_name(types[i]), (unsigned long long)bits[1],
                 (unsigned long long)bits[0], expected.type,
                 (unsigned long long)expected.bits[1],
                 (unsigned long long)expected.bits[0]);
    }
}

/* ---- commands ---- */

static void run_module(script_t *s)
{
    wazero_module_t *module = NULL;
    bool was_compiled;
    const char *name = s->fields[3], *registered = s->fields[4];
    wazero_error_t *error =
        instantiate(s, *registered ? registered : NULL, &module, &was_compiled);
    if (error) {
        fail(s, "%s", wazero_error_message(error, NULL));
        wazero_error_delete(error);
        return;
    }
    drop_latest(s);
    s->latest = module;
    if (!*name)
        return;
    if (s->named_count == MAX_NAMED)
        give_up("more than %d modules with names", MAX_NAMED);
    s->named[s->named_count].name = strdup(name);
    s->named[s->named_count++].module = module;
}

static void run_start(script_t *s)
{
    wazero_module_t *module = NULL;
    bool was_compiled;
    wazero_error_t *error = instantiate(s, NULL, &module, &was_compiled);
    if (error)
        fail(s, "%s", wazero_error_message(error, NULL));
    else
        wazero_module_delete(module);
    wazero_error_delete(error);
}

static void run_refuse(script_t *s)
{
    wazero_module_t *module = NULL;
    bool was_compiled;
    wazero_error_t *error = instantiate(s, NULL, &module, &was_compiled);
    const char *outcome = next_field(s);
    if (error) {
        check_outcome(s, error, outcome, was_compiled);
    } else {
        fail(s, "it was accepted, expected %s", outcome);
        wazero_module_delete(module);
    }
    wazero_error_delete(error);
}

static void call(script_t *s, wazero_function_t *function)
{
    uint64_t slots[MAX_SLOTS] = {0};
    wazero_externref_t *references[MAX_FIELDS] = {NULL};
    size_t used = 0, count = next_count(s);
    const wazero_function_type_t *type = wazero_function_type(function);
    if (count != type->param_count) {
        fail(s, "%zu parameters, expected %zu", type->param_count, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        value_t value = next_value(s);
        used += put_value(&value, slots + used, &references[i]);
    }
    wazero_error_t *error = wazero_function_call_with_stack(function, slots, MAX_SLOTS);
    for (size_t i = 0; i < count; i++)
        wazero_externref_delete(references[i]);
    bool returns = *next_field(s) == '=';
    if (error && returns)
        fail(s, "%s", wazero_error_message(error, NULL));
    else if (error)
        check_outcome(s, error, next_field(s), true);
    else if (returns)
        check_results(s, type->results, type->result_count, slots);
    else
        fail(s, "it returned, expected %s", next_field(s));
    wazero_error_delete(error);
}

static void run_call(script_t *s)
{
    wazero_module_t *module = find_module(s);
    wazero_function_t *function = NULL;
    size_t size;
    if (!module) {
        fail(s, "there is no module to call");
        return;
    }
    char *name = decode(next_field(s), &size);
    wazero_error_t *error = wazero_module_function(module, name, size, &function);
    if (error)
        fail(s, "%s", wazero_error_message(error, NULL));
    else
        call(s, function);
    wazero_error_delete(error);
    wazero_function_delete(function);
    free(name);
}

static void run_get(script_t *s)
{
    wazero_module_t *module = find_module(s);
    wazero_global_t *global = NULL;
    wazero_value_type_t type = 0;
    uint64_t slots[2] = {0};
    size_t size;
    if (!module) {
        fail(s, "there is no module to ask");
        return;
    }
    char *name = decode(next_field(s), &size);
    wazero_error_t *error = wazero_module_global(module, name, size, &global);
    if (!error)
        type = wazero_global_type(global);
    if (!error)
        error = wazero_global_get(global, slots, type == WAZERO_TYPE_V128 ? 2 : 1);
    if (error) {
        fail(s, "%s", wazero_error_message(error, NULL));
    } else {
        next_field(s); /* "=" */
        check_results(s, &type, 1, slots);
    }
    wazero_error_delete(error);
    wazero_global_delete(global);
    free(name);
}

static void run_nothing(script_t *s)
{
    (void)s;
}

static void run_command(script_t *s)
{
    static const struct {
        const char *name;
        void (*run)(script_t *s);
    } commands[] = {
        {"module", run_module}, {"start", run_start}, {"refuse", run_refuse},
        {"call", run_call},     {"get", run_get},     {"nothing", run_nothing},
    };
    s->next = 1;
    const char *name = next_field(s);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0) {
            commands[i].run(s);
            s->commands++;
            return;
        }
    give_up("%s:%s: no such command: %s", s->path, s->fields[0], name);
}

/* ---- scripts ---- */

/* Splits a line at its tabs, in place. */
static void split(script_t *s, char *line)
{
    s->field_count = 0;
    for (char *next = line; next;) {
        if (s->field_count == MAX_FIELDS)
            give_up("%s: a line has more than %d fields", s->path, MAX_FIELDS);
        s->fields[s->field_count++] = next;
        next = strchr(next, '\t');
        if (next)
            *next++ = '\0';
    }
}

typedef struct {
    wazero_engine_kind_t engine;
    bool host_spectest;
} options_t;

/* Makes the runtime, and "spectest" in it. */
static void begin(script_t *s, const options_t *options)
{
    wazero_runtime_config_t *config;
    wazero_module_t *spectest;
    bool was_compiled;
    s->next = 0;
    must(wazero_runtime_config_new(&config));
    must(wazero_runtime_config_set_engine(config, options->engine));
    must(wazero_runtime_config_set_features(config, next_count(s)));
    must(wazero_runtime_new(config, &s->runtime));
    wazero_runtime_config_delete(config);
    must(wazero_imports_new(&s->imports));
    if (options->host_spectest) {
        must(spectest_add(s->runtime, s->imports));
    } else {
        must(instantiate(s, "7370656374657374", &spectest, &was_compiled));
        wazero_module_delete(spectest); /* it has a name, so it stays */
    }
}

static void end(script_t *s)
{
    drop_latest(s);
    for (size_t i = 0; i < s->named_count; i++) {
        wazero_module_delete(s->named[i].module);
        free(s->named[i].name);
    }
    wazero_imports_delete(s->imports);
    wazero_runtime_delete(s->runtime);
}

static void run_script(const char *path, const options_t *options)
{
    script_t s = {.path = path};
    size_t size;
    char *text = read_file(path, &size), *line = text;
    for (char *newline; (newline = strchr(line, '\n')) != NULL; line = newline + 1) {
        *newline = '\0';
        split(&s, line);
        if (!s.runtime)
            begin(&s, options);
        else
            run_command(&s);
    }
    end(&s);
    free(text);
    printf("done\t%s\t%u\n", path, s.commands);
}

int main(int argc, char **argv)
{
    if (argc < 4)
        give_up("usage: %s compiler|interpreter module|host SCRIPT...", argv[0]);
    options_t options = {WAZERO_ENGINE_COMPILER, strcmp(argv[2], "host") == 0};
    if (strcmp(argv[1], "interpreter") == 0)
        options.engine = WAZERO_ENGINE_INTERPRETER;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 3; i < argc; i++)
        run_script(argv[i], &options);
    return 0;
}
