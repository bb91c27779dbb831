/* The introduction: AUTH. */
#include "conversation.h"

/* ---- AUTH: the user, password and challenge of RFC 2195 section 2 ---- */

#define CHALLENGE "<1896.697170952@postoffice.reston.mci.net>"
#define CHALLENGE_64 "PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"
#define CRAM_64 "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"
#define PLAIN_64 "AHRpbQB0YW5zdGFhZnRhbnN0YWFm"
#define USER_64 "dGlt"
#define PASSWORD_64 "dGFuc3RhYWZ0YW5zdGFhZg=="
#define AUTH_REPLY(words) "250-mx.example\r\n250-AUTH " words "\r\n250 ETRN\r\n"
#define OFFERS(words) "220 mx.example ESMTP\r\n", AUTH_REPLY(words)
#define OVER_TLS(words) TLS_GREET, READY, SECURED, AUTH_REPLY(words)
#define EHLO_TWICE EHLO STARTTLS EHLO
#define IN "235 welcome\r\n"
#define ALL_OK "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", BYE

static bool digest_of_the_rfc(const void *key, size_t key_size, const void *data, size_t size, unsigned char digest[16])
{
    static const unsigned char known[16] = {0xb9, 0x13, 0xa6, 0x02, 0xc7, 0xed, 0xa7, 0xa4,
                                            0x95, 0xb4, 0xe6, 0xe7, 0x33, 0x4d, 0x38, 0x90};
    memcpy(digest, known, sizeof known);
    return key_size == 16 && memcmp(key, "tanstaaftanstaaf", 16) == 0 && size == strlen(CHALLENGE) &&
           memcmp(data, CHALLENGE, size) == 0;
}

static const struct auth_credentials tim = {"tim", "tanstaaftanstaaf", .hmac_md5 = digest_of_the_rfc};
static const struct auth_credentials tim_in_clear = {"tim", "tanstaaftanstaaf", true, digest_of_the_rfc};

static void auth_comes_before_etrn(void **state)
{
    (void)state;
    static const struct conversation conversations[] = {
        {"PLAIN over TLS",
         {OVER_TLS("CRAM-MD5 LOGIN PLAIN"), IN, ALL_OK},
         EHLO_TWICE "AUTH PLAIN ***;" A B C QUIT,
         THREE("started 250"),
         .ending = "",
         .channel = CHANNEL_TLS,
         .auth = &tim,
         .secrets = "AUTH PLAIN " PLAIN_64 ";",
         .tls = TLS_MAY},
        {"LOGIN over TLS",
         {OVER_TLS("CRAM-MD5 LOGIN"), "334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n", IN, ALL_OK},
         EHLO_TWICE "AUTH LOGIN;***;***;" A B C QUIT,
         THREE("started 250"),
         .ending = "",
         .auth = &tim,
         .secrets = "AUTH LOGIN;" USER_64 ";" PASSWORD_64 ";",
         .tls = TLS_REQUIRE},
        {"CRAM-MD5 over implicit TLS",
         {SECURED, OFFERS("CRAM-MD5"), "334 " CHALLENGE_64 "\r\n", IN, ALL_OK},
         EHLO "AUTH CRAM-MD5;***;" A B C QUIT,
         THREE("started 250"),
         .ending = "",
         .auth = &tim,
         .secrets = "AUTH CRAM-MD5;" CRAM_64 ";",
         .tls = TLS_IMPLICIT},
        {"CRAM-MD5 first in clear",
         {OFFERS("PLAIN LOGIN CRAM-MD5"), "334 " CHALLENGE_64 "\r\n", IN, ALL_OK},
         EHLO "AUTH CRAM-MD5;***;" A B C QUIT,
         THREE("started 250"),
         .ending = "",
         .channel = CHANNEL_CLEAR,
         .auth = &tim_in_clear,
         .secrets = "AUTH CRAM-MD5;" CRAM_64 ";"},
        {"PLAIN in clear, where that is allowed",
         {OFFERS("LOGIN PLAIN"), IN, ALL_OK},
         EHLO "AUTH PLAIN ***;" A B C QUIT,
         THREE("started 250"),
         .ending = "",
         .auth = &tim_in_clear,
         .secrets = "AUTH PLAIN " PLAIN_64 ";"},
        {"CRAM-MD5 first where TLS proves nothing",
         {TLS_GREET, READY, UNVERIFIED, AUTH_REPLY("PLAIN CRAM-MD5"), "334 " CHALLENGE_64 "\r\n", IN, ALL_OK},
         EHLO_TWICE "AUTH CRAM-MD5;***;" A B C QUIT,
         THREE("started 250"),
         .ending = "",
         .channel = CHANNEL_TLS_UNVERIFIED,
         .auth = &tim_in_clear,
         .secrets = "AUTH CRAM-MD5;" CRAM_64 ";",
         .tls = TLS_MAY},
        {"any other 2yz is success as well",
         {OFFERS("PLAIN"), "250 ok\r\n", "250 ok\r\n", "251 none\r\n", "250 ok\r\n", BYE},
         EHLO "AUTH PLAIN ***;" A B C QUIT,
         "started 250, nothing-waiting 251, started 250",
         .ending = "",
         .auth = &tim_in_clear,
         .secrets = "AUTH PLAIN " PLAIN_64 ";"},
        {"no node",
         {OFFERS("PLAIN"), IN, BYE},
         EHLO "AUTH PLAIN ***;" QUIT,
         "",
         .ending = "",
         .no_nodes = true,
         .auth = &tim_in_clear,
         .secrets = "AUTH PLAIN " PLAIN_64 ";"},
        {"ended before the reply to AUTH",
         {OFFERS("PLAIN"), IN, BYE},
         EHLO "AUTH PLAIN ***;" QUIT,
         THREE("cancelled"),
         .ending = "cancelled",
         .finish_at = 3,
         .auth = &tim_in_clear,
         .secrets = "AUTH PLAIN " PLAIN_64 ";"},
        {"ended before a challenge",
         {OFFERS("LOGIN"), "334 VXNlcm5hbWU6\r\n", "501 cancelled\r\n", BYE},
         EHLO "AUTH LOGIN;*;" QUIT,
         THREE("cancelled"),
         .ending = "cancelled",
         .finish_at = 3,
         .auth = &tim_in_clear,
         .secrets = "AUTH LOGIN;*;"},
    };
    play_all(conversations, COUNT(conversations));
}

/* Not a line of AUTH goes out where the password would not be safe, or nobody takes it; nor is anything asked. */
static void without_a_safe_way_nothing_is_sent(void **state)
{
    (void)state;
    static const struct conversation conversations[] = {
        {"in clear",
         {OFFERS("PLAIN CRAM-MD5"), BYE},
         EHLO QUIT,
         THREE("no-auth"),
         .ending = "no-auth",
         .why = "AUTH is offered only without TLS; the password was not sent",
         .auth = &tim},
        {"in clear, for want of STARTTLS",
         {OFFERS("PLAIN CRAM-MD5"), BYE},
         EHLO QUIT,
         THREE("no-auth"),
         .ending = "no-auth",
         .auth = &tim,
         .tls = TLS_MAY},
        {"offered only without TLS",
         {"220 mx\r\n", "250-mx\r\n250-STARTTLS\r\n250-AUTH PLAIN\r\n250 ETRN\r\n", READY, SECURED, EHLO_REPLY, BYE},
         EHLO_TWICE QUIT,
         THREE("no-auth"),
         .ending = "no-auth",
         .why = "AUTH is offered only without TLS; the password was not sent",
         .auth = &tim_in_clear,
         .tls = TLS_MAY},
        {"a certificate that proves nothing",
         {TLS_GREET, READY, UNVERIFIED, AUTH_REPLY("PLAIN CRAM-MD5"), BYE},
         EHLO_TWICE QUIT,
         THREE("no-auth"),
         .ending = "no-auth",
         .why = "the host's certificate is not verified; the password was not sent",
         .auth = &tim,
         .tls = TLS_MAY},
        {"STARTTLS refused",
         {"220 mx\r\n", "250-mx\r\n250-STARTTLS\r\n250-AUTH PLAIN\r\n250 ETRN\r\n", "454 no\r\n", BYE},
         EHLO STARTTLS QUIT,
         THREE("no-auth"),
         .ending = "no-auth",
         .auth = &tim,
         .tls = TLS_MAY},
        {"not offered",
         {GREET, BYE},
         EHLO QUIT,
         THREE("no-auth"),
         .ending = "no-auth",
         .why = "AUTH is not in the reply to EHLO",
         .auth = &tim_in_clear},
        {"no mechanism that is known",
         {OVER_TLS("GSSAPI XOAUTH2 PLAINER"), BYE},
         EHLO_TWICE QUIT,
         THREE("no-auth"),
         .ending = "no-auth",
         .why = "the host's AUTH offers none of PLAIN, LOGIN and CRAM-MD5",
         .auth = &tim,
         .tls = TLS_MAY},
        {"no ETRN either way",
         {"220 mx\r\n", "250-mx\r\n250 AUTH PLAIN\r\n", BYE},
         EHLO QUIT,
         THREE("not-offered"),
         .ending = "not-offered",
         .auth = &tim_in_clear},
        {"EHLO unknown: HELO offers no AUTH",
         {"220 mx\r\n", "500 what\r\n", BYE},
         EHLO QUIT,
         THREE("not-offered 500"),
         .ending = "not-offered",
         .force_etrn = true,
         .auth = &tim_in_clear},
    };
    play_all(conversations, COUNT(conversations));
}

static void a_refused_auth_asks_for_nothing(void **state)
{
    (void)state;
    static const struct {
        int code;
        const char *outcome;
    } rows[] = {
        {354, "broken"},    {432, "temporary"}, {450, "temporary"}, {451, "temporary"},
        {454, "temporary"}, {500, "no-auth"},   {501, "no-auth"},   {502, "no-auth"},
        {503, "no-auth"},   {504, "no-auth"},   {530, "no-auth"},   {534, "no-auth"},
        {535, "no-auth"},   {538, "no-auth"},   {550, "no-auth"},   {554, "no-auth"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char reply[40], result[40], results[160];
        snprintf(reply, sizeof reply, "%d-no\r\n%d never\r\n", rows[i].code, rows[i].code);
        snprintf(result, sizeof result, "%s %d", rows[i].outcome, rows[i].code);
        snprintf(results, sizeof results, "%s, %s, %s", result, result, result);
        struct conversation plain = {reply,
                                     {OFFERS("PLAIN"), reply, BYE},
                                     EHLO "AUTH PLAIN ***;" QUIT,
                                     results,
                                     .ending = rows[i].outcome,
                                     .auth = &tim_in_clear,
                                     .secrets = "AUTH PLAIN " PLAIN_64 ";"};
        struct conversation login = {reply,
                                     {OFFERS("LOGIN"), "334 VXNlcm5hbWU6\r\n", reply, BYE},
                                     EHLO "AUTH LOGIN;***;" QUIT,
                                     results,
                                     .ending = rows[i].outcome,
                                     .auth = &tim_in_clear,
                                     .secrets = "AUTH LOGIN;" USER_64 ";"};
        play_every_way(&plain);
        play_every_way(&login);
    }
    static const struct conversation closing = {"421",
                                                {OFFERS("PLAIN"), "421 closing\r\n"},
                                                EHLO "AUTH PLAIN ***;",
                                                THREE("temporary 421"),
                                                .ending = "temporary",
                                                .auth = &tim_in_clear,
                                                .secrets = "AUTH PLAIN " PLAIN_64 ";"};
    play_every_way(&closing);
}

static void a_challenge_that_cannot_be_answered_is_cancelled(void **state)
{
    (void)state;
    static const struct {
        const char *offer, *first, *challenge;
    } rows[] = {
        {"LOGIN", "AUTH LOGIN", "334 Username:\r\n"},
        {"LOGIN", "AUTH LOGIN", "334 VXNlcm5hbWU\r\n"},
        {"LOGIN", "AUTH LOGIN", "334 VXNlcm5hbWU6 \r\n"},
        {"CRAM-MD5", "AUTH CRAM-MD5", "334\r\n"},
        {"CRAM-MD5", "AUTH CRAM-MD5", "334 \r\n"},
        {"CRAM-MD5", "AUTH CRAM-MD5", "334 \xff\xfe\x80!\r\n"},
        {"CRAM-MD5", "AUTH CRAM-MD5", "334 VXNlcm5hbWU6\r\n"}, /* for which this machine has no digest */
        {"PLAIN", "AUTH PLAIN " PLAIN_64, "334 \r\n"},
        {"PLAIN", "AUTH PLAIN " PLAIN_64, "334-VXNlcm5hbWU6\r\n334 VXNlcm5hbWU6\r\n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char offer[80], commands[100], secrets[100];
        bool response = strchr(rows[i].first + 5, ' ') != NULL;
        snprintf(offer, sizeof offer, AUTH_REPLY("%s"), rows[i].offer);
        snprintf(secrets, sizeof secrets, "%s;*;", rows[i].first);
        snprintf(commands, sizeof commands, EHLO "AUTH %s%s;*;", rows[i].offer, response ? " ***" : "");
        struct conversation goes_on = {rows[i].challenge,
                                       {"220 mx\r\n", offer, rows[i].challenge, "334 \r\n"},
                                       commands,
                                       THREE("no-auth"),
                                       .ending = "no-auth",
                                       .auth = &tim_in_clear,
                                       .secrets = secrets};
        play_every_way(&goes_on);
        struct conversation lost = goes_on;
        lost.host[3] = NULL;
        play_every_way(&lost);
        struct conversation cancelled = goes_on;
        char and_quit[120];
        snprintf(and_quit, sizeof and_quit, "%sQUIT;", commands);
        cancelled.commands = and_quit;
        cancelled.host[3] = "501 cancelled\r\n";
        cancelled.host[4] = BYE;
        play_every_way(&cancelled);
    }
    static const struct conversation three = {"a third challenge of LOGIN",
                                              {OFFERS("LOGIN"), "334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n",
                                               "334 UGFzc3dvcmQ6\r\n", "501 so be it\r\n", BYE},
                                              EHLO "AUTH LOGIN;***;***;*;" QUIT,
                                              THREE("no-auth"),
                                              .ending = "no-auth",
                                              .auth = &tim_in_clear,
                                              .secrets = "AUTH LOGIN;" USER_64 ";" PASSWORD_64 ";*;"};
    play_every_way(&three);
}

/* What else these replies say is lost with it; watch_for_secrets() looks. */
static void a_secret_in_a_reply_is_not_shown(void **state)
{
    (void)state;
    static const char *const echoes[] = {
        "535 no: tanstaaftanstaaf\r\n",
        "535-" PASSWORD_64 "\r\n535 " PLAIN_64 "\r\n",
        "500 unrecognized command: AUTH PLAIN " PLAIN_64 "\r\n",
        "500 unrecognized command: AUTH PLAIN AHRpbQB0YW5zdG\r\n",
        "500 TANSTAAFTANSTAAF\r\n",
        "535 b913a602c7eda7a495b4e6e7334d3890\r\n",
        "535 " CRAM_64 "\r\n",
        PLAIN_64 "\r\n",
        "535 " PLAIN_64 "\n",
    };
    for (size_t i = 0; i < COUNT(echoes); i++) {
        bool proper = i < 7;
        char results[160], result[40];
        snprintf(result, sizeof result, proper ? "no-auth %.3s" : "broken", echoes[i]);
        snprintf(results, sizeof results, "%s, %s, %s", result, result, result);
        struct conversation cram = {echoes[i],
                                    {OFFERS("CRAM-MD5"), "334 " CHALLENGE_64 "\r\n", echoes[i], proper ? BYE : NULL},
                                    proper ? EHLO "AUTH CRAM-MD5;***;" QUIT : EHLO "AUTH CRAM-MD5;***;",
                                    results,
                                    .ending = proper ? "no-auth" : "broken",
                                    .auth = &tim_in_clear,
                                    .secrets = "AUTH CRAM-MD5;" CRAM_64 ";"};
        play_every_way(&cram);
    }
    static const struct conversation later = {
        "in the replies behind AUTH",
        {OVER_TLS("PLAIN"), "235 hello tim:tanstaaftanstaaf\r\n", "253 " PASSWORD_64 ", 3 pending messages\r\n",
         "459-" PLAIN_64 "\r\n459 tanstaaftanstaaf\r\n", "250 ok\r\n", "221 bye tanstaaftanstaaf\r\n"},
        EHLO_TWICE "AUTH PLAIN ***;" A B C QUIT,
        "pending 253, not-allowed 459, started 250",
        .ending = "",
        .auth = &tim,
        .secrets = "AUTH PLAIN " PLAIN_64 ";",
        .tls = TLS_MAY};
    play_every_way(&later);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auth_comes_before_etrn),
        cmocka_unit_test(without_a_safe_way_nothing_is_sent),
        cmocka_unit_test(a_refused_auth_asks_for_nothing),
        cmocka_unit_test(a_challenge_that_cannot_be_answered_is_cancelled),
        cmocka_unit_test(a_secret_in_a_reply_is_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
