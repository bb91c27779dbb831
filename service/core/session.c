#include "session.h"

#include "etrn.h"
#include "finger.h"
#include "introduction.h"

enum {
    FAREWELL_TIMEOUT_MS = 2000 /* short, because the outcome is already known: QUIT is only polite */
};

/* Which timeout applies. */
enum phase { PHASE_REPLY, PHASE_FAREWELL, PHASE_NONE };

static void farewell_reply(struct session *s, int code, const char *line)
{
    (void)code, (void)line;
    dialogue_end(s);
}

/* What the session does in a state. */
struct state {
    const char *name;
    const char *overdue; /* the message if the timeout expires */
    enum phase phase;
    void (*reply)(struct session *s, int code, const char *line); /* called for each complete reply */
    void (*capability)(struct session *s, const char *text); /* called for each line of a 250 reply except the first */
    void (*input)(struct session *s, const char *bytes,
                  size_t count);       /* called for input that does not consist of replies */
    void (*closed)(struct session *s); /* called if the connection closes and this is the normal end */
};

static const struct state states[] = {
    [SESSION_GREETING] = {.name = "greeting", .overdue = "no greeting", .reply = introduction_greeting},
    [SESSION_CAPABILITIES] = {.name = "capabilities",
                              .overdue = "no reply to EHLO",
                              .reply = introduction_capabilities,
                              .capability = introduction_capability},
    [SESSION_WELCOME] = {.name = "welcome", .overdue = "no reply to HELO", .reply = introduction_welcome},
    [SESSION_TLS_READINESS] = {.name = "TLS readiness",
                               .overdue = "no reply to STARTTLS",
                               .reply = introduction_tls_readiness},
    [SESSION_TLS] = {.name = "TLS handshake", .overdue = "the TLS handshake was not finished"},
    [SESSION_AUTHENTICATION] = {.name = "authentication",
                                .overdue = "no reply to AUTH",
                                .reply = introduction_authentication},
    [SESSION_NODE_REPLY] = {.name = "node reply", .overdue = "no reply to ETRN", .reply = etrn_reply},
    [SESSION_ANSWER] = {.name = "answer",
                        .overdue = "no reply to finger",
                        .input = finger_input,
                        .closed = finger_closed},
    [SESSION_FAREWELL] = {.name = "farewell",
                          .overdue = "no reply to QUIT",
                          .phase = PHASE_FAREWELL,
                          .reply = farewell_reply},
    [SESSION_OVER] = {.name = "end", .overdue = "the session did not end", .phase = PHASE_NONE},
};

const char *session_state_name(enum session_state state)
{
    return states[state].name;
}

int64_t session_timeout_ms(const struct session *s)
{
    int64_t reply_ms = s->params->reply_timeout_ms;
    switch (states[s->state].phase) {
    case PHASE_REPLY:
        return reply_ms;
    case PHASE_FAREWELL:
        return reply_ms < FAREWELL_TIMEOUT_MS ? reply_ms : FAREWELL_TIMEOUT_MS;
    case PHASE_NONE:
        break;
    }
    return 0;
}

void session_add_overdue(const struct session *s, struct text *t)
{
    text_add(t, "%s in %d s", states[s->state].overdue, (int)(session_timeout_ms(s) / 1000));
}

void session_begin(struct session *s, const struct session_params *params, session_sink *sink, void *owner)
{
    s->params = params;
    s->errand = &etrn_errand;
    s->sink = sink;
    s->owner = owner;
    s->node = 0;
    s->channel = CHANNEL_NONE;
    s->auth = (struct auth){0};
    s->finishing = false;
    s->command = 0;
    result_set(&s->ending, OUTCOME_NONE, 0, NULL);
    reply_begin(&s->reply);
    if (methods[params->method].transport == TRANSPORT_TEXT)
        finger_begin(s);
    else
        introduction_begin(s);
}

/* ---- input ---- */

/* 421: the host closes the connection after this reply (RFC 5321 3.8), so QUIT would not be read. */
static void closing_reply(struct session *s, int code, const char *line)
{
    dialogue_settle_rest(s, OUTCOME_TEMPORARY, code, line);
    dialogue_end(s);
}

static void line_complete(struct session *s, enum reply_status status, bool first)
{
    const struct state *state = &states[s->state];
    int code = s->reply.code;
    introduction_hide_secret(s);
    dialogue_emit(s, (struct session_event){
                         .kind = SESSION_RECEIVED, .line = s->reply.line, .length = s->reply.length, .code = code});
    if (state->capability && code == 250 && !first)
        state->capability(s, reply_text(&s->reply));
    if (status != REPLY_LAST)
        return;
    if (code == 421)
        closing_reply(s, code, s->reply.line);
    else
        state->reply(s, code, s->reply.line);
}

static void input_broken(struct session *s)
{
    introduction_hide_secret(s);
    dialogue_emit(s,
                  (struct session_event){.kind = SESSION_RECEIVED, .line = s->reply.line, .length = s->reply.length});
    session_fail(s, OUTCOME_BROKEN, reply_fault_text(s->reply.fault));
}

/* Handles replies line by line. */
static void input_lines(struct session *s, const char *bytes, size_t count)
{
    while (count > 0 && s->state != SESSION_OVER) {
        if (s->command > 0 || !states[s->state].reply) {
            session_fail(s, OUTCOME_BROKEN, "the host sent data before a command was sent");
            return;
        }
        size_t used;
        bool first = s->reply.last || s->reply.code == 0;
        enum reply_status status = reply_input(&s->reply, bytes, count, &used);
        bytes += used;
        count -= used;
        if (status == REPLY_BROKEN)
            input_broken(s);
        else if (status != REPLY_MORE)
            line_complete(s, status, first);
    }
}

void session_input(struct session *s, const char *bytes, size_t count)
{
    if (states[s->state].input)
        states[s->state].input(s, bytes, count);
    else
        input_lines(s, bytes, count);
}

/* ---- output and connection ---- */

const char *session_output(const struct session *s, size_t *count)
{
    *count = s->command;
    return s->command > 0 ? s->out : NULL;
}

void session_sent(struct session *s)
{
    dialogue_forget_command(s);
}

void session_secured(struct session *s, const char *unverified)
{
    if (s->state == SESSION_TLS)
        introduction_secured(s, unverified);
}

void session_finish(struct session *s)
{
    s->finishing = true;
}

void session_closed(struct session *s)
{
    if (states[s->state].closed)
        states[s->state].closed(s);
    else
        session_fail(s, OUTCOME_LOST, "the host closed the connection");
}

void session_fail(struct session *s, enum outcome why, const char *detail)
{
    if (s->state != SESSION_OVER)
        dialogue_fail(s, why, detail);
}
