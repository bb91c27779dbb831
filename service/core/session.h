/* session: one SMTP conversation that asks a host to deliver what it holds for some nodes (RFC 1985 over RFC 5321).
 * It knows no socket, no clock and no TLS library: bytes go in, commands come out, events tell what happened. One
 * command at a time, never pipelined (RFC 2920 3.1: an extension's command may not be followed by others in a group),
 * and any byte that arrives before it was asked for ends the conversation. */
#ifndef ETRN_SESSION_H
#define ETRN_SESSION_H

#include "auth.h"
#include "outcome.h"
#include "reply.h"
#include "settings.h"

enum {
    SESSION_COMMAND_LIMIT = 512,           /* octets, CRLF included; RFC 5321 4.5.3.1.4 */
    SESSION_OUT_SIZE = AUTH_LINE_SIZE + 2, /* ... of an answer within AUTH; RFC 4954 4 allows 12288 */
};

/* Each state is named by the reply it waits for. After SESSION_TLS comes another EHLO (RFC 3207 4.2), or with
 * TLS_IMPLICIT, where it is the first (RFC 8314 3), the greeting. */
enum session_state {
    SESSION_GREETING,
    SESSION_FINGER, /* of TRANSPORT_TEXT alone: the answer, up to the end of the connection (RFC 1288) */
    SESSION_EHLO,
    SESSION_HELO,
    SESSION_STARTTLS,
    SESSION_TLS,  /* the caller makes the TLS handshake: session_secured(), or session_fail() */
    SESSION_AUTH, /* where credentials are given, after the last EHLO */
    SESSION_ETRN,
    SESSION_QUIT,
    SESSION_OVER /* nothing further is read or sent; the connection is to be closed */
};

struct session_params {
    const char *helo;         /* our name, or an address literal */
    const char *const *nodes; /* asked in this order */
    size_t node_count;
    bool force_etrn; /* send ETRN though it is not offered */
    enum tls_mode tls;
    bool starttls_failed;                /* of TLS_MAY: the handshake failed in a connection before this, do without */
    enum method method;                  /* not of TRANSPORT_PROGRAM; BATCH_ONE takes one node */
    const struct auth_credentials *auth; /* NULL: none; else nothing is asked without AUTH, for which the password is
                                          * sent only to a host that TLS has verified, unless they say otherwise */
};

enum session_event_kind {
    SESSION_RECEIVED, /* a line from the host; `line` is raw, to be escaped before it is shown; "***" from where it
                       * would give a secret back */
    SESSION_SENT,     /* a command, without CRLF, secrets as "***"; `result` as for SESSION_ENDED, so that QUIT can be
                       * explained */
    SESSION_NODE,     /* `node` has its `result` */
    SESSION_ENDED     /* once, the last event: every node has had its result; `result` tells what cut the
                       * conversation short, OUTCOME_NONE when nothing did */
};

struct session_event {
    enum session_event_kind kind;
    enum session_state state; /* in which it happened: of a line, what it answers */
    const char *line;
    size_t length;
    int code; /* of a SESSION_RECEIVED line; 0 when it is not a reply line */
    size_t node;
    const struct result *result;
};

/* Called from within session_input() and its like; must not call back into the session. */
typedef void session_sink(void *owner, const struct session_event *event);

struct session {
    const struct session_params *params;
    session_sink *sink;
    void *owner;
    enum session_state state;
    size_t node;                         /* the next to get its result; those before it have theirs */
    bool etrn_offered, starttls_offered; /* by the last EHLO reply */
    unsigned auth_offered;               /* likewise, as auth_offer() tells */
    unsigned auth_offered_in_clear;      /* by the one before TLS */
    struct auth auth;                    /* `who` is NULL before it begins */
    enum channel channel;
    bool finishing; /* QUIT follows the reply under way */
    size_t command; /* octets of `out` to be sent; 0 when none */
    char out[SESSION_OUT_SIZE];
    struct result ending; /* what cut the conversation short */
    struct text answer;   /* of finger, the beginning of it */
    char answer_text[192];
    struct reply reply;
};

/* Begins with the connection made and the greeting awaited, or with TLS_IMPLICIT the TLS handshake. `params`, and what
 * it points to, must outlive the session.
 */
void session_begin(struct session *s, const struct session_params *params, session_sink *sink, void *owner);

/* Bytes from the host, deciphered where TLS is in use. */
void session_input(struct session *s, const char *bytes, size_t count);

/* The command to be sent now, CRLF included; NULL when there is none. It stays until session_sent(). */
const char *session_output(const struct session *s, size_t *count);

/* The command was handed to the connection, and is forgotten here: from now on its reply may come. */
void session_sent(struct session *s);

/* The TLS handshake of SESSION_TLS is done. `unverified` says why the host's certificate does not prove that it is the
 * host, NULL when it does: without proof TLS_REQUIRE and TLS_IMPLICIT end here with OUTCOME_NO_TLS, and nothing more is
 * sent. */
void session_secured(struct session *s, const char *unverified);

/* Ends politely: no further node is asked, QUIT follows the reply that is awaited. Nodes left get OUTCOME_CANCELLED, or
 * what else ends the session before that reply. */
void session_finish(struct session *s);

/* The host has closed the connection, after all that it had to say. */
void session_closed(struct session *s);

/* The connection cannot go on: `why`, with a few words of detail for a person or NULL. Nodes without a result get this
 * one. Once every node has its result this changes nothing but the state: QUIT is a courtesy. */
void session_fail(struct session *s, enum outcome why, const char *detail);

/* "EHLO", "ETRN": what the state waits the answer of; "greeting" for the first. */
const char *session_state_name(enum session_state state);

#endif
