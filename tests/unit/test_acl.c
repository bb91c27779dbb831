#include "acl.h"
#include "unit.h"

#include <stdlib.h>

/* Entries as they are found on services, short ones: what counts is their size and flags. */
#define HEADER(size, count) 2, 0, (size), 0, (count), 0, 0, 0
#define SYSTEM_ALLOWED 0, 0, 20, 0, 0xFD, 1, 2, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0
#define GUEST_DENIED 1, 0, 16, 0, 0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 5
#define INHERITED 0, 0x10, 16, 0, 0x14, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 5
#define OURS                                                                                                           \
    0, 0, 40, 0, 0x34, 0, 0, 0, 1, 6, 0, 0, 0, 0, 0, 5, 80, 0, 0, 0, 0x25, 0xBF, 0x02, 0x55, 0xC8, 0x3D, 0x85, 0x98,   \
        0x22, 0x0A, 0xFB, 0x10, 0xFB, 0x9B, 0xE2, 0x54, 0x4E, 0xC1, 0x08, 0x67
#define OURS_TO_QUERY_CONFIG                                                                                           \
    0, 0, 40, 0, 0x35, 0, 0, 0, 1, 6, 0, 0, 0, 0, 0, 5, 80, 0, 0, 0, 0x25, 0xBF, 0x02, 0x55, 0xC8, 0x3D, 0x85, 0x98,   \
        0x22, 0x0A, 0xFB, 0x10, 0xFB, 0x9B, 0xE2, 0x54, 0x4E, 0xC1, 0x08, 0x67

#define BYTES(...)                                                                                                     \
    sizeof((const unsigned char[]){__VA_ARGS__}), (const unsigned char[])                                              \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }

static const struct {
    const char *name;
    size_t without_size;
    const unsigned char *without;
    size_t with_size;
    const unsigned char *with;
} rows[] = {
    {"empty", BYTES(HEADER(8, 0)), BYTES(HEADER(48, 1), OURS)},
    {"behind its own", BYTES(HEADER(44, 2), GUEST_DENIED, SYSTEM_ALLOWED),
     BYTES(HEADER(84, 3), GUEST_DENIED, SYSTEM_ALLOWED, OURS)},
    {"before the inherited", BYTES(HEADER(60, 3), SYSTEM_ALLOWED, INHERITED, INHERITED),
     BYTES(HEADER(100, 4), SYSTEM_ALLOWED, OURS, INHERITED, INHERITED)},
    {"another right of ours stays", BYTES(HEADER(48, 1), OURS_TO_QUERY_CONFIG),
     BYTES(HEADER(88, 2), OURS_TO_QUERY_CONFIG, OURS)},
};

static const unsigned char ours[] = {OURS};
static unsigned char out[ACL_SIZE_LIMIT];

static void check_list(const char *row, size_t size, const unsigned char *expected, size_t expected_size)
{
    CHECK(size == expected_size, "%s: %zu octets, expected %zu", row, size, expected_size);
    CHECK(memcmp(out, expected, expected_size) == 0, "%s: not the list expected", row);
}

static void an_entry_is_added_and_removed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK(!acl_has(rows[i].without, rows[i].without_size, ours), "%s: found", rows[i].name);
        CHECK(acl_has(rows[i].with, rows[i].with_size, ours), "%s: not found", rows[i].name);
        size_t size = acl_add(rows[i].without, rows[i].without_size, ours, out);
        check_list(rows[i].name, size, rows[i].with, rows[i].with_size);
        size = acl_remove(rows[i].with, rows[i].with_size, ours, out);
        check_list(rows[i].name, size, rows[i].without, rows[i].without_size);
        size = acl_remove(rows[i].without, rows[i].without_size, ours, out);
        check_list(rows[i].name, size, rows[i].without, rows[i].without_size);
    }
}

/* A list may end with room that no entry uses: it is not carried along. */
static void unused_room_is_dropped(void **state)
{
    (void)state;
    static const unsigned char roomy[] = {HEADER(64, 1), OURS, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9};
    static const unsigned char bare[] = {HEADER(8, 0)};
    static const unsigned char twice[] = {HEADER(88, 2), OURS, OURS};
    check_list("removed", acl_remove(roomy, sizeof roomy, ours, out), bare, sizeof bare);
    check_list("added", acl_add(roomy, sizeof roomy, ours, out), twice, sizeof twice);
    check_list("one of two", acl_remove(twice, sizeof twice, ours, out), (const unsigned char[]){HEADER(48, 1), OURS},
               48);
}

static const struct {
    const char *name;
    size_t size;
    const unsigned char *acl;
} broken[] = {
    {"no header", BYTES(2, 0, 8)},
    {"size below the header", BYTES(HEADER(4, 0))},
    {"size beyond what is there", BYTES(HEADER(48, 1), SYSTEM_ALLOWED)},
    {"more entries than octets", BYTES(HEADER(28, 2), SYSTEM_ALLOWED)},
    {"an entry without a size", BYTES(HEADER(12, 1), 0, 0, 0, 0)},
    {"an entry beyond the end", BYTES(HEADER(12, 1), 0, 0, 20, 0)},
};

static void broken_lists_are_left_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(broken); i++) {
        unsigned char *exact = malloc(broken[i].size); /* for the sanitizer to see a step beyond */
        assert_non_null(exact);
        memcpy(exact, broken[i].acl, broken[i].size);
        CHECK(!acl_has(exact, broken[i].size, ours), "%s: found", broken[i].name);
        CHECK(acl_add(exact, broken[i].size, ours, out) == 0, "%s: added", broken[i].name);
        CHECK(acl_remove(exact, broken[i].size, ours, out) == 0, "%s: removed", broken[i].name);
        free(exact);
    }
}

static void a_full_list_accepts_no_more(void **state)
{
    (void)state;
    static unsigned char full[ACL_SIZE_LIMIT];
    size_t entries = (sizeof full - ACL_HEADER_SIZE) / sizeof ours;
    size_t size = ACL_HEADER_SIZE;
    unsigned char header[] = {HEADER(8, 0)};
    memcpy(full, header, sizeof header);
    for (size_t i = 0; i < entries; i++) {
        size = acl_add(full, size, ours, out);
        assert_int_equal(size, ACL_HEADER_SIZE + (i + 1) * sizeof ours);
        memcpy(full, out, size);
    }
    assert_int_equal(acl_add(full, size, ours, out), 0);
    assert_int_equal(acl_remove(full, size, ours, out), size - sizeof ours);
}

/* SERVICE_QUERY_STATUS, SERVICE_START and SERVICE_STOP for a service's SID. */
static void an_entry_is_made(void **state)
{
    (void)state;
    unsigned char ace[ACE_SIZE_LIMIT + 1];
    unsigned char longest[ACE_SIZE_LIMIT] = {1, 15};
    assert_true(acl_allow(0x34, ours + 8, sizeof ours - 8, ace));
    assert_memory_equal(ace, ours, sizeof ours);
    assert_true(acl_allow(0xF01FF, ours + 8, 12, ace));
    assert_memory_equal(ace, ((const unsigned char[]){0, 0, 20, 0, 0xFF, 1, 0xF, 0}), 8);
    assert_true(acl_allow(1, longest, 68, ace));
    assert_false(acl_allow(1, longest, 69, ace));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_made),
        cmocka_unit_test(an_entry_is_added_and_removed),
        cmocka_unit_test(unused_room_is_dropped),
        cmocka_unit_test(broken_lists_are_left_alone),
        cmocka_unit_test(a_full_list_accepts_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
