#include "address.h"
#include "random.h"
#include "unit.h"

#include <arpa/inet.h>
#include <stdio.h>

static void addresses_are_read_as_written(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        const char *octets;
    } rows[] = {
        {"192.0.2.1", 4, "\xc0\0\2\1"},
        {"0.0.0.0", 4, "\0\0\0\0"},
        {"255.255.255.255", 4, "\xff\xff\xff\xff"},
        {"::", 16, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"},
        {"::1", 16, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"},
        {"2001:db8::25", 16, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x25"},
        {"2001:DB8:0:0:0:0:0:25", 16, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x25"},
        {"1:2:3:4:5:6:7::", 16, "\0\1\0\2\0\3\0\4\0\5\0\6\0\7\0\0"},
        {"::ffff:192.0.2.1", 16, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1"},
        {"1:2:3:4:5:6:192.0.2.1", 16, "\0\1\0\2\0\3\0\4\0\5\0\6\xc0\0\2\1"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned char octets[ADDRESS_SIZE];
        CHECK(address_read(rows[i].text, octets) == rows[i].size, "%s", rows[i].text);
        CHECK(memcmp(octets, rows[i].octets, rows[i].size) == 0, "%s", rows[i].text);
    }
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "mx.example",
        "192.0.2",
        "192.0.2.1.5",
        "192.0.2.256",
        "192.0.2.01",
        "192.0.2.",
        ".0.2.1",
        "1.2.3.4 ",
        " 1.2.3.4",
        "0x7f.0.0.1",
        "1.2.3.-4",
        "[::1]",
        "::1%1",
        ":",
        ":::",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1::2::3",
        "12345::",
        "g::",
        ":1::",
        "1:",
        "1:2:3:4:5:6:7:",
        "::1:",
        "::1.2.3",
        "::1.2.3.4:",
        "1.2.3.4::",
        "1:2:3:4:5:6:7:1.2.3.4",
        "::1.2.3.4.5",
        "127.0.0.1:25",
        "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8",
        "1:2:3:4::5:6:7:8",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned char octets[ADDRESS_SIZE];
        CHECK(address_read(rows[i], octets) == 0, "\"%s\" is read as an address", rows[i]);
    }
}

/* The C library's inet_pton() takes the same texts, and reads the same octets from them. */
static void any_text_is_read_as_the_library_reads_it(void **state)
{
    (void)state;
    static const char signs[] = "0123456789abcF::::..";
    struct random random = random_begin();
    unsigned addresses = 0;
    for (unsigned round = 0; round < 300000; round++) {
        char text[24];
        unsigned char expected[ADDRESS_SIZE], octets[ADDRESS_SIZE];
        size_t length = random_below(&random, sizeof text);
        for (size_t i = 0; i < length; i++)
            text[i] = signs[random_below(&random, sizeof signs - 1)];
        text[length] = '\0';
        size_t size = inet_pton(AF_INET, text, expected) == 1 ? 4 : inet_pton(AF_INET6, text, expected) == 1 ? 16 : 0;
        CHECK(address_read(text, octets) == size, "%s", text);
        CHECK(memcmp(octets, expected, size) == 0, "%s", text);
        addresses += size > 0;
    }
    assert_in_range(addresses, 100, 300000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_as_written),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(any_text_is_read_as_the_library_reads_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
