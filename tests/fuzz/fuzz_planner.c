/* The planner among configurations, clocks, triggers and results as they come, with the books that service/job.c and
 * service/errand.c keep: which sessions are open, and for which hosts something was made ready. */
#include "calendar.h"
#include "input.h"
#include "planner.h"

enum { OPEN_LIMIT = 64, DOMAINS = 8, SECOND_MS = 1000 };

struct open_job {
    struct planned_host *host;
    size_t node_count; /* 0: it is made ready */
    char nodes[DOMAINS][8];
};

struct world {
    struct input input;
    struct planner planner;
    struct cron_zone zone;
    struct config *config;
    struct moment now;
    struct open_job open[OPEN_LIMIT];
    size_t open_count;
    const struct planned_host *errands[2 * OPEN_LIMIT]; /* the hosts that they are for */
    size_t errand_count;
};

static unsigned octet(struct world *w)
{
    return input_octet(&w->input);
}

static unsigned below(struct world *w, unsigned limit)
{
    return input_below(&w->input, limit);
}

/* ---- configurations ---- */

static void set_list(struct config *c, struct host_settings *host, const char *name, const char *const *words,
                     unsigned chosen)
{
    const struct setting *s = setting_find(host ? SCOPE_HOST : SCOPE_SERVICE, name);
    const char *list[8];
    size_t count = 0;
    char problem[400];
    struct text t;
    struct value value;
    for (unsigned i = 0; i < 8; i++)
        if (chosen >> i & 1 && words[i])
            list[count++] = words[i];
    text_begin(&t, problem, sizeof problem);
    MUST(s);
    if (count == 0)
        return;
    MUST(setting_encode(s, list, count, &value, &t));
    MUST(config_apply(c, host, s, ORIGIN_PARAMETERS, value.type, value.data, value.size, &t));
    free(value.data);
}

static const char *const schedules[8] = {"*/5 * * * *", "@every 1m", "@hourly",   "0 0 30 2 *",
                                         "@daily",      "# none",    "* * * * *", "30 2 * * mon-fri"};

static void add_host(struct world *w, struct config *c)
{
    static const char *const names[] = {"a", "b", "c", "d", "E", "e.x"};
    static const char *const domains[DOMAINS] = {"x.y", "@x.y", "#q", "z.z", "w.w", "v.v", "u.u", "t.t"};
    static const char *const service[8] = {"svc"};
    static const char *const servers[8] = {"f1", "f2:26"};
    struct host_settings *host = config_add_host(c, names[below(w, 6)]);
    unsigned numbers = octet(w), lists = octet(w);
    MUST(host);
    host->enabled = (numbers & 3) != 0;
    host->etrns_per_connection = 1 + (numbers >> 2 & 3);
    host->connections_per_host = 1 + (numbers >> 4 & 3);
    host->method = numbers >> 6 == 3 ? METHOD_FINGER : METHOD_ETRN;
    host->interval_minutes = lists >> 3 & 3;
    set_list(c, host, "Domains", domains, octet(w));
    set_list(c, host, "RunService", service, lists & 1);
    set_list(c, host, "Fallback", servers, lists >> 1 & 3);
    if (lists & 0x80)
        set_list(c, host, "Schedule", schedules, octet(w));
}

static struct config *make_config(struct world *w)
{
    struct config *c = config_new();
    unsigned flags = octet(w), numbers = octet(w), schedule = octet(w);
    MUST(c);
    c->service.always_use_etrn = (flags & 3) != 0;
    c->service.run_at_start = flags >> 2 & 1;
    c->service.minimum_gap_seconds = 20 * (flags >> 3 & 3);
    c->service.retry_seconds = 10 + 30 * (flags >> 5);
    c->service.max_connections = 1 + (numbers & 7);
    c->service.interval_minutes = 1 + (numbers >> 3);
    if (schedule & 1)
        set_list(c, NULL, "Schedule", schedules, schedule >> 1);
    for (unsigned hosts = below(w, 7); hosts > 0; hosts--)
        add_host(w, c);
    return c;
}

/* ---- what is under way ---- */

static bool is_known(const struct world *w, const struct planned_host *host)
{
    for (size_t i = 0; i < w->planner.roster.count; i++)
        if (w->planner.roster.hosts[i] == host)
            return true;
    return false;
}

static size_t errands_for(const struct world *w, const struct planned_host *host)
{
    size_t count = 0;
    for (size_t i = 0; i < w->errand_count; i++)
        count += w->errands[i] == host;
    return count;
}

static size_t open_with(const struct world *w, const struct planned_host *host)
{
    size_t count = 0;
    for (size_t i = 0; i < w->open_count; i++)
        count += w->open[i].host == host;
    return count;
}

static void settle_ended(struct world *w)
{
    const struct planned_host *host;
    while ((host = planner_take_ended(&w->planner)) != NULL) {
        MUST(!host->dequeue.active && open_with(w, host) == 0);
        MUST(is_known(w, host) == (host->settings != NULL));
        for (size_t i = w->errand_count; i-- > 0;)
            if (w->errands[i] == host)
                w->errands[i] = w->errands[--w->errand_count];
    }
}

static void begin(struct world *w, const struct assignment *a)
{
    struct open_job *job = &w->open[w->open_count++];
    const struct planned_host *host = a->host;
    *job = (struct open_job){.host = a->host, .node_count = a->node_count};
    MUST(is_known(w, host) && host->settings && host->usable && host->dequeue.active);
    MUST(w->planner.enabled && !w->planner.paused);
    MUST(w->planner.sessions <= w->config->service.max_connections);
    MUST(open_with(w, host) <= host->settings->connections_per_host);
    MUST(a->node_count <= host->node_count && a->node_count <= DOMAINS);
    for (size_t i = 0; i < a->node_count; i++) {
        const struct planned_node *node = &host->nodes[a->nodes[i]];
        MUST(node->progress == NODE_OUT && node->server == a->server);
        snprintf(job->nodes[i], sizeof job->nodes[i], "%s", node->name);
    }
    if (a->node_count > 0)
        return;
    MUST(errands_for(w, host) == 0 && w->errand_count < 2 * OPEN_LIMIT);
    w->errands[w->errand_count++] = host;
}

static void finish(struct world *w, size_t which, unsigned how)
{
    static const enum outcome outcomes[8] = {OUTCOME_STARTED,   OUTCOME_UNABLE_TO_QUEUE, OUTCOME_NO_CONNECTION,
                                             OUTCOME_CANCELLED, OUTCOME_NOT_ALLOWED,     OUTCOME_TIMED_OUT,
                                             OUTCOME_BROKEN,    OUTCOME_NOTHING_WAITING};
    struct open_job job = w->open[which];
    struct result result;
    w->open[which] = w->open[--w->open_count];
    for (size_t i = 0; i < job.node_count; i++) {
        result_set(&result, outcomes[(how + i * (how >> 4)) & 7], 0, "said");
        planner_node_done(&w->planner, job.host, job.nodes[i], &result, w->now);
        if (how & 0x40)
            planner_node_said(&w->planner, job.host, job.nodes[i], "more");
    }
    result_set(&result, outcomes[how & 7], 0, "failed");
    if (job.node_count > 0)
        planner_session_done(&w->planner, job.host, w->now);
    else
        planner_prepared(&w->planner, job.host, how & 8 ? &result : NULL, w->now);
    settle_ended(w);
}

/* ---- what must hold ---- */

static void check_host(const struct world *w, const struct planned_host *h)
{
    size_t waiting = 0, out = 0;
    enum trigger why;
    for (size_t i = 0; i < h->node_count; i++) {
        waiting += h->nodes[i].progress == NODE_WAITING;
        out += h->nodes[i].progress == NODE_OUT;
    }
    MUST(h->dequeue.waiting == waiting && h->dequeue.sessions == open_with(w, h));
    MUST(h->dequeue.active == (h->dequeue.sessions > 0 || h->dequeue.waiting > 0));
    MUST(h->dequeue.sessions > 0 || out == 0);
    MUST(h->settings || h->dequeue.sessions > 0);
    MUST(!w->planner.paused || h->dequeue.waiting == 0);
    MUST(h->dequeue.active || errands_for(w, h) == 0); /* else RunService would run for ever */
    if (!h->usable || !w->planner.enabled || h->dequeue.active)
        return;
    MUST(planner_due(&w->planner, h, &why) != NEVER_MS ? why != TRIGGER_NONE : h->timetable.line_count > 0);
}

static void check(const struct world *w)
{
    const struct planner *p = &w->planner;
    size_t doubtful = 0;
    for (size_t i = 0; i < p->roster.count; i++) {
        check_host(w, p->roster.hosts[i]);
        doubtful += p->roster.hosts[i]->failures > 0 ? p->roster.hosts[i]->dequeue.sessions : 0;
    }
    for (size_t i = 0; i < w->errand_count; i++)
        MUST(is_known(w, w->errands[i]));
    MUST(p->sessions == w->open_count && p->sessions_with_failing == doubtful);
    MUST(planner_wakeup(p, w->now) >= w->now.steady_ms);
}

/* ---- what happens ---- */

static void pump(struct world *w)
{
    struct assignment a;
    while (w->open_count < OPEN_LIMIT && planner_next(&w->planner, w->now, &a))
        begin(w, &a);
    MUST(w->open_count == OPEN_LIMIT || planner_wakeup(&w->planner, w->now) > w->now.steady_ms);
}

static void configure(struct world *w, enum trigger trigger)
{
    struct config *old = w->config;
    w->config = make_config(w);
    MUST(planner_configure(&w->planner, w->config, trigger, w->now));
    settle_ended(w);
    config_release(old);
}

static void pass(struct world *w, int64_t ms)
{
    w->now.steady_ms += ms;
    w->now.utc_ms += ms;
}

static void trigger(struct world *w)
{
    struct planner *p = &w->planner;
    unsigned which = octet(w);
    struct planned_host *host = p->roster.count > 0 && which & 0x80 ? p->roster.hosts[which % p->roster.count] : NULL;
    planner_trigger(p, host, which & 0x40 ? TRIGGER_REQUEST : TRIGGER_NETWORK, w->now);
}

static void step_clock(struct world *w)
{
    w->now.utc_ms += ((int64_t)octet(w) * 256 + octet(w) - 32768) * MINUTE_MS;
    planner_follow_clock(&w->planner, w->now);
}

static void sleep_until_due(struct world *w)
{
    int64_t wakeup = planner_wakeup(&w->planner, w->now);
    if (wakeup != NEVER_MS)
        pass(w, wakeup - w->now.steady_ms);
}

static void pause(struct world *w, bool paused)
{
    planner_pause(&w->planner, paused, w->now);
    settle_ended(w);
}

static void happen(struct world *w)
{
    unsigned what = octet(w), more = what >> 4;
    switch (what & 15) {
    case 0:
    case 1:
        configure(w, TRIGGER_ENABLE);
        break;
    case 2:
        pause(w, more & 1);
        break;
    case 3:
        planner_hold(&w->planner, more & 1);
        break;
    case 4:
        trigger(w);
        break;
    case 5:
        step_clock(w);
        break;
    case 6:
        w->now.utc_ms += (int64_t)octet(w) * 20 - 2500; /* the clocks drift apart */
        break;
    case 7:
        planner_follow_zone(&w->planner, w->now);
        break;
    case 8:
        pass(w, ((int64_t)octet(w) * 256 + octet(w)) * (more & 8 ? SECOND_MS : 10));
        break;
    case 9:
        sleep_until_due(w);
        break;
    case 10:
    case 11:
    case 12:
        if (w->open_count > 0)
            finish(w, more % w->open_count, octet(w));
        break;
    default:
        pump(w);
    }
    check(w);
}

/* All that is under way ends well: then nothing is left of it. */
static void drain(struct world *w)
{
    pause(w, true);
    while (w->open_count > 0)
        finish(w, 0, 0);
    check(w);
    MUST(w->errand_count == 0);
}

static int64_t offset_there(void *context, int64_t utc_ms)
{
    (void)context;
    return utc_ms / DAY_MS % 300 < 150 ? HOUR_MS : 2 * HOUR_MS;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    w = (struct world){.input = {data, size},
                       .zone = {.offset_ms = offset_there},
                       .now = {.steady_ms = 1000000, .utc_ms = 1700000000000}};
    planner_init(&w.planner, octet(&w), &w.zone);
    configure(&w, TRIGGER_START);
    while (w.input.left > 0)
        happen(&w);
    drain(&w);
    planner_free(&w.planner);
    config_release(w.config);
    return 0;
}
