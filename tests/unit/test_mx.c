#include "mx.h"
#include "text.h"
#include "unit.h"

#include <stdio.h>

#define A50 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"

struct record {
    uint16_t preference;
    const char *host;
};

static void show(const struct mx_list *list, struct text *shown)
{
    for (size_t i = 0; i < list->count; i++)
        text_add(shown, "%s%u %s", i ? ", " : "", list->items[i].preference, list->items[i].host);
}

static void hosts_are_in_order(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct record records[5];
        const char *expected;
        bool null;
    } rows[] = {
        {"none", {{0}}, "", false},
        {"by preference",
         {{20, "b.example"}, {5, "c.example"}, {10, "a.example"}},
         "5 c.example, 10 a.example, 20 b.example",
         false},
        {"equal ones by name",
         {{10, "c.example"}, {10, "A.example"}, {10, "b.example"}},
         "10 A.example, 10 b.example, 10 c.example",
         false},
        {"twice, worse second",
         {{10, "a.example"}, {15, "b.example"}, {20, "A.EXAMPLE"}},
         "10 a.example, 15 b.example",
         false},
        {"twice, better second",
         {{20, "a.example"}, {15, "b.example"}, {10, "a.example"}},
         "10 a.example, 15 b.example",
         false},
        {"final dots", {{1, "a.example."}, {2, "a.example"}}, "1 a.example", false},
        {"ends of the range", {{65535, "z.example"}, {0, "a.example"}}, "0 a.example, 65535 z.example", false},
        {"null MX", {{0, "."}}, "", true},
        {"null MX, empty", {{0, ""}}, "", true},
        {"null MX among others", {{0, "."}, {10, "a.example"}}, "10 a.example", false},
        {"too long",
         {{1, A50 A50 A50 A50 A50 "123456"}, {2, A50 A50 A50 A50 A50 "12345."}},
         "2 " A50 A50 A50 A50 A50 "12345",
         false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mx_list list = {.count = 0};
        char words[600];
        struct text shown;
        text_begin(&shown, words, sizeof words);
        for (size_t r = 0; r < COUNT(rows[i].records) && rows[i].records[r].host; r++)
            mx_add(&list, rows[i].records[r].preference, rows[i].records[r].host);
        show(&list, &shown);
        CHECK_TEXT(rows[i].name, words, rows[i].expected);
        CHECK(mx_is_null(&list) == rows[i].null, "%s: null MX", rows[i].name);
    }
}

static void the_most_preferred_are_kept(void **state)
{
    (void)state;
    struct mx_list list = {.count = 0};
    for (unsigned i = 0; i < 2 * MX_LIMIT; i++) {
        char host[20];
        snprintf(host, sizeof host, "%u.example", i);
        mx_add(&list, (uint16_t)(i % 2 ? 100 + i : 100 - i), host);
    }
    assert_int_equal(list.count, MX_LIMIT);
    assert_int_equal(list.items[0].preference, 100 - (2 * MX_LIMIT - 2));
    for (size_t i = 0; i < list.count; i++)
        assert_true(list.items[i].preference <= 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_in_order),
        cmocka_unit_test(the_most_preferred_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
