#include "dequeue.h"

#include "health.h"

#include <stdlib.h>

/* ---- begin ---- */

/* Returns the nodes per session: as few sessions as `limit` nodes per session allow, filled evenly. */
static size_t batch_size(size_t nodes, size_t limit)
{
    size_t sessions = (nodes + limit - 1) / limit;
    return (nodes + sessions - 1) / sessions; /* NOLINT(clang-analyzer-core.DivideZero): a dequeue has nodes to ask */
}

static bool is_set(const char *string)
{
    return string && *string;
}

static bool needs_preparation(const struct host_settings *host)
{
    return is_set(host->wake_host) || is_set(host->run_service);
}

void dequeue_begin(struct planned_host *h, enum trigger why, struct moment now)
{
    struct dequeue *d = &h->dequeue;
    *d = (struct dequeue){.active = true,
                          .trigger = timetable_begin(&h->timetable, why, now),
                          .preparation = needs_preparation(h->settings) ? TO_PREPARE : PREPARED,
                          .started = now,
                          .ended = d->ended};
    for (size_t i = 0; i < h->node_count; i++) {
        struct planned_node *node = &h->nodes[i];
        node->edge = EDGE_NONE;
        node->server = 0;
        node->progress = d->trigger != TRIGGER_RETRY || node->retry ? NODE_WAITING : NODE_IDLE;
        d->waiting += node->progress == NODE_WAITING;
    }
    if (d->trigger != TRIGGER_RETRY)
        h->requests_met = h->requests;
    d->batch = batch_size(d->waiting, host_batch(h->settings));
}

/* ---- assignments ---- */

bool dequeue_has_work(const struct planned_host *h)
{
    const struct dequeue *d = &h->dequeue;
    if (!d->active || d->waiting == 0)
        return false;
    return d->preparation == TO_PREPARE ||
           (d->preparation == PREPARED && d->sessions < h->settings->connections_per_host);
}

static void hand_out_nodes(struct planned_host *h, struct assignment *a)
{
    struct dequeue *d = &h->dequeue;
    size_t room = sizeof a->nodes / sizeof a->nodes[0];
    for (size_t i = 0; i < h->node_count && a->node_count < d->batch && a->node_count < room; i++) {
        struct planned_node *node = &h->nodes[i];
        if (node->progress != NODE_WAITING || (a->node_count > 0 && node->server != a->server))
            continue;
        a->server = node->server;
        node->progress = NODE_OUT;
        d->waiting--;
        a->nodes[a->node_count++] = i;
    }
}

void dequeue_hand_out(struct planned_host *h, struct assignment *a)
{
    *a = (struct assignment){.host = h};
    if (h->dequeue.preparation == TO_PREPARE)
        h->dequeue.preparation = PREPARING;
    else
        hand_out_nodes(h, a);
    h->dequeue.sessions++;
}

/* ---- results ---- */

static bool asks_again(enum consequence follows)
{
    return follows == FOLLOWS_RETRY || follows == FOLLOWS_PASSING;
}

static void take_result(struct planned_node *node, const struct result *result, struct moment now)
{
    node->result_server = node->server;
    node->result = *result;
    free(node->output);
    node->output = NULL;
    node->result_at = now;
    node->retry = asks_again(outcome_consequence(result->outcome));
}

void dequeue_node_done(struct planned_host *h, const char *name, const struct result *result, bool paused,
                       struct moment now)
{
    struct planned_node *node = planned_host_node(h, name);
    enum consequence follows = outcome_consequence(result->outcome);
    if (!node || node->progress != NODE_OUT)
        return;
    node->progress = NODE_IDLE;
    if (follows == FOLLOWS_NOTHING) {
        dequeue_again(h, now);
        return;
    }
    h->dequeue.any_result = true;
    take_result(node, result, now);
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a usable host has settings */
    bool more_servers = h->usable && node->server < h->settings->fallback.count;
    if (follows != FOLLOWS_PASSING || !more_servers) {
        health_follow(node, follows, now);
    } else if (paused) { /* its health depends on the answer of the last server, which is not known yet */
        dequeue_again(h, now);
    } else {
        node->server++;
        node->progress = NODE_WAITING;
        h->dequeue.waiting++;
    }
}

void dequeue_node_said(struct planned_host *h, const char *name, const char *output)
{
    struct planned_node *node = planned_host_node(h, name);
    if (!node || node->result.outcome == OUTCOME_NONE)
        return;
    free(node->output);
    node->output = text_copy(output);
}

void dequeue_fail(struct planned_host *h, const struct result *failure, bool paused, struct moment now)
{
    for (size_t i = 0; i < h->node_count; i++) {
        struct planned_node *node = &h->nodes[i];
        if (node->progress != NODE_WAITING)
            continue;
        node->progress = NODE_OUT;
        h->dequeue.waiting--;
        if (h->settings)
            node->server = h->settings->fallback.count; /* no other server can be reached either */
        dequeue_node_done(h, node->name, failure, paused, now);
        if (outcome_consequence(failure->outcome) != FOLLOWS_NOTHING)
            node->result_server = 0; /* no fallback server was asked */
    }
}

/* ---- end ---- */

void dequeue_drop_waiting(struct planned_host *h)
{
    h->dequeue.cut_short = h->dequeue.cut_short || h->dequeue.waiting > 0;
    for (size_t i = 0; i < h->node_count; i++)
        if (h->nodes[i].progress == NODE_WAITING)
            h->nodes[i].progress = NODE_IDLE;
    h->dequeue.waiting = 0;
}

void dequeue_again(struct planned_host *h, struct moment now)
{
    h->dequeue.cut_short = true;
    if (h->usable)
        timetable_again(&h->timetable, h->dequeue.trigger, now);
}

bool dequeue_is_over(const struct planned_host *h)
{
    return h->dequeue.active && h->dequeue.sessions == 0 && h->dequeue.waiting == 0;
}

void dequeue_end(struct planned_host *h, int64_t retry_ms, struct moment now)
{
    h->dequeue.active = false;
    h->dequeue.ended = now;
    h->dequeues++;
    if (!h->dequeue.cut_short)
        h->requests_answered = h->requests_met;
    if (!h->dequeue.any_result)
        return; /* cancelled as a whole: the state of the nodes is unchanged */
    bool again = planned_host_has_retry(h);
    h->failures = again ? h->failures + 1 : 0;
    if (again && h->usable)
        timetable_retry(&h->timetable, h->failures, retry_ms, now);
    else
        timetable_drop_retry(&h->timetable);
}
