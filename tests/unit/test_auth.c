#include "auth.h"
#include "unit.h"

#include <stdlib.h>

/* The example of RFC 2195 section 2, whose password is that of RFC 4616 section 4 as well. */
#define CHALLENGE "<1896.697170952@postoffice.reston.mci.net>"
#define CHALLENGE_64 "PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"
#define PLAIN_64 "AHRpbQB0YW5zdGFhZnRhbnN0YWFm"

static bool digest_of_the_rfc(const void *key, size_t key_size, const void *data, size_t size, unsigned char digest[16])
{
    static const unsigned char known[16] = {0xb9, 0x13, 0xa6, 0x02, 0xc7, 0xed, 0xa7, 0xa4,
                                            0x95, 0xb4, 0xe6, 0xe7, 0x33, 0x4d, 0x38, 0x90};
    assert_int_equal(key_size, 16);
    assert_memory_equal(key, "tanstaaftanstaaf", 16);
    memcpy(digest, known, sizeof known);
    return size == strlen(CHALLENGE) && memcmp(data, CHALLENGE, size) == 0;
}

static const struct auth_credentials tim = {"tim", "tanstaaftanstaaf", false, digest_of_the_rfc};
static const struct auth_credentials digestless = {"tim", "tanstaaftanstaaf", false, NULL};

enum { OFFERED = 1 << AUTH_NONE, PLAIN = 1 << AUTH_PLAIN, LOGIN = 1 << AUTH_LOGIN, CRAM = 1 << AUTH_CRAM_MD5 };

static void the_offer_is_read_from_ehlo(void **state)
{
    (void)state;
    static const struct {
        const char *capability;
        unsigned offered;
    } rows[] = {
        {"AUTH PLAIN LOGIN CRAM-MD5", OFFERED | PLAIN | LOGIN | CRAM},
        {"AUTH PLAIN", OFFERED | PLAIN},
        {"auth plain Login", OFFERED | PLAIN | LOGIN},
        {"AUTH=LOGIN", OFFERED | LOGIN},
        {"AUTH=LOGIN PLAIN", OFFERED | LOGIN | PLAIN},
        {"AUTH =LOGIN  PLAIN ", OFFERED | LOGIN | PLAIN},
        {"AUTH GSSAPI DIGEST-MD5 CRAM-MD5 XOAUTH2", OFFERED | CRAM},
        {"AUTH", OFFERED},
        {"AUTH ", OFFERED},
        {"AUTH PLAINER LOGI CRAM-MD5-PLUS CRAM-SHA1", OFFERED},
        {"AUTH GSSAPI", OFFERED},
        {"AUTHX PLAIN", 0},
        {"XAUTH PLAIN", 0},
        {"AUTHINFO PLAIN", 0},
        {"SIZE 1000 AUTH PLAIN", 0},
        {"ETRN", 0},
        {"", 0},
        {"=PLAIN", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK(auth_offer(rows[i].capability) == rows[i].offered, "%s: found %u, expected %u", rows[i].capability,
              auth_offer(rows[i].capability), rows[i].offered);
}

static void the_mechanism_fits_the_line(void **state)
{
    (void)state;
    static const struct {
        unsigned offered;
        enum auth_mechanism secured, in_clear, digestless;
    } rows[] = {
        {OFFERED | PLAIN | LOGIN | CRAM, AUTH_PLAIN, AUTH_CRAM_MD5, AUTH_PLAIN},
        {OFFERED | LOGIN | CRAM, AUTH_LOGIN, AUTH_CRAM_MD5, AUTH_LOGIN},
        {OFFERED | PLAIN | LOGIN, AUTH_PLAIN, AUTH_PLAIN, AUTH_PLAIN},
        {OFFERED | CRAM, AUTH_CRAM_MD5, AUTH_CRAM_MD5, AUTH_NONE},
        {OFFERED | LOGIN, AUTH_LOGIN, AUTH_LOGIN, AUTH_LOGIN},
        {OFFERED, AUTH_NONE, AUTH_NONE, AUTH_NONE},
        {0, AUTH_NONE, AUTH_NONE, AUTH_NONE},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK(auth_choose(rows[i].offered, true, &tim) == rows[i].secured, "row %zu, secured", i);
        CHECK(auth_choose(rows[i].offered, false, &tim) == rows[i].in_clear, "row %zu, in clear", i);
        CHECK(auth_choose(rows[i].offered, false, &digestless) == rows[i].digestless, "row %zu, no digest", i);
    }
}

static void passwords_are_checked_as_they_are_given(void **state)
{
    (void)state;
    char longest[AUTH_PASSWORD_LIMIT + 2];
    memset(longest, 'x', sizeof longest);
    assert_null(auth_password_fault(longest, AUTH_PASSWORD_LIMIT));
    assert_string_equal(auth_password_fault(longest, AUTH_PASSWORD_LIMIT + 1), "is too long");
    assert_string_equal(auth_password_fault("", 0), "is empty");
    assert_null(auth_password_fault("a b\\\"'%", 7));
    assert_null(auth_password_fault("gr\xc3\xbc\xc3\x9f \xe2\x82\xac", 10));
    assert_string_equal(auth_password_fault("a\0b", 3), "contains a control character");
    assert_string_equal(auth_password_fault("p\0w\0", 4), "contains a control character"); /* UTF-16 */
    assert_string_equal(auth_password_fault("a\tb", 3), "contains a control character");
    assert_string_equal(auth_password_fault("a\x7f", 2), "contains a control character");
    assert_string_equal(auth_password_fault("gr\xfc\xdf", 4), "is not UTF-8");
}

/* Plays an exchange: the first line, then the answers to the challenges, NULL where it is to be cancelled. */
static void each_mechanism_sends_the_messages_of_its_rfc(void **state)
{
    (void)state;
    static const struct {
        enum auth_mechanism mechanism;
        const char *first;
        struct {
            const char *challenge, *answer;
        } turns[3];
    } rows[] = {
        {AUTH_PLAIN, "AUTH PLAIN " PLAIN_64, {{"", NULL}}},
        {AUTH_LOGIN,
         "AUTH LOGIN",
         {{"VXNlcm5hbWU6", "dGlt"}, {"UGFzc3dvcmQ6", "dGFuc3RhYWZ0YW5zdGFhZg=="}, {"UGFzc3dvcmQ6", NULL}}},
        {AUTH_LOGIN, "AUTH LOGIN", {{"", "dGlt"}, {"", "dGFuc3RhYWZ0YW5zdGFhZg=="}}},
        {AUTH_LOGIN, "AUTH LOGIN", {{"VXNlcm5hbWU6", "dGlt"}, {"Password:", NULL}}},
        {AUTH_CRAM_MD5,
         "AUTH CRAM-MD5",
         {{CHALLENGE_64, "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"}, {CHALLENGE_64, NULL}}},
        {AUTH_CRAM_MD5, "AUTH CRAM-MD5", {{"", NULL}}},
        {AUTH_CRAM_MD5, "AUTH CRAM-MD5", {{"VXNlcm5hbWU6", NULL}}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct auth a;
        char line[AUTH_LINE_SIZE];
        bool secret = auth_begin(&a, rows[i].mechanism, &tim, line);
        CHECK_TEXT("first", line, rows[i].first);
        assert_int_equal(secret, rows[i].mechanism == AUTH_PLAIN);
        for (size_t j = 0; j < 3 && rows[i].turns[j].challenge; j++) {
            const char *fault = auth_answer(&a, rows[i].turns[j].challenge, line);
            CHECK((fault == NULL) == (rows[i].turns[j].answer != NULL), "row %zu, turn %zu: %s", i, j,
                  fault ? fault : line);
            if (!fault)
                CHECK_TEXT("answer", line, rows[i].turns[j].answer);
        }
    }
}

/* RFC 4954 section 4: a command line has 512 octets; the response is then sent when it is asked for. */
static void a_long_response_waits_for_the_challenge(void **state)
{
    (void)state;
    char user[AUTH_USER_LIMIT + 1] = "";
    char password[AUTH_PASSWORD_LIMIT + 1] = "";
    memset(user, 'u', AUTH_USER_LIMIT);
    for (size_t length = 1; length <= AUTH_PASSWORD_LIMIT; length++) {
        struct auth_credentials who = {user, password, false, NULL};
        struct auth a;
        char line[AUTH_LINE_SIZE];
        memset(password, 'p', length);
        bool secret = auth_begin(&a, AUTH_PLAIN, &who, line);
        bool fits = strlen("AUTH PLAIN \r\n") + BASE64_SIZE(AUTH_USER_LIMIT + 2 + length) - 1 <= 512;
        CHECK(secret == fits, "password of %zu", length);
        if (!secret) {
            assert_string_equal(line, "AUTH PLAIN");
            assert_non_null(auth_answer(&a, "VXNlcm5hbWU6", line));
            auth_begin(&a, AUTH_PLAIN, &who, line);
            assert_null(auth_answer(&a, "", line));
            assert_int_equal(strlen(line), BASE64_SIZE(AUTH_USER_LIMIT + 2 + length) - 1);
            assert_non_null(auth_answer(&a, "", line));
        }
    }
    struct auth_credentials who = {user, password, false, NULL};
    struct auth a;
    char line[AUTH_LINE_SIZE];
    auth_begin(&a, AUTH_LOGIN, &who, line);
    assert_null(auth_answer(&a, "", line));
    assert_null(auth_answer(&a, "", line));
    assert_int_equal(strlen(line), 340);
}

/* The table of settings and the tool let none pass; an answer that is cut would look like a wrong password. */
static void what_is_too_long_is_not_sent_in_part(void **state)
{
    (void)state;
    char huge[AUTH_MESSAGE_LIMIT + 5] = "";
    memset(huge, 'p', sizeof huge - 1);
    struct auth_credentials long_user = {huge, "tanstaaftanstaaf", false, digest_of_the_rfc};
    struct auth_credentials long_password = {"tim", huge, false, digest_of_the_rfc};
    struct auth a;
    char line[AUTH_LINE_SIZE];
    assert_false(auth_begin(&a, AUTH_PLAIN, &long_password, line));
    assert_string_equal(line, "AUTH PLAIN");
    assert_string_equal(auth_answer(&a, "", line), "the user name or the password is too long");
    assert_false(auth_begin(&a, AUTH_PLAIN, &long_user, line));
    assert_non_null(auth_answer(&a, "", line));
    auth_begin(&a, AUTH_LOGIN, &long_user, line);
    assert_non_null(auth_answer(&a, "", line));
    auth_begin(&a, AUTH_CRAM_MD5, &long_user, line);
    assert_non_null(auth_answer(&a, CHALLENGE_64, line));
    assert_false(auth_echoed(&a, "334 more", 8, true));
}

static void a_challenge_of_any_length_is_refused_or_answered(void **state)
{
    (void)state;
    for (size_t length = 0; length < 4100; length += 4) {
        char challenge[4104] = "";
        char line[AUTH_LINE_SIZE];
        struct auth a;
        memset(challenge, 'A', length);
        auth_begin(&a, AUTH_LOGIN, &tim, line);
        const char *fault = auth_answer(&a, challenge, line);
        assert_int_equal(fault == NULL, length <= 4096);
    }
}

static void an_echo_is_recognized(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        bool whole, part;
    } rows[] = {
        {"535 5.7.8 Error: authentication failed", false, false},
        {"500 tim: unknown", false, false},
        {"535 tanstaaftanstaaf", true, true},
        {"535 (TanStaafTanStaaf)", true, true},
        {"535 tanstaaf", false, true},
        {"535 nstaaf?", false, true},
        {"535 tansta", false, true},
        {"535 tanst", false, false},
        {"535 " PLAIN_64, true, true},
        {"500 AUTH PLAIN ahrpbqb0yw5zdgfhznrhbnn0ywfm", true, true},
        {"500 AUTH PLAIN AHRpbQB0Y", false, true},
        {"500 dGFuc3RhYWZ0YW5zdGFhZg==", true, true},
        {"500 b913a602c7eda7a495b4e6e7334d3890", true, true},
        {"500 b913a602", false, true},
        {"500 dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw", true, true},
        {"", false, false},
    };
    struct auth a;
    char line[AUTH_LINE_SIZE];
    auth_begin(&a, AUTH_CRAM_MD5, &tim, line);
    assert_false(auth_echoed(&a, "535 no", 6, true));
    assert_null(auth_answer(&a, CHALLENGE_64, line));
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t length = strlen(rows[i].line);
        char *exact = malloc(length ? length : 1);
        memcpy(exact, rows[i].line, length);
        CHECK(auth_echoed(&a, exact, length, false) == rows[i].whole, "whole: %s", rows[i].line);
        CHECK(auth_echoed(&a, exact, length, true) == rows[i].part, "in part: %s", rows[i].line);
        free(exact);
    }
}

static void a_short_password_is_recognized_only_as_a_whole(void **state)
{
    (void)state;
    static const struct auth_credentials short_one = {"u", "pw", false, NULL};
    struct auth a;
    char line[AUTH_LINE_SIZE];
    auth_begin(&a, AUTH_PLAIN, &short_one, line);
    assert_true(auth_echoed(&a, "535 u:pw", 8, true));
    assert_true(auth_echoed(&a, "535 u:pw", 8, false));
    assert_false(auth_echoed(&a, "535 p w", 7, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_offer_is_read_from_ehlo),
        cmocka_unit_test(the_mechanism_fits_the_line),
        cmocka_unit_test(passwords_are_checked_as_they_are_given),
        cmocka_unit_test(each_mechanism_sends_the_messages_of_its_rfc),
        cmocka_unit_test(a_long_response_waits_for_the_challenge),
        cmocka_unit_test(what_is_too_long_is_not_sent_in_part),
        cmocka_unit_test(a_challenge_of_any_length_is_refused_or_answered),
        cmocka_unit_test(an_echo_is_recognized),
        cmocka_unit_test(a_short_password_is_recognized_only_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
