/* reply: bytes from an SMTP server to reply lines, one at a time (RFC 5321 section 4.2). Nothing is kept but the line
 * under way; limits hold whatever the server sends. */
#ifndef ETRN_REPLY_H
#define ETRN_REPLY_H

#include "must_check.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    REPLY_LINE_LIMIT = 4096, /* octets of one line, CRLF included; RFC 5321 4.5.3.1.5 asks for 512 */
    REPLY_LIMIT = 65536      /* octets of one whole reply */
};

enum reply_status {
    REPLY_MORE,  /* all bytes used, the line is not complete */
    REPLY_LINE,  /* a line is complete, and the reply continues */
    REPLY_LAST,  /* a line is complete, and the reply with it */
    REPLY_BROKEN /* not a reply; `fault` says why, and nothing further is read */
};

enum reply_fault {
    REPLY_FINE,
    REPLY_BARE_LF,
    REPLY_BARE_CR,
    REPLY_CONTROL, /* NUL or another control character but HT */
    REPLY_BAD_CODE,
    REPLY_BAD_SEPARATOR,
    REPLY_CODES_DIFFER,
    REPLY_LINE_TOO_LONG,
    REPLY_TOO_LONG
};

struct reply {
    char line[REPLY_LINE_LIMIT]; /* the last complete line, without CRLF, NUL-terminated */
    size_t length;               /* of the line */
    size_t total;                /* octets of the reply so far */
    int code;                    /* 200 to 599, of the reply; 0 before its first line */
    bool complete;               /* the line was handed out; the next byte begins another */
    bool last;                   /* ... and it was the reply's last */
    bool carriage_return;        /* the last byte was CR */
    enum reply_fault fault;
};

/* Begins to read a new reply. */
void reply_begin(struct reply *r);

/* Reads from `bytes` up to the end of one line and sets `used` to how many octets that took. To be called again with
 * the rest. After REPLY_LAST the next call begins a new reply. */
MUST_CHECK enum reply_status reply_input(struct reply *r, const char *bytes, size_t count, size_t *used);

/* The line's text after code and separator; "" when it has none. 8-bit octets in it are the server's (RFC 6531). */
const char *reply_text(const struct reply *r);

/* What broke the reply, for a person: "a line that ends with LF without CR". */
const char *reply_fault_text(enum reply_fault fault);

#endif
