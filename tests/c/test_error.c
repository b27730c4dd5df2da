/* Errors: what the text of the engine is taken apart into, prefixes, payloads. */
#include "error.h"
#include "support.h"

static wazero_error_t *from_engine(wazero_error_kind_t kind, const char *text)
{
    return wazero__error_from_engine((int32_t)kind, text, strlen(text), 0);
}

static void check_frame(const wazero_error_t *error, size_t index, const char *module,
                        const char *function, const char *signature, const char *source)
{
    const wazero_frame_t *frame = wazero_error_frame(error, index);
    if (!CHECK(frame != NULL))
        return;
    CHECK_STR(frame->module, module);
    CHECK_STR(frame->function, function);
    CHECK_STR(frame->signature, signature);
    CHECK_STR(frame->source, source);
}

TEST(frames_with_sources)
{
    wazero_error_t *error =
        from_engine(WAZERO_ERROR_TRAP, "wasm error: integer divide by zero\n"
                                       "wasm stack trace:\n"
                                       "\tmain.inner(i32,i64) (f32,f64)\n"
                                       "\t\t0x12: /src/a.c:3:4 (inlined)\n"
                                       "\t\t      /src/b.c:5:6\n"
                                       "\tmain.operator()(int)(i32) i32\n"
                                       "\t.$7()\n"
                                       "\t... maybe followed by omitted frames");
    CHECK_INT(wazero_error_trap_code(error), WAZERO_TRAP_INTEGER_DIVIDE_BY_ZERO);
    CHECK_INT(wazero_error_frame_count(error), 3);
    check_frame(error, 0, "main", "inner", "(i32,i64) (f32,f64)",
                "0x12: /src/a.c:3:4 (inlined)\n      /src/b.c:5:6");
    check_frame(error, 1, "main", "operator()(int)", "(i32) i32", "");
    check_frame(error, 2, "", "$7", "()", "");
    wazero_error_delete(error);
}

TEST(odd_traces)
{
    static const char *const texts[] = {"wasm stack trace:",
                                        "wasm stack trace:\n",
                                        "wasm stack trace:\n\t",
                                        "wasm stack trace:\n\t\t",
                                        "x\nwasm stack trace:\n\t(\n\t)\n\t.\n\t. (",
                                        "wasm stack trace:\n\tnothing at all\nand more",
                                        ""};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        wazero_error_t *error = from_engine(WAZERO_ERROR_TRAP, texts[i]);
        CHECK_STR(wazero_error_message(error, NULL), texts[i]);
        CHECK_INT(wazero_error_trap_code(error), WAZERO_TRAP_NONE);
        for (size_t j = 0; j < wazero_error_frame_count(error); j++)
            CHECK(wazero_error_frame(error, j)->function != NULL);
        wazero_error_delete(error);
    }
}

TEST(every_trap_code)
{
    char text[64];
    for (int code = 1; code <= WAZERO_TRAP_NULL_REFERENCE; code++) {
        snprintf(text, sizeof text, "wasm error: %s\nwasm stack trace:\n\t.$0()",
                 wazero_trap_code_text((wazero_trap_code_t)code));
        wazero_error_t *error = from_engine(WAZERO_ERROR_TRAP, text);
        CHECK_INT(wazero_error_trap_code(error), code);
        CHECK_INT(wazero_error_frame_count(error), 1);
        wazero_error_delete(error);
    }
    CHECK_STR(wazero_trap_code_text((wazero_trap_code_t)99), "");
    CHECK_STR(wazero_trap_code_text((wazero_trap_code_t)-1), "");
}

TEST(trap_codes_of_segments)
{
    static const struct {
        const char *text;
        wazero_trap_code_t code;
    } cases[] = {
        {"data[3]: out of bounds memory access",
         WAZERO_TRAP_OUT_OF_BOUNDS_MEMORY_ACCESS},
        {"element[0].init exceeds min table size", WAZERO_TRAP_INVALID_TABLE_ACCESS},
        {"data[3", WAZERO_TRAP_NONE},
        {"data[3]: something else", WAZERO_TRAP_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wazero_error_t *error = from_engine(WAZERO_ERROR_TRAP, cases[i].text);
        CHECK_INT(wazero_error_trap_code(error), cases[i].code);
        wazero_error_delete(error);
    }
}

TEST(prefix)
{
    wazero_error_t *error = wazero__error(WAZERO_ERROR_LINK, "no %s", "luck");
    error = wazero__error_prefix(error, "module[%s]: ", "m");
    size_t size;
    CHECK_STR(wazero_error_message(error, &size), "module[m]: no luck");
    CHECK_INT(size, 18);
    CHECK_INT(wazero_error_kind(error), WAZERO_ERROR_LINK);
    wazero_error_delete(error);
}

static void count(void *payload)
{
    ++*(int *)payload;
}

TEST(merge_moves_the_payload)
{
    int deletions = 0;
    wazero_error_t *cause =
        wazero_error_new_host("cause", WAZERO_CSTR, &deletions, count);
    wazero_error_t *outer = from_engine(
        WAZERO_ERROR_HOST, "cause (recovered by wazero)\nwasm stack trace:\n\ta.b()");
    wazero_error_t *error = wazero__error_merge(cause, outer);
    CHECK(wazero_error_payload(error) == &deletions);
    CHECK_INT(wazero_error_frame_count(error), 1);
    CHECK_INT(deletions, 0);
    wazero_error_delete(error);
    CHECK_INT(deletions, 1);
}

TEST(exit_and_memory)
{
    wazero_error_t *error = wazero_error_new_exit(7);
    CHECK_INT(wazero_error_exit_code(error), 7);
    CHECK(wazero__error_closes_caller(error));
    CHECK_STR(wazero_error_message(error, NULL), "module closed with exit_code(7)");
    wazero_error_delete(error);
    error = wazero_error_new_exit(WAZERO_EXIT_CODE_CONTEXT_CANCELED);
    CHECK_STR(wazero_error_message(error, NULL), "module closed with context canceled");
    wazero_error_delete(error);
    error = wazero_error_new_exit(WAZERO_EXIT_CODE_DEADLINE_EXCEEDED);
    CHECK_STR(wazero_error_message(error, NULL),
              "module closed with context deadline exceeded");
    CHECK_INT(wazero_error_exit_code(error), 0xefffffff);
    wazero_error_delete(error);
    error = wazero__error(WAZERO_ERROR_TIMEOUT, "t");
    CHECK_INT(wazero_error_exit_code(error), WAZERO_EXIT_CODE_DEADLINE_EXCEEDED);
    wazero_error_delete(error);
    error = wazero__error(WAZERO_ERROR_INTERRUPTED, "i");
    CHECK_INT(wazero_error_exit_code(error), WAZERO_EXIT_CODE_CONTEXT_CANCELED);
    wazero_error_delete(error);
    error = wazero__error_memory();
    CHECK_INT(wazero_error_kind(error), WAZERO_ERROR_MEMORY);
    CHECK_STR(wazero_error_message(error, NULL), "out of memory");
    CHECK(wazero__error_prefix(error, "x") == error);
    wazero_error_delete(error);
    wazero_error_delete(NULL);
}

TEST_MAIN
