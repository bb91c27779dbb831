#include "job.h"

#include "core/node.h"
#include "credentials.h"
#include "errand.h"
#include "news.h"
#include "win/eventlog.h"
#include "win/link.h"
#include "win/program.h"
#include "win/protocol.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    SAID_LIMIT = 4096, /* octets of what a finger server says: the beginning */
    FINGER_PORT = 79,
    SMTP_PORT = 25
};

struct job {
    struct jobs *jobs;
    struct job *previous, *next;
    struct planned_host *host;
    struct link *link; /* one of the three */
    struct program *program;
    struct errand *errand;
    struct link_params params;
    uint64_t session;           /* in the protocol log */
    uint32_t logged;            /* rows of it */
    char local[64], remote[64]; /* both ends of the connection, as the log names them */
    char *address, *helo, *fingerprint;
    struct credentials *credentials; /* NULL: none */
    char *said;                      /* by a finger server, raw; NULL before */
    size_t said_length;
    size_t node_count;
    char *nodes[]; /* each a copy: the configuration may change meanwhile */
};

/* What an errand has made ready stays so until its dequeue ends. */
struct kept_errand {
    struct kept_errand *next;
    const struct planned_host *host;
    struct errand *errand;
};

static struct moment now(void)
{
    return (struct moment){loop_now_ms(), utc_now_ms()};
}

/* ---- the end of a dequeue ---- */

static void end_errand(struct jobs *jobs, const struct planned_host *host)
{
    for (struct kept_errand **place = &jobs->kept; *place; place = &(*place)->next) {
        struct kept_errand *kept = *place;
        if (kept->host != host)
            continue;
        *place = kept->next;
        errand_end(kept->errand);
        free(kept);
        return;
    }
}

/* A session or a preparation of the host has ended, and with it perhaps the dequeue. */
static void host_is_done(struct jobs *jobs, struct planned_host *host, bool ended)
{
    if (!ended)
        return;
    news_report(host);
    end_errand(jobs, host);
    jobs->news(jobs->owner);
}

/* ---- the life of a job ---- */

static void job_free(struct job *job)
{
    for (size_t i = 0; i < job->node_count; i++)
        free(job->nodes[i]);
    free(job->address);
    free(job->helo);
    free(job->fingerprint);
    free(job->said);
    credentials_free(job->credentials);
    free(job);
}

static void add_job(struct jobs *jobs, struct job *job)
{
    job->next = jobs->first;
    if (jobs->first)
        jobs->first->previous = job;
    jobs->first = job;
}

/* Takes the job off the list and frees it. */
static void drop_job(struct job *job)
{
    struct jobs *jobs = job->jobs;
    *(job->previous ? &job->previous->next : &jobs->first) = job->next;
    if (job->next)
        job->next->previous = job->previous;
    job_free(job);
}

/* A host that was removed meanwhile goes with its last session. */
static void session_over(struct job *job)
{
    struct jobs *jobs = job->jobs;
    struct planned_host *host = job->host;
    bool goes = !host->settings && host->sessions == 1;
    drop_job(job);
    if (goes)
        end_errand(jobs, host);
    host_is_done(jobs, host, planner_session_done(jobs->planner, host, now()));
    jobs->ended(jobs->owner);
}

static void node_done(struct job *job, size_t node, const struct result *result)
{
    trace("%s: %s: %s", job->host->name, job->nodes[node], outcome_meaning(result));
    planner_node_done(job->jobs->planner, job->host, job->nodes[node], result, now());
    job->jobs->news(job->jobs->owner);
}

/* Keeps all that was said with the result of the job's first node; no memory for it is no harm. */
static void keep_output(struct job *job, const char *octets, size_t count)
{
    size_t size = count * 4 + 4; /* an octet becomes \xNN at most */
    char *lines = count > 0 ? malloc(size) : NULL;
    struct text t;
    if (!lines)
        return;
    text_begin(&t, lines, size);
    text_add_lines(&t, octets, count);
    planner_node_said(job->jobs->planner, job->host, job->nodes[0], lines);
    free(lines);
}

/* ---- sessions ---- */

static void log_row(struct job *job, enum protolog_event event, const char *data, size_t length, const char *context)
{
    struct protolog_row row = {.connector = job->host->name,
                               .session = job->session,
                               .sequence = job->logged++,
                               .local = job->local,
                               .remote = job->remote,
                               .event = event,
                               .data = data,
                               .length = length,
                               .context = context};
    protocol_add(job->jobs->log, &row);
}

static void log_node(struct job *job, size_t node, const struct result *result)
{
    char words[NODE_LIMIT + 64];
    struct text t;
    text_begin(&t, words, sizeof words);
    text_add(&t, "%s: %s", job->nodes[node], outcome_name(result->outcome));
    log_row(job, PROTOLOG_INFORMATION, "", 0, words);
}

/* Of what a finger server says the result has only a line. */
static void hear(struct job *job, const struct session_event *event)
{
    if (event->state != SESSION_FINGER)
        return;
    if (!job->said)
        job->said = malloc(SAID_LIMIT);
    size_t room = job->said ? SAID_LIMIT - job->said_length : 0;
    size_t count = event->length < room ? event->length : room;
    if (count > 0)
        memcpy(job->said + job->said_length, event->line, count);
    job->said_length += count;
}

static void on_session(void *owner, const struct session_event *event)
{
    struct job *job = owner;
    char line[800];
    struct text t;
    text_begin(&t, line, sizeof line);
    switch (event->kind) {
    case SESSION_RECEIVED:
        hear(job, event);
        /* fall through */
    case SESSION_SENT:
        text_add_escaped(&t, event->line, event->length);
        trace("%s %s %s", job->host->name, event->kind == SESSION_SENT ? ">" : "<", line);
        log_row(job, event->kind == SESSION_SENT ? PROTOLOG_SEND : PROTOLOG_RECEIVE, event->line, event->length, "");
        break;
    case SESSION_NODE:
        log_node(job, event->node, event->result);
        node_done(job, event->node, event->result);
        if (event->result->outcome != OUTCOME_CANCELLED) /* which leaves the last result in its place */
            keep_output(job, job->said, job->said_length);
        break;
    case SESSION_ENDED:
        log_row(job, PROTOLOG_DISCONNECT, "", 0, event->result->text);
        break;
    }
}

static void on_note(void *owner, const struct link_note *note)
{
    struct job *job = owner;
    char words[300];
    struct text t;
    text_begin(&t, words, sizeof words);
    switch (note->step) {
    case LINK_ADDRESS:
        break;
    case LINK_TRYING:
        text_add(&t, "attempting to connect to %s", note->address);
        log_row(job, PROTOLOG_INFORMATION, "", 0, words);
        break;
    case LINK_CONNECTED:
        trace("%s: connected to %s", job->host->name, note->address);
        snprintf(job->local, sizeof job->local, "%s", note->local);
        snprintf(job->remote, sizeof job->remote, "%s", note->remote);
        log_row(job, PROTOLOG_CONNECT, "", 0, "");
        break;
    case LINK_FAILED:
        text_add(&t, "%s: ", note->address);
        text_add_error(&t, note->error);
        trace("%s: %s", job->host->name, words);
        log_row(job, PROTOLOG_INFORMATION, "", 0, words);
        break;
    case LINK_SECURED:
        text_add(&t, "%s, %s", note->security->tls,
                 note->security->unverified ? note->security->unverified : "certificate verified");
        trace("%s: %s", job->host->name, words);
        log_row(job, PROTOLOG_INFORMATION, "", 0, words);
        break;
    case LINK_TLS_FAILED:
        text_add(&t, "%s; once more without TLS", note->words);
        trace("%s: %s", job->host->name, words);
        log_row(job, PROTOLOG_INFORMATION, "", 0, words);
        break;
    }
}

static void on_closed(void *owner)
{
    session_over(owner);
}

static DWORD begin_session(struct job *job)
{
    static const struct link_sink sink = {.session = on_session, .note = on_note, .closed = on_closed};
    job->params.session.auth = job->credentials ? &job->credentials->auth : NULL;
    job->link = link_open(job->jobs->loop, &job->params, &sink, job);
    return job->link ? 0 : ERROR_NOT_ENOUGH_MEMORY;
}

/* ---- programs ---- */

static void settle_all(struct job *job, const struct result *result)
{
    for (size_t i = 0; i < job->node_count; i++)
        node_done(job, i, result);
}

/* How it ended, and the end of what it said on one line. */
static void describe_end(const struct job *job, const struct program_result *ended, struct text *t)
{
    enum { SHOWN = 150 }; /* octets */
    char line[PROGRAM_OUTPUT_LIMIT + 1];
    struct text said;
    text_begin(&said, line, sizeof line);
    text_add_folded(&said, ended->output, ended->length);
    if (said.length > 0 && line[said.length - 1] == ' ')
        line[--said.length] = '\0';
    size_t skipped = said.length > SHOWN ? said.length - SHOWN : 0;
    if (ended->error == WAIT_TIMEOUT)
        text_add(t, "ended after %d s", (int)(job->params.session_timeout_ms / 1000));
    else if (ended->error)
        text_add_error(t, ended->error);
    else
        text_add(t, "exit code %lu", ended->exit_code);
    text_add(t, "%s%s", said.length > 0 ? ": " : "", line + skipped);
}

static void program_ended(void *owner, const struct program_result *ended)
{
    struct job *job = owner;
    struct result result;
    char words[200];
    struct text t;
    text_begin(&t, words, sizeof words);
    describe_end(job, ended, &t);
    bool fine = !ended->error && ended->exit_code == 0;
    result_set(&result, fine ? OUTCOME_STARTED : OUTCOME_PROGRAM_FAILED, 0, words);
    job->program = NULL;
    settle_all(job, &result);
    keep_output(job, ended->output, ended->length);
    session_over(job);
}

static DWORD begin_program(struct job *job)
{
    DWORD error;
    const struct host_settings *host = job->host->settings;
    job->program = program_begin(job->jobs->loop, host->program ? host->program : "", job->nodes[0], job->address,
                                 job->params.session_timeout_ms, program_ended, job, &error);
    return error;
}

static void cancel_program(struct job *job)
{
    struct result result;
    program_cancel(job->program);
    job->program = NULL;
    result_set(&result, OUTCOME_CANCELLED, 0, NULL);
    settle_all(job, &result);
    session_over(job);
}

/* ---- preparations ---- */

/* The host is ready, or will not be. What it runs meanwhile is kept until the dequeue ends. */
static void prepared(void *owner, const struct result *failure)
{
    struct job *job = owner;
    struct jobs *jobs = job->jobs;
    struct planned_host *host = job->host;
    struct kept_errand *kept = malloc(sizeof *kept);
    struct result no_memory;
    if (!kept && !failure) {
        result_set(&no_memory, OUTCOME_LOCAL, 0, "not enough memory");
        failure = &no_memory;
    }
    if (kept) {
        *kept = (struct kept_errand){.next = jobs->kept, .host = host, .errand = job->errand};
        jobs->kept = kept;
    } else {
        errand_end(job->errand);
    }
    bool goes = !host->settings && host->sessions == 1;
    drop_job(job);
    if (goes)
        end_errand(jobs, host);
    host_is_done(jobs, host, planner_prepared(jobs->planner, host, failure, now()));
    jobs->ended(jobs->owner);
}

static DWORD begin_preparation(struct job *job)
{
    job->errand = errand_begin(job->jobs->loop, job->host->settings, prepared, job);
    return job->errand ? 0 : ERROR_NOT_ENOUGH_MEMORY;
}

static void cancel_preparation(struct job *job)
{
    struct result result;
    result_set(&result, OUTCOME_CANCELLED, 0, NULL);
    prepared(job, &result);
}

/* ---- beginning ---- */

static bool copy_nodes(struct job *job, const struct assignment *a)
{
    while (job->node_count < a->node_count) {
        char *copy = text_copy(a->host->nodes[a->nodes[job->node_count]].name);
        if (!copy)
            return false;
        job->nodes[job->node_count++] = copy;
    }
    return true;
}

/* The port that the method is known by, unless the host has another. */
static uint16_t port_for(const struct host_settings *host, uint16_t port)
{
    return host->method == METHOD_FINGER && port == SMTP_PORT ? FINGER_PORT : port;
}

static struct job *job_new(struct jobs *jobs, const struct assignment *a)
{
    const struct host_settings *host = a->host->settings;
    const struct service_settings *service = &jobs->config->service;
    struct job *job = calloc(1, sizeof *job + a->node_count * sizeof job->nodes[0]);
    char address[NODE_LIMIT + 1];
    uint16_t port;
    if (!job)
        return NULL;
    host_server(host, a->server, address, sizeof address, &port);
    job->jobs = jobs;
    job->session = protocol_session(jobs->log);
    job->host = a->host;
    job->address = text_copy(address);
    job->helo = text_copy(host->helo_name ? host->helo_name : "");
    job->fingerprint = text_copy(host->tls_fingerprint ? host->tls_fingerprint : "");
    if (!job->address || !job->helo || !job->fingerprint || !copy_nodes(job, a)) {
        job_free(job);
        return NULL;
    }
    job->params = (struct link_params){
        .address = job->address,
        .port = port_for(host, port),
        .tls_fingerprint = job->fingerprint,
        .session = {.helo = job->helo,
                    .nodes = (const char *const *)job->nodes,
                    .node_count = job->node_count,
                    .force_etrn = host->force_etrn,
                    .tls = (enum tls_mode)host->tls,
                    .method = (enum method)host->method},
        .connect_timeout_ms = (int64_t)service->connect_timeout_seconds * 1000,
        .reply_timeout_ms = (int64_t)service->timeout_seconds * 1000,
        .session_timeout_ms = (int64_t)service->session_timeout_seconds * 1000,
    };
    return job;
}

/* It could not be begun: its nodes learn it. */
static void refuse(struct jobs *jobs, const struct assignment *a, const struct result *result)
{
    for (size_t i = 0; i < a->node_count; i++)
        planner_node_done(jobs->planner, a->host, a->host->nodes[a->nodes[i]].name, result, now());
    if (a->node_count == 0)
        host_is_done(jobs, a->host, planner_prepared(jobs->planner, a->host, result, now()));
    else
        host_is_done(jobs, a->host, planner_session_done(jobs->planner, a->host, now()));
}

/* The same for trouble of this machine: they are asked again with backoff. */
static void refuse_with(struct jobs *jobs, const struct assignment *a, DWORD error)
{
    struct result result;
    char words[200];
    struct text t;
    bool program = a->node_count > 0 && a->host->settings->method == METHOD_PROGRAM;
    text_begin(&t, words, sizeof words);
    text_add(&t, "%s", program ? "it could not be started: " : "");
    text_add_error(&t, error);
    result_set(&result, program ? OUTCOME_PROGRAM_FAILED : OUTCOME_LOCAL, 0, words);
    refuse(jobs, a, &result);
}

/* What is asked, and why. */
static void tell_begin(struct job *job)
{
    char words[NODE_LIMIT + 100];
    struct text t;
    text_begin(&t, words, sizeof words);
    text_add(&t, "asking %s for %zu of its nodes (%s)", job->address, job->node_count,
             trigger_name(job->host->trigger));
    trace("%s: %s", job->host->name, words);
    if (job->link)
        log_row(job, PROTOLOG_INFORMATION, "", 0, words);
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
    if (!error && a->node_count == 0)
        error = begin_preparation(job);
    else if (!error)
        error = a->host->settings->method == METHOD_PROGRAM ? begin_program(job) : begin_session(job);
    if (error) {
        if (job)
            job_free(job);
        refuse_with(jobs, a, error);
        return;
    }
    add_job(jobs, job);
    if (a->node_count > 0)
        tell_begin(job);
}

/* ---- ending ---- */

static void finish(struct job *job, bool politely)
{
    if (job->errand)
        cancel_preparation(job);
    else if (job->program)
        cancel_program(job);
    else if (politely)
        link_finish(job->link);
    else
        link_abort(job->link);
}

/* A job's end frees it, but no other. */
void jobs_finish(struct jobs *jobs, bool all)
{
    struct job *next;
    for (struct job *job = jobs->first; job; job = next) {
        next = job->next;
        if (all || !job->host->usable)
            finish(job, true);
    }
}

void jobs_abort(struct jobs *jobs)
{
    struct job *next;
    for (struct job *job = jobs->first; job; job = next) {
        next = job->next;
        finish(job, false);
    }
}
