/* Ten years: random results, triggers, configurations and clocks, against a second, simpler planner. */
#include "planner_shadow.h"

#include <stdio.h>
#include <stdlib.h>

static uint32_t pick(struct simulation *sim, uint32_t below)
{
    sim->random = sim->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(sim->random >> 33) % below;
}

static bool chance(struct simulation *sim, uint32_t percent)
{
    return pick(sim, 100) < percent;
}

#define ONE_OF(sim, ...) ((const uint32_t[]){__VA_ARGS__}[pick(sim, COUNT(((const uint32_t[]){__VA_ARGS__})))])

/* ---- schedules, by the wall clock ---- */

static const char *const schedules[] = {
    NULL,
    NULL,
    NULL,
    NULL,
    "0 * * * *",
    "30 2 * * *",
    "@every 1h30m",
    "# nothing",
    "0 0 31 2 *",
    "0 9-17/2 * * mon-fri|45 23 * * sun",
    "15,45 */6 1-7 * *|@monthly",
};

/* ---- the configuration ---- */

static void change_nodes(struct simulation *sim, size_t i, uint32_t nodes)
{
    struct text text;
    text_begin(&text, sim->node_names[i], sizeof sim->node_names[i]);
    for (uint32_t k = 0; k < NODES; k++)
        if (nodes >> k & 1)
            text_add(&text, "%sn%u", text.length ? " " : "", k);
    sim->w.hosts[i].nodes = sim->node_names[i];
}

static void change_host(struct simulation *sim, size_t i)
{
    struct host_plan *plan = &sim->w.hosts[i];
    plan->name = chance(sim, 85) ? host_names[i] : NULL;
    plan->disabled = chance(sim, 10);
    plan->etrns = ONE_OF(sim, 0, 1, 2, 5, 100);
    plan->connections = ONE_OF(sim, 0, 1, 2, 32);
    plan->interval = chance(sim, 3) ? 1 : ONE_OF(sim, 0, 60, 240, 1440, 10080);
    plan->fallback = (const char *[]){NULL, NULL, "one", "one|two", "one|two|three"}[pick(sim, 5)];
    if (chance(sim, 50))
        plan->schedule = schedules[pick(sim, COUNT(schedules))];
    if (chance(sim, 60))
        change_nodes(sim, i, (pick(sim, 1u << NODES) & pick(sim, 1u << NODES)) | (chance(sim, 20) ? 1 : 0));
}

static void change_service(struct simulation *sim)
{
    sim->w.off = chance(sim, 10);
    sim->w.gap = ONE_OF(sim, 0, 30, 600, 3600);
    sim->w.retry = ONE_OF(sim, 10, 60, 900, 86400);
    sim->w.maximum = ONE_OF(sim, 1, 2, 3, 500);
    sim->w.interval = ONE_OF(sim, 30, 120, 720, 1440);
    sim->w.schedule = schedules[pick(sim, COUNT(schedules))];
}

/* ---- sessions ---- */

static int64_t duration(struct simulation *sim)
{
    if (chance(sim, 1))
        return (int64_t)pick(sim, 2 * 3600) * SECOND;
    return (int64_t)pick(sim, chance(sim, 10) ? 900000 : 30000);
}

static void open_session(struct simulation *sim, const struct assignment *a)
{
    struct shadow *s = NULL;
    size_t i = 0;
    while (i < HOSTS && !text_same(host_names[i], a->host->name))
        i++;
    HOLDS(i < HOSTS);
    s = &sim->hosts[i];
    HOLDS(s->usable && !sim->w.off && !sim->paused);
    if (!s->busy)
        shadow_begins(sim, i, a->host->dequeue.trigger);
    uint32_t nodes = 0;
    for (size_t k = 0; k < a->node_count; k++) {
        uint32_t bit = 1u << atoi(a->host->nodes[a->nodes[k]].name + 1);
        HOLDS(!(nodes & bit));
        nodes |= bit;
    }
    uint32_t alike = shadow_waiting_for(s, a->server);
    HOLDS(nodes != 0 && (nodes & ~alike) == 0);
    HOLDS(shadow_bits(nodes) == (shadow_bits(alike) < s->limit ? shadow_bits(alike) : s->limit));
    HOLDS(s->open < or_default(sim->w.hosts[i].connections, 4));
    HOLDS(sim->open_count < sim->w.maximum && sim->open_count < OPEN_LIMIT);
    HOLDS(a->host->failures == 0 || sim->w.planner.sessions_with_failing <= (sim->w.maximum + 1) / 2);
    s->waiting &= ~nodes;
    s->out |= nodes;
    s->open++;
    sim->sessions++;
    sim->open[sim->open_count++] = (struct open_session){
        .host = a->host, .index = i, .nodes = nodes, .ends = sim->w.now.steady_ms + duration(sim)};
}

static int random_code(struct simulation *sim, unsigned mood)
{
    static const int codes[4][8] = {
        {250, 250, 251, 252, 253, 250, 250, 250}, /* good */
        {458, 458, 458, 250, 458, 451, 458, 458}, /* busy */
        {421, 451, 421, 459, 530, 421, 421, 554}, /* bad */
        {250, 458, 459, 421, 0, 251, 0, 550},     /* any, and sessions cancelled */
    };
    return codes[mood][pick(sim, 8)];
}

/* A reminder that comes a little early has the next come a day after it should have come. */
static void check_reminder(struct simulation *sim, struct shadow *s, uint32_t k, bool begins)
{
    int64_t passed = s->result_at[k] - s->told_at[k];
    if (s->remind >> k & 1)
        sim->reminders++;
    if (begins || (s->remind >> k & 1 && passed >= DAY))
        s->told_at[k] = s->result_at[k];
    else if (s->remind >> k & 1)
        s->told_at[k] += DAY;
}

static void check_news(struct simulation *sim, struct shadow *s, const struct planned_host *h)
{
    for (size_t k = 0; k < h->node_count; k++) {
        uint32_t bit = 1u << atoi(h->nodes[k].name + 1);
        bool failing = s->failing & bit, told = s->told & bit;
        enum edge same = s->remind & bit ? EDGE_STILL_FAILS : EDGE_NONE;
        HOLDS(h->nodes[k].edge == (failing == told ? same : failing ? EDGE_FAILS : EDGE_RECOVERS));
        check_reminder(sim, s, (uint32_t)atoi(h->nodes[k].name + 1), failing && !told);
    }
    s->told = s->failing;
    s->remind = 0;
}

/* The planner says of each dequeue that has ended, and of no other, that it has. */
static void check_ended(struct simulation *sim)
{
    struct planned_host *h;
    while ((h = planner_take_ended(&sim->w.planner)) != NULL) {
        size_t i = 0;
        while (i < HOSTS && !text_same(host_names[i], h->name))
            i++;
        struct shadow *s = &sim->hosts[i];
        HOLDS(s->over && s->known == (h->settings != NULL));
        s->over = false;
        if (!s->known)
            continue;
        check_news(sim, s, h);
        HOLDS(h->dequeues == s->dequeues);
    }
    for (size_t i = 0; i < HOSTS; i++)
        HOLDS(!sim->hosts[i].over);
}

static void close_session(struct simulation *sim, size_t which)
{
    struct open_session o = sim->open[which];
    struct shadow *s = &sim->hosts[o.index];
    sim->open[which] = sim->open[--sim->open_count];
    if (chance(sim, 5))
        s->mood = pick(sim, 4);
    bool cancelled = s->mood == 3 && chance(sim, 30);
    for (uint32_t k = 0; k < NODES; k++) {
        if (!(o.nodes >> k & 1))
            continue;
        char name[10];
        struct result result;
        int code = cancelled ? 0 : random_code(sim, s->mood);
        snprintf(name, sizeof name, "N%u", k);
        result_set(&result, code ? outcome_of_etrn(code) : OUTCOME_CANCELLED, code, NULL);
        planner_node_done(&sim->w.planner, o.host, name, &result, sim->w.now);
        shadow_result(sim, o.index, k, code);
    }
    s->open--;
    bool over = s->open == 0 && s->waiting == 0;
    planner_session_done(&sim->w.planner, o.host, sim->w.now);
    if (over && s->known)
        shadow_ends(sim, s, shadow_interval(sim, o.index));
    else if (over)
        shadow_follows(sim, o.index, TRIGGER_ENABLE);
    check_ended(sim);
}

static void reconfigure(struct simulation *sim, enum trigger trigger)
{
    configure(&sim->w, trigger);
    for (size_t i = 0; i < HOSTS; i++)
        shadow_follows(sim, i, trigger);
    check_ended(sim);
}

static void set_paused(struct simulation *sim, bool paused)
{
    sim->paused = paused;
    planner_pause(&sim->w.planner, paused, sim->w.now);
    for (size_t i = 0; paused && i < HOSTS; i++) {
        struct shadow *s = &sim->hosts[i];
        if (s->waiting == 0)
            continue;
        s->waiting = 0;
        shadow_comes_after(sim, s);
        if (s->open == 0)
            shadow_ends(sim, s, shadow_interval(sim, i));
    }
    check_ended(sim);
}

/* ---- what must hold at every step, once planner_next() has nothing more ---- */

static void check_counts(struct simulation *sim)
{
    const struct planner *p = &sim->w.planner;
    size_t sessions = 0, doubtful = 0, hosts = 0;
    for (size_t i = 0; i < p->roster.count; i++) {
        const struct planned_host *h = p->roster.hosts[i];
        size_t waiting = 0;
        sessions += h->dequeue.sessions;
        doubtful += h->failures > 0 ? h->dequeue.sessions : 0;
        for (size_t k = 0; k < h->node_count; k++)
            waiting += h->nodes[k].progress == NODE_WAITING;
        HOLDS(h->dequeue.waiting == waiting);
        HOLDS(h->dequeue.active == (h->dequeue.sessions > 0 || h->dequeue.waiting > 0));
        HOLDS(i == 0 || text_compare(p->roster.hosts[i - 1]->name, h->name) < 0);
    }
    HOLDS(p->sessions == sessions && sessions == sim->open_count);
    HOLDS(p->sessions_with_failing == doubtful);
    for (size_t i = 0; i < HOSTS; i++)
        hosts += sim->hosts[i].known || sim->hosts[i].open > 0;
    HOLDS(p->roster.count == hosts);
}

/* Hosts that failed the last time have all that they may have. */
static bool no_share(const struct simulation *sim, const struct planned_host *h)
{
    return h->failures > 0 && sim->w.planner.sessions_with_failing >= (sim->w.maximum + 1) / 2;
}

static void check_idle(struct simulation *sim)
{
    const struct planner *p = &sim->w.planner;
    bool held = sim->w.off || sim->paused || sim->open_count >= sim->w.maximum;
    int64_t now = sim->w.now.steady_ms, wakeup = planner_wakeup(p, sim->w.now), soonest = NEVER_MS;
    for (size_t i = 0; i < HOSTS; i++) {
        const struct shadow *s = &sim->hosts[i];
        const struct planned_host *h = planner_find(p, host_names[i]);
        HOLDS((h != NULL) == s->known);
        if (!s->usable)
            continue;
        HOLDS(h->usable && h->dequeue.active == s->busy);
        if (s->busy) {
            bool full = s->open >= or_default(sim->w.hosts[i].connections, 4);
            HOLDS(held || s->waiting == 0 || full || no_share(sim, h));
            continue;
        }
        enum trigger why;
        int64_t from, to, due = planner_due(p, h, &why);
        shadow_due_between(sim, i, &from, &to);
        HOLDS(due >= from && due <= to);
        HOLDS(held || sim->held || due > now || no_share(sim, h));
        soonest = due < soonest && !no_share(sim, h) ? due : soonest;
    }
    HOLDS(wakeup >= now);
    HOLDS(wakeup == (held || sim->held ? NEVER_MS : soonest));
}

static void note_plans(struct simulation *sim)
{
    planner_follow_clock(&sim->w.planner, sim->w.now);
    for (size_t i = 0; i < HOSTS; i++) {
        const struct planned_host *h = planner_find(&sim->w.planner, host_names[i]);
        sim->hosts[i].planned = h ? h->timetable.scheduled : NEVER_MS;
        sim->hosts[i].planned_utc = h ? h->timetable.scheduled_utc_ms : 0;
    }
}

static void pump(struct simulation *sim)
{
    struct assignment a;
    for (note_plans(sim); planner_next(&sim->w.planner, sim->w.now, &a); note_plans(sim))
        open_session(sim, &a);
    check_counts(sim);
    check_idle(sim);
}

/* ---- what happens ---- */

static void trigger_request(struct simulation *sim)
{
    size_t i = pick(sim, HOSTS);
    struct planned_host *h = planner_find(&sim->w.planner, host_names[i]);
    bool all = chance(sim, 30) || !h;
    enum trigger trigger = (enum trigger)ONE_OF(sim, TRIGGER_REQUEST, TRIGGER_NETWORK, TRIGGER_RESUME);
    planner_trigger(&sim->w.planner, all ? NULL : h, trigger, sim->w.now);
    for (size_t k = 0; k < HOSTS; k++)
        if ((all || k == i) && sim->hosts[k].usable && sim->hosts[k].wanted == NEVER_MS)
            sim->hosts[k].wanted = sim->w.now.steady_ms;
}

/* Drifts are left for the planner to find out; steps are news. */
static void set_clock(struct simulation *sim)
{
    static const int64_t steps[] = {HOUR, -HOUR, DAY, -DAY, 10 * YEAR, -10 * YEAR};
    static const int64_t drifts[] = {SECOND, -SECOND, 1, -1};
    bool drift = chance(sim, 50);
    int64_t step = drift ? drifts[pick(sim, COUNT(drifts))] : steps[pick(sim, COUNT(steps))];
    sim->w.now.utc_ms += step;
    if (drift)
        return;
    planner_follow_clock(&sim->w.planner, sim->w.now);
    shadows_follow_clock(sim, step);
}

static void something_happens(struct simulation *sim)
{
    uint32_t what = pick(sim, 100);
    shadows_note_what_is_due(sim);
    if (what < 25) {
        trigger_request(sim);
    } else if (what < 45) {
        for (uint32_t times = 1 + pick(sim, 2); times > 0; times--)
            change_host(sim, pick(sim, HOSTS));
        reconfigure(sim, TRIGGER_ENABLE);
    } else if (what < 52) {
        change_service(sim);
        reconfigure(sim, TRIGGER_ENABLE);
    } else if (what < 60 || sim->paused) {
        set_paused(sim, !sim->paused);
    } else if (what < 68 || sim->held) {
        sim->held = !sim->held;
        planner_hold(&sim->w.planner, sim->held);
    } else if (what < 85) {
        set_clock(sim);
    } else if (what < 90) { /* asleep: the steady clock goes on, nothing else does */
        pass(&sim->w, (int64_t)(1 + pick(sim, 3 * 24 * 60)) * MINUTE);
    }
}

static void close_what_has_ended(struct simulation *sim)
{
    for (size_t i = sim->open_count; i-- > 0;)
        if (i < sim->open_count && sim->open[i].ends <= sim->w.now.steady_ms) {
            close_session(sim, i);
            if (chance(sim, 90)) /* else the next of them ends, or the configuration changes, before anyone asks */
                pump(sim);
        }
}

/* Sleeps until the planner's wake-up, the end of a session or the next happening, whichever is first. True when it is
 * the happening. */
static bool sleep_until(struct simulation *sim, int64_t happening)
{
    int64_t wakeup = planner_wakeup(&sim->w.planner, sim->w.now);
    int64_t next = wakeup < happening ? wakeup : happening;
    for (size_t i = 0; i < sim->open_count; i++)
        next = sim->open[i].ends < next ? sim->open[i].ends : next;
    if (next > sim->w.now.steady_ms)
        pass(&sim->w, next - sim->w.now.steady_ms);
    return sim->w.now.steady_ms >= happening;
}

static void ten_years_pass_without_an_error(void **state)
{
    (void)state;
    struct simulation *sim = calloc(1, sizeof *sim);
    const char *seed = getenv("PLANNER_SEED");
    sim->seed = sim->random = seed ? strtoull(seed, NULL, 10) : 1985;
    set_up(&sim->w);
    sim->w.offset = 2 * HOUR;
    sim->w.every_year = true;
    sim->w.summer_from = 90 * DAY;
    sim->w.summer_to = 300 * DAY;
    change_service(sim);
    sim->w.off = false;
    for (size_t i = 0; i < HOSTS; i++) {
        sim->hosts[i].base = sim->hosts[i].wanted = sim->hosts[i].retry_from = sim->hosts[i].retry_to = NEVER_MS;
        sim->hosts[i].lines = "";
        sim->hosts[i].overdue = NEVER_MS;
        sim->w.hosts[i].nodes = "";
        change_host(sim, i);
    }
    reconfigure(sim, TRIGGER_START);
    int64_t end = sim->w.now.steady_ms + 10 * YEAR;
    int64_t happening = sim->w.now.steady_ms;
    for (; sim->w.now.steady_ms < end; sim->steps++) {
        pump(sim);
        bool happens = sleep_until(sim, happening);
        close_what_has_ended(sim);
        if (happens) {
            something_happens(sim);
            happening =
                sim->w.now.steady_ms + (chance(sim, 60) ? pick(sim, 5 * MINUTE) : (int64_t)pick(sim, 24 * 60) * MINUTE);
        }
    }
    HOLDS(sim->sessions > 10000 && sim->reminders > 100); /* or it has shown nothing */
    print_message("  %" PRIu64 " steps, %" PRIu64 " sessions, %" PRIu64 " reminders\n", sim->steps, sim->sessions,
                  sim->reminders);
    tear_down(&sim->w);
    free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_years_pass_without_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
