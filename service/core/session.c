#include "session.h"

#include "node.h"
#include "text.h"
#include "wipe.h"

#include <string.h>

const char *session_state_name(enum session_state state)
{
    static const char *const names[] = {
        [SESSION_GREETING] = "greeting", [SESSION_FINGER] = "finger",     [SESSION_EHLO] = "EHLO",
        [SESSION_HELO] = "HELO",         [SESSION_STARTTLS] = "STARTTLS", [SESSION_TLS] = "TLS handshake",
        [SESSION_AUTH] = "AUTH",         [SESSION_ETRN] = "ETRN",         [SESSION_QUIT] = "QUIT",
        [SESSION_OVER] = "end",
    };
    return names[state];
}

static void emit(const struct session *s, struct session_event event)
{
    event.state = s->state;
    s->sink(s->owner, &event);
}

/* Gives the next node its result. */
static void settle(struct session *s, enum outcome outcome, int code, const char *text)
{
    struct result result;
    result_set(&result, outcome, code, text);
    result.channel = s->channel;
    emit(s, (struct session_event){.kind = SESSION_NODE, .node = s->node, .result = &result});
    s->node++;
}

/* The conversation is cut short: nodes left get this result. What comes behind the first cut no longer matters, nor
 * what happens to QUIT. */
static void settle_rest(struct session *s, enum outcome outcome, int code, const char *text)
{
    if (s->state != SESSION_QUIT && s->ending.outcome == OUTCOME_NONE) {
        result_set(&s->ending, outcome, code, text);
        s->ending.channel = s->channel;
    }
    while (s->node < s->params->node_count)
        settle(s, outcome, code, text);
}

static void forget_command(struct session *s)
{
    wipe(s->out, s->command);
    s->command = 0;
}

static void end(struct session *s)
{
    s->state = SESSION_OVER;
    forget_command(s);
    wipe(&s->auth, sizeof s->auth);
    emit(s, (struct session_event){.kind = SESSION_ENDED, .result = &s->ending});
}

/* Makes "VERB argument" the command to be sent, and its reply what is awaited. */
static void perform(struct session *s, enum session_state state, const char *argument)
{
    struct text line;
    text_begin(&line, s->out, SESSION_COMMAND_LIMIT);
    text_add(&line, "%s%s%s\r\n", session_state_name(state), *argument ? " " : "", argument);
    s->state = state;
    s->command = line.length;
    emit(s,
         (struct session_event){.kind = SESSION_SENT, .line = s->out, .length = line.length - 2, .result = &s->ending});
}

static void perform_quit(struct session *s)
{
    perform(s, SESSION_QUIT, "");
}

static void give_up(struct session *s, enum outcome outcome, int code, const char *text)
{
    settle_rest(s, outcome, code, text);
    perform_quit(s);
}

/* Asks the next node that can be asked, or quits. */
static void perform_etrn(struct session *s)
{
    for (; s->node < s->params->node_count; settle(s, OUTCOME_BAD_NODE, 0, "not sent")) {
        const char *node = s->params->nodes[s->node];
        if (s->finishing) {
            give_up(s, OUTCOME_CANCELLED, 0, NULL);
            return;
        }
        if (node_fault(node) == NODE_FINE) {
            perform(s, SESSION_ETRN, node);
            return;
        }
    }
    perform_quit(s);
}

/* ---- AUTH (RFC 4954) ---- */

/* Makes the line in `out` what is to be sent, and its reply what is awaited; `shown` stands for it. */
static void perform_auth_line(struct session *s, const char *shown)
{
    size_t length = strlen(s->out);
    s->out[length++] = '\r';
    s->out[length++] = '\n';
    s->state = SESSION_AUTH;
    s->command = length;
    emit(s, (struct session_event){.kind = SESSION_SENT, .line = shown, .length = strlen(shown), .result = &s->ending});
}

static bool secured(const struct session *s)
{
    return s->channel == CHANNEL_TLS || s->channel == CHANNEL_TLS_UNVERIFIED;
}

/* Why the host does not get the password; NULL with the mechanism by which it does. */
static const char *auth_obstacle(const struct session *s, enum auth_mechanism *mechanism)
{
    const struct auth_credentials *who = s->params->auth;
    bool verified = s->channel == CHANNEL_TLS;
    if (!s->auth_offered && s->auth_offered_in_clear)
        return "AUTH is offered only in clear; nothing of the password was sent";
    if (!s->auth_offered)
        return "AUTH is not in the reply to EHLO";
    if (!verified && !who->in_clear && secured(s))
        return "the host's certificate is not verified; nothing of the password was sent";
    if (!verified && !who->in_clear)
        return "AUTH is offered only in clear; nothing of the password was sent";
    *mechanism = auth_choose(s->auth_offered, verified, who);
    return *mechanism == AUTH_NONE ? "the host's AUTH has none of PLAIN, LOGIN and CRAM-MD5" : NULL;
}

static void perform_auth(struct session *s)
{
    char shown[32];
    struct text t;
    enum auth_mechanism mechanism;
    const char *obstacle = auth_obstacle(s, &mechanism);
    if (obstacle) {
        give_up(s, OUTCOME_NO_AUTH, 0, obstacle);
        return;
    }
    bool secret = auth_begin(&s->auth, mechanism, s->params->auth, s->out);
    text_begin(&t, shown, sizeof shown);
    text_add(&t, "AUTH %s%s", auth_name(mechanism), secret ? " ***" : "");
    perform_auth_line(s, shown);
}

/* Ends the exchange, whose next line the host would take for an answer; QUIT comes behind the reply. */
static void cancel_auth(struct session *s, enum outcome outcome, const char *why)
{
    struct text line;
    settle_rest(s, outcome, 0, why);
    text_begin(&line, s->out, sizeof s->out);
    text_add(&line, "*");
    perform_auth_line(s, "*");
}

static void auth_challenge(struct session *s)
{
    const char *fault = s->finishing ? NULL : auth_answer(&s->auth, reply_text(&s->reply), s->out);
    if (s->finishing)
        cancel_auth(s, OUTCOME_CANCELLED, NULL);
    else if (fault)
        cancel_auth(s, OUTCOME_NO_AUTH, fault);
    else
        perform_auth_line(s, "***");
}

static void auth_reply(struct session *s, int code, const char *line)
{
    bool cancelled = s->ending.outcome != OUTCOME_NONE;
    if (cancelled && code == 334)
        end(s); /* it goes on asking */
    else if (cancelled)
        perform_quit(s);
    else if (code == 334)
        auth_challenge(s);
    else if (code / 100 == 2)
        perform_etrn(s);
    else
        give_up(s, outcome_of_auth(code), code, line);
}

/* Keeps what the host gives back of the password from all who look at its replies: silly hosts do, in AUTH or behind
 * it, when they tell what they did not understand. */
static void hide_secret(struct session *s)
{
    struct reply *r = &s->reply;
    if (!s->auth.who || !auth_echoed(&s->auth, r->line, r->length, s->state == SESSION_AUTH))
        return;
    size_t kept = r->code && r->length > 4 ? 4 : 0;
    struct text line;
    text_begin(&line, r->line + kept, sizeof r->line - kept);
    text_add(&line, "***");
    r->length = kept + line.length;
}

/* ---- what comes before ETRN ---- */

static bool tls_required(const struct session *s)
{
    return s->params->tls == TLS_REQUIRE || s->params->tls == TLS_IMPLICIT;
}

/* The host has introduced itself, and is as secure as it will be. */
static void ask(struct session *s)
{
    if (!s->etrn_offered && !s->params->force_etrn)
        give_up(s, OUTCOME_NOT_OFFERED, 0, "ETRN is not in the reply to EHLO");
    else if (s->params->auth)
        perform_auth(s);
    else
        perform_etrn(s);
}

/* There will be no TLS: `channel` and the words say why. */
static void without_tls(struct session *s, enum channel channel, int code, const char *why)
{
    if (tls_required(s)) {
        give_up(s, OUTCOME_NO_TLS, code, why);
        return;
    }
    s->channel = channel;
    ask(s);
}

/* What follows once the host has introduced itself: security, where the settings ask for it, then ETRN. */
static void introduced(struct session *s)
{
    if (secured(s))
        ask(s);
    else if (s->params->tls == TLS_NONE)
        without_tls(s, CHANNEL_CLEAR, 0, NULL);
    else if (s->params->starttls_failed)
        without_tls(s, CHANNEL_CLEAR_FAILED, 0, "the TLS handshake failed");
    else if (s->starttls_offered)
        perform(s, SESSION_STARTTLS, "");
    else
        without_tls(s, CHANNEL_CLEAR_NOT_OFFERED, 0, "STARTTLS is not in the reply to EHLO");
}

/* What EHLO offered in clear counts no more behind TLS (RFC 3207 4.2). */
static void forget_capabilities(struct session *s)
{
    s->etrn_offered = false;
    s->starttls_offered = false;
    s->auth_offered_in_clear = s->auth_offered;
    s->auth_offered = 0;
}

static void perform_ehlo(struct session *s)
{
    forget_capabilities(s);
    perform(s, SESSION_EHLO, s->params->helo);
}

static void greeting_reply(struct session *s, int code, const char *line)
{
    if (code == 220)
        perform_ehlo(s);
    else
        give_up(s, outcome_of_refusal(code), code, line);
}

/* A refused EHLO leaves HELO, which can offer nothing: worth sending only where ETRN is forced and neither TLS nor AUTH
 * is required. */
static void ehlo_reply(struct session *s, int code, const char *line)
{
    bool unknown = code >= 500 && code <= 504;
    if (code == 250)
        introduced(s);
    else if (unknown && s->params->force_etrn && !tls_required(s) && !s->params->auth)
        perform(s, SESSION_HELO, s->params->helo);
    else if (unknown)
        give_up(s, OUTCOME_NOT_OFFERED, code, line);
    else
        give_up(s, outcome_of_refusal(code), code, line);
}

static void helo_reply(struct session *s, int code, const char *line)
{
    if (code == 250)
        introduced(s);
    else
        give_up(s, outcome_of_refusal(code), code, line);
}

/* Behind 220 the host waits for a handshake: not even QUIT can be said to it in clear. */
static void starttls_reply(struct session *s, int code, const char *line)
{
    if (code == 220 && s->finishing)
        session_fail(s, OUTCOME_CANCELLED, NULL);
    else if (code == 220)
        s->state = SESSION_TLS;
    else if (s->finishing)
        give_up(s, OUTCOME_CANCELLED, 0, NULL);
    else
        without_tls(s, CHANNEL_CLEAR_REFUSED, code, line);
}

static void etrn_reply(struct session *s, int code, const char *line)
{
    settle(s, outcome_of_etrn(code), code, line);
    perform_etrn(s);
}

/* 421: the host closes the connection after this reply (RFC 5321 3.8), so QUIT would go nowhere. */
static void closing_reply(struct session *s, int code, const char *line)
{
    settle_rest(s, OUTCOME_TEMPORARY, code, line);
    end(s);
}

static void reply_complete(struct session *s)
{
    int code = s->reply.code;
    const char *line = s->reply.line;
    if (code == 421) {
        closing_reply(s, code, line);
        return;
    }
    if (s->finishing && s->state < SESSION_STARTTLS) {
        give_up(s, OUTCOME_CANCELLED, 0, NULL);
        return;
    }
    switch (s->state) {
    case SESSION_GREETING:
        greeting_reply(s, code, line);
        break;
    case SESSION_EHLO:
        ehlo_reply(s, code, line);
        break;
    case SESSION_HELO:
        helo_reply(s, code, line);
        break;
    case SESSION_STARTTLS:
        starttls_reply(s, code, line);
        break;
    case SESSION_AUTH:
        auth_reply(s, code, line);
        break;
    case SESSION_ETRN:
        etrn_reply(s, code, line);
        break;
    case SESSION_QUIT:
        end(s);
        break;
    case SESSION_FINGER:
    case SESSION_TLS:
    case SESSION_OVER:
        break;
    }
}

/* A line of the EHLO reply behind the first names a capability (RFC 5321 4.1.1.1). */
static void capability(struct session *s, const char *text)
{
    char keyword[sizeof "STARTTLS"];
    size_t length = strcspn(text, " ");
    s->auth_offered |= auth_offer(text);
    if (length >= sizeof keyword)
        return;
    memcpy(keyword, text, length);
    keyword[length] = '\0';
    if (text_same(keyword, "ETRN"))
        s->etrn_offered = true;
    if (text_same(keyword, "STARTTLS"))
        s->starttls_offered = true;
}

static void line_complete(struct session *s, bool first)
{
    hide_secret(s);
    emit(s, (struct session_event){
                .kind = SESSION_RECEIVED, .line = s->reply.line, .length = s->reply.length, .code = s->reply.code});
    if (s->state == SESSION_EHLO && s->reply.code == 250 && !first)
        capability(s, reply_text(&s->reply));
}

/* ---- finger ---- */

/* The query is a node on a line of its own; the host answers and closes (RFC 1288 section 2.3). An empty query asks who
 * is logged in there: it is never sent. */
static void perform_finger(struct session *s)
{
    struct text line;
    text_begin(&s->answer, s->answer_text, sizeof s->answer_text);
    text_begin(&line, s->out, sizeof s->out);
    s->state = SESSION_FINGER;
    if (s->params->node_count == 0 || node_fault(s->params->nodes[0]) != NODE_FINE) {
        settle_rest(s, OUTCOME_BAD_NODE, 0, "not sent");
        end(s);
        return;
    }
    text_add(&line, "%s", s->params->nodes[0]);
    emit(s, (struct session_event){.kind = SESSION_SENT, .line = s->out, .length = line.length, .result = &s->ending});
    text_add(&line, "\r\n");
    s->command = line.length;
}

/* What it says goes into status on one line. */
static void finger_input(struct session *s, const char *bytes, size_t count)
{
    text_add_folded(&s->answer, bytes, count);
    emit(s, (struct session_event){.kind = SESSION_RECEIVED, .line = bytes, .length = count});
}

void session_closed(struct session *s)
{
    if (s->state != SESSION_FINGER || s->command > 0) { /* no answer, where nothing was asked yet */
        session_fail(s, OUTCOME_LOST, "the host closed the connection");
        return;
    }
    if (s->answer.length == 0) {
        session_fail(s, OUTCOME_LOST, "the host closed the connection without an answer");
        return;
    }
    while (s->node < s->params->node_count)
        settle(s, OUTCOME_STARTED, 0, s->answer.data);
    end(s);
}

void session_begin(struct session *s, const struct session_params *params, session_sink *sink, void *owner)
{
    s->params = params;
    s->sink = sink;
    s->owner = owner;
    s->state = params->tls == TLS_IMPLICIT ? SESSION_TLS : SESSION_GREETING;
    s->node = 0;
    s->channel = CHANNEL_NONE;
    s->auth_offered = 0;
    s->auth = (struct auth){0};
    forget_capabilities(s);
    s->finishing = false;
    s->command = 0;
    result_set(&s->ending, OUTCOME_NONE, 0, NULL);
    reply_begin(&s->reply);
    if (methods[params->method].transport == TRANSPORT_TEXT)
        perform_finger(s);
}

void session_input(struct session *s, const char *bytes, size_t count)
{
    if (s->state == SESSION_FINGER) {
        finger_input(s, bytes, count);
        return;
    }
    while (count > 0 && s->state != SESSION_OVER) {
        if (s->command > 0 || s->state == SESSION_TLS) {
            session_fail(s, OUTCOME_BROKEN, "the host sent more before it was asked");
            return;
        }
        size_t used;
        bool first = s->reply.last || s->reply.code == 0;
        enum reply_status status = reply_input(&s->reply, bytes, count, &used);
        bytes += used;
        count -= used;
        if (status == REPLY_BROKEN) {
            hide_secret(s);
            emit(s, (struct session_event){.kind = SESSION_RECEIVED, .line = s->reply.line, .length = s->reply.length});
            session_fail(s, OUTCOME_BROKEN, reply_fault_text(s->reply.fault));
            return;
        }
        if (status == REPLY_MORE)
            return;
        line_complete(s, first);
        if (status == REPLY_LAST)
            reply_complete(s);
    }
}

const char *session_output(const struct session *s, size_t *count)
{
    *count = s->command;
    return s->command > 0 ? s->out : NULL;
}

void session_sent(struct session *s)
{
    forget_command(s);
}

void session_secured(struct session *s, const char *unverified)
{
    if (s->state != SESSION_TLS)
        return;
    if (unverified && tls_required(s)) {
        session_fail(s, OUTCOME_NO_TLS, unverified);
        return;
    }
    s->channel = unverified ? CHANNEL_TLS_UNVERIFIED : CHANNEL_TLS;
    if (s->params->tls == TLS_IMPLICIT)
        s->state = SESSION_GREETING;
    else if (s->finishing)
        give_up(s, OUTCOME_CANCELLED, 0, NULL);
    else
        perform_ehlo(s);
}

void session_finish(struct session *s)
{
    s->finishing = true;
}

void session_fail(struct session *s, enum outcome why, const char *detail)
{
    if (s->state == SESSION_OVER)
        return;
    settle_rest(s, why, 0, detail);
    end(s);
}
