#include "unit.h"
#include "value.h"

#include <stdlib.h>

/* UTF-16LE; this machine is little-endian, as every Windows is. */
#define U(literal) u##literal, sizeof u##literal
#define BYTES(literal) literal, sizeof literal - 1

static void types_have_the_names_of_the_registry(void **state)
{
    (void)state;
    static const struct {
        enum value_type type;
        const char *name;
    } rows[] = {
        {VALUE_NONE, "REG_NONE"},           {VALUE_SZ, "REG_SZ"},
        {VALUE_EXPAND_SZ, "REG_EXPAND_SZ"}, {VALUE_BINARY, "REG_BINARY"},
        {VALUE_DWORD, "REG_DWORD"},         {VALUE_MULTI_SZ, "REG_MULTI_SZ"},
        {VALUE_QWORD, "REG_QWORD"},         {(enum value_type)5, "a value of another type"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(value_type_name(rows[i].type), rows[i].name);
}

static void a_value_is_described_briefly(void **state)
{
    (void)state;
    static const struct {
        enum value_type type;
        const void *data;
        size_t size;
        const char *described;
    } rows[] = {
        {VALUE_DWORD, BYTES("\1\2\3\4"), "REG_DWORD 67305985"},
        {VALUE_DWORD, BYTES("\xff\xff\xff\xff"), "REG_DWORD 4294967295"},
        {VALUE_DWORD, BYTES("\1\2\3"), "REG_DWORD of 3 bytes"},
        {VALUE_SZ, U("a\\b\n"), "REG_SZ \"a\\\\b\\x0a\""},
        {VALUE_SZ, BYTES(""), "REG_SZ \"\""},
        {VALUE_EXPAND_SZ, U("%X%"), "REG_EXPAND_SZ \"%X%\""},
        {VALUE_MULTI_SZ, U("a\0"), "REG_MULTI_SZ of 6 bytes"},
        /* 100 octets are shown whole, 102 are cut */
        {VALUE_SZ, u"01234567890123456789012345678901234567890123456789", 100,
         "REG_SZ \"01234567890123456789012345678901234567890123456789\""},
        {VALUE_SZ, u"012345678901234567890123456789012345678901234567890", 102,
         "REG_SZ \"01234567890123456789012345678901234567890123456789...\""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char buffer[200];
        struct text t;
        text_begin(&t, buffer, sizeof buffer);
        value_describe(rows[i].type, rows[i].data, rows[i].size, &t);
        assert_string_equal(buffer, rows[i].described);
    }
}

static void a_number_is_four_octets_the_low_one_first(void **state)
{
    (void)state;
    struct value value = {.type = VALUE_DWORD};
    assert_true(value_from_number(&value, 0xFE020301u));
    assert_int_equal(value.size, 4);
    assert_memory_equal(value.data, "\1\3\2\xfe", 4);
    assert_int_equal(value_number(value.data), 0xFE020301u);
    free(value.data);
}

static void typed_words_become_the_registry_data_of_windows(void **state)
{
    (void)state;
    static const struct {
        enum value_type type;
        const char *words[2];
        size_t count;
        const void *data;
        size_t size;
    } rows[] = {
        {VALUE_SZ, {"m\xc3\xbc"}, 1, U("m\u00fc")}, {VALUE_SZ, {""}, 1, U("")},
        {VALUE_EXPAND_SZ, {"%X%"}, 1, U("%X%")},    {VALUE_MULTI_SZ, {"a", "b"}, 2, U("a\0b\0")},
        {VALUE_MULTI_SZ, {NULL}, 0, U("")},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct value value = {.type = rows[i].type};
        assert_true(value_from_words(&value, rows[i].words, rows[i].count));
        assert_int_equal(value.size, rows[i].size);
        assert_memory_equal(value.data, rows[i].data, rows[i].size);
        free(value.data);
    }
}

static void a_list_knows_its_items_without_case(void **state)
{
    (void)state;
    struct strings list = {0};
    assert_true(strings_add(&list, "a.example") && strings_add(&list, "b"));
    assert_int_equal(list.count, 2);
    assert_true(strings_have(&list, "A.Example"));
    assert_true(strings_have(&list, "b"));
    assert_false(strings_have(&list, "a"));
    strings_free(&list);
    assert_int_equal(list.count, 0);
    assert_null(list.items);
    assert_false(strings_have(&list, "b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_have_the_names_of_the_registry),
        cmocka_unit_test(a_value_is_described_briefly),
        cmocka_unit_test(a_number_is_four_octets_the_low_one_first),
        cmocka_unit_test(typed_words_become_the_registry_data_of_windows),
        cmocka_unit_test(a_list_knows_its_items_without_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
