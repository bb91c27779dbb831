#include "health.h"
#include "node.h"
#include "planner.h"
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND };
#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)
#define YEAR (365 * DAY)

/* ---- a world: a configuration written down, the planner that follows it, and the time ---- */

enum { HOSTS = 6 };

struct host_plan {
    const char *name;  /* NULL: none */
    const char *nodes; /* separated by spaces */
    bool disabled;
    uint32_t etrns, connections, interval; /* 0: the default */
    const char *fallback, *schedule;       /* separated by '|'; NULL: none */
};

struct world {
    struct host_plan hosts[HOSTS];
    bool off, not_at_start;
    uint32_t gap, retry, maximum, interval; /* 0: as the case needs it; see configure() */
    const char *schedule;
    int64_t offset, summer_from, summer_to; /* the zone: an hour more from one instant to the other ... */
    bool every_year;                        /* ... of each 365 days */
    char problem[300];                      /* of the configuration */
    struct config *config;
    struct cron_zone zone;
    struct planner planner;
    struct moment now;
};

static uint32_t or_default(uint32_t number, uint32_t otherwise)
{
    return number ? number : otherwise;
}

/* Applies a list as the registry has it: what is not allowed of it is left out, and told in `problem`. */
static void set_list(struct world *w, struct config *c, struct host_settings *host, const char *name, const char *items,
                     char separator)
{
    unsigned char data[1000] = {0};
    size_t size = 0;
    struct text problem;
    text_begin(&problem, w->problem, sizeof w->problem);
    for (const char *at = items; *at; at++, size += 2)
        data[size] = (unsigned char)(*at == separator ? '\0' : *at);
    const struct setting *s = setting_find(host ? SCOPE_HOST : SCOPE_SERVICE, name);
    bool all = config_apply(c, host, s, ORIGIN_PARAMETERS, VALUE_MULTI_SZ, data, size + 4, &problem);
    assert_int_equal(all, problem.length == 0);
}

static void set_lists(struct world *w, struct config *c, const struct host_plan *plan)
{
    struct host_settings *host = config_add_host(c, plan->name);
    set_list(w, c, host, "Domains", plan->nodes, ' ');
    if (plan->fallback)
        set_list(w, c, host, "Fallback", plan->fallback, '|');
    if (plan->schedule)
        set_list(w, c, host, "Schedule", plan->schedule, '|');
}

static void drop_config(struct world *w)
{
    if (w->config)
        config_free(w->config);
    free(w->config);
    w->config = NULL;
}

/* Gives the planner a new configuration, and frees the one it had. */
static void configure(struct world *w, enum trigger trigger)
{
    struct config *next = malloc(sizeof *next);
    config_init(next);
    next->service.always_use_etrn = !w->off;
    next->service.run_at_start = !w->not_at_start;
    next->service.minimum_gap_seconds = w->gap;
    next->service.retry_seconds = or_default(w->retry, 60);
    next->service.max_connections = or_default(w->maximum, 500);
    next->service.interval_minutes = or_default(w->interval, 15);
    for (size_t i = 0; i < HOSTS; i++) {
        if (!w->hosts[i].name)
            continue;
        struct host_settings *host = config_add_host(next, w->hosts[i].name);
        host->enabled = !w->hosts[i].disabled;
        host->etrns_per_connection = or_default(w->hosts[i].etrns, 7);
        host->connections_per_host = or_default(w->hosts[i].connections, 4);
        host->interval_minutes = w->hosts[i].interval;
    }
    for (size_t i = 0; i < HOSTS; i++) /* adding a host moves the others */
        if (w->hosts[i].name)
            set_lists(w, next, &w->hosts[i]);
    if (w->schedule)
        set_list(w, next, NULL, "Schedule", w->schedule, '|');
    assert_true(planner_configure(&w->planner, next, trigger, w->now));
    drop_config(w);
    w->config = next;
}

/* Tuesday, 14 November 2023, 22:13:20 UTC: 2,800 s before the hour. */
static struct moment first_moment(void)
{
    return (struct moment){.steady_ms = 5 * MINUTE, .utc_ms = 1700000000000};
}

static int64_t offset_there(void *context, int64_t utc_ms)
{
    const struct world *w = context;
    int64_t at = w->every_year ? (utc_ms % YEAR + YEAR) % YEAR : utc_ms;
    return w->offset + (at >= w->summer_from && at < w->summer_to ? HOUR : 0);
}

static void set_up(struct world *w)
{
    w->zone = (struct cron_zone){offset_there, w};
    planner_init(&w->planner, 1985, &w->zone);
    w->now = first_moment();
}

static void tear_down(struct world *w)
{
    planner_free(&w->planner);
    drop_config(w);
}

static void pass(struct world *w, int64_t ms)
{
    w->now.steady_ms += ms;
    w->now.utc_ms += ms;
}

/* The next session, as "host: node node", or "host 1: node node" at its first Fallback; "" when there is none. */
static const char *next_session(struct world *w)
{
    static char line[400];
    struct assignment a;
    struct text text;
    text_begin(&text, line, sizeof line);
    if (!planner_next(&w->planner, w->now, &a))
        return line;
    text_add(&text, "%s", a.host->name);
    if (a.server > 0)
        text_add(&text, " %zu", a.server);
    text_add(&text, ":");
    for (size_t i = 0; i < a.node_count; i++)
        text_add(&text, " %s", a.host->nodes[a.nodes[i]].name);
    return line;
}

static struct planned_host *find(struct world *w, const char *host)
{
    for (size_t i = 0; i < w->planner.roster.count; i++) /* planner_find() does not know the removed */
        if (strcmp(w->planner.roster.hosts[i]->name, host) == 0)
            return w->planner.roster.hosts[i];
    fail_msg("no host %s", host);
    return NULL;
}

/* The hosts whose dequeues have ended: "a, b gone"; "" when there are none. */
static const char *ended(struct world *w)
{
    static char line[200];
    struct text text;
    struct planned_host *h;
    text_begin(&text, line, sizeof line);
    while ((h = planner_take_ended(&w->planner)) != NULL)
        text_add(&text, "%s%s%s", text.length ? ", " : "", h->name, h->settings ? "" : " gone");
    return line;
}

/* Ends a session of `host` with `replies`: "a=250 b=458"; 0 stands for a node that was not asked after all. True when
 * its dequeue ended with it, and the host is still there. */
static bool answer(struct world *w, const char *host, const char *replies)
{
    struct planned_host *h = find(w, host);
    char copy[200];
    snprintf(copy, sizeof copy, "%s", replies);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
        char *equals = strchr(word, '=');
        *equals = '\0';
        int code = atoi(equals + 1);
        struct result result;
        result_set(&result, code ? outcome_of_etrn(code) : OUTCOME_CANCELLED, code, NULL);
        planner_node_done(&w->planner, h, word, &result, w->now);
    }
    planner_session_done(&w->planner, h, w->now);
    return strcmp(ended(w), host) == 0;
}

/* What is news of a host's nodes: "a fails, b recovers". */
static const char *news(struct world *w, const char *host)
{
    static char line[200];
    struct text text;
    text_begin(&text, line, sizeof line);
    const struct planned_host *h = find(w, host);
    for (size_t i = 0; i < h->node_count; i++)
        if (h->nodes[i].edge != EDGE_NONE)
            text_add(&text, "%s%s %s", text.length ? ", " : "", h->nodes[i].name,
                     h->nodes[i].edge == EDGE_FAILS      ? "fails"
                     : h->nodes[i].edge == EDGE_RECOVERS ? "recovers"
                                                         : "still fails");
    return line;
}

/* When and why a host is asked next: "interval in 900"; "never". */
static const char *next_time(struct world *w, const char *host)
{
    static char line[60];
    enum trigger why;
    int64_t due = planner_due(&w->planner, find(w, host), &why);
    if (due == NEVER_MS)
        return "never";
    snprintf(line, sizeof line, "%s in %" PRId64, trigger_name(why), (due - w->now.steady_ms) / SECOND);
    return line;
}

static int64_t seconds_to_wakeup(struct world *w)
{
    int64_t wakeup = planner_wakeup(&w->planner, w->now);
    return wakeup == NEVER_MS ? -1 : (wakeup - w->now.steady_ms) / SECOND;
}

/* One dequeue of one session, from due to done. */
static void dequeue(struct world *w, const char *session, const char *host, const char *replies)
{
    assert_string_equal(next_session(w), session);
    assert_true(answer(w, host, replies));
}

/* ---- when ---- */

static void hosts_are_asked_at_the_start_and_then_every_interval(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y"}, {"b", "z", .interval = 60}}};
    set_up(&w);
    assert_string_equal(next_session(&w), "");
    assert_int_equal(seconds_to_wakeup(&w), -1);
    planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now);
    configure(&w, TRIGGER_START);
    planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now); /* the first reason stands */
    assert_string_equal(next_time(&w, "a"), "start in 0");
    assert_int_equal(seconds_to_wakeup(&w), 0);
    dequeue(&w, "a: x y", "a", "x=250 y=251");
    dequeue(&w, "b: z", "b", "z=253");
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "interval in 900");
    assert_string_equal(next_time(&w, "b"), "interval in 3600");
    assert_int_equal(seconds_to_wakeup(&w), 900);
    pass(&w, 15 * MINUTE - 1);
    assert_string_equal(next_session(&w), "");
    pass(&w, 1);
    dequeue(&w, "a: x y", "a", "x=250 y=251");
    assert_string_equal(next_session(&w), "");
    assert_int_equal(find(&w, "a")->dequeues, 2);
    tear_down(&w);
}

static void without_run_at_start_the_first_interval_is_waited_for(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .not_at_start = true};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "interval in 900");
    w.hosts[1] = (struct host_plan){.name = "b", .nodes = "y"};
    configure(&w, TRIGGER_ENABLE); /* only the start is left out */
    dequeue(&w, "b: y", "b", "y=250");
    assert_string_equal(next_session(&w), "");
    tear_down(&w);
}

static void what_is_off_is_not_asked(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}, {"b", "y", .disabled = true}, {"c", ""}}, .off = true};
    set_up(&w);
    configure(&w, TRIGGER_START);
    planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "never");
    assert_int_equal(seconds_to_wakeup(&w), -1);
    w.off = false;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "a"), "enable in 0");
    assert_string_equal(next_time(&w, "b"), "never");
    assert_string_equal(next_time(&w, "c"), "never");
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_session(&w), "");
    w.hosts[1].disabled = false;
    w.hosts[2].nodes = "z";
    configure(&w, TRIGGER_ENABLE);
    dequeue(&w, "b: y", "b", "y=250");
    dequeue(&w, "c: z", "c", "z=250");
    assert_string_equal(next_session(&w), "");
    tear_down(&w);
}

static void a_configuration_that_says_the_same_starts_nothing(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x y", "a", "x=250 y=459");
    pass(&w, MINUTE);
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "interval in 840");
    w.hosts[0].nodes = "x Y"; /* another case: the same nodes, to be sent as written */
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(find(&w, "a")->nodes[1].name, "Y");
    w.hosts[0].nodes = "Y X"; /* and another order */
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_session(&w), "");
    assert_int_equal(find(&w, "a")->nodes[0].result.code, 459);
    assert_string_equal(find(&w, "a")->nodes[0].name, "Y");
    tear_down(&w);
}

static void a_request_is_met_at_once_but_for_the_gap(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}, {"b", "y"}}, .gap = 30};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=250");
    dequeue(&w, "b: y", "b", "y=250");
    pass(&w, 10 * SECOND);
    planner_trigger(&w.planner, find(&w, "a"), TRIGGER_REQUEST, w.now);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "request in 20");
    assert_string_equal(next_time(&w, "b"), "interval in 890");
    assert_int_equal(seconds_to_wakeup(&w), 20);
    pass(&w, 20 * SECOND - 1);
    assert_string_equal(next_session(&w), "");
    pass(&w, 1);
    dequeue(&w, "a: x", "a", "x=250");
    pass(&w, MINUTE);
    planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now);
    dequeue(&w, "b: y", "b", "y=250"); /* hosts take turns, and the last was a */
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "interval in 900"); /* everything was asked: the interval begins anew */
    tear_down(&w);
}

static void a_request_while_busy_comes_after(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .gap = 30};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    pass(&w, MINUTE);
    planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now);
    planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now);
    assert_string_equal(next_session(&w), "");
    assert_int_equal(seconds_to_wakeup(&w), -1);
    assert_true(answer(&w, "a", "x=250"));
    assert_int_equal(find(&w, "a")->requests, 2);
    assert_int_equal(find(&w, "a")->requests_answered, 0); /* what has ended began before them */
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "request in 30");
    pass(&w, 30 * SECOND);
    dequeue(&w, "a: x", "a", "x=250");
    assert_int_equal(find(&w, "a")->requests_answered, 2);
    pass(&w, 30 * SECOND);
    assert_string_equal(next_session(&w), "");
    tear_down(&w);
}

static void a_round_longer_than_its_interval_does_not_overlap(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x", .interval = 1}}, .gap = 30};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    for (int i = 0; i < 10; i++) {
        pass(&w, MINUTE);
        assert_string_equal(next_session(&w), "");
    }
    assert_true(answer(&w, "a", "x=250"));
    assert_string_equal(next_time(&w, "a"), "interval in 30");
    tear_down(&w);
}

static void a_changed_interval_counts_from_the_last_round(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=250");
    pass(&w, 5 * MINUTE);
    w.interval = 60;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "a"), "interval in 3300");
    w.hosts[0].interval = 10;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "a"), "interval in 300");
    w.hosts[0].interval = 1; /* so it should have been asked already */
    configure(&w, TRIGGER_ENABLE);
    assert_int_equal(seconds_to_wakeup(&w), 0);
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_time(&w, "a"), "interval in 60");
    tear_down(&w);
}

static void the_wall_clock_moves_nothing_and_a_suspend_is_one_round(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=250");
    const int64_t steps[] = {HOUR, -HOUR, 10 * YEAR, -10 * YEAR};
    for (size_t i = 0; i < COUNT(steps); i++) {
        w.now.utc_ms += steps[i];
        assert_string_equal(next_session(&w), "");
        assert_int_equal(seconds_to_wakeup(&w), 900);
    }
    pass(&w, 50 * DAY); /* beyond what 32 bits of milliseconds hold */
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "interval in 900");
    assert_int_equal(find(&w, "a")->dequeue.ended.utc_ms, w.now.utc_ms);
    tear_down(&w);
}

static void paused_means_later(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y z", .etrns = 1, .connections = 1}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    planner_pause(&w.planner, true, w.now);
    assert_string_equal(next_session(&w), "");
    assert_int_equal(seconds_to_wakeup(&w), -1);
    planner_pause(&w.planner, false, w.now);
    assert_int_equal(seconds_to_wakeup(&w), 0);
    assert_string_equal(next_session(&w), "a: x");
    planner_pause(&w.planner, true, w.now); /* in the midst of a dequeue: it ends with the session */
    assert_string_equal(ended(&w), "");
    assert_true(answer(&w, "a", "x=250"));
    pass(&w, 10 * MINUTE);
    assert_string_equal(next_session(&w), "");
    planner_pause(&w.planner, false, w.now);
    assert_string_equal(next_session(&w), "a: x"); /* what it did not ask is due now, and with it all */
    assert_false(answer(&w, "a", "x=250"));
    assert_string_equal(next_session(&w), "a: y");
    assert_false(answer(&w, "a", "y=250"));
    dequeue(&w, "a: z", "a", "z=250");
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "interval in 900");
    tear_down(&w);
}

/* ---- schedules ---- */

static void a_schedule_replaces_the_interval(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .schedule = "# office hours|0 * * * *|30 23 * * *"};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_time(&w, "a"), "schedule in 2800");
    assert_int_equal(seconds_to_wakeup(&w), 2800);
    pass(&w, 2800 * SECOND - 1);
    assert_string_equal(next_session(&w), "");
    pass(&w, 1);
    dequeue(&w, "a: x", "a", "x=250");
    assert_int_equal(find(&w, "a")->dequeue.trigger, TRIGGER_SCHEDULE);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "schedule in 1800"); /* whichever line is first */
    pass(&w, 40 * DAY);                                          /* asleep: once for all that was missed */
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_session(&w), "");
    tear_down(&w);
}

static void without_run_at_start_the_schedule_is_waited_for(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .schedule = "0 * * * *", .not_at_start = true};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "schedule in 2800");
    tear_down(&w);
}

static void a_schedule_is_in_local_time(void **state)
{
    (void)state;
    int64_t begin = first_moment().utc_ms;
    struct world w = {.hosts = {{"a", "x"}}, .schedule = "0 9 * * *", .offset = HOUR};
    w.summer_from = begin + 2 * HOUR;
    w.summer_to = begin + 3 * DAY;
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=250");
    static const int64_t hours[] = {24, 24, 25, 24}; /* the clock goes back before the third */
    assert_string_equal(next_time(&w, "a"), "schedule in 31600");
    pass(&w, 31600 * SECOND);
    for (size_t i = 0; i < COUNT(hours); i++) {
        dequeue(&w, "a: x", "a", "x=250");
        assert_int_equal(seconds_to_wakeup(&w), hours[i] * 3600);
        pass(&w, hours[i] * HOUR);
    }
    tear_down(&w);
}

static void a_host_has_its_own_schedule_or_interval(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"all", "x"},
                                {"interval", "x", .interval = 5},
                                {"own", "x", .schedule = "30 * * * *"},
                                {"both", "x", .interval = 5, .schedule = "40 * * * *"}},
                      .schedule = "0 * * * *",
                      .not_at_start = true};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_time(&w, "all"), "schedule in 2800");
    assert_string_equal(next_time(&w, "interval"), "interval in 300");
    assert_string_equal(next_time(&w, "own"), "schedule in 1000");
    assert_string_equal(next_time(&w, "both"), "schedule in 1600");
    w.schedule = NULL;
    w.hosts[2].schedule = w.hosts[3].schedule = NULL;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "all"), "interval in 900");
    assert_string_equal(next_time(&w, "interval"), "interval in 300");
    assert_string_equal(next_time(&w, "own"), "interval in 900");
    assert_string_equal(next_time(&w, "both"), "interval in 300");
    tear_down(&w);
}

static void an_invalid_line_costs_the_others_nothing(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .schedule = "0 24 * * *|0 23 * * *|", .not_at_start = true};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_time(&w, "a"), "schedule in 2800");
    assert_non_null(strstr(w.problem, "\"0 24 * * *\" has an hour that is out of range, 0 to 23; allowed: crontab"));
    w.schedule = "0 24 * * *"; /* nothing is left: the interval counts */
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "a"), "interval in 900");
    tear_down(&w);
}

static void every_counts_from_where_the_schedule_was_taken_up(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .schedule = "@every 1h30m"};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_time(&w, "a"), "schedule in 5400");
    pass(&w, 20 * MINUTE);
    configure(&w, TRIGGER_ENABLE); /* nothing has changed */
    assert_string_equal(next_time(&w, "a"), "schedule in 4200");
    planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now);
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_time(&w, "a"), "schedule in 4200");
    pass(&w, 70 * MINUTE);
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_time(&w, "a"), "schedule in 5400");
    w.schedule = "@every 1h";
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "a"), "schedule in 3600");
    tear_down(&w);
}

static void neither_requests_nor_retries_move_a_schedule(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .schedule = "0 * * * *", .gap = 30};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=451");
    pass(&w, 75 * SECOND);
    dequeue(&w, "a: x", "a", "x=250");
    assert_int_equal(find(&w, "a")->dequeue.trigger, TRIGGER_RETRY);
    assert_string_equal(next_time(&w, "a"), "schedule in 2725");
    pass(&w, 2715 * SECOND);
    planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now);
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_time(&w, "a"), "schedule in 30"); /* in 10, were it not for the gap */
    pass(&w, 30 * SECOND);
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_time(&w, "a"), "schedule in 3580");
    tear_down(&w);
}

static void a_retry_that_meets_the_schedule_is_one_round_of_all(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y"}}, .schedule = "0 * * * *"};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x y", "a", "x=451 y=250");
    pass(&w, HOUR); /* asleep */
    dequeue(&w, "a: x y", "a", "x=250 y=250");
    assert_int_equal(find(&w, "a")->dequeue.trigger, TRIGGER_SCHEDULE);
    assert_string_equal(next_session(&w), "");
    tear_down(&w);
}

static void a_retry_that_meets_a_request_is_one_round_of_all(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x y", "a", "x=451 y=250");
    planner_hold(&w.planner, true);
    pass(&w, 80 * SECOND);
    assert_string_equal(next_session(&w), "");
    planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now);
    pass(&w, 20 * SECOND);
    planner_hold(&w.planner, false);
    dequeue(&w, "a: x y", "a", "x=250 y=250");
    assert_int_equal(find(&w, "a")->dequeue.trigger, TRIGGER_REQUEST);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "interval in 900");
    tear_down(&w);
}

static void a_schedule_of_comments_is_none(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x", .schedule = "# nothing|"}}, .schedule = "0 * * * *"};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_time(&w, "a"), "schedule in 2800"); /* the service's */
    w.hosts[0].interval = 20;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "a"), "interval in 1200");
    w.hosts[0].interval = 0;
    w.schedule = "# nothing either";
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "a"), "interval in 900");
    tear_down(&w);
}

static void a_schedule_follows_a_zone_that_changes(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}, {"b", "y", .interval = 60}}, .schedule = "30 2 * * *"};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=250");
    dequeue(&w, "b: y", "b", "y=250");
    assert_string_equal(next_time(&w, "a"), "schedule in 15400"); /* 02:30 in UTC, 22:13:20 now */
    w.offset = 2 * HOUR;
    planner_follow_zone(&w.planner, w.now);
    assert_string_equal(next_time(&w, "a"), "schedule in 8200");
    assert_string_equal(next_time(&w, "b"), "interval in 3600");
    pass(&w, 8200 * SECOND);
    w.offset = 5 * HOUR; /* what is due already stays due */
    planner_follow_zone(&w.planner, w.now);
    assert_string_equal(next_time(&w, "a"), "schedule in 0");
    tear_down(&w);
}

static void a_schedule_that_never_comes_leaves_requests_and_retries(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .schedule = "0 0 31 2 *"};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=451");
    pass(&w, 75 * SECOND);
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_time(&w, "a"), "never");
    assert_int_equal(seconds_to_wakeup(&w), -1);
    w.now.utc_ms += 10 * YEAR;
    planner_follow_clock(&w.planner, w.now);
    assert_string_equal(next_time(&w, "a"), "never");
    planner_trigger(&w.planner, NULL, TRIGGER_NETWORK, w.now);
    dequeue(&w, "a: x", "a", "x=250");
    w.schedule = "0 * * * *";
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "a"), "schedule in 2725");
    tear_down(&w);
}

static void a_changed_schedule_is_followed_and_what_was_due_stays_due(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .schedule = "0 * * * *", .not_at_start = true};
    set_up(&w);
    configure(&w, TRIGGER_START);
    w.schedule = "30 22 * * *";
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "a"), "schedule in 1000");
    w.schedule = NULL;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "a"), "interval in 900");
    w.schedule = "0 * * * *";
    configure(&w, TRIGGER_ENABLE);
    planner_hold(&w.planner, true);
    pass(&w, HOUR);
    const char *const schedules[] = {"0 0 1 1 *", "0 0 31 2 *", NULL, "@daily"};
    for (size_t i = 0; i < COUNT(schedules); i++) {
        assert_string_equal(next_session(&w), "");
        w.schedule = schedules[i];
        configure(&w, TRIGGER_ENABLE);
        w.now.utc_ms += 10 * SECOND;
        planner_follow_clock(&w.planner, w.now);
    }
    planner_hold(&w.planner, false);
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_session(&w), "");
    tear_down(&w);
}

static void switched_off_and_on_a_schedule_goes_on(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .schedule = "0 * * * *|@every 2h"};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=250");
    w.off = true;
    configure(&w, TRIGGER_ENABLE);
    pass(&w, 3 * HOUR + MINUTE);
    assert_string_equal(next_time(&w, "a"), "never");
    w.off = false;
    configure(&w, TRIGGER_ENABLE);
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_time(&w, "a"), "schedule in 2740");
    tear_down(&w);
}

/* ---- the clock is set ---- */

static const int64_t clock_steps[] = {HOUR, 10 * YEAR, -HOUR, -10 * YEAR, 3 * SECOND, -3 * SECOND};

static void a_schedule_follows_a_clock_that_is_set(void **state)
{
    (void)state;
    static const char *const schedules[] = {"0 * * * *", "@every 1h"};
    for (size_t i = 0; i < COUNT(clock_steps) * COUNT(schedules) * 2; i++) {
        int64_t step = clock_steps[i / 2 % COUNT(clock_steps)];
        bool news = i % 2;
        struct world w = {.hosts = {{"a", "x"}}, .schedule = schedules[i / 2 / COUNT(clock_steps)]};
        set_up(&w);
        w.now.utc_ms += 2800 * SECOND; /* on the hour: both schedules are due at the same times */
        configure(&w, TRIGGER_START);
        dequeue(&w, "a: x", "a", "x=250");
        pass(&w, 20 * MINUTE);
        w.now.utc_ms += step;
        if (news)
            planner_follow_clock(&w.planner, w.now);
        bool skipped = step >= 40 * MINUTE;
        CHECK_TEXT(schedules[i / 2 / COUNT(clock_steps)], next_session(&w), skipped ? "a: x" : "");
        if (skipped)
            assert_true(answer(&w, "a", "x=250"));
        assert_string_equal(next_session(&w), ""); /* once for all that was skipped */
        int64_t past_hour = (w.now.utc_ms - first_moment().utc_ms - 2800 * SECOND) % HOUR;
        int64_t wait = (past_hour < 0 ? 0 : HOUR) - past_hour;
        assert_int_equal(planner_wakeup(&w.planner, w.now) - w.now.steady_ms, wait); /* nor silent for long */
        pass(&w, wait);
        dequeue(&w, "a: x", "a", "x=250");
        assert_int_equal(seconds_to_wakeup(&w), 3600);
        tear_down(&w);
    }
}

static void a_clock_that_is_set_makes_nothing_forgotten_that_was_due(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(clock_steps); i++) {
        struct world w = {.hosts = {{"a", "x"}}, .schedule = "0 * * * *", .not_at_start = true};
        set_up(&w);
        configure(&w, TRIGGER_START);
        planner_hold(&w.planner, true);
        pass(&w, 2801 * SECOND);
        assert_string_equal(next_session(&w), "");
        for (size_t back = 0; back < 2; back++) { /* and back again */
            w.now.utc_ms += back ? -clock_steps[i] : clock_steps[i];
            planner_follow_clock(&w.planner, w.now);
        }
        planner_hold(&w.planner, false);
        assert_int_equal(seconds_to_wakeup(&w), 0);
        dequeue(&w, "a: x", "a", "x=250");
        assert_string_equal(next_session(&w), "");
        assert_string_equal(next_time(&w, "a"), "schedule in 3599");
        tear_down(&w);
    }
}

/* What is waited for by the steady clock comes a little before or after its time by the wall clock. */
static void clocks_that_drift_apart_neither_double_a_time_nor_lose_one(void **state)
{
    (void)state;
    static const int64_t drifts[] = {-1999, -1000, -1, 0, 1, 1000, 1999};
    for (size_t i = 0; i < COUNT(drifts); i++) {
        struct world w = {.hosts = {{"a", "x"}}, .schedule = "0 * * * *"};
        set_up(&w);
        configure(&w, TRIGGER_START);
        dequeue(&w, "a: x", "a", "x=250");
        for (int round = 0; round < 20; round++) {
            int64_t wait = planner_wakeup(&w.planner, w.now) - w.now.steady_ms;
            CHECK(round == 0 || (wait > HOUR - 5 * SECOND && wait < HOUR + 5 * SECOND), "%" PRId64 " after %" PRId64,
                  wait, drifts[i]);
            pass(&w, wait - 1);
            w.now.utc_ms += drifts[i];
            pass(&w, 1);
            for (int again = 0; again < 3 && *next_session(&w) == '\0'; again++) /* it was noticed, and is waited for */
                pass(&w, planner_wakeup(&w.planner, w.now) - w.now.steady_ms);
            assert_true(answer(&w, "a", "x=250"));
            w.now.utc_ms += drifts[i] < 0 ? -1 : 0; /* noticed just behind it, perhaps */
            assert_string_equal(next_session(&w), "");
        }
        assert_int_equal(find(&w, "a")->dequeues, 21);
        tear_down(&w);
    }
}

/* ---- held ---- */

static void held_no_dequeue_begins_and_those_under_way_go_on(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y", .etrns = 1, .connections = 1, .fallback = "one"}, {"b", "z"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    planner_hold(&w.planner, true);
    assert_int_equal(seconds_to_wakeup(&w), -1);
    assert_false(answer(&w, "a", "x=451"));
    assert_string_equal(next_session(&w), "a 1: x");
    assert_false(answer(&w, "a", "x=250"));
    dequeue(&w, "a: y", "a", "y=250");
    assert_string_equal(next_session(&w), "");
    pass(&w, DAY);
    planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "b"), "start in -86400");
    planner_hold(&w.planner, false);
    assert_int_equal(seconds_to_wakeup(&w), 0);
    dequeue(&w, "b: z", "b", "z=250");
    assert_string_equal(next_session(&w), "a: x");
    tear_down(&w);
}

static void the_network_and_waking_are_reasons(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .gap = 30};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=250");
    planner_trigger(&w.planner, NULL, TRIGGER_RESUME, w.now);
    planner_trigger(&w.planner, NULL, TRIGGER_NETWORK, w.now);
    assert_string_equal(next_time(&w, "a"), "resume in 30"); /* the first reason stands, and the gap */
    pass(&w, 30 * SECOND);
    dequeue(&w, "a: x", "a", "x=250");
    pass(&w, 30 * SECOND);
    assert_string_equal(next_session(&w), "");
    planner_trigger(&w.planner, NULL, TRIGGER_NETWORK, w.now);
    assert_string_equal(next_time(&w, "a"), "network in 0");
    w.hosts[0].disabled = true;
    configure(&w, TRIGGER_ENABLE);
    planner_trigger(&w.planner, NULL, TRIGGER_NETWORK, w.now);
    assert_string_equal(next_time(&w, "a"), "never");
    tear_down(&w);
}

/* ---- fallback ---- */

static void after_passing_trouble_the_next_server_is_asked(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y", .fallback = "one|two"}}, .gap = 30};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x y");
    assert_false(answer(&w, "a", "x=451 y=421"));
    assert_string_equal(next_session(&w), "a 1: x y"); /* within the dequeue: no gap */
    assert_false(answer(&w, "a", "x=421 y=450"));
    assert_string_equal(next_session(&w), "a 2: x y");
    assert_true(answer(&w, "a", "x=250 y=251"));
    assert_string_equal(news(&w, "a"), "");
    assert_int_equal(find(&w, "a")->nodes[0].result_server, 2);
    assert_int_equal(find(&w, "a")->dequeues, 1);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "interval in 900"); /* no retry */
    pass(&w, 15 * MINUTE);
    dequeue(&w, "a: x y", "a", "x=250 y=250"); /* the first is first again */
    assert_int_equal(find(&w, "a")->nodes[0].result_server, 0);
    tear_down(&w);
}

static void each_node_falls_back_by_itself(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "v w x y z", .fallback = "one|two"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: v w x y z");
    assert_false(answer(&w, "a", "v=250 w=451 x=459 y=458 z=421")); /* 458 is the host's own business, and 459 */
    assert_string_equal(next_session(&w), "a 1: w z");
    assert_string_equal(next_session(&w), "");
    assert_false(answer(&w, "a", "w=451 z=550"));
    dequeue(&w, "a 2: w", "a", "w=458");
    assert_string_equal(news(&w, "a"), "x fails, z fails");
    static const size_t answered[] = {0, 2, 0, 0, 1};
    for (size_t i = 0; i < COUNT(answered); i++)
        assert_int_equal(find(&w, "a")->nodes[i].result_server, answered[i]);
    pass(&w, 75 * SECOND);
    dequeue(&w, "a: w y", "a", "w=250 y=250");
    tear_down(&w);
}

static void nodes_of_different_servers_do_not_share_a_session(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "v w x y", .etrns = 2, .connections = 2, .fallback = "one"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: v w");
    assert_false(answer(&w, "a", "v=451 w=250"));
    assert_string_equal(next_session(&w), "a 1: v");
    assert_string_equal(next_session(&w), "a: x y");
    assert_string_equal(next_session(&w), ""); /* ConnectionsPerHost counts them all */
    assert_false(answer(&w, "a", "x=421 y=421"));
    assert_string_equal(next_session(&w), "a 1: x y");
    assert_false(answer(&w, "a", "v=250"));
    assert_true(answer(&w, "a", "x=250 y=250"));
    tear_down(&w);
}

static void when_all_servers_are_dead_it_is_one_failure(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x", .fallback = "one|two"}}, .interval = 1440};
    set_up(&w);
    configure(&w, TRIGGER_START);
    for (uint32_t round = 0; round < 3; round++) {
        assert_string_equal(next_session(&w), "a: x");
        assert_false(answer(&w, "a", "x=451"));
        assert_string_equal(next_session(&w), "a 1: x");
        assert_false(answer(&w, "a", "x=451"));
        assert_string_equal(next_session(&w), "a 2: x");
        assert_true(answer(&w, "a", "x=421"));
        assert_string_equal(news(&w, "a"), round == 0 ? "x fails" : "");
        assert_int_equal(find(&w, "a")->nodes[0].result.code, 421); /* the last one's word */
        assert_int_equal(find(&w, "a")->failures, round + 1);
        int64_t least = 60 * SECOND << round;
        assert_in_range(find(&w, "a")->timetable.retry_at - w.now.steady_ms, least, least / 4 * 5);
        pass(&w, find(&w, "a")->timetable.retry_at - w.now.steady_ms);
    }
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=451"));
    assert_string_equal(next_session(&w), "a 1: x");
    assert_true(answer(&w, "a", "x=250"));
    assert_string_equal(news(&w, "a"), "x recovers");
    assert_int_equal(find(&w, "a")->failures, 0);
    assert_string_equal(next_session(&w), "");
    tear_down(&w);
}

static void a_node_that_fails_permanently_elsewhere_is_not_asked_further(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x", .fallback = "one|two"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=550");
    assert_string_equal(news(&w, "a"), "x fails");
    assert_string_equal(next_time(&w, "a"), "interval in 900");
    pass(&w, 15 * MINUTE);
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=421"));
    dequeue(&w, "a 1: x", "a", "x=459");
    assert_string_equal(news(&w, "a"), "");
    assert_string_equal(next_time(&w, "a"), "interval in 900"); /* permanent: the retry of before is off */
    tear_down(&w);
}

static void servers_taken_away_in_the_midst_leave_the_host_itself(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x", .fallback = "one|two"}}};
    char address[NODE_LIMIT + 1];
    uint16_t port;
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=451"));
    assert_string_equal(next_session(&w), "a 1: x");
    assert_false(answer(&w, "a", "x=451"));
    w.hosts[0].fallback = NULL;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_session(&w), "a 2: x");
    host_server(find(&w, "a")->settings, 2, address, sizeof address, &port);
    assert_string_equal(address, "a");
    assert_true(answer(&w, "a", "x=451")); /* and that was the last */
    assert_string_equal(news(&w, "a"), "x fails");
    pass(&w, 75 * SECOND);
    assert_string_equal(next_session(&w), "a: x");
    w.hosts[0].fallback = "one"; /* added while the host is asked: it counts at once */
    configure(&w, TRIGGER_ENABLE);
    assert_false(answer(&w, "a", "x=451"));
    dequeue(&w, "a 1: x", "a", "x=250");
    assert_string_equal(news(&w, "a"), "x recovers");
    tear_down(&w);
}

static void disabled_or_removed_in_the_midst_no_other_server_is_asked(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x", .fallback = "one"}, {"b", "y", .fallback = "one"}, {"c", "z"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    assert_string_equal(next_session(&w), "b: y");
    dequeue(&w, "c: z", "c", "z=250");
    w.hosts[0].disabled = true;
    w.hosts[1].name = NULL;
    configure(&w, TRIGGER_ENABLE);
    assert_true(answer(&w, "a", "x=451"));
    assert_string_equal(news(&w, "a"), "x fails");
    assert_false(answer(&w, "b", "y=451"));
    assert_int_equal(w.planner.roster.count, 2);
    assert_string_equal(next_session(&w), "");
    w.hosts[0].disabled = false;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=451"));
    w.hosts[0].disabled = true; /* between two servers */
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(ended(&w), "a");
    assert_string_equal(next_session(&w), "");
    assert_false(find(&w, "a")->dequeue.active);
    tear_down(&w);
}

static void paused_no_other_server_is_asked_and_nothing_is_news(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x", .fallback = "one"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=451"));
    planner_pause(&w.planner, true, w.now); /* between two servers */
    assert_string_equal(ended(&w), "a");
    assert_string_equal(news(&w, "a"), "");
    planner_pause(&w.planner, false, w.now);
    assert_string_equal(next_session(&w), "a: x");
    planner_pause(&w.planner, true, w.now); /* before the first has answered */
    assert_true(answer(&w, "a", "x=451"));
    assert_string_equal(news(&w, "a"), "");
    planner_pause(&w.planner, false, w.now);
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=451"));
    assert_string_equal(next_session(&w), "a 1: x");
    planner_pause(&w.planner, true, w.now);
    assert_true(answer(&w, "a", "x=0")); /* that session was cancelled */
    assert_string_equal(news(&w, "a"), "");
    planner_pause(&w.planner, false, w.now);
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(news(&w, "a"), "");
    tear_down(&w);
}

static void a_retry_that_was_paused_is_still_a_retry(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y z", .etrns = 1, .connections = 1}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=250"));
    assert_string_equal(next_session(&w), "a: y");
    assert_false(answer(&w, "a", "y=451"));
    dequeue(&w, "a: z", "a", "z=451");
    pass(&w, 75 * SECOND);
    assert_string_equal(next_session(&w), "a: y");
    planner_pause(&w.planner, true, w.now);
    assert_true(answer(&w, "a", "y=0"));
    planner_pause(&w.planner, false, w.now);
    assert_string_equal(next_time(&w, "a"), "retry in 0");
    assert_string_equal(next_session(&w), "a: y");
    assert_false(answer(&w, "a", "y=250"));
    dequeue(&w, "a: z", "a", "z=250");
    assert_string_equal(next_session(&w), "");
    tear_down(&w);
}

/* ---- retries ---- */

static void only_what_may_succeed_is_asked_again(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "good none busy denied passing"}}, .interval = 1440};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: good none busy denied passing", "a", "good=250 none=251 busy=458 denied=459 passing=451");
    pass(&w, 59 * SECOND);
    assert_string_equal(next_session(&w), "");
    pass(&w, 16 * SECOND);
    dequeue(&w, "a: busy passing", "a", "busy=250 passing=451");
    pass(&w, 150 * SECOND);
    dequeue(&w, "a: passing", "a", "passing=550"); /* permanent: not again */
    pass(&w, 10 * MINUTE);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(news(&w, "a"), "");
    pass(&w, DAY);
    assert_string_equal(next_session(&w), "a: good none busy denied passing");
    tear_down(&w);
}

static void retries_double_up_to_the_interval(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .interval = 10, .retry = 60};
    set_up(&w);
    for (uint64_t seed = 0; seed < 50; seed++) {
        planner_free(&w.planner);
        planner_init(&w.planner, seed, &w.zone);
        configure(&w, TRIGGER_START);
        dequeue(&w, "a: x", "a", "x=451");
        static const int64_t least[] = {60, 120, 240, 480, 600, 600};
        for (size_t i = 0; i < COUNT(least); i++) {
            struct planned_host *h = find(&w, "a");
            int64_t delay = h->timetable.retry_at - w.now.steady_ms;
            int64_t most = least[i] * 1250 < 600 * SECOND ? least[i] * 1250 : 600 * SECOND;
            CHECK(delay >= least[i] * SECOND && delay <= most, "retry %zu after %" PRId64 " ms", i + 1, delay);
            pass(&w, delay);
            assert_string_equal(next_session(&w), "a: x");
            assert_true(answer(&w, "a", "x=451"));
        }
        pass(&w, 10 * MINUTE);
        dequeue(&w, "a: x", "a", "x=250");
        assert_int_equal(find(&w, "a")->timetable.retry_at, NEVER_MS);
        pass(&w, 10 * MINUTE);
        dequeue(&w, "a: x", "a", "x=451"); /* and begin anew after a success */
        assert_in_range(find(&w, "a")->timetable.retry_at - w.now.steady_ms, 60 * SECOND, 75 * SECOND);
    }
    tear_down(&w);
}

static void the_jitter_differs_from_machine_to_machine(void **state)
{
    (void)state;
    int64_t at[2];
    for (uint64_t seed = 0; seed < 2; seed++) {
        struct world w = {.hosts = {{"a", "x"}}, .interval = 1440, .retry = 3600};
        set_up(&w);
        planner_init(&w.planner, seed, &w.zone);
        configure(&w, TRIGGER_START);
        dequeue(&w, "a: x", "a", "x=451");
        at[seed] = find(&w, "a")->timetable.retry_at;
        tear_down(&w);
    }
    assert_int_not_equal(at[0], at[1]);
}

static void a_retry_longer_than_the_interval_is_not_needed(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .interval = 1, .retry = 86400};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=451");
    assert_string_equal(next_time(&w, "a"), "interval in 60");
    tear_down(&w);
}

static void a_node_taken_away_takes_its_retry_along(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x y", "a", "x=250 y=451");
    w.hosts[0].nodes = "x";
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "a"), "interval in 900");
    pass(&w, HOUR); /* asleep: what was due is asked in one go */
    dequeue(&w, "a: x", "a", "x=250");
    tear_down(&w);
}

/* ---- news ---- */

static void only_edges_are_news(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}};
    static const struct {
        const char *replies, *news;
    } rounds[] = {
        {"x=250", ""},        {"x=251", ""},        {"x=451", "x fails"},
        {"x=459", ""},        {"x=458", ""},        {"x=250", "x recovers"},
        {"x=253", ""},        {"x=459", "x fails"}, {"x=250", "x recovers"},
        {"x=458", ""},        {"x=458", ""},        {"x=250", ""},
        {"x=458", ""},        {"x=458", ""},        {"x=458", "x fails"},
        {"x=458", ""},        {"x=0", ""},          {"x=250", "x recovers"},
        {"x=458", ""},        {"x=458", ""},        {"x=0", ""},
        {"x=458", "x fails"},
    };
    set_up(&w);
    configure(&w, TRIGGER_START);
    for (size_t i = 0; i < COUNT(rounds); i++) {
        dequeue(&w, "a: x", "a", rounds[i].replies);
        CHECK(strcmp(news(&w, "a"), rounds[i].news) == 0, "round %zu: found \"%s\", expected \"%s\"", i, news(&w, "a"),
              rounds[i].news);
        pass(&w, SECOND);
        planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now);
    }
    tear_down(&w);
}

/* How often news of `text` came in `days` of rounds an interval of minutes apart, each with the same replies. */
static unsigned count_news(struct world *w, unsigned days, uint32_t minutes, const char *replies, const char *text)
{
    unsigned found = 0;
    int64_t end = w->now.steady_ms + days * DAY;
    while (w->now.steady_ms < end) {
        pass(w, (int64_t)minutes * MINUTE);
        planner_trigger(&w->planner, NULL, TRIGGER_REQUEST, w->now);
        next_session(w);
        assert_true(answer(w, "a", replies));
        found += strcmp(news(w, "a"), text) == 0;
    }
    return found;
}

static void of_what_goes_on_failing_one_reminder_comes_a_day(void **state)
{
    (void)state;
    static const uint32_t intervals[] = {1, 15, 60, 6 * 60, 24 * 60};
    for (size_t i = 0; i < COUNT(intervals); i++) {
        struct world w = {.hosts = {{"a", "x"}}};
        set_up(&w);
        configure(&w, TRIGGER_START);
        dequeue(&w, "a: x", "a", "x=459");
        assert_string_equal(news(&w, "a"), "x fails");
        unsigned reminders = count_news(&w, 30, intervals[i], "x=459", "x still fails");
        CHECK(reminders >= 29 && reminders <= 30, "every %u minutes: %u reminders", intervals[i], reminders);
        assert_int_equal(count_news(&w, 2, intervals[i], "x=250", "x recovers"), 1);
        assert_int_equal(count_news(&w, 3, intervals[i], "x=250", ""), 3 * 24 * 60 / intervals[i]);
        tear_down(&w);
    }
}

static void a_reminder_minds_neither_seconds_nor_daylight_saving_nor_the_wall_clock(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=459");
    struct moment began = w.now;
    const int64_t rounds[] = {DAY - 10 * SECOND, 2 * DAY + 5 * SECOND, 3 * DAY - HOUR, 4 * DAY - HOUR, 5 * DAY};
    for (size_t i = 0; i < COUNT(rounds); i++) {
        pass(&w, rounds[i] - (w.now.steady_ms - began.steady_ms));
        w.now.utc_ms += YEAR; /* set while nobody looked */
        next_session(&w);
        answer(&w, "a", "x=459");
        CHECK(strcmp(news(&w, "a"), "x still fails") == 0, "round %zu", i);
    }
    assert_int_equal(find(&w, "a")->nodes[0].since.utc_ms, began.utc_ms);
    pass(&w, HOUR);
    next_session(&w);
    answer(&w, "a", "x=459");
    assert_string_equal(news(&w, "a"), ""); /* told an hour ago */
    tear_down(&w);
}

/* Ends a's dequeue with a result in words for each of its nodes. */
static void answer_in_words(struct world *w, const char *const *texts, const enum outcome *outcomes, const int *codes)
{
    struct planned_host *h = find(w, "a");
    for (size_t i = 0; i < h->node_count; i++) {
        struct result result;
        result_set(&result, outcomes[i], codes[i], texts[i]);
        planner_node_done(&w->planner, h, h->nodes[i].name, &result, w->now);
    }
    planner_session_done(&w->planner, h, w->now);
    assert_string_equal(ended(w), "a");
}

static void check_told(struct world *w, size_t first, const char *names, const char *replies)
{
    char found[100], texts[100];
    struct text t;
    text_begin(&t, found, sizeof found);
    bool tells = health_add_names(&t, find(w, "a"), first);
    CHECK(tells == (names != NULL), "node %zu: told %d", first, tells);
    if (!names) {
        assert_string_equal(found, "");
        return;
    }
    assert_string_equal(found, names);
    text_begin(&t, texts, sizeof texts);
    health_add_replies(&t, find(w, "a"), first);
    assert_string_equal(texts, replies);
}

static void nodes_share_news_of_the_same_outcome_and_code_whatever_the_words(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "v w x y z"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    next_session(&w);
    answer_in_words(&w, (const char *const[]){"459 v no", "250 ok", "459 x no", "500 what", "459 v no"},
                    (const enum outcome[]){OUTCOME_NOT_ALLOWED, OUTCOME_STARTED, OUTCOME_NOT_ALLOWED, OUTCOME_REFUSED,
                                           OUTCOME_NOT_ALLOWED},
                    (const int[]){459, 250, 459, 500, 459});
    check_told(&w, 0, "v, x, z", "459 v no | 459 x no");
    check_told(&w, 2, NULL, NULL);
    check_told(&w, 3, "y", "500 what");
    check_told(&w, 4, NULL, NULL);
    pass(&w, DAY);
    next_session(&w);
    answer_in_words(
        &w, (const char *const[]){"502 no", "502 no", "502 no", "501 no", "250 ok"},
        (const enum outcome[]){OUTCOME_REFUSED, OUTCOME_REFUSED, OUTCOME_REFUSED, OUTCOME_REFUSED, OUTCOME_STARTED},
        (const int[]){502, 502, 502, 501, 250});
    assert_string_equal(news(&w, "a"), "v still fails, w fails, x still fails, y still fails, z recovers");
    check_told(&w, 0, "v, x", "502 no"); /* since the same minute */
    check_told(&w, 1, "w", "502 no");    /* an edge is no reminder */
    check_told(&w, 3, "y", "501 no");    /* another code */
    tear_down(&w);
}

static void reminders_of_different_ages_are_told_apart(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x y", "a", "x=459 y=250");
    pass(&w, 15 * MINUTE);
    dequeue(&w, "a: x y", "a", "x=459 y=459");
    pass(&w, DAY);
    dequeue(&w, "a: x y", "a", "x=459 y=459");
    assert_string_equal(news(&w, "a"), "x still fails, y still fails");
    check_told(&w, 0, "x", "");
    check_told(&w, 1, "y", "");
    tear_down(&w);
}

static void what_was_said_stays_with_its_result(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    next_session(&w);
    planner_node_said(&w.planner, find(&w, "a"), "x", "too early");
    planner_node_said(&w.planner, find(&w, "a"), "nobody", "no such node");
    assert_null(find(&w, "a")->nodes[0].output);
    answer(&w, "a", "x=459 y=250");
    planner_node_said(&w.planner, find(&w, "a"), "X", "one\ntwo\n");
    planner_node_said(&w.planner, find(&w, "a"), "x", "three\nfour\n");
    assert_string_equal(find(&w, "a")->nodes[0].output, "three\nfour\n");
    assert_null(find(&w, "a")->nodes[1].output);
    w.hosts[0].nodes = "z y x"; /* it goes along ... */
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(find(&w, "a")->nodes[2].output, "three\nfour\n");
    assert_null(find(&w, "a")->nodes[0].output);
    dequeue(&w, "a: z y x", "a", "x=250 y=250 z=250");
    assert_null(find(&w, "a")->nodes[2].output); /* ... and away with the next result */
    tear_down(&w);
}

static void each_node_has_its_own_news(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y z"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x y z", "a", "x=459 y=250 z=550");
    assert_string_equal(news(&w, "a"), "x fails, z fails");
    int64_t since = w.now.steady_ms;
    pass(&w, 15 * MINUTE);
    dequeue(&w, "a: x y z", "a", "x=250 y=459 z=550");
    assert_string_equal(news(&w, "a"), "x recovers, y fails");
    assert_int_equal(find(&w, "a")->nodes[0].since.steady_ms, w.now.steady_ms);
    assert_int_equal(find(&w, "a")->nodes[2].since.steady_ms, since);
    assert_int_equal(find(&w, "a")->nodes[2].result_at.steady_ms, w.now.steady_ms);
    tear_down(&w);
}

static void a_dequeue_that_was_cancelled_taught_nothing_and_comes_after(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=0");
    assert_string_equal(news(&w, "a"), "");
    assert_int_equal(find(&w, "a")->nodes[0].result.outcome, OUTCOME_NONE);
    assert_string_equal(next_time(&w, "a"), "start in 0");
    tear_down(&w);
}

/* ---- sessions ---- */

static void nodes_are_spread_evenly_over_few_sessions(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "n1 n2 n3 n4 n5 n6 n7 n8 n9 n10 n11 n12"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: n1 n2 n3 n4 n5 n6");
    assert_string_equal(next_session(&w), "a: n7 n8 n9 n10 n11 n12");
    assert_string_equal(next_session(&w), "");
    assert_false(answer(&w, "a", "n7=250 n8=250 n9=250 n10=250 n11=250 n12=250"));
    assert_true(answer(&w, "a", "n1=250 n2=250 n3=250 n4=250 n5=250 n6=250"));
    w.hosts[0].nodes = "n1 n2 n3 n4 n5 n6 n7 n8";
    w.hosts[0].etrns = 3;
    configure(&w, TRIGGER_ENABLE);
    pass(&w, 15 * MINUTE);
    assert_string_equal(next_session(&w), "a: n1 n2 n3");
    assert_string_equal(next_session(&w), "a: n4 n5 n6");
    assert_string_equal(next_session(&w), "a: n7 n8");
    tear_down(&w);
}

static void a_host_has_only_so_many_sessions_at_once(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "n1 n2 n3", .etrns = 1, .connections = 2}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: n1");
    assert_string_equal(next_session(&w), "a: n2");
    assert_string_equal(next_session(&w), "");
    assert_false(answer(&w, "a", "n1=250"));
    assert_string_equal(next_session(&w), "a: n3");
    assert_string_equal(next_session(&w), "");
    assert_false(answer(&w, "a", "n3=250"));
    assert_true(answer(&w, "a", "n2=250"));
    tear_down(&w);
}

static void all_hosts_together_have_only_so_many_sessions(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}, {"b", "y"}, {"c", "z"}}, .maximum = 2};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    assert_string_equal(next_session(&w), "b: y");
    assert_string_equal(next_session(&w), "");
    assert_int_equal(seconds_to_wakeup(&w), -1); /* the end of a session comes first */
    assert_true(answer(&w, "b", "y=250"));
    assert_int_equal(seconds_to_wakeup(&w), 0);
    assert_string_equal(next_session(&w), "c: z");
    tear_down(&w);
}

static void a_host_that_is_always_due_does_not_shut_out_the_others(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x", .interval = 1}, {"b", "y"}}, .maximum = 1};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    pass(&w, 2 * MINUTE); /* so it is due again at its end */
    assert_true(answer(&w, "a", "x=250"));
    assert_string_equal(next_session(&w), "b: y");
    tear_down(&w);
}

static void hosts_that_failed_share_half_of_the_sessions(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}, {"b", "x y", .etrns = 1}, {"c", "z"}}, .maximum = 2, .retry = 60};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=451");
    assert_string_equal(next_session(&w), "b: x");
    assert_string_equal(next_session(&w), "c: z");
    assert_true(answer(&w, "c", "z=250"));
    assert_string_equal(next_session(&w), "b: y");
    assert_false(answer(&w, "b", "x=451"));
    assert_true(answer(&w, "b", "y=451"));
    pass(&w, 2 * MINUTE);
    assert_string_equal(next_session(&w), "a: x");
    assert_string_equal(next_session(&w), ""); /* b waits, though there is room */
    assert_false(find(&w, "b")->dequeue.active);
    assert_int_equal(seconds_to_wakeup(&w), 13 * 60); /* c's interval: b comes after a, whenever that is */
    planner_trigger(&w.planner, find(&w, "c"), TRIGGER_REQUEST, w.now);
    dequeue(&w, "c: z", "c", "z=250");
    assert_true(answer(&w, "a", "x=250"));
    assert_string_equal(next_session(&w), "b: x");
    assert_string_equal(next_session(&w), "");
    planner_trigger(&w.planner, find(&w, "a"), TRIGGER_REQUEST, w.now); /* it is well again: it needs no share */
    dequeue(&w, "a: x", "a", "x=250");
    assert_false(answer(&w, "b", "x=250"));
    dequeue(&w, "b: y", "b", "y=250");
    tear_down(&w);
}

static void the_only_session_is_a_failed_host_s_too(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .maximum = 1, .retry = 60};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=451");
    pass(&w, 2 * MINUTE);
    dequeue(&w, "a: x", "a", "x=250");
    tear_down(&w);
}

/* ---- a configuration that changes in the midst ---- */

static void disabled_while_busy_the_sessions_end_and_nothing_follows(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y z", .etrns = 1, .connections = 2}}, .gap = 30};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    assert_string_equal(next_session(&w), "a: y");
    w.off = true;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_session(&w), "");
    assert_false(answer(&w, "a", "x=451"));
    assert_true(answer(&w, "a", "y=0"));
    assert_string_equal(news(&w, "a"), "x fails");
    assert_string_equal(next_time(&w, "a"), "never");
    pass(&w, SECOND);
    w.off = false;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "a"), "enable in 29");
    tear_down(&w);
}

static void disabled_and_enabled_while_busy_it_is_asked_afterwards(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y", .etrns = 1, .connections = 1}}, .gap = 30};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    w.hosts[0].disabled = true;
    configure(&w, TRIGGER_ENABLE);
    w.hosts[0].disabled = false;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_session(&w), "");
    assert_true(answer(&w, "a", "x=250"));
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "enable in 30");
    pass(&w, 30 * SECOND);
    assert_string_equal(next_session(&w), "a: x");
    tear_down(&w);
}

/* Between two sessions of one dequeue none is open: what ends it there is still a dequeue of a moment ago. */
static void disabled_between_two_sessions_the_gap_is_kept(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y", .etrns = 1, .connections = 1}}, .gap = 30};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=459"));
    w.hosts[0].disabled = true;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(ended(&w), "a");
    assert_string_equal(news(&w, "a"), "x fails");
    w.hosts[0].disabled = false;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "enable in 30");
    pass(&w, 30 * SECOND);
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=459"));
    dequeue(&w, "a: y", "a", "y=250");
    assert_string_equal(news(&w, "a"), ""); /* it still fails */
    tear_down(&w);
}

static void nodes_taken_away_between_two_sessions_end_the_dequeue(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y", .etrns = 1, .connections = 1}}, .gap = 30};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=451"));
    w.hosts[0].nodes = "x";
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(ended(&w), "a");
    assert_string_equal(news(&w, "a"), "x fails");
    assert_string_equal(next_session(&w), "");
    assert_in_range(find(&w, "a")->timetable.retry_at - w.now.steady_ms, 60 * SECOND, 75 * SECOND);
    pass(&w, 75 * SECOND);
    dequeue(&w, "a: x", "a", "x=451");
    assert_string_equal(news(&w, "a"), "");
    tear_down(&w);
}

/* With MaxConnections 1 and a mute host that has the connection, a's dequeue is under way with no session open. */
static void under_way_without_a_session(struct world *w)
{
    *w = (struct world){.hosts = {{"a", "x y", .etrns = 1}, {"b", "z"}}, .maximum = 1};
    set_up(w);
    configure(w, TRIGGER_START);
    assert_string_equal(next_session(w), "a: x");
    assert_false(answer(w, "a", "x=250"));
    assert_string_equal(next_session(w), "b: z");
    assert_string_equal(next_session(w), "");
    assert_true(find(w, "a")->dequeue.active);
}

static void an_end_that_the_configuration_brings_is_handed_out_once(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        struct world w;
        under_way_without_a_session(&w);
        w.hosts[0].disabled = way == 0;
        w.hosts[0].nodes = way == 1 ? "x" : "x y";
        w.off = way == 2;
        w.hosts[0].name = way == 3 ? NULL : "a";
        configure(&w, TRIGGER_ENABLE);
        assert_string_equal(ended(&w), way == 3 ? "a gone" : "a");
        assert_string_equal(ended(&w), "");
        assert_int_equal(w.planner.roster.count, way == 3 ? 1 : 2);
        configure(&w, TRIGGER_ENABLE);
        assert_string_equal(ended(&w), "");
        assert_true(answer(&w, "b", "z=250"));
        tear_down(&w);
    }
}

static void an_end_that_a_pause_brings_is_handed_out_once(void **state)
{
    (void)state;
    struct world w;
    under_way_without_a_session(&w);
    planner_pause(&w.planner, true, w.now);
    assert_string_equal(ended(&w), "a");
    planner_pause(&w.planner, true, w.now);
    w.hosts[0].disabled = true;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(ended(&w), "");
    assert_true(answer(&w, "b", "z=0"));
    planner_pause(&w.planner, false, w.now);
    dequeue(&w, "b: z", "b", "z=250");
    assert_string_equal(next_session(&w), "");
    tear_down(&w);
}

/* Nobody looks for it at once. */
static void an_end_is_not_lost_whatever_follows(void **state)
{
    (void)state;
    struct world w;
    under_way_without_a_session(&w);
    w.hosts[0].disabled = true;
    configure(&w, TRIGGER_ENABLE);
    planner_session_done(&w.planner, find(&w, "b"), w.now);
    w.hosts[0].disabled = false;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_session(&w), ""); /* no other dequeue before */
    w.hosts[0].name = NULL;
    configure(&w, TRIGGER_ENABLE);
    w.hosts[0].name = "A"; /* and it comes back as another */
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(ended(&w), "a gone, b");
    assert_string_equal(next_session(&w), "A: x");
    w.hosts[0].name = w.hosts[1].name = NULL;
    configure(&w, TRIGGER_ENABLE);
    planner_session_done(&w.planner, find(&w, "A"), w.now);
    assert_int_equal(w.planner.roster.count, 0);
    tear_down(&w); /* frees what nobody looked for */
}

static void a_host_removed_while_busy_goes_with_its_last_session(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y", .etrns = 1}, {"b", "z"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    assert_string_equal(next_session(&w), "b: z");
    assert_string_equal(next_session(&w), "a: y");
    w.hosts[0].name = NULL;
    configure(&w, TRIGGER_ENABLE);
    assert_null(planner_find(&w.planner, "a"));
    assert_non_null(planner_find(&w.planner, "B"));
    planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "never");
    assert_false(answer(&w, "a", "x=250"));
    assert_int_equal(w.planner.roster.count, 2);
    assert_false(answer(&w, "a", "y=451"));
    assert_int_equal(w.planner.roster.count, 1);
    assert_int_equal(w.planner.sessions, 1);
    assert_true(answer(&w, "b", "z=250"));
    tear_down(&w);
}

static void a_host_removed_while_idle_goes_at_once(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}, {"b", "y"}, {"c", "z"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    w.hosts[1].name = NULL;
    configure(&w, TRIGGER_ENABLE);
    assert_int_equal(w.planner.roster.count, 2);
    dequeue(&w, "a: x", "a", "x=250");
    dequeue(&w, "c: z", "c", "z=250");
    assert_string_equal(next_session(&w), "");
    w.hosts[0].name = w.hosts[2].name = NULL;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_session(&w), "");
    assert_int_equal(seconds_to_wakeup(&w), -1);
    tear_down(&w);
}

static void a_host_removed_and_added_while_busy_is_still_one(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .gap = 30};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    w.hosts[0].name = NULL;
    configure(&w, TRIGGER_ENABLE);
    w.hosts[0] = (struct host_plan){.name = "A", .nodes = "x new"};
    configure(&w, TRIGGER_ENABLE);
    assert_int_equal(w.planner.roster.count, 1);
    assert_string_equal(next_session(&w), "");
    assert_true(answer(&w, "a", "x=250"));
    assert_string_equal(next_session(&w), "");
    pass(&w, 30 * SECOND);
    assert_string_equal(next_session(&w), "a: x new");
    tear_down(&w);
}

static void nodes_added_while_busy_are_asked_afterwards(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    w.hosts[0].nodes = "new x";
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_session(&w), "");
    assert_true(answer(&w, "a", "x=250")); /* it has moved, and its result finds it */
    assert_int_equal(find(&w, "a")->nodes[1].result.code, 250);
    dequeue(&w, "a: new x", "a", "x=250 new=250");
    assert_string_equal(next_session(&w), "");
    tear_down(&w);
}

static void nodes_taken_away_while_busy_are_passed_over(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y z", .etrns = 1, .connections = 1}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    w.hosts[0].nodes = "z";
    configure(&w, TRIGGER_ENABLE);
    assert_false(answer(&w, "a", "x=451"));
    dequeue(&w, "a: z", "a", "z=250");
    assert_string_equal(next_time(&w, "a"), "interval in 900");
    tear_down(&w);
}

static void a_result_for_a_node_that_is_not_out_is_passed_over(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y", .etrns = 1, .connections = 1}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=250 y=459 nobody=459 x=459"));
    assert_int_equal(find(&w, "a")->nodes[0].result.code, 250);
    assert_int_equal(find(&w, "a")->nodes[1].result.outcome, OUTCOME_NONE);
    dequeue(&w, "a: y", "a", "y=250");
    assert_string_equal(news(&w, "a"), "");
    tear_down(&w);
}

static void triggers_have_names(void **state)
{
    (void)state;
    for (enum trigger a = TRIGGER_NONE; a <= TRIGGER_RESUME; a++)
        for (enum trigger b = TRIGGER_NONE; b < a; b++)
            assert_string_not_equal(trigger_name(a), trigger_name(b));
}

/* ---- ten years: random results, triggers, configurations and clocks, against a second, simpler planner ---- */

enum { NODES = 16, OPEN_LIMIT = 600 };

/* What the simulation itself knows of one host, and so what the planner must agree with. Sets of nodes are bit masks:
 * bit k is the node "nk". */
struct shadow {
    bool known, usable, busy, asked_any, retrying;
    bool over; /* its dequeue has ended, and the planner has not said so yet */
    uint32_t nodes, waiting, out, retry;
    uint32_t failing, told; /* health: as results have it; as edges told it */
    uint32_t remind;        /* nodes of which it is time to say again that they fail */
    int64_t told_at[NODES], result_at[NODES];
    uint32_t unable[NODES];
    size_t server[NODES];
    size_t open;
    uint32_t limit;               /* nodes of one session, of this dequeue */
    int64_t base;                 /* the last full round, or when it came to be asked at all; NEVER_MS: not to be */
    const char *lines;            /* of its schedule; "" when the interval counts */
    int64_t taken_up;             /* the schedule, by the wall clock */
    int64_t due_utc;              /* by the schedule; CRON_NEVER: never */
    int64_t met_utc;              /* the last of these that was asked */
    int64_t overdue;              /* since when it has been due by its schedule, whatever came since; or NEVER_MS */
    int64_t planned, planned_utc; /* what the planner had in mind: where the clocks' drift leaves both free */
    int64_t ended;                /* the last dequeue; 0: none */
    int64_t wanted;               /* since when a trigger waits; NEVER_MS: none */
    int64_t retry_from, retry_to; /* the window of the next retry; NEVER_MS: none */
    uint32_t failures;
    unsigned mood; /* how the host answers lately */
    uint64_t dequeues;
};

struct open_session {
    struct planned_host *host;
    size_t index;
    uint32_t nodes;
    int64_t ends;
};

struct simulation {
    struct world w;
    char node_names[HOSTS][120];
    struct shadow hosts[HOSTS];
    struct open_session open[OPEN_LIMIT];
    size_t open_count;
    bool paused, held;
    uint64_t seed, random, steps, sessions, reminders;
};

#define HOLDS(condition)                                                                                               \
    CHECK(condition, "PLANNER_SEED=%" PRIu64 ", step %" PRIu64 ", at %" PRId64 " ms: not so: %s", sim->seed,           \
          sim->steps, sim->w.now.steady_ms, #condition)

static const char *const host_names[HOSTS] = {"a.example", "b.example", "c.example",
                                              "d.example", "e.example", "f.example"};

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

static uint32_t bits(uint32_t set)
{
    return (uint32_t)__builtin_popcount(set);
}

static int64_t interval_of(const struct simulation *sim, size_t i)
{
    uint32_t own = sim->w.hosts[i].interval;
    return (int64_t)(own ? own : or_default(sim->w.interval, 15)) * MINUTE;
}

/* ---- schedules, by the wall clock ---- */

enum { DRIFT_MS = 4 * SECOND }; /* as far as the clocks may drift apart before the planner minds */

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
        *from = *to = s->base + interval_of(sim, i);
    } else if (s->overdue != NEVER_MS) {
        *from = INT64_MIN;
        *to = s->overdue;
    } else if (s->due_utc != CRON_NEVER) {
        int64_t due = sim->w.now.steady_ms + (s->due_utc - sim->w.now.utc_ms);
        *from = due - DRIFT_MS;
        *to = due + DRIFT_MS;
    }
}

/* Before the clock or the configuration changes: what is due by a schedule stays due. */
static void note_what_is_due(struct simulation *sim)
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

/* The clock was set. */
static void shadows_follow_clock(struct simulation *sim, int64_t step)
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
    bool due = by_interval ? s->base != NEVER_MS && s->base + interval_of(sim, i) <= now : s->overdue != NEVER_MS;
    s->lines = lines;
    s->taken_up = sim->w.now.utc_ms;
    if (due && by_interval) {
        s->overdue = now;
    } else if (due && !*lines && s->usable) {
        s->base = planner_find(&sim->w.planner, host_names[i])->timetable.scheduled - interval_of(sim, i);
        HOLDS(s->base + interval_of(sim, i) <= now);
        s->overdue = NEVER_MS;
    } else if (!due && s->base != NEVER_MS) {
        shadow_plans(sim, s);
    }
}

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

/* What the end of a dequeue means for the next. */
static void shadow_ends(struct simulation *sim, struct shadow *s, int64_t interval)
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

static void shadow_follows(struct simulation *sim, size_t i, enum trigger trigger)
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
        shadow_ends(sim, s, interval_of(sim, i));
}

/* ---- sessions ---- */

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The first time at which a host may be asked, and the last by which it must be. */
static void due_between(struct simulation *sim, size_t i, int64_t *from, int64_t *to)
{
    const struct shadow *s = &sim->hosts[i];
    int64_t allowed = s->ended ? s->ended + (int64_t)sim->w.gap * SECOND : INT64_MIN;
    scheduled_between(sim, i, from, to);
    *from = sooner(sooner(*from, s->wanted), s->retry_from);
    *to = sooner(sooner(*to, s->wanted), s->retry_to);
    *from = *from > allowed ? *from : allowed;
    *to = *to > allowed ? *to : allowed;
}

static void shadow_begins(struct simulation *sim, size_t i, enum trigger why)
{
    struct shadow *s = &sim->hosts[i];
    int64_t now = sim->w.now.steady_ms;
    int64_t from, to, scheduled;
    scheduled_between(sim, i, &scheduled, &to);
    due_between(sim, i, &from, &to);
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
    uint32_t sessions = (bits(s->waiting) + etrns - 1) / etrns;
    s->limit = (bits(s->waiting) + sessions - 1) / sessions;
    s->retry_from = s->retry_to = NEVER_MS;
    if (why != TRIGGER_RETRY) {
        s->wanted = NEVER_MS;
        s->met_utc = s->planned <= now ? s->planned_utc : s->met_utc;
        shadow_plans(sim, s);
    }
    memset(s->server, 0, sizeof s->server);
}

static int64_t duration(struct simulation *sim)
{
    if (chance(sim, 1))
        return (int64_t)pick(sim, 2 * 3600) * SECOND;
    return (int64_t)pick(sim, chance(sim, 10) ? 900000 : 30000);
}

/* The nodes that wait for a session with that server. */
static uint32_t waiting_for(const struct shadow *s, size_t server)
{
    uint32_t nodes = 0;
    for (uint32_t k = 0; k < NODES; k++)
        if (s->server[k] == server)
            nodes |= s->waiting & 1u << k;
    return nodes;
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
    uint32_t alike = waiting_for(s, a->server);
    HOLDS(nodes != 0 && (nodes & ~alike) == 0);
    HOLDS(bits(nodes) == (bits(alike) < s->limit ? bits(alike) : s->limit));
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

/* What a pause or a cancelled session left out is due again. */
static void shadow_comes_after(struct simulation *sim, struct shadow *s)
{
    int64_t now = sim->w.now.steady_ms;
    if (s->usable && s->retrying)
        s->retry_from = s->retry_to = now;
    else if (s->usable && s->wanted > now)
        s->wanted = now;
}

static void shadow_result(struct simulation *sim, size_t i, uint32_t k, int code)
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
        shadow_ends(sim, s, interval_of(sim, o.index));
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
            shadow_ends(sim, s, interval_of(sim, i));
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
        due_between(sim, i, &from, &to);
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
    note_what_is_due(sim);
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

static void ten_years_pass_without_a_slip(void **state)
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
        cmocka_unit_test(hosts_are_asked_at_the_start_and_then_every_interval),
        cmocka_unit_test(without_run_at_start_the_first_interval_is_waited_for),
        cmocka_unit_test(what_is_off_is_not_asked),
        cmocka_unit_test(a_configuration_that_says_the_same_starts_nothing),
        cmocka_unit_test(a_request_is_met_at_once_but_for_the_gap),
        cmocka_unit_test(a_request_while_busy_comes_after),
        cmocka_unit_test(a_round_longer_than_its_interval_does_not_overlap),
        cmocka_unit_test(a_changed_interval_counts_from_the_last_round),
        cmocka_unit_test(the_wall_clock_moves_nothing_and_a_suspend_is_one_round),
        cmocka_unit_test(paused_means_later),
        cmocka_unit_test(a_schedule_replaces_the_interval),
        cmocka_unit_test(without_run_at_start_the_schedule_is_waited_for),
        cmocka_unit_test(a_schedule_is_in_local_time),
        cmocka_unit_test(a_host_has_its_own_schedule_or_interval),
        cmocka_unit_test(an_invalid_line_costs_the_others_nothing),
        cmocka_unit_test(every_counts_from_where_the_schedule_was_taken_up),
        cmocka_unit_test(neither_requests_nor_retries_move_a_schedule),
        cmocka_unit_test(a_retry_that_meets_the_schedule_is_one_round_of_all),
        cmocka_unit_test(a_retry_that_meets_a_request_is_one_round_of_all),
        cmocka_unit_test(a_schedule_of_comments_is_none),
        cmocka_unit_test(a_schedule_follows_a_zone_that_changes),
        cmocka_unit_test(a_schedule_that_never_comes_leaves_requests_and_retries),
        cmocka_unit_test(a_changed_schedule_is_followed_and_what_was_due_stays_due),
        cmocka_unit_test(switched_off_and_on_a_schedule_goes_on),
        cmocka_unit_test(a_schedule_follows_a_clock_that_is_set),
        cmocka_unit_test(a_clock_that_is_set_makes_nothing_forgotten_that_was_due),
        cmocka_unit_test(clocks_that_drift_apart_neither_double_a_time_nor_lose_one),
        cmocka_unit_test(held_no_dequeue_begins_and_those_under_way_go_on),
        cmocka_unit_test(the_network_and_waking_are_reasons),
        cmocka_unit_test(after_passing_trouble_the_next_server_is_asked),
        cmocka_unit_test(each_node_falls_back_by_itself),
        cmocka_unit_test(nodes_of_different_servers_do_not_share_a_session),
        cmocka_unit_test(when_all_servers_are_dead_it_is_one_failure),
        cmocka_unit_test(a_node_that_fails_permanently_elsewhere_is_not_asked_further),
        cmocka_unit_test(servers_taken_away_in_the_midst_leave_the_host_itself),
        cmocka_unit_test(disabled_or_removed_in_the_midst_no_other_server_is_asked),
        cmocka_unit_test(paused_no_other_server_is_asked_and_nothing_is_news),
        cmocka_unit_test(a_retry_that_was_paused_is_still_a_retry),
        cmocka_unit_test(only_what_may_succeed_is_asked_again),
        cmocka_unit_test(retries_double_up_to_the_interval),
        cmocka_unit_test(the_jitter_differs_from_machine_to_machine),
        cmocka_unit_test(a_retry_longer_than_the_interval_is_not_needed),
        cmocka_unit_test(a_node_taken_away_takes_its_retry_along),
        cmocka_unit_test(only_edges_are_news),
        cmocka_unit_test(of_what_goes_on_failing_one_reminder_comes_a_day),
        cmocka_unit_test(a_reminder_minds_neither_seconds_nor_daylight_saving_nor_the_wall_clock),
        cmocka_unit_test(nodes_share_news_of_the_same_outcome_and_code_whatever_the_words),
        cmocka_unit_test(reminders_of_different_ages_are_told_apart),
        cmocka_unit_test(what_was_said_stays_with_its_result),
        cmocka_unit_test(each_node_has_its_own_news),
        cmocka_unit_test(a_dequeue_that_was_cancelled_taught_nothing_and_comes_after),
        cmocka_unit_test(nodes_are_spread_evenly_over_few_sessions),
        cmocka_unit_test(a_host_has_only_so_many_sessions_at_once),
        cmocka_unit_test(all_hosts_together_have_only_so_many_sessions),
        cmocka_unit_test(a_host_that_is_always_due_does_not_shut_out_the_others),
        cmocka_unit_test(hosts_that_failed_share_half_of_the_sessions),
        cmocka_unit_test(the_only_session_is_a_failed_host_s_too),
        cmocka_unit_test(disabled_while_busy_the_sessions_end_and_nothing_follows),
        cmocka_unit_test(disabled_and_enabled_while_busy_it_is_asked_afterwards),
        cmocka_unit_test(disabled_between_two_sessions_the_gap_is_kept),
        cmocka_unit_test(nodes_taken_away_between_two_sessions_end_the_dequeue),
        cmocka_unit_test(an_end_that_the_configuration_brings_is_handed_out_once),
        cmocka_unit_test(an_end_that_a_pause_brings_is_handed_out_once),
        cmocka_unit_test(an_end_is_not_lost_whatever_follows),
        cmocka_unit_test(a_host_removed_while_busy_goes_with_its_last_session),
        cmocka_unit_test(a_host_removed_while_idle_goes_at_once),
        cmocka_unit_test(a_host_removed_and_added_while_busy_is_still_one),
        cmocka_unit_test(nodes_added_while_busy_are_asked_afterwards),
        cmocka_unit_test(nodes_taken_away_while_busy_are_passed_over),
        cmocka_unit_test(a_result_for_a_node_that_is_not_out_is_passed_over),
        cmocka_unit_test(triggers_have_names),
        cmocka_unit_test(ten_years_pass_without_a_slip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
