/* A session as a whole: from greeting to QUIT, and all that cuts it short. */
#include "conversation.h"

static void a_conversation_goes_from_greeting_to_quit(void **state)
{
    (void)state;
    static const struct conversation conversations[] = {
        {"all succeed",
         {GREET, "250 ok\r\n", "251 none\r\n", "253 OK, 3 pending messages for node c\r\n", BYE},
         EHLO A B C QUIT,
         "started 250, nothing-waiting 251, pending 253",
         .ending = ""},
        {"one refused costs the others nothing",
         {GREET, "250 ok\r\n", "459 no\r\n", "252 ok\r\n", BYE},
         EHLO A B C QUIT,
         "started 250, not-allowed 459, pending 252",
         .ending = ""},
        {"all refused",
         {GREET, "458 busy\r\n", "502 no\r\n", "550 no\r\n", BYE},
         EHLO A B C QUIT,
         "unable-to-queue 458, refused 502, refused 550",
         .ending = ""},
        {"long greeting",
         {"220-mx\r\n220-no spam\r\n220 \r\n", EHLO_REPLY, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", BYE},
         EHLO A B C QUIT,
         THREE("started 250"),
         .ending = ""},
        {"long replies",
         {GREET, "250-one\r\n250-two\r\n250\r\n", "250-x\r\n250 y\r\n", "550-x\r\n550\r\n", "221-a\r\n221 b\r\n"},
         EHLO A B C QUIT,
         "started 250, started 250, refused 550",
         .ending = ""},
        {"one node",
         {GREET, "250 ok\r\n", BYE},
         EHLO "ETRN @example.net;" QUIT,
         "started 250",
         .ending = "",
         .nodes = {"@example.net"}},
        {"a queue", {GREET, "250 ok\r\n", BYE}, EHLO "ETRN #q!7;" QUIT, "started 250", .ending = "", .nodes = {"#q!7"}},
        {"no node", {GREET, BYE}, EHLO QUIT, "", .ending = "", .no_nodes = true},
        {"8-bit text",
         {"220 gr\xc3\xbc\xc3\x9f\r\n", EHLO_REPLY, "250 \xff\r\n", "250 ok\r\n", "250 ok\r\n", BYE},
         EHLO A B C QUIT,
         THREE("started 250"),
         .ending = ""},
    };
    play_all(conversations, COUNT(conversations));
}

/* The host closes the connection after it: no QUIT. */
static void a_421_ends_all(void **state)
{
    (void)state;
    static const struct conversation conversations[] = {
        {"421 greets", {"421 busy\r\n"}, "", THREE("temporary 421"), .ending = "temporary"},
        {"421 greets at length", {"421-busy\r\n421 very\r\n"}, "", THREE("temporary 421"), .ending = "temporary"},
        {"421 to EHLO", {"220 mx\r\n", "421 no\r\n"}, EHLO, THREE("temporary 421"), .ending = "temporary"},
        {"421 to HELO",
         {"220 mx\r\n", "500 what\r\n", "421 no\r\n"},
         EHLO HELO,
         THREE("temporary 421"),
         .ending = "temporary",
         .force_etrn = true},
        {"421 to the first", {GREET, "421 no\r\n"}, EHLO A, THREE("temporary 421"), .ending = "temporary"},
        {"421 to the second",
         {GREET, "250 ok\r\n", "421 no\r\n"},
         EHLO A B,
         "started 250, temporary 421, temporary 421",
         .ending = "temporary"},
        {"421 to the last",
         {GREET, "250 ok\r\n", "459 no\r\n", "421 no\r\n"},
         EHLO A B C,
         "started 250, not-allowed 459, temporary 421",
         .ending = "temporary"},
        {"421 to QUIT",
         {GREET, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", "421 no\r\n"},
         EHLO A B C QUIT,
         THREE("started 250"),
         .ending = ""},
        {"bytes behind 421", {GREET, "421 no\r\n250 ok\r\n"}, EHLO A, THREE("temporary 421"), .ending = "temporary"},
    };
    play_all(conversations, COUNT(conversations));
}

/* The commands that were made and never sent are in the list: the early bytes came first. */
static void bytes_before_their_time_end_it(void **state)
{
    (void)state;
    static const struct conversation conversations[] = {
        {"behind the greeting", {"220 mx\r\n250 ok\r\n"}, EHLO, THREE("broken"), .ending = "broken"},
        {"half a line behind the greeting", {"220 mx\r\n2"}, EHLO, THREE("broken"), .ending = "broken"},
        {"a line end behind the greeting", {"220 mx\r\n\n"}, EHLO, THREE("broken"), .ending = "broken"},
        {"behind EHLO", {"220 mx\r\n", EHLO_REPLY "250 ok\r\n"}, EHLO A, THREE("broken"), .ending = "broken"},
        {"behind HELO",
         {"220 mx\r\n", "500 what\r\n", "250 mx\r\n250 ok\r\n"},
         EHLO HELO A,
         THREE("broken"),
         .ending = "broken",
         .force_etrn = true},
        {"behind ETRN", {GREET, "250 ok\r\n250 ok\r\n"}, EHLO A B, "started 250, broken, broken", .ending = "broken"},
        {"behind a refused ETRN",
         {GREET, "250 ok\r\n", "459 no\r\n2"},
         EHLO A B C,
         "started 250, not-allowed 459, broken",
         .ending = "broken"},
        {"behind the last ETRN",
         {GREET, "250 ok\r\n", "251 ok\r\n", "252 ok\r\n221 bye\r\n"},
         EHLO A B C QUIT,
         "started 250, nothing-waiting 251, pending 252",
         .ending = ""},
        {"behind QUIT",
         {GREET, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", BYE "250 more\r\n"},
         EHLO A B C QUIT,
         THREE("started 250"),
         .ending = ""},
        {"behind a refusal", {"554 no\r\n250 ok\r\n"}, QUIT, THREE("turned-away 554"), .ending = "turned-away"},
    };
    play_all(conversations, COUNT(conversations));
}

static void what_is_not_smtp_ends_it(void **state)
{
    (void)state;
    static const struct conversation conversations[] = {
        {"bare LF greets", {"220 mx\n"}, "", THREE("broken"), .ending = "broken"},
        {"a web server greets", {"HTTP/1.0 400 Bad\r\n"}, "", THREE("broken"), .ending = "broken"},
        {"TLS greets", {"\x15\x03\x01"}, "", THREE("broken"), .ending = "broken"},
        {"codes differ in EHLO", {"220 mx\r\n", "250-mx\r\n550 ETRN\r\n"}, EHLO, THREE("broken"), .ending = "broken"},
        {"bare CR in EHLO", {"220 mx\r\n", "250-mx\r250 ETRN\r\n"}, EHLO, THREE("broken"), .ending = "broken"},
        {"escape sequence to ETRN",
         {GREET, "250 ok\r\n", "250 \x1b[2J\r\n"},
         EHLO A B,
         "started 250, broken, broken",
         .ending = "broken"},
        {"nonsense to QUIT",
         {GREET, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", "bye\r\n"},
         EHLO A B C QUIT,
         THREE("started 250"),
         .ending = ""},
    };
    play_all(conversations, COUNT(conversations));
}

static void a_lost_connection_fails_only_unanswered_nodes(void **state)
{
    (void)state;
    static const struct conversation conversations[] = {
        {"in the greeting", {NULL}, "", THREE("lost"), .ending = "lost"},
        {"amid the greeting", {"220-mx\r\n220"}, "", THREE("lost"), .ending = "lost"},
        {"in EHLO", {"220 mx\r\n"}, EHLO, THREE("lost"), .ending = "lost"},
        {"amid EHLO", {"220 mx\r\n", "250-mx\r\n250-ETRN\r\n"}, EHLO, THREE("lost"), .ending = "lost"},
        {"in HELO", {"220 mx\r\n", "502 no\r\n"}, EHLO HELO, THREE("lost"), .ending = "lost", .force_etrn = true},
        {"in the first ETRN", {GREET}, EHLO A, THREE("lost"), .ending = "lost"},
        {"in the second ETRN", {GREET, "250 ok\r\n"}, EHLO A B, "started 250, lost, lost", .ending = "lost"},
        {"amid the second reply",
         {GREET, "250 ok\r\n", "250 ok\r"},
         EHLO A B,
         "started 250, lost, lost",
         .ending = "lost"},
        {"in QUIT",
         {GREET, "250 ok\r\n", "459 no\r\n", "250 ok\r\n"},
         EHLO A B C QUIT,
         "started 250, not-allowed 459, started 250",
         .ending = ""},
        {"amid the reply to QUIT",
         {GREET, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", "221-"},
         EHLO A B C QUIT,
         THREE("started 250"),
         .ending = ""},
        {"timed out in EHLO",
         {"220 mx\r\n"},
         EHLO,
         THREE("timed-out"),
         .ending = "timed-out",
         .fail = OUTCOME_TIMED_OUT},
        {"timed out in QUIT",
         {GREET, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n"},
         EHLO A B C QUIT,
         THREE("started 250"),
         .ending = "",
         .fail = OUTCOME_TIMED_OUT},
        {"never connected",
         {NULL},
         "",
         THREE("no-connection"),
         .ending = "no-connection",
         .fail = OUTCOME_NO_CONNECTION},
        {"QUIT refused",
         {GREET, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", "500 what\r\n"},
         EHLO A B C QUIT,
         THREE("started 250"),
         .ending = ""},
    };
    play_all(conversations, COUNT(conversations));
}

static void a_connection_that_fails_after_a_refusal_keeps_the_refusal(void **state)
{
    (void)state;
    static const struct conversation conversations[] = {
        {"not offered", {"220 mx\r\n", "250 mx\r\n"}, EHLO QUIT, THREE("not-offered"), .ending = "not-offered"},
        {"554", {"554 no\r\n"}, QUIT, THREE("turned-away 554"), .ending = "turned-away"},
    };
    play_all(conversations, COUNT(conversations));
}

static void finishing_asks_no_further_node(void **state)
{
    (void)state;
    static const struct conversation conversations[] = {
        {"before the greeting", {"220 mx\r\n", BYE}, QUIT, THREE("cancelled"), .ending = "cancelled", .finish_at = 1},
        {"before a refusal", {"554 no\r\n", BYE}, QUIT, THREE("cancelled"), .ending = "cancelled", .finish_at = 1},
        {"in EHLO", {GREET, BYE}, EHLO QUIT, THREE("cancelled"), .ending = "cancelled", .finish_at = 2},
        {"in EHLO that offers nothing",
         {"220 mx\r\n", "250 mx\r\n", BYE},
         EHLO QUIT,
         THREE("cancelled"),
         .ending = "cancelled",
         .finish_at = 2},
        {"in EHLO that is unknown",
         {"220 mx\r\n", "500 what\r\n", BYE},
         EHLO QUIT,
         THREE("cancelled"),
         .ending = "cancelled",
         .finish_at = 2},
        {"in EHLO that is unknown, forced",
         {"220 mx\r\n", "500 what\r\n", BYE},
         EHLO QUIT,
         THREE("cancelled"),
         .ending = "cancelled",
         .finish_at = 2,
         .force_etrn = true},
        {"in EHLO that is refused",
         {"220 mx\r\n", "530 no\r\n", BYE},
         EHLO QUIT,
         THREE("cancelled"),
         .ending = "cancelled",
         .finish_at = 2},
        {"in EHLO without TLS",
         {GREET, BYE},
         EHLO QUIT,
         THREE("cancelled"),
         .ending = "cancelled",
         .finish_at = 2,
         .tls = TLS_REQUIRE},
        {"in HELO",
         {"220 mx\r\n", "500 what\r\n", "250 mx\r\n", BYE},
         EHLO HELO QUIT,
         THREE("cancelled"),
         .ending = "cancelled",
         .finish_at = 3,
         .force_etrn = true},
        {"in HELO that is refused",
         {"220 mx\r\n", "500 what\r\n", "550 no\r\n", BYE},
         EHLO HELO QUIT,
         THREE("cancelled"),
         .ending = "cancelled",
         .finish_at = 3,
         .force_etrn = true},
        {"in the first ETRN",
         {GREET, "250 ok\r\n", BYE},
         EHLO A QUIT,
         "started 250, cancelled, cancelled",
         .ending = "cancelled",
         .finish_at = 3},
        {"in a refused ETRN",
         {GREET, "459 no\r\n", BYE},
         EHLO A QUIT,
         "not-allowed 459, cancelled, cancelled",
         .ending = "cancelled",
         .finish_at = 3},
        {"in the last ETRN",
         {GREET, "250 ok\r\n", "250 ok\r\n", "252 ok\r\n", BYE},
         EHLO A B C QUIT,
         "started 250, started 250, pending 252",
         .ending = "",
         .finish_at = 5},
        {"in QUIT",
         {GREET, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", BYE},
         EHLO A B C QUIT,
         THREE("started 250"),
         .ending = "",
         .finish_at = 6},
        {"nodes that cannot be sent are not looked at any more",
         {GREET, "250 ok\r\n", BYE},
         EHLO A QUIT,
         "started 250, cancelled, cancelled",
         .ending = "cancelled",
         .finish_at = 3,
         .nodes = {"a.example", "b b", "c c"}},
        {"then the connection is lost", {GREET}, EHLO A, THREE("lost"), .ending = "lost", .finish_at = 2 + 1},
        {"then 421", {GREET, "421 no\r\n"}, EHLO A, THREE("temporary 421"), .ending = "temporary", .finish_at = 3},
    };
    play_all(conversations, COUNT(conversations));
}

static void events_report_the_whole_conversation(void **state)
{
    (void)state;
    struct seen seen;
    struct session session;
    struct session_params params = {.helo = "[192.0.2.1]", .nodes = usual_nodes, .node_count = 3};
    text_begin(&seen.text, seen.lines, sizeof seen.lines);
    session_begin(&session, &params, write_down, &seen);
    static const char *const host[] = {"220 mx\r\n", EHLO_REPLY, "253 OK, 12 pending messages \xff\r\n",
                                       "250-x\r\n25x\x1b"};
    for (size_t i = 0; i < COUNT(host); i++) {
        session_input(&session, host[i], strlen(host[i]));
        session_sent(&session);
    }
    assert_string_equal(seen.lines, "greeting 220< 220 mx\n"
                                    "greeting -> capabilities\n"
                                    "capabilities > EHLO [192.0.2.1]\n"
                                    "capabilities 250< 250-mx.example greets you\n"
                                    "capabilities 250< 250-SIZE 0\n"
                                    "capabilities 250< 250 ETRN\n"
                                    "capabilities -> node reply\n"
                                    "node reply > ETRN a.example\n"
                                    "node reply 253< 253 OK, 12 pending messages \\xff\n"
                                    "node reply node 0, 12 waiting: 253 OK, 12 pending messages \\xff\n"
                                    "node reply > ETRN b.example\n"
                                    "node reply 250< 250-x\n"
                                    "node reply 0< 25x\n"
                                    "node reply node 1, 0 waiting: a control character within a line\n"
                                    "node reply node 2, 0 waiting: a control character within a line\n"
                                    "node reply -> end\n"
                                    "end: a control character within a line\n");
}

static void each_state_has_its_timeout(void **state)
{
    (void)state;
    static const struct {
        enum session_state state;
        int64_t reply_timeout_ms, expected_ms;
        const char *overdue;
    } rows[] = {
        {SESSION_GREETING, 300000, 300000, "no greeting in 300 s"},
        {SESSION_CAPABILITIES, 300000, 300000, "no reply to EHLO in 300 s"},
        {SESSION_WELCOME, 5000, 5000, "no reply to HELO in 5 s"},
        {SESSION_TLS_READINESS, 5000, 5000, "no reply to STARTTLS in 5 s"},
        {SESSION_TLS, 60000, 60000, "the TLS handshake was not finished in 60 s"},
        {SESSION_AUTHENTICATION, 5000, 5000, "no reply to AUTH in 5 s"},
        {SESSION_NODE_REPLY, 5000, 5000, "no reply to ETRN in 5 s"},
        {SESSION_ANSWER, 5000, 5000, "no reply to finger in 5 s"},
        {SESSION_FAREWELL, 300000, 2000, "no reply to QUIT in 2 s"},
        {SESSION_FAREWELL, 1000, 1000, "no reply to QUIT in 1 s"},
        {SESSION_OVER, 300000, 0, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct session_params params = {.reply_timeout_ms = rows[i].reply_timeout_ms};
        struct session session = {.params = &params, .state = rows[i].state};
        TEXT_SCRATCH(overdue, 100);
        CHECK(session_timeout_ms(&session) == rows[i].expected_ms, "%s", session_state_name(rows[i].state));
        session_add_overdue(&session, &overdue);
        if (rows[i].overdue)
            CHECK_TEXT(session_state_name(rows[i].state), overdue.data, rows[i].overdue);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conversation_goes_from_greeting_to_quit),
        cmocka_unit_test(a_421_ends_all),
        cmocka_unit_test(bytes_before_their_time_end_it),
        cmocka_unit_test(what_is_not_smtp_ends_it),
        cmocka_unit_test(a_lost_connection_fails_only_unanswered_nodes),
        cmocka_unit_test(a_connection_that_fails_after_a_refusal_keeps_the_refusal),
        cmocka_unit_test(finishing_asks_no_further_node),
        cmocka_unit_test(events_report_the_whole_conversation),
        cmocka_unit_test(each_state_has_its_timeout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
