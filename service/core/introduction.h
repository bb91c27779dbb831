/* introduction: what precedes each errand over SMTP: the greeting, EHLO or HELO, STARTTLS (RFC 3207), AUTH. Once all
 * that is settled it begins the session's errand. */
#ifndef ETRN_INTRODUCTION_H
#define ETRN_INTRODUCTION_H

#include "dialogue.h"

/* Waits for the greeting, or with TLS_IMPLICIT for the TLS handshake. */
void introduction_begin(struct session *s);

/* A line of the reply to EHLO after its first names a capability (RFC 5321 4.1.1.1): `text` is what follows the code.
 */
void introduction_capability(struct session *s, const char *text);

/* The reply of each state: its code and its last line. */
void introduction_greeting(struct session *s, int code, const char *line);
void introduction_capabilities(struct session *s, int code, const char *line);
void introduction_welcome(struct session *s, int code, const char *line);
void introduction_tls_readiness(struct session *s, int code, const char *line);
void introduction_authentication(struct session *s, int code, const char *line);

/* The handshake is done: as session_secured(). */
void introduction_secured(struct session *s, const char *unverified);

/* Keeps what the host gives back of the password from all who look at the line in s->reply: silly hosts do, in AUTH or
 * after it, when they tell what they did not understand. */
void introduction_hide_secret(struct session *s);

#endif
