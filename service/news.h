/* news: what a dequeue has changed in the health of its nodes, as events. Which node has news, core decides (health).
 */
#ifndef ETRN_NEWS_H
#define ETRN_NEWS_H

#include "core/planned_host.h"

/* Reports the edges of the dequeue that has just ended: one event for the nodes that share theirs. */
void news_report(const struct planned_host *host);

#endif
