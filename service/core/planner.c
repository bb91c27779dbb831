#include "planner.h"

#include "health.h"

#include <stdlib.h>
#include <string.h>

const char *trigger_name(enum trigger trigger)
{
    static const char *const names[] = {
        [TRIGGER_NONE] = "none",         [TRIGGER_START] = "start",       [TRIGGER_ENABLE] = "enable",
        [TRIGGER_INTERVAL] = "interval", [TRIGGER_SCHEDULE] = "schedule", [TRIGGER_RETRY] = "retry",
        [TRIGGER_REQUEST] = "request",   [TRIGGER_NETWORK] = "network",   [TRIGGER_RESUME] = "resume",
    };
    return names[trigger];
}

/* splitmix64: a small generator whose every seed is good (Steele, Lea, Flood 2014). */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static uint64_t hash_name(const char *name)
{
    uint64_t hash = 0xCBF29CE484222325u; /* FNV-1a */
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001B3u;
    return hash;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void planner_init(struct planner *p, uint64_t seed, const struct cron_zone *zone)
{
    *p = (struct planner){.seed = seed, .zone = zone};
}

static void nodes_free(struct planned_node *nodes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(nodes[i].name);
        free(nodes[i].output);
    }
    free(nodes);
}

static void host_free(struct planned_host *h)
{
    if (!h)
        return;
    nodes_free(h->nodes, h->node_count);
    free(h->lines);
    free(h->name);
    free(h);
}

void planner_free(struct planner *p)
{
    while (planner_take_ended(p))
        ; /* frees those that are removed */
    for (size_t i = 0; i < p->host_count; i++)
        host_free(p->hosts[i]);
    free(p->hosts);
    *p = (struct planner){0};
}

/* Where a host of that name stands, or is to stand. */
static size_t host_place(const struct planner *p, const char *name)
{
    size_t low = 0;
    size_t high = p->host_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (text_compare(p->hosts[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool stands_at(const struct planner *p, size_t place, const char *name)
{
    return place < p->host_count && text_same(p->hosts[place]->name, name);
}

struct planned_host *planner_find(const struct planner *p, const char *name)
{
    size_t place = host_place(p, name);
    return stands_at(p, place, name) && p->hosts[place]->settings ? p->hosts[place] : NULL;
}

/* Of the last dequeue: stays as it is while a host has sessions. */
static bool is_doubtful(const struct planned_host *h)
{
    return h->failures > 0;
}

/* Whether one more session with this host may be opened, by what all hosts share. */
static bool has_share(const struct planner *p, const struct planned_host *h)
{
    size_t most = p->config->service.max_connections;
    return !is_doubtful(h) || p->doubtful < (most + 1) / 2;
}

/* ---- the end of a dequeue ---- */

static bool any_retry(const struct planned_host *h)
{
    for (size_t i = 0; i < h->node_count; i++)
        if (h->nodes[i].retry)
            return true;
    return false;
}

/* The n-th retry comes after RetrySeconds * 2^(n-1) and up to a quarter more, never later than the interval. */
static int64_t backoff_ms(const struct planner *p, struct planned_host *h)
{
    int64_t delay = (int64_t)p->config->service.retry_seconds * 1000;
    for (uint32_t i = 1; i < h->failures && delay < h->interval_ms; i++)
        delay *= 2;
    delay += (int64_t)(next_random(&h->random) % (uint64_t)(delay / 4 + 1));
    return earlier(delay, h->interval_ms);
}

static void note_end(struct planner *p, struct planned_host *h)
{
    h->over = true;
    h->next_over = NULL;
    if (p->first_over)
        p->last_over->next_over = h;
    else
        p->first_over = h;
    p->last_over = h;
}

struct planned_host *planner_take_ended(struct planner *p)
{
    struct planned_host *h = p->first_over;
    host_free(p->gone);
    p->gone = NULL;
    if (!h)
        return NULL;
    p->first_over = h->next_over;
    h->over = false;
    if (!h->settings)
        p->gone = h;
    return h;
}

static void end_dequeue(struct planner *p, struct planned_host *h, struct moment now)
{
    h->active = false;
    h->ended = now;
    h->dequeues++;
    h->requests_answered = h->requests_met;
    note_end(p, h);
    if (!h->asked)
        return; /* cancelled as a whole: nothing was learned */
    bool again = any_retry(h);
    h->failures = again ? h->failures + 1 : 0;
    h->retry_at = again && h->usable ? now.steady_ms + backoff_ms(p, h) : PLANNER_NEVER;
}

/* Ends a dequeue of which nothing is left, between two of its sessions. */
static void end_if_over(struct planner *p, struct planned_host *h, struct moment now)
{
    if (h->active && h->sessions == 0 && h->waiting == 0)
        end_dequeue(p, h, now);
}

enum { CLOCK_TOLERANCE_MS = 2000 }; /* the clocks drift apart a little between two looks */

/* ---- following the configuration ---- */

static bool host_usable(const struct planned_host *h)
{
    return h->settings && h->settings->enabled && h->node_count > 0;
}

static void want(struct planned_host *h, enum trigger trigger, struct moment now)
{
    if (h->wanted_at == PLANNER_NEVER)
        h->wanted = trigger;
    h->wanted_at = earlier(h->wanted_at, now.steady_ms);
}

static struct planned_node *find_node(struct planned_host *h, const char *name)
{
    for (size_t i = 0; i < h->node_count; i++)
        if (text_same(h->nodes[i].name, name))
            return &h->nodes[i];
    return NULL;
}

static bool same_nodes(const struct planned_host *h, const struct strings *domains)
{
    if (h->node_count != domains->count)
        return false;
    for (size_t i = 0; i < h->node_count; i++)
        if (strcmp(h->nodes[i].name, domains->items[i]) != 0)
            return false;
    return true;
}

static void move_output(struct planned_node *from, struct planned_node *to)
{
    if (!from)
        return;
    to->output = from->output;
    from->output = NULL;
}

/* Nodes as configured, each with what was known of it. `grown` tells whether one is new. */
static bool adopt_nodes(struct planned_host *h, const struct strings *domains, bool *grown)
{
    *grown = false;
    if (same_nodes(h, domains))
        return true;
    struct planned_node *nodes = calloc(domains->count ? domains->count : 1, sizeof *nodes);
    if (!nodes)
        return false;
    for (size_t i = 0; i < domains->count; i++) {
        const struct planned_node *known = find_node(h, domains->items[i]);
        if (known)
            nodes[i] = *known;
        else
            *grown = true;
        nodes[i].output = NULL;
        nodes[i].name = text_copy(domains->items[i]);
        if (!nodes[i].name) {
            nodes_free(nodes, i);
            return false;
        }
    }
    for (size_t i = 0; i < domains->count; i++)
        move_output(find_node(h, nodes[i].name), &nodes[i]);
    nodes_free(h->nodes, h->node_count);
    h->nodes = nodes;
    h->node_count = domains->count;
    h->waiting = 0;
    for (size_t i = 0; i < h->node_count; i++)
        h->waiting += h->nodes[i].progress == NODE_WAITING;
    return true;
}

static struct planned_host *add_host(struct planner *p, const char *name)
{
    if (p->host_count == p->host_room) {
        size_t room = p->host_room ? p->host_room * 2 : 8;
        struct planned_host **hosts = realloc(p->hosts, room * sizeof *hosts);
        if (!hosts)
            return NULL;
        p->hosts = hosts;
        p->host_room = room;
    }
    struct planned_host *h = calloc(1, sizeof *h);
    char *copy = text_copy(name);
    if (!h || !copy) {
        free(h);
        free(copy);
        return NULL;
    }
    h->name = copy;
    h->scheduled = h->retry_at = h->wanted_at = PLANNER_NEVER;
    h->random = hash_name(name) ^ p->seed;
    size_t place = host_place(p, name);
    memmove(p->hosts + place + 1, p->hosts + place, (p->host_count - place) * sizeof *p->hosts);
    p->hosts[place] = h;
    p->host_count++;
    return h;
}

/* Out of the list; one whose end is still to be handed out stays until then. */
static void remove_host(struct planner *p, size_t place)
{
    if (!p->hosts[place]->over)
        host_free(p->hosts[place]);
    p->host_count--;
    memmove(p->hosts + place, p->hosts + place + 1, (p->host_count - place) * sizeof *p->hosts);
}

/* What was waiting for a session is dropped; the sessions under way end by themselves. */
static void drop_waiting(struct planned_host *h)
{
    for (size_t i = 0; i < h->node_count; i++)
        if (h->nodes[i].progress == NODE_WAITING)
            h->nodes[i].progress = NODE_IDLE;
    h->waiting = 0;
}

/* Out of the plan. */
static void retire(struct planned_host *h)
{
    drop_waiting(h);
    h->usable = false;
    h->scheduled = h->retry_at = h->wanted_at = PLANNER_NEVER;
}

/* The steady time of scheduled_utc_ms, as the wall clock is now. */
static int64_t schedule_time(const struct planned_host *h, struct moment now)
{
    return h->scheduled_utc_ms == CRON_NEVER ? PLANNER_NEVER : now.steady_ms + (h->scheduled_utc_ms - now.utc_ms);
}

/* When the schedule, or else the interval, has the host asked next after now. What was asked by the schedule does not
 * come back because the wall clock runs a little behind the steady one, by which it was waited for. */
static void plan_next(const struct planner *p, struct planned_host *h, struct moment now)
{
    h->scheduled = now.steady_ms + h->interval_ms;
    if (h->line_count == 0)
        return;
    bool behind = h->met_utc_ms > now.utc_ms && h->met_utc_ms < now.utc_ms + 2LL * CLOCK_TOLERANCE_MS;
    int64_t after_utc_ms = behind ? h->met_utc_ms : now.utc_ms;
    h->scheduled_utc_ms = cron_next(h->lines, h->line_count, p->zone, h->every_from_utc_ms, after_utc_ms);
    h->scheduled = schedule_time(h, now);
}

static bool same_line(const struct cron_line *a, const struct cron_line *b)
{
    return a->kind == b->kind && a->minutes == b->minutes && a->hours == b->hours && a->days == b->days &&
           a->months == b->months && a->weekdays == b->weekdays && a->either_day == b->either_day &&
           a->follows_clock == b->follows_clock && a->every_ms == b->every_ms;
}

static bool same_lines(const struct planned_host *h, const struct cron_line *lines, size_t count)
{
    bool same = h->line_count == count;
    for (size_t i = 0; same && i < count; i++)
        same = same_line(&h->lines[i], &lines[i]);
    return same;
}

/* Comments and empty lines make no schedule, and a line that is not allowed none either. */
static bool has_lines(const struct strings *schedule)
{
    char problem[8];
    struct text t;
    struct cron_line line;
    text_begin(&t, problem, sizeof problem);
    for (size_t i = 0; i < schedule->count; i++)
        if (cron_parse(schedule->items[i], &line, &t) && line.kind != CRON_NOTHING)
            return true;
    return false;
}

/* Takes up the host's schedule, or the service's; `*changed` tells whether it is another than before. */
static bool adopt_schedule(const struct planner *p, struct planned_host *h, struct moment now, bool *changed)
{
    const struct strings *own = &h->settings->schedule;
    bool interval_of_its_own = h->settings->interval_minutes != 0;
    const struct strings *schedule = interval_of_its_own || has_lines(own) ? own : &p->config->service.schedule;
    struct cron_line *lines = calloc(schedule->count + 1, sizeof *lines);
    size_t count = 0;
    if (!lines)
        return false;
    for (size_t i = 0; i < schedule->count; i++) {
        char problem[8];
        struct text t;
        text_begin(&t, problem, sizeof problem);
        if (cron_parse(schedule->items[i], &lines[count], &t) && lines[count].kind != CRON_NOTHING)
            count++;
    }
    *changed = !same_lines(h, lines, count);
    if (*changed)
        h->every_from_utc_ms = now.utc_ms;
    free(h->lines);
    h->lines = lines;
    h->line_count = count;
    return true;
}

static bool follow_schedule(const struct planner *p, struct planned_host *h, struct moment now)
{
    uint32_t minutes = h->settings->interval_minutes;
    bool changed;
    if (minutes == 0)
        minutes = p->config->service.interval_minutes;
    int64_t interval_ms = (int64_t)minutes * 60000;
    if (h->scheduled != PLANNER_NEVER && h->line_count == 0)
        h->scheduled += interval_ms - h->interval_ms;
    h->interval_ms = interval_ms;
    if (!adopt_schedule(p, h, now, &changed))
        return false;
    bool waits = h->scheduled != PLANNER_NEVER && h->scheduled > now.steady_ms;
    if (changed && waits) /* what is due already stays due */
        plan_next(p, h, now);
    return true;
}

static bool follow_host(struct planner *p, const struct host_settings *host, enum trigger trigger, struct moment now)
{
    struct planned_host *h = planner_find(p, host->name);
    bool grown;
    if (!h)
        h = add_host(p, host->name);
    if (!h)
        return false;
    h->settings = host;
    if (!adopt_nodes(h, &host->domains, &grown))
        return false;
    if (!follow_schedule(p, h, now))
        return false;
    if (!p->enabled || !host_usable(h)) {
        retire(h);
        end_if_over(p, h, now);
        return true;
    }
    if ((!h->usable || grown) && (trigger != TRIGGER_START || p->config->service.run_at_start))
        want(h, trigger, now);
    if (h->scheduled == PLANNER_NEVER)
        plan_next(p, h, now);
    if (!any_retry(h))
        h->retry_at = PLANNER_NEVER;
    h->usable = true;
    end_if_over(p, h, now);
    return true;
}

bool planner_configure(struct planner *p, const struct config *config, enum trigger trigger, struct moment now)
{
    bool fine = true;
    planner_follow_clock(p, now);
    p->config = config;
    p->enabled = config->service.always_use_etrn;
    for (size_t i = p->host_count; i-- > 0;) {
        struct planned_host *h = p->hosts[i];
        h->settings = config_find_host(config, h->name);
        if (h->settings)
            continue;
        retire(h);
        end_if_over(p, h, now);
        if (h->sessions == 0)
            remove_host(p, i);
    }
    for (size_t i = 0; i < config->host_count; i++)
        fine = follow_host(p, &config->hosts[i], trigger, now) && fine;
    return fine;
}

/* What was cancelled by a pause is due again, as what it was. */
static void comes_after(struct planned_host *h, struct moment now)
{
    if (!h->usable)
        return;
    if (h->trigger == TRIGGER_RETRY)
        h->retry_at = now.steady_ms;
    else
        want(h, h->trigger, now);
}

void planner_pause(struct planner *p, bool paused, struct moment now)
{
    p->paused = paused;
    for (size_t i = 0; paused && i < p->host_count; i++) {
        struct planned_host *h = p->hosts[i];
        if (h->waiting == 0)
            continue;
        drop_waiting(h);
        comes_after(h, now);
        end_if_over(p, h, now);
    }
}

void planner_hold(struct planner *p, bool held)
{
    p->held = held;
}

void planner_trigger(struct planner *p, struct planned_host *host, enum trigger trigger, struct moment now)
{
    for (size_t i = 0; i < p->host_count; i++) {
        struct planned_host *h = p->hosts[i];
        if (!p->enabled || (host && host != h) || !h->usable)
            continue;
        want(h, trigger, now);
        h->requests += trigger == TRIGGER_REQUEST;
    }
}

void planner_follow_clock(struct planner *p, struct moment now)
{
    int64_t apart_ms = now.utc_ms - now.steady_ms;
    int64_t step_ms = apart_ms - p->clocks_apart_ms;
    if (step_ms > -CLOCK_TOLERANCE_MS && step_ms < CLOCK_TOLERANCE_MS)
        return;
    p->clocks_apart_ms = apart_ms;
    for (size_t i = 0; i < p->host_count; i++) {
        struct planned_host *h = p->hosts[i];
        if (!h->usable || h->line_count == 0 || h->scheduled <= now.steady_ms) /* what is due already stays due */
            continue;
        if (step_ms < 0)
            plan_next(p, h, now);
        else
            h->scheduled = schedule_time(h, now);
    }
}

void planner_follow_zone(struct planner *p, struct moment now)
{
    planner_follow_clock(p, now);
    for (size_t i = 0; i < p->host_count; i++) {
        struct planned_host *h = p->hosts[i];
        if (h->usable && h->line_count > 0 && h->scheduled > now.steady_ms)
            plan_next(p, h, now);
    }
}

/* ---- who is due ---- */

static enum trigger schedule_trigger(const struct planned_host *h)
{
    return h->line_count > 0 ? TRIGGER_SCHEDULE : TRIGGER_INTERVAL;
}

int64_t planner_due(const struct planner *p, const struct planned_host *h, enum trigger *why)
{
    *why = TRIGGER_NONE;
    if (!p->enabled || !h->usable)
        return PLANNER_NEVER;
    int64_t due = earlier(h->wanted_at, earlier(h->scheduled, h->retry_at));
    if (due == PLANNER_NEVER)
        return due;
    *why = due == h->wanted_at ? h->wanted : due == h->scheduled ? schedule_trigger(h) : TRIGGER_RETRY;
    int64_t gap_ms = (int64_t)p->config->service.minimum_gap_seconds * 1000;
    return h->ended.steady_ms ? later(due, h->ended.steady_ms + gap_ms) : due;
}

/* As few sessions as EtrnsPerConnection allows, filled evenly. */
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

/* A retry that is due together with something that asks for all nodes is one dequeue of all. */
static enum trigger widened(const struct planned_host *h, enum trigger why, struct moment now)
{
    if (why != TRIGGER_RETRY)
        return why;
    if (h->wanted_at <= now.steady_ms)
        return h->wanted;
    return h->scheduled <= now.steady_ms ? schedule_trigger(h) : why;
}

static void begin_dequeue(const struct planner *p, struct planned_host *h, enum trigger trigger, struct moment now)
{
    h->active = true;
    h->asked = false;
    h->trigger = trigger;
    h->started = now;
    h->waiting = 0;
    for (size_t i = 0; i < h->node_count; i++) {
        struct planned_node *node = &h->nodes[i];
        node->edge = EDGE_NONE;
        node->server = 0;
        node->progress = trigger != TRIGGER_RETRY || node->retry ? NODE_WAITING : NODE_IDLE;
        h->waiting += node->progress == NODE_WAITING;
    }
    h->stage = needs_preparation(h->settings) ? TO_PREPARE : PREPARED;
    h->retry_at = PLANNER_NEVER;
    if (trigger != TRIGGER_RETRY) { /* everything is asked: nothing else needs to be */
        h->wanted_at = PLANNER_NEVER;
        h->requests_met = h->requests;
        if (h->scheduled <= now.steady_ms)
            h->met_utc_ms = h->scheduled_utc_ms;
        plan_next(p, h, now);
    }
    h->batch = batch_size(h->waiting, host_batch(h->settings));
}

static void count_session(struct planner *p, struct planned_host *h)
{
    h->sessions++;
    p->sessions++;
    p->doubtful += is_doubtful(h);
}

/* Nodes that are to be asked of the same server go into one session. */
static void hand_out(struct planner *p, struct planned_host *h, struct assignment *a)
{
    a->host = h;
    a->node_count = 0;
    size_t room = sizeof a->nodes / sizeof a->nodes[0];
    for (size_t i = 0; i < h->node_count && a->node_count < h->batch && a->node_count < room; i++) {
        struct planned_node *node = &h->nodes[i];
        if (node->progress != NODE_WAITING || (a->node_count > 0 && node->server != a->server))
            continue;
        a->server = node->server;
        node->progress = NODE_OUT;
        h->waiting--;
        a->nodes[a->node_count++] = i;
    }
    count_session(p, h);
}

bool planner_next(struct planner *p, struct moment now, struct assignment *a)
{
    if (!p->enabled || p->paused || p->sessions >= p->config->service.max_connections)
        return false;
    planner_follow_clock(p, now);
    for (size_t tried = 0; tried < p->host_count; tried++, p->scan++) {
        p->scan %= p->host_count;
        struct planned_host *h = p->hosts[p->scan];
        enum trigger why;
        if (!has_share(p, h) || h->over)
            continue;
        if (!h->active && !p->held && planner_due(p, h, &why) <= now.steady_ms && why != TRIGGER_NONE)
            begin_dequeue(p, h, widened(h, why, now), now);
        if (h->active && h->waiting > 0 && h->settings && h->stage == TO_PREPARE) {
            *a = (struct assignment){.host = h};
            h->stage = PREPARING;
            count_session(p, h); /* it counts as one: the dequeue goes on */
            return true;
        }
        bool room = h->settings && h->sessions < h->settings->connections_per_host;
        if (h->active && h->waiting > 0 && room && h->stage == PREPARED) {
            hand_out(p, h, a);
            p->scan++; /* hosts take turns, so that none shuts out the others */
            return true;
        }
    }
    return false;
}

int64_t planner_wakeup(const struct planner *p, struct moment now)
{
    int64_t wakeup = PLANNER_NEVER;
    if (!p->enabled || p->paused || p->held || p->sessions >= p->config->service.max_connections)
        return wakeup;
    for (size_t i = 0; i < p->host_count; i++) {
        enum trigger why;
        if (!p->hosts[i]->active && has_share(p, p->hosts[i]))
            wakeup = earlier(wakeup, planner_due(p, p->hosts[i], &why));
    }
    return wakeup == PLANNER_NEVER ? wakeup : later(wakeup, now.steady_ms);
}

/* ---- what became of it ---- */

static bool asks_again(enum consequence follows)
{
    return follows == FOLLOWS_RETRY || follows == FOLLOWS_PASSING;
}

void planner_node_done(struct planner *p, struct planned_host *host, const char *name, const struct result *result,
                       struct moment now)
{
    struct planned_node *node = find_node(host, name);
    if (!node || node->progress != NODE_OUT)
        return;
    enum consequence follows = outcome_consequence(result->outcome);
    node->progress = NODE_IDLE;
    if (follows == FOLLOWS_NOTHING) {
        comes_after(host, now);
        return;
    }
    host->asked = true;
    node->answered = node->server;
    node->result = *result;
    free(node->output);
    node->output = NULL;
    node->asked = now;
    node->retry = asks_again(follows);
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a usable host has settings */
    if (follows == FOLLOWS_PASSING && host->usable && node->server < host->settings->fallback.count) {
        if (p->paused) {
            comes_after(host, now);
            return;
        }
        node->server++;
        node->progress = NODE_WAITING;
        host->waiting++;
        return; /* its health is told by the last server's answer */
    }
    health_follow(node, follows, now);
}

void planner_node_said(struct planner *p, struct planned_host *host, const char *name, const char *output)
{
    (void)p;
    struct planned_node *node = find_node(host, name);
    if (!node || node->result.outcome == OUTCOME_NONE)
        return;
    free(node->output);
    node->output = text_copy(output);
}

void planner_session_done(struct planner *p, struct planned_host *host, struct moment now)
{
    host->sessions--;
    p->sessions--;
    p->doubtful -= is_doubtful(host);
    end_if_over(p, host, now);
    if (!host->settings && host->sessions == 0)
        remove_host(p, host_place(p, host->name));
}

void planner_prepared(struct planner *p, struct planned_host *host, const struct result *failure, struct moment now)
{
    host->stage = PREPARED;
    for (size_t i = 0; failure && i < host->node_count; i++) {
        struct planned_node *node = &host->nodes[i];
        if (node->progress != NODE_WAITING)
            continue;
        node->progress = NODE_OUT;
        host->waiting--;
        if (host->settings)
            node->server = host->settings->fallback.count; /* no other server is reached then, either */
        planner_node_done(p, host, node->name, failure, now);
        if (outcome_consequence(failure->outcome) != FOLLOWS_NOTHING)
            node->answered = 0; /* nor was that one asked */
    }
    planner_session_done(p, host, now);
}
