#include "program_job.h"

#include "win/program.h"

#include <stdlib.h>

struct program_job {
    struct program_params params;
    const struct answers *answers;
    void *owner;
    struct program *program;
};

static void settle(struct program_job *job, const struct result *result)
{
    for (size_t i = 0; i < job->params.node_count; i++)
        job->answers->node(job->owner, i, result);
}

static void end(struct program_job *job)
{
    const struct answers *answers = job->answers;
    void *owner = job->owner;
    free(job);
    answers->ended(owner);
}

/* Appends the end of the program's output, on one line. */
static void add_output_end(struct text *t, const struct program_result *ended)
{
    enum { SHOWN = 150 }; /* octets of output shown */
    TEXT_SCRATCH(line, PROGRAM_OUTPUT_LIMIT + 1);
    text_add_folded(&line, ended->output, ended->length);
    if (line.length > 0 && line.data[line.length - 1] == ' ')
        line.data[--line.length] = '\0';
    size_t skipped = line.length > SHOWN ? line.length - SHOWN : 0;
    text_add(t, "%s%s", line.length > 0 ? ": " : "", line.data + skipped);
}

static void describe(struct text *t, const struct program_job *job, const struct program_result *ended)
{
    if (ended->error == WAIT_TIMEOUT)
        text_add(t, "terminated after %d s", (int)(job->params.limit_ms / 1000));
    else if (ended->error)
        text_add_error(t, ended->error);
    else
        text_add(t, "exit code %lu", ended->exit_code);
    add_output_end(t, ended);
}

static void program_ended(void *owner, const struct program_result *ended)
{
    struct program_job *job = owner;
    bool succeeded = !ended->error && ended->exit_code == 0;
    struct result result;
    TEXT_SCRATCH(words, 200);
    describe(&words, job, ended);
    result_set(&result, succeeded ? OUTCOME_STARTED : OUTCOME_PROGRAM_FAILED, 0, words.data);
    settle(job, &result);
    job->answers->output(job->owner, ended->output, ended->length);
    end(job);
}

struct program_job *program_job_begin(struct loop *loop, const struct program_params *params,
                                      const struct answers *answers, void *owner, DWORD *error)
{
    struct program_job *job = malloc(sizeof *job);
    *error = ERROR_NOT_ENOUGH_MEMORY;
    if (!job)
        return NULL;
    *job = (struct program_job){.params = *params, .answers = answers, .owner = owner};
    job->program = program_begin(loop, params->command, params->nodes[0], params->address, params->limit_ms,
                                 program_ended, job, error);
    if (!job->program) {
        free(job);
        return NULL;
    }
    return job;
}

void program_job_cancel(struct program_job *job)
{
    struct result result;
    program_cancel(job->program);
    result_set(&result, OUTCOME_CANCELLED, 0, NULL);
    settle(job, &result);
    end(job);
}
