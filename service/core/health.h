/* health: whether a node works or fails, by the results it gets, and what of that is news. News are edges; and of a
 * node that goes on failing a reminder once a day, lest the first word of it be overlooked. */
#ifndef ETRN_HEALTH_H
#define ETRN_HEALTH_H

#include "planned_host.h"

/* Notes the result that the node has now, from which `follows` follows, and whether that is news: node->edge. */
void health_follow(struct planned_node *node, enum consequence follows, struct moment now);

/* Whether one sentence can tell the news of both: the same edge, outcome and reply code; of a reminder, failing since
 * the same minute as well. The replies' words may differ. */
bool health_same_news(const struct planned_node *a, const struct planned_node *b);

/* The names of all nodes that share the news of node `first`, separated by commas. False, with nothing added, when a
 * node before it shares them, so that they are told already. */
bool health_add_names(struct text *t, const struct planned_host *host, size_t first);

/* What was answered to the same nodes: the reply, or each that differs in words, separated by " | ". */
void health_add_replies(struct text *t, const struct planned_host *host, size_t first);

#endif
