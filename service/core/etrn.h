/* etrn: the errand that sends ETRN (RFC 1985) for each node, one after the other. */
#ifndef ETRN_ETRN_H
#define ETRN_ETRN_H

#include "dialogue.h"

extern const struct session_errand etrn_errand;

/* The reply to one ETRN: its node's result. */
void etrn_reply(struct session *s, int code, const char *line);

#endif
