#include "news.h"

#include "core/health.h"
#include "win/eventlog.h"
#include "win/localtime.h"

enum {
    NODES_LIMIT = 400,  /* octets for a list of nodes */
    REPLIES_LIMIT = 800 /* octets for their replies */
};

/* Writes one event for all nodes of the host that have the same news as node `first`. */
static void report(const struct planned_host *host, size_t first)
{
    char names[NODES_LIMIT];
    char replies[REPLIES_LIMIT];
    char since[40];
    struct text t;
    const struct planned_node *node = &host->nodes[first];
    const char *meaning = outcome_meaning(&node->result);
    const char *advice = outcome_advice(&node->result);
    text_begin(&t, names, sizeof names);
    health_add_names(&t, host, first);
    text_begin(&t, replies, sizeof replies);
    health_add_replies(&t, host, first);
    text_begin(&t, since, sizeof since);
    text_add_local_time(&t, node->since.utc_ms);
    switch (node->edge) {
    case EDGE_FAILS:
        EVENT(EVENT_FAILS, host->name, names, meaning, advice, replies);
        break;
    case EDGE_STILL_FAILS:
        EVENT(EVENT_STILL_FAILS, host->name, names, since, meaning, advice, replies);
        break;
    case EDGE_RECOVERS:
        EVENT(EVENT_RECOVERS, host->name, names, meaning);
        break;
    case EDGE_NONE:
        break;
    }
}

void news_report(const struct planned_host *host)
{
    for (size_t i = 0; i < host->node_count; i++)
        if (host->nodes[i].edge != EDGE_NONE && health_is_first(host, i))
            report(host, i);
}
