/* program_job: a host that is asked by running a program (Method program), once for some nodes, which all get its
 * result. */
#ifndef ETRN_PROGRAM_JOB_H
#define ETRN_PROGRAM_JOB_H

#include "answers.h"
#include "win/loop.h"

/* All but `command` must stay until answers->ended. */
struct program_params {
    const char *command;      /* the registry's Program */
    const char *const *nodes; /* the first stands for {node} */
    size_t node_count;
    const char *address; /* for {host} */
    int64_t limit_ms;    /* the program is ended after that time */
};

struct program_job;

/* Starts the program. NULL and `*error`, a Win32 error, when it cannot be started; `ended` is then not called. */
struct program_job *program_job_begin(struct loop *loop, const struct program_params *params,
                                      const struct answers *answers, void *owner, DWORD *error);

/* Ends the program now: its nodes get OUTCOME_CANCELLED. */
void program_job_cancel(struct program_job *job);

#endif
