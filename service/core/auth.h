/* auth: the client's side of SMTP AUTH (RFC 4954) by PLAIN (RFC 4616), LOGIN and CRAM-MD5 (RFC 2195): which mechanism,
 * what to say, what to answer. It knows no session and keeps no secret; whoever gets a line from it wipes it once it
 * was sent. */
#ifndef ETRN_AUTH_H
#define ETRN_AUTH_H

#include "base64.h"
#include "must_check.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    AUTH_USER_LIMIT = 255, /* octets */
    AUTH_PASSWORD_LIMIT = 255,
    AUTH_MESSAGE_LIMIT = AUTH_USER_LIMIT + AUTH_PASSWORD_LIMIT + 2, /* of PLAIN, the longest */
    AUTH_LINE_SIZE = BASE64_SIZE(AUTH_MESSAGE_LIMIT),               /* a line without CRLF, and NUL */
    AUTH_COMMAND_LIMIT = 510 /* octets of "AUTH PLAIN ..." without CRLF; a longer response is sent when it is asked for
                              * (RFC 4954 section 4) */
};

enum auth_mechanism { AUTH_NONE, AUTH_PLAIN, AUTH_LOGIN, AUTH_CRAM_MD5 };

/* HMAC-MD5 (RFC 2104) of `data`; false when this machine does not compute it. */
typedef bool hmac_md5(const void *key, size_t key_size, const void *data, size_t size, unsigned char digest[16]);

struct auth_credentials {
    const char *user, *password; /* UTF-8, not empty, within their limits: else auth_answer() refuses */
    bool in_clear;               /* the password may be sent over a line that is not secured */
    hmac_md5 *hmac_md5;          /* NULL: without CRAM-MD5 */
};

/* One exchange. */
struct auth {
    const struct auth_credentials *who;
    enum auth_mechanism mechanism;
    unsigned answers; /* given so far; an initial response is one */
    char digest[33];  /* what CRAM-MD5 has said, to be known again */
};

/* What is wrong with a password as it is given, of `size` octets; NULL when nothing is. */
MUST_CHECK const char *auth_password_fault(const char *password, size_t size);

/* What a line of the EHLO reply offers, after its code: a set of mechanisms, 1 << enum auth_mechanism, with
 * 1 << AUTH_NONE for AUTH itself; 0 when the line is about something else. Old servers write "AUTH=LOGIN". */
unsigned auth_offer(const char *capability);

/* The mechanism to use of those offered, AUTH_NONE when there is none. Over a secured line the password itself is sent,
 * for servers that keep it in no form that CRAM-MD5 could use; over any other rather not. */
MUST_CHECK enum auth_mechanism auth_choose(unsigned offered, bool secured, const struct auth_credentials *who);

/* "PLAIN". */
const char *auth_name(enum auth_mechanism mechanism);

/* Begins with "AUTH ..." into `line`. Returns whether it holds an initial response, a secret. */
bool auth_begin(struct auth *a, enum auth_mechanism mechanism, const struct auth_credentials *who,
                char line[AUTH_LINE_SIZE]);

/* The answer to a challenge (the text of a 334) into `line`. Returns NULL, or why there is none: the exchange is then
 * to be cancelled by "*". */
MUST_CHECK const char *auth_answer(struct auth *a, const char *challenge, char line[AUTH_LINE_SIZE]);

/* Whether a line from the server holds the password, or what was made of it, in clear or in base64; with `parts` six
 * characters in a row are enough: some servers show what they did not understand, cut, or in capitals. */
bool auth_echoed(const struct auth *a, const char *line, size_t length, bool parts);

#endif
