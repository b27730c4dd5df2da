/* What the parser refuses because wazero does not look at it, or reads it otherwise. */
#include "parse_support.h"

TEST(constant_expressions_of_globals)
{
    for (uint8_t is_mutable = 0; is_mutable < 2; is_mutable++) {
        static const uint8_t sections[] = {4, 6, 9, 11};
        for (size_t i = 0; i < sizeof sections; i++) {
            bytes_t m = new_module();
            SECTION(&m, 2, 1, 0, 0, 3, 0x7f, is_mutable);
            if (sections[i] == 4) /* a table with an initial value */
                SECTION(&m, 4, 1, 0x40, 0, 0x70, 0, 1, 0x23, 0, 0x0b);
            else if (sections[i] == 6)
                SECTION(&m, 6, 1, 0x7f, 0, 0x23, 0, 0x0b);
            else
                SECTION(&m, sections[i], 1, 0, 0x23, 0, 0x0b, 0);
            wazero__parse_limits_t limits = DEFAULTS;
            limits.features |= WAZERO_FEATURE_TYPED_FUNCTION_REFERENCES;
            if (is_mutable)
                REFUSED_WITH(&m, &limits, "global[0] is mutable, so a constant");
            else
                wazero__parsed_delete(parse_with(&m, &limits));
        }
    }
    SECTION_REFUSED("unexpected end in a constant expression", 6, 1, 0x7f, 0, 0x23);
}

/* A module with a global of the given type that is null of a heap type. */
static bytes_t null_module(uint8_t type, uint8_t heap)
{
    bytes_t m = new_module();
    SECTION(&m, 1, 1, 0x60, 0, 0);
    SECTION(&m, 6, 1, type, 0, 0xd0, heap, 0x0b);
    return m;
}

TEST(null_in_constant_expressions)
{
    enum { TYPED = 1, EXCEPTIONS = 2 };
    static const struct {
        uint8_t type, heap;
        unsigned features;
        const char *part; /* of the message; NULL if it is accepted */
    } cases[] = {
        {0x70, 0x70, 0, NULL},
        {0x6f, 0x6f, 0, NULL},
        {0x70, 0x40, TYPED, "ref.null of the unknown heap type -64"},
        {0x70, 0, 0, "ref.null of a type index needs the feature"},
        {0x70, 0, TYPED, NULL},
        {0x70, 1, TYPED, "ref.null of the unknown heap type 1"},
        {0x70, 0x69, TYPED, "ref.null of the unknown heap type -23"},
        {0x69, 0x69, EXCEPTIONS, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wazero__parse_limits_t limits = DEFAULTS;
        bytes_t m = null_module(cases[i].type, cases[i].heap);
        limits.features = WAZERO_FEATURES_V2;
        if (cases[i].features & TYPED)
            limits.features |= WAZERO_FEATURE_TYPED_FUNCTION_REFERENCES;
        if (cases[i].features & EXCEPTIONS)
            limits.features |= WAZERO_FEATURE_EXCEPTION_HANDLING;
        if (cases[i].part)
            REFUSED_WITH(&m, &limits, cases[i].part);
        else
            wazero__parsed_delete(parse_with(&m, &limits));
    }
}

/* The bits of a signed number that are more than its type has are the sign. */
TEST(signed_numbers)
{
    static const struct {
        uint8_t last;
        bool fits32, fits64;
    } cases[] = {{0x00, true, true},   {0x7f, true, true},   {0x07, true, false},
                 {0x78, true, false},  {0x08, false, false}, {0x40, false, false},
                 {0x70, false, false}, {0x01, true, false},  {0x7e, true, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t last = cases[i].last;
        uint8_t code32[] = {0, 0x41, 0x80, 0x80, 0x80, 0x80, last, 0x1a, 0x0b};
        uint8_t code64[] = {0,    0x42, 0x80, 0x80, 0x80, 0x80, 0x80,
                            0x80, 0x80, 0x80, 0x80, last, 0x1a, 0x0b};
        bytes_t m = function_module(code32, sizeof code32);
        if (cases[i].fits32)
            wazero__parsed_delete(parse(&m));
        else
            REFUSED(&m, "what follows opcode 0x41 is cut off or malformed");
        m = function_module(code64, sizeof code64);
        if (cases[i].fits64)
            wazero__parsed_delete(parse(&m));
        else
            REFUSED(&m, "what follows opcode 0x42 is cut off or malformed");
    }
    SECTION_REFUSED("a number in a constant expression is too long or too large", 6, 1,
                    0x7f, 0, 0x41, 0x80, 0x80, 0x80, 0x80, 0x40, 0x0b);
}

TEST(operands_that_wazero_reads_differently)
{
    CODE_ACCEPTED(0, 0xfd, 0x80, 0x01, 0x0b);
    CODE_REFUSED("opcode 0xfd 0x80 0x00 is unknown, or not in its shortest form", 0,
                 0xfd, 0x80, 0x00, 0x0b);
    CODE_REFUSED("opcode 0xfd 0xe9 0x0b is unknown", 0, 0xfd, 0xe9, 0x0b);
    CODE_REFUSED("relaxed SIMD", 0, 0xfd, 0x80, 0x02, 0x0b);
    CODE_ACCEPTED(0, 0xd0, 0x70, 0x0b);
    CODE_ACCEPTED(0, 0xd0, 0x6f, 0x0b);
    CODE_REFUSED("ref.null of an unknown heap type", 0, 0xd0, 0x40, 0x0b);
    wazero__parse_limits_t limits = DEFAULTS;
    limits.features = WAZERO_FEATURES_V2;
    bytes_t m = function_module((const uint8_t[]){0, 0xd0, 0x69, 0x0b}, 4);
    REFUSED_WITH(&m, &limits, "ref.null of an unknown heap type");
}

TEST_MAIN
