/* The introduction: greeting, EHLO or HELO, STARTTLS. */
#include "conversation.h"

static void a_greeting_other_than_220_is_no_welcome(void **state)
{
    (void)state;
    static const struct {
        const char *greeting, *result, *ending;
    } rows[] = {
        {"221 bye\r\n", "broken 221", .ending = "broken"},
        {"250 ok\r\n", "broken 250", .ending = "broken"},
        {"354 go\r\n", "broken 354", .ending = "broken"},
        {"450 later\r\n", "temporary 450", .ending = "temporary"},
        {"451 later\r\n", "temporary 451", .ending = "temporary"},
        {"500 what\r\n", "turned-away 500", .ending = "turned-away"},
        {"501 what\r\n", "turned-away 501", .ending = "turned-away"},
        {"521 no mail\r\n", "turned-away 521", .ending = "turned-away"},
        {"530 TLS first\r\n", "needs-security 530", .ending = "needs-security"},
        {"554 no\r\n", "turned-away 554", .ending = "turned-away"},
        {"554-no\r\n554 never\r\n", "turned-away 554", .ending = "turned-away"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char expected[100];
        snprintf(expected, sizeof expected, "%s, %s, %s", rows[i].result, rows[i].result, rows[i].result);
        for (int forced = 0; forced < 2; forced++) {
            struct conversation c = {rows[i].greeting, {rows[i].greeting, BYE},  QUIT,
                                     expected,         .ending = rows[i].ending, .force_etrn = forced};
            play_every_way(&c);
        }
    }
}

/* HELO can offer nothing: it follows only where EHLO is unknown, ETRN forced and TLS not required. */
static void after_a_refused_ehlo_helo_is_sent_if_etrn_is_forced(void **state)
{
    (void)state;
    static const struct {
        int code;
        bool helo;
        const char *outcome;
    } rows[] = {
        {220, false, "broken"},      {221, false, "broken"},         {354, false, "broken"},
        {450, false, "temporary"},   {451, false, "temporary"},      {500, true, "not-offered"},
        {501, true, "not-offered"},  {502, true, "not-offered"},     {503, true, "not-offered"},
        {504, true, "not-offered"},  {530, false, "needs-security"}, {550, false, "turned-away"},
        {554, false, "turned-away"}, {555, false, "turned-away"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char reply[30], expected[100];
        snprintf(reply, sizeof reply, "%d so\r\n", rows[i].code);
        snprintf(expected, sizeof expected, "%s %d, %s %d, %s %d", rows[i].outcome, rows[i].code, rows[i].outcome,
                 rows[i].code, rows[i].outcome, rows[i].code);
        struct conversation refused = {
            reply, {"220 mx\r\n", reply, BYE}, EHLO QUIT, expected, .ending = rows[i].outcome};
        play_every_way(&refused);

        struct conversation secure = refused;
        secure.force_etrn = true;
        secure.tls = TLS_REQUIRE;
        play_every_way(&secure);

        struct conversation forced = {
            reply,
            {"220 mx\r\n", reply, "250 mx\r\n", "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", BYE},
            EHLO HELO A B C QUIT,
            THREE("started 250"),
            .ending = "",
            .force_etrn = true};
        for (forced.tls = TLS_NONE; forced.tls <= TLS_MAY; forced.tls++)
            if (rows[i].helo)
                play_every_way(&forced);
        refused.force_etrn = true;
        if (!rows[i].helo)
            play_every_way(&refused);
    }
    static const struct conversation conversations[] = {
        {"HELO refused",
         {"220 mx\r\n", "500 what\r\n", "550 no\r\n", BYE},
         EHLO HELO QUIT,
         THREE("turned-away 550"),
         .ending = "turned-away",
         .force_etrn = true},
        {"HELO later",
         {"220 mx\r\n", "500 what\r\n", "451 no\r\n", BYE},
         EHLO HELO QUIT,
         THREE("temporary 451"),
         .ending = "temporary",
         .force_etrn = true},
        {"HELO and security",
         {"220 mx\r\n", "500 what\r\n", "530 no\r\n", BYE},
         EHLO HELO QUIT,
         THREE("needs-security 530"),
         .ending = "needs-security",
         .force_etrn = true},
        {"HELO, 220",
         {"220 mx\r\n", "500 what\r\n", "220 no\r\n", BYE},
         EHLO HELO QUIT,
         THREE("broken 220"),
         .ending = "broken",
         .force_etrn = true},
    };
    play_all(conversations, COUNT(conversations));
}

static void etrn_is_sent_only_if_it_is_offered_or_forced(void **state)
{
    (void)state;
    static const struct {
        const char *reply;
        bool offered;
    } rows[] = {
        {"250 mx\r\n", false},
        {"250\r\n", false},
        {"250 ETRN\r\n", false}, /* the first line is the host's name */
        {"250-ETRN\r\n250 SIZE\r\n", false},
        {"250-mx\r\n250 SIZE 1000\r\n", false},
        {"250-mx\r\n250 STARTTLS\r\n", false},
        {"250-mx\r\n250 XETRN\r\n", false},
        {"250-mx\r\n250 ETRNX\r\n", false},
        {"250-mx\r\n250 X-ETRN\r\n", false},
        {"250-mx\r\n250 ETR\r\n", false},
        {"250-mx\r\n250 SIZE ETRN\r\n", false},
        {"250-mx\r\n250  ETRN\r\n", false},
        {"250-mx\r\n250 ETRN-ETRN-ETRN\r\n", false},
        {"250-mx\r\n250 ETRN\r\n", true},
        {"250-mx\r\n250 etrn\r\n", true},
        {"250-mx\r\n250 Etrn\r\n", true},
        {"250-mx\r\n250-ETRN\r\n250 SIZE\r\n", true},
        {"250-mx\r\n250-ETRN \r\n250 SIZE\r\n", true},
        {"250-mx\r\n250 ETRN by appointment\r\n", true},
        {"250-mx\r\n250-\r\n250-ETRN\r\n250\r\n", true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct conversation asked = {
            rows[i].reply,   {"220 mx\r\n", rows[i].reply, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", BYE},
            EHLO A B C QUIT, THREE("started 250"),
            .ending = "",    .force_etrn = !rows[i].offered};
        play_every_way(&asked);
        struct conversation left = {rows[i].reply,
                                    {"220 mx\r\n", rows[i].reply, BYE},
                                    EHLO QUIT,
                                    THREE("not-offered"),
                                    .ending = "not-offered"};
        if (!rows[i].offered)
            play_every_way(&left);
    }
}

static void starttls_precedes_etrn_and_is_followed_by_ehlo(void **state)
{
    (void)state;
    static const struct conversation conversations[] = {
        {"may",
         {TLS_GREET, READY, SECURED, EHLO_REPLY, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", BYE},
         EHLO STARTTLS EHLO A B C QUIT,
         THREE("started 250"),
         .ending = "",
         .channel = CHANNEL_TLS,
         .tls = TLS_MAY},
        {"may, and a certificate that proves nothing",
         {TLS_GREET, READY, UNVERIFIED, EHLO_REPLY, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", BYE},
         EHLO STARTTLS EHLO A B C QUIT,
         THREE("started 250"),
         .ending = "",
         .channel = CHANNEL_TLS_UNVERIFIED,
         .tls = TLS_MAY},
        {"none, though offered",
         {TLS_GREET, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", BYE},
         EHLO A B C QUIT,
         THREE("started 250"),
         .ending = "",
         .channel = CHANNEL_CLEAR,
         .tls = TLS_NONE},
        {"may, after a handshake that failed",
         {TLS_GREET, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", BYE},
         EHLO A B C QUIT,
         THREE("started 250"),
         .ending = "",
         .channel = CHANNEL_CLEAR_FAILED,
         .starttls_failed = true,
         .tls = TLS_MAY},
        {"required",
         {TLS_GREET, READY, SECURED, EHLO_REPLY, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", BYE},
         EHLO STARTTLS EHLO A B C QUIT,
         THREE("started 250"),
         .ending = "",
         .channel = CHANNEL_TLS,
         .tls = TLS_REQUIRE},
        {"required, and a certificate that proves nothing",
         {TLS_GREET, READY, UNVERIFIED},
         EHLO STARTTLS,
         THREE("no-tls"),
         .ending = "no-tls",
         .tls = TLS_REQUIRE},
        {"implicit",
         {SECURED, GREET, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", BYE},
         EHLO A B C QUIT,
         THREE("started 250"),
         .ending = "",
         .channel = CHANNEL_TLS,
         .tls = TLS_IMPLICIT},
        {"implicit, and STARTTLS offered once more",
         {SECURED, TLS_GREET, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", BYE},
         EHLO A B C QUIT,
         THREE("started 250"),
         .ending = "",
         .tls = TLS_IMPLICIT},
        {"implicit, and a certificate that proves nothing",
         {UNVERIFIED},
         "",
         THREE("no-tls"),
         .ending = "no-tls",
         .tls = TLS_IMPLICIT},
        {"ETRN offered in clear alone is forgotten",
         {TLS_GREET, READY, SECURED, "250 mx.example\r\n", BYE},
         EHLO STARTTLS EHLO QUIT,
         THREE("not-offered"),
         .ending = "not-offered",
         .tls = TLS_MAY},
        {"EHLO refused behind TLS",
         {TLS_GREET, READY, SECURED, "550 no\r\n", BYE},
         EHLO STARTTLS EHLO QUIT,
         THREE("turned-away 550"),
         .ending = "turned-away",
         .tls = TLS_MAY},
        {"a reply behind 220",
         {TLS_GREET, READY "250 ETRN\r\n"},
         EHLO STARTTLS,
         THREE("broken"),
         .ending = "broken",
         .tls = TLS_MAY},
        {"a reply later, still in clear",
         {TLS_GREET, READY, "250 ETRN\r\n"},
         EHLO STARTTLS,
         THREE("broken"),
         .ending = "broken",
         .tls = TLS_REQUIRE},
        {"greeting in clear where TLS is implicit",
         {GREET},
         "",
         THREE("broken"),
         .ending = "broken",
         .tls = TLS_IMPLICIT},
        {"ended before the reply to STARTTLS",
         {TLS_GREET, READY},
         EHLO STARTTLS,
         THREE("cancelled"),
         .ending = "cancelled",
         .finish_at = 3,
         .tls = TLS_MAY},
        {"ended before STARTTLS is refused",
         {TLS_GREET, "454 not now\r\n", BYE},
         EHLO STARTTLS QUIT,
         THREE("cancelled"),
         .ending = "cancelled",
         .finish_at = 3,
         .tls = TLS_MAY},
        {"ended in the handshake",
         {TLS_GREET, READY, SECURED, BYE},
         EHLO STARTTLS QUIT,
         THREE("cancelled"),
         .ending = "cancelled",
         .finish_at = 4,
         .tls = TLS_MAY},
        {"ended in the handshake that comes first",
         {SECURED, "220 mx\r\n", BYE},
         QUIT,
         THREE("cancelled"),
         .ending = "cancelled",
         .finish_at = 1,
         .tls = TLS_IMPLICIT},
    };
    play_all(conversations, COUNT(conversations));
}

/* 421 closes the connection; whatever else is not 220 is a refusal, and leaves the session as it was. */
static void after_a_refused_starttls_clear_text_is_used_if_allowed(void **state)
{
    (void)state;
    static const int codes[] = {250, 334, 354, 450, 454, 500, 501, 502, 503, 504, 530, 554};
    for (size_t i = 0; i < COUNT(codes); i++) {
        char reply[32];
        char result[32];
        char results[100];
        snprintf(reply, sizeof reply, "%d no\r\n", codes[i]);
        snprintf(result, sizeof result, "no-tls %d", codes[i]);
        snprintf(results, sizeof results, "%s, %s, %s", result, result, result);
        struct conversation may = {reply,
                                   {TLS_GREET, reply, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", BYE},
                                   EHLO STARTTLS A B C QUIT,
                                   THREE("started 250"),
                                   .ending = "",
                                   .channel = CHANNEL_CLEAR_REFUSED,
                                   .tls = TLS_MAY};
        struct conversation required = {reply,   {TLS_GREET, reply, BYE}, EHLO STARTTLS QUIT,
                                        results, .ending = "no-tls",      .tls = TLS_REQUIRE};
        play_every_way(&may);
        play_every_way(&required);
    }
    static const struct conversation closing = {"421",
                                                {TLS_GREET, "421 closing\r\n"},
                                                EHLO STARTTLS,
                                                THREE("temporary 421"),
                                                .ending = "temporary",
                                                .tls = TLS_REQUIRE};
    play_every_way(&closing);
}

static void without_required_tls_nothing_is_asked(void **state)
{
    (void)state;
    static const struct conversation conversations[] = {
        {"required", {GREET, BYE}, EHLO QUIT, THREE("no-tls"), .ending = "no-tls", .tls = TLS_REQUIRE},
        {"required, ETRN forced",
         {GREET, BYE},
         EHLO QUIT,
         THREE("no-tls"),
         .ending = "no-tls",
         .tls = TLS_REQUIRE,
         .force_etrn = true},
        {"may",
         {GREET, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", BYE},
         EHLO A B C QUIT,
         THREE("started 250"),
         .ending = "",
         .channel = CHANNEL_CLEAR_NOT_OFFERED,
         .tls = TLS_MAY},
    };
    play_all(conversations, COUNT(conversations));
}

/* An EHLO reply of `lines` capabilities, "ETRN" the last of them. */
static char *many_capabilities(size_t lines)
{
    char *reply = malloc(lines * 9 + 1);
    for (size_t i = 0; i < lines; i++)
        memcpy(reply + i * 9, "250-LOT\r\n", 9);
    memcpy(reply + (lines - 1) * 9, "250 ETRN\r\n", 10);
    return reply;
}

static void a_flood_of_capabilities_is_read_up_to_the_limit(void **state)
{
    (void)state;
    static const struct {
        size_t lines;
        const char *result;
    } rows[] = {{7000, "started 250"}, {10000, "broken"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *flood = many_capabilities(rows[i].lines);
        size_t length = rows[i].lines * 9 + 1;
        struct played p = {.script = &(struct conversation){.name = "flood"}, .node_count = 1};
        struct session_params params = {.helo = "me.example", .nodes = usual_nodes, .node_count = 1};
        text_begin(&p.commands, p.command_buffer, sizeof p.command_buffer);
        text_begin(&p.results, p.result_buffer, sizeof p.result_buffer);
        text_begin(&p.secrets, p.secret_buffer, sizeof p.secret_buffer);
        session_begin(&p.session, &params, watch, &p);
        p.state = p.session.state;
        host_speaks(&p, "220 mx\r\n", 8, 0);
        hand_over(&p);
        host_speaks(&p, flood, length, 0);
        hand_over(&p);
        host_speaks(&p, "250 ok\r\n", 8, 0);
        session_fail(&p.session, OUTCOME_LOST, NULL);
        CHECK_TEXT("flood", p.result_buffer, rows[i].result);
        free(flood);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_greeting_other_than_220_is_no_welcome),
        cmocka_unit_test(after_a_refused_ehlo_helo_is_sent_if_etrn_is_forced),
        cmocka_unit_test(etrn_is_sent_only_if_it_is_offered_or_forced),
        cmocka_unit_test(starttls_precedes_etrn_and_is_followed_by_ehlo),
        cmocka_unit_test(after_a_refused_starttls_clear_text_is_used_if_allowed),
        cmocka_unit_test(without_required_tls_nothing_is_asked),
        cmocka_unit_test(a_flood_of_capabilities_is_read_up_to_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
