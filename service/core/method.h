/* method: ONE table of the ways in which a host can be asked, and what each needs. */
#ifndef ETRN_METHOD_H
#define ETRN_METHOD_H

#include <stdbool.h>
#include <stdint.h>

enum method { METHOD_ETRN, METHOD_FINGER, METHOD_PROGRAM, METHOD_COUNT };

/* What carries the question. */
enum transport {
    TRANSPORT_SMTP,   /* an SMTP session, with TLS and AUTH where they are set */
    TRANSPORT_TEXT,   /* one line sent over a connection, and the answer up to its end */
    TRANSPORT_PROGRAM /* a program of this computer */
};

/* How many of a host's nodes one session, connection or run asks for. */
enum node_batch {
    BATCH_ONE,
    BATCH_SETTING, /* EtrnsPerConnection */
    BATCH_PROGRAM  /* all; one where the Program takes {node} as an argument */
};

struct method_row {
    const char *word; /* as the setting Method has it */
    uint16_t port;    /* of TCP, where Port is 0; 0: the method needs none */
    enum transport transport;
    enum node_batch batch;
    bool auth; /* User and its password are sent */
};

/* By enum method. */
extern const struct method_row methods[METHOD_COUNT];

/* The word of a row, for the table of settings. */
const char *method_word(uint32_t method);

#endif
