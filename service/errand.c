#include "errand.h"

#include "win/companion.h"
#include "win/eventlog.h"
#include "win/ping.h"

#include <stdlib.h>

struct errand {
    struct errands *errands;
    struct errand *next;
    const struct planned_host *host;
    struct loop *loop;
    errand_ready *ready;
    void *owner;
    const struct config *config;          /* held */
    const struct host_settings *settings; /* of `config` */
    struct loop_timer begin;
    struct ping *ping;
    struct companion *companion;
};

static bool is_set(const char *string)
{
    return string && *string;
}

static void fail(struct errand *e, enum outcome outcome, const char *what, DWORD error)
{
    TEXT_SCRATCH(words, 200);
    struct result result;
    text_add(&words, "%s: ", what);
    text_add_error(&words, error);
    result_set(&result, outcome, 0, words.data);
    e->ready(e->owner, &result);
}

static void service_runs(void *owner, DWORD error)
{
    struct errand *e = owner;
    if (error) {
        fail(e, OUTCOME_NO_SERVICE, e->settings->run_service, error);
        return;
    }
    trace("%s is running.", e->settings->run_service);
    e->ready(e->owner, NULL);
}

static void run_service(struct errand *e)
{
    if (!is_set(e->settings->run_service)) {
        e->ready(e->owner, NULL);
        return;
    }
    e->companion = companion_use(e->loop, e->settings->run_service, service_runs, e);
    if (!e->companion)
        fail(e, OUTCOME_NO_SERVICE, e->settings->run_service, ERROR_NOT_ENOUGH_MEMORY);
}

static void host_awake(void *owner, DWORD error)
{
    struct errand *e = owner;
    e->ping = NULL;
    trace("%s %s PING.", e->settings->wake_host, error ? "does not answer" : "answers");
    if (error && e->settings->wake_required)
        fail(e, OUTCOME_NO_WAKE, e->settings->wake_host, error);
    else
        run_service(e);
}

/* Called from the loop, so that `ready` is never called before errand_begin() has returned. */
static void begin(struct loop_timer *timer)
{
    struct errand *e = CONTAINING_RECORD(timer, struct errand, begin);
    if (!is_set(e->settings->wake_host)) {
        run_service(e);
        return;
    }
    e->ping = ping_begin(e->loop, e->settings->wake_host, (int64_t)e->settings->wake_seconds * 1000, host_awake, e);
    if (!e->ping)
        fail(e, OUTCOME_NO_WAKE, e->settings->wake_host, ERROR_NOT_ENOUGH_MEMORY);
}

/* Frees an errand that is not on the list. */
static void end(struct errand *e)
{
    loop_set_timer(e->loop, &e->begin, INT64_MAX);
    ping_cancel(e->ping);
    companion_release(e->companion, (int64_t)e->settings->hold_seconds * 1000);
    config_release(e->config);
    free(e);
}

struct errand *errand_begin(struct errands *errands, struct loop *loop, const struct config *config,
                            const struct planned_host *host, errand_ready *ready, void *owner)
{
    struct errand *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    *e = (struct errand){.errands = errands,
                         .next = errands->first,
                         .host = host,
                         .loop = loop,
                         .ready = ready,
                         .owner = owner,
                         .config = config_hold(config),
                         .settings = host->settings,
                         .begin.fire = begin};
    errands->first = e;
    loop_set_timer(loop, &e->begin, loop_now_ms());
    return e;
}

void errands_release(struct errands *errands, const struct planned_host *host)
{
    struct errand **place = &errands->first;
    while (*place && (*place)->host != host)
        place = &(*place)->next;
    struct errand *e = *place;
    if (!e)
        return;
    *place = e->next;
    end(e);
}

void errand_cancel(struct errand *e)
{
    errands_release(e->errands, e->host);
}
