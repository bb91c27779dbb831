#include "engine.h"

#include "core/snapshot.h"
#include "job.h"
#include "win/companion.h"
#include "win/eventlog.h"
#include "win/folder.h"
#include "win/link.h"
#include "win/localtime.h"
#include "win/network.h"
#include "win/protocol.h"
#include "win/registry.h"
#include "win/status.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    STOP_GRACE_MS = 1500,         /* for polite endings; then connections are cut */
    STOP_LIMIT_MS = 1800,         /* for all, so that 2 s are kept */
    STATUS_DELAY_MS = 100,        /* results that come together are written together */
    STATUS_RETRY_MOST_MS = 10000, /* when it cannot be written: while it is read, or the disk is full */
    STATUS_SHARE = 20,            /* at most one part in so many of the time goes into writing status.json */
    ZONE_LOOK_MS = 1000,          /* between two looks at the time zone, at least */
    MEMORY_RETRY_MS = 10000,      /* when there was no memory for something */
    READ_LEAST_MS = 500,          /* between two tries to read the configuration ... */
    READ_MOST_MS = 60000,
    GATE_LEAST_MS = 1000, /* between two looks at the local port ... */
    GATE_MOST_MS = 60000,
};

static struct engine {
    struct loop loop;
    struct loop_op requests[ENGINE_REQUESTS];
    const struct engine_callbacks *callbacks;
    struct registry_news news;
    struct network_news network;
    struct config config;
    struct problem *problems; /* of the configuration in force */
    size_t problem_count;
    struct planner planner;
    bool planned; /* the planner has a configuration */
    struct jobs jobs;
    struct protocol_log log;
    bool stopping;
    struct loop_timer wakeup, grace, status, reread, gate;
    int64_t gate_delay_ms; /* until the local port is looked at again; 0 while nothing is held back */
    wchar_t *status_file;
    DWORD read_error;        /* of the configuration, as last told */
    int64_t read_delay_ms;   /* before it is read again; 0 while that works */
    DWORD status_error;      /* as last told */
    int64_t status_retry_ms; /* before it is written again; 0 while that works */
    int64_t started_utc_ms, status_next_ms;
    int64_t zone_next_ms;
    int64_t stop_by_ms; /* once it was asked for */
} engine;

static struct moment now(void)
{
    return (struct moment){loop_now_ms(), utc_now_ms()};
}

/* The pause before the next try: grows from `least` to `most`. */
static int64_t retry_after(int64_t last_ms, int64_t least_ms, int64_t most_ms)
{
    int64_t next_ms = last_ms ? last_ms * 2 : least_ms;
    return next_ms < most_ms ? next_ms : most_ms;
}

/* ---- status.json ---- */

static void write_status(struct loop_timer *timer)
{
    struct engine *e = CONTAINING_RECORD(timer, struct engine, status);
    int64_t began_ms = loop_now_ms();
    struct json j;
    struct snapshot_facts facts = {.version = VERSION,
                                   .process = GetCurrentProcessId(),
                                   .started_utc_ms = e->started_utc_ms,
                                   .problems = e->problems,
                                   .problem_count = e->problem_count,
                                   .awaited_port = e->gate_delay_ms ? e->config.service.local_port : 0,
                                   .now = now()};
    snapshot_write(&j, &facts, &e->planner);
    DWORD error = j.failed ? ERROR_NOT_ENOUGH_MEMORY : 0;
    if (!error && !e->status_file)
        e->status_file = folder_path(FOLDER_DATA, L"status.json");
    if (!error)
        error = e->status_file ? folder_make(FOLDER_DATA) : GetLastError();
    if (!error)
        error = file_replace(e->status_file, j.data, j.length);
    if (error && error != e->status_error && e->status_retry_ms) { /* not just somebody who was reading it */
        event_write_error(EVENT_CANNOT_WRITE, "status.json", error);
        e->status_error = error;
    }
    e->status_retry_ms = error ? retry_after(e->status_retry_ms, STATUS_DELAY_MS, STATUS_RETRY_MOST_MS) : 0;
    if (error)
        loop_set_timer(&e->loop, &e->status, loop_now_ms() + e->status_retry_ms);
    else
        e->status_error = 0;
    json_free(&j);
    e->status_next_ms = loop_now_ms() + (loop_now_ms() - began_ms) * STATUS_SHARE;
}

static void status_changed(void *owner)
{
    struct engine *e = owner;
    int64_t due_ms = loop_now_ms() + STATUS_DELAY_MS;
    if (!e->status.set)
        loop_set_timer(&e->loop, &e->status, due_ms > e->status_next_ms ? due_ms : e->status_next_ms);
}

/* ---- what is due ---- */

/* Mail that is released to a server that is not up is deferred again: so what is due waits until something listens on
 * LocalPort. That is looked at again with growing pauses, and only while something is due. */
static void mind_the_gate(struct engine *e, struct moment at)
{
    uint32_t port = e->config.service.local_port;
    bool open = true;
    planner_follow_clock(&e->planner, at); /* or more may be due in a moment than was looked at here */
    planner_hold(&e->planner, false);
    if (port != 0 && planner_wakeup(&e->planner, at) <= at.steady_ms)
        open = network_port_listens((uint16_t)port);
    if (!open) {
        planner_hold(&e->planner, true);
        if (e->gate_delay_ms == 0) {
            trace("Nothing listens on this computer's port %u: what is due waits.", port);
            status_changed(e);
        }
        e->gate_delay_ms = retry_after(e->gate_delay_ms, GATE_LEAST_MS, GATE_MOST_MS);
        loop_set_timer(&e->loop, &e->gate, loop_now_ms() + e->gate_delay_ms);
    } else if (e->gate_delay_ms != 0) {
        trace("Port %u is up.", port);
        e->gate_delay_ms = 0;
        loop_set_timer(&e->loop, &e->gate, INT64_MAX);
        status_changed(e);
    }
}

/* Somebody waits: the pauses begin anew, the first look is now. */
static void look_soon_at_gate(struct engine *e)
{
    loop_set_timer(&e->loop, &e->gate, INT64_MAX);
    if (e->gate_delay_ms != 0)
        e->gate_delay_ms = GATE_LEAST_MS / 2;
}

/* Whenever something happens the zone is looked at as well: to change it is no step of the clock. */
static void mind_the_zone(struct engine *e, struct moment at)
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

/* Opens what is due, and has the loop wake us for what is due next. */
static void pump(struct engine *e)
{
    struct assignment a;
    struct moment at = now(); /* one for all: what comes due meanwhile has not passed the gate */
    if (e->stopping || !e->planned)
        return;
    mind_the_zone(e, at);
    if (!e->gate.set) /* else its time has not come */
        mind_the_gate(e, at);
    while (planner_next(&e->planner, at, &a))
        jobs_begin(&e->jobs, &a);
    loop_set_timer(&e->loop, &e->wakeup, planner_wakeup(&e->planner, now()));
}

static void woken(struct loop_timer *timer)
{
    pump(CONTAINING_RECORD(timer, struct engine, wakeup));
}

static void job_ended(void *owner)
{
    struct engine *e = owner;
    if (e->stopping && !e->jobs.first)
        loop_end(&e->loop);
    else
        pump(e);
}

static void look_at_gate(struct loop_timer *timer)
{
    pump(CONTAINING_RECORD(timer, struct engine, gate));
}

/* ---- the configuration ---- */

struct problem_list {
    struct problem *items;
    size_t count;
};

static void problems_free(struct problem *problems, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(problems[i].key);
        free(problems[i].name);
        free(problems[i].text);
    }
    free(problems);
}

static bool problem_known(const struct engine *e, const struct problem *p)
{
    for (size_t i = 0; i < e->problem_count; i++)
        if (strcmp(e->problems[i].key, p->key) == 0 && strcmp(e->problems[i].name, p->name) == 0 &&
            strcmp(e->problems[i].text, p->text) == 0)
            return true;
    return false;
}

static void note_problem(void *owner, const char *key, const char *name, const char *problem)
{
    struct problem_list *list = owner;
    struct problem p = {text_copy(key), text_copy(name), text_copy(problem)};
    struct problem *items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (items)
        list->items = items;
    if (!items || !p.key || !p.name || !p.text) {
        EVENT(EVENT_BAD_VALUE, key, name, problem); /* told at least, if not remembered */
        free(p.key);
        free(p.name);
        free(p.text);
        return;
    }
    items[list->count++] = p;
}

/* What is wrong is told once, not at each reading. */
static void adopt_problems(struct engine *e, const struct problem_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (!problem_known(e, &list->items[i]))
            EVENT(EVENT_BAD_VALUE, list->items[i].key, list->items[i].name, list->items[i].text);
    problems_free(e->problems, e->problem_count);
    e->problems = list->items;
    e->problem_count = list->count;
}

static void report_switch(const struct engine *e)
{
    static const char *const setters[] = {"default", "Parameters", "Group Policy"};
    const struct setting *master = setting_find(SCOPE_SERVICE, "AlwaysUseETRN");
    const char *setter = setters[e->config.service.origin[setting_index(master)]];
    char hosts[16];
    snprintf(hosts, sizeof hosts, "%zu", e->config.host_count);
    if (e->config.service.always_use_etrn)
        EVENT(EVENT_ENABLED, hosts, setter);
    else
        EVENT(EVENT_DISABLED, setter);
}

static void report_error(DWORD id, DWORD error)
{
    char words[200];
    struct text t;
    text_begin(&t, words, sizeof words);
    text_add_error(&t, error);
    EVENT(id, words);
}

/* Told once; nobody may change anything for long, so it is tried again by itself. */
static void cannot_read(struct engine *e, DWORD error)
{
    if (error != e->read_error)
        report_error(EVENT_CANNOT_READ, error);
    e->read_error = error;
    e->read_delay_ms = retry_after(e->read_delay_ms, READ_LEAST_MS, READ_MOST_MS);
    loop_set_timer(&e->loop, &e->reread, loop_now_ms() + e->read_delay_ms);
}

/* The new configuration is in force from here on; the old one is let go once the planner has let go of it. */
static void read_config(struct engine *e, enum trigger trigger)
{
    struct config fresh;
    struct problem_list problems = {0};
    bool was_enabled = e->planned && e->config.service.always_use_etrn;
    DWORD error = registry_read(HKEY_LOCAL_MACHINE, &fresh, note_problem, &problems);
    if (error) {
        cannot_read(e, error);
        config_free(&fresh);
        problems_free(problems.items, problems.count);
        if (e->planned)
            return;
        config_init(&fresh); /* nothing could be read yet: all is off */
        problems = (struct problem_list){0};
    } else {
        loop_set_timer(&e->loop, &e->reread, INT64_MAX);
        e->read_error = 0;
        e->read_delay_ms = 0;
    }
    struct config old = e->config;
    loop_set_timer(&e->loop, &e->gate, INT64_MAX); /* the port may be another now */
    bool first = !e->planned;
    e->config = fresh;
    adopt_problems(e, &problems);
    bool whole = planner_configure(&e->planner, &e->config, trigger, now());
    config_free(&old);
    e->planned = true;
    if (first || was_enabled != (e->config.service.always_use_etrn != 0))
        report_switch(e);
    protocol_follow(&e->log, e->config.service.protocol_log);
    jobs_finish(&e->jobs, false);
    status_changed(e);
    pump(e);
    if (!whole)
        loop_set_timer(&e->loop, &e->reread, loop_now_ms() + MEMORY_RETRY_MS);
}

static void read_again(struct loop_timer *timer)
{
    read_config(CONTAINING_RECORD(timer, struct engine, reread), TRIGGER_ENABLE);
}

static void config_changed(void *owner, DWORD error)
{
    if (error)
        report_error(EVENT_CANNOT_WATCH, error);
    read_config(owner, TRIGGER_ENABLE);
}

/* ---- requests ---- */

static void run_requested(void *owner, const char *name)
{
    struct engine *e = owner;
    struct planned_host *host = planner_find(&e->planner, name);
    if (host)
        planner_trigger(&e->planner, host, TRIGGER_REQUEST, now());
}

/* A round as RunOnNetworkChange has it. */
static void follow_machine(struct engine *e, enum trigger trigger)
{
    if (e->config.service.run_on_network_change)
        planner_trigger(&e->planner, NULL, trigger, now());
    status_changed(e);
    pump(e);
}

static void network_grew(void *owner)
{
    trace("An address came up.");
    follow_machine(owner, TRIGGER_NETWORK);
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
    loop_set_timer(&e->loop, &e->wakeup, INT64_MAX);
    loop_set_timer(&e->loop, &e->grace, loop_now_ms() + STOP_GRACE_MS);
    jobs_finish(&e->jobs, true);
    if (!e->jobs.first)
        loop_end(&e->loop);
}

static void set_paused(struct engine *e, bool paused)
{
    planner_pause(&e->planner, paused);
    if (paused)
        jobs_finish(&e->jobs, true);
    event_write(paused ? EVENT_PAUSED : EVENT_CONTINUED, NULL, 0);
    status_changed(e);
    pump(e);
}

static void requested(struct loop_op *op, DWORD error, DWORD bytes)
{
    struct engine *e = &engine;
    enum engine_request request = (enum engine_request)(op - e->requests);
    (void)error, (void)bytes;
    switch (request) {
    case ENGINE_STOP:
        stop(e);
        break;
    case ENGINE_PAUSE:
    case ENGINE_CONTINUE:
        set_paused(e, request == ENGINE_PAUSE);
        break;
    case ENGINE_READ_CONFIG:
        read_config(e, TRIGGER_ENABLE);
        break;
    case ENGINE_RUN_ALL:
        planner_trigger(&e->planner, NULL, TRIGGER_REQUEST, now());
        break;
    case ENGINE_RUN_REQUESTED:
        request_take(run_requested, e);
        break;
    case ENGINE_NETWORK_GREW:
        network_grew(e);
        break;
    case ENGINE_RESUMED:
        trace("The computer woke.");
        follow_machine(e, TRIGGER_RESUME);
        break;
    case ENGINE_CLOCK_SET:
        trace("The clock was set.");
        e->zone_next_ms = 0; /* it may have been the zone */
        planner_follow_clock(&e->planner, now());
        status_changed(e);
        pump(e);
        break;
    case ENGINE_REQUESTS:
        break;
    }
    if (request == ENGINE_RUN_ALL || request == ENGINE_RUN_REQUESTED) {
        look_soon_at_gate(e);
        status_changed(e);
        pump(e);
    }
    e->callbacks->answered(e->callbacks->owner, request);
}

void engine_ask(enum engine_request request)
{
    loop_post(&engine.loop, &engine.requests[request], 0);
}

/* ---- life ---- */

static DWORD start(struct engine *e)
{
    LARGE_INTEGER counter;
    QueryPerformanceCounter(&counter);
    planner_init(&e->planner, (uint64_t)counter.QuadPart, &local_zone);
    e->started_utc_ms = utc_now_ms();
    e->jobs = (struct jobs){.loop = &e->loop,
                            .planner = &e->planner,
                            .config = &e->config,
                            .log = &e->log,
                            .news = status_changed,
                            .ended = job_ended,
                            .owner = e};
    e->wakeup.fire = woken;
    e->grace.fire = cut_off;
    e->status.fire = write_status;
    e->reread.fire = read_again;
    e->gate.fire = look_at_gate;
    for (size_t i = 0; i < ARRAYSIZE(e->requests); i++)
        e->requests[i].done = requested;
    protocol_init(&e->log, &e->loop);
    DWORD error = loop_open(&e->loop);
    if (!error)
        error = link_startup();
    if (!error)
        error = registry_watch_open(&e->news, &e->loop, config_changed, e);
    if (!error && network_watch_open(&e->network, &e->loop, network_grew, e) != 0)
        trace("This system tells no news of addresses."); /* rounds come by schedule and retry all the same */
    return error;
}

DWORD engine_run(const struct engine_callbacks *callbacks)
{
    struct engine *e = &engine;
    *e = (struct engine){.callbacks = callbacks};
    DWORD error = start(e);
    if (!error) {
        read_config(e, TRIGGER_START);
        write_status(&e->status); /* nobody who finds us running reads an older one */
        callbacks->running(callbacks->owner);
        error = loop_run(&e->loop);
    }
    if (e->planned)
        write_status(&e->status);
    if (error) {
        char words[200];
        struct text t;
        text_begin(&t, words, sizeof words);
        text_add_error(&t, error);
        EVENT(EVENT_CANNOT_RUN, SERVICE_DISPLAY_NAME, "starting", words);
    }
    protocol_close(&e->log);
    companion_stop_all(e->stopping ? e->stop_by_ms : loop_now_ms() + STOP_LIMIT_MS);
    registry_watch_close(&e->news);
    network_watch_close(&e->network);
    loop_close(&e->loop);
    planner_free(&e->planner);
    config_free(&e->config);
    problems_free(e->problems, e->problem_count);
    free(e->status_file);
    return error;
}
