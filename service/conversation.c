#include "conversation.h"

#include "core/node.h"
#include "win/eventlog.h"

#include <stdio.h>
#include <stdlib.h>

enum { SAID_LIMIT = 4096 }; /* octets kept of a finger server's output */

struct conversation {
    struct protocol_log *log;
    const char *name;
    const struct link_params *params;
    const struct answers *answers;
    void *owner;
    struct link *link;
    uint64_t session;           /* session id in the protocol log */
    uint32_t rows;              /* rows logged for this session */
    char local[64], remote[64]; /* both endpoints, as the log shows them */
    char *said;                 /* raw output of a finger server; NULL until there is any */
    size_t said_length;
};

static void log_row(struct conversation *c, enum protolog_event event, const char *data, size_t length,
                    const char *context)
{
    struct protolog_row row = {.connector = c->name,
                               .session = c->session,
                               .sequence = c->rows++,
                               .local = c->local,
                               .remote = c->remote,
                               .event = event,
                               .data = data,
                               .length = length,
                               .context = context};
    protocol_add(c->log, &row);
}

static void log_words(struct conversation *c, const char *words)
{
    log_row(c, PROTOLOG_INFORMATION, "", 0, words);
}

void conversation_note(struct conversation *c, const char *words)
{
    trace("%s: %s", c->name, words);
    log_words(c, words);
}

/* ---- session events ---- */

/* A finger server's output is kept here, because the result has room for only one line. */
static void collect(struct conversation *c, const struct session_event *event)
{
    if (event->state != SESSION_ANSWER)
        return;
    if (!c->said)
        c->said = malloc(SAID_LIMIT);
    size_t room = c->said ? SAID_LIMIT - c->said_length : 0;
    size_t count = event->length < room ? event->length : room;
    if (count == 0)
        return;
    memcpy(c->said + c->said_length, event->line, count);
    c->said_length += count;
}

static void on_line(struct conversation *c, const struct session_event *event)
{
    bool sent = event->kind == SESSION_SENT;
    char line[800];
    struct text t;
    text_begin(&t, line, sizeof line);
    text_add_escaped(&t, event->line, event->length);
    trace("%s %s %s", c->name, sent ? ">" : "<", line);
    log_row(c, sent ? PROTOLOG_SEND : PROTOLOG_RECEIVE, event->line, event->length, "");
}

static void on_result(struct conversation *c, size_t node, const struct result *result)
{
    TEXT_SCRATCH(words, NODE_LIMIT + 64);
    text_add(&words, "%s: %s", c->params->session.nodes[node], outcome_name(result->outcome));
    log_words(c, words.data);
    c->answers->node(c->owner, node, result);
    if (result->outcome != OUTCOME_CANCELLED) /* a cancelled dequeue keeps the previous result and its output */
        c->answers->output(c->owner, c->said, c->said_length);
}

static void on_session(void *owner, const struct session_event *event)
{
    struct conversation *c = owner;
    switch (event->kind) {
    case SESSION_STATE:
        trace("%s: %s -> %s", c->name, session_state_name(event->from), session_state_name(event->state));
        break;
    case SESSION_RECEIVED:
        collect(c, event);
        on_line(c, event);
        break;
    case SESSION_SENT:
        on_line(c, event);
        break;
    case SESSION_NODE:
        on_result(c, event->node, event->result);
        break;
    case SESSION_ENDED:
        log_row(c, PROTOLOG_DISCONNECT, "", 0, event->result->text);
        break;
    }
}

/* ---- link events ---- */

static void on_connected(struct conversation *c, const struct link_note *note)
{
    trace("%s: connected to %s", c->name, note->address);
    snprintf(c->local, sizeof c->local, "%s", note->local);
    snprintf(c->remote, sizeof c->remote, "%s", note->remote);
    log_row(c, PROTOLOG_CONNECT, "", 0, "");
}

static void on_note(void *owner, const struct link_note *note)
{
    struct conversation *c = owner;
    char words[300];
    struct text t;
    text_begin(&t, words, sizeof words);
    switch (note->step) {
    case LINK_ADDRESS:
        break;
    case LINK_TRYING:
        text_add(&t, "attempting to connect to %s", note->address);
        log_words(c, words);
        break;
    case LINK_CONNECTED:
        on_connected(c, note);
        break;
    case LINK_FAILED:
        text_add(&t, "%s: ", note->address);
        text_add_error(&t, note->error);
        conversation_note(c, words);
        break;
    case LINK_SECURED:
        text_add(&t, "%s, %s", note->security->tls,
                 note->security->unverified ? note->security->unverified : "certificate verified");
        conversation_note(c, words);
        break;
    case LINK_TLS_FAILED:
        text_add(&t, "%s; trying again without TLS", note->words);
        conversation_note(c, words);
        break;
    }
}

static void free_conversation(struct conversation *c)
{
    free(c->said);
    free(c);
}

static void on_closed(void *owner)
{
    struct conversation *c = owner;
    const struct answers *answers = c->answers;
    void *answers_owner = c->owner;
    free_conversation(c);
    answers->ended(answers_owner);
}

/* ---- begin and end ---- */

struct conversation *conversation_begin(struct loop *loop, struct protocol_log *log, const char *name,
                                        const struct link_params *params, const struct answers *answers, void *owner)
{
    static const struct link_sink sink = {.session = on_session, .note = on_note, .closed = on_closed};
    struct conversation *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->log = log;
    c->name = name;
    c->params = params;
    c->answers = answers;
    c->owner = owner;
    c->session = protocol_session(log);
    c->link = link_open(loop, params, &sink, c);
    if (!c->link) {
        free_conversation(c);
        return NULL;
    }
    return c;
}

void conversation_end(struct conversation *c, bool politely)
{
    if (politely)
        link_finish(c->link);
    else
        link_abort(c->link);
}
