/* job: what the planner hands out, while it is under way: a session over a link, a program, or a host being made ready.
 * Its results go back to the planner; its edges become events. */
#ifndef ETRN_JOB_H
#define ETRN_JOB_H

#include "core/planner.h"
#include "errand.h"

struct job;

struct jobs {
    struct loop *loop;
    struct planner *planner;
    void (*changed)(void *owner); /* something in the planner that status.json shows */
    void (*ended)(void *owner);   /* a job has ended: others may begin */
    void *owner;
    struct job *first;
    struct protocol_log *log;
    struct errands errands;
};

/* Begins what planner_next() handed out. What cannot be begun is reported to the planner at once. */
void jobs_begin(struct jobs *jobs, const struct assignment *a);

/* Ends the jobs of hosts that are no longer to be asked, or all, politely, and reports dequeues that have ended without
 * a job. To be called after planner_configure() and planner_pause(). */
void jobs_finish(struct jobs *jobs, bool all);

/* Ends all now. */
void jobs_abort(struct jobs *jobs);

#endif
