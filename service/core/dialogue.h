/* dialogue: what a session and its parts (introduction, etrn, finger) have in common: where the session stands, the one
 * command that is to be sent, and what each node comes to. The parts call these functions, and are called by session;
 * who runs a session needs session.h alone. */
#ifndef ETRN_DIALOGUE_H
#define ETRN_DIALOGUE_H

#include "auth.h"
#include "outcome.h"
#include "reply.h"
#include "settings.h"

enum {
    SESSION_COMMAND_LIMIT = 512,           /* octets, CRLF included; RFC 5321 4.5.3.1.4 */
    SESSION_OUT_SIZE = AUTH_LINE_SIZE + 2, /* ... of an answer within AUTH; RFC 4954 4 allows 12288 */
};

/* Each state is named by what it waits for. After SESSION_TLS come the capabilities again (RFC 3207 4.2), or with
 * TLS_IMPLICIT, where it is the first (RFC 8314 3), the greeting. */
enum session_state {
    SESSION_GREETING,
    SESSION_CAPABILITIES,   /* the reply to EHLO */
    SESSION_WELCOME,        /* the reply to HELO, which has no capabilities */
    SESSION_TLS_READINESS,  /* the reply to STARTTLS */
    SESSION_TLS,            /* the caller makes the TLS handshake: session_secured(), or session_fail() */
    SESSION_AUTHENTICATION, /* where credentials are given, after the last EHLO */
    SESSION_NODE_REPLY,     /* the reply to ETRN */
    SESSION_ANSWER,         /* of TRANSPORT_TEXT alone: up to the end of the connection (RFC 1288) */
    SESSION_FAREWELL,       /* the reply to QUIT */
    SESSION_OVER            /* nothing further is read or sent; the connection is to be closed */
};

struct session_params {
    const char *helo;         /* our name, or an address literal */
    const char *const *nodes; /* asked in this order */
    size_t node_count;
    bool force_etrn; /* send ETRN though it is not offered */
    enum tls_mode tls;
    bool starttls_failed;                /* of TLS_MAY: the handshake failed in a connection before this, do without */
    enum method method;                  /* not of TRANSPORT_PROGRAM; BATCH_ONE takes one node */
    int64_t reply_timeout_ms;            /* longest time for one reply, and for the TLS handshake */
    const struct auth_credentials *auth; /* NULL: none; else nothing is asked without AUTH, for which the password is
                                          * sent only to a host that TLS has verified, unless they say otherwise */
};

enum session_event_kind {
    SESSION_STATE,    /* `state` was entered, from another: `from` */
    SESSION_RECEIVED, /* a line from the host; `line` is raw, to be escaped before it is shown; "***" from where it
                       * would give a secret back */
    SESSION_SENT,     /* a command, without CRLF, secrets as "***"; `result` as for SESSION_ENDED, so that QUIT can be
                       * explained */
    SESSION_NODE,     /* `node` has its `result` */
    SESSION_ENDED     /* once, the last event: every node has had its result; `result` says what cut the
                       * conversation short, OUTCOME_NONE when nothing did */
};

struct session_event {
    enum session_event_kind kind;
    enum session_state state; /* in which it happened: of a line, what it answers */
    enum session_state from;  /* of SESSION_STATE */
    const char *line;
    size_t length;
    int code; /* of a SESSION_RECEIVED line; 0 when it is not a reply line */
    size_t node;
    const struct result *result;
};

/* Called from within session_input() and its like; must not call back into the session. */
typedef void session_sink(void *owner, const struct session_event *event);

struct session;

/* What is asked once the host has introduced itself. */
struct session_errand {
    const char *keyword;              /* that its reply to EHLO is to have */
    void (*begin)(struct session *s); /* asks for the first node, or quits */
};

struct session {
    const struct session_params *params;
    const struct session_errand *errand;
    session_sink *sink;
    void *owner;
    enum session_state state;
    size_t node;                           /* the next to get its result; those before it have theirs */
    bool errand_offered, starttls_offered; /* by the last reply to EHLO */
    unsigned auth_offered;                 /* likewise, as auth_offer() returns it */
    unsigned auth_offered_in_clear;        /* by the one before TLS */
    struct auth auth;                      /* `who` is NULL before it begins */
    enum channel channel;
    bool finishing; /* QUIT follows the reply under way */
    size_t command; /* octets of `out` to be sent; 0 when none */
    char out[SESSION_OUT_SIZE];
    struct result ending; /* what cut the conversation short */
    struct text answer;   /* of finger, the beginning of it */
    char answer_text[192];
    struct reply reply;
};

/* Enters a state; an event reports it if it differs from the previous one. */
void dialogue_enter(struct session *s, enum session_state state);

/* Hands an event to the sink, with the state filled in. */
void dialogue_emit(const struct session *s, struct session_event event);

/* Makes "VERB argument" the command to be sent, and its reply, for which `state` waits, what comes next. */
void dialogue_perform(struct session *s, enum session_state state, const char *verb, const char *argument);

/* Makes what stands in s->out, without CRLF, the line to be sent; events show `shown` in its place. */
void dialogue_send(struct session *s, enum session_state state, const char *shown);

/* Gives the next node its result. */
void dialogue_settle(struct session *s, enum outcome outcome, int code, const char *text);

/* The conversation is cut short: all nodes left get this result. What follows the first cut no longer matters, nor what
 * becomes of QUIT. */
void dialogue_settle_rest(struct session *s, enum outcome outcome, int code, const char *text);

/* QUIT; and the same for a conversation that is cut short. */
void dialogue_quit(struct session *s);
void dialogue_give_up(struct session *s, enum outcome outcome, int code, const char *text);

/* What was to be sent was sent, or is not to be. */
void dialogue_forget_command(struct session *s);

/* The end: without QUIT; and the same for a conversation that is cut short. */
void dialogue_end(struct session *s);
void dialogue_fail(struct session *s, enum outcome why, const char *detail);

#endif
