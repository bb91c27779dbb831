#include "planner_shadow.h"

#include <stdio.h>
#include <stdlib.h>

const char *const host_names[HOSTS] = {"a.example", "b.example", "c.example", "d.example", "e.example", "f.example"};

uint32_t shadow_bits(uint32_t set)
{
    return (uint32_t)__builtin_popcount(set);
}

int64_t shadow_interval(const struct simulation *sim, size_t i)
{
    uint32_t own = sim->w.hosts[i].interval;
    return (int64_t)(own ? own : or_default(sim->w.interval, 15)) * MINUTE;
}

enum { DRIFT_MS = 4 * SECOND }; /* as far as the clocks may drift apart before the planner minds */

static const char *lines_of(const struct simulation *sim, size_t i)
{
    const struct host_plan *plan = &sim->w.hosts[i];
    bool own = plan->interval || (plan->schedule && *plan->schedule != '#');
    const char *lines = own ? plan->schedule : sim->w.schedule;
    return lines && *lines != '#' ? lines : "";
}

/* Looks for the next time from now on. What was asked at its time does not come back with a clock that is behind. */
static void shadow_plans(struct simulation *sim, struct shadow *s)
{
    struct cron_line lines[4];
    size_t count = 0;
    char copy[100], problem[100];
    struct text text;
    text_begin(&text, problem, sizeof problem);
    snprintf(copy, sizeof copy, "%s", s->lines);
    for (char *line = strtok(copy, "|"); line; line = strtok(NULL, "|"))
        assert_true(cron_parse(line, &lines[count++], &text));
    int64_t after = sim->w.now.utc_ms;
    if (s->met_utc > after && s->met_utc < after + DRIFT_MS)
        after = s->met_utc;
    s->base = sim->w.now.steady_ms;
    s->overdue = NEVER_MS;
    s->due_utc = cron_next(lines, count, &sim->w.zone, s->taken_up, after);
}

/* When the schedule or the interval is due: the first time and the last. */
static void scheduled_between(const struct simulation *sim, size_t i, int64_t *from, int64_t *to)
{
    const struct shadow *s = &sim->hosts[i];
    *from = *to = NEVER_MS;
    if (s->base == NEVER_MS)
        return;
    if (!*s->lines) {
        *from = *to = s->base + shadow_interval(sim, i);
    } else if (s->overdue != NEVER_MS) {
        *from = INT64_MIN;
        *to = s->overdue;
    } else if (s->due_utc != CRON_NEVER) {
        int64_t due = sim->w.now.steady_ms + (s->due_utc - sim->w.now.utc_ms);
        *from = due - DRIFT_MS;
        *to = due + DRIFT_MS;
    }
}

void shadows_note_what_is_due(struct simulation *sim)
{
    int64_t now = sim->w.now.steady_ms;
    for (size_t i = 0; i < HOSTS; i++) {
        struct shadow *s = &sim->hosts[i];
        int64_t from, to;
        if (!s->usable || !*s->lines || s->overdue != NEVER_MS)
            continue;
        scheduled_between(sim, i, &from, &to);
        if (to <= now || (from <= now && planner_find(&sim->w.planner, host_names[i])->timetable.scheduled <= now))
            s->overdue = now;
    }
}

void shadows_follow_clock(struct simulation *sim, int64_t step)
{
    for (size_t i = 0; i < HOSTS; i++)
        if (sim->hosts[i].usable && *sim->hosts[i].lines && sim->hosts[i].overdue == NEVER_MS && step < 0) {
            int64_t base = sim->hosts[i].base;
            shadow_plans(sim, &sim->hosts[i]);
            sim->hosts[i].base = base;
        }
}

static void shadow_follows_schedule(struct simulation *sim, size_t i)
{
    struct shadow *s = &sim->hosts[i];
    const char *lines = lines_of(sim, i);
    int64_t now = sim->w.now.steady_ms;
    bool by_interval = !*s->lines;
    if (strcmp(lines, s->lines) == 0)
        return;
    bool due = by_interval ? s->base != NEVER_MS && s->base + shadow_interval(sim, i) <= now : s->overdue != NEVER_MS;
    s->lines = lines;
    s->taken_up = sim->w.now.utc_ms;
    if (due && by_interval) {
        s->overdue = now;
    } else if (due && !*lines && s->usable) {
        s->base = planner_find(&sim->w.planner, host_names[i])->timetable.scheduled - shadow_interval(sim, i);
        HOLDS(s->base + shadow_interval(sim, i) <= now);
        s->overdue = NEVER_MS;
    } else if (!due && s->base != NEVER_MS) {
        shadow_plans(sim, s);
    }
}

static uint32_t nodes_of(const struct host_plan *plan)
{
    uint32_t nodes = 0;
    for (const char *n = plan->name ? strchr(plan->nodes, 'n') : NULL; n; n = strchr(n + 1, 'n'))
        nodes |= 1u << atoi(n + 1);
    return nodes;
}

static void forget_all_but(struct shadow *s, uint32_t nodes)
{
    s->nodes = nodes;
    s->waiting &= nodes;
    s->out &= nodes;
    s->retry &= nodes;
    s->failing &= nodes;
    s->told &= nodes;
    s->remind &= nodes;
    for (uint32_t k = 0; k < NODES; k++)
        if (!(nodes >> k & 1))
            s->unable[k] = 0, s->server[k] = 0;
}

static size_t fallbacks(const struct host_plan *plan)
{
    size_t count = plan->fallback != NULL;
    for (const char *at = plan->fallback; at && *at; at++)
        count += *at == '|';
    return count;
}

void shadow_ends(struct simulation *sim, struct shadow *s, int64_t interval)
{
    s->busy = false;
    s->over = true;
    s->ended = sim->w.now.steady_ms;
    s->dequeues++;
    if (!s->asked_any)
        return;
    s->retry_from = s->retry_to = NEVER_MS;
    s->failures = s->retry ? s->failures + 1 : 0;
    if (!s->retry || !s->usable)
        return;
    int64_t delay = (int64_t)sim->w.retry * SECOND;
    for (uint32_t i = 1; i < s->failures && delay < interval; i++)
        delay *= 2;
    s->retry_from = s->ended + (delay < interval ? delay : interval);
    s->retry_to = s->ended + (delay / 4 * 5 < interval ? delay / 4 * 5 : interval);
}

void shadow_follows(struct simulation *sim, size_t i, enum trigger trigger)
{
    struct shadow *s = &sim->hosts[i];
    const struct host_plan *plan = &sim->w.hosts[i];
    bool was_usable = s->usable;
    uint32_t nodes = nodes_of(plan);
    bool grown = nodes & ~s->nodes;
    if (!plan->name && s->open == 0) {
        *s = (struct shadow){.mood = s->mood,
                             .over = s->busy || s->over,
                             .lines = "",
                             .overdue = NEVER_MS,
                             .base = NEVER_MS,
                             .wanted = NEVER_MS,
                             .retry_from = NEVER_MS,
                             .retry_to = NEVER_MS};
        return;
    }
    s->known = plan->name;
    s->usable = plan->name && !plan->disabled && nodes && !sim->w.off;
    if (plan->name) {
        forget_all_but(s, nodes);
        shadow_follows_schedule(sim, i);
    }
    if (!s->usable) {
        s->waiting = 0;
        s->overdue = s->base = s->wanted = s->retry_from = s->retry_to = NEVER_MS;
    }
    if (s->retry == 0)
        s->retry_from = s->retry_to = NEVER_MS;
    if (s->usable && (!was_usable || grown) && (trigger != TRIGGER_START || !sim->w.not_at_start))
        s->wanted = s->wanted < sim->w.now.steady_ms ? s->wanted : sim->w.now.steady_ms;
    bool never = *s->lines && s->due_utc == CRON_NEVER && s->overdue == NEVER_MS;
    if (s->usable && (s->base == NEVER_MS || never))
        shadow_plans(sim, s);
    if (s->busy && s->open == 0 && s->waiting == 0)
        shadow_ends(sim, s, shadow_interval(sim, i));
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void shadow_due_between(struct simulation *sim, size_t i, int64_t *from, int64_t *to)
{
    const struct shadow *s = &sim->hosts[i];
    int64_t allowed = s->ended ? s->ended + (int64_t)sim->w.gap * SECOND : INT64_MIN;
    scheduled_between(sim, i, from, to);
    *from = sooner(sooner(*from, s->wanted), s->retry_from);
    *to = sooner(sooner(*to, s->wanted), s->retry_to);
    *from = *from > allowed ? *from : allowed;
    *to = *to > allowed ? *to : allowed;
}

void shadow_begins(struct simulation *sim, size_t i, enum trigger why)
{
    struct shadow *s = &sim->hosts[i];
    int64_t now = sim->w.now.steady_ms;
    int64_t from, to, scheduled;
    scheduled_between(sim, i, &scheduled, &to);
    shadow_due_between(sim, i, &from, &to);
    HOLDS(s->open == 0);
    HOLDS(now >= from);
    HOLDS(s->ended == 0 || now >= s->ended + (int64_t)sim->w.gap * SECOND);
    if (why == TRIGGER_RETRY)
        HOLDS(s->retry_from <= now && s->retry != 0 && s->wanted > now);
    else if (why == TRIGGER_INTERVAL || why == TRIGGER_SCHEDULE)
        HOLDS((scheduled <= now && (why == TRIGGER_SCHEDULE) == (*s->lines != '\0')) ||
              s->wanted <= now); /* or cancelled, and come after */
    else
        HOLDS(s->wanted <= now);
    HOLDS(!sim->held);
    s->busy = true;
    s->retrying = why == TRIGGER_RETRY;
    s->asked_any = false;
    s->waiting = why == TRIGGER_RETRY ? s->retry : s->nodes;
    s->out = 0;
    uint32_t etrns = or_default(sim->w.hosts[i].etrns, 7);
    uint32_t sessions = (shadow_bits(s->waiting) + etrns - 1) / etrns;
    s->limit = (shadow_bits(s->waiting) + sessions - 1) / sessions;
    s->retry_from = s->retry_to = NEVER_MS;
    if (why != TRIGGER_RETRY) {
        s->wanted = NEVER_MS;
        s->met_utc = s->planned <= now ? s->planned_utc : s->met_utc;
        shadow_plans(sim, s);
    }
    memset(s->server, 0, sizeof s->server);
}

uint32_t shadow_waiting_for(const struct shadow *s, size_t server)
{
    uint32_t nodes = 0;
    for (uint32_t k = 0; k < NODES; k++)
        if (s->server[k] == server)
            nodes |= s->waiting & 1u << k;
    return nodes;
}

void shadow_comes_after(struct simulation *sim, struct shadow *s)
{
    int64_t now = sim->w.now.steady_ms;
    if (s->usable && s->retrying)
        s->retry_from = s->retry_to = now;
    else if (s->usable && s->wanted > now)
        s->wanted = now;
}

void shadow_result(struct simulation *sim, size_t i, uint32_t k, int code)
{
    struct shadow *s = &sim->hosts[i];
    uint32_t bit = 1u << k;
    if (!(s->out & bit))
        return; /* configured no more, or anew */
    s->out &= ~bit;
    int64_t now = sim->w.now.steady_ms;
    if (code == 0) {
        shadow_comes_after(sim, s);
        return;
    }
    s->asked_any = true;
    bool success = code < 300;
    bool passing = code == 421 || code == 451;
    s->retry = passing || code == 458 ? s->retry | bit : s->retry & ~bit;
    if (passing && s->usable && s->server[k] < fallbacks(&sim->w.hosts[i])) {
        if (sim->paused) {
            shadow_comes_after(sim, s);
            return;
        }
        s->server[k]++;
        s->waiting |= bit;
        return;
    }
    s->unable[k] = code == 458 ? s->unable[k] + 1 : 0;
    if (success)
        s->failing &= ~bit;
    else if (code != 458 || s->unable[k] >= 3)
        s->failing |= bit;
    s->result_at[k] = now;
    if ((s->told & s->failing & bit) && now - s->told_at[k] >= DAY - HOUR - 5 * MINUTE)
        s->remind |= bit;
}
