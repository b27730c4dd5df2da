/* The names of features. */
#include "support.h"

TEST(names)
{
    CHECK_STR(wazero_feature_name(WAZERO_FEATURE_SIMD), "simd");
    CHECK_STR(wazero_feature_name(WAZERO_FEATURE_BULK_MEMORY_OPERATIONS),
              "bulk-memory-operations");
    CHECK_STR(wazero_feature_name(WAZERO_FEATURE_NON_TRAPPING_FLOAT_TO_INT_CONVERSION),
              "nontrapping-float-to-int-conversion");
    CHECK_STR(wazero_feature_name(WAZERO_FEATURE_TYPED_FUNCTION_REFERENCES),
              "typed-function-references");
    CHECK_STR(wazero_feature_name(0), "");
    CHECK_STR(wazero_feature_name(WAZERO_FEATURES_V2), "");
    CHECK_STR(wazero_feature_name((wazero_features_t)1 << 12), "");
    CHECK_STR(wazero_feature_name((wazero_features_t)1 << 63), "");
}

TEST(text)
{
    char text[512], small[8];
    CHECK_INT(wazero_features_text(0, text, sizeof text), 0);
    CHECK_STR(text, "");
    CHECK_INT(wazero_features_text(WAZERO_FEATURES_V1, text, sizeof text), 14);
    CHECK_STR(text, "mutable-global");
    wazero_features_text(WAZERO_FEATURES_V2, text, sizeof text);
    CHECK_STR(text, "bulk-memory-operations|multi-value|mutable-global|"
                    "nontrapping-float-to-int-conversion|reference-types|"
                    "sign-extension-ops|simd");
    wazero_features_text(UINT64_MAX, text, sizeof text);
    CHECK_CONTAINS(text, "|simd|threads|tail-call|extended-const|exception-handling|"
                         "typed-function-references");
    CHECK_INT(wazero_features_text(WAZERO_FEATURE_SIMD | WAZERO_FEATURE_THREADS, small,
                                   sizeof small),
              12);
    CHECK_STR(small, "simd|th");
    CHECK_INT(wazero_features_text(WAZERO_FEATURE_SIMD, NULL, 0), 4);
}

TEST(parsing)
{
    char text[512];
    wazero_features_t features = 0;
    wazero_features_text(WAZERO_FEATURES_ALL, text, sizeof text);
    must(wazero_features_parse(text, WAZERO_CSTR, &features));
    CHECK_INT(features, WAZERO_FEATURES_ALL);
    must(wazero_features_parse("", 0, &features));
    CHECK_INT(features, 0);
    must(wazero_features_parse("TAIL_CALL|simd!", 14, &features));
    CHECK_INT(features, WAZERO_FEATURE_TAIL_CALL | WAZERO_FEATURE_SIMD);
    CHECK_ERROR(wazero_features_parse("simd|nope", WAZERO_CSTR, &features),
                WAZERO_ERROR_INVALID,
                "no feature is called \"nope\"; there are bulk-memory-operations|");
    CHECK_ERROR(wazero_features_parse("simd||threads", WAZERO_CSTR, &features),
                WAZERO_ERROR_INVALID, "no feature is called \"\"");
    CHECK_ERROR(wazero_features_parse(NULL, 0, &features), WAZERO_ERROR_INVALID,
                "NULL");
    CHECK_INT(features, WAZERO_FEATURE_TAIL_CALL | WAZERO_FEATURE_SIMD);
}

TEST(requiring)
{
    must(wazero_features_require(WAZERO_FEATURES_V2, WAZERO_FEATURE_SIMD));
    must(wazero_features_require(WAZERO_FEATURES_V1, WAZERO_FEATURES_V2)); /* any */
    CHECK_ERROR(wazero_features_require(WAZERO_FEATURES_V1, WAZERO_FEATURE_SIMD),
                WAZERO_ERROR_INVALID, "feature \"simd\" is disabled");
    CHECK_ERROR(
        wazero_features_require(0, WAZERO_FEATURE_SIMD | WAZERO_FEATURE_THREADS),
        WAZERO_ERROR_INVALID, "feature \"simd|threads\" is disabled");
}

TEST_MAIN
