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

/* Of an errand on no list. */
static void end(struct errand *e)
{
    loop_set_timer(e->loop, &e->begin, INT64_MAX);
    ping_cancel(e->ping);
    companion_release(e->companion, e->hold_ms);
    free(e->wake_host);
    free(e->run_service);
    free(e);
}

struct errand *errand_begin(struct errands *errands, struct loop *loop, const struct planned_host *host,
                            errand_ready *ready, void *owner)
{
    const struct host_settings *plan = host->settings;
    struct errand *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    *e = (struct errand){.errands = errands,
                         .next = errands->first,
                         .host = host,
                         .loop = loop,
                         .ready = ready,
                         .owner = owner,
                         .wake_host = text_copy(plan->wake_host ? plan->wake_host : ""),
                         .run_service = text_copy(plan->run_service ? plan->run_service : ""),
                         .wake_required = plan->wake_required,
                         .wake_ms = (int64_t)plan->wake_seconds * 1000,
                         .hold_ms = (int64_t)plan->hold_seconds * 1000};
    e->begin.fire = begin;
    if (!e->wake_host || !e->run_service) {
        end(e);
        return NULL;
    }
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
