#include "job.h"

#include "clock.h"
#include "conversation.h"
#include "core/node.h"
#include "credentials.h"
#include "errand.h"
#include "news.h"
#include "program_job.h"
#include "win/eventlog.h"

#include <stdlib.h>

/* How a job does its work: by a session or by a program. */
struct job_kind {
    DWORD (*begin)(struct job *job);             /* returns 0 or a Win32 error */
    void (*end)(struct job *job, bool politely); /* the job ends in this call or later */
    enum outcome failure_outcome;                /* outcome of its nodes if it cannot begin ... */
    const char *failure_prefix;                  /* ... and the text before the error message */
};

struct job {
    struct jobs *jobs;
    struct job *previous, *next;
    struct planned_host *host;
    const struct job_kind *kind;
    union {
        struct errand *errand;
        struct conversation *conversation;
        struct program_job *program;
    };
    const struct config *config;          /* the one in effect when the job began */
    const struct host_settings *settings; /* of `config` */
    struct link_params params;
    char *address;
    struct credentials *credentials; /* NULL if none are needed */
    size_t node_count;
    const char *nodes[]; /* point into `config` */
};

/* ---- end of a dequeue ---- */

/* Call this after anything that may end a dequeue. */
static void settle_ended(struct jobs *jobs)
{
    struct planned_host *host;
    while ((host = planner_take_ended(jobs->planner)) != NULL) {
        if (host->settings)
            news_report(host);
        errands_release(&jobs->errands, host);
        jobs->changed(jobs->owner);
    }
}

/* ---- job list ---- */

static void job_free(struct job *job)
{
    free(job->address);
    credentials_free(job->credentials);
    config_release(job->config);
    free(job);
}

static void add_job(struct jobs *jobs, struct job *job)
{
    job->next = jobs->first;
    if (jobs->first)
        jobs->first->previous = job;
    jobs->first = job;
}

/* Removes the job from the list and frees it. */
static void drop_job(struct job *job)
{
    struct jobs *jobs = job->jobs;
    *(job->previous ? &job->previous->next : &jobs->first) = job->next;
    if (job->next)
        job->next->previous = job->previous;
    job_free(job);
}

static void session_over(struct job *job)
{
    struct jobs *jobs = job->jobs;
    struct planned_host *host = job->host;
    drop_job(job);
    planner_session_done(jobs->planner, host, clock_now());
    settle_ended(jobs);
    jobs->ended(jobs->owner);
}

/* ---- answers ---- */

static void on_node(void *owner, size_t node, const struct result *result)
{
    struct job *job = owner;
    trace("%s: %s: %s", job->host->name, job->nodes[node], outcome_meaning(result));
    planner_node_done(job->jobs->planner, job->host, job->nodes[node], result, clock_now());
    job->jobs->changed(job->jobs->owner);
}

/* Without memory the output is dropped: it is only shown to the user. */
static void on_output(void *owner, const char *octets, size_t count)
{
    struct job *job = owner;
    size_t size = count * 4 + 4; /* \xNN is the longest form of an octet */
    char *lines = count > 0 ? malloc(size) : NULL;
    struct text t;
    if (!lines)
        return;
    text_begin(&t, lines, size);
    text_add_lines(&t, octets, count);
    planner_node_said(job->jobs->planner, job->host, job->nodes[0], lines);
    free(lines);
}

static void on_ended(void *owner)
{
    session_over(owner);
}

static const struct answers answers = {.node = on_node, .output = on_output, .ended = on_ended};

/* Writes what is asked, and why, for the trace. */
static void describe(struct text *t, const struct job *job)
{
    text_add(t, "asking %s for %zu domains (%s)", job->address, job->node_count,
             trigger_name(job->host->dequeue.trigger));
}

/* ---- sessions ---- */

static DWORD begin_session(struct job *job)
{
    TEXT_SCRATCH(words, NODE_LIMIT + 100);
    describe(&words, job);
    job->params.session.auth = job->credentials ? &job->credentials->auth : NULL;
    job->conversation =
        conversation_begin(job->jobs->loop, job->jobs->log, job->host->name, &job->params, &answers, job);
    if (!job->conversation)
        return ERROR_NOT_ENOUGH_MEMORY;
    conversation_note(job->conversation, words.data);
    return 0;
}

static void end_session(struct job *job, bool politely)
{
    conversation_end(job->conversation, politely);
}

static const struct job_kind session = {begin_session, end_session, OUTCOME_LOCAL, ""};

/* ---- programs ---- */

static DWORD begin_program(struct job *job)
{
    TEXT_SCRATCH(words, NODE_LIMIT + 100);
    DWORD error;
    const char *command = job->settings->program;
    struct program_params params = {.command = command ? command : "",
                                    .nodes = job->params.session.nodes,
                                    .node_count = job->node_count,
                                    .address = job->address,
                                    .limit_ms = job->params.session_timeout_ms};
    describe(&words, job);
    job->program = program_job_begin(job->jobs->loop, &params, &answers, job, &error);
    if (!job->program)
        return error;
    trace("%s: %s", job->host->name, words.data);
    return 0;
}

static void end_program(struct job *job, bool politely)
{
    (void)politely;
    program_job_cancel(job->program);
}

static const struct job_kind program = {begin_program, end_program, OUTCOME_PROGRAM_FAILED,
                                        "the program could not be started: "};

/* ---- preparation ---- */

/* The host is ready, or `failure` says why it cannot be. */
static void prepared(void *owner, const struct result *failure)
{
    struct job *job = owner;
    struct jobs *jobs = job->jobs;
    struct planned_host *host = job->host;
    drop_job(job);
    planner_prepared(jobs->planner, host, failure, clock_now());
    settle_ended(jobs);
    jobs->ended(jobs->owner);
}

static DWORD begin_preparation(struct job *job)
{
    job->errand = errand_begin(&job->jobs->errands, job->jobs->loop, job->config, job->host, prepared, job);
    return job->errand ? 0 : ERROR_NOT_ENOUGH_MEMORY;
}

static void end_preparation(struct job *job, bool politely)
{
    struct result result;
    (void)politely;
    result_set(&result, OUTCOME_CANCELLED, 0, NULL);
    errand_cancel(job->errand);
    prepared(job, &result);
}

static const struct job_kind preparation = {begin_preparation, end_preparation, OUTCOME_LOCAL, ""};

/* ---- begin ---- */

static const struct job_kind *kind_of(const struct assignment *a)
{
    if (a->node_count == 0)
        return &preparation;
    return methods[a->host->settings->method].transport == TRANSPORT_PROGRAM ? &program : &session;
}

static void set_params(struct job *job, uint16_t port)
{
    const struct service_settings *service = &job->config->service;
    job->params = (struct link_params){
        .address = job->address,
        .port = port,
        .session = {.nodes = job->nodes,
                    .node_count = job->node_count,
                    .reply_timeout_ms = (int64_t)service->timeout_seconds * 1000},
        .connect_timeout_ms = (int64_t)service->connect_timeout_seconds * 1000,
        .session_timeout_ms = (int64_t)service->session_timeout_seconds * 1000,
    };
    link_params_set(&job->params, job->settings);
}

/* Returns NULL if memory is short. */
static struct job *job_new(struct jobs *jobs, const struct assignment *a)
{
    struct job *job = calloc(1, sizeof *job + a->node_count * sizeof job->nodes[0]);
    char address[NODE_LIMIT + 1];
    uint16_t port;
    if (!job)
        return NULL;
    host_server(a->host->settings, a->server, address, sizeof address, &port);
    job->jobs = jobs;
    job->kind = kind_of(a);
    job->host = a->host;
    job->config = config_hold(a->host->config);
    job->settings = a->host->settings;
    job->address = text_copy(address);
    if (!job->address) {
        job_free(job);
        return NULL;
    }
    while (job->node_count < a->node_count) {
        job->nodes[job->node_count] = a->host->nodes[a->nodes[job->node_count]].name;
        job->node_count++;
    }
    set_params(job, port);
    return job;
}

/* Gives `result` to all nodes of an assignment that could not begin. */
static void refuse(struct jobs *jobs, const struct assignment *a, const struct result *result)
{
    for (size_t i = 0; i < a->node_count; i++)
        planner_node_done(jobs->planner, a->host, a->host->nodes[a->nodes[i]].name, result, clock_now());
    if (a->node_count == 0)
        planner_prepared(jobs->planner, a->host, result, clock_now());
    else
        planner_session_done(jobs->planner, a->host, clock_now());
    settle_ended(jobs);
}

/* The same for a failure of this computer: the nodes are retried with backoff. */
static void refuse_with(struct jobs *jobs, const struct assignment *a, DWORD error)
{
    struct result result;
    TEXT_SCRATCH(words, 200);
    const struct job_kind *kind = kind_of(a);
    text_add(&words, "%s", kind->failure_prefix);
    text_add_error(&words, error);
    result_set(&result, kind->failure_outcome, 0, words.data);
    refuse(jobs, a, &result);
}

void jobs_begin(struct jobs *jobs, const struct assignment *a)
{
    struct job *job = job_new(jobs, a);
    struct result failure;
    DWORD error = job ? 0 : ERROR_NOT_ENOUGH_MEMORY;
    if (!error && a->node_count > 0 && !credentials_read(&job->credentials, a->host->settings, &failure)) {
        job_free(job);
        refuse(jobs, a, &failure);
        return;
    }
    if (!error)
        error = job->kind->begin(job);
    if (error) {
        if (job)
            job_free(job);
        refuse_with(jobs, a, error);
        return;
    }
    add_job(jobs, job);
}

/* ---- end ---- */

/* Ending a job frees that job but no other, so `next` stays valid. */
void jobs_finish(struct jobs *jobs, bool all)
{
    struct job *next;
    for (struct job *job = jobs->first; job; job = next) {
        next = job->next;
        if (all || !job->host->usable)
            job->kind->end(job, true);
    }
    settle_ended(jobs);
}

void jobs_abort(struct jobs *jobs)
{
    struct job *next;
    for (struct job *job = jobs->first; job; job = next) {
        next = job->next;
        job->kind->end(job, false);
    }
}
