#include "engine.h"

#include "clock.h"
#include "core/snapshot.h"
#include "gate.h"
#include "job.h"
#include "problems.h"
#include "publish.h"
#include "win/companion.h"
#include "win/eventlog.h"
#include "win/link.h"
#include "win/localtime.h"
#include "win/network.h"
#include "win/protocol.h"
#include "win/registry.h"
#include "win/request.h"

#include <stdio.h>

enum {
    STOP_GRACE_MS = 1000,    /* time to end sessions with QUIT; then a thousand may have to be cut */
    STOP_LIMIT_MS = 1800,    /* for the whole stop, which must take less than 2 s */
    ZONE_LOOK_MS = 1000,     /* minimum time between two checks of the time zone */
    MEMORY_RETRY_MS = 10000, /* after an allocation failed */
    READ_LEAST_MS = 500,     /* delay between attempts to read the configuration: initial ... */
    READ_MOST_MS = 60000,
};

static struct engine {
    struct loop *loop;
    struct loop_op requests[ENGINE_REQUESTS];
    const struct engine_callbacks *callbacks;
    struct registry_news news;
    struct network_news network;
    struct config nothing;       /* in effect until one could be read: everything is off */
    const struct config *config; /* the configuration in effect */
    struct problems problems;    /* of the configuration in effect */
    struct planner planner;
    bool planned; /* the planner has a configuration */
    struct jobs jobs;
    struct protocol_log log;
    bool stopping;
    struct gate gate;
    struct publish publish;
    struct loop_timer wakeup, grace, reread;
    DWORD read_error;      /* last reported error of reading the configuration */
    int64_t read_delay_ms; /* delay before the next attempt; 0 if the last one succeeded */
    int64_t started_utc_ms;
    int64_t zone_next_ms;
    int64_t stop_by_ms; /* deadline of a stop that was requested */
} engine;

/* ---- status.json ---- */

static void write_snapshot(void *owner, struct json *j)
{
    const struct engine *e = owner;
    struct snapshot_facts facts = {.version = VERSION,
                                   .process = GetCurrentProcessId(),
                                   .started_utc_ms = e->started_utc_ms,
                                   .problems = e->problems.items,
                                   .problem_count = e->problems.count,
                                   .awaited_port = gate_waits(&e->gate) ? e->config->service.local_port : 0,
                                   .now = clock_now()};
    snapshot_write(j, &facts, &e->planner);
}

static void status_changed(void *owner)
{
    struct engine *e = owner;
    publish_soon(&e->publish);
}

/* ---- due dequeues ---- */

/* The zone is checked at every event, since a change of the time zone is not reported as a clock change. */
static void follow_zone(struct engine *e, struct moment at)
{
    if (at.steady_ms < e->zone_next_ms)
        return;
    e->zone_next_ms = at.steady_ms + ZONE_LOOK_MS;
    if (!local_zone_follow())
        return;
    trace("The time zone was changed.");
    planner_follow_zone(&e->planner, at);
    status_changed(e);
}

/* Begins all dequeues that are due, and sets the timer for the next one. */
static void pump(struct engine *e)
{
    struct assignment a;
    struct moment at =
        clock_now(); /* one time for all: the gate has not checked the port for dequeues that come due later */
    if (e->stopping || !e->planned)
        return;
    follow_zone(e, at);
    gate_poll(&e->gate, e->config->service.local_port, at);
    while (planner_next(&e->planner, at, &a))
        jobs_begin(&e->jobs, &a);
    loop_set_timer(e->loop, &e->wakeup, planner_wakeup(&e->planner, clock_now()));
}

static void wakeup_due(struct loop_timer *timer)
{
    pump(CONTAINING_RECORD(timer, struct engine, wakeup));
}

static void job_ended(void *owner)
{
    struct engine *e = owner;
    if (e->stopping && !e->jobs.first)
        loop_end(e->loop);
    else
        pump(e);
}

static void gate_check_due(void *owner)
{
    pump(owner);
}

/* ---- the configuration ---- */

static void report_switch(const struct engine *e)
{
    const struct setting *master = setting_find(SCOPE_SERVICE, "AlwaysUseETRN");
    const char *setter = origin_title(e->config->service.origin[setting_index(master)]);
    char hosts[16];
    snprintf(hosts, sizeof hosts, "%zu", e->config->host_count);
    if (e->config->service.always_use_etrn)
        EVENT(EVENT_ENABLED, hosts, setter);
    else
        EVENT(EVENT_DISABLED, setter);
}

static void report_error(DWORD id, DWORD error)
{
    TEXT_SCRATCH(words, 200);
    text_add_error(&words, error);
    EVENT(id, words.data);
}

/* Each error is reported once. Reading is retried automatically, because it may be a long time before the registry
 * changes again. */
static void cannot_read(struct engine *e, DWORD error)
{
    if (error != e->read_error)
        report_error(EVENT_CANNOT_READ, error);
    e->read_error = error;
    e->read_delay_ms = clock_backoff(e->read_delay_ms, READ_LEAST_MS, READ_MOST_MS);
    loop_set_timer(e->loop, &e->reread, loop_now_ms() + e->read_delay_ms);
}

/* Reads the registry into a new configuration, to be freed with config_release(). Returns NULL, with the error
 * reported, if it cannot be read: the previous configuration remains in effect. */
static const struct config *read_fresh(struct engine *e, struct problems *problems)
{
    struct config *fresh = config_new();
    DWORD error = fresh ? registry_read(HKEY_LOCAL_MACHINE, fresh, problems_add, problems) : ERROR_NOT_ENOUGH_MEMORY;
    if (error) {
        cannot_read(e, error);
        config_release(fresh);
        problems_free(problems);
        return NULL;
    }
    loop_set_timer(e->loop, &e->reread, INT64_MAX);
    e->read_error = 0;
    e->read_delay_ms = 0;
    return fresh;
}

/* Puts a new configuration into effect. Jobs that are running keep the one they began with. */
static void adopt_config(struct engine *e, const struct config *fresh, enum trigger trigger)
{
    bool first = !e->planned;
    bool was_enabled = e->config->service.always_use_etrn;
    bool whole = planner_configure(&e->planner, fresh, trigger, clock_now());
    config_release(e->config);
    e->config = fresh;
    e->planned = true;
    gate_recheck(&e->gate);
    if (first || was_enabled != (e->config->service.always_use_etrn != 0))
        report_switch(e);
    protocol_follow(&e->log, e->config->service.protocol_log);
    jobs_finish(&e->jobs, false);
    status_changed(e);
    if (!whole)
        loop_set_timer(e->loop, &e->reread, loop_now_ms() + MEMORY_RETRY_MS);
}

static void read_config(struct engine *e, enum trigger trigger)
{
    struct problems problems = {0};
    const struct config *fresh = read_fresh(e, &problems);
    if (!fresh && e->planned)
        return;
    problems_replace(&e->problems, &problems);
    adopt_config(e, fresh ? fresh : config_hold(&e->nothing), trigger);
}

static void follow_config(struct engine *e)
{
    read_config(e, TRIGGER_ENABLE);
    pump(e);
}

static void read_again(struct loop_timer *timer)
{
    follow_config(CONTAINING_RECORD(timer, struct engine, reread));
}

static void config_changed(void *owner, DWORD error)
{
    if (error)
        report_error(EVENT_CANNOT_WATCH, error);
    follow_config(owner);
}

/* ---- requests ---- */

static void run_host(void *owner, const char *name)
{
    struct engine *e = owner;
    struct planned_host *host = planner_find(&e->planner, name);
    if (host)
        planner_trigger(&e->planner, host, TRIGGER_REQUEST, clock_now());
}

/* Reads the configuration first: the registry reports a change only a moment later, but a change made just before a
 * request must apply to it. */
static void begin_request(struct engine *e)
{
    read_config(e, TRIGGER_ENABLE);
    gate_hurry(&e->gate);
}

static void end_request(struct engine *e)
{
    status_changed(e);
    pump(e);
}

static void run_all(struct engine *e)
{
    begin_request(e);
    planner_trigger(&e->planner, NULL, TRIGGER_REQUEST, clock_now());
    end_request(e);
}

static void run_requested(struct engine *e)
{
    begin_request(e);
    DWORD error = request_take(run_host, e);
    if (error)
        report_error(EVENT_REQUEST_UNREAD, error);
    end_request(e);
}

/* Asks all hosts, if RunOnNetworkChange is set. */
static void follow_machine(struct engine *e, enum trigger trigger)
{
    if (e->config->service.run_on_network_change)
        planner_trigger(&e->planner, NULL, trigger, clock_now());
    status_changed(e);
    pump(e);
}

static void network_grew(struct engine *e)
{
    trace("A network address came up.");
    follow_machine(e, TRIGGER_NETWORK);
}

static void network_changed(void *owner)
{
    network_grew(owner);
}

static void cut_off(struct loop_timer *timer)
{
    jobs_abort(&CONTAINING_RECORD(timer, struct engine, grace)->jobs);
}

static void stop(struct engine *e)
{
    if (e->stopping)
        return;
    e->stopping = true;
    e->stop_by_ms = loop_now_ms() + STOP_LIMIT_MS;
    loop_set_timer(e->loop, &e->wakeup, INT64_MAX);
    loop_set_timer(e->loop, &e->grace, loop_now_ms() + STOP_GRACE_MS);
    jobs_finish(&e->jobs, true);
    if (!e->jobs.first)
        loop_end(e->loop);
}

static void set_paused(struct engine *e, bool paused)
{
    planner_pause(&e->planner, paused, clock_now());
    if (paused)
        jobs_finish(&e->jobs, true);
    event_write(paused ? EVENT_PAUSED : EVENT_CONTINUED, NULL, 0);
    status_changed(e);
    pump(e);
}

static void pause(struct engine *e)
{
    set_paused(e, true);
}

static void resume(struct engine *e)
{
    set_paused(e, false);
}

static void resumed(struct engine *e)
{
    trace("The computer resumed.");
    follow_machine(e, TRIGGER_RESUME);
}

static void clock_set(struct engine *e)
{
    trace("The clock was changed.");
    e->zone_next_ms = 0; /* the time zone may have changed with it */
    planner_follow_clock(&e->planner, clock_now());
    status_changed(e);
    pump(e);
}

static void requested(struct loop_op *op, DWORD error, DWORD bytes)
{
    static void (*const answers[ENGINE_REQUESTS])(struct engine * e) = {
        [ENGINE_STOP] = stop,
        [ENGINE_PAUSE] = pause,
        [ENGINE_CONTINUE] = resume,
        [ENGINE_READ_CONFIG] = follow_config,
        [ENGINE_RUN_ALL] = run_all,
        [ENGINE_RUN_REQUESTED] = run_requested,
        [ENGINE_NETWORK_GREW] = network_grew,
        [ENGINE_RESUMED] = resumed,
        [ENGINE_CLOCK_SET] = clock_set,
    };
    struct engine *e = &engine;
    size_t request = (size_t)(op - e->requests);
    (void)error, (void)bytes;
    answers[request](e);
    e->callbacks->answered(e->callbacks->owner, (enum engine_request)request);
}

void engine_ask(enum engine_request request)
{
    if (engine.loop) /* Ctrl+C may come before the loop exists */
        loop_post(engine.loop, &engine.requests[request], 0);
}

/* ---- start and stop ---- */

static void init(struct engine *e)
{
    LARGE_INTEGER counter;
    QueryPerformanceCounter(&counter);
    config_init(&e->nothing);
    e->config = config_hold(&e->nothing);
    planner_init(&e->planner, (uint64_t)counter.QuadPart, &local_zone);
    e->started_utc_ms = utc_now_ms();
    e->jobs = (struct jobs){.loop = e->loop,
                            .planner = &e->planner,
                            .log = &e->log,
                            .changed = status_changed,
                            .ended = job_ended,
                            .owner = e};
    e->gate = (struct gate){
        .loop = e->loop, .planner = &e->planner, .look = gate_check_due, .changed = status_changed, .owner = e};
    gate_init(&e->gate);
    publish_init(&e->publish, e->loop, write_snapshot, e);
    e->wakeup.fire = wakeup_due;
    e->grace.fire = cut_off;
    e->reread.fire = read_again;
    for (size_t i = 0; i < ARRAYSIZE(e->requests); i++)
        e->requests[i].done = requested;
    protocol_init(&e->log, e->loop);
}

/* `*failed` names the current step, for the message if it fails. */
static DWORD start(struct engine *e, const char **failed)
{
    *failed = "cannot start Windows Sockets";
    DWORD error = link_startup();
    if (error)
        return error;
    *failed = "cannot watch the configuration in the registry";
    error = registry_watch_open(&e->news, e->loop, config_changed, e);
    if (!error && network_watch_open(&e->network, e->loop, network_changed, e) != 0)
        trace("This system does not report new addresses."); /* schedules and retries work without it */
    return error;
}

/* Runs until the service is stopped. */
static DWORD run(struct engine *e, const char **failed)
{
    read_config(e, TRIGGER_START);
    pump(e);
    publish_now(&e->publish); /* before the running state is reported, so that nobody reads an old file */
    e->callbacks->running(e->callbacks->owner);
    *failed = "cannot wait at the completion port";
    return loop_run(e->loop);
}

static void close_all(struct engine *e)
{
    protocol_close(&e->log);
    companion_stop_all(e->stopping ? e->stop_by_ms : loop_now_ms() + STOP_LIMIT_MS);
    registry_watch_close(&e->news);
    network_watch_close(&e->network);
    planner_free(&e->planner);
    config_release(e->config);
    config_free(&e->nothing);
    problems_free(&e->problems);
    publish_free(&e->publish);
}

DWORD engine_run(const struct engine_callbacks *callbacks)
{
    struct engine *e = &engine;
    const char *failed;
    *e = (struct engine){.callbacks = callbacks, .loop = loop_open()};
    if (!e->loop) {
        DWORD error = GetLastError();
        event_write_cannot_run("cannot create the completion port", error);
        return error;
    }
    init(e);
    DWORD error = start(e, &failed);
    if (!error)
        error = run(e, &failed);
    if (e->planned)
        publish_now(&e->publish);
    if (error)
        event_write_cannot_run(failed, error);
    close_all(e);
    return error;
}
