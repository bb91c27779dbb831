/* session: one SMTP conversation that asks a host to deliver what it holds for some nodes (RFC 1985 over RFC 5321).
 * It knows no socket, no clock and no TLS library: bytes go in, commands come out, events report what happened. One
 * command at a time, never pipelined (RFC 2920 3.1: an extension's command may not be followed by others in a group),
 * and any byte that arrives before it was asked for ends the conversation. */
#ifndef ETRN_SESSION_H
#define ETRN_SESSION_H

#include "dialogue.h"
#include "must_check.h"

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

/* The connection cannot continue: `why`, with a few words of detail for a person or NULL. Nodes without a result get
 * this one. Once every node has its result this changes nothing but the state: QUIT is a courtesy. */
void session_fail(struct session *s, enum outcome why, const char *detail);

/* How long what the session waits for now may take, from when it began to wait; 0 once it is over. What bounds the
 * whole of a session is the caller's. */
int64_t session_timeout_ms(const struct session *s);

/* Appends that it took longer: "no greeting in 300 s", "no reply to EHLO in 300 s". */
void session_add_overdue(const struct session *s, struct text *t);

/* What a state waits for, for traces: "greeting", "capabilities"; "end" for the last. */
const char *session_state_name(enum session_state state);

#endif
