#include "base64.h"
#include "random.h"
#include "unit.h"

#include <stdlib.h>

/* RFC 4648 section 10, RFC 4616 section 4, RFC 2195 section 2, and all of the alphabet. */
static void octets_become_text_and_come_back(void **state)
{
    (void)state;
    static const struct {
        const char *octets;
        size_t size;
        const char *text;
    } rows[] = {
        {"", 0, ""},
        {"f", 1, "Zg=="},
        {"fo", 2, "Zm8="},
        {"foo", 3, "Zm9v"},
        {"foob", 4, "Zm9vYg=="},
        {"fooba", 5, "Zm9vYmE="},
        {"foobar", 6, "Zm9vYmFy"},
        {"\0tim\0tanstaaftanstaaf", 21, "AHRpbQB0YW5zdGFhZnRhbnN0YWFm"},
        {"<1896.697170952@postoffice.reston.mci.net>", 42, "PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"},
        {"\x00\x10\x83\x10\x51\x87\x20\x92\x8b\x30\xd3\x8f\x41\x14\x93\x51\x55\x97\x61\x96\x9b\x71\xd7\x9f\x82\x18\xa3"
         "\x92\x59\xa7\xa2\x9a\xab\xb2\xdb\xaf\xc3\x1c\xb3\xd3\x5d\xb7\xe3\x9e\xbb\xf3\xdf\xbf",
         48, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[100];
        char octets[100];
        size_t size;
        size_t length = strlen(rows[i].text);
        assert_int_equal(BASE64_SIZE(rows[i].size), length + 1);
        assert_true(base64_encode(rows[i].octets, rows[i].size, text, length + 1));
        CHECK_TEXT("encoded", text, rows[i].text);
        CHECK(base64_decode(rows[i].text, length, octets, rows[i].size, &size), "%s", rows[i].text);
        assert_int_equal(size, rows[i].size);
        assert_memory_equal(octets, rows[i].octets, size);
    }
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    for (size_t size = 0; size < 50; size++) {
        char octets[50] = "";
        for (size_t room = 1; room < BASE64_SIZE(size); room++) {
            char *text = malloc(room);
            assert_false(base64_encode(octets, size, text, room));
            assert_string_equal(text, "");
            free(text);
        }
        char text[BASE64_SIZE(50)];
        assert_true(base64_encode(octets, size, text, sizeof text));
        for (size_t room = 0; room < size; room++) {
            size_t got;
            char *back = malloc(room + 1);
            assert_false(base64_decode(text, strlen(text), back, room, &got));
            free(back);
        }
    }
}

static void what_is_not_base64_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"Z",
                                        "Zg",
                                        "Zg=",
                                        "Zm8",
                                        "Zg==Zg==",
                                        "Zg=a",
                                        "Z===",
                                        "====",
                                        "=",
                                        "=Zg=",
                                        "Zh==",
                                        "Zm9=",
                                        "Zm8=Zm8=",
                                        "Zm9v\r\n",
                                        "Zm9v Zm9",
                                        " Zm9v",
                                        "Zm9v    ",
                                        "Zm-v",
                                        "Zm_v",
                                        "Zm9v=",
                                        "Zm 9",
                                        "Zm9\xff",
                                        "Zm9*",
                                        "Zm9vZ",
                                        "Zm9vZg",
                                        "Zm9vZg=",
                                        "Zm9v====",
                                        "Zm9vZ===",
                                        "\x80\x80\x80\x80",
                                        "***",
                                        "@@@@",
                                        "Zm9\x7f",
                                        "zzzz====",
                                        "Go on",
                                        "Username:"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        char octets[40];
        size_t size;
        CHECK(!base64_decode(texts[i], strlen(texts[i]), octets, sizeof octets, &size), "%s", texts[i]);
    }
    char octets[4];
    size_t size;
    assert_false(base64_decode("Zg\0=", 4, octets, sizeof octets, &size));
    assert_false(base64_decode("\0\0\0\0", 4, octets, sizeof octets, &size));
}

static void any_octets_come_back(void **state)
{
    (void)state;
    struct random r = random_begin();
    for (int i = 0; i < 20000; i++) {
        unsigned char octets[64];
        unsigned char back[64];
        char text[BASE64_SIZE(64)];
        size_t size = random_below(&r, sizeof octets + 1);
        size_t got;
        for (size_t j = 0; j < size; j++)
            octets[j] = (unsigned char)random_next(&r);
        assert_true(base64_encode(octets, size, text, BASE64_SIZE(size)));
        assert_true(base64_decode(text, strlen(text), back, size, &got));
        assert_int_equal(got, size);
        assert_memory_equal(back, octets, size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(octets_become_text_and_come_back),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(what_is_not_base64_is_refused),
        cmocka_unit_test(any_octets_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
