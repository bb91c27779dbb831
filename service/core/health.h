/* health: whether a node works or fails, by the results it gets, and what of that is news. News are edges; and of a
 * node that is still failing a reminder once a day, in case the first event was overlooked. */
#ifndef ETRN_HEALTH_H
#define ETRN_HEALTH_H

#include "planned_host.h"

/* Notes the result that the node has now, from which `follows` follows, and whether that is news: node->edge. */
void health_follow(struct planned_node *node, enum consequence follows, struct moment now);

/* Whether one sentence can report the news of both: the same edge, outcome and reply code; of a reminder, failing since
 * the same minute as well. The replies' words may differ. */
bool health_same_news(const struct planned_node *a, const struct planned_node *b);

/* Whether no node before this one has the same news: one event reports the news of all that share them. */
bool health_is_first(const struct planned_host *host, size_t node);

/* The names of node `first` and of those after it that share its news, separated by commas. */
void health_add_names(struct text *t, const struct planned_host *host, size_t first);

/* What was answered to the same nodes: the reply, or each that differs in words, separated by " | ". */
void health_add_replies(struct text *t, const struct planned_host *host, size_t first);

#endif
