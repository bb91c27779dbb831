#include "introduction.h"

#include <string.h>

static bool tls_required(const struct session *s)
{
    return s->params->tls == TLS_REQUIRE || s->params->tls == TLS_IMPLICIT;
}

static bool secured(const struct session *s)
{
    return s->channel == CHANNEL_TLS || s->channel == CHANNEL_TLS_UNVERIFIED;
}

/* ---- AUTH (RFC 4954) ---- */

/* Returns why the password is not sent to the host; or NULL, with the mechanism to use. */
static const char *auth_obstacle(const struct session *s, enum auth_mechanism *mechanism)
{
    const struct auth_credentials *who = s->params->auth;
    bool verified = s->channel == CHANNEL_TLS;
    if (!s->auth_offered && s->auth_offered_in_clear)
        return "AUTH is offered only without TLS; the password was not sent";
    if (!s->auth_offered)
        return "AUTH is not in the reply to EHLO";
    if (!verified && !who->in_clear && secured(s))
        return "the host's certificate is not verified; the password was not sent";
    if (!verified && !who->in_clear)
        return "AUTH is offered only without TLS; the password was not sent";
    *mechanism = auth_choose(s->auth_offered, verified, who);
    return *mechanism == AUTH_NONE ? "the host's AUTH offers none of PLAIN, LOGIN and CRAM-MD5" : NULL;
}

static void perform_auth(struct session *s)
{
    TEXT_SCRATCH(shown, 32);
    enum auth_mechanism mechanism;
    const char *obstacle = auth_obstacle(s, &mechanism);
    if (obstacle) {
        dialogue_give_up(s, OUTCOME_NO_AUTH, 0, obstacle);
        return;
    }
    bool secret = auth_begin(&s->auth, mechanism, s->params->auth, s->out);
    text_add(&shown, "AUTH %s%s", auth_name(mechanism), secret ? " ***" : "");
    dialogue_send(s, SESSION_AUTHENTICATION, shown.data);
}

/* Cancels the exchange, because the host would take the next line for an answer. QUIT is sent after the reply. */
static void cancel_auth(struct session *s, enum outcome outcome, const char *why)
{
    struct text line;
    dialogue_settle_rest(s, outcome, 0, why);
    text_begin(&line, s->out, sizeof s->out);
    text_add(&line, "*");
    dialogue_send(s, SESSION_AUTHENTICATION, "*");
}

static void auth_challenge(struct session *s)
{
    const char *fault = s->finishing ? NULL : auth_answer(&s->auth, reply_text(&s->reply), s->out);
    if (s->finishing)
        cancel_auth(s, OUTCOME_CANCELLED, NULL);
    else if (fault)
        cancel_auth(s, OUTCOME_NO_AUTH, fault);
    else
        dialogue_send(s, SESSION_AUTHENTICATION, "***");
}

void introduction_authentication(struct session *s, int code, const char *line)
{
    bool given_up = s->ending.outcome != OUTCOME_NONE;
    if (given_up && code == 334)
        dialogue_end(s); /* the host sent another challenge */
    else if (given_up)
        dialogue_quit(s);
    else if (code == 334)
        auth_challenge(s);
    else if (code / 100 == 2)
        s->errand->begin(s);
    else
        dialogue_give_up(s, outcome_of_auth(code), code, line);
}

void introduction_hide_secret(struct session *s)
{
    struct reply *r = &s->reply;
    if (!s->auth.who || !auth_echoed(&s->auth, r->line, r->length, s->state == SESSION_AUTHENTICATION))
        return;
    size_t kept = r->code && r->length > 4 ? 4 : 0;
    struct text line;
    text_begin(&line, r->line + kept, sizeof r->line - kept);
    text_add(&line, "***");
    r->length = kept + line.length;
}

/* ---- greeting, EHLO, HELO, STARTTLS ---- */

/* Called when the introduction is complete and the connection is as secure as it will be. */
static void begin_auth_or_errand(struct session *s)
{
    TEXT_SCRATCH(obstacle, 80);
    text_add(&obstacle, "%s is not in the reply to EHLO", s->errand->keyword);
    if (!s->errand_offered && !s->params->force_etrn)
        dialogue_give_up(s, OUTCOME_NOT_OFFERED, 0, obstacle.data);
    else if (s->params->auth)
        perform_auth(s);
    else
        s->errand->begin(s);
}

/* Continues without TLS, for the reason in `channel` and `why`, or ends the session if TLS is required. */
static void without_tls(struct session *s, enum channel channel, int code, const char *why)
{
    if (tls_required(s)) {
        dialogue_give_up(s, OUTCOME_NO_TLS, code, why);
        return;
    }
    s->channel = channel;
    begin_auth_or_errand(s);
}

/* Called after EHLO or HELO: starts TLS if the settings ask for it, otherwise the errand. */
static void introduced(struct session *s)
{
    if (secured(s))
        begin_auth_or_errand(s);
    else if (s->params->tls == TLS_NONE)
        without_tls(s, CHANNEL_CLEAR, 0, NULL);
    else if (s->params->starttls_failed)
        without_tls(s, CHANNEL_CLEAR_FAILED, 0, "the TLS handshake failed");
    else if (s->starttls_offered)
        dialogue_perform(s, SESSION_TLS_READINESS, "STARTTLS", "");
    else
        without_tls(s, CHANNEL_CLEAR_NOT_OFFERED, 0, "STARTTLS is not in the reply to EHLO");
}

/* Capabilities offered before TLS must be discarded (RFC 3207 4.2). */
static void forget_capabilities(struct session *s)
{
    s->errand_offered = false;
    s->starttls_offered = false;
    s->auth_offered_in_clear = s->auth_offered;
    s->auth_offered = 0;
}

void introduction_begin(struct session *s)
{
    s->state = s->params->tls == TLS_IMPLICIT ? SESSION_TLS : SESSION_GREETING;
    s->auth_offered = 0;
    forget_capabilities(s);
}

static void perform_ehlo(struct session *s)
{
    forget_capabilities(s);
    dialogue_perform(s, SESSION_CAPABILITIES, "EHLO", s->params->helo);
}

/* If the session was cancelled, QUIT follows, whatever the reply was. True if it was. */
static bool quit_if_finishing(struct session *s)
{
    if (s->finishing)
        dialogue_give_up(s, OUTCOME_CANCELLED, 0, NULL);
    return s->finishing;
}

void introduction_greeting(struct session *s, int code, const char *line)
{
    if (quit_if_finishing(s))
        return;
    if (code == 220)
        perform_ehlo(s);
    else
        dialogue_give_up(s, outcome_of_refusal(code), code, line);
}

/* If EHLO is refused, HELO remains, which offers no extensions: worth sending only if ETRN is forced and neither TLS
 * nor AUTH is required. */
void introduction_capabilities(struct session *s, int code, const char *line)
{
    bool unknown = code >= 500 && code <= 504;
    if (quit_if_finishing(s))
        return;
    if (code == 250)
        introduced(s);
    else if (unknown && s->params->force_etrn && !tls_required(s) && !s->params->auth)
        dialogue_perform(s, SESSION_WELCOME, "HELO", s->params->helo);
    else if (unknown)
        dialogue_give_up(s, OUTCOME_NOT_OFFERED, code, line);
    else
        dialogue_give_up(s, outcome_of_refusal(code), code, line);
}

void introduction_welcome(struct session *s, int code, const char *line)
{
    if (quit_if_finishing(s))
        return;
    if (code == 250)
        introduced(s);
    else
        dialogue_give_up(s, outcome_of_refusal(code), code, line);
}

/* After 220 the host expects a handshake: not even QUIT can be sent in clear text. */
void introduction_tls_readiness(struct session *s, int code, const char *line)
{
    if (code == 220 && s->finishing)
        dialogue_fail(s, OUTCOME_CANCELLED, NULL);
    else if (code == 220)
        dialogue_enter(s, SESSION_TLS);
    else if (s->finishing)
        dialogue_give_up(s, OUTCOME_CANCELLED, 0, NULL);
    else
        without_tls(s, CHANNEL_CLEAR_REFUSED, code, line);
}

void introduction_capability(struct session *s, const char *text)
{
    char keyword[sizeof "STARTTLS"];
    size_t length = strcspn(text, " ");
    s->auth_offered |= auth_offer(text);
    if (length >= sizeof keyword)
        return;
    memcpy(keyword, text, length);
    keyword[length] = '\0';
    if (text_same(keyword, s->errand->keyword))
        s->errand_offered = true;
    if (text_same(keyword, "STARTTLS"))
        s->starttls_offered = true;
}

void introduction_secured(struct session *s, const char *unverified)
{
    if (unverified && tls_required(s)) {
        dialogue_fail(s, OUTCOME_NO_TLS, unverified);
        return;
    }
    s->channel = unverified ? CHANNEL_TLS_UNVERIFIED : CHANNEL_TLS;
    if (s->params->tls == TLS_IMPLICIT)
        dialogue_enter(s, SESSION_GREETING);
    else if (s->finishing)
        dialogue_give_up(s, OUTCOME_CANCELLED, 0, NULL);
    else
        perform_ehlo(s);
}
