/* Names: UTF-8 as the Unicode standard has it, copies, and names of types. */
#include "support.h"
#include "text.h"
#include "value.h"

static bool is_utf8(const char *text)
{
    return wazero__text_is_utf8(text, strlen(text));
}

TEST(utf8)
{
    CHECK(is_utf8("") && is_utf8("plain") && is_utf8("gr\xc3\xbc\xc3\x9f"));
    CHECK(is_utf8("\xe2\x82\xac") && is_utf8("\xf0\x9f\x98\x80"));
    CHECK(is_utf8("\xed\x9f\xbf") && is_utf8("\xee\x80\x80") &&
          is_utf8("\xf4\x8f\xbf\xbf"));
    CHECK(wazero__text_is_utf8("a\0b", 3));
    CHECK(!is_utf8("\x80") && !is_utf8("\xc3") && !is_utf8("\xc0\x80"));
    CHECK(!is_utf8("\xe0\x9f\xbf") && !is_utf8("\xed\xa0\x80"));
    CHECK(!is_utf8("\xf0\x8f\xbf\xbf") && !is_utf8("\xf4\x90\x80\x80"));
    CHECK(!is_utf8("\xf5\x80\x80\x80") && !is_utf8("\xe2\x82") && !is_utf8("\xff"));
    CHECK(!is_utf8("\xe2\x28\xa1") && !is_utf8("\xf0\x9f\x98\x28"));
}

TEST(copy)
{
    wazero__text_t text;
    must(wazero__text_copy(&text, "name", WAZERO_CSTR, "it"));
    CHECK_STR(text.data, "name");
    CHECK_INT(text.size, 4);
    wazero__text_clear(&text);
    CHECK(!text.data);
    must(wazero__text_copy(&text, NULL, 0, "it"));
    CHECK_STR(text.data, "");
    wazero__text_clear(&text);
    CHECK_ERROR(wazero__text_copy(&text, NULL, WAZERO_CSTR, "it"), WAZERO_ERROR_INVALID,
                "it must not be NULL");
    CHECK_ERROR(wazero__text_copy(&text, "\xff", 1, "it"), WAZERO_ERROR_INVALID,
                "it is not valid UTF-8");
}

TEST(show)
{
    char text[12];
    wazero__text_show("plain", 5, text, sizeof text);
    CHECK_STR(text, "plain");
    wazero__text_show("a\0b", 3, text, sizeof text);
    CHECK_STR(text, "a\\0b");
    wazero__text_show("much too long a name", 20, text, sizeof text);
    CHECK_STR(text, "much too...");
    wazero__text_show(NULL, 0, text, sizeof text);
    CHECK_STR(text, "");
}

TEST(type_names)
{
    CHECK_STR(wazero_value_type_name(WAZERO_TYPE_I32), "i32");
    CHECK_STR(wazero_value_type_name(WAZERO_TYPE_EXTERNREF), "externref");
    CHECK_STR(wazero_value_type_name(0), "unknown");
    CHECK_STR(wazero_extern_kind_name(WAZERO_EXTERN_TAG), "tag");
    CHECK_STR(wazero_extern_kind_name((wazero_extern_kind_t)5), "unknown");
}

TEST(typed_references)
{
    static const struct {
        wazero_value_type_t type;
        wazero_typed_reference_t reference;
        const char *text;
    } expected[] = {
        {WAZERO_TYPE_REF, {true, WAZERO_TYPE_REF, 3}, "(ref null 3)"},
        {WAZERO_TYPE_REF, {false, WAZERO_TYPE_REF, 999999}, "(ref 999999)"},
        {WAZERO_TYPE_REF, {false, WAZERO_TYPE_FUNCREF, 0}, "(ref func)"},
        {WAZERO_TYPE_REF, {false, WAZERO_TYPE_EXTERNREF, 0}, "(ref extern)"},
        {WAZERO_TYPE_REF, {false, WAZERO_TYPE_EXNREF, 0}, "(ref exn)"},
        {WAZERO_TYPE_REF, {true, WAZERO_TYPE_REF, UINT32_MAX}, "(ref null 4294967295)"},
        {WAZERO_TYPE_REF, {0}, "ref"},
        {WAZERO_TYPE_I32, {true, WAZERO_TYPE_REF, 3}, "i32"},
        {0, {0}, "unknown"},
    };
    char text[24], small[6];
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        size_t size = wazero_value_type_text(expected[i].type, &expected[i].reference,
                                             text, sizeof text);
        CHECK_STR(text, expected[i].text);
        CHECK_INT(size, strlen(expected[i].text));
    }
    CHECK_INT(wazero_value_type_text(WAZERO_TYPE_REF, NULL, text, sizeof text), 3);
    CHECK_STR(text, "ref");
    CHECK_INT(wazero_value_type_text(WAZERO_TYPE_REF, &expected[0].reference, small,
                                     sizeof small),
              12);
    CHECK_STR(small, "(ref ");
    CHECK_INT(wazero_value_type_text(WAZERO_TYPE_REF, &expected[0].reference, NULL, 0),
              12);
    static const wazero_value_type_t types[] = {WAZERO_TYPE_I32, WAZERO_TYPE_REF};
    const wazero_typed_reference_t references[] = {{0}, expected[0].reference};
    const wazero_function_type_t type = {.params = types,
                                         .param_count = 2,
                                         .param_references = references,
                                         .results = types,
                                         .result_count = 1};
    char all[64];
    wazero__type_describe(&type, all, sizeof all);
    CHECK_STR(all, "(i32, (ref null 3)) -> (i32)");
}

TEST(describe)
{
    static const wazero_value_type_t types[] = {WAZERO_TYPE_I32, WAZERO_TYPE_V128};
    wazero_function_type_t type = {
        .params = types, .param_count = 2, .results = types, .result_count = 1};
    char text[64], small[10];
    wazero__type_describe(&type, text, sizeof text);
    CHECK_STR(text, "(i32, v128) -> (i32)");
    wazero__type_describe(&type, small, sizeof small);
    CHECK_STR(small, "(i32, v12");
    CHECK_INT(wazero__type_slots(types, 2), 3);
}

TEST_MAIN
