/* A whole conversation over a script of octets: options (FORCED and those behind it), the nodes separated by spaces up
 * to LF, then what the host sends. In it stand for themselves: 1 ends a part, 2 the connection took the command, 3
 * session_finish(), 4 session_fail(), 5 the octet behind it as it is, 6 and 7 a TLS handshake that verifies the host,
 * and one that does not. */
#include "session.h"

#include "fuzz.h"
#include "node.h"

enum { FORCED = 1, TLS_SHIFT = 1, STARTTLS_FAILED = 8, WITH_AUTH = 16, IN_CLEAR = 32 };
enum { NODES = 5, END_PART = 1, SENT, FINISH, FAIL, LITERAL, SECURED, UNVERIFIED };

struct conversation {
    struct session session;
    struct session_params params;
    const char *nodes[NODES];
    size_t settled, sent, handed, replies;
    bool over;
    bool secured, verified, authenticating;
    struct auth_credentials who;
    uint64_t trace;
};

static void trace(struct conversation *c, const void *data, size_t size)
{
    const unsigned char *octets = data;
    for (size_t i = 0; i < size; i++)
        c->trace = (c->trace ^ octets[i]) * 0x100000001B3u; /* FNV-1a */
}

#define PASSWORD "s3cr3t-Pa55"
#define PASSWORD_64 "czNjcjN0LVBhNTU="
#define PLAIN_64 "AHRpbQBzM2NyM3QtUGE1NQ=="

/* Any will do, if it is the same each time. */
static bool digest(const void *key, size_t key_size, const void *data, size_t size, unsigned char result[16])
{
    memset(result, 0x5A, 16);
    for (size_t i = 0; i < size + key_size; i++)
        result[i % 16] ^= i < size ? ((const unsigned char *)data)[i] : ((const unsigned char *)key)[i - size];
    return true;
}

static bool tells(const char *line, size_t length)
{
    static const char *const secrets[] = {PASSWORD, PASSWORD_64, PLAIN_64};
    for (size_t i = 0; i < 3; i++)
        for (size_t at = 0; at + strlen(secrets[i]) <= length; at++)
            if (memcmp(line + at, secrets[i], strlen(secrets[i])) == 0)
                return true;
    return false;
}

static void check_result(struct conversation *c, const struct result *r)
{
    MUST(r->outcome < OUTCOME_COUNT && strlen(r->text) < sizeof r->text);
    for (const char *at = r->text; *at; at++)
        MUST((unsigned char)*at >= 0x20 && *at != 0x7F);
    MUST(*outcome_meaning(r) && outcome_advice(r));
    MUST(!c->authenticating || !tells(r->text, strlen(r->text)));
    trace(c, &r->outcome, sizeof r->outcome);
    trace(c, &r->code, sizeof r->code);
    trace(c, &r->messages, sizeof r->messages);
    trace(c, r->text, strlen(r->text));
}

static void make_handshake(struct conversation *c, bool verified)
{
    if (c->session.state != SESSION_TLS)
        return;
    MUST(!c->secured && c->params.tls != TLS_NONE);
    c->secured = true;
    c->verified = verified;
    session_secured(&c->session, verified ? NULL : "for another host \x1b");
}

/* Secrets go only where they may, and only what stands for them is told. */
static void check_auth_line(struct conversation *c, const struct session_event *event, const char *out, size_t count)
{
    MUST(c->params.auth && (c->verified || c->who.in_clear));
    MUST(count <= SESSION_OUT_SIZE && c->session.channel != CHANNEL_NONE);
    MUST(strncmp(event->line, "AUTH ", 5) == 0 || strcmp(event->line, "***") == 0 || strcmp(event->line, "*") == 0);
    MUST(c->authenticating == (out[0] != 'A' || strncmp(out, "AUTH ", 5) != 0));
    c->authenticating = true;
}

static void check_command(struct conversation *c, const struct session_event *event)
{
    size_t count;
    const char *out = session_output(&c->session, &count);
    MUST(c->sent == c->handed);      /* no second command before the first was sent */
    MUST(c->replies == c->sent + 1); /* none before its turn */
    MUST(out && count > 2 && memcmp(out + count - 2, "\r\n", 2) == 0);
    if (event->state == SESSION_AUTHENTICATION)
        check_auth_line(c, event, out, count);
    else
        MUST(count <= SESSION_COMMAND_LIMIT && event->length == count - 2 &&
             memcmp(event->line, out, event->length) == 0);
    for (size_t i = 0; i < count - 2; i++)
        MUST(out[i] >= 0x20 && out[i] < 0x7F);
    if (event->state == SESSION_NODE_REPLY) {
        const char *node = c->params.nodes[c->settled];
        MUST(node_fault(node) == NODE_FINE && event->length == 5 + strlen(node));
        MUST(memcmp(out, "ETRN ", 5) == 0 && memcmp(out + 5, node, strlen(node)) == 0);
        MUST(c->params.force_etrn || c->session.errand_offered);
        MUST(c->authenticating == (c->params.auth != NULL));
        MUST(c->verified || (c->params.tls != TLS_REQUIRE && c->params.tls != TLS_IMPLICIT));
        MUST(event->result->channel == CHANNEL_NONE);
    }
    c->sent++;
}

static void watch(void *owner, const struct session_event *event)
{
    struct conversation *c = owner;
    MUST(!c->over && event->state == c->session.state);
    trace(c, &event->kind, sizeof event->kind);
    trace(c, &event->state, sizeof event->state);
    if (event->line) {
        MUST(event->length < REPLY_LINE_LIMIT);
        bool own =
            event->kind == SESSION_SENT && event->state != SESSION_AUTHENTICATION; /* a node may be the password */
        MUST(!c->authenticating || own || !tells(event->line, event->length));
        trace(c, event->line, event->length);
    }
    switch (event->kind) {
    case SESSION_STATE:
        MUST(event->from != event->state);
        break;
    case SESSION_RECEIVED:
        c->replies += event->code && (event->length == 3 || event->line[3] == ' ');
        break;
    case SESSION_SENT:
        check_command(c, event);
        break;
    case SESSION_NODE:
        MUST(event->node == c->settled && event->node < c->params.node_count);
        MUST(event->result->outcome != OUTCOME_NONE);
        check_result(c, event->result);
        MUST(c->secured == (event->result->channel >= CHANNEL_TLS_UNVERIFIED) ||
             event->result->outcome == OUTCOME_NO_TLS);
        c->settled++;
        break;
    case SESSION_ENDED:
        MUST(c->settled == c->params.node_count && event->state == SESSION_OVER);
        check_result(c, event->result);
        c->over = true;
        break;
    }
}

static void give(struct conversation *c, const char *bytes, size_t count, bool bytewise)
{
    char *exact = exactly(bytes, count);
    for (size_t i = 0; bytewise && i < count; i++)
        session_input(&c->session, exact + i, 1);
    if (!bytewise)
        session_input(&c->session, exact, count);
    free(exact);
}

static void take_command(struct conversation *c)
{
    size_t count;
    if (!session_output(&c->session, &count))
        return;
    MUST(!c->over);
    session_sent(&c->session);
    c->handed++;
    MUST(!session_output(&c->session, &count) && count == 0);
}

enum way { AS_WRITTEN, JOINED, BYTEWISE };

static void act(struct conversation *c, uint8_t what)
{
    if (what == SENT)
        take_command(c);
    else if (what == FINISH)
        session_finish(&c->session);
    else if (what == FAIL)
        session_fail(&c->session, OUTCOME_TIMED_OUT, "no reply in time \x1b");
    else if (what == SECURED || what == UNVERIFIED)
        make_handshake(c, what == SECURED);
}

/* Plays the script; the parts as they are, joined, or byte by byte. */
static void play(struct conversation *c, const uint8_t *script, size_t size, enum way way)
{
    char *part = exactly(script, size);
    size_t length = 0;
    for (size_t i = 0; i < size; i++) {
        bool control = script[i] >= END_PART && script[i] <= UNVERIFIED && script[i] != LITERAL;
        if (control) {
            if (script[i] == END_PART && way == JOINED)
                continue;
            give(c, part, length, way == BYTEWISE);
            length = 0;
            act(c, script[i]);
            continue;
        }
        i += script[i] == LITERAL && i + 1 < size;
        part[length++] = (char)script[i];
    }
    give(c, part, length, way == BYTEWISE);
    free(part);
}

static uint64_t converse(uint8_t options, char *nodes, const uint8_t *script, size_t size, enum way way)
{
    struct conversation c = {.trace = 0xCBF29CE484222325u};
    c.params = (struct session_params){.helo = "me.example",
                                       .nodes = c.nodes,
                                       .force_etrn = options & FORCED,
                                       .tls = (enum tls_mode)(options >> TLS_SHIFT & 3),
                                       .starttls_failed = options & STARTTLS_FAILED,
                                       .auth = options & WITH_AUTH ? &c.who : NULL};
    c.who = (struct auth_credentials){"tim", PASSWORD, options & IN_CLEAR, digest};
    for (char *end; c.params.node_count < NODES && *nodes; nodes = end) {
        end = nodes + strcspn(nodes, " ");
        c.nodes[c.params.node_count++] = nodes;
        if (*end)
            *end++ = '\0';
    }
    session_begin(&c.session, &c.params, watch, &c);
    play(&c, script, size, way);
    session_fail(&c.session, OUTCOME_LOST, NULL);
    MUST(c.over);
    uint64_t over = c.trace;
    size_t count;
    MUST(!session_output(&c.session, &count));
    session_input(&c.session, "250 late\r\n", 10);
    session_finish(&c.session);
    session_sent(&c.session);
    session_fail(&c.session, OUTCOME_LOCAL, NULL);
    MUST(c.trace == over);
    return c.trace;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 1 ? memchr(data + 1, '\n', size - 1) : NULL;
    if (!end)
        return 0;
    size_t length = (size_t)(end - data) - 1;
    uint64_t traces[3];
    for (enum way way = AS_WRITTEN; way <= BYTEWISE; way++) {
        char *nodes = malloc(length + 1);
        MUST(nodes);
        memcpy(nodes, data + 1, length);
        nodes[length] = '\0';
        traces[way] = converse(data[0], nodes, end + 1, size - length - 2, way);
        free(nodes);
    }
    MUST(traces[AS_WRITTEN] == traces[JOINED] && traces[AS_WRITTEN] == traces[BYTEWISE]);
    return 0;
}
