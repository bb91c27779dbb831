/* outcome: what became of one node, what follows from it, and the sentences for the administrator. Three tables: one of
 * the outcomes, one of the replies to AUTH, one of the replies that servers give to ETRN (RFC 1985 section 5.3, RFC
 * 5321 section 4.2, and what Postfix, Sendmail, Exim, hMailServer, XMail and Exchange mean by them). */
#ifndef ETRN_OUTCOME_H
#define ETRN_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum outcome {
    OUTCOME_NONE,            /* not asked yet */
    OUTCOME_STARTED,         /* 250 and any other 2yz: delivery begins */
    OUTCOME_NOTHING_WAITING, /* 251 */
    OUTCOME_PENDING,         /* 252, 253: delivery begins, messages are waiting */
    OUTCOME_UNABLE_TO_QUEUE, /* 458 */
    OUTCOME_NOT_ALLOWED,     /* 459 */
    OUTCOME_REFUSED,         /* any 5yz but 530 */
    OUTCOME_TURNED_AWAY,     /* the same, to the connection instead of ETRN */
    OUTCOME_NEEDS_SECURITY,  /* 530: TLS or AUTH first */
    OUTCOME_NOT_OFFERED,     /* ETRN is not among the server's capabilities, and not forced */
    OUTCOME_TEMPORARY,       /* 421 and any other 4yz */
    OUTCOME_NO_ADDRESS,      /* the host's name has no address */
    OUTCOME_NO_CONNECTION,   /* no address of the host took the connection */
    OUTCOME_TIMED_OUT,       /* connected, then a deadline passed */
    OUTCOME_LOST,            /* the connection ended before the reply */
    OUTCOME_BROKEN,          /* the server's bytes are not SMTP, or came unasked */
    OUTCOME_NO_TLS,          /* TLS is required by the settings and cannot be had */
    OUTCOME_NO_AUTH,         /* likewise authentication: no password, no safe way to send it, or it is refused */
    OUTCOME_NO_WAKE,         /* WakeHost did not answer */
    OUTCOME_NO_SERVICE,      /* RunService could not be started */
    OUTCOME_PROGRAM_FAILED,  /* Program could not be run, took too long, or ended with an exit code other than 0 */
    OUTCOME_BAD_NODE,        /* the node cannot be sent as an ETRN argument */
    OUTCOME_LOCAL,           /* this machine failed: memory, sockets */
    OUTCOME_CANCELLED,       /* ended from here: disabled, stopped */
    OUTCOME_COUNT
};

/* What follows from an outcome. */
enum consequence {
    FOLLOWS_NOTHING, /* no news: not asked, or cancelled */
    FOLLOWS_SUCCESS,
    FOLLOWS_RETRY,    /* ask again with backoff; a warning only from the third in a row */
    FOLLOWS_PASSING,  /* ask again with backoff; a failure at once */
    FOLLOWS_PERMANENT /* wait for the next scheduled time; a failure at once */
};

/* How the host was spoken to when the outcome came. */
enum channel {
    CHANNEL_NONE,              /* it did not come so far */
    CHANNEL_CLEAR,             /* in clear, as the settings say */
    CHANNEL_CLEAR_NOT_OFFERED, /* in clear: the host does not offer STARTTLS */
    CHANNEL_CLEAR_REFUSED,     /* in clear: the host refused STARTTLS */
    CHANNEL_CLEAR_FAILED,      /* in clear: TLS could not be agreed on in a connection before this */
    CHANNEL_TLS_UNVERIFIED,    /* over TLS with a certificate that proves nothing */
    CHANNEL_TLS                /* over TLS, the host's certificate verified */
};

/* Stable name for machines, "clear-not-offered"; and for a person, where there is something to be said: "in clear:
 * STARTTLS is not offered". "" when all is as the settings say. */
const char *channel_name(enum channel channel);
const char *channel_meaning(enum channel channel);

/* One node's outcome, with the reply that led to it. */
struct result {
    enum outcome outcome;
    enum channel channel;
    int code;          /* the reply's, 0 when there was none */
    uint32_t messages; /* waiting, as 253 says; 0 if it does not */
    char text[200];    /* the reply, or what happened instead, escaped for display */
};

/* Stable name for machines: "started", "not-allowed"; status.json and --json carry it. */
const char *outcome_name(enum outcome outcome);

enum consequence outcome_consequence(enum outcome outcome);

/* The outcome of an ETRN that was answered with `code` (200 to 599). */
enum outcome outcome_of_etrn(int code);

/* The outcome for the nodes not yet asked when AUTH was answered with `code` instead of success or a challenge. */
enum outcome outcome_of_auth(int code);

/* The outcome for the nodes not yet asked when the greeting, EHLO or HELO was answered with `code` instead of success.
 */
enum outcome outcome_of_refusal(int code);

/* A sentence for a person: what the result means ... */
const char *outcome_meaning(const struct result *result);

/* ... and what to do about it; "" when nothing needs doing. */
const char *outcome_advice(const struct result *result);

/* Fills in `result` (its channel CHANNEL_NONE), `text` escaped and cut to fit; NULL is "". Reads the number of messages
 * from the text of a 253 (RFC 1985 5.3: "253 OK, <n> pending messages for node <x> started"). */
void result_set(struct result *result, enum outcome outcome, int code, const char *text);

#endif
