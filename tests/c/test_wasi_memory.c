/* The accessor of the guest's memory: pointers, lengths, lists of buffers, paths. */
#include "test.h"
#include "wasi/memory.h"

enum { SIZE = 1024 };

/* On the heap, exactly as large as it says: ASan sees the first byte behind it. */
static wazero__guest_t new_guest(void)
{
    wazero__guest_t guest = {calloc(1, SIZE), SIZE};
    if (!guest.base)
        abort();
    return guest;
}

TEST(places)
{
    wazero__guest_t guest = new_guest();
    CHECK(wazero__guest_at(&guest, 0, 0) == guest.base);
    CHECK(wazero__guest_at(&guest, 0, SIZE) == guest.base);
    CHECK(wazero__guest_at(&guest, SIZE, 0) == guest.base + SIZE);
    CHECK(wazero__guest_at(&guest, SIZE - 4, 4) == guest.base + SIZE - 4);
    CHECK(!wazero__guest_at(&guest, SIZE - 3, 4));
    CHECK(!wazero__guest_at(&guest, SIZE, 1));
    CHECK(!wazero__guest_at(&guest, SIZE + 1, 0));
    CHECK(!wazero__guest_at(&guest, 0, SIZE + 1));
    CHECK(!wazero__guest_at(&guest, UINT32_MAX, 1));
    CHECK(!wazero__guest_at(&guest, UINT32_MAX, UINT64_MAX)); /* the sum is small */
    CHECK(!wazero__guest_at(&guest, 8, UINT64_MAX - 7));
    /* What is above an i32 is garbage. */
    CHECK(wazero__guest_at(&guest, UINT64_C(0xdeadbeef00000010), 4) == guest.base + 16);
    CHECK_INT(wazero__slot_u32(UINT64_C(0xdeadbeef00000010)), 16);
    free(guest.base);
}

TEST(a_memory_of_four_gigabytes)
{
    const wazero__guest_t guest = {(uint8_t *)4096, UINT64_C(1) << 32};
    CHECK(wazero__guest_at(&guest, UINT32_MAX, 1) != NULL);
    CHECK(!wazero__guest_at(&guest, UINT32_MAX, 2));
    CHECK(wazero__guest_at(&guest, 0, UINT64_C(1) << 32) != NULL);
    CHECK(!wazero__guest_at(&guest, 1, UINT64_C(1) << 32));
}

TEST(no_memory)
{
    const wazero__guest_t guest = {NULL, 0};
    CHECK(!wazero__guest_at(&guest, 0, 1));
    CHECK(!wazero__guest_at(&guest, 0, 0));
}

TEST(numbers)
{
    wazero__guest_t guest = new_guest();
    wazero__put_u64(guest.base + 1, UINT64_C(0x0102030405060708)); /* not aligned */
    CHECK_INT(guest.base[1], 8);
    CHECK_INT(guest.base[8], 1);
    CHECK(wazero__get_u64(guest.base + 1) == UINT64_C(0x0102030405060708));
    CHECK_INT(wazero__get_u32(guest.base + 1), 0x05060708);
    CHECK_INT(wazero__get_u16(guest.base + 1), 0x0708);
    free(guest.base);
}

static void put_vector(wazero__guest_t *guest, size_t index, uint32_t at, uint32_t size)
{
    wazero__put_u32(guest->base + 8 * index, at);
    wazero__put_u32(guest->base + 8 * index + 4, size);
}

TEST(lists_of_buffers)
{
    wazero__guest_t guest = new_guest();
    struct iovec parts[WAZERO__PARTS_MAX];
    int used = -1;
    put_vector(&guest, 0, 100, 10);
    put_vector(&guest, 1, 0xffffffff, 0); /* nothing, wherever that is */
    put_vector(&guest, 2, SIZE - 1, 1);
    put_vector(&guest, 3, 0, SIZE); /* overlaps all others, and the list */
    CHECK_INT(wazero__guest_parts(&guest, 0, 4, parts, &used), WASI_SUCCESS);
    CHECK_INT(used, 3);
    CHECK(parts[0].iov_base == guest.base + 100 && parts[0].iov_len == 10);
    CHECK(parts[1].iov_base == guest.base + SIZE - 1 && parts[1].iov_len == 1);
    CHECK(parts[2].iov_base == guest.base && parts[2].iov_len == SIZE);
    CHECK_INT(wazero__guest_parts(&guest, 0, 0, parts, &used), WASI_SUCCESS);
    CHECK_INT(used, 0);
    /* One that is wrong spoils all, wherever it is. */
    put_vector(&guest, 3, SIZE - 1, 2);
    CHECK_INT(wazero__guest_parts(&guest, 0, 4, parts, &used), WASI_FAULT);
    put_vector(&guest, 3, 8, 0xffffffff);
    CHECK_INT(wazero__guest_parts(&guest, 0, 4, parts, &used), WASI_FAULT);
    /* The list itself. */
    CHECK_INT(wazero__guest_parts(&guest, SIZE - 7, 1, parts, &used), WASI_FAULT);
    CHECK_INT(wazero__guest_parts(&guest, 0, SIZE / 8 + 1, parts, &used), WASI_FAULT);
    CHECK_INT(wazero__guest_parts(&guest, 0xffffffff, 1, parts, &used), WASI_FAULT);
    CHECK_INT(wazero__guest_parts(&guest, 0, 0xffffffff, parts, &used), WASI_INVAL);
    CHECK_INT(wazero__guest_parts(&guest, 0, 0x20000000, parts, &used), WASI_INVAL);
    free(guest.base);
}

TEST(more_buffers_than_are_passed_on)
{
    enum { MANY = WAZERO__PARTS_MAX + 10 };
    wazero__guest_t guest = {calloc(MANY, 8), (size_t)MANY * 8};
    struct iovec parts[WAZERO__PARTS_MAX];
    int used;
    if (!guest.base)
        abort();
    for (size_t i = 0; i < MANY; i++)
        put_vector(&guest, i, (uint32_t)i, 1);
    CHECK_INT(wazero__guest_parts(&guest, 0, MANY, parts, &used), WASI_SUCCESS);
    CHECK_INT(used, WAZERO__PARTS_MAX);
    put_vector(&guest, MANY - 1, 0xfffffff0, 1); /* not passed on, but looked at */
    CHECK_INT(wazero__guest_parts(&guest, 0, MANY, parts, &used), WASI_FAULT);
    free(guest.base);
}

TEST(at_most_two_gigabytes)
{
    uint8_t list[3 * 8];
    const wazero__guest_t guest = {list, UINT64_C(1) << 32};
    struct iovec parts[WAZERO__PARTS_MAX];
    int used;
    for (size_t i = 0; i < 3; i++) {
        wazero__put_u32(list + 8 * i, 0);
        wazero__put_u32(list + 8 * i + 4, 0x60000000);
    }
    CHECK_INT(wazero__guest_parts(&guest, 0, 3, parts, &used), WASI_SUCCESS);
    CHECK_INT(used, 2);
    CHECK_INT(parts[0].iov_len + parts[1].iov_len, INT32_MAX);
}

TEST(paths)
{
    wazero__guest_t guest = new_guest();
    char path[WAZERO__PATH_MAX];
    memcpy(guest.base + SIZE - 3, "a/b", 3);
    CHECK_INT(wazero__guest_path(&guest, SIZE - 3, 3, path), WASI_SUCCESS);
    CHECK_STR(path, "a/b");
    CHECK_INT(wazero__guest_path(&guest, SIZE - 3, 4, path), WASI_FAULT);
    CHECK_INT(wazero__guest_path(&guest, SIZE - 3, 0, path), WASI_SUCCESS);
    CHECK_STR(path, "");
    CHECK_INT(wazero__guest_path(&guest, SIZE - 4, 4, path), WASI_ILSEQ);
    free(guest.base);
    guest = (wazero__guest_t){malloc(WAZERO__PATH_MAX), WAZERO__PATH_MAX};
    memset(guest.base, 'x', WAZERO__PATH_MAX);
    CHECK_INT(wazero__guest_path(&guest, 0, WAZERO__PATH_MAX - 1, path), WASI_SUCCESS);
    CHECK_INT(strlen(path), WAZERO__PATH_MAX - 1);
    CHECK_INT(wazero__guest_path(&guest, 0, WAZERO__PATH_MAX, path), WASI_NAMETOOLONG);
    free(guest.base);
}

TEST_MAIN
