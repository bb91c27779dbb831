#include "planner_world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

uint32_t or_default(uint32_t number, uint32_t otherwise)
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
    config_release(w->config);
    w->config = NULL;
}

void configure(struct world *w, enum trigger trigger)
{
    struct config *next = config_new();
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

struct moment first_moment(void)
{
    return (struct moment){.steady_ms = 5 * MINUTE, .utc_ms = 1700000000000};
}

static int64_t offset_there(void *context, int64_t utc_ms)
{
    const struct world *w = context;
    int64_t at = w->every_year ? (utc_ms % YEAR + YEAR) % YEAR : utc_ms;
    return w->offset + (at >= w->summer_from && at < w->summer_to ? HOUR : 0);
}

void set_up(struct world *w)
{
    w->zone = (struct cron_zone){offset_there, w};
    planner_init(&w->planner, 1985, &w->zone);
    w->now = first_moment();
}

void tear_down(struct world *w)
{
    planner_free(&w->planner);
    drop_config(w);
}

void pass(struct world *w, int64_t ms)
{
    w->now.steady_ms += ms;
    w->now.utc_ms += ms;
}

const char *next_session(struct world *w)
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

struct planned_host *find(struct world *w, const char *host)
{
    for (size_t i = 0; i < w->planner.roster.count; i++) /* planner_find() does not know the removed */
        if (strcmp(w->planner.roster.hosts[i]->name, host) == 0)
            return w->planner.roster.hosts[i];
    fail_msg("no host %s", host);
    return NULL;
}

const char *ended(struct world *w)
{
    static char line[200];
    struct text text;
    struct planned_host *h;
    text_begin(&text, line, sizeof line);
    while ((h = planner_take_ended(&w->planner)) != NULL)
        text_add(&text, "%s%s%s", text.length ? ", " : "", h->name, h->settings ? "" : " gone");
    return line;
}

bool answer(struct world *w, const char *host, const char *replies)
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

const char *news(struct world *w, const char *host)
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

const char *next_time(struct world *w, const char *host)
{
    static char line[60];
    enum trigger why;
    int64_t due = planner_due(&w->planner, find(w, host), &why);
    if (due == NEVER_MS)
        return "never";
    snprintf(line, sizeof line, "%s in %" PRId64, trigger_name(why), (due - w->now.steady_ms) / SECOND);
    return line;
}

int64_t seconds_to_wakeup(struct world *w)
{
    int64_t wakeup = planner_wakeup(&w->planner, w->now);
    return wakeup == NEVER_MS ? -1 : (wakeup - w->now.steady_ms) / SECOND;
}

void dequeue(struct world *w, const char *session, const char *host, const char *replies)
{
    assert_string_equal(next_session(w), session);
    assert_true(answer(w, host, replies));
}
