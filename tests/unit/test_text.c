#include "text.h"
#include "unit.h"

#include <limits.h>
#include <stdlib.h>
#include <wchar.h>

#define BYTES(literal) literal, sizeof literal - 1

/* A copy of exactly its size, so that the sanitizer sees a look behind its end. The caller frees it. */
static char *exactly(const char *bytes, size_t count)
{
    char *copy = malloc(count ? count : 1);
    memcpy(copy, bytes, count);
    return copy;
}

static void bytes_from_outside_are_shown_safely(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t count;
        const char *expected;
    } rows[] = {
        {BYTES(""), ""},
        {BYTES("250 OK ~!"), "250 OK ~!"},
        {BYTES("a\\b"), "a\\\\b"},
        {BYTES("\0"), "\\x00"},
        {BYTES("\t\r\n\x1f\x7f"), "\\x09\\x0d\\x0a\\x1f\\x7f"},
        {BYTES("\x1b[31mred"), "\\x1b[31mred"},
        {BYTES("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f"},
        {BYTES("\xe2\x82\xac \xf0\x9f\x93\xa7"), "\xe2\x82\xac \xf0\x9f\x93\xa7"},
        {BYTES("\xc2\x80\xc2\x9b\xc2\x9f"), "\\xc2\\x80\\xc2\\x9b\\xc2\\x9f"}, /* C1 controls: 9b is CSI */
        {BYTES("\xc2\xa0"), "\xc2\xa0"},
        {BYTES("\xc3"), "\\xc3"},
        {BYTES("\xc3("), "\\xc3("},
        {BYTES("\xc0\xaf"), "\\xc0\\xaf"},
        {BYTES("\xed\xa0\x80"), "\\xed\\xa0\\x80"},
        {BYTES("\xff\xfe"), "\\xff\\xfe"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char buffer[100];
        struct text t;
        text_begin(&t, buffer, sizeof buffer);
        char *bytes = exactly(rows[i].bytes, rows[i].count);
        text_add_escaped(&t, bytes, rows[i].count);
        free(bytes);
        CHECK_TEXT("escaped", buffer, rows[i].expected);
        assert_int_equal(t.length, strlen(rows[i].expected));
    }
}

static void what_does_not_fit_is_cut_and_shows_it(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        const char *added, *expected;
    } rows[] = {
        {4, "abc", "abc"},
        {4, "abcd", "..."},
        {5, "abcd", "abcd"},
        {5, "abcde", "a..."},
        {8, "abcdefg", "abcdefg"},
        {8, "abcdefgh", "abcd..."},
        {8, "abc\xc3\xbc\xc3\xbc", "abc\xc3\xbc\xc3\xbc"},
        {8, "abc\xc3\xbc\xc3\xbcx", "abc..."},
        {8, "abcd\xc3\xbcxyz", "abcd..."},
        {8, "a\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac", "a\xe2\x82\xac..."},
        {8, "\xf0\x9f\x93\xa7\xf0\x9f\x93\xa7", "\xf0\x9f\x93\xa7..."},
        {7, "\xf0\x9f\x93\xa7\xf0\x9f\x93\xa7", "..."},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *buffer = malloc(rows[i].size); /* so that the sanitizer sees the octet behind it */
        struct text t;
        text_begin(&t, buffer, rows[i].size);
        text_add(&t, "%s", rows[i].added);
        CHECK_TEXT(rows[i].added, buffer, rows[i].expected);
        assert_int_equal(t.length, strlen(rows[i].expected));
        assert_int_equal(t.cut, strcmp(rows[i].added, rows[i].expected) != 0);
        free(buffer);
    }
}

static void a_cut_text_stays_as_it_is(void **state)
{
    (void)state;
    char buffer[10];
    struct text t;
    text_begin(&t, buffer, sizeof buffer);
    text_add(&t, "%s", "123456");
    text_add(&t, "%d", 7890);
    assert_string_equal(buffer, "123456...");
    text_add(&t, "x");
    text_add_escaped(&t, "y", 1);
    assert_string_equal(buffer, "123456...");
    assert_int_equal(t.length, 9);
    text_begin(&t, buffer, sizeof buffer);
    assert_string_equal(buffer, "");
    assert_false(t.cut);
}

/* The C locale has no octets for U+20AC: vsnprintf() fails when "12" is already written. */
static void what_cannot_be_formatted_adds_nothing(void **state)
{
    (void)state;
    char buffer[10];
    struct text t;
    text_begin(&t, buffer, sizeof buffer);
    text_add(&t, "ab");
    text_add(&t, "12%lc", (wint_t)0x20AC);
    assert_string_equal(buffer, "ab");
    assert_int_equal(t.length, 2);
    assert_false(t.cut);
    text_add(&t, "c");
    assert_string_equal(buffer, "abc");
}

static void an_escape_that_does_not_fit_ends_in_dots(void **state)
{
    (void)state;
    char buffer[8];
    struct text t;
    text_begin(&t, buffer, sizeof buffer);
    text_add_escaped(&t, "abcd\x01\x02", 6);
    assert_string_equal(buffer, "abcd...");
}

static void names_compare_without_case(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        int sign;
    } rows[] = {
        {"", "", 0},
        {"a", "", 1},
        {"ETRN", "etrn", 0},
        {"ETRN", "etrm", 1},
        {"a", "ab", -1},
        {"@", "a", -1},
        {"[", "a", -1},
        {"_", "A", -1},
        {"Z", "a", 1},
        {"\xc3", "z", 1},
        {"\xc3\x9c", "\xc3\xbc", -1}, /* not beyond ASCII */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int there = text_compare(rows[i].a, rows[i].b);
        int back = text_compare(rows[i].b, rows[i].a);
        CHECK((there > 0) - (there < 0) == rows[i].sign && (back < 0) - (back > 0) == rows[i].sign,
              "\"%s\" and \"%s\": %d and %d", rows[i].a, rows[i].b, there, back);
        assert_int_equal(text_same(rows[i].a, rows[i].b), rows[i].sign == 0);
    }
}

static void a_mistyped_word_is_near_the_intended_one(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool near;
    } rows[] = {
        {"restore", "restore", true},
        {"RESTORE", "restore", true},
        {"restor", "restore", true},
        {"xrestore", "restore", true},
        {"rastore", "restore", true},
        {"resotre", "restore", true}, /* two letters that changed places are two mistakes */
        {"rsetoer", "restore", false},
        {"resto", "restore", true},
        {"rest", "restore", false},
        {"rest", "restor", false}, /* half of the shorter one */
        {"restores!", "restore", true},
        {"restores!!", "restore", false},
        {"storere", "restore", false},
        {"", "", false},
        {"", "a", false},
        {"a", "a", true},
        {"a", "b", false},
        {"ab", "ac", false}, /* half of it is wrong */
        {"abc", "abd", true},
        {"abcd", "abxy", false},
        {"abcde", "abcxy", true},
        {"hosts", "host", true},
        {"test", "host", false},
        {"\xc3\xbcx", "\xc3\x9cx", true},
#define TEN "0123456789"
        {TEN TEN TEN TEN TEN TEN "0123", TEN TEN TEN TEN TEN TEN "01xx", true},
        {TEN TEN TEN TEN TEN TEN "01234", TEN TEN TEN TEN TEN TEN "0123", false}, /* nobody types that */
        {TEN TEN TEN TEN TEN TEN "01234", TEN TEN TEN TEN TEN TEN "01234", false},
#undef TEN
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        bool there = text_near(rows[i].a, rows[i].b);
        bool back = text_near(rows[i].b, rows[i].a);
        CHECK(there == rows[i].near && back == rows[i].near, "\"%s\" and \"%s\": %d and %d", rows[i].a, rows[i].b,
              there, back);
    }
}

static void numbers_are_read_completely_or_not_at_all(void **state)
{
    (void)state;
    static const struct {
        const char *digits;
        unsigned long maximum;
        bool fine;
        unsigned long number;
    } rows[] = {
        {"0", 10, true, 0},
        {"10", 10, true, 10},
        {"11", 10, false, 0},
        {"5", 3, false, 0},
        {"0", 0, true, 0},
        {"1", 0, false, 0},
        {"00000000000000000000000025", 25, true, 25},
        {"4294967295", 0xFFFFFFFFu, true, 0xFFFFFFFFu},
        {"4294967296", 0xFFFFFFFFu, false, 0},
        {"18446744073709551615", ULONG_MAX, ULONG_MAX > 0xFFFFFFFFu, ULONG_MAX},
        {"18446744073709551616", ULONG_MAX, false, 0},
        {"99999999999999999999999999", ULONG_MAX, false, 0},
        {"", 10, false, 0},
        {"-1", 10, false, 0},
        {"+1", 10, false, 0},
        {" 1", 10, false, 0},
        {"1 ", 10, false, 0},
        {"0x1", 10, false, 0},
        {"1/", 100, false, 0},
        {"1:", 100, false, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned long number = 777;
        bool fine = text_number(rows[i].digits, rows[i].maximum, &number);
        CHECK(fine == rows[i].fine && number == (fine ? rows[i].number : 777), "\"%s\" up to %lu: %d, %lu",
              rows[i].digits, rows[i].maximum, fine, number);
    }
}

static void a_copy_is_ones_own(void **state)
{
    (void)state;
    const char *original = "mx.example";
    char *copy = text_copy(original);
    assert_string_equal(copy, original);
    assert_ptr_not_equal(copy, original);
    free(copy);
    copy = text_copy("");
    assert_string_equal(copy, "");
    free(copy);
}

static void lines_stay_lines(void **state)
{
    (void)state;
    const struct {
        const char *bytes;
        size_t count;
        const char *expected;
    } rows[] = {
        {BYTES("one\r\ntwo\nthree"), "one\ntwo\nthree"},
        {BYTES("\r\n\n\r\n"), "\n\n\n"},
        {BYTES("one\r\r\ntwo\r\r"), "one\ntwo\\x0d\\x0d"},
        {BYTES("50%\r100%\r\n"), "50%\\x0d100%\n"},
        {BYTES("a\tb\0c"), "a bc"},
        {BYTES("\x1b[31m\\ \xc3\xa9\xff\xc2\x9b"), "\\x1b[31m\\\\ \xc3\xa9\\xff\\xc2\\x9b"},
        {BYTES("\xc3\n\xa9"), "\\xc3\n\\xa9"},
        {BYTES("ends\r"), "ends\\x0d"},
        {BYTES(""), ""},
        {BYTES("0123456789\n0123456789\n0123456789"), "0123456789\n0123456789\n0123..."},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char buffer[30];
        struct text t;
        text_begin(&t, buffer, sizeof buffer);
        char *bytes = exactly(rows[i].bytes, rows[i].count);
        text_add_lines(&t, bytes, rows[i].count);
        free(bytes);
        CHECK_TEXT("lines", buffer, rows[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_stay_lines),
        cmocka_unit_test(bytes_from_outside_are_shown_safely),
        cmocka_unit_test(what_does_not_fit_is_cut_and_shows_it),
        cmocka_unit_test(a_cut_text_stays_as_it_is),
        cmocka_unit_test(what_cannot_be_formatted_adds_nothing),
        cmocka_unit_test(an_escape_that_does_not_fit_ends_in_dots),
        cmocka_unit_test(names_compare_without_case),
        cmocka_unit_test(numbers_are_read_completely_or_not_at_all),
        cmocka_unit_test(a_copy_is_ones_own),
        cmocka_unit_test(a_mistyped_word_is_near_the_intended_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
