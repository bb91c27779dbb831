#include "planner.h"

void planner_init(struct planner *p, uint64_t seed, const struct cron_zone *zone)
{
    *p = (struct planner){.seed = seed, .zone = zone};
}

void planner_free(struct planner *p)
{
    roster_free(&p->roster);
    config_release(p->config);
    *p = (struct planner){0};
}

struct planned_host *planner_find(const struct planner *p, const char *name)
{
    struct planned_host *h = roster_find(&p->roster, name);
    return h && h->settings ? h : NULL;
}

struct planned_host *planner_take_ended(struct planner *p)
{
    return roster_take_ended(&p->roster);
}

static void end_if_over(struct planner *p, struct planned_host *h, struct moment now)
{
    if (!dequeue_is_over(h))
        return;
    dequeue_end(h, (int64_t)p->config->service.retry_seconds * 1000, now);
    roster_note_ended(&p->roster, h);
}

/* ---- configuration ---- */

/* Removes the host from the plan. */
static void retire(struct planned_host *h)
{
    dequeue_drop_waiting(h);
    timetable_stop(&h->timetable);
    h->usable = false;
}

/* Applies the host's own interval or schedule, or the service's if it has none. */
static bool follow_schedule(const struct planner *p, struct planned_host *h, struct moment now)
{
    const struct host_settings *own = h->settings;
    const struct service_settings *service = &p->config->service;
    bool has_own = own->interval_minutes != 0 || timetable_has_lines(&own->schedule);
    uint32_t minutes = own->interval_minutes != 0 ? own->interval_minutes : service->interval_minutes;
    return timetable_adopt(&h->timetable, minutes, has_own ? &own->schedule : &service->schedule, now);
}

static bool is_to_be_asked(const struct planner *p, const struct planned_host *h)
{
    return p->enabled && h->settings->enabled && h->node_count > 0;
}

static bool follow_host(struct planner *p, const struct host_settings *host, enum trigger trigger, struct moment now)
{
    struct planned_host *h = roster_find(&p->roster, host->name);
    bool grown;
    if (!h)
        h = roster_add(&p->roster, host->name, p->zone, p->seed);
    if (!h)
        return false;
    if (!planned_host_adopt(h, p->config, host, &grown) || !follow_schedule(p, h, now))
        return false;
    if (is_to_be_asked(p, h)) {
        if ((!h->usable || grown) && (trigger != TRIGGER_START || p->config->service.run_at_start))
            timetable_request(&h->timetable, trigger, now);
        timetable_start(&h->timetable, now);
        if (!planned_host_has_retry(h))
            timetable_drop_retry(&h->timetable);
        h->usable = true;
    } else {
        retire(h);
    }
    end_if_over(p, h, now);
    return true;
}

static void drop_removed(struct planner *p, struct moment now)
{
    for (size_t i = p->roster.count; i-- > 0;) {
        struct planned_host *h = p->roster.hosts[i];
        if (config_find_host(p->config, h->name))
            continue;
        h->settings = NULL;
        retire(h);
        end_if_over(p, h, now);
        if (h->dequeue.sessions == 0)
            roster_remove(&p->roster, h);
    }
}

bool planner_configure(struct planner *p, const struct config *config, enum trigger trigger, struct moment now)
{
    bool fine = true;
    planner_follow_clock(p, now);
    config_hold(config);
    config_release(p->config);
    p->config = config;
    p->enabled = config->service.always_use_etrn;
    drop_removed(p, now);
    for (size_t i = 0; i < config->host_count; i++)
        fine = follow_host(p, &config->hosts[i], trigger, now) && fine;
    return fine;
}

/* ---- triggers, pauses and clocks ---- */

void planner_pause(struct planner *p, bool paused, struct moment now)
{
    p->paused = paused;
    for (size_t i = 0; paused && i < p->roster.count; i++) {
        struct planned_host *h = p->roster.hosts[i];
        if (h->dequeue.waiting == 0)
            continue;
        dequeue_drop_waiting(h);
        dequeue_again(h, now);
        end_if_over(p, h, now);
    }
}

void planner_hold(struct planner *p, bool held)
{
    p->held = held;
}

void planner_trigger(struct planner *p, struct planned_host *host, enum trigger trigger, struct moment now)
{
    for (size_t i = 0; i < p->roster.count; i++) {
        struct planned_host *h = p->roster.hosts[i];
        if (!p->enabled || (host && host != h) || !h->usable)
            continue;
        timetable_request(&h->timetable, trigger, now);
        h->requests += trigger == TRIGGER_REQUEST;
    }
}

void planner_follow_clock(struct planner *p, struct moment now)
{
    int64_t step_ms = timetable_clock_step(&p->clocks_apart_ms, now);
    for (size_t i = 0; step_ms != 0 && i < p->roster.count; i++)
        if (p->roster.hosts[i]->usable)
            timetable_follow_step(&p->roster.hosts[i]->timetable, step_ms, now);
}

void planner_follow_zone(struct planner *p, struct moment now)
{
    planner_follow_clock(p, now);
    for (size_t i = 0; i < p->roster.count; i++)
        if (p->roster.hosts[i]->usable)
            timetable_follow_zone(&p->roster.hosts[i]->timetable, now);
}

/* ---- due hosts ---- */

int64_t planner_due(const struct planner *p, const struct planned_host *h, enum trigger *why)
{
    *why = TRIGGER_NONE;
    if (!p->enabled || !h->usable)
        return NEVER_MS;
    int64_t due = timetable_due(&h->timetable, why);
    int64_t gap_ms = (int64_t)p->config->service.minimum_gap_seconds * 1000;
    bool asked_before = h->dequeue.ended.steady_ms != 0;
    return asked_before && due != NEVER_MS ? later_ms(due, h->dequeue.ended.steady_ms + gap_ms) : due;
}

/* By the last dequeue, so that the answer does not change while a host has sessions. */
static bool failed_last(const struct planned_host *h)
{
    return h->failures > 0;
}

/* Whether the shared limit allows one more session with this host: failing hosts get at most half of the connections.
 */
static bool has_share(const struct planner *p, const struct planned_host *h)
{
    size_t most = p->config->service.max_connections;
    return !failed_last(h) || p->sessions_with_failing < (most + 1) / 2;
}

static bool may_open_sessions(const struct planner *p)
{
    return p->enabled && !p->paused && p->sessions < p->config->service.max_connections;
}

static void begin_if_due(const struct planner *p, struct planned_host *h, struct moment now)
{
    enum trigger why;
    if (h->dequeue.active || h->dequeue.end_pending || p->held)
        return;
    if (planner_due(p, h, &why) <= now.steady_ms && why != TRIGGER_NONE)
        dequeue_begin(h, why, now);
}

bool planner_next(struct planner *p, struct moment now, struct assignment *a)
{
    if (!may_open_sessions(p))
        return false;
    planner_follow_clock(p, now);
    for (size_t looked_at = 0; looked_at < p->roster.count; looked_at++, p->next_turn++) {
        p->next_turn %= p->roster.count;
        struct planned_host *h = p->roster.hosts[p->next_turn];
        if (!has_share(p, h))
            continue;
        begin_if_due(p, h, now);
        if (!dequeue_has_work(h))
            continue;
        dequeue_hand_out(h, a);
        p->sessions++;
        p->sessions_with_failing += failed_last(h);
        if (a->node_count > 0)
            p->next_turn++; /* hosts take turns, so that none blocks the others */
        return true;
    }
    return false;
}

int64_t planner_wakeup(const struct planner *p, struct moment now)
{
    int64_t wakeup = NEVER_MS;
    if (!may_open_sessions(p) || p->held)
        return wakeup;
    for (size_t i = 0; i < p->roster.count; i++) {
        const struct planned_host *h = p->roster.hosts[i];
        enum trigger why;
        if (!h->dequeue.active && has_share(p, h))
            wakeup = earlier_ms(wakeup, planner_due(p, h, &why));
    }
    return wakeup == NEVER_MS ? wakeup : later_ms(wakeup, now.steady_ms);
}

/* ---- results ---- */

void planner_node_done(struct planner *p, struct planned_host *host, const char *name, const struct result *result,
                       struct moment now)
{
    dequeue_node_done(host, name, result, p->paused, now);
}

void planner_node_said(struct planner *p, struct planned_host *host, const char *name, const char *output)
{
    (void)p;
    dequeue_node_said(host, name, output);
}

void planner_session_done(struct planner *p, struct planned_host *host, struct moment now)
{
    host->dequeue.sessions--;
    p->sessions--;
    p->sessions_with_failing -= failed_last(host);
    end_if_over(p, host, now);
    if (!host->settings && host->dequeue.sessions == 0)
        roster_remove(&p->roster, host);
}

void planner_prepared(struct planner *p, struct planned_host *host, const struct result *failure, struct moment now)
{
    host->dequeue.preparation = PREPARED;
    if (failure)
        dequeue_fail(host, failure, p->paused, now);
    planner_session_done(p, host, now);
}
