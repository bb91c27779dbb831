/* conversation: a session with a host over a link, and all that is seen of it: lines for one who watches on the
 * console, rows of the protocol log, and the results of its nodes. */
#ifndef ETRN_CONVERSATION_H
#define ETRN_CONVERSATION_H

#include "answers.h"
#include "win/link.h"
#include "win/protocol.h"

struct conversation;

/* Begins one with the host of that name, which must stay, as `params` must, until answers->ended. NULL when there is no
 * memory; `ended` is then not called. */
struct conversation *conversation_begin(struct loop *loop, struct protocol_log *log, const char *name,
                                        const struct link_params *params, const struct answers *answers, void *owner);

/* Adds a line to the trace and a row to the protocol log. */
void conversation_note(struct conversation *c, const char *words);

/* Ends it politely (link_finish) or now; answers->ended is called now or later. */
void conversation_end(struct conversation *c, bool politely);

#endif
