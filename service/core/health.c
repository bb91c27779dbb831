#include "health.h"

#include "calendar.h"
#include "grouping.h"

#include <string.h>

/* Reminders come a little early, so that neither seconds nor the end of daylight saving make a host that is asked once
 * a day miss one. */
#define EARLY_MS (HOUR_MS + HOUR_MS / 12)

static bool is_reminder_due(const struct planned_node *node, struct moment now)
{
    return now.steady_ms - node->reported_ms >= DAY_MS - EARLY_MS;
}

/* An early reminder does not move the following one forward. */
static void note_reminder(struct planned_node *node, struct moment now)
{
    bool early = now.steady_ms - node->reported_ms < DAY_MS;
    node->reported_ms = early ? node->reported_ms + DAY_MS : now.steady_ms;
}

/* A failure is reported at once, but 458 only the third time in a row: servers also use it for busy. */
void health_follow(struct planned_node *node, enum consequence follows, struct moment now)
{
    node->unable_in_row = follows == FOLLOWS_RETRY ? node->unable_in_row + 1 : 0;
    bool works = follows == FOLLOWS_SUCCESS;
    bool fails = follows == FOLLOWS_PASSING || follows == FOLLOWS_PERMANENT || node->unable_in_row >= 3;
    if (fails && !node->failing) {
        node->edge = EDGE_FAILS;
        node->reported_ms = now.steady_ms;
    } else if (works && node->failing) {
        node->edge = EDGE_RECOVERS;
    } else if (node->failing && is_reminder_due(node, now)) {
        node->edge = EDGE_STILL_FAILS;
        note_reminder(node, now);
    }
    if ((fails || works) && (!node->known || fails != node->failing)) {
        node->known = true;
        node->failing = fails;
        node->since = now;
    }
}

static int64_t minute_of(struct moment at)
{
    return at.utc_ms / MINUTE_MS;
}

bool health_same_news(const struct planned_node *a, const struct planned_node *b)
{
    return a->edge == b->edge && a->result.outcome == b->result.outcome && a->result.code == b->result.code &&
           (a->edge != EDGE_STILL_FAILS || minute_of(a->since) == minute_of(b->since));
}

/* ---- text for several nodes ---- */

static const void *node_next(const void *node)
{
    return (const struct planned_node *)node + 1;
}

static const char *node_name(const void *node)
{
    return ((const struct planned_node *)node)->name;
}

static bool same_news(const void *a, const void *b)
{
    return health_same_news(a, b);
}

static bool same_reply(const void *a, const void *b)
{
    const struct planned_node *first = a;
    const struct planned_node *second = b;
    return health_same_news(first, second) && strcmp(first->result.text, second->result.text) == 0;
}

static struct grouping nodes_of(const struct planned_host *host, bool (*same)(const void *a, const void *b))
{
    return (struct grouping){.first = host->nodes,
                             .end = host->nodes + host->node_count,
                             .next = node_next,
                             .same = same,
                             .name = node_name};
}

bool health_is_first(const struct planned_host *host, size_t node)
{
    struct grouping by_news = nodes_of(host, same_news);
    return grouping_begins(&by_news, &host->nodes[node]);
}

void health_add_names(struct text *t, const struct planned_host *host, size_t first)
{
    struct grouping by_news = nodes_of(host, same_news);
    grouping_add_names(&by_news, &host->nodes[first], t);
}

void health_add_replies(struct text *t, const struct planned_host *host, size_t first)
{
    struct grouping by_reply = nodes_of(host, same_reply);
    for (size_t i = first; i < host->node_count && !t->cut; i++)
        if (health_same_news(&host->nodes[i], &host->nodes[first]) && grouping_begins(&by_reply, &host->nodes[i]))
            text_add(t, "%s%s", i > first ? " | " : "", host->nodes[i].result.text);
}
