#include "outcome.h"
#include "unit.h"

/* What RFC 1985 and the design make of each reply to ETRN. */
static const struct {
    int code;
    const char *outcome;
    enum consequence follows;
} etrn_codes[] = {
    {250, "started", FOLLOWS_SUCCESS},          {251, "nothing-waiting", FOLLOWS_SUCCESS},
    {252, "pending", FOLLOWS_SUCCESS},          {253, "pending", FOLLOWS_SUCCESS},
    {200, "started", FOLLOWS_SUCCESS},          {220, "started", FOLLOWS_SUCCESS},
    {259, "started", FOLLOWS_SUCCESS},          {334, "broken", FOLLOWS_PASSING},
    {354, "broken", FOLLOWS_PASSING},           {400, "temporary", FOLLOWS_PASSING},
    {421, "temporary", FOLLOWS_PASSING},        {450, "temporary", FOLLOWS_PASSING},
    {451, "temporary", FOLLOWS_PASSING},        {452, "temporary", FOLLOWS_PASSING},
    {454, "temporary", FOLLOWS_PASSING},        {457, "temporary", FOLLOWS_PASSING},
    {458, "unable-to-queue", FOLLOWS_RETRY},    {459, "not-allowed", FOLLOWS_PERMANENT},
    {500, "refused", FOLLOWS_PERMANENT},        {501, "refused", FOLLOWS_PERMANENT},
    {502, "refused", FOLLOWS_PERMANENT},        {503, "refused", FOLLOWS_PERMANENT},
    {504, "refused", FOLLOWS_PERMANENT},        {521, "refused", FOLLOWS_PERMANENT},
    {530, "needs-security", FOLLOWS_PERMANENT}, {535, "refused", FOLLOWS_PERMANENT},
    {550, "refused", FOLLOWS_PERMANENT},        {554, "refused", FOLLOWS_PERMANENT},
    {559, "refused", FOLLOWS_PERMANENT},
};

static void replies_to_etrn_lead_to_outcomes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(etrn_codes); i++) {
        enum outcome outcome = outcome_of_etrn(etrn_codes[i].code);
        CHECK(strcmp(outcome_name(outcome), etrn_codes[i].outcome) == 0, "%d: found %s, expected %s",
              etrn_codes[i].code, outcome_name(outcome), etrn_codes[i].outcome);
        CHECK(outcome_consequence(outcome) == etrn_codes[i].follows, "%d: what follows", etrn_codes[i].code);
    }
}

static void unknown_codes_are_classified_by_their_first_digit(void **state)
{
    (void)state;
    for (int code = 200; code < 600; code++) {
        bool in_table = false;
        for (size_t i = 0; i < COUNT(etrn_codes); i++)
            in_table = in_table || etrn_codes[i].code == code;
        enum outcome etrn = code < 300   ? OUTCOME_STARTED
                            : code < 400 ? OUTCOME_BROKEN
                            : code < 500 ? OUTCOME_TEMPORARY
                                         : OUTCOME_REFUSED;
        CHECK(in_table || outcome_of_etrn(code) == etrn, "ETRN %d", code);
        enum outcome refusal = code < 400    ? OUTCOME_BROKEN
                               : code < 500  ? OUTCOME_TEMPORARY
                               : code != 530 ? OUTCOME_TURNED_AWAY
                                             : OUTCOME_NEEDS_SECURITY;
        CHECK(outcome_of_refusal(code) == refusal, "greeting, EHLO or HELO %d", code);
        enum outcome auth = code < 400 ? OUTCOME_BROKEN : code < 500 ? OUTCOME_TEMPORARY : OUTCOME_NO_AUTH;
        CHECK(outcome_of_auth(code) == auth, "AUTH %d", code);
    }
}

static void each_outcome_has_its_consequence(void **state)
{
    (void)state;
    static const enum consequence expected[OUTCOME_COUNT] = {
        [OUTCOME_NONE] = FOLLOWS_NOTHING,
        [OUTCOME_STARTED] = FOLLOWS_SUCCESS,
        [OUTCOME_NOTHING_WAITING] = FOLLOWS_SUCCESS,
        [OUTCOME_PENDING] = FOLLOWS_SUCCESS,
        [OUTCOME_UNABLE_TO_QUEUE] = FOLLOWS_RETRY,
        [OUTCOME_NOT_ALLOWED] = FOLLOWS_PERMANENT,
        [OUTCOME_REFUSED] = FOLLOWS_PERMANENT,
        [OUTCOME_TURNED_AWAY] = FOLLOWS_PERMANENT,
        [OUTCOME_NEEDS_SECURITY] = FOLLOWS_PERMANENT,
        [OUTCOME_NOT_OFFERED] = FOLLOWS_PERMANENT,
        [OUTCOME_TEMPORARY] = FOLLOWS_PASSING,
        [OUTCOME_NO_ADDRESS] = FOLLOWS_PASSING,
        [OUTCOME_NO_CONNECTION] = FOLLOWS_PASSING,
        [OUTCOME_TIMED_OUT] = FOLLOWS_PASSING,
        [OUTCOME_LOST] = FOLLOWS_PASSING,
        [OUTCOME_BROKEN] = FOLLOWS_PASSING,
        [OUTCOME_NO_TLS] = FOLLOWS_PERMANENT,
        [OUTCOME_NO_AUTH] = FOLLOWS_PERMANENT,
        [OUTCOME_NO_WAKE] = FOLLOWS_PASSING,
        [OUTCOME_NO_SERVICE] = FOLLOWS_PASSING,
        [OUTCOME_PROGRAM_FAILED] = FOLLOWS_PASSING,
        [OUTCOME_BAD_NODE] = FOLLOWS_PERMANENT,
        [OUTCOME_LOCAL] = FOLLOWS_PASSING,
        [OUTCOME_CANCELLED] = FOLLOWS_NOTHING,
    };
    for (enum outcome o = OUTCOME_NONE; o < OUTCOME_COUNT; o++)
        CHECK(outcome_consequence(o) == expected[o], "%s", outcome_name(o));
}

static void names_are_for_machines_and_differ(void **state)
{
    (void)state;
    for (enum outcome a = OUTCOME_NONE; a < OUTCOME_COUNT; a++) {
        const char *name = outcome_name(a);
        CHECK(*name && strspn(name, "abcdefghijklmnopqrstuvwxyz-") == strlen(name), "\"%s\"", name);
        for (enum outcome b = OUTCOME_NONE; b < a; b++)
            assert_string_not_equal(name, outcome_name(b));
    }
}

/* Whether `s` is one or more whole sentences. */
static bool is_sentence(const char *s)
{
    size_t length = strlen(s);
    return length > 5 && s[0] >= 'A' && s[0] <= 'Z' && (s[length - 1] == '.' || s[length - 1] == ')');
}

static void check_sentences(enum outcome outcome, int code)
{
    struct result result;
    result_set(&result, outcome, code, NULL);
    CHECK(is_sentence(outcome_meaning(&result)), "%s %d: meaning \"%s\"", outcome_name(outcome), code,
          outcome_meaning(&result));
    enum consequence follows = outcome_consequence(outcome);
    bool nothing_to_do = follows == FOLLOWS_SUCCESS || follows == FOLLOWS_NOTHING;
    CHECK(nothing_to_do ? !*outcome_advice(&result) : is_sentence(outcome_advice(&result)), "%s %d: advice \"%s\"",
          outcome_name(outcome), code, outcome_advice(&result));
}

static void each_outcome_has_a_meaning_and_advice(void **state)
{
    (void)state;
    for (enum outcome o = OUTCOME_NONE; o < OUTCOME_COUNT; o++)
        check_sentences(o, 0);
    for (int code = 200; code < 600; code++) {
        check_sentences(outcome_of_etrn(code), code);
        check_sentences(outcome_of_refusal(code), code);
        check_sentences(outcome_of_auth(code), code);
    }
}

static void the_reply_code_is_explained_if_it_led_to_the_outcome(void **state)
{
    (void)state;
    static const struct {
        enum outcome outcome;
        int code;
        const char *meaning;
    } rows[] = {
        {OUTCOME_REFUSED, 502, "The host is not configured to accept ETRN."},
        {OUTCOME_NOTHING_WAITING, 251, "ETRN works, and no mail is waiting for this domain."},
        {OUTCOME_PENDING, 252, "Mail is waiting for this domain, and the host has started to deliver it."},
        {OUTCOME_PENDING, 253, "Mail is waiting for this domain, and the host has started to deliver it."},
        {OUTCOME_TEMPORARY, 421, "The host is busy or shutting down, and closed the connection."},
        {OUTCOME_TEMPORARY, 450, "The host cannot process the request now."},
        {OUTCOME_TEMPORARY, 451, "A local error occurred on the host."},
        {OUTCOME_REFUSED, 500, "The host does not know the ETRN command."},
        {OUTCOME_REFUSED, 501, "The host does not accept this domain as an argument."},
        {OUTCOME_REFUSED, 503, "The host requires another command first."},
        {OUTCOME_REFUSED, 504, "The host does not support this form of argument."},
        {OUTCOME_REFUSED, 550, "The host denied the request."},
        {OUTCOME_REFUSED, 554, "The host rejects ETRN from this computer."},
        {OUTCOME_REFUSED, 559, "The host refused the request."},
        {OUTCOME_NOT_OFFERED, 502, "The host does not offer ETRN."},
        {OUTCOME_STARTED, 250, "The host has started to deliver the mail waiting for this domain."},
        {OUTCOME_STARTED, 0, "The host has started to deliver the waiting mail."},
        {OUTCOME_NOT_ALLOWED, 459, "The host does not permit ETRN for this domain."},
        {OUTCOME_NO_AUTH, 535, "The host rejected the user name or the password."},
        {OUTCOME_NO_AUTH, 504, "The host rejected an authentication mechanism that it offers."},
        {OUTCOME_NO_AUTH, 530, "The host requires TLS before authentication."},
        {OUTCOME_NO_AUTH, 534, "The host requires a stronger authentication mechanism for this user."},
        {OUTCOME_NO_AUTH, 538, "The host requires TLS before authentication."},
        {OUTCOME_NO_AUTH, 0, "The settings require authentication (User), which failed."},
        {OUTCOME_REFUSED, 535, "The host refused the request."},
        {OUTCOME_NEEDS_SECURITY, 530, "The host requires TLS or authentication before it accepts ETRN."},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct result result;
        result_set(&result, rows[i].outcome, rows[i].code, NULL);
        CHECK_TEXT(outcome_name(rows[i].outcome), outcome_meaning(&result), rows[i].meaning);
    }
    struct result result;
    result_set(&result, OUTCOME_REFUSED, 501, NULL);
    assert_string_equal(
        outcome_advice(&result),
        "Check the spelling. By default Exim accepts only arguments that begin with #: put # before the domain.");
    result_set(&result, OUTCOME_REFUSED, 550, NULL);
    assert_string_equal(outcome_advice(&result), "Ask the host's operator whether this computer may use ETRN there.");
}

static void the_messages_that_wait_are_counted(void **state)
{
    (void)state;
    static const struct {
        enum outcome outcome;
        const char *text;
        uint32_t messages;
    } rows[] = {
        {OUTCOME_PENDING, "253 OK, 14 pending messages for node a.example started", 14},
        {OUTCOME_PENDING, "253 14 pending messages for node a.example started", 14},
        {OUTCOME_PENDING, "253 OK, 0 pending messages for node a.example started", 0},
        {OUTCOME_PENDING, "253 OK, 1 pending message for node 7.example started", 1},
        {OUTCOME_PENDING, "253 OK, 999999999 pending messages", 999999999},
        {OUTCOME_PENDING, "253 OK, 1000000000 pending messages", 0},
        {OUTCOME_PENDING, "253 OK, 99999999999999999999 pending messages", 0},
        {OUTCOME_PENDING, "253 node 12, 3 pending messages", 3},
        {OUTCOME_PENDING, "253 pending messages for node a.example started", 0}, /* the code is no count */
        {OUTCOME_PENDING, "252 pending messages for node a.example started", 0},
        {OUTCOME_PENDING, "252 OK, pending messages for node a.example started", 0},
        {OUTCOME_PENDING, "253 OK, x14 pending messages", 0},
        {OUTCOME_PENDING, "253 OK, -3 pending messages", 0},
        {OUTCOME_PENDING, "253 OK, 14", 0},
        {OUTCOME_PENDING, "253 OK, 14 messages", 0},
        {OUTCOME_PENDING, "253", 0},
        {OUTCOME_PENDING, "", 0},
        {OUTCOME_PENDING, NULL, 0},
        {OUTCOME_STARTED, "250 OK, 14 pending messages", 0},
        {OUTCOME_REFUSED, "550 14 pending messages", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct result result;
        memset(&result, 0xAA, sizeof result);
        result_set(&result, rows[i].outcome, 253, rows[i].text);
        CHECK(result.messages == rows[i].messages, "\"%s\": found %u, expected %u",
              rows[i].text ? rows[i].text : "NULL", result.messages, rows[i].messages);
    }
}

static void a_channel_is_described_only_if_it_differs_from_the_settings(void **state)
{
    (void)state;
    static const struct {
        enum channel channel;
        const char *name, *meaning;
    } rows[] = {
        {CHANNEL_NONE, "none", ""},
        {CHANNEL_CLEAR, "clear", ""},
        {CHANNEL_CLEAR_NOT_OFFERED, "clear-not-offered", "not encrypted: STARTTLS is not offered"},
        {CHANNEL_CLEAR_REFUSED, "clear-refused", "not encrypted: STARTTLS was refused"},
        {CHANNEL_CLEAR_FAILED, "clear-failed", "not encrypted: the TLS handshake failed"},
        {CHANNEL_TLS_UNVERIFIED, "tls-unverified", "encrypted, certificate not verified"},
        {CHANNEL_TLS, "tls", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_TEXT("name", channel_name(rows[i].channel), rows[i].name);
        CHECK_TEXT(rows[i].name, channel_meaning(rows[i].channel), rows[i].meaning);
    }
}

static void the_text_is_escaped_and_cut(void **state)
{
    (void)state;
    struct result result;
    result_set(&result, OUTCOME_REFUSED, 550, "550 \x1b[31mno\\ gr\xc3\xbc\xc3\x9f \xff");
    assert_string_equal(result.text, "550 \\x1b[31mno\\\\ gr\xc3\xbc\xc3\x9f \\xff");
    assert_int_equal(result.outcome, OUTCOME_REFUSED);
    assert_int_equal(result.code, 550);

    char fits[200] = "", longer[4096] = "";
    memset(fits, 'x', sizeof fits - 1);
    memset(longer, 'y', sizeof longer - 1);
    result_set(&result, OUTCOME_REFUSED, 550, fits);
    assert_string_equal(result.text, fits);
    result_set(&result, OUTCOME_REFUSED, 550, longer);
    assert_int_equal(strlen(result.text), 199);
    assert_string_equal(result.text + 195, "y...");

    result_set(&result, OUTCOME_LOST, 0, NULL);
    assert_string_equal(result.text, "");
    assert_int_equal(result.code, 0);
}

static void a_count_beyond_the_cut_is_still_read(void **state)
{
    (void)state;
    char line[400] = "253 ";
    memset(line + 4, 'z', 250);
    memcpy(line + 254, " 14 pending messages", 21);
    struct result result;
    result_set(&result, OUTCOME_PENDING, 253, line);
    assert_int_equal(result.messages, 14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_to_etrn_lead_to_outcomes),
        cmocka_unit_test(unknown_codes_are_classified_by_their_first_digit),
        cmocka_unit_test(each_outcome_has_its_consequence),
        cmocka_unit_test(names_are_for_machines_and_differ),
        cmocka_unit_test(each_outcome_has_a_meaning_and_advice),
        cmocka_unit_test(the_reply_code_is_explained_if_it_led_to_the_outcome),
        cmocka_unit_test(the_messages_that_wait_are_counted),
        cmocka_unit_test(a_channel_is_described_only_if_it_differs_from_the_settings),
        cmocka_unit_test(the_text_is_escaped_and_cut),
        cmocka_unit_test(a_count_beyond_the_cut_is_still_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
