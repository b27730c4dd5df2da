/*
 * wasi.c - runs a WASI program: wasi [FILE.wasm [ARG...]]
 *
 * The program gets its arguments and this process's standard streams, and nothing else:
 * no files, no environment, and clocks that only pretend. Without a file it runs the
 * module below.
 */
#include <stdio.h>
#include <stdlib.h>

#include <wazero.h>

/* (module
 *   (import "wasi_snapshot_preview1" "fd_write"
 *     (func $fd_write (param i32 i32 i32 i32) (result i32)))
 *   (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
 *   (memory (export "memory") 1)
 *   (data (i32.const 0) "\08\00\00\00\15\00\00\00hello from the guest\0a")
 *   (func (export "_start")
 *     (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))
 *     (call $proc_exit (i32.const 3))))
 */
static const uint8_t greeting[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x10, 0x03, 0x60, 0x04, 0x7f,
    0x7f, 0x7f, 0x7f, 0x01, 0x7f, 0x60, 0x01, 0x7f, 0x00, 0x60, 0x00, 0x00, 0x02, 0x46,
    0x02, 0x16, 0x77, 0x61, 0x73, 0x69, 0x5f, 0x73, 0x6e, 0x61, 0x70, 0x73, 0x68, 0x6f,
    0x74, 0x5f, 0x70, 0x72, 0x65, 0x76, 0x69, 0x65, 0x77, 0x31, 0x08, 0x66, 0x64, 0x5f,
    0x77, 0x72, 0x69, 0x74, 0x65, 0x00, 0x00, 0x16, 0x77, 0x61, 0x73, 0x69, 0x5f, 0x73,
    0x6e, 0x61, 0x70, 0x73, 0x68, 0x6f, 0x74, 0x5f, 0x70, 0x72, 0x65, 0x76, 0x69, 0x65,
    0x77, 0x31, 0x09, 0x70, 0x72, 0x6f, 0x63, 0x5f, 0x65, 0x78, 0x69, 0x74, 0x00, 0x01,
    0x03, 0x02, 0x01, 0x02, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x13, 0x02, 0x06, 0x6d,
    0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x00, 0x06, 0x5f, 0x73, 0x74, 0x61, 0x72, 0x74,
    0x00, 0x02, 0x0a, 0x13, 0x01, 0x11, 0x00, 0x41, 0x01, 0x41, 0x00, 0x41, 0x01, 0x41,
    0x20, 0x10, 0x00, 0x1a, 0x41, 0x03, 0x10, 0x01, 0x0b, 0x0b, 0x23, 0x01, 0x00, 0x41,
    0x00, 0x0b, 0x1d, 0x08, 0x00, 0x00, 0x00, 0x15, 0x00, 0x00, 0x00, 0x68, 0x65, 0x6c,
    0x6c, 0x6f, 0x20, 0x66, 0x72, 0x6f, 0x6d, 0x20, 0x74, 0x68, 0x65, 0x20, 0x67, 0x75,
    0x65, 0x73, 0x74, 0x0a,
};

/* Reads a whole file. The result is the caller's; NULL if it cannot be read. */
static uint8_t *read_file(const char *path, size_t *size)
{
    uint8_t *bytes = NULL;
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        long end = ftell(file);
        rewind(file);
        bytes = end >= 0 ? (uint8_t *)malloc((size_t)end + 1) : NULL;
        if (bytes)
            *size = fread(bytes, 1, (size_t)end, file);
    }
    fclose(file);
    return bytes;
}

/* Instantiates a WASI program, which runs it. */
static wazero_error_t *run(wazero_runtime_t *runtime, const uint8_t *wasm, size_t size,
                           const char *const *args, size_t arg_count)
{
    wazero_module_config_t *config = NULL;
    wazero_module_t *module = NULL;

    wazero_error_t *error = wazero_module_config_new(&config);
    if (!error)
        error = wazero_module_config_set_args(config, args, arg_count);
    if (!error)
        error = wazero_module_config_inherit_stream(config, WAZERO_STDIN);
    if (!error)
        error = wazero_module_config_inherit_stream(config, WAZERO_STDOUT);
    if (!error)
        error = wazero_module_config_inherit_stream(config, WAZERO_STDERR);
    if (!error)
        error = wazero_runtime_instantiate(runtime, wasm, size, NULL, config, &module);
    wazero_module_delete(module);
    wazero_module_config_delete(config);
    return error;
}

int main(int argc, char **argv)
{
    static const char *const greeting_args[] = {"greeting"};
    wazero_runtime_t *runtime = NULL;
    uint8_t *file = NULL;
    size_t size = 0;
    int status = 0;

    if (argc > 1 && !(file = read_file(argv[1], &size))) {
        perror(argv[1]);
        return 1;
    }
    wazero_error_t *error = wazero_runtime_new(NULL, &runtime);
    if (!error && file)
        error =
            run(runtime, file, size, (const char *const *)argv + 1, (size_t)argc - 1);
    else if (!error)
        error = run(runtime, greeting, sizeof greeting, greeting_args, 1);

    if (error && wazero_error_kind(error) == WAZERO_ERROR_EXIT) {
        status = (int)wazero_error_exit_code(error);
    } else if (error) {
        fprintf(stderr, "%s\n", wazero_error_message(error, NULL));
        status = 1;
    }
    if (!file)
        printf("exit code %d\n", status);
    wazero_error_delete(error);
    wazero_runtime_delete(runtime);
    free(file);
    return file ? status : status != 3;
}

/* Output:
 * hello from the guest
 * exit code 3
 */
