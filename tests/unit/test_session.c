#include "session.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

enum { NODE_MAXIMUM = 4, EVERY_REPLY = 100 };

/* One conversation: what the host sends when it is its turn, and what is to come of it. When the host has no more to
 * send, the connection is lost. */
struct conversation {
    const char *name;
    const char *host[16];            /* the greeting, then the reply to each command */
    const char *commands;            /* that the host is to get, each ended by a semicolon */
    const char *results;             /* "started 250, refused 502": of each node, in order */
    const char *ending;              /* what cut the conversation short, "" when nothing did */
    const char *why;                 /* the words of that, where they matter */
    const char *nodes[NODE_MAXIMUM]; /* a.example, b.example, c.example when none is given */
    bool force_etrn, no_nodes;
    enum tls_mode tls;
    enum channel channel; /* of the results, where CHANNEL_NONE would not do */
    bool starttls_failed;
    const struct auth_credentials *auth;
    const char *secrets; /* what is sent in AUTH, each line ended by a semicolon; `commands` has only what is shown */
    int finish_at;       /* session_finish() before the host's n-th turn, counted from 1; 0: never */
    enum outcome fail;   /* in place of OUTCOME_LOST */
};

#define EHLO_REPLY "250-mx.example greets you\r\n250-SIZE 0\r\n250 ETRN\r\n"
#define GREET "220 mx.example ESMTP\r\n", EHLO_REPLY
#define BYE "221 bye\r\n"
#define EHLO "EHLO me.example;"
#define HELO "HELO me.example;"
#define A "ETRN a.example;"
#define B "ETRN b.example;"
#define C "ETRN c.example;"
#define STARTTLS "STARTTLS;"
#define QUIT "QUIT;"
#define TLS_GREET "220 mx.example ESMTP\r\n", "250-mx.example\r\n250-starttls\r\n250 ETRN\r\n"
#define READY "220 go ahead\r\n"

/* Turns of the host that are no bytes of SMTP: the handshake, with a good certificate or another. */
#define SECURED "\1good"
#define UNVERIFIED "\1the certificate is for elsewhere"
#define THREE(result) result ", " result ", " result

/* ---- playing a conversation, with what must hold in each ---- */

struct played {
    const struct conversation *script;
    struct session session;
    struct text commands, results, secrets;
    char command_buffer[4096], result_buffer[2048], secret_buffer[4096], ending[100];
    size_t node_count, settled, sent, handed, replies;
    bool over;
};

static void watch_command(struct played *p, const struct session_event *event)
{
    size_t count;
    const char *out = session_output(&p->session, &count);
    CHECK(p->sent == p->handed, "%s: a second command before the first was sent", p->script->name);
    CHECK(p->replies == p->sent + 1, "%s: a command before its turn", p->script->name);
    assert_in_range(count, 3, event->state == SESSION_AUTH ? SESSION_OUT_SIZE : SESSION_COMMAND_LIMIT);
    if (event->state == SESSION_AUTH) {
        text_add(&p->secrets, "%.*s;", (int)count - 2, out);
    } else {
        assert_int_equal(event->length, count - 2);
        assert_memory_equal(event->line, out, event->length);
    }
    assert_memory_equal(out + count - 2, "\r\n", 2);
    for (size_t i = 0; i < count - 2; i++)
        assert_in_range((unsigned char)out[i], 0x20, 0x7E);
    p->sent++;
    text_add(&p->commands, "%.*s;", (int)event->length, event->line);
}

static void watch_node(struct played *p, const struct session_event *event)
{
    CHECK(event->node == p->settled && p->settled < p->node_count, "%s: node %zu after %zu results", p->script->name,
          event->node, p->settled);
    assert_int_not_equal(event->result->outcome, OUTCOME_NONE);
    if (p->script->channel)
        assert_int_equal(event->result->channel, p->script->channel);
    text_add(&p->results, "%s%s", p->settled ? ", " : "", outcome_name(event->result->outcome));
    if (event->result->code)
        text_add(&p->results, " %d", event->result->code);
    p->settled++;
}

/* The password of the tests and what is made of it, in no event. */
static void watch_for_secrets(const struct played *p, const struct session_event *event)
{
    static const char *const secrets[] = {"tanstaaf", "TANSTAAF", "0YW5zdG", "b913a602c7eda7a4", "MTNhNjAy"};
    for (size_t i = 0; p->script->auth && i < COUNT(secrets); i++) {
        char line[REPLY_LINE_LIMIT];
        snprintf(line, sizeof line, "%.*s", (int)event->length, event->line ? event->line : "");
        CHECK(!strstr(line, secrets[i]), "%s: %s", p->script->name, line);
        CHECK(!event->result || !strstr(event->result->text, secrets[i]), "%s: %s", p->script->name,
              event->result->text);
    }
}

static void watch(void *owner, const struct session_event *event)
{
    struct played *p = owner;
    CHECK(!p->over, "%s: an event after the last", p->script->name);
    assert_int_equal(event->state, p->session.state);
    watch_for_secrets(p, event);
    switch (event->kind) {
    case SESSION_RECEIVED:
        p->replies += event->code && (event->length == 3 || event->line[3] == ' ');
        break;
    case SESSION_SENT:
        watch_command(p, event);
        break;
    case SESSION_NODE:
        watch_node(p, event);
        break;
    case SESSION_ENDED:
        CHECK(p->settled == p->node_count, "%s: ended with %zu of %zu results", p->script->name, p->settled,
              p->node_count);
        assert_int_equal(event->state, SESSION_OVER);
        snprintf(p->ending, sizeof p->ending, "%s",
                 event->result->outcome == OUTCOME_NONE ? "" : outcome_name(event->result->outcome));
        if (p->script->why)
            CHECK_TEXT(p->script->name, event->result->text, p->script->why);
        p->over = true;
        break;
    }
}

/* The connection takes the command, if there is one. */
static void hand_over(struct played *p)
{
    size_t count;
    if (!session_output(&p->session, &count)) {
        assert_int_equal(count, 0);
        return;
    }
    CHECK(!p->over, "%s: a command after the end", p->script->name);
    session_sent(&p->session);
    for (size_t i = 0; i < sizeof p->session.out; i++)
        CHECK(p->session.auth.who == NULL || p->session.out[i] == '\0', "%s: a secret was kept", p->script->name);
    p->handed++;
    assert_null(session_output(&p->session, &count));
}

/* One turn of the host: whole, in two parts at `split`, or byte by byte (SIZE_MAX). */
static void host_speaks(struct played *p, const char *bytes, size_t count, size_t split)
{
    if (bytes[0] == UNVERIFIED[0]) {
        CHECK(p->session.state == SESSION_TLS, "%s: a handshake before its turn", p->script->name);
        session_secured(&p->session, strcmp(bytes, SECURED) == 0 ? NULL : bytes + 1);
        return;
    }
    if (split == SIZE_MAX) {
        for (size_t i = 0; i < count; i++)
            session_input(&p->session, bytes + i, 1);
        return;
    }
    size_t first = split < count ? split : count;
    session_input(&p->session, bytes, first);
    session_input(&p->session, bytes + first, count - first);
}

static const char *const usual_nodes[] = {"a.example", "b.example", "c.example"};

/* Plays with turn number `turn` split at `split`, or all of them (EVERY_REPLY). */
static void play(const struct conversation *c, size_t turn, size_t split)
{
    struct played p = {.script = c};
    struct session_params params = {.helo = "me.example",
                                    .nodes = c->nodes,
                                    .force_etrn = c->force_etrn,
                                    .tls = c->tls,
                                    .starttls_failed = c->starttls_failed,
                                    .auth = c->auth};
    while (params.node_count < NODE_MAXIMUM && c->nodes[params.node_count])
        params.node_count++;
    if (params.node_count == 0 && !c->no_nodes) {
        params.nodes = usual_nodes;
        params.node_count = COUNT(usual_nodes);
    }
    p.node_count = params.node_count;
    text_begin(&p.commands, p.command_buffer, sizeof p.command_buffer);
    text_begin(&p.results, p.result_buffer, sizeof p.result_buffer);
    text_begin(&p.secrets, p.secret_buffer, sizeof p.secret_buffer);
    session_begin(&p.session, &params, watch, &p);
    for (size_t i = 0; i < COUNT(c->host) && c->host[i]; i++) {
        if (c->finish_at == (int)i + 1)
            session_finish(&p.session);
        bool whole = turn != i && turn != EVERY_REPLY;
        host_speaks(&p, c->host[i], strlen(c->host[i]), whole ? 0 : split);
        hand_over(&p);
    }
    session_fail(&p.session, c->fail ? c->fail : OUTCOME_LOST, "the script ends here");
    assert_true(p.over);
    size_t count;
    assert_null(session_output(&p.session, &count));
    session_input(&p.session, "250 too late\r\n", 14);
    session_sent(&p.session);
    session_finish(&p.session);
    session_fail(&p.session, OUTCOME_LOCAL, NULL);

    CHECK_TEXT(c->name, p.command_buffer, c->commands);
    CHECK_TEXT(c->name, p.result_buffer, c->results);
    CHECK_TEXT(c->name, p.ending, c->ending);
    CHECK_TEXT(c->name, p.secret_buffer, c->secrets ? c->secrets : "");
}

/* Plays whole, byte by byte, and with each turn of the host split at every byte. */
static void play_every_way(const struct conversation *c)
{
    play(c, EVERY_REPLY, 0);
    play(c, EVERY_REPLY, SIZE_MAX);
    for (size_t i = 0; i < COUNT(c->host) && c->host[i]; i++) {
        size_t length = strlen(c->host[i]);
        for (size_t split = 1; split < length && length < 1000; split++)
            play(c, i, split);
    }
}

static void play_all(const struct conversation *conversations, size_t count)
{
    for (size_t i = 0; i < count; i++)
        play_every_way(&conversations[i]);
}

/* ---- the conversations ---- */

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

static void each_reply_to_etrn_is_its_own_nodes_outcome(void **state)
{
    (void)state;
    static const struct {
        int code;
        const char *outcome;
    } rows[] = {
        {250, "started"},         {251, "nothing-waiting"}, {252, "pending"},   {253, "pending"},
        {354, "broken"},          {450, "temporary"},       {451, "temporary"}, {454, "temporary"},
        {458, "unable-to-queue"}, {459, "not-allowed"},     {500, "refused"},   {501, "refused"},
        {502, "refused"},         {503, "refused"},         {504, "refused"},   {530, "needs-security"},
        {550, "refused"},         {554, "refused"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t node = 0; node < 3; node++) {
            char reply[30], expected[130], name[30];
            const char *others = "started 250";
            snprintf(reply, sizeof reply, "%d so\r\n", rows[i].code);
            snprintf(name, sizeof name, "%d for node %zu", rows[i].code, node);
            char this[40];
            snprintf(this, sizeof this, "%s %d", rows[i].outcome, rows[i].code);
            snprintf(expected, sizeof expected, "%s, %s, %s", node == 0 ? this : others, node == 1 ? this : others,
                     node == 2 ? this : others);
            struct conversation c = {
                name, {GREET, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", BYE}, EHLO A B C QUIT, expected, .ending = ""};
            c.host[2 + node] = reply;
            play_every_way(&c);
        }
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
static void a_refused_ehlo_leaves_helo_where_etrn_is_forced(void **state)
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

static void etrn_is_sent_only_where_it_is_offered_or_forced(void **state)
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

static void starttls_comes_before_etrn_and_ehlo_again_behind_it(void **state)
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
static void a_refused_starttls_leaves_clear_text_where_it_may(void **state)
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
         .why = "AUTH is offered only in clear; nothing of the password was sent",
         .auth = &tim},
        {"in clear, for want of STARTTLS",
         {OFFERS("PLAIN CRAM-MD5"), BYE},
         EHLO QUIT,
         THREE("no-auth"),
         .ending = "no-auth",
         .auth = &tim,
         .tls = TLS_MAY},
        {"offered only in clear",
         {"220 mx\r\n", "250-mx\r\n250-STARTTLS\r\n250-AUTH PLAIN\r\n250 ETRN\r\n", READY, SECURED, EHLO_REPLY, BYE},
         EHLO_TWICE QUIT,
         THREE("no-auth"),
         .ending = "no-auth",
         .why = "AUTH is offered only in clear; nothing of the password was sent",
         .auth = &tim_in_clear,
         .tls = TLS_MAY},
        {"a certificate that proves nothing",
         {TLS_GREET, READY, UNVERIFIED, AUTH_REPLY("PLAIN CRAM-MD5"), BYE},
         EHLO_TWICE QUIT,
         THREE("no-auth"),
         .ending = "no-auth",
         .why = "the host's certificate is not verified; nothing of the password was sent",
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
         .why = "the host's AUTH has none of PLAIN, LOGIN and CRAM-MD5",
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
static void a_secret_that_comes_back_is_not_told(void **state)
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

static void without_tls_nothing_is_asked_where_it_is_required(void **state)
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

static void a_lost_connection_costs_only_what_was_not_answered(void **state)
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

static void nodes_that_cannot_be_sent_are_never_sent(void **state)
{
    (void)state;
    char longest[301] = "";
    memset(longest, 'a', sizeof longest - 1);
    const char *const bad[] = {"a.example\r\nRSET",
                               "a\rb",
                               "a\nb",
                               "a b",
                               " ",
                               "a\x01",
                               "a\x7f",
                               "b\xc3\xbc"
                               "cher.example",
                               "",
                               "@",
                               "#",
                               "a..b",
                               longest};
    for (size_t i = 0; i < COUNT(bad); i++) {
        const struct conversation conversations[] = {
            {"first",
             {GREET, "250 ok\r\n", "459 no\r\n", BYE},
             EHLO B C QUIT,
             "bad-node, started 250, not-allowed 459",
             .ending = "",
             .nodes = {bad[i], "b.example", "c.example"}},
            {"in the middle",
             {GREET, "250 ok\r\n", "250 ok\r\n", BYE},
             EHLO A C QUIT,
             "started 250, bad-node, started 250",
             .ending = "",
             .nodes = {"a.example", bad[i], "c.example"}},
            {"last, twice",
             {GREET, "250 ok\r\n", BYE},
             EHLO A QUIT,
             "started 250, bad-node, bad-node",
             .ending = "",
             .nodes = {"a.example", bad[i], bad[i]}},
            {"alone", {GREET, BYE}, EHLO QUIT, "bad-node", .ending = "", .nodes = {bad[i]}},
        };
        play_all(conversations, COUNT(conversations));
    }
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

/* ---- what the events tell ---- */

struct seen {
    char lines[2000];
    struct text text;
};

static void write_down(void *owner, const struct session_event *event)
{
    struct seen *seen = owner;
    const char *state = session_state_name(event->state);
    if (event->kind == SESSION_RECEIVED)
        text_add(&seen->text, "%s %d< ", state, event->code);
    else if (event->kind == SESSION_SENT)
        text_add(&seen->text, "%s > ", state);
    else if (event->kind == SESSION_NODE)
        text_add(&seen->text, "%s node %zu, %u waiting: %s", state, event->node, event->result->messages,
                 event->result->text);
    else
        text_add(&seen->text, "%s: %s", state, event->result->text);
    if (event->line)
        text_add_escaped(&seen->text, event->line, event->length);
    text_add(&seen->text, "\n");
}

static void events_tell_the_whole_conversation(void **state)
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
                                    "EHLO > EHLO [192.0.2.1]\n"
                                    "EHLO 250< 250-mx.example greets you\n"
                                    "EHLO 250< 250-SIZE 0\n"
                                    "EHLO 250< 250 ETRN\n"
                                    "ETRN > ETRN a.example\n"
                                    "ETRN 253< 253 OK, 12 pending messages \\xff\n"
                                    "ETRN node 0, 12 waiting: 253 OK, 12 pending messages \\xff\n"
                                    "ETRN > ETRN b.example\n"
                                    "ETRN 250< 250-x\n"
                                    "ETRN 0< 25x\n"
                                    "ETRN node 1, 0 waiting: a control character within a line\n"
                                    "ETRN node 2, 0 waiting: a control character within a line\n"
                                    "end: a control character within a line\n");
}

/* The longest name and the longest node that the settings let pass fit into a command. */
static void the_longest_names_fit(void **state)
{
    (void)state;
    char name[256] = "";
    for (size_t i = 0; i < 255; i++)
        name[i] = i % 64 == 63 ? '.' : 'a';
    struct conversation c = {"longest", {GREET, "250 ok\r\n", BYE}, NULL, "started 250", .ending = "", .nodes = {name}};
    char commands[600];
    snprintf(commands, sizeof commands, EHLO "ETRN %s;" QUIT, name);
    c.commands = commands;
    play(&c, 0, 0);

    struct session session;
    struct seen seen;
    struct session_params params = {.helo = name};
    text_begin(&seen.text, seen.lines, sizeof seen.lines);
    session_begin(&session, &params, write_down, &seen);
    session_input(&session, "220 mx\r\n", 8);
    size_t count;
    const char *out = session_output(&session, &count);
    assert_int_equal(count, 5 + 255 + 2);
    assert_memory_equal(out + count - 3, "a\r\n", 3);
    assert_ptr_equal(out, session_output(&session, &count)); /* it stays until it is sent */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conversation_goes_from_greeting_to_quit),
        cmocka_unit_test(each_reply_to_etrn_is_its_own_nodes_outcome),
        cmocka_unit_test(a_421_ends_all),
        cmocka_unit_test(a_greeting_other_than_220_is_no_welcome),
        cmocka_unit_test(a_refused_ehlo_leaves_helo_where_etrn_is_forced),
        cmocka_unit_test(etrn_is_sent_only_where_it_is_offered_or_forced),
        cmocka_unit_test(starttls_comes_before_etrn_and_ehlo_again_behind_it),
        cmocka_unit_test(a_refused_starttls_leaves_clear_text_where_it_may),
        cmocka_unit_test(auth_comes_before_etrn),
        cmocka_unit_test(without_a_safe_way_nothing_is_sent),
        cmocka_unit_test(a_refused_auth_asks_for_nothing),
        cmocka_unit_test(a_challenge_that_cannot_be_answered_is_cancelled),
        cmocka_unit_test(a_secret_that_comes_back_is_not_told),
        cmocka_unit_test(without_tls_nothing_is_asked_where_it_is_required),
        cmocka_unit_test(bytes_before_their_time_end_it),
        cmocka_unit_test(what_is_not_smtp_ends_it),
        cmocka_unit_test(a_lost_connection_costs_only_what_was_not_answered),
        cmocka_unit_test(a_connection_that_fails_after_a_refusal_keeps_the_refusal),
        cmocka_unit_test(finishing_asks_no_further_node),
        cmocka_unit_test(nodes_that_cannot_be_sent_are_never_sent),
        cmocka_unit_test(a_flood_of_capabilities_is_read_up_to_the_limit),
        cmocka_unit_test(events_tell_the_whole_conversation),
        cmocka_unit_test(the_longest_names_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
