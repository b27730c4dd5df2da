/* Memories: ranges, growth, limits, views across growth and close. */
#include "support.h"

static wazero_memory_t *get_memory(wazero_module_t *module)
{
    wazero_memory_t *memory;
    must(wazero_module_memory(module, "memory", WAZERO_CSTR, &memory));
    return memory;
}

TEST(read_and_write)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module = new_module(runtime, "memory", NULL, NULL);
    wazero_memory_t *memory = get_memory(module);
    char text[6] = "";
    must(wazero_memory_read(memory, 16, text, 5));
    CHECK_STR(text, "hello");
    must(wazero_memory_write(memory, 65535, "x", 1));
    CHECK_INT(CALL(module, "load", 65535), 'x');
    must(wazero_memory_read(memory, 65536, text, 0));
    CHECK_ERROR(wazero_memory_read(memory, 65532, text, 5), WAZERO_ERROR_INVALID,
                "5 bytes at offset 65532 of a memory of 65536 bytes");
    CHECK_ERROR(wazero_memory_write(memory, UINT64_MAX, "x", 1), WAZERO_ERROR_INVALID,
                "out of range");
    CHECK_ERROR(wazero_memory_read(memory, 1, text, SIZE_MAX), WAZERO_ERROR_INVALID,
                "out of range");
    CHECK_INT(wazero_memory_type(memory).min, 1);
    CHECK_INT(wazero_memory_type(memory).max, 5);
    wazero_memory_delete(memory);
    wazero_memory_delete(NULL);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

#define CHECK_NUMBER(type, name, given)                                                \
    do {                                                                               \
        type value_ = 0;                                                               \
        uint8_t raw_[sizeof(type)];                                                    \
        type expected_ = (type)(given);                                                \
        must(wazero_memory_write_##name(memory, 101, expected_));                      \
        must(wazero_memory_read(memory, 101, raw_, sizeof raw_));                      \
        CHECK_BYTES(raw_, sizeof raw_, &expected_, sizeof expected_);                  \
        must(wazero_memory_read_##name(memory, 101, &value_));                         \
        CHECK_BYTES(&value_, sizeof value_, &expected_, sizeof expected_);             \
        must(wazero_memory_write_##name(memory, 65536 - sizeof(type), expected_));     \
        must(wazero_memory_read_##name(memory, 65536 - sizeof(type), &value_));        \
        value_ = 0;                                                                    \
        CHECK_ERROR(wazero_memory_read_##name(memory, 65537 - sizeof(type), &value_),  \
                    WAZERO_ERROR_INVALID, "out of range");                             \
        CHECK(value_ == 0);                                                            \
        CHECK_ERROR(                                                                   \
            wazero_memory_write_##name(memory, 65537 - sizeof(type), expected_),       \
            WAZERO_ERROR_INVALID, "out of range");                                     \
        CHECK_ERROR(wazero_memory_read_##name(memory, UINT64_MAX, &value_),            \
                    WAZERO_ERROR_INVALID, "out of range");                             \
    } while (0)

TEST(numbers)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module = new_module(runtime, "memory", NULL, NULL);
    wazero_memory_t *memory = get_memory(module);
    uint8_t byte;
    uint32_t word = 9;
    CHECK_NUMBER(uint8_t, u8, 0xfe);
    CHECK_NUMBER(uint16_t, u16_le, 0xfedc);
    CHECK_NUMBER(uint32_t, u32_le, 0xfedcba98);
    CHECK_NUMBER(uint64_t, u64_le, 0xfedcba9876543210);
    CHECK_NUMBER(float, f32_le, -1.5);
    CHECK_NUMBER(double, f64_le, 6.02e23);
    must(wazero_memory_write_u32_le(memory, 3, 0x11223344));
    must(wazero_memory_read_u8(memory, 3, &byte));
    CHECK_INT(byte, 0x44);
    CHECK_INT(CALL(module, "load", 6), 0x11);
    must(wazero_module_close_with_exit_code(module, 0));
    CHECK_ERROR(wazero_memory_read_u32_le(memory, 3, &word), WAZERO_ERROR_CLOSED,
                "closed");
    CHECK_ERROR(wazero_memory_write_f64_le(memory, 3, 1), WAZERO_ERROR_CLOSED,
                "closed");
    CHECK_INT(word, 9);
    wazero_memory_delete(memory);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

static void check_growth(wazero_runtime_t *runtime)
{
    wazero_module_t *module = new_module(runtime, "memory", NULL, NULL);
    wazero_memory_t *memory = get_memory(module);
    const uint8_t *base = wazero_memory_data(memory);
    uint32_t old;
    CHECK_INT(wazero_memory_pages(memory), 1);
    must(wazero_memory_grow(memory, 2, &old));
    CHECK_INT(old, 1);
    CHECK_INT(wazero_memory_size(memory), 3 * WAZERO_PAGE_SIZE);
    CHECK_INT(CALL(module, "size"), 3);
    CHECK_INT(CALL(module, "grow", 1), 3);
    CHECK_INT(wazero_memory_pages(memory), 4);
    CHECK_INT(CALL(module, "grow", 2), -1);
    CHECK_ERROR(wazero_memory_grow(memory, 2, &old), WAZERO_ERROR_INVALID,
                "4 pages cannot grow by 2");
    CHECK_ERROR(wazero_memory_grow(memory, UINT32_MAX, &old), WAZERO_ERROR_INVALID,
                "cannot grow");
    must(wazero_memory_grow(memory, 0, &old));
    CHECK_INT(old, 4);
    CHECK(wazero_memory_data(memory) == base);
    CHECK_INT(CALL(module, "load", 4 * 65536 - 1), 0);
    wazero_memory_delete(memory);
    wazero_module_delete(module);
}

TEST_ON_BOTH_ENGINES(growth, check_growth)

TEST(limit_of_the_runtime)
{
    wasm_t wasm = wasm_fixture("memory");
    wazero_runtime_config_t *config;
    wazero_runtime_t *runtime;
    wazero_module_t *module;
    must(wazero_runtime_config_new(&config));
    CHECK_ERROR(wazero_runtime_config_set_memory_limit_pages(config, 65537),
                WAZERO_ERROR_INVALID, "over 65536");
    must(wazero_runtime_config_set_memory_limit_pages(config, 2));
    must(wazero_runtime_new(config, &runtime));
    must(
        wazero_runtime_instantiate(runtime, wasm.data, wasm.size, NULL, NULL, &module));
    CHECK_INT(CALL(module, "grow", 1), 1);
    CHECK_INT(CALL(module, "grow", 1), -1);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
    must(wazero_runtime_config_set_memory_limit_pages(config, 0));
    must(wazero_runtime_new(config, &runtime));
    CHECK_ERROR(
        wazero_runtime_instantiate(runtime, wasm.data, wasm.size, NULL, NULL, &module),
        WAZERO_ERROR_COMPILE, "min 1 pages (64 Ki) over limit of 0 pages (0 Ki)");
    wazero_runtime_delete(runtime);
    wazero_runtime_config_delete(config);
}

TEST(views_stay)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module = new_module(runtime, "memory", NULL, NULL);
    wazero_memory_t *memory = get_memory(module);
    wazero_memory_view_t *view, *late;
    must(wazero_memory_view_new(memory, &view));
    uint8_t *data = wazero_memory_view_data(view);
    CHECK_INT(wazero_memory_view_size(view), WAZERO_PAGE_SIZE);
    CHECK_INT(CALL(module, "grow", 4), 1);
    data[16] = 'j';
    CHECK_INT(CALL(module, "load", 16), 'j');
    must(wazero_module_close_with_exit_code(module, 0));
    CHECK_INT(wazero_memory_size(memory), 0);
    CHECK(!wazero_memory_data(memory));
    CHECK_ERROR(wazero_memory_view_new(memory, &late), WAZERO_ERROR_CLOSED, "closed");
    CHECK_ERROR(wazero_memory_read(memory, 0, data, 1), WAZERO_ERROR_CLOSED, "closed");
    wazero_memory_delete(memory);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
    CHECK(memcmp(data + 16, "jello", 5) == 0);
    data[0] = 1;
    wazero_memory_view_delete(view);
    wazero_memory_view_delete(NULL);
}

TEST(no_memory)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module = new_module(runtime, "add", NULL, NULL);
    wazero_memory_t *memory;
    CHECK_ERROR(wazero_module_memory(module, NULL, 0, &memory), WAZERO_ERROR_INVALID,
                "has no memory");
    CHECK_ERROR(wazero_module_memory(module, "add", WAZERO_CSTR, &memory),
                WAZERO_ERROR_INVALID, "exports \"add\" as a function, not as a memory");
    wazero_module_delete(module);
    module =
        new_module(runtime, "traps", NULL, NULL); /* has one that it does not export */
    must(wazero_module_memory(module, NULL, 0, &memory));
    CHECK_INT(wazero_memory_pages(memory), 1);
    wazero_memory_delete(memory);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

TEST_MAIN
