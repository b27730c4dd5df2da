/*
 * run.c - runs a WASI program in one call: run [FILE.wasm [ARG...]]
 *
 * What the program writes is captured, up to a limit, and it has five seconds. Without
 * a file it runs the module below, which never stops writing.
 */
#include <stdio.h>
#include <stdlib.h>

#include <wazero.h>

/* (module
 *   (import "wasi_snapshot_preview1" "fd_write"
 *     (func $fd_write (param i32 i32 i32 i32) (result i32)))
 *   (memory (export "memory") 1)
 *   (data (i32.const 0) "\08\00\00\00\0a\00\00\00for ever?\0a")
 *   (func (export "_start")
 *     (loop $again
 *       (drop
 *         (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))
 *       (br $again))))
 */
static const uint8_t for_ever[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x0c, 0x02, 0x60, 0x04, 0x7f,
    0x7f, 0x7f, 0x7f, 0x01, 0x7f, 0x60, 0x00, 0x00, 0x02, 0x23, 0x01, 0x16, 0x77, 0x61,
    0x73, 0x69, 0x5f, 0x73, 0x6e, 0x61, 0x70, 0x73, 0x68, 0x6f, 0x74, 0x5f, 0x70, 0x72,
    0x65, 0x76, 0x69, 0x65, 0x77, 0x31, 0x08, 0x66, 0x64, 0x5f, 0x77, 0x72, 0x69, 0x74,
    0x65, 0x00, 0x00, 0x03, 0x02, 0x01, 0x01, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x13,
    0x02, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x00, 0x06, 0x5f, 0x73, 0x74,
    0x61, 0x72, 0x74, 0x00, 0x01, 0x0a, 0x14, 0x01, 0x12, 0x00, 0x03, 0x40, 0x41, 0x01,
    0x41, 0x00, 0x41, 0x01, 0x41, 0x20, 0x10, 0x00, 0x1a, 0x0c, 0x00, 0x0b, 0x0b, 0x0b,
    0x18, 0x01, 0x00, 0x41, 0x00, 0x0b, 0x12, 0x08, 0x00, 0x00, 0x00, 0x0a, 0x00, 0x00,
    0x00, 0x66, 0x6f, 0x72, 0x20, 0x65, 0x76, 0x65, 0x72, 0x3f, 0x0a,
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

/* What the program gets, and within which limits. */
static wazero_error_t *prepare(wazero_run_options_t *options, const char *const *args,
                               size_t count)
{
    wazero_module_config_t *config = wazero_run_options_module(options);
    wazero_run_options_capture(options, WAZERO_STDOUT, true);
    wazero_run_options_capture(options, WAZERO_STDERR, true);
    wazero_module_config_set_timeout(config, UINT64_C(5000000000));
    wazero_module_config_set_output_limit(config, 30);
    wazero_error_t *error = wazero_runtime_config_set_memory_limit_pages(
        wazero_run_options_runtime(options), 1024);
    if (!error)
        error = wazero_module_config_set_args(config, args, count);
    return error;
}

int main(int argc, char **argv)
{
    static const char *const no_args[] = {"for_ever"};
    wazero_run_options_t *options = NULL;
    wazero_run_result_t *result = NULL;
    uint8_t *file = NULL;
    size_t size = sizeof for_ever, written = 0;
    const char *output;

    if (argc > 1 && !(file = read_file(argv[1], &size))) {
        perror(argv[1]);
        return 1;
    }
    wazero_error_t *error = wazero_run_options_new(&options);
    if (!error && file)
        error = prepare(options, (const char *const *)argv + 1, (size_t)argc - 1);
    else if (!error)
        error = prepare(options, no_args, 1);
    if (!error)
        error = wazero_run(options, file ? file : for_ever, size, &result);

    if (!error) {
        output = wazero_run_result_output(result, WAZERO_STDOUT, &written);
        printf("%sexit code %u, %llu bytes written\n", output,
               wazero_run_result_exit_code(result),
               (unsigned long long)wazero_run_result_usage(result)->bytes_written);
    } else {
        output = wazero_error_output(error, WAZERO_STDOUT, &written);
        printf("%sended: %s\n", output ? output : "",
               wazero_error_kind(error) == WAZERO_ERROR_OUTPUT_LIMIT
                   ? "it wrote too much"
                   : wazero_error_message(error, NULL));
    }
    wazero_error_delete(error);
    wazero_run_result_delete(result);
    wazero_run_options_delete(options);
    free(file);
    return 0;
}

/* Output:
 * for ever?
 * for ever?
 * for ever?
 * ended: it wrote too much
 */
