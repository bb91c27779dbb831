/* finger: the errand that asks a finger server (RFC 1288). It needs no introduction: one line goes out, and what comes
 * back up to the end of the connection is the answer. */
#ifndef ETRN_FINGER_H
#define ETRN_FINGER_H

#include "dialogue.h"

/* Sends the query: the session's first node. An empty query asks who is logged in there: it is never sent. */
void finger_begin(struct session *s);

/* Some of the answer. */
void finger_input(struct session *s, const char *bytes, size_t count);

/* The host has closed the connection: the answer is complete. */
void finger_closed(struct session *s);

#endif
