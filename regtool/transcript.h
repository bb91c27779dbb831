/* transcript: shows a conversation with a host as it takes place: each line, what it means and what to do; for a
 * person, or into JSON. It keeps what a verdict needs. */
#ifndef ETRN_TRANSCRIPT_H
#define ETRN_TRANSCRIPT_H

#include "../service/core/json.h"
#include "../service/win/link.h"

enum capability { CAPABILITY_ETRN, CAPABILITY_STARTTLS, CAPABILITY_AUTH, CAPABILITY_COUNT };

struct transcript {
    bool as_json;
    struct json *json;      /* where it is written, one object a line, then */
    struct result *results; /* one a node */
    struct result ending;   /* what cut the conversation short; OUTCOME_NONE before */
    bool introduced;        /* EHLO was answered with success */
    bool explained;         /* what EHLO's reply offers */
    bool secured;           /* by TLS, as `security` says */
    bool offered[CAPABILITY_COUNT];
    struct stream_security security;
    char unverified[200];  /* of it */
    LARGE_INTEGER sent;    /* when the last command was; 0: its reply has come */
    int64_t round_trip_us; /* the shortest; 0 before the first */
    int64_t connected_ms;  /* -1 before */
};

/* `results` has room for one a node; both stay the caller's. `json` is NULL for a person. */
void transcript_begin(struct transcript *record, struct result *results, struct json *json);

void transcript_session(struct transcript *record, const struct session_event *event);
void transcript_note(struct transcript *record, const struct link_note *note);

/* The keyword of EHLO's reply: "ETRN". */
const char *capability_name(enum capability capability);

#endif
