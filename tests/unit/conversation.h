/* Conversations as data, and how they are played: what the tests of a session have in common. */
#ifndef ETRN_CONVERSATION_H
#define ETRN_CONVERSATION_H

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
    enum session_state state; /* as the events have it */
    bool over;
};

static void watch_command(struct played *p, const struct session_event *event)
{
    size_t count;
    const char *out = session_output(&p->session, &count);
    CHECK(p->sent == p->handed, "%s: a second command before the first was sent", p->script->name);
    CHECK(p->replies == p->sent + 1, "%s: a command before its turn", p->script->name);
    assert_in_range(count, 3, event->state == SESSION_AUTHENTICATION ? SESSION_OUT_SIZE : SESSION_COMMAND_LIMIT);
    if (event->state == SESSION_AUTHENTICATION) {
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
    case SESSION_STATE:
        CHECK(event->from == p->state && event->state != p->state, "%s: from %s to %s, but was in %s", p->script->name,
              session_state_name(event->from), session_state_name(event->state), session_state_name(p->state));
        p->state = event->state;
        break;
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
    p.state = p.session.state;
    for (size_t i = 0; i < COUNT(c->host) && c->host[i]; i++) {
        if (c->finish_at == (int)i + 1)
            session_finish(&p.session);
        bool whole = turn != i && turn != EVERY_REPLY;
        host_speaks(&p, c->host[i], strlen(c->host[i]), whole ? 0 : split);
        hand_over(&p);
    }
    session_fail(&p.session, c->fail ? c->fail : OUTCOME_LOST, "the script ends here");
    assert_true(p.over && p.state == SESSION_OVER);
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

/* ---- what the events tell, written down ---- */

struct seen {
    char lines[2000];
    struct text text;
};

static inline void write_down(void *owner, const struct session_event *event)
{
    struct seen *seen = owner;
    const char *state = session_state_name(event->state);
    if (event->kind == SESSION_STATE)
        text_add(&seen->text, "%s -> %s", session_state_name(event->from), state);
    else if (event->kind == SESSION_RECEIVED)
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

#endif
