#include "errand.h"

#include "win/companion.h"
#include "win/eventlog.h"
#include "win/ping.h"

#include <stdlib.h>

struct errand {
    struct loop *loop;
    errand_ready *ready;
    void *owner;
    char *wake_host, *run_service; /* copies: the configuration may change meanwhile */
    bool wake_required;
    int64_t wake_ms, hold_ms;
    struct loop_timer begin;
    struct ping *ping;
    struct companion *companion;
};

static void fail(struct errand *e, enum outcome outcome, const char *what, DWORD error)
{
    char words[200];
    struct text t;
    struct result result;
    text_begin(&t, words, sizeof words);
    text_add(&t, "%s: ", what);
    text_add_error(&t, error);
    result_set(&result, outcome, 0, words);
    e->ready(e->owner, &result);
}

static void service_runs(void *owner, DWORD error)
{
    struct errand *e = owner;
    if (error) {
        fail(e, OUTCOME_NO_SERVICE, e->run_service, error);
        return;
    }
    trace("%s runs.", e->run_service);
    e->ready(e->owner, NULL);
}

static void run_service(struct errand *e)
{
    if (!*e->run_service) {
        e->ready(e->owner, NULL);
        return;
    }
    e->companion = companion_use(e->loop, e->run_service, service_runs, e);
    if (!e->companion)
        fail(e, OUTCOME_NO_SERVICE, e->run_service, ERROR_NOT_ENOUGH_MEMORY);
}

static void woken(void *owner, DWORD error)
{
    struct errand *e = owner;
    e->ping = NULL;
    trace("%s %s PING.", e->wake_host, error ? "does not answer" : "answers");
    if (error && e->wake_required)
        fail(e, OUTCOME_NO_WAKE, e->wake_host, error);
    else
        run_service(e);
}

/* From the loop, so that `ready` is never called before errand_begin() has returned. */
static void begin(struct loop_timer *timer)
{
    struct errand *e = CONTAINING_RECORD(timer, struct errand, begin);
    if (!*e->wake_host) {
        run_service(e);
        return;
    }
    e->ping = ping_begin(e->loop, e->wake_host, e->wake_ms, woken, e);
    if (!e->ping)
        fail(e, OUTCOME_NO_WAKE, e->wake_host, ERROR_NOT_ENOUGH_MEMORY);
}

struct errand *errand_begin(struct loop *loop, const struct host_settings *host, errand_ready *ready, void *owner)
{
    struct errand *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    *e = (struct errand){.loop = loop,
                         .ready = ready,
                         .owner = owner,
                         .wake_host = text_copy(host->wake_host ? host->wake_host : ""),
                         .run_service = text_copy(host->run_service ? host->run_service : ""),
                         .wake_required = host->wake_required,
                         .wake_ms = (int64_t)host->wake_seconds * 1000,
                         .hold_ms = (int64_t)host->hold_seconds * 1000};
    e->begin.fire = begin;
    if (!e->wake_host || !e->run_service) {
        errand_end(e);
        return NULL;
    }
    loop_set_timer(loop, &e->begin, loop_now_ms());
    return e;
}

void errand_end(struct errand *e)
{
    if (!e)
        return;
    loop_set_timer(e->loop, &e->begin, INT64_MAX);
    ping_cancel(e->ping);
    companion_release(e->companion, e->hold_ms);
    free(e->wake_host);
    free(e->run_service);
    free(e);
}
