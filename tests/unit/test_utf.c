#include "utf.h"
#include "unit.h"

#include <stdlib.h>

#define BYTES(literal) literal, sizeof literal - 1

struct pair {
    const char *utf8;
    size_t utf8_octets;
    const char *utf16; /* little-endian */
    size_t utf16_octets;
};

/* The same text in both forms, either way. */
static const struct pair pairs[] = {
    {BYTES(""), BYTES("")},
    {BYTES("a"), BYTES("a\0")},
    {BYTES("a\0b\0"), BYTES("a\0\0\0b\0\0\0")},
    {BYTES("\x7f\xc2\x80"), BYTES("\x7f\0\x80\0")},
    {BYTES("\xdf\xbf\xe0\xa0\x80"), BYTES("\xff\x07\0\x08")},
    {BYTES("\xed\x9f\xbf\xee\x80\x80"), BYTES("\xff\xd7\0\xe0")},
    {BYTES("\xef\xbf\xbf"), BYTES("\xff\xff")},
    {BYTES("\xf0\x90\x80\x80"), BYTES("\0\xd8\0\xdc")},
    {BYTES("x\xf0\x9f\x93\xa7y"), BYTES("x\0\x3d\xd8\xe7\xdcy\0")},
    {BYTES("\xf4\x8f\xbf\xbf"), BYTES("\xff\xdb\xff\xdf")},
};

/* What is not valid, and what becomes of it. */
static const struct pair bad_utf8[] = {
    {BYTES("\x80"), BYTES("\xfd\xff")},
    {BYTES("a\xff"
           "b"),
     BYTES("a\0\xfd\xff"
           "b\0")},
    {BYTES("\xc3"), BYTES("\xfd\xff")},
    {BYTES("\xc0\xaf"), BYTES("\xfd\xff\xfd\xff")},
    {BYTES("\xed\xa0\x80"), BYTES("\xfd\xff\xfd\xff\xfd\xff")},
};
static const struct pair bad_utf16[] = {
    {BYTES("\xef\xbf\xbd"), BYTES("\0\xd8")}, /* a high surrogate alone, at the end */
    {BYTES("\xef\xbf\xbd"
           "a"),
     BYTES("\xff\xdb"
           "a\0")},                                             /* ... before another character */
    {BYTES("\xef\xbf\xbd"), BYTES("\0\xdc")},                   /* a low one alone */
    {BYTES("\xef\xbf\xbd\xef\xbf\xbd"), BYTES("\0\xdc\0\xd8")}, /* the wrong way round */
    {BYTES("\xef\xbf\xbd\xf0\x90\x80\x80"), BYTES("\0\xd8\0\xd8\0\xdc")},
    {BYTES("\xef\xbf\xbd"), BYTES("\0\xd8\0")}, /* half a unit behind it */
    {BYTES("a"), BYTES("a\0b")},                /* half a unit is dropped */
    {BYTES(""), BYTES("a")},
};

typedef size_t conversion(const void *from, size_t octets, void *out, size_t size);

static size_t to_utf16(const void *from, size_t octets, void *out, size_t size)
{
    return utf16_from_utf8(from, octets, out, size);
}

static size_t to_utf8(const void *from, size_t octets, void *out, size_t size)
{
    return utf8_from_utf16(from, octets, out, size);
}

/* A copy with nothing after it, so that the sanitizer sees a look past its end; to be freed. */
static char *exactly(const char *octets, size_t count)
{
    char *copy = malloc(count ? count : 1);
    memcpy(copy, octets, count);
    return copy;
}

static void check(conversion *convert, const char *from, size_t octets, const char *expected, size_t length)
{
    char out[64];
    char *exact = exactly(from, octets);
    assert_int_equal(convert(exact, octets, NULL, 0), length);
    assert_int_equal(convert(exact, octets, out, sizeof out), length);
    assert_memory_equal(out, expected, length);
    free(exact);
}

static void utf8_sequences_are_measured(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t count, expected;
    } rows[] = {
        {BYTES(""), 0},
        {BYTES("a"), 1},
        {"\0", 1, 1},
        {BYTES("\x7f"), 1},
        {BYTES("\x80"), 0},
        {BYTES("\xbf"), 0},
        {BYTES("\xc0\x80"), 0},
        {BYTES("\xc1\xbf"), 0}, /* overlong */
        {BYTES("\xc2\x80"), 2},
        {BYTES("\xdf\xbf"), 2},
        {BYTES("\xdf"), 0},
        {BYTES("\xdf\x7f"), 0},
        {BYTES("\xdf\xc0"), 0},
        {BYTES("\xe0\x9f\xbf"), 0}, /* overlong */
        {BYTES("\xe0\xa0\x80"), 3},
        {BYTES("\xed\x9f\xbf"), 3},
        {BYTES("\xed\xa0\x80"), 0}, /* U+D800 */
        {BYTES("\xed\xbf\xbf"), 0}, /* U+DFFF */
        {BYTES("\xee\x80\x80"), 3},
        {BYTES("\xef\xbf\xbf"), 3},
        {BYTES("\xef\xbf"), 0},
        {BYTES("\xef\xbf\x41"), 0},
        {BYTES("\xf0\x8f\xbf\xbf"), 0}, /* overlong */
        {BYTES("\xf0\x90\x80\x80"), 4},
        {BYTES("\xf4\x8f\xbf\xbf"), 4},
        {BYTES("\xf4\x90\x80\x80"), 0}, /* U+110000 */
        {BYTES("\xf5\x80\x80\x80"), 0},
        {BYTES("\xf0\x90\x80"), 0},
        {BYTES("\xff"), 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *bytes = exactly(rows[i].bytes, rows[i].count);
        size_t found = utf8_length(bytes, rows[i].count);
        free(bytes);
        CHECK(found == rows[i].expected, "row %zu: found %zu, expected %zu", i, found, rows[i].expected);
    }
}

static void text_converts_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        check(to_utf16, pairs[i].utf8, pairs[i].utf8_octets, pairs[i].utf16, pairs[i].utf16_octets);
        check(to_utf8, pairs[i].utf16, pairs[i].utf16_octets, pairs[i].utf8, pairs[i].utf8_octets);
    }
}

static void what_is_not_valid_becomes_the_replacement_character(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_utf8); i++)
        check(to_utf16, bad_utf8[i].utf8, bad_utf8[i].utf8_octets, bad_utf8[i].utf16, bad_utf8[i].utf16_octets);
    for (size_t i = 0; i < COUNT(bad_utf16); i++)
        check(to_utf8, bad_utf16[i].utf16, bad_utf16[i].utf16_octets, bad_utf16[i].utf8, bad_utf16[i].utf8_octets);
}

static void copies_have_the_returned_length(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        size_t size;
        char *utf8 = utf8_copy(pairs[i].utf16, pairs[i].utf16_octets, &size);
        assert_int_equal(size, pairs[i].utf8_octets);
        assert_memory_equal(utf8, pairs[i].utf8, size + 1); /* literals end in NUL as well */
        void *utf16 = utf16_copy(pairs[i].utf8, pairs[i].utf8_octets, &size);
        assert_int_equal(size, pairs[i].utf16_octets);
        assert_memory_equal(utf16, pairs[i].utf16, size);
        free(utf8);
        free(utf16);
    }
}

/* "a", two octets, three, four in UTF-8; one unit each but the last in UTF-16, which has two. */
static void no_character_is_written_in_part(void **state)
{
    (void)state;
    static const char utf8[] = "a\xc3\xbc\xe2\x82\xac\xf0\x9f\x93\xa7z";
    static const char utf16[] = "a\0\xfc\0\xac\x20\x3d\xd8\xe7\xdcz";
    static const size_t whole_utf8[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
    static const size_t whole_utf16[] = {0, 0, 2, 2, 4, 4, 6, 6, 6, 6, 10, 10, 12, 12};
    for (size_t size = 0; size < COUNT(whole_utf8); size++) {
        char out[16];
        memset(out, '#', sizeof out);
        assert_int_equal(utf8_from_utf16(utf16, 12, out, size), 11);
        assert_memory_equal(out, utf8, whole_utf8[size]);
        for (size_t i = whole_utf8[size]; i < sizeof out; i++)
            CHECK(out[i] == '#', "UTF-8 in %zu octets: octet %zu written", size, i);
    }
    for (size_t size = 0; size < COUNT(whole_utf16); size++) {
        char out[16];
        memset(out, '#', sizeof out);
        assert_int_equal(utf16_from_utf8(utf8, 11, out, size), 12);
        assert_memory_equal(out, utf16, whole_utf16[size]);
        for (size_t i = whole_utf16[size]; i < sizeof out; i++)
            CHECK(out[i] == '#', "UTF-16 in %zu octets: octet %zu written", size, i);
    }
}

static void every_character_survives_the_round_trip(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        if (c >= 0xD800 && c <= 0xDFFF)
            continue;
        uint32_t high = c < 0x10000 ? c : 0xD800 + ((c - 0x10000) >> 10);
        uint32_t low = 0xDC00 + ((c - 0x10000) & 0x3FF);
        unsigned char utf16[4] = {(unsigned char)(high & 0xFF), (unsigned char)(high >> 8), (unsigned char)(low & 0xFF),
                                  (unsigned char)(low >> 8)};
        size_t octets = c < 0x10000 ? 2 : 4;
        char utf8[4];
        unsigned char back[4];
        size_t length = utf8_from_utf16(utf16, octets, utf8, sizeof utf8);
        size_t returned = utf16_from_utf8(utf8, length, back, sizeof back);
        char encoded[4];
        assert_int_equal(utf8_encode(c, encoded), length);
        assert_memory_equal(encoded, utf8, length);
        CHECK(returned == octets && memcmp(back, utf16, octets) == 0, "U+%04X", (unsigned)c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_sequences_are_measured),
        cmocka_unit_test(text_converts_both_ways),
        cmocka_unit_test(copies_have_the_returned_length),
        cmocka_unit_test(what_is_not_valid_becomes_the_replacement_character),
        cmocka_unit_test(no_character_is_written_in_part),
        cmocka_unit_test(every_character_survives_the_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
