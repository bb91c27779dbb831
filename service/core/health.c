#include "health.h"

#include "calendar.h"

#include <string.h>

/* So that neither seconds nor the end of daylight saving make a host that is asked once a day miss its reminder. */
#define EARLY_MS (HOUR_MS + HOUR_MS / 12)

static bool is_reminder_due(struct planned_node *node, struct moment now)
{
    int64_t passed_ms = now.steady_ms - node->told_ms;
    if (passed_ms < DAY_MS - EARLY_MS)
        return false;
    node->told_ms = passed_ms < DAY_MS ? node->told_ms + DAY_MS : now.steady_ms; /* early ones bring none forward */
    return true;
}

/* A failure is news at once, but a 458 only as the third in a row: servers say it for busy as well. */
void health_follow(struct planned_node *node, enum consequence follows, struct moment now)
{
    node->unable_in_row = follows == FOLLOWS_RETRY ? node->unable_in_row + 1 : 0;
    bool works = follows == FOLLOWS_SUCCESS;
    bool fails = follows == FOLLOWS_PASSING || follows == FOLLOWS_PERMANENT || node->unable_in_row >= 3;
    if (fails && !node->failing) {
        node->edge = EDGE_FAILS;
        node->told_ms = now.steady_ms;
    } else if (works && node->failing) {
        node->edge = EDGE_RECOVERS;
    } else if (node->failing && is_reminder_due(node, now)) {
        node->edge = EDGE_STILL_FAILS;
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

bool health_add_names(struct text *t, const struct planned_host *host, size_t first)
{
    for (size_t i = 0; i < first; i++)
        if (health_same_news(&host->nodes[i], &host->nodes[first]))
            return false;
    for (size_t i = first; i < host->node_count && !t->cut; i++)
        if (health_same_news(&host->nodes[i], &host->nodes[first]))
            text_add(t, "%s%s", i > first ? ", " : "", host->nodes[i].name);
    return true;
}

/* Whether a node before `which`, from `first` on, has the same news with the same words. */
static bool is_repeated(const struct planned_host *host, size_t first, size_t which)
{
    const struct planned_node *node = &host->nodes[which];
    for (size_t i = first; i < which; i++)
        if (health_same_news(&host->nodes[i], node) && strcmp(host->nodes[i].result.text, node->result.text) == 0)
            return true;
    return false;
}

void health_add_replies(struct text *t, const struct planned_host *host, size_t first)
{
    for (size_t i = first; i < host->node_count && !t->cut; i++)
        if (health_same_news(&host->nodes[i], &host->nodes[first]) && !is_repeated(host, first, i))
            text_add(t, "%s%s", i > first ? " | " : "", host->nodes[i].result.text);
}
