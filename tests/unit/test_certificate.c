#include "certificate.h"
#include "unit.h"

#include <stdlib.h>

#define BYTES(literal) literal, sizeof literal - 1

/* ---- names: GeneralNames in DER ---- */

#define DNS(length, name) "\x82" length name
#define NAMES(length, names) "\x30" length names

static struct identity named(const char *name)
{
    return (struct identity){.name = name};
}

/* Matched in memory of exactly that size, so that the sanitizer sees a look behind its end. */
static bool matches(const char *names, size_t size, struct identity host)
{
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, names, size);
    bool found = certificate_matches(copy, size, &host);
    free(copy);
    return found;
}

static void names_are_compared_as_rfc_9525_has_it(void **state)
{
    (void)state;
    static const struct {
        const char *names;
        size_t size;
        const char *host;
        bool expected;
    } rows[] = {
        {BYTES(NAMES("\x12", DNS("\x10", "mail.isp.example"))), "mail.isp.example", true},
        {BYTES(NAMES("\x12", DNS("\x10", "MAIL.isp.Example"))), "mail.ISP.example", true},
        {BYTES(NAMES("\x12", DNS("\x10", "mail.isp.example"))), "mail.isp.example.", true},
        {BYTES(NAMES("\x12", DNS("\x10", "mail.isp.example"))), "mail.isp.exampl", false},
        {BYTES(NAMES("\x12", DNS("\x10", "mail.isp.example"))), "mail.isp.example2", false},
        {BYTES(NAMES("\x12", DNS("\x10", "mail.isp.example"))), "ail.isp.example", false},
        {BYTES(NAMES("\x12", DNS("\x10", "mail.isp.example"))), "", false},
        {BYTES(NAMES("\x12", DNS("\x10", "mail.isp.example"))), ".", false},
        {BYTES(NAMES("\x02", DNS("\x00", ""))), "", false},
        {BYTES(NAMES("\x02", DNS("\x00", ""))), ".", false},
        {BYTES(NAMES("\x03", DNS("\x01", "."))), ".", false},
        {BYTES(NAMES("\x03", DNS("\x01", "a"))), "a", true},
        {BYTES(NAMES("\x03", DNS("\x01", "a"))), "a.", true},
        {BYTES(NAMES("\x12", DNS("\x10", "mail.isp\0example"))), "mail.isp", false},
        {BYTES(NAMES("\x12", DNS("\x08", "mail.isp") DNS("\x06", "b.test"))), "b.test", true},
        /* a certificate without a name for a host, but an e-mail address (1) and a URI (6) that look like it */
        {BYTES(NAMES("\x10", "\x81\x06"
                             "b.test"
                             "\x86\x06"
                             "b.test")),
         "b.test", false},
        {BYTES(NAMES("\x0f", DNS("\x0d", "*.isp.example"))), "mail.isp.example", true},
        {BYTES(NAMES("\x0f", DNS("\x0d", "*.ISP.example"))), "MX1.isp.Example.", true},
        {BYTES(NAMES("\x0f", DNS("\x0d", "*.isp.example"))), "isp.example", false},
        {BYTES(NAMES("\x0f", DNS("\x0d", "*.isp.example"))), ".isp.example", false},
        {BYTES(NAMES("\x0f", DNS("\x0d", "*.isp.example"))), "a.mail.isp.example", false},
        {BYTES(NAMES("\x0f", DNS("\x0d", "m*.isp.exampl"))), "mail.isp.exampl", false},
        {BYTES(NAMES("\x0b", DNS("\x09", "*.example"))), "isp.example", false},
        {BYTES(NAMES("\x04", DNS("\x02", "*."))), "isp.", false},
        {BYTES(NAMES("\x03", DNS("\x01", "*"))), "example", false},
        {BYTES(NAMES("\x0f", DNS("\x0d", "mail.*.exampl"))), "mail.isp.exampl", false},
        {NULL, 0, "mail.isp.example", false},
        /* an address is no name, nor the other way round */
        {BYTES(NAMES("\x0b", DNS("\x09", "192.0.2.1"))), "mail.isp.example", false},
        {BYTES(NAMES("\x06", "\x87\x04"
                             "a.bc")),
         "a.bc", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK(matches(rows[i].names ? rows[i].names : "", rows[i].size, named(rows[i].host)) == rows[i].expected,
              "row %zu: %s", i, rows[i].host);
    struct identity host = named("a");
    assert_false(certificate_matches(NULL, 0, &host));
}

static void an_address_is_compared_with_the_addresses(void **state)
{
    (void)state;
    static const char v4[] = NAMES("\x06", "\x87\x04\xc0\x00\x02\x01");
    static const char v6[] = NAMES("\x12", "\x87\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x25");
    static const char text[] = NAMES("\x0b", DNS("\x09", "192.0.2.1"));
    struct identity first = {"192.0.2.1", {192, 0, 2, 1}, 4};
    struct identity second = {"192.0.2.2", {192, 0, 2, 2}, 4};
    struct identity sixth = {"2001:db8::25", {0x20, 1, 0x0d, 0xb8, [15] = 0x25}, 16};
    assert_true(matches(v4, sizeof v4 - 1, first));
    assert_false(matches(v4, sizeof v4 - 1, second));
    assert_false(matches(v4, sizeof v4 - 1, sixth));
    assert_true(matches(v6, sizeof v6 - 1, sixth));
    assert_false(matches(v6, sizeof v6 - 1, first));
    assert_false(matches(text, sizeof text - 1, first)); /* written as a name, it is none */
    assert_false(matches(BYTES(NAMES("\x06", "\x82\x04\xc0\x00\x02\x01")), first));
    assert_false(matches(BYTES(NAMES("\x03", "\x87\x01\xc0")), first));
}

/* Lengths that lie, and what is no GeneralNames: nothing matches, and nothing behind the end is looked at. */
static void invalid_der_contains_no_names(void **state)
{
    (void)state;
    static const struct {
        const char *names;
        size_t size;
    } rows[] = {
        {BYTES("")},
        {BYTES("\x30")},
        {BYTES("\x31\x08\x82\x06"
               "b.test")},
        {BYTES("\x30\x09\x82\x06"
               "b.test")},
        {BYTES("\x30\x08\x82\x07"
               "b.test")},
        {BYTES("\x30\x80\x82\x06"
               "b.test\0\0")},
        {BYTES("\x30\x84\0\0\0\x08\x82\x06"
               "b.test")},
        {BYTES("\x30\x83\xff\xff\xff\x82\x06"
               "b.test")},
        {BYTES("\x30\x82\x08")},
        {BYTES("\x30\x08\x82\x83\xff\xff\xff"
               "b.")},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK(!matches(rows[i].names, rows[i].size, named("b.test")), "row %zu", i);
    assert_true(matches(BYTES("\x30\x81\x08\x82\x06"
                              "b.test"),
                        named("b.test"))); /* a long form that is well */
    assert_true(matches(BYTES("\x30\x82\0\x08\x82\x06"
                              "b.test"),
                        named("b.test")));
}

static void lengths_above_255_are_read(void **state)
{
    (void)state;
    enum { FILLER = 0x100 };
    char names[4 + 4 + FILLER + 8] = "\x30\x82\x01\x0c"
                                     "\x86\x82\x01"; /* a URI */
    memset(names + 8, 'x', FILLER);
    memcpy(names + 8 + FILLER, DNS("\x06", "b.test"), 8);
    assert_true(matches(names, sizeof names, named("b.test")));
    assert_false(matches(names, sizeof names - 1, named("b.test")));
}

static void names_are_listed_for_a_person(void **state)
{
    (void)state;
    char words[100];
    struct text t;
    static const char all[] = NAMES("\x25", DNS("\x06", "b.test") DNS("\x05", "\x1b[2J\\") "\x81\x01"
                                                                                           "e"
                                                                                           "\x87\x04\x7f\0\0\x01"
                                                                                           "\x87\x03\x7f\0\0"
                                                                                           "\x82\x06"
                                                                                           "*.test");
    text_begin(&t, words, sizeof words);
    certificate_list_names(all, sizeof all - 1, &t);
    assert_string_equal(words, "b.test, \\x1b[2J\\\\, 127.0.0.1, *.test");
    static const char v6[] = NAMES("\x12", "\x87\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x25");
    text_begin(&t, words, sizeof words);
    certificate_list_names(v6, sizeof v6 - 1, &t);
    assert_string_equal(words, "2001:db8:0:0:0:0:0:25");
    text_begin(&t, words, 12);
    certificate_list_names(all, sizeof all - 1, &t);
    assert_string_equal(words, "b.test, ...");
    text_begin(&t, words, sizeof words);
    certificate_list_names(NULL, 0, &t);
    assert_string_equal(words, "");
}

/* ---- fingerprints ---- */

#define HALF "00112233445566778899aabbccddeeff"
#define HALF_COLONS "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"

static void fingerprints_are_read_and_shown(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        bool expected;
    } rows[] = {
        {HALF HALF, true},
        {HALF_COLONS ":" HALF_COLONS, true},
        {HALF_COLONS HALF, true},
        {HALF " " HALF, true},
        {"", false},
        {HALF, false},
        {HALF HALF "0", false},
        {HALF HALF ":", false},
        {":" HALF HALF, false},
        {HALF "::" HALF, false},
        {"0:0112233445566778899aabbccddeeff" HALF, false},
        {HALF "0g112233445566778899aabbccddeeff", false},
        {HALF "00112233445566778899aabbccddeef", false},
        {HALF "\xff"
              "0112233445566778899aabbccddeeff",
         false},
    };
    uint8_t read[FINGERPRINT_SIZE];
    char shown[3 * FINGERPRINT_SIZE];
    struct text t;
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK(fingerprint_read(rows[i].words, read) == rows[i].expected, "row %zu: %s", i, rows[i].words);
        if (!rows[i].expected)
            continue;
        text_begin(&t, shown, sizeof shown);
        fingerprint_show(read, false, &t);
        CHECK_TEXT(rows[i].words, shown, HALF HALF);
    }
    assert_true(fingerprint_read(HALF HALF, read));
    text_begin(&t, shown, sizeof shown);
    fingerprint_show(read, true, &t);
    assert_string_equal(shown, "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:"
                               "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff");
    assert_false(t.cut);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_compared_as_rfc_9525_has_it),
        cmocka_unit_test(an_address_is_compared_with_the_addresses),
        cmocka_unit_test(invalid_der_contains_no_names),
        cmocka_unit_test(lengths_above_255_are_read),
        cmocka_unit_test(names_are_listed_for_a_person),
        cmocka_unit_test(fingerprints_are_read_and_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
